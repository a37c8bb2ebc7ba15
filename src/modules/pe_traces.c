/* SPDX-License-Identifier: Apache-2.0 */
/* The `pe` module: what linkers and compilers left behind - checksum, path of the debugging
 * symbols, "Rich" header. */
#include "modules/pe_module.h"

#include "base/arith.h"

/* ---- checksum ------------------------------------------------------------------------------- */

/* The sum of the file's words, carries added in again, and its length; the field that holds it
 * counts as zero when it is aligned, as in libyara. */
bool kj_pe_compute_checksum(const kj_pe_ask *ask)
{
    enum { CHECKSUM_AT = 88 };
    if (!kj_pe_pay(ask, ask->bytes.len))
        return false;
    kj_reader r = kj_reader_of(ask->bytes);
    uint64_t sum = 0;
    while (kj_reader_left(&r) >= 4) {
        bool is_checksum = r.pos == (uint64_t)ask->state->pe.offset + CHECKSUM_AT;
        uint32_t word = kj_read_u32le(&r);
        sum += is_checksum ? 0 : word;
        sum = (sum & UINT32_MAX) + (sum >> 32);
    }
    for (unsigned i = 0; kj_reader_left(&r); i++)
        sum += (uint64_t)kj_read_u8(&r) << 8 * i;
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & UINT16_MAX) + (sum >> 16);
    sum = (sum + (sum >> 16)) & UINT16_MAX;
    ask->state->checksum = (int64_t)(sum + ask->bytes.len);
    return true;
}

/* ---- debug directory ------------------------------------------------------------------------ */

/* CodeView records: the path is behind a header of this length. */
static const struct codeview {
    uint32_t signature;
    uint32_t path_at;
} codeviews[] = {
    {0x3031424E, 16}, /* "NB10" */
    {0x53445352, 24}, /* "RSDS" */
    {0x434F544D, 20}, /* "MTOC" */
};

/* False: no path that is short enough. */
static bool read_codeview(const kj_pe_ask *ask, uint64_t offset)
{
    enum { HEADER_LEN = 8, PATH_LIMIT = 4096 };
    kj_reader r = kj_pe_reader(ask, offset);
    uint32_t signature = kj_read_u32le(&r);
    if (!kj_pe_fits(ask, offset, HEADER_LEN))
        return false;
    for (size_t i = 0; i < KJ_COUNT(codeviews); i++) {
        uint64_t path_at = codeviews[i].path_at;
        if (codeviews[i].signature != signature || !kj_pe_fits(ask, offset, path_at + 1))
            continue;
        kj_span path = kj_pe_text(ask, offset + path_at, PATH_LIMIT);
        if (path.len >= PATH_LIMIT)
            return false;
        ask->state->pdb_path = path;
        return true;
    }
    return false;
}

/* Where a record lies: by its address, or by its offset in the file where that is nowhere. */
static uint64_t record_offset(const kj_pe_ask *ask, uint32_t rva, uint32_t raw)
{
    int64_t offset = rva ? kj_pe_offset(ask, rva) : 0;
    return offset > 0 ? (uint64_t)offset : raw;
}

bool kj_pe_read_debug(const kj_pe_ask *ask)
{
    enum { DIRECTORY = 6, ENTRY_LEN = 28, CODEVIEW = 2 };
    kj_pe_directory directory = ask->state->pe.directories[DIRECTORY];
    if (directory.rva == 0)
        return true;
    int64_t offset = kj_pe_offset(ask, directory.rva);
    if (offset < 0)
        return true;
    kj_reader r = kj_pe_reader(ask, (uint64_t)offset);
    for (uint32_t i = 0; i < directory.len / ENTRY_LEN && kj_reader_left(&r) >= ENTRY_LEN; i++) {
        if (!kj_pe_pay(ask, ENTRY_LEN))
            return false;
        kj_skip(&r, 12); /* characteristics, time, version */
        uint32_t type = kj_read_u32le(&r);
        kj_skip(&r, 4); /* size */
        uint32_t rva = kj_read_u32le(&r);
        uint32_t raw = kj_read_u32le(&r);
        uint64_t record = type == CODEVIEW ? record_offset(ask, rva, raw) : 0;
        if (record && read_codeview(ask, record))
            break;
    }
    return true;
}

/* ---- "Rich" --------------------------------------------------------------------------------- */

enum {
    RICH = 0x68636952,
    DANS = 0x536E6144,
    RICH_START = 16, /* "DanS" and the key three times */
    RICH_ENTRY = 8,  /* version and tool, number of uses */
    DOS_LEN = 64,
};

static uint32_t word_at(kj_span bytes, size_t offset)
{
    kj_reader r = kj_reader_of(kj_span_sub(bytes, offset, 4));
    return kj_read_u32le(&r);
}

/* The last `wanted` at or before *at, by steps of a word down to the DOS header's end. */
static bool find_back(kj_span bytes, size_t *at, uint32_t wanted)
{
    for (; *at >= DOS_LEN; *at -= 4)
        if (word_at(bytes, *at) == wanted)
            return true;
    return false;
}

static bool decode(const kj_pe_ask *ask, kj_pe_rich *rich)
{
    uint8_t *clear = kj_arena_alloc_raw(ask->arena, rich->raw.len);
    if (!clear)
        return false;
    for (size_t i = 0; i < rich->raw.len; i++)
        clear[i] = rich->raw.data[i] ^ (uint8_t)(rich->key >> 8 * (i % 4));
    rich->clear = (kj_span){clear, rich->raw.len};
    if (rich->raw.len < RICH_START)
        return true;
    size_t count = (rich->raw.len - RICH_START) / RICH_ENTRY;
    uint8_t *versions = kj_arena_alloc_raw(ask->arena, 4 * count + 1);
    if (!versions)
        return false;
    for (size_t i = 0; i < count; i++)
        memcpy(versions + 4 * i, clear + RICH_START + RICH_ENTRY * i, 4);
    rich->versions = (kj_span){versions, 4 * count};
    return true;
}

/* The list is found from its end: "Rich", then the key, before the PE header. */
bool kj_pe_read_rich(const kj_pe_ask *ask)
{
    uint32_t header = ask->state->pe.offset;
    if (header < 4 || !kj_pe_pay(ask, header))
        return header < 4;
    kj_pe_rich rich = {0};
    size_t end = header - 4;
    if (!find_back(ask->bytes, &end, RICH))
        return true;
    rich.key = word_at(ask->bytes, end + 4);
    size_t start = end - 4;
    if (rich.key == 0 || !find_back(ask->bytes, &start, DANS ^ rich.key))
        return true;
    rich.offset = start;
    rich.raw = kj_span_sub(ask->bytes, start, end - start);
    if (!decode(ask, &rich))
        return false;
    ask->state->rich = rich;
    return true;
}

/* How often tools of a version, or of an id, were used; below 0: any. */
static kj_value count_uses(const kj_pe_rich *rich, const int64_t *version, const int64_t *tool)
{
    if (rich->raw.len < RICH_START)
        return kj_value_undefined();
    int64_t uses = 0;
    for (size_t at = RICH_START; at + RICH_ENTRY <= rich->clear.len; at += RICH_ENTRY) {
        uint32_t entry = word_at(rich->clear, at);
        if ((!version || *version == (entry & UINT16_MAX)) && (!tool || *tool == entry >> 16))
            uses += word_at(rich->clear, at + 4);
    }
    return kj_value_int(uses);
}

static kj_value answer_rich(const kj_pe_ask *ask)
{
    const kj_pe_rich *rich = &ask->state->rich;
    const int64_t *first = &ask->args[0].integer;
    switch (ask->field) {
    case KJ_PEF_RICH_OFFSET:
        return kj_value_int((int64_t)rich->offset);
    case KJ_PEF_RICH_LENGTH:
        return kj_value_int((int64_t)rich->raw.len);
    case KJ_PEF_RICH_KEY:
        return kj_value_int(rich->key);
    case KJ_PEF_RICH_RAW:
        return kj_value_text(rich->raw);
    case KJ_PEF_RICH_CLEAR:
        return kj_value_text(rich->clear);
    case KJ_PEF_RICH_VERSIONS:
        return kj_pe_text_value(rich->versions);
    case KJ_PEF_RICH_VERSION:
        return count_uses(rich, first, NULL);
    case KJ_PEF_RICH_VERSION_TOOL:
        return count_uses(rich, first, &ask->args[1].integer);
    case KJ_PEF_RICH_TOOL:
        return count_uses(rich, NULL, first);
    default:
        return count_uses(rich, &ask->args[1].integer, first);
    }
}

kj_value kj_pe_answer_traces(const kj_pe_ask *ask)
{
    const kj_pe_state *state = ask->state;
    if (ask->field == KJ_PEF_CALCULATE_CHECKSUM)
        return kj_value_int(state->checksum);
    if (ask->field == KJ_PEF_PDB_PATH)
        return kj_pe_text_value(state->pdb_path);
    return state->rich.raw.data ? answer_rich(ask) : kj_value_undefined();
}
