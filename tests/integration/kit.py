# SPDX-License-Identifier: Apache-2.0
"""What the tests of the whole program share: running it, inert inputs, TAP.

$KUJO is the program. A test file registers its cases with @case and ends with run_cases(). Each
case runs in an empty directory of its own, with a home of its own."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ADVISORIES = os.path.join(ROOT, "advisories")
KUJO = os.path.abspath(os.environ.get("KUJO", os.path.join(ROOT, "build", "kujo")))
CORPORA = os.environ.get("KUJO_CORPORA", os.path.join(ROOT, "..", "shared", "corpora"))
LONG = bool(os.environ.get("KUJO_LONG"))
SANITIZED = "sanitize" in os.environ.get("KUJO_TEST_BUILD", "")
TIMEOUT = 600 if SANITIZED else 120


def few(count, many):
    """How often a check is repeated: `many` times in check-long, and less under the sanitizers."""
    return many if LONG else count // 4 if SANITIZED else count


# The EICAR test string, assembled so that this file is not itself detected.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}" + b"$EICAR-STANDARD-" + b"ANTIVIRUS-TEST-FILE!$H+H*"
EICAR_NAME = "EICAR-Test-File"


class Skip(Exception):
    pass


class Failure(Exception):
    pass


def check(condition, *what):
    if not condition:
        raise Failure("\n".join(str(part) for part in what))


def equal(got, wanted, *what):
    if got != wanted:
        raise Failure("\n".join([str(part) for part in what]
                                + ["got:      %r" % (got,), "expected: %r" % (wanted,)]))


# ---- running -------------------------------------------------------------------------------------

class Result:
    """What a run of a program gave: exit code, and both outputs as bytes and lines."""

    def __init__(self, command, code, out, err):
        self.command, self.code, self.out, self.err = command, code, out, err

    @property
    def lines(self):
        return self.out.decode("utf-8", "surrogateescape").splitlines()

    @property
    def notes(self):
        return self.err.decode("utf-8", "surrogateescape").splitlines()

    @property
    def found(self):
        """The lines of detections, without the summary."""
        return [line for line in self.lines if line.endswith(" FOUND")]

    def __str__(self):
        return "%s\nexit %d\n%s%s" % (
            " ".join(str(word) for word in self.command), self.code,
            self.out[-3000:].decode("utf-8", "replace"),
            self.err[-3000:].decode("utf-8", "replace"))


def environment(**more):
    """Nothing of the caller's that could change an output."""
    keep = ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "LD_LIBRARY_PATH")
    env = {name: os.environ[name] for name in keep if name in os.environ}
    env.update(LC_ALL="C.UTF-8", HOME=os.getcwd(), XDG_CACHE_HOME=os.path.join(os.getcwd(), ".c"))
    env.update(more)
    return {name: value for name, value in env.items() if value is not None}


def kujo(*arguments, code=None, stdin=b"", env=None, cwd=None, program=None, timeout=TIMEOUT):
    """Runs kujo and checks what must always hold: no signal, no sanitizer's report. `code` is the
    exit code that is expected."""
    command = [program or KUJO, *arguments]
    done = subprocess.run(command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=env or environment(), cwd=cwd, timeout=timeout, check=False)
    result = Result(command, done.returncode, done.stdout, done.stderr)
    check(done.returncode >= 0, "killed by %s" % -done.returncode, result)
    for mark in (b"Sanitizer", b"runtime error:"):
        check(mark not in done.stderr, "a sanitizer complains", result)
    if code is not None:
        check(done.returncode == code, "exit %d is expected" % code, result)
    return result


def tool(*names):
    for name in names:
        path = shutil.which(name)
        if path:
            return path
    raise Skip(" or ".join(names) + " is not installed")


def run(*command, **options):
    options.setdefault("stdout", subprocess.DEVNULL)
    options.setdefault("stderr", subprocess.PIPE)
    options.setdefault("check", False)
    done = subprocess.run(command, **options)
    if done.returncode:
        raise RuntimeError("%s: %s" % (command[0], (done.stderr or b"").decode()[-300:]))
    return done.stdout


# ---- files ---------------------------------------------------------------------------------------

def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, *parts):
    folder = os.path.dirname(path)
    if folder:
        os.makedirs(folder, exist_ok=True)
    with open(path, "wb") as file:
        for part in parts:
            file.write(part)
    return path


def filler(header, size):
    """An inert file of a published size: a header that gives its type, and zeros."""
    return header + b"\0" * (size - len(header))


def inert_program(size):
    """A PE header that describes a program without sections: there is nothing to run."""
    dos = b"MZ" + b"\0" * 58 + (64).to_bytes(4, "little")
    coff = b"PE\0\0" + (0x14C).to_bytes(2, "little") + b"\0" * 14 + (224).to_bytes(2, "little") \
        + (0x102).to_bytes(2, "little")
    optional = (0x10B).to_bytes(2, "little") + b"\0" * 222
    return filler(dos + coff + optional, size)


# ---- cases ---------------------------------------------------------------------------------------

CASES = []


def case(title):
    def add(function):
        CASES.append((title, function))
        return function
    return add


def remove(place):
    """Whatever a case did to permissions."""
    for folder, _, _ in os.walk(place):
        os.chmod(folder, 0o700)
    shutil.rmtree(place, ignore_errors=True)


def run_case(number, title, function):
    home = os.getcwd()
    place = tempfile.mkdtemp(prefix="kujo-test-")
    os.chdir(place)
    try:
        note = function()
        print("ok %d - %s%s" % (number, title, ": " + note if note else ""), flush=True)
        return True
    except Skip as why:
        print("ok %d - %s # SKIP %s" % (number, title, why), flush=True)
        return True
    except Exception as why:  # whatever it is, the other cases run
        text = str(why) if isinstance(why, Failure) else traceback.format_exc()
        lines = text.encode("utf-8", "backslashreplace").decode().splitlines()
        print("not ok %d - %s\n%s" % (number, title, "\n".join("# " + line for line in lines)),
              flush=True)
        return False
    finally:
        os.chdir(home)
        remove(place)


def run_cases():
    """All cases, or those whose title has the word on the command line in it."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    if not os.access(KUJO, os.X_OK):
        print("Bail out! there is no program %s: set KUJO" % KUJO)
        return 1
    cases = [c for c in CASES if len(sys.argv) < 2 or sys.argv[1] in c[0]]
    print("1..%d" % len(cases))
    results = [run_case(number, *c) for number, c in enumerate(cases, 1)]
    return 0 if all(results) else 1
