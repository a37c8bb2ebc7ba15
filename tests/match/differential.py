#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""differential.py MATCHES: random strings over random inputs, searched by kujo and by Debian's yara.

What each string matches, at which offset and how long, must be the same. Left out of the generated
rules, because yara 4.2.3 differs from 4.5, by which kujo goes, or from its own documentation:

- matches of no bytes (4.2 drops them; /a*/) are dropped from kujo's side;
- \\b in wide strings, which 4.2 evaluates over bytes, and at the ends of the data, where 4.2 sees a
  boundary in any case (so inputs begin and end with a letter);
- strings on which yara gives up (error 46, too many fibers);
- xor together with fullword, whose neighbours 4.2 looks at before the key is known;
- repeats of groups with repeats in them, of which yara does not always find the longest match;
- lazy repeats over any byte without an end, which yara takes for the gaps of a chain;
- ascii and wide forms of a regex that match at the same offset: yara keeps the one whose atom comes
  first in the file, kujo the ascii one.
"""
import os
import random
import shutil
import subprocess
import sys
import tempfile

ROUNDS = int(os.environ.get("KUJO_DIFFERENTIAL_ROUNDS",
                            "60" if os.environ.get("KUJO_LONG") else "12"))
RULES = 40
INPUTS = 8
LETTERS = "abcAB_1 "


def quoted(text):
    return "".join(c if c.isalnum() or c in "_ " else "\\x%02x" % ord(c) for c in text)


def random_text(r):
    length = r.choice([1, 2, 3, 4, 5, 6, 8, 12, 20])
    return "".join(r.choice(LETTERS[: r.choice([2, 4, 8])]) for _ in range(length))


def text_string(r):
    text = random_text(r)
    kind = r.randrange(10)
    modifiers = []
    if kind < 6:
        modifiers = [m for m in ("nocase", "fullword") if r.random() < 0.4]
        modifiers += r.choice([[], ["wide"], ["ascii", "wide"], ["ascii"]])
    elif kind < 8:
        modifiers = [r.choice(["xor", "xor(1-255)", "xor(0-31)", "xor(32)"])]
        modifiers += r.choice([[], ["wide"], ["ascii", "wide"]])
    elif len(text) >= 3:
        modifiers = r.choice([["base64"], ["base64wide"], ["base64", "base64wide"],
                              ["base64", "wide"], ["base64", "ascii", "wide"]])
    return '"%s" %s' % (quoted(text), " ".join(modifiers)), text, modifiers


def hex_string(r):
    parts = []
    sample = bytearray()

    def byte():
        value = ord(r.choice(LETTERS))
        sample.append(value)
        return "%02X" % value

    def literal(count):
        return [byte() for _ in range(count)]

    for i in range(r.randrange(1, 5)):
        if i:
            what = r.randrange(7)
            if what == 0:
                gap = r.randrange(0, 4)
                more = r.randrange(0, 5)
                parts.append("[%d-%d]" % (gap, gap + more))
                sample.extend(b"a" * r.randrange(gap, gap + more + 1))
            elif what == 1:
                parts.append("[%d-%d]" % (r.randrange(3), r.choice([150, 250, 1000])))
                sample.extend(b"b" * r.randrange(3, 30))
            elif what == 2:
                parts.append("[%d-]" % r.randrange(3))
                sample.extend(b"c" * r.randrange(3, 30))
            elif what == 3:
                parts.append("(%s | %s)" % (" ".join(literal(r.randrange(1, 4))),
                                            "%02X ?? %02X" % (ord("a"), ord("b"))))
            elif what == 4:
                parts.append("??")
                sample.append(r.randrange(256))
            elif what == 5:
                parts.append("6?")
                sample.append(0x60 | r.randrange(16))
        parts += literal(r.randrange(1, 6))
    return "{ %s }" % " ".join(parts), bytes(sample), []


def regex_part(r, depth, greedy):
    out = ""
    for _ in range(r.randrange(1, 4)):
        what = r.randrange(8 if depth < 2 else 6)
        if what < 3:
            atom = "".join(r.choice("abcAB_1") for _ in range(r.choice([1, 1, 2, 4])))
            if len(atom) > 1:
                out += atom
                continue
        elif what == 3:
            atom = "."
        elif what == 4:
            atom = r.choice(["[ab]", "[^a]", "[a-c1]", "\\w", "\\d", "\\s"])
        elif what == 5:
            atom = "[Aa][Bb]c"
            out += atom
            continue
        else:
            atom = "(%s|%s)" % (regex_part(r, depth + 1, greedy), regex_part(r, depth + 1, greedy))
        if r.random() < 0.3 and not set("*+?{") & set(atom):
            lazy = "" if greedy else "?"
            atom += r.choice(["*", "+", "?", "{2}", "{1,3}", "{0,2}"]) + lazy
        out += atom
    return out


def regex_string(r):
    """A regex around one literal that is the obvious atom: where there are several, yara 4.2 keeps
    the length that goes with the last one it came across."""
    greedy = r.random() < 0.5
    atom = r.choice(["wxyz", "wx", "xyz1", "w_x"])
    if r.random() < 0.5:
        regex = atom + regex_part(r, 0, greedy)
    else:
        lazy = "" if greedy else "?"

        def run(classes, repeats):
            out = ""
            for _ in range(r.randrange(4)):
                repeat = r.choice(repeats)
                out += r.choice(classes) + (repeat + lazy if repeat else "")
            return out

        before = run(["a", "[ab]", ".", "\\w", "[^a]"], ["", "", "+", "{1,3}", "{2}", "?"])
        after = run(["b", "[ab1]", ".", "\\w", "[^b]", "\\s"], ["", "", "*", "+", "{0,3}", "?"])
        regex = before + atom + after
    modifiers = []
    if r.random() < 0.1:
        regex = "^" + regex
    if r.random() < 0.1:
        regex += "$"
    if r.random() < 0.2:
        regex = "\\b" + regex
    else:
        modifiers += r.choice([[], [], ["wide"]])
    modifiers += [m for m in ("nocase",) if r.random() < 0.3]
    text = "".join(r.choice("ab1_ ") for _ in range(r.randrange(4))) + atom
    text += "".join(r.choice("ab1_ ") for _ in range(r.randrange(6)))
    return "/%s/%s %s" % (regex, r.choice(["", "s"]), " ".join(modifiers)), text, modifiers


def sample_bytes(text, modifiers, r):
    """Something that the string is likely to match."""
    if isinstance(text, bytes):
        return text
    data = text.encode()
    if "base64" in " ".join(modifiers):
        import base64
        if "wide" in modifiers:
            data = b"".join(bytes([c, 0]) for c in data)
        data = base64.b64encode(b"xyz"[: r.randrange(3)] + data + b"q" * r.randrange(3))
        if "base64wide" in modifiers and r.random() < 0.7:
            data = b"".join(bytes([c, 0]) for c in data)
        return data
    if "wide" in modifiers and r.random() < 0.6:
        data = b"".join(bytes([c, 0]) for c in data)
    if any(m.startswith("xor") for m in modifiers):
        key = r.choice([0, 1, 5, 32, 200])
        data = bytes(c ^ key for c in data)
    if "nocase" in modifiers:
        data = data.swapcase()
    return data


def make_input(r, samples):
    out = bytearray()
    for _ in range(r.randrange(5, 40)):
        what = r.randrange(4)
        if what == 0:
            out += bytes(ord(r.choice(LETTERS)) for _ in range(r.randrange(1, 30)))
        elif what == 1:
            out += bytes(r.choice(b"abcAB_1\n\x00\xff") for _ in range(r.randrange(1, 12)))
        elif what == 2:
            word = bytes(ord(r.choice("abcAB_1")) for _ in range(r.randrange(1, 12)))
            out += b"".join(bytes([c, 0]) for c in word)
        else:
            out += r.choice(samples)
    return b"a" + bytes(out) + b"a"


def yara_hits(rules, path):
    run = subprocess.run(["yara", "-w", "-s", "-L", rules, path], capture_output=True, check=False)
    if b"caused error: 46" in run.stderr:
        return None, ""
    if run.returncode:
        return None, run.stderr.decode(errors="replace")
    hits, rule = set(), None
    for line in run.stdout.decode("latin-1").split("\n"):
        if line.startswith("0x"):
            offset, length, name = line.split(":")[:3]
            hits.add((rule, name, int(offset, 16), int(length)))
        elif line:
            rule = line.split(" ")[0]
    return hits, ""


def kujo_hits(matches, rules, path):
    run = subprocess.run([matches, rules, path], capture_output=True, check=False)
    if run.returncode:
        return None, run.stderr.decode(errors="replace")
    hits = set()
    for line in run.stdout.decode().split("\n"):
        if line:
            _, rule, name, offset, length = line.split(" ")
            if int(length):
                hits.add((rule, name, int(offset), int(length)))
    return hits, ""


def one_round(matches, folder, seed):
    """Compares all strings of a round; a list of complaints."""
    r = random.Random(seed)
    strings, samples = [], []
    for _ in range(RULES):
        string, text, modifiers = r.choice([text_string, hex_string, regex_string])(r)
        strings.append(string)
        if text:
            samples.append(sample_bytes(text, modifiers, r))
    samples.append(b"abcab")
    rules = os.path.join(folder, "rules.yar")
    with open(rules, "w", encoding="ascii") as out:
        for i, string in enumerate(strings):
            out.write("rule r%d { strings: $a = %s condition: $a }\n" % (i, string))
    complaints, count = [], 0
    for i in range(INPUTS):
        path = os.path.join(folder, "input%d" % i)
        with open(path, "wb") as out:
            out.write(make_input(r, samples))
        wanted, why = yara_hits(rules, path)
        got, why_not = kujo_hits(matches, rules, path)
        if wanted is None and not why:
            continue
        if wanted is None or got is None:
            return ["seed %d: %s%s" % (seed, why, why_not)], count
        count += len(wanted)
        for rule, _, offset, length in sorted(wanted ^ got)[:5]:
            side = "yara only" if (rule, "$a", offset, length) in wanted else "kujo only"
            complaints.append("seed %d input %d: %s %d:%d %s" %
                              (seed, i, strings[int(rule[1:])], offset, length, side))
    return complaints, count


def main():
    if not shutil.which("yara"):
        print("1..0 # SKIP yara is not installed")
        return 77
    print("1..%d" % ROUNDS)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        first = int(os.environ.get("KUJO_DIFFERENTIAL_SEED", "1"))
        for seed in range(first, first + ROUNDS):
            complaints, count = one_round(sys.argv[1], folder, seed)
            for complaint in complaints[:20]:
                print("# " + complaint)
            failed |= bool(complaints)
            print("%s %d - seed %d: %d matches" % ("not ok" if complaints else "ok",
                                                 seed - first + 1, seed, count))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
