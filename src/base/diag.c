/* SPDX-License-Identifier: Apache-2.0 */
#include "base/diag.h"

#include "base/text.h"

#include <stdio.h>

enum { WIDEST_LINE = 160 }; /* bytes of a source line shown; a longer one is cut round the caret */

static const struct {
    const char *word;
    const char *color;
} severities[] = {
    [KJ_NOTE] = {"note", "\033[36m"},
    [KJ_WARNING] = {"warning", "\033[35m"},
    [KJ_ERROR] = {"error", "\033[31m"},
};

void kj_diags_init(kj_diags *diags, kj_arena *arena)
{
    *diags = (kj_diags){.arena = arena};
}

void kj_diags_done(kj_diags *diags)
{
    kj_vec_done(&diags->list);
}

void kj_diag_add(kj_diags *diags, kj_severity severity, const kj_source *source, size_t offset,
                 size_t len, const char *hint, const char *format, ...)
{
    if (severity == KJ_ERROR)
        diags->errors++;
    else if (severity == KJ_WARNING)
        diags->warnings++;
    if ((severity == KJ_ERROR ? diags->errors : diags->list.count + 1) > KJ_DIAGS_MAX)
        return;
    char message[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    kj_diag diag = {
        .severity = severity,
        .source = source,
        .offset = offset,
        .len = len ? len : 1,
        .message = kj_arena_strdup(diags->arena, message),
        .hint = hint ? kj_arena_strdup(diags->arena, hint) : NULL,
    };
    if (!diag.message || (hint && !diag.hint) || !kj_vec_add(&diags->list, diag))
        diags->failed = true;
}

/* The line that holds `offset`, and how far into it that is. */
static kj_span line_around(kj_span text, size_t offset, size_t *out_at)
{
    size_t start = offset, end = offset;
    while (start > 0 && text.data[start - 1] != '\n')
        start--;
    while (end < text.len && text.data[end] != '\n')
        end++;
    *out_at = offset - start;
    return kj_span_sub(text, start, end - start);
}

void kj_source_locate(const kj_source *source, size_t offset, size_t *out_line, size_t *out_column)
{
    kj_span before = kj_span_sub(source->text, 0, offset);
    size_t line = source->first_line ? source->first_line : 1, column = 1;
    for (size_t i = 0; i < before.len; i++) {
        if (before.data[i] == '\n') {
            line++;
            column = 1;
        } else if ((before.data[i] & 0xC0) != 0x80) {
            column++;
        }
    }
    *out_line = line;
    *out_column = column;
}

/* Source text for the screen: tabs become one blank, other control bytes a dot. */
static void put_source(kj_buf *out, kj_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        kj_buf_put_byte(out, c == '\t' ? ' ' : c < 0x20 || c == 0x7F ? '.' : c);
    }
}

static void print_excerpt(const kj_diag *diag, size_t line_number, bool color, kj_buf *out)
{
    size_t at;
    kj_span line = line_around(diag->source->text, diag->offset, &at);
    if (line.len > WIDEST_LINE) {
        size_t cut = at > WIDEST_LINE / 2 ? at - WIDEST_LINE / 2 : 0;
        while (cut < at && (line.data[cut] & 0xC0) == 0x80)
            cut++;
        line = kj_span_sub(line, cut, WIDEST_LINE);
        at -= cut;
    }
    kj_buf_printf(out, "%5zu | ", line_number);
    put_source(out, line);
    kj_buf_put_text(out, "\n      | ");
    for (size_t i = kj_text_cells(kj_span_sub(line, 0, at)); i > 0; i--)
        kj_buf_put_byte(out, ' ');
    size_t marked = kj_text_cells(kj_span_sub(line, at, diag->len));
    kj_buf_put_text(out, color ? severities[diag->severity].color : "");
    kj_buf_put_byte(out, '^');
    for (; marked > 1; marked--)
        kj_buf_put_byte(out, '~');
    kj_buf_put_text(out, color ? "\033[0m\n" : "\n");
}

void kj_diag_print(const kj_diag *diag, bool color, kj_buf *out)
{
    const kj_source *source = diag->source;
    bool located = source && diag->offset <= source->text.len &&
                   (source->text.len || source->first_line);
    size_t line = 0, column = 0;
    if (source) {
        kj_escape(kj_span_str(source->name), NULL, out);
        kj_buf_put_byte(out, ':');
    }
    if (located) {
        kj_source_locate(source, diag->offset, &line, &column);
        kj_buf_printf(out, "%zu:%zu:", line, column);
    }
    kj_buf_printf(out, "%s%s%s:%s %s\n", source ? " " : "",
                  color ? severities[diag->severity].color : "", severities[diag->severity].word,
                  color ? "\033[0m" : "", diag->message);
    if (located)
        print_excerpt(diag, line, color, out);
    if (diag->hint)
        kj_buf_printf(out, "      = hint: %s\n", diag->hint);
}
