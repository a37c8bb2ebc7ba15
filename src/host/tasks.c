/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduler's task files: <Windows>\Tasks\*.job (formats/job.h) and, since Vista,
 * System32\Tasks with a file of XML for each (host/task_xml.h), whose place there is the task's
 * name. A task whose file cannot be read is an entry without a command. */
#include "host/autostarts_private.h"

#include "base/arith.h"
#include "base/buf.h"
#include "base/path.h"
#include "base/text.h"
#include "formats/job.h"
#include "host/system_private.h"
#include "host/task_xml.h"

enum {
    TASK_BYTES_MAX = 4 << 20,
    TASKS_MAX = 50000, /* files */
};

typedef struct task_walk {
    kj_autostart_finder *finder;
    const kj_autostart_row *row;
    kj_span folder; /* real path of System32\Tasks */
    size_t count;
} task_walk;

/* What a task starts, whichever kind of file says so. */
typedef struct deed {
    kj_span program;
    kj_span arguments;
    kj_span directory;
    kj_span class_id;
    uint32_t profile;
} deed;

/* The path stands in quotes, since in a task it is a path, whatever blanks it has. */
static kj_span command_of(kj_autostart_finder *f, const deed *d)
{
    kj_buf text;
    kj_buf_init(&text, KJ_AUTOSTART_TEXT_MAX);
    bool quoted = d->program.len && d->program.data[0] == '"';
    kj_buf_put_text(&text, quoted ? "" : "\"");
    kj_buf_put(&text, d->program);
    kj_buf_put_text(&text, quoted ? "" : "\"");
    if (d->arguments.len)
        kj_buf_put_byte(&text, ' ');
    kj_buf_put(&text, d->arguments);
    kj_span copy = text.failed ? (kj_span){0} : kj_autostart_copy(f, kj_buf_span(&text));
    kj_buf_done(&text);
    return copy;
}

/* The real path of the directory that the program starts in; empty: unknown. */
static kj_span directory_of(const kj_system *system, kj_span winpath,
                            const kj_path_context *context)
{
    kj_node node;
    kj_span path = kj_span_str(kj_system_expand(system, kj_text_trim(winpath), context));
    bool found =
        path.len && kj_system_find(system, path, context, &node, NULL) && node.kind == KJ_NODE_DIR;
    return found ? node.path : (kj_span){0};
}

static void emit_deed(task_walk *t, const kj_autostart *task, const deed *d)
{
    kj_autostart entry = *task;
    kj_path_context context = {.profile = d->profile};
    context.directory = directory_of(t->finder->system, d->directory, &context);
    entry.profile = d->profile;
    if (d->class_id.len)
        kj_autostart_lead_class(t->finder, &entry, d->class_id, &context);
    else if (d->program.len)
        kj_autostart_lead(t->finder, &entry, command_of(t->finder, d), &context);
    entry.flags |= task->flags;
    kj_autostart_emit(t->finder, &entry);
}

static void read_job(task_walk *t, kj_autostart *entry, kj_span bytes)
{
    kj_job job;
    deed d = {.profile = KJ_REG_NONE};
    if (kj_job_read(bytes, t->finder->system->arena, &job, NULL) == KJ_OK) {
        d.program = kj_text_trim(job.program);
        d.arguments = job.arguments;
        d.directory = job.directory;
        entry->flags |= job.is_disabled ? (uint32_t)KJ_AUTOSTART_DISABLED : 0;
        entry->flags |= job.is_hidden ? (uint32_t)KJ_AUTOSTART_HIDDEN : 0;
    }
    emit_deed(t, entry, &d);
}

/* The profile of that SID. */
static uint32_t profile_of(const kj_system *system, kj_span sid)
{
    for (size_t i = 0; sid.len && i < system->profile_count; i++)
        if (kj_text_equal_nocase(system->profiles[i].sid, sid))
            return (uint32_t)i;
    return KJ_REG_NONE;
}

static void read_xml(task_walk *t, kj_autostart *entry, kj_span bytes)
{
    kj_task task = {0};
    deed d = {.profile = KJ_REG_NONE};
    if (kj_task_read_xml(bytes, t->finder->system->arena, &task, NULL) != KJ_OK ||
        task.action_count == 0) {
        emit_deed(t, entry, &d);
        return;
    }
    entry->flags |= task.is_disabled ? (uint32_t)KJ_AUTOSTART_DISABLED : 0;
    d.profile = profile_of(t->finder->system, task.user_id);
    for (size_t i = 0; i < task.action_count; i++) {
        const kj_task_action *action = &task.actions[i];
        d.program = action->command;
        d.arguments = action->arguments;
        d.directory = action->directory;
        d.class_id = action->class_id;
        emit_deed(t, entry, &d);
    }
}

/* "\Microsoft\Windows\x" of a file below `folder`; a file outside is called by its name. */
static kj_span task_name(task_walk *t, const kj_node *node)
{
    kj_buf name;
    kj_buf_init(&name, KJ_AUTOSTART_TEXT_MAX);
    if (t->folder.len && kj_span_starts(node->path, t->folder))
        kj_buf_put(&name, kj_span_sub(node->path, t->folder.len, SIZE_MAX));
    else
        kj_buf_put(&name, kj_path_base(node->path));
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] == '/')
            name.data[i] = '\\';
    kj_span copy = name.failed ? (kj_span){0} : kj_autostart_copy(t->finder, kj_buf_span(&name));
    kj_buf_done(&name);
    return copy;
}

static void read_task(task_walk *t, const kj_node *node,
                      void (*read)(task_walk *t, kj_autostart *entry, kj_span bytes))
{
    if (node->kind != KJ_NODE_FILE || t->finder->full || t->count++ >= TASKS_MAX)
        return;
    kj_autostart entry = {.row = t->row, .profile = KJ_REG_NONE};
    entry.spot.kind = KJ_SPOT_FILE;
    entry.spot.hive = KJ_REG_NONE;
    entry.spot.path = kj_autostart_copy(t->finder, node->path);
    entry.name = task_name(t, node);
    if (t->folder.len && kj_autostart_task_hidden(t->finder, entry.name))
        entry.flags |= KJ_AUTOSTART_HIDDEN;
    kj_buf bytes;
    size_t len = (size_t)kj_min_u64(node->size, TASK_BYTES_MAX);
    kj_buf_init(&bytes, TASK_BYTES_MAX);
    uint8_t *room = len ? kj_buf_reserve(&bytes, len) : NULL;
    if (room)
        kj_buf_added(&bytes, kj_tree_head(t->finder->system->tree, node->path, room, len));
    t->finder->starved |= bytes.starved;
    read(t, &entry, kj_buf_span(&bytes));
    kj_buf_done(&bytes);
}

static void found_job(void *user, const kj_node *node)
{
    read_task(user, node, read_job);
}

static void found_xml(void *user, const kj_node *node)
{
    read_task(user, node, read_xml);
}

static void find_jobs(task_walk *t)
{
    const kj_system *system = t->finder->system;
    char *pattern = kj_arena_printf(system->arena, "%.*s/Tasks/*.job", (int)system->windir.len,
                                    (const char *)system->windir.data);
    kj_status status =
        pattern ? kj_tree_glob(system->tree, kj_span_str(pattern), TASKS_MAX, found_job, t, NULL)
                : KJ_NO_MEMORY;
    t->finder->starved |= status == KJ_NO_MEMORY;
    t->finder->full |= status == KJ_LIMIT;
}

void kj_autostart_tasks(kj_autostart_finder *f, const kj_autostart_row *row)
{
    task_walk t = {.finder = f, .row = row};
    kj_node folder;
    find_jobs(&t);
    if (!kj_system_has(f->system->tree, f->system->windir, "System32/Tasks", KJ_NODE_DIR, &folder))
        return;
    t.folder = folder.path;
    kj_tree_walk walk = {.user = &t, .node = found_xml};
    kj_status status = kj_tree_walk_below(f->system->tree, folder.path, &walk, NULL);
    f->starved |= status == KJ_NO_MEMORY;
    f->full |= t.count >= TASKS_MAX;
}
