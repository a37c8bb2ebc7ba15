/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the `clamav` module share: field numbers, what they compute about an object,
 * and the question at hand. The facts are those that ClamAV's signatures ask for, found out from
 * its documentation and by asking clamscan; docs/formats/clamav-module.md says what they are. */
#pragma once

#include "base/pcre.h"
#include "formats/pe.h"
#include "modules/module.h"

/* Numbers are part of the definitions format: never reuse one. */
enum kj_clamav_field {
    KJ_CVF_TARGET = 1,
    KJ_CVF_CONTAINER = 2,
    KJ_CVF_INTERMEDIATES = 3,
    KJ_CVF_HAS_MEMBERS = 4,
    KJ_CVF_MEMBER = 5,
    KJ_CVF_SIZE = 6,
    KJ_CVF_ENTRY_POINT = 10,
    KJ_CVF_SECTIONS = 11,
    KJ_CVF_SECTION_START = 12,
    KJ_CVF_SECTION_SIZE = 13,
    KJ_CVF_IS_PROGRAM = 14,
    KJ_CVF_VERSIONS = 15,
    KJ_CVF_VERSION = 16,
    KJ_CVF_NUMBER = 20,
    KJ_CVF_REGEX = 21,
    KJ_CVF_SIGNED_BY = 30,
    KJ_CVF_HAS_CERTIFICATE = 31,
};

/* ---- what an object is (clamav_types.c) ---------------------------------------------------- */

/* Whether signatures for that target type (0 to 14) look at the object in its present view. */
bool kj_clamav_is_target(const kj_object *object, int64_t target);

/* Whether the object is of a CL_TYPE ("CL_TYPE_ZIP"). */
bool kj_clamav_is_type(const kj_object *object, kj_span type);

/* Has the object claimed by the first format of that type. False: it was, or there is none. */
bool kj_clamav_claim(kj_object *object, kj_span type);

/* Whether what the object is in is of that type; CL_TYPE_ANY: it is in nothing. */
bool kj_clamav_is_in(const kj_object *object, kj_span type);

/* Whether what the object is in is of those types, "CL_TYPE_TAR>CL_TYPE_ZIP", the outermost first;
 * CL_TYPE_ANY is any. */
bool kj_clamav_is_inside(const kj_object *object, kj_span types);

/* ---- programs (clamav_program.c) ----------------------------------------------------------- */

typedef struct kj_clamav_range {
    uint64_t start; /* file offset */
    uint64_t size;
} kj_clamav_range;

/* The header of a program in a file. */
typedef struct kj_clamav_program {
    bool is_read;
    bool is_program; /* it has a header that can be read */
    bool has_entry;
    bool has_versions; /* `versions` are known */
    uint64_t entry;    /* file offset */
    kj_clamav_range *sections;
    size_t section_count;
    uint64_t *versions; /* file offsets, rising */
    size_t version_count;
} kj_clamav_program;

/* What the module knows of an object already. */
typedef struct kj_clamav_state {
    kj_clamav_program program;
    struct kj_clamav_chain *chains; /* of clamav_signed.c */
    bool chains_read;
} kj_clamav_state;

/* ---- a question ----------------------------------------------------------------------------- */

typedef struct kj_clamav_ask {
    uint16_t field;
    const kj_value *args; /* as many, and of such types, as the field's row says */
    const kj_field_call *call;
    const kj_module_input *input;
    kj_span bytes; /* of the object's present view */
    kj_clamav_state *state;
} kj_clamav_ask;

static inline bool kj_clamav_pay(const kj_clamav_ask *ask, uint64_t bytes)
{
    return !ask->call->pay || ask->call->pay(ask->call, bytes);
}

/* What a search by regular expression may take. */
typedef struct kj_clamav_effort {
    const kj_clamav_ask *ask;
    uint64_t left; /* steps */
    bool spent;    /* there were not enough of them */
} kj_clamav_effort;

/* As much as ordinary patterns take, many times over. */
kj_clamav_effort kj_clamav_effort_for(const kj_clamav_ask *ask, uint64_t bytes);

/* kj_pcre_search.pay: `user` is the effort. */
bool kj_clamav_pay_steps(void *user, uint64_t steps);

enum { KJ_WORK_OF_PCRE = 64 << 10 }; /* bytes: what compiling a pattern counts as */

/* A compiled pattern, of the scanner's cache; without one it is *out_own, too, for the caller to
 * free. */
KJ_MUST_CHECK kj_status kj_clamav_pcre(const kj_clamav_ask *ask, kj_span pattern, unsigned options,
                                       kj_pcre **out, kj_pcre **out_own);

kj_value kj_clamav_answer_program(const kj_clamav_ask *ask);
kj_value kj_clamav_answer_member(const kj_clamav_ask *ask);
kj_value kj_clamav_answer_number(const kj_clamav_ask *ask);
kj_value kj_clamav_answer_regex(const kj_clamav_ask *ask);
kj_value kj_clamav_answer_signed(const kj_clamav_ask *ask);
