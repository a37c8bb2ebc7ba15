#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kujo yara against yara(1): the same options over the same rules and files give the same standard
output and exit status. What Debian's yara 4.2 lacks is compared with what the manual of 4.5 says.
kujo yara check and fmt besides."""

import json
import os
import random
import re
import subprocess
import sys
import time

from kit import case, check, environment, equal, inert_program, kujo, read, run, run_cases, tool, write

EXTERNALS = ["-d", "number=5", "-d", "ratio=1.5", "-d", "flag=true", "-d", "name=a text"]

RULES = r'''
import "math"

global rule everywhere { condition: filesize >= 0 }

rule texts : first second
{
    meta:
        author = "somebody \"quoted\" \\ 'single' \t\n\x01\x7f\xe9 end"
        number = 12
        negative = -3
        yes = true
        no = false
        empty = ""
        cut = "before\x00after"
    strings:
        $plain = "needle"
        $nocase = "NEEDLE" nocase
        $wide = "needle" wide
        $both = "needle" wide ascii
        $word = "needle" fullword
        $xor = "needle" xor(1-255)
        $xored = "needle" xor
        $base64 = "needle in hay" base64
        $hidden = "hay" private
        $ = "anonymous"
    condition:
        any of them
}

rule patterns : second
{
    strings:
        $hex = { 6E 65 ( 65 | 66 ) ?? 6C 65 }
        $jump = { 6E 65 [1-4] 6C }
        $chain = { 41 42 43 44 [250-700] 45 46 47 48 }
        $long = { 30 31 32 33 [60-120] 39 38 37 36 }
        $run = /x{40,700}/
        $class = /n[a-e]{2,4}dle?/
        $lazy = /<[^>]{1,20}?>/
    condition:
        any of them
}

private rule unseen { strings: $a = "needle" condition: $a }
rule refers { condition: unseen }
rule counts { strings: $a = "ne" $b = "le" condition: #a > 2 and @b[1] > 0 and !a[1] == 2 }
rule once { strings: $f = "needle" $g = { 6E 65 65 } condition: $f or $g }
rule at_start { strings: $mz = "MZ" condition: $mz at 0 }
rule program { condition: uint16(0) == 0x5A4D }
rule entropic { condition: math.entropy(0, filesize) > 7.0 }
rule externals { condition: number == 5 and ratio > 1.0 and flag and name == "a text" }
rule never : second { strings: $a = "there is no such text in any file" condition: $a }
rule none_of { strings: $a = "needle" condition: none of them }
rule many { strings: $a = "needle" $b = "NEEDLE" nocase condition: for all of them : (# >= 1) }
rule loops { condition: for any i in (0..10) : (uint8(i) == 0x6E) }
'''


def make_files():
    """Inputs of all kinds in `tree`, the same in each run."""
    some = random.Random(4)
    words = [b"needle", b"NeEdLe", b" needle ", b"_needle_", b"n\0e\0e\0d\0l\0e\0", b"hay", b"<tag>",
             b"anonymous", b"neefle", b"ne", b"le", bytes(b ^ 0x33 for b in b"needle"),
             bytes(b ^ 0x80 for b in b"n\0e\0e\0d\0l\0e\0"), b"bmVlZGxlIGluIGhheQ==", b"\xff\0\x7f"]
    write("tree/empty")
    write("tree/plain.txt", b"one needle in the hay, then NEEDLE and needles.\n")
    write("tree/nothing.txt", b"Sphinx of black quartz, judge my vow.\n")
    write("tree/program.exe", inert_program(1024), b"needle")
    write("tree/random.bin", some.randbytes(20000))
    write("tree/long.bin", b"x" * 900, b"ABCD", b"-" * 300, b"EFGH", b"0123", b"=" * 70, b"9876")
    for number in range(12):
        parts = [some.choice(words) if some.random() < 0.5 else some.randbytes(some.randrange(9))
                 for _ in range(some.randrange(1, 200))]
        write("tree/mixed-%02d" % number, *parts)
    write("tree/.hidden", b"a hidden needle")
    write("tree/with space", b"needle")
    write("tree/sub/below.txt", b"needle below")
    write("tree/sub/deeper/last.txt", b"needle at the bottom")
    write("elsewhere/target", b"a needle that a link leads to")
    os.symlink("../elsewhere/target", "tree/link")
    os.symlink("../elsewhere", "tree/link-to-directory")
    os.symlink("nowhere", "tree/dangling")
    os.symlink(".", "tree/here")
    write("rules.yar", RULES.encode())


def peer(*arguments, stdin=b""):
    """What yara says: standard output, exit status, standard error."""
    done = subprocess.run([tool("yara"), *arguments], input=stdin, capture_output=True,
                          env=environment(), check=False)
    return done.stdout, done.returncode, done.stderr


def same(*arguments, stdin=b"", by_line=False):
    """Both say the same. `by_line`: yara has no order of its own, so that lines are compared sorted,
    those of strings under those of their rules."""
    out, code, err = peer(*arguments, stdin=stdin)
    result = kujo("yara", *arguments, stdin=stdin)
    got = result.out
    if by_line:
        out, got = blocks(out), blocks(got)
    equal(got, out, "standard output", result, err)
    equal(result.code, code, "exit status", result, err)
    return result


def blocks(text):
    lines = re.split(rb"\n(?!0x)", text)
    return sorted(lines)


SWITCHES = [
    [], ["-s"], ["-L"], ["-s", "-L"], ["-sL"], ["-m"], ["-g"], ["-e"], ["-segmL"], ["-n"],
    ["-n", "-s"], ["-c"], ["-c", "-n"], ["-c", "-t", "first"], ["-f"], ["-f", "-s"], ["-f", "-s", "-L"],
    ["-t", "first"], ["-t", "second"], ["-t", "first", "-t", "second"], ["-t", "absent"],
    ["-n", "-t", "second"], ["-i", "counts"], ["-i", "counts", "-i", "once", "-s"],
    ["-i", "counts", "-t", "first"], ["-i", "unseen"], ["-l", "1"], ["-l", "2", "-s"],
    ["-l", "3", "-n"], ["-l", "2", "-c"], ["-l", "1000"], ["-w"], ["-a", "100"], ["-k", "20000"],
    ["-p", "1"], ["-r"], ["-N"], ["-z", "10"], ["--max-strings-per-rule=100"],
    ["--print-strings"], ["--print-string-length"], ["--print-meta"], ["--print-tags"],
    ["--print-namespace"], ["--negate"], ["--count"], ["--fast-scan"], ["--tag=first"],
    ["--identifier=once", "--print-strings"], ["--max-rules=1"], ["--timeout=60"],
    ["--stack-size=20000"], ["--threads=2"], ["--recursive"], ["--no-follow-symlinks"],
    ["--no-warnings"], ["--skip-larger=100"],
]


@case("every option, file by file, is as yara has it")
def _():
    make_files()
    files = sorted(os.path.join("tree", name) for name in os.listdir("tree"))
    files = [path for path in files if os.path.isfile(path)]
    plain = [files[number::7] for number in range(7)]
    count = 0
    for number, switches in enumerate(SWITCHES):
        for path in plain[number % 7]:
            quiet = [] if "-w" in switches or "--no-warnings" in switches else ["-w"]
            same(*quiet, *EXTERNALS, *switches, "rules.yar", path)
            count += 1
    for path in files:
        same("-w", "-s", "-L", "-m", "-g", "-e", *EXTERNALS, "rules.yar", path)
        count += 1
    return "%d runs" % count


@case("directories, links and lists are as yara has them")
def _():
    make_files()
    for switches in ([], ["-s"], ["-c"], ["-n"], ["-r"], ["-r", "-s"], ["-r", "-c"], ["-N"],
                     ["-z", "10"], ["-z", "100", "-c"], ["-p", "1"], ["-r", "-p", "4", "-s", "-L"]):
        if "-r" in switches:
            os.unlink("tree/here") if os.path.islink("tree/here") else None
        for place in ("tree", "tree/", "./tree", "tree/sub", "elsewhere"):
            same("-w", *EXTERNALS, *switches, "rules.yar", place, by_line=True)
    write("list", b"tree/plain.txt\ntree/empty\ntree/sub\nnot/there\ntree/with space")
    for switches in ([], ["-s"], ["-c"], ["-r"]):
        result = same("-w", *EXTERNALS, *switches, "--scan-list", "rules.yar", "list", by_line=True)
        check(b"error scanning not/there: could not open file\n" in result.err, result)
    for wrong in ("tree", "not-there"):
        same("-w", *EXTERNALS, "--scan-list", "rules.yar", wrong)


@case("files in a directory come in order, whatever the number of workers")
def _():
    make_files()
    first = kujo("yara", "-w", "-s", *EXTERNALS, "-r", "-p", "1", "rules.yar", "tree").out
    for workers in ("2", "3", "7", "32"):
        equal(kujo("yara", "-w", "-s", *EXTERNALS, "-r", "-p", workers, "rules.yar", "tree").out,
              first, workers)
    paths = re.findall(rb"^once (.*)$", first, re.M)
    equal(paths, sorted(paths))
    check(len(paths) > 10, first)


@case("what skips files says so as yara does")
def _():
    make_files()
    arguments = ["-w", *EXTERNALS, "-z", "100", "rules.yar", "tree"]
    said = {line for line in peer(*arguments)[2].splitlines() if line.startswith(b"skipping")}
    check(len(said) > 5, said)
    equal(set(kujo("yara", *arguments).err.splitlines()), said)


@case("namespaces, several files of rules, and rules from standard input")
def _():
    make_files()
    write("a.yar", b'rule one { strings: $a = "needle" condition: $a }\nrule two { condition: one }')
    write("b.yar", b'rule one { condition: true }\nglobal rule off { condition: false }')
    write("c.yar", b'import "math"\nrule c { condition: math.min(1, 2) == 1 }')
    write("d.yar", b'rule d { condition: math.max(1, 2) == 2 and c }')
    write("in/e.yar", b'include "f.yar"\nrule e { condition: f }')
    write("in/f.yar", b'rule f { condition: true }')
    write("odd:name.yar", b'rule odd { condition: true }')
    target = "tree/plain.txt"
    for files in (["a.yar"], ["x:a.yar"], ["x:a.yar", "y:b.yar"], ["a.yar", "x:b.yar"], ["b.yar"],
                  ["a.yar", "b.yar"], ["c.yar", "d.yar"], ["d.yar"], ["x:c.yar", "x:d.yar"],
                  ["x:c.yar", "y:d.yar"], ["in/e.yar"], ["odd:name.yar"], ["x:odd:name.yar"],
                  ["x:"], ["not-there.yar"], ["./a.yar"], ["x:./a.yar"]):
        same("-w", "-e", *files, target)
        same("-w", "-e", "-n", *files, target)
    same("-w", "-", target, stdin=b"rule stdin { condition: true }")
    same("-w", "x:-", target, stdin=b"rule stdin { condition: true }")


@case("external variables have the types that yara gives them")
def _():
    make_files()
    for value, condition in (("5", "v == 5"), ("-5", "v == -5"), ("1.5", "v > 1.4"), ("1.", "v == 1.0"),
                             ("-0.5", "v < 0.0"), (".5", 'v == ".5"'), ("true", "v"), ("false", "not v"),
                             ("True", 'v == "True"'), ("", 'v == ""'), ("a=b", 'v == "a=b"'),
                             ("5x", 'v contains "x"'), ("1.2.3", 'v startswith "1.2"'),
                             ("0x10", 'v == "0x10"'), ("-", 'v == "-"')):
        write("v.yar", ("rule r { condition: %s }" % condition).encode())
        result = same("-w", "-d", "v=" + value, "v.yar", "tree/plain.txt")
        equal(result.out, b"r tree/plain.txt\n", value, condition)
    same("-w", "-d", "v", "v.yar", "tree/plain.txt")
    same("-w", "v.yar", "tree/plain.txt")
    write("w.yar", b"rule w { condition: filename == \"x\" }")
    same("-w", "w.yar", "tree/plain.txt")  # no variable is there by itself


@case("what goes wrong gives yara's exit status, and its words where scripts look for them")
def _():
    make_files()
    write("good.yar", b"rule good { condition: true }")
    write("syntax.yar", b"rule a { condition: true }\nrule b { condition: ( }")
    write("meaning.yar", b"import \"math\"\n\nrule a\n{\n    condition:\n        absent\n}")
    write("outside.yar", b"\nimport \"nonsense\"\nrule a { condition: true }")
    for arguments in (["good.yar", "not-there"], ["good.yar", ""], ["not-there.yar", "tree"],
                      ["syntax.yar", "tree"], ["meaning.yar", "tree/plain.txt"], ["outside.yar", "tree"],
                      ["good.yar"], [], ["--no-such-option", "good.yar", "tree"],
                      ["-a", "soon", "good.yar", "tree"], ["-x", "pe", "good.yar", "tree"],
                      ["-x", "pe=not-there", "good.yar", "tree"], ["good.yar", "good.yar", "tree"],
                      ["-C", "good.yar", "good.yar", "tree"], ["-C", "not-there", "tree"],
                      ["-C", "good.yar", "tree"], ["--max-strings-per-rule=0", "rules.yar", "tree"],
                      ["good.yar", "999999999"]):
        same(*arguments)
    err = kujo("yara", "good.yar", "not-there", code=1).err
    equal(err, peer("good.yar", "not-there")[2])
    err = kujo("yara", "meaning.yar", "tree", code=1).err
    check(err.startswith(b'error: rule "a" in meaning.yar(6): '), err)
    err = kujo("yara", "outside.yar", "tree", code=1).err
    check(err.startswith(b"outside.yar(2): error: "), err)
    err = kujo("yara", "good.yar", "999999999", code=1).err
    check(b"memory of processes is not scanned" in err, err)
    equal(kujo("yara", "not-there.yar", "tree", code=1).err, peer("not-there.yar", "tree")[2])


@case("warnings are told, and --fail-on-warnings heeds them")
def _():
    make_files()
    write("slow.yar", b"rule slow { strings: $a = /[a-z]+/ condition: $a }")
    write("fine.yar", b'rule fine { strings: $a = "needle" condition: $a }')
    for switches in ([], ["-w"], ["--fail-on-warnings"], ["--fail-on-warnings", "-w"]):
        for rules in ("slow.yar", "fine.yar"):
            same(*switches, rules, "tree/plain.txt")
    equal(kujo("yara", "slow.yar", "tree/plain.txt").err, peer("slow.yar", "tree/plain.txt")[2])
    equal(kujo("yara", "-w", "slow.yar", "tree/plain.txt").err, b"")


@case("a string with more than a million matches is told, and the rest still matches")
def _():
    write("many", b"a needle", b"ab" * 1100000)
    write("rules.yar", b'rule many { strings: $a = "ab" condition: #a > 1 }\n'
                       b'rule other { strings: $a = "needle" condition: $a }')
    result = kujo("yara", "rules.yar", "many", code=0)
    equal(result.lines, ["many many", "other many"])
    check(b'warning: rule "many": too many matches for $a, results for this rule may be incorrect\n'
          in result.err, result)
    equal(kujo("yara", "-w", "rules.yar", "many", code=0).err, b"")
    equal(len(kujo("yara", "-w", "-s", "rules.yar", "many", code=0).lines), 1000000 + 3)


@case("what definitions hold is as what yarac's file holds")
def _():
    make_files()
    run(tool("yarac"), "-w", *EXTERNALS, "rules.yar", "rules.yarc")
    kujo("defs", "build", "-q", *EXTERNALS, "-o", "rules.defs", "rules.yar", code=0)
    for switches in ([], ["-s", "-L"], ["-m", "-g", "-e"], ["-n"], ["-c"], ["-d", "number=6"],
                     ["-f", "-s"]):
        for name in ("plain.txt", "mixed-03", "long.bin"):
            out, code, _ = peer("-C", *switches, "rules.yarc", "tree/" + name)
            result = kujo("yara", "-C", *switches, "rules.defs", "tree/" + name, code=code)
            equal(result.out, out, result)
    for arguments in (["-C", "rules.yarc", "tree"], ["rules.yarc", "tree"]):
        check(b"kujo defs build" in kujo("yara", *arguments, code=1).err, arguments)
    check(b"use -C" in kujo("yara", "rules.defs", "tree", code=1).err)
    write("scanner.yar", b'rule s { condition: filename == "plain.txt" and extension == ".txt" }')
    kujo("defs", "build", "-q", "-o", "scanner.defs", "scanner.yar", code=0)
    equal(kujo("yara", "-C", "scanner.defs", "tree/plain.txt", code=0).out, b"s tree/plain.txt\n")
    equal(kujo("yara", "-C", "-d", "filename=x", "scanner.defs", "tree/plain.txt", code=0).out, b"")


@case("what is in /usr/share matches as with yara")
def _():
    write("rules.yar", rb'''
        rule licence { strings: $a = "licen" nocase $b = /copyright( \(c\))? [0-9]{4}/ nocase condition: any of them }
        rule words { strings: $a = "the" fullword $b = "and" wide ascii $c = { 74 68 ?? 20 [0-3] 61 } condition: 2 of them }
        rule shifted { strings: $a = "copyright" xor(1-255) $b = "License" base64 condition: any of them }
        rule head { condition: uint32be(0) == 0x89504E47 or uint16be(0) == 0x1F8B }''')
    places = [place for place in ("/usr/share/common-licenses", "/usr/share/perl5/Debconf",
                                  "/usr/share/doc/yara", "/usr/share/doc/python3") if os.path.isdir(place)]
    check(places)
    lines = 0
    for place in places:
        lines += len(same("-w", "-s", "-r", "rules.yar", place, by_line=True).lines)
    check(lines > 1000, lines)
    return "%d lines" % lines


# ---- what yara 4.2 lacks ---------------------------------------------------------------------------

@case("xor keys and plain texts, as 4.5 prints them")
def _():
    write("x", bytes(b ^ 0x33 for b in b"needle"), b" needle ", bytes(b ^ 1 for b in b"n\0e\0"))
    write("x.yar", b'rule x { strings: $a = "needle" xor $b = "ne" xor(1) wide $h = { 6E 65 65 } condition: all of them }')
    equal(kujo("yara", "-X", "x.yar", "x", code=0).lines,
          ["x x", "0x0:$a:xor(0x33,needle)", "0x7:$a:xor(0x00,needle)", "0xe:$b:xor(0x01,n\\x00e\\x00)",
           "0x7:$h:xor(0x00,nee)"])
    equal(kujo("yara", "-X", "-s", "-L", "x.yar", "x", code=0).lines,
          ["x x", "0x0:6:$a:xor(0x33,needle): ]VVW_V", "0x7:6:$a:xor(0x00,needle): needle",
           "0xe:4:$b:xor(0x01,n\\x00e\\x00): o\\x01d\\x01", "0x7:3:$h:xor(0x00,nee): 6E 65 65"])


@case("what console.log() is told is printed before the rules, unless -q")
def _():
    write("x", b"needle")
    write("x.yar", b'import "console"\nrule a { condition: console.log("size ", filesize) }\n'
                   b'rule b { strings: $a = "absent" condition: $a and console.log("no") }')
    equal(kujo("yara", "x.yar", "x", code=0).out, b"size 6\na x\n")
    equal(kujo("yara", "-q", "x.yar", "x", code=0).out, b"a x\n")
    equal(kujo("yara", "--disable-console-logs", "-c", "x.yar", "x", code=0).out, b"1\n")
    same("x.yar", "x")


@case("unknown escapes are warned of with --strict-escape")
def _():
    write("x", b"needle")
    write("x.yar", rb'rule a { strings: $a = /needl\e/ condition: $a }')
    equal(kujo("yara", "x.yar", "x", code=0).err, b"")
    result = kujo("yara", "-E", "x.yar", "x", code=0)
    check(result.err.startswith(b'warning: rule "a" in x.yar(1): '), result)
    equal(kujo("yara", "-E", "--fail-on-warnings", "x.yar", "x", code=1).out, b"")


@case("the timeout ends a scan with yara's words")
def _():
    write("big", b"a" * 30000000)
    write("slow.yar", b"rule a { condition: for all i in (0..filesize) : "
                      b"(for all k in (0..filesize) : (uint8(i) == uint8(k))) }")
    start = time.monotonic()
    result = kujo("yara", "-a", "1", "slow.yar", "big", code=1)
    check(time.monotonic() - start < 60)
    equal((result.out, result.err), (b"", b"error scanning big: scanning timed out\n"))
    os.mkdir("dir")
    os.link("big", "dir/big")
    result = kujo("yara", "-a", "1", "slow.yar", "dir", code=0)
    equal(result.err, b"error scanning dir/big: scanning timed out\n")


@case("names of modules, version, help")
def _():
    names = kujo("yara", "-M", code=0).lines
    for name in ("kujo", "pe", "elf", "math", "hash", "console"):
        check(name in names, names)
    check(re.match(rb"^4\.5\.\d+ \(kujo [\d.]+\)\n$", kujo("yara", "-v", code=0).out))
    equal(kujo("yara", "--version", code=0).out, kujo("yara", "-v", code=0).out)
    check(b"--print-strings" in kujo("yara", "-h", code=0).out)


def tree_of(text):
    """The lines of --print-module-data with all that they stand below: order left out."""
    above, found = [], set()
    for line in text.decode("latin-1").splitlines():
        depth = len(line) - len(line.lstrip("\t"))
        above = above[:depth] + [line.lstrip("\t")]
        found.add("/".join([place.split(" = ")[0] for place in above[:-1]] + above[-1:]))
    return found


@case("module data has all that yara prints of programs")
def _():
    write("x.yar", b'import "elf"\nimport "math"\nimport "time"\nrule a { condition: true }')
    for path in (sys.executable, tool("yara"), "x.yar"):
        theirs, code, _ = peer("-D", "x.yar", path)
        result = kujo("yara", "-D", "x.yar", path, code=code)
        missing = tree_of(theirs) - tree_of(result.out)
        check(len(tree_of(theirs)) > 100 and not missing, path, sorted(missing)[:20])
        check(result.out.endswith(b"\na " + path.encode() + b"\n"), result)
    modules = [line for line in result.lines if not line.startswith("\t")]
    equal(modules, ["elf", "math", "time", "a x.yar"])


@case("a profile says which strings cost most")
def _():
    write("x", b"needle " * 1000)
    write("x.yar", b'rule cheap { strings: $a = "absent text" condition: $a }\n'
                   b'rule dear { strings: $r = /n[a-z]{2,9}/ condition: $r }')
    result = kujo("yara", "-w", "--profile", "x.yar", "x", code=0)
    equal(result.out, b"dear x\n")
    rows = [line.split() for line in result.notes[1:]]
    equal(rows[0][2:], ["1000", "dear", "$r"], result)
    steps = [int(row[0]) for row in rows]
    equal(steps, sorted(steps, reverse=True))


# ---- check and fmt ---------------------------------------------------------------------------------

CHECKED = rb'''rule fine { strings: $a = "a needle" condition: $a }
rule slow { strings: $any = /[a-z]+/ $two = { 41 42 ?? 43 } $zero = { 00 00 00 00 } condition: any of them }
'''


@case("check says what is wrong, what is slow, and counts")
def _():
    write("x.yar", CHECKED)
    result = kujo("yara", "check", "x.yar", code=0)
    equal(result.out, b"2 rules, 4 strings, 3 of them slow\n")
    check(b"x.yar:2:22: note: very slow" in result.err, result)
    lines = [json.loads(line) for line in kujo("yara", "check", "--json", "x.yar", code=0).lines]
    equal([(line["string"], line["atom"]) for line in lines[:-1]],
          [("$any", "none"), ("$two", "short"), ("$zero", "common")])
    equal(lines[-1], {"kujo": 1, "type": "rules", "rules": 2, "strings": 4, "errors": 0,
                      "warnings": 0, "slow": 3})
    write("y.yar", CHECKED, b"rule wrong { condition: absent }\n")
    result = kujo("yara", "check", "y.yar", code=1)
    check(b"y.yar:3:25: error: " in result.err and b"1 errors" in result.err, result)
    lines = [json.loads(line) for line in kujo("yara", "check", "--json", "y.yar", code=1).lines]
    equal([(line["type"], line["file"], line["line"], line["column"]) for line in lines[:1]],
          [("error", "y.yar", 3, 25)])
    kujo("yara", "check", "not-there.yar", code=1)
    kujo("yara", "check", code=1)
    os.makedirs("folder")
    write("folder/a.yar", CHECKED)
    write("folder/b.txt", b"no rules")
    equal(kujo("yara", "check", "-q", "folder", code=0).out, b"")


UGLY = rb'''/* head */ import   "pe"
include "other.yar" // why
rule  a:x   y{meta:author="me" n=-5 // five
  // of its own

  b=true


strings:$a="t  x" wide   ascii xor( 1 - 3 ) $b={ 01 02[ 4 - 6 ](61|62 63)?? // jump
 7? /* ~ */ }
  $c=/ab\/c  d/i nocase
  $=  { E8????}
  // tail
condition:
// lead
 for all i in(1..#a):(@a[i]<10  and -1==- 2) /* c */ and
(  $a or 50 % of them
 and ( $b


 )) and any of(a*,b) and 7%2 == pe . x(1 , 2) and uint16( 0 )==0x5A4D and !a[1]>~ 2
 /* z */
} // end
// about b
private   global rule b{condition:true}rule c{condition:b}
// last'''

NEAT = rb'''/* head */
import "pe"
include "other.yar" // why

rule a : x y {
    meta:
        author = "me"
        n = -5 // five
        // of its own

        b = true

    strings:
        $a = "t  x" wide ascii xor(1-3)
        $b = { 01 02 [4-6] ( 61 | 62 63 ) ?? // jump
            7? /* ~ */ }
        $c = /ab\/c  d/i nocase
        $ = { E8???? }
        // tail
    condition:
        // lead
        for all i in (1..#a) : (@a[i] < 10 and -1 == -2) /* c */ and
        ($a or 50% of them
            and ($b

            )) and any of (a*, b) and 7 % 2 == pe.x(1, 2) and uint16(0) == 0x5A4D and !a[1] > ~2
        /* z */
} // end

// about b
private global rule b {
    condition:
        true
}

rule c {
    condition:
        b
}
// last
'''


@case("fmt lays out rules, and what is laid out stays")
def _():
    equal(kujo("yara", "fmt", stdin=UGLY, code=0).out, NEAT)
    equal(kujo("yara", "fmt", stdin=NEAT, code=0).out, NEAT)
    equal(kujo("yara", "fmt", stdin=UGLY.replace(b"\n", b"\r\n"), code=0).out, NEAT)
    equal(kujo("yara", "fmt", stdin=b"", code=0).out, b"")
    equal(kujo("yara", "fmt", stdin=b" // only\n\n\n\n/* comments */ ", code=0).out,
          b"// only\n\n/* comments */\n")
    write("ugly.yar", UGLY)
    write("neat.yar", NEAT)
    os.chmod("ugly.yar", 0o640)
    os.symlink("ugly.yar", "link.yar")
    equal(kujo("yara", "fmt", "--check", "ugly.yar", "neat.yar", code=1).out, b"ugly.yar\n")
    equal(kujo("yara", "fmt", "--check", "neat.yar", code=0).out, b"")
    equal(read("ugly.yar"), UGLY)
    equal(kujo("yara", "fmt", "-w", "link.yar", "neat.yar", code=0).out, b"")
    equal(read("ugly.yar"), NEAT)
    equal(os.stat("ugly.yar").st_mode & 0o777, 0o640)
    check(os.path.islink("link.yar"))


@case("fmt leaves alone what are no rules, and says where that shows")
def _():
    for text, place in ((b"rule a { condition: true", b"1:25"), (b"\n\nnonsense", b"3:1"),
                        (b'rule a { strings: $a = "x\ncondition: $a }', b"1:24"),
                        (b"rule a { strings: $a = { 01 condition: $a", b"1:24"),
                        (b"rule a { condition: }", b"1:21"), (b"import 5", b"1:8"),
                        (b"rule a { condition: \xe9 }", b"1:21"), (b"/* no end", b"1:1"),
                        (b"rule a { meta: x = y condition: true }", b"1:20"), (b"}", b"1:1"),
                        (b"rule a { strings: $a = \"x\" xor(1 condition: $a }", b"1:49")):
        write("x.yar", text)
        result = kujo("yara", "fmt", "-w", "x.yar", code=1)
        check(result.err.startswith(b"kujo: x.yar:" + place + b": "), text, result)
        equal(read("x.yar"), text)
    kujo("yara", "fmt", "not-there.yar", code=1)


@case("laid out, rules compile to what they compiled to")
def _():
    rules = [RULES.encode(), CHECKED] + [read(path) for path in example_rules()]
    for number, text in enumerate(rules):
        write("before.yar", text)
        write("after.yar", kujo("yara", "fmt", "before.yar", code=0).out)
        check(read("after.yar") != text or number > 1)
        equal(kujo("yara", "fmt", "after.yar", code=0).out, read("after.yar"))
        for name in ("before", "after"):
            run(tool("yarac"), "-w", *EXTERNALS, name + ".yar", name)
        equal(read("after"), read("before"), text)
    return "%d files" % len(rules)


def example_rules():
    """Rules of this tree that yara can compile, too."""
    for folder, _, names in sorted(os.walk(os.path.join(os.path.dirname(__file__), ".."))):
        for name in sorted(names):
            path = os.path.join(folder, name)
            if name.endswith((".yar", ".yara")) and peer("-w", path, os.devnull)[1] == 0:
                yield path


@case("fmt survives rules that were cut or damaged")
def _():
    some = random.Random(7)
    for number in range(150):
        text = bytearray(UGLY if number % 2 else RULES.encode())
        for _ in range(some.randrange(1, 4)):
            at = some.randrange(len(text))
            text[at:at + some.randrange(3)] = some.choice(
                [b"", b"{", b"}", b"/*", b"//", b'"', b"\n", b"$", b"(", b")", b":", b"/", b"\0", b"\\"])
        del text[some.randrange(len(text)) if number % 3 == 0 else len(text):]
        result = kujo("yara", "fmt", stdin=bytes(text))
        check(result.code in (0, 1) and b"more than blanks" not in result.err, bytes(text), result)
        if result.code == 0:
            equal(kujo("yara", "fmt", stdin=result.out, code=0).out, result.out, bytes(text))


if __name__ == "__main__":
    sys.exit(run_cases())
