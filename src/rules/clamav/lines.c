/* SPDX-License-Identifier: Apache-2.0 */
/* Files, a line at a time through a buffer of fixed size. */
#include "rules/clamav/load.h"

#include <stdlib.h>

enum {
    LINE_MAX_BYTES = 64 << 10, /* longer lines are malformed */
    BUFFER_SIZE = 256 << 10,
    SHOWN_OF_OVERLONG = 80,
};

/* A file under way. */
struct lines {
    kj_clamav *c;
    const kj_clamav_input *input;
    const kj_clamav_kind *kind;
    uint8_t *buffer;
    size_t len;   /* bytes in the buffer */
    bool any;     /* it is not empty */
    bool passing; /* what comes is the rest of a line that was told already */
};

/* Without what ends it: CR and LF. */
static kj_span chop(kj_span line)
{
    while (line.len > 0 && (line.data[line.len - 1] == '\r' || line.data[line.len - 1] == '\n'))
        line.len--;
    return line;
}

static kj_status tell_overlong(struct lines *l, kj_span line, kj_error *err)
{
    kj_clamav *c = l->c;
    c->line.text = kj_span_sub(line, 0, SHOWN_OF_OVERLONG);
    return kj_clamav_malformed(c, (kj_span){0}, "a line of more than %d bytes", LINE_MAX_BYTES) ==
                   KJ_CLAMAV_STARVED
               ? kj_no_memory(err)
               : KJ_OK;
}

/* The next line, or as much of it as there is. */
static kj_status take(struct lines *l, kj_span line, kj_error *err)
{
    kj_clamav *c = l->c;
    c->line.number++;
    if (line.len > 0 && line.data[0] == '#')
        return KJ_OK;
    c->counts.lines++;
    if (line.len > LINE_MAX_BYTES)
        return tell_overlong(l, line, err);
    c->line.text = chop(line);
    return kj_clamav_take_line(c, l->kind, err);
}

/* All whole lines of the buffer; what is left moves to its start. */
static kj_status take_lines(struct lines *l, kj_error *err)
{
    size_t start = 0;
    const uint8_t *end;
    while ((end = memchr(l->buffer + start, '\n', l->len - start)) != NULL) {
        size_t len = (size_t)(end - l->buffer) - start;
        if (!l->passing)
            KJ_TRY(take(l, kj_span_of(l->buffer + start, len), err));
        l->passing = false;
        start += len + 1;
    }
    l->len -= start;
    memmove(l->buffer, l->buffer + start, l->len);
    return KJ_OK;
}

/* Fills the buffer, unless the file ends before. */
static kj_status fill(struct lines *l, bool *out_end, kj_error *err)
{
    while (l->len < BUFFER_SIZE) {
        ptrdiff_t got =
            l->input->read(l->input->user, l->buffer + l->len, BUFFER_SIZE - l->len, err);
        if (got < 0)
            return err->status;
        *out_end = got == 0;
        if (got == 0)
            break;
        l->any = true;
        l->len += (size_t)got;
    }
    return KJ_OK;
}

static kj_status read_lines(struct lines *l, kj_error *err)
{
    for (bool end = false; !end;) {
        KJ_TRY(fill(l, &end, err));
        KJ_TRY(take_lines(l, err));
        if (l->len <= LINE_MAX_BYTES && !end)
            continue;
        if (!l->passing && l->len > 0)
            KJ_TRY(take(l, kj_span_of(l->buffer, l->len), err));
        l->passing = true;
        l->len = 0;
    }
    return KJ_OK;
}

static kj_status read_file(struct lines *l, kj_error *err)
{
    kj_clamav *c = l->c;
    KJ_TRY(read_lines(l, err));
    c->line.number = 0;
    c->line.text = (kj_span){0};
    if (!l->any && kj_clamav_malformed(c, c->line.text, "an empty file") == KJ_CLAMAV_STARVED)
        return kj_no_memory(err);
    return KJ_OK;
}

kj_status kj_clamav_load(kj_clamav *c, const kj_clamav_input *input, kj_error *err)
{
    const kj_clamav_kind *kind = kj_clamav_kind_of(input);
    if (!kind)
        return kj_fail(err, KJ_UNSUPPORTED, KJ_NO_OFFSET,
                       "its name is not that of a file of signatures");
    if (!kj_clamav_schema(c->options))
        return kj_fail(err, KJ_INTERNAL, KJ_NO_OFFSET, "module clamav is missing");
    c->line = (kj_clamav_line){
        .file = input->name,
        .kind = kind->name,
        .trusted = input->trusted || kind->flags & KJ_KIND_TRUSTED,
    };
    if (!kind->compile)
        return kj_ir_leave_out(c->ir, kind->name, kind->reason, 1) ? KJ_OK : kj_no_memory(err);
    struct lines l = {c, input, kind, malloc(BUFFER_SIZE)};
    kj_status status = l.buffer ? read_file(&l, err) : kj_no_memory(err);
    free(l.buffer);
    return status;
}
