#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kujo scan from the outside: exit codes, outputs, options, names that mean harm."""

import base64
import json
import os
import subprocess
import sys
import zipfile

from kit import (EICAR, EICAR_NAME, KUJO, Skip, case, check, environment, equal, kujo, run_cases,
                 tool, write)

RULE = b'rule one { strings: $a = "a needle" condition: $a }\n'


def eicar_zip(path="e.zip", name="e.com"):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, EICAR)
    return path


def sealed_zip(path="locked.zip"):
    """A ZIP whose member says that it is encrypted (flag bit 0); its bytes are noise."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("secret.bin", b"\x5a" * 64)
    data = bytearray(open(path, "rb").read())
    for signature, field in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(signature) + field] |= 1
    return write(path, data)


def jsons(result):
    rows = [json.loads(line) for line in result.lines]
    check(all(row["kujo"] == 1 and "type" in row for row in rows), result)
    return rows


# ---- the EICAR file ------------------------------------------------------------------------------

def exactness():
    rows = [(EICAR, True)]
    for byte in b"\t\n\r \x1a":
        rows.append((EICAR + bytes([byte]), True))
    for byte in b"\0\x0b\x0c!aA0\x1b\x80\xff":
        rows.append((EICAR + bytes([byte]), False))
    rows.append((EICAR + b" " * 59 + b"x", False))
    rows.append((EICAR + b" " * 60, True))          # 128 bytes
    rows.append((EICAR + b"\r\n" * 30, True))
    rows.append((EICAR + b" " * 61, False))         # 129 bytes
    rows.append((EICAR + b"\n" * 1000, False))
    rows.append((b" " + EICAR, False))
    rows.append((b"\xef\xbb\xbf" + EICAR, False))
    rows.append((EICAR[:-1], False))
    rows.append((EICAR[1:], False))
    rows.append((EICAR.lower(), False))
    rows.append((EICAR.replace(b"!P%", b"!p%"), False))
    rows.append((EICAR * 2, False))
    return rows


@case("EICAR: the string, and at most 128 bytes with the blanks behind it; nothing else")
def _():
    for i, (data, _) in enumerate(exactness()):
        write("%02d" % i, data)
    result = kujo("scan", ".", code=1)
    found = {line.split(":")[0] for line in result.found}
    for i, (data, wanted) in enumerate(exactness()):
        equal("./%02d" % i in found, wanted, "case %d: %r, %d bytes" % (i, data[60:80], len(data)))


# ---- exit codes ----------------------------------------------------------------------------------

@case("exit codes: 0 clean, 1 found, 2 trouble; found wins")
def _():
    write("clean", b"nothing here")
    write("e.com", EICAR)
    sealed_zip()
    rows = [
        (["clean"], 0), (["e.com"], 1), (["absent"], 2), (["locked.zip"], 2),
        (["e.com", "absent"], 1), (["e.com", "locked.zip"], 1), (["clean", "absent"], 2),
        (["clean", "locked.zip"], 2), (["--incomplete-ok", "locked.zip"], 0),
        (["--incomplete-ok", "locked.zip", "absent"], 2),
        (["--incomplete-ok", "locked.zip", "e.com"], 1), ([], 2), (["--bogus", "clean"], 2),
        (["--definitions", "none", "clean"], 2), (["--jobs", "x", "clean"], 2),
        (["--max-bytes", "12Q", "clean"], 2), (["--files-from", "absent"], 2),
        (["--rules-kind", "perl", "--rules", "clean", "clean"], 2),
    ]
    for arguments, code in rows:
        for quiet in ([], ["--quiet"]):
            result = kujo("scan", *quiet, *arguments, code=code)
            if code == 2:
                check(result.notes, "no word about the trouble", result)


@case("an empty folder and an empty file are clean")
def _():
    os.mkdir("empty")
    write("nothing")
    equal(kujo("scan", "-q", "empty", "nothing", code=0).out, b"")


@case("help is on standard output, mistakes in usage on standard error")
def _():
    for words in (["--help"], ["scan", "--help"], ["defs", "--help"], ["info", "--help"],
                  ["defs", "build", "--help"], ["--version"]):
        result = kujo(*words, code=0)
        check(result.out and not result.err, result)
    for words in (["bogus"], ["scan", "--bogus"], ["defs", "bogus"]):
        result = kujo(*words, code=2)
        check(result.err and not result.out, result)


# ---- outputs -------------------------------------------------------------------------------------

@case("results on standard output, the rest on standard error")
def _():
    write("e.com", EICAR)
    sealed_zip()
    result = kujo("scan", "-q", "e.com", "locked.zip", "absent", code=1)
    equal(result.lines, ["e.com: %s FOUND" % EICAR_NAME])
    equal(len(result.notes), 2, result)
    check(any(line.startswith("locked.zip!secret.bin: not fully scanned: ")
              and "encrypted" in line for line in result.notes), result)
    check(any(line.startswith("kujo: absent: ") and "No such file" in line
              for line in result.notes), result)


@case("--json: every line is JSON, and says what the text says")
def _():
    os.mkdir("d")
    write("d/e.com", EICAR)
    eicar_zip("d/e.zip", "in/side.com")
    sealed_zip("d/locked.zip")
    os.mkfifo("d/pipe")
    text = kujo("scan", "d", "absent", code=1)
    rows = jsons(kujo("scan", "--json", "d", "absent", code=1))
    found = ["%s%s: %s FOUND" % (row["path"], "!" + row["member"] if "member" in row else "",
                                 row["name"]) for row in rows if row["type"] == "detection"]
    equal(found, text.found)
    kinds = [row["type"] for row in rows]
    equal((kinds.count("incomplete"), kinds.count("error"), kinds.count("skipped"), kinds[-1]),
          (1, 1, 1, "summary"))
    summary = rows[-1]
    equal((summary["detected_files"], summary["detected_objects"], summary["incomplete"],
           summary["errors"], summary["skipped"], summary["stopped"]), (2, 2, 1, 1, 1, False))
    check("not fully scanned: 1, errors: 1, skipped: 1" in text.out.decode(), text)


@case("--explain: the rule, the string, the offset and the bytes")
def _():
    write("r.yar", b'rule told { strings: $mark = "needle" condition: $mark }')
    write("hay", b"hay \x1b[31m needle")
    result = kujo("scan", "--explain", "-q", "-d", "none", "-r", "r.yar", "hay", code=1)
    text = result.out.decode()
    for words in ("told", "$mark", "offset 10", "6 bytes", "6e 65 65 64 6c 65", "|needle|"):
        check(words in text, words, result)
    row = jsons(kujo("scan", "--explain", "--json", "-d", "none", "-r", "r.yar", "hay",
                     code=1))[0]
    evidence = row["evidence"][0]
    equal((evidence["rule"], evidence["string"], evidence["offset"], evidence["length"],
           evidence["hex"]), ("told", "$mark", 10, 6, b"needle".hex()))


@case("--explain shows the release, the advisory and the artifact")
def _():
    write("e.com", EICAR)
    text = kujo("scan", "--explain", "-q", "e.com", code=1).out.decode()
    for words in ("exact", "8000", "eicar", "58 35 4f 21"):
        check(words in text, words, text)


@case("--all shows every detection of an object, otherwise one is its verdict")
def _():
    write("r.yar", b'rule a { strings: $a = "needle" condition: $a }\n'
          b'rule b { strings: $b = "hay" condition: $b }\n')
    write("hay", b"hay needle")
    equal(len(kujo("scan", "-q", "-d", "none", "-r", "r.yar", "hay", code=1).found), 1)
    equal(len(kujo("scan", "-qa", "-d", "none", "-r", "r.yar", "hay", code=1).found), 2)
    write("e.com", EICAR)
    write("e.yar", b'rule a { condition: filesize == 68 }')
    equal(kujo("scan", "-q", "-r", "e.yar", "e.com", code=1).found,
          ["e.com: %s FOUND" % EICAR_NAME], "exact beats family")


@case("one and four workers give the same lines in the same order")
def _():
    for i in range(300):
        write("d/%02d/f%03d" % (i % 7, i), EICAR if i % 5 == 0 else b"x" * (i * 97))
    eicar_zip("d/03/a.zip")
    sealed_zip("d/04/b.zip")
    one, four = (kujo("scan", "-q", "-j", n, "d", "absent", code=1) for n in ("1", "4"))
    equal(one.out == four.out, True, one, four)
    equal(sorted(one.notes), sorted(four.notes))
    equal(len(one.found), 61)
    for form in (["--json", "-q"], ["--explain", "-q"]):
        equal(kujo("scan", *form, "-j1", "d", code=1).out, kujo("scan", *form, "-j4", "d",
                                                               code=1).out)


@case("a closed output ends the scan")
def _():
    for i in range(200):
        write("d/f%03d" % i, EICAR)
    with subprocess.Popen([KUJO, "scan", "d"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=environment()) as child:
        child.stdout.readline()
        child.stdout.close()
        child.wait(60)
        check(child.returncode != 0, child.returncode)


# ---- options -------------------------------------------------------------------------------------

@case("standard input, alone and inside a container")
def _():
    equal(kujo("scan", "-q", "-", stdin=EICAR, code=1).found, ["-: %s FOUND" % EICAR_NAME])
    data = open(eicar_zip(), "rb").read()
    equal(kujo("scan", "-q", "-", stdin=data, code=1).found, ["-!e.com: %s FOUND" % EICAR_NAME])
    equal(kujo("scan", "-q", "-", stdin=b"", code=0).out, b"")


@case("--files-from: lines, NULs, standard input")
def _():
    names = ["plain", "with space", "trailing ", "-dash", "ü"]
    for name in names:
        write("d/" + name, EICAR)
    listing = "".join("d/%s\n" % name for name in names).encode()
    expected = sorted("d/%s: %s FOUND" % (name, EICAR_NAME) for name in names)
    write("list", listing)
    equal(sorted(kujo("scan", "-q", "-T", "list", code=1).found), expected)
    equal(sorted(kujo("scan", "-q", "-T", "-", stdin=listing, code=1).found), expected)
    equal(sorted(kujo("scan", "-q", "-0", "-T", "-", stdin=listing.replace(b"\n", b"\0"),
                      code=1).found), expected)
    write("d/new\nline", EICAR)
    equal(kujo("scan", "-q", "-0", "-T", "-", stdin=b"d/new\nline\0", code=1).found,
          ["d/new\\nline: %s FOUND" % EICAR_NAME])
    equal(kujo("scan", "-q", "-T", "-", stdin=b"\n\nd/plain", code=1).found,
          ["d/plain: %s FOUND" % EICAR_NAME])
    kujo("scan", "-q", "-T", "-", stdin=b"", code=0)
    kujo("scan", "-q", "-T", "-", stdin=b"d/absent\nd/plain\n", code=1)


@case("--exclude: names, paths, patterns; of files and folders")
def _():
    for name in ("a/x.com", "a/y.com", "b/x.com", "b/c/z.txt"):
        write(name, EICAR)

    def scan(*globs):
        words = [word for glob in globs for word in ("--exclude", glob)]
        return [line.split(":")[0] for line in kujo("scan", "-q", *words, "a", "b").found]
    equal(scan(), ["a/x.com", "a/y.com", "b/c/z.txt", "b/x.com"])
    equal(scan("x.com"), ["a/y.com", "b/c/z.txt"])
    equal(scan("*.com"), ["b/c/z.txt"])
    equal(scan("c"), ["a/x.com", "a/y.com", "b/x.com"])
    equal(scan("b/*.com"), ["a/x.com", "a/y.com", "b/c/z.txt"])
    equal(scan("*.com", "*.txt"), [])


@case("--rules: good ones add to the definitions; several; by kind")
def _():
    write("r.yar", RULE)
    write("two.rules", b'rule two { strings: $a = "two" condition: $a }')
    write("hay", b"a needle and two")
    write("e.com", EICAR)
    result = kujo("scan", "-q", "-r", "r.yar", "hay", "e.com", code=1)
    equal(result.found, ["hay: one FOUND", "e.com: %s FOUND" % EICAR_NAME])
    result = kujo("scan", "-q", "-r", "two.rules", "hay", code=2)
    check("two.rules" in result.notes[0], result)
    result = kujo("scan", "-qa", "--rules-kind", "yara", "-r", "r.yar", "-r", "two.rules", "hay",
                  code=1)
    equal(len(result.found), 2, result)
    kujo("scan", "-q", "-d", "none", "-r", "r.yar", "e.com", code=0)


@case("--rules with mistakes: exit 2, located, nothing scanned")
def _():
    write("bad.yar", b'rule ok { condition: true }\nrule bad { strings: $a = "x" condition: $b }\n')
    write("hay", b"x")
    result = kujo("scan", "-r", "bad.yar", "hay", code=2)
    equal(result.out, b"")
    check(any(line.startswith("bad.yar:2:") and "error" in line for line in result.notes), result)
    kujo("scan", "-r", "absent.yar", "hay", code=2)
    write("bad.yaml", b"schema: kujo/advisory/1\nname: nonsense\n")
    result = kujo("scan", "-r", "bad.yaml", "hay", code=2)
    check(any(line.startswith("bad.yaml:") for line in result.notes), result)


@case("--max-*: a limit that is reached is said, by which member")
def _():
    with zipfile.ZipFile("big.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(20):
            archive.writestr("m%02d" % i, b"%d" % i * 50000)
        archive.writestr("last.com", EICAR)
    rows = [(["--max-members", "5"], "members"), (["--max-bytes", "100K"], "bytes"),
            (["--max-member-size", "10K"], "large"), (["--max-file-size", "1K"], "large"),
            (["--max-ratio", "3"], "")]
    for options, _ in rows:
        result = kujo("scan", "-q", *options, "big.zip")
        check(result.code in (1, 2), options, result)
        check(any("not fully scanned: " in line for line in result.notes), options, result)
        if result.code == 2:
            kujo("scan", "-q", "--incomplete-ok", *options, "big.zip", code=0)
    inner = b"x"
    for depth in range(6):
        with zipfile.ZipFile("deep.zip", "w") as archive:
            archive.writestr("%d.zip" % depth if depth else "e.com", inner if depth else EICAR)
        inner = open("deep.zip", "rb").read()
    equal(kujo("scan", "-q", "deep.zip", code=1).found,
          ["deep.zip!5.zip!4.zip!3.zip!2.zip!1.zip!e.com: %s FOUND" % EICAR_NAME])
    result = kujo("scan", "-q", "--max-depth", "3", "deep.zip", code=2)
    check(len(result.notes) == 1 and "not fully scanned: " in result.notes[0], result)


@case("colours only where they are wanted")
def _():
    write("e.com", EICAR)
    check(b"\x1b" not in kujo("scan", "e.com", code=1).out)


# ---- names ---------------------------------------------------------------------------------------

NAMES = [
    (b"new\nline.com", "new\\nline.com"),
    (b"esc\x1b[2J.com", "esc\\x1b[2J.com"),
    (b"bang!bang.com", "bang\\x21bang.com"),
    (b"bad\xff\xfe.com", "bad\\xff\\xfe.com"),
    (b"back\\slash.com", None),
    (b"tab\t.com", "tab\\t.com"),
    (b"cr\r.com", "cr\\r.com"),
    (b"rtl\xe2\x80\xaemoc.exe", "rtl\\u{202e}moc.exe"),
    (b"colon: FOUND", "colon: FOUND"),
    (b"-rf", "-rf"),
    (b"n" * 255, "n" * 255),
    ("日本語.com".encode(), "日本語.com"),
    (b" lead", " lead"),
]


@case("names from the file system: escaped, one line each, the bytes in JSON")
def _():
    os.mkdir("d")
    for raw, _ in NAMES:
        write(b"d/" + raw, EICAR)
    result = kujo("scan", "-q", "d", code=1)
    equal(len(result.lines), len(NAMES), result)
    check(not any(byte < 32 and byte != 10 or byte == 127 for byte in result.out), result)
    for raw, shown in NAMES:
        if shown is not None:
            check("d/%s: %s FOUND" % (shown, EICAR_NAME) in result.lines, raw, result)
    rows = jsons(kujo("scan", "--json", "-q", "d", code=1))
    paths = {base64.b64decode(row["path_b64"]) if "path_b64" in row else row["path"].encode()
             for row in rows}
    equal(paths, {b"d/" + raw for raw, _ in NAMES})


@case("names of members: escaped, never a second line or a forged place")
def _():
    with zipfile.ZipFile("n.zip", "w") as archive:
        for raw, _ in NAMES:
            info = zipfile.ZipInfo("x")
            info.filename = raw.decode("utf-8", "replace")
            archive.writestr(info, EICAR)
    result = kujo("scan", "-q", "n.zip", code=1)
    equal(len(result.lines), len(NAMES), result)
    check(all(line.startswith("n.zip!") and line.count("!") == 1 for line in result.lines), result)
    check(not any(byte < 32 and byte != 10 or byte == 127 for byte in result.out), result)
    jsons(kujo("scan", "--json", "n.zip", code=1))


@case("a path that is longer than PATH_MAX")
def _():
    here = os.getcwd()
    for _ in range(30):
        os.mkdir("d" * 200)
        os.chdir("d" * 200)
    write("e.com", EICAR)
    os.chdir(here)
    result = kujo("scan", "-q", ".", code=1)
    check(result.found[0].endswith("/e.com: %s FOUND" % EICAR_NAME), result)


@case("what cannot be read as another user is an error, and the rest is scanned")
def _():
    user = []
    if os.geteuid() == 0:
        user = [tool("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups"]
    os.chmod(".", 0o755)
    write("d/secret.com", EICAR)
    write("d/shut/e.com", EICAR)
    write("d/z.com", EICAR)
    os.chmod("d", 0o755)
    os.chmod("d/secret.com", 0)
    os.chmod("d/shut", 0)
    if user and not os.access(KUJO, os.X_OK):
        raise Skip("the program cannot be run by others")
    words = [*user, KUJO, "scan", "-q", "d"]
    result = kujo(*words[1:], program=words[0])
    if result.code in (126, 127) or b"failed to execute" in result.err:
        raise Skip("the program cannot be run by others")
    equal(result.found, ["d/z.com: %s FOUND" % EICAR_NAME], result)
    equal(sorted(line.split(":")[1] for line in result.notes), [" d/secret.com", " d/shut"], result)
    check(all("Permission denied" in line for line in result.notes), result)


sys.exit(run_cases())
