#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What starts by itself, on generated systems. KUJO: dump_autostarts."""

import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# pylint: disable=wrong-import-position
import hives
from kit import case, check, equal, kujo, read, run_cases, write

CV = "Microsoft\\Windows\\CurrentVersion"
NT = "Microsoft\\Windows NT\\CurrentVersion"
WINLOGON = NT + "\\Winlogon"
FOLDER = "AppData/Roaming/Microsoft/Windows/Start Menu/Programs/Startup"


class System:
    """A Windows NT in `t`; hives get their keys from the arguments."""

    def __init__(self, version="5.1", software=None, system=None, user=None, classes=None):
        self.windir = "Windows" if float(version) >= 6 else "WINDOWS"
        self.users = "Users" if float(version) >= 6 else "Documents and Settings"
        self.profile = "t/%s/Ann" % self.users
        config = "t/%s/system32/config/" % self.windir
        keys = {NT: {"CurrentVersion": "string:" + version,
                     "SystemRoot": "string:C:\\" + self.windir},
                NT + "\\ProfileList\\S-1-5-21-1": {
                    "ProfileImagePath": "expandstring:%%SystemDrive%%\\%s\\Ann" % self.users}}
        for key, values in (software or {}).items():
            keys.setdefault(key, {}).update(values)
        hives.regf(config + "SOFTWARE", keys)
        keys = {"Select": {"Current": "dword:1"}, "ControlSet001\\Control": {}}
        keys.update(system or {})
        hives.regf(config + "SYSTEM", keys)
        hives.regf(self.profile + "/NTUSER.DAT", user or {"Software": {}})
        if classes:
            hives.regf(self.profile + "/AppData/Local/Microsoft/Windows/UsrClass.dat", classes)
        for name in ("explorer.exe", "system32/userinit.exe", "system32/svchost.exe",
                     "system32/cmd.exe", "evil.exe", "system32/evil.dll"):
            self.file(name)

    def file(self, name):
        write("t/%s/%s" % (self.windir, name), b"MZ inert")


def entries(*words, row=None):
    """(row, kind, flags, place, name, token, target, file), those of a row."""
    out = []
    for line in kujo("t", *words, code=0).lines:
        parts = line.split(" | ")
        head = parts[0].split()
        check("of row" not in parts[-1], line)
        if row in (None, head[0]):
            out.append((head[0], head[1], " ".join(head[3:]), *parts[1:]))
    return out


def summary(*words, row=None):
    """(flags, name, file) of each entry of a row."""
    return [(e[2], e[4], e[7].replace("WINDOWS/", "").replace("Windows/", ""))
            for e in entries(*words, row=row)]


@case("Run keys of both views and of users")
def run_keys():
    System("6.1", {CV + "\\Run": {"System": "string:C:\\Windows\\evil.exe",
                                  "Gone": "string:C:\\gone.exe /x", "Off": "string:evil.exe"},
                   "Wow6432Node\\" + CV + "\\Run": {"Thirty": "string:evil.exe"},
                   CV + "\\RunOnceEx\\1": {"a": "string:evil.exe"},
                   CV + "\\Run\\Below": {"no": "string:evil.exe"},
                   CV + "\\RunServices": {"Old": "string:evil.exe"},
                   CV + "\\Explorer\\StartupApproved\\Run": {
                       "Off": "hex:3:03,00,00,00,00,00,00,00,00,00,00,00",
                       "System": "hex:3:02,00,00,00,00,00,00,00,00,00,00,00"}},
           user={"Software\\" + CV + "\\RunOnce": {"Once": "expandstring:%SystemRoot%\\evil.exe"}})
    equal(sorted(summary(row="run")),
          [("", "Once", "evil.exe"), ("", "System", "evil.exe"), ("", "a", "evil.exe"),
           ("32-bit", "Thirty", "evil.exe"), ("disabled", "Off", "evil.exe"),
           ("missing", "Gone", "")])
    equal(summary(row="run-services"), [("stale", "Old", "evil.exe")])


@case("what Windows has by itself is known, look-alikes are not it")
def defaults():
    System(software={WINLOGON: {
        "Shell": "string:Explorer.exe", "Userinit": "string:C:\\WINDOWS\\system32\\userinit.exe,"},
        "Classes\\exefile\\shell\\open\\command": {"": 'string:"%1" %*'}},
        system={"ControlSet001\\Control\\SafeBoot": {"AlternateShell": "string:cmd.exe"}})
    equal(entries(), [])
    equal([(e[0], e[2]) for e in entries("all")],
          [("winlogon-shell", "default"), ("winlogon-userinit", "default"),
           ("safeboot-shell", "default"), ("open-program", "default")])


@case("Winlogon's lists, what stands behind a program included")
def winlogon():
    System(software={WINLOGON: {
        "Shell": "string:Explorer.exe C:\\WINDOWS\\evil.exe",
        "Userinit": "string:C:\\WINDOWS\\system32\\userinit.exe,C:\\WINDOWS\\evil.exe",
        "Taskman": "string:evil.exe"}},
        user={"Software\\" + WINLOGON: {"Shell": "string:evil.exe"}})
    equal(summary(row="winlogon-shell"), [("", "Shell", "evil.exe")])
    equal(summary(row="winlogon-userinit"), [("", "Userinit", "evil.exe")])
    equal(summary("all", row="winlogon-userinit"),
          [("default", "Userinit", "system32/userinit.exe"), ("", "Userinit", "evil.exe")])
    equal(summary(row="winlogon-other"), [("", "Taskman", "evil.exe")])
    equal(summary(row="winlogon-user"), [("", "Shell", "evil.exe")])
    equal(kujo("t", "default=winlogon-userinit:Userinit", "default=winlogon-shell:Shell",
               "default=run:System", code=0).lines,
          ["C:\\WINDOWS\\system32\\userinit.exe,", "Explorer.exe", "(none)"])


@case("a program behind a program")
def behind():
    System(software={WINLOGON: {
        "Userinit": "string:C:\\WINDOWS\\system32\\userinit.exe C:\\WINDOWS\\evil.exe"}})
    equal(summary(row="winlogon-userinit"),
          [("", "Userinit", "system32/userinit.exe"), ("", "Userinit", "evil.exe")])


@case("services of every control set")
def services():
    service = "ControlSet001\\Services\\"
    system = System(system={
        service + "Evil": {"ImagePath": "expandstring:%SystemRoot%\\evil.exe -s",
                           "Type": "dword:16", "Start": "dword:2"},
        service + "Shared": {"ImagePath": "expandstring:%SystemRoot%\\System32\\svchost.exe -k x",
                             "Type": "dword:32", "Start": "dword:4"},
        service + "Shared\\Parameters": {
            "ServiceDll": "expandstring:%SystemRoot%\\system32\\evil.dll"},
        service + "drv": {"Type": "dword:1", "Start": "dword:3"},
        service + "path": {"ImagePath": "string:\\SystemRoot\\system32\\drivers\\drv.sys",
                           "Type": "dword:1"},
        service + "relative": {"ImagePath": "string:system32\\drivers\\drv.sys", "Type": "dword:1"},
        service + "none\\Performance": {"x": "string:y"},
        "ControlSet002\\Services\\Evil": {"ImagePath": "string:C:\\WINDOWS\\evil.exe",
                                          "Type": "dword:16"}})
    system.file("system32/drivers/drv.sys")
    equal(sorted(summary(row="services")),
          [("", "Evil", "evil.exe"), ("", "drv", "system32/drivers/drv.sys"),
           ("", "path", "system32/drivers/drv.sys"), ("", "relative", "system32/drivers/drv.sys"),
           ("disabled", "Shared", "system32/evil.dll"),
           ("disabled", "Shared", "system32/svchost.exe"), ("stale", "Evil", "evil.exe")])
    equal({e[1] for e in entries(row="services")}, {"key"})
    check(any(e[3] == "HKLM\\SYSTEM\\ControlSet002\\Services\\Evil" for e in entries()), "key path")


@case("startup folders, the standard ones and those that settings name")
def startup():
    explorer = CV + "\\Explorer"
    system = System("6.1", {explorer + "\\StartupApproved\\StartupFolder": {
        "off.exe": "hex:3:03,00,00,00"}},
        user={"Software\\" + explorer + "\\User Shell Folders": {
            "Startup": "expandstring:%USERPROFILE%\\Autostart"}})
    write(system.profile + "/" + FOLDER + "/desktop.ini", b"")
    write(system.profile + "/" + FOLDER + "/one.exe", b"MZ")
    write(system.profile + "/Autostart/two.exe", b"MZ")
    write("t/ProgramData/Microsoft/Windows/Start Menu/Programs/StartUp/off.exe", b"MZ")
    found = {(e[1], e[2], e[4], e[3]) for e in entries(row="startup-folder")}
    equal(found, {("file", "", "one.exe", "Users/Ann/" + FOLDER + "/one.exe"),
                  ("file", "", "two.exe", "Users/Ann/Autostart/two.exe"),
                  ("file", "disabled", "off.exe",
                   "ProgramData/Microsoft/Windows/Start Menu/Programs/StartUp/off.exe")})


@case("libraries, classes, debuggers")
def libraries():
    clsid = "{11111111-2222-3333-4444-555555555555}"
    System("6.1", {
        NT + "\\Windows": {"AppInit_DLLs": "string:evil.dll, C:\\Windows\\evil.exe"},
        NT + "\\Image File Execution Options\\sethc.exe": {"Debugger": "string:evil.exe"},
        CV + "\\Explorer\\Browser Helper Objects\\" + clsid: {},
        "Classes\\CLSID\\" + clsid + "\\InprocServer32": {"": "string:C:\\Windows\\system32\\evil"}},
        system={"ControlSet001\\Control\\Session Manager\\AppCertDlls": {"x": "string:evil"}},
        classes={"exefile\\shell\\open\\command": {"": "string:evil.exe %1"},
                 "CLSID\\" + clsid + "\\InprocServer32": {"": "string:evil.dll"}})
    equal(summary(row="appinit"), [("", "AppInit_DLLs", "system32/evil.dll"),
                                   ("", "AppInit_DLLs", "evil.exe")])
    equal(summary(row="image-options"), [("", "sethc.exe", "evil.exe")])
    equal(summary(row="browser-helper"), [("", clsid, "system32/evil.dll")])
    equal(summary(row="appcert"), [("", "x", "system32/evil.dll")])
    equal(summary(row="open-user"), [("", "exefile", "evil.exe")])
    equal([(e[1], e[3].split("\\", 2)[-1], e[7]) for e in entries(row="class-user")],
          [("key", "CLSID\\" + clsid, "Windows/system32/evil.dll")])


def task_hive(actions):
    cache = NT + "\\Schedule\\TaskCache\\"
    data = ",".join("%02x" % byte for byte in actions)
    return {cache + "Tree\\Seen": {"Id": "string:{1}", "SD": "hex:3:01"},
            cache + "Tree\\Folder\\Unseen": {"Id": "string:{1}"},
            cache + "Tasks\\{1}": {"Actions": "hex:3:" + data}}


@case("the registry's list of tasks")
def tasks():
    def text(value):
        raw = value.encode("utf-16-le")
        return struct.pack("<I", len(raw)) + raw
    program = struct.pack("<H", 3) + text("Author") + struct.pack("<H", 0x6666) + text("") + \
        text("%windir%\\evil.exe") + text("/x") + text("") + b"\0\0"
    System("6.1", task_hive(program))
    cache = "HKLM\\SOFTWARE\\" + NT + "\\Schedule\\TaskCache\\"
    found = entries(row="task-cache")
    equal({e[7] for e in found}, {"Windows/evil.exe"})
    equal([(e[1], e[2], e[3].replace(cache, ""), e[4]) for e in found],
          [("key", "hidden", "Tree\\Folder\\Unseen", "\\Folder\\Unseen"),
           ("key", "hidden", "Tasks\\{1}", "\\Folder\\Unseen"),
           ("key", "", "Tree\\Seen", "\\Seen"), ("key", "", "Tasks\\{1}", "\\Seen")])
    for cut in range(0, len(program), 7):
        System("6.1", task_hive(program[:cut]))
        equal(len(summary(row="task-cache")), 4)


@case("Windows 98: registry, INI files and texts")
def windows_98():
    run = "Software\\Microsoft\\Windows\\CurrentVersion\\"
    hives.creg("t/WINDOWS/SYSTEM.DAT", {
        run[:-1]: {"VersionNumber": "4.10.2222"},
        run + "Run": {"System": "C:\\WINDOWS\\SYS32.EXE"}, run + "RunServices": {"S": "SYS32.EXE"},
        "System\\CurrentControlSet\\Services\\VxD\\EVIL": {"StaticVxD": "evil.vxd"}})
    hives.creg("t/WINDOWS/USER.DAT", {".DEFAULT\\" + run + "RunOnce": {"U": "sys32.exe"}})
    for name in ("SYS32.EXE", "EXPLORER.EXE", "SYSTEM/evil.vxd"):
        write("t/WINDOWS/" + name, b"MZ")
    write("t/WINDOWS/WIN.INI", b"[windows]\r\nload=\r\nrun=sys32.exe other.exe\r\n")
    write("t/WINDOWS/SYSTEM.INI", b"[boot]\r\nshell=Explorer.exe C:\\WINDOWS\\sys32.exe\r\n"
          b"[386Enh]\r\ndevice=*vshare\r\n")
    write("t/AUTOEXEC.BAT", b"@echo off\r\nrem x\r\nC:\\WINDOWS\\sys32.exe\r\n")
    equal([(e[0], e[1], e[4], e[7]) for e in entries()],
          [("run", "value", "System", "WINDOWS/SYS32.EXE"),
           ("run", "value", "U", "WINDOWS/SYS32.EXE"),
           ("run-services", "value", "S", "WINDOWS/SYS32.EXE"),
           ("services", "key", "EVIL", "WINDOWS/SYSTEM/evil.vxd"),
           ("win-ini", "ini", "run", "WINDOWS/SYS32.EXE"), ("win-ini", "ini", "run", ""),
           ("system-ini-shell", "ini", "shell", "WINDOWS/SYS32.EXE")])
    equal([(e[5], e[7]) for e in entries("all", row="startup-texts")],
          [("C:\\WINDOWS\\sys32.exe", "WINDOWS/SYS32.EXE")])


@case("INI files that the registry replaces")
def mapped():
    mapping = NT + "\\IniFileMapping\\system.ini"
    System(software={mapping + "\\boot": {"Shell": "string:SYS:Microsoft\\x"}})
    write("t/WINDOWS/system.ini", b"[boot]\r\nshell=evil.exe\r\nscrnsave.exe=evil.exe\r\n")
    equal(summary(row="system-ini-shell"), [("stale", "shell", "evil.exe")])
    equal(summary(row="system-ini-boot"), [("", "scrnsave.exe", "evil.exe")])


@case("names with a NUL hide from tools")
def hidden():
    System(software={CV + "\\Run": {"xHidden": "string:evil.exe"}})
    path = "t/WINDOWS/system32/config/SOFTWARE"
    data = read(path)
    check(data.count(b"xHidden") == 1, "the name stands once")
    write(path, data.replace(b"xHidden", b"\0Hidden"))
    found = entries(row="run")
    equal([(e[2], e[7]) for e in found], [("hidden", "WINDOWS/evil.exe")])


@case("copies of hives: what ran")
def copies():
    System(software={CV + "\\Run": {}})
    config = "t/WINDOWS/system32/config/"
    os.makedirs(config + "RegBack", exist_ok=True)
    hives.regf(config + "RegBack/SOFTWARE", {
        CV + "\\Run": {"a": "string:evil.exe"},
        NT + "\\Image File Execution Options\\x.exe": {"Debugger": "string:evil.exe"}})
    equal([(e[0], e[2], e[4]) for e in entries()], [("run", "copy", "a")])


def job(name):
    return read(os.path.join(hives.HERE, "..", "fuzz", "corpus", "job", name))


@case("task files of both kinds")
def task_files():
    cache = NT + "\\Schedule\\TaskCache\\Tree\\Folder\\Xml"
    System("6.1", {cache: {"Id": "string:{1}"}})
    seed = read(os.path.join(hives.HERE, "..", "fuzz", "corpus", "task_xml", "narrow"))
    seed = seed.replace(b"C:\\a &amp; b.exe", b"%windir%\\evil.exe")
    write("t/Windows/System32/Tasks/Folder/Xml", seed)
    write("t/WINNT/a.exe", b"MZ inert")
    write("t/Windows/Tasks/plain.job", job("plain"))
    write("t/Windows/Tasks/disabled.job", job("disabled"))
    write("t/Windows/Tasks/no.job", b"nothing")
    equal(sorted(summary(row="tasks")),
          [("", "no.job", ""), ("", "plain.job", "WINNT/a.exe"),
           ("disabled hidden", "\\Folder\\Xml", "evil.exe"),
           ("disabled missing hidden", "\\Folder\\Xml", ""),
           ("disabled missing hidden", "disabled.job", "")])


@case("names that App Paths leads to")
def app_paths():
    paths = CV + "\\App Paths\\"
    System("6.1", {CV + "\\Run": {"a": "string:known.exe /x", "b": "string:known", "c": "string:lost",
                                  "d": "string:unknown.exe"},
                   paths + "Known.exe": {"": 'string:"C:\\Windows\\Far\\off.exe"'},
                   paths + "lost.exe": {"": "string:C:\\Windows\\Far\\none.exe"}})
    write("t/Windows/Far/off.exe", b"MZ inert")
    equal(sorted(summary(row="run")), [("", "a", "Far/off.exe"), ("", "b", "Far/off.exe"),
                                       ("missing", "c", ""), ("missing", "d", "")])


def values(count, text, name="v%d"):
    return {name % i: text for i in range(count)}


CLASS = "{%08d-0000-0000-0000-000000000000}"
IFEO = NT + "\\Image File Execution Options\\"
HOSTILE = {
    "run": lambda n: {CV + "\\Run": values(n, "string:C:\\a b c d e f"),
                      CV + "\\Explorer\\StartupApproved\\Run": values(n, "hex:3:03,00")},
    "names": lambda n: {CV + "\\Run": values(n, "string:a b~1 c d e f g h")},
    "class": lambda n: {**{"Classes\\CLSID\\" + CLASS % i: {} for i in range(n)},
                        CV + "\\Shell Extensions\\Approved": values(n, "string:x", CLASS)},
    "big": lambda n: {CV + "\\Run": values(n, "string:" + "x y " * 500)},
    "list": lambda n: {IFEO + "k": values(n, "string:" + "x,y " * 20),
                       NT + "\\Windows": {"AppInit_DLLs": "string:" + "x,y " * n}},
}


@case("work grows with what there is, not with its square")
def linear():
    for kind, keys in HOSTILE.items():
        steps = []
        for count in (300, 600):
            System("6.1", keys(count))
            lines = kujo("t", "work=8000000", code=0).lines
            steps.append(int(lines[-1].split()[1]))
            check(kind == "list" or len(lines) > count, kind)
        check(steps[0] < steps[1] < 2.3 * steps[0], "%s: %s" % (kind, steps))


@case("work has an end, and what was found until then stays")
def bounded():
    System("6.1", HOSTILE["names"](300))
    whole = kujo("t", "work=8000000", code=0).lines
    part = kujo("t", "work=5000", code=1).lines
    check(part[-1].startswith("limit: ") and "rest was not looked at" in part[-1], part[-1])
    check(2 < len(part) < len(whole) / 2, len(part))
    equal(part[:-2], whole[:len(part) - 2])


def lengthen(path, name, text):
    """Gives the value that alone has this name a longer text, in an hbin of its own."""
    data = bytearray(read(path))
    raw = text.encode("utf-16-le") + b"\0\0"
    size, = struct.unpack_from("<I", data, 40)
    more = -(-(36 + len(raw)) // 4096) * 4096
    struct.pack_into("<II", data, data.index(name.encode()) - 16, len(raw), size + 32)
    struct.pack_into("<I", data, 24, 3)  # a minor version without segments
    struct.pack_into("<I", data, 40, size + more)
    words = struct.unpack_from("<127I", data)
    check_sum = 0
    for word in words:
        check_sum ^= word
    struct.pack_into("<I", data, 508, check_sum)
    head = struct.pack("<4sIIQQI", b"hbin", size, more, 0, 0, 0) + struct.pack("<i", 32 - more)
    write(path, data[:4096 + size], (head + raw).ljust(more, b"\0"))


@case("a text that is longer than any command is cut, and that is told")
def cut():
    System("6.1", {CV + "\\Run": {"LongOne": "string:x", "Longer": "string:x"}})
    hive = "t/Windows/system32/config/SOFTWARE"
    lengthen(hive, "LongOne", "evil.exe " + "x" * 30000)
    lengthen(hive, "Longer", "evil.exe " + "x" * 40000)
    equal(sorted(summary(row="run")),
          [("", "LongOne", "evil.exe"), ("cut", "Longer", "evil.exe")])


@case("a key's path is the one that was walked, whatever cells say of the keys above them")
def wrong_parents():
    System("6.1", {CV + "\\Run": {"a": "string:evil.exe"}})
    hive = "t/Windows/system32/config/SOFTWARE"
    data = bytearray(read(hive))
    cell = data.index(b"Run", data.index(b"CurrentVersion")) - 76
    check(data[cell:cell + 2] == b"nk", "the key of the name Run")
    struct.pack_into("<I", data, cell + 16, cell - 4 - 4096)  # its own parent
    write(hive, data)
    equal([e[3] for e in entries(row="run")], ["HKLM\\SOFTWARE\\" + CV + "\\Run"])


if __name__ == "__main__":
    sys.exit(run_cases())
