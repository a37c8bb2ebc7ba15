#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The dotnet module on assemblies made here: against Debian's yara 4.2, which knows all but classes,
and against what libyara 4.5 says of classes. Prints TAP.

    dotnet.py FIELDS    (the program that prints what a module says of a file)
"""
import os
import re
import subprocess
import sys
import tempfile
import time

from assemblies import *
from pe_files import Program

FIELDS = sys.argv[1]

# What 4.5 says of the classes of sample(); a field that is not here is undefined.
CLASSES = {
    "number_of_classes": "6",
    "classes[0].fullname": '"Sample.Things.Box"', "classes[0].name": '"Box"',
    "classes[0].namespace": '"Sample.Things"', "classes[0].visibility": '"public"', "classes[0].type": '"class"',
    "classes[0].abstract": "0", "classes[0].sealed": "1",
    "classes[0].number_of_generic_parameters": "1", "classes[0].generic_parameters[0]": '"T"',
    "classes[0].number_of_base_types": "3", "classes[0].base_types[0]": '"System.Object"',
    "classes[0].base_types[1]": '"System.IDisposable"',
    "classes[0].base_types[2]": '"System.Collections.Generic.List<T>"',
    "classes[1].fullname": '"Sample.Things.Box.Inner"', "classes[1].name": '"Inner"',
    "classes[1].namespace": '"Sample.Things.Box"', "classes[1].visibility": '"public"',
    "classes[1].type": '"class"', "classes[1].abstract": "1", "classes[1].sealed": "0",
    "classes[1].number_of_generic_parameters": "0",
    # A variable of another class cannot be named, and is left out.
    "classes[1].number_of_base_types": "1", "classes[1].base_types[0]": '"System.Collections.Generic.List<>"',
    "classes[2].fullname": '"Sample.Things.Box.Inner.Deep"', "classes[2].name": '"Deep"',
    "classes[2].namespace": '"Sample.Things.Box.Inner"', "classes[2].visibility": '"private"',
    "classes[2].type": '"class"', "classes[2].abstract": "0", "classes[2].sealed": "0",
    "classes[2].number_of_generic_parameters": "0", "classes[2].number_of_base_types": "1",
    "classes[2].base_types[0]": '"System.Object"',
    "classes[3].fullname": '"Sample.IThing"', "classes[3].name": '"IThing"', "classes[3].namespace": '"Sample"',
    "classes[3].visibility": '"internal"', "classes[3].type": '"interface"', "classes[3].abstract": "1",
    "classes[3].sealed": "0", "classes[3].number_of_generic_parameters": "0",
    "classes[3].number_of_base_types": "0",
    "classes[4].fullname": '"Orphan"', "classes[4].name": '"Orphan"', "classes[4].visibility": '"protected"',
    "classes[4].type": '"class"', "classes[4].abstract": "0", "classes[4].sealed": "0",
    "classes[4].number_of_generic_parameters": "0", "classes[4].number_of_base_types": "1",
    "classes[4].base_types[0]": '"System.Object"',
    "classes[5].fullname": '"Plain"', "classes[5].name": '"Plain"', "classes[5].namespace": '""',
    "classes[5].visibility": '"internal"', "classes[5].type": '"class"', "classes[5].abstract": "0",
    "classes[5].sealed": "0", "classes[5].number_of_generic_parameters": "0",
    "classes[5].number_of_base_types": "2", "classes[5].base_types[0]": '"System.Object"',
    "classes[5].base_types[1]": '"Sample.IThing"',
}

# Methods of each class: name, visibility, the flags that are set, return type, parameters, generic parameters.
NUMBERS = ["sbyte", "byte", "short", "ushort", "uint", "long", "ulong", "float", "double", "TypedReference", "IntPtr",
           "UIntPtr", "object"]
METHODS = {
    0: [
        (".ctor", "public", "", None, [], []),
        ("Get", "public", "virtual", "T", [], []),
        ("Map", "public", "static", "U", [("items", "System.Collections.Generic.List<T>"), ("index", "int")], ["U"]),
        ("Arrays", "private", "", "string[][]",
         [("first", "int[1...3,]"), ("second", "int[-3...1,7,]"), ("third", "string[,]")], []),
        ("Pointers", "private protected", "virtual final abstract", "Ptr<void>",
         [("first", "ref string"), ("second", "FnPtr<void(int, bool)>"), ("third", "IntPtr")], []),
        ("Numbers", "internal", "static", "char", [(f"P_{i}", name) for i, name in enumerate(NUMBERS)], []),
        ("Inside", "protected internal", "", "Sample.Things.Box.Inner.Deep",
         [("P_0", "System.Collections.Generic.List<T>")], []),
    ],
    1: [],
    2: [],
    3: [("NoRows", "public", "", "void", None, [])],
    4: [],
    5: [("Last", "public", "", "object", [("items", "Lonely<int,int>")], [])],
}


def expected_classes():
    out = dict(CLASSES)
    for number, methods in METHODS.items():
        out[f"classes[{number}].number_of_methods"] = str(len(methods))
        for i, (name, visibility, flags, return_type, parameters, generics) in enumerate(methods):
            at = f"classes[{number}].methods[{i}]."
            out[at + "name"] = f'"{name}"'
            out[at + "visibility"] = f'"{visibility}"'
            for flag in ("static", "virtual", "final", "abstract"):
                out[at + flag] = str(int(flag in flags.split()))
            if return_type:
                out[at + "return_type"] = f'"{return_type}"'
            out[at + "number_of_generic_parameters"] = str(len(generics))
            for k, generic in enumerate(generics):
                out[at + f"generic_parameters[{k}]"] = f'"{generic}"'
            if parameters is not None:
                out[at + "number_of_parameters"] = str(len(parameters))
                for k, (parameter, kind) in enumerate(parameters):
                    out[at + f"parameters[{k}].name"] = f'"{parameter}"'
                    out[at + f"parameters[{k}].type"] = f'"{kind}"'
    return out


def kujo_says(path):
    done = subprocess.run([FIELDS, "dotnet", path], capture_output=True, check=True)
    lines = done.stdout.decode("latin1").splitlines()[1:]
    return dict(line.split(" = ", 1) for line in lines)


def yara_says(path, rules):
    """yara -D indents by one more for what is inside of something."""
    done = subprocess.run(["yara", "-D", rules, path], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    out, inside = {}, []
    for line in done.stdout.decode("latin1").splitlines():
        depth = len(line) - len(line.lstrip("\t"))
        if depth == 0:
            continue
        name, equals, value = line[depth:].partition(" = ")
        del inside[depth - 1:]
        inside.append(name)
        if equals and value != "YR_UNDEFINED":
            out[".".join(inside).replace(".[", "[")] = value
    return out


def as_42(values):
    """What 4.5 says differently: whole blobs, and all resources, those of other files included."""
    out = {key: value for key, value in values.items()
           if not key.startswith(("classes", "number_of_classes", "resources", "number_of_resources"))}
    for key in out:
        if key.startswith("constants[") or key.endswith(".public_key_or_token"):
            out[key] = re.sub(r'(\\x[0-9a-f]{2}|[^"])"$', '"', out[key])
    here = [i for i in range(int(values.get("number_of_resources", 0))) if f"resources[{i}].offset" in values]
    if "number_of_resources" in values:
        out["number_of_resources"] = str(len(here))
    for new, old in enumerate(here):
        for name in ("name", "offset", "length"):
            if f"resources[{old}].{name}" in values:
                out[f"resources[{new}].{name}"] = values[f"resources[{old}].{name}"]
    return out


def differences(got, wanted):
    return [f"{key}: {got.get(key)} instead of {wanted.get(key)}" for key in sorted(got.keys() | wanted.keys())
            if got.get(key) != wanted.get(key)][:20]


class Folder:
    def __init__(self, path):
        self.path = path
        self.rules = os.path.join(path, "any.yar")
        with open(self.rules, "w", encoding="ascii") as out:
            out.write('import "dotnet" rule streams { condition: dotnet.number_of_streams > 0 }')

    def file(self, content):
        path = os.path.join(self.path, "object")
        with open(path, "wb") as out:
            out.write(content)
        return path

    def kujo(self, content):
        return kujo_says(self.file(content))

    def as_yara(self, content):
        path = self.file(content)
        return differences(as_42(kujo_says(path)), yara_says(path, self.rules))


# ---- cases --------------------------------------------------------------------------------------

def variants():
    yield "plain", sample().make()
    yield "wide heaps", sample(wide=7).make()
    yield "64 bits", sample().make(Program(is64=True, characteristics=0x2022))
    yield "64 bits without a directory", sample().make(Program(is64=True, directory_count=13))
    yield "no assembly", Program().make()
    yield "no program", b"MZ and nothing else" * 20
    for streams in (["#-", "#Strings", "#US", "#GUID", "#Blob"], ["#~", "#Strings"], ["#Strings", "#Blob", "#US"],
                    ["#GUID", "#GUID2", "#~", "#~", "#Strings", "#Blob", "#USx"], ["#~", "", "#Strings", "#Blob"],
                    ["#~", "#Strings", "#Blob", "n" * 31, "#US"], ["#~", "#Strings", "#Blob", "n" * 32, "#US"], []):
        a = sample()
        a.streams = streams
        yield f"streams {streams}", a.make()
    for version in (b"", b"\0\0\0\0", b"none", b"odd", b"v1\0v", b"x" * 252 + b"\0\0\0\0"):
        a = sample()
        a.version = version
        yield f"version {version[:9]}", a.make()
    for table in (MODULE, METHOD, CONSTANT, ASSEMBLY_REF, GENERIC):
        for count in (15001, 0x7FFFFFFF):
            a = sample()
            a.row_counts[table] = count
            yield f"{count} rows in {table}", a.make()
    a = sample()
    a.rows[0x2D] = []
    yield "a table of no known number", a.make()


def as_yara_knows_it(folder):
    wrong = []
    for name, content in variants():
        wrong += [f"{name}: {line}" for line in folder.as_yara(content)]
    return wrong


def cut_short(folder):
    """Every 13th length. The end of the file cuts what 4.2 reads by structures larger than rows."""
    content = sample().make()
    wrong = []
    for length in range(SECTION_AT, len(content), 13):
        wrong += [f"{length}: {line}" for line in folder.as_yara(content[:length])]
    return wrong


def classes_of(folder, **how):
    got = folder.kujo(sample(**how).make())
    return differences({key: value for key, value in got.items() if "classes" in key}, expected_classes())


def classes(folder):
    return classes_of(folder) + classes_of(folder, wide=7) + classes_of(folder, extra=True)


def blobs_are_whole(folder):
    got = folder.kujo(sample().make())
    return differences({key: got.get(key) for key in ("assembly_refs[0].public_key_or_token", "constants[1]",
                                                      "resources[1].name", "resources[1].offset")},
                       {"assembly_refs[0].public_key_or_token": r'"\xb7z\V\x194\xe0\x89"',
                        "constants[1]": r'"o\x00t\x00h\x00e\x00r\x00"', "resources[1].name": '"in.another.file"',
                        "resources[1].offset": None})


def without(folder):
    """A table that is not there takes its own fields along, and no more."""
    wrong = []
    for table in sample().rows:
        a = sample()
        del a.rows[table]
        got = folder.kujo(a.make())
        if got.get("is_dotnet") != "1" or "number_of_classes" not in got:
            wrong.append(f"without table {table}: {len(got)} fields")
    a = sample()
    a.rows[7] = []  # ParamPtr ends the walk: no classes, no assembly
    COLUMNS[7] = "x"
    got = folder.kujo(a.make())
    del COLUMNS[7]
    if "number_of_classes" in got or "assembly.name" in got or got.get("module_name") != '"sample.dll"':
        wrong.append("ParamPtr is read")
    return wrong


def circles_end(folder):
    """Nested classes in a circle, and a chain of 12: ten are named."""
    a = Assembly()
    a.add(MODULE, 0, "m", 0, 0, 0)
    a.add(TYPE_DEF, 2, "A", "", 0, 1, 1)
    a.add(TYPE_DEF, 2, "B", "", 0, 1, 1)
    a.add(TYPE_DEF, 2, "Self", "", 0, 1, 1)
    a.add(NESTED, 1, 2)
    a.add(NESTED, 2, 1)
    a.add(NESTED, 3, 3)
    for i in range(12):
        a.add(TYPE_DEF, 2 if i else 1, f"C{i}", "", 0, 1, 1)
        if i:
            a.add(NESTED, 4 + i, 3 + i)
    got = folder.kujo(a.make())
    names = ".".join(f"C{i}" for i in range(12))
    return differences(
        {key: got.get(key) for key in (f"classes[{i}].fullname" for i in (0, 2, 13, 14))},
        {"classes[0].fullname": '"' + "A.B." * 5 + 'A"', "classes[2].fullname": '"Self.Self"',
         "classes[13].fullname": f'"{names[:names.index(".C11")]}"',
         "classes[14].fullname": f'"{names[3:]}"'})


def bombs_go_off_slowly(folder):
    """What refers to itself many times is read in a moment. Deeper ones are for scans, which pay for
    the work and give up."""
    a = bomb(3, 200)
    path = folder.file(a.make())
    start = time.monotonic()
    got = kujo_says(path)
    seconds = time.monotonic() - start
    wrong = [] if seconds < 8 else [f"{seconds:.1f} seconds"]
    return wrong + differences({key: got.get(key) for key in ("number_of_classes", "classes[0].number_of_methods",
                                                              "classes[1].number_of_methods")},
                               {"number_of_classes": "200", "classes[0].number_of_methods": "199",
                                "classes[1].number_of_methods": "0"})


CASES = [as_yara_knows_it, cut_short, classes, blobs_are_whole, without, circles_end, bombs_go_off_slowly]

print(f"1..{len(CASES)}")
failed = 0
for index, case in enumerate(CASES, 1):
    with tempfile.TemporaryDirectory() as temporary:
        problems = case(Folder(temporary))
    failed += bool(problems)
    print(f"{'not ok' if problems else 'ok'} {index} - {case.__name__}")
    for problem in problems[:30]:
        print(f"# {problem}")
sys.exit(1 if failed else 0)
