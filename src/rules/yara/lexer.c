/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/yara/lexer.h"

#include "base/arith.h"
#include "base/text.h"
#include "ir/ir.h"

static const char *const names[KJ_TOK_COUNT] = {
    [KJ_TOK_END] = "the end of the rules",
    [KJ_TOK_BAD] = "something that is no token",
    [KJ_TOK_IDENTIFIER] = "an identifier",
    [KJ_TOK_INTEGER] = "an integer",
    [KJ_TOK_REAL] = "a floating-point number",
    [KJ_TOK_TEXT] = "a text string",
    [KJ_TOK_REGEX] = "a regular expression",
    [KJ_TOK_READ] = "an integer function",
    [KJ_TOK_PATTERN] = "a string identifier",
    [KJ_TOK_PATTERN_SET] = "a string identifier with '*'",
    [KJ_TOK_PATTERN_COUNT] = "a string count",
    [KJ_TOK_PATTERN_OFFSET] = "a string offset",
    [KJ_TOK_PATTERN_LENGTH] = "a string length",
    [KJ_TOK_DOT_DOT] = "'..'",
    [KJ_TOK_EQ] = "'=='",
    [KJ_TOK_NE] = "'!='",
    [KJ_TOK_LE] = "'<='",
    [KJ_TOK_GE] = "'>='",
    [KJ_TOK_SHL] = "'<<'",
    [KJ_TOK_SHR] = "'>>'",
    [KJ_TOK_LT] = "'<'",
    [KJ_TOK_GT] = "'>'",
    [KJ_TOK_ASSIGN] = "'='",
    [KJ_TOK_COLON] = "':'",
    [KJ_TOK_COMMA] = "','",
    [KJ_TOK_DOT] = "'.'",
    [KJ_TOK_OPEN] = "'('",
    [KJ_TOK_CLOSE] = "')'",
    [KJ_TOK_OPEN_BRACE] = "'{'",
    [KJ_TOK_CLOSE_BRACE] = "'}'",
    [KJ_TOK_OPEN_BRACKET] = "'['",
    [KJ_TOK_CLOSE_BRACKET] = "']'",
    [KJ_TOK_PLUS] = "'+'",
    [KJ_TOK_MINUS] = "'-'",
    [KJ_TOK_STAR] = "'*'",
    [KJ_TOK_BACKSLASH] = "'\\'",
    [KJ_TOK_PERCENT] = "'%'",
    [KJ_TOK_AMPERSAND] = "'&'",
    [KJ_TOK_BAR] = "'|'",
    [KJ_TOK_CARET] = "'^'",
    [KJ_TOK_TILDE] = "'~'",
    [KJ_TOK_ALL] = "'all'",
    [KJ_TOK_AND] = "'and'",
    [KJ_TOK_ANY] = "'any'",
    [KJ_TOK_ASCII] = "'ascii'",
    [KJ_TOK_AT] = "'at'",
    [KJ_TOK_BASE64] = "'base64'",
    [KJ_TOK_BASE64WIDE] = "'base64wide'",
    [KJ_TOK_CONDITION] = "'condition'",
    [KJ_TOK_CONTAINS] = "'contains'",
    [KJ_TOK_DEFINED] = "'defined'",
    [KJ_TOK_ENDSWITH] = "'endswith'",
    [KJ_TOK_ENTRYPOINT] = "'entrypoint'",
    [KJ_TOK_FALSE] = "'false'",
    [KJ_TOK_FILESIZE] = "'filesize'",
    [KJ_TOK_FOR] = "'for'",
    [KJ_TOK_FULLWORD] = "'fullword'",
    [KJ_TOK_GLOBAL] = "'global'",
    [KJ_TOK_ICONTAINS] = "'icontains'",
    [KJ_TOK_IENDSWITH] = "'iendswith'",
    [KJ_TOK_IEQUALS] = "'iequals'",
    [KJ_TOK_IMPORT] = "'import'",
    [KJ_TOK_IN] = "'in'",
    [KJ_TOK_INCLUDE] = "'include'",
    [KJ_TOK_ISTARTSWITH] = "'istartswith'",
    [KJ_TOK_MATCHES] = "'matches'",
    [KJ_TOK_META] = "'meta'",
    [KJ_TOK_NOCASE] = "'nocase'",
    [KJ_TOK_NONE] = "'none'",
    [KJ_TOK_NOT] = "'not'",
    [KJ_TOK_OF] = "'of'",
    [KJ_TOK_OR] = "'or'",
    [KJ_TOK_PRIVATE] = "'private'",
    [KJ_TOK_RULE] = "'rule'",
    [KJ_TOK_STARTSWITH] = "'startswith'",
    [KJ_TOK_STRINGS] = "'strings'",
    [KJ_TOK_THEM] = "'them'",
    [KJ_TOK_TRUE] = "'true'",
    [KJ_TOK_WIDE] = "'wide'",
    [KJ_TOK_XOR] = "'xor'",
};

static const struct {
    const char *word;
    uint32_t value;
} reads[] = {
    {"uint8", 1},
    {"uint16", 2},
    {"uint32", 4},
    {"int8", 1 | KJ_READ_SIGNED},
    {"int16", 2 | KJ_READ_SIGNED},
    {"int32", 4 | KJ_READ_SIGNED},
    {"uint8be", 1 | KJ_READ_BIG_ENDIAN},
    {"uint16be", 2 | KJ_READ_BIG_ENDIAN},
    {"uint32be", 4 | KJ_READ_BIG_ENDIAN},
    {"int8be", 1 | KJ_READ_SIGNED | KJ_READ_BIG_ENDIAN},
    {"int16be", 2 | KJ_READ_SIGNED | KJ_READ_BIG_ENDIAN},
    {"int32be", 4 | KJ_READ_SIGNED | KJ_READ_BIG_ENDIAN},
    {"float32", 4 | KJ_READ_REAL},
    {"float64", 8 | KJ_READ_REAL},
    {"float32be", 4 | KJ_READ_REAL | KJ_READ_BIG_ENDIAN},
    {"float64be", 8 | KJ_READ_REAL | KJ_READ_BIG_ENDIAN},
};

const char *kj_tok_name(kj_tok kind)
{
    return names[kind];
}

bool kj_tok_is_keyword(kj_tok kind)
{
    return kind >= KJ_TOK_ALL && kind < KJ_TOK_COUNT;
}

static unsigned peek(const kj_lexer *lexer, size_t ahead)
{
    return ahead < lexer->in.len - lexer->pos ? lexer->in.data[lexer->pos + ahead] : 0;
}

static bool is_word(unsigned c)
{
    return kj_is_alnum(c) || c == '_';
}

bool kj_lexer_skip_blanks(kj_lexer *lexer)
{
    kj_span in = lexer->in;
    for (;;) {
        unsigned c = peek(lexer, 0), next = peek(lexer, 1);
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            lexer->pos++;
        } else if (c == '/' && next == '/') {
            size_t end = kj_span_find(in, kj_span_str("\n"), lexer->pos);
            lexer->pos = end == SIZE_MAX ? in.len : end;
        } else if (c == '/' && next == '*') {
            size_t end = kj_span_find(in, kj_span_str("*/"), lexer->pos + 2);
            if (end == SIZE_MAX)
                return false;
            lexer->pos = end + 2;
        } else {
            return true;
        }
    }
}

/* Makes a token of the next `len` bytes. */
static kj_token take(kj_lexer *lexer, kj_tok kind, size_t len)
{
    kj_token token = {
        .kind = kind, .text = kj_span_sub(lexer->in, lexer->pos, len), .offset = lexer->pos};
    lexer->pos += token.text.len;
    return token;
}

static kj_token bad(kj_lexer *lexer, size_t len, const char *problem, const char *hint)
{
    kj_token token = take(lexer, KJ_TOK_BAD, len);
    token.problem = problem;
    token.hint = hint;
    return token;
}

static size_t word_len(const kj_lexer *lexer, size_t from)
{
    size_t len = from;
    while (is_word(peek(lexer, len)))
        len++;
    return len;
}

/* A keyword or sign as it is written, from its name in quotes; empty when it does not begin with
 * `first`, which spares most comparisons. */
static kj_span spelling(kj_tok kind, unsigned first)
{
    const char *name = names[kind];
    return (uint8_t)name[1] == first ? kj_span_of(name + 1, strlen(name) - 2) : (kj_span){0};
}

/* Whether a word of `reads` means the function here. libyara does not know those that give a REAL:
 * they stay identifiers where nothing is called. */
static bool is_reserved(const kj_lexer *lexer, uint32_t value)
{
    kj_lexer ahead = *lexer;
    return !(value & KJ_READ_REAL) || (kj_lexer_skip_blanks(&ahead) && peek(&ahead, 0) == '(');
}

static kj_token read_word(kj_lexer *lexer)
{
    kj_token token = take(lexer, KJ_TOK_IDENTIFIER, word_len(lexer, 0));
    for (size_t i = 0; i < KJ_COUNT(reads); i++) {
        if (token.text.data[0] == (uint8_t)reads[i].word[0] &&
            kj_span_is(token.text, reads[i].word) && is_reserved(lexer, reads[i].value)) {
            token.kind = KJ_TOK_READ;
            token.value = reads[i].value;
            return token;
        }
    }
    for (kj_tok kind = KJ_TOK_ALL; kind < KJ_TOK_COUNT; kind++)
        if (kj_span_equal(token.text, spelling(kind, token.text.data[0])))
            token.kind = kind;
    return token;
}

static kj_token read_number(kj_lexer *lexer)
{
    size_t len = 0;
    if (peek(lexer, 0) == '0' && peek(lexer, 1) == 'x' && kj_hex_digit(peek(lexer, 2)) >= 0) {
        for (len = 2; kj_hex_digit(peek(lexer, len)) >= 0;)
            len++;
        return take(lexer, KJ_TOK_INTEGER, len);
    }
    if (peek(lexer, 0) == '0' && peek(lexer, 1) == 'o' && peek(lexer, 2) - '0' < 8) {
        for (len = 2; peek(lexer, len) - '0' < 8;)
            len++;
        return take(lexer, KJ_TOK_INTEGER, len);
    }
    while (kj_is_digit(peek(lexer, len)))
        len++;
    if (peek(lexer, len) == '.' && kj_is_digit(peek(lexer, len + 1))) {
        for (len++; kj_is_digit(peek(lexer, len));)
            len++;
        return take(lexer, KJ_TOK_REAL, len);
    }
    unsigned unit = peek(lexer, len);
    if ((unit == 'K' || unit == 'M') && peek(lexer, len + 1) == 'B')
        len += 2;
    return take(lexer, KJ_TOK_INTEGER, len);
}

/* A literal up to an unescaped `quote` on the same line; its length, or 0. */
static size_t quoted_len(const kj_lexer *lexer, unsigned quote)
{
    size_t left = lexer->in.len - lexer->pos;
    for (size_t len = 1; len < left; len++) {
        unsigned c = peek(lexer, len);
        if (c == quote)
            return len + 1;
        if (c == '\n')
            return 0;
        if (c == '\\')
            len++;
    }
    return 0;
}

static size_t line_len(const kj_lexer *lexer)
{
    size_t end = kj_span_find(lexer->in, kj_span_str("\n"), lexer->pos);
    return (end == SIZE_MAX ? lexer->in.len : end) - lexer->pos;
}

static kj_token read_text(kj_lexer *lexer)
{
    size_t len = quoted_len(lexer, '"');
    if (!len)
        return bad(lexer, line_len(lexer), "unterminated string",
                   "a string ends on its line, with '\"'; write \\\" for a quote in it");
    return take(lexer, KJ_TOK_TEXT, len);
}

static kj_token read_regex(kj_lexer *lexer)
{
    size_t len = quoted_len(lexer, '/');
    if (!len)
        return bad(lexer, line_len(lexer), "unterminated regular expression",
                   "it ends on its line, with '/'; write \\/ for a slash in it");
    if (peek(lexer, len) == 'i')
        len++;
    if (peek(lexer, len) == 's')
        len++;
    return take(lexer, KJ_TOK_REGEX, len);
}

static kj_token read_pattern(kj_lexer *lexer)
{
    size_t len = word_len(lexer, 1);
    if (peek(lexer, len) == '*')
        return take(lexer, KJ_TOK_PATTERN_SET, len + 1);
    return take(lexer, KJ_TOK_PATTERN, len);
}

static kj_token read_punctuation(kj_lexer *lexer)
{
    for (kj_tok kind = KJ_TOK_DOT_DOT; kind < KJ_TOK_ALL; kind++) {
        kj_span sign = spelling(kind, peek(lexer, 0));
        if (sign.len && kj_span_starts(kj_span_sub(lexer->in, lexer->pos, sign.len), sign))
            return take(lexer, kind, sign.len);
    }
    unsigned c = peek(lexer, 0);
    if (c < 0x80)
        return bad(lexer, 1, "unexpected character", NULL);
    size_t len = 1;
    while ((peek(lexer, len) & 0xC0) == 0x80)
        len++;
    return bad(lexer, len, "a character outside ASCII",
               "they may stand in strings, regular expressions and comments only");
}

kj_token kj_lexer_next(kj_lexer *lexer)
{
    if (!kj_lexer_skip_blanks(lexer))
        return bad(lexer, lexer->in.len - lexer->pos, "a comment that does not end", NULL);
    if (lexer->pos >= lexer->in.len)
        return take(lexer, KJ_TOK_END, 0);
    unsigned c = peek(lexer, 0);
    if (kj_is_alpha(c) || c == '_')
        return read_word(lexer);
    if (kj_is_digit(c))
        return read_number(lexer);
    switch (c) {
    case '"':
        return read_text(lexer);
    case '/':
        return read_regex(lexer);
    case '$':
        return read_pattern(lexer);
    case '#':
        return take(lexer, KJ_TOK_PATTERN_COUNT, word_len(lexer, 1));
    case '@':
        return take(lexer, KJ_TOK_PATTERN_OFFSET, word_len(lexer, 1));
    case '!':
        if (peek(lexer, 1) != '=')
            return take(lexer, KJ_TOK_PATTERN_LENGTH, word_len(lexer, 1));
        break;
    default:
        break;
    }
    return read_punctuation(lexer);
}

static bool add_digit(int64_t *value, int64_t base, int64_t digit)
{
    return !__builtin_mul_overflow(*value, base, value) &&
           !__builtin_add_overflow(*value, digit, value);
}

bool kj_token_integer(kj_span text, int64_t *out)
{
    int64_t value = 0, base = 10, unit = 1;
    size_t i = 0;
    if (text.len > 2 && text.data[0] == '0' && (text.data[1] == 'x' || text.data[1] == 'o')) {
        base = text.data[1] == 'x' ? 16 : 8;
        i = 2;
    } else if (text.len > 2 && text.data[text.len - 1] == 'B') {
        unit = text.data[text.len - 2] == 'K' ? 1 << 10 : 1 << 20;
        text.len -= 2;
    }
    for (; i < text.len; i++)
        if (!add_digit(&value, base, kj_hex_digit(text.data[i])))
            return false;
    if (__builtin_mul_overflow(value, unit, &value))
        return false;
    *out = value;
    return true;
}
