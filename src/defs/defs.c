/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and accessors. Everything whose time grows with the file is in verify.c. */
#include "defs/defs.h"

#include "base/arith.h"
#include "base/cleanup.h"
#include "base/crc32c.h"
#include "defs/patterns.h"
#include "ir/ir.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* Sections this version reads: where the handle keeps them, and how large an element is. */
static const struct kind {
    uint32_t type;
    uint32_t element_size;
    size_t field; /* offset in kj_defs of a kj_defs_section */
} kinds[] = {
    {KJ_SEC_STRINGS, 1, offsetof(kj_defs, strings)},
    {KJ_SEC_LISTS, 4, offsetof(kj_defs, lists)},
    {KJ_SEC_THREATS, sizeof(kj_disk_threat), offsetof(kj_defs, threats)},
    {KJ_SEC_DOCS, 1, offsetof(kj_defs, docs)},
    {KJ_SEC_NOTES, sizeof(kj_disk_note), offsetof(kj_defs, notes)},
    {KJ_SEC_DETECTS, sizeof(kj_disk_detect), offsetof(kj_defs, detects)},
    {KJ_SEC_RULES, sizeof(kj_disk_rule), offsetof(kj_defs, rules)},
    {KJ_SEC_PATTERNS, sizeof(kj_disk_pattern), offsetof(kj_defs, patterns)},
    {KJ_SEC_EXTERNALS, sizeof(kj_disk_external), offsetof(kj_defs, externals)},
    {KJ_SEC_ARTIFACTS, sizeof(kj_disk_artifact), offsetof(kj_defs, artifacts)},
    {KJ_SEC_PLACES, sizeof(kj_disk_place), offsetof(kj_defs, places)},
    {KJ_SEC_REMEDIES, sizeof(kj_disk_remedy), offsetof(kj_defs, remedies)},
    {KJ_SEC_CODE, 4, offsetof(kj_defs, code)},
    {KJ_SEC_LITERALS, 1, offsetof(kj_defs, literals)},
    {KJ_SEC_PROGRAMS, 4, offsetof(kj_defs, programs)},
    {KJ_SEC_FILTER, KJ_FILTER_ELEMENT, offsetof(kj_defs, filter)},
    {KJ_SEC_BUCKETS, KJ_BUCKET_ELEMENT, offsetof(kj_defs, buckets)},
    {KJ_SEC_POSTINGS, KJ_POSTING_ELEMENT, offsetof(kj_defs, postings)},
    {KJ_SEC_SCANNED, KJ_SCANNED_ELEMENT, offsetof(kj_defs, scanned)},
    {KJ_SEC_NEEDLES, sizeof(kj_disk_needle), offsetof(kj_defs, needles)},
    {KJ_SEC_ANCHORS, sizeof(kj_disk_anchor), offsetof(kj_defs, anchors)},
    {KJ_SEC_ANCHORED, sizeof(kj_disk_anchored), offsetof(kj_defs, anchored)},
    {KJ_SEC_GATES, sizeof(kj_disk_gate), offsetof(kj_defs, gates)},
    {KJ_SEC_HASH_SETS, sizeof(kj_disk_hash_set), offsetof(kj_defs, hash_sets)},
    {KJ_SEC_HASH_GATES, 4, offsetof(kj_defs, hash_gates)},
    {KJ_SEC_HASH_BUCKETS, 4, offsetof(kj_defs, hash_buckets)},
    {KJ_SEC_HASH_RECORDS, 4, offsetof(kj_defs, hash_records)},
    {KJ_SEC_HASH_NAMES, 1, offsetof(kj_defs, hash_names)},
    {KJ_SEC_HASH_BLOCKS, 4, offsetof(kj_defs, hash_blocks)},
};

/* ---- opening -------------------------------------------------------------------------------- */

static kj_status malformed(kj_error *err, uint64_t offset, const char *what)
{
    return kj_fail(err, KJ_MALFORMED, offset, "damaged definitions: %s", what);
}

static kj_status read_header(kj_span file, uint32_t engine, kj_disk_header *out, kj_error *err)
{
    if (file.len < sizeof out->magic || memcmp(file.data, KJ_DISK_MAGIC, sizeof out->magic) != 0)
        return kj_fail(err, KJ_MALFORMED, 0, "not a kujo definitions file");
    if (file.len < sizeof *out)
        return malformed(err, file.len, "the header ends early");
    kj_disk_header header;
    memcpy(&header, file.data, sizeof header);
    if (header.major != KJ_DISK_MAJOR)
        return kj_fail(err, KJ_UNSUPPORTED, offsetof(kj_disk_header, major),
                       "definitions in format %u.%u; this engine reads format %d", header.major,
                       header.minor, KJ_DISK_MAJOR);
    if (header.header_size != sizeof header || header.section_count > KJ_DISK_SECTIONS_MAX)
        return malformed(err, offsetof(kj_disk_header, header_size), "the header is wrong");
    if (header.file_size != file.len)
        return malformed(err, offsetof(kj_disk_header, file_size),
                         header.file_size > file.len ? "the file ends early"
                                                     : "the file is too long");
    size_t table_end = sizeof header + header.section_count * sizeof(kj_disk_section);
    if (table_end > file.len)
        return malformed(err, file.len, "the section table ends early");
    uint8_t checked[sizeof header + KJ_DISK_SECTIONS_MAX * sizeof(kj_disk_section)];
    memcpy(checked, file.data, table_end);
    memset(checked + offsetof(kj_disk_header, crc), 0, sizeof header.crc);
    if (kj_crc32c(kj_span_of(checked, table_end)) != header.crc)
        return malformed(err, 0, "the checksum of header and section table is wrong");
    if (header.engine > engine)
        return kj_fail(err, KJ_UNSUPPORTED, offsetof(kj_disk_header, engine),
                       "definitions that need engine %u.%u.%u or later", header.engine >> 24,
                       header.engine >> 16 & 0xFF, header.engine & 0xFFFF);
    *out = header;
    return KJ_OK;
}

static const struct kind *find_kind(uint32_t type)
{
    for (size_t i = 0; i < KJ_COUNT(kinds); i++)
        if (kinds[i].type == type)
            return &kinds[i];
    return NULL;
}

/* Whether a small section that nothing else checks is as it was written. */
static bool is_sound(const kj_disk_section *section, kj_span bytes)
{
    uint8_t digest[KJ_HASH_MAX];
    if (bytes.len > KJ_HASH_SETS_MAX * sizeof(kj_disk_hash_set))
        return false;
    kj_hash(KJ_HASH_SHA256, bytes, digest);
    return memcmp(digest, section->sha256, sizeof section->sha256) == 0;
}

static kj_status take_section(kj_defs *defs, const kj_disk_section *section, uint64_t at,
                              kj_error *err)
{
    if (section->offset % KJ_DISK_ALIGN || section->offset > defs->file.len ||
        section->size > defs->file.len - section->offset)
        return malformed(err, at, "a section leaves the file");
    kj_span bytes = kj_span_of(defs->file.data + section->offset, (size_t)section->size);
    if (section->type == KJ_SEC_META) {
        if (bytes.len != sizeof defs->meta)
            return malformed(err, at, "META has another size");
        memcpy(&defs->meta, bytes.data, sizeof defs->meta);
        return KJ_OK;
    }
    const struct kind *kind = find_kind(section->type);
    if (!kind) {
        if (section->flags & KJ_SECF_REQUIRED)
            return kj_fail(err, KJ_UNSUPPORTED, at,
                           "definitions with a required part that this engine does not know");
        return KJ_OK;
    }
    if (section->type == KJ_SEC_HASH_SETS && !is_sound(section, bytes))
        return malformed(err, at, "the digest of the sets of digests is wrong");
    if (section->element_size != kind->element_size || bytes.len % kind->element_size ||
        bytes.len / kind->element_size >= KJ_NONE)
        return malformed(err, at, "a section's elements have another size");
    kj_defs_section *slot = (kj_defs_section *)(void *)((char *)defs + kind->field);
    if (slot->data)
        return malformed(err, at, "a section stands there twice");
    *slot = (kj_defs_section){bytes.data, (uint32_t)(bytes.len / kind->element_size)};
    return KJ_OK;
}

kj_status kj_defs_open_span(kj_span file, uint32_t engine, kj_defs *out, kj_error *err)
{
    kj_defs defs = {.file = file};
    KJ_TRY(read_header(file, engine, &defs.header, err));
    for (uint32_t i = 0; i < defs.header.section_count; i++) {
        uint64_t at = sizeof defs.header + i * sizeof(kj_disk_section);
        kj_disk_section section;
        memcpy(&section, file.data + at, sizeof section);
        KJ_TRY(take_section(&defs, &section, at, err));
    }
    if (defs.meta.variables > KJ_EXPR_MAX_VARIABLES)
        return malformed(err, KJ_NO_OFFSET, "too many variables");
    *out = defs;
    return KJ_OK;
}

kj_status kj_defs_open_buf(kj_buf *file, uint32_t engine, kj_defs *out, kj_error *err)
{
    KJ_TRY(kj_defs_open_span(kj_buf_span(file), engine, out, err));
    *file = (kj_buf){.max = file->max};
    out->mapped = false;
    return KJ_OK;
}

kj_status kj_defs_open(const char *path, uint32_t engine, kj_defs *out, kj_error *err)
{
    struct stat unused;
    return kj_defs_open_known(path, engine, out, &unused, err);
}

/* PAGE or a divisor of what a page is: then advice is refused, and nothing lost. AROUND: what the
 * system may have mapped before a page that was touched, as well as that. */
enum { PAGE = 4096, AROUND = 2 << 20 };

void kj_defs_forget(const kj_defs *defs, kj_span bytes)
{
    uintptr_t file = (uintptr_t)defs->file.data, start = (uintptr_t)bytes.data;
    if (!defs->mapped || bytes.len == 0)
        return;
    uintptr_t end = start + bytes.len;
    start = start - file > AROUND ? start - AROUND : file;
    start &= ~(uintptr_t)(PAGE - 1);
    (void)madvise((void *)start, end - start, MADV_DONTNEED);
}

/* A lookup of a digest touches a page here and there: two megabytes need not be mapped for each. */
static void map_in_small_pages(const kj_defs *defs)
{
    const kj_defs_section *const large[] = {&defs->hash_gates, &defs->hash_buckets,
                                            &defs->hash_records};
    for (size_t i = 0; i < KJ_COUNT(large); i++) {
        uintptr_t start = (uintptr_t)large[i]->data;
        if (large[i]->count && start % PAGE == 0)
            (void)madvise((void *)start, (size_t)large[i]->count * sizeof(uint32_t),
                          MADV_NOHUGEPAGE);
    }
}

kj_status kj_defs_open_known(const char *path, uint32_t engine, kj_defs *out, struct stat *out_file,
                             kj_error *err)
{
    /* O_NONBLOCK: a pipe is refused, not waited for. */
    KJ_CLEANUP(kj_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, out_file) != 0)
        return kj_fail_errno(err, "cannot open");
    if (!S_ISREG(out_file->st_mode))
        return kj_fail(err, KJ_IO, KJ_NO_OFFSET, "not a regular file");
    if (out_file->st_size == 0)
        return kj_fail(err, KJ_MALFORMED, 0, "not a kujo definitions file: it is empty");
    size_t len = (size_t)out_file->st_size;
    void *map = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return kj_fail_errno(err, "cannot map");
    kj_status status = kj_defs_open_span(kj_span_of(map, len), engine, out, err);
    if (status != KJ_OK) {
        (void)munmap(map, len);
        return status;
    }
    out->mapped = true;
    map_in_small_pages(out);
    return KJ_OK;
}

void kj_defs_close(kj_defs *defs)
{
    /* Both give back what open took over as writable memory of ours. */
    void *bytes = (void *)(uintptr_t)defs->file.data;
    if (defs->mapped)
        (void)munmap(bytes, defs->file.len);
    else
        free(bytes);
    *defs = (kj_defs){0};
}

/* ---- accessors ------------------------------------------------------------------------------ */

#define ITEM(section, type, index)                                                                 \
    ((index) < (section).count ? (const type *)(section).data + (index) : NULL)

const kj_disk_threat *kj_defs_threat(const kj_defs *defs, uint32_t index)
{
    return ITEM(defs->threats, kj_disk_threat, index);
}

const kj_disk_note *kj_defs_note(const kj_defs *defs, uint32_t index)
{
    return ITEM(defs->notes, kj_disk_note, index);
}

const kj_disk_detect *kj_defs_detect(const kj_defs *defs, uint32_t index)
{
    return ITEM(defs->detects, kj_disk_detect, index);
}

const kj_disk_rule *kj_defs_rule(const kj_defs *defs, uint32_t index)
{
    return ITEM(defs->rules, kj_disk_rule, index);
}

const kj_disk_pattern *kj_defs_pattern(const kj_defs *defs, uint32_t index)
{
    return ITEM(defs->patterns, kj_disk_pattern, index);
}

const kj_disk_needle *kj_defs_needle(const kj_defs *defs, uint32_t index)
{
    return ITEM(defs->needles, kj_disk_needle, index);
}

const kj_disk_anchor *kj_defs_anchor(const kj_defs *defs, uint32_t index)
{
    return ITEM(defs->anchors, kj_disk_anchor, index);
}

const kj_disk_gate *kj_defs_gate(const kj_defs *defs, uint32_t index)
{
    return ITEM(defs->gates, kj_disk_gate, index);
}

const kj_disk_external *kj_defs_external(const kj_defs *defs, uint32_t index)
{
    return ITEM(defs->externals, kj_disk_external, index);
}

const kj_disk_artifact *kj_defs_artifact(const kj_defs *defs, uint32_t index)
{
    return ITEM(defs->artifacts, kj_disk_artifact, index);
}

const kj_disk_place *kj_defs_place(const kj_defs *defs, uint32_t index)
{
    return ITEM(defs->places, kj_disk_place, index);
}

const kj_disk_remedy *kj_defs_remedy(const kj_defs *defs, uint32_t index)
{
    return ITEM(defs->remedies, kj_disk_remedy, index);
}

static kj_span bytes_at(const kj_defs_section *section, uint32_t offset, uint32_t len)
{
    if (offset > section->count || len > section->count - offset)
        return (kj_span){0};
    return kj_span_of((const uint8_t *)section->data + offset, len);
}

kj_span kj_defs_text(const kj_defs *defs, kj_disk_text text)
{
    return text.len ? bytes_at(&defs->strings, text.offset, text.len) : (kj_span){0};
}

kj_span kj_defs_name(const kj_defs *defs, const kj_disk_name *name)
{
    kj_span text = kj_defs_text(defs, name->text);
    return kj_crc32c(text) == name->crc ? text : (kj_span){0};
}

const uint32_t *kj_defs_words(const kj_defs *defs, uint32_t first, uint32_t count)
{
    if (count == 0 || first > defs->lists.count || count > defs->lists.count - first)
        return NULL;
    return (const uint32_t *)defs->lists.data + first;
}

uint32_t kj_defs_run_count(const kj_defs *defs, kj_disk_run run, uint32_t width)
{
    uint64_t end = run.first + (uint64_t)run.count * width;
    return end <= defs->lists.count ? run.count : 0;
}

kj_span kj_defs_run_text(const kj_defs *defs, kj_disk_run run, uint32_t index)
{
    if (index >= kj_defs_run_count(defs, run, 2))
        return (kj_span){0};
    const uint32_t *words = (const uint32_t *)defs->lists.data + run.first + 2 * (size_t)index;
    return kj_defs_text(defs, (kj_disk_text){words[0], words[1]});
}

bool kj_defs_run_has_size(const kj_defs *defs, kj_disk_run run, uint64_t size)
{
    uint32_t count = kj_defs_run_count(defs, run, 4);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t *w = (const uint32_t *)defs->lists.data + run.first + 4 * (size_t)i;
        uint64_t min = w[0] | (uint64_t)w[1] << 32;
        uint64_t max = w[2] | (uint64_t)w[3] << 32;
        if (size >= min && size <= max)
            return true;
    }
    return run.count == 0;
}

kj_span kj_defs_doc(const kj_defs *defs, uint32_t offset, uint32_t len)
{
    return bytes_at(&defs->docs, offset, len);
}
