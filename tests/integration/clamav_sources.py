#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ClamAV's files as sources of commands: by extension, in folders, in containers, as trusted lists;
what is told about them, and what one signature makes of a file."""

import hashlib
import io
import json
import os
import random
import sys
import tarfile
import zipfile

from kit import case, check, equal, few, kujo, read, run_cases, write

TEXT = b"hello ABCDEF worldxyz 0123456789 The End\n"
DIGITS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"


def md5(data):
    return hashlib.md5(data).hexdigest()


def build(*arguments, code=0):
    return kujo("defs", "build", "-o", "x.defs", *arguments, code=code)


def info():
    return json.loads(kujo("defs", "info", "--json", "x.defs", code=0).out)


def names():
    return kujo("defs", "list", "x.defs", code=0).lines


# ---- containers of our own -----------------------------------------------------------------------

def is_prime(n, rng):
    if any(n % p == 0 for p in (2, 3, 5, 7, 11, 13)):
        return False
    d, r = n - 1, 0
    while d % 2 == 0:
        d, r = d // 2, r + 1
    for _ in range(20):
        x = pow(rng.randrange(2, n - 1), d, n)
        if x in (1, n - 1):
            continue
        for _ in range(r - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


class Key:
    """An RSA key for tests, always the same for a seed."""

    def __init__(self, seed):
        rng = random.Random(seed)
        self.exponent = 65537
        while True:
            p, q = (self.prime(rng) for _ in range(2))
            if p != q and (p - 1) * (q - 1) % self.exponent:
                break
        self.modulus = p * q
        self.secret = pow(self.exponent, -1, (p - 1) * (q - 1))

    @staticmethod
    def prime(rng):
        while True:
            n = rng.getrandbits(512) | 3 << 510 | 1
            if is_prime(n, rng):
                return n

    def sign(self, digest):
        number = pow(int(digest, 16), self.secret, self.modulus)
        out = ""
        while number:
            out += DIGITS[number & 63]
            number >>= 6
        return out

    def write(self, path, hexadecimal=False):
        form = "0x%x" if hexadecimal else "%d"
        return write(path, ("# a key for tests\nmodulus = %s\nexponent = %s\n" % (
            form % self.modulus, form % self.exponent)).encode())


KEY = Key(1)


def archive(members, packed):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz" if packed else "w") as tar:
        for name, data in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def info_of(members):
    lines = ["ClamAV-VDB:24 Nov 2026 00-00 +0000:1:2:90:X:X:test:1"]
    lines += ["%s:%d:%s" % (name, len(data), hashlib.sha256(data).hexdigest())
              for name, data in members]
    return ("\n".join(lines) + "\nDSIG:none\n").encode()


def container(members, key=KEY, packed=True, digest=None, info_lines=None):
    members = list(members)
    listed = info_of(members) if info_lines is None else info_lines
    body = archive([("test.info", listed)] * (listed != b"") + members, packed)
    digest = md5(body) if digest is None else digest
    signature = key.sign(digest) if key and len(digest) == 32 else "X"
    head = "ClamAV-VDB:24 Nov 2026 00-00 +0000:7:2:90:%s:%s:test:1764000000" % (digest, signature)
    return head.encode().ljust(512) + body


MEMBERS = [("COPYING", b"free"), ("test.hdb", ("%s:%d:Test.Hdb\n" % (md5(TEXT), len(TEXT))).encode()),
           ("test.ndb", b"Test.Ndb:0:*:4142434445\nTest.Ignored:0:*:776f726c64\n"),
           ("test.ign2", b"Test.Ignored\n"), ("test.xyz", b"?\n")]


@case("a container is taken, whole and in ClamAV's order")
def _():
    write("t.cvd", container(MEMBERS))
    write("in.txt", TEXT)
    result = build("t.cvd")
    check(any("cvd-key" in line for line in result.notes), result)
    equal(names(), ["Test.Ndb", "Test.Hdb"])
    equal([item for item in info()["left_out"]],
          [{"count": 1, "kind": "xyz", "reason": "files of this kind are not used"}])
    equal(kujo("scan", "-d", "x.defs", "in.txt", code=1).found, ["in.txt: Test.Hdb FOUND"])
    equal(kujo("scan", "-q", "-a", "-d", "none", "-r", "t.cvd", "in.txt", code=1).found,
          ["in.txt: Test.Ndb FOUND", "in.txt: Test.Hdb FOUND"])


@case("what one container says is to be ignored counts for others, and for files")
def _():
    write("a.cvd", container(MEMBERS[:3]))
    write("b.cld", container([MEMBERS[3]], packed=False, digest="X", key=None))
    write("c.ndb", b"Test.Ignored:0:*:776f726c64\nTest.Other:0:*:776f726c64\n")
    build("c.ndb", "a.cvd", "b.cld")
    equal(names(), ["Test.Ndb", "Test.Other", "Test.Hdb"])


@case("signatures are verified with a key, decimal or hexadecimal")
def _():
    write("t.cvd", container(MEMBERS))
    for hexadecimal in (False, True):
        KEY.write("key", hexadecimal)
        result = build("--require-signature", "--cvd-key", "key", "t.cvd")
        check(not any("cvd-key" in line for line in result.notes), result)
    build("--require-signature", "t.cvd", code=2)
    Key(2).write("other")
    result = build("--cvd-key", "other", "t.cvd", code=2)
    check("signature is not of this key" in result.err.decode(), result)
    write("u.cld", container(MEMBERS, digest="X", key=None, packed=False))
    build("--cvd-key", "key", "u.cld")
    build("--require-signature", "--cvd-key", "key", "u.cld", code=2)


@case("a key that is none is refused")
def _():
    write("t.cvd", container(MEMBERS))
    for text in (b"", b"modulus 5\nexponent 3\n", b"modulus x\nexponent 3\n",
                 b"modulus %d\n" % KEY.modulus, b"exponent 3\n",
                 b"modulus %d\nmodulus %d\nexponent 3\n" % (KEY.modulus, KEY.modulus),
                 b"modulus %d\nexponent 1\n" % KEY.modulus,
                 b"modulus %s\nexponent 3\n" % (b"9" * 6000),
                 b"modulus 0x\nexponent 3\n"):
        write("key", text)
        result = build("--cvd-key", "key", "t.cvd", code=2)
        check("no key; write" in result.err.decode(), result)
    KEY.write("key")
    build("--cvd-key", "key", "t.cvd")


@case("a damaged container is refused, and nothing is written")
def _():
    good = container(MEMBERS)
    rng = random.Random(3)
    for _ in range(few(40, 400)):
        at = rng.randrange(512, len(good))
        write("bad.cvd", good[:at], bytes([good[at] ^ 1 << rng.randrange(8)]), good[at + 1:])
        result = build("bad.cvd", code=2)
        check("MD5" in result.err.decode(), result)
    check(not os.path.exists("x.defs"), "a file was written")


@case("so is one whose members are not those that its list names")
def _():
    lying = info_of([(name, data + b"#") for name, data in MEMBERS])
    write("t.cvd", container(MEMBERS, info_lines=lying))
    check("list of members" in build("t.cvd", code=2).err.decode())
    write("t.cvd", container(MEMBERS, info_lines=info_of(MEMBERS[:2])))
    check("list of members" in build("t.cvd", code=2).err.decode())
    write("t.cvd", container(MEMBERS, info_lines=b""))
    build("t.cvd")


@case("hostile heads and archives end with an error")
def _():
    body = container(MEMBERS)[512:]
    write("t.cvd", b"ClamAV-VDB:d:1:1:1:X:X:b:0".ljust(512), body)
    build("t.cvd")
    for head in (b"", b"ClamAV-VDB:", b"ClamAV-VDB" + b":" * 8, b"x" * 512, b"ClamAV-VDB:1:2:3:4:5",
                 b":".join([b"ClamAV-VDB"] + [b"a" * 50] * 8)):
        write("t.cvd", head.ljust(512)[:512], body[:0] if head == b"" else b"")
        build("t.cvd", code=2)
    head = ("ClamAV-VDB:d:1:1:1:X:X:b:0").encode().ljust(512)
    for rest in (b"", b"\0" * 1024, b"\x1f\x8b", body[:50], b"not an archive" * 100,
                 archive([("../../etc/x.ndb", b"A:0:*:41424344\n")], True)):
        write("t.cvd", head, rest)
        result = build("t.cvd", code=2)
        check("t.cvd" in result.err.decode(), result)
    rng = random.Random(4)
    for _ in range(few(40, 400)):  # without a digest, damage reaches the archive
        data = bytearray(body)
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        write("t.cvd", head, bytes(data[:rng.randrange(len(data))]))
        check(kujo("defs", "build", "-q", "-o", "y", "t.cvd").code in (0, 2))


# ---- files and folders ---------------------------------------------------------------------------

@case("files of all kinds are taken together, from folders, too")
def _():
    write("set/a.ndb", b"Body.One:0:*:4142434445\n")
    write("set/deep/B.HDB", ("%s:%d:Digest.One\n" % (md5(TEXT), len(TEXT))).encode())
    write("set/c.yar", b'rule yara_one { strings: $a = "worldxyz" condition: $a }\n')
    write("set/readme.txt", b"no source")
    write("set/z.ign2", b"Body.Two\n")
    write("set/x.ndb", b"Body.Two:0:*:4142434445\n")
    write("in.txt", TEXT)
    result = build("set")
    equal(names(), ["Body.One", "yara_one", "Digest.One"])
    check("1 signatures are ignored because a source says so" in result.lines, result)
    origins = info()["rules_by_origin"]
    equal((origins["body"], origins["yara"]), (1, 1))
    equal(sorted(kujo("scan", "-qa", "-d", "none", "-r", "set", "in.txt", code=1).found),
          ["in.txt: Body.One FOUND", "in.txt: Digest.One FOUND", "in.txt: yara_one FOUND"])


@case("the same sources give the same bytes, in any order")
def _():
    write("a.ndb", b"Body.One:0:*:4142434445\n")
    write("b.hdb", b"".join(b"%s:%d:N.%d\n" % (md5(b"%d" % i).encode(), i + 1, i % 7)
                            for i in range(500)))
    build("a.ndb", "b.hdb")
    first = read("x.defs")
    build("a.ndb", "b.hdb")
    equal(first == read("x.defs"), True)


@case("--rules-kind says what files are that are called otherwise")
def _():
    write("sigs.txt", b"Body.One:0:*:4142434445\n")
    write("in.txt", TEXT)
    equal(kujo("scan", "-qd", "none", "-r", "sigs.txt", "--rules-kind", "ndb", "in.txt",
               code=1).found, ["in.txt: Body.One FOUND"])
    kujo("scan", "-qd", "none", "-r", "sigs.txt", "in.txt", code=2)
    kujo("scan", "-qd", "none", "-r", "sigs.txt", "--rules-kind", "xyz", "in.txt", code=2)


@case("a malformed line is told with its place and passed over; --strict refuses all")
def _():
    write("a.ndb", b"Body.One:0:*:4142434445\nBody.Bad:0:*:41424\nBody.Two:0:*:776f726c64\n")
    write("in.txt", TEXT)
    result = build("a.ndb")
    check(any(line.startswith("a.ndb:2:") and "warning" in line for line in result.notes), result)
    equal(names(), ["Body.One", "Body.Two"])
    equal(info()["left_out"], [{"count": 1, "kind": "line", "reason": "malformed"}])
    os.remove("x.defs")
    result = build("--strict", "a.ndb", code=2)
    check(any(line.startswith("a.ndb:2:") and "error" in line for line in result.notes), result)
    check(not os.path.exists("x.defs"), "a file was written")
    kujo("scan", "-qd", "none", "--strict", "-r", "a.ndb", "in.txt", code=2)
    kujo("scan", "-qd", "none", "-r", "a.ndb", "in.txt", code=1)
    kujo("defs", "check", "--strict", "a.ndb", code=2)
    check("2 taken, 1 malformed" in kujo("defs", "check", "a.ndb", code=0).out.decode())


@case("info knows names that only signatures have")
def _():
    write("a.ndb", b"Body.One:0:*:4142434445\n")
    write("b.hdb", b"".join(b"%s:9:Digest.One\n" % md5(b"%d" % i).encode() for i in range(3)))
    build("a.ndb", "b.hdb")
    page = json.loads(kujo("info", "--definitions", "x.defs", "--json", "body.one", code=0).out)
    equal((page["name"], page["class"], page["rules"]), ("Body.One", "family", {"body": 1}))
    text = kujo("info", "--definitions", "x.defs", "DIGEST.ONE", code=0).out.decode()
    check("3 digests of files (md5)" in text, text)
    kujo("info", "--definitions", "x.defs", "Body", code=1)


@case("--pua and --unofficial")
def _():
    write("a.ndu", b"PUA.One:0:*:4142434445\n")
    write("b.ndb", b"Body.Two:0:*:4142434445\n")
    build("a.ndu", "b.ndb")
    equal(names(), ["Body.Two"])
    build("--pua", "--unofficial", "a.ndu", "b.ndb")
    equal(names(), ["Body.Two.UNOFFICIAL", "PUA.One.UNOFFICIAL"])


@case("a digest wins over nothing it is not: another size, another file")
def _():
    write("a.hdb", ("%s:%d:Right\n%s:%d:Wrong.Size\n" % (
        md5(TEXT), len(TEXT), md5(TEXT), len(TEXT) + 1)).encode())
    write("in.txt", TEXT)
    equal(kujo("scan", "-qad", "none", "-r", "a.hdb", "in.txt", code=1).found,
          ["in.txt: Right FOUND"])


# ---- trusted lists -------------------------------------------------------------------------------

def trusted(text, name="list", code=0, found=False, extra=()):
    write(name, text)
    write("a.ndb", b"Body.One:0:*:4142434445\n")
    write("in.txt", TEXT)
    result = build("--trusted", name, "a.ndb", *extra, code=code)
    if code == 0:
        kujo("scan", "-qd", "x.defs", "in.txt", code=1 if found else 0)
    return result


@case("lists of md5sum, sha1sum, sha256sum, md5deep and hashdeep are trusted")
def _():
    sha1, sha256 = hashlib.sha1(TEXT).hexdigest(), hashlib.sha256(TEXT).hexdigest()
    for line in ("%s  in.txt", "%s *in.txt", "%s", "\\%s  in\\nx", "%s\t./a b", "MD5 (in.txt) = %s",
                 "  %s  \r"):
        trusted((line % md5(TEXT) + "\n").encode())
    trusted((sha1 + "  x\n").encode())
    trusted((sha256.upper() + "  x\n").encode())
    trusted(("%%%%%%%% HASHDEEP-1.0\n%%%%%%%% size,md5,sha256,filename\n## Invoked from: /\n"
             "%d,%s,%s,/a,b\n" % (len(TEXT), md5(TEXT), sha256)).encode())
    trusted((md5(b"other") + "  in.txt\n").encode(), found=True)


@case("NSRL's lists are trusted, by size, however the columns stand")
def _():
    sha1 = hashlib.sha1(TEXT).hexdigest().upper()
    head = '"SHA-1","MD5","CRC32","FileName","FileSize","ProductCode"\r\n'
    row = '"%s","%s","00000000","a, ""b"".dll",%d,1\r\n'
    trusted((head + row % (sha1, md5(TEXT), len(TEXT))).encode())
    trusted((head + row % (sha1, md5(TEXT), len(TEXT) + 1)).encode(), found=True)
    sha256 = hashlib.sha256(TEXT).hexdigest()
    trusted(("sha256,file_size\n%s,%d\n" % (sha256, len(TEXT))).encode())
    trusted(("file_size,sha256\n0,%s\n" % sha256).encode(), found=True)


@case("in a list, too, malformed lines are told and passed over, or refused")
def _():
    text = ("nonsense\n\n# comment\n%s  in.txt\n" % md5(TEXT)).encode()
    result = trusted(text)
    check(any("list:1:" in line for line in result.notes), result)
    trusted(text, code=2, extra=["--strict"])
    trusted(b"x" * 200000 + b"\n" + md5(TEXT).encode() + b"\n")
    trusted(md5(TEXT).encode())  # no line end


@case(".fp and .sfp are trusted, named or not")
def _():
    line = ("%s:%d:Good\n" % (md5(TEXT), len(TEXT))).encode()
    trusted(line, "good.fp")
    write("good.fp", line)
    build("good.fp", "a.ndb")
    kujo("scan", "-qd", "x.defs", "in.txt", code=0)
    equal(names(), ["Body.One"])
    trusted(line, "good.hdb")
    write("folder/good.fp", line)
    write("folder/sums", (md5(b"x") + "\n").encode())
    build("--trusted", "folder", "a.ndb")
    kujo("scan", "-qd", "x.defs", "in.txt", code=0)
    equal(names(), ["Body.One"])


# ---- one signature -------------------------------------------------------------------------------

def test_sig(signature, *targets, code, options=()):
    return kujo("defs", "test-sig", *options, signature, *targets, code=code)


def one_report(signature, code=0, options=()):
    write("in.txt", TEXT)
    result = test_sig(signature, "in.txt", code=code, options=["--json", *options])
    return [json.loads(line) for line in result.lines if '"type":"match"' not in line][0]


@case("test-sig says where a string is, and how often")
def _():
    report = one_report("One:0:*:4142??44", code=1)
    equal(report["matched"], True)
    equal([(s["string"], s["count"], s["places"]) for s in report["strings"]],
          [("$a", 1, [{"offset": 6, "length": 4, "hex": "41424344"}])])
    equal(report["condition"]["value"], True)


@case("test-sig says what of a string is missing")
def _():
    near = one_report("One:0:*:41424344ff46")["strings"][0]["nearest"]
    equal((near["piece"], near["there"], near["length"], near["offset"]), (1, 4, 6, 6))
    near = one_report("One:0:*:4142*776f72??ff4141")["strings"][0]["nearest"]
    equal((near["piece"], near["hex"], near["there"]), (3, "ff4141", 0))
    near = one_report("One:0:*:776f*4142")["strings"][0]["nearest"]
    equal(near, {"pieces_are_there": True})


@case("test-sig says where a string is wanted")
def _():
    part = one_report("One:0:3:414243")["condition"]
    equal((part["kind"], part["value"], part["from"]), ("found_at", False, 3))
    part = one_report("One:0:3,2:414243")["condition"]
    equal((part["kind"], part["value"], part["from"], part["to"]), ("found_in", False, 3, 5))
    text = test_sig("One:0:EOF-1000,980:3a3a3a", "in.txt", code=0).out.decode()
    check("from 0 (0x0) to 21 (0x15)" in text, text)
    text = test_sig("One:0:EOF-1000:3a3a3a", "in.txt", code=0).out.decode()
    check("no such place" in text, text)
    text = test_sig("One:1:EP+2:414243", "in.txt", code=0).out.decode()
    check("the object is text" in text and "no such place" in text, text)


@case("test-sig compares digests and sizes")
def _():
    item = one_report("%s:%d:One" % (md5(TEXT), len(TEXT)), code=1)["digests"][0]
    equal((item["digest_equal"], item["size_equal"]), (True, True))
    item = one_report("%s:%d:One" % (md5(TEXT), len(TEXT) + 1))["digests"][0]
    equal((item["digest_equal"], item["size_equal"], item["wanted_size"]),
          (True, False, len(TEXT) + 1))
    item = one_report("%s:%d:One" % (md5(b"x"), len(TEXT)))["digests"][0]
    equal((item["digest_equal"], item["size_equal"]), (False, True))


@case("test-sig shows what members a signature of members could have meant")
def _():
    with zipfile.ZipFile("a.zip", "w") as archive:
        archive.writestr("evil.exe", b"x" * 10)
    signature = "One:CL_TYPE_ZIP:*:evil\\.exe$:*:%s:*:*:*:*"
    result = test_sig(signature % "11-20", "a.zip", code=0, options=["--json"])
    report = [json.loads(line) for line in result.lines][-1]
    equal([(m["name"], m["size"], m["position"]) for m in report["members"]],
          [("evil.exe", 10, 1)])
    test_sig(signature % "10", "a.zip", code=1)


@case("test-sig gives reasons: numbers, counts, regular expressions, views")
def _():
    write("in.txt", TEXT)
    logical = "One;Engine:81-255,Target:%d;%s;4142??44;776f726c64;%s"
    text = test_sig(logical % (0, "(0&1)=3", "7a7a7a"), "in.txt", code=2).err.decode()
    check("signature:1:" in text, text)
    text = test_sig(logical % (0, "0&1&2", "0(>>0#de2#=12)"), "in.txt", code=0).out.decode()
    check("clamav.number(" in text, text)
    text = test_sig(logical % (0, "0&1&2", "0/worldx{3}/"), "in.txt", code=0).out.decode()
    check("clamav.regex(" in text, text)
    text = test_sig(logical % (7, "0&1&2", "0123"), "in.txt", code=0).out.decode()
    check("normalised text" in text and "upper-case" in text, text)


@case("test-sig shows the views that a signature is about, also where nothing of it is")
def _():
    write("in.html", b"<html><body>hello   World</body></html>")
    views = lambda signature: [json.loads(line).get("view") for line in test_sig(
        signature, "in.html", code=0, options=["--json"]).lines]
    equal(views("One:3:*:7a7a7a"), [None, "html", "html-text", "scripts"])
    equal(views("One:0:*:7a7a7a"), [None])
    equal(views("One:0:*:68656c6c6f*7a7a7a"), [None, "html", "html-text"])


@case("test-sig takes files, YARA rules and archives")
def _():
    write("in.txt", TEXT)
    with tarfile.open("a.tgz", "w:gz") as tar:
        tar.add("in.txt")
    write("one.ndb", b"One:0:*:414243\n")
    write("one.yar", b'rule one { strings: $a = "ABC" condition: #a > 3 }\n')
    write("named", b"One:0:*:414243\n")
    result = test_sig("one.ndb", "a.tgz", code=1)
    check(any(line.endswith("!in.txt: One FOUND") for line in result.lines), result)
    check("#a > 3" in test_sig("one.yar", "in.txt", code=0).out.decode())
    test_sig("named", "in.txt", code=1, options=["--type", "ndb"])
    test_sig('rule a { strings: $a = "ABC" condition: $a }', "in.txt", code=1)


@case("a scan says which of its rules are not used, and why")
def _():
    write("in.txt", TEXT)
    write("x.cbc", b"x\n")
    scan = ("scan", "-d", "none", "-r", "x.cbc", "in.txt")
    check(b"left out: 1 cbc: programs are not run\n" in kujo(*scan, code=0).err)
    equal(kujo(*scan, "-q", code=0).err, b"")


@case("test-sig shows signatures that detect nothing, too")
def _():
    handler = "One;Engine:81-255,Target:0,HandlerType:CL_TYPE_MAIL;0;%s"
    equal(one_report(handler % "414243")["matched"], True)
    equal(one_report(handler % "7a7a7a")["matched"], False)


@case("test-sig refuses what is no signature, or several")
def _():
    write("in.txt", TEXT)
    test_sig("One:0:*:414243", "in.txt", code=1)
    write("two.ndb", b"One:0:*:414243\nTwo:0:*:414243\n")
    write("none.ndb", b"# nothing\n")
    for signature in ("nothing", "One:0:*:4142zz", "two.ndb", "none.ndb", "", "One:99:*:414243"):
        result = test_sig(signature, "in.txt", code=2)
        check(result.err, "nothing was said", result)
    check(b"nothing: neither" in test_sig("nothing", "in.txt", code=2).err)
    test_sig("One:0:*:414243", "missing", code=2)
    test_sig("One:0:*:414243", ".", code=2)
    kujo("defs", "test-sig", "One:0:*:414243", code=2)


@case("an object is read as a signature says, once")
def _():
    write("x.ldb", b"As.Program;Engine:81-255,Target:0,HandlerType:CL_TYPE_MSEXE;0;414243444546\n"
          b"Of.Programs;Engine:81-255,Target:1;0;776f726c64\n")
    write("in.txt", TEXT)
    equal(kujo("scan", "-q", "-a", "-d", "none", "-r", "x.ldb", "in.txt", code=1).found,
          ["in.txt: Of.Programs FOUND"])
    write("y.ldb", b"As.Mail;Engine:81-255,Target:0,HandlerType:CL_TYPE_MAIL;0;414243\n"
          b"In.Mail;Engine:81-255,Target:0,Container:CL_TYPE_MAIL;0;776f726c64\n")
    write("in.dat", b"X: 1\n\n" + TEXT)
    equal(kujo("scan", "-q", "-a", "-d", "none", "-r", "y.ldb", "in.dat", code=1).found,
          ["in.dat!body.txt: In.Mail FOUND"])
    equal(kujo("scan", "-q", "-a", "-d", "none", "-r", "x.ldb", "y.ldb", code=0).found, [])


if __name__ == "__main__":
    sys.exit(run_cases())
