/* SPDX-License-Identifier: Apache-2.0 */
/* .job files of Windows 95 to 2003, little-endian:
 *
 *     0   product version u16, file version u16 (1), UUID 16
 *     20  offset of the program's name u16 (70), offset of the triggers u16
 *     24  retries, idle times u16 each; priority, longest run, exit code, status u32 each
 *     48  flags u32, last run 16
 *     68  running instances u16
 *     70  program, arguments, directory, author, comment: each a count u16 of UTF-16 units, its NUL
 *         included, and the units
 *
 * Behind them are user data, reserved data and triggers, which are not read: whether a task starts
 * something is in its program and its flags. Source: [MS-TSCH] 2.4. */
#include "formats/job.h"

#include "base/arith.h"
#include "base/buf.h"
#include "base/reader.h"
#include "base/text.h"

enum {
    FILE_VERSION = 1,
    UUID_LEN = 16,
    FIXED_LEN = 68,
    FLAGS_AT = 48,
    IS_DISABLED = 0x4,
    IS_HIDDEN = 0x200,
    TEXT_MAX = 3 * UINT16_MAX /* bytes of UTF-8 that so many units take at most */
};

/* Up to the first NUL. */
static kj_status read_text(kj_reader *r, kj_arena *arena, kj_span *out, kj_error *err)
{
    kj_span raw = kj_read_span(r, 2 * (size_t)kj_read_u16le(r));
    size_t end = 0;
    while (end + 2 <= raw.len && (raw.data[end] || raw.data[end + 1]))
        end += 2;
    kj_buf text;
    kj_buf_init(&text, TEXT_MAX);
    kj_utf16_to_utf8(kj_span_sub(raw, 0, end), false, &text);
    char *copy = text.failed ? NULL : kj_arena_text(arena, kj_buf_span(&text));
    kj_buf_done(&text);
    if (!copy)
        return kj_no_memory(err);
    *out = kj_span_str(copy);
    return KJ_OK;
}

kj_status kj_job_read(kj_span bytes, kj_arena *arena, kj_job *out, kj_error *err)
{
    kj_job job = {0};
    kj_reader r = kj_reader_of(bytes);
    job.product = kj_read_u16le(&r);
    uint16_t version = kj_read_u16le(&r);
    kj_skip(&r, UUID_LEN);
    uint16_t names = kj_read_u16le(&r);
    if (!kj_reader_ok(&r) || version != FILE_VERSION || names < FIXED_LEN)
        return kj_fail(err, KJ_MALFORMED, 0, "no task file");
    kj_seek(&r, FLAGS_AT);
    job.flags = kj_read_u32le(&r);
    job.is_disabled = job.flags & IS_DISABLED;
    job.is_hidden = job.flags & IS_HIDDEN;
    kj_seek(&r, names);
    KJ_TRY(read_text(&r, arena, &job.program, err));
    if (!kj_reader_ok(&r))
        return kj_fail(err, KJ_TRUNCATED, r.pos, "the task ends before its program's name");
    kj_span *texts[] = {&job.arguments, &job.directory, &job.author, &job.comment};
    for (size_t i = 0; i < KJ_COUNT(texts); i++)
        KJ_TRY(read_text(&r, arena, texts[i], err));
    *out = job;
    return KJ_OK;
}
