/* SPDX-License-Identifier: Apache-2.0 */
/* Digests that are known, bad or good, in any number: 45 million lines of a feed become records of
 * a few bytes in one array a set, and names that are front-coded as they come. Nothing else of a
 * line is kept. */
#pragma once

#include "base/front_coded.h"
#include "base/hash.h"
#include "base/vec.h"

/* What of an object was digested. */
typedef enum kj_hash_scope {
    KJ_SCOPE_OBJECT,       /* all its bytes */
    KJ_SCOPE_SECTION,      /* the raw data of a section of a PE file */
    KJ_SCOPE_IMPORTS,      /* the text of a PE file's imports; its size is that of the text */
    KJ_SCOPE_AUTHENTICODE, /* a PE file as Authenticode digests it */
    KJ_SCOPE_COUNT
} kj_hash_scope;

const char *kj_hash_scope_name(kj_hash_scope scope); /* "object", "section", ... */

/* Bytes of a digest that are kept. Of bad ones 96 bits will do: nobody gains by meeting one, and
 * chance does not. Of good ones all are. */
enum { KJ_HASH_KEPT = 12 };

enum { KJ_HASH_ANY_SIZE = 0 }; /* no object that is digested is empty */

/* Mixes a size into a digest's first eight bytes, a little-endian number, by exclusive or: it is
 * compared with the digest then, and takes no room. */
static inline void kj_mask_key(uint8_t *key, uint32_t size)
{
    uint64_t head;
    memcpy(&head, key, sizeof head);
    head ^= size * UINT64_C(0x9E3779B97F4A7C15);
    memcpy(key, &head, sizeof head);
}

/* One set: all its records have these in common. */
typedef struct kj_hash_set {
    kj_hash_scope scope;
    kj_hash_kind kind;
    uint32_t klass;          /* kj_class: EXACT, HEURISTIC or TRUSTED */
    bool sized;              /* its records say how large the object is */
    size_t key_len;          /* bytes of a digest in a record */
    size_t record_len;       /* key_len, then u32 name, then u32 size where it is sized */
    KJ_VEC(uint8_t) records; /* record_len each, in any order. Keys are masked with their sizes */
} kj_hash_set;

enum { KJ_HASH_SETS_MAX = KJ_SCOPE_COUNT * KJ_HASH_KIND_COUNT * 3 * 2 };

typedef struct kj_hash_sets {
    kj_hash_set items[KJ_HASH_SETS_MAX];
    size_t count;
    kj_front_writer names;
} kj_hash_sets;

void kj_hash_sets_init(kj_hash_sets *sets);
void kj_hash_sets_done(kj_hash_sets *sets);

typedef struct kj_hash_signature {
    kj_hash_scope scope;
    kj_hash_kind kind;
    uint32_t klass;
    const uint8_t *digest; /* kj_hash_len(kind) bytes */
    uint32_t size;         /* KJ_HASH_ANY_SIZE: any */
    kj_span name;
} kj_hash_signature;

/* KJ_NO_MEMORY; KJ_LIMIT for a name that is empty or too long. */
KJ_MUST_CHECK kj_status kj_hash_sets_add(kj_hash_sets *sets, const kj_hash_signature *signature,
                                         kj_error *err);
uint64_t kj_hash_sets_total(const kj_hash_sets *sets);

/* Sorts the records of a set by key, name and size, in place; in linear time, but for those with
 * one key. */
void kj_hash_set_sort(const kj_hash_set *set);

/* Fields of the record at `record`. */
uint32_t kj_hash_record_name(const kj_hash_set *set, const uint8_t *record);
uint32_t kj_hash_record_size(const kj_hash_set *set, const uint8_t *record);
