# SPDX-License-Identifier: Apache-2.0
"""An empty registry hive as bytes: what hivexsh needs to begin with.

    base block   4096 bytes   "regf", counters, where the root is, checksum
    hbin         4096 bytes   "hbin" header of 32 bytes, then cells:
                                nk   the root key, without subkeys and values
                                sk   its security descriptor: owned by Administrators, no ACL
                                free what is left

A cell begins with its size, negative while it is in use, and its offset counts from the end of
the base block. Source: "Windows NT Registry File (REGF) format specification" (J. Metz).
"""
import functools
import struct

BLOCK = 4096
NONE = 0xFFFFFFFF
# 2000-01-01 00:00 UTC in units of 100 ns since 1601. Fixed, so that the same bytes come out.
WHEN = 125911584000000000


def cell(content, used=True):
    size = -(-(len(content) + 4) // 8) * 8
    return struct.pack("<i", -size if used else size) + content.ljust(size - 4, b"\0")


def security(at):
    """An sk record whose cell is at `at`; its links lead to itself: there is only one."""
    administrators = struct.pack("<BB6sII", 1, 2, b"\0\0\0\0\0\5", 32, 544)
    self_relative = 0x8000
    descriptor = struct.pack("<BBHIIII", 1, 0, self_relative, 20, 20, 0, 0) + administrators
    return struct.pack("<2sHIIII", b"sk", 0, at, at, 1, len(descriptor)) + descriptor


def root_key(name, security_at):
    root, no_delete, ascii_name = 0x04, 0x08, 0x20
    return struct.pack(
        "<2sHQ15IHH", b"nk", root | no_delete | ascii_name, WHEN,
        0, NONE,                    # access bits, parent
        0, 0, NONE, NONE,           # subkeys: stable and volatile, how many, where
        0, NONE,                    # values
        security_at, NONE,          # descriptor, class
        0, 0, 0, 0, 0,              # longest names and data below it, a scratch word
        len(name), 0) + name


def empty_hive(file_name, root_name=b"$$$PROTO.HIV"):
    """`file_name`: the hive's path as Windows notes it in the header, its end only."""
    first = 32
    key_len = len(cell(root_key(root_name, 0)))
    security_at = first + key_len
    cells = cell(root_key(root_name, security_at)) + cell(security(security_at))
    cells += cell(b"\0" * (BLOCK - first - len(cells) - 4), used=False)
    hbin = struct.pack("<4sIIQQI", b"hbin", 0, BLOCK, 0, WHEN, 0) + cells

    base = struct.pack(
        "<4sIIQIIIIIII", b"regf", 1, 1, WHEN,
        1, 3,                       # version: Windows 2000 writes 1.3
        0, 1,                       # a hive, not a log; how it was written
        first, len(hbin), 1)        # the root's cell, bytes of all hbins, sectors a cluster
    base += file_name[-31:].encode("utf-16-le").ljust(64, b"\0")
    base = base.ljust(508, b"\0")
    words = struct.unpack("<127I", base)
    checksum = functools.reduce(lambda a, b: a ^ b, words)
    return (base + struct.pack("<I", checksum)).ljust(BLOCK, b"\0") + hbin
