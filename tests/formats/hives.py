#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hives written by hivexsh, read by kujo: hives.py HIVE_WALK

What went into a hive has to come out of it, in the order of Windows, and the strict check finds no
fault with it. Without hivexsh the cases are skipped."""

import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "demo"))
import hive  # noqa: E402

WALK = os.path.abspath(sys.argv[1])
TYPES = {"string": 1, "expandstring": 2, "dword": 4}


def data_of(kind, value):
    """What hivexsh stores for `kind:value`: type, bytes."""
    if kind in ("string", "expandstring"):
        return TYPES[kind], (value + "\0").encode("utf-16-le")
    if kind == "dword":
        return TYPES[kind], value.to_bytes(4, "little")
    return int(kind), value


def script_of(keys):
    lines = []
    for path, values in keys.items():
        parent, _, name = path.rpartition("\\")
        lines += [f"cd \\{parent}", f"add {name}", f"cd \\{path}"]
        if not values:
            continue
        lines.append(f"setval {len(values)}")
        for value_name, (kind, value) in values.items():
            lines.append(value_name or "@")
            if kind in TYPES:
                lines.append(f"{kind}:{value}")
            else:
                lines.append(f"hex:{kind}:{','.join('%02x' % byte for byte in value)}")
    return "\n".join(lines + ["commit", ""])


def upper(path):
    """The order of Windows: by upper case, a key before what is below it."""
    return [part.upper() for part in path.split("\\")]


def expected(keys, errors):
    lines = ["key "]
    for path in sorted(keys, key=upper):
        lines.append("key " + path)
        for name, (kind, value) in keys[path].items():
            number, data = data_of(kind, value)
            lines.append(f"value {path}\t{name}\t{number}\t{data.hex()}")
    return lines + [f"checked {errors} 0"]


def check_keys(keys, errors=0):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "hive")
        with open(path, "wb") as out:
            out.write(hive.empty_hive("hive"))
        subprocess.run(["hivexsh", "-w", path], input=script_of(keys), text=True, check=True)
        run = subprocess.run([WALK, path], stdout=subprocess.PIPE, check=False)
    got, wanted = run.stdout.decode().splitlines(), expected(keys, errors)
    different = [(g, w) for g, w in zip(got, wanted) if g != w][:1]
    assert got == wanted, different or (len(got), len(wanted), got[-1:])
    assert run.returncode == (errors != 0), run.returncode


def types():
    check_keys({"Run": {
        "": ("string", "default"), "Text": ("string", "C:\\WINNT\\SYS32.EXE"), "Empty": ("string", ""),
        "Expand": ("expandstring", "%SystemRoot%\\x"), "Number": ("dword", 4294967295),
        "Long": ("11", b"\x01" * 8), "One": ("3", b"\x01"), "Four": ("3", b"1234"),
        "Five": ("3", b"12345"), "Odd": ("77", bytes(range(256))), "Big": ("3", b"x" * 1200)}})


def names():
    check_keys({"A": {"\u00e4\u00df": ("dword", 1)}, "b": {"\u20ac": ("dword", 2), "\u0436": ("dword", 3)}, "_": {},
                "Z z": {}, "[": {}})


def names_beyond_ascii():
    """hivex hashes the bytes of a name's UTF-8, so Windows would not find these keys: an error each."""
    check_keys({"A": {}, "\u00c4": {}, "\u0416\u0410": {}}, errors=2)


def depth():
    keys = {}
    for count in range(1, 60):
        keys["\\".join(f"k{i}" for i in range(count))] = {"depth": ("dword", count)}
    check_keys(keys)


def width():
    keys = {"wide": {f"v{i}": ("dword", i) for i in range(700)}}
    for i in range(1500):
        keys[f"wide\\{i * 7919 % 1500:x}"] = {}
    check_keys(keys)


def main():
    cases = [types, names, names_beyond_ascii, depth, width]
    print(f"1..{len(cases)}")
    failed = 0
    for number, case in enumerate(cases, 1):
        name = case.__name__
        if not shutil.which("hivexsh"):
            print(f"ok {number} - {name} # SKIP hivexsh is not installed")
            continue
        try:
            case()
            print(f"ok {number} - {name}")
        except (AssertionError, subprocess.CalledProcessError) as problem:
            failed += 1
            print(f"not ok {number} - {name}\n# {ascii(problem)[:2000]}")
    return 1 if failed else 0


sys.exit(main())
