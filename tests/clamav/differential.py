#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clamscan's opinion, beside kujo's: the same signatures over the same files must show the same.

Random signatures of every construct and inputs that nearly match (generate.py); signatures lifted from Debian's
clamav-testfiles; third-party sets of KUJO_CORPORA over files of this system and files in which their bytes are
planted. KUJO_SEED sets the seed, which is told; KUJO_LONG asks more, and with a new seed each time. A difference is
told with one signature and one input that show it. Without clamscan everything is skipped. What the generator avoids
is where kujo differs on purpose: docs/clamav.md lists it."""

import glob
import gzip
import io
import os
import random
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile

from oracle import Settled, ask_clamscan, ask_kujo, clamscan, kujo, lay_out
from kit import (CORPORA, LONG, SANITIZED, Skip, case, check, read, run_cases, tool, write)  # noqa: E402
import generate

SEED = int(os.environ.get("KUJO_SEED", "0")) or (random.SystemRandom().randrange(1, 1 << 31) if LONG else 6)
TOLD = 5
QUESTIONS = 30  # to make an input smaller that shows a difference
TESTFILES = "/usr/share/clamav-testfiles"

# Lines that clamscan refuses because of how it searches; kujo takes them. By its words.
ITS_OWN_LIMITS = ("Don't know how to create filter", "filter rejecting")


def rounds(usual):
    return usual * 8 if LONG else max(1, usual // 3) if SANITIZED else usual


# ---- comparing -----------------------------------------------------------------------------------

def line_of(signatures, name):
    for extension, lines in signatures.items():
        for line in lines:
            if re.split("[:;=]", line, maxsplit=1)[0] == name or line.endswith(":" + name):
                return extension, line
    return "?", name


def smallest(extension, line, content):
    """The input without what the difference does not need; its head stays, so that its type does."""
    asked = 0

    def differs(bytes_):
        lay_out({extension: [line]}, {"x": bytes_})
        return ask_clamscan() != ask_kujo()[0]
    size = (len(content) - len(generate.HEAD)) // 2
    while size > 0 and len(content) < 20000:
        at = len(generate.HEAD)
        while at < len(content) and asked < QUESTIONS:
            shorter = content[:at] + content[at + size:]
            asked += 1
            if differs(shorter):
                content = shorter
            else:
                at += size
        size //= 2
    return content


# What makes a file HTML for clamscan, which then does not match it as it is. kujo does.
HTML_MARKS = re.compile(rb"<(html|head)>|<(script|iframe|img|table|object|a href)", re.I)


def differences(signatures, inputs, theirs, ours):
    """What one found and the other did not, as text: of each signature, one input."""
    told = {}
    for name in sorted(inputs):
        missed, more = theirs.get(name, set()) - ours.get(name, set()), ours.get(name, set()) - theirs.get(name, set())
        for signature in sorted(missed | (set() if HTML_MARKS.search(inputs[name]) else more)):
            told.setdefault(signature, []).append(name)
    lines = ["%d signatures differ, seed %d" % (len(told), SEED)] if told else []
    for signature, names in list(told.items())[:TOLD]:
        extension, line = line_of(signatures, signature)
        lines.append("%s alone finds %s in %s, and %d others differ" % (
            "clamscan" if signature in theirs.get(names[0], set()) else "kujo", signature, names[0], len(names) - 1))
        lines.append("  %s: %s" % (extension, line))
        lines.append("  in %s" % smallest(extension, line, inputs[names[0]]).hex())
    return lines


def compare(signatures, inputs):
    """Both over the same; how many times something was found."""
    settled = Settled(signatures, inputs)
    ours, result = ask_kujo()
    refused = [line for line in result.notes if "malformed" in line.lower()]
    wrong = differences(settled.signatures, inputs, settled.found, ours)
    check(not wrong, *wrong)
    check(not refused, "kujo refuses what clamscan takes, seed %d" % SEED, *refused[:TOLD])
    check_refused(settled.refused)
    return sum(map(len, ours.values())), settled


def check_refused(refused):
    """What clamscan refuses, kujo refuses, but for what only clamscan cannot do."""
    wanted = [key for key, why in refused.items() if not any(words in why for words in ITS_OWN_LIMITS)]
    for extension, line in wanted:
        write("bad." + extension, line.encode("latin-1") + b"\n")
        result = kujo("defs", "build", "--strict", "-o", "bad.kdb", "bad." + extension)
        check(result.code == 2, "kujo takes what clamscan refuses, seed %d" % SEED, refused[extension, line],
              "%s: %s" % (extension, line), result)


# ---- random signatures ---------------------------------------------------------------------------

def questions(dice, make, count, files):
    """Signatures that `make` makes, and inputs for three of them each."""
    made = [make(dice, "N%d" % number) for number in range(count)]
    inputs = {"%04d" % number: generate.input_for(dice, [source for _, sources in dice.sample(made, 3)
                                                         for source in sources])
              for number in range(files)}
    return [line for line, _ in made], inputs


def compare_random(kind, make):
    clamscan()
    hits = 0
    for number in range(rounds(3)):
        lines, inputs = questions(random.Random("%d %d" % (SEED, number)), make, 60, 150)
        hits += compare({kind: lines}, inputs)[0]
    check(hits > 30, "hardly anything is found: %d" % hits)
    return "seed %d, %d found" % (SEED, hits)


@case("random body signatures, inputs that nearly match")
def bodies():
    return compare_random("ndb", generate.ndb)


@case("random logical signatures, inputs that nearly match")
def logical():
    return compare_random("ldb", generate.ldb)


@case("offsets in programs: entry point, sections, the end")
def programs():
    clamscan()
    dice = random.Random(SEED)
    lines, hits = [], 0
    for number in range(60):
        where = dice.choice(("EP+%d", "EP-%d", "S0+%d", "S1+%d", "S2+%d", "SL+%d", "EOF-%d", "%d")) % dice.randrange(24)
        where = dice.choice((where, where, "SE%d" % dice.randrange(3)))
        where += ",%d" % dice.randrange(24) if dice.random() < 0.4 else ""
        lines.append("N%d:1:%s:%s" % (number, where, dice.choice((b"wxyz", b"klmn")).hex()))
    inputs = {}
    for number in range(60):
        image = bytearray(generate.program([(b".a", b"A" * 0x150), (b".b", b"B" * 0x3F0), (b".c", b"C" * 0x200)],
                                           0x1000 + dice.randrange(0x100), b"T" * 48, number % 3 == 0))
        borders = (0, 0x400, 0x600, 0xA00, 0xC00, len(image), 0x400 + image[0xA8] + 256 * (image[0xA9] & 15))
        for _ in range(12):
            at = dice.choice(borders) + dice.randrange(-26, 26)
            if 0x300 < at < len(image) - 4:
                image[at:at + 4] = dice.choice((b"wxyz", b"klmn"))
        inputs["%02d" % number] = bytes(image)
    hits = compare({"ndb": lines}, inputs)[0]
    check(hits > 30, "hardly anything is found: %d" % hits)
    return "seed %d, %d found" % (SEED, hits)


# ---- containers ----------------------------------------------------------------------------------

def zipped(*members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def tarred(*members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def nested(dice):
    """An archive in an archive, with what signatures look for in its members. All is compressed: in bytes that just
    stand there, both find archives, each in its way."""
    members = [("%s%d.%s" % (dice.choice(("", "dir/")), number, dice.choice(("exe", "txt", "bin"))),
                generate.HEAD + dice.choice((b"wxyz", b"klmn", b"")) + bytes(dice.choices(b"ABC\0", k=dice.randrange(400))))
               for number in range(dice.randrange(1, 4))]
    content = zipped(*members) if dice.random() < 0.5 else gzip.compress(tarred(*members), mtime=0)
    for level in range(dice.randrange(3)):
        name = "inner%d.%s" % (level, dice.choice(("zip", "bin")))
        content = zipped((name, content)) if dice.random() < 0.5 else gzip.compress(
            tarred((name, gzip.compress(content, mtime=0))), mtime=0)
    return content


def about_containers(dice, number):
    parents = ("CL_TYPE_ZIP", "CL_TYPE_POSIX_TAR", "CL_TYPE_GZ", "CL_TYPE_ANY")
    block = "Engine:81-255,Target:0"
    shape = dice.randrange(3)
    if shape == 0:
        block += ",Container:" + dice.choice(parents)
    elif shape == 1:
        # CL_TYPE_ANY is a wildcard for clamscan in the first place only
        block += ",Intermediates:" + ">".join(dice.choice(parents[:3 + (not place)])
                                              for place in range(dice.randrange(1, 4)))
    if dice.random() < 0.3:
        block += ",FileSize:%d-%d" % (dice.randrange(300), dice.randrange(200, 1000))
    return "N%d;%s;0;%s" % (number, block, dice.choice((b"wxyz", b"klmn")).hex())


def about_members(dice, number):
    def size(most):
        low = dice.randrange(most)
        return dice.choice(("*", "*", "*", "%d-%d" % (low, low + dice.randrange(most))))
    return ":".join(("C%d" % number, dice.choice(("*", "CL_TYPE_ZIP", "CL_TYPE_POSIX_TAR", "CL_TYPE_ANY")),
                     size(4000), dice.choice((".*", "exe$", "^dir/", "^1", "(txt|bin)", "inner", "[0-9].b", "x{1}e")),
                     size(400), size(400), dice.choice(("*", "*", "0", "1")), dice.choice(("*", "*", "1", "2-3")),
                     "*", "*"))


@case("members of archives: their parents, sizes, names")
def containers():
    clamscan()
    dice = random.Random(SEED)
    lines = {"ldb": [about_containers(dice, number) for number in range(40)],
             "cdb": [about_members(dice, number) for number in range(40)]}
    hits = compare(lines, {"%02d" % number: nested(dice) for number in range(40)})[0]
    check(hits > 30, "hardly anything is found: %d" % hits)
    return "seed %d, %d found" % (SEED, hits)


# ---- signatures of others ------------------------------------------------------------------------

class Corpus:
    """The third-party sets, unpacked when first asked for."""

    place = None

    @classmethod
    def files(cls):
        if cls.place is None:
            archive = os.path.join(CORPORA, "clamav-sigs.tar.zst")
            if not os.path.exists(archive):
                raise Skip("there is no %s: set KUJO_CORPORA" % archive)
            tool("zstd")
            cls.place = tempfile.TemporaryDirectory(prefix="kujo-sigs-")
            subprocess.run(["tar", "--zstd", "-xf", archive, "-C", cls.place.name], check=True)
        found = (path for extension in ("hdb", "ndb", "ldb")
                 for path in glob.glob(cls.place.name + "/**/*." + extension, recursive=True))
        return {path: [line for line in read(path).decode("latin-1").splitlines()] for path in sorted(found)}


def system_files(dice, count, largest):
    """Ordinary files of this system, of many kinds."""
    found = []
    for top in ("/usr/share", "/usr/lib", "/usr/bin", "/usr/sbin"):
        for folder, folders, names in os.walk(top):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(folder, name)
                if os.path.isfile(path) and not os.path.islink(path) and 6 <= os.path.getsize(path) <= largest:
                    found.append(path)
    return dice.sample(found, min(count, len(found)))


@case("third-party sets: their own bytes, planted")
def planted():
    clamscan()
    dice = random.Random(SEED)
    lines, inputs, count = {}, {}, rounds(40)
    for path, rows in Corpus.files().items():
        extension = path.rsplit(".", 1)[-1]
        lines.setdefault(extension, []).extend(rows)
        if extension == "hdb":
            continue
        for line in dice.sample(rows, min(count, len(rows))):
            content = generate.input_of_line(dice, extension, line) if not line.startswith("#") and line else None
            if content:
                inputs["%s-%04d" % (extension, len(inputs))] = content
    hits = over_sets(lines, inputs)
    check(hits > len(inputs) // 4, "few are found: %d in %d inputs" % (hits, len(inputs)))
    return "seed %d, %d inputs, %d found" % (SEED, len(inputs), hits)


@case("third-party sets: ordinary files")
def ordinary():
    clamscan()
    dice = random.Random(SEED)
    lines = {}
    for path, rows in Corpus.files().items():
        lines.setdefault(path.rsplit(".", 1)[-1], []).extend(rows)
    inputs = {"%04d-%s" % (number, re.sub(r"[^\w.]", "_", os.path.basename(path))): read(path)
              for number, path in enumerate(system_files(dice, rounds(120), 60000))}
    over_sets(lines, inputs)
    return "seed %d, %d files" % (SEED, len(inputs))


def over_sets(lines, inputs):
    lay_out(lines, inputs)
    theirs = ask_clamscan()
    ours, _ = ask_kujo()
    wrong = differences(lines, inputs, theirs, ours)
    check(not wrong, *wrong)
    return sum(map(len, ours.values()))


@case("clamav-testfiles: signatures lifted from their bytes")
def lifted():
    """Of the files themselves: what each of the two unpacks is another matter."""
    clamscan()
    names = sorted(glob.glob(TESTFILES + "/clam*"))
    if not names:
        raise Skip("clamav-testfiles is not installed")
    dice = random.Random(SEED)
    inputs = {os.path.basename(name): read(name) for name in names}
    lines = ["T%d:0:%s:%s" % (number, *reversed(lift(dice, content)))
             for number, (_, content) in enumerate(sorted(inputs.items()) * 3)]
    lay_out({"ndb": lines}, inputs)
    theirs = ask_clamscan(*("--scan-%s=no" % kind for kind in ("archive", "pe", "ole2", "pdf", "mail", "html")))
    ours, _ = ask_kujo(members=False)
    wrong = differences({"ndb": lines}, inputs, theirs, ours)
    check(not wrong, *wrong)
    hits = sum(map(len, ours.values()))
    check(hits >= len(lines) * 0.9, "%d signatures, %d found" % (len(lines), hits))
    return "seed %d, %d signatures, %d found" % (SEED, len(lines), hits)


def lift(dice, content):
    """A body of a file's own bytes, with some of them left open, and an offset that it has there."""
    piece = b""
    while len(set(piece[:6])) < 5 or len(set(piece[-6:])) < 4:  # runs of one byte take clamscan minutes
        at = dice.randrange(len(content) - 40)
        piece = content[at:at + dice.randrange(12, 40)]
    digits = [byte.to_bytes(1, "big").hex() for byte in piece]
    for _ in range(dice.randrange(4)):
        digits[dice.randrange(4, len(digits))] = "??"
    if dice.random() < 0.3:
        middle = len(digits) // 2
        digits[middle:middle + 3] = [dice.choice(("{3}", "*", "{2-4}", "{-3}", "{3-}"))]
        digits[middle + 1:] = [byte.to_bytes(1, "big").hex() for byte in piece[middle + 3:]]
    where = dice.choice(("*", "*", str(at), "%d,%d" % (max(0, at - 5), 10), "EOF-%d" % (len(content) - at)))
    return "".join(digits), where


print("# seed %d" % SEED)
sys.exit(run_cases())
