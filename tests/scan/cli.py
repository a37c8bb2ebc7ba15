#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kujo scan as its users meet it. KUJO: the program's path. Prints TAP."""

import base64
import hashlib
import io
import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import zipfile

KUJO = os.environ["KUJO"]

RULES = """
rule Found { strings: $a = "find me" condition: $a }
rule Big { strings: $a = "find me twice" condition: $a }
"""
FOUND = b"please find me here\n"
BAD = b"some bytes that are bad\n"


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="kujo-cli-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.rules = self.path("rules.yar")
        with open(self.rules, "w") as f:
            f.write(RULES)
        os.mkdir(self.path("in"))
        self.env = dict(os.environ, LC_ALL="C", XDG_CACHE_HOME=self.path("cache"))
        self.env.pop("KUJO_DEFINITIONS", None)

    def path(self, name):
        return os.path.join(self.dir, name)

    def file(self, name, content=b"clean\n"):
        path = os.path.join(self.dir.encode(), b"in", os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(content)
        return path

    def scan(self, *args, code, **more):
        command = [KUJO, "scan", "-d", "none", "-r", self.rules, *args]
        run = subprocess.run(command, cwd=self.dir, env=self.env, timeout=120, capture_output=True,
                             stdin=more.pop("stdin", subprocess.DEVNULL), **more)
        out = run.stdout.decode("utf-8", "surrogateescape")
        err = run.stderr.decode("utf-8", "surrogateescape")
        self.assertEqual(run.returncode, code, out + err)
        self.assertNotIn("Sanitizer", err)
        self.assertNotIn("runtime error", err)
        return out, err

    def found(self, *args, code=1, **more):
        out, _ = self.scan("-q", *args, code=code, **more)
        return out.splitlines()


class Results(Case):
    def test_a_line_an_object_and_the_best_verdict(self):
        self.file("a", b"find me twice")
        self.assertEqual(self.found("in/a"), ["in/a: Found FOUND"])
        self.assertEqual(self.found("-a", "in/a"), ["in/a: Found FOUND", "in/a: Big FOUND"])

    def test_members(self):
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as z:
            z.writestr("dir/we!rd", FOUND)
            z.writestr("clean", b"x")
        self.file("a.zip", data.getvalue())
        self.assertIn("in/a.zip!dir/we\\x21rd: Found FOUND", self.found("in/a.zip"))

    def test_exit_codes(self):
        self.file("clean")
        self.file("bad", FOUND)
        self.scan("in/clean", code=0)
        self.scan("in/bad", code=1)
        self.scan("in/none", code=2)
        self.scan("in/none", "in/bad", code=1)
        self.scan("--max-file-size", "3", "in/clean", code=2)
        self.scan("--max-file-size", "3", "--incomplete-ok", "in/clean", code=0)
        self.scan("--incomplete-ok", "in/none", code=2)

    def test_summary(self):
        self.file("clean")
        self.file("bad", FOUND)
        out, err = self.scan("in", code=1)
        self.assertIn("files: 2, ", out)
        self.assertIn("detected: 1 object in 1 file\n", out)
        self.assertIn("not fully scanned: 0, errors: 0, skipped: 0", out)
        self.assertEqual(err, "")

    def test_standard_input(self):
        with open(self.file("bad", FOUND), "rb") as f:
            self.assertEqual(self.found("-", stdin=f), ["-: Found FOUND"])
        cat = subprocess.Popen(["cat", self.path("in/bad")], stdout=subprocess.PIPE)
        self.assertEqual(self.found("-", stdin=cat.stdout), ["-: Found FOUND"])
        cat.stdout.close()
        cat.wait()

    def test_a_pipe_that_the_shell_made(self):
        self.file("bad", FOUND)
        script = f"'{KUJO}' scan -q -d none -r '{self.rules}' <(cat in/bad)"
        run = subprocess.run(["bash", "-c", script], cwd=self.dir, env=self.env, timeout=60,
                             capture_output=True)
        self.assertEqual(run.returncode, 1, run.stderr)
        self.assertIn(b"Found FOUND", run.stdout)

    def test_order_does_not_depend_on_workers(self):
        for i in range(120):
            self.file(f"{i % 7}/{i}", FOUND * (1 + i % 5 * 1000))
        one = self.found("-j1", "in")
        self.assertEqual(len(one), 120)
        self.assertEqual(one, sorted(one, key=lambda line: line.split(":")[0].split("/")))
        for jobs in ("2", "5"):
            self.assertEqual(self.found("-j", jobs, "in"), one)

    def test_explain(self):
        self.file("bad", b"\x00\x01" + FOUND)
        out, _ = self.scan("-e", "-q", "in/bad", code=1)
        self.assertIn("rule Found: $a", out)
        self.assertIn("at offset 9, 7 bytes: 66 69 6e 64 20 6d 65 |find me|", out)

    def test_what_rules_print(self):
        for i in range(40):
            self.file(f"{i % 7}/{i}", b"%d\x1b\n" % i)
        with open(self.rules, "w") as f:
            f.write('import "console" import "hash"\n'
                    'rule A { condition: console.log("size ", filesize) and '
                    'console.log("\\x1b", hash.md5(0, 2)) }')
        _, err = self.scan("-j1", "in", code=1)
        lines = err.splitlines()
        self.assertEqual(len(lines), 80)
        self.assertEqual(lines[0], "in/0/0: console: size 3")
        self.assertRegex(lines[1], r"^in/0/0: console: \\x1b[0-9a-f]{32}$")
        for jobs in ("2", "5"):
            self.assertEqual(self.scan("-j", jobs, "in", code=1)[1], err)
        self.assertEqual(self.scan("-q", "in", code=1)[1], "")
        out, err = self.scan("--json", "in/0/0", code=1)
        self.assertEqual(err, "")
        first = json.loads(out.splitlines()[0])
        self.assertEqual(first, {"kujo": 1, "type": "console", "path": "in/0/0", "line": "size 3"})

    def test_rules_cannot_flood(self):
        self.file("a", b"x" * 5000)
        with open(self.rules, "w") as f:
            f.write('import "console"\nrule A { condition: for all i in (1..filesize) : '
                    '(console.log("a long line, ", i)) }')
        out, err = self.scan("in/a", code=1)
        lines = err.splitlines()
        self.assertEqual(len(lines), 1001)
        self.assertEqual(lines[-1], "in/a: console: (further lines are not shown)")
        self.assertIn("in/a: A FOUND", out)

    def test_json(self):
        self.file("bad", FOUND)
        self.file(b"\xff\xfe\n", FOUND)
        out, err = self.scan("--json", "--explain", "in", "in/none", code=1)
        self.assertEqual(err, "")
        lines = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([line["type"] for line in lines],
                         ["detection", "detection", "error", "summary"])
        self.assertTrue(all(line["kujo"] == 1 for line in lines))
        self.assertEqual(lines[0]["path"], "in/bad")
        self.assertEqual(lines[0]["name"], "Found")
        self.assertEqual(lines[0]["evidence"][0]["hex"], b"find me".hex())
        self.assertEqual(base64.b64decode(lines[1]["path_b64"]), b"in/\xff\xfe\n")
        self.assertEqual(lines[3]["detected_files"], 2)

    def test_names_cannot_forge_lines(self):
        self.file("x\nin/y: Fake FOUND", FOUND)
        self.file("\x1b[31m", FOUND)
        self.file(b"\xff", FOUND)
        lines = self.found("in")
        self.assertEqual(len(lines), 3)
        self.assertIn("in/\\x1b[31m: Found FOUND", lines)
        self.assertIn("in/\\xff: Found FOUND", lines)

    def test_no_color_unless_on_a_terminal(self):
        self.file("bad", FOUND)
        out, _ = self.scan("in/bad", code=1)
        self.assertNotIn("\x1b", out)
        self.assertIn(b"\x1b[1;31m", self.on_terminal("in/bad"))
        self.assertNotIn(b"\x1b[1;31m", self.on_terminal("--no-color", "in/bad"))
        self.env["NO_COLOR"] = "1"
        self.assertNotIn(b"\x1b[1;31m", self.on_terminal("in/bad"))

    def on_terminal(self, *args):
        pid, fd = pty.fork()
        if pid == 0:
            os.chdir(self.dir)
            env = dict(self.env, TERM="xterm")
            os.execve(KUJO, [KUJO, "scan", "-d", "none", "-r", self.rules, *args], env)
        out = b""
        try:
            while chunk := os.read(fd, 4096):
                out += chunk
        except OSError:
            pass
        os.waitpid(pid, 0)
        os.close(fd)
        return out

    def test_progress_is_erased(self):
        big = b"x" * (8 << 20)
        for i in range(40):
            self.file(f"{i:02}", big)
        self.file("99", FOUND)
        out = self.on_terminal("-j1", "in")
        if b"files" in out.split(b"Found FOUND")[0]:
            self.assertIn(b"\r\x1b[K", out)
        self.assertRegex(out, rb"in/99: (\x1b\[1;31m)?Found FOUND")


class Options(Case):
    def test_exclude(self):
        self.file("a.iso", FOUND)
        self.file("b/c", FOUND)
        self.file("d", FOUND)
        self.assertEqual(self.found("-x", "*.iso", "--exclude", "*/b", "in"), ["in/d: Found FOUND"])

    def test_files_from(self):
        self.file("a\nb", FOUND)
        self.file("c", FOUND)
        with open(self.path("list"), "wb") as f:
            f.write(b"in/c\n\nin/none\n")
        out, err = self.scan("-q", "--files-from", "list", code=1)
        self.assertEqual(out, "in/c: Found FOUND\n")
        self.assertIn("kujo: in/none: No such file or directory", err)
        with open(self.path("list"), "wb") as f:
            f.write(b"in/a\nb\0in/c")
        with open(self.path("list"), "rb") as f:
            self.assertEqual(self.found("--null", "-T", "-", stdin=f),
                             ["in/a\\nb: Found FOUND", "in/c: Found FOUND"])

    def test_files_from_without_end(self):
        """Nothing but empty paths, and one path that never ends: a signal ends both."""
        for args in (["-0"], []):
            run = subprocess.Popen([KUJO, "scan", "-d", "none", "-r", self.rules, *args, "-T",
                                    "/dev/zero"], cwd=self.dir, env=self.env,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            time.sleep(0.5)
            run.send_signal(signal.SIGTERM)
            out, _ = run.communicate(timeout=30)
            self.assertEqual(run.returncode, 128 + signal.SIGTERM)
            self.assertIn(b"scan stopped", out)

    def test_a_path_that_is_too_long(self):
        _, err = self.scan("-q", "x" * 100000, code=2)
        self.assertRegex(err, "^kujo: x{8192}: File name too long")
        with open(self.path("list"), "w") as f:
            f.write("y" * 100000 + "\nin/none\n")
        _, err = self.scan("-q", "-T", "list", code=2)
        self.assertRegex(err, "kujo: y{8191}: File name too long")
        self.assertIn("kujo: in/none: No such file", err)

    def test_hardly_any_descriptors(self):
        """However few there are, each file gets its line and the scan ends."""
        self.file("a", FOUND)
        self.file("b")
        for count in range(4, 16):
            script = f"ulimit -n {count}; exec '{KUJO}' scan -q -d none -r '{self.rules}' -j4 in/a in/b"
            run = subprocess.run(["bash", "-c", script], cwd=self.dir, env=self.env, timeout=60,
                                 capture_output=True)
            self.assertIn(run.returncode, (1, 2, 127), run)
            self.assertNotEqual(run.stdout + run.stderr, b"")

    def test_module_data(self):
        self.file("a")
        self.file("b")
        with open(self.rules, "w") as f:
            f.write('import "cuckoo"\nrule Seen { condition: cuckoo.sync.mutex(/^abc$/) }')
        with open(self.path("report.json"), "w") as f:
            json.dump({"behavior": {"summary": {"mutexes": ["x", "abc"]}}}, f)
        option = "--module-data=cuckoo=report.json"
        self.assertEqual(self.found(option, "in/a"), ["in/a: Seen FOUND"])
        self.assertEqual(self.found(option, "-j2", "in"), ["in/a: Seen FOUND", "in/b: Seen FOUND"])
        self.scan("in/a", code=0)
        for value, sentence in (("cuckoo", "'cuckoo' is not NAME=FILE"),
                                ("pe=report.json", "the module pe takes no file"),
                                ("=x", "there is no module ''"), ("q=x", "there is no module 'q'"),
                                ("cuckoo=none", "none: cannot open: No such file")):
            _, err = self.scan("--module-data", value, "in/a", code=2)
            self.assertIn(sentence, err)
        _, err = self.scan(option, option, "in/a", code=2)
        self.assertIn("two files for the module cuckoo", err)
        with open(self.path("report.json"), "w") as f:
            f.write("{")
        _, err = self.scan(option, "in/a", code=2)
        self.assertIn("in/a: not fully scanned: a module's report (--module-data) is not JSON", err)

    def test_limits_are_checked(self):
        for args in (["--max-bytes", "x"], ["--max-depth", "-1"], ["--max-time", "9999999h"],
                     ["-j", "x"], ["--max-member-size", "99999999999T"], ["--nonsense"],
                     ["--rules-kind", "x"], []):
            _, err = self.scan(*args, code=2)
            self.assertRegex(err, r"^kujo", args)

    def test_help(self):
        run = subprocess.run([KUJO, "scan", "--help"], env=self.env, capture_output=True, timeout=20)
        self.assertEqual((run.returncode, run.stderr), (0, b""))
        for option in (b"--files-from", b"--max-ratio", b"--explain", b"-j, --jobs N"):
            self.assertIn(option, run.stdout)

    def test_rules_with_errors(self):
        with open(self.path("bad.yar"), "w") as f:
            f.write("rule x { condition: nonsense }\n")
        _, err = self.scan("-r", "bad.yar", "in", code=2)
        self.assertIn("bad.yar:1:", err)
        _, err = self.scan("-r", "missing.yar", "in", code=2)
        self.assertIn("missing.yar", err)
        shutil.copy(self.rules, self.path("rules.txt"))
        self.file("bad", FOUND)
        self.assertEqual(
            subprocess.run([KUJO, "scan", "-q", "-d", "none", "-r", "rules.txt", "in"],
                           cwd=self.dir, env=self.env, capture_output=True).returncode, 2)
        run = subprocess.run([KUJO, "scan", "-q", "-d", "none", "-r", "rules.txt", "--rules-kind",
                              "yara", "in"], cwd=self.dir, env=self.env, capture_output=True)
        self.assertEqual((run.returncode, run.stdout), (1, b"in/bad: Found FOUND\n"))

    def test_nothing_to_look_for(self):
        run = subprocess.run([KUJO, "scan", "-d", "none", "in"], cwd=self.dir, env=self.env,
                             capture_output=True)
        self.assertEqual(run.returncode, 2)
        run = subprocess.run([KUJO, "scan", "-d", "/nonexistent/x.defs", "in"], cwd=self.dir,
                             env=self.env, capture_output=True)
        self.assertEqual(run.returncode, 2)
        self.assertIn(b"No such file", run.stderr)

    def test_commands(self):
        for args, code, text in ((["scn"], 2, b"did you mean 'scan'"), ([], 2, b"COMMAND"),
                                 (["--version"], 0, b"kujo 6."), (["help"], 0, b"scan"),
                                 (["--help"], 0, b"scan"), (["help", "scan"], 0, b"--explain"),
                                 (["zzzzzz"], 2, b"kujo help")):
            run = subprocess.run([KUJO, *args], env=self.env, capture_output=True, timeout=20)
            self.assertEqual(run.returncode, code, args)
            self.assertIn(text, run.stdout + run.stderr, args)

    def test_full_disk_and_closed_pipe(self):
        self.file("bad", FOUND)
        with open("/dev/full", "w") as full:
            run = subprocess.run([KUJO, "scan", "-d", "none", "-r", self.rules, "in/bad"],
                                 cwd=self.dir, env=self.env, stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(run.returncode, 1)
        self.assertIn(b"cannot write the results", run.stderr)
        self.file("clean")
        read_end, write_end = os.pipe()
        os.close(read_end)
        run = subprocess.run([KUJO, "scan", "-d", "none", "-r", self.rules, "in/clean"],
                             cwd=self.dir, env=self.env, stdout=write_end, stderr=subprocess.PIPE)
        os.close(write_end)
        self.assertEqual((run.returncode, run.stderr), (2, b""))

    def test_closed_standard_files(self):
        self.file("bad", FOUND)
        script = f"'{KUJO}' scan -q -d none -r '{self.rules}' in 0<&- 2>&-"
        run = subprocess.run(["bash", "-c", script], cwd=self.dir, env=self.env, timeout=60,
                             stdout=subprocess.PIPE)
        self.assertEqual((run.returncode, run.stdout), (1, b"in/bad: Found FOUND\n"))


class Surroundings(Case):
    def test_missing_and_special_files(self):
        os.mkfifo(self.path("in/fifo"))
        os.symlink(".", self.path("in/loop"))
        os.symlink("self", self.path("in/self"))
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(self.path("in/socket"))
        self.file("bad", FOUND)
        out, err = self.scan("in", code=1)
        self.assertEqual(sorted(err.splitlines()),
                         ["kujo: in/fifo: skipped: a named pipe, not scanned",
                          "kujo: in/socket: skipped: a socket, not scanned"])
        self.assertIn("in/bad: Found FOUND", out)
        for name, why in (("in/none", "No such file or directory"), ("in/fifo", "a named pipe"),
                          ("in/socket", "a socket"), ("/dev/null", "a character device"),
                          ("in/self", "Too many levels of symbolic links"),
                          ("in/bad/x", "Not a directory")):
            out, err = self.scan("-q", name, code=2)
            self.assertEqual(out, "")
            self.assertEqual(len(err.splitlines()), 1)
            self.assertIn(f"kujo: {name}: {why}", err)

    def test_links_on_the_command_line_are_followed(self):
        self.file("d/bad", FOUND)
        os.symlink("in/d", self.path("link"))
        os.symlink("d/bad", self.path("in/link"))
        self.assertEqual(self.found("link"), ["link/bad: Found FOUND"])
        self.assertEqual(self.found("in"), ["in/d/bad: Found FOUND"])
        self.assertEqual(self.found("in/link"), ["in/link: Found FOUND"])

    def test_unreadable(self):
        self.file("d/bad", FOUND)
        self.file("e", FOUND)
        self.file("f", FOUND)
        as_nobody = []
        if os.geteuid() == 0:
            if not shutil.which("setpriv"):
                self.skipTest("no setpriv")
            as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
            os.chmod(self.dir, 0o755)
            if subprocess.run([*as_nobody, KUJO, "--version"], capture_output=True).returncode:
                self.skipTest("nobody cannot run the program")
        os.chmod(self.path("in/d"), 0)
        os.chmod(self.path("in/e"), 0)
        self.addCleanup(os.chmod, self.path("in/d"), 0o700)
        run = subprocess.run([*as_nobody, KUJO, "scan", "-q", "-d", "none", "-r", self.rules, "in"],
                             cwd=self.dir, env=self.env, capture_output=True)
        self.assertEqual(run.returncode, 1, run.stderr)
        self.assertEqual(run.stdout, b"in/f: Found FOUND\n")
        self.assertEqual(run.stderr.splitlines(), [b"kujo: in/d: Permission denied",
                                                   b"kujo: in/e: Permission denied"])

    def test_kernel_file_systems(self):
        _, err = self.scan("/proc", "/sys", code=0)
        self.assertEqual(len(err.splitlines()), 2)
        self.assertIn("kujo: /proc/: skipped: a kernel file system (proc)", err)

    def test_a_file_that_shrinks(self):
        path = self.file("shrinks", b"x" * (32 << 20))
        self.file("zz", FOUND)
        stop = threading.Event()

        def shrink():
            while not stop.is_set():
                os.truncate(path, 10)
                os.truncate(path, 32 << 20)

        thread = threading.Thread(target=shrink)
        thread.start()
        try:
            for _ in range(10):
                out, err = self.scan("-q", "in", code=1)
                self.assertEqual(out, "in/zz: Found FOUND\n")
                if err:
                    self.assertRegex(err, r"^in/shrinks: not fully scanned: the file shrank")
        finally:
            stop.set()
            thread.join()

    def test_interrupt(self):
        for i in range(3000):
            self.file(f"{i:04}", b"some text to scan, find nothing\n" * 4000)
        command = [KUJO, "scan", "-d", "none", "-r", self.rules, "-j2", "in"]
        for number in (signal.SIGINT, signal.SIGTERM):
            run = subprocess.Popen(command, cwd=self.dir, env=self.env, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, start_new_session=True)
            time.sleep(0.15)
            os.killpg(run.pid, number)
            out, err = run.communicate(timeout=30)
            self.assertIn(b"files: ", out)
            if b"stopped before its end" in out:
                self.assertEqual(run.returncode, 128 + number)
            self.assertEqual(err, b"")

    def test_interrupt_while_reading_a_pipe(self):
        read_end, write_end = os.pipe()
        run = subprocess.Popen([KUJO, "scan", "-d", "none", "-r", self.rules, "-"], cwd=self.dir,
                               env=self.env, stdin=read_end, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
        os.close(read_end)
        time.sleep(0.5)
        run.send_signal(signal.SIGINT)
        out, _ = run.communicate(timeout=30)
        os.close(write_end)
        self.assertEqual(run.returncode, 130)
        self.assertIn(b"scan stopped", out)

    def test_interrupt_while_a_condition_loops(self):
        self.file("a")
        with open(self.path("loop.yar"), "w") as f:
            f.write("rule r { condition: for all i in (0..0xFFFFFFFFFF) : (i >= 0) }")
        run = subprocess.Popen([KUJO, "scan", "-d", "none", "-r", "loop.yar", "in/a"], cwd=self.dir,
                               env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(0.5)
        run.send_signal(signal.SIGINT)
        out, _ = run.communicate(timeout=30)
        self.assertEqual(run.returncode, 130)
        self.assertIn(b"scan stopped", out)

    def test_time_is_kept_while_rules_run(self):
        """A scan without workers, which nobody could stop from outside."""
        self.file("a", (b"a" * 20 + b"b" * 20 + b"z") * 5000)
        for rule in ("rule r { condition: for all i in (0..0xFFFFFFFFFF) : (i >= 0) }",
                     "rule r { strings: $ = /((a{0,30}b{0,30}){0,30}c{0,30}){0,9}[^a]{9}z/ "
                     "condition: for any of them : (# > 1000000) }"):
            with open(self.path("slow.yar"), "w") as f:
                f.write(rule)
            _, err = self.scan("-q", "-d", "none", "-r", "slow.yar", "--max-time", "300ms", "in/a",
                               code=2)
            self.assertIn("in/a: not fully scanned: ", err)
            self.assertIn("takes too long", err)

    def test_many_names(self):
        names = [b"a" * 255, b"-x", b"--json", b"\x01", "漢字".encode(), b"'\"", b"%s%n", b" "]
        for name in names:
            self.file(name, FOUND)
        self.assertEqual(len(self.found("in")), len(names))
        self.assertEqual(self.found("--", "in/-x"), ["in/-x: Found FOUND"])

    def test_the_union_of_a_volume(self):
        """Needs the default definitions, which know W32/Mimail.q@MM's dropper and page."""
        program = b"MZ" + bytes(58) + (64).to_bytes(4, "little") + b"PE\0\0" + b"\x4c\x01" + bytes(18)
        self.file("vol/WINNT/SYS32.EXE", program.ljust(32768, b"\0"))
        self.file("vol/MSHOME.HTA", b" " * 7178)
        command = [KUJO, "scan", "-q"]

        def names(path):
            run = subprocess.run([*command, path], cwd=self.dir, env=self.env, capture_output=True)
            if b"there are no definitions" in run.stderr:
                self.skipTest("no default definitions")
            return run.stdout.decode().splitlines()

        self.assertIn("in/vol/WINNT/SYS32.EXE: W32/Mimail.q@MM FOUND", names("in/vol"))
        self.assertIn("in/vol/MSHOME.HTA: W32/Mimail.hta FOUND", names("in/vol"))
        self.assertEqual(names("in/vol/MSHOME.HTA"), [])


class Definitions(Case):
    def test_a_named_file_is_verified_once(self):
        built = subprocess.run([KUJO, "defs", "build", "-o", "own.defs", self.rules], cwd=self.dir,
                               env=self.env, capture_output=True)
        if built.returncode:
            self.skipTest("no defs build: " + built.stderr.decode())
        self.file("bad", FOUND)
        remembered = "/var/cache/kujo/verified" if os.geteuid() == 0 else \
            self.path("cache/kujo/verified")
        for _ in range(2):
            run = subprocess.run([KUJO, "scan", "-q", "-d", "own.defs", "in"], cwd=self.dir,
                                 env=self.env, capture_output=True)
            self.assertEqual((run.returncode, run.stdout), (1, b"in/bad: Found FOUND\n"), run.stderr)
        with open(remembered) as f:
            lines = f.read().splitlines()
        self.assertTrue(all(re.fullmatch(r"([0-9a-f]+ ){5}[0-9a-f]{32}", line) for line in lines))
        own = os.stat(self.path("own.defs"))
        identity = [f"{own.st_dev:x}", f"{own.st_ino:x}", f"{own.st_mtime_ns:x}"]
        self.assertEqual(sum(line.split()[:3] == identity for line in lines), 1)
        with open(self.path("own.defs"), "r+b") as f:
            f.seek(-100, 2)
            f.write(b"damage")
        run = subprocess.run([KUJO, "scan", "-q", "-d", "own.defs", "in"], cwd=self.dir,
                             env=self.env, capture_output=True)
        self.assertEqual(run.returncode, 2)
        self.assertIn(b"own.defs", run.stderr)


class Heuristics(Case):
    """What is strange about a message, and what the user thinks of that."""

    NAME = "Heuristics.Mail.DuplicateTransferEncoding"
    NOTE = f"strange: {NAME} (several transfer encodings for one part)"

    @staticmethod
    def message(*encodings, text="bm90aGluZw==\n"):
        fields = "".join(f"Content-Transfer-Encoding: {one}\n" for one in encodings)
        return ("From: a@example.org\nTo: b@example.org\nSubject: x\nMIME-Version: 1.0\n"
                f"Content-Type: text/plain\n{fields}\n{text}").encode()

    def setUp(self):
        super().setUp()
        self.file("odd.eml", self.message("7bit", "base64"))
        self.file("plain.eml", self.message("7bit"))

    def test_told_and_no_detection(self):
        out, err = self.scan("in", code=0)
        self.assertEqual(err, f"in/odd.eml: {self.NOTE}\n")
        self.assertIn("strange: 1 object\n", out)
        self.assertIn("detected: 0 objects", out)
        self.assertEqual(self.scan("-q", "in", code=0), ("", ""))
        self.assertNotIn("strange", self.scan("in/plain.eml", code=0)[0])

    def test_policies(self):
        odd = [f"in/odd.eml: {self.NAME} FOUND"]
        self.assertEqual(self.found("--heuristic", f"{self.NAME}=detect", "in"), odd)
        self.assertEqual(self.found("--heuristic=mail.duplicatetransferencoding=detect", "in"), odd)
        self.assertEqual(self.found("--heuristic=mail=ignore", "--heuristic=all=detect", "in"), odd)
        _, err = self.scan("--heuristic=all=detect", "--heuristic=Mail=report", "in", code=0)
        self.assertIn(self.NOTE, err)
        _, err = self.scan("--heuristic=all=detect", "--heuristic=Mail=ignore", "in", code=0)
        self.assertEqual(err, "")
        for jobs in "1", "3":
            self.assertEqual(self.found("--heuristic=Mail=detect", "-j", jobs, "in"), odd)

    def test_a_better_detection_speaks_for_the_object(self):
        self.file("odd.eml", self.message("7bit", "base64", text=FOUND.decode()))
        found = self.found("--heuristic=Mail=detect", "in/odd.eml")
        self.assertIn("in/odd.eml: Found FOUND", found)
        self.assertNotIn(f"in/odd.eml: {self.NAME} FOUND", found)
        self.assertIn(f"in/odd.eml: {self.NAME} FOUND",
                      self.found("-a", "--heuristic=Mail=detect", "in/odd.eml"))

    def test_json(self):
        out, err = self.scan("--json", "--heuristic=Mail=detect", "in", code=1)
        self.assertEqual(err, "")
        lines = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([line["type"] for line in lines], ["heuristics", "detection", "summary"])
        self.assertEqual(lines[0], {"kujo": 1, "type": "heuristics", "path": "in/odd.eml",
                                    "heuristics": [self.NAME]})
        self.assertEqual(lines[1], {"kujo": 1, "type": "detection", "path": "in/odd.eml",
                                    "name": self.NAME, "class": "heuristic", "verdict": True,
                                    "source": "heuristics"})
        self.assertEqual((lines[2]["heuristics"], lines[2]["detected_files"]), (1, 1))

    def test_quarantine_leaves_what_is_only_strange(self):
        self.scan("-q", "--quarantine", "--state", self.path("state"), "--heuristic=Mail=detect",
                  "in", code=1)
        self.assertTrue(os.path.exists(self.path("in/odd.eml")))

    def test_the_list(self):
        out, _ = self.scan("--list-heuristics", "--heuristic=Mail=ignore",
                           f"--heuristic={self.NAME}=detect", code=0)
        rows = [re.split(r"  +", line, maxsplit=2) for line in out.splitlines()]
        self.assertGreater(len(rows), 10)
        self.assertEqual({row[1] for row in rows}, {"ignore", "detect"})
        self.assertIn([self.NAME, "detect", "several transfer encodings for one part"], rows)
        out, _ = self.scan("--list-heuristics", "--json", code=0)
        lines = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([line["name"] for line in lines], [row[0] for row in rows])
        self.assertEqual({line["policy"] for line in lines}, {"report"})
        self.assertEqual({line["type"] for line in lines}, {"heuristic"})

    def test_words_that_mean_nothing(self):
        for value in ("Mail", "Mail=", "=detect", "Mail=maybe", "Mail.Nothing=detect",
                      "Mai=detect", "Mail=Detect", ""):
            _, err = self.scan("--heuristic", value, "in", code=2)
            self.assertTrue(err.startswith(f"kujo: --heuristic {value}: "), err)
        _, err = self.scan("--max-readings", "0", "in", code=2)
        self.assertIn("--max-readings", err)
        self.scan("--max-readings", "4", "in", code=0)


class KnownDigests(Case):
    """Lists of digests as rules: what is bad, and what is known to be good."""

    def setUp(self):
        super().setUp()
        self.file("bad", BAD)
        self.file("clean")
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as z:
            z.writestr("dir/bad", BAD)
        self.archive = data.getvalue()
        self.file("a.zip", self.archive)
        self.list("bad.hdb", f"{hashlib.md5(BAD).hexdigest()}:{len(BAD)}:Test.Bad\n")
        self.rules = self.path("bad.hdb")

    def list(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)
        return self.path(name)

    def trust(self, content):
        return "-r", self.list("good.sfp", f"{hashlib.sha256(content).hexdigest()}:{len(content)}:Good\n")

    def test_files_and_members(self):
        expected = ["in/a.zip!dir/bad: Test.Bad FOUND", "in/bad: Test.Bad FOUND"]
        for workers in "1", "2":
            self.assertEqual(self.found("-j", workers, "in"), expected)

    def test_what_it_is_known_by(self):
        digest = hashlib.md5(BAD).hexdigest()
        for workers in "1", "2":
            self.assertIn(f"    md5 of the object: {digest}", self.found("-j", workers, "-e", "in"))
        out, _ = self.scan("--json", "-e", "in/bad", code=1)
        self.assertEqual(json.loads(out.splitlines()[0]), {
            "kujo": 1, "type": "detection", "path": "in/bad", "name": "Test.Bad", "class": "exact",
            "verdict": True, "format": "text", "size": len(BAD),
            "evidence": [{"kind": "digest", "digest": "md5", "of": "object", "offset": 0,
                          "length": len(BAD), "hex": digest}]})

    def test_the_summary_counts_them(self):
        out, _ = self.scan("in/bad", code=1)
        self.assertIn("0 rules and 1 digests of your own\n", out)

    def test_trusted_files_are_clean(self):
        for workers in "1", "2":
            self.assertEqual(self.found("-j", workers, *self.trust(BAD), "in", code=0), [])
        self.assertEqual(self.found("-a", *self.trust(BAD), "in", code=0),
                         ["in/a.zip!dir/bad: Good TRUSTED", "in/bad: Good TRUSTED"])

    def test_trust_covers_members_and_nothing_else(self):
        self.assertEqual(self.found("-a", *self.trust(self.archive), "in"),
                         ["in/a.zip: Good TRUSTED", "in/bad: Test.Bad FOUND"])

    def test_nothing_silences_a_trusted_digest_of_another_size(self):
        self.list("good.sfp", f"{hashlib.sha256(BAD).hexdigest()}:{len(BAD) + 1}:Good\n")
        self.assertEqual(self.found("-r", self.path("good.sfp"), "in/bad"), ["in/bad: Test.Bad FOUND"])

    def test_quarantine(self):
        state = "--quarantine", "--state", self.path("state")
        self.scan("-q", *state, *self.trust(BAD), "in/bad", code=0)
        self.assertTrue(os.path.exists(self.path("in/bad")))
        self.scan("-q", *state, "in/bad", code=1)
        self.assertFalse(os.path.exists(self.path("in/bad")))


class Language(Case):
    def test_japanese(self):
        """In a locale that the machine need not have; numbers and FOUND stay."""
        self.file("bad", FOUND)
        self.env.pop("LC_ALL")
        self.env["LANG"] = "ja_JP.UTF-8"
        out, _ = self.scan("in/bad", "in/none", code=1)
        if "scan summary" in out:
            self.skipTest("no catalogues beside the program")
        self.assertIn("in/bad: Found FOUND", out)
        self.assertIn("スキャンの要約", out)
        self.assertRegex(out, r"時間: \d+\.\d\d s")


class Tap(unittest.TextTestResult):
    """TAP on the original stdout, one line a case."""

    def line(self, ok, test, note=""):
        self.count = getattr(self, "count", 0) + 1
        name = test.id().split(".", 1)[-1]
        print(f"{'ok' if ok else 'not ok'} {self.count} - {name}{note}", flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.line(True, test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.line(True, test, f" # SKIP {reason}")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.line(False, test)

    def addError(self, test, err):
        super().addError(test, err)
        self.line(False, test)


if __name__ == "__main__":
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    if len(sys.argv) > 1:
        suite = unittest.defaultTestLoader.loadTestsFromNames(sys.argv[1:], sys.modules["__main__"])
    print(f"1..{suite.countTestCases()}", flush=True)
    result = unittest.TextTestRunner(resultclass=Tap, verbosity=0).run(suite)
    sys.exit(not result.wasSuccessful())
