/* SPDX-License-Identifier: Apache-2.0 */
/* A part that is no multipart: decoded by its encoding, or in every reading of each encoding that
 * it may have; the files that stand encoded in a text; runs of base64 that nothing announces. */
#include "base/arith.h"
#include "base/text.h"
#include "formats/mail_walk.h"

enum {
    NAME_MAX_LEN = 1024, /* bytes of a name inside an encoded file */
};

static bool is_text(kj_span type)
{
    return kj_span_starts(type, kj_span_str("text/"));
}

static bool is_message(kj_span type)
{
    return kj_span_starts(type, kj_span_str("message/"));
}

/* A text that is read where it stands: whoever shows it looks for no message in it. */
static bool is_body_text(const kj_mail_part *p)
{
    return is_text(p->type) && p->names.count == 0;
}

/* ---- handing out ----------------------------------------------------------------------------- */

/* "part 1.2", or by its type for the message's only part; another reading has no number. NULL
 * without memory. */
static char *make_name(kj_mail_walk *w, const kj_mail_part *p)
{
    kj_arena *arena = w->sink->arena;
    if (p->number[0])
        return kj_arena_printf(arena, "part %s", p->number);
    if (w->flags & KJ_MEMBER_READING && p->body.data >= w->message.data &&
        p->body.data <= w->message.data + w->message.len)
        return kj_arena_printf(arena, "data at %zu", (size_t)(p->body.data - w->message.data));
    bool html = kj_span_is(p->type, "text/html");
    return kj_arena_strdup(arena, html ? "body.html" : is_text(p->type) ? "body.txt" : "body");
}

static bool may_be_encrypted(kj_span bytes)
{
    return kj_span_starts(bytes, kj_span_str("PK\3\4")) && bytes.len > 8 && (bytes.data[6] & 1);
}

static kj_status hand_out(kj_mail_walk *w, const kj_mail_part *p, kj_span bytes, unsigned flags,
                          kj_error *err)
{
    if (w->collecting) {
        if (is_text(p->type) && w->texts.len < KJ_MAIL_WORDS_MAX)
            kj_buf_put(&w->texts, kj_span_sub(bytes, 0, KJ_MAIL_WORDS_MAX - w->texts.len));
        kj_buf_put_byte(&w->texts, '\n');
        return KJ_OK;
    }
    if (may_be_encrypted(bytes))
        KJ_TRY(kj_mail_collect_words(w, err));
    bool named = p->names.count > 0;
    kj_span name = named ? p->names.items[0] : kj_span_str(make_name(w, p));
    if (!name.data)
        return kj_mail_no_room(err);
    kj_member member = {
        .name = name,
        .size = bytes.len,
        .flags = w->flags | flags | (p->flat ? KJ_MEMBER_FLAT : 0) |
                 (named || p->is_attachment ? KJ_MEMBER_ATTACHMENT : 0),
        .content_type = p->type,
        .names = named ? p->names.items + 1 : NULL,
        .name_count = named ? p->names.count - 1 : 0,
    };
    return kj_sink_child(w->sink, &member, bytes, err);
}

/* Decoded bytes are never more than encoded ones, which are in memory already. */
static kj_status decode(kj_mail_walk *w, kj_encoding encoding, kj_span text, kj_span *out,
                        kj_oddities *odd, kj_error *err)
{
    *out = text;
    if (encoding == KJ_ENCODING_IDENTITY)
        return KJ_OK;
    kj_buf_clear(&w->decoded);
    w->decoded.max = text.len;
    kj_encoding_decode(encoding, text, &w->decoded, odd);
    *out = kj_buf_span(&w->decoded);
    return w->decoded.failed ? kj_no_memory(err) : KJ_OK;
}

/* ---- files in texts -------------------------------------------------------------------------- */

enum { FILE_MAX = 256 << 20, FILE_GROWTH = 64 }; /* of BinHex, whose runs expand */

/* Hands out an encoded file. What the part says of itself is the first one's name and everybody's
 * type when the encoding is the part's own, and nothing otherwise. */
static kj_status hand_out_file(kj_mail_walk *w, const kj_mail_part *p, bool own,
                               const kj_encoded_file *file, kj_buf *bytes, kj_error *err)
{
    kj_buf inner;
    kj_buf_init(&inner, NAME_MAX_LEN);
    kj_buf_clear(bytes);
    bytes->max = kj_min_size(file->text.len * FILE_GROWTH, FILE_MAX);
    kj_encoded_decode(file, bytes, &inner);
    kj_mail_part part = {.number = p->number, .body = file->text};
    if (own)
        part = *p;
    kj_arena *arena = w->sink->arena;
    const kj_span names[] = {kj_span_sub(file->name, 0, NAME_MAX_LEN), kj_buf_span(&inner)};
    bool kept = true;
    for (size_t i = 0; i < KJ_COUNT(names); i++)
        if (names[i].len)
            kept &= kj_mime_values_add(arena, names[i], &part.names);
    part.is_attachment = true;
    kj_status status = kept ? kj_sink_account(w->sink, bytes->len, err) : kj_mail_no_room(err);
    if (status == KJ_OK && bytes->failed)
        kj_sink_unseen(w->sink, KJ_LIMIT, part.names.count ? part.names.items[0] : (kj_span){0},
                       "an encoded file that expands too much");
    if (status == KJ_OK)
        status = hand_out(w, &part, kj_buf_span(bytes), 0, err);
    kj_buf_done(&inner);
    return status;
}

/* Without a first line that announces a file, a body whose encoding is said to be one is its data.
 */
static kj_status walk_files(kj_mail_walk *w, const kj_mail_part *p, bool own, kj_span text,
                            size_t *out_count, kj_error *err)
{
    size_t pos = 0;
    kj_encoded_file file;
    kj_buf bytes;
    kj_buf_init(&bytes, FILE_MAX);
    kj_status status = KJ_OK;
    for (*out_count = 0; status == KJ_OK && kj_encoded_next(text, &pos, &file); ++*out_count)
        status = hand_out_file(w, p, own && *out_count == 0, &file, &bytes, err);
    if (status == KJ_OK && own && *out_count == 0) {
        file = (kj_encoded_file){.kind = KJ_ENCODED_UU, .text = text};
        status = hand_out_file(w, p, true, &file, &bytes, err);
        *out_count = bytes.len > 0;
    }
    kj_buf_done(&bytes);
    return status;
}

/* Whether encoded files are looked for in what the part's own encoding holds. */
static bool may_hold_files(kj_span type)
{
    return is_text(type) || kj_text_find_nocase(type, kj_span_str("binhex")) != SIZE_MAX ||
           kj_text_find_nocase(type, kj_span_str("uuencode")) != SIZE_MAX;
}

/* AppleSingle, RFC 1740: a file and what a Macintosh knows of it, of which others show the file. */
static kj_status walk_data_fork(kj_mail_walk *w, const kj_mail_part *p, kj_span bytes,
                                kj_error *err)
{
    enum { MAGIC = 0x00051600, FILLER = 16, DATA_FORK = 1 };
    kj_reader r = kj_reader_of(bytes);
    if (kj_read_u32be(&r) != MAGIC)
        return KJ_OK;
    kj_skip(&r, 4 + FILLER); /* version */
    for (unsigned left = kj_read_u16be(&r); left > 0 && kj_reader_ok(&r); left--) {
        uint32_t id = kj_read_u32be(&r);
        uint32_t offset = kj_read_u32be(&r);
        uint32_t len = kj_read_u32be(&r);
        if (kj_reader_ok(&r) && id == DATA_FORK)
            return hand_out(w, p, kj_span_sub(bytes, offset, len), 0, err);
    }
    return KJ_OK;
}

/* ---- texts that hide ASCII ------------------------------------------------------------------- */

enum { UTF8_GROWTH = 4, CONVERTED_MAX = 64 << 20 };

/* The character set in which the text's ASCII does not stand as ASCII; empty: it does. */
static kj_span hiding_charset(kj_mail_walk *w, const kj_mail_part *p, kj_span text)
{
    static const struct {
        kj_span mark;
        const char *charset;
    } marks[] = {
        {{(const uint8_t *)"\xFF\xFE\0", 4}, "utf-32"},
        {{(const uint8_t *)"\0\0\xFE\xFF", 4}, "utf-32"},
        {{(const uint8_t *)"\xFF\xFE", 2}, "utf-16"},
        {{(const uint8_t *)"\xFE\xFF", 2}, "utf-16"},
    };
    for (size_t i = 0; i < KJ_COUNT(marks); i++)
        if (kj_span_starts(text, marks[i].mark))
            return kj_span_str(marks[i].charset);
    kj_buf_clear(&w->scratch);
    if (!p->type_raw.len || !kj_mime_find_param(p->type_raw, "charset", &w->scratch))
        return (kj_span){0};
    kj_span charset = kj_buf_span(&w->scratch);
    return kj_charset_is_ascii_superset(charset) ? (kj_span){0} : charset;
}

static kj_status walk_converted(kj_mail_walk *w, const kj_mail_part *p, kj_span text, kj_error *err)
{
    kj_span charset = hiding_charset(w, p, text);
    if (!charset.len || w->collecting)
        return KJ_OK;
    kj_buf converted;
    kj_buf_init(&converted, kj_min_size(text.len, CONVERTED_MAX / UTF8_GROWTH) * UTF8_GROWTH);
    kj_charset_to_utf8(charset, kj_span_sub(text, 0, CONVERTED_MAX), &converted);
    if (!w->flags && (text.len > CONVERTED_MAX || (converted.failed && !converted.starved)))
        kj_sink_unseen(w->sink, KJ_LIMIT, kj_span_str(p->number),
                       "a text in another character set that is longer than is converted");
    kj_span bytes = kj_buf_span(&converted);
    if (kj_span_starts(bytes, kj_span_str("\xEF\xBB\xBF")))
        bytes = kj_span_sub(bytes, 3, SIZE_MAX);
    size_t files;
    kj_status status = hand_out(w, p, bytes, KJ_MEMBER_READING, err);
    if (status == KJ_OK)
        status = walk_files(w, p, false, bytes, &files, err);
    kj_buf_done(&converted);
    return status;
}

/* ---- the standard's reading ------------------------------------------------------------------ */

/* Data that begins as base64 does though nothing says so. */
static bool is_encoded_run(kj_span text)
{
    enum { LOOK = 512 };
    size_t pos = 0;
    kj_span run;
    text = kj_text_trim(kj_span_sub(text, 0, LOOK));
    return kj_base64_next_run(text, &pos, &run) && run.data == text.data && run.len > text.len / 2;
}

/* A message in pieces shows its beginning only; the pieces are never seen together. */
static void note_message(kj_mail_walk *w, const kj_mail_part *p)
{
    if (kj_span_is(p->type, "message/external-body"))
        w->odd |= KJ_ODD(KJ_ODD_EXTERNAL_BODY);
    if (!kj_span_is(p->type, "message/partial"))
        return;
    kj_buf_clear(&w->scratch);
    bool whole = kj_mime_find_param(p->type_raw, "total", &w->scratch) &&
                 kj_span_is(kj_buf_span(&w->scratch), "1");
    w->odd |= KJ_ODD(KJ_ODD_PARTIAL_MESSAGE);
    w->reread |= KJ_ODD(KJ_ODD_PARTIAL_MESSAGE);
    if (!whole && !w->collecting && !w->flags)
        kj_sink_unseen(w->sink, KJ_UNSUPPORTED, kj_span_str(p->number),
                       "one piece of a message that was sent in pieces");
}

static void note_identity(kj_mail_walk *w, const kj_mail_part *p)
{
    if (is_message(p->type))
        note_message(w, p);
    else if (kj_mail_has_part_field(p->body))
        w->odd |= KJ_ODD(KJ_ODD_HIDDEN_PART);
    else if (!is_text(p->type) && is_encoded_run(p->body))
        w->odd |= KJ_ODD(KJ_ODD_ENCODED_RUN);
    w->reread |= w->odd & (KJ_ODD(KJ_ODD_HIDDEN_PART) | KJ_ODD(KJ_ODD_ENCODED_RUN));
}

kj_status kj_mail_walk_leaf(kj_mail_walk *w, const kj_mail_part *p, kj_error *err)
{
    if (w->collecting && !is_text(p->type))
        return KJ_OK;
    KJ_TRY(kj_sink_account(w->sink, p->body.len, err));
    kj_encoding encoding = p->encodings.first;
    size_t files = 0;
    if (encoding == KJ_ENCODING_FILE)
        KJ_TRY(walk_files(w, p, true, p->body, &files, err));
    if (files)
        return KJ_OK;
    kj_span bytes;
    kj_oddities odd = 0;
    KJ_TRY(decode(w, encoding == KJ_ENCODING_FILE ? KJ_ENCODING_IDENTITY : encoding, p->body,
                  &bytes, &odd, err));
    if (encoding != KJ_ENCODING_IDENTITY && (is_message(p->type) || kj_mail_is_multipart(p->type)))
        odd |= KJ_ODD(KJ_ODD_ENCODED_MULTIPART);
    w->odd |= odd;
    w->reread |= odd;
    if (encoding == KJ_ENCODING_IDENTITY)
        note_identity(w, p);
    KJ_TRY(hand_out(w, p, bytes, is_body_text(p) ? KJ_MEMBER_FLAT : 0, err));
    if (is_text(p->type))
        KJ_TRY(walk_converted(w, p, bytes, err));
    if (w->collecting)
        return KJ_OK;
    KJ_TRY(walk_data_fork(w, p, bytes, err));
    if (encoding == KJ_ENCODING_FILE ||
        (encoding != KJ_ENCODING_IDENTITY && !may_hold_files(p->type)))
        return KJ_OK;
    return walk_files(w, p, false, bytes, &files, err);
}

/* ---- all readings ---------------------------------------------------------------------------- */

/* Every reading of one encoding; the others only of a text that is not well-formed in it. */
static kj_status walk_encoding(kj_mail_walk *w, const kj_mail_part *p, kj_encoding encoding,
                               kj_error *err)
{
    if (!kj_sink_reading(w->sink, p->body.len))
        return KJ_OK;
    kj_oddities odd = 0;
    kj_span bytes;
    size_t files;
    if (encoding == KJ_ENCODING_FILE)
        return walk_files(w, p, true, p->body, &files, err);
    KJ_TRY(decode(w, encoding, p->body, &bytes, &odd, err));
    bool flat = encoding == KJ_ENCODING_IDENTITY || is_body_text(p);
    KJ_TRY(hand_out(w, p, bytes, flat ? KJ_MEMBER_FLAT : 0, err));
    if (is_text(p->type))
        KJ_TRY(walk_converted(w, p, bytes, err));
    KJ_TRY(walk_data_fork(w, p, bytes, err));
    if (encoding != KJ_ENCODING_IDENTITY)
        KJ_TRY(walk_files(w, p, false, bytes, &files, err));
    w->odd |= odd;
    for (size_t i = 0; odd && i < kj_encoding_reading_count(encoding); i++) {
        if (!kj_sink_reading(w->sink, p->body.len))
            return KJ_OK;
        kj_buf_clear(&w->decoded);
        kj_encoding_decode_reading(encoding, i, p->body, &w->decoded);
        if (w->decoded.failed)
            return kj_no_memory(err);
        KJ_TRY(hand_out(w, p, kj_buf_span(&w->decoded), flat ? KJ_MEMBER_FLAT : 0, err));
    }
    return KJ_OK;
}

kj_status kj_mail_walk_leaf_anyhow(kj_mail_walk *w, const kj_mail_part *p, kj_error *err)
{
    KJ_TRY(kj_sink_account(w->sink, 0, err));
    for (kj_encoding encoding = 0; encoding < KJ_ENCODING_COUNT; encoding++)
        if (p->encodings.set & 1U << encoding)
            KJ_TRY(walk_encoding(w, p, encoding, err));
    return KJ_OK;
}

kj_status kj_mail_walk_runs(kj_mail_walk *w, kj_span text, kj_error *err)
{
    size_t pos = 0;
    kj_span run;
    while (kj_base64_next_run(text, &pos, &run)) {
        const kj_mail_part part = {
            .type = kj_span_str("application/octet-stream"), .number = "", .body = run};
        KJ_TRY(kj_sink_account(w->sink, 0, err));
        KJ_TRY(walk_encoding(w, &part, KJ_ENCODING_BASE64, err));
    }
    const kj_mail_part whole = {.type = kj_span_str("text/plain"), .number = "", .body = text};
    size_t files;
    return walk_files(w, &whole, false, text, &files, err);
}
