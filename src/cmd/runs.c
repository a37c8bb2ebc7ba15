/* SPDX-License-Identifier: Apache-2.0 */
/* kujo undo, kujo clean --resume. */
#include "cmd/runs.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/interrupt.h"
#include "cmd/options.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <time.h>

enum { ARENA_BUDGET = 256 << 20 };

typedef struct options {
    bool list;
    bool json;
    const char *root;
    const char *state;
} options;

#define FIELD(name) offsetof(options, name)

static const kj_option rows[] = {
    {"list", 'l', KJ_OPTION_FLAG, FIELD(list), NULL,
     N_("list the runs, newest first: id, when, state, what it was about")},
    {"json", 0, KJ_OPTION_FLAG, FIELD(json), NULL, N_("with --list: one JSON object a line")},
    {"root", 0, KJ_OPTION_TEXT, FIELD(root), N_("DIR"),
     N_("the volume is mounted here now, not where it was")},
    {"state", 0, KJ_OPTION_TEXT, FIELD(state), N_("DIR"),
     N_("journal and quarantine (default: /var/lib/kujo for root)")},
};

static const kj_usage usage = {
    .command = "undo",
    .operands = N_("RUN|last"),
    .about = N_(
        "Takes back what a run of 'kujo clean --apply' or 'kujo scan --quarantine' changed: files "
        "come back from\nthe quarantine, registry and INI files get their bytes back. What was "
        "changed since by others is left as\nit is, and said so.\n"),
    .after = N_("Exits with 0 when all was taken back, else with 2.\n"),
    .options = rows,
    .count = sizeof rows / sizeof rows[0],
};

/* ---- steps as they end
 * ------------------------------------------------------------------------------- */

static void on_step(void *user, size_t index, kj_step_result result, const char *sentence)
{
    (void)user;
    if (result == KJ_STEP_SKIPPED || result == KJ_STEP_FAILED)
        (void)fprintf(stderr, _("kujo: step %zu: %s: %s\n"), index + 1,
                      _(kj_step_result_name(result)), sentence ? _(sentence) : "");
}

const kj_transaction_events kj_runs_events = {NULL, on_step, kj_interrupt_stops};

static int tell_summary(const kj_run_summary *summary, const char *done)
{
    (void)printf(_("run %s: %s: %zu done, %zu were so already, %zu skipped, %zu failed\n"),
                 summary->id, done, summary->done, summary->already, summary->skipped,
                 summary->failed);
    return summary->skipped || summary->failed ? KJ_EXIT_TROUBLE : KJ_EXIT_OK;
}

/* ---- resume
 * --------------------------------------------------------------------------------------------- */

int kj_runs_resume(const char *state_path, const char *root)
{
    kj_error err = {0};
    KJ_CLEANUP(kj_close_state) kj_state *state = NULL;
    KJ_CLEANUP(kj_free_ptr) char *real = root ? realpath(root, NULL) : NULL;
    if (root && !real)
        return kj_complain("%s: %s", root, strerror(errno));
    if (kj_state_open(state_path, real, 0, &state, &err) != KJ_OK)
        return kj_complain("%s", _(err.message));
    char id[KJ_RUN_ID_MAX];
    if (!kj_run_unfinished(state, real, id)) {
        if (root)
            (void)printf(_("%s: no run was interrupted here\n"), root);
        else
            (void)printf("%s\n", _("no run was interrupted"));
        return KJ_EXIT_OK;
    }
    kj_run_summary summary = {0};
    if (kj_run_resume(state, id, NULL, &kj_runs_events, &summary, &err) != KJ_OK)
        return kj_complain("%s: %s", id, _(err.message));
    return tell_summary(&summary, _("completed"));
}

/* ---- the list
 * --------------------------------------------------------------------------------------------- */

const char *kj_local_time(int64_t when, char out[KJ_LOCAL_TIME_MAX])
{
    time_t seconds = (time_t)when;
    struct tm parts;
    if (!localtime_r(&seconds, &parts) ||
        !strftime(out, KJ_LOCAL_TIME_MAX, "%Y-%m-%d %H:%M:%S", &parts))
        out[0] = 0;
    return out;
}

/* What the run was about: the threats in its title. */
static void print_threats(kj_span title)
{
    json_t *json = json_loadb((const char *)title.data, title.len, 0, NULL);
    size_t index;
    json_t *name;
    json_array_foreach(json_object_get(json, "threats"), index, name)
    {
        kj_buf text;
        kj_buf_init(&text, 1 << 16);
        kj_escape(kj_span_str(json_string_value(name)), NULL, &text);
        (void)printf("%s%s", index ? ", " : "  ", kj_buf_text(&text));
        kj_buf_done(&text);
    }
    json_decref(json);
}

static void print_run(const kj_run_info *run)
{
    char when[KJ_LOCAL_TIME_MAX];
    kj_buf root;
    kj_buf_init(&root, 1 << 16);
    kj_escape(run->root, NULL, &root);
    (void)printf("%s  ", run->id);
    (void)printf("%-19s", kj_local_time(run->started, when));
    (void)printf("  %-10s  %zu  %s", _(kj_run_state_name(run->state)), run->count,
                 kj_buf_text(&root));
    print_threats(run->title);
    (void)putchar('\n');
    kj_buf_done(&root);
}

static void print_run_json(const kj_run_info *run)
{
    json_t *json = json_pack("{s:s, s:I, s:I, s:s, s:i}", "id", run->id, "started",
                             (json_int_t)run->started, "ended", (json_int_t)run->ended, "state",
                             kj_run_state_name(run->state), "steps", (int)run->count);
    kj_buf root;
    kj_buf_init(&root, 1 << 16);
    kj_escape(run->root, NULL, &root);
    json_t *title = json_loadb((const char *)run->title.data, run->title.len, 0, NULL);
    if (json && json_object_set_new(json, "root", json_string(kj_buf_text(&root))) == 0 &&
        json_object_set_new(json, "title", title ? title : json_null()) == 0) {
        (void)json_dumpf(json, stdout, JSON_COMPACT);
        (void)putchar('\n');
    }
    kj_buf_done(&root);
    json_decref(json);
}

static int list_runs(const options *o, kj_state *state)
{
    kj_arena arena;
    kj_arena_init(&arena, ARENA_BUDGET);
    kj_run_info *runs = NULL;
    size_t count = 0;
    kj_error err = {0};
    int code = KJ_EXIT_OK;
    if (kj_runs_list(state, &arena, &runs, &count, &err) != KJ_OK)
        code = kj_complain("%s", _(err.message));
    for (size_t i = 0; code == KJ_EXIT_OK && i < count; i++)
        (o->json ? print_run_json : print_run)(&runs[i]);
    kj_arena_done(&arena);
    return code;
}

/* ---- undo
 * --------------------------------------------------------------------------------------------------
 */

static int undo(const options *o, const char *id, kj_state *state)
{
    kj_error err = {0};
    kj_run_summary summary = {0};
    (void)kj_interrupt_listen();
    if (kj_run_undo(state, id, o->root, &kj_runs_events, &summary, &err) != KJ_OK)
        return kj_complain("%s: %s", id, _(err.message));
    return tell_summary(&summary, _("taken back"));
}

static int open_and_run(const options *o, int count, char **operands)
{
    if (!o->list && count != 1)
        return kj_complain(
            _("take back what? Name a run, or 'last'; 'kujo undo --list' lists them"));
    kj_error err = {0};
    KJ_CLEANUP(kj_close_state) kj_state *state = NULL;
    if (kj_state_open(o->state, o->root, 0, &state, &err) != KJ_OK)
        return kj_complain("%s", _(err.message));
    return o->list ? list_runs(o, state) : undo(o, operands[0], state);
}

static int run(int argc, char **argv)
{
    options o = {0};
    int first = 0;
    kj_parsed parsed = kj_options_parse(&usage, argc, argv, &o, &first);
    if (parsed != KJ_PARSED_OK)
        return parsed == KJ_PARSED_HELP ? KJ_EXIT_OK : KJ_EXIT_TROUBLE;
    return open_and_run(&o, argc - first, argv + first);
}

const kj_command kj_command_undo = {
    .name = "undo",
    .summary = N_("take back what cleaning changed"),
    .run = run,
};
