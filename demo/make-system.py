#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the demo system: demo/make-system.py FOLDER

A small Windows 2000 volume, a Maildir and some archives, as a mail worm would have left them. None
of it is malware or a part of any: the programs have a header that no Windows starts, without a
section that could run, and filler up to the size that was published; pictures have a header and
filler; the page is filler, not HTML. Advisories know these files by place, size and kind.
"""
import base64
import gzip
import io
import os
import shutil
import struct
import subprocess
import sys
import tarfile
import zipfile

import hive

FILLER = b"Inert filler of kujo's demo. Nothing in here runs. "
DATE = (2004, 1, 27, 12, 0, 0)
SECONDS = 1075204800  # the same

# In pieces, so that no file of the source tree holds the test string.
EICAR = (r"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-ANTI" + "VIRUS-TEST-FILE!$H+H*").encode()


# ---- files of a kind and a size -----------------------------------------------------------------

def filled(head, size):
    body = FILLER * (size // len(FILLER) + 1)
    return (head + body)[:size]


def program(size):
    """A PE file with one section of read-only data, no entry point and no subsystem."""
    pe_at, headers, section_align = 64, 512, 4096
    raw = (size - headers) // 512 * 512
    dos = b"MZ".ljust(60, b"\0") + struct.pack("<I", pe_at)
    i386, executable_32bit = 0x14C, 0x0102
    coff = b"PE\0\0" + struct.pack("<HHIIIHH", i386, 1, 0, 0, 0, 224, executable_32bit)
    image = section_align + -(-raw // section_align) * section_align
    optional = struct.pack(
        "<HBBIIIIIIIIIHHHHHHIIIIHHIIIIII", 0x10B, 0, 0, 0, raw, 0,
        0, section_align, section_align,           # entry point: none
        0x400000, section_align, 512, 4, 0, 0, 0, 4, 0, 0, image, headers, 0,
        0, 0,                                      # subsystem: none, so Windows refuses it
        0x100000, 0x1000, 0x100000, 0x1000, 0, 16).ljust(224, b"\0")
    initialized_readable = 0x40000040
    section = struct.pack("<8sIIIIIIHHI", b".filler", raw, section_align, raw, headers,
                          0, 0, 0, 0, initialized_readable)
    return filled((dos + coff + optional + section).ljust(headers, b"\0"), size)


def jpeg(size):
    return filled(b"\xFF\xD8\xFF\xE0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0", size)


def gif(size):
    return filled(b"GIF89a\1\0\1\0\0\0\0", size)


def text(*lines):
    return "".join(line + "\r\n" for line in lines).encode()


# ---- the volume ---------------------------------------------------------------------------------

# What W32/Mimail.q@MM leaves, by its published description.
MIMAIL = {
    "WINNT/SYS32.EXE": program(32768),
    "WINNT/OUTLOOK.EXE": program(50720),
    "WINNT/OUTLOOK.CFG": text("someone@example.com", "someone.else@example.org"),
    "MMINFO.TXT": text("This would be where the typed data went. There is none."),
    "LOGO.JPG": jpeg(1292),
    "LOGOBIG.GIF": gif(948),
    "MSHOME.HTA": filled(b"", 7178),
    "WIND.GIF": gif(2660),
}

# What W32/Dumaru.a@MM leaves: two copies, and lines in win.ini and system.ini that start them.
DUMARU = {
    "WINNT/dllreg.exe": program(9234),
    "WINNT/system32/vxdmgr32.exe": program(9234),
    "WINNT/win.ini": text("; for 16-bit app support", "[windows]", "load=",
                          "run=C:\\WINNT\\dllreg.exe", "[fonts]", "[extensions]"),
    "WINNT/system.ini": text("; for 16-bit app support", "[boot]",
                             "shell=Explorer.exe C:\\WINNT\\system32\\vxdmgr32.exe",
                             "[drivers]", "wave=mmdrv.dll", "timer=timer.drv"),
}

CLEAN = {
    "WINNT/NOTEPAD.EXE": program(50960),
    "WINNT/REGEDIT.EXE": program(73488),
    "WINNT/system32/OUTLOOK.CFG": text("A file of that name elsewhere."),
    "WINNT/system32/SHELL32.DLL": program(65536),
    "WINNT/explorer.exe": program(243472),
    "WINNT/system32/userinit.exe": program(17680),
    "WINNT/system32/mobsync.exe": program(111376),
    "WINNT/system32/services.exe": program(88848),
    "WINNT/system32/spoolsv.exe": program(43280),
    "BOOT.INI": text("[boot loader]", "timeout=30"),
}

# Names that the worm uses, too, on files that have every right to them.
LOOK_ALIKES = {
    "Program Files/Microsoft Office/Office/OUTLOOK.EXE": program(57393),
    "Program Files/Mailer/OUTLOOK.EXE": program(50720),
    "Documents and Settings/User/My Documents/LOGO.JPG": jpeg(18204),
    "Documents and Settings/User/My Documents/MSHOME.HTA": filled(b"", 7178),
}

# Windows' own entries, and the worms'.
SOFTWARE = {
    "Microsoft\\Windows NT\\CurrentVersion": {
        "ProductName": "string:Microsoft Windows 2000",
        "CurrentVersion": "string:5.0",
        "CurrentBuildNumber": "string:2195",
        "SystemRoot": "string:C:\\WINNT",
    },
    "Microsoft\\Windows NT\\CurrentVersion\\ProfileList\\S-1-5-21-1000-1000-1000-1000": {
        "ProfileImagePath": "expandstring:%SystemDrive%\\Documents and Settings\\User",
    },
    "Microsoft\\Windows NT\\CurrentVersion\\Winlogon": {
        "Shell": "string:Explorer.exe C:\\WINNT\\system32\\vxdmgr32.exe",
        "Userinit": "string:C:\\WINNT\\system32\\userinit.exe,",
    },
    "Microsoft\\Windows\\CurrentVersion\\Run": {
        "Synchronization Manager": "string:mobsync.exe /logon",
        "System": "expandstring:%WinDir%\\SYS32.EXE",
    },
}
SYSTEM = {
    "Select": {"Current": "dword:1", "Default": "dword:1"},
    "ControlSet001\\Services\\Spooler": {
        "DisplayName": "string:Print Spooler",
        "ImagePath": "expandstring:%SystemRoot%\\system32\\spoolsv.exe",
        "Start": "dword:2",
        "Type": "dword:0x110",
    },
}
USER = {
    "Software\\Microsoft\\Windows NT\\CurrentVersion\\Windows": {
        "run": "string:C:\\WINNT\\dllreg.exe",
        "load": "string:",
    },
}


def write(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


def hive_script(keys):
    """What hivexsh has to do: every key made once, its values set."""
    script, made = [], set()
    for path, values in keys.items():
        script.append("cd \\")
        parts = path.split("\\")
        for depth, key in enumerate(parts, 1):
            above = "\\".join(parts[:depth])
            if above not in made:
                script.append(f"add {key}")
                made.add(above)
            script.append(f"cd {key}")
        script.append(f"setval {len(values)}")
        for name, value in values.items():
            script += [name, value]
    return "\n".join(script + ["commit", "quit", ""])


def make_hive(path, shown, keys):
    """An empty hive, filled in by hivexsh."""
    if not shutil.which("hivexsh"):
        sys.exit("make-system.py: hivexsh is missing (Debian: libhivex-bin)")
    write(path, hive.empty_hive(shown))
    subprocess.run(["hivexsh", "-w", path], input=hive_script(keys), text=True, check=True)


def make_volume(folder):
    for files in (MIMAIL, DUMARU, CLEAN, LOOK_ALIKES):
        for name, content in files.items():
            write(os.path.join(folder, name), content)
    config = "WINNT/system32/config"
    for name, keys in (("software", SOFTWARE), ("system", SYSTEM)):
        make_hive(os.path.join(folder, config, name), f"\\WINNT\\system32\\config\\{name}", keys)
    make_hive(os.path.join(folder, "Documents and Settings/User/NTUSER.DAT"),
              "\\Documents and Settings\\User\\NTUSER.DAT", USER)


# ---- mail ---------------------------------------------------------------------------------------

def message(number, subject, body, attachment=None):
    """`attachment`: a name, a content type and bytes."""
    lines = ["Return-Path: <sender@example.com>", "From: A Sender <sender@example.com>",
             "To: User <user@example.org>", f"Subject: {subject}",
             "Date: Tue, 27 Jan 2004 12:00:00 +0000", f"Message-ID: <{number}@example.com>",
             "MIME-Version: 1.0"]
    if not attachment:
        lines += ["Content-Type: text/plain; charset=us-ascii", "", body, ""]
        return "\n".join(lines).encode()
    name, kind, content = attachment
    lines += ['Content-Type: multipart/mixed; boundary="next"', "", "--next",
              "Content-Type: text/plain; charset=us-ascii", "", body, "--next",
              f'Content-Type: {kind}; name="{name}"', "Content-Transfer-Encoding: base64",
              f'Content-Disposition: attachment; filename="{name}"', "",
              base64.encodebytes(content).decode() + "--next--", ""]
    return "\n".join(lines).encode()


def make_maildir(folder):
    for name in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(folder, name))
    a_sentence = "This is a message of the demo."
    for name, content in {
        "cur/1075204801.1.host:2,S": message(1, "Minutes of the meeting", a_sentence),
        "cur/1075204802.2.host:2,S": message(
            2, "Our logo", a_sentence, ("logo.jpg", "image/jpeg", jpeg(18204))),
        "new/1075204803.3.host": message(
            3, "smart photos PRIVATE", a_sentence,
            ("photo.jpg.scr", "application/octet-stream", program(32768))),
    }.items():
        write(os.path.join(folder, name), content)


# ---- archives -----------------------------------------------------------------------------------

def zip_of(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, DATE), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def tar_gz_of(files):
    out = io.BytesIO()
    with gzip.GzipFile("", "wb", fileobj=out, mtime=SECONDS) as packed, \
            tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(content), SECONDS
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def make_archives(folder):
    """The EICAR test file in a ZIP in a ZIP in a tar.gz, beside clean members."""
    inner = zip_of({"readme.txt": text("A clean file."), "eicar.com": EICAR})
    outer = zip_of({"photos/logo.jpg": jpeg(18204), "inner.zip": inner})
    write(os.path.join(folder, "backup.tar.gz"),
          tar_gz_of({"notes.txt": text("A clean file."), "outer.zip": outer,
                     "logo.jpg": jpeg(96000)}))
    write(os.path.join(folder, "clean.zip"),
          zip_of({"notes.txt": text("A clean file."), "logo.jpg": jpeg(18204)}))


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: make-system.py FOLDER")
    folder = sys.argv[1]
    make_volume(os.path.join(folder, "C"))
    make_maildir(os.path.join(folder, "Maildir"))
    make_archives(os.path.join(folder, "archives"))


main()
