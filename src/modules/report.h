/* SPDX-License-Identifier: Apache-2.0 */
/* JSON reports that other programs wrote about a file, for the modules that answer from one. A
 * report quotes what malware did and is as hostile: its size is bounded, texts are copied into the
 * arena, and the tree is gone when the report was read. */
#pragma once

#include "modules/module.h"

#include <jansson.h>

/* A text of a report, up to its first NUL, and a number that belongs to it. */
typedef struct kj_report_item {
    kj_span text;
    int64_t number;
} kj_report_item;

typedef struct kj_report_list {
    const kj_report_item *items; /* in the arena */
    size_t count;
} kj_report_list;

typedef enum kj_report_outcome {
    KJ_REPORT_NONE,   /* none was given */
    KJ_REPORT_READ,   /* *out_json is the caller's: json_decref() */
    KJ_REPORT_BROKEN, /* why was told */
} kj_report_outcome;

/* Parses the report that was given for the module. */
kj_report_outcome kj_report_parse(const kj_module_input *input, const kj_module *module,
                                  const kj_field_call *call, json_t **out_json);

/* Tells that a report does not fit into memory, and evaluates to KJ_REPORT_BROKEN. */
kj_report_outcome kj_report_refuse(const kj_module_input *input);

/* Takes an element of an array; false when it is not what the list is about. */
typedef bool kj_report_reader(const json_t *element, const char **out_text, int64_t *out_number);

/* The elements of `array` that `reader` takes. Anything but an array is an empty one. False without
 * memory. */
bool kj_report_read_list(kj_arena *arena, const json_t *array, kj_report_reader *reader,
                         kj_report_list *out);

/* A kj_report_reader for an array of texts. */
bool kj_report_read_text(const json_t *element, const char **out_text, int64_t *out_number);

/* Whether a REGEX matches in the text, in which there is something. */
bool kj_report_matches(const kj_field_call *call, kj_value regex, kj_span text);

/* Whether the text is what a STRING argument says, in either case. */
bool kj_report_equals(kj_span text, kj_span argument);

/* Whether a text of the list satisfies `arg`, a REGEX that matches in it or a STRING that it is, in
 * either case; and, with `number`, is about that. */
bool kj_report_has(const kj_field_call *call, const kj_report_list *list, const kj_value *arg,
                   const int64_t *number);
