/* SPDX-License-Identifier: Apache-2.0 */
#include "report/progress.h"

#include "base/arith.h"
#include "report/i18n.h"
#include "report/report.h"

#include <sys/ioctl.h>

enum {
    REDRAW_MS = 100,
    FIRST_DRAW_MS = 300, /* a scan that is over sooner needs no bar */
    LINE_MAX_LEN = 1024,
    BAR_CELLS = 20,
    DEFAULT_COLUMNS = 80,
};

/* A file costs as much as this many bytes of it, whatever its size. */
#define FILE_COST UINT64_C(20000)

void kj_progress_init(kj_progress *progress, FILE *terminal, uint64_t now_ms)
{
    *progress = (kj_progress){.terminal = terminal, .start_ms = now_ms};
}

static uint64_t work(uint64_t files, uint64_t bytes)
{
    return files * FILE_COST + bytes;
}

/* Thousandths of the work that are done, at most 1000. */
static unsigned done_permille(const kj_run_progress *state)
{
    uint64_t total = work(state->total_files, state->total_bytes);
    uint64_t done = kj_min_u64(work(state->files, state->file_bytes), total);
    return total ? (unsigned)((double)done / (double)total * 1000) : 0;
}

static void put_bar(kj_buf *out, unsigned permille)
{
    kj_buf_put_byte(out, '[');
    for (unsigned i = 0; i < BAR_CELLS; i++)
        kj_buf_put_byte(out, i < permille * BAR_CELLS / 1000 ? '#' : '.');
    kj_buf_printf(out, "] %3u%%  ", permille / 10);
}

static void put_time_left(kj_buf *out, unsigned permille, uint64_t elapsed_ms)
{
    uint64_t left = elapsed_ms * (1000 - permille) / permille / 1000;
    char clock[48];
    if (left >= 3600)
        (void)snprintf(clock, sizeof clock, "%llu:%02u:%02u", (unsigned long long)(left / 3600),
                       (unsigned)(left / 60 % 60), (unsigned)(left % 60));
    else
        (void)snprintf(clock, sizeof clock, "%u:%02u", (unsigned)(left / 60),
                       (unsigned)(left % 60));
    kj_buf_put_text(out, "  ");
    kj_buf_printf(out, _("%s left"), clock);
}

/* Cuts UTF-8 to `columns` characters, each of which may be two columns wide: half as many when the
 * text is not plain ASCII. */
static void cut(kj_buf *out, unsigned columns)
{
    for (size_t i = 0; i < out->len; i++)
        if (out->data[i] >= 0x80)
            columns = columns > 2 ? columns / 2 : 1;
    size_t at = 0;
    for (unsigned used = 0; at < out->len; at++) {
        if ((out->data[at] & 0xC0) != 0x80 && used++ == columns)
            break;
    }
    out->len = at;
}

void kj_progress_line(const kj_run_progress *state, uint64_t elapsed_ms, unsigned columns,
                      kj_buf *out)
{
    unsigned permille = state->total_known ? done_permille(state) : 0;
    if (state->total_known)
        put_bar(out, permille);
    if (state->total_known)
        kj_buf_printf(out, _("%llu of %llu files, "), (unsigned long long)state->files,
                      (unsigned long long)state->total_files);
    else
        kj_buf_printf(out, _("%llu files, "), (unsigned long long)state->files);
    kj_report_put_size(out, state->file_bytes);
    if (elapsed_ms > 0) {
        kj_buf_put_text(out, ", ");
        kj_report_put_size(out, (uint64_t)((double)state->file_bytes * 1000 / (double)elapsed_ms));
        kj_buf_put_text(out, "/s");
    }
    if (permille > 0 && elapsed_ms > 0)
        put_time_left(out, permille, elapsed_ms);
    cut(out, columns);
}

static void draw(kj_progress *progress, const char *line)
{
    (void)fprintf(progress->terminal, "\r%s\033[K", line);
    (void)fflush(progress->terminal);
    progress->visible = true;
}

void kj_progress_show(kj_progress *progress, const kj_run_progress *state, uint64_t now_ms)
{
    uint64_t elapsed = now_ms - progress->start_ms;
    if (elapsed < FIRST_DRAW_MS || now_ms - progress->drawn_ms < REDRAW_MS)
        return;
    struct winsize size;
    unsigned columns = DEFAULT_COLUMNS;
    if (ioctl(fileno(progress->terminal), TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
        columns = size.ws_col;
    kj_buf line;
    kj_buf_init(&line, LINE_MAX_LEN);
    kj_progress_line(state, elapsed, columns - 1, &line);
    draw(progress, kj_buf_text(&line));
    kj_buf_done(&line);
    progress->drawn_ms = now_ms;
}

void kj_progress_say(kj_progress *progress, const char *stage)
{
    draw(progress, stage);
}

void kj_progress_erase(kj_progress *progress)
{
    if (!progress || !progress->visible)
        return;
    (void)fputs("\r\033[K", progress->terminal);
    (void)fflush(progress->terminal);
    progress->visible = false;
}
