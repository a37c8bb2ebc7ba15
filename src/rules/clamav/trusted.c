/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/clamav/trusted.h"

#include "base/arith.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"

#include <string.h>

enum {
    COLUMNS_MAX = 64,
    SHOWN_MAX = 60, /* bytes of a malformed line that are shown */
    NO_COLUMN = -1,
};

typedef struct list {
    kj_ir *ir;
    const char *name;
    kj_span set; /* what its digests are called: the list's base name */
    bool strict;
    size_t line;
    uint64_t taken;
    bool has_columns; /* a line has named them */
    int digests[KJ_HASH_KIND_COUNT];
    int size;
} list;

/* ---- telling ------------------------------------------------------------------------------- */

/* The first of them are shown with their lines, and all are counted. */
static void malformed(list *l, kj_span text, const char *what)
{
    const kj_source *source = NULL;
    kj_arena *arena = &l->ir->arena;
    if (l->ir->diags.list.count < KJ_DIAGS_MAX) {
        kj_source *made = kj_new(arena, kj_source);
        const char *copy = kj_arena_text(arena, kj_span_sub(text, 0, SHOWN_MAX));
        if (made && copy)
            *made = (kj_source){l->name, kj_span_str(copy), l->line};
        source = copy ? made : NULL;
    }
    kj_diag_add(&l->ir->diags, l->strict ? KJ_ERROR : KJ_WARNING, source, 0, 1, NULL, "%s", what);
}

static kj_status add(list *l, kj_hash_kind kind, const uint8_t *digest, uint64_t size,
                     kj_error *err)
{
    const kj_hash_signature signature = {
        .scope = KJ_SCOPE_OBJECT,
        .kind = kind,
        .klass = KJ_CLASS_TRUSTED,
        .digest = digest,
        .size = size < UINT32_MAX ? (uint32_t)size : KJ_HASH_ANY_SIZE, /* rare: 4 GiB and more */
        .name = l->set,
    };
    KJ_TRY(kj_hash_sets_add(&l->ir->hashes, &signature, err));
    l->taken++;
    return KJ_OK;
}

/* ---- CSV ----------------------------------------------------------------------------------- */

/* Splits a line at commas that no quotes hold; quotes around a field are taken off. */
static size_t split(kj_span line, kj_span *out)
{
    size_t count = 0, at = 0;
    while (count < COLUMNS_MAX) {
        size_t start = at;
        bool quoted = false;
        for (; at < line.len && (quoted || line.data[at] != ','); at++)
            quoted ^= line.data[at] == '"';
        kj_span field = kj_text_trim(kj_span_sub(line, start, at - start));
        if (field.len >= 2 && field.data[0] == '"' && field.data[field.len - 1] == '"')
            field = kj_span_sub(field, 1, field.len - 2);
        out[count++] = field;
        if (at++ >= line.len)
            break;
    }
    return count;
}

static const struct {
    const char *name; /* of a column */
    int kind;         /* kj_hash_kind, or NO_COLUMN: the size */
} columns[] = {
    {"md5", KJ_HASH_MD5},       {"sha1", KJ_HASH_SHA1},      {"sha-1", KJ_HASH_SHA1},
    {"sha256", KJ_HASH_SHA256}, {"sha-256", KJ_HASH_SHA256}, {"size", NO_COLUMN},
    {"filesize", NO_COLUMN},    {"file_size", NO_COLUMN},
};

/* Whether the line names columns, among them one with digests. */
static bool read_columns(list *l, kj_span line)
{
    kj_span marker = kj_span_str("%%%% "), fields[COLUMNS_MAX];
    if (kj_span_starts(line, marker)) /* hashdeep */
        line = kj_span_sub(line, marker.len, SIZE_MAX);
    int digests[KJ_HASH_KIND_COUNT] = {NO_COLUMN, NO_COLUMN, NO_COLUMN}, size = NO_COLUMN;
    bool found = false;
    size_t count = split(line, fields);
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < KJ_COUNT(columns); c++) {
            if (!kj_text_equal_nocase(fields[i], kj_span_str(columns[c].name)))
                continue;
            found |= columns[c].kind != NO_COLUMN;
            *(columns[c].kind == NO_COLUMN ? &size : &digests[columns[c].kind]) = (int)i;
        }
    if (!found)
        return false;
    memcpy(l->digests, digests, sizeof digests);
    l->size = size;
    l->has_columns = true;
    return true;
}

static kj_span field_at(const kj_span *fields, size_t count, int column)
{
    return column >= 0 && (size_t)column < count ? fields[column] : (kj_span){0};
}

/* The strongest digest that the line has. */
static kj_status take_row(list *l, kj_span line, kj_error *err)
{
    kj_span fields[COLUMNS_MAX];
    size_t count = split(line, fields);
    uint64_t size = KJ_HASH_ANY_SIZE;
    kj_span written = field_at(fields, count, l->size);
    bool ok = l->size == NO_COLUMN || kj_text_to_u64(written, &size);
    if (ok && l->size != NO_COLUMN && size == 0)
        return KJ_OK; /* nothing that is empty is scanned */
    for (int kind = KJ_HASH_KIND_COUNT - 1; ok && kind >= 0; kind--) {
        uint8_t digest[KJ_HASH_MAX];
        kj_hash_kind got;
        if (kj_hash_parse(field_at(fields, count, l->digests[kind]), &got, digest) &&
            got == (kj_hash_kind)kind)
            return add(l, got, digest, size, err);
    }
    malformed(l, line, "no digest and size where its columns are");
    return KJ_OK;
}

/* ---- plain lines --------------------------------------------------------------------------- */

/* "HEX", "HEX  NAME", "\HEX *NAME", "SHA256 (NAME) = HEX". */
static bool parse_plain(kj_span line, kj_hash_kind *kind, uint8_t *digest)
{
    if (line.data[0] == '\\') /* the name has escapes */
        line = kj_span_sub(line, 1, SIZE_MAX);
    size_t end = 0;
    while (end < line.len && !kj_is_space(line.data[end]))
        end++;
    if (kj_hash_parse(kj_span_sub(line, 0, end), kind, digest))
        return true;
    size_t last = line.len;
    while (last > 0 && !kj_is_space(line.data[last - 1]))
        last--;
    kj_span before = kj_text_trim(kj_span_sub(line, 0, last));
    return before.len && before.data[before.len - 1] == '=' &&
           kj_hash_parse(kj_span_sub(line, last, SIZE_MAX), kind, digest);
}

static kj_status take_line(list *l, kj_span line, kj_error *err)
{
    line = kj_text_trim(line);
    if (l->line == 1 && kj_span_starts(line, kj_span_str("\xEF\xBB\xBF")))
        line = kj_span_sub(line, 3, SIZE_MAX);
    if (line.len == 0 || line.data[0] == '#' || read_columns(l, line))
        return KJ_OK;
    if (kj_span_starts(line, kj_span_str("%%%% "))) /* hashdeep's first line */
        return KJ_OK;
    if (l->has_columns)
        return take_row(l, line, err);
    uint8_t digest[KJ_HASH_MAX];
    kj_hash_kind kind;
    if (parse_plain(line, &kind, digest))
        return add(l, kind, digest, KJ_HASH_ANY_SIZE, err);
    malformed(l, line, "no MD5, SHA-1 or SHA-256");
    return KJ_OK;
}

/* ---- the file ------------------------------------------------------------------------------ */

static kj_status take_lines(list *l, kj_line_reader *reader, kj_error *err)
{
    kj_span line;
    for (;;) {
        bool any;
        KJ_TRY(kj_line_reader_next(reader, &line, &any, err));
        if (!any)
            return KJ_OK;
        l->line++;
        if (line.len > KJ_LINE_MAX)
            malformed(l, line, "a line of more than 64 KiB");
        else
            KJ_TRY(take_line(l, line, err));
    }
}

kj_status kj_trusted_load(kj_ir *ir, const char *name, kj_line_source *read, void *user,
                          bool strict, uint64_t *out_count, kj_error *err)
{
    list l = {.ir = ir,
              .name = name,
              .set = kj_span_sub(kj_path_base(kj_span_str(name)), 0, KJ_FRONT_TEXT_MAX),
              .strict = strict};
    KJ_CLEANUP(kj_line_reader_done) kj_line_reader reader;
    if (!kj_line_reader_init(&reader, read, user))
        return kj_no_memory(err);
    kj_status status = take_lines(&l, &reader, err);
    *out_count += l.taken;
    return status;
}
