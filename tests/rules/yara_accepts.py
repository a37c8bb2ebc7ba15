#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compiles small rules with yara and with our front end; both must accept or refuse each.

Where yara 4.2 differs from 4.5, whose language we follow, or where we take what YARA-X adds, the
table DIFFERENT says so. Exits with 77 where there is no yara.

Usage: yara_accepts.py YARA_CHECK
"""
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

NEW = "accepted since yara 4.3"
STRICT = "refused since yara 4.3"
X = "an addition of YARA-X"
OURS = "yara overlooks the mistake"

# Conditions of a rule with the strings $a, $b1, $b2 and $_.
CONDITIONS = """
true | false | not true | $a | $a and $b1 | $a or not $b1 | not not $a | (($a))
$a at 0 | $a at filesize - 1 | $a at -1 | $a in (0..10) | $a in (10..0) | $a in (0..filesize)
$a at $b1 | $a at "x" | $a at 1.5 | $a in (1.5..2) | $a in ("a".."b") | $a in 1..2 | $a at | at 0
#a > 1 | #a | # > 1 | #a in (0..10) > 1 | @a > 1 | @a[1] > 1 | @a[0] > 1 | @a[-1] > 1 | @a[1.5] > 1
!a > 1 | !a[2] > 1 | !a[#a] > 1 | ! > 1 | @a[1 > 1 | #zz > 1 | $zz | @zz[1] == 1
filesize | filesize > 10KB | filesize > 10MB | filesize < 1.5 | filesize > 10GB | entrypoint == 1
uint8(0) == 1 | uint16(0) == 1 | uint32(0) == 1 | int8(0) == 1 | int16(0) == 1 | int32(0) == 1
uint16be(0) == 1 | uint32be(0) == 1 | int16be(0) == 1 | int32be(0) == 1 | uint8be(0) == 1
uint64(0) == 1 | uint16("a") == 1 | uint16() == 1 | uint16 == 1 | uint16(0, 1) == 1 | uint8(1.5) == 1
1 + 2 == 3 | 1 - 2 == -1 | 2 * 3 == 6 | 7 \\ 2 == 3 | 7 % 2 == 1 | 1 / 2 == 0
1 | 0 | "" | "a" | 1.5 | -1 | ~1 | - 1 == -1 | --1 == 1 | ~~1 == 1 | -~1 == 2
1 \\ 0 == 1 | 1 % 0 == 1 | 1.0 \\ 0 == 1 | 1.5 % 2 == 1 | 1 << 2 == 4 | 1 << -1 == 0 | 1 << 64 == 0
1 >> 65 == 0 | 1 & 2 == 0 | 1 ^ 2 == 3 | 1.5 & 1 == 1 | 1.5 << 1 == 3 | "a" + "b" == "ab"
9223372036854775807 + 1 == 0 | -9223372036854775807 - 2 == 0 | 4611686018427387904 * 2 == 0
9223372036854775807 == 1 | 9223372036854775808 == 1 | 0x7fffffffffffffff == 1 | 0xffffffffffffffff == 1
0o17 == 15 | 0o8 == 1 | 0x == 1 | 08 == 8 | 1KB == 1024 | 1kb == 1024 | 9007199254740993KB == 1
1 == 1.0 | 1 == "a" | "a" == "a" | "a" < "b" | "a" != 1.5 | 1 < 2 < 3 | 1 == 2 == 3 | (1 == 2) == 3
$a == 1 | $a + 1 == 2 | true == true | 1 == true | true + 1 == 2 | not 1 | not "a" | -"a" == 1 | ~1.5 == 1
-$a == 1 | 1 and 2 | "a" or 1.5 | 1 or | or 1 | (1 | 1) | () | 1 2 | $a $b1
"a" contains "b" | "a" icontains "b" | "a" startswith "b" | "a" istartswith "b" | "a" endswith "b"
"a" iendswith "b" | "a" iequals "b" | "a" contains 1 | 1 contains "a" | "a" contains /a/
"a" matches /a/ | "a" matches /a/is | "a" matches /a/si | "a" matches "a" | 1 matches /a/ | /a/ matches /a/
/a/ | /a/ == "a" | "a" matches /a**/ | "a" matches /a*b*?/ | "\\x41" == "A" | "\\q" == "q" | "\\x4" == "a"
any of them | all of them | none of them | 1 of them | 0 of them | -1 of them | 1.5 of them | "a" of them
#a of them | (1 + 1) of them | 100 of them | filesize of them | any of ($a) | any of ($a, $b1)
any of ($a*) | any of ($b*) | any of ($*) | any of ($zz*) | any of ($zz) | any of () | any of $a
any of ($a $b1) | any of them in (0..1) | any of ($b*) in (0..filesize) | all of them in (1..2)
50% of them | 0% of them | 101% of them | 100% of ($b*) | -1% of them | 1.5% of them | (#a)% of them
filesize % 2 == 1 | 5 % of them | any of (r) | any of (early) | any of (early, early2) | all of (early*)
any of (zz) | any of (zz*) | 1 of (early, $a) | early | not early | early and r | early == 1 | early + 1 == 1
for any of them : ($) | for all of them : ($ at 0) | for 2 of ($b*) : (# > 1) | for none of them : ($)
for any of them : (@ > 1 and ! > 1) | for any of them : (@[1] > ![2]) | for any of them : ($a)
for any of them : (for any of them : ($)) | for any of them : for any of them : ($) | $ | $ at 0
for any of them ($) | for any of them : $ | for any of them : () | for any of (early) : ($)
for any i in (0..1) : (i == 1) | for all i in (1, 2, 3) : (i) | for 2 i in (1) : (i > 0) | for any i in () : (i)
for any i in (0..1) : (j) | for any i in (0..1) : (for any i in (0..1) : (i)) | for any i in 0..1 : (i)
for any i in (0..1) : (for any j in (i..2) : (i == j)) | for any i in (0..#a) : (@a[i] == 0)
for any i in (1, 1.5) : (i) | for any i in (1, "a") : (true) | for any i in ("a".."b") : (true)
for any i, j in (0..1) : (i) | for any i in (1.5..2) : (i) | for any i in (0..1) : (i.x) | i == 0
for any i in filesize : (i) | for any i in (0..1) : (i == 0) and i == 1 | for any filesize in (0..1) : (true)
for all i in (0..1) : (for all j in (0..1) : (for all k in (0..1) : (for all l in (0..1) : (i+j+k+l == 1))))
defined $a | defined filesize | not defined uint8(0) | defined 1 == 1 | defined | defined (uint8(0) == 1)
filename | filename == "a" | filename matches /a/i | filename contains "a" | filename > 1 | filename.x | filename[0]
unknown | pe.x == 1 | them | all | any | any of | of them | for | 1 of 2 of them | not of them
any of them and $a | any of them == 1 | not any of them | all of them or none of them | (any of them)
# | @a[@b1[1]] > 1 | 1 of them and 2 of them | 1 + 1 of them | $a and ($b1 or ($b2 and $_))
""".replace("\n", " | ")

STRINGS = r'''
"a" ## "ab" wide ## "ab" ascii ## "ab" nocase ## "ab" fullword ## "ab" private ## "ab" xor ## "ab" base64
"abc" base64 ## "abc" base64wide ## "abc" base64 base64wide ## "abc" base64 wide ## "abc" base64 ascii
"abc" wide ascii nocase fullword private ## "abc" wide wide ## "abc" nocase nocase ## "abc" xor xor
"abc" xor nocase ## "abc" xor fullword ## "abc" xor wide ascii ## "abc" base64 nocase ## "abc" base64 xor
"abc" base64 fullword ## "abc" base64wide nocase ## "abc" xor(1) ## "abc" xor(1-2) ## "abc" xor(2-1)
"abc" xor(256) ## "abc" xor(0-255) ## "abc" xor(0x01-0xff) ## "abc" xor() ## "abc" xor(-1) ## "abc" xor(1-)
"abc" base64("x") ## "abc" base64("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
"abc" wide(1) ## "abc" unknown ## "" ## "\t\r\n\"\\\x00\xff" ## "\a" ## "\x1" ## "\'" ## "a" "b" ## abc ## 'abc'
{ 61 } ## { 61 62 } ## {6162} ## { 61 6 } ## { 6 } ## { } ## { ?? } ## { 6? ?1 } ## { ? } ## { 61 ?? 62 } ## { 61 zz }
{ ?? ?? ?? ?? } ## { 61 [2] 62 } ## { 61 [2-3] 62 } ## { 61 [2-] 62 } ## { 61 [-] 62 } ## { 61 [-3] 62 }
{ 61 [3-2] 62 } ## { [2] 61 } ## { 61 [2] } ## { 61 [] 62 } ## { 61 [0] 62 } ## { 61 [0-1] 62 } ## { 61 [1][2] 62 }
{ 61 [1] [2-3] 62 } ## { 61 [ 1 - 2 ] 62 } ## { 61 [a] 62 } ## { 61 [1 62 } ## { 61 [0x1-0x2] 62 }
{ 61 [300] 62 } ## { 61 [1-300] 62 } ## { 61 [99999999999] 62 } ## { 61 (62|63) 64 } ## { 61 (62|63 64|65) 66 }
{ 61 (62|(63|64) 65) 66 } ## { (61|62) } ## { (61) } ## { 61 () 62 } ## { 61 (|62) 63 } ## { 61 (62|) 63 }
{ 61 (62 [1-2] 63|64) 65 } ## { 61 (62 [-] 63|64) 65 } ## { 61 (62 [1-] 63|64) 65 } ## { 61 (62 [201] 63|64) 65 }
{ 61 (62 [200] 63|64) 65 } ## { 61 ([1] 62|63) 64 } ## { 61 (62 [1]|63) 64 } ## { 61 (62 63 } ## { 61 62) }
{ 61 ~62 63 } ## { 61 ~?2 63 } ## { 61 ~?? 63 } ## { 61 ~ 63 } ## { 61 /* x */ 62 } ## { 61 // x
62 } ## { 61 | 62 } ## { 61 62 } wide ## { 61 62 } private ## { 61 62 } nocase ## { 61 62 } private private
/abc/ ## /abc/i ## /abc/s ## /abc/is ## /abc/si ## /abc/ nocase ## /abc/ wide ascii fullword private ## /abc/ xor
/abc/ base64 ## /abc/i nocase ## /a.c/ ## /a*/ ## /a+b/ ## /a?b/ ## /ab*?c/ ## /ab+?c/ ## /ab??c/ ## /a**/ ## /a+*/ ## /a???/
/a{2}/ ## /a{2,3}/ ## /a{2,}/ ## /a{,3}/ ## /a{,}/ ## /a{3,2}/ ## /a{32768}/ ## /a{1,32768}/ ## /a{32767}/ ## /a{2}?b/ ## /a{2}{3}/
/a{/ ## /a{x}/ ## /a{1/ ## /a{ 1}/ ## /a{1, 2}/ ## /a{1 ,2}/ ## /{1}/ ## /{a/ ## /a}/ ## /a]/ ## /*a/ ## /+a/ ## /?a/ ## /a{0}b/ ## /a{0,0}b/
/(ab)+c/ ## /(a|b)c/ ## /(a|)b/ ## /(|a)b/ ## /()b/ ## /a||b/ ## /a|/ ## /|a/ ## /(ab/ ## /ab)/ ## /(?:ab)/ ## /(?i)ab/ ## /((((ab))))/
/[abc]/ ## /[^abc]/ ## /[a-c]/ ## /[c-a]/ ## /[]a]/ ## /[^]a]/ ## /[a/ ## /[]/ ## /[^]/ ## /[a\]b]/ ## /[\w\d\s]/ ## /[\W\D\S]/ ## /[\w-z]/ ## /[\w-.]/
/[a-\x7a]/ ## /[\x61-z]/ ## /[\x61-\x7a]/ ## /[a-]/ ## /[-a]/ ## /[.*+?]/ ## /[\n\t]/ ## /[\xzz]/ ## /[a-b-c]/ ## /[\--a]/ ## /[\.-a]/
/\w\W\s\S\d\D/ ## /\bab\b/ ## /\Bab/ ## /\b*a/ ## /^ab/ ## /ab$/ ## /a^b/ ## /a$b/ ## /^*a/ ## /$*a/ ## /^^a/ ## /(^a|b)/ ## /(a$|b)/ ## /\x61\x00/
/\x6/ ## /\xzz/ ## /a\/b/ ## /a\.b/ ## /a\kb/ ## /a\1b/ ## /\n\t\r\f\a/ ## /a\\b/ ## /a*b*?/ ## /a+b??/ ## /a{2}b*?/ ## /a{1,2}?b+/ ## /é/ ## //
/.*/ ## /.*?/ ## /a*/ ## /(a*)*/ ## /(a|b)*c/ ## /(a+)+b/ ## /[^\x00-\xff]/ ## /a
b/
'''.replace(" ## ", "\n")

FILES = [
    "", "// only a comment", "/* only a comment */", "/* open",
    "rule a { condition: true }", "rule a{condition:true}", "rule a { }", "rule a", "rule", "rule { condition: true }",
    "rule a { condition: true } rule a { condition: true }", "rule a { condition: true", "rule a { condition: }",
    "rule 1a { condition: true }", "rule a1_B { condition: true }", "rule for { condition: true }",
    "rule a-b { condition: true }", "rule a b { condition: true }", "rul a { condition: true }",
    "private rule a { condition: true }", "global rule a { condition: true }",
    "private global rule a { condition: true }", "global private rule a { condition: true }",
    "private private rule a { condition: true }", "public rule a { condition: true }",
    "rule a : t { condition: true }", "rule a : t u { condition: true }", "rule a : t t { condition: true }",
    "rule a : { condition: true }", "rule a : t, u { condition: true }", "rule a : rule { condition: true }",
    'rule a { meta: x = "a" condition: true }', "rule a { meta: x = 1 condition: true }",
    "rule a { meta: x = -1 condition: true }", "rule a { meta: x = true condition: true }",
    "rule a { meta: x = 1.5 condition: true }", "rule a { meta: x = y condition: true }",
    "rule a { meta: condition: true }", "rule a { meta: x condition: true }",
    'rule a { meta: x = "a" x = "b" condition: true }', 'rule a { meta: x = "\\q" condition: true }',
    'rule a { meta: for = "a" condition: true }', 'rule a { meta: x = 1KB condition: true }',
    'rule a { meta x = "a" condition: true }', 'rule a { meta: x = "a", y = "b" condition: true }',
    "rule a { strings: condition: true }", 'rule a { strings: $a = "a" condition: true }',
    'rule a { strings: $_a = "a" condition: true }', 'rule a { strings: $a = "a" $a = "b" condition: all of them }',
    'rule a { strings: $ = "a" $ = "b" condition: all of them }', 'rule a { strings: $ = "a" condition: true }',
    'rule a { strings: a = "a" condition: a }', 'rule a { strings: $a "a" condition: $a }',
    'rule a { strings: $a = condition: $a }', 'rule a { strings: $1 = "a" condition: $1 }',
    'rule a { strings $a = "a" condition: $a }', 'rule a { strings: $a* = "a" condition: $a }',
    'rule a { condition: true strings: $a = "a" }', 'rule a { strings: $a = "a" meta: x = 1 condition: $a }',
    'rule a { strings: $a = "a" condition: $a condition: $a }', "rule a { condition true }",
    'rule a { strings: $a = "a" $b = "b" condition: $a and $b } rule b { condition: $a }',
    'rule a { strings: $a = "a',
    "rule a { condition: true } rule b { condition: a }", "rule b { condition: a } rule a { condition: true }",
    "rule a { condition: a }", "rule aa { condition: true } rule b { condition: any of (a*) }",
    "rule aa { condition: true } rule b { condition: any of (a*) } rule ab { condition: true }",
    "rule filename { condition: true }", 'import "nosuchmodule" rule a { condition: true }', "import rule a { condition: true }",
    'import "pe', "include rule a { condition: true }", 'include "no such file" rule a { condition: true }',
    'rule a { condition: true } ; rule b { condition: true }', "rule a { condition: true }}", "{ }", "\xe9",
    'rule a { condition: "caf\u00e9" == "" }', "rule caf\u00e9 { condition: true }",
    "rule " + "a" * 128 + " { condition: true }", "rule " + "a" * 129 + " { condition: true }",
    "rule a { condition: " + "(" * 20 + "true" + ")" * 20 + " }",
    "rule a { condition: " + "not " * 20 + "true }",
]

DIFFERENT = {
    "@a[1.5] > 1": OURS,
    "$a in (10..0)": STRICT,
    "/a{0}b/": NEW,
    "/a{0,0}b/": NEW,
    "1 == true": X,
    "/a/": OURS,
    "-1 of them": STRICT,
    "1.5 of them": STRICT,
    '"a" of them': STRICT,
    "1 of (early, $a)": X,
    "{ 61 [0x1-0x2] 62 }": X,
    "{ 61 [99999999999] 62 }": OURS,
    "{ 61 ~62 63 }": NEW,
    "{ 61 ~?2 63 }": NEW,
    "/* open": OURS,
    'rule a { strings: $_a = "a" condition: true }': NEW,
}


def cases():
    for text in CONDITIONS.split(" | "):
        text = text.strip()
        if text:
            yield text, (
                "rule early { condition: true } rule early2 { condition: true } rule r { strings: "
                '$a = "aa" $b1 = "bb" $b2 = "bc" $_ = "d" condition: (%s) or (all of them and $_) }' % text)
    for text in STRINGS.strip().split("\n"):
        if text.strip() and not text.startswith("62 }") and text not in ("b/", "{ 61 // x", "/a"):
            yield text, "rule r { strings: $a = %s condition: $a }" % text
    yield "two lines of hex", "rule r { strings: $a = { 61 // x\n62 } condition: $a }"
    yield "two lines of regex", "rule r { strings: $a = /a\nb/ condition: $a }"
    for text in FILES:
        yield text, text


EXTERNALS = [arg for name in ("filename", "filepath", "filetype", "extension", "owner") for arg in ("-d", name + "=")]


def yara_accepts(*paths):
    """Whether yara takes all of these files, each in a namespace of its own."""
    files = ["n%d:%s" % (number, path) for number, path in enumerate(paths)]
    run = subprocess.run(["yara", "-w", *EXTERNALS, *files, "/dev/null"], capture_output=True, timeout=300)
    return run.returncode == 0


def yara_verdicts(likely, others):
    """Starting yara is what takes the time: those that it will most likely accept share one run."""
    verdicts = {}
    if yara_accepts(*likely):
        verdicts = {path: True for path in likely}
    else:
        others = likely + others
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        verdicts.update(zip(others, pool.map(yara_accepts, others)))
    return verdicts


def we_accept(program, paths):
    run = subprocess.run([program, "-q", *paths], capture_output=True, timeout=300, check=True)
    verdicts = {}
    for line in run.stdout.decode(errors="replace").splitlines():
        path, _, verdict = line.partition(": ")
        if path in paths and verdict.split(" ")[0] in ("OK", "FAIL"):
            verdicts[path] = verdict.startswith("OK")
    return verdicts


def main():
    if not shutil.which("yara"):
        print("no yara to compare with")
        return 77
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        paths, labels = [], {}
        for number, (label, text) in enumerate(cases()):
            path = os.path.join(folder, "%04d.yar" % number)
            pathlib.Path(path).write_text(text, encoding="utf-8")
            paths.append(path)
            labels[path] = label
        ours = we_accept(sys.argv[1], paths)
        likely = [path for path in paths if ours[path] and labels[path] not in DIFFERENT]
        verdicts = yara_verdicts(likely, [path for path in paths if path not in likely])
        for path in paths:
            label, theirs = labels[path], verdicts[path]
            reason = DIFFERENT.get(label)
            if (ours[path] == theirs) == bool(reason):
                failures += 1
                print("%s: yara %s, kujo %s%s" % (
                    label, "accepts" if theirs else "refuses", "accepts" if ours[path] else "refuses",
                    ", though listed as different" if reason else ""))
    print("%d cases, %d failures" % (len(paths), failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
