/* SPDX-License-Identifier: Apache-2.0 */
/* The strict check: silent on a hive with one of everything, and one damage after the other. */
#include "tests/test.h"

#include "base/reader.h"
#include "tests/formats/hive_builder.h"

/* A hive, and where its parts are. */
typedef struct parts {
    hive hive;
    uint32_t alpha, beta, gamma, delta; /* subkeys of the root, in two lists below an ri */
    uint32_t child;                     /* of alpha, in an lf */
    uint32_t lh, li, ri, lf;
    uint32_t small, large, huge; /* values: inline, a cell, segments */
    uint32_t class_name;
    uint32_t security; /* a second record, of the child */
} parts;

static void make(parts *p)
{
    static uint8_t data[40000];
    hive *h = &p->hive;
    hive_init(h, 5);
    p->alpha = hive_key(h, h->root, hive_name("Alpha"));
    p->beta = hive_key(h, h->root, hive_name("beta"));
    p->gamma = hive_key(h, h->root, hive_name("Gamma"));
    p->delta = hive_key(h, h->root, hive_name("\xE4"));
    const uint32_t keys[] = {p->alpha, p->beta, p->gamma, p->delta};
    p->lh = hive_list(h, KJ_REGF_LH, keys, 2);
    p->li = hive_list(h, KJ_REGF_LI, keys + 2, 2);
    const uint32_t lists[] = {p->lh, p->li};
    p->ri = hive_list(h, KJ_REGF_RI, lists, 2);
    hive_set_subkeys(h, h->root, p->ri, 4);
    p->child = hive_key(h, p->alpha, hive_name("child"));
    p->lf = hive_list(h, KJ_REGF_LF, &p->child, 1);
    hive_set_subkeys(h, p->alpha, p->lf, 1);
    p->small = hive_value(h, hive_name(""), KJ_REG_DWORD, kj_span_str("1234"));
    p->large = hive_value(h, hive_name("large"), KJ_REG_SZ, kj_span_of(data, 100));
    p->huge = hive_value(h, hive_name("huge"), KJ_REG_BINARY, kj_span_of(data, sizeof data));
    const uint32_t values[] = {p->small, p->large, p->huge};
    hive_set_values(h, p->beta, values, 3);
    p->class_name = hive_cell(h, kj_span_of("c\0l\0a\0s\0s\0", 10));
    hive_patch(h, p->gamma, 48, p->class_name, 4);
    hive_patch(h, p->gamma, 74, 10, 2);
    p->security = hive_security(h);
    hive_patch(h, p->child, 44, p->security, 4);
    hive_finish(h);
    const uint32_t ring[] = {h->security, p->security};
    for (size_t i = 0; i < 2; i++) {
        hive_patch(h, ring[i], 4, ring[1 - i], 4);
        hive_patch(h, ring[i], 8, ring[1 - i], 4);
        hive_patch(h, ring[i], 12, i ? 1 : 5, 4);
    }
}

static kj_regf_checked check(const hive *h)
{
    kj_arena arena;
    kj_registry reg;
    kj_regf_checked result;
    kj_error err = {0};
    kj_arena_init(&arena, 64 << 20);
    assert_int_equal(kj_registry_open(kj_buf_span(&h->bytes), &arena, &reg, &err), KJ_OK);
    assert_int_equal(kj_regf_check(&reg, &arena, NULL, NULL, &result, &err), KJ_OK);
    kj_arena_done(&arena);
    return result;
}

static void test_sound(void **state)
{
    parts p;
    (void)state;
    make(&p);
    kj_regf_checked c = check(&p.hive);
    assert_null(c.first.sentence);
    assert_int_equal(c.errors + c.warnings + c.leaked_cells, 0);
    assert_int_equal(c.keys, 6);
    assert_int_equal(c.values, 3);
    hive_done(&p.hive);
}

static uint32_t get(const hive *h, uint32_t cell, uint32_t at)
{
    kj_reader r = kj_reader_of(kj_buf_span(&h->bytes));
    kj_seek(&r, (uint64_t)KJ_REGF_HEADER_LEN + cell + 4 + at);
    return kj_read_u32le(&r);
}

/* ---- damages -------------------------------------------------------------------------------- */

static void checksum(parts *p)
{
    hive_put(&p->hive, KJ_REGF_CHECKSUM_AT, 1, 4);
}

static void sequence(parts *p)
{
    hive_put(&p->hive, KJ_REGF_SEQUENCE2_AT, 6, 4);
    hive_sum(&p->hive);
}

static void log_type(parts *p)
{
    hive_put(&p->hive, KJ_REGF_TYPE_AT, 1, 4);
    hive_sum(&p->hive);
}

static void cut_off(parts *p)
{
    hive_put(&p->hive, KJ_REGF_DATA_SIZE_AT, p->hive.bin_end + KJ_REGF_PAGE, 4);
    hive_sum(&p->hive);
}

static void odd_size(parts *p)
{
    hive_put(&p->hive, KJ_REGF_DATA_SIZE_AT, p->hive.bin_end - 512, 4);
    hive_sum(&p->hive);
}

static void bin(parts *p)
{
    p->hive.bytes.data[KJ_REGF_HEADER_LEN + KJ_REGF_PAGE] = 'x';
}

static void bin_offset(parts *p)
{
    hive_put(&p->hive, KJ_REGF_HEADER_LEN + KJ_REGF_PAGE + 4, 0, 4);
}

static void cell_size(parts *p)
{
    hive_set_size(&p->hive, p->class_name, -12);
}

static void cell_beyond_bin(parts *p)
{
    hive_set_size(&p->hive, p->class_name, -0x100000);
}

static void leak(parts *p)
{
    hive_patch(&p->hive, p->gamma, 74, 0, 2);
}

static void freed(parts *p)
{
    hive_set_size(&p->hive, p->class_name, 16);
}

static void shared_class(parts *p)
{
    hive_patch(&p->hive, p->beta, 48, p->class_name, 4);
    hive_patch(&p->hive, p->beta, 74, 10, 2);
}

static void long_class(parts *p)
{
    hive_patch(&p->hive, p->gamma, 74, 30, 2);
}

static void parent(parts *p)
{
    hive_patch(&p->hive, p->child, 16, p->beta, 4);
}

static void security_high(parts *p)
{
    hive_patch(&p->hive, p->hive.security, 12, 7, 4);
}

static void security_low(parts *p)
{
    hive_patch(&p->hive, p->hive.security, 12, 4, 4);
}

static void security_ring(parts *p)
{
    hive_patch(&p->hive, p->hive.security, 4, p->alpha, 4);
}

static void security_self(parts *p)
{
    hive_patch(&p->hive, p->security, 4, p->security, 4);
}

static void security_size(parts *p)
{
    hive_patch(&p->hive, p->hive.security, 16, 4000, 4);
}

static void no_security(parts *p)
{
    hive_patch(&p->hive, p->child, 44, p->alpha, 4);
}

static void hash(parts *p)
{
    hive_patch(&p->hive, p->lh, 8, 1, 4);
}

static void hint(parts *p)
{
    hive_patch(&p->hive, p->lf, 8, 1, 4);
}

static void order(parts *p)
{
    hive_patch(&p->hive, p->li, 4, p->delta, 4);
    hive_patch(&p->hive, p->li, 8, p->gamma, 4);
}

static void same_name(parts *p)
{
    hive_patch(&p->hive, p->gamma, KJ_REGF_NK_LEN, 0xE4, 8);
    hive_patch(&p->hive, p->gamma, 72, 1, 2);
}

static void count(parts *p)
{
    hive_patch(&p->hive, p->hive.root, 20, 5, 4);
}

static void short_list(parts *p)
{
    hive_patch(&p->hive, p->li, 2, 200, 2);
}

static void nested_ri(parts *p)
{
    hive_patch(&p->hive, p->li, 0, KJ_REGF_RI, 2);
}

static void key_twice(parts *p)
{
    hive_patch(&p->hive, p->li, 4, p->alpha, 4);
}

static void no_key(parts *p)
{
    hive_patch(&p->hive, p->child, 0, 0, 2);
}

static void no_value(parts *p)
{
    hive_patch(&p->hive, p->small, 0, 0, 2);
}

static void value_count(parts *p)
{
    hive_patch(&p->hive, p->beta, 36, 30, 4);
}

static void inline_size(parts *p)
{
    hive_patch(&p->hive, p->small, 4, KJ_REGF_INLINE | 5, 4);
}

static void data_size(parts *p)
{
    hive_patch(&p->hive, p->large, 4, 200, 4);
}

static void segment_count(parts *p)
{
    hive_patch(&p->hive, get(&p->hive, p->huge, 8), 2, 2, 2);
}

static void segment_len(parts *p)
{
    uint32_t list = get(&p->hive, get(&p->hive, p->huge, 8), 4);
    uint32_t segment = get(&p->hive, list, 0);
    hive_set_size(&p->hive, segment, -16);
    hive_patch(&p->hive, segment, 12, 16344 + 8 - 16, 4); /* the rest is free */
}

static void no_segments(parts *p)
{
    hive_patch(&p->hive, get(&p->hive, p->huge, 8), 0, 0, 2);
}

static const struct damage {
    void (*make)(parts *p);
    kj_regf_level level;
    const char *sentence; /* of the first */
} damages[] = {
    {checksum, KJ_REGF_ERROR, "the checksum of the header is wrong"},
    {sequence, KJ_REGF_ERROR, "the hive was not written completely"},
    {log_type, KJ_REGF_ERROR, "the header says that the file is a log"},
    {cut_off, KJ_REGF_ERROR, "the file ends before its last bin"},
    {odd_size, KJ_REGF_ERROR, "the size of all bins is no multiple of 4,096"},
    {bin, KJ_REGF_ERROR, "there is no bin where one has to be"},
    {bin_offset, KJ_REGF_ERROR, "there is no bin where one has to be"},
    {cell_size, KJ_REGF_ERROR, "a cell has a size that cannot be"},
    {cell_beyond_bin, KJ_REGF_ERROR, "a cell has a size that cannot be"},
    {leak, KJ_REGF_WARNING, "nothing leads to the cell"},
    {freed, KJ_REGF_ERROR, "leads to a place that is no used cell"},
    {shared_class, KJ_REGF_ERROR, "the cell is referred to twice"},
    {long_class, KJ_REGF_ERROR, "the key's class is longer than its cell"},
    {parent, KJ_REGF_ERROR, "the key names another parent"},
    {security_high, KJ_REGF_WARNING, "fewer keys use the security record than it counts"},
    {security_low, KJ_REGF_ERROR, "more keys use the security record than it counts"},
    {security_ring, KJ_REGF_ERROR, "the ring of security records is broken"},
    {security_self, KJ_REGF_ERROR, "the ring of security records is broken"},
    {security_size, KJ_REGF_ERROR, "the security record is longer than its cell"},
    {no_security, KJ_REGF_ERROR, "the key has no security record"},
    {hash, KJ_REGF_ERROR, "the list of subkeys has a wrong hint or hash of the key"},
    {hint, KJ_REGF_ERROR, "the list of subkeys has a wrong hint or hash of the key"},
    {order, KJ_REGF_ERROR, "the subkeys are not in order"},
    {same_name, KJ_REGF_ERROR, "the subkeys are not in order"},
    {count, KJ_REGF_ERROR, "the key has more, or fewer, subkeys than it says"},
    {short_list, KJ_REGF_ERROR, "a list of subkeys is none, or shorter than it says"},
    {nested_ri, KJ_REGF_ERROR, "a list of subkeys is none, or shorter than it says"},
    {key_twice, KJ_REGF_ERROR, "the cell is referred to twice"},
    {no_key, KJ_REGF_ERROR, "the record is no key"},
    {no_value, KJ_REGF_ERROR, "the record is no value"},
    {value_count, KJ_REGF_ERROR, "the list of values is shorter than the key says"},
    {inline_size, KJ_REGF_ERROR, "the value is too long to stand in its record"},
    {data_size, KJ_REGF_ERROR, "the value is longer than the cell of its data"},
    {segment_count, KJ_REGF_ERROR, "the value has more, or fewer, segments than its size needs"},
    {segment_len, KJ_REGF_ERROR, "a segment is shorter than it has to be"},
    {no_segments, KJ_REGF_ERROR, "the value is longer than the cell of its data"},
};

static void test_damages(void **state)
{
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(damages); i++) {
        parts p;
        make(&p);
        damages[i].make(&p);
        kj_regf_checked c = check(&p.hive);
        if (!c.first.sentence)
            fail_msg("nothing found: %s", damages[i].sentence);
        assert_string_equal(c.first.sentence, damages[i].sentence);
        assert_int_equal(c.first.level, damages[i].level);
        assert_int_equal(c.errors != 0, damages[i].level == KJ_REGF_ERROR);
        hive_done(&p.hive);
    }
}

/* Long data in one cell is right before version 1.4 and wrong since. */
static void test_segments_by_version(void **state)
{
    static uint8_t data[20000];
    (void)state;
    hive h;
    hive_init(&h, 3);
    uint32_t value = hive_value(&h, hive_name("v"), KJ_REG_BINARY, kj_span_of(data, sizeof data));
    hive_set_values(&h, h.root, &value, 1);
    hive_finish(&h);
    assert_int_equal(check(&h).errors, 0);
    h.minor = 4;
    hive_finish(&h);
    assert_string_equal(check(&h).first.sentence, "the value has to be in segments and is not");
    hive_done(&h);
}

/* The hint of a name that is not Latin-1 is a NUL and then anything. */
static void test_hint_of_wide_names(void **state)
{
    static const uint16_t name[] = {'a', 0x416};
    (void)state;
    hive h;
    hive_init(&h, 3);
    uint32_t key = hive_key(&h, h.root, hive_wide(name, 2));
    uint32_t list = hive_list(&h, KJ_REGF_LF, &key, 1);
    hive_set_subkeys(&h, h.root, list, 1);
    hive_finish(&h);
    assert_int_equal(check(&h).errors, 0);
    hive_patch(&h, list, 8, 'a', 4);
    assert_int_equal(check(&h).errors, 1);
    hive_done(&h);
}

static void count_issue(void *user, const kj_regf_issue *issue)
{
    size_t *counts = user;
    counts[issue->level]++;
}

static void test_issues_are_told(void **state)
{
    parts p;
    kj_arena arena;
    kj_registry reg;
    kj_regf_checked c;
    kj_error err;
    size_t counts[2] = {0};
    (void)state;
    make(&p);
    leak(&p);
    parent(&p);
    hash(&p);
    kj_arena_init(&arena, 64 << 20);
    assert_int_equal(kj_registry_open(kj_buf_span(&p.hive.bytes), &arena, &reg, &err), KJ_OK);
    assert_int_equal(kj_regf_check(&reg, &arena, count_issue, counts, &c, &err), KJ_OK);
    assert_int_equal(counts[KJ_REGF_WARNING], 1);
    assert_int_equal(counts[KJ_REGF_ERROR], 2);
    assert_int_equal(c.leaked_cells, 1);
    assert_int_equal(c.first.level, KJ_REGF_ERROR);
    kj_arena small;
    kj_arena_init(&small, 16); /* not enough for anything */
    assert_int_equal(kj_regf_check(&reg, &small, NULL, NULL, &c, &err), KJ_NO_MEMORY);
    kj_arena_done(&small);
    kj_arena_done(&arena);
    hive_done(&p.hive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound),
        cmocka_unit_test(test_damages),
        cmocka_unit_test(test_segments_by_version),
        cmocka_unit_test(test_hint_of_wide_names),
        cmocka_unit_test(test_issues_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
