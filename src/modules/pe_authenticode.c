/* SPDX-License-Identifier: Apache-2.0 */
/* Authenticode by libcrypto (3.0), the one place that touches it. Source: Microsoft, "Windows
 * Authenticode Portable Executable Signature Format"; RFC 2315 (PKCS #7), RFC 3161 (time stamps).
 *
 *     PKCS #7 SignedData { content: SpcIndirectDataContent { ..., digest of the file },
 *         certificates, signer { signed: digest of the content, program's name; signature;
 *         unsigned: countersignatures, further signatures of the same form } }
 *
 * What is a signature at all and what verifies is libyara 4.5's judgement. Nobody is trusted here:
 * "verified" says that digests and keys fit, not whose they are.
 *
 * What libcrypto does differently from what one expects:
 * - It would read its configuration file when first used: a scan must not depend on that.
 * - Its stacks are inline functions over others, which would have to be linked: sk_count(),
 * sk_at().
 * - It knows objects by numbers; Microsoft's have none, so all are compared as text.
 * - A chain is only built by verifying it, which fails without anybody to trust. */
#include "modules/pe_authenticode.h"

#include "base/arith.h"
#include "base/cleanup.h"
#include "base/lazy.h"
#include "base/text.h"

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pkcs7.h>
#include <openssl/ts.h>
#include <openssl/x509.h>
#include <time.h>

#define FUNCTIONS(X)                                                                               \
    X(ASN1_INTEGER_get_uint64)                                                                     \
    X(ASN1_OBJECT_free)                                                                            \
    X(ASN1_STRING_to_UTF8)                                                                         \
    X(ASN1_TIME_to_tm)                                                                             \
    X(ASN1_item_i2d)                                                                               \
    X(BIO_free_all)                                                                                \
    X(BIO_new_mem_buf)                                                                             \
    X(BIO_read)                                                                                    \
    X(CMS_ContentInfo_free)                                                                        \
    X(CMS_SignerInfo_cert_cmp)                                                                     \
    X(CMS_SignerInfo_verify_content)                                                               \
    X(CMS_dataInit)                                                                                \
    X(CMS_get0_SignerInfos)                                                                        \
    X(CMS_get0_content)                                                                            \
    X(CMS_get0_eContentType)                                                                       \
    X(CMS_get1_certs)                                                                              \
    X(CRYPTO_free)                                                                                 \
    X(ERR_clear_error)                                                                             \
    X(EVP_Digest)                                                                                  \
    X(EVP_DigestFinal_ex)                                                                          \
    X(EVP_DigestInit_ex)                                                                           \
    X(EVP_DigestUpdate)                                                                            \
    X(EVP_MD_CTX_free)                                                                             \
    X(EVP_MD_CTX_new)                                                                              \
    X(EVP_MD_get_size)                                                                             \
    X(EVP_PKEY_CTX_free)                                                                           \
    X(EVP_PKEY_CTX_new)                                                                            \
    X(EVP_PKEY_verify_recover)                                                                     \
    X(EVP_PKEY_verify_recover_init)                                                                \
    X(EVP_get_digestbyname)                                                                        \
    X(EVP_sha1)                                                                                    \
    X(OBJ_nid2ln)                                                                                  \
    X(OBJ_nid2obj)                                                                                 \
    X(OBJ_obj2nid)                                                                                 \
    X(OBJ_obj2txt)                                                                                 \
    X(OPENSSL_init_crypto)                                                                         \
    X(OPENSSL_sk_free)                                                                             \
    X(OPENSSL_sk_new_null)                                                                         \
    X(OPENSSL_sk_num)                                                                              \
    X(OPENSSL_sk_pop_free)                                                                         \
    X(OPENSSL_sk_push)                                                                             \
    X(OPENSSL_sk_value)                                                                            \
    X(PKCS7_ATTR_VERIFY_it)                                                                        \
    X(PKCS7_SIGNER_INFO_free)                                                                      \
    X(PKCS7_dataInit)                                                                              \
    X(PKCS7_free)                                                                                  \
    X(PKCS7_get0_signers)                                                                          \
    X(PKCS7_get_signer_info)                                                                       \
    X(PKCS7_signatureVerify)                                                                       \
    X(PKCS7_to_TS_TST_INFO)                                                                        \
    X(TS_MSG_IMPRINT_get_algo)                                                                     \
    X(TS_MSG_IMPRINT_get_msg)                                                                      \
    X(TS_TST_INFO_free)                                                                            \
    X(TS_TST_INFO_get_msg_imprint)                                                                 \
    X(TS_TST_INFO_get_time)                                                                        \
    X(TS_TST_INFO_get_version)                                                                     \
    X(X509_ATTRIBUTE_count)                                                                        \
    X(X509_ATTRIBUTE_get0_object)                                                                  \
    X(X509_ATTRIBUTE_get0_type)                                                                    \
    X(X509_NAME_oneline)                                                                           \
    X(X509_STORE_CTX_free)                                                                         \
    X(X509_STORE_CTX_get0_chain)                                                                   \
    X(X509_STORE_CTX_init)                                                                         \
    X(X509_STORE_CTX_new)                                                                          \
    X(X509_STORE_free)                                                                             \
    X(X509_STORE_new)                                                                              \
    X(X509_digest)                                                                                 \
    X(X509_find_by_issuer_and_serial)                                                              \
    X(X509_free)                                                                                   \
    X(X509_get0_notAfter)                                                                          \
    X(X509_get0_notBefore)                                                                         \
    X(X509_get0_pubkey)                                                                            \
    X(X509_get_issuer_name)                                                                        \
    X(X509_get_serialNumber)                                                                       \
    X(X509_get_signature_nid)                                                                      \
    X(X509_get_subject_name)                                                                       \
    X(X509_get_version)                                                                            \
    X(X509_verify_cert)                                                                            \
    X(d2i_ASN1_OBJECT)                                                                             \
    X(d2i_CMS_ContentInfo)                                                                         \
    X(d2i_PKCS7)                                                                                   \
    X(d2i_PKCS7_SIGNER_INFO)                                                                       \
    X(d2i_TS_TST_INFO)                                                                             \
    X(i2d_ASN1_INTEGER)                                                                            \
    X(i2d_X509)

static struct {
    FUNCTIONS(KJ_LAZY_FIELD)
} lib;
static const kj_lazy_symbol symbols[] = {FUNCTIONS(KJ_LAZY_SYMBOL)};
static kj_lazy library = KJ_LAZY("libcrypto.so.3", symbols);

#define OID_MESSAGE_DIGEST   "1.2.840.113549.1.9.4"
#define OID_SIGNING_TIME     "1.2.840.113549.1.9.5"
#define OID_COUNTERSIGNATURE "1.2.840.113549.1.9.6"
#define OID_SIGNED_DATA      "1.2.840.113549.1.7.2"
#define OID_TIME_STAMP       "1.2.840.113549.1.9.16.1.4"
#define OID_INDIRECT_DATA    "1.3.6.1.4.1.311.2.1.4"
#define OID_OPUS_INFO        "1.3.6.1.4.1.311.2.1.12"
#define OID_NESTED           "1.3.6.1.4.1.311.2.4.1"
#define OID_MS_COUNTER       "1.3.6.1.4.1.311.3.3.1"

enum {
    VALUES_MAX = 16,         /* of an attribute: nested signatures, countersignatures */
    DEPTH_MAX = 8,           /* of nested signatures */
    SIGNATURES_MAX = 64,     /* of a file */
    CERTIFICATES_MAX = 1024, /* of a list */
    NAME_MAX_LEN = 256,      /* with the NUL; longer ones are cut, as in libyara */
    WORK_OF_KEY = 1 << 20,   /* bytes: what an operation with a public key counts as */
    WORK_OF_CERTIFICATE = 4096,
};

/* ---- small things --------------------------------------------------------------------------- */

static size_t sk_count(const void *stack)
{
    int count = stack ? lib.OPENSSL_sk_num(stack) : 0;
    return count > 0 ? (size_t)count : 0;
}

static void *sk_at(const void *stack, size_t index)
{
    return index < sk_count(stack) ? lib.OPENSSL_sk_value(stack, (int)index) : NULL;
}

static void free_pkcs7(PKCS7 **p7)
{
    lib.PKCS7_free(*p7);
}

static void free_bio(BIO **bio)
{
    lib.BIO_free_all(*bio);
}

static void free_stack(OPENSSL_STACK **stack)
{
    lib.OPENSSL_sk_free(*stack);
}

static void free_signer(PKCS7_SIGNER_INFO **signer)
{
    lib.PKCS7_SIGNER_INFO_free(*signer);
}

static bool is_object(const ASN1_OBJECT *object, const char *oid)
{
    char text[64];
    int len = object ? lib.OBJ_obj2txt(text, sizeof text, object, 1) : 0;
    return len > 0 && (size_t)len < sizeof text && strcmp(text, oid) == 0;
}

static kj_span string_bytes(const ASN1_STRING *string)
{
    return string && string->length > 0 ? kj_span_of(string->data, (size_t)string->length)
                                        : (kj_span){0};
}

/* The bytes of a value that is kept as a string; empty for one that is not. */
static kj_span value_bytes(const ASN1_TYPE *value)
{
    if (!value || value->type == V_ASN1_BOOLEAN || value->type == V_ASN1_NULL ||
        value->type == V_ASN1_OBJECT)
        return (kj_span){0};
    return string_bytes(value->value.asn1_string);
}

/* The whole encoding of a SEQUENCE; empty for anything else. */
static kj_span sequence_bytes(const ASN1_TYPE *value)
{
    return value && value->type == V_ASN1_SEQUENCE ? value_bytes(value) : (kj_span){0};
}

static X509_ATTRIBUTE *find_attribute(const void *attributes, const char *oid)
{
    for (size_t i = 0; i < sk_count(attributes); i++) {
        X509_ATTRIBUTE *attribute = sk_at(attributes, i);
        if (is_object(lib.X509_ATTRIBUTE_get0_object(attribute), oid))
            return attribute;
    }
    return NULL;
}

static const ASN1_TYPE *attribute_value(X509_ATTRIBUTE *attribute, size_t index)
{
    if (!attribute || index >= VALUES_MAX || (int)index >= lib.X509_ATTRIBUTE_count(attribute))
        return NULL;
    return lib.X509_ATTRIBUTE_get0_type(attribute, (int)index);
}

static int64_t seconds_of(const ASN1_TIME *time)
{
    struct tm tm = {0};
    if (time)
        (void)lib.ASN1_TIME_to_tm(time, &tm); /* on failure it stays 0, which is in 1899 */
    return timegm(&tm);
}

static kj_span copy_text(const kj_pe_ask *ask, const char *text)
{
    return text ? kj_span_str(kj_arena_strdup(ask->arena, text)) : (kj_span){0};
}

/* NULL for an algorithm that libcrypto cannot compute. */
static const EVP_MD *digest_method(const char *name)
{
    return name ? lib.EVP_get_digestbyname(name) : NULL;
}

static size_t digest_len(const EVP_MD *method)
{
    int len = lib.EVP_MD_get_size(method);
    return len > 0 ? (size_t)len : 0;
}

static bool digest_is(const EVP_MD *method, kj_span bytes, kj_span expected)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    return lib.EVP_Digest(bytes.data, bytes.len, digest, &len, method, NULL) == 1 &&
           kj_span_equal(kj_span_of(digest, len), expected);
}

/* Reads a chain of filters to its end, which makes it compute its digests. */
static void drain(BIO *bio)
{
    char bytes[4096];
    while (lib.BIO_read(bio, bytes, sizeof bytes) > 0)
        continue;
}

/* ---- DER ------------------------------------------------------------------------------------ */

enum { DER_OCTETS = 0x04, DER_OBJECT = 0x06, DER_SEQUENCE = 0x30, DER_SLOT_0 = 0xA0 };

/* A reader over the content of the next element when that has the tag; nothing is read else. With
 * `out_whole`, the element with its header. Lengths are definite, of 4 bytes at most. */
static bool read_element(kj_reader *r, uint8_t tag, kj_reader *out, kj_span *out_whole)
{
    kj_reader at = *r;
    if (kj_read_u8(&at) != tag || !kj_reader_ok(&at))
        return false;
    size_t len = kj_read_u8(&at);
    if (len >= 0x80) {
        unsigned bytes = len & 0x7F;
        if (bytes == 0 || bytes > 4)
            return false;
        for (len = 0; bytes > 0; bytes--)
            len = len << 8 | kj_read_u8(&at);
    }
    kj_reader content = kj_read_sub(&at, len);
    if (!kj_reader_ok(&at))
        return false;
    if (out_whole)
        *out_whole = kj_span_sub(r->in, r->pos, at.pos - r->pos);
    *out = content;
    *r = at;
    return true;
}

/* DigestInfo: SEQUENCE { SEQUENCE { algorithm, ... }, digest }. */
static bool read_digest_info(kj_reader *r, kj_span *out_object, kj_span *out_digest)
{
    kj_reader info, algorithm, unused, digest;
    if (!read_element(r, DER_SEQUENCE, &info, NULL) ||
        !read_element(&info, DER_SEQUENCE, &algorithm, NULL) ||
        !read_element(&algorithm, DER_OBJECT, &unused, out_object) ||
        !read_element(&info, DER_OCTETS, &digest, NULL))
        return false;
    *out_digest = digest.in;
    return true;
}

/* SpcIndirectDataContent: SEQUENCE { SEQUENCE, DigestInfo }. */
static bool read_indirect_data(kj_span bytes, kj_span *out_object, kj_span *out_digest)
{
    kj_reader r = kj_reader_of(bytes), content, unused;
    return read_element(&r, DER_SEQUENCE, &content, NULL) &&
           read_element(&content, DER_SEQUENCE, &unused, NULL) &&
           read_digest_info(&content, out_object, out_digest);
}

/* The name of an algorithm whose object is encoded in `bytes`. */
static const char *algorithm_name(kj_span bytes)
{
    const uint8_t *at = bytes.data;
    ASN1_OBJECT *object = lib.d2i_ASN1_OBJECT(NULL, &at, (long)bytes.len);
    const char *name = object ? lib.OBJ_nid2ln(lib.OBJ_obj2nid(object)) : NULL;
    lib.ASN1_OBJECT_free(object);
    return name;
}

/* ---- certificates --------------------------------------------------------------------------- */

/* In the form /C=../O=../CN=.., a slash within a value bare. */
static kj_span name_of(const kj_pe_ask *ask, const X509_NAME *name)
{
    char text[NAME_MAX_LEN];
    if (!name || !lib.X509_NAME_oneline(name, text, sizeof text))
        return (kj_span){0};
    size_t len = 0;
    for (const char *c = text; *c; c++)
        if (c[0] != '\\' || c[1] != '/')
            text[len++] = *c;
    text[len] = '\0';
    return copy_text(ask, text);
}

/* "01:ab:..": undefined when longer than the 20 bytes that a serial number may have. */
static kj_span serial_of(const kj_pe_ask *ask, const ASN1_INTEGER *serial)
{
    enum { HEADER = 2, SERIAL_MAX = 20 };
    uint8_t der[HEADER + SERIAL_MAX];
    int len = serial ? lib.i2d_ASN1_INTEGER(serial, NULL) : 0;
    if (len <= HEADER || (size_t)len > sizeof der)
        return (kj_span){0};
    uint8_t *end = der;
    (void)lib.i2d_ASN1_INTEGER(serial, &end);
    char text[3 * SERIAL_MAX + 1] = "";
    for (int i = HEADER; i < len; i++)
        (void)snprintf(text + (size_t)3 * (size_t)(i - HEADER), 4, "%02x%s", der[i],
                       i + 1 < len ? ":" : "");
    return copy_text(ask, text);
}

static kj_span thumbprint_of(const kj_pe_ask *ask, const X509 *x509)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (lib.X509_digest(x509, lib.EVP_sha1(), digest, &len) != 1)
        return (kj_span){0};
    return kj_pe_hex(ask->arena, kj_span_of(digest, len));
}

static kj_span der_of(const kj_pe_ask *ask, const X509 *x509)
{
    int len = lib.i2d_X509(x509, NULL);
    uint8_t *der = len > 0 ? kj_arena_alloc_raw(ask->arena, (size_t)len) : NULL;
    uint8_t *end = der;
    return der && lib.i2d_X509(x509, &end) == len ? kj_span_of(der, (size_t)len) : (kj_span){0};
}

static bool add_certificate(const kj_pe_ask *ask, X509 *x509, kj_pe_certificates *out)
{
    if (out->count >= CERTIFICATES_MAX)
        return true;
    if (!kj_pe_pay(ask, WORK_OF_CERTIFICATE) ||
        !kj_pe_grow(ask->arena, &out->items, out->count, &out->capacity, sizeof *out->items))
        return false;
    int algorithm = lib.X509_get_signature_nid(x509);
    char oid[NAME_MAX_LEN] = "";
    (void)lib.OBJ_obj2txt(oid, sizeof oid, lib.OBJ_nid2obj(algorithm), 1);
    out->items[out->count++] = (kj_pe_certificate){
        .thumbprint = thumbprint_of(ask, x509),
        .issuer = name_of(ask, lib.X509_get_issuer_name(x509)),
        .subject = name_of(ask, lib.X509_get_subject_name(x509)),
        .algorithm = copy_text(ask, lib.OBJ_nid2ln(algorithm)),
        .algorithm_oid = copy_text(ask, oid),
        .serial = serial_of(ask, lib.X509_get_serialNumber(x509)),
        .version = lib.X509_get_version(x509) + 1,
        .not_before = seconds_of(lib.X509_get0_notBefore(x509)),
        .not_after = seconds_of(lib.X509_get0_notAfter(x509)),
        .der = der_of(ask, x509),
    };
    return true;
}

static bool add_certificates(const kj_pe_ask *ask, const void *stack, kj_pe_certificates *out)
{
    for (size_t i = 0; i < kj_min_size(sk_count(stack), CERTIFICATES_MAX); i++)
        if (!add_certificate(ask, sk_at(stack, i), out))
            return false;
    return true;
}

/* The certificates from `x509` up to the last whose issuer is at hand. */
static bool add_chain(const kj_pe_ask *ask, X509 *x509, STACK_OF(X509) * untrusted,
                      kj_pe_certificates *out)
{
    if (!untrusted)
        return true;
    if (!kj_pe_pay(ask, WORK_OF_CERTIFICATE * (uint64_t)sk_count(untrusted)))
        return false;
    X509_STORE *store = lib.X509_STORE_new();
    X509_STORE_CTX *ctx = lib.X509_STORE_CTX_new();
    bool ok = true;
    if (store && ctx && lib.X509_STORE_CTX_init(ctx, store, x509, untrusted) == 1) {
        (void)lib.X509_verify_cert(ctx);
        ok = add_certificates(ask, lib.X509_STORE_CTX_get0_chain(ctx), out);
    }
    lib.X509_STORE_CTX_free(ctx);
    lib.X509_STORE_free(store);
    return ok;
}

/* ---- countersignatures, PKCS #9 ------------------------------------------------------------- */

/* Whether the signer's key makes `digest` of what is signed: its value, or a DigestInfo of it. */
static bool recovers(X509 *x509, kj_span signature, kj_span digest)
{
    uint8_t clear[4096];
    size_t len = 0;
    EVP_PKEY *key = lib.X509_get0_pubkey(x509);
    EVP_PKEY_CTX *ctx = key ? lib.EVP_PKEY_CTX_new(key, NULL) : NULL;
    bool ok = ctx && lib.EVP_PKEY_verify_recover_init(ctx) == 1 &&
              lib.EVP_PKEY_verify_recover(ctx, NULL, &len, signature.data, signature.len) == 1 &&
              len <= sizeof clear &&
              lib.EVP_PKEY_verify_recover(ctx, clear, &len, signature.data, signature.len) == 1;
    lib.EVP_PKEY_CTX_free(ctx);
    if (!ok || len == digest.len)
        return ok && memcmp(clear, digest.data, digest.len) == 0;
    kj_reader r = kj_reader_of(kj_span_of(clear, len));
    kj_span object, found;
    return read_digest_info(&r, &object, &found) && kj_span_starts(found, digest);
}

/* Whether the signer signed its signed attributes. */
static bool signed_attributes(const PKCS7_SIGNER_INFO *signer, const EVP_MD *method, X509 *x509)
{
    union { /* libcrypto has the stack for a value of its own kind */
        const void *stack;
        const ASN1_VALUE *value;
    } attributes = {.stack = signer->auth_attr};
    uint8_t *der = NULL;
    int len = lib.ASN1_item_i2d(attributes.value, &der, lib.PKCS7_ATTR_VERIFY_it());
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    bool ok = len > 0 && lib.EVP_Digest(der, (size_t)len, digest, &digest_len, method, NULL) == 1 &&
              recovers(x509, string_bytes(signer->enc_digest), kj_span_of(digest, digest_len));
    lib.CRYPTO_free(der, "", 0);
    return ok;
}

/* Fills `out` as far as the signer goes; false when work or memory ran out. */
static bool read_pkcs9(const kj_pe_ask *ask, const PKCS7_SIGNER_INFO *signer,
                       STACK_OF(X509) * certificates, kj_span countersigned,
                       kj_pe_countersignature *out)
{
    const char *algorithm = lib.OBJ_nid2ln(lib.OBJ_obj2nid(signer->digest_alg->algorithm));
    out->digest_alg = copy_text(ask, algorithm);
    const ASN1_TYPE *time = attribute_value(find_attribute(signer->auth_attr, OID_SIGNING_TIME), 0);
    if (value_bytes(time).len == 0)
        return true;
    out->sign_time = seconds_of(time->value.utctime);
    X509 *x509 = lib.X509_find_by_issuer_and_serial(certificates, signer->issuer_and_serial->issuer,
                                                    signer->issuer_and_serial->serial);
    if (!x509)
        return true;
    if (!add_chain(ask, x509, certificates, &out->chain))
        return false;
    kj_span digest =
        value_bytes(attribute_value(find_attribute(signer->auth_attr, OID_MESSAGE_DIGEST), 0));
    const EVP_MD *method = digest_method(algorithm);
    if (digest.len == 0 || !method)
        return true;
    out->digest = kj_pe_hex(ask->arena, digest);
    if (!kj_pe_pay(ask, WORK_OF_KEY))
        return false;
    out->verified =
        signed_attributes(signer, method, x509) && digest_is(method, countersigned, digest);
    return true;
}

/* ---- countersignatures, Microsoft's: time stamps -------------------------------------------- */

/* A time stamp is a PKCS #7, or a CMS where that cannot be read. */
typedef struct stamp {
    PKCS7 *p7;
    CMS_ContentInfo *cms;
    STACK_OF(X509) * certificates;
    bool owns_certificates;
    TS_TST_INFO *info;
    X509 *signer;
} stamp;

static void close_stamp(stamp *s)
{
    lib.TS_TST_INFO_free(s->info);
    if (s->owns_certificates)
        lib.OPENSSL_sk_pop_free((OPENSSL_STACK *)s->certificates,
                                (OPENSSL_sk_freefunc)lib.X509_free);
    lib.CMS_ContentInfo_free(s->cms);
    lib.PKCS7_free(s->p7);
}

static bool is_signed_data(const PKCS7 *p7)
{
    return p7 && is_object(p7->type, OID_SIGNED_DATA) && p7->d.sign;
}

static X509 *signer_of(PKCS7 *p7)
{
    STACK_OF(X509) *signers = lib.PKCS7_get0_signers(p7, p7->d.sign->cert, 0);
    KJ_CLEANUP(free_stack) OPENSSL_STACK *owned = (OPENSSL_STACK *)signers;
    return sk_at(owned, 0);
}

static void open_pkcs7_stamp(stamp *s)
{
    s->info = lib.PKCS7_to_TS_TST_INFO(s->p7);
    s->certificates = s->p7->d.sign->cert;
    s->signer = signer_of(s->p7);
}

static X509 *cms_signer_of(const stamp *s)
{
    const void *signers = lib.CMS_get0_SignerInfos(s->cms);
    for (size_t i = 0; i < kj_min_size(sk_count(signers), VALUES_MAX); i++)
        for (size_t k = 0; k < kj_min_size(sk_count(s->certificates), CERTIFICATES_MAX); k++) {
            X509 *x509 = sk_at(s->certificates, k);
            if (lib.CMS_SignerInfo_cert_cmp(sk_at(signers, i), x509) == 0)
                return x509;
        }
    return NULL;
}

static void open_cms_stamp(stamp *s)
{
    ASN1_OCTET_STRING **content = lib.CMS_get0_content(s->cms);
    kj_span bytes = content ? string_bytes(*content) : (kj_span){0};
    if (!is_object(lib.CMS_get0_eContentType(s->cms), OID_TIME_STAMP) || bytes.len == 0)
        return;
    const uint8_t *at = bytes.data;
    s->info = lib.d2i_TS_TST_INFO(NULL, &at, (long)bytes.len);
    s->certificates = lib.CMS_get1_certs(s->cms);
    s->owns_certificates = true;
    s->signer = cms_signer_of(s);
}

static stamp open_stamp(kj_span der)
{
    stamp s = {0};
    const uint8_t *at = der.data;
    s.p7 = lib.d2i_PKCS7(NULL, &at, (long)der.len);
    if (is_signed_data(s.p7)) {
        open_pkcs7_stamp(&s);
    } else if (!s.p7) {
        at = der.data;
        s.cms = lib.d2i_CMS_ContentInfo(NULL, &at, (long)der.len);
        if (s.cms)
            open_cms_stamp(&s);
    }
    return s;
}

static bool verify_stamp(const stamp *s)
{
    if (lib.TS_TST_INFO_get_version(s->info) != 1)
        return false;
    KJ_CLEANUP(free_bio)
    BIO *bio = s->p7 ? lib.PKCS7_dataInit(s->p7, NULL) : lib.CMS_dataInit(s->cms, NULL);
    if (!bio)
        return false;
    drain(bio);
    if (s->cms) {
        void *signer = sk_at(lib.CMS_get0_SignerInfos(s->cms), 0);
        return signer && lib.CMS_SignerInfo_verify_content(signer, bio) == 1;
    }
    PKCS7_SIGNER_INFO *signer = sk_at(lib.PKCS7_get_signer_info(s->p7), 0);
    return signer && lib.PKCS7_signatureVerify(bio, s->p7, signer, s->signer) == 1;
}

/* Its certificates go to those of the signature, too. */
static bool read_stamp(const kj_pe_ask *ask, const stamp *s, kj_span countersigned,
                       kj_pe_certificates *all, kj_pe_countersignature *out)
{
    const ASN1_TIME *time = s->info ? lib.TS_TST_INFO_get_time(s->info) : NULL;
    if (!time)
        return true;
    out->sign_time = seconds_of(time);
    if (!s->signer)
        return true;
    if (!add_certificates(ask, s->certificates, all) ||
        !add_chain(ask, s->signer, s->certificates, &out->chain))
        return false;
    TS_MSG_IMPRINT *imprint = lib.TS_TST_INFO_get_msg_imprint(s->info);
    if (!imprint)
        return true;
    const char *algorithm =
        lib.OBJ_nid2ln(lib.OBJ_obj2nid(lib.TS_MSG_IMPRINT_get_algo(imprint)->algorithm));
    kj_span digest = string_bytes(lib.TS_MSG_IMPRINT_get_msg(imprint));
    const EVP_MD *method = digest_method(algorithm);
    out->digest_alg = copy_text(ask, algorithm);
    if (digest.len)
        out->digest = kj_pe_hex(ask->arena, digest);
    if (!kj_pe_pay(ask, WORK_OF_KEY))
        return false;
    out->verified =
        digest.len && method && digest_is(method, countersigned, digest) && verify_stamp(s);
    return true;
}

/* ---- a signature ---------------------------------------------------------------------------- */

typedef struct parse {
    const kj_pe_ask *ask;
    kj_pe_signatures *out;
} parse;

static kj_pe_countersignature *add_counter(const parse *p, size_t index)
{
    kj_pe_signature *signature = &p->out->items[index];
    if (!kj_pe_grow(p->ask->arena, &signature->counters, signature->counter_count,
                    &signature->counter_capacity, sizeof *signature->counters))
        return NULL;
    return &signature->counters[signature->counter_count++];
}

static bool read_pkcs9_counters(const parse *p, size_t index, const PKCS7 *p7,
                                const PKCS7_SIGNER_INFO *signer)
{
    X509_ATTRIBUTE *attribute = find_attribute(signer->unauth_attr, OID_COUNTERSIGNATURE);
    const ASN1_TYPE *value;
    for (size_t i = 0; (value = attribute_value(attribute, i)) != NULL; i++) {
        kj_pe_countersignature *counter = add_counter(p, index);
        if (!counter)
            return false;
        kj_span der = sequence_bytes(value);
        const uint8_t *at = der.data;
        KJ_CLEANUP(free_signer)
        PKCS7_SIGNER_INFO *by =
            der.len ? lib.d2i_PKCS7_SIGNER_INFO(NULL, &at, (long)der.len) : NULL;
        if (by &&
            !read_pkcs9(p->ask, by, p7->d.sign->cert, string_bytes(signer->enc_digest), counter))
            return false;
    }
    return true;
}

static bool read_stamps(const parse *p, size_t index, const PKCS7_SIGNER_INFO *signer)
{
    X509_ATTRIBUTE *attribute = find_attribute(signer->unauth_attr, OID_MS_COUNTER);
    const ASN1_TYPE *value;
    for (size_t i = 0; (value = attribute_value(attribute, i)) != NULL; i++) {
        kj_pe_countersignature *counter = add_counter(p, index);
        if (!counter)
            return false;
        kj_span der = sequence_bytes(value);
        if (der.len == 0)
            continue;
        KJ_CLEANUP(close_stamp) stamp s = open_stamp(der);
        if (!read_stamp(p->ask, &s, string_bytes(signer->enc_digest),
                        &p->out->items[index].certificates, counter))
            return false;
    }
    return true;
}

/* SpcSpOpusInfo: SEQUENCE { [0] { [0] name in UTF-16 or [1] in ASCII } }. */
static kj_span read_program_name(const kj_pe_ask *ask, kj_span opus)
{
    enum { SHORT_SLOT_0 = 0x80, SHORT_SLOT_1 = 0x81 };
    kj_reader r = kj_reader_of(opus), content, choice, text;
    if (!read_element(&r, DER_SEQUENCE, &content, NULL) ||
        !read_element(&content, DER_SLOT_0, &choice, NULL))
        return (kj_span){0};
    int type = V_ASN1_BMPSTRING;
    if (!read_element(&choice, SHORT_SLOT_0, &text, NULL)) {
        type = V_ASN1_IA5STRING;
        if (!read_element(&choice, SHORT_SLOT_1, &text, NULL))
            return (kj_span){0};
    }
    uint8_t *utf8 = NULL;
    union { /* it is only read */
        const uint8_t *bytes;
        uint8_t *data;
    } name = {.bytes = text.in.data};
    const ASN1_STRING string = {.type = type, .length = (int)text.in.len, .data = name.data};
    int len = lib.ASN1_STRING_to_UTF8(&utf8, &string);
    kj_span result = {0};
    if (len >= 0 && (size_t)len < opus.len)
        result = copy_text(ask, kj_arena_text(ask->arena, kj_span_of(utf8, (size_t)len)));
    lib.CRYPTO_free(utf8, "", 0);
    return result;
}

/* Whether the signer signed the content. */
static bool verify_content(PKCS7 *p7, PKCS7_SIGNER_INFO *signer, X509 *x509)
{
    kj_span content = sequence_bytes(p7->d.sign->contents->d.other);
    uint64_t version = 0;
    (void)lib.ASN1_INTEGER_get_uint64(&version, p7->d.sign->version);
    kj_reader r = kj_reader_of(content), inside;
    if (version == 1 && read_element(&r, DER_SEQUENCE, &inside, NULL))
        content = inside.in; /* the header is not part of what is signed */
    BIO *bytes = lib.BIO_new_mem_buf(content.data, (int)content.len);
    BIO *bio = bytes ? lib.PKCS7_dataInit(p7, bytes) : NULL;
    KJ_CLEANUP(free_bio) BIO *owned = bio ? bio : bytes;
    if (!bio)
        return false;
    drain(owned);
    return lib.PKCS7_signatureVerify(bio, p7, signer, x509) == 1;
}

static bool read_signer(const parse *p, size_t index, PKCS7 *p7, PKCS7_SIGNER_INFO *signer)
{
    const kj_pe_ask *ask = p->ask;
    kj_pe_signature *signature = &p->out->items[index];
    X509 *x509 = signer_of(p7);
    signature->flaw = KJ_PE_HIDDEN;
    if (!x509)
        return true;
    signature->flaw = KJ_PE_INVALID;
    if (!add_chain(ask, x509, p7->d.sign->cert, &signature->chain))
        return false;
    const ASN1_TYPE *digest =
        attribute_value(find_attribute(signer->auth_attr, OID_MESSAGE_DIGEST), 0);
    if (!digest)
        return true;
    signature->signer_digest_alg =
        copy_text(ask, lib.OBJ_nid2ln(lib.OBJ_obj2nid(signer->digest_alg->algorithm)));
    if (value_bytes(digest).len)
        signature->signer_digest = kj_pe_hex(ask->arena, value_bytes(digest));
    kj_span opus =
        sequence_bytes(attribute_value(find_attribute(signer->auth_attr, OID_OPUS_INFO), 0));
    if (opus.len)
        signature->program_name = read_program_name(ask, opus);
    if (!kj_pe_pay(ask, WORK_OF_KEY))
        return false;
    if (verify_content(p7, signer, x509))
        signature->flaw = KJ_PE_SOUND;
    return true;
}

static bool read_signature(const parse *p, kj_span der, unsigned depth);

/* Further signatures are in an attribute of the first one's signer. */
static bool read_nested(const parse *p, const PKCS7_SIGNER_INFO *signer, unsigned depth)
{
    X509_ATTRIBUTE *attribute = find_attribute(signer->unauth_attr, OID_NESTED);
    const ASN1_TYPE *value;
    for (size_t i = 0; depth < DEPTH_MAX && (value = attribute_value(attribute, i)) != NULL; i++) {
        kj_span der = sequence_bytes(value);
        if (der.len && !read_signature(p, der, depth + 1))
            return false;
    }
    return true;
}

/* The digest of the file that is signed, from the content. False: it is none of Authenticode. */
static bool read_file_digest(const kj_pe_ask *ask, const PKCS7 *p7, kj_pe_signature *out)
{
    const PKCS7 *content = p7->d.sign->contents;
    kj_span object, digest;
    if (!content || !is_object(content->type, OID_INDIRECT_DATA) ||
        !read_indirect_data(sequence_bytes(content->d.other), &object, &digest))
        return false;
    out->digest_alg = copy_text(ask, algorithm_name(object));
    if (digest.len)
        out->digest = kj_pe_hex(ask->arena, digest);
    return true;
}

/* Adds the signature and what is nested in it. False when work or memory ran out. */
static bool read_signature(const parse *p, kj_span der, unsigned depth)
{
    const kj_pe_ask *ask = p->ask;
    kj_pe_signatures *out = p->out;
    if (out->count >= SIGNATURES_MAX)
        return true;
    if (!kj_pe_pay(ask, 8 * (uint64_t)der.len) ||
        !kj_pe_grow(ask->arena, &out->items, out->count, &out->capacity, sizeof *out->items))
        return false;
    size_t index = out->count++; /* items move when more are added */
    out->items[index].flaw = KJ_PE_HIDDEN;
    const uint8_t *at = der.data;
    KJ_CLEANUP(free_pkcs7) PKCS7 *p7 = lib.d2i_PKCS7(NULL, &at, (long)der.len);
    if (!is_signed_data(p7))
        return true;
    if (!add_certificates(ask, p7->d.sign->cert, &out->items[index].certificates))
        return false;
    if (!read_file_digest(ask, p7, &out->items[index])) {
        out->items[index].flaw = KJ_PE_INVALID;
        return true;
    }
    out->items[index].has_signer = true;
    PKCS7_SIGNER_INFO *signer = sk_at(lib.PKCS7_get_signer_info(p7), 0);
    if (!signer)
        return true;
    return read_nested(p, signer, depth) && read_pkcs9_counters(p, index, p7, signer) &&
           read_stamps(p, index, signer) && read_signer(p, index, p7, signer);
}

bool kj_pe_read_authenticode(const kj_pe_ask *ask, kj_span der, kj_pe_signatures *out)
{
    const parse p = {.ask = ask, .out = out};
    kj_error err;
    kj_status status = kj_lazy_load(&library, &err);
    if (status != KJ_OK) {
        kj_module_tell_unseen(ask->input, status, "signatures need libcrypto");
        return false;
    }
    (void)lib.OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
    bool ok = read_signature(&p, der, 0);
    lib.ERR_clear_error();
    return ok;
}

/* ---- the file's digest ---------------------------------------------------------------------- */

kj_span kj_pe_file_digest(const kj_pe_ask *ask, const char *algorithm, const kj_span *parts,
                          size_t count)
{
    const EVP_MD *method = digest_method(algorithm);
    EVP_MD_CTX *ctx = method && digest_len(method) ? lib.EVP_MD_CTX_new() : NULL;
    uint8_t digest[EVP_MAX_MD_SIZE];
    bool ok = ctx && lib.EVP_DigestInit_ex(ctx, method, NULL) == 1;
    for (size_t i = 0; i < count; i++)
        ok = ok && lib.EVP_DigestUpdate(ctx, parts[i].data, parts[i].len) == 1;
    ok = ok && lib.EVP_DigestFinal_ex(ctx, digest, NULL) == 1;
    lib.EVP_MD_CTX_free(ctx);
    return ok ? kj_pe_hex(ask->arena, kj_span_of(digest, digest_len(method))) : (kj_span){0};
}
