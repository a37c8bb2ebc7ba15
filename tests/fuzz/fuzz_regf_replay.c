/* SPDX-License-Identifier: Apache-2.0 */
/* A hive and its two logs: a byte of flags, u16 the hive's pages of 512 bytes, u16 the first log's,
 * then the three. Unless the flags say otherwise, checksums and hashes are corrected before, or
 * nothing would ever be applied. What was replayed is clean, and replaying it again changes
 * nothing. */
#include "base/arith.h"
#include "base/reader.h"
#include "formats/regf_private.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum {
    SECTOR = 512,
    FILE_MAX = 1 << 20,
    KEEP_HIVE = 1,   /* its checksum */
    KEEP_LOGS = 2,   /* their checksums */
    KEEP_HASHES = 4, /* of their entries */
};

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void put_u64(uint8_t *at, uint64_t value, size_t width)
{
    for (size_t i = 0; i < width; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static void correct_checksum(kj_buf *file)
{
    if (file->len >= KJ_REGF_CHECKED_LEN)
        put_u64(file->data + KJ_REGF_CHECKSUM_AT, kj_regf_checksum(file->data), 4);
}

static void correct_hashes(kj_buf *log)
{
    for (size_t at = SECTOR; at + 40 <= log->len;) {
        kj_reader r = kj_reader_of(kj_buf_span(log));
        kj_seek(&r, at + 4);
        size_t size = kj_read_u32le(&r);
        if (size < 40 || size > log->len - at)
            return;
        kj_span body = kj_span_of(log->data + at + 40, size - 40);
        put_u64(log->data + at + 24, kj_regf_marvin32(KJ_REGF_LOG_SEED, body), 8);
        kj_span head = kj_span_of(log->data + at, 32);
        put_u64(log->data + at + 32, kj_regf_marvin32(KJ_REGF_LOG_SEED, head), 8);
        at += size;
    }
}

static void check_replayed(kj_buf *hive, const kj_span logs[2])
{
    kj_arena arena;
    kj_registry reg;
    kj_regf_checked checked;
    kj_regf_replay again;
    kj_arena_init(&arena, 64 << 20);
    expect(kj_regf_replay_logs(hive, logs, &again, NULL) == KJ_OK);
    expect(again.state == KJ_REGF_CLEAN);
    if (kj_registry_open(kj_buf_span(hive), &arena, &reg, NULL) == KJ_OK) {
        expect(!reg.is_dirty);
        expect(kj_regf_check(&reg, &arena, NULL, NULL, &checked, NULL) == KJ_OK);
    }
    kj_arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    kj_reader r = kj_reader_of(kj_span_of(data, len));
    uint8_t flags = kj_read_u8(&r);
    size_t sizes[3] = {(size_t)kj_read_u16le(&r) * SECTOR, (size_t)kj_read_u16le(&r) * SECTOR,
                       SIZE_MAX};
    kj_buf files[3];
    for (size_t i = 0; i < KJ_COUNT(files); i++) {
        kj_buf_init(&files[i], FILE_MAX);
        kj_buf_put(&files[i], kj_read_span(&r, kj_min_size(sizes[i], kj_reader_left(&r))));
        if (!(flags & (i ? KEEP_LOGS : KEEP_HIVE)))
            correct_checksum(&files[i]);
        if (i && !(flags & KEEP_HASHES))
            correct_hashes(&files[i]);
    }
    const kj_span logs[2] = {kj_buf_span(&files[1]), kj_buf_span(&files[2])};
    kj_regf_replay result;
    size_t len_before = files[0].len;
    if (kj_regf_replay_logs(&files[0], logs, &result, NULL) == KJ_OK) {
        expect(result.state == KJ_REGF_REPLAYED || files[0].len == len_before);
        expect(result.state != KJ_REGF_STALE || result.why);
        if (result.state == KJ_REGF_REPLAYED)
            check_replayed(&files[0], logs);
    }
    for (size_t i = 0; i < KJ_COUNT(files); i++)
        kj_buf_done(&files[i]);
    return 0;
}
