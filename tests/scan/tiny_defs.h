/* SPDX-License-Identifier: Apache-2.0 */
/* Definitions made by hand for tests: three detections, two artifacts, two rules, one advisory. */
#pragma once

#include "base/crc32c.h"
#include "defs/defs.h"
#include "ir/ir.h"

#define TINY_STRINGS                                                                               \
    "W32/Tiny.a@MM"                                                                                \
    "W32/Tiny.gen@MM"                                                                              \
    "page"                                                                                         \
    "2004-0001"                                                                                    \
    "C:\\P.HTA"                                                                                    \
    "W32/Tiny.hta"

typedef struct tiny_defs {
    kj_disk_detect detects[3];
    kj_disk_artifact artifacts[2];
    kj_disk_threat threats[1];
    kj_disk_rule rules[2];
    uint32_t lists[4];
    kj_defs defs;
} tiny_defs;

enum { TINY_EXACT, TINY_FAMILY, TINY_PAGE };

static kj_disk_text tiny_text(const char *text)
{
    return (kj_disk_text){(uint32_t)(strstr(TINY_STRINGS, text) - TINY_STRINGS),
                          (uint32_t)strlen(text)};
}

static kj_disk_name tiny_name(const char *text)
{
    return (kj_disk_name){tiny_text(text), kj_crc32c(kj_span_str(text))};
}

/* The strings, where a worker's spans point into. */
static inline kj_span tiny_span(const tiny_defs *tiny, const char *text)
{
    return kj_defs_text(&tiny->defs, tiny_text(text));
}

static inline void tiny_init(tiny_defs *tiny)
{
    *tiny = (tiny_defs){
        .detects = {[TINY_EXACT] = {.name = tiny_name("W32/Tiny.a@MM"),
                                    .id = tiny_text("page"),
                                    .since = 4318,
                                    .class_ = KJ_CLASS_EXACT},
                    [TINY_FAMILY] = {.name = tiny_name("W32/Tiny.gen@MM"),
                                     .id = tiny_text("page"),
                                     .class_ = KJ_CLASS_FAMILY},
                    [TINY_PAGE] = {.name = tiny_name("W32/Tiny.hta"),
                                   .id = tiny_text("page"),
                                   .class_ = KJ_CLASS_EXACT}},
        .threats = {{.id = tiny_text("2004-0001")}},
        .artifacts = {{.id = tiny_text("page"), .names = {0, 2}, .detects = {3, 1}},
                      {.id = tiny_text("page"), .detects = {3, 1}}},
    };
    kj_disk_text name = tiny_text("C:\\P.HTA");
    tiny->lists[0] = name.offset;
    tiny->lists[1] = name.len;
    tiny->lists[3] = TINY_PAGE;
    static const char strings[] = TINY_STRINGS;
    tiny->defs = (kj_defs){
        .strings = {strings, sizeof strings - 1},
        .detects = {tiny->detects, 3},
        .artifacts = {tiny->artifacts, 2},
        .threats = {tiny->threats, 1},
        .rules = {tiny->rules, 2},
        .lists = {tiny->lists, 4},
    };
}
