# SPDX-License-Identifier: Apache-2.0
"""Windows programs, made byte by byte: one section that holds whatever a test puts into it."""
import struct

HEADER_AT = 0x80
SECTION_RVA = 0x1000
SECTION_AT = 0x400
ALIGNMENT = 0x200


class Program:
    """What put() appends lies in the one section; directories and header numbers may be set before
    make() is called. `directories` maps an index to (rva, size)."""

    def __init__(self, is64=False, **header):
        self.is64 = is64
        self.header = {
            "machine": 0x8664 if is64 else 0x14C, "timestamp": 0x5F000000, "symbols": 0, "symbol_count": 0,
            "characteristics": 0x0102, "entry": SECTION_RVA, "image_base": 0x140000000 if is64 else 0x400000,
            "file_alignment": ALIGNMENT, "checksum": 0x12345, "subsystem": 3, "dll_characteristics": 0x8160,
            "directory_count": 16, "section_name": b".all", "optional_size": None, "image_size": 0x100000,
            "sections": None, "section_count": None, "lfanew": HEADER_AT, "stub": b"",
        }
        self.header.update(header)
        self.directories = {}
        self.data = bytearray(b"\xC3" + b"\0" * 15)
        self.overlay = b""

    def put(self, data, align=4):
        """Appends and returns the address."""
        self.data += b"\0" * (-len(self.data) % align)
        rva = SECTION_RVA + len(self.data)
        self.data += data
        return rva

    def text(self, text):
        return self.put(text + b"\0", 2)

    def here(self, align=4):
        self.data += b"\0" * (-len(self.data) % align)
        return SECTION_RVA + len(self.data)

    def optional_header(self):
        h = self.header
        word = "Q" if self.is64 else "I"
        out = struct.pack("<HBBIIIII", 0x20B if self.is64 else 0x10B, 14, 2, 0x200, 0x300, 0x400, h["entry"],
                          SECTION_RVA)
        out += b"" if self.is64 else struct.pack("<I", 0x2000)
        out += struct.pack("<" + word + "IIHHHHHHIIIIHH", h["image_base"], 0x1000, h["file_alignment"], 6, 1, 7,
                           2, 5, 3, 0x11, h["image_size"], SECTION_AT, h["checksum"], h["subsystem"],
                           h["dll_characteristics"])
        out += struct.pack("<" + 4 * word + "II", 0x100000, 0x1000, 0x200000, 0x2000, 0x77, h["directory_count"])
        for i in range(16):
            out += struct.pack("<II", *self.directories.get(i, (0, 0)))
        return out

    def section_table(self):
        size = len(self.data) + -len(self.data) % ALIGNMENT
        if self.header["sections"] is not None:
            return b"".join(self.header["sections"])
        return section(self.header["section_name"], size, SECTION_RVA, size, SECTION_AT)

    def make(self):
        h = self.header
        sections = self.section_table()
        count = len(sections) // 40 if h["section_count"] is None else h["section_count"]
        optional = self.optional_header()
        size = len(optional) if h["optional_size"] is None else h["optional_size"]
        out = bytearray(b"MZ" + b"\0" * 58 + struct.pack("<I", h["lfanew"]))
        out += h["stub"]
        out += b"\0" * (h["lfanew"] - len(out))
        out += b"PE\0\0" + struct.pack("<HHIIIHH", h["machine"], count, h["timestamp"], h["symbols"],
                                       h["symbol_count"], size, h["characteristics"])
        out += optional + sections
        out += b"\0" * (SECTION_AT - len(out))
        out += self.data + b"\0" * (-len(self.data) % ALIGNMENT)
        return bytes(out + self.overlay)


def section(name, virtual_size, rva, raw_size, raw_offset, characteristics=0x60000020, relocations=0, lines=0,
            relocation_count=0, line_count=0):
    return name.ljust(8, b"\0")[:8] + struct.pack("<IIIIIIHHI", virtual_size, rva, raw_size, raw_offset,
                                                   relocations, lines, relocation_count, line_count,
                                                   characteristics)


def add_imports(program, libraries, by_address_table=False):
    """libraries: [(name, [function or ordinal or raw word, ...])]: bytes, int, or ("raw", word)."""
    width, flag = ("<Q", 1 << 63) if program.is64 else ("<I", 1 << 31)
    descriptors = b""
    for name, functions in libraries:
        words = []
        for function in functions:
            if isinstance(function, bytes):
                words.append(program.put(b"\x07\0" + function + b"\0", 2))
            elif isinstance(function, int):
                words.append(flag | function)
            else:
                words.append(function[1])
        table = b"".join(struct.pack(width, word) for word in words + [0])
        names = 0 if by_address_table else program.put(table, 8)
        addresses = program.put(table, 8)
        descriptors += struct.pack("<IIIII", names, 0, 0, program.text(name), addresses)
    program.directories[1] = (program.put(descriptors + b"\0" * 20), len(descriptors) + 20)


def add_delayed(program, libraries, absolute=False):
    width, flag = ("<Q", 1 << 63) if program.is64 else ("<I", 1 << 31)
    base = program.header["image_base"] if absolute else 0
    start = 0 if program.is64 else base
    descriptors = b""
    for name, functions in libraries:
        words = []
        for function in functions:
            words.append(base + program.put(b"\x07\0" + function + b"\0", 2) if isinstance(function, bytes)
                         else flag | function if isinstance(function, int) else function[1])
        names = program.put(b"".join(struct.pack(width, word) for word in words + [0]), 8)
        addresses = program.put(b"".join(struct.pack(width, 0x401000 + 8 * i) for i in range(len(words))) +
                                struct.pack(width, 0), 8)
        library = program.text(name)
        module = program.put(b"\0" * 8)
        descriptors += struct.pack("<IIIIIIII", 0 if absolute else 1, start + library, start + module,
                                   start + addresses, start + names, 0, 0, 0)
    program.directories[13] = (program.put(descriptors + b"\0" * 32), len(descriptors) + 32)


def add_exports(program, name, functions, names, base=1, extra=b""):
    """functions: addresses, or bytes for a forward; names: [(name, index of its function)]."""
    rva = program.here() + 40
    directory_rva = program.put(b"\0" * 40)
    assert directory_rva + 40 == rva
    table = [program.text(f) if isinstance(f, bytes) else f for f in functions]
    name_rva = program.text(name) if name is not None else 0
    name_table = program.put(b"".join(struct.pack("<I", program.text(n)) for n, _ in names))
    ordinals = program.put(b"".join(struct.pack("<H", i) for _, i in names) +
                           b"\xFF" * 2 * max(0, len(functions) - len(names)))
    addresses = program.put(b"".join(struct.pack("<I", f) for f in table))
    end = program.put(extra)
    at = directory_rva - SECTION_RVA
    program.data[at:at + 40] = struct.pack("<IIHHIIIIIII", 0, 0x11223344, 1, 2, name_rva, base, len(functions),
                                           len(names), addresses, name_table, ordinals)
    program.directories[0] = (directory_rva, end - directory_rva)


def add_resources(program, tree, timestamp=0x1234, version=(4, 2)):
    """tree: nested lists of (number or text, list or bytes or None); bytes are a leaf's data, None is an
    entry that points nowhere."""
    base = program.here(16)
    blocks = bytearray()

    def directory(entries):
        at = len(blocks)
        named = [e for e in entries if isinstance(e[0], str)]
        numbered = [e for e in entries if not isinstance(e[0], str)]
        blocks.extend(struct.pack("<IIHHHH", 0, timestamp, *version, len(named), len(numbered)))
        slot = len(blocks)
        blocks.extend(b"\0" * 8 * len(entries))
        for key, content in named + numbered:
            word = key
            if isinstance(key, str):
                word = 0x80000000 | len(blocks)
                blocks.extend(struct.pack("<H", len(key)) + key.encode("utf-16-le"))
                blocks.extend(b"\0" * (-len(blocks) % 4))
            if content is None:
                target = 0
            elif isinstance(content, bytes):
                target = len(blocks)
                leaves.append((target, content))
                blocks.extend(b"\0" * 16)
            else:
                target = 0x80000000 | directory(content)
            blocks[slot:slot + 8] = struct.pack("<II", word, target)
            slot += 8
        return at

    leaves = []
    directory(tree)
    data_at = base + len(blocks) + -len(blocks) % 4
    for target, content in leaves:
        blocks[target:target + 16] = struct.pack("<IIII", data_at, len(content), 0, 0)
        data_at += len(content) + -len(content) % 4
    blocks.extend(b"\0" * (-len(blocks) % 4))
    for _, content in leaves:
        blocks.extend(content + b"\0" * (-len(content) % 4))
    assert program.put(bytes(blocks), 16) == base
    program.directories[2] = (base, len(blocks))
    return base


def block(name, content, value_len=0, kind=1, length=None):
    """A block of a version resource: length, length of the value, type, name, padding, content."""
    out = struct.pack("<HH", value_len, kind) + name.encode("utf-16-le") + b"\0\0"
    out += b"\0" * (-(len(out) + 2) % 4) + content
    return struct.pack("<H", len(out) + 2 if length is None else length) + out


def padded(data):
    return data + b"\0" * (-len(data) % 4)


def version_resource(strings, var_first=True):
    table = b"".join(padded(block(k, v.encode("utf-16-le") + b"\0\0" if v is not None else b"",
                                  len(v) + 1 if v else 0)) for k, v in strings)
    info = padded(block("StringFileInfo", padded(block("040904b0", table))))
    var = padded(block("VarFileInfo", block("Translation", b"\x09\x04\xb0\x04", 4, 0), kind=1))
    fixed = struct.pack("<II", 0xFEEF04BD, 0x10000) + b"\0" * 44
    return block("VS_VERSION_INFO", fixed + (var + info if var_first else info), 52, 0)


def rich(entries, key=0x11223344, junk=b""):
    """The stub's hidden list of tools: [(tool << 16 | version, uses)]."""
    words = [0x536E6144, 0, 0, 0]
    for entry in entries:
        words += entry
    out = b"".join(struct.pack("<I", word ^ key) for word in words)
    return junk + out + b"Rich" + struct.pack("<I", key)


def codeview(kind, path):
    head = {b"RSDS": 24, b"NB10": 16, b"MTOC": 20}[kind]
    return kind + b"\x11" * (head - 4) + path


def add_debug(program, entries):
    """entries: [(type, rva, raw offset)]."""
    table = b"".join(struct.pack("<IIHHIIII", 0, 0, 0, 0, kind, 100, rva, raw) for kind, rva, raw in entries)
    program.directories[6] = (program.put(table), len(table))


def add_everything(program):
    add_exports(program, b"all.dll", [0x1000, b"x.y"], [(b"A", 0), (b"B", 1)])
    add_imports(program, [(b"KERNEL32.dll", [b"ExitProcess", 3]), (b"ws2_32.dll", [1, 2])])
    add_delayed(program, [(b"late.dll", [b"Late", 4])])
    add_resources(program, [(16, [(1, [(0x409, version_resource([("k", "v"), ("l", "w")]))])]),
                            ("T", [("N", [(0x407, b"data")])])])
    add_debug(program, [(2, program.put(codeview(b"RSDS", b"a.pdb\0")), 0)])
    program.header["stub"] = rich([(0x00950001, 3), (0x00930002, 4)], junk=b"stub" * 4)
    program.header["lfanew"] = 0x100
    program.overlay = b"behind"


def everything(is64=False):
    """A program with one of everything but a signature."""
    program = Program(is64)
    add_everything(program)
    return program.make()
