/* SPDX-License-Identifier: Apache-2.0 */
/* Thompson's construction; bounded repeats are copied out. */
#include "defs/regex.h"

#include "base/vec.h"

struct compiler {
    KJ_VEC(uint32_t) code;
    KJ_VEC(kj_byte_set) classes;
    bool backward;
    bool failed; /* no memory */
    bool large;
    bool deep;
};

static bool stopped(const struct compiler *c)
{
    return c->failed || c->large || c->deep;
}

/* Appends an instruction and returns where it is. */
static uint32_t emit(struct compiler *c, kj_inst inst, uint32_t argument)
{
    uint32_t at = (uint32_t)c->code.count;
    if (at >= KJ_PROGRAM_MAX_CODE)
        c->large = true;
    else if (!kj_vec_add(&c->code, (uint32_t)inst | argument << 8))
        c->failed = true;
    return at;
}

/* Lets the instruction at `at` lead to the next one to be emitted. */
static void aim(struct compiler *c, uint32_t at)
{
    if (at < c->code.count)
        c->code.items[at] = (c->code.items[at] & 0xFF) | (uint32_t)c->code.count << 8;
}

static uint32_t class_number(struct compiler *c, const kj_byte_set *set)
{
    for (size_t i = c->classes.count; i-- > 0;)
        if (memcmp(&c->classes.items[i], set, sizeof *set) == 0)
            return (uint32_t)i;
    if (!kj_vec_add(&c->classes, *set))
        c->failed = true;
    return (uint32_t)c->classes.count - 1;
}

static void emit_class(struct compiler *c, const kj_byte_set *set)
{
    unsigned bits = 0, byte = 0;
    for (unsigned i = 0; i < 4; i++) {
        bits += (unsigned)__builtin_popcountll(set->words[i]);
        if (set->words[i])
            byte = i * 64 + (unsigned)__builtin_ctzll(set->words[i]);
    }
    if (bits == 256)
        emit(c, KJ_INST_ANY, 0);
    else if (bits == 1)
        emit(c, KJ_INST_BYTE, byte);
    else
        emit(c, KJ_INST_CLASS, class_number(c, set));
}

/* What stands beside a place: the class, and whether an edge of the data will do. */
static void emit_look(struct compiler *c, const kj_re *re)
{
    emit(c, re->op == KJ_RE_AFTER ? KJ_INST_AFTER : KJ_INST_BEFORE,
         class_number(c, &re->set) << 1 | re->edge);
}

static void emit_tree(struct compiler *c, const kj_re *re, unsigned depth);

static void emit_concat(struct compiler *c, const kj_re *re, unsigned depth)
{
    for (size_t i = 0; i < re->count && !stopped(c); i++)
        emit_tree(c, re->children[c->backward ? re->count - 1 - i : i], depth);
}

/*     split 2; first; jump end; 2: split 3; second; jump end; 3: last; end: */
static void emit_alt(struct compiler *c, const kj_re *re, unsigned depth)
{
    KJ_VEC(uint32_t) jumps = {0};
    for (size_t i = 0; i < re->count && !stopped(c); i++) {
        bool last = i + 1 == re->count;
        uint32_t split = last ? 0 : emit(c, KJ_INST_SPLIT, 0);
        emit_tree(c, re->children[i], depth);
        if (last)
            break;
        if (!kj_vec_add(&jumps, emit(c, KJ_INST_JUMP, 0)))
            c->failed = true;
        aim(c, split);
    }
    for (size_t i = 0; i < jumps.count; i++)
        aim(c, jumps.items[i]);
    kj_vec_done(&jumps);
}

static void emit_repeat(struct compiler *c, const kj_re *re, unsigned depth)
{
    const kj_re *child = re->children[0];
    uint32_t last = (uint32_t)c->code.count;
    for (uint32_t i = 0; i < re->min && !stopped(c); i++) {
        last = (uint32_t)c->code.count;
        emit_tree(c, child, depth);
        if (c->code.count == last)
            break; /* emits nothing, however often */
    }
    if (re->max == KJ_RE_UNBOUNDED && re->min > 0) {
        uint32_t leave = emit(c, KJ_INST_SPLIT, 0);
        emit(c, KJ_INST_JUMP, last);
        aim(c, leave);
        return;
    }
    if (re->max == KJ_RE_UNBOUNDED) {
        uint32_t loop = emit(c, KJ_INST_SPLIT, 0);
        emit_tree(c, child, depth);
        emit(c, KJ_INST_JUMP, loop);
        aim(c, loop);
        return;
    }
    uint32_t first = (uint32_t)c->code.count, count = 0;
    KJ_VEC(uint32_t) leaves = {0};
    for (uint32_t i = re->min; i < re->max && !stopped(c); i++, count++) {
        if (!kj_vec_add(&leaves, emit(c, KJ_INST_SPLIT, 0)))
            c->failed = true;
        emit_tree(c, child, depth);
        if (c->code.count == first + 1)
            break;
    }
    for (size_t i = 0; i < leaves.count; i++)
        aim(c, leaves.items[i]);
    kj_vec_done(&leaves);
}

static void emit_tree(struct compiler *c, const kj_re *re, unsigned depth)
{
    static const kj_inst assertions[KJ_RE_OP_COUNT] = {
        [KJ_RE_START] = KJ_INST_START,
        [KJ_RE_END] = KJ_INST_END,
        [KJ_RE_WORD] = KJ_INST_WORD,
        [KJ_RE_NOT_WORD] = KJ_INST_NOT_WORD,
    };
    if (depth > KJ_RE_MAX_DEPTH) {
        c->deep = true;
        return;
    }
    if (re->op == KJ_RE_CLASS)
        emit_class(c, &re->set);
    else if (re->op == KJ_RE_CONCAT)
        emit_concat(c, re, depth + 1);
    else if (re->op == KJ_RE_ALT)
        emit_alt(c, re, depth + 1);
    else if (re->op == KJ_RE_REPEAT)
        emit_repeat(c, re, depth + 1);
    else if (re->op == KJ_RE_AFTER || re->op == KJ_RE_BEFORE)
        emit_look(c, re);
    else if (assertions[re->op])
        emit(c, assertions[re->op], 0);
}

static void add_first(const struct compiler *c, uint32_t word, uint32_t first[8])
{
    uint32_t argument = word >> 8;
    if ((word & 0xFF) == KJ_INST_BYTE) {
        first[argument / 32] |= 1U << argument % 32;
        return;
    }
    if ((word & 0xFF) != KJ_INST_CLASS) { /* any byte, or the end: nothing can be ruled out */
        memset(first, 0xFF, KJ_CLASS_WORDS * 4);
        return;
    }
    for (unsigned i = 0; i < KJ_CLASS_WORDS; i++)
        first[i] |= (uint32_t)(c->classes.items[argument].words[i / 2] >> (i % 2 * 32));
}

/* The first bytes: those of all instructions that are reached without consuming one. */
static void find_first(struct compiler *c, uint32_t first[8])
{
    uint8_t *seen = calloc(c->code.count, 1);
    uint32_t *stack = calloc(c->code.count * 2 + 1, sizeof *stack);
    size_t depth = 0;
    if (!seen || !stack)
        c->failed = true;
    else
        stack[depth++] = 0;
    while (depth > 0) {
        uint32_t at = stack[--depth];
        if (at >= c->code.count || seen[at])
            continue;
        seen[at] = 1;
        uint32_t word = c->code.items[at], inst = word & 0xFF;
        if (inst <= KJ_INST_CLASS || inst == KJ_INST_MATCH) {
            add_first(c, word, first);
            continue;
        }
        if (inst == KJ_INST_SPLIT || inst == KJ_INST_JUMP)
            stack[depth++] = word >> 8;
        if (inst != KJ_INST_JUMP)
            stack[depth++] = at + 1;
    }
    free(seen);
    free(stack);
}

/* All bytes that any instruction consumes. */
static void find_any(const struct compiler *c, uint32_t any[KJ_CLASS_WORDS])
{
    for (size_t i = 0; i < c->code.count; i++)
        if ((c->code.items[i] & 0xFF) <= KJ_INST_CLASS)
            add_first(c, c->code.items[i], any);
}

static uint32_t least_width(kj_re_list list)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < list.count; i++) {
        uint32_t min, max;
        kj_re_width(list.items[i], &min, &max);
        if (__builtin_add_overflow(sum, min, &sum))
            return UINT32_MAX;
    }
    return sum;
}

static void write_program(const struct compiler *c, kj_disk_program header, kj_buf *out)
{
    header.code_count = (uint32_t)c->code.count;
    header.class_count = (uint32_t)c->classes.count;
    kj_buf_put(out, kj_span_of(&header, sizeof header));
    for (size_t i = 0; i < c->classes.count; i++)
        for (unsigned k = 0; k < 4; k++)
            kj_buf_put_u64le(out, c->classes.items[i].words[k]);
    for (size_t i = 0; i < c->code.count; i++)
        kj_buf_put_u32le(out, c->code.items[i]);
}

kj_status kj_regex_compile(kj_re_list list, uint32_t flags, kj_buf *programs, uint32_t *out_offset,
                           kj_error *err)
{
    struct compiler c = {.backward = flags & KJ_PROGF_BACKWARD};
    kj_disk_program header = {.flags = flags, .least = least_width(list)};
    for (size_t i = 0; i < list.count && !stopped(&c); i++)
        emit_tree(&c, list.items[c.backward ? list.count - 1 - i : i], 0);
    emit(&c, KJ_INST_MATCH, 0);
    if (!stopped(&c))
        find_first(&c, header.first);
    if (!stopped(&c))
        find_any(&c, header.any);
    if (!stopped(&c)) {
        *out_offset = (uint32_t)(programs->len / 4);
        write_program(&c, header, programs);
    }
    kj_vec_done(&c.code);
    kj_vec_done(&c.classes);
    if (c.large)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET,
                       "needs more than %d instructions: its repetitions are too large",
                       KJ_PROGRAM_MAX_CODE);
    if (c.deep)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "nests deeper than %d levels", KJ_RE_MAX_DEPTH);
    if (c.failed || programs->failed)
        return kj_fail(err, KJ_NO_MEMORY, KJ_NO_OFFSET, "out of memory for programs");
    return KJ_OK;
}

static kj_re *widen(kj_arena *arena, const kj_re *re, unsigned depth)
{
    kj_re *copy = kj_new(arena, kj_re);
    size_t count = re->op == KJ_RE_CLASS ? 2 : re->count;
    kj_re **children = count ? kj_new_array(arena, kj_re *, count) : NULL;
    if (!copy || (count && !children) || depth > KJ_RE_MAX_DEPTH)
        return NULL;
    *copy = *re;
    copy->children = children;
    copy->count = count;
    if (re->op == KJ_RE_CLASS) {
        copy->op = KJ_RE_CONCAT;
        kj_re *byte = children[0] = kj_new(arena, kj_re);
        kj_re *zero = children[1] = kj_new(arena, kj_re);
        if (!byte || !zero)
            return NULL;
        *byte = (kj_re){.op = KJ_RE_CLASS, .set = re->set};
        zero->op = KJ_RE_CLASS;
        kj_byte_set_add(&zero->set, 0);
        return copy;
    }
    for (size_t i = 0; i < count; i++)
        if (!(children[i] = widen(arena, re->children[i], depth + 1)))
            return NULL;
    return copy;
}

kj_re *kj_re_widen(kj_arena *arena, const kj_re *re)
{
    return widen(arena, re, 0);
}
