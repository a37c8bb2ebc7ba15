/* SPDX-License-Identifier: Apache-2.0 */
/* Walks files through kj_identify() and every claim's walk, members in members, and prints a line
 * for each object:
 *
 *     depth name size type[,type...] [fnv1a of its bytes]
 *
 * and for what was not seen "! depth name status: sentence". Names are escaped. With -m the
 * headers of messages follow; with -e the file offset of the entry point; with -x DIR the leaves
 * are written there as NNN.bin; with -q only the totals are printed. With -l a line for each object
 * in place of the first, for comparing with other programs, fields apart by tabs:
 *
 *     = depth size digest head flags type[,type...] content-type name[ name...]
 *     % depth oddity[ oddity...]
 *
 * The digest is SHA-256 of the bytes without CR, without blanks before LF and LF at the end, the
 * head the first 24 of these bytes in hex. The flags are "a" attachment, "r" another reading, "e"
 * encrypted, "f" flat, or "-". Exit 1 when a file cannot be read. */
#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "formats/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* As a scan limits it, so that time and memory can be compared. */
enum { DEPTH_MAX = 16, LARGEST = 256 << 20, READINGS = 8, READINGS_ALWAYS = 256 << 10 };

typedef struct options {
    bool mail;
    bool entry;
    bool quiet;
    bool list;
    const char *leaves;
} options;

typedef struct totals {
    size_t objects;
    size_t unseen;
    size_t mails;
    size_t written;
    uint64_t budget;
    uint64_t readings; /* bytes that other readings of messages may still make */
} totals;

/* Contents that an object has shown, as a scan keeps them: another reading of it counts only if it
 * shows something else. */
typedef struct contents {
    uint64_t *hashes;
    size_t count;
    size_t room;
} contents;

typedef struct walk_sink {
    kj_sink base; /* first: the functions below cast back */
    const options *options;
    totals *totals;
    contents *shown; /* NULL: its members are not remembered */
    unsigned depth;
} walk_sink;

static void walk(const options *o, totals *t, const kj_member *member, kj_span bytes,
                 unsigned depth);

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

/* Fast, as a scan's is, so that time can be compared; nobody makes two contents alike for a test.
 */
static uint64_t content_hash(kj_span bytes)
{
    enum { LANES = 4, STEP = LANES * sizeof(uint64_t) };
    uint64_t lanes[LANES] = {bytes.len, 1, 2, 3}, words[LANES];
    size_t at = 0;
    for (; bytes.len - at >= STEP; at += STEP) {
        memcpy(words, bytes.data + at, STEP);
        for (size_t i = 0; i < LANES; i++)
            lanes[i] = (lanes[i] ^ (lanes[i] >> 29) ^ words[i]) * UINT64_C(0x9E3779B97F4A7C15);
    }
    return fnv1a(kj_span_of(lanes, sizeof lanes)) ^ fnv1a(kj_span_sub(bytes, at, SIZE_MAX));
}

static bool is_shown(contents *shown, const kj_member *member, kj_span bytes)
{
    if (!(member->flags & (KJ_MEMBER_READING | KJ_MEMBER_SHOWN)))
        return false;
    uint64_t hash = content_hash(bytes);
    for (size_t i = 0; i < shown->count; i++)
        if (shown->hashes[i] == hash)
            return true;
    if (shown->count == shown->room) {
        size_t room = 2 * shown->room + 64;
        uint64_t *grown = reallocarray(shown->hashes, room, sizeof *grown);
        if (!grown)
            return false;
        shown->hashes = grown;
        shown->room = room;
    }
    shown->hashes[shown->count++] = hash;
    return member->flags & KJ_MEMBER_SHOWN;
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
    walk_sink *sink = (walk_sink *)(void *)base;
    bool room = bytes <= sink->totals->readings;
    if (room)
        sink->totals->readings -= bytes;
    else
        on_unseen(base, KJ_LIMIT, (kj_span){0}, "more readings than the walk may make");
    return room;
}

static kj_status on_child(kj_sink *base, const kj_member *member, kj_span bytes, kj_error *err)
{
    (void)err;
    walk_sink *sink = (walk_sink *)(void *)base;
    bool new = !sink->shown || !is_shown(sink->shown, member, bytes);
    if (new && (!(member->flags & KJ_MEMBER_READING) || on_reading(base, bytes.len)))
        walk(sink->options, sink->totals, member, bytes, sink->depth + 1);
    return KJ_OK;
}

static kj_status on_account(kj_sink *base, uint64_t bytes, kj_error *err)
{
    walk_sink *sink = (walk_sink *)(void *)base;
    if (bytes >= sink->totals->budget)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "more bytes than the walk may unpack");
    sink->totals->budget -= bytes;
    sink->totals->readings += READINGS * bytes;
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

/* What programs agree on that read a text: line ends, and blanks before them, are theirs. */
static void put_plain(kj_span bytes, kj_buf *out)
{
    for (size_t i = 0; i <= bytes.len; i++) {
        bool ends = i == bytes.len || bytes.data[i] == '\n';
        while (ends && out->len &&
               (out->data[out->len - 1] == ' ' || out->data[out->len - 1] == '\t'))
            out->len--;
        if (i < bytes.len && bytes.data[i] != '\r')
            kj_buf_put_byte(out, bytes.data[i]);
    }
    while (out->len && out->data[out->len - 1] == '\n')
        out->len--;
}

static void print_plain(kj_span bytes)
{
    enum { HEAD = 24 };
    uint8_t digest[KJ_HASH_MAX];
    char hex[2 * KJ_HASH_MAX + 1], head[2 * HEAD + 1];
    kj_buf text;
    kj_buf_init(&text, bytes.len);
    put_plain(bytes, &text);
    kj_hash(KJ_HASH_SHA256, kj_buf_span(&text), digest);
    kj_hex_encode(kj_span_of(digest, kj_hash_len(KJ_HASH_SHA256)), hex);
    kj_hex_encode(kj_span_sub(kj_buf_span(&text), 0, HEAD), head);
    printf("%s\t%s", hex, head);
    kj_buf_done(&text);
}

static void list_object(const kj_object *object, const kj_member *member)
{
    kj_buf room;
    kj_buf_init(&room, 1 << 20);
    printf("=\t%u\t%zu\t", object->depth, object->bytes.len);
    print_plain(object->bytes);
    printf(
        "\t%s%s%s%s%s\t", member->flags ? "" : "-", member->flags & KJ_MEMBER_ATTACHMENT ? "a" : "",
        member->flags & KJ_MEMBER_READING ? "r" : "",
        member->flags & KJ_MEMBER_ENCRYPTED ? "e" : "", member->flags & KJ_MEMBER_FLAT ? "f" : "");
    for (size_t i = 0; i < object->claims.count; i++)
        printf("%s%s", i ? "," : "", object->claims.formats[i]->name);
    printf("\t%s", escaped(object->content_type, &room));
    printf("\t%s", escaped(object->name, &room));
    for (size_t i = 0; i < object->name_count; i++)
        printf(" %s", escaped(object->names[i], &room));
    printf("\n");
    kj_buf_done(&room);
}

static void list_oddities(const kj_object *object)
{
    if (!object->odd)
        return;
    printf("%%\t%u\t", object->depth);
    const char *apart = "";
    for (size_t i = 0; i < KJ_HEURISTIC_COUNT; i++) {
        if (!(object->odd & KJ_ODD(i)))
            continue;
        printf("%s%s", apart, kj_heuristics[i].name);
        apart = " ";
    }
    printf("\n");
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
    contents shown = {0};
    for (size_t i = 0; i < object->claims.count; i++) {
        const kj_format *format = object->claims.formats[i];
        if (!format->scan || (object->flat && format->kind == KJ_KIND_MAIL))
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
            .shown = format->kind == KJ_KIND_MAIL ? &shown : NULL,
            .depth = object->depth,
        };
        if (format->scan(object, &sink.base, &err) != KJ_OK)
            on_unseen(&sink.base, err.status, kj_span_str(format->name), err.message);
    }
    free(shown.hashes);
    if (leaf && o->leaves)
        write_leaf(o, t, object->bytes);
}

static void walk(const options *o, totals *t, const kj_member *member, kj_span bytes,
                 unsigned depth)
{
    if (depth > DEPTH_MAX)
        return;
    kj_object object = {
        .bytes = bytes,
        .name = member->name,
        .path = member->name,
        .depth = depth,
        .content_type = member->content_type,
        .names = member->names,
        .name_count = member->name_count,
        .flat = member->flags & KJ_MEMBER_FLAT,
    };
    kj_arena arena;
    kj_arena_init(&arena, 64 << 20);
    kj_identify(bytes, &object.claims);
    kj_identify_declared(object.content_type, object.name, &object.claims);
    t->objects++;
    if (o->list)
        list_object(&object, member);
    else
        print_object(o, &object);
    if (o->entry)
        print_entry(&object);
    scan_claims(o, t, &object, &arena);
    if (o->list)
        list_oddities(&object);
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
    kj_member file = {.name = kj_span_str(slash ? slash + 1 : path), .size = bytes.len};
    t->budget = UINT64_C(1) << 30;
    t->readings = READINGS_ALWAYS + READINGS * (uint64_t)bytes.len;
    if (ok)
        walk(o, t, &file, kj_buf_span(&bytes), 0);
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
        else if (strcmp(argv[i], "-l") == 0)
            o.list = true;
        else if (strcmp(argv[i], "-x") == 0 && i + 1 < argc)
            o.leaves = argv[++i];
        else
            ok = walk_file(&o, &t, argv[i]) && ok;
    }
    if (o.quiet)
        printf("%zu objects, %zu messages, %zu not seen\n", t.objects, t.mails, t.unseen);
    return ok ? 0 : 1;
}
