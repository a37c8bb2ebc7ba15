/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "base/arith.h"
#include "base/text.h"
#include "formats/ini.h"
#include "tests/formats/apply_edits.h"

typedef struct setup {
    kj_arena arena;
    kj_buf log;
    kj_ini ini;
} setup;

static void begin(setup *s)
{
    kj_arena_init(&s->arena, 64 << 20);
    kj_buf_init(&s->log, 64 << 20);
}

static void end(setup *s)
{
    kj_buf_done(&s->log);
    kj_arena_done(&s->arena);
}

/* A text as UTF-16LE with its mark; ASCII and Latin-1 bytes only. */
static kj_span widen(kj_arena *arena, kj_span text)
{
    uint8_t *wide = kj_arena_alloc(arena, 2 * text.len + 2);
    assert_non_null(wide);
    wide[0] = 0xFF;
    wide[1] = 0xFE;
    for (size_t i = 0; i < text.len; i++)
        wide[2 * i + 2] = text.data[i];
    return kj_span_of(wide, 2 * text.len + 2);
}

/* A line an entry: line number, [section], key=value, marks. */
static const char *list(setup *s, kj_span file)
{
    kj_error err;
    assert_int_equal(kj_ini_read(file, &s->arena, &s->ini, &err), KJ_OK);
    kj_buf_clear(&s->log);
    for (size_t i = 0; i < s->ini.count; i++) {
        const kj_ini_entry *entry = &s->ini.entries[i];
        kj_buf_printf(&s->log, "%u [", entry->line);
        kj_escape(entry->section, NULL, &s->log);
        kj_buf_put_text(&s->log, "] ");
        kj_escape(entry->key, NULL, &s->log);
        kj_buf_put_text(&s->log, "=");
        kj_escape(entry->value, NULL, &s->log);
        kj_buf_put_text(&s->log, entry->shadowed ? " (shadowed)\n" : "\n");
    }
    return kj_buf_text(&s->log);
}

static const struct {
    const char *file;
    const char *entries;
} readings[] = {
    {"", ""},
    {"[windows]\r\nload=\r\nrun=a.exe b.exe\r\n",
     "2 [windows] load=\n3 [windows] run=a.exe b.exe\n"},
    {"[boot]\nshell=Explorer.exe x.exe", "2 [boot] shell=Explorer.exe x.exe\n"},
    /* blanks, and one pair of quotes */
    {" [ Boot ] junk\n\t Shell \t= \"a b\" \t\n", "2 [Boot] Shell=a b\n"},
    {"[s]\na='x'\nb=\"\"x\"\"\nc=\"\nd=\"x'\ne=''\nf=\" x \"",
     "2 [s] a=x\n3 [s] b=\"x\"\n4 [s] c=\"\n5 [s] d=\"x'\n6 [s] e=\n7 [s] f= x \n"},
    /* comments begin lines only */
    {"[s]\n;a=1\n ; b=2\nc=3 ; d\n", "4 [s] c=3 ; d\n"},
    /* no sections and no entries */
    {"k=v\n[s\nx\n=\n[]\na=b", "1 [] k=v\n4 [] =\n6 [] a=b\n"},
    {"[s]\n[t=1\n", "2 [s] [t=1\n"},
    {"[s]]\na=b=c\n", "2 [s] a=b=c\n"},
    /* the first one wins, in any case, and in a section that comes again */
    {"[A]\nk=1\nK=2\n[b]\nk=3\n[a]\nk=4\nl=5",
     "2 [A] k=1\n3 [A] K=2 (shadowed)\n5 [b] k=3\n7 [a] k=4 (shadowed)\n8 [a] l=5\n"},
    /* all line ends */
    {"[s]\ra=1\r\rb=2\n\rc=3\r\n\x1A", "2 [s] a=1\n4 [s] b=2\n6 [s] c=3\n"},
    /* windows-1252, and a mark of UTF-8 */
    {"[s]\nk=\x80\xE9\x81\n", "2 [s] k=\xE2\x82\xAC\xC3\xA9\\u{81}\n"},
    {"[s]\nstra\xDF\xC4=1\nSTRA\xDF\xE4=2\n",
     "2 [s] stra\xC3\x9F\xC3\x84=1\n3 [s] STRA\xC3\x9F\xC3\xA4=2 (shadowed)\n"},
    {"\xEF\xBB\xBF[s]\nk=v\n", "2 [s] k=v\n"},
};

static void files_are_read_as_windows_reads_them(void **state)
{
    (void)state;
    setup s;
    begin(&s);
    for (size_t i = 0; i < KJ_COUNT(readings); i++)
        assert_string_equal(list(&s, kj_span_str(readings[i].file)), readings[i].entries);
    end(&s);
}

static void utf16_is_read_in_the_same_way(void **state)
{
    (void)state;
    setup s;
    begin(&s);
    for (size_t i = 0; i < KJ_COUNT(readings); i++) {
        kj_span file = kj_span_str(readings[i].file);
        bool ascii = true;
        for (size_t j = 0; j < file.len; j++)
            ascii &= file.data[j] < 0x80;
        if (!ascii)
            continue;
        kj_span wide = widen(&s.arena, file);
        assert_string_equal(list(&s, wide), readings[i].entries);
        assert_true(s.ini.wide);
    }
    /* a pair of surrogates, a lone one, half a unit at the end */
    static const uint8_t odd[] = "\xFF\xFE[\0s\0]\0\n\0k\0=\0\x3D\xD8\x00\xDE\x00\xD8x";
    assert_string_equal(list(&s, kj_span_of(odd, sizeof odd - 1)),
                        "2 [s] k=\xF0\x9F\x98\x80\xEF\xBF\xBD\n");
    end(&s);
}

static void what_lies_beyond_32_kb_is_marked(void **state)
{
    (void)state;
    setup s;
    begin(&s);
    kj_buf file;
    kj_buf_init(&file, 64 << 10);
    kj_buf_put_text(&file, "[s]\n");
    while (file.len < 32768 - 4)
        kj_buf_put_text(&file, ";\n");
    kj_buf_put_text(&file, "a=1\nb=2\n");
    kj_error err;
    assert_int_equal(kj_ini_read(kj_buf_span(&file), &s.arena, &s.ini, &err), KJ_OK);
    assert_int_equal(s.ini.count, 2);
    assert_false(s.ini.entries[0].beyond_9x);
    assert_true(s.ini.entries[1].beyond_9x);
    kj_buf_done(&file);
    end(&s);
}

static void there_are_limits(void **state)
{
    (void)state;
    setup s;
    begin(&s);
    kj_buf file;
    kj_error err;
    kj_buf_init(&file, 32 << 20);
    for (size_t i = 0; i < (1 << 18); i++)
        kj_buf_put_text(&file, "=\n");
    assert_int_equal(kj_ini_read(kj_buf_span(&file), &s.arena, &s.ini, &err), KJ_OK);
    kj_buf_put_text(&file, "=\n");
    assert_int_equal(kj_ini_read(kj_buf_span(&file), &s.arena, &s.ini, &err), KJ_LIMIT);
    kj_buf_clear(&file);
    kj_buf_put_zeros(&file, (16 << 20) + 1);
    assert_int_equal(kj_ini_read(kj_buf_span(&file), &s.arena, &s.ini, &err), KJ_LIMIT);
    kj_buf_done(&file);
    end(&s);
}

static void lists_have_tokens(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        const char *tokens;
    } rows[] = {
        {"", ""},
        {" ,; ", ""},
        {"a", "<a>"},
        {"a.exe b.exe", "<a.exe><b.exe>"},
        {" a,b;c\td ,", "<a><b><c><d>"},
        {"\"a b\" c", "<a b><c>"},
        {"c \"a b", "<c><a b>"},
        {"\"\" x\"y z\"", "<><x\"y><z\">"},
    };
    for (size_t i = 0; i < KJ_COUNT(rows); i++) {
        kj_buf log;
        kj_buf_init(&log, 4096);
        kj_span token;
        for (size_t pos = 0; kj_ini_next_token(kj_span_str(rows[i].value), &pos, &token);)
            kj_buf_printf(&log, "<%.*s>", (int)token.len, (const char *)token.data);
        assert_string_equal(kj_buf_text(&log), rows[i].tokens);
        kj_buf_done(&log);
    }
}

enum { TOKEN = KJ_INI_REMOVE_TOKEN, SET = KJ_INI_SET, LINE = KJ_INI_REMOVE_LINE };

typedef struct change_row {
    const char *before;
    struct {
        int kind;
        size_t entry;
        const char *text; /* NULL: no change */
    } changes[3];
    const char *after;
} change_row;

static const change_row changes[] = {
    {"[w]\r\nrun=a.exe b.exe\r\n", {{TOKEN, 0, "a.exe"}}, "[w]\r\nrun=b.exe\r\n"},
    {"[w]\r\nrun=a.exe b.exe\r\n", {{TOKEN, 0, "B.EXE"}}, "[w]\r\nrun=a.exe\r\n"},
    {"run=a.exe\r\nload=", {{TOKEN, 0, "a.exe"}}, "run=\r\nload="},
    {"shell=Explorer.exe x.exe", {{TOKEN, 0, "x.exe"}}, "shell=Explorer.exe"},
    {"run= a, b, c ;", {{TOKEN, 0, "b"}}, "run= a, c ;"},
    {"run= a, b, c ;", {{TOKEN, 0, "c"}}, "run= a, b ;"},
    {"run= a, b, c ;", {{TOKEN, 0, "a"}}, "run= b, c ;"},
    {"run=x x a x x b x", {{TOKEN, 0, "x"}}, "run=a b"},
    {"run=a b c", {{TOKEN, 0, "c"}, {TOKEN, 0, "a"}}, "run=b"},
    {"run=a b", {{TOKEN, 0, "ab"}}, "run=a b"},
    {"run=abc ab", {{TOKEN, 0, "ab"}}, "run=abc"},
    {"run=", {{TOKEN, 0, "a"}}, "run="},
    /* quotes: of a token, of the value, and those that would be taken for the value's */
    {"run=\"c d\" e", {{TOKEN, 0, "c d"}}, "run=e"},
    {"run=\"a b\"", {{TOKEN, 0, "a"}}, "run=\"b\""},
    {"run= \"a a\" ", {{TOKEN, 0, "a"}}, "run=  "},
    {"run=a \"c d\"\n", {{TOKEN, 0, "a"}}, "run=\"\"c d\"\"\n"},
    {"run=\"a\" 'b", {{TOKEN, 0, "'b"}}, "run=\"\"a\"\""},
    {"run=a \"x\"b", {{TOKEN, 0, "x"}}, "run=a b"},
    {"run=a \"x\" \"x\"b", {{TOKEN, 0, "x"}}, "run=a b"},
    /* what is not ASCII stays in step */
    {"run=\xE9\x80 a \xE9", {{TOKEN, 0, "a"}}, "run=\xE9\x80 \xE9"},
    {"run=a \xC9", {{TOKEN, 0, "\xC3\xA9"}}, "run=a"},
    {"k = old ; x\nl=1", {{SET, 0, "new"}}, "k = new\nl=1"},
    {"k=", {{SET, 0, "a b"}}, "k=a b"},
    {"k=\"a\"\n", {{SET, 0, ""}}, "k=\n"},
    {"k=a\n", {{SET, 0, " a"}}, "k=\" a\"\n"},
    {"k=a\n", {{SET, 0, "\"a\""}}, "k=\"\"a\"\"\n"},
    {"k=a\n", {{SET, 0, "\xE2\x82\xAC\xC3\xA9"}}, "k=\x80\xE9\n"},
    {"a=1\nb=2\nc=3", {{LINE, 2, ""}, {LINE, 0, ""}}, "b=2\n"},
    {"a=1\r\nb=2\r\n", {{LINE, 0, ""}, {SET, 1, "x"}}, "b=x\r\n"},
    {"a=1 2\nb=2\n", {{TOKEN, 0, "1"}, {SET, 0, "x"}}, "a=x\nb=2\n"},
    {"a=1 2\nb=2\n", {{SET, 0, "x"}, {LINE, 0, ""}, {SET, 0, "y"}}, "b=2\n"},
    {"a=1\n", {{0}}, "a=1\n"},
};

static kj_status apply(setup *s, kj_span file, const change_row *row, kj_buf *out)
{
    kj_ini_change list[3];
    size_t count = 0;
    kj_error err;
    kj_edits edits;
    for (; count < 3 && row->changes[count].text; count++)
        list[count] =
            (kj_ini_change){(kj_ini_change_kind)row->changes[count].kind, row->changes[count].entry,
                            kj_span_str(row->changes[count].text)};
    assert_int_equal(kj_ini_read(file, &s->arena, &s->ini, &err), KJ_OK);
    kj_status status = kj_ini_apply(&s->ini, list, count, &s->arena, &edits, &err);
    if (status == KJ_OK)
        assert_true(apply_edits(file, edits, out));
    return status;
}

static void changes_leave_all_else(void **state)
{
    (void)state;
    setup s;
    begin(&s);
    kj_buf out;
    kj_buf_init(&out, 4096);
    for (size_t i = 0; i < KJ_COUNT(changes); i++) {
        assert_int_equal(apply(&s, kj_span_str(changes[i].before), &changes[i], &out), KJ_OK);
        assert_string_equal(kj_buf_text(&out), changes[i].after);
    }
    kj_buf_done(&out);
    end(&s);
}

static bool is_ascii(const change_row *row)
{
    bool ascii = true;
    for (const char *p = row->before; *p; p++)
        ascii &= (uint8_t)*p < 0x80;
    for (size_t i = 0; i < 3 && row->changes[i].text; i++)
        for (const char *p = row->changes[i].text; *p; p++)
            ascii &= (uint8_t)*p < 0x80;
    return ascii;
}

static void changes_of_utf16(void **state)
{
    (void)state;
    setup s;
    begin(&s);
    kj_buf out;
    kj_buf_init(&out, 4096);
    for (size_t i = 0; i < KJ_COUNT(changes); i++) {
        if (!is_ascii(&changes[i]))
            continue;
        kj_span file = widen(&s.arena, kj_span_str(changes[i].before));
        assert_int_equal(apply(&s, file, &changes[i], &out), KJ_OK);
        assert_true(
            kj_span_equal(kj_buf_span(&out), widen(&s.arena, kj_span_str(changes[i].after))));
    }
    /* A lone surrogate stays what it is; a character beyond the first plane becomes two units. */
    static const uint8_t odd[] = "\xFF\xFE=\0\x00\xD8 \0a\0\n\0k\0=\0";
    static const uint8_t changed[] = "\xFF\xFE=\0\x00\xD8\n\0k\0=\0\x3D\xD8\x00\xDE";
    change_row row = {.changes = {{TOKEN, 0, "a"}, {SET, 1, "\xF0\x9F\x98\x80"}}};
    assert_int_equal(apply(&s, kj_span_of(odd, sizeof odd - 1), &row, &out), KJ_OK);
    assert_true(kj_span_equal(kj_buf_span(&out), kj_span_of(changed, sizeof changed - 1)));
    kj_buf_done(&out);
    end(&s);
}

static void what_cannot_be_written_is_refused(void **state)
{
    (void)state;
    static const change_row rows[] = {
        {"k=a", {{SET, 0, "\xE3\x81\x82"}}, NULL}, /* hiragana in windows-1252 */
        {"k=a", {{SET, 0, "\xFF"}}, NULL},
        {"k=a", {{SET, 0, "a\nb"}}, NULL},
        {"k=a", {{SET, 0, "a\rb"}}, NULL},
        {"k=a", {{SET, 0, "x"}, {SET, 0, "y"}}, NULL},
        {"[k=a", {{SET, 0, "]"}}, NULL},
        {"k=a\n\xFF\xFEx=b", {{LINE, 0, ""}}, NULL},
        {"k=a\n\xEF\xBB\xBF[s]", {{LINE, 0, ""}}, NULL},
    };
    setup s;
    begin(&s);
    kj_buf out;
    kj_buf_init(&out, 4096);
    for (size_t i = 0; i < KJ_COUNT(rows); i++)
        assert_int_equal(apply(&s, kj_span_str(rows[i].before), &rows[i], &out), KJ_UNSUPPORTED);
    change_row row = {"k=a", {{SET, 1, "x"}}, NULL};
    assert_int_equal(apply(&s, kj_span_str(row.before), &row, &out), KJ_INTERNAL);
    kj_buf_done(&out);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_read_as_windows_reads_them),
        cmocka_unit_test(utf16_is_read_in_the_same_way),
        cmocka_unit_test(what_lies_beyond_32_kb_is_marked),
        cmocka_unit_test(there_are_limits),
        cmocka_unit_test(lists_have_tokens),
        cmocka_unit_test(changes_leave_all_else),
        cmocka_unit_test(changes_of_utf16),
        cmocka_unit_test(what_cannot_be_written_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
