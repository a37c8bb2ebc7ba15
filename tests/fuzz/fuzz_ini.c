/* SPDX-License-Identifier: Apache-2.0 */
/* An INI file that is changed: three bytes a change, a byte that is no kind of one, the file. Read
 * again, it has exactly the entries and the tokens that it should have. */
#include "base/arith.h"
#include "base/fold.h"
#include "base/reader.h"
#include "base/text.h"
#include "formats/ini.h"
#include "tests/formats/apply_edits.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum {
    CHANGES_MAX = 8,
    FILE_MAX = 1 << 20,
    ARENA_MAX = 256 << 20,
};

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static bool same_text(kj_span a, kj_span b)
{
    size_t i = 0, j = 0;
    while (i < a.len && j < b.len)
        if (kj_fold(kj_utf8_next(a, &i)) != kj_fold(kj_utf8_next(b, &j)))
            return false;
    return i == a.len && j == b.len;
}

/* A token of the file, or a text of our own. */
static kj_span choose_text(const kj_ini *ini, const kj_ini_entry *entry, uint8_t choice)
{
    static const char *const texts[] = {"", " ", "x", "'x'", "\"x y\"", "\xE2\x82\xAC", "a;b, c"};
    if (choice < KJ_COUNT(texts))
        return kj_span_str(texts[choice]);
    kj_span token = {0};
    size_t pos = 0;
    for (unsigned i = 0; i < choice - KJ_COUNT(texts); i++)
        if (!kj_ini_next_token(entry->value, &pos, &token))
            return i == 0 ? ini->entries[choice % ini->count].value : token;
    return token;
}

static size_t choose(kj_reader *r, const kj_ini *ini, kj_ini_change *changes)
{
    size_t count = 0;
    while (ini->count && count < CHANGES_MAX) {
        uint8_t kind = kj_read_u8(r), entry = kj_read_u8(r), choice = kj_read_u8(r);
        if (!kj_reader_ok(r) || kind > KJ_INI_REMOVE_LINE)
            break;
        kj_ini_change *change = &changes[count++];
        *change = (kj_ini_change){.kind = (kj_ini_change_kind)kind, .entry = entry % ini->count};
        change->text = choose_text(ini, &ini->entries[change->entry], choice);
    }
    return count;
}

typedef struct wanted {
    bool gone;
    const kj_ini_change *set;
} wanted;

static wanted want(const kj_ini_change *changes, size_t count, size_t entry)
{
    wanted w = {0};
    for (size_t i = 0; i < count; i++) {
        if (changes[i].entry != entry)
            continue;
        w.gone |= changes[i].kind == KJ_INI_REMOVE_LINE;
        if (changes[i].kind == KJ_INI_SET)
            w.set = &changes[i];
    }
    return w;
}

static bool is_removed(const kj_ini_change *changes, size_t count, size_t entry, kj_span token)
{
    for (size_t i = 0; i < count; i++)
        if (changes[i].entry == entry && changes[i].kind == KJ_INI_REMOVE_TOKEN &&
            same_text(changes[i].text, token))
            return true;
    return false;
}

/* The value is as it was but for the tokens that go; untouched when none does. */
static void check_tokens(const kj_ini_change *changes, size_t count, size_t entry, kj_span before,
                         kj_span after)
{
    size_t old_pos = 0, new_pos = 0, gone = 0;
    kj_span old_token, new_token;
    while (kj_ini_next_token(before, &old_pos, &old_token)) {
        if (is_removed(changes, count, entry, old_token)) {
            gone++;
            continue;
        }
        expect(kj_ini_next_token(after, &new_pos, &new_token));
        expect(kj_span_equal(old_token, new_token));
    }
    expect(!kj_ini_next_token(after, &new_pos, &new_token));
    expect(gone || kj_span_equal(before, after));
}

static void check(const kj_ini *before, const kj_ini *after, const kj_ini_change *changes,
                  size_t count)
{
    size_t at = 0;
    for (size_t i = 0; i < before->count; i++) {
        const kj_ini_entry *old_entry = &before->entries[i], *new_entry = &after->entries[at];
        wanted w = want(changes, count, i);
        if (w.gone)
            continue;
        expect(at++ < after->count);
        expect(kj_span_equal(old_entry->section, new_entry->section));
        expect(kj_span_equal(old_entry->key, new_entry->key));
        if (w.set)
            expect(kj_span_equal(w.set->text, new_entry->value));
        else
            check_tokens(changes, count, i, old_entry->value, new_entry->value);
    }
    expect(at == after->count);
}

static void fuzz(kj_arena *arena, kj_span input, kj_buf *changed)
{
    kj_reader r = kj_reader_of(input);
    kj_ini before, after;
    kj_ini_change changes[CHANGES_MAX];
    kj_edits edits;
    size_t start = 0;
    while (start + 3 <= input.len && start < 3 * CHANGES_MAX &&
           input.data[start] <= KJ_INI_REMOVE_LINE)
        start += 3;
    kj_span file = kj_span_sub(input, start + 1, input.len);
    if (kj_ini_read(file, arena, &before, NULL) != KJ_OK)
        return;
    size_t count = choose(&r, &before, changes);
    if (kj_ini_apply(&before, changes, count, arena, &edits, NULL) != KJ_OK)
        return;
    expect(apply_edits(file, edits, changed));
    expect(kj_ini_read(kj_buf_span(changed), arena, &after, NULL) == KJ_OK);
    check(&before, &after, changes, count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    kj_arena arena;
    kj_buf changed;
    kj_arena_init(&arena, ARENA_MAX);
    kj_buf_init(&changed, FILE_MAX);
    fuzz(&arena, kj_span_of(data, len), &changed);
    kj_buf_done(&changed);
    kj_arena_done(&arena);
    return 0;
}
