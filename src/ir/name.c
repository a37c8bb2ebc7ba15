/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar, part by part, tested in this order:
 *
 *     generic    gen[.N]                    N without leading zeros
 *     component  one of the words below     dr, dll, hta, ...
 *     length     1 to 7 digits              without leading zeros
 *     variant    1 to 3 letters, then 0 to 3 digits
 *
 * Canonical: type, parts and locale in lower case, the platform as its table spells it, M or MM in
 * upper case; family, packer and comment stay as they are. None of this changes a length, so a name
 * is made canonical where it lies.
 * Sources: caro.org, naming syntax; the names in the virus libraries of the 2000s. */
#include "ir/name.h"

#include "base/arith.h"
#include "base/text.h"

enum { VARIANT_LETTERS = 3, VARIANT_DIGITS = 3, LENGTH_DIGITS = 7, LOCALE_MIN = 2, LOCALE_MAX = 8 };

const kj_platform kj_platforms[] = {
    {"W32", "Windows, 32 bit", "Win", "Win32", "windows"},
    {"W64", "Windows, 64 bit", "Win", "Win64", "windows"},
    {"W95", "Windows 95, 98 and ME", "Win", "Win95", "windows"},
    {"WNT", "Windows NT, 2000 and XP", "Win", "WinNT", "windows"},
    {"MSIL", ".NET", "Win", "MSIL", "windows"},
    {"W97M", "Word 97 macro", "Doc", "W97M", "windows"},
    {"X97M", "Excel 97 macro", "Xls", "X97M", "windows"},
    {"PP97M", "PowerPoint 97 macro", "Ppt", "PP97M", "windows"},
    {"O97M", "Office 97 macro", "Doc", "O97M", "windows"},
    {"A97M", "Access 97 macro", "Doc", "A97M", "windows"},
    {"WM", "Word 6 and 95 macro", "Doc", "WM", "windows"},
    {"XM", "Excel 5 and 95 macro", "Xls", "XM", "windows"},
    {"XF", "Excel formula", "Xls", "XF", "windows"},
    {"VBS", "VBScript", "Vbs", "VBS", "windows"},
    {"JS", "JavaScript", "Js", "JS", ""},
    {"BAT", "batch file", "Bat", "BAT", "windows"},
    {"PS", "PowerShell", "Ps1", "PowerShell", "windows"},
    {"HTML", "HTML", "Html", "HTML", ""},
    {"HTA", "HTML application", "Html", "HTML", "windows"},
    {"PHP", "PHP", "Php", "PHP", ""},
    {"PDF", "PDF", "Pdf", "PDF", ""},
    {"SWF", "Flash", "Swf", "SWF", ""},
    {"JV", "Java", "Java", "Java", ""},
    {"IRC", "mIRC and other IRC scripts", "Irc", "IRC", "windows"},
    {"INF", "setup information file", "Inf", "INF", "windows"},
    {"REG", "registry file", "Win", "WinREG", "windows"},
    {"Linux", "Linux", "Unix", "Linux", "linux"},
    {"Unix", "Unix", "Unix", "Unix", "linux"},
    {"OSX", "macOS", "Osx", "MacOS", "macos"},
    {"Android", "Android", "Andr", "AndroidOS", "android"},
    {"SymbOS", "Symbian", "Symbos", "SymbOS", ""},
    {"DOS", "DOS", "Dos", "DOS", ""},
    {"Boot", "boot sector", "Boot", "DOS", ""},
};
const size_t kj_platform_count = KJ_COUNT(kj_platforms);

static const char *const types[] = {"virus",   "trojan", "dropper", "intended", "kit",
                                    "garbage", "pua",    "joke",    "test"};

static const char *const components[] = {"dr",  "dll", "dam", "hta", "zip",  "cfg",
                                         "src", "ini", "reg", "kit", "worm", "ldr",
                                         "pak", "rtk", "inf", "bat", "vbs",  "js"};

/* A name being read; `text` becomes canonical on the way. */
struct cursor {
    char *text;
    size_t len;
    size_t pos;
    kj_error *err;
};

const kj_platform *kj_platform_find(kj_span name)
{
    for (size_t i = 0; i < kj_platform_count; i++)
        if (kj_text_equal_nocase(name, kj_span_str(kj_platforms[i].name)))
            return &kj_platforms[i];
    return NULL;
}

static bool is_one_of(kj_span word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (kj_text_equal_nocase(word, kj_span_str(words[i])))
            return true;
    return false;
}

static bool is_word_byte(unsigned c)
{
    return kj_is_alnum(c) || c == '_' || c == '-';
}

static kj_span rest(const struct cursor *c)
{
    return kj_span_of(c->text + c->pos, c->len - c->pos);
}

static bool at(const struct cursor *c, char mark)
{
    return c->pos < c->len && c->text[c->pos] == mark;
}

static kj_span read_word(struct cursor *c)
{
    size_t start = c->pos;
    while (c->pos < c->len && is_word_byte((uint8_t)c->text[c->pos]))
        c->pos++;
    return kj_span_of(c->text + start, c->pos - start);
}

static void lower(struct cursor *c, size_t start)
{
    for (size_t i = start; i < c->pos; i++)
        c->text[i] = (char)kj_lower((uint8_t)c->text[i]);
}

static size_t count_while(kj_span word, size_t from, bool (*is)(unsigned))
{
    size_t i = from;
    while (i < word.len && is(word.data[i]))
        i++;
    return i - from;
}

/* A number as names write it: no sign, no leading zero. */
static bool parse_number(kj_span digits, size_t most, uint32_t *out)
{
    uint64_t value;
    if (digits.len == 0 || digits.len > most || digits.data[0] == '0' ||
        !kj_text_to_u64(digits, &value))
        return false;
    *out = (uint32_t)value;
    return true;
}

static kj_status read_type(struct cursor *c, kj_name *out)
{
    size_t end = kj_span_find(rest(c), kj_span_str("://"), 0);
    if (end == SIZE_MAX)
        return KJ_OK;
    kj_span type = read_word(c);
    if (type.len != end || !is_one_of(type, types, KJ_COUNT(types)))
        return kj_fail(c->err, KJ_MALFORMED, 0, "'%.*s' is no type of malware", (int)end, c->text);
    lower(c, 0);
    out->type = type;
    c->pos += 3;
    return KJ_OK;
}

static kj_status read_platform(struct cursor *c, kj_name *out)
{
    size_t start = c->pos;
    size_t end = kj_span_find(rest(c), kj_span_str("/"), 0);
    if (end == SIZE_MAX)
        return KJ_OK;
    kj_span word = kj_span_of(c->text + start, end);
    const kj_platform *platform = kj_platform_find(word);
    if (!platform)
        return kj_fail(c->err, KJ_MALFORMED, start, "'%.*s' is no known platform", (int)word.len,
                       (const char *)word.data);
    memcpy(c->text + start, platform->name, word.len);
    out->platform = word;
    c->pos = start + end + 1;
    return KJ_OK;
}

static kj_status read_family(struct cursor *c, kj_name *out)
{
    size_t start = c->pos;
    out->family = read_word(c);
    if (out->family.len == 0 || !kj_is_alnum(out->family.data[0]))
        return kj_fail(c->err, KJ_MALFORMED, start,
                       "a family name that begins with a letter or digit is missing");
    return KJ_OK;
}

/* `gen` was read; takes a number that follows it into the same part. */
static void read_generic_number(struct cursor *c, kj_part *part)
{
    if (!at(c, '.'))
        return;
    struct cursor ahead = *c;
    ahead.pos++;
    kj_span digits = read_word(&ahead);
    if (!parse_number(digits, LENGTH_DIGITS, &part->number))
        return;
    c->pos = ahead.pos;
    part->text.len += 1 + digits.len;
}

static bool parse_variant(kj_span word, uint32_t *out)
{
    size_t letters = count_while(word, 0, kj_is_alpha);
    size_t digits = word.len - letters;
    uint32_t ignored, value = 0;
    if (letters == 0 || letters > VARIANT_LETTERS)
        return false;
    if (digits && !parse_number(kj_span_sub(word, letters, digits), VARIANT_DIGITS, &ignored))
        return false;
    for (size_t i = 0; i < letters; i++)
        value = value * 26 + (kj_lower(word.data[i]) - (uint32_t)'a' + 1);
    *out = value;
    return true;
}

static kj_status read_part(struct cursor *c, kj_part *part)
{
    size_t start = c->pos;
    part->text = read_word(c);
    if (kj_text_equal_nocase(part->text, kj_span_str("gen"))) {
        part->kind = KJ_PART_GENERIC;
        read_generic_number(c, part);
    } else if (is_one_of(part->text, components, KJ_COUNT(components))) {
        part->kind = KJ_PART_COMPONENT;
    } else if (parse_number(part->text, LENGTH_DIGITS, &part->number)) {
        part->kind = KJ_PART_LENGTH;
    } else if (parse_variant(part->text, &part->number)) {
        part->kind = KJ_PART_VARIANT;
    } else {
        return kj_fail(c->err, KJ_MALFORMED, start,
                       "'%.*s' is neither gen, a component, a length nor a variant",
                       (int)part->text.len, (const char *)part->text.data);
    }
    lower(c, start);
    return KJ_OK;
}

static bool has_part(const kj_name *name, kj_part_kind kind)
{
    for (size_t i = 0; i < name->part_count; i++)
        if (name->parts[i].kind == kind)
            return true;
    return false;
}

static kj_status read_parts(struct cursor *c, kj_name *out)
{
    while (at(c, '.')) {
        size_t start = c->pos++;
        kj_part part = {0};
        if (out->part_count == KJ_NAME_PARTS)
            return kj_fail(c->err, KJ_MALFORMED, start, "more than %d parts", KJ_NAME_PARTS);
        KJ_TRY(read_part(c, &part));
        bool once = part.kind == KJ_PART_GENERIC || part.kind == KJ_PART_LENGTH;
        if (once && has_part(out, part.kind))
            return kj_fail(c->err, KJ_MALFORMED, start, "a second '%.*s'", (int)part.text.len,
                           (const char *)part.text.data);
        out->parts[out->part_count++] = part;
    }
    return KJ_OK;
}

static bool accept_locale(char *word, size_t len)
{
    if (len < LOCALE_MIN || len > LOCALE_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!kj_is_alpha((uint8_t)word[i]) && word[i] != '-')
            return false;
        word[i] = (char)kj_lower((uint8_t)word[i]);
    }
    return true;
}

static bool accept_mailer(char *word, size_t len)
{
    if (len < 1 || len > 2)
        return false;
    for (size_t i = 0; i < len; i++) {
        word[i] = (char)kj_upper((uint8_t)word[i]);
        if (word[i] != 'M')
            return false;
    }
    return true;
}

static bool accept_any(char *word, size_t len)
{
    (void)word;
    return len > 0;
}

/* What may follow the parts, in this order, each at most once. */
static const struct suffix {
    char mark;
    size_t member; /* a kj_span of kj_name */
    bool (*accept)(char *word, size_t len);
    const char *want;
} suffixes[] = {
    {':', offsetof(kj_name, locale), accept_locale, "a locale of 2 to 8 letters"},
    {'#', offsetof(kj_name, packer), accept_any, "the name of a packer"},
    {'@', offsetof(kj_name, mailer), accept_mailer, "M or MM"},
    {'!', offsetof(kj_name, comment), accept_any, "a comment"},
};

static kj_span *suffix_of(kj_name *name, const struct suffix *suffix)
{
    return (kj_span *)(void *)((char *)name + suffix->member);
}

static kj_status read_suffix(struct cursor *c, const struct suffix *suffix, kj_name *out)
{
    if (!at(c, suffix->mark))
        return KJ_OK;
    size_t start = ++c->pos;
    kj_span word = read_word(c);
    if (!suffix->accept(c->text + start, word.len))
        return kj_fail(c->err, KJ_MALFORMED, start, "after '%c' comes %s", suffix->mark,
                       suffix->want);
    *suffix_of(out, suffix) = word;
    return KJ_OK;
}

static kj_status check_bytes(kj_span text, kj_error *err)
{
    if (text.len == 0)
        return kj_fail(err, KJ_MALFORMED, 0, "the name is empty");
    if (text.len > KJ_NAME_MAX)
        return kj_fail(err, KJ_MALFORMED, KJ_NAME_MAX, "a name has at most %d bytes", KJ_NAME_MAX);
    for (size_t i = 0; i < text.len; i++)
        if (!is_word_byte(text.data[i]) && !(text.data[i] && strchr("./:#@!", text.data[i])))
            return kj_fail(err, KJ_MALFORMED, i,
                           "a name has letters, digits and . / : # @ ! _ - only");
    return KJ_OK;
}

/* Parses `len` bytes of `text`, which check_bytes() let pass, and makes them canonical. */
static kj_status parse_in_place(char *text, size_t len, kj_name *out, kj_error *err)
{
    struct cursor c = {.text = text, .len = len, .err = err};
    *out = (kj_name){0};
    KJ_TRY(read_type(&c, out));
    KJ_TRY(read_platform(&c, out));
    KJ_TRY(read_family(&c, out));
    KJ_TRY(read_parts(&c, out));
    for (size_t i = 0; i < KJ_COUNT(suffixes); i++)
        KJ_TRY(read_suffix(&c, &suffixes[i], out));
    if (c.pos < c.len)
        return kj_fail(err, KJ_MALFORMED, c.pos, "unexpected '%c'", c.text[c.pos]);
    return KJ_OK;
}

kj_status kj_name_parse(kj_arena *arena, kj_span text, kj_name *out, kj_error *err)
{
    kj_name name;
    KJ_TRY(check_bytes(text, err));
    char *copy = kj_arena_text(arena, text);
    if (!copy)
        return kj_fail(err, KJ_NO_MEMORY, KJ_NO_OFFSET, "out of memory");
    KJ_TRY(parse_in_place(copy, text.len, &name, err));
    *out = name;
    return KJ_OK;
}

/* ---- printing ---------------------------------------------------------------------------- */

static void put(char *out, size_t *len, const char *before, kj_span word, const char *after)
{
    const kj_span pieces[] = {kj_span_str(before), word, kj_span_str(after)};
    for (size_t i = 0; word.len && i < KJ_COUNT(pieces); i++) {
        if (pieces[i].len)
            memcpy(out + *len, pieces[i].data, pieces[i].len);
        *len += pieces[i].len;
    }
}

static size_t printed_len(const kj_name *name)
{
    size_t len = name->type.len + 3 + name->platform.len + 1 + name->family.len;
    for (size_t i = 0; i < name->part_count; i++)
        len += 1 + name->parts[i].text.len;
    return len + name->locale.len + name->packer.len + name->mailer.len + name->comment.len +
           KJ_COUNT(suffixes);
}

char *kj_name_print(kj_arena *arena, const kj_name *name)
{
    char *out = kj_arena_alloc(arena, printed_len(name) + 1);
    size_t len = 0;
    if (!out)
        return NULL;
    put(out, &len, "", name->type, "://");
    put(out, &len, "", name->platform, "/");
    put(out, &len, "", name->family, "");
    for (size_t i = 0; i < name->part_count; i++)
        put(out, &len, ".", name->parts[i].text, "");
    kj_name copy = *name;
    for (size_t i = 0; i < KJ_COUNT(suffixes); i++)
        put(out, &len, (char[]){suffixes[i].mark, '\0'}, *suffix_of(&copy, &suffixes[i]), "");
    return out;
}

/* ---- ranking ----------------------------------------------------------------------------- */

enum {
    RANK_NONE,
    RANK_FAMILY,
    RANK_GENERIC,
    RANK_COMPONENT,
    RANK_VARIANT,
    RANK_STEP = 16 /* more than a name has parts and suffixes */
};

static unsigned rank_level(const kj_name *name)
{
    if (has_part(name, KJ_PART_GENERIC))
        return RANK_GENERIC; /* whatever else it says: W32/Sdbot.worm.gen.h */
    if (has_part(name, KJ_PART_VARIANT) || has_part(name, KJ_PART_LENGTH))
        return RANK_VARIANT;
    return name->part_count ? RANK_COMPONENT : RANK_FAMILY;
}

unsigned kj_name_rank(kj_span text)
{
    char copy[KJ_NAME_MAX];
    kj_name name;
    if (check_bytes(text, NULL) != KJ_OK)
        return RANK_NONE;
    memcpy(copy, text.data, text.len);
    if (parse_in_place(copy, text.len, &name, NULL) != KJ_OK)
        return RANK_NONE;
    unsigned details = (unsigned)name.part_count + (name.locale.len > 0) + (name.packer.len > 0) +
                       (name.mailer.len > 0) + (name.comment.len > 0);
    return rank_level(&name) * RANK_STEP + details;
}
