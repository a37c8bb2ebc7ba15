#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What YARA's semantics make easy to get wrong, a table for each point: rules, the object, and what
the rule must say. Debian's yara 4.2 is asked as well and must agree, except where a case names
another source: a section of YARA's manual, or the release of YARA that changed it. Prints TAP.
"""
import collections
import os
import re
import shutil
import subprocess
import sys
import tempfile

KUJO = os.environ["KUJO"]

ORACLE = "yara 4.2"
SETS = "manual, Sets of strings: 0 of, none of"
EMPTY = "release notes of 4.5: matches of length 0 are reported"
NOT = "manual, Undefined values; release notes of 4.3: `not` of undefined"
REPEAT = "release notes of 4.3: x{0}"
WIDE_WORD = "release notes of 4.3: wide \\b"
LISTS = "manual, Iterators: lists of strings"
HEX_NOT = "manual, Hexadecimal strings: ~"
AT = "manual, Sets of strings: of ... at"
UNUSED = "manual, Strings: $_"
MANY = "manual, Configuration: 10,000 strings a rule"
X = "an addition of YARA-X"
PLACES = "release notes of 4.3: undefined offsets of `at` and `in`"
UNLIMITED = "kujo: operands are short enough to be read whole"
CRASH = "release notes of 4.3: the smallest integer by -1 is undefined"

BASE = b"abc xyz abc XyZ"
WIDE = "a\0b\0c\0".encode()

# (strings, condition, object, expected[, source])
POINTS = collections.OrderedDict()

POINTS["1 overlapping matches all count, one a string and offset"] = [
    ('$a = "aa"', "#a == 4", b"aaaaa", True),
    ('$a = "aa"', "@a[1] == 0 and @a[4] == 3 and not defined @a[5]", b"aaaaa", True),
    ("$a = /a+/", "#a == 3 and !a[1] == 3 and !a[2] == 2 and !a[3] == 1", b"aaab", True),
    ("$a = /a+?/", "#a == 3 and !a[1] == 1", b"aaab", True),
    ("$a = { 61 [0-2] 61 }", "#a == 3 and !a[1] == 2", b"aaaa", True),
    ('$a = "a" nocase', "#a == 2", b"aA", True),
    ('$a = "a" wide ascii', "#a == 1", b"a\0", True),
    ('$a = "ssi" $b = "issi"', "#a == 2 and #b == 2", b"mississippi", True),
]

POINTS["2 greedy: the longest match; not greedy: the shortest; alternatives have no order"] = [
    ("$a = /(ab|abcd)/", "!a == 2", b"abcd", True),
    ("$a = /(abcd|ab)/", "!a == 2", b"abcd", True),
    ("$a = /(ab|abcd)x?/", "!a == 5", b"abcdx", True),
    ("$a = /(ab|abcd)x??/", "!a == 2", b"abcdx", True),
    ("$a = /ab{1,3}/", "!a == 4", b"abbbbb", True),
    ("$a = /ab{1,3}?/", "!a == 2", b"abbbbb", True),
    ("$a = /ab{2}/", "!a == 3", b"abbbbb", True),
    ("$a = /a(b|.)*/", "!a == 4", b"abab", True),
    ("$a = /abcx{0}/", "!a == 3", b"abcx", True, REPEAT),
    ("$a = /abcx{0,0}y?/", "!a == 3", b"abcx", True, REPEAT),
]

POINTS["3 jumps take the fewest bytes; a chain pairs each head with the first tail in reach"] = [
    ("$a = { 61 [1-3] 62 }", "#a == 2 and !a[1] == 5 and !a[2] == 4", b"aaxxbb", True),
    ("$a = { 61 [-] 62 }", "!a == 4", b"axxbxxb", True),
    ("$a = { 61 62 [300-] 63 64 }", "!a == 304", b"ab" + b"." * 300 + b"cdcd", True),
    ("$a = { 61 62 [0-300] 63 64 }", "!a == 104", b"ab" + b"." * 100 + b"cd" + b"." * 9 + b"cd", True),
    ("$a = { 61 62 [0-300] 63 64 }", "$a", b"ab" + b"." * 301 + b"cd", False),
    ("$a = { 61 62 [250-300] 63 64 }", "#a == 2", b"abab" + b"." * 270 + b"cd", True),
    ("$a = { 61 [2] (62 | 63) 64 }", "!a == 5", b"axxcd", True),
    ("$a = { 61 ~62 63 }", "#a == 1", b"abc axc", True, HEX_NOT),
    ("$a = { 61 ~?2 63 }", "#a == 1 and @a == 4", b"abc axc", True, HEX_NOT),
    ("$a = { 61 ~6? 63 }", "#a == 1 and @a == 4", b"abc axc", True, HEX_NOT),
]

POINTS["4 an operand of `matches` has no limit"] = [
    ("", '"%s" matches /^a+$/' % ("a" * 4000), BASE, True),
    ("", '"%sb" matches /^ab?a{3999}b$/' % ("a" * 4000), BASE, True),
    ("", '"%s" matches /^a+$/' % ("a" * 8000), BASE, True, UNLIMITED),
    ("", '"%s" matches /b/' % ("a" * 8000), BASE, False),
    ("$a = /ab{,9}c/", "$a", b"a" + b"b" * 9 + b"c", True),
    ("$a = /ab{,9}c/", "$a", b"a" + b"b" * 10 + b"c", False),
]

POINTS["5 `!` is the true length"] = [
    ("$a = /a{600}/", "!a == 600", b"a" * 600, True),
    ("$a = { 61 [1000] 62 }", "!a == 1002", b"a" + b"x" * 1000 + b"b", True),
    ('$a = "%s"' % ("0123456789" * 80), "!a == 800 and @a == 1", b"." + b"0123456789" * 80, True),
]

POINTS["6 fullword: letters and digits are words, _ is not; each form has its own test"] = [
    ('$a = "abc" fullword', "$a", b"abc", True),
    ('$a = "abc" fullword', "$a", b"_abc_", True),
    ('$a = "abc" fullword', "$a", b"xabc", False),
    ('$a = "abc" fullword', "$a", b"abc1", False),
    ('$a = "abc" fullword', "$a", b"\xe9abc\xe9", True),
    ('$a = "abc" wide fullword', "$a", WIDE, True),
    ('$a = "abc" wide fullword', "$a", b"x\0" + WIDE, False),
    ('$a = "abc" wide fullword', "$a", WIDE + b"x\0", False),
    ('$a = "abc" wide fullword', "$a", b"x\1" + WIDE + b"x\1", True),
    ('$a = "abc" wide fullword', "$a", b"x" + WIDE + b"x", True),
    ('$a = "abc" ascii wide fullword', "$a", b"a\0abc", True),
    ('$a = "abc" ascii wide fullword', "$a", b"abcx", False),
    ("$a = /ab[c-e]/ fullword", "#a == 1 and @a == 4", b"abcxabd", False),
    ("$a = /ab[c-e]/ fullword", "#a == 1 and @a == 5", b"abcx abd", True),
    ("$a = /\\babc\\b/", "$a", b"_abc_", False),
    ("$a = /\\babc\\b/", "$a", b".abc.", True),
    ("$a = /\\babc/ wide", "$a", b"\t" + WIDE, True, WIDE_WORD),
    ("$a = /\\babc/ wide", "$a", b"x\0" + WIDE, False, WIDE_WORD),
    ("$a = /abc\\b/ wide", "$a", WIDE + b"x\0", False, WIDE_WORD),
    ("$a = /abc\\b/ wide", "$a", WIDE + b"x\t", True, WIDE_WORD),
]

POINTS["7 xor begins with key 0; zeros of wide are keyed, fullword looks at what is there"] = [
    ('$a = "abc" xor', "#a == 2", b"abc `cb", True),
    ('$a = "abc" xor(1-255)', "#a == 1 and @a == 4", b"abc `cb", True),
    ('$a = "abc" xor(1)', "#a == 1", b"abc `cb", True),
    ('$a = "abc" xor(2)', "$a", b"abc `cb", False),
    ('$a = "abc" xor wide', "$a", bytes(b ^ 7 for b in WIDE), True),
    ('$a = "abc" xor wide', "$a", b"abc", False),
    ('$a = "abc" xor ascii wide', "#a == 2", b"`cb." + bytes(b ^ 7 for b in WIDE), True),
    ('$a = "abc" xor(1) fullword', "$a", b"{`cb}", True),
    ('$a = "abc" xor(1) fullword', "$a", b"z`cb}", False),
]

POINTS["8 base64: three alignments, what depends on the neighbours is cut off"] = [
    ('$a = "foobar" base64', "!a == 8", b"Zm9vYmFy", True),
    ('$a = "foobar" base64', "!a == 7 and @a == 2", b"eGZvb2Jhcg", True),
    ('$a = "foobar" base64', "!a == 7 and @a == 3", b"eHhmb29iYXI", True),
    ('$a = "foobar" base64', "$a", b"foobar", False),
    ('$a = "foobar" base64 ascii', "$a", b"foobar", False),
    ('$a = "Dhis program cannow" base64', "$a", b"QVRoaXMgcHJvZ3JhbSBjYW5ub3Q", True),
    ('$a = "foobar" base64wide', "$a", b"Z\0m\x009\0v\0Y\0m\0F\0y\0", True),
    ('$a = "foobar" base64 wide', "$a", b"ZgBvAG8AYgBhAHIA", True),
    ('$a = "foobar" base64 wide', "$a", b"Zm9vYmFy", False),
    ('$a = "foobar" base64 wide ascii', "#a == 2", b"Zm9vYmFy ZgBvAG8AYgBhAHIA", True),
    ('$a = "foobar" base64("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")',
     "$a", b"Xk7tWkDw", True),
]

POINTS["9 undefined spreads, and is false for `and`, `or` and the rule"] = [
    ("", "not uint8(filesize) == 1", BASE, False, NOT),
    ("", "not uint8(filesize)", BASE, False, NOT),
    ("", "not (uint8(filesize) == 1 and true)", BASE, True),
    ("", "uint8(filesize) == 1 or true", BASE, True),
    ("", "true or uint8(filesize) == 1", BASE, True),
    ("", "defined uint8(filesize) or not defined uint32(filesize - 3)", BASE, True),
    ("", "not defined (uint8(filesize) + 1) and not defined -uint8(filesize)", BASE, True),
    ("", "not defined (uint8(filesize) == 1) and defined (uint8(filesize) == 1 or false)", BASE, True),
    ("", "not defined (1 \\ (filesize - 15)) and not defined (1 % (filesize - 15))", BASE, True),
    ("", "not defined ((filesize - 16 - 0x7FFFFFFFFFFFFFFF) \\ -1)", BASE, True, CRASH),
    ("", "not defined ((filesize - 16 - 0x7FFFFFFFFFFFFFFF) % -1)", BASE, True, CRASH),
    ("", "not defined (1 << (14 - filesize)) and not defined (1 >> (14 - filesize))", BASE, True),
    ("", "1 << filesize - 15 + 64 == 0 and -1 >> filesize - 15 + 64 == 0", BASE, True),
    ("", "1 << filesize - 15 + 63 < 0 and -1 >> filesize - 15 + 63 == -1", BASE, True),
    ("", "0x7FFFFFFFFFFFFFFF + filesize < 0 and -0x7FFFFFFFFFFFFFFF - filesize > 0", BASE, True),
    ("", "filesize * 0x4000000000000000 == -0x4000000000000000", BASE, True),
    ("", "not defined uint8(-1) and not defined uint8(0x7FFFFFFFFFFFFFFF)", BASE, True),
    ('$a = "abc"', "not defined @a[0] and not defined @a[3] and not defined !a[-1]", BASE, True),
    ('$a = "abc"', "not defined ($a at uint8(filesize)) and not defined ($a in (0..@a[9]))", BASE, True,
     PLACES),
    ('$a = "abc"', "not defined (any of them in (0..uint8(filesize)))", BASE, True),
    ('$a = "abc"', "not any of them at uint8(filesize)", BASE, False, PLACES),
    ('$a = "abc"', "not all of them in (0..uint8(filesize))", BASE, False),
    ('$a = "abc"', "not defined (uint8(filesize))% of them", BASE, True),
    ('$a = "abc"', "any of ($a at uint8(filesize), filesize > 1)", BASE, True, X),
    ("", "defined (for any i in (0..1) : (uint8(filesize) == i))", BASE, True),
    ('$a = "abc"', "any of them in (0..uint8(filesize))", BASE, False),
    ('$a = "abc"', "uint8(filesize) of them", BASE, True),
    ('$a = "abc" $b = "nope"', "uint8(filesize) of them", BASE, False),
    ("", "for uint8(filesize) i in (0..3) : (i < 4)", BASE, True),
    ("", "for uint8(filesize) i in (0..3) : (i < 3)", BASE, False),
    ('$a = "abc"', "(uint8(filesize))% of them", BASE, False),
]

POINTS["10 a loop over nothing is false"] = [
    ("", "for all i in (filesize..0) : (true)", BASE, False),
    ("", "for any i in (filesize..0) : (true)", BASE, False),
    ("", "for all i in (0..uint8(filesize)) : (true)", BASE, False),
    ("", "for any i in (uint8(filesize)..9) : (true)", BASE, False),
    ('$a = "none"', "for all i in (1..#a) : (@a[i] > 0)", BASE, False),
    ("", "for all i in (3..3) : (i == 3)", BASE, True),
    ("", "for all i in (1, 2, 3) : (i < 4) and for 2 i in (1, 2, 3) : (i > 1)", BASE, True),
    ("", "for any i in (uint8(filesize), 0, 1) : (i == 1)", BASE, True),
    ("", 'for 2 s in ("ab", "abc", "xyz") : (s contains "ab")', BASE, True, LISTS),
    ("", 'for all s in ("ab", "xyz") : (s contains "ab")', BASE, False, LISTS),
    ("", "for 50% i in (0..9) : (i < 5) and not for 50% i in (0..9) : (i < 4)", BASE, True, X),
    ("", "for all x in (1.5, 2.5) : (x > 1.0)", BASE, True, X),
]

POINTS["11 0 is none; a percentage is rounded up"] = [
    ('$a = "abc" $b = "nope"', "0 of them", BASE, False, SETS),
    ('$b = "nope"', "0 of them", BASE, True),
    ('$a = "abc" $b = "nope"', "none of them", BASE, False, SETS),
    ('$a = "abc" $b = "nope"', "none of them in (1..7)", BASE, True),
    ('$a = "abc" $b = "nope"', "for none of them : ($)", BASE, False, SETS),
    ('$a = "abc" $b = "nope"', "for 0 of them : ($)", BASE, False, SETS),
    ('$b = "nope"', "(#b - 1) of ($b)", BASE, True),
    ('$a = "abc" $b = "nope"', "(#b - 1)% of ($a, $b) and (#b)% of ($b)", BASE, True),
    ('$a = "abc" $b = "nope"', "(#b + 101)% of ($a)", BASE, False),
    ("", "for 0 i in (0..3) : (i == 2)", BASE, False, SETS),
    ("", "for none i in (0..3) : (i == 7)", BASE, True),
    ('$a = "abc" $b = "xyz" $c = "nope"', "66% of them", BASE, True),
    ('$a = "abc" $b = "xyz" $c = "nope"', "67% of them", BASE, False),
    ('$a = "abc" $b = "nope" $c = "nope2"', "33% of them", BASE, True),
    ('$a = "abc" $b = "nope" $c = "nope2"', "34% of them", BASE, False),
    ('$a = "abc" $b = "xyz"', "1050%100% of them", BASE, True),
    ('$a = "abc" $b = "xyz"', "1 of them at 4", BASE, True, AT),
    ('$a = "abc" $b = "xyz"', "all of them at 4", BASE, False, AT),
]

POINTS["12 numbers, texts and comparisons"] = [
    ("", "7 \\ 2 == 3 and -7 \\ 2 == -3 and -7 % 2 == -1 and 7.0 \\ 2 == 3.5", BASE, True),
    ("", "filesize \\ 2 == 7 and filesize \\ 2.0 == 7.5", BASE, True),
    ("", "1 == 1.0 and 0.1 + 0.2 == 0.3 and not 0.1 + 0.2 != 0.3 and 0.1 + 0.2 > 0.3", BASE, True),
    ("", "1.0 != 1.000000000000001 and 1.0 == 1.0000000000000001", BASE, True),
    ("", "1.0 \\ 0.0 > 9999999.0 and defined (1.0 \\ 0.0) and not 1.0 \\ 0.0 == 1.0 \\ 0.0", BASE, True),
    ("", "not (0.0 \\ 0.0 == 1.0) and not (0.0 \\ 0.0 != 1.0)", BASE, True),
    ("", "1 | 3 ^ 3 == 1 | (3 ^ 3) and 2 + 3 * 4 == 14 and 1 << 1 + 1 == 4", BASE, True),
    ("", "~0xAA ^ 0x5A & 0xFF == (~0xAA) ^ (0x5A & 0xFF)", BASE, True),
    ("", " + ".join(["filesize"] * 500) + " == 7500", BASE, True),
    ("", " - ".join(["filesize"] * 500) + " == -7470", BASE, True),
    ("", " + 1 - ".join(["filesize"] * 300) + " == 299 - 298 * 15", BASE, True),
    ("", " ^ ".join(["filesize"] * 301) + " == 15", BASE, True),
    ("", '"ab" < "abc" and "abc" > "abD" and "a\\x00b" != "a\\x00c" and "a" != "a\\x00"', BASE, True),
    ("", '"a\\x00b" contains "\\x00b" and "aBc" icontains "\\x42C" and "abc" iequals "ABC"', BASE, True),
    ("", '"" == "" and "abc" contains "" and not ""', BASE, True),
    ("", '"" matches /.*/ and "" matches /^$/ and "" matches /a|/', BASE, True, EMPTY),
    ("", '"ab\\ncd" matches /^ab.cd$/s and not "ab\\ncd" matches /^ab/ or "ab\\ncd" matches /b$/', BASE, False),
    ("", '"abc" matches /B/i and not "abc" matches /B/', BASE, True),
    ("$a = /(abc|)/", "!a[1] == 0 and !a[2] == 0", BASE, True, EMPTY),
    ("$a = /(abc)?/", "!a[1] == 3 and !a[2] == 0", BASE, True, EMPTY),
]

POINTS["12a floating-point numbers of the object"] = [
    ("", "float32(0) == 1.5 and float32be(4) == 1.5", bytes.fromhex("0000c03f3fc00000"), True, X),
    ("", "float64(0) == -2.0 and float64be(8) == -2.0 and not defined float64(9)",
     bytes.fromhex("00000000000000c0c000000000000000"), True, X),
    ("", "float32(0) == 1.0 or not float32(0) != 1.0 or not defined float32(0)",
     bytes.fromhex("0000c07f"), True, X),
]

POINTS["13 `at` and `in` include both ends"] = [
    ('$a = "abc"', "$a at 0 and $a at 8 and not $a at 1", BASE, True),
    ('$a = "abc"', "$a in (1..8) and $a in (8..8) and not $a in (1..7)", BASE, True),
    ('$a = "abc"', "$a in (filesize - 7..filesize) and #a in (0..7) == 1 and #a in (0..8) == 2", BASE, True),
    ('$a = "abc" $b = "xyz"', "all of them in (0..4) and not all of them in (0..3)", BASE, True),
    ('$a = "abc"', "$a at filesize - 7", BASE, True),
    ('$a = "abc"', "$a at 0x7FFFFFFFFFFFFFFF or $a at filesize", BASE, False),
]

POINTS["14 a digest of what is beyond the end is one of what is there"] = [
    ("", 'hash.md5(0, filesize) == hash.md5(0, 1000) and defined hash.md5(14, 9)', BASE, True),
    ("", 'hash.md5(1, 3) == hash.md5("bc ")', BASE, True),
    ("", "defined hash.md5(filesize, 1) or defined hash.md5(-1, 1)", BASE, False),
]

POINTS["15 counting needs every match"] = [
    ('$a = "a"', "#a == 5000 and @a[5000] == 4999", b"a" * 5000, True),
    (" ".join('$ = "s%04d"' % n for n in range(10000)), "10000 of them and all of them",
     b" ".join(b"s%04d" % n for n in range(10000)), True, MANY),
    ("$a = /[ab]/", "#a == 4096 and for all i in (1..#a) : (@a[i] == i - 1)", b"ab" * 2048, True),
]

POINTS["16 rules in their order, and those that need no string"] = [
    ('$_a = "nope"', "filesize > 0", BASE, True, UNUSED),
    ('$a = "nope"', "not $a", BASE, True),
    ('$a = "nope"', "#a == 0 and filesize > 1", BASE, True),
    ('$a = "nope"', "$a or filesize > 1", BASE, True),
    ('$a = "nope"', "for all of them : (# == 0)", BASE, True),
    ('$a = "nope"', "not defined @a", BASE, True),
    ('$a = "nope"', "@a == 0 or !a == 0", BASE, False),
]

POINTS["17 what libyara takes and YARA-X does not"] = [
    ("$a = /abc{/", "$a", b"abc{", True),
    ("$a = /ab{1:5}/", "!a == 7", b"ab{1:5}", True),
    ("$a = /ab{ 1}/", "!a == 6", b"ab{ 1}", True),
    ("$a = /a\\gb/", "!a == 3", b"agb", True),
    ("$a = /[\\060-9]+/", "!a == 4", b"0609", True),
    ("$a = /a]b}/", "$a", b"a]b}", True),
    ('$a = "abc"', "@a[-1] == 0", BASE, False),
    ('$a = "ab" base64', "$a", b"eGFieQ", True),
]

PREFACE = 'import "hash"\n'


def rule(number, case):
    strings = "    strings: %s\n" % case[0] if case[0] else ""
    return "rule r%d {\n%s    condition: %s\n}\n" % (number, strings, case[1])


def write(path, content):
    with open(path, "wb") as file:
        file.write(content)


def found_by(arguments):
    """The numbers of the rules that match, by what a scanner prints."""
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1) or "error:" in done.stderr:
        raise SystemExit("Bail out! %s: %s" % (arguments[0], done.stderr[:2000]))
    return {int(number) for number in re.findall(r"\br(\d+)(?= FOUND$| /)", done.stdout, re.MULTILINE)}


def by_kujo(rules, target):
    return found_by([KUJO, "scan", "--definitions", "none", "--rules", rules, "--all", "--quiet", target])


def by_yara(rules, target):
    return found_by(["yara", "-w", rules, target])


def run(folder, cases):
    """Who says what about which case: {number: (kujo, yara or None)}."""
    objects = collections.defaultdict(list)
    for number, case in enumerate(cases):
        objects[case[2]].append(number)
    said = {}
    for content, numbers in objects.items():
        target, rules = os.path.join(folder, "object"), os.path.join(folder, "rules.yar")
        write(target, content)
        write(rules, (PREFACE + "".join(rule(n, cases[n]) for n in numbers)).encode("latin-1"))
        ours = by_kujo(rules, target)
        asked = [n for n in numbers if len(cases[n]) == 4]
        write(rules, (PREFACE + "".join(rule(n, cases[n]) for n in asked)).encode("latin-1"))
        theirs = by_yara(rules, target) if asked and shutil.which("yara") else None
        for n in numbers:
            said[n] = (n in ours, n in theirs if theirs is not None and n in asked else None)
    return said


def main():
    cases = [case for point in POINTS.values() for case in point]
    with tempfile.TemporaryDirectory() as folder:
        said = run(folder, cases)
    print("1..%d" % len(POINTS))
    number, failed = 0, 0
    for index, (title, point) in enumerate(POINTS.items(), 1):
        wrong = []
        for case in point:
            kujo, yara = said[number]
            number += 1
            if kujo != case[3] or yara not in (None, case[3]):
                source = case[4] if len(case) > 4 else ORACLE
                wrong.append("%s | %s: kujo says %s, yara %s, the table %s (%s)" %
                             (case[0][:60], case[1][:80], kujo, yara, case[3], source))
        failed += bool(wrong)
        print("%s %d - %s" % ("not ok" if wrong else "ok", index, title))
        for line in wrong:
            print("# " + line)
    return 1 if failed else 0


sys.exit(main())
