#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compound files and Outlook messages, made by compound.py, read by kujo: outlook.py WALK

What `walk` (walk.c) finds is compared with what went in, with what olefile finds in the same file,
and with what msgconvert (Email::Outlook::Message) makes of it. A tool that is not installed makes
its cases a TAP skip."""

import email
import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time

from compound import (BINARY, LONG, OBJECT, STRING8, TIME, UNICODE, attachment, compound, lzfu, message, msg)

WALK = os.path.abspath(sys.argv[1])
MARK = b"An inert text that must be found."
RTF = rb"{\rtf1\ansi An inert text, an inert text, an inert text.\par }"


class Skip(Exception):
    pass


def digest(data):
    """As walk's: without CR, without blanks before LF and LF at the end."""
    text = re.sub(rb"[ \t]+\n", b"\n", data.replace(b"\r", b""))
    return hashlib.sha256(text.rstrip(b"\n")).hexdigest()


def unescape(text):
    return re.sub(r"\\x([0-9A-F]{2})", lambda m: chr(int(m[1], 16)), text)


class Seen:
    """What walk saw in bytes: members (depth 1), headers, and what was not seen."""

    def __init__(self, data, name="a.bin"):
        with tempfile.TemporaryDirectory(prefix="kujo-outlook-") as place:
            path = os.path.join(place, name)
            with open(path, "wb") as file:
                file.write(data)
            before = time.monotonic()
            result = subprocess.run([WALK, "-l", "-m", path], capture_output=True, check=False, timeout=60)
            self.seconds = time.monotonic() - before
        if result.returncode:
            raise RuntimeError(f"walk: {result.returncode} {result.stderr.decode()[-2000:]}")
        self.members, self.headers, self.unseen = {}, {}, []
        for line in result.stdout.decode().splitlines():
            if line[0] == "=":
                _, depth, size, sha, _, flags, types, content_type, names = line.split("\t")
                names = [unescape(name) for name in names.split(" ")]
                if depth == "0":
                    self.types = types.split(",")
                elif depth == "1":
                    self.members.setdefault(names[0], []).append((int(size), sha, flags, content_type, names[1:]))
            elif line[0] == "#":
                name, value = line[2:].split(": ", 1)
                self.headers[name] = unescape(value)
            elif line[0] == "!":
                self.unseen.append(line)

    def has(self, name, data):
        return any(entry[:2] == (len(data), digest(data)) for entry in self.members.get(name, []))


def expect(truth, text):
    if not truth:
        raise AssertionError(text)


def expect_equal(found, wanted):
    expect(found == wanted, f"found {found!r}, wanted {wanted!r}")


# ---- compound files ------------------------------------------------------------------------------

TREE = {"WordDocument": MARK * 300, "\x01CompObj": b"c" * 70, "empty": b"",
        "Macros": {"PROJECT": b"p" * 4095, "VBA": {"Module1": b"m" * 4096, "dir": b"d"}}}


def paths(tree, before=""):
    for name, content in tree.items():
        if isinstance(content, dict):
            yield from paths(content, before + name + "/")
        elif content:
            yield before + name, content


def by_olefile(data):
    sys.path.append("/usr/lib/python3/dist-packages")
    try:
        import olefile
    except ImportError:
        raise Skip("olefile is not installed") from None
    ole = olefile.OleFileIO(data)
    return {"/".join(path): ole.openstream(path).read() for path in ole.listdir()}


def case_streams(tree, version):
    data = compound(tree, version)
    seen = Seen(data)
    expect_equal(sorted(seen.members), sorted(name for name, _ in paths(tree)))
    for name, content in paths(tree):
        expect(seen.has(name, content), f"{name} differs")
    expect_equal(seen.unseen, [])
    for name, content in by_olefile(data).items():
        expect(not content or seen.has(name, content), f"{name} differs from olefile's")


def case_many_sectors():
    """More FAT sectors than the header lists."""
    case_streams({"big": bytes(range(256)) * 4 * 7400, "last": MARK}, 3)


def changed(at, value, data=None):
    data = bytearray(data or compound(TREE))
    struct.pack_into("<I", data, at, value)
    return bytes(data)


def find_fat(data):
    """Where the FAT stands in a small file of version 3."""
    return (struct.unpack_from("<I", data, 76)[0] + 1) * 512


def case_circle():
    """A stream whose sectors come round gives what there is, once round at most."""
    data = compound({"s": MARK * 300})
    data = changed(find_fat(data) + 4 * 3, 0, data)
    seen = Seen(data)
    size = seen.members["s"][0][0]
    expect(size <= len(data), f"{size} bytes")
    expect(any("circle" in line for line in seen.unseen), seen.unseen)


def case_short_chain():
    data = compound({"s": MARK * 300})
    seen = Seen(changed(find_fat(data) + 4 * 3, 0xFFFFFFFE, data))
    expect(seen.has("s", (MARK * 300)[:4 * 512]), "the beginning is not handed out")
    expect("truncated" in seen.unseen[0], seen.unseen)


def case_directory_circle():
    data = compound({"s%d" % i: MARK * (i + 1) for i in range(9)})
    directory = struct.unpack_from("<I", data, 48)[0]
    seen = Seen(changed(find_fat(data) + 4 * directory, directory, data))
    expect(any("circle" in line for line in seen.unseen), seen.unseen)
    expect(seen.has("s0", MARK), "what stands before it is lost")


def case_tree_circle():
    """Entries that lead to one another are each handed out once."""
    def change(writer):
        for entry in writer.entries[1:]:
            entry[2] = entry[3] = entry[4] = 1
    seen = Seen(compound(TREE, change=change))
    expect_equal(sum(len(entries) for entries in seen.members.values()), 5)


def case_orphan():
    def change(writer):
        writer.entries[0][4] = 0xFFFFFFFF
    seen = Seen(compound({"lost": MARK}, change=change))
    expect(seen.has("lost", MARK), "an entry that nothing leads to is not handed out")


def case_cutoff():
    """Programs differ on which limit holds: both readings."""
    seen = Seen(compound({"s": MARK * 60}, cutoff=1024))
    expect(seen.has("s", MARK * 60), "not found where the header's limit has it")


def case_cut_off():
    data = compound(TREE)
    for end in range(0, len(data), 512):
        Seen(data[:end])
    seen = Seen(data[:-1])
    expect(seen.has("WordDocument", MARK * 300), "nothing is found in a cut file")


def case_many_entries():
    tree = {"%d" % i: b"" for i in range(100000)}
    tree["x"] = MARK
    seen = Seen(compound(tree))
    expect(seen.has("x", MARK), "x is not found")
    expect(seen.seconds < 20, f"{seen.seconds} s")


# ---- messages ------------------------------------------------------------------------------------

FIELDS = "From: Ann <ann@example.org>\r\nSubject: as sent\r\nMessage-ID: <1@example.org>\r\nX-Own: =?utf-8?q?=C3=BC?=\r\n\r\n"
FILE = attachment([(0x3701, BINARY, MARK * 200), (0x3707, UNICODE, "Größe.doc.exe"), (0x3704, UNICODE, "GRE~1.EXE"),
                   (0x3001, UNICODE, "Größe.doc.exe"), (0x370E, UNICODE, "Application/PDF"), (0x3705, LONG, 1)])


def case_message(version):
    seen = Seen(msg([(0x37, UNICODE, "RE: as shown"), (0x7D, UNICODE, FIELDS), (0x1000, UNICODE, "Text: ü"),
                     (0x1013, BINARY, b"<html>" + MARK), (0x1009, BINARY, lzfu(RTF))], [FILE], version))
    expect_equal(seen.types[0], "msg")
    expect(seen.has("body.txt", "Text: ü".encode()), "text")
    expect(seen.has("body.html", b"<html>" + MARK), "HTML")
    expect(seen.has("body.rtf", RTF), "RTF")
    size, sha, flags, content_type, names = seen.members["Größe.doc.exe"][0]
    expect_equal((size, sha), (len(MARK * 200), digest(MARK * 200)))
    expect_equal((flags, content_type, names), ("a", "application/pdf", ["GRE~1.EXE"]))
    expect_equal(seen.headers, {"From": "Ann <ann@example.org>", "Subject": "as sent", "X-Own": "ü",
                                "Message-ID": "<1@example.org>"})
    expect_equal(seen.unseen, [])


def case_never_sent():
    """What was never sent has properties for headers."""
    seen = Seen(msg([(0x37, UNICODE, "\x01\x05RE: draft"), (0x0C1A, UNICODE, "Ann"), (0x5D01, UNICODE, "ann@example.org"),
                     (0x0E04, UNICODE, "Bob"), (0x39, TIME, 132500000000000000), (0x1035, UNICODE, "<2@example.org>")]))
    expect_equal(seen.headers, {"Subject": "RE: draft", "From": "Ann <ann@example.org>", "To": "Bob",
                                "Date": "Mon, 16 Nov 2020 11:33:20 +0000", "Message-ID": "<2@example.org>"})


def case_code_page():
    text = "Привет"
    seen = Seen(msg([(0x3FFD, LONG, 1251), (0x37, STRING8, text.encode("cp1251")), (0x1000, STRING8, text.encode("cp1251"))]))
    expect_equal(seen.headers["Subject"], text)
    expect(seen.has("body.txt", text.encode("cp1251")), "a text keeps its bytes")


def inner(number, attachments):
    return message([(0x37, UNICODE, f"inner {number}"), (0x1000, UNICODE, f"text {number}")], attachments, True)


def wrap(content):
    return attachment([(0x3701, OBJECT, content), (0x3001, UNICODE, "wrapped"), (0x3705, LONG, 5)])


def case_embedded():
    deep = inner(1, [FILE, wrap(inner(2, [attachment([(0x3701, BINARY, MARK)])]))])
    seen = Seen(msg([(0x37, UNICODE, "outer")], [FILE, wrap(deep), wrap(inner(3, []))]))
    expect(seen.has("message 1/body.txt", b"text 1"), "text")
    expect(seen.has("message 1/message 1/body.txt", b"text 2"), "text")
    expect(seen.has("message 2/body.txt", b"text 3"), "text")
    expect(seen.has("message 1/message 1/attachment 1", MARK), "attachment")
    expect_equal(seen.members["message 1/Größe.doc.exe"][0][4], ["Größe.doc.exe", "GRE~1.EXE"])
    expect(seen.has("Größe.doc.exe", MARK * 200), "the outer message's attachment")


def case_too_deep():
    content = inner(0, [FILE])
    for number in range(40):
        content = inner(number, [wrap(content)])
    seen = Seen(msg([(0x37, UNICODE, "outer")], [wrap(content)]))
    expect(any("nested too deep" in line for line in seen.unseen), seen.unseen)
    found = [entry for entries in seen.members.values() for entry in entries if entry[1] == digest(MARK * 200)]
    expect(found, "what is deeper is no stream either")


def case_object():
    content = {"\x01Ole10Native": MARK, "sub": {"CONTENTS": MARK * 300}}
    seen = Seen(msg([], [attachment([(0x3701, OBJECT, content), (0x3001, UNICODE, "Package"), (0x3705, LONG, 6)])]))
    expect(seen.has("Package/\x01Ole10Native", MARK) and seen.has("Package/sub/CONTENTS", MARK * 300), seen.members)


def case_other_streams():
    """Streams that no program reads are handed out all the same, and only once."""
    tree = message([(0x37, UNICODE, "s"), (0x1000, UNICODE, "text")], [FILE])
    tree["hidden"] = MARK
    tree["__substg1.0_66660102"] = MARK * 2
    seen = Seen(compound(tree))
    expect_equal(seen.types[0], "msg")
    expect(seen.has("hidden", MARK) and seen.has("__substg1.0_66660102", MARK * 2), seen.members)
    expect_equal(sum(entry[1] == digest(MARK * 200) for entries in seen.members.values() for entry in entries), 1)


def case_called_message():
    """A document that is called a message is walked as what it is."""
    seen = Seen(compound(TREE), "report.msg")
    expect_equal(sorted(seen.members), sorted(name for name, _ in paths(TREE)))
    expect_equal(seen.headers, {})


def case_rtf():
    for text in (b"", b"a", b"ab" * 5000, bytes(range(256)) * 40, RTF * 100):
        seen = Seen(msg([(0x1009, BINARY, lzfu(text))]))
        expect(not text or seen.has("body.rtf", text), f"{len(text)} bytes of RTF")
    packed = lzfu(RTF * 10)
    seen = Seen(msg([(0x1009, BINARY, packed[:-2])]))
    expect(seen.has("body.rtf", RTF * 10) and "truncated" in seen.unseen[0], seen.unseen)
    seen = Seen(msg([(0x1009, BINARY, struct.pack("<II4sI", 12 + len(RTF), len(RTF), b"MELA", 0) + RTF)]))
    expect(seen.has("body.rtf", RTF), "uncompressed RTF")
    seen = Seen(msg([(0x1009, BINARY, MARK)]))
    expect(seen.has("body.rtf", MARK), "what is no compressed RTF stays as it is")


def case_msgconvert():
    if not shutil.which("msgconvert"):
        raise Skip("msgconvert is not installed")
    data = msg([(0x37, UNICODE, "s"), (0x7D, UNICODE, FIELDS), (0x1000, UNICODE, "Text ü"), (0x1009, BINARY, lzfu(RTF * 9)),
                (0x1013, BINARY, b"<p>" + MARK)],
               [FILE, attachment([(0x3701, BINARY, bytes(range(256)) * 90), (0x3707, UNICODE, "b.bin")])])
    with tempfile.TemporaryDirectory(prefix="kujo-outlook-") as place:
        path = os.path.join(place, "a.msg")
        with open(path, "wb") as file:
            file.write(data)
        result = subprocess.run(["msgconvert", "--outfile", "-", path], capture_output=True, check=True)
    seen = Seen(data)
    ours = {entry[1] for entries in seen.members.values() for entry in entries}
    leaves = [part.get_payload(decode=True) for part in email.message_from_bytes(result.stdout).walk()
              if not part.is_multipart()]
    expect_equal(len(leaves), 5)
    for leaf in leaves:
        expect(digest(leaf) in ours, f"msgconvert finds {leaf[:40]!r}")


CASES = [
    ("streams of a compound file, version 3", lambda: case_streams(TREE, 3)),
    ("version 4", lambda: case_streams(TREE, 4)),
    ("more FAT sectors than the header lists", case_many_sectors),
    ("a chain that comes round", case_circle),
    ("a chain that is too short", case_short_chain),
    ("a directory that comes round", case_directory_circle),
    ("a tree that comes round", case_tree_circle),
    ("an entry that nothing leads to", case_orphan),
    ("another limit for small streams", case_cutoff),
    ("a file that is cut off", case_cut_off),
    ("100,000 entries", case_many_entries),
    ("a message", lambda: case_message(3)),
    ("a message in version 4", lambda: case_message(4)),
    ("a message that was never sent", case_never_sent),
    ("texts in a code page", case_code_page),
    ("messages in a message", case_embedded),
    ("messages nested too deep", case_too_deep),
    ("an OLE object as attachment", case_object),
    ("streams that mean nothing", case_other_streams),
    ("a document that is called a message", case_called_message),
    ("compressed RTF", case_rtf),
    ("a message as msgconvert reads it", case_msgconvert),
]


def main():
    print(f"1..{len(CASES)}")
    failures = 0
    for number, (title, case) in enumerate(CASES, 1):
        try:
            case()
            print(f"ok {number} - {title}")
        except Skip as why:
            print(f"ok {number} - {title} # SKIP {why}")
        except (AssertionError, RuntimeError, OSError, KeyError, IndexError) as why:
            failures += 1
            print(f"not ok {number} - {title}\n# {type(why).__name__} {str(why)[:1000]}".replace("\n\n", "\n"))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
