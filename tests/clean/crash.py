#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A run that is cut short at any system call leaves, after resume and after undo, exactly one of two trees.

The run has sixteen steps. It is killed at every system call from its first on, or that call fails with
ENOSPC or EIO; then the run is completed in one case and taken back in the other; and completing and
taking back are themselves killed at every call, and repeated."""

import errno
import os
import random
import shutil
import stat
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from kit import LONG, Skip, case, check, equal, few, run_cases, write  # noqa: E402

RUN = os.path.abspath(os.environ["RUN_TRANSACTION"])
STEPPER = os.path.abspath(os.environ["STEPPER"])
PLACE = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
WRITES = {"write": 1, "pwrite64": 18, "fsync": 74, "fdatasync": 75, "ftruncate": 77, "mkdir": 83,
          "openat": 257, "mkdirat": 258, "unlinkat": 263, "renameat2": 316, "flock": 73}
READ, OPENAT2 = 0, 437
# read close fstat mmap mprotect munmap brk pread64 readlink flistxattr fgetxattr getdents64 newfstatat
# getrandom openat2 (directories); fsync and fdatasync: what is killed loses nothing of what it wrote
LOOKS = {READ, 3, 5, 9, 10, 11, 12, 17, 74, 75, 89, 196, 193, 217, 262, 318, OPENAT2}


# ---- the tree ------------------------------------------------------------------------------------

def hive(sequence, fill):
    """What formats/regf.h calls a header, and a page."""
    head = b"regf" + struct.pack("<II", sequence, sequence)
    head = head.ljust(508, bytes([fill]))
    total = 0
    for (word,) in struct.iter_unpack("<I", head):
        total ^= word
    return (head + struct.pack("<I", total)).ljust(4096, b"\0")


def make_original(folder):
    files = {
        "a.ini": b"[windows]\r\nrun=one.exe two.exe\r\n",
        "a.ini.after": b"[windows]\r\nrun=one.exe\r\n",
        "b.ini": b"[boot]\r\nshell=x\r\n", "b.ini.after": b"[boot]\r\nshell=Explorer.exe\r\n",
        "d/c.dat": bytes(range(256)) * 64,
        "d/c.dat.after": bytes(range(256)) * 20 + b"changed" + bytes(range(256)) * 43 + bytes(249),
        "hive1": hive(5, 0) + b"page one ".ljust(4096, b"1") + b"2" * 4096,
        "hive1.after": hive(6, 0) + b"page ONE ".ljust(4096, b"1") + b"2" * 4000 + b"3" * 96,
        "d/hive2": hive(9, 1) + b"4" * 4096,
        "d/hive2.after": hive(10, 1) + b"4" * 4095 + b"5" + b"6" * 4096,
        "gone1": b"MZ" + bytes(3000), "gone2": b"", "d/gone3": os.urandom(0) + b"x" * 70000,
        "d/gone4 with blanks": b"read only", "d/e/gone5": b"deep", "d/e/gone6": b"also",
        "stays": b"nobody touches it", "d/stays": b"nor this",
        "empty1/gone7": b"makes its directory empty",
        "gone8": b"has a second name", "stays8": b"has a second name",
        "stays.ini": b"[boot]\r\nshell=x\r\n",
    }
    for name, content in files.items():
        write(os.path.join(folder, name), content)
    os.makedirs(os.path.join(folder, "d/empty2"))
    os.chmod(os.path.join(folder, "d/gone4 with blanks"), 0o444)
    try:
        os.setxattr(os.path.join(folder, "gone1"), "user.stream", b"of NTFS" * 100)
    except OSError:
        pass
    for number, (where, folders, names) in enumerate(sorted(os.walk(folder))):
        for name in names:
            os.utime(os.path.join(where, name), ns=(10**18 + number, 10**18 + number * 7 + len(name)))
    for where, _, _ in os.walk(folder, topdown=False):
        os.utime(where, ns=(10**18 + 99, 10**18 + 5))


def copy_tree(original, root):
    """The tree without the twins, with all times."""
    shutil.copytree(original, root, ignore=shutil.ignore_patterns("*.after"))
    for name, twin in (("gone8", "stays8"), ("b.ini", "stays.ini")):
        os.unlink(os.path.join(root, twin))
        os.link(os.path.join(root, name), os.path.join(root, twin))
    for where, _, _ in os.walk(root, topdown=False):
        shutil.copystat(os.path.join(original, os.path.relpath(where, root)), where)


def tree(root, with_times):
    seen = {}
    for where, folders, names in os.walk(root):
        for name in ["."] + names if where == root else ["."] + names:
            path = os.path.normpath(os.path.join(where, name))
            about = os.lstat(path)
            content = b""
            if stat.S_ISREG(about.st_mode):
                with open(path, "rb") as file:
                    content = file.read()
            streams = {key: os.getxattr(path, key) for key in os.listxattr(path)
                       if key.startswith("user.")}
            seen[os.path.relpath(path, root)] = (
                about.st_mode, about.st_uid, about.st_gid, about.st_mtime_ns if with_times else 0,
                content, tuple(sorted(streams.items())))
    return seen


class Bench:
    """A tree, a state, and what they have to become."""

    def __init__(self):
        self.home = tempfile.mkdtemp(prefix="kujo-crash-", dir=PLACE)
        self.original = os.path.join(self.home, "original")
        self.root = os.path.join(self.home, "root")
        self.state = os.path.join(self.home, "state")
        make_original(self.original)
        self.reset()
        self.before = tree(self.root, True)
        equal(self.go("run").returncode, 0)
        self.after = tree(self.root, False)
        check(len(self.before) - len(self.after) == 10, sorted(self.before), sorted(self.after))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.home, ignore_errors=True)

    def reset(self):
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.rmtree(self.state, ignore_errors=True)
        copy_tree(self.original, self.root)

    def command(self, what):
        return [RUN, what, self.state, self.root, self.original if what == "run" else "last"]

    def go(self, what):
        return subprocess.run(self.command(what), capture_output=True, text=True, check=False)

    def cut(self, what, number, error=0):
        """Runs it under the stepper: (exit code, number of the call or None when it ended before)."""
        log = os.path.join(self.home, "log")
        options = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"  # not under ptrace
        done = subprocess.run([STEPPER, str(number), str(error)] + self.command(what),
                              env=dict(os.environ, STEPPER_LOG=log, ASAN_OPTIONS=options),
                              capture_output=True, text=True, check=False)
        if done.returncode == 77:
            raise Skip("no stepper for this processor")
        with open(log, encoding="ascii") as file:
            words = [line.split() for line in file]
        last = words[-1][1] if words else "end"
        return done, None if number and last == "end" and len(words) == 1 else last

    def calls(self, what):
        """The system calls of a whole run, in order; an openat that makes nothing counts as a read."""
        self.cut(what, 0)
        with open(os.path.join(self.home, "log"), encoding="ascii") as file:
            lines = [[int(word) for word in line.split()] for line in file
                     if not line.endswith("end\n")]
        return [READ if call == WRITES["openat"] and not flags & os.O_CREAT else call
                for _, call, flags in lines]

    def is_before(self):
        return tree(self.root, True) == self.before

    def is_after(self):
        return tree(self.root, False) == self.after

    def difference(self):
        now = tree(self.root, True)
        return sorted(name for name in now.keys() | self.before.keys()
                      if now.get(name) != self.before.get(name))

    def journals(self):
        """The runs there are, by the paths of their journals; and how many containers."""
        runs = os.path.join(self.state, "runs")
        return ([os.path.join(runs, name, "journal") for name in sorted(os.listdir(runs))],
                len(os.listdir(os.path.join(self.state, "quarantine"))))

    def settle(self, how, note):
        """After a cut: completes or takes back, and looks."""
        done = self.go(how)
        if "nothing is unfinished" in done.stdout and self.is_before():
            equal(self.go("run").returncode, 0)  # and it sweeps up what the one before left
            runs, containers = self.journals()
            check(len(runs) == 1 and containers == 8, note, "left over", runs, containers)
        check(done.returncode == 0 or (how == "undo" and self.is_before()), how, note, done)
        if how == "undo":
            check(self.is_before(), note, "not as it was", self.difference(), done)
        else:
            check(self.is_after() or self.is_before(), note, "neither tree", self.difference(), done)


def numbers(calls):
    """Which calls to cut at. Behind a call that only looks, everything is as it was before it: such cuts
    are left out but in check-long. Under the sanitizers it is an even choice."""
    all_of_them = [n for n in range(first_call(calls), len(calls) + 1)
                   if LONG or calls[n - 2] not in LOOKS]
    return few_of(all_of_them)


def few_of(places):
    """All of them, or an even choice under the sanitizers."""
    return places[::max(1, len(places) // (few(len(places), len(places)) or 1))]


def first_call(calls):
    """The loader's calls before the program begins change nothing: begin at the lock."""
    return calls.index(WRITES["flock"]) + 1 if WRITES["flock"] in calls else 1


@case("a run, and undoing it, is exact")
def _():
    with Bench() as bench:
        check(bench.is_after())
        check(not bench.is_before())
        equal(bench.go("undo").returncode, 0)
        check(bench.is_before(), bench.difference())
        check(bench.go("undo").returncode != 0, "there is nothing to undo any more")


def cut_everywhere(what, then):
    with Bench() as bench:
        bench.reset()
        if what != "run":
            prepare_cut_run(bench, what)
        calls = bench.calls(what)
        done = 0
        for number in numbers(calls):
            bench.reset()
            if what != "run":
                prepare_cut_run(bench, what)
            bench.cut(what, number)
            bench.settle(then, f"{what} killed at call {number}")
            done += 1
        check(done > 5, done)
        return f"{done} cuts for {len(calls) - first_call(calls)} calls"


def prepare_cut_run(bench, what, fresh=False):
    """For `resume`: a run that was killed in the middle of its changes. For `undo`: a whole one."""
    if fresh:
        bench.reset()
    if what == "undo":
        equal(bench.go("run").returncode, 0)
        return
    if not hasattr(bench, "middle"):
        calls = bench.calls("run")
        unlinks = [n for n, call in enumerate(calls, 1) if call == WRITES["pwrite64"]]
        bench.middle = unlinks[len(unlinks) // 2] + 1
        bench.reset()
    bench.cut("run", bench.middle)


@case("killed at every system call of the run, then completed")
def _():
    return cut_everywhere("run", "resume")


@case("killed at every system call of the run, then taken back")
def _():
    return cut_everywhere("run", "undo")


@case("killed at every system call of resume, then completed")
def _():
    return cut_everywhere("resume", "resume")


@case("killed at every system call of resume, then taken back")
def _():
    return cut_everywhere("resume", "undo")


@case("killed at every system call of undo, then taken back")
def _():
    return cut_everywhere("undo", "undo")


def fail_everywhere(error):
    with Bench() as bench:
        bench.reset()
        calls = bench.calls("run")
        wanted = [n for n, call in enumerate(calls, 1)
                  if (call in WRITES.values() or call == READ) and n >= first_call(calls)]
        done = 0
        for number in few_of(wanted):
            bench.reset()
            result, _ = bench.cut("run", number, error)
            note = f"call {number} (number {calls[number - 1]}) failed: {result}"
            check(result.returncode in (0, 1, 2), note)
            if result.returncode == 0:
                check(bench.is_after(), note, bench.difference())
            unfinished = bench.go("resume")
            if "nothing is unfinished" in unfinished.stdout and result.returncode == 2 and \
                    not bench.is_after():  # all done, and then the journal could not be synced
                check(bench.is_before(), note, "an error, nothing unfinished, and yet changed",
                      bench.difference())
                continue
            taken = bench.go("undo")
            check(bench.is_before(), note, unfinished, taken, bench.difference())
            done += 1
        return f"{len(wanted)} calls"


@case("killed three times: in the run, in completing it, in taking it back")
def _():
    with Bench() as bench:
        dice = random.Random(4)
        bench.reset()
        calls = {what: [] for what in ("run", "resume", "undo")}
        calls["run"] = numbers(bench.calls("run"))
        calls["undo"] = numbers(bench.calls("undo"))
        prepare_cut_run(bench, "resume", fresh=True)
        calls["resume"] = numbers(bench.calls("resume"))
        for _ in range(few(60, 6)):
            bench.reset()
            picks = [(what, dice.choice(calls[what])) for what in ("run", "resume", "undo", "undo")]
            for what, number in picks:
                bench.cut(what, number)
            bench.settle("undo", picks)


def records(journal):
    """Where the records of a journal end, by their types."""
    with open(journal, "rb") as file:
        data = file.read()
    at = 0
    while at < len(data):
        _, kind, length, _ = struct.unpack_from("<4I", data, at)
        at += 16 + length + 32
        yield kind, at


@case("a journal that is torn anywhere behind COMMIT: all is known that was done")
def _():
    with Bench() as bench:
        bench.reset()
        equal(bench.go("run").returncode, 0)
        (journal,), _ = bench.journals()
        commit, whole = next(end for kind, end in records(journal) if kind == 3), os.path.getsize(journal)
        lengths = few_of(list(range(commit, whole, 11)))
        for length in lengths:
            for how in ("undo", "resume"):
                bench.reset()
                equal(bench.go("run").returncode, 0)
                (journal,), _ = bench.journals()
                with open(journal, "r+b") as file:
                    if how == "undo":
                        file.truncate(length)
                    else:  # the length is on the disk, the bytes are not
                        file.seek(length)
                        file.write(bytes(whole - length))
                done = bench.go(how)
                check(done.returncode == 0, how, length, done)
                check(bench.is_before() if how == "undo" else bench.is_after(), length, how,
                      bench.difference())
                equal(bench.journals()[1], 8)
        return f"{len(lengths)} places"


@case("file systems without renameat2's flags, kernels without openat2")
def _():
    with Bench() as bench:
        for what, call, error in (("undo", WRITES["renameat2"], errno.EINVAL),
                                  ("run", OPENAT2, errno.ENOSYS), ("undo", OPENAT2, errno.ENOSYS)):
            bench.reset()
            if what == "undo":
                equal(bench.go("run").returncode, 0)
            places = [n for n, seen in enumerate(bench.calls(what), 1) if seen == call]
            check(places, what, call)
            for number in few_of(places):
                bench.reset()
                if what == "undo":
                    equal(bench.go("run").returncode, 0)
                done, _ = bench.cut(what, number, error)
                equal(done.returncode, 0)
                check(bench.is_before() if what == "undo" else bench.is_after(), what, number, done,
                      bench.difference())


@case("ENOSPC at every call that writes: an error, and the way back")
def _():
    return fail_everywhere(errno.ENOSPC)


@case("EIO at every call that writes: an error, and the way back")
def _():
    return fail_everywhere(errno.EIO)


if __name__ == "__main__":
    sys.exit(run_cases())
