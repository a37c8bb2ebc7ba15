# SPDX-License-Identifier: Apache-2.0
"""Evasions by what a message carries its attachment in: uuencode and its kin, TNEF, S/MIME, calendars, data URIs,
encrypted archives, other charsets, mailboxes."""

import base64
import binascii
import bz2
import gzip
import io
import lzma
import quopri
import struct
import zipfile
import zlib

from letters import PAYLOAD, LEGAL, RARE, evasion, raw

CODE = base64.b64encode(PAYLOAD)

# ---- encodings that stand in text ----------------------------------------------------------------------------------

XX = b"+-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
BINHEX = b"!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr"


def sixes(data, alphabet):
    """Three bytes as four characters of this alphabet, the first bits first; the last characters may be fewer."""
    bits = "".join("%08d" % int(bin(byte)[2:]) for byte in data)
    bits += "0" * (-len(bits) % 6)
    return bytes(alphabet[int(bits[at:at + 6], 2)] for at in range(0, len(bits), 6))


def xxencoded(letter, data=PAYLOAD):
    rows = []
    for at in range(0, len(data), 45):
        row = data[at:at + 45]
        rows.append(XX[len(row):len(row) + 1] + sixes(row + b"\0" * (-len(row) % 3), XX))
    return letter.lines("begin 644 " + letter.file, *rows, b"+", "end")


def yencoded(letter, data=PAYLOAD, width=128, name=None):
    out, column = b"", 0
    for byte in data:
        code = (byte + 42) & 255
        unit = b"=" + bytes([(code + 64) & 255]) if code in (0, 10, 13, 61) else bytes([code])
        out += unit
        column += len(unit)
        if column >= width:
            out, column = out + letter.eol, 0
    return letter.joined("=ybegin line=%d size=%d name=%s\n" % (width, len(data), name or letter.file), out, "\n",
                         "=yend size=%d crc32=%08x\n" % (len(data), zlib.crc32(data)))


def yencoded_part(letter):
    whole = yencoded(letter).split(letter.eol)
    whole[0] = b"=ybegin part=1 total=1" + whole[0][len(b"=ybegin"):]
    whole.insert(1, b"=ypart begin=1 end=%d" % len(PAYLOAD))
    whole[-2] = b"=yend size=%d part=1 pcrc32=%08x" % (len(PAYLOAD), zlib.crc32(PAYLOAD))
    return letter.eol.join(whole)


def binhex(letter, data=PAYLOAD, width=64):
    def sealed(block):
        return block + struct.pack(">H", binascii.crc_hqx(block, 0))
    name = raw(letter.file)
    head = bytes([len(name)]) + name + b"\0" + b"TEXTttxt" + struct.pack(">HII", 0, len(data), 0)
    plain = (sealed(head) + sealed(data) + sealed(b"")).replace(b"\x90", b"\x90\0")
    text = b":" + sixes(plain, BINHEX) + b":"
    return letter.lines("(This file must be converted with BinHex 4.0)", "",
                        *[text[at:at + width] for at in range(0, len(text), width)])


UUENCODE, OTHERS = "uuencode", "xxencode, yEnc, BinHex"


def in_body(make, fields=("Content-Type: text/plain",), mime=True):
    """A message that is all text, with something encoded in it."""
    return lambda letter: letter.letter(list(fields) if mime else [],
                                        letter.joined(letter.text(), "\n", make(letter)), mime)


def uu(letter, begin=None, end="`\nend\n", change=None, **how):
    text = letter.uuencoded(**how).replace(b"\r\n", b"\n")
    rows = text.split(b"\n")[1:3]
    if change:
        rows = [change(row) for row in rows]
    return letter.joined((begin or "begin 644 %s" % letter.file) + "\n", *(letter.joined(row, "\n") for row in rows),
                         end)


for ident, kind, make in [
        ("body", LEGAL, uu), ("mode-0644", LEGAL, lambda m: uu(m, "begin 0644 a.bin")),
        ("mode-7", RARE, lambda m: uu(m, "begin 7 a.bin")),
        ("name-blanks", LEGAL, lambda m: uu(m, "begin 666 a file with blanks.exe")),
        ("no-name", RARE, lambda m: uu(m, "begin 644 ")),
        ("quoted-name", LEGAL, lambda m: uu(m, "begin 644 \"a.bin\"")),
        ("long-name", LEGAL, lambda m: uu(m, "begin 644 " + "n" * 600)),
        ("no-end", LEGAL, lambda m: uu(m, end="")), ("end-only", LEGAL, lambda m: uu(m, end="end\n")),
        ("zero-blank", LEGAL, lambda m: uu(m, end=" \nend\n")),
        ("text-behind", LEGAL, lambda m: uu(m) + m.native("\nBye\n")),
        ("blanks", LEGAL, lambda m: uu(m, change=lambda row: row.replace(b"`", b" "))),
        ("blanks-stripped", LEGAL, lambda m: uu(m, change=lambda row: row.replace(b"`", b" ").rstrip())),
        ("backquotes", LEGAL, lambda m: uu(m, change=lambda row: row.replace(b" ", b"`"))),
        ("checksum", RARE, lambda m: uu(m, change=lambda row: row + b"A")),
        ("trailing-blanks", LEGAL, lambda m: uu(m, change=lambda row: row + b"  ")),
        ("blank-line-first", RARE, lambda m: uu(m).replace(m.eol, m.eol * 2, 1)),
        ("blank-lines-between", RARE, lambda m: uu(m).replace(m.eol, m.eol * 2)),
        ("indented", RARE, lambda m: b"".join(b"  " + row + m.eol for row in uu(m).split(m.eol)[:-1])),
        ("two-blanks", RARE, lambda m: uu(m, "begin  644  a.bin")),
        ("upper", RARE, lambda m: uu(m, "BEGIN 644 a.bin")),
        ("second", LEGAL, lambda m: m.uuencoded(b"harmless " * 20, "a.txt") + m.eol + uu(m)),
        ("begin-in-text", LEGAL, lambda m: m.native("begin reading here\nbegin 644 is how it starts\n\n") + uu(m)),
        ("base64", LEGAL, lambda m: m.joined("begin-base64 644 a.bin\n", CODE[:60], "\n", CODE[60:], "\n====\n")),
        ("short-lines", LEGAL, lambda m: m.joined("begin 644 a\n", *(
            binascii.b2a_uu(PAYLOAD[at:at + 10]).rstrip(b"\n") + m.eol for at in range(0, 68, 10)), "`\nend\n"))]:
    evasion("uu-" + ident, UUENCODE, kind, in_body(make))
evasion("uu-no-mime", UUENCODE, LEGAL, in_body(uu, mime=False))
evasion("uu-html", UUENCODE, RARE, in_body(uu, ["Content-Type: text/html"]))
evasion("uu-multipart-text", UUENCODE, LEGAL, lambda letter: letter.carry(
    ["Content-Type: text/plain"], letter.joined("See below.\n\n", uu(letter)), "first"))
evasion("uu-under-qp", UUENCODE, LEGAL, lambda letter: letter.carry(
    ["Content-Type: text/plain", "Content-Transfer-Encoding: quoted-printable"],
    uu(letter, "begin 644 a.bin").replace(b"=", b"=3D")))
evasion("uu-under-base64", UUENCODE, LEGAL,
        lambda letter: letter.attach(letter.base64(uu(letter)), kind="text/plain"))
evasion("uu-octets", UUENCODE, RARE,
        lambda letter: letter.attach(uu(letter), "7bit", kind="application/octet-stream"))
for value, kind in {"x-uuencode": LEGAL, "x-uue": LEGAL, "uuencode": LEGAL, "uue": RARE, "X-UUENCODE": LEGAL,
                    "x-uu": RARE}.items():
    evasion("uu-encoding-" + value, UUENCODE, kind, lambda letter, value=value: letter.attach(uu(letter), value))
evasion("uu-encoding-no-begin", UUENCODE, RARE, lambda letter: letter.attach(
    letter.joined(*(binascii.b2a_uu(PAYLOAD[at:at + 45]).rstrip(b"\n") + letter.eol for at in (0, 45))),
    "x-uuencode"))
evasion("uu-sun-attachment", UUENCODE, RARE,
        lambda letter: letter.letter(["Content-Type: X-sun-attachment"], letter.joined(
    "----------\nX-Sun-Data-Type: text\nX-Sun-Content-Lines: 1\n\ntext\n----------\nX-Sun-Data-Type: default\n"
    "X-Sun-Data-Name: a.bin\nX-Sun-Encoding-Info: uuencode\n\n", uu(letter)), version=False))

for ident, kind, make in [("xx", RARE, xxencoded), ("yenc", LEGAL, yencoded),
                          ("yenc-short-lines", LEGAL, lambda m: yencoded(m, width=20)),
                          ("yenc-part", LEGAL, yencoded_part),
                          ("yenc-no-end", RARE, lambda m: yencoded(m).rsplit(b"=yend", 1)[0]),
                          ("yenc-name", LEGAL, lambda m: yencoded(m, name="a file  with blanks .exe")),
                          ("binhex", LEGAL, binhex), ("binhex-long-line", RARE, lambda m: binhex(m, width=999)),
                          ("binhex-short", LEGAL, lambda m: binhex(m, width=30)),
                          ("binhex-no-banner", RARE, lambda m: binhex(m).split(m.eol * 2)[1])]:
    evasion(ident + "-body", OTHERS, kind, in_body(make))
    if ident in ("xx", "yenc", "binhex"):
        evasion(ident + "-no-mime", OTHERS, kind, in_body(make, mime=False))
        evasion(ident + "-attached", OTHERS, kind, lambda letter,
                make=make: letter.attach(make(letter), "8bit", kind="application/x-any"))
        evasion(ident + "-base64", OTHERS, RARE, lambda letter,
                make=make: letter.attach(letter.base64(make(letter)), kind="text/plain"))
for value, kind in {"mac-binhex40": LEGAL, "x-binhex40": RARE, "binhex": RARE}.items():
    evasion("binhex-encoding-" + value, OTHERS, kind, lambda letter,
            value=value: letter.attach(binhex(letter), value))
evasion("binhex-type", OTHERS, LEGAL,
        lambda letter: letter.attach(binhex(letter), "7bit", kind="application/mac-binhex40"))
evasion("binhex-type-base64", OTHERS, LEGAL,
        lambda letter: letter.attach(letter.base64(binhex(letter)), kind="application/mac-binhex40"))
evasion("uu-type-base64", UUENCODE, RARE,
        lambda letter: letter.attach(letter.base64(uu(letter)), kind="application/x-uuencode"))


def apple_single(data=PAYLOAD, name=b"a file"):
    """RFC 1740: the file's name, dates and data fork."""
    entries, at, body = b"", 26 + 3 * 12, b""
    for ident, text in [(3, name), (8, bytes(16)), (1, data)]:
        entries += struct.pack(">III", ident, at + len(body), len(text))
        body += text
    return struct.pack(">II16xH", 0x00051600, 0x00020000, 3) + entries + body


for ident, kind in {"": "application/applefile", "-octets": "application/octet-stream"}.items():
    evasion("apple-single" + ident, OTHERS, RARE if ident else LEGAL, lambda letter,
            kind=kind: letter.attach(letter.base64(apple_single()), kind=kind))
for value in ["x-yenc", "x-yencode", "yenc"]:
    evasion("yenc-encoding-" + value, OTHERS, RARE, lambda letter,
            value=value: letter.attach(yencoded(letter), value))
evasion("xx-encoding", OTHERS, RARE, lambda letter: letter.attach(xxencoded(letter), "x-xxencode"))
for ident, pack in {"gzip64": lambda data: gzip.compress(data, mtime=0), "bzip2": bz2.compress,
                    "xz": lzma.compress}.items():
    evasion("encoding-x-" + ident, OTHERS, RARE, lambda letter, ident=ident, pack=pack: letter.attach(
        letter.base64(pack(PAYLOAD)), "x-" + ident))

# ---- TNEF ----------------------------------------------------------------------------------------------------------

TNEF = "TNEF"


def attribute(level, ident, data, checksum=None):
    return struct.pack("<BII", level, ident, len(data)) + data + struct.pack(
        "<H", sum(data) & 0xffff if checksum is None else checksum)


def mapi(tag, data):
    """One MAPI property of variable size."""
    return struct.pack("<III", tag, 1, len(data)) + data + b"\0" * (-len(data) % 4)


def tnef(letter, data=PAYLOAD, title=True, checksum=None, by_property=False, first=b""):
    name = raw(letter.file) + b"\0"
    out = struct.pack("<IH", 0x223E9F78, 0x1234) + attribute(1, 0x00089006, struct.pack("<I", 0x10000)) \
        + attribute(1, 0x00069007, struct.pack("<II", 1252, 0)) + attribute(1, 0x00078008,
            b"IPM.Microsoft Mail.Note\0") + first
    out += attribute(2, 0x00069002, struct.pack("<HIHHII", 1, 0xffffffff, 0, 0, 0, 0)[:14])
    if title:
        out += attribute(2, 0x00018010, name)
    if by_property:
        props = struct.pack("<I", 2) + mapi(0x37010102, data) + mapi(0x3704001E, name)
        return out + attribute(2, 0x00069005, props)
    return out + attribute(2, 0x0006800F, data, checksum)


for ident, kind, mime_type, name, how in [
        ("usual", LEGAL, "application/ms-tnef", "winmail.dat", {}),
        ("vnd", LEGAL, "application/vnd.ms-tnef", "winmail.dat", {}),
        ("octets", LEGAL, "application/octet-stream", "winmail.dat", {}),
        ("other-name", LEGAL, "application/ms-tnef", "att0001.dat", {}),
        ("unlike", LEGAL, "image/gif", "a.gif", {}),
        ("no-title", LEGAL, "application/ms-tnef", "winmail.dat", {"title": False}),
        ("checksum", LEGAL, "application/ms-tnef", "winmail.dat", {"checksum": 1}),
        ("property", RARE, "application/ms-tnef", "winmail.dat", {"by_property": True}),
        ("second", LEGAL, "application/ms-tnef", "winmail.dat", {"first": attribute(
            2, 0x00069002, b"\1\0" + b"\0" * 12) + attribute(2, 0x00018010, b"a.txt\0") + attribute(2, 0x0006800F,
                b"harmless")})]:
    evasion("tnef-" + ident, TNEF, kind, lambda letter, mime_type=mime_type, name=name, how=how: letter.attach(
        letter.base64(tnef(letter, **how)), kind=mime_type, name=name))
evasion("tnef-file", TNEF, LEGAL, tnef, suffix=".dat")
evasion("tnef-uu", TNEF, LEGAL, in_body(lambda m: m.uuencoded(tnef(m), "winmail.dat")))
evasion("tnef-cut", TNEF, RARE,
        lambda letter: letter.attach(letter.base64(tnef(letter)[:-2]), kind="application/ms-tnef"))

# ---- S/MIME --------------------------------------------------------------------------------------------------------

SMIME = "opaque S/MIME"
DATA_OID = bytes.fromhex("06092a864886f70d010701")
SIGNED_OID = bytes.fromhex("06092a864886f70d010702")
COMPRESSED_OID = bytes.fromhex("060b2a864886f70d0109100109")
ZLIB_OID = bytes.fromhex("060b2a864886f70d0109100308")


def der(tag, *parts):
    body = b"".join(parts)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 128 | len(size)]) + size + body


def ber(tag, *parts):
    """Of indefinite length."""
    return bytes([tag, 128]) + b"".join(parts) + b"\0\0"


def octets(data, form, chunk=None):
    if not chunk:
        return der(0x04, data)
    return form(0x24, *(der(0x04, data[at:at + chunk]) for at in range(0, len(data), chunk)))


def signed(content, form=der, chunk=None, inner=DATA_OID):
    body = form(0x30, der(0x02, b"\1"), der(0x31), form(0x30, inner, form(0xA0, octets(content, form, chunk))),
                der(0x31))
    return form(0x30, SIGNED_OID, form(0xA0, body))


def compressed(content, form=der):
    body = form(0x30, der(0x02, b"\0"), der(0x30, ZLIB_OID),
                form(0x30, DATA_OID, form(0xA0, octets(zlib.compress(content), form))))
    return form(0x30, COMPRESSED_OID, form(0xA0, body))


def entity(letter):
    """What is signed: a MIME entity, here with the attachment as its body or in a multipart."""
    if letter.any.randrange(2):
        return letter.held()
    return letter.part(*letter.multipart([letter.prose(), letter.held()],
                                         boundary="1nn"))


for ident, kind, make in [
        ("der", LEGAL, lambda m: signed(entity(m))), ("ber", LEGAL, lambda m: signed(entity(m), ber)),
        ("ber-pieces", LEGAL, lambda m: signed(entity(m), ber, 100)),
        ("ber-small-pieces", LEGAL, lambda m: signed(entity(m), ber, 7)),
        ("der-constructed", LEGAL, lambda m: signed(entity(m), der, 64)), ("twice", LEGAL, lambda m: signed(
            m.part(["Content-Type: application/pkcs7-mime; name=smime.p7m", "Content-Transfer-Encoding: base64"],
                   m.base64(signed(entity(m)))))),
        ("bare-payload", LEGAL, lambda m: signed(PAYLOAD)),
        ("long", LEGAL, lambda m: signed(m.joined("X-Note: ", "y" * 70000, "\n", entity(m)))),
        ("compressed", LEGAL, lambda m: compressed(entity(m))),
        ("compressed-ber", RARE, lambda m: compressed(entity(m), ber)),
        ("signed-in-signed", RARE, lambda m: signed(signed(entity(m)), inner=SIGNED_OID)),
        ("message", LEGAL, lambda m: signed(m.message()))]:
    for variant, mime_type, name in [("", "application/pkcs7-mime; smime-type=signed-data", "smime.p7m"),
                                     ("-x", "application/x-pkcs7-mime", "smime.p7m"),
                                     ("-octets", "application/octet-stream", "a.p7m")]:
        if not variant or ident in ("der", "ber-pieces"):
            evasion("smime-%s%s" % (ident, variant), SMIME, kind, lambda letter, make=make, mime_type=mime_type,
                    name=name: letter.attach(
                letter.base64(make(letter)), kind=mime_type, name=name,
                place="whole" if letter.any.randrange(2) else None))
evasion("smime-binary", SMIME, LEGAL,
        lambda letter: letter.attach(signed(entity(letter)), "binary", kind="application/pkcs7-mime",
                                     name="smime.p7m"))
evasion("smime-file", SMIME, LEGAL, lambda letter: signed(entity(letter), ber, 200), suffix=".p7m")
evasion("smime-pem", SMIME, RARE, lambda letter: letter.attach(letter.joined(
    "-----BEGIN PKCS7-----\n", letter.base64(signed(entity(letter)), 64), "-----END PKCS7-----\n"), "7bit",
        kind="application/pkcs7-mime"))
evasion("smime-no-encoding", SMIME, RARE,
        lambda letter: letter.attach(letter.base64(signed(entity(letter))), None, kind="application/pkcs7-mime"))

# ---- HTML, calendars, cards ----------------------------------------------------------------------------------------

URI, CALENDAR = "data: URIs", "calendars and cards"
TEXT64 = CODE.decode()


def html(body, encoding=None):
    def make(letter):
        page = letter.native("<html><head><title>x</title></head>\n<body>%s</body></html>\n" % body)
        fields = ["Content-Type: text/html; charset=utf-8"]
        if encoding == "base64":
            fields, page = fields + ["Content-Transfer-Encoding: base64"], letter.base64(page)
        elif encoding:
            page = letter.native(quopri.encodestring(page.replace(b"\r\n", b"\n")).decode())
            fields = fields + ["Content-Transfer-Encoding: quoted-printable"]
        return letter.carry(fields, page)
    return make


PERCENT = "".join("%%%02X" % byte for byte in PAYLOAD)
for ident, kind, body in [
        ("link", LEGAL, "<a href=\"data:application/octet-stream;base64,%s\">file</a>" % TEXT64),
        ("link-download", LEGAL, "<a download='a.exe' href='data:application/x-msdownload;base64,%s'>f</a>" % TEXT64),
        ("image", LEGAL, "<img src=\"data:image/png;base64,%s\" alt=x>" % TEXT64),
        ("unquoted", LEGAL, "<a href=data:;base64,%s>file</a>" % TEXT64),
        ("upper", LEGAL, "<A HREF=\"DATA:Application/Octet-Stream;BASE64,%s\">f</A>" % TEXT64),
        ("parameters", LEGAL, "<a href=\"data:text/plain;charset=utf-8;name=a.exe;base64,%s\">f</a>" % TEXT64),
        ("percent", LEGAL, "<a href=\"data:application/octet-stream,%s\">f</a>" % PERCENT),
        ("percent-in-base64", LEGAL, "<a href=\"data:a/b;base64,%s\">f</a>" % TEXT64.replace("=", "%3D")),
        ("percent-all-base64", RARE,
         "<a href=\"data:a/b;base64,%s\">f</a>" % "".join("%%%02x" % ord(c) for c in TEXT64)),
        ("line-ends", LEGAL, "<a href=\"data:a/b;base64,\n%s\n%s\">f</a>" % (TEXT64[:40], TEXT64[40:])),
        ("blanks", RARE, "<a href=\" data:a/b;base64, %s  %s\">f</a>" % (TEXT64[:40], TEXT64[40:])),
        ("no-type", LEGAL, "<a href=\"data:;base64,%s\">f</a>" % TEXT64),
        ("comma-only", LEGAL, "<a href='data:,%s'>f</a>" % PERCENT),
        ("style", LEGAL, "<p style=\"background:url(data:image/gif;base64,%s)\">f</p>" % TEXT64),
        ("object", LEGAL, "<object data=\"data:application/pdf;base64,%s\"></object>" % TEXT64),
        ("script", LEGAL, "<script>var a = 'data:a/b;base64,%s';</script>" % TEXT64),
        ("entity", RARE, "<a href=\"&#100;ata:a/b;base64,%s\">f</a>" % TEXT64),
        ("entity-semicolon", RARE, "<a href=\"data:a/b&#59;base64&#44;%s\">f</a>" % TEXT64),
        ("svg", LEGAL, "<svg><image xlink:href=\"data:image/x;base64,%s\"/></svg>" % TEXT64),
        ("no-padding", LEGAL, "<a href=\"data:a/b;base64,%s\">f</a>" % TEXT64.rstrip("="))]:
    evasion("uri-" + ident, URI, kind, html(body, {0: None, 1: "base64", 2: "quoted-printable"}[len(ident) % 3]))
evasion("uri-html-attached", URI, LEGAL, lambda letter: letter.attach(letter.base64(raw(
    "<html><a href=\"data:a/b;base64,%s\">f</a></html>" % TEXT64)), kind="text/html", name="page.html"))


def calendar(letter, line, wrap=True):
    rows = [line]
    if wrap:
        rows = [line[:70]] + [" " + line[at:at + 69] for at in range(70, len(line), 69)]
    return letter.lines("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Example//EN", "METHOD:REQUEST", "BEGIN:VEVENT",
                        "UID:1@example.org",
                        "DTSTART:20260302T100000Z", *rows, "SUMMARY:Meeting", "END:VEVENT", "END:VCALENDAR")


for ident, kind, line, how in [
        ("usual", LEGAL, "ATTACH;FMTTYPE=application/octet-stream;ENCODING=BASE64;VALUE=BINARY:", {}),
        ("filename", LEGAL, "ATTACH;VALUE=BINARY;ENCODING=BASE64;X-FILENAME=\"a.exe\":", {}),
        ("lower", LEGAL, "attach;encoding=base64;value=binary:", {}),
        ("quoted-colon", LEGAL, "ATTACH;X-A=\"b:c;d\";ENCODING=BASE64;VALUE=BINARY:", {}),
        ("one-line", LEGAL, "ATTACH;ENCODING=BASE64;VALUE=BINARY:", {"wrap": False}),
        ("uri", LEGAL, "ATTACH:data:application/octet-stream;base64,", {}),
        ("order", LEGAL, "ATTACH;VALUE=BINARY;ENCODING=BASE64:", {}),
        ("image", LEGAL, "IMAGE;VALUE=BINARY;ENCODING=BASE64;FMTTYPE=image/png:", {}),
        ("x", RARE, "X-ATTACH;ENCODING=BASE64;VALUE=BINARY:", {})]:
    evasion("ics-" + ident, CALENDAR, kind, lambda letter, line=line, how=how: letter.carry(
        ["Content-Type: text/calendar; method=REQUEST; charset=utf-8"], calendar(letter, line + TEXT64, **how)))
evasion("ics-base64", CALENDAR, LEGAL, lambda letter: letter.attach(letter.base64(calendar(
    letter, "ATTACH;ENCODING=BASE64;VALUE=BINARY:" + TEXT64)), kind="text/calendar", name="invite.ics"))
evasion("ics-octets", CALENDAR, LEGAL, lambda letter: letter.attach(letter.base64(calendar(
    letter, "ATTACH;ENCODING=BASE64;VALUE=BINARY:" + TEXT64)), kind="application/octet-stream", name="invite.ics"))
evasion("ics-file", CALENDAR, LEGAL, lambda letter: calendar(letter, "ATTACH;ENCODING=BASE64;VALUE=BINARY:" + TEXT64),
        suffix=".ics")
for ident, kind, line in [
        ("photo", LEGAL, "PHOTO;ENCODING=b;TYPE=JPEG:" + TEXT64),
        ("photo-2.1", LEGAL, "PHOTO;JPEG;ENCODING=BASE64:\n " + TEXT64[:60] + "\n " + TEXT64[60:] + "\n"),
        ("photo-4", LEGAL, "PHOTO:data:image/jpeg;base64," + TEXT64), ("key", LEGAL, "KEY;ENCODING=B:" + TEXT64),
        ("sound", LEGAL, "SOUND;TYPE=WAVE;ENCODING=BASE64:" + TEXT64),
        ("group", LEGAL, "item1.LOGO;ENCODING=b:" + TEXT64)]:
    evasion("vcard-" + ident, CALENDAR, kind, lambda letter, line=line: letter.carry(
        ["Content-Type: text/vcard; charset=utf-8"],
        letter.lines("BEGIN:VCARD", "VERSION:3.0", "FN:Ann Example", line, "END:VCARD")))

# ---- archives ------------------------------------------------------------------------------------------------------

LOCKED = "archive with its password in the text"


class ZipCrypto:
    """The traditional encryption of PKWARE's application note, section 6.1."""

    def __init__(self, password):
        self.keys = [0x12345678, 0x23456789, 0x34567890]
        for byte in password:
            self.update(byte)

    @staticmethod
    def crc(value, byte):
        return (zlib.crc32(bytes([byte]), value ^ 0xffffffff) ^ 0xffffffff) & 0xffffffff

    def update(self, byte):
        keys = self.keys
        keys[0] = self.crc(keys[0], byte)
        keys[1] = ((keys[1] + (keys[0] & 255)) * 134775813 + 1) & 0xffffffff
        keys[2] = self.crc(keys[2], keys[1] >> 24)

    def encrypt(self, data):
        out = bytearray()
        for byte in data:
            mask = (self.keys[2] & 0xffff) | 2
            out.append(byte ^ ((mask * (mask ^ 1)) >> 8 & 255))
            self.update(byte)
        return bytes(out)


def locked_zip(password, name="a.com", data=PAYLOAD):
    """A stored member, encrypted; the twelve bytes before it end with the CRC's highest one."""
    crc = zlib.crc32(data)
    sealed = ZipCrypto(raw(password)).encrypt(b"kujo test.." + bytes([crc >> 24]) + data)
    name = raw(name)
    common = struct.pack("<HHHHHIIIHH", 20, 1, 0, 0, 0x5C62, crc, len(sealed), len(data), len(name), 0)
    local = b"PK\3\4" + common + name + sealed
    central = b"PK\1\2" + struct.pack("<H", 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
    return local + central + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)


def with_password(password, text, kind="text/plain", subject=None, encoding=None):
    def make(letter):
        body = letter.native(text)
        fields = ["Content-Type: " + kind]
        if encoding:
            body, fields = letter.base64(body), fields + ["Content-Transfer-Encoding: base64"]
        archive = letter.part(letter.attached(kind="application/zip", name="documents.zip"),
                              letter.base64(locked_zip(password)))
        parts = [letter.part(fields, body), archive]
        message = letter.letter(*letter.multipart(parts if letter.any.randrange(2) else parts[::-1]))
        return message.replace(b"Subject: ", b"Subject: " + raw(subject) + b" ") if subject else message
    return make


for ident, kind, password, text, how in [
        ("colon", LEGAL, "73519", "Your documents are attached.\nPassword: 73519\n", {}),
        ("sentence", LEGAL, "infected7", "The archive's password is infected7.\n", {}),
        ("quotes", LEGAL, "Abc-123!", "Use the password \"Abc-123!\" to open it.\n", {}),
        ("line", LEGAL, "q8Zr2", "Password:\n\n    q8Zr2\n\nRegards\n", {}),
        ("pass", LEGAL, "4711", "pass: 4711\n", {}),
        ("pwd", LEGAL, "x_y_z", "zip pwd = x_y_z\n", {}),
        ("german", LEGAL, "geheim99", "Das Passwort lautet: geheim99\n", {}),
        ("html", LEGAL, "A1b2C3", "<html><p>Password: <b>A1b2C3</b></p></html>\n", {"kind": "text/html"}),
        ("base64", LEGAL, "hidden1", "Password: hidden1\n", {"encoding": "base64"}),
        ("subject", LEGAL, "5566", "See the subject.\n", {"subject": "password 5566"}),
        ("code", RARE, "918273", "Code for the file: 918273\n", {}),
        ("brackets", RARE, "(new)42", "Password - [(new)42]\n", {})]:
    evasion("locked-" + ident, LOCKED, kind, with_password(password, text, **how))
evasion("locked-no-password", LOCKED, LEGAL, with_password("Xq9$kk!!w", "See the file.\n"), "told")


def zipped(data, name="a.eml"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


evasion("zipped-message", "nesting", LEGAL, lambda letter: letter.attach(letter.base64(zipped(letter.message()))))
evasion("zipped-mail-file", "nesting", LEGAL, lambda letter: zipped(letter.message()), suffix=".zip")
evasion("gzipped-message", "nesting", LEGAL,
        lambda letter: letter.attach(letter.base64(gzip.compress(letter.message(), mtime=0))))

# ---- charsets ------------------------------------------------------------------------------------------------------

CHARSET = "charsets"
TEXT = PAYLOAD.decode()


def in_charset(charset, data, encoding="base64", kind="text/plain"):
    def make(letter):
        field = "Content-Type: %s; charset=\"%s\"" % (kind, charset) if charset else "Content-Type: " + kind
        fields = [field] + (["Content-Transfer-Encoding: " + encoding] if encoding else [])
        return letter.carry(fields, letter.base64(data) if encoding == "base64" else data + letter.eol)
    return make


UTF7 = b"".join(bytes([c]) if chr(c).isalnum() else b"+"
                + base64.b64encode(b"\0" + bytes([c])).rstrip(b"=") + b"-" for c in PAYLOAD)
UTF7_ALL = b"+" + base64.b64encode(TEXT.encode("utf-16-be")).rstrip(b"=") + b"-"
for ident, kind, charset, data in [
        ("utf-16", LEGAL, "utf-16", b"\xff\xfe" + TEXT.encode("utf-16-le")),
        ("utf-16-be-mark", LEGAL, "utf-16", b"\xfe\xff" + TEXT.encode("utf-16-be")),
        ("utf-16le", LEGAL, "UTF-16LE", TEXT.encode("utf-16-le")),
        ("utf-16be", LEGAL, "utf-16be", TEXT.encode("utf-16-be")),
        ("utf-16-no-mark", LEGAL, "utf-16", TEXT.encode("utf-16-be")),
        ("utf-32", RARE, "utf-32", TEXT.encode("utf-32")),
        ("unlabelled-utf-16", RARE, "", b"\xff\xfe" + TEXT.encode("utf-16-le")),
        ("ebcdic", RARE, "ibm037", TEXT.encode("cp037")),
        ("ebcdic-500", RARE, "cp500", TEXT.encode("cp500")), ("utf-7", LEGAL, "utf-7", UTF7),
        ("utf-7-all", LEGAL, "utf-7", UTF7_ALL),
        ("unicode", RARE, "unicode", TEXT.encode("utf-16-le"))]:
    evasion("charset-" + ident, CHARSET, kind, in_charset(charset, data))
evasion("charset-utf-7-bare", CHARSET, LEGAL, in_charset("UTF-7", UTF7, None))
evasion("charset-utf-7-unicode-1-1", CHARSET, LEGAL, in_charset("unicode-1-1-utf-7", UTF7_ALL, "7bit"))
evasion("charset-utf-16-html-uri", CHARSET, LEGAL,
        in_charset("utf-16", ("<html><a href=\"data:a/b;base64,%s\">f</a></html>" % TEXT64).encode("utf-16"),
                                                           kind="text/html"))
evasion("charset-utf-16-uu", CHARSET, RARE,
        lambda letter: in_charset("utf-16le",
                                  letter.joined("text\n", uu(letter)).decode("latin-1").encode("utf-16-le"))(letter))
evasion("charset-utf-16-message", CHARSET, RARE,
        lambda letter: b"\xff\xfe" + letter.message().decode("latin-1").encode("utf-16-le"))
evasion("charset-utf-16be-message", CHARSET, RARE,
        lambda letter: b"\xfe\xff" + letter.message().decode("latin-1").encode("utf-16-be"))
evasion("charset-utf-8-message", CHARSET, LEGAL, lambda letter: b"\xef\xbb\xbf" + letter.message())
evasion("charset-utf-16-code", CHARSET, RARE, lambda letter: letter.carry(
    ["Content-Type: text/plain; charset=utf-16le", "Content-Transfer-Encoding: binary"],
    letter.base64().decode().encode("utf-16-le")))

# ---- mailboxes -----------------------------------------------------------------------------------------------------

BOX = "mailboxes"
FROM = "From ann@example.org Mon Mar  2 10:11:12 2026\n"


def box(*makers, gap="\n", line=FROM):
    return lambda letter: b"".join(letter.native(line) + make(letter) + letter.native(gap) for make in makers)


def calm(letter):
    return letter.letter(["Content-Type: text/plain"], letter.text())


def unclosed(letter):
    return letter.letter(["Content-Type: multipart/mixed; boundary=never"],
                         letter.joined("--never\n", letter.prose()))


for ident, kind, make in [
        ("two", LEGAL, box(calm, lambda m: m.message())), ("first", LEGAL, box(lambda m: m.message(), calm)),
        ("no-blank-line", LEGAL, box(calm, lambda m: m.message(), gap="")),
        ("unclosed-before", LEGAL, box(unclosed, lambda m: m.message())),
        ("many", LEGAL, box(*[calm] * 200, lambda m: m.message(), calm)), ("quoted-from-inside", LEGAL, box(
            lambda m: m.letter(["Content-Type: text/plain"], ">From here on\n"), lambda m: m.message())),
        ("odd-from", LEGAL, box(calm, lambda m: m.message(), line="From MAILER-DAEMON Mon Mar  2 10:11:12 2026\n")),
        ("odd-date", LEGAL, box(calm, lambda m: m.message(), line="From - Mon Mar 02 10:11:12 2026\n")),
        ("from-only", RARE, box(calm, lambda m: m.message(), line="From \n")), ("exim", LEGAL, lambda m: m.joined(
            "From MAILER-DAEMON Mon Mar  2 10:11:12 2026\nX-Envelope-From: <ann@example.org>\n"
            "X-Envelope-To: bob@example.net\n", m.message())),
        ("uu", LEGAL, box(calm, lambda m: m.letter([], m.joined("text\n\n", m.uuencoded()), False))),
        ("mmdf", RARE,
         lambda m: b"".join(b"\1\1\1\1\n" + make(m) + b"\1\1\1\1\n" for make in (calm, lambda m: m.message()))),
        ("content-length", LEGAL,
         box(lambda m: m.letter(["Content-Length: 99999", "Content-Type: text/plain"], m.text()),
             lambda m: m.message())),
        ("from-inside-attachment", RARE,
         box(lambda m: m.letter(["Content-Type: multipart/mixed; boundary=q"], m.joined(
            "--q\n", m.prose(), "\nFrom here to there Mon Mar  2 10:11:12 2026\n--q\n",
            m.held(), "--q--\n"))))]:
    evasion("mbox-" + ident, BOX, kind, make, suffix=".mbox" if len(ident) % 2 else "")
for ident, suffix in {"seen": ":2,S", "new": ".M1P2.example.org", "none": ""}.items():
    evasion("maildir-" + ident, BOX, LEGAL, lambda letter: letter.message(), suffix=suffix)


def emlx(letter):
    message = letter.message()
    return b"%-10d\n" % len(message) + message \
        + b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\">\n<dict/>\n</plist>\n"


evasion("emlx", BOX, RARE, emlx, suffix=".emlx")
evasion("mht", BOX, LEGAL, lambda letter: letter.part(
    ["From: <Saved by a browser>", "Subject: page", "MIME-Version: 1.0",
     "Content-Type: multipart/related;\n\ttype=\"text/html\";\n\tboundary=\"q\""],
    letter.parted([letter.part(["Content-Type: text/html", "Content-Location: http://www.example.org/"],
                               "<p>x</p>\n"),
                   letter.part(["Content-Type: image/png", "Content-Transfer-Encoding: base64",
                                "Content-Location: a.png"], letter.base64())], "q")),
        suffix=".mht")
