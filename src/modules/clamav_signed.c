/* SPDX-License-Identifier: Apache-2.0 */
/* Module `clamav`: what signatures for certificates (.crb) ask about the signatures of a program.
 *
 * A certificate that is blocked counts wherever it stands in a signature, whether anything verifies
 * or not: nobody claims to be somebody bad. One that is trusted counts when all of this holds:
 *
 *     - the certificates end the file and nothing but zeros follows the signature in them: what the
 *       digest of the file does not cover could be anything
 *     - the digest is the file's, and the signer signed it
 *     - the signer's certificate is for signing code, and each further one may sign certificates
 *     - each certificate, up to the trusted one, was signed by the next one's key, and was valid
 *       when a time stamp says it was signed, or else is valid now
 *
 * clamscan asks neither whether certificates may sign others nor what follows a signature. Whom a
 * time stamp is from is not looked at here. */
#include "modules/clamav.h"

#include "base/arith.h"
#include "base/text.h"
#include "modules/pe_keys.h"
#include "modules/pe_module.h"

#include <time.h>

enum {
    USAGE_CODE = 1 << 0,
    USAGE_CERTIFICATES = 1 << 2,
    MODULUS_MAX = 1024,
    CHAIN_MAX = 16,
    WORK_OF_CERTIFICATE = 4096, /* bytes: what reading one counts as */
    WORK_OF_KEY = 1 << 20,      /* what an operation with a public key does */
};

/* A certificate, and who else is in its signature. */
struct link {
    const kj_pe_certificate *certificate;
    kj_pe_key key;
};

/* From a signer up, as far as signatures are real. */
struct chain {
    struct link links[CHAIN_MAX];
    size_t count;
};

struct kj_clamav_chain {
    struct link *all; /* certificates of all signatures */
    size_t all_count;
    struct chain *chains; /* of signatures that hold */
    size_t chain_count;
};

/* ---- reading -------------------------------------------------------------------------------- */

static bool read_link(const kj_clamav_ask *ask, const kj_pe_certificate *certificate,
                      struct link *out)
{
    out->certificate = certificate;
    return kj_clamav_pay(ask, WORK_OF_CERTIFICATE) &&
           kj_pe_read_key(certificate->der, ask->input->arena, &out->key);
}

/* When the signature was made, as far as anybody says; else now. */
static int64_t time_of(const kj_clamav_ask *ask, const kj_pe_signature *signature)
{
    for (size_t i = 0; i < signature->counter_count; i++) {
        const kj_pe_countersignature *stamp = &signature->counters[i];
        struct link by;
        if (stamp->verified && stamp->chain.count > 0 &&
            read_link(ask, &stamp->chain.items[0], &by) && by.key.signs_time)
            return stamp->sign_time;
    }
    const kj_module_env *env = ask->input->env;
    return env && env->now != 0 ? env->now : (int64_t)time(NULL);
}

static bool is_valid_at(const kj_pe_certificate *certificate, int64_t when)
{
    return when >= certificate->not_before && when <= certificate->not_after;
}

/* Adds links up to the first that is not what it has to be. */
static void read_chain(const kj_clamav_ask *ask, const kj_pe_signature *signature,
                       struct chain *out)
{
    const kj_pe_certificates *from = &signature->chain;
    int64_t when = time_of(ask, signature);
    for (size_t i = 0; i < kj_min_size(from->count, CHAIN_MAX); i++) {
        const kj_pe_certificate *certificate = &from->items[i];
        struct link *next = &out->links[i];
        if (!is_valid_at(certificate, when) || !read_link(ask, certificate, next) ||
            (i == 0 && !(next->key.signs_code && next->key.may_sign)))
            return;
        if (i > 0 && (!kj_clamav_pay(ask, WORK_OF_KEY) ||
                      !kj_pe_is_issued_by(from->items[i - 1].der, certificate->der)))
            return;
        out->count++;
        if (i > 0 && !next->key.is_authority)
            return; /* it may be trusted itself, but goes no further */
    }
}

/* Whether the table of certificates ends the file, with nothing unknown in it. */
static bool is_covered(const kj_clamav_ask *ask, const kj_pe *pe)
{
    enum { HEADER_LEN = 8, PADDING_MAX = 7 };
    kj_pe_directory table = pe->directories[KJ_PE_CERTIFICATES];
    if ((uint64_t)table.rva + table.len != ask->bytes.len)
        return false;
    kj_reader r = kj_reader_of(ask->bytes);
    kj_seek(&r, table.rva);
    uint32_t len = kj_read_u32le(&r);
    kj_skip(&r, HEADER_LEN - 4);
    kj_skip(&r, 1); /* SEQUENCE */
    size_t inside = kj_read_u8(&r);
    for (size_t i = inside & 0x80 ? inside & 0x7F : 0, value = 0; i > 0; i--)
        inside = value = value << 8 | kj_read_u8(&r);
    kj_skip(&r, inside);
    if (!kj_reader_ok(&r) || len > table.len || kj_reader_left(&r) > PADDING_MAX)
        return false;
    while (kj_reader_left(&r) > 0)
        if (kj_read_u8(&r) != 0)
            return false;
    return true;
}

static bool read_all(const kj_clamav_ask *ask, const kj_pe_signatures *from,
                     struct kj_clamav_chain *out)
{
    size_t count = 0;
    for (size_t i = 0; i < from->count; i++)
        count += from->items[i].certificates.count;
    out->all = kj_new_array(ask->input->arena, struct link, count);
    if (!out->all)
        return false;
    for (size_t i = 0; i < from->count; i++) {
        const kj_pe_certificates *list = &from->items[i].certificates;
        for (size_t k = 0; k < list->count; k++)
            out->all_count += read_link(ask, &list->items[k], &out->all[out->all_count]);
    }
    return true;
}

static bool read_chains(const kj_clamav_ask *ask, const kj_pe_signatures *from,
                        struct kj_clamav_chain *out)
{
    out->chains = kj_new_array(ask->input->arena, struct chain, from->count);
    if (!out->chains)
        return false;
    for (size_t i = 0; i < from->count; i++)
        if (from->items[i].verified)
            read_chain(ask, &from->items[i], &out->chains[out->chain_count++]);
    return true;
}

/* NULL: the program is not signed. */
static struct kj_clamav_chain *read_signatures(const kj_clamav_ask *ask)
{
    const kj_module_input *input = ask->input;
    const kj_pe_ask pe = kj_pe_ask_of(input, ask->call, ask->bytes);
    struct kj_clamav_chain *out = kj_new(input->arena, struct kj_clamav_chain);
    if (!out || input->object->view || !pe.state || !kj_pe_need(&pe, KJ_PE_PART_HEADERS) ||
        !pe.state->is_pe || pe.state->pe.directories[KJ_PE_CERTIFICATES].rva == 0 ||
        !kj_pe_need(&pe, KJ_PE_PART_SIGNATURES) || pe.state->signatures.count == 0)
        return NULL;
    const kj_pe_signatures *signatures = &pe.state->signatures;
    if (!read_all(ask, signatures, out))
        return NULL;
    if (is_covered(ask, &pe.state->pe) && !read_chains(ask, signatures, out))
        return NULL;
    return out;
}

/* ---- questions ------------------------------------------------------------------------------ */

/* A row of a .crb. */
struct row {
    uint8_t subject[KJ_PE_SHA1_LEN];
    uint8_t serial[KJ_PE_SHA1_LEN];
    bool any_serial;
    uint8_t modulus[MODULUS_MAX];
    size_t modulus_len;
};

static bool decode(kj_span hex, size_t max, uint8_t *out)
{
    return hex.len <= 2 * max && kj_hex_decode(hex, out);
}

static bool read_row(const kj_value *args, struct row *out)
{
    kj_span modulus = args[2].text;
    out->any_serial = args[1].text.len == 0;
    out->modulus_len = modulus.len / 2;
    return args[0].text.len == 2 * KJ_PE_SHA1_LEN &&
           decode(args[0].text, sizeof out->subject, out->subject) &&
           (out->any_serial || args[1].text.len == 2 * KJ_PE_SHA1_LEN) &&
           decode(args[1].text, sizeof out->serial, out->serial) &&
           decode(modulus, sizeof out->modulus, out->modulus);
}

static kj_span modulus_of(const struct row *row)
{
    size_t zeros = 0;
    while (zeros < row->modulus_len && row->modulus[zeros] == 0)
        zeros++;
    return kj_span_of(row->modulus + zeros, row->modulus_len - zeros);
}

static bool is_row(const kj_pe_key *key, const struct row *row)
{
    return memcmp(key->subject, row->subject, sizeof row->subject) == 0 &&
           (row->any_serial || memcmp(key->serial, row->serial, sizeof row->serial) == 0) &&
           key->modulus.len > 0 && kj_span_equal(key->modulus, modulus_of(row));
}

/* The row's certificate need not be in the file: its key says enough. */
static bool is_issued_by_row(const kj_clamav_ask *ask, const struct link *last,
                             const struct row *row)
{
    return memcmp(last->key.issuer, row->subject, sizeof row->subject) == 0 &&
           kj_clamav_pay(ask, WORK_OF_KEY) &&
           kj_pe_is_signed_with(last->certificate->der, modulus_of(row));
}

static bool leads_to(const kj_clamav_ask *ask, const struct chain *chain, const struct row *row)
{
    for (size_t i = 0; i < chain->count; i++) {
        const struct link *at = &chain->links[i];
        if (is_row(&at->key, row))
            return true;
        if (i > 0 && !at->key.is_authority)
            return false;
        if (is_issued_by_row(ask, at, row))
            return true;
    }
    return false;
}

static bool is_signed_by(const kj_clamav_ask *ask, const struct kj_clamav_chain *chains,
                         const struct row *row)
{
    int64_t wanted = USAGE_CODE | USAGE_CERTIFICATES;
    if ((ask->args[3].integer & wanted) != wanted)
        return false;
    for (size_t i = 0; i < chains->chain_count; i++)
        if (leads_to(ask, &chains->chains[i], row))
            return true;
    return false;
}

static bool has_certificate(const struct kj_clamav_chain *chains, const struct row *row)
{
    for (size_t i = 0; i < chains->all_count; i++)
        if (is_row(&chains->all[i].key, row))
            return true;
    return false;
}

kj_value kj_clamav_answer_signed(const kj_clamav_ask *ask)
{
    kj_clamav_state *state = ask->state;
    if (!state->chains_read)
        state->chains = read_signatures(ask);
    state->chains_read = true;
    struct row row;
    if (!state->chains || !read_row(ask->args, &row))
        return kj_value_bool(false);
    return kj_value_bool(ask->field == KJ_CVF_SIGNED_BY ? is_signed_by(ask, state->chains, &row)
                                                        : has_certificate(state->chains, &row));
}
