/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of base64 that nothing announces: whole lines of its characters, told from words, lists of
 * names and digests by what their lines look like. */
#include "base/text.h"
#include "formats/encoded.h"

static bool is_base64_char(uint8_t c)
{
    return kj_is_alnum(c) || c == '+' || c == '/' || c == '-' || c == '_' || c == '=';
}

bool kj_base64_is_line(kj_span line)
{
    line = kj_text_trim(line);
    size_t at = 0;
    while (at < line.len && is_base64_char(line.data[at]))
        at++;
    return at == line.len && at > 0;
}

enum {
    WORD_MIN = 3,       /* characters that read as a word */
    WORD_MAX = 24,      /* that still do */
    HEX_WORD_MIN = 8,   /* digits of a digest */
    WORD_SHARE_NUM = 3, /* of a run's characters that make it no data: 3 of 4 */
    WORD_SHARE_DEN = 4,
};

static size_t count_while(kj_span s, size_t from, bool (*is)(uint8_t c))
{
    size_t at = from;
    while (at < s.len && is(s.data[at]))
        at++;
    return at - from;
}

static bool is_capital(uint8_t c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_small(uint8_t c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_decimal(uint8_t c)
{
    return kj_is_digit(c);
}

static bool is_small_hex(uint8_t c)
{
    return kj_is_digit(c) || (c >= 'a' && c <= 'f');
}

static bool is_capital_hex(uint8_t c)
{
    return kj_is_digit(c) || (c >= 'A' && c <= 'F');
}

static bool is_alnum(uint8_t c)
{
    return kj_is_alnum(c);
}

/* "word", "Word", "WORD", each with a number behind, a number, a digest in hex. */
static bool is_word(kj_span piece)
{
    if (piece.len >= HEX_WORD_MIN && (count_while(piece, 0, is_small_hex) == piece.len ||
                                      count_while(piece, 0, is_capital_hex) == piece.len))
        return true;
    size_t capitals = count_while(piece, 0, is_capital);
    size_t at = capitals;
    if (capitals <= 1)
        at += count_while(piece, at, is_small);
    at += count_while(piece, at, is_decimal);
    return at == piece.len && piece.len <= WORD_MAX;
}

/* Words, also with hyphens, slashes and so on between them: names, paths, rules of a table. */
static bool reads_as_words(kj_span line)
{
    line = kj_text_trim(line);
    if (line.len < WORD_MIN)
        return false;
    for (size_t at = 0; at < line.len; at++) {
        size_t len = count_while(line, at, is_alnum);
        if (!is_word(kj_span_sub(line, at, len)))
            return false;
        at += len;
    }
    return true;
}

/* Lines of dashes, underscores, "=": rules, signatures' and boundaries. */
static bool is_rule(kj_span text)
{
    if (kj_span_starts(text, kj_span_str("--")))
        return true;
    size_t data = 0;
    for (size_t i = 0; i < text.len; i++)
        data += kj_is_alnum(text.data[i]) || text.data[i] == '+' || text.data[i] == '/';
    return text.len >= WORD_MIN && data == 0;
}

static bool is_run_line(kj_span line)
{
    return kj_base64_is_line(line) && !is_rule(kj_text_trim(line));
}

struct run {
    size_t start;
    size_t end;
    size_t data;    /* behind words that it begins with, or their last paragraph; 0: no words */
    bool paragraph; /* that is one */
    size_t lines;
    size_t chars;
    size_t words; /* characters of lines that read as such */
};

static void add_run_line(struct run *run, kj_span line, size_t start)
{
    kj_span text = kj_text_trim(line);
    bool word = reads_as_words(text);
    if (run->lines == 0)
        *run = (struct run){.start = start, .end = start};
    if (word && run->words == run->chars) {
        bool parted = start > run->end; /* by empty lines */
        run->paragraph |= parted;
        if (parted || !run->paragraph)
            run->data = parted ? start : start + line.len;
    }
    run->chars += text.len;
    run->lines++;
    run->words += word ? text.len : 0;
    run->end = start + line.len;
}

static bool is_data_run(const struct run *run)
{
    size_t enough = run->lines == 1 ? KJ_BASE64_LINE_MIN : KJ_BASE64_RUN_MIN;
    return run->lines > 0 && run->chars >= enough &&
           run->words / WORD_SHARE_NUM < run->chars / WORD_SHARE_DEN;
}

/* Words right before data shift its groups, and short lines of data may read as words: such a run
 * is told with them, from the last paragraph of them, and without; so at most three times. */
bool kj_base64_next_run(kj_span text, size_t *pos, kj_span *out)
{
    struct run run = {0};
    bool ended = false;
    kj_span line;
    for (size_t start = *pos; !ended && kj_next_line(text, pos, true, &line); start = *pos) {
        if (is_run_line(line)) {
            add_run_line(&run, line, start);
        } else if (kj_text_trim(line).len) {
            ended = is_data_run(&run);
            run = ended ? run : (struct run){0};
        }
    }
    if (!is_data_run(&run))
        return false;
    *out = kj_span_sub(text, run.start, run.end - run.start);
    *pos = run.data > run.start ? run.data : run.end;
    return true;
}
