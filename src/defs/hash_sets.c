/* SPDX-License-Identifier: Apache-2.0 */
/* format.h explains the layout. What a set says is checked against the sections each time it is
 * used, since only kj_hash_sets_verify() looks at all of it. */
#include "defs/hash_sets.h"

#include "base/arith.h"

enum {
    WORD = sizeof(uint32_t),
    PER_BUCKET = 16, /* records, at most on average */
    BUCKET_LOG2_MAX = 26,
    GATE_SIZES = KJ_GATE_BLOCKS * KJ_GATE_SPAN,
    BLOCK_WORDS = KJ_GATE_SPAN / 32,
};

/* ---- writing: gates --------------------------------------------------------------------------
 */

/* The sizes of a set. */
typedef struct sizes {
    uint32_t *bits; /* of those below GATE_SIZES */
    KJ_VEC(uint32_t) large;
} sizes;

static bool add_size(sizes *all, uint32_t size)
{
    if (size >= GATE_SIZES)
        return kj_vec_add(&all->large, size);
    all->bits[size / 32] |= UINT32_C(1) << size % 32;
    return true;
}

static int compare_sizes(const void *a, const void *b)
{
    uint32_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

static bool is_empty_block(const uint32_t *block)
{
    uint32_t any = 0;
    for (size_t i = 0; i < BLOCK_WORDS; i++)
        any |= block[i];
    return !any;
}

static void put_blocks(const uint32_t *bits, kj_buf *out)
{
    uint32_t next = 0;
    for (size_t b = 0; b < KJ_GATE_BLOCKS; b++) {
        bool empty = is_empty_block(bits + b * BLOCK_WORDS);
        kj_buf_put_u32le(out, empty ? 0 : next + 1);
        next += empty ? 0 : BLOCK_WORDS;
    }
    for (size_t b = 0; b < KJ_GATE_BLOCKS; b++)
        if (!is_empty_block(bits + b * BLOCK_WORDS))
            kj_buf_put(out, kj_span_of(bits + b * BLOCK_WORDS, BLOCK_WORDS * sizeof *bits));
}

/* Returns how many there are. */
static uint32_t put_large(sizes *all, kj_buf *out)
{
    uint32_t count = 0;
    if (all->large.count)
        qsort(all->large.items, all->large.count, sizeof *all->large.items, compare_sizes);
    for (size_t i = 0; i < all->large.count; i++) {
        if (i && all->large.items[i] == all->large.items[i - 1])
            continue;
        kj_buf_put_u32le(out, all->large.items[i]);
        count++;
    }
    return count;
}

static bool write_gate(const kj_hash_set *set, kj_hash_sections *out, kj_disk_hash_set *disk)
{
    sizes all = {.bits = calloc(GATE_SIZES / 32, sizeof *all.bits)};
    bool ok = all.bits != NULL;
    for (size_t at = 0; ok && at < set->records.count; at += set->record_len)
        ok = add_size(&all, kj_hash_record_size(set, set->records.items + at));
    disk->first_gate = (uint32_t)(out->gates.len / WORD);
    if (ok) {
        put_blocks(all.bits, &out->gates);
        disk->gate_large = put_large(&all, &out->gates);
    }
    disk->gate_words = (uint32_t)(out->gates.len / WORD) - disk->first_gate;
    free(all.bits);
    kj_vec_done(&all.large);
    return ok;
}

/* ---- writing: records ------------------------------------------------------------------------
 */

/* The sorted records of a set, each once. */
typedef struct walk {
    const kj_hash_set *set;
    size_t pos;
    const uint8_t *record;
} walk;

static bool next_record(walk *w)
{
    const kj_hash_set *set = w->set;
    const uint8_t *last = w->record;
    do {
        if (w->pos >= set->records.count)
            return false;
        w->record = set->records.items + w->pos;
        w->pos += set->record_len;
    } while (last && memcmp(last, w->record, set->record_len) == 0);
    return true;
}

static uint64_t head_of(const uint8_t *key)
{
    uint64_t head;
    memcpy(&head, key, sizeof head);
    return __builtin_bswap64(head);
}

static size_t bucket_of(uint64_t head, unsigned log2)
{
    return log2 ? (size_t)(head >> (64 - log2)) : 0;
}

static void put_buckets(const kj_hash_set *set, unsigned log2, kj_buf *out)
{
    walk w = {.set = set};
    size_t next = 0;
    uint32_t count = 0;
    for (; next_record(&w); count++)
        for (size_t bucket = bucket_of(head_of(w.record), log2); next <= bucket; next++)
            kj_buf_put_u32le(out, count);
    for (; next <= (size_t)1 << log2; next++)
        kj_buf_put_u32le(out, count);
}

static uint64_t count_records(const kj_hash_set *set)
{
    uint64_t count = 0;
    for (walk w = {.set = set}; next_record(&w);)
        count++;
    return count;
}

static uint32_t flags_of(const kj_hash_set *set)
{
    return set->sized ? KJ_HASHF_SIZED : 0;
}

static kj_status write_set(const kj_hash_set *set, uint32_t detects, kj_hash_sections *out,
                           kj_error *err)
{
    kj_hash_set_sort(set);
    uint64_t count = count_records(set);
    if (out->count + count >= KJ_NONE - (uint64_t)detects ||
        out->records_len / WORD + count * (set->key_len / WORD + 1) >= KJ_NONE)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "more digests than the format can hold");
    kj_disk_hash_set disk = {
        .scope = set->scope,
        .kind = set->kind,
        .class_ = set->klass,
        .flags = flags_of(set),
        .key_len = (uint32_t)set->key_len,
        .count = (uint32_t)count,
        .first_record = (uint32_t)(out->records_len / WORD),
        .first_bucket = (uint32_t)(out->buckets.len / WORD),
        .bucket_log2 = kj_log2_for(count / PER_BUCKET, 0, BUCKET_LOG2_MAX),
        .first_gate = KJ_NONE,
        .first_number = (uint32_t)out->count,
    };
    put_buckets(set, disk.bucket_log2, &out->buckets);
    if (set->sized && !write_gate(set, out, &disk))
        return kj_no_memory(err);
    kj_buf_put(&out->sets, kj_span_of(&disk, sizeof disk));
    out->records_len += count * (set->key_len + WORD);
    out->count += count;
    return KJ_OK;
}

kj_status kj_hash_sets_write(const kj_hash_sets *sets, uint32_t detects, kj_hash_sections *out,
                             kj_error *err)
{
    for (size_t i = 0; i < sets->count; i++)
        if (sets->items[i].records.count)
            KJ_TRY(write_set(&sets->items[i], detects, out, err));
    if (out->sets.failed || out->gates.failed || out->buckets.failed)
        return kj_no_memory(err);
    return KJ_OK;
}

static void put_set(const kj_hash_set *set, kj_buf *out)
{
    for (walk w = {.set = set}; next_record(&w);) {
        size_t len = set->key_len + WORD;
        uint8_t *slot = kj_buf_reserve(out, len);
        if (!slot)
            return;
        uint32_t name = kj_hash_record_name(set, w.record), tail;
        memcpy(slot, w.record, len);
        memcpy(&tail, slot + set->key_len - WORD, WORD);
        tail ^= name;
        memcpy(slot + set->key_len - WORD, &tail, WORD);
        kj_buf_added(out, len);
    }
}

void kj_hash_sets_put_records(const kj_hash_sets *sets, kj_buf *out)
{
    for (size_t i = 0; i < sets->count; i++)
        put_set(&sets->items[i], out);
}

void kj_hash_sections_init(kj_hash_sections *out)
{
    *out = (kj_hash_sections){0};
    kj_buf_init(&out->sets, INT32_MAX);
    kj_buf_init(&out->gates, INT32_MAX);
    kj_buf_init(&out->buckets, INT32_MAX);
}

void kj_hash_sections_done(kj_hash_sections *out)
{
    kj_buf_done(&out->sets);
    kj_buf_done(&out->gates);
    kj_buf_done(&out->buckets);
}

/* ---- looking up ------------------------------------------------------------------------------
 */

/* A set whose parts lie in their sections. */
typedef struct view {
    const kj_disk_hash_set *set;
    const uint32_t *buckets;
    const uint32_t *records;
    size_t width;         /* words of a record */
    const uint32_t *gate; /* NULL: not sized */
} view;

/* NULL when they are not all there. */
static const uint32_t *words_at(const kj_defs_section *section, uint32_t first, uint64_t count)
{
    if (first > section->count || count > section->count - first)
        return NULL;
    return (const uint32_t *)section->data + first;
}

static bool open_set(const kj_defs *defs, uint32_t index, view *out)
{
    const kj_disk_hash_set *set = (const kj_disk_hash_set *)defs->hash_sets.data + index;
    if (set->scope >= KJ_SCOPE_COUNT || set->kind >= KJ_HASH_KIND_COUNT ||
        set->class_ == KJ_CLASS_NONE || set->class_ >= KJ_CLASS_COUNT ||
        set->bucket_log2 > BUCKET_LOG2_MAX || set->key_len % WORD || set->key_len < KJ_HASH_KEPT ||
        set->key_len > kj_hash_len((kj_hash_kind)set->kind))
        return false;
    *out = (view){.set = set, .width = set->key_len / WORD + 1};
    out->buckets =
        words_at(&defs->hash_buckets, set->first_bucket, (UINT64_C(1) << set->bucket_log2) + 1);
    out->records =
        words_at(&defs->hash_records, set->first_record, (uint64_t)set->count * out->width);
    if (!out->buckets || !out->records)
        return false;
    if (!(set->flags & KJ_HASHF_SIZED))
        return true;
    out->gate = words_at(&defs->hash_gates, set->first_gate, set->gate_words);
    return out->gate && set->gate_words >= KJ_GATE_BLOCKS &&
           set->gate_large <= set->gate_words - KJ_GATE_BLOCKS;
}

static uint32_t set_count(const kj_defs *defs)
{
    return defs->hash_sets.count < KJ_HASH_SETS_MAX ? defs->hash_sets.count : KJ_HASH_SETS_MAX;
}

uint64_t kj_hash_sets_count(const kj_defs *defs)
{
    const kj_disk_hash_set *sets = defs->hash_sets.data;
    uint64_t count = 0;
    for (uint32_t i = 0; i < set_count(defs); i++)
        count += sets[i].count;
    return count;
}

static bool has_large(const view *v, uint32_t size)
{
    const uint32_t *large = v->gate + (v->set->gate_words - v->set->gate_large);
    return bsearch(&size, large, v->set->gate_large, sizeof *large, compare_sizes) != NULL;
}

/* Whether an object of that size may be in the set. */
static bool has_size(const view *v, uint64_t size)
{
    if (!v->gate)
        return true;
    if (size > UINT32_MAX)
        return false;
    if (size >= GATE_SIZES)
        return has_large(v, (uint32_t)size);
    uint32_t block = v->gate[size / KJ_GATE_SPAN];
    uint64_t at = KJ_GATE_BLOCKS + (uint64_t)block - 1 + size % KJ_GATE_SPAN / 32;
    return block && at < v->set->gate_words - v->set->gate_large && (v->gate[at] >> size % 32 & 1);
}

static bool is_trusted(const kj_disk_hash_set *set)
{
    return set->class_ == KJ_CLASS_TRUSTED;
}

unsigned kj_hash_sets_scopes(const kj_defs *defs, bool trusted)
{
    unsigned scopes = 0;
    for (uint32_t i = 0; i < set_count(defs); i++) {
        view v;
        if (open_set(defs, i, &v) && is_trusted(v.set) == trusted)
            scopes |= 1u << v.set->scope;
    }
    return scopes;
}

unsigned kj_hash_sets_want(const kj_defs *defs, kj_hash_scope scope, uint64_t size, bool trusted)
{
    unsigned wanted = 0;
    for (uint32_t i = 0; i < set_count(defs); i++) {
        view v;
        if (open_set(defs, i, &v) && v.set->scope == scope && is_trusted(v.set) == trusted &&
            has_size(&v, size))
            wanted |= 1u << v.set->kind;
    }
    return wanted;
}

static uint64_t head_at(const view *v, uint32_t record)
{
    return head_of((const uint8_t *)(v->records + record * v->width));
}

/* The first record of [from, to) whose head is not below `head`; `to` if there is none. */
static uint32_t first_from(const view *v, uint64_t head, uint32_t from, uint32_t to)
{
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (head_at(v, middle) < head)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

/* Whether the rest of the record's key is that of `key`, too, whose head it has. */
static bool has_key(const view *v, uint32_t record, const uint8_t *key)
{
    const uint32_t *words = v->records + record * v->width;
    size_t last = v->width - 2; /* of the key */
    uint32_t tail;
    memcpy(&tail, key + last * WORD, WORD);
    return memcmp(words, key, last * WORD) == 0 && (words[last] ^ words[last + 1]) == tail;
}

static void find_in(const kj_defs *defs, const view *v, const uint8_t *digest, uint64_t size,
                    void (*found)(void *user, uint32_t number), void *user)
{
    uint8_t key[KJ_HASH_MAX];
    memcpy(key, digest, v->set->key_len);
    if (v->gate)
        kj_mask_key(key, (uint32_t)size);
    uint64_t head = head_of(key);
    const uint32_t *bucket = v->buckets + bucket_of(head, v->set->bucket_log2);
    if (bucket[0] > bucket[1] || bucket[1] > v->set->count)
        return;
    uint32_t at = first_from(v, head, bucket[0], bucket[1]);
    for (; at < bucket[1] && head_at(v, at) == head; at++) {
        uint64_t number = (uint64_t)defs->detects.count + v->set->first_number + at;
        if (has_key(v, at, key) && number < KJ_NONE)
            found(user, (uint32_t)number);
    }
}

void kj_hash_sets_find(const kj_defs *defs, kj_hash_scope scope, kj_hash_kind kind,
                       const uint8_t *digest, uint64_t size, bool trusted,
                       void (*found)(void *user, uint32_t number), void *user)
{
    for (uint32_t i = 0; i < set_count(defs); i++) {
        view v;
        if (open_set(defs, i, &v) && v.set->scope == scope && v.set->kind == kind &&
            is_trusted(v.set) == trusted && has_size(&v, size))
            find_in(defs, &v, digest, size, found, user);
    }
}

void kj_hash_sets_forget(const kj_defs *defs)
{
    const kj_defs_section *const large[] = {&defs->hash_gates, &defs->hash_buckets,
                                            &defs->hash_records};
    for (size_t i = 0; i < KJ_COUNT(large); i++)
        kj_defs_forget(defs, kj_span_of(large[i]->data, (size_t)large[i]->count * WORD));
}

/* ---- detections by number --------------------------------------------------------------------
 */

static kj_front_view names_of(const kj_defs *defs)
{
    return (kj_front_view){kj_span_of(defs->hash_names.data, defs->hash_names.count),
                           defs->hash_blocks.data, defs->hash_blocks.count};
}

static bool detection_of_set(const kj_defs *defs, uint32_t number, kj_detection *out)
{
    const kj_front_view names = names_of(defs);
    for (uint32_t i = 0; i < set_count(defs); i++) {
        view v;
        if (!open_set(defs, i, &v) || number < v.set->first_number ||
            number - v.set->first_number >= v.set->count)
            continue;
        size_t record = number - v.set->first_number;
        out->set = v.set;
        out->klass = (kj_class)v.set->class_;
        out->name = kj_front_text(&names, v.records[record * v.width + v.width - 1], out->text);
        return out->name.len > 0;
    }
    return false;
}

bool kj_defs_detection(const kj_defs *defs, uint32_t number, kj_detection *out)
{
    out->detect = kj_defs_detect(defs, number);
    out->set = NULL;
    out->since = 0;
    if (!out->detect)
        return number >= defs->detects.count &&
               detection_of_set(defs, number - defs->detects.count, out);
    out->name = kj_defs_name(defs, &out->detect->name);
    out->since = out->detect->since;
    out->klass = (kj_class)out->detect->class_;
    return out->name.len > 0 && out->detect->class_ < KJ_CLASS_COUNT;
}

/* ---- checking --------------------------------------------------------------------------------
 */

static kj_status malformed(kj_error *err, const char *what)
{
    return kj_fail(err, KJ_MALFORMED, KJ_NO_OFFSET, "damaged definitions: %s", what);
}

/* Where the parts of the next set begin. */
typedef struct ends {
    uint64_t record;
    uint64_t bucket;
    uint64_t gate;
    uint64_t number;
} ends;

static kj_status verify_gate(const view *v, kj_error *err)
{
    const uint32_t *large = v->gate + (v->set->gate_words - v->set->gate_large);
    uint32_t room = v->set->gate_words - v->set->gate_large - KJ_GATE_BLOCKS;
    for (size_t i = 0; i < KJ_GATE_BLOCKS; i++)
        if (v->gate[i] > room || (v->gate[i] && room - (v->gate[i] - 1) < BLOCK_WORDS))
            return malformed(err, "a gate refers to what is not there");
    for (uint32_t i = 0; i < v->set->gate_large; i++)
        if (large[i] < GATE_SIZES || (i && large[i - 1] >= large[i]))
            return malformed(err, "the sizes of a gate do not rise");
    return KJ_OK;
}

/* Lets go of what was verified, a few megabytes behind. */
static void forget_behind(const kj_defs *defs, const kj_defs_section *section, size_t width,
                          size_t *forgotten, size_t pos)
{
    enum { STEP = 4 << 20 };
    const uint8_t *bytes = section->data;
    if ((pos - *forgotten) * width < STEP && pos < section->count)
        return;
    kj_defs_forget(defs, kj_span_of(bytes + *forgotten * width, (pos - *forgotten) * width));
    *forgotten = pos;
}

static kj_status verify_records(const kj_defs *defs, const view *v, uint32_t name_count,
                                kj_error *err)
{
    size_t forgotten = v->set->first_record;
    uint32_t buckets = UINT32_C(1) << v->set->bucket_log2;
    if (v->buckets[0] != 0 || v->buckets[buckets] != v->set->count)
        return malformed(err, "the buckets of digests do not hold all");
    uint64_t last = 0;
    for (uint32_t b = 0; b < buckets; b++) {
        if (v->buckets[b] > v->buckets[b + 1] || v->buckets[b + 1] > v->set->count)
            return malformed(err, "the buckets of digests do not rise");
        for (uint32_t i = v->buckets[b]; i < v->buckets[b + 1]; i++) {
            uint64_t head = head_at(v, i);
            if (head < last || bucket_of(head, v->set->bucket_log2) != b)
                return malformed(err, "a digest is not where it should be");
            if (v->records[i * v->width + v->width - 1] >= name_count)
                return malformed(err, "a digest without a name");
            last = head;
        }
        forget_behind(defs, &defs->hash_records, WORD, &forgotten,
                      v->set->first_record + v->buckets[b + 1] * v->width);
    }
    return KJ_OK;
}

static kj_status verify_names(const kj_defs *defs, uint32_t *out_count, kj_error *err)
{
    const kj_front_view names = names_of(defs);
    size_t forgotten = 0;
    uint32_t count = 0;
    *out_count = 0;
    if (names.block_count == 0 && names.bytes.len)
        return malformed(err, "names in no block");
    if (names.block_count > UINT32_MAX / KJ_FRONT_BLOCK)
        return malformed(err, "too many names");
    for (uint32_t i = 0; i < names.block_count; i++) {
        KJ_TRY(kj_front_verify(&names, i, &count, err));
        *out_count += count;
        forget_behind(defs, &defs->hash_names, 1, &forgotten, names.blocks[i]);
    }
    return KJ_OK;
}

static kj_status verify_set(const kj_defs *defs, uint32_t index, uint32_t name_count, ends *next,
                            kj_error *err)
{
    view v;
    if (!open_set(defs, index, &v) || v.set->flags & ~(uint32_t)KJ_HASHF_FLAGS ||
        v.set->first_record != next->record || v.set->first_bucket != next->bucket ||
        v.set->first_number != next->number || (v.gate && v.set->first_gate != next->gate))
        return malformed(err, "a set of digests refers to what is not there");
    if (v.gate)
        KJ_TRY(verify_gate(&v, err));
    next->record += v.set->count * v.width;
    next->bucket += (UINT64_C(1) << v.set->bucket_log2) + 1;
    next->gate += v.gate ? v.set->gate_words : 0;
    next->number += v.set->count;
    return verify_records(defs, &v, name_count, err);
}

kj_status kj_hash_sets_verify(const kj_defs *defs, kj_error *err)
{
    uint32_t name_count;
    ends next = {0};
    if (defs->hash_sets.count > KJ_HASH_SETS_MAX)
        return malformed(err, "too many sets of digests");
    KJ_TRY(verify_names(defs, &name_count, err));
    for (uint32_t i = 0; i < defs->hash_sets.count; i++)
        KJ_TRY(verify_set(defs, i, name_count, &next, err));
    if (next.record != defs->hash_records.count || next.bucket != defs->hash_buckets.count ||
        next.gate != defs->hash_gates.count || next.number >= KJ_NONE - defs->detects.count)
        return malformed(err, "digests that no set has");
    return KJ_OK;
}
