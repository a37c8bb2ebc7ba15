/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of lines that are short to tell: names to ignore, passwords, and what is read so that
 * mistakes are told, but has no effect in kujo. */
#include "rules/clamav/state.h"

#include "base/arith.h"
#include "base/text.h"

/* ---- .ign .ign2 ---------------------------------------------------------------------------- */

/*     NAME    NAME:MD5    FILE:LINE:NAME
 *
 * The MD5 is that of the signature's line; file and line number are not looked at, as in ClamAV. */
kj_clamav_result kj_clamav_ign(kj_clamav *c)
{
    kj_span fields[KJ_CLAMAV_FIELDS_MAX];
    uint8_t md5[KJ_HASH_MAX];
    kj_hash_kind kind = KJ_HASH_MD5;
    size_t count = kj_clamav_split(c->line.text, ':', fields);
    if (count > 3)
        return kj_clamav_malformed(c, c->line.text, "what is ignored is NAME or NAME:MD5");
    kj_span name = fields[count == 3 ? 2 : 0];
    if (name.len == 0)
        return kj_clamav_malformed(c, c->line.text, "a line without a name");
    if (count == 2 && (!kj_hash_parse(fields[1], &kind, md5) || kind != KJ_HASH_MD5))
        return kj_clamav_malformed(c, fields[1], "an MD5 has 32 hex digits");
    return kj_clamav_ignore(c, name, count == 2 ? md5 : NULL) ? KJ_CLAMAV_TAKEN : KJ_CLAMAV_STARVED;
}

/* ---- .pwdb --------------------------------------------------------------------------------- */

/* "Engine:81-255": whether this engine is among those. */
static kj_clamav_level read_engine(kj_span text)
{
    kj_span key = kj_span_str("Engine:"), bounds[KJ_CLAMAV_FIELDS_MAX];
    if (!kj_span_starts(text, key))
        return KJ_LEVEL_MALFORMED;
    text = kj_span_sub(text, key.len, text.len);
    return kj_clamav_split(text, '-', bounds) == 2 ? kj_clamav_levels(bounds, 0, 2, NULL)
                                                   : KJ_LEVEL_MALFORMED;
}

/* What follows Engine says which archives a password is for: kujo tries it with all. */
static kj_clamav_result check_archives(kj_clamav *c, const kj_span *items, size_t count)
{
    kj_span container = kj_span_str("Container:");
    for (size_t i = 0; i < count; i++) {
        kj_span type = kj_span_sub(items[i], container.len, items[i].len);
        if (kj_span_starts(items[i], container) && !kj_clamav_type_known(type))
            return kj_clamav_malformed(c, items[i], "no type of archives that ClamAV knows");
    }
    return KJ_CLAMAV_TAKEN;
}

static kj_clamav_result read_tdb(kj_clamav *c, kj_span text)
{
    kj_span items[KJ_CLAMAV_FIELDS_MAX];
    size_t count = kj_clamav_split(text, ',', items);
    kj_clamav_level level = count == SIZE_MAX ? KJ_LEVEL_MALFORMED : read_engine(items[0]);
    if (level == KJ_LEVEL_MALFORMED)
        return kj_clamav_malformed(c, text, "this begins with Engine:MIN-MAX");
    if (level == KJ_LEVEL_OTHER)
        return kj_clamav_left_out(c, KJ_CLAMAV_OTHER_LEVEL);
    return check_archives(c, items + 1, count - 1);
}

static kj_clamav_result add_password(kj_clamav *c, kj_span text, bool is_hex)
{
    size_t len = is_hex ? text.len / 2 : text.len;
    if (len == 0)
        return KJ_CLAMAV_TAKEN; /* accepted, and opens nothing */
    uint8_t *copy = kj_arena_alloc_raw(&c->ir->arena, len);
    if (!copy)
        return KJ_CLAMAV_STARVED;
    if (!is_hex)
        memcpy(copy, text.data, len);
    else if (!kj_hex_decode(text, copy))
        return kj_clamav_malformed(c, text, "this is no password in hex");
    return kj_vec_add(&c->ir->passwords, kj_span_of(copy, len)) ? KJ_CLAMAV_TAKEN
                                                                : KJ_CLAMAV_STARVED;
}

/*     NAME;TDB;0;PASSWORD    NAME;TDB;1;PASSWORD IN HEX */
kj_clamav_result kj_clamav_pwdb(kj_clamav *c)
{
    enum { TDB = 1, STORED, PASSWORD };
    kj_span fields[KJ_CLAMAV_FIELDS_MAX], line = c->line.text;
    uint64_t stored;
    size_t count = kj_clamav_split(line, ';', fields);
    if (count <= PASSWORD || count == SIZE_MAX)
        return kj_clamav_malformed(c, line, "a password is NAME;TDB;0;PASSWORD");
    if (!kj_clamav_number(fields[STORED], 1, &stored))
        return kj_clamav_malformed(c, fields[STORED], "passwords are stored as 0, text, or 1, hex");
    kj_clamav_result result = read_tdb(c, fields[TDB]);
    size_t start = (size_t)(fields[PASSWORD].data - line.data); /* a password may have a `;` */
    return result == KJ_CLAMAV_TAKEN
               ? add_password(c, kj_span_sub(line, start, line.len), stored == 1)
               : result;
}

/* ---- types of files ------------------------------------------------------------------------ */

/* The bytes of kind 1 are a body at an offset, those of 0 and 4 are plain, at a number. */
static kj_clamav_result check_magic(kj_clamav *c, kj_span kind, kj_span offset, kj_span bytes)
{
    uint64_t number;
    uint32_t pattern;
    kj_clamav_place place;
    if (kj_span_is(kind, "1")) {
        kj_clamav_result result = kj_clamav_offset(c, offset, KJ_TARGET_ANY, &place);
        return result == KJ_CLAMAV_TAKEN ? kj_clamav_body(c, bytes, 0, kj_span_str("$a"), &pattern)
                                         : result;
    }
    if (!kj_span_is(kind, "0") && !kj_span_is(kind, "4"))
        return kj_clamav_malformed(c, kind, "the first field is 0, 1 or 4");
    if (!kj_clamav_number(offset, UINT32_MAX, &number))
        return kj_clamav_malformed(c, offset, "this offset is a number");
    if (bytes.len % 2 || !kj_clamav_is_hex(bytes))
        return kj_clamav_malformed(c, bytes, "these bytes are plain hex");
    return KJ_CLAMAV_TAKEN;
}

/*     KIND:OFFSET:BYTES:DESCRIPTION:REQUIRED TYPE:TYPE[:MinFL[:MaxFL]] */
kj_clamav_result kj_clamav_ftm(kj_clamav *c)
{
    enum { KIND, OFFSET, BYTES, REQUIRED = 4, TYPE, LEVELS, FIELDS_MAX = LEVELS + 2 };
    kj_span fields[KJ_CLAMAV_FIELDS_MAX];
    size_t count = kj_clamav_split(c->line.text, ':', fields);
    if (count < LEVELS || count > FIELDS_MAX)
        return kj_clamav_malformed(c, c->line.text, "a type of files has 6 to 8 fields");
    for (size_t i = REQUIRED; i <= TYPE; i++)
        if (!kj_clamav_type_known(fields[i]))
            return kj_clamav_malformed(c, fields[i], "no type that ClamAV knows");
    if (kj_clamav_levels(fields, LEVELS, count, NULL) == KJ_LEVEL_MALFORMED)
        return kj_clamav_malformed(c, fields[LEVELS], "functionality levels are numbers");
    kj_clamav_result result = check_magic(c, fields[KIND], fields[OFFSET], fields[BYTES]);
    return result == KJ_CLAMAV_TAKEN
               ? kj_clamav_left_out(c, KJ_SENTENCE("kujo recognises types of files itself"))
               : result;
}

/* ---- icons --------------------------------------------------------------------------------- */

/*     NAME:GROUP 1:GROUP 2:METRICS    124 hex digits, of which the first two are the size */
kj_clamav_result kj_clamav_idb(kj_clamav *c)
{
    enum { METRICS = 3, FIELDS, DIGITS = 124 };
    static const char *const sizes[] = {"10", "18", "20"};
    kj_span fields[KJ_CLAMAV_FIELDS_MAX];
    if (kj_clamav_split(c->line.text, ':', fields) != FIELDS)
        return kj_clamav_malformed(c, c->line.text, "an icon has 4 fields");
    kj_span metrics = fields[METRICS], size = kj_span_sub(metrics, 0, 2);
    bool known = false;
    for (size_t i = 0; i < KJ_COUNT(sizes); i++)
        known |= kj_span_is(size, sizes[i]);
    if (metrics.len != DIGITS || !kj_clamav_is_hex(metrics) || !known)
        return kj_clamav_malformed(c, metrics, "metrics are %d hex digits, 10, 18 or 20 first",
                                   DIGITS);
    return kj_clamav_left_out(c, KJ_SENTENCE("icons are not compared"));
}

/* ---- links --------------------------------------------------------------------------------- */

#define NO_LINKS KJ_SENTENCE("links are not compared with what they show")

/* Whether parentheses and brackets end, and repetitions have something to repeat. */
static bool is_regex(kj_span text)
{
    size_t depth = 0;
    bool item = false; /* something that can be repeated stands before */
    for (size_t i = 0; i < text.len; i++) {
        uint8_t ch = text.data[i];
        if (ch == '[') { /* a `]` that comes first is a member */
            i += kj_span_is(kj_span_sub(text, i + 1, 1), "^");
            i = kj_span_find_either(text, ']', ']', i + 2);
        } else if (ch == '\\') {
            i++;
        } else if (ch == ')' && depth-- == 0) {
            return false;
        } else if ((ch == '*' || ch == '+' || ch == '?') && !item) {
            return false;
        }
        if (i >= text.len)
            return ch == '\\'; /* it stands for itself at the end */
        depth += ch == '(';
        item = ch != '(' && ch != '|' && ch != '*' && ch != '+' && ch != '?' && ch != '^';
    }
    return depth == 0;
}

/* LETTER[flags]:..., of the letters in `hosts`, which name hosts, or `regexes`. */
static kj_clamav_result check_links(kj_clamav *c, const char *hosts, const char *regexes)
{
    kj_span line = c->line.text;
    size_t colon = kj_span_find_either(line, ':', ':', 0);
    kj_span value = kj_span_sub(line, colon + 1, line.len);
    int letter = line.data[0];
    if (colon == line.len || !(strchr(hosts, letter) || strchr(regexes, letter)))
        return kj_clamav_malformed(c, kj_span_sub(line, 0, 1), "such a line begins with %s%s",
                                   hosts, regexes);
    if (value.len == 0)
        return kj_clamav_malformed(c, line, "a line about no host");
    if (strchr(regexes, letter) && !is_regex(value))
        return kj_clamav_malformed(c, value, "this is no regular expression");
    return kj_clamav_left_out(c, NO_LINKS);
}

kj_clamav_result kj_clamav_pdb(kj_clamav *c)
{
    return check_links(c, "H", "R");
}

kj_clamav_result kj_clamav_wdb(kj_clamav *c)
{
    return check_links(c, "M", "XY");
}

/*     S[1|2]:P:PREFIX    S:F:SHA-256    S:W:SHA-256 */
kj_clamav_result kj_clamav_gdb(kj_clamav *c)
{
    enum { LIST, KIND, DIGEST, LEVELS, PREFIX_LEN = 8, WHOLE_LEN = 64 };
    kj_span fields[KJ_CLAMAV_FIELDS_MAX];
    size_t count = kj_clamav_split(c->line.text, ':', fields);
    if (count < LEVELS || count > LEVELS + 1 || !kj_span_starts(fields[LIST], kj_span_str("S")))
        return kj_clamav_malformed(c, c->line.text, "a hashed link is S:P:PREFIX or S:F:SHA-256");
    bool prefix = kj_span_is(fields[KIND], "P");
    if (!prefix && !kj_span_is(fields[KIND], "F") && !kj_span_is(fields[KIND], "W"))
        return kj_clamav_malformed(c, fields[KIND], "the second field is P, F or W");
    if (fields[DIGEST].len != (prefix ? PREFIX_LEN : WHOLE_LEN) ||
        !kj_clamav_is_hex(fields[DIGEST]))
        return kj_clamav_malformed(c, fields[DIGEST], "this has %d hex digits",
                                   prefix ? PREFIX_LEN : WHOLE_LEN);
    return kj_clamav_left_out(c, NO_LINKS);
}

/* ---- about ClamAV -------------------------------------------------------------------------- */

/*     CATEGORY:0xFLAGS[:MinFL[:MaxFL]] */
kj_clamav_result kj_clamav_cfg(kj_clamav *c)
{
    kj_span fields[KJ_CLAMAV_FIELDS_MAX];
    size_t count = kj_clamav_split(c->line.text, ':', fields);
    kj_span flags = count > 1 && count != SIZE_MAX ? fields[1] : (kj_span){0};
    if (!kj_span_starts(flags, kj_span_str("0x")) || flags.len < 3 ||
        !kj_clamav_is_hex(kj_span_sub(flags, 2, flags.len)))
        return kj_clamav_malformed(c, c->line.text, "a switch is CATEGORY:0xFLAGS");
    return kj_clamav_left_out(c, KJ_SENTENCE("switches of ClamAV's own engine"));
}

/* What is in a .cvd; whoever opens that compares its digests. */
kj_clamav_result kj_clamav_info(kj_clamav *c)
{
    (void)c;
    return KJ_CLAMAV_TAKEN;
}
