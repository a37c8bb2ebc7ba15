# SPDX-License-Identifier: Apache-2.0
"""Small Windows volumes for tests: directories with inert files and hives that hivexsh fills."""

import os
import re
import stat
import subprocess
import sys

from kit import ROOT, filler, inert_program, tool, write

sys.path.insert(0, os.path.join(ROOT, "demo"))
sys.dont_write_bytecode = True
import hive  # noqa: E402  (demo/hive.py)

RUN = "Microsoft\\Windows\\CurrentVersion\\Run"
NT = "Microsoft\\Windows NT\\CurrentVersion"
JPEG = b"\xFF\xD8\xFF\xE0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
GIF = b"GIF89a\1\0\1\0\0\0\0"


def program(size):
    return inert_program(size)


def make_hive(path, keys):
    """`keys`: {path: {name: hivexsh's value}}. Made where it is missing, else added to."""
    if not os.path.exists(path):
        write(path, hive.empty_hive(os.path.basename(path)))
    shell, script = tool("hivexsh"), []
    listed = set()
    for key, values in keys.items():
        script.append("cd \\")
        above = ""
        for part in key.split("\\") if key else []:
            above += "\\" + part
            if above.lower() not in listed:
                known = subprocess.run([shell, path], input="cd %s\nquit\n" % above, text=True,
                                       capture_output=True, check=False)
                if known.returncode or "error" in (known.stderr + known.stdout).lower() or \
                        "not found" in known.stderr:
                    script.append("add " + part)
                listed.add(above.lower())
            script.append("cd " + part)
        script.append("setval %d" % len(values))
        for name, value in values.items():
            script += [name, value]
    done = subprocess.run([shell, "-w", path], input="\n".join(script + ["commit", "quit", ""]),
                          text=True, capture_output=True, check=False)
    if done.returncode or done.stderr:
        raise RuntimeError("hivexsh: %s\n%s" % (done.stderr, "\n".join(script)))


def values_of(path, key):
    """{name: text} of a key's values, as hivexsh shows them."""
    done = subprocess.run([tool("hivexsh"), path], input="cd %s\nlsval\nquit\n" % key, text=True,
                          capture_output=True, check=False)
    return dict(re.findall(r'^"(.*?)"=(.*)$', done.stdout, re.M))


class Volume:
    """A Windows NT volume at `root`: 5.0 (2000) in WINNT, later ones in Windows."""

    def __init__(self, root, version="5.0"):
        self.root = root
        self.windir = "WINNT" if version == "5.0" else "Windows"
        profiles = "Users" if float(version) >= 6 else "Documents and Settings"
        self.profile = f"{profiles}/User"
        config = f"{self.windir}/system32/config"
        self.software = os.path.join(root, config, "software")
        self.system = os.path.join(root, config, "system")
        self.user = os.path.join(root, self.profile, "NTUSER.DAT")
        path = f"C:\\{self.windir}"
        make_hive(self.software, {
            NT: {"ProductName": f"string:Windows of version {version}",
                 "CurrentVersion": f"string:{version}", "SystemRoot": f"string:{path}"},
            NT + "\\ProfileList\\S-1-5-21-1-2-3-1000": {
                "ProfileImagePath": "expandstring:%SystemDrive%\\" + self.profile.replace("/", "\\")},
            NT + "\\Winlogon": {"Shell": "string:Explorer.exe",
                                "Userinit": f"string:{path}\\system32\\userinit.exe,"},
            RUN: {"Sound": "string:sound.exe"}})
        make_hive(self.system, {
            "Select": {"Current": "dword:1", "Default": "dword:1"},
            "ControlSet001\\Services\\Spooler": {
                "ImagePath": "expandstring:%SystemRoot%\\system32\\spoolsv.exe",
                "Start": "dword:2", "Type": "dword:0x10"}})
        make_hive(self.user, {"Software\\" + RUN: {"Clock": "string:C:\\Tools\\clock.exe"}})
        for name, size in (("explorer.exe", 243472), ("NOTEPAD.EXE", 50960)):
            self.file(f"%/{name}", program(size))
        for name in ("userinit.exe", "spoolsv.exe", "sound.exe"):
            self.file(f"%/system32/{name}", program(20000))
        self.file("Tools/clock.exe", program(9000))
        self.file("%/system.ini", b"[boot]\r\nshell=Explorer.exe\r\n")
        self.file("%/win.ini", b"[windows]\r\nload=\r\nrun=\r\n[fonts]\r\n")

    def path(self, name):
        """`%` at the start: the Windows directory."""
        return os.path.join(self.root, name.replace("%", self.windir, 1))

    def file(self, name, content):
        return write(self.path(name), content)

    def infect_with_mimail(self):
        """The traces that W32/Mimail.q@MM leaves, by its published description; inert."""
        self.file("%/SYS32.EXE", program(32768))
        self.file("%/OUTLOOK.EXE", program(50720))
        self.file("%/OUTLOOK.CFG", b"someone@example.com\r\n")
        self.file("MMINFO.TXT", b"nothing\r\n")
        self.file("LOGO.JPG", filler(JPEG, 1292))
        self.file("LOGOBIG.GIF", filler(GIF, 948))
        self.file("MSHOME.HTA", b"Filler. ".ljust(7178, b"."))
        self.file("WIND.GIF", filler(GIF, 2660))
        make_hive(self.software, {RUN: {"Sound": "string:sound.exe",
                                        "System": "expandstring:%WinDir%\\SYS32.EXE"}})


def snapshot(root):
    """{path: everything that has to be the same again}."""
    seen = {}
    for folder, folders, names in os.walk(root):
        for name in folders + names:
            path = os.path.join(folder, name)
            about = os.lstat(path)
            content = b""
            if stat.S_ISREG(about.st_mode):
                with open(path, "rb") as file:
                    content = file.read()
            elif stat.S_ISLNK(about.st_mode):
                content = os.readlink(path).encode()
            seen[os.path.relpath(path, root)] = (about.st_mode, about.st_uid, about.st_gid,
                                                 about.st_mtime_ns, about.st_nlink
                                                 if stat.S_ISREG(about.st_mode) else 0, content)
    about = os.lstat(root)
    seen["."] = (about.st_mode, about.st_mtime_ns)
    return seen


def difference(before, after):
    return sorted(path for path in before.keys() | after.keys()
                  if before.get(path) != after.get(path))
