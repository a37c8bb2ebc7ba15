/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/name.h"

#include "base/arith.h"
#include "base/text.h"
#include "tests/test.h"

static int set_up(void **state)
{
    static kj_arena arena;
    kj_arena_init(&arena, 1 << 24);
    *state = &arena;
    return 0;
}

static int tear_down(void **state)
{
    kj_arena_done(*state);
    return 0;
}

static void canonical_names_come_back_as_they_are(void **state)
{
    static const char *const names[] = {
        "W32/Mimail.q@MM",
        "W32/Mimail.gen@MM",
        "W32/Mimail@MM",
        "W32/Mimail.hta",
        "W32/Mimail.a@MM",
        "W32/Netsky.b@MM!zip",
        "W32/Netsky.p@MM",
        "W32/Netsky.d@MM!dam",
        "W32/Bagle.aa@MM",
        "W32/Bagle.gen.1@MM",
        "W32/Bagle.zip",
        "W32/Bagle.dll.dr",
        "W32/Mydoom.a@MM",
        "W32/Mydoom.bb@MM",
        "W32/Mydoom.dam",
        "W32/Klez.h@MM",
        "W32/Klez.gen@MM",
        "W32/Klez.dam",
        "W32/Sircam@MM",
        "W32/Sircam.cfg",
        "W32/Swen@MM",
        "W32/Nimda.a@MM",
        "W32/Nimda.dll",
        "W32/Nimda.gen@MM",
        "W32/Sobig.f@MM",
        "W32/Sobig.dam",
        "W32/Bugbear.b.dam",
        "W32/Bugbear.17916",
        "W32/Sdbot.worm.gen.h",
        "W32/Gaobot.worm.gen.e",
        "W32/Blaster.worm",
        "W32/Blaster.worm.k",
        "W32/Sasser.worm.a",
        "W32/Spybot.worm.gen.p",
        "W32/Autorun.worm.zzk",
        "W32/Conficker.worm.inf",
        "W32/Magistr.a@MM",
        "W32/Magistr.24876",
        "W32/Hybris.gen@MM",
        "W32/Ska.dll",
        "W32/Ska.a@M",
        "W32/Fizzer.gen@MM",
        "W32/Yaha.g@MM",
        "W32/Badtrans.b@MM",
        "W32/Navidad.e@M",
        "W32/Dumaru.a@MM",
        "W32/Zafi.b@MM",
        "W32/Lovgate.x#aspack@MM",
        "W95/CIH.1003",
        "W95/Spaces.1445",
        "W97M/Melissa.a@MM",
        "W97M/Class.bn:de",
        "WM/Concept.a",
        "WM/Cap.a:pt-br",
        "X97M/Laroux.a",
        "O97M/Tristate.c",
        "PP97M/Vic.a",
        "VBS/Loveletter.a@MM",
        "VBS/Redlof.gen",
        "JS/Kak@M",
        "JS/Exception.gen",
        "HTML/Iframe.gen",
        "IRC/Stages.worm",
        "BAT/Mumu.worm",
        "Linux/Rst.b",
        "Linux/Slapper.worm.c",
        "Unix/Adore.worm",
        "INF/Conficker",
        "REG/Zerolin",
        "MSIL/Fizzy.a",
        "W64/Rugrat.3344",
        "SymbOS/Cabir.a",
        "Android/Fakeplayer.a",
        "OSX/Leap.a",
        "Boot/Michelangelo",
        "DOS/Cascade.1701",
        "Cascade.1701.a",
        "EICAR-Test-File",
        "trojan://W32/Backdoor-X.b",
        "virus://WM/Wazzu.a:fr#none@M!kit",
        "W32/1stBorn.aaa999",
        "joke://Geschenk",
        "test://W32/A-b_c.gen",
        "W32/Family.gen.1234567",
    };
    for (size_t i = 0; i < KJ_COUNT(names); i++) {
        kj_name name;
        kj_error err = {0};
        if (kj_name_parse(*state, kj_span_str(names[i]), &name, &err) != KJ_OK)
            fail_msg("%s: %s", names[i], err.message);
        assert_string_equal(kj_name_print(*state, &name), names[i]);
    }
}

static void other_spellings_become_canonical(void **state)
{
    static const struct {
        const char *in;
        const char *out;
    } cases[] = {
        {"w32/Mimail.Q@mm", "W32/Mimail.q@MM"}, {"W32/Mimail.GEN@Mm", "W32/Mimail.gen@MM"},
        {"linux/Rst.B", "Linux/Rst.b"},         {"VIRUS://wm/Cap.A:TW", "virus://WM/Cap.a:tw"},
        {"symbos/Cabir.A", "SymbOS/Cabir.a"},   {"W32/Netsky.B@MM!ZIP", "W32/Netsky.b@MM!ZIP"},
        {"W32/Lovgate.X#ASPack@m", NULL},       {"w32/Ska.DLL", "W32/Ska.dll"},
        {"OSX/leap.a", "OSX/leap.a"},           {"Html/Iframe.Gen.7", "HTML/Iframe.gen.7"},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        kj_name name;
        assert_int_equal(kj_name_parse(*state, kj_span_str(cases[i].in), &name, NULL), KJ_OK);
        assert_string_equal(kj_name_print(*state, &name),
                            cases[i].out ? cases[i].out : "W32/Lovgate.x#ASPack@M");
    }
}

static void parts_know_what_they_are(void **state)
{
    kj_name n;
    static const char text[] = "trojan://W32/Sdbot.worm.gen.12.4096.q.aa7:de#UPX@MM!Worm";
    assert_int_equal(kj_name_parse(*state, kj_span_str(text), &n, NULL), KJ_OK);
    assert_span(n.type, "trojan");
    assert_span(n.platform, "W32");
    assert_span(n.family, "Sdbot");
    assert_int_equal(n.part_count, 5);
    static const struct {
        kj_part_kind kind;
        uint32_t number;
        const char *text;
    } parts[] = {{KJ_PART_COMPONENT, 0, "worm"},
                 {KJ_PART_GENERIC, 12, "gen.12"},
                 {KJ_PART_LENGTH, 4096, "4096"},
                 {KJ_PART_VARIANT, 17, "q"},
                 {KJ_PART_VARIANT, 27, "aa7"}};
    for (size_t i = 0; i < KJ_COUNT(parts); i++) {
        assert_int_equal(n.parts[i].kind, parts[i].kind);
        assert_int_equal(n.parts[i].number, parts[i].number);
        assert_span(n.parts[i].text, parts[i].text);
    }
    assert_span(n.locale, "de");
    assert_span(n.packer, "UPX");
    assert_span(n.mailer, "MM");
    assert_span(n.comment, "Worm");
}

static void malformed_names_are_located(void **state)
{
    static const struct {
        const char *text;
        size_t offset;
    } cases[] = {
        {"", 0},
        {" W32/Mimail", 0},
        {"W32/Mimail q", 10},
        {"W32/", 4},
        {"/Mimail", 0},
        {"W33/Mimail", 0},
        {"W32/A/B", 5},
        {"worm://W32/Mimail", 0},
        {"://W32/Mimail", 0},
        {"virus:/W32/Mimail", 0},
        {"W32/-Mimail", 4},
        {"W32/_", 4},
        {"W32/.a", 4},
        {"W32/Mimail.", 11},
        {"W32/Mimail..a", 11},
        {"W32/Mimail.abcd", 11},
        {"W32/Nimda.htm-x.a", 10},
        {"W32/Bugbear.17916.intd", 18},
        {"W32/Mimail.a1234", 11},
        {"W32/Mimail.a01", 11},
        {"W32/Mimail.1a", 11},
        {"W32/Mimail.012", 11},
        {"W32/Mimail.12345678", 11},
        {"W32/Mimail.gen.gen", 14},
        {"W32/Mimail.gen.0", 15},
        {"W32/Mimail.12.34", 13},
        {"W32/Mimail.a.b.c.d.e.f.g", 22},
        {"W32/Mimail@", 11},
        {"W32/Mimail@mmm", 11},
        {"W32/Mimail@x", 11},
        {"W32/Mimail@MM.q", 13},
        {"W32/Mimail@MM@MM", 13},
        {"W32/Mimail!", 11},
        {"W32/Mimail!a@MM", 12},
        {"W32/Mimail:", 11},
        {"W32/Mimail:d", 11},
        {"W32/Mimail:d2", 11},
        {"W32/Mimail#", 11},
        {"W32/Mimail@MM#UPX", 13},
        {"W32/Mimail\x80", 10},
        {"W32/Mim\xc3\xa4il", 7},
        {"W32\\Mimail", 3},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        kj_name name;
        kj_error err = {0};
        if (kj_name_parse(*state, kj_span_str(cases[i].text), &name, &err) != KJ_MALFORMED)
            fail_msg("%s was accepted", cases[i].text);
        if (err.offset != cases[i].offset)
            fail_msg("%s: %s at %d", cases[i].text, err.message, (int)err.offset);
        assert_int_equal(kj_name_rank(kj_span_str(cases[i].text)), 0);
    }
    char longest[KJ_NAME_MAX + 1];
    memset(longest, 'a', sizeof longest);
    kj_name name;
    assert_int_equal(kj_name_parse(*state, kj_span_of(longest, KJ_NAME_MAX), &name, NULL), KJ_OK);
    assert_int_equal(kj_name_parse(*state, kj_span_of(longest, sizeof longest), &name, NULL),
                     KJ_MALFORMED);
    assert_int_equal(kj_name_parse(*state, kj_span_of("W32/A\0b", 7), &name, NULL), KJ_MALFORMED);
}

/* Each says more than the one before it. */
static void ranks_by_how_much_a_name_says(void **state)
{
    (void)state;
    static const char *const rising[] = {
        "no name at all",    "Mimail",
        "W32/Mimail@MM",     "W32/Mimail.gen",
        "W32/Mimail.gen@MM", "W32/Mimail.hta",
        "W32/Mimail.hta!x",  "W32/Mimail.q",
        "W32/Mimail.q@MM",   "W32/Mimail.q.dll@MM",
    };
    for (size_t i = 1; i < KJ_COUNT(rising); i++)
        assert_true(kj_name_rank(kj_span_str(rising[i - 1])) <
                    kj_name_rank(kj_span_str(rising[i])));
    assert_true(kj_name_rank(kj_span_str("W32/Sdbot.worm.gen.h")) <
                kj_name_rank(kj_span_str("W32/Sdbot.worm")));
}

static void platforms_are_unique_and_say_something(void **state)
{
    (void)state;
    for (size_t i = 0; i < kj_platform_count; i++) {
        const kj_platform *p = &kj_platforms[i];
        assert_ptr_equal(kj_platform_find(kj_span_str(p->name)), p);
        assert_true(*p->title && *p->clamav && *p->microsoft && p->stix);
    }
    assert_string_equal(kj_platform_find(kj_span_str("w32"))->clamav, "Win");
    assert_null(kj_platform_find(kj_span_str("W3")));
    assert_null(kj_platform_find(kj_span_str("")));
}

/* ---- names made at random from the grammar ------------------------------------------------ */

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static void put_random(kj_buf *out, uint32_t *seed, const char *alphabet, size_t least, size_t most)
{
    size_t len = least + next_random(seed) % (most - least + 1);
    while (len--)
        kj_buf_put_byte(out, (uint8_t)alphabet[next_random(seed) % strlen(alphabet)]);
}

static void put_random_part(kj_buf *out, uint32_t *seed, bool *had_generic, bool *had_length)
{
    static const char *const components[] = {"dr", "dll", "hta", "worm", "js", "inf"};
    kj_buf_put_byte(out, '.');
    unsigned kind = next_random(seed) % 4;
    if (kind == 0 && !*had_generic) {
        kj_buf_put_text(out, "gen");
        if (next_random(seed) % 2)
            kj_buf_printf(out, ".%u", 1 + next_random(seed) % 999);
        *had_generic = *had_length = true; /* digits after gen would be its number */
    } else if (kind == 1 && !*had_length) {
        kj_buf_printf(out, "%u", 1 + next_random(seed) % 9999999);
        *had_length = true;
    } else if (kind == 2) {
        kj_buf_put_text(out, components[next_random(seed) % KJ_COUNT(components)]);
    } else {
        put_random(out, seed, "abcxyz", 1, 2);
        if (next_random(seed) % 3 == 0)
            kj_buf_printf(out, "%u", 1 + next_random(seed) % 999);
    }
}

static void put_random_name(kj_buf *out, uint32_t *seed)
{
    static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    static const char *const types[] = {"virus", "trojan", "kit", "test"};
    static const struct {
        char mark;
        const char *text; /* NULL: a word */
    } suffixes[] = {{':', "pt-br"}, {'#', NULL}, {'@', "MM"}, {'!', NULL}};
    bool had_generic = false, had_length = false;
    if (next_random(seed) % 4 == 0)
        kj_buf_printf(out, "%s://", types[next_random(seed) % KJ_COUNT(types)]);
    if (next_random(seed) % 5)
        kj_buf_printf(out, "%s/", kj_platforms[next_random(seed) % kj_platform_count].name);
    put_random(out, seed, word, 1, 12);
    for (unsigned parts = next_random(seed) % 4; parts > 0; parts--)
        put_random_part(out, seed, &had_generic, &had_length);
    for (size_t i = 0; i < KJ_COUNT(suffixes); i++) {
        if (next_random(seed) % 3)
            continue;
        kj_buf_put_byte(out, (uint8_t)suffixes[i].mark);
        if (suffixes[i].text)
            kj_buf_put_text(out, suffixes[i].text);
        else
            put_random(out, seed, word, 1, 8);
    }
}

static void assert_same_name(const kj_name *a, const kj_name *b)
{
    assert_true(kj_span_equal(a->type, b->type));
    assert_true(kj_span_equal(a->platform, b->platform));
    assert_true(kj_span_equal(a->family, b->family));
    assert_true(kj_span_equal(a->locale, b->locale));
    assert_true(kj_span_equal(a->packer, b->packer));
    assert_true(kj_span_equal(a->mailer, b->mailer));
    assert_true(kj_span_equal(a->comment, b->comment));
    assert_int_equal(a->part_count, b->part_count);
    for (size_t i = 0; i < a->part_count; i++) {
        assert_int_equal(a->parts[i].kind, b->parts[i].kind);
        assert_int_equal(a->parts[i].number, b->parts[i].number);
        assert_true(kj_span_equal(a->parts[i].text, b->parts[i].text));
    }
}

static void parsing_inverts_printing(void **state)
{
    kj_arena *arena = *state;
    uint32_t seed = 4318;
    for (int i = 0; i < 20000; i++) {
        kj_arena_reset(arena);
        kj_buf text;
        kj_buf_init(&text, 256);
        put_random_name(&text, &seed);
        kj_name name, again;
        kj_error err = {0};
        if (kj_name_parse(arena, kj_buf_span(&text), &name, &err) != KJ_OK)
            fail_msg("%s: %s", kj_buf_text(&text), err.message);
        char *printed = kj_name_print(arena, &name);
        assert_string_equal(printed, kj_buf_text(&text));
        assert_int_equal(kj_name_parse(arena, kj_span_str(printed), &again, NULL), KJ_OK);
        assert_same_name(&name, &again);
        assert_true(kj_name_rank(kj_buf_span(&text)) > 0);
        kj_buf_done(&text);
    }
}

static void running_out_of_memory_is_said(void **state)
{
    (void)state;
    kj_arena none;
    kj_arena_init(&none, 0);
    kj_name name;
    assert_int_equal(kj_name_parse(&none, kj_span_str("W32/A"), &name, NULL), KJ_NO_MEMORY);
    kj_arena_done(&none);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_names_come_back_as_they_are),
        cmocka_unit_test(other_spellings_become_canonical),
        cmocka_unit_test(parts_know_what_they_are),
        cmocka_unit_test(malformed_names_are_located),
        cmocka_unit_test(ranks_by_how_much_a_name_says),
        cmocka_unit_test(platforms_are_unique_and_say_something),
        cmocka_unit_test(parsing_inverts_printing),
        cmocka_unit_test(running_out_of_memory_is_said),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
