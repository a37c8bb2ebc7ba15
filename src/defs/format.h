/* SPDX-License-Identifier: Apache-2.0 */
/* The definitions file on disk. docs/formats/definitions.md explains it; this is the layout.
 *
 *     header        64 bytes
 *     section table section_count * 72 bytes
 *     sections      each at a multiple of 64 bytes (64 KiB once it is 1 MiB or larger), zeros
 * between
 *
 * Little-endian, naturally aligned, no pointers: a section refers to another by index, a text by
 * its offset in STRS. Everything is mapped read-only and used in place. */
#pragma once

#include <stdint.h>

#define KJ_DISK_MAGIC "KUJODEF\x1a"

enum {
    KJ_DISK_MAJOR = 4, /* a reader refuses another */
    KJ_DISK_MINOR = 0, /* a reader ignores sections it does not know */
    KJ_DISK_ALIGN = 64,
    KJ_DISK_ALIGN_LARGE = 64 << 10,
    KJ_DISK_SECTIONS_MAX = 64,
    KJ_DISK_ENGINE = 6 << 24, /* the oldest engine that reads this format: 6.0.0 */
};

#define KJ_FOURCC(a, b, c, d)                                                                      \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

typedef struct kj_disk_header {
    char magic[8];
    uint32_t major;
    uint32_t minor;
    uint32_t header_size; /* of this struct */
    uint32_t section_count;
    uint64_t file_size;
    uint32_t release;
    uint32_t engine;      /* oldest engine that reads it, kj_engine_number */
    uint8_t build_id[16]; /* first half of the SHA-256 over the section table's digests */
    uint32_t reserved;
    uint32_t crc; /* CRC-32C of the header (this field as zero) and the section table */
} kj_disk_header;
_Static_assert(sizeof(kj_disk_header) == 64, "layout");

typedef struct kj_disk_section {
    uint32_t type; /* KJ_SEC_... */
    uint32_t element_size;
    uint64_t offset;
    uint64_t size; /* bytes; a multiple of element_size */
    uint32_t flags;
    uint32_t reserved[3];
    uint8_t sha256[32];
} kj_disk_section;
_Static_assert(sizeof(kj_disk_section) == 72, "layout");

enum {
    KJ_SECF_REQUIRED = 1, /* a reader that does not know it refuses the file */
};

#define KJ_SEC_META         KJ_FOURCC('M', 'E', 'T', 'A')
#define KJ_SEC_STRINGS      KJ_FOURCC('S', 'T', 'R', 'S')
#define KJ_SEC_LISTS        KJ_FOURCC('L', 'I', 'S', 'T')
#define KJ_SEC_THREATS      KJ_FOURCC('T', 'H', 'R', 'T')
#define KJ_SEC_DOCS         KJ_FOURCC('D', 'O', 'C', 'S')
#define KJ_SEC_NOTES        KJ_FOURCC('N', 'O', 'T', 'E')
#define KJ_SEC_DETECTS      KJ_FOURCC('D', 'E', 'T', 'C')
#define KJ_SEC_RULES        KJ_FOURCC('R', 'U', 'L', 'E')
#define KJ_SEC_PATTERNS     KJ_FOURCC('P', 'A', 'T', 'N')
#define KJ_SEC_EXTERNALS    KJ_FOURCC('E', 'X', 'T', 'N')
#define KJ_SEC_ARTIFACTS    KJ_FOURCC('A', 'R', 'T', 'F')
#define KJ_SEC_PLACES       KJ_FOURCC('P', 'L', 'A', 'C')
#define KJ_SEC_REMEDIES     KJ_FOURCC('R', 'E', 'M', 'D')
#define KJ_SEC_CODE         KJ_FOURCC('C', 'O', 'D', 'E')
#define KJ_SEC_LITERALS     KJ_FOURCC('L', 'I', 'T', 'S')
#define KJ_SEC_PROGRAMS     KJ_FOURCC('R', 'E', 'G', 'X')
#define KJ_SEC_FILTER       KJ_FOURCC('F', 'I', 'L', 'T')
#define KJ_SEC_BUCKETS      KJ_FOURCC('B', 'U', 'C', 'K')
#define KJ_SEC_POSTINGS     KJ_FOURCC('P', 'O', 'S', 'T')
#define KJ_SEC_SCANNED      KJ_FOURCC('S', 'C', 'A', 'N') /* forms without an atom */
#define KJ_SEC_NEEDLES      KJ_FOURCC('N', 'E', 'E', 'D')
#define KJ_SEC_ANCHORS      KJ_FOURCC('A', 'N', 'C', 'H')
#define KJ_SEC_ANCHORED     KJ_FOURCC('A', 'N', 'C', 'P')
#define KJ_SEC_GATES        KJ_FOURCC('G', 'A', 'T', 'E')
#define KJ_SEC_HASH_SETS    KJ_FOURCC('H', 'S', 'E', 'T')
#define KJ_SEC_HASH_GATES   KJ_FOURCC('H', 'G', 'A', 'T') /* words: the sizes of sets */
#define KJ_SEC_HASH_BUCKETS KJ_FOURCC('H', 'B', 'U', 'C') /* words: where records begin */
#define KJ_SEC_HASH_RECORDS KJ_FOURCC('H', 'R', 'E', 'C') /* words */
#define KJ_SEC_HASH_NAMES   KJ_FOURCC('H', 'N', 'A', 'M') /* front-coded (base/front_coded.h) */
#define KJ_SEC_HASH_BLOCKS  KJ_FOURCC('H', 'N', 'B', 'L') /* words: where blocks of names begin */
/* Reserved: a signature over the section table. Readers of this version ignore it. */
#define KJ_SEC_SIGNATURE KJ_FOURCC('S', 'I', 'G', 'N')

/* Bytes in STRS. */
typedef struct kj_disk_text {
    uint32_t offset;
    uint32_t len;
} kj_disk_text;

/* A text that is reported as what was found: its CRC-32C is checked when it is used, so that damage
 * never invents a name. */
typedef struct kj_disk_name {
    kj_disk_text text;
    uint32_t crc;
} kj_disk_name;

/* A run of `count` elements in LIST (or in the section that the field names). */
typedef struct kj_disk_run {
    uint32_t first;
    uint32_t count;
} kj_disk_run;

typedef struct kj_disk_meta {
    uint32_t release;
    uint32_t engine;
    uint64_t date;         /* seconds since 1970: the day of the newest source, or --date */
    uint32_t skipped;      /* definitions left out because they need a newer engine */
    uint32_t variables;    /* the most loop variables any condition uses */
    kj_disk_run always;    /* LIST: rules that nothing gates */
    kj_disk_run globals;   /* LIST: global rules */
    kj_disk_run mails;     /* LIST: artifacts of kind MAIL */
    kj_disk_run passwords; /* LIST: texts, that may open archives */
    uint32_t views;        /* KJ_RULE_VIEW_...: those that some rule looks at */
    uint32_t left_out;     /* DOCS: JSON, what sources had that is not in here, by reason; */
    uint32_t left_out_len; /* an array of {"kind", "reason", "count"} */
    uint32_t handlers;     /* rules that say how objects are to be read: KJ_RULE_HANDLER */
} kj_disk_meta;
_Static_assert(sizeof(kj_disk_meta) == 72, "layout");

typedef struct kj_disk_threat {
    kj_disk_text id;
    kj_disk_name name;
    uint32_t first;    /* release that first detects it */
    uint32_t required; /* release it needs */
    uint32_t engine;
    uint32_t doc_offset; /* its page, JSON, in DOCS */
    uint32_t doc_len;
    kj_disk_run artifacts; /* in ARTF */
    kj_disk_run remedies;  /* in REMD */
    kj_disk_run aliases;   /* LIST: texts, two words each */
} kj_disk_threat;
_Static_assert(sizeof(kj_disk_threat) == 64, "layout");

typedef struct kj_disk_note {
    kj_disk_text id;
    uint32_t doc_offset;
    uint32_t doc_len;
} kj_disk_note;
_Static_assert(sizeof(kj_disk_note) == 16, "layout");

typedef struct kj_disk_detect {
    kj_disk_text id;
    kj_disk_name name;
    uint32_t threat;     /* the advisory it comes from, or KJ_NONE */
    uint32_t page;       /* the advisory of that name, or KJ_NONE */
    uint32_t code;       /* word offset of `when` in CODE */
    kj_disk_run anchors; /* LIST: the artifacts it is about: the first operand of each `and` */
    uint32_t since;
    uint32_t class_; /* kj_class */
} kj_disk_detect;
_Static_assert(sizeof(kj_disk_detect) == 48, "layout");

typedef struct kj_disk_rule {
    kj_disk_text name;
    kj_disk_text space;
    uint32_t flags;  /* KJ_RULE_... */
    uint32_t threat; /* KJ_NONE for a rule of its own */
    uint32_t code;
    kj_disk_run patterns; /* in PATN */
    kj_disk_run tags;     /* LIST: texts */
    kj_disk_run metas;    /* LIST: six words each, kj_disk_meta_entry */
    kj_disk_run detects;  /* LIST: detects whose `when` names it */
} kj_disk_rule;
_Static_assert(sizeof(kj_disk_rule) == 60, "layout");

/* In LIST. */
typedef struct kj_disk_meta_entry {
    kj_disk_text name;
    uint32_t type; /* kj_type */
    uint32_t reserved;
    uint32_t value[2]; /* an integer, low word first; or a kj_disk_text */
} kj_disk_meta_entry;
_Static_assert(sizeof(kj_disk_meta_entry) == 24, "layout");

typedef struct kj_disk_external {
    kj_disk_text name;
    uint32_t type;
    uint32_t reserved;
    uint32_t value[2]; /* as above; a real's bits */
} kj_disk_external;
_Static_assert(sizeof(kj_disk_external) == 24, "layout");

typedef struct kj_disk_artifact {
    kj_disk_text id;
    uint8_t kind;
    uint8_t role;
    uint8_t has_hash;
    uint8_t hash_kind;
    uint32_t threat;
    uint32_t rule;
    kj_disk_run names;    /* LIST: texts as written */
    kj_disk_run patterns; /* LIST: texts in the form in which they are compared */
    kj_disk_run sizes;    /* LIST: min low, min high, max low, max high */
    kj_disk_text type;
    kj_disk_run value;            /* LIST: texts in the form in which they are compared */
    kj_disk_run data;             /* LIST: likewise */
    kj_disk_text key;             /* folded */
    kj_disk_run attachment_names; /* LIST: texts, folded */
    kj_disk_run extensions;       /* LIST: texts, folded */
    kj_disk_run decoys;           /* LIST: texts, folded */
    kj_disk_run detects;          /* LIST: detects whose `when` names it */
    uint8_t hash[32];
} kj_disk_artifact;
_Static_assert(sizeof(kj_disk_artifact) == 140, "layout");

/* PLAC: where a FILE artifact may be, sorted by hash. */
typedef struct kj_disk_place {
    uint32_t hash; /* CRC-32C of the pattern's last component; 0 when that holds a wildcard */
    uint32_t artifact;
    kj_disk_text pattern; /* normalized path, `*` within components */
} kj_disk_place;
_Static_assert(sizeof(kj_disk_place) == 16, "layout");

typedef struct kj_disk_remedy {
    uint32_t what; /* kj_do */
    uint32_t threat;
    kj_disk_run of;  /* LIST: artifacts */
    uint32_t needs;  /* word offset in CODE, or KJ_NONE */
    kj_disk_text to; /* what a value becomes; empty: what Windows has there */
    kj_disk_text warn;
} kj_disk_remedy;
_Static_assert(sizeof(kj_disk_remedy) == 36, "layout");

/* ---- digests: HSET, HGAT, HBUC, HREC, HNAM, HNBL -----------------------------------------------
 *
 * A set holds digests of one kind and scope, all with a size or none. Its records are sorted; a
 * record is its key in words and a name's number. The key is the first key_len bytes of the digest.
 * Where the set is sized, the size is mixed into its first eight bytes by kj_mask_key()
 * (ir/hash_sets.h), so that it is compared with them and takes no room; the key's last four bytes
 * always are exclusive-ored with the number of the name, so that a damaged record is not found
 * instead of found under another's name. Keys are evenly spread: the top bucket_log2 bits of the
 * first eight bytes, big-endian, say where to look, and records rise by these eight bytes.
 *
 * The gate says which sizes the set has, so that nothing is digested in vain: KJ_GATE_BLOCKS words,
 * one for each KJ_GATE_SPAN sizes from 0: where the block of bits is, in words behind these, plus
 * one (0: no size of those); the blocks; and the larger sizes, sorted, as the last gate_large
 * words.
 *
 * Detections of a set have numbers, too: record r of a set is detects.count + first_number + r. */
typedef struct kj_disk_hash_set {
    uint32_t scope;        /* kj_hash_scope */
    uint32_t kind;         /* kj_hash_kind */
    uint32_t class_;       /* kj_class */
    uint32_t flags;        /* KJ_HASHF_... */
    uint32_t key_len;      /* bytes, a multiple of 4, at least KJ_HASH_KEPT */
    uint32_t count;        /* records */
    uint32_t first_record; /* word in HREC */
    uint32_t first_bucket; /* word in HBUC: 2^bucket_log2 + 1 of them, counting records */
    uint32_t bucket_log2;  /* at most 26 */
    uint32_t first_gate;   /* word in HGAT; KJ_NONE: not sized */
    uint32_t gate_words;
    uint32_t gate_large;
    uint32_t first_number;
    uint32_t reserved[3];
} kj_disk_hash_set;
_Static_assert(sizeof(kj_disk_hash_set) == 64, "layout");

enum {
    KJ_HASHF_SIZED = 1 << 0,
    KJ_HASHF_FLAGS = (1 << 1) - 1,
    KJ_GATE_SPAN = 1 << 15,
    KJ_GATE_BLOCKS = 256, /* sizes below 8 MiB */
};

/* ---- conditions: CODE ----------------------------------------------------------------------
 *
 * A condition is its expression tree in prefix order, in 32-bit words. A node is
 *
 *     word 0   op | type << 8 | quantifier << 12 | number of args << 16
 *     word 1   words of the whole node, its args included
 *     word 2   index (0 where the op has none)
 *     operands BOOL, INT, REAL: two words, low first; STRING: a kj_disk_text
 *     args     nodes, one after the other
 */
enum {
    KJ_CODE_HEADER = 3,
    KJ_CODE_OPERAND = 2,
    KJ_CODE_MAX_ARGS = 65535,
};

/* ---- patterns: PATN, NEED, LITS, REGX, FILT, BUCK, POST, SCAN ----------------------------------
 *
 * A pattern is a string of a rule. Equal patterns are one needle, which is searched once. A needle
 * is looked for in one or more forms: plain, wide, xored, one of three alignments of base64; a hex
 * string with large gaps is a chain whose pieces are forms. A form has postings, one for each atom:
 * a window of four bytes, or a probe of one or two bytes, of which every match of it contains one.
 * A form without an atom is in SCAN and tried wherever its bytes may stand.
 *
 * Rules name the needles that they cannot match without (their triggers). Those are searched in
 * every object: their postings are in the index. The others are searched in an object where a
 * trigger of their rule was found: their postings stand together in POST. Of a chain that is a
 * trigger one piece is in the index, and all are in POST.
 *
 * FILT   a kj_disk_index; the filter, 2^filter_log2 words of 32 bits
 * BUCK   2^bucket_log2 + 1 words: bucket b's postings are POST[BUCK[b], BUCK[b + 1])
 * POST   windows of triggers, by bucket; probes of triggers; the postings of other needles
 * SCAN   words: forms, those of needles that are searched in every object first
 * REGX   words: programs, chains, and the array of forms
 *
 * The index knows bytes with KJ_FOLD_BYTE set in each, so that case costs it nothing. */

/* One pattern: what --explain and the conditions need. */
typedef struct kj_disk_pattern {
    kj_disk_text identifier;
    kj_disk_text source; /* as written */
    uint32_t rule;       /* KJ_NONE: only an operand of `matches`; it has no needle */
    uint32_t kind;       /* kj_pattern_kind */
    uint32_t modifiers;  /* KJ_MOD_... */
    uint32_t literal;    /* TEXT: offset in LITS */
    uint32_t literal_len;
    uint32_t forward; /* operands of `matches`: word offset of the program; else KJ_NONE */
    uint32_t needle;  /* KJ_NONE for operands of `matches` */
    uint32_t reserved;
} kj_disk_pattern;
_Static_assert(sizeof(kj_disk_pattern) == 48, "layout");

enum {
    KJ_NEEDLE_CHAIN = 1 << 0,   /* its forms are pieces that follow each other at distances */
    KJ_NEEDLE_TRIGGER = 1 << 1, /* searched in every object */
    KJ_NEEDLE_COUNTED = 1 << 2, /* conditions ask for more than whether it is there */
    KJ_NEEDLE_FLAGS = (1 << 3) - 1,
};

typedef struct kj_disk_needle {
    uint32_t pattern; /* the first one that it stands for */
    uint32_t flags;   /* KJ_NEEDLE_... */
    uint32_t first_form;
    uint32_t form_count;
    uint32_t chain;       /* word offset of form_count - 1 kj_disk_gap; KJ_NONE: no chain */
    uint32_t first_piece; /* a chain's: number of its first piece among all pieces of the file */
    kj_disk_run rules;    /* LIST: of a trigger, the rules that it makes possible */
    kj_disk_run postings; /* POST: of one that is no trigger, and of all chains */
    kj_disk_run scanned;  /* SCAN: likewise */
} kj_disk_needle;
_Static_assert(sizeof(kj_disk_needle) == 48, "layout");

/* What may lie between two pieces of a chain, in bytes. */
typedef struct kj_disk_gap {
    uint32_t min;
    uint32_t max; /* UINT32_MAX: any distance */
} kj_disk_gap;
_Static_assert(sizeof(kj_disk_gap) == 8, "layout");

enum {
    KJ_FORM_PROGRAM = 1 << 0,  /* else a literal or a mask */
    KJ_FORM_NOCASE = 1 << 1,   /* literals */
    KJ_FORM_WIDE = 1 << 2,     /* literals: a zero follows each byte; all: wide neighbours */
    KJ_FORM_XOR = 1 << 3,      /* literals: all bytes, a wide one's zeros too, under one key */
    KJ_FORM_FULLWORD = 1 << 4, /* no letter or digit beside it */
    KJ_FORM_LONGEST = 1 << 5,  /* programs: the longest match counts; else the shortest */
    KJ_FORM_MASK = 1 << 6,     /* `len` bytes in LITS, and behind them as many that say which bits
                                  count */
    KJ_FORM_ANY_END = 1 << 7,    /* programs, pieces of chains: what follows may follow any match, not
                                    just the shortest */
    KJ_FORM_FLAGS = (1 << 8) - 1,
};

typedef struct kj_disk_form {
    uint32_t needle;
    uint32_t flags;     /* KJ_FORM_... */
    uint32_t data;      /* literal, mask: offset in LITS; else word offset of the program */
    uint32_t len;       /* literal, mask: bytes; else word offset of the reversed program */
    uint32_t list;      /* where its hits go: its needle, or NEED's count + its piece's number */
    uint32_t rank;      /* of two forms that match at one offset the one with the lower counts */
    uint32_t xor_range; /* min | max << 8 */
    uint32_t window;    /* programs: the most bytes a match may have */
} kj_disk_form;
_Static_assert(sizeof(kj_disk_form) == 32, "layout");

enum {
    KJ_POSTING_DISTANCE = 0xFFFFFF, /* bits of `where`: bytes from the start of a match to the
                                       atom; at most, when it varies */
    KJ_POSTING_VARIES = 1 << 24,
    KJ_POSTING_BEFORE = 1 << 25, /* `more` are the bytes before the window, not behind it */
    KJ_POSTING_MORE_SHIFT = 26,  /* three bits: how many bytes of `more` count */
    KJ_POSTING_PROBE = 1 << 29,
    KJ_POSTING_GAP_SHIFT = 25, /* of a probe: four bits: bytes from its first to its second */
    KJ_PROBE_GAP_MAX = 15,
};

/* A window is four folded bytes, first byte lowest. A probe is two bytes, and two masks which say
 * what bits of them count: first | second << 8 | first's mask << 16 | second's mask << 24. */
typedef struct kj_disk_posting {
    uint32_t window;
    uint32_t more;  /* up to four folded bytes beside a window, which every match has as well; when
                       the distance varies: what stands before the atom, reversed: word offset of the
                       program */
    uint32_t form;  /* index */
    uint32_t where; /* KJ_POSTING_... */
} kj_disk_posting;
_Static_assert(sizeof(kj_disk_posting) == 16, "layout");

typedef struct kj_disk_index {
    uint32_t forms; /* word offset in REGX of the array of kj_disk_form */
    uint32_t form_count;
    uint32_t piece_count;   /* of all chains */
    uint32_t filter_log2;   /* words of 32 bits: KJ_FILTER_LOG2_MIN to _MAX */
    uint32_t bucket_log2;   /* KJ_BUCKET_LOG2_MIN to _MAX */
    uint32_t posting_count; /* windows of triggers */
    uint32_t probe_count;   /* probes of triggers, behind those */
    uint32_t scanned_count; /* forms in SCAN that belong to triggers */
} kj_disk_index;
_Static_assert(sizeof(kj_disk_index) == 32, "layout");

/* ---- what makes a rule possible without a search: ANCH, ANCP, GATE ---------------------------
 *
 * A string that a rule wants at a place that can be computed (`$a at pe.entry_point`) is looked for
 * there only. An anchor is such a place; ANCP holds windows at distances from it, sorted by window,
 * and the rules that have no chance without them. A gate is a condition that several rules share;
 * they are evaluated only if it holds. */
typedef struct kj_disk_anchor {
    uint32_t code;        /* word offset of the expression that says where */
    uint32_t reach;       /* windows begin at distances below this */
    kj_disk_run anchored; /* ANCP */
    kj_disk_run rules;    /* LIST: rules that are possible wherever the anchor is */
    uint32_t views;       /* KJ_RULE_VIEW_...: those of all its rules */
} kj_disk_anchor;
_Static_assert(sizeof(kj_disk_anchor) == 28, "layout");

typedef struct kj_disk_anchored {
    uint32_t window; /* four bytes, folded */
    uint32_t distance;
    uint32_t rule;
} kj_disk_anchored;
_Static_assert(sizeof(kj_disk_anchored) == 12, "layout");

typedef struct kj_disk_gate {
    uint32_t code;
    uint32_t within;   /* an earlier gate that has to be open; KJ_NONE: none */
    kj_disk_run rules; /* LIST */
    uint32_t views;    /* KJ_RULE_VIEW_...: those of all rules behind it */
} kj_disk_gate;
_Static_assert(sizeof(kj_disk_gate) == 20, "layout");

enum { KJ_ANCHOR_REACH_MAX = 256 };

#define KJ_FOLD_BYTE UINT32_C(0x20)
#define KJ_FOLD_WORD UINT32_C(0x20202020)

enum {
    KJ_FILTER_LOG2_MIN = 5,
    KJ_FILTER_LOG2_MAX = 20,
    KJ_BUCKET_LOG2_MIN = 4,
    KJ_BUCKET_LOG2_MAX = 22,
    KJ_PIECES_MAX = 1 << 24, /* so that lists can be numbered */
};

/* Multiplicative hashing: the top bits choose the bucket, and the word of the filter. */
static inline uint32_t kj_window_hash(uint32_t window)
{
    return window * UINT32_C(0x9E3779B1);
}

static inline unsigned kj_log2_for(uint64_t count, unsigned min, unsigned max)
{
    unsigned log2 = min;
    while (log2 < max && UINT64_C(1) << log2 < count)
        log2++;
    return log2;
}

/* The sizes that suit an index of so many windows: with sixteen bits each, one in about sixty
 * passes the filter by chance. */
static inline unsigned kj_filter_log2_for(uint64_t windows)
{
    return kj_log2_for(windows * 16 / 32, KJ_FILTER_LOG2_MIN, KJ_FILTER_LOG2_MAX);
}

static inline unsigned kj_bucket_log2_for(uint64_t windows)
{
    return kj_log2_for(windows, KJ_BUCKET_LOG2_MIN, KJ_BUCKET_LOG2_MAX);
}

/* A window has two bits in a word of the filter. */
static inline uint32_t kj_filter_word(uint32_t hash, unsigned log2)
{
    return hash >> (32 - log2);
}

static inline uint32_t kj_filter_bits(uint32_t hash, unsigned log2)
{
    return UINT32_C(1) << (hash >> (27 - log2) & 31) | UINT32_C(1) << (hash >> (22 - log2) & 31);
}

/* ---- programs ------------------------------------------------------------------------------
 *
 * A kj_disk_program, its classes (eight words each: bit b of word b / 32), its instructions, a word
 * each: operation | argument << 8. Execution begins with the first instruction. Programs run as
 * sets of states, so their order of alternatives means nothing. */
typedef struct kj_disk_program {
    uint32_t code_count;
    uint32_t class_count;
    uint32_t flags;    /* KJ_PROGF_... */
    uint32_t least;    /* bytes of the shortest match */
    uint32_t first[8]; /* a class: the first bytes it can consume; all, when it may match empty */
    uint32_t any[8];   /* a class: all bytes it can consume */
} kj_disk_program;
_Static_assert(sizeof(kj_disk_program) == 80, "layout");

enum {
    KJ_PROGF_WIDE = 1 << 0,     /* \b and \B look at units of two bytes */
    KJ_PROGF_BACKWARD = 1 << 1, /* reads to the left of where it stands */
    KJ_PROGF_FLAGS = (1 << 2) - 1,
    KJ_PROGRAM_MAX_CODE = 1 << 17,
    KJ_CLASS_WORDS = 8,
};

typedef enum kj_inst {
    KJ_INST_BYTE,  /* consumes the byte `argument` */
    KJ_INST_ANY,   /* consumes a byte */
    KJ_INST_CLASS, /* consumes one of class `argument` */
    KJ_INST_SPLIT, /* goes on behind it and at instruction `argument` */
    KJ_INST_JUMP,
    KJ_INST_START, /* goes on at the start of the data only */
    KJ_INST_END,
    KJ_INST_WORD, /* \b: between [A-Za-z0-9_] and another or nothing */
    KJ_INST_NOT_WORD,
    KJ_INST_MATCH,
    KJ_INST_AFTER,  /* goes on where the byte before is in class `argument` >> 1, or, if its lowest
                       bit is set, at the start of the data */
    KJ_INST_BEFORE, /* likewise with the byte behind, and the end */
    KJ_INST_COUNT
} kj_inst;
