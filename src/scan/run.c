/* SPDX-License-Identifier: Apache-2.0 */
#include "scan/run.h"

#include "base/arith.h"
#include "base/cleanup.h"
#include "base/vec.h"
#include "scan/pool.h"
#include "scan/sightings.h"
#include "scan/verdict.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

enum {
    WINDOW = 4096,          /* items between what was walked and what was told */
    RECORDS_MAX = 8 << 20,  /* bytes of one file's results */
    MEMBER_MAX = 256 << 10, /* bytes of a member's path */
    COUNT_PER_TURN = 512,
    PROGRESS_MS = 100,
};

/* An item of the walk, until it was told. */
typedef struct entry {
    struct entry *next;
    kj_walk_kind kind;
    char *path;
    char *host_path;
    bool inside;    /* `path` is a disk image; the next three are there then */
    char *inner;    /* a member's path in it */
    char *raw_path; /* as the scanner gets it */
    char *key;      /* PATH!INNER: what it is called on its volume */
    uint32_t volume;
    kj_error error;
    bool done;
    kj_job job;
} entry;

typedef struct run {
    const kj_run_options *options;
    const kj_run_events *events;
    kj_run_totals *totals;
    kj_wire_sets sets;
    kj_pool_options pool_options;
    kj_pool *pool;
    kj_scanner *scanner;
    kj_walk *walk;
    size_t next_path;
    bool started;         /* a path is being walked */
    bool walked;          /* all of them were */
    bool in_image;        /* what is being walked is inside an image */
    const char *to_walk;  /* the image, when it is to be walked, too */
    uint64_t copied;      /* bytes of copies in memory that are being scanned */
    const entry *telling; /* the end of the volume that is being told */
    kj_buf member;
    entry *first;
    entry *last;
    size_t length;
    KJ_VEC(kj_volume_seen *) volumes;
    KJ_VEC(kj_wire_record) group; /* findings of the object that is being told */
    bool file_infected;           /* of the file that is being told */
    kj_walk_options count_options;
    kj_walk *counter;
    size_t next_counted;
    bool counting;
    kj_run_progress progress;
} run;

/* ---- the queue ------------------------------------------------------------------------------- */

static void free_entry(entry *e)
{
    kj_close_fd(&e->job.input.fd);
    kj_buf_done(&e->job.records);
    free(e->path);
    free(e->host_path);
    free(e->inner);
    free(e->raw_path);
    free(e->key);
    free(e);
}

static char *copy_text(kj_span text)
{
    return strndup(text.len ? (const char *)text.data : "", text.len);
}

static bool copy_names(entry *e, const kj_walk_item *item)
{
    e->path = copy_text(item->path);
    e->host_path = copy_text(item->host_path);
    if (!item->inside || !e->path)
        return e->path && e->host_path;
    e->inner = copy_text(item->inner);
    e->raw_path = copy_text(item->raw_path);
    if (asprintf(&e->key, "%s!%.*s", e->path, (int)item->inner.len,
                 (const char *)item->inner.data) < 0)
        e->key = NULL;
    return e->host_path && e->inner && e->raw_path && e->key;
}

/* A new entry at the queue's end; NULL without memory. */
static entry *append(run *r, const kj_walk_item *item)
{
    entry *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->job.input.fd = -1;
    e->kind = item->kind;
    e->inside = item->inside;
    e->volume = item->volume;
    e->error = item->error;
    if (!copy_names(e, item)) {
        free_entry(e);
        return NULL;
    }
    if (r->last)
        r->last->next = e;
    else
        r->first = e;
    r->last = e;
    r->length++;
    return e;
}

static void drop_first(run *r)
{
    entry *e = r->first;
    r->first = e->next;
    if (!r->first)
        r->last = NULL;
    r->length--;
    free_entry(e);
}

/* ---- volumes --------------------------------------------------------------------------------- */

static size_t find_volume(const run *r, uint32_t volume)
{
    size_t i = 0;
    while (i < r->volumes.count && kj_volume_seen_id(r->volumes.items[i]) != volume)
        i++;
    return i;
}

/* The volume's sightings, made on first use; NULL without memory. */
static kj_volume_seen *volume_of(run *r, uint32_t volume)
{
    size_t i = find_volume(r, volume);
    if (i < r->volumes.count)
        return r->volumes.items[i];
    kj_volume_seen *seen = kj_volume_seen_new(volume, &r->sets);
    if (seen && !kj_vec_add(&r->volumes, seen)) {
        kj_volume_seen_free(seen);
        return NULL;
    }
    return seen;
}

static void count_object(run *r, const kj_run_object *object)
{
    if (!kj_verdict_is_detection(object->findings[object->best].klass))
        return;
    r->totals->infected_objects++;
    r->file_infected = true;
}

/* What the user calls `member` of something that is `inner` in a disk image; until the next call.
 */
static kj_span member_inside(run *r, kj_span inner, kj_span member)
{
    if (member.len == 0 || inner.len == 0)
        return inner.len ? inner : member;
    kj_buf_clear(&r->member);
    kj_buf_put(&r->member, inner);
    kj_buf_put_byte(&r->member, '!');
    kj_buf_put(&r->member, member);
    return r->member.failed ? inner : kj_buf_span(&r->member);
}

static kj_span member_of(run *r, const entry *e, kj_span member)
{
    return e->inside ? member_inside(r, kj_span_str(e->inner), member) : member;
}

static kj_span key_of(const entry *e)
{
    return kj_span_str(e->inside ? e->key : e->path);
}

static void tell_object_of_volume(void *user, const kj_run_object *object)
{
    run *r = user;
    const entry *e = r->telling;
    kj_run_object shown = *object;
    kj_finding finding = object->findings[0]; /* of a volume each is told by itself */
    if (e->inside) {
        kj_span inner = kj_span_sub(object->path, strlen(e->path) + 1, SIZE_MAX);
        finding.member = member_inside(r, inner, finding.member);
        shown.path = kj_span_str(e->path);
        shown.findings = &finding;
        shown.inside = true;
    }
    r->file_infected = false;
    count_object(r, object);
    r->totals->infected_files += r->file_infected && !object->more;
    r->events->object(r->events->user, &shown);
}

/* ---- telling --------------------------------------------------------------------------------- */

static kj_verdict verdict_of(const kj_finding *finding)
{
    return (kj_verdict){finding->klass, finding->name};
}

static void tell_unseen(run *r, const entry *e, kj_span member, kj_status why, const char *sentence)
{
    r->totals->unseen++;
    r->events->unseen(r->events->user, kj_span_str(e->path), member_of(r, e, member), why,
                      sentence);
}

/* Results that there is no memory to tell must not pass for none. */
static void tell_lost(run *r, const entry *e)
{
    tell_unseen(r, e, (kj_span){0}, KJ_NO_MEMORY, KJ_SENTENCE("out of memory for its results"));
}

/* The name, where it outlives the record. No detection of a volume has one that only a set of
 * digests has. */
static kj_span lasting_name(const kj_wire_record *record)
{
    return record->detection.set ? (kj_span){0} : record->finding.name;
}

/* Tells the object whose findings were gathered. */
static void end_object(run *r, const entry *e)
{
    size_t count = r->group.count;
    if (count == 0)
        return;
    r->group.count = 0;
    KJ_CLEANUP(kj_free_ptr) kj_finding *findings = calloc(count, sizeof *findings);
    if (!findings) {
        tell_lost(r, e);
        return;
    }
    kj_run_object object = {
        .path = kj_span_str(e->path), .findings = findings, .count = count, .inside = e->inside};
    kj_span member = member_of(r, e, r->group.items[0].finding.member);
    size_t v = find_volume(r, e->volume);
    for (size_t i = 0; i < count; i++) {
        kj_wire_settle(&r->group.items[i]);
        findings[i] = r->group.items[i].finding;
        kj_verdict one = verdict_of(&findings[i]), best = verdict_of(&findings[object.best]);
        if (kj_verdict_beats(&one, &best))
            object.best = i;
        if (v < r->volumes.count)
            kj_volume_seen_reported(r->volumes.items[v], key_of(e), findings[i].member,
                                    lasting_name(&r->group.items[i]));
        findings[i].member = member;
    }
    count_object(r, &object);
    r->events->object(r->events->user, &object);
}

/* Adds a finding to those of its object; the object before it is complete then. */
static void add_finding(run *r, const entry *e, const kj_wire_record *record)
{
    const kj_wire_record *last = r->group.count ? &r->group.items[r->group.count - 1] : NULL;
    if (last && (last->object != record->object ||
                 !kj_span_equal(last->finding.member, record->finding.member)))
        end_object(r, e);
    if (!kj_vec_add(&r->group, *record))
        tell_lost(r, e);
}

/* An oddity that counts as a detection. No definitions have it: its indices are none. */
static void add_odd_finding(run *r, const entry *e, const kj_wire_record *record,
                            kj_heuristic heuristic)
{
    kj_wire_record found = {.kind = KJ_WIRE_FINDING, .object = record->object};
    found.finding = (kj_finding){
        .name = kj_span_str(kj_heuristics[heuristic].name),
        .klass = KJ_CLASS_HEURISTIC,
        .set = KJ_NONE,
        .detect = KJ_NONE,
        .source = kj_span_str("heuristics"),
        .member = record->member,
        .size = KJ_SIZE_UNKNOWN,
    };
    add_finding(r, e, &found);
}

static void tell_odd(run *r, const entry *e, const kj_wire_record *record)
{
    const kj_odd_policy *policy = &r->options->odd;
    kj_oddities odd = record->odd & ~policy->ignored;
    if (!odd)
        return;
    end_object(r, e);
    r->totals->odd_objects++;
    if (r->events->odd)
        r->events->odd(r->events->user, kj_span_str(e->path), member_of(r, e, record->member), odd);
    for (size_t i = 0; i < KJ_HEURISTIC_COUNT; i++)
        if (odd & policy->detecting & KJ_ODD(i))
            add_odd_finding(r, e, record, (kj_heuristic)i);
}

/* What else is told about an object comes before its findings, and between those of several sets:
 * it does not end them. */
static void end_other_object(run *r, const entry *e, kj_span member)
{
    if (r->group.count && !kj_span_equal(r->group.items[0].finding.member, member))
        end_object(r, e);
}

static void tell_console(run *r, const entry *e, const kj_wire_record *record)
{
    end_other_object(r, e, record->member);
    if (r->events->console)
        r->events->console(r->events->user, kj_span_str(e->path), member_of(r, e, record->member),
                           record->line);
}

static void tell_record(run *r, const entry *e, const kj_wire_record *record)
{
    if (record->kind == KJ_WIRE_UNSEEN) {
        end_other_object(r, e, record->member);
        tell_unseen(r, e, record->member, record->why, record->sentence);
    } else if (record->kind == KJ_WIRE_CONSOLE) {
        tell_console(r, e, record);
    } else if (record->kind == KJ_WIRE_ODD) {
        tell_odd(r, e, record);
    } else if (record->kind == KJ_WIRE_FINDING) {
        add_finding(r, e, record);
    }
}

static bool next_record(const run *r, const entry *e, size_t *pos, kj_wire_record *out)
{
    kj_span packet;
    return kj_wire_next(kj_buf_span(&e->job.records), pos, &packet) &&
           kj_wire_decode(packet, &r->sets, out);
}

/* Keeps what is a fact about the volume; false without memory. */
static bool keep_fact(run *r, const entry *e, const kj_wire_record *record)
{
    bool rule = record->kind == KJ_WIRE_MATCHED;
    if (e->volume == 0 || (!rule && record->kind != KJ_WIRE_SIGHTING))
        return true;
    kj_volume_seen *seen = volume_of(r, e->volume);
    if (seen && rule)
        kj_volume_seen_add_rule(seen, record->set, record->rule);
    return seen && (rule || kj_volume_seen_add(seen, record->set, record->artifact, key_of(e),
                                               record->member));
}

/* Tells what was found in a file. Sightings first: objects then know what was reported of them. */
static void tell_records(run *r, const entry *e)
{
    kj_wire_record record;
    bool kept = true;
    for (size_t pos = 0; next_record(r, e, &pos, &record);)
        kept = keep_fact(r, e, &record) && kept;
    if (!kept)
        tell_lost(r, e);
    for (size_t pos = 0; next_record(r, e, &pos, &record);)
        tell_record(r, e, &record);
    end_object(r, e);
}

/* Trouble inside an image is like trouble with a member: the image itself can be read. */
static void tell_error(run *r, const entry *e, const kj_error *err)
{
    if (e->inside) {
        tell_unseen(r, e, (kj_span){0}, err->status, err->message);
        return;
    }
    r->totals->errors++;
    r->events->error(r->events->user, kj_span_str(e->path), err);
}

static void tell_file(run *r, const entry *e)
{
    const kj_job *job = &e->job;
    r->file_infected = false;
    tell_records(r, e);
    if (job->lost) {
        char sentence[96];
        (void)snprintf(sentence, sizeof sentence, "%llu more results are not listed",
                       (unsigned long long)job->lost);
        tell_unseen(r, e, (kj_span){0}, KJ_LIMIT, sentence);
    }
    if (job->status == KJ_LIMIT)
        tell_unseen(r, e, (kj_span){0}, KJ_LIMIT, job->error.message);
    else if (job->status != KJ_OK && job->status != KJ_CANCELLED)
        tell_error(r, e, &job->error);
    if (job->status == KJ_CANCELLED)
        return;
    uint64_t size = job->input.size == KJ_SIZE_UNKNOWN ? 0 : job->input.size;
    r->totals->files++;
    r->totals->file_bytes += size;
    r->totals->objects += job->objects;
    r->totals->object_bytes += job->bytes;
    r->totals->infected_files += r->file_infected;
}

static void tell_own_error(run *r, const entry *e)
{
    tell_error(r, e, &e->error);
}

static void tell_skipped(run *r, const entry *e)
{
    r->totals->skipped++;
    r->events->skipped(r->events->user, key_of(e), e->error.message);
}

static void tell_volume_end(run *r, const entry *e)
{
    size_t i = find_volume(r, e->volume);
    if (i == r->volumes.count)
        return;
    r->telling = e;
    if (kj_volume_seen_tell(r->volumes.items[i], tell_object_of_volume, r, NULL) != KJ_OK)
        tell_lost(r, e);
    kj_volume_seen_free(r->volumes.items[i]);
    r->volumes.items[i] = r->volumes.items[--r->volumes.count];
}

static void (*const tellers[])(run *r, const entry *e) = {
    [KJ_WALK_FILE] = tell_file,
    [KJ_WALK_SKIPPED] = tell_skipped,
    [KJ_WALK_ERROR] = tell_own_error,
    [KJ_WALK_VOLUME_END] = tell_volume_end,
};

static void tell_ready(run *r)
{
    while (r->first && r->first->done) {
        tellers[r->first->kind](r, r->first);
        drop_first(r);
    }
}

/* After a stop: what is finished is told, the rest was not scanned. */
static void tell_finished(run *r)
{
    while (r->first) {
        if (r->first->done && r->first->kind != KJ_WALK_VOLUME_END)
            tellers[r->first->kind](r, r->first);
        drop_first(r);
    }
}

/* ---- scanning -------------------------------------------------------------------------------- */

static entry *entry_of(kj_job *job)
{
    return (entry *)(void *)((char *)job - offsetof(entry, job));
}

static void job_done(void *user, kj_job *job)
{
    run *r = user;
    entry *e = entry_of(job);
    e->done = true;
    if (e->inside)
        r->copied -= job->input.size;
    kj_close_fd(&job->input.fd);
    r->progress.files++;
    r->progress.file_bytes += job->input.size == KJ_SIZE_UNKNOWN ? 0 : job->input.size;
}

/* Makes the entry's job; takes the descriptor. */
static void begin_file(run *r, entry *e, int fd, uint64_t size)
{
    kj_job *job = &e->job;
    job->input = (kj_scan_input){
        .path = kj_span_str(e->inside ? e->raw_path : e->path),
        .host_path = kj_span_str(e->host_path),
        .fd = fd,
        .size = size,
    };
    if (e->inside)
        r->copied += size;
    job->on_volume = e->volume != 0;
    kj_buf_init(&job->records, RECORDS_MAX);
    if (r->pool) {
        kj_pool_submit(r->pool, job);
        return;
    }
    kj_job_scan_here(job, r->scanner, &r->sets);
    job_done(r, job);
}

static kj_status take_standard_input(run *r, kj_error *err)
{
    const kj_walk_item item = {.kind = KJ_WALK_FILE, .path = kj_span_str("-")};
    entry *e = append(r, &item);
    if (!e)
        return kj_no_memory(err);
    struct stat st;
    int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
    if (fd < 0 || fstat(fd, &st) < 0) {
        e->kind = KJ_WALK_ERROR;
        e->done = true;
        (void)kj_fail(&e->error, KJ_IO, KJ_NO_OFFSET, "%s", strerror(errno));
        kj_close_fd(&fd);
        return KJ_OK;
    }
    begin_file(r, e, fd, S_ISREG(st.st_mode) ? (uint64_t)st.st_size : KJ_SIZE_UNKNOWN);
    return KJ_OK;
}

static const char *next_path(run *r)
{
    if (r->next_path < r->options->path_count)
        return r->options->paths[r->next_path++];
    return r->options->more ? r->options->more(r->options->more_user) : NULL;
}

/* Begins with what is in the path, if it is an image, else with the path. */
static void start_path(run *r, const char *path)
{
    const kj_run_images *images = r->options->images;
    kj_inside inside = images ? images->start(images->user, path) : KJ_INSIDE_NONE;
    r->started = true;
    r->in_image = inside != KJ_INSIDE_NONE;
    r->to_walk = inside == KJ_INSIDE_TOO ? path : NULL;
    if (!r->in_image) {
        kj_walk_start(r->walk, path);
        return;
    }
    r->counting = false; /* nobody knows how much that is */
    r->progress.total_known = false;
}

/* What was started is exhausted. */
static void end_path(run *r)
{
    r->in_image = false;
    r->started = r->to_walk != NULL;
    if (r->to_walk)
        kj_walk_start(r->walk, KJ_TAKE(r->to_walk));
}

static kj_status start_next_path(run *r, kj_error *err)
{
    const char *path = next_path(r);
    if (!path) {
        r->walked = true;
        return KJ_OK;
    }
    if (strcmp(path, "-") == 0)
        return take_standard_input(r, err);
    start_path(r, path);
    return KJ_OK;
}

/* Takes one step of the walk. */
static kj_status take_item(run *r, kj_error *err)
{
    if (!r->started)
        return start_next_path(r, err);
    kj_walk_item item;
    if (r->in_image)
        r->options->images->next(r->options->images->user, &item);
    else
        kj_walk_next(r->walk, &item);
    if (item.kind == KJ_WALK_DONE) {
        end_path(r);
        return KJ_OK;
    }
    entry *e = append(r, &item);
    if (!e) {
        kj_close_fd(&item.fd);
        return kj_no_memory(err);
    }
    if (item.kind == KJ_WALK_FILE)
        begin_file(r, e, item.fd, item.size);
    else
        e->done = true;
    return KJ_OK;
}

static bool wants_items(const run *r)
{
    return !r->walked && r->length < WINDOW &&
           (r->copied == 0 || r->copied < r->options->limits.file_bytes) &&
           (!r->pool || kj_pool_has_room(r->pool, &r->pool_options));
}

/* ---- progress -------------------------------------------------------------------------------- */

static void count_some(run *r)
{
    for (size_t i = 0; r->counting && i < COUNT_PER_TURN; i++) {
        kj_walk_item item;
        kj_walk_next(r->counter, &item);
        if (item.kind == KJ_WALK_FILE) {
            r->progress.total_files++;
            r->progress.total_bytes += item.size == UINT64_MAX ? 0 : item.size;
        } else if (item.kind == KJ_WALK_DONE && r->next_counted < r->options->path_count) {
            const char *path = r->options->paths[r->next_counted++];
            if (strcmp(path, "-") != 0)
                kj_walk_start(r->counter, path);
        } else if (item.kind == KJ_WALK_DONE) {
            r->counting = false;
            r->progress.total_known = !r->options->more;
        }
    }
}

static void tell_progress(run *r)
{
    if (!r->events->progress)
        return;
    count_some(r);
    const entry *e = r->first;
    while (e && e->done)
        e = e->next;
    r->progress.current = e ? kj_span_str(e->path) : (kj_span){0};
    r->events->progress(r->events->user, &r->progress);
}

static bool is_stopped(const run *r)
{
    return r->events->stopped && r->events->stopped(r->events->user);
}

/* Looks after the workers; returns at once while there is something to count. */
static void wait_a_turn(run *r)
{
    int timeout_ms = r->counting ? 0 : r->events->progress ? PROGRESS_MS : -1;
    if (r->pool)
        kj_pool_wait(r->pool, timeout_ms, r->options->wake_fd);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static kj_status prepare(run *r, kj_error *err)
{
    const kj_run_options *o = r->options;
    r->sets = (kj_wire_sets){o->sets, o->set_count};
    kj_buf_init(&r->member, MEMBER_MAX);
    r->walk = kj_walk_new(&o->walk);
    if (!r->walk)
        return kj_no_memory(err);
    if (o->count && r->events->progress) {
        r->count_options = o->walk;
        r->count_options.count_only = true;
        r->counter = kj_walk_new(&r->count_options);
        r->counting = r->counter != NULL;
    }
    if (o->workers == 0) {
        r->scanner = kj_scanner_new(o->sets, o->set_count, &o->limits);
        if (r->scanner)
            kj_scanner_set_env(r->scanner, &o->env);
        if (r->scanner && r->events->scanner)
            r->events->scanner(r->events->user, r->scanner);
        return r->scanner ? KJ_OK : kj_no_memory(err);
    }
    r->pool_options = (kj_pool_options){
        .sets = r->sets,
        .limits = o->limits,
        .env = o->env,
        .workers = o->workers < KJ_WORKERS_MAX ? o->workers : KJ_WORKERS_MAX,
        .done = job_done,
        .user = r,
    };
    r->pool = kj_pool_new(&r->pool_options);
    return r->pool ? KJ_OK : kj_no_memory(err);
}

static void release(run *r)
{
    kj_pool_free(r->pool);
    if (r->scanner && r->events->scanner)
        r->events->scanner(r->events->user, NULL);
    kj_scanner_free(r->scanner);
    while (r->first)
        drop_first(r);
    for (size_t i = 0; i < r->volumes.count; i++)
        kj_volume_seen_free(r->volumes.items[i]);
    kj_vec_done(&r->volumes);
    kj_vec_done(&r->group);
    kj_buf_done(&r->member);
    kj_walk_free(r->walk);
    kj_walk_free(r->counter);
}

static kj_status loop(run *r, kj_error *err)
{
    while (!r->walked || r->first) {
        if (is_stopped(r)) {
            tell_finished(r);
            return kj_fail(err, KJ_CANCELLED, KJ_NO_OFFSET, "stopped");
        }
        if (wants_items(r))
            KJ_TRY(take_item(r, err));
        else
            wait_a_turn(r);
        tell_ready(r);
        if (!wants_items(r) || !r->pool)
            tell_progress(r);
    }
    return KJ_OK;
}

kj_status kj_run(const kj_run_options *options, const kj_run_events *events, kj_run_totals *out,
                 kj_error *err)
{
    *out = (kj_run_totals){0};
    run r = {.options = options, .events = events, .totals = out};
    kj_status status = prepare(&r, err);
    if (status == KJ_OK)
        status = loop(&r, err);
    release(&r);
    return status;
}
