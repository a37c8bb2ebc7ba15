/* SPDX-License-Identifier: Apache-2.0 */
/* ClamAV's containers of signatures: a head of 512 bytes and a tar archive, packed (.cvd) or not
 * (.cld, .cud). docs/formats/cvd.md says what is checked. */
#pragma once

#include "base/hash.h"
#include "base/span.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

/* ---- keys ---------------------------------------------------------------------------------- */

typedef struct kj_cvd_key kj_cvd_key; /* RSA: a modulus and an exponent */

/* Reads a key from a text file: "modulus NUMBER" and "exponent NUMBER", a line each, decimal or
 * 0x... KJ_IO, KJ_MALFORMED; KJ_UNSUPPORTED without libcrypto. */
KJ_MUST_CHECK kj_status kj_cvd_key_read(const char *path, kj_cvd_key **out, kj_error *err);
void kj_cvd_key_free(kj_cvd_key *key);

/* Whether `signature`, as a head writes it, is that of the digest. */
bool kj_cvd_key_verify(const kj_cvd_key *key, kj_span signature, const uint8_t md5[KJ_HASH_MAX]);

/* ---- containers ---------------------------------------------------------------------------- */

enum { KJ_CVD_HEAD = 512 };

/* What a head says. The spans lie in its text. */
typedef struct kj_cvd_head {
    kj_span date;
    kj_span version;
    kj_span signatures;
    kj_span md5; /* empty: none, as of what freshclam has put together itself */
    kj_span signature;
} kj_cvd_head;

/* False when it is no head. */
bool kj_cvd_head_parse(kj_span bytes, kj_cvd_head *out);

typedef struct kj_cvd kj_cvd;

typedef struct kj_cvd_options {
    const kj_cvd_key *key;  /* NULL: signatures are not verified */
    bool require_signature; /* refuse what is not verified */
    /* Called with the bytes read of the file, now and then. NULL: nobody asks. */
    void (*progress)(void *user, uint64_t bytes);
    void *user;
} kj_cvd_options;

/* Opens a container, and checks it whole: its MD5, its signature where there is a key, its members'
 * SHA-256. KJ_IO; KJ_MALFORMED for what is no container, is damaged or wrongly signed; KJ_LIMIT. */
KJ_MUST_CHECK kj_status kj_cvd_open(const char *path, const kj_cvd_options *options, kj_cvd **out,
                                    kj_error *err);
void kj_cvd_close(kj_cvd *cvd);
bool kj_cvd_is_verified(const kj_cvd *cvd); /* its signature is */

/* Hands out the members in their order: what `take` does not read is passed over. */
typedef struct kj_cvd_member kj_cvd_member;
typedef kj_status kj_cvd_take(void *user, const char *name, kj_cvd_member *member, kj_error *err);
KJ_MUST_CHECK kj_status kj_cvd_each(kj_cvd *cvd, kj_cvd_take *take, void *user, kj_error *err);

/* Whether it has a member of which `wanted` is true. */
bool kj_cvd_has(const kj_cvd *cvd, bool (*wanted)(const char *name));

/* Bytes of the member at hand: up to `len`; 0 at its end; negative: an error, which `err` (not
 * NULL) names. */
ptrdiff_t kj_cvd_read(void *member, void *buf, size_t len, kj_error *err);
