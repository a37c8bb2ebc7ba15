/* SPDX-License-Identifier: Apache-2.0 */
/* How a YAML map becomes a struct: a table with a row for each key it may have.
 *
 *     static const kj_key alias_rows[] = {
 *         {"vendor", KJ_REQUIRED, kj_read_text, offsetof(kj_pair, first)},
 *         {"name", KJ_REQUIRED, kj_read_text, offsetof(kj_pair, second)},
 *     };
 *     static const kj_keys alias_keys = KJ_KEYS("an alias", alias_rows);
 *
 * A reader says what is wrong with its value and goes on; what it could not read stays as it was.
 */
#pragma once

#include "base/arith.h"
#include "rules/advisory/yaml.h"

/* What every reader needs to know; the first member of whatever is being compiled. */
typedef struct kj_reading {
    kj_ir *ir;
    const kj_source *source;
    bool no_memory; /* sticky: look at it once, at the end */
} kj_reading;

/* Reads `node` into `out`, the member that the row names. `param` is the row's. */
typedef void kj_read_value(kj_reading *r, const kj_yaml *node, void *out, const void *param);

enum { KJ_OPTIONAL, KJ_REQUIRED };

typedef struct kj_key {
    const char *name;
    int required;
    kj_read_value *read; /* NULL: somebody else looks at the value */
    size_t member;       /* its offset in the struct */
    const void *param;
} kj_key;

typedef struct kj_keys {
    const char *what; /* with its article, for messages */
    const kj_key *rows;
    size_t count;
} kj_keys;

#define KJ_KEYS(title, table)                                                                      \
    {                                                                                              \
        .what = (title), .rows = (table), .count = KJ_COUNT(table)                                 \
    }

/* The words that a value may be. */
typedef struct kj_words {
    const char *what; /* "a risk" */
    const char *const *items;
    size_t count;
} kj_words;

#define KJ_WORDS(title, table)                                                                     \
    {                                                                                              \
        .what = (title), .items = (table), .count = KJ_COUNT(table)                                \
    }

/* An error about a node, underlined; the arguments after `hint` are a format and its own. */
#define kj_complain(r, node, hint, ...)                                                            \
    kj_diag_add(&(r)->ir->diags, KJ_ERROR, (r)->source, (node)->offset, (node)->len, (hint),       \
                __VA_ARGS__)

/* Where byte `at` of a node's text stands in the source; the whole node when quoting or folding
 * changed the text. *len is cut to what is there. */
size_t kj_locate_in(const kj_reading *r, const kj_yaml *node, size_t at, size_t *len);

/* For "%.*s". */
int kj_printed_len(kj_span text);

/* Checks the kind of a node and says so when it is another one. False, too, for broken nodes. */
bool kj_expect_kind(kj_reading *r, const kj_yaml *node, kj_yaml_kind kind, const char *what);

/* Whether a comma, which in { } ends a value, has cut a text within its parentheses. */
bool kj_is_cut(const kj_reading *r, const kj_yaml *node);

void kj_read_map(kj_reading *r, const kj_yaml *node, const kj_keys *keys, void *out);

/* Reads a list of maps into an array of structs; NULL and *out_count 0 when there are none. With
 * `or_one`, a map stands for a list of one. */
void *kj_read_maps(kj_reading *r, const kj_yaml *node, const kj_keys *keys, size_t size,
                   bool or_one, size_t *out_count);

/* A text or a list of texts, one after the other: *at is NULL first. NULL: no more. */
const kj_yaml *kj_next_text(kj_reading *r, const kj_yaml *node, const kj_yaml *at,
                            const char *what);

/* How many texts that are, at most. */
size_t kj_texts_max(const kj_yaml *node);

/* The index of the word, or SIZE_MAX with a complaint that has a hint. */
size_t kj_find_word(kj_reading *r, const kj_yaml *node, const kj_words *words);

/* Whether it is a word of small letters, digits and single hyphens that begins with a letter. */
bool kj_is_slug(kj_span text);

/* A.B.C, or four digits ABCD for A.B.CD as vendors used to print it, to a kj_engine_number. */
bool kj_parse_engine(kj_span text, uint32_t *out);

kj_read_value kj_read_text;       /* kj_span: a line, not empty */
kj_read_value kj_read_empty;      /* kj_span: a line, may be empty */
kj_read_value kj_read_prose;      /* kj_span: lines, not all blank */
kj_read_value kj_read_slug;       /* kj_span */
kj_read_value kj_read_slugs;      /* kj_texts */
kj_read_value kj_read_texts;      /* kj_texts: one or a list */
kj_read_value kj_read_word;       /* kj_span; param: kj_words */
kj_read_value kj_read_word_list;  /* kj_texts; param: kj_words */
kj_read_value kj_read_pairs;      /* kj_pairs; param: kj_keys of a kj_pair */
kj_read_value kj_read_name;       /* kj_span: a threat's name in canonical form */
kj_read_value kj_read_date;       /* kj_span: YYYY-MM-DD */
kj_read_value kj_read_rough_date; /* kj_span: also YYYY and YYYY-MM */
kj_read_value kj_read_release;    /* uint32_t: 1 or more, never KJ_NONE */
kj_read_value kj_read_size;       /* uint64_t */
kj_read_value kj_read_sizes;      /* kj_sizes: numbers and ranges, one or a list */
kj_read_value kj_read_engine;     /* uint32_t: kj_engine_number */
kj_read_value kj_read_submap;     /* the struct itself; param: kj_keys */
kj_read_value kj_read_node;       /* const kj_yaml *: kept for later */
