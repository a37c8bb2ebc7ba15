/* SPDX-License-Identifier: Apache-2.0 */
/* Files, a line at a time. */
#include "base/cleanup.h"
#include "rules/clamav/line_reader.h"
#include "rules/clamav/load.h"

enum { SHOWN_OF_OVERLONG = 80 };

/* Without what ends it: CR and LF. */
static kj_span chop(kj_span line)
{
    while (line.len > 0 && (line.data[line.len - 1] == '\r' || line.data[line.len - 1] == '\n'))
        line.len--;
    return line;
}

static kj_status tell_overlong(kj_clamav *c, kj_span line, kj_error *err)
{
    c->line.text = kj_span_sub(line, 0, SHOWN_OF_OVERLONG);
    return kj_clamav_malformed(c, (kj_span){0}, "a line of more than %d bytes", KJ_LINE_MAX) ==
                   KJ_CLAMAV_STARVED
               ? kj_no_memory(err)
               : KJ_OK;
}

/* The next line, or as much of it as there is. */
static kj_status take(kj_clamav *c, const kj_clamav_kind *kind, kj_span line, kj_error *err)
{
    c->line.number++;
    if (line.len > 0 && line.data[0] == '#')
        return KJ_OK;
    c->counts.lines++;
    if (line.len > KJ_LINE_MAX)
        return tell_overlong(c, line, err);
    c->line.text = chop(line);
    return kj_clamav_take_line(c, kind, err);
}

static kj_status read_file(kj_clamav *c, const kj_clamav_kind *kind, kj_line_reader *reader,
                           kj_error *err)
{
    kj_span line;
    bool any = true;
    while (any) {
        KJ_TRY(kj_line_reader_next(reader, &line, &any, err));
        if (any)
            KJ_TRY(take(c, kind, line, err));
    }
    c->line.number = 0;
    c->line.text = (kj_span){0};
    if (reader->is_empty &&
        kj_clamav_malformed(c, c->line.text, "an empty file") == KJ_CLAMAV_STARVED)
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
    KJ_CLEANUP(kj_line_reader_done) kj_line_reader reader;
    return kj_line_reader_init(&reader, input->read, input->user) ? read_file(c, kind, &reader, err)
                                                                  : kj_no_memory(err);
}
