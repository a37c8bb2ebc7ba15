/* SPDX-License-Identifier: Apache-2.0 */
/* The layout of rules:
 *
 *     import "pe"
 *
 *     private rule name : tag {
 *         meta:
 *             author = "A. Uthor"
 *         strings:
 *             $a = "text" ascii wide
 *             $b = { 4D 5A [2-4] ( 00 | 01 ) }
 *         condition:
 *             $a and
 *             (
 *                 #b > 3 or
 *                 pe.is_dll()
 *             )
 *     }
 *
 * Nothing changes but the blanks between tokens. Comments stay where they are, before, behind or
 * between; where the author broke a line of a condition or a hex string, there it stays broken; of
 * empty lines in a row one is kept, and rules are one apart. Laying out the result again changes
 * nothing. */
#include "cmd/yara.h"

#include "base/arith.h"
#include "base/text.h"
#include "rules/yara/lexer.h"

enum { INDENT = 4, DEPTH_MAX = 16 };

/* How many of the author's empty lines stay. */
typedef enum blank { BLANK_NONE, BLANK_KEEP, BLANK_ONE } blank;

/* Where the next token goes. */
typedef struct placing {
    enum { LINE_SAME, LINE_NEW, LINE_AUTHOR } line;
    bool space; /* before it, on the same line */
    unsigned level;
    unsigned comment_level; /* of comments before it that have lines of their own */
    blank first;            /* before the first of its lines, comments included */
    blank last;             /* before the token's own line */
} placing;

typedef struct formatter {
    kj_lexer lexer;
    kj_token token;
    size_t gap; /* where the blanks and comments before the token begin */
    kj_buf *out;
    kj_error *err;
    unsigned parens; /* that are open in the condition */
} formatter;

/* ---- tokens
 * ------------------------------------------------------------------------------------------ */

static void advance(formatter *f)
{
    f->gap = f->lexer.pos;
    f->token = kj_lexer_next(&f->lexer);
}

static kj_tok peek(const formatter *f)
{
    kj_lexer ahead = f->lexer;
    return kj_lexer_next(&ahead).kind;
}

static kj_status unexpected(const formatter *f, const char *wanted)
{
    if (f->token.kind == KJ_TOK_BAD)
        return kj_fail(f->err, KJ_MALFORMED, f->token.offset, "%s", f->token.problem);
    return kj_fail(f->err, KJ_MALFORMED, f->token.offset, "expected %s, found %s", wanted,
                   kj_tok_name(f->token.kind));
}

/* ---- lines
 * ------------------------------------------------------------------------------------------- */

static void begin_line(formatter *f, bool empty_line, unsigned level)
{
    if (f->out->len) {
        kj_buf_put_byte(f->out, '\n');
        if (empty_line)
            kj_buf_put_byte(f->out, '\n');
    }
    for (unsigned i = 0; i < kj_min_size(level, DEPTH_MAX) * INDENT; i++)
        kj_buf_put_byte(f->out, ' ');
}

/* A comment as it is, without blanks at the ends of its lines. */
static void put_comment(kj_span text, kj_buf *out)
{
    while (text.len) {
        size_t len = kj_min_size(kj_span_find(text, kj_span_str("\n"), 0), text.len), end = len;
        while (end && kj_is_space(text.data[end - 1]))
            end--;
        kj_buf_put(out, kj_span_sub(text, 0, end));
        if (len < text.len)
            kj_buf_put_byte(out, '\n');
        text = kj_span_sub(text, len + 1, SIZE_MAX);
    }
}

static size_t comment_len(kj_span gap, size_t at)
{
    bool is_line = gap.data[at + 1] == '/';
    size_t end = kj_span_find(gap, kj_span_str(is_line ? "\n" : "*/"), at + 2);
    return end == SIZE_MAX ? gap.len - at : end - at + (is_line ? 0 : 2);
}

static unsigned skip_blanks(kj_span gap, size_t *at)
{
    unsigned newlines = 0;
    for (; *at < gap.len && gap.data[*at] != '/'; (*at)++)
        newlines += gap.data[*at] == '\n';
    return newlines;
}

static bool wants_empty_line(blank policy, unsigned newlines)
{
    return policy == BLANK_ONE || (policy == BLANK_KEEP && newlines > 1);
}

/* Writes the comments before the token, and puts the cursor where the token goes. */
static void place(formatter *f, placing how)
{
    kj_span gap = kj_span_sub(f->lexer.in, f->gap, f->token.offset - f->gap);
    bool must_break = false, commented = false;
    blank policy = how.first;
    unsigned newlines;
    size_t at = 0;
    while ((newlines = skip_blanks(gap, &at)), at + 1 < gap.len) {
        size_t len = comment_len(gap, at);
        if (newlines || f->out->len == 0) {
            begin_line(f, wants_empty_line(policy, newlines), how.comment_level);
            policy = BLANK_KEEP;
        } else {
            kj_buf_put_byte(f->out, ' ');
        }
        put_comment(kj_span_sub(gap, at, len), f->out);
        must_break = gap.data[at + 1] == '/';
        commented = true;
        at += len;
    }
    if (f->token.kind == KJ_TOK_END)
        return;
    if (how.last == BLANK_NONE)
        policy = BLANK_NONE;
    if (how.line == LINE_NEW || must_break || (how.line == LINE_AUTHOR && newlines))
        begin_line(f, wants_empty_line(policy, newlines), how.level);
    else if (how.space || commented)
        kj_buf_put_byte(f->out, ' ');
}

static void put(formatter *f, placing how)
{
    place(f, how);
    kj_buf_put(f->out, f->token.text);
    advance(f);
}

/* On the same line; what a comment breaks off goes one deeper than `level`. */
static void put_on(formatter *f, bool space, unsigned level)
{
    put(f, (placing){.space = space, .level = level + 1, .comment_level = level + 1});
}

static kj_status expect_on(formatter *f, kj_tok kind, bool space, unsigned level)
{
    if (f->token.kind != kind)
        return unexpected(f, kj_tok_name(kind));
    put_on(f, space, level);
    return KJ_OK;
}

/* ---- strings
 * ----------------------------------------------------------------------------------------- */

/* The length of the hex string that begins at the token, braces included; 0: it does not end. */
static size_t hex_len(const formatter *f)
{
    kj_span text = kj_span_sub(f->lexer.in, f->token.offset, SIZE_MAX);
    for (size_t i = 1; i < text.len; i++) {
        if (text.data[i] == '}')
            return i + 1;
        bool comment = text.data[i] == '/' && i + 1 < text.len &&
                       (text.data[i + 1] == '/' || text.data[i + 1] == '*');
        if (comment)
            i += comment_len(text, i) - 1;
    }
    return 0;
}

static size_t span_of_any(kj_span text, size_t at, const char *set)
{
    size_t len = 0;
    while (at + len < text.len && text.data[at + len] && strchr(set, text.data[at + len]))
        len++;
    return len;
}

/* The length of a hex string's token: a jump, a sign, a run of bytes. Blanks in a jump are in it.
 * 0: there is none. */
static size_t hex_token_len(kj_span text, size_t at)
{
    if (span_of_any(text, at, "()|}"))
        return 1;
    if (text.data[at] != '[')
        return span_of_any(text, at, "0123456789abcdefABCDEF?~");
    size_t len = 1 + span_of_any(text, at + 1, "0123456789- \t\r\n");
    return at + len < text.len && text.data[at + len] == ']' ? len + 1 : 0;
}

static void put_hex_token(kj_span token, kj_buf *out)
{
    for (size_t i = 0; i < token.len; i++)
        if (!kj_is_space(token.data[i]))
            kj_buf_put_byte(out, token.data[i]);
}

/* The braces and what is between them. The lexer goes on behind. */
static kj_status put_hex(formatter *f)
{
    size_t len = hex_len(f);
    if (len == 0)
        return kj_fail(f->err, KJ_MALFORMED, f->token.offset, "a hex string that does not end");
    kj_span text = kj_span_sub(f->lexer.in, f->token.offset, len);
    place(f, (placing){.space = true, .level = 3, .comment_level = 3});
    kj_buf_put_byte(f->out, '{');
    bool must_break = false;
    for (size_t at = 1; at < len;) {
        unsigned newlines = 0;
        for (; at < len && kj_is_space(text.data[at]); at++)
            newlines += text.data[at] == '\n';
        bool is_comment = text.data[at] == '/' && at + 1 < len;
        if (newlines || must_break)
            begin_line(f, false, at + 1 == len ? 2 : 3);
        else
            kj_buf_put_byte(f->out, ' ');
        must_break = is_comment && text.data[at + 1] == '/';
        size_t step = is_comment ? comment_len(text, at) : hex_token_len(text, at);
        if (step == 0)
            return kj_fail(f->err, KJ_MALFORMED, f->token.offset + at, "no part of a hex string");
        if (is_comment)
            put_comment(kj_span_sub(text, at, step), f->out);
        else
            put_hex_token(kj_span_sub(text, at, step), f->out);
        at += step;
    }
    f->lexer.pos = f->token.offset + len;
    advance(f);
    return KJ_OK;
}

static bool is_modifier(kj_tok kind)
{
    return kind == KJ_TOK_ASCII || kind == KJ_TOK_WIDE || kind == KJ_TOK_NOCASE ||
           kind == KJ_TOK_FULLWORD || kind == KJ_TOK_PRIVATE || kind == KJ_TOK_XOR ||
           kind == KJ_TOK_BASE64 || kind == KJ_TOK_BASE64WIDE;
}

static kj_status put_modifiers(formatter *f)
{
    while (is_modifier(f->token.kind)) {
        put_on(f, true, 2);
        if (f->token.kind != KJ_TOK_OPEN)
            continue;
        while (f->token.kind != KJ_TOK_CLOSE && f->token.kind != KJ_TOK_END &&
               f->token.kind != KJ_TOK_BAD)
            put_on(f, false, 2);
        KJ_TRY(expect_on(f, KJ_TOK_CLOSE, false, 2));
    }
    return KJ_OK;
}

/* A name at the start of its line, and `=`. */
static kj_status put_name(formatter *f, bool is_first)
{
    put(f, (placing){.line = LINE_NEW,
                     .level = 2,
                     .comment_level = 2,
                     .first = is_first ? BLANK_NONE : BLANK_KEEP,
                     .last = BLANK_KEEP});
    return expect_on(f, KJ_TOK_ASSIGN, true, 2);
}

static kj_status put_strings(formatter *f)
{
    for (bool is_first = true; f->token.kind == KJ_TOK_PATTERN; is_first = false) {
        KJ_TRY(put_name(f, is_first));
        if (f->token.kind == KJ_TOK_OPEN_BRACE)
            KJ_TRY(put_hex(f));
        else if (f->token.kind == KJ_TOK_TEXT || f->token.kind == KJ_TOK_REGEX)
            put_on(f, true, 2);
        else
            return unexpected(f, "\"text\", { hex } or /regex/");
        KJ_TRY(put_modifiers(f));
    }
    return KJ_OK;
}

static kj_status put_metas(formatter *f)
{
    for (bool is_first = true; f->token.kind == KJ_TOK_IDENTIFIER; is_first = false) {
        KJ_TRY(put_name(f, is_first));
        bool minus = f->token.kind == KJ_TOK_MINUS;
        if (minus)
            put_on(f, true, 2);
        kj_tok kind = f->token.kind;
        if (kind != KJ_TOK_TEXT && kind != KJ_TOK_INTEGER && kind != KJ_TOK_TRUE &&
            kind != KJ_TOK_FALSE)
            return unexpected(f, "a string, an integer, true or false");
        put_on(f, !minus, 2);
    }
    return KJ_OK;
}

/* ---- conditions
 * -------------------------------------------------------------------------------------- */

/* Whether a value may end with the token, so that `-` behind it subtracts. */
static bool ends_value(kj_tok kind)
{
    return (kind >= KJ_TOK_IDENTIFIER && kind <= KJ_TOK_PATTERN_LENGTH && kind != KJ_TOK_READ) ||
           kind == KJ_TOK_CLOSE || kind == KJ_TOK_CLOSE_BRACKET || kind == KJ_TOK_FILESIZE ||
           kind == KJ_TOK_ENTRYPOINT;
}

/* `rule_*` of a set of rules. */
static bool is_wildcard(const formatter *f, kj_tok before)
{
    kj_tok after = peek(f);
    return f->token.kind == KJ_TOK_STAR && before == KJ_TOK_IDENTIFIER &&
           (after == KJ_TOK_CLOSE || after == KJ_TOK_COMMA);
}

static bool opens(kj_tok kind)
{
    return kind == KJ_TOK_OPEN || kind == KJ_TOK_OPEN_BRACKET;
}

static bool closes(kj_tok kind)
{
    return kind == KJ_TOK_CLOSE || kind == KJ_TOK_CLOSE_BRACKET;
}

/* Whether a space stands between the token and the one before it; `sign`: that is a sign. */
static bool wants_space(const formatter *f, kj_tok before, bool sign)
{
    kj_tok kind = f->token.kind;
    if (sign || opens(before) || before == KJ_TOK_DOT || before == KJ_TOK_DOT_DOT)
        return false;
    if (closes(kind) || kind == KJ_TOK_COMMA || kind == KJ_TOK_DOT || kind == KJ_TOK_DOT_DOT ||
        kind == KJ_TOK_OPEN_BRACKET)
        return false;
    if (kind == KJ_TOK_OPEN)
        return before != KJ_TOK_IDENTIFIER && before != KJ_TOK_READ;
    if (kind == KJ_TOK_PERCENT)
        return peek(f) != KJ_TOK_OF;
    return !is_wildcard(f, before);
}

static kj_status put_condition(formatter *f)
{
    kj_tok before = KJ_TOK_COLON;
    bool sign = false, is_first = true;
    f->parens = 0;
    for (; f->token.kind != KJ_TOK_CLOSE_BRACE; is_first = false) {
        kj_tok kind = f->token.kind;
        if (kind == KJ_TOK_END || kind == KJ_TOK_BAD || kind == KJ_TOK_OPEN_BRACE)
            return unexpected(f, "'}'");
        unsigned inner = f->parens;
        if (closes(kind) && f->parens)
            f->parens--;
        placing how = {
            .line = is_first ? LINE_NEW : LINE_AUTHOR,
            .space = wants_space(f, before, sign),
            .level = 2 + f->parens,
            .comment_level = 2 + inner,
            .first = is_first ? BLANK_NONE : BLANK_KEEP,
            .last = BLANK_KEEP,
        };
        sign = kind == KJ_TOK_TILDE || (kind == KJ_TOK_MINUS && !ends_value(before));
        f->parens += opens(kind);
        before = kind;
        put(f, how);
    }
    return is_first ? unexpected(f, "a condition") : KJ_OK;
}

/* ---- rules
 * ------------------------------------------------------------------------------------------- */

static const struct {
    kj_tok keyword;
    kj_status (*put)(formatter *f);
} sections[] = {
    {KJ_TOK_META, put_metas},
    {KJ_TOK_STRINGS, put_strings},
    {KJ_TOK_CONDITION, put_condition},
};

static kj_status put_section(formatter *f, bool is_first)
{
    for (size_t i = 0; i < KJ_COUNT(sections); i++) {
        if (sections[i].keyword != f->token.kind)
            continue;
        put(f, (placing){.line = LINE_NEW,
                         .level = 1,
                         .comment_level = is_first ? 1 : 2,
                         .first = is_first ? BLANK_NONE : BLANK_KEEP,
                         .last = BLANK_KEEP});
        KJ_TRY(expect_on(f, KJ_TOK_COLON, false, 1));
        return sections[i].put(f);
    }
    return unexpected(f, "meta, strings, condition or '}'");
}

static kj_status put_body(formatter *f)
{
    KJ_TRY(expect_on(f, KJ_TOK_OPEN_BRACE, true, 0));
    for (bool is_first = true; f->token.kind != KJ_TOK_CLOSE_BRACE; is_first = false)
        KJ_TRY(put_section(f, is_first));
    put(f, (placing){.line = LINE_NEW, .comment_level = 2, .first = BLANK_KEEP});
    return KJ_OK;
}

static kj_status put_rule(formatter *f)
{
    placing start = {.line = LINE_NEW, .first = BLANK_ONE, .last = BLANK_KEEP};
    for (; f->token.kind == KJ_TOK_PRIVATE || f->token.kind == KJ_TOK_GLOBAL;
         start = (placing){.space = true})
        put(f, start);
    if (f->token.kind != KJ_TOK_RULE)
        return unexpected(f, "a rule, an import or an include");
    put(f, start);
    KJ_TRY(expect_on(f, KJ_TOK_IDENTIFIER, true, 0));
    if (f->token.kind == KJ_TOK_COLON) {
        put_on(f, true, 0);
        while (f->token.kind == KJ_TOK_IDENTIFIER)
            put_on(f, true, 0);
    }
    return put_body(f);
}

static kj_status put_file(formatter *f)
{
    for (bool after_rule = false; f->token.kind != KJ_TOK_END;) {
        bool is_rule = f->token.kind != KJ_TOK_IMPORT && f->token.kind != KJ_TOK_INCLUDE;
        if (is_rule) {
            KJ_TRY(put_rule(f));
        } else {
            put(f, (placing){.line = LINE_NEW,
                             .first = after_rule ? BLANK_ONE : BLANK_KEEP,
                             .last = BLANK_KEEP});
            KJ_TRY(expect_on(f, KJ_TOK_TEXT, true, 0));
        }
        after_rule = is_rule;
    }
    place(f, (placing){.first = BLANK_KEEP});
    if (f->out->len && f->out->data[f->out->len - 1] != '\n')
        kj_buf_put_byte(f->out, '\n');
    return f->out->failed ? kj_no_memory(f->err) : KJ_OK;
}

/* ---- the whole
 * --------------------------------------------------------------------------------------- */

static int next_solid(kj_span text, size_t *at)
{
    while (*at < text.len && kj_is_space(text.data[*at]))
        (*at)++;
    return *at < text.len ? text.data[(*at)++] : -1;
}

/* Whether two texts are the same but for blanks between tokens. */
static bool is_same(kj_span a, kj_span b)
{
    kj_lexer left = {.in = a}, right = {.in = b};
    kj_token x, y;
    do {
        x = kj_lexer_next(&left);
        y = kj_lexer_next(&right);
        if (x.kind != y.kind || !kj_span_equal(x.text, y.text))
            return false;
    } while (x.kind != KJ_TOK_END);
    int solid;
    size_t i = 0, k = 0;
    while ((solid = next_solid(a, &i)) == next_solid(b, &k))
        if (solid < 0)
            return true;
    return false;
}

kj_status kj_yara_format(kj_span source, kj_buf *out, kj_error *err)
{
    formatter f = {.lexer = {.in = source}, .out = out, .err = err};
    advance(&f);
    KJ_TRY(put_file(&f));
    if (!is_same(source, kj_buf_span(out)))
        return kj_fail(err, KJ_INTERNAL, KJ_NO_OFFSET,
                       "laying it out would change more than blanks");
    return KJ_OK;
}
