#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a folder can hold that is meant to stop a scan: each gives one clear line, in bounded time
and memory, and the scan goes on to the EICAR file that lies behind it."""

import bz2
import gzip
import io
import lzma
import os
import random
import resource
import signal
import socket
import struct
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
import zlib

from kit import (EICAR, EICAR_NAME, KUJO, LONG, Result, SANITIZED, Skip, case, check,
                 environment, equal, kujo, run_cases, write)

# Address space that one process may take; a sanitizer reserves terabytes.
MEMORY = None if SANITIZED else 3 << 30


def limited():
    if MEMORY:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def scan(*arguments, seconds=60):
    """A scan within limits; its result and the seconds it took."""
    start = time.monotonic()
    command = [KUJO, "scan", "-q", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, env=environment(), preexec_fn=limited,
                          timeout=seconds * (8 if SANITIZED else 1), check=False)
    result = Result(command, done.returncode, done.stdout, done.stderr)
    check(done.returncode >= 0 and b"Sanitizer" not in done.stderr, result)
    return result, time.monotonic() - start


def goes_on(result, behind="d/zzz.com"):
    check("%s: %s FOUND" % (behind, EICAR_NAME) in result.found, "the scan did not go on", result)


def line_about(result, path):
    lines = [line for line in result.notes if path in line]
    check(len(lines) == 1, "not one line about " + path, result)
    return lines[0]


# ---- special files -------------------------------------------------------------------------------

@case("a pipe, a socket and devices are never opened: one line each")
def _():
    os.mkdir("d")
    os.mkfifo("d/pipe")
    sock = socket.socket(socket.AF_UNIX)
    sock.bind("d/socket")
    names = ["d/pipe", "d/socket"]
    try:
        os.mknod("d/zero", 0o20666, os.makedev(1, 5))
        names.append("d/zero")
    except PermissionError:
        pass
    write("d/zzz.com", EICAR)
    result = kujo("scan", "d", code=1)
    goes_on(result)
    for name in names:
        check("skipped: " in line_about(result, name), result)
    for name in names + ["/dev/zero", "/dev/tty", "/dev/null"]:
        result = kujo("scan", name, timeout=20)
        check(result.code in (0, 2) and len(result.notes) == 1, result)
    sock.close()


@case("links: loops, dangling, to the parent; those named are followed, those met are not")
def _():
    os.mkdir("d")
    os.symlink("loop", "d/loop")
    os.symlink("b", "d/a")
    os.symlink("a", "d/b")
    os.symlink("..", "d/parent")
    os.symlink("absent", "d/dangling")
    os.symlink(".", "d/self")
    write("d/zzz.com", EICAR)
    os.symlink("zzz.com", "d/link")
    os.symlink("d", "linked")
    result = kujo("scan", "d", code=1)
    equal(result.found, ["d/zzz.com: %s FOUND" % EICAR_NAME])
    equal(kujo("scan", "-q", "linked", code=1).found,
          ["linked/zzz.com: %s FOUND" % EICAR_NAME])
    equal(kujo("scan", "-q", "d/link", code=1).found, ["d/link: %s FOUND" % EICAR_NAME])
    for name in ("d/loop", "d/dangling"):
        result = kujo("scan", "-q", name, "d/zzz.com", code=1)
        line_about(result, name + ": ")


@case("/proc and /sys are skipped, named or met, with one line")
def _():
    for place in ("/proc", "/sys", "/proc/self", "/proc/self/fd"):
        result = kujo("scan", place, timeout=20)
        equal(result.found, [])
        equal(len(result.notes), 1, result)
        check("skipped: " in result.notes[0], result)


@case("a missing file, an empty name, a path through a file")
def _():
    write("file", b"x")
    write("zzz.com", EICAR)
    for name in ("absent", "", "file/below", "n" * 5000):
        result = kujo("scan", "-q", name, "zzz.com", code=1)
        equal(len(result.notes), 1, result)
        goes_on(result, "zzz.com")


@case("a file that shrinks, grows, vanishes or is replaced while it is read")
def _():
    os.mkdir("d")
    write("d/zzz.com", EICAR)
    stop = threading.Event()

    def play():
        turn = 0
        while not stop.is_set():
            turn += 1
            for name in ("d/a.tar", "d/b.bin"):
                try:
                    if turn % 4 == 0:
                        os.unlink(name)
                    elif turn % 4 == 1:
                        write(name, TAR)
                    else:
                        os.truncate(name, len(TAR) // 3 if turn % 2 else len(TAR) * 2)
                except FileNotFoundError:
                    pass
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for i in range(40):
            info = tarfile.TarInfo("m%d" % i)
            info.size = 100000
            archive.addfile(info, io.BytesIO(bytes(100000)))
    TAR = stream.getvalue()
    thread = threading.Thread(target=play)
    thread.start()
    try:
        for _ in range(12):
            result = kujo("scan", "-q", "d", code=1)
            goes_on(result)
            check(all(line.count("d/") >= 1 for line in result.notes), result)
    finally:
        stop.set()
        thread.join()


@case("a folder that is 300 deep, and one with 5,000 files")
def _():
    place = "d/" + "/".join(["x"] * 300)
    write(place + "/e.com", EICAR)
    for i in range(5000):
        write("d/many/%04d" % i)
    write("d/zzz.com", EICAR)
    result, _ = scan("d")
    goes_on(result)
    goes_on(result, place + "/e.com")


@case("a folder that is deeper than what the walk follows is one error")
def _():
    here = os.getcwd()
    os.mkdir("d")
    os.chdir("d")
    for _ in range(700):
        os.mkdir("x")
        os.chdir("x")
    write("deep.com", EICAR)
    os.chdir(here)
    write("d/zzz.com", EICAR)
    result, _ = scan("d")
    goes_on(result)
    check(len(result.notes) == 1 or len(result.found) == 2, result)


# ---- bombs ---------------------------------------------------------------------------------------

def zeros_zip(path, size, levels=1):
    """A ZIP of zeros, in ZIPs."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("zeros", "w", force_zip64=True) as member:
            for _ in range(size >> 20):
                member.write(b"\0" * (1 << 20))
    for level in range(levels - 1):
        data = open(path, "rb").read()
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for i in range(10):
                archive.writestr("%d-%d.zip" % (level, i), data)
    return path


def add_bomb(title, make, word=None):
    @case("bomb: " + title)
    def _():
        os.mkdir("d")
        path = make()
        write("d/zzz.com", EICAR)
        result, seconds = scan("d")
        goes_on(result)
        lines = [line for line in result.notes if line.startswith(path)]
        check(lines and all("not fully scanned: " in line for line in lines), result)
        check(len(lines) <= 101, "%d lines about one file" % len(lines), result)
        if word:
            check(any(word in line for line in lines), result)
        check(SANITIZED or seconds < 30, "took %.1f s" % seconds, result)


# More than one member may have, and cheap to make.
MEBIBYTES = 1024 if LONG else 300


def zeros_by(packer):
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(MEBIBYTES)) + packer.flush()


def gzip_bomb(levels):
    def make():
        out = zeros_by(zlib.compressobj(9, zlib.DEFLATED, 31))
        for _ in range(levels - 1):
            out = gzip.compress(out)
        return write("d/a.gz", out)
    return make


def xz_bomb():
    return write("d/a.xz", zeros_by(lzma.LZMACompressor(preset=0)))


def bz2_bomb():
    return write("d/a.bz2", zeros_by(bz2.BZ2Compressor()))


def overlapping_zip():
    """Each member's data quote the next member's header in a stored block and go on with its data,
    so that 1,500 members of 512 KiB share one run of compressed zeros (after David Fifield)."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    content, body = bytes(512 << 10), packer.compress(bytes(512 << 10)) + packer.flush()
    size, crc, tail, entries = len(content), zlib.crc32(content), body, []
    for number in range(1500):
        name = b"%04d" % number
        fields = struct.pack("<HHHHHIIIH", 20, 0, 8, 0, 0x21, crc, len(tail), size, len(name))
        head = b"PK\3\4" + fields + b"\0\0" + name
        tail = head + tail
        entries.append((fields, len(tail), name))
        quote = b"\0" + struct.pack("<HH", len(head), len(head) ^ 0xFFFF)
        content, size = head + content, size + len(head)
        crc, tail = zlib.crc32(content), quote + tail
    data = tail[5:]                         # the last quote quotes nobody's
    end = len(data)
    directory = b"".join(
        b"PK\1\2\x14\0" + fields + struct.pack("<HHHHII", 0, 0, 0, 0, 0, end - from_end) + name
        for fields, from_end, name in entries)
    # A header's place is counted from the end of the data, and quotes in front of it push it back.
    return write("d/overlap.zip", data, directory, struct.pack(
        "<IHHHHIIH", 0x06054B50, 0, 0, len(entries), len(entries), len(directory), end, 0))


def quine_like_nest():
    """A gzip in a gzip, 400 deep."""
    data = EICAR
    for _ in range(400):
        data = gzip.compress(data, 0)
    return write("d/nest.gz", data)


def many_members():
    with zipfile.ZipFile("d/many.zip", "w") as archive:
        for i in range(110000):
            archive.writestr(zipfile.ZipInfo("%d" % i), b"")
    return "d/many.zip"


def mail_nest():
    data = b"Subject: x\n\nend\n"
    for i in range(200):
        data = (b"Content-Type: message/rfc822\n\n" if i % 2 else
                b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i)) + data
    return write("d/nest.eml", b"From: a@example.org\nSubject: x\nMIME-Version: 1.0\n" + data)


def tar_with_a_lying_size():
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("x"), io.BytesIO())
    data = bytearray(stream.getvalue())
    data[124:136] = b"\x80\0\0\0\x7f" + b"\xff" * 7         # base 256: nearly 2^63 bytes
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    return write("d/lying.tar", data)


add_bomb("1 GiB of zeros in a ZIP", lambda: zeros_zip("d/a.zip", 1 << 30))
add_bomb("ZIPs in ZIPs, 1,000 times 64 MiB", lambda: zeros_zip("d/a.zip", 64 << 20, 4))
add_bomb("%d MiB of zeros in a gzip" % MEBIBYTES, gzip_bomb(1))
add_bomb("%d MiB of zeros in a gzip in a gzip" % MEBIBYTES, gzip_bomb(2))
add_bomb("%d MiB of zeros in an xz" % MEBIBYTES, xz_bomb)
add_bomb("%d MiB of zeros in a bzip2" % MEBIBYTES, bz2_bomb)
add_bomb("1,500 members of a ZIP that share their bytes", overlapping_zip)
add_bomb("a gzip in a gzip, 400 deep", quine_like_nest)
add_bomb("110,000 members", many_members)
add_bomb("a message in a message, 200 deep", mail_nest)
add_bomb("a tar whose member says it has 2^63 bytes", tar_with_a_lying_size)


@case("a sparse file of 8 GiB is one line")
def _():
    os.mkdir("d")
    with open("d/huge", "wb") as file:
        file.truncate(8 << 30)
    write("d/zzz.com", EICAR)
    result, _ = scan("--max-file-size", "64M", "d")
    goes_on(result)
    check("not fully scanned: " in line_about(result, "d/huge"), result)


@case("standard input without an end stops at the limit")
def _():
    with open("/dev/zero", "rb") as zero:
        done = subprocess.run([KUJO, "scan", "--max-file-size", "8M", "-"], stdin=zero,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
                              timeout=60, check=False)
    equal(done.returncode, 2, done.stderr)
    check(b"-: not fully scanned: " in done.stderr, done.stderr)


# ---- noise ---------------------------------------------------------------------------------------

SIGNATURES = [
    b"PK\3\4", b"PK\1\2", b"PK\5\6", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07\0", b"Rar!\x1a\x07\1\0",
    b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"MSCF\0\0\0\0", b"!<arch>\n",
    b"\xed\xab\xee\xdb\3\0", b"070701", b"070707", b"\xc7\x71", b"MZ", b"\x7fELF\2\1\1",
    b"From a Tue Jan 27 10:00:00 2004\n", b"Return-Path: <a>\nReceived: x\n", b"%PDF-1.4\n",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"ITSF", b"\x04\x22\x4d\x18", b"LZIP\1", b"\x1f\x9d",
    b"xar!", b"\x60\xea", b"-lh5-", b"\x5d\0\0\x80\0", b"MIME-Version: 1.0\n",
]


@case("noise behind the signature of every format")
def _():
    generator = random.Random(11)
    os.mkdir("d")
    for number, signature in enumerate(SIGNATURES):
        for turn in range(12):
            noise = generator.randbytes(generator.choice((0, 1, 10, 100, 1000, 20000)))
            if turn % 3 == 0:
                noise = bytes(byte & 0x0F for byte in noise)
            lead = b"\0\0" if signature == b"-lh5-" else b""
            write("d/%02d-%02d" % (number, turn), lead, signature, noise)
    write("d/zzz.com", EICAR)
    result, _ = scan("d", seconds=120)
    goes_on(result)
    equal(len(result.found), 1, result)
    for line in result.notes:
        check(": not fully scanned: " in line, line)
        check("internal" not in line and "worker" not in line, line)


@case("text that could mislead a mail reader")
def _():
    generator = random.Random(12)
    pieces = [b"Content-Type: multipart/mixed; boundary=\"", b"--", b"\r\n", b"\n", b"\r", b"\0",
              b"Subject: =?utf-8?b?", b"?=", b"=?", b"Content-Transfer-Encoding: base64\n",
              b"Content-Disposition: attachment; filename*0*=", b"=\n", b"begin 644 x\n", b"end\n",
              b"From ", b"\n\n", b"A" * 5000, b";", b"\"", b"\\", b"(", b")", b"\xff\xfe"]
    os.mkdir("d")
    for i in range(150):
        body = b"".join(generator.choice(pieces) for _ in range(generator.randrange(1, 400)))
        write("d/%03d.eml" % i, b"From: a@example.org\nMIME-Version: 1.0\n", body)
    write("d/zzz.com", EICAR)
    result, _ = scan("d", seconds=120)
    goes_on(result)


def start_on_much(*options):
    """A scan that takes a while, started."""
    for i in range(40):
        write("d/%02d" % i, random.Random(i).randbytes(1 << 16) * 128)
    write("d/zzz.com", EICAR)
    # The leak check at the end has a helper process, too, and waits for ever when that is killed.
    env = environment()
    env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    return subprocess.Popen([KUJO, "scan", *options, "d"], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env=env, start_new_session=True)


def end_of(child, seconds):
    """Its output; a child that does not end is killed, and the case fails."""
    try:
        return child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        raise


def add_signal(number, code):
    @case("%s ends the scan with its summary" % number.name)
    def _():
        with start_on_much() as child:
            time.sleep(0.2 if not SANITIZED else 0.6)
            child.send_signal(number)
            out, err = end_of(child, 60)
        if child.returncode == 1:
            raise Skip("the scan was over before the signal came")
        equal(child.returncode, code, err)
        check(b"stopped before its end" in out, out)


add_signal(signal.SIGINT, 130)
add_signal(signal.SIGTERM, 143)


def children_of(process):
    with open("/proc/%d/task/%d/children" % (process, process), encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


@case("a worker that dies costs nothing but time: the scan ends, the rest is scanned")
def _():
    killed = 0
    with start_on_much("-j2") as child:
        end = time.monotonic() + (0.4 if not SANITIZED else 4)
        while time.monotonic() < end and child.poll() is None and killed < 3:
            for worker in children_of(child.pid)[:1]:
                os.kill(worker, signal.SIGKILL)
                killed += 1
            time.sleep(0.1 if not SANITIZED else 0.3)
        out, err = end_of(child, 200)
    if not killed:
        raise Skip("the scan was over before a worker could be killed")
    check(b"d/zzz.com: EICAR-Test-File FOUND" in out, out, err)
    equal(child.returncode, 1, err)
    for line in err.decode().splitlines():
        check(line.startswith("kujo: d/"), line)


@case("--max-time: one line, and on to the next file")
def _():
    os.mkdir("d")
    with zipfile.ZipFile("d/slow.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(9000):
            archive.writestr("%d" % i, random.Random(i).randbytes(2000))
    write("d/zzz.com", EICAR)
    result, _ = scan("--max-time", "50ms" if SANITIZED else "2ms", "d")
    goes_on(result)
    check("not fully scanned: " in line_about(result, "d/slow.zip"), result)


sys.exit(run_cases())
