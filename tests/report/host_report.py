#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The document of a host run as text and as a page: golden texts, well-formed and escaped markup, no
crash whatever a document lacks, nothing left in English where Japanese is asked for.

$SHOW is show_document, $CATALOGUES the directory of the messages. `host_report.py --update` writes the
golden texts anew; review the difference.
"""
import base64
import copy
import hashlib
import html
import html.parser
import json
import os
import re
import subprocess
import sys
import unicodedata
import xml.etree.ElementTree as xml

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "documents")
SHOW = os.environ["SHOW"]
CATALOGUES = os.environ["CATALOGUES"]
NAMES = ["found", "planned", "applied"]
JA = ["--ja", CATALOGUES]
GOLDEN = [(name, "text", [], f"{name}.txt") for name in NAMES]
GOLDEN += [("planned", "text", ["--explain"], "planned.explain.txt"),
           ("applied", "text", ["--quiet"], "applied.quiet.txt"),
           ("applied", "text", JA, "applied.ja.txt"),
           ("found", "autostarts", [], "found.autostarts.txt")]


def load(name):
    with open(os.path.join(FOLDER, name + ".json"), encoding="utf-8") as file:
        return json.load(file)


def show(document, form, *options):
    done = subprocess.run([SHOW, form, *options], input=json.dumps(document).encode(), check=False,
                          capture_output=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
    if done.returncode or done.stderr:
        raise AssertionError(f"{form} {options}: exit {done.returncode}\n{done.stderr.decode()}")
    return done.stdout.decode("utf-8")


def pages():
    """Every document as a page, in both languages."""
    for name in NAMES:
        for options in ([], JA):
            yield f"{name} {'ja' if options else 'en'}", show(load(name), "html", *options)


def map_texts(value, change, key=""):
    if isinstance(value, dict):
        return {k: map_texts(v, change, k) for k, v in value.items()}
    if isinstance(value, list):
        return [map_texts(v, change, key) for v in value]
    return change(key, value) if isinstance(value, str) else value


# Words that the program knows: another word in their place would be another document.
WORDS = {"schema", "command", "state", "class", "role", "kind", "phase", "do", "status", "result",
         "category", "flags", "signed", "risk", "corporate", "home", "warn", "warnings", "tree"}


def cells(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


# ---- text ----------------------------------------------------------------------------------------

def texts_are_the_golden_ones():
    wrong = []
    for name, form, options, golden in GOLDEN:
        got = show(load(name), form, *options)
        path = os.path.join(FOLDER, golden)
        if "--update" in sys.argv:
            with open(path, "w", encoding="utf-8") as file:
                file.write(got)
        with open(path, encoding="utf-8") as file:
            wanted = file.read()
        for number, (a, b) in enumerate(zip(got.splitlines() + [""], wanted.splitlines() + [""]), 1):
            if a != b:
                wrong.append(f"{golden}:{number}: got      {a}\n{golden}:{number}: expected {b}")
                break
        if len(got.splitlines()) != len(wanted.splitlines()):
            wrong.append(f"{golden}: {len(got.splitlines())} lines")
    return wrong


def colours_are_only_colours():
    """Without the escape sequences it is the same text, but for the lines under headings."""
    wrong = []
    for name in NAMES:
        plain, coloured = show(load(name), "text"), show(load(name), "text", "--color")
        if "\x1b" in plain or "\x1b[1;31m" not in coloured:
            wrong.append(f"{name}: colours")
        bare = re.sub("\x1b\\[[0-9;]*m", "", coloured)
        if bare != re.sub(r"^-+\n", "", plain, flags=re.M):
            wrong.append(f"{name}: the texts differ")
        open_colour = re.search("\x1b\\[[1-9][0-9;]*m[^\x1b]*\\Z", coloured)
        if open_colour:
            wrong.append(f"{name}: a colour is not ended")
    return wrong


def prose_fits_the_width():
    """Places may be longer: nobody can copy a path that was cut."""
    wrong = []
    for name in NAMES:
        document = map_texts(load(name), lambda key, text: text if key in WORDS | {"en", "ja"} else "x")
        for options in ([], JA):
            wrong += [f"{name}: {line}" for line in show(document, "text", *options).splitlines()
                      if cells(line) > 80 and not line.lstrip().startswith(("next:", "次の"))]
    return wrong


def commands_can_be_pasted():
    """What is to be typed next names the root for a shell, whatever its name is."""
    wrong = []
    for root, shown in (("/mnt/c", "/mnt/c"), ("/mnt/my disk", "'/mnt/my disk'"),
                        ("/mnt/anna's", "'/mnt/anna'\\''s'"), ("/mnt/$(x)", "'/mnt/$(x)'"), ("", "''")):
        document = load("planned")
        document["root"] = root
        if f"kujo clean {shown} --apply" not in show(document, "text"):
            wrong.append(root)
    document = load("found")
    for tree, shown in (("NTFS", "(NTFS image)"), ("FAT32 image", "(FAT32 image)"), ("image", "(image)"),
                        ("ext4 directory", "(ext4 folder)"), ("directory", "(folder)")):
        document["tree"] = tree
        text = show(document, "text")
        if shown not in text or ("mount the volume" in text) != ("image" in shown):
            wrong.append(f"{tree}: nothing is cleaned in an image, and that must be said")
        if ("kujo clean" in text) == ("image" in shown):
            wrong.append(f"{tree}: kujo clean")
    return wrong


def outcomes_say_what_is_true():
    clean = load("applied")
    for action in clean["plan"]["actions"]:
        action["result"] = "done"
    clean["after"].update(clean=True, threats=[])
    still = copy.deepcopy(clean)
    still["after"]["clean"] = False
    pending = copy.deepcopy(clean)
    pending["plan"]["actions"][0]["result"] = "pending"
    nothing = load("found")
    nothing["systems"][0].update(threats=[], traces=[])
    seen = copy.deepcopy(nothing)
    del seen["unseen"]
    dormant = load("found")
    for threat in dormant["systems"][0]["threats"]:
        threat["state"] = "dormant"
    clean["run"].update(skipped=0, failed=0)
    still["run"].update(skipped=0, failed=0)
    disagree = copy.deepcopy(clean)
    disagree["run"]["failed"] = 1
    skipped = copy.deepcopy(clean)
    skipped["plan"]["actions"][2]["result"] = "skipped"
    rows = [(disagree, "The cleaning is not complete"), (skipped, "The cleaning is not complete"),
            (clean, "Cleaned: nothing is found any more"), (still, "Cleaned, but something is still found"),
            (pending, "The cleaning is not complete"), (pending, "next: kujo clean '/mnt/anna'\\''s disk' --resume"),
            (nothing, "Nothing was found, but not everything could be inspected"),
            (seen, "Nothing was found\n"), ({**seen, "systems": []}, "There is no Windows system here"),
            (dormant, "Threats were found; none of them starts with Windows"),
            (load("found"), "Active threats: they start with Windows"),
            (load("applied"), "The cleaning is not complete"), (load("applied"), "kujo undo 20261124-120000-3f2a")]
    wrong = []
    for document, sentence in rows:
        text, page = show(document, "text"), show(document, "html")
        shown = "".join(xml.fromstring(page).itertext())
        if sentence not in text.split("----- summary -----")[1]:
            wrong.append(f"text lacks: {sentence}")
        if sentence.strip().removeprefix("next: ") not in shown:
            wrong.append(f"page lacks: {sentence}")
    return wrong


# ---- page ----------------------------------------------------------------------------------------

class Outline(html.parser.HTMLParser):
    """What a browser sees: elements with attributes, in order."""

    VOID = {"meta", "br", "wbr"}

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.stack, self.elements, self.wrong = [], [], []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), list(self.stack)))
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), list(self.stack)))
        if tag not in self.VOID:
            self.wrong.append(f"<{tag}/>")

    def handle_endtag(self, tag):
        if not self.stack or self.stack.pop() != tag:
            self.wrong.append(f"</{tag}>")


def outline(page):
    parser = Outline()
    parser.feed(page)
    parser.close()
    return parser


def pages_are_well_formed():
    wrong = []
    for name, page in pages():
        xml.fromstring(page)
        parser = outline(page)
        wrong += [f"{name}: {what}" for what in parser.wrong + parser.stack]
        if not page.startswith("<!DOCTYPE html>\n<html lang=\"" + name.split()[1]):
            wrong.append(f"{name}: its language")
    return wrong


def pages_say_it_in_order():
    """What matters most comes first; all of it is there."""
    trace_parts = ["Windows 2000, 5.0.2195, 32-bit", "W32/Mimail.q@MM", "active: it starts with Windows",
                   "at home: medium, on watch", 'CurrentVersion\\Run "System"', "%WinDir%\\SYS32.EXE", "32,768 bytes",
                   "started by: ", "(family) in its member upx", "it has 2 names", "line 4: [boot] shell",
                   "The message \"ERROR: Bad CRC32\"", "A second program", "W32/Mimail.hta",
                   "Other traces", "At1.job", "Copies in System Restore", "A0001734.EXE",
                   "Similar entries, not touched", "(the key's default value)", "Names that prove nothing",
                   "D:\\WIND.GIF"]
    last = ["Advice", "Credit cards and passwords", "call the company", "Not inspected", "a member is encrypted"]
    actions = ["First, what starts the threats", "Delete the registry value", "becomes: explorer.exe",
               "risk: medium", "Then, their files", "Move to the quarantine",
               "card data or passwords may have been written here", "it is a part of Windows",
               "For you to look at", "Do it by hand"]
    stolen = ["Stolen data", "Treat the file as confidential", "C:\\MMINFO.TXT"]
    rows = {
        "found": ["Inspection report", "/mnt/c (folder)", "2026-11-24 12:00 UTC", "kujo 6.0.0",
                  "kujo.defs (release 8000), rules.yar", "Active threats", "2 threats", "kujo clean /mnt/c",
                  *stolen, *trace_parts[:13], "Removal", "kujo removes the worm", *trace_parts[13:], *last,
                  "What starts by itself", "Logon", "FOUND W32/Mimail.q@MM (exact)", "not signed",
                  "Microsoft Windows", "Windows' own", "its file is missing", "Services and drivers",
                  "signature INVALID", "path without quotes", "Details of the systems", "S-1-5-21-", "in order",
                  "read with its log", "could not be read"],
        "planned": ["Cleaning plan", "kujo clean /mnt/c --apply", "Hibernated", *stolen, *trace_parts, "Plan",
                    "Nothing has been changed yet.", *actions, *last],
        "applied": ["Cleaning report", "The cleaning is not complete", "kujo undo 20261124-120000-3f2a", *stolen,
                    "What was done", *actions[:4], "was so already", *actions[4:7], "skipped",
                    "it changed since the plan was made", "failed", "permission denied", "will not be done",
                    *actions[7:], "/var/lib/kujo", "After the cleaning", "something is still found",
                    "W32/Mimail.hta: still found", "Shell: it leads to", "not in order", "What remains",
                    "restore points hold copies", trace_parts[0], "As it was found before the cleaning:",
                    *trace_parts[1:], *last]}
    wrong = []
    for name, parts in rows.items():
        page = re.sub(r"\s+", " ", re.sub("<[^>]*>", "", show(load(name), "html").split("<body>")[1]))
        page, at = html.unescape(page), 0
        for part in parts:
            at = page.find(part, at)
            if at < 0:
                wrong.append(f"{name}: '{part}' is not there, or too early")
                break
    return wrong


def pages_are_accessible():
    wrong = []
    for name, page in pages():
        elements = outline(page).elements
        levels = [int(tag[1]) for tag, _, _ in elements if re.fullmatch("h[1-6]", tag)]
        if levels[0] != 1 or levels.count(1) != 1 or any(b > a + 1 for a, b in zip(levels, levels[1:])):
            wrong.append(f"{name}: headings {levels}")
        wrong += [f"{name}: a th without scope" for tag, attrs, _ in elements
                  if tag == "th" and attrs.get("scope") != "col"]
        tables = [tag for tag, _, _ in elements if tag in ("table", "caption", "thead", "tbody")]
        if tables != ["table", "caption", "thead", "tbody"] * tables.count("table") or not tables:
            wrong.append(f"{name}: tables {tables}")
        ids = [attrs["id"] for _, attrs, _ in elements if "id" in attrs]
        if len(set(ids)) != len(ids):
            wrong.append(f"{name}: ids {ids}")
        wrong += [f"{name}: {attrs['href']} leads nowhere" for tag, attrs, _ in elements
                  if tag == "a" and attrs["href"].removeprefix("#") not in ids]
        for tag in ("main", "header", "footer", "nav", "title", "h1"):
            if [one for one, _, _ in elements].count(tag) != 1:
                wrong.append(f"{name}: not one {tag}")
    return wrong


def pages_load_nothing():
    wrong = []
    for name, page in pages():
        elements = outline(page).elements
        style = re.search("<style>(.*?)</style>", page, re.S).group(1)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        policy = [attrs["content"] for tag, attrs, _ in elements
                  if attrs.get("http-equiv") == "Content-Security-Policy"]
        if policy != [f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"]:
            wrong.append(f"{name}: {policy}")
        if "url(" in style or "@import" in style or "@font-face" in style:
            wrong.append(f"{name}: the style loads something")
        for tag, attrs, _ in elements:
            strange = set(attrs) - {"lang", "charset", "http-equiv", "content", "name", "class", "id", "href",
                                    "scope", "aria-hidden", "aria-label"}
            if strange or tag in ("script", "link", "img", "iframe", "base", "form", "object", "embed"):
                wrong.append(f"{name}: <{tag}> {strange}")
            if not attrs.get("href", "#").startswith("#"):
                wrong.append(f"{name}: {attrs['href']}")
    return wrong


def luminance(colour):
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def colours_have_contrast():
    style = re.search("<style>(.*?)</style>", show(load("found"), "html"), re.S).group(1)
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", style))
    pairs = [("ink", "#ffffff"), ("soft", "#ffffff"), ("accent", "#ffffff"), ("ink", colours["ground"]),
             ("ink", colours["bad-ground"]), ("soft", colours["bad-ground"]), ("soft", colours["ground"])]
    pairs += [(tone, ground) for tone in ("bad", "warn", "good")
              for ground in ("#ffffff", colours[tone + "-ground"])]
    wrong = []
    for name, ground in pairs:
        light, dark = sorted((luminance(colours[name]), luminance(ground)), reverse=True)
        if (light + 0.05) / (dark + 0.05) < 4.5:
            wrong.append(f"{name} on {ground}: {(light + 0.05) / (dark + 0.05):.2f}")
    return wrong


def every_text_is_escaped():
    """Each text is made hostile and unique. None makes an element; those that are shown are shown whole."""
    wrong, shown_ones = [], set()
    for name in NAMES:
        document, texts = load(name), {}

        def spoil(key, text):
            if key in WORDS and key not in ("tree",):
                return text
            mark = f"#{len(texts)}#"
            texts[mark] = key
            return f'<b id="x">{mark}&amp;"\'</b><script>'

        spoiled = map_texts(document, spoil)
        for system in spoiled["systems"]:
            system["threats"][0].pop("notes", None)
        for options in ([], JA):
            page = show(spoiled, "html", *options)
            root = xml.fromstring(page)
            tags = {element.tag for element in root.iter()}
            if tags & {"b", "script"}:
                wrong.append(f"{name}: {tags & {'b', 'script'}}")
            flat = page.replace("<wbr/>", "")
            for mark, key in texts.items():
                if mark not in flat:
                    continue
                shown_ones.add(key)
                text = f'<b id="x">{mark}&amp;"\'</b><script>'
                whole = sum(flat.count(html.escape(form).replace("&#x27;", "&#39;"))
                            for form in (text, text.replace("'", "'\\''")))  # as it is, for a shell
                if whole != flat.count(mark):
                    wrong.append(f"{name}: {key} is shown in part, or not escaped")
    due = {"root", "tree", "time", "engine", "name", "product", "version", "build", "windir", "path", "sid",
           "trouble", "advisory", "en", "ja", "where", "section", "data", "note", "sha256", "found", "starts",
           "member", "command", "target", "signer", "becomes", "reason", "precondition", "risk_why", "refused",
           "sentence", "id", "what", "threats", "state"}
    missing = due - shown_ones - {"found", "time", "command", "state"}
    return wrong + [f"never shown: {key}" for key in sorted(missing)]


def names_cannot_play_tricks():
    """Controls, bidirectional controls, broken and reserved characters; long and many names."""
    hostile = "a\x1b[31m\r\n\t\u202egnp.exe\u2066\ufeff\uffff\ufffe\x7f" + "\\" * 3 + "x" * 5000
    document = map_texts(load("applied"), lambda key, text: text if key in WORDS | {"en", "ja"} else hostile)
    system = document["systems"][0]
    system["traces"] = system["traces"] * 50
    system["threats"][0]["traces"] = list(range(500))
    wrong = []
    for form in ("text", "autostarts", "html"):
        text = show(document, form)
        bad = sorted({c for c in text if c != "\n" and (ord(c) < 32 or 0x7F <= ord(c) < 0xA0
                                                      or c in "\u202e\u2066\ufeff")})
        if bad or "\\u{202e}gnp.exe" not in text:
            wrong.append(f"{form}: {bad}")
        if form == "html":
            rows = len(re.findall("<tr", text))
            xml.fromstring(text)
            if rows < 500:
                wrong.append(f"only {rows} rows")
    return wrong


def nothing_that_is_missing_crashes():
    wrong = []
    for name in NAMES:
        tried = int(show(load(name), "text", "--ruin", "--explain", "--color"))
        if tried < 1000:
            wrong.append(f"{name}: only {tried} were tried")
    for document in ({}, [], {"systems": []}, {"systems": [{}], "plan": {}, "run": {}, "after": {}},
                     {"systems": [{"threats": [{}], "traces": [{}], "autostarts": [{}], "hives": [{}]}],
                      "plan": {"actions": [{}]}, "after": {"boot": [{}], "remains": [{}]}, "unseen": [{}]}):
        for form in ("text", "autostarts", "html"):
            if form == "html":
                xml.fromstring(show(document, form))
            else:
                show(document, form, "--explain")
    return wrong


def japanese_is_complete():
    """With all texts of the document taken away, no English words are left."""
    wrong = []
    allowed = re.compile(r"kujo (clean|undo|info)[^\n]*|FOUND|Windows|SHA-256|UTC|INI|COM|SID|ID|NTFS|FAT|"
                         r"Fast Startup|shutdown /s /t 0|kujo|SOFTWARE|SYSTEM|NTUSER")
    for name in NAMES:
        document = map_texts(load(name), lambda key, text: text if key in WORDS or key == "id" else "日本")
        document["tree"] = "NTFS"
        document.get("run", {})["state"] = "日本"
        for system in document["systems"]:
            system["hibernated"] = True
            for autostart in system.get("autostarts", []):
                autostart["command"] = "日本"
        for form in ("text", "autostarts", "html"):
            text = show(document, form, "--explain", *JA)
            if form == "html":
                body = xml.fromstring(text).find("body")
                text = "\n".join(body.itertext())
            text = re.sub("later-word|cards-and-passwords|[0-9a-f]{32}|[0-9]{8}-[0-9]{6}-[0-9a-f]{4}", "", text)
            left = re.findall("[A-Za-z]{2,}", allowed.sub("", text))
            if left:
                wrong.append(f"{name} {form}: {left}")
    return wrong


CASES = [texts_are_the_golden_ones, colours_are_only_colours, prose_fits_the_width, commands_can_be_pasted,
         outcomes_say_what_is_true, pages_are_well_formed, pages_say_it_in_order,
         pages_are_accessible, pages_load_nothing,
         colours_have_contrast, every_text_is_escaped, names_cannot_play_tricks,
         nothing_that_is_missing_crashes, japanese_is_complete]

print(f"1..{len(CASES)}")
failed = 0
for index, case in enumerate(CASES, 1):
    try:
        problems = case()
    except Exception as why:  # whatever it is, the other cases run
        problems = [f"{type(why).__name__}: {why}"]
    failed += bool(problems)
    print(f"{'not ok' if problems else 'ok'} {index} - {case.__name__.replace('_', ' ')}", flush=True)
    for problem in problems:
        print("".join(f"# {line}\n" for line in problem.splitlines()), end="")
sys.exit(1 if failed else 0)
