/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a task of the scheduler before Vista. */
#include "base/text.h"
#include "formats/job.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { ARENA_MAX = 16 << 20 };

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void check(const kj_job *job)
{
    const kj_span texts[] = {job->program, job->arguments, job->directory, job->author,
                             job->comment};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        expect(kj_utf8_valid(texts[i]) &&
               !(texts[i].len && memchr(texts[i].data, 0, texts[i].len)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    kj_job found;
    kj_arena arena;
    kj_arena_init(&arena, ARENA_MAX);
    if (kj_job_read(kj_span_of(data, len), &arena, &found, NULL) == KJ_OK)
        check(&found);
    kj_arena_done(&arena);
    return 0;
}
