#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kujo info: pages by name, alias and symptom; complete, in both languages."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import unicodedata

from kit import (ADVISORIES, EICAR_NAME, KUJO, ROOT, Skip, case, check, environment, equal, kujo,
                 run_cases)

MIMAIL = "W32/Mimail.q@MM"


def info(*arguments, code=0, **options):
    return kujo("info", *arguments, code=code, **options)


def shows(result, name):
    """A page of that name, or a list in which it stands."""
    return any(re.match(r"(Name +)?%s( |$)" % re.escape(name), line) for line in result.lines)


QUERIES = [
    ("W32/Mimail.q@MM", MIMAIL), ("w32/mimail.q@mm", MIMAIL), ("Mimail.q", MIMAIL),
    ("mimailq", MIMAIL), ("I-Worm.Mimail.q", MIMAIL), ("W32/Sysout.A.worm", MIMAIL),
    ("Bad CRC32", MIMAIL), ("bad crc32", MIMAIL), ("MMINFO.TXT", MIMAIL), ("mminfo.txt", MIMAIL),
    ("SYS32.EXE", MIMAIL), ("C:\\MMINFO.TXT", MIMAIL), ("smart photos PRIVATE", MIMAIL),
    ("カード", "W32/Mimail.hta"), ("2004-0127", MIMAIL), ("EICAR", EICAR_NAME),
    ("eicar-test-file", EICAR_NAME),
]


def add_query(query, name):
    @case("'%s' leads to %s" % (query, name))
    def _():
        result = info(query)
        check(shows(result, name), result)
        equal(result.err, b"", result)


for row in QUERIES:
    add_query(*row)


@case("what nothing fits: exit 1, one line")
def _():
    for query in ("no such threat", "W32/Nothing@MM", "\x1b[31m", "!" * 3000, "%n%n%s%s%x"):
        result = info(query, code=1)
        equal((result.out, len(result.notes)), (b"", 1), result)
        check(b"\x1b" not in result.err, result)
    for words in ([], [""], ["\n"], [" ", "\t"]):
        result = info(*words, code=2)
        equal((result.out, len(result.notes)), (b"", 1), result)


@case("every name that is listed has a page")
def _():
    for name in kujo("defs", "list", code=0).lines:
        result = info(name)
        check(name in result.out.decode(), result)


@case("the page has every field of the vendor's page")
def _():
    text = info(MIMAIL).out.decode()
    for words in ("Name", "Risk, companies", "Risk, home", "low", "First definitions", "4318",
                  "Required definitions", "4324", "8000", "engine", "4.2.40", "6.0.0", "--version",
                  "Aliases", "I-Worm.Mimail.q", "Sysout", "Discovered", "2004-01-26", "Published",
                  "2004-01-27", "Modified", "Removal", "Characteristics", "Symptoms",
                  "Method of infection", "Bad CRC32", "MMINFO.TXT", "OUTLOOK.EXE", "50,720",
                  "SYS32.EXE"):
        check(words in text, words, text)


@case("the page says which component is detected by which name since when")
def _():
    text = info(MIMAIL).out.decode()
    for line in (r"4313.*W32/Mimail\.gen@MM|W32/Mimail\.gen@MM.*4313",
                 r"4324.*W32/Mimail\.q@MM|W32/Mimail\.q@MM.*4324", r"4318"):
        check(re.search(line, text), line, text)


@case("the page says when the definitions or the engine do not suffice")
def _():
    kujo("defs", "build", "-q", "--release", "4318", "-o", "old", ADVISORIES, code=0)
    old = info("--definitions", "old", MIMAIL).out.decode()
    new = info(MIMAIL).out.decode()
    check("suffice" in new and "4324 (current: 8000)" in new, new)
    check("4324 (current: 4318)" in old, old)
    protection = [line for line in old.splitlines() if line.startswith("Your protection")]
    check(protection and "suffices" not in protection[0] and "engine suffice" not in protection[0],
          protection)


@case("--json holds the page")
def _():
    page = json.loads(info("--json", MIMAIL).out)
    check(MIMAIL in json.dumps(page), page)


def on_a_terminal(columns, *words):
    """What kujo shows on a terminal that is `columns` wide."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    child = subprocess.Popen([KUJO, *words], stdin=slave, stdout=slave, stderr=slave,
                             env=environment(TERM="xterm"))
    os.close(slave)
    out = b""
    try:
        while piece := os.read(master, 65536):
            out += piece
    except OSError:     # how a terminal ends
        pass
    os.close(master)
    equal(child.wait(), 0)
    return out.decode().replace("\r\n", "\n")


def cells(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


@case("lines are no wider than the terminal, and no control bytes are in them")
def _():
    for lang in ("en", "ja"):
        for columns in (60, 80, 100):
            text = on_a_terminal(columns, "info", "--no-color", "--lang", lang, MIMAIL)
            check(not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text), text)
            for line in text.split("\n"):
                # What cannot be broken stands alone on its line, behind an item's dash.
                alone = len(line.replace("- ", "", 1).split()) == 1
                check(cells(line) <= columns or alone, columns, line)
        check("\x1b[" in on_a_terminal(80, "info", MIMAIL), "no colours on a terminal")


@case("Windows paths can be copied")
def _():
    text = info(MIMAIL).out.decode()
    check("HKLM\\Software\\Microsoft\\Windows" in text and "\\\\" not in text, text)


JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")


@case("--lang ja: the advisory's own text is Japanese")
def _():
    text = info("--lang", "ja", MIMAIL).out.decode()
    check(len(JAPANESE.findall(text)) > 500, text[:2000])
    check("クレジットカード" in text, text[:2000])


@case("--lang ja: no English label is left")
def _():
    if not os.path.exists(os.path.join(ROOT, "po", "ja.po")):
        raise Skip("there is no po/ja.po yet")
    text = info("--lang", "ja", MIMAIL).out.decode()
    for label in ("Name  ", "Risk", "First definitions", "Required", "Aliases", "Published",
                  "Discovered", "Removal", "Overview", "Characteristics", "Symptoms", "Infection",
                  "Your protection", "Written from", "Platforms", "Related", "Advisory"):
        check(label not in text, label, text[:3000])


@case("the language is the locale's without --lang")
def _():
    equal(info(MIMAIL, env=environment(LC_ALL="C")).out, info("--lang", "en", MIMAIL).out)
    info("--lang", "xx", MIMAIL, code=2)


sys.exit(run_cases())
