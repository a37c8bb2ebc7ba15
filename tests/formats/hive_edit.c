/* SPDX-License-Identifier: Apache-2.0 */
/* Changes a hive, for tests that look at the result with other programs.
 *
 *     hive_edit [--logs LOG1 LOG2] IN OUT [CHANGE...]
 *       delete-value KEY NAME
 *       delete-key KEY
 *       set-value KEY NAME TYPE HEX      type as a number; HEX may be empty
 *
 * OUT is what the edits make of IN; they are taken back, too, and have to give IN again. Prints how
 * many bytes change, in how many edits, and by how many the file grows. */
#include "base/arith.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "formats/regf.h"
#include "tests/formats/apply_edits.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    HIVE_MAX = 256 << 20,
    LOGS = 2,
    HEX_MAX = 1 << 20,
};

static const size_t ARENA_MAX = (size_t)1 << 30;

typedef struct session {
    kj_arena arena;
    kj_buf disk;
    kj_buf hive;
    kj_buf logs[LOGS];
    kj_buf changed;
    kj_buf restored;
    kj_regf_editor *editor;
    kj_error err;
} session;

static kj_status find(session *s, const char *path, kj_reg_key *out)
{
    const kj_registry *reg = kj_regf_editor_registry(s->editor);
    *out = kj_registry_find(reg, reg->root, kj_span_str(path));
    return *out == KJ_REG_NONE ? kj_fail(&s->err, KJ_MALFORMED, KJ_NO_OFFSET, "no key %s", path)
                               : KJ_OK;
}

static kj_status delete_value(session *s, char **args)
{
    kj_reg_key key;
    kj_reg_value value;
    KJ_TRY(find(s, args[0], &key));
    if (!kj_registry_find_value(kj_regf_editor_registry(s->editor), key, kj_span_str(args[1]),
                                &s->arena, &value))
        return kj_fail(&s->err, KJ_MALFORMED, KJ_NO_OFFSET, "no value %s", args[1]);
    return kj_regf_delete_value(s->editor, key, value.id, &s->err);
}

static kj_status delete_key(session *s, char **args)
{
    kj_reg_key key;
    KJ_TRY(find(s, args[0], &key));
    return kj_regf_delete_key(s->editor, key, &s->err);
}

static kj_status set_value(session *s, char **args)
{
    kj_reg_key key;
    kj_span hex = kj_span_str(args[3]);
    uint8_t *data = kj_arena_alloc(&s->arena, HEX_MAX);
    KJ_TRY(find(s, args[0], &key));
    if (!data || hex.len / 2 > HEX_MAX || !kj_hex_decode(hex, data))
        return kj_fail(&s->err, KJ_MALFORMED, KJ_NO_OFFSET, "no hex");
    kj_reg_name name = {.raw = kj_span_str(args[1])}; /* ASCII */
    return kj_regf_set_value(s->editor, key, name, (uint32_t)strtoul(args[2], NULL, 0),
                             kj_span_of(data, hex.len / 2), &s->err);
}

static const struct {
    const char *name;
    int arguments;
    kj_status (*run)(session *s, char **args);
} commands[] = {
    {"delete-value", 2, delete_value},
    {"delete-key", 1, delete_key},
    {"set-value", 4, set_value},
};

static kj_status run(session *s, int argc, char **argv)
{
    for (int at = 0; at < argc;) {
        size_t i = 0;
        while (i < KJ_COUNT(commands) && strcmp(commands[i].name, argv[at]) != 0)
            i++;
        if (i == KJ_COUNT(commands) || at + commands[i].arguments >= argc)
            return kj_fail(&s->err, KJ_MALFORMED, KJ_NO_OFFSET, "%s: no such change", argv[at]);
        KJ_TRY(commands[i].run(s, &argv[at + 1]));
        at += 1 + commands[i].arguments;
    }
    return KJ_OK;
}

static kj_status load(session *s, const char *path, char **logs)
{
    kj_span spans[LOGS] = {0};
    kj_regf_replay replay;
    KJ_TRY(kj_file_read(path, &s->disk, &s->err));
    for (size_t i = 0; i < LOGS && logs; i++) {
        KJ_TRY(kj_file_read(logs[i], &s->logs[i], &s->err));
        spans[i] = kj_buf_span(&s->logs[i]);
    }
    kj_buf_put(&s->hive, kj_buf_span(&s->disk));
    KJ_TRY(kj_regf_replay_logs(&s->hive, spans, &replay, &s->err));
    return kj_regf_edit(kj_buf_span(&s->disk), &s->hive, &replay, false, &s->arena, &s->editor,
                        &s->err);
}

static kj_status finish(session *s, const char *path)
{
    kj_edits edits, back;
    KJ_TRY(kj_regf_edit_finish(s->editor, &edits, &s->err));
    KJ_TRY(kj_edits_reverse(&s->arena, edits, &back, &s->err));
    if (!apply_edits(kj_buf_span(&s->disk), edits, &s->changed) ||
        !apply_edits(kj_buf_span(&s->changed), back, &s->restored) ||
        !kj_span_equal(kj_buf_span(&s->restored), kj_buf_span(&s->disk)))
        return kj_fail(&s->err, KJ_INTERNAL, KJ_NO_OFFSET, "the edits cannot be taken back");
    printf("%llu bytes in %zu edits, grown by %lld\n", (unsigned long long)kj_edits_changed(edits),
           edits.count, (long long)s->changed.len - (long long)s->disk.len);
    KJ_CLEANUP(kj_close_file) FILE *out = fopen(path, "wb");
    if (!out || fwrite(s->changed.data, 1, s->changed.len, out) != s->changed.len)
        return kj_fail_errno(&s->err, path);
    return KJ_OK;
}

int main(int argc, char **argv)
{
    session s = {0};
    bool has_logs = argc > 3 && strcmp(argv[1], "--logs") == 0;
    int first = has_logs ? 4 : 1;
    if (argc < first + 2)
        return 2;
    kj_arena_init(&s.arena, ARENA_MAX);
    kj_buf *buffers[] = {&s.disk, &s.hive, &s.logs[0], &s.logs[1], &s.changed, &s.restored};
    for (size_t i = 0; i < KJ_COUNT(buffers); i++)
        kj_buf_init(buffers[i], HIVE_MAX);
    kj_status status = load(&s, argv[first], has_logs ? &argv[2] : NULL);
    if (status == KJ_OK)
        status = run(&s, argc - first - 2, &argv[first + 2]);
    if (status == KJ_OK)
        status = finish(&s, argv[first + 1]);
    if (status != KJ_OK)
        (void)fprintf(stderr, "%s\n", s.err.message);
    kj_regf_editor_free(s.editor);
    for (size_t i = 0; i < KJ_COUNT(buffers); i++)
        kj_buf_done(buffers[i]);
    kj_arena_done(&s.arena);
    return status == KJ_OK ? 0 : 1;
}
