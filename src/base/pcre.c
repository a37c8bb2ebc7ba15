/* SPDX-License-Identifier: Apache-2.0 */
/* PCRE2, the one place that touches it.
 *
 * What it does differently from what one expects:
 * - Its match limit counts anew at each place where a match may begin, so it bounds no search. A
 *   callout for each step would, and makes a search several times slower. So a search is made in
 *   stretches of places, and what each took is paid for; a stretch that was slow makes the next one
 *   short.
 * - A limit on where a match begins does not keep it from looking for a first byte up to the end.
 *   So stretches double while they are fast, and there are few of them.
 * - \G and verbs such as (*COMMIT) mean a whole search; patterns that may have them are not cut up.
 * - It frees nothing of its own: tables and contexts are made for each pattern. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/pcre.h"

#include "base/arith.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/crc32c.h"
#include "base/lazy.h"
#include "base/text.h"

#include <pcre2.h>
#include <stdlib.h>
#include <time.h>

#define FUNCTIONS(X)                                                                               \
    X(pcre2_code_free_8)                                                                           \
    X(pcre2_compile_8)                                                                             \
    X(pcre2_get_error_message_8)                                                                   \
    X(pcre2_jit_compile_8)                                                                         \
    X(pcre2_get_ovector_pointer_8)                                                                 \
    X(pcre2_match_8)                                                                               \
    X(pcre2_match_context_create_8)                                                                \
    X(pcre2_match_context_free_8)                                                                  \
    X(pcre2_match_data_create_8)                                                                   \
    X(pcre2_match_data_free_8)                                                                     \
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
    STRETCH_FIRST = 4096, /* places that are tried at once, at first */
    STRETCH_LEAST = 64,
    STRETCH_FAST_NS = 2000000, /* what a stretch may take before the next is shorter */
    NS_A_STEP = 4,
};

struct kj_pcre {
    pcre2_code_8 *code;
    pcre2_match_context_8 *context;
    pcre2_match_data_8 *data;
    bool is_whole; /* a search is not to be cut up */
    bool is_tuned; /* it was compiled for this processor, if it can be: before the first search */
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

void kj_pcre_done(kj_pcre **pcre)
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

static kj_status compile(kj_pcre *pcre, kj_span pattern, uint32_t options, kj_error *err)
{
    int code = 0;
    size_t at = 0;
    PCRE2_SPTR8 text = pattern.len ? pattern.data : (PCRE2_SPTR8) "";
    pcre->code = lib.pcre2_compile_8(text, pattern.len, options, &code, &at, NULL);
    if (pcre->code)
        return KJ_OK;
    uint8_t message[160] = "";
    (void)lib.pcre2_get_error_message_8(code, message, sizeof message);
    return kj_fail(err, KJ_MALFORMED, at, "%s", (const char *)message);
}

/* Whether a match may depend on where a search began. */
static bool depends_on_start(kj_span pattern, unsigned options)
{
    return options & KJ_PCRE_ANCHORED || kj_span_find(pattern, kj_span_str("\\G"), 0) != SIZE_MAX ||
           kj_span_find(pattern, kj_span_str("(*"), 0) != SIZE_MAX;
}

static kj_status prepare(kj_pcre *pcre, kj_error *err)
{
    pcre->context = lib.pcre2_match_context_create_8(NULL);
    pcre->data = lib.pcre2_match_data_create_8(1, NULL); /* of the whole match only */
    if (!pcre->context || !pcre->data)
        return kj_no_memory(err);
    (void)lib.pcre2_set_match_limit_8(pcre->context, MATCH_LIMIT);
    (void)lib.pcre2_set_depth_limit_8(pcre->context, DEPTH_LIMIT);
    (void)lib.pcre2_set_heap_limit_8(pcre->context, HEAP_LIMIT_KIB);
    return KJ_OK;
}

kj_status kj_pcre_compile(kj_span pattern, unsigned options, kj_pcre **out, kj_error *err)
{
    if (pattern.len > PATTERN_MAX)
        return kj_fail(err, KJ_MALFORMED, 0, "the pattern is longer than 64 KiB");
    KJ_TRY(kj_lazy_load(&library, err));
    KJ_CLEANUP(kj_pcre_done) kj_pcre *pcre = calloc(1, sizeof *pcre);
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
    pcre->is_whole = depends_on_start(pattern, options);
    KJ_TRY(compile(pcre, pattern, translate(options), err));
    KJ_TRY(prepare(pcre, err));
    *out = KJ_TAKE(pcre);
    return KJ_OK;
}

/* ---- those that are used again and again ---------------------------------------------------- */

enum { CACHE_SLOTS = 1024 }; /* a power of two */

struct entry {
    char *pattern; /* a copy */
    size_t len;
    unsigned options;
    kj_pcre *pcre;
};

struct kj_pcre_cache {
    struct entry slots[CACHE_SLOTS];
};

kj_pcre_cache *kj_pcre_cache_new(void)
{
    return calloc(1, sizeof(kj_pcre_cache));
}

static void forget(struct entry *entry)
{
    kj_pcre_free(entry->pcre);
    free(entry->pattern);
    *entry = (struct entry){0};
}

void kj_pcre_cache_free(kj_pcre_cache *cache)
{
    for (size_t i = 0; cache && i < CACHE_SLOTS; i++)
        forget(&cache->slots[i]);
    free(cache);
}

static bool is_of(const struct entry *entry, kj_span pattern, unsigned options)
{
    return entry->pcre && entry->options == options &&
           kj_span_equal(kj_span_of(entry->pattern, entry->len), pattern);
}

kj_status kj_pcre_cache_get(kj_pcre_cache *cache, kj_span pattern, unsigned options, kj_pcre **out,
                            kj_error *err)
{
    struct entry *entry = &cache->slots[(kj_crc32c(pattern) + options) % CACHE_SLOTS];
    if (!is_of(entry, pattern, options)) {
        struct entry fresh = {malloc(pattern.len + 1), pattern.len, options, NULL};
        kj_status status =
            fresh.pattern ? kj_pcre_compile(pattern, options, &fresh.pcre, err) : kj_no_memory(err);
        if (status != KJ_OK) {
            free(fresh.pattern);
            return status;
        }
        if (pattern.len)
            memcpy(fresh.pattern, pattern.data, pattern.len);
        forget(entry);
        *entry = fresh;
    }
    *out = entry->pcre;
    return KJ_OK;
}

/* ---- searching ------------------------------------------------------------------------------ */

static kj_status explain(int code, kj_error *err)
{
    switch (code) {
    case PCRE2_ERROR_MATCHLIMIT:
    case PCRE2_ERROR_DEPTHLIMIT:
    case PCRE2_ERROR_HEAPLIMIT:
        return kj_fail(err, KJ_LIMIT, 0, "the regular expression backtracks too much");
    case PCRE2_ERROR_NOMEMORY:
        return kj_no_memory(err);
    default:
        return kj_fail(err, KJ_INTERNAL, 0, "PCRE2 fails with error %d", code);
    }
}

/* What this thread has computed: waiting is no step. */
static uint64_t processor_ns(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* Tries the places [from, last] and says how long that took. */
static int try_stretch(kj_pcre *pcre, kj_span subject, size_t from, size_t last, uint64_t *out_ns)
{
    PCRE2_SPTR8 bytes = subject.len ? subject.data : (PCRE2_SPTR8) "";
    uint64_t before = processor_ns();
    (void)lib.pcre2_set_offset_limit_8(pcre->context, last);
    int count =
        lib.pcre2_match_8(pcre->code, bytes, subject.len, from, 0, pcre->data, pcre->context);
    if (count == PCRE2_ERROR_JIT_STACKLIMIT)
        count = lib.pcre2_match_8(pcre->code, bytes, subject.len, from, PCRE2_NO_JIT, pcre->data,
                                  pcre->context);
    *out_ns = processor_ns() - before;
    return count;
}

static size_t next_stretch(size_t stretch, uint64_t ns)
{
    if (ns <= STRETCH_FAST_NS)
        return stretch <= SIZE_MAX / 2 ? stretch * 2 : stretch;
    return stretch / 4 < STRETCH_LEAST ? STRETCH_LEAST : stretch / 4;
}

kj_status kj_pcre_find(kj_pcre *pcre, const kj_pcre_search *search, kj_pcre_match *out,
                       kj_error *err)
{
    size_t end = kj_min_size(search->last_start, search->subject.len);
    size_t stretch = pcre->is_whole ? SIZE_MAX : STRETCH_FIRST, last;
    *out = (kj_pcre_match){0};
    if (!pcre->is_tuned)
        (void)lib.pcre2_jit_compile_8(pcre->code, PCRE2_JIT_COMPLETE); /* else it is interpreted */
    pcre->is_tuned = true;
    for (size_t from = search->from; from <= end; from = last + 1) {
        uint64_t ns;
        last = end - from < stretch ? end : from + stretch - 1;
        int count = try_stretch(pcre, search->subject, from, last, &ns);
        if (count >= 0) {
            const size_t *offsets = lib.pcre2_get_ovector_pointer_8(pcre->data);
            *out = (kj_pcre_match){.found = true, .start = offsets[0], .end = offsets[1]};
            return KJ_OK;
        }
        if (count != PCRE2_ERROR_NOMATCH)
            return explain(count, err);
        if (search->pay && !search->pay(search->user, ns / NS_A_STEP))
            return kj_fail(err, KJ_CANCELLED, 0, "the regular expression takes too long");
        stretch = next_stretch(stretch, ns);
    }
    return KJ_OK;
}
