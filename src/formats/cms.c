/* SPDX-License-Identifier: Apache-2.0 */
/* Signed and compressed messages: S/MIME's application/pkcs7-mime, .p7m files. RFC 5652
 * (Cryptographic Message Syntax), RFC 3274 (compressed), RFC 2315 (PKCS #7), X.690 (BER).
 *
 *     ContentInfo     SEQUENCE { type OID, [0] content }
 *     SignedData      SEQUENCE { version, algorithms, EncapsulatedContentInfo, ... }
 *     CompressedData  SEQUENCE { version, algorithm, EncapsulatedContentInfo }
 *     EncapsulatedContentInfo  SEQUENCE { type OID, [0] OCTET STRING }
 *
 * Handed out: the content, whatever the signatures say; it is a message again when it was sent as
 * one. Digested and authenticated data are opened likewise, a structure in a structure, too. What
 * is encrypted is told. A detached signature and a list of certificates have nothing inside.
 *
 * All of BER is read: indefinite lengths, strings in pieces, however deep. Lengths are not
 * believed: what a piece lacks ends the content and is told. */
#include "base/arith.h"
#include "base/path.h"
#include "base/text.h"
#include "formats/encoded.h"
#include "formats/inflate.h"
#include "formats/mime.h"
#include "formats/rows.h"

enum {
    SEQUENCE = 0x30,
    OBJECT_ID = 0x06,
    OCTETS = 0x04,
    OCTETS_IN_PIECES = 0x24,
    CONTENT = 0xA0, /* [0], constructed */
    CONSTRUCTED = 0x20,
    NESTING_MAX = 8,  /* structures in one another; nobody makes more than three */
    SIBLINGS_MAX = 8, /* elements before the content of a structure */
    LOOK = 4 << 10,   /* bytes that tell whether it is a message */
};

/* ---- BER ----------------------------------------------------------------------------------- */

typedef struct element {
    uint8_t tag;     /* its first byte */
    bool indefinite; /* it ends with an empty element of tag 0 */
    size_t len;      /* as announced */
} element;

static size_t read_long_length(kj_reader *r, unsigned bytes)
{
    uint64_t len = 0;
    for (unsigned i = 0; i < bytes; i++)
        len = len >> 56 ? UINT64_MAX : len << 8 | kj_read_u8(r);
    return (size_t)kj_min_u64(len, SIZE_MAX);
}

/* Reads up to the first byte of the content. */
static bool read_element(kj_reader *r, element *out)
{
    *out = (element){.tag = kj_read_u8(r)};
    if ((out->tag & 0x1F) == 0x1F)
        while (kj_reader_ok(r) && (kj_read_u8(r) & 0x80))
            continue;
    uint8_t len = kj_read_u8(r);
    out->indefinite = len == 0x80;
    out->len = len < 0x80 ? len : read_long_length(r, len & 0x7F);
    return kj_reader_ok(r);
}

static bool is_end(const element *e)
{
    return e->tag == 0 && e->len == 0 && !e->indefinite;
}

/* The content; of an indefinite one all that follows. */
static kj_reader read_content(kj_reader *r, const element *e)
{
    size_t left = kj_reader_left(r);
    return kj_read_sub(r, e->indefinite ? left : kj_min_size(e->len, left));
}

static void skip_content(kj_reader *r, const element *e)
{
    kj_skip(r, kj_min_size(e->len, kj_reader_left(r)));
    element inner;
    for (size_t open = e->indefinite ? 1 : 0; open > 0 && read_element(r, &inner);) {
        if (is_end(&inner))
            open--;
        else if (inner.indefinite)
            open++;
        else
            kj_skip(r, kj_min_size(inner.len, kj_reader_left(r)));
    }
}

static bool enter(kj_reader *r, uint8_t tag, kj_reader *out)
{
    element e;
    if (!read_element(r, &e) || e.tag != tag)
        return false;
    *out = read_content(r, &e);
    return true;
}

static bool read_object_id(kj_reader *r, kj_span *out)
{
    kj_reader id;
    if (!enter(r, OBJECT_ID, &id))
        return false;
    *out = id.in;
    return true;
}

/* ---- what the object identifiers say ------------------------------------------------------- */

typedef enum kind { DATA, ENCAPSULATING, COMPRESSED, ENCRYPTED } kind;

#define PKCS7 "\x2A\x86\x48\x86\xF7\x0D\x01\x07"         /* 1.2.840.113549.1.7 */
#define SMIME "\x2A\x86\x48\x86\xF7\x0D\x01\x09\x10\x01" /* 1.2.840.113549.1.9.16.1 */

static const struct {
    const char *id;
    kind kind;
} structures[] = {
    {PKCS7 "\x01", DATA},          /* data */
    {PKCS7 "\x02", ENCAPSULATING}, /* signed */
    {PKCS7 "\x03", ENCRYPTED},     /* enveloped */
    {PKCS7 "\x04", ENCRYPTED},     /* signed and enveloped */
    {PKCS7 "\x05", ENCAPSULATING}, /* digested */
    {PKCS7 "\x06", ENCRYPTED},     /* encrypted */
    {SMIME "\x02", ENCAPSULATING}, /* authenticated */
    {SMIME "\x09", COMPRESSED},    /* compressed */
    {SMIME "\x17", ENCRYPTED},     /* authenticated and enveloped */
};

/* False, and DATA, for a type that is none of these. */
static bool find_kind(kj_span id, kind *out)
{
    *out = DATA;
    for (size_t i = 0; i < KJ_COUNT(structures); i++) {
        if (!kj_span_is(id, structures[i].id))
            continue;
        *out = structures[i].kind;
        return true;
    }
    return false;
}

static unsigned probe(kj_span bytes)
{
    kj_reader r = kj_reader_of(bytes);
    kj_reader inside;
    kj_span id;
    kind what;
    return enter(&r, SEQUENCE, &inside) && read_object_id(&inside, &id) && find_kind(id, &what) ? 80
                                                                                                : 0;
}

/* ---- the content --------------------------------------------------------------------------- */

typedef struct walk {
    const kj_object *object;
    kj_sink *sink;
    bool cut;
} walk;

/* Joins the pieces of a string. As OpenSSL does, takes every primitive element for one of them. Its
 * depth needs no stack: levels of a definite length end with what is around them. */
static kj_status join_pieces(walk *w, kj_reader *r, const element *e, kj_buf *out, kj_error *err)
{
    kj_reader pieces = read_content(r, e);
    size_t open = e->indefinite ? 1 : 0;
    element piece;
    w->cut |= !e->indefinite && pieces.in.len < e->len;
    while (kj_reader_left(&pieces) && read_element(&pieces, &piece)) {
        KJ_TRY(kj_sink_account(w->sink, 0, err));
        if (is_end(&piece)) {
            if (open > 0 && --open == 0 && e->indefinite)
                return KJ_OK;
        } else if (piece.tag & CONSTRUCTED) {
            open += piece.indefinite;
        } else {
            kj_reader bytes = read_content(&pieces, &piece);
            w->cut |= bytes.in.len < piece.len;
            KJ_TRY(kj_sink_account(w->sink, bytes.in.len, err));
            kj_buf_put(out, bytes.in);
        }
    }
    w->cut |= e->indefinite || !kj_reader_ok(&pieces);
    return KJ_OK;
}

/* The bytes of a string that begins at the reader: borrowed, or joined in `room`. What is no string
 * is taken with its tag, as PKCS #7 had it. */
static kj_status read_octets(walk *w, kj_reader *r, kj_buf *room, kj_span *out, kj_error *err)
{
    element e;
    kj_span rest = kj_span_sub(r->in, r->pos, SIZE_MAX);
    bool is_whole = read_element(r, &e);
    *out = is_whole ? rest : (kj_span){0};
    w->cut |= !is_whole;
    if (!is_whole || (e.tag & ~CONSTRUCTED) != OCTETS)
        return KJ_OK;
    if (e.tag == OCTETS) {
        *out = read_content(r, &e).in;
        w->cut |= out->len < e.len;
        return KJ_OK;
    }
    KJ_TRY(join_pieces(w, r, &e, room, err));
    *out = kj_buf_span(room);
    return KJ_OK;
}

/* "x.pdf.p7m" holds "x.pdf"; "smime.p7m" just a content. */
static kj_span name_inside(const kj_object *object)
{
    kj_span stem;
    kj_span extension = kj_path_extension(object->name, &stem);
    bool is_ours =
        extension.len == 3 && kj_text_equal_nocase(kj_span_sub(extension, 0, 2), kj_span_str("p7"));
    return is_ours && kj_path_extension(stem, NULL).len ? stem : kj_span_str("content");
}

static bool is_known_file(kj_span bytes)
{
    kj_claims claims;
    kj_identify(bytes, &claims);
    kj_kind what = claims.formats[0]->kind;
    return what != KJ_KIND_DATA && what != KJ_KIND_TEXT && what != KJ_KIND_MAIL;
}

/* Mail programs take what was sent as S/MIME for a MIME entity, however it begins; but documents
 * are signed and sent like this, too. */
static bool is_entity(const walk *w, kj_span bytes)
{
    if (kj_mime_is_field(kj_span_sub(bytes, 0, LOOK)))
        return true;
    bool sent = kj_text_find_nocase(w->object->content_type, kj_span_str("pkcs7-mime")) != SIZE_MAX;
    if (!sent || !is_known_file(bytes))
        return sent;
    kj_span field = kj_span_str("content-");
    return kj_text_find_nocase(kj_span_sub(bytes, 0, LOOK), field) != SIZE_MAX;
}

static kj_status hand_out(walk *w, kj_span bytes, kj_error *err)
{
    kj_member member = {
        .name = name_inside(w->object),
        .size = bytes.len,
        .content_type = kj_span_str(is_entity(w, bytes) ? "message/rfc822" : ""),
    };
    return kj_sink_child(w->sink, &member, bytes, err);
}

/* ---- structures ---------------------------------------------------------------------------- */

/* Moves to the first element that is a type and a content, the EncapsulatedContentInfo; false when
 * there is none or it has no content. */
static bool find_encapsulated(kj_reader *r, kj_span *out_id, kj_reader *out_content)
{
    for (unsigned i = 0; i < SIBLINGS_MAX && kj_reader_left(r); i++) {
        element e;
        if (!read_element(r, &e) || is_end(&e))
            return false;
        kj_reader copy = *r;
        kj_reader inside = read_content(&copy, &e);
        if (e.tag == SEQUENCE && read_object_id(&inside, out_id) &&
            enter(&inside, CONTENT, out_content))
            return true;
        skip_content(r, &e);
    }
    return false;
}

static kj_status walk_structure(walk *w, kj_span id, kj_reader *r, unsigned depth, kj_error *err);

/* What stands in a structure: a structure again if its type says so and it looks like one. A whole
 * ContentInfo there is against the standard and a member. */
static kj_status walk_bytes(walk *w, kj_span id, kj_span bytes, unsigned depth, kj_error *err)
{
    kind what;
    bool looks = bytes.len && bytes.data[0] == SEQUENCE && !probe(bytes);
    if (!looks || !find_kind(id, &what) || what == DATA)
        return hand_out(w, bytes, err);
    kj_reader r = kj_reader_of(bytes);
    return walk_structure(w, id, &r, depth, err);
}

static kj_status walk_compressed(walk *w, kj_span id, kj_span packed, unsigned depth, kj_error *err)
{
    kj_buf bytes;
    kj_error problem = {0};
    kj_buf_init(&bytes, (size_t)kj_min_u64(w->sink->largest_member, SIZE_MAX));
    kj_status unpacked = kj_inflate(packed, w->sink, &bytes, &problem);
    kj_status status = KJ_OK;
    if (unpacked == KJ_OK && bytes.failed)
        unpacked = kj_fail(&problem, KJ_LIMIT, KJ_NO_OFFSET,
                           "larger than a member may be (--max-member-size)");
    if (!bytes.failed && bytes.len && unpacked != KJ_LIMIT && unpacked != KJ_CANCELLED)
        status = walk_bytes(w, id, kj_buf_span(&bytes), depth, err);
    kj_buf_done(&bytes);
    if (status == KJ_OK && unpacked != KJ_OK)
        return kj_fail(err, problem.status, problem.offset, "%s", problem.message);
    return status;
}

static kj_status walk_content(walk *w, kind what, kj_span id, kj_reader *r, unsigned depth,
                              kj_error *err)
{
    kj_buf room;
    kj_span bytes;
    kj_buf_init(&room, (size_t)kj_min_u64(w->sink->largest_member, SIZE_MAX));
    kj_status status = read_octets(w, r, &room, &bytes, err);
    if (status == KJ_OK && room.failed)
        kj_sink_unseen(w->sink, KJ_LIMIT, name_inside(w->object),
                       "larger than a member may be (--max-member-size)");
    else if (status == KJ_OK && what == COMPRESSED)
        status = walk_compressed(w, id, bytes, depth, err);
    else if (status == KJ_OK)
        status = walk_bytes(w, id, bytes, depth, err);
    kj_buf_done(&room);
    return status;
}

/* `r` is where the content of a ContentInfo of that type begins. */
static kj_status walk_structure(walk *w, kj_span id, kj_reader *r, unsigned depth, kj_error *err)
{
    kind what;
    kj_reader inside;
    kj_reader content;
    (void)find_kind(id, &what);
    KJ_TRY(kj_sink_account(w->sink, 0, err));
    if (depth == NESTING_MAX)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "too many structures in one another");
    if (what == ENCRYPTED)
        kj_sink_unseen(w->sink, KJ_UNSUPPORTED, name_inside(w->object), KJ_UNSEEN_ENCRYPTED);
    if (what == DATA)
        return walk_content(w, DATA, id, r, depth, err);
    if (what == ENCRYPTED || !enter(r, SEQUENCE, &inside))
        return KJ_OK;
    return find_encapsulated(&inside, &id, &content)
               ? walk_content(w, what, id, &content, depth + 1, err)
               : KJ_OK;
}

static kj_status walk_info(walk *w, kj_span bytes, kj_error *err)
{
    kj_reader r = kj_reader_of(bytes);
    kj_reader inside;
    kj_reader content;
    kj_span id;
    if (!probe(bytes) || !enter(&r, SEQUENCE, &inside) || !read_object_id(&inside, &id) ||
        !enter(&inside, CONTENT, &content))
        return KJ_OK; /* it is only said to be one: scanned as what it is */
    KJ_TRY(walk_structure(w, id, &content, 0, err));
    if (w->cut)
        return kj_fail(err, KJ_TRUNCATED, bytes.len, "its content ends early");
    return KJ_OK;
}

/* Files called .p7m are now and then base64 once more: "MI" is how a SEQUENCE begins then. */
static kj_status scan(kj_object *object, kj_sink *sink, kj_error *err)
{
    walk w = {.object = object, .sink = sink};
    kj_span text = kj_text_trim(object->bytes);
    if (!text.len || text.data[0] != 'M')
        return walk_info(&w, object->bytes, err);
    KJ_TRY(kj_sink_account(sink, text.len / 4 * 3, err));
    kj_buf bytes;
    kj_buf_init(&bytes, text.len);
    kj_oddities odd = 0;
    kj_encoding_decode(KJ_ENCODING_BASE64, text, &bytes, &odd);
    kj_status status = bytes.failed ? kj_no_memory(err) : walk_info(&w, kj_buf_span(&bytes), err);
    kj_buf_done(&bytes);
    return status;
}

static const char *const types[] = {
    "application/pkcs7-mime",        "application/x-pkcs7-mime", "application/pkcs7-signature",
    "application/x-pkcs7-signature", "application/cms",          NULL};
static const char *const extensions[] = {"p7m", "p7c", "p7s", NULL};

const kj_format kj_format_cms = {
    .name = "cms",
    .title = "S/MIME (PKCS #7)",
    .kind = KJ_KIND_MAIL,
    .probe = probe,
    .scan = scan,
    .types = types,
    .extensions = extensions,
};
