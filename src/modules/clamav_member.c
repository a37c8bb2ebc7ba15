/* SPDX-License-Identifier: Apache-2.0 */
/* Module `clamav`: what signatures for containers (.cdb) ask about the members of one. */
#include "modules/clamav.h"

#include "base/cleanup.h"
#include "base/pcre.h"

enum {
    WORK_OF_MEMBER = 64, /* bytes */
    ANY = -1,
};

/* The arguments; pairs are the least and the most. */
enum {
    ARG_NAME,
    ARG_CONTAINER,
    ARG_PACKED,
    ARG_SIZE = ARG_PACKED + 2,
    ARG_ENCRYPTED = ARG_SIZE + 2,
    ARG_POSITION,
    ARG_CRC = ARG_POSITION + 2,
};

/* ---- one member ----------------------------------------------------------------------------- */

static bool is_between(const kj_clamav_ask *ask, size_t arg, uint64_t number)
{
    int64_t least = ask->args[arg].integer, most = ask->args[arg + 1].integer;
    return (least <= 0 || number >= (uint64_t)least) && most >= 0 && number <= (uint64_t)most;
}

/* A size that the container does not say is 0, and fits where a huge one does. */
static bool fits_packed_size(const kj_clamav_ask *ask, const kj_member *member)
{
    static const uint64_t HUGE_SIZE = UINT64_C(1) << 62;
    bool is_known = member->packed_size > 0 || member->size == 0;
    return is_between(ask, ARG_PACKED, is_known ? member->packed_size : HUGE_SIZE);
}

/* Other numbers that a container does not say are 0. */
static bool fits_numbers(const kj_clamav_ask *ask, const kj_member *member)
{
    int64_t encrypted = ask->args[ARG_ENCRYPTED].integer, crc = ask->args[ARG_CRC].integer;
    bool is_encrypted = member->flags & KJ_MEMBER_ENCRYPTED;
    return is_between(ask, ARG_SIZE, member->size) && fits_packed_size(ask, member) &&
           is_between(ask, ARG_POSITION, member->position) &&
           (encrypted == ANY || is_encrypted == (encrypted != 0)) &&
           (crc == ANY || (member->has_crc && member->crc == crc));
}

static bool fits_name(const kj_clamav_ask *ask, kj_pcre *pcre, kj_span name)
{
    kj_clamav_effort effort = kj_clamav_effort_for(ask, name.len);
    kj_pcre_match match = {0};
    const kj_pcre_search search = {
        .subject = name, .last_start = SIZE_MAX, .pay = kj_clamav_pay_steps, .user = &effort};
    return kj_clamav_pay(ask, name.len) && kj_pcre_find(pcre, &search, &match, NULL) == KJ_OK &&
           match.found;
}

static bool fits_a_name(const kj_clamav_ask *ask, kj_pcre *pcre, const kj_member *member)
{
    bool fits = !pcre || fits_name(ask, pcre, member->name);
    for (size_t i = 0; i < member->name_count && !fits; i++)
        fits = fits_name(ask, pcre, member->names[i]);
    return fits;
}

/* ---- answers -------------------------------------------------------------------------------- */

/* What one compressed stream holds is no member: nothing lists it. */
static bool is_listed(const kj_object *object)
{
    return object->member_count > 0 &&
           (object->claims.count == 0 || object->claims.formats[0]->kind != KJ_KIND_COMPRESSED);
}

static bool has_container_type(const kj_clamav_ask *ask)
{
    kj_span type = ask->args[ARG_CONTAINER].text;
    return type.len == 0 || kj_span_is(type, "CL_TYPE_ANY") ||
           kj_clamav_is_type(ask->input->object, type);
}

/* The first member whose numbers fit, from *at on; NULL: there is none. */
static const kj_member *next_candidate(const kj_clamav_ask *ask, size_t *at)
{
    const kj_object *object = ask->input->object;
    while (*at < object->member_count && kj_clamav_pay(ask, WORK_OF_MEMBER)) {
        const kj_member *member = &object->members[(*at)++];
        if (fits_numbers(ask, member))
            return member;
    }
    return NULL;
}

static bool compile(const kj_clamav_ask *ask, kj_span pattern, kj_pcre **out, kj_pcre **out_own)
{
    if (!kj_clamav_pay(ask, KJ_WORK_OF_PCRE))
        return false;
    kj_status status = kj_clamav_pcre(ask, pattern, KJ_PCRE_POSIX, out, out_own);
    if (status != KJ_OK)
        kj_module_tell_unseen(
            ask->input, status,
            KJ_SENTENCE("a signature's regular expression for names cannot be used"));
    return status == KJ_OK;
}

/* The pattern is compiled when a member's numbers fit. */
static bool has_member(const kj_clamav_ask *ask)
{
    KJ_CLEANUP(kj_pcre_done) kj_pcre *own = NULL;
    kj_pcre *pcre = NULL;
    kj_span pattern = ask->args[ARG_NAME].text;
    size_t at = 0;
    const kj_member *member = next_candidate(ask, &at);
    if (!member)
        return false;
    if (pattern.len > 0 && !compile(ask, pattern, &pcre, &own))
        return false;
    for (; member; member = next_candidate(ask, &at))
        if (fits_a_name(ask, pcre, member))
            return true;
    return false;
}

kj_value kj_clamav_answer_member(const kj_clamav_ask *ask)
{
    if (ask->field == KJ_CVF_HAS_MEMBERS)
        return kj_value_bool(is_listed(ask->input->object));
    return kj_value_bool(is_listed(ask->input->object) && has_container_type(ask) &&
                         has_member(ask));
}
