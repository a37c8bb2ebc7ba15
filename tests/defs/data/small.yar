// A rule for each kind of string and most kinds of condition.
import "kujo"
private rule helper { strings: $a = "helper" nocase condition: $a }
rule eicar_like { strings: $e = { 58 35 4F 21 50 25 40 41 50 } condition: $e at 0 and filesize < 200 }
rule texts
{
    strings:
        $wide = "Wide Text" wide ascii nocase fullword
        $xor = "xored secret" xor(1-255)
        $b64 = "based on sixty-four" base64
    condition: 2 of them or (#wide > 1 and @wide[1] < @wide[2])
}
rule jumps
{
    strings:
        $gap = { 41 42 43 [2-300] 44 45 46 }
        $alt = { 30 31 ( 32 | 33 34 ) ?? 35 }
        $open = { 61 62 63 64 [-] 65 66 67 68 }
    condition: any of them
}
rule regexes
{
    strings:
        $url = /https?:\/\/[a-z0-9.]{3,40}\/index\.html/ nocase
        $line = /^key=\w+;$/
        $poor = /[a-z]+\d/
    condition: $url or $line or #poor > 3
}
rule loops
{
    strings: $a = "loop"
    condition:
        for any i in (1..#a) : (@a[i] > 10 and uint16(@a[i]) == 0x6f6c) or
        for all j in (0, 1, 2) : (uint8(j) == 0x4d + j)
}
rule facts { condition: helper and kujo.name matches /\.(exe|scr)$/i and kujo.depth >= 0 }
rule externals { condition: filename contains "evil" or filename istartswith "BAD" }
