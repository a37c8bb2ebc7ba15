/* SPDX-License-Identifier: Apache-2.0 */
/* Growable arrays for the compilers (scans use arenas).
 *
 *     KJ_VEC(kj_ir_rule) rules = {0};
 *     kj_ir_rule *rule = kj_vec_push(&rules);   a zeroed slot; NULL without memory
 *     kj_vec_done(&rules);
 *
 * Pushing may move the items: keep indices, not pointers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define KJ_VEC(type)                                                                               \
    struct {                                                                                       \
        type *items;                                                                               \
        size_t count;                                                                              \
        size_t capacity;                                                                           \
    }

static inline bool kj_vec_grow_(void **items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    size_t wanted = *capacity ? *capacity * 2 : 8;
    void *grown = reallocarray(*items, wanted, size);
    if (!grown)
        return false;
    *items = grown;
    *capacity = wanted;
    return true;
}

#define kj_vec_push(vec)                                                                           \
    ({                                                                                             \
        void *kj_items_ = (vec)->items;                                                            \
        bool kj_ok_ =                                                                              \
            kj_vec_grow_(&kj_items_, (vec)->count, &(vec)->capacity, sizeof *(vec)->items);        \
        (vec)->items = kj_items_;                                                                  \
        kj_ok_ ? memset(&(vec)->items[(vec)->count++], 0, sizeof *(vec)->items) : NULL;            \
    })

/* Appends a copy of `value`; false without memory. */
#define kj_vec_add(vec, value)                                                                     \
    ({                                                                                             \
        __typeof__((vec)->items) kj_slot_ = kj_vec_push(vec);                                      \
        if (kj_slot_)                                                                              \
            *kj_slot_ = (value);                                                                   \
        kj_slot_ != NULL;                                                                          \
    })

#define kj_vec_done(vec)                                                                           \
    do {                                                                                           \
        free((vec)->items);                                                                        \
        memset((vec), 0, sizeof *(vec));                                                           \
    } while (0)
