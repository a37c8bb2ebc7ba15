/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/rules/yara_dump.h"

static const char *const op_names[KJ_OP_COUNT] = {
    [KJ_OP_BOOL] = "bool",
    [KJ_OP_INT] = "int",
    [KJ_OP_REAL] = "real",
    [KJ_OP_STRING] = "string",
    [KJ_OP_REGEX] = "regex",
    [KJ_OP_FILESIZE] = "filesize",
    [KJ_OP_ENTRYPOINT] = "entrypoint",
    [KJ_OP_VARIABLE] = "var",
    [KJ_OP_EXTERNAL] = "external",
    [KJ_OP_FIELD] = "field",
    [KJ_OP_READ] = "read",
    [KJ_OP_FOUND] = "found",
    [KJ_OP_FOUND_AT] = "at",
    [KJ_OP_FOUND_IN] = "in",
    [KJ_OP_COUNT_OF] = "count",
    [KJ_OP_OFFSET_OF] = "offset",
    [KJ_OP_LENGTH_OF] = "length",
    [KJ_OP_RULE] = "rule",
    [KJ_OP_ARTIFACT] = "artifact",
    [KJ_OP_AND] = "and",
    [KJ_OP_OR] = "or",
    [KJ_OP_NOT] = "not",
    [KJ_OP_DEFINED] = "defined",
    [KJ_OP_OF] = "of",
    [KJ_OP_FOR_PATTERNS] = "for-patterns",
    [KJ_OP_FOR_RANGE] = "for-range",
    [KJ_OP_FOR_LIST] = "for-list",
    [KJ_OP_FOR_COUNT] = "for-count",
    [KJ_OP_WITH] = "with",
    [KJ_OP_EQ] = "==",
    [KJ_OP_NE] = "!=",
    [KJ_OP_LT] = "<",
    [KJ_OP_LE] = "<=",
    [KJ_OP_GT] = ">",
    [KJ_OP_GE] = ">=",
    [KJ_OP_CONTAINS] = "contains",
    [KJ_OP_ICONTAINS] = "icontains",
    [KJ_OP_STARTSWITH] = "startswith",
    [KJ_OP_ISTARTSWITH] = "istartswith",
    [KJ_OP_ENDSWITH] = "endswith",
    [KJ_OP_IENDSWITH] = "iendswith",
    [KJ_OP_IEQUALS] = "iequals",
    [KJ_OP_MATCHES] = "matches",
    [KJ_OP_NEG] = "neg",
    [KJ_OP_ADD] = "+",
    [KJ_OP_SUB] = "-",
    [KJ_OP_MUL] = "*",
    [KJ_OP_DIV] = "\\",
    [KJ_OP_MOD] = "%",
    [KJ_OP_BIT_NOT] = "~",
    [KJ_OP_BIT_AND] = "&",
    [KJ_OP_BIT_OR] = "|",
    [KJ_OP_BIT_XOR] = "^",
    [KJ_OP_SHL] = "<<",
    [KJ_OP_SHR] = ">>",
    [KJ_OP_TO_REAL] = "to-real",
    [KJ_OP_TO_BOOL] = "to-bool",
    [KJ_OP_TO_INT] = "to-int",
};

static const char *const quantifier_names[] = {
    [KJ_Q_NONE_GIVEN] = "", [KJ_Q_ALL] = " all",     [KJ_Q_ANY] = " any",
    [KJ_Q_NO] = " none",    [KJ_Q_COUNT] = " count", [KJ_Q_PERCENT] = " percent",
};

static const char type_letters[KJ_TYPE_COUNT] = {
    [KJ_TYPE_UNDEFINED] = '?', [KJ_TYPE_BOOL] = 'b',  [KJ_TYPE_INT] = 'i',   [KJ_TYPE_REAL] = 'f',
    [KJ_TYPE_STRING] = 's',    [KJ_TYPE_REGEX] = 'r', [KJ_TYPE_ARRAY] = 'a', [KJ_TYPE_DICT] = 'd',
};

static bool is_about_pattern(kj_op op)
{
    return op >= KJ_OP_FOUND && op <= KJ_OP_LENGTH_OF;
}

static void dump_pattern(const kj_ir *ir, const kj_expr *expr, kj_buf *out)
{
    static const char signs[] = {
        [KJ_OP_FOUND - KJ_OP_FOUND] = '$',     [KJ_OP_FOUND_AT - KJ_OP_FOUND] = '$',
        [KJ_OP_FOUND_IN - KJ_OP_FOUND] = '$',  [KJ_OP_COUNT_OF - KJ_OP_FOUND] = '#',
        [KJ_OP_OFFSET_OF - KJ_OP_FOUND] = '@', [KJ_OP_LENGTH_OF - KJ_OP_FOUND] = '!'};
    kj_buf_put_byte(out, (uint8_t)signs[expr->op - KJ_OP_FOUND]);
    if (expr->index != KJ_NONE)
        kj_buf_put(out, kj_span_sub(ir->patterns.items[expr->index].identifier, 1, SIZE_MAX));
}

/* True when that was all there is to say. */
static bool dump_literal(const kj_ir *ir, const kj_expr *expr, kj_buf *out)
{
    switch (expr->op) {
    case KJ_OP_BOOL:
        kj_buf_put_text(out, expr->integer ? "true" : "false");
        return true;
    case KJ_OP_INT:
        kj_buf_printf(out, "%lld", (long long)expr->integer);
        return true;
    case KJ_OP_REAL:
        kj_buf_printf(out, "%.17gf", expr->real);
        return true;
    case KJ_OP_STRING:
        kj_buf_put_byte(out, '"');
        kj_buf_put(out, expr->text);
        kj_buf_put_byte(out, '"');
        return true;
    case KJ_OP_REGEX:
        kj_buf_put(out, ir->patterns.items[expr->index].source);
        return true;
    case KJ_OP_RULE:
        kj_buf_put_text(out, "rule:");
        kj_buf_put(out, ir->rules.items[expr->index].name);
        return true;
    case KJ_OP_EXTERNAL:
        kj_buf_put_text(out, "ext:");
        kj_buf_put(out, ir->externals.items[expr->index].name);
        return true;
    case KJ_OP_FILESIZE:
    case KJ_OP_ENTRYPOINT:
        kj_buf_put_text(out, op_names[expr->op]);
        return true;
    default:
        if (!is_about_pattern(expr->op) || expr->count)
            return false;
        dump_pattern(ir, expr, out);
        return true;
    }
}

static void dump_head(const kj_ir *ir, const kj_expr *expr, kj_buf *out)
{
    kj_buf_printf(out, "%s%s", op_names[expr->op], quantifier_names[expr->quantifier]);
    if (is_about_pattern(expr->op)) {
        kj_buf_put_byte(out, ' ');
        dump_pattern(ir, expr, out);
    } else if (expr->op == KJ_OP_FIELD) {
        kj_buf_printf(out, ":%u.%u%c", expr->index >> 16, expr->index & 0xFFFF,
                      type_letters[expr->type]);
    } else if (expr->op == KJ_OP_READ) {
        kj_buf_printf(out, ":%02x", expr->index);
    } else if (expr->op == KJ_OP_VARIABLE) {
        kj_buf_printf(out, "%u%c", expr->index, type_letters[expr->type]);
    } else if (expr->index != KJ_NONE) {
        kj_buf_printf(out, " %u", expr->index);
    }
}

void yara_dump_expr(const kj_ir *ir, const kj_expr *expr, kj_buf *out)
{
    if (dump_literal(ir, expr, out))
        return;
    bool is_list = expr->count || expr->op == KJ_OP_FIELD;
    kj_buf_put_text(out, is_list ? "(" : "");
    dump_head(ir, expr, out);
    for (size_t i = 0; i < expr->count; i++) {
        kj_buf_put_byte(out, ' ');
        yara_dump_expr(ir, expr->args[i], out);
    }
    kj_buf_put_text(out, is_list ? ")" : "");
}

static unsigned run_end(const kj_byte_set *set, unsigned byte)
{
    while (byte < 255 && kj_byte_set_has(set, (uint8_t)(byte + 1)))
        byte++;
    return byte;
}

static void dump_class(const kj_byte_set *set, kj_buf *out)
{
    unsigned count = 0;
    for (unsigned byte = 0; byte < 256; byte++)
        count += kj_byte_set_has(set, (uint8_t)byte);
    if (count == 256) {
        kj_buf_put_byte(out, '.');
        return;
    }
    const char *separator = "";
    kj_buf_put_text(out, count == 1 ? "" : "[");
    for (unsigned byte = 0; byte < 256; byte++) {
        if (!kj_byte_set_has(set, (uint8_t)byte))
            continue;
        unsigned end = run_end(set, byte);
        kj_buf_printf(out, "%s%02x", separator, byte);
        if (end > byte)
            kj_buf_printf(out, "-%02x", end);
        byte = end;
        separator = " ";
    }
    kj_buf_put_text(out, count == 1 ? "" : "]");
}

static void dump_re_head(const kj_re *re, kj_buf *out)
{
    static const char *const words[KJ_RE_OP_COUNT] = {
        [KJ_RE_EMPTY] = "empty",       [KJ_RE_CONCAT] = "(cat", [KJ_RE_ALT] = "(alt",
        [KJ_RE_START] = "^",           [KJ_RE_END] = "$",       [KJ_RE_WORD] = "word",
        [KJ_RE_NOT_WORD] = "not-word",
    };
    if (re->op == KJ_RE_AFTER || re->op == KJ_RE_BEFORE)
        kj_buf_printf(out, "%s%s:", re->op == KJ_RE_AFTER ? "after" : "before",
                      re->edge ? "-or-edge" : "");
    if (re->op == KJ_RE_CLASS || re->op == KJ_RE_AFTER || re->op == KJ_RE_BEFORE)
        dump_class(&re->set, out);
    else if (re->op != KJ_RE_REPEAT)
        kj_buf_put_text(out, words[re->op]);
    else if (re->max == KJ_RE_UNBOUNDED)
        kj_buf_printf(out, "(rep%s %u *", re->greedy ? "" : "?", re->min);
    else
        kj_buf_printf(out, "(rep%s %u %u", re->greedy ? "" : "?", re->min, re->max);
}

void yara_dump_re(const kj_re *re, kj_buf *out)
{
    dump_re_head(re, out);
    for (size_t i = 0; i < re->count; i++) {
        kj_buf_put_byte(out, ' ');
        yara_dump_re(re->children[i], out);
    }
    if (re->count)
        kj_buf_put_byte(out, ')');
}
