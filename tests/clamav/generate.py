# SPDX-License-Identifier: Apache-2.0
"""Random ClamAV signatures of every construct, and inputs that match them or nearly do.

All is inert: patterns over a few letters, programs without code. Bodies are lists of elements; each knows its text
in a signature and a sample of the bytes that it matches."""

import re
import struct

LETTERS = b"abcdef ABC\x00\xff.-\n"
HEAD = b"\x7f\0\0\0" * 16  # no text for clamscan, and of no format
FILLER = b"\x01\x02\x03\xfe\xfd"
BOUNDARY = {"W": b" .-\n\xff\x00", "B": b" /_-", "L": b"\n"}
EDGE = {"B": (b" <@_", b" \n\">"), "W": (b" \x00-", b" \xff\n"), "L": (b"\n", b"\n")}


def letters(dice, count):
    return bytes(dice.choice(LETTERS) for _ in range(count))


# ---- elements: (text, sample) --------------------------------------------------------------------

def literal(dice):
    value = letters(dice, dice.randrange(1, 4))
    text = value.hex()
    return (text.upper() if dice.random() < 0.2 else text), lambda: value


def anything(dice):
    count = dice.randrange(1, 4)
    text = "??" * count if dice.random() < 0.7 else "{%d}" % count
    return text, lambda: letters(dice, count)


def nibble(dice):
    value = letters(dice, 1)[0]
    if dice.random() < 0.5:
        return "%x?" % (value >> 4), lambda: bytes([value & 0xF0 | dice.randrange(16)])
    return "?%x" % (value & 15), lambda: bytes([value & 15 | dice.randrange(16) << 4])


def alternatives(dice):
    shape = dice.random()
    if shape < 0.4:
        values = [letters(dice, 1) for _ in range(dice.randrange(1, 4))]
    elif shape < 0.7:
        length = dice.randrange(2, 4)
        values = [letters(dice, length) for _ in range(dice.randrange(2, 4))]
    else:
        firsts = distinct(dice, dice.randrange(2, 4))
        values = [first + letters(dice, dice.randrange(2)) + last for first, last in zip(firsts, firsts[1:] + firsts)]
    return "(%s)" % "|".join(v.hex() for v in values), lambda: dice.choice(values)


def distinct(dice, count):
    """Bytes no two of which begin with the same digit. clamscan does not go back into an alternative in front of
    plain bytes when a shorter or a later one has matched: (65|6541)61626364."""
    first = {}
    while len(first) < count:
        value = letters(dice, 1)
        first.setdefault(value[0] >> 4, value)
    return list(first.values())


def mixed(dice):
    """Alternatives that hold wildcards, or other alternatives."""
    a, b, c = distinct(dice, 3)
    c += letters(dice, 1)
    shape = dice.randrange(3)
    if shape == 0:
        return "(%s??|%s)" % (a.hex(), c.hex() + b.hex()), lambda: dice.choice((a + letters(dice, 1), c + b))
    if shape == 1:
        return "((%s|%s)%s|%s)" % (a.hex(), b.hex(), b.hex(), c.hex()), lambda: dice.choice((a + b, b + b, c))
    return "(%x?|%s)" % (a[0] >> 4, (c + b).hex()), lambda: dice.choice((bytes([a[0] & 0xF0 | 3]), c + b))


def negation(dice):
    length = dice.choice((1, 1, 1, 2))
    values = [letters(dice, length) for _ in range(dice.randrange(1, 4))]
    return "!(%s)" % "|".join(v.hex() for v in values), lambda: letters(dice, length)


def boundary(dice):
    kind = dice.choice("WBL")
    if dice.random() < 0.25:
        return "!(%s)" % kind, lambda: letters(dice, 1)
    return "(%s)" % kind, lambda: bytes([dice.choice(BOUNDARY[kind])])


def edge(dice, kind, side):
    return "(%s)" % kind, lambda: bytes([dice.choice(EDGE[kind][side])])


def core(dice):
    """What each part has: three plain bytes in a row."""
    value = letters(dice, dice.randrange(3, 6))
    return value.hex(), lambda: value


INNER = (literal, literal, anything, nibble, alternatives, alternatives, mixed, negation, boundary)


def part(dice, plain, alone=True):
    """`alone`: it stands at no gap. A byte at a distance there is not counted by clamscan: it measures the gap from
    the bytes behind."""
    elements = [core(dice)]
    if not plain:
        for _ in range(dice.choice((0, 1, 1, 2, 3))):
            element = dice.choice(INNER)(dice)
            first = 1 if element[0].startswith("!(") and element[0][2] in "WBL" else 0
            elements.insert(dice.randrange(first, len(elements) + 1), element)
        if alone and dice.random() < 0.15 and not any("{" in text for text, _ in elements):
            elements = near_byte(dice, elements)
    return elements


def near_byte(dice, elements):
    """aa[x-y]bb: one byte at a distance, before or behind."""
    low = dice.randrange(0, 4)
    high = low + dice.randrange(0, 4)
    value = letters(dice, 1)
    gap = "[%d-%d]" % (low, high) if dice.random() < 0.8 or low != high else "[%d]" % low
    if dice.random() < 0.5:
        return [(value.hex() + gap, lambda: value + letters(dice, dice.randrange(low, high + 1)))] + elements
    return elements + [(gap + value.hex(), lambda: letters(dice, dice.randrange(low, high + 1)) + value)]


def gap(dice):
    low, more = dice.choice((0, 1, 2, 5)), dice.choice((0, 1, 3, 9))
    shape = dice.randrange(5)
    if shape == 0:
        return "*", lambda: letters(dice, dice.randrange(12))
    if shape == 1:
        return "{-%d}" % (low + more), lambda: letters(dice, dice.randrange(low + more + 2))
    if shape == 2:
        return "{%d-}" % low, lambda: letters(dice, max(0, low - 1) + dice.randrange(4))
    if shape == 3:
        return "{%d}" % (low + 127), lambda: letters(dice, low + 127 + dice.choice((0, 0, 1)))
    return "{%d-%d}" % (low, low + more), lambda: letters(dice, max(0, dice.randrange(low - 1, low + more + 2)))


class Body:
    """`parts`: how many at most; gaps stand between them. Of one, the bytes behind its start are one row."""

    def __init__(self, dice, plain=None, parts=3):
        self.dice = dice
        plain = dice.random() < 0.2 if plain is None else plain
        gaps = 0 if plain else min(parts - 1, dice.choice((0, 0, 0, 1, 1, 2)))
        self.elements = part(dice, plain, parts > 1 and not gaps)
        for _ in range(gaps):
            self.elements += [gap(dice)] + part(dice, dice.random() < 0.3, False)
        self.edges(dice, plain)

    def edges(self, dice, plain):
        plain = plain or "[" in self.text
        if not plain and dice.random() < 0.15:
            self.elements.insert(0, edge(dice, dice.choice("WBL"), 0))
        if not plain and dice.random() < 0.15:
            self.elements.append(edge(dice, dice.choice("WBL"), 1))

    @property
    def text(self):
        return "".join(text for text, _ in self.elements)

    def sample(self):
        return b"".join(sample() for _, sample in self.elements)

    def near(self):
        """A sample, often with a small fault."""
        value, dice = self.sample(), self.dice
        shape = dice.random()
        if shape < 0.55 or len(value) < 3:
            return value
        at = dice.randrange(len(value))
        if shape < 0.75:
            return value[:at] + letters(dice, 1) + value[at + 1:]
        if shape < 0.85:
            return value[:at] + value[at + 1:]
        if shape < 0.95:
            return value[:at] + letters(dice, 1) + value[at:]
        return value[:at]


def filler(dice, most=12):
    return bytes(dice.choice(FILLER + LETTERS) for _ in range(dice.randrange(most)))


# ---- .ndb ----------------------------------------------------------------------------------------

def plain_offset(dice, body):
    shape = dice.random()
    if shape < 0.6 or "[" in body.elements[0][0]:  # of aa[x-y]bb, clamscan wants bb to be there
        return "*"
    if shape < 0.75:
        return str(len(HEAD) + dice.randrange(40))
    if shape < 0.9:
        return "%d,%d" % (dice.randrange(0, 40) + len(HEAD), dice.randrange(0, 60))
    return "EOF-%d%s" % (dice.randrange(1, 40), dice.choice(("", ",%d" % dice.randrange(30))))


def ndb(dice, name):
    body = Body(dice)
    return "%s:0:%s:%s" % (name, plain_offset(dice, body), body.text), [body]


# ---- .ldb ----------------------------------------------------------------------------------------

def modifier(dice, block=""):
    """`block`: what it is behind, when that is not an id. Of blocks with modifiers in it, clamscan counts no ids."""
    if dice.random() < 0.65:
        return ""
    text = "%s%d" % (dice.choice("=><"), dice.choice((0, 1, 1, 2, 3)))
    plain = block and not re.search(r"\)[=<>]", block)
    return text + (",%d" % dice.randrange(1, 3) if plain and dice.random() < 0.3 else "")


def expression(dice, ids, depth=0):
    """Every id once, in random blocks."""
    if len(ids) == 1:
        return "%d%s" % (ids[0], modifier(dice))
    cut = dice.randrange(1, len(ids))
    left, right = (expression(dice, half, depth + 1) for half in (ids[:cut], ids[cut:]))
    text = left + dice.choice("&|") + right
    return "(%s)%s" % (text, modifier(dice, text)) if depth or dice.random() < 0.5 else text


def options(dice):
    text = "".join(letter for letter in "iwaf" if dice.random() < 0.25)
    return "::" + text if text else ""


class Subsignature:
    """A body with options: what is searched may be wide, or of other case."""

    def __init__(self, dice, parts):
        self.dice = dice
        self.options = options(dice)
        self.body = Body(dice, dice.random() < 0.5, parts)
        # No negation with options; (W)(L) is two bytes; folded, one alternative may begin another.
        if self.options and ("!(" in self.body.text or "f" in self.options or "?|" in self.body.text):
            self.body = Body(dice, plain=True)
        if "w" in self.options and "a" in self.options and "00" in self.body.text:  # one form in the other
            self.options = self.options.replace("a", "")
        where = plain_offset(dice, self.body) if dice.random() < 0.2 else "*"
        self.text = ("" if where == "*" else where + ":") + self.body.text + self.options

    def near(self):
        value = self.body.near()
        if "i" in self.options:
            value = bytes(byte ^ 0x20 if chr(byte).isalpha() and byte < 128 and self.dice.random() < 0.4 else byte
                          for byte in value)
        if "w" in self.options and self.dice.random() < 0.7:
            value = b"".join(bytes([byte, 0]) for byte in value)
        return value


REGEXES = ((r"ab+c", (b"abbbc", b"ac")), (r"[abc]{3}\d", (b"cab7", b"cabx")), (r"^\x7f", (b"\x01",)),
           (r"(?<!x)de[f-h]", (b"def", b"xdef")), (r"a.c;d", (b"a-c;d", b"a\nc;d")), (r"fe*d$", (b"feed",)))


class Pattern:
    """A PCRE subsignature behind a trigger."""

    def __init__(self, dice, earlier):
        self.dice = dice
        regex, self.samples = dice.choice(REGEXES)
        flags = "".join(letter for letter in "gismxUr" if dice.random() < 0.15)
        where = dice.choice(("", "", "", "70:", "60,30:"))
        trigger = "%d" % dice.choice(earlier)
        if len(earlier) > 1 and dice.random() < 0.3:
            trigger = dice.choice("&|").join("%d" % i for i in dice.sample(earlier, 2))
        if where and "," in where and dice.random() < 0.5:
            flags += "e"
        self.text = "%s%s/%s/%s" % (where, trigger, regex, flags)

    def near(self):
        return self.dice.choice(self.samples)


class Comparison:
    """A byte compare behind an id."""

    def __init__(self, dice, earlier):
        self.dice = dice
        direction = dice.choice((">>", ">>", "<<")) + str(dice.randrange(0, 8))
        kind = dice.choice("hdia")
        order = "b" if kind in "da" else dice.choice("lb")
        length = dice.choice((1, 2, 4, 8)) if kind == "i" else dice.randrange(3 if kind == "a" else 1, 6)
        test = "%s%s" % (dice.choice("<>="), dice.choice(("0", "1", "0x20", "97", "0x6162", "12")))
        exact = "e" if kind != "i" and dice.random() < 0.3 else ""
        self.text = "%d(%s#%s%s%s%d#%s)" % (dice.choice(earlier), direction, kind, order, exact, length, test)

    def near(self):
        return self.dice.choice((b"12", b"0x0c", b" 7", b"ab", b"\x00\x01"))


def ldb(dice, name):
    """Where it counts how often and where a body is found, the body has one part: kujo looks at where the whole
    begins, clamscan at where the last part does."""
    count = dice.randrange(1, 6)
    kinds = [dice.choices((Subsignature, Pattern, Comparison), (70, 15, 15))[0] if i else Subsignature
             for i in range(count)]
    condition = expression(dice, list(range(count)))
    parts = 1 if Comparison in kinds or re.search("[=<>]", condition) else 3
    bodies = [index for index, kind in enumerate(kinds) if kind is Subsignature]
    subsignatures = [Subsignature(dice, parts) if kind is Subsignature else kind(dice, [i for i in bodies if i < index])
                     for index, kind in enumerate(kinds)]
    block = "Engine:81-255,Target:0"
    if dice.random() < 0.15:
        low = dice.randrange(0, 200)
        block += ",FileSize:%d-%d" % (low, low + dice.randrange(0, 400))
    return "%s;%s;%s;%s" % (name, block, condition, ";".join(s.text for s in subsignatures)), subsignatures


# ---- inputs --------------------------------------------------------------------------------------

def input_for(dice, sources):
    """Bytes that no format claims, with what some signatures look for in them."""
    pieces = [HEAD, filler(dice)]
    for source in sources:
        for _ in range(dice.choice((0, 1, 1, 1, 2, 3))):
            pieces += [source.near(), filler(dice)]
    return b"".join(pieces) + b"\x03\xfe"


def program(sections, entry, tail=b"", wide=False):
    """A PE file of nothing but data: (name, bytes) a section, each at the next 0x200 from 0x400 on."""
    size = 0xF0 if wide else 0xE0
    head = b"MZ" + b"\0" * 58 + struct.pack("<I", 0x80) + b"\0" * 64
    head += struct.pack("<4sHHIIIHH", b"PE\0\0", 0x8664 if wide else 0x14C, len(sections), 0, 0, 0, size, 0x102)
    optional = struct.pack("<HBBIIIII", 0x20B if wide else 0x10B, 1, 0, 0x200, 0x200, 0, entry, 0x1000)
    optional += struct.pack("<Q" if wide else "<II", *((0x400000,) if wide else (0x2000, 0x400000)))
    optional += struct.pack("<IIHHHHHHIIIIHH", 0x1000, 0x200, 4, 0, 0, 0, 4, 0, 0, 0x1000 * (len(sections) + 1),
                            0x400, 0, 3, 0)
    optional += struct.pack("<QQQQII" if wide else "<IIIIII", 0x100000, 0x1000, 0x100000, 0x1000, 0, 16)
    table, body = b"", b""
    for index, (name, content) in enumerate(sections):
        content += b"\0" * (-len(content) % 0x200)
        table += struct.pack("<8sIIIIIIHHI", name, len(content), 0x1000 * (index + 1), len(content),
                             0x400 + len(body), 0, 0, 0, 0, 0x40000040)
        body += content
    head += optional.ljust(size, b"\0") + table
    return head.ljust(0x400, b"\0") + body + tail


# ---- inputs for signatures of others -------------------------------------------------------------

TOKEN = re.compile(r"!?\([^()]*\)|\{[^}]*\}|\[[^\]]*\]|\*|[0-9a-fA-F?]{2}")


def planted_token(dice, token):
    if token[0] in "{[":
        digits = re.findall(r"\d+", token)
        return b"." * min(int(digits[0]) if digits and token[1] != "-" else 0, 4096)
    if token == "*":
        return filler(dice)
    if token[0] == "(":
        return planted(dice, token[1:-1].split("|")[0])
    if token[0] == "!":
        return b"." * (len(token[2:-1].split("|")[0]) // 2)
    return bytes([int(token.replace("?", "2"), 16)])


def planted(dice, body):
    """Bytes that a body matches, in most cases."""
    return b"".join(planted_token(dice, token) for token in TOKEN.findall(body))


def planted_subsignature(dice, text):
    body, _, flags = text.partition("::")
    body = body.rsplit(":", 1)[-1]
    if not re.fullmatch(r"[0-9a-fA-F?*{}()|!\[\]-]+", body):
        return b""
    value = planted(dice, body)
    if "w" in flags and ("a" not in flags or dice.random() < 0.5):
        value = b"".join(bytes([byte, 0]) for byte in value)
    return value


WRAPPERS = {
    "0": lambda content: HEAD + content,
    "1": lambda content: program([(b".data", content[:0x8000])], 0x1000, content[0x8000:]),
    "2": lambda content: bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 504 + content,
    "3": lambda content: b"<html><body>\n" + content + b"\n</body></html>\n",
    "6": lambda content: b"\x7fELF\x01\x01\x01" + b"\0" * 9 + struct.pack(
        "<HHIIIIIHHHHHH", 2, 3, 1, 0x8048060, 52, 0, 0, 52, 32, 1, 40, 0, 0) + struct.pack(
            "<IIIIIIII", 1, 0, 0x8048000, 0x8048000, 0x1000, 0x1000, 5, 0x1000) + content,
    "7": lambda content: b"just a text\n" + content + b"\n",
}


def input_of_line(dice, extension, line):
    """An input in which a signature of that line should be found, or None when it is of a type not made here."""
    if extension == "ndb":
        _, target, _, body = line.split(":")[:4]
        values = [planted(dice, body)]
    else:
        fields = line.split(";")
        target = re.search(r"Target:(\d+)", fields[1])
        target = target[1] if target else ""
        values = [planted_subsignature(dice, text) for text in fields[3:]]
    if target not in WRAPPERS:
        return None
    between = (lambda: b" " * dice.randrange(3)) if target in "37" else lambda: filler(dice, 6)
    return WRAPPERS[target](b"".join(value + between() for value in values))
