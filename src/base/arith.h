/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic on sizes that came from input. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* *out = a + b; false, and *out untouched, when that overflows. */
static inline bool kj_add_size(size_t a, size_t b, size_t *out)
{
    size_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return false;
    *out = sum;
    return true;
}

/* *out = a * b; false, and *out untouched, when that overflows. */
static inline bool kj_mul_size(size_t a, size_t b, size_t *out)
{
    size_t product;
    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *out = product;
    return true;
}

static inline uint64_t kj_min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline size_t kj_min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t kj_max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

#define KJ_COUNT(array) (sizeof(array) / sizeof((array)[0]))
