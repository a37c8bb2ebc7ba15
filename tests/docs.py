#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the documents to the sources: links, examples, tables, layouts."""
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KUJO = os.environ["KUJO"]
PAGES = ["README.md", "README.ja.md", "CONTRIBUTING.md"]
PAGES += sorted(os.path.relpath(os.path.join(folder, name), ROOT)
                for folder, _, names in os.walk(os.path.join(ROOT, "docs"))
                for name in names if name.endswith(".md"))


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def anchors_of(page):
    """The ids that GitHub gives to headings."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            for heading in re.findall(r"^#+ (.*)$", read(page), re.M)}


def links_lead_somewhere():
    wrong = []
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", read(page)):
            if "://" in target:
                continue
            path, _, anchor = target.partition("#")
            path = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
            if not os.path.exists(os.path.join(ROOT, path)):
                wrong.append(f"{page}: {target}")
            elif anchor and anchor not in anchors_of(path):
                wrong.append(f"{page}: {target}: no such heading")
    return wrong


def headers_name_pages_that_exist():
    wrong = []
    for folder, _, names in os.walk(os.path.join(ROOT, "src")):
        for name in (name for name in names if not name.endswith(".bin")):
            path = os.path.relpath(os.path.join(folder, name), ROOT)
            for page in re.findall(r"\bdocs/[\w./-]+\.md\b", read(path)):
                if not os.path.exists(os.path.join(ROOT, page)):
                    wrong.append(f"{path}: {page}")
    return wrong


def readmes_show_the_same_commands():
    def commands(page):
        return [re.split(r" {2,}", line.strip())[0] for line in read(page).splitlines()
                if re.match(r" {4}(make|kujo|find|meson) ", line)]

    def shape(page):
        return [len(marks) for marks in re.findall(r"^(#+) ", read(page), re.M)]

    english, japanese = commands("README.md"), commands("README.ja.md")
    wrong = [f"not in both: {line}" for line in set(english) ^ set(japanese)]
    if shape("README.md") != shape("README.ja.md"):
        wrong.append("README.ja.md has other headings than README.md")
    return wrong


def examples_of_the_kujo_module_find_what_they_say():
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        system = os.path.join(folder, "system")
        subprocess.run([sys.executable, "-B", os.path.join(ROOT, "demo/make-system.py"), system],
                       check=True)
        found = ""
        page = read("docs/formats/kujo-module.md")
        for number, rules in enumerate(re.findall(r"^```yara\n(.*?)^```", page, re.M | re.S)):
            path = os.path.join(folder, f"{number}.yar")
            with open(path, "w", encoding="utf-8") as file:
                file.write(rules)
            if "rule " not in rules:
                continue
            done = subprocess.run([KUJO, "scan", "-q", "-d", "none", "-r", path, system],
                                  capture_output=True, text=True, check=False)
            found += done.stdout
            if done.returncode != 1 or done.stderr:
                wrong.append(f"example {number}: {done.stdout}{done.stderr}")
    expected = {"1075204803.3.host: picture_that_is_a_program FOUND",
                "WINNT/OUTLOOK.EXE: mail_program_out_of_place FOUND"}
    wrong += [f"not found: {line}" for line in expected if line + "\n" not in found]
    if len(found.splitlines()) != len(expected):
        wrong.append(found)
    return wrong


def module_page_has_every_field():
    page = read("docs/formats/kujo-module.md")
    paths = re.findall(r'KJ_TYPE_\w+, "([\w.\[\]()]+)"', read("src/modules/kujo.c"))
    assert len(paths) > 20
    wrong = []
    for path in paths:
        last = path.replace("[]", "").replace("()", "(").split(".")[-1]
        if not re.search(r"`[\w.\[\]]*\b" + re.escape(last) + r"[^`]*`", page):
            wrong.append(path)
    return wrong


def module_page_has_every_type_and_its_kind():
    kinds = {}
    for name in os.listdir(os.path.join(ROOT, "src/formats")):
        for body in re.findall(r"^const kj_format kj_format_\w+ = \{(.*?)^\};",
                               read(f"src/formats/{name}"), re.M | re.S):
            kind = re.search(r"KJ_KIND_(\w+)", body)
            kinds[re.search(r'\.name = "(\w+)"', body).group(1)] = (
                kind.group(1).lower() if kind else "data")
    written = {}
    for kind, types in re.findall(r"^\| `(\w+)` \| (`[^|]*`) \|$",
                                  read("docs/formats/kujo-module.md"), re.M):
        if kind in kinds.values():
            written.update({name: kind for name in re.findall(r"`(\w+)`", types)})
    return [f"{name}: {kinds.get(name)} in the sources, {written.get(name)} on the page"
            for name in sorted(set(kinds) | set(written)) if kinds.get(name) != written.get(name)]


def mail_page_has_every_heuristic():
    names = re.findall(r'PREFIX "(\w+\.\w+)"', read("src/formats/heuristic.c"))
    assert len(names) > 20
    written = re.findall(r"^\| `(Mail\.\w+)` \|", read("docs/mail.md"), re.M)
    return [f"{name}: {names.count(name)} in the sources, {written.count(name)} on the page"
            for name in sorted(set(names) | set(written))
            if names.count(name) != 1 or written.count(name) != 1]


def definitions_page_has_every_section_and_size():
    layout, page = read("src/defs/format.h"), read("docs/formats/definitions.md")
    wrong = [f"section {''.join(letters)}" for letters in
             re.findall(r"KJ_FOURCC\('(.)', '(.)', '(.)', '(.)'\)", layout)
             if f"| {''.join(letters)} |" not in page]
    sizes = dict(re.findall(r"_Static_assert\(sizeof\(kj_disk_(\w+)\) == (\d+)", layout))
    for struct, section in {"meta": "META", "threat": "THRT", "note": "NOTE", "detect": "DETC",
                            "rule": "RULE", "external": "EXTN", "artifact": "ARTF",
                            "place": "PLAC", "remedy": "REMD", "pattern": "PATN",
                            "posting": "POST"}.items():
        if f"| {section} | {sizes[struct]} |" not in page:
            wrong.append(f"{section} has {sizes[struct]} bytes")
    return wrong


def pages_name_no_machine():
    return [f"{page}:{number}" for page in PAGES
            for number, line in enumerate(read(page).splitlines(), 1)
            if re.search(r"(^|[^\w.])/(home|root|work)/", line)]


CASES = [links_lead_somewhere, headers_name_pages_that_exist, readmes_show_the_same_commands,
         examples_of_the_kujo_module_find_what_they_say, module_page_has_every_field,
         module_page_has_every_type_and_its_kind, mail_page_has_every_heuristic, definitions_page_has_every_section_and_size,
         pages_name_no_machine]

print(f"1..{len(CASES)}")
failed = 0
for index, case in enumerate(CASES, 1):
    problems = case()
    failed += bool(problems)
    print(f"{'not ok' if problems else 'ok'} {index} - {case.__name__}")
    for problem in problems:
        print("".join(f"# {line}\n" for line in problem.splitlines()), end="")
sys.exit(1 if failed else 0)
