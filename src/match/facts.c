/* SPDX-License-Identifier: Apache-2.0 */
/* Artifacts as pure predicates over facts. Texts of the definitions are folded already; those of
 * the facts are folded here. */
#include "base/arena.h"
#include "base/arith.h"
#include "base/crc32c.h"
#include "base/fold.h"
#include "base/hash.h"
#include "base/path.h"
#include "base/text.h"
#include "ir/place.h"
#include "match/match.h"

enum {
    SCRATCH = 1 << 20,
    LONGEST_NAME = 64 << 10, /* of a subject the beginning counts, of a file name the end */
    LONGEST_DATA = 64 << 10, /* of an entry: no artifact's is longer */
    LONGEST_EXTENSION = 5,
};

/* ---- sightings ---------------------------------------------------------------------------------
 */

kj_status kj_sightings_init(kj_sightings *seen, const kj_defs *defs, kj_error *err)
{
    *seen = (kj_sightings){0};
    if (kj_bits_init(&seen->artifacts, defs->artifacts.count) &&
        kj_bits_init(&seen->rules, defs->rules.count))
        return KJ_OK;
    kj_sightings_done(seen);
    return kj_no_memory(err);
}

void kj_sightings_done(kj_sightings *seen)
{
    kj_bits_done(&seen->artifacts);
    kj_bits_done(&seen->rules);
    *seen = (kj_sightings){0};
}

void kj_sightings_clear(kj_sightings *seen)
{
    kj_bits_clear(&seen->artifacts);
    kj_bits_clear(&seen->rules);
    seen->starved = false;
}

void kj_sightings_merge(kj_sightings *seen, const kj_sightings *more)
{
    kj_bits_unite(&seen->artifacts, &more->artifacts);
    kj_bits_unite(&seen->rules, &more->rules);
    seen->starved |= more->starved;
}

void kj_sightings_remove(kj_sightings *seen, const kj_sightings *less)
{
    kj_bits_subtract(&seen->artifacts, &less->artifacts);
    kj_bits_subtract(&seen->rules, &less->rules);
}

void kj_sightings_add_artifact(kj_sightings *seen, uint32_t artifact)
{
    kj_bits_add(&seen->artifacts, artifact);
}

void kj_sightings_add_rule(kj_sightings *seen, uint32_t rule)
{
    kj_bits_add(&seen->rules, rule);
}

bool kj_sightings_has_artifact(const kj_sightings *seen, uint32_t artifact)
{
    return kj_bits_has(&seen->artifacts, artifact);
}

bool kj_sightings_has_rule(const kj_sightings *seen, uint32_t rule)
{
    return kj_bits_has(&seen->rules, rule);
}

/* ---- files
 * ------------------------------------------------------------------------------------------ */

static bool has_type(const kj_defs *defs, const kj_disk_artifact *artifact,
                     const kj_file_fact *file)
{
    kj_span wanted = kj_defs_text(defs, artifact->type);
    if (artifact->type.len == 0)
        return true;
    for (size_t i = 0; i < file->type_count; i++)
        if (kj_span_equal(file->types[i], wanted))
            return true;
    return false;
}

static bool has_digest(const kj_disk_artifact *artifact, const kj_file_fact *file)
{
    if (!artifact->has_hash)
        return true;
    if (!file->has_bytes || artifact->hash_kind >= KJ_HASH_KIND_COUNT)
        return false;
    uint8_t digest[KJ_HASH_MAX];
    kj_hash((kj_hash_kind)artifact->hash_kind, file->bytes, digest);
    return memcmp(digest, artifact->hash, kj_hash_len((kj_hash_kind)artifact->hash_kind)) == 0;
}

/* Everything about a FILE artifact but its place. */
static bool is_such_a_file(const kj_defs *defs, const kj_disk_artifact *artifact,
                           const kj_file_fact *file, const kj_sightings *seen)
{
    return artifact->kind == KJ_ARTIFACT_FILE &&
           kj_defs_run_has_size(defs, artifact->sizes, file->size) &&
           has_type(defs, artifact, file) &&
           (artifact->rule == KJ_NONE || kj_sightings_has_rule(seen, artifact->rule)) &&
           has_digest(artifact, file);
}

/* Index of the first place whose hash is at least `hash`. */
static uint32_t first_place(const kj_defs *defs, uint32_t hash)
{
    uint32_t low = 0, high = defs->places.count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (kj_defs_place(defs, middle)->hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void sight_places(const kj_defs *defs, const kj_file_fact *file, uint32_t hash,
                         kj_sightings *seen)
{
    for (uint32_t i = first_place(defs, hash);; i++) {
        const kj_disk_place *place = kj_defs_place(defs, i);
        if (!place || place->hash != hash)
            return;
        const kj_disk_artifact *artifact = kj_defs_artifact(defs, place->artifact);
        if (artifact && kj_winpath_match(kj_defs_text(defs, place->pattern), file->place) &&
            is_such_a_file(defs, artifact, file, seen))
            kj_sightings_add_artifact(seen, place->artifact);
    }
}

void kj_sight_file(const kj_defs *defs, const kj_file_fact *file, kj_sightings *seen)
{
    if (file->place.len == 0 || defs->places.count == 0)
        return;
    uint32_t hash = kj_crc32c(kj_path_base(file->place));
    sight_places(defs, file, hash, seen);
    if (hash != 0)
        sight_places(defs, file, 0, seen); /* patterns with a wildcard at the end */
}

/* ---- mail
 * --------------------------------------------------------------------------------------------- */

/* Whether a folded text is one of a run's patterns; an empty run takes anything. */
static bool is_one_of(const kj_defs *defs, kj_disk_run run, kj_span text)
{
    uint32_t count = kj_defs_run_count(defs, run, 2);
    for (uint32_t i = 0; i < count; i++)
        if (kj_wildcard_match(kj_defs_run_text(defs, run, i), text))
            return true;
    return run.count == 0;
}

/* Whether a text could pass for an extension. */
static bool looks_like_extension(kj_span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!kj_is_alnum(text.data[i]))
            return false;
    return text.len > 0 && text.len <= LONGEST_EXTENSION;
}

/* A decoy may stand before the real extension, but no other extension may. */
static bool has_extension(const kj_defs *defs, const kj_disk_artifact *artifact, kj_span name)
{
    kj_span stem;
    if (!is_one_of(defs, artifact->extensions, kj_path_extension(name, &stem)))
        return false;
    kj_span before = kj_path_extension(kj_text_trim(stem), NULL);
    return artifact->decoys.count == 0 || !looks_like_extension(before) ||
           is_one_of(defs, artifact->decoys, before);
}

/* `name`: the attachment's, folded. */
static bool is_such_an_attachment(const kj_defs *defs, const kj_disk_artifact *artifact,
                                  const kj_file_fact *file, kj_span name)
{
    return kj_defs_run_has_size(defs, artifact->sizes, file->size) &&
           has_type(defs, artifact, file) && is_one_of(defs, artifact->attachment_names, name) &&
           has_extension(defs, artifact, name);
}

static bool wants_attachment(const kj_disk_artifact *artifact)
{
    return artifact->sizes.count || artifact->type.len || artifact->attachment_names.count ||
           artifact->extensions.count || artifact->decoys.count;
}

/* Sights the mail artifacts that `subject` and one attachment show; without one, those that ask for
 * none. Texts are folded. */
static void sight_attachment(const kj_defs *defs, kj_span subject, const kj_file_fact *file,
                             kj_span name, kj_sightings *seen)
{
    uint32_t count = kj_defs_run_count(defs, defs->meta.mails, 1);
    const uint32_t *mails = kj_defs_words(defs, defs->meta.mails.first, count);
    for (uint32_t i = 0; mails && i < count; i++) {
        const kj_disk_artifact *artifact = kj_defs_artifact(defs, mails[i]);
        if (artifact && !kj_sightings_has_artifact(seen, mails[i]) &&
            (file ? is_such_an_attachment(defs, artifact, file, name)
                  : !wants_attachment(artifact)) &&
            is_one_of(defs, artifact->patterns, subject))
            kj_sightings_add_artifact(seen, mails[i]);
    }
}

/* Hostile mail has as many attachments as it likes, and names as long: each is folded once, in the
 * memory that the last one had. */
void kj_sight_mail(const kj_defs *defs, const kj_mail_fact *mail, kj_sightings *seen)
{
    kj_arena scratch;
    kj_arena_init(&scratch, SCRATCH);
    kj_span cut = kj_span_sub(kj_text_trim(mail->subject), 0, LONGEST_NAME);
    kj_span subject = kj_span_str(kj_fold_text(&scratch, cut));
    sight_attachment(defs, subject, NULL, (kj_span){0}, seen);
    kj_arena_mark mark = kj_arena_get_mark(&scratch);
    for (size_t i = 0; i < mail->attachment_count; i++) {
        const kj_file_fact *file = &mail->attachments[i];
        kj_span name = kj_text_trim(file->name);
        name = kj_span_sub(name, name.len - kj_min_size(name.len, LONGEST_NAME), SIZE_MAX);
        name = kj_span_str(kj_fold_text(&scratch, name));
        sight_attachment(defs, subject, file, name, seen);
        kj_arena_rewind(&scratch, mark);
    }
    seen->starved |= scratch.failed;
    kj_arena_done(&scratch);
}

/* ---- registry and INI
 * ------------------------------------------------------------------------------------ */

/* The program that a command line starts, without quotes and arguments; the whole text when that
 * cannot be told. */
static kj_span program_of(kj_span command)
{
    command = kj_text_trim(command);
    if (command.len && command.data[0] == '"') {
        size_t end = kj_span_find(command, kj_span_str("\""), 1);
        return kj_span_sub(command, 1, end == SIZE_MAX ? SIZE_MAX : end - 1);
    }
    static const char *const extensions[] = {".exe ", ".com ", ".scr ", ".pif ", ".bat ", ".cmd "};
    size_t end = SIZE_MAX;
    for (size_t i = 0; i < KJ_COUNT(extensions); i++) {
        size_t at = kj_text_find_nocase(command, kj_span_str(extensions[i]));
        if (at != SIZE_MAX)
            end = kj_min_size(end, at + 4);
    }
    return kj_span_sub(command, 0, end);
}

/* A text in the form in which the writer stored data: resolved where it is a path, else folded. */
static kj_span comparable(kj_arena *arena, kj_span text)
{
    kj_span forms[KJ_PLACE_FORMS_MAX];
    bool path = text.len > 2 && (text.data[0] == '%' || text.data[1] == ':');
    if (path && kj_place_expand(arena, text, forms))
        return forms[0];
    return kj_span_str(kj_fold_text(arena, text));
}

/* The same key whatever its spelling: short root, no 32-bit view. */
static kj_span canonical_key(kj_arena *arena, kj_span key)
{
    static const struct {
        const char *from;
        const char *to;
    } roots[] = {{"hkey_local_machine", "hklm"},
                 {"hkey_current_user", "hkcu"},
                 {"hkey_classes_root", "hkcr"},
                 {"hkey_users", "hku"}};
    char *folded = kj_winpath_normalize(arena, key);
    kj_span text = kj_span_str(folded);
    for (size_t i = 0; i < KJ_COUNT(roots); i++)
        if (kj_span_starts(text, kj_span_str(roots[i].from)))
            folded = kj_arena_printf(arena, "%s%s", roots[i].to, folded + strlen(roots[i].from));
    text = kj_span_str(folded);
    kj_span view = kj_span_str("\\wow6432node");
    size_t at = kj_span_find(text, view, 0);
    if (at == SIZE_MAX || (at + view.len < text.len && text.data[at + view.len] != '\\'))
        return text;
    folded = kj_arena_printf(arena, "%.*s%s", (int)at, folded, folded + at + view.len);
    return kj_span_str(folded);
}

typedef struct entry {
    const kj_defs *defs;
    kj_span place;   /* canonical key, or normalized file */
    kj_span section; /* folded */
    kj_span name;    /* comparable */
    kj_span whole;   /* the data, comparable */
    kj_span program; /* the program in it, comparable */
    kj_span words;   /* every word comparable, joined by blanks */
    kj_arena *arena;
} entry;

static void put_words(kj_arena *arena, kj_span data, kj_buf *out);

/* Whether the data is one of the artifact's word by word, paths among them compared as paths: a
 * shell with the threat behind it. */
static bool has_words(const entry *e, const kj_disk_artifact *artifact)
{
    uint32_t count = e->words.len ? kj_defs_run_count(e->defs, artifact->data, 2) : 0;
    bool same = false;
    for (uint32_t i = 0; i < count && !same; i++) {
        kj_span data = kj_defs_run_text(e->defs, artifact->data, i);
        if (data.len == 0 || !memchr(data.data, ' ', data.len))
            continue;
        kj_buf words;
        kj_buf_init(&words, 4 * LONGEST_DATA);
        put_words(e->arena, data, &words);
        same = kj_span_equal(kj_buf_span(&words), e->words);
        kj_buf_done(&words);
    }
    return same;
}

static bool has_data(const entry *e, const kj_disk_artifact *artifact)
{
    return is_one_of(e->defs, artifact->data, e->whole) ||
           is_one_of(e->defs, artifact->data, e->program) || has_words(e, artifact);
}

/* Whether it is the artifact's key and name, whatever the data. The name first: it costs less. */
static bool is_near_value(const entry *e, const kj_disk_artifact *artifact)
{
    uint32_t count = is_one_of(e->defs, artifact->value, e->name)
                         ? kj_defs_run_count(e->defs, artifact->patterns, 2)
                         : 0;
    bool there = false;
    for (uint32_t i = 0; i < count && !there; i++) {
        kj_span key = canonical_key(e->arena, kj_defs_run_text(e->defs, artifact->patterns, i));
        there = kj_winpath_match(key, e->place);
    }
    return there;
}

static bool is_such_a_value(const entry *e, const kj_disk_artifact *artifact)
{
    return is_near_value(e, artifact) && has_data(e, artifact);
}

/* Whether `token` stands in `list` between separators. */
static bool has_token(kj_span list, kj_span token)
{
    for (size_t at = 0; token.len && (at = kj_span_find(list, token, at)) != SIZE_MAX; at++) {
        size_t end = at + token.len;
        if ((at == 0 || kj_is_list_separator(list.data[at - 1])) &&
            (end == list.len || kj_is_list_separator(list.data[end])))
            return true;
    }
    return false;
}

static bool is_such_an_entry(const entry *e, const kj_disk_artifact *artifact)
{
    uint32_t count = kj_defs_run_count(e->defs, artifact->patterns, 2);
    bool there = false;
    for (uint32_t i = 0; i < count && !there; i++)
        there = kj_winpath_match(kj_defs_run_text(e->defs, artifact->patterns, i), e->place);
    if (!there || !is_one_of(e->defs, artifact->value, e->section) ||
        !kj_wildcard_match(kj_defs_text(e->defs, artifact->key), e->name))
        return false;
    count = kj_defs_run_count(e->defs, artifact->data, 2);
    for (uint32_t i = 0; i < count; i++) {
        kj_span token = kj_defs_run_text(e->defs, artifact->data, i);
        if (has_token(e->whole, token) || has_token(e->words, token))
            return true;
    }
    return artifact->data.count == 0;
}

/* Appends the words of `data`, each comparable, joined by blanks. */
static void put_words(kj_arena *arena, kj_span data, kj_buf *out)
{
    kj_arena_mark mark = kj_arena_get_mark(arena);
    for (size_t start = 0; start < data.len;) {
        size_t end = start;
        while (end < data.len && !kj_is_list_separator(data.data[end]))
            end++;
        if (end > start) {
            kj_buf_put_text(out, out->len ? " " : "");
            kj_buf_put(out, comparable(arena, kj_span_sub(data, start, end - start)));
            kj_arena_rewind(arena, mark);
        }
        start = end + 1;
    }
}

static void sight_entry(const kj_defs *defs, const kj_entry_fact *fact, kj_artifact_kind kind,
                        bool (*matches)(const entry *e, const kj_disk_artifact *artifact),
                        kj_sightings *seen)
{
    kj_arena arena;
    kj_arena_init(&arena, SCRATCH);
    kj_span data = kj_span_sub(fact->data, 0, LONGEST_DATA);
    entry e = {
        .defs = defs,
        .place = kind == KJ_ARTIFACT_INI ? fact->place : canonical_key(&arena, fact->place),
        .section = kj_span_str(kj_fold_text(&arena, fact->section)),
        /* Advisories write a key's default value, which has no name, as @. */
        .name = comparable(&arena, fact->name.len ? fact->name : kj_span_str("@")),
        .whole = comparable(&arena, data),
        .program = comparable(&arena, program_of(data)),
        .arena = &arena,
    };
    kj_buf words;
    kj_buf_init(&words, 4 * LONGEST_DATA);
    if (kind == KJ_ARTIFACT_INI || kind == KJ_ARTIFACT_REGISTRY)
        put_words(&arena, data, &words);
    e.words = kj_buf_span(&words);
    kj_arena_mark mark = kj_arena_get_mark(&arena);
    for (uint32_t i = 0; i < defs->artifacts.count; i++) {
        const kj_disk_artifact *artifact = kj_defs_artifact(defs, i);
        if (artifact->kind == (uint8_t)kind && matches(&e, artifact))
            kj_sightings_add_artifact(seen, i);
        kj_arena_rewind(&arena, mark);
    }
    seen->starved |= words.starved || arena.failed;
    kj_buf_done(&words);
    kj_arena_done(&arena);
}

void kj_sight_registry(const kj_defs *defs, const kj_entry_fact *fact, kj_sightings *seen)
{
    sight_entry(defs, fact, KJ_ARTIFACT_REGISTRY, is_such_a_value, seen);
}

void kj_sight_ini(const kj_defs *defs, const kj_entry_fact *fact, kj_sightings *seen)
{
    sight_entry(defs, fact, KJ_ARTIFACT_INI, is_such_an_entry, seen);
}

void kj_sight_registry_near(const kj_defs *defs, const kj_entry_fact *fact, kj_sightings *seen)
{
    sight_entry(defs, fact, KJ_ARTIFACT_REGISTRY, is_near_value, seen);
}

/* ---- tasks, services, startup entries -----------------------------------------------------------
 */

static bool is_so_called(const entry *e, const kj_disk_artifact *artifact)
{
    return is_one_of(e->defs, artifact->patterns, e->name) && has_data(e, artifact);
}

void kj_sight_named(const kj_defs *defs, const kj_named_fact *fact, kj_sightings *seen)
{
    kj_entry_fact as_entry = {.name = fact->name, .data = fact->target};
    sight_entry(defs, &as_entry, fact->kind, is_so_called, seen);
}
