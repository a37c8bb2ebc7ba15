#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random sets of rules over random inputs, by `kujo yara` and by Debian's yara: the same rules match,
with the same strings, and each rule alone says what it says in its set.

Conditions need strings in all the ways from which triggers, gates and anchors are found. What
differential.py and conditions.py name as differences of yara 4.2.3 is not generated; nor are
`at` and `in` over sets, negative places, and the numbers of rules that 4.2.3 lacks. Prints TAP.
"""
import hashlib
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
import differential  # noqa: E402

KUJO = os.environ["KUJO"]
ROUNDS = int(os.environ.get("KUJO_RULES_ROUNDS", "400" if os.environ.get("KUJO_LONG") else "12"))
SEED = int(os.environ.get("KUJO_RULES_SEED", "1"))
INPUTS = 8
WORDS = ["abca", "bcab", "Abcd efgh", "wxyz", "needle in hay", "cab", "ab", "b", "aaaaaaaa",
         "http://example.test/", "This program", "0123456789"]


def plain_string(r):
    """A text of which windows, probes and single bytes are searched."""
    text = r.choice(WORDS) if r.random() < 0.6 else differential.random_text(r)
    modifiers = [m for m in ("nocase", "fullword") if r.random() < 0.25]
    modifiers += r.choice([[], [], ["wide"], ["ascii", "wide"]])
    return '"%s" %s' % (differential.quoted(text), " ".join(modifiers)), text, modifiers


def flagged_regex(r):
    """One regex under several flags, which must not be taken for the same."""
    text = r.choice(["wxyz", "abca"])
    flags = r.choice(["", "i", "s"])
    return "/%s/%s" % (text, flags), text.swapcase() if r.random() < 0.3 else text, []


def make_string(r):
    kinds = [plain_string, plain_string, flagged_regex, differential.text_string,
             differential.hex_string, differential.regex_string]
    return r.choice(kinds)(r)


class Writer:
    """One rule's condition. `names` are its strings, `earlier` the rules that it may ask for."""

    def __init__(self, r, names, earlier):
        self.r, self.names, self.earlier, self.loops = r, names, earlier, 0

    def name(self):
        return self.r.choice(self.names)[1:]

    def some(self):
        """A set of strings, and how many there are."""
        if self.r.random() < 0.3:
            return "them", len(self.names)
        some = self.r.sample(self.names, self.r.randrange(1, len(self.names) + 1))
        return "(%s)" % ", ".join(some), len(some)

    def quantifier(self, count):
        return self.r.choice(["any", "all", "any", str(self.r.randrange(1, count + 2))])

    def place(self):
        return self.r.choice(["0", "0", "0", "1", "2", "7", "filesize - 4", "uint32(0)", "uint8(1)",
                              "uint16(2) + 1", "uint32(0x3C)", "5000", "pe.entry_point",
                              "elf.entry_point", "@%s" % self.name(), "#%s" % self.name(),
                              "pe.sections[0].raw_data_offset", "filesize \\ 2"])

    def number(self):
        return self.r.choice(["0", "1", "2", "3", "filesize", "#" + self.name(), "@" + self.name(),
                              "!" + self.name(), "@%s[2]" % self.name(), "uint8(0)", "uint16(0)",
                              "uint32(4)", "uint32(@%s)" % self.name(), "pe.number_of_sections",
                              "elf.type", "#%s + #%s" % (self.name(), self.name()),
                              "filesize + 0x7FFFFFFFFFFFFFFF", "#%s * 2" % self.name(),
                              "#%s - 1" % self.name(), "@%s - @%s" % (self.name(), self.name()),
                              "#%s in (0..20)" % self.name(), "~#%s" % self.name()])

    def compared(self):
        sign = self.r.choice(["==", "!=", "<", "<=", ">", ">="])
        sides = ["(%s)" % self.number(), "(%s)" % self.number()]
        sides = [side.replace("(#", "#", 1)[:-1] if " in (" in side else side for side in sides]
        return "%s %s %s" % (sides[0], sign, sides[1])

    def fact(self):
        """Something that asks for no string."""
        return self.r.choice([
            "uint16(0) == 0x5A4D", "uint32(0) == 0x464C457F", "uint32be(0) == 0x61626361",
            "filesize < 10", "filesize > 60", "filesize >= 0", "true", "false", "uint8(0) == 0x61",
            "uint8(filesize - 1) == 0x61", "uint16(uint8(1)) != 0", "pe.number_of_sections > 0",
            "pe.number_of_sections < 3", "pe.machine == 0x14C", "pe.imports(\"a.dll\", \"b\")",
            "not pe.imports(\"a.dll\", \"b\")", "pe.is_pe", "not pe.is_pe", "pe.is_pe == 0",
            "elf.type == 2", "not (elf.type == 2)", "elf.number_of_sections >= 0",
            "pe.number_of_sections == 0 or filesize < 40", "math.entropy(0, filesize) > 3.0",
            "math.mean(0, 4) < 90.0", "math.entropy(0, 8) < 2.5",
            "hash.md5(0, filesize) == \"%s\"" % hashlib.md5(b"").hexdigest(),
            "hash.md5(0, 2) == \"%s\"" % hashlib.md5(b"MZ").hexdigest(),
            "hash.md5(0, 1) != \"%s\"" % hashlib.md5(b"a").hexdigest(),
            "hash.crc32(0, filesize) > 0x7FFFFFFF",
            "for any i in (0..pe.number_of_sections - 1) : ( pe.sections[i].raw_data_size > 0 )",
            "for all i in (0..3) : ( uint8(i) > 0x40 )",
            "for any s in pe.sections : ( s.name == \".text\" )"])

    def loop(self, depth):
        self.loops += 1
        shape = self.r.randrange(5)
        if shape == 0:
            some, count = self.some()
            body = self.r.choice(["$", "$ at 0", "# > 1", "@ < 9", "$ in (0..30)", "! > 2",
                                  "$ and (%s)" % self.condition(depth - 1), "$ at pe.entry_point",
                                  "# == 0", "not $", "$ or %s" % self.fact()])
            out = "for %s of %s : ( %s )" % (self.quantifier(count), some, body)
        elif shape < 3:
            low, high = self.r.choice([("0", "3"), ("1", "#" + self.name()), ("0", "filesize - 1"),
                                       ("@" + self.name(), "@%s + 4" % self.name())])
            if high.startswith("filesize"):
                body = "uint8(i%d) == 0xFE" % self.loops
            else:
                body = self.r.choice(["$%s at i" % self.name() + "%d", "uint8(i%d) == 0x62",
                                      "@%s[i" % self.name() + "%d] < 40",
                                      "$%s in (i" % self.name() + "%d..20)", "i%d > 0"])
                body = body % self.loops
                if self.r.random() < 0.4:
                    body += " or %s" % self.condition(depth - 1)
            out = "for %s i%d in (%s..%s) : ( %s )" % (
                self.r.choice(["any", "all", "2"]), self.loops, low, high, body)
        else:
            out = "for %s i%d in (0, 1, %s) : ( $%s at i%d or %s )" % (
                self.r.choice(["any", "all", "2"]), self.loops, "#" + self.name(), self.name(),
                self.loops, self.condition(depth - 1))
        self.loops -= 1
        return out

    def leaf(self):
        name = self.name()
        some, count = self.some()
        leaves = ["$" + name] * 4 + [
            "$%s at %s" % (name, self.place()), "$%s at 0" % name, "$%s at %s" % (name, self.place()),
            "$%s in (%d..%d)" % (name, self.r.randrange(9), self.r.randrange(9, 90)),
            "$%s in (filesize - 20..filesize)" % name, self.compared(), self.compared(),
            "#%s %s %d" % (name, self.r.choice(["==", ">", "<", ">=", "<=", "!="]),
                           self.r.randrange(3)),
            "%d %s #%s" % (self.r.randrange(3), self.r.choice(["==", ">", "<", "!="]), name),
            "#%s + #%s > #%s" % (name, self.name(), self.name()), "#" + name,
            "%s of %s" % (self.quantifier(count), some),
            "%s of %s" % (self.quantifier(count), some),
            "%d%% of %s" % (self.r.choice([1, 33, 34, 50, 66, 67, 99, 100]), some),
            "none of " + some, self.fact(), self.fact()]
        if self.earlier:
            leaves += [self.r.choice(self.earlier)] * 2
            leaves += ["%s of (%s)" % (self.r.choice(["any", "all", "2"]), ", ".join(
                self.r.sample(self.earlier, min(3, len(self.earlier)))))]
        return self.r.choice(leaves)

    def condition(self, depth):
        shape = self.r.randrange(12)
        if depth <= 0 or shape < 2:
            return self.leaf()
        if shape < 9:
            parts = [self.condition(depth - 1) for _ in range(self.r.choice([2, 2, 2, 3]))]
            return "(%s)" % (" and " if shape < 6 else " or ").join(parts)
        if shape == 9:
            return "not (%s)" % self.condition(depth - 1)
        return self.loop(depth) if self.loops < 2 else self.leaf()


def make_rules(r):
    """The texts of rules, each with what has to stand before it; samples of what they look for."""
    shared, rules, samples = [make_string(r) for _ in range(8)], [], [b"abcab"]
    samples += [differential.sample_bytes(text, modifiers, r) for _, text, modifiers in shared]
    for number in range(r.randrange(20, 61)):
        strings = [r.choice(shared) if r.random() < 0.4 else make_string(r)
                   for _ in range(r.choice([1, 1, 2, 3, 4, 6]))]
        names = ["$s%d" % i for i in range(len(strings))]
        earlier = r.sample(range(number), min(number, 3)) if r.random() < 0.3 else []
        writer = Writer(r, names, ["r%d" % i for i in earlier])
        condition = writer.condition(r.choice([0, 1, 1, 2, 3]))
        used = [n for n in names if re.search(r"[$#@!]%s\b" % n[1:], condition)]
        if " them" not in condition and set(used) != set(names):
            condition = "(%s) %s (%s)" % (condition, r.choice(["and", "or"]), " and ".join(
                n for n in names if n not in used))
        for string, text, modifiers in strings:
            if text and r.random() < 0.5:
                samples.append(differential.sample_bytes(text, modifiers, r))
        kind = r.choices(["", "private ", "global "], [20, 2, 1 if number < 2 else 0])[0]
        if kind == "global ":
            condition = "filesize != 3 or (%s)" % condition
        lines = "".join("  %s = %s\n" % pair for pair in zip(names, (s for s, _, _ in strings)))
        rules.append((kind, "rule r%d {\n strings:\n%s condition: %s\n}\n" %
                      (number, lines, condition), earlier))
    return rules, [sample for sample in samples if sample]


PE = (b"MZ" + bytes(58) + b"\x40\0\0\0PE\0\0\x4c\x01\x01\0" + bytes(12) + b"\xe0\0\x02\x01"
      + b"\x0b\x01" + bytes(14) + b"\0\x10\0\0" + bytes(8) + b"\0\0\x40\0\0\x10\0\0\0\x02\0\0"
      + b"\x04\0\0\0" + bytes(4) + b"\x04\0" + bytes(6) + b"\0\x20\0\0\0\x02\0\0" + bytes(4)
      + b"\x03\0" + bytes(22) + b"\x10\0\0\0" + bytes(128)
      + b".text\0\0\0\0\x10\0\0\0\x10\0\0\0\x02\0\0\0\x02\0\0" + bytes(12) + b"\x20\0\0\x60")
ELF = (b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\0\x3e\0\x01\0\0\0\x78\0\x40\0\0\0\0\0\x40\0\0\0\0\0\0\0"
       + bytes(8) + bytes(4) + b"\x40\0\x38\0\x01\0\x40\0\0\0\0\0"
       + b"\x01\0\0\0\x05\0\0\0" + bytes(8) + b"\0\0\x40\0\0\0\0\0" * 2
       + b"\0\x02\0\0\0\0\0\0" * 2 + b"\0\x10\0\0\0\0\0\0")


def make_input(r, samples):
    """Parts of what is looked for, at the start, at entry points, and between."""
    shape = r.randrange(10)
    if shape == 0:
        return bytes(r.choice(b"abcMZ\0") for _ in range(r.randrange(9)))
    body = differential.make_input(r, samples)
    if shape == 1:
        return r.choice(samples)[:r.randrange(1, 9)]
    if shape == 2:
        return PE[:0x200].ljust(0x200, b"\0") + r.choice(samples) + body
    if shape == 3:
        return ELF + r.choice(samples) + body
    if shape == 4:
        return r.choice([b"MZ", b"\x7fELF"]) + body
    if shape == 5:
        sample = r.choice(samples)
        return bytes([r.randrange(4, 40), 0, 0, 0]) + bytes(r.randrange(4, 30)) + sample + body
    return r.choice(samples) + (body if shape < 9 else b"")


def text_of(rules, wanted=None):
    """All rules; or some, with those they ask for, the others of a set private or left out."""
    head = 'import "pe"\nimport "elf"\nimport "math"\nimport "hash"\n'
    if wanted is None:
        return head + "".join(kind + text for kind, text, _ in rules)
    needed, more = set(), {wanted} | {i for i, rule in enumerate(rules) if rule[0] == "global "}
    while more:
        needed |= more
        more = {j for i in more for j in rules[i][2]} - needed
    return head + "".join(rules[i][0] + rules[i][1] for i in sorted(needed))


def run(command, path, rules):
    done = subprocess.run(command + [rules, path], capture_output=True, check=False)
    if b"error: 46" in done.stderr or b"error 46" in done.stderr:
        return None, None
    if done.returncode:
        return None, done.stderr.decode(errors="replace")
    hits, rule = set(), None
    for line in done.stdout.decode("latin-1").split("\n"):
        if line.startswith("0x"):
            offset, length, name = line.split(":")[:3]
            if int(length):
                hits.add((rule, name, int(offset, 16), int(length)))
        elif line:
            rule = line.split(" ")[0]
            hits.add((rule,))
    return hits, ""


def write(folder, name, content):
    path = os.path.join(folder, name)
    with open(path, "wb") as out:
        out.write(content if isinstance(content, bytes) else content.encode())
    return path


def one_round(folder, seed):
    """A list of complaints, and how many matches were compared."""
    r = random.Random(seed)
    rules, samples = make_rules(r)
    path = write(folder, "rules.yar", text_of(rules))
    compiled = os.path.join(folder, "rules.yarc")
    done = subprocess.run(["yarac", "-w", path, compiled], capture_output=True, text=True, check=False)
    if done.returncode:
        return ["seed %d: yarac: %s" % (seed, done.stderr.splitlines()[0][:300])], 0
    complaints, count = [], 0
    inputs = [write(folder, "input%d" % i, make_input(r, samples)) for i in range(INPUTS)]
    answers = []
    for i, target in enumerate(inputs):
        wanted, why = run(["yara", "-w", "-s", "-L", "-C"], target, compiled)
        got, why_not = run([KUJO, "yara", "-w", "-s", "-L"], target, path)
        brief, why_brief = run([KUJO, "yara", "-w"], target, path)
        answers.append(brief)
        if wanted is None and why is None:
            continue
        if wanted is None or got is None or brief is None:
            return complaints + ["seed %d input %d: %s" % (seed, i, why or why_not or why_brief)], count
        count += len(wanted)
        for line in sorted(wanted ^ got, key=str)[:5]:
            complaints.append("seed %d input %d: %s by %s alone" %
                              (seed, i, line, "yara" if line in wanted else "kujo"))
        if brief != {hit for hit in got if len(hit) == 1}:
            complaints.append("seed %d input %d: -s changes which rules match" % (seed, i))
    for number in r.sample(range(len(rules)), 3):
        if rules[number][0] == "private ":
            continue
        alone = write(folder, "alone.yar", text_of(rules, number))
        target = r.randrange(INPUTS)
        found, why = run([KUJO, "yara", "-w"], inputs[target], alone)
        name = ("r%d" % number,)
        if answers[target] is not None and found is None:
            complaints.append("seed %d: r%d alone: %s" % (seed, number, why))
        elif answers[target] is not None and (name in found) != (name in answers[target]):
            complaints.append("seed %d input %d: r%d alone differs" % (seed, target, number))
    return complaints, count


def main():
    if not shutil.which("yara") or not shutil.which("yarac"):
        print("1..0 # SKIP yara is not installed")
        return 0
    print("1..%d" % ROUNDS)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(SEED, SEED + ROUNDS):
            complaints, count = one_round(folder, seed)
            for complaint in complaints[:20]:
                print("# " + complaint)
            failed |= bool(complaints)
            print("%s %d - seed %d: %d matches" % ("not ok" if complaints else "ok",
                                                 seed - SEED + 1, seed, count), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
