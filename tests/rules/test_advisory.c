/* SPDX-License-Identifier: Apache-2.0 */
/* Mistakes are tested as changes to an advisory that has none: data/complete.yaml. */
#include "rules/advisory/advisory.h"

#include "base/arith.h"
#include "base/file.h"
#include "base/text.h"
#include "tests/test.h"

#include <stdio.h>

static const char *const types[] = {"pe", "text", "html", "zip", "jpeg"};
static const kj_advisory_options options = {
    .types = types, .type_count = KJ_COUNT(types), .engine = 6 << 24};

/* $KUJO_TEST_DATA: the folder of the test's files. */
static void read_data(const char *name, kj_buf *out)
{
    char path[512];
    kj_error err;
    const char *folder = getenv("KUJO_TEST_DATA");
    (void)snprintf(path, sizeof path, "%s/%s", folder ? folder : "tests/rules/data", name);
    kj_buf_init(out, 1 << 20);
    if (kj_file_read(path, out, &err) != KJ_OK)
        fail_msg("%s: %s", path, err.message);
}

static kj_ir *new_ir(void)
{
    kj_ir *ir = calloc(1, sizeof *ir);
    kj_ir_init(ir, 64 << 20);
    return ir;
}

static void free_ir(kj_ir *ir)
{
    kj_ir_done(ir);
    free(ir);
}

static void compile(kj_ir *ir, const char *name, kj_span text)
{
    kj_error err = {0};
    const kj_source *source = kj_ir_add_source(ir, name, text);
    assert_non_null(source);
    if (kj_advisory_compile(ir, source, &options, &err) != KJ_OK)
        fail_msg("%s: %s", name, err.message);
}

/* What was said, a line each: "LINE:COLUMN message". */
static void put_diags(const kj_ir *ir, kj_buf *out)
{
    for (size_t i = 0; i < ir->diags.list.count; i++) {
        const kj_diag *diag = &ir->diags.list.items[i];
        size_t line, column;
        kj_buf_put_text(out, i ? "\n" : "");
        if (diag->offset != SIZE_MAX) {
            kj_source_locate(diag->source, diag->offset, &line, &column);
            kj_buf_printf(out, "%zu:%zu ", line, column);
        }
        kj_buf_printf(out, "%s%s", diag->severity == KJ_WARNING ? "warning: " : "", diag->message);
    }
}

static void assert_diags(const kj_ir *ir, const char *context, const char *want)
{
    kj_buf got;
    kj_buf_init(&got, 1 << 16);
    put_diags(ir, &got);
    if (strcmp(kj_buf_text(&got), want) != 0)
        fail_msg("%s\ngives\n%s\nnot\n%s", context, kj_buf_text(&got), want);
    kj_buf_done(&got);
}

static void assert_gives(const char *text, const char *want)
{
    kj_ir *ir = new_ir();
    compile(ir, "test.yaml", kj_span_str(text));
    assert_diags(ir, text, want);
    free_ir(ir);
}

/* ---- one mistake at a time ------------------------------------------------------------------- */

static const struct mistake {
    const char *what; /* the first of these in complete.yaml */
    const char *with;
    const char *want;
} mistakes[] = {
    {"type: virus\n", "type: virus\ncolour: red\n", "6:1 unknown key 'colour' in an advisory"},
    {"type: virus\n", "", "2:1 an advisory needs the key 'type'"},
    {"type: virus", "type: [virus]", "5:7 a single text is expected for a type, not a list"},
    {"type: virus", "type:", "5:1 a type is empty"},
    {"type: virus", "type: ''", "5:8 a type is empty"},
    {"type: virus", "type: virsu", "5:7 'virsu' is not a type"},
    {"type: virus", "type: worm", "5:7 'worm' is not a type"},
    {"risk: {corporate: low, home: medium-on-watch}", "risk: low",
     "11:7 a map is expected for risk, not a single text"},
    {"risk: {corporate: low, home: medium-on-watch}", "risk: {corporate: lo}",
     "11:1 risk needs the key 'home'\n11:19 'lo' is not a risk"},
    {"platforms: [win9x, winnt]", "platforms: winxp", ""},
    {"platforms: [win9x, winnt]", "platforms: [win9x, {a: b}, win12]",
     "7:20 a single text is expected for an item, not a map\n7:28 'win12' is not a platform"},
    {"platforms: [win9x, winnt]", "platforms: []", ""},
    {"platforms: [win9x, winnt]", "platforms: {}",
     "7:12 a single text is expected for an item, not a map"},
    {"length: [32768, 50720, '71000-75000']", "length: 12-", "8:9 '12-' is not a size"},
    {"length: [32768, 50720, '71000-75000']", "length: [1, 9-5, 1_000, -3]",
     "8:13 '9-5' is not a size\n8:18 '1_000' is not a size\n8:25 '-3' is not a size"},
    {"length: [32768, 50720, '71000-75000']", "length: 99999999999999999999",
     "8:9 '99999999999999999999' is not a size"},
    {"aliases:\n  - {vendor: AVP, name: I-Worm.Example.q}", "aliases: []", ""},
    {"{vendor: AVP, name: I-Worm.Example.q}", "{vendor: AVP}",
     "10:6 an alias needs the key 'name'"},
    {"{vendor: AVP, name: I-Worm.Example.q}", "AVP",
     "10:5 a map is expected for an alias, not a single text"},
    {"  - {vendor: AVP, name: I-Worm.Example.q}", "  {vendor: AVP, name: x}",
     "10:3 a list is expected for this key, not a map"},
    {"text:\n  en:\n    summary: An example.\n", "text:\n  en:\n    summary: \" \"\n",
     "93:15 the text is empty"},
    {"  ja:\n    summary: 例です。\n    characteristics: 例です。\n    symptoms: 例です。\n    "
     "infection: 例です。\n    removal: 例です。\n",
     "", "91:1 text needs the key 'ja'"},
    {"sources:\n  - {by: nobody, date: 2004-01}", "sources:\n  - {by: nobody, date: 2004-1}",
     "108:24 '2004-1' is not a date"},
    {"sources:\n  - {by: nobody, date: 2004-01}", "sources:\n  - {by: \"no\\nbody\", date: 2004}",
     "108:11 the value is a single line"},
    {"id: 2004-0127", "id: 04-0127", "3:5 '04-0127' is no id of an advisory"},
    {"name: W32/Example.q@MM\ntype", "name: W32/Example.quux@MM\ntype",
     "4:19 'quux' is neither gen, a component, a length nor a variant"},
    {"name: W32/Example.q@MM\ntype", "name: w32/Example.Q@mm\ntype",
     "4:7 the name is not in its canonical form"},
    {"name: W32/Example.q@MM\ntype", "name: 'W32/Exa mple'\ntype",
     "4:15 a name has letters, digits and . / : # @ ! _ - only"},
    {"name: W32/Example@MM}", "name: W33/Example@MM}", "15:28 'W33' is no known platform"},
    {"{is: variant-of,", "{is: variant,", "15:10 'variant' is not a relation"},
    {"discovered: 2004-01-26", "discovered: 2004-13-26", "12:21 '2004-13-26' is not a date"},
    {"discovered: 2004-01-26", "discovered: 26.1.2004", "12:21 '26.1.2004' is not a date"},
    {"modified: 2004-02-29", "modified: 2003-02-29", "12:66 '2003-02-29' is not a date"},
    {"modified: 2004-02-29", "modified: 2004-01-20", "12:66 modified before it was published"},
    {"discovered: 2004-01-26", "discovered: 2004-01-28",
     "12:44 published before it was discovered"},
    {"first: 4318, required: 4324", "first: 4318, required: 4317",
     "13:38 release 4317 cannot be required: 4318 is the first that detects it"},
    {"first: 4318, required: 4324", "first: 0, required: 4294967295",
     "13:22 '0' is not a release of the definitions\n13:35 '4294967295' is not a release of the "
     "definitions"},
    {"engine: 4.2.40", "engine: 4.2", "13:52 '4.2' is not an engine version"},
    {"engine: 4.2.40", "engine: 5600", ""},
    {"engine: 4.2.40", "engine: 0600", "13:52 '0600' is not an engine version"},
    {"engine: 4.2.40", "engine: 4.2.40.1", "13:52 '4.2.40.1' is not an engine version"},
    {"engine: 4.2.40", "engine: 4.256.1", "13:52 '4.256.1' is not an engine version"},
    {"engine: 4.2.40", "engine: 6.0.1",
     "13:52 warning: left out: it needs engine 6.0.1, and this is 6.0.0"},
    {"T1027", "T102", "16:21 'T102' is no ATT&CK technique"},
    {"T1027", "t1027", "16:21 't1027' is no ATT&CK technique"},
    {"notes: [system-restore]", "notes: [System_Restore]", "71:9 'System_Restore' is no valid id"},
    {"rules: |\n", "rules: >\n", "19:1 rules are a literal block"},
    {"          $a\n  }\n", "          $b\n  }\n",
     "22:11 the condition does not use the string $a\n24:11 the rule has no string '$b'"},
    {"rules: |\n  rule example_body\n  {\n      strings:\n          $a = \"example body\"\n      "
     "condition:\n          $a\n  }\n",
     "rules: [x]\n", "18:8 a single text is expected for YARA rules, not a list"},
    {"  dropper: {file", "  Dropper: {file",
     "27:3 'Dropper' is no valid id\n52:22 no artifact or rule is called 'dropper'\n53:39 no "
     "artifact or rule is called 'dropper'\n67:27 no artifact is called 'dropper'"},
    {"  lock: {mutex", "  body: {mutex", "49:3 'body' means something in conditions"},
    {"  lock: {mutex", "  and: {mutex", "49:3 'and' means something in conditions"},
    {"  lock: {mutex: example-mutex, role: symptom}", "  lock: mutex",
     "49:9 a map is expected for an artifact, not a single text"},
    {"  lock: {mutex: example-mutex, role: symptom}",
     "  lock: {mutx: example-mutex, role: symptom}", "49:3 this artifact does not say what it is"},
    {"  lock: {mutex: example-mutex, role: symptom}", "  lock: {}",
     "49:3 this artifact does not say what it is"},
    {"  lock: {mutex: example-mutex, role: symptom}", "  lock: {mutex: a, window: b}",
     "49:20 an artifact is of one kind, and this is a mutex already"},
    {"  lock: {mutex: example-mutex, role: symptom}", "  lock: {mutex: [], role: symptoms}",
     "49:17 an item is expected here, and not an empty list\n49:27 'symptoms' is not a role"},
    {"  lock: {mutex: example-mutex, role: symptom}", "  lock: {mutex: a, size: 5}",
     "49:20 unknown key 'size' in a mutex"},
    {"'C:\\LOGO.JPG', size: 1292, role: support}", "'C:\\LOGO.JPG', size: 1292}",
     "43:3 a file needs the key 'role'"},
    {"'C:\\LOGO.JPG'", "'LOGO.JPG'", "43:17 'LOGO.JPG' is not an absolute Windows path"},
    {"'C:\\LOGO.JPG'", "'%WINDIR%\\LOGO.JPG'", "43:17 unknown variable %WINDIR%"},
    {"'C:\\LOGO.JPG'", "'%Desktop%\\LOGO.JPG'", "43:17 unknown variable %Desktop%"},
    {"'C:\\LOGO.JPG'", "'C:LOGO.JPG'", "43:17 'C:LOGO.JPG' is not an absolute Windows path"},
    {"'C:\\LOGO.JPG'", "'C:\\'", "43:17 'C:\\' is not an absolute Windows path"},
    {"'C:\\LOGO.JPG'", "'%WinDir%'", "43:17 '%WinDir%' is not an absolute Windows path"},
    {"'C:\\LOGO.JPG'", "\"C:\\\\LOGO.JPG\"", ""},
    {"'C:\\LOGO.JPG'", "\"C:\\\\%LOGO%.JPG\"", "43:17 unknown variable %LOGO%"},
    {"'C:\\LOGO.JPG'", "[]", "43:16 a text is expected here, and not an empty list"},
    {"size: 50720, kind: pe}, expect: {4313", "size: 50720, kind: ep}, expect: {4313",
     "75:61 'ep' is not a kind of file"},
    {"hash: d41d8cd98f00b204e9800998ecf8427e", "hash: d41d8cd98f00b204e9800998ecf8427",
     "29:43 this is not a hash"},
    {"rule: example_body", "rule: exmple_body",
     "30:49 this advisory has no rule called 'exmple_body'"},
    {"registry: 'HKLM\\Software", "registry: 'HKEY_LOCAL_MACHINE\\Software",
     "32:16 this is not a key of the registry"},
    {"registry: 'HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Run'", "registry: HKLM",
     "32:15 this is not a key of the registry"},
    {"    value: System\n    data", "    data", "33:5 data without a value that holds it"},
    {"type: sz", "type: REG_SZ", "35:11 'REG_SZ' is not a type of registry data"},
    {", token: '%WinDir%\\SYS32.EXE'", "", "37:3 an INI entry needs the key 'token'"},
    {"extension: [scr, exe]", "extension: [.scr, exe]",
     "47:54 an extension is written without a dot"},
    {"      subject: [smart photos, 'Hi my *']\n      attachment: {name: photos.jpg.scr, "
     "extension: [scr, exe], decoy: jpg, size: 32768, kind: pe}\n",
     "      {}\n", "45:5 a mail needs a subject or an attachment"},
    {"when: message", "when: mesage", "54:22 no artifact or rule is called 'mesage'"},
    {"when: message", "when: box",
     "54:22 kujo cannot see this artifact, so no condition can ask for it"},
    {"when: message", "when: body", "54:22 'body' is a role and stands after 'of' only"},
    {"when: message", "when: message and",
     "54:33 the condition ends where an artifact or a rule is expected"},
    {"when: message", "when: and message", "54:22 an artifact or a rule is expected, not 'and'"},
    {"when: message", "when: (message", "54:30 the condition ends where ')' is expected"},
    {"when: message", "when: message)", "54:29 'and', 'or' or the end is expected, not ')'"},
    {"when: message", "when: message page", "54:30 'and', 'or' or the end is expected, not 'page'"},
    {"when: message", "when: message & page", "54:30 'and', 'or' or the end is expected, not '&'"},
    {"when: message", "when: \"message and \\u3042\"",
     "54:23 an artifact or a rule is expected, not 'あ'"},
    {"when: message", "when: \"0 of (message, page)\"",
     "54:23 a number of at least 1 is expected, not '0'"},
    {"when: message", "when: \"3 of (message, page)\"",
     "54:23 there are not that many to choose from"},
    {"when: message", "when: \"2 (message, page)\"", "54:25 'of' is expected, not '('"},
    {"when: message", "when: 1 of message", "54:27 '(' or a role is expected, not 'message'"},
    {"when: message", "when: 1 of (message page)", "54:36 ',' or ')' is expected, not 'page'"},
    {"when: message", "when: 1 of ()", "54:28 an artifact or a rule is expected, not ')'"},
    {"when: message", "when: any of symptom",
     "54:29 kujo cannot see this artifact, so no condition can ask for it"},
    {"when: message", "when: ((((((((((((((((( message )))))))))))))))))",
     "54:38 nested too deeply"},
    {"when: message", "when: [message]",
     "54:22 a single text is expected for a condition, not a list"},
    {"when: message", "when: \"\"",
     "54:23 the condition ends where an artifact or a rule is expected"},
    {"when: message", "when: >-\n    message and\n    pge",
     "54:22 plain scalar cannot start with '>'"},
    {"when: message", "when: none of (message)",
     "54:22 an artifact or a rule is expected, not 'none'"},
    {"class: family", "class: famliy", "53:81 'famliy' is not a class"},
    {"class: family", "class: trusted", "53:81 'trusted' is not a class"},
    {"id: family, ", "id: host, ", "53:10 another detection has the id 'host'"},
    {"since: 4313, until: 4323", "since: 4313, until: 4312",
     "53:109 it ends with release 4312 before it begins with 4313"},
    {"class: exact, since: 4318}", "class: exact, since: 4317}",
     "52:99 W32/Example.q@MM is said to be detected first by release 4318"},
    {"  - {id: mail, when", "  - {id: Mail, when", "54:10 'Mail' is no valid id"},
    {"when: message", "when: not message", "54:22 this is true when nothing was seen"},
    {"when: message", "when: message or not page", "54:22 this is true when nothing was seen"},
    {"when: message", "when: message or logo",
     "54:22 this is true when only support files, data or symptoms were seen"},
    {"when: message", "when: \"message or 1 of (stolen, addresses)\"",
     "54:23 this is true when only support files, data or symptoms were seen"},
    {"when: message", "when: message or (logo and not page)",
     "54:22 this is true when only support files, data or symptoms were seen"},
    {"when: message", "when: message or run",
     "54:22 run alone makes this true with 1 trait; class exact from a write-up needs 3"},
    {"when: message", "when: message or (run and shell)",
     "54:22 run and shell alone make this true with 2 traits; class exact from a write-up needs 3"},
    {"when: message", "when: message or (run and shell and job)", ""},
    {"when: message", "when: message or (run and run and run)",
     "54:22 run alone makes this true with 1 trait; class exact from a write-up needs 3"},
    {"when: message", "when: message or known", ""},
    {"when: message", "when: message or (known and not dropper)", ""},
    {"when: message", "when: \"message or 2 of (run, shell, job)\"",
     "54:23 run and shell alone make this true with 2 traits; class exact from a write-up needs 3"},
    {"when: message", "when: \"message or 3 of (run, shell, job)\"", ""},
    {"when: message", "when: \"message or (run and 1 of (logo, shell))\"",
     "54:23 run and shell alone make this true with 2 traits; class exact from a write-up needs 3"},
    {"when: message", "when: message or page", ""},
    {"when: message", "when: message or (run and logo)", ""},
    {"evidence: writeup\n", "evidence: sample\n", ""},
    {"when: mailer and not dropper", "when: run and not dropper",
     "53:24 run alone makes this true with 1 trait; class family from a write-up needs 2"},
    {"kind: pe, role: body}\n  mailer", "role: body}\n  mailer",
     "52:22 dropper alone makes this true with 2 traits; class exact from a write-up needs 3"},
    {"      attachment: {name: photos.jpg.scr, extension: [scr, exe], decoy: jpg, size: 32768, "
     "kind: pe}\n",
     "      attachment: {size: 32768}\n",
     "54:22 message alone makes this true with 2 traits; class exact from a write-up needs 3"},
    {"{do: delete-value, of: run}", "{do: set-value, of: run, to: x}", ""},
    {"{do: delete-value, of: run}", "{do: restore-default, of: run, to: 'dword:1'}", ""},
    {"{do: delete-value, of: run}", "{do: set-value, of: run}",
     "63:5 set-value does not say what the value becomes"},
    {"{do: delete-value, of: run}", "{do: delete-value, of: run, to: x}",
     "63:37 nothing is set here"},
    {"do: report", "do: reports", "70:10 'reports' is not a remedy"},
    {"do: report", "do: quarantine", "70:26 'quarantine' does not fit a mail artifact"},
    {"of: [shell]", "of: [run, job]", "64:34 'remove-token' does not fit a task"},
    {"of: message", "of: mesage", "70:22 no artifact is called 'mesage'"},
    {"{do: quarantine, of: [addresses, logo], needs: 1 of body}",
     "{do: quarantine, of: [addresses, logo]}",
     "68:27 a file without size, hash or rule is removed only if something else proves the "
     "infection"},
    {"{do: quarantine, of: [addresses, logo], needs: 1 of body}",
     "{do: quarantine, of: [addresses, logo], needs: logo or stolen}",
     "68:52 this is true when only support files, data or symptoms were seen"},
    {"warn: stolen-data", "warn: stolen", "69:58 'stolen' is not a warning"},
    {"  - {do: report, of: message}\n", "  - report\n",
     "70:5 a map is expected for a remedy, not a single text"},
    {"expect: {4317: none, 4318: W32/Example.q@MM}}", "expect: {}}",
     "73:73 the test expects nothing"},
    {"expect: {4317: none, 4318: W32/Example.q@MM}}", "expect: none}",
     "73:73 a map is expected for expect, not a single text"},
    {"expect: {4317: none, 4318: W32/Example.q@MM}}", "expect: {now: none}}",
     "73:74 'now' is not a release of the definitions"},
    {"expect: {4317: none, 4318: W32/Example.q@MM}}", "expect: {4318: W32/Example.r@MM}}",
     "73:80 nothing in this advisory detects W32/Example.r@MM"},
    {"expect: {4317: none, 4318: W32/Example.q@MM}}", "expect: {4318: [W32/Example.q@MM]}}",
     "73:80 a file or a mail is detected by one name"},
    {"expect: {4317: none, 4318: W32/Example.q@MM}}", "expect: {4318: {a: b}}}",
     "73:80 a single text is expected for a name or none, not a map"},
    {"  - {file: {path: '%WinDir%\\SYS32.EXE', size: 32767, kind: pe}, expect: {4318: none}}",
     "  - {file: {path: '%WinDir%\\SYS32.EXE', kind: pe}, expect: {4318: none}}",
     "74:13 a test file needs a size, or hex for its content"},
    {"  - {file: {path: '%WinDir%\\SYS32.EXE', size: 32767, kind: pe}, expect: {4318: none}}",
     "  - {expect: {4318: none}}", "74:6 a test shows a file, a mail or a host"},
    {"  - {file: {path: '%WinDir%\\SYS32.EXE', size: 32767, kind: pe}, expect: {4318: none}}",
     "  - {file: {path: 'C:\\A', size: 1}, host: {}, expect: {4318: none}}",
     "74:37 a test shows one thing"},
    {"hex: 65 78 61 6d 70 6c 65", "hex: 65 7", "77:36 this is not hex"},
    {"hex: 65 78 61 6d 70 6c 65", "hex: 65, size: 7", "77:46 the content in hex has 1 bytes"},
    {"hex: 65 78 61 6d 70 6c 65", "hex: 65, size: 1", ""},
    {"expect: {4313: W32/Example.gen@MM}", "expect: {4312: W32/Example.gen@MM}", ""},
    {"size: 1, kind: pe}, expect: {4313: none}}", "size: 1, kind: pe}, expect: {4312: none}}", ""},
    {"    expect: {4318: none}\n  - host", "    expect: {4312: none}\n  - host", ""},
    {"type: virus\n", "type: virus\ntype: joke\n", "6:1 duplicate key 'type'"},
    {"  logo: {file", "  run: {file",
     "43:3 duplicate key 'run'\n68:38 no artifact is called 'logo'"},
    {"type: virus", "type: !!str virus", "5:13 tags and anchors are not part of this format"},
    {"type: virus", "type: &x virus", "5:10 tags and anchors are not part of this format"},
    {"type: virus", "type: *x", "5:8 aliases are not part of this format"},
    {"type: virus", "type: \"vir\\x01us\"", "5:8 an escape gives a control character"},
    {"type: virus", "type: \"virus", "5:7 wrongly indented double-quoted scalar"},
    {"type: virus", "type: vi\arus", "5:9 control character U+0007"},
    {"type: virus", "type: a: b", "5:8 invalid nested block mapping on the same line"},
    {"type: virus", "\ttype: virus", "4:7 invalid multiline plain key"},
    {"type: virus", "? [a]\n: virus", "5:3 a key is a single text"},
    {"sources:\n", "---\nsources:\n", "107:1 a file holds one document"},
    {"schema: kujo/advisory/1\n", "", "2:1 an advisory needs the key 'schema'"},
    {"schema: kujo/advisory/1", "schema: kujo/advisory/2",
     "2:9 'kujo/advisory/2' is no schema that is known here"},
    {"schema: kujo/advisory/1", "schema: [kujo/advisory/1]",
     "2:9 a single text is expected for a schema, not a list"},
    {"when: message", "when: 3 of (message, page)",
     "54:35 the condition ends where ',' or ')' is expected"},
    {"when: message", "when: \"3 of (message, page)\"",
     "54:23 there are not that many to choose from"},
    {"when: message", "when: 1 of data",
     "54:22 this is true when only support files, data or symptoms were seen"},
    {"when: message", "when: all of support",
     "54:22 this is true when only support files, data or symptoms were seen"},
    {"when: message", "when: not not not not message", ""},
    {"when: message", "when: message or (known and logo) or (1 of stolen-data and page)", ""},
    {"since: 4313, until: 4323", "since: 4300, until: 4312",
     "53:10 no test expects W32/Example.gen@MM while 'family' holds"},
    {"role: autostart}\n  job", "}\n  job", "37:3 an INI entry needs the key 'role'"},
    {"when: message", "when: 2 of symptom",
     "54:27 kujo cannot see this artifact, so no condition can ask for it"},
    {"engine: 4.2.40", "engine: 9999, sooner: 3",
     "13:52 warning: left out: it needs engine 9999, and this is 6.0.0"},
};

static void replace(kj_span text, const struct mistake *mistake, kj_buf *out)
{
    size_t at = kj_span_find(text, kj_span_str(mistake->what), 0);
    if (at == SIZE_MAX)
        fail_msg("complete.yaml lacks: %s", mistake->what);
    kj_buf_put(out, kj_span_sub(text, 0, at));
    kj_buf_put_text(out, mistake->with);
    kj_buf_put(out, kj_span_sub(text, at + strlen(mistake->what), SIZE_MAX));
}

static void every_mistake_is_said_where_it_stands(void **state)
{
    (void)state;
    kj_buf base;
    read_data("complete.yaml", &base);
    for (size_t i = 0; i < KJ_COUNT(mistakes); i++) {
        kj_buf text;
        kj_buf_init(&text, 1 << 20);
        replace(kj_buf_span(&base), &mistakes[i], &text);
        kj_ir *ir = new_ir();
        compile(ir, "test.yaml", kj_buf_span(&text));
        assert_diags(ir, mistakes[i].with, mistakes[i].want);
        bool built = *mistakes[i].want == '\0';
        assert_int_equal(ir->threats.count, built);
        assert_int_equal(ir->detects.count > 0, built);
        assert_int_equal(ir->artifacts.count > 0, built);
        if (!built) { /* an advisory with an error leaves nothing behind */
            assert_int_equal(ir->rules.count + ir->patterns.count + ir->tests.count, 0);
            assert_int_equal(ir->remedies.count, 0);
        }
        free_ir(ir);
        kj_buf_done(&text);
    }
    kj_buf_done(&base);
}

/* ---- ten at once ------------------------------------------------------------------------------
 */

static void ten_mistakes_give_ten_errors(void **state)
{
    (void)state;
    static const struct {
        size_t line;
        size_t column;
        size_t len;
        const char *message;
        const char *hint;
    } want[] = {
        {3, 5, 8, "'2004-127' is no id of an advisory",
         "ids are written YYYY-NNNN, for example 2004-0127"},
        {4, 7, 16, "the name is not in its canonical form", "write W32/Example.a@MM"},
        {6, 11, 10, "'email-wurm' is not a subtype", "did you mean 'email-worm'?"},
        {9, 21, 10, "'2004-02-30' is not a date", "dates are written YYYY-MM-DD"},
        {10, 38, 4, "release 4317 cannot be required: 4318 is the first that detects it", NULL},
        {13, 43, 4, "unknown key 'sise' in a file", "did you mean 'size'?"},
        {17, 12, 9, "unknown variable %WinDier%", "did you mean %WinDir%?"},
        {21, 30, 6, "no artifact or rule is called 'droper'", "did you mean 'dropper'?"},
        {23, 27, 3, "'quarantine' does not fit a registry value",
         "what fits: delete-value, restore-default, set-value, remove-token, report, manual"},
        {34, 3, 2, "a text needs the key 'removal'", NULL},
    };
    kj_buf text;
    read_data("ten-mistakes.yaml", &text);
    kj_ir *ir = new_ir();
    compile(ir, "ten-mistakes.yaml", kj_buf_span(&text));
    assert_int_equal(ir->diags.errors, 10);
    assert_int_equal(ir->diags.list.count, KJ_COUNT(want));
    for (size_t i = 0; i < KJ_COUNT(want); i++) {
        const kj_diag *diag = &ir->diags.list.items[i];
        size_t line, column;
        kj_source_locate(diag->source, diag->offset, &line, &column);
        assert_string_equal(diag->message, want[i].message);
        assert_int_equal(line, want[i].line);
        assert_int_equal(column, want[i].column);
        assert_int_equal(diag->len, want[i].len);
        if (want[i].hint)
            assert_string_equal(diag->hint, want[i].hint);
        else
            assert_null(diag->hint);
    }
    free_ir(ir);
    kj_buf_done(&text);
}

/* ---- what a good advisory becomes --------------------------------------------------------------
 */

static kj_ir *compile_complete(void)
{
    kj_buf text;
    kj_ir *ir = new_ir();
    read_data("complete.yaml", &text);
    compile(ir, "complete.yaml", kj_buf_span(&text));
    assert_diags(ir, "complete.yaml", "");
    kj_buf_done(&text);
    return ir;
}

static void a_threat_keeps_every_field(void **state)
{
    (void)state;
    kj_ir *ir = compile_complete();
    assert_int_equal(ir->threats.count, 1);
    const kj_threat *t = &ir->threats.items[0];
    assert_span(t->id, "2004-0127");
    assert_span(t->name, "W32/Example.q@MM");
    assert_span(t->type, "virus");
    assert_int_equal(t->subtypes.count, 2);
    assert_span(t->subtypes.items[1], "dropper");
    assert_int_equal(t->platforms.count, 2);
    assert_int_equal(t->lengths.count, 3);
    assert_true(t->lengths.items[2].min == 71000 && t->lengths.items[2].max == 75000);
    assert_int_equal(t->aliases.count, 1);
    assert_span(t->aliases.items[0].first, "AVP");
    assert_span(t->risk_home, "medium-on-watch");
    assert_span(t->modified, "2004-02-29");
    assert_int_equal(t->first, 4318);
    assert_int_equal(t->required, 4324);
    assert_int_equal(t->engine, kj_engine_number(4, 2, 40));
    assert_span(t->related.items[0].second, "W32/Example@MM");
    assert_int_equal(t->attack.count, 2);
    assert_span(t->evidence, "writeup");
    assert_span(t->notes.items[0], "system-restore");
    assert_span(t->text[KJ_LANG_JA][KJ_SECTION_REMOVAL], "例です。");
    assert_span(t->text[KJ_LANG_EN][KJ_SECTION_CHARACTERISTICS],
                "An example.\n\n- With two paragraphs\n");
    assert_span(t->sources.items[0].second, "2004-01");
    free_ir(ir);
}

static const kj_artifact *find_artifact(const kj_ir *ir, const char *id)
{
    for (size_t i = 0; i < ir->artifacts.count; i++)
        if (kj_span_is(ir->artifacts.items[i].id, id))
            return &ir->artifacts.items[i];
    fail_msg("no artifact %s", id);
    return NULL;
}

static void artifacts_keep_what_identifies_them(void **state)
{
    (void)state;
    kj_ir *ir = compile_complete();
    assert_int_equal(ir->artifacts.count, 16);
    const kj_artifact *mailer = find_artifact(ir, "mailer");
    assert_int_equal(mailer->kind, KJ_ARTIFACT_FILE);
    assert_int_equal(mailer->role, KJ_ROLE_BODY);
    assert_int_equal(mailer->names.count, 2);
    assert_span(mailer->names.items[0], "%WinDir%\\MAILER.EXE");
    assert_true(mailer->sizes.items[0].min == 50720 && mailer->sizes.items[0].max == 50720);
    assert_true(mailer->sizes.items[1].min == 60000 && mailer->sizes.items[1].max == 60010);
    assert_span(mailer->type, "pe");
    assert_true(mailer->rule == KJ_NONE && !mailer->has_hash);
    const kj_artifact *known = find_artifact(ir, "known");
    assert_true(known->has_hash && known->hash_kind == KJ_HASH_MD5 && known->hash[0] == 0xd4);
    assert_int_equal(find_artifact(ir, "page")->rule, 0);
    assert_span(ir->rules.items[0].name, "example_body");
    assert_span(ir->rules.items[0].space, "W32/Example.q@MM");
    assert_int_equal(ir->rules.items[0].threat, 0);
    const kj_artifact *run = find_artifact(ir, "run");
    assert_span(run->names.items[0], "HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Run");
    assert_span(run->value, "System");
    assert_span(run->data, "%WinDir%\\SYS32.EXE");
    assert_span(run->key, "sz");
    const kj_artifact *shell = find_artifact(ir, "shell");
    assert_span(shell->value, "boot");
    assert_span(shell->key, "shell");
    assert_span(shell->data, "%WinDir%\\SYS32.EXE");
    assert_int_equal(find_artifact(ir, "daemon")->names.count, 2);
    assert_span(find_artifact(ir, "job")->data, "%WinDir%\\SYS32.EXE");
    const kj_artifact *mail = find_artifact(ir, "message");
    assert_int_equal(mail->kind, KJ_ARTIFACT_MAIL);
    assert_span(mail->names.items[1], "Hi my *");
    assert_span(mail->attachment_names.items[0], "photos.jpg.scr");
    assert_int_equal(mail->extensions.count, 2);
    assert_span(mail->decoys.items[0], "jpg");
    assert_true(mail->sizes.items[0].max == 32768);
    assert_int_equal(find_artifact(ir, "site")->role, KJ_ROLE_SYMPTOM);
    free_ir(ir);
}

static void tests_keep_what_they_show(void **state)
{
    (void)state;
    kj_ir *ir = compile_complete();
    assert_int_equal(ir->tests.count, 8);
    const kj_test *first = &ir->tests.items[0];
    assert_int_equal(first->kind, KJ_TEST_FILE);
    assert_span(first->files[0].path, "%WinDir%\\SYS32.EXE");
    assert_int_equal(first->expect_count, 2);
    assert_true(first->expects[0].release == 4317 && first->expects[0].names.count == 0);
    assert_span(first->expects[1].names.items[0], "W32/Example.q@MM");
    assert_false(first->expects[1].all);
    const kj_test *content = &ir->tests.items[4];
    assert_true(content->files[0].has_content && content->files[0].size == 7);
    assert_span(content->files[0].content, "example");
    const kj_test *mail = &ir->tests.items[6];
    assert_int_equal(mail->kind, KJ_TEST_MAIL);
    assert_span(mail->mail.subject, "smart photos");
    assert_int_equal(mail->mail.attachment_count, 2);
    assert_span(mail->mail.attachments[1].path, "b.txt");
    const kj_test *host = &ir->tests.items[7];
    assert_int_equal(host->kind, KJ_TEST_HOST);
    assert_int_equal(host->file_count, 2);
    assert_span(host->registry[0].name, "System");
    assert_span(host->ini[0].section, "boot");
    assert_span(host->ini[0].data, "explorer.exe %WinDir%\\SYS32.EXE");
    assert_true(host->expects[1].all && host->expects[1].names.count == 2);
    free_ir(ir);
}

/* ---- conditions ---------------------------------------------------------------------------------
 */

static void put_expr(const kj_ir *ir, const kj_expr *expr, kj_buf *out)
{
    static const char *const ops[KJ_OP_COUNT] = {
        [KJ_OP_AND] = "and", [KJ_OP_OR] = "or", [KJ_OP_NOT] = "not", [KJ_OP_OF] = "of"};
    static const char *const quantifiers[] = {
        [KJ_Q_ALL] = " all", [KJ_Q_ANY] = " any", [KJ_Q_COUNT] = ""};
    if (expr->op == KJ_OP_INT) {
        kj_buf_printf(out, "%lld", (long long)expr->integer);
        return;
    }
    if (expr->op == KJ_OP_ARTIFACT || expr->op == KJ_OP_RULE) {
        kj_buf_put(out, expr->op == KJ_OP_RULE ? ir->rules.items[expr->index].name
                                               : ir->artifacts.items[expr->index].id);
        return;
    }
    assert_int_equal(expr->type, KJ_TYPE_BOOL);
    kj_buf_printf(out, "(%s", ops[expr->op]);
    if (expr->op == KJ_OP_OF)
        kj_buf_put_text(out, quantifiers[expr->quantifier]);
    for (size_t i = 0; i < expr->count; i++) {
        kj_buf_put_byte(out, ' ');
        put_expr(ir, expr->args[i], out);
    }
    kj_buf_put_byte(out, ')');
}

static void conditions_bind_as_they_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        {"message", "message"},
        {"example_body", "example_body"},
        {"((message))", "message"},
        {"message or page and dropper or known", "(or message (and page dropper) known)"},
        {"(message or page) and dropper", "(and (or message page) dropper)"},
        {"message and not page and dropper", "(and message (not page) dropper)"},
        {"message and not (page or dropper)", "(and message (not (or page dropper)))"},
        {"1 of body and message", "(and (of 1 dropper mailer known page) message)"},
        {"any of (page, example_body) and message", "(and (of any page example_body) message)"},
        {"all of (page,dropper) or message", "(or (of all page dropper) message)"},
        {"message or 3 of autostart", "(or message (of 3 run shell job daemon link))"},
        {"2 of ( page , dropper , message )", "(of 2 page dropper message)"},
        {"message and 1 of stolen-data", "(and message (of 1 stolen))"},
        {"message\n      and\tpage", "(and message page)"},
    };
    kj_buf base;
    read_data("complete.yaml", &base);
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        char with[256];
        kj_buf text, got;
        kj_buf_init(&text, 1 << 20);
        kj_buf_init(&got, 4096);
        (void)snprintf(with, sizeof with, "when: \"%s\"", cases[i].text);
        replace(kj_buf_span(&base), &(struct mistake){.what = "when: message", .with = with},
                &text);
        kj_ir *ir = new_ir();
        compile(ir, "test.yaml", kj_buf_span(&text));
        assert_diags(ir, with, "");
        put_expr(ir, ir->detects.items[2].when, &got);
        assert_string_equal(kj_buf_text(&got), cases[i].want);
        free_ir(ir);
        kj_buf_done(&text);
        kj_buf_done(&got);
    }
    kj_buf_done(&base);
}

static void detections_and_remedies_refer_by_index(void **state)
{
    (void)state;
    kj_ir *ir = compile_complete();
    const kj_detect *host = &ir->detects.items[0], *mail = &ir->detects.items[2];
    assert_true(host->klass == KJ_CLASS_EXACT && host->since == 4318 && host->until == KJ_NONE);
    assert_int_equal(mail->since, 4318); /* definitions.first */
    assert_true(ir->detects.items[1].klass == KJ_CLASS_FAMILY);
    assert_int_equal(ir->detects.items[1].until, 4323);
    /* An expression knows where it stands. */
    kj_span rest = kj_span_sub(ir->threats.items[0].source->text, host->when->offset, 14);
    assert_span(rest, "dropper or (ru");
    assert_int_equal(ir->remedies.count, 8);
    assert_int_equal(ir->remedies.items[0].what, KJ_DO_DELETE_VALUE);
    assert_ptr_equal(&ir->artifacts.items[ir->remedies.items[0].of[0]], find_artifact(ir, "run"));
    assert_null(ir->remedies.items[4].needs);
    assert_int_equal(ir->remedies.items[4].of_count, 5);
    assert_non_null(ir->remedies.items[6].needs);
    assert_span(ir->remedies.items[6].warn, "stolen-data");
    free_ir(ir);
}

/* The reference promises that its examples compile. */
static void the_examples_of_the_reference_compile(void **state)
{
    (void)state;
    static const char begin[] = "```yaml\n";
    kj_buf page;
    read_data("../../../docs/formats/advisory.md", &page);
    kj_span text = kj_buf_span(&page);
    kj_ir *ir = new_ir();
    for (size_t at = 0; (at = kj_span_find(text, kj_span_str(begin), at)) != SIZE_MAX;) {
        at += strlen(begin);
        size_t end = kj_span_find(text, kj_span_str("```"), at);
        compile(ir, "advisory.md", kj_span_sub(text, at, end - at));
        at = end;
    }
    assert_diags(ir, "advisory.md", "");
    assert_int_equal(ir->threats.count, 1);
    assert_int_equal(ir->notes.count, 1);
    free_ir(ir);
    kj_buf_done(&page);
}

/* ---- several files
 * -------------------------------------------------------------------------------- */

#define TEXTS                                                                                      \
    "text:\n"                                                                                      \
    "  en: {summary: a, characteristics: a, symptoms: a, infection: a, removal: a}\n"              \
    "  ja: {summary: a, characteristics: a, symptoms: a, infection: a, removal: a}\n"              \
    "sources: [{by: nobody, date: 2004}]\n"

static void put_small(kj_buf *out, const char *id, const char *name, const char *rest)
{
    kj_buf_printf(out,
                  "schema: kujo/advisory/1\nid: %s\nname: %s\ntype: virus\n"
                  "risk: {corporate: low, home: low}\ndates: {published: 2004-01-27}\n"
                  "evidence: synthetic\n%s\n" TEXTS,
                  id, name, rest);
}

static void compile_small(kj_ir *ir, const char *file, const char *id, const char *name,
                          const char *rest)
{
    kj_buf text;
    kj_buf_init(&text, 1 << 16);
    put_small(&text, id, name, rest);
    compile(ir, file, kj_buf_span(&text));
    kj_buf_done(&text);
}

static const char small_note[] = "schema: kujo/note/1\nid: restore\ntitle: {en: a, ja: b}\n"
                                 "text: {en: c, ja: d}\n";

static void defaults_are_kujos_own_releases(void **state)
{
    (void)state;
    kj_ir *ir = new_ir();
    compile_small(ir, "a.yaml", "2004-0001", "W32/A.a",
                  "artifacts: {x: {file: 'C:\\X.EXE', role: body}}\n"
                  "detect: [{id: x, when: x, name: W32/A.a, class: exact}]\n"
                  "tests:\n"
                  "  - {file: {path: 'C:\\X.EXE', size: 1}, expect: {8000: W32/A.a}}\n"
                  "  - {file: {path: 'C:\\Y.EXE', size: 1}, expect: {8000: none}}\n");
    assert_diags(ir, "a.yaml", "");
    const kj_threat *t = &ir->threats.items[0];
    assert_true(t->first == KJ_FIRST_RELEASE && t->required == KJ_FIRST_RELEASE);
    assert_int_equal(t->engine, options.engine);
    assert_int_equal(ir->detects.items[0].since, KJ_FIRST_RELEASE);
    /* The second advisory's items follow the first one's. */
    compile_small(ir, "b.yaml", "2004-0002", "W32/B.a",
                  "artifacts: {y: {file: 'C:\\Y.EXE', role: body}}\n"
                  "definitions: {first: 8001}\n"
                  "detect: [{id: y, when: y, name: W32/B.a, class: exact}]\n"
                  "remedy: [{do: report, of: y}]\n"
                  "tests:\n"
                  "  - {file: {path: 'C:\\Y.EXE', size: 1}, expect: {8001: W32/B.a}}\n"
                  "  - {file: {path: 'C:\\X.EXE', size: 1}, expect: {8001: none}}\n");
    assert_diags(ir, "b.yaml", "");
    assert_int_equal(ir->detects.items[1].threat, 1);
    assert_int_equal(ir->detects.items[1].when->index, 1);
    assert_int_equal(ir->remedies.items[0].of[0], 1);
    assert_int_equal(ir->threats.items[1].required, 8001);
    free_ir(ir);
}

static void a_detection_needs_both_sorts_of_tests(void **state)
{
    (void)state;
    static const struct {
        const char *tests;
        const char *want;
    } cases[] = {
        {"[]", "9:15 no test expects W32/A.a while 'x' holds"},
        {"[{host: {}, expect: {8000: none}}]", "9:15 no test expects W32/A.a while 'x' holds"},
        {"[{host: {}, expect: {8000: W32/A.a}}]", "9:15 no test shows what 'x' must not detect"},
        {"[{host: {}, expect: {8000: W32/A.a}}, {mail: {}, expect: {8000: none}}]",
         "9:15 no test shows what 'x' must not detect"},
        {"[{host: {}, expect: {8000: W32/A.a, 7999: none}}]",
         "9:15 no test shows what 'x' must not detect"},
        {"[{host: {}, expect: {8000: W32/A.a, 8001: none}}]", ""},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        char rest[512];
        (void)snprintf(rest, sizeof rest,
                       "artifacts: {x: {file: 'C:\\X.EXE', role: body}}\n"
                       "detect: [{id: x, when: x, name: W32/A.a, class: exact}]\ntests: %s",
                       cases[i].tests);
        kj_ir *ir = new_ir();
        compile_small(ir, "a.yaml", "2004-0001", "W32/A.a", rest);
        assert_diags(ir, cases[i].tests, cases[i].want);
        free_ir(ir);
    }
}

static void what_twins_claim_is_told(void **state)
{
    (void)state;
    static const char rest[] = "detect: []\ntests: []\nnotes: [restoer]\n"
                               "aliases: [{vendor: AVP, name: X.a}]\n";
    kj_ir *ir = new_ir();
    kj_error err;
    compile_small(ir, "a.yaml", "2004-0001", "W32/A.a", rest);
    compile_small(ir, "b.yaml", "2004-0001", "W32/A.a",
                  "detect: []\ntests: []\n"
                  "aliases: [{vendor: avp, name: x.A}]\n");
    compile_small(ir, "c.yaml", "2004-0003", "W32/A.gen",
                  "detect: []\ntests: []\n"
                  "aliases: [{vendor: AVP, name: X.a}]\n");
    compile(ir, "n.yaml", kj_span_str(small_note));
    compile(ir, "m.yaml", kj_span_str(small_note));
    assert_diags(ir, "before", "");
    assert_int_equal(kj_advisory_check_all(ir, &err), KJ_OK);
    assert_diags(ir, "after",
                 "2:5 the id '2004-0001' is in a.yaml already\n"
                 "3:7 the name 'W32/A.a' is in a.yaml already\n"
                 "2:5 the note 'restore' is in n.yaml already\n"
                 "10:31 warning: the alias 'x.A' is in a.yaml already\n"
                 "10:9 there is no note 'restoer'");
    assert_string_equal(ir->diags.list.items[4].hint, "did you mean 'restore'?");
    free_ir(ir);
}

static void newer_engines_are_left_to_newer_kujos(void **state)
{
    (void)state;
    kj_ir *ir = new_ir();
    compile(ir, "new.yaml",
            kj_span_str("schema: kujo/advisory/1\nfuture: {key: 1}\n"
                        "definitions: {engine: 6.0.1, later: 2}\n"));
    assert_diags(ir, "new.yaml",
                 "3:23 warning: left out: it needs engine 6.0.1, and this is 6.0.0");
    assert_int_equal(ir->skipped_engine, 1);
    assert_int_equal(ir->threats.count, 0);
    free_ir(ir);
}

/* ---- notes and other documents ----------------------------------------------------------------
 */

static void notes_are_read(void **state)
{
    (void)state;
    kj_ir *ir = new_ir();
    compile(ir, "note.yaml", kj_span_str(small_note));
    assert_diags(ir, "note.yaml", "");
    assert_int_equal(ir->notes.count, 1);
    assert_span(ir->notes.items[0].title[KJ_LANG_JA], "b");
    assert_span(ir->notes.items[0].text[KJ_LANG_EN], "c");
    free_ir(ir);
    assert_gives("schema: kujo/note/1\nid: a\ntitle: {en: a}\ntext: {en: c, ja: ''}\n",
                 "3:1 a title needs the key 'ja'\n4:20 the text is empty");
    assert_gives("id: a\ntitle: {en: a, ja: b}\ntext: {en: c, ja: d}\n",
                 "1:1 a note needs the key 'schema'");
}

static void documents_that_are_no_advisory_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        {"", "the file is empty"},
        {"# nothing\n", "the file is empty"},
        {"hello", "1:1 a map is expected for an advisory, not a single text"},
        {"- a\n", "1:1 a map is expected for an advisory, not a list"},
        {"a: [b\n", "2:1 flow sequence without a closing bracket"},
        {"a: \"\\q\"\n", "1:5 invalid escape 'q' in double-quoted string"},
        {"駆: \"駆\n", "1:5 double-quoted scalar without closing quote"},
        {"a: \xff\n", "1:4 byte 0xff is not valid UTF-8 here"},
        {"a: \xe6\xbc\n", "1:4 byte 0xe6 is not valid UTF-8 here"},
        {"a: \xc2\x9b\n", "1:4 control character U+009B"},
        {"a: \x1b[0m\n", "1:4 control character U+001B"},
        {"a: b\n---\na: b\n", "2:1 a file holds one document"},
        {"a: [[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]\n", "1:19 nested too deeply"},
        {"a: |0\n  b\n", "1:2 not valid YAML from about here on"},
        {"[a]: b\n", "1:1 a key is a single text"},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++)
        assert_gives(cases[i].text, cases[i].want);
}

static void too_much_is_refused(void **state)
{
    (void)state;
    kj_buf text;
    kj_buf_init(&text, 4 << 20);
    for (int i = 0; i < 60000; i++)
        kj_buf_put_text(&text, "- a\n");
    assert_gives(kj_buf_text(&text), "50000:3 too many values for one file");
    kj_buf_clear(&text);
    for (int i = 0; i < 600; i++)
        kj_buf_printf(&text, "k%d: a\n", i);
    assert_gives(kj_buf_text(&text), "501:1 too many keys in one map");
    kj_buf_clear(&text);
    kj_buf_put_text(&text, "# ");
    while (text.len < 1 << 20)
        kj_buf_put_text(&text, "aaaaaaaaaaaaaaaa");
    kj_ir *ir = new_ir();
    compile(ir, "big.yaml", kj_buf_span(&text));
    assert_diags(ir, "big.yaml", "larger than 1048576 bytes");
    free_ir(ir);
    kj_buf_done(&text);
}

/* Whatever the budget, the answer is a clean one. */
static void running_out_of_memory_is_said(void **state)
{
    (void)state;
    kj_buf text;
    read_data("complete.yaml", &text);
    bool enough = false;
    for (size_t budget = 0; !enough && budget < 1 << 20; budget += 1021) {
        kj_ir ir;
        kj_error err;
        kj_ir_init(&ir, budget);
        const kj_source source = {"complete.yaml", kj_buf_span(&text)};
        kj_status status = kj_advisory_compile(&ir, &source, &options, &err);
        enough = status == KJ_OK && kj_diags_ok(&ir.diags);
        assert_true(enough || status == KJ_NO_MEMORY || ir.diags.failed);
        assert_int_equal(ir.threats.count, enough);
        kj_ir_done(&ir);
    }
    assert_true(enough);
    kj_buf_done(&text);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mistake_is_said_where_it_stands),
        cmocka_unit_test(ten_mistakes_give_ten_errors),
        cmocka_unit_test(a_threat_keeps_every_field),
        cmocka_unit_test(artifacts_keep_what_identifies_them),
        cmocka_unit_test(tests_keep_what_they_show),
        cmocka_unit_test(conditions_bind_as_they_read),
        cmocka_unit_test(detections_and_remedies_refer_by_index),
        cmocka_unit_test(the_examples_of_the_reference_compile),
        cmocka_unit_test(defaults_are_kujos_own_releases),
        cmocka_unit_test(a_detection_needs_both_sorts_of_tests),
        cmocka_unit_test(what_twins_claim_is_told),
        cmocka_unit_test(newer_engines_are_left_to_newer_kujos),
        cmocka_unit_test(notes_are_read),
        cmocka_unit_test(documents_that_are_no_advisory_are_refused),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(running_out_of_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
