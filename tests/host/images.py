#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Disk images against the same files as a directory. KUJO: dump_tree; KUJO_IMAGE: the program that
reads images."""

import glob
import hashlib
import os
import random
import shutil
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
# pylint: disable-next=wrong-import-position
from disks import MIB, blank, disk, fat, ntfs
# pylint: disable-next=wrong-import-position
from kit import KUJO, Skip, case, check, equal, few, kujo, read, run, run_cases, tool, write

IMAGE = os.path.abspath(os.environ["KUJO_IMAGE"])

FLAT = {
    "SYS32.EXE": random.Random(1).randbytes(32768),
    "big.bin": random.Random(2).randbytes(700001),
    "empty": b"",
    "tiny.txt": b"hello\n",
    "a long name with blanks.txt": b"long",
    "$notmeta.txt": b"not a file of the file system's own",
}
TREE = {
    "WINDOWS/WIN.INI": b"[windows]\r\nrun=\r\n",
    "WINDOWS/SYSTEM/KERNEL32.DLL": random.Random(3).randbytes(70000),
    "WINDOWS/All Users/Start Menu/Programs/StartUp/readme.txt": b"x" * 600,
    "Program Files/Outlook Express/a.b.c": b"",
    "LOGO.JPG": random.Random(4).randbytes(1292),
}


def dump(*arguments, code=0, helper=IMAGE):
    """The first line, and the others as a sorted list."""
    arguments = arguments if len(arguments) == 1 else (helper, *arguments)
    lines = kujo(*arguments, code=code).lines
    return lines[0], sorted(lines[1:])


def folder(files, name="tree"):
    os.makedirs(name, exist_ok=True)
    for path, content in files.items():
        write(os.path.join(name, path), content)
    return name


def digest(path):
    return hashlib.sha256(read(path)).hexdigest()


# ---- what is in an image is what is in the directory ---------------------------------------------

@case("NTFS: the same as the directory, and the image is not touched")
def ntfs_is_read():
    image = ntfs("disk.img", FLAT)
    before = digest(image)
    kind, lines = dump(image, "0")
    equal(kind, "NTFS")
    equal(lines, dump(folder(FLAT))[1])
    equal(digest(image), before)


@case("FAT12, FAT16 and FAT32: the same as the directory, without the label")
def fat_is_read():
    wanted = dump(folder(TREE))[1]
    for bits in (12, 16, 32):
        kind, lines = dump(fat("disk.img", TREE, bits), "1")
        equal(kind, "FAT%d" % bits)
        equal(lines, wanted, kind)


@case("partitions: by number, and by themselves the one with Windows")
def partitions_are_found():
    data = fat("data.img", {"readme.txt": b"data"}, 16)
    plain = ntfs("ntfs.img", FLAT)
    system = fat("system.img", {**TREE, "WINDOWS/SYSTEM.DAT": b"CREG"}, 16)
    image = disk("disk.img", (6, data), (0x83, blank("unknown.img", MIB)), (7, plain), (6, system))
    equal(dump(image, "1")[0], "FAT16")
    equal(dump(image, "3"), ("NTFS", dump(folder(FLAT))[1]))
    equal(dump(image, "0")[1], dump(image, "4")[1])
    check("dir WINDOWS" in dump(image, "0")[1], "the one with Windows")
    equal(dump(image, "2", code=1)[0], "unsupported: no file system that can be read")
    equal(dump(image, "5", code=1)[0], "unsupported: there is no partition 5")
    image = disk("disk.img", (0x83, blank("unknown.img", MIB)), (6, data), (7, plain))
    equal(dump(image, "0")[1], dump(image, "2")[1], "no Windows: the first that can be read")


@case("NTFS as mounted: directories, junctions, streams, what is deleted or compressed")
def ntfs_is_read_as_mounted():
    mount = tool("ntfs-3g")
    umount = tool("umount")
    image = ntfs("disk.img", {})
    os.mkdir("mnt")
    try:
        run(mount, "-o", "streams_interface=xattr", image, "mnt")
    except RuntimeError as why:
        raise Skip("no mounting here: %s" % why) from why
    try:
        folder(TREE, "mnt")
        for number in range(1500):
            write("mnt/many/file number %04d.txt" % number, b"%d" % number)
        write("mnt/deleted.exe", b"x" * 5000)
        os.remove("mnt/deleted.exe")
        write("mnt/stream.txt", b"main")
        os.setxattr("mnt/stream.txt", "user.hidden", b"in a stream")
        target = "\\??\\C:\\WINDOWS".encode("utf-16-le")
        names = target + b"\0\0" + b"\0\0"
        junction = struct.pack("<IHHHHHH", 0xA0000003, 8 + len(names), 0, 0, len(target),
                               len(target) + 2, 0) + names
        os.mkdir("mnt/junction")
        os.setxattr("mnt/junction", "system.ntfs_reparse_data", junction)
        write("mnt/wof.exe", b"")
        os.setxattr("mnt/wof.exe", "system.ntfs_reparse_data",
                    struct.pack("<IHH", 0x80000017, 16, 0) + b"\1\0\0\0\2\0\0\0\1\0\0\0\0\0\0\0")
        os.link("mnt/LOGO.JPG", "mnt/hard link.jpg")
    finally:
        run(umount, "mnt")
    kind, lines = dump(image, "0")
    equal(kind, "NTFS")
    folder({**TREE, "stream.txt": b"main", "hard link.jpg": TREE["LOGO.JPG"]})
    for number in range(1500):
        write("tree/many/file number %04d.txt" % number, b"%d" % number)
    equal(lines, sorted(dump("tree")[1] + [
        "link junction",
        "file wof.exe unsupported: compressed by Windows (CompactOS): cannot be read yet"]))


# ---- what cannot be read -------------------------------------------------------------------------

@case("containers, encrypted volumes and other files are refused with what to do")
def containers_are_refused():
    convert = "make a raw one of it first (qemu-img convert -O raw)"
    for name, content, sentence in (
            ("qcow2", b"QFI\xFB\0\0\0\3", "a qcow2 image: " + convert),
            ("vmdk", b"KDMV\1\0\0\0", "a VMDK image: " + convert),
            ("vmdk text", b"# Disk DescriptorFile\nversion=1\n", "a VMDK image: " + convert),
            ("vhd", b"conectix", "a VHD image: " + convert),
            ("vhdx", b"vhdxfile", "a VHDX image: " + convert),
            ("vdi", b"\0" * 64 + b"\x7F\x10\xDA\xBE", "a VDI image: " + convert),
            ("ewf", b"EVF\x09\x0D\x0A\xFF\0", "an EWF image: make a raw one of it first (ewfexport)"),
            ("bitlocker", b"\xEB\x58\x90-FVE-FS-", "encrypted with BitLocker: unlock it first"),
            ("luks", b"LUKS\xBA\xBE", "encrypted with LUKS: unlock it first"),
            ("text", b"hello", "no file system that can be read")):
        image = write(name, content.ljust(MIB, b"\0"))
        equal(dump(image, "0", code=1)[0], "unsupported: " + sentence, name)
    equal(dump(write("empty"), "0", code=1)[0], "unsupported: no file system that can be read")
    os.mkfifo("fifo")
    equal(dump("fifo", "0", code=1)[0], "unsupported: neither a directory nor a disk image")
    check("i/o error" in dump("nowhere", "0", code=1)[0], "missing")


@case("damaged images end in an answer")
def damage_is_survived():
    images = [ntfs("a.img", FLAT, 8 * MIB), fat("b.img", TREE, 12), fat("c.img", TREE, 16)]
    rng = random.Random(5)
    for image in images:
        whole = read(image)
        write("cut.img", whole[:len(whole) // 2])
        kujo(IMAGE, "cut.img", "0")
        used = [i for i in range(0, len(whole), 512) if any(whole[i:i + 512])]
        for _ in range(few(12, 300)):
            bad = bytearray(whole)
            for _ in range(rng.choice((1, 5, 50))):
                at = rng.choice(used[:400]) + rng.randrange(512)
                bad[at] = rng.choice((0, 0xFF, rng.randrange(256)))
            write("bad.img", bytes(bad))
            kujo(IMAGE, "bad.img", "0", timeout=60)


@case("directories that lead back to themselves are entered once")
def loops_end():
    image = fat("disk.img", {"A/B/file.txt": b"x", "A/C/other.txt": b"y"}, 12)
    content = bytearray(read(image))

    def entry(name):
        return content.index(name.ljust(11)) + 26  # where its first cluster stands
    for name in (b"B", b"C"):
        content[entry(name):entry(name) + 2] = content[entry(b"A"):entry(b"A") + 2]
    write(image, bytes(content))
    equal(dump(image, "0")[1], ["dir A", "dir A/B", "dir A/C", "other A/B/B", "other A/B/C",
                                "other A/C/B", "other A/C/C"])


# ---- a reader that is not to be believed ---------------------------------------------------------

FAKE = """#!%s
import os, socket, struct, sys, time, fcntl
HELLO, LIST, OPEN = 1, 2, 3
sock = socket.socket(fileno=3)
def reply(kind, body=b"", status=0, last=1, sentence=b""):
    return struct.pack("<5I", 0x4D494A4B, kind, status, last, len(sentence)) + sentence + body
def text(s):
    return struct.pack("<I", len(s)) + s
def hello():
    sock.send(reply(HELLO, struct.pack("<IIQ", 1, int(sys.argv[1]), 5) + struct.pack(
        "<IIQQ", 1, 1, 0, 1000) + text(b"NTFS") + text(b"")))
def entry(name, kind=0, links=1, id=7, size=3):
    return struct.pack("<IIQQqI", kind, links, id, size, 0, len(name)) + name
def memory(content, seals=15):
    fd = os.memfd_create("x", 2)
    os.write(fd, content)
    if seals:
        fcntl.fcntl(fd, 1033, seals)
    return fd
def wait(kind):
    packet = sock.recv(1000)
    if not packet:
        sys.exit()
    assert struct.unpack("<II", packet[:8]) == (0x4D494A4B, kind), packet
def give(fd, *bodies):
    hello()
    wait(LIST)
    sock.send(reply(LIST, entry(b"f")))
    wait(OPEN)
    socket.send_fds(sock, [reply(OPEN, body) for body in bodies], fd)
%s
"""
# What the fake does after it was started, and what is seen: of its first line, and all others.
FAKES = (
    ("ends at once", "", "i/o error: the image reader ended unexpectedly", []),
    ("babbles", "sock.send(b'nonsense')", "malformed: the image reader gave a wrong answer", []),
    ("many partitions", "sock.send(reply(HELLO, struct.pack('<IIQ', 1 << 31, 1, 5)))",
     "malformed: the image reader gave a wrong answer", []),
    ("says a status that is none", "sock.send(reply(HELLO, b'', 99))",
     "malformed: the image reader gave a wrong answer", []),
    ("says why not", "sock.send(reply(HELLO, b'', 7, 1, b'no\\x1b[31m way'))",
     "i/o error: no\\x1b[31m way", []),
    ("ends later", "hello(); wait(LIST)", "NTFS",
     ["failed  the image reader ended unexpectedly"]),
    ("wrong kind of answer", "hello(); wait(LIST); sock.send(reply(OPEN))", "NTFS",
     ["failed  the image reader gave a wrong answer"]),
    ("entry cut short", "hello(); wait(LIST); sock.send(reply(LIST, entry(b'abc')[:-1]))", "NTFS",
     ["failed  the image reader gave a wrong answer"]),
    ("no such kind of node", "hello(); wait(LIST); sock.send(reply(LIST, entry(b'abc', 4)))",
     "NTFS", ["failed  the image reader gave a wrong answer"]),
    ("names that are none", "hello(); wait(LIST); sock.send(reply(LIST, entry(b'../x', 3) + "
     "entry(b'..', 3) + entry(b'', 3) + entry(b'a\\0b', 3) + entry(b'good', 3) + entry(b'good', 2)))",
     "NTFS", ["other good"]),
    ("a file without a descriptor", "give([], entry(b''))", "NTFS",
     ["file f i/o error: the image reader gave a wrong answer"]),
    ("another file", "give([memory(b'abc')], entry(b'', id=8))", "NTFS",
     ["file f i/o error: the image reader gave a wrong answer"]),
    ("not sealed", "give([memory(b'abc', 0)], entry(b''))", "NTFS",
     ["file f i/o error: the image reader gave a wrong answer"]),
    ("not all of it", "give([memory(b'ab')], entry(b''))", "NTFS",
     ["file f i/o error: the image reader gave a wrong answer"]),
    ("not memory", "give([os.open('/dev/null', 0)], entry(b'', size=0))", "NTFS",
     ["file f i/o error: the image reader gave a wrong answer"]),
    ("several descriptors", "give([memory(b'abc'), memory(b'abc')], entry(b''))", "NTFS",
     ["file f 3 " + hashlib.sha256(b"abc").hexdigest()]),
    ("a good one", "give([memory(b'abc')], entry(b'')); wait(LIST)", "NTFS",
     ["file f 3 " + hashlib.sha256(b"abc").hexdigest()]),
)


@case("answers are not believed")
def answers_are_checked():
    image = blank("disk.img", MIB)
    for title, action, first, others in FAKES:
        script = write("fake", (FAKE % (sys.executable, action)).encode())
        os.chmod(script, 0o755)
        begun = time.monotonic()
        equal(dump(image, "1", code=0 if first == "NTFS" else 1, helper=os.path.abspath(script)),
              (first, others), title)
        check(time.monotonic() - begun < 20, title, "takes long")
    check("cannot be started" in dump(image, "1", code=1, helper="/nowhere/kujo-image")[0])


@case("a reader that dies in one question answers the next")
def reader_is_started_again():
    action = """
hello(); wait(LIST)
sock.send(reply(LIST, entry(b'a', id=1) + entry(b'b', id=2) + entry(b'c', id=3)))
while True:
    packet = sock.recv(1000)
    id = struct.unpack("<Q", packet[12:20])[0]
    if id == 2:
        sys.exit(1)
    socket.send_fds(sock, [reply(OPEN, entry(b'', id=id))], [memory(b'abc')])
"""
    # Only the first process is asked for the root again.
    action = action.replace("wait(LIST)\nsock.send", "first = not os.path.exists(%r)\n"
                            "open(%r, 'w').close()\nif first:\n    wait(LIST)\n    sock.send"
                            % (os.path.abspath("mark"), os.path.abspath("mark")))
    script = write("fake", (FAKE % (sys.executable, action)).encode())
    os.chmod(script, 0o755)
    ok = " 3 " + hashlib.sha256(b"abc").hexdigest()
    equal(dump(blank("disk.img", MIB), "1", helper=os.path.abspath(script)),
          ("NTFS", ["file a" + ok,
                    "file b i/o error: the image reader ended unexpectedly", "file c" + ok]))


@case("nothing is left running, and the reader says who it is for")
def nothing_is_left():
    reader = shutil.copy(IMAGE, os.path.abspath("reader"))
    dump(fat("disk.img", TREE, 12), "0", helper=reader)
    for place in glob.glob("/proc/[0-9]*/exe"):
        try:
            check(os.readlink(place) != reader, place)
        except OSError:
            pass
    done = kujo(program=IMAGE, code=1)
    equal(done.notes, ["kujo-image reads disk images for kujo, which starts it"])


if __name__ == "__main__":
    assert KUJO
    sys.exit(run_cases())
