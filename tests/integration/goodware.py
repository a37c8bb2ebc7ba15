#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What nobody here made: files of the system and real mail. No detection, no crash, and a clear
sentence about whatever is not fully scanned. KUJO_LONG: all of /usr and all mail."""

import json
import os
import random
import subprocess
import sys
import tempfile

from kit import (CORPORA, EICAR_NAME, LONG, ROOT, SANITIZED, Skip, case, check, equal, kujo,
                 run_cases, tool)

TIMEOUT = 3600


def files_of(top):
    for folder, folders, names in os.walk(top):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            if not os.path.islink(path) and os.path.isfile(path):
                yield path


# One message of rspamd's own tests has the EICAR file in a ZIP: that is found.
HOLDS_EICAR = "messages/broken_richtext.eml"


def judge(result, rows):
    """What must hold for files that are good: rows are the lines of --json."""
    found = [row for row in rows if row["type"] == "detection"
             and not (row["name"] == EICAR_NAME and row["path"].endswith(HOLDS_EICAR))]
    equal(found, [], "goodware is detected")
    for row in rows:
        check(row["type"] != "error", row)
        if row["type"] == "incomplete":
            check(row["why"] and row["status"] != "internal error", row)
    check(result.code in (0, 1, 2), result.code)


def scan(*arguments, listing=b""):
    result = kujo("scan", "--json", *arguments, stdin=listing, timeout=TIMEOUT)
    rows = [json.loads(line) for line in result.lines]
    judge(result, rows)
    return rows


def tell(rows):
    summary = rows[-1]
    return "%d files, %d objects, %d not fully scanned" % (
        summary["files"], summary["objects"], summary["incomplete"])


@case("a sample of /usr is clean")
def _():
    files = list(files_of("/usr"))
    count = len(files) if LONG else 300 if SANITIZED else 3000
    sample = sorted(random.Random(2004).sample(files, min(count, len(files))))
    listing = b"".join(os.fsencode(name) + b"\0" for name in sample)
    return tell(scan("-0", "-T", "-", listing=listing))


@case("the repository itself is clean")
def _():
    return tell(scan("--exclude", ".git", "--exclude", "build*", ROOT))


def unpack_mail(place):
    archive = os.path.join(CORPORA, "mail.tar.zst")
    if not os.path.exists(archive):
        raise Skip("there is no %s: set KUJO_CORPORA" % archive)
    tool("zstd")
    subprocess.run(["tar", "--zstd", "-xf", archive, "-C", place], check=True)


@case("real mail is clean")
def _():
    with tempfile.TemporaryDirectory(prefix="kujo-mail-") as place:
        unpack_mail(place)
        files = list(files_of(place))
        count = len(files) if LONG else 100 if SANITIZED else 500
        sample = sorted(random.Random(2004).sample(files, min(count, len(files))))
        rows = scan("-0", "-T", "-", listing=b"".join(os.fsencode(f) + b"\0" for f in sample))
        return tell(rows)


sys.exit(run_cases())
