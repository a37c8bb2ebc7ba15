/* SPDX-License-Identifier: Apache-2.0 */
#include "report/wrap.h"

#include "base/arith.h"
#include "base/reader.h"
#include "base/text.h"

typedef struct line {
    const kj_wrap *how;
    kj_buf *out;
    size_t indent; /* of this paragraph: an item's text hangs */
    size_t used;   /* cells on the current line behind its indent */
    bool begun;    /* the indent is there: an item's dash stands in it */
} line;

static void put_indent(line *l)
{
    for (size_t i = 0; i < l->indent; i++)
        kj_buf_put_byte(l->out, ' ');
}

static void break_line(line *l)
{
    kj_buf_put_byte(l->out, '\n');
    l->used = 0;
    l->begun = false;
}

/* Unlike in a list of results, `\` is itself: Windows paths are meant to be read and copied. */
static void put_text(kj_buf *out, kj_span text)
{
    for (size_t at = 0; at < text.len;) {
        kj_span rest = kj_span_sub(text, at, SIZE_MAX);
        size_t len = kj_span_find(rest, kj_span_str("\\"), 0);
        kj_escape(kj_span_sub(rest, 0, len), NULL, out);
        if (len < rest.len)
            kj_buf_put_byte(out, '\\');
        at += kj_min_size(len, rest.len - 1) + 1;
    }
}

static void put_piece(line *l, kj_span piece, bool space_before)
{
    size_t cells = kj_text_cells(piece);
    size_t room = l->how->width > l->indent ? l->how->width - l->indent : 1;
    if (l->used && l->used + (space_before ? 1 : 0) + cells > room)
        break_line(l);
    if (l->used == 0 && !l->begun) {
        put_indent(l);
    } else if (l->used && space_before) {
        kj_buf_put_byte(l->out, ' ');
        l->used++;
    }
    put_text(l->out, piece);
    l->used += cells;
}

/* Characters that must not begin a line, or end one. */
static bool clings_left(uint32_t code)
{
    static const uint32_t codes[] = {
        ')',    ']',    ',',    '.',    ':',    ';',    '!',    '?',    0x3001, 0x3002, 0xFF0C,
        0xFF0E, 0x300D, 0x300F, 0xFF09, 0x3011, 0x30FC, 0x3005, 0x30FB, 0xFF1A, 0xFF1F, 0xFF01,
        0x3063, 0x30C3, 0x3083, 0x3085, 0x3087, 0x30E3, 0x30E5, 0x30E7, 0x30A1, 0x30A3, 0x30A5,
        0x30A7, 0x30A9, 0x30EE, 0x30F5, 0x30F6, 0x3041, 0x3043, 0x3045, 0x3047, 0x3049, 0x308E};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i] == code)
            return true;
    return false;
}

static bool clings_right(uint32_t code)
{
    return code == '(' || code == '[' || code == 0x300C || code == 0x300E || code == 0xFF08 ||
           code == 0x3010;
}

/* The end of the piece that begins at `start`: a run that no line break may split. */
static size_t piece_end(kj_span word, size_t start)
{
    size_t pos = start;
    uint32_t last = kj_utf8_next(word, &pos);
    while (pos < word.len) {
        size_t next = pos;
        uint32_t code = kj_utf8_next(word, &next);
        bool splits = (kj_code_cells(last) == 2 || kj_code_cells(code) == 2) &&
                      !clings_right(last) && !clings_left(code);
        if (splits)
            break;
        last = code;
        pos = next;
    }
    return pos;
}

static void put_word(line *l, kj_span word, bool space_before)
{
    for (size_t start = 0; start < word.len;) {
        size_t end = piece_end(word, start);
        put_piece(l, kj_span_sub(word, start, end - start), space_before && start == 0);
        start = end;
    }
}

static void put_source_line(line *l, kj_span text, bool continues)
{
    bool space = continues && l->how->join_spaced;
    for (size_t start = 0; start < text.len;) {
        size_t end = start;
        while (end < text.len && text.data[end] != ' ')
            end++;
        if (end > start) {
            put_word(l, kj_span_sub(text, start, end - start), space);
            space = true;
        }
        start = end + 1;
    }
}

static void begin_item(line *l)
{
    l->indent = l->how->indent;
    put_indent(l);
    kj_buf_put_text(l->out, "- ");
    l->indent += 2;
    l->begun = true;
}

void kj_wrap_text(const kj_wrap *how, kj_span text, kj_buf *out)
{
    line l = {.how = how, .out = out, .indent = how->indent};
    kj_reader r = kj_reader_of(text);
    kj_span source;
    bool any = false;
    bool gap = false; /* a blank line is due before the next text */
    while (kj_read_line(&r, &source)) {
        source = kj_text_trim(source);
        bool item = source.len > 2 && source.data[0] == '-' && source.data[1] == ' ';
        if ((source.len == 0 || item) && l.used)
            break_line(&l);
        if (source.len == 0) {
            gap = any;
            l.indent = how->indent;
            continue;
        }
        if (gap)
            kj_buf_put_byte(out, '\n');
        gap = false;
        if (item) {
            begin_item(&l);
            source = kj_text_trim(kj_span_sub(source, 2, SIZE_MAX));
        }
        put_source_line(&l, source, l.used != 0);
        any = true;
    }
    if (l.used)
        break_line(&l);
}
