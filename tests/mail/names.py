#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The names of an attachment that rules see: all that some mail program shows, and what they mean."""

import json
import sys

from letters import Letter
from kit import case, check, equal, kujo, run_cases, write

# What Content-Disposition says (before it, in four, what Content-Type says); the names that must be among kujo.names;
# the facts that must hold.
ROWS = {
    "plain": ("filename=\"report.exe\"", ["report.exe"], ["runs"]),
    "both": ("name=\"a.txt\"", "filename=\"b.exe\"", ["a.txt", "b.exe"], ["runs"]),
    "over_plain": ("filename=\"a.txt\";\n filename*=utf-8''b.exe", ["a.txt", "b.exe"], ["runs"]),
    "joined": ("filename*0=\"a.t\";\n filename*1=\"xt.\";\n filename*2=exe", ["a.txt.exe"],
               ["double_extension", "runs"]),
    "joined_percent": ("filename*0*=utf-8''%C3%A9;\n filename*1*=.%73cr", ["\u00e9.scr"], ["runs"]),
    "word": ("filename=\"=?utf-8?Q?a=2Escr?=\"", ["a.scr"], ["runs"]),
    "words": ("filename=\"=?utf-8?Q?a=2E?=\n =?utf-8?B?c2Ny?=\"", ["a.scr"], ["runs"]),
    "two": ("filename=a.txt;\n filename=b.exe", ["a.txt", "b.exe"], ["runs"]),
    "override": ("filename*=utf-8''invoice%E2%80%AEgpj.exe", ["invoice\u202egpj.exe"], ["right_to_left", "runs"]),
    "blanks": ("filename=\"a.txt%s.exe\"" % (" " * 40), [], ["blanks", "double_extension", "runs"]),
    "dots": ("filename=\"a.exe. .\"", ["a.exe. ."], ["trailing_dots", "runs"]),
    "class": ("filename=\"a.txt.{3050F4D8-98B5-11CF-BB82-00AA00BDCE0B}\"", [], ["class_id"]),
    "path": ("filename=\"..\\\\a.exe\"", [], ["path", "runs"]),
    # Some programs end the name there.
    "nul": ("filename*=utf-8''a.exe%00.txt", [], ["control", "runs"]),
    "line_end": ("filename*=utf-8''a.exe%0A.txt", [], ["control", "runs"]),
    "harmless": ("filename=\"minutes of March.txt\"", ["minutes of March.txt"], []),
}
FACTS = ["double_extension", "right_to_left", "blanks", "class_id", "trailing_dots", "control", "path", "runs"]


def message(ident, row):
    letter = Letter(ident)
    name = "; " + row[0] if len(row) == 4 else ""
    fields = ["Content-Type: application/octet-stream" + name, "Content-Disposition: attachment; " + row[-3],
              "Content-Transfer-Encoding: base64"]
    letter.any.shuffle(fields)
    data = letter.carry(fields, letter.base64(b"An inert attachment."), "last")
    return b"X-Case: " + ident.encode() + letter.eol + data


def literal(text):
    return "\"%s\"" % "".join("\\x%02x" % byte for byte in text.encode())


def rules():
    """A rule for each name of each row and for each fact; they are true for attachments only."""
    attachment = "not kujo.type == \"mail\" and kujo.mail.header(\"X-Case\") == \"%s\" and "
    out = ["import \"kujo\""]
    for ident, row in ROWS.items():
        for at, name in enumerate(row[-2]):
            out.append("rule %s_name_%d { condition: %s for any one in kujo.names : ( one == %s ) }" % (
                ident, at, attachment % ident, literal(name)))
        for fact in FACTS:
            out.append("rule %s_%s { condition: %s kujo.name_facts.%s }" % (ident, fact, attachment % ident, fact))
    return "\n".join(out).encode()


@case("each program's reading of a name is among the names, and facts hold as they should")
def _():
    for ident, row in ROWS.items():
        write("set/%s.eml" % ident, message(ident, row))
    write("names.yar", rules())
    result = kujo("scan", "--json", "--all", "--definitions", "none", "--rules", "names.yar", "set", code=1)
    rows = [json.loads(line) for line in result.lines]
    seen = {row["name"] for row in rows if row["type"] == "detection"}
    check(seen, result)
    wanted = set()
    for ident, row in ROWS.items():
        wanted |= {"%s_name_%d" % (ident, at) for at in range(len(row[-2]))} | {
            "%s_%s" % (ident, fact) for fact in row[-1]}
    equal(sorted(wanted - seen), [], "missing")
    equal(sorted(seen - wanted), [], "too many")


if __name__ == "__main__":
    sys.exit(run_cases())
