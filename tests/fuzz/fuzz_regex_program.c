/* SPDX-License-Identifier: Apache-2.0 */
/* Arbitrary words as a program, over a text: a byte with the text's length, the text, the words. */
#include "base/reader.h"
#include "defs/regex.h"
#include "match/regex.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS = 100000 };

static void found(void *user, size_t start, size_t end)
{
    const kj_span *text = user;
    if (start > end || end > text->len)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kj_reader r = kj_reader_of(kj_span_of(data, size));
    size_t text_len = kj_read_u8(&r);
    kj_span text = kj_read_span(&r, text_len < kj_reader_left(&r) ? text_len : kj_reader_left(&r));
    kj_span words = kj_read_span(&r, kj_reader_left(&r) / 4 * 4);
    uint32_t *copy = malloc(words.len + 4);
    kj_regex *regex = kj_regex_new();
    if (copy && regex) {
        if (words.len)
            memcpy(copy, words.data, words.len);
        const kj_defs defs = {.programs = {copy, (uint32_t)(words.len / 4)}};
        uint64_t steps = STEPS;
        bool matched;
        kj_program program;
        (void)!kj_regex_find(regex, &defs, 0, text, &steps, &matched);
        if (kj_program_open(&defs, 0, &program)) {
            size_t end;
            steps = STEPS;
            (void)!kj_regex_match_at(regex, &program, text, 0, text.len, true, &steps, &end);
            const kj_sweep sweep = {.program = &program,
                                    .text = text,
                                    .high = text.len,
                                    .longest = true,
                                    .found = found,
                                    .user = &text};
            (void)!kj_regex_sweep(regex, &sweep, &steps);
        }
    }
    kj_regex_free(regex);
    free(copy);
    return 0;
}
