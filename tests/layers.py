#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the #include lines to the layers, and what else is true of every file of the tree.

The map is docs/ARCHITECTURE.md. A layer includes itself and what it lists here, nothing else.
"""
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BELOW = {
    "base": [],
    "ir": ["base"],
    "defs": ["base", "ir"],
    "rules/yara": ["base", "ir"],
    "rules/clamav": ["base", "ir"],
    "rules/advisory": ["base", "ir", "rules/yara"],
    "match": ["base", "ir", "defs"],
    "formats": ["base"],
    "modules": ["base", "ir", "formats"],
    "scan": ["base", "ir", "defs", "match", "formats", "modules"],
    "host": ["base", "ir", "defs", "match", "formats", "modules", "scan"],
    "image": ["base", "host"],
    "clean": ["base", "ir", "defs", "match", "formats", "modules", "scan", "host"],
    "api": ["base", "ir", "defs", "match", "formats", "modules", "scan"],
    "report": ["base", "ir", "defs", "match", "formats", "modules", "scan", "host", "clean"],
    "cmd": ["base", "ir", "defs", "rules/yara", "rules/clamav", "rules/advisory", "match",
            "formats", "modules", "scan", "host", "clean", "report"],
}


def sources(suffixes):
    for folder, _, names in sorted(os.walk(os.path.join(ROOT, "src"))):
        for name in sorted(names):
            if name.endswith(suffixes):
                yield os.path.relpath(os.path.join(folder, name), ROOT)


def layer_of(path):
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] == "rules" else parts[0]


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def arrows_point_down():
    wrong = []
    for path in sources((".c", ".h")):
        own = layer_of(path[len("src/"):])
        for header in re.findall(r'^#include "([^"]+)"', read(path), re.M):
            target = layer_of(header)
            if header == "kujo.h":
                continue
            if target != own and target not in BELOW[own]:
                wrong.append(f"{path} includes {header}")
    return wrong


def every_layer_is_on_the_map():
    found = {layer_of(path[len("src/"):]) for path in sources((".c", ".h"))}
    return [f"src/{layer} is not on the map" for layer in sorted(found - set(BELOW))]


def files_carry_their_licence():
    return [path for path in sources((".c", ".h"))
            if "SPDX-License-Identifier: Apache-2.0" not in read(path).split("\n", 1)[0]]


def headers_compile_alone():
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        unit = os.path.join(folder, "all.c")
        for path in sources((".h",)):
            with open(unit, "w", encoding="utf-8") as file:
                file.write(f'#include "{path[len("src/"):]}"\n')
            done = subprocess.run(
                ["cc", "-std=gnu17", "-D_GNU_SOURCE", "-fsyntax-only", "-I", f"{ROOT}/src",
                 "-I", f"{ROOT}/include", unit], capture_output=True, text=True, check=False)
            if done.returncode:
                wrong.append(f"{path}: {done.stderr.strip().splitlines()[0]}")
    return wrong


def banned_functions_are_not_called():
    banned = (r"\b(strcpy|stpcpy|strcat|strncpy|strncat|sprintf|vsprintf|strtok|atoi|atol|atof|gets|"
              r"gmtime|localtime|asctime|ctime|rand|srand|alloca|system|popen|tmpnam|mktemp)\s*\(")
    return [f"{path}: {hit.group(1)}" for path in sources((".c", ".h"))
            for hit in re.finditer(banned, re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\])*"', "", read(path), flags=re.S))]


def lazy_libraries_are_not_linked():
    """Start-up is a feature: what few runs need is loaded on first use."""
    kujo = os.environ["KUJO"]
    needed = subprocess.run(["readelf", "-d", kujo], capture_output=True, text=True, check=True)
    return [line.strip() for line in needed.stdout.splitlines()
            if "NEEDED" in line and re.search("archive|fyaml|crypto|magic|pcre", line)]


def no_paths_of_a_machine():
    wrong = []
    for path in sources((".c", ".h")):
        for number, line in enumerate(read(path).splitlines(), 1):
            if re.search(r"/(home|root|work)/", line):
                wrong.append(f"{path}:{number}")
    return wrong


def the_public_header_is_c_and_cxx():
    wrong = []
    for compiler, standard, suffix in (("cc", "-std=c99", ".c"), ("c++", "-std=c++11", ".cc")):
        with tempfile.TemporaryDirectory() as folder:
            unit = os.path.join(folder, "unit" + suffix)
            with open(unit, "w", encoding="utf-8") as file:
                file.write('#include "kujo.h"\nint main(void) { kujo_limits l = KUJO_LIMITS_INIT;'
                           ' return (int)l.depth; }\n')
            try:
                done = subprocess.run([compiler, standard, "-Wall", "-Wextra", "-Wpedantic",
                                       "-Werror", "-fsyntax-only", "-I", f"{ROOT}/include", unit],
                                      capture_output=True, text=True, check=False)
            except FileNotFoundError:
                continue
            if done.returncode:
                wrong.append(f"{compiler}: {done.stderr.strip().splitlines()[0]}")
    return wrong


CASES = [arrows_point_down, every_layer_is_on_the_map, files_carry_their_licence,
         headers_compile_alone, banned_functions_are_not_called,
         the_public_header_is_c_and_cxx,
         lazy_libraries_are_not_linked, no_paths_of_a_machine]

print(f"1..{len(CASES)}")
failed = 0
for index, case in enumerate(CASES, 1):
    problems = case()
    failed += bool(problems)
    print(f"{'not ok' if problems else 'ok'} {index} - {case.__name__}")
    for problem in problems:
        print(f"# {problem}")
sys.exit(1 if failed else 0)
