/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of digests against a list that is gone through from its beginning, and what damaged ones can
 * do: miss, but neither crash nor name what nobody named. */
#include "defs/hash_sets.h"

#include "base/arith.h"
#include "defs/writer.h"
#include "tests/defs/seal.h"
#include "tests/test.h"

#include <stdio.h>

enum {
    ENGINE = 6 << 24,
    SIGNATURES = 4000,
    DIGESTS = 900, /* different ones, so that some have several names and some are there twice */
    FOUND_MAX = 32,
    NAME_MAX_LEN = 48,
};

typedef struct known {
    kj_hash_signature signature;
    uint8_t digest[KJ_HASH_MAX];
    char name[NAME_MAX_LEN];
} known;

typedef struct fixture {
    known *all;
    kj_buf file; /* the definitions */
    kj_defs defs;
} fixture;

/* xorshift64*, Vigna 2016: the same numbers each time. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545F4914F6CDD1D);
}

static void digest_of(uint32_t number, uint8_t out[KJ_HASH_MAX])
{
    kj_hash(KJ_HASH_SHA256, kj_span_of(&number, sizeof number), out);
}

/* Sizes around the gate's bounds, too. */
static uint32_t size_of(uint64_t random)
{
    static const uint32_t odd[] = {1,
                                   KJ_GATE_SPAN - 1,
                                   KJ_GATE_SPAN,
                                   KJ_GATE_BLOCKS * KJ_GATE_SPAN - 1,
                                   KJ_GATE_BLOCKS * KJ_GATE_SPAN,
                                   KJ_GATE_BLOCKS * KJ_GATE_SPAN + 1,
                                   UINT32_MAX - 1};
    if (random % 4 == 0)
        return odd[random / 4 % KJ_COUNT(odd)];
    return random % 4 == 1 ? KJ_HASH_ANY_SIZE : (uint32_t)(random >> 20) % 40000 + 1;
}

static void make_known(known *out, uint64_t *random)
{
    static const uint32_t classes[] = {KJ_CLASS_EXACT, KJ_CLASS_TRUSTED, KJ_CLASS_HEURISTIC};
    uint64_t r = next_random(random);
    digest_of((uint32_t)(r % DIGESTS), out->digest);
    (void)snprintf(out->name, sizeof out->name, "Test.Family%u-%u", (unsigned)(r >> 32 & 15),
                   (unsigned)(r >> 40 & 7));
    out->signature = (kj_hash_signature){
        .scope = (kj_hash_scope)(r >> 50 & 3),
        .kind = (kj_hash_kind)((r >> 52) % KJ_HASH_KIND_COUNT),
        .klass = classes[(r >> 56) % KJ_COUNT(classes)],
        .digest = out->digest,
        .size = size_of(next_random(random)),
        .name = kj_span_str(out->name),
    };
}

static void write_defs(const known *all, size_t count, bool backwards, kj_buf *out)
{
    kj_ir ir;
    kj_error err;
    kj_ir_init(&ir, 64 << 20);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(
            kj_hash_sets_add(&ir.hashes, &all[backwards ? count - 1 - i : i].signature, &err),
            KJ_OK);
    assert_int_equal(kj_hash_sets_total(&ir.hashes), count);
    kj_write_options options = KJ_WRITE_INIT;
    options.release = 8000;
    options.engine = ENGINE;
    kj_write_report report;
    kj_buf_init(out, 64 << 20);
    if (kj_defs_write(&ir, &options, out, &report, &err) != KJ_OK)
        fail_msg("%s", err.message);
    assert_true(report.digests <= count);
    kj_ir_done(&ir);
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    uint64_t random = 0x6B756A6F;
    f->all = calloc(SIGNATURES, sizeof *f->all);
    assert_non_null(f->all);
    for (size_t i = 0; i < SIGNATURES; i++)
        make_known(&f->all[i], &random);
    write_defs(f->all, SIGNATURES, false, &f->file);
    kj_error err = {0};
    if (kj_defs_open_span(kj_buf_span(&f->file), ENGINE, &f->defs, &err) != KJ_OK)
        fail_msg("%s", err.message);
    *state = f;
    return 0;
}

static int take_down(void **state)
{
    fixture *f = *state;
    kj_buf_done(&f->file);
    free(f->all);
    free(f);
    return 0;
}

typedef struct answer {
    uint32_t numbers[FOUND_MAX];
    size_t count;
} answer;

static void take_number(void *user, uint32_t number)
{
    answer *a = user;
    if (a->count < FOUND_MAX)
        a->numbers[a->count++] = number;
}

static bool is_said(const kj_defs *defs, const answer *a, kj_span name, uint32_t klass)
{
    for (size_t i = 0; i < a->count; i++) {
        kj_detection detection;
        if (kj_defs_detection(defs, a->numbers[i], &detection) &&
            kj_span_equal(detection.name, name) && detection.klass == klass)
            return true;
    }
    return false;
}

static bool fits(const known *k, const kj_hash_signature *asked, uint64_t size, bool trusted)
{
    const kj_hash_signature *s = &k->signature;
    return s->scope == asked->scope && s->kind == asked->kind &&
           (s->klass == KJ_CLASS_TRUSTED) == trusted &&
           (s->size == KJ_HASH_ANY_SIZE || s->size == size);
}

/* How many different names and classes the slow list has, each of which has to be said. */
static size_t check_asked(const fixture *f, const kj_hash_signature *asked, uint64_t size,
                          bool trusted)
{
    answer a = {.count = 0};
    unsigned want = kj_hash_sets_want(&f->defs, asked->scope, size, trusted), expected = 0;
    kj_hash_sets_find(&f->defs, asked->scope, asked->kind, asked->digest, size, trusted,
                      take_number, &a);
    size_t lines = 0;
    for (size_t i = 0; i < SIGNATURES; i++) {
        const known *k = &f->all[i];
        if (fits(k, asked, size, trusted))
            expected |= 1u << asked->kind;
        if (!fits(k, asked, size, trusted) ||
            memcmp(k->digest, asked->digest, kj_hash_len(asked->kind)) != 0)
            continue;
        assert_true(is_said(&f->defs, &a, k->signature.name, k->signature.klass));
        lines++;
    }
    assert_int_equal(want & 1u << asked->kind, expected);
    assert_true(a.count <= lines);
    assert_int_equal(a.count > 0, lines > 0);
    return a.count;
}

static void test_as_the_slow_list(void **state)
{
    const fixture *f = *state;
    size_t found = 0;
    for (size_t i = 0; i < SIGNATURES; i += 3) {
        const kj_hash_signature *s = &f->all[i].signature;
        uint64_t size = s->size == KJ_HASH_ANY_SIZE ? UINT64_C(5000000000) : s->size;
        found += check_asked(f, s, size, s->klass == KJ_CLASS_TRUSTED);
        found += check_asked(f, s, size + 1, s->klass == KJ_CLASS_TRUSTED);
        found += check_asked(f, s, size, s->klass != KJ_CLASS_TRUSTED);
    }
    assert_true(found > SIGNATURES / 3);
}

static void test_verified_and_the_same_again(void **state)
{
    const fixture *f = *state;
    kj_error err = {0};
    kj_buf again, backwards;
    if (kj_defs_verify(&f->defs, &err) != KJ_OK)
        fail_msg("%s", err.message);
    write_defs(f->all, SIGNATURES, false, &again);
    assert_int_equal(again.len, f->file.len);
    assert_memory_equal(again.data, f->file.data, again.len);
    write_defs(f->all, SIGNATURES, true, &backwards); /* other names' numbers: may differ */
    kj_defs defs;
    assert_int_equal(kj_defs_open_span(kj_buf_span(&backwards), ENGINE, &defs, &err), KJ_OK);
    assert_int_equal(kj_defs_verify(&defs, &err), KJ_OK);
    kj_buf_done(&again);
    kj_buf_done(&backwards);
}

/* Many names of one key, and keys with one beginning. */
static void test_crowds(void **state)
{
    (void)state;
    enum { MANY = 300 };
    known *all = calloc(MANY, sizeof *all);
    assert_non_null(all);
    for (unsigned i = 0; i < MANY; i++) {
        all[i].digest[KJ_HASH_KEPT - 1] = (uint8_t)(i % 2 ? 0 : i);
        (void)snprintf(all[i].name, sizeof all[i].name, "N%u", i % 2 ? MANY - i : i);
        all[i].signature = (kj_hash_signature){.kind = KJ_HASH_SHA1,
                                               .klass = KJ_CLASS_EXACT,
                                               .digest = all[i].digest,
                                               .name = kj_span_str(all[i].name)};
    }
    kj_buf file;
    kj_error err = {0};
    kj_defs defs;
    write_defs(all, MANY, false, &file);
    assert_int_equal(kj_defs_open_span(kj_buf_span(&file), ENGINE, &defs, &err), KJ_OK);
    if (kj_defs_verify(&defs, &err) != KJ_OK)
        fail_msg("%s", err.message);
    for (unsigned i = 0; i < MANY; i += 2) {
        answer a = {.count = 0};
        kj_hash_sets_find(&defs, KJ_SCOPE_OBJECT, KJ_HASH_SHA1, all[i].digest, 5, false,
                          take_number, &a);
        assert_true(a.count == (i % 256 ? 1 + (i % 256 < MANY - 256) : FOUND_MAX));
        assert_true(i % 256 == 0 || is_said(&defs, &a, all[i].signature.name, KJ_CLASS_EXACT));
    }
    kj_buf_done(&file);
    free(all);
}

static void test_numbers_that_nobody_has(void **state)
{
    const fixture *f = *state;
    kj_detection out;
    uint32_t total = 0;
    const kj_disk_hash_set *sets = f->defs.hash_sets.data;
    for (uint32_t i = 0; i < f->defs.hash_sets.count; i++)
        total += sets[i].count;
    assert_true(kj_defs_detection(&f->defs, total - 1, &out));
    assert_false(kj_defs_detection(&f->defs, total, &out));
    assert_false(kj_defs_detection(&f->defs, KJ_NONE, &out));
}

static void test_none_take_no_room(void **state)
{
    (void)state;
    kj_buf file;
    kj_defs defs;
    kj_error err = {0};
    kj_detection out;
    uint8_t digest[KJ_HASH_MAX] = {0};
    answer a = {.count = 0};
    write_defs(NULL, 0, false, &file);
    assert_int_equal(kj_defs_open_span(kj_buf_span(&file), ENGINE, &defs, &err), KJ_OK);
    assert_int_equal(kj_defs_verify(&defs, &err), KJ_OK);
    assert_int_equal(defs.hash_sets.count, 0);
    assert_int_equal(kj_hash_sets_want(&defs, KJ_SCOPE_OBJECT, 1, false), 0);
    kj_hash_sets_find(&defs, KJ_SCOPE_OBJECT, KJ_HASH_MD5, digest, 1, true, take_number, &a);
    assert_int_equal(a.count, 0);
    assert_false(kj_defs_detection(&defs, 0, &out));
    kj_buf_done(&file);
}

/* ---- damage ------------------------------------------------------------------------------------
 */

/* Uses damaged definitions as a scan does. Whatever they say of a digest that was added, its
 * signatures said, too; of another one they say nothing. */
static size_t use_damaged(const fixture *f, const kj_defs *defs)
{
    size_t said = 0;
    uint8_t strange[KJ_HASH_MAX];
    digest_of(DIGESTS + 1, strange);
    for (size_t i = 0; i < SIGNATURES; i += 97) {
        const kj_hash_signature *s = &f->all[i].signature;
        bool trusted = s->klass == KJ_CLASS_TRUSTED;
        answer a = {.count = 0}, none = {.count = 0};
        (void)kj_hash_sets_want(defs, s->scope, s->size, trusted);
        kj_hash_sets_find(defs, s->scope, s->kind, s->digest, s->size, trusted, take_number, &a);
        kj_hash_sets_find(defs, s->scope, s->kind, strange, s->size, trusted, take_number, &none);
        assert_int_equal(none.count, 0);
        for (size_t k = 0; k < a.count; k++) {
            kj_detection d;
            bool lost = !kj_defs_detection(defs, a.numbers[k], &d), ok = lost;
            for (size_t n = 0; n < SIGNATURES && !ok; n++)
                ok = memcmp(f->all[n].digest, s->digest, kj_hash_len(s->kind)) == 0 &&
                     kj_span_equal(f->all[n].signature.name, d.name);
            assert_true(ok);
            said += !lost;
        }
    }
    return said;
}

static size_t start_of(const fixture *f, const kj_defs_section *section)
{
    return (size_t)((const uint8_t *)section->data - f->file.data);
}

/* The parts that hold digests, a byte here and there. */
static void test_damage(void **state)
{
    const fixture *f = *state;
    const kj_defs_section *const sections[] = {
        &f->defs.hash_gates, &f->defs.hash_buckets, &f->defs.hash_records,
        &f->defs.hash_names, &f->defs.hash_blocks,
    };
    uint8_t *damaged = malloc(f->file.len);
    assert_non_null(damaged);
    memcpy(damaged, f->file.data, f->file.len);
    kj_defs defs;
    kj_error err;
    assert_int_equal(kj_defs_open_span(kj_span_of(damaged, f->file.len), ENGINE, &defs, &err),
                     KJ_OK);
    size_t said = 0, refused = 0, tried = 0;
    for (size_t i = 0; i < KJ_COUNT(sections); i++) {
        size_t start = start_of(f, sections[i]);
        size_t len = sections[i]->count * (sections[i] == &f->defs.hash_names ? 1u : 4u);
        for (size_t at = start; at < start + len; at += kj_max_size(len / 60, 1), tried++) {
            uint8_t flip = (uint8_t)(1u << tried % 8);
            damaged[at] ^= flip;
            said += use_damaged(f, &defs);
            refused += kj_hash_sets_verify(&defs, &err) != KJ_OK;
            damaged[at] ^= flip;
        }
    }
    assert_true(said > tried);
    assert_true(refused > tried / 3);
    free(damaged);
}

/* What sets say of themselves is checked when the file is opened; so it has to be wrong on purpose
 * to be wrong, and may say anything then. */
static void test_sets_that_lie(void **state)
{
    const fixture *f = *state;
    size_t start = start_of(f, &f->defs.hash_sets), refused = 0;
    size_t len = f->defs.hash_sets.count * sizeof(kj_disk_hash_set);
    uint8_t *damaged = malloc(f->file.len);
    assert_non_null(damaged);
    for (size_t i = 0; i < 400; i++) {
        kj_defs defs;
        kj_error err;
        memcpy(damaged, f->file.data, f->file.len);
        size_t at = start + (i * 37) % len;
        damaged[at] ^= (uint8_t)(1u << i % 8);
        kj_span file = kj_span_of(damaged, f->file.len);
        assert_int_equal(kj_defs_open_span(file, ENGINE, &defs, &err), KJ_MALFORMED);
        seal(damaged, f->file.len);
        assert_int_equal(kj_defs_open_span(file, ENGINE, &defs, &err), KJ_OK);
        refused += kj_hash_sets_verify(&defs, &err) != KJ_OK;
        for (size_t k = 0; k < SIGNATURES; k += 101) {
            const kj_hash_signature *s = &f->all[k].signature;
            answer a = {.count = 0};
            kj_detection d;
            kj_hash_sets_find(&defs, s->scope, s->kind, s->digest, s->size, k % 2, take_number, &a);
            for (size_t n = 0; n < a.count; n++)
                (void)kj_defs_detection(&defs, a.numbers[n], &d);
        }
    }
    assert_true(refused > 200);
    free(damaged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_the_slow_list),
        cmocka_unit_test(test_verified_and_the_same_again),
        cmocka_unit_test(test_crowds),
        cmocka_unit_test(test_numbers_that_nobody_has),
        cmocka_unit_test(test_none_take_no_room),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_sets_that_lie),
    };
    return cmocka_run_group_tests(tests, set_up, take_down);
}
