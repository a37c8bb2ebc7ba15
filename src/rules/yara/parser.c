/* SPDX-License-Identifier: Apache-2.0 */
/* Rules and what stands around them:
 *
 *     file     (import "module" | include "path" | rule)*
 *     rule     (private | global)* rule NAME (: TAG+)? { meta? strings? condition }
 *     meta     meta : (NAME = ("text" | -? INTEGER | true | false))+
 *     strings  strings : ($NAME = ...)+
 *     condition  condition : expr
 *
 * After a syntax error, reading goes on at the next declaration of the section, or at the next
 * rule, import or include. */
#include "rules/yara/compiler.h"

#include "base/arith.h"
#include "base/text.h"

#include <stdio.h>

/* ---- tokens and problems ------------------------------------------------------------------- */

void *kj_yara_no_memory(kj_yara_compiler *c)
{
    c->no_memory = true;
    c->rule_failed = true;
    return NULL;
}

void kj_yara_advance(kj_yara_compiler *c)
{
    c->last_end = c->token.offset + c->token.text.len;
    c->token = kj_lexer_next(&c->lexer);
}

kj_token kj_yara_peek(const kj_yara_compiler *c)
{
    kj_lexer ahead = c->lexer;
    return kj_lexer_next(&ahead);
}

bool kj_yara_accept(kj_yara_compiler *c, kj_tok kind)
{
    if (c->token.kind != kind)
        return false;
    kj_yara_advance(c);
    return true;
}

static KJ_PRINTF(6, 0) void report(kj_yara_compiler *c, kj_severity severity, size_t offset,
                                   size_t len, const char *hint, const char *format, va_list args)
{
    char message[512];
    (void)vsnprintf(message, sizeof message, format, args);
    kj_diag_add(&c->ir->diags, severity, c->source, offset, len, hint, "%s", message);
    c->rule_failed |= severity == KJ_ERROR;
}

void kj_yara_warn(kj_yara_compiler *c, size_t offset, size_t len, const char *hint,
                  const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(c, KJ_WARNING, offset, len, hint, format, args);
    va_end(args);
}

void kj_yara_error(kj_yara_compiler *c, size_t offset, size_t len, const char *hint,
                   const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(c, KJ_ERROR, offset, len, hint, format, args);
    va_end(args);
}

void kj_yara_error_at(kj_yara_compiler *c, kj_token token, const char *hint, const char *format,
                      ...)
{
    va_list args;
    va_start(args, format);
    report(c, KJ_ERROR, token.offset, token.text.len, hint, format, args);
    va_end(args);
}

bool kj_yara_may_suggest(const kj_yara_compiler *c)
{
    return c->ir->diags.errors < KJ_YARA_MAX_SUGGESTIONS;
}

/* What stands here, for "found ...": short enough words are quoted. */
static void describe(kj_token token, char *buffer, size_t size)
{
    bool quotable = token.kind == KJ_TOK_IDENTIFIER || token.kind == KJ_TOK_INTEGER ||
                    (token.kind >= KJ_TOK_PATTERN && token.kind <= KJ_TOK_PATTERN_LENGTH);
    if (quotable && token.text.len <= 40)
        (void)snprintf(buffer, size, "'%.*s'", (int)token.text.len, (const char *)token.text.data);
    else
        (void)snprintf(buffer, size, "%s", kj_tok_name(token.kind));
}

void kj_yara_unexpected(kj_yara_compiler *c, const char *what)
{
    char found[64];
    if (c->token.kind == KJ_TOK_BAD) {
        kj_yara_error_at(c, c->token, c->token.hint, "%s", c->token.problem);
        return;
    }
    describe(c->token, found, sizeof found);
    kj_yara_error_at(c, c->token, NULL, "expected %s, found %s", what, found);
}

bool kj_yara_expect(kj_yara_compiler *c, kj_tok kind, const char *after)
{
    char what[128];
    if (kj_yara_accept(c, kind))
        return true;
    (void)snprintf(what, sizeof what, "%s after %s", kj_tok_name(kind), after);
    kj_yara_unexpected(c, what);
    return false;
}

/* ---- recovery ------------------------------------------------------------------------------ */

static bool at_statement(const kj_yara_compiler *c)
{
    kj_tok kind = c->token.kind;
    if (kind == KJ_TOK_RULE)
        return kj_yara_peek(c).kind == KJ_TOK_IDENTIFIER;
    if (kind == KJ_TOK_IMPORT || kind == KJ_TOK_INCLUDE)
        return kj_yara_peek(c).kind == KJ_TOK_TEXT;
    if (kind != KJ_TOK_PRIVATE && kind != KJ_TOK_GLOBAL)
        return false;
    kj_tok next = kj_yara_peek(c).kind;
    return next == KJ_TOK_RULE || next == KJ_TOK_PRIVATE || next == KJ_TOK_GLOBAL;
}

static bool at_section(const kj_yara_compiler *c)
{
    kj_tok kind = c->token.kind;
    return (kind == KJ_TOK_STRINGS || kind == KJ_TOK_CONDITION) &&
           kj_yara_peek(c).kind == KJ_TOK_COLON;
}

/* Skips to the next statement; with a `declares` also to the next `declares =` or section. True
 * when the rule goes on there. */
static bool recover(kj_yara_compiler *c, kj_tok declares)
{
    for (; c->token.kind != KJ_TOK_END && !at_statement(c); kj_yara_advance(c)) {
        if (declares == KJ_TOK_END)
            continue;
        if (at_section(c))
            return true;
        if (c->token.kind == declares && kj_yara_peek(c).kind == KJ_TOK_ASSIGN)
            return true;
    }
    return false;
}

/* ---- tags and meta ------------------------------------------------------------------------- */

static size_t count_tags(const kj_yara_compiler *c)
{
    kj_lexer ahead = c->lexer;
    size_t count = c->token.kind == KJ_TOK_IDENTIFIER;
    while (count && kj_lexer_next(&ahead).kind == KJ_TOK_IDENTIFIER)
        count++;
    return count;
}

static bool read_tags(kj_yara_compiler *c, kj_rule *rule)
{
    if (!kj_yara_accept(c, KJ_TOK_COLON))
        return true;
    kj_span *tags = kj_new_array(&c->ir->arena, kj_span, count_tags(c));
    if (!tags) {
        kj_yara_no_memory(c);
        return false;
    }
    if (c->token.kind != KJ_TOK_IDENTIFIER) {
        kj_yara_unexpected(c, "a tag after ':'");
        return false;
    }
    rule->tags = tags;
    for (; c->token.kind == KJ_TOK_IDENTIFIER; kj_yara_advance(c)) {
        if (kj_names_find(&c->pattern_names, c->token.text))
            kj_yara_error_at(c, c->token, NULL, "the tag '%.*s' stands here twice",
                             (int)c->token.text.len, (const char *)c->token.text.data);
        else if (kj_names_add(&c->pattern_names, c->token.text, 0))
            tags[rule->tag_count++] = c->token.text;
        else
            kj_yara_no_memory(c);
    }
    kj_names_clear(&c->pattern_names); /* it had nothing else to do yet */
    return !c->no_memory;
}

static bool read_meta_integer(kj_yara_compiler *c, int64_t sign, kj_value *out)
{
    if (c->token.kind != KJ_TOK_INTEGER) {
        kj_yara_unexpected(c, "a string, an integer, true or false");
        return false;
    }
    *out = kj_value_int(0);
    if (!kj_token_integer(c->token.text, &out->integer))
        kj_yara_error_at(c, c->token, NULL, "this integer is too large");
    out->integer *= sign;
    return true;
}

static bool read_meta_value(kj_yara_compiler *c, kj_value *out)
{
    bool ok = true;
    switch (c->token.kind) {
    case KJ_TOK_TEXT:
        *out = kj_value_text((kj_span){0});
        (void)kj_yara_read_text(c, c->token, &out->text);
        break;
    case KJ_TOK_TRUE:
    case KJ_TOK_FALSE:
        *out = kj_value_bool(c->token.kind == KJ_TOK_TRUE);
        break;
    case KJ_TOK_MINUS:
        kj_yara_advance(c);
        ok = read_meta_integer(c, -1, out);
        break;
    default:
        ok = read_meta_integer(c, 1, out);
    }
    if (ok)
        kj_yara_advance(c);
    return ok;
}

typedef KJ_VEC(kj_meta) meta_list;

static bool read_one_meta(kj_yara_compiler *c, meta_list *list)
{
    kj_meta meta = {.name = c->token.text};
    kj_yara_advance(c);
    if (!kj_yara_expect(c, KJ_TOK_ASSIGN, "the name") || !read_meta_value(c, &meta.value))
        return false;
    if (kj_vec_add(list, meta))
        return true;
    kj_yara_no_memory(c);
    return false;
}

static bool read_meta_list(kj_yara_compiler *c, meta_list *list)
{
    if (c->token.kind != KJ_TOK_IDENTIFIER)
        kj_yara_unexpected(c, "a name after 'meta:'");
    while (c->token.kind == KJ_TOK_IDENTIFIER)
        if (!read_one_meta(c, list) && (c->no_memory || !recover(c, KJ_TOK_IDENTIFIER)))
            return false;
    return true;
}

static bool read_metas(kj_yara_compiler *c, kj_rule *rule)
{
    if (!kj_yara_accept(c, KJ_TOK_META))
        return true;
    if (!kj_yara_expect(c, KJ_TOK_COLON, "'meta'"))
        return false;
    meta_list list = {0};
    bool ok = read_meta_list(c, &list);
    kj_meta *metas = kj_new_array(&c->ir->arena, kj_meta, list.count);
    if (!metas)
        kj_yara_no_memory(c);
    else if (list.count)
        memcpy(metas, list.items, list.count * sizeof *metas);
    rule->metas = metas;
    rule->meta_count = metas ? list.count : 0;
    kj_vec_done(&list);
    return ok && metas;
}

/* ---- strings and condition ------------------------------------------------------------------ */

static bool read_strings(kj_yara_compiler *c)
{
    if (!kj_yara_accept(c, KJ_TOK_STRINGS))
        return true;
    if (!kj_yara_expect(c, KJ_TOK_COLON, "'strings'"))
        return false;
    if (c->token.kind != KJ_TOK_PATTERN)
        kj_yara_unexpected(c, "a string such as $a = \"text\" after 'strings:'");
    while (c->token.kind == KJ_TOK_PATTERN)
        if (!kj_yara_read_pattern(c) && (c->no_memory || !recover(c, KJ_TOK_PATTERN)))
            return false;
    return true;
}

/* A string whose name begins with `_` need not be used. */
static void check_used(kj_yara_compiler *c)
{
    for (size_t i = 0; i < c->used.count; i++) {
        kj_span name = c->ir->patterns.items[c->first_pattern + i].identifier;
        if (c->used.items[i] || (name.len > 1 && name.data[1] == '_'))
            continue;
        kj_yara_error(c, (size_t)(name.data - c->source->text.data), name.len,
                      "use it, remove it, or call it $_...",
                      "the condition does not use the string %.*s", (int)name.len,
                      (const char *)name.data);
    }
}

static bool read_condition(kj_yara_compiler *c, kj_rule *rule)
{
    kj_token start = c->token;
    if (start.kind == KJ_TOK_STRINGS || start.kind == KJ_TOK_META) {
        kj_yara_error_at(c, start, "a rule has meta, strings and condition, in this order",
                         "%s does not come here", kj_tok_name(start.kind));
        return false;
    }
    if (!kj_yara_expect(c, KJ_TOK_CONDITION, "the sections before") ||
        !kj_yara_expect(c, KJ_TOK_COLON, "'condition'"))
        return false;
    c->depth = 0;
    rule->condition = kj_yara_read_bool(c);
    if (!rule->condition)
        return false;
    if (c->token.kind != KJ_TOK_CLOSE_BRACE) {
        kj_yara_unexpected(c, "an operator or the rule's '}'");
        return false;
    }
    if (!kj_yara_expr_fits(rule->condition, KJ_EXPR_MAX_DEPTH)) {
        kj_yara_error_at(c, start, "split it into private rules",
                         "the condition is nested too deep");
        return true;
    }
    check_used(c);
    return true;
}

/* ---- rules --------------------------------------------------------------------------------- */

/* The class that a rule's meta asks for. */
static kj_class class_of(kj_yara_compiler *c, const kj_rule *rule)
{
    kj_class klass = KJ_CLASS_FAMILY;
    for (size_t i = 0; i < rule->meta_count; i++) {
        const kj_meta *meta = &rule->metas[i];
        if (!kj_span_is(meta->name, "kujo_class"))
            continue;
        kj_class found = KJ_CLASS_HEURISTIC;
        while (found < KJ_CLASS_COUNT && !(meta->value.type == KJ_TYPE_STRING &&
                                           kj_span_is(meta->value.text, kj_class_name(found))))
            found++;
        if (found == KJ_CLASS_COUNT)
            kj_yara_error(c, (size_t)(meta->name.data - c->source->text.data), meta->name.len,
                          "it is \"exact\", \"family\", \"heuristic\" or \"trusted\"",
                          "no such class");
        else
            klass = found;
    }
    return klass;
}

static bool add_detect(kj_yara_compiler *c, const kj_rule *rule, kj_class klass)
{
    kj_expr *when = kj_yara_new(c, KJ_OP_RULE, KJ_TYPE_BOOL, 0);
    kj_detect *detect = kj_vec_push(&c->ir->detects);
    if (!when || !detect) {
        kj_yara_no_memory(c);
        return false;
    }
    when->index = (uint32_t)c->ir->rules.count - 1;
    *detect = (kj_detect){.id = rule->name,
                          .name = rule->name,
                          .klass = klass,
                          .threat = KJ_NONE,
                          .when = when,
                          .until = KJ_NONE};
    return true;
}

static void add_rule(kj_yara_compiler *c, kj_rule *rule)
{
    kj_class klass = class_of(c, rule);
    rule->first_pattern = c->first_pattern;
    rule->pattern_count = (uint32_t)(c->ir->patterns.count - c->first_pattern);
    if (c->rule_failed)
        return;
    if (!kj_vec_add(&c->ir->rules, *rule)) {
        kj_yara_no_memory(c);
        return;
    }
    bool is_detection = rule->threat == KJ_NONE && !(rule->flags & KJ_RULE_PRIVATE);
    if (is_detection && !add_detect(c, rule, klass))
        c->ir->rules.count--;
}

/* Its name is taken from here on, whether or not the rule is right. */
static bool check_name(kj_yara_compiler *c, kj_token name)
{
    const char *problem = NULL;
    if (kj_names_find(&c->rules, name.text))
        problem = "a rule of this name exists already";
    for (size_t len = 1; len <= name.text.len && len <= KJ_YARA_MAX_IDENTIFIER && !problem; len++)
        if (kj_names_find(&c->barred, kj_span_sub(name.text, 0, len)))
            problem = "a rule above refers to all rules whose names begin like this one's";
    for (size_t i = 0; i < c->ir->externals.count && !problem; i++)
        if (kj_span_equal(name.text, c->ir->externals.items[i].name))
            problem = "an external variable has this name";
    if (name.text.len > KJ_YARA_MAX_IDENTIFIER)
        problem = "an identifier has at most 128 characters";
    if (problem)
        kj_yara_error_at(c, name, NULL, "%s", problem);
    return !problem;
}

static bool read_sections(kj_yara_compiler *c, kj_rule *rule)
{
    return read_tags(c, rule) && kj_yara_expect(c, KJ_TOK_OPEN_BRACE, "the rule's name") &&
           read_metas(c, rule) && read_strings(c) && read_condition(c, rule) &&
           kj_yara_expect(c, KJ_TOK_CLOSE_BRACE, "the condition");
}

static void begin_rule(kj_yara_compiler *c)
{
    c->rule_failed = false;
    c->rule_name = (kj_span){0};
    c->first_pattern = (uint32_t)c->ir->patterns.count;
    kj_names_clear(&c->pattern_names);
    kj_names_clear(&c->literals);
    c->used.count = 0;
    c->items.count = 0;
    c->nodes.count = 0;
    c->in_for_of = false;
    c->wish = (kj_yara_wish){0};
    c->variable_count = 0;
    c->slot_count = 0;
}

static bool read_header(kj_yara_compiler *c, kj_rule *rule)
{
    for (; c->token.kind == KJ_TOK_PRIVATE || c->token.kind == KJ_TOK_GLOBAL; kj_yara_advance(c)) {
        uint32_t flag = c->token.kind == KJ_TOK_PRIVATE ? KJ_RULE_PRIVATE : KJ_RULE_GLOBAL;
        if (c->options->strict && (rule->flags & flag))
            kj_yara_error_at(c, c->token, NULL, "%s stands here twice", kj_tok_name(c->token.kind));
        rule->flags |= flag;
    }
    if (!kj_yara_accept(c, KJ_TOK_RULE)) {
        kj_yara_unexpected(c, "a rule, an import or an include");
        return false;
    }
    if (c->token.kind != KJ_TOK_IDENTIFIER) {
        kj_yara_unexpected(c, "a name after 'rule'");
        return false;
    }
    rule->name = c->rule_name = c->token.text;
    return true;
}

static void read_rule(kj_yara_compiler *c)
{
    kj_rule rule = {.space = c->space, .threat = c->options->threat};
    begin_rule(c);
    if (!read_header(c, &rule)) {
        kj_yara_advance(c);
        (void)recover(c, KJ_TOK_END);
        return;
    }
    bool is_new = check_name(c, c->token);
    kj_yara_advance(c);
    if (!read_sections(c, &rule))
        (void)recover(c, KJ_TOK_END);
    if (!c->rule_failed)
        add_rule(c, &rule);
    if (c->rule_failed)
        c->ir->patterns.count = c->first_pattern;
    uint32_t index = c->rule_failed ? KJ_NONE : (uint32_t)c->ir->rules.count - 1;
    if (is_new && !kj_names_add(&c->rules, rule.name, index))
        kj_yara_no_memory(c);
}

/* ---- imports and includes ------------------------------------------------------------------ */

static void unknown_module(kj_yara_compiler *c, kj_token token)
{
    kj_buf hint;
    kj_buf_init(&hint, 500);
    kj_buf_put_text(&hint, c->options->schema_count ? "known modules:" : "there are no modules");
    for (size_t i = 0; i < c->options->schema_count; i++)
        kj_buf_printf(&hint, "%s %s", i ? "," : "", c->options->schemas[i]->name);
    kj_yara_error_at(c, token, kj_buf_text(&hint), "unknown module");
    kj_buf_done(&hint);
    if (!kj_vec_add(&c->unknown_modules, kj_span_sub(token.text, 1, token.text.len - 2)))
        kj_yara_no_memory(c);
}

static void add_import(kj_yara_compiler *c, size_t module, kj_token token)
{
    kj_yara_import *import = &c->imports[module];
    if (c->options->imported)
        c->options->imported[module] = true;
    if (!import->imported)
        *import = (kj_yara_import){
            .imported = true, .source = c->source, .token = token, .rows = import->rows};
    else if (c->options->lint)
        kj_yara_warn(c, token.offset, token.text.len, NULL, "imported above already");
}

static void read_import(kj_yara_compiler *c)
{
    kj_token token = c->token;
    kj_span name = kj_span_sub(token.text, 1, token.text.len - 2);
    kj_yara_advance(c);
    for (size_t i = 0; i < c->options->schema_count; i++) {
        if (kj_span_is(name, c->options->schemas[i]->name)) {
            add_import(c, i, token);
            return;
        }
    }
    unknown_module(c, token);
}

static void read_statements(kj_yara_compiler *c);

static bool is_open(const kj_yara_compiler *c, const kj_source *source)
{
    for (size_t i = 0; i < c->file_count; i++)
        if (strcmp(c->files[i]->name, source->name) == 0)
            return true;
    return false;
}

static void read_file(kj_yara_compiler *c, const kj_source *source, kj_lexer lexer)
{
    kj_yara_compiler outer = {.source = c->source, .lexer = c->lexer, .token = c->token};
    c->files[c->file_count++] = source;
    c->included++;
    c->source = source;
    c->lexer = lexer;
    kj_yara_advance(c);
    read_statements(c);
    c->file_count--;
    c->source = outer.source;
    c->lexer = outer.lexer;
    c->token = outer.token;
}

static void read_include(kj_yara_compiler *c)
{
    kj_error error = {0};
    kj_span path;
    kj_token token = c->token;
    if (!kj_yara_read_text(c, token, &path)) {
        kj_yara_advance(c);
        return;
    }
    if (!c->options->include) {
        kj_yara_error_at(c, token, NULL, "includes are not allowed here");
    } else if (c->file_count >= KJ_YARA_MAX_INCLUDES) {
        kj_yara_error_at(c, token, NULL, "includes are nested deeper than %d",
                         KJ_YARA_MAX_INCLUDES);
    } else if (c->included > KJ_YARA_MAX_FILES) {
        c->lexer.pos = c->source->text.len; /* one message, not one a file */
        kj_yara_error_at(c, token, NULL, "more than %d files are included", KJ_YARA_MAX_FILES);
    } else {
        const kj_source *source =
            c->options->include(c->options->user, c->ir, c->source, path, &error);
        if (!source)
            kj_yara_error_at(c, token, NULL, "cannot include this: %s", error.message);
        else if (is_open(c, source))
            kj_yara_error_at(c, token, NULL, "this file includes itself");
        else
            read_file(c, source, (kj_lexer){.in = source->text});
    }
    kj_yara_advance(c);
}

static void read_statements(kj_yara_compiler *c)
{
    while (c->token.kind != KJ_TOK_END && !c->no_memory) {
        kj_tok kind = c->token.kind;
        if (kind != KJ_TOK_IMPORT && kind != KJ_TOK_INCLUDE) {
            read_rule(c);
            continue;
        }
        kj_yara_advance(c);
        if (c->token.kind != KJ_TOK_TEXT) {
            kj_yara_unexpected(c, "a name in quotes");
            (void)recover(c, KJ_TOK_END);
        } else if (kind == KJ_TOK_IMPORT) {
            read_import(c);
        } else {
            read_include(c);
        }
    }
}

/* ---- the whole ----------------------------------------------------------------------------- */

/* The rules that the namespace holds already. */
static void collect_rules(kj_yara_compiler *c)
{
    for (size_t i = 0; i < c->ir->rules.count; i++) {
        const kj_rule *rule = &c->ir->rules.items[i];
        if (kj_span_equal(rule->space, c->space) && !kj_names_find(&c->rules, rule->name) &&
            !kj_names_add(&c->rules, rule->name, (uint32_t)i))
            kj_yara_no_memory(c);
    }
}

/* What earlier compilations have barred, too. */
static void collect_barred(kj_yara_compiler *c)
{
    for (size_t i = 0; i < c->ir->barred.count; i++) {
        const kj_barred *barred = &c->ir->barred.items[i];
        if (kj_span_equal(barred->space, c->space) && !kj_names_find(&c->barred, barred->prefix) &&
            !kj_names_add(&c->barred, barred->prefix, 0))
            kj_yara_no_memory(c);
    }
}

bool kj_yara_bar(kj_yara_compiler *c, kj_span prefix)
{
    const kj_barred barred = {.space = c->space, .prefix = prefix};
    if (kj_names_find(&c->barred, prefix) ||
        (kj_names_add(&c->barred, prefix, 0) && kj_vec_add(&c->ir->barred, barred)))
        return true;
    kj_yara_no_memory(c);
    return false;
}

static void done(kj_yara_compiler *c)
{
    kj_names_done(&c->rules);
    kj_names_done(&c->pattern_names);
    kj_names_done(&c->literals);
    kj_names_done(&c->barred);
    for (size_t i = 0; i < c->options->schema_count; i++)
        kj_names_done(&c->imports[i].rows.paths);
    kj_vec_done(&c->unknown_modules);
    kj_vec_done(&c->used);
    kj_vec_done(&c->items);
    kj_vec_done(&c->nodes);
}

kj_status kj_yara_compile(kj_ir *ir, const kj_source *source, size_t offset, size_t len,
                          const kj_yara_options *options, kj_error *err)
{
    kj_span rules = kj_span_sub(source->text, offset, len);
    kj_lexer lexer = {.in = kj_span_sub(source->text, 0, offset + rules.len), .pos = offset};
    kj_yara_compiler c = {.ir = ir, .options = options};
    const char *space = options->space ? options->space : "default";
    space = kj_arena_strdup(&ir->arena, space);
    c.imports = kj_new_array(&ir->arena, kj_yara_import, options->schema_count);
    if (!space || !c.imports)
        return kj_fail(err, KJ_NO_MEMORY, KJ_NO_OFFSET, "no memory for the rules");
    c.space = kj_span_str(space);
    collect_rules(&c);
    collect_barred(&c);
    for (size_t i = 0; options->imported && i < options->schema_count; i++)
        c.imports[i].imported = options->imported[i];
    if (rules.len)
        read_file(&c, source, lexer);
    kj_yara_lint_imports(&c);
    done(&c);
    if (c.no_memory || ir->diags.failed)
        return kj_fail(err, KJ_NO_MEMORY, KJ_NO_OFFSET, "no memory for the rules");
    return KJ_OK;
}
