#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kujo host, clean, undo, quarantine on whole volumes: what is found, what is changed, what is not."""

import hashlib
import json
import os
import shutil
import subprocess
import sys

from kit import (EICAR, KUJO, Skip, case, check, environment, equal, filler, kujo, read, run,
                 run_cases, tool, write)
from windows import (GIF, JPEG, NT, RUN, Volume, difference, make_hive, program, snapshot,
                     values_of)

MIMAIL = "W32/Mimail.q@MM"
DUMARU = "W32/Dumaru.a@MM"


def document(*arguments, code):
    return json.loads(kujo(*arguments, "--json", code=code).out)


def threats(doc):
    return sorted(threat["name"] for system in doc["systems"] for threat in system["threats"])


def actions(doc, status="planned"):
    return [action for action in doc["plan"]["actions"] if action["status"] == status]


def clean(*arguments, code, root="v"):
    return kujo("clean", "--state", "state", *arguments, root, code=code)


def apply(code=0, *arguments):
    return document("clean", "--state", "state", "--apply", *arguments, "v", code=code)


@case("a clean system: nothing found, nothing to do")
def _():
    for version in ("5.0", "5.1", "6.1", "10.0"):
        shutil.rmtree("v", ignore_errors=True)
        volume = Volume("v", version)
        before = snapshot("v")
        doc = document("host", "v", code=0)
        equal(threats(doc), [], doc)
        equal(len(doc["systems"]), 1)
        equal(doc["systems"][0]["version"], version)
        equal(doc["systems"][0]["windir"].lower(), "c:\\" + volume.windir.lower())
        doc = document("clean", "--state", "state", "v", code=0)
        equal(doc["plan"]["actions"], [])
        check(not os.path.exists("state"), "a plan needs no state")
        equal(difference(before, snapshot("v")), [])


@case("Mimail.q: found, planned, cleaned, and back to the byte")
def _():
    volume = Volume("v")
    volume.infect_with_mimail()
    before = snapshot("v")
    doc = document("host", "v", code=1)
    equal(threats(doc), ["W32/Mimail.hta", MIMAIL], doc)
    traces = {trace.get("artifact"): trace for trace in doc["systems"][0]["traces"]}
    equal(traces["dropper"]["state"], "active", traces["dropper"])
    equal(traces["run"]["state"], "active", traces["run"])
    equal(traces["mailer"]["state"], "dormant", traces["mailer"])
    equal(traces["stolen"]["state"], "remnant")
    threat = next(t for t in doc["systems"][0]["threats"] if t["name"] == MIMAIL)
    equal((threat["state"], threat["warnings"]), ("active", ["stolen-data"]))
    doc = document("clean", "--state", "state", "v", code=1)
    equal(len(actions(doc)), 9, doc["plan"])
    equal(actions(doc)[0]["do"], "delete-value")
    equal(difference(before, snapshot("v")), [], "the plan changes nothing")
    doc = apply()
    check(doc["after"]["clean"], doc["after"])
    equal({action["result"] for action in actions(doc)}, {"done"}, doc["plan"])
    check(0 < doc["run"]["bytes_changed"] < 100, doc["run"])
    check({"passwords"} <= {item["id"] for item in doc["after"]["remains"]}, doc["after"])
    equal(list(values_of(volume.software, "\\" + RUN)), ["Sound"])
    gone = {"WINNT/SYS32.EXE", "WINNT/OUTLOOK.EXE", "WINNT/OUTLOOK.CFG", "MMINFO.TXT", "LOGO.JPG",
            "LOGOBIG.GIF", "MSHOME.HTA", "WIND.GIF"}
    changed = {path for path in difference(before, snapshot("v"))
               if not os.path.isdir(os.path.join("v", path)) or path not in before}
    equal(changed, gone | {"WINNT/system32/config/software"})
    document("host", "v", code=0)
    equal(document("clean", "--state", "state", "v", code=0)["plan"]["actions"], [], "idempotent")
    kept = kujo("quarantine", "list", "--state", "state", code=0)
    equal(len(kept.lines), 8, kept)
    kujo("quarantine", "verify", "--all", "--state", "state", code=0)
    runs = kujo("undo", "--list", "--state", "state", code=0)
    equal(runs.lines[0].split()[0], doc["run"]["id"], runs)
    kujo("undo", "--state", "state", doc["run"]["id"], code=0)
    equal(difference(before, snapshot("v")), [])
    document("host", "v", code=1)


@case("Dumaru.a: lists lose the threat's part, Windows' own shell comes back")
def _():
    volume = Volume("v")
    volume.file("%/dllreg.exe", program(9234))
    volume.file("%/system32/vxdmgr32.exe", program(9234))
    volume.file("%/win.ini", b"[windows]\r\nload=\r\nrun=C:\\Tools\\clock.exe, C:\\WINNT\\dllreg.exe\r\n")
    volume.file("%/system.ini", b"; x\r\n[boot]\r\nshell = explorer.exe %SystemRoot%\\system32\\vxdmgr32.exe\r\n")
    make_hive(volume.software, {NT + "\\Winlogon": {
        "Shell": "string:explorer.exe C:\\WINNT\\system32\\vxdmgr32.exe",
        "Userinit": "string:C:\\WINNT\\system32\\userinit.exe,"}})
    before = snapshot("v")
    equal(threats(document("host", "v", code=1)), [DUMARU])
    doc = apply()
    equal(read(volume.path("%/win.ini")), b"[windows]\r\nload=\r\nrun=C:\\Tools\\clock.exe\r\n")
    equal(read(volume.path("%/system.ini")), b"; x\r\n[boot]\r\nshell = explorer.exe\r\n")
    equal(values_of(volume.software, "\\" + NT + "\\Winlogon")["Shell"].lower(), '"explorer.exe"')
    check(not os.path.exists(volume.path("%/dllreg.exe")))
    check(all(item["ok"] for item in doc["after"]["boot"]), doc["after"]["boot"])
    kujo("undo", "--state", "state", "last", code=0)
    equal(difference(before, snapshot("v")), [])


@case("one list, two threats and one of them twice: both go, the rest stays")
def _():
    volume = Volume("v")
    volume.file("%/dllreg.exe", program(9234))
    volume.file("Tools/test.com", EICAR)
    volume.file("%/win.ini", b"[windows]\r\nload=C:\\Tools\\xtest.com C:\\Tools\\test.com\r\n"
                b"run=C:\\Tools\\clock.exe, C:\\WINNT\\dllreg.exe, C:\\Tools\\test.com, "
                b"C:\\WINNT\\dllreg.exe\r\n")
    before = snapshot("v")
    equal(threats(document("host", "v", code=1)), ["EICAR-Test-File", DUMARU])
    doc = apply()
    equal(read(volume.path("%/win.ini")),
          b"[windows]\r\nload=C:\\Tools\\xtest.com\r\nrun=C:\\Tools\\clock.exe\r\n", doc["plan"])
    kujo("undo", "--state", "state", "last", code=0)
    equal(difference(before, snapshot("v")), [])


@case("what stays although something was found in it: mailboxes, System Restore's copies")
def _():
    volume = Volume("v", "5.1")
    volume.file("Mail/Inbox", b"".join(
        b"From a@example.com Tue Jan 27 12:00:00 2004\nFrom: a@example.com\nSubject: x\n"
        b"MIME-Version: 1.0\nContent-Type: text/plain\n\n" + EICAR + b"\n\n" for _ in range(2)))
    kept = "System Volume Information/_restore{11111111-2222-3333-4444-555555555555}/RP1/A0000001.com"
    volume.file(kept, EICAR)
    before = snapshot("v")
    doc = document("host", "--every-file", "v", code=1)
    equal(threats(doc), ["EICAR-Test-File"])
    equal({trace["where"]: trace.get("copy", False) for trace in doc["systems"][0]["traces"]},
          {"C:\\Mail\\Inbox": False, "C:\\" + kept.replace("/", "\\"): True}, doc)
    doc = document("clean", "--every-file", "--state", "state", "v", code=1)
    equal(actions(doc), [], doc["plan"])
    equal(len(actions(doc, "manual")), 2, doc["plan"])
    document("clean", "--every-file", "--apply", "--state", "state", "v", code=2)
    equal(difference(before, snapshot("v")), [])
    os.remove(volume.path("Mail/Inbox"))
    doc = document("host", "--every-file", "v", code=0)
    equal([trace["where"][-12:] for trace in doc["systems"][0]["traces"]], ["A0000001.com"])


@case("look-alikes are not touched")
def _():
    volume = Volume("v")
    volume.file("Program Files/Microsoft Office/Office/OUTLOOK.EXE", program(50720))
    volume.file("LOGO.JPG", filler(JPEG, 18204))
    volume.file("MMINFO.TXT", b"minutes of a meeting\r\n")
    volume.file("%/OUTLOOK.EXE", program(196608))
    volume.file("%/system32/SYS32.EXE", program(32768))
    make_hive(volume.software, {RUN: {"System": "string:C:\\Tools\\clock.exe"}})
    before = snapshot("v")
    doc = document("host", "v", code=0)
    equal(threats(doc), [])
    variants = [trace for trace in doc["systems"][0]["traces"] if trace["state"] == "variant"]
    equal([trace["name"] for trace in variants], ["System"], doc["systems"][0]["traces"])
    equal(actions(document("clean", "--state", "state", "v", code=0)), [])
    equal(difference(before, snapshot("v")), [])
    # the same beside the real ones
    volume.infect_with_mimail()
    make_hive(volume.software, {RUN: {"System": "string:C:\\Tools\\clock.exe"}})
    volume.file("%/OUTLOOK.EXE", program(196608))
    volume.file("LOGO.JPG", filler(JPEG, 18204))
    apply()
    for name, size in (("%/OUTLOOK.EXE", 196608), ("LOGO.JPG", 18204),
                       ("Program Files/Microsoft Office/Office/OUTLOOK.EXE", 50720),
                       ("%/system32/SYS32.EXE", 32768)):
        equal(os.path.getsize(volume.path(name)), size, name)
    equal(list(values_of(volume.software, "\\" + RUN)), ["System"])


@case("what is known by its content alone: the file goes, and what starts it")
def _():
    volume = Volume("v", "6.1")
    volume.file("Tools/test.com", EICAR)
    startup = volume.profile + "/AppData/Roaming/Microsoft/Windows/Start Menu/Programs/Startup"
    volume.file(startup + "/test.com", EICAR)
    make_hive(volume.user, {"Software\\" + RUN: {"Clock": "string:C:\\Tools\\clock.exe",
                                                 "Test": "string:C:\\Tools\\test.com /x"}})
    before = snapshot("v")
    doc = document("host", "v", code=1)
    equal(threats(doc), ["EICAR-Test-File"])
    check(all(trace["state"] == "active" for trace in doc["systems"][0]["traces"]), doc)
    doc = apply()
    equal(sorted(action["do"] for action in actions(doc)),
          ["delete-value", "quarantine", "quarantine"], doc["plan"])
    equal(list(values_of(volume.user, "\\Software\\" + RUN)), ["Clock"])
    kujo("undo", "--state", "state", "last", code=0)
    equal(difference(before, snapshot("v")), [])


@case("what a list of digests knows: the file goes, and what starts it; what is trusted stays")
def _():
    bad, good = program(4096), program(4608)
    volume = Volume("v", "6.1")
    volume.file("Tools/bad.exe", bad)
    volume.file("Tools/good.exe", good)
    make_hive(volume.user, {"Software\\" + RUN: {"Bad": "string:C:\\Tools\\bad.exe",
                                                 "Good": "string:C:\\Tools\\good.exe"}})
    write("l.hsb", "".join("%s:%d:Test.%s\n" % (hashlib.sha256(data).hexdigest(), len(data), name)
                           for data, name in ((bad, "Bad"), (good, "Good"))).encode())
    write("l.fp", b"%s:%d:Known" % (hashlib.md5(good).hexdigest().encode(), len(good)))
    rules = "--rules", "l.hsb", "--rules", "l.fp"
    before = snapshot("v")
    doc = document("host", *rules, "v", code=1)
    equal(threats(doc), ["Test.Bad"])
    equal([threat["class"] for threat in doc["systems"][0]["threats"]], ["exact"])
    doc = apply(0, *rules)
    equal(sorted(action["do"] for action in actions(doc)), ["delete-value", "quarantine"], doc["plan"])
    equal(list(values_of(volume.user, "\\Software\\" + RUN)), ["Good"])
    check(os.path.exists("v/Tools/good.exe") and not os.path.exists("v/Tools/bad.exe"))
    kujo("undo", "--state", "state", "last", code=0)
    equal(difference(before, snapshot("v")), [])


@case("--expect: another plan than the one that was read is not applied")
def _():
    volume = Volume("v")
    volume.infect_with_mimail()
    plan = document("clean", "--state", "state", "v", code=1)["plan"]["id"]
    volume.file("%/OUTLOOK.CFG", b"another\r\n")
    before = snapshot("v")
    result = clean("--apply", "--expect", plan, code=2)
    check(b"nothing was changed" in result.err, result)
    equal(difference(before, snapshot("v")), [])
    plan = document("clean", "--state", "state", "v", code=1)["plan"]["id"]
    clean("--apply", "--expect", plan, code=0)


@case("links, junctions, case twins, pipes: nothing leaves the volume")
def _():
    volume = Volume("v")
    volume.infect_with_mimail()
    os.makedirs("outside/WINNT")
    for name in ("SYS32.EXE", "OUTLOOK.EXE"):
        shutil.copy(volume.path("%/" + name), "outside/WINNT")
    os.remove(volume.path("%/OUTLOOK.EXE"))
    os.symlink(os.path.abspath("outside/WINNT/OUTLOOK.EXE"), volume.path("%/OUTLOOK.EXE"))
    os.remove(volume.path("LOGO.JPG"))
    os.mkfifo(volume.path("LOGO.JPG"))
    os.symlink("/", volume.path("Program Files"))
    os.symlink("..", volume.path("Tools/loop"))
    shutil.copy(volume.path("%/SYS32.EXE"), volume.path("%/sys32.exe"))
    os.link(volume.path("WIND.GIF"), volume.path("Tools/other name.gif"))
    os.rename(volume.path("MMINFO.TXT"), volume.path("mminfo.txt"))
    outside, before = snapshot("outside"), snapshot("v")
    doc = document("host", "v", code=1)
    check(MIMAIL in threats(doc), doc)
    doc = apply()
    equal(difference(outside, snapshot("outside")), [])
    check(os.path.islink(volume.path("%/OUTLOOK.EXE")), "the link stays")
    for name in ("%/SYS32.EXE", "%/sys32.exe", "WIND.GIF", "mminfo.txt"):
        check(not os.path.lexists(volume.path(name)), name, doc["plan"])
    equal(os.path.getsize(volume.path("Tools/other name.gif")), 2660)
    kujo("undo", "--state", "state", "last", code=0)
    changed = difference(before, snapshot("v"))
    equal([path for path in changed if "gif" not in path.lower()], [], "all but the hard link's count")


@case("names that are a trap for people are shown escaped")
def _():
    volume = Volume("v", "6.1")
    name = "invoice\u202etxt.com"
    volume.file(f"Tools/{name}", EICAR)
    make_hive(volume.user, {"Software\\" + RUN: {"T": "string:C:\\Tools\\test.com"}})
    for command in (["host", "--every-file", "v"], ["host", "--every-file", "--json", "v"],
                    ["clean", "--every-file", "--state", "state", "v"]):
        result = kujo(*command, code=1)
        check("\u202e".encode() not in result.out + result.err, result)
        check(b"invoice" in result.out, result)


@case("what is typed or globbed is escaped in complaints, too")
def _():
    odd = "gone\x1b[31m\u202e\nkujo: all is well"
    for command in (["host", odd], ["clean", odd], ["scan", odd], ["undo", "--state", "state", odd],
                    ["undo", "--state", "state", "--root", odd, "last"], ["undo", odd, odd],
                    ["quarantine", "show", "--state", "state", odd], ["quarantine", odd],
                    ["host", "--lang", odd, "v"], [odd]):
        result = kujo(*command, code=2)
        check(not {"\x1b", "\u202e"} & set(result.err.decode()), result)
        check(not any(line.startswith("kujo: all") for line in result.notes), result)


@case("a plan is not applied into a state directory below the volume")
def _():
    Volume("v").infect_with_mimail()
    before = snapshot("v")
    kujo("clean", "--apply", "--state", "v/state", "v", code=2)
    equal(difference(before, snapshot("v")), [])


@case("the quarantine: show, restore, extract, purge")
def _():
    volume = Volume("v")
    volume.infect_with_mimail()
    before = snapshot("v")
    apply()
    rows = [json.loads(line) for line in
            kujo("quarantine", "list", "--json", "--state", "state", code=0).lines]
    row = next(row for row in rows if row["path"] == "WINNT/SYS32.EXE")
    for kept, _, names in os.walk("state"):
        for name in names:
            check(b"MZ" != read(os.path.join(kept, name))[:2], name)
    shown = kujo("quarantine", "show", "--state", "state", row["id"], code=0)
    check(row["sha256"] in shown.out.decode(), shown)
    kujo("quarantine", "extract", "--to", ".", "--state", "state", row["id"], code=0)
    os.makedirs("e")
    path = kujo("quarantine", "extract", "--to", "e", "--state", "state", row["id"],
                code=0).lines[0]
    equal(read(path), before["WINNT/SYS32.EXE"][-1])
    check(not os.access(path, os.X_OK) or os.stat(path).st_mode & 0o111 == 0)
    kujo("quarantine", "restore", "--state", "state", row["id"], code=0)
    equal(snapshot("v")["WINNT/SYS32.EXE"], before["WINNT/SYS32.EXE"])
    kujo("quarantine", "restore", "--state", "state", row["id"], code=2)
    kujo("quarantine", "purge", "--state", "state", row["id"], code=0)
    kujo("quarantine", "show", "--state", "state", row["id"], code=2)


@case("what is no Windows, what is not there, what cannot be read")
def _():
    os.makedirs("empty")
    for command in ("host", "clean"):
        check(b"no Windows" in kujo(command, "empty", code=2).err)
        kujo(command, "missing", code=2)
        kujo(command, code=2)
        kujo(command, "a", "b", code=2)
    kujo("undo", "last", "--state", "state", code=2)
    kujo("undo", "no-such-run", "--state", "state", code=2)
    volume = Volume("v")
    with open(volume.software, "r+b") as file:
        file.seek(0)
        file.write(b"XXXX")
    doc = document("host", "v", code=2)
    check(any("software" in item["where"].lower() for item in doc["unseen"]), doc["unseen"])


@case("a hive that is dirty and has no log is read, and not changed")
def _():
    volume = Volume("v")
    volume.infect_with_mimail()
    with open(volume.software, "r+b") as file:
        file.seek(8)
        file.write(b"\x77\0\0\0")
    hive = read(volume.software)
    doc = document("host", "v", code=1)
    equal({item["state"] for item in doc["systems"][0]["hives"] if item["role"] == "SOFTWARE"},
          {"stale"})
    doc = apply(2)
    equal(read(volume.software), hive)
    equal([action["do"] for action in actions(doc, "refused")], ["delete-value"])


@case("autostarts: one list, text and JSON")
def _():
    volume = Volume("v")
    volume.infect_with_mimail()
    doc = document("host", "--autostarts", "--all", "v", code=1)
    rows = doc["systems"][0]["autostarts"]
    by_name = {row.get("name"): row for row in rows}
    check(by_name["System"]["target"].upper().endswith("SYS32.EXE"), by_name["System"])
    equal(by_name["System"]["found"][0]["name"], MIMAIL)
    check(by_name["Sound"]["exists"], by_name["Sound"])
    equal(len(by_name["Sound"]["sha256"]), 64)
    check("default" in by_name["Shell"]["flags"], by_name["Shell"])
    text = kujo("host", "--autostarts", "v", code=1)
    check(b"SYS32.EXE" in text.out, text)


@case("a report for people, in both languages")
def _():
    volume = Volume("v")
    volume.infect_with_mimail()
    for language, word in (("en", "Mimail"), ("ja", "検出")):
        kujo("clean", "--state", "state", "--html", "r.html", "--lang", language, "v", code=1)
        page = read("r.html").decode()
        check(word in page and "<script" not in page and MIMAIL in page, page[:500])


@case("disk images: read, and not cleaned")
def _():
    volume = Volume("v")
    volume.infect_with_mimail()
    mkfs, copy = tool("mkfs.vfat"), tool("mcopy")
    run("truncate", "-s", "16M", "c.img")
    run(mkfs, "-F", "16", "c.img")
    for name in sorted(os.listdir("v")):
        run(copy, "-s", "-i", "c.img", os.path.join("v", name), "::/")
    image = read("c.img")
    doc = document("host", "c.img", code=1)
    equal(threats(doc), ["W32/Mimail.hta", MIMAIL], doc)
    equal(len(actions(document("clean", "--state", "state", "c.img", code=1))), 9)
    result = kujo("clean", "--apply", "--state", "state", "c.img", code=2)
    check(b"mount" in result.err, result)
    equal(read("c.img"), image)


@case("kujo scan --quarantine: files, archives, messages; never a mailbox")
def _():
    os.makedirs("m/cur")
    with open("plain.com", "wb") as file:
        file.write(EICAR)
    message = (b"From: a@example.com\nTo: b@example.com\nSubject: x\nMIME-Version: 1.0\n"
               b"Content-Type: text/plain\n\n" + EICAR + b"\n")
    with open("m/cur/1.2.host:2,S", "wb") as file:
        file.write(message)
    with open("box", "wb") as file:
        for _ in range(2):
            file.write(b"From a@example.com Tue Jan 27 12:00:00 2004\n" + message + b"\n")
    result = kujo("scan", "--quarantine", "--state", "state", "plain.com", "m", "box", code=1)
    check(not os.path.exists("plain.com") and not os.path.exists("m/cur/1.2.host:2,S"), result)
    check(os.path.exists("box") and b"mailbox" in result.err, result)
    kujo("undo", "--state", "state", "last", code=0)
    equal(read("plain.com"), EICAR)
    equal(read("m/cur/1.2.host:2,S"), message)


ADVISORY = """schema: kujo/advisory/1
id: 2026-0001
name: W32/Tester.a
type: virus
platforms: [winxp]
evidence: synthetic
risk: {corporate: low, home: low}
dates: {discovered: 2026-01-01, published: 2026-01-01, modified: 2026-01-01}
artifacts:
  prog: {file: '%WinDir%\\tester.exe', size: 4000, kind: pe, role: body}
  other: {file: 'C:\\Tester\\data.bin', size: 10, role: data}
  folder: {file: 'C:\\Tester', role: support}
  full: {file: 'C:\\Tester2', role: support}
  svc: {service: TesterSvc, role: autostart}
  job: {task: TesterTask, role: autostart}
  start: {startup: tester.com, role: autostart}
  flag: {registry: 'HKCU\\Software\\Tester', value: Flag, data: '1', role: support}
detect:
  - {id: a, when: prog, name: W32/Tester.a, class: exact}
remedy:
  - {do: disable-service, of: [svc]}
  - {do: remove-task, of: [job]}
  - {do: quarantine, of: [start], needs: prog}
  - {do: set-value, of: [flag], to: 'dword:0', needs: prog}
  - {do: quarantine, of: [prog]}
  - {do: quarantine, of: [other], needs: prog}
  - {do: remove-empty-dir, of: [folder, full], needs: prog}
text:
  en: {summary: A test., characteristics: None., symptoms: None., infection: None., removal: None.}
  ja: {summary: 試験。, characteristics: なし。, symptoms: なし。, infection: なし。, removal: なし。}
tests:
  - {file: {path: '%WinDir%\\tester.exe', size: 4000, kind: pe}, expect: {8000: W32/Tester.a}}
  - {file: {path: '%WinDir%\\tester.exe', size: 4001, kind: pe}, expect: {8000: none}}
sources: [{by: test, date: 2026-01-01}]
"""

TASK = """<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <Triggers/><Actions Context="Author"><Exec><Command>C:\\Tools\\clock.exe</Command></Exec></Actions>
</Task>
"""


@case("every kind of remedy: services, tasks, startup, values, folders")
def _():
    volume = Volume("v", "6.1")
    with open("t.yaml", "w", encoding="utf-8") as file:
        file.write(ADVISORY)
    cache = NT + "\\Schedule\\TaskCache"
    identity = "{11111111-2222-3333-4444-555555555555}"
    volume.file("%/tester.exe", program(4000))
    volume.file("Tester/data.bin", b"0123456789")
    volume.file("Tester2/data.bin", b"somebody's")
    volume.file("%/system32/Tasks/TesterTask", TASK.encode("utf-16"))
    startup = volume.profile + "/AppData/Roaming/Microsoft/Windows/Start Menu/Programs/Startup/"
    volume.file(startup + "tester.com", b"anything")
    volume.file(startup + "other.com", b"anything else")
    make_hive(volume.system, {"ControlSet001\\Services\\TesterSvc": {
        "ImagePath": "string:C:\\Windows\\tester.exe", "Start": "dword:2", "Type": "dword:0x10"}})
    make_hive(volume.user, {"Software\\Tester": {"Flag": "dword:1", "Other": "dword:1"}})
    make_hive(volume.software, {
        cache + "\\Tree\\TesterTask": {"Id": "string:" + identity, "SD": "hex:3:00"},
        cache + "\\Tree\\Else": {"Id": "string:{22}", "SD": "hex:3:00"},
        cache + "\\Tasks\\" + identity: {"Path": "string:\\TesterTask"},
        cache + "\\Plain\\" + identity: {}})
    before = snapshot("v")
    doc = document("clean", "--state", "state", "--rules", "t.yaml", "v", code=1)
    done = sorted((action["do"], action["where"].split("\\")[-1]) for action in actions(doc))
    equal(done, [("delete-key", "TesterTask"), ("delete-key", identity), ("delete-key", identity),
                 ("disable-service", "TesterSvc"), ("quarantine", "TesterTask"),
                 ("quarantine", "data.bin"), ("quarantine", "tester.com"),
                 ("quarantine", "tester.exe"), ("remove-directory", "Tester"),
                 ("set-value", "Tester")], doc["plan"])
    equal([action["where"] for action in actions(doc, "refused")], ["C:\\Tester2"])
    doc = apply(2, "--rules", "t.yaml")
    equal({action["result"] for action in actions(doc)}, {"done"}, doc["plan"])
    check(doc["after"]["clean"], doc["after"])
    equal(values_of(volume.system, "\\ControlSet001\\Services\\TesterSvc")["Start"], "dword:00000004")
    equal(values_of(volume.user, "\\Software\\Tester"),
          {"Flag": "dword:00000000", "Other": "dword:00000001"})
    equal(values_of(volume.software, "\\" + cache + "\\Tree\\Else")["Id"], '"{22}"')
    equal(values_of(volume.software, "\\" + cache + "\\Tree\\TesterTask"), {})
    check(not os.path.exists("v/Tester") and os.path.exists("v/Tester2/data.bin"))
    check(os.path.exists(volume.path(startup + "other.com")))
    kujo("undo", "--state", "state", "last", code=0)
    equal(difference(before, snapshot("v")), [])


@case("killed in the middle, the program says so, completes it, or takes it back")
def _():
    stepper = os.environ.get("STEPPER")
    if not stepper:
        raise Skip("no stepper")
    Volume("v").infect_with_mimail()
    equal(clean("--resume", code=0).out, b"v: no run was interrupted here\n")
    command = [stepper, "0", "0", KUJO, "clean", "--apply", "--state", "state", "v"]
    env = environment(STEPPER_LOG="calls")
    done = subprocess.run(command, env=env, capture_output=True, check=False)
    if done.returncode == 77:
        raise Skip("no stepper for this processor")
    with open("calls", encoding="ascii") as file:
        calls = [line.split()[1] for line in file]
    unlinks = [number for number, call in enumerate(calls, 1) if call == "263"]
    check(len(unlinks) >= 8, unlinks)
    for then in ("resume", "resume anywhere", "undo"):
        shutil.rmtree("state")
        shutil.rmtree("v")
        Volume("v").infect_with_mimail()
        before = snapshot("v")
        command[1] = str(unlinks[-4])
        subprocess.run(command, env=env, capture_output=True, check=False)
        check(difference(before, snapshot("v")), "it was cut too early")
        refused = clean("--apply", code=2)
        check(b"interrupted" in refused.err, refused)
        listed = kujo("undo", "--list", "--state", "state", code=0)
        check(b"unfinished" in listed.out, listed)
        if then == "undo":
            kujo("undo", "--state", "state", "last", code=0)
            equal(difference(before, snapshot("v")), [])
            continue
        kujo("clean", "--resume", "--state", "state", *(["v"] if then == "resume" else []), code=0)
        document("host", "v", code=0)
        kujo("undo", "--state", "state", "last", code=0)
        equal(difference(before, snapshot("v")), [])


@case("System Restore: what it keeps is found, told, and left")
def _():
    volume = Volume("v", "5.1")
    volume.infect_with_mimail()
    point = "System Volume Information/_restore{11111111-2222-3333-4444-555555555555}/RP7/"
    volume.file(point + "A0001234.EXE", program(32768))
    volume.file(point + "A0001235.EXE", program(32769))
    os.makedirs(volume.path(point + "snapshot"))
    shutil.copy(volume.software, volume.path(point + "snapshot/_REGISTRY_MACHINE_SOFTWARE"))
    doc = document("host", "v", code=1)
    copies = sorted(trace["where"].split("\\")[-1] for trace in doc["systems"][0]["traces"]
                    if trace["copy"])
    equal(len(copies), 2, copies)
    check("A0001234.EXE" in copies, copies)
    doc = apply()
    check("system-restore" in {item["id"] for item in doc["after"]["remains"]}, doc["after"])
    check(doc["after"]["clean"], doc["after"])
    check(os.path.exists(volume.path(point + "A0001234.EXE")))
    manual = [action["where"] for action in actions(doc, "manual")]
    equal(len(manual), 2, doc["plan"])


@case("a task that starts what goes: its file and the registry's words for it go, too")
def _():
    volume = Volume("v", "6.1")
    cache, identity = NT + "\\Schedule\\TaskCache", "{11111111-2222-3333-4444-555555555555}"
    volume.file("Tools/test.com", EICAR)
    volume.file("%/system32/Tasks/Updater",
                TASK.replace("clock.exe", "test.com").encode("utf-16"))
    make_hive(volume.software, {
        cache + "\\Tree\\Updater": {"Id": "string:" + identity, "SD": "hex:3:00"},
        cache + "\\Tasks\\" + identity: {"Path": "string:\\Updater"},
        cache + "\\Plain\\" + identity: {}})
    before = snapshot("v")
    doc = apply()
    equal(sorted((action["do"], action["where"].split("\\")[-1]) for action in actions(doc)),
          [("delete-key", "Updater"), ("delete-key", identity), ("delete-key", identity),
           ("quarantine", "Updater"), ("quarantine", "test.com")], doc["plan"])
    kujo("undo", "--state", "state", "last", code=0)
    equal(difference(before, snapshot("v")), [])


@case("a service that cannot be disabled keeps its program: Windows may need it")
def _():
    volume = Volume("v")
    volume.file("Tools/test.com", EICAR)
    make_hive(volume.system, {"ControlSet001\\Services\\Tester": {
        "ImagePath": "string:C:\\Tools\\test.com", "Start": "dword:0", "Type": "dword:1"}})
    with open(volume.system, "r+b") as file:  # its sequence numbers differ, and there is no log
        file.seek(8)
        file.write(b"\x77\0\0\0")
    before = snapshot("v")
    doc = document("clean", "--state", "state", "v", code=1)
    equal(sorted(action["do"] for action in actions(doc, "refused")),
          ["disable-service", "quarantine"], doc["plan"])
    equal(difference(before, snapshot("v")), [])


@case("a hibernated Windows is planned for, and cleaned only by --force")
def _():
    volume = Volume("v", "6.1")
    volume.infect_with_mimail()
    volume.file("hiberfil.sys", b"hibr".ljust(8192, b"\0"))
    before = snapshot("v")
    check(document("clean", "--state", "state", "v", code=1)["systems"][0]["hibernated"])
    result = clean("--apply", code=2)
    check(b"hibernated" in result.err, result)
    equal(difference(before, snapshot("v")), [])
    apply(0, "--force")


@case("undo last takes back the last run that changed something")
def _():
    Volume("v").infect_with_mimail()
    before = snapshot("v")
    apply()
    first = kujo("undo", "--list", "--state", "state", code=0).lines[0].split()[0]
    kujo("undo", "--state", "state", "last", code=0)
    equal(difference(before, snapshot("v")), [])
    kujo("undo", "--state", "state", "last", code=2)
    check(first in kujo("undo", "--list", "--state", "state", code=0).out.decode())


@case("a hive that lies about a key's parent: shown where it was found, and not edited")
def _():
    volume = Volume("v")
    volume.infect_with_mimail()
    hive = bytearray(read(volume.software))
    at = next(at for at in range(0x1000, len(hive) - 80)
              if hive[at:at + 2] == b"nk" and hive[at + 76:at + 79] == b"Run"
              and hive[at + 72] == 3)
    hive[at + 16:at + 20] = (32).to_bytes(4, "little")  # the root
    volume.file("%/system32/config/software", bytes(hive))
    doc = document("host", "v", code=1)
    where = [trace["where"] for trace in doc["systems"][0]["traces"]
             if trace.get("artifact") == "run"]
    equal(where, ["HKLM\\SOFTWARE\\" + RUN])
    doc = apply(2)
    equal(read(volume.software), bytes(hive))
    check([action["refused"] for action in actions(doc, "refused")], doc["plan"])


@case("Windows 98: its registry is cleaned in place, and comes back")
def _():
    sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "host"))
    import hives  # pylint: disable=import-outside-toplevel
    run_key = "SOFTWARE\\" + RUN
    def fill():
        shutil.rmtree("v", ignore_errors=True)
        os.makedirs("v/WINDOWS/SYSTEM")
        hives.creg("v/WINDOWS/SYSTEM.DAT", {
            run_key: {"ScanRegistry": "C:\\WINDOWS\\scanregw.exe /autorun",
                      "System": "C:\\WINDOWS\\SYS32.EXE", "TaskMonitor": "taskmon.exe"},
            "SOFTWARE\\Microsoft\\Windows\\CurrentVersion": {"Version": "Windows 98",
                                                           "VersionNumber": "4.10.1998"}})
        hives.creg("v/WINDOWS/USER.DAT", {".DEFAULT\\Software\\" + RUN: {}})
        for name, content in (("SYS32.EXE", program(32768)), ("OUTLOOK.EXE", program(50720)),
                              ("explorer.exe", program(180224)), ("scanregw.exe", program(9000)),
                              ("win.ini", b"[windows]\r\nrun=C:\\WINDOWS\\dllreg.exe\r\n"),
                              ("system.ini", b"[boot]\r\nshell=Explorer.exe\r\n"),
                              ("dllreg.exe", program(9234))):
            with open("v/WINDOWS/" + name, "wb") as file:
                file.write(content)
    fill()
    before = snapshot("v")
    doc = document("host", "v", code=1)
    equal(threats(doc), [DUMARU, MIMAIL], doc["systems"][0]["threats"])
    check("98" in doc["systems"][0]["product"], doc["systems"][0]["product"])
    doc = apply()
    equal(sorted(action["do"] for action in actions(doc)),
          ["delete-value", "quarantine", "quarantine", "quarantine", "set-ini"], doc["plan"])
    equal(os.path.getsize("v/WINDOWS/SYSTEM.DAT"), len(before["WINDOWS/SYSTEM.DAT"][-1]))
    rows = document("host", "--autostarts", "--all", "v", code=0)["systems"][0]["autostarts"]
    names = {row.get("name") for row in rows if row["row"] == "run"}
    equal(names, {"ScanRegistry", "TaskMonitor"}, rows)
    kujo("undo", "--state", "state", "last", code=0)
    equal(difference(before, snapshot("v")), [])


if __name__ == "__main__":
    sys.exit(run_cases())
