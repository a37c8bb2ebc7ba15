/* SPDX-License-Identifier: Apache-2.0 */
/* kujo defs list: all names that can be detected. Those of digests may be tens of millions: they
 * are printed as they are read. */
#include "base/arith.h"
#include "base/bits.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/vec.h"
#include "cmd/cmd.h"
#include "cmd/defs.h"
#include "cmd/digest_names.h"
#include "cmd/options.h"
#include "ir/ir.h"

#include <stdio.h>

enum { PIECE = 1 << 20 }; /* bytes of output that are kept together */

typedef struct options {
    const char *definitions;
} options;

static const kj_option rows[] = {
    {"definitions", 0, KJ_OPTION_TEXT, offsetof(options, definitions), N_("FILE"),
     N_("those in FILE (as the operand)")},
};

static const kj_usage usage = {
    .command = "defs list",
    .operands = N_("[FILE]"),
    .about = N_("Prints the names that can be detected, one a line, sorted; behind them those of "
                "digests, in the order of their sources.\n"),
    .options = rows,
    .count = KJ_COUNT(rows),
};

/* False when nobody reads any more. */
static bool flush(kj_buf *out, size_t above)
{
    if (out->len > above) {
        (void)fwrite(out->data, 1, out->len, stdout);
        kj_buf_clear(out);
    }
    return !ferror(stdout);
}

static bool put_name(kj_span name, kj_buf *out)
{
    kj_escape(name, NULL, out);
    kj_buf_put_byte(out, '\n');
    return flush(out, PIECE / 2);
}

/* ---- of conditions ------------------------------------------------------------------------- */

typedef KJ_VEC(kj_span) name_list;

static int compare_names(const void *a, const void *b)
{
    const kj_span *x = a, *y = b;
    return kj_span_compare(*x, *y);
}

static bool collect(const kj_defs *defs, name_list *out)
{
    for (uint32_t i = 0; i < defs->detects.count; i++) {
        const kj_disk_detect *detect = kj_defs_detect(defs, i);
        kj_span name = kj_defs_name(defs, &detect->name);
        if (name.len && detect->class_ != KJ_CLASS_TRUSTED && !kj_vec_add(out, name))
            return false;
    }
    if (out->count)
        qsort(out->items, out->count, sizeof *out->items, compare_names);
    return true;
}

static void put_sorted(const name_list *names, kj_buf *out)
{
    for (size_t i = 0; i < names->count; i++)
        if ((i == 0 || !kj_span_equal(names->items[i], names->items[i - 1])) &&
            !put_name(names->items[i], out))
            return;
}

/* ---- of digests ---------------------------------------------------------------------------- */

static void mark(void *user, uint32_t name)
{
    kj_bits_add(user, name);
}

/* The names that something bad has. */
static bool mark_bad(const kj_defs *defs, uint32_t names, kj_bits *out)
{
    if (!kj_bits_init(out, names))
        return false;
    for (uint32_t i = 0; i < kj_digest_sets(defs); i++)
        if (kj_digest_set(defs, i)->class_ != KJ_CLASS_TRUSTED)
            kj_digest_set_names(defs, kj_digest_set(defs, i), mark, out);
    return true;
}

static bool put_digests(const kj_defs *defs, kj_buf *out)
{
    const kj_digest_names names = kj_digest_names_of(defs);
    KJ_CLEANUP(kj_bits_done) kj_bits bad = {0};
    if (!mark_bad(defs, names.count, &bad))
        return false;
    kj_front_walk walk = {.view = &names.view};
    while (kj_front_next(&walk))
        if (kj_bits_has(&bad, walk.number) && !put_name(walk.text, out))
            break;
    return true;
}

static int print_names(const kj_defs *defs)
{
    name_list names = {0};
    KJ_CLEANUP(kj_buf_done) kj_buf out;
    kj_buf_init(&out, PIECE);
    bool ok = collect(defs, &names);
    if (ok)
        put_sorted(&names, &out);
    kj_vec_done(&names);
    ok = ok && put_digests(defs, &out);
    (void)flush(&out, 0);
    return ok ? KJ_EXIT_OK : kj_complain(_("out of memory"));
}

int kj_defs_list(int argc, char **argv)
{
    options o = {0};
    int first;
    kj_parsed parsed = kj_options_parse(&usage, argc, argv, &o, &first);
    if (parsed != KJ_PARSED_OK)
        return parsed == KJ_PARSED_HELP ? KJ_EXIT_OK : KJ_EXIT_TROUBLE;
    KJ_CLEANUP(kj_chosen_done) kj_chosen chosen = {0};
    KJ_CLEANUP(kj_defs_close) kj_defs defs = {0};
    int result = kj_defs_open_operand(argc, argv, first, o.definitions, &chosen, &defs);
    return result == KJ_EXIT_OK ? print_names(&defs) : result;
}
