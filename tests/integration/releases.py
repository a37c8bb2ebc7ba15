#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What each release of the definitions knows, as the vendor's write-up has it: real builds as of a
release, real scans of inert files of the published names and sizes, and of a message."""

import base64
import email.message
import functools
import os
import sys
import tempfile

from kit import ADVISORIES, case, equal, inert_program, kujo, run_cases, write

STORE = tempfile.TemporaryDirectory(prefix="kujo-releases-")
EXACT, FAMILY = "W32/Mimail.q@MM", "W32/Mimail.gen@MM"

# object, release, what is detected
ROWS = [
    ("OUTLOOK.EXE", 4312, None),
    ("OUTLOOK.EXE", 4313, FAMILY),
    ("OUTLOOK.EXE", 4317, FAMILY),
    ("OUTLOOK.EXE", 4318, FAMILY),
    ("OUTLOOK.EXE", 4323, FAMILY),
    ("OUTLOOK.EXE", 4324, EXACT),
    ("OUTLOOK.EXE", 4325, EXACT),
    ("OUTLOOK.EXE", 8000, EXACT),
    ("SYS32.EXE", 4312, None),
    ("SYS32.EXE", 4317, None),
    ("SYS32.EXE", 4318, EXACT),
    ("SYS32.EXE", 4323, EXACT),
    ("SYS32.EXE", 4324, EXACT),
    ("SYS32.EXE", 8000, EXACT),
    ("mail", 4312, None),
    ("mail", 4317, None),
    ("mail", 4318, EXACT),
    ("mail", 4324, EXACT),
    ("mail", 8000, EXACT),
]


@functools.lru_cache(maxsize=None)
def definitions(release):
    path = os.path.join(STORE.name, "%d.defs" % release)
    kujo("defs", "build", "--quiet", "--release", str(release), "-o", path, ADVISORIES, code=0)
    return path


def outlook():
    return write("C/WINNT/OUTLOOK.EXE", inert_program(50720))


def sys32():
    return write("C/WINNT/SYS32.EXE", inert_program(32768))


def message(subject="smart photos PRIVATE", name="photos.jpg.scr", size=32768, mbox=False):
    mail = email.message.EmailMessage()
    mail["From"] = "nancy@example.org"
    mail["To"] = "you@example.org"
    mail["Subject"] = subject
    mail["Date"] = "Tue, 27 Jan 2004 10:00:00 +0000"
    mail["Message-ID"] = "<1@example.org>"
    mail.set_content("Hello.\n")
    mail.add_attachment(inert_program(size), maintype="application", subtype="octet-stream",
                        filename=name)
    data = mail.as_bytes()
    if mbox:
        return write("inbox", b"From nancy@example.org Tue Jan 27 10:00:00 2004\n", data, b"\n")
    return write("mail.eml", data)


MAKERS = {"OUTLOOK.EXE": outlook, "SYS32.EXE": sys32, "mail": message}


def names(result):
    """The names detected, each once, sorted."""
    return sorted({line.rsplit(": ", 1)[1][:-len(" FOUND")] for line in result.found})


def add_row(what, release, name):
    @case("%s at release %d: %s" % (what, release, name or "nothing"))
    def _():
        path = MAKERS[what]()
        result = kujo("scan", "--definitions", definitions(release), path, code=1 if name else 0)
        equal(names(result), [name] if name else [], result)


for row in ROWS:
    add_row(*row)


@case("the same files found on a walk over the volume")
def _():
    outlook()
    sys32()
    for release, expected in ((4317, [FAMILY]), (4318, [FAMILY, EXACT]), (4324, [EXACT])):
        result = kujo("scan", "--definitions", definitions(release), "C", code=1)
        equal(names(result), expected, result)


@case("files of another size, place or type are nothing")
def _():
    write("C/WINNT/OUTLOOK.EXE", inert_program(50721))
    write("C/WINNT/SYS32.EXE", b"\xff\xd8\xff\xe0" + b"\0" * 32764)
    write("C/OUTLOOK.EXE", inert_program(50720))
    write("C/WINNT/SYSTEM32/SYS32.EXE", inert_program(32768))
    write("C/Program Files/Outlook/OUTLOOK.EXE", inert_program(50720))
    result = kujo("scan", "--definitions", definitions(8000), "C", code=0)
    equal(result.found, [], result)


@case("the message in an mbox, a Maildir and a ZIP")
def _():
    message(mbox=True)
    data = open(message(), "rb").read()
    write("Maildir/cur/1075197600.1.host:2,S", data)
    for path in ("inbox", "Maildir", "mail.eml"):
        result = kujo("scan", "--definitions", definitions(8000), path, code=1)
        equal(names(result), [EXACT], result)


@case("messages that only look alike are nothing")
def _():
    rows = [("Re: minutes", "photos.jpg.scr", 32768), ("smart photos PRIVATE", "photos.jpg", 32768),
            ("smart photos PRIVATE", "photos.jpg.scr", 32769)]
    for subject, name, size in rows:
        result = kujo("scan", "--definitions", definitions(8000), message(subject, name, size),
                      code=0)
        equal(result.found, [], result)


@case("a subject in RFC 2047 words and a name in RFC 2231 pieces")
def _():
    boundary = "b0undary"
    subject = base64.b64encode(b"sexy picture FOR YOU ONLY").decode()
    text = ("From: a@example.org\r\nSubject: =?utf-8?b?%s?=\r\nMIME-Version: 1.0\r\n"
            "Content-Type: multipart/mixed; boundary=\"%s\"\r\n\r\n--%s\r\n"
            "Content-Type: application/octet-stream;\r\n name*0=\"pic\"; name*1=\".gif.pif\"\r\n"
            "Content-Transfer-Encoding: base64\r\n\r\n" % (subject, boundary, boundary))
    body = base64.encodebytes(inert_program(32768)).replace(b"\n", b"\r\n")
    write("m.eml", text.encode(), body, ("\r\n--%s--\r\n" % boundary).encode())
    result = kujo("scan", "--definitions", definitions(8000), "m.eml", code=1)
    equal(names(result), [EXACT], result)


@case("a message with base64 in pieces, junk in it and several transfer encodings, and its look-alike")
def _():
    for size, code in ((32768, 1), (32767, 0)):
        program = inert_program(size)
        body = base64.b64encode(program[:1000]) + b"\n!*\n" + base64.encodebytes(program[1000:])
        write("m.eml", b"Subject: =?utf-8?q?smart_?=\n =?utf-8?q?photos_PRIVATE?=\n"
              b"Content-Type: application/octet-stream\n"
              b"Content-Disposition: attachment; filename*0*=utf-8''photo%2Ejpg; filename*1=.scr\n"
              b"Content-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: base64\n\n", body)
        result = kujo("scan", "--definitions", definitions(8000), "m.eml", code=code)
        equal(names(result), [EXACT] if code else [], result)


@case("a threat that a release does not know yet is not listed in it")
def _():
    old = kujo("defs", "list", definitions(4312), code=0).lines
    new = kujo("defs", "list", definitions(8000), code=0).lines
    equal([name in old for name in (EXACT, FAMILY)], [False, False])
    equal([name in new for name in (EXACT, "EICAR-Test-File")], [True, True])


sys.exit(run_cases())
