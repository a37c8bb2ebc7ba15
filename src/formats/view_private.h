/* SPDX-License-Identifier: Apache-2.0 */
/* What the makers of views share. Inside formats/ only. */
#pragma once

#include "formats/views.h"

/* Where a view is written: a buffer that grows in steps, so that a byte costs one comparison. */
typedef struct kj_view_out {
    kj_buf *buf;
    uint8_t *room; /* behind what the buffer has */
    size_t used;   /* of it */
    size_t size;   /* of it; 0 when the buffer is full */
} kj_view_out;

/* Makes room for at least one byte; false: the buffer is full or starved. */
bool kj_view_grow(kj_view_out *out);

/* The buffer has all that was put. */
void kj_view_flush(kj_view_out *out);

static inline void kj_view_put(kj_view_out *out, uint8_t c)
{
    if (out->used == out->size && !kj_view_grow(out))
        return;
    out->room[out->used++] = c;
}

static inline void kj_view_put_text(kj_view_out *out, const char *text)
{
    for (; *text; text++)
        kj_view_put(out, (uint8_t)*text);
}

/* UTF-8 of a code point below 0x10000. */
void kj_view_put_utf8(kj_view_out *out, unsigned c);

void kj_view_text(kj_span bytes, kj_buf *out);

/* Names that a script declares; made once a page and used for one script after the other. */
typedef struct kj_script_name {
    uint32_t script; /* of which this is a name */
    uint32_t scope;  /* the function that declares it, by order; 0: none */
    uint32_t number;
    kj_span text;
} kj_script_name;

enum { KJ_SCRIPT_NAMES = 2048 };

typedef struct kj_script_names {
    kj_script_name slots[KJ_SCRIPT_NAMES];
    uint32_t script; /* the present one, from 1 */
    uint32_t count;  /* of its declarations */
} kj_script_names;

/* One script of a page: what stands between <script> and </script>. `names` began as zeros. */
void kj_view_script(kj_span script, kj_script_names *names, kj_view_out *out);

/* `names`, of the scripts view, began as zeros. */
void kj_view_html(kj_view view, kj_span bytes, kj_script_names *names, kj_view_out *out);

/* The character that an entity of HTML 4 stands for; 0: there is none of that name. */
unsigned kj_view_entity(kj_span name);

/* Whether a tag is in it by which ClamAV knows HTML. */
bool kj_view_has_tag(kj_span bytes);
