# SPDX-License-Identifier: Apache-2.0
"""ELF, Mach-O and DEX files, made field by field, and damaged copies of them."""
import random
import struct

# ---- ELF ------------------------------------------------------------------------------------------

SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_NOBITS, SHT_DYNSYM = 1, 2, 3, 8, 11


class Elf:
    """An ELF file of 32 or 64 bits in either byte order. Symbols are (name, info, other, section)."""

    def __init__(self, is64, big, kind, symbols, dynamic_symbols, padding=0):
        self.is64, self.order, self.kind = is64, ">" if big else "<", kind
        self.data = bytearray(64 if is64 else 52) + bytes(padding)
        self.sections = [(b"", 0, 0, 0, 0, 0, 0)]
        self.segments = []
        text = self.add(b".text", SHT_PROGBITS, b"\xc3" * 32, flags=6, address=0x400000)
        self.add(b".bss", SHT_NOBITS, b"", flags=3, address=0x600000, size=0x1000)
        self.add_symbols(b".symtab", SHT_SYMTAB, b".strtab", symbols)
        if dynamic_symbols:
            self.add_symbols(b".dynsym", SHT_DYNSYM, b".dynstr", dynamic_symbols)
        self.segments.append((1, 5, text, 0x400000, 32, 0x1000))
        dynamic = self.put(b"".join(self.wide(tag) + self.wide(value)
                                    for tag, value in [(1, 1), (5, 0x400100), (10, 99), (0, 0), (1, 2)]))
        self.segments.append((2, 6, dynamic, 0x400200, 16, 16))

    def pack(self, letters, *values):
        return struct.pack(self.order + letters, *values)

    def wide(self, value):
        return self.pack("Q" if self.is64 else "I", value)

    def put(self, data):
        self.data += bytes(-len(self.data) % 8)
        self.data += data
        return len(self.data) - len(data)

    def add(self, name, kind, data, flags=0, address=0, size=None, link=0):
        at = self.put(data)
        self.sections.append((name, kind, flags, address, at, len(data) if size is None else size, link))
        return at

    def add_symbols(self, name, kind, strings_name, symbols):
        strings, table = bytearray(b"\0"), b""
        for text, info, other, section in symbols:
            at = len(strings) if text else 0
            strings += text + b"\0" if text else b""
            table += (self.pack("IBBHQQ", at, info, other, section, 0x400010, 7) if self.is64
                      else self.pack("IIIBBH", at, 0x400010, 7, info, other, section))
        self.add(name, kind, table, link=len(self.sections) + 1)
        self.add(strings_name, SHT_STRTAB, bytes(strings))

    def make(self, entry=0x400004):
        names = bytearray(b"\0")
        offsets = {}
        for name in [section[0] for section in self.sections] + [b".shstrtab"]:
            offsets[name] = len(names) if name else 0
            names += name + b"\0" if name else b""
        self.add(b".shstrtab", SHT_STRTAB, bytes(names))
        section_table = self.put(b"".join(self.section(offsets, *s) for s in self.sections))
        segment_table = self.put(b"".join(self.segment(*s) for s in self.segments))
        head = b"\x7fELF" + bytes([2 if self.is64 else 1, 1 if self.order == "<" else 2, 1]) + bytes(9)
        head += self.pack("HHI", self.kind, 8, 1) + self.wide(entry)
        head += self.wide(segment_table) + self.wide(section_table)
        head += self.pack("IHHHHHH", 0, 64 if self.is64 else 52, 56 if self.is64 else 32, len(self.segments),
                          64 if self.is64 else 40, len(self.sections), len(self.sections) - 1)
        self.data[:len(head)] = head
        return bytes(self.data)

    def section(self, offsets, name, kind, flags, address, offset, size, link):
        return (self.pack("II", offsets[name], kind) + self.wide(flags) + self.wide(address) +
                self.wide(offset) + self.wide(size) + self.pack("II", link, 0) + self.wide(8) + self.wide(0))

    def segment(self, kind, flags, offset, address, file_size, memory_size):
        if self.is64:
            return self.pack("IIQQQQQQ", kind, flags, offset, address, address, file_size, memory_size, 8)
        return self.pack("IIIIIIII", kind, offset, address, address, file_size, memory_size, flags, 8)


def symbol(name, kind=2, bind=1, other=0, section=0):
    return name, bind << 4 | kind, other, section


def elf_files():
    """Every class, byte order and kind of file; with and without dynamic symbols."""
    symbols = [symbol(b"", 0, 0), symbol(b"local_one", 1, 0, 0, 1), symbol(b"Main_Loop", other=2, section=1),
               symbol(b"fopen"), symbol(b"a_long_name_for_a_function", other=3)]
    for is64 in (False, True):
        for big in (False, True):
            for kind in (1, 2, 3):
                yield Elf(is64, big, kind, symbols, []).make()
                yield Elf(is64, big, kind, symbols, symbols[2:], padding=4096).make(0x400FFF)
    for entry in (0xFFFFFFF8, 8):  # in a segment that wraps round the end of memory
        elf = Elf(False, False, 2, symbols, [])
        elf.segments = [(1, 5, 0x40, 0xFFFFFFF0, 32, 0x20), (2, 6, 0x7FFFFFFF, 0, 16, 16)]
        yield elf.make(entry)


# ---- Mach-O ---------------------------------------------------------------------------------------

# cputype: (bytes of registers, where the program counter is, its width)
MACHINES = {6: (72, 68, 4), 13: (136, 124, 4), 14: (76, 4, 4), 18: (160, 0, 4), 7: (64, 40, 4), 12: (68, 60, 4),
            0x01000007: (168, 128, 8), 0x0100000C: (272, 256, 8), 0x01000012: (304, 0, 8)}


def macho(big, is64, cputype, start="main", entry=0x1010, subtype=3):
    """A program with two segments. start: "main", "thread", or "" for a library."""
    order = ">" if big else "<"

    def pack(letters, *values):
        return struct.pack(order + letters, *values)

    def segment(name, address, offset, sections):
        wide = "Q" if is64 else "I"
        size = (72 if is64 else 56) + len(sections) * (80 if is64 else 68)
        out = pack(f"II16s{wide * 4}IIII", 0x19 if is64 else 1, size, name, address, 0x1000, offset, 0x800, 7, 5,
                   len(sections), 4)
        for number, section in enumerate(sections):
            out += pack(f"16s16s{wide * 2}IIIIIII", section, name, address + 16 * number, 16, offset + number, 4, 0,
                        number, 0x80000400, 1, 2) + (pack("I", 3) if is64 else b"")
        return out

    commands = [segment(b"__TEXT", 0x1000, 0x100, [b"__text", b"__exactly_16_chr"]),
                pack("II8s", 0x1B, 16, b"12345678"), segment(b"__LINKEDIT", 0x2000, 0x900, [])]
    if start == "main":
        commands.append(pack("IIQQ", 0x80000028, 24, entry, 0x80000))
    if start == "thread":
        size, at, width = MACHINES[cputype]
        registers = bytes(at) + pack("Q" if width == 8 else "I", entry)
        commands.append(pack("IIII", 5, 16 + size, 1, size // 4) + registers.ljust(size, b"\0"))
    body = b"".join(commands)
    magic = 0xFEEDFACF if is64 else 0xFEEDFACE
    head = pack("IIIIIII", magic, cputype, subtype, 2, len(commands), len(body), 0x200085)
    return (head + (pack("I", 9) if is64 else b"") + body).ljust(0x1200, b"\x90")


def universal(programs, wide=False):
    """programs: (cputype, cpusubtype, bytes)."""
    head = struct.pack(">II", 0xCAFEBABF if wide else 0xCAFEBABE, len(programs))
    at, table, body = 0x1000, b"", b""
    for cputype, subtype, program in programs:
        table += struct.pack(">IIQQII" if wide else ">IIIII", cputype, subtype, at + len(body), len(program), 12,
                             *([7] if wide else []))
        body += program
    return (head + table).ljust(at, b"\0") + body


def macho_files():
    for cputype, (_, _, width) in MACHINES.items():
        for big in (False, True):
            yield macho(big, width == 8, cputype, "thread")
    for is64 in (False, True):
        for start in ("main", ""):
            yield macho(False, is64, 7, start)
            yield macho(True, is64, 18, start)
    for wide in (False, True):
        yield universal_file(wide)
    yield universal([])


def universal_file(wide=False):
    """Three programs, one of which does not start anywhere, and one entry that leaves the file."""
    file = universal([(7, 3, macho(False, False, 7)), (0x01000007, 3, macho(False, True, 0x01000007, "thread")),
                      (0x0100000C, 0, macho(False, True, 0x0100000C, ""))], wide)
    count, size = struct.unpack(">I", file[4:8])[0], 32 if wide else 20
    entry = struct.pack(">IIQQII" if wide else ">IIIII", 12, 9, len(file) - 8, 64, 2, *([0] if wide else []))
    at = 8 + count * size
    return file[:4] + struct.pack(">I", count + 1) + file[8:at] + entry + file[at + size:]


# ---- DEX ------------------------------------------------------------------------------------------

def uleb(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def dex(version=b"035", long_name=0, with_map=True):
    """Two classes with content and one without; fields, methods with and without code."""
    strings = [b"<init>", b"I", b"La/B;", b"La/C;", b"V", b"VI", b"count", b"run", b"total" + b"x" * long_name]
    types = [1, 2, 3, 4]
    prototypes = [(4, 3, 0), (5, 3, 0)]
    fields = [(1, 0, 6), (1, 0, 8), (2, 0, 6)]
    methods = [(1, 0, 0), (1, 1, 7), (2, 0, 7)]
    data = bytearray()
    base = 112 + 4 * len(strings) + 4 * len(types) + 12 * len(prototypes) + 8 * len(fields) + 8 * len(methods) + 96

    def put(content, align=1):
        data.extend(bytes(-(base + len(data)) % align))
        data.extend(content)
        return base + len(data) - len(content)

    texts = [put(uleb(len(text)) + text + b"\0") for text in strings]
    code = put(struct.pack("<HHHHII", 3, 1, 0, 0, 77, 3) + b"\x12\x00\x0e\x00\x00\x00", 4)
    first = put(uleb(1) + uleb(1) + uleb(1) + uleb(1) + uleb(0) + uleb(9) + uleb(1) + uleb(2) +
                uleb(0) + uleb(0x10001) + uleb(code) + uleb(1) + uleb(1) + uleb(0))
    second = put(uleb(0) + uleb(1) + uleb(0) + uleb(1) + uleb(2) + uleb(4) + uleb(2) + uleb(0x400) + uleb(0))
    items = [(0, 1, 0), (1, len(strings), 112), (0x2000, 2, first)]
    at = put(struct.pack("<I", len(items)) + b"".join(struct.pack("<HHII", kind, 0, size, offset)
                                                      for kind, size, offset in items), 4)
    put(bytes(16))
    tables, body, place = [], b"", 112
    for entries, letters in [([(t,) for t in texts], "I"), ([(t,) for t in types], "I"), (prototypes, "III"),
                             (fields, "HHI"), (methods, "HHI"),
                             ([(1, 1, 2, 0, 8, 0, first, 0), (2, 0x601, 0xFFFFFFFF, 0, 0xFFFFFFFF, 0, 0, 5),
                               (2, 1, 1, 0, 8, 0, second, 0)], "IIIIIIII")]:
        tables += [len(entries), place]
        body += b"".join(struct.pack("<" + letters, *entry) for entry in entries)
        place = 112 + len(body)
    size = 112 + len(body) + len(data)
    head = b"dex\n" + version + b"\0" + struct.pack("<I", 0x1234) + b"signature" + bytes(11)
    head += struct.pack("<IIIIII", size, 112, 0x12345678, 0, 0, at if with_map else 0)
    return head + struct.pack("<14I", *tables, len(data), base) + body + bytes(data)


def dex_files():
    for version in (b"035", b"036", b"037", b"038", b"039", b"040"):
        yield dex(version)
    yield dex(long_name=200)
    yield dex(with_map=False)
    yield dex()[:112]


# ---- damage ---------------------------------------------------------------------------------------

def damaged(files, count, span, seed):
    """Copies with a few numbers changed, most within the first `span` bytes, or cut short."""
    source = random.Random(seed)
    for _ in range(count):
        data = bytearray(source.choice(files))
        for _ in range(source.randint(1, 3)):
            limit = len(data) if source.random() < 0.3 else min(span, len(data))
            at = source.randrange(4, limit)
            kind = source.random()
            if kind < 0.4:
                data[at] = source.randrange(256)
            elif kind < 0.8:
                number = source.choice([0, 1, 255, 0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, len(data), len(data) - 4])
                data[at:at + 4] = struct.pack(source.choice("<>") + "I", number)
            else:
                data = data[:max(8, source.randrange(len(data)))]
        yield bytes(data)
