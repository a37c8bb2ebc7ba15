#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The `pe` module beside Debian's yara (4.2): all fields of programs made here and of those that a
package has, whole, cut short and damaged; and what its functions answer, as rules see them.

    pe.py FIELDS

FIELDS prints all that kujo's module knows of files (fields.c). Where yara 4.2 differs from 4.5,
whose semantics kujo has, it is said here. Prints TAP.
"""
import os
import random
import re
import struct
import subprocess
import sys
import tempfile

import pe_files as pe

KUJO = os.environ["KUJO"]
FIELDS = sys.argv[1]
PACKAGE = "/usr/lib/python3/dist-packages/distlib"

# Not in yara 4.2, or another thing there; checked on their own.
NEWER = re.compile(r"^(signatures|is_signed|number_of_signatures|rich_signature\.version_data|"
                   r"export_details\[\d+\]\.rva|delayed_import_details|number_of_import|number_of_delayed|.*\.functions\[\d+\]\.rva|.*number_of_functions|"
                   r"\w+\(\)|version_info\{)")


# ---- programs ----------------------------------------------------------------------------------

def both(make):
    """The same for 32 and 64 bits."""
    for is64 in (False, True):
        program = pe.Program(is64)
        make(program)
        yield f"{make.__name__}-{64 if is64 else 32}", program.make()


def imports(p):
    pe.add_imports(p, [
        (b"KERNEL32.dll", [b"ExitProcess", b"LoadLibraryA", b"?a@b$c(d)<e>_.9"]),
        (b"WS2_32.dll", [1, 115, 151, 9999, b"bind"]), (b"wsock32.DLL", [500]),
        (b"oleaut32.dll", [2, 443, 444]), (b"other.ocx", [7, b"good"]), (b"no*name.dll", [b"f"]),
        (b"", [b"f"]), (b"x" * 255, [b"long"]), (b"dir/a b.sys", [b"n" * 511, b"n" * 600]), (b"empty.dll", []),
        (b"raw.dll", [("raw", 0x7FFFFFF0), b"after"]), (b"kernel32.DLL", [b"Sleep"]),
    ])


def imports_by_addresses(p):
    pe.add_imports(p, [(b"a.dll", [b"one", 2]), (b"b.dll", [b"two"])], by_address_table=True)


def imports_at_the_end(p):
    """The name of a function begins four, then three bytes before the end of the file."""
    p.header["file_alignment"] = 1
    last = pe.SECTION_RVA + 0x1FC
    pe.add_imports(p, [(b"end.dll", [("raw", last), ("raw", last + 1), b"whole"])])
    p.data += b"\0" * (0x1FC - len(p.data)) + b"\x01\x00ab"


def delayed(p):
    pe.add_delayed(p, [(b"user32.dll", [b"MessageBoxA", 12, b"odd name", b""]), (b"ws2_32.dll", [3]),
                       (b"none.dll", []), (b"z" * 300, [b"f"])])


def delayed_absolute(p):
    pe.add_delayed(p, [(b"old.dll", [b"first", 5, b"second"])], absolute=True)


def exports(p):
    p.header["characteristics"] = 0x2102
    pe.add_exports(p, b"lib.dll", [0x1000, b"other.function", 0x1008, 0x9999999, 0],
                   [(b"Alpha", 2), (b"beta", 0), (b"beta2", 0), (b"Gone", 9), (b"n" * 600, 1)], base=5)


def exports_without_names(p):
    pe.add_exports(p, None, [0x1000, 0x1004], [])


def exports_with_more_names(p):
    pe.add_exports(p, b"", [0x1000], [(b"a", 0), (b"b", 0), (b"c", 1)])


def exports_of_nothing(p):
    pe.add_exports(p, b"none.dll", [], [])


def resources(p):
    version = pe.version_resource([("CompanyName", "Example"), ("Empty", None), ("k" * 80, "v" * 300),
                                   ("CompanyName", "Again"), ("Umlaut", "\u00e4\u0100x")])
    pe.add_resources(p, [
        (3, [(1, [(0x407, b"icon"), (0x409, b"icon two")])]),
        ("TYPE", [("NAME", [("LANG", b"named"), (7, b"seven")]), (9, [(0x809, b"nine")])]),
        (16, [(1, [(0x409, version)]), (2, [(0, version[:90])]), (3, [(0, b"junk" * 20)])]),
        (10, b"leaf at the top"), (11, [(5, b"leaf below"), ("S" * 1000, [(1, b"x")])]),
        (26, [(1, [(1, b"after")])]),
    ])


def versions(p):
    info = pe.version_resource([("a", "1"), ("b", "2")], var_first=False)
    two = pe.version_resource([("c", "3")])
    table = pe.padded(pe.block("040904b0", pe.padded(pe.block("d", b"4\0\0\0", 2)))) * 2
    stub = two[:2] + two[2:92] + pe.padded(pe.block("StringFileInfo", table))
    zero = two.replace(struct.pack("<H", len("3") + 1), b"\0\0", 1)
    pe.add_resources(p, [(16, [(i, [(0, data)]) for i, data in enumerate((info, two, stub, zero))])])


def debug(p):
    path = p.put(pe.codeview(b"RSDS", b"C:\\build\\a.pdb\0"))
    pe.add_debug(p, [(4, path, 0), (2, 0, 0), (2, 0x900000, 0), (2, path, 7)])


def debug_by_offset(p):
    path = p.put(pe.codeview(b"NB10", b"old.pdb\0")) - pe.SECTION_RVA + pe.SECTION_AT
    pe.add_debug(p, [(2, 0x900000, path)])


def debug_of_a_mac(p):
    pe.add_debug(p, [(2, p.put(pe.codeview(b"RSDS", b"x" * 5000 + b"\0")), 0),
                     (2, p.put(b"????" + b"\0" * 40), 0), (2, p.put(pe.codeview(b"MTOC", b"mac.dll\0")), 0)])


def debug_longest(p):
    pe.add_debug(p, [(2, p.put(pe.codeview(b"RSDS", b"x" * 1023 + b"\0")), 0)])


def everything(p):
    pe.add_everything(p)


def headers():
    """Headers that lie, each a file."""
    size = 0x200
    one = pe.section(b".text", 0x1000, 0x1000, size, 0x400)
    tables = {
        "none": [], "96": [one] * 3 + [pe.section(b"s", 0x10, 0x5000, 0x10, 0x400)] * 4,
        "names": [pe.section(n, 0x100, 0x1000 * (i + 1), size, 0x400) for i, n in enumerate(
            [b"12345678", b"a\0b", b"", b"\xff\x01", b"/4", b"/99999", b"/x"])],
        "overlap": [pe.section(b"a", 0x3000, 0x1000, 0x300, 0x400), pe.section(b"b", 0x1000, 0x2000, 0x100, 0x500),
                    pe.section(b"c", 0x1000, 0x2000, 0x100, 0x480), pe.section(b"d", 0, 0x9000, 0x10, 0x410)],
        "wrap": [one, pe.section(b"w", 0x1000, 0x3000, 0xFFFFF000, 0x2000),
                 pe.section(b"v", 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF)],
        "counts": [pe.section(b"c", 1, 0x1000, size, 0x400, 0xE0000020, 11, 22, 33, 44)],
    }
    for name, sections in tables.items():
        yield f"sections-{name}", pe.Program(sections=sections).make()
    strings = pe.Program(sections=tables["names"], symbols=0x410, symbol_count=1)
    strings.data += b"\0" * 50
    strings.data[0x10 + 18:0x10 + 18 + 16] = b"\x20\0\0\0.debug_long\0\0"
    yield "sections-strings", strings.make()
    yield "sections-missing", pe.Program(section_count=300).make()
    yield "sections-unread", pe.Program(optional_size=0xFFF0).make()
    for count in (0, 1, 2, 3, 15, 16):
        cut = pe.Program(optional_size=96 + 8 * count, directory_count=count)
        imports_by_addresses(cut)
        resources(cut)
        yield f"directories-{count}", cut.make()
    for machine in (0, 0x1C0, 0x162, 0x5064, 0xAA64, 0x1234):
        yield f"machine-{machine:x}", pe.Program(machine=machine).make()
    for entry in (0, 0x10, 0xFFF, 0x11FF, 0x1200, 0x900000):
        yield f"entry-{entry:x}", pe.Program(entry=entry).make()
    for alignment in (0x200, 0x1000, 0xFFFFFFFF):
        yield f"alignment-{alignment:x}", pe.Program(file_alignment=alignment, sections=[
            pe.section(b"odd", 0x1000, 0x1000, 0x200, 0x437)]).make()
    yield "behind", pe.Program().make() + b"overlay" * 9
    yield "far", pe.Program(lfanew=0x200, sections=[]).make()
    yield "not", b"MZ" + pe.Program().make()[2:0x80] + b"NE" + b"\0" * 300
    yield "short", b"MZ"
    yield "empty", b""
    yield "text", b"just words " * 40


def rich_headers():
    for name, stub in {
        "two": pe.rich([(0x00950001, 3), (0x00950002, 4), (0x00930001, 0xFFFFFFFF)], junk=b"j" * 16),
        "none": b"Rich" * 4, "zero": pe.rich([], key=0), "bare": pe.rich([], key=0x01020304),
        "twice": pe.rich([(1, 2)]) * 2,
    }.items():
        yield f"rich-{name}", pe.Program(stub=stub, lfanew=0x140).make()


def programs():
    for make in (imports, imports_by_addresses, imports_at_the_end, delayed, delayed_absolute, exports,
                 exports_without_names, exports_with_more_names, exports_of_nothing, resources, versions,
                 debug, debug_by_offset, debug_of_a_mac, debug_longest, everything):
        yield from both(make)
    yield from headers()
    yield from rich_headers()


def cut_short():
    for name, whole in both(everything):
        for length in range(0, len(whole), 23):
            yield f"{name}-{length}", whole[:length]


def plain(p):
    """Of what is damaged: yara 4.2 and 4.5 judge broken names, resources and "Rich" headers
    differently."""
    everything(p)
    p.directories[1] = p.directories[2] = p.directories[13] = (0, 0)
    p.header["stub"] = b""


def damaged():
    """Random bytes at random places, the same each time, but not where yara 4.2 takes the number of
    directories for the truth."""
    chance = random.Random(5)
    for name, whole in both(plain):
        number_at = 0x100 + 24 + (108 if name.endswith("64") else 92)
        for number in range(200):
            data = bytearray(whole)
            for _ in range(chance.randint(1, 6)):
                data[chance.randrange(len(data))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
            data[number_at:number_at + 4] = whole[number_at:number_at + 4]
            yield f"{name}-{number}", bytes(data)


# ---- what is newer than yara 4.2 ----------------------------------------------------------------

def program(make, is64=False, **header):
    p = pe.Program(is64, **header)
    make(p)
    return p.make()


def judged_names(p):
    pe.add_imports(p, [
        (b"a.dll", [b"bad name", b"", b"g(o)<o>d", ("raw", 0x80010001), ("raw", 0x8000FFFF), 7]),
        (b"nothing.dll", [b"bad name"]), (b"y" * 256, [b"f"]), (b"\xe9.dll", [b"f"]), (b"dir/b c.sys", [b"f"])])


def broken_resources(p):
    base = pe.add_resources(p, [(1, [("S" * 1001, [(1, b"x")])]), (2, [(1, [(1, b"y")])]), (3, [(1, [(1, b"z")])]),
                                (4, None), (5, [(1, [(1, b"never seen")])])])
    at = base - pe.SECTION_RVA + 16 + 8 + 4
    p.data[at:at + 4] = struct.pack("<I", 0x80FFFFFF)  # of 2: a directory behind the end


def empty_leaf(p):
    pe.add_resources(p, [(1, [(1, [(1, b""), (2, b"a")])])])


def two_libraries(p):
    pe.add_delayed(p, [(b"a.dll", [b"f", 5, b""]), (b"none.dll", [])])


def newer():
    """(what, a program, the start of paths, what is expected below them)."""
    names = {"number_of_imports": 2, "number_of_imported_functions": 4, "import_details[0].number_of_functions": 3,
             "import_details[0].functions[0].name": "g(o)<o>d", "import_details[0].functions[1].name": "ord65535",
             "import_details[0].functions[2].name": "ord7", "import_details[0].functions[2].ordinal": 7,
             "import_details[0].library_name": "a.dll", "import_details[1].number_of_functions": 1,
             "import_details[1].library_name": "dir/b c.sys",
             "import_details[1].functions[0].name": "f"}
    yield "names of imports", program(judged_names), r"(number_of_)?import.*(s|name|functions|\[2\]\.ordinal)$", names
    yield "addresses of imports", program(imports_by_addresses, is64=True), r"import_details.*rva", {
        "import_details[0].functions[0].rva": 0x1018, "import_details[0].functions[1].rva": 0x1020,
        "import_details[1].functions[0].rva": 0x1040}
    yield "broken resources", program(broken_resources), r"number_of_res|resources.*(type|id|length)$", {
        "number_of_resources": 2, "resources[0].type": 1, "resources[0].id": -0x80000000 + 0x50,
        "resources[0].length": 1, "resources[1].type": 3, "resources[1].id": 1, "resources[1].length": 1}
    yield "resources without data", program(empty_leaf), r"number_of_res|resources.*(language|length)$", {
        "number_of_resources": 1, "resources[0].language": 2, "resources[0].length": 1}
    yield "delayed imports", program(two_libraries), r".*delayed", {
        "number_of_delayed_imports": 2, "number_of_delayed_imported_functions": 3,
        "delayed_import_details[0].library_name": "a.dll", "delayed_import_details[0].number_of_functions": 3,
        "delayed_import_details[0].functions[0].name": "f", "delayed_import_details[0].functions[1].name": "ord5",
        "delayed_import_details[0].functions[1].ordinal": 5, "delayed_import_details[0].functions[2].name": "",
        "delayed_import_details[0].functions[0].rva": 0x1028, "delayed_import_details[0].functions[1].rva": 0x102C,
        "delayed_import_details[0].functions[2].rva": 0x1030,
        "delayed_import_details[1].library_name": "none.dll", "delayed_import_details[1].number_of_functions": 0}
    yield "no more directories", program(two_libraries, directory_count=0, optional_size=224), r"number_of_delayed", {
        "number_of_delayed_imports": 2, "number_of_delayed_imported_functions": 3}
    yield "exports", program(exports), r"export_details.*rva", {
        f"export_details[{i}].rva": rva for i, rva in enumerate((0x1000, 0x1038, 0x1008, 0x9999999, 0))}
    yield "a Rich header", program(lambda p: None, stub=pe.rich([(0x950001, 3), (0x930002, 4)]), lfanew=0x100), \
        r"rich_signature.(version_data|offset)", {"rich_signature.offset": 64, "rich_signature.version_data":
                                                  "\\x01\\x00\\x95\\x00\\x02\\x00\\x93\\x00"}
    short = struct.pack("<II", 0x536E6144 ^ 5, 9) + b"Rich\x05\0\0\0"
    yield "a short Rich header", program(lambda p: None, stub=short, lfanew=0x100), r"rich", {
        "rich_signature.offset": 64, "rich_signature.length": 8, "rich_signature.key": 5,
        "rich_signature.raw_data": "AanS\\x09\\x00\\x00\\x00", "rich_signature.clear_data": "DanS\\x0c\\x00\\x00\\x00"}
    for alignment, offset in ((0, 0x400), (1, 0x400), (3, 0x400)):
        yield f"data aligned to {alignment}", pe.Program(file_alignment=alignment, sections=[
            pe.section(b"odd", 0x1000, 0x1000, 0x200, 0x437)]).make(), "entry_point$", {"entry_point": offset}
    yield "more data than memory", pe.Program(entry=0x1100, sections=[
        pe.section(b"small", 0x10, 0x1000, 0x200, 0x400)]).make(), "entry_point$", {"entry_point": 0x500}
    yield "version_info", program(resources), r"version_info\{", {
        "version_info{0}": "Again", "version_info{1}": "", "version_info{2}": "v" * 255, "version_info{3}": "\\xe4"}
    yield "no program", b"MZ" + b"\0" * 400, ".*", {"is_pe": 0}


def as_expected():
    """Which of the newer cases are not as expected."""
    found, count = [], 0
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "file")
        for what, content, pattern, expected in newer():
            count += 1
            with open(path, "wb") as out:
                out.write(content)
            done = subprocess.run([FIELDS, "pe", path], capture_output=True, check=True)
            lines = [line.partition(" = ") for line in done.stdout.decode("latin-1").split("\n")]
            ours = {field: value for field, equals, value in lines if equals and re.match(pattern, field)}
            wanted = {field: f'"{value}"' if isinstance(value, str) else str(value)
                      for field, value in expected.items()}
            found += [f"{what}: {field}: {ours.get(field)}, not {wanted.get(field)}"
                      for field in sorted(set(ours) | set(wanted)) if ours.get(field) != wanted.get(field)]
    return count, found


# ---- functions ----------------------------------------------------------------------------------

# A condition a line. Where yara 4.2 has no such thing, or answers wrongly, what 4.5 gives stands
# before it.
CONDITIONS = r"""
pe.is_pe
not pe.is_pe
defined pe.is_pe
pe.is_dll()
pe.is_dll() == 1
pe.is_dll() == 0x2000
not pe.is_dll()
pe.is_32bit() == 1
pe.is_64bit() == 1
pe.is_32bit() and not pe.is_64bit()
defined pe.is_64bit()
pe.entry_point == 0x400
pe.entry_point == -1
pe.machine == pe.MACHINE_I386
pe.machine == pe.MACHINE_AMD64
pe.characteristics & pe.DLL
pe.subsystem == pe.SUBSYSTEM_WINDOWS_CUI
pe.calculate_checksum() == pe.checksum
pe.calculate_checksum() > filesize
pe.section_index(".all") == 0
pe.section_index(".ALL") == 0
pe.section_index(".all\x00x") == 0
pe.section_index("") >= 0
pe.section_index(pe.entry_point) == 0
pe.section_index(0) >= 0
pe.section_index(-1) >= 0
pe.section_index(0x3FF) >= 0
pe.section_index(0x400) == 0
pe.section_index(0x7FFFFFFFFFFFFFFF) >= 0
pe.sections[0].name == ".all"
pe.sections[pe.section_index(".all")].raw_data_offset == 0x400
pe.sections[-1].name == ".all"
pe.sections[1].raw_data_size > 0
pe.sections[0].characteristics & pe.SECTION_MEM_EXECUTE
for any s in pe.sections : (s.virtual_address == 0x1000)
for all i in (0..pe.number_of_sections - 1) : (pe.sections[i].raw_data_size > 0)
pe.data_directories[pe.IMAGE_DIRECTORY_ENTRY_RESOURCE].size > 0
pe.data_directories[15].size == 0
pe.data_directories[16].size == 0
pe.rva_to_offset(0x1000) == 0x400
pe.rva_to_offset(0) == 0
pe.rva_to_offset(0x900000) == -1
defined pe.rva_to_offset(0x900000)
defined pe.rva_to_offset(-1)
pe.rva_to_offset(pe.entry_point_raw) == pe.entry_point
pe.overlay.size > 0
pe.overlay.offset + pe.overlay.size == filesize
pe.exports("Alpha")
pe.exports("ALPHA")
pe.exports("A")
pe.exports("")
pe.exports(/^al/i)
pe.exports(/^al/)
pe.exports(/^$/)
pe.exports(/zzz/)
pe.exports(0)
pe.exports(1)
pe.exports(2)
pe.exports(5)
pe.exports(7)
pe.exports(-1)
pe.exports_index("beta") == 0
pe.exports_index("beta2") == 0
pe.exports_index("none") >= 0
pe.exports_index(5) == 0
pe.exports_index(1) == 0
pe.exports_index(/^B/) >= 0
pe.exports_index(/^[aA]/) == 2
defined pe.exports_index("Alpha")
pe.number_of_exports > 0
pe.export_details[1].forward_name == "other.function"
pe.dll_name == "lib.dll"
pe.imports("KERNEL32.dll")
pe.imports("kernel32.dll") == 1
pe.imports("kernel32.dll") == 3
pe.imports("kernel32.dll") == 4
pe.imports("kernel32") == 0
pe.imports("ws2_32.dll") == 5
pe.imports("kernel32.dll", "exitprocess")
pe.imports("kernel32.dll", "EXITPROCESS\x00rest")
pe.imports("kernel32.dll\x00rest", "Sleep")
pe.imports("other.ocx", "good")
pe.imports("other.ocx", 7)
pe.imports("other.ocx", 8)
pe.imports("other.ocx", -1)
pe.imports("ws2_32.dll", "connect")
pe.imports("ws2_32.dll", "accept")
pe.imports("ws2_32.dll", 1)
pe.imports(/kernel/i, /e/) == 3
pe.imports(/kernel/i, /process/i) == 1
pe.imports(/./, /./) > 10
pe.imports(/none/, /./) == 0
pe.imports(pe.IMPORT_STANDARD, "kernel32.dll", "Sleep")
pe.imports(pe.IMPORT_DELAYED, "kernel32.dll", "Sleep")
pe.imports(pe.IMPORT_ANY, "kernel32.dll", "Sleep")
pe.imports(0, "kernel32.dll", "Sleep")
pe.imports(pe.IMPORT_STANDARD, "other.ocx", 7)
pe.imports(pe.IMPORT_DELAYED, "user32.dll", 12)
pe.imports(pe.IMPORT_DELAYED, "USER32.dll", "messageboxa")
pe.imports(pe.IMPORT_DELAYED, "user32.dll", "odd name")
pe.imports(pe.IMPORT_DELAYED, "ws2_32.dll", "closesocket")
pe.imports(pe.IMPORT_DELAYED, "user32.dll") == 4
pe.imports(pe.IMPORT_ANY, "ws2_32.dll") == 6
pe.imports(pe.IMPORT_DELAYED, /user/, /./) >= 3
pe.imports(pe.IMPORT_DELAYED, "old.dll", "second")
pe.imports("user32.dll") > 0
pe.number_of_delayed_imports == 3
pe.locale(0x407)
pe.locale(0x409)
pe.locale(0x0809)
pe.locale(7)
pe.language(9)
pe.language(0x09)
pe.language(0x409)
pe.language(0xF0)
pe.number_of_resources > 0
pe.resources[0].type == pe.RESOURCE_TYPE_ICON
for any r in pe.resources : (r.type_string == "T\x00Y\x00P\x00E\x00")
for any r in pe.resources : (r.language == 0x809)
for any r in pe.resources : (r.offset + r.length > filesize)
pe.version_info["CompanyName"] == "Again"
pe.version_info["companyname"] == "Again"
pe.version_info["Empty"] == ""
pe.version_info["none"] == ""
defined pe.version_info["none"]
pe.version_info["CompanyName"] contains "gai"
pe.version_info_list[0].value == "Example"
pe.number_of_version_infos == 5
for any k, v in pe.version_info : (k == "CompanyName" and v == "Again")
for all k, v in pe.version_info : (k != "")
pe.rich_signature.version(1)
pe.rich_signature.version(1) == 3
pe.rich_signature.version(2, 0x95) == 4
pe.rich_signature.version(2, 0x93) == 4
pe.rich_signature.toolid(0x95)
pe.rich_signature.toolid(0x95) == 7
pe.rich_signature.toolid(0x93, 1) > 0
pe.rich_signature.toolid(0x93, 1) == 0xFFFFFFFF
pe.rich_signature.toolid(0x1234) == 0
defined pe.rich_signature.version(1)
pe.rich_signature.key == 0x11223344
pe.rich_signature.clear_data startswith "DanS"
pe.pdb_path endswith ".pdb"
pe.pdb_path == "C:\\build\\a.pdb"
pe.imphash() == ""
pe.imphash() == "d41d8cd98f00b204e9800998ecf8427e"
defined pe.imphash()
pe.number_of_signatures == 0
pe.signatures[0].subject == ""
pe.signatures[0].valid_on(1) == 0
defined pe.signatures[0].valid_on(1)
true: pe.is_signed == 0
true: not defined pe.import_rva("nothing.dll", "f") and not defined pe.delayed_import_rva("user32.dll", "none")
true: pe.number_of_imports == 0 or pe.import_rva(pe.import_details[0].library_name, pe.import_details[0].functions[0].name) == pe.import_details[0].functions[0].rva
true: pe.import_rva("OTHER.ocx", 7) == pe.import_details[4].functions[0].rva or not pe.imports("other.ocx", 7)
true: pe.number_of_delayed_imports == 0 or pe.delayed_import_rva(pe.delayed_import_details[0].library_name, pe.delayed_import_details[0].functions[0].name) == pe.delayed_import_details[0].functions[0].rva
true: pe.delayed_import_rva("user32.dll", 12) == pe.delayed_import_details[0].functions[1].rva or not pe.imports(pe.IMPORT_DELAYED, "user32.dll", 12)
"""


def conditions():
    """(condition, what it gives where yara 4.2 is not asked or None)."""
    for line in CONDITIONS.strip().split("\n"):
        if line.startswith("true: "):
            yield line[6:], True
        else:
            yield line, None


def matches(command, folder, cases):
    rules = os.path.join(folder, "rules.yar")
    with open(rules, "w", encoding="ascii") as out:
        out.write('import "pe"\n')
        for number, case in cases:
            out.write(f"rule r{number} {{ condition: {case} }}\n")
    done = subprocess.run(command(rules), capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1) or "error" in done.stderr:
        raise SystemExit(f"Bail out! {done.stderr[:2000]}")
    return {int(number) for number in re.findall(r"\br(\d+)\b", done.stdout)}


def ask_functions():
    """Rules over some of the programs, by both."""
    found, count = [], 0
    cases = list(enumerate(conditions()))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "target")
        for make in (imports, delayed, delayed_absolute, exports, resources, debug, everything):
            for name, content in list(both(make)) + [(f"{make.__name__}-rich", program(
                    make, stub=pe.rich([(0x950001, 3), (0x950002, 4), (0x930001, 0xFFFFFFFF)]), lfanew=0x100))]:
                with open(path, "wb") as out:
                    out.write(content)
                yara = matches(lambda rules: ["yara", "-w", rules, path], folder,
                               [(i, case) for i, (case, known) in cases if known is None])
                yara |= {i for i, (_, known) in cases if known}
                kujo = matches(lambda rules: [KUJO, "scan", "--definitions", "none", "--rules", rules, "--all",
                                              "--quiet", path], folder, [(i, case) for i, (case, _) in cases])
                count += len(cases)
                found += [f"{name}: {cases[i][1][0]}: kujo {i in kujo}" for i in sorted(yara ^ kujo)]
    return count, found


# ---- comparing ---------------------------------------------------------------------------------

def flatten(lines):
    """What `yara -D` prints as nested blocks, as paths and values."""
    values, stack = {}, []
    for line in lines:
        depth = len(line) - len(line.lstrip("\t"))
        if depth == 0:
            continue
        name, equals, value = line.strip("\t").partition(" = ")
        del stack[depth - 1:]
        path = "".join(stack) + ("" if name.startswith("[") or not stack else ".") + name
        if equals:
            values[path] = value
        else:
            stack.append(("" if name.startswith("[") or not stack else ".") + name)
    return values


def as_newer(values):
    """yara 4.2's names and numbers as 4.5 has them."""
    result, first = {}, {}
    for path, value in values.items():
        if value == "YR_UNDEFINED" or re.match(r"[A-Z0-9_]+$", path) or NEWER.match(path):
            continue
        if path.startswith("version_info.") or (path.endswith(".offset") and value == "-1"):
            continue
        path = path.replace("delay_import_details", "delayed_import_details")
        # 4.2 goes on counting from one library to the next.
        match = re.match(r"(.*import_details\[\d+\]\.functions)\[(\d+)\](.*)", path)
        if match:
            base = first.setdefault(match[1], int(match[2]))
            path = f"{match[1]}[{int(match[2]) - base}]{match[3]}"
        result[path] = value
    return result


def ask_yara(folder):
    rule = os.path.join(folder, "rule.yar")
    with open(rule, "w", encoding="ascii") as out:
        out.write('import "pe"\nrule r { condition: true }\n')
    done = subprocess.run(["yara", "-p", "1", "-D", rule, os.path.join(folder, "files")], capture_output=True,
                          check=True)
    answers, lines = {}, []
    for line in done.stdout.decode("latin-1").split("\n"):
        if line.startswith("r "):
            answers[os.path.basename(line[2:])] = as_newer(flatten(lines))
            lines = []
        else:
            lines.append(line)
    return answers


def ask_kujo(paths):
    done = subprocess.run([FIELDS, "pe"] + paths, capture_output=True, check=True)
    answers, name = {}, None
    for line in done.stdout.decode("latin-1").split("\n"):
        if line.startswith("file "):
            name = os.path.basename(line[5:])
            answers[name] = {}
            continue
        path, equals, value = line.partition(" = ")
        if equals and not NEWER.match(path):
            answers[name][path] = value
    return answers


def differences(files, but=r"$."):
    """What kujo and yara say differently of (name, content) pairs, but of some fields."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "files"))
        paths = []
        for name, content in files:
            paths.append(os.path.join(folder, "files", name))
            with open(paths[-1], "wb") as out:
                out.write(content)
        yara, kujo = ask_yara(folder), ask_kujo(paths)
    for path in paths:
        name = os.path.basename(path)
        ours, theirs = kujo[name], yara.get(name)
        if theirs is None:
            found.append(f"{name}: yara has not looked at it")
            continue
        for field in sorted(set(ours) | set(theirs)):
            if ours.get(field) != theirs.get(field) and not re.match(but, field):
                found.append(f"{name}: {field}: kujo {ours.get(field)}, yara {theirs.get(field)}")
    return len(paths), found


def of_package():
    for name in sorted(os.listdir(PACKAGE)):
        if name.endswith(".exe"):
            with open(os.path.join(PACKAGE, name), "rb") as file:
                yield name, file.read()


def ask_values():
    """Hashes and sums, which `yara -D` does not print: what kujo has is put to yara."""
    found, count = [], 0
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "target")
        for name, content in list(programs()) + list(of_package()):
            with open(path, "wb") as out:
                out.write(content)
            done = subprocess.run([FIELDS, "pe", path], capture_output=True, check=True).stdout.decode("latin-1")
            ours = re.findall(r"^(imphash|calculate_checksum|is_\w+)\(\) = (.*)$", done, re.M)
            count += len(ours)
            cases = [(i, f"pe.{function}() == {value}") for i, (function, value) in enumerate(ours)]
            yara = matches(lambda rules: ["yara", "-w", rules, path], folder, cases)
            found += [f"{name}: {case}: not so" for i, case in cases if i not in yara]
    return count, found


def main():
    groups = [
        ("made programs", lambda: differences(programs())),
        ("programs of a package", lambda: differences(of_package())),
        ("programs cut short", lambda: differences(cut_short())),
        ("damaged programs", lambda: differences(damaged(), r"resource_|pdb_path")),
        ("what is newer than yara 4.2", as_expected),
        ("functions, as rules ask them", ask_functions),
        ("hashes and sums", ask_values),
    ]
    print(f"1..{len(groups)}")
    failed = 0
    for number, (name, run) in enumerate(groups, 1):
        count, found = run()
        for line in found[:40]:
            print("# " + line[:300])
        failed += bool(found)
        print(f"{'not ok' if found or not count else 'ok'} {number} - {name}: {count}")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
