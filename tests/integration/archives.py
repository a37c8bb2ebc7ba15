#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The EICAR file in archives of every kind, made by the real tools: found, under the right path.

tests/formats/archives.py reads more variants of each format; here the whole program does. A tool
that is not installed makes its cases a TAP skip. RAR has no free writer: its archives are written
here, byte by byte, stored."""

import email.message
import os
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib

from kit import EICAR, EICAR_NAME, case, check, equal, kujo, read, run, run_cases, tool, write

FOLDER = "in"
NAME = FOLDER + "/e.com"


def make_inputs():
    write(NAME, EICAR)
    write(FOLDER + "/other.txt", b"An inert file.\n" * 100)


# ---- makers: each returns the archive's path and the member's path in it ------------------------

def by_zip(*switches):
    def make():
        run(tool("zip"), "-q", "-r", *switches, "a.zip", FOLDER)
        return "a.zip", NAME
    return make


def by_7z(name, *switches):
    def make():
        run(tool("7zz", "7z"), "a", "-bd", *switches, name, FOLDER)
        return name, NAME
    return make


def by_tar(form="pax"):
    def make():
        run(tool("tar"), "--format=" + form, "-cf", "a.tar", FOLDER)
        return "a.tar", NAME
    return make


def tar_then(suffix, *command):
    def make():
        by_tar()()
        out = run(tool(command[0]), *command[1:], "a.tar", stdout=subprocess.PIPE)
        return write("a.tar" + suffix, out), "a.tar!" + NAME
    return make


def compressed(suffix, *command):
    def make():
        out = run(tool(command[0]), *command[1:], NAME, stdout=subprocess.PIPE)
        return write("e.com" + suffix, out), "e.com"
    return make


def cab(*switches):
    def make():
        run(tool("gcab"), *switches, "-c", "a.cab", NAME)
        return "a.cab", NAME
    return make


def iso(*command):
    def make():
        run(tool(command[0]), *command[1:], "-quiet", "-o", "a.iso", FOLDER)
        return "a.iso", None
    return make


def by_cpio(form):
    def make():
        out = run(tool("cpio"), "-o", "-H", form, input=NAME.encode() + b"\n",
                  stdout=subprocess.PIPE)
        return write("a.cpio", out), NAME
    return make


def lha():
    run(tool("jlha"), "c", "a.lzh", NAME)
    return "a.lzh", NAME


def ar():
    run(tool("ar"), "rc", "a.ar", NAME)
    return "a.ar", "e.com"


def deb():
    os.makedirs("pkg/DEBIAN")
    write("pkg/DEBIAN/control", b"Package: inert\nVersion: 1\nArchitecture: all\n"
          b"Maintainer: nobody <nobody@example.org>\nDescription: inert\n")
    write("pkg/" + NAME, EICAR)
    run(tool("dpkg-deb"), "-Zxz", "--root-owner-group", "-b", "pkg", "a.deb")
    return "a.deb", None


def rpm():
    path, top = tool("rpmbuild"), os.getcwd()
    write("a.spec", b"Name: inert\nVersion: 1\nRelease: 1\nSummary: inert\nLicense: none\n"
          b"BuildArch: noarch\n%description\ninert\n%install\nmkdir -p %{buildroot}/in\n"
          b"cp %{_topdir}/in/e.com %{buildroot}/in/\n%files\n/in/e.com\n")
    run(path, "-bb", "--define", "_topdir " + top, "--define", "_rpmdir " + top,
        "--define", "_tmppath " + top, "--nodeps", "--define", "_dbpath " + top + "/db",
        "--define", "debug_package %{nil}", "a.spec")
    return "noarch/inert-1-1.noarch.rpm", None


def rar4_block(kind, flags, body):
    """Every block: CRC-16 (the low half of CRC-32) over all that follows; type; flags; size."""
    head = struct.pack("<BHH", kind, flags, 7 + len(body)) + body
    return struct.pack("<H", zlib.crc32(head) & 0xFFFF) + head


def rar4_file(name, data, flags=0):
    body = struct.pack("<IIBI", len(data), len(data), 2, zlib.crc32(data))  # sizes, Windows, CRC
    body += struct.pack("<IBB", 0x2F210000, 20, 0x30)       # date, needs version 2.0, stored
    body += struct.pack("<HI", len(name), 0x20) + name      # attribute "archive"
    return rar4_block(0x74, 0x8000 | flags, body) + data    # 0x8000: data follow the block


def rar4():
    return write("a.rar", b"Rar!\x1a\x07\x00", rar4_block(0x73, 0, b"\0" * 6),
                 rar4_file(b"in\\e.com", EICAR), rar4_block(0x7B, 0x4000, b"")), NAME


def vint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def rar5_block(*fields):
    """Every block: CRC-32 over all that follows; size of what follows the size; type, flags, ..."""
    body = b"".join(fields)
    sized = vint(len(body)) + body
    return struct.pack("<I", zlib.crc32(sized)) + sized


def rar5():
    file = rar5_block(vint(2), vint(2), vint(len(EICAR)),   # a file whose data follow
                      vint(4), vint(len(EICAR)), vint(0x20),    # a CRC-32 is given
                      struct.pack("<I", zlib.crc32(EICAR)),
                      vint(0), vint(0), vint(len(NAME)), NAME.encode())     # stored
    return write("a.rar", b"Rar!\x1a\x07\x01\x00", rar5_block(vint(1), vint(0), vint(0)), file,
                 EICAR, rar5_block(vint(5), vint(0), vint(0))), NAME


def mail(encoding):
    def make():
        message = email.message.EmailMessage()
        message["Subject"], message["From"], message["To"] = "x", "a@example.org", "b@example.org"
        message.set_content("Hello.\n")
        message.add_attachment(EICAR, maintype="application", subtype="octet-stream",
                               filename="e.com", cte=encoding)
        return write("m.eml", message.as_bytes()), "e.com"
    return make


CASES = [
    ("zip", by_zip()),
    ("zip, stored", by_zip("-0")),
    ("zip, bzip2", by_zip("-Z", "bzip2")),
    ("zip by 7-Zip, LZMA", by_7z("a.zip", "-mm=LZMA")),
    ("7z", by_7z("a.7z")),
    ("7z, PPMd", by_7z("a.7z", "-m0=PPMd")),
    ("tar, ustar", by_tar("ustar")),
    ("tar, GNU", by_tar("gnu")),
    ("tar, pax", by_tar("pax")),
    ("tar.gz", tar_then(".gz", "gzip", "-c")),
    ("tar.bz2", tar_then(".bz2", "bzip2", "-c")),
    ("tar.xz", tar_then(".xz", "xz", "-c")),
    ("tar.zst", tar_then(".zst", "zstd", "-qc")),
    ("gz", compressed(".gz", "gzip", "-c")),
    ("bz2", compressed(".bz2", "bzip2", "-c")),
    ("xz", compressed(".xz", "xz", "-c")),
    ("lzma", compressed(".lzma", "xz", "--format=lzma", "-c")),
    ("zst", compressed(".zst", "zstd", "-qc")),
    ("lz4", compressed(".lz4", "lz4", "-qc")),
    ("lzip", compressed(".lz", "lzip", "-c")),
    ("cab", cab()),
    ("cab, MSZIP", cab("-z")),
    ("iso by xorriso, Rock Ridge", iso("xorriso", "-as", "mkisofs", "-R")),
    ("iso by xorriso, Joliet", iso("xorriso", "-as", "mkisofs", "-J")),
    ("iso by genisoimage", iso("genisoimage")),
    ("cpio, newc", by_cpio("newc")),
    ("cpio, odc", by_cpio("odc")),
    ("cpio, crc", by_cpio("crc")),
    ("lha", lha),
    ("ar", ar),
    ("deb", deb),
    ("rpm", rpm),
    ("rar 4, stored", rar4),
    ("rar 5, stored", rar5),
    ("mail, base64", mail("base64")),
    ("mail, quoted-printable", mail("quoted-printable")),
]


def add_archive(title, make):
    @case(title)
    def _():
        make_inputs()
        path, member = make()
        result = kujo("scan", "-q", path, code=1)
        equal(len(result.found), 1, result)
        line = result.found[0]
        if member is None:      # folders of the format's own, and names in capitals, lie between
            check(line.startswith(path + "!"), result)
            place = line[:-len(": %s FOUND" % EICAR_NAME)]
            check(place.lower().split(";")[0].endswith("e.com"), result)
        else:
            equal(line, "%s!%s: %s FOUND" % (path, member, EICAR_NAME), result)
        equal(result.err, b"", result)
        # The type is told by content: another name changes nothing but the place.
        os.rename(path, "renamed.txt")
        other = kujo("scan", "-q", "renamed.txt", code=1).found
        equal(len(other), 1, other)


for row in CASES:
    add_archive(*row)


# ---- encrypted -----------------------------------------------------------------------------------

def add_encrypted(title, make, member):
    @case("encrypted: " + title)
    def _():
        make_inputs()
        path = make()[0]
        result = kujo("scan", path, code=2)
        equal(result.found, [], result)
        lines = [line for line in result.notes if "not fully scanned: " in line]
        check(lines and all("encrypted" in line for line in lines), result)
        prefix = path + ("!" + member if member else "")
        check(any(line.startswith(prefix + ": ") for line in lines), result)
        kujo("scan", "--incomplete-ok", path, code=0)


add_encrypted("zip, by zip", by_zip("-P", "secret"), NAME)
add_encrypted("zip, by 7-Zip, AES", by_7z("a.zip", "-psecret", "-mem=AES256"), NAME)
add_encrypted("7z", by_7z("a.7z", "-psecret"), NAME)
add_encrypted("7z with its names", by_7z("a.7z", "-psecret", "-mhe=on"), None)


@case("encrypted beside plain: the plain one is found")
def _():
    make_inputs()
    by_zip("-P", "secret")()
    with zipfile.ZipFile("a.zip", "a") as archive:
        archive.writestr("plain.com", EICAR)
    result = kujo("scan", "-q", "a.zip", code=1)
    equal(result.found, ["a.zip!plain.com: %s FOUND" % EICAR_NAME])
    check(any("a.zip!%s: not fully scanned: " % NAME in line for line in result.notes), result)


# ---- nests ---------------------------------------------------------------------------------------

@case("EICAR in zip in tar.gz in 7z in a message in an mbox")
def _():
    make_inputs()
    by_zip()()
    with tarfile.open("b.tar", "w") as archive:
        archive.add("a.zip")
    run(tool("gzip"), "b.tar")
    run(tool("7zz", "7z"), "a", "-bd", "c.7z", "b.tar.gz")
    message = email.message.EmailMessage()
    message["Subject"] = "x"
    message.set_content("Hello.\n")
    message.add_attachment(read("c.7z"), maintype="application", subtype="x-7z-compressed",
                           filename="c.7z")
    write("inbox", b"From a@example.org Tue Jan 27 10:00:00 2004\n", message.as_bytes(), b"\n")
    result = kujo("scan", "-q", "inbox", code=1)
    place = "!c.7z!b.tar.gz!b.tar!a.zip!%s: %s FOUND" % (NAME, EICAR_NAME)
    check(any(line.endswith(place) for line in result.found), result)


@case("two formats in one file: both are looked into")
def _():
    make_inputs()
    rar = rar4()[0]
    by_zip()()
    write("both", read(rar), read("a.zip"))
    result = kujo("scan", "-q", "both", code=1)
    check(len(result.found) >= 1, result)
    with open("/bin/true", "rb") as program:
        write("sfx", program.read(), read("a.zip"))
    equal(len(kujo("scan", "-q", "sfx", code=1).found), 1)


# ---- damage --------------------------------------------------------------------------------------

def halves(make):
    make_inputs()
    path = make()[0]
    data = read(path)
    for part in (1, 2, 3):
        yield write("cut%d" % part, data[:len(data) * part // 4])
    flipped = bytearray(data)
    for at in range(30, len(flipped), max(1, len(flipped) // 40)):
        flipped[at] ^= 0x55
    yield write("flipped", flipped)


def add_damaged(title, make):
    @case("cut and altered: " + title)
    def _():
        for path in halves(make):
            result = kujo("scan", path)
            check(result.code in (0, 1, 2), result)
            if result.code == 2:
                check(any(line.startswith(path) and ": not fully scanned: " in line
                          for line in result.notes), result)


for row in CASES:
    add_damaged(*row)


sys.exit(run_cases())
