# SPDX-License-Identifier: Apache-2.0
"""Windows shortcuts, made part by part ([MS-SHLLINK])."""
import struct
import uuid

CLSID = uuid.UUID("00021401-0000-0000-C000-000000000046").bytes_le
MY_COMPUTER = "20d04fe0-3aea-1069-a2d8-08002b30309d"
DROIDS = [f"11111111-2222-3333-4444-55556666770{i}" for i in range(4)]
ID_LIST, LINK_INFO, NAME, RELATIVE_PATH, WORKING_DIR, ARGUMENTS, ICON, UNICODE = (1 << i for i in range(8))
END = bytes(4)


def filetime(seconds):
    return (seconds + 11644473600) * 10000000


def header(flags, attributes=0x20, created=filetime(1555526400), accessed=filetime(1), written=filetime(0), size=4096,
           icon=3, show=7):
    return struct.pack("<I16sIIQQQIIIHHII", 0x4C, CLSID, flags, attributes, created, accessed, written, size, icon,
                       show, 0x41, 0, 0, 0)


def item(data):
    return struct.pack("<H", len(data) + 2) + data


def id_list(*items, size=None):
    body = b"".join(items) + b"\0\0"
    return struct.pack("<H", len(body) if size is None else size) + body


def root_folder(guid=MY_COMPUTER, kind=0x1F):
    return item(bytes([kind, 0x50]) + uuid.UUID(guid).bytes_le)


def volume_item(name):
    return item(b"\x2F" + name.ljust(20, b"\0"))


def file_item(name, kind=0x32):
    return item(bytes([kind]) + bytes(11) + name + bytes(10))


def string(text, wide=True):
    return struct.pack("<H", len(text)) + (text.encode("utf-16-le") if wide else text)


def volume(label, wide=False, kind=3, serial=0x1234ABCD):
    if wide:
        body = struct.pack("<IIII", kind, serial, 0x14, 0x14) + label.encode("utf-16-le") + b"\0\0"
    else:
        body = struct.pack("<III", kind, serial, 0x10) + label.encode() + b"\0"
    return struct.pack("<I", len(body) + 4) + body


def link_info(volume_id, path, suffix, flags=3, wide=None):
    """`wide`: (path, suffix) in UTF-16 besides."""
    size = 0x24 if wide else 0x1C
    at_path = size + len(volume_id)
    body = volume_id + path + b"\0" + suffix + b"\0"
    head = struct.pack("<IIIIII", size, flags, size, at_path, 0, at_path + len(path) + 1)
    for text in wide or ():
        head += struct.pack("<I", size + len(body))
        body += text.encode("utf-16-le") + b"\0\0"
    return struct.pack("<I", 4 + len(head) + len(body)) + head + body


def extra(signature, data):
    return struct.pack("<II", len(data) + 8, signature) + data


def tracker(machine, version=0):
    return extra(0xA0000003, struct.pack("<II", 0x58, version) + machine.ljust(16, b"\0") +
                 b"".join(uuid.UUID(droid).bytes_le for droid in DROIDS))


def complete():
    return (header(0xFF) +
            id_list(root_folder(), volume_item(b"C:\\"), file_item(b"cmd.exe\0"),
                    file_item("n\u00e4h.exe".encode("utf-16-le"), 0x36), item(b"\xC3\x01\xC5\\\\srv\\share\0Net\0"),
                    item(bytes(22) + "C:\\a.cpl".encode("utf-16-le")), item(bytes(10) + b"E:\\x.dll\0"),
                    item(b"\x2E\x80" + uuid.UUID(MY_COMPUTER).bytes_le), item(b"\x61\x80uri"), item(b"\x99abc"),
                    item(b"\x70"), root_folder(kind=0x1E)) +
            link_info(volume("DISK"), b"C:\\Windows\\cmd.exe", b"suffix") + string("Name") + string("..\\cmd.exe") +
            string("C:\\Windows") + string("/c calc") + string("%ICON%") + extra(0xA0000001, b"abcd") +
            tracker(b"wks-01") + END + b"overlay")
