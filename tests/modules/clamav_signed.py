#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which signatures of programs the module clamav trusts and which it blocks: programs made here, signed
by osslsigncode with certificates made for it, some of which are not good for that. Prints TAP.

    KUJO=... clamav_signed.py FIELDS
"""
import hashlib
import os
import struct
import sys
import tempfile
import time

import pe_files as pe
import pe_signatures as signing
from clamav import KUJO, Tap, check_all
from clamav import run as run_scan
from pe_signatures import run

CODE, TIME, CERTIFICATES = 1, 2, 4
ALL = CODE | TIME | CERTIFICATES
AUTHORITY = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"


class Keys(signing.Keys):
    """A few keys, and many certificates for them."""

    def make_root(self):
        for name in ("root", "middle", "end"):
            run("openssl", "genrsa", "-out", self.path(name + ".key"), "2048")
        run("openssl", "req", "-x509", "-key", self.path("root.key"), "-sha256", "-subj", "/O=Test/CN=Root", "-days",
            "5000", "-out", self.path("root.crt"))

    def issue(self, name, subject, usage, serial, by="root", key="end", extra="", days=4000):
        with open(self.path("ext"), "w", encoding="ascii") as out:
            out.write((f"extendedKeyUsage={usage}\n" if usage else "") + extra)
        run("openssl", "req", "-new", "-key", self.path(key + ".key"), "-subj", subject, "-out", self.path("csr"))
        by_key = {"root": "root"}.get(by, "middle")
        run("openssl", "x509", "-req", "-in", self.path("csr"), "-CA", self.path(by + ".crt"), "-CAkey",
            self.path(by_key + ".key"), "-set_serial", str(serial), "-days", str(days), "-sha256", "-extfile",
            self.path("ext"), "-out", self.path(name + ".crt"))

    def write_chain(self, name, *others):
        """What is put into a signature by `name`, whose key is the end's."""
        with open(self.path(name + ".pem"), "wb") as out:
            for part in (name, *others):
                with open(self.path(part + ".crt"), "rb") as file:
                    out.write(file.read())

    def sign(self, source, name, *options):
        target = self.path("out.exe")
        if os.path.exists(target):
            os.unlink(target)
        with open(self.path("in.exe"), "wb") as out:
            out.write(source)
        run("osslsigncode", "sign", "-certs", self.path(name + ".pem"), "-key", self.path("end.key"), *options, "-in",
            self.path("in.exe"), "-out", target)
        with open(target, "rb") as file:
            return file.read()

    def row(self, name):
        """Digests of subject and serial number, and the modulus."""
        der = run("openssl", "x509", "-in", self.path(name + ".crt"), "-outform", "DER")
        fields = signing.children(signing.children(signing.children(der)[0][2])[0][2])
        serial, _, _, _, subject = [content for tag, _, content in fields if tag != 0xA0][:5]
        modulus = run("openssl", "x509", "-in", self.path(name + ".crt"), "-noout", "-modulus").decode()
        return hashlib.sha1(subject).hexdigest(), hashlib.sha1(serial).hexdigest(), modulus.strip().partition("=")[2]


def make_keys(folder):
    keys = Keys(folder)
    keys.issue("middle", "/CN=Middle", "", 0x4455, key="middle", extra=AUTHORITY)
    keys.issue("leaf", "/CN=Leaf", "codeSigning", 0xFEDCBA9876, by="middle")
    keys.issue("expired", "/CN=Expired", "codeSigning", 0x77, days=-1)
    keys.issue("plain", "/CN=Plain", "", 0x78)
    keys.issue("server", "/CN=Server", "serverAuth", 0x79)
    keys.issue("cipher", "/CN=Cipher", "codeSigning", 0x7A, extra="keyUsage=critical,keyEncipherment\n")
    keys.issue("nobody", "/CN=Nobody", "codeSigning", 0x7B, key="middle", extra="basicConstraints=CA:FALSE\n")
    keys.issue("stamper", "/CN=Stamper", "critical,timeStamping", 0x7D)
    keys.issue("forged", "/CN=Forged", "codeSigning", 0x7C, by="nobody")
    for name, others in (("signer", ("root",)), ("leaf", ("middle",)), ("expired", ("root",)), ("plain", ("root",)),
                         ("server", ("root",)), ("cipher", ("root",)),
                         ("stamper", ("root",)), ("forged", ("nobody", "root"))):
        keys.write_chain(name, *others)
    return keys


def signed_by(row, usage=ALL, serial=True):
    return f'clamav.signed_by("{row[0]}", "{row[1] if serial else ""}", "{row[2]}", {usage})'


def has(row, serial=True):
    return f'clamav.has_certificate("{row[0]}", "{row[1] if serial else ""}", "{row[2]}")'


def negated(*conditions):
    return ["not " + condition for condition in conditions]


def certificates_at(program):
    return pe.HEADER_AT + 24 + 96 + 32


def with_table(program, added, to_length=True):
    """The program with bytes behind its certificates, which the table says are part of them."""
    at, length = struct.unpack_from("<II", program, certificates_at(program))
    out = bytearray(program + added)
    struct.pack_into("<I", out, certificates_at(program) + 4, length + len(added))
    if to_length:
        struct.pack_into("<I", out, at, length + len(added))
    return bytes(out)


def cases(keys):
    root, middle, signer, leaf = (keys.row(name) for name in ("root", "middle", "signer", "leaf"))
    other = (root[0], root[1], signer[2])
    plain = signing.program()
    good = keys.sign(plain, "signer")
    yield "good", good, [
        signed_by(root), signed_by(signer), signed_by(root, CODE | CERTIFICATES), signed_by(signer, serial=False),
        signed_by((root[0].upper(), root[1], "00" + root[2].lower())), has(root), has(signer), has(signer, False),
        *negated(signed_by(root, CODE), signed_by(root, CERTIFICATES), signed_by(root, TIME), signed_by(middle),
                 signed_by(other), has(other), has(middle), signed_by(("", "", "")), has(("", "", "")),
                 signed_by((root[0], root[1], "")), signed_by((root[0], root[1], "0")), has((root[0], "zz", root[2])),
                 has((root[0], root[1], "ab" * 5000)))]
    yield "of 64 bits", keys.sign(signing.program(True), "signer"), [signed_by(root), has(signer)]
    yield "not signed", plain, negated(signed_by(root), has(root))
    yield "no program", b"MZ and nothing", negated(signed_by(root), has(root))
    # the root is not in the file
    yield "chain", keys.sign(plain, "leaf"), [
        signed_by(root), signed_by(root, serial=False), signed_by(middle), signed_by(leaf), has(middle), has(leaf),
        *negated(has(root), signed_by((root[0], root[1], middle[2])), signed_by(signer))]
    for name in ("expired", "plain", "server", "cipher", "forged"):
        row = keys.row(name)
        itself = [signed_by(row)] if name == "forged" else negated(signed_by(row))
        yield name, keys.sign(plain, name), [has(row), *itself, *negated(signed_by(root))]
    for name, when, ok in (("stamped", int(time.time()) + 3600, True), ("stamped before it was valid", 1600000000, False)):
        stamped = keys.sign(plain, "signer", "-TSA-certs", keys.path("stamper.pem"), "-TSA-key", keys.path("end.key"),
                            "-TSA-time", str(when))
        yield name, stamped, [signed_by(root)] if ok else [has(root), *negated(signed_by(root))]
    for digest in ("sha1", "sha384"):
        yield digest, keys.sign(plain, "signer", "-h", digest), [signed_by(root)]
    expired = keys.sign(plain, "expired")
    yield "second signature", keys.sign(expired, "signer", "-nest"), [signed_by(root), has(signer)]
    changed = bytearray(good)
    changed[pe.SECTION_AT + 5] ^= 1
    yield "changed", bytes(changed), [has(signer), *negated(signed_by(root))]
    wrong = bytearray(good)  # a bit of the signature itself, which is the last thing in it
    at = struct.unpack_from("<I", good, certificates_at(good))[0]
    content = signing.children(good[at + 8:])[0][1]
    wrong[at + 8 + len(content) - 9] ^= 1
    yield "signature changed", bytes(wrong), negated(signed_by(root))
    for name, added in (("zeros behind", bytes(64)), ("data behind", b"appended")):
        yield name, good + added, [has(signer), *negated(signed_by(root))]
        yield name + ", in the table", with_table(good, added), [has(signer), *negated(signed_by(root))]
        yield name + ", in the table only", with_table(good, added, False), [has(signer), *negated(signed_by(root))]


def line(name, row, trusted):
    return f"{name};{trusted:d};{row[0]};{row[1]};{row[2]};010001;1;1;1;0;a comment\n"


def check_verdicts(keys):
    """Lines of .crb files: who is trusted silences what is found, but not who is blocked."""
    root, signer, middle = (keys.row(name) for name in ("root", "signer", "middle"))
    trust, block = line("Good", root, True), line("Bad.Signer", signer, False)
    other = line("Bad.Other", middle, False)
    path = {name: keys.path(name) for name in ("found.ndb", "lines.crb", "target.exe")}
    with open(path["target.exe"], "wb") as out:
        out.write(keys.sign(signing.program(), "signer"))
    with open(path["found.ndb"], "w", encoding="ascii") as out:
        out.write("Found:1:0:4d5a0000\n")
    for lines, wanted in [("", {"Found"}), (trust, set()), (other, {"Found"}), (trust + other, set()),
                          (other + trust, set()), (block, {"Bad.Signer", "Found"}),
                          (trust + block, {"Bad.Signer", "Found"}), (block + other + trust, {"Bad.Signer", "Found"})]:
        with open(path["lines.crb"], "w", encoding="ascii") as out:
            out.write(lines or line("Unused", middle, True))
        done = run_scan(KUJO, "scan", "--definitions", "none", "--rules", path["found.ndb"], "--rules",
                        path["lines.crb"], path["target.exe"])
        found = {text.rpartition(": ")[2].removesuffix(" FOUND") for text in done.stdout.splitlines()
                 if text.endswith(" FOUND")}
        ok = bool(found) == bool(wanted) and found <= wanted and done.returncode == (1 if wanted else 0)
        Tap.say(ok, "verdict: " + " ".join(text.partition(";")[0] for text in lines.splitlines()),
                str(done.returncode), done.stdout, done.stderr)


def main():
    with tempfile.TemporaryDirectory() as folder:
        keys = make_keys(folder)
        check_all({name: (content, wanted) for name, content, wanted in cases(keys)}, "signed")
        check_verdicts(keys)
    print(f"1..{Tap.count}")
    return 1 if Tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
