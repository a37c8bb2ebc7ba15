/* SPDX-License-Identifier: Apache-2.0 */
/* Module `clamav`: regular expressions of signatures, by PCRE2. */
#include "modules/clamav.h"

#include "base/cleanup.h"
#include "ir/clamav.h"

enum {
    MODES = KJ_PCRE_GLOBAL - 1,
    WORK_OF_SEARCH = 256, /* bytes */
    WORK_OF_STEP = 64,
};

kj_clamav_effort kj_clamav_effort_for(const kj_clamav_ask *ask, uint64_t bytes)
{
    enum { STEPS_ALWAYS = 256 << 20, STEPS_A_BYTE = 16 }; /* of 4 ns: a second */
    return (kj_clamav_effort){.ask = ask, .left = STEPS_ALWAYS + STEPS_A_BYTE * bytes};
}

bool kj_clamav_pay_steps(void *user, uint64_t steps)
{
    kj_clamav_effort *effort = user;
    effort->spent |= steps > effort->left;
    if (effort->spent)
        return false;
    effort->left -= steps;
    return kj_clamav_pay(effort->ask, WORK_OF_STEP * steps);
}

kj_status kj_clamav_pcre(const kj_clamav_ask *ask, kj_span pattern, unsigned options, kj_pcre **out,
                         kj_pcre **out_own)
{
    const kj_module_env *env = ask->input->env;
    *out_own = NULL;
    if (env && env->pcres)
        return kj_pcre_cache_get(env->pcres, pattern, options, out, NULL);
    KJ_TRY(kj_pcre_compile(pattern, options, out_own, NULL));
    *out = *out_own;
    return KJ_OK;
}

/* Whoever pays has told already when it is enough. */
static void tell(const kj_clamav_ask *ask, kj_status why)
{
    if (why == KJ_LIMIT)
        kj_module_tell_unseen(ask->input, why,
                              KJ_SENTENCE("a signature's regular expression backtracks too much "
                                          "in it"));
    else if (why == KJ_UNSUPPORTED)
        kj_module_tell_unseen(ask->input, why,
                              KJ_SENTENCE("signatures with regular expressions need libpcre2"));
    else if (why != KJ_CANCELLED)
        kj_module_tell_unseen(ask->input, why,
                              KJ_SENTENCE("a signature's regular expression cannot be used"));
}

/* How many matches there are from search->from on. */
static kj_status count_matches(kj_pcre *pcre, kj_pcre_search *search, bool all, int64_t *out)
{
    kj_pcre_match match = {.found = true};
    *out = 0;
    while (match.found && (all || *out == 0)) {
        KJ_TRY(kj_pcre_find(pcre, search, &match, NULL));
        if (!match.found)
            break;
        (*out)++;
        if (match.end == match.start) /* the next would be there again */
            break;
        if (!search->pay(search->user, WORK_OF_SEARCH))
            return KJ_CANCELLED;
        search->from = match.end;
    }
    return KJ_OK;
}

/* What is searched: the bytes from `from` on, or up to `to`. */
static kj_pcre_search search_of(const kj_clamav_ask *ask, size_t from, int64_t to, int64_t flags)
{
    kj_pcre_search search = {.last_start = SIZE_MAX, .pay = kj_clamav_pay_steps};
    bool within = to >= 0 && (flags & KJ_PCRE_WITHIN);
    size_t len = to < 0 ? SIZE_MAX : (size_t)to - from;
    search.subject = kj_span_sub(ask->bytes, from, within ? len : SIZE_MAX);
    if (to >= 0 && !within)
        search.last_start = len;
    return search;
}

kj_value kj_clamav_answer_regex(const kj_clamav_ask *ask)
{
    kj_span pattern = ask->args[0].text;
    int64_t flags = ask->args[1].integer, from = ask->args[2].integer, to = ask->args[3].integer;
    if (from < 0 || (uint64_t)from >= ask->bytes.len || (to >= 0 && to < from))
        return kj_value_int(0);
    kj_pcre_search search = search_of(ask, (size_t)from, to, flags);
    kj_clamav_effort effort = kj_clamav_effort_for(ask, search.subject.len);
    search.user = &effort;
    if (!kj_clamav_pay(ask, KJ_WORK_OF_PCRE + search.subject.len))
        return kj_value_undefined();
    KJ_CLEANUP(kj_pcre_done) kj_pcre *own = NULL;
    kj_pcre *pcre;
    int64_t count = 0;
    kj_status status = kj_clamav_pcre(ask, pattern, (unsigned)flags & MODES, &pcre, &own);
    if (status == KJ_OK)
        status = count_matches(pcre, &search, flags & KJ_PCRE_GLOBAL, &count);
    if (status != KJ_OK)
        tell(ask, effort.spent ? KJ_LIMIT : status);
    return status == KJ_OK || count > 0 ? kj_value_int(count) : kj_value_undefined();
}
