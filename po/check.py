#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every message of the sources has a translation. check.py SOURCE-ROOT LANGUAGE XGETTEXT-ARGS..."""

import os
import subprocess
import sys
import tempfile

root, language, *args = sys.argv[1:]
os.chdir(root)
with tempfile.TemporaryDirectory() as scratch:
    template = os.path.join(scratch, "kujo.pot")
    subprocess.run(["xgettext", "-o", template, "--files-from=po/POTFILES", *args], check=True)
    merged = subprocess.run(["msgmerge", "--quiet", "--no-fuzzy-matching", "-o", "-",
                             f"po/{language}.po", template], check=True, capture_output=True)
    missing = subprocess.run(["msgattrib", "--untranslated", "--no-wrap", "-"],
                             input=merged.stdout, check=True, capture_output=True)
    subprocess.run(["msgfmt", "--check-format", "-o", os.devnull, f"po/{language}.po"], check=True)
    messages = [line for line in missing.stdout.decode().splitlines()
                if line.startswith("msgid ") and line != 'msgid ""']
print("1..1")
print(f"{'not ok' if messages else 'ok'} 1 - every message is translated into {language}")
for message in messages:
    print("#", message)
