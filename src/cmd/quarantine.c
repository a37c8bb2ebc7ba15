/* SPDX-License-Identifier: Apache-2.0 */
/* kujo quarantine: what cleaning removed, and what becomes of it. */
#include "clean/quarantine.h"

#include "base/arith.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/runs.h"

#include <jansson.h>
#include <string.h>
#include <time.h>

enum { ARENA_BUDGET = 256 << 20 };

typedef struct options {
    bool json;
    bool all;
    const char *to;
    const char *state;
} options;

#define FIELD(name) offsetof(options, name)

#define STATE_ROW                                                                                  \
    {                                                                                              \
        "state", 0, KJ_OPTION_TEXT, FIELD(state), N_("DIR"),                                       \
            N_("journal and quarantine (default: /var/lib/kujo for root)")                         \
    }

/* ---- showing
 * ---------------------------------------------------------------------------------------- */

static char *escape(kj_span text)
{
    kj_buf out;
    kj_buf_init(&out, 1 << 20);
    kj_escape(text, NULL, &out);
    char *copy = strdup(kj_buf_text(&out));
    kj_buf_done(&out);
    return copy;
}

static const char *hex(const uint8_t *bytes, size_t len, char out[2 * KJ_HASH_MAX + 1])
{
    kj_hex_encode(kj_span_of(bytes, len), out);
    return out;
}

/* What the actions in the reasons name as the threat: the first. Malloc'd; NULL. */
static char *threat_of(kj_span reasons)
{
    json_t *json = json_loadb((const char *)reasons.data, reasons.len, 0, NULL);
    const json_t *first = json_array_get(json_object_get(json, "actions"), 0);
    const char *name = json_string_value(json_object_get(first, "threat"));
    char *copy = name ? escape(kj_span_str(name)) : NULL;
    json_decref(json);
    return copy;
}

static void print_row(const kj_quarantined *item)
{
    char when[KJ_LOCAL_TIME_MAX];
    KJ_CLEANUP(kj_free_ptr) char *path = escape(item->path);
    KJ_CLEANUP(kj_free_ptr) char *root = escape(item->root);
    KJ_CLEANUP(kj_free_ptr) char *threat = threat_of(item->reasons);
    (void)printf("%s  %s  %10llu  %-20s  %s/%s%s\n", item->id, kj_local_time(item->when, when),
                 (unsigned long long)item->size, threat ? threat : "-",
                 root && strcmp(root, "/") != 0 ? root : "", path ? path : "",
                 item->sensitive ? _("  (somebody's data)") : "");
}

static json_t *to_json(const kj_quarantined *item)
{
    char sha256[2 * KJ_HASH_MAX + 1], sha1[2 * KJ_HASH_MAX + 1], md5[2 * KJ_HASH_MAX + 1];
    KJ_CLEANUP(kj_free_ptr) char *path = escape(item->path);
    KJ_CLEANUP(kj_free_ptr) char *root = escape(item->root);
    json_t *reasons = json_loadb((const char *)item->reasons.data, item->reasons.len, 0, NULL);
    return json_pack(
        "{s:s, s:s%, s:s, s:s, s:I, s:s, s:s, s:s, s:I, s:I, s:i, s:i, s:i, s:i, s:i, s:b, s:o}",
        "id", item->id, "run", (const char *)item->run.data, item->run.len, "root",
        root ? root : "", "path", path ? path : "", "size", (json_int_t)item->size, "sha256",
        hex(item->sha256, 32, sha256), "sha1", hex(item->sha1, 20, sha1), "md5",
        hex(item->md5, 16, md5), "when", (json_int_t)item->when, "mtime_ns",
        (json_int_t)item->mtime_ns, "mode", (int)item->mode, "uid", (int)item->uid, "gid",
        (int)item->gid, "links", (int)item->links, "attributes", (int)item->attribute_count,
        "sensitive", (int)item->sensitive, "reasons", reasons ? reasons : json_null());
}

static void print_json(const kj_quarantined *item, size_t flags)
{
    json_t *json = to_json(item);
    if (json)
        (void)json_dumpf(json, stdout, flags);
    (void)putchar('\n');
    json_decref(json);
}

static void print_actions(kj_span reasons)
{
    json_t *json = json_loadb((const char *)reasons.data, reasons.len, 0, NULL);
    size_t index;
    const json_t *action;
    json_array_foreach(json_object_get(json, "actions"), index, action)
    {
        const char *reason = json_string_value(json_object_get(action, "reason"));
        KJ_CLEANUP(kj_free_ptr) char *shown = escape(kj_span_str(reason));
        (void)printf("%-12s %s\n", index ? "" : _("why"), shown ? shown : "");
    }
    json_decref(json);
}

static void print_item(const kj_quarantined *item)
{
    char digest[2 * KJ_HASH_MAX + 1], when[KJ_LOCAL_TIME_MAX];
    KJ_CLEANUP(kj_free_ptr) char *path = escape(item->path);
    KJ_CLEANUP(kj_free_ptr) char *root = escape(item->root);
    (void)printf("%-12s %s\n", _("id"), item->id);
    (void)printf("%-12s %s\n", _("was"), path ? path : "");
    (void)printf("%-12s %s\n", _("below"), root ? root : "");
    (void)printf("%-12s %.*s\n", _("run"), (int)item->run.len, (const char *)item->run.data);
    (void)printf("%-12s %s\n", _("since"), kj_local_time(item->when, when));
    (void)printf("%-12s %llu\n", _("size"), (unsigned long long)item->size);
    (void)printf("%-12s %s\n", _("modified"), kj_local_time(item->mtime_ns / 1000000000, when));
    (void)printf("%-12s %04o, %u:%u\n", _("mode, owner"), item->mode & 07777, item->uid, item->gid);
    (void)printf("%-12s %u\n", _("attributes"), item->attribute_count);
    (void)printf("%-12s %s\n", "SHA-256", hex(item->sha256, 32, digest));
    (void)printf("%-12s %s\n", "SHA-1", hex(item->sha1, 20, digest));
    (void)printf("%-12s %s\n", "MD5", hex(item->md5, 16, digest));
    if (item->sensitive)
        (void)printf("%-12s %s\n", _("note"), _("somebody's data may be in it: handle it so"));
    print_actions(item->reasons);
}

/* ---- the commands
 * -------------------------------------------------------------------------------------- */

typedef struct asked {
    const options *o;
    kj_state *state;
    kj_arena *arena;
    int code;
} asked;

static void tell_damaged(void *user, const char *id, const kj_error *err)
{
    asked *a = user;
    a->code = kj_complain("%s: %s", id, err->message);
}

static int list(asked *a, int count, char **operands)
{
    (void)count;
    (void)operands;
    kj_quarantined *items = NULL;
    size_t found = 0;
    kj_error err = {0};
    if (kj_quarantine_list(a->state, a->arena, &items, &found, tell_damaged, a, &err) != KJ_OK)
        return kj_complain("%s", _(err.message));
    for (size_t i = 0; i < found; i++) {
        if (a->o->json)
            print_json(&items[i], JSON_COMPACT);
        else
            print_row(&items[i]);
    }
    return a->code;
}

static int show_one(asked *a, const char *id)
{
    kj_quarantined item;
    kj_error err = {0};
    if (kj_quarantine_find(a->state, id, a->arena, &item, &err) != KJ_OK)
        return kj_complain("%s: %s", id, _(err.message));
    if (a->o->json)
        print_json(&item, JSON_INDENT(2));
    else
        print_item(&item);
    return KJ_EXIT_OK;
}

static int verify_one(asked *a, const char *id)
{
    kj_error err = {0};
    if (kj_quarantine_verify(a->state, id, &err) != KJ_OK)
        return kj_complain("%s: %s", id, _(err.message));
    (void)printf(_("%s: whole\n"), id);
    return KJ_EXIT_OK;
}

static int restore_one(asked *a, const char *id)
{
    kj_error err = {0};
    if (kj_quarantine_restore(a->state, id, a->o->to, &err) != KJ_OK)
        return kj_complain("%s: %s", id, _(err.message));
    (void)printf(_("%s: restored\n"), id);
    return KJ_EXIT_OK;
}

static int extract_one(asked *a, const char *id)
{
    kj_error err = {0};
    const char *path = NULL;
    if (kj_quarantine_extract(a->state, id, a->o->to ? a->o->to : ".", a->arena, &path, &err) !=
        KJ_OK)
        return kj_complain("%s: %s", id, _(err.message));
    (void)printf("%s\n", path);
    return KJ_EXIT_OK;
}

static int purge_one(asked *a, const char *id)
{
    kj_error err = {0};
    if (kj_quarantine_purge(a->state, id, &err) != KJ_OK)
        return kj_complain("%s: %s", id, _(err.message));
    (void)printf(_("%s: deleted for good\n"), id);
    return KJ_EXIT_OK;
}

static int each(asked *a, int count, char **operands, int (*one)(asked *a, const char *id))
{
    if (count == 0)
        return kj_complain(_("name an object by its id; 'kujo quarantine list' lists them"));
    if (count > 1 && a->o->to && one == restore_one)
        return kj_complain(_("--to takes one object at a time"));
    for (int i = 0; i < count; i++)
        if (one(a, operands[i]) != KJ_EXIT_OK)
            a->code = KJ_EXIT_TROUBLE;
    return a->code;
}

/* Everything that is there, for --all. */
static int all_of(asked *a, int (*one)(asked *a, const char *id))
{
    kj_quarantined *items = NULL;
    size_t found = 0;
    kj_error err = {0};
    if (kj_quarantine_list(a->state, a->arena, &items, &found, tell_damaged, a, &err) != KJ_OK)
        return kj_complain("%s", _(err.message));
    for (size_t i = 0; i < found; i++)
        if (one(a, items[i].id) != KJ_EXIT_OK)
            a->code = KJ_EXIT_TROUBLE;
    return a->code;
}

static int show(asked *a, int count, char **operands)
{
    return each(a, count, operands, show_one);
}

static int verify(asked *a, int count, char **operands)
{
    return count || !a->o->all ? each(a, count, operands, verify_one) : all_of(a, verify_one);
}

static int restore(asked *a, int count, char **operands)
{
    return each(a, count, operands, restore_one);
}

static int extract(asked *a, int count, char **operands)
{
    return each(a, count, operands, extract_one);
}

static int purge(asked *a, int count, char **operands)
{
    return count || !a->o->all ? each(a, count, operands, purge_one) : all_of(a, purge_one);
}

static const kj_option json_rows[] = {
    {"json", 0, KJ_OPTION_FLAG, FIELD(json), NULL, N_("results as JSON")},
    STATE_ROW,
};
static const kj_option all_rows[] = {
    {"all", 0, KJ_OPTION_FLAG, FIELD(all), NULL, N_("every object that is there")},
    STATE_ROW,
};
static const kj_option to_rows[] = {
    {"to", 0, KJ_OPTION_TEXT, FIELD(to), N_("PATH"),
     N_("not where it was, but there (restore: the file's path; extract: a directory)")},
    STATE_ROW,
};

static const struct subcommand {
    const char *name;
    const char *summary;
    kj_usage usage;
    int (*run)(asked *a, int count, char **operands);
} subcommands[] = {
    {"list",
     N_("what is there, newest first"),
     {"quarantine list", "", N_("Lists the objects in the quarantine, newest first.\n"), NULL,
      json_rows, KJ_COUNT(json_rows)},
     list},
    {"show",
     N_("all that is known of an object"),
     {"quarantine show", N_("ID..."),
      N_("Shows an object: where it was, its digests, times and owner, and why it went.\n"), NULL,
      json_rows, KJ_COUNT(json_rows)},
     show},
    {"verify",
     N_("whether objects are whole"),
     {"quarantine verify", N_("ID..."), N_("Reads objects and compares all their digests.\n"), NULL,
      all_rows, KJ_COUNT(all_rows)},
     verify},
    {"restore",
     N_("put an object back"),
     {"quarantine restore", N_("ID..."),
      N_("Puts objects back where they were, with their times, owner and attributes. Never "
         "overwrites.\n"),
      NULL, to_rows, KJ_COUNT(to_rows)},
     restore},
    {"extract",
     N_("the bare content, for analysts"),
     {"quarantine extract", N_("ID..."),
      N_("Writes the bare content of objects into a directory (--to; default: this one), named by "
         "its "
         "digest, not executable.\nWhat comes out is what was found: dangerous.\n"),
      NULL, to_rows, KJ_COUNT(to_rows)},
     extract},
    {"purge",
     N_("delete objects for good"),
     {"quarantine purge", N_("ID..."),
      N_("Deletes objects for good: 'kujo undo' cannot bring them back.\n"), NULL, all_rows,
      KJ_COUNT(all_rows)},
     purge},
};

static int run_subcommand(const struct subcommand *sub, int argc, char **argv)
{
    options o = {0};
    int first = 0;
    kj_parsed parsed = kj_options_parse(&sub->usage, argc, argv, &o, &first);
    if (parsed != KJ_PARSED_OK)
        return parsed == KJ_PARSED_HELP ? KJ_EXIT_OK : KJ_EXIT_TROUBLE;
    kj_error err = {0};
    KJ_CLEANUP(kj_close_state) kj_state *state = NULL;
    if (kj_state_open(o.state, NULL, 0, &state, &err) != KJ_OK)
        return kj_complain("%s", _(err.message));
    kj_arena arena;
    kj_arena_init(&arena, ARENA_BUDGET);
    asked a = {.o = &o, .state = state, .arena = &arena, .code = KJ_EXIT_OK};
    int code = sub->run(&a, argc - first, argv + first);
    kj_arena_done(&arena);
    return code;
}

static void print_help(void)
{
    (void)printf("%s\n\n", _("usage: kujo quarantine list|show|verify|restore|extract|purge ..."));
    for (size_t i = 0; i < KJ_COUNT(subcommands); i++)
        (void)printf("  %-8s %s\n", subcommands[i].name, _(subcommands[i].summary));
    (void)printf("\n%s\n", _("'kujo quarantine COMMAND --help' says more."));
}

static int run(int argc, char **argv)
{
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        print_help();
        return KJ_EXIT_OK;
    }
    for (size_t i = 0; argc >= 2 && i < KJ_COUNT(subcommands); i++)
        if (strcmp(argv[1], subcommands[i].name) == 0)
            return run_subcommand(&subcommands[i], argc - 1, argv + 1);
    if (argc >= 2)
        return kj_complain(
            _("'%s' is no command of kujo quarantine; list, show, verify, restore, extract "
              "and purge are"),
            argv[1]);
    return kj_complain(
        _("say what to do: kujo quarantine list, show, verify, restore, extract or purge"));
}

const kj_command kj_command_quarantine = {
    .name = "quarantine",
    .summary = N_("what cleaning removed: list, restore, extract, delete"),
    .run = run,
};
