/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/pe_digests.h"

#include "base/arith.h"
#include "modules/pe_module.h"

enum {
    CHECKSUM_AT = 88,      /* from "PE\0\0" on */
    CERTIFICATES_AT = 152, /* the directory; 16 more in programs of 64 bits */
    DIRECTORY_LEN = 8,
    SECTOR = 512,
    WORK_MAX = 256 << 20, /* bytes looked at for the text of imports, summed */
};

/* ---- sections --------------------------------------------------------------------------------
 */

/* The alignment that a file was really made with: one that says more, but has a section at a
 * multiple of a sector only, was made with that. Found out with ClamAV 1.4. */
static uint32_t alignment_of(const kj_pe *pe)
{
    uint32_t said = pe->file_alignment;
    for (size_t i = 0; said && i < pe->sections_read; i++) {
        uint32_t offset = pe->sections[i].raw_offset;
        if (offset && offset % said && offset % SECTOR == 0)
            return SECTOR;
    }
    return said;
}

static kj_span section_data(const kj_pe_section *section, kj_span bytes, uint64_t alignment)
{
    uint64_t start = section->raw_offset, len = section->raw_size;
    if (alignment) {
        start -= start % alignment;
        len = (len + alignment - 1) / alignment * alignment;
    }
    if (start >= bytes.len)
        return (kj_span){0};
    return kj_span_sub(bytes, (size_t)start, (size_t)kj_min_u64(len, bytes.len - start));
}

size_t kj_pe_section_data(const kj_pe *pe, kj_span bytes, kj_span out[KJ_PE_SECTIONS_MAX])
{
    uint32_t alignment = alignment_of(pe);
    size_t count = 0;
    for (size_t i = 0; i < pe->sections_read; i++) {
        out[count] = section_data(&pe->sections[i], bytes, alignment);
        count += out[count].len > 0;
    }
    return count;
}

/* ---- imports ---------------------------------------------------------------------------------
 */

static bool pay(const kj_field_call *call, uint64_t bytes)
{
    uint64_t *left = call->engine;
    uint64_t taken = kj_min_u64(bytes, *left);
    *left -= taken;
    return taken == bytes;
}

kj_status kj_pe_import_text(const kj_pe *pe, kj_span bytes, kj_arena *arena, kj_buf *out,
                            kj_error *err)
{
    uint64_t left = WORK_MAX;
    const kj_field_call call = {.pay = pay, .engine = &left};
    kj_pe_state *state = kj_new(arena, kj_pe_state);
    if (!state)
        return kj_no_memory(err);
    state->pe = *pe;
    const kj_pe_ask ask = {.call = &call, .arena = arena, .bytes = bytes, .state = state};
    bool read = kj_pe_read_imports(&ask) && !state->spent;
    if (read)
        kj_pe_put_import_text(&state->imports, out);
    if (out->starved || (!read && !state->spent))
        return kj_no_memory(err);
    if (!read || out->failed)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET,
                       "it imports too much for a digest of its imports");
    return KJ_OK;
}

/* ---- Authenticode ----------------------------------------------------------------------------
 */

bool kj_pe_signed_parts(const kj_pe *pe, kj_span bytes, kj_span out[KJ_PE_SIGNED_PARTS])
{
    uint64_t certificates = pe->directories[KJ_PE_CERTIFICATES].rva;
    uint64_t end = certificates ? kj_min_u64(certificates, bytes.len) : bytes.len;
    uint64_t checksum = (uint64_t)pe->offset + CHECKSUM_AT;
    uint64_t directory = (uint64_t)pe->offset + CERTIFICATES_AT + (pe->is64 ? 16 : 0);
    const uint64_t ranges[KJ_PE_SIGNED_PARTS][2] = {
        {0, checksum}, {checksum + 4, directory}, {directory + DIRECTORY_LEN, end}};
    if (end < directory + DIRECTORY_LEN)
        return false;
    for (size_t i = 0; i < KJ_PE_SIGNED_PARTS; i++)
        out[i] = kj_span_sub(bytes, (size_t)ranges[i][0], (size_t)(ranges[i][1] - ranges[i][0]));
    return true;
}
