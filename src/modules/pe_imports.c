/* SPDX-License-Identifier: Apache-2.0 */
/* The `pe` module: what a program imports, at once and delayed, and imphash.
 *
 *     directory -> descriptors (20 bytes; 32 when delayed), each: name of a library, table of names
 *     table of names: a word a function, with its high bit an ordinal, without the address of a
 *     hint (2 bytes) and the name */
#include "modules/pe_module.h"

#include "base/arith.h"
#include "base/hash.h"
#include "base/text.h"

enum {
    IMPORTS_MAX = 16384, /* libraries, and functions of all of them; and of one, tried */
    FUNCTION_NAME_MAX = 512,
    LIBRARY_NAME_MAX = 256, /* with its NUL */
    HINT_LEN = 2,
    HINT_AND_NAME_MIN = 4, /* what libyara wants to be there */
};

static unsigned word_len(const kj_pe_ask *ask)
{
    return ask->state->pe.is64 ? 8 : 4;
}

static uint64_t read_word(const kj_pe_ask *ask, kj_reader *r)
{
    return ask->state->pe.is64 ? kj_read_u64le(r) : kj_read_u32le(r);
}

static uint64_t ordinal_flag(const kj_pe_ask *ask)
{
    return ask->state->pe.is64 ? UINT64_C(1) << 63 : UINT64_C(1) << 31;
}

static bool add_function(const kj_pe_ask *ask, kj_pe_library *library, kj_pe_function function)
{
    if (!kj_pe_grow(ask->arena, &library->functions, library->count, &library->capacity,
                    sizeof *library->functions))
        return false;
    library->functions[library->count++] = function;
    return true;
}

static bool add_library(const kj_pe_ask *ask, kj_pe_imports *imports, kj_pe_library library)
{
    if (!kj_pe_grow(ask->arena, &imports->libraries, imports->count, &imports->capacity,
                    sizeof *imports->libraries))
        return false;
    imports->libraries[imports->count++] = library;
    imports->function_count += library.count;
    return true;
}

/* What cannot be in the name of a file on Windows makes no library; separators may be in it. */
static bool is_library_name(kj_span name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] < ' ' || name.data[i] > '~' || strchr("\"*<>?|", name.data[i]))
            return false;
    return name.len > 0;
}

/* Empty: not a name, or not one that ends within `max` bytes and the file. */
static kj_span library_name(const kj_pe_ask *ask, uint32_t rva, size_t max)
{
    int64_t offset = kj_pe_offset(ask, rva);
    if (offset < 0)
        return (kj_span){0};
    size_t room = kj_min_size(max, ask->bytes.len - (size_t)offset);
    kj_span name = kj_pe_text(ask, (uint64_t)offset, room);
    if (!kj_pe_pay(ask, name.len) || name.len == room || !is_library_name(name))
        return (kj_span){0};
    return name;
}

/* ---- imports -------------------------------------------------------------------------------- */

static bool is_function_name(kj_span name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!kj_is_alnum(name.data[i]) && !memchr("._?@$()<>", name.data[i], 9))
            return false;
    return name.len > 0;
}

/* A word of the table. `name` stays NULL and `ordinal` below 0 for one that names nothing. */
static bool read_thunk(const kj_pe_ask *ask, kj_span library, uint64_t word, kj_pe_function *out)
{
    uint64_t flag = ordinal_flag(ask);
    if (word & flag) {
        if (word > (flag | UINT16_MAX))
            return true;
        out->ordinal = (int32_t)(word & UINT16_MAX);
        out->name = kj_pe_ordinal_name(ask->arena, library, (uint16_t)word);
        return out->name.data != NULL;
    }
    int64_t offset = kj_pe_offset(ask, word);
    if (offset < 0 || !kj_pe_fits(ask, (uint64_t)offset, HINT_AND_NAME_MIN))
        return true;
    kj_span name = kj_pe_text(ask, (uint64_t)offset + HINT_LEN, FUNCTION_NAME_MAX);
    if (is_function_name(name))
        out->name = name;
    return kj_pe_pay(ask, name.len);
}

typedef struct descriptor {
    uint32_t names;
    uint32_t library;
    uint32_t addresses;
} descriptor;

/* Where the functions are named: a descriptor without that table has its address table for it. */
static int64_t find_thunks(const kj_pe_ask *ask, const descriptor *d)
{
    int64_t offset = kj_pe_offset(ask, d->names);
    return offset > 0 ? offset : kj_pe_offset(ask, d->addresses);
}

static bool read_functions(const kj_pe_ask *ask, const descriptor *d, size_t already,
                           kj_pe_library *library)
{
    int64_t offset = find_thunks(ask, d);
    if (offset < 0)
        return true;
    kj_reader r = kj_pe_reader(ask, (uint64_t)offset);
    unsigned width = word_len(ask);
    for (uint32_t i = 0; i < IMPORTS_MAX && already + library->count < IMPORTS_MAX; i++) {
        uint64_t word = read_word(ask, &r);
        if (word == 0) /* the end, of the table or of the file */
            break;
        uint64_t rva = d->addresses + (uint64_t)width * i;
        kj_pe_function function = {.ordinal = -1, .rva = width == 8 ? rva : (uint32_t)rva};
        if (!kj_pe_pay(ask, width) || !read_thunk(ask, library->name, word, &function))
            return false;
        if (function.name.data && !add_function(ask, library, function))
            return false;
    }
    return true;
}

static bool read_library(const kj_pe_ask *ask, const descriptor *d)
{
    kj_pe_imports *imports = &ask->state->imports;
    kj_pe_library library = {.name = library_name(ask, d->library, LIBRARY_NAME_MAX)};
    if (library.name.len == 0)
        return true;
    if (!read_functions(ask, d, imports->function_count, &library))
        return false;
    return library.count == 0 || add_library(ask, imports, library);
}

bool kj_pe_read_imports(const kj_pe_ask *ask)
{
    enum { DIRECTORY = 1, DESCRIPTOR_LEN = 20 };
    uint32_t rva = ask->state->pe.directories[DIRECTORY].rva;
    int64_t offset = rva ? kj_pe_offset(ask, rva) : -1;
    if (offset < 0)
        return true;
    kj_reader r = kj_pe_reader(ask, (uint64_t)offset);
    for (size_t i = 0; i < IMPORTS_MAX && kj_reader_left(&r) >= DESCRIPTOR_LEN; i++) {
        descriptor d = {.names = kj_read_u32le(&r)};
        kj_skip(&r, 8); /* time, forwarders */
        d.library = kj_read_u32le(&r);
        d.addresses = kj_read_u32le(&r);
        if (d.library == 0)
            break;
        if (!kj_pe_pay(ask, DESCRIPTOR_LEN) || !read_library(ask, &d))
            return false;
    }
    return true;
}

/* ---- delayed imports ------------------------------------------------------------------------ */

typedef struct delayed {
    uint32_t attributes; /* 1: the rest are relative addresses; 0: absolute ones, as Visual C++ 6
                            made them */
    uint32_t library;
    uint32_t module;
    uint32_t addresses;
    uint32_t names;
    uint32_t bound;
    uint32_t unload;
    uint32_t timestamp;
} delayed;

static delayed read_delayed(kj_reader *r)
{
    delayed d = {.attributes = kj_read_u32le(r)};
    d.library = kj_read_u32le(r);
    d.module = kj_read_u32le(r);
    d.addresses = kj_read_u32le(r);
    d.names = kj_read_u32le(r);
    d.bound = kj_read_u32le(r);
    d.unload = kj_read_u32le(r);
    d.timestamp = kj_read_u32le(r);
    return d;
}

static bool is_last_delayed(const delayed *d)
{
    return (d->attributes | d->library | d->module | d->addresses | d->names | d->bound |
            d->unload | d->timestamp) == 0;
}

static uint64_t relative(const kj_pe_ask *ask, uint64_t address)
{
    uint64_t base = ask->state->pe.image_base;
    return address > base ? address - base : address;
}

static bool is_sound_delayed(const kj_pe_ask *ask, const delayed *d)
{
    enum { DOS_LEN = 64 };
    uint32_t size = ask->state->pe.image_size;
    return d->names < size && d->addresses < size && d->library >= DOS_LEN && d->names >= DOS_LEN;
}

/* The word at an address; 0, which ends a table, where there is none. */
static uint64_t word_at(const kj_pe_ask *ask, uint64_t rva)
{
    int64_t offset = kj_pe_offset(ask, rva);
    if (offset < 0)
        return 0;
    kj_reader r = kj_pe_reader(ask, (uint64_t)offset);
    return read_word(ask, &r);
}

/* Names are not looked at here: any text will do, an empty one too. */
static bool read_delayed_thunk(const kj_pe_ask *ask, const delayed *d, kj_span library,
                               uint64_t word, kj_pe_function *out)
{
    if (word & ordinal_flag(ask)) {
        out->ordinal = (int32_t)(word & UINT16_MAX);
        out->name = kj_pe_ordinal_name(ask->arena, library, (uint16_t)word);
        return out->name.data != NULL;
    }
    int64_t offset = kj_pe_offset(ask, (d->attributes ? word : relative(ask, word)) + HINT_LEN);
    if (offset >= 0)
        out->name = kj_pe_text(ask, (uint64_t)offset, FUNCTION_NAME_MAX);
    return kj_pe_pay(ask, out->name.len);
}

static bool read_delayed_functions(const kj_pe_ask *ask, const delayed *d, kj_pe_library *library)
{
    size_t already = ask->state->delayed.function_count;
    for (uint64_t i = 0; i < IMPORTS_MAX && already + library->count < IMPORTS_MAX; i++) {
        uint64_t step = i * word_len(ask);
        uint64_t name = word_at(ask, d->names + step);
        if (name == 0 || word_at(ask, d->addresses + step) == 0)
            break;
        kj_pe_function function = {.ordinal = -1, .rva = d->addresses + step};
        if (!read_delayed_thunk(ask, d, library->name, name, &function))
            return false;
        if (function.name.data && !add_function(ask, library, function))
            return false;
    }
    return true;
}

bool kj_pe_read_delayed(const kj_pe_ask *ask)
{
    enum { DIRECTORY = 13, DESCRIPTOR_LEN = 32 };
    kj_pe_imports *imports = &ask->state->delayed;
    uint32_t rva = ask->state->pe.directories[DIRECTORY].rva;
    int64_t offset = rva ? kj_pe_offset(ask, rva) : -1;
    if (offset < 0)
        return true;
    kj_reader r = kj_pe_reader(ask, (uint64_t)offset);
    for (size_t i = 0; i < IMPORTS_MAX && kj_reader_left(&r) >= DESCRIPTOR_LEN; i++) {
        delayed d = read_delayed(&r);
        if (is_last_delayed(&d) || d.attributes > 1)
            break;
        if (!d.attributes && !ask->state->pe.is64) {
            d.library = (uint32_t)relative(ask, d.library);
            d.addresses = (uint32_t)relative(ask, d.addresses);
            d.names = (uint32_t)relative(ask, d.names);
        }
        if (!is_sound_delayed(ask, &d))
            break;
        kj_pe_library library = {.name = library_name(ask, d.library, SIZE_MAX)};
        if (library.name.len &&
            (!read_delayed_functions(ask, &d, &library) || !add_library(ask, imports, library)))
            return false;
        if (!kj_pe_pay(ask, DESCRIPTOR_LEN))
            return false;
    }
    return true;
}

/* ---- imphash -------------------------------------------------------------------------------- */

/* Without an extension that begins as one of a library does. */
static kj_span stem_of(kj_span library)
{
    static const char *const extensions[] = {".ocx", ".sys", ".dll"};
    const uint8_t *dot = memrchr(library.data, '.', library.len);
    if (!dot)
        return library;
    size_t at = (size_t)(dot - library.data);
    for (size_t i = 0; i < KJ_COUNT(extensions); i++)
        if (kj_text_equal_nocase(kj_span_sub(library, at, 4), kj_span_str(extensions[i])))
            return kj_span_sub(library, 0, at);
    return library;
}

static void put_lower(kj_buf *out, kj_span text)
{
    for (size_t i = 0; i < text.len; i++)
        kj_buf_put_byte(out, kj_lower(text.data[i]));
}

/* "library.function,library.function..." in small letters. Source: Mandiant, "Tracking Malware with
 * Import Hashing". */
void kj_pe_put_import_text(const kj_pe_imports *imports, kj_buf *out)
{
    for (size_t i = 0; i < imports->count; i++) {
        const kj_pe_library *library = &imports->libraries[i];
        kj_span stem = stem_of(library->name);
        for (size_t k = 0; k < library->count; k++) {
            if (out->len)
                kj_buf_put_byte(out, ',');
            put_lower(out, stem);
            kj_buf_put_byte(out, '.');
            put_lower(out, library->functions[k].name);
        }
    }
}

bool kj_pe_compute_imphash(const kj_pe_ask *ask)
{
    if (!kj_pe_need(ask, KJ_PE_PART_IMPORTS))
        return false;
    kj_buf list;
    kj_buf_init(&list, IMPORTS_MAX * (LIBRARY_NAME_MAX + FUNCTION_NAME_MAX + 2));
    kj_pe_put_import_text(&ask->state->imports, &list);
    uint8_t digest[KJ_HASH_MAX];
    bool ok = !list.failed && kj_pe_pay(ask, 2 * (uint64_t)list.len);
    if (ok)
        kj_hash(KJ_HASH_MD5, kj_buf_span(&list), digest);
    kj_buf_done(&list);
    if (ok)
        ask->state->imphash = kj_pe_hex(ask->arena, kj_span_of(digest, kj_hash_len(KJ_HASH_MD5)));
    return ask->state->imphash.data != NULL;
}

/* ---- answers -------------------------------------------------------------------------------- */

static bool is_function(const kj_pe_function *function, kj_value what)
{
    return what.type == KJ_TYPE_INT ? function->ordinal >= 0 && function->ordinal == what.integer
                                    : kj_text_equal_nocase(function->name, what.text);
}

/* Arguments may hold a NUL where imports() is asked, which ends them there, as in C. */
static kj_value c_text(kj_value value)
{
    if (value.type == KJ_TYPE_STRING)
        value.text = kj_pe_until_nul(value.text);
    return value;
}

/* How many functions `args` ask for: all of a library, or those that a pair of regexes matches. */
static uint64_t count_matching(const kj_pe_ask *ask, const kj_pe_library *library,
                               const kj_value *args)
{
    const kj_field_call *call = ask->call;
    if (args[0].type == KJ_TYPE_STRING)
        return kj_text_equal_nocase(library->name, kj_pe_until_nul(args[0].text)) ? library->count
                                                                                  : 0;
    uint64_t count = 0;
    if (!call->matches || !call->matches(call, args[0], library->name))
        return 0;
    for (size_t i = 0; i < library->count; i++)
        count += call->matches(call, args[1], library->functions[i].name);
    return count;
}

static uint64_t count_imports(const kj_pe_ask *ask, const kj_pe_imports *imports,
                              const kj_value *args)
{
    uint64_t count = 0;
    for (size_t i = 0; i < imports->count; i++)
        count += count_matching(ask, &imports->libraries[i], args);
    return count;
}

/* 1 when there is such a function; its address goes to *out_rva. */
static bool find_import(const kj_pe_imports *imports, kj_span library, kj_value what,
                        uint64_t *out_rva)
{
    for (size_t i = 0; i < imports->count; i++) {
        const kj_pe_library *candidate = &imports->libraries[i];
        if (!kj_text_equal_nocase(candidate->name, library))
            continue;
        for (size_t k = 0; k < candidate->count; k++)
            if (is_function(&candidate->functions[k], what)) {
                *out_rva = candidate->functions[k].rva;
                return true;
            }
    }
    return false;
}

/* imports() over one kind of import: `form` is the field without flags. */
static uint64_t ask_imports(const kj_pe_ask *ask, const kj_pe_imports *imports, uint16_t form,
                            const kj_value *args)
{
    uint64_t unused;
    if (form == KJ_PEF_IMPORTS_DLL || form == KJ_PEF_IMPORTS_REGEX)
        return count_imports(ask, imports, args);
    return find_import(imports, kj_pe_until_nul(args[0].text), c_text(args[1]), &unused);
}

/* What a walk over all imports costs. */
static bool pay_walk(const kj_pe_ask *ask, const kj_pe_imports *imports)
{
    return kj_pe_pay(ask, 16 * (imports->count + (uint64_t)imports->function_count));
}

static kj_value answer_flags(const kj_pe_ask *ask)
{
    enum { STANDARD = 1, DELAYED = 2 };
    int64_t flags = ask->args[0].integer;
    uint16_t form = (uint16_t)(ask->field - KJ_PEF_IMPORTS_FLAGS_DLL + KJ_PEF_IMPORTS_DLL);
    bool counts = form == KJ_PEF_IMPORTS_DLL || form == KJ_PEF_IMPORTS_REGEX;
    const struct {
        int64_t flag;
        unsigned part;
        const kj_pe_imports *imports;
    } kinds[] = {
        {STANDARD, KJ_PE_PART_IMPORTS, &ask->state->imports},
        {DELAYED, KJ_PE_PART_DELAYED, &ask->state->delayed},
    };
    uint64_t found = 0;
    for (size_t i = 0; i < KJ_COUNT(kinds); i++) {
        if (!(flags & kinds[i].flag))
            continue;
        if (!kj_pe_need(ask, kinds[i].part) || !pay_walk(ask, kinds[i].imports))
            return kj_value_undefined();
        found += ask_imports(ask, kinds[i].imports, form, ask->args + 1);
    }
    return kj_value_int(counts ? (int64_t)found : found > 0);
}

/* `what`: the field's distance from IMPORT_COUNT, or from DELAYED_COUNT. */
static kj_value answer_function(const kj_pe_function *function, unsigned what)
{
    switch (what) {
    case KJ_PEF_IMPORTS_FUNCTION_NAME - KJ_PEF_IMPORT_COUNT:
        return kj_pe_text_value(function->name);
    case KJ_PEF_IMPORTS_FUNCTION_ORDINAL - KJ_PEF_IMPORT_COUNT:
        return kj_pe_int_value(function->ordinal);
    default:
        return function->rva ? kj_value_int((int64_t)function->rva) : kj_value_undefined();
    }
}

static kj_value answer_library(const kj_pe_ask *ask, const kj_pe_library *library, unsigned what)
{
    size_t index;
    switch (what) {
    case KJ_PEF_IMPORTS_NAME - KJ_PEF_IMPORT_COUNT:
        return kj_value_text(library->name);
    case KJ_PEF_IMPORTS_COUNT - KJ_PEF_IMPORT_COUNT:
    case KJ_PEF_IMPORTS_FUNCTIONS - KJ_PEF_IMPORT_COUNT:
        return kj_value_int((int64_t)library->count);
    default:
        return kj_pe_index(ask, 1, library->count, &index)
                   ? answer_function(&library->functions[index], what)
                   : kj_value_undefined();
    }
}

static kj_value answer_details(const kj_pe_ask *ask, const kj_pe_imports *imports, unsigned what)
{
    uint64_t rva = 0;
    size_t index;
    switch (what) {
    case 0:
    case KJ_PEF_IMPORTS - KJ_PEF_IMPORT_COUNT:
        return kj_value_int((int64_t)imports->count);
    case KJ_PEF_IMPORT_FUNCTION_COUNT - KJ_PEF_IMPORT_COUNT:
        return kj_value_int((int64_t)imports->function_count);
    case KJ_PEF_IMPORT_RVA - KJ_PEF_IMPORT_COUNT:
    case KJ_PEF_IMPORT_RVA_ORDINAL - KJ_PEF_IMPORT_COUNT:
        return pay_walk(ask, imports) &&
                       find_import(imports, ask->args[0].text, ask->args[1], &rva) && rva
                   ? kj_value_int((int64_t)rva)
                   : kj_value_undefined();
    default:
        return kj_pe_index(ask, 0, imports->count, &index)
                   ? answer_library(ask, &imports->libraries[index], what)
                   : kj_value_undefined();
    }
}

kj_value kj_pe_answer_imports(const kj_pe_ask *ask)
{
    const kj_pe_state *state = ask->state;
    if (ask->field == KJ_PEF_IMPHASH)
        return kj_value_text(state->imphash);
    if (ask->field >= KJ_PEF_IMPORTS_FLAGS_DLL)
        return answer_flags(ask);
    if (ask->field >= KJ_PEF_IMPORTS_DLL)
        return pay_walk(ask, &state->imports)
                   ? kj_value_int((int64_t)ask_imports(ask, &state->imports, ask->field, ask->args))
                   : kj_value_undefined();
    if (ask->field >= KJ_PEF_DELAYED_COUNT)
        return answer_details(ask, &state->delayed, ask->field - KJ_PEF_DELAYED_COUNT);
    return answer_details(ask, &state->imports, ask->field - KJ_PEF_IMPORT_COUNT);
}
