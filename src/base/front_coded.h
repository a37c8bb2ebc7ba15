/* SPDX-License-Identifier: Apache-2.0 */
/* A list of texts that mostly begin like the one before them, each known by its number: millions of
 * signature names in a few bytes each.
 *
 * Texts are stored in blocks of KJ_FRONT_BLOCK. The first of a block is whole; each of the others
 * says how many bytes it shares with the one before, and has the rest. An entry is
 *
 *     shared   varint (LEB128); 0 for the first of a block
 *     len      varint, of the rest
 *     rest     bytes
 *     check    2 bytes: of the whole text and its number, so that damage is noticed and neither
 *              invents a name nor gives one for another
 *
 * The offsets of the blocks stand apart, one word each. */
#pragma once

#include "base/buf.h"

enum {
    KJ_FRONT_BLOCK = 32,
    KJ_FRONT_TEXT_MAX = 1024, /* bytes; longer texts are refused */
};

/* Makes such a list. */
typedef struct kj_front_writer {
    kj_buf bytes;
    kj_buf blocks; /* u32le, the offset in `bytes` of each block */
    uint32_t count;
    uint8_t last[KJ_FRONT_TEXT_MAX];
    size_t last_len;
    struct kj_front_recent *recent; /* texts that were added lately, so that most repetitions get
                                       one number */
} kj_front_writer;

void kj_front_init(kj_front_writer *writer);
void kj_front_done(kj_front_writer *writer);

/* Adds a text, or finds it: the one before it always, others mostly; its number. KJ_LIMIT for an
 * empty text, one that is too long or too many; KJ_NO_MEMORY. */
KJ_MUST_CHECK kj_status kj_front_add(kj_front_writer *writer, kj_span text, uint32_t *out,
                                     kj_error *err);

/* Such a list, mapped. */
typedef struct kj_front_view {
    kj_span bytes;
    const uint32_t *blocks;
    uint32_t block_count;
} kj_front_view;

/* Writes the text of that number to `out`, which holds KJ_FRONT_TEXT_MAX bytes; empty when there is
 * none or it is damaged. */
kj_span kj_front_text(const kj_front_view *view, uint32_t number, uint8_t *out);

/* Reads a block to its end, which is where the next one begins, and counts its texts. KJ_MALFORMED
 * at the first fault: then kj_front_text() has at least one text less than there should be. */
KJ_MUST_CHECK kj_status kj_front_verify(const kj_front_view *view, uint32_t block,
                                        uint32_t *out_count, kj_error *err);

/* All texts one after the other, which is faster than asking for each:
 *
 *     kj_front_walk walk = {.view = &view};
 *     while (kj_front_next(&walk)) use(walk.number, walk.text);
 */
typedef struct kj_front_walk {
    const kj_front_view *view;
    uint32_t number; /* of the text at hand */
    kj_span text;    /* in `bytes`; until the next call */
    uint64_t next;   /* number of the one behind it, */
    size_t pos;      /* which begins here */
    uint8_t bytes[KJ_FRONT_TEXT_MAX];
} kj_front_walk;

/* False at the end. What is damaged is passed over, and the rest of its block. */
bool kj_front_next(kj_front_walk *walk);
