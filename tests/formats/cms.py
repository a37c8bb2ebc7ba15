#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Signed, compressed and encrypted messages, read by kujo: cms.py WALK

Made by openssl, and where openssl does not make them, in BER written here. Each is given to `walk`
(walk.c) and what it finds is compared, by depth, name and hash, with what went in. Without openssl
its cases are a TAP skip. Sources: RFC 5652, RFC 3274, X.690."""

import base64
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zlib

ENTITY = b"Content-Type: application/octet-stream\r\n\r\ninert content\r\n"
FILE = b"%PDF-1.4\ninert, and no message\n"
PKCS7 = bytes.fromhex("2a864886f70d0107")
SMIME = bytes.fromhex("2a864886f70d01091001")
DATA, SIGNED, ENVELOPED, DIGESTED = (PKCS7 + bytes([n]) for n in (1, 2, 3, 5))
AUTHENTICATED, COMPRESSED = SMIME + b"\x02", SMIME + b"\x09"
INDEFINITE_END = b"\0\0"


class Skip(Exception):
    pass


# ---- BER -----------------------------------------------------------------------------------------

def element(tag, content):
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def indefinite(tag, content):
    return bytes([tag, 0x80]) + content + INDEFINITE_END


def oid(value):
    return element(6, value)


def structure(kind, *parts, make=element):
    return make(0x30, oid(kind) + make(0xA0, make(0x30, b"".join(parts))))


VERSION = element(2, b"\1")
ALGORITHMS = element(0x31, element(0x30, oid(bytes.fromhex("608648016503040201"))))


def content_info(octets, kind=DATA, make=element):
    return make(0x30, oid(kind) + make(0xA0, octets))


def signed(octets, kind=DATA, make=element):
    return structure(SIGNED, VERSION, ALGORITHMS, content_info(octets, kind, make),
                     element(0xA0, element(0x30, b"")), element(0x31, b""), make=make)


def compressed(data, kind=DATA):
    zlib_oid = bytes.fromhex("2a864886f70d0109100308")
    return structure(COMPRESSED, VERSION, element(0x30, oid(zlib_oid)),
                     content_info(element(4, zlib.compress(data)), kind))


def body_of(info):
    """The structure in a ContentInfo, without that."""
    at = info.index(b"\xA0", 11)
    size = info[at + 1]
    return info[at + 2 + (size & 0x7F if size >= 0x80 else 0):]


# ---- by openssl ----------------------------------------------------------------------------------

def openssl(*arguments):
    tool = shutil.which("openssl")
    if not tool:
        raise Skip("openssl is not installed")
    result = subprocess.run([tool, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if result.returncode:
        raise RuntimeError("openssl: " + result.stderr.decode()[-300:])
    return result.stdout


def made(*arguments, command="cms"):
    def make():
        if not os.path.exists("key.pem"):
            openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out",
                    "cert.pem", "-subj", "/CN=kujo", "-days", "2")
        with open("entity", "wb") as file:
            file.write(ENTITY)
        who = ["-signer", "cert.pem", "-inkey", "key.pem"] if "-sign" in arguments else []
        last = ["cert.pem"] if "-encrypt" in arguments else []
        return openssl(command, "-binary", "-in", "entity", *who, *arguments, *last)
    return make


# ---- the cases -----------------------------------------------------------------------------------

def deep_pieces(count, make):
    octets = element(4, ENTITY)
    for _ in range(count):
        octets = make(0x24, octets)
    return octets


def deep_indefinite(count):
    return b"\x24\x80" * count + element(4, ENTITY) + INDEFINITE_END * count


def pieces(make):
    parts = b"".join(element(4, ENTITY[i:i + 7]) for i in range(0, len(ENTITY), 7))
    return make(0x24, parts)


def nested(count):
    info = signed(element(4, ENTITY))
    for _ in range(count):
        info = signed(element(4, body_of(info)), SIGNED)
    return info


def armoured(label, data):
    return b"-----BEGIN %s-----\n%s-----END %s-----\n" % (label, base64.encodebytes(data), label)


MAIL = [("content", ENTITY)]
ENCRYPTED = "unsupported: encrypted"
# title, file name, writer, (name, content) of members in order, what is told
CASES = [
    ("signed, DER", "a.p7m", made("-sign", "-nodetach", "-outform", "DER"), MAIL, None),
    ("signed, streamed", "a.p7m", made("-sign", "-nodetach", "-stream", "-outform", "DER"), MAIL,
     None),
    ("signed, PEM of CMS", "a.pem", made("-sign", "-nodetach", "-outform", "PEM"),
     [("content.p7m", None)] + MAIL, None),
    ("signed, PEM of PKCS #7", "a.pem",
     made("-sign", "-nodetach", "-outform", "PEM", command="smime"),
     [("content.p7m", None)] + MAIL, None),
    ("detached", "smime.p7s", made("-sign", "-outform", "DER"), [], None),
    ("digested", "a.p7m", made("-digest_create", "-outform", "DER"), MAIL, None),
    ("encrypted", "a.p7m", made("-encrypt", "-outform", "DER"), [], ENCRYPTED),
    ("encrypted and authenticated", "a.p7m",
     made("-encrypt", "-aes-128-gcm", "-outform", "DER"), [], ENCRYPTED),
    ("signed by hand", "a.p7m", lambda: signed(element(4, ENTITY)), MAIL, None),
    ("a signed file", "x.pdf.p7m", lambda: signed(element(4, FILE)), [("x.pdf", FILE)], None),
    ("a string in pieces", "a.p7m", lambda: signed(pieces(element)), MAIL, None),
    ("a string in pieces, no lengths", "a.p7m",
     lambda: signed(pieces(indefinite), make=indefinite), MAIL, None),
    ("pieces in pieces", "a.p7m", lambda: signed(deep_pieces(3, element)), MAIL, None),
    ("10,000 levels of pieces", "a.p7m", lambda: signed(deep_indefinite(10000)), MAIL, None),
    ("10,000 levels with lengths", "a.p7m", lambda: signed(deep_pieces(10000, element)), MAIL,
     None),
    ("compressed", "a.p7m", lambda: compressed(ENTITY), MAIL, None),
    ("compressed, damaged", "a.p7m", lambda: compressed(ENTITY)[:-3] + b"\xFF\xFF\xFF", MAIL,
     "malformed"),
    ("signed in compressed", "a.p7m", lambda: compressed(body_of(signed(element(4, ENTITY))),
                                                         SIGNED), MAIL, None),
    ("compressed in signed", "a.p7m",
     lambda: signed(element(4, body_of(compressed(ENTITY))), COMPRESSED), MAIL, None),
    ("signed in signed", "a.p7m", lambda: nested(3), MAIL, None),
    ("signed in signed, PKCS #7", "a.p7m",
     lambda: signed(body_of(signed(element(4, ENTITY))), SIGNED), MAIL, None),
    ("signed in signed, whole", "a.p7m",
     lambda: signed(element(4, signed(element(4, ENTITY))), SIGNED), [("content", None)] + MAIL,
     None),
    ("signed 20 times", "a.p7m", lambda: nested(20), [], "limit: too many structures"),
    ("enveloped in signed", "a.p7m", lambda: signed(element(4, b"\x30\x00"), ENVELOPED), [],
     ENCRYPTED),
    ("authenticated", "a.p7m",
     lambda: structure(AUTHENTICATED, VERSION, element(0x31, b""), element(0x30, oid(b"\x2A\x03")),
                       content_info(element(4, ENTITY))), MAIL, None),
    ("plain data", "a.p7m", lambda: content_info(element(4, ENTITY)), MAIL, None),
    ("base64 once more", "a.p7m", lambda: base64.encodebytes(signed(element(4, ENTITY))), MAIL,
     None),
    ("cut", "a.p7m", lambda: signed(element(4, ENTITY))[:80], [("content", None)], "truncated"),
    ("a length beyond everything", "a.p7m",
     lambda: content_info(b"\x04\x88" + b"\xFF" * 8 + ENTITY), MAIL, "truncated"),
    ("a length of 127 bytes", "a.p7m",
     lambda: content_info(b"\x04\xFF" + b"\x00" * 126 + bytes([len(ENTITY)]) + ENTITY), MAIL, None),
    ("several blocks in PEM", "a.pem",
     lambda: armoured(b"CERTIFICATE", b"none") + armoured(b"CMS", signed(element(4, ENTITY))),
     [("content.p7m", None)] + MAIL, None),
    ("something else by that name", "a.p7m", lambda: b"no structure at all", [], None),
]


# ---- the comparison ------------------------------------------------------------------------------

def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return "%016x" % value


def walk(program, path):
    result = subprocess.run([program, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if result.returncode:
        raise RuntimeError("walk: %d %s" % (result.returncode, result.stderr.decode()[-2000:]))
    return result.stdout.decode().splitlines()


def check(lines, members, told):
    depth = 1
    seen = [line.split(" ") for line in lines[1:] if line[0] != "!"]
    for name, content in members:
        found = [line for line in seen if line[0] == str(depth) and line[1] == name]
        if len(found) != 1 or content is not None and found[0][4] != fnv1a(content):
            return "%s is missing in %s" % (name, lines)
        if content is ENTITY and "mail" not in found[0][3].split(","):
            return "it is no mail: %s" % found[0]
        depth += 1
    if not members and seen:
        return "there is something inside: %s" % lines
    unseen = [line for line in lines if line[0] == "!"]
    if told is None and unseen or told is not None and not any(told in line for line in unseen):
        return "told %s, not %s" % (unseen, told)
    return None


def run(program, name, make, members, told):
    with open(name, "wb") as file:
        file.write(make())
    started = time.monotonic()
    lines = walk(program, name)
    if time.monotonic() - started > 10:
        return "takes too long"
    return check(lines, members, told)


def main():
    program = os.path.abspath(sys.argv[1])
    failures = 0
    print("1..%d" % len(CASES))
    with tempfile.TemporaryDirectory(prefix="kujo-cms-") as place:
        os.chdir(place)
        for number, (title, *case) in enumerate(CASES, 1):
            try:
                problem = run(program, *case)
                print("%s %d - %s" % ("not ok" if problem else "ok", number, title))
            except Skip as why:
                problem = None
                print("ok %d - %s # SKIP %s" % (number, title, why))
            if problem:
                failures += 1
                print("# " + problem)
        os.chdir("/")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
