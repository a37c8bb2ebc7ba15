/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a file that is never in memory as a whole. */
#pragma once

#include "base/span.h"
#include "base/status.h"

enum {
    KJ_LINE_MAX = 64 << 10
}; /* bytes of a line, without its end; of longer ones no more than
      the beginning is seen */

/* Where bytes come from: up to `len` of them; 0 at the end; negative: an error, which err names. */
typedef ptrdiff_t kj_line_source(void *user, void *buf, size_t len, kj_error *err);

typedef struct kj_line_reader {
    kj_line_source *read;
    void *user;
    uint8_t *buffer;
    size_t start;  /* of what was not handed out */
    size_t end;    /* of what was read */
    bool over;     /* nothing more can be read */
    bool passing;  /* what comes is the rest of a line whose beginning was handed out */
    bool is_empty; /* nothing was read so far */
} kj_line_reader;

/* False without memory. */
bool kj_line_reader_init(kj_line_reader *reader, kj_line_source *read, void *user);
void kj_line_reader_done(kj_line_reader *reader);

/* The next line without its LF, valid until the next call: of one of more than KJ_LINE_MAX bytes
 * the first KJ_LINE_MAX + 1. *out_any: false at the end. */
KJ_MUST_CHECK kj_status kj_line_reader_next(kj_line_reader *reader, kj_span *out, bool *out_any,
                                            kj_error *err);
