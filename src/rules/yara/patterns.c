/* SPDX-License-Identifier: Apache-2.0 */
/* The strings section: `$name = literal modifiers`. */
#include "rules/yara/compiler.h"

#include "base/arith.h"
#include "base/text.h"

enum {
    ANY_BASE64 = KJ_MOD_BASE64 | KJ_MOD_BASE64_WIDE,
    FOR_TEXT = KJ_MOD_NOCASE | KJ_MOD_ASCII | KJ_MOD_WIDE | KJ_MOD_FULLWORD | KJ_MOD_PRIVATE |
               KJ_MOD_XOR | ANY_BASE64,
    FOR_REGEX = KJ_MOD_NOCASE | KJ_MOD_ASCII | KJ_MOD_WIDE | KJ_MOD_FULLWORD | KJ_MOD_PRIVATE,
};

static const uint32_t allowed[KJ_PATTERN_KIND_COUNT] = {
    [KJ_PATTERN_TEXT] = FOR_TEXT,
    [KJ_PATTERN_HEX] = KJ_MOD_PRIVATE,
    [KJ_PATTERN_REGEX] = FOR_REGEX,
};

static const char standard_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static const char *const kind_names[KJ_PATTERN_KIND_COUNT] = {
    [KJ_PATTERN_TEXT] = "text strings",
    [KJ_PATTERN_HEX] = "hex strings",
    [KJ_PATTERN_REGEX] = "regular expressions",
};

static bool read_xor(kj_yara_compiler *c, kj_pattern *pattern, uint32_t modifier);
static bool read_alphabet(kj_yara_compiler *c, kj_pattern *pattern, uint32_t modifier);

static const struct {
    kj_tok token;
    uint32_t modifier;
    /* Reads what stands in parentheses behind it; NULL: nothing may. */
    bool (*read_argument)(kj_yara_compiler *c, kj_pattern *pattern, uint32_t modifier);
} modifiers[] = {
    {KJ_TOK_NOCASE, KJ_MOD_NOCASE, NULL},
    {KJ_TOK_ASCII, KJ_MOD_ASCII, NULL},
    {KJ_TOK_WIDE, KJ_MOD_WIDE, NULL},
    {KJ_TOK_FULLWORD, KJ_MOD_FULLWORD, NULL},
    {KJ_TOK_PRIVATE, KJ_MOD_PRIVATE, NULL},
    {KJ_TOK_XOR, KJ_MOD_XOR, read_xor},
    {KJ_TOK_BASE64, KJ_MOD_BASE64, read_alphabet},
    {KJ_TOK_BASE64WIDE, KJ_MOD_BASE64_WIDE, read_alphabet},
};

static const struct {
    uint32_t one;
    uint32_t other;
    const char *names;
} conflicts[] = {
    {KJ_MOD_XOR, KJ_MOD_NOCASE, "xor and nocase"},
    {ANY_BASE64, KJ_MOD_NOCASE, "base64 and nocase"},
    {ANY_BASE64, KJ_MOD_FULLWORD, "base64 and fullword"},
    {ANY_BASE64, KJ_MOD_XOR, "base64 and xor"},
};

/* ---- text literals ------------------------------------------------------------------------- */

/* The length of the escape at `text[at]`, its byte in *out; 0 when there is no such escape. */
static size_t read_escape(kj_span text, size_t at, uint8_t *out)
{
    static const char letters[] = "trn\"\\", values[] = "\t\r\n\"\\";
    unsigned letter = at + 1 < text.len ? text.data[at + 1] : 0;
    const char *found = letter ? memchr(letters, (int)letter, sizeof letters - 1) : NULL;
    if (found) {
        *out = (uint8_t)values[found - letters];
        return 2;
    }
    if (letter != 'x' || text.len - at < 4 || kj_hex_digit(text.data[at + 2]) < 0 ||
        kj_hex_digit(text.data[at + 3]) < 0)
        return 0;
    *out = (uint8_t)(kj_hex_digit(text.data[at + 2]) << 4 | kj_hex_digit(text.data[at + 3]));
    return 4;
}

bool kj_yara_read_text(kj_yara_compiler *c, kj_token token, kj_span *out)
{
    kj_span text = kj_span_sub(token.text, 1, token.text.len - 2);
    *out = text;
    if (!text.len || !memchr(text.data, '\\', text.len))
        return true;
    uint8_t *bytes = kj_arena_alloc_raw(&c->ir->arena, text.len);
    if (!bytes) {
        kj_yara_no_memory(c);
        return false;
    }
    bool ok = true;
    size_t len = 0;
    for (size_t i = 0; i < text.len;) {
        uint8_t byte = text.data[i];
        size_t step = byte == '\\' ? read_escape(text, i, &byte) : 1;
        if (!step) {
            kj_yara_error(c, token.offset + 1 + i, 2,
                          "escapes are \\t \\r \\n \\\" \\\\ and \\xHH; write \\\\ for a backslash",
                          "illegal escape sequence");
            ok = false;
            step = 2;
        }
        bytes[len++] = byte;
        i += step;
    }
    *out = kj_span_of(bytes, len);
    return ok;
}

/* ---- modifiers ----------------------------------------------------------------------------- */

static bool read_key(kj_yara_compiler *c, uint8_t *out)
{
    int64_t value;
    if (c->token.kind != KJ_TOK_INTEGER) {
        kj_yara_unexpected(c, "a key from 0 to 255");
        return false;
    }
    if (!kj_token_integer(c->token.text, &value) || value > 255) {
        kj_yara_error_at(c, c->token, NULL, "a key of xor is a byte: 0 to 255");
        return false;
    }
    *out = (uint8_t)value;
    kj_yara_advance(c);
    return true;
}

static bool read_xor(kj_yara_compiler *c, kj_pattern *pattern, uint32_t modifier)
{
    (void)modifier;
    kj_token first = c->token;
    if (!read_key(c, &pattern->xor_min))
        return false;
    pattern->xor_max = pattern->xor_min;
    if (kj_yara_accept(c, KJ_TOK_MINUS) && !read_key(c, &pattern->xor_max))
        return false;
    if (pattern->xor_max < pattern->xor_min) {
        kj_yara_error(c, first.offset, c->last_end - first.offset, NULL,
                      "the lower key of xor comes first");
        return false;
    }
    return true;
}

/* `base64` and `base64wide` of one string have the same alphabet; the standard one is one, too. */
static bool set_alphabet(kj_yara_compiler *c, kj_pattern *pattern, kj_token token, kj_span alphabet)
{
    const char *other = pattern->alphabet ? pattern->alphabet : standard_alphabet;
    bool has_other = (pattern->modifiers & ANY_BASE64) == ANY_BASE64;
    if (has_other && memcmp(other, alphabet.data, 64) != 0) {
        kj_yara_error_at(c, token, NULL, "base64 and base64wide of a string share one alphabet");
        return false;
    }
    if (kj_span_is(alphabet, standard_alphabet))
        return true;
    pattern->alphabet = kj_arena_text(&c->ir->arena, alphabet);
    if (!pattern->alphabet)
        kj_yara_no_memory(c);
    return pattern->alphabet != NULL;
}

static bool read_alphabet(kj_yara_compiler *c, kj_pattern *pattern, uint32_t modifier)
{
    (void)modifier;
    kj_token token = c->token;
    kj_span alphabet;
    if (token.kind != KJ_TOK_TEXT) {
        kj_yara_unexpected(c, "an alphabet of 64 characters in quotes");
        return false;
    }
    if (!kj_yara_read_text(c, token, &alphabet))
        return false;
    if (alphabet.len != 64) {
        kj_yara_error_at(c, token, NULL, "an alphabet has 64 characters, this one %zu",
                         alphabet.len);
        return false;
    }
    kj_yara_advance(c);
    return set_alphabet(c, pattern, token, alphabet);
}

static size_t find_modifier(kj_tok kind)
{
    size_t i = 0;
    while (i < KJ_COUNT(modifiers) && modifiers[i].token != kind)
        i++;
    return i;
}

static bool read_modifier(kj_yara_compiler *c, kj_pattern *pattern, size_t which)
{
    kj_token token = c->token;
    uint32_t modifier = modifiers[which].modifier;
    if (!(allowed[pattern->kind] & modifier)) {
        kj_yara_error_at(c, token, NULL, "%s cannot be %s", kind_names[pattern->kind],
                         kj_tok_name(token.kind));
        return false;
    }
    if (pattern->modifiers & modifier) {
        kj_yara_error_at(c, token, NULL, "%s stands here twice", kj_tok_name(token.kind));
        return false;
    }
    pattern->modifiers |= modifier;
    kj_yara_advance(c);
    if (!modifiers[which].read_argument)
        return true;
    if (!kj_yara_accept(c, KJ_TOK_OPEN))
        return !(modifier & ANY_BASE64) ||
               set_alphabet(c, pattern, token, kj_span_str(standard_alphabet));
    return modifiers[which].read_argument(c, pattern, modifier) &&
           kj_yara_expect(c, KJ_TOK_CLOSE, "the modifier's value");
}

static bool read_modifiers(kj_yara_compiler *c, kj_pattern *pattern, size_t start)
{
    pattern->xor_max = 255;
    for (size_t i; (i = find_modifier(c->token.kind)) < KJ_COUNT(modifiers);)
        if (!read_modifier(c, pattern, i))
            return false;
    for (size_t i = 0; i < KJ_COUNT(conflicts); i++) {
        if ((pattern->modifiers & conflicts[i].one) && (pattern->modifiers & conflicts[i].other)) {
            kj_yara_error(c, start, c->last_end - start, NULL, "%s exclude each other",
                          conflicts[i].names);
            return false;
        }
    }
    if (!(pattern->modifiers & KJ_MOD_XOR))
        pattern->xor_max = 0;
    if (!(pattern->modifiers & (KJ_MOD_WIDE | ANY_BASE64)))
        pattern->modifiers |= KJ_MOD_ASCII;
    return true;
}

/* ---- declarations -------------------------------------------------------------------------- */

static bool read_literal_text(kj_yara_compiler *c, kj_pattern *pattern)
{
    kj_token token = c->token;
    bool ok = kj_yara_read_text(c, token, &pattern->text);
    kj_yara_advance(c);
    if (ok && pattern->text.len == 0) {
        kj_yara_error_at(c, token, NULL, "an empty string would match everywhere");
        return false;
    }
    if (!ok || !read_modifiers(c, pattern, token.offset))
        return false;
    if (c->options->strict && (pattern->modifiers & ANY_BASE64) && pattern->text.len < 3) {
        kj_yara_error_at(c, token, NULL, "base64 takes strings of 3 bytes or more");
        return false;
    }
    return true;
}

static bool read_literal_hex(kj_yara_compiler *c, kj_pattern *pattern)
{
    size_t start = c->token.offset, len;
    pattern->re = kj_yara_read_hex(c, start, &len);
    c->lexer.pos = start + len;
    kj_yara_advance(c);
    c->last_end = start + len;
    return pattern->re && read_modifiers(c, pattern, start);
}

/* Whether the empty text is among the matches. */
static bool matches_empty(const kj_re *re)
{
    bool all = true, any = re->count == 0;
    for (size_t i = 0; i < re->count; i++) {
        bool empty = matches_empty(re->children[i]);
        all &= empty;
        any |= empty;
    }
    switch (re->op) {
    case KJ_RE_CLASS:
        return false;
    case KJ_RE_CONCAT:
        return all;
    case KJ_RE_ALT:
        return any;
    case KJ_RE_REPEAT:
        return re->min == 0 || all;
    default:
        return true;
    }
}

/* The modifiers come after the expression and decide how it is read. */
static bool read_literal_regex(kj_yara_compiler *c, kj_pattern *pattern)
{
    kj_token token = c->token;
    kj_yara_advance(c);
    if (!read_modifiers(c, pattern, token.offset))
        return false;
    pattern->re = kj_yara_read_regex(c, token, pattern->modifiers & KJ_MOD_NOCASE, false);
    if (pattern->re && kj_yara_has_endless_dot(c, pattern->re))
        kj_yara_warn(c, token.offset, token.text.len, "write .{0,N} with the largest N that may be",
                     "'.' is repeated without end");
    if (pattern->re && c->options->strict && matches_empty(pattern->re)) {
        kj_yara_error_at(c, token, NULL, "this may match nothing at all, which is everywhere");
        return false;
    }
    return pattern->re != NULL;
}

static const struct {
    kj_tok token;
    kj_pattern_kind kind;
    bool (*read)(kj_yara_compiler *c, kj_pattern *pattern);
} literals[] = {
    {KJ_TOK_TEXT, KJ_PATTERN_TEXT, read_literal_text},
    {KJ_TOK_OPEN_BRACE, KJ_PATTERN_HEX, read_literal_hex},
    {KJ_TOK_REGEX, KJ_PATTERN_REGEX, read_literal_regex},
};

static bool read_literal(kj_yara_compiler *c, kj_pattern *pattern)
{
    size_t start = c->token.offset;
    for (size_t i = 0; i < KJ_COUNT(literals); i++) {
        if (literals[i].token != c->token.kind)
            continue;
        pattern->kind = literals[i].kind;
        if (!literals[i].read(c, pattern))
            return false;
        pattern->source = kj_span_sub(c->source->text, start, c->last_end - start);
        return true;
    }
    kj_yara_unexpected(c, "\"text\", { hex } or /regex/");
    return false;
}

static bool add_pattern(kj_yara_compiler *c, const kj_pattern *pattern)
{
    if (kj_vec_add(&c->ir->patterns, *pattern) && kj_vec_push(&c->used))
        return true;
    kj_yara_no_memory(c);
    return false;
}

/* The name is taken even when its literal is wrong, so that the condition may speak of it. */
static bool add_name(kj_yara_compiler *c, kj_token token)
{
    if (c->ir->patterns.count - c->first_pattern >= KJ_YARA_MAX_PATTERNS) {
        kj_yara_error_at(c, token, NULL, "a rule has at most %d strings", KJ_YARA_MAX_PATTERNS);
        return false;
    }
    if (token.text.len > KJ_YARA_MAX_IDENTIFIER + 1) {
        kj_yara_error_at(c, token, NULL, "an identifier has at most %d characters",
                         KJ_YARA_MAX_IDENTIFIER);
        return true;
    }
    if (token.text.len == 1)
        return true;
    if (kj_names_find(&c->pattern_names, token.text)) {
        kj_yara_error_at(c, token, NULL, "%.*s stands here twice", (int)token.text.len,
                         (const char *)token.text.data);
        return true;
    }
    if (kj_names_add(&c->pattern_names, token.text, (uint32_t)c->ir->patterns.count))
        return true;
    kj_yara_no_memory(c);
    return false;
}

bool kj_yara_read_pattern(kj_yara_compiler *c)
{
    kj_token name = c->token;
    kj_yara_advance(c);
    kj_pattern pattern = {.identifier = name.text};
    size_t errors = c->ir->diags.errors;
    if (!kj_yara_expect(c, KJ_TOK_ASSIGN, "the string's identifier") || !add_name(c, name))
        return false;
    bool ok = read_literal(c, &pattern);
    if (ok)
        kj_yara_lint_pattern(c, &pattern);
    if (!add_pattern(c, &pattern))
        return false;
    /* Of one that is wrong nobody wants to hear that it is not used, too. */
    c->used.items[c->used.count - 1] = c->ir->diags.errors != errors;
    return ok;
}

uint32_t kj_yara_add_regex(kj_yara_compiler *c, kj_token token)
{
    kj_pattern pattern = {.kind = KJ_PATTERN_REGEX,
                          .modifiers = KJ_MOD_ASCII,
                          .re = kj_yara_read_regex(c, token, false, true),
                          .source = token.text};
    uint32_t index = (uint32_t)c->ir->patterns.count;
    if (!pattern.re || !add_pattern(c, &pattern))
        return KJ_NONE;
    c->used.items[index - c->first_pattern] = true;
    return index;
}
