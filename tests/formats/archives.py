#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Archives made by the real tools, read by kujo: archives.py WALK

Each case makes one archive of two inert files in a directory of its own and compares what `walk`
(walk.c) finds in it, by name, size and hash, with what went in. A tool that is not installed makes
its cases a TAP skip. RAR has no free writer: its archives are written here, byte by byte, stored."""

import gzip
import os
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib

WALK = os.path.abspath(sys.argv[1])
TEXT = b"An inert file that kujo's tests put into archives.\n" * 40
BINARY = bytes((i * 7 + i // 256) % 256 for i in range(70000))
FILES = {"inert.txt": TEXT, "inert.bin": BINARY}
JAPANESE = "日本語.txt"


def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return "%016x" % value


HASHES = {name: fnv1a(data) for name, data in FILES.items()}


class Skip(Exception):
    pass


def tool(*names):
    for name in names:
        path = shutil.which(name)
        if path:
            return path
    raise Skip(" or ".join(names) + " is not installed")


def run(*command, **options):
    options.setdefault("stdout", subprocess.DEVNULL)
    options.setdefault("stderr", subprocess.PIPE)
    result = subprocess.run(command, **options)
    if result.returncode:
        raise RuntimeError("%s: %s" % (command[0], (result.stderr or b"").decode()[-300:]))
    return result.stdout


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, *parts):
    with open(path, "wb") as file:
        for part in parts:
            file.write(part)
    return path


def walk(path):
    """Lines of (depth, name, size, types, hash), and the lines about what was not seen. In the C
    locale, so that no name leans on the caller's."""
    env = dict(os.environ, LC_ALL="C")
    # Where a size lies, libarchive asks for too much memory, and lives with the refusal.
    options = os.environ.get("ASAN_OPTIONS", "")
    env["ASAN_OPTIONS"] = options + ":allocator_may_return_null=1"
    result = subprocess.run([WALK, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
    if result.returncode:
        raise RuntimeError("walk: %d %s" % (result.returncode, result.stderr.decode()[-2000:]))
    lines = result.stdout.decode().splitlines()
    return ([line.split(" ") for line in lines if line[0] != "!"],
            [line for line in lines if line[0] == "!"])


# ---- what goes into the archives -----------------------------------------------------------------

def make_inputs():
    for name, data in FILES.items():
        write(name, data)
    return list(FILES)


def by_7z(name, *switches):
    def make():
        run(tool("7zz", "7z"), "a", "-bd", *switches, name, *make_inputs())
        return name
    return make


def by_zip(*switches):
    def make():
        run(tool("zip"), "-q", *switches, "a.zip", *make_inputs())
        return "a.zip"
    return make


def by_tar(form):
    def make():
        run(tool("tar"), "--format=" + form, "-cf", "a.tar", *make_inputs())
        return "a.tar"
    return make


def by_cpio(form):
    def make():
        names = "\n".join(make_inputs()).encode()
        out = run(tool("cpio"), "-o", "-H", form, input=names, stdout=subprocess.PIPE)
        return write("a.cpio", out)
    return make


def by_python(form):
    """zipfile's methods."""
    def make():
        with zipfile.ZipFile("a.zip", "w", form) as archive:
            for name in make_inputs():
                archive.write(name)
        return "a.zip"
    return make


def zip_streamed():
    tool("zip")
    make_inputs()
    out = run(tool("bash"), "-c", "cat inert.bin | zip -q - - | cat", stdout=subprocess.PIPE)
    return write("a.zip", out)


def zip_behind_a_program():
    path = by_zip()()
    return write("sfx", read("/bin/true"), read(path))


def zip_with_a_long_comment():
    path = by_python(zipfile.ZIP_DEFLATED)()
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"c" * 65535
    return path


def zip_without_directory():
    data = read(by_python(zipfile.ZIP_DEFLATED)())
    return write("cut.zip", data[:data.index(b"PK\1\2")])


def zip_unknown_method():
    """Method 7 was reserved for tokenizing and never used."""
    data = bytearray(read(by_python(zipfile.ZIP_STORED)()))
    for signature, field in ((b"PK\1\2", 10), (b"PK\3\4", 8)):
        at = data.rindex(signature) + field
        data[at:at + 2] = b"\x07\x00"
    return write("bad.zip", data)


def zip_directory_with_data():
    """What looks like a directory to libarchive and like a file to others."""
    with zipfile.ZipFile("a.zip", "w") as archive:
        archive.writestr("inert.txt/", b"text")
        archive.writestr("empty/", b"")
        archive.writestr("inert.bin", BINARY)
    return "a.zip"


def sevenzip_asking_for_memory():
    """Sizes that lie make libarchive ask for 2^60 bytes: that ends this archive, not the scan."""
    write("small.txt", bytes(range(32, 100)))
    run(tool("7zz", "7z"), "a", "-bd", "small.7z", "small.txt")
    data = bytearray(read("small.7z"))
    header = 32 + int.from_bytes(data[12:20], "little")
    data[27] = 0x7F
    data[header + 14:header + 18] = b"\xff" * 4
    return write("a.7z", data)


def compressed(name, *command):
    def make():
        make_inputs()
        out = run(tool(command[0]), *command[1:], "inert.bin", stdout=subprocess.PIPE)
        return write(name, out)
    return make


def joined(name, *command):
    """Two streams behind one another; the halves belong together."""
    def make():
        path = tool(command[0])
        write("one", BINARY[:30000])
        write("two", BINARY[30000:])
        parts = [run(path, *command[1:], part, stdout=subprocess.PIPE) for part in ("one", "two")]
        return write(name, *parts)
    return make


def tar_then(suffix, *command):
    def make():
        path = by_tar("pax")()
        out = run(tool(command[0]), *command[1:], path, stdout=subprocess.PIPE)
        return write("a.tar" + suffix, out)
    return make


def cab(*switches):
    def make():
        run(tool("gcab"), *switches, "-c", "a.cab", *make_inputs())
        return "a.cab"
    return make


def iso(*switches):
    def make():
        os.mkdir("disc")
        for name, data in FILES.items():
            write("disc/" + name, data)
        run(tool("xorriso"), "-as", "mkisofs", "-quiet", *switches, "-o", "a.iso", "disc")
        return "a.iso"
    return make


def lha():
    run(tool("jlha"), "c", "a.lzh", *make_inputs())
    return "a.lzh"


def ar():
    run(tool("ar"), "rc", "a.ar", *make_inputs())
    return "a.ar"


def deb(compression):
    def make():
        os.makedirs("pkg/DEBIAN")
        for name, data in FILES.items():
            write("pkg/" + name, data)
        write("pkg/DEBIAN/control", b"Package: inert\nVersion: 1\nArchitecture: all\n"
              b"Maintainer: nobody <nobody@example.org>\nDescription: inert\n")
        run(tool("dpkg-deb"), "-Z" + compression, "--root-owner-group", "-b", "pkg", "a.deb")
        return "a.deb"
    return make


def rpm(payload):
    def make():
        path = tool("rpmbuild")
        top = os.getcwd()
        for name, data in FILES.items():
            write(name, data)
        write("a.spec", b"Name: inert\nVersion: 1\nRelease: 1\nSummary: inert\nLicense: none\n"
              b"BuildArch: noarch\n%description\ninert\n%install\nmkdir -p %{buildroot}\n"
              b"cp %{_topdir}/inert.* %{buildroot}/\n%files\n/inert.txt\n/inert.bin\n")
        run(path, "-bb", "--define", "_topdir " + top, "--define", "_binary_payload " + payload,
            "--define", "_rpmdir " + top, "--define", "_tmppath " + top, "--nodeps",
            "--define", "_dbpath " + top + "/db", "--define", "debug_package %{nil}", "a.spec")
        return "noarch/inert-1-1.noarch.rpm"
    return make


# ---- RAR, by hand --------------------------------------------------------------------------------

def rar4_block(kind, flags, body):
    """Every block: CRC-16 (the low half of CRC-32) over all that follows; type; flags; size."""
    head = struct.pack("<BHH", kind, flags, 7 + len(body)) + body
    return struct.pack("<H", zlib.crc32(head) & 0xFFFF) + head


def rar4_file(name, data):
    body = struct.pack("<II", len(data), len(data))     # packed size, unpacked size
    body += struct.pack("<B", 2)                        # made on Windows
    body += struct.pack("<I", zlib.crc32(data))         # CRC-32 of the file
    body += struct.pack("<I", 0x2F210000)               # DOS date 2003-09-01, time 0
    body += struct.pack("<BB", 20, 0x30)                # needs version 2.0; method: stored
    body += struct.pack("<HI", len(name), 0x20)         # length of the name; attribute "archive"
    body += name.encode()
    return rar4_block(0x74, 0x8000, body) + data        # 0x8000: data follow the block


def rar4():
    return write("a.rar",
                 b"Rar!\x1A\x07\x00",                   # marker
                 rar4_block(0x73, 0, b"\0" * 6),        # archive header, its reserved words
                 *[rar4_file(name, data) for name, data in FILES.items()],
                 rar4_block(0x7B, 0x4000, b""))         # end


def vint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def rar5_block(body):
    """Every block: CRC-32 over all that follows; size of what follows the size; type, flags, ..."""
    sized = vint(len(body)) + body
    return struct.pack("<I", zlib.crc32(sized)) + sized


def rar5_file(name, data):
    body = vint(2) + vint(0x02)                         # a file; data follow the block
    body += vint(len(data))                             # packed size
    body += vint(0x04)                                  # file flags: a CRC-32 is given
    body += vint(len(data)) + vint(0x20)                # unpacked size; attribute "archive"
    body += struct.pack("<I", zlib.crc32(data))
    body += vint(0) + vint(0)                           # stored; made on Windows
    body += vint(len(name)) + name.encode()
    return rar5_block(body) + data


def rar5_of(files):
    return write("a.rar",
                 b"Rar!\x1A\x07\x01\x00",               # marker
                 rar5_block(vint(1) + vint(0) + vint(0)),   # archive header without flags
                 *[rar5_file(name, data) for name, data in files.items()],
                 rar5_block(vint(5) + vint(0) + vint(0)))   # end


def rar5():
    return rar5_of(FILES)


def rar5_with_a_stored_zip():
    return rar5_of({"inner.zip": read(by_python(zipfile.ZIP_STORED)()), "last.txt": b"last\n"})


# ---- odd ones ------------------------------------------------------------------------------------

def tar_of_tgz_of_zip():
    inner = by_zip()()
    with tarfile.open("b.tgz", "w:gz") as archive:
        archive.add(inner)
    run(tool("7zz", "7z"), "a", "-bd", "a.7z", "b.tgz")
    return "a.7z"


def japanese(make):
    """Also a file with a name that is not ASCII."""
    def wrapped():
        FILES[JAPANESE] = TEXT
        try:
            return make()
        finally:
            del FILES[JAPANESE]
    return wrapped


def tar_with_latin1_name():
    with tarfile.open("a.tar", "w", format=tarfile.GNU_FORMAT, encoding="latin1") as archive:
        for name in make_inputs():
            archive.add(name, arcname="caf\xe9-" + name)
    return "a.tar"


def tar_sparse():
    with open("inert.bin", "wb") as file:
        file.write(b"start")
        file.seek(3 << 20)
        file.write(b"end")
    run(tool("tar"), "-S", "-cf", "a.tar", "inert.bin")
    return "a.tar"


def tar_with_links():
    make_inputs()
    os.symlink("inert.txt", "link")
    os.link("inert.txt", "hard")
    os.mkfifo("fifo")
    os.mkdir("folder")
    run(tool("tar"), "-cf", "a.tar", "inert.txt", "inert.bin", "link", "hard", "fifo", "folder")
    return "a.tar"


def gzip_named():
    with open("x.gz", "wb") as file, gzip.GzipFile("inert.bin", "wb", 9, file, 0) as stream:
        stream.write(BINARY)
    return "x.gz"


def truncated(make, keep):
    def wrapped():
        data = read(make())
        return write("cut", data[:len(data) * keep // 100])
    return wrapped


BOTH = ["inert.txt", "inert.bin"]
ONE = ["inert.bin"]
ENCRYPTED = "unsupported: encrypted"

# name, type of the archive, how to make it, members that must come out whole, words of the lines
# about what is not seen (none: there must be none).
CASES = [
    ("zip, deflated", "zip", by_zip(), BOTH, []),
    ("zip, stored", "zip", by_zip("-0"), BOTH, []),
    ("zip, bzip2", "zip", by_zip("-Z", "bzip2"), BOTH, []),
    ("zip, zip64", "zip", by_zip("-fz"), BOTH, []),
    ("zip, by Python, bzip2", "zip", by_python(zipfile.ZIP_BZIP2), BOTH, []),
    ("zip, by Python, LZMA", "zip", by_python(zipfile.ZIP_LZMA), BOTH, []),
    ("zip, by 7-Zip", "zip", by_7z("a.zip"), BOTH, []),
    ("zip, by 7-Zip, PPMd", "zip", by_7z("a.zip", "-mm=PPMd"), BOTH, []),
    ("zip, by 7-Zip, LZMA", "zip", by_7z("a.zip", "-mm=LZMA"), BOTH, []),
    ("zip, by 7-Zip, deflate64", "zip", by_7z("a.zip", "-mm=Deflate64"), [], ["unsupported"]),
    ("zip, streamed", "zip", zip_streamed, ["-"], []),
    ("zip behind a program", "elf,zip", zip_behind_a_program, BOTH, []),
    ("zip with a comment of 65,535 bytes", "zip", zip_with_a_long_comment, BOTH, []),
    ("zip without central directory", "zip", zip_without_directory, BOTH, ["central directory"]),
    ("zip, member with an unknown method", "zip", zip_unknown_method, ["inert.txt"],
     ["inert.bin unsupported"]),
    ("zip, directory with data", "zip", zip_directory_with_data, ONE, ["inert.txt/ unsupported"]),
    ("zip, encrypted", "zip", by_zip("-P", "secret"), [],
     ["inert.txt " + ENCRYPTED, "inert.bin " + ENCRYPTED]),
    ("zip, AES", "zip", by_7z("a.zip", "-psecret", "-mem=AES256"), [],
     ["inert.txt " + ENCRYPTED, "inert.bin " + ENCRYPTED]),
    ("zip, Japanese names", "zip", japanese(by_zip()), BOTH + [JAPANESE], []),
    ("zip, by Python, Japanese names", "zip", japanese(by_python(8)), BOTH + [JAPANESE], []),
    ("7z", "7z", by_7z("a.7z"), BOTH, []),
    ("7z, LZMA", "7z", by_7z("a.7z", "-m0=LZMA"), BOTH, []),
    ("7z, PPMd", "7z", by_7z("a.7z", "-m0=PPMd"), BOTH, []),
    ("7z, bzip2", "7z", by_7z("a.7z", "-m0=BZip2"), BOTH, []),
    ("7z, deflate", "7z", by_7z("a.7z", "-m0=Deflate"), BOTH, []),
    ("7z, stored", "7z", by_7z("a.7z", "-mx=0"), BOTH, []),
    ("7z, Japanese names", "7z", japanese(by_7z("a.7z")), BOTH + [JAPANESE], []),
    ("7z, asking for more memory than there is", "7z", sevenzip_asking_for_memory, [], ["limit"]),
    ("7z, encrypted", "7z", by_7z("a.7z", "-psecret"), [], [ENCRYPTED]),
    ("7z, encrypted names", "7z", by_7z("a.7z", "-psecret", "-mhe=on"), [], [ENCRYPTED]),
    ("rar 4, stored", "rar", rar4, BOTH, []),
    ("rar 5, stored", "rar5", rar5, BOTH, []),
    ("rar 5 that holds a stored zip", "rar5,zip", rar5_with_a_stored_zip, BOTH, []),
    ("rar 5, Japanese names", "rar5", japanese(rar5), BOTH, []),
    ("rar 5, cut", "rar5", truncated(rar5, 50), ["inert.txt"], ["truncated"]),
    ("tar, v7", "tar", by_tar("v7"), BOTH, []),
    ("tar, ustar", "tar", by_tar("ustar"), BOTH, []),
    ("tar, GNU", "tar", by_tar("gnu"), BOTH, []),
    ("tar, pax", "tar", by_tar("pax"), BOTH, []),
    ("tar, Japanese names", "tar", japanese(by_tar("pax")), BOTH + [JAPANESE], []),
    ("tar, names in Latin-1", "tar", tar_with_latin1_name,
     ["caf\\xe9-inert.txt", "caf\\xe9-inert.bin"], []),
    ("tar, sparse", "tar", tar_sparse, ["sparse"], []),
    ("tar, links and devices", "tar", tar_with_links, BOTH, []),
    ("tar, cut", "tar", truncated(by_tar("ustar"), 40), ["inert.txt"], ["truncated"]),
    ("gzip", "gzip", compressed("inert.bin.gz", "gzip", "-nc"), ONE, []),
    ("gzip with a name in it", "gzip", gzip_named, ONE, []),
    ("gzip, two streams", "gzip", joined("inert.bin.gz", "gzip", "-nc"), ONE, []),
    ("gzip, cut", "gzip", truncated(compressed("x", "gzip", "-nc"), 50), [], ["truncated"]),
    ("bzip2", "bzip2", compressed("inert.bin.bz2", "bzip2", "-c"), ONE, []),
    ("bzip2, two streams", "bzip2", joined("inert.bin.bz2", "bzip2", "-c"), ONE, []),
    ("xz", "xz", compressed("inert.bin.xz", "xz", "-c"), ONE, []),
    ("xz, two streams", "xz", joined("inert.bin.xz", "xz", "-c"), ONE, []),
    ("lzma", "lzma", compressed("inert.bin.lzma", "xz", "--format=lzma", "-c"), ONE, []),
    ("zstd", "zstd", compressed("inert.bin.zst", "zstd", "-qc"), ONE, []),
    ("zstd, two frames", "zstd", joined("inert.bin.zst", "zstd", "-qc"), ONE, []),
    ("lz4", "lz4", compressed("inert.bin.lz4", "lz4", "-qc"), ONE, []),
    ("lz4, two frames", "lz4", joined("inert.bin.lz4", "lz4", "-qc"), ONE, []),
    ("lzip", "lzip", compressed("inert.bin.lz", "lzip", "-c"), ONE, []),
    ("lzip, two members", "lzip", joined("inert.bin.lz", "lzip", "-c"), ONE, []),
    ("compress", "compress", compressed("inert.bin.Z", "compress", "-c"), ONE, []),
    ("tar.gz", "gzip", tar_then(".gz", "gzip", "-c"), BOTH, []),
    ("tar.xz", "xz", tar_then(".xz", "xz", "-c"), BOTH, []),
    ("tar.zst", "zstd", tar_then(".zst", "zstd", "-qc"), BOTH, []),
    ("cab", "cab", cab(), BOTH, []),
    ("cab, MSZIP", "cab", cab("-z"), BOTH, []),
    ("cab, Japanese names", "cab", japanese(cab("-z")), BOTH + [JAPANESE], []),
    ("ISO 9660", "iso9660", iso(), BOTH, []),
    ("ISO 9660, Rock Ridge", "iso9660", iso("-R"), BOTH, []),
    ("ISO 9660, Joliet", "iso9660", iso("-J"), BOTH, []),
    ("ISO 9660, Joliet, Japanese names", "iso9660", japanese(iso("-J")), BOTH + [JAPANESE], []),
    ("cpio, binary", "cpio", by_cpio("bin"), BOTH, []),
    ("cpio, odc", "cpio", by_cpio("odc"), BOTH, []),
    ("cpio, newc", "cpio", by_cpio("newc"), BOTH, []),
    ("cpio, crc", "cpio", by_cpio("crc"), BOTH, []),
    ("lha", "lha", lha, BOTH, []),
    ("ar", "ar", ar, BOTH, []),
    ("deb, gzip", "ar", deb("gzip"), BOTH, []),
    ("deb, xz", "ar", deb("xz"), BOTH, []),
    ("deb, zstd", "ar", deb("zstd"), BOTH, []),
    ("rpm, gzip", "rpm", rpm("w6.gzdio"), BOTH, []),
    ("rpm, xz", "rpm", rpm("w2.xzdio"), BOTH, []),
    ("rpm, zstd", "rpm", rpm("w3.zstdio"), BOTH, []),
    ("zip in tar.gz in 7z", "7z", tar_of_tgz_of_zip, BOTH, []),
]

SPARSE = b"start" + b"\0" * ((3 << 20) - 5) + b"end"


def expected_hash(name):
    if name == "-":
        return HASHES["inert.bin"]
    if name == JAPANESE:
        return HASHES["inert.txt"]
    for base, value in HASHES.items():
        if name.lower().endswith(base):
            return value
    raise KeyError(name)


def is_member(line, name):
    """Whether it is that file, wherever it lies in the archive."""
    if name == "sparse":
        return line[1] == "inert.bin" and int(line[2]) == len(SPARSE) and line[4] == SPARSE_HASH
    return line[1].split("/")[-1].split(";")[0] == name and line[4] == expected_hash(name)


SPARSE_HASH = fnv1a(SPARSE)


def check(kind, make, members, unseen):
    seen, not_seen = walk(make())
    if seen[0][3] != kind:
        return "identified as %s" % seen[0][3]
    for name in members:
        if not any(is_member(line, name) for line in seen[1:]):
            return "%s is missing in: %s" % (name, "; ".join(" ".join(line) for line in seen))
    for words in unseen:
        if not any(words in line for line in not_seen):
            return "nothing says %r: %s" % (words, "; ".join(not_seen))
    if not unseen and not_seen:
        return "not seen: " + "; ".join(not_seen)
    return None


def main():
    print("1..%d" % len(CASES))
    failures = 0
    for number, (title, kind, make, members, unseen) in enumerate(CASES, 1):
        home = os.getcwd()
        with tempfile.TemporaryDirectory(prefix="kujo-archives-") as place:
            os.chdir(place)
            try:
                problem = check(kind, make, members, unseen)
                print("%s %d - %s" % ("not ok" if problem else "ok", number, title))
                if problem:
                    failures += 1
                    print("# " + problem)
            except Skip as why:
                print("ok %d - %s # SKIP %s" % (number, title, why))
            except (RuntimeError, OSError) as why:
                failures += 1
                print("not ok %d - %s\n# %s" % (number, title, str(why).replace("\n", "\n# ")))
            finally:
                os.chdir(home)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
