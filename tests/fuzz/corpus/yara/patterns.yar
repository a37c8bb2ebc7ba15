rule patterns : one two {
  meta: author = "a\tb" number = -3 flag = true
  strings:
    $a = "te\x41xt\n" wide ascii nocase fullword private
    $b = "key" xor(0x01-255)
    $c = "abc" base64("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") base64wide
    $d = { 61 ?? 6? ?2 ~63 [2-3] [4] (64 65 | 66 (67|68)) [-] 69 } // hex
    $e = /^a.*(b|c|)[^\x00-\x1f\]]{2,3}\w\b$/is wide
    $ = "anonymous"
    $_unused = "unused"
  condition: 3 of them
}
