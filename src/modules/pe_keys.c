/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates by libcrypto (3.0), which pe_authenticode.c has set up before there are any. */
#include "modules/pe_keys.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/lazy.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define FUNCTIONS(X)                                                                               \
    X(BN_bn2binpad)                                                                                \
    X(BN_clear_free)                                                                               \
    X(BN_num_bits)                                                                                 \
    X(ERR_clear_error)                                                                             \
    X(EVP_PKEY_free)                                                                               \
    X(EVP_PKEY_get_bn_param)                                                                       \
    X(X509_check_ca)                                                                               \
    X(X509_free)                                                                                   \
    X(X509_get0_pubkey)                                                                            \
    X(X509_get_extended_key_usage)                                                                 \
    X(X509_get_issuer_name)                                                                        \
    X(X509_get_key_usage)                                                                          \
    X(X509_get_serialNumber)                                                                       \
    X(X509_get_subject_name)                                                                       \
    X(X509_verify)                                                                                 \
    X(d2i_PUBKEY)                                                                                  \
    X(d2i_X509)                                                                                    \
    X(i2d_X509_NAME)

static struct {
    FUNCTIONS(KJ_LAZY_FIELD)
} lib;
static const kj_lazy_symbol symbols[] = {FUNCTIONS(KJ_LAZY_SYMBOL)};
static kj_lazy library = KJ_LAZY("libcrypto.so.3", symbols);

enum { MODULUS_MAX = 1024 }; /* bytes: keys of 8,192 bits */

static void free_x509(X509 **x509)
{
    if (*x509) /* else the library may not be there */
        lib.X509_free(*x509);
}

static void free_key(EVP_PKEY **key)
{
    if (*key) /* else the library may not be there */
        lib.EVP_PKEY_free(*key);
}

static void free_number(BIGNUM **number)
{
    if (*number) /* else the library may not be there */
        lib.BN_clear_free(*number);
}

/* NULL when it cannot be read. */
static X509 *open_certificate(kj_span der)
{
    const uint8_t *at = der.data;
    if (der.len == 0 || kj_lazy_load(&library, NULL) != KJ_OK)
        return NULL;
    return lib.d2i_X509(NULL, &at, (long)der.len);
}

/* ---- facts ---------------------------------------------------------------------------------- */

static void sha1(kj_span bytes, uint8_t out[KJ_PE_SHA1_LEN])
{
    uint8_t digest[KJ_HASH_MAX];
    kj_hash(KJ_HASH_SHA1, bytes, digest);
    memcpy(out, digest, KJ_PE_SHA1_LEN);
}

/* The content of a DER element, which libcrypto wrote. */
static kj_span content_of(kj_span element)
{
    if (element.len < 2)
        return (kj_span){0};
    uint8_t len = element.data[1];
    return kj_span_sub(element, (size_t)2 + (len & 0x80 ? len & 0x7F : 0), SIZE_MAX);
}

static bool digest_name(const X509_NAME *name, kj_arena *arena, uint8_t out[KJ_PE_SHA1_LEN])
{
    int len = lib.i2d_X509_NAME(name, NULL);
    uint8_t *der = len > 0 ? kj_arena_alloc_raw(arena, (size_t)len) : NULL;
    uint8_t *end = der;
    if (!der || lib.i2d_X509_NAME(name, &end) != len)
        return false;
    sha1(content_of(kj_span_of(der, (size_t)len)), out);
    return true;
}

/* The number's bytes as DER has them: with a zero in front where the highest bit is set. */
static void digest_serial(const ASN1_INTEGER *serial, uint8_t out[KJ_PE_SHA1_LEN])
{
    enum { SERIAL_MAX = 64 };
    uint8_t bytes[SERIAL_MAX + 1] = {0};
    size_t len = serial->length > 0 && serial->length <= SERIAL_MAX ? (size_t)serial->length : 0;
    memcpy(bytes + 1, serial->data, len);
    bool padded = len > 0 && (bytes[1] & 0x80);
    sha1(kj_span_of(bytes + !padded, len + padded), out);
}

/* False without memory. */
static bool read_modulus(X509 *x509, kj_arena *arena, kj_span *out)
{
    EVP_PKEY *key = lib.X509_get0_pubkey(x509);
    KJ_CLEANUP(free_number) BIGNUM *modulus = NULL;
    *out = (kj_span){0};
    if (!key || lib.EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus) != 1)
        return true;
    int len = (lib.BN_num_bits(modulus) + 7) / 8;
    if (len <= 0 || len > MODULUS_MAX)
        return true;
    uint8_t *bytes = kj_arena_alloc_raw(arena, (size_t)len);
    if (!bytes || lib.BN_bn2binpad(modulus, bytes, len) != len)
        return false;
    *out = kj_span_of(bytes, (size_t)len);
    return true;
}

/* Without such an extension a key may do anything, but nothing says what it is for. */
static void read_purposes(X509 *x509, kj_pe_key *out)
{
    uint32_t usage = lib.X509_get_key_usage(x509);
    uint32_t purposes = lib.X509_get_extended_key_usage(x509);
    out->is_authority = lib.X509_check_ca(x509) == 1 && (usage & KU_KEY_CERT_SIGN);
    out->may_sign = usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION);
    out->signs_code = purposes != UINT32_MAX && (purposes & XKU_CODE_SIGN);
    out->signs_time = purposes != UINT32_MAX && (purposes & XKU_TIMESTAMP);
}

bool kj_pe_read_key(kj_span certificate, kj_arena *arena, kj_pe_key *out)
{
    KJ_CLEANUP(free_x509) X509 *x509 = open_certificate(certificate);
    if (!x509)
        return false;
    *out = (kj_pe_key){0};
    digest_serial(lib.X509_get_serialNumber(x509), out->serial);
    read_purposes(x509, out);
    bool ok = digest_name(lib.X509_get_subject_name(x509), arena, out->subject) &&
              digest_name(lib.X509_get_issuer_name(x509), arena, out->issuer) &&
              read_modulus(x509, arena, &out->modulus);
    lib.ERR_clear_error();
    return ok;
}

/* ---- signatures ----------------------------------------------------------------------------- */

static bool verify(X509 *x509, EVP_PKEY *key)
{
    bool ok = x509 && key && lib.X509_verify(x509, key) == 1;
    lib.ERR_clear_error();
    return ok;
}

bool kj_pe_is_issued_by(kj_span certificate, kj_span issuer)
{
    KJ_CLEANUP(free_x509) X509 *x509 = open_certificate(certificate);
    KJ_CLEANUP(free_x509) X509 *by = x509 ? open_certificate(issuer) : NULL;
    return by && verify(x509, lib.X509_get0_pubkey(by));
}

/* An element with a length of two bytes. */
static void put_header(kj_buf *out, uint8_t tag, size_t len)
{
    kj_buf_put_byte(out, tag);
    kj_buf_put_byte(out, 0x82);
    kj_buf_put_byte(out, (uint8_t)(len >> 8));
    kj_buf_put_byte(out, (uint8_t)len);
}

/* SubjectPublicKeyInfo: SEQUENCE { SEQUENCE { rsaEncryption, NULL }, BIT STRING { SEQUENCE {
 * modulus, exponent } } }. libcrypto takes lengths that are longer than they need be. */
static void put_key(kj_span modulus, kj_buf *out)
{
    static const uint8_t algorithm[] = {0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86,
                                        0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00};
    static const uint8_t exponent[] = {0x02, 0x03, 0x01, 0x00, 0x01};
    enum { HEADER = 4 };
    size_t number = modulus.len + 1;
    size_t pair = HEADER + number + sizeof exponent;
    size_t bits = 1 + HEADER + pair;
    put_header(out, 0x30, sizeof algorithm + HEADER + bits);
    kj_buf_put(out, kj_span_of(algorithm, sizeof algorithm));
    put_header(out, 0x03, bits);
    kj_buf_put_byte(out, 0);
    put_header(out, 0x30, pair);
    put_header(out, 0x02, number);
    kj_buf_put_byte(out, 0);
    kj_buf_put(out, modulus);
    kj_buf_put(out, kj_span_of(exponent, sizeof exponent));
}

bool kj_pe_is_signed_with(kj_span certificate, kj_span modulus)
{
    KJ_CLEANUP(free_x509) X509 *x509 = open_certificate(certificate);
    if (!x509 || modulus.len == 0 || modulus.len > MODULUS_MAX)
        return false;
    KJ_CLEANUP(kj_buf_done) kj_buf der;
    kj_buf_init(&der, 2 * MODULUS_MAX);
    put_key(modulus, &der);
    const uint8_t *at = der.data;
    KJ_CLEANUP(free_key)
    EVP_PKEY *key = der.failed ? NULL : lib.d2i_PUBKEY(NULL, &at, (long)der.len);
    return verify(x509, key);
}
