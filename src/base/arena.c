/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks double up to 1 MiB and stay in a list; reset walks back to the first. A request larger
 * than that gets a chunk of its own, which goes back to the system with what it held: else every
 * larger member would leave one behind. Under AddressSanitizer unused bytes are poisoned. */
#include "base/arena.h"

#include "base/arith.h"

#include <stdio.h>
#include <stdlib.h>

#ifdef __has_feature
#define HAS_FEATURE(name) __has_feature(name)
#else
#define HAS_FEATURE(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size)   ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

enum { ALIGNMENT = 16, FIRST_CHUNK = 16 << 10, LARGEST_CHUNK = 1 << 20 };

struct kj_arena_chunk {
    kj_arena_chunk *next;
    size_t size;
    size_t used;
    size_t pad; /* keeps `bytes` aligned to 16 */
    uint8_t bytes[];
};

void kj_arena_init(kj_arena *arena, size_t budget)
{
    *arena = (kj_arena){.budget = budget};
}

/* Frees the chunk that a link of the list leads to, and takes it out. */
static void free_chunk(kj_arena_chunk **link)
{
    kj_arena_chunk *chunk = *link;
    *link = chunk->next;
    ASAN_UNPOISON_MEMORY_REGION(chunk->bytes, chunk->size);
    free(chunk);
}

void kj_arena_done(kj_arena *arena)
{
    while (arena->first)
        free_chunk(&arena->first);
    *arena = (kj_arena){0};
}

static void empty_from(kj_arena_chunk **link)
{
    while (*link) {
        kj_arena_chunk *chunk = *link;
        if (chunk->size > LARGEST_CHUNK) {
            free_chunk(link);
            continue;
        }
        chunk->used = 0;
        ASAN_POISON_MEMORY_REGION(chunk->bytes, chunk->size);
        link = &chunk->next;
    }
}

static void forget(kj_arena *arena)
{
    empty_from(&arena->first);
    arena->current = arena->first;
    arena->used = 0;
}

void kj_arena_reset(kj_arena *arena)
{
    forget(arena);
    arena->failed = false;
}

kj_arena_mark kj_arena_get_mark(const kj_arena *arena)
{
    return (kj_arena_mark){
        .chunk = arena->current,
        .chunk_used = arena->current ? arena->current->used : 0,
        .used = arena->used,
    };
}

void kj_arena_rewind(kj_arena *arena, kj_arena_mark mark)
{
    if (!mark.chunk) {
        forget(arena);
        return;
    }
    empty_from(&mark.chunk->next);
    mark.chunk->used = mark.chunk_used;
    ASAN_POISON_MEMORY_REGION(mark.chunk->bytes + mark.chunk_used,
                              mark.chunk->size - mark.chunk_used);
    arena->current = mark.chunk;
    arena->used = mark.used;
}

static kj_arena_chunk *add_chunk(kj_arena *arena, size_t len)
{
    size_t size = arena->current ? arena->current->size * 2 : FIRST_CHUNK;
    size = kj_max_size(kj_min_size(size, LARGEST_CHUNK), len);
    size_t total;
    if (!kj_add_size(sizeof(kj_arena_chunk), size, &total))
        return NULL;
    kj_arena_chunk *chunk = malloc(total);
    if (!chunk)
        return NULL;
    chunk->size = size;
    chunk->used = 0;
    ASAN_POISON_MEMORY_REGION(chunk->bytes, size);
    if (arena->current) {
        chunk->next = arena->current->next;
        arena->current->next = chunk;
    } else {
        chunk->next = arena->first;
        arena->first = chunk;
    }
    return chunk;
}

static void *allocate(kj_arena *arena, size_t len)
{
    size_t rounded;
    if (!kj_add_size(len, ALIGNMENT - 1, &rounded))
        return NULL;
    rounded &= ~(size_t)(ALIGNMENT - 1);
    if (rounded > arena->budget - arena->used)
        return NULL;
    kj_arena_chunk *chunk = arena->current ? arena->current : arena->first;
    while (chunk && chunk->size - chunk->used < rounded)
        chunk = chunk->next;
    if (!chunk && !(chunk = add_chunk(arena, rounded)))
        return NULL;
    uint8_t *out = chunk->bytes + chunk->used;
    chunk->used += rounded;
    arena->current = chunk;
    arena->used += rounded;
    ASAN_UNPOISON_MEMORY_REGION(out, len);
    return out;
}

void *kj_arena_alloc_raw(kj_arena *arena, size_t len)
{
    void *out = allocate(arena, len);
    arena->failed |= out == NULL;
    return out;
}

void *kj_arena_alloc(kj_arena *arena, size_t len)
{
    void *out = kj_arena_alloc_raw(arena, len);
    return out ? memset(out, 0, len) : NULL;
}

void *kj_arena_alloc_array(kj_arena *arena, size_t count, size_t size)
{
    size_t len;
    return kj_mul_size(count, size, &len) ? kj_arena_alloc(arena, len) : NULL;
}

char *kj_arena_text(kj_arena *arena, kj_span bytes)
{
    size_t len;
    if (!kj_add_size(bytes.len, 1, &len))
        return NULL;
    char *out = kj_arena_alloc_raw(arena, len);
    if (!out)
        return NULL;
    if (bytes.len)
        memcpy(out, bytes.data, bytes.len);
    out[bytes.len] = '\0';
    return out;
}

char *kj_arena_strdup(kj_arena *arena, const char *text)
{
    return kj_arena_text(arena, kj_span_str(text));
}

char *kj_arena_printf(kj_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *out = len >= 0 ? kj_arena_alloc_raw(arena, (size_t)len + 1) : NULL;
    if (out)
        (void)vsnprintf(out, (size_t)len + 1, format, again);
    va_end(again);
    return out;
}
