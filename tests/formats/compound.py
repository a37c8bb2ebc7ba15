# SPDX-License-Identifier: Apache-2.0
"""Writes OLE compound files (MS-CFB) and Outlook messages (MS-OXMSG) for tests.

A storage is a dict: names to bytes (a stream) or to another dict (a storage)."""

import struct

FREE, END, FAT_SECTOR, DIFAT_SECTOR = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFC
NONE = 0xFFFFFFFF
MAGIC = bytes.fromhex("D0CF11E0A1B11AE1")
CUTOFF = 4096
TIME_OF_ENTRIES = 132000000000000000  # 2019; some readers want one


def pad(data, size):
    return data + bytes(-len(data) % size)


class Writer:
    def __init__(self, version=3, cutoff=CUTOFF):
        self.version, self.cutoff = version, cutoff
        self.size = 512 if version == 3 else 4096
        self.sectors, self.fat = [], []
        self.mini, self.mini_fat = b"", []
        self.entries = []  # [name, type, left, right, child, class id, start, size]

    def chain(self, data):
        """Appends sectors, returns the first."""
        if not data:
            return END
        start = len(self.sectors)
        for at in range(0, len(data), self.size):
            self.sectors.append(pad(data[at:at + self.size], self.size))
            self.fat.append(len(self.sectors))
        self.fat[-1] = END
        return start

    def mini_chain(self, data):
        start = len(self.mini) // 64
        count = (len(data) + 63) // 64
        self.mini += pad(data, 64)
        self.mini_fat += [start + i + 1 for i in range(count - 1)] + [END]
        return start

    def add(self, name, content, class_id=bytes(16), root=False):
        number = len(self.entries)
        self.entries.append(None)
        start, size, child = END, 0, NONE
        if isinstance(content, dict):
            children = [self.add(*item) for item in
                        sorted(content.items(), key=lambda item: (len(item[0]), item[0].upper()))]
            for left, right in zip(children, children[1:]):
                self.entries[left][3] = right
            child = children[0] if children else NONE
            start = 0 if not root else END
        else:
            size = len(content)
            start = END if not size else \
                self.mini_chain(content) if size < self.cutoff else self.chain(content)
        kind = 5 if root else 1 if isinstance(content, dict) else 2
        self.entries[number] = [name, kind, NONE, NONE, child, class_id, start, size]
        return number

    def directory(self):
        out = []
        for name, kind, left, right, child, class_id, start, size in self.entries:
            text = name.encode("utf-16-le")[:62]
            out.append(text.ljust(64, b"\0") + struct.pack("<HBBIII", len(text) + 2, kind, 1, left, right, child))
            out.append(class_id + struct.pack("<IQQIQ", 0, TIME_OF_ENTRIES, TIME_OF_ENTRIES, start, size))
        return pad(b"".join(out), self.size)

    def tables(self):
        """The FAT describes its own sectors and those that list them."""
        per = self.size // 4
        fats = difats = 0
        while True:
            total = len(self.fat) + fats + difats
            need = -(-total // per)
            need_difat = max(0, -(-(need - 109) // (per - 1)))
            if (need, need_difat) == (fats, difats):
                break
            fats, difats = need, need_difat
        first = len(self.fat)
        places = list(range(first, first + fats))
        lists = list(range(first + fats, first + fats + difats))
        self.fat += [FAT_SECTOR] * fats + [DIFAT_SECTOR] * difats
        numbers = self.fat + [FREE] * (fats * per - len(self.fat))
        for at in range(0, len(numbers), per):
            self.sectors.append(struct.pack(f"<{per}I", *numbers[at:at + per]))
        rest = places[109:]
        for i in range(difats):
            part = rest[i * (per - 1):(i + 1) * (per - 1)]
            part += [FREE] * (per - 1 - len(part))
            self.sectors.append(struct.pack(f"<{per}I", *part, lists[i + 1] if i + 1 < difats else END))
        return places, lists

    def finish(self):
        root = self.entries[0]
        root[6], root[7] = self.chain(self.mini), len(self.mini)
        mini_fat = pad(struct.pack(f"<{len(self.mini_fat)}I", *self.mini_fat), 4)
        mini_fat += b"\xFF" * (-len(mini_fat) % self.size)
        mini_start = self.chain(mini_fat)
        directory = self.directory()
        directory_start = self.chain(directory)
        places, lists = self.tables()
        head = MAGIC + bytes(16) + struct.pack(
            "<HHHHH6xIIIIIIIII", 0x3E, self.version, 0xFFFE, 9 if self.version == 3 else 12, 6,
            len(directory) // self.size if self.version == 4 else 0, len(places), directory_start, 0,
            self.cutoff, mini_start, len(mini_fat) // self.size, lists[0] if lists else END, len(lists))
        head += struct.pack("<109I", *(places[:109] + [FREE] * (109 - len(places[:109]))))
        return pad(head, self.size) + b"".join(self.sectors)


def compound(tree, version=3, class_id=bytes(16), cutoff=CUTOFF, change=None):
    """`change` may alter the writer's entries before they are written."""
    writer = Writer(version, cutoff)
    writer.add("Root Entry", tree, class_id, root=True)
    if change:
        change(writer)
    return writer.finish()


# ---- messages ------------------------------------------------------------------------------------

MESSAGE_CLASS_ID = bytes.fromhex("0B0D020000000000C000000000000046")
LONG, OBJECT, STRING8, UNICODE, TIME, BINARY = 0x0003, 0x000D, 0x001E, 0x001F, 0x0040, 0x0102


def properties(values, header):
    """`values`: (number, type, value). Texts are str; what is variable becomes a stream."""
    tree, fixed = {}, bytes(header)
    for number, kind, value in values:
        tag = number << 16 | kind
        if kind in (LONG, TIME):
            fixed += struct.pack("<IIQ", tag, 6, value)
            continue
        if isinstance(value, str):
            value = value.encode("utf-16-le" if kind == UNICODE else "cp1252")
        size = 0xFFFFFFFF if kind == OBJECT else len(value) + (2 if kind == UNICODE else kind == STRING8)
        fixed += struct.pack("<IIII", tag, 6, size, 0)
        tree["__substg1.0_%08X" % tag] = value
    tree["__properties_version1.0"] = fixed
    return tree


def attachment(values):
    return properties(values, 8)


def message(values, attachments=(), embedded=False):
    tree = properties(values, 24 if embedded else 32)
    count = struct.pack("<II", 0, len(attachments))
    fixed = tree["__properties_version1.0"]
    tree["__properties_version1.0"] = fixed[:8] + count * 2 + fixed[24:]
    for i, item in enumerate(attachments):
        tree["__attach_version1.0_#%08X" % i] = item
    if not embedded:
        tree["__nameid_version1.0"] = {"__substg1.0_00020102": b"", "__substg1.0_00030102": b"",
                                       "__substg1.0_00040102": b""}
    return tree


def msg(values, attachments=(), version=3):
    return compound(message(values, attachments), version, MESSAGE_CLASS_ID)


# ---- compressed RTF (MS-OXRTFCP) -----------------------------------------------------------------

RTF_START = (rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript "
             rb"\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
             b"\r\n" rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx")


def lzfu(text):
    """Compresses with references of up to 17 bytes, the longest match that lies in the ring."""
    ring = RTF_START + text
    at, items = len(RTF_START), []
    while at < len(ring):
        length = min(17, len(ring) - at)
        while length >= 2:
            found = ring.rfind(ring[at:at + length], max(0, at - 4000), at)
            if found >= 0:
                break
            length -= 1
        if length >= 2:
            items.append((1, struct.pack(">H", (found % 4096) << 4 | length - 2)))
            at += length
        else:
            items.append((0, ring[at:at + 1]))
            at += 1
    items.append((1, struct.pack(">H", (at % 4096) << 4)))
    out = b""
    for first in range(0, len(items), 8):
        group = items[first:first + 8]
        out += bytes([sum(bit << i for i, (bit, _) in enumerate(group))]) + b"".join(b for _, b in group)
    return struct.pack("<II4sI", len(out) + 12, len(text), b"LZFu", 0) + out
