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
    (HEX | LITTLE | EXACT, b"\na ", None), (HEX | LITTLE | EXACT, b" 12 ", None), (HEX | LITTLE | EXACT, b"0x12", None),
    (HEX | LITTLE | EXACT, b"f", 15), (HEX | LITTLE | EXACT, b"g", None), (HEX | LITTLE | EXACT, b"12x1", None),
    (HEX | LITTLE | EXACT, b"wx", 0), (DECIMAL | EXACT, b"-", None), (AUTO | LITTLE, b"0x1234", 0x3412),
    (AUTO | LITTLE, b" 0x1f ", 1), (AUTO | LITTLE, b"0012", None), (AUTO | LITTLE | EXACT, b"0x1234", None),
    (HEX | LITTLE | EXACT, b"gg", 0), (HEX | LITTLE | EXACT, b"12gg", 0x12), (HEX | LITTLE, b" 12 ", 1),
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
    ("x?", 0, 22, -1, 1), ("x?", 0, 23, -1, 0), ("$", 0, 22, -1, 1), ("two", 0, -1, -1, 0), ("two", 0, 0, 0x7FFFFFFFFFFFFFFF, 1),
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
    check_all({"all": (TEXT, wanted)}, "regex")


def check_greed():
    """Patterns that backtrack end soon, and their files are not called clean."""
    content = b"a" * 100000 + b"!"
    with tempfile.TemporaryDirectory() as folder:
        target, rules = os.path.join(folder, "target"), os.path.join(folder, "rules.yar")
        with open(target, "wb") as out:
            out.write(content)
        for pattern in ("(a|aa)+$", "(?:a.{0,40}){3}[cd]", "((a+)+)+[xy]", "(?:a{1,50}){1,50}[xy]"):
            with open(rules, "w", encoding="utf-8") as out:
                out.write(rules_of([f'clamav.regex("{pattern}", {GLOBAL | DOTALL}, 0, -1) > 0']))
            done = run(KUJO, "scan", "--definitions", "none", "--rules", rules, "--rules-kind", "yara", target)
            told = "backtracks too much" in done.stderr
            Tap.say(done.returncode == 2 and told, f"greed: {pattern}", str(done.returncode), done.stderr)


# ---- what objects are, and are in -------------------------------------------------------------------

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(600)
ICON = b"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0" + struct.pack("<II", 100, 22) + bytes(200)

# name: (content, targets that hold, types that hold)
KINDS = {
    "PE": (windows_program([A, B, C]), {0, 1}, {"MSEXE"}),
    "DOS program": (b"MZ" + bytes(100), {0, 1}, {"MSEXE"}),
    "OLE": (OLE, {0, 2}, {"MSOLE2"}),
    "GIF": (b"GIF89a" + bytes(60), {0, 5}, {"GIF", "GRAPHICS"}),
    "TIFF": (b"II*\0\x08\0\0\0" + bytes(60), {0, 5}, {"TIFF", "GRAPHICS"}),
    "bitmap": (b"BM" + struct.pack("<IHHII", 100, 0, 0, 54, 40) + bytes(80), {0, 5}, {"GRAPHICS"}),
    "ELF": (elf()[0], {0, 6}, {"ELF"}),
    "text": (b"hello, this is a text\n", {0}, {"TEXT_ASCII", "TEXT_UTF8"}),
    "wide text": ("hello, this is a text\n".encode("utf-16"), {0}, {"TEXT_UTF16LE"}),
    "HTML": (b"<html><body>hello</body></html>", {0}, {"HTML"}),
    "Mach-O": (programs.macho(False, True, 0x01000007), {0, 9}, {"MACHO", "MACHO_UNIBIN"}),
    "PDF": (b"%PDF-1.4\n%%EOF\n", {0, 10}, {"PDF"}),
    "Flash": (b"FWS\x05" + struct.pack("<I", 60) + bytes(60), {0, 11}, {"SWF"}),
    "Java class": (b"\xca\xfe\xba\xbe\0\0\0\x34" + bytes(50), {0, 12}, {"JAVA"}),
    "message": (b"From: a@b.example\r\nTo: c@d.example\r\nSubject: x\r\nDate: Mon, 1 Jan 2001 00:00:00 +0000\r\n"
                b"Message-ID: <1@b.example>\r\n\r\nhello\r\n", {0, 4}, {"MAIL"}),
    "data": (bytes(range(128, 256)) * 4, {0, 14}, {"BINARY_DATA"}),
    "icon": (ICON, {0, 14}, {"BINARY_DATA"}),
    "zstd": (bytes.fromhex("28b52ffd2080010400") + bytes(range(128)), {0, 14}, {"BINARY_DATA"}),
    "RTF": (b"{\\rtf1 hello}", {0}, {"RTF"}),
    "gzip": (gzip.compress(bytes(9)), {0}, {"GZ"}),
    "bzip2": (bz2.compress(bytes(9)), {0}, {"BZ"}),
}


def check_targets():
    cases = {}
    for name, (content, targets, _) in KINDS.items():
        wanted = [("" if target in targets else "not ") + f"clamav.target({target})" for target in range(-1, 16)]
        wanted += ['clamav.container("CL_TYPE_ANY")', 'not clamav.container("CL_TYPE_ZIP")', 'not clamav.container("")',
                   'not clamav.intermediates("CL_TYPE_ANY")', 'not clamav.intermediates("")', "not clamav.has_members"]
        cases[name] = (content, wanted)
    check_all(cases, "target")


def zipped(members, compression=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


def tarred(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        folder = tarfile.TarInfo("dir")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def reversed_directory(archive):
    """The same ZIP with its central directory in the other order."""
    end = archive.rfind(b"PK\5\6")
    count, _, start = struct.unpack_from("<HII", archive, end + 10)
    records, at = [], start
    for _ in range(count):
        length = 46 + sum(struct.unpack_from("<HHH", archive, at + 28))
        records.insert(0, archive[at:at + length])
        at += length
    return archive[:start] + b"".join(records) + archive[end:]


def found_inside(conditions, content, name):
    """Sets of (object, number of the condition that is true there)."""
    with tempfile.TemporaryDirectory() as folder:
        rules, target = os.path.join(folder, "rules.yar"), os.path.join(folder, name)
        with open(rules, "w", encoding="utf-8") as out:
            out.write(rules_of(conditions))
        with open(target, "wb") as out:
            out.write(content)
        done = run(KUJO, "scan", "--definitions", "none", "--rules", rules, "--rules-kind", "yara", "--all", target)
    found = set()
    for line in done.stdout.splitlines():
        where, _, what = line.rpartition(": ")
        if what.endswith(" FOUND"):
            found.add((where.removeprefix(target).lstrip("!"), int(what[1:-6])))
    return found


def check_inside(name, content, wanted):
    """wanted: {condition: objects where it is true}."""
    found = found_inside(list(wanted), content, "target")
    expected = {(where, number) for number, places in enumerate(wanted.values()) for where in places}
    Tap.say(found == expected, f"inside: {name}", f"lacks {sorted(expected - found)}",
            f"has {sorted(found - expected)}", *wanted)


MEMBERS = [("dir/", b""), ("dir/a.txt", b"hello world" * 90), ("B.TXT", b"x" * 50), ("c.bin", bytes(70))]


def member(name="", container="", packed=(0, 1 << 62), size=(0, 1 << 62), encrypted=-1, position=(0, 1 << 62), crc=-1):
    numbers = [*packed, *size, encrypted, *position, crc]
    text = name.replace("\\", "\\\\")
    return f'clamav.member("{text}", "{container}", {", ".join(map(str, numbers))})'


def check_members():
    content = zipped(MEMBERS)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        infos = {info.filename: info for info in archive.infolist()}
    a = infos["dir/a.txt"]
    top = [""]
    true = [
        "clamav.has_members", member(), member("a.txt"), member("^dir/a[.]txt$"), member("A|B"), member("(?i)b.txt"),
        member("\\dir"), member(r"a\.txt$"), member("[.]bin$"), member("[]x.]bin"), member("", "CL_TYPE_ZIP"),
        member("a", "CL_TYPE_ANY"), member("", "", (a.compress_size, a.compress_size), (990, 990)),
        member("dir", size=(989, 991)), member("dir", position=(2, 2)), member("B", position=(3, 3)),
        member("c", position=(4, 4)), member("dir", crc=a.CRC), member("c", encrypted=0), member("[\\]?B"),
    ]
    false = [
        member("^a"), member("b.txt"), member("\\D"), member("", "CL_TYPE_POSIX_TAR"), member("dir", size=(991, 9999)),
        member("dir", size=(0, 989)), member("dir", packed=(990, 990)), member("dir", position=(1, 1)),
        member("B", crc=a.CRC), member("", encrypted=1), member("a", size=(50, 50)), member("("), member("", size=(5, 3)),
        member("a", size=(0, -1)), member("[\\.]txt\\\\"),
    ]
    check_inside("ZIP", content, {**{c: top for c in true}, **{c: [] for c in false}})
    check_inside("directory in another order", reversed_directory(content),
                 {member("dir", position=(3, 3)): top, member("B", position=(2, 2)): top,
                  member("c", position=(1, 1), packed=(infos["c.bin"].compress_size,) * 2): top,
                  member("dir", packed=(a.compress_size,) * 2, crc=a.CRC): top, member("dir", position=(2, 2)): []})
    check_inside("tar", tarred(MEMBERS[1:]),
                 {member("dir", "CL_TYPE_POSIX_TAR", (990, 990), (990, 990), -1, (1, 1)): top,
                  member("B", position=(2, 2)): top, member("c", position=(4, 4)): [], member("c", crc=5): []})
    check_inside("a stream", gzip.compress(content), {"clamav.has_members and filesize < 400": [], member(): ["target"]})
    check_inside("backslash", zipped([("d\\e.bin", bytes(50))], zipfile.ZIP_STORED),
                 {member("e.bin", packed=(50, 50), position=(1, 1)): top, member("e.bin", packed=(0, 49)): []})
    many = zipped([(f"folder{i}/", b"") for i in range(200)] + [(f"f{i}", bytes(i)) for i in range(300)])
    check_inside("many", many, {member("^f299$", size=(299, 299), position=(500, 500)): top,
                                member("^f0$", size=(0, 0), position=(201, 201)): top})
    lock = bytearray(content)  # says that a.txt is encrypted
    for signature, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        start = lock.find(signature, lock.find(signature) + 4)
        lock[start + at] |= 1
    check_inside("encrypted", bytes(lock),
                 {member("dir", encrypted=1, packed=(a.compress_size,) * 2, size=(990, 990), position=(2, 2)): top,
                  member("dir", encrypted=0): [], member("B", encrypted=1): []})


def check_containers():
    data = bytes(range(128, 256)) * 2
    inner = zipped([("x.bin", data)])
    outer = tarred([("in.zip", inner), ("far", bytes(80000))])  # a ZIP at its end would make it one, too
    place = "in.zip!x.bin"
    check_inside("containers", outer, {
        'clamav.container("CL_TYPE_ANY")': [""], 'clamav.container("CL_TYPE_ZIP")': [place],
        'clamav.container("CL_TYPE_POSIX_TAR")': ["in.zip", "far"], 'clamav.container("CL_TYPE_RAR")': [],
        'clamav.intermediates("CL_TYPE_ZIP")': [place], 'clamav.intermediates("CL_TYPE_POSIX_TAR>CL_TYPE_ZIP")': [place],
        'clamav.intermediates("CL_TYPE_ANY>CL_TYPE_ZIP")': [place], 'clamav.intermediates("CL_TYPE_ANY")': ["in.zip", "far", place],
        'clamav.intermediates("CL_TYPE_ANY>CL_TYPE_ANY")': [place],
        'clamav.intermediates("CL_TYPE_ANY>CL_TYPE_ANY>CL_TYPE_ANY")': [],
        'clamav.intermediates("CL_TYPE_ZIP>CL_TYPE_POSIX_TAR")': [], 'clamav.intermediates("CL_TYPE_ZIP>")': [],
        'clamav.intermediates(">CL_TYPE_ZIP")': [place], "clamav.target(14)": ["far", place]})
    office = {f"{part}.xml": f"CL_TYPE_OOXML_{name}" for part, name in [
        ("word/document", "WORD"), ("xl/workbook", "XL"), ("ppt/presentation", "PPT")]}
    for part, kind in office.items():
        content = zipped([("[Content_Types].xml", b"<Types/>"), (part, b"<x/>"), ("x.bin", data)])
        wanted = {f'clamav.container("{other}") and clamav.target(14)': ["x.bin"] if other == kind else []
                  for other in office.values()}
        wanted['clamav.container("CL_TYPE_ZIP") and clamav.target(14)'] = ["x.bin"]
        check_inside(kind, content, wanted)
    check_inside("behind a program", windows_program([A, B, C]) + inner, {
        'clamav.container("CL_TYPE_ZIPSFX") and clamav.target(14)': ["x.bin"],
        'clamav.container("CL_TYPE_ZIP") and clamav.target(14)': ["x.bin"], 'clamav.container("CL_TYPE_RARSFX")': []})
    for name, (content, _, types) in KINDS.items():
        every = sorted({kind for _, _, kinds in KINDS.values() for kind in kinds})
        if name in ("gzip", "bzip2"):
            found = found_inside([f'clamav.container("CL_TYPE_{kind}")' for kind in every], content, "target")
            Tap.say({every[number] for _, number in found} == types, f"inside: {name}", str(found))


def check_passwords():
    """Definitions bring passwords, which open archives that no message says one of."""
    with tempfile.TemporaryDirectory() as folder:
        path = {name: os.path.join(folder, name) for name in ("a.txt", "a.zip", "rules.ndb", "words.pwdb")}
        for name, text in (("a.txt", "hello, world"), ("rules.ndb", f"Hello:0:*:{b'hello, world'.hex()}\n"),
                           ("words.pwdb", "First;Engine:81-255;0;other\nSecond;Engine:81-255;1;736573616d65\n")):
            with open(path[name], "w", encoding="utf-8") as out:
                out.write(text)
        run("zip", "-q", "-j", "-P", "sesame", path["a.zip"], path["a.txt"])
        scan = (KUJO, "scan", "--definitions", "none", "--rules", path["rules.ndb"])
        without, with_words = run(*scan, path["a.zip"]), run(*scan, "--rules", path["words.pwdb"], path["a.zip"])
        Tap.say("FOUND" not in without.stdout and without.returncode == 2, "passwords: none", without.stdout)
        Tap.say("Hello FOUND" in with_words.stdout and with_words.returncode == 1, "passwords: of definitions",
                with_words.stdout, with_words.stderr)


def main():
    check_programs()
    check_versions()
    check_numbers()
    check_regexes()
    check_greed()
    check_targets()
    check_members()
    check_containers()
    check_passwords()
    print(f"1..{Tap.count}")
    return 1 if Tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
