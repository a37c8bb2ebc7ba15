#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Changes hives that hivexsh wrote, with hive_edit, and lets hivexsh read the result.

    hive_edits.py HIVE_EDIT
"""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "demo"), os.path.join(ROOT, "tests", "integration")]
HIVE_EDIT = os.path.abspath(sys.argv.pop(1))
os.environ["KUJO"] = HIVE_EDIT  # the program under test

# pylint: disable=wrong-import-position
import hive  # noqa: E402
from kit import case, check, equal, run_cases, tool  # noqa: E402

PAGE = 4096

# What hivexsh makes of the empty hive: keys, and the values of each as it takes them.
KEYS = [("Software",), ("Software", "Run"), ("Software", "Run", "Deep"), ("Software", "Other")]
VALUES = {
    ("Software", "Run"): [("System", r"string:C:\WINDOWS\SYS32.EXE"), ("Keep", "dword:0x1234"),
                          ("Third", "hex:3:01,02,03,04,05,06,07,08")],
    ("Software", "Run", "Deep"): [("x", "string:below")],
    ("Software", "Other"): [("@", "string:default"), ("y", "string:z")],
}


def hivexsh(script, path, write=False):
    done = subprocess.run([tool("hivexsh"), *(["-w"] if write else []), path], input=script,
                          text=True, capture_output=True, check=False)
    equal((done.returncode, done.stderr), (0, ""), script)
    return done.stdout


def make(path):
    with open(path, "wb") as out:
        out.write(hive.empty_hive("TEST"))
    script = ""
    for key in KEYS:
        script += "cd \\%s\nadd %s\n" % ("\\".join(key[:-1]), key[-1])
    for key, values in VALUES.items():
        script += "cd \\%s\nsetval %d\n" % ("\\".join(key), len(values))
        script += "".join("%s\n%s\n" % value for value in values)
    hivexsh(script + "commit\n", path, write=True)


def tree(path, key=()):
    """{key: lines of its values}, by hivexsh."""
    where = "cd \\%s\n" % "\\".join(key)
    found = {key: hivexsh(where + "lsval\n", path).splitlines()}
    for name in hivexsh(where + "ls\n", path).splitlines():
        found.update(tree(path, key + (name,)))
    return found


def edit(before, after, *changes):
    """Bytes that changed, and by how many the file grew."""
    done = subprocess.run([HIVE_EDIT, before, after, *changes], text=True, capture_output=True,
                          check=False)
    equal((done.returncode, done.stderr), (0, ""), changes)
    numbers = re.fullmatch(r"(\d+) bytes in \d+ edits, grown by (-?\d+)\n", done.stdout)
    return int(numbers[1]), int(numbers[2])


def changed(*changes):
    """The tree before and after, the bytes that changed, the growth."""
    make("before")
    bytes_changed, grown = edit("before", "after", *changes)
    return tree("before"), tree("after"), bytes_changed, grown


RUN = ("Software", "Run")


@case("deletes a value")
def deletes_a_value():
    before, after, bytes_changed, grown = changed("delete-value", "Software\\Run", "system")
    equal(len(before[RUN]), 3)
    before[RUN] = [line for line in before[RUN] if not line.startswith('"System"')]
    equal(after, before)
    equal(grown, 0)
    check(bytes_changed <= 32, bytes_changed)


@case("deletes all values")
def deletes_all_values():
    before, after, _, _ = changed("delete-value", "Software\\Other", "",
                                  "delete-value", "Software\\Other", "y")
    before[("Software", "Other")] = []
    equal(after, before)


@case("deletes a key with all below")
def deletes_a_key_with_all_below():
    before, after, _, grown = changed("delete-key", "software\\run")
    equal(after, {key: values for key, values in before.items() if key[:2] != RUN})
    equal(grown, 0)
    check(len(after) == len(before) - 2)


def set_third(length, kind="3"):
    data = bytes(range(1, 252)) * (length // 251 + 1)
    before, after, _, grown = changed("set-value", "Software\\Run", "Third", kind,
                                      data[:length].hex())
    wanted = '"Third"=hex(%x):%s' % (int(kind), ",".join("%02x" % byte for byte in data[:length]))
    equal(after[RUN][:2], before[RUN][:2])
    equal(re.sub(r"\s|\\", "", after[RUN][2]).replace("hex:", "hex(3):"), wanted)
    del after[RUN], before[RUN]
    equal(after, before)
    return grown


@case("sets shorter equal and longer data")
def sets_shorter_equal_and_longer_data():
    for length in (0, 3, 4, 5, 8, 9, 60):
        equal(set_third(length), 0, length)


@case("sets data for which the hive grows")
def sets_data_for_which_the_hive_grows():
    equal(set_third(3000), 0)
    grown = set_third(20000)  # version 1.3 has no segments
    check(grown > 0 and grown % PAGE == 0, grown)


@case("adds a value")
def adds_a_value():
    before, after, _, _ = changed("set-value", "Software", "New", "4", "01000000")
    equal(after.pop(("Software",)), ['"New"=dword:00000001'])
    before.pop(("Software",))
    equal(after, before)


@case("hivexsh goes on with what was edited")
def hivexsh_goes_on_with_what_was_edited():
    make("before")
    edit("before", "after", "delete-value", "Software\\Run", "System", "delete-key",
         "Software\\Run\\Deep")
    hivexsh("cd \\Software\\Run\nadd Again\ncd Again\nsetval 1\na\nstring:b\ncommit\n", "after",
            write=True)
    edit("after", "last", "delete-value", "Software\\Run\\Again", "a")
    equal(tree("last")[RUN + ("Again",)], [])


if __name__ == "__main__":
    sys.exit(run_cases())
