/* SPDX-License-Identifier: Apache-2.0 */
/* Names, keys and purposes of certificates, and whether one signed another. */
#pragma once

#include "base/arena.h"
#include "base/hash.h"

enum { KJ_PE_SHA1_LEN = 20 };

typedef struct kj_pe_key {
    uint8_t subject[KJ_PE_SHA1_LEN]; /* SHA-1 of the name's content, without its header */
    uint8_t issuer[KJ_PE_SHA1_LEN];  /* likewise */
    uint8_t serial[KJ_PE_SHA1_LEN];  /* SHA-1 of the number's content */
    kj_span modulus;                 /* of an RSA key, without leading zeros; empty: another key */
    bool is_authority;               /* may sign certificates */
    bool may_sign;                   /* its key may sign what is no certificate */
    bool signs_code;                 /* that is what it is for */
    bool signs_time;
} kj_pe_key;

/* Reads a certificate in DER; the modulus goes to the arena. False when it cannot be. */
bool kj_pe_read_key(kj_span certificate, kj_arena *arena, kj_pe_key *out);

/* Whether the key of `issuer`, a certificate, signed the certificate; whether the RSA key of that
 * modulus and exponent 65537 did. */
bool kj_pe_is_issued_by(kj_span certificate, kj_span issuer);
bool kj_pe_is_signed_with(kj_span certificate, kj_span modulus);
