/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the `pe` module share: field numbers, what they compute about an object, and
 * the question at hand. The facts are libyara 4.5's, oddities included, because rules are written
 * against them. */
#pragma once

#include "formats/pe.h"
#include "modules/module.h"

/* Numbers are part of the definitions format: never reuse one. Each file answers a range. */
enum kj_pe_field {
    /* pe_headers.c: numbers of the headers, in the order of its table of places */
    KJ_PEF_MACHINE = 1,
    KJ_PEF_NUMBER_OF_SECTIONS,
    KJ_PEF_TIMESTAMP,
    KJ_PEF_POINTER_TO_SYMBOL_TABLE,
    KJ_PEF_NUMBER_OF_SYMBOLS,
    KJ_PEF_SIZE_OF_OPTIONAL_HEADER,
    KJ_PEF_CHARACTERISTICS,
    KJ_PEF_OPTHDR_MAGIC,
    KJ_PEF_LINKER_MAJOR,
    KJ_PEF_LINKER_MINOR,
    KJ_PEF_SIZE_OF_CODE,
    KJ_PEF_SIZE_OF_INITIALIZED_DATA,
    KJ_PEF_SIZE_OF_UNINITIALIZED_DATA,
    KJ_PEF_ENTRY_POINT_RAW,
    KJ_PEF_BASE_OF_CODE,
    KJ_PEF_BASE_OF_DATA,
    KJ_PEF_IMAGE_BASE,
    KJ_PEF_SECTION_ALIGNMENT,
    KJ_PEF_FILE_ALIGNMENT,
    KJ_PEF_OS_MAJOR,
    KJ_PEF_OS_MINOR,
    KJ_PEF_IMAGE_MAJOR,
    KJ_PEF_IMAGE_MINOR,
    KJ_PEF_SUBSYSTEM_MAJOR,
    KJ_PEF_SUBSYSTEM_MINOR,
    KJ_PEF_WIN32_VERSION_VALUE,
    KJ_PEF_SIZE_OF_IMAGE,
    KJ_PEF_SIZE_OF_HEADERS,
    KJ_PEF_CHECKSUM,
    KJ_PEF_SUBSYSTEM,
    KJ_PEF_DLL_CHARACTERISTICS,
    KJ_PEF_SIZE_OF_STACK_RESERVE,
    KJ_PEF_SIZE_OF_STACK_COMMIT,
    KJ_PEF_SIZE_OF_HEAP_RESERVE,
    KJ_PEF_SIZE_OF_HEAP_COMMIT,
    KJ_PEF_LOADER_FLAGS,
    KJ_PEF_NUMBER_OF_RVA_AND_SIZES, /* the last of them */

    KJ_PEF_IS_PE = 50,
    KJ_PEF_ENTRY_POINT = 51,
    KJ_PEF_IS_DLL = 52,
    KJ_PEF_IS_32BIT = 53,
    KJ_PEF_IS_64BIT = 54,
    KJ_PEF_RVA_TO_OFFSET = 55,
    KJ_PEF_OVERLAY_OFFSET = 56,
    KJ_PEF_OVERLAY_SIZE = 57,
    KJ_PEF_DIRECTORIES = 60,
    KJ_PEF_DIRECTORIES_RVA = 61,
    KJ_PEF_DIRECTORIES_SIZE = 62,
    KJ_PEF_SECTION_INDEX_NAME = 70,
    KJ_PEF_SECTION_INDEX_OFFSET = 71,
    KJ_PEF_SECTIONS = 72,
    KJ_PEF_SECTIONS_NAME = 73,
    KJ_PEF_SECTIONS_FULL_NAME = 74,
    KJ_PEF_SECTIONS_CHARACTERISTICS = 75,
    KJ_PEF_SECTIONS_RVA = 76,
    KJ_PEF_SECTIONS_VIRTUAL_SIZE = 77,
    KJ_PEF_SECTIONS_RAW_OFFSET = 78,
    KJ_PEF_SECTIONS_RAW_SIZE = 79,
    KJ_PEF_SECTIONS_RELOCATIONS = 80,
    KJ_PEF_SECTIONS_LINE_NUMBERS = 81,
    KJ_PEF_SECTIONS_RELOCATION_COUNT = 82,
    KJ_PEF_SECTIONS_LINE_NUMBER_COUNT = 83,

    /* pe_traces.c: what the tools that made the program left behind */
    KJ_PEF_CALCULATE_CHECKSUM = 100,
    KJ_PEF_PDB_PATH = 101,
    KJ_PEF_RICH_OFFSET = 102,
    KJ_PEF_RICH_LENGTH = 103,
    KJ_PEF_RICH_KEY = 104,
    KJ_PEF_RICH_RAW = 105,
    KJ_PEF_RICH_CLEAR = 106,
    KJ_PEF_RICH_VERSIONS = 107,
    KJ_PEF_RICH_VERSION = 108,
    KJ_PEF_RICH_VERSION_TOOL = 109,
    KJ_PEF_RICH_TOOL = 110,
    KJ_PEF_RICH_TOOL_VERSION = 111,

    /* pe_imports.c */
    KJ_PEF_IMPORT_COUNT = 120,
    KJ_PEF_IMPORT_FUNCTION_COUNT = 121,
    KJ_PEF_IMPORTS = 122,
    KJ_PEF_IMPORTS_NAME = 123,
    KJ_PEF_IMPORTS_COUNT = 124,
    KJ_PEF_IMPORTS_FUNCTIONS = 125,
    KJ_PEF_IMPORTS_FUNCTION_NAME = 126,
    KJ_PEF_IMPORTS_FUNCTION_ORDINAL = 127,
    KJ_PEF_IMPORTS_FUNCTION_RVA = 128,
    KJ_PEF_IMPORT_RVA = 129,
    KJ_PEF_IMPORT_RVA_ORDINAL = 130,
    KJ_PEF_DELAYED_COUNT = 140, /* the same for delayed imports, in the same order */
    KJ_PEF_DELAYED_FUNCTION_COUNT,
    KJ_PEF_DELAYED,
    KJ_PEF_DELAYED_NAME,
    KJ_PEF_DELAYED_COUNT_OF,
    KJ_PEF_DELAYED_FUNCTIONS,
    KJ_PEF_DELAYED_FUNCTION_NAME,
    KJ_PEF_DELAYED_FUNCTION_ORDINAL,
    KJ_PEF_DELAYED_FUNCTION_RVA,
    KJ_PEF_DELAYED_RVA,
    KJ_PEF_DELAYED_RVA_ORDINAL,
    KJ_PEF_IMPORTS_DLL = 160, /* imports(): a number each form; those with flags 10 higher */
    KJ_PEF_IMPORTS_DLL_FUNCTION = 161,
    KJ_PEF_IMPORTS_DLL_ORDINAL = 162,
    KJ_PEF_IMPORTS_REGEX = 163,
    KJ_PEF_IMPORTS_FLAGS_DLL = 170,
    KJ_PEF_IMPORTS_FLAGS_DLL_FUNCTION = 171,
    KJ_PEF_IMPORTS_FLAGS_DLL_ORDINAL = 172,
    KJ_PEF_IMPORTS_FLAGS_REGEX = 173,
    KJ_PEF_IMPHASH = 180,

    /* pe_exports.c */
    KJ_PEF_EXPORT_COUNT = 200,
    KJ_PEF_DLL_NAME = 201,
    KJ_PEF_EXPORT_TIMESTAMP = 202,
    KJ_PEF_EXPORTS = 203,
    KJ_PEF_EXPORTS_OFFSET = 204,
    KJ_PEF_EXPORTS_NAME = 205,
    KJ_PEF_EXPORTS_FORWARD = 206,
    KJ_PEF_EXPORTS_ORDINAL = 207,
    KJ_PEF_EXPORTS_RVA = 208,
    KJ_PEF_HAS_EXPORT_NAME = 210,
    KJ_PEF_HAS_EXPORT_ORDINAL = 211,
    KJ_PEF_HAS_EXPORT_REGEX = 212,
    KJ_PEF_EXPORT_INDEX_NAME = 213,
    KJ_PEF_EXPORT_INDEX_ORDINAL = 214,
    KJ_PEF_EXPORT_INDEX_REGEX = 215,

    /* pe_resources.c */
    KJ_PEF_RESOURCE_COUNT = 230,
    KJ_PEF_RESOURCE_TIMESTAMP = 231,
    KJ_PEF_RESOURCE_MAJOR = 232,
    KJ_PEF_RESOURCE_MINOR = 233,
    KJ_PEF_RESOURCES = 234,
    KJ_PEF_RESOURCES_RVA = 235,
    KJ_PEF_RESOURCES_OFFSET = 236,
    KJ_PEF_RESOURCES_LENGTH = 237,
    KJ_PEF_RESOURCES_TYPE = 238,
    KJ_PEF_RESOURCES_ID = 239,
    KJ_PEF_RESOURCES_LANGUAGE = 240,
    KJ_PEF_RESOURCES_TYPE_STRING = 241,
    KJ_PEF_RESOURCES_NAME_STRING = 242,
    KJ_PEF_RESOURCES_LANGUAGE_STRING = 243,
    KJ_PEF_LOCALE = 244,
    KJ_PEF_LANGUAGE = 245,
    KJ_PEF_VERSION_INFO_COUNT = 250,
    KJ_PEF_VERSION_INFO = 251,
    KJ_PEF_VERSION_INFO_KEY = 252,
    KJ_PEF_VERSION_INFO_VALUE = 253,
    KJ_PEF_VERSION_INFO_LIST = 254,
    KJ_PEF_VERSION_INFO_LIST_KEY = 255,
    KJ_PEF_VERSION_INFO_LIST_VALUE = 256,

    /* pe_signatures.c. A certificate is nine fields, in the order of enum kj_pe_certificate_field,
     * wherever one stands. */
    KJ_PEF_IS_SIGNED = 300,
    KJ_PEF_SIGNATURE_COUNT = 301,
    KJ_PEF_SIGNATURES = 302,
    KJ_PEF_SIGNATURES_VERIFIED = 303,
    KJ_PEF_SIGNATURES_DIGEST_ALG = 304,
    KJ_PEF_SIGNATURES_DIGEST = 305,
    KJ_PEF_SIGNATURES_FILE_DIGEST = 306,
    KJ_PEF_SIGNATURES_CERTIFICATE_COUNT = 307,
    KJ_PEF_SIGNATURES_CERTIFICATES = 308,
    KJ_PEF_SIGNER_PROGRAM_NAME = 309,
    KJ_PEF_SIGNER_DIGEST = 310,
    KJ_PEF_SIGNER_DIGEST_ALG = 311,
    KJ_PEF_SIGNER_CHAIN_LENGTH = 312,
    KJ_PEF_SIGNER_CHAIN = 313,
    KJ_PEF_COUNTERSIGNATURE_COUNT = 314,
    KJ_PEF_COUNTERSIGNATURES = 315,
    KJ_PEF_COUNTERSIGNATURES_VERIFIED = 316,
    KJ_PEF_COUNTERSIGNATURES_TIME = 317,
    KJ_PEF_COUNTERSIGNATURES_DIGEST_ALG = 318,
    KJ_PEF_COUNTERSIGNATURES_DIGEST = 319,
    KJ_PEF_COUNTERSIGNATURES_CHAIN_LENGTH = 320,
    KJ_PEF_COUNTERSIGNATURES_CHAIN = 321,
    KJ_PEF_VALID_ON = 322,
    KJ_PEF_SIGNATURES_CERTIFICATE = 340,    /* of the signer: signatures[].subject */
    KJ_PEF_CERTIFICATES_CERTIFICATE = 350,  /* signatures[].certificates[].subject */
    KJ_PEF_CHAIN_CERTIFICATE = 360,         /* signatures[].signer_info.chain[].subject */
    KJ_PEF_COUNTER_CHAIN_CERTIFICATE = 370, /* signatures[].countersignatures[].chain[].subject */
    KJ_PEF_END = 380,
};

enum kj_pe_certificate_field {
    KJ_PE_THUMBPRINT,
    KJ_PE_ISSUER,
    KJ_PE_SUBJECT,
    KJ_PE_VERSION,
    KJ_PE_ALGORITHM,
    KJ_PE_ALGORITHM_OID,
    KJ_PE_SERIAL,
    KJ_PE_NOT_BEFORE,
    KJ_PE_NOT_AFTER,
    KJ_PE_CERTIFICATE_FIELDS
};

/* ---- what is computed, once an object ------------------------------------------------------- */

/* Texts whose `data` is NULL and numbers below 0 where it says so are undefined. Spans borrow from
 * the file's bytes or lie in the arena. */

typedef struct kj_pe_rich {
    kj_span raw; /* from "DanS", as it is in the file, up to "Rich"; empty: there is none */
    kj_span clear;
    kj_span versions; /* every other word of it; NULL when it is shorter than its own start */
    uint64_t offset;
    uint32_t key;
} kj_pe_rich;

typedef struct kj_pe_function {
    kj_span name;
    int32_t ordinal; /* below 0: imported by name */
    uint64_t rva;    /* of its place in the address table; 0: undefined */
} kj_pe_function;

typedef struct kj_pe_library {
    kj_span name;
    kj_pe_function *functions;
    size_t count;
    size_t capacity;
} kj_pe_library;

typedef struct kj_pe_imports {
    kj_pe_library *libraries;
    size_t count;
    size_t capacity;
    size_t function_count; /* summed */
} kj_pe_imports;

typedef struct kj_pe_export {
    kj_span name;
    kj_span forward;
    int64_t offset; /* below 0: undefined */
    uint32_t ordinal;
    uint32_t rva;
} kj_pe_export;

typedef struct kj_pe_exports {
    kj_pe_export *items;
    size_t count;
    kj_span dll_name;
    int64_t timestamp; /* below 0: undefined */
} kj_pe_exports;

/* Levels of the resource tree. */
enum { KJ_PE_TYPE, KJ_PE_NAME, KJ_PE_LANGUAGE, KJ_PE_LEVELS };

typedef struct kj_pe_resource {
    uint32_t rva;
    uint32_t len;
    int64_t offset;              /* below 0: undefined */
    int32_t ids[KJ_PE_LEVELS];   /* -1: undefined */
    kj_span names[KJ_PE_LEVELS]; /* in place of an id: UTF-16 */
} kj_pe_resource;

typedef struct kj_pe_version_info {
    kj_span key;
    kj_span value;
    uint64_t offset; /* of the key, in the file */
} kj_pe_version_info;

/* An entry of the dictionary version_info: positions in the list. */
typedef struct kj_pe_version_key {
    size_t first; /* which put it there */
    size_t last;  /* whose value it has */
} kj_pe_version_key;

typedef struct kj_pe_resources {
    bool found; /* there is a tree: the three numbers are defined */
    uint32_t timestamp;
    uint16_t major;
    uint16_t minor;
    kj_pe_resource *items;
    size_t count;
    size_t capacity;
    kj_pe_version_info *infos;
    size_t info_count;
    size_t info_capacity;
    kj_pe_version_key *keys; /* in the order in which they came */
    size_t key_count;
} kj_pe_resources;

typedef struct kj_pe_certificate {
    kj_span thumbprint;
    kj_span issuer;
    kj_span subject;
    kj_span algorithm;
    kj_span algorithm_oid;
    kj_span serial;
    int64_t version;
    int64_t not_before; /* seconds since 1970 */
    int64_t not_after;
    kj_span der; /* the whole of it */
} kj_pe_certificate;

typedef struct kj_pe_certificates {
    kj_pe_certificate *items;
    size_t count;
    size_t capacity;
} kj_pe_certificates;

typedef struct kj_pe_countersignature {
    bool verified;
    int64_t sign_time; /* seconds since 1970 */
    kj_span digest_alg;
    kj_span digest; /* hex, as all digests here */
    kj_pe_certificates chain;
} kj_pe_countersignature;

typedef enum kj_pe_flaw {
    KJ_PE_SOUND,
    KJ_PE_INVALID, /* listed, but not verified */
    KJ_PE_HIDDEN,  /* no signature at all: not listed */
} kj_pe_flaw;

typedef struct kj_pe_signature {
    kj_pe_flaw flaw; /* while it is read */
    bool verified;
    kj_span digest_alg;
    kj_span digest;
    kj_span file_digest;
    kj_pe_certificates certificates;
    bool has_signer;
    kj_span program_name;
    kj_span signer_digest;
    kj_span signer_digest_alg;
    kj_pe_certificates chain; /* of the signer, its own certificate first */
    kj_pe_countersignature *counters;
    size_t counter_count;
    size_t counter_capacity;
} kj_pe_signature;

typedef struct kj_pe_signatures {
    kj_pe_signature *items;
    size_t count;
    size_t capacity;
    bool verified; /* one of them is */
} kj_pe_signatures;

typedef enum kj_pe_progress {
    KJ_PE_NEW,
    KJ_PE_READY,
    KJ_PE_FAILED, /* work or memory ran out: undefined for this object */
} kj_pe_progress;

enum {
    KJ_PE_PART_HEADERS,
    KJ_PE_PART_CHECKSUM,
    KJ_PE_PART_DEBUG,
    KJ_PE_PART_RICH,
    KJ_PE_PART_IMPORTS,
    KJ_PE_PART_DELAYED,
    KJ_PE_PART_IMPHASH,
    KJ_PE_PART_EXPORTS,
    KJ_PE_PART_RESOURCES,
    KJ_PE_PART_SIGNATURES,
    KJ_PE_PARTS
};

typedef struct kj_pe_state {
    kj_pe_progress parts[KJ_PE_PARTS];
    bool spent; /* no work was left: what was computed since may lack something */
    bool is_pe;
    kj_pe pe;
    int64_t checksum;
    kj_span pdb_path;
    kj_span imphash;
    kj_pe_rich rich;
    kj_pe_imports imports;
    kj_pe_imports delayed;
    kj_pe_exports exports;
    kj_pe_resources resources;
    kj_pe_signatures signatures;
} kj_pe_state;

/* ---- a question ----------------------------------------------------------------------------- */

typedef struct kj_pe_ask {
    uint16_t field;
    const kj_value *args; /* as many, and of such types, as the field's row says */
    const kj_field_call *call;
    const kj_module_input *input;
    kj_arena *arena;
    kj_span bytes; /* the object's */
    kj_pe_state *state;
} kj_pe_ask;

/* A question to this module about `bytes`, which are the object's or a view of it; `state` is NULL
 * without memory. */
kj_pe_ask kj_pe_ask_of(const kj_module_input *input, const kj_field_call *call, kj_span bytes);

/* Takes `bytes` of work; false when there is none left. */
bool kj_pe_pay(const kj_pe_ask *ask, uint64_t bytes);

/* Computes a part unless that was done. False when it cannot be. */
bool kj_pe_need(const kj_pe_ask *ask, unsigned part);

/* Whether `len` bytes from `offset` are in the file. */
static inline bool kj_pe_fits(const kj_pe_ask *ask, uint64_t offset, uint64_t len)
{
    return len <= ask->bytes.len && offset <= ask->bytes.len - len;
}

/* A reader at `offset`, which may lie anywhere. */
kj_reader kj_pe_reader(const kj_pe_ask *ask, uint64_t offset);

/* The file offset of an address, -1 where it has none; paid for. */
int64_t kj_pe_offset(const kj_pe_ask *ask, uint64_t rva);

/* The text at `offset` up to its NUL, to `max` bytes or to the end of the file. */
kj_span kj_pe_text(const kj_pe_ask *ask, uint64_t offset, uint64_t max);

/* `text` up to its first NUL: what C makes of an argument. */
kj_span kj_pe_until_nul(kj_span text);

/* Bytes as small hex digits, in the arena. NULL data without memory. */
kj_span kj_pe_hex(kj_arena *arena, kj_span bytes);

/* Room for one more of `size` bytes behind the `count` in *items, which may move in the arena.
 * False without memory. */
bool kj_pe_grow(kj_arena *arena, void *items, size_t count, size_t *capacity, size_t size);

static inline kj_value kj_pe_text_value(kj_span text)
{
    return text.data ? kj_value_text(text) : kj_value_undefined();
}

static inline kj_value kj_pe_int_value(int64_t value)
{
    return value < 0 ? kj_value_undefined() : kj_value_int(value);
}

/* What index args[n] names among `count`; false: nothing. */
bool kj_pe_index(const kj_pe_ask *ask, size_t n, size_t count, size_t *out);

/* The parts: compute what they have in the state; false when work or memory ran out. */
bool kj_pe_compute_checksum(const kj_pe_ask *ask);
bool kj_pe_read_debug(const kj_pe_ask *ask);
bool kj_pe_read_rich(const kj_pe_ask *ask);
bool kj_pe_read_imports(const kj_pe_ask *ask);
bool kj_pe_read_delayed(const kj_pe_ask *ask);
bool kj_pe_compute_imphash(const kj_pe_ask *ask);
bool kj_pe_read_exports(const kj_pe_ask *ask);
bool kj_pe_read_resources(const kj_pe_ask *ask);
bool kj_pe_read_signatures(const kj_pe_ask *ask);

/* Appends the text whose MD5 is called imphash. */
void kj_pe_put_import_text(const kj_pe_imports *imports, kj_buf *out);

/* The answers of a range of fields. */
kj_value kj_pe_answer_headers(const kj_pe_ask *ask);
kj_value kj_pe_answer_traces(const kj_pe_ask *ask);
kj_value kj_pe_answer_imports(const kj_pe_ask *ask);
kj_value kj_pe_answer_exports(const kj_pe_ask *ask);
kj_value kj_pe_answer_resources(const kj_pe_ask *ask);
kj_value kj_pe_answer_signatures(const kj_pe_ask *ask);

/* What an ordinal of a library of Windows is called: "ordN" where nobody knows. In the arena or
 * static; NULL data without memory. */
kj_span kj_pe_ordinal_name(kj_arena *arena, kj_span library, uint16_t ordinal);
