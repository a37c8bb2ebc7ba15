/* SPDX-License-Identifier: Apache-2.0 */
/* kujo defs info: what a definitions file is and holds, and what each part of it takes. */
#include "base/arith.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/defs.h"
#include "cmd/digest_names.h"
#include "cmd/options.h"
#include "ir/ir.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

typedef struct options {
    const char *definitions;
    bool json;
} options;

static const kj_option rows[] = {
    {"definitions", 0, KJ_OPTION_TEXT, offsetof(options, definitions), N_("FILE"),
     N_("those in FILE (as the operand)")},
    {"json", 0, KJ_OPTION_FLAG, offsetof(options, json), NULL, N_("as JSON")},
};

static const kj_usage usage = {
    .command = "defs info",
    .operands = N_("[FILE]"),
    .about = N_("Says what a definitions file is and holds; without FILE, the definitions that a "
                "scan would use.\n"),
    .options = rows,
    .count = KJ_COUNT(rows),
};

/* ---- facts --------------------------------------------------------------------------------- */

static void format_date(uint64_t seconds, char out[16])
{
    time_t when = (time_t)seconds;
    struct tm day;
    if (seconds == 0 || !gmtime_r(&when, &day) || strftime(out, 16, "%Y-%m-%d", &day) == 0)
        (void)snprintf(out, 16, "-");
}

static void format_id(const uint8_t id[16], char out[33])
{
    kj_hex_encode(kj_span_of(id, 16), out);
}

typedef struct count_row {
    const char *title; /* N_() */
    const char *key;
    uint64_t count;
} count_row;

enum { COUNT_ROWS = 8 };

static uint64_t count_digests(const kj_defs *defs)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < kj_digest_sets(defs); i++)
        count += kj_digest_set(defs, i)->count;
    return count;
}

static void count_rows(const kj_defs *defs, count_row out[COUNT_ROWS])
{
    const count_row all[COUNT_ROWS] = {
        {N_("Threats"), "threats", defs->threats.count},
        {N_("Detections"), "detections", defs->detects.count},
        {N_("Artifacts"), "artifacts", defs->artifacts.count},
        {N_("Remedies"), "remedies", defs->remedies.count},
        {N_("Rules"), "rules", defs->rules.count},
        {N_("Strings"), "strings", defs->patterns.count},
        {N_("Digests"), "digests", count_digests(defs)},
        {N_("Left out: newer engine"), "skipped_engine", defs->meta.skipped},
    };
    memcpy(out, all, sizeof all);
}

static void count_origins(const kj_defs *defs, uint64_t out[KJ_ORIGIN_COUNT])
{
    memset(out, 0, KJ_ORIGIN_COUNT * sizeof *out);
    for (uint32_t i = 0; i < defs->rules.count; i++) {
        kj_origin origin = kj_rule_origin(kj_defs_rule(defs, i)->flags);
        if (origin < KJ_ORIGIN_COUNT)
            out[origin]++;
    }
}

static kj_disk_section section_at(const kj_defs *defs, uint32_t index)
{
    kj_disk_section section;
    memcpy(&section, defs->file.data + sizeof(kj_disk_header) + index * sizeof section,
           sizeof section);
    return section;
}

static void section_name(uint32_t type, char out[5])
{
    for (size_t i = 0; i < 4; i++) {
        char c = (char)(type >> (8 * i));
        out[i] = c >= ' ' && c <= '~' ? c : '?';
    }
    out[4] = '\0';
}

/* Whether a section has to do with digests alone. */
static bool is_of_digests(uint32_t type)
{
    static const uint32_t types[] = {KJ_SEC_HASH_SETS,    KJ_SEC_HASH_GATES, KJ_SEC_HASH_BUCKETS,
                                     KJ_SEC_HASH_RECORDS, KJ_SEC_HASH_NAMES, KJ_SEC_HASH_BLOCKS};
    for (size_t i = 0; i < KJ_COUNT(types); i++)
        if (types[i] == type)
            return true;
    return false;
}

static uint64_t bytes_of_digests(const kj_defs *defs)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < defs->header.section_count; i++) {
        kj_disk_section section = section_at(defs, i);
        bytes += is_of_digests(section.type) ? section.size : 0;
    }
    return bytes;
}

/* Bytes of a part for each of `count` items. */
static double bytes_each(uint64_t bytes, uint64_t count)
{
    return count ? (double)bytes / (double)count : 0;
}

/* What the definitions say was left out: an array; NULL: nothing. */
static json_t *left_out(const kj_defs *defs)
{
    kj_span bytes = kj_defs_doc(defs, defs->meta.left_out, defs->meta.left_out_len);
    return bytes.len ? json_loadb((const char *)bytes.data, bytes.len, 0, NULL) : NULL;
}

/* ---- text ---------------------------------------------------------------------------------- */

/* A title in its column: Japanese is wide. */
static void print_title(const char *title, int indent)
{
    size_t cells = kj_text_cells(kj_span_str(title));
    int fill = 24 - indent - (int)cells;
    (void)printf("%*s%s%*s ", indent, "", title, fill > 0 ? fill : 0, "");
}

static void print_number(const char *title, int indent, uint64_t number)
{
    print_title(title, indent);
    (void)printf("%llu\n", (unsigned long long)number);
}

static void print_head(const char *path, const kj_defs *defs)
{
    char date[16], id[33];
    format_date(defs->meta.date, date);
    format_id(defs->header.build_id, id);
    print_title(_("File"), 0);
    (void)printf("%s\n", path);
    print_number(_("Release"), 0, defs->meta.release);
    print_title(_("Date"), 0);
    (void)printf("%s\n", date);
    print_title(_("Format"), 0);
    (void)printf("%u.%u\n", defs->header.major, defs->header.minor);
    print_title(_("Engine at least"), 0);
    (void)printf("%u.%u.%u\n", defs->header.engine >> 24, defs->header.engine >> 16 & 0xFF,
                 defs->header.engine & 0xFFFF);
    print_title(_("Build"), 0);
    (void)printf("%s\n", id);
    print_number(_("Bytes"), 0, defs->file.len);
}

static const char *const origin_titles[KJ_ORIGIN_COUNT] = {
    [KJ_ORIGIN_YARA] = N_("YARA"),
    [KJ_ORIGIN_BODY] = N_("bodies"),
    [KJ_ORIGIN_LOGICAL] = N_("logical"),
    [KJ_ORIGIN_CONTAINER] = N_("members"),
    [KJ_ORIGIN_CERTIFICATE] = N_("certificates"),
};

static void print_counts(const kj_defs *defs)
{
    count_row counts[COUNT_ROWS];
    uint64_t origins[KJ_ORIGIN_COUNT];
    count_rows(defs, counts);
    count_origins(defs, origins);
    for (size_t i = 0; i < COUNT_ROWS; i++) {
        print_number(_(counts[i].title), 0, counts[i].count);
        bool is_rules = strcmp(counts[i].key, "rules") == 0;
        for (size_t k = 0; is_rules && k < KJ_ORIGIN_COUNT; k++)
            if (origins[k])
                print_number(_(origin_titles[k]), 2, origins[k]);
    }
}

static const char *const scope_titles[KJ_SCOPE_COUNT] = {
    [KJ_SCOPE_OBJECT] = N_("files"),
    [KJ_SCOPE_SECTION] = N_("sections of programs"),
    [KJ_SCOPE_IMPORTS] = N_("imports of programs"),
    [KJ_SCOPE_AUTHENTICODE] = N_("signed programs"),
};

/* What files with a digest of a set are, in the reader's language. */
static const char *class_title(kj_class klass)
{
    return klass == KJ_CLASS_TRUSTED ? _("trusted") : _(kj_class_name(klass));
}

static void print_sets(const kj_defs *defs)
{
    if (kj_digest_sets(defs))
        (void)printf("%s\n", _("Sets of digests"));
    for (uint32_t i = 0; i < kj_digest_sets(defs); i++) {
        const kj_disk_hash_set *set = kj_digest_set(defs, i);
        if (set->scope >= KJ_SCOPE_COUNT || set->kind >= KJ_HASH_KIND_COUNT)
            continue;
        print_title(_(scope_titles[set->scope]), 2);
        (void)printf("%u %s, %s, %s\n", set->count, kj_hash_name((kj_hash_kind)set->kind),
                     class_title((kj_class)set->class_),
                     set->flags & KJ_HASHF_SIZED ? _("by size") : _("of any size"));
    }
}

static void print_sections(const kj_defs *defs)
{
    char name[5];
    (void)printf("%s\n", _("Sections"));
    for (uint32_t i = 0; i < defs->header.section_count; i++) {
        kj_disk_section section = section_at(defs, i);
        section_name(section.type, name);
        print_number(name, 2, section.size);
    }
}

static void print_sizes(const kj_defs *defs)
{
    uint64_t digests = count_digests(defs), bytes = bytes_of_digests(defs);
    if (digests) {
        print_title(_("Bytes a digest"), 0);
        (void)printf("%.1f\n", bytes_each(bytes, digests));
    }
    if (defs->rules.count) {
        print_title(_("Bytes a rule"), 0);
        (void)printf("%.1f\n", bytes_each(defs->file.len - bytes, defs->rules.count));
    }
}

static void print_left_out(const kj_defs *defs)
{
    json_t *items = left_out(defs), *item;
    size_t index;
    if (json_array_size(items))
        (void)printf("%s\n", _("Left out"));
    json_array_foreach(items, index, item)
    {
        const char *kind = json_string_value(json_object_get(item, "kind"));
        const char *reason = json_string_value(json_object_get(item, "reason"));
        print_title(kind ? kind : "?", 2);
        (void)printf("%lld: %s\n", (long long)json_integer_value(json_object_get(item, "count")),
                     reason ? _(reason) : "?");
    }
    json_decref(items);
}

static void print_text(const char *path, const kj_defs *defs)
{
    print_head(path, defs);
    print_counts(defs);
    print_sets(defs);
    print_sizes(defs);
    print_left_out(defs);
    print_sections(defs);
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static json_t *json_sections(const kj_defs *defs)
{
    char name[5];
    json_t *sections = json_array();
    for (uint32_t i = 0; i < defs->header.section_count; i++) {
        kj_disk_section section = section_at(defs, i);
        section_name(section.type, name);
        (void)json_array_append_new(
            sections, json_pack("{s:s, s:I}", "type", name, "bytes", (json_int_t)section.size));
    }
    return sections;
}

static json_t *json_sets(const kj_defs *defs)
{
    json_t *sets = json_array();
    for (uint32_t i = 0; i < kj_digest_sets(defs); i++) {
        const kj_disk_hash_set *set = kj_digest_set(defs, i);
        if (set->kind < KJ_HASH_KIND_COUNT)
            (void)json_array_append_new(sets,
                                        json_pack("{s:s, s:s, s:s, s:b, s:I}", "of",
                                                  kj_hash_scope_name((kj_hash_scope)set->scope),
                                                  "digest", kj_hash_name((kj_hash_kind)set->kind),
                                                  "class", kj_class_name((kj_class)set->class_),
                                                  "sized", (set->flags & KJ_HASHF_SIZED) != 0,
                                                  "count", (json_int_t)set->count));
    }
    return sets;
}

static json_t *json_origins(const kj_defs *defs)
{
    uint64_t origins[KJ_ORIGIN_COUNT];
    count_origins(defs, origins);
    json_t *object = json_object();
    for (size_t i = 0; i < KJ_ORIGIN_COUNT; i++)
        (void)json_object_set_new(object, kj_origin_name((kj_origin)i),
                                  json_integer((json_int_t)origins[i]));
    return object;
}

static int print_json(const char *path, const kj_defs *defs)
{
    char date[16], id[33];
    format_date(defs->meta.date, date);
    format_id(defs->header.build_id, id);
    json_t *absent = left_out(defs);
    uint64_t digests = count_digests(defs), bytes = bytes_of_digests(defs);
    json_t *root = json_pack(
        "{s:i, s:s, s:s, s:i, s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:f, s:f}", "kujo", 1, "type",
        "definitions", "file", path, "release", (int)defs->meta.release, "date", date, "build", id,
        "bytes", (json_int_t)defs->file.len, "sections", json_sections(defs), "digest_sets",
        json_sets(defs), "rules_by_origin", json_origins(defs), "left_out",
        absent ? absent : json_array(), "bytes_a_digest", bytes_each(bytes, digests),
        "bytes_a_rule", bytes_each(defs->file.len - bytes, defs->rules.count));
    if (!root)
        return kj_complain(_("out of memory"));
    count_row counts[COUNT_ROWS];
    count_rows(defs, counts);
    for (size_t i = 0; i < COUNT_ROWS; i++)
        (void)json_object_set_new(root, counts[i].key, json_integer((json_int_t)counts[i].count));
    (void)json_dumpf(root, stdout, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(6));
    (void)putchar('\n');
    json_decref(root);
    return KJ_EXIT_OK;
}

int kj_defs_info(int argc, char **argv)
{
    options o = {0};
    int first;
    kj_parsed parsed = kj_options_parse(&usage, argc, argv, &o, &first);
    if (parsed != KJ_PARSED_OK)
        return parsed == KJ_PARSED_HELP ? KJ_EXIT_OK : KJ_EXIT_TROUBLE;
    KJ_CLEANUP(kj_chosen_done) kj_chosen chosen = {0};
    KJ_CLEANUP(kj_defs_close) kj_defs defs = {0};
    int result = kj_defs_open_operand(argc, argv, first, o.definitions, &chosen, &defs);
    if (result != KJ_EXIT_OK)
        return result;
    if (o.json)
        return print_json(chosen.path, &defs);
    print_text(chosen.path, &defs);
    return KJ_EXIT_OK;
}
