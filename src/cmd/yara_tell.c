/* SPDX-License-Identifier: Apache-2.0 */
/* Diagnostics as yara(1) words them:
 *
 *     error: rule "NAME" in FILE(LINE): SENTENCE
 *     FILE(LINE): error: SENTENCE                    outside of rules
 */
#include "cmd/yara.h"

#include "rules/yara/lexer.h"

#include <stdio.h>

/* Which rule an offset of a source is in. Diagnostics mostly come by rising offset, so that the
 * source is read once. */
typedef struct whereabouts {
    const kj_source *source;
    kj_lexer lexer;
    kj_span rule; /* the last rule's name before the lexer's position */
    bool named;   /* the last token was `rule` */
} whereabouts;

static kj_span find_rule(whereabouts *w, const kj_source *source, size_t offset)
{
    if (w->source != source || w->lexer.pos > offset)
        *w = (whereabouts){.source = source, .lexer = {.in = source->text}};
    while (w->lexer.pos < offset) {
        kj_token token = kj_lexer_next(&w->lexer);
        if (token.kind == KJ_TOK_END)
            break;
        if (w->named && token.kind == KJ_TOK_IDENTIFIER)
            w->rule = token.text;
        w->named = token.kind == KJ_TOK_RULE;
    }
    return w->rule;
}

static void tell(const kj_diag *diag, kj_span rule)
{
    const char *kind = diag->severity == KJ_ERROR ? "error" : "warning";
    if (!diag->source || diag->offset == SIZE_MAX) {
        (void)fprintf(stderr, "%s: %s\n", kind, diag->message);
        return;
    }
    size_t line, column;
    kj_source_locate(diag->source, diag->offset, &line, &column);
    if (rule.len)
        (void)fprintf(stderr, "%s: rule \"%.*s\" in %s(%zu): %s\n", kind, (int)rule.len,
                      (const char *)rule.data, diag->source->name, line, diag->message);
    else
        (void)fprintf(stderr, "%s(%zu): %s: %s\n", diag->source->name, line, kind, diag->message);
}

void kj_yara_tell(const kj_yara_cli *cli, const kj_ir *ir, size_t from)
{
    whereabouts w = {0};
    for (size_t i = from; i < ir->diags.list.count; i++) {
        const kj_diag *diag = &ir->diags.list.items[i];
        if (diag->severity == KJ_ERROR || (diag->severity == KJ_WARNING && !cli->no_warnings))
            tell(diag, diag->source && diag->offset != SIZE_MAX
                           ? find_rule(&w, diag->source, diag->offset)
                           : (kj_span){0});
    }
}

void kj_yara_tell_about(const kj_ir *ir, const kj_rule *rule, kj_span what, kj_severity severity,
                        const char *message)
{
    kj_diag diag = {.severity = severity, .offset = SIZE_MAX, .message = message};
    diag.source = kj_yara_find_source(ir, what, &diag.offset);
    tell(&diag, rule->name);
}

const kj_source *kj_yara_find_source(const kj_ir *ir, kj_span span, size_t *out_offset)
{
    uintptr_t at = (uintptr_t)span.data;
    for (size_t i = 0; i < ir->sources.count; i++) {
        const kj_source *source = ir->sources.items[i];
        uintptr_t start = (uintptr_t)source->text.data;
        if (at < start || at - start >= source->text.len)
            continue;
        *out_offset = at - start;
        return source;
    }
    return NULL;
}
