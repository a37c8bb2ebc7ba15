/* SPDX-License-Identifier: Apache-2.0 */
#include "base/front_coded.h"

#include "base/arith.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES = 3000 };

/* Names as feeds have them: long runs that differ at their ends, and others between. */
static kj_span name_of(unsigned i, char out[64])
{
    static const char *const families[] = {"Win.Trojan.Agent", "Html.Phishing.Bank", "Eicar", "W"};
    int len = snprintf(out, 64, "%s-%u-0", families[i / 7 % KJ_COUNT(families)], i * 13);
    return kj_span_of(out, (size_t)len);
}

static kj_front_view view_of(const kj_front_writer *w)
{
    return (kj_front_view){kj_buf_span(&w->bytes), (const uint32_t *)(const void *)w->blocks.data,
                           (uint32_t)(w->blocks.len / sizeof(uint32_t))};
}

/* All blocks. */
static kj_status verify(const kj_front_view *view, uint32_t *out_count)
{
    *out_count = 0;
    for (uint32_t i = 0; i < view->block_count; i++) {
        uint32_t count;
        KJ_TRY(kj_front_verify(view, i, &count, NULL));
        *out_count += count;
    }
    return KJ_OK;
}

static uint32_t add(kj_front_writer *w, kj_span text)
{
    uint32_t number = UINT32_MAX;
    kj_error err;
    assert_int_equal(kj_front_add(w, text, &number, &err), KJ_OK);
    return number;
}

static void fill(kj_front_writer *w)
{
    char name[64];
    kj_front_init(w);
    for (unsigned i = 0; i < NAMES; i++)
        assert_int_equal(add(w, name_of(i, name)), i);
}

static void test_texts_come_back(void **state)
{
    (void)state;
    kj_front_writer w;
    fill(&w);
    const kj_front_view view = view_of(&w);
    uint8_t text[KJ_FRONT_TEXT_MAX];
    char name[64];
    uint32_t count = 0;
    for (unsigned i = 0; i < NAMES; i++) {
        kj_span expected = name_of(NAMES - 1 - i, name);
        assert_true(kj_span_equal(kj_front_text(&view, NAMES - 1 - i, text), expected));
    }
    assert_int_equal(kj_front_text(&view, NAMES, text).len, 0);
    assert_int_equal(kj_front_text(&view, UINT32_MAX, text).len, 0);
    assert_int_equal(verify(&view, &count), KJ_OK);
    assert_int_equal(count, NAMES);
    assert_true(w.bytes.len < NAMES * 12);
    kj_front_done(&w);
}

static void test_nothing_is_a_list(void **state)
{
    (void)state;
    kj_front_writer w;
    kj_front_init(&w);
    const kj_front_view view = view_of(&w);
    uint8_t text[KJ_FRONT_TEXT_MAX];
    uint32_t count = 7;
    assert_int_equal(kj_front_text(&view, 0, text).len, 0);
    assert_int_equal(verify(&view, &count), KJ_OK);
    assert_int_equal(count, 0);
    assert_int_equal(kj_front_verify(&view, 0, &count, NULL), KJ_MALFORMED);
    kj_front_done(&w);
}

static void test_repetitions_are_one(void **state)
{
    (void)state;
    kj_front_writer w;
    kj_front_init(&w);
    static char tail[200];
    memset(tail, 'x', sizeof tail);
    kj_span a = kj_span_str("Win.Worm.A"), b = kj_span_str("Win.Worm.B");
    kj_span tall = kj_span_of(tail, sizeof tail);
    assert_int_equal(add(&w, a), 0);
    assert_int_equal(add(&w, a), 0);
    assert_int_equal(add(&w, b), 1);
    assert_int_equal(add(&w, a), 0);
    assert_int_equal(add(&w, tall), 2); /* too long to be remembered, but not to be the last */
    assert_int_equal(add(&w, tall), 2);
    assert_int_equal(add(&w, b), 1);
    assert_int_equal(w.count, 3);
    kj_front_done(&w);
}

static void test_lengths_have_bounds(void **state)
{
    (void)state;
    kj_front_writer w;
    kj_front_init(&w);
    uint8_t all[KJ_FRONT_TEXT_MAX + 1], text[KJ_FRONT_TEXT_MAX];
    uint32_t number;
    kj_error err;
    memset(all, 'y', sizeof all);
    assert_int_equal(kj_front_add(&w, kj_span_of(all, 0), &number, &err), KJ_LIMIT);
    assert_int_equal(kj_front_add(&w, kj_span_of(all, sizeof all), &number, &err), KJ_LIMIT);
    kj_span longest = kj_span_of(all, KJ_FRONT_TEXT_MAX);
    number = add(&w, longest);
    const kj_front_view view = view_of(&w);
    assert_true(kj_span_equal(kj_front_text(&view, number, text), longest));
    kj_front_done(&w);
}

/* Whatever byte is damaged: a text is the one that was added, or none. */
static void test_damage_invents_nothing(void **state)
{
    (void)state;
    kj_front_writer w;
    fill(&w);
    kj_front_view view = view_of(&w);
    uint8_t *bytes = w.bytes.data, text[KJ_FRONT_TEXT_MAX];
    char name[64];
    unsigned lost = 0, wrong = 0;
    for (size_t i = 0; i < 1000; i++) {
        size_t at = i * 7919 % w.bytes.len;
        uint8_t flip = (uint8_t)(1u << i % 8);
        bytes[at] ^= flip;
        uint32_t block = 0, count;
        while (block + 1 < view.block_count && view.blocks[block + 1] <= at)
            block++;
        for (uint32_t k = 0; k < KJ_FRONT_BLOCK && block * KJ_FRONT_BLOCK + k < NAMES; k++) {
            uint32_t number = block * KJ_FRONT_BLOCK + k;
            kj_span got = kj_front_text(&view, number, text);
            lost += got.len == 0;
            wrong += got.len && !kj_span_equal(got, name_of(number, name));
        }
        assert_int_equal(verify(&view, &count), KJ_MALFORMED);
        bytes[at] ^= flip;
    }
    assert_true(lost > 1000);
    assert_int_equal(wrong, 0);
    kj_front_done(&w);
}

static void test_a_walk_gives_all(void **state)
{
    (void)state;
    kj_front_writer w;
    fill(&w);
    const kj_front_view view = view_of(&w);
    kj_front_walk walk = {.view = &view};
    char name[64];
    for (unsigned i = 0; i < NAMES; i++) {
        assert_true(kj_front_next(&walk));
        assert_int_equal(walk.number, i);
        assert_true(kj_span_equal(walk.text, name_of(i, name)));
    }
    assert_false(kj_front_next(&walk));
    assert_false(kj_front_next(&walk));
    kj_front_done(&w);
}

/* What a walk passes over is at most the rest of a block, and it invents nothing. */
static void test_a_walk_over_damage(void **state)
{
    (void)state;
    kj_front_writer w;
    fill(&w);
    const kj_front_view view = view_of(&w);
    char name[64];
    for (size_t at = 0; at < w.bytes.len; at += 37) {
        w.bytes.data[at] ^= 0x41;
        kj_front_walk walk = {.view = &view};
        unsigned seen = 0;
        while (kj_front_next(&walk)) {
            assert_true(kj_span_equal(walk.text, name_of(walk.number, name)));
            seen++;
        }
        assert_in_range(seen, NAMES - KJ_FRONT_BLOCK, NAMES - 1);
        w.bytes.data[at] ^= 0x41;
    }
    kj_front_done(&w);
}

static void test_cut_lists(void **state)
{
    (void)state;
    kj_front_writer w;
    fill(&w);
    const kj_front_view view = view_of(&w);
    for (size_t len = 0; len < 300; len++) {
        uint8_t *exact = malloc(len + 1), text[KJ_FRONT_TEXT_MAX];
        assert_non_null(exact);
        memcpy(exact, view.bytes.data, len);
        const kj_front_view cut = {kj_span_of(exact, len), view.blocks, view.block_count};
        uint32_t count;
        for (uint32_t i = 0; i < 2 * KJ_FRONT_BLOCK; i++)
            (void)kj_front_text(&cut, i, text);
        assert_int_equal(verify(&cut, &count), KJ_MALFORMED);
        free(exact);
    }
    kj_front_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_come_back),        cmocka_unit_test(test_nothing_is_a_list),
        cmocka_unit_test(test_repetitions_are_one),    cmocka_unit_test(test_lengths_have_bounds),
        cmocka_unit_test(test_damage_invents_nothing), cmocka_unit_test(test_cut_lists),
        cmocka_unit_test(test_a_walk_gives_all),       cmocka_unit_test(test_a_walk_over_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
