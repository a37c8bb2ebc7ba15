/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/scan_quarantine.h"

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/text.h"
#include "clean/transaction.h"
#include "cmd/cmd.h"
#include "cmd/runs.h"
#include "scan/verdict.h"
#include "scan/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

enum { ARENA_BUDGET = 256 << 20 };

/* ---- what was detected
 * --------------------------------------------------------------------------------- */

/* What is only strange is not moved, nor is what is known to be good. */
static bool is_sure(kj_class klass)
{
    return kj_verdict_is_detection(klass) && klass != KJ_CLASS_HEURISTIC;
}

void kj_detected_add(kj_detected_list *list, const kj_run_object *object)
{
    const kj_finding *verdict = &object->findings[object->best];
    if (!is_sure(verdict->klass) || kj_span_is(object->path, "-"))
        return;
    if (list->items.count) { /* members of a file come one after the other */
        const kj_detected *last = &list->items.items[list->items.count - 1];
        if (kj_span_is(object->path, last->path))
            return;
    }
    kj_detected item = {
        .path = strndup((const char *)object->path.data, object->path.len),
        .name = strndup((const char *)verdict->name.data, verdict->name.len),
        .by_volume = object->by_volume,
        .inside = object->inside,
    };
    if (item.path && item.name && kj_vec_add(&list->items, item))
        return;
    free(item.path);
    free(item.name);
    list->starved = true;
}

void kj_detected_done(kj_detected_list *list)
{
    for (size_t i = 0; i < list->items.count; i++) {
        free(list->items.items[i].path);
        free(list->items.items[i].name);
    }
    kj_vec_done(&list->items);
}

/* ---- once more
 * ------------------------------------------------------------------------------------------- */

typedef struct mover {
    const kj_run_options *scan;
    kj_scanner *scanner;
    kj_arena arena;
    FILE *notes;
    KJ_VEC(kj_step) steps;
    KJ_VEC(const kj_detected *) files; /* one a step */
    size_t left;                       /* that stay where they are */
} mover;

typedef struct second_look {
    bool detected;
    bool is_mailbox;
} second_look;

static void on_finding(void *user, const kj_finding *finding)
{
    second_look *look = user;
    look->detected |= is_sure(finding->klass);
}

static void on_object(void *user, bool is_member, const char *type, uint64_t bytes)
{
    second_look *look = user;
    (void)bytes;
    if (!is_member && type && strcmp(type, "mbox") == 0)
        look->is_mailbox = true;
}

static void on_unseen(void *user, kj_status why, kj_span member, const char *sentence)
{
    (void)user;
    (void)why;
    (void)member;
    (void)sentence;
}

static void on_sighting(void *user, uint32_t set, uint32_t artifact, kj_span member)
{
    (void)user;
    (void)set;
    (void)artifact;
    (void)member;
}

static void stays(mover *m, const kj_detected *file, const char *why)
{
    kj_buf shown;
    kj_buf_init(&shown, 1 << 20);
    kj_escape(kj_span_str(file->path), NULL, &shown);
    (void)fprintf(m->notes, _("kujo: %s: not moved: %s\n"), kj_buf_text(&shown), why);
    kj_buf_done(&shown);
    m->left++;
}

/* NULL: it is to be moved; else why not. */
static const char *look_again(mover *m, const kj_detected *file, const char *real, int fd,
                              uint64_t size)
{
    second_look look = {0};
    kj_scan_events events = {.user = &look,
                             .finding = on_finding,
                             .unseen = on_unseen,
                             .sighting = on_sighting,
                             .object = on_object};
    kj_scan_input input = {
        .path = kj_span_str(file->path),
        .host_path = kj_span_str(kj_volume_of_path(&m->arena, kj_span_str(real))),
        .fd = fd,
        .size = size,
    };
    kj_error err = {0};
    if (kj_scan_file(m->scanner, &input, &events, &err) != KJ_OK)
        return kj_arena_strdup(&m->arena, _(err.message));
    if (look.is_mailbox)
        return _("it is a mailbox with many messages, and never moved as a whole: delete the "
                 "message in your "
                 "mail program");
    if (!look.detected && !file->by_volume)
        return _("nothing is detected in it any more");
    return NULL;
}

static const char *make_reasons(mover *m, const kj_detected *file)
{
    json_t *json = json_pack("{s:[{s:s, s:s, s:s}]}", "actions", "do", "quarantine", "threat",
                             file->name, "reason", "detected by kujo scan");
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    const char *copy = text ? kj_arena_strdup(&m->arena, text) : NULL;
    free(text);
    return copy;
}

static void add_file(mover *m, const kj_detected *file)
{
    KJ_CLEANUP(kj_free_ptr) char *real = realpath(file->path, NULL);
    KJ_CLEANUP(kj_close_fd)
    int fd = real ? open(real, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        stays(m, file, strerror(errno));
        return;
    }
    if (!S_ISREG(st.st_mode)) {
        stays(m, file, _("it is no file"));
        return;
    }
    if (file->inside) {
        stays(m, file,
              _("it is a disk image, and never moved: mount it, then clean what is in it"));
        return;
    }
    const char *why = look_again(m, file, real, fd, (uint64_t)st.st_size);
    if (why) {
        stays(m, file, why);
        return;
    }
    const char *path = kj_arena_strdup(&m->arena, real + 1);
    const char *reasons = make_reasons(m, file);
    kj_step step = {
        .kind = KJ_STEP_REMOVE,
        .path = kj_span_str(path),
        .device = st.st_dev,
        .inode = st.st_ino,
        .size = (uint64_t)st.st_size,
        .reasons = kj_span_str(reasons),
    };
    uint64_t size = 0;
    kj_error err = {0};
    if (!path || !reasons || kj_sha256_fd(fd, step.sha256, &size, &err) != KJ_OK ||
        size != step.size)
        stays(m, file, err.message[0] ? _(err.message) : _("it changes while it is looked at"));
    else if (!kj_vec_add(&m->files, file) || !kj_vec_add(&m->steps, step))
        stays(m, file, _("out of memory"));
}

/* ---- moving
 * ------------------------------------------------------------------------------------------------
 */

static void on_step(void *user, size_t index, kj_step_result result, const char *sentence)
{
    mover *m = user;
    const kj_detected *file = m->files.items[index];
    if (result == KJ_STEP_SKIPPED || result == KJ_STEP_FAILED) {
        stays(m, file, sentence ? _(sentence) : _(kj_step_result_name(result)));
        return;
    }
    kj_buf shown;
    kj_buf_init(&shown, 1 << 20);
    kj_escape(kj_span_str(file->path), NULL, &shown);
    (void)fprintf(m->notes, _("%s: moved to the quarantine\n"), kj_buf_text(&shown));
    kj_buf_done(&shown);
}

static const char *make_title(mover *m)
{
    json_t *threats = json_array();
    for (size_t i = 0; i < m->files.count; i++)
        (void)json_array_append_new(threats, json_string(m->files.items[i]->name));
    json_t *json = json_pack("{s:s, s:o}", "command", "scan", "threats", threats);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    const char *copy = text ? kj_arena_strdup(&m->arena, text) : NULL;
    free(text);
    return copy;
}

static bool carry_out(mover *m, const char *state_path)
{
    kj_error err = {0};
    KJ_CLEANUP(kj_close_state) kj_state *state = NULL;
    KJ_CLEANUP(kj_close_fd) int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 || kj_state_open(state_path, NULL, 5000, &state, &err) != KJ_OK) {
        (void)kj_complain("%s", root < 0 ? strerror(errno) : _(err.message));
        return false;
    }
    kj_transaction transaction = {
        .root = "/",
        .root_fd = root,
        .cross_mounts = true,
        .title = kj_span_str(make_title(m)),
        .steps = m->steps.items,
        .count = m->steps.count,
    };
    kj_transaction_events events = {.user = m, .step = on_step};
    kj_run_summary summary = {0};
    if (kj_transaction_run(state, &transaction, &events, &summary, &err) != KJ_OK) {
        (void)kj_complain("%s", _(err.message));
        return false;
    }
    const char *how = state_path
                          ? kj_arena_printf(&m->arena, "--state %s %s", state_path, summary.id)
                          : summary.id;
    (void)fprintf(m->notes, _("'kujo undo %s' brings them back\n"), how ? how : summary.id);
    return true;
}

bool kj_detected_move(const kj_detected_list *list, const kj_run_options *scan,
                      const char *state_path, FILE *notes)
{
    mover m = {.scan = scan, .notes = notes};
    if (list->starved)
        (void)kj_complain(_("out of memory"));
    if (list->items.count == 0)
        return !list->starved;
    kj_arena_init(&m.arena, ARENA_BUDGET);
    m.scanner = kj_scanner_new(scan->sets, scan->set_count, &scan->limits);
    if (m.scanner)
        kj_scanner_set_env(m.scanner, &scan->env);
    for (size_t i = 0; m.scanner && i < list->items.count; i++)
        add_file(&m, &list->items.items[i]);
    bool ok = m.scanner && (m.steps.count == 0 || carry_out(&m, state_path));
    kj_scanner_free(m.scanner);
    kj_vec_done(&m.steps);
    kj_vec_done(&m.files);
    kj_arena_done(&m.arena);
    return ok && m.left == 0 && !list->starved;
}
