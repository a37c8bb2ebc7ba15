/* SPDX-License-Identifier: Apache-2.0 */
/* A journal that somebody else wrote. The bytes are read as they are; then they are taken for
 * records, each a type, a length (two bytes, little-endian) and a payload, which are chained as
 * they should be, because no fuzzer guesses digests. */
#include "base/arith.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/reader.h"
#include "clean/journal.h"

#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { ARENA_MAX = 256 << 20, JOURNAL_MAX = 64 << 20 };

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void look_at_step(const kj_step_record *record, size_t index)
{
    const kj_step *step = &record->step;
    expect(step->kind < KJ_STEP_KIND_COUNT && kj_edits_valid(step->edits, step->size));
    expect(step->kind != KJ_STEP_PATCH ||
           step->size_after == kj_edits_size_after(step->edits, step->size));
    for (size_t i = 0; i < step->need_count; i++)
        expect(step->needs[i] < index);
    expect(*kj_step_result_name(record->result) != '?' &&
           *kj_step_result_name(record->undo) != '?');
}

static void look_at(kj_span bytes)
{
    kj_arena arena;
    kj_arena_init(&arena, ARENA_MAX);
    kj_journal journal = {.fd = -1};
    kj_run_record run = {0};
    size_t len = 0;
    kj_status status = kj_run_read(bytes, &arena, &journal, &len, &run, NULL);
    expect(len <= bytes.len);
    if (status == KJ_OK) {
        expect(run.seen <= run.count && (!run.committed || run.seen == run.count));
        expect(!run.undoing || run.committed);
        for (size_t i = 0; i < run.seen; i++)
            look_at_step(&run.steps[i], i);
        expect(kj_run_settle(&run) <= run.seen);
    }
    kj_arena_done(&arena);
}

static void write_records(kj_span bytes, kj_journal *journal)
{
    kj_reader r = kj_reader_of(bytes);
    while (kj_reader_left(&r)) {
        uint8_t type = kj_read_u8(&r);
        uint16_t len = kj_read_u16le(&r);
        kj_span payload = kj_read_span(&r, kj_min_size(len, kj_reader_left(&r)));
        expect(kj_journal_append(journal, (kj_record_type)type, payload, NULL) == KJ_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    look_at(kj_span_of(data, len));
    KJ_CLEANUP(kj_close_fd) int fd = memfd_create("journal", MFD_CLOEXEC);
    kj_journal journal = {.fd = fd};
    kj_buf bytes;
    kj_buf_init(&bytes, JOURNAL_MAX);
    expect(fd >= 0);
    write_records(kj_span_of(data, len), &journal);
    expect(lseek(fd, 0, SEEK_SET) == 0 && kj_file_read_fd(fd, &bytes, NULL) == KJ_OK);
    look_at(kj_buf_span(&bytes));
    look_at(kj_span_sub(kj_buf_span(&bytes), 0, bytes.len - !!bytes.len)); /* torn */
    kj_buf_done(&bytes);
    return 0;
}
