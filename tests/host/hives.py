# SPDX-License-Identifier: Apache-2.0
"""Registry files for tests: of Windows NT with hivexsh, of Windows 9x written here."""

import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "integration"), os.path.join(HERE, "..", "..", "demo")]
# pylint: disable=wrong-import-position
import hive
from kit import run, tool, write


def regf(path, keys):
    """`keys`: a dict of values for every path; values as hivexsh writes them ("string:x",
    "expandstring:x", "dword:1")."""
    script, made = [], set()
    for key, values in keys.items():
        script.append("cd \\")
        parts = key.split("\\")
        for depth, part in enumerate(parts, 1):
            above = "\\".join(parts[:depth]).lower()
            if above not in made:
                script.append("add " + part)
                made.add(above)
            script.append("cd " + part)
        script.append("setval %d" % len(values))
        for name, value in values.items():
            script += [name or "@", value]
    name = os.path.basename(path)
    write(path, hive.empty_hive("\\SystemRoot\\System32\\Config\\" + name))
    text = "\n".join(script + ["commit", "quit", ""])
    run(tool("hivexsh"), "-w", path, input=text.encode())
    return path


def dirty(path):
    """The hive as a crash leaves it: the second sequence number behind the first."""
    with open(path, "r+b") as file:
        head = bytearray(file.read(512))
        first, = struct.unpack_from("<I", head, 4)
        struct.pack_into("<I", head, 4, first + 1)
        words = struct.unpack("<127I", bytes(head[:508]))
        checksum = 0
        for word in words:
            checksum ^= word
        struct.pack_into("<I", head, 508, checksum)
        file.seek(0)
        file.write(head)
    return path


NONE = 0xFFFFFFFF


def creg(path, keys):
    """CREG: a tree of nodes (RGKN), and one block (RGDB) of their names and values. `keys`: a dict
    of texts for every path."""
    nodes = [{"name": "", "parent": 0, "children": [], "values": {}}]
    for key, values in keys.items():
        at = 0
        for part in key.split("\\"):
            for child in nodes[at]["children"]:
                if nodes[child]["name"].lower() == part.lower():
                    at = child
                    break
            else:
                nodes[at]["children"].append(len(nodes))
                nodes.append({"name": part, "parent": at, "children": [], "values": {}})
                at = len(nodes) - 1
        nodes[at]["values"].update(values)

    def place(index):
        return 32 + 28 * index

    tree, entries = b"", b""
    for index, node in enumerate(nodes):
        siblings = nodes[node["parent"]]["children"] if index else [0]
        after = siblings.index(index) + 1
        tree += struct.pack(
            "<6I2H", 0, 0, NONE, place(node["parent"]) if index else NONE,
            place(node["children"][0]) if node["children"] else NONE,
            place(siblings[after]) if after < len(siblings) else NONE,
            index if index else 0xFFFF, 0 if index else 0xFFFF)
        if not index:
            continue
        content = node["name"].encode("cp1252")
        for name, value in node["values"].items():
            name, value = name.encode("cp1252"), value.encode("cp1252")
            content += struct.pack("<IIHH", 1, 0, len(name), len(value)) + name + value
        entries += struct.pack("<IHHIHHI", 20 + len(content), index, 0, 20 + len(content),
                               len(node["name"]), len(node["values"]), 0) + content
    rgkn = (struct.pack("<4sIII", b"RGKN", 32 + len(tree), 32, 0).ljust(32, b"\0") + tree)
    rgdb = struct.pack("<4sIIHH", b"RGDB", 32 + len(entries), 0, 0, 0).ljust(32, b"\0") + entries
    head = struct.pack("<4sIIIHH", b"CREG", 0x10000, 32 + len(rgkn), 0, 1, 0).ljust(32, b"\0")
    return write(path, head, rgkn, rgdb)
