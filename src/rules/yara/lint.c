/* SPDX-License-Identifier: Apache-2.0 */
/* Warnings about what is right and yet looks like an oversight. YARA-X warns of most of it. */
#include "rules/yara/compiler.h"

void kj_yara_lint_imports(kj_yara_compiler *c)
{
    for (size_t i = 0; c->options->lint && i < c->options->schema_count; i++) {
        const kj_yara_import *import = &c->imports[i];
        if (import->source && !import->used)
            kj_diag_add(&c->ir->diags, KJ_WARNING, import->source, import->token.offset,
                        import->token.text.len, "remove it", "no rule uses this module");
    }
}

void kj_yara_lint_number(kj_yara_compiler *c, const kj_expr *expr)
{
    if (c->options->lint && (expr->type == KJ_TYPE_INT || expr->type == KJ_TYPE_REAL))
        kj_yara_warn(c, expr->offset, 1, "compare it with 0",
                     "%s as a condition is true unless it is 0", kj_yara_type_name(expr->type));
}

void kj_yara_lint_operand(kj_yara_compiler *c, kj_op op, const kj_expr *expr)
{
    if (!c->options->lint || expr->op != KJ_OP_BOOL || expr->type != KJ_TYPE_BOOL)
        return;
    if (expr->integer == (op == KJ_OP_OR))
        kj_yara_warn(c, expr->offset, 1, NULL, "this is always %s: what follows is never looked at",
                     expr->integer ? "true" : "false");
    else
        kj_yara_warn(c, expr->offset, 1, "remove it", "this is always %s",
                     expr->integer ? "true" : "false");
}

static void lint_copies(kj_yara_compiler *c, const kj_pattern *pattern, size_t offset)
{
    if (kj_names_find(&c->literals, pattern->source))
        kj_yara_warn(c, offset, pattern->source.len, NULL, "the rule has this string already");
    else if (!kj_names_add(&c->literals, pattern->source, 0))
        kj_yara_no_memory(c);
}

static void lint_text(kj_yara_compiler *c, const kj_pattern *pattern, size_t offset)
{
    for (size_t i = 0; pattern->kind == KJ_PATTERN_TEXT && i < pattern->source.len; i++) {
        if (pattern->source.data[i] >= 0x80) {
            kj_yara_warn(c, offset + i, 1, "write its bytes as \\xHH",
                         "what a character outside ASCII matches depends on the file's encoding");
            return;
        }
    }
}

/* The one byte that a node matches; false when it is anything else. */
static bool single_byte(const kj_yara_compiler *c, const kj_re *re, unsigned *out)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        if (c->bytes[byte] == re) {
            *out = byte;
            return true;
        }
    }
    return false;
}

static void lint_hex(kj_yara_compiler *c, const kj_pattern *pattern, size_t offset)
{
    unsigned byte;
    const kj_re *re = pattern->re;
    if (pattern->kind != KJ_PATTERN_HEX || re->op != KJ_RE_CONCAT)
        return;
    for (size_t i = 0; i < re->count; i++)
        if (!single_byte(c, re->children[i], &byte) || byte < 0x20 || byte > 0x7E)
            return;
    kj_yara_warn(c, offset, pattern->source.len, NULL, "this hex string could be a text string");
}

void kj_yara_lint_pattern(kj_yara_compiler *c, const kj_pattern *pattern)
{
    if (!c->options->lint)
        return;
    size_t offset = (size_t)(pattern->source.data - c->source->text.data);
    lint_copies(c, pattern, offset);
    lint_text(c, pattern, offset);
    lint_hex(c, pattern, offset);
}
