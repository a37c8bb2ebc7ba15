/* SPDX-License-Identifier: Apache-2.0 */
/* HTML, normalised. One walk over the page makes any of three views, as ClamAV does:
 *
 *     plain    lower case; a run of white space is one space, and none stands behind a tag;
 *              <!...> is gone, up to the first '>', be it a comment or not; references are decoded;
 *              attributes read name="value"; scripts and style sheets have no white space at all
 *     text     what stands outside of tags, scripts and style sheets; a tag or a reference is a
 *              space; where <a href> and <img src> lead to, in their own case
 *     scripts  what stands in <script>, each by itself (view_script.c)
 *
 * NUL and CR are passed over everywhere, so that UTF-16 reads as ASCII does. Not as ClamAV: bytes
 * that are no ASCII are no part of the text view (it writes some of them wrongly); a script that
 * the page's end cuts short is looked at. */
#include "base/arith.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "formats/view_private.h"

enum { END = -1, WORD_MAX = 8 };

/* Names of tags and attributes, as far as they matter: lower case, cut. */
typedef struct word {
    uint8_t text[WORD_MAX];
    size_t len; /* WORD_MAX: that or longer */
} word;

typedef struct page {
    kj_span in;
    size_t at;
    kj_view view;
    bool gap;               /* what follows needs no space before it */
    bool link;              /* of the text view: in a value that is part of it */
    bool glue;              /* what follows a value at once is not parted from it: there was white
                               space in it */
    kj_script_names *names; /* of the scripts view */
    kj_view_out *out;
} page;

/* ---- reading --------------------------------------------------------------------------------- */

static inline int peek(page *p)
{
    while (p->at < p->in.len) {
        uint8_t c = p->in.data[p->at];
        if (c != 0 && c != '\r')
            return c;
        p->at++;
    }
    return END;
}

static inline int take(page *p)
{
    int c = peek(p);
    p->at += c != END;
    return c;
}

static inline bool is_space(int c)
{
    return c != END && kj_is_space((unsigned)c);
}

static void skip_space(page *p)
{
    while (is_space(peek(p)))
        p->at++;
}

static bool is_word(const word *w, const char *text)
{
    return kj_span_is(kj_span_of(w->text, w->len), text);
}

static void add_to_word(word *w, kj_span text)
{
    for (size_t i = 0; i < text.len && w->len < WORD_MAX; i++)
        w->text[w->len++] = kj_lower(text.data[i]);
}

/* ---- writing --------------------------------------------------------------------------------- */

static inline void put_plain(page *p, int c)
{
    if (p->view == KJ_VIEW_HTML_PLAIN)
        kj_view_put(p->out, kj_lower((uint8_t)c));
}

/* One space, unless there is one. */
static inline void put_gap(page *p)
{
    if (!p->gap && p->view != KJ_VIEW_HTML_SCRIPTS)
        kj_view_put(p->out, ' ');
    p->gap = true;
}

/* A tag or what is passed over: a space of the text; behind it the plain page has none. */
static inline void part(page *p)
{
    if (p->view == KJ_VIEW_HTML_TEXT)
        put_gap(p);
    p->gap = true;
}

/* A character of the page that is no space. */
static inline void put_char(page *p, int c)
{
    if (p->view == KJ_VIEW_HTML_PLAIN) {
        kj_view_put(p->out, kj_lower((uint8_t)c));
        p->gap = false;
    } else if (p->view == KJ_VIEW_HTML_TEXT && c < ' ') {
        put_gap(p);
    } else if (p->view == KJ_VIEW_HTML_TEXT && c < 0x80) {
        kj_view_put(p->out, kj_lower((uint8_t)c));
        p->gap = false;
    }
}

/* What stands in an attribute: text only where a link leads to. */
static inline void put_value(page *p, int c)
{
    if (p->view == KJ_VIEW_HTML_PLAIN) {
        kj_view_put(p->out, kj_lower((uint8_t)c));
    } else if (p->link) {
        kj_view_put(p->out, (uint8_t)c);
        p->gap = false;
    }
}

/* ---- runs ------------------------------------------------------------------------------------ */

/* Where a byte stands for itself, in lower case. */
enum {
    IN_PAGE = 1 << 0,
    IN_TEXT = 1 << 1,
    IN_VALUE = 1 << 2,
    IN_RAW = 1 << 3,
    IN_NAME = 1 << 4,
    ALL = 31,
    NO_TEXT = ALL - IN_TEXT,
    QUOTE = IN_PAGE | IN_TEXT | IN_NAME,
};

/* clang-format off */
static const uint8_t places[256] = {
    [0x01 ... 0x08] = NO_TEXT, [0x0E ... 0x1F] = NO_TEXT,
    ['!'] = ALL, ['"'] = QUOTE, ['#' ... '%'] = ALL, ['&'] = IN_NAME, ['\''] = QUOTE,
    ['(' ... ';'] = ALL, ['<'] = IN_VALUE | IN_NAME, ['='] = ALL - IN_NAME,
    ['>'] = IN_PAGE | IN_TEXT | IN_RAW, ['?' ... 0x7F] = ALL, [0x80 ... 0xFF] = NO_TEXT,
};
/* clang-format on */

/* How much of `from` stands for itself, put to `to`, which has as much room. A space between two
 * words of the page belongs to it. */
static size_t copy_run(kj_span from, unsigned place, uint8_t *to)
{
    size_t i = 0;
    for (; i < from.len; i++) {
        uint8_t c = from.data[i];
        if (!(places[c] & place) && (c != ' ' || !(place & (IN_PAGE | IN_TEXT)) || i == 0 ||
                                     i + 1 == from.len || !(places[from.data[i + 1]] & place)))
            break;
        to[i] = kj_lower(c);
    }
    return i;
}

/* Puts what stands for itself, from here on: most of a page. */
static void put_run(page *p, unsigned place)
{
    kj_view_out *out = p->out;
    while (p->at < p->in.len && places[p->in.data[p->at]] & place) {
        if (out->used == out->size && !kj_view_grow(out))
            return;
        kj_span from = kj_span_sub(p->in, p->at, out->size - out->used);
        size_t count = copy_run(from, place, out->room + out->used);
        p->at += count;
        out->used += count;
        p->gap = false;
    }
}

/* The same, of what is part of the plain view only. */
static void pass_run(page *p, unsigned place)
{
    if (p->view == KJ_VIEW_HTML_PLAIN)
        put_run(p, place);
    else
        p->at = kj_span_find_either(p->in, '<', '<', p->at);
}

/* ---- references ------------------------------------------------------------------------------ */

/* A character by its number: itself, or a reference of one form. */
static void put_code(page *p, unsigned code)
{
    static const char digits[] = "0123456789abcdef";
    unsigned low = code & 0xFFFF;
    if (code < 0xFF) {
        put_value(p, (int)code);
    } else if (low && p->view == KJ_VIEW_HTML_PLAIN) {
        kj_view_put_text(p->out, "&#x");
        for (unsigned shift = 16; shift; shift -= 4)
            kj_view_put(p->out, (uint8_t)digits[low >> (shift - 4) & 15]);
        kj_view_put(p->out, ';');
    }
}

static unsigned take_number(page *p)
{
    unsigned base = (peek(p) | 0x20) == 'x' ? 16 : 10;
    p->at += base == 16;
    unsigned value = 0;
    for (int c = peek(p); c != END; c = peek(p)) {
        int digit = kj_hex_digit((unsigned)c);
        if (digit < 0 || digit >= (int)base)
            break;
        value = value * base + (unsigned)digit; /* wraps, as its last 16 bits are what counts */
        p->at++;
    }
    if (peek(p) == ';')
        p->at++;
    return value;
}

/* Behind the ampersand of "&name;". What is no name of HTML's stays. */
static void put_named(page *p)
{
    enum { LONGEST = 8 };
    uint8_t name[LONGEST + 1];
    size_t len = 0;
    size_t from = p->at;
    for (int c = peek(p); c != END && (kj_is_alnum((unsigned)c) || c == '_' || c == '-');
         c = peek(p)) {
        if (len <= LONGEST)
            name[len++] = (uint8_t)c;
        p->at++;
    }
    unsigned code = peek(p) == ';' ? kj_view_entity(kj_span_of(name, len)) : 0;
    if (code) {
        p->at++;
        put_code(p, code);
        return;
    }
    kj_span text = kj_span_sub(p->in, from, p->at - from);
    put_value(p, '&');
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] != 0 && text.data[i] != '\r')
            put_value(p, text.data[i]);
}

/* Behind an ampersand. */
static void put_reference(page *p)
{
    if (peek(p) != '#') {
        put_named(p);
        return;
    }
    p->at++;
    put_code(p, take_number(p));
}

/* A reference of the page itself, which parts words of the text. */
static void put_text_reference(page *p)
{
    put_reference(p);
    if (p->view == KJ_VIEW_HTML_TEXT) {
        if (p->in.data[p->at - 1] != ';' && peek(p) == ';')
            p->at++; /* of a name that is none */
        put_gap(p);
    }
    p->gap = p->view == KJ_VIEW_HTML_TEXT;
}

/* ---- tags ------------------------------------------------------------------------------------ */

static bool ends_name(int c)
{
    return c == END || c == '>' || kj_is_space((unsigned)c);
}

/* Up to white space, '=' or the tag's end. */
static void take_name(page *p, word *name)
{
    for (int c = peek(p); c != END && places[c] & IN_NAME; c = peek(p)) {
        size_t from = p->at;
        if (p->view == KJ_VIEW_HTML_PLAIN)
            put_run(p, IN_NAME);
        while (p->at < p->in.len && places[p->in.data[p->at]] & IN_NAME)
            p->at++; /* of another view, or the buffer is full */
        add_to_word(name, kj_span_sub(p->in, from, p->at - from));
    }
}

/* What a data: URI holds is an object of its own; "data" stays of it. */
static void skip_data(page *p, uint8_t quote)
{
    kj_span data = kj_span_str("data:");
    if (!kj_span_starts(kj_span_sub(p->in, p->at, data.len), data))
        return;
    for (size_t i = 0; i + 1 < data.len; i++)
        put_plain(p, data.data[i]);
    p->at = kj_span_find_either(p->in, quote, quote, p->at);
}

/* A value up to `quote`. As ClamAV has it, the first white space in it stays what it is and
 * references are decoded up to the second. False: the tag ends in it, because a second '>' does, or
 * the page. */
static bool quoted(page *p, int quote)
{
    unsigned ends = 0;
    unsigned gaps = 0;
    put_plain(p, '"');
    skip_data(p, (uint8_t)quote);
    for (int c = take(p); c != END; c = take(p)) {
        if (c == quote) {
            put_plain(p, '"');
            p->glue = gaps > 0;
            return true;
        }
        if (is_space(c)) {
            skip_space(p);
            put_value(p, gaps++ == 0 && c != '\n' ? c : ' ');
        } else if (c == '&' && gaps < 2) {
            put_reference(p);
        } else {
            put_value(p, c == '\'' ? '"' : c);
        }
        if (c == '>' && ++ends == 2)
            return false;
        if (p->view == KJ_VIEW_HTML_PLAIN)
            put_run(p, IN_VALUE);
    }
    return false;
}

static void unquoted(page *p)
{
    for (int c = peek(p); !ends_name(c); c = peek(p)) {
        p->at++;
        if (c == '&')
            put_reference(p);
        else
            put_value(p, c == '\'' ? '"' : c);
    }
}

static bool is_link(const word *tag, const word *name)
{
    return (is_word(tag, "a") && is_word(name, "href")) ||
           (is_word(tag, "img") && is_word(name, "src"));
}

/* Behind the '='. False: the tag ends in it. */
static bool value(page *p, const word *tag, const word *name)
{
    bool more = true;
    p->link = p->view == KJ_VIEW_HTML_TEXT && is_link(tag, name);
    if (p->link)
        put_gap(p);
    skip_space(p);
    int c = peek(p);
    if (c == '"' || c == '\'') {
        p->at++;
        more = quoted(p, c);
    } else {
        unquoted(p);
    }
    p->link = false;
    return more;
}

/* From its first character; false: the tag ends in its value. */
static bool attribute(page *p, const word *tag)
{
    word name = {0};
    if (peek(p) != '=' && !p->glue)
        put_plain(p, ' ');
    p->glue = false;
    take_name(p, &name);
    skip_space(p);
    if (peek(p) != '=')
        return true;
    put_plain(p, '=');
    p->at++;
    return value(p, tag, &name);
}

/* What follows with white space before it is parted by a space. */
static bool at_attribute(page *p)
{
    if (is_space(peek(p)))
        p->glue = false;
    skip_space(p);
    return !ends_name(peek(p));
}

/* From the tag's name to behind its '>'. */
static void tag(page *p, word *name)
{
    take_name(p, name);
    bool more = true;
    while (more && at_attribute(p))
        more = attribute(p, name);
    if (more && take(p) == '>')
        put_plain(p, '>');
}

/* ---- scripts and style sheets ---------------------------------------------------------------- */

/* Whether `name` ends here: "/name", white space, '>'. Leaves the page behind it. */
static bool take_end(page *p, const char *name)
{
    size_t from = p->at;
    bool same = take(p) == '/';
    for (; same && *name; name++)
        same = (take(p) | 0x20) == *name;
    skip_space(p);
    if (same && take(p) == '>')
        return true;
    p->at = from;
    return false;
}

static void put_packed(page *p, int c)
{
    if (is_space(c))
        return;
    if (c == '&')
        put_reference(p);
    else
        put_plain(p, c == '\'' ? '"' : c);
}

/* One script. UTF-16 becomes what the script says before it is taken apart. */
static void script(page *p, kj_span text)
{
    if (p->names->script)
        kj_view_put(p->out, '\n');
    if (!text.len || !memchr(text.data, 0, text.len)) {
        kj_view_script(text, p->names, p->out);
        return;
    }
    KJ_CLEANUP(kj_buf_done) kj_buf narrow;
    kj_buf_init(&narrow, text.len);
    kj_view_out out = {.buf = &narrow};
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] != 0)
            kj_view_put(&out, text.data[i]);
    kj_view_flush(&out);
    kj_view_script(kj_buf_span(&narrow), p->names, p->out);
    kj_buf_done_into(&narrow, p->out->buf);
}

/* Passes what stands up to </name>; says where that ends. True: </name> is there. */
static bool raw(page *p, const char *name, size_t *out_end)
{
    for (int c = take(p); c != END; c = take(p)) {
        *out_end = p->at - 1;
        if (c == '<' && take_end(p, name))
            return true;
        put_packed(p, c);
        pass_run(p, IN_RAW);
    }
    *out_end = p->in.len;
    return false;
}

/* What stands in <name>, which was passed. */
static void element(page *p, const char *name, bool is_script)
{
    size_t from = p->at;
    size_t to = from;
    bool closed = raw(p, name, &to);
    if (is_script && p->view == KJ_VIEW_HTML_SCRIPTS)
        script(p, kj_span_sub(p->in, from, to - from));
    if (!closed || p->view != KJ_VIEW_HTML_PLAIN)
        return;
    kj_view_put_text(p->out, "</");
    kj_view_put_text(p->out, name);
    kj_view_put(p->out, '>');
}

/* ---- the page -------------------------------------------------------------------------------- */

/* Behind a '<'. */
static void markup(page *p)
{
    word name = {0};
    part(p);
    skip_space(p);
    if (peek(p) == '!') {
        for (int c = take(p); c != END && c != '>';)
            c = take(p);
        return;
    }
    put_plain(p, '<');
    tag(p, &name);
    if (is_word(&name, "script"))
        element(p, "script", true);
    else if (is_word(&name, "style"))
        element(p, "style", false);
    part(p);
}

static void walk(page *p)
{
    for (int c = take(p); c != END; c = take(p)) {
        if (c == '<')
            markup(p);
        else if (c == '&')
            put_text_reference(p);
        else if (is_space(c))
            put_gap(p);
        else
            put_char(p, c);
        if (p->view == KJ_VIEW_HTML_TEXT)
            put_run(p, IN_TEXT);
        else
            pass_run(p, IN_PAGE);
    }
}

void kj_view_html(kj_view view, kj_span bytes, kj_script_names *names, kj_view_out *out)
{
    page p = {
        .in = bytes, .view = view, .gap = view != KJ_VIEW_HTML_TEXT, .names = names, .out = out};
    walk(&p);
}
