/* SPDX-License-Identifier: Apache-2.0 */
/* Walks files through kj_identify() and every claim's walk, members in members, and prints a line
 * for each object:
 *
 *     depth name size type[,type...] [fnv1a of its bytes]
 *
 * and for what was not seen "! depth name status: sentence". Names are escaped. With -m the
 * headers of messages follow; with -e the file offset of the entry point; with -x DIR the leaves
 * are written there as NNN.bin; with -q only the totals are printed. Exit 1 when a file cannot be
 * read. */
#include "base/file.h"
#include "base/text.h"
#include "formats/format.h"

#include <inttypes.h>
#include <stdio.h>

enum { DEPTH_MAX = 16, LARGEST = 256 << 20 };

typedef struct options {
    bool mail;
    bool entry;
    bool quiet;
    const char *leaves;
} options;

typedef struct totals {
    size_t objects;
    size_t unseen;
    size_t mails;
    size_t written;
    uint64_t budget;
} totals;

typedef struct walk_sink {
    kj_sink base; /* first: the functions below cast back */
    const options *options;
    totals *totals;
    unsigned depth;
} walk_sink;

static void walk(const options *o, totals *t, kj_span name, kj_span bytes, unsigned depth);

static const char *escaped(kj_span name, kj_buf *room)
{
    kj_buf_clear(room);
    kj_escape(name, " ", room);
    return kj_buf_text(room);
}

static uint64_t fnv1a(kj_span bytes)
{
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (size_t i = 0; i < bytes.len; i++)
        hash = (hash ^ bytes.data[i]) * UINT64_C(0x100000001B3);
    return hash;
}

static kj_status on_child(kj_sink *base, const kj_member *member, kj_span bytes, kj_error *err)
{
    (void)err;
    walk_sink *sink = (walk_sink *)(void *)base;
    walk(sink->options, sink->totals, member->name, bytes, sink->depth + 1);
    return KJ_OK;
}

static void on_unseen(kj_sink *base, kj_status why, kj_span member, const char *sentence)
{
    walk_sink *sink = (walk_sink *)(void *)base;
    kj_buf room;
    kj_buf_init(&room, 1 << 16);
    sink->totals->unseen++;
    if (!sink->options->quiet)
        printf("! %u %s %s: %s\n", sink->depth + 1, escaped(member, &room), kj_status_name(why),
               sentence);
    kj_buf_done(&room);
}

static bool on_reading(kj_sink *base, uint64_t bytes)
{
    (void)base;
    (void)bytes;
    return true;
}

static kj_status on_account(kj_sink *base, uint64_t bytes, kj_error *err)
{
    walk_sink *sink = (walk_sink *)(void *)base;
    if (bytes >= sink->totals->budget)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "more bytes than the walk may unpack");
    sink->totals->budget -= bytes;
    return KJ_OK;
}

static void print_object(const options *o, const kj_object *object)
{
    if (o->quiet)
        return;
    kj_buf room;
    kj_buf_init(&room, 1 << 20);
    printf("%u %s %zu ", object->depth, escaped(object->name, &room), object->bytes.len);
    for (size_t i = 0; i < object->claims.count; i++)
        printf("%s%s", i ? "," : "", object->claims.formats[i]->name);
    printf(" %016" PRIx64 "\n", fnv1a(object->bytes));
    kj_buf_done(&room);
}

static void print_entry(const kj_object *object)
{
    uint64_t offset;
    for (size_t i = 0; i < object->claims.count; i++) {
        const kj_format *format = object->claims.formats[i];
        if (format->entry_point && format->entry_point(object->bytes, &offset))
            printf("@ %" PRIu64 "\n", offset);
    }
}

static void print_mail(const kj_mail *mail)
{
    kj_buf room;
    kj_buf_init(&room, 1 << 20);
    for (size_t i = 0; i < mail->header_count; i++) {
        printf("# %s", escaped(mail->headers[i].name, &room));
        printf(": %s\n", escaped(mail->headers[i].value, &room));
    }
    kj_buf_done(&room);
}

static void write_leaf(const options *o, totals *t, kj_span bytes)
{
    char path[512];
    kj_error err;
    (void)snprintf(path, sizeof path, "%s/%03zu.bin", o->leaves, ++t->written);
    if (kj_file_replace(path, bytes, 0600, &err) != KJ_OK)
        fprintf(stderr, "walk: %s: %s\n", path, err.message);
}

static void scan_claims(const options *o, totals *t, kj_object *object, kj_arena *arena)
{
    bool leaf = true;
    for (size_t i = 0; i < object->claims.count; i++) {
        const kj_format *format = object->claims.formats[i];
        if (!format->scan)
            continue;
        leaf = false;
        kj_error err;
        walk_sink sink = {
            .base = {.arena = arena,
                     .child = on_child,
                     .unseen = on_unseen,
                     .account = on_account,
                     .reading = on_reading,
                     .largest_member = LARGEST},
            .options = o,
            .totals = t,
            .depth = object->depth,
        };
        if (format->scan(object, &sink.base, &err) != KJ_OK)
            on_unseen(&sink.base, err.status, kj_span_str(format->name), err.message);
    }
    if (leaf && o->leaves)
        write_leaf(o, t, object->bytes);
}

static void walk(const options *o, totals *t, kj_span name, kj_span bytes, unsigned depth)
{
    if (depth > DEPTH_MAX)
        return;
    kj_object object = {.bytes = bytes, .name = name, .path = name, .depth = depth};
    kj_arena arena;
    kj_arena_init(&arena, 64 << 20);
    kj_identify(bytes, &object.claims);
    t->objects++;
    print_object(o, &object);
    if (o->entry)
        print_entry(&object);
    scan_claims(o, t, &object, &arena);
    if (object.mail)
        t->mails++;
    if (object.mail && o->mail)
        print_mail(object.mail);
    kj_arena_done(&arena);
}

static bool walk_file(const options *o, totals *t, const char *path)
{
    kj_buf bytes;
    kj_error err;
    kj_buf_init(&bytes, 1u << 30);
    bool ok = kj_file_read(path, &bytes, &err) == KJ_OK;
    const char *slash = strrchr(path, '/');
    if (ok)
        walk(o, t, kj_span_str(slash ? slash + 1 : path), kj_buf_span(&bytes), 0);
    else
        fprintf(stderr, "walk: %s: %s\n", path, err.message);
    kj_buf_done(&bytes);
    return ok;
}

int main(int argc, char **argv)
{
    options o = {0};
    totals t = {0};
    bool ok = true;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-m") == 0)
            o.mail = true;
        else if (strcmp(argv[i], "-e") == 0)
            o.entry = true;
        else if (strcmp(argv[i], "-q") == 0)
            o.quiet = true;
        else if (strcmp(argv[i], "-x") == 0 && i + 1 < argc)
            o.leaves = argv[++i];
        else {
            t.budget = UINT64_C(1) << 30;
            ok = walk_file(&o, &t, argv[i]) && ok;
        }
    }
    if (o.quiet)
        printf("%zu objects, %zu messages, %zu not seen\n", t.objects, t.mails, t.unseen);
    return ok ? 0 : 1;
}
