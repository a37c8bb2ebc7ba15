/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a file, then walks: identify, open what is inside (each member is scanned in the same way,
 * before what holds it), match. Matching comes last, because rules on a container may ask about
 * its members. */
#include "scan/scan.h"

#include "base/arith.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/path.h"
#include "base/pcre.h"
#include "defs/hash_sets.h"
#include "formats/views.h"
#include "modules/clamav.h"
#include "scan/digests.h"
#include "scan/findings.h"
#include "scan/hashes.h"
#include "scan/object.h"
#include "scan/volume.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    ARENA_BUDGET = 256 << 20,
    KEEP_BUFFER = 64 << 20,    /* a file buffer larger than this is given back */
    RATIO_FROM = 1 << 20,      /* unpacked bytes below which no ratio is suspicious */
    HITS_PER_PATTERN = 100000, /* beyond this many matches a string's further ones are dropped */
    HANDLERS_MAX = 8,          /* types as which an object is read because rules say so */
    CONSOLE_LINES = 1000,      /* that rules may print about one object */
    LOOKUPS_KEPT = 16,         /* of digests, after which the pages they touched are let go */
};

static void take_line(void *user, kj_span line);
static void take_module_unseen(void *user, kj_status why, const char *sentence);

struct kj_scanner {
    const kj_defs *sets[KJ_SETS_MAX];
    kj_matcher *matchers[KJ_SETS_MAX];
    size_t set_count;
    kj_scan_limits limits;
    kj_module_env env;
    kj_pcre_cache *pcres;
    kj_span *passwords; /* of all sets */
    size_t password_count;
    kj_buf file;
    kj_buf view;                    /* of the object that is matched */
    kj_span handlers[HANDLERS_MAX]; /* types as which the object just matched is to be read, too */
    size_t handler_count;
    unsigned views; /* kj_view, a bit each: that some set has rules for */
    kj_arena arena;
    atomic_bool cancelled; /* by a signal handler or another thread */
    /* of the file under way */
    const kj_scan_events *events;
    uint64_t packed;
    uint64_t unpacked;
    uint64_t members;
    uint64_t started_ns;
    unsigned lookups;    /* of digests, since their pages were let go */
    bool stopped;        /* a budget of the whole file ran out; it was told */
    unsigned ambiguous;  /* objects under way that several formats claim */
    kj_digests contents; /* of the members of those */
    uint64_t plain;      /* of `unpacked`: not in another reading of a message */
    uint64_t readings;   /* bytes that only other readings showed */
    uint64_t attempts;   /* bytes that these took */
    uint64_t viewed;     /* bytes of views */
    bool few_views;      /* that some were not made was told */
    kj_digest_key key;
    const kj_object *matched; /* the object that rules are about */
    unsigned lines;           /* that they had printed about it */
};

/* One object that is being walked. */
typedef struct layer {
    kj_sink sink; /* first: what formats get */
    kj_scanner *scanner;
    kj_object *object;
    kj_member *members;
    size_t member_capacity;
    bool again;        /* the object's members were walked before, as another format's */
    kj_digests shown;  /* contents of its members, once one of them may be another reading */
    bool remembers;    /* its members are among `contents` */
    bool few_readings; /* that some were not made was told */
} layer;

static unsigned wanted_views(const kj_defs *set)
{
    unsigned views = 0;
    for (unsigned view = 1; view < KJ_VIEW_COUNT; view++)
        if (set->meta.views & kj_rules_of_view(view))
            views |= 1u << view;
    return views;
}

/* False without memory. */
static bool collect_passwords(kj_scanner *scanner)
{
    size_t count = 0;
    for (size_t i = 0; i < scanner->set_count; i++)
        count += kj_defs_run_count(scanner->sets[i], scanner->sets[i]->meta.passwords, 2);
    scanner->passwords = count ? calloc(count, sizeof *scanner->passwords) : NULL;
    for (size_t i = 0; scanner->passwords && i < scanner->set_count; i++) {
        kj_disk_run run = scanner->sets[i]->meta.passwords;
        uint32_t in_set = kj_defs_run_count(scanner->sets[i], run, 2);
        for (uint32_t k = 0; k < in_set; k++)
            scanner->passwords[scanner->password_count++] =
                kj_defs_run_text(scanner->sets[i], run, k);
    }
    return count == 0 || scanner->passwords;
}

kj_scanner *kj_scanner_new(const kj_defs *const *sets, size_t count, const kj_scan_limits *limits)
{
    kj_scanner *scanner = calloc(1, sizeof *scanner);
    if (!scanner || count > KJ_SETS_MAX) {
        free(scanner);
        return NULL;
    }
    scanner->limits = *limits;
    scanner->key = kj_digest_key_new();
    scanner->pcres = kj_pcre_cache_new(); /* without it patterns are compiled anew */
    kj_scanner_set_env(scanner, &(kj_module_env){0});
    scanner->set_count = count;
    kj_buf_init(&scanner->file, (size_t)kj_min_u64(limits->file_bytes, SIZE_MAX / 2));
    kj_buf_init(&scanner->view, (size_t)kj_min_u64(limits->member_bytes, SIZE_MAX / 2));
    kj_arena_init(&scanner->arena, ARENA_BUDGET);
    for (size_t i = 0; i < count; i++) {
        scanner->sets[i] = sets[i];
        scanner->views |= wanted_views(sets[i]);
        scanner->matchers[i] = kj_matcher_new(sets[i]);
        if (!scanner->matchers[i]) {
            kj_scanner_free(scanner);
            return NULL;
        }
    }
    if (!collect_passwords(scanner)) {
        kj_scanner_free(scanner);
        return NULL;
    }
    return scanner;
}

void kj_scanner_free(kj_scanner *scanner)
{
    if (!scanner)
        return;
    for (size_t i = 0; i < scanner->set_count; i++)
        kj_matcher_free(scanner->matchers[i]);
    kj_buf_done(&scanner->file);
    kj_buf_done(&scanner->view);
    kj_arena_done(&scanner->arena);
    kj_digests_clear(&scanner->contents);
    free(scanner->passwords);
    kj_pcre_cache_free(scanner->pcres);
    free(scanner);
}

void kj_scanner_set_env(kj_scanner *scanner, const kj_module_env *env)
{
    scanner->env = *env;
    scanner->env.console = take_line;
    scanner->env.unseen = take_module_unseen;
    scanner->env.user = scanner;
    scanner->env.pcres = scanner->pcres;
}

void kj_scanner_cancel(kj_scanner *scanner)
{
    scanner->cancelled = true;
}

/* ---- telling --------------------------------------------------------------------------------- */

/* That an attempt to read a message otherwise gave something broken means nothing. */
static void tell_unseen(kj_scanner *s, const kj_object *object, kj_span member, kj_status why,
                        const char *sentence)
{
    if (object->reading && (why == KJ_TRUNCATED || why == KJ_MALFORMED))
        return;
    kj_buf path;
    kj_member_path(object, member, &path);
    s->events->unseen(s->events->user, why, kj_buf_span(&path), sentence);
    kj_buf_done(&path);
}

static void tell_odd(kj_scanner *s, const kj_object *object)
{
    kj_buf path;
    kj_member_path(object, (kj_span){0}, &path);
    s->events->odd(s->events->user, object->odd, kj_buf_span(&path));
    kj_buf_done(&path);
}

/* The whole file ends here; said once, however many layers it passes through. */
static kj_status stop(kj_scanner *s, const kj_object *object, kj_status why, kj_error *err,
                      const char *sentence)
{
    if (!s->stopped && why == KJ_LIMIT)
        tell_unseen(s, object, (kj_span){0}, why, sentence);
    s->stopped = true;
    return kj_fail(err, why, KJ_NO_OFFSET, "%s", sentence);
}

/* A large buffer is not kept for the next file. */
static void give_back(kj_buf *buf)
{
    if (buf->capacity <= KEEP_BUFFER)
        return;
    size_t max = buf->max;
    kj_buf_done(buf);
    kj_buf_init(buf, max);
}

/* ---- matching -------------------------------------------------------------------------------- */

static void take_line(void *user, kj_span line)
{
    kj_scanner *s = user;
    if (!s->events->console || s->lines > CONSOLE_LINES)
        return;
    if (s->lines++ == CONSOLE_LINES)
        line = kj_span_str("(further lines are not shown)");
    kj_buf path;
    kj_member_path(s->matched, (kj_span){0}, &path);
    s->events->console(s->events->user, kj_buf_span(&path), line);
    kj_buf_done(&path);
}

static void take_module_unseen(void *user, kj_status why, const char *sentence)
{
    kj_scanner *s = user;
    tell_unseen(s, s->matched, (kj_span){0}, why, sentence);
}

/* Notes what the rules that matched say of how the object is to be read. */
static void take_handlers(kj_scanner *s, const kj_defs *defs, const kj_matcher *matcher)
{
    const kj_bits *rules = &kj_matcher_seen(matcher)->rules;
    uint32_t index = kj_bits_next(rules, 0);
    for (; index != KJ_BITS_END; index = kj_bits_next(rules, index + 1)) {
        const kj_disk_rule *rule = kj_defs_rule(defs, index);
        if (!rule || !(rule->flags & KJ_RULE_HANDLER) || s->handler_count == HANDLERS_MAX)
            continue;
        const kj_disk_meta_entry *meta = (const kj_disk_meta_entry *)(const void *)kj_defs_words(
            defs, rule->metas.first, sizeof *meta / sizeof(uint32_t));
        if (meta && meta->type == KJ_TYPE_STRING)
            s->handlers[s->handler_count++] =
                kj_defs_text(defs, (kj_disk_text){meta->value[0], meta->value[1]});
    }
}

/* The object as it is, or a view of it. `told` as in kj_findings_tell(). */
static kj_status match_bytes(kj_scanner *s, const kj_object *object, kj_digests *told,
                             kj_error *err)
{
    kj_asked asked;
    s->matched = object;
    s->lines = 0;
    KJ_TRY(kj_asked_init(&asked, object, &s->arena, &s->env, err));
    const kj_match_limits limits = {
        .search = {.hits_per_pattern = HITS_PER_PATTERN},
        .deadline.ns =
            s->limits.time_ms ? s->started_ns + s->limits.time_ms * UINT64_C(1000000) : 0,
        .deadline.cancelled = &s->cancelled,
    };
    kj_status ended = KJ_OK; /* the file's time ran out: what was found counts, nothing follows */
    for (size_t i = 0; i < s->set_count; i++) {
        if (object->view && !(s->sets[i]->meta.views & asked.input.view))
            continue;
        kj_error why = {0};
        kj_status status = kj_matcher_run(s->matchers[i], &asked.input, &limits, &why);
        if (status == KJ_LIMIT && s->cancelled)
            return stop(s, object, KJ_CANCELLED, err, "stopped");
        if (status == KJ_LIMIT && kj_deadline_past(&limits.deadline))
            ended = stop(s, object, status, err, why.message);
        else if (status == KJ_LIMIT && !s->stopped)
            tell_unseen(s, object, (kj_span){0}, status, why.message);
        else if (status != KJ_OK && status != KJ_LIMIT)
            return kj_fail(err, status, why.offset, "%s", why.message);
        KJ_TRY(kj_findings_tell(s->matchers[i], s->sets[i], (uint32_t)i, object, told, s->events,
                                err));
        if (s->sets[i]->meta.handlers && !object->view)
            take_handlers(s, s->sets[i], s->matchers[i]);
        if (s->events->examine)
            s->events->examine(s->events->user, (uint32_t)i, s->matchers[i], object, &asked.input);
    }
    /* What a rule asked about and there was no room for counted as absent. */
    if (s->arena.failed && !s->stopped)
        tell_unseen(s, object, (kj_span){0}, KJ_NO_MEMORY, "out of memory");
    s->arena.failed = false;
    return ended;
}

/* Views are bytes that are matched, too; once they are too many, there are no more of them. */
static bool take_view(kj_scanner *s, const kj_object *object, size_t len)
{
    s->viewed += len;
    if (s->unpacked + s->viewed <= s->limits.bytes)
        return true;
    if (!s->few_views && !s->stopped)
        tell_unseen(s, object, (kj_span){0}, KJ_LIMIT,
                    "too many bytes to be normalised (--max-bytes)");
    s->few_views = true;
    return false;
}

static kj_status match_view(kj_scanner *s, const kj_object *object, kj_view view, kj_digests *told,
                            kj_error *err)
{
    kj_error why = {0};
    if (s->few_views)
        return KJ_OK;
    kj_buf_clear(&s->view);
    kj_status made = kj_view_make(view, object->bytes, &s->view, &why);
    if (made != KJ_OK && !s->stopped)
        tell_unseen(s, object, (kj_span){0}, made, why.message);
    if (!take_view(s, object, s->view.len))
        return KJ_OK;
    kj_object seen = *object;
    seen.view = view;
    seen.whole = object->bytes;
    seen.bytes = kj_buf_span(&s->view);
    kj_digests_settle(told);
    kj_arena_mark mark = kj_arena_get_mark(&s->arena);
    kj_status status = match_bytes(s, &seen, told, err);
    kj_arena_rewind(&s->arena, mark);
    s->matched = object;
    return status;
}

/* As it is, then in each of its views for which there are rules. */
static kj_status match_object(kj_scanner *s, const kj_object *object, kj_digests *told,
                              kj_error *err)
{
    unsigned views = s->views ? s->views & kj_views_of(object) : 0;
    s->handler_count = 0;
    kj_status status = match_bytes(s, object, told, err);
    for (kj_view view = 1; status == KJ_OK && view < KJ_VIEW_COUNT; view++)
        if (views & 1u << view)
            status = match_view(s, object, view, told, err);
    give_back(&s->view);
    return status;
}

/* ---- members --------------------------------------------------------------------------------- */

static kj_status scan_object(kj_scanner *s, kj_object *object, kj_error *err);

/* The same names, in the scan's arena; NULL without memory. */
static const kj_span *keep_names(kj_arena *arena, const kj_member *member)
{
    kj_span *names = kj_new_array(arena, kj_span, member->name_count);
    for (size_t i = 0; names && i < member->name_count; i++) {
        char *copy = kj_arena_text(arena, member->names[i]);
        if (!copy)
            return NULL;
        names[i] = kj_span_of(copy, member->names[i].len);
    }
    return names;
}

/* Records the member so that rules on the container can ask; NULL without memory. */
static kj_member *record(layer *l, const kj_member *member)
{
    kj_object *object = l->object;
    if (object->member_count == l->member_capacity) {
        size_t capacity = l->member_capacity ? 2 * l->member_capacity : 8;
        kj_member *grown = kj_new_array(&l->scanner->arena, kj_member, capacity);
        if (!grown)
            return NULL;
        if (object->member_count)
            memcpy(grown, l->members, object->member_count * sizeof *grown);
        l->members = grown;
        l->member_capacity = capacity;
        object->members = grown;
    }
    const char *name = kj_arena_text(&l->scanner->arena, member->name);
    const char *type = kj_arena_text(&l->scanner->arena, member->content_type);
    const kj_span *names = member->name_count ? keep_names(&l->scanner->arena, member) : NULL;
    if (!name || !type || (member->name_count && !names))
        return NULL;
    kj_member *slot = &l->members[object->member_count++];
    *slot = *member;
    slot->name = kj_span_of(name, member->name.len);
    slot->content_type = kj_span_of(type, member->content_type.len);
    slot->names = names;
    slot->attachments = (slot > l->members ? slot[-1].attachments : 0) +
                        ((slot->flags & KJ_MEMBER_ATTACHMENT) != 0);
    return slot;
}

/* A message that was shown as a text is new. */
static kj_digest digest_of(const layer *l, const kj_member *member, kj_span bytes)
{
    kj_digest digest = kj_digest_of(&l->scanner->key, bytes);
    digest.hash ^= member->flags & KJ_MEMBER_FLAT;
    return digest;
}

/* Whether the object's other format had this very content among its members, at any depth. */
static bool is_known(layer *l, const kj_member *member, kj_span bytes)
{
    kj_scanner *s = l->scanner;
    if (l->object->remember && !l->remembers) {
        l->remembers = true;
        s->ambiguous++;
    }
    if (s->ambiguous == 0)
        return false;
    bool reading = l->object->reading || (member->flags & KJ_MEMBER_READING);
    if (reading && l->remembers)
        kj_digests_settle(&s->contents);
    kj_digest digest = digest_of(l, member, bytes);
    if ((l->again || reading) && kj_digests_has(&s->contents, &digest))
        return true;
    kj_digests_add(&s->contents, &digest);
    return false;
}

static const kj_format *first_claim(kj_span bytes)
{
    kj_claims claims;
    kj_identify(bytes, &claims);
    return claims.formats[0];
}

/* Whether the member shows nothing new. Only containers that are read in several ways remember. */
static bool is_shown(layer *l, const kj_member *member, kj_span bytes)
{
    if (!(member->flags & (KJ_MEMBER_READING | KJ_MEMBER_SHOWN)))
        return false;
    kj_digest digest = digest_of(l, member, bytes);
    if (kj_digests_has(&l->shown, &digest))
        return true;
    kj_digests_add(&l->shown, &digest);
    kj_digests_settle(&l->shown);
    return member->flags & KJ_MEMBER_SHOWN;
}

/* Tells once an object that some of its readings were not made. */
static bool no_more_readings(layer *l)
{
    if (!l->few_readings && !l->scanner->stopped)
        tell_unseen(l->scanner, l->object, (kj_span){0}, KJ_LIMIT,
                    "more readings of a message than allowed (--max-readings)");
    l->few_readings = true;
    return false;
}

/* What is read in other ways may be a multiple of what was read in the straightforward one, and
 * something where that is little. Members of members are the same bytes again, in part. */
static bool take_multiple(layer *l, uint64_t *spent, uint64_t bytes, uint64_t always)
{
    enum { NESTED = 8, ASKING = 1 << 20 };
    const kj_scanner *s = l->scanner;
    uint64_t all = *spent + bytes;
    if (all > always && all / s->limits.readings > s->packed + s->plain / NESTED) {
        *spent += kj_min_u64(bytes, ASKING); /* smaller ones may follow, but not for ever */
        return no_more_readings(l);
    }
    *spent = all;
    return !s->stopped;
}

/* Contents that only another reading shows. */
static bool take_new(layer *l, uint64_t bytes)
{
    enum { ALWAYS = 256 << 10 };
    return take_multiple(l, &l->scanner->readings, bytes, ALWAYS);
}

/* Attempts: most of them show what was seen before. */
static bool take_reading(kj_sink *sink, uint64_t bytes)
{
    enum { ALWAYS = 32 << 20 };
    layer *l = (layer *)(void *)sink;
    return take_multiple(l, &l->scanner->attempts, bytes, ALWAYS);
}

static kj_status take_child(kj_sink *sink, const kj_member *member, kj_span bytes, kj_error *err)
{
    layer *l = (layer *)(void *)sink;
    kj_scanner *s = l->scanner;
    bool shown = is_shown(l, member, bytes);
    if (member->flags & KJ_MEMBER_SHOWN)
        return KJ_OK;
    if (++s->members > s->limits.members)
        return stop(s, l->object, KJ_LIMIT, err, "too many members (--max-members)");
    kj_member *slot = record(l, member);
    if (!slot)
        return stop(s, l->object, KJ_LIMIT, err, "out of memory for the list of members");
    slot->size = bytes.len;
    if (shown || is_known(l, member, bytes)) {
        slot->format = first_claim(bytes);
        return KJ_OK;
    }
    if ((member->flags & KJ_MEMBER_READING) && !take_new(l, bytes.len))
        return KJ_OK;
    if (l->object->depth >= s->limits.depth) {
        tell_unseen(s, l->object, member->name, KJ_LIMIT, "nested too deeply (--max-depth)");
        return KJ_OK;
    }
    kj_arena_mark mark = kj_arena_get_mark(&s->arena);
    kj_object child = {
        .parent = l->object,
        .bytes = bytes,
        .name = kj_path_base(slot->name),
        .path = slot->name,
        .depth = l->object->depth + 1,
        .content_type = slot->content_type,
        .names = slot->names,
        .name_count = slot->name_count,
        .flat = slot->flags & KJ_MEMBER_FLAT,
        .reading = l->object->reading || (slot->flags & KJ_MEMBER_READING),
        .handled = l->object->handled,
    };
    if (!l->object->mail)
        child.host_path = kj_span_str(kj_volume_of_path(&s->arena, slot->name));
    kj_status status = scan_object(s, &child, err);
    slot->format = child.claims.formats[0];
    kj_arena_rewind(&s->arena, mark);
    return status;
}

/* Encrypted members are facts for rules, too. */
static void take_unseen(kj_sink *sink, kj_status why, kj_span member, const char *sentence)
{
    layer *l = (layer *)(void *)sink;
    kj_member encrypted = sink->stated ? *sink->stated : (kj_member){.name = member};
    encrypted.flags |= KJ_MEMBER_ENCRYPTED;
    if (member.len && strcmp(sentence, KJ_UNSEEN_ENCRYPTED) == 0 &&
        l->object->member_count < l->scanner->limits.members)
        (void)record(l, &encrypted);
    if (!l->scanner->stopped)
        tell_unseen(l->scanner, l->object, member, why, sentence);
}

static kj_status take_account(kj_sink *sink, uint64_t bytes, kj_error *err)
{
    layer *l = (layer *)(void *)sink;
    kj_scanner *s = l->scanner;
    s->unpacked += bytes;
    s->plain += l->object->reading ? 0 : bytes;
    if (s->cancelled)
        return stop(s, l->object, KJ_CANCELLED, err, "stopped");
    if (s->unpacked > s->limits.bytes)
        return stop(s, l->object, KJ_LIMIT, err, "unpacks to too many bytes (--max-bytes)");
    if (s->unpacked > RATIO_FROM && s->unpacked / (s->packed + 1) > s->limits.ratio)
        return stop(s, l->object, KJ_LIMIT, err,
                    "unpacks to suspiciously more than its size (--max-ratio)");
    if (s->limits.time_ms && kj_clock_ns() - s->started_ns > s->limits.time_ms * UINT64_C(1000000))
        return stop(s, l->object, KJ_LIMIT, err, "takes too long (--max-time)");
    return KJ_OK;
}

/* ---- one object ------------------------------------------------------------------------------ */

static kj_status walk_as(layer *l, const kj_format *format, kj_error *err)
{
    kj_scanner *s = l->scanner;
    kj_error why = {0};
    kj_status status = format->scan(l->object, &l->sink, &why);
    if (status == KJ_OK)
        return KJ_OK;
    if (s->stopped || status == KJ_NO_MEMORY || status == KJ_INTERNAL)
        return kj_fail(err, status, why.offset, "%s", why.message);
    tell_unseen(s, l->object, (kj_span){0}, status, why.message);
    return KJ_OK;
}

static bool may_walk(const kj_object *object, const kj_format *format)
{
    return format->scan && !(object->flat && format->kind == KJ_KIND_MAIL);
}

/* Opens the object as everything that it claims to be, from that claim on. */
static kj_status walk(layer *l, size_t first, kj_error *err)
{
    kj_scanner *s = l->scanner;
    const kj_claims *claims = &l->object->claims;
    size_t containers = 0;
    for (size_t i = first; i < claims->count; i++)
        containers += may_walk(l->object, claims->formats[i]);
    s->ambiguous += containers > 1;
    kj_status status = KJ_OK;
    for (size_t i = first; i < claims->count && status == KJ_OK; i++) {
        if (!may_walk(l->object, claims->formats[i]))
            continue;
        status = walk_as(l, claims->formats[i], err);
        l->again = true;
        if (containers > 1)
            kj_digests_settle(&s->contents);
    }
    s->ambiguous -= (containers > 1 ? 1u : 0u) + (l->remembers ? 1u : 0u);
    l->remembers = false;
    if (s->ambiguous == 0)
        kj_digests_clear(&s->contents);
    return status;
}

static kj_hashes hashes_of(kj_scanner *s, const kj_object *object)
{
    return (kj_hashes){
        .sets = s->sets,
        .set_count = s->set_count,
        .object = object,
        .arena = &s->arena,
        .events = s->events,
        .unseen = take_module_unseen,
        .user = s,
    };
}

/* Lookups go all over the definitions: without this, all of them would end up in memory. */
static void count_lookups(kj_scanner *s, const kj_hashes *hashes)
{
    s->lookups += hashes->lookups;
    if (s->lookups < LOOKUPS_KEPT)
        return;
    for (size_t i = 0; i < s->set_count; i++)
        kj_hash_sets_forget(s->sets[i]);
    s->lookups = 0;
}

static void tell_scanned(kj_scanner *s, const kj_object *object)
{
    if (s->events->object)
        s->events->object(s->events->user, object->depth > 0, object->claims.formats[0]->name,
                          object->bytes.len);
}

/* Reads and matches the object once more, as what signatures say that it is as well. */
static kj_status handle(layer *l, kj_digests *told, kj_error *err)
{
    kj_scanner *s = l->scanner;
    kj_claims *claims = &l->object->claims;
    size_t known = claims->count;
    for (size_t i = 0; i < s->handler_count; i++)
        (void)kj_clamav_claim(l->object, s->handlers[i]);
    if (claims->count == known)
        return KJ_OK;
    l->object->handled = true;
    KJ_TRY(walk(l, known, err));
    kj_digests_settle(told);
    return match_object(s, l->object, told, err);
}

/* Matches it, and if a rule says so once more. */
static kj_status match(layer *l, kj_error *err)
{
    kj_scanner *s = l->scanner;
    KJ_CLEANUP(kj_digests_clear) kj_digests told = {0};
    kj_status status = match_object(s, l->object, &told, err);
    if (status == KJ_OK && s->handler_count && !l->object->handled)
        status = handle(l, &told, err);
    s->matched = l->object;
    return status;
}

/* What was unpacked before a budget ran out counts, and the object itself is in memory. */
static bool is_fatal(const kj_scanner *s, kj_status status)
{
    return status != KJ_OK && !(s->stopped && status == KJ_LIMIT);
}

/* Opens and matches what is not known to be good. */
static kj_status scan_layer(layer *l, kj_hashes *hashes, kj_error *err)
{
    kj_scanner *s = l->scanner;
    kj_status walked = walk(l, 0, err);
    if (l->object->odd && !l->object->reading && s->events->odd)
        tell_odd(s, l->object);
    if (is_fatal(s, walked))
        return walked;
    kj_status matched = match(l, err);
    if (is_fatal(s, matched))
        return matched;
    kj_hashes_tell(hashes);
    return walked != KJ_OK ? walked : matched;
}

static kj_status scan_object(kj_scanner *s, kj_object *object, kj_error *err)
{
    if (s->cancelled)
        return stop(s, object, KJ_CANCELLED, err, "stopped");
    kj_identify(object->bytes, &object->claims);
    kj_identify_declared(object->content_type, object->name, &object->claims);
    layer l = {
        .sink = {.arena = &s->arena,
                 .child = take_child,
                 .unseen = take_unseen,
                 .account = take_account,
                 .reading = take_reading,
                 .passwords = s->passwords,
                 .password_count = s->password_count,
                 .largest_member = s->limits.member_bytes},
        .scanner = s,
        .object = object,
    };
    kj_hashes hashes = hashes_of(s, object);
    kj_status status = kj_hashes_trusted(&hashes) ? KJ_OK : scan_layer(&l, &hashes, err);
    kj_digests_clear(&l.shown);
    count_lookups(s, &hashes);
    if (!is_fatal(s, status))
        tell_scanned(s, object);
    return status;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* Reads up to `size` bytes (to the end, when it is unknown or 0, as for files that the kernel makes
 * up); *out_more tells that there was more than the limit. */
static kj_status read_file(kj_scanner *s, const kj_scan_input *input, bool *out_more, kj_error *err)
{
    enum { STEP = 256 << 10 };
    kj_buf *file = &s->file;
    kj_buf_clear(file);
    *out_more = false;
    bool known = input->size != KJ_SIZE_UNKNOWN && input->size != 0;
    uint64_t want = known ? kj_min_u64(input->size, file->max) : file->max;
    if (known && !kj_buf_reserve(file, (size_t)want))
        return kj_no_memory(err);
    while (file->len < want && !s->cancelled) {
        size_t step =
            known ? (size_t)want - file->len : kj_min_size(STEP, (size_t)want - file->len);
        uint8_t *at = kj_buf_reserve(file, step);
        if (!at)
            return kj_no_memory(err);
        ssize_t got = read(input->fd, at, step);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return kj_fail(err, KJ_IO, file->len, "cannot read: %s", strerror(errno));
        if (got == 0)
            return KJ_OK;
        kj_buf_added(file, (size_t)got);
    }
    uint8_t probe;
    *out_more = known ? input->size > want : !s->cancelled && read(input->fd, &probe, 1) == 1;
    return KJ_OK;
}

static void begin(kj_scanner *s, const kj_scan_events *events)
{
    kj_arena_reset(&s->arena);
    s->events = events;
    s->unpacked = 0;
    s->members = 0;
    s->plain = 0;
    s->readings = 0;
    s->attempts = 0;
    s->viewed = 0;
    s->few_views = false;
    s->started_ns = kj_clock_ns();
    s->stopped = false;
}

/* What was read is scanned; what was not is told. */
static void tell_cut(kj_scanner *s, const kj_object *object, uint64_t size, bool more)
{
    char sentence[96];
    if (more) {
        (void)snprintf(sentence, sizeof sentence, "only the first %zu bytes (--max-file-size)",
                       object->bytes.len);
        tell_unseen(s, object, (kj_span){0}, KJ_LIMIT, sentence);
    } else if (size != KJ_SIZE_UNKNOWN && object->bytes.len < size && !s->cancelled) {
        (void)snprintf(sentence, sizeof sentence, "the file shrank from %llu to %zu bytes",
                       (unsigned long long)size, object->bytes.len);
        tell_unseen(s, object, (kj_span){0}, KJ_TRUNCATED, sentence);
    }
}

static kj_status scan_top(kj_scanner *s, kj_object *object, kj_error *err)
{
    s->packed = object->bytes.len;
    kj_status status = scan_object(s, object, err);
    return status == KJ_LIMIT ? KJ_OK : status; /* told already */
}

kj_status kj_scan_file(kj_scanner *s, const kj_scan_input *input, const kj_scan_events *events,
                       kj_error *err)
{
    begin(s, events);
    bool more;
    KJ_TRY(read_file(s, input, &more, err));
    kj_object object = {
        .bytes = kj_buf_span(&s->file),
        .name = kj_path_base(input->path),
        .path = input->path,
        .host_path = input->host_path,
    };
    tell_cut(s, &object, input->size, more);
    kj_status status = scan_top(s, &object, err);
    give_back(&s->file);
    return status;
}

kj_status kj_scan_bytes(kj_scanner *s, kj_span path, kj_span bytes, const kj_scan_events *events,
                        kj_error *err)
{
    begin(s, events);
    kj_object object = {.bytes = bytes, .name = kj_path_base(path), .path = path};
    return scan_top(s, &object, err);
}
