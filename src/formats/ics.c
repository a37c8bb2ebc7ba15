/* SPDX-License-Identifier: Apache-2.0 */
/* Calendars and address cards: iCalendar (RFC 5545, and vCalendar 1.0 before it), vCard (RFC 6350,
 * 2.1 and 3.0 before it).
 *
 *     [group.]NAME;PARAMETER=value;PARAMETER="value":value
 *     a line that begins with a blank belongs to the one before
 *
 * Members are what is inside the values: attachments, pictures, sounds, keys in base64, in
 * quoted-printable, or as data: URIs, and HTML. Whatever an encoding says of itself is tried.
 *
 * Field deviations accepted: any line end; no BEGIN line; base64 of vCard 2.1, whose lines may lack
 * the blank; parameters that
 * are values alone ("BASE64"); quotes without an end; base64 that nothing announces. */
#include "base/arith.h"
#include "base/text.h"
#include "formats/encoded.h"
#include "formats/mime.h"
#include "formats/rows.h"

typedef struct walk {
    kj_object *object;
    kj_sink *sink;
    size_t number; /* of the member at hand, from 1 */
    kj_buf line;   /* a property, unfolded */
    kj_buf bytes;  /* a value, decoded */
} walk;

typedef struct property {
    kj_span name;       /* "ATTACH", without its group */
    kj_span parameters; /* from the first semicolon */
    kj_span value;
} property;

/* What its parameters say. */
typedef struct meaning {
    unsigned encodings; /* 1 << kj_encoding each */
    bool is_html;
    kj_member member;
    kj_mime_values names;
} meaning;

static kj_status no_room(kj_error *err)
{
    return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "no memory for more names of attachments");
}

/* ---- lines ----------------------------------------------------------------------------------- */

static kj_span without_end(kj_span line)
{
    while (line.len && (line.data[line.len - 1] == '\n' || line.data[line.len - 1] == '\r'))
        line.len--;
    return line;
}

static bool ends_softly(kj_span value)
{
    return value.len && value.data[value.len - 1] == '=';
}

static bool is_folded(kj_span line)
{
    return line.len && (line.data[0] == ' ' || line.data[0] == '\t');
}

/* What tells how the lines of the property at hand go on. */
typedef struct habit {
    bool quoted_printable;
    bool base64;
} habit;

static habit habit_of(kj_span line)
{
    static const char *const signs[] = {"BASE64", "ENCODING=B"};
    habit h = {.quoted_printable =
                   kj_text_find_nocase(line, kj_span_str("QUOTED-PRINTABLE")) != SIZE_MAX};
    for (size_t i = 0; i < KJ_COUNT(signs); i++)
        h.base64 |= kj_text_find_nocase(line, kj_span_str(signs[i])) != SIZE_MAX;
    return h;
}

/* A line of base64 without the blank before it, which might also be the name of a property that is
 * folded behind its name. */
static bool is_loose_base64(kj_span text, size_t next, kj_span line)
{
    kj_span after = {0};
    (void)kj_next_line(text, &next, true, &after);
    return line.len && kj_base64_is_line(line) && !is_folded(after);
}

/* Reads one property with all its lines into w->line. After a soft break everything belongs to the
 * property, and the break is left for the decoder. */
static bool read_property(walk *w, size_t *pos)
{
    kj_span text = w->object->bytes;
    kj_span line;
    kj_buf_clear(&w->line);
    do {
        if (!kj_next_line(text, pos, true, &line))
            return false;
        line = kj_text_trim(without_end(line));
    } while (!line.len);
    kj_buf_put(&w->line, line);
    habit h = habit_of(line);
    for (size_t next = *pos; kj_next_line(text, &next, true, &line); *pos = next) {
        bool soft = h.quoted_printable && ends_softly(kj_buf_span(&w->line));
        line = without_end(line);
        if (soft)
            kj_buf_put_byte(&w->line, '\n');
        else if (is_folded(line))
            line = kj_span_sub(line, 1, SIZE_MAX);
        else if (!h.base64 || !is_loose_base64(text, next, line))
            break;
        kj_buf_put(&w->line, line);
    }
    return true;
}

/* The first `wanted` that no quotes are around, at or after `from`; s.len when there is none. */
static size_t find_unquoted(kj_span s, uint8_t wanted, size_t from)
{
    bool quoted = false;
    for (size_t i = from; i < s.len; i++) {
        if (s.data[i] == '"')
            quoted = !quoted;
        else if (s.data[i] == wanted && !quoted)
            return i;
    }
    return s.len;
}

static bool split_property(kj_span line, property *out)
{
    size_t colon = find_unquoted(line, ':', 0);
    if (colon == line.len)
        colon = kj_min_size(kj_span_find(line, kj_span_str(":"), 0), line.len);
    if (colon == line.len)
        return false;
    kj_span head = kj_span_sub(line, 0, colon);
    size_t semicolon = kj_min_size(kj_span_find(head, kj_span_str(";"), 0), colon);
    size_t dot = kj_span_find(kj_span_sub(head, 0, semicolon), kj_span_str("."), 0);
    size_t start = dot == SIZE_MAX ? 0 : dot + 1;
    out->name = kj_span_sub(head, start, semicolon - start);
    out->parameters = kj_span_sub(head, semicolon, SIZE_MAX);
    out->value = kj_span_sub(line, colon + 1, SIZE_MAX);
    return true;
}

/* ---- parameters ------------------------------------------------------------------------------ */

static kj_span without_quotes(kj_span value)
{
    value = kj_text_trim(value);
    if (value.len >= 2 && value.data[0] == '"' && value.data[value.len - 1] == '"')
        value = kj_span_sub(value, 1, value.len - 2);
    return value;
}

static bool is_any(kj_span text, const char *const *list)
{
    for (; *list; list++)
        if (kj_text_equal_nocase(text, kj_span_str(*list)))
            return true;
    return false;
}

static const char *const name_keys[] = {"FILENAME",          "X-FILENAME", "X-APPLE-FILENAME",
                                        "X-ORACLE-FILENAME", "NAME",       "X-NAME",
                                        "X-TITLE",           "X-LABEL",    "LABEL",
                                        "X-MS-FILENAME",     NULL};
static const char *const type_keys[] = {"FMTTYPE", "MEDIATYPE", "X-FMTTYPE", NULL};
static const char *const base64_words[] = {"BASE64", "B", "BINARY", NULL};
static const char *const quoted_printable_words[] = {"QUOTED-PRINTABLE", "Q", NULL};
static const char *const encoding_keys[] = {"ENCODING", "VALUE", "TYPE", NULL};

/* A parameter of vCard 2.1 may be a value alone. */
static void note_encoding(kj_span value, meaning *m)
{
    if (is_any(value, base64_words))
        m->encodings |= 1u << KJ_ENCODING_BASE64;
    if (is_any(value, quoted_printable_words))
        m->encodings |= 1u << KJ_ENCODING_QUOTED_PRINTABLE;
}

static bool set_type(walk *w, kj_span value, meaning *m)
{
    char *copy = kj_arena_text(w->sink->arena, value);
    for (size_t i = 0; copy && i < value.len; i++)
        copy[i] = (char)kj_lower((uint8_t)copy[i]);
    m->member.content_type = kj_span_of(copy, copy ? value.len : 0);
    m->is_html = kj_span_starts(m->member.content_type, kj_span_str("text/html"));
    return copy != NULL;
}

static bool read_parameter(walk *w, kj_span parameter, meaning *m)
{
    size_t equals = kj_min_size(kj_span_find(parameter, kj_span_str("="), 0), parameter.len);
    kj_span key = kj_text_trim(kj_span_sub(parameter, 0, equals));
    kj_span value = without_quotes(kj_span_sub(parameter, equals + 1, SIZE_MAX));
    if (equals == parameter.len)
        note_encoding(key, m);
    else if (is_any(key, encoding_keys))
        note_encoding(value, m);
    else if (value.len && is_any(key, name_keys))
        return kj_mime_values_add(w->sink->arena, kj_span_sub(value, 0, KJ_MIME_VALUE_MAX),
                                  &m->names);
    else if (value.len && is_any(key, type_keys))
        return set_type(w, kj_span_sub(value, 0, KJ_MIME_VALUE_MAX), m);
    return true;
}

static bool read_parameters(walk *w, const property *p, meaning *m)
{
    kj_span rest = p->parameters;
    while (rest.len) {
        size_t end = find_unquoted(rest, ';', 1);
        if (!read_parameter(w, kj_span_sub(rest, 1, end - 1), m))
            return false;
        rest = kj_span_sub(rest, end, SIZE_MAX);
    }
    return true;
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Names the member by its parameters, or "ATTACH 1". */
static bool name_member(walk *w, const property *p, meaning *m)
{
    kj_arena *arena = w->sink->arena;
    w->number++;
    m->member.flags = KJ_MEMBER_ATTACHMENT;
    if (m->names.count) {
        kj_span *others = kj_new_array(arena, kj_span, m->names.count - 1);
        if (!others)
            return false;
        for (size_t i = 1; i < m->names.count; i++)
            others[i - 1] = m->names.items[i];
        m->member.name = m->names.items[0];
        m->member.names = others;
        m->member.name_count = m->names.count - 1;
        return true;
    }
    int len = (int)kj_min_size(p->name.len, 64);
    m->member.name =
        kj_span_str(kj_arena_printf(arena, "%.*s %zu", len, (const char *)p->name.data, w->number));
    return m->member.name.data != NULL;
}

/* Hands out what is in w->bytes. */
static kj_status hand_out(walk *w, const meaning *m, unsigned flags, kj_error *err)
{
    if (w->bytes.failed)
        return kj_no_memory(err);
    if (!w->bytes.len)
        return KJ_OK;
    kj_member member = m->member;
    member.size = w->bytes.len;
    member.flags |= flags;
    return kj_sink_child(w->sink, &member, kj_buf_span(&w->bytes), err);
}

/* As the standards read it; where it is odd, as others do. */
static kj_status walk_encoded(walk *w, const meaning *m, kj_encoding encoding, kj_span value,
                              kj_error *err)
{
    kj_oddities odd = 0;
    KJ_TRY(kj_sink_account(w->sink, value.len, err));
    kj_buf_clear(&w->bytes);
    kj_encoding_decode(encoding, value, &w->bytes, &odd);
    KJ_TRY(hand_out(w, m, 0, err));
    w->object->odd |= odd;
    for (size_t i = 0; odd && i < kj_encoding_reading_count(encoding); i++) {
        if (!kj_sink_reading(w->sink, value.len))
            break;
        kj_buf_clear(&w->bytes);
        kj_encoding_decode_reading(encoding, i, value, &w->bytes);
        KJ_TRY(hand_out(w, m, KJ_MEMBER_READING, err));
    }
    return KJ_OK;
}

static kj_status walk_uris(walk *w, const property *p, meaning *m, kj_error *err)
{
    kj_data_uri uri;
    bool typed = m->member.content_type.len > 0;
    for (size_t pos = 0; kj_data_uri_next(p->value, &pos, &uri);) {
        KJ_TRY(kj_sink_account(w->sink, uri.data.len, err));
        if ((!typed && !set_type(w, kj_span_sub(uri.type, 0, KJ_MIME_VALUE_MAX), m)) ||
            !name_member(w, p, m))
            return no_room(err);
        kj_buf_clear(&w->bytes);
        kj_data_uri_decode(&uri, &w->bytes);
        KJ_TRY(hand_out(w, m, 0, err));
    }
    return KJ_OK;
}

/* RFC 5545, 3.3.11. */
static void unescape(kj_span text, kj_buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c == '\\' && i + 1 < text.len) {
            c = text.data[++i];
            c = kj_lower(c) == 'n' ? '\n' : c;
        }
        kj_buf_put_byte(out, c);
    }
}

static kj_status walk_html(walk *w, const meaning *m, kj_span value, kj_error *err)
{
    KJ_TRY(kj_sink_account(w->sink, value.len, err));
    kj_buf_clear(&w->bytes);
    unescape(value, &w->bytes);
    return hand_out(w, m, 0, err);
}

/* Base64 that no parameter announces, in a property that holds such data. */
static bool is_bare_base64(const property *p)
{
    static const char *const holders[] = {"ATTACH", "PHOTO", "LOGO", "SOUND", "KEY", "IMAGE", NULL};
    return p->value.len >= KJ_BASE64_RUN_MIN && is_any(p->name, holders) &&
           kj_base64_is_line(p->value);
}

static kj_status walk_property(walk *w, const property *p, kj_error *err)
{
    meaning m = {0};
    KJ_TRY(kj_sink_account(w->sink, 0, err));
    if (!read_parameters(w, p, &m))
        return no_room(err);
    KJ_TRY(walk_uris(w, p, &m, err));
    if (!m.encodings && is_bare_base64(p))
        m.encodings = 1u << KJ_ENCODING_BASE64;
    if (!p->value.len || (!m.encodings && !m.is_html))
        return KJ_OK;
    if (!name_member(w, p, &m))
        return no_room(err);
    for (kj_encoding encoding = 0; encoding < KJ_ENCODING_COUNT; encoding++)
        if (m.encodings >> encoding & 1)
            KJ_TRY(walk_encoded(w, &m, encoding, p->value, err));
    return m.encodings ? KJ_OK : walk_html(w, &m, p->value, err);
}

static kj_status scan(kj_object *object, kj_sink *sink, kj_error *err)
{
    walk w = {.object = object, .sink = sink};
    kj_status status = KJ_OK;
    property p;
    kj_buf_init(&w.line, 2 * object->bytes.len);
    kj_buf_init(&w.bytes, 2 * object->bytes.len);
    for (size_t pos = 0; status == KJ_OK && read_property(&w, &pos);) {
        if (w.line.failed)
            status = kj_no_memory(err);
        else if (split_property(kj_buf_span(&w.line), &p))
            status = walk_property(&w, &p, err);
    }
    kj_buf_done(&w.line);
    kj_buf_done(&w.bytes);
    return status;
}

/* ---- rows ------------------------------------------------------------------------------------ */

enum { PROBE_LOOK = 1024 };

/* Behind a byte order mark and empty lines. */
static unsigned begins(kj_span bytes, const char *text)
{
    kj_span head = kj_span_sub(bytes, 0, PROBE_LOOK);
    if (kj_span_starts(head, kj_span_str("\xEF\xBB\xBF")))
        head = kj_span_sub(head, 3, SIZE_MAX);
    kj_span wanted = kj_span_str(text);
    kj_span found = kj_span_sub(kj_text_trim(head), 0, wanted.len);
    return kj_text_equal_nocase(found, wanted) ? (unsigned)wanted.len * 8 : 0;
}

static unsigned probe_ics(kj_span bytes)
{
    return begins(bytes, "BEGIN:VCALENDAR");
}

static unsigned probe_vcard(kj_span bytes)
{
    return begins(bytes, "BEGIN:VCARD");
}

static const char *const ics_types[] = {"text/calendar", "text/x-vcalendar", "application/ics",
                                        NULL};
static const char *const ics_extensions[] = {"ics", "vcs", "ifb", "ical", NULL};
static const char *const vcard_types[] = {"text/vcard", "text/x-vcard", "text/directory", NULL};
static const char *const vcard_extensions[] = {"vcf", "vcard", NULL};

const kj_format kj_format_ics = {
    .name = "ics",
    .title = "calendar (iCalendar)",
    .kind = KJ_KIND_TEXT,
    .probe = probe_ics,
    .scan = scan,
    .types = ics_types,
    .extensions = ics_extensions,
};

const kj_format kj_format_vcard = {
    .name = "vcard",
    .title = "address card (vCard)",
    .kind = KJ_KIND_TEXT,
    .probe = probe_vcard,
    .scan = scan,
    .types = vcard_types,
    .extensions = vcard_extensions,
};
