/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts of a page, normalised, as far as their tokens go:
 *
 *     everything in lower case, white space and comments gone (one space between two words)
 *     'a' and "a" + "b" become "ab", escapes in them what they stand for, unescape("%41") "a"
 *     names that the script declares become n000, n001, ... in the order of their declarations
 *
 * A line comment ends at white space, since that is how ClamAV reads it: the page's line ends are
 * gone by then. Visual Basic is read in the same way. A declaration counts in all of its function,
 * what stands before it included; the last one of a name gives its number. Two walks: the first
 * collects declarations, the second writes. Names behind the first few thousand keep theirs. Not as
 * ClamAV: what eval() is given stays a string. */
#include "base/arith.h"
#include "base/text.h"
#include "formats/view_private.h"

typedef enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_STRING, TOKEN_SIGN } token_kind;

typedef struct token {
    token_kind kind;
    kj_span text; /* of a string: what stands in its quotes */
} token;

typedef struct lexer {
    kj_span in;
    size_t at;
} lexer;

/* ---- tokens ---------------------------------------------------------------------------------- */

static bool is_word_byte(uint8_t c)
{
    return kj_is_alnum(c) || c == '_' || c == '$';
}

/* What parts words: white space, and what no script has outside of strings. */
static bool parts_words(uint8_t c)
{
    return c <= ' ' || c >= 0x7F || c == '#' || c == '@' || c == '`' || c == '\\';
}

static void skip_line_comment(lexer *l)
{
    while (l->at < l->in.len && !kj_is_space(l->in.data[l->at]))
        l->at++;
}

static bool skip_comment(lexer *l)
{
    kj_span rest = kj_span_sub(l->in, l->at, 2);
    if (kj_span_is(rest, "//")) {
        skip_line_comment(l);
        return true;
    }
    if (!kj_span_is(rest, "/*"))
        return false;
    size_t end = kj_span_find(l->in, kj_span_str("*/"), l->at + 2);
    l->at = end == SIZE_MAX ? l->in.len : end + 2;
    return true;
}

static token take_string(lexer *l, uint8_t quote)
{
    size_t from = ++l->at;
    for (; l->at < l->in.len && l->in.data[l->at] != quote; l->at++)
        l->at += l->in.data[l->at] == '\\' && l->at + 1 < l->in.len;
    size_t to = kj_min_size(l->at, l->in.len);
    l->at = kj_min_size(to + 1, l->in.len);
    return (token){TOKEN_STRING, kj_span_sub(l->in, from, to - from)};
}

/* Digits are a word by themselves: "0x1F" is two. Zeros before them say nothing. */
static token take_number(lexer *l)
{
    size_t from = l->at;
    while (l->at < l->in.len && kj_is_digit(l->in.data[l->at]))
        l->at++;
    while (from + 1 < l->at && l->in.data[from] == '0')
        from++;
    return (token){TOKEN_WORD, kj_span_sub(l->in, from, l->at - from)};
}

static token take_word(lexer *l)
{
    size_t from = l->at;
    while (l->at < l->in.len && is_word_byte(l->in.data[l->at]))
        l->at++;
    return (token){TOKEN_WORD, kj_span_sub(l->in, from, l->at - from)};
}

static token take_token(lexer *l)
{
    while (l->at < l->in.len) {
        uint8_t c = l->in.data[l->at];
        if (kj_is_digit(c))
            return take_number(l);
        if (is_word_byte(c))
            return take_word(l);
        if (c == '"' || c == '\'')
            return take_string(l, c);
        if (c == '/' && skip_comment(l))
            continue;
        l->at++;
        if (!parts_words(c))
            return (token){TOKEN_SIGN, kj_span_sub(l->in, l->at - 1, 1)};
    }
    return (token){0};
}

static bool is_sign(const token *t, char c)
{
    return t->kind == TOKEN_SIGN && t->text.data[0] == (uint8_t)c;
}

static bool is_word(const token *t, const char *text)
{
    return t->kind == TOKEN_WORD && kj_span_is(t->text, text);
}

/* ---- declared names -------------------------------------------------------------------------- */

enum { PROBES = 8 };

static uint32_t slot_of(uint32_t scope, uint32_t hash)
{
    return (hash ^ scope * UINT32_C(0x9E3779B1)) % KJ_SCRIPT_NAMES;
}

static uint32_t hash_of(kj_span name)
{
    uint32_t hash = UINT32_C(2166136261); /* FNV-1a */
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ name.data[i]) * UINT32_C(16777619);
    return hash ^ hash >> 15;
}

/* The slot of the name in that scope; else an empty one to put it in, or NULL. */
static kj_script_name *find_name(kj_script_names *names, uint32_t scope, uint32_t hash,
                                 kj_span text)
{
    for (uint32_t i = 0; i < PROBES; i++) {
        kj_script_name *name = &names->slots[(slot_of(scope, hash) + i) % KJ_SCRIPT_NAMES];
        if (name->script != names->script)
            return name;
        if (name->scope == scope && kj_span_equal(name->text, text))
            return name;
    }
    return NULL;
}

static void declare(kj_script_names *names, uint32_t scope, kj_span text)
{
    uint32_t number = names->count++;
    kj_script_name *name = find_name(names, scope, hash_of(text), text);
    if (name)
        *name = (kj_script_name){names->script, scope, number, text};
}

/* ---- where a name is declared ---------------------------------------------------------------- */

enum { SCOPES_MAX = 16 }; /* functions in functions; what is deeper belongs to the last */

/* A function, or the script itself, and a `var` in it. */
typedef struct scope {
    uint32_t id;
    size_t braces; /* that were open where its body begins */
    bool in_var;
    bool wants_name; /* of in_var: `var` or a comma was the last token */
    size_t nested;   /* of in_var: open brackets and braces */
} scope;

typedef enum head { HEAD_NONE, HEAD_NAME, HEAD_PARAMETERS, HEAD_BODY } head;

/* Follows the tokens of a script. */
typedef struct scopes {
    scope open[SCOPES_MAX];
    size_t depth; /* functions that are open: open[depth] is the innermost */
    uint32_t made;
    size_t braces;
    head head; /* of the function that begins here: what comes next */
} scopes;

static void open_scope(scopes *s)
{
    if (s->depth + 1 == SCOPES_MAX)
        return;
    s->open[++s->depth] = (scope){.id = ++s->made};
    s->head = HEAD_NAME;
}

/* True: the word is a name that is declared here. */
static bool follow_word(scopes *s, const token *t)
{
    scope *in = &s->open[s->depth];
    if (is_word(t, "function")) {
        open_scope(s);
        return false;
    }
    if (s->head == HEAD_NAME || s->head == HEAD_PARAMETERS)
        return true;
    if (is_word(t, "var")) {
        in->in_var = in->wants_name = true;
        in->nested = 0;
        return false;
    }
    bool declared = in->wants_name && !is_word(t, "in");
    in->wants_name = false;
    return declared;
}

/* A sign of a function's head; false: it is none of it. */
static bool follow_head(scopes *s, char c)
{
    if (s->head == HEAD_NONE)
        return false;
    if (s->head == HEAD_BODY && c == '{') {
        s->open[s->depth].braces = s->braces++;
        s->head = HEAD_NONE;
    } else if (s->head == HEAD_BODY) {
        s->depth--; /* it has none */
        s->head = HEAD_NONE;
        return false;
    } else if (s->head == HEAD_NAME) {
        s->head = c == '(' ? HEAD_PARAMETERS : HEAD_BODY;
    } else if (c == ')') {
        s->head = HEAD_BODY;
    }
    return true;
}

static void follow_var(scope *in, char c)
{
    bool opens = c == '[' || c == '{';
    bool closes = c == ']' || c == '}';
    if (c == ';' || (closes && in->nested == 0))
        in->in_var = in->wants_name = false;
    else if (in->in_var && in->nested == 0 && c == ',')
        in->wants_name = true;
    in->nested += opens;
    in->nested -= closes && in->nested > 0;
}

static void follow_sign(scopes *s, char c)
{
    if (follow_head(s, c))
        return;
    follow_var(&s->open[s->depth], c);
    if (c == '{') {
        s->braces++;
    } else if (c == '}' && s->braces > 0) {
        s->braces--;
        if (s->depth > 0 && s->braces == s->open[s->depth].braces)
            s->depth--;
    }
}

/* True: the token is a name that is declared here. */
static bool follow(scopes *s, const token *t)
{
    if (t->kind == TOKEN_WORD)
        return follow_word(s, t);
    if (t->kind == TOKEN_SIGN)
        follow_sign(s, (char)t->text.data[0]);
    return false;
}

static void collect(kj_span script, kj_script_names *names)
{
    lexer l = {.in = script};
    scopes s = {0};
    for (token t = take_token(&l); t.kind != TOKEN_END; t = take_token(&l))
        if (follow(&s, &t))
            declare(names, s.open[s.depth].id, t.text);
}

/* ---- writing --------------------------------------------------------------------------------- */

typedef struct writer {
    kj_view_out *out;
    kj_script_names *names;
    scopes scopes;
    token_kind last;
    bool after_dot;
    bool open; /* a string whose quote is not put yet: more may be joined to it */
    bool plus; /* behind which a '+' was */
} writer;

/* The number of `count` hex digits at `at`, or -1. */
static int hex_at(kj_span s, size_t at, size_t count)
{
    kj_span digits = kj_span_sub(s, at, count);
    int value = digits.len == count ? 0 : -1;
    for (size_t i = 0; value >= 0 && i < count; i++) {
        int digit = kj_hex_digit(digits.data[i]);
        value = digit < 0 ? -1 : value << 4 | digit;
    }
    return value;
}

/* "x41" or "u0041", behind a backslash or, of unescape(), a percent sign: puts what it stands for.
 * Returns how long it is; 0: it is no such thing. */
static size_t put_code(kj_view_out *out, kj_span s, size_t at, bool percent)
{
    bool wide = at < s.len && s.data[at] == 'u';
    bool marked = wide || (!percent && at < s.len && s.data[at] == 'x');
    size_t digits = wide ? 4 : 2;
    int code = marked || percent ? hex_at(s, at + marked, digits) : -1;
    if (code < 0)
        return 0;
    if (code == 0)
        kj_view_put(out, 1); /* no NUL ends a string */
    else if (wide)
        kj_view_put_utf8(out, code < 0x80 ? kj_lower((uint8_t)code) : (unsigned)code);
    else
        kj_view_put(out, kj_lower((uint8_t)code));
    return marked + digits;
}

/* What a backslash and this character stand for. */
static uint8_t escaped(uint8_t c)
{
    switch (c) {
    case '0':
        return 1;
    case 'b':
        return '\b';
    case 'f':
    case 'n':
    case 'r':
    case 't':
    case 'v':
        return ' ';
    default:
        return kj_is_space(c) ? ' ' : kj_lower(c);
    }
}

static void put_content(kj_view_out *out, kj_span s, bool percent)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.data[i];
        bool escape = c == '\\';
        size_t coded = escape || (percent && c == '%') ? put_code(out, s, i + 1, !escape) : 0;
        if (coded)
            i += coded;
        else if (escape && i + 1 < s.len)
            kj_view_put(out, escaped(s.data[++i]));
        else
            kj_view_put(out, kj_is_space(c) ? ' ' : kj_lower(c));
    }
}

static void close_string(writer *w)
{
    if (w->open)
        kj_view_put(w->out, '"');
    if (w->plus)
        kj_view_put(w->out, '+');
    w->open = w->plus = false;
}

static void put_string(writer *w, kj_span content, bool percent)
{
    if (!w->plus) {
        close_string(w);
        kj_view_put(w->out, '"');
    }
    w->open = true;
    w->plus = false;
    put_content(w->out, content, percent);
}

/* The number of a name that is declared where the token stands, or in a function around. */
static const kj_script_name *find_declared(const writer *w, kj_span word)
{
    if (w->names->count == 0 || w->after_dot)
        return NULL;
    uint32_t hash = hash_of(word);
    for (size_t i = w->scopes.depth + 1; i-- > 0;) {
        const kj_script_name *name = find_name(w->names, w->scopes.open[i].id, hash, word);
        if (name && name->script == w->names->script)
            return name;
    }
    return NULL;
}

static void put_number(kj_view_out *out, uint32_t number)
{
    unsigned digits = 3;
    while (digits < 8 && number >> 4 * digits)
        digits++;
    kj_view_put(out, 'n');
    while (digits-- > 0)
        kj_view_put(out, (uint8_t) "0123456789abcdef"[number >> 4 * digits & 15]);
}

static void put_word(writer *w, kj_span word)
{
    const kj_script_name *name = find_declared(w, word);
    if (w->last == TOKEN_WORD)
        kj_view_put(w->out, ' ');
    if (name)
        put_number(w->out, name->number);
    for (size_t i = 0; !name && i < word.len; i++)
        kj_view_put(w->out, kj_lower(word.data[i]));
}

/* Behind "unescape": puts the strings that are given to it, if nothing else is. */
static bool put_unescaped(writer *w, lexer *l)
{
    lexer ahead = *l;
    token t = take_token(&ahead);
    bool more = is_sign(&t, '(');
    while (more) {
        t = take_token(&ahead);
        bool is_string = t.kind == TOKEN_STRING;
        t = take_token(&ahead);
        more = is_string && is_sign(&t, '+');
        if (!is_string || (!more && !is_sign(&t, ')')))
            return false;
    }
    if (!is_sign(&t, ')'))
        return false;
    (void)take_token(l);
    for (t = take_token(l); !is_sign(&t, ')'); t = take_token(l)) {
        if (t.kind == TOKEN_STRING)
            put_string(w, t.text, true);
        else
            w->plus = true;
    }
    return true;
}

static bool begins_unescape(const writer *w, const token *t)
{
    return is_word(t, "unescape") && !w->after_dot && w->scopes.head == HEAD_NONE;
}

static void put_token(writer *w, lexer *l, const token *t)
{
    bool decoded = begins_unescape(w, t) && put_unescaped(w, l);
    bool joins = is_sign(t, '+') && w->open && !w->plus;
    if (joins)
        w->plus = true;
    else if (t->kind == TOKEN_STRING)
        put_string(w, t->text, false);
    else if (!decoded)
        close_string(w);
    if (t->kind == TOKEN_WORD && !decoded)
        put_word(w, t->text);
    if (t->kind == TOKEN_SIGN && !joins)
        kj_view_put(w->out, kj_lower(t->text.data[0]));
    w->last = decoded ? TOKEN_STRING : t->kind;
    w->after_dot = is_sign(t, '.');
}

void kj_view_script(kj_span script, kj_script_names *names, kj_view_out *out)
{
    names->script++;
    names->count = 0;
    collect(script, names);
    lexer l = {.in = script};
    writer w = {.out = out, .names = names};
    kj_view_put_text(out, "<script>");
    for (token t = take_token(&l); t.kind != TOKEN_END; t = take_token(&l)) {
        (void)follow(&w.scopes, &t);
        put_token(&w, &l, &t);
    }
    close_string(&w);
    kj_view_put_text(out, "</script>");
}
