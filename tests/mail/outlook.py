# SPDX-License-Identifier: Apache-2.0
"""Outlook's own messages (MS-OXMSG): a compound file (MS-CFB) with a storage for each attachment."""

import struct

from letters import LEGAL, PAYLOAD, RARE, SAID, evasion, raw

NONE, END, FAT = 0xffffffff, 0xfffffffe, 0xfffffffd
OUTLOOK = "Outlook's .msg"


def chain(table, first, count):
    """`count` sectors from `first` on, one behind the other."""
    for at in range(first, first + count):
        table[at:] = [at + 1 if at + 1 < first + count else END]


def entry(name, kind, child, right, start, size):
    text = name.encode("utf-16-le") + b"\0\0"
    return text.ljust(64, b"\0") + struct.pack("<HBBIII16sI8s8sIQ", len(text), kind, 1, NONE, right, child, b"", 0,
                                               b"", b"", start, size)


def flatten(tree):
    """[name, kind, child, right, data] of all entries. Siblings hang to the right of each other, in order."""
    rows = []

    def add(children):
        names = sorted(children, key=lambda name: (len(name), name.upper()))
        mine = []
        for name in names:
            mine.append(len(rows))
            rows.append([name, 2 if isinstance(children[name], bytes) else 1, NONE, NONE, children[name]])
        for at, following in zip(mine, mine[1:]):
            rows[at][3] = following
        for at in mine:
            if rows[at][1] == 1:
                rows[at][2] = add(rows[at][4])
        return mine[0] if mine else NONE

    rows.append(["Root Entry", 5, NONE, NONE, b""])
    rows[0][2] = add(tree)
    return rows


def compound(tree):
    """A compound file of version 3 with these storages (dictionaries) and streams (bytes)."""
    rows, mini, mini_fat, fat, sectors = flatten(tree), b"", [], [], b""

    def place(data):
        nonlocal sectors
        if not data:
            return END
        first, count = len(fat), (len(data) + 511) // 512
        chain(fat, first, count)
        sectors += data.ljust(count * 512, b"\0")
        return first

    for row in rows[1:]:
        if row[1] == 2 and len(row[4]) < 4096:
            start = len(mini_fat)
            count = (len(row[4]) + 63) // 64
            chain(mini_fat, start, count)
            mini += row[4].ljust(count * 64, b"\0")
            row.append(start if count else END)
        else:
            row.append(place(row[4]) if row[1] == 2 else 0)
    root = place(mini)
    mini_table = b"".join(struct.pack("<I", one) for one in mini_fat)
    mini_sectors = (len(mini_table) + 511) // 512
    mini_start = place(mini_table.ljust(mini_sectors * 512, b"\xff"))
    entries = entry("Root Entry", 5, rows[0][2], NONE, root, len(mini)) + b"".join(
        entry(name, kind, child, right, start, len(data) if kind == 2 else 0)
        for name, kind, child, right, data, start in rows[1:])
    directory = place(entries)
    table_count = (len(fat) + 127 + 1) // 128
    table_start = len(fat)
    fat += [FAT] * table_count
    table = b"".join(struct.pack("<I", one) for one in fat).ljust(table_count * 512, b"\xff")
    header = bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 16 + struct.pack(
        "<HHHHH6xIIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, table_count, directory, 0, 4096, mini_start, mini_sectors,
        END, 0, table_start)
    return header.ljust(512, b"\xff") + sectors + table


def properties(head, *tags):
    return head + b"".join(struct.pack("<II8x", tag, 6) for tag in tags)


def attachment(data, name, wide=True):
    kind = 0x1F if wide else 0x1E
    text = name.encode("utf-16-le") if wide else raw(name)
    return {"__properties_version1.0": properties(b"\0" * 8, 0x37010102, 0x37070000 | kind, 0x37050003),
            "__substg1.0_37010102": data, "__substg1.0_3707%04X" % kind: text,
            "__substg1.0_3704%04X" % kind: text}


def message(letter, *attachments):
    tree = {"__nameid_version1.0": {"__substg1.0_00020102": b"", "__substg1.0_00030102": b"",
                                    "__substg1.0_00040102": b""},
            "__properties_version1.0": properties(b"\0" * 32, 0x0037001F, 0x1000001F),
            "__substg1.0_0037001F": "A message".encode("utf-16-le"),
            "__substg1.0_1000001F": letter.text().encode("utf-16-le"),
            "__substg1.0_001A001F": "IPM.Note".encode("utf-16-le")}
    for number, one in enumerate(attachments):
        tree["__attach_version1.0_#%08X" % number] = one
    return tree


def embedded(letter):
    """A message as an attachment's object."""
    inner = message(letter, attachment(PAYLOAD, letter.file))
    inner["__properties_version1.0"] = properties(b"\0" * 24, 0x0037001F)
    outer = attachment(b"", "message")
    del outer["__substg1.0_37010102"]
    outer["__substg1.0_3701000D"] = inner
    return message(letter, outer)


def long_message(letter):
    """An RFC 5322 message longer than what goes into the small sectors."""
    return letter.letter(*letter.multipart([
        letter.part(["Content-Type: text/plain"], SAID * 60), letter.part(letter.attached(), letter.base64())]))


for ident, kind, make in [
        ("usual", LEGAL, lambda m: message(m, attachment(PAYLOAD, m.file))),
        ("narrow", LEGAL, lambda m: message(m, attachment(PAYLOAD, m.file, False))),
        ("second", LEGAL, lambda m: message(m, attachment(SAID, "a.txt"), attachment(PAYLOAD, m.file))),
        ("embedded", LEGAL, embedded),
        ("eml-inside", LEGAL, lambda m: message(m, attachment(long_message(m), "a.eml"))),
        ("no-name", RARE,
         lambda m: message(m, {"__properties_version1.0": b"\0" * 8, "__substg1.0_37010102": PAYLOAD}))]:
    evasion("msg-" + ident, OUTLOOK, kind, lambda letter, make=make: compound(make(letter)), suffix=".msg")
    if ident in ("usual", "embedded"):
        evasion("msg-attached-" + ident, OUTLOOK, kind, lambda letter, make=make: letter.attach(
            letter.base64(compound(make(letter))), kind="application/vnd.ms-outlook", name="a.msg"))
