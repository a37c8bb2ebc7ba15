#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The module clamav, by conditions that must be true of files made here: where a program's entry point
and sections are, numbers, regular expressions, what an object is and is in, members of containers.

What programs, numbers and types should give was found out by asking clamscan 1.4.6 about such files.
Prints TAP. KUJO: the program's path.
"""
import bz2
import gzip
import io
import os
import random
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile

import pe_files as pe
import program_files as programs

KUJO = os.environ["KUJO"]
CHANCE = random.Random(20040127)


class Tap:
    count = 0
    failed = 0

    @classmethod
    def say(cls, ok, name, *why):
        cls.count += 1
        cls.failed += not ok
        print("ok" if ok else "not ok", cls.count, "-", name)
        for line in why if not ok else ():
            print("#", line)


def run(*command):
    return subprocess.run(command, capture_output=True, check=False, timeout=120, text=True, errors="replace")


def rules_of(conditions):
    return 'import "clamav"\n' + "".join(
        f"rule r{i} {{ condition: {condition} }}\n" for i, condition in enumerate(conditions))


def check_all(cases, name):
    """cases: {name: (content, conditions that are all true)}; each condition once, for each file."""
    conditions = sorted({condition for _, wanted in cases.values() for condition in wanted})
    number = {condition: i for i, condition in enumerate(conditions)}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "rules.yar")
        with open(path, "w", encoding="utf-8") as out:
            out.write(rules_of(conditions))
        targets = os.path.join(folder, "files")
        os.mkdir(targets)
        for index, (content, _) in enumerate(cases.values()):
            with open(os.path.join(targets, str(index)), "wb") as out:
                out.write(content)
        done = run(KUJO, "yara", "-r", path, targets)
    found = {tuple(line.split()) for line in done.stdout.splitlines()}
    for index, (case, (_, wanted)) in enumerate(cases.items()):
        there = {rule for rule, path in found if os.path.basename(path) == str(index)}
        false = [condition for condition in wanted if f"r{number[condition]}" not in there]
        Tap.say(not false and done.returncode == 0, f"{name}: {case}", *false, done.stderr[:500])


def noise(count):
    return bytes(CHANCE.randrange(1, 256) for _ in range(count))


# ---- programs ---------------------------------------------------------------------------------------

A = (b".a", 0x200, 0x1000, 0x200, 0x400)
B = (b".b", 0x200, 0x2000, 0x200, 0x600)
C = (b".c", 0x200, 0x3000, 0x200, 0x800)


def windows_program(sections, entry=0x1000, count=None, align=0x200, is64=False, patch=None):
    made = pe.Program(is64, entry=entry, sections=[pe.section(*s) for s in sections], file_alignment=align,
                      section_count=count)
    made.data = bytearray(noise(0x1000))
    out = bytearray(made.make())
    for offset, value in (patch or {}).items():
        struct.pack_into("<I", out, pe.HEADER_AT + 24 + offset, value)
    return bytes(out)


HEADERS_SIZE, SECTION_ALIGNMENT = 60, 32  # offsets in the optional header


def facts(entry, *sections):
    """Conditions: the program parses, starts at `entry`, and has these sections: (start, size)."""
    out = ["clamav.is_program", f"clamav.entry_point == {entry}", f"clamav.sections == {len(sections)}"]
    for i, (start, size) in enumerate(sections):
        out += [f"clamav.section_start({i}) == {start}", f"clamav.section_size({i}) == {size}"]
    out += [f"not defined clamav.section_start({len(sections)})", "not defined clamav.section_size(-2)",
            f"clamav.section_start(-1) == {sections[-1][0]}", f"clamav.section_size(-1) == {sections[-1][1]}"]
    return out


NOTHING = ["not clamav.is_program", "not defined clamav.entry_point", "not defined clamav.sections",
           "not defined clamav.section_start(0)", "not defined clamav.section_start(-1)"]


def windows_programs():
    plain = [(1024, 512), (1536, 512), (2048, 512)]
    moved = [(0, 4096)] * 3
    yield "plain", windows_program([A, B, C]), facts(1024, *plain)
    yield "of 64 bits", windows_program([A, B, C], is64=True), facts(1024, *plain)
    yield "entry in the headers", windows_program([A, B, C], entry=0x80), facts(128, *plain)
    yield "entry 0", windows_program([A, B, C], entry=0), facts(0, *plain)
    yield "entry nowhere", windows_program([A, B, C], entry=0x9000), NOTHING
    yield "entry in what is not in the file", windows_program([(b".a", 0x800, *A[2:]), B, C], entry=0x1300), NOTHING
    yield ("data not aligned", windows_program([(*A[:4], 0x410), B, C], entry=0x1010), facts(1040, *plain))
    yield ("small alignment", windows_program([(*A[:4], 0x410), B, C], entry=0x1010, align=0x10),
           facts(1056, (1040, 512), *plain[1:]))
    yield "odd size", windows_program([(b".a", 0x123, 0x1000, 0x123, 0x400), B, C]), facts(1024, *plain)
    yield ("no data", windows_program([A, (b".b", 0x200, 0x2000, 0, 0), C]),
           facts(1024, plain[0], (0, 0), plain[2]))
    yield ("data beyond the end", windows_program([A, B, (b".c", 0x8000, 0x3000, 0x8000, 0x1200)], entry=0x31F0),
           facts(5104, *plain[:2], (4608, 512)))
    yield ("entry beyond the end", windows_program([A, B, (b".c", 0x8000, 0x3000, 0x8000, 0x1200)], entry=0x3300),
           NOTHING)
    yield "97 sections", windows_program([A, B, C], count=97), NOTHING
    yield "no sections", windows_program([A, B, C], count=0), NOTHING
    yield ("sections that overlap", windows_program([A, (b".b", 0x200, 0x1100, 0x200, 0x600), C], entry=0x1180),
           facts(1920, *plain))
    yield ("coarse alignment that is not kept to", windows_program([A, B, C], align=0x1000), facts(1024, *plain))
    yield ("coarse alignment", windows_program([(*A[:4], 0x410), (*B[:4], 0x610), (*C[:4], 0x810)], align=0x1000),
           facts(0, *moved))
    yield "no alignment", windows_program([(b".a", 0x123, 0x1000, 0x123, 0x400), B, C], align=0), \
        facts(1024, (1024, 0x123), *plain[1:])
    yield ("entry in large headers", windows_program([A, B, C], entry=0x1010, patch={HEADERS_SIZE: 0x2000}),
           facts(4112, *plain))
    yield ("sections in memory not aligned",
           windows_program([A, (b".b", 0x200, 0x1180, 0x200, 0x600), C], entry=0x1190,
                           patch={SECTION_ALIGNMENT: 0x10}), facts(1552, *plain))
    yield "an address of nonsense", windows_program([A, B, (b".c", 0x200, 0xFFFFF000, 0x200, 0x800)]), NOTHING
    yield "cut short", windows_program([A, B, C])[:0x150], NOTHING


def elf(kind=2, is64=False, big=False, segments=None, entry=0x400004, patch=None, cut=None):
    made = programs.Elf(is64, big, kind, [programs.symbol(b"a", 1, 0, 0, 1)], [], padding=64)
    made.segments = made.segments if segments is None else segments
    out = bytearray(made.make(entry))
    for form, offset, value in patch or ():
        struct.pack_into(form, out, offset, value)
    return bytes(out[:cut]), [(s[4], s[5]) for s in made.sections]


def elf_programs():
    for name, options, entry in [
            ("program", {}, 124), ("of 64 bits", {"is64": True}, 132), ("big-endian", {"big": True}, 124),
            ("library", {"kind": 3}, 124), ("object", {"kind": 1, "segments": [], "entry": 0}, 0),
            ("no program headers", {"segments": []}, 0), ("no entry", {"entry": 0}, 0)]:
        content, sections = elf(**options)
        yield name, content, facts(entry, *sections)
    table = struct.unpack_from("<I", elf()[0], 32)[0]
    for name, options in [("entry nowhere", {"entry": 0x900000}), ("section table cut", {"cut": table + 60}),
                          ("section table nowhere", {"patch": [("<I", 32, 0x100000)]}),
                          ("no sections", {"patch": [("<H", 48, 0)]})]:
        yield name, elf(**options)[0], NOTHING


def mac_programs():
    sections = [(256, 16), (257, 16)]
    for big, is64, cpu, start in [(False, False, 7, "thread"), (True, False, 18, "thread"),
                                  (False, True, 0x01000007, "main"), (False, True, 0x0100000C, "main")]:
        entry = 0x1010 if start == "main" else None
        wanted = facts(0, *sections)
        wanted[1] = f"clamav.entry_point == {entry}" if entry else "defined clamav.entry_point"
        yield f"{start} {cpu:x}", programs.macho(big, is64, cpu, start), wanted
    wanted = facts(0, *sections)
    wanted[1] = "not defined clamav.entry_point"
    yield "library", programs.macho(False, True, 0x01000007, ""), wanted
    yield "universal", programs.universal_file(), NOTHING


def check_programs():
    cases = {}
    for kind, made in (("PE", windows_programs()), ("ELF", elf_programs()), ("Mach-O", mac_programs())):
        cases.update({f"{kind}, {name}": (content, wanted) for name, content, wanted in made})
    cases["text"] = (b"MZ is no program", NOTHING)
    cases["nothing"] = (b"", NOTHING)
    check_all(cases, "program")


def check_versions():
    made = pe.Program()
    version = pe.version_resource([("CompanyName", "Acme"), ("FileDescription", "A thing"), ("Odd", "")])
    pe.add_resources(made, [(16, [(1, [(0x409, version)])])])
    content = made.make()
    keys = [content.find(name.encode("utf-16-le")) for name in ("CompanyName", "FileDescription", "Odd")]
    wanted = [f"for any v in clamav.versions : (v == {at})" for at in keys]
    wanted += [f"clamav.versions[{i}] == {at}" for i, at in enumerate(keys)]
    wanted += ["not defined clamav.versions[3]", "not defined clamav.versions[-1]"]
    none = ["not defined clamav.versions[0]", "not for any v in clamav.versions : (true)"]
    check_all({"version information": (content, wanted), "none": (windows_program([A, B, C]), none),
               "no program": (b"text", none)}, "version")


# ---- numbers ----------------------------------------------------------------------------------------

INTEGER, HEX, DECIMAL, AUTO, LITTLE, EXACT = 0, 1, 2, 3, 4, 8

# flags, text, value (None: undefined)
NUMBERS = [
    (HEX, b"-12 ", -0x12), (HEX, b"+12 ", 0x12), (HEX, b"0X12", 0x12), (HEX, b"0x", 0), (HEX, b"0xg", 0),
    (HEX, b"  0x12", 0x12), (HEX, b"12345678", 0x12345678), (HEX, b"aBcD", 0xABCD), (HEX, b"gg", 0),
    (HEX, b"7fffffffffffffff", 0x7FFFFFFFFFFFFFFF), (HEX, b"ffffffffffffffff", None),
    (HEX | LITTLE, b"123g", 0x12), (HEX | LITTLE, b"12g4", 0x12), (HEX | LITTLE, b"1 34", 0),
    (HEX | LITTLE, b" 123", 0x2301), (HEX | LITTLE, b"  12", 0x12), (HEX | LITTLE, b"0x12", 0x12),
    (HEX | LITTLE, b"1234", 0x3412), (HEX | LITTLE, b"-123", 0), (HEX | LITTLE, b"123", 0x2301),
    (HEX | LITTLE, b"12345", 0x452301), (HEX | LITTLE, b"0x1234", 0x3412), (HEX | LITTLE, b" 0x12", 0x12),
    (HEX | LITTLE, b"00000000000000ff", None), (HEX | LITTLE, b"ff" + b"00" * 20, 255),
    (HEX | LITTLE, b"00" * 8 + b"01", None), (HEX | LITTLE, b"ffffffffffffff7f", 0x7FFFFFFFFFFFFFFF),
    (HEX | EXACT, b"0x12", 0x12), (HEX | EXACT, b"12", 0x12), (HEX | EXACT, b"1g", None), (HEX | EXACT, b"-12", -0x12),
    (HEX | EXACT, b"gg", None), (HEX | LITTLE | EXACT, b"1234", 0x3412), (HEX | LITTLE | EXACT, b"123", None),
    (DECIMAL, b"-  1", 0), (DECIMAL, b"-12", -12), (DECIMAL, b"--12", 0), (DECIMAL, b"\t\n\v\f\r 12", 12),
    (DECIMAL, b"\x0012", 0), (DECIMAL, b"12\x003", 12), (DECIMAL, b"12a", 12), (DECIMAL, b"x", 0),
    (DECIMAL, b"9223372036854775807", 0x7FFFFFFFFFFFFFFF), (DECIMAL, b"9223372036854775808", None),
    (DECIMAL, b"-9223372036854775808", -0x8000000000000000), (DECIMAL, b"0" * 60 + b"7", 7),
    (DECIMAL | EXACT, b"-12", -12), (DECIMAL | EXACT, b" 12", None), (DECIMAL | EXACT, b"12 ", None),
    (DECIMAL | EXACT, b"012", 12), (DECIMAL | EXACT, b"+12", 12), (DECIMAL | EXACT, b"xx", None),
    (AUTO, b"0x12", 0x12), (AUTO, b"0xg1", 0), (AUTO, b"-0x12", 0), (AUTO, b"012", 12), (AUTO, b"12", 12),
    (AUTO | EXACT, b"0x12", 0x12), (AUTO | EXACT, b"0x1g", None),
    (INTEGER | LITTLE, b"\x01", 1), (INTEGER, b"\x01\x02", 0x102), (INTEGER | LITTLE, b"\x01\x02", 0x201),
    (INTEGER, b"\x01\x02\x03\xff", 0x010203FF), (INTEGER | LITTLE, b"\x01\x02\x03\xff", 0xFF030201),
    (INTEGER, b"\xff" * 8, -1), (INTEGER | LITTLE, b"\x01" + b"\0" * 7, 1), (INTEGER, b"\xff", 255),
    (INTEGER, b"\x01\x02\x03", None), (INTEGER, b"\x01" * 5, None),
]


def number_is(call, value):
    if value is None:
        return f"not defined {call}"
    return f"{call} == -0x7FFFFFFFFFFFFFFF - 1" if value < -0x7FFFFFFFFFFFFFFF else f"{call} == {value}"


def check_numbers():
    cases = {}
    for flags, text, value in NUMBERS:
        call = f"clamav.number(3, {flags}, {len(text)})"
        cases[f"{flags} {text!r}"] = (b"\xff12" + text + b"\xff34", [number_is(call, value)])
    last = [number_is(f"clamav.number({offset}, 4, {length})", value) for offset, length, value in [
        (0, 8, 0x0807060504030201), (4, 4, 0x08070605), (5, 4, None), (7, 1, 8), (8, 1, None), (-1, 1, None),
        (0, 0, None), (0, -1, None), (0, 9, None), (0x7FFFFFFFFFFFFFFF, 8, None), (1, 0x7FFFFFFFFFFFFFFF, None)]]
    cases["at the ends"] = (bytes(range(1, 9)), last)
    check_all(cases, "number")


# ---- regular expressions ----------------------------------------------------------------------------

CASELESS, DOTALL, MULTILINE, EXTENDED, ANCHORED, DOLLAR_END, UNGREEDY, GLOBAL, WITHIN = (1 << i for i in range(9))

# pattern, flags, from, to, count
TEXT = b"one two three\nTwo four\n"
REGEXES = [
    ("two", 0, 0, -1, 1), ("two", GLOBAL, 0, -1, 1), ("two", GLOBAL | CASELESS, 0, -1, 2),
    ("two", CASELESS, 0, -1, 1), ("five", 0, 0, -1, 0), ("", 0, 0, -1, 1), ("", GLOBAL, 0, -1, 1),
    ("[a-z]+", GLOBAL, 0, -1, 5), ("^two", 0, 0, -1, 0), ("^two", 0, 4, -1, 1), (r"\btwo", 0, 4, -1, 1),
    ("^T", 0, 0, -1, 0), ("^T", MULTILINE, 0, -1, 1), ("three.Two", 0, 0, -1, 0), ("three.Two", DOTALL, 0, -1, 1),
    ("t w o # it", EXTENDED, 0, -1, 1), ("two", ANCHORED, 0, -1, 0), ("two", ANCHORED, 4, -1, 1),
    ("two", 0, 5, -1, 0), ("four$", 0, 0, -1, 1), ("four$", DOLLAR_END, 0, -1, 0), ("[a-z]+", GLOBAL | UNGREEDY, 0, -1, 17),
    # from, to: where a match begins
    ("two", 0, 0, 4, 1), ("two", 0, 0, 3, 0), ("two", 0, 4, 4, 1), ("two", 0, 5, 4, 0), ("three", 0, 0, 8, 1),
    ("(?<=one )two", 0, 0, 6, 1), ("(?<=one )two", 0, 4, 6, 0), ("[a-z]+", GLOBAL, 0, 8, 3), ("[a-z]+", GLOBAL, 0, 7, 2),
    # or all of it
    ("two", WITHIN, 0, 7, 1), ("two", WITHIN, 0, 6, 0), ("two$", WITHIN, 0, 7, 1), ("two", WITHIN, 0, -1, 1),
    ("three", WITHIN, 8, 1000, 1),
    # at the ends
    ("x?", 0, 23, -1, 1), ("x?", 0, 24, -1, 0), ("two", 0, -1, -1, 0), ("two", 0, 0, 0x7FFFFFFFFFFFFFFF, 1),
    ("two", 0, 0x7FFFFFFFFFFFFFFF, -1, 0), ("o(?=ne)|f", GLOBAL, 0, -1, 2), (r"(t)\w+\s\1", CASELESS, 0, -1, 1),
    # none that PCRE2 takes
    ("(", 0, 0, -1, None), ("a**b(", 0, 0, -1, None), ("[", 0, 0, -1, None), ("(*UTF)a", 0, 0, -1, None),
    ("x" * 70000, 0, 0, -1, None),
]


def check_regexes():
    wanted = []
    for pattern, flags, start, end, count in REGEXES:
        text = pattern.replace("\\", "\\\\").replace("\n", "\\n")
        wanted.append(number_is(f'clamav.regex("{text}", {flags}, {start}, {end})', count))
    for condition in wanted:
        check_all({condition[:60]: (TEXT, [condition])}, "regex") if len(condition) > 9999 else None
    check_all({"all": (TEXT, [w for w in wanted if len(w) < 9999])}, "regex")


def check_greed():
    """Patterns that backtrack end soon, and their files are not called clean."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in (("a", b"a" * 100000 + b"!"), ("b", b"ab" * 200000)):
            with open(os.path.join(folder, name), "wb") as out:
                out.write(content)
        for pattern, name in ((r"(a*)*c", "a"), (r"(a|aa)+$", "a"), (r"(?:a|b)*?c\1()", "b"), (r"(\w+\w+)+\W#", "b")):
            rules = os.path.join(folder, "rules.yar")
            text = pattern.replace("\\", "\\\\")
            with open(rules, "w", encoding="utf-8") as out:
                out.write(rules_of([f'clamav.regex("{text}", {GLOBAL | DOTALL}, 0, -1) > 0']))
            done = run(KUJO, "scan", "--definitions", "none", "--rules", rules, "--rules-kind", "yara",
                       os.path.join(folder, name))
            lines = (done.stdout + done.stderr).splitlines()
            Tap.say(done.returncode == 3, f"greed: {pattern}", str(done.returncode), *lines[-8:])
