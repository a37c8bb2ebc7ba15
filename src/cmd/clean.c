/* SPDX-License-Identifier: Apache-2.0 */
/* kujo clean: the plan that puts a Windows volume right, and carrying it out. */
#include "base/cleanup.h"
#include "cmd/cmd.h"
#include "cmd/host_common.h"
#include "cmd/interrupt.h"
#include "cmd/runs.h"

#include <errno.h>
#include <string.h>

typedef struct options {
    kj_host_options host;
    bool apply;
    bool resume;
    bool allow_system;
    bool force;
    const char *expect;
    const char *state;
} options;

#define FIELD(name) offsetof(options, name)

static const kj_option rows[] = {
    {"apply", 0, KJ_OPTION_FLAG, FIELD(apply), NULL,
     N_("carry the plan out; 'kujo undo' takes it back")},
    {"expect", 0, KJ_OPTION_TEXT, FIELD(expect), N_("PLAN"),
     N_("apply only if the plan's id is still this one")},
    {"resume", 0, KJ_OPTION_FLAG, FIELD(resume), NULL, N_("complete a run that was interrupted")},
    {"allow-system", 0, KJ_OPTION_FLAG, FIELD(allow_system), NULL,
     N_("remove files that are called like parts of Windows, too")},
    {"force", 0, KJ_OPTION_FLAG, FIELD(force), NULL,
     N_("clean a hibernated Windows, and edit registry hives that have errors already")},
    {"state", 0, KJ_OPTION_TEXT, FIELD(state), N_("DIR"),
     N_("journal and quarantine (default: /var/lib/kujo for root)")},
    KJ_HOST_OPTION_ROWS(options),
};

static const kj_usage usage = {
    .command = "clean",
    .operands = N_("ROOT"),
    .about =
        N_("Says what has to be done so that the Windows systems on a volume are right again, and "
           "does it with\n--apply. ROOT is the directory where it is mounted. Without --apply "
           "nothing is changed. Every file that\ngoes is kept in the quarantine, every change is "
           "in the journal: 'kujo undo last' takes it all back.\n"),
    .after =
        N_("Exits with 0 when there is nothing to do or all was done, with 1 when there is a plan "
           "that is not\napplied, with 2 when something failed, was skipped or went wrong.\n"),
    .options = rows,
    .count = sizeof rows / sizeof rows[0],
};

/* ---- carrying it out
 * ----------------------------------------------------------------------------------- */

typedef struct carrying {
    kj_step_result *results;
    const char **sentences;
    kj_arena *arena;
} carrying;

static void on_step(void *user, size_t index, kj_step_result result, const char *sentence)
{
    carrying *c = user;
    c->results[index] = result;
    c->sentences[index] = sentence ? kj_arena_strdup(c->arena, sentence) : NULL;
}

/* Reasons of every step: the actions that it does. The arena's. */
static bool add_reasons(kj_host *host, const kj_plan *plan, kj_step *steps)
{
    for (size_t s = 0; s < plan->step_count; s++) {
        json_t *list = json_array();
        for (size_t i = 0; i < plan->count; i++) {
            const kj_action *action = &plan->actions[i];
            if (action->step != s || action->status != KJ_ACTION_PLANNED)
                continue;
            json_t *what = kj_host_action(host->inspections, plan, i);
            if (!what || json_array_append_new(list, what) != 0) {
                json_decref(list);
                return false;
            }
        }
        json_t *reasons = json_pack("{s:o}", "actions", list);
        char *text = reasons ? json_dumps(reasons, JSON_COMPACT) : NULL;
        json_decref(reasons);
        const char *copy = text ? kj_arena_strdup(&host->arena, text) : NULL;
        free(text);
        if (!copy)
            return false;
        steps[s] = plan->steps[s];
        steps[s].reasons = kj_span_str(copy);
    }
    return true;
}

static const char *make_title(kj_host *host, const kj_sets *sets, const kj_plan *plan)
{
    json_t *threats = json_array();
    for (size_t s = 0; s < host->systems.count; s++)
        for (size_t i = 0; i < host->inspections[s].threat_count; i++) {
            kj_span name = host->inspections[s].threats[i].name;
            (void)json_array_append_new(threats, json_stringn((const char *)name.data, name.len));
        }
    json_t *title =
        json_pack("{s:s, s:s, s:s, s:i, s:o}", "command", "clean", "engine", KUJO_VERSION, "plan",
                  plan->id, "release", (int)sets->items[0]->meta.release, "threats", threats);
    char *text = title ? json_dumps(title, JSON_COMPACT) : NULL;
    json_decref(title);
    const char *copy = text ? kj_arena_strdup(&host->arena, text) : NULL;
    free(text);
    return copy;
}

typedef struct applied {
    kj_run_summary summary;
    carrying steps;
    kj_host after;
    const char *state_path;
    bool ran;
} applied;

static bool apply(const options *o, kj_host *host, const kj_sets *sets, const kj_plan *plan,
                  applied *out)
{
    kj_arena *arena = &host->arena;
    kj_error err = {0};
    KJ_CLEANUP(kj_free_ptr) char *root = realpath(host->root, NULL);
    KJ_CLEANUP(kj_close_state) kj_state *state = NULL;
    if (!root || kj_state_open(o->state, root, 0, &state, &err) != KJ_OK) {
        (void)kj_complain("%s", root ? _(err.message) : strerror(ENOMEM));
        return false;
    }
    out->steps = (carrying){
        .results = kj_new_array(arena, kj_step_result, plan->step_count + 1),
        .sentences = kj_new_array(arena, const char *, plan->step_count + 1),
        .arena = arena,
    };
    kj_step *steps = kj_new_array(arena, kj_step, plan->step_count + 1);
    const char *title = make_title(host, sets, plan);
    if (!out->steps.results || !out->steps.sentences || !steps || !title ||
        !add_reasons(host, plan, steps)) {
        (void)kj_complain(_("out of memory"));
        return false;
    }
    kj_transaction transaction = {
        .root = root,
        .root_fd = kj_tree_root_fd(host->tree),
        .title = kj_span_str(title),
        .steps = steps,
        .count = plan->step_count,
        .allow_system = o->allow_system,
    };
    kj_transaction_events events = {&out->steps, on_step, kj_interrupt_stops};
    kj_status status = kj_transaction_run(state, &transaction, &events, &out->summary, &err);
    out->state_path = kj_arena_strdup(arena, kj_state_path(state));
    out->ran = status == KJ_OK;
    if (status != KJ_OK)
        (void)kj_complain("%s: %s", host->root, _(err.message));
    if (status != KJ_OK && out->summary.id[0])
        (void)kj_complain(
            _("run %s is not complete: 'kujo clean --resume %s' completes it, 'kujo undo "
              "%s' takes it back; do either before Windows is started"),
            out->summary.id, host->root, out->summary.id);
    return out->ran;
}

static int exit_after(const kj_plan *plan, const applied *a, bool is_clean)
{
    if (!a->ran || a->summary.skipped || a->summary.failed || plan->refused || !is_clean)
        return KJ_EXIT_TROUBLE;
    return KJ_EXIT_OK;
}

static int apply_and_show(const options *o, kj_host *host, const kj_sets *sets, const kj_plan *plan,
                          kj_lang lang)
{
    if (kj_tree_is_image(host->tree))
        return kj_complain(
            _("%s: a disk image is inspected, not cleaned, by this version: mount it "
              "(ntfs-3g) and clean the directory"),
            host->root);
    for (size_t i = 0; i < host->systems.count && !o->force; i++)
        if (host->systems.items[i].hibernated)
            return kj_complain(
                _("%s: this Windows is hibernated, or was shut down for a fast start: it would "
                  "not see the changes, or lose them. Start it, choose Restart, and clean it "
                  "then; --force cleans it all the same"),
                host->root);
    if (o->expect && strcmp(o->expect, plan->id) != 0)
        return kj_complain(_("%s: the plan is not the one that you expect (it is %s): nothing was "
                             "changed"),
                           host->root, plan->id);
    applied a = {0};
    if (!apply(o, host, sets, plan, &a))
        return KJ_EXIT_TROUBLE;
    kj_host_options again = o->host;
    again.quiet = true;
    int code = KJ_EXIT_TROUBLE;
    bool seen = kj_host_open(&again, sets, host->root, &a.after);
    kj_host_run run;
    kj_host_fill_run(host, sets, "apply", &run);
    run.plan = plan;
    run.results = a.steps.results;
    run.sentences = a.steps.sentences;
    run.summary = &a.summary;
    run.state_path = a.state_path;
    run.state_option = o->state;
    run.after = a.after.inspections;
    run.after_count = seen ? a.after.systems.count : 0;
    run.exit = exit_after(plan, &a, seen && !kj_host_found(&a.after));
    code = kj_host_show(&o->host, &run, lang);
    kj_host_close(&a.after);
    return code;
}

/* ---- the plan
 * --------------------------------------------------------------------------------------------- */

/* Of a plan that is not applied, or could not be because nothing in it can be done. */
static int plan_exit(const options *o, const kj_host *host, const kj_plan *plan)
{
    if (plan->planned || plan->refused || kj_host_found(host))
        return o->apply ? KJ_EXIT_TROUBLE : KJ_EXIT_FOUND;
    return kj_host_has_unseen(host) ? KJ_EXIT_TROUBLE : KJ_EXIT_OK;
}

static int plan_and_go_on(const options *o, kj_host *host, const kj_sets *sets, kj_lang lang)
{
    const kj_plan_options how = {o->allow_system, o->force};
    kj_plan plan;
    kj_error err = {0};
    if (kj_plan_make(host->inspections, host->systems.count, &how, &host->arena, &plan, &err) !=
        KJ_OK)
        return kj_complain("%s: %s", host->root, _(err.message));
    if (o->apply && plan.planned)
        return apply_and_show(o, host, sets, &plan, lang);
    kj_host_run run;
    kj_host_fill_run(host, sets, "clean", &run);
    run.plan = &plan;
    run.state_option = o->state;
    run.exit = plan_exit(o, host, &plan);
    return kj_host_show(&o->host, &run, lang);
}

/* A system that is half cleaned shows less than there is: first that run has to end. */
static bool is_interrupted(const options *o, const char *root)
{
    if (!kj_state_exists(o->state))
        return false;
    kj_error err = {0};
    char id[KJ_RUN_ID_MAX];
    KJ_CLEANUP(kj_free_ptr) char *real = realpath(root, NULL);
    KJ_CLEANUP(kj_close_state) kj_state *state = NULL;
    if (!real || kj_state_open(o->state, real, 0, &state, &err) != KJ_OK ||
        !kj_run_unfinished(state, real, id))
        return false; /* what is wrong with the state is said when it is needed */
    (void)kj_complain(_("%s: run %s was interrupted here; 'kujo clean --resume %s' completes it, "
                        "'kujo undo %s' takes it back; do either before Windows is started"),
                      root, id, root, id);
    return true;
}

static int clean(const options *o, const kj_sets *sets, const char *root, kj_lang lang)
{
    if (is_interrupted(o, root))
        return KJ_EXIT_TROUBLE;
    kj_host host;
    int code = KJ_EXIT_TROUBLE;
    if (kj_host_open(&o->host, sets, root, &host))
        code = plan_and_go_on(o, &host, sets, lang);
    kj_host_close(&host);
    return kj_interrupt_signal() ? KJ_EXIT_SIGNAL + kj_interrupt_signal() : code;
}

static int prepare(const options *o, int count, char **operands)
{
    kj_lang lang;
    if (!kj_host_choose_language(&o->host, &lang))
        return KJ_EXIT_TROUBLE;
    if (o->resume && count <= 1) {
        (void)kj_interrupt_listen();
        return kj_runs_resume(o->state, count ? operands[0] : NULL);
    }
    if (count != 1)
        return kj_complain(_("clean what? Name one directory; see 'kujo clean --help'"));
    (void)kj_interrupt_listen();
    kj_sets sets = {0};
    int code =
        kj_host_open_sets(&o->host, &sets) ? clean(o, &sets, operands[0], lang) : KJ_EXIT_TROUBLE;
    kj_sets_close(&sets);
    return code;
}

static int run(int argc, char **argv)
{
    options o = {.host.limits = KJ_SCAN_LIMITS_INIT};
    int first = 0;
    kj_parsed parsed = kj_options_parse(&usage, argc, argv, &o, &first);
    int code = parsed == KJ_PARSED_HELP ? KJ_EXIT_OK : KJ_EXIT_TROUBLE;
    if (parsed == KJ_PARSED_OK)
        code = prepare(&o, argc - first, argv + first);
    kj_vec_done(&o.host.rules);
    return code;
}

const kj_command kj_command_clean = {
    .name = "clean",
    .summary = N_("put a Windows volume right: the plan, and carrying it out"),
    .run = run,
};
