#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""winmail.dat files written here, read by kujo: tnef.py WALK

Each case writes one TNEF stream and compares what `walk` (walk.c) finds in it with what went in, by
name, size and hash. Those that tnef(1) reads, too, are compared with what it extracts; without it
this is a TAP skip. Source: MS-OXTNEF, MS-OXCDATA, MS-OXRTFCP."""

import os
import shutil
import struct
import subprocess
import sys
import tempfile

MESSAGE, ATTACHMENT = 1, 2
SUBJECT, CLASS, BODY, CODE_PAGE = 0x18004, 0x78008, 0x2800C, 0x69007
MSG_PROPS, RENDERING, TITLE, DATA, PICTURE, ATTACHMENT_PROPS = (
    0x69003, 0x69002, 0x18010, 0x6800F, 0x68011, 0x69005)
I2, I4, BOOL, OBJECT, I8, STRING8, UNICODE, TIME, CLSID, BINARY = (
    2, 3, 11, 13, 20, 0x1E, 0x1F, 0x40, 0x48, 0x102)
WIDTHS = {I2: 2, I4: 4, BOOL: 2, I8: 8, TIME: 8, CLSID: 16}
MULTI = 0x1000
IMESSAGE = bytes.fromhex("0703020000000000c000000000000046")
ISTORAGE = bytes.fromhex("0b00000000000000c000000000000046")
TEXT = b"An inert file that kujo's tests put into attachments.\n" * 20
OTHER = bytes(range(256)) * 40


# ---- the writer ----------------------------------------------------------------------------------

def attribute(level, kind, data, length=None):
    return (struct.pack("<BII", level, kind, len(data) if length is None else length) + data +
            struct.pack("<H", sum(data) & 0xFFFF))


def padded(data):
    return data + bytes(-len(data) % 4)


def text(kind, value):
    return value.encode("utf-16-le") + b"\0\0" if kind == UNICODE else value + b"\0"


def prop(tag, kind, *values, name=None):
    """One property; `name` is a number or a text for a named one."""
    out = struct.pack("<HH", kind, tag)
    if name is not None:
        out += bytes(16)
        if isinstance(name, str):
            raw = name.encode("utf-16-le") + b"\0\0"
            out += struct.pack("<II", 1, len(raw)) + padded(raw)
        else:
            out += struct.pack("<II", 0, name)
    single = kind & ~MULTI
    if kind & MULTI or single not in WIDTHS:
        out += struct.pack("<I", len(values))
    for value in values:
        if single in WIDTHS:
            out += padded(value if isinstance(value, bytes)
                          else value.to_bytes(WIDTHS[single], "little"))
        else:
            out += struct.pack("<I", len(value)) + padded(value)
    return out


def props(*items):
    return struct.pack("<I", len(items)) + b"".join(items)


def stream(*attributes):
    return struct.pack("<IH", 0x223E9F78, 1) + b"".join(attributes)


def head():
    return attribute(MESSAGE, 0x89006, struct.pack("<I", 0x10000)) + attribute(
        MESSAGE, CODE_PAGE, struct.pack("<II", 1252, 0))


def rendering():
    return attribute(ATTACHMENT, RENDERING, struct.pack("<HIHHI", 1, 0, 0, 0, 0))


def attached(name, data):
    return rendering() + attribute(ATTACHMENT, TITLE, name.encode() + b"\0") + attribute(
        ATTACHMENT, DATA, data)


def lzfu(data):
    """Compressed RTF of literals, and a reference into what the dictionary begins with."""
    items = [(False, bytes([byte])) for byte in data]
    items.insert(0, (True, struct.pack(">H", 0 << 4 | 5 - 2)))  # "{\\rtf"
    end = (207 + 5 + len(data)) % 4096
    items.append((True, struct.pack(">H", end << 4)))
    out = b""
    for at in range(0, len(items), 8):
        group = items[at:at + 8]
        out += bytes([sum(1 << i for i, item in enumerate(group) if item[0])])
        out += b"".join(item[1] for item in group)
    return struct.pack("<IIII", len(out) + 12, len(data) + 5, 0x75465A4C, 0) + out


# ---- the cases -----------------------------------------------------------------------------------

def plain():
    return stream(head(), attached("one.txt", TEXT), attached("two.bin", OTHER))


def unicode_names():
    return stream(head(), attached("LONGNA~1.TXT", TEXT), attribute(
        ATTACHMENT, ATTACHMENT_PROPS, props(
            prop(0x3001, UNICODE, text(UNICODE, "shown")),
            prop(0x3707, UNICODE, text(UNICODE, "ein länger Name.txt")),
            prop(0x3704, STRING8, b"LONGNA~1.TXT\0"))))


def ansi_names():
    return stream(attribute(MESSAGE, CODE_PAGE, struct.pack("<II", 1251, 0)),
                  attached("x.txt", TEXT),
                  attribute(ATTACHMENT, ATTACHMENT_PROPS,
                            props(prop(0x3707, STRING8, "отчёт.txt".encode("cp1251") + b"\0"))))


def data_in_properties():
    return stream(head(), rendering(), attribute(ATTACHMENT, ATTACHMENT_PROPS, props(
        prop(0x3705, I4, 1), prop(0x3701, BINARY, TEXT),
        prop(0x3707, STRING8, b"inside.txt\0"))))


def skipped_properties():
    """All that has to be passed over right to reach the last one."""
    return stream(head(), rendering(), attribute(ATTACHMENT, ATTACHMENT_PROPS, props(
        prop(0x0001, I2, 7), prop(0x0002, BOOL, 1), prop(0x0003, I8, 5), prop(0x0004, TIME, 9),
        prop(0x0005, CLSID, bytes(16)), prop(0x8001, I4, 3, name=0x8501),
        prop(0x8002, UNICODE, text(UNICODE, "abc"), name="a name"),
        prop(0x8003, STRING8, b"x\0", name="odd"), prop(0x0006, I4 | MULTI, 1, 2, 3),
        prop(0x0007, STRING8 | MULTI, b"one\0", b"three\0", b"\0"),
        prop(0x0008, BINARY | MULTI, b"12345", b"6"), prop(0x0009, CLSID | MULTI, bytes(16)),
        prop(0x3707, UNICODE, text(UNICODE, "last.txt")), prop(0x3701, BINARY, TEXT))))


def any_order():
    return stream(attribute(ATTACHMENT, DATA, TEXT), attribute(ATTACHMENT, TITLE, b"late.txt\0"),
                  rendering(), attribute(ATTACHMENT, DATA, OTHER),
                  attribute(MESSAGE, BODY, b"a body\0"),
                  attribute(ATTACHMENT, ATTACHMENT_PROPS,
                            props(prop(0x3707, STRING8, b"other.bin\0"))))


def embedded():
    inner = stream(head(), attached("inner.txt", TEXT))
    return stream(head(), rendering(), attribute(ATTACHMENT, ATTACHMENT_PROPS, props(
        prop(0x3001, STRING8, b"A message\0"), prop(0x3705, I4, 5),
        prop(0x3701, OBJECT, IMESSAGE + inner))))


def storage():
    return stream(head(), rendering(), attribute(ATTACHMENT, ATTACHMENT_PROPS, props(
        prop(0x3707, STRING8, b"object.bin\0"), prop(0x3701, OBJECT, ISTORAGE + OTHER))))


def bodies():
    return stream(head(), attribute(MESSAGE, SUBJECT, b"the subject\0"),
                  attribute(MESSAGE, CLASS, b"IPM.Microsoft Mail.Note\0"),
                  attribute(MESSAGE, MSG_PROPS, props(
                      prop(0x1000, UNICODE, text(UNICODE, "größer\n")),
                      prop(0x1013, BINARY, b"<html>inert</html>"),
                      prop(0x1009, BINARY, lzfu(b"1\\ansi inert}")))))


def two_data():
    return stream(head(), attached("both.txt", TEXT),
                  attribute(ATTACHMENT, ATTACHMENT_PROPS, props(prop(0x3701, BINARY, OTHER))))


def picture():
    return stream(head(), attached("one.txt", TEXT), attribute(ATTACHMENT, PICTURE, OTHER))


def cut():
    return stream(head(), attached("cut.txt", TEXT))[:-len(TEXT) // 2]


def lying_length():
    return stream(head(), rendering(), attribute(ATTACHMENT, TITLE, b"lie.txt\0"),
                  attribute(ATTACHMENT, DATA, TEXT, length=0xFFFFFFFF))


def lying_count():
    return stream(head(), rendering(), attribute(
        ATTACHMENT, ATTACHMENT_PROPS,
        struct.pack("<I", 0xFFFFFFFF) + prop(0x3701, BINARY, TEXT)), attached("next.txt", OTHER))


def garbage():
    return plain() + b"\xAA" * 40


def empty_attachment():
    return stream(head(), attached("empty.txt", b""))


def unknown_type():
    return stream(head(), attached("one.txt", TEXT), attribute(
        ATTACHMENT, ATTACHMENT_PROPS, props(struct.pack("<HHI", 0x0999, 0x1234, 0))),
        attached("two.bin", OTHER))


RTF = b"{\\rtf1\\ansi inert}"
# title, writer, (depth, name, content) of all members in order, what is told, whether tnef(1) is
# to extract the same.
CASES = [
    ("attachments", plain, [(1, "one.txt", TEXT), (1, "two.bin", OTHER)], None, True),
    ("names in UTF-16", unicode_names, [(1, "ein länger Name.txt", TEXT)], None, False),
    ("names in a code page", ansi_names, [(1, "отчёт.txt", TEXT)], None, False),
    ("data among the properties", data_in_properties, [(1, "inside.txt", TEXT)], None, True),
    ("properties that are passed over", skipped_properties, [(1, "last.txt", TEXT)], None, False),
    ("attributes in any order", any_order,
     [(1, "late.txt", TEXT), (1, "body.txt", b"a body"), (1, "other.bin", OTHER)], None, False),
    ("a message in a message", embedded,
     [(1, "A message", stream(head(), attached("inner.txt", TEXT))), (2, "inner.txt", TEXT)],
     None, False),
    ("an object", storage, [(1, "object.bin", OTHER)], None, False),
    ("bodies", bodies, [(1, "body.txt", "größer\n".encode()),
                        (1, "body.html", b"<html>inert</html>"), (1, "body.rtf", RTF)], None,
     False),
    ("two data of one attachment", two_data, [(1, "both.txt", TEXT), (1, "both.txt", OTHER)], None,
     False),
    ("a preview", picture, [(1, "preview.wmf", OTHER), (1, "one.txt", TEXT)], None, True),
    ("a stream that is cut", cut, [(1, "cut.txt", TEXT[:len(TEXT) // 2 + 2])], "truncated", False),
    ("a length that lies", lying_length,
     [(1, "lie.txt", TEXT + struct.pack("<H", sum(TEXT) & 0xFFFF))], "truncated", False),
    ("a count that lies", lying_count, [(1, "attachment 1", TEXT), (1, "next.txt", OTHER)],
     "truncated", False),
    ("garbage at the end", garbage, [(1, "one.txt", TEXT), (1, "two.bin", OTHER)],
     "malformed: something that is no attribute", False),
    ("filling at the end", lambda: plain() + bytes(4096),
     [(1, "one.txt", TEXT), (1, "two.bin", OTHER)], None, False),
    ("an empty attachment", empty_attachment, [(1, "empty.txt", b"")], None, False),
    ("a property of an unknown type", unknown_type,
     [(1, "one.txt", TEXT), (1, "two.bin", OTHER)], "a property of an unknown type", False),
]


# ---- the comparison ------------------------------------------------------------------------------

def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return "%016x" % value


def walk(program, path, *options):
    result = subprocess.run([program, *options, path], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)
    if result.returncode:
        raise RuntimeError("walk: %d %s" % (result.returncode, result.stderr.decode()[-2000:]))
    return result.stdout.decode().splitlines()


def check_members(lines, members, told):
    seen = [(line.split(" ")[0], line.split(" ")[1].replace("\\x20", " "), line.split(" ")[-1])
            for line in lines[1:] if line[0] != "!"]
    wanted = [(str(depth), name, fnv1a(data)) for depth, name, data in members]
    if seen != wanted:
        return "found %s, not %s" % (seen, wanted)
    unseen = [line for line in lines if line[0] == "!"]
    if told is None and unseen or told is not None and not any(told in line for line in unseen):
        return "told %s, not %s" % (unseen, told)
    return None


def check_tnef(path, members):
    tool = shutil.which("tnef")
    if not tool:
        return None
    with tempfile.TemporaryDirectory(prefix="kujo-tnef-") as place:
        subprocess.run([tool, "--overwrite", "-C", place, "-f", path], check=True)
        for _, name, data in members:
            if name == "preview.wmf":
                continue
            with open(os.path.join(place, name), "rb") as file:
                if file.read() != data:
                    return "tnef(1) reads %s differently" % name
    return None


def check_names(program, place):
    """All names of one attachment, what Outlook shows first."""
    path = os.path.join(place, "names.dat")
    with open(path, "wb") as file:
        file.write(unicode_names())
    last = walk(program, path, "-l")[-1].split("\t")[-1]
    wanted = "ein\\x20länger\\x20Name.txt LONGNA~1.TXT shown"
    return None if last == wanted else "the names are %s" % last


def check_mail(program, place):
    path = os.path.join(place, "mail.dat")
    with open(path, "wb") as file:
        file.write(bodies())
    lines = walk(program, path, "-m")
    wanted = ["# Subject: the\\x20subject", "# Message-Class: IPM.Microsoft\\x20Mail.Note"]
    return None if lines[-2:] == wanted else "the mail says %s" % lines


def main():
    program = os.path.abspath(sys.argv[1])
    failures = 0
    print("1..%d" % (len(CASES) + 2))
    with tempfile.TemporaryDirectory(prefix="kujo-tnef-") as place:
        path = os.path.join(place, "winmail.dat")
        results = []
        for title, make, members, told, agrees in CASES:
            with open(path, "wb") as file:
                file.write(make())
            problem = check_members(walk(program, path), members, told)
            results.append((title, problem or (check_tnef(path, members) if agrees else None)))
        results.append(("all names", check_names(program, place)))
        results.append(("what it says of the message", check_mail(program, place)))
    for number, (title, problem) in enumerate(results, 1):
        print("%s %d - %s" % ("not ok" if problem else "ok", number, title))
        if problem:
            failures += 1
            print("# " + problem)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
