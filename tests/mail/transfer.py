# SPDX-License-Identifier: Apache-2.0
"""Evasions in the Content-Transfer-Encoding and in what it says the body is encoded with."""

import base64
import io
import zipfile

from letters import PAYLOAD, LEGAL, RARE, evasion

BINARY = "application/octet-stream"  # in a text, base64 that nothing announces is text


def with_encodings(*values, body=None, kind=None, **how):
    """A message whose attachment has these Content-Transfer-Encoding fields, in this order. A value that is bytes
    is the whole field."""
    def make(letter):
        fields = letter.attached(None, kind=kind)
        at = letter.any.randrange(len(fields) + 1)
        fields[at:at] = [value if isinstance(value, bytes) else "Content-Transfer-Encoding: " + value
                         for value in values]
        return letter.carry(fields, letter.base64() if body is None else body(letter), **how)
    return make


def escaped(data=PAYLOAD, lower=False):
    """The units of quoted-printable, with all escaped that some gateway changes."""
    form = b"=%02x" if lower else b"=%02X"
    return [form % byte if not chr(byte).isalnum() else bytes([byte]) for byte in data]


def soft(letter, end, every=11, lower=False, data=PAYLOAD):
    """Quoted-printable with a soft line break, whose "=" is followed by `end`, after some escapes."""
    units = escaped(data, lower)
    rows = [b"".join(units[at:at + every]) for at in range(0, len(units), every)]
    return (b"=" + end).join(rows) + letter.eol


def as_quoted(body):
    return with_encodings("quoted-printable", body=body)


# ---- more than one field -------------------------------------------------------------------------------------------

DUPLICATED = "duplicated transfer encoding"
for ident, values in {
        "first": ("base64", "7bit"), "last": ("7bit", "base64"), "binary-first": ("binary", "base64"),
        "qp-first": ("quoted-printable", "base64"), "qp-last": ("base64", "quoted-printable"),
        "8bit-between": ("base64", "8bit", "7bit"), "three-middle": ("7bit", "base64", "8bit"),
        "unknown-first": ("x-none", "base64"), "unknown-last": ("base64", "x-none"),
        "uu-last": ("base64", "x-uuencode"), "same-case": ("BASE64", "Base64"),
        "empty-first": ("", "base64"), "empty-last": ("base64", "")}.items():
    evasion("cte-twice-" + ident, DUPLICATED, LEGAL, with_encodings(*values))
evasion("cte-twice-apart", DUPLICATED, LEGAL, lambda letter: letter.carry(
    ["Content-Transfer-Encoding: base64", *letter.attached(None), "Content-Transfer-Encoding: 8bit"],
    letter.base64()))
evasion("cte-twice-qp-body", DUPLICATED, LEGAL,
        with_encodings("7bit", "quoted-printable", body=lambda m: soft(m, m.eol)))
evasion("cte-twice-qp-body-first", DUPLICATED, LEGAL,
        with_encodings("quoted-printable", "base64", body=lambda m: soft(m, m.eol)))
evasion("cte-list-comma", DUPLICATED, RARE, with_encodings("base64, 7bit"))
evasion("cte-list-comma-last", DUPLICATED, RARE, with_encodings("8bit, base64"))
evasion("cte-list-space", DUPLICATED, RARE, with_encodings("7bit base64"))
evasion("cte-list-space-first", DUPLICATED, RARE, with_encodings("base64 7bit"))


def encoded_parent(letter):
    fields, body = letter.multipart([letter.prose(), letter.part(letter.attached(), letter.base64())])
    return letter.letter(["Content-Transfer-Encoding: base64", "Content-Transfer-Encoding: 7bit", *fields], body)


evasion("cte-twice-in-parent", DUPLICATED, LEGAL, encoded_parent)

# ---- one field of odd syntax ---------------------------------------------------------------------------------------

SYNTAX = "syntax of the transfer encoding"
for ident, kind, value in [
        ("comment-behind", LEGAL, "base64 (as always)"), ("comment-before", LEGAL, "(as always) base64"),
        ("comment-close", LEGAL, "base64(x)"), ("comment-nested", LEGAL, "(a (b) c) base64"),
        ("comment-fold", LEGAL, "(a\n comment) base64"), ("comment-escaped", LEGAL, "(a \\) 7bit) base64"),
        ("comment-says-other", LEGAL, "base64 (7bit)"), ("comment-between", RARE, "base(x)64"),
        ("comment-unclosed", RARE, "base64 (x"), ("quotes", RARE, "\"base64\""),
        ("quotes-blank", RARE, "\" base64 \""),
        ("quote-open", RARE, "\"base64"), ("apostrophes", RARE, "'base64'"), ("fold", LEGAL, "\n base64"),
        ("fold-tab", LEGAL, "\n\tbase64"), ("fold-twice", LEGAL, "\n \n\tbase64"),
        ("long-fold", LEGAL, "\n" + " " * 900 + "base64"), ("blanks", LEGAL, "   \t base64  \t "),
        ("no-blank", LEGAL, None), ("case", LEGAL, "bASe64"), ("semicolon", LEGAL, "base64;"),
        ("parameter", RARE, "base64; x=y"), ("semicolon-before", RARE, "; base64"), ("dot", RARE, "base64."),
        ("comma", RARE, "base64,"), ("encoded-word", RARE, "=?us-ascii?Q?base64?="),
        ("encoded-word-b", RARE, "=?utf-8?B?YmFzZTY0?="), ("x-base64", RARE, "x-base64"),
        ("base-64", RARE, "base-64"), ("unknown", RARE, "x-unknown"), ("none", RARE, "none"),
                ("empty", RARE, ""), ("junk-behind", RARE, "base64 !"), ("no-break-space", RARE, "\xa0base64"),
        ("vertical-tab", RARE, "\x0bbase64"), ("broken-word", RARE, "base\n 64"), ("equals", RARE, "=base64"),
        ("colon", RARE, ": base64")]:
    evasion("cte-" + ident, SYNTAX, kind,
            with_encodings(b"Content-Transfer-Encoding:base64" if value is None else value))
for ident, kind, field in [
        ("blank-before-colon", LEGAL, b"Content-Transfer-Encoding : base64"),
        ("tab-before-colon", LEGAL, b"Content-Transfer-Encoding\t: base64"),
        ("name-case", LEGAL, b"cONTENT-tRANSFER-eNCODING: base64"),
        ("name-nul", RARE, b"Content-Transfer\0-Encoding: base64"),
        ("value-nul", RARE, b"Content-Transfer-Encoding: base64\0"),
        ("value-nul-before", RARE, b"Content-Transfer-Encoding: \0base64"),
        ("bare-cr", RARE, b"X-Other: a\rContent-Transfer-Encoding: base64"),
        ("cr-in-value", RARE, b"Content-Transfer-Encoding:\r base64"),
        ("no-colon", RARE, b"Content-Transfer-Encoding base64")]:
    evasion("cte-" + ident, SYNTAX, kind, with_encodings(field))
evasion("cte-leading-blank", SYNTAX, RARE, lambda letter: letter.carry(
    [b" Content-Transfer-Encoding: base64", *letter.attached(None)], letter.base64(),
    letter.any.choice(["first", "last"])))
for value in ["7bit", "8bit", "binary"]:
    evasion("cte-says-" + value, SYNTAX, RARE, with_encodings(value, kind=BINARY))
evasion("cte-name-bare", SYNTAX, RARE, with_encodings(b"Content-Encoding: base64", kind=BINARY))
evasion("cte-absent", SYNTAX, RARE, with_encodings(kind=BINARY))
evasion("cte-only-in-parent", SYNTAX, RARE, lambda letter: letter.letter(
    ["Content-Transfer-Encoding: base64", "Content-Type: multipart/mixed; boundary=" + "outer1"],
    letter.parted([letter.prose(), letter.part(letter.attached(None), letter.base64())], "outer1")))

# ---- base64 --------------------------------------------------------------------------------------------------------

BASE64 = "base64"


def in_base64(make):
    return lambda letter: letter.attach(make(letter))


def pieces(*sizes):
    """The payload cut into pieces that are encoded by themselves, so that padding stands between them."""
    out, at = [], 0
    for size in sizes:
        out.append(base64.b64encode(PAYLOAD[at:at + size]))
        at += size
    return out + [base64.b64encode(PAYLOAD[at:])]


def sprinkled(letter, junk, often=3):
    text = base64.b64encode(PAYLOAD)
    return b"".join(text[at:at + often] + letter.any.choice(junk) for at in range(0, len(text), often)) + letter.eol


def odd_zip():
    """A ZIP, stored, with bytes before the member's data that base64 has its two last characters for."""
    member = zipfile.ZipInfo("e.com")
    member.extra = b"\x99\x99\x0c\0" + b"\xfb\xef\xbe\xff\xff\xff" * 2
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(member, PAYLOAD)
    return out.getvalue()


CODE = base64.b64encode(PAYLOAD)
for ident, kind, make in [
        ("padding-inside", LEGAL, lambda m: m.eol.join(pieces(19, 20)) + m.eol),
        ("padding-one-line", LEGAL, lambda m: b"".join(pieces(10, 10, 10)) + m.eol),
        ("padding-two", LEGAL, lambda m: m.eol.join(pieces(1, 1, 1)) + m.eol),
        ("padding-each-byte", RARE,
         lambda m: m.eol.join(base64.b64encode(PAYLOAD[i:i + 1]) for i in range(68)) + m.eol),
        ("no-padding", LEGAL, lambda m: CODE.rstrip(b"=") + m.eol),
        ("too-much-padding", LEGAL, lambda m: CODE + b"===" + m.eol),
        ("padding-own-line", LEGAL, lambda m: CODE.rstrip(b"=") + m.eol + b"=" + m.eol),
        ("padding-first", RARE, lambda m: b"=" + CODE + m.eol),
        ("padding-in-quantum", RARE, lambda m: CODE[:9] + b"=" + CODE[9:] + m.eol),
        ("padding-four", RARE, lambda m: CODE[:40] + b"====" + m.eol + CODE[40:] + m.eol),
        ("one-a-line", LEGAL, lambda m: m.eol.join(bytes([c]) for c in CODE) + m.eol),
        ("odd-lines", LEGAL, lambda m: m.eol.join([CODE[:7], CODE[7:24], CODE[24:25], CODE[25:]]) + m.eol),
        ("blank-lines", LEGAL, lambda m: m.eol * 9 + CODE[:44] + m.eol * 5 + CODE[44:] + m.eol),
        ("blanks", LEGAL, lambda m: sprinkled(m, [b" ", b"\t", b"  "])),
        ("leading-blanks", LEGAL, lambda m: b"".join(b"   " + CODE[i:i + 20] + m.eol for i in range(0, 92, 20))),
        ("junk", LEGAL, lambda m: sprinkled(m, [b"!", b"*", b".", b"#", b"@"])),
        ("junk-quotes", LEGAL, lambda m: sprinkled(m, [b"\"", b"'", b">", b"<"], 5)),
        ("junk-high", LEGAL, lambda m: sprinkled(m, [b"\x80", b"\xe9", b"\xff"], 7)),
        ("junk-nul", RARE, lambda m: sprinkled(m, [b"\0", b"\x01"], 9)),
        ("junk-first", LEGAL, lambda m: b"!!! ???" + m.eol + CODE + m.eol),
        ("hyphens", LEGAL, lambda m: sprinkled(m, [b"--"], 16)),
        ("bare-cr", LEGAL, lambda m: b"\r".join(CODE[i:i + 30] for i in range(0, 92, 30)) + m.eol),
        ("mixed-ends", LEGAL, lambda m: CODE[:20] + b"\r\n" + CODE[20:40] + b"\n" + CODE[40:60] + b"\r" + CODE[60:]
         + m.eol),
        ("long-line", LEGAL, lambda m: b" " * 70000 + CODE + m.eol),
        ("all-in-one-line", LEGAL, lambda m: CODE + m.eol),
        ("long-white", LEGAL, lambda m: CODE[:30] + b" \t" * 9000 + CODE[30:] + m.eol),
        ("trailing-text", LEGAL, lambda m: CODE + m.eol * 2 + b"-- " + m.eol + b"a list's footer" + m.eol),
        ("trailing-text-no-blank", RARE, lambda m: CODE + m.eol + b"This list is archived." + m.eol),
        ("leading-text", RARE, lambda m: b"Here it is:" + m.eol + m.eol + CODE + m.eol),
        ("url-safe", RARE, lambda m: base64.urlsafe_b64encode(odd_zip()) + m.eol),
        ("url-safe-bare", RARE, lambda m: base64.urlsafe_b64encode(odd_zip()).rstrip(b"=") + m.eol),
        ("comments", LEGAL, lambda m: CODE[:32] + b" (!) " + CODE[32:] + m.eol),
        ("comment-lines", LEGAL, lambda m: CODE[:32] + m.eol + b"# ... #" + m.eol + CODE[32:] + m.eol),
        ("short-last", LEGAL, lambda m: CODE[:88] + m.eol + CODE[88:] + m.eol),
        ("no-line-end", LEGAL, lambda m: CODE),
        ("pem", RARE, lambda m: b"-----BEGIN FILE-----" + m.eol + CODE[:64] + m.eol + CODE[64:] + m.eol
         + b"-----END FILE-----" + m.eol),
        ("quoted-reply", LEGAL, lambda m: b"".join(b"> " + CODE[i:i + 46] + m.eol for i in (0, 46)))]:
    evasion("base64-" + ident, BASE64, kind, in_base64(make))
evasion("base64-cut-at-end", BASE64, LEGAL, lambda letter: letter.attach(
    base64.b64encode(PAYLOAD + b"    ")[:-3], place="whole"))
evasion("base64-no-close", BASE64, LEGAL, lambda letter: letter.letter(
    ["Content-Type: multipart/mixed; boundary=q"], letter.joined(
        "--q\n", letter.part(letter.attached(), CODE[:50]), "\n", CODE[50:])))

# ---- quoted-printable ----------------------------------------------------------------------------------------------

QUOTED = "quoted-printable"
for ident, kind, body in [
        ("soft-blank", LEGAL, lambda m: soft(m, b" " + m.eol)),
        ("soft-blanks", LEGAL, lambda m: soft(m, b"   \t" + m.eol, 9)),
        ("soft-tab", LEGAL, lambda m: soft(m, b"\t" + m.eol)),
        ("soft-lf-among-crlf", LEGAL, lambda m: soft(m, b"\n", 7)),
        ("soft-crlf", LEGAL, lambda m: soft(m, b"\r\n", 7)),
        ("soft-bare-cr", RARE, lambda m: soft(m, b"\r", 20)),
        ("soft-cr-cr-lf", RARE, lambda m: soft(m, b"\r\r\n", 20)),
        ("soft-every-byte", LEGAL, lambda m: soft(m, m.eol, 1)),
        ("lower-case", LEGAL, lambda m: soft(m, m.eol, 10, True)),
        ("hard-crlf-behind", LEGAL, lambda m: b"".join(escaped()) + b"=0D=0A" + m.eol),
        ("all-hex", LEGAL, lambda m: b"=".join([b""] + [b"%02X" % c for c in PAYLOAD[:23]]) + b"=" + m.eol
         + b"".join(b"=%02X" % c for c in PAYLOAD[23:]) + m.eol),
        ("one-long-line", LEGAL, lambda m: b"".join(b"=%02X" % c for c in PAYLOAD) + m.eol),
        ("trailing-blanks", LEGAL, lambda m: b"".join(escaped()) + b" \t  " + m.eol),
        ("nothing-escaped", LEGAL, lambda m: PAYLOAD[:30] + b"=" + m.eol + PAYLOAD[30:] + m.eol),
        ("soft-at-start", LEGAL, lambda m: (b"=" + m.eol) * 4 + b"".join(escaped()) + m.eol),
        ("soft-at-end", LEGAL, lambda m: b"".join(escaped()) + b"=" + m.eol),
        ("mixed-case", LEGAL, lambda m: b"".join((b"=%02x" if i % 2 else b"=%02X") % c for i, c in enumerate(PAYLOAD))
         + m.eol),
        ("no-line-end", LEGAL, lambda m: b"".join(escaped()))]:
    evasion("qp-" + ident, QUOTED, kind, as_quoted(body))
evasion("qp-token", QUOTED, RARE, with_encodings("quoted printable", body=lambda m: soft(m, m.eol)))
evasion("qp-token-joined", QUOTED, RARE, with_encodings("quotedprintable", body=lambda m: soft(m, m.eol)))
evasion("qp-comment", QUOTED, LEGAL, with_encodings("(q) Quoted-Printable (p)", body=lambda m: soft(m, m.eol)))

# ---- other encodings of MIME parts ---------------------------------------------------------------------------------

IDENTITY = "no transfer encoding"
for ident, value in [("7bit", "7bit"), ("8bit", "8bit"), ("binary", "binary"), ("absent", None), ("x-any", "x-any")]:
    evasion("plain-" + ident, IDENTITY, LEGAL, lambda letter, value=value: letter.attach(PAYLOAD + letter.eol, value))
evasion("plain-says-base64", IDENTITY, RARE, lambda letter: letter.attach(PAYLOAD + letter.eol, "base64"))
evasion("plain-says-qp", IDENTITY, RARE, lambda letter: letter.attach(PAYLOAD + letter.eol, "quoted-printable"))
