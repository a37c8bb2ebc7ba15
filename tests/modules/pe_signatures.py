#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Signatures as the `pe` module sees them: programs made here and signed by osslsigncode with keys
made for it, nested, stamped, countersigned, damaged. Prints TAP.

    pe_signatures.py FIELDS
"""
import hashlib
import os
import struct
import subprocess
import sys
import tempfile

import pe_files as pe

FIELDS = sys.argv[1]
PROGRAM_NAME = "A test / of names"


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, check=False, **options)
    if done.returncode != 0:
        raise SystemExit(f"Bail out! {command[:3]}: {done.stdout[-500:]}{done.stderr[-1500:]}")
    return done.stdout


def fields(path):
    lines = [line.partition(" = ") for line in run(FIELDS, "pe", path).decode("latin-1").split("\n")]
    return {field: value.strip('"') for field, equals, value in lines if equals and "sign" in field}


class Keys:
    """An authority and what it certifies, in a folder."""

    def __init__(self, folder):
        self.folder = folder
        self.make_root()
        self.issue("signer", "/C=DE/O=Example A\\/B/CN=Signer", "codeSigning", 0x0123456789)
        self.issue("second", "/CN=Second", "codeSigning", 0x22)
        self.issue("stamper", "/CN=Stamper", "critical,timeStamping", 0x33)

    def path(self, name):
        return os.path.join(self.folder, name)

    def make_root(self):
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-sha256", "-subj", "/O=Test/CN=Root", "-days",
            "9000", "-keyout", self.path("root.key"), "-out", self.path("root.pem"))

    def issue(self, name, subject, usage, serial):
        with open(self.path("ext"), "w", encoding="ascii") as out:
            out.write(f"extendedKeyUsage={usage}\n")
        run("openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", subject, "-keyout",
            self.path(name + ".key"), "-out", self.path(name + ".csr"))
        run("openssl", "x509", "-req", "-in", self.path(name + ".csr"), "-CA", self.path("root.pem"), "-CAkey",
            self.path("root.key"), "-set_serial", str(serial), "-days", "8000", "-sha256", "-extfile", self.path("ext"),
            "-out", self.path(name + ".crt"))
        with open(self.path(name + ".pem"), "wb") as out:
            for part in (name + ".crt", "root.pem"):
                with open(self.path(part), "rb") as file:
                    out.write(file.read())

    def sign(self, source, target, name="signer", *options):
        run("osslsigncode", "sign", "-certs", self.path(name + ".pem"), "-key", self.path(name + ".key"), *options,
            "-in", self.path(source), "-out", self.path(target))

    def digest(self, name):
        der = run("openssl", "x509", "-in", self.path(name + ".crt"), "-outform", "DER")
        return hashlib.sha1(der).hexdigest()


# ---- DER, to add what osslsigncode does not make ------------------------------------------------

def element(tag, content):
    length = len(content)
    head = bytes([length]) if length < 0x80 else bytes([0x82]) + struct.pack(">H", length)
    return bytes([tag]) + head + content


def children(der):
    """The elements of a constructed one, each (tag, whole, content); zeros behind them pad."""
    out = []
    while der and der[0]:
        length, at = der[1], 2
        if length >= 0x80:
            at = 2 + (length & 0x7F)
            length = int.from_bytes(der[2:at], "big")
        out.append((der[0], der[:at + length], der[at:at + length]))
        der = der[at + length:]
    return out


def open_certificate(program):
    """Offset of the certificate table, and the SignedData in it as elements."""
    at, size = struct.unpack_from("<II", program, pe.HEADER_AT + 24 + 96 + 32)
    length = struct.unpack_from("<I", program, at)[0]
    content_info = children(program[at + 8:at + length])[0]
    oid, slot = children(content_info[2])[:2]
    return at, oid, children(children(slot[2])[0][2])


def close_certificate(program, at, oid, signed_data):
    der = element(0x30, oid[1] + element(0xA0, element(0x30, b"".join(signed_data))))
    der += b"\0" * (-len(der) % 8)
    table = struct.pack("<IHH", len(der) + 8, 0x200, 2) + der
    out = bytearray(program[:at] + table)
    struct.pack_into("<II", out, pe.HEADER_AT + 24 + 96 + 32, at, len(table))
    return bytes(out)


def countersign(keys, program):
    """Adds a countersignature in the form of PKCS #9, which signs the signature."""
    at, oid, signed_data = open_certificate(program)
    parts = [whole for _, whole, _ in signed_data]
    signer = children(children(parts[-1])[0][2])[0]
    signature = [content for tag, _, content in children(signer[2]) if tag == 0x04][0]
    with open(keys.path("data"), "wb") as out:
        out.write(signature)
    made = run("openssl", "cms", "-sign", "-binary", "-md", "sha256", "-in", keys.path("data"), "-signer",
               keys.path("stamper.crt"), "-inkey", keys.path("stamper.key"), "-outform", "DER")
    by = children(children(children(children(made)[0][2])[1][2])[0][2])
    other_signer = children(by[-1][2])[0][1]
    certificates = [content for tag, _, content in by if tag == 0xA0][0]
    attribute = element(0x30, bytes.fromhex("06092a864886f70d010906") + element(0x31, other_signer))
    own = [whole for tag, whole, _ in children(signer[2]) if tag != 0xA1]
    parts[-1] = element(0x31, element(0x30, b"".join(own) + element(0xA1, attribute)))
    for i, (tag, _, content) in enumerate(signed_data):
        if tag == 0xA0:
            parts[i] = element(0xA0, content + certificates)
    return close_certificate(program, at, oid, parts)


# ---- cases --------------------------------------------------------------------------------------

def program(is64=False):
    p = pe.Program(is64)
    pe.add_imports(p, [(b"KERNEL32.dll", [b"ExitProcess"])])
    return p.make()


def file_digest(signed, is64=False):
    """The digest that a signature has of the file, computed here."""
    checksum, directory = pe.HEADER_AT + 88, pe.HEADER_AT + 24 + (112 if is64 else 96) + 32
    at = struct.unpack_from("<I", signed, directory)[0]
    return hashlib.sha256(signed[:checksum] + signed[checksum + 4:directory] + signed[directory + 8:at]).hexdigest()


def signer_is(keys, name, prefix, serial, subject):
    return {prefix + "thumbprint": keys.digest(name), prefix + "issuer": "/O=Test/CN=Root", prefix + "subject": subject,
            prefix + "version": "3", prefix + "algorithm": "sha256WithRSAEncryption",
            prefix + "algorithm_oid": "1.2.840.113549.1.1.11", prefix + "serial": serial}


def cases(keys):
    """(what, a program, what its fields have to be)."""
    def read(name):
        with open(keys.path(name), "rb") as file:
            return file.read()

    def write(name, content):
        with open(keys.path(name), "wb") as out:
            out.write(content)

    for is64 in (False, True):
        write("plain", program(is64))
        keys.sign("plain", f"signed{is64:d}", "signer", "-h", "sha256", "-n", PROGRAM_NAME)
        signed = read(f"signed{is64:d}")
        digest = file_digest(signed, is64)
        yield f"signed, {64 if is64 else 32} bits", signed, {
            "is_signed": "1", "number_of_signatures": "1", "signatures[0].verified": "1",
            "signatures[0].digest_alg": "sha256", "signatures[0].digest": digest, "signatures[0].file_digest": digest,
            "signatures[0].number_of_certificates": "2", "signatures[0].signer_info.length_of_chain": "2",
            "signatures[0].signer_info.digest_alg": "sha256", "signatures[0].number_of_countersignatures": "0",
            "signatures[0].signer_info.program_name": PROGRAM_NAME,
            "signatures[0].signer_info.chain[1].subject": "/O=Test/CN=Root",
            **signer_is(keys, "signer", "signatures[0].", "01:23:45:67:89", "/C=DE/O=Example A/B/CN=Signer"),
            **signer_is(keys, "signer", "signatures[0].signer_info.chain[0].", "01:23:45:67:89",
                        "/C=DE/O=Example A/B/CN=Signer")}
    signed = read("signed0")
    changed = bytearray(signed)
    changed[pe.SECTION_AT + 5] ^= 1
    yield "changed", bytes(changed), {
        "is_signed": "0", "number_of_signatures": "1", "signatures[0].verified": "0",
        "signatures[0].digest": file_digest(signed), "signatures[0].file_digest": file_digest(bytes(changed)),
        "signatures[0].subject": "/C=DE/O=Example A/B/CN=Signer"}
    at, oid, parts = open_certificate(signed)
    broken = bytearray(signed)
    broken[at + struct.unpack_from("<I", signed, at)[0] - 40] ^= 1
    yield "a changed signature", bytes(broken), {
        "is_signed": "0", "number_of_signatures": "1", "signatures[0].verified": "0"}
    bare = close_certificate(signed, at, oid, [whole for tag, whole, _ in parts if tag != 0xA0])
    yield "no certificates", bare, {"is_signed": "0", "number_of_signatures": "0"}
    unsigned = close_certificate(signed, at, oid, [whole for _, whole, _ in parts[:-1]] + [element(0x31, b"")])
    yield "nobody signed", unsigned, {"is_signed": "0", "number_of_signatures": "0"}
    data = element(0x30, bytes.fromhex("06092a864886f70d010701") + element(0xA0, element(0x04, b"text")))
    foreign = close_certificate(signed, at, oid, [parts[0][1], parts[1][1], data] + [w for _, w, _ in parts[3:]])
    yield "another content", foreign, {
        "is_signed": "0", "number_of_signatures": "1", "signatures[0].verified": "0",
        "signatures[0].number_of_certificates": "2", "signatures[0].digest": None, "signatures[0].subject": None,
        "signatures[0].signer_info.length_of_chain": None, "signatures[0].number_of_countersignatures": "0"}
    yield "noise", signed[:at + 8] + b"\x30\x82" + bytes(range(200)) + signed[at + 210:], {
        "is_signed": "0", "number_of_signatures": "0"}
    write("stripped", signed)
    keys.sign("stripped", "nested", "second", "-h", "sha1", "-nest")
    nested = read("nested")
    yield "nested", nested, {
        "is_signed": "1", "number_of_signatures": "2", "signatures[0].verified": "1", "signatures[1].verified": "1",
        "signatures[1].digest_alg": "sha1", "signatures[1].subject": "/CN=Second", "signatures[1].serial": "22"}
    keys.sign("plain", "stamped", "signer", "-h", "sha256", "-TSA-certs", keys.path("stamper.pem"), "-TSA-key",
              keys.path("stamper.key"), "-TSA-time", "1600000000")
    stamped = read("stamped")
    counter = "signatures[0].countersignatures[0]."
    yield "stamped", stamped, {
        "is_signed": "1", "signatures[0].number_of_countersignatures": "1", counter + "verified": "1",
        counter + "sign_time": "1600000000", counter + "digest_alg": "sha256", counter + "length_of_chain": "2",
        counter + "chain[0].subject": "/CN=Stamper", counter + "chain[1].subject": "/O=Test/CN=Root"}
    countersigned = countersign(keys, signed)
    wanted = {
        "is_signed": "1", "number_of_signatures": "1", "signatures[0].number_of_countersignatures": "1",
        counter + "verified": "1", counter + "digest_alg": "sha256", counter + "length_of_chain": "2",
        counter + "chain[0].subject": "/CN=Stamper", "signatures[0].number_of_certificates": "3"}
    yield "countersigned", countersigned, wanted
    where = countersigned.rfind(bytes.fromhex("06092a864886f70d010904"))  # its digest of the signature
    false_counter = bytearray(countersigned)
    false_counter[where + 20] ^= 1
    yield "countersigned falsely", bytes(false_counter), {**wanted, counter + "verified": "0"}
    for length, what in ((at + 4, "cut in the table"), (at + 100, "cut in the signature"), (at, "cut off")):
        yield what, signed[:length], {"is_signed": "0", "number_of_signatures": "0"}


def check(folder, content, wanted):
    path = os.path.join(folder, "target")
    with open(path, "wb") as out:
        out.write(content)
    have = fields(path)
    return [f"{field}: {have.get(field)}, not {value}" for field, value in wanted.items() if have.get(field) != value]


def main():
    with tempfile.TemporaryDirectory() as folder:
        keys = Keys(folder)
        failed = number = 0
        for number, (what, content, wanted) in enumerate(cases(keys), 1):
            wrong = check(folder, content, wanted)
            for line in wrong:
                print("# " + line)
            failed += bool(wrong)
            print(f"{'not ok' if wrong else 'ok'} {number} - {what}", flush=True)
        print(f"1..{number}")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
