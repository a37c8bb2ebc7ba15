/* SPDX-License-Identifier: Apache-2.0 */
#include "base/edits.h"

#include "base/arith.h"

bool kj_edits_valid(kj_edits edits, uint64_t file_size)
{
    uint64_t at = 0;
    for (size_t i = 0; i < edits.count; i++) {
        const kj_edit *edit = &edits.items[i];
        if (edit->offset < at || edit->offset > file_size ||
            edit->before.len > file_size - edit->offset)
            return false;
        at = edit->offset + edit->before.len;
        bool is_last = i + 1 == edits.count && at == file_size;
        if (edit->before.len != edit->after.len && !is_last)
            return false;
        if (edit->after.len > UINT64_MAX - edit->offset)
            return false;
    }
    return true;
}

uint64_t kj_edits_size_after(kj_edits edits, uint64_t file_size)
{
    if (edits.count == 0)
        return file_size;
    const kj_edit *last = &edits.items[edits.count - 1];
    return file_size - last->before.len + last->after.len;
}

/* The end of the run of differing bytes that begins at `start`: `gap` equal
 * bytes end it. */
static size_t run_end(kj_span before, kj_span after, size_t start, size_t common, size_t gap)
{
    size_t end = start + 1;
    for (size_t at = end; at < common && at - end < gap; at++)
        if (before.data[at] != after.data[at])
            end = at + 1;
    return end;
}

static size_t first_difference(kj_span before, kj_span after, size_t from, size_t common)
{
    enum { STEP = 4096 };
    while (from < common) {
        size_t step = kj_min_size(STEP, common - from);
        if (memcmp(before.data + from, after.data + from, step) != 0)
            break;
        from += step;
    }
    while (from < common && before.data[from] == after.data[from])
        from++;
    return from;
}

/* Writes up to `max` edits, returns how many there are. */
static size_t compare(kj_span before, kj_span after, size_t gap, kj_edit *out, size_t max)
{
    size_t common = kj_min_size(before.len, after.len), count = 0, at = 0;
    bool grows = before.len != after.len;
    while ((at = first_difference(before, after, at, common)) < common) {
        size_t end = run_end(before, after, at, common, gap);
        bool joins_end = grows && common - end < gap;
        kj_edit edit = {
            .offset = at,
            .before = kj_span_sub(before, at, joins_end ? SIZE_MAX : end - at),
            .after = kj_span_sub(after, at, joins_end ? SIZE_MAX : end - at),
        };
        if (count < max)
            out[count] = edit;
        count++;
        if (joins_end)
            return count;
        at = end;
    }
    if (grows) {
        if (count < max)
            out[count] = (kj_edit){
                .offset = common,
                .before = kj_span_sub(before, common, SIZE_MAX),
                .after = kj_span_sub(after, common, SIZE_MAX),
            };
        count++;
    }
    return count;
}

kj_status kj_edits_between(kj_arena *arena, kj_span before, kj_span after, size_t gap,
                           kj_edits *out, kj_error *err)
{
    size_t count = compare(before, after, gap, NULL, 0);
    kj_edit *items = kj_new_array(arena, kj_edit, count + 1);
    if (!items)
        return kj_no_memory(err);
    (void)compare(before, after, gap, items, count);
    *out = (kj_edits){items, count};
    return KJ_OK;
}

kj_status kj_edits_reverse(kj_arena *arena, kj_edits edits, kj_edits *out, kj_error *err)
{
    kj_edit *items = kj_new_array(arena, kj_edit, edits.count + 1);
    if (!items)
        return kj_no_memory(err);
    for (size_t i = 0; i < edits.count; i++)
        items[i] = (kj_edit){edits.items[i].offset, edits.items[i].after, edits.items[i].before};
    *out = (kj_edits){items, edits.count};
    return KJ_OK;
}

uint64_t kj_edits_changed(kj_edits edits)
{
    uint64_t changed = 0;
    for (size_t i = 0; i < edits.count; i++) {
        const kj_edit *edit = &edits.items[i];
        size_t common = kj_min_size(edit->before.len, edit->after.len);
        for (size_t k = 0; k < common; k++)
            changed += edit->before.data[k] != edit->after.data[k];
        changed += kj_max_size(edit->before.len, edit->after.len) - common;
    }
    return changed;
}
