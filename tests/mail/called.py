# SPDX-License-Identifier: Apache-2.0
"""Evasions in the names of attachments: whatever it is called, the payload is found."""

from letters import LEGAL, RARE, evasion

NAME = "names"
OVERRIDE = "=?utf-8?B?aW52b2ljZeKArmdwai5leGU=?="  # a right-to-left override before the false extension


def called(*fields, mime_type="application/octet-stream"):
    """Content-Type with parameters, and Content-Disposition, as given: a field is a list of its parameters."""
    def make(letter):
        kind, disposition = (list(fields) + [None])[:2]
        rows = ["Content-Type: " + mime_type + "".join(";\n %s" % one for one in kind or [])]
        if disposition is not None:
            rows.append("Content-Disposition: attachment" + "".join(";\n %s" % one for one in disposition))
        rows.append("Content-Transfer-Encoding: base64")
        letter.any.shuffle(rows)
        return letter.carry(rows, letter.base64())
    return make


for ident, kind, parameters, disposition in [
        ("none", LEGAL, [], None), ("empty", LEGAL, ["name=\"\""], ["filename="]),
        ("differ", LEGAL, ["name=a.txt"], ["filename=a.exe"]),
        ("differ-other", LEGAL, ["name=a.exe"], ["filename=a.txt"]),
        ("2231", LEGAL, ["name*=utf-8''a%2Eexe"], ["filename*=utf-8''a%2Eexe"]),
        ("2231-plain", LEGAL, [], ["filename=a.txt", "filename*=utf-8''a.exe"]),
        ("2231-joined", LEGAL, [], ["filename*0=\"a.\"", "filename*1=\"ex\"", "filename*2=e"]),
        ("2231-joined-lines", LEGAL, [], ["filename*0*=utf-8''a%2E", "filename*1*=\n  e", "filename*2=xe"]),
        ("2231-order", LEGAL, [], ["filename*2=e", "filename*0=a.", "filename*1=ex"]),
        ("2231-bad-charset", LEGAL, [], ["filename*=x-none''a.exe"]),
        ("2231-bad-percent", LEGAL, [], ["filename*=utf-8''a%2.e%xe"]),
        ("2231-overlong", LEGAL, [], ["filename*=utf-8''a%C0%AEexe"]),
        ("2231-many", LEGAL, [], ["filename*%d=a" % i for i in range(400)]),
        ("2231-large-number", LEGAL, [], ["filename*99999999999=a.exe"]),
        ("2231-nul", LEGAL, [], ["filename*=utf-8''a.exe%00.txt"]),
        ("2231-line-end", LEGAL, [], ["filename*=utf-8''a.exe%0A.txt"]),
        ("2231-slash", LEGAL, [], ["filename*=utf-8''..%2F..%2Fa.exe"]),
        ("2047", LEGAL, ["name=\"=?utf-8?B?YS5leGU=?=\""], ["filename=\"=?utf-8?Q?a=2Eexe?=\""]),
        ("2047-bare", LEGAL, [], ["filename==?utf-8?Q?a=2Eexe?="]), ("2047-split", LEGAL, [], [
            "filename=\"=?utf-8?Q?a=2E?=\n =?utf-8?Q?exe?=\""]),
            ("2047-part", LEGAL, [], ["filename=\"a.=?utf-8?Q?exe?=\""]),
        ("2047-bad", LEGAL, [], ["filename=\"=?utf-8?X?a.exe?=\""]),
        ("2047-open", LEGAL, [], ["filename=\"=?utf-8?Q?a.exe\""]),
        ("2047-in-2231", LEGAL, [], ["filename*0=\"=?utf-8?Q?a=2E\"", "filename*1=\"exe?=\""]),
        ("override", LEGAL, ["name=\"%s\"" % OVERRIDE], ["filename=\"%s\"" % OVERRIDE]),
        ("override-raw", LEGAL, [], ["filename=\"invoice\xe2\x80\xaegpj.exe\""]),
        ("blanks", LEGAL, [], ["filename=\"a.txt%s.exe\"" % (" " * 200)]),
        ("dots", LEGAL, [], ["filename=\"a.exe. . .\""]),
        ("clsid", LEGAL, [], ["filename=\"a.txt.{3050F4D8-98B5-11CF-BB82-00AA00BDCE0B}\""]),
        ("path", LEGAL, [], ["filename=\"..\\..\\a.exe\""]), ("path-drive", LEGAL, [], ["filename=\"C:\\x\\a.exe\""]),
        ("path-root", LEGAL, [], ["filename=\"/etc/passwd\""]), ("stream", LEGAL, [], ["filename=\"a.txt:b.exe\""]),
        ("device", LEGAL, [], ["filename=\"CON.txt\""]), ("nul", RARE, [], ["filename=\"a.exe\0.txt\""]),
        ("cr", RARE, [], ["filename=\"a.exe\r.txt\""]), ("quote-open", LEGAL, [], ["filename=\"a.exe"]),
        ("quotes", LEGAL, [], ["filename=\"a\\\".exe\""]), ("apostrophes", LEGAL, [], ["filename='a.exe'"]),
        ("blank-bare", LEGAL, [], ["filename=a b c.exe"]), ("semicolon", LEGAL, [], ["filename=\"a;b.exe\""]),
        ("equals", LEGAL, [], ["filename=\"a=b.exe\""]),
        ("twice", LEGAL, ["name=a", "name=b"], ["filename=a.txt", "filename=a.exe"]),
        ("long", LEGAL, [], ["filename=\"%s.exe\"" % ("n" * 20000)]),
        ("high", LEGAL, [], ["filename=\"\xe9\xff\xfe.exe\""]),
        ("comment", LEGAL, [], ["filename=a.exe (comment)"]), ("html", LEGAL, [], ["filename=\"<b>a</b>.exe\""]),
        ("many", LEGAL, ["x%d=y" % i for i in range(300)], ["filename=a.exe"]),
        ("eml", LEGAL, [], ["filename=a.eml"]),
        ("control", LEGAL, [], ["filename=\"a\x07\x1b[2J.exe\""]),
        ("gif", LEGAL, ["name=a.gif"], ["filename=a.gif"])]:
    evasion("name-" + ident, NAME, kind, called(parameters, disposition))
for ident, kind, field in [
        ("inline", LEGAL, "Content-Disposition: inline; filename=a.exe"),
        ("no-semicolon", RARE, "Content-Disposition: attachment filename=a.exe"),
        ("only-parameter", RARE, "Content-Disposition: filename=a.exe"),
        ("unknown", LEGAL, "Content-Disposition: x-any; filename=a.exe"),
        ("empty", RARE, "Content-Disposition:"),
        ("twice", LEGAL, "Content-Disposition: inline\nContent-Disposition: attachment; filename=a.exe"),
        ("description", LEGAL, "Content-Description: a.exe"),
        ("location", LEGAL, "Content-Location: http://www.example.org/a.exe"),
        ("size", LEGAL, "Content-Disposition: attachment; filename=a.exe; size=0")]:
    evasion("disposition-" + ident, NAME, kind, lambda letter, field=field: letter.carry(
        ["Content-Type: application/octet-stream", "Content-Transfer-Encoding: base64", field], letter.base64()))
for ident, kind, value in [("image", LEGAL, "image/gif"), ("text", LEGAL, "text/plain"),
                           ("rfc822", RARE, "message/rfc822"),
                           ("unknown", LEGAL, "x/y"), ("absent", LEGAL, ""), ("bad", RARE, "octets"),
                           ("signature", LEGAL, "application/pgp-signature"),
                           ("multipart", RARE, "multipart/mixed"),
                           ("multipart-bounded", RARE, "multipart/mixed; boundary=q"),
                           ("calendar", LEGAL, "text/calendar"),
                           ("delivery-status", LEGAL, "message/delivery-status"),
                           ("headers", LEGAL, "text/rfc822-headers"),
                           ("enriched", LEGAL, "text/enriched"), ("tnef", LEGAL, "application/ms-tnef"),
                           ("pkcs7", LEGAL, "application/pkcs7-mime"),
                           ("partial", RARE, "message/partial; number=1; total=1; id=a"),
                           ("external", RARE, "message/external-body; access-type=URL")]:
    evasion("payload-says-" + ident, "what an attachment says it is", kind, lambda letter, value=value: letter.carry(
        ["Content-Type: " + value, "Content-Transfer-Encoding: base64"], letter.base64()))
