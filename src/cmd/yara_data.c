/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of a module's table as the tree that their paths make:
 *
 *     pe
 *     	number_of_sections = 2
 *     	sections
 *     		[0]
 *     			name = ".text"
 *
 * Members come last row first, which is the order of yara(1) where the table has libyara's. */
#include "cmd/yara.h"

#include "base/arith.h"

#include <inttypes.h>
#include <string.h>

enum {
    TABS_MAX = 31,
    PATH_MAX_LEN = 256,
    ARGS_MAX = 8, /* arrays and dictionaries inside each other */
};

typedef struct printer {
    const kj_module *module;
    const kj_module_input *input;
    kj_buf *out;
    char prefix[PATH_MAX_LEN]; /* of the rows below the place at hand */
    size_t prefix_len;
    kj_value args[ARGS_MAX];
    size_t arg_count;
    unsigned depth;
} printer;

static void print_members(printer *p);

/* ---- values
 * ------------------------------------------------------------------------------------------ */

static bool never_matches(const kj_field_call *call, kj_value regex, kj_span text)
{
    (void)call, (void)regex, (void)text;
    return false;
}

static bool always_pays(const kj_field_call *call, uint64_t bytes)
{
    (void)call, (void)bytes;
    return true;
}

static kj_value ask(const printer *p, const kj_field *row)
{
    const kj_field_call call = {
        .id = (uint32_t)p->module->schema.id << 16 | row->id,
        .args = p->args,
        .count = p->arg_count,
        .matches = never_matches,
        .pay = always_pays,
    };
    return row->is_constant ? kj_value_int(row->constant)
                            : p->module->get(p->input, row->id, &call);
}

static void print_text(kj_span text, kj_buf *out)
{
    kj_buf_put_byte(out, '"');
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] >= 32 && text.data[i] < 127)
            kj_buf_put_byte(out, text.data[i]);
        else
            kj_buf_printf(out, "\\x%02x", text.data[i]);
    kj_buf_put_byte(out, '"');
}

static void print_value(kj_value value, kj_buf *out)
{
    kj_buf_put_text(out, " = ");
    switch (value.type) {
    case KJ_TYPE_BOOL:
    case KJ_TYPE_INT:
        kj_buf_printf(out, "%" PRId64, value.integer);
        break;
    case KJ_TYPE_REAL:
        kj_buf_printf(out, "%f", value.real);
        break;
    case KJ_TYPE_STRING:
        print_text(value.text, out);
        break;
    default:
        kj_buf_put_text(out, "YR_UNDEFINED");
    }
}

static void begin_line(const printer *p)
{
    kj_buf_put_byte(p->out, '\n');
    for (unsigned i = 0; i < p->depth && i < TABS_MAX; i++)
        kj_buf_put_byte(p->out, '\t');
}

/* ---- places
 * ------------------------------------------------------------------------------------------ */

/* What of a row's path lies below the place at hand; NULL: it lies elsewhere. */
static const char *below(const printer *p, const kj_field *row)
{
    return strncmp(row->path, p->prefix, p->prefix_len) == 0 ? row->path + p->prefix_len : NULL;
}

/* The row whose path is the place's and `rest`, with a number of elements or (`counts` false) a
 * value. */
static const kj_field *find_row(const printer *p, const char *rest, bool counts)
{
    const kj_schema *schema = &p->module->schema;
    for (size_t i = 0; i < schema->count; i++) {
        const kj_field *row = &schema->fields[i];
        const char *found = below(p, row);
        bool is_count = row->type == KJ_TYPE_ARRAY || row->type == KJ_TYPE_DICT;
        if (found && strcmp(found, rest) == 0 && is_count == counts)
            return row;
    }
    return NULL;
}

/* Goes down to `name` and what follows it; false where that is too deep. Undone by leave(). */
static bool enter(printer *p, const char *name, size_t len, const char *mark)
{
    size_t mark_len = strlen(mark);
    if (p->prefix_len + len + mark_len >= PATH_MAX_LEN)
        return false;
    memcpy(p->prefix + p->prefix_len, name, len);
    memcpy(p->prefix + p->prefix_len + len, mark, mark_len + 1);
    p->prefix_len += len + mark_len;
    p->depth++;
    return true;
}

static void leave(printer *p, size_t prefix_len)
{
    p->prefix_len = prefix_len;
    p->prefix[prefix_len] = '\0';
    p->depth--;
}

/* One element, whose index or key is the last argument: its value, or its members. */
static void print_element(printer *p)
{
    const kj_field *value = find_row(p, "", false);
    size_t len = p->prefix_len;
    if (value)
        print_value(ask(p, value), p->out);
    else if (enter(p, ".", 1, "")) {
        print_members(p);
        leave(p, len);
    }
}

static int64_t count_elements(const printer *p)
{
    const kj_field *row = find_row(p, "", true);
    kj_value count = row ? ask(p, row) : kj_value_undefined();
    return count.type == KJ_TYPE_UNDEFINED || p->arg_count >= ARGS_MAX ? 0 : count.integer;
}

static void print_array(printer *p)
{
    int64_t count = count_elements(p);
    for (int64_t i = 0; i < count && !p->out->failed; i++) {
        begin_line(p);
        kj_buf_printf(p->out, "[%" PRId64 "]", i);
        p->args[p->arg_count++] = kj_value_int(i);
        print_element(p);
        p->arg_count--;
    }
}

/* `key_row` gives the n-th key; an entry is then asked for by its number. */
static void print_dictionary(printer *p, const kj_field *key_row)
{
    int64_t count = key_row ? count_elements(p) : 0;
    for (int64_t i = 0; i < count && !p->out->failed; i++) {
        p->args[p->arg_count++] = kj_value_int(i);
        kj_value key = ask(p, key_row);
        begin_line(p);
        kj_buf_put_byte(p->out, '[');
        print_text(key.type == KJ_TYPE_STRING ? key.text : (kj_span){0}, p->out);
        kj_buf_put_byte(p->out, ']');
        print_element(p);
        p->arg_count--;
    }
}

static const kj_field *find_key_row(const printer *p, const char *name, size_t len)
{
    char rest[PATH_MAX_LEN];
    if (len + sizeof "{#}" > sizeof rest)
        return NULL;
    memcpy(rest, name, len);
    memcpy(rest + len, "{#}", sizeof "{#}");
    return find_row(p, rest, false);
}

/* ---- members
 * ----------------------------------------------------------------------------------------- */

static size_t segment_len(const char *path)
{
    return strcspn(path, ".[{(");
}

/* Whether no row before this one has the same member at this place. */
static bool is_first(const printer *p, size_t index, const char *name, size_t len)
{
    for (size_t i = 0; i < index; i++) {
        const char *other = below(p, &p->module->schema.fields[i]);
        if (other && strncmp(other, name, len) == 0 && segment_len(other) == len)
            return false;
    }
    return true;
}

static void print_member(printer *p, const kj_field *row, const char *name, size_t len)
{
    size_t prefix_len = p->prefix_len;
    char kind = name[len];
    if (kind == '(')
        return;
    begin_line(p);
    kj_buf_put(p->out, kj_span_of(name, len));
    const kj_field *key_row = kind == '{' ? find_key_row(p, name, len) : NULL;
    if (kind == '\0') {
        print_value(ask(p, row), p->out);
    } else if (enter(p, name, len, kind == '.' ? "." : kind == '[' ? "[]" : "{}")) {
        if (kind == '.')
            print_members(p);
        else if (kind == '[')
            print_array(p);
        else
            print_dictionary(p, key_row);
        leave(p, prefix_len);
    }
}

static void print_members(printer *p)
{
    const kj_schema *schema = &p->module->schema;
    for (size_t i = schema->count; i-- > 0;) {
        const char *name = below(p, &schema->fields[i]);
        size_t len = name ? segment_len(name) : 0;
        if (len && is_first(p, i, name, len))
            print_member(p, &schema->fields[i], name, len);
    }
}

void kj_yara_print_data(const kj_module *module, const kj_module_input *input, kj_buf *out)
{
    printer p = {.module = module, .input = input, .out = out, .depth = 1};
    kj_buf_put_text(out, module->schema.name);
    print_members(&p);
    kj_buf_put_byte(out, '\n');
}
