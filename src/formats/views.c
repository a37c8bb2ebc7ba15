/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/views.h"

#include "base/arith.h"
#include "formats/view_private.h"

/* The most bytes that one byte becomes, over a whole object, and some that stand there always. */
static const struct {
    const char *name;
    const char *title;
    unsigned factor;
    unsigned extra;
} views[KJ_VIEW_COUNT] = {
    [KJ_VIEW_NONE] = {"", "", 1, 0},
    [KJ_VIEW_TEXT] = {"text", KJ_SENTENCE("the normalised text"), 1, 0},
    /* "&#256" becomes "&#x0100;", and a value is parted from the name behind it */
    [KJ_VIEW_HTML_PLAIN] = {"html", KJ_SENTENCE("the normalised HTML"), 2, 1},
    [KJ_VIEW_HTML_TEXT] = {"html-text", KJ_SENTENCE("the text of the HTML"), 2, 1},
    /* "a;" becomes "n0000000;", were there that many names */
    [KJ_VIEW_HTML_SCRIPTS] = {"scripts", KJ_SENTENCE("its normalised scripts"), 5, 32},
};

const char *kj_view_name(kj_view view)
{
    return view < KJ_VIEW_COUNT ? views[view].name : "";
}

const char *kj_view_title(kj_view view)
{
    return view < KJ_VIEW_COUNT ? views[view].title : "";
}

size_t kj_view_bound(kj_view view, size_t len)
{
    size_t bound;
    if (view >= KJ_VIEW_COUNT || !kj_mul_size(len, views[view].factor, &bound) ||
        !kj_add_size(bound, views[view].extra, &bound))
        return SIZE_MAX;
    return bound;
}

/* ---- which ----------------------------------------------------------------------------------- */

enum {
    TEXT = 1u << KJ_VIEW_TEXT,
    HTML = 1u << KJ_VIEW_HTML_PLAIN | 1u << KJ_VIEW_HTML_TEXT | 1u << KJ_VIEW_HTML_SCRIPTS,
};

/* Most of it ASCII in UTF-16, without a mark: every other byte is NUL, of the rest none. */
static bool is_wide(kj_span head)
{
    size_t zeros[2] = {0};
    for (size_t i = 0; i < head.len; i++)
        zeros[i & 1] += head.data[i] == 0;
    return (zeros[0] == 0 || zeros[1] == 0) && zeros[0] + zeros[1] > head.len / 3;
}

/* Formats that are text in lines, though they count as something else here; and what nothing claims
 * and has no NUL where it begins, as scripts that hide what they do. */
static bool is_text(const kj_format *format, kj_span bytes)
{
    enum { LOOK = 8 << 10 };
    static const char *const others[] = {"ics", "vcard"};
    if (format->kind == KJ_KIND_TEXT)
        return strcmp(format->name, "empty") != 0;
    for (size_t i = 0; i < KJ_COUNT(others); i++)
        if (strcmp(format->name, others[i]) == 0)
            return true;
    kj_span head = kj_span_sub(bytes, 0, LOOK);
    return strcmp(format->name, "data") == 0 && head.len &&
           (!memchr(head.data, 0, head.len) || is_wide(head));
}

unsigned kj_views_of(const kj_object *object)
{
    bool text = false;
    for (size_t i = 0; i < object->claims.count && !text; i++)
        text = is_text(object->claims.formats[i], object->bytes);
    if (!text)
        return 0;
    if (kj_view_has_tag(object->bytes))
        return HTML;
    return kj_claims_has(&object->claims, kj_span_str("html")) ? TEXT | HTML : TEXT;
}

/* ---- writing --------------------------------------------------------------------------------- */

void kj_view_flush(kj_view_out *out)
{
    kj_buf_added(out->buf, out->used);
    out->room = NULL;
    out->used = out->size = 0;
}

bool kj_view_grow(kj_view_out *out)
{
    enum { STEP = 64 << 10 };
    kj_view_flush(out);
    size_t left = out->buf->max - out->buf->len;
    size_t size = kj_min_size(STEP, left);
    out->room = size && !out->buf->failed ? kj_buf_reserve(out->buf, size) : NULL;
    out->size = out->room ? size : 0;
    out->buf->failed |= !out->room;
    return out->room;
}

void kj_view_put_utf8(kj_view_out *out, unsigned c)
{
    if (c < 0x80) {
        kj_view_put(out, (uint8_t)c);
        return;
    }
    if (c < 0x800) {
        kj_view_put(out, (uint8_t)(0xC0 | c >> 6));
    } else {
        kj_view_put(out, (uint8_t)(0xE0 | (c >> 12 & 0x0F)));
        kj_view_put(out, (uint8_t)(0x80 | (c >> 6 & 0x3F)));
    }
    kj_view_put(out, (uint8_t)(0x80 | (c & 0x3F)));
}

/* ---- making ---------------------------------------------------------------------------------- */

/* Apart, for its table needs a piece of the stack. */
static void make_scripts(kj_span bytes, kj_view_out *out)
{
    kj_script_names names;
    memset(&names, 0, sizeof names);
    kj_view_html(KJ_VIEW_HTML_SCRIPTS, bytes, &names, out);
}

kj_status kj_view_make(kj_view view, kj_span bytes, kj_buf *out, kj_error *err)
{
    if (view == KJ_VIEW_TEXT) {
        kj_view_text(bytes, out);
    } else if (view < KJ_VIEW_COUNT && view != KJ_VIEW_NONE) {
        kj_view_out writer = {.buf = out};
        if (view == KJ_VIEW_HTML_SCRIPTS)
            make_scripts(bytes, &writer);
        else
            kj_view_html(view, bytes, NULL, &writer);
        kj_view_flush(&writer);
    }
    if (out->failed && out->starved)
        return kj_no_memory(err);
    if (out->failed)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET,
                       "normalised, it is larger than a member may be (--max-member-size)");
    return KJ_OK;
}
