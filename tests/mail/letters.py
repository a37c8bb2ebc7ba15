# SPDX-License-Identifier: Apache-2.0
"""Messages made of lines: what the cases of evasions.py share.

A technique fixes one thing. Everything else (line ends, names, boundaries, the order of fields, where the part
stands) is picked by the name of the case, so that cases differ in all details and stay the same in every run."""

import base64
import binascii
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from kit import EICAR  # pylint: disable=wrong-import-position

# With --quoted, the table's twins: the same techniques, around a text that only quotes it.
PAYLOAD = (b"Quoted: " if "--quoted" in sys.argv else b"") + EICAR

PEOPLE = ["Ann Example <ann@example.org>", "bob@example.net", "\"Carol, Office\" <carol@example.com>",
          "Dan <dan@sub.example.org>", "postmaster@example.net", "<erin@example.com>"]
SUBJECTS = ["Meeting notes", "Re: invoice 4711", "Fwd: the pictures", "Delivery of your order", "(no subject)",
            "=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "Report for March"]
DATES = ["Mon, 02 Mar 2026 10:11:12 +0100", "Tue, 3 Mar 2026 00:00:01 -0800", "4 Mar 2026 12:30 GMT",
         "Thu, 05 Mar 2026 23:59:59 +0000 (UTC)"]
FILES = ["invoice.com", "notes.bin", "picture.dat", "report.exe", "scan0001.com", "letter.scr", "plan.txt", "a.b"]
TYPES = ["application/octet-stream", "application/x-msdownload", "application/pdf", "image/jpeg", "text/plain",
         "application/zip", "audio/x-wav"]
SENTENCES = ["Please see the attached file.", "As agreed, here are the documents.", "Have a look and tell me.",
             "Dear all,\n\nthe minutes are attached.\n\nRegards", "Hi,\nthis is what I mean.\n-- \nAnn"]
BOUNDARIES = ["----=_Part_%d_%d", "=_%08x", "%d.%d@example", "b%da%d", "---------%d%d", "Apple-Mail=_%X-%X"]
PLACES = ["whole", "last", "middle", "first", "nested"]
SAID = b"This is an ordinary sentence that says nothing else.\n" * 3


def raw(text):
    return text if isinstance(text, bytes) else text.encode("latin-1")


class Letter:
    """What one case builds its message with."""

    def __init__(self, ident):
        self.any = random.Random(ident)
        self.eol = self.any.choice([b"\n", b"\r\n"])
        self.file = self.any.choice(FILES)
        self.type = self.any.choice(TYPES)
        self.bound = self.boundary()

    def boundary(self):
        form = self.any.choice(BOUNDARIES)
        return form % tuple(self.any.randrange(10000, 99999) for _ in range(form.count("%")))

    # ---- lines ----

    def native(self, text):
        """Text with "\\n" becomes text with this letter's line ends; bytes are left alone."""
        return text if isinstance(text, bytes) else raw(text).replace(b"\n", self.eol)

    def lines(self, *parts):
        return self.eol.join(self.native(part) for part in parts) + self.eol

    def joined(self, *parts):
        return b"".join(self.native(part) for part in parts)

    # ---- bodies ----

    def base64(self, data=PAYLOAD, width=None):
        text = base64.b64encode(data)
        width = width or self.any.choice([76, 72, 64, 60, 40, 32])
        return self.eol.join(text[at:at + width] for at in range(0, len(text), width)) + self.eol

    def uuencoded(self, data=PAYLOAD, name=None):
        rows = [data[at:at + 45] for at in range(0, len(data), 45)]
        return self.joined("begin 644 %s\n" % (name or self.file),
                           *(binascii.b2a_uu(row).decode() for row in rows), "`\nend\n")

    def text(self):
        return self.any.choice(SENTENCES) + "\n"

    # ---- parts ----

    def attached(self, encoding="base64", kind=None, name=None, disposition="attachment"):
        """The fields of an attachment, in any order."""
        name = self.file if name is None else name
        fields = ["Content-Type: %s; name=\"%s\"" % (kind or self.type, name),
                  "Content-Disposition: %s; filename=\"%s\"" % (disposition, name)]
        if encoding:
            fields.append("Content-Transfer-Encoding: " + encoding)
        self.any.shuffle(fields)
        return fields

    def part(self, fields, body):
        """Fields, the empty line, the body. A body does not end before its own line end."""
        return self.joined(*(self.joined(field, "\n") for field in fields), "\n", body)

    def holding(self):
        """(fields, body) of an attachment that holds the payload, in some encoding."""
        encoding = self.any.choice(["base64", "base64", "quoted-printable", "7bit", None])
        if encoding == "base64":
            body = self.base64()
        elif encoding == "quoted-printable":
            units = [bytes([byte]) if chr(byte).isalnum() else b"=%02X" % byte for byte in PAYLOAD]
            width = self.any.choice([10, 17, 24])
            body = (b"=" + self.eol).join(b"".join(units[at:at + width]) for at in range(0, len(units), width)) \
                + self.eol
        else:
            body = PAYLOAD + self.eol
        return self.attached(encoding), body

    def held(self):
        return self.part(*self.holding())

    def prose(self):
        """A part with harmless text."""
        kind = self.any.choice(["text/plain", "text/plain; charset=us-ascii", "text/html"])
        text = self.text() if kind != "text/html" else "<html><body><p>%s</p></body></html>\n" % self.text()
        return self.part(["Content-Type: " + kind], text)

    def parted(self, parts, boundary=None):
        """The parts between delimiter lines."""
        boundary = raw(boundary or self.bound)
        body = b"".join(self.joined(b"--", boundary, "\n", part, "\n") for part in parts)
        return body + self.joined(b"--", boundary, b"--", "\n")

    def multipart(self, parts, kind="multipart/mixed", boundary=None):
        """(field, body) of a multipart."""
        boundary = boundary or self.bound
        return ["Content-Type: %s; boundary=\"%s\"" % (kind, boundary)], self.parted(parts, boundary)

    # ---- messages ----

    def common(self):
        """The fields that every message has."""
        fields = ["From: " + self.any.choice(PEOPLE), "To: " + self.any.choice(PEOPLE),
                  "Subject: " + self.any.choice(SUBJECTS), "Date: " + self.any.choice(DATES),
                  "Message-ID: <%x@example.org>" % self.any.getrandbits(64)]
        if self.any.randrange(2):
            fields.insert(0, "Received: from mail.example.net (mail.example.net [192.0.2.7])\n"
                          "\tby mx.example.org with ESMTP id %x; %s" % (self.any.getrandbits(32), DATES[0]))
        if self.any.randrange(2):
            fields.append("X-Mailer: Example %d.%d" % (self.any.randrange(9), self.any.randrange(99)))
        return fields

    def letter(self, fields, body, version=True):
        """A whole message; `fields` stand together, somewhere among the usual ones."""
        common = self.common()
        at = self.any.randrange(1, len(common) + 1)
        mime = ["MIME-Version: 1.0"] if version else []
        return self.part(common[:at] + mime + list(fields) + common[at:], body)

    def carry(self, fields, body, place=None):
        """A message with this part: as its only body, or at some place in a multipart."""
        place = place or self.any.choice(PLACES)
        part = self.part(fields, body)
        if place == "whole":
            return self.letter(fields, body)
        if place == "nested":
            inner = self.multipart([self.prose(), part], "multipart/related", self.boundary())
            return self.letter(*self.multipart([self.prose(), self.part(*inner)]))
        parts = {"last": [self.prose(), part], "middle": [self.prose(), part, self.prose()],
                 "first": [part, self.prose()]}[place]
        return self.letter(*self.multipart(parts))

    def attach(self, body=None, encoding="base64", place=None, **how):
        """A message with an attachment whose body is `body`: the payload in base64, if nothing is said."""
        return self.carry(self.attached(encoding, **how), self.base64() if body is None else body, place)

    def message(self, data=None):
        """An ordinary message with an attachment, as something to put elsewhere."""
        fields, body = self.holding() if data is None else (self.attached(), self.base64(data))
        return self.letter(*self.multipart([self.prose(), self.part(fields, body)], boundary=self.boundary()))


# ---- the table -----------------------------------------------------------------------------------------------------

LEGAL, RARE, HARMLESS = "legal", "rare", "harmless"


class Case:
    """One message. `expected` is "found", "told" (not clean without a word) or "nothing"."""

    def __init__(self, ident, technique, kind, make, expected, suffix):
        self.ident, self.technique, self.kind = ident, technique, kind
        self.make, self.expected, self.suffix = make, expected, suffix

    def data(self, turn=0):
        """The message's bytes; every turn has other details."""
        return self.make(Letter("%s/%d" % (self.ident, turn) if turn else self.ident))


TABLE = []


def evasion(ident, technique, kind, make, expected="found", suffix=".eml"):
    TABLE.append(Case(ident, technique, kind, make, expected, suffix))


def harmless(ident, technique, make, suffix=".eml"):
    TABLE.append(Case(ident, technique, HARMLESS, make, "nothing", suffix))
