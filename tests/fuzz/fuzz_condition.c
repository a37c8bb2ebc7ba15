/* SPDX-License-Identifier: Apache-2.0 */
/* Arbitrary words as conditions, over an object and real strings: a byte with the object's length,
 * the object, the words of CODE. Verification says yes or no, and the evaluation lives with
 * whatever they say. */
#include "base/reader.h"
#include "defs/code.h"
#include "match/condition.h"
#include "tests/fuzz/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS = 20000 };

/* Rules 0 to 2; patterns 0 to 5, of which 2 is an operand of `matches`; one external variable. */
static const char rules[] =
    "rule a { strings: $a = \"abc\" $b = \"loop\" nocase condition: any of them }\n"
    "rule b { condition: filename matches /x.?y/i }\n"
    "rule c {\n"
    "    strings: $a = { 61 ?? 63 } $b = /[a-z]+\\d/ $c = \"xy\" xor\n"
    "    condition: #a > #b + #c\n"
    "}\n";

typedef struct state {
    kj_defs defs;
    kj_search *search;
    kj_regex *regex;
    kj_sightings seen;
} state;

static const state *get_state(void)
{
    static state s;
    if (s.search)
        return &s;
    fuzz_compile(rules, &s.defs);
    s.search = kj_search_new(&s.defs);
    s.regex = kj_regex_new();
    fuzz_require(s.search && s.regex && kj_sightings_init(&s.seen, &s.defs, NULL) == KJ_OK);
    kj_sightings_add_rule(&s.seen, 0);
    return &s;
}

static kj_value field(void *user, const kj_field_call *call)
{
    (void)user;
    for (size_t i = 0; i < call->count; i++)
        fuzz_require(call->args[i].type != KJ_TYPE_UNDEFINED);
    return call->id % 3 ? kj_value_int(call->id % 7) : kj_value_text(kj_span_str("xyz.jpg"));
}

static void run(const state *s, kj_span object, const uint32_t *words, size_t count)
{
    kj_defs defs = s->defs;
    defs.code = (kj_defs_section){words, (uint32_t)count};
    kj_error err = {0};
    bool sound = kj_code_verify(&defs, 0, &err) == KJ_OK;
    const kj_search_limits limits = {.hits_per_pattern = 100, .steps = STEPS};
    (void)!kj_search_run(s->search, object, &limits, NULL);
    const kj_match_input input = {
        .bytes = object, .has_entry_point = true, .entry_point = 3, .field = field};
    uint64_t steps = STEPS;
    const kj_condition_input condition = {.defs = &defs,
                                          .search = s->search,
                                          .seen = &s->seen,
                                          .object = &input,
                                          .regex = s->regex,
                                          .steps = &steps};
    kj_truth holds;
    kj_status status = kj_condition_run(&condition, 0, &holds, &err);
    if (sound && status != KJ_OK && status != KJ_LIMIT)
        abort(); /* what was verified is never damaged */
    (void)kj_sightings_hold(&s->seen, &defs, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kj_reader r = kj_reader_of(kj_span_of(data, size));
    size_t len = kj_read_u8(&r);
    kj_span object = kj_read_span(&r, len < kj_reader_left(&r) ? len : kj_reader_left(&r));
    kj_span words = kj_read_span(&r, kj_reader_left(&r) / 4 * 4);
    uint32_t *copy = malloc(words.len);
    if (copy) {
        if (words.len)
            memcpy(copy, words.data, words.len);
        run(get_state(), object, copy, words.len / 4);
    }
    free(copy);
    return 0;
}
