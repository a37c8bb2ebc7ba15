/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/host_common.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cmd/beside.h"
#include "cmd/cmd.h"
#include "cmd/interrupt.h"
#include "cmd/language.h"
#include "report/host.h"
#include "report/progress.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { ARENA_BUDGET = 1 << 30 };

bool kj_host_choose_language(const kj_host_options *options, kj_lang *out)
{
    *out = kj_language_default();
    if (!options->lang)
        return true;
    if (!kj_language_parse(options->lang, out)) {
        (void)kj_complain(_("'%s' is no language; en and ja are"), options->lang);
        return false;
    }
    kj_language_use(*out);
    return true;
}

/* ---- opening
 * ---------------------------------------------------------------------------------------- */

static kj_status open_tree(const kj_host_options *options, const char *root, kj_tree **out,
                           kj_error *err)
{
    struct stat st;
    if (stat(root, &st) != 0)
        return kj_fail(err, KJ_IO, KJ_NO_OFFSET, "%s", strerror(errno));
    if (S_ISDIR(st.st_mode))
        return kj_tree_open_directory(root, out, err);
    KJ_CLEANUP(kj_free_ptr) char *helper = kj_beside_program("kujo-image");
    return kj_tree_open_image(helper ? helper : KUJO_LIBEXEC_DIR "/kujo-image", root,
                              options->partition, out, err);
}

static void show_progress(void *user, const char *what)
{
    const kj_host *host = user;
    kj_span name = kj_span_str(what);
    if (name.len > 60)
        name = kj_span_sub(name, name.len - 60, 60);
    (void)host;
    (void)fprintf(stderr, "\r\033[K%.*s", (int)name.len, (const char *)name.data);
}

static void end_progress(const kj_host *host)
{
    if (host->inspect.progress)
        (void)fputs("\r\033[K", stderr);
}

static bool inspect_all(kj_host *host)
{
    kj_error err = {0};
    kj_status status = kj_systems_find(host->tree, &host->arena, &host->systems, &err);
    if (status == KJ_OK) {
        host->inspections = kj_new_array(&host->arena, kj_inspection, host->systems.count + 1);
        if (!host->inspections)
            status = kj_no_memory(&err);
    }
    for (size_t i = 0; status == KJ_OK && i < host->systems.count; i++)
        status = kj_inspect(&host->systems.items[i], &host->inspect, &host->inspections[i], &err);
    end_progress(host);
    if (status == KJ_OK)
        return true;
    (void)kj_complain("%s: %s", host->root, _(err.message));
    return false;
}

bool kj_host_open(const kj_host_options *options, const kj_sets *sets, const char *root,
                  kj_host *out)
{
    bool shows_progress = !options->quiet && isatty(STDERR_FILENO);
    *out = (kj_host){
        .options = options,
        .root = root,
        .inspect = {.sets = sets->items,
                    .set_count = sets->count,
                    .limits = options->limits,
                    .signatures = options->autostarts,
                    .every_file = options->every_file,
                    .stopped = kj_interrupt_stops,
                    .progress = shows_progress ? show_progress : NULL,
                    .user = out},
    };
    kj_arena_init(&out->arena, ARENA_BUDGET);
    kj_error err = {0};
    if (open_tree(options, root, &out->tree, &err) != KJ_OK) {
        (void)kj_complain("%s: %s", root, _(err.message));
        return false;
    }
    if (!inspect_all(out))
        return false;
    if (kj_interrupt_signal())
        return false;
    if (out->systems.count == 0)
        (void)kj_complain(
            _("%s: no Windows was found here; name the directory that is its C: drive "
              "(the one that holds WINDOWS or WINNT), or a disk image"),
            root);
    return out->systems.count > 0;
}

void kj_host_close(kj_host *host)
{
    for (size_t i = 0; host->inspections && i < host->systems.count; i++)
        kj_inspection_done(&host->inspections[i]);
    kj_systems_done(&host->systems);
    kj_tree_close(host->tree);
    kj_arena_done(&host->arena);
}

bool kj_host_found(const kj_host *host)
{
    for (size_t i = 0; i < host->systems.count; i++)
        if (kj_inspection_found(&host->inspections[i]))
            return true;
    return false;
}

bool kj_host_has_unseen(const kj_host *host)
{
    for (size_t i = 0; i < host->systems.count; i++)
        if (host->inspections[i].unseen_count)
            return true;
    return false;
}

/* ---- showing
 * ---------------------------------------------------------------------------------------- */

void kj_host_fill_run(const kj_host *host, const kj_sets *sets, const char *command,
                      kj_host_run *run)
{
    *run = (kj_host_run){
        .command = command,
        .root = host->root,
        .tree = host->tree,
        .when = (int64_t)time(NULL),
        .engine = KUJO_VERSION,
        .definition_names = sets->names,
        .inspections = host->inspections,
        .count = host->systems.count,
        .autostarts = host->options->autostarts,
        .all = host->options->all,
    };
}

static bool write_page(const char *path, const json_t *document, kj_lang lang)
{
    char *text = NULL;
    size_t len = 0;
    FILE *memory = open_memstream(&text, &len);
    if (!memory) {
        (void)kj_complain("%s", strerror(errno));
        return false;
    }
    kj_host_write_html(document, lang, memory);
    bool ok = fclose(memory) == 0;
    kj_error err = {0};
    if (!ok || kj_file_replace(path, kj_span_of(text, len), 0644, &err) != KJ_OK) {
        (void)kj_complain("%s: %s", path, ok ? _(err.message) : strerror(ENOMEM));
        ok = false;
    }
    free(text);
    return ok;
}

int kj_host_show(const kj_host_options *options, const kj_host_run *run, kj_lang lang)
{
    json_t *document = kj_host_document(run);
    if (!document)
        return kj_complain(_("out of memory"));
    const kj_host_text_options text = {
        .color = kj_wants_color(options->no_color, stdout),
        .quiet = options->quiet,
        .explain = options->explain,
        .lang = lang,
    };
    if (options->json) {
        (void)json_dumpf(document, stdout, JSON_INDENT(2));
        (void)putchar('\n');
    } else if (options->autostarts) {
        kj_host_write_autostarts(document, &text, stdout);
    } else {
        kj_host_write_text(document, &text, stdout);
    }
    int code = run->exit;
    if (options->html && !write_page(options->html, document, lang))
        code = KJ_EXIT_TROUBLE;
    json_decref(document);
    return code;
}

bool kj_host_open_sets(const kj_host_options *options, kj_sets *out)
{
    const kj_sets_wanted wanted = {.definitions = options->definitions,
                                   .rules = &options->rules,
                                   .rules_kind = options->rules_kind};
    return kj_sets_open(&wanted, out);
}
