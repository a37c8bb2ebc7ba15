/* SPDX-License-Identifier: Apache-2.0 */
/* kujo info NAME|ALIAS|SYMPTOM: the advisory's page, or what fits the words. */
#include "base/arith.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/definitions.h"
#include "cmd/info_signature.h"
#include "cmd/language.h"
#include "cmd/options.h"
#include "cmd/page.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { PAGE_MAX = 16 << 20, NARROWEST = 40, WIDEST = 100, USUAL_WIDTH = 80, LISTED_MAX = 50 };

typedef struct info_options {
    const char *definitions;
    const char *lang;
    bool json;
    bool no_color;
} info_options;

static const kj_option table[] = {
    {"lang", 'l', KJ_OPTION_TEXT, offsetof(info_options, lang), "en|ja",
     N_("the page's language (default: the locale's)")},
    {"json", 0, KJ_OPTION_FLAG, offsetof(info_options, json), NULL, N_("the page's data as JSON")},
    {"definitions", 0, KJ_OPTION_TEXT, offsetof(info_options, definitions), N_("FILE"),
     N_("look into FILE instead of the default definitions")},
    {"no-color", 0, KJ_OPTION_FLAG, offsetof(info_options, no_color), NULL,
     N_("no colours, also on a terminal")},
};

static const kj_usage usage = {
    .command = "info",
    .operands = N_("NAME|ALIAS|SYMPTOM"),
    .about = N_("Shows the page of a threat: by its name or an alias, or by what a person saw: a "
                "file name, a registry value, the text of a window, a mail's subject. When several "
                "threats fit, they are listed. Of a name that only signatures have, it says which "
                "they are.\n"),
    .after = N_("Exit status: 0 a page or a list was shown, 1 nothing fits, 2 trouble.\n"),
    .options = table,
    .count = KJ_COUNT(table),
};

/* ---- search
 * ------------------------------------------------------------------------------------------ */

/* Why a threat fits, best first. */
typedef enum fit {
    FIT_NONE,
    FIT_TEXT,     /* somewhere in the prose */
    FIT_ARTIFACT, /* part of a file name, a value, a window's text, a subject */
    FIT_PART,     /* part of a name or alias */
    FIT_EXACT,    /* the name, an alias, the id */
} fit;

static const char *const fit_names[] = {
    [FIT_TEXT] = N_("in its description"),
    [FIT_ARTIFACT] = N_("in what it leaves or shows"),
    [FIT_PART] = N_("in its name or an alias"),
    [FIT_EXACT] = N_("its name or an alias"),
};

typedef struct result {
    uint32_t threat;
    fit fit;
    json_t *doc;
} result;

typedef KJ_VEC(result) result_list;

static void done_results(result_list *results)
{
    for (size_t i = 0; i < results->count; i++)
        json_decref(results->items[i].doc);
    kj_vec_done(results);
}

/* Names are compared by their letters and digits: "mimailq" finds W32/Mimail.q@MM's short form. */
static char *squeeze(kj_arena *arena, kj_span text)
{
    char *out = kj_arena_text(arena, text);
    size_t len = 0;
    for (size_t i = 0; out && i < text.len; i++)
        if (kj_is_alnum(text.data[i]) || text.data[i] >= 0x80)
            out[len++] = (char)kj_lower(text.data[i]);
    if (out)
        out[len] = '\0';
    return out;
}

typedef struct needle {
    kj_arena *arena;
    kj_span text;
    const char *squeezed;
} needle;

static fit fit_name(const needle *n, const char *name)
{
    if (!name)
        return FIT_NONE;
    kj_arena_mark mark = kj_arena_get_mark(n->arena);
    const char *squeezed = squeeze(n->arena, kj_span_str(name));
    fit found = FIT_NONE;
    if (kj_text_equal_nocase(n->text, kj_span_str(name)) ||
        (squeezed && *n->squeezed && strcmp(squeezed, n->squeezed) == 0))
        found = FIT_EXACT;
    else if (squeezed && *n->squeezed && strstr(squeezed, n->squeezed))
        found = FIT_PART;
    kj_arena_rewind(n->arena, mark);
    return found;
}

static fit better(fit a, fit b)
{
    return a > b ? a : b;
}

static fit fit_names_of(const needle *n, const json_t *doc)
{
    fit found = better(fit_name(n, json_string_value(json_object_get(doc, "name"))),
                       fit_name(n, json_string_value(json_object_get(doc, "id"))));
    size_t index;
    json_t *item;
    json_array_foreach(json_object_get(doc, "aliases"), index, item) found =
        better(found, fit_name(n, json_string_value(json_object_get(item, "name"))));
    json_array_foreach(json_object_get(doc, "detect"), index, item)
    {
        fit by_detect = fit_name(n, json_string_value(json_object_get(item, "name")));
        /* The page of that very name fits better. */
        found = better(found, by_detect == FIT_EXACT ? FIT_PART : by_detect);
    }
    return found;
}

/* Whether any string below `value` holds the needle. */
static bool holds(const needle *n, const json_t *value, unsigned depth)
{
    if (json_is_string(value))
        return kj_text_find_nocase(kj_span_of(json_string_value(value), json_string_length(value)),
                                   n->text) != SIZE_MAX;
    const char *key;
    size_t index;
    json_t *item;
    if (depth == 0)
        return false;
    if (json_is_array(value)) {
        json_array_foreach(value, index, item) if (holds(n, item, depth - 1)) return true;
    } else if (json_is_object(value)) {
        json_object_foreach((json_t *)(uintptr_t)value, key,
                            item) if (holds(n, item, depth - 1)) return true;
    }
    return false;
}

static fit fit_of(const needle *n, const json_t *doc)
{
    fit found = fit_names_of(n, doc);
    if (found == FIT_NONE && holds(n, json_object_get(doc, "artifacts"), 4))
        found = FIT_ARTIFACT;
    if (found == FIT_NONE && holds(n, json_object_get(doc, "text"), 4))
        found = FIT_TEXT;
    return found;
}

/* All threats that fit as well as the best does; those of the best only, unless it is weak. */
static bool search(const kj_defs *defs, const char *words, result_list *out)
{
    kj_arena arena;
    kj_arena_init(&arena, 64 << 20);
    needle n = {&arena, kj_text_trim(kj_span_str(words)), NULL};
    n.squeezed = squeeze(&arena, n.text);
    fit best = FIT_NONE;
    bool ok = n.squeezed != NULL;
    for (uint32_t i = 0; i < defs->threats.count && ok; i++) {
        const kj_disk_threat *threat = kj_defs_threat(defs, i);
        if (threat->first > defs->meta.release)
            continue; /* here only for a family detection that came before it */
        kj_span bytes = kj_defs_doc(defs, threat->doc_offset, threat->doc_len);
        result r = {i, FIT_NONE, json_loadb((const char *)bytes.data, bytes.len, 0, NULL)};
        r.fit = r.doc ? fit_of(&n, r.doc) : FIT_NONE;
        if (r.fit != FIT_NONE && r.fit >= best) {
            best = r.fit;
            ok = kj_vec_add(out, r);
        } else {
            json_decref(r.doc);
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < out->count; i++) {
        if (out->items[i].fit == best)
            out->items[kept++] = out->items[i];
        else
            json_decref(out->items[i].doc);
    }
    out->count = kept;
    kj_arena_done(&arena);
    return ok;
}

/* ---- showing
 * ------------------------------------------------------------------------------------------ */

static size_t terminal_width(void)
{
    struct winsize size;
    if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
        return kj_max_size(NARROWEST, kj_min_size(size.ws_col, WIDEST));
    return USUAL_WIDTH;
}

static int show_page(const kj_defs *defs, const json_t *doc, const info_options *options,
                     kj_lang lang)
{
    if (options->json) {
        (void)json_dumpf(doc, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
        (void)putchar('\n');
        return KJ_EXIT_OK;
    }
    const kj_page_options page = {
        .lang = lang,
        .width = terminal_width(),
        .color = !options->no_color && isatty(STDOUT_FILENO) && !getenv("NO_COLOR"),
        .engine = kj_engine_version(),
    };
    KJ_CLEANUP(kj_buf_done) kj_buf out;
    kj_buf_init(&out, PAGE_MAX);
    kj_page_write(defs, doc, &page, &out);
    if (out.failed)
        return kj_complain(_("out of memory"));
    (void)fwrite(out.data, 1, out.len, stdout);
    return KJ_EXIT_OK;
}

/* The first sentence or line of a summary. */
static void show_row(const result *r, kj_lang lang)
{
    const char *name = json_string_value(json_object_get(r->doc, "name"));
    const json_t *text = json_object_get(json_object_get(r->doc, "text"), kj_lang_name(lang));
    const char *summary = json_string_value(json_object_get(text, "summary"));
    KJ_CLEANUP(kj_buf_done) kj_buf line;
    kj_buf_init(&line, 1 << 16);
    kj_escape(kj_span_str(name), NULL, &line);
    for (size_t cells = kj_text_cells(kj_buf_span(&line)); cells < 24; cells++)
        kj_buf_put_byte(&line, ' ');
    kj_buf_put_byte(&line, ' ');
    kj_span first = kj_span_str(summary);
    size_t end = kj_span_find(first, kj_span_str("\n"), 0);
    kj_escape(kj_span_sub(first, 0, end), NULL, &line);
    (void)printf("%s\n", kj_buf_text(&line));
}

static int show_results(const kj_defs *defs, const result_list *results, const char *words,
                        const info_options *options, kj_lang lang)
{
    if (results->count == 0 &&
        kj_signature_info(defs, kj_text_trim(kj_span_str(words)), options->json))
        return KJ_EXIT_OK;
    if (results->count == 0) {
        KJ_CLEANUP(kj_buf_done) kj_buf escaped;
        kj_buf_init(&escaped, 1 << 16);
        kj_escape(kj_span_str(words), NULL, &escaped);
        (void)fprintf(stderr, _("kujo: nothing fits '%s' in release %u\n"), kj_buf_text(&escaped),
                      defs->meta.release);
        return KJ_EXIT_FOUND;
    }
    if (results->count == 1)
        return show_page(defs, results->items[0].doc, options, lang);
    (void)printf(_("%zu threats fit (%s):\n\n"), results->count,
                 _(fit_names[results->items[0].fit]));
    for (size_t i = 0; i < results->count && i < LISTED_MAX; i++)
        show_row(&results->items[i], lang);
    if (results->count > LISTED_MAX)
        (void)printf(_("... and %zu more\n"), results->count - LISTED_MAX);
    (void)printf(_("\n'kujo info NAME' shows one of them.\n"));
    return KJ_EXIT_OK;
}

static int look_up(const info_options *options, const char *words, kj_lang lang)
{
    KJ_CLEANUP(kj_chosen_done) kj_chosen chosen = kj_definitions_choose(options->definitions);
    KJ_CLEANUP(kj_defs_close) kj_defs defs = {0};
    if (!chosen.path)
        return kj_definitions_missing();
    kj_error err = {.offset = KJ_NO_OFFSET};
    if (kj_definitions_open(&chosen, &defs, &err) != KJ_OK)
        return kj_complain("%s: %s", chosen.path, err.message);
    result_list results = {0};
    int code = search(&defs, words, &results) ? show_results(&defs, &results, words, options, lang)
                                              : kj_complain(_("out of memory"));
    done_results(&results);
    return code;
}

static int run(int argc, char **argv)
{
    info_options options = {0};
    int first;
    kj_parsed parsed = kj_options_parse(&usage, argc, argv, &options, &first);
    if (parsed != KJ_PARSED_OK)
        return parsed == KJ_PARSED_HELP ? KJ_EXIT_OK : KJ_EXIT_TROUBLE;
    kj_lang lang = kj_language_default();
    if (options.lang && !kj_language_parse(options.lang, &lang))
        return kj_complain(_("'%s' is no language; en and ja are"), options.lang);
    if (options.lang)
        kj_language_use(lang);
    KJ_CLEANUP(kj_buf_done) kj_buf words;
    kj_buf_init(&words, 1 << 16);
    for (int i = first; i < argc; i++) {
        kj_buf_put_text(&words, i > first ? " " : "");
        kj_buf_put_text(&words, argv[i]);
    }
    if (kj_text_trim(kj_buf_span(&words)).len == 0)
        return kj_complain(_("say what to look up: NAME, ALIAS or SYMPTOM"));
    return look_up(&options, kj_buf_text(&words), lang);
}

const kj_command kj_command_info = {
    .name = "info",
    .summary = N_("what a threat is, does and leaves, and how it is removed"),
    .run = run,
};
