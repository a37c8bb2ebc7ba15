# SPDX-License-Identifier: Apache-2.0
"""What the tests of ClamAV signatures share: asking clamscan and kujo the same question.

A question is a set of signature files and a folder of inputs; an answer says which names were found in which
input. One process answers for all of them: clamscan -z tells every signature that matches a file."""

import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from kit import Skip, check, environment, kujo, write  # noqa: E402

SUFFIX = ".UNOFFICIAL"


def lay_out(signatures, inputs):
    """Writes `signatures` ({"ndb": [lines]}) below db/ and `inputs` ({name: bytes}) below in/."""
    for place in ("db", "in"):
        shutil.rmtree(place, ignore_errors=True)
    os.makedirs("db")
    for extension, lines in signatures.items():
        write(os.path.join("db", "t." + extension),
              *[line + b"\n" for line in (l if isinstance(l, bytes) else l.encode("latin-1") for l in lines)])
    for name, content in inputs.items():
        write(os.path.join("in", name), content)


def clamscan():
    path = shutil.which("clamscan")
    if not path:
        raise Skip("clamscan is not installed")
    return path


class Malformed(Exception):
    pass


def ask_clamscan(*options, top="in", database="db"):
    """{path below `top`: {names}}, members' names with their file. Raises Malformed, with clamscan's words, when it
    does not load the signatures."""
    done = subprocess.run([clamscan(), "-d", database, "-z", "-r", "--no-summary", "-i", *options, top],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode == 2:
        raise Malformed(done.stderr.decode("latin-1")[-600:])
    found = {}
    for line in done.stdout.decode("latin-1").splitlines():
        said = re.fullmatch(r"(.*): (.*) FOUND", line)
        if said:
            place = os.path.relpath(said[1], os.path.abspath(top))
            found.setdefault(place, set()).add(said[2].removesuffix(SUFFIX))
    return found


class Settled:
    """Signatures that clamscan loads, what it found with them, and the lines that it refuses: {(extension, line):
    its words}."""

    def __init__(self, signatures, inputs):
        self.signatures = {extension: list(lines) for extension, lines in signatures.items()}
        self.refused = {}
        while True:
            lay_out(self.signatures, inputs)
            try:
                self.found = ask_clamscan()
                return
            except Malformed as why:
                self.leave_out(str(why))

    def leave_out(self, why):
        """clamscan stops at the first malformed line of a load; so it is asked again and again."""
        where = re.search(r"at line (\d+)(?:.|\n)*Can't load \S*/t\.(\w+)", why)
        check(where and len(self.refused) < 200, "clamscan fails, and does not say where", why)
        line = self.signatures[where[2]].pop(int(where[1]) - 1)
        self.refused[where[2], line] = why.split("\n", 1)[0]


def ask_kujo(*options, top="in", rules=None, members=True, code=(0, 1, 2)):
    """The same of kujo, which leaves out lines that are malformed; and its result. Without `members`, what is found
    in a file itself."""
    rules = rules or sorted(os.path.join("db", name) for name in os.listdir("db"))
    words = [word for path in rules for word in ("--rules", path)]
    result = kujo("scan", "--all", "--json", "-j", "1", "-d", "none", *words, *options, top)
    check(result.code in code, "exit %s is expected" % (code,), result)
    found = {}
    for line in result.lines:
        row = json.loads(line)
        if row["type"] == "detection" and (members or "member" not in row):
            found.setdefault(os.path.relpath(row["path"], top), set()).add(row["name"])
    return found, result
