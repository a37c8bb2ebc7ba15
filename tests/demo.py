#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The demo as its user sees it, and that it notices when something is not found."""
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KUJO = os.environ["KUJO"]


def demo(kujo, folder):
    return subprocess.run([sys.executable, "-B", os.path.join(ROOT, "demo/run"), kujo, folder],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
                          check=False)


def make(folder):
    subprocess.run([sys.executable, "-B", os.path.join(ROOT, "demo/make-system.py"), folder],
                   check=True)


def files_in(folder):
    found = {}
    for where, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = file.read()
    return found


def script(folder, name, *lines):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\n" + "\n".join(lines) + "\n")
    os.chmod(path, 0o755)
    return path


def runs_and_finds_everything(folder):
    done = demo(KUJO, os.path.join(folder, "out"))
    assert done.returncode == 0, done.stdout
    for wanted in ("WINNT/OUTLOOK.EXE: W32/Mimail.q@MM FOUND",
                   "WINNT/SYS32.EXE: W32/Mimail.q@MM FOUND",
                   "C/MSHOME.HTA: W32/Mimail.hta FOUND",
                   "outer.zip!inner.zip!eicar.com: EICAR-Test-File FOUND",
                   "4323      W32/Mimail.gen@MM   W32/Mimail.q@MM",
                   "I-Worm.Mimail.q", "大量メール送信型ワーム"):
        assert wanted in done.stdout, f"{wanted}\n{done.stdout}"
    assert "\033" not in done.stdout, "colours though it is not a terminal"


def runs_twice_in_the_same_folder(folder):
    out = os.path.join(folder, "twice")
    for _ in range(2):
        done = demo(KUJO, out)
        assert done.returncode == 0, done.stdout


def notices_when_nothing_is_found(folder):
    done = demo(script(folder, "blind", "exit 0"), os.path.join(folder, "blind.out"))
    assert done.returncode == 1 and "not found: C/WINNT/SYS32.EXE" in done.stdout, done.stdout


def notices_one_detection_too_many(folder):
    out = os.path.join(folder, "eager.out")
    eager = script(folder, "eager", f'"{KUJO}" "$@"', "code=$?",
                   f'[ "$1" = scan ] && echo "{out}/C/BOOT.INI: W32/Nothing FOUND"', "exit $code")
    done = demo(eager, out)
    assert done.returncode == 1 and "should not be: C/BOOT.INI" in done.stdout, done.stdout


def makes_the_same_bytes_each_time(folder):
    first, second = os.path.join(folder, "first"), os.path.join(folder, "second")
    make(first)
    make(second)
    assert files_in(first) == files_in(second)


def has_the_published_sizes(folder):
    files = files_in(os.path.join(folder, "first"))
    for name, size in {"WINNT/SYS32.EXE": 32768, "WINNT/OUTLOOK.EXE": 50720, "LOGO.JPG": 1292,
                       "LOGOBIG.GIF": 948, "MSHOME.HTA": 7178, "WIND.GIF": 2660}.items():
        assert len(files[f"C/{name}"]) == size, name


def has_a_hive_that_hivex_reads(folder):
    path = os.path.join(folder, "first/C/WINNT/system32/config/software")
    done = subprocess.run(["hivexml", path], capture_output=True, check=True)
    values = {value.get("key"): value.get("value")
              for value in xml.fromstring(done.stdout).iter("value")}
    assert values["System"] == "%WinDir%\\SYS32.EXE", values


def keeps_the_test_string_out_of_the_sources(_):
    test_string = b"EICAR-STANDARD-ANTI" + b"VIRUS-TEST-FILE"
    for name, content in files_in(os.path.join(ROOT, "demo")).items():
        assert name.startswith("out/") or test_string not in content, name


CASES = [runs_and_finds_everything, runs_twice_in_the_same_folder, notices_when_nothing_is_found,
         notices_one_detection_too_many, makes_the_same_bytes_each_time, has_the_published_sizes,
         has_a_hive_that_hivex_reads, keeps_the_test_string_out_of_the_sources]


def main():
    if not shutil.which("hivexsh") or not shutil.which("hivexml"):
        print("1..0 # SKIP hivexsh and hivexml (libhivex-bin) are not there")
        return 0
    print(f"1..{len(CASES)}")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, case in enumerate(CASES, 1):
            try:
                case(folder)
                print(f"ok {number} - {case.__name__}")
            except (AssertionError, OSError, subprocess.CalledProcessError) as problem:
                failed += 1
                print(f"not ok {number} - {case.__name__}")
                print("".join(f"# {line}\n" for line in str(problem).splitlines()), end="")
            sys.stdout.flush()
    return 1 if failed else 0


sys.exit(main())
