/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this front end share. A line is compiled into the IR's arena; should it turn
 * out to be malformed, what it appended to the IR's vectors is taken back. */
#pragma once

#include "ir/clamav.h"
#include "rules/clamav/clamav.h"

/* ---- one line ------------------------------------------------------------------------------ */

/* The line under way: where messages point. */
typedef struct kj_clamav_line {
    const char *file;
    uint64_t number;  /* 1-based */
    kj_span text;     /* without its end */
    const char *kind; /* "ndb": of counts and messages */
    bool trusted;     /* kj_clamav_input.trusted */
} kj_clamav_line;

struct kj_clamav {
    kj_ir *ir;
    const kj_clamav_options *options;
    kj_clamav_counts counts;
    kj_clamav_line line;
    struct kj_clamav_private *more; /* of load.c: ignored names, macro groups, pending lines */
    struct kj_clamav_nodes *nodes;  /* of body.c: what all trees share */
    KJ_VEC(kj_re *) stack;          /* of body.c: the tree under way */
};

/* How a line ended. */
typedef enum kj_clamav_result {
    KJ_CLAMAV_TAKEN,
    KJ_CLAMAV_SKIPPED, /* told or counted already */
    KJ_CLAMAV_STARVED, /* no memory: the load ends */
} kj_clamav_result;

/* Tells that the line is malformed at `where`, a part of its text (empty: the whole), and evaluates
 * to KJ_CLAMAV_SKIPPED. A warning, or an error when strict; the first KJ_DIAGS_MAX are kept. */
kj_clamav_result kj_clamav_malformed(kj_clamav *c, kj_span where, const char *format, ...)
    KJ_PRINTF(3, 4);

/* Counts the line as left out for a reason (a literal, KJ_SENTENCE), and evaluates likewise. */
kj_clamav_result kj_clamav_left_out(kj_clamav *c, const char *reason);

/* Reasons that several kinds of lines have. */
#define KJ_CLAMAV_OTHER_LEVEL KJ_SENTENCE("written for other versions of ClamAV")

/* ---- fields and numbers -------------------------------------------------------------------- */

enum { KJ_CLAMAV_FIELDS_MAX = 80 };

/* Splits at `separator` into at most KJ_CLAMAV_FIELDS_MAX fields; the count, or SIZE_MAX when there
 * are more. Empty fields count. */
size_t kj_clamav_split(kj_span text, char separator, kj_span *out);

/* Whether it is of hex digits alone, however many. */
bool kj_clamav_is_hex(kj_span text);

/* A decimal number of nothing but digits. */
bool kj_clamav_number(kj_span text, uint64_t max, uint64_t *out);

/* What fields [first, count) say about functionality levels ("min", then "max"); both may be
 * absent. */
typedef enum kj_clamav_level { KJ_LEVEL_FITS, KJ_LEVEL_OTHER, KJ_LEVEL_MALFORMED } kj_clamav_level;
kj_clamav_level kj_clamav_levels(const kj_span *fields, size_t first, size_t count,
                                 uint64_t *out_min);

/* Likewise of the line under way: a line that does not fit is told, or counted as left out.
 * `out_min` may be NULL. */
kj_clamav_result kj_clamav_check_levels(kj_clamav *c, const kj_span *fields, size_t first,
                                        size_t count, uint64_t *out_min);

/* Whether the signature of that name, on the line under way, is to be left out; counts it then. */
bool kj_clamav_is_ignored(kj_clamav *c, kj_span name);

/* The class of what a signature of that name finds: that of the kind of signature, but HEURISTIC
 * for names that say so. */
kj_class kj_clamav_class(kj_span name, kj_class klass);

/* The name that is reported: with .UNOFFICIAL when asked for, in the arena; empty without memory.
 */
kj_span kj_clamav_name(kj_clamav *c, kj_span name);

/* Likewise, in a buffer where it differs from `name`; empty when that is too small. */
kj_span kj_clamav_name_in(const kj_clamav *c, kj_span name, uint8_t *buffer, size_t size);

/* ---- bodies (body.c) ----------------------------------------------------------------------- */

enum {
    KJ_BODY_NOCASE = 1 << 0, /* ::i */
    KJ_BODY_WIDE = 1 << 1,   /* ::w */
    KJ_BODY_ASCII = 1 << 2,  /* ::a; both: either */
    KJ_BODY_FULLWORD = 1 << 3,
};

/* Compiles a body ("41??42*43") into a pattern that is appended to the IR's patterns, with
 * `identifier` ("$a") and the text as its source. *out: its index.
 *
 * What is literal becomes KJ_PATTERN_TEXT, so that equal ones are one needle; what is not, a
 * KJ_PATTERN_HEX whose `*` and {n-m} are repetitions of any byte; those of more than a few bytes
 * become chains in defs/. (B), (L) and (W) at an end are KJ_RE_AFTER and KJ_RE_BEFORE. */
kj_clamav_result kj_clamav_body(kj_clamav *c, kj_span body, unsigned options, kj_span identifier,
                                uint32_t *out);

/* Makes what all bodies share. False without memory. */
bool kj_clamav_make_nodes(kj_clamav *c);

/* Whether text in lower case could hold the pattern: none of its bytes must be an upper-case
 * letter. Signatures for which that is so are looked at in normalised views, too. */
bool kj_clamav_may_be_lower(const kj_ir *ir, uint32_t pattern);

/* ---- expressions (expr.c) ------------------------------------------------------------------ */

/* Module `clamav` among the options' schemas, or NULL. */
const kj_schema *kj_clamav_schema(const kj_clamav_options *options);

/* Constructors; NULL without memory (and with a NULL argument), so that they nest. */
kj_expr *kj_clamav_bool(kj_clamav *c, bool value);
kj_expr *kj_clamav_int(kj_clamav *c, int64_t value);
kj_expr *kj_clamav_text(kj_clamav *c, kj_span value);
kj_expr *kj_clamav_node(kj_clamav *c, kj_op op, kj_type type, uint32_t index, size_t count,
                        kj_expr *const *args);
kj_expr *kj_clamav_binary(kj_clamav *c, kj_op op, kj_type type, kj_expr *a, kj_expr *b);
kj_expr *kj_clamav_both(kj_clamav *c, kj_expr *a, kj_expr *b); /* a and b: one AND */
kj_expr *kj_clamav_between(kj_clamav *c, kj_expr *value, kj_expr *least, kj_expr *most);
kj_expr *kj_clamav_compare(kj_clamav *c, kj_op op, kj_expr *a, int64_t number);
kj_expr *kj_clamav_sum(kj_clamav *c, kj_expr *a, int64_t number);
kj_expr *kj_clamav_to_int(kj_clamav *c, kj_expr *expr);
/* A field of module `clamav` by its path ("target()"). */
kj_expr *kj_clamav_field(kj_clamav *c, const char *path, size_t count, kj_expr *const *args);

/* Where a signature may match. */
enum { KJ_MACRO_GROUPS = 32 };

typedef enum kj_place_kind {
    KJ_PLACE_ANYWHERE,
    KJ_PLACE_AT,      /* at `from` */
    KJ_PLACE_IN,      /* from `from` to `to`, inclusive */
    KJ_PLACE_VERSION, /* at an entry of a PE file's version information */
    KJ_PLACE_MACRO,   /* of a group: `group` */
} kj_place_kind;

typedef struct kj_clamav_place {
    kj_place_kind kind;
    kj_expr *from;
    kj_expr *to;
    uint32_t group;
    bool needs_program; /* the program's header must parse, which nothing else says */
} kj_clamav_place;

/* Reads an offset ("EP+10,4") of a signature for target type `target`. */
kj_clamav_result kj_clamav_offset(kj_clamav *c, kj_span text, uint32_t target,
                                  kj_clamav_place *out);

/* Whether the pattern is found at the place, and how often; of KJ_PLACE_VERSION, once at most. */
kj_expr *kj_clamav_found(kj_clamav *c, uint32_t pattern, const kj_clamav_place *place);
kj_expr *kj_clamav_count(kj_clamav *c, uint32_t pattern, const kj_clamav_place *place);

/* ---- targets ------------------------------------------------------------------------------- */

/* Reads the number of a target type. One that ClamAV has not, or has no use for, counts the line as
 * left out. */
kj_clamav_result kj_clamav_target(kj_clamav *c, kj_span text, uint32_t *out);

/* Whether objects of that type have an entry point and sections. */
bool kj_target_is_program(uint32_t target);

/* ---- rules --------------------------------------------------------------------------------- */

/* Where the IR's vectors stood before a line. */
typedef struct kj_clamav_mark {
    size_t patterns;
    size_t rules;
    size_t detects;
} kj_clamav_mark;

kj_clamav_mark kj_clamav_get_mark(const kj_clamav *c);
void kj_clamav_take_back(kj_clamav *c, kj_clamav_mark mark);

/* Appends a rule with the patterns since `mark`, and its detection, unless the name is ignored. The
 * condition gets "the object is of that target" in front, and the views of the target. */
kj_clamav_result kj_clamav_add_rule(kj_clamav *c, kj_clamav_mark mark, kj_span name,
                                    kj_origin origin, uint32_t target, kj_expr *condition);

/* Likewise, of a class that does not follow from the name. */
kj_clamav_result kj_clamav_add_rule_of(kj_clamav *c, kj_clamav_mark mark, kj_span name,
                                       kj_origin origin, kj_class klass, uint32_t target,
                                       kj_expr *condition);

/* ---- one function a kind of line ----------------------------------------------------------- */

typedef kj_clamav_result kj_clamav_compile(kj_clamav *c);

kj_clamav_compile kj_clamav_ldb; /* ldb.c */
kj_clamav_compile kj_clamav_cdb; /* cdb.c */
kj_clamav_compile kj_clamav_crb; /* crb.c */
kj_clamav_compile kj_clamav_ndb; /* body signatures: ndb.c */
kj_clamav_compile kj_clamav_db;
kj_clamav_compile kj_clamav_hdb; /* digests: digests.c */
kj_clamav_compile kj_clamav_mdb;
kj_clamav_compile kj_clamav_imp;
kj_clamav_compile kj_clamav_ign; /* small.c */
kj_clamav_compile kj_clamav_info;
kj_clamav_compile kj_clamav_ftm;
kj_clamav_compile kj_clamav_pwdb;
kj_clamav_compile kj_clamav_idb;
kj_clamav_compile kj_clamav_cfg;
kj_clamav_compile kj_clamav_pdb;
kj_clamav_compile kj_clamav_wdb;
kj_clamav_compile kj_clamav_gdb;

/* A line that refers to what a later line may say (a macro group) is kept until
 * kj_clamav_finish(), which compiles it again with `finishing` set. */
kj_clamav_result kj_clamav_keep(kj_clamav *c);
bool kj_clamav_is_finishing(const kj_clamav *c);

/* Members of macro groups: bodies of .ndb lines with offset $n$, for signatures of the same target
 * type. Groups are below KJ_MACRO_GROUPS, as kj_clamav_offset() sees to. */
bool kj_clamav_add_macro(kj_clamav *c, uint32_t target, uint32_t group, kj_span body);
size_t kj_clamav_macro_count(const kj_clamav *c, uint32_t target, uint32_t group);
kj_span kj_clamav_macro(const kj_clamav *c, uint32_t target, uint32_t group, size_t index);
