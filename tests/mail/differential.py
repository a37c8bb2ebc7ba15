#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Second opinions on real mail: whatever another parser finds in a message, kujo finds too.

Python's email (both policies), GMime and MIME-tools read the messages; mime4j's and mail-parser's own
expectations stand beside theirs. Compared are decoded bytes, without CR, blanks before line ends and LF at the
end. Where a part ends is a matter of taste in broken mail: a leaf is found, too, when an object of kujo's begins
as it does. How many that were is told.
$WALK is tests/formats/walk, $GMIME_LEAVES the program beside this file (empty: not built). Corpora
come from KUJO_CORPORA; what is absent is skipped."""

import collections
import email
import email.policy
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "integration"))
from kit import (CORPORA, LONG, SANITIZED, Failure, Skip, case, check, read,  # noqa: E402
                 run_cases, tool)

WALK = os.environ["WALK"]
GMIME = os.environ.get("GMIME_LEAVES", "")
ORDINARY = "stdlib-js+datasets-spam-assassin"
ODD_AT_MOST = 0.01
TOLD_AT_MOST = 40
# What others make of these is no part of the message, by the end of the file's path.
FORGIVEN = (
    "testmsgs/ending-boundaries.msg",           # Python: one text that begins with the delimiter
    "testmsgs/multipartemptypart.msg",          # MIME-tools: the epilogue, with its empty line
    "messages/bounce.txt",                      # Python: base64 of a delivery status, left encoded
    "malformed/007.eml",                        # GMime: a close delimiter as a text
    "malformed/017.eml",                        # Python, MIME-tools: one text that begins with the delimiter
    "thirdparty/003.eml",                       # Python: quoted-printable, left encoded
    "legacy/017.eml", "legacy/048.eml",         # mail-parser: uuencoded files, left encoded
)

warnings.simplefilter("ignore")


# ---- the corpus ----------------------------------------------------------------------------------

class Corpus:
    """Unpacked when first asked for, into a directory that goes when the tests are done."""

    place = None

    @classmethod
    def root(cls):
        if cls.place is None:
            archive = os.path.join(CORPORA, "mail.tar.zst")
            if not os.path.exists(archive):
                raise Skip("there is no %s: set KUJO_CORPORA" % archive)
            tool("zstd")
            cls.place = tempfile.TemporaryDirectory(prefix="kujo-mail-")
            subprocess.run(["tar", "--zstd", "-xf", archive, "-C", cls.place.name], check=True)
        return cls.place.name


def files_of(top, *ends):
    for folder, folders, names in os.walk(top):
        folders.sort()
        for name in sorted(names):
            if name.endswith(ends):
                yield os.path.join(folder, name)


def looks_like_mail(path):
    """Neither a list of expectations nor a licence, nor a mailbox, which not all oracles read."""
    with open(path, "rb") as file:
        head = file.read(4096)
    name = os.path.basename(path)
    if name.startswith(("LICENSE", "COPYING")) or "_decoded" in name or head.startswith(b"From "):
        return False
    return name.endswith((".msg", ".eml", ".raw", ".golden")) or b"\nReceived:" in head \
        or b"\nSubject:" in head or b"\nFrom:" in head


def part(folder):
    """The directory of that project, somewhere below the root."""
    for above, folders, _ in os.walk(Corpus.root()):
        if folder in folders:
            return os.path.join(above, folder)
    raise Skip("the corpus has no " + folder)


def odd_messages():
    ordinary = part(ORDINARY)
    return [path for path in files_of(Corpus.root(), "") if not path.startswith(ordinary + "/")
            and not path.endswith((".json", ".xml", ".out", ".md")) and looks_like_mail(path)]


def ordinary_messages(count):
    files = list(files_of(os.path.join(part(ORDINARY), "data"), ".txt"))
    return sorted(random.Random(2045).sample(files, min(count, len(files))))


# ---- what kujo finds -----------------------------------------------------------------------------

class Leaf:
    """What counts of a leaf: its digest, and its head in hex."""

    def __init__(self, data=None, name="", digest="", head=""):
        if data is not None:
            plain = re.sub(rb"[ \t]+(?=\n|\Z)", b"", data.replace(b"\r", b"")).rstrip(b"\n")
            digest, head = hashlib.sha256(plain).hexdigest(), plain[:HEAD].hex()
        self.digest, self.head, self.name = digest, head, name


HEAD = 24      # bytes of walk's heads
ALIKE = 8 * 2  # hex digits that two heads have in common at least, unless the leaf is shorter


class Walked:
    """One file as kujo sees it: digests of all objects, oddities, what was not seen."""

    def __init__(self):
        self.digests, self.heads, self.odd, self.unseen, self.readings = set(), set(), set(), [], 0

    def has(self, leaf):
        return not leaf.head or leaf.digest in self.digests

    def has_beginning(self, leaf):
        return any(head.startswith(leaf.head) or (len(head) >= ALIKE and leaf.head.startswith(head))
                   for head in self.heads)


def walk(paths, end=".eml", batch=200):
    """A Walked for each path, called so that the question is what is in the message, not whether it is one."""
    out = {}
    env = dict(os.environ, LC_ALL="C")
    for number, path in enumerate(paths):
        os.symlink(path, "%d%s" % (number, end))
    for start in range(0, len(paths), batch):
        some = paths[start:start + batch]
        names = ["%d%s" % (number, end) for number in range(start, start + len(some))]
        done = subprocess.run([WALK, "-l", *names], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=env, timeout=600, check=False)
        check(done.returncode == 0, "walk: %d" % done.returncode, done.stderr.decode()[-2000:])
        pending = iter(some)
        for line in done.stdout.decode("utf-8", "replace").splitlines():
            words = line.split("\t")
            if words[0] == "=" and words[1] == "0":
                current = out[next(pending)] = Walked()
            if words[0] == "=":
                current.digests.add(words[3])
                current.heads.add(words[4])
                current.readings += "r" in words[5]
            elif words[0] == "%":
                current.odd.update(words[2].split(" "))
            elif line.startswith("! "):
                current.unseen.append(line)
    return out


# ---- what others find ----------------------------------------------------------------------------

def python_leaves(path, policy):
    """All leaves, or what is left of them where the package gives up."""
    leaves = []
    message = email.message_from_bytes(read(path), policy=policy)
    for leaf in message.walk():
        if leaf.is_multipart():
            continue
        try:
            name = leaf.get_filename()
        except Exception:  # whatever it is, the bytes count
            name = None
        try:
            data = leaf.get_payload(decode=True)
        except Exception:
            continue
        if data is not None:
            leaves.append(Leaf(data, str(name or "")))
    return leaves


def by_python(policy):
    def oracle(paths):
        out = {}
        for path in paths:
            try:
                out[path] = python_leaves(path, policy)
            except Exception:  # the package raises on some headers
                out[path] = []
        return out
    return oracle


def read_leaves(text):
    out, current = {}, None
    for line in text.decode("utf-8", "replace").splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "F":
            current = out.setdefault(rest, [])
        elif kind == "L":
            plain_digest, head, name = rest.split(" ", 2)
            current.append(Leaf(None, name, plain_digest, head))
    return out


def by_gmime(paths):
    if not GMIME:
        raise Skip("gmime-3.0 is not installed")
    env = dict(os.environ, ASAN_OPTIONS="detect_leaks=0")  # GLib keeps what it has
    done = subprocess.run([GMIME, *paths], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env,
                          timeout=600, check=True)
    return read_leaves(done.stdout)


def by_mime_tools(paths):
    perl = tool("perl")
    if subprocess.run([perl, "-MMIME::Parser", "-e", "1"], stderr=subprocess.DEVNULL,
                      check=False).returncode:
        raise Skip("MIME-tools are not installed")
    done = subprocess.run([perl, os.path.join(HERE, "mime_tools_leaves.pl")],
                          input="".join(path + "\n" for path in paths).encode(),
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=900, check=True)
    return read_leaves(done.stdout)


ORACLES = {
    "Python, policy default": by_python(email.policy.default),
    "Python, policy compat32": by_python(email.policy.compat32),
    "GMime": by_gmime,
    "MIME-tools": by_mime_tools,
}


# ---- comparing -----------------------------------------------------------------------------------

def shown(path):
    return os.path.relpath(path, Corpus.root())


def judge(leaves, walked):
    """Fails with what others found and kujo did not. `leaves`: a path and a Leaf, or all forms that one may have."""
    missed, alike, count = [], 0, 0
    for path, forms in leaves:
        count += 1
        forms = forms if isinstance(forms, list) else [forms]
        if any(walked[path].has(form) for form in forms):
            continue
        if any(walked[path].has_beginning(form) for form in forms):
            alike += 1
        elif not path.endswith(FORGIVEN):
            missed.append("%s: %s %s" % (shown(path), forms[0].digest[:12], forms[0].name))
    if missed:
        raise Failure("\n".join(["%d of %d leaves are not found" % (len(missed), count)]
                                + missed[:None if LONG else TOLD_AT_MOST]))
    return "%d leaves of %d messages, %d by their beginning" % (count, len(walked), alike)


def compare(found, walked):
    return judge([(path, leaf) for path, leaves in sorted(found.items()) for leaf in leaves], walked)


def how_many():
    return 10 ** 6 if LONG else 60 if SANITIZED else 400


def add_cases(name, oracle):
    @case("what %s finds in odd mail" % name)
    def _():
        paths = odd_messages()
        return compare(oracle(paths), walk(paths))

    @case("what %s finds in ordinary mail" % name)
    def _():
        paths = ordinary_messages(how_many())
        return compare(oracle(paths), walk(paths))


for oracle_name, oracle_function in ORACLES.items():
    add_cases(oracle_name, oracle_function)


# ---- expectations that come with the corpora -----------------------------------------------------

@case("what mime4j expects of its messages")
def _():
    top = part("apache+james-mime4j")
    found = {}
    for path in files_of(top, ".msg"):
        stem = path[:-len(".msg")] + "_decoded_"
        folder = os.path.dirname(path)
        found[path] = [Leaf(read(os.path.join(folder, name)), name)
                       for name in sorted(os.listdir(folder))
                       if os.path.join(folder, name).startswith(stem + "1")
                       and name.endswith((".txt", ".bin"))]
    return compare(found, walk(sorted(found)))


def charset_of(entity):
    for header in entity["headers"]:
        value = header["value"]
        if header["name"] == "content_type" and isinstance(value, dict):
            for attribute in (value.get("ContentType") or {}).get("attributes") or []:
                if attribute["name"].lower() == "charset":
                    return attribute["value"]
    return "utf-8"


def bodies(document):
    """For all leaves the ways in which the body may be written."""
    for entity in document["parts"]:
        body = entity["body"]
        for kind, value in body.items() if isinstance(body, dict) else ():
            if kind == "Message":
                yield from bodies(value)
            elif kind in ("Binary", "InlineBinary"):
                yield [Leaf(bytes(value), kind)]
            elif kind in ("Text", "Html") and "\ufffd" not in value:  # nobody knows what it was
                yield [Leaf(data, kind) for data in written(value, charset_of(entity))]


def written(text, charset):
    for name in (charset, "utf-8", "windows-1252", "utf-7", "utf-16"):
        try:
            yield text.encode(name)
        except (UnicodeError, LookupError):
            pass


@case("what mail-parser expects of its messages")
def _():
    paths = [path for path in files_of(part("stalwartlabs+mail-parser"), ".eml")
             if os.path.exists(path[:-4] + ".json")]
    return judge([(path, forms) for path in paths
                  for forms in bodies(json.loads(read(path[:-4] + ".json")))], walk(paths))


# ---- ordinary mail is nothing special ------------------------------------------------------------

@case("ordinary mail is read once: few messages are odd, none is not fully scanned")
def _():
    paths = ordinary_messages(how_many())
    walked = walk(paths, ".txt")
    odd = {path: seen.odd for path, seen in walked.items() if seen.odd}
    counts = collections.Counter(name for names in odd.values() for name in names)
    table = ["%5d %s" % (count, name) for name, count in counts.most_common()]
    examples = ["%s: %s" % (shown(path), " ".join(sorted(names))) for path, names in odd.items()]
    unseen = ["%s: %s" % (shown(path), line) for path, seen in walked.items() for line in seen.unseen
              if "encrypted" not in line]
    check(not unseen, *unseen[:TOLD_AT_MOST])
    check(len(odd) <= max(2, ODD_AT_MOST * len(paths)),
          "%d of %d messages are odd" % (len(odd), len(paths)), *table, *examples[:TOLD_AT_MOST])
    return "%d of %d odd%s" % (len(odd), len(paths), "".join("; " + row.strip() for row in table))


sys.exit(run_cases())
