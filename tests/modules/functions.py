#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The functions of the modules hash, math, string, console, magic, cuckoo and androguard.

What Debian's yara 4.2 knows is asked of it and of kujo: each expression is a rule that has its
value printed. What is newer, or was wrong in 4.2, is held against the values of a table. Prints
TAP. KUJO: the program's path.
"""
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

KUJO = os.environ["KUJO"]
CHANCE = random.Random(19970704)

INPUTS = {
    "nothing": b"",
    "a byte": b"\xff",
    "text": b"The quick brown fox jumps over the lazy dog.\n" * 7,
    "one value": b"A" * 1000,
    "all values": bytes(range(256)) * 3,
    "random": CHANCE.randbytes(5000),
    "large": CHANCE.randbytes(30000) + bytes(40000) + b"PK" * 5000,
}

RANGES = [
    "0, filesize", "0, filesize + 1", "0, filesize - 1", "1, filesize", "filesize - 1, 1",
    "filesize - 1, 1000", "filesize, 0", "filesize, 1", "filesize + 1, 1", "0, 0", "3, 0", "0, 1",
    "0, 6", "0, 5", "2, 13", "-1, 10", "0, -1", "-1, -1", "0, 0x7FFFFFFFFFFFFFFF",
    "0x7FFFFFFFFFFFFFFF, 1", "1, 0x7FFFFFFFFFFFFFFF", "100, 700", "100, 701", "4000, 66000",
    "-0x7FFFFFFFFFFFFFFF - 1, 5", "5, -0x7FFFFFFFFFFFFFFF - 1",
]
RANGES += [f"{CHANCE.randrange(6000)}, {CHANCE.randrange(3000)}" for _ in range(12)]

TEXTS = ["", "A", "AB", "dummy", "ABCDEF123456987", r"\x00", r"\x80\xff", r"a\x00b\x00c", "z" * 300]
TEXTS += ["".join(f"\\x{CHANCE.randrange(256):02x}" for _ in range(CHANCE.randrange(1, 40)))
          for _ in range(8)]

DIGESTS = ["md5", "sha1", "sha256", "checksum32", "crc32"]
STATISTICS = ["entropy", "mean", "monte_carlo_pi"]


def of_ranges():
    for where in RANGES:
        yield from (f"hash.{name}({where})" for name in DIGESTS)
        yield from (f"math.{name}({where})" for name in STATISTICS)
        yield from (f"math.deviation({where}, {mean})" for mean in ("math.MEAN_BYTES", "0.0", "-7.25"))
        yield f"math.mode({where})"
        for byte in ("0x41", "0", "255", "0x141", "-1"):
            yield f"math.count({byte}, {where})"
            yield f"math.percentage({byte}, {where})"


def of_texts():
    for text in TEXTS:
        yield from (f'hash.{name}("{text}")' for name in DIGESTS)
        yield from (f'math.{name}("{text}")' for name in STATISTICS)
        yield from (f'math.deviation("{text}", {mean})' for mean in ("math.MEAN_BYTES", "65.5"))


def of_numbers():
    numbers = ["0", "1", "-1", "5", "filesize", "0x7FFFFFFFFFFFFFFF", "-0x7FFFFFFFFFFFFFFF - 1"]
    for a in numbers:
        yield f"math.abs({a})"
        for b in numbers:
            yield f"math.min({a}, {b})"
            yield f"math.max({a}, {b})"
    for a, b, c in (("1.0", "0.0", "2.0"), ("2.0", "0.0", "2.0"), ("2.1", "0.0", "2.0"),
                    ("0.0", "0.0", "0.0"), ("-1.0", "0.0", "1.0"), ("1.0", "2.0", "0.0"),
                    ("math.entropy(0, filesize)", "0.5", "7.9"), ("0.0 \\ 0.0", "0.0", "1.0")):
        yield f"math.in_range({a}, {b}, {c})"
    yield from ("math.to_number(filesize > 3)", "math.to_number(not filesize > 3)",
                "math.to_number(uint8(filesize) == 1)", "math.mode()", "math.MEAN_BYTES")
    for byte in ("0x41", "0", "255", "0x141", "-1"):
        yield f"math.count({byte})"
        yield f"math.percentage({byte})"
    yield from ("magic.type()", "magic.mime_type()", "time.now() > 1600000000 and time.now()")


REAL = re.compile(r"math\.(entropy|mean|monte|deviation|percentage|MEAN|serial)")


def print_rule(number, expression):
    """A rule that has the value printed, a real one with 15 digits."""
    logs = [f'console.log("= {number} ", {expression})']
    if REAL.match(expression):
        logs.append(f'console.log("+ {number} ", ({expression}) * 1000000000)')
    if expression.startswith("time"):
        logs = [f'{expression.split(" and ")[0]} and console.log("= {number} ", 1)']
    return f"rule r{number} {{ condition: {' and '.join(logs)} }}\n"


IMPORTS = "".join(f'import "{name}"\n' for name in ("hash", "math", "console", "magic", "time"))


class Folder:
    def __init__(self, path):
        self.path = path
        self.count = 0

    def write(self, content):
        self.count += 1
        path = os.path.join(self.path, f"f{self.count}")
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return path


def run(command):
    done = subprocess.run(command, capture_output=True, check=False, timeout=120)
    lines = (done.stdout + done.stderr).decode("utf-8", "replace").splitlines()
    if any("Sanitizer" in line or "runtime error" in line for line in lines):
        raise SystemExit("Bail out! " + "\n".join(lines[:50]))
    return done.returncode, lines


def by_kujo(rules, target, *options):
    code, lines = run([KUJO, "scan", "--definitions", "none", "--rules", rules, "--rules-kind",
                       "yara", "--all", *options, target])
    if code not in (0, 1, 2):
        raise SystemExit(f"Bail out! kujo: {lines[:20]}")
    return lines


def printed(lines):
    """What was printed, by mark and number."""
    found = {}
    for line in lines:
        match = re.match(r"(?:.*: console: )?([=+] \d+) (.*)$", line)
        if match:
            found[match.group(1)] = match.group(2)
    return found


def rules_found(lines):
    return {match.group(1) or match.group(2) for line in lines
            if (match := re.match(r"(?:.*: (\w+) FOUND|(\w+) /)", line))}


def compare(folder, expressions, content):
    """In portions: rules print no more than a thousand lines about a file."""
    wrong, answers = [], 0
    for start in range(0, len(expressions), 400):
        differences, count = compare_some(folder, expressions[start:start + 400], content)
        wrong += differences
        answers += count
    return wrong if answers > 100 else ["yara answers hardly anything"]


def compare_some(folder, expressions, content):
    target = folder.write(content)
    rules = folder.write(IMPORTS + "".join(map(print_rule, range(len(expressions)), expressions)))
    theirs, ours = printed(run(["yara", "-w", rules, target])[1]), printed(by_kujo(rules, target))
    wrong = [f"{key} {expressions[int(key[2:])]}: yara {theirs.get(key)}, kujo {ours.get(key)}"
             for key in sorted(theirs.keys() | ours.keys()) if theirs.get(key) != ours.get(key)]
    return wrong, len(theirs)


# ---- what is newer than the oracle ----------------------------------------------------------------


def correlation(values):
    """Knuth, The Art of Computer Programming 2, 3.3.2 K: each value with the next one."""
    n, total = len(values), sum(values)
    products = sum(a * b for a, b in zip(values, values[1:] + values[:1]))
    spread = n * sum(v * v for v in values) - total * total
    return (n * products - total * total) / spread if spread else -100000


def correlations(content):
    """Conditions that hold. Debian's yara 4.2 pairs the last byte with itself, not with the first."""
    values = list(content)
    for start, count in ((0, len(values)), (0, len(values) + 5), (1, 6), (3, 3), (2, 1), (0, 0)):
        part = values[start:start + count]
        if start >= len(values):
            yield f"not defined math.serial_correlation({start}, {count})"
        else:
            near = correlation(part)
            yield (f"math.in_range(math.serial_correlation({start}, {count}), "
                   f"{near - 1e-12:.15f}, {near + 1e-12:.15f})")
    yield f"not defined math.serial_correlation({len(values)}, 1)"
    yield "not defined math.serial_correlation(-1, 1)"


# docs/modules/{math,string}.rst of YARA 4.5; strtoll(3) where they say nothing.
NEWER = r"""
math.to_string(10) == "10"
math.to_string(-1) == "-1"
math.to_string(-0x7FFFFFFFFFFFFFFF - 1) == "-9223372036854775808"
math.to_string(32, 16) == "20"
math.to_string(32, 8) == "40"
math.to_string(-5, 10) == "-5"
math.to_string(-1, 16) == "ffffffffffffffff"
math.to_string(-1, 8) == "1777777777777777777777"
not defined math.to_string(32, 9)
not defined math.to_string(32, 0)
math.serial_correlation("BCA") == -0.5
math.serial_correlation("") == -100000.0
math.serial_correlation("zzzz") == -100000.0
string.to_int("1234") == 1234
string.to_int("-10") == -10
string.to_int("-010") == -8
string.to_int("+0x1F") == 31
string.to_int("0X1f") == 31
string.to_int(" \t\n7") == 7
string.to_int("0") == 0
string.to_int("00") == 0
string.to_int("9223372036854775807") == 0x7FFFFFFFFFFFFFFF
string.to_int("-9223372036854775808") < -0x7FFFFFFFFFFFFFFF
not defined string.to_int("9223372036854775808")
not defined string.to_int("-9223372036854775809")
not defined string.to_int("99999999999999999999999999")
not defined string.to_int("")
not defined string.to_int(" ")
not defined string.to_int("-")
not defined string.to_int("x")
not defined string.to_int("0x")
not defined string.to_int("0xg")
not defined string.to_int("08")
not defined string.to_int("1 ")
not defined string.to_int("10A20")
not defined string.to_int("--1")
not defined string.to_int("- 1")
string.to_int("12\x0034") == 12
string.to_int("011", 8) == 9
string.to_int("-011", 0) == -9
string.to_int("0x10", 16) == 16
string.to_int("ff", 16) == 255
string.to_int("zZ", 36) == 1295
string.to_int("0x1", 36) == 1189
string.to_int("101", 2) == 5
string.to_int("10", 0x10000000A) == 10
not defined string.to_int("2", 2)
not defined string.to_int("0x10", 10)
not defined string.to_int("1", 1)
not defined string.to_int("1", 37)
not defined string.to_int("1", -1)
string.length("AXS\x00ERS") == 7
string.length("") == 0
string.length(hash.md5(0, filesize)) == 32
not defined string.length(hash.md5(0, -1))
time.now() > 1600000000
"""


def wrong_conditions(folder, conditions, content, *options, imports=()):
    """Those that kujo finds false."""
    names = sorted({"math", "hash", "string", "time"} | set(imports))
    text = "".join(f'import "{name}"\n' for name in names)
    text += "".join(f"rule r{i} {{ condition: {c} }}\n" for i, c in enumerate(conditions))
    lines = by_kujo(folder.write(text), folder.write(content), *options)
    found = rules_found(lines)
    if not found:
        return lines[:10]
    return [c for i, c in enumerate(conditions) if f"r{i}" not in found]


# ---- reports --------------------------------------------------------------------------------------

CUCKOO = {
    "network": {
        "domains": [{"ip": "192.0.2.1", "domain": "foo.example.org"}, {"domain": "noip.example"},
                    {"ip": 5, "domain": "badip.example"}, 7],
        "dns": [{"ip": "192.0.2.9", "hostname": "old.example"}],
        "http": [{"uri": "http://a.example/x", "method": "GET", "user-agent": "Agent/1"},
                 {"uri": "http://b.example/y", "method": "post"}, {"user-agent": "Other"},
                 {"uri": "http://c.example/z", "method": "PUT"}, 5, None],
        "hosts": ["192.0.2.10", ""],
        "tcp": [{"dst": "192.0.2.2", "dport": 443}, {"dst": "192.0.2.3", "dport": "80"},
                {"dst": "192.0.2.9", "dport": 4294967376}, {"dport": 1}, []],
        "udp": [{"dst": "192.0.2.4", "dport": 53}],
    },
    "behavior": {"summary": {"keys": ["HKLM\\Software\\X"], "files": ["C:\\a\0b.txt"],
                             "mutexes": ["mtx", "\u30af\u30b8\u30e7"]}},
    "else": [[[{"deep": 1}]]],
}

CUCKOO_CONDITIONS = r"""
cuckoo.network.dns_lookup(/foo/)
cuckoo.network.dns_lookup(/noip/)
cuckoo.network.dns_lookup(/badip/)
cuckoo.network.dns_lookup(/old/)
cuckoo.network.http_get(/a\.example/)
cuckoo.network.http_get(/b\.example/)
cuckoo.network.http_post(/a\.example/)
cuckoo.network.http_post(/b\.example/)
cuckoo.network.http_request(/[ab]\.example/)
cuckoo.network.http_request(/c\.example/)
cuckoo.network.http_request(/HTTP:.*b/i)
cuckoo.network.http_user_agent(/^Agent/)
cuckoo.network.http_user_agent(/Other/)
cuckoo.network.http_user_agent(/example/)
cuckoo.network.host(/192\.0/)
cuckoo.network.host(/^$/)
cuckoo.network.tcp(/192.0.2.2/, 443)
cuckoo.network.tcp(/192.0.2.2/, 444)
cuckoo.network.tcp(/192.0.2.4/, 443)
cuckoo.network.tcp(/192.0.2.3/, 80)
cuckoo.network.tcp(/192.0.2.9/, 80)
cuckoo.network.tcp(/192.0.2.9/, filesize)
cuckoo.network.udp(/./, 53)
cuckoo.network.udp(/192.0.2.2/, 443)
cuckoo.registry.key_access(/software\\x/i)
cuckoo.registry.key_access(/mtx/)
cuckoo.filesystem.file_access(/a$/)
cuckoo.filesystem.file_access(/b/)
cuckoo.sync.mutex(/^mtx$/)
cuckoo.sync.mutex(/\xe3\x82\xaf/)
cuckoo.sync.mutex(/t*/)
not cuckoo.sync.mutex(/zzz/)
cuckoo.sync.mutex(/mtx/) == 1
"""


def cuckoo_reports():
    """The whole one, and ones in which something is of another kind."""
    yield CUCKOO
    yield {}
    yield {"network": None, "behavior": 5}
    yield [CUCKOO]
    for key in CUCKOO["network"]:
        for value in (None, 5, "text", {}, []):
            yield {**CUCKOO, "network": {**CUCKOO["network"], key: value}}
        yield {**CUCKOO, "network": {k: v for k, v in CUCKOO["network"].items() if k != key}}
    yield {**CUCKOO, "behavior": {"summary": []}}
    yield {**CUCKOO, "behavior": [1]}


def compare_cuckoo(folder, report):
    conditions = CUCKOO_CONDITIONS.strip().splitlines()
    rules = folder.write('import "cuckoo"\n' + "".join(
        f"rule r{i} {{ condition: {c} }}\n" for i, c in enumerate(conditions)))
    target, data = folder.write(b"x" * 80), []
    options = []
    if report is not None:
        data = ["-x", "cuckoo=" + folder.write(json.dumps(report))]
        options = ["--module-data", data[1]]
    theirs = rules_found(run(["yara", "-w", *data, rules, target])[1])
    ours = rules_found(by_kujo(rules, target, *options))
    return [f"{'kujo' if r in ours else 'yara'} alone: {conditions[int(r[1:])]} in "
            f"{json.dumps(report)[:200]}" for r in sorted(theirs ^ ours)]


ANDROGUARD = {
    "app_name": "A Game", "package_name": "org.example.game", "main_activity": "org.example.Main",
    "displayed_version": "1.2", "min_sdk_version": "8", "max_sdk_version": None,
    "target_sdk_version": 19, "activities": ["org.example.Main", 5], "services": ["org.example.Sync"],
    "receivers": ["org.example.Boot"], "filters": ["android.intent.action.MAIN"],
    "urls": ["http://www.example.org/a"], "permissions": ["android.permission.SEND_SMS"],
    "new_permissions": ["org.example.MINE"],
    "certificate": {"sha1": "00112233445566778899AABBCCDDEEFF00112233", "issuerDN": "C=XX, O=Issuer",
                    "subjectDN": "C=XX, O=Subject", "not_before": "2014-01-02", "not_after": "2039"},
}

ANDROGUARD_CONDITIONS = r"""
androguard.app_name("a game")
androguard.app_name(/Game$/)
not androguard.app_name("Game")
androguard.package_name(/example\.game/)
androguard.package_name("org.example.game")
androguard.main_activity(/Main/)
androguard.displayed_version("1.2")
androguard.displayed_version(/^1/)
not androguard.version_code(/./)
androguard.activity("org.example.main")
androguard.activity(/main/i)
not androguard.activity(/5/)
androguard.service(/Sync/)
androguard.service("org.example.Sync")
androguard.receiver(/Boot/)
androguard.filter(/MAIN/)
androguard.filter("android.intent.action.main")
androguard.url(/example\.org/)
androguard.url("http://www.example.org/A")
not androguard.url(/example\.com/)
androguard.permission(/SEND_SMS/)
androguard.permission(/MINE/)
not androguard.permission(/INTERNET/)
androguard.permissions_number == 2
androguard.min_sdk == 8 and androguard.target_sdk == 19 and androguard.max_sdk == 0
androguard.certificate.sha1("00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33")
androguard.certificate.sha1("00112233445566778899aabbccddeeff00112233")
not androguard.certificate.sha1("00112233445566778899aabbccddeeff0011223")
androguard.certificate.issuer(/O=Issuer/)
androguard.certificate.subject(/O=Subject/)
androguard.certificate.not_before("2014-01-02") and androguard.certificate.not_before(/^2014/)
androguard.certificate.not_after("2039") and androguard.certificate.not_after(/203/)
androguard.number_of_activities == 2 and androguard.number_of_permissions == 2
"""

WITHOUT_REPORT = r"""
not androguard.url(/./)
not androguard.app_name("")
androguard.permission(/./) == 0
not defined androguard.min_sdk
not defined androguard.permissions_number
not cuckoo.network.host(/./)
cuckoo.sync.mutex(/./) == 0
"""

BROKEN = [b"", b"{", b"[1,]", b"\xff{}", b"{} x", b'{"network":' + b"[" * 100000, b"{\"a\":\"\x01\"}",
          b"[" + b"{}," * 1_100_000 + b"1]"]


def broken_report_answers(folder, report):
    """Nothing is known, and that is told."""
    rules = folder.write('import "cuckoo" import "androguard"\n'
                         "rule r0 { condition: not defined cuckoo.network.host(/./) and "
                         "not defined androguard.min_sdk }")
    data = folder.write(report)
    lines = by_kujo(rules, folder.write(b"x"), "--module-data", "cuckoo=" + data,
                    "--module-data", "androguard=" + data)
    told = [line for line in lines if ": not fully scanned: a module's report (--module-data)" in line]
    return [] if rules_found(lines) == {"r0"} and len(told) == 2 else lines[:10]


# ---- the time it takes ----------------------------------------------------------------------------


def takes_long(folder):
    """The same question again and again is answered once."""
    loop = "for all i in (1..20000) : (hash.sha256(0, filesize) != \"x\" and math.entropy(1, filesize) > i - 20000)"
    start = time.monotonic()
    wrong = wrong_conditions(folder, [loop], CHANCE.randbytes(4 << 20))
    took = time.monotonic() - start
    return wrong or ([f"{took:.1f} s"] if took > 5 else [])


def cases(folder):
    if shutil.which("yara"):
        expressions = [*of_ranges(), *of_texts(), *of_numbers()]
        for name, content in INPUTS.items():
            yield f"{len(expressions)} expressions on {name}", compare(folder, expressions, content)
        wrong = [line for report in cuckoo_reports() for line in compare_cuckoo(folder, report)]
        yield "cuckoo", wrong + compare_cuckoo(folder, None)
    for content in (b"ABCABC", b"\x00\xff\x80\x7f" * 5, b"z"):
        yield "serial correlation", wrong_conditions(folder, list(correlations(content)), content)
    yield "what is newer", wrong_conditions(folder, NEWER.strip().splitlines(), b"some text")
    both = ("androguard", "cuckoo")
    report = "androguard=" + folder.write(json.dumps(ANDROGUARD))
    yield "androguard", wrong_conditions(folder, ANDROGUARD_CONDITIONS.strip().splitlines(), b"x",
                                         "--module-data", report, imports=both)
    yield "without a report", wrong_conditions(folder, WITHOUT_REPORT.strip().splitlines(), b"x",
                                               imports=both)
    for number, report in enumerate(BROKEN):
        yield f"broken report {number}", broken_report_answers(folder, report)
    yield "no question twice", takes_long(folder)


def main():
    failed = count = 0
    with tempfile.TemporaryDirectory() as path:
        for name, wrong in cases(Folder(path)):
            count += 1
            failed += bool(wrong)
            print(f"{'not ok' if wrong else 'ok'} {count} - {name}", flush=True)
            for line in wrong[:20]:
                print("#", line)
    print(f"1..{count}")
    return 1 if failed else 0


sys.exit(main())
