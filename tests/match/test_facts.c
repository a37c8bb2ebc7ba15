/* SPDX-License-Identifier: Apache-2.0 */
/* What artifacts are recognised by: places, sizes, mail attachments, registry values, INI tokens.
 * Every artifact is written into definitions first, because the writer prepares what is compared.
 */
#include "base/arith.h"
#include "defs/writer.h"
#include "match/match.h"
#include "tests/test.h"

enum { ENGINE = 6 << 24 };

enum {
    DROPPER,
    ANY_IN_TEMP,
    FIXED_DRIVE,
    SIZED,
    TYPED,
    HASHED,
    MAIL_DECOY,
    MAIL_SUBJECT,
    RUN_KEY,
    DEFAULT_VALUE,
    WILD_DATA,
    INI_TOKEN,
    INI_ANY,
    ARTIFACTS
};

#define TEXTS(...)                                                                                 \
    {                                                                                              \
        (const kj_span[]){__VA_ARGS__}, sizeof((const kj_span[]){__VA_ARGS__}) / sizeof(kj_span)   \
    }
#define T(text)                                                                                    \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }

static const kj_size_range sizes[] = {{100, 100}, {200, 300}};

static const kj_artifact artifacts[ARTIFACTS] = {
    [DROPPER] = {.kind = KJ_ARTIFACT_FILE, .names = TEXTS(T("%SystemDir%\\SYS32.EXE"))},
    [ANY_IN_TEMP] = {.kind = KJ_ARTIFACT_FILE, .names = TEXTS(T("%Temp%\\zip*.tmp"))},
    [FIXED_DRIVE] = {.kind = KJ_ARTIFACT_FILE, .names = TEXTS(T("C:\\MMINFO.TXT"))},
    [SIZED] = {.kind = KJ_ARTIFACT_FILE,
               .names = TEXTS(T("%WinDir%\\sized.exe")),
               .sizes = {sizes, KJ_COUNT(sizes)}},
    [TYPED] = {.kind = KJ_ARTIFACT_FILE, .names = TEXTS(T("%WinDir%\\typed.exe")), .type = T("pe")},
    [HASHED] = {.kind = KJ_ARTIFACT_FILE,
                .names = TEXTS(T("%WinDir%\\hashed.exe")),
                .has_hash = true,
                .hash_kind = KJ_HASH_MD5, /* of "abc": RFC 1321 */
                .hash = {0x90, 0x01, 0x50, 0x98, 0x3c, 0xd2, 0x4f, 0xb0, 0xd6, 0x96, 0x3f, 0x7d,
                         0x28, 0xe1, 0x7f, 0x72}},
    [MAIL_DECOY] = {.kind = KJ_ARTIFACT_MAIL,
                    .names = TEXTS(T("hi my *"), T("smart photos")),
                    .extensions = TEXTS(T("scr"), T("exe")),
                    .decoys = TEXTS(T("jpg"), T("gif"))},
    [MAIL_SUBJECT] = {.kind = KJ_ARTIFACT_MAIL, .names = TEXTS(T("just words"))},
    [RUN_KEY] = {.kind = KJ_ARTIFACT_REGISTRY,
                 .names = TEXTS(T("HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Run")),
                 .value = T("System"),
                 .data = T("%WinDir%\\SYS32.EXE")},
    [DEFAULT_VALUE] = {.kind = KJ_ARTIFACT_REGISTRY,
                       .names = TEXTS(T("HKCR\\exefile\\shell\\open\\command")),
                       .value = T("@"),
                       .data = T("*evil*")},
    [WILD_DATA] = {.kind = KJ_ARTIFACT_REGISTRY,
                   .names = TEXTS(T("HKLM\\Software\\*")),
                   .value = T("Wild")},
    [INI_TOKEN] = {.kind = KJ_ARTIFACT_INI,
                   .names = TEXTS(T("%WinDir%\\SYSTEM.INI")),
                   .value = T("boot"),
                   .key = T("shell"),
                   .data = T("%WinDir%\\SYS32.EXE")},
    [INI_ANY] = {.kind = KJ_ARTIFACT_INI,
                 .names = TEXTS(T("%WinDir%\\WIN.INI")),
                 .value = T("windows"),
                 .key = T("load")},
};

typedef struct bench {
    kj_defs defs;
    kj_sightings seen;
} bench;

static int set_up(void **state)
{
    static bench b;
    kj_ir ir;
    kj_ir_init(&ir, 16 << 20);
    const kj_threat threat = {.name = T("W32/Test"), .first = 1};
    assert_true(kj_vec_add(&ir.threats, threat));
    for (size_t i = 0; i < ARTIFACTS; i++) {
        kj_artifact artifact = artifacts[i];
        artifact.rule = KJ_NONE;
        assert_true(kj_vec_add(&ir.artifacts, artifact));
    }
    kj_write_options options = KJ_WRITE_INIT;
    options.release = 1;
    options.engine = ENGINE;
    kj_buf file;
    kj_buf_init(&file, 1 << 20);
    assert_int_equal(kj_defs_write(&ir, &options, &file, NULL, NULL), KJ_OK);
    assert_int_equal(kj_defs_open_buf(&file, ENGINE, &b.defs, NULL), KJ_OK);
    assert_int_equal(kj_defs_verify(&b.defs, NULL), KJ_OK);
    assert_int_equal(kj_sightings_init(&b.seen, &b.defs, NULL), KJ_OK);
    kj_ir_done(&ir);
    *state = &b;
    return 0;
}

static int tear_down(void **state)
{
    bench *b = *state;
    kj_sightings_done(&b->seen);
    kj_defs_close(&b->defs);
    return 0;
}

/* `artifact` (ARTIFACTS: none) and nothing else was seen since the last time. */
static void expect_seen(bench *b, unsigned artifact, const char *what)
{
    for (uint32_t i = 0; i < ARTIFACTS; i++)
        if (kj_sightings_has_artifact(&b->seen, i) != (i == artifact))
            fail_msg("%s: artifact %u", what, i);
    kj_sightings_clear(&b->seen);
}

static void files_are_known_by_place_size_type_and_digest(void **state)
{
    bench *b = *state;
    const struct {
        const char *place; /* as the walk makes them: normalized */
        uint64_t size;
        const char *type;
        const char *bytes;
        unsigned artifact;
    } rows[] = {
        {"%windir%\\system32\\sys32.exe", 1, "pe", NULL, DROPPER},
        {"%windir%\\system\\sys32.exe", 1, "pe", NULL, DROPPER},
        {"%windir%\\syswow64\\sys32.exe", 1, "pe", NULL, DROPPER},
        {"%windir%\\sys32.exe", 1, "pe", NULL, ARTIFACTS},
        {"%windir%\\system32\\x\\sys32.exe", 1, "pe", NULL, ARTIFACTS},
        {"%windir%\\temp\\zip1.tmp", 1, "data", NULL, ANY_IN_TEMP},
        {"c:\\users\\anybody\\appdata\\local\\temp\\zip22.tmp", 1, "data", NULL, ANY_IN_TEMP},
        {"%windir%\\temp\\a\\zip1.tmp", 1, "data", NULL, ARTIFACTS},
        {"c:\\mminfo.txt", 1, "text", NULL, FIXED_DRIVE},
        {"mminfo.txt", 1, "text", NULL, ARTIFACTS},
        {"", 1, "text", NULL, ARTIFACTS},
        {"%windir%\\sized.exe", 100, "pe", NULL, SIZED},
        {"%windir%\\sized.exe", 300, "pe", NULL, SIZED},
        {"%windir%\\sized.exe", 301, "pe", NULL, ARTIFACTS},
        {"%windir%\\sized.exe", 101, "pe", NULL, ARTIFACTS},
        {"%windir%\\typed.exe", 1, "pe", NULL, TYPED},
        {"%windir%\\typed.exe", 1, "text", NULL, ARTIFACTS},
        {"%windir%\\hashed.exe", 3, "data", "abc", HASHED},
        {"%windir%\\hashed.exe", 3, "data", "abd", ARTIFACTS},
        {"%windir%\\hashed.exe", 3, "data", NULL, ARTIFACTS},
    };
    for (size_t i = 0; i < KJ_COUNT(rows); i++) {
        const kj_file_fact fact = {.place = kj_span_str(rows[i].place),
                                   .size = rows[i].size,
                                   .types = {kj_span_str(rows[i].type)},
                                   .type_count = 1,
                                   .has_bytes = rows[i].bytes != NULL,
                                   .bytes = kj_span_str(rows[i].bytes)};
        kj_sight_file(&b->defs, &fact, &b->seen);
        expect_seen(b, rows[i].artifact, rows[i].place);
    }
}

static void mail_is_known_by_subject_and_attachment(void **state)
{
    bench *b = *state;
    const struct {
        const char *subject;
        const char *name; /* NULL: no attachment */
        unsigned artifact;
    } rows[] = {
        {"Smart Photos", "photo.jpg.scr", MAIL_DECOY},
        {"  HI MY friend ", "photo.scr", MAIL_DECOY},
        {"smart photos", "PHOTO.JPG                .EXE", MAIL_DECOY},
        {"smart photos", "v1.2 beta final.exe", MAIL_DECOY}, /* nothing that is an extension */
        {"smart photos", "photo.pdf.scr", ARTIFACTS},        /* another decoy */
        {"smart photos", "photo.jpg", ARTIFACTS},
        {"smart photos", "scr", ARTIFACTS},
        {"smart photos", NULL, ARTIFACTS},
        {"stupid photos", "photo.jpg.scr", ARTIFACTS},
        {"Just words", NULL, MAIL_SUBJECT},
        {"Just words", "a.txt", MAIL_SUBJECT},
    };
    for (size_t i = 0; i < KJ_COUNT(rows); i++) {
        const kj_file_fact file = {.name = kj_span_str(rows[i].name), .size = 1};
        const kj_mail_fact fact = {kj_span_str(rows[i].subject), &file, rows[i].name != NULL};
        kj_sight_mail(&b->defs, &fact, &b->seen);
        expect_seen(b, rows[i].artifact, rows[i].name ? rows[i].name : rows[i].subject);
    }
}

/* Neither their number nor their length uses up what is needed for the one that counts. */
static void it_hides_behind_no_other_attachment(void **state)
{
    bench *b = *state;
    enum { COUNT = 50000, LONG = 3 << 20 };
    kj_file_fact *files = calloc(COUNT, sizeof *files);
    char *name = malloc(LONG);
    assert_non_null(files);
    assert_non_null(name);
    memset(name, 'x', LONG);
    for (size_t i = 0; i < COUNT; i++)
        files[i].name = kj_span_of(name, i == 0 ? LONG : 40);
    memcpy(name + LONG - 8, ".jpg.scr", 8);
    const kj_mail_fact fact = {kj_span_str("smart photos"), files, COUNT};
    kj_sight_mail(&b->defs, &fact, &b->seen);
    expect_seen(b, MAIL_DECOY, "a long name");
    files[0].name = kj_span_str("x");
    files[COUNT - 1].name = kj_span_str("photo.scr");
    kj_sight_mail(&b->defs, &fact, &b->seen);
    expect_seen(b, MAIL_DECOY, "the last attachment");
    free(name);
    free(files);
}

#define RUN "HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Run"

static void registry_values_are_known_however_they_are_written(void **state)
{
    bench *b = *state;
    const struct {
        const char *key, *name, *data;
        unsigned artifact;
    } rows[] = {
        {RUN, "System", "%WinDir%\\SYS32.EXE", RUN_KEY},
        {RUN, "SYSTEM", "%SystemRoot%\\sys32.exe", RUN_KEY},
        {RUN, "System", "c:\\windows\\sys32.exe", RUN_KEY},
        {RUN, "System", "\"C:\\WINNT\\SYS32.EXE\" /background", RUN_KEY},
        {RUN, "System", "\"C:\\WINNT\\SYS32.EXE", RUN_KEY},
        {RUN, "System", "C:\\WINDOWS\\SYS32.EXE -s x.com y.exe z", RUN_KEY},
        {"hkey_local_machine\\software\\microsoft\\windows\\currentversion\\run\\", "System",
         "C:\\WINDOWS\\SYS32.EXE", RUN_KEY},
        {"HKLM\\Software\\Wow6432Node\\Microsoft\\Windows\\CurrentVersion\\Run", "System",
         "C:\\WINDOWS\\SYS32.EXE", RUN_KEY},
        {RUN "Once", "System", "C:\\WINDOWS\\SYS32.EXE", ARTIFACTS},
        {RUN, "Systems", "C:\\WINDOWS\\SYS32.EXE", ARTIFACTS},
        {RUN, "System", "C:\\WINDOWS\\SYSTEM32\\SYS32.EXE", ARTIFACTS},
        {RUN, "System", "C:\\WINDOWS\\a.bat C:\\x.exe C:\\WINDOWS\\SYS32.EXE", ARTIFACTS},
        {RUN, "System", "", ARTIFACTS},
        {"HKCR\\exefile\\shell\\open\\command", "", "\"evil.exe\" \"%1\" %*", DEFAULT_VALUE},
        {"HKCR\\exefile\\shell\\open\\command", "x", "\"evil.exe\" \"%1\" %*", ARTIFACTS},
        {"HKCR\\exefile\\shell\\open\\command", "", "\"%1\" %*", ARTIFACTS},
        {"HKLM\\Software\\Anything", "wild", "", WILD_DATA},
        {"HKLM\\Software\\Anything\\Below", "wild", "", ARTIFACTS},
    };
    for (size_t i = 0; i < KJ_COUNT(rows); i++) {
        const kj_entry_fact fact = {.place = kj_span_str(rows[i].key),
                                    .name = kj_span_str(rows[i].name),
                                    .data = kj_span_str(rows[i].data)};
        kj_sight_registry(&b->defs, &fact, &b->seen);
        expect_seen(b, rows[i].artifact, rows[i].data);
    }
}

static void ini_entries_are_known_by_their_tokens(void **state)
{
    bench *b = *state;
    const struct {
        const char *file, *section, *name, *data;
        unsigned artifact;
    } rows[] = {
        {"%windir%\\system.ini", "boot", "shell", "Explorer.exe C:\\WINDOWS\\SYS32.EXE", INI_TOKEN},
        {"%windir%\\system.ini", "BOOT", "Shell", "x,%windir%\\sys32.exe;y", INI_TOKEN},
        {"%windir%\\system.ini", "boot", "shell", "C:\\WINDOWS\\SYS32.EXE.bak", ARTIFACTS},
        {"%windir%\\system.ini", "boot", "shell", "Explorer.exe", ARTIFACTS},
        {"%windir%\\system.ini", "386enh", "shell", "C:\\WINDOWS\\SYS32.EXE", ARTIFACTS},
        {"%windir%\\system.ini", "boot", "shells", "C:\\WINDOWS\\SYS32.EXE", ARTIFACTS},
        {"c:\\system.ini", "boot", "shell", "C:\\WINDOWS\\SYS32.EXE", ARTIFACTS},
        {"%windir%\\win.ini", "windows", "load", "", INI_ANY},
    };
    for (size_t i = 0; i < KJ_COUNT(rows); i++) {
        const kj_entry_fact fact = {kj_span_str(rows[i].file), kj_span_str(rows[i].section),
                                    kj_span_str(rows[i].name), kj_span_str(rows[i].data)};
        kj_sight_ini(&b->defs, &fact, &b->seen);
        expect_seen(b, rows[i].artifact, rows[i].data);
    }
}

static void a_token_hides_behind_no_other(void **state)
{
    bench *b = *state;
    enum { PAIRS = 10000 };
    static const char tail[] = "C:\\WINNT\\SYS32.EXE";
    char data[4 * PAIRS + sizeof tail];
    for (size_t i = 0; i < PAIRS; i++)
        memcpy(data + 4 * i, i % 2 ? "   ," : "abc ", 4);
    memcpy(data + 4 * (size_t)PAIRS, tail, sizeof tail);
    const kj_entry_fact fact = {kj_span_str("%windir%\\system.ini"), kj_span_str("boot"),
                                kj_span_str("shell"), kj_span_str(data)};
    kj_sight_ini(&b->defs, &fact, &b->seen);
    expect_seen(b, INI_TOKEN, "many words");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_known_by_place_size_type_and_digest),
        cmocka_unit_test(mail_is_known_by_subject_and_attachment),
        cmocka_unit_test(it_hides_behind_no_other_attachment),
        cmocka_unit_test(registry_values_are_known_however_they_are_written),
        cmocka_unit_test(ini_entries_are_known_by_their_tokens),
        cmocka_unit_test(a_token_hides_behind_no_other),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
