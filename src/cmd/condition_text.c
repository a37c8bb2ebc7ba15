/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/condition_text.h"

#include "base/arith.h"
#include "base/text.h"
#include "modules/module.h"

#include <inttypes.h>
#include <string.h>

/* One expression on its way to text. */
typedef struct printer {
    const kj_defs *defs;
    kj_buf *out;
    unsigned depth; /* still allowed */
} printer;

static void put_at(printer *p, uint32_t code);

kj_code_node kj_condition_node(const kj_defs *defs, uint32_t code)
{
    return kj_code_read(defs, code, defs->code.count);
}

uint32_t kj_condition_arg(const kj_defs *defs, const kj_code_node *node, uint32_t index)
{
    uint32_t at = node->args;
    if (!node->ok || index >= node->count)
        return KJ_NONE;
    for (uint32_t i = 0; i < index; i++) {
        kj_code_node arg = kj_code_read(defs, at, node->next);
        if (!arg.ok)
            return KJ_NONE;
        at = arg.next;
    }
    return at;
}

static void put_arg(printer *p, const kj_code_node *node, uint32_t index)
{
    put_at(p, kj_condition_arg(p->defs, node, index));
}

/* Arguments [first, count), with `between` between them. */
static void put_args(printer *p, const kj_code_node *node, uint32_t first, const char *between)
{
    for (uint32_t i = first; i < node->count; i++) {
        if (i > first)
            kj_buf_put_text(p->out, between);
        put_arg(p, node, i);
    }
}

/* ---- constants and names ------------------------------------------------------------------- */

static int64_t integer_of(const kj_code_node *node)
{
    return (int64_t)(node->operand[0] | (uint64_t)node->operand[1] << 32);
}

static void put_text(printer *p, const kj_code_node *node)
{
    kj_buf_put_byte(p->out, '"');
    kj_escape(kj_defs_text(p->defs, (kj_disk_text){node->operand[0], node->operand[1]}), "\"",
              p->out);
    kj_buf_put_byte(p->out, '"');
}

static void put_constant(printer *p, const kj_code_node *node)
{
    int64_t integer = integer_of(node);
    double real;
    memcpy(&real, &integer, sizeof real);
    if (node->op == KJ_OP_BOOL)
        kj_buf_put_text(p->out, integer ? "true" : "false");
    else if (node->op == KJ_OP_INT)
        kj_buf_printf(p->out, "%" PRId64, integer);
    else if (node->op == KJ_OP_REAL)
        kj_buf_printf(p->out, "%g", real);
    else
        put_text(p, node);
}

/* The pattern's name, with `mark` instead of its `$`. */
static void put_pattern(printer *p, const kj_code_node *node, char mark)
{
    const kj_disk_pattern *pattern = kj_defs_pattern(p->defs, node->index);
    kj_span name = pattern ? kj_defs_text(p->defs, pattern->identifier) : (kj_span){0};
    kj_buf_put_byte(p->out, (uint8_t)mark);
    if (name.len > 1)
        kj_escape(kj_span_sub(name, 1, SIZE_MAX), NULL, p->out);
}

static void put_source(printer *p, const kj_code_node *node)
{
    const kj_disk_pattern *pattern = kj_defs_pattern(p->defs, node->index);
    kj_escape(pattern ? kj_defs_text(p->defs, pattern->source) : (kj_span){0}, NULL, p->out);
}

static void put_item(printer *p, const kj_code_node *node)
{
    const kj_disk_rule *rule = kj_defs_rule(p->defs, node->index);
    const kj_disk_external *external = kj_defs_external(p->defs, node->index);
    const kj_disk_artifact *artifact = kj_defs_artifact(p->defs, node->index);
    kj_disk_text name = {0};
    if (node->op == KJ_OP_RULE && rule)
        name = rule->name;
    else if (node->op == KJ_OP_EXTERNAL && external)
        name = external->name;
    else if (node->op == KJ_OP_ARTIFACT && artifact)
        name = artifact->id;
    kj_escape(kj_defs_text(p->defs, name), NULL, p->out);
}

/* ---- fields of modules --------------------------------------------------------------------- */

static const kj_field *find_field(uint32_t index, const kj_schema **out_schema)
{
    size_t count;
    const kj_schema *const *schemas = kj_module_schemas(&count);
    for (size_t i = 0; i < count; i++)
        for (size_t f = 0; schemas[i]->id == index >> 16 && f < schemas[i]->count; f++)
            if (schemas[i]->fields[f].id == (index & 0xFFFF)) {
                *out_schema = schemas[i];
                return &schemas[i]->fields[f];
            }
    return NULL;
}

/* "pe.sections[].name" with each bracket filled by an argument; a function's take all that are
 * left. */
static void put_field(printer *p, const kj_code_node *node)
{
    const kj_schema *schema = NULL;
    const kj_field *field = find_field(node->index, &schema);
    uint32_t arg = 0;
    kj_buf_printf(p->out, "%s.", field ? schema->name : "?");
    for (const char *c = field ? field->path : "?"; *c; c++) {
        kj_buf_put_byte(p->out, (uint8_t)*c);
        if ((*c == '[' || *c == '{') && arg < node->count)
            put_arg(p, node, arg++);
        if (*c == '(')
            put_args(p, node, arg, ", ");
    }
}

static void put_read(printer *p, const kj_code_node *node)
{
    unsigned bits = (node->index & KJ_READ_WIDTH) * 8;
    const char *sign = node->index & KJ_READ_SIGNED ? "" : "u";
    if (node->index & KJ_READ_REAL)
        kj_buf_printf(p->out, "float%u", bits);
    else
        kj_buf_printf(p->out, "%sint%u", sign, bits);
    kj_buf_printf(p->out, "%s(", node->index & KJ_READ_BIG_ENDIAN ? "be" : "");
    put_arg(p, node, 0);
    kj_buf_put_byte(p->out, ')');
}

/* ---- strings ------------------------------------------------------------------------------- */

static void put_range(printer *p, const kj_code_node *node, uint32_t first)
{
    kj_buf_put_text(p->out, " in (");
    put_args(p, node, first, "..");
    kj_buf_put_byte(p->out, ')');
}

static void put_found(printer *p, const kj_code_node *node)
{
    put_pattern(p, node, '$');
    if (node->op == KJ_OP_FOUND_AT) {
        kj_buf_put_text(p->out, " at ");
        put_arg(p, node, 0);
    } else if (node->op == KJ_OP_FOUND_IN) {
        put_range(p, node, 0);
    }
}

static void put_count(printer *p, const kj_code_node *node)
{
    put_pattern(p, node, '#');
    if (node->count == 2)
        put_range(p, node, 0);
}

static void put_nth(printer *p, const kj_code_node *node)
{
    put_pattern(p, node, node->op == KJ_OP_OFFSET_OF ? '@' : '!');
    kj_buf_put_byte(p->out, '[');
    put_arg(p, node, 0);
    kj_buf_put_byte(p->out, ']');
}

/* ---- quantifiers and loops ----------------------------------------------------------------- */

/* "any", "2": how many of the items behind it; evaluates to the index of the first of these. */
static uint32_t put_quantifier(printer *p, const kj_code_node *node)
{
    static const char *const words[] = {
        [KJ_Q_NONE_GIVEN] = "?", [KJ_Q_ALL] = "all", [KJ_Q_ANY] = "any", [KJ_Q_NO] = "none"};
    if (node->quantifier < KJ_COUNT(words)) {
        kj_buf_put_text(p->out, words[node->quantifier]);
        return 0;
    }
    put_arg(p, node, 0);
    if (node->quantifier == KJ_Q_PERCENT)
        kj_buf_put_byte(p->out, '%');
    return 1;
}

static void put_of(printer *p, const kj_code_node *node)
{
    uint32_t first = put_quantifier(p, node);
    kj_buf_put_text(p->out, " of (");
    put_args(p, node, first, ", ");
    kj_buf_put_byte(p->out, ')');
}

static void put_loop(printer *p, const kj_code_node *node)
{
    kj_buf_put_text(p->out, "for ");
    uint32_t first = put_quantifier(p, node), last = node->count ? node->count - 1 : 0;
    if (node->op == KJ_OP_FOR_PATTERNS)
        kj_buf_put_text(p->out, " of (");
    else
        kj_buf_printf(p->out, " v%u in (", node->index);
    for (uint32_t i = first; i < last; i++) {
        if (i > first)
            kj_buf_put_text(p->out, node->op == KJ_OP_FOR_RANGE ? ".." : ", ");
        put_arg(p, node, i);
    }
    kj_buf_put_text(p->out, "): (");
    put_arg(p, node, last);
    kj_buf_put_byte(p->out, ')');
}

static void put_with(printer *p, const kj_code_node *node)
{
    kj_buf_printf(p->out, "with v%u = ", node->index);
    put_arg(p, node, 0);
    kj_buf_put_text(p->out, ": (");
    put_arg(p, node, 1);
    kj_buf_put_byte(p->out, ')');
}

/* ---- operators ----------------------------------------------------------------------------- */

static const char *const infix[KJ_OP_COUNT] = {
    [KJ_OP_AND] = " and ",
    [KJ_OP_OR] = " or ",
    [KJ_OP_EQ] = " == ",
    [KJ_OP_NE] = " != ",
    [KJ_OP_LT] = " < ",
    [KJ_OP_LE] = " <= ",
    [KJ_OP_GT] = " > ",
    [KJ_OP_GE] = " >= ",
    [KJ_OP_CONTAINS] = " contains ",
    [KJ_OP_ICONTAINS] = " icontains ",
    [KJ_OP_STARTSWITH] = " startswith ",
    [KJ_OP_ISTARTSWITH] = " istartswith ",
    [KJ_OP_ENDSWITH] = " endswith ",
    [KJ_OP_IENDSWITH] = " iendswith ",
    [KJ_OP_IEQUALS] = " iequals ",
    [KJ_OP_MATCHES] = " matches ",
    [KJ_OP_ADD] = " + ",
    [KJ_OP_SUB] = " - ",
    [KJ_OP_MUL] = " * ",
    [KJ_OP_DIV] = " \\ ",
    [KJ_OP_MOD] = " % ",
    [KJ_OP_BIT_AND] = " & ",
    [KJ_OP_BIT_OR] = " | ",
    [KJ_OP_BIT_XOR] = " ^ ",
    [KJ_OP_SHL] = " << ",
    [KJ_OP_SHR] = " >> ",
};

static const char *const prefix[KJ_OP_COUNT] = {
    [KJ_OP_NOT] = "not ",  [KJ_OP_DEFINED] = "defined ", [KJ_OP_NEG] = "-",
    [KJ_OP_BIT_NOT] = "~", [KJ_OP_TO_REAL] = "",         [KJ_OP_TO_BOOL] = "",
};

static void put_word(printer *p, const kj_code_node *node)
{
    kj_buf_put_text(p->out, node->op == KJ_OP_FILESIZE ? "filesize" : "entrypoint");
}

static void put_variable(printer *p, const kj_code_node *node)
{
    kj_buf_printf(p->out, "v%u", node->index);
}

static void (*const writers[KJ_OP_COUNT])(printer *p, const kj_code_node *node) = {
    [KJ_OP_BOOL] = put_constant,     [KJ_OP_INT] = put_constant,
    [KJ_OP_REAL] = put_constant,     [KJ_OP_STRING] = put_constant,
    [KJ_OP_REGEX] = put_source,      [KJ_OP_FILESIZE] = put_word,
    [KJ_OP_ENTRYPOINT] = put_word,   [KJ_OP_VARIABLE] = put_variable,
    [KJ_OP_EXTERNAL] = put_item,     [KJ_OP_FIELD] = put_field,
    [KJ_OP_READ] = put_read,         [KJ_OP_FOUND] = put_found,
    [KJ_OP_FOUND_AT] = put_found,    [KJ_OP_FOUND_IN] = put_found,
    [KJ_OP_COUNT_OF] = put_count,    [KJ_OP_OFFSET_OF] = put_nth,
    [KJ_OP_LENGTH_OF] = put_nth,     [KJ_OP_RULE] = put_item,
    [KJ_OP_ARTIFACT] = put_item,     [KJ_OP_OF] = put_of,
    [KJ_OP_FOR_PATTERNS] = put_loop, [KJ_OP_FOR_RANGE] = put_loop,
    [KJ_OP_FOR_LIST] = put_loop,     [KJ_OP_FOR_COUNT] = put_loop,
    [KJ_OP_WITH] = put_with,
};

static void put_operator(printer *p, const kj_code_node *node)
{
    if (prefix[node->op]) {
        kj_buf_put_text(p->out, prefix[node->op]);
        put_args(p, node, 0, " ");
        return;
    }
    kj_buf_put_byte(p->out, '(');
    put_args(p, node, 0, infix[node->op] ? infix[node->op] : " ? ");
    kj_buf_put_byte(p->out, ')');
}

static void put_at(printer *p, uint32_t code)
{
    kj_code_node node = kj_condition_node(p->defs, code);
    if (!node.ok || p->depth == 0) {
        kj_buf_put_byte(p->out, '?');
        return;
    }
    p->depth--;
    if (writers[node.op])
        writers[node.op](p, &node);
    else
        put_operator(p, &node);
    p->depth++;
}

void kj_condition_text(const kj_defs *defs, uint32_t code, kj_buf *out)
{
    printer p = {defs, out, KJ_EXPR_MAX_DEPTH + 8};
    put_at(&p, code);
}
