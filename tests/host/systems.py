#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Windows systems found on trees like those of every version. KUJO: dump_system."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# pylint: disable=wrong-import-position
import hives
from kit import case, check, environment, equal, kujo, read, run, run_cases, tool, write

CURRENT = "Microsoft\\Windows NT\\CurrentVersion"


def dump(tree, *words, code=0):
    return kujo(tree, *words, code=code).lines


def ask(tree, *words):
    """Answers to the words, those that only set something left out."""
    return dump(tree, *words)


def lines(tree, start):
    return [line for line in dump(tree) if line.startswith(start)]


def software(path, root, *, product=None, version=None, build=None, profiles=None, **more):
    keys = {CURRENT: {"SystemRoot": "string:" + root}}
    for name, value in (("ProductName", product), ("CurrentVersion", version),
                        ("CurrentBuildNumber", build)):
        if value:
            keys[CURRENT][name] = "string:" + value
    keys[CURRENT].update(more.get("values", {}))
    if profiles:
        keys[CURRENT + "\\ProfileList"] = more.get("folders", {})
    for sid, place in (profiles or {}).items():
        keys[CURRENT + "\\ProfileList\\" + sid] = {"ProfileImagePath": "expandstring:" + place}
    keys.update(more.get("keys", {}))
    return hives.regf(path, keys)


def system(path, current=1, sets=(1,), **more):
    keys = {"Select": {"Current": "dword:%d" % current, "Default": "dword:1"}}
    for number in sets:
        keys["ControlSet%03d\\Control" % number] = {}
    keys.update(more.get("keys", {}))
    return hives.regf(path, keys)


def user(path, keys=None):
    return hives.regf(path, keys or {"Software": {}})


# ---- a tree of every kind ------------------------------------------------------------------------

def windows_98(at="t"):
    windir = at + "/WINDOWS"
    hives.creg(windir + "/SYSTEM.DAT", {
        "Software\\Microsoft\\Windows\\CurrentVersion": {
            "ProductName": "Microsoft Windows 98", "VersionNumber": "4.10.2222",
            "ProgramFilesDir": "C:\\Programme"},
        "Software\\Microsoft\\Windows\\CurrentVersion\\ProfileList\\ann": {
            "ProfileImagePath": "C:\\WINDOWS\\Profiles\\ann"}})
    hives.creg(windir + "/USER.DAT", {".DEFAULT\\Software": {"a": "b"}})
    hives.creg(windir + "/Profiles/ann/USER.DAT", {
        "ann\\Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\User Shell Folders": {
            "AppData": "C:\\WINDOWS\\Profiles\\ann\\Data"}})
    hives.creg(windir + "/Profiles/bob/User.dat", {"Software": {}})
    hives.creg(windir + "/SYSTEM.DA0", {"Software": {}})
    write(windir + "/WIN.INI", b"[windows]\r\n")
    write(windir + "/COMMAND.COM")
    return at


def windows_xp(at="t"):
    config = at + "/WINDOWS/system32/config"
    users = at + "/Documents and Settings"
    software(config + "/software", "C:\\WINDOWS", product="Microsoft Windows XP", version="5.1",
             build="2600", values={"CurrentBuild": "string:1.511.1 () (Obsolete data)"},
             folders={"ProfilesDirectory": "expandstring:%SystemDrive%\\Documents and Settings",
                      "AllUsersProfile": "string:All Users"},
             profiles={"S-1-5-18": "%systemroot%\\system32\\config\\systemprofile",
                       "S-1-5-21-1": "%SystemDrive%\\Documents and Settings\\Ann",
                       "S-1-5-21-2": "C:\\Documents and Settings\\Gone",
                       "S-1-5-21-3": "D:\\Elsewhere"})
    system(config + "/system", current=2, sets=(1, 2), keys={
        "ControlSet002\\Control\\Session Manager\\Environment": {
            "Path": "expandstring:%SystemRoot%\\system32;%SystemRoot%",
            "TEMP": "expandstring:%SystemRoot%\\TEMP", "Tools": "expandstring:%SystemDrive%\\bin"}})
    user(config + "/default")
    hives.regf(config + "/SAM", {"SAM": {}})
    os.makedirs(config + "/systemprofile")
    user(users + "/Ann/NTUSER.DAT", {
        "Environment": {"TEMP": "expandstring:%USERPROFILE%\\Local Settings\\Temp",
                        "Path": "string:C:\\Ann"},
        "Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\User Shell Folders": {
            "AppData": "expandstring:%USERPROFILE%\\Application Data"}})
    user(users + "/Ann/Local Settings/Application Data/Microsoft/Windows/UsrClass.dat")
    user(users + "/Hidden/ntuser.man")
    os.makedirs(users + "/All Users/Start Menu")
    point = at + "/System Volume Information/_restore{0}/RP3/snapshot/"
    software(point + "_REGISTRY_MACHINE_SOFTWARE", "C:\\WINDOWS")
    user(point + "_REGISTRY_USER_NTUSER_S-1-5-21-1")
    user(point + "_REGISTRY_USER_USRCLASS_S-1-5-21-9")
    write(point + "ComDb.Dat", b"regf")
    user(at + "/WINDOWS/repair/ntuser.dat")
    return at


def windows_10(at="t", build="19045", product="Windows 10 Pro"):
    config = at + "/Windows/System32/config"
    software(config + "/SOFTWARE", "C:\\Windows", product=product, version="6.3", build=build,
             values={"CurrentMajorVersionNumber": "dword:10", "CurrentMinorVersionNumber": "dword:0"},
             folders={"ProgramData": "expandstring:%SystemDrive%\\ProgramData",
                      "Public": "expandstring:%SystemDrive%\\Users\\Public"},
             profiles={"S-1-5-19": "%systemroot%\\ServiceProfiles\\LocalService",
                       "S-1-5-21-1": "%SystemDrive%\\Users\\Ann"},
             keys={"Microsoft\\Windows\\CurrentVersion": {
                 "ProgramFilesDir": "string:C:\\Program Files",
                 "ProgramFilesDir (x86)": "string:C:\\Program Files (x86)",
                 "CommonFilesDir": "string:C:\\Program Files\\Common Files"}})
    system(config + "/SYSTEM")
    user(config + "/DEFAULT")
    user(at + "/Windows/ServiceProfiles/LocalService/NTUSER.DAT")
    user(at + "/Users/Ann/NTUSER.DAT")
    user(at + "/Users/Ann/AppData/Local/Microsoft/Windows/UsrClass.dat")
    user(at + "/Users/Default/NTUSER.DAT")
    os.makedirs(at + "/Users/Public")
    os.symlink("/etc", at + "/Users/All Users")
    os.symlink("Users", at + "/Documents and Settings")
    os.symlink("AppData/Roaming", at + "/Users/Ann/Application Data")
    write(at + "/Users/Ann/AppData/Roaming/evil.exe")
    write(at + "/Windows/System32/both.dll", b"64")
    write(at + "/Windows/System32/only.dll", b"64")
    write(at + "/Windows/System32/drivers/etc/hosts")
    write(at + "/Windows/SysWOW64/both.dll", b"32")
    write(at + "/Windows/SysWOW64/drivers/etc/hosts")
    write(config + "/RegBack/SOFTWARE", b"")
    return at


# ---- what is found -------------------------------------------------------------------------------

@case("Windows 98: CREG hives, profiles, copies")
def finds_98():
    equal(dump(windows_98()), [
        "system windir=WINDOWS root= 9x product=Windows 98 version=4.10 build=2222 drive=C set=",
        "profile name=default path= sid= hive=1 classes=-1",
        "profile name=ann path=WINDOWS/Profiles/ann sid= hive=2 classes=-1",
        "profile name=bob path=WINDOWS/Profiles/bob sid= hive=3 classes=-1",
        "hive SYSTEM.DAT path=WINDOWS/SYSTEM.DAT mount=HKLM profile=-1 clean",
        "hive USER.DAT path=WINDOWS/USER.DAT mount=HKU profile=0 clean",
        "hive USER.DAT path=WINDOWS/Profiles/ann/USER.DAT mount=HKU profile=1 clean",
        "hive USER.DAT path=WINDOWS/Profiles/bob/User.dat mount=HKU\\bob profile=2 clean",
        "hive copy of SYSTEM.DAT path=WINDOWS/SYSTEM.DA0 mount=HKLM profile=-1 clean",
    ])


@case("Windows ME: System Restore's copies are known by what they are")
def finds_me():
    hives.creg("t/WINDOWS/SYSTEM.DAT", {"Software\\Microsoft\\Windows\\CurrentVersion": {
        "ProductName": "Microsoft Windows ME", "VersionNumber": "4.90.3000"}})
    hives.creg("t/WINDOWS/CLASSES.DAT", {"exefile": {}})
    hives.creg("t/_RESTORE/TEMP/A0000001.CPY", {"Software": {}})
    hives.creg("t/_RESTORE/TEMP/A0000002.CPY", {".DEFAULT": {}})
    write("t/_RESTORE/TEMP/A0000003.CPY", b"MZ")
    equal(dump("t"), [
        "system windir=WINDOWS root= 9x product=Windows ME version=4.90 build=3000 drive=C set=",
        "profile name=default path= sid= hive=-1 classes=-1",
        "hive SYSTEM.DAT path=WINDOWS/SYSTEM.DAT mount=HKLM profile=-1 clean",
        "hive CLASSES.DAT path=WINDOWS/CLASSES.DAT mount=HKLM\\Software\\Classes profile=-1 clean",
        "hive copy of SYSTEM.DAT path=_RESTORE/TEMP/A0000001.CPY mount=HKLM profile=-1 clean",
        "hive copy of USER.DAT path=_RESTORE/TEMP/A0000002.CPY mount=HKU profile=-1 clean",
    ])


@case("Windows NT 4.0: profiles in %WinDir%, another drive, no product name")
def finds_nt4():
    software("t/WINNT/System32/Config/SOFTWARE", "D:\\WINNT", version="4.0", build="1381",
             profiles={"S-1-5-21-1-500": "%SystemRoot%\\Profiles\\Administrator"})
    system("t/WINNT/System32/Config/SYSTEM")
    user("t/WINNT/Profiles/Administrator/NTUSER.DAT")
    os.makedirs("t/WINNT/Profiles/All Users")
    equal(dump("t"), [
        "system windir=WINNT root= nt product=Windows NT 4.0 version=4.0 build=1381 drive=D"
        " set=ControlSet001",
        "profile name=Administrator path=WINNT/Profiles/Administrator sid=S-1-5-21-1-500 hive=2"
        " classes=-1",
        "hive SOFTWARE path=WINNT/System32/Config/SOFTWARE mount=HKLM\\SOFTWARE profile=-1 clean",
        "hive SYSTEM path=WINNT/System32/Config/SYSTEM mount=HKLM\\SYSTEM profile=-1 clean",
        "hive NTUSER.DAT path=WINNT/Profiles/Administrator/NTUSER.DAT mount=HKU\\S-1-5-21-1-500"
        " profile=0 clean",
    ])
    equal(ask("t", "expand=%windir%|%systemdrive%|%ALLUSERSPROFILE%", "find=d:\\winnt\\SYSTEM32",
              "find=c:\\winnt\\system32", "profile=0", "expand=%userprofile%|%homepath%|%appdata%"),
          ["D:\\WINNT|D:|D:\\WINNT\\Profiles\\All Users", "dir WINNT/System32", "elsewhere",
           "D:\\WINNT\\Profiles\\Administrator|\\WINNT\\Profiles\\Administrator|"
           "D:\\WINNT\\Profiles\\Administrator\\Application Data"])


@case("Windows XP: the current control set, profiles of list and disk, System Restore, repair")
def finds_xp():
    where = "Documents and Settings"
    point = "System Volume Information/_restore{0}/RP3/snapshot/_REGISTRY_"
    equal(dump(windows_xp()), [
        "system windir=WINDOWS root= nt product=Windows XP version=5.1 build=2600 drive=C"
        " set=ControlSet002",
        "profile name=systemprofile path=WINDOWS/system32/config/systemprofile sid=S-1-5-18 hive=3"
        " classes=-1",
        "profile name=Ann path=%s/Ann sid=S-1-5-21-1 hive=4 classes=5" % where,
        "profile name=Hidden path=%s/Hidden sid= hive=6 classes=-1" % where,
        "hive SOFTWARE path=WINDOWS/system32/config/software mount=HKLM\\SOFTWARE profile=-1 clean",
        "hive SYSTEM path=WINDOWS/system32/config/system mount=HKLM\\SYSTEM profile=-1 clean",
        "hive SAM path=WINDOWS/system32/config/SAM mount=HKLM\\SAM profile=-1 clean",
        "hive NTUSER.DAT path=WINDOWS/system32/config/default mount=HKU\\.DEFAULT profile=0 clean",
        "hive NTUSER.DAT path=%s/Ann/NTUSER.DAT mount=HKU\\S-1-5-21-1 profile=1 clean" % where,
        "hive UsrClass.dat path=%s/Ann/Local Settings/Application Data/Microsoft/Windows/"
        "UsrClass.dat mount=HKU\\S-1-5-21-1_Classes profile=1 clean" % where,
        "hive NTUSER.DAT path=%s/Hidden/ntuser.man mount=HKU\\Hidden profile=2 clean" % where,
        "hive copy of NTUSER.DAT path=WINDOWS/repair/ntuser.dat mount=HKU\\ntuser.dat profile=-1"
        " clean",
        "hive copy of SOFTWARE path=%sMACHINE_SOFTWARE mount=HKLM\\SOFTWARE profile=-1 clean" % point,
        "hive copy of NTUSER.DAT path=%sUSER_NTUSER_S-1-5-21-1 mount=HKU\\S-1-5-21-1 profile=1"
        " clean" % point,
        "hive copy of UsrClass.dat path=%sUSER_USRCLASS_S-1-5-21-9 mount=HKU\\S-1-5-21-9_Classes"
        " profile=-1 clean" % point,
    ])


@case("Windows 10: 64 bits, junctions not followed, empty backups passed over")
def finds_10():
    equal(dump(windows_10()), [
        "system windir=Windows root= nt product=Windows 10 Pro version=10.0 build=19045 drive=C"
        " 64-bit set=ControlSet001",
        "profile name=LocalService path=Windows/ServiceProfiles/LocalService sid=S-1-5-19 hive=3"
        " classes=-1",
        "profile name=Ann path=Users/Ann sid=S-1-5-21-1 hive=4 classes=5",
        "profile name=Default path=Users/Default sid= hive=6 classes=-1",
        "hive SOFTWARE path=Windows/System32/config/SOFTWARE mount=HKLM\\SOFTWARE profile=-1 clean",
        "hive SYSTEM path=Windows/System32/config/SYSTEM mount=HKLM\\SYSTEM profile=-1 clean",
        "hive NTUSER.DAT path=Windows/System32/config/DEFAULT mount=HKU\\.DEFAULT profile=-1 clean",
        "hive NTUSER.DAT path=Windows/ServiceProfiles/LocalService/NTUSER.DAT mount=HKU\\S-1-5-19"
        " profile=0 clean",
        "hive NTUSER.DAT path=Users/Ann/NTUSER.DAT mount=HKU\\S-1-5-21-1 profile=1 clean",
        "hive UsrClass.dat path=Users/Ann/AppData/Local/Microsoft/Windows/UsrClass.dat"
        " mount=HKU\\S-1-5-21-1_Classes profile=1 clean",
        "hive NTUSER.DAT path=Users/Default/NTUSER.DAT mount=HKU\\Default profile=2 clean",
    ])


@case("Windows 11 by its build")
def finds_11():
    equal(lines(windows_10("a", "22631"), "system")[0].split(" drive")[0],
          "system windir=Windows root= nt product=Windows 11 Pro version=10.0 build=22631")
    equal(lines(windows_10("b", "26100", "Windows Server 2025 Standard"), "system")[0].split(
        " drive")[0], "system windir=Windows root= nt product=Windows Server 2025 Standard"
                      " version=10.0 build=26100")


@case("several systems: by what is in them, under any name, moved aside; others are none")
def finds_several():
    windows_98()
    os.rename("t/WINDOWS", "t/WIN98")
    software("t/MyWindows/SYSTEM32/CONFIG/Software", "C:\\MyWindows", version="5.0")
    system("t/Windows.old/Windows/System32/config/SYSTEM")
    user("t/Windows.old/Users/Old/NTUSER.DAT")
    user("t/Users/New/NTUSER.DAT")
    write("t/Program Files/App/system.dat", b"not a registry")
    write("t/Program Files/App/win.in")
    os.makedirs("t/Other/System32/config")
    write("t/Other/System32/config/readme.txt")
    os.symlink("MyWindows", "t/WINDOWS")
    equal([line.split(" product")[0] for line in lines("t", "system")], [
        "system windir=MyWindows root= nt",
        "system windir=WIN98 root= 9x",
        "system windir=Windows.old/Windows root=Windows.old nt",
    ])
    equal(ask("t", "system=2", "expand=%windir%", "find=C:\\users\\old\\ntuser.dat",
              "find=C:\\users\\new", "find=C:\\..\\..\\users\\new", "place=Windows.old/Users/Old",
              "place=Windows.old/Windows/x.exe", "place=Users/New", "place=Windows.old",
              "show=Windows.old/Users/Old", "show=Users/New", "place=Windows.older"),
          ["C:\\Windows", "file Windows.old/Users/Old/NTUSER.DAT", "not there", "not there",
           "c:\\users\\old", "%windir%\\x.exe", "", "c:", "C:\\Users\\Old", "Users\\New", ""])
    software("u/Home/WinNT/system32/config/software", "C:\\HOME\\WINNT", version="5.0")
    equal(ask("u", "expand=%windir%", "find=C:\\home\\winnt\\system32", "place=Other/x"),
          ["C:\\Home\\WinNT", "dir Home/WinNT/system32", "c:\\other\\x"])
    os.makedirs("none/Empty/x")
    equal(dump("none"), [])


@case("hives under other names are known by what they are")
def finds_renamed_hives():
    windows_10()
    config = "t/Windows/System32/config/"
    os.rename(config + "SOFTWARE", config + "soft.bin")
    os.rename(config + "SYSTEM", config + "sys.bin")
    write(config + "SYSTEM", b"overwritten")
    found = lines("t", "hive S")
    equal(found[0], "hive SOFTWARE path=Windows/System32/config/soft.bin mount=HKLM\\SOFTWARE"
                    " profile=-1 clean")
    equal(found[1], "hive SYSTEM path=Windows/System32/config/sys.bin mount=HKLM\\SYSTEM profile=-1"
                    " clean")
    check(found[2].startswith("hive SYSTEM path=Windows/System32/config/SYSTEM") and
          "unusable: " in found[2], found[2])


@case("hives that cannot be read are told, and the others are read")
def tells_unreadable_hives():
    windows_10()
    config = "t/Windows/System32/config/"
    write(config + "SOFTWARE", b"regf" + b"\0" * 100)
    write(config + "SAM", b"")
    os.symlink("/etc/passwd", config + "SECURITY")
    with open(config + "DEFAULT", "wb") as file:
        file.truncate((512 << 20) + 1)
    hives.dirty(config + "SYSTEM")
    found = lines("t", "hive")
    check("SOFTWARE profile=-1 unusable: " in found[0], found)
    check("SYSTEM profile=-1 stale: " in found[1], found)
    check(found[2].endswith("unusable: an empty file"), found)
    check(found[3].endswith("unusable: too large for a registry hive"), found)
    check(not any("SECURITY" in line for line in found), found)
    equal(lines("t", "system")[0], "system windir=Windows root= nt product=Windows Vista or later"
                                   " version= build= drive=C 64-bit set=ControlSet001")
    equal(lines("t", "profile")[0],
          "profile name=Ann path=Users/Ann sid= hive=4 classes=5")


@case("hibernated systems")
def tells_hibernation():
    windows_10()
    for start, told in ((b"hibr", True), (b"HIBR", True), (b"wake", True), (b"\0" * 4, False)):
        write("t/hiberfil.sys", start + b"\0" * 5000)
        equal(" hibernated" in lines("t", "system")[0], told, start)


@case("the same on a disk image as in a directory")
def finds_in_images():
    mcopy, mkfs = tool("mcopy"), tool("mkfs.vfat")
    windows_98("a")
    windows_xp("b")
    write("b/hiberfil.sys", b"hibr", b"\0" * 3000000)
    for tree in ("a", "b"):
        with open("disk.img", "wb") as file:
            file.truncate(40 << 20)
        run(mkfs, "-F", "32", "disk.img")
        run(mcopy, "-s", "-i", "disk.img",
            *(os.path.join(tree, name) for name in sorted(os.listdir(tree))), "::")
        env = environment(KUJO_IMAGE=os.path.abspath(os.environ["KUJO_IMAGE"]))
        equal(kujo("disk.img", code=0, env=env).lines, dump(tree))


# ---- paths ---------------------------------------------------------------------------------------

@case("variables come from the hives, then from what is usual")
def expands_variables():
    windows_xp()
    equal(ask("t", "expand=%WINDIR%\\a %unknown% 100% %%", "expand=%path%", "expand=%tools%\\x",
              "expand=%temp%", "expand=%ALLUSERSPROFILE%", "expand=%programfiles%",
              "expand=%ProgramFiles(x86)%", "expand=%userprofile%", "profile=1", "expand=%path%",
              "expand=%userprofile%", "expand=%TMP%;%temp%", "expand=%appdata%\\%comspec%",
              "expand=%localappdata%", "expand=%homedrive%%homepath%", "expand=%unknown%windir%"),
          ["C:\\WINDOWS\\a %unknown% 100% %%", "C:\\WINDOWS\\system32;C:\\WINDOWS", "C:\\bin\\x",
           "C:\\WINDOWS\\TEMP", "C:\\Documents and Settings\\All Users", "C:\\Program Files",
           "%ProgramFiles(x86)%", "%userprofile%", "C:\\WINDOWS\\system32;C:\\WINDOWS;C:\\Ann",
           "C:\\Documents and Settings\\Ann",
           "C:\\Documents and Settings\\Ann\\Local Settings\\Temp;"
           "C:\\Documents and Settings\\Ann\\Local Settings\\Temp",
           "C:\\Documents and Settings\\Ann\\Application Data\\C:\\WINDOWS\\system32\\cmd.exe",
           "C:\\Documents and Settings\\Ann\\Local Settings\\Application Data",
           "C:\\Documents and Settings\\Ann", "%unknownC:\\WINDOWS"])
    windows_10("u")
    equal(ask("u", "expand=%ProgramFiles%|%ProgramFiles(x86)%|%ProgramW6432%",
              "expand32=%ProgramFiles%|%CommonProgramFiles%", "expand=%CommonProgramFiles%",
              "expand=%ProgramData%|%AllUsersProfile%|%Public%", "profile=1",
              "expand=%AppData%|%LocalAppData%|%TEMP%"),
          ["C:\\Program Files|C:\\Program Files (x86)|C:\\Program Files",
           "C:\\Program Files (x86)|C:\\Program Files (x86)\\Common Files",
           "C:\\Program Files\\Common Files", "C:\\ProgramData|C:\\ProgramData|C:\\Users\\Public",
           "C:\\Users\\Ann\\AppData\\Roaming|C:\\Users\\Ann\\AppData\\Local|"
           "C:\\Users\\Ann\\AppData\\Local\\Temp"])
    windows_98("v")
    equal(ask("v", "expand=%windir%|%temp%|%comspec%|%programfiles%", "profile=1",
              "expand=%userprofile%|%appdata%", "profile=0", "expand=%appdata%"),
          ["C:\\WINDOWS|C:\\WINDOWS\\TEMP|C:\\WINDOWS\\COMMAND.COM|C:\\Programme",
           "C:\\WINDOWS\\Profiles\\ann|C:\\WINDOWS\\Profiles\\ann\\Data",
           "C:\\WINDOWS\\Application Data"])


@case("variables that refer to themselves end")
def expansion_ends():
    system("t/W/system32/config/system", keys={
        "ControlSet001\\Control\\Session Manager\\Environment": {
            "a": "string:%a%", "b": "string:%c%%c%", "c": "string:%b%%b%",
            "long": "string:" + "%windir%\\" * 700, "longer": "string:" + "%long%" * 20}})
    answers = ask("t", "expand=%a%", "expand=%b%", "expand=%longer%", "expand=" + "%b%" * 500)
    equal(len(answers), 4)
    equal(answers[0], "%a%")
    equal(answers[2], "%longer%")


@case("Windows paths: prefixes, drives, case, dots, 8.3 names, streams, junctions")
def finds_paths():
    windows_10()
    write("t/Program Files/Some Vendor/Long Program Name.exe")
    write("t/Program Files/Some Vendor/Long Document.txt")
    write("t/Progra~1.txt")
    write("t/two/longname one.exe")
    write("t/two/longname two.exe")
    write("t/two/short.exe")
    both = "file Windows/System32/both.dll"
    equal(ask("t", "find=c:\\windows\\SYSTEM32\\both.dll", "find=C:/Windows/system32/both.dll",
              "find=\\\\?\\C:\\Windows\\System32\\both.dll", "find=\\??\\c:\\windows\\system32\\both.dll",
              "find=\\SystemRoot\\System32\\both.dll", "find=\\windows\\system32\\both.dll",
              "find=C:\\Windows\\.\\x\\..\\System32\\both.dll",
              "find=C:\\Windows\\System32\\..\\..\\..\\Windows\\System32\\both.dll",
              "find=C:\\Windows. \\System32 .\\both.dll...", "find=C:\\Windows\\System32\\both.dll:evil.exe",
              "find=C:both.dll", "find=both.dll", "directory=Windows/System32", "find=both.dll",
              "find=..\\SysWOW64\\both.dll"),
          [both] * 6 + ["not there"] + [both] * 3 + ["not there"] * 2 + [both,
           "file Windows/SysWOW64/both.dll"])
    equal(ask("t", "find=D:\\Windows", "find=\\\\server\\share\\x.exe", "find=\\\\?\\UNC\\s\\x",
              "find=\\Device\\HarddiskVolume1\\x", "find=\\\\?\\Volume{1}\\x", "find=", "find=C:\\",
              "find=\\\\?\\C:\\Windows\\System32\\both.dll.", "find=C:\\Windows\\System32\\both.dll\\x"),
          ["elsewhere"] * 5 + ["dir ", "dir ", "not there", "not there"])
    equal(ask("t", "find=C:\\PROGRA~1\\SOMEVE~1\\LONGPR~1.EXE", "find=C:\\PROGRA~1\\SOMEVE~1\\LONGDO~1.TXT",
              "find=C:\\two\\LONGNA~1.EXE", "find=C:\\two\\SHORT~1.EXE", "find=C:\\PROGRA~1.TXT",
              "find=C:\\PROGRA~\\x", "find=C:\\~1"),
          ["file Program Files/Some Vendor/Long Program Name.exe",
           "file Program Files/Some Vendor/Long Document.txt", "not there",
           "not there", "file Progra~1.txt", "not there", "not there"])
    evil = "file Users/Ann/AppData/Roaming/evil.exe"
    equal(ask("t", "find=C:\\Documents and Settings\\Ann\\Application Data\\evil.exe",
              "find=C:\\Users\\Ann\\Application Data\\evil.exe", "find=C:\\Users\\All Users\\passwd",
              "find=C:\\Users\\All Users"),
          [evil, evil, "not there", "link Users/All Users"])


@case("a 32-bit program's view")
def finds_paths_32():
    windows_10()
    equal(ask("t", "find32=C:\\Windows\\System32\\both.dll", "find32=%SystemRoot%\\x",
              "find32=\\SystemRoot\\system32\\both.dll", "find32=C:\\windows\\system32\\only.dll",
              "find32=C:\\Windows\\Sysnative\\both.dll", "find=C:\\Windows\\Sysnative\\both.dll",
              "find32=C:\\Windows\\System32\\drivers\\etc\\hosts", "find32=C:\\Windows\\System32",
              "find32=C:\\Windows\\System32\\..\\System32\\..\\System32\\both.dll"),
          ["file Windows/SysWOW64/both.dll", "not there", "file Windows/SysWOW64/both.dll",
           "file Windows/System32/only.dll", "file Windows/System32/both.dll", "not there",
           "file Windows/System32/drivers/etc/hosts", "dir Windows/System32",
           "file Windows/System32/both.dll"])


@case("places of files as artifacts and as people know them")
def places_files():
    windows_xp()
    equal(ask("t", "place=WINDOWS/SYS32.EXE", "place=WINDOWS", "place=", "place=LOGO.JPG",
              "place=WINDOWSX/a", "place=Documents and Settings/Ann/X.", "show=WINDOWS/SYS32.EXE",
              "show=", "show=a/b\x1b[31m\u202etxt"),
          ["%windir%\\sys32.exe", "%windir%", "c:", "c:\\logo.jpg", "c:\\windowsx\\a",
           "c:\\documents and settings\\ann\\x", "C:\\WINDOWS\\SYS32.EXE", "C:\\",
           "C:\\a\\b\\x1b[31m\\u{202e}txt"])


# ---- hostile trees -------------------------------------------------------------------------------

@case("links and loops lead nowhere, and nothing outside is touched")
def hostile_trees():
    canary = write("canary/NTUSER.DAT", b"canary")
    windows_xp("outside")
    before = os.stat(canary), os.stat("outside/WINDOWS/system32/config/software")
    os.makedirs("t/Documents and Settings")
    os.symlink(os.path.abspath("outside/WINDOWS"), "t/WINDOWS")
    os.symlink(os.path.abspath("canary"), "t/Documents and Settings/Eve")
    os.makedirs("t/WINNT/system32/config")
    os.symlink(os.path.abspath("outside/WINDOWS/system32/config/software"),
               "t/WINNT/system32/config/software")
    system("t/WINNT/system32/config/system")
    os.mkfifo("t/WINNT/system32/config/default")
    os.mkfifo("t/hiberfil.sys")
    os.symlink("..", "t/WINNT/system32/up")
    os.symlink(".", "t/loop")
    equal(dump("t"), [
        "system windir=WINNT root= nt product=Windows 2000, XP or 2003 version= build= drive=C"
        " set=ControlSet001",
        "hive SYSTEM path=WINNT/system32/config/system mount=HKLM\\SYSTEM profile=-1 clean"])
    equal(ask("t", "find=C:\\WINNT\\system32\\up\\system32\\config\\system",
              "find=C:\\loop\\WINNT", "find=C:\\WINDOWS\\system32"), ["not there"] * 3)
    after = os.stat(canary), os.stat("outside/WINDOWS/system32/config/software")
    for old, new in zip(before, after):
        equal((old.st_mtime_ns, old.st_ctime_ns, old.st_size), (new.st_mtime_ns, new.st_ctime_ns,
                                                               new.st_size))
    equal(read(canary), b"canary")


@case("profile lists that lie")
def hostile_profiles():
    windows_10("outside")
    software("t/Windows/System32/config/SOFTWARE", "C:\\Windows", version="6.1", profiles={
        "S-1-5-21-1": "C:\\..\\..\\outside\\Users\\Ann",
        "S-1-5-21-2": "%SystemDrive%\\Users\\Two",
        "S-1-5-21-3": "%SystemDrive%\\USERS\\two",
        "S-1-5-21-4": "%x%" * 50,
        "S-1-5-21-5": "\\\\server\\share",
        "S-1-5-21-6": "C:\\Windows\\System32\\config\\SOFTWARE",
        "S-1-5-21-7": "C:"})
    user("t/Users/Two/NTUSER.DAT")
    equal(lines("t", "profile"), [
        "profile name=Two path=Users/Two sid=S-1-5-21-2 hive=1 classes=-1"])


@case("memory that runs out is told")
def memory_runs_out():
    windows_xp("t")
    windows_98("t/Other")
    return kujo("t", "1", code=0, program=os.environ["KUJO_MEMORY"]).lines[-1]


if __name__ == "__main__":
    sys.exit(run_cases())
