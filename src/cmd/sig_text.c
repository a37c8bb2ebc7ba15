/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/sig_text.h"

#include "base/arith.h"
#include "base/text.h"
#include "formats/views.h"
#include "ir/clamav.h"
#include "report/i18n.h"

#include <string.h>

enum { TEXT_SHOWN = 200, INDENT = 2 };

typedef struct printer {
    const json_t *report;
    FILE *out;
    bool color;
} printer;

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "";
}

static long long number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static bool is(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

/* A part of a condition: that the object is of the ClamAV target type that is wanted. */
static bool is_right_target(const json_t *part)
{
    return is(part, "value") && strncmp(text(part, "text"), "clamav.target(", 14) == 0;
}

/* The views of the file itself that the signature is about: what it matches, it matches there. */
static bool is_meant(const json_t *report)
{
    size_t index;
    const json_t *part, *condition = json_object_get(report, "condition");
    if (!*text(report, "view") || *text(report, "member"))
        return false;
    json_array_foreach(json_object_get(condition, "parts"), index,
                       part) if (is_right_target(part)) return true;
    return is_right_target(condition);
}

/* More of a string than the beginning of its first piece. */
static bool has_piece(const json_t *string)
{
    const json_t *nearest = json_object_get(string, "nearest");
    return number(string, "count") > 0 || number(nearest, "piece") > 1 ||
           is(nearest, "pieces_are_there");
}

static bool is_near(const json_t *digest)
{
    return is(digest, "digest_equal") ||
           (json_object_get(digest, "wanted_size") && is(digest, "size_equal"));
}

bool kj_sig_is_interesting(const json_t *report)
{
    size_t index;
    const json_t *item;
    if (is(report, "matched") || is_meant(report))
        return true;
    json_array_foreach(json_object_get(report, "strings"), index,
                       item) if (has_piece(item)) return true;
    json_array_foreach(json_object_get(report, "digests"), index,
                       item) if (is_near(item)) return true;
    return false;
}

void kj_sig_print_match(const json_t *match, FILE *out)
{
    const char *member = text(match, "member");
    (void)fprintf(out, "%s%s%s: %s FOUND\n", text(match, "path"), *member ? "!" : "", member,
                  text(match, "name"));
}

/* ---- strings ------------------------------------------------------------------------------- */

static void print_places(const printer *p, const json_t *string)
{
    size_t index;
    const json_t *place, *places = json_object_get(string, "places");
    json_array_foreach(places, index, place)
    {
        long long length = number(place, "length");
        const char *bytes = text(place, "hex");
        (void)fprintf(p->out, _("      at %lld (0x%llx), %lld bytes: %s%s\n"),
                      number(place, "offset"), (unsigned long long)number(place, "offset"), length,
                      bytes, strlen(bytes) / 2 < (size_t)length ? "..." : "");
    }
    long long more = number(string, "count") - (long long)json_array_size(places);
    if (more > 0)
        (void)fprintf(p->out, _("      and %lld more\n"), more);
}

static void print_nearest(const printer *p, const json_t *nearest)
{
    const char *wide = is(nearest, "wide") ? _(", wide") : "";
    if (is(nearest, "pieces_are_there"))
        (void)fputs(_("      all its fixed pieces are there, but not as far from each other as it "
                      "wants them\n"),
                    p->out);
    else if (number(nearest, "there") == 0)
        (void)fprintf(p->out,
                      _("      not even the first byte of its piece %lld (%s%s) is there\n"),
                      number(nearest, "piece"), text(nearest, "hex"), wide);
    else
        (void)fprintf(p->out,
                      _("      of its piece %lld (%s%s) the first %lld of %lld bytes are there, at "
                        "%lld (0x%llx)\n"),
                      number(nearest, "piece"), text(nearest, "hex"), wide,
                      number(nearest, "there"), number(nearest, "length"),
                      number(nearest, "offset"), (unsigned long long)number(nearest, "offset"));
}

/* Normalised text has no upper-case letters. */
static void print_hint(const printer *p, const json_t *nearest)
{
    if (*text(p->report, "view") && is(nearest, "upper_case"))
        (void)fputs(_("      (it has upper-case letters, and what is normalised has none)\n"),
                    p->out);
}

static void print_strings(const printer *p)
{
    size_t index;
    const json_t *string;
    json_array_foreach(json_object_get(p->report, "strings"), index, string)
    {
        const char *source = text(string, "written");
        long long count = number(string, "count");
        (void)fprintf(p->out, "  %s  %.*s%s  ", text(string, "string"), TEXT_SHOWN, source,
                      strlen(source) > TEXT_SHOWN ? "..." : "");
        if (count == 0)
            (void)fprintf(p->out, "%s\n", _("no match"));
        else
            (void)fprintf(p->out,
                          is(string, "more") ? _("matches: %lld at least\n") : _("matches: %lld\n"),
                          count);
        const json_t *nearest = json_object_get(string, "nearest");
        print_places(p, string);
        if (nearest) {
            print_nearest(p, nearest);
            print_hint(p, nearest);
        }
    }
}

static void print_members(const printer *p)
{
    size_t index;
    const json_t *member;
    json_array_foreach(json_object_get(p->report, "members"), index, member)
    {
        (void)fprintf(p->out, _("  member %lld, %s: %lld bytes, %lld packed%s"),
                      number(member, "position"), text(member, "name"), number(member, "size"),
                      number(member, "packed_size"),
                      is(member, "encrypted") ? _(", encrypted") : "");
        if (json_object_get(member, "crc32"))
            (void)fprintf(p->out, ", CRC-32 %08llx", (unsigned long long)number(member, "crc32"));
        (void)fputc('\n', p->out);
    }
}

/* ---- the condition ------------------------------------------------------------------------- */

static const json_t *find_string(const printer *p, const char *name)
{
    size_t index;
    const json_t *string;
    json_array_foreach(json_object_get(p->report, "strings"), index, string)
    {
        if (strcmp(text(string, "string"), name) == 0)
            return string;
    }
    return NULL;
}

/* Where a string is wanted, when it is not there. */
static void explain_place(const printer *p, const json_t *part)
{
    const json_t *from = json_object_get(part, "from"), *to = json_object_get(part, "to");
    const json_t *string = find_string(p, text(part, "string"));
    if (!from)
        return;
    long long low = json_integer_value(from), high = json_integer_value(to);
    bool is_place = json_is_integer(from) && (!to || json_is_integer(to));
    if (!is_place || (to ? high : low) < 0) {
        (void)fputs(_("  <- this object has no such place"), p->out);
        return;
    }
    low = low < 0 ? 0 : low;
    if (to)
        (void)fprintf(p->out, _("  <- wanted from %lld (0x%llx) to %lld (0x%llx)"), low,
                      (unsigned long long)low, high, (unsigned long long)high);
    else
        (void)fprintf(p->out, _("  <- wanted at %lld (0x%llx)"), low, (unsigned long long)low);
    if (string && number(string, "count") > 0)
        (void)fprintf(p->out, _("; it matches elsewhere: %lld"), number(string, "count"));
}

static void explain_count(const printer *p, const json_t *part)
{
    size_t index, holds = 0;
    const json_t *item, *parts = json_object_get(part, "parts");
    json_array_foreach(parts, index, item) holds += is(item, "value");
    (void)fprintf(p->out, _("  <- %zu of %lld that are needed"), holds, number(part, "needed"));
}

/* Target types. */
static const char *const targets[] = {
    [KJ_TARGET_PE] = "PE",
    [KJ_TARGET_OLE] = "OLE2",
    [KJ_TARGET_HTML] = "HTML",
    [KJ_TARGET_MAIL] = N_("mail"),
    [KJ_TARGET_PICTURE] = N_("pictures"),
    [KJ_TARGET_ELF] = "ELF",
    [KJ_TARGET_TEXT] = N_("text"),
    [KJ_TARGET_MACHO] = "Mach-O",
    [KJ_TARGET_PDF] = "PDF",
    [KJ_TARGET_SWF] = "SWF",
    [KJ_TARGET_CLASS] = N_("Java classes"),
};

/* What a target type stands for, when the object is of another. */
static void explain_target(const printer *p, const json_t *part)
{
    unsigned target = 0;
    if (sscanf(text(part, "text"), "clamav.target(%u)", &target) != 1 ||
        target >= KJ_COUNT(targets) || !targets[target])
        return;
    if (*text(p->report, "view") == '\0' && (target == KJ_TARGET_HTML || target == KJ_TARGET_TEXT))
        (void)fprintf(p->out, _("  <- %s is looked at in normalised form"), _(targets[target]));
    else
        (void)fprintf(p->out, _("  <- that is %s, and the object is %s"), _(targets[target]),
                      text(p->report, "format"));
}

static void explain(const printer *p, const json_t *part)
{
    const char *kind = text(part, "kind");
    if (strcmp(kind, "found_at") == 0 || strcmp(kind, "found_in") == 0)
        explain_place(p, part);
    else if (strcmp(kind, "field") == 0)
        explain_target(p, part);
    else if (json_object_get(part, "needed"))
        explain_count(p, part);
}

static void print_value(const printer *p, const json_t *value)
{
    enum { CELLS = 8 };
    char shown[32];
    const char *word = json_is_true(value)    ? _("true")
                       : json_is_false(value) ? _("false")
                       : json_is_null(value)  ? _("unknown")
                                              : NULL;
    if (json_is_integer(value))
        (void)snprintf(shown, sizeof shown, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        (void)snprintf(shown, sizeof shown, "%g", json_real_value(value));
    else
        (void)snprintf(shown, sizeof shown, "%s", word ? word : json_string_value(value));
    size_t cells = kj_text_cells(kj_span_str(shown));
    const char *color = !p->color ? "" : json_is_true(value) ? "\033[32m" : "\033[31m";
    bool colored = p->color && json_is_boolean(value);
    (void)fprintf(p->out, "%s%s%s%*s", colored ? color : "", shown, colored ? "\033[0m" : "",
                  cells < CELLS ? (int)(CELLS - cells) : 0, "");
}

static const struct {
    const char *kind;
    const char *title; /* N_(): instead of the part's text, whose arguments follow line by line */
} titles[] = {
    {"and", N_("all of")},
    {"or", N_("any of")},
    {"not", N_("not")},
};

static void print_title(const printer *p, const json_t *part)
{
    for (size_t i = 0; i < KJ_COUNT(titles); i++)
        if (strcmp(text(part, "kind"), titles[i].kind) == 0) {
            (void)fputs(_(titles[i].title), p->out);
            return;
        }
    if (json_object_get(part, "needed"))
        (void)fprintf(p->out, _("%lld of"), number(part, "needed"));
    else
        (void)fprintf(p->out, "%.*s", TEXT_SHOWN, text(part, "text"));
}

static void print_part(const printer *p, const json_t *part, int indent)
{
    (void)fprintf(p->out, "%*s", indent, "");
    print_value(p, json_object_get(part, "value"));
    (void)fputc(' ', p->out);
    print_title(p, part);
    if (!is(part, "value"))
        explain(p, part);
    (void)fputc('\n', p->out);
    size_t index;
    const json_t *item;
    json_array_foreach(json_object_get(part, "parts"), index, item)
        print_part(p, item, indent + INDENT);
}

/* ---- digests ------------------------------------------------------------------------------- */

static void print_digests(const printer *p)
{
    size_t index;
    const json_t *item;
    json_array_foreach(json_object_get(p->report, "digests"), index, item)
    {
        const char *name = text(item, "name");
        (void)fprintf(p->out, "  %s%s%s: %s %s, %s\n", text(item, "of"), *name ? " " : "", name,
                      text(item, "digest"), text(item, "hex"),
                      is(item, "digest_equal") ? _("the one that is wanted") : _("another"));
        if (is(item, "size_equal"))
            (void)fprintf(p->out, _("      %lld bytes\n"), number(item, "size"));
        else
            (void)fprintf(p->out, _("      %lld bytes, and %lld are wanted\n"),
                          number(item, "size"), number(item, "wanted_size"));
    }
}

/* ---- the whole ----------------------------------------------------------------------------- */

static const char *view_title(const char *name)
{
    for (unsigned view = 0; view < KJ_VIEW_COUNT; view++)
        if (strcmp(kj_view_name((kj_view)view), name) == 0)
            return kj_view_title((kj_view)view);
    return name;
}

void kj_sig_print(const json_t *report, bool color, FILE *out)
{
    const printer p = {report, out, color};
    const char *member = text(report, "member"), *view = text(report, "view");
    (void)fprintf(out, "%s%s%s", text(report, "path"), *member ? "!" : "", member);
    if (*view)
        (void)fprintf(out, ": %s", _(view_title(view)));
    (void)fprintf(out, _(" (%s, %lld bytes): %s\n"), text(report, "format"), number(report, "size"),
                  is(report, "matched")                ? _("matches")
                  : json_object_get(report, "digests") ? _("digests")
                  : !is(report, "looked_at")           ? _("not looked at in this form")
                                                       : _("does not match"));
    print_strings(&p);
    print_digests(&p);
    print_members(&p);
    const json_t *condition = json_object_get(report, "condition");
    if (json_is_object(condition))
        print_part(&p, condition, INDENT);
}
