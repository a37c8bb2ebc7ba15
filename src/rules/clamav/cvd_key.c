/* SPDX-License-Identifier: Apache-2.0 */
/* The signature in a container's head is the number s with s^e mod n = MD5, without any padding. It
 * is written in digits of six bits, the lowest first: a to z, A to Z, 0 to 9, + and /. (Found by
 * computing it for a published head.) libcrypto does the arithmetic. */
#include "rules/clamav/cvd.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/lazy.h"
#include "base/text.h"

#include <openssl/bn.h>
#include <stdlib.h>
#include <string.h>

#define FUNCTIONS(X)                                                                               \
    X(BN_new)                                                                                      \
    X(BN_free)                                                                                     \
    X(BN_CTX_new)                                                                                  \
    X(BN_CTX_free)                                                                                 \
    X(BN_dec2bn)                                                                                   \
    X(BN_hex2bn)                                                                                   \
    X(BN_bin2bn)                                                                                   \
    X(BN_bn2binpad)                                                                                \
    X(BN_num_bits)                                                                                 \
    X(BN_cmp)                                                                                      \
    X(BN_is_odd)                                                                                   \
    X(BN_mod_exp)

static struct {
    FUNCTIONS(KJ_LAZY_FIELD)
} lib;
static const kj_lazy_symbol symbols[] = {FUNCTIONS(KJ_LAZY_SYMBOL)};
static kj_lazy library = KJ_LAZY("libcrypto.so.3", symbols);

enum {
    KEY_FILE_MAX = 64 << 10,
    MODULUS_BITS_MIN = 512,
    MODULUS_BITS_MAX = 16 << 10, /* more takes long and is nobody's */
    SIGNATURE_MAX = KJ_CVD_HEAD, /* digits */
};

struct kj_cvd_key {
    BIGNUM *modulus;
    BIGNUM *exponent;
};

void kj_cvd_key_free(kj_cvd_key *key)
{
    if (!key)
        return;
    lib.BN_free(key->modulus);
    lib.BN_free(key->exponent);
    free(key);
}

/* ---- reading ------------------------------------------------------------------------------- */

static bool read_number(kj_span digits, BIGNUM **out)
{
    char text[MODULUS_BITS_MAX / 3];
    if (digits.len == 0 || digits.len >= sizeof text)
        return false;
    memcpy(text, digits.data, digits.len);
    text[digits.len] = '\0';
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *number = hex ? text + 2 : text;
    size_t len = strlen(number);
    if (len == 0 || strspn(number, hex ? "0123456789abcdefABCDEF" : "0123456789") != len)
        return false;
    return (size_t)(hex ? lib.BN_hex2bn(out, number) : lib.BN_dec2bn(out, number)) == len;
}

/* "modulus = 123". A line that is neither is a comment. */
static bool read_line(kj_cvd_key *key, kj_span line)
{
    kj_span word = line;
    for (word.len = 0; word.len < line.len && kj_is_alpha(line.data[word.len]);)
        word.len++;
    kj_span rest = kj_text_trim(kj_span_sub(line, word.len, SIZE_MAX));
    if (rest.len && (rest.data[0] == '=' || rest.data[0] == ':'))
        rest = kj_text_trim(kj_span_sub(rest, 1, SIZE_MAX));
    if (kj_span_is(word, "modulus"))
        return !key->modulus && read_number(rest, &key->modulus);
    if (kj_span_is(word, "exponent"))
        return !key->exponent && read_number(rest, &key->exponent);
    return true;
}

static bool read_lines(kj_cvd_key *key, kj_span text)
{
    for (size_t at = 0; at < text.len;) {
        const uint8_t *end = memchr(text.data + at, '\n', text.len - at);
        size_t len = end ? (size_t)(end - text.data) - at : text.len - at;
        if (!read_line(key, kj_text_trim(kj_span_sub(text, at, len))))
            return false;
        at += len + 1;
    }
    return true;
}

static bool is_usable(const kj_cvd_key *key)
{
    if (!key->modulus || !key->exponent)
        return false;
    int bits = lib.BN_num_bits(key->modulus);
    return bits >= MODULUS_BITS_MIN && bits <= MODULUS_BITS_MAX && lib.BN_is_odd(key->modulus) &&
           lib.BN_num_bits(key->exponent) > 1 && lib.BN_cmp(key->exponent, key->modulus) < 0;
}

kj_status kj_cvd_key_read(const char *path, kj_cvd_key **out, kj_error *err)
{
    KJ_TRY(kj_lazy_load(&library, err));
    KJ_CLEANUP(kj_buf_done) kj_buf text;
    kj_buf_init(&text, KEY_FILE_MAX);
    KJ_TRY(kj_file_read(path, &text, err));
    kj_cvd_key *key = calloc(1, sizeof *key);
    if (!key)
        return kj_no_memory(err);
    if (!read_lines(key, kj_buf_span(&text)) || !is_usable(key)) {
        kj_cvd_key_free(key);
        return kj_fail(err, KJ_MALFORMED, KJ_NO_OFFSET,
                       "no key; write 'modulus NUMBER' and 'exponent NUMBER', a line each");
    }
    *out = key;
    return KJ_OK;
}

/* ---- verifying ----------------------------------------------------------------------------- */

/* The value of a digit, or -1. */
static int digit_value(uint8_t c)
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/";
    const char *found = c ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

/* The number that the digits write, high byte first; its length, or 0 for what is none. */
static size_t decode(kj_span signature, uint8_t out[SIGNATURE_MAX])
{
    if (signature.len == 0 || signature.len > SIGNATURE_MAX)
        return 0;
    size_t len = (signature.len * 6 + 7) / 8;
    memset(out, 0, len);
    for (size_t i = 0; i < signature.len; i++) {
        int value = digit_value(signature.data[i]);
        if (value < 0)
            return 0;
        size_t bit = i * 6;
        unsigned shifted = (unsigned)value << bit % 8;
        out[len - 1 - bit / 8] |= (uint8_t)shifted;
        if (shifted > UINT8_MAX && bit / 8 + 1 < len)
            out[len - 2 - bit / 8] |= (uint8_t)(shifted >> 8);
    }
    return len;
}

bool kj_cvd_key_verify(const kj_cvd_key *key, kj_span signature, const uint8_t md5[KJ_HASH_MAX])
{
    uint8_t bytes[SIGNATURE_MAX], wanted[MODULUS_BITS_MAX / 8] = {0}, got[MODULUS_BITS_MAX / 8];
    size_t len = decode(signature, bytes), md5_len = kj_hash_len(KJ_HASH_MD5);
    if (len == 0)
        return false;
    memcpy(wanted + sizeof wanted - md5_len, md5, md5_len);
    BN_CTX *context = lib.BN_CTX_new();
    BIGNUM *number = lib.BN_bin2bn(bytes, (int)len, NULL), *power = lib.BN_new();
    bool ok = context && number && power && lib.BN_cmp(number, key->modulus) < 0 &&
              lib.BN_mod_exp(power, number, key->exponent, key->modulus, context) == 1 &&
              lib.BN_bn2binpad(power, got, (int)sizeof got) == (int)sizeof got &&
              memcmp(got, wanted, sizeof got) == 0;
    lib.BN_free(number);
    lib.BN_free(power);
    lib.BN_CTX_free(context);
    return ok;
}
