# SPDX-License-Identifier: Apache-2.0
"""Disk images for tests. File systems are made with their own tools; partition tables are written
here."""

import struct

from kit import read, run, tool, write

MIB = 1 << 20


def blank(path, size):
    with open(path, "wb") as file:
        file.truncate(size)
    return path


def ntfs(path, files, size=16 * MIB):
    """Files in the root directory: that is all that ntfscp makes."""
    blank(path, size)
    run(tool("mkntfs"), "-F", "-q", "-Q", path)
    for name, content in files.items():
        write("part", content)
        run(tool("ntfscp"), "-f", path, "part", name)
    return path


def fat(path, files, bits=32, size=None, label="DISK"):
    blank(path, size or {12: 4, 16: 16, 32: 40}[bits] * MIB)
    run(tool("mkfs.vfat"), "-F", str(bits), "-n", label, path)
    made = set()
    for name, content in files.items():
        parts = name.split("/")
        for depth in range(1, len(parts)):
            directory = "/".join(parts[:depth])
            if directory not in made:
                run(tool("mmd"), "-i", path, "::" + directory)
                made.add(directory)
        write("part", content)
        run(tool("mcopy"), "-i", path, "part", "::" + name)
    return path


def disk(path, *partitions):
    """An MBR with those partitions, each at a multiple of 1 MiB."""
    table, body, at = b"", b"", MIB
    for kind, image in partitions:
        content = read(image)
        content += b"\0" * (-len(content) % MIB)
        table += struct.pack("<B3sB3sII", 0, b"\xFE\xFF\xFF", kind, b"\xFE\xFF\xFF",
                             at // 512, len(content) // 512)
        body += content
        at += len(content)
    mbr = b"\0" * 446 + table.ljust(64, b"\0") + b"\x55\xAA"
    return write(path, mbr.ljust(MIB, b"\0"), body)
