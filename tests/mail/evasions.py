#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Messages that programs read differently, and harmless ones that look alike.

Each case is one message, made from the RFCs and from what mail programs are known to do, by technique:
  legal     the RFCs allow it, or a widely used mail program is documented to read it so: must be found
  rare      some program reads it so: must be found, but for those in KNOWN_MISSES
  harmless  the same looks without the payload: nothing may be detected
The payload is EICAR, and there is no way to say another. `evasions.py --write FOLDER [TURN]` writes the
messages, to hold other programs against them: each turn has other details. With --quoted, the payload is a text
that quotes it."""

import json
import os
import sys

import called  # pylint: disable=unused-import
import containers  # pylint: disable=unused-import
import controls  # pylint: disable=unused-import
import outlook  # pylint: disable=unused-import
import splits  # pylint: disable=unused-import
import structure  # pylint: disable=unused-import
import transfer  # pylint: disable=unused-import
from letters import HARMLESS, TABLE
from kit import EICAR_NAME, case, check, equal, few, kujo, run, run_cases, write

# Cases that are not found, each with the reason why that is right.
KNOWN_MISSES = {
    "uu-indented": "only programs for sets of articles look for an indented line",
    "uu-upper": "UUDeview alone reads it, in HTML",
    "binhex-no-banner-body": "RFC 1741 asks for the banner; only hexbin and UUDeview go without",
}

SAMPLE = 9       # every so manieth case is scanned alone, too
MOST_ROWS = 500  # lines about one message; deep nesting has one a level and reading


class Answer:
    """What the scan of one message said."""

    def __init__(self):
        self.detected, self.told, self.rows = [], [], 0

    def holds(self, expected):
        if expected == "found":
            return EICAR_NAME in self.detected
        if expected == "told":
            return bool(self.detected or self.told)
        return not self.detected

    def __str__(self):
        return "detected: %s; told: %s" % (self.detected[:9], self.told[:9])


def answers(result):
    out = {}
    for line in result.lines:
        row = json.loads(line)
        if "path" not in row:
            continue
        answer = out.setdefault(os.path.basename(row["path"]), Answer())
        answer.rows += 1
        if row["type"] == "detection" and row["class"] != "heuristic":
            answer.detected.append(row["name"])
        elif row["type"] == "incomplete":
            answer.told.append(row["why"])
        elif row["type"] == "heuristics":
            answer.told += row["heuristics"]
    return out


def scan_all(suffix=True, turn=0):
    """The set in a folder, in one scan: cases' names to answers."""
    for one in TABLE:
        write("set%d/%s%s" % (turn, one.ident, one.suffix if suffix else ""), one.data(turn))
    found = answers(kujo("scan", "--json", "set%d" % turn))
    return {one.ident: found.get(one.ident + (one.suffix if suffix else ""), Answer()) for one in TABLE}


def describe(groups, key):
    for name in sorted({key(one) for one in groups}):
        rows = [one for one in groups if key(one) == name]
        print("# %4d of %4d  %s" % (sum(one.passed for one in rows), len(rows), name))


def judge(one, answer):
    one.passed = answer.holds(one.expected)
    known = KNOWN_MISSES.get(one.ident)
    if known:
        check(not one.passed, "it is found now: take it from KNOWN_MISSES")
        return "known miss: " + known
    check(one.passed, "%s, %s: %s expected" % (one.kind, one.technique, one.expected), answer)
    return ""


def main():
    words = [word for word in sys.argv[1:] if word != "--quoted"]
    if words[:1] == ["--write"] and len(words) >= 2:
        for one in TABLE:
            write(os.path.join(words[1], one.kind, one.ident + one.suffix), one.data(int((words + ["0"])[2])))
        return 0
    found = {}

    @case("a scan of all")
    def _():
        equal(len({one.ident for one in TABLE}), len(TABLE), "cases called the same")
        found.update(scan_all())
        check(any(answer.detected for answer in found.values()), "nothing is detected at all")

    for one in TABLE:
        one.passed = False

        def single(one=one):
            return judge(one, found.get(one.ident, Answer()))
        case("%s: %s: %s" % (one.kind, one.technique, one.ident))(single)

    @case("no message is taken apart without end")
    def _():
        long = {one.ident: found[one.ident].rows for one in TABLE if found[one.ident].rows > MOST_ROWS}
        equal(long, {}, "lines about one message")

    @case("the same under names without a suffix")
    def _():
        bare = scan_all(suffix=False)
        equal([one.ident for one in TABLE if bare[one.ident].holds(one.expected) != one.passed], [])

    @case("the same with other details")
    def _():
        missed = []
        for turn in range(1, few(1, 6) + 1):
            other = scan_all(turn=turn)
            missed += ["%s in turn %d" % (one.ident, turn) for one in TABLE
                       if one.passed and not other[one.ident].holds(one.expected)]
        equal(missed, [])

    @case("harmless: the same techniques around a text that only quotes it")
    def _():
        run(sys.executable, os.path.abspath(__file__), "--quoted", "--write", "twins")
        result = kujo("scan", "--json", "twins")
        detected = sorted(name for name, answer in answers(result).items() if answer.detected)
        equal(detected, [])

    @case("the same through a pipe")
    def _():
        for one in TABLE[::SAMPLE]:
            answer = answers(kujo("scan", "--json", "-", stdin=one.data())).get("-", Answer())
            equal(answer.holds(one.expected), one.passed, one.ident, answer)

    code = run_cases()
    describe(TABLE, lambda one: one.kind)
    describe([one for one in TABLE if one.kind != HARMLESS], lambda one: "%s: %s" % (one.kind, one.technique))
    return code


if __name__ == "__main__":
    sys.exit(main())
