/* SPDX-License-Identifier: Apache-2.0 */
/* kujo yara fmt */
#include "cmd/yara.h"

#include "base/arith.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "cmd/cmd.h"
#include "cmd/sources.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct options {
    bool write;
    bool check;
} options;

static const kj_option rows[] = {
    {"write", 'w', KJ_OPTION_FLAG, offsetof(options, write), NULL,
     N_("write what changes back to the files")},
    {"check", 0, KJ_OPTION_FLAG, offsetof(options, check), NULL,
     N_("only name the files that would change; exit with 1 when there are any")},
};

static const kj_usage usage = {
    .command = "yara fmt",
    .operands = N_("[FILE]..."),
    .about = N_("Lays out YARA rules: indentation, one string a line, spaces between tokens. "
                "Comments and the line breaks of conditions stay. Prints the result, or writes it "
                "back; without FILE it reads standard input.\n"),
    .options = rows,
    .count = KJ_COUNT(rows),
};

enum outcome { SAME, CHANGED, FAILED };

static enum outcome refuse(const char *name, kj_span text, const kj_error *err)
{
    const kj_source source = {name, text};
    size_t line, column;
    if (err->offset == KJ_NO_OFFSET) {
        (void)kj_complain("%s: %s", name, err->message);
        return FAILED;
    }
    kj_source_locate(&source, (size_t)err->offset, &line, &column);
    (void)kj_complain("%s:%zu:%zu: %s", name, line, column, err->message);
    return FAILED;
}

/* Replaces what the path leads to and keeps its permissions. */
static enum outcome write_back(const char *path, kj_span text)
{
    KJ_CLEANUP(kj_free_ptr) char *real = realpath(path, NULL);
    struct stat st;
    kj_error err = {.offset = KJ_NO_OFFSET};
    if (!real || stat(real, &st) != 0) {
        (void)kj_complain("%s: %s", path, strerror(errno));
        return FAILED;
    }
    if (kj_file_replace(real, text, st.st_mode & 0777, &err) != KJ_OK)
        return refuse(path, (kj_span){0}, &err);
    (void)chmod(real, st.st_mode & 07777); /* the umask took some */
    return CHANGED;
}

/* `path` NULL: standard input. */
static enum outcome format(const options *o, const char *path)
{
    KJ_CLEANUP(kj_buf_done) kj_buf text, out;
    kj_buf_init(&text, KJ_SOURCE_MAX);
    kj_buf_init(&out, 4 * (size_t)KJ_SOURCE_MAX);
    const char *name = path ? path : "-";
    kj_error err = {.offset = KJ_NO_OFFSET};
    kj_status status =
        path ? kj_file_read(path, &text, &err) : kj_file_read_fd(STDIN_FILENO, &text, &err);
    if (status == KJ_OK)
        status = kj_yara_format(kj_buf_span(&text), &out, &err);
    if (status != KJ_OK)
        return refuse(name, kj_buf_span(&text), &err);
    bool same = kj_span_equal(kj_buf_span(&text), kj_buf_span(&out));
    if (o->check && !same)
        (void)printf("%s\n", name);
    else if (!o->check && o->write && path && !same)
        return write_back(path, kj_buf_span(&out));
    else if (!o->check && !(o->write && path) && out.len)
        (void)fwrite(out.data, 1, out.len, stdout);
    return same ? SAME : CHANGED;
}

static int format_all(const options *o, char **paths, int count)
{
    int code = KJ_YARA_EXIT_OK;
    for (int i = 0; i < (count ? count : 1); i++) {
        enum outcome outcome = format(o, count ? paths[i] : NULL);
        if (outcome == FAILED || (outcome == CHANGED && o->check))
            code = KJ_YARA_EXIT_TROUBLE;
    }
    return code;
}

int kj_yara_fmt(int argc, char **argv)
{
    options o = {0};
    int first;
    kj_parsed parsed = kj_options_parse(&usage, argc, argv, &o, &first);
    if (parsed != KJ_PARSED_OK)
        return parsed == KJ_PARSED_HELP ? KJ_YARA_EXIT_OK : KJ_YARA_EXIT_TROUBLE;
    return format_all(&o, argv + first, argc - first);
}
