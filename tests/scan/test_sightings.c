/* SPDX-License-Identifier: Apache-2.0 */
/* What only the union of a volume's files shows is told once, at the object it is about. */
#include "scan/sightings.h"

#include "base/arith.h"
#include "base/buf.h"
#include "tests/scan/tiny_defs.h"
#include "tests/test.h"

static tiny_defs tiny;
static const kj_defs *const set_items[] = {&tiny.defs};
static const kj_wire_sets sets = {set_items, 1};

/* CODE: artifact 0 and artifact 1, in prefix order (defs/format.h). */
static const uint32_t code[] = {
    KJ_OP_AND | KJ_TYPE_BOOL << 8 | 2u << 16,
    9,
    0, /* both */
    KJ_OP_ARTIFACT | KJ_TYPE_BOOL << 8,
    3,
    0, /* the page */
    KJ_OP_ARTIFACT | KJ_TYPE_BOOL << 8,
    3,
    1, /* the dropper */
    KJ_OP_BOOL | KJ_TYPE_BOOL << 8,
    5,
    0,
    0,
    0, /* never */
    KJ_OP_AND | KJ_TYPE_BOOL << 8 | 2u << 16,
    12,
    0, /* the page, but not the rule */
    KJ_OP_ARTIFACT | KJ_TYPE_BOOL << 8,
    3,
    0,
    KJ_OP_NOT | KJ_TYPE_BOOL << 8 | 1u << 16,
    6,
    0,
    KJ_OP_RULE | KJ_TYPE_BOOL << 8,
    3,
    1,
};

enum { BOTH = 0, NEVER = 9, PAGE_WITHOUT_RULE = 14 };

static int set_up(void **state)
{
    (void)state;
    tiny_init(&tiny);
    tiny.defs.code = (kj_defs_section){code, KJ_COUNT(code)};
    for (int i = 0; i < 3; i++)
        tiny.detects[i].code = NEVER;
    tiny.detects[TINY_PAGE].code = BOTH;
    tiny.detects[TINY_PAGE].anchors = (kj_disk_run){2, 1};
    tiny.lists[2] = 0; /* the page */
    return 0;
}

static void write_down(void *user, const kj_run_object *object)
{
    kj_buf *out = user;
    const kj_finding *f = &object->findings[object->best];
    assert_true(object->by_volume);
    kj_buf_put(out, object->path);
    kj_buf_put_byte(out, '!');
    kj_buf_put(out, f->member);
    kj_buf_put_byte(out, ' ');
    kj_buf_put(out, f->name);
    kj_buf_printf(out, " %zu\n", f->evidence_count);
}

static void expect(const kj_volume_seen *seen, const char *expected)
{
    kj_buf out;
    kj_buf_init(&out, 4096);
    assert_int_equal(kj_volume_seen_tell(seen, write_down, &out, NULL), KJ_OK);
    assert_string_equal(kj_buf_text(&out), expected);
    kj_buf_done(&out);
}

static void the_union_shows_the_page(void **state)
{
    (void)state;
    kj_volume_seen *seen = kj_volume_seen_new(3, &sets);
    assert_int_equal(kj_volume_seen_id(seen), 3);
    assert_true(kj_volume_seen_add(seen, 0, 0, kj_span_str("v/p"), kj_span_str("m")));
    expect(seen, "");
    assert_true(kj_volume_seen_add(seen, 0, 1, kj_span_str("v/d"), (kj_span){0}));
    kj_volume_seen_reported(seen, kj_span_str("v/d"), (kj_span){0},
                            tiny_span(&tiny, "W32/Tiny.hta"));
    expect(seen, "v/p!m W32/Tiny.hta 2\n");
    kj_volume_seen_free(seen);
}

static void what_was_reported_is_no_news(void **state)
{
    (void)state;
    kj_volume_seen *seen = kj_volume_seen_new(1, &sets);
    assert_true(kj_volume_seen_add(seen, 0, 1, kj_span_str("v/d"), (kj_span){0}));
    assert_true(kj_volume_seen_add(seen, 0, 0, kj_span_str("v/p"), (kj_span){0}));
    kj_volume_seen_reported(seen, kj_span_str("v/p"), (kj_span){0},
                            tiny_span(&tiny, "W32/Tiny.hta"));
    expect(seen, "");
    kj_volume_seen_free(seen);
}

static void rules_count_as_well(void **state)
{
    (void)state;
    tiny.detects[TINY_PAGE].code = PAGE_WITHOUT_RULE;
    kj_volume_seen *seen = kj_volume_seen_new(1, &sets);
    assert_true(kj_volume_seen_add(seen, 0, 0, kj_span_str("v/p"), (kj_span){0}));
    expect(seen, "v/p! W32/Tiny.hta 1\n");
    kj_volume_seen_add_rule(seen, 0, 1);
    expect(seen, "");
    kj_volume_seen_free(seen);
    tiny.detects[TINY_PAGE].code = BOTH;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_union_shows_the_page),
        cmocka_unit_test(what_was_reported_is_no_news),
        cmocka_unit_test(rules_count_as_well),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
