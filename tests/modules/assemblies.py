# SPDX-License-Identifier: Apache-2.0
""".NET assemblies, made row by row: heaps and tables of CLI metadata (ECMA-335 II.22, II.24) in a
Windows program."""
import struct

from pe_files import Program, SECTION_AT, SECTION_RVA

(MODULE, TYPE_REF, TYPE_DEF, FIELD, METHOD, PARAM, INTERFACE, MEMBER_REF, CONSTANT, ATTRIBUTE, MODULE_REF,
 TYPE_SPEC, FIELD_RVA, ASSEMBLY, ASSEMBLY_REF, RESOURCE, NESTED, GENERIC) = (
     0, 1, 2, 4, 6, 8, 9, 10, 11, 12, 0x1A, 0x1B, 0x1D, 0x20, 0x23, 0x28, 0x29, 0x2A)

# s, b, g: an index into strings, blobs, GUIDs; x: into a table that is small; H, I: a number.
COLUMNS = {
    MODULE: "Hsggg", TYPE_REF: "xss", TYPE_DEF: "Issxxx", FIELD: "Hsb", METHOD: "IHHsbx", PARAM: "HHs",
    INTERFACE: "xx", MEMBER_REF: "xsb", CONSTANT: "Hxb", ATTRIBUTE: "xxb", MODULE_REF: "s", TYPE_SPEC: "b",
    FIELD_RVA: "Ix", ASSEMBLY: "IHHHHIbss", ASSEMBLY_REF: "HHHHIbssb", RESOURCE: "IIsx", NESTED: "xx",
    GENERIC: "HHxs",
}


def compressed(value):
    """A compressed integer (II.23.2)."""
    if value < 0x80:
        return bytes([value])
    if value < 0x4000:
        return struct.pack(">H", 0x8000 | value)
    return struct.pack(">I", 0xC0000000 | value)


def coded(table_bits, tag, row):
    return row << table_bits | tag


class Assembly:
    """Rows are tuples; where a column is an index into a heap, they have the text or the bytes."""

    def __init__(self, wide=0, extra=False):
        self.wide = wide  # bits of HeapSizes
        self.extra = extra
        self.strings = bytearray(b"\0")
        self.blobs = bytearray(b"\0")
        self.guids = b""
        self.user_strings = bytearray(b"\0")
        self.rows = {}
        self.row_counts = {}  # lies about the number of rows
        self.resources = b""
        self.streams = ["#~", "#Strings", "#US", "#GUID", "#Blob"]
        self.version = b"v4.0.30319\0\0"

    def string(self, text):
        if isinstance(text, int):
            return text
        text = text.encode() + b"\0"
        at = self.strings.find(b"\0" + text)
        if at >= 0:
            return at + 1
        self.strings += text
        return len(self.strings) - len(text)

    def blob(self, data):
        if isinstance(data, int):
            return data
        if not data:
            return 0
        at = len(self.blobs)
        self.blobs += compressed(len(data)) + data
        return at

    def user_string(self, text):
        data = text.encode("utf-16-le") + b"\0"
        self.user_strings += compressed(len(data)) + data

    def add(self, table, *row):
        """Returns the row's number."""
        self.rows.setdefault(table, []).append(row)
        return len(self.rows[table])

    def cell(self, kind, value):
        if kind == "s":
            return struct.pack("<I" if self.wide & 1 else "<H", self.string(value))
        if kind == "b":
            return struct.pack("<I" if self.wide & 4 else "<H", self.blob(value))
        if kind == "g":
            return struct.pack("<I" if self.wide & 2 else "<H", value)
        return struct.pack("<I" if kind == "I" else "<H", value)

    def tables(self):
        numbers = sorted(self.rows)
        out = struct.pack("<IBBBBQQ", 0, 2, 0, self.wide | (0x40 if self.extra else 0), 1,
                          sum(1 << n for n in numbers), 0)
        out += b"".join(struct.pack("<I", self.row_counts.get(n, len(self.rows[n]))) for n in numbers)
        out += b"\xEE" * (4 if self.extra else 0)
        for number in numbers:
            for row in self.rows[number]:
                out += b"".join(self.cell(*cell) for cell in zip(COLUMNS[number], row, strict=True))
        return out

    def metadata(self):
        tables = self.tables()  # fills the heaps
        heaps = {"#~": tables, "#-": tables, "#Strings": bytes(self.strings), "#US": bytes(self.user_strings),
                 "#GUID": self.guids, "#Blob": bytes(self.blobs)}
        head = struct.pack("<IHHII", 0x424A5342, 1, 1, 0, len(self.version)) + self.version
        head += struct.pack("<HH", 0, len(self.streams))
        names = [name.encode() + b"\0" * (4 - len(name) % 4) for name in self.streams]
        at = len(head) + sum(8 + len(name) for name in names)
        body = b""
        for name, padded in zip(self.streams, names):
            data = heaps.get(name, b"")
            head += struct.pack("<II", at + len(body), len(data)) + padded
            body += data + b"\0" * (-len(data) % 4)
        return head + body + b"\0" * 32  # a name is looked for in 32 bytes

    def make(self, program=None):
        program = program or Program(characteristics=0x2102)
        resources = program.put(self.resources) if self.resources else 0
        metadata = self.metadata()
        root = program.put(metadata)
        header = struct.pack("<IHHIIIIII", 72, 2, 5, root, len(metadata), 1, 0, resources, len(self.resources))
        program.directories[14] = (program.put(header + b"\0" * (72 - len(header))), 72)
        return program.make()


def file_offset(rva):
    return rva - SECTION_RVA + SECTION_AT


# ---- an assembly with one of everything ---------------------------------------------------------

DEF, REF, SPEC = 0, 1, 2
VOID, BOOL, INT, STRING, OBJECT = b"\x01", b"\x02", b"\x08", b"\x0E", b"\x1C"
INSTANCE, GENERIC_INSTANCE = b"\x20", b"\x30"


def class_of(table, row):
    return b"\x12" + compressed(coded(2, table, row))


def method(parameters, *types, convention=INSTANCE):
    return convention + compressed(parameters) + b"".join(types)


def add_types(a):
    list_ref = 2
    a.add(TYPE_REF, 6, "Object", "System")
    a.add(TYPE_REF, 6, "List`1", "System.Collections.Generic")
    a.add(TYPE_REF, 6, "GuidAttribute", "System.Runtime.InteropServices")
    a.add(TYPE_REF, 6, "IDisposable", "System")
    a.add(TYPE_REF, 6, "Lonely", "")
    list_of_t = b"\x15" + class_of(REF, list_ref) + b"\x01\x13\x00"
    spec = a.add(TYPE_SPEC, list_of_t)
    loop = len(a.rows[TYPE_SPEC]) + 1
    a.add(TYPE_SPEC, b"\x1D" + class_of(SPEC, loop))  # an array of itself
    methods = [
        # name, flags, signature, first parameter, generic parameters
        (".ctor", 0x1886, method(0, VOID), 1, []),
        ("Get", 0x00C6, method(0, b"\x13\x00"), 1, []),
        ("Map", 0x0016, b"\x10\x01" + compressed(2) + b"\x1E\x00" + list_of_t + INT, 1, ["U"]),
        ("Arrays", 0x0001, method(3, b"\x1D\x1D" + STRING, b"\x14" + INT + b"\x02\x01\x03\x01\x02",
                                  b"\x14" + INT + b"\x03\x02\x05\x07\x02\x7B\x00", b"\x14" + STRING + b"\x02\0\0"),
         3, []),
        ("Pointers", 0x0462, method(3, b"\x0F" + VOID, b"\x10" + STRING, b"\x1B\x00\x02" + VOID + INT + BOOL,
                                    b"\x1F\x05\x18"), 3, []),
        ("Numbers", 0x0013, method(13, *[bytes([t]) for t in (3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 0x16, 0x18, 0x19,
                                                              0x1C)]), 9, []),
        ("Inside", 0x0005, method(1, class_of(DEF, 4), class_of(SPEC, spec)), 9, []),
        ("Round", 0x0006, method(0, class_of(SPEC, loop)), 1, []),  # too deep: left out
        ("Unknown", 0x0006, method(1, VOID, b"\x21"), 1, []),       # so is this
        ("NoRows", 0x0006, method(1, VOID, INT), 0, []),
        ("", 0x0006, method(0, VOID), 1, []),
        ("Last", 0x0006, method(1, OBJECT, b"\x15" + class_of(REF, 5) + b"\x03" + INT + b"\x21" + INT), 1, []),
    ]
    public, nested_public, nested_private, nested_family = 0x1, 0x2, 0x3, 0x4
    box = coded(2, REF, 1)
    a.add(TYPE_DEF, 0, "<Module>", "", 0, 1, 1)
    a.add(TYPE_DEF, public | 0x100, "Box`1", "Sample.Things", box, 1, 1)
    a.add(TYPE_DEF, nested_public | 0x80, "Inner", "", coded(2, SPEC, spec), 1, 8)
    a.add(TYPE_DEF, nested_private, "Deep", "", box, 1, 10)
    a.add(TYPE_DEF, 0xA0, "IThing", "Sample", 0, 1, 10)
    a.add(TYPE_DEF, public, "", "Sample", box, 1, 12)
    a.add(TYPE_DEF, nested_family, "Orphan", "", box, 1, 12)
    a.add(TYPE_DEF, 0, "Plain", "", box, 1, 12)
    a.add(NESTED, 3, 2)
    a.add(NESTED, 4, 3)
    a.add(INTERFACE, 2, coded(2, REF, 4))
    a.add(INTERFACE, 8, coded(2, DEF, 5))
    a.add(INTERFACE, 2, coded(2, SPEC, spec))
    a.add(GENERIC, 0, 0, coded(1, 0, 2), "T")
    for number, (name, flags, signature, first, generics) in enumerate(methods, 1):
        a.add(METHOD, 0, 0, flags, name, signature, first)
        for i, generic in enumerate(generics):
            a.add(GENERIC, i, 0, coded(1, 1, number), generic)
    for i, name in enumerate(("items", "index", "first", "second", "third")):
        a.add(PARAM, 0, i + 1, name)


def sample(wide=0, extra=False):
    a = Assembly(wide, extra)
    a.guids = bytes(range(1, 17)) + bytes(range(0xA0, 0xB0)) + b"tail"
    a.add(MODULE, 0, "sample.dll", 1, 0, 0)
    add_types(a)
    a.add(MEMBER_REF, coded(3, 1, 3), ".ctor", method(1, VOID, STRING))
    a.add(MEMBER_REF, coded(3, 1, 1), ".ctor", method(0, VOID))
    a.add(CONSTANT, 0x0E, 4, "constant".encode("utf-16-le"))
    a.add(CONSTANT, 0x08, 8, struct.pack("<I", 7))
    a.add(CONSTANT, 0x0E, 12, "other".encode("utf-16-le"))
    guid = b"01234567-89ab-cdef-0123-456789abcdef"
    a.add(ATTRIBUTE, coded(5, 0x0E, 1), coded(3, 3, 2), b"\x01\0\x04nope\0\0")
    a.add(ATTRIBUTE, coded(5, 0x0E, 1), coded(3, 3, 1), b"\x01\0" + bytes([len(guid)]) + guid + b"\0\0")
    a.add(ATTRIBUTE, coded(5, 0x07, 1), coded(3, 3, 1), b"\x01\0\x03bad\0\0")
    a.add(MODULE_REF, "kernel32.dll")
    a.add(MODULE_REF, 0xFFF0)
    a.add(MODULE_REF, "user32")
    a.add(FIELD_RVA, SECTION_RVA + 4, 1)
    a.add(FIELD_RVA, 0x70000000, 2)
    a.add(FIELD_RVA, SECTION_RVA + 8, 3)
    a.add(ASSEMBLY, 0x8004, 1, 2, 3, 4, 0, b"", "sample", "en-GB")
    a.add(ASSEMBLY_REF, 4, 0, 0, 0, 0, b"\xB7\x7A\x5C\x56\x19\x34\xE0\x89", "mscorlib", "", b"")
    a.add(ASSEMBLY_REF, 65535, 1, 22, 333, 0, b"", "keyless", "", b"")
    a.add(ASSEMBLY_REF, 5, 0, 0, 0, 0, 0xFFF0, "wild", "", b"")
    a.resources = struct.pack("<I", 5) + b"bytes\0\0\0" + struct.pack("<I", 2) + b"hi"
    a.add(RESOURCE, 0, 1, "first.resources", 0)
    a.add(RESOURCE, 0, 1, "in.another.file", 5)
    a.add(RESOURCE, 12, 1, "second.resources", 0)
    for text in ("hello", "", "w\u00f6rld", "x" * 200, "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16")):
        a.user_string(text)
    return a


def bomb(depth, classes):
    """Type specifications of which each names the next 60 times, and classes of which every other
    one owns all methods."""
    a = Assembly(wide=4)
    a.add(MODULE, 0, "m", 0, 0, 0)
    a.add(TYPE_REF, 0, "G", "")
    for i in range(1, depth):
        a.add(TYPE_SPEC, b"\x15" + class_of(REF, 1) + compressed(60) + class_of(SPEC, i + 1) * 60)
    a.add(TYPE_SPEC, b"\x15" + class_of(REF, 1) + compressed(999))
    for i in range(classes):
        a.add(TYPE_DEF, 1, "C", "", coded(2, SPEC, 1), 1, 1 if i % 2 == 0 else classes)
        a.add(METHOD, 0, 0, 6, "M", method(0, VOID), 1)
    return a
