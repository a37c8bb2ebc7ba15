#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kujo scan on disk images: the same as on the directory, and what cannot be looked into."""

import io
import json
import os
import signal
import struct
import subprocess
import sys
import time
import zipfile

from disks import MIB, blank, disk, fat, ntfs
from kit import (EICAR, EICAR_NAME, KUJO, case, check, environment, equal, filler, kujo, read, run_cases,
                 write)
from windows import GIF, JPEG, program

MIMAIL = "W32/Mimail.q@MM"


def packed():
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("eicar.com", EICAR)
    return memory.getvalue()


TREE = {
    "WINNT/SYS32.EXE": program(32768),
    "WINNT/OUTLOOK.EXE": program(50720),
    "WINNT/NOTEPAD.EXE": program(50960),
    "LOGO.JPG": filler(JPEG, 1292),
    "LOGOBIG.GIF": filler(GIF, 948),
    "Docs/eicar.com": EICAR,
    "Docs/packed.zip": packed(),
    "Docs/old/readme.txt": b"nothing\n",
}
# Only both files together are detected: each by itself could be anybody's.
TOGETHER = """schema: kujo/advisory/1
id: 2026-0001
name: W32/Tester.a
type: virus
platforms: [winxp]
evidence: synthetic
risk: {corporate: low, home: low}
dates: {discovered: 2026-01-01, published: 2026-01-01, modified: 2026-01-01}
artifacts:
  prog: {file: '%WinDir%\\tester.exe', size: 4000, kind: pe, role: body}
  mark: {file: 'C:\\tester.dat', size: 10, role: data}
detect:
  - {id: a, when: prog and mark, name: W32/Tester.a, class: exact}
remedy:
  - {do: quarantine, of: [prog]}
text:
  en: {summary: A test., characteristics: None., symptoms: None., infection: None., removal: None.}
  ja: {summary: 試験。, characteristics: なし。, symptoms: なし。, infection: なし。, removal: なし。}
tests:
  - {file: {path: '%WinDir%\\tester.exe', size: 4000, kind: pe}, expect: {8000: none}}
  - host:
      files: [{path: '%WinDir%\\tester.exe', size: 4000, kind: pe}, {path: 'C:\\tester.dat', size: 10}]
    expect: {8000: W32/Tester.a}
  - host:
      files: [{path: '%WinDir%\\tester.exe', size: 4000, kind: pe}]
    expect: {8000: none}
sources: [{by: test, date: 2026-01-01}]
""".encode()


def folder(files):
    for path, content in files.items():
        write("tree/" + path, content)
    return "tree"


def found_in(where, *arguments):
    """What is found, without the beginning of the path."""
    lines = kujo("scan", "-q", *arguments, where, code=1).found
    for line in lines:
        check(line.startswith(where), line)
    return sorted(line[len(where) + 1:] for line in lines)


def unseen(*arguments, code=2):
    return [line for line in kujo("scan", "-q", *arguments, code=code).notes
            if ": not fully scanned: " in line]


@case("a file system, and partitions: the same as the directory")
def same_as_directory():
    wanted = found_in(folder(TREE))
    equal(len(wanted), 4, wanted)
    image = fat("disk.img", TREE, 16)
    before = read(image)
    equal(found_in(image), wanted)
    equal(found_in(image, "-j", "3"), wanted)
    equal(found_in(image, "-j", "1", "--exclude", "*.zip"), wanted[:1] + wanted[2:])
    plain = ntfs("plain.img", {"eicar.com": EICAR, "!a.com": EICAR})
    marked = ["\\x21a.com: %s FOUND" % EICAR_NAME, "eicar.com: %s FOUND" % EICAR_NAME]
    equal(found_in(plain), marked)
    both = disk("both.img", (7, plain), (6, image))
    equal(found_in(both), ["1!" + line for line in marked] + ["2!" + line for line in wanted])
    equal(read(image), before, "the image is touched")
    write("list", b"disk.img\n")
    equal(len(kujo("scan", "-q", "plain.img", "-T", "list", code=1).found), 2 + len(wanted))


@case("several files that together show a threat; each volume by itself")
def union_of_files():
    write("together.yaml", TOGETHER)
    prog = {"WINDOWS/tester.exe": program(4000)}
    mark = {"tester.dat": b"0123456789"}
    rules = ("-d", "none", "-r", "together.yaml")
    one = fat("one.img", {**prog, **mark}, 12)
    equal(found_in(one, *rules), ["WINDOWS/tester.exe: W32/Tester.a FOUND"])
    fat("prog.img", prog, 12)
    fat("mark.img", {"WINDOWS/x": b"", **mark}, 12)
    for name in ("prog.img", "mark.img", disk("apart.img", (1, "prog.img"), (1, "mark.img"))):
        equal(kujo("scan", "-q", *rules, name, code=0).lines, [], name)
    three = disk("three.img", (1, "mark.img"), (1, one))
    equal(found_in(three, *rules), ["2!WINDOWS/tester.exe: W32/Tester.a FOUND"])
    line = json.loads(kujo("scan", "-q", "--json", *rules, three, code=1).lines[0])
    equal((line["path"], line["member"], line["by_volume"]),
          ("three.img", "2!WINDOWS/tester.exe", True))


@case("JSON, evidence, totals, the boot sector")
def told_like_members():
    image = fat("disk.img", TREE, 16)
    lines = [json.loads(line) for line in kujo("scan", "--json", image, code=1).lines]
    found = [line for line in lines if line["type"] == "detection"]
    equal(sorted((line["path"], line["member"]) for line in found),
          [(image, "Docs/eicar.com"), (image, "Docs/packed.zip!eicar.com"),
           (image, "WINNT/OUTLOOK.EXE"), (image, "WINNT/SYS32.EXE")])
    summary = lines[-1]
    equal((summary["files"], summary["objects"], summary["detected_files"], summary["incomplete"]),
          (len(TREE) + 1, len(TREE) + 2, 4, 0), "the boot sector is one more")
    check("uint16(0)" not in kujo("scan", "-e", image, code=1).out.decode())
    write("boot.yar", b"rule boot { condition: filesize == 512 and uint16(510) == 0xAA55 }")
    equal(found_in(image, "-d", "none", "-r", "boot.yar"), ["boot: boot FOUND"])


@case("an image stays where it is")
def never_moved():
    image = fat("disk.img", TREE, 16)
    write("plain.com", EICAR)
    result = kujo("scan", "--quarantine", "--state", "state", "plain.com", image, code=1)
    check(os.path.exists(image) and not os.path.exists("plain.com"), result)
    equal(result.err.count(b"it is a disk image, and never moved"), 1, result)


@case("what cannot be read is told, the rest is scanned")
def damage_is_told():
    plain = fat("plain.img", TREE, 16)
    both = disk("both.img", (0x83, blank("unknown.img", MIB)), (6, plain))
    result = kujo("scan", "-q", both, code=1)
    equal(len(result.found), 4)
    equal(result.notes, ["both.img!1: not fully scanned: no file system that can be read"])
    large = fat("large.img", {"large.bin": b"x" * 70000, "small.com": EICAR}, 12)
    result = kujo("scan", "-q", "--max-file-size", "64K", large, code=1)
    equal(result.found, ["large.img!small.com: %s FOUND" % EICAR_NAME])
    equal(result.notes,
          ["large.img!large.bin: not fully scanned: larger than what is read of an image"])
    write("cut.img", read(both)[:MIB // 2])
    equal(unseen("cut.img"), ["cut.img: not fully scanned: no file system that can be read"])
    kujo("scan", "-q", "--incomplete-ok", "cut.img", code=0)
    whole = read(plain)
    for at in (11, 13, 16):  # the sizes that everything else is found by
        write("bad.img", whole[:at] + b"\xFF" + whole[at + 1:])
        result = kujo("scan", "-q", "bad.img")
        check(result.code in (1, 2), at, result)
    root = whole.index(b"DOCS       ")
    write("bad.img", whole[:root + 26] + b"\xF0\xFF" + whole[root + 28:])
    result = kujo("scan", "-q", "bad.img")
    check("bad.img!WINNT/SYS32.EXE: %s FOUND" % MIMAIL in result.found, result)


@case("other containers are refused with what to do, and scanned as they are")
def containers_are_refused():
    for name, head, kind in (("a.qcow2", b"QFI\xFB\0\0\0\3", "qcow2"), ("a.vmdk", b"KDMV\1", "VMDK"),
                             ("b.vmdk", b"# Disk DescriptorFile\n", "VMDK")):
        write(name, head.ljust(100000, b"\0"))
        lines = unseen(name)
        equal(len(lines), 1, name)
        check(lines[0].startswith("%s: not fully scanned: a" % name) and kind in lines[0]
              and "qemu-img" in lines[0], lines)
    write("head.yar", b'rule head { strings: $a = "KDMV" condition: $a at 0 }')
    equal(kujo("scan", "-q", "-d", "none", "-r", "head.yar", "a.vmdk", code=1).found,
          ["a.vmdk: head FOUND"])


@case("files that only begin like an image are scanned as before")
def others_are_no_images():
    mark = b"rule mark { strings: $a = \"a mark\" condition: $a }"
    write("mark.yar", mark)
    rules = ("-d", "none", "-r", "mark.yar")
    body = b"\0" * 70000 + b"a mark"
    entry = struct.pack("<B3sB3sII", 0x80, b"\0\0\0", 7, b"\0\0\0", 63, 1000)
    for title, head in (
            ("no table", b"\xEB\x3C\x90".ljust(510, b"\0") + b"\x55\xAA"),
            ("a wild table", b"\xFA".ljust(446, b"\0") + b"\x55" * 64 + b"\x55\xAA"),
            ("no mark", b"\xFA".ljust(446, b"\0") + entry.ljust(66, b"\0"))):
        write("file", head + body)
        result = kujo("scan", "-q", *rules, "file", code=1)
        equal((result.lines, result.notes), (["file: mark FOUND"], []), title)
    table = entry.ljust(64, b"\0") + b"\x55\xAA"
    write("file", b"\xFA".ljust(446, b"\0") + table + body)
    result = kujo("scan", "-q", *rules, "file", code=1)
    equal(result.lines, ["file: mark FOUND"])
    equal(result.notes, ["file: not fully scanned: no file system that can be read"])
    write("file", program(446)[:446] + table + body)
    result = kujo("scan", "-q", *rules, "file", code=1)
    equal((result.lines, result.notes), (["file: mark FOUND"], []), "a program with such a table")


@case("a program that is an image, too, is looked at as both")
def both_are_scanned():
    image = disk("disk.img", (1, fat("one.img", {"eicar.com": EICAR}, 12)))
    content = read(image)
    head = program(446)[:446]
    write("both.exe", head + content[446:], b"a mark")
    write("mark.yar", b'import "pe" rule mark { strings: $a = "a mark" condition: $a and pe.is_pe }')
    equal(kujo("scan", "-q", "-r", "mark.yar", "both.exe", code=1).found,
          ["both.exe!eicar.com: %s FOUND" % EICAR_NAME, "both.exe: mark FOUND"])


@case("Ctrl-C ends it")
def stops():
    image = fat("disk.img", {"many/%04d.txt" % i: b"x" for i in range(3)}, 12)
    slow = write("slow.yar", b"rule slow { condition: for all i in (0..400000000) : (i >= 0) }")
    process = subprocess.Popen([KUJO, "scan", "-d", "none", "-r", slow, image],
                               env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    equal(process.returncode, 130)


if __name__ == "__main__":
    sys.exit(run_cases())
