#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""202 files with one signature each, and what clamscan 1.4.6 says of one 40-byte text with them.

kujo must find, not find or refuse as clamscan does, in a scan (--rules, --strict) and in a build (--strict). Where
it does not, CHOICES says why, and a choice that makes no difference any more fails, too. The cases come from
KUJO_CORPORA; without them the test is skipped."""

import os
import sys

from oracle import kujo
from kit import CORPORA, SANITIZED, Skip, case, check, equal, read, run_cases, write  # noqa: E402

TEXT = b"hello ABCDEF worldxyz 0123456789 The End"
FOUND, OK, MALFORMED = "FOUND", "OK", "MALFORMED"
VERDICTS = {0: OK, 1: FOUND, 2: MALFORMED}

# What kujo says instead, and why.
REFUSES = "clamscan stops with an error of another kind; kujo calls the line malformed"
YARA = "kujo reads YARA rules as YARA does, not the subset that clamscan has"
CHOICES = {
    ("ldb", "A;Engine:81-255,Target:0;0;fuzzy_img#af2ad01ed42993c7#4"): (
        OK, "clamscan stops with an error; kujo counts it with what is not supported, as other picture hashes"),
    ("hdb", "40b0674df37a4014659cdb90e53886c:40:H"): (MALFORMED, REFUSES),
    ("hsb", "a811c40ea58bd00bd80cf8c965c2323e8f968e6887b8ed339c490d0398d09b5ca819f77acfbcf641b17af5831dacd5762e9f09ef"
            "2852b5a5c2584f0e0b11bd7c:40:H"): (MALFORMED, REFUSES),
    ("unk", "x"): (MALFORMED, "clamscan passes over files of other names; kujo was told to use one, and says so"),
    ("yar", "rule r { condition: filesize < 100 }"): (FOUND, YARA),
    ("yar", 'rule r { strings: $a = "ABCDEF" condition: $a and uint16be(0) == 0x6865 }'): (FOUND, YARA),
    ("yar", "rule r { strings: $a = { 41 42 ?? 44 [1-3] 20 } condition: $a }"): (FOUND, YARA),
    ("yar", 'rule r { strings: $a = "A" condition: $a }'): (FOUND, YARA),
    ("yar", 'rule r { strings: $a = "ABCDEF" xor condition: $a }'): (FOUND, YARA),
    ("yar", 'rule r { strings: $a = "ABCDEF" fullword private condition: $a }'): (FOUND, YARA),
    ("yar", 'rule r { strings: $a = "ABC" condition: defined uint8(1) and $a }'): (FOUND, YARA),
    ("yar", 'rule r { strings: $a = "l" $b = "ABC" condition: for any i in (1..#b) : ( @b[i] == 6 ) }'): (
        MALFORMED, YARA + ": a string that no condition uses is an error"),
}


def cases():
    path = os.path.join(CORPORA, "clamav-conformance", "clamav-conformance-1.4.6.tsv")
    if not os.path.exists(path):
        raise Skip("there is no %s: set KUJO_CORPORA" % path)
    rows = [line.split("\t", 2) for line in read(path).decode("latin-1").splitlines()]
    check(len(rows) > 200, "the file of cases is short: %d" % len(rows))
    return [(extension, verdict, line) for extension, verdict, line in rows]


def expected(extension, verdict, line):
    return CHOICES.get((extension, line), (verdict, ""))[0]


def lay_out(extension, line):
    write("text", TEXT)
    return write("case." + extension, line.encode("latin-1") + b"\n")


def scan(extension, line):
    return kujo("scan", "-q", "-d", "none", "--strict", "--rules", lay_out(extension, line), "text")


def build(extension, line):
    if os.path.exists("out.kdb"):
        os.unlink("out.kdb")
    return kujo("defs", "build", "--strict", "--output", "out.kdb", lay_out(extension, line))


def differences(rows, ask, wanted):
    """What is not as wanted, as text, one a line; and for how many clamscan's verdict stands."""
    wrong = []
    for extension, verdict, line in rows:
        result = ask(extension, line)
        got = VERDICTS.get(result.code, result.code)
        if got != wanted(extension, verdict, line):
            wrong.append("%s %s: %s is expected, not %s (%s)" % (
                extension, line, wanted(extension, verdict, line), got, result.err.decode("utf-8", "replace")[:160]))
    return wrong


@case("a scan says of each line what clamscan says, or what is chosen")
def scans():
    rows = cases()[::3 if SANITIZED else 1]
    wrong = differences(rows, scan, expected)
    check(not wrong, "%d of %d:" % (len(wrong), len(rows)), *wrong)
    return "%d lines" % len(rows)


@case("a strict build refuses what is malformed, and nothing else")
def builds():
    rows = cases()[::3 if SANITIZED else 1]
    wrong = differences(rows, build, lambda *row: MALFORMED if expected(*row) == MALFORMED else OK)
    check(not wrong, "%d of %d:" % (len(wrong), len(rows)), *wrong)
    return "%d lines" % len(rows)


@case("every choice is one: clamscan says something else")
def choices():
    rows = {(extension, line): verdict for extension, verdict, line in cases()}
    for key, (verdict, reason) in CHOICES.items():
        check(key in rows, "no such case", key)
        check(rows[key] != verdict, "clamscan says so, too", key)
        check(reason, "a choice without its reason", key)


@case("not strict, a scan leaves out the malformed line and goes on")
def goes_on():
    good = "Good:0:*:41424344"
    for extension, verdict, line in cases():
        if extension == "ndb" and verdict == MALFORMED:
            lay_out(extension, line + "\n" + good)
            result = kujo("scan", "-q", "-d", "none", "--rules", "case.ndb", "text", code=1)
            equal([found.split(": ")[1] for found in result.found], ["Good FOUND"], line)
            check(b"case.ndb" in result.err, "the line is told", result)


sys.exit(run_cases())
