#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kujo defs: builds are deterministic, damage is noticed, mistakes are located, and a scan with a
file that nobody checked gives an error, misses, or finds what it should."""

import json
import os
import random
import shutil
import struct
import sys

from kit import (ADVISORIES, EICAR, EICAR_NAME, KUJO, ROOT, case, check, equal, few, kujo, read,
                 run_cases, write)


TEN = os.path.join(ROOT, "tests", "rules", "data", "ten-mistakes.yaml")
RULE = b'rule one { strings: $a = "a needle" condition: $a }\n'


def build(output, *sources, **options):
    kujo("defs", "build", "--quiet", "-o", output, *sources, code=0, **options)
    return read(output)


# ---- building ------------------------------------------------------------------------------------

@case("two builds give the same bytes")
def _():
    equal(build("a", ADVISORIES) == build("b", ADVISORIES), True)


@case("so does one from another folder, by a relative path")
def _():
    shutil.copytree(ADVISORIES, "elsewhere/advisories")
    first = build("a", ADVISORIES)
    second = build(os.path.abspath("b"), "advisories", cwd="elsewhere")
    equal(first == second, True)


@case("so does one whose folders were filled in another order")
def _():
    files = [os.path.relpath(os.path.join(folder, name), ADVISORIES)
             for folder, _, names in os.walk(ADVISORIES) for name in names]
    random.Random(4).shuffle(files)
    for name in files:
        write(os.path.join("shuffled", name), read(os.path.join(ADVISORIES, name)))
    equal(build("a", ADVISORIES) == build("b", "shuffled"), True)


@case("so does one with its sources named one by one")
def _():
    files = sorted(os.path.join(folder, name)
                   for folder, _, names in os.walk(ADVISORIES) for name in names)
    equal(build("a", *files) == build("b", *files), True)


@case("a source that is named twice is an error, not two threats")
def _():
    path = os.path.join(ADVISORIES, "EICAR-Test-File.yaml")
    result = kujo("defs", "build", "-o", "x", path, path, code=2)
    check(not os.path.exists("x"), "a file was written", result)
    check(any("error" in line for line in result.notes), result)


@case("--release is in the file, and changes what is in it")
def _():
    build("new", ADVISORIES)
    kujo("defs", "build", "-q", "--release", "4000", "-o", "old", ADVISORIES, code=0)
    new, old = (json.loads(kujo("defs", "info", "--json", name, code=0).out)
                for name in ("new", "old"))
    equal((new["release"], old["release"]), (8000, 4000))
    check(old["threats"] < new["threats"], old, new)


@case("YARA rules build, with variables that --define gives")
def _():
    write("r.yar", b'rule r { strings: $a = "needle" condition: $a and level > 3 }\n')
    kujo("defs", "build", "-q", "-o", "x", "r.yar", code=2)
    kujo("defs", "build", "-q", "-o", "x", "-d", "level=4", "r.yar", code=0)
    write("hay", b"a needle")
    equal(kujo("scan", "-d", "x", "hay", code=1).found, ["hay: r FOUND"])
    kujo("defs", "build", "-q", "-o", "y", "-d", "level=3", "r.yar", code=0)
    kujo("scan", "-d", "y", "hay", code=0)


@case("a missing source, and none at all")
def _():
    result = kujo("defs", "build", "-o", "x", "absent.yaml", code=2)
    check("absent.yaml" in result.notes[0], result)
    check("No such file" in result.notes[0], result)
    kujo("defs", "build", "-o", "x", code=2)
    os.mkdir("empty")
    result = kujo("defs", "build", "-o", "x", "empty")
    check(result.code == 2 and "empty: " in result.notes[0], "definitions of nothing", result)


@case("an output that cannot be written, and one that is replaced in one step")
def _():
    result = kujo("defs", "build", "-o", "no/such/folder/x", ADVISORIES, code=2)
    check("no/such/folder/x" in result.notes[-1], result)
    result = kujo("defs", "build", "-o", ".", ADVISORIES, code=2)
    check(len(result.notes) >= 1, result)
    write("r.yar", RULE)
    write("x", b"what was there")
    kujo("defs", "build", "-o", "x", TEN, code=2)
    equal(read("x"), b"what was there", "a failed build touched its output")
    build("x", "r.yar")
    equal(sorted(name for name in os.listdir(".") if name[0] != "."), ["r.yar", "x"],
          "something was left behind")
    os.mkfifo("pipe")
    for output in ("pipe", "/dev/null"):
        before = os.lstat(output).st_mode
        kujo("defs", "build", "-o", output, "r.yar", code=2)
        equal(os.lstat(output).st_mode, before, "root could replace a device by a file")


@case("what needs a newer engine is left out, counted and said")
def _():
    text = read(os.path.join(ROOT, "tests", "rules", "data", "complete.yaml"))
    check(b"engine: 4.2.40" in text)
    write("new.yaml", text.replace(b"engine: 4.2.40", b"engine: 99.0.0")
          .replace(b"notes: [system-restore]", b"notes: []"))
    write("r.yar", RULE)
    result = kujo("defs", "build", "-o", "x", "new.yaml", "r.yar", code=0)
    check(any("new.yaml:" in line and "needs engine 99.0.0" in line for line in result.notes),
          result)
    info = json.loads(kujo("defs", "info", "--json", "x", code=0).out)
    check(info["skipped_engine"] > 0 and info["threats"] == 0 and info["rules"] == 1, info)
    equal(kujo("defs", "list", "x", code=0).lines, ["one"])


# ---- mistakes ------------------------------------------------------------------------------------

@case("an advisory with ten mistakes shows ten located errors")
def _():
    for command in (["check"], ["build", "-o", "x"]):
        result = kujo("defs", *command, TEN, code=2)
        errors = [line for line in result.notes if ": error: " in line]
        equal(len(errors), 10, result)
        places = [line[len(TEN):].split(":")[1:3] for line in errors]
        check(all(line.startswith(TEN + ":") for line in errors), result)
        check(all(part.isdigit() for place in places for part in place), places)
        equal(len({place[0] for place in places}), 10, "several in one line", result)
        check(any("10 errors" in line for line in result.notes), result)


@case("every error of every source is shown in one run")
def _():
    write("a.yar", b"rule a { condition: nothing }\nrule b { strings: $x = /(/ condition: $x }\n")
    write("b.yar", b'rule c { strings: $u = "unused" condition: true }\nrule c { condition: }\n')
    result = kujo("defs", "check", TEN, "a.yar", "b.yar", code=2)
    text = "\n".join(result.notes)
    for place in ("a.yar:1:", "a.yar:2:", "b.yar:1:", "b.yar:2:", TEN + ":"):
        check(place in text, "nothing about " + place, result)


@case("sources that are no text, or not what their name says")
def _():
    write("zeros.yaml", b"\0" * 5000)
    write("random.yaml", random.Random(1).randbytes(5000))
    write("random.yar", random.Random(2).randbytes(5000))
    write("empty.yaml")
    write("list.yaml", b"- a\n- b\n")
    write("other.yaml", b"schema: kujo/advisory/2\n")
    write("deep.yaml", b"schema: kujo/advisory/1\nname: " + b"[" * 20000)
    write("bomb.yaml", b"schema: kujo/advisory/1\n" + b"".join(
        b"a%d: &a%d [%s]\n" % (i, i, b",".join([b"*a%d" % (i - 1) if i else b"x"] * 9))
        for i in range(12)))
    write("deep.yar", b"rule a { condition: " + b"(" * 100000 + b"true" + b")" * 100000 + b" }")
    write("comment.yar", b"/* never closed")
    write("regex.yar", b"rule a { strings: $a = /" + b"(a{1,1000}){1,1000}" * 3
          + b"/ condition: $a }")
    for name in sorted(os.listdir(".")):
        if name.startswith("."):
            continue
        result = kujo("defs", "check", name)
        check(result.code in (0, 2), result)
        if name != "regex.yar":
            check(result.code == 2 and result.notes, "accepted", result)
        check(all("\x1b" not in line and "\0" not in line for line in result.notes), result)


@case("names in errors are escaped")
def _():
    name = "a\x1b[31m\n.yar"
    write(name, b"rule")
    result = kujo("defs", "check", name, code=2)
    check(b"\x1b" not in result.err, repr(result.err))
    check(result.notes[0].startswith("a\\x1b[31m\\n.yar:"), result)


@case("kujo defs check of all advisories runs their tests")
def _():
    result = kujo("defs", "check", ADVISORIES, code=0)
    check("0 failed" in result.lines[-1], result)


@case("a test that an advisory does not pass is an error with its place")
def _():
    text = read(os.path.join(ADVISORIES, "EICAR-Test-File.yaml"))
    check(b"none" in text)
    write("e.yaml", text.replace(b": none", b": EICAR-Test-File", 1))
    result = kujo("defs", "check", "e.yaml", code=2)
    check(any("e.yaml:" in line and "test fails" in line for line in result.notes), result)


# ---- damage --------------------------------------------------------------------------------------

def small():
    write("r.yar", RULE, b'rule two { strings: $b = { 01 02 ?? 04 [2-5] 06 } condition: $b }\n')
    return build("small.defs", "r.yar")


def positions(data):
    """All of the header and table, and a seeded sample of the rest."""
    head = 64 + 72 * struct.unpack_from("<I", data, 20)[0]
    rest = random.Random(7).sample(range(head, len(data)), few(40, 400))
    return sorted(random.Random(8).sample(range(head), few(40, 400)) + rest)


@case("kujo defs check notices flipped bytes, with the offset")
def _():
    data = small()
    equal(kujo("defs", "check", "small.defs", code=0).err, b"")
    for at in positions(data):
        flipped = bytearray(data)
        flipped[at] ^= 0x10
        write("f.defs", flipped)
        result = kujo("defs", "check", "f.defs", code=2)
        check(len(result.notes) == 1 and "f.defs" in result.notes[0], at, result)


@case("kujo defs check notices truncation and what was appended")
def _():
    data = small()
    for length in (0, 1, 7, 8, 63, 64, 65, 500, len(data) // 2, len(data) - 1):
        write("t.defs", data[:length])
        result = kujo("defs", "info", "t.defs", code=2)
        check(len(result.notes) == 1 and "t.defs" in result.notes[0], result)
        if length >= 8:
            kujo("defs", "check", "t.defs", code=2)
    write("t.defs", data + b"\0")
    kujo("defs", "check", "t.defs", code=2)


@case("a scan with a damaged file that the user names: exit 2 and one sentence")
def _():
    data = small()
    write("hay", b"a needle")
    equal(kujo("scan", "--definitions", "small.defs", "hay", code=1).found, ["hay: one FOUND"])
    for at in positions(data)[::3]:
        flipped = bytearray(data)
        flipped[at] ^= 0x80
        write("f.defs", flipped)
        result = kujo("scan", "--definitions", "f.defs", "hay", code=2)
        check(result.out == b"" and len(result.notes) == 1, at, result)
        check("f.defs: " in result.notes[0], result)
    os.truncate("f.defs", 100)
    kujo("scan", "--definitions", "f.defs", "hay", code=2)


@case("a scan with damaged default definitions never invents a name")
def _():
    shutil.copy(KUJO, "kujo")
    data = read(os.path.join(os.path.dirname(KUJO), "kujo.defs"))
    write("kujo.defs", data)
    names = set(kujo("defs", "list", code=0, program="./kujo").lines)
    write("e.com", EICAR)
    generator = random.Random(9)
    outcomes = {}
    for _ in range(few(120, 600)):
        damaged = bytearray(data)
        for _ in range(generator.choice((1, 1, 4, 64))):
            damaged[generator.randrange(len(data))] ^= generator.randrange(1, 256)
        write("kujo.defs", damaged)
        result = kujo("scan", "-q", "e.com", program="./kujo")
        check(result.code in (0, 1, 2), result)
        for line in result.found:
            check(line.rsplit(": ", 1)[1][:-len(" FOUND")] in names, "an invented name", result)
        if result.code == 2:
            check(result.notes, "an error without a sentence", result)
        page = kujo("info", EICAR_NAME, program="./kujo")
        check(page.code in (0, 1, 2), page)
        outcomes[result.code] = outcomes.get(result.code, 0) + 1
    return ", ".join("%d exit %d" % (n, code) for code, n in sorted(outcomes.items()))


@case("definitions from the future are refused with a sentence")
def _():
    data = bytearray(small())
    rows = [(8, 5, "format 5.0"), (36, 7 << 24 | 1 << 16 | 3, "engine 7.1.3")]
    for at, value, words in rows:
        newer = bytearray(data)
        struct.pack_into("<I", newer, at, value)
        struct.pack_into("<I", newer, 60, 0)
        end = 64 + 72 * struct.unpack_from("<I", newer, 20)[0]
        struct.pack_into("<I", newer, 60, crc32c(newer[:end]))
        write("newer.defs", newer)
        write("hay", b"a needle")
        for command in (["scan", "-d", "newer.defs", "hay"], ["defs", "info", "newer.defs"],
                        ["defs", "check", "newer.defs"], ["defs", "list", "newer.defs"]):
            result = kujo(*command, code=2)
            check(words in result.err.decode(), result)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


@case("what is no definitions file at all")
def _():
    write("hay", b"a needle")
    write("text", b"hello\n")
    write("nothing")
    os.mkdir("folder")
    os.mkfifo("pipe")
    for name in ("text", "nothing", "folder", "pipe", "absent", "/dev/null", "/dev/zero"):
        result = kujo("scan", "--definitions", name, "hay", code=2, timeout=20)
        check(len(result.notes) == 1 and name + ": " in result.notes[0], result)
        result = kujo("defs", "info", name, code=2, timeout=20)
        check(len(result.notes) == 1 and name + ": " in result.notes[0], result)


# ---- looking into them ---------------------------------------------------------------------------

@case("info and list say what a file holds")
def _():
    build("x", ADVISORIES)
    text = kujo("defs", "info", "x", code=0).out.decode()
    check("Release" in text and "8000" in text, text)
    info = json.loads(kujo("defs", "info", "--json", "x", code=0).out)
    equal((info["kujo"], info["type"], info["bytes"]), (1, "definitions", os.path.getsize("x")))
    names = kujo("defs", "list", "x", code=0).lines
    equal(names, sorted(set(names)))
    check("W32/Mimail.q@MM" in names and EICAR_NAME in names, names)
    equal(kujo("defs", "list", "--definitions", "x", code=0).lines, names)


sys.exit(run_cases())
