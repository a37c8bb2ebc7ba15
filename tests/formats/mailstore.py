#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Messages as programs keep them, and what is inside calendars and address cards, read by kujo:
mailstore.py WALK

What `walk` (walk.c) finds is compared with what went in."""

import base64
import hashlib
import os
import quopri
import re
import subprocess
import sys
import tempfile

WALK = os.path.abspath(sys.argv[1])
MARK = b"An inert text that must be found, " * 4 + b"and ends"
B64 = base64.b64encode(MARK)
MESSAGE = b"Subject: one\nContent-Type: multipart/mixed; boundary=xx\n\n--xx\nContent-Type: application/x\n" \
    b"Content-Transfer-Encoding: base64\n\n" + B64 + b"\n--xx--\n"
BODY = MESSAGE[MESSAGE.index(b"\n\n") + 2:]


def digest(data):
    """As walk's: without CR, without blanks before LF and LF at the end."""
    text = re.sub(rb"[ \t]+\n", b"\n", data.replace(b"\r", b""))
    return hashlib.sha256(text.rstrip(b"\n")).hexdigest()


def unescape(text):
    return re.sub(r"\\x([0-9A-F]{2})", lambda m: chr(int(m[1], 16)), text)


def walk(data, name="a.bin"):
    """(types, [(depth, sha, flags, content type, names)], unseen)"""
    with tempfile.TemporaryDirectory(prefix="kujo-mailstore-") as place:
        path = os.path.join(place, name)
        with open(path, "wb") as file:
            file.write(data)
        result = subprocess.run([WALK, "-l", path], capture_output=True, check=False, timeout=60)
    if result.returncode:
        raise AssertionError(f"walk: {result.returncode} {result.stderr.decode()[-2000:]}")
    types, members, unseen = [], [], []
    for line in result.stdout.decode().splitlines():
        if line[0] == "!":
            unseen.append(line)
        if line[0] != "=":
            continue
        _, depth, _, sha, _, flags, kinds, content_type, names = line.split("\t")
        if depth == "0":
            types = kinds.split(",")
        else:
            members.append((int(depth), sha, flags, content_type, [unescape(n) for n in names.split(" ")]))
    return types, members, unseen


def found(data, content=MARK, name="a.bin"):
    return [member for member in walk(data, name)[1] if member[1] == digest(content)]


def expect(truth, text):
    if not truth:
        raise AssertionError(text)


def case_store(kind, data, count=1, told=""):
    types, members, unseen = walk(data)
    expect(types[0] == kind, types)
    expect(sum(member[:2] == (1, digest(MESSAGE)) for member in members) == count, members)
    expect(sum(member[1] == digest(MARK) for member in members) >= count, "the attachment is not found")
    expect((told in "".join(unseen)) if told else not unseen, unseen)


# ---- mail stores ---------------------------------------------------------------------------------

PLIST = b'<?xml version="1.0" encoding="UTF-8"?>\n<plist version="1.0"><dict/></plist>\n'


def emlx(length=len(MESSAGE), plist=PLIST):
    return b"%-10d\n" % length + MESSAGE + plist


def dbox(*messages, size=0):
    out = b"2 M1e C4d6ea2a6\n"
    for content in messages:
        out += b"\x01\x02N 00000000 %016x\n" % (len(content) + size)
        out += content + b"\n\x01\x03\nR4d6ea2a6\nGc37b3f2a\nV%x\n\n" % len(content)
    return out


def record(kind, data):
    length, out = len(data), b""
    while True:
        more = length >> 7
        out += bytes([length & 0x7F | (0x80 if more else 0)])
        length = more
        if not more:
            return kind + out + data


def postfix(lines, tail=b""):
    head = record(b"C", b"%15d %15d %15d %15d %15d" % (1000, 100, 1, 0, 1000)) + record(b"T", b"1700000000 0") + \
        record(b"S", b"ann@example.org") + record(b"R", b"bob@example.org") + record(b"M", b"")
    return head + lines + record(b"X", b"") + record(b"E", b"") + tail


LINES = b"".join(record(b"N", line) for line in MESSAGE.rstrip(b"\n").split(b"\n"))


def case_postfix_pointer():
    """A milter's new lines stand at the end, and the way leads there and back."""
    lines = MESSAGE.rstrip(b"\n").split(b"\n")
    before, after = [b"".join(record(b"N", line) for line in part) for part in (lines[:2], lines[3:])]
    pointer = len(postfix(before, b"")) - len(record(b"X", b"") + record(b"E", b""))
    back = pointer + len(record(b"p", b"%15d" % 0))
    empty = postfix(before + record(b"p", b"%15d" % 0) + after)
    data = postfix(before + record(b"p", b"%15d" % len(empty)) + after,
                   record(b"N", lines[2]) + record(b"p", b"%15d" % back))
    case_store("postfix", data)


def case_postfix_circle():
    start = len(postfix(b"")) - len(record(b"X", b"") + record(b"E", b""))
    types, _, unseen = walk(postfix(record(b"p", b"%15d" % start)))
    expect(types[0] == "postfix" and "circle" in "".join(unseen), unseen)


def case_long_line():
    data = postfix(record(b"L", MESSAGE[:300]) + record(b"N", MESSAGE[300:].rstrip(b"\n")))
    case_store("postfix", data)


def case_exim(name):
    types, _, _ = walk(name + b"\n" + BODY)
    expect(types[0] == "exim", types)
    expect(found(name + b"\nA preamble\n-- \n" + BODY), "the attachment is not found")


def case_told(data, kind, text):
    types, _, unseen = walk(data)
    expect(types[0] == kind and len(unseen) == 1 and text in unseen[0], (types, unseen))


# ---- calendars and cards -------------------------------------------------------------------------

def fold(line, width=75, end=b"\r\n", blank=b" "):
    return (end + blank).join(line[i:i + width] for i in range(0, len(line), width)) + end


def calendar(line, end=b"\r\n"):
    return end.join([b"BEGIN:VCALENDAR", b"VERSION:2.0", b"BEGIN:VEVENT", b"SUMMARY:party"]) + end + line + \
        end.join([b"END:VEVENT", b"END:VCALENDAR", b""])


def card(line, end=b"\r\n"):
    return b"BEGIN:VCARD" + end + b"VERSION:2.1" + end + b"N:Doe;Jane" + end + line + b"END:VCARD" + end


ATTACH = b"ATTACH;FMTTYPE=Application/PDF;ENCODING=BASE64;VALUE=BINARY;X-FILENAME=\"a;b:c.pdf\":" + B64


def case_calendar():
    for end in (b"\r\n", b"\n", b"\r"):
        for width in (7, 75, 10000):
            hits = found(calendar(fold(ATTACH, width, end), end))
            expect(hits and hits[0][2:] == ("a", "application/pdf", ["a;b:c.pdf"]), (end, width, hits))


def case_values():
    """Each line, in a calendar or a card, holds the text."""
    uri = b"data:text/plain;base64," + B64
    for line in (fold(b"attach;encoding=base64:" + B64), fold(b"ATTACH;ENCODING=\"BASE64\";VALUE=BINARY:" + B64, blank=b"\t"),
                 fold(b"ATTACH;ENCODING=8BIT;ENCODING=BASE64:" + B64), fold(b"ATTACH;FILENAME=\"x:" + B64),
                 fold(b"ATTACH:" + uri), fold(b"ATTACH;VALUE=URI;FMTTYPE=text/plain:" + uri), fold(b"URL:" + uri),
                 fold(b"ATTACH:" + B64), b"PHOTO;ENCODING=b;TYPE=JPEG:" + B64 + b"\n",
                 b"item1.PHOTO;JPEG;BASE64:\n  " + fold(B64, 60, b"\n", b"  ") + b"\n",
                 b"PHOTO;JPEG;BASE64:\n" + B64[:60] + b"\n" + B64[60:] + b"\n\n",
                 b"NOTE;ENCODING=QUOTED-PRINTABLE:" + quopri.encodestring(MARK) + b"\n",
                 b"NOTE;QUOTED-PRINTABLE:" + MARK.replace(b"a", b"=61").replace(b", ", b",=\r\n ") + b"\n"):
        for container in (calendar, card):
            expect(found(container(line)), (container.__name__, line))


def case_names():
    line = b"ATTACH;FILENAME=a.txt;X-FILENAME=b.txt;X-APPLE-FILENAME=a.txt;ENCODING=BASE64:" + B64 + b"\n"
    expect(found(calendar(line))[0][4] == ["a.txt", "b.txt"], found(calendar(line)))
    line = b"ATTACH;ENCODING=BASE64:" + B64 + b"\n"
    expect(found(calendar(line))[0][4] == ["ATTACH 1"], found(calendar(line)))


def case_html():
    line = b"X-ALT-DESC;FMTTYPE=text/html:<html>\\n<a href=\"x\">a\\, b</a>\r\n"
    expect(found(calendar(line), b"<html>\n<a href=\"x\">a, b</a>"), walk(calendar(line)))


def case_declared():
    """Without its BEGIN line it is one by name."""
    line = b"ATTACH;ENCODING=BASE64:" + B64 + b"\n"
    expect(found(line, name="a.ics") and found(line, name="a.vcf") and not found(line, name="a.txt"), "by name")


def case_odd():
    """Padding inside: another reading stops there."""
    seen = walk(calendar(b"ATTACH;ENCODING=BASE64:" + base64.b64encode(MARK[:7]) + B64 + b"\n"))[1]
    expect(any(member[1] == digest(MARK[:7] + MARK) for member in seen), seen)
    expect(any(member[1] == digest(MARK[:7]) and "r" in member[2] for member in seen), seen)


def case_plain():
    """What carries nothing has no members."""
    plain = calendar(b"ATTACH:http://example.org/a\r\nDESCRIPTION:a text: with colons\r\n")
    expect(walk(plain)[1:] == ([], []) and walk(plain)[0][0] == "ics", walk(plain))
    expect(walk(card(b"TEL:1\n")) == (["vcard"], [], []), walk(card(b"TEL:1\n")))


CASES = [
    (".emlx", lambda: case_store("emlx", emlx())),
    (".emlx with a length that is too small", lambda: expect(found(emlx(10)), "not found")),
    (".emlx with a length that is too large", lambda: expect(found(emlx(99999)), "not found")),
    ("dbox", lambda: case_store("dbox", dbox(MESSAGE))),
    ("mdbox", lambda: case_store("dbox", dbox(MESSAGE, b"Subject: two\n\ntext\n", MESSAGE), 2)),
    ("dbox with wrong sizes", lambda: case_store("dbox", dbox(MESSAGE, MESSAGE, size=7), 2)),
    ("dbox that ends early", lambda: case_store("dbox", dbox(MESSAGE).split(b"\n\x01\x03")[0], 1, "ends early")),
    ("Postfix", lambda: case_store("postfix", postfix(LINES))),
    ("Postfix: long lines", case_long_line),
    ("Postfix: changed by a milter", case_postfix_pointer),
    ("Postfix: records in a circle", case_postfix_circle),
    ("Exim", lambda: case_exim(b"1qTb3x-0003sQ-2Z-D")),
    ("Exim 4.97", lambda: case_exim(b"1qTb3x-00000003sQE-2ZaB-D")),
    ("Outlook's mailboxes", lambda: case_told(b"!BDN" + bytes(600), "pst", "export the messages as .msg or .eml")),
    ("Outlook Express", lambda: case_told(bytes.fromhex("CFAD12FEC5FD746F") + bytes(90), "dbx", "export the messages as .eml")),
    ("a calendar's attachment", case_calendar),
    ("values in calendars and cards", case_values),
    ("names of an attachment", case_names),
    ("HTML in a calendar", case_html),
    ("calendars by declaration", case_declared),
    ("base64 with padding inside", case_odd),
    ("calendars and cards with nothing inside", case_plain),
]


def main():
    print(f"1..{len(CASES)}")
    failures = 0
    for number, (title, case) in enumerate(CASES, 1):
        try:
            case()
            print(f"ok {number} - {title}")
        except (AssertionError, OSError, IndexError, ValueError) as why:
            failures += 1
            text = str(why).replace("\n", " ")[:1500]
            print(f"not ok {number} - {title}\n# {type(why).__name__} {text}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
