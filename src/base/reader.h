/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded cursor over borrowed bytes: the only way formats read input. */
#pragma once

#include "base/span.h"

/* Every read is bounds-checked. The first one past the end makes the reader fail; from then on it
 * stays put and yields zeros and empty spans. Check kj_reader_ok() before a value leaves the
 * reader's world: as a loop count, an allocation size or a reported fact. */
typedef struct kj_reader {
    kj_span in;
    size_t pos; /* next byte; never past in.len */
    bool failed;
} kj_reader;

static inline kj_reader kj_reader_of(kj_span in)
{
    return (kj_reader){.in = in};
}

static inline bool kj_reader_ok(const kj_reader *r)
{
    return !r->failed;
}

static inline size_t kj_reader_left(const kj_reader *r)
{
    return r->failed ? 0 : r->in.len - r->pos;
}

uint8_t kj_read_u8(kj_reader *r);
uint16_t kj_read_u16le(kj_reader *r);
uint32_t kj_read_u32le(kj_reader *r);
uint64_t kj_read_u64le(kj_reader *r);
uint16_t kj_read_u16be(kj_reader *r);
uint32_t kj_read_u32be(kj_reader *r);
uint64_t kj_read_u64be(kj_reader *r);

/* Borrows `len` bytes of r->in; empty when fewer are left, and the reader fails. */
kj_span kj_read_span(kj_reader *r, size_t len);

/* Bytes behind their number, a u32: what kj_buf_put_sized() wrote. */
kj_span kj_read_sized(kj_reader *r);

/* The bytes up to the next NUL within `max`, without it; the NUL is consumed. Fails without one. */
kj_span kj_read_cstr(kj_reader *r, size_t max);

/* One line without its line end (LF, CR LF); the last may lack one. False at the end of input. */
bool kj_read_line(kj_reader *r, kj_span *out);

/* A reader that cannot leave the next `len` bytes; they are consumed here. */
kj_reader kj_read_sub(kj_reader *r, size_t len);

void kj_skip(kj_reader *r, uint64_t len);
void kj_seek(kj_reader *r, uint64_t pos);
