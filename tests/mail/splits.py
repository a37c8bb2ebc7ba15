# SPDX-License-Identifier: Apache-2.0
"""Evasions against a reader that joins readings: where one program sees a delimiter, the end of a field or of a
message, another sees data or nothing, so that taking every split at once destroys the payload."""

import base64

from letters import LEGAL, PAYLOAD, RARE, evasion, raw

CODE = base64.b64encode(PAYLOAD)
SPLIT = "a delimiter for some programs"


def cut_by(field, boundary, line, at=40, encoding="base64"):
    """The attachment's base64 has a line in it that is junk to a decoder, and a delimiter to whom reads the field
    differently."""
    def make(letter):
        body = letter.joined(CODE[:at], "\n", line, "\n", CODE[at:], "\n")
        part = letter.part(letter.attached(encoding), body)
        return letter.letter([field], letter.parted([letter.prose(), part], boundary))
    return make


MIXED = "Content-Type: multipart/mixed; "
for ident, kind, field, boundary, line in [
        ("second-boundary", LEGAL, MIXED + "boundary=b0und; boundary=\"()\"", "b0und", "--()"),
        ("first-boundary", LEGAL, MIXED + "boundary=\"()\"; boundary=b0und", "b0und", "--()"),
        ("second-boundary-close", LEGAL, MIXED + "boundary=b0und; boundary=\"()\"", "b0und", "--()--"),
        ("encoded-boundary", LEGAL, MIXED + "boundary=b0und; boundary*=us-ascii''%28%29", "b0und", "--()"),
        ("plain-boundary", LEGAL, MIXED + "boundary*=us-ascii''b0und; boundary=\"()\"", "b0und", "--()"),
        ("second-type", LEGAL, MIXED + "boundary=b0und\n" + MIXED + "boundary=\"()\"", "b0und", "--()"),
        ("prefix", LEGAL, MIXED + "boundary=\"()\"", "()", "--()!!"),
        ("leading-blank", LEGAL, MIXED + "boundary=\"()\"", "()", " --()"),
        ("trailing-junk", LEGAL, MIXED + "boundary=\"()\"", "()", "--() !"),
        ("three-hyphens", LEGAL, MIXED + "boundary=\"()\"", "()", "---()"),
        ("one-hyphen", LEGAL, MIXED + "boundary=\"()\"", "()", "-()"),
        ("bare-cr", RARE, MIXED + "boundary=\"()\"", "()", b"!\r--()"),
        ("in-line", LEGAL, MIXED + "boundary=\"()\"", "()", "!!--()"),
        ("from-line", RARE, MIXED + "boundary=b0und", "b0und", "."),
        ("hyphens", LEGAL, MIXED + "boundary=b0und", "b0und", "--"),
        ("close-only", RARE, MIXED + "boundary=\"()\"", "()", "--()--!")]:
    evasion("split-" + ident, SPLIT, kind, cut_by(field, boundary, line))
evasion("split-parent-boundary", SPLIT, LEGAL, lambda letter: letter.letter(
    ["Content-Type: multipart/mixed; boundary=\"()()\""], letter.parted([letter.part(
        ["Content-Type: multipart/related; boundary=b0und"], letter.parted([letter.part(
            letter.attached(), letter.joined(CODE[:24], "\n--()\n", CODE[24:], "\n"))], "b0und"))], "()()")))

EARLY = "the end of a field or a message for some programs"
for ident, kind, fields in [
        ("unfolded-parameter", RARE, "Content-Type: multipart/mixed;\nboundary=b0und"),
        ("unfolded-semicolon", RARE, "Content-Type: multipart/mixed\n;boundary=b0und"),
        ("fold-in-name", RARE, "Content-\n Type: multipart/mixed; boundary=b0und"),
        ("fold-before-colon", RARE, "Content-Type\n : multipart/mixed; boundary=b0und"),
        ("fold-blank-line", LEGAL, "Content-Type: multipart/mixed;\n \n boundary=b0und"),
        ("cr-in-value", RARE, b"Content-Type: multipart/mixed;\r boundary=b0und"),
        ("cr-before-boundary", RARE, b"Content-Type: multipart/mixed;\rboundary=b0und"),
        ("nul-in-value", RARE, b"Content-Type: multipart/mixed;\0 boundary=b0und"),
        ("mark-in-name", RARE, b"\xef\xbb\xbfContent-Type: multipart/mixed; boundary=b0und"),
        ("zero-width", RARE, b"Content\xe2\x80\x8b-Type: multipart/mixed; boundary=b0und"),
        ("comment-in-name", RARE, "Content-Type (x): multipart/mixed; boundary=b0und"),
        ("two-colons", RARE, "Content-Type:: multipart/mixed; boundary=b0und")]:
    evasion("early-" + ident, EARLY, kind, lambda letter, fields=fields: letter.letter(
        [fields], letter.parted([letter.prose(), letter.held()], "b0und")))


def calm(letter):
    return letter.letter(["Content-Type: text/plain"], letter.text())


evasion("early-dot", EARLY, RARE, lambda letter: letter.joined(calm(letter), ".\n", letter.message()))
evasion("early-smuggled", EARLY, RARE, lambda letter: letter.joined(
    calm(letter), b"\n.\n", "MAIL FROM:<ann@example.org>\nRCPT TO:<bob@example.org>\nDATA\n", letter.message()))
evasion("early-smuggled-cr", EARLY, RARE, lambda letter: letter.joined(
    calm(letter), b"\r.\r", "MAIL FROM:<ann@example.org>\nRCPT TO:<bob@example.org>\nDATA\n", letter.message()))
evasion("early-empty-then-message", EARLY, RARE, lambda letter: letter.joined(
    "Received: from x by y; ", "Mon, 2 Mar 2026 10:11:12 +0000\n\n", letter.message()))
evasion("early-bounce-text", EARLY, RARE, lambda letter: letter.letter(["Content-Type: text/plain"], letter.joined(
    "Hi. This is the mail program at example.org.\n\n--- Below this line is a copy of the message.\n\n",
    letter.message())))
evasion("early-dash-stuffed", EARLY, RARE, lambda letter: letter.letter(["Content-Type: text/plain"], letter.joined(
    "------- Start of forwarded message -------\n", letter.message().replace(letter.eol + b"-", letter.eol + b"- -"),
    "------- End of forwarded message -------\n")))
evasion("early-ctrl-z", EARLY, RARE, lambda letter: letter.carry(
    letter.attached(), letter.joined(CODE[:40], b"\x1a", "\n", CODE[40:], "\n")))
evasion("early-nuls", EARLY, RARE, lambda letter: calm(letter) + b"\0" * 600 + letter.message())

HALVES = "several ways at once"
evasion("both-type-and-encoding", HALVES, LEGAL, lambda letter: letter.letter(
    ["Content-Type: text/plain", "Content-Type: multipart/mixed; boundary=x; boundary=b0und"], letter.parted([
        letter.prose(), letter.part([*letter.attached("7bit"), "Content-Transfer-Encoding: base64 (x)"],
                                    CODE[:31] + letter.eol + b"!" + CODE[31:] + letter.eol)], "b0und")))
evasion("both-nested", HALVES, LEGAL, lambda letter: letter.letter(
    ["Content-Type: multipart/mixed; boundary=aa; boundary=bb"], letter.parted([letter.part(
        ["Content-Type: message/rfc822", "Content-Transfer-Encoding: 8bit", "Content-Transfer-Encoding: base64"],
        letter.base64(letter.letter(["Content-Type : multipart/mixed; boundary*0=c; boundary*1=d"], letter.parted(
            [letter.held()], "cd"))))], "bb")))
evasion("both-all-escaped", HALVES, LEGAL, lambda letter: letter.carry(
    ["Content-Type: message/rfc822", "Content-Transfer-Encoding: quoted-printable"],
    b"".join(b"=%02X" % byte for byte in letter.message()) + letter.eol))
evasion("both-partial-box", HALVES, LEGAL, lambda letter: b"".join(
    letter.native("From ann@example.org Mon Mar  2 10:11:12 2026\n") + letter.letter(
        ["Content-Type: message/partial; id=a; number=%d; total=2" % number], data) + letter.eol
    for number, data in [(1, letter.part(letter.attached(), CODE[:44] + letter.eol)), (2, CODE[44:] + letter.eol)]),
        "told")
evasion("both-uri-in-uri", HALVES, RARE, lambda letter: letter.carry(["Content-Type: text/html"], letter.native(
    "<a href=\"data:text/html;base64,%s\">x</a>\n" % base64.b64encode(raw(
        "<a href=\"data:a/b;base64,%s\">y</a>" % CODE.decode())).decode())))
evasion("both-uu-behind-line", HALVES, LEGAL, lambda letter: letter.letter(
    [], letter.joined("The file:\n", letter.uuencoded(), "Bye\n"), False))
evasion("both-two-boxes", HALVES, LEGAL, lambda letter: letter.attach(letter.base64(
    letter.joined("From ann@example.org Mon Mar  2 10:11:12 2026\n", calm(letter), "\n",
                  "From ann@example.org Mon Mar  2 10:11:13 2026\n", letter.message())),
    kind="application/mbox", name="box.mbox"))
