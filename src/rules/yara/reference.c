/* SPDX-License-Identifier: Apache-2.0 */
/* What identifiers stand for: loop variables, externals, fields of modules, rules. A module is
 * known by its schema alone: the path read so far is compared with the paths of its rows. */
#include "rules/yara/compiler.h"

#include "base/arith.h"

enum { MANY_RULES = 1000 }; /* among more, the nearest name is not looked for */

/* ---- places -------------------------------------------------------------------------------- */

static bool ends_segment(char c)
{
    return c == '\0' || c == '.' || c == '[' || c == '{' || c == '(';
}

bool kj_yara_place_append(kj_yara_place *place, kj_span text)
{
    if (text.len >= sizeof place->path - place->len)
        return false;
    if (text.len)
        memcpy(place->path + place->len, text.data, text.len);
    place->len += text.len;
    place->path[place->len] = '\0';
    return true;
}

bool kj_yara_place_push(kj_yara_place *place, kj_expr *arg)
{
    if (!arg || place->arg_count >= KJ_YARA_MAX_SUBSCRIPTS)
        return false;
    place->args[place->arg_count++] = arg;
    return true;
}

static bool is_below(const kj_yara_place *place, const kj_field *row)
{
    return strncmp(row->path, place->path, place->len) == 0 && ends_segment(row->path[place->len]);
}

static kj_named *find_path(const kj_yara_place *place)
{
    return kj_names_find(&place->rows->paths, kj_span_of(place->path, place->len));
}

bool kj_yara_place_exists(const kj_yara_place *place)
{
    return find_path(place) != NULL;
}

static uint32_t first_row(const kj_yara_place *place)
{
    const kj_named *named = find_path(place);
    return named ? named->value : KJ_NONE;
}

/* Adds the path of a row and what it begins with; *row is of the list of its path from then on. */
static bool index_row(kj_names *paths, uint32_t *next, const kj_field *fields, uint32_t row)
{
    const char *path = fields[row].path;
    for (size_t len = 1;; len++) {
        kj_span prefix = kj_span_of(path, len);
        bool ends = path[len] == '\0';
        kj_named *named = ends_segment(path[len]) ? kj_names_find(paths, prefix) : NULL;
        if (ends_segment(path[len]) && !named && !kj_names_add(paths, prefix, ends ? row : KJ_NONE))
            return false;
        if (!ends)
            continue;
        next[row] = named ? named->value : KJ_NONE;
        if (named)
            named->value = row;
        return true;
    }
}

/* The rows of a schema, indexed; NULL without memory. From the last to the first, so that the lists
 * have the order of the table. */
static const kj_yara_rows *rows_of(kj_yara_compiler *c, size_t module)
{
    const kj_schema *schema = c->options->schemas[module];
    kj_yara_rows *rows = &c->imports[module].rows;
    if (rows->next)
        return rows;
    uint32_t *next = kj_new_array(&c->ir->arena, uint32_t, schema->count);
    for (size_t i = schema->count; next && i > 0; i--)
        if (!index_row(&rows->paths, next, schema->fields, (uint32_t)i - 1))
            return kj_yara_no_memory(c);
    rows->next = next;
    return next ? rows : kj_yara_no_memory(c);
}

/* The place after `suffix` is appended, if there is such a place: *place changes only then. */
static bool step(kj_yara_place *place, const char *suffix)
{
    size_t len = place->len;
    if (kj_yara_place_append(place, kj_span_str(suffix)) && kj_yara_place_exists(place))
        return true;
    place->len = len;
    place->path[len] = '\0';
    return false;
}

static bool is_collection(const kj_field *row)
{
    return row->type == KJ_TYPE_ARRAY || row->type == KJ_TYPE_DICT;
}

static kj_expr *new_field(kj_yara_compiler *c, const kj_yara_place *place, const kj_field *row,
                          size_t offset)
{
    if (row->is_constant) {
        kj_expr *number = kj_yara_new(c, KJ_OP_INT, KJ_TYPE_INT, offset);
        if (number)
            number->integer = row->constant;
        return number;
    }
    kj_expr *expr = kj_yara_new(c, KJ_OP_FIELD, row->type, offset);
    size_t base = c->items.count;
    for (size_t i = 0; i < place->arg_count; i++)
        if (!kj_yara_push(c, place->args[i]))
            return NULL;
    if (expr)
        expr->index = (uint32_t)place->schema->id << 16 | row->id;
    return kj_yara_take_args(c, expr, base);
}

static const kj_field *find_row(const kj_yara_place *place, bool collection)
{
    for (uint32_t i = first_row(place); i != KJ_NONE; i = place->rows->next[i]) {
        const kj_field *row = &place->schema->fields[i];
        if (!row->params && is_collection(row) == collection)
            return row;
    }
    return NULL;
}

kj_expr *kj_yara_place_value(kj_yara_compiler *c, const kj_yara_place *place, size_t offset)
{
    const kj_field *row = find_row(place, false);
    return row ? new_field(c, place, row, offset) : NULL;
}

kj_expr *kj_yara_place_count(kj_yara_compiler *c, kj_yara_place *place, size_t offset)
{
    kj_yara_place elements = *place;
    if (!step(&elements, "[]") && !step(&elements, "{}"))
        return NULL;
    const kj_field *row = find_row(&elements, true);
    if (!row)
        return NULL;
    *place = elements;
    return new_field(c, place, row, offset);
}

/* ---- paths --------------------------------------------------------------------------------- */

/* What `c->token` would be called below `place`, for those who mistyped it. */
static kj_span nearest_member(const kj_yara_compiler *c, const kj_yara_place *place)
{
    kj_nearest nearest = {.wanted = c->token.text};
    for (size_t i = 0; i < place->schema->count && kj_yara_may_suggest(c); i++) {
        const char *path = place->schema->fields[i].path;
        if (!is_below(place, &place->schema->fields[i]) && place->len)
            continue;
        path += place->len;
        path += *path == '.';
        size_t len = 0;
        while (!ends_segment(path[len]))
            len++;
        kj_nearest_add(&nearest, kj_span_of(path, len));
    }
    return nearest.best;
}

/* A hint, or NULL when there is nothing to suggest. */
static const char *did_you_mean(kj_yara_compiler *c, kj_span name)
{
    return name.len ? kj_arena_printf(&c->ir->arena, "did you mean '%.*s'?", (int)name.len,
                                      (const char *)name.data)
                    : NULL;
}

/* As it would be written in a rule. */
static const char *full_name(kj_yara_compiler *c, const kj_yara_place *place)
{
    const char *text = kj_arena_printf(&c->ir->arena, "%s%s%s", place->schema->name,
                                       place->len ? "." : "", place->path);
    return text ? text : place->schema->name;
}

/* A name after the module's, or after a dot. */
static bool read_member(kj_yara_compiler *c, kj_yara_place *place)
{
    kj_yara_place next = *place;
    if ((place->len == 0 || kj_yara_place_append(&next, kj_span_str("."))) &&
        kj_yara_place_append(&next, c->token.text) && kj_yara_place_exists(&next)) {
        *place = next;
        return true;
    }
    kj_yara_error_at(c, c->token, did_you_mean(c, nearest_member(c, place)), "%s has no '%.*s'",
                     full_name(c, place), (int)c->token.text.len, (const char *)c->token.text.data);
    return false;
}

/* `[index]` or `[key]`. *out_wrong: it was read, but makes no sense. */
static bool read_index(kj_yara_compiler *c, kj_yara_place *place, bool *out_wrong)
{
    kj_token bracket = c->token;
    kj_yara_advance(c);
    kj_expr *index = kj_yara_read_primary(c);
    if (!index || !kj_yara_expect(c, KJ_TOK_CLOSE_BRACKET, "the index"))
        return false;
    if (step(place, "[]"))
        index = kj_yara_to_int(c, index, "an index");
    else if (step(place, "{}"))
        index = kj_yara_to_string(c, index, "a key");
    else {
        kj_yara_error_at(c, bracket, NULL, "%s has no elements", full_name(c, place));
        *out_wrong = true;
        return true;
    }
    return kj_yara_place_push(place, index);
}

/* ---- calls --------------------------------------------------------------------------------- */

static const kj_type letter_types[128] = {
    ['i'] = KJ_TYPE_INT,  ['f'] = KJ_TYPE_REAL,  ['s'] = KJ_TYPE_STRING,
    ['b'] = KJ_TYPE_BOOL, ['r'] = KJ_TYPE_REGEX,
};

/* Whether an argument may be passed for a parameter; `widen`: an integer for a real, too. */
static bool accepts(char letter, const kj_expr *arg, bool widen)
{
    kj_type wanted = letter_types[(unsigned char)letter & 127];
    bool is_fact = arg->op == KJ_OP_FIELD || arg->op == KJ_OP_EXTERNAL;
    if (arg->type == wanted || arg->type == KJ_TYPE_UNDEFINED)
        return true;
    if (arg->type == KJ_TYPE_BOOL && is_fact && wanted == KJ_TYPE_INT)
        return true;
    return widen && arg->type == KJ_TYPE_INT && wanted == KJ_TYPE_REAL;
}

static const kj_field *find_overload(const kj_yara_place *place, kj_expr *const *args, size_t count,
                                     bool widen)
{
    for (uint32_t i = first_row(place); i != KJ_NONE; i = place->rows->next[i]) {
        const kj_field *row = &place->schema->fields[i];
        if (!row->params || strlen(row->params) != count)
            continue;
        size_t fits = 0;
        while (fits < count && accepts(row->params[fits], args[fits], widen))
            fits++;
        if (fits == count)
            return row;
    }
    return NULL;
}

/* The overloads of a function as a hint: "it takes (i, i) or (s)". */
static void list_overloads(const kj_yara_place *place, kj_buf *out)
{
    const char *before = "it takes (";
    for (uint32_t i = first_row(place); i != KJ_NONE; i = place->rows->next[i]) {
        const kj_field *row = &place->schema->fields[i];
        if (!row->params)
            continue;
        kj_buf_put_text(out, before);
        for (const char *letter = row->params; *letter; letter++)
            kj_buf_printf(out, "%s%s", letter == row->params ? "" : ", ",
                          kj_yara_type_name(letter_types[(unsigned char)*letter & 127]));
        before = ") or (";
    }
    kj_buf_put_text(out, ")");
}

static kj_expr *no_overload(kj_yara_compiler *c, const kj_yara_place *place, size_t offset)
{
    kj_buf hint;
    kj_buf_init(&hint, 1000);
    list_overloads(place, &hint);
    kj_yara_error(c, offset, c->last_end - offset, kj_buf_text(&hint),
                  "%s does not take these arguments", full_name(c, place));
    kj_buf_done(&hint);
    return kj_yara_new_wrong(c, offset);
}

static kj_expr *convert_argument(kj_yara_compiler *c, char letter, kj_expr *arg)
{
    kj_type wanted = letter_types[(unsigned char)letter & 127];
    if (wanted == KJ_TYPE_REAL && arg->type == KJ_TYPE_INT)
        return kj_yara_to_real(c, arg);
    return wanted == KJ_TYPE_INT ? kj_yara_as_number(arg) : arg;
}

/* Pushes the arguments between parentheses; the current token is the `(`. */
static bool read_arguments(kj_yara_compiler *c)
{
    kj_yara_advance(c);
    if (kj_yara_accept(c, KJ_TOK_CLOSE))
        return true;
    do {
        if (!kj_yara_push(c, kj_yara_read_expr(c)))
            return false;
    } while (kj_yara_accept(c, KJ_TOK_COMMA));
    return kj_yara_expect(c, KJ_TOK_CLOSE, "the arguments");
}

static kj_expr *read_call(kj_yara_compiler *c, kj_yara_place *place, size_t offset)
{
    size_t base = c->items.count;
    if (!read_arguments(c))
        return NULL;
    size_t count = c->items.count - base;
    kj_expr **args = count ? c->items.items + base : NULL;
    bool exists = step(place, "()");
    const kj_field *row = exists ? find_overload(place, args, count, false) : NULL;
    if (exists && !row)
        row = find_overload(place, args, count, true);
    c->items.count = base;
    if (!exists) {
        kj_yara_error(c, offset, c->last_end - offset, NULL, "%s is no function",
                      full_name(c, place));
        return kj_yara_new_wrong(c, offset);
    }
    if (!row)
        return no_overload(c, place, offset);
    for (size_t i = 0; i < count; i++)
        if (!kj_yara_place_push(place, convert_argument(c, row->params[i], args[i])))
            return c->no_memory ? NULL : no_overload(c, place, offset);
    return new_field(c, place, row, offset);
}

/* `.len()` of an array or dictionary. */
static kj_expr *read_len(kj_yara_compiler *c, kj_yara_place *place, size_t offset)
{
    if (!kj_span_is(c->token.text, "len") || kj_yara_peek(c).kind != KJ_TOK_OPEN)
        return NULL;
    kj_yara_place elements = *place, own = *place;
    if (kj_yara_place_append(&own, kj_span_str(".len")) && kj_yara_place_exists(&own))
        return NULL;
    kj_expr *count = kj_yara_place_count(c, &elements, offset);
    if (!count)
        return NULL;
    kj_yara_advance(c);
    kj_yara_advance(c);
    if (!kj_yara_expect(c, KJ_TOK_CLOSE, "'len('"))
        return NULL;
    count->type = KJ_TYPE_INT;
    return count;
}

/* ---- references ---------------------------------------------------------------------------- */

/* Reads past the rest of a path that makes no sense, so that what follows is judged on its own. */
static bool skip_path(kj_yara_compiler *c)
{
    for (;;) {
        size_t base = c->items.count;
        bool ok = true;
        if (kj_yara_accept(c, KJ_TOK_DOT)) {
            kj_yara_advance(c);
        } else if (kj_yara_accept(c, KJ_TOK_OPEN_BRACKET)) {
            ok = kj_yara_read_expr(c) && kj_yara_expect(c, KJ_TOK_CLOSE_BRACKET, "the index");
        } else if (c->token.kind == KJ_TOK_OPEN) {
            ok = read_arguments(c);
            c->items.count = base;
        } else {
            return true;
        }
        if (!ok)
            return false;
    }
}

static bool give_up(kj_yara_compiler *c, size_t offset, kj_expr **out_value)
{
    *out_value = kj_yara_new_wrong(c, offset);
    return *out_value && skip_path(c);
}

/* Nothing may follow a value. */
static bool read_no_path(kj_yara_compiler *c, kj_span name)
{
    kj_tok kind = c->token.kind;
    if (kind != KJ_TOK_DOT && kind != KJ_TOK_OPEN_BRACKET && kind != KJ_TOK_OPEN)
        return true;
    kj_yara_error_at(c, c->token, NULL, "'%.*s' is a value: it has no members", (int)name.len,
                     (const char *)name.data);
    return skip_path(c);
}

static bool read_name(kj_yara_compiler *c, kj_yara_place *place, size_t offset, kj_expr **out_value)
{
    if (c->token.kind != KJ_TOK_IDENTIFIER && !kj_tok_is_keyword(c->token.kind)) {
        kj_yara_unexpected(c, "a name after '.'");
        return false;
    }
    kj_expr *len = read_len(c, place, offset);
    if (len || c->no_memory) {
        *out_value = len;
        return len && read_no_path(c, kj_span_str("len()"));
    }
    bool found = read_member(c, place);
    kj_yara_advance(c);
    return found || give_up(c, offset, out_value);
}

/* The path behind a module's name or a variable that stands for a place in it. */
static bool read_path(kj_yara_compiler *c, kj_yara_place *place, size_t offset, kj_expr **out_value)
{
    *out_value = NULL;
    while (!*out_value) {
        if (kj_yara_accept(c, KJ_TOK_DOT)) {
            if (!read_name(c, place, offset, out_value))
                return false;
        } else if (c->token.kind == KJ_TOK_OPEN_BRACKET) {
            bool wrong = false;
            if (!read_index(c, place, &wrong))
                return false;
            if (wrong)
                return give_up(c, offset, out_value);
        } else if (c->token.kind == KJ_TOK_OPEN) {
            *out_value = read_call(c, place, offset);
            return *out_value && read_no_path(c, kj_span_str(place->path));
        } else {
            *out_value = kj_yara_place_value(c, place, offset);
            return !c->no_memory;
        }
    }
    return true;
}

static kj_yara_variable *find_variable(kj_yara_compiler *c, kj_span name)
{
    for (size_t i = c->variable_count; i > 0; i--)
        if (kj_span_equal(c->variables[i - 1].name, name))
            return &c->variables[i - 1];
    return NULL;
}

static kj_expr *find_external(kj_yara_compiler *c, kj_token name)
{
    for (size_t i = 0; i < c->ir->externals.count; i++) {
        const kj_external *external = &c->ir->externals.items[i];
        if (!kj_span_equal(external->name, name.text))
            continue;
        kj_expr *expr = kj_yara_new(c, KJ_OP_EXTERNAL, external->value.type, name.offset);
        if (expr)
            expr->index = (uint32_t)i;
        return expr;
    }
    return NULL;
}

static const kj_schema *find_schema(const kj_yara_compiler *c, kj_span name, size_t *out_index)
{
    for (size_t i = 0; i < c->options->schema_count; i++) {
        if (kj_span_is(name, c->options->schemas[i]->name)) {
            *out_index = i;
            return c->options->schemas[i];
        }
    }
    return NULL;
}

/* A rule is false in its own condition, as in libyara. */
static kj_expr *find_rule(kj_yara_compiler *c, kj_token name)
{
    if (kj_span_equal(name.text, c->rule_name))
        return kj_yara_new_bool(c, false, name.offset);
    const kj_named *named = kj_names_find(&c->rules, name.text);
    if (!named)
        return NULL;
    if (named->value == KJ_NONE)
        return kj_yara_new_wrong(c, name.offset);
    kj_expr *expr = kj_yara_new(c, KJ_OP_RULE, KJ_TYPE_BOOL, name.offset);
    if (expr)
        expr->index = named->value;
    return expr;
}

static kj_span nearest_name(const kj_yara_compiler *c, kj_span name)
{
    kj_nearest nearest = {.wanted = name};
    if (!kj_yara_may_suggest(c))
        return nearest.best;
    for (size_t i = 0; i < c->variable_count; i++)
        kj_nearest_add(&nearest, c->variables[i].name);
    for (size_t i = 0; i < c->ir->externals.count; i++)
        kj_nearest_add(&nearest, c->ir->externals.items[i].name);
    for (size_t i = 0; i < c->options->schema_count; i++)
        kj_nearest_add(&nearest, kj_span_str(c->options->schemas[i]->name));
    for (size_t i = 0; i < c->rules.list.count && c->rules.list.count < MANY_RULES; i++)
        kj_nearest_add(&nearest, c->rules.list.items[i].name);
    return nearest.best;
}

static void unknown_name(kj_yara_compiler *c, kj_token name)
{
    /* The import was an error already. */
    for (size_t i = 0; i < c->unknown_modules.count; i++)
        if (kj_span_equal(c->unknown_modules.items[i], name.text))
            return;
    kj_yara_error_at(c, name, did_you_mean(c, nearest_name(c, name.text)),
                     "unknown identifier '%.*s'", (int)name.text.len, (const char *)name.text.data);
}

static void missing_import(kj_yara_compiler *c, kj_token name, const kj_schema *schema)
{
    const char *hint =
        kj_arena_printf(&c->ir->arena, "write import \"%s\" above the rules", schema->name);
    kj_yara_error_at(c, name, hint, "the module '%s' is not imported", schema->name);
}

static bool read_variable(kj_yara_compiler *c, const kj_yara_variable *variable, kj_token name,
                          kj_expr **out_value, kj_yara_place *out_place)
{
    if (variable->is_place) {
        *out_place = variable->place;
        return read_path(c, out_place, name.offset, out_value);
    }
    *out_value = variable->type == KJ_TYPE_UNDEFINED
                     ? kj_yara_new_wrong(c, name.offset)
                     : kj_yara_new_variable(c, variable->type, variable->slot, name.offset);
    return *out_value && read_no_path(c, name.text);
}

bool kj_yara_read_reference(kj_yara_compiler *c, kj_expr **out_value, kj_yara_place *out_place)
{
    kj_token name = c->token;
    size_t index = 0;
    kj_yara_advance(c);
    const kj_yara_variable *variable = find_variable(c, name.text);
    if (variable)
        return read_variable(c, variable, name, out_value, out_place);
    *out_value = find_external(c, name);
    if (*out_value || c->no_memory)
        return *out_value && read_no_path(c, name.text);
    const kj_schema *schema = find_schema(c, name.text, &index);
    if (schema && c->imports[index].imported) {
        c->imports[index].used = true;
        *out_place = (kj_yara_place){.schema = schema, .rows = rows_of(c, index)};
        return out_place->rows && read_path(c, out_place, name.offset, out_value);
    }
    *out_value = find_rule(c, name);
    if (*out_value || c->no_memory)
        return *out_value && read_no_path(c, name.text);
    if (schema)
        missing_import(c, name, schema);
    else
        unknown_name(c, name);
    return give_up(c, name.offset, out_value);
}
