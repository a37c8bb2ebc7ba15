#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The lnk module on shortcuts made here: what YARA-X says of them. Prints TAP.

    lnk.py FIELDS    (the program that prints what a module says of a file)
"""
import os
import struct
import subprocess
import sys
import tempfile

from shortcuts import *

FIELDS = sys.argv[1]
HEADER = {"is_lnk": "1", "creation_time": "1555526400", "access_time": "1", "write_time": "0", "file_size": "4096",
          "file_attributes": "32", "icon_index": "3", "show_command": "7"}
TRACKER = {"tracker_data.version": "0", "tracker_data.machine_id": '"wks-01"',
           "tracker_data.droid_volume_id": f'"{DROIDS[0]}"', "tracker_data.droid_file_id": f'"{DROIDS[1]}"',
           "tracker_data.droid_birth_volume_id": f'"{DROIDS[2]}"',
           "tracker_data.droid_birth_file_id": f'"{DROIDS[3]}"'}
VOLUME = {"drive_type": "3", "drive_serial_number": str(0x1234ABCD)}
ENDS = {"overlay_size": "0"}


def items(*rows):
    """Each: type, data or None (not compared), field and text of what else it says."""
    out = {}
    for i, (kind, data, *more) in enumerate(rows):
        at = f"target_id_list[{i}]."
        out[at + "item_type"] = str(kind)
        out[at + "data"] = data
        out.update({at + field: f'"{text}"' for field, text in more})
    return out


COMPLETE = HEADER | VOLUME | TRACKER | items(
    (0x1F, None, ("root_folder_id", MY_COMPUTER)), (0x20, None, ("volume_name", "C:\\")),
    (0x30, None, ("file_entry_name", "cmd.exe")), (0x30, None, ("file_entry_name", r"n\xc3\xa4h.exe")),
    (0x40, r'"\x01\xc5\\srv\share\x00Net\x00"', ("network_location", "\\\\srv\\share")),
    (0x00, None, ("cpl_file_path", "C:\\a.cpl")), (0x00, None, ("cpl_file_path", "E:\\x.dll")),
    (0x20, None, ("volume_id", MY_COMPUTER)), (0x61, r'"\x80uri"'), (0x99, '"abc"'), (0x71, '""'),
    (0x1F, None, ("root_folder_id", MY_COMPUTER))) | {
        "volume_label": '"DISK"', "local_base_path": '"C:\\Windows\\cmd.exe"', "common_path_suffix": '"suffix"',
        "name": '"Name"', "relative_path": '"..\\cmd.exe"', "working_dir": '"C:\\Windows"',
        "cmd_line_args": '"/c calc"', "icon_location": '"%ICON%"', "overlay_size": "7",
        "overlay_offset": str(len(complete()) - 7)}

CMD = (0x30, None, ("file_entry_name", "cmd.exe"))
# A shortcut, and all that is defined of it.
CASES = {
    "complete": (complete(), COMPLETE),
    "nothing but a header": (header(0) + END, HEADER | ENDS),
    "no end": (header(0), HEADER),
    "half an end": (header(0) + b"\0\0", HEADER),
    "a last block of three bytes": (header(0) + b"\x03\0\0\0tail", HEADER | {"overlay_size": "4",
                                                                            "overlay_offset": "80"}),
    "times before 1970, a large command": (
        header(0, created=0, accessed=1, written=2**64 - 1, show=2**31) + END,
        {key: value for key, value in HEADER.items() if not key.endswith("_time") and key != "show_command"} |
        ENDS | {"write_time": str((2**64 - 1) // 10000000 - 11644473600)}),
    "no shortcut": (b"MZ" + bytes(100), {"is_lnk": "0"}),
    "another class": (complete()[:4] + b"\x02" + complete()[5:], {"is_lnk": "0"}),
    "nothing": (b"", {"is_lnk": "0"}),
    "a cut header": (complete()[:75], {"is_lnk": "0"}),
    "a list larger than the file": (header(0x81) + id_list(root_folder(), file_item(b"cmd.exe\0"), size=0xFFFF),
                                    HEADER | items((0x1F, None, ("root_folder_id", MY_COMPUTER)), CMD)),
    "an item larger than its list": (
        header(0x81) + struct.pack("<HH", 24, 0xFF0) + b"\x32" + bytes(11) + b"cmd.exe\0" + b"\0\0" + END,
        HEADER | ENDS | items(CMD)),
    "items without data, and items too short for what they say": (
        header(0x81) + id_list(b"\x01\0", b"\x02\0", item(b"\x1F"), item(b"\x32" + bytes(10)), item(b"\x23C:\\"),
                               item(b"\x00"), item(b"\x41\0"), item(b"\x2E" + bytes(16))) + END,
        HEADER | ENDS | items((0x1F, '""'), (0x30, None), (0x20, '"C:\\"'), (0, '""'), (0x40, None), (0x20, None))),
    "wide LinkInfo": (header(2) + link_info(volume("d\u00fc", wide=True), b"no", b"no", wide=("C:\\\u00e4", "s")) + END,
                      HEADER | VOLUME | ENDS | {"volume_label": r'"d\xc3\xbc"', "local_base_path": r'"C:\\xc3\xa4"',
                                                "common_path_suffix": '"s"'}),
    "LinkInfo of a network": (header(2) + link_info(b"", b"", b"share\\file", flags=2) + END,
                              HEADER | ENDS | {"common_path_suffix": '"share\\file"'}),
    "LinkInfo larger than the file": (header(6) + struct.pack("<I", 9999) + bytes(40) + string(b"no", False), HEADER),
    "LinkInfo whose parts lie behind it": (
        header(2) + struct.pack("<IIIIIII", 0x1C, 0x1C, 3, 0x1D, 0x1D, 0, 0x1C) + END,
        HEADER | ENDS | {"common_path_suffix": '""'}),
    "a volume larger than LinkInfo": (
        header(2) + link_info(struct.pack("<IIII", 999, 5, 6, 0x10), b"p", b"s") + END,
        HEADER | ENDS | {"drive_type": "5", "drive_serial_number": "6", "local_base_path": '"p"',
                         "common_path_suffix": '"s"'}),
    "bytes that are no UTF-8": (
        header(0x40) + string(b"\xE4\xB8a\xFF\xC3(\xF0\x90\x80\xED\xA0\x80", False) + END,
        HEADER | ENDS | {"icon_location": '"' + "?a??(????".replace("?", r"\xef\xbf\xbd") + '"'}),
    "a NUL in narrow text stays, in wide text it ends": (
        header(0x20) + string(b"a\0b", False) + END, HEADER | ENDS | {"cmd_line_args": r'"a\x00b"'}),
    "wide text up to its NUL": (header(0xA0) + string("a\0b") + END, HEADER | ENDS | {"cmd_line_args": '"a"'}),
    "a lone surrogate": (header(0xA0) + struct.pack("<HHH", 2, 0xD800, 0x41) + END,
                         HEADER | ENDS | {"cmd_line_args": r'"\xef\xbf\xbdA"'}),
    "260 characters, whatever is said": (
        header(0x84) + struct.pack("<H", 300) + ("x" * 260).encode("utf-16-le") + END,
        HEADER | ENDS | {"name": '"' + "x" * 260 + '"'}),
    "arguments of any length": (header(0x20) + string(b"y" * 5000, False) + END,
                                HEADER | ENDS | {"cmd_line_args": '"' + "y" * 5000 + '"'}),
    "a string that is cut": (header(0x84) + struct.pack("<H", 5) + b"a\0b\0", HEADER),
    "the last of two trackers": (header(0) + tracker(b"first", 9) + tracker(b"wks-01") + END, HEADER | TRACKER | ENDS),
    "a short tracker": (header(0) + extra(0xA0000003, bytes(80)) + END, HEADER | ENDS),
    "a block larger than the file": (header(0) + tracker(b"wks-01") + struct.pack("<II", 99, 1), HEADER | TRACKER),
}


def kujo_says(folder, content):
    path = os.path.join(folder, "object")
    with open(path, "wb") as out:
        out.write(content)
    done = subprocess.run([FIELDS, "lnk", path], capture_output=True, check=True)
    return dict(line.split(" = ", 1) for line in done.stdout.decode("latin1").splitlines()[1:])


def differences(got, wanted):
    return [f"{key}: {got.get(key)} instead of {wanted.get(key)}" for key in sorted(got.keys() | wanted.keys())
            if got.get(key) != wanted.get(key) and not (key in got and key in wanted and wanted[key] is None)]


print(f"1..{len(CASES)}")
failed = 0
with tempfile.TemporaryDirectory() as temporary:
    for index, (name, (shortcut, wanted)) in enumerate(CASES.items(), 1):
        problems = differences(kujo_says(temporary, shortcut), wanted)
        failed += bool(problems)
        print(f"{'not ok' if problems else 'ok'} {index} - {name}")
        for problem in problems:
            print(f"# {problem}")
sys.exit(1 if failed else 0)
