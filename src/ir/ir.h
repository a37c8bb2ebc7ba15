/* SPDX-License-Identifier: Apache-2.0 */
/* What every front end produces and defs/ writes: threats, patterns, conditions, artifacts,
 * remedies, texts. Plain structs; everything in them lives in the IR's arena. References between
 * items are indices into its vectors. */
#pragma once

#include "base/diag.h"
#include "base/hash.h"
#include "ir/hash_sets.h"
#include "ir/regex.h"
#include "ir/value.h"

#define KJ_NONE UINT32_MAX

/* ---- verdicts ---------------------------------------------------------------------------- */

/* Ordered: a higher class beats a lower one. */
typedef enum kj_class {
    KJ_CLASS_NONE,
    KJ_CLASS_HEURISTIC,
    KJ_CLASS_FAMILY,
    KJ_CLASS_EXACT,
    KJ_CLASS_TRUSTED, /* known good: no detection stands against it */
    KJ_CLASS_COUNT
} kj_class;

const char *kj_class_name(kj_class klass);

/* ---- conditions -------------------------------------------------------------------------- */

typedef enum kj_op {
    /* values */
    KJ_OP_BOOL,     /* integer: 0 or 1 */
    KJ_OP_INT,      /* integer */
    KJ_OP_REAL,     /* real */
    KJ_OP_STRING,   /* text */
    KJ_OP_REGEX,    /* index: a pattern of kind REGEX; only as an operand of MATCHES or FIELD */
    KJ_OP_FILESIZE, /* bytes of the object */
    KJ_OP_ENTRYPOINT,
    KJ_OP_VARIABLE, /* index: slot of an enclosing loop */
    KJ_OP_EXTERNAL, /* index: into externals */
    KJ_OP_FIELD,    /* index: schema id << 16 | field id; args: indices, keys, arguments in order */
    KJ_OP_READ,     /* uint16be(args[0]) and so on; index: KJ_READ_... flags | width in bytes */
    /* patterns: index is a pattern or KJ_NONE for the current one of a FOR_PATTERNS */
    KJ_OP_FOUND,     /* $a */
    KJ_OP_FOUND_AT,  /* $a at args[0] */
    KJ_OP_FOUND_IN,  /* $a in (args[0]..args[1]), inclusive */
    KJ_OP_COUNT_OF,  /* #a; with two args: #a in (args[0]..args[1]) */
    KJ_OP_OFFSET_OF, /* @a[args[0]], 1-based */
    KJ_OP_LENGTH_OF, /* !a[args[0]], 1-based */
    /* other items */
    KJ_OP_RULE,     /* index: an earlier rule; whether it matched this object */
    KJ_OP_ARTIFACT, /* index: whether it was seen */
    /* logic, n-ary, left to right, short-circuit; undefined counts as false in AND and OR */
    KJ_OP_AND,
    KJ_OP_OR,
    KJ_OP_NOT,
    KJ_OP_DEFINED,
    /* quantifiers; see kj_quantifier. args[0] is the number or percentage where it takes one,
     * else absent; what follows are the items */
    KJ_OP_OF,           /* items: boolean expressions */
    KJ_OP_FOR_PATTERNS, /* items: FOUND of each pattern, then the body, last */
    KJ_OP_FOR_RANGE,    /* items: from, to, body; index: the variable's slot */
    KJ_OP_FOR_LIST,     /* items: the values, then the body; index: the variable's slot */
    KJ_OP_FOR_COUNT,    /* items: an ARRAY or DICT field (its length), the body; slot counts 0.. */
    KJ_OP_WITH,         /* items: a value, the body; index: the variable's slot */
    /* comparisons: both sides INT, both REAL, or both STRING (the front end converts) */
    KJ_OP_EQ,
    KJ_OP_NE,
    KJ_OP_LT,
    KJ_OP_LE,
    KJ_OP_GT,
    KJ_OP_GE,
    /* strings */
    KJ_OP_CONTAINS,
    KJ_OP_ICONTAINS,
    KJ_OP_STARTSWITH,
    KJ_OP_ISTARTSWITH,
    KJ_OP_ENDSWITH,
    KJ_OP_IENDSWITH,
    KJ_OP_IEQUALS,
    KJ_OP_MATCHES,
    /* arithmetic: INT or REAL operands as the node's type says; an INT by zero is undefined.
     * ADD, MUL, BIT_AND, BIT_OR and BIT_XOR take two args or more, computed from the left */
    KJ_OP_NEG,
    KJ_OP_ADD,
    KJ_OP_SUB,
    KJ_OP_MUL,
    KJ_OP_DIV,
    KJ_OP_MOD,
    KJ_OP_BIT_NOT,
    KJ_OP_BIT_AND,
    KJ_OP_BIT_OR,
    KJ_OP_BIT_XOR,
    KJ_OP_SHL,
    KJ_OP_SHR,
    KJ_OP_TO_REAL, /* an INT as a REAL */
    KJ_OP_TO_BOOL, /* an INT, REAL or STRING as a truth value: not zero, not empty */
    KJ_OP_TO_INT,  /* a BOOL as 0 or 1, an INT as it is; undefined counts as 0 */
    KJ_OP_COUNT
} kj_op;

typedef enum kj_quantifier {
    KJ_Q_NONE_GIVEN, /* not a quantifier node */
    KJ_Q_ALL,
    KJ_Q_ANY,
    KJ_Q_NO,      /* "none" */
    KJ_Q_COUNT,   /* at least args[0]; 0 is none and undefined is all, as libyara has it */
    KJ_Q_PERCENT, /* at least args[0] per cent, rounded up */
} kj_quantifier;

enum {
    KJ_READ_WIDTH = 0x0F, /* 1, 2 or 4 bytes; 8 of a REAL */
    KJ_READ_SIGNED = 0x10,
    KJ_READ_BIG_ENDIAN = 0x20,
    KJ_READ_REAL = 0x40, /* IEEE 754, 4 or 8 bytes */
};

enum {
    KJ_EXPR_MAX_DEPTH = 64,     /* deeper conditions are refused by the front ends */
    KJ_EXPR_MAX_VARIABLES = 32, /* slots a condition may use at once */
    KJ_EXPR_MAX_ARGS = 65535    /* of one node; what the definitions hold */
};

typedef struct kj_expr kj_expr;
struct kj_expr {
    kj_op op;
    kj_type type; /* of its value */
    kj_quantifier quantifier;
    uint32_t index;
    union {
        int64_t integer;
        double real;
        kj_span text;
    };
    kj_expr **args;
    size_t count;
    size_t offset; /* where it stands in its source */
};

/* ---- patterns and rules ------------------------------------------------------------------ */

typedef enum kj_pattern_kind {
    KJ_PATTERN_TEXT,  /* `text` with modifiers */
    KJ_PATTERN_HEX,   /* `re`, shortest match */
    KJ_PATTERN_REGEX, /* `re`; `re` has /i folded into its classes already, /s too */
    KJ_PATTERN_KIND_COUNT
} kj_pattern_kind;

enum {
    KJ_MOD_NOCASE = 1 << 0,
    KJ_MOD_ASCII = 1 << 1, /* set by the front end where it is the default */
    KJ_MOD_WIDE = 1 << 2,
    KJ_MOD_FULLWORD = 1 << 3,
    KJ_MOD_PRIVATE = 1 << 4,
    KJ_MOD_XOR = 1 << 5,
    KJ_MOD_BASE64 = 1 << 6,
    KJ_MOD_BASE64_WIDE = 1 << 7,
    KJ_MOD_GAPS = 1 << 8, /* HEX: what may stand between bytes is not part of them: as ClamAV has
                             it, any match will do. The search is faster then */
};

typedef struct kj_pattern {
    kj_pattern_kind kind;
    uint32_t modifiers;
    kj_span identifier; /* with its `$`; "$" alone for an anonymous one; empty for a condition's */
    kj_span text;
    const kj_re *re;
    uint8_t xor_min;
    uint8_t xor_max;
    const char *alphabet; /* 64 characters, or NULL for the standard one */
    kj_span source;       /* as written, for --explain */
} kj_pattern;

typedef struct kj_meta {
    kj_span name;
    kj_value value; /* STRING, INT or BOOL */
} kj_meta;

enum {
    KJ_RULE_PRIVATE = 1 << 0,
    KJ_RULE_GLOBAL = 1 << 1,
    KJ_RULE_EFFECTS =
        1 << 2, /* in the file: its condition is evaluated once, with all strings known */
    /* It is looked at in these views of an object, too. */
    KJ_RULE_VIEW_TEXT = 1 << 3,
    KJ_RULE_VIEW_HTML = 1 << 4, /* all that are made of HTML */
    KJ_RULE_VIEWS = KJ_RULE_VIEW_TEXT | KJ_RULE_VIEW_HTML,
    KJ_RULE_HANDLER = 1 << 5, /* what it matches is read as the type that its metadata `handler`
                                 names, a CL_TYPE of ClamAV's, too */
    KJ_RULE_ORIGIN_SHIFT = 8, /* four bits: kj_origin */
};

/* What a rule was written as; for counts and explanations. */
typedef enum kj_origin {
    KJ_ORIGIN_YARA,
    KJ_ORIGIN_BODY,        /* a ClamAV body signature: .ndb, .db, .sdb */
    KJ_ORIGIN_LOGICAL,     /* .ldb */
    KJ_ORIGIN_CONTAINER,   /* .cdb */
    KJ_ORIGIN_CERTIFICATE, /* .crb */
    KJ_ORIGIN_COUNT
} kj_origin;

const char *kj_origin_name(kj_origin origin); /* "yara", "body", "logical", ... */

static inline kj_origin kj_rule_origin(uint32_t flags)
{
    return (kj_origin)(flags >> KJ_RULE_ORIGIN_SHIFT & 15);
}

typedef struct kj_rule {
    kj_span name;
    kj_span space; /* its namespace: "default", or the advisory's name */
    uint32_t flags;
    uint32_t threat;        /* the advisory that holds it, or KJ_NONE for a rule of its own */
    uint32_t first_pattern; /* its patterns are a run in `patterns` */
    uint32_t pattern_count;
    const kj_span *tags;
    size_t tag_count;
    const kj_meta *metas;
    size_t meta_count;
    const kj_expr *condition; /* BOOL */
} kj_rule;

/* A prefix that `of (prefix*)` of a namespace has used up: no later rule of it may begin so. */
typedef struct kj_barred {
    kj_span space;
    kj_span prefix;
} kj_barred;

/* A value that the environment supplies: `defs build -d NAME=VALUE`, and those that every scan
 * knows (filename, filepath, extension, filetype). */
typedef struct kj_external {
    kj_span name;
    kj_value value; /* what holds unless the scan sets it */
} kj_external;

/* ---- artifacts --------------------------------------------------------------------------- */

typedef enum kj_artifact_kind {
    KJ_ARTIFACT_FILE,
    KJ_ARTIFACT_REGISTRY,
    KJ_ARTIFACT_INI,
    KJ_ARTIFACT_TASK,
    KJ_ARTIFACT_SERVICE,
    KJ_ARTIFACT_STARTUP,
    KJ_ARTIFACT_MAIL,
    KJ_ARTIFACT_WINDOW,
    KJ_ARTIFACT_MUTEX,
    KJ_ARTIFACT_URL,
    KJ_ARTIFACT_KIND_COUNT
} kj_artifact_kind;

typedef enum kj_role {
    KJ_ROLE_NONE,
    KJ_ROLE_BODY,
    KJ_ROLE_AUTOSTART,
    KJ_ROLE_DATA,
    KJ_ROLE_STOLEN_DATA,
    KJ_ROLE_SUPPORT,
    KJ_ROLE_SYMPTOM,
    KJ_ROLE_COUNT
} kj_role;

const char *kj_artifact_kind_name(kj_artifact_kind kind);
const char *kj_role_name(kj_role role);

typedef struct kj_size_range {
    uint64_t min;
    uint64_t max; /* inclusive */
} kj_size_range;

/* A list of texts, each as its author wrote it. */
typedef struct kj_texts {
    const kj_span *items;
    size_t count;
} kj_texts;

typedef struct kj_sizes {
    const kj_size_range *items;
    size_t count; /* 0: any size */
} kj_sizes;

typedef struct kj_artifact {
    kj_span id;
    kj_artifact_kind kind;
    kj_role role;
    uint32_t threat;
    /* FILE: paths; TASK, SERVICE, STARTUP, WINDOW, MUTEX, URL: names; REGISTRY: keys; INI: files;
     * MAIL: subjects. Any of them. */
    kj_texts names;
    kj_sizes sizes; /* FILE; MAIL: of the attachment */
    kj_span type;   /* FILE, MAIL: the format's name ("pe"), empty for any */
    kj_span value;  /* REGISTRY: the value's name; INI: the section */
    kj_span data;   /* REGISTRY: the data; INI: the token; TASK, SERVICE, STARTUP: the target */
    kj_span key;    /* INI: the key; REGISTRY: the data's type ("sz"), empty for any */
    uint32_t rule;  /* FILE: content must match this rule; KJ_NONE */
    bool has_hash;  /* FILE */
    kj_hash_kind hash_kind;
    uint8_t hash[KJ_HASH_MAX];
    /* MAIL: the attachment */
    kj_texts attachment_names;
    kj_texts extensions; /* without the dot */
    kj_texts decoys;
} kj_artifact;

/* ---- threats ----------------------------------------------------------------------------- */

typedef struct kj_detect {
    kj_span id;
    kj_span name; /* what is reported */
    kj_class klass;
    uint32_t threat; /* the advisory it comes from; KJ_NONE for one that a bare rule makes */
    const kj_expr *when;
    uint32_t since; /* the first release it is in */
    uint32_t until; /* the last; KJ_NONE for none */
} kj_detect;

typedef enum kj_do {
    KJ_DO_QUARANTINE,
    KJ_DO_DELETE_VALUE,
    KJ_DO_RESTORE_DEFAULT,
    KJ_DO_SET_VALUE,
    KJ_DO_REMOVE_TOKEN,
    KJ_DO_DELETE_INI,
    KJ_DO_DISABLE_SERVICE,
    KJ_DO_REMOVE_TASK,
    KJ_DO_REMOVE_EMPTY_DIR,
    KJ_DO_REPORT,
    KJ_DO_MANUAL,
    KJ_DO_COUNT
} kj_do;

const char *kj_do_name(kj_do what);

typedef struct kj_remedy {
    kj_do what;
    uint32_t threat;
    const uint32_t *of; /* artifacts */
    size_t of_count;
    const kj_expr *needs; /* NULL: always */
    kj_span to;           /* SET_VALUE, RESTORE_DEFAULT: the data; empty: what Windows has there */
    kj_span warn;         /* empty: nothing */
} kj_remedy;

typedef enum kj_lang { KJ_LANG_EN, KJ_LANG_JA, KJ_LANG_COUNT } kj_lang;

typedef enum kj_section {
    KJ_SECTION_SUMMARY,
    KJ_SECTION_CHARACTERISTICS,
    KJ_SECTION_SYMPTOMS,
    KJ_SECTION_INFECTION,
    KJ_SECTION_REMOVAL,
    KJ_SECTION_COUNT
} kj_section;

const char *kj_lang_name(kj_lang lang);          /* "en" */
const char *kj_section_name(kj_section section); /* "summary": the advisory's key */

typedef struct kj_pair {
    kj_span first;  /* vendor, kind of relation, who reports */
    kj_span second; /* name, name, date */
} kj_pair;

typedef struct kj_pairs {
    const kj_pair *items;
    size_t count;
} kj_pairs;

/* What a test presents to the engine; see match/facts.h for what these mean. */
typedef struct kj_test_file {
    kj_span path;
    uint64_t size;
    kj_span type; /* format name; empty: unknown */
    bool has_content;
    kj_span content;
} kj_test_file;

typedef struct kj_test_entry { /* of the registry or an INI file */
    kj_span place;             /* the key, or the file */
    kj_span section;           /* INI only */
    kj_span name;              /* the value's or the key's name */
    kj_span data;
} kj_test_entry;

typedef struct kj_test_mail {
    kj_span subject;
    const kj_test_file *attachments; /* path is the attachment's name */
    size_t attachment_count;
} kj_test_mail;

typedef struct kj_expect {
    uint32_t release;
    kj_texts names; /* empty: nothing is detected */
    bool all;       /* names is the whole set of names detected, not the verdict's */
} kj_expect;

typedef enum kj_test_kind { KJ_TEST_FILE, KJ_TEST_MAIL, KJ_TEST_HOST } kj_test_kind;

typedef struct kj_test {
    kj_test_kind kind;
    uint32_t threat;
    const kj_source *source; /* for messages */
    size_t offset;
    const kj_test_file *files;
    size_t file_count;
    const kj_test_entry *registry;
    size_t registry_count;
    const kj_test_entry *ini;
    size_t ini_count;
    kj_test_mail mail; /* KJ_TEST_MAIL */
    const kj_expect *expects;
    size_t expect_count;
} kj_test;

typedef struct kj_threat {
    const kj_source *source; /* the advisory */
    kj_span id;              /* "2004-0127" */
    kj_span name;            /* canonical form */
    kj_span type;
    kj_texts subtypes;
    kj_texts platforms;
    kj_sizes lengths;
    kj_pairs aliases; /* vendor, name */
    kj_span risk_corporate;
    kj_span risk_home;
    kj_span discovered; /* YYYY-MM-DD, or empty */
    kj_span published;
    kj_span modified;
    uint32_t first;    /* definitions release that first detects it */
    uint32_t required; /* the one it needs */
    uint32_t engine;   /* kj_engine_version number of the oldest engine */
    kj_pairs related;  /* variant-of and so on, name */
    kj_texts attack;   /* ATT&CK ids */
    kj_span evidence;
    kj_texts notes; /* ids */
    kj_span text[KJ_LANG_COUNT][KJ_SECTION_COUNT];
    kj_pairs sources; /* by, date */
} kj_threat;

/* A text that several advisories share: advisories/notes/ID.yaml. */
typedef struct kj_note {
    kj_span id;
    kj_span title[KJ_LANG_COUNT];
    kj_span text[KJ_LANG_COUNT];
} kj_note;

/* Signatures that were left out for one reason, which the definitions remember. */
typedef struct kj_left_out {
    const char *kind;   /* "ldb": what they were written as */
    const char *reason; /* a sentence, KJ_SENTENCE() */
    uint64_t count;
} kj_left_out;

/* ---- the whole --------------------------------------------------------------------------- */

enum {
    KJ_FIRST_RELEASE = 8000, /* kujo's own series of definitions begins here */
};

/* A.B.C as one comparable number. */
static inline uint32_t kj_engine_number(unsigned a, unsigned b, unsigned c)
{
    return a << 24 | (b & 0xFF) << 16 | (c & 0xFFFF);
}

typedef struct kj_ir {
    kj_arena arena;
    kj_diags diags;
    KJ_VEC(kj_source *) sources; /* owned by the arena */
    KJ_VEC(kj_threat) threats;
    KJ_VEC(kj_note) notes;
    KJ_VEC(kj_artifact) artifacts;
    KJ_VEC(kj_remedy) remedies;
    KJ_VEC(kj_detect) detects;
    KJ_VEC(kj_rule) rules;
    KJ_VEC(kj_pattern) patterns;
    KJ_VEC(kj_external) externals;
    KJ_VEC(kj_barred) barred;
    KJ_VEC(kj_test) tests;
    KJ_VEC(kj_span) passwords; /* that may open archives */
    KJ_VEC(kj_left_out) left_out;
    kj_hash_sets hashes;
    size_t skipped_engine; /* definitions left out because they need a newer engine */
} kj_ir;

/* `budget`: bytes that the compilation may use, a few hundred MB for large rule sets. */
void kj_ir_init(kj_ir *ir, size_t budget);
void kj_ir_done(kj_ir *ir);

/* Counts signatures that are left out. False without memory. */
bool kj_ir_leave_out(kj_ir *ir, const char *kind, const char *reason, uint64_t count);

/* A source whose text the IR copies and keeps; NULL without memory. */
const kj_source *kj_ir_add_source(kj_ir *ir, const char *name, kj_span text);
