/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a text and as a page: views keep to their bounds, a buffer that is too small holds
 * the beginning of what a larger one holds, and normalised text is normalised. */
#include "formats/views.h"

#include "base/arith.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void make(kj_view view, kj_span bytes, size_t max, kj_status wanted, kj_buf *out)
{
    kj_error err = {0};
    kj_buf_init(out, max);
    expect(kj_view_make(view, bytes, out, &err) == wanted);
    expect(out->len <= max);
}

static void check_text(kj_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        expect(c >= ' ' && c < 0x80 && !(c >= 'A' && c <= 'Z'));
        expect(c != ' ' || i == 0 || text.data[i - 1] != ' ');
    }
    kj_buf again;
    make(KJ_VIEW_TEXT, text, text.len, KJ_OK, &again);
    expect(kj_span_equal(kj_buf_span(&again), text));
    kj_buf_done(&again);
}

static void check(kj_view view, kj_span bytes)
{
    kj_buf whole;
    kj_buf cut;
    make(view, bytes, kj_view_bound(view, bytes.len), KJ_OK, &whole);
    if (view == KJ_VIEW_TEXT)
        check_text(kj_buf_span(&whole));
    size_t less = whole.len / 2;
    if (less < whole.len) {
        make(view, bytes, less, KJ_LIMIT, &cut);
        expect(cut.len == less && kj_span_starts(kj_buf_span(&whole), kj_buf_span(&cut)));
        kj_buf_done(&cut);
    }
    kj_buf_done(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    kj_span bytes = kj_span_of(data, len);
    kj_object object = {.bytes = bytes};
    kj_identify(bytes, &object.claims);
    expect(kj_views_of(&object) < 1u << KJ_VIEW_COUNT);
    for (kj_view view = 1; view < KJ_VIEW_COUNT; view++)
        check(view, bytes);
    return 0;
}
