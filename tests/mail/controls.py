# SPDX-License-Identifier: Apache-2.0
"""Harmless messages that look like the evasions: nothing may be detected in them."""

import base64

import containers
from letters import EICAR, SAID, harmless, raw

GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
TEXT = EICAR.decode()
QUOTE = "The test string is\n\n    %s\n\nand every scanner knows it.\n" % TEXT
PROSE, SAME, FORM = "prose about the test string", "harmless content in odd structures", "ordinary forms of mail"


def text(body, kind="text/plain", encoding=None):
    def make(letter):
        said = letter.native(body)
        fields = ["Content-Type: " + kind] + (["Content-Transfer-Encoding: base64"] if encoding else [])
        return letter.letter(fields, letter.base64(said) if encoding else said)
    return make


def attached(data, **how):
    return lambda letter: letter.attach(letter.base64(data), **how)


# ---- prose that quotes it ----

for ident, make in {
        "quoted": text(QUOTE), "quoted-line": text("See:\n%s\n" % TEXT),
        "quoted-html": text("<p>%s</p>\n" % TEXT, "text/html"),
        "quoted-base64": text(QUOTE, encoding="base64"), "reply": text("> %s\n\nWhat is this?\n" % TEXT),
        "letter-before": text("x%s\n" % TEXT), "blank-before": text(" %s\n" % TEXT),
        "quote-before": text("\"%s\"\n" % TEXT),
        "text-behind": text("%s is the string.\n" % TEXT), "longer": text(TEXT + "\n" + "and so on\n" * 20),
        "lower-case": text(TEXT.lower() + "\n"), "cut": text(TEXT[:60] + "\n"), "doubled": text(TEXT + TEXT + "\n"),
        "attached-quote": attached(raw(QUOTE)), "attached-letter-before": attached(b"x" + EICAR),
        "attached-behind": attached(EICAR + b"x"),
        "attached-long": attached(EICAR + SAID), "attached-cut": attached(EICAR[:-1]), "attached-html": attached(
            raw("<html>%s</html>" % TEXT), kind="text/html", name="a.html"),
        "signature": text("Hello\n-- \n%s\n" % TEXT), "subject": lambda m: m.letter(
            ["X-Test: " + TEXT, "Content-Type: text/plain"], m.text()), "file-name": lambda m: m.attach(
                m.base64(GIF), name=TEXT.replace("\\", "").replace("\"", "")),
        "in-preamble": lambda m: m.letter(["Content-Type: multipart/mixed; boundary=q"], m.joined(
            "The string is\n%s\n\n" % TEXT, m.parted([m.prose()], "q"))),
        "bounce": lambda m: m.letter(*m.multipart([m.part(["Content-Type: text/plain"],
                                                          "Rejected: it said\n " + TEXT + "\n"), m.part(
            ["Content-Type: message/delivery-status"],
            m.joined("Reporting-MTA: dns; mx.example.org\n\nAction: failed\n"
                                                               "Diagnostic-Code: smtp; 550 found " + TEXT + "\n"))],
                                                  "multipart/report"))}.items():
    harmless("control-" + ident, PROSE, make)

# ---- the structures of the evasions, with something else in them ----

for ident, make in {
        "sentence": attached(SAID), "gif": attached(GIF, kind="image/gif", name="a.gif"),
        "encoding-twice": lambda m: m.carry(m.attached("7bit") + ["Content-Transfer-Encoding: base64"],
                                            m.base64(GIF)),
        "encoding-list": lambda m: m.attach(m.base64(GIF), "base64, 7bit"),
        "boundary-twice": lambda m: m.letter(["Content-Type: multipart/mixed; boundary=a; boundary=b"], m.parted(
            [m.part(m.attached(), m.base64(GIF))], "b")), "boundary-2231": lambda m: m.letter(
                ["Content-Type: multipart/mixed; boundary*0=a; boundary*1=b"],
                m.parted([m.part(m.attached(), m.base64(GIF))], "ab")),
        "base64-padding": lambda m: m.attach(base64.b64encode(GIF[:10]) + m.eol + base64.b64encode(GIF[10:]) + m.eol),
        "base64-junk": lambda m: m.attach(b"!".join(base64.b64encode(GIF[at:at + 9]) for at in range(0, len(GIF),
            9)) + m.eol),
        "base64-footer": lambda m: m.attach(m.joined(m.base64(SAID),
                                                     "\n_______________\nlist mailing list\nlist@example.org\n")),
        "qp-odd": lambda m: m.attach(m.joined("caf=E9= \nand =zz =3d==\n"), "quoted-printable", kind="text/plain"),
        "uu": lambda m: m.letter([], m.joined("text\n", m.uuencoded(SAID)), False), "yenc": lambda m: m.letter(
            [], containers.yencoded(m, GIF), False),
            "binhex": lambda m: m.letter([], containers.binhex(m, SAID), False),
        "tnef": lambda m: m.attach(m.base64(containers.tnef(m, GIF)), kind="application/ms-tnef", name="winmail.dat"),
        "smime": lambda m: m.attach(m.base64(containers.signed(m.part(m.attached(), m.base64(GIF)), containers.ber,
            50)),
                                    kind="application/pkcs7-mime", name="smime.p7m"),
        "uri": text("<img src=\"data:image/gif;base64,%s\">\n" % base64.b64encode(GIF).decode(), "text/html"),
        "calendar": lambda m: m.carry(["Content-Type: text/calendar"], containers.calendar(
            m, "ATTACH;ENCODING=BASE64;VALUE=BINARY:" + base64.b64encode(GIF).decode())),
        "digest": lambda m: m.letter(*m.multipart([m.joined("\n", m.message(GIF)) for _ in range(3)],
                                                  "multipart/digest")),
        "rfc822-base64": lambda m: m.carry(["Content-Type: message/rfc822", "Content-Transfer-Encoding: base64"],
                                           m.base64(m.message(SAID))),
        "epilogue": lambda m: m.joined(m.letter(*m.multipart([m.prose()])), m.part(m.attached(), m.base64(GIF))),
        "unclosed": lambda m: m.letter(["Content-Type: multipart/mixed; boundary=q"],
                                       m.joined("--q\n", m.prose(), "--q\n", m.prose())),
        "no-boundary": lambda m: m.letter(["Content-Type: multipart/mixed"], m.text()), "utf-16": lambda m: m.carry(
            ["Content-Type: text/plain; charset=utf-16", "Content-Transfer-Encoding: base64"],
            m.base64(m.text().encode("utf-16"))),
        "utf-7": text("Hi Mom +Jjo- and 1 +- 1\n", "text/plain; charset=utf-7"), "header-junk": lambda m: m.letter(
            ["no colon here", " ", "X : y", *m.attached()], m.base64(GIF))}.items():
    harmless("control-same-" + ident, SAME, make)

# ---- ordinary forms ----

PATCH = """diff --git a/mail.txt b/mail.txt
--- a/mail.txt
+++ b/mail.txt
@@ -0,0 +1,9 @@
+Content-Type: multipart/mixed; boundary=x
+
+--x
+Content-Type: application/octet-stream
+Content-Transfer-Encoding: base64
+
+VGhpcyBpcyBhbiBvcmRpbmFyeSBzZW50ZW5jZSB0aGF0IHNheXMgbm90aGluZyBlbHNlLgo=
+--x--
"""
ARMOUR = """-----BEGIN PGP SIGNATURE-----

iQEzBAEBCAAdFiEEAAAAAAAAAAAAAAAAAAAAAAAAAAAFAmQAAAAACgkQAAAAAAAA
AAAAAAAA/0AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==
=AAAA
-----END PGP SIGNATURE-----
"""
for ident, make in {
        "pgp-mime": lambda m: m.letter(*m.multipart([m.prose(),
            m.part(["Content-Type: application/pgp-signature; name=signature.asc"], ARMOUR)],
                                                    "multipart/signed")),
        "pgp-inline": text("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nHello\n" + ARMOUR),
        "pgp-encrypted": lambda m: m.letter(*m.multipart([m.part(["Content-Type: application/pgp-encrypted"],
            "Version: 1\n"), m.part(
            ["Content-Type: application/octet-stream; name=encrypted.asc"], ARMOUR.replace("SIGNATURE", "MESSAGE"))],
                                                         "multipart/encrypted")),
        "forwarded": text(
            "FYI\n\n----- Original Message -----\nFrom: Ann <ann@example.org>\nTo: bob\nSubject: x\n\nHello\n"),
        "forwarded-mime": text(
            "FYI\n\n---------- Forwarded message ----------\nFrom: Ann <ann@example.org>\n"
            "Content-Type: text/plain\n\nHello\n"),
        "patch": text(PATCH), "patch-eicar": text(QUOTE + PATCH),
        "uu-prose": text("Use uuencode: the first line is\nbegin 644 name\nand then data.\n"),
        "yenc-prose": text("A line =ybegin says where it starts, and =yend where it ends.\n"),
        "binhex-prose": text("It says (This file must be converted with BinHex 4.0) and then a :\n"),
        "base64-prose": text("QUJD is ABC in base64; dGVzdA== is test.\n"),
        "data-prose": text("A data:text/plain;base64,SGVsbG8= URI.\n"),
        "dkim": lambda m: m.letter(["DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=a;\n"
                                    "\th=from:to; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\n"
                                    "\tb=" + "AbCd0123" * 9 + "\n\t " + "EfGh4567" * 9, "Content-Type: text/plain"],
                                   m.text()),
        "bounce": lambda m: m.letter(*m.multipart([m.prose(),
                                                   m.part(["Content-Type: message/delivery-status"],
                                                          "Reporting-MTA: dns; mx\n\nAction: failed\n"),
                                                   m.part(["Content-Type: message/rfc822"], m.message(GIF))],
                                                  "multipart/report")),
        "bounce-headers": lambda m: m.letter(*m.multipart([m.prose(),
                                                           m.part(["Content-Type: text/rfc822-headers"],
                                                               m.lines(*m.common()))], "multipart/report")),
        "alternative": lambda m: m.letter(*m.multipart([m.part(["Content-Type: text/plain"], "a\n"),
                                                        m.part(["Content-Type: text/html"], "<p>a</p>\n")],
                                                       "multipart/alternative")),
        "mailing-list": text(
            "Hello\n_______________________________________________\nlist mailing list\nhttp://www.example.org/\n"),
        "dashes": text("a\n--\nb\n----\nc\n------------------------------\nd\n"),
        "receipt": lambda m: m.letter(*m.multipart(
            [m.prose(),
             m.part(["Content-Type: message/disposition-notification"], "Final-Recipient: rfc822; a@example.org\n")],
             "multipart/report")),
        "vcard": lambda m: m.carry(["Content-Type: text/vcard"],
                                   m.lines("BEGIN:VCARD", "VERSION:3.0", "FN:Ann", "END:VCARD")),
        "password-prose": text("Your password: 12345\nDo not tell anybody.\n"), "mbox-digest": containers.box(
            containers.calm, lambda m: m.letter(["Content-Type: text/plain"], m.native(QUOTE)),
            containers.calm)}.items():
    harmless("control-form-" + ident, FORM, make)
