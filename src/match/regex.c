/* SPDX-License-Identifier: Apache-2.0 */
/* Thompson's simulation. A thread is a consuming instruction and a tag: the position at which the
 * thread's match began (or, backwards, ends). The list of threads is in order of preference, and
 * the first thread to reach an instruction at a position keeps it; so the tag at MATCH is the best
 * one. */
#include "match/regex.h"

#include "base/text.h"

#include <stdlib.h>

enum { STEPS_A_LOOK = 64 << 10 }; /* between looks at the clock */

struct thread {
    uint32_t at; /* instruction */
    size_t tag;
};

struct list {
    struct thread *items;
    size_t count;
};

struct kj_regex {
    uint32_t capacity; /* instructions there is room for */
    struct list now;
    struct list next;
    uint32_t *stack;     /* two a instruction, and one */
    uint32_t *mark;      /* generation in which the instruction was last visited */
    uint32_t generation; /* one for each position */
    kj_deadline deadline;
    uint64_t unclocked; /* steps since the last look at the clock */
};

/* One execution. */
struct run {
    const kj_program *program;
    kj_span text;
    uint64_t *steps;
    bool damaged;
    uint64_t visited; /* instructions since the steps were last drawn on */
    bool matched;     /* at the current position; the first to do so has the best tag */
    size_t tag;
};

kj_regex *kj_regex_new(void)
{
    return calloc(1, sizeof(kj_regex));
}

static void free_room(kj_regex *regex)
{
    free(regex->now.items);
    free(regex->next.items);
    free(regex->stack);
    free(regex->mark);
}

void kj_regex_free(kj_regex *regex)
{
    if (!regex)
        return;
    free_room(regex);
    free(regex);
}

void kj_regex_set_deadline(kj_regex *regex, kj_deadline deadline)
{
    regex->deadline = deadline;
}

static bool make_room(kj_regex *regex, uint32_t count)
{
    regex->now.count = regex->next.count = 0;
    if (count <= regex->capacity)
        return true;
    free_room(regex);
    *regex = (kj_regex){
        .deadline = regex->deadline,
        .now.items = calloc(count, sizeof(struct thread)),
        .next.items = calloc(count, sizeof(struct thread)),
        .stack = calloc((size_t)count * 2 + 1, sizeof(uint32_t)),
        .mark = calloc(count, sizeof(uint32_t)),
    };
    if (!regex->now.items || !regex->next.items || !regex->stack || !regex->mark) {
        free_room(regex);
        *regex = (kj_regex){.deadline = regex->deadline};
        return false;
    }
    regex->capacity = count;
    return true;
}

/* Forgets which instructions were visited. */
static void next_position(kj_regex *regex, struct run *run)
{
    run->matched = false;
    if (++regex->generation == 0) {
        memset(regex->mark, 0, regex->capacity * sizeof *regex->mark);
        regex->generation = 1;
    }
}

static bool is_word(uint8_t byte)
{
    return kj_is_alnum(byte) || byte == '_';
}

/* Whether a word character stands at `pos`, a unit of two bytes in a wide program. */
static bool word_at(const struct run *run, size_t pos)
{
    size_t unit = run->program->flags & KJ_PROGF_WIDE ? 2 : 1;
    if (pos > run->text.len || run->text.len - pos < unit)
        return false;
    return is_word(run->text.data[pos]) && (unit == 1 || run->text.data[pos + 1] == 0);
}

static bool at_word_boundary(const struct run *run, size_t pos)
{
    size_t unit = run->program->flags & KJ_PROGF_WIDE ? 2 : 1;
    bool before = pos >= unit && word_at(run, pos - unit);
    return before != word_at(run, pos);
}

/* Whether the byte at `pos` is in a class, or there is none and that will do. */
static bool is_beside(struct run *run, uint32_t argument, size_t pos)
{
    uint32_t class = argument >> 1;
    if (pos >= run->text.len)
        return argument & 1;
    run->damaged |= class >= run->program->class_count;
    return !run->damaged && kj_class_has(run->program->classes + (size_t) class * KJ_CLASS_WORDS,
                                         run->text.data[pos]);
}

static bool holds(struct run *run, uint32_t word, size_t pos)
{
    switch (word & 0xFF) {
    case KJ_INST_AFTER:
        return is_beside(run, word >> 8, pos ? pos - 1 : SIZE_MAX);
    case KJ_INST_BEFORE:
        return is_beside(run, word >> 8, pos);
    case KJ_INST_START:
        return pos == 0;
    case KJ_INST_END:
        return pos == run->text.len;
    case KJ_INST_WORD:
        return at_word_boundary(run, pos);
    default:
        return !at_word_boundary(run, pos);
    }
}

/* Adds to `list` the consuming instructions that are reached from `at` without consuming. Each
 * instruction is visited once a position, so the stack, to which a visit adds two, cannot run over.
 */
static void follow(kj_regex *regex, struct run *run, struct list *list, uint32_t at, size_t tag,
                   size_t pos)
{
    const kj_program *program = run->program;
    size_t depth = 0;
    regex->stack[depth++] = at;
    while (depth > 0) {
        at = regex->stack[--depth];
        if (at >= program->code_count) {
            run->damaged = true;
            return;
        }
        if (regex->mark[at] == regex->generation)
            continue;
        regex->mark[at] = regex->generation;
        run->visited++;
        uint32_t inst = program->code[at] & 0xFF, argument = program->code[at] >> 8;
        if (inst <= KJ_INST_CLASS) {
            list->items[list->count++] = (struct thread){at, tag};
        } else if (inst == KJ_INST_MATCH) {
            if (!run->matched)
                run->tag = tag;
            run->matched = true;
        } else if (inst == KJ_INST_SPLIT || inst == KJ_INST_JUMP) {
            regex->stack[depth++] = argument;
            if (inst == KJ_INST_SPLIT)
                regex->stack[depth++] = at + 1;
        } else if (inst < KJ_INST_COUNT) {
            if (holds(run, program->code[at], pos))
                regex->stack[depth++] = at + 1;
        } else {
            run->damaged = true;
            return;
        }
    }
}

static bool consumes(struct run *run, uint32_t word, uint8_t byte)
{
    uint32_t inst = word & 0xFF, argument = word >> 8;
    if (inst == KJ_INST_BYTE)
        return byte == argument;
    if (inst == KJ_INST_ANY)
        return true;
    if (argument >= run->program->class_count) {
        run->damaged = true;
        return false;
    }
    return kj_class_has(run->program->classes + (size_t)argument * KJ_CLASS_WORDS, byte);
}

/* All threads consume `byte` and arrive at `pos`, in their order. */
static void step(kj_regex *regex, struct run *run, uint8_t byte, size_t pos)
{
    for (size_t i = 0; i < regex->now.count && !run->damaged; i++) {
        struct thread thread = regex->now.items[i];
        if (consumes(run, run->program->code[thread.at], byte))
            follow(regex, run, &regex->next, thread.at + 1, thread.tag, pos);
    }
}

static void swap_lists(kj_regex *regex)
{
    struct list now = regex->now;
    regex->now = regex->next;
    regex->next = now;
    regex->next.count = 0;
}

static bool is_late(kj_regex *regex, uint64_t steps)
{
    regex->unclocked += steps;
    if (regex->unclocked < STEPS_A_LOOK)
        return false;
    regex->unclocked = 0;
    return kj_deadline_past(&regex->deadline);
}

/* Draws on the steps for one position; false when they, or the time, are used up. */
static bool pay(kj_regex *regex, struct run *run)
{
    uint64_t count = regex->now.count + run->visited + 1;
    run->visited = 0;
    if (*run->steps < count || is_late(regex, count)) {
        *run->steps = 0;
        return false;
    }
    *run->steps -= count;
    return true;
}

static kj_status start(kj_regex *regex, const struct run *run)
{
    return make_room(regex, run->program->code_count) ? KJ_OK : KJ_NO_MEMORY;
}

kj_status kj_regex_ends(kj_regex *regex, const kj_ends *ends, uint64_t *steps)
{
    struct run run = {.program = ends->program, .text = ends->text, .steps = steps};
    size_t pos = ends->start;
    KJ_TRY(start(regex, &run));
    next_position(regex, &run);
    follow(regex, &run, &regex->now, 0, 0, pos);
    for (;;) {
        if (run.damaged)
            return KJ_INTERNAL;
        if ((run.matched && !ends->found(ends->user, pos)) || regex->now.count == 0 ||
            pos >= ends->limit)
            return KJ_OK;
        if (!pay(regex, &run))
            return KJ_LIMIT;
        next_position(regex, &run);
        step(regex, &run, ends->text.data[pos], pos + 1);
        swap_lists(regex);
        pos++;
    }
}

/* The last end that was found, and whether that is enough. */
struct one_end {
    size_t end;
    bool longest;
};

static bool keep_end(void *user, size_t end)
{
    struct one_end *one = user;
    one->end = end;
    return one->longest;
}

kj_status kj_regex_match_at(kj_regex *regex, const kj_program *program, kj_span text,
                            size_t start_pos, size_t limit, bool longest, uint64_t *steps,
                            size_t *out_end)
{
    struct one_end one = {SIZE_MAX, longest};
    const kj_ends ends = {program, text, start_pos, limit, keep_end, &one};
    *out_end = SIZE_MAX;
    KJ_TRY(kj_regex_ends(regex, &ends, steps));
    *out_end = one.end;
    return KJ_OK;
}

kj_status kj_regex_find(kj_regex *regex, const kj_defs *defs, uint32_t program_offset, kj_span text,
                        uint64_t *steps, bool *out_found)
{
    kj_program program;
    *out_found = false;
    if (!kj_program_open(defs, program_offset, &program))
        return KJ_INTERNAL;
    struct run run = {.program = &program, .text = text, .steps = steps};
    KJ_TRY(start(regex, &run));
    for (size_t pos = 0;; pos++) {
        next_position(regex, &run);
        if (pos > 0)
            step(regex, &run, text.data[pos - 1], pos);
        follow(regex, &run, &regex->next, 0, 0, pos);
        if (run.damaged)
            return KJ_INTERNAL;
        if (run.matched || pos == text.len)
            break;
        swap_lists(regex);
        if (!pay(regex, &run))
            return KJ_LIMIT;
    }
    *out_found = run.matched;
    return KJ_OK;
}

/* The next position at or below `pos` at which a match may end, when no thread is alive: SIZE_MAX
 * when there is none. Positions whose byte no match ends with are passed over. */
static size_t next_end(const kj_sweep *sweep, size_t pos, size_t ends_left)
{
    if (sweep->ends)
        return ends_left ? sweep->ends[ends_left - 1] : SIZE_MAX;
    while (pos > sweep->low && !kj_class_has(sweep->program->first, sweep->text.data[pos - 1]))
        pos--;
    return pos;
}

static bool ends_at(const kj_sweep *sweep, size_t pos, size_t *ends_left)
{
    if (!sweep->ends)
        return true;
    if (*ends_left == 0 || sweep->ends[*ends_left - 1] != pos)
        return false;
    --*ends_left;
    return true;
}

kj_status kj_regex_sweep(kj_regex *regex, const kj_sweep *sweep, uint64_t *steps)
{
    struct run run = {.program = sweep->program, .text = sweep->text, .steps = steps};
    size_t ends_left = sweep->end_count, pos = sweep->high;
    KJ_TRY(start(regex, &run));
    for (bool first = true;; first = false, pos--) {
        if (regex->now.count == 0) {
            size_t jump = next_end(sweep, pos, ends_left);
            if (jump == SIZE_MAX || jump > pos)
                return KJ_OK;
            pos = jump;
        }
        next_position(regex, &run);
        /* The longest match is that of the oldest thread, the shortest that of the newest. */
        bool inject = ends_at(sweep, pos, &ends_left);
        if (inject && !sweep->longest)
            follow(regex, &run, &regex->next, 0, pos, pos);
        if (!first)
            step(regex, &run, sweep->text.data[pos], pos);
        if (inject && sweep->longest)
            follow(regex, &run, &regex->next, 0, pos, pos);
        if (run.damaged)
            return KJ_INTERNAL;
        if (run.matched)
            sweep->found(sweep->user, pos, run.tag);
        swap_lists(regex);
        if (pos <= sweep->low)
            return KJ_OK;
        if (!pay(regex, &run))
            return KJ_LIMIT;
    }
}
