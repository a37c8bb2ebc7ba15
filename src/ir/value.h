/* SPDX-License-Identifier: Apache-2.0 */
/* The values that conditions compute with, and the tables by which modules say what they know. */
#pragma once

#include "base/span.h"

typedef enum kj_type {
    KJ_TYPE_UNDEFINED, /* as a value: unknown; spreads as YARA's manual says */
    KJ_TYPE_BOOL,
    KJ_TYPE_INT,  /* int64_t; wraps at run time */
    KJ_TYPE_REAL, /* double */
    KJ_TYPE_STRING,
    KJ_TYPE_REGEX, /* only the right side of `matches` and arguments of functions; as a value: the
                      pattern's index in `integer` */
    KJ_TYPE_ARRAY, /* only rows of a module's table that say how many elements there are */
    KJ_TYPE_DICT,
    KJ_TYPE_COUNT
} kj_type;

typedef struct kj_value {
    kj_type type;
    union {
        int64_t integer; /* also bool: 0 or 1 */
        double real;
        kj_span text; /* whoever made the value owns the bytes */
    };
} kj_value;

static inline kj_value kj_value_undefined(void)
{
    return (kj_value){.type = KJ_TYPE_UNDEFINED};
}

static inline kj_value kj_value_bool(bool value)
{
    return (kj_value){.type = KJ_TYPE_BOOL, .integer = value};
}

static inline kj_value kj_value_int(int64_t value)
{
    return (kj_value){.type = KJ_TYPE_INT, .integer = value};
}

static inline kj_value kj_value_real(double value)
{
    return (kj_value){.type = KJ_TYPE_REAL, .real = value};
}

static inline kj_value kj_value_text(kj_span text)
{
    return (kj_value){.type = KJ_TYPE_STRING, .text = text};
}

/* One fact of a module. The table of rows is the module's whole interface: the rule compiler checks
 * against it and definitions refer to rows by number, so numbers are never reused or changed. */
typedef struct kj_field {
    uint16_t id; /* unique in the module, at least 1; 0: a constant */
    kj_type type;
    /* Dotted path below the module. `[]` after a name is an array's index, `{}` a dictionary's
     * key, `()` a function: "mail.attachments[].name". An array or dictionary has a row of its own
     * ("mail.attachments[]", KJ_TYPE_ARRAY) whose value is its number of elements. Overloaded
     * functions have a row each. A dictionary that may be looped over has a row "name{#}", the
     * n-th key (STRING); its `{}` then takes an INT, the n-th entry, as well as a key. */
    const char *path;
    const char *params; /* of a function, a letter each: i f s b r(egex); NULL otherwise */
    /* KJ_FIELD_CONSTANT: the INT that it always is. The compiler puts it in the field's place. */
    bool is_constant;
    int64_t constant;
    bool everywhere; /* known of objects, too, that do not begin with the schema's magic */
    bool costly; /* takes time that grows with the object: asked where a rule is possible, and not
                    before what stands in front of it in its condition is known */
} kj_field;

/* A row for a name of a number, as `pe.MACHINE_I386`. It needs no number of its own. */
#define KJ_FIELD_CONSTANT(path, value) {0, KJ_TYPE_INT, (path), NULL, true, (value)}

/* A question to a module, and what the engine does for it meanwhile. */
typedef struct kj_field_call kj_field_call;
struct kj_field_call {
    uint32_t id;          /* schema id << 16 | field id */
    const kj_value *args; /* indices, keys and arguments in the order in which they are written; all
                             defined, their types not to be trusted */
    size_t count;
    /* Whether a REGEX among the arguments matches anywhere in `text`; false when the work allowed
     * is used up. */
    bool (*matches)(const kj_field_call *call, kj_value regex, kj_span text);
    /* Takes `bytes` of work on the object's account; false: it is used up, the answer is undefined
     * then. Called before work that grows with the object or with arguments. */
    bool (*pay)(const kj_field_call *call, uint64_t bytes);
    /* Not NULL: a costly fact is not to be computed yet. Set to true then; what is answered means
     * nothing. */
    bool *postponed;
    void *engine;
};

typedef struct kj_schema {
    const char *name; /* as in `import "name"` */
    uint16_t id;      /* unique, at least 1, never reused */
    const kj_field *fields;
    size_t count;
    /* Two or four bytes with which an object begins that has any of these facts; 0: any object may.
     * Elsewhere they are undefined, so rules that ask for one need not be looked at. */
    const char *magic;
    uint8_t magic_len;
    bool has_effects; /* asking for a fact does something besides: no question is asked twice */
} kj_schema;
