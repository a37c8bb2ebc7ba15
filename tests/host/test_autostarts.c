/* SPDX-License-Identifier: Apache-2.0 */
/* The table of places makes sense by itself; what stands in places is in autostarts.py. */
#include "tests/test.h"

#include "base/text.h"
#include "host/autostarts_private.h"

#include <string.h>

#define FOR_ROWS(row)                                                                              \
    for (const kj_autostart_row *row = kj_autostart_table;                                         \
         row < kj_autostart_table + kj_autostart_table_count; row++)

static void ids_are_unique(void **state)
{
    (void)state;
    size_t count;
    assert_ptr_equal(kj_autostart_rows(&count), kj_autostart_table);
    assert_int_equal(count, kj_autostart_table_count);
    FOR_ROWS(row)
    {
        for (const char *c = row->id; *c; c++)
            assert_true(kj_is_alnum((unsigned char)*c) || *c == '-');
        assert_ptr_equal(kj_autostart_row_named(row->id), row);
        assert_true(row->category && *row->category);
    }
    assert_null(kj_autostart_row_named("no such row"));
}

static void check_place(const kj_autostart_row *row, const kj_autostart_place *place)
{
    const uint32_t files = KJ_IN_FILE | KJ_IN_TEXT | KJ_IN_INI;
    bool of_file = (place->in & files) != 0;
    assert_int_equal(of_file, place->file != NULL);
    assert_true(!of_file || (place->in & ~files) == 0);
    if (of_file) {
        assert_non_null(strchr("WRP", place->file[0]));
        assert_int_equal(place->file[1], ':');
        assert_null(strchr(place->file, '\\'));
        assert_true(row->restore != KJ_RESTORE_KEY);
        assert_int_equal((place->in & KJ_IN_INI) != 0, place->key && place->value);
        return;
    }
    bool machine = (place->in & (KJ_IN_SW | KJ_IN_WOW | KJ_IN_SY | KJ_IN_S9)) != 0;
    assert_non_null(place->key);
    assert_null(strstr(place->key, "\\\\"));
    if (place->in & (KJ_IN_SW | KJ_IN_WOW))
        assert_memory_equal(place->key, "Software\\", strlen("Software\\"));
    if (place->in & KJ_IN_UC)
        assert_memory_equal(place->key, "Software\\Classes\\", strlen("Software\\Classes\\"));
    if (place->in & KJ_IN_SY)
        assert_true(strncmp(place->key, "CCS\\", 4) == 0 ||
                    strncmp(place->key, "System\\", 7) == 0);
    else
        assert_true(strncmp(place->key, "CCS\\", 4) != 0 || machine);
    if (!place->value || row->restore == KJ_RESTORE_KEY)
        assert_non_null(strchr(place->key, '*')); /* the key that goes is one of many */
    assert_true(row->restore != KJ_RESTORE_FILE);
}

static void places_can_be_read(void **state)
{
    (void)state;
    FOR_ROWS(row)
    {
        assert_true((row->places[0].in != 0) != (row->extract != NULL));
        for (size_t p = 0; p < KJ_AUTOSTART_PLACES_MAX && row->places[p].in; p++)
            check_place(row, &row->places[p]);
    }
}

static kj_system system_of(kj_windows kind, const char *version, kj_arena *arena)
{
    return (kj_system){.arena = arena,
                       .windir = kj_span_str("WINNT"),
                       .kind = kind,
                       .version = version,
                       .drive = 'D'};
}

static void defaults_are_known(void **state)
{
    (void)state;
    kj_arena arena;
    kj_arena_init(&arena, 1 << 20);
    kj_system system = system_of(KJ_WINDOWS_NT, "5.1", &arena);
    static const struct {
        const char *row, *name, *text;
    } cases[] = {
        {"winlogon-shell", "shell", "Explorer.exe"},
        {"winlogon-userinit", "Userinit", "D:\\WINNT\\system32\\userinit.exe,"},
        {"winlogon-other", "Taskman", NULL},
        {"open-program", "", "\"%1\" %*"},
        {"open-screen-saver", "", "\"%1\" /S"},
        {"type-exe", "", "exefile"},
        {"boot-execute", "BootExecute", "autocheck autochk *\n"},
        {"lsa-security", "Security Packages", "kerberos\nmsv1_0\nschannel\nwdigest\n"},
        {"appinit", "AppInit_DLLs", ""},
        {"safeboot-shell", "AlternateShell", "cmd.exe"},
        {"run", "System", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const kj_autostart_row *row = kj_autostart_row_named(cases[i].row);
        assert_non_null(row);
        const char *text = kj_autostart_default(row, &system, kj_span_str(cases[i].name));
        if (cases[i].text)
            assert_string_equal(text, cases[i].text);
        else
            assert_null(text);
    }
    system.version = "10.0";
    const kj_autostart_row *row = kj_autostart_row_named("lsa-security");
    assert_string_equal(kj_autostart_default(row, &system, kj_span_str("Security Packages")),
                        "\"\"\n");
    system.version = ""; /* no version's own: what is the same in many, or nothing */
    assert_null(kj_autostart_default(row, &system, kj_span_str("Security Packages")));
    row = kj_autostart_row_named("winlogon-userinit");
    const char *text = kj_autostart_default(row, &system, kj_span_str("Userinit"));
    assert_null(strstr(text, "nddeagnt"));
    kj_arena_done(&arena);
}

/* A row whose value is never deleted has a text for it, on every Windows that it counts on. */
static void restored_values_have_a_text(void **state)
{
    (void)state;
    static const char *const versions[] = {"4.0", "5.0", "5.1", "5.2", "6.0", "6.1", "10.0"};
    static const unsigned numbers[] = {400, 500, 501, 502, 600, 601, 1000};
    kj_arena arena;
    kj_arena_init(&arena, 1 << 24);
    FOR_ROWS(row)
    {
        if (row->restore != KJ_RESTORE_DEFAULT || strcmp(row->id, "debugger") == 0)
            continue; /* debugger: Windows Vista and later have none */
        for (size_t v = 0; v < sizeof versions / sizeof versions[0]; v++) {
            kj_system system = system_of(KJ_WINDOWS_NT, versions[v], &arena);
            kj_span values = kj_span_str(row->places[0].value);
            kj_span first = kj_span_sub(values, 0, kj_span_find(values, kj_span_str("|"), 0));
            if (kj_span_is(first, "@"))
                first.len = 0;
            if (numbers[v] == 400 && strcmp(row->id, "lsa-security") == 0)
                continue; /* what NT 4.0 has there is not known */
            if ((row->from == 0 || numbers[v] >= row->from) &&
                (row->to == 0 || numbers[v] <= row->to))
                assert_non_null(kj_autostart_default(row, &system, first));
        }
    }
    kj_arena_done(&arena);
}

static void values_find_their_row(void **state)
{
    (void)state;
    static const struct {
        const char *path, *name, *row;
    } cases[] = {
        {"HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run", "x", "run"},
        {"HKLM\\Software\\WOW6432NODE\\Microsoft\\Windows\\CurrentVersion\\RunOnce", "", "run"},
        {"HKLM\\Software\\WOW6432NODE\\Microsoft\\Windows\\CurrentVersion\\RunOnce", "y", "run"},
        {"HKU\\S-1-5-21-1\\Software\\Microsoft\\Windows\\CurrentVersion\\Run", "x", "run"},
        {"HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run\\Below", "x", NULL},
        {"HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Runner", "x", NULL},
        {"HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Winlogon", "Shell",
         "winlogon-shell"},
        {"HKU\\x\\Software\\Microsoft\\Windows NT\\CurrentVersion\\Winlogon", "Shell",
         "winlogon-user"},
        {"HKLM\\SOFTWARE\\Classes\\exefile\\shell\\open\\command", "", "open-program"},
        {"HKLM\\SOFTWARE\\Classes\\Wow6432Node\\exefile\\shell\\open\\command", "", "open-program"},
        {"HKU\\x_Classes\\exefile\\shell\\open\\command", "", "open-user"},
        {"HKLM\\SYSTEM\\ControlSet003\\Control\\Session Manager", "BootExecute", "boot-execute"},
        {"HKLM\\SYSTEM\\Setup", "CmdLine", "setup-command"},
        {"HKLM\\SOFTWARE\\Nothing", "x", NULL},
        {"", "", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        kj_spot spot = {.kind = KJ_SPOT_VALUE,
                        .key_path = kj_span_str(cases[i].path),
                        .name = kj_span_str(cases[i].name)};
        const kj_autostart_row *row = kj_autostart_row_of(&spot);
        if (cases[i].row)
            assert_string_equal(row ? row->id : "none", cases[i].row);
        else
            assert_null(row);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_unique),        cmocka_unit_test(places_can_be_read),
        cmocka_unit_test(defaults_are_known),    cmocka_unit_test(restored_values_have_a_text),
        cmocka_unit_test(values_find_their_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
