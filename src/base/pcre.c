/* SPDX-License-Identifier: Apache-2.0 */
/* PCRE2, the one place that touches it.
 *
 * What it does differently from what one expects:
 * - Its match limit counts anew at each place where a match may begin, so it bounds no search.
 * Patterns are compiled with a callout before each of their items, and those are counted.
 * - Callouts take room, and code may have 64 KiB only. Patterns for which that is too little have a
 * single one at their start, so that places are counted, and lower limits.
 * - A limit on where a match begins (last_start) does not keep it from looking for a first byte up
 * to the end; but it does that once a search.
 * - It frees nothing of its own: tables and contexts are made for each pattern. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/pcre.h"

#include "base/arith.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/lazy.h"
#include "base/text.h"

#include <pcre2.h>
#include <stdlib.h>

#define FUNCTIONS(X)                                                                               \
    X(pcre2_code_free_8)                                                                           \
    X(pcre2_compile_8)                                                                             \
    X(pcre2_get_error_message_8)                                                                   \
    X(pcre2_get_ovector_pointer_8)                                                                 \
    X(pcre2_match_8)                                                                               \
    X(pcre2_match_context_create_8)                                                                \
    X(pcre2_match_context_free_8)                                                                  \
    X(pcre2_match_data_create_8)                                                                   \
    X(pcre2_match_data_free_8)                                                                     \
    X(pcre2_set_callout_8)                                                                         \
    X(pcre2_set_depth_limit_8)                                                                     \
    X(pcre2_set_heap_limit_8)                                                                      \
    X(pcre2_set_match_limit_8)                                                                     \
    X(pcre2_set_offset_limit_8)

static struct {
    FUNCTIONS(KJ_LAZY_FIELD)
} lib;
static const kj_lazy_symbol symbols[] = {FUNCTIONS(KJ_LAZY_SYMBOL)};
static kj_lazy library = KJ_LAZY("libpcre2-8.so.0", symbols);

enum {
    MATCH_LIMIT = 100000,
    DEPTH_LIMIT = 2000,
    HEAP_LIMIT_KIB = 32 << 10,
    PATTERN_MAX = 64 << 10,
    STEPS_AT_ONCE = 256, /* are paid together */
    LARGE_MATCH_LIMIT = 10000,
    STEPS_OF_PLACE = 64, /* where places are counted */
};

struct kj_pcre {
    pcre2_code_8 *code;
    pcre2_match_context_8 *context;
    pcre2_match_data_8 *data;
    bool is_large; /* has only one callout */
};

static const struct {
    unsigned ours;
    uint32_t theirs;
} options_map[] = {
    {KJ_PCRE_CASELESS, PCRE2_CASELESS},   {KJ_PCRE_DOTALL, PCRE2_DOTALL},
    {KJ_PCRE_MULTILINE, PCRE2_MULTILINE}, {KJ_PCRE_EXTENDED, PCRE2_EXTENDED},
    {KJ_PCRE_ANCHORED, PCRE2_ANCHORED},   {KJ_PCRE_DOLLAR_ENDONLY, PCRE2_DOLLAR_ENDONLY},
    {KJ_PCRE_UNGREEDY, PCRE2_UNGREEDY},
};

static uint32_t translate(unsigned options)
{
    uint32_t out = PCRE2_NEVER_UTF | PCRE2_USE_OFFSET_LIMIT;
    for (size_t i = 0; i < KJ_COUNT(options_map); i++)
        out |= options & options_map[i].ours ? options_map[i].theirs : 0;
    return out;
}

/* ---- compiling ------------------------------------------------------------------------------ */

void kj_pcre_free(kj_pcre *pcre)
{
    if (!pcre)
        return;
    lib.pcre2_match_data_free_8(pcre->data);
    lib.pcre2_match_context_free_8(pcre->context);
    lib.pcre2_code_free_8(pcre->code);
    free(pcre);
}

static void free_pcre(kj_pcre **pcre)
{
    kj_pcre_free(*pcre);
}

/* What a POSIX extended regular expression is to PCRE2. In brackets a backslash is a character, and
 * elsewhere one before a letter or a digit is nothing. (A ] that is the first in brackets is no
 * end, in either.) */
static void rewrite_posix(kj_span posix, kj_buf *out)
{
    bool in_brackets = false;
    size_t first = 0; /* where a ] would be no end */
    kj_buf_put_text(out, "(?s)");
    for (size_t i = 0; i < posix.len; i++) {
        uint8_t c = posix.data[i];
        if (c == '\\' && !in_brackets && i + 1 < posix.len && kj_is_alnum(posix.data[i + 1]))
            continue;
        if (c == '[' && !in_brackets)
            first = i + (kj_span_starts(kj_span_sub(posix, i, 2), kj_span_str("[^")) ? 2 : 1);
        if (c == '\\' && in_brackets)
            kj_buf_put_byte(out, '\\');
        else if (c == '\\' && i + 1 < posix.len)
            kj_buf_put_byte(out, posix.data[i++]);
        else if (c == '[' || (c == ']' && i != first))
            in_brackets = c == '[';
        kj_buf_put_byte(out, posix.data[i]);
    }
}

static kj_status compile_as(kj_pcre *pcre, kj_span pattern, uint32_t options, int *out_code,
                            kj_error *err)
{
    size_t at = 0;
    PCRE2_SPTR8 text = pattern.len ? pattern.data : (PCRE2_SPTR8) "";
    pcre->code = lib.pcre2_compile_8(text, pattern.len, options, out_code, &at, NULL);
    if (pcre->code)
        return KJ_OK;
    uint8_t message[160] = "";
    (void)lib.pcre2_get_error_message_8(*out_code, message, sizeof message);
    return kj_fail(err, KJ_MALFORMED, at, "%s", (const char *)message);
}

static kj_status compile(kj_pcre *pcre, kj_span pattern, unsigned options, kj_error *err)
{
    int code = 0;
    uint32_t theirs = translate(options);
    kj_status status = compile_as(pcre, pattern, theirs | PCRE2_AUTO_CALLOUT, &code, err);
    if (code != PCRE2_ERROR_PATTERN_TOO_LARGE)
        return status;
    KJ_CLEANUP(kj_buf_done) kj_buf text;
    kj_buf_init(&text, 2 * PATTERN_MAX + 32);
    kj_buf_put_text(&text, "(?C)(?:");
    kj_buf_put(&text, pattern);
    kj_buf_put_text(&text, options & KJ_PCRE_EXTENDED ? "\n)" : ")"); /* behind a comment */
    pcre->is_large = true;
    return text.failed ? kj_no_memory(err)
                       : compile_as(pcre, kj_buf_span(&text), theirs, &code, err);
}

static kj_status prepare(kj_pcre *pcre, kj_error *err)
{
    pcre->context = lib.pcre2_match_context_create_8(NULL);
    pcre->data = lib.pcre2_match_data_create_8(1, NULL); /* of the whole match only */
    if (!pcre->context || !pcre->data)
        return kj_no_memory(err);
    (void)lib.pcre2_set_match_limit_8(pcre->context,
                                      pcre->is_large ? LARGE_MATCH_LIMIT : MATCH_LIMIT);
    (void)lib.pcre2_set_depth_limit_8(pcre->context, DEPTH_LIMIT);
    (void)lib.pcre2_set_heap_limit_8(pcre->context, HEAP_LIMIT_KIB);
    return KJ_OK;
}

kj_status kj_pcre_compile(kj_span pattern, unsigned options, kj_pcre **out, kj_error *err)
{
    if (pattern.len > PATTERN_MAX)
        return kj_fail(err, KJ_MALFORMED, 0, "the pattern is longer than 64 KiB");
    KJ_TRY(kj_lazy_load(&library, err));
    KJ_CLEANUP(free_pcre) kj_pcre *pcre = calloc(1, sizeof *pcre);
    if (!pcre)
        return kj_no_memory(err);
    KJ_CLEANUP(kj_buf_done) kj_buf rewritten;
    kj_buf_init(&rewritten, 2 * PATTERN_MAX + 16);
    if (options & KJ_PCRE_POSIX) {
        rewrite_posix(pattern, &rewritten);
        options |= KJ_PCRE_DOLLAR_ENDONLY;
        pattern = kj_buf_span(&rewritten);
    }
    if (rewritten.failed)
        return kj_no_memory(err);
    KJ_TRY(compile(pcre, pattern, options, err));
    KJ_TRY(prepare(pcre, err));
    *out = KJ_TAKE(pcre);
    return KJ_OK;
}

/* ---- searching ------------------------------------------------------------------------------ */

typedef struct account {
    const kj_pcre_search *search;
    unsigned steps;
    unsigned step; /* what a callout counts as */
} account;

static int count_step(pcre2_callout_block_8 *block, void *user)
{
    (void)block;
    account *a = user;
    a->steps += a->step;
    if (a->steps < STEPS_AT_ONCE || !a->search->pay)
        return 0;
    a->steps = 0;
    return a->search->pay(a->search->user, STEPS_AT_ONCE) ? 0 : PCRE2_ERROR_CALLOUT;
}

static kj_status explain(int code, kj_error *err)
{
    switch (code) {
    case PCRE2_ERROR_MATCHLIMIT:
    case PCRE2_ERROR_DEPTHLIMIT:
    case PCRE2_ERROR_HEAPLIMIT:
        return kj_fail(err, KJ_LIMIT, 0, "the regular expression backtracks too much");
    case PCRE2_ERROR_CALLOUT:
        return kj_fail(err, KJ_CANCELLED, 0, "the regular expression takes too long");
    case PCRE2_ERROR_NOMEMORY:
        return kj_no_memory(err);
    default:
        return kj_fail(err, KJ_INTERNAL, 0, "PCRE2 fails with error %d", code);
    }
}

kj_status kj_pcre_find(kj_pcre *pcre, const kj_pcre_search *search, kj_pcre_match *out,
                       kj_error *err)
{
    account a = {.search = search, .step = pcre->is_large ? STEPS_OF_PLACE : 1};
    kj_span subject = search->subject;
    PCRE2_SPTR8 bytes = subject.len ? subject.data : (PCRE2_SPTR8) "";
    *out = (kj_pcre_match){0};
    if (search->from > subject.len || search->from > search->last_start)
        return KJ_OK;
    (void)lib.pcre2_set_callout_8(pcre->context, count_step, &a);
    (void)lib.pcre2_set_offset_limit_8(
        pcre->context, search->last_start == SIZE_MAX ? PCRE2_UNSET : search->last_start);
    int count = lib.pcre2_match_8(pcre->code, bytes, subject.len, search->from, 0, pcre->data,
                                  pcre->context);
    if (count == PCRE2_ERROR_NOMATCH)
        return KJ_OK;
    if (count < 0)
        return explain(count, err);
    const size_t *offsets = lib.pcre2_get_ovector_pointer_8(pcre->data);
    *out = (kj_pcre_match){.found = true, .start = offsets[0], .end = offsets[1]};
    return KJ_OK;
}
