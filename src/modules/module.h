/* SPDX-License-Identifier: Apache-2.0 */
/* Facts for conditions. One file a module, its fields one table; computed on first use. */
#pragma once

#include "formats/format.h"
#include "ir/value.h"

/* A report that a module reads instead of the object: --module-data cuckoo=FILE. */
typedef struct kj_module_data {
    kj_span module;
    kj_span bytes;
} kj_module_data;

/* What the scan gives to modules, the same for all objects. */
typedef struct kj_module_env {
    const kj_module_data *data;
    size_t data_count;
    /* Takes a line that the console module was asked to print. NULL: nobody listens. */
    void (*console)(void *user, kj_span line);
    /* Takes a sentence about why a module cannot answer for an object: a library that is missing, a
     * report that makes no sense. NULL: nobody listens. */
    void (*unseen)(void *user, kj_status why, const char *sentence);
    void *user;
    struct kj_pcre_cache *pcres; /* of this scanner: base/pcre.h. NULL: nothing is kept */
    int64_t now; /* what time.now() answers, in seconds since 1970; 0: the system's time */
} kj_module_env;

enum { KJ_MODULES_MAX = 32 };

/* What a module may look at. */
typedef struct kj_module_input {
    const kj_object *object;
    kj_arena *arena;          /* lives as long as the object's matching; values may point into it */
    const kj_module_env *env; /* NULL: nothing */
    /* KJ_MODULES_MAX slots, NULL before the first question about an object: slot `schema.id` is the
     * module's own, for what it computed already (in the arena). NULL: there are none. */
    void **states;
} kj_module_input;

typedef struct kj_module {
    kj_schema schema;
    /* The value of a field; undefined for what the object does not have, for an index past the end
     * and for an id the module does not know. */
    kj_value (*get)(const kj_module_input *input, uint16_t field, const kj_field_call *call);
    bool takes_report; /* whether --module-data makes sense for it */
} kj_module;

/* Whether the arguments have the types that `params` says, letters as in kj_field (NULL: none):
 * code that is damaged may pass anything. */
bool kj_call_fits(const kj_field_call *call, const char *params);

/* The row of a field that is no constant; NULL: the module has none of that number. */
const kj_field *kj_module_row(const kj_module *module, uint16_t field);

/* Tells why the module cannot answer for this object. */
void kj_module_tell_unseen(const kj_module_input *input, kj_status why, const char *sentence);

/* The module's state for this object: zeroed when it is new. NULL without memory. */
void *kj_module_state(const kj_module_input *input, const kj_module *module, size_t size);

/* The report given for a module; empty: none. */
kj_span kj_module_report(const kj_module_input *input, const kj_module *module);

extern const kj_module kj_module_kujo;
extern const kj_module kj_module_math;
extern const kj_module kj_module_hash;
extern const kj_module kj_module_string;
extern const kj_module kj_module_time;
extern const kj_module kj_module_console;
extern const kj_module kj_module_magic;
extern const kj_module kj_module_cuckoo;
extern const kj_module kj_module_androguard;
extern const kj_module kj_module_pe;
extern const kj_module kj_module_elf;
extern const kj_module kj_module_macho;
extern const kj_module kj_module_dex;
extern const kj_module kj_module_dotnet;
extern const kj_module kj_module_lnk;
extern const kj_module kj_module_clamav;

/* All modules. */
extern const kj_module *const kj_modules[];
extern const size_t kj_module_count;

/* Pointers to the schemas of all modules, for the rule compiler. */
const kj_schema *const *kj_module_schemas(size_t *out_count);

/* A field by schema id << 16 | field id. */
kj_value kj_module_get(const kj_module_input *input, const kj_field_call *call);
