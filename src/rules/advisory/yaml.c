/* SPDX-License-Identifier: Apache-2.0 */
/* libfyaml 0.7.12 delivers events with marks: byte offsets for what it read, line and column for
 * what it refused. It stops at the first mistake in the YAML itself. It ends a scalar at a control
 * byte and takes broken UTF-8 for the end of the text, both without a word, so those are looked for
 * first. */
#include "rules/advisory/yaml.h"

#include "base/arith.h"
#include "base/cleanup.h"
#include "base/lazy.h"
#include "base/text.h"

#include <libfyaml.h>

#define FUNCTIONS(X)                                                                               \
    X(fy_diag_cfg_default)                                                                         \
    X(fy_diag_create)                                                                              \
    X(fy_diag_destroy)                                                                             \
    X(fy_diag_errors_iterate)                                                                      \
    X(fy_diag_set_collect_errors)                                                                  \
    X(fy_event_end_mark)                                                                           \
    X(fy_event_get_anchor_token)                                                                   \
    X(fy_event_get_tag_token)                                                                      \
    X(fy_event_get_token)                                                                          \
    X(fy_event_start_mark)                                                                         \
    X(fy_parser_create)                                                                            \
    X(fy_parser_destroy)                                                                           \
    X(fy_parser_event_free)                                                                        \
    X(fy_parser_parse)                                                                             \
    X(fy_parser_set_string)                                                                        \
    X(fy_token_get_text)                                                                           \
    X(fy_token_scalar_style)

static struct {
    FUNCTIONS(KJ_LAZY_FIELD)
} lib;
static const kj_lazy_symbol symbols[] = {FUNCTIONS(KJ_LAZY_SYMBOL)};
static kj_lazy library = KJ_LAZY("libfyaml.so.0", symbols);

struct builder {
    kj_ir *ir;
    const kj_source *source;
    kj_yaml *open[KJ_YAML_MAX_DEPTH];       /* lists and maps we are in */
    const kj_yaml *keys[KJ_YAML_MAX_DEPTH]; /* of a map: the key whose value comes next */
    size_t depth;
    size_t nodes;
    size_t documents;
    size_t reached; /* the end of what was understood */
    kj_yaml *root;
    bool stop;  /* what follows would make no sense */
    bool ended; /* the end of the stream was reached */
    bool no_memory;
};

/* ---- what no YAML may contain ------------------------------------------------------------- */

static bool is_printable(uint32_t code)
{
    if (code < 0x20)
        return code == '\t' || code == '\n' || code == '\r';
    return code != 0x7F && !(code >= 0x80 && code < 0xA0) && code != 0xFEFF && code < 0x110000;
}

static bool is_broken(size_t start, size_t end, uint32_t code)
{
    return code == 0xFFFD && end - start != 3; /* a real U+FFFD takes three bytes */
}

static bool check_characters(kj_ir *ir, const kj_source *source)
{
    kj_span text = source->text;
    size_t pos = kj_span_starts(text, kj_span_str("\xef\xbb\xbf")) ? 3 : 0;
    while (pos < text.len) {
        size_t start = pos;
        uint32_t code = kj_utf8_next(text, &pos);
        if (is_broken(start, pos, code)) {
            kj_diag_add(&ir->diags, KJ_ERROR, source, start, 1, "save the file as UTF-8",
                        "byte 0x%02x is not valid UTF-8 here", text.data[start]);
            return false;
        }
        if (!is_printable(code)) {
            kj_diag_add(&ir->diags, KJ_ERROR, source, start, pos - start, NULL,
                        "control character U+%04X", code);
            return false;
        }
    }
    return true;
}

/* ---- events to nodes ---------------------------------------------------------------------- */

static void complain(struct builder *b, size_t offset, size_t len, const char *hint,
                     const char *message)
{
    kj_diag_add(&b->ir->diags, KJ_ERROR, b->source, offset, len, hint, "%s", message);
}

static void stop(struct builder *b, size_t offset, size_t len, const char *message)
{
    complain(b, offset, len, NULL, message);
    b->stop = true;
}

static kj_yaml *top(const struct builder *b)
{
    return b->depth ? b->open[b->depth - 1] : NULL;
}

/* Where an event stands; without marks of its own, where its key or its container does. */
static void locate(struct builder *b, struct fy_event *event, kj_yaml *node)
{
    const struct fy_mark *start = lib.fy_event_start_mark(event);
    const struct fy_mark *end = lib.fy_event_end_mark(event);
    const kj_yaml *near = b->depth ? b->keys[b->depth - 1] : NULL;
    near = near ? near : top(b);
    size_t size = b->source->text.len;
    if (start && end && start->input_pos <= end->input_pos && end->input_pos <= size) {
        node->offset = start->input_pos;
        node->len = end->input_pos - start->input_pos;
        b->reached = end->input_pos;
    } else if (near) {
        node->offset = near->offset;
        node->len = near->len;
    }
}

static kj_yaml *new_node(struct builder *b, struct fy_event *event, kj_yaml_kind kind)
{
    kj_yaml *node = kj_new(&b->ir->arena, kj_yaml);
    if (!node) {
        b->no_memory = b->stop = true;
        return NULL;
    }
    node->kind = kind;
    locate(b, event, node);
    if (++b->nodes > KJ_YAML_MAX_NODES)
        stop(b, node->offset, 1, "too many values for one file");
    return node;
}

static void refuse_properties(struct builder *b, struct fy_event *event, kj_yaml *node)
{
    static const char hint[] = "write the value out; a text in quotes is a text without a tag";
    if (!lib.fy_event_get_tag_token(event) && !lib.fy_event_get_anchor_token(event))
        return;
    complain(b, node->offset, node->len, hint, "tags and anchors are not part of this format");
    node->broken = true;
}

static void refuse_duplicate(struct builder *b, const kj_yaml *first, const kj_yaml *key)
{
    size_t line, column;
    char hint[64];
    kj_source_locate(b->source, first->key->offset, &line, &column);
    (void)snprintf(hint, sizeof hint, "it was given in line %zu already", line);
    kj_diag_add(&b->ir->diags, KJ_ERROR, b->source, key->offset, key->len, hint,
                "duplicate key '%.*s'", (int)kj_min_size(key->text.len, 80),
                (const char *)key->text.data);
}

/* Whether a map takes an entry of that key. */
static bool takes_key(struct builder *b, const kj_yaml *map, const kj_yaml *key)
{
    for (const kj_yaml *entry = map->first; entry; entry = entry->next)
        if (kj_span_equal(entry->key->text, key->text)) {
            refuse_duplicate(b, entry, key);
            return false;
        }
    if (map->count >= KJ_YAML_MAX_KEYS)
        stop(b, key->offset, key->len, "too many keys in one map");
    return true;
}

static void append(kj_yaml *parent, kj_yaml *node)
{
    if (parent->last)
        parent->last->next = node;
    else
        parent->first = node;
    parent->last = node;
    parent->count++;
}

/* Puts a node where it belongs: it is the root, a map's key, a map's value, or an item. */
static void place(struct builder *b, kj_yaml *node)
{
    kj_yaml *parent = top(b);
    if (!parent) {
        b->root = node;
        return;
    }
    if (parent->kind == KJ_YAML_LIST) {
        append(parent, node);
        return;
    }
    const kj_yaml **key = &b->keys[b->depth - 1];
    if (!*key) {
        *key = node;
        if (node->kind != KJ_YAML_TEXT)
            stop(b, node->offset, 1, "a key is a single text");
        return;
    }
    node->key = *key;
    *key = NULL;
    if (takes_key(b, parent, node->key))
        append(parent, node);
}

/* Gives a node its text, borrowed from the source where that has it as it is. */
static void set_text(struct builder *b, struct fy_event *event, kj_yaml *node)
{
    struct fy_token *token = lib.fy_event_get_token(event);
    size_t len = 0;
    const char *text = token ? lib.fy_token_get_text(token, &len) : NULL;
    kj_span raw = kj_span_sub(b->source->text, node->offset, node->len);
    if (!lib.fy_event_start_mark(event) || !text) {
        node->missing = true;
        return;
    }
    node->literal = lib.fy_token_scalar_style(token) == FYSS_LITERAL;
    node->text = raw;
    if (kj_span_equal(raw, kj_span_of(text, len)))
        return;
    const char *copy = kj_arena_text(&b->ir->arena, kj_span_of(text, len));
    b->no_memory = b->no_memory || !copy;
    node->text = kj_span_of(copy, copy ? len : 0);
    for (size_t i = 0; i < node->text.len; i++)
        if (!is_printable(node->text.data[i]) && node->text.data[i] < 0x80) {
            complain(b, node->offset, node->len, NULL, "an escape gives a control character");
            node->broken = true;
            return;
        }
}

static void on_scalar(struct builder *b, struct fy_event *event)
{
    kj_yaml *node = new_node(b, event, KJ_YAML_TEXT);
    if (!node)
        return;
    set_text(b, event, node);
    refuse_properties(b, event, node);
    place(b, node);
}

static void on_alias(struct builder *b, struct fy_event *event)
{
    kj_yaml *node = new_node(b, event, KJ_YAML_TEXT);
    if (!node)
        return;
    complain(b, node->offset, node->len, "put a text that begins with * in quotes",
             "aliases are not part of this format");
    node->broken = true;
    place(b, node);
}

static void on_open(struct builder *b, struct fy_event *event, kj_yaml_kind kind)
{
    kj_yaml *node = new_node(b, event, kind);
    if (!node)
        return;
    refuse_properties(b, event, node);
    place(b, node);
    if (b->depth == KJ_YAML_MAX_DEPTH) {
        stop(b, node->offset, 1, "nested too deeply");
        return;
    }
    b->keys[b->depth] = NULL;
    b->open[b->depth++] = node;
}

/* What a list or map spans ends with its last child. */
static void on_close(struct builder *b, struct fy_event *event)
{
    (void)event;
    if (b->depth == 0)
        return;
    kj_yaml *node = b->open[--b->depth];
    const kj_yaml *last = node->last;
    if (last && last->offset + last->len > node->offset)
        node->len = last->offset + last->len - node->offset;
}

static void on_map(struct builder *b, struct fy_event *event)
{
    on_open(b, event, KJ_YAML_MAP);
}

static void on_list(struct builder *b, struct fy_event *event)
{
    on_open(b, event, KJ_YAML_LIST);
}

static void on_document(struct builder *b, struct fy_event *event)
{
    const struct fy_mark *mark = lib.fy_event_start_mark(event);
    if (++b->documents > 1)
        stop(b, mark ? mark->input_pos : 0, 3, "a file holds one document");
}

static void on_end(struct builder *b, struct fy_event *event)
{
    (void)event;
    b->ended = true;
}

static void (*const handlers[])(struct builder *b, struct fy_event *event) = {
    [FYET_STREAM_END] = on_end,      [FYET_DOCUMENT_START] = on_document,
    [FYET_MAPPING_START] = on_map,   [FYET_MAPPING_END] = on_close,
    [FYET_SEQUENCE_START] = on_list, [FYET_SEQUENCE_END] = on_close,
    [FYET_SCALAR] = on_scalar,       [FYET_ALIAS] = on_alias,
};

/* ---- the library -------------------------------------------------------------------------- */

static void destroy_diag(struct fy_diag **diag)
{
    if (*diag)
        lib.fy_diag_destroy(*diag);
}

static void destroy_parser(struct fy_parser **parser)
{
    if (*parser)
        lib.fy_parser_destroy(*parser);
}

/* The offset of a line and column, both from 1, columns in code points. */
static size_t offset_of(kj_span text, int line, int column)
{
    size_t pos = 0;
    for (; line > 1; line--) {
        size_t end = kj_span_find(text, kj_span_str("\n"), pos);
        if (end == SIZE_MAX)
            return text.len;
        pos = end + 1;
    }
    for (; column > 1 && pos < text.len && text.data[pos] != '\n'; column--)
        (void)kj_utf8_next(text, &pos);
    return pos;
}

static void report_syntax(struct builder *b, struct fy_diag *diag)
{
    void *iterator = NULL;
    const struct fy_diag_error *error;
    bool any = false;
    while ((error = lib.fy_diag_errors_iterate(diag, &iterator)) != NULL) {
        size_t offset = offset_of(b->source->text, error->line, error->column);
        complain(b, offset, 1, NULL, error->msg ? error->msg : "not valid YAML");
        any = true;
    }
    if (!any && !b->ended && !b->stop)
        complain(b, b->reached, 1, NULL, "not valid YAML from about here on");
    b->stop = b->stop || any || !b->ended;
}

/* The library prints what it does not collect. */
static void ignore(struct fy_diag *diag, void *user, const char *text, size_t len)
{
    (void)diag;
    (void)user;
    (void)text;
    (void)len;
}

static void read_events(struct builder *b, struct fy_parser *parser)
{
    struct fy_event *event;
    while (!b->stop && (event = lib.fy_parser_parse(parser)) != NULL) {
        size_t type = event->type;
        if (type < KJ_COUNT(handlers) && handlers[type])
            handlers[type](b, event);
        lib.fy_parser_event_free(parser, event);
    }
}

static kj_status parse(struct builder *b, kj_error *err)
{
    struct fy_diag_cfg quiet;
    lib.fy_diag_cfg_default(&quiet);
    quiet.fp = NULL;
    quiet.output_fn = ignore;
    KJ_CLEANUP(destroy_diag) struct fy_diag *diag = lib.fy_diag_create(&quiet);
    if (!diag)
        return kj_fail(err, KJ_NO_MEMORY, KJ_NO_OFFSET, "out of memory");
    lib.fy_diag_set_collect_errors(diag, true);
    const struct fy_parse_cfg config = {
        .flags = (enum fy_parse_cfg_flags)(FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_JSON_NONE |
                                           FYPCF_DEFAULT_VERSION_1_2),
        .diag = diag,
    };
    KJ_CLEANUP(destroy_parser) struct fy_parser *parser = lib.fy_parser_create(&config);
    kj_span text = b->source->text;
    if (!parser || lib.fy_parser_set_string(parser, (const char *)text.data, text.len) != 0)
        return kj_fail(err, KJ_NO_MEMORY, KJ_NO_OFFSET, "out of memory");
    read_events(b, parser);
    report_syntax(b, diag);
    return b->no_memory ? kj_fail(err, KJ_NO_MEMORY, KJ_NO_OFFSET, "out of memory") : KJ_OK;
}

kj_status kj_yaml_read(kj_ir *ir, const kj_source *source, kj_yaml **out_root, kj_error *err)
{
    struct builder b = {.ir = ir, .source = source};
    *out_root = NULL;
    if (source->text.len > KJ_YAML_MAX_BYTES) {
        kj_diag_add(&ir->diags, KJ_ERROR, source, SIZE_MAX, 1, NULL, "larger than %d bytes",
                    KJ_YAML_MAX_BYTES);
        return KJ_OK;
    }
    if (!check_characters(ir, source))
        return KJ_OK;
    KJ_TRY(kj_lazy_load(&library, err));
    KJ_TRY(parse(&b, err));
    if (!b.stop && (!b.root || b.root->missing))
        kj_diag_add(&ir->diags, KJ_ERROR, source, SIZE_MAX, 1, NULL, "the file is empty");
    else if (!b.stop)
        *out_root = b.root;
    return KJ_OK;
}

const kj_yaml *kj_yaml_find(const kj_yaml *map, const char *name)
{
    if (!map || map->kind != KJ_YAML_MAP)
        return NULL;
    for (const kj_yaml *entry = map->first; entry; entry = entry->next)
        if (kj_span_is(entry->key->text, name))
            return entry;
    return NULL;
}
