/* SPDX-License-Identifier: Apache-2.0 */
/* A record: u32 magic, u32 type, u32 length, u32 CRC32C of the payload, the payload, SHA-256 over
 * the chain so far, these sixteen bytes and the payload. */
#include "clean/journal.h"

#include "base/arith.h"
#include "base/crc32c.h"
#include "base/file.h"
#include "base/reader.h"

#include <nettle/sha2.h>
#include <unistd.h>

enum {
    MAGIC = 0x314A4B4B, /* "KKJ1" */
    HEAD_LEN = 16,
    PAYLOAD_MAX = 1 << 30,
    STEPS_MAX = 1 << 20,
    VERSION = 1,
};

static void chain_over(const uint8_t before[KJ_HASH_MAX], kj_span head, kj_span payload,
                       uint8_t out[KJ_HASH_MAX])
{
    struct sha256_ctx ctx;
    sha256_init(&ctx);
    sha256_update(&ctx, KJ_HASH_MAX, before);
    sha256_update(&ctx, head.len, head.data);
    sha256_update(&ctx, payload.len, payload.data);
    sha256_digest(&ctx, KJ_HASH_MAX, out);
}

/* One write a record, so that a cut can only be at its end. */
kj_status kj_journal_append(kj_journal *journal, kj_record_type type, kj_span payload,
                            kj_error *err)
{
    if (payload.len > PAYLOAD_MAX)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "a record that is too long for the journal");
    kj_buf record;
    kj_buf_init(&record, payload.len + HEAD_LEN + KJ_HASH_MAX);
    kj_buf_put_u32le(&record, MAGIC);
    kj_buf_put_u32le(&record, (uint32_t)type);
    kj_buf_put_u32le(&record, (uint32_t)payload.len);
    kj_buf_put_u32le(&record, kj_crc32c(payload));
    uint8_t chain[KJ_HASH_MAX];
    chain_over(journal->chain, kj_buf_span(&record), payload, chain);
    kj_buf_put(&record, payload);
    kj_buf_put(&record, kj_span_of(chain, sizeof chain));
    kj_status status = record.failed ? kj_no_memory(err)
                                     : kj_file_write_all(journal->fd, kj_buf_span(&record), err);
    kj_buf_done(&record);
    if (status == KJ_OK)
        memcpy(journal->chain, chain, sizeof chain);
    return status;
}

kj_status kj_journal_sync(kj_journal *journal, kj_error *err)
{
    return fdatasync(journal->fd) == 0 ? KJ_OK : kj_fail_errno(err, "sync the journal");
}

static kj_status chain_is_broken(uint64_t at, kj_error *err)
{
    return kj_fail(err, KJ_MALFORMED, at, "the journal was changed or is damaged");
}

/* Whether a sound record begins anywhere in `rest`: then what is before it is no torn end. The work
 * is bounded, for the sake of journals that somebody made: yes, when that is not enough. */
static bool has_record(kj_span rest)
{
    const uint8_t magic[] = {MAGIC & 0xFF, MAGIC >> 8 & 0xFF, MAGIC >> 16 & 0xFF, MAGIC >> 24};
    kj_span needle = kj_span_of(magic, sizeof magic);
    uint64_t work = 0, allowed = (uint64_t)rest.len * 4;
    for (size_t at = 0; (at = kj_span_find(rest, needle, at)) != SIZE_MAX; at++) {
        kj_reader r = kj_reader_of(kj_span_sub(rest, at + sizeof magic, SIZE_MAX));
        uint32_t type = kj_read_u32le(&r), len = kj_read_u32le(&r), crc = kj_read_u32le(&r);
        kj_span payload = kj_read_span(&r, len);
        work += payload.len;
        if (work > allowed)
            return true;
        if (kj_reader_ok(&r) && type > 0 && type < KJ_RECORD_TYPE_END && crc == kj_crc32c(payload))
            return true;
    }
    return false;
}

kj_status kj_journal_read(kj_span bytes, kj_journal *journal, size_t *out_len,
                          kj_status (*record)(void *user, kj_record_type type, kj_span payload,
                                              kj_error *err),
                          void *user, kj_error *err)
{
    kj_reader r = kj_reader_of(bytes);
    memset(journal->chain, 0, sizeof journal->chain);
    *out_len = 0;
    while (*out_len < bytes.len) {
        kj_span head = kj_span_sub(bytes, r.pos, HEAD_LEN);
        uint32_t magic = kj_read_u32le(&r), type = kj_read_u32le(&r), len = kj_read_u32le(&r);
        uint32_t crc = kj_read_u32le(&r);
        kj_span payload = kj_read_span(&r, len), chain = kj_read_span(&r, KJ_HASH_MAX);
        if (!kj_reader_ok(&r) || magic != MAGIC || crc != kj_crc32c(payload)) {
            journal->has_bad_end = kj_reader_ok(&r);
            return has_record(kj_span_sub(bytes, *out_len + 1, SIZE_MAX))
                       ? chain_is_broken(*out_len, err)
                       : KJ_OK;
        }
        uint8_t expected[KJ_HASH_MAX];
        chain_over(journal->chain, head, payload, expected);
        if (type == 0 || type >= KJ_RECORD_TYPE_END ||
            memcmp(expected, chain.data, sizeof expected) != 0)
            return chain_is_broken(*out_len, err);
        KJ_TRY(record(user, (kj_record_type)type, payload, err));
        memcpy(journal->chain, expected, sizeof expected);
        *out_len = r.pos;
    }
    return KJ_OK;
}

/* ---- payloads
 * ---------------------------------------------------------------------------------------- */

void kj_record_put_begin(kj_buf *out, const kj_transaction *transaction, const kj_root_kept *root,
                         int64_t now)
{
    kj_buf_put_u32le(out, VERSION);
    kj_buf_put_u32le(out, (uint32_t)transaction->count);
    kj_buf_put_u64le(out, (uint64_t)now);
    kj_buf_put_u32le(out, transaction->cross_mounts);
    kj_buf_put_u64le(out, root->inode);
    kj_buf_put_u64le(out, root->file_system);
    kj_buf_put_u64le(out, root->size);
    kj_buf_put_sized(out, kj_span_str(transaction->root));
    kj_buf_put_sized(out, transaction->title);
}

void kj_record_put_step(kj_buf *out, uint32_t index, const kj_step_record *record)
{
    const kj_step *step = &record->step;
    const kj_stat_kept *kept = &record->kept;
    kj_buf_put_u32le(out, index);
    kj_buf_put_u32le(out, (uint32_t)step->kind);
    kj_buf_put_u32le(out, step->flags);
    kj_buf_put_u32le(out, (uint32_t)record->planned);
    kj_buf_put_u64le(out, step->device);
    kj_buf_put_u64le(out, step->inode);
    kj_buf_put_u64le(out, step->size);
    kj_buf_put_u64le(out, step->size_after);
    kj_buf_put(out, kj_span_of(step->sha256, KJ_HASH_MAX));
    kj_buf_put(out, kj_span_of(step->sha256_after, KJ_HASH_MAX));
    const uint32_t words[] = {kept->mode, kept->uid, kept->gid, kept->links};
    for (size_t i = 0; i < KJ_COUNT(words); i++)
        kj_buf_put_u32le(out, words[i]);
    const int64_t times[] = {kept->atime_ns, kept->mtime_ns, kept->parent_atime_ns,
                             kept->parent_mtime_ns};
    for (size_t i = 0; i < KJ_COUNT(times); i++)
        kj_buf_put_u64le(out, (uint64_t)times[i]);
    kj_buf_put_sized(out, step->path);
    kj_buf_put_sized(out, step->reasons);
    kj_buf_put_sized(out, record->container);
    kj_buf_put_sized(out, record->sentence);
    kj_buf_put_u32le(out, (uint32_t)step->need_count);
    for (size_t i = 0; i < step->need_count; i++)
        kj_buf_put_u32le(out, step->needs[i]);
    kj_buf_put_u32le(out, (uint32_t)step->edits.count);
    for (size_t i = 0; i < step->edits.count; i++) {
        kj_buf_put_u64le(out, step->edits.items[i].offset);
        kj_buf_put_sized(out, step->edits.items[i].before);
        kj_buf_put_sized(out, step->edits.items[i].after);
    }
    kj_buf_put_u32le(out, (uint32_t)record->attributes.count);
    for (size_t i = 0; i < record->attributes.count; i++) {
        kj_buf_put_sized(out, record->attributes.items[i].name);
        kj_buf_put_sized(out, record->attributes.items[i].value);
    }
}

void kj_record_put_result(kj_buf *out, uint32_t index, kj_step_result result, const char *sentence)
{
    kj_buf_put_u32le(out, index);
    kj_buf_put_u32le(out, (uint32_t)result);
    kj_buf_put_sized(out, kj_span_str(sentence));
}

/* ---- reading
 * ------------------------------------------------------------------------------------------ */

typedef struct reading {
    kj_arena *arena;
    kj_run_record *run;
} reading;

static kj_status broken(kj_error *err)
{
    return kj_fail(err, KJ_MALFORMED, KJ_NO_OFFSET, "a record of the journal makes no sense");
}

static kj_status read_begin(reading *rd, kj_reader *r, kj_error *err)
{
    kj_run_record *run = rd->run;
    uint32_t version = kj_read_u32le(r), count = kj_read_u32le(r);
    run->started = (int64_t)kj_read_u64le(r);
    run->cross_mounts = kj_read_u32le(r) != 0;
    run->root_kept.inode = kj_read_u64le(r);
    run->root_kept.file_system = kj_read_u64le(r);
    run->root_kept.size = kj_read_u64le(r);
    run->root = kj_read_sized(r);
    run->title = kj_read_sized(r);
    if (!kj_reader_ok(r) || count > STEPS_MAX || run->steps)
        return broken(err);
    if (version != VERSION)
        return kj_fail(err, KJ_UNSUPPORTED, KJ_NO_OFFSET, "a journal of version %u", version);
    run->steps = kj_new_array(rd->arena, kj_step_record, count + 1);
    run->count = count;
    return run->steps ? KJ_OK : kj_no_memory(err);
}

static kj_status read_edits(reading *rd, kj_reader *r, kj_step *step, kj_error *err)
{
    uint32_t count = kj_read_u32le(r);
    if (!kj_reader_ok(r) || count > kj_reader_left(r) / 16)
        return broken(err);
    kj_edit *items = kj_new_array(rd->arena, kj_edit, count + 1);
    if (!items)
        return kj_no_memory(err);
    for (uint32_t i = 0; i < count; i++) {
        items[i].offset = kj_read_u64le(r);
        items[i].before = kj_read_sized(r);
        items[i].after = kj_read_sized(r);
    }
    step->edits = (kj_edits){items, count};
    bool is_sound = kj_reader_ok(r) && kj_edits_valid(step->edits, step->size) &&
                    (step->kind != KJ_STEP_PATCH ||
                     step->size_after == kj_edits_size_after(step->edits, step->size));
    return is_sound ? KJ_OK : broken(err);
}

static kj_status read_attributes(reading *rd, kj_reader *r, kj_step_record *record, kj_error *err)
{
    uint32_t count = kj_read_u32le(r);
    if (!kj_reader_ok(r) || count > KJ_ATTRIBUTES_MAX)
        return broken(err);
    kj_attribute_value *items = kj_new_array(rd->arena, kj_attribute_value, count + 1);
    if (!items)
        return kj_no_memory(err);
    for (uint32_t i = 0; i < count; i++) {
        items[i].name = kj_read_sized(r);
        items[i].value = kj_read_sized(r);
    }
    record->attributes = (kj_attributes){items, count};
    return kj_reader_ok(r) ? KJ_OK : broken(err);
}

static kj_status read_needs(reading *rd, kj_reader *r, uint32_t index, kj_step *step, kj_error *err)
{
    uint32_t count = kj_read_u32le(r);
    if (!kj_reader_ok(r) || count > kj_reader_left(r) / 4)
        return broken(err);
    uint32_t *needs = kj_new_array(rd->arena, uint32_t, count + 1);
    if (!needs)
        return kj_no_memory(err);
    for (uint32_t i = 0; i < count; i++) {
        needs[i] = kj_read_u32le(r);
        if (needs[i] >= index)
            return broken(err);
    }
    step->needs = needs;
    step->need_count = count;
    return KJ_OK;
}

static void read_kept(kj_reader *r, kj_stat_kept *kept)
{
    kept->mode = kj_read_u32le(r);
    kept->uid = kj_read_u32le(r);
    kept->gid = kj_read_u32le(r);
    kept->links = kj_read_u32le(r);
    kept->atime_ns = (int64_t)kj_read_u64le(r);
    kept->mtime_ns = (int64_t)kj_read_u64le(r);
    kept->parent_atime_ns = (int64_t)kj_read_u64le(r);
    kept->parent_mtime_ns = (int64_t)kj_read_u64le(r);
}

static kj_status read_step(reading *rd, kj_reader *r, kj_error *err)
{
    kj_run_record *run = rd->run;
    uint32_t index = kj_read_u32le(r), kind = kj_read_u32le(r);
    if (!run->steps || index != run->seen || index >= run->count || kind >= KJ_STEP_KIND_COUNT)
        return broken(err);
    kj_step_record *record = &run->steps[index];
    kj_step *step = &record->step;
    step->kind = (kj_step_kind)kind;
    step->flags = kj_read_u32le(r);
    uint32_t planned = kj_read_u32le(r);
    step->device = kj_read_u64le(r);
    step->inode = kj_read_u64le(r);
    step->size = kj_read_u64le(r);
    step->size_after = kj_read_u64le(r);
    kj_span digests = kj_read_span(r, 2 * KJ_HASH_MAX);
    if (!kj_reader_ok(r) || planned >= KJ_STEP_RESULT_COUNT)
        return broken(err);
    record->planned = record->result = (kj_step_result)planned;
    memcpy(step->sha256, digests.data, KJ_HASH_MAX);
    memcpy(step->sha256_after, digests.data + KJ_HASH_MAX, KJ_HASH_MAX);
    read_kept(r, &record->kept);
    step->path = kj_read_sized(r);
    step->reasons = kj_read_sized(r);
    record->container = kj_read_sized(r);
    record->sentence = kj_read_sized(r);
    KJ_TRY(read_needs(rd, r, index, step, err));
    KJ_TRY(read_edits(rd, r, step, err));
    KJ_TRY(read_attributes(rd, r, record, err));
    run->seen++;
    return KJ_OK;
}

static kj_status read_result(reading *rd, kj_reader *r, bool of_undo, kj_error *err)
{
    kj_run_record *run = rd->run;
    uint32_t index = kj_read_u32le(r), result = kj_read_u32le(r);
    kj_span sentence = kj_read_sized(r);
    if (!kj_reader_ok(r) || index >= run->seen || result >= KJ_STEP_RESULT_COUNT)
        return broken(err);
    kj_step_record *record = &run->steps[index];
    *(of_undo ? &record->undo : &record->result) = (kj_step_result)result;
    record->sentence = sentence;
    return KJ_OK;
}

static kj_status read_record(void *user, kj_record_type type, kj_span payload, kj_error *err)
{
    reading *rd = user;
    kj_run_record *run = rd->run;
    kj_reader r = kj_reader_of(payload);
    switch (type) {
    case KJ_RECORD_BEGIN:
        return read_begin(rd, &r, err);
    case KJ_RECORD_STEP:
        return run->committed ? broken(err) : read_step(rd, &r, err);
    case KJ_RECORD_COMMIT:
        run->committed = run->steps && run->seen == run->count;
        return run->committed ? KJ_OK : broken(err);
    case KJ_RECORD_RESULT:
        return read_result(rd, &r, false, err);
    case KJ_RECORD_END:
        run->has_end = true;
        break;
    case KJ_RECORD_UNDO:
        if (run->undone)
            (void)kj_run_settle(run);
        run->undoing = true;
        run->undone = false;
        return run->committed ? KJ_OK : broken(err);
    case KJ_RECORD_UNDONE:
        return read_result(rd, &r, true, err);
    case KJ_RECORD_UNDO_END:
        run->undone = true;
        break;
    case KJ_RECORD_TYPE_END:
        return broken(err);
    }
    run->ended = (int64_t)kj_read_u64le(&r);
    return kj_reader_ok(&r) ? KJ_OK : broken(err);
}

size_t kj_run_settle(kj_run_record *run)
{
    size_t left = 0;
    for (size_t i = 0; i < run->seen; i++) {
        kj_step_record *record = &run->steps[i];
        record->is_settled |= record->undo == KJ_STEP_UNDONE || record->undo == KJ_STEP_ALREADY;
        left += !record->is_settled;
    }
    return left;
}

kj_status kj_run_read(kj_span bytes, kj_arena *arena, kj_journal *journal, size_t *out_len,
                      kj_run_record *out, kj_error *err)
{
    *out = (kj_run_record){0};
    reading rd = {arena, out};
    return kj_journal_read(bytes, journal, out_len, read_record, &rd, err);
}
