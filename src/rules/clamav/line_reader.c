/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/clamav/line_reader.h"

#include <stdlib.h>
#include <string.h>

enum { BUFFER_SIZE = 4 * KJ_LINE_MAX };

bool kj_line_reader_init(kj_line_reader *reader, kj_line_source *read, void *user)
{
    *reader = (kj_line_reader){
        .read = read, .user = user, .buffer = malloc(BUFFER_SIZE), .is_empty = true};
    return reader->buffer != NULL;
}

void kj_line_reader_done(kj_line_reader *reader)
{
    free(reader->buffer);
    *reader = (kj_line_reader){0};
}

/* Moves what is left to the start of the buffer and fills it, unless the file ends before. */
static kj_status fill(kj_line_reader *r, kj_error *err)
{
    memmove(r->buffer, r->buffer + r->start, r->end - r->start);
    r->end -= r->start;
    r->start = 0;
    while (r->end < BUFFER_SIZE && !r->over) {
        ptrdiff_t got = r->read(r->user, r->buffer + r->end, BUFFER_SIZE - r->end, err);
        if (got < 0)
            return err->status;
        r->over = got == 0;
        r->is_empty &= got == 0;
        r->end += (size_t)got;
    }
    return KJ_OK;
}

/* Passes over what is in the buffer of a line that is being passed over. */
static void pass(kj_line_reader *r)
{
    const uint8_t *end = memchr(r->buffer + r->start, '\n', r->end - r->start);
    r->start = end ? (size_t)(end - r->buffer) + 1 : r->end;
    r->passing = !end;
}

kj_status kj_line_reader_next(kj_line_reader *r, kj_span *out, bool *out_any, kj_error *err)
{
    const uint8_t *end = NULL;
    for (;;) {
        if (r->passing)
            pass(r);
        size_t len = r->end - r->start;
        end = r->passing ? NULL : memchr(r->buffer + r->start, '\n', len);
        if (end || r->over || (!r->passing && len > KJ_LINE_MAX))
            break;
        KJ_TRY(fill(r, err));
    }
    size_t len = end ? (size_t)(end - r->buffer) - r->start : r->end - r->start;
    *out_any = end || len > 0;
    r->passing |= !end;
    *out = kj_span_of(r->buffer + r->start, len <= KJ_LINE_MAX ? len : KJ_LINE_MAX + 1);
    r->start += len + (end != NULL);
    return KJ_OK;
}
