#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the modules elf, macho and dex say, compared with what Debian's yara says of the same files.

    programs.py FIELDS

FIELDS prints what a module knows (fields.c); yara does with -D. The files are made here, damaged,
and, of ELF, such as are installed. Where libyara 4.5 differs from 4.2, norm() says how. Prints TAP.
"""
import glob
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

import program_files

FIELDS = sys.argv[1]
KUJO = os.environ["KUJO"]
INSTALLED = 30
DAMAGED = 50

# Facts that yara 4.2 has none of, and names of numbers.
SKIPPED = {"elf": r"visibility$|telfhash|import_md5|^[A-Z]", "macho": r"^[A-Z]",
           "dex": r"^[A-Z]|^field\[\d+\]\.(static|instance)$"}

# Conditions on program_files.universal_file().
MACHO_CONDITIONS = """
macho.fat_magic == macho.FAT_MAGIC and macho.nfat_arch == 4
not defined macho.magic
macho.file_index_for_arch(macho.CPU_TYPE_X86_64) == 1
macho.file_index_for_arch(macho.CPU_TYPE_ARM64, 0) == 2
macho.file_index_for_arch(macho.CPU_TYPE_ARM64, 1) == 2
defined macho.file_index_for_arch(macho.CPU_TYPE_ARM)
macho.entry_point_for_arch(macho.CPU_TYPE_X86) == macho.fat_arch[0].offset + macho.file[0].entry_point
macho.entry_point_for_arch(macho.CPU_TYPE_X86_64, macho.CPU_SUBTYPE_X86_64_ALL) == 0x2310
defined macho.entry_point_for_arch(macho.CPU_TYPE_MIPS)
for any file in macho.file : (for any s in file.segments : (s.segname == "__LINKEDIT"))
for all a in macho.fat_arch : (a.align > 0)
for any i in (0..3) : (macho.file[i].segments[0].sections[1].sectname == "__exactly_16_chr")
macho.file[1].stack_size == 0x80000
defined macho.file[3].cputype
"""

# Conditions on program_files.dex().
DEX_CONDITIONS = r"""
dex.header.magic == dex.DEX_FILE_MAGIC_035
dex.header.magic == dex.DEX_FILE_MAGIC_036
dex.header.endian_tag == dex.ENDIAN_CONSTANT
dex.has_method("run")
dex.has_method("RUN")
dex.has_method("La/B;", "run")
dex.has_method("La/B;", "count")
dex.has_method("La/D;", "run")
dex.has_method(/^r.n$/)
dex.has_method(/r.$/)
dex.has_method(/B/, /<init>/)
dex.has_method(/C/, /<init>/)
dex.has_class("La/C;")
dex.has_class("La/C")
dex.has_class(/a\/[CD];/)
dex.has_class(/^a/)
not dex.has_class("none")
dex.number_of_fields == 3 and dex.number_of_methods == 3
for any m in dex.method : (m.name == "run" and m.code_item.insns_size == 0)
dex.method[0].code_item.insns == "\x12\x00\x0e\x00\x00\x00"
dex.class_defs[1].super_class_idx == dex.NO_INDEX
dex.map_list.map_item[2].type == dex.TYPE_CLASS_DATA_ITEM
"""

# The functions in YARA's own test of telfhash, and what it expects.
TELFHASH = "T174B012188204F00184540770331E0B111373086019509C464D0ACE88181266C09774FA"
IMPORT_MD5 = "141ad500037085bdbe4665241c44f936"
FUNCTIONS = [b"memstuff", b"z", b"FOO", b"foo64", b"foo", b"strstuff", b"ALLCAPSSTR", b"stuffmem", b"FOO64",
             b"long_function_to_make_the_tlsh_hash_work", b"STRALLCAPS", b"stuffstr"]


def fields_of(module, paths):
    """What we say of each file: a dictionary by path of the field."""
    done = subprocess.run([FIELDS, module, *paths], capture_output=True, errors="surrogateescape", check=False)
    if done.returncode != 0:
        raise SystemExit(f"Bail out! {FIELDS}: status {done.returncode}: {done.stderr[:500]}")
    files, now = {}, {}
    for line in done.stdout.split("\n"):
        name, _, value = line.partition(" = ")
        if line.startswith("file ") and line[5:] in paths:
            now = files.setdefault(line[5:], {})
        elif value:
            now[name] = value
    return files


def fields_of_yara(rules, path):
    """What yara says of one file."""
    done = subprocess.run(["yara", "-D", rules, path], capture_output=True, errors="surrogateescape", check=False)
    fields, place = {}, []
    for line in done.stdout.split("\n"):
        body = line.lstrip("\t")
        depth = len(line) - len(body)
        name, _, value = body.partition(" = ")
        del place[depth:]
        if not value:
            place.append(body)
        elif depth and value != "YR_UNDEFINED":
            fields[".".join(place[1:] + [name]).replace(".[", "[")] = value
    return fields


def norm(module, name, value, is_yara):
    """4.5 reads a Mach-O file's magic as it stands, and does not cut texts of DEX at a NUL."""
    if module == "macho" and is_yara and name.split(".")[-1] == "magic":
        return str(int.from_bytes(int(value).to_bytes(4, "little"), "big"))
    if module == "dex" and name in ("header.magic", "header.signature"):
        return value.split("\\x00")[0].rstrip('"')
    return value


def differences(module, folder, paths):
    rules = os.path.join(folder, "import.yar")
    with open(rules, "w", encoding="ascii") as file:
        file.write(f'import "{module}" rule every {{ condition: true }}')
    wrong, count = [], 0
    ours = fields_of(module, paths)
    for path in paths:
        sides = [{name: norm(module, name, value, is_yara) for name, value in fields.items()
                  if not re.search(SKIPPED[module], name)}
                 for fields, is_yara in ((ours[path], False), (fields_of_yara(rules, path), True))]
        count += len(sides[1])
        wrong += [f"{os.path.basename(path)}: {name}: kujo {sides[0].get(name)}, yara {sides[1].get(name)}"
                  for name in sorted({*sides[0], *sides[1]}) if sides[0].get(name) != sides[1].get(name)]
    return wrong, count


def write(folder, name, files):
    paths = []
    for number, content in enumerate(files):
        paths.append(os.path.join(folder, f"{name}{number}"))
        with open(paths[-1], "wb") as file:
            file.write(content)
    return paths


def installed():
    paths = [path for path in glob.glob("/usr/bin/*") + glob.glob("/usr/lib/*-linux-gnu/*")
             if os.path.isfile(path) and not os.path.islink(path) and os.path.getsize(path) < 400000]
    random.Random(7).shuffle(paths)
    elves = []
    for path in paths:
        with open(path, "rb") as file:
            if file.read(4) == b"\x7fELF":
                elves.append(path)
        if len(elves) == INSTALLED:
            break
    return elves


def matching(command, pattern):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1) or "error" in done.stderr:
        raise SystemExit(f"Bail out! {command[0]}: {done.stderr[:500]}")
    return {int(number) for number in re.findall(pattern, done.stdout, re.M)}


def conditions_differ(folder, module, text, content):
    cases = text.strip().split("\n")
    rules, path = os.path.join(folder, "rules.yar"), write(folder, "conditions", [content])[0]
    with open(rules, "w", encoding="ascii") as file:
        file.write(f'import "{module}"\n')
        for number, case in enumerate(cases):
            file.write(f"rule r{number} {{ condition: {case} }}\n")
    theirs = matching(["yara", "-w", rules, path], r"^r(\d+) ")
    ours = matching([KUJO, "scan", "--definitions", "none", "--rules", rules, "--all", "--quiet", path],
                    r": r(\d+) FOUND$")
    return [f"{'kujo' if n in ours else 'yara'} alone: {cases[n]}" for n in sorted(ours ^ theirs)], len(theirs)


def digests_differ(folder):
    """A library that has the symbols of YARA's test, in another order."""
    symbol = program_files.symbol
    symbols = [symbol(b"", 0, 0), symbol(b"_ITM_deregisterTMCloneTable", 0, 2), symbol(b"weak_fun", 2, 2),
               symbol(b"__gmon_start__", 0, 2), symbol(b"a_value", 1), symbol(b"_ITM_registerTMCloneTable", 0, 2),
               symbol(b"__cxa_finalize", 2, 2), symbol(b"main", 2, 1, 0, 1), symbol(b"protected_fun", 2, 1, 3, 1)]
    symbols += [symbol(name) for name in FUNCTIONS]
    files = [program_files.Elf(is64, big, 3, [], symbols).make() for is64 in (0, 1) for big in (0, 1)]
    fields = fields_of("elf", write(folder, "digests", files))
    got = {(found.get("telfhash()"), found.get("import_md5()")) for found in fields.values()}
    return ([] if got == {(f'"{TELFHASH}"', f'"{IMPORT_MD5}"')} else [str(got)]), len(files)


def cases(folder):
    """(what is compared, differences, how many things were)"""
    yield "digests of symbols", *digests_differ(folder)
    made = {"elf": list(program_files.elf_files()), "macho": list(program_files.macho_files()),
            "dex": list(program_files.dex_files())}
    for module, files in made.items():
        yield f"{module}: files made", *differences(module, folder, write(folder, module, files))
        damaged = program_files.damaged(files, DAMAGED, 600 if module != "elf" else 64, module)
        yield f"{module}: damaged", *differences(module, folder, write(folder, module + "-damaged", damaged))
    yield "elf: installed", *differences("elf", folder, installed())
    yield "macho: functions", *conditions_differ(folder, "macho", MACHO_CONDITIONS, program_files.universal_file())
    yield "dex: functions", *conditions_differ(folder, "dex", DEX_CONDITIONS, program_files.dex())


def main():
    if not shutil.which("yara"):
        print("1..0 # SKIP yara is not installed")
        return 0
    number = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for title, wrong, count in cases(folder):
            number += 1
            ok = not wrong and count
            failed += not ok
            print(f"{'ok' if ok else 'not ok'} {number} - {title}: {count} facts")
            for line in wrong[:10]:
                print(f"# {line}")
    print(f"1..{number}")
    return 1 if failed else 0


sys.exit(main())
