/* SPDX-License-Identifier: Apache-2.0 */
#include "clean/patch.h"

#include "base/arith.h"
#include "base/file.h"
#include "formats/regf.h"

#include <errno.h>
#include <nettle/sha2.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 64 << 10, HIVE_HEADER = 512 };

/* ---- what a patched file is now
 * ----------------------------------------------------------------------------- */

typedef struct comparison {
    const kj_step *step;
    uint8_t between[2][HIVE_HEADER]; /* the hive's header half way, there and back */
    bool has_header;
    bool old, new, mixed;
    struct sha256_ctx with_old, with_new; /* of the file with those bytes in the ranges */
} comparison;

static bool pread_all(int fd, void *to, size_t len, uint64_t at)
{
    size_t got = 0;
    return kj_file_read_at(fd, at, to, len, &got, NULL) == KJ_OK && got == len;
}

/* The header with the edits' old or new bytes in it. */
static void put_header(const kj_step *step, bool new, uint8_t header[HIVE_HEADER])
{
    for (size_t i = 0; i < step->edits.count; i++) {
        const kj_edit *edit = &step->edits.items[i];
        kj_span bytes = new ? edit->after : edit->before;
        if (edit->offset >= HIVE_HEADER)
            return;
        size_t len = kj_min_size(bytes.len, HIVE_HEADER - (size_t)edit->offset);
        memcpy(header + edit->offset, bytes.data, len);
    }
}

static bool read_headers(int fd, const kj_step *step, uint8_t old[HIVE_HEADER],
                         uint8_t new[HIVE_HEADER])
{
    if (step->size < HIVE_HEADER || !pread_all(fd, old, HIVE_HEADER, 0))
        return false;
    memcpy(new, old, HIVE_HEADER);
    put_header(step, false, old);
    put_header(step, true, new);
    return true;
}

/* One byte of a range: the old, the new, or one of a header half way. */
static void compare_byte(comparison *c, const kj_edit *edit, size_t at, uint8_t byte)
{
    uint64_t place = edit->offset + at;
    bool old = at < edit->before.len && edit->before.data[at] == byte;
    bool new = at < edit->after.len && edit->after.data[at] == byte;
    bool half = c->has_header && place < HIVE_HEADER &&
                (c->between[0][place] == byte || c->between[1][place] == byte);
    /* What a file grows by, there or back, may be there before it is written. */
    bool grown = at >= kj_min_size(edit->before.len, edit->after.len) && byte == 0;
    c->old &= old;
    c->new &= new;
    c->mixed &= old || new || half || grown;
}

/* The bytes of an edit, as far as the file has them. */
static bool compare_range(comparison *c, int fd, const kj_edit *edit, uint64_t size)
{
    uint8_t chunk[4096];
    uint64_t longest = kj_max_size(edit->before.len, edit->after.len);
    uint64_t there = size > edit->offset ? kj_min_u64(size - edit->offset, longest) : 0;
    for (uint64_t done = 0; done < there;) {
        size_t part = (size_t)kj_min_u64(sizeof chunk, there - done);
        if (!pread_all(fd, chunk, part, edit->offset + done))
            return false;
        for (size_t i = 0; i < part; i++)
            compare_byte(c, edit, (size_t)done + i, chunk[i]);
        done += part;
    }
    c->old &= there == edit->before.len;
    c->new &= there == edit->after.len;
    c->mixed &= there >= kj_min_size(edit->before.len, edit->after.len);
    sha256_update(&c->with_old, edit->before.len, edit->before.data);
    sha256_update(&c->with_new, edit->after.len, edit->after.data);
    return true;
}

static bool hash_between(comparison *c, int fd, uint64_t from, uint64_t to)
{
    uint8_t chunk[CHUNK];
    while (from < to) {
        size_t part = (size_t)kj_min_u64(sizeof chunk, to - from);
        if (!pread_all(fd, chunk, part, from))
            return false;
        sha256_update(&c->with_old, part, chunk);
        sha256_update(&c->with_new, part, chunk);
        from += part;
    }
    return true;
}

/* Everything between the edits; false when the file cannot be read or ends too early. */
static bool compare_all(comparison *c, int fd, uint64_t size)
{
    const kj_step *step = c->step;
    uint64_t at = 0;
    for (size_t i = 0; i < step->edits.count; i++) {
        const kj_edit *edit = &step->edits.items[i];
        if (!hash_between(c, fd, at, edit->offset) || !compare_range(c, fd, edit, size))
            return false;
        at = edit->offset + edit->before.len;
    }
    bool ends_in_edit = at >= step->size;
    return ends_in_edit || (size == step->size && hash_between(c, fd, at, size));
}

static bool has_digest(struct sha256_ctx *sum, const uint8_t expected[KJ_HASH_MAX])
{
    uint8_t digest[KJ_HASH_MAX];
    sha256_digest(sum, sizeof digest, digest);
    return memcmp(digest, expected, sizeof digest) == 0;
}

kj_patch_state kj_patch_look(int fd, const kj_step *step)
{
    comparison c = {.step = step, .old = true, .new = true, .mixed = true};
    uint8_t old[HIVE_HEADER], new[HIVE_HEADER];
    struct stat st;
    if (fstat(fd, &st) != 0)
        return KJ_PATCH_OTHER;
    uint64_t size = (uint64_t)st.st_size;
    sha256_init(&c.with_old);
    sha256_init(&c.with_new);
    if ((step->flags & KJ_STEP_HIVE) && read_headers(fd, step, old, new)) {
        c.has_header = true;
        kj_regf_header_between(old, new, c.between[0]);
        kj_regf_header_between(new, old, c.between[1]);
    }
    if (!compare_all(&c, fd, size) || !has_digest(&c.with_old, step->sha256) ||
        !has_digest(&c.with_new, step->sha256_after) ||
        size > kj_max_size((size_t)step->size, (size_t)step->size_after))
        return KJ_PATCH_OTHER;
    if (c.old && size == step->size)
        return KJ_PATCH_OLD;
    if (c.new &&size == step->size_after)
        return KJ_PATCH_NEW;
    return c.mixed ? KJ_PATCH_MIXED : KJ_PATCH_OTHER;
}

/* ---- patching
 * -------------------------------------------------------------------------------------------------
 */

static bool pwrite_all(int fd, kj_span bytes, uint64_t at)
{
    for (size_t done = 0; done < bytes.len;) {
        ssize_t put = pwrite(fd, bytes.data + done, bytes.len - done, (off_t)(at + done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        done += (size_t)put;
    }
    return true;
}

/* All ranges from `from` on; `forward`: their new bytes. */
static bool write_ranges(int fd, const kj_step *step, bool forward, uint64_t from)
{
    for (size_t i = 0; i < step->edits.count; i++) {
        const kj_edit *edit = &step->edits.items[i];
        kj_span bytes = forward ? edit->after : edit->before;
        uint64_t skip = edit->offset < from ? from - edit->offset : 0;
        if (skip < bytes.len &&
            !pwrite_all(fd, kj_span_sub(bytes, (size_t)skip, SIZE_MAX), edit->offset + skip))
            return false;
    }
    return true;
}

static bool set_size(int fd, const kj_step *step, bool forward)
{
    uint64_t size = forward ? step->size_after : step->size;
    return step->size == step->size_after || ftruncate(fd, (off_t)size) == 0;
}

/* As Windows writes: a header that says "not finished", the pages, the header. */
static bool write_hive(int fd, const kj_step *step, bool forward)
{
    uint8_t old[HIVE_HEADER], new[HIVE_HEADER], between[HIVE_HEADER];
    if (!read_headers(fd, step, old, new))
        return false;
    const uint8_t *to = forward ? new : old;
    kj_regf_header_between(forward ? old : new, to, between);
    return pwrite_all(fd, kj_span_of(between, sizeof between), 0) && fdatasync(fd) == 0 &&
           write_ranges(fd, step, forward, HIVE_HEADER) && set_size(fd, step, forward) &&
           fdatasync(fd) == 0 && pwrite_all(fd, kj_span_of(to, HIVE_HEADER), 0) && fsync(fd) == 0;
}

bool kj_patch_write(int fd, const kj_step *step, bool forward)
{
    if (step->flags & KJ_STEP_HIVE)
        return write_hive(fd, step, forward);
    return write_ranges(fd, step, forward, 0) && set_size(fd, step, forward) && fsync(fd) == 0;
}

bool kj_patch_cover_header(int fd, kj_arena *arena, kj_step *step)
{
    uint8_t *old = kj_arena_alloc_raw(arena, HIVE_HEADER),
            *new = kj_arena_alloc_raw(arena, HIVE_HEADER);
    kj_edit *items = kj_new_array(arena, kj_edit, step->edits.count + 2);
    if (!old || !new || !items || !read_headers(fd, step, old, new))
        return false;
    size_t count = 0;
    items[count++] = (kj_edit){0, kj_span_of(old, HIVE_HEADER), kj_span_of(new, HIVE_HEADER)};
    for (size_t i = 0; i < step->edits.count; i++) {
        kj_edit edit = step->edits.items[i];
        size_t inside = edit.offset < HIVE_HEADER ? HIVE_HEADER - (size_t)edit.offset : 0;
        if (inside && edit.before.len != edit.after.len)
            return false;
        edit.before = kj_span_sub(edit.before, inside, SIZE_MAX);
        edit.after = kj_span_sub(edit.after, inside, SIZE_MAX);
        edit.offset += inside;
        if (edit.before.len || edit.after.len)
            items[count++] = edit;
    }
    step->edits = (kj_edits){items, count};
    return true;
}
