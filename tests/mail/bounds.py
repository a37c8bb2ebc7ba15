#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Messages that are made to hold a scanner up. Each ends in bounded time and memory, and says what it is
worth: the EICAR file in it is found, or the message is told as not fully scanned. Nothing passes in silence.

Bounds are multiples of what a plain message of the same size takes, measured in the same run. KUJO_LONG makes
the sizes those of the issue (a line of 1 GiB, bodies of 100 MB)."""

import base64
import io
import os
import resource
import subprocess
import sys
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from kit import (EICAR, KUJO, LONG, SANITIZED, Result, case, check, environment,  # noqa: E402
                 run_cases)

MB = 1 << 20
SMALL = MB // 4 if SANITIZED else MB      # what the bodies below are filled up to
BODY = 100 * MB if LONG else 3 * SMALL
SCALE = 1 if not SANITIZED or LONG else 8  # counts are divided by
SLOWER = 25                                # times the plain message of that size
# On top. Tight when KUJO_LONG asks; else a busy machine must not fail, and what is quadratic takes minutes.
SECONDS = 1.0 if LONG and not SANITIZED else 30.0
MORE_MEMORY = 12 * (4 if SANITIZED else 1)  # times the size of the message, on top of the plain one
MEMORY = (512 if SANITIZED else 48) * MB   # on top of both
ADDRESSES = None if SANITIZED else 8 << 30

HEAD = b"From: ann@example.org\nTo: bob@example.net\nSubject: bounds\nMIME-Version: 1.0\n"
ATTACHMENT = (b"Content-Type: application/octet-stream; name=a.com\nContent-Transfer-Encoding: base64\n\n"
              + base64.encodebytes(EICAR))


# ---- running -------------------------------------------------------------------------------------

def limits(seconds):
    def apply():
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 2))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if ADDRESSES:
            resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    return apply


def write_all(path, chunks):
    with open(path, "wb") as file:
        for chunk in chunks:
            file.write(chunk)
        return file.tell()


def measure(path, seconds):
    """Result, CPU seconds, peak of memory in bytes."""
    command = [KUJO, "scan", "-j", "1", path]
    with open("out", "wb") as out, open("err", "wb") as err:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                 env=environment(), preexec_fn=limits(seconds))
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    with open("out", "rb") as out, open("err", "rb") as err:
        result = Result(command, child.returncode, out.read(), err.read())
    return result, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


PLAIN = {}


def plain(size):
    """What a message takes that is as large and as plain as can be, by its size in MB, rounded up."""
    size = max(1, -(-size // MB))
    if size not in PLAIN:
        line = b"This is an ordinary sentence that says nothing else at all.\n"
        write_all("plain.eml", [HEAD, b"\n", line * (size * MB // len(line))])
        result, seconds, memory = measure("plain.eml", 600)
        check(result.code == 0, result)
        PLAIN[size] = (seconds, memory)
        os.unlink("plain.eml")
    return PLAIN[size]


def bounded(chunks, answers=(1, 2), name="x.eml"):
    """Scans, checks time and memory and that the exit status is one of `answers`."""
    size = write_all(name, chunks)
    seconds, memory = plain(size)
    allowed = SECONDS + SLOWER * seconds
    allowed_memory = MEMORY + memory + MORE_MEMORY * size
    result, took, peak = measure(name, 3 * allowed)
    figures = "%.1f MB, %.2f s of %.2f, %d MB of %d" % (size / MB, took, allowed, peak // MB,
                                                     allowed_memory // MB)
    check(result.code >= 0 and b"Sanitizer" not in result.err, figures, result)
    check(took <= allowed and peak <= allowed_memory, figures, result)
    check(result.code in answers, "nothing is said", figures, result)
    if result.code == 2:
        check(b"not fully scanned" in result.err, "no reason is told", figures, result)
    os.unlink(name)
    return "%s, %s" % (figures, "found" if result.code == 1 else "told")


# ---- many and deep -------------------------------------------------------------------------------

def typed(kind):
    return HEAD + b"Content-Type: " + kind + b"\n\n"


def count(number):
    return number // SCALE


def nested(boundary):
    def make():
        yield HEAD
        for level in range(count(100000)):
            yield b"Content-Type: multipart/mixed; boundary=%s\n\n--%s\n" % ((boundary(level),) * 2)
        yield ATTACHMENT
        for level in reversed(range(count(100000))):
            yield b"\n--%s--\n" % boundary(level)
    return make


def nested_messages(number):
    def make():
        yield HEAD
        yield b"Content-Type: message/rfc822\n\n" * count(number)
        yield ATTACHMENT
    return make


def nested_mixed():
    """Multiparts and messages by turns."""
    yield HEAD
    for level in range(count(50000)):
        yield b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (level, level)
        yield b"Content-Type: message/rfc822\n\nSubject: s\n"
    yield ATTACHMENT


def tiny_parts(part):
    def make():
        yield typed(b"multipart/mixed; boundary=b")
        yield (b"--b\n" + part) * count(300000)
        yield b"--b\n" + ATTACHMENT + b"--b--\n"
    return make


def after_type(parameters):
    """The parameters stand before the boundary, which then is the last of all."""
    def make():
        yield HEAD + b"Content-Type: multipart/mixed"
        yield from parameters()
        yield b";\n boundary=b\n\n--b\n" + ATTACHMENT + b"--b--\n"
    return make


def numbered(pattern, number):
    def make():
        for start in range(0, count(number), 1000):
            yield b"".join(pattern % i for i in range(start, start + 1000))
    return make


def numbered_backwards(pattern, number):
    def make():
        for i in reversed(range(count(number))):
            yield pattern % i
    return make


def named_attachment(parameters):
    def make():
        yield HEAD + b"Content-Disposition: attachment"
        yield from parameters()
        yield b"\n" + ATTACHMENT
    return make


def fields(pattern, number):
    def make():
        yield HEAD
        yield from numbered(pattern, number)()
        yield b"Content-Type: multipart/mixed; boundary=b\n\n--b\n" + ATTACHMENT + b"--b--\n"
    return make


def candidates(pattern, number):
    """Each of them could be the boundary, and there is a part for each."""
    def make():
        yield HEAD
        yield from pattern(number)
        yield b"\n"
        for i in range(count(number)):
            yield b"--b%d\n\nx\n" % i
        yield b"--b%d\n" % (count(number) - 1) + ATTACHMENT
    return make


def in_parameters(number):
    yield b"Content-Type: multipart/mixed"
    yield from numbered(b";\n boundary=b%d", number)()
    yield b"\n"


def in_fields(number):
    yield from numbered(b"Content-Type: multipart/mixed; boundary=b%d\n", number)()


def in_parts(number):
    """A multipart declared in each part of the one before, whose delimiters come later."""
    yield b"Content-Type: multipart/mixed; boundary=b0\n\n"
    for i in range(count(number)):
        yield b"--b%d\nContent-Type: multipart/mixed; boundary=b%d\n\n" % (i, i + 1)


MANY = {
    "100,000 multiparts in one another, each with its boundary": nested(lambda level: b"b%dx" % level),
    "100,000 multiparts in one another with the same boundary": nested(lambda level: b"b"),
    "100,000 multiparts in one another, boundaries that begin with one another":
        nested(lambda level: b"b" * (1 + level % 60)),
    "100,000 messages in one another": nested_messages(100000),
    "14 messages in one another": lambda: nested_messages(14 * SCALE)(),
    "50,000 multiparts and messages by turns": nested_mixed,
    "300,000 tiny parts": tiny_parts(b"\nx\n"),
    "300,000 empty parts": tiny_parts(b"\n"),
    "300,000 parts without an empty line": tiny_parts(b""),
    "300,000 attachments of nothing": tiny_parts(
        b"Content-Disposition: attachment; filename=a\nContent-Transfer-Encoding: base64\n\n"),
    "100,000 parameters before the boundary": after_type(numbered(b"; p%d=v", 100000)),
    "100,000 parameters, folded": after_type(numbered(b";\n p%d=\"v\"", 100000)),
    "100,000 sections of another parameter": after_type(numbered(b"; name*%d=x", 100000)),
    "100,000 sections, the last first": after_type(numbered_backwards(b"; name*%d*=%%41", 100000)),
    "100,000 names of one attachment": named_attachment(numbered(b"; filename=n%d", 100000)),
    "100,000 sections of a file name": named_attachment(numbered(b"; filename*%d*=%%41", 100000)),
    "100,000 sections of a file name, the last first":
        named_attachment(numbered_backwards(b"; filename*%d=a", 100000)),
    "100,000 encoded words in a file name":
        named_attachment(numbered(b";\n filename=\"=?utf-8?q?n%d?=\"", 100000)),
    "100,000 fields": fields(b"X-F%d: v\n", 100000),
    "100,000 fields of the same name": fields(b"Subject: %d\n", 100000),
    "100,000 dispositions": fields(b"Content-Disposition: attachment; filename=n%d\n", 100000),
    "100,000 transfer encodings": fields(b"Content-Transfer-Encoding: base64 (%d)\n", 100000),
    "50,000 candidate boundaries in one field": candidates(in_parameters, 50000),
    "50,000 candidate boundaries in fields": candidates(in_fields, 50000),
    "50,000 boundaries, each in the part of the one before": candidates(in_parts, 50000),
}


# ---- long ----------------------------------------------------------------------------------------

def long_line(before, filler, after):
    def make():
        size = 1 << 30 if LONG else 8 * MB if SANITIZED else 64 * MB
        yield before
        block = filler * (MB // len(filler))
        for _ in range(size // len(block) - 1):
            yield block
        yield after
    return make


def two_parts(first):
    """Messages whose second part is the attachment."""
    def make():
        yield typed(b"multipart/mixed; boundary=b") + b"--b\n"
        yield from first()
        yield b"\n--b\n" + ATTACHMENT + b"--b--\n"
    return make


def long_boundary(length, lines):
    def make():
        boundary = b"b" * length
        yield typed(b"multipart/mixed; boundary=\"" + boundary + b"\"")
        for _ in range(lines):
            yield b"--" + boundary[:-1] + b"\n"
        yield b"--" + boundary + b"\n" + ATTACHMENT
    return make


def strange(lines):
    """A message that is read in every way, whose first part has a header block that does not end."""
    def make():
        yield typed(b"multipart/mixed; boundary=c; boundary=b") + b"--b\nContent-Type: text/plain;\n"
        yield lines
        yield b"\n--b\n" + ATTACHMENT + b"--b--\n"
    return make


LONG_ONES = {
    "20,000 folded lines that nearly are delimiters": strange(
        (b" --bX\n" + b" x=yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy;\n" * 5) * count(20000)),
    "30,000 lines of the letter that a boundary's field begins with": strange(
        (b"B" * 70 + b"\n") * count(30000)),
    "a line of 64 MiB (1 GiB in full)": two_parts(long_line(b"\n", b"x", b"\n")),
    "a header line of 64 MiB (1 GiB in full)":
        long_line(HEAD + b"X-Long: ", b"x", b"\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
                  + ATTACHMENT),
    "a line of base64 of 64 MiB (1 GiB in full)": two_parts(long_line(
        b"Content-Type: a/b\nContent-Transfer-Encoding: base64\n\n", b"QUJD", b"\n")),
    "a boundary of 1 MB": long_boundary(MB // SCALE, 0),
    "a boundary of 1 MB and lines that nearly are it": long_boundary(MB // SCALE, 10),
    "a boundary of 60 KB and 200 lines that nearly are it": long_boundary(60000, 200 // SCALE),
    "a boundary of 900 and 10,000 lines that nearly are it": long_boundary(900, 10000 // SCALE),
    "1,000,000 lines that nearly are delimiters": two_parts(lambda: iter([b"\n--bb\n" * count(1000000)])),
    "1,000,000 delimiters behind a line": two_parts(lambda: iter([b"\nx--b\n" * count(1000000)])),
}


# ---- bodies full of what something looks for -----------------------------------------------------

FILLERS = {
    "=": b"=", "= and line end": b"=\n", "=3": b"=3", "==4": b"QUI==", "one character a line": b"Q\n",
    "blanks": b" ", "blanks and line ends": b" \n", "blanks before =": b" " * 500 + b"=\n",
    "CR": b"\r", "NUL": b"\0", "CR CR LF": b"\r\r\n", "A": b"A", "A with blanks": b"A ",
    "begin": b"begin 644 x\n", "begin and a line": b"begin 644 x\n#86)C\n", "begin-base64": b"begin-base64 644 x\n",
    "begin, base64": b"begin-base64 644 x\nQUJD\n", "end": b"begin 644 x\n`\nend\n",
    "=ybegin": b"=ybegin line=128 size=9 name=x\n", "=ypart": b"=ybegin part=1 line=128 size=9 name=x\n=ypart begin=1 end=9\n",
    "BinHex": b"(This file must be converted with BinHex 4.0)\n", "BinHex and :": b"(This file must be converted with BinHex 4.0)\n:",
    "data:": b"data:", "data:;base64,": b"data:text/html;base64,QUJD ", "character references": b"&#100;",
    "nearly data:": b"&#x64;at&#97;", "&": b"&", "<": b"<", "<a href=\"data:": b"<a href=\"data:",
    "--": b"--\n", "--x": b"--x\n", "--x--": b"--x--\n", "dashes": b"-", "--b is cut": b"\n--b x",
    "Content-Type": b"Content-Type: multipart/mixed; boundary=x\n",
    "Content-Type in parts": b"--x\nContent-Type: multipart/mixed; boundary=x\n\n",
    "Content-Type, numbered": None,
    "a field and a body": b"Content-Transfer-Encoding: base64\n\nQUJD\n",
    "encoded words": b"=?utf-8?q?a?= ", "nearly encoded words": b"=?utf-8?q?", "=?": b"=?",
    "(": b"(", "()": b"()", "quotes": b"\"", "backslashes": b"\\", "semicolons": b";", "a=": b"; a=", "a*=": b"; a*=''%41",
    "a:": b"a:\n", "a: folded": b"a:\n ", "From": b"From a\n", "From, mbox": b"\nFrom a@b Thu Jan  1 00:00:00 1970\n\n",
    ">From": b">From a\n", "ATTACH": b"ATTACH;ENCODING=BASE64;VALUE=BINARY:QUJD\n", "VCALENDAR": b"BEGIN:VCALENDAR\n",
    "ATTACH, folded": b"ATTACH;\n ENCODING=BASE64:\n Q\n", "TNEF": b"\x78\x9f\x3e\x22", "DER": b"\x30\x80",
    "DER, long": b"\x30\x84\x00\x0f\xff\xff", "UTF-7": b"+AGE-", "+": b"+", "%": b"%", "base64 lines": b"QUJD" * 19 + b"\n",
    "base64 and words": b"QUJDREVGR0g=\nand some words\n", "URL-safe": b"QU-_" * 19 + b"\n", "ZIP": b"PK\3\4",
}

PLACES = {
    "a text": b"Content-Type: text/plain\n\n",
    "HTML": b"Content-Type: text/html\n\n",
    "base64": b"Content-Type: a/b\nContent-Transfer-Encoding: base64\n\n",
    "quoted-printable": b"Content-Type: a/b\nContent-Transfer-Encoding: quoted-printable\n\n",
    "uuencode": b"Content-Type: a/b\nContent-Transfer-Encoding: x-uuencode\n\n",
    "a multipart": b"Content-Type: multipart/mixed; boundary=x\n\n",
    "a calendar": b"Content-Type: text/calendar\n\n",
    "TNEF": b"Content-Type: application/ms-tnef; name=winmail.dat\n\n",
    "PKCS #7": b"Content-Type: application/pkcs7-mime; name=smime.p7m\n\n",
    "two encodings": b"Content-Transfer-Encoding: base64\nContent-Transfer-Encoding: quoted-printable\n\n",
    "a type": b"Content-Type: multipart/mixed; boundary=",
    "a name": b"Content-Disposition: attachment; filename=",
    "a subject": b"Subject: ",
    "an encoding": b"Content-Transfer-Encoding: ",
    "a header": b"",
}


def filled(filler, place):
    def make():
        yield place
        size = SMALL if not LONG else 16 * MB
        if filler:
            yield filler * (size // len(filler))
        else:
            yield from numbered(b"Content-Type: multipart/mixed; boundary=b%d\n", size * SCALE // 50)()
    return make


# ---- bombs ---------------------------------------------------------------------------------------

def zip_of(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def zip_of_messages(number, message):
    def make():
        data = zip_of(("%d.eml" % i, message) for i in range(number))
        yield typed(b"multipart/mixed; boundary=b")
        yield b"--b\nContent-Type: application/zip; name=a.zip\nContent-Transfer-Encoding: base64\n\n"
        yield base64.encodebytes(data)
        yield b"--b\n" + ATTACHMENT + b"--b--\n"
    return make


def zips_in_messages(levels):
    """A message with a ZIP of ten messages, each with a ZIP ..."""
    message = HEAD + ATTACHMENT
    for _ in range(levels):
        message = b"".join(zip_of_messages(10, message)())
    return [message]


def all_different(size):
    """A message whose every reading differs: encodings, boundaries and paddings that contradict."""
    yield HEAD + b"Content-Type: multipart/mixed; boundary=b0; boundary=b1; boundary=\"b2 \"\n"
    yield b"Content-Type: multipart/mixed (c); boundary*0=b; boundary*1=3\n\n"
    done = number = 0
    while done < size:
        body = base64.b64encode(b"%d" % number).rstrip(b"=") + b"=\n"
        part = (b"--b%d\nContent-Type: a/b; name=n%d\nContent-Type: text/html; name*=''m%d\n"
                b"Content-Transfer-Encoding: base64 (quoted-printable)\n"
                b"Content-Transfer-Encoding: x-uuencode\n\n" % (number % 4, number, number))
        part += (body + b"begin 644 f\n#86)C\n`\nend\n=41=\n" + body) * 20
        yield part
        done += len(part)
        number += 1
    yield b"--b0\n" + ATTACHMENT + b"--b0--\n"


BOMBS = {
    "a ZIP of 100 messages of 1 MB": zip_of_messages(100 // SCALE, HEAD + b"\n" + b"text " * (MB // 5)),
    "a ZIP of 1,000 messages of 1,000 empty parts": zip_of_messages(
        1000 // SCALE, typed(b"multipart/mixed; boundary=b") + b"--b\n\n" * 1000),
    "ZIPs of messages with ZIPs of messages": lambda: zips_in_messages(3 if SANITIZED else 4),
    "a message whose every reading differs": lambda: all_different(2 * BODY),
}


# ---- all of them ---------------------------------------------------------------------------------

def add_case(title, make, answers):
    @case(title)
    def _():
        return bounded(make(), answers)


for group in (MANY, LONG_ONES):
    for what, maker in group.items():
        add_case(what, maker, (1, 2))


@case("bombs in messages")
def _():
    notes = []
    for title, make in BOMBS.items():
        write_all("bomb.eml", make())
        result, took, peak = measure("bomb.eml", 600 if SANITIZED else 60)
        notes.append("%s: %.2f s, %d MB, exit %d" % (title, took, peak // MB, result.code))
        check(result.code in (1, 2) and b"Sanitizer" not in result.err, notes[-1], result)
        check(took < (300 if SANITIZED else 20) and (SANITIZED or peak < 1500 * MB), notes[-1])
    return "; ".join(notes)


def some(number):
    """The fillers of a place: all in the long run, else a part that differs from place to place."""
    every = 1 if LONG else 6 if SANITIZED else 3
    return [row for at, row in enumerate(FILLERS.items()) if (at + number) % every == 0]


for place_number, (where, beginning) in enumerate(PLACES.items()):
    @case("%s full of what something looks for" % where)
    def _(beginning=beginning, number=place_number):
        worst, failures = (0.0, ""), []
        for title, filler in some(number):
            try:
                note = bounded(two_parts(filled(filler, beginning))(), (0, 1, 2))
            except Exception as why:  # the others count, too
                failures.append("%s: %s" % (title, str(why)[:700]))
                continue
            worst = max(worst, (float(note.split(", ")[1].split(" ")[0]), "%s: %s" % (title, note)))
        check(not failures, *failures)
        return worst[1]


sys.exit(run_cases())
