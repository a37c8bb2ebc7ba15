/* SPDX-License-Identifier: Apache-2.0 */
#include "match/dfa.h"

#include "base/vec.h"

enum {
    SLOTS = 1024,         /* programs that are known: a power of two */
    USES = 8,             /* of a program before it gets an automaton */
    STATES_MAX = 512,     /* of one automaton */
    CODE_MAX = 4096,      /* instructions of a program that gets one */
    BUDGET = 8 << 20,     /* bytes of all automata of a worker */
    BYTES = 256,          /* transitions of a state */
    DEAD = 0,             /* the state without instructions */
    UNKNOWN = UINT16_MAX, /* a transition that has not been made */
};

/* A set of instructions that consume, rising. */
struct state {
    uint32_t first; /* in `sets` */
    uint32_t count;
    bool accepts;
};

struct dfa {
    kj_program program;
    bool loose;  /* a match may begin anywhere */
    bool failed; /* too large: it is not used any more */
    uint32_t uses;
    KJ_VEC(struct state) states;
    KJ_VEC(uint32_t) sets;
    uint16_t *next; /* BYTES a state */
    size_t room;    /* states that `next` has room for */
    uint16_t start;
};

struct kj_dfa_cache {
    struct dfa *slots[SLOTS];
    size_t used;   /* bytes */
    size_t known;  /* programs */
    uint8_t *seen; /* instructions of the set that is being made */
    uint32_t *stack;
    KJ_VEC(uint32_t) set;
};

kj_dfa_cache *kj_dfa_cache_new(void)
{
    kj_dfa_cache *cache = calloc(1, sizeof *cache);
    if (!cache)
        return NULL;
    cache->seen = calloc(CODE_MAX, sizeof *cache->seen);
    cache->stack = calloc(2 * CODE_MAX + 2, sizeof *cache->stack);
    if (!cache->seen || !cache->stack) {
        kj_dfa_cache_free(cache);
        return NULL;
    }
    return cache;
}

void kj_dfa_cache_free(kj_dfa_cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < SLOTS; i++) {
        if (!cache->slots[i])
            continue;
        kj_vec_done(&cache->slots[i]->states);
        kj_vec_done(&cache->slots[i]->sets);
        free(cache->slots[i]->next);
        free(cache->slots[i]);
    }
    free(cache->seen);
    free(cache->stack);
    kj_vec_done(&cache->set);
    free(cache);
}

/* ---- states -------------------------------------------------------------------------------- */

/* Marks the instructions that are reached from `at` without consuming. False: a damaged program. */
static bool follow(kj_dfa_cache *cache, const kj_program *program, uint32_t at, bool *accepts)
{
    size_t depth = 0;
    cache->stack[depth++] = at;
    while (depth > 0) {
        at = cache->stack[--depth];
        if (at >= program->code_count)
            return false;
        if (cache->seen[at])
            continue;
        cache->seen[at] = 1;
        uint32_t inst = program->code[at] & 0xFF, argument = program->code[at] >> 8;
        if (inst == KJ_INST_MATCH)
            *accepts = true;
        else if (inst == KJ_INST_SPLIT || inst == KJ_INST_JUMP)
            cache->stack[depth++] = argument;
        if (inst > KJ_INST_CLASS && inst != KJ_INST_JUMP && inst != KJ_INST_MATCH)
            cache->stack[depth++] = at + 1;
    }
    return true;
}

/* Collects the marked instructions that consume, and clears the marks. */
static bool take_set(kj_dfa_cache *cache, const kj_program *program)
{
    bool ok = true;
    cache->set.count = 0;
    for (uint32_t i = 0; i < program->code_count; i++) {
        if (cache->seen[i] && (program->code[i] & 0xFF) <= KJ_INST_CLASS)
            ok = kj_vec_add(&cache->set, i) && ok;
        cache->seen[i] = 0;
    }
    return ok;
}

static bool make_room(kj_dfa_cache *cache, struct dfa *dfa)
{
    if (dfa->states.count < dfa->room)
        return true;
    size_t room = dfa->room ? dfa->room * 2 : 8;
    size_t more = (room - dfa->room) * BYTES * sizeof *dfa->next;
    uint16_t *next = cache->used + more <= BUDGET && room <= STATES_MAX
                         ? reallocarray(dfa->next, room * BYTES, sizeof *next)
                         : NULL;
    if (!next)
        return false;
    cache->used += more;
    dfa->next = next;
    dfa->room = room;
    return true;
}

/* The number of the state that is the collected set; UNKNOWN: there is no room for it. */
static uint16_t find_state(kj_dfa_cache *cache, struct dfa *dfa, bool accepts)
{
    size_t size = cache->set.count * sizeof *cache->set.items;
    for (size_t i = 0; i < dfa->states.count; i++) {
        const struct state *state = &dfa->states.items[i];
        if (state->count == cache->set.count && state->accepts == accepts &&
            (size == 0 || memcmp(dfa->sets.items + state->first, cache->set.items, size) == 0))
            return (uint16_t)i;
    }
    struct state state = {(uint32_t)dfa->sets.count, (uint32_t)cache->set.count, accepts};
    if (!make_room(cache, dfa) || !kj_vec_add(&dfa->states, state))
        return UNKNOWN;
    for (size_t i = 0; i < cache->set.count; i++)
        if (!kj_vec_add(&dfa->sets, cache->set.items[i]))
            return UNKNOWN;
    uint16_t number = (uint16_t)(dfa->states.count - 1);
    for (size_t i = 0; i < BYTES; i++)
        dfa->next[number * (size_t)BYTES + i] = UNKNOWN;
    return number;
}

static bool consumes(const kj_program *program, uint32_t word, uint8_t byte)
{
    uint32_t inst = word & 0xFF, argument = word >> 8;
    if (inst == KJ_INST_BYTE)
        return byte == argument;
    return inst == KJ_INST_ANY ||
           (argument < program->class_count &&
            kj_class_has(program->classes + (size_t)argument * KJ_CLASS_WORDS, byte));
}

/* Makes the transition of a state over a byte; UNKNOWN: the automaton is not to be used. */
static uint16_t make_transition(kj_dfa_cache *cache, struct dfa *dfa, uint16_t from, uint8_t byte)
{
    const kj_program *program = &dfa->program;
    struct state state = dfa->states.items[from];
    bool accepts = false, ok = !dfa->loose || follow(cache, program, 0, &accepts);
    for (uint32_t i = 0; i < state.count && ok; i++) {
        uint32_t at = dfa->sets.items[state.first + i];
        if (consumes(program, program->code[at], byte))
            ok = follow(cache, program, at + 1, &accepts);
    }
    ok = take_set(cache, program) && ok;
    uint16_t to = ok ? find_state(cache, dfa, accepts) : UNKNOWN;
    if (to == UNKNOWN)
        dfa->failed = true;
    else
        dfa->next[from * (size_t)BYTES + byte] = to;
    return to;
}

/* The dead state, and the one to begin with. */
static void begin(kj_dfa_cache *cache, struct dfa *dfa)
{
    bool accepts = false;
    cache->set.count = 0;
    uint16_t dead = find_state(cache, dfa, false);
    bool ok = dead == DEAD && follow(cache, &dfa->program, 0, &accepts);
    ok = take_set(cache, &dfa->program) && ok;
    dfa->start = ok ? find_state(cache, dfa, accepts) : UNKNOWN;
    dfa->failed = dfa->start == UNKNOWN;
    for (size_t i = 0; i < BYTES && !dfa->failed && !dfa->loose; i++)
        dfa->next[i] = DEAD;
}

/* ---- the cache ----------------------------------------------------------------------------- */

static bool has_assertions(const kj_program *program)
{
    for (uint32_t i = 0; i < program->code_count; i++) {
        uint32_t inst = program->code[i] & 0xFF;
        if (inst > KJ_INST_JUMP && inst != KJ_INST_MATCH)
            return true;
    }
    return false;
}

static struct dfa *new_dfa(kj_dfa_cache *cache, const kj_program *program, bool loose)
{
    struct dfa *dfa = cache->known < SLOTS / 2 ? calloc(1, sizeof *dfa) : NULL;
    if (!dfa)
        return NULL;
    cache->known++;
    dfa->program = *program;
    dfa->loose = loose;
    dfa->failed = program->code_count > CODE_MAX || (!loose && has_assertions(program));
    return dfa;
}

/* The automaton of a program; NULL: it has none, or not yet. */
static struct dfa *find_dfa(kj_dfa_cache *cache, const kj_program *program, bool loose)
{
    size_t at = ((uintptr_t)program->code / 4 * 2 + loose) * UINT64_C(0x9E3779B97F4A7C15) >> 54;
    for (; cache->slots[at]; at = (at + 1) & (SLOTS - 1))
        if (cache->slots[at]->program.code == program->code && cache->slots[at]->loose == loose)
            break;
    struct dfa *dfa = cache->slots[at];
    if (!dfa)
        dfa = cache->slots[at] = new_dfa(cache, program, loose);
    if (!dfa || dfa->failed || ++dfa->uses < USES)
        return NULL;
    if (dfa->states.count == 0)
        begin(cache, dfa);
    return dfa->failed ? NULL : dfa;
}

bool kj_dfa_match_at(kj_dfa_cache *cache, const kj_program *program, kj_span text, size_t start,
                     size_t limit, bool longest, size_t *out_end, size_t *out_read)
{
    struct dfa *dfa = find_dfa(cache, program, false);
    if (!dfa)
        return false;
    uint16_t state = dfa->start;
    size_t pos = start, end = dfa->states.items[state].accepts ? start : SIZE_MAX;
    while (pos < limit && state != DEAD && (longest || end == SIZE_MAX)) {
        uint8_t byte = text.data[pos++];
        uint16_t to = dfa->next[state * (size_t)BYTES + byte];
        if (to == UNKNOWN)
            to = make_transition(cache, dfa, state, byte);
        if (to == UNKNOWN)
            return false;
        state = to;
        if (dfa->states.items[state].accepts)
            end = pos;
    }
    *out_end = end;
    *out_read = pos - start;
    return true;
}

bool kj_dfa_may_match(kj_dfa_cache *cache, const kj_program *program, kj_span text, size_t from,
                      size_t to)
{
    struct dfa *dfa = find_dfa(cache, program, true);
    if (!dfa)
        return true;
    uint16_t state = dfa->start;
    for (size_t pos = from; pos < to && !dfa->states.items[state].accepts; pos++) {
        uint8_t byte = text.data[pos];
        uint16_t next = dfa->next[state * (size_t)BYTES + byte];
        if (next == UNKNOWN)
            next = make_transition(cache, dfa, state, byte);
        if (next == UNKNOWN)
            return true;
        state = next;
    }
    return dfa->states.items[state].accepts;
}
