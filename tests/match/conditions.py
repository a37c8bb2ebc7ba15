#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Conditions, each as a rule of its own, evaluated by kujo and by Debian's yara on the same inputs.

Where yara 4.2 differs from 4.5, whose semantics kujo has, the case says what 4.5 gives. Prints TAP.
"""
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

KUJO = os.environ["KUJO"]

STRINGS = """
        $a = "abc"
        $b = "xyz" nocase
        $c = { 00 01 ?? 03 }
        $d = "missing"
        $e1 = /a[bc]+/
        $e2 = "b"
        $w = "wide" wide
"""

INPUTS = [
    b"abc xyz abc XyZ \x00\x01\x02\x03 w\0i\0d\0e\0 abcbcb tail",
    b"",
    b"abc",
    b"MZ" + bytes(58) + b"\x80\0\0\0" + bytes(64) + b"PE\0\0 and abc at the end",
    bytes(range(256)) * 4,
    b"\xff\xff\xff\xff\xff\xff\xff\xff abc",
]

# A condition a line.
CONDITIONS = r"""
true
false
not false
$a
$a and $b
$a or $d
not $d
$d or not $a
$a at 0
$a at 8
$a at 100000
$a in (0..3)
$a in (1..8)
$a in (#a+8..1)
$a in (filesize-100..filesize)
#a == 3
#a > 2
#a in (0..8) == 2
#a in (5..8) >= 1
#d == 0
@a == 0
@a[1] == 0
@a[2] == 8
@a[4] == 0
not (@a[4] == 0)
@a[0] == 0
!a == 3
!e1[1] == 3
!e1[3] > 3
!a[9] == 3
filesize == 0
filesize < 10
filesize > 1KB
filesize == 1024
uint8(0) == 0x61
uint8(0) == 0x4D
uint16(0) == 0x5A4D
uint16be(0) == 0x4D5A
uint32(uint32(0x3C)) == 0x00004550
uint32be(0) == 0x61626320
int8(0) == -1
int16(0) == -1
int32(0) == -1
int8be(0) < 0
uint8(filesize) == 0
not uint8(filesize) == 0
uint8(1000000000) == 1
not uint8(1000000000) == 1
uint8(-1) == 0
uint32(filesize - 3) >= 0
uint32(filesize - 4) >= 0
defined uint8(0)
defined uint8(filesize)
not defined @d[1]
defined @a[1]
1 + 2 * 3 == 7
(1 + 2) * 3 == 9
10 \ 3 == 3
-10 \ 3 == -3
10 % 3 == 1
-10 % 3 == -1
7 \ filesize == 7
filesize % filesize == 0
1 << 4 == 16
1 << 64 == 0
1 << 63 < 0
-1 >> 1 == -1
1 >> 64 == 0
0xFF & 0x0F == 15
0xF0 | 0x0F == 255
0xFF ^ 0x0F == 0xF0
~0 == -1
~1 & 0xFF == 254
-1 < 0
1.5 + 1.5 == 3.0
1 == 1.0
7 \ 2 == 3
7.0 \ 2 == 3.5
1.0 > 0.5
-1.5 < -1
0x7FFFFFFFFFFFFFFF + filesize < 0
filesize * 0x7FFFFFFFFFFFFFFF < 0
"abc" == "abc"
"abc" != "abd"
"abc" < "abd"
"abc" < "abcd"
"abcdef" contains "cde"
"abcdef" contains "CDE"
"abcdef" icontains "CDE"
"abcdef" startswith "abc"
"abcdef" istartswith "ABC"
"abcdef" endswith "def"
"abcdef" iendswith "DEF"
"abcdef" iequals "ABCDEF"
"abcdef" matches /^abc/
"abcdef" matches /c.e/
"abcdef" matches /ABC/
"abcdef" matches /ABC/i
"abc" matches /^abc$/
"abc\n" matches /^abc$/
"ab\ncd" matches /b.c/
"ab\ncd" matches /b.c/s
"" matches /^$/
"foo bar" matches /\bbar\b/
"foobar" matches /\Bbar/
any of them
all of them
none of them
2 of them
5 of them
any of ($a, $d)
all of ($a, $b)
all of ($e*)
any of ($e*)
none of ($d)
1 of ($a, $b, $d)
3 of ($a, $b, $d)
2 of ($*)
any of ($a, $b) in (0..5)
all of ($a, $b) in (0..100)
2 of ($a, $b) in (0..3)
50% of them
100% of ($a, $b)
66% of ($a, $b, $d)
67% of ($a, $b, $d)
1% of ($a, $d)
for any of them : ( # > 1 )
for all of ($a, $e1) : ( # > 1 )
for all of ($a, $d) : ( # > 1 )
for 2 of ($a, $b, $d) : ( $ )
for none of ($d) : ( $ )
for any of ($a, $b) : ( @ > 2 )
for any of ($a, $b) : ( $ at 0 )
for any of ($a, $b) : ( $ in (4..6) )
for any of ($a, $e1) : ( ! > 3 )
for any i in (0..3) : ( uint8(i) == 0x62 )
for all i in (0..2) : ( uint8(i) > 0x60 )
for all i in (#d+5..2) : ( true )
for any i in (#d+5..2) : ( true )
for any i in (1..#a) : ( @a[i] == 8 )
for all i in (1..#a) : ( @a[i] >= 0 )
for 2 i in (0..10) : ( i == 3 or i == 4 )
for any i in (1, 2, 3) : ( uint8(i) == 0x63 )
for all i in (1, 2, 3) : ( i < 4 )
for any i in (0..2) : ( for any j in (i..i+2) : ( uint8(j) == 0x63 ) )
for all i in (0..filesize-1) : ( uint8(i) < 0x80 )
for any i in (0..filesize) : ( uint16(i) == 0x0100 )
$a and for all of them : ( # < 1000 )
true or uint8(filesize) == 1
uint8(filesize) == 1 or true
uint8(filesize) == 1 and true
not (uint8(filesize) == 1 and true)
true and not false
not true or true
not (true or true)
1 of ($a) and 1 of ($b) or $c
$c and $w
#e1 == 4
#e2 > 3
@e2[2] - @e2[1] > 0
filesize > 0 and #a * 3 <= filesize
1 == 1 and 2 > 1 and 3 >= 3 and 4 != 5 and 1 <= 1
0 of ($a, $b)
0 of ($d)
any of (r0, r1)
all of (r0, r2)
r0 and not r1
2 of (r0, r2, r3)
none of (r1)
filename == ""
filename contains "x"
"""

# Conditions that the oracle, being older, gets wrong, and what 4.5 says. (`for none of`, and 0 of, is another
# such: 4.2 finds it true whatever matches; none is generated.)
NEWER = {
    '"" matches /^$/': True,
}


def conditions():
    fixed = [line for line in CONDITIONS.strip().splitlines() if line]
    chance = random.Random(20041127)
    count = 2000 if os.environ.get("KUJO_LONG") else 200
    return fixed + [generate(chance, 3) for _ in range(count)]


def number(chance, depth):
    """A random expression of type integer."""
    leaf = ["0", "1", "2", "3", "7", "filesize", "#a", "#b", "#d", "#e2", "@a[1]", "@a[2]", "@d[1]",
            "!e1[1]", "uint8(0)", "uint8(filesize)", "uint16(1)", "int8(3)", "uint32be(2)"]
    if depth == 0 or chance.random() < 0.3:
        return chance.choice(leaf)
    operator = chance.choice(["+", "-", "*", "\\", "%", "&", "|", "^", "<<", ">>"])
    left, right = number(chance, depth - 1), number(chance, depth - 1)
    if operator in ("<<", ">>"):
        right = chance.choice(["0", "1", "5", "63", "#a"])
    if operator in ("\\", "%"):  # a constant zero would not compile
        right = chance.choice(["#a", "filesize", "3", "#d", "uint8(0)", "-1"])
    return f"({left} {operator} {right})"


def generate(chance, depth):
    """A random condition."""
    leaf = ["$a", "$b", "$c", "$d", "$e1", "$w", "$a at 0", "$a in (1..9)", "any of ($a, $d)",
            "all of ($e*)", "2 of ($a, $b, $d)", "none of ($d, $w)"]
    if depth == 0 or chance.random() < 0.15:
        return chance.choice(leaf)
    shape = chance.randrange(6)
    if shape == 0:
        return f"({generate(chance, depth - 1)} and {generate(chance, depth - 1)})"
    if shape == 1:
        return f"({generate(chance, depth - 1)} or {generate(chance, depth - 1)})"
    if shape == 2:
        return f"not {generate(chance, depth - 1)}" if depth < 3 else f"not ({generate(chance, 1)})"
    if shape == 3:
        operator = chance.choice(["==", "!=", "<", "<=", ">", ">="])
        return f"({number(chance, depth - 1)} {operator} {number(chance, depth - 1)})"
    if shape == 4:
        quantifier = chance.choice(["any", "all", "1", "2"])
        return f"for {quantifier} of ($a, $b, $e*) : ( # > {number(chance, 1)} )"
    quantifier = chance.choice(["any", "all", "2"])
    low, high = chance.choice([("0", "3"), ("1", "#a"), ("#d + 3", "1"), ("0", "2")])
    return f"for {quantifier} i in ({low}..{high}) : ( uint8(i) + i > {number(chance, 1)} )"


def strings_of(case):
    """The strings section: what the condition uses, all of them where it says so."""
    used = set(re.findall(r"[$#@!]([a-z][0-9]?)", case))
    if "e*" in case:
        used |= {"e1", "e2"}
    everything = "them" in case or "$*" in case
    lines = [line for line in STRINGS.splitlines()
             if line.strip() and (everything or line.split("=")[0].strip()[1:] in used)]
    return "    strings:\n" + "\n".join(lines) + "\n" if lines else ""


def rule(index, case):
    return f"rule r{index} {{\n{strings_of(case)}    condition: {case}\n}}\n"


def write_rules(path, cases, numbers):
    """The rules of those numbers, and the first four, which others refer to."""
    with open(path, "w", encoding="utf-8") as file:
        for index in sorted({0, 1, 2, 3} | set(numbers)):
            file.write(rule(index, cases[index]))


def by_yara(folder, cases, numbers, target):
    """Rules that match, and rules on which yara itself gives up."""
    rules = os.path.join(folder, "oracle.yar")
    write_rules(rules, cases, numbers)
    done = subprocess.run(["yara", "-w", "-d", "filename=", rules, target], capture_output=True,
                          text=True, check=False)
    if done.returncode == 0:
        return {int(line.split(" ", 1)[0][1:]) for line in done.stdout.splitlines()}, set()
    if "error scanning" not in done.stderr and len(numbers) > 1 and done.returncode > 0:
        raise SystemExit(f"Bail out! yara: {done.stderr}")
    if len(numbers) == 1:
        return set(), set(numbers)
    half = len(numbers) // 2
    found, given_up = by_yara(folder, cases, numbers[:half], target)
    more, also = by_yara(folder, cases, numbers[half:], target)
    return found | more, given_up | also


def by_kujo(rules, target):
    done = subprocess.run([KUJO, "scan", "--definitions", "none", "--rules", rules, "--all",
                           "--quiet", target], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"Bail out! kujo: {done.stderr[:2000]}")
    return {int(match.group(1)) for line in done.stdout.splitlines()
            if (match := re.search(r": r(\d+) FOUND$", line))}


def compare(folder, cases, rules, target):
    """The numbers of the rules about which the two disagree, each with who found it."""
    theirs, given_up = by_yara(folder, cases, list(range(len(cases))), target)
    ours = by_kujo(rules, target)
    for number_of, case in enumerate(cases):
        if case in NEWER:
            (theirs.add if NEWER[case] else theirs.discard)(number_of)
    # yara's run has no file name, ours does.
    wrong = [n for n in sorted(ours ^ theirs) if n not in given_up and "filename" not in cases[n]]
    return [("kujo" if n in ours else "yara", cases[n]) for n in wrong], len(given_up)


def main():
    if not shutil.which("yara"):
        print("1..0 # SKIP yara is not installed")
        return 0
    cases = conditions()
    print(f"1..{len(INPUTS)}")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        rules = os.path.join(folder, "rules.yar")
        write_rules(rules, cases, range(len(cases)))
        for index, content in enumerate(INPUTS, 1):
            target = os.path.join(folder, f"input{index}")
            with open(target, "wb") as file:
                file.write(content)
            wrong, given_up = compare(folder, cases, rules, target)
            failed += bool(wrong)
            print(f"{'not ok' if wrong else 'ok'} {index} - {len(cases)} conditions on input {index}")
            if given_up:
                print(f"# yara gives up on {given_up} of them")
            for who, case in wrong[:20]:
                print(f"# {who} alone: {case}")
    return 1 if failed else 0


sys.exit(main())
