/* SPDX-License-Identifier: Apache-2.0 */
/* An arena: what a scan or a compilation allocates lives until the arena is reset or done. */
#pragma once

#include "base/span.h"
#include "base/status.h"

#include <stddef.h>

typedef struct kj_arena_chunk kj_arena_chunk;

/* Single owner, no locks. Allocation fails (NULL) when the budget or the system is exhausted. */
typedef struct kj_arena {
    kj_arena_chunk *first;
    kj_arena_chunk *current;
    size_t budget; /* bytes it may hand out between two resets */
    size_t used;
    bool failed; /* something did not fit since the last reset */
} kj_arena;

/* A place to go back to, so that what one member of an archive needed serves the next. */
typedef struct kj_arena_mark {
    kj_arena_chunk *chunk;
    size_t chunk_used;
    size_t used;
} kj_arena_mark;

void kj_arena_init(kj_arena *arena, size_t budget);
void kj_arena_done(kj_arena *arena);

/* Forgets everything, keeps the memory for the next scan (page faults cost more than bytes). */
void kj_arena_reset(kj_arena *arena);

kj_arena_mark kj_arena_get_mark(const kj_arena *arena);
void kj_arena_rewind(kj_arena *arena, kj_arena_mark mark);

/* `len` zeroed bytes, aligned to 16; NULL when the budget or memory ran out. */
void *kj_arena_alloc(kj_arena *arena, size_t len);

/* Zeroed array; the product is checked. NULL when it overflows or does not fit. */
void *kj_arena_alloc_array(kj_arena *arena, size_t count, size_t size);

/* As kj_arena_alloc but the bytes are not zeroed: for buffers that are filled at once. */
void *kj_arena_alloc_raw(kj_arena *arena, size_t len);

/* Copies; the text form adds a NUL. NULL when it does not fit. */
char *kj_arena_strdup(kj_arena *arena, const char *text);
char *kj_arena_text(kj_arena *arena, kj_span bytes);
char *kj_arena_printf(kj_arena *arena, const char *format, ...) KJ_PRINTF(2, 3);

#define kj_new(arena, type) ((type *)kj_arena_alloc((arena), sizeof(type)))
#define kj_new_array(arena, type, count)                                                           \
    ((type *)kj_arena_alloc_array((arena), (count), sizeof(type)))
