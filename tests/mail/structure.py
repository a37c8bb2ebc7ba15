# SPDX-License-Identifier: Apache-2.0
"""Evasions in the structure of a message: header blocks, types, boundaries, delimiter lines, nesting."""

import base64

from letters import PAYLOAD, LEGAL, RARE, Letter, evasion, raw

# ---- header blocks -------------------------------------------------------------------------------------------------

HEADER = "damaged header block"


def in_message_header(line, kind=LEGAL):
    """The line stands before the Content-Type of a multipart message."""
    def make(letter):
        fields, body = letter.multipart([letter.prose(), letter.held()])
        return letter.letter([line, *fields] if line is not None else fields, body)
    return make


def in_part_header(line):
    """The line stands before the fields of the attachment."""
    def make(letter):
        return letter.carry([line, *letter.attached()], letter.base64(),
                            letter.any.choice(["first", "middle", "last"]))
    return make


for ident, kind, line in [
        ("no-colon", LEGAL, b"a line without what makes it a field"), ("no-colon-word", LEGAL, b"Attachment"),
        ("blank-only", LEGAL, b"   "), ("tab-only", LEGAL, b"\t"), ("fold-of-nothing", LEGAL, b"X-Note:"),
        ("colon-only", LEGAL, b":"), ("no-name", LEGAL, b": value"), ("blank-in-name", LEGAL, b"X Note: value"),
        ("blank-before-colon", LEGAL, b"X-Note   : value"), ("nul", RARE, b"X-Note: a\0b"),
        ("nul-line", RARE, b"\0"), ("nul-first", RARE, b"\0X-Note: a"), ("bare-cr", RARE, b"X-Note: a\rb"),
        ("bare-cr-twice", RARE, b"X-Note: a\r\r"), ("cr-line", RARE, b"\r"),
        ("high-bytes", LEGAL, b"X-\xc3\xa9: \xff\xfe"),
        ("long-line", LEGAL, b"X-Note: " + b"x" * 100000), ("long-name", RARE, b"X" * 5000 + b": 1"),
        ("long-fold", LEGAL, b"X-Note: 1" + b"\n  2" * 3000),
        ("from-line", LEGAL, b"From ann@example.org Mon Mar  2 10:11:12 2026"),
        ("quoted-from", LEGAL, b">From ann@example.org Mon Mar  2 10:11:12 2026"), ("control", RARE, b"\x01\x02"),
        ("delimiter-like", RARE, b"--not-a-boundary"), ("dot", RARE, b"."), ("form-feed", RARE, b"\x0c"),
        ("vertical-tab", RARE, b"\x0b"), ("html", RARE, b"<!-- header -->")]:
    evasion("header-" + ident, HEADER, kind, in_message_header(line))
    if kind == LEGAL or ident in ("nul-line", "bare-cr", "control", "dot"):
        evasion("part-header-" + ident, HEADER, kind, in_part_header(line))
for ident, kind, start in [
        ("empty-line", LEGAL, "\n"), ("empty-lines", LEGAL, "\n\n\n\n"), ("blank-line", LEGAL, " \t \n"),
        ("bom", LEGAL, b"\xef\xbb\xbf"), ("from-line", LEGAL, "From ann@example.org Mon Mar  2 10:11:12 2026\n"),
        ("quoted-from", LEGAL, ">From ann@example.org Mon Mar  2 10:11:12 2026\n"), ("nul", RARE, b"\0\0"),
        ("return-path-less", RARE, "<ann@example.org>\n"), ("size-line", RARE, "#! rnews 1234\n"),
        ("http", RARE, "HTTP/1.1 200 OK\n"), ("status", RARE, "250 OK\n"), ("continuation", RARE, "  of something\n"),
        ("smtp", RARE, "MAIL FROM:<ann@example.org>\nRCPT TO:<bob@example.org>\nDATA\n")]:
    evasion("begins-with-" + ident, "begins with something else", kind,
            lambda letter, start=start: letter.native(start) + letter.message())


def ends_of(end, where=None):
    """A message whose line ends are all `end`, or those of its first lines."""
    def make(letter):
        letter.eol = b"\n"
        rows = letter.message().split(b"\n")
        cut = len(rows) if where is None else where
        return end.join(rows[:cut] + [b""]) + b"\n".join(rows[cut:]) if where else end.join(rows)
    return make


evasion("ends-cr", "line ends", RARE, ends_of(b"\r"))
evasion("ends-cr-cr-lf", "line ends", RARE, ends_of(b"\r\r\n"))
evasion("ends-lf-cr", "line ends", RARE, ends_of(b"\n\r"))
evasion("ends-crlf-then-lf", "line ends", LEGAL, ends_of(b"\r\n", 4))
evasion("ends-cr-in-header", "line ends", RARE, ends_of(b"\r", 3))
evasion("ends-mixed", "line ends", LEGAL, lambda letter: b"".join(
    row + letter.any.choice([b"\n", b"\r\n"]) for row in Letter("ends").message().replace(b"\r", b"").split(b"\n")))


def without_gap(letter):
    """The attachment's base64 follows its fields without an empty line."""
    fields = letter.attached()
    return letter.letter(*letter.multipart(
        [letter.prose(), letter.joined(*(letter.joined(field, "\n") for field in fields), letter.base64())]))


def gap_of(gap, place="part"):
    """Something else than an empty line between fields and body."""
    def make(letter):
        part = letter.held()
        if place == "part":
            part = part.replace(letter.eol * 2, letter.eol + gap + letter.eol, 1)
            return letter.letter(*letter.multipart([letter.prose(), part]))
        whole = letter.letter(*letter.multipart([letter.prose(), part]))
        return whole.replace(letter.eol * 2, letter.eol + gap + letter.eol, 1)
    return make


evasion("no-gap-part", HEADER, RARE, without_gap)
evasion("no-gap-multipart", HEADER, LEGAL, lambda letter: letter.message().replace(letter.eol * 2, letter.eol, 1))
evasion("gap-blank", HEADER, LEGAL, gap_of(b" "))
evasion("gap-tab-message", HEADER, LEGAL, gap_of(b"\t", "message"))
evasion("gap-cr", HEADER, RARE, gap_of(b"\r"))
evasion("gap-nul", HEADER, RARE, gap_of(b"\0"))
evasion("gap-dashes-message", HEADER, RARE, gap_of(b"----", "message"))


def split_header(letter):
    """An empty line in the middle of the message's fields."""
    fields, body = letter.multipart([letter.prose(), letter.held()])
    return letter.joined(*(letter.joined(field, "\n") for field in letter.common()), "\n",
                         "MIME-Version: 1.0\n", *(letter.joined(field, "\n") for field in fields), "\n", body)


def split_part_header(letter):
    fields, body = letter.holding()
    part = letter.part(fields[:1], letter.part(fields[1:], body))
    return letter.letter(*letter.multipart([letter.prose(), part]))


evasion("goes-on-behind-gap", HEADER, RARE, split_header)
evasion("goes-on-behind-gap-part", HEADER, RARE, split_part_header)
evasion("gap-before-part-fields", HEADER, RARE, lambda letter: letter.letter(*letter.multipart(
    [letter.prose(), letter.joined("\n", letter.held())])))
evasion("many-fields", HEADER, LEGAL, lambda letter: letter.carry(
    ["X-%d: %d" % (i, i) for i in range(1500)] + letter.attached(), letter.base64()))

MIMELESS = "what the message says it is"
evasion("no-mime-version", MIMELESS, LEGAL, lambda letter: letter.letter(
    letter.attached(), letter.base64(), version=False))
evasion("no-mime-version-multipart", MIMELESS, LEGAL, lambda letter: letter.letter(
    *letter.multipart([letter.held()]), version=False))
for ident, value in {"other": "2.0", "comment": "1.0 (made by hand)", "comment-inside": "1.(x)0", "empty": "",
                     "word": "one", "blanks": " 1 . 0 "}.items():
    evasion("mime-version-" + ident, MIMELESS, LEGAL, lambda letter, value=value: letter.letter(
        ["MIME-Version: " + value, *letter.attached()], letter.base64(), version=False))
for ident, kind, fields in [
        ("only-content-type", LEGAL, []), ("unknown-first", LEGAL, ["Zzz-Unknown: 1", "From: ann@example.org"]),
        ("x-first", LEGAL, ["X-Spam: no", "X-Other: 2"]), ("to-only", LEGAL, ["To: bob@example.net"]),
        ("lower-case", LEGAL, ["subject: x", "from: ann@example.org"]),
        ("news", LEGAL, ["Path: news.example.org!not-for-mail", "Newsgroups: example.test"]),
        ("arc", LEGAL, ["ARC-Seal: i=1; a=rsa-sha256; t=1; cv=none", "Authentication-Results: example.org"]),
        ("long-first", LEGAL, ["X-First: " + "y" * 9000]),
        ("date-only", LEGAL, ["Date: Mon, 2 Mar 2026 10:11:12 +0000"]),
        ("odd-name", RARE, ["A_b!c'd: 1"])]:
    evasion("first-field-" + ident, "begins with something else", kind, lambda letter, fields=fields: letter.part(
        [*fields, *letter.multipart([letter.prose()])[0]], letter.parted(
            [letter.prose(), letter.held()])))
for ident, kind, order in [("type-first", LEGAL, 0), ("encoding-first", LEGAL, 1), ("disposition-first", LEGAL, 2)]:
    evasion("only-part-fields-" + ident, "begins with something else", kind, lambda letter, order=order: letter.part(
        (lambda fields: fields[order:] + fields[:order])(sorted(letter.attached())), letter.base64()))

# ---- types ---------------------------------------------------------------------------------------------------------

TYPE = "type of a multipart"


def typed(field, boundary="b0und", extra=None):
    """A multipart whose Content-Type is this field, and whose delimiter lines have this boundary."""
    def make(letter):
        parts = [letter.prose(), letter.held()]
        if letter.any.randrange(2):
            parts.append(letter.prose())
        fields = [field] if isinstance(field, (str, bytes)) else list(field)
        return letter.letter(fields + list(extra or []), letter.parted(parts, boundary))
    return make


for subtype in ["alternative", "digest", "parallel", "related", "report", "signed", "encrypted", "byteranges",
                "x-mixed-replace", "form-data", "appledouble", "header-set", "voice-message", "x-unknown", "MiXeD",
                "mixed.", "x", "vnd.example.thing", "multilingual"]:
    evasion("multipart-" + subtype.lower().replace("mixed.", "mixed-dot"), TYPE, LEGAL,
            typed("Content-Type: multipart/%s; boundary=b0und" % subtype))
for ident, kind, value in [
        ("text", RARE, "text/plain; boundary=b0und"), ("octets", RARE, "application/octet-stream; boundary=b0und"),
        ("html", RARE, "text/html; charset=utf-8; boundary=\"b0und\""),
        ("message", RARE, "message/rfc822; boundary=b0und"),
        ("no-subtype", RARE, "multipart; boundary=b0und"), ("empty-subtype", RARE, "multipart/; boundary=b0und"),
        ("no-type", RARE, "; boundary=b0und"), ("only-parameter", RARE, "boundary=b0und"),
        ("no-semicolon", RARE, "multipart/mixed boundary=b0und"), ("comma", RARE, "multipart/mixed, boundary=b0und"),
        ("blanks-at-slash", RARE, "multipart / mixed; boundary=b0und"),
        ("quotes", RARE, "\"multipart/mixed\"; boundary=b0und"),
        ("comment-before", LEGAL, "(x) multipart/mixed; boundary=b0und"),
        ("comment-inside", LEGAL, "multipart(x)/(y)mixed (z); (w) boundary=b0und"),
        ("comment-in-parameter", LEGAL, "multipart/mixed; boundary(x)=(y)b0und(z)"),
        ("comment-quotes", LEGAL, "multipart/mixed (\"; boundary=other\"); boundary=b0und"),
        ("comment-with-parameter", LEGAL, "multipart/mixed (; boundary=other); boundary=b0und"),
        ("upper", LEGAL, "MULTIPART/MIXED; BOUNDARY=b0und"),
        ("two-semicolons", LEGAL, "multipart/mixed; ; boundary=b0und"),
        ("trailing-semicolon", LEGAL, "multipart/mixed; boundary=b0und;"),
        ("fold", LEGAL, "\n multipart/mixed;\n\tboundary=\n b0und"),
        ("fold-in-equals", LEGAL, "multipart/mixed; boundary\n =\n \"b0und\""),
        ("blank-at-equals", LEGAL, "multipart/mixed; boundary = b0und"),
        ("no-blank", LEGAL, "multipart/mixed;boundary=b0und"),
        ("charset-first", LEGAL, "multipart/mixed; charset=\"utf-8\"; boundary=b0und"),
        ("odd-parameter", LEGAL, "multipart/mixed; =x; y; z=; boundary=b0und"),
        ("parameter-name-in-value", LEGAL, "multipart/mixed; x=\"boundary=other\"; boundary=b0und"),
        ("many-parameters", LEGAL,
         "multipart/mixed; " + "".join("x%d=y;\n " % i for i in range(300)) + "boundary=b0und"),
        ("long-white", LEGAL, "multipart/mixed;" + "\n" + " " * 9000 + "boundary=b0und"),
        ("encoded-word", RARE, "=?us-ascii?Q?multipart/mixed?=; boundary=b0und"),
        ("long-parameter", LEGAL, "multipart/mixed; x=\"" + "y" * 9000 + "\"; boundary=b0und"),
        ("nul-behind", RARE, "multipart/mixed\0; boundary=b0und"),
        ("dots", RARE, "multipart/mixed...; boundary=b0und"),
        ("broken-word", RARE, "multi\n part/mixed; boundary=b0und")]:
    evasion("type-" + ident, TYPE, kind, typed("Content-Type: " + value))
evasion("type-blank-before-colon", TYPE, LEGAL, typed("Content-Type : multipart/mixed; boundary=b0und"))
evasion("type-nul-in-name", TYPE, RARE, typed(b"Content-\0Type: multipart/mixed; boundary=b0und"))
evasion("type-absent", TYPE, RARE, lambda letter: letter.letter([], letter.parted(
    [letter.prose(), letter.part(letter.attached(), letter.base64())], "b0und")))

TWICE = "duplicated Content-Type"
for ident, kind, values in [
        ("text-first", LEGAL, ["text/plain", "multipart/mixed; boundary=b0und"]),
        ("text-last", LEGAL, ["multipart/mixed; boundary=b0und", "text/plain"]),
        ("other-boundary-first", LEGAL, ["multipart/mixed; boundary=0ther", "multipart/mixed; boundary=b0und"]),
        ("other-boundary-last", LEGAL, ["multipart/mixed; boundary=b0und", "multipart/mixed; boundary=0ther"]),
        ("three", LEGAL, ["text/html", "multipart/mixed; boundary=b0und", "image/gif"]),
        ("empty-first", LEGAL, ["", "multipart/mixed; boundary=b0und"]),
        ("message-first", LEGAL, ["message/rfc822", "multipart/mixed; boundary=b0und"]),
        ("boundary-split", RARE, ["multipart/mixed", "text/plain; boundary=b0und"]),
        ("list", RARE, ["text/plain, multipart/mixed; boundary=b0und"])]:
    evasion("type-twice-" + ident, TWICE, kind, typed(["Content-Type: " + value for value in values]))
evasion("type-twice-part", TWICE, LEGAL, lambda letter: letter.carry(
    ["Content-Type: message/rfc822", *letter.attached("7bit"), "Content-Type: text/plain"],
    letter.message(), "last"))
evasion("type-twice-both-real", TWICE, LEGAL, lambda letter: letter.letter(
    ["Content-Type: multipart/mixed; boundary=aa11", "Content-Type: multipart/mixed; boundary=bb22"],
    letter.parted([letter.prose()], "aa11")
    + letter.parted([letter.held()], "bb22")))

# ---- boundaries ----------------------------------------------------------------------------------------------------

BOUNDARY = "boundary parameter"
REPEATED = "duplicated boundary parameter"
ENCODED = "RFC 2231 and 2047 in a boundary"


def bounded(parameters, boundary):
    return typed(b"Content-Type: multipart/mixed; " + raw(parameters), boundary)


for ident, parameters, boundary in [
        ("first", "boundary=b0und; boundary=0ther", "b0und"), ("last", "boundary=0ther; boundary=b0und", "b0und"),
        ("first-quoted", "boundary=\"b0und\"; boundary=\"0ther\"", "b0und"),
        ("last-case", "boundary=0ther; Boundary=b0und", "b0und"),
        ("middle", "boundary=one; boundary=b0und; boundary=three", "b0und"),
        ("empty-first", "boundary=; boundary=b0und", "b0und"),
        ("empty-last", "boundary=b0und; boundary=\"\"", "b0und"),
        ("apart", "boundary=0ther; charset=utf-8; x=y; boundary=b0und", "b0und")]:
    evasion("boundary-twice-" + ident, REPEATED, LEGAL, bounded(parameters, boundary))
evasion("boundary-twice-nested", REPEATED, LEGAL, lambda letter: letter.letter(
    ["Content-Type: multipart/mixed; boundary=aa; boundary=bb"], letter.parted(
        [letter.part(["Content-Type: text/plain"], letter.joined(
            "text\n\n--bb\n", letter.held(), "--bb--\n"))], "aa")))

for ident, kind, parameters, boundary in [
        ("2231-charset", LEGAL, "boundary*=us-ascii''b0und", "b0und"),
        ("2231-language", LEGAL, "boundary*=us-ascii'en'b0und", "b0und"),
        ("2231-percent", LEGAL, "boundary*=us-ascii''b%30u%6Ed", "b0und"),
        ("2231-joined", LEGAL, "boundary*0=b0; boundary*1=und", "b0und"),
        ("2231-joined-quoted", LEGAL, "boundary*0=\"b0\"; boundary*1=\"un\"; boundary*2=\"d\"", "b0und"),
        ("2231-joined-order", LEGAL, "boundary*1=und; boundary*0=b0", "b0und"),
        ("2231-joined-percent", LEGAL, "boundary*0*=us-ascii''%62%30; boundary*1*=und", "b0und"),
        ("2231-joined-mixed", LEGAL, "boundary*0*=us-ascii''b%30; boundary*1=\"und\"", "b0und"),
        ("2231-over-plain", LEGAL, "boundary=0ther; boundary*=us-ascii''b0und", "b0und"),
        ("2231-under-plain", LEGAL, "boundary=b0und; boundary*=us-ascii''0ther", "b0und"),
        ("2231-joined-over-plain", LEGAL, "boundary*0=b0; boundary*1=und; boundary=0ther", "b0und"),
        ("2231-joined-under-plain", LEGAL, "boundary*0=0t; boundary*1=her; boundary=b0und", "b0und"),
        ("2231-gap", RARE, "boundary*0=b0und; boundary*2=more", "b0und"),
        ("2231-from-one", RARE, "boundary*1=b0; boundary*2=und", "b0und"),
        ("2231-zeros", RARE, "boundary*00=b0; boundary*01=und", "b0und"),
        ("2231-no-charset", RARE, "boundary*=b0und", "b0und"),
        ("2231-no-quotes", RARE, "boundary*=b%30und", "b0und"),
        ("2231-empty-charset", LEGAL, "boundary*=''b0und", "b0und"),
        ("2231-quoted", RARE, "boundary*=\"us-ascii''b%30und\"", "b0und"),
        ("2231-blank", RARE, "boundary* = us-ascii''b0und", "b0und"),
        ("2231-first-piece-only", RARE, "boundary*0=b0und; boundary*1=xyz", "b0und"),
        ("2231-fold", LEGAL, "boundary*0=b0;\n\tboundary*1=un;\n\tboundary*2=d", "b0und"),
        ("2231-literal", RARE, "boundary*=us-ascii''b0und", "us-ascii''b0und"),
        ("2047-q", RARE, "boundary=\"=?us-ascii?Q?b0und?=\"", "b0und"),
        ("2047-b", RARE, "boundary=\"=?utf-8?B?YjB1bmQ=?=\"", "b0und"),
        ("2047-bare", RARE, "boundary==?us-ascii?Q?b0und?=", "b0und"),
        ("2047-literal", LEGAL, "boundary=\"=?us-ascii?Q?b0und?=\"", "=?us-ascii?Q?b0und?="),
        ("percent-literal", LEGAL, "boundary=\"b%30und\"", "b%30und"),
        ("percent-decoded", RARE, "boundary=\"b%30und\"", "b0und")]:
    evasion("boundary-" + ident, ENCODED, kind, bounded(parameters.replace("\n", "\r\n"), boundary))

for ident, kind, parameters, boundary in [
        ("comment", LEGAL, "boundary=b0und(x)", "b0und"), ("comment-blank", LEGAL, "boundary=b0und (x)", "b0und"),
        ("comment-before", LEGAL, "boundary=(x)b0und", "b0und"),
        ("comment-literal", RARE, "boundary=b0(x)und", "b0(x)und"),
        ("comment-inside", LEGAL, "boundary=b0(x)und", "b0und"),
        ("comment-in-quotes", LEGAL, "boundary=\"b0(x)und\"", "b0(x)und"),
        ("comment-in-quotes-stripped", LEGAL, "boundary=\"b0(x)und\"", "b0und"),
        ("comment-cut", RARE, "boundary=b0und(x)y", "b0und"), ("comment-open", RARE, "boundary=b0und(x", "b0und"),
        ("apostrophes", LEGAL, "boundary='b0und'", "'b0und'"),
        ("apostrophes-stripped", RARE, "boundary='b0und'", "b0und"),
        ("escape", LEGAL, "boundary=\"b\\0un\\d\"", "b0und"),
        ("escape-literal", RARE, "boundary=\"b\\0und\"", "b\\0und"),
        ("escaped-quote", LEGAL, "boundary=\"b0\\\"und\"", "b0\"und"),
        ("quote-open", RARE, "boundary=\"b0und", "b0und"),
        ("quote-closed-only", RARE, "boundary=b0und\"", "b0und"),
        ("quote-then-token", RARE, "boundary=\"b0\"und", "b0"),
        ("quote-then-token-joined", RARE, "boundary=\"b0\"und", "b0und"),
        ("token-then-quote", RARE, "boundary=b0\"und\"", "b0und"),
        ("two-quotes", RARE, "boundary=\"b0\" \"und\"", "b0und"),
        ("doubled-quotes", RARE, "boundary=\"\"b0und\"\"", "b0und"),
        ("quoted-quotes", RARE, "boundary=\"\\\"b0und\\\"\"", "b0und"),
        ("blank-cut", RARE, "boundary=b0 und", "b0"), ("blank-kept", RARE, "boundary=b0 und", "b0 und"),
        ("blank-quoted", LEGAL, "boundary=\"b0 und\"", "b0 und"),
        ("blank-leading", LEGAL, "boundary=\" b0und\"", " b0und"),
        ("blank-leading-stripped", RARE, "boundary=\" b0und\"", "b0und"),
        ("blank-trailing", RARE, "boundary=\"b0und \"", "b0und"), ("tab", RARE, "boundary=\"b0\tund\"", "b0\tund"),
        ("semicolon", LEGAL, "boundary=\"b0;und\"", "b0;und"), ("semicolon-cut", RARE, "boundary=\"b0;und\"", "b0"),
        ("specials", LEGAL, "boundary=\"'()+_,-./:=?\"", "'()+_,-./:=?"),
        ("specials-bare", LEGAL, "boundary==_b0:und/1?", "=_b0:und/1?"),
        ("slash-cut", RARE, "boundary=b0/und", "b0"), ("hyphens", LEGAL, "boundary=\"--\"", "--"),
        ("hyphen", LEGAL, "boundary=-", "-"), ("one", LEGAL, "boundary=0", "0"),
        ("seventy", LEGAL, "boundary=" + "z" * 70, "z" * 70),
        ("hundred", LEGAL, "boundary=" + "z" * 100, "z" * 100),
        ("thousand", RARE, "boundary=" + "z" * 1000, "z" * 1000),
        ("cut-at-seventy", RARE, "boundary=" + "z" * 90, "z" * 70), ("case", RARE, "boundary=B0UND", "b0und"),
        ("nul-cut", RARE, "boundary=\"b0und\0x\"", "b0und"), ("nul-dropped", RARE, "boundary=\"b0\0und\"", "b0und"),
        ("nul-kept", RARE, "boundary=\"b0\0und\"", "b0\0und"), ("high", RARE, "boundary=\"b0\xe9und\"", "b0\xe9und"),
        ("cr-cut", RARE, "boundary=\"b0\rund\"", "b0"), ("colon", RARE, "boundary: b0und", "b0und"),
        ("no-equals", RARE, "boundary b0und", "b0und"), ("backslash", RARE, "boundary=b\\0und", "b0und"),
        ("absent", RARE, "charset=us-ascii", "b0und"), ("empty", RARE, "boundary=\"\"", ""),
        ("empty-but-used", RARE, "boundary=", "b0und"), ("wrong", RARE, "boundary=0ther", "b0und"),
        ("other-name", RARE, "x-boundary=b0und", "b0und"),
        ("fold-in-quotes", LEGAL, "boundary=\"b0\r\n und\"", "b0 und"),
        ("fold-in-quotes-dropped", RARE, "boundary=\"b0\r\n und\"", "b0und")]:
    evasion("boundary-" + ident, BOUNDARY, kind, bounded(parameters, boundary))
evasion("boundary-empty-closed", BOUNDARY, RARE, lambda letter: letter.letter(
    ["Content-Type: multipart/mixed; boundary=\"\""],
    letter.joined("--\n", letter.prose(), "\n--\n", letter.part(
        letter.attached("quoted-printable"), "".join("=%02X" % byte for byte in PAYLOAD)), "\n----\n")))

# ---- delimiter lines -----------------------------------------------------------------------------------------------

DELIMITER = "delimiter lines"


def delimited(before=b"--", behind=b"", close=None, gap=None, only_second=False):
    """A multipart whose delimiter lines are written so."""
    def make(letter):
        bound = raw(letter.bound)
        odd = before + bound + behind + letter.eol
        first = b"--" + bound + letter.eol if only_second else odd
        parts = letter.joined(first, letter.prose(), letter.eol if gap is None else gap, odd,
                              letter.held(), "\n",
                              b"--" + bound + b"--" if close is None else close.replace(b"B", bound), "\n")
        return letter.letter(["Content-Type: multipart/mixed; boundary=\"%s\"" % letter.bound], parts)
    return make


for ident, kind, how in [
        ("trailing-blank", LEGAL, {"behind": b" "}), ("trailing-tab", LEGAL, {"behind": b"\t"}),
        ("trailing-blanks", LEGAL, {"behind": b" \t " * 20}), ("trailing-5000", LEGAL, {"behind": b" " * 5000}),
        ("trailing-blank-second", LEGAL, {"behind": b"  ", "only_second": True}),
        ("junk", LEGAL, {"behind": b"junk"}), ("junk-blank", LEGAL, {"behind": b" junk"}),
        ("junk-second", LEGAL, {"behind": b"x", "only_second": True}), ("junk-long", RARE, {"behind": b"y" * 3000}),
        ("comment", RARE, {"behind": b" (comment)"}), ("semicolon", RARE, {"behind": b";"}),
        ("hyphen", RARE, {"behind": b"-"}), ("leading-blank", RARE, {"before": b" --"}),
        ("leading-tab", RARE, {"before": b"\t--"}), ("three-hyphens", RARE, {"before": b"---"}),
        ("one-hyphen", RARE, {"before": b"-"}), ("no-hyphens", RARE, {"before": b""}),
        ("blank-inside", RARE, {"before": b"-- "}),
        ("quoted", RARE, {"before": b">--"}), ("bare-cr", RARE, {"behind": b"\r"}),
        ("bare-crs", RARE, {"behind": b"\r\r"}),
        ("cr-junk", RARE, {"behind": b"\rx"}), ("nul", RARE, {"behind": b"\0"}),
        ("nul-before", RARE, {"before": b"\0--"}),
        ("vertical-tab", RARE, {"behind": b"\x0b"}), ("form-feed", RARE, {"behind": b"\x0c"}),
        ("bare-cr-before", RARE, {"before": b"text\r--"}), ("in-line", RARE, {"before": b"text--"}),
        ("no-line-end-before", RARE, {"gap": b""}), ("close-junk", LEGAL, {"close": b"--B--junk"}),
        ("close-blank", LEGAL, {"close": b"--B-- "}), ("close-hyphen", RARE, {"close": b"--B-"}),
        ("close-three", LEGAL, {"close": b"--B---"}), ("as-close", RARE, {"behind": b"--", "only_second": True}),
        ("all-as-close", RARE, {"behind": b"--"}), ("close-blank-inside", RARE, {"close": b"--B --"})]:
    evasion("delimiter-" + ident, DELIMITER, kind, delimited(**how))

# ---- where parts stand ---------------------------------------------------------------------------------------------

PLACE = "where a part stands"


def laid(make):
    """A multipart with this body: make(letter, delimiter, part)."""
    def whole(letter):
        body = make(letter, letter.joined(b"--", raw(letter.bound)), letter.held())
        return letter.letter(["Content-Type: multipart/mixed; boundary=\"%s\"" % letter.bound], body)
    return whole


for ident, kind, make in [
        ("unclosed", LEGAL, lambda m, d, part: m.joined(d, "\n", m.prose(), "\n", d, "\n", part)),
        ("unclosed-no-line-end", LEGAL, lambda m, d, part: m.joined(d, "\n", part).rstrip()),
        ("unclosed-many-lines", LEGAL, lambda m, d, part: m.joined(d, "\n", part, "\n" * 20)),
        ("preamble", RARE, lambda m, d, part: m.joined(part, "\n", d, "\n", m.prose(), "\n", d, "--\n")),
        ("preamble-text-first", RARE, lambda m, d,
         part: m.joined("text\n\n", part, "\n", d, "\n", m.prose(), "\n", d, "--\n")),
        ("epilogue", RARE, lambda m, d, part: m.joined(d, "\n", m.prose(), "\n", d, "--\n", part)),
        ("epilogue-text-first", RARE, lambda m, d,
         part: m.joined(d, "\n", m.prose(), "\n", d, "--\n\ntext\n\n", part)),
        ("after-close", LEGAL, lambda m, d,
         part: m.joined(d, "\n", m.prose(), "\n", d, "--\n", d, "\n", part, d, "--\n")),
        ("after-close-text", LEGAL, lambda m, d, part: m.joined(
            d, "\n", m.prose(), d, "--\ntext\n\n", d, "\n", part, "\n", d, "--\n")),
        ("after-two-closes", RARE, lambda m, d,
         part: m.joined(d, "\n", m.prose(), d, "--\n", d, "--\n", d, "\n", part)),
        ("close-first", LEGAL, lambda m, d, part: m.joined(d, "--\n", d, "\n", part, d, "--\n")),
        ("only-close", RARE, lambda m, d, part: m.joined(d, "--\n", part)),
        ("last-boundary", LEGAL, lambda m, d,
         part: m.joined(d, "\n", m.prose(), "\n", d, "--\n", part, "\n", d, "--\n")),
        ("no-delimiter", RARE, lambda m, d, part: part),
        ("empty-parts", LEGAL, lambda m, d, part: m.joined((d + m.eol) * 40, part, d, "--\n")),
        ("no-fields-before", LEGAL, lambda m, d, part: m.joined(d, "\n\n\n", d, "\n", part, d, "--\n")),
        ("long-preamble", LEGAL, lambda m, d, part: m.joined("preamble\n" * 3000, d, "\n", part, d, "--\n")),
        ("delimiter-first-line", LEGAL, lambda m, d, part: m.joined("\n" * 20, d, "\n", part, d, "--\n")),
        ("many-parts", LEGAL, lambda m, d,
         part: m.joined(*[m.joined(d, "\n", m.prose()) for _ in range(400)], d, "\n", part,
                                                           d, "--\n")),
        ("only-part", LEGAL, lambda m, d, part: m.joined(d, "\n", part, d, "--\n"))]:
    evasion("place-" + ident, PLACE, kind, laid(make))
evasion("place-uu-in-preamble", PLACE, RARE, laid(lambda m, d, part: m.joined(
    m.uuencoded(), "\n", d, "\n", m.prose(), "\n", d, "--\n")))
evasion("place-uu-in-epilogue", PLACE, RARE, laid(lambda m, d, part: m.joined(
    d, "\n", m.prose(), "\n", d, "--\n\n", m.uuencoded())))
evasion("place-no-delimiter-base64", PLACE, RARE, lambda letter: letter.letter(
    ["Content-Type: multipart/mixed; boundary=q", "Content-Transfer-Encoding: base64"], letter.base64()))
evasion("place-cut-in-header", PLACE, LEGAL,
        laid(lambda m, d, part: m.joined(d, "\n", part, d, "\nContent-Type: te")))

# ---- boundaries that begin with one another ------------------------------------------------------------------------

ALIKE = "boundaries alike"


def two_levels(outer, inner, close_inner=True, close_outer=True, part_in="inner"):
    def make(letter):
        part = letter.held()
        rows = [b"--" + raw(inner),
                letter.prose() + letter.eol + b"--" + raw(inner) + letter.eol + part if part_in == "inner"
                else letter.prose()]
        nested = letter.eol.join(rows) + letter.eol + (
            b"--" + raw(inner) + b"--" + letter.eol if close_inner else b"")
        first = letter.part(["Content-Type: multipart/alternative; boundary=\"%s\"" % inner], nested)
        body = letter.joined(b"--", raw(outer), "\n", first, "\n", b"--", raw(outer), "\n",
                             part if part_in == "outer" else letter.prose(), "\n",
                             *([b"--", raw(outer), b"--", "\n"] if close_outer else []))
        return letter.letter(["Content-Type: multipart/mixed; boundary=\"%s\"" % outer], body)
    return make


for ident, kind, how in [
        ("inner-longer", LEGAL, ("b0und", "b0und1")),
        ("inner-longer-outer", LEGAL, ("b0und", "b0und1", True, True, "outer")),
        ("inner-shorter", LEGAL, ("b0und1", "b0und")),
        ("inner-shorter-outer", LEGAL, ("b0und1", "b0und", True, True, "outer")),
        ("same", RARE, ("b0und", "b0und")), ("same-outer", RARE, ("b0und", "b0und", True, True, "outer")),
        ("inner-hyphens", LEGAL, ("b0und", "b0und--")), ("outer-hyphens", LEGAL, ("b0und--", "b0und")),
        ("case", LEGAL, ("b0und", "B0UND")), ("blank", RARE, ("b0und", "b0und x")),
        ("inner-unclosed", LEGAL, ("b0und", "1nner", False)),
        ("inner-unclosed-outer", LEGAL, ("b0und", "1nner", False, True, "outer")),
        ("both-unclosed", LEGAL, ("b0und", "1nner", False, False)),
        ("outer-unclosed", LEGAL, ("b0und", "1nner", True, False)),
        ("hyphen-prefix", LEGAL, ("b0und", "--b0und")),
        ("hyphen-prefix-outer", LEGAL, ("--b0und", "b0und", True, True, "outer"))]:
    evasion("alike-" + ident, ALIKE, kind, two_levels(*how))

# ---- messages in messages ------------------------------------------------------------------------------------------

NESTED = "composite types under an encoding"
DEEP = "nesting"


def wrapped(encoding, kind, inner):
    """A part with this composite type, whose body is encoded."""
    def make(letter):
        data = inner(letter)
        if encoding == "base64":
            data = letter.base64(data)
        elif encoding == "quoted-printable":
            data = b"".join(bytes([c]) if chr(c).isalnum() or c in b"\n/:" else b"=%02X" % c for c in data)
        elif encoding == "x-uuencode":
            data = letter.uuencoded(data)
        fields = ["Content-Type: " + kind]
        if encoding:
            fields.insert(letter.any.randrange(2), "Content-Transfer-Encoding: " + encoding)
        return letter.carry(fields, data)
    return make


def inner_multipart(letter):
    return letter.parted([letter.prose(), letter.held()], "1nn")


for encoding in ["base64", "quoted-printable", "x-uuencode"]:
    short = encoding.replace("quoted-printable", "qp").replace("x-uuencode", "uu")
    grade = RARE if short == "uu" else LEGAL
    evasion("rfc822-in-" + short, NESTED, grade, wrapped(encoding, "message/rfc822", lambda m: m.message()))
    evasion("multipart-in-" + short, NESTED, grade,
            wrapped(encoding, "multipart/mixed; boundary=1nn", inner_multipart))
evasion("octets-rfc822", NESTED, LEGAL,
        wrapped("base64", "application/octet-stream; name=\"a.eml\"", lambda m: m.message()))
evasion("octets-rfc822-plain", NESTED, LEGAL, wrapped("7bit", "application/octet-stream", lambda m: m.message()))
evasion("text-rfc822", NESTED, LEGAL, wrapped(None, "text/rfc822-headers", lambda m: m.message()))
evasion("global", NESTED, LEGAL, wrapped("base64", "message/global", lambda m: m.message()))
evasion("news", NESTED, LEGAL, wrapped("7bit", "message/news", lambda m: m.message()))
evasion("message-unknown", NESTED, LEGAL, wrapped("base64", "message/x-thing", lambda m: m.message()))
evasion("delivery-status", NESTED, LEGAL, wrapped("7bit", "message/delivery-status", lambda m: m.message()))
evasion("rfc822-says-base64", NESTED, RARE, lambda letter: letter.carry(
    ["Content-Type: message/rfc822", "Content-Transfer-Encoding: base64"], letter.message(), "last"))
evasion("rfc822-empty-line-first", NESTED, LEGAL, lambda letter: letter.carry(
    ["Content-Type: message/rfc822"], letter.joined("\n\n", letter.message()), "last"))
evasion("rfc822-from-line", NESTED, LEGAL, lambda letter: letter.carry(
    ["Content-Type: message/rfc822"],
    letter.joined("From ann@example.org Mon Mar  2 10:11:12 2026\n", letter.message())))
evasion("rfc822-twice-encoded", NESTED, RARE, lambda letter: letter.carry(
    ["Content-Type: message/rfc822", "Content-Transfer-Encoding: base64"],
    letter.base64(letter.carry(["Content-Type: message/rfc822", "Content-Transfer-Encoding: base64"],
                               letter.base64(letter.message()), "whole"))))
evasion("digest", DEEP, LEGAL, lambda letter: letter.letter(*letter.multipart(
    [letter.joined("\n", letter.message()) for _ in range(2)], "multipart/digest")))
evasion("digest-typed", DEEP, LEGAL, lambda letter: letter.letter(*letter.multipart(
    [letter.joined("\n", letter.part(["From: a@example.org", "Subject: x"], "text\n")),
     letter.part(["Content-Type: message/rfc822"], letter.message())], "multipart/digest")))
evasion("digest-encoded", DEEP, LEGAL, lambda letter: letter.letter(*letter.multipart(
    [letter.part(["Content-Transfer-Encoding: base64"], letter.base64(letter.message()))], "multipart/digest")))


def deep(levels, level):
    def make(letter):
        fields, body = letter.holding()
        for depth in range(levels):
            fields, body = level(letter, letter.part(fields, body), depth)
        return letter.letter(fields, body)
    return make


def multipart_level(letter, part, depth):
    return letter.multipart([part], "multipart/mixed", "level%d" % depth)


def message_level(letter, part, depth):
    return ["Content-Type: message/rfc822", "X-Level: %d" % depth], letter.joined("MIME-Version: 1.0\nFrom: a@b\n",
        part)


def mixed_level(letter, part, depth):
    return (multipart_level if depth % 2 else message_level)(letter, part, depth)


evasion("deep-20", DEEP, LEGAL, deep(20, multipart_level))
evasion("deep-60", DEEP, RARE, deep(60, multipart_level))
evasion("deep-150", DEEP, RARE, deep(150, multipart_level), "told")
evasion("deep-rfc822-12", DEEP, LEGAL, deep(12, message_level))
evasion("deep-rfc822-40", DEEP, RARE, deep(40, message_level), "told")
evasion("deep-mixed-20", DEEP, LEGAL, deep(20, mixed_level))
evasion("deep-encoded-5", DEEP, LEGAL, lambda letter: deep_encoded(letter, 5))


def deep_encoded(letter, levels):
    data = letter.message()
    for _ in range(levels):
        data = letter.carry(["Content-Type: message/rfc822", "Content-Transfer-Encoding: base64"],
                            letter.base64(data), "whole")
    return data


PARTIAL = "message/partial"


def partial(number, total, data, more=""):
    return lambda letter: letter.letter(
        ["Content-Type: message/partial; id=\"abc@example.org\"; number=%s%s%s" % (
            number, "; total=%s" % total if total else "", more)], data(letter))


evasion("partial-whole", PARTIAL, LEGAL, partial(1, 1, lambda m: m.message()))
evasion("partial-first-holds-it", PARTIAL, LEGAL, partial(1, 2, lambda m: m.message()))
evasion("partial-second-holds-it", PARTIAL, RARE, partial(2, 2, lambda m: m.base64()))
evasion("partial-second-holds-part", PARTIAL, RARE, partial(2, 3, lambda m: m.parted(
    [m.held()], "b0und")))
evasion("partial-first-half", PARTIAL, LEGAL, partial(1, 2, lambda m: m.letter(
    m.attached(), base64.b64encode(PAYLOAD)[:40])), "told")
evasion("partial-second-half", PARTIAL, LEGAL, partial(2, 2, lambda m: base64.b64encode(PAYLOAD)[40:] + m.eol),
        "told")
evasion("partial-no-total", PARTIAL, LEGAL, partial(1, None, lambda m: m.message()))
evasion("partial-in-part", PARTIAL, LEGAL, lambda letter: letter.carry(
    ["Content-Type: message/partial; number=2; total=2; id=x"], base64.b64encode(PAYLOAD)[40:] + letter.eol), "told")
evasion("external-body", PARTIAL, LEGAL, lambda letter: letter.carry(
    ["Content-Type: message/external-body; access-type=URL; URL=\"http://files.example.org/a.exe\""],
    letter.joined("Content-Type: application/octet-stream\nContent-ID: <x@example.org>\n\n")), "told")
evasion("external-body-phantom", PARTIAL, RARE, lambda letter: letter.carry(
    ["Content-Type: message/external-body; access-type=local-file; name=\"/x\""],
    letter.held()))
