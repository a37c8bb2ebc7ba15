/* SPDX-License-Identifier: Apache-2.0 */
/* The `pe` module: signatures. The certificate directory gives an offset in the file; there:
 * length, revision, type, PKCS #7. libyara reads the first of such entries, where signatures are
 * nested. */
#include "modules/pe_authenticode.h"

#include "base/arith.h"

enum {
    HEADER_LEN = 8,        /* of an entry of the certificate table */
    CHECKSUM_AT = 88,      /* from "PE\0\0" on */
    CERTIFICATES_AT = 152, /* the directory; 16 more in programs of 64 bits */
    DIRECTORY_LEN = 8,
    ALGORITHMS_MAX = 8, /* whose digest of the file is kept */
};

/* What is signed: all up to the certificates but the checksum and their directory. False when they
 * lie within the headers. */
static bool find_signed(const kj_pe_ask *ask, kj_span out[3])
{
    const kj_pe *pe = &ask->state->pe;
    uint64_t end = pe->directories[KJ_PE_CERTIFICATES].rva;
    uint64_t checksum = (uint64_t)pe->offset + CHECKSUM_AT;
    uint64_t directory = (uint64_t)pe->offset + CERTIFICATES_AT + (pe->is64 ? 16 : 0);
    const uint64_t ranges[3][2] = {
        {0, checksum}, {checksum + 4, directory}, {directory + DIRECTORY_LEN, end}};
    if (end < directory + DIRECTORY_LEN)
        return false;
    for (size_t i = 0; i < 3; i++)
        out[i] =
            kj_span_sub(ask->bytes, (size_t)ranges[i][0], (size_t)(ranges[i][1] - ranges[i][0]));
    return true;
}

typedef struct digests {
    kj_span algorithms[ALGORITHMS_MAX];
    kj_span values[ALGORITHMS_MAX];
    size_t count;
} digests;

/* The file's digest by an algorithm, which is computed once. NULL data: it cannot be. */
static kj_span digest_by(const kj_pe_ask *ask, digests *known, kj_span algorithm,
                         const kj_span parts[3])
{
    for (size_t i = 0; i < known->count; i++)
        if (kj_span_equal(known->algorithms[i], algorithm))
            return known->values[i];
    char *name = kj_arena_text(ask->arena, algorithm);
    if (!name || !kj_pe_pay(ask, ask->bytes.len))
        return (kj_span){0};
    kj_span value = kj_pe_file_digest(ask, name, parts, 3);
    if (known->count < ALGORITHMS_MAX) {
        known->algorithms[known->count] = algorithm;
        known->values[known->count++] = value;
    }
    return value;
}

/* A digest that is not the file's makes an invalid signature of anything that has one. */
static void compare_digest(kj_pe_signature *signature, kj_span digest)
{
    if (!signature->digest.data || !digest.data) {
        signature->flaw = signature->flaw == KJ_PE_SOUND ? KJ_PE_INVALID : signature->flaw;
        return;
    }
    signature->file_digest = digest;
    if (!kj_span_starts(signature->digest, digest))
        signature->flaw = KJ_PE_INVALID;
}

static void compare_digests(const kj_pe_ask *ask, kj_pe_signatures *signatures)
{
    kj_span parts[3];
    digests known = {0};
    bool found = find_signed(ask, parts);
    for (size_t i = 0; i < signatures->count; i++) {
        kj_pe_signature *signature = &signatures->items[i];
        if (!found)
            signature->flaw = signature->flaw == KJ_PE_SOUND ? KJ_PE_HIDDEN : signature->flaw;
        else
            compare_digest(signature, signature->digest_alg.data
                                          ? digest_by(ask, &known, signature->digest_alg, parts)
                                          : (kj_span){0});
    }
}

/* Leaves those that libyara lists. */
static void list_signatures(kj_pe_signatures *signatures)
{
    size_t listed = 0;
    for (size_t i = 0; i < signatures->count; i++) {
        kj_pe_signature signature = signatures->items[i];
        if (signature.flaw == KJ_PE_HIDDEN)
            continue;
        signature.verified = signature.flaw == KJ_PE_SOUND;
        signatures->verified |= signature.verified;
        signatures->items[listed++] = signature;
    }
    signatures->count = listed;
}

/* The PKCS #7; empty: there is none. */
static kj_span find_pkcs7(const kj_pe_ask *ask)
{
    kj_pe_directory directory = ask->state->pe.directories[KJ_PE_CERTIFICATES];
    uint32_t end = directory.rva + directory.len; /* wraps, as in libyara */
    if (directory.rva == 0 || directory.rva > ask->bytes.len || directory.len > ask->bytes.len ||
        end > ask->bytes.len || directory.len < HEADER_LEN)
        return (kj_span){0};
    kj_reader r = kj_pe_reader(ask, directory.rva);
    uint32_t len = kj_read_u32le(&r);
    if (len <= HEADER_LEN || len - HEADER_LEN > INT32_MAX || !kj_pe_fits(ask, directory.rva, len))
        return (kj_span){0};
    return kj_span_sub(ask->bytes, (size_t)directory.rva + HEADER_LEN, len - HEADER_LEN);
}

bool kj_pe_read_signatures(const kj_pe_ask *ask)
{
    kj_pe_signatures *signatures = &ask->state->signatures;
    kj_span der = find_pkcs7(ask);
    if (der.len == 0)
        return true;
    if (!kj_pe_read_authenticode(ask, der, signatures))
        return false;
    compare_digests(ask, signatures);
    list_signatures(signatures);
    return true;
}

/* ---- answers -------------------------------------------------------------------------------- */

static kj_value answer_certificate(const kj_pe_certificate *certificate, unsigned what)
{
    switch (what) {
    case KJ_PE_THUMBPRINT:
        return kj_pe_text_value(certificate->thumbprint);
    case KJ_PE_ISSUER:
        return kj_pe_text_value(certificate->issuer);
    case KJ_PE_SUBJECT:
        return kj_pe_text_value(certificate->subject);
    case KJ_PE_VERSION:
        return kj_value_int(certificate->version);
    case KJ_PE_ALGORITHM:
        return kj_pe_text_value(certificate->algorithm);
    case KJ_PE_ALGORITHM_OID:
        return kj_pe_text_value(certificate->algorithm_oid);
    case KJ_PE_SERIAL:
        return kj_pe_text_value(certificate->serial);
    case KJ_PE_NOT_BEFORE:
        return kj_value_int(certificate->not_before);
    default:
        return kj_value_int(certificate->not_after);
    }
}

/* The n-th argument says which of the list. */
static kj_value answer_listed(const kj_pe_ask *ask, const kj_pe_certificates *list, size_t n,
                              uint16_t first)
{
    size_t index;
    if (!kj_pe_index(ask, n, list->count, &index))
        return kj_value_undefined();
    return answer_certificate(&list->items[index], ask->field - (unsigned)first);
}

static kj_value answer_counter(const kj_pe_ask *ask, const kj_pe_countersignature *counter)
{
    switch (ask->field) {
    case KJ_PEF_COUNTERSIGNATURES_VERIFIED:
        return kj_value_int(counter->verified);
    case KJ_PEF_COUNTERSIGNATURES_TIME:
        return kj_value_int(counter->sign_time);
    case KJ_PEF_COUNTERSIGNATURES_DIGEST_ALG:
        return kj_pe_text_value(counter->digest_alg);
    case KJ_PEF_COUNTERSIGNATURES_DIGEST:
        return kj_pe_text_value(counter->digest);
    case KJ_PEF_COUNTERSIGNATURES_CHAIN_LENGTH:
    case KJ_PEF_COUNTERSIGNATURES_CHAIN:
        return kj_value_int((int64_t)counter->chain.count);
    default:
        return answer_listed(ask, &counter->chain, 2, KJ_PEF_COUNTER_CHAIN_CERTIFICATE);
    }
}

/* Those of the signer's certificate stand for the signature itself: rules were written so before
 * there were more. */
static kj_value answer_signer(const kj_pe_ask *ask, const kj_pe_signature *signature)
{
    if (signature->chain.count == 0)
        return kj_value_undefined();
    const kj_pe_certificate *certificate = &signature->chain.items[0];
    if (ask->field != KJ_PEF_VALID_ON)
        return answer_certificate(certificate, ask->field - KJ_PEF_SIGNATURES_CERTIFICATE);
    int64_t time = ask->args[1].integer;
    return kj_value_int(time >= certificate->not_before && time <= certificate->not_after);
}

static kj_value answer_numbers(const kj_pe_signature *signature, uint16_t field)
{
    switch (field) {
    case KJ_PEF_SIGNATURES_VERIFIED:
        return kj_value_int(signature->verified);
    case KJ_PEF_SIGNATURES_CERTIFICATE_COUNT:
    case KJ_PEF_SIGNATURES_CERTIFICATES:
        return kj_value_int((int64_t)signature->certificates.count);
    case KJ_PEF_SIGNER_CHAIN_LENGTH:
        return signature->has_signer ? kj_value_int((int64_t)signature->chain.count)
                                     : kj_value_undefined();
    case KJ_PEF_SIGNER_CHAIN:
        return kj_value_int((int64_t)signature->chain.count);
    default:
        return kj_value_int((int64_t)signature->counter_count);
    }
}

static kj_value answer_signature(const kj_pe_ask *ask, const kj_pe_signature *signature)
{
    size_t counter;
    switch (ask->field) {
    case KJ_PEF_SIGNATURES_DIGEST_ALG:
        return kj_pe_text_value(signature->digest_alg);
    case KJ_PEF_SIGNATURES_DIGEST:
        return kj_pe_text_value(signature->digest);
    case KJ_PEF_SIGNATURES_FILE_DIGEST:
        return kj_pe_text_value(signature->file_digest);
    case KJ_PEF_SIGNER_PROGRAM_NAME:
        return kj_pe_text_value(signature->program_name);
    case KJ_PEF_SIGNER_DIGEST:
        return kj_pe_text_value(signature->signer_digest);
    case KJ_PEF_SIGNER_DIGEST_ALG:
        return kj_pe_text_value(signature->signer_digest_alg);
    default:
        break;
    }
    if (ask->field <= KJ_PEF_COUNTERSIGNATURES)
        return answer_numbers(signature, ask->field);
    bool of_counter = ask->field <= KJ_PEF_COUNTERSIGNATURES_CHAIN ||
                      ask->field >= KJ_PEF_COUNTER_CHAIN_CERTIFICATE;
    if (of_counter)
        return kj_pe_index(ask, 1, signature->counter_count, &counter)
                   ? answer_counter(ask, &signature->counters[counter])
                   : kj_value_undefined();
    if (ask->field >= KJ_PEF_CHAIN_CERTIFICATE)
        return answer_listed(ask, &signature->chain, 1, KJ_PEF_CHAIN_CERTIFICATE);
    if (ask->field >= KJ_PEF_CERTIFICATES_CERTIFICATE)
        return answer_listed(ask, &signature->certificates, 1, KJ_PEF_CERTIFICATES_CERTIFICATE);
    return answer_signer(ask, signature);
}

kj_value kj_pe_answer_signatures(const kj_pe_ask *ask)
{
    const kj_pe_signatures *signatures = &ask->state->signatures;
    size_t index;
    if (ask->field == KJ_PEF_IS_SIGNED)
        return kj_value_int(signatures->verified);
    if (ask->field <= KJ_PEF_SIGNATURES)
        return kj_value_int((int64_t)signatures->count);
    return kj_pe_index(ask, 0, signatures->count, &index)
               ? answer_signature(ask, &signatures->items[index])
               : kj_value_undefined();
}
