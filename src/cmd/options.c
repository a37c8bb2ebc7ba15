/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/options.h"

#include "base/arith.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "report/wrap.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum {
    HELP_COLUMN = 26,
    HELP_WIDTH = 79,
    HELP_MAX_LEN = 16 << 10,
    LONG_BASE = 0x100, /* what getopt_long() returns for row i: LONG_BASE + i */
    HELP = LONG_BASE - 1,
};

/* ---- values ---------------------------------------------------------------------------------- */

typedef struct unit {
    const char *name;
    uint64_t factor;
} unit;

/* NUMBER[.DIGITS][UNIT], the result rounded down. */
static bool parse_with_unit(const char *text, const unit *units, size_t count, uint64_t *out)
{
    size_t digits = strspn(text, "0123456789");
    uint64_t whole, tenths = 0, product, fraction;
    if (!kj_text_to_u64(kj_span_of(text, digits), &whole))
        return false;
    text += digits;
    if (text[0] == '.' && kj_is_digit((uint8_t)text[1])) {
        tenths = (uint64_t)(text[1] - '0');
        text += 2;
    }
    for (size_t i = 0; i < count; i++) {
        if (!kj_text_equal_nocase(kj_span_str(text), kj_span_str(units[i].name)))
            continue;
        fraction = units[i].factor / 10 * tenths + units[i].factor % 10 * tenths / 10;
        return !__builtin_mul_overflow(whole, units[i].factor, &product) &&
               !__builtin_add_overflow(product, fraction, out);
    }
    return false;
}

bool kj_parse_size(const char *text, uint64_t *out)
{
    static const unit units[] = {
        {"", 1},
        {"B", 1},
        {"K", 1ull << 10},
        {"KB", 1ull << 10},
        {"KiB", 1ull << 10},
        {"M", 1ull << 20},
        {"MB", 1ull << 20},
        {"MiB", 1ull << 20},
        {"G", 1ull << 30},
        {"GB", 1ull << 30},
        {"GiB", 1ull << 30},
        {"T", 1ull << 40},
        {"TB", 1ull << 40},
        {"TiB", 1ull << 40},
    };
    return parse_with_unit(text, units, KJ_COUNT(units), out);
}

bool kj_parse_time(const char *text, uint32_t *out_ms)
{
    static const unit units[] = {
        {"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"min", 60000}, {"h", 3600000},
    };
    uint64_t ms;
    if (!parse_with_unit(text, units, KJ_COUNT(units), &ms) || ms > UINT32_MAX)
        return false;
    *out_ms = (uint32_t)ms;
    return true;
}

static bool set_flag(void *field, const char *text)
{
    (void)text;
    *(bool *)field = true;
    return true;
}

static bool set_text(void *field, const char *text)
{
    *(const char **)field = text;
    return true;
}

static bool set_list(void *field, const char *text)
{
    kj_option_list *list = field;
    return kj_vec_add(list, text);
}

static bool set_count64(void *field, const char *text)
{
    return kj_text_to_u64(kj_span_str(text), field);
}

static bool set_count(void *field, const char *text)
{
    uint64_t value;
    if (!kj_text_to_u64(kj_span_str(text), &value) || value > UINT32_MAX)
        return false;
    *(uint32_t *)field = (uint32_t)value;
    return true;
}

static bool set_size(void *field, const char *text)
{
    return kj_parse_size(text, field);
}

static bool set_time(void *field, const char *text)
{
    return kj_parse_time(text, field);
}

static const struct {
    bool (*set)(void *field, const char *text);
    const char *expected;
} kinds[] = {
    [KJ_OPTION_FLAG] = {set_flag, ""},
    [KJ_OPTION_TEXT] = {set_text, ""},
    [KJ_OPTION_LIST] = {set_list, ""},
    [KJ_OPTION_COUNT] = {set_count, N_("a number")},
    [KJ_OPTION_COUNT64] = {set_count64, N_("a number")},
    [KJ_OPTION_SIZE] = {set_size, N_("a size such as 4096, 100M or 1.5G")},
    [KJ_OPTION_TIME] = {set_time, N_("a time such as 90, 1500ms, 2m or 1h")},
};

/* ---- parsing --------------------------------------------------------------------------------- */

/* The table as getopt_long() wants it, --help included. */
typedef struct getopt_tables {
    struct option longs[KJ_OPTIONS_MAX + 2];
    char shorts[2 * KJ_OPTIONS_MAX + 4];
} getopt_tables;

static void make_tables(const kj_usage *usage, getopt_tables *out)
{
    *out = (getopt_tables){0};
    size_t len = 0;
    out->shorts[len++] = 'h';
    for (size_t i = 0; i < usage->count && i < KJ_OPTIONS_MAX; i++) {
        const kj_option *o = &usage->options[i];
        int has_argument = o->argument ? required_argument : no_argument;
        out->longs[i] = (struct option){o->name, has_argument, NULL, LONG_BASE + (int)i};
        if (!o->letter)
            continue;
        out->shorts[len++] = o->letter;
        if (o->argument)
            out->shorts[len++] = ':';
    }
    out->longs[usage->count] = (struct option){"help", no_argument, NULL, HELP};
}

/* The row that getopt_long() found; NULL: it printed a message. */
static const kj_option *find_row(const kj_usage *usage, int found)
{
    if (found >= LONG_BASE)
        return &usage->options[found - LONG_BASE];
    for (size_t i = 0; i < usage->count; i++)
        if (usage->options[i].letter && usage->options[i].letter == found)
            return &usage->options[i];
    return NULL;
}

static kj_parsed refuse(const kj_usage *usage)
{
    (void)fprintf(stderr, _("Try 'kujo %s --help'.\n"), usage->command);
    return KJ_PARSED_BAD;
}

static kj_parsed take_option(const kj_usage *usage, int found, void *target)
{
    if (found == HELP || found == 'h') {
        kj_options_help(usage);
        return KJ_PARSED_HELP;
    }
    const kj_option *row = find_row(usage, found);
    if (!row)
        return refuse(usage);
    if (kinds[row->kind].set((char *)target + row->field, optarg))
        return KJ_PARSED_OK;
    (void)kj_complain(_("--%s: '%s' is not %s"), row->name, optarg, _(kinds[row->kind].expected));
    return refuse(usage);
}

kj_parsed kj_options_parse(const kj_usage *usage, int argc, char **argv, void *target,
                           int *out_first)
{
    getopt_tables tables;
    make_tables(usage, &tables);
    char name[64];
    (void)snprintf(name, sizeof name, "kujo %s", usage->command);
    char *original = argv[0];
    argv[0] = name; /* what getopt_long() begins its messages with */
    kj_parsed parsed = KJ_PARSED_OK;
    int found;
    optind = 0;
    while (parsed == KJ_PARSED_OK &&
           (found = getopt_long(argc, argv, tables.shorts, tables.longs, NULL)) != -1)
        parsed = take_option(usage, found, target);
    argv[0] = original;
    *out_first = optind;
    return parsed;
}

/* ---- help ------------------------------------------------------------------------------------ */

/* Columns that UTF-8 text takes: what is not ASCII is Japanese, and wide. */
static size_t columns_of(const char *text)
{
    size_t columns = 0;
    for (const char *c = text; *c; c++)
        columns += (*c & 0x80) == 0 ? 1 : (*c & 0xC0) == 0xC0 ? 2 : 0;
    return columns;
}

/* Prints a text in lines of the terminal's usual width, all but the first line indented. */
static void print_wrapped(const char *text, size_t indent)
{
    const kj_wrap how = {.width = HELP_WIDTH, .indent = indent, .join_spaced = true};
    KJ_CLEANUP(kj_buf_done) kj_buf out;
    kj_buf_init(&out, HELP_MAX_LEN);
    kj_wrap_text(&how, kj_span_str(text), &out);
    kj_span lines = kj_span_sub(kj_buf_span(&out), indent, out.len);
    if (lines.len)
        (void)fwrite(lines.data, 1, lines.len, stdout);
}

static void print_row(const kj_option *o)
{
    char left[128];
    const char *argument = o->argument ? _(o->argument) : "";
    (void)snprintf(left, sizeof left, o->letter ? "  -%c, --%s%s%s" : "  %c   --%s%s%s",
                   o->letter ? o->letter : ' ', o->name, o->argument ? " " : "", argument);
    size_t used = columns_of(left);
    if (used < HELP_COLUMN)
        (void)printf("%s%*s", left, (int)(HELP_COLUMN - used), "");
    else
        (void)printf("%s\n%*s", left, HELP_COLUMN, "");
    print_wrapped(_(o->help), HELP_COLUMN);
}

void kj_options_help(const kj_usage *usage)
{
    (void)printf(_("Usage: kujo %s [OPTION]... %s\n"), usage->command,
                 *usage->operands ? _(usage->operands) : "");
    print_wrapped(_(usage->about), 0);
    (void)putchar('\n');
    for (size_t i = 0; i < usage->count; i++)
        print_row(&usage->options[i]);
    static const kj_option help = {"help", 'h', KJ_OPTION_FLAG, 0, NULL, N_("show this text")};
    print_row(&help);
    if (usage->after)
        (void)printf("\n%s", _(usage->after));
}

bool kj_wants_color(bool never, FILE *file)
{
    const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return !never && !(no_color && *no_color) && isatty(fileno(file)) &&
           !(terminal && strcmp(terminal, "dumb") == 0);
}
