/* SPDX-License-Identifier: Apache-2.0 */
/* Text: markup and scripts by how they begin, then anything that reads as text, then nothing and
 * everything. No name and no statistics: a JavaScript file without markup around it is text. What
 * is inside markup are its data: URIs; those of other schemes name something elsewhere. */
#include "base/text.h"

#include "base/arith.h"
#include "base/cleanup.h"
#include "formats/encoded.h"
#include "formats/rows.h"

enum {
    LOOK = 8 << 10, /* bytes that decide whether something is text */
    TAG_LOOK = 512, /* comments and blanks before the first tag */
    TYPE_MAX = 128, /* bytes of a data: URI's type that are kept */
};

/* Without a byte order mark and blanks. */
static kj_span skip_blanks(kj_span bytes)
{
    kj_span head = kj_span_sub(bytes, 0, TAG_LOOK);
    if (kj_span_starts(head, kj_span_str("\xEF\xBB\xBF")))
        head = kj_span_sub(head, 3, SIZE_MAX);
    while (head.len && kj_is_space(head.data[0]))
        head = kj_span_sub(head, 1, SIZE_MAX);
    return head;
}

/* ASCII of UTF-16 as bytes, so that "<html" is found in it; anything else as it is. `room` holds
 * the result. */
static kj_span narrow(kj_span bytes, uint8_t room[TAG_LOOK])
{
    bool little = kj_span_starts(bytes, kj_span_of("\xFF\xFE", 2));
    bool big = kj_span_starts(bytes, kj_span_of("\xFE\xFF", 2));
    if (!little && !big)
        return bytes;
    size_t count = kj_min_size((bytes.len - 2) / 2, TAG_LOOK);
    for (size_t i = 0; i < count; i++) {
        uint8_t low = bytes.data[2 + 2 * i + (big ? 1 : 0)];
        uint8_t high = bytes.data[2 + 2 * i + (big ? 0 : 1)];
        room[i] = high ? '?' : low;
    }
    return kj_span_of(room, count);
}

static bool begins(kj_span s, const char *text)
{
    kj_span wanted = kj_span_str(text);
    return s.len >= wanted.len && kj_text_equal_nocase(kj_span_sub(s, 0, wanted.len), wanted);
}

/* What follows the first of these that `s` begins with; an empty span when it begins with none or
 * that has no end. */
static kj_span skip_one(kj_span s)
{
    static const struct {
        const char *start;
        const char *end;
    } parts[] = {{"<?xml", "?>"}, {"<!--", "-->"}, {"<!DOCTYPE svg", ">"}};
    for (size_t i = 0; i < KJ_COUNT(parts); i++) {
        if (!begins(s, parts[i].start))
            continue;
        kj_span end = kj_span_str(parts[i].end);
        size_t at = kj_span_find(s, end, 0);
        return at == SIZE_MAX ? (kj_span){0} : skip_blanks(kj_span_sub(s, at + end.len, SIZE_MAX));
    }
    return (kj_span){0};
}

/* Without an XML declaration, comments and a document type, which say nothing about the kind. */
static kj_span skip_prologue(kj_span s)
{
    for (kj_span rest = skip_one(s); rest.len; rest = skip_one(s))
        s = rest;
    return s;
}

static bool begins_with_tag(kj_span s, const char *const *tags, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!begins(s, tags[i]))
            continue;
        kj_span after = kj_span_sub(s, strlen(tags[i]), 1);
        if (after.len && (kj_is_space(after.data[0]) || after.data[0] == '>'))
            return true;
    }
    return false;
}

/* Source: WHATWG "MIME Sniffing", 7.1, and tags that scripts in mail and .hta files begin with. */
static unsigned probe_html(kj_span bytes)
{
    static const char *const tags[] = {
        "<!doctype html",
        "<html",
        "<head",
        "<script",
        "<iframe",
        "<h1",
        "<div",
        "<font",
        "<table",
        "<a",
        "<style",
        "<title",
        "<b",
        "<body",
        "<br",
        "<p",
        "<meta",
        "<link",
        "<object",
        "<applet",
        "<form",
        "<img",
        "<center",
        "<span",
        "<h2",
        "<h3",
        "<base",
        "<hta:application",
        "<embed",
        "<frameset",
        "<marquee",
        "<noscript",
        "<basefont",
        "<bgsound",
    };
    uint8_t room[TAG_LOOK];
    kj_span s = skip_prologue(skip_blanks(narrow(bytes, room)));
    return begins_with_tag(s, tags, KJ_COUNT(tags)) ? 40 : 0;
}

static unsigned probe_svg(kj_span bytes)
{
    static const char *const tags[] = {"<svg", "<svg:svg"};
    uint8_t room[TAG_LOOK];
    kj_span s = skip_prologue(skip_blanks(narrow(bytes, room)));
    return begins_with_tag(s, tags, KJ_COUNT(tags)) ? 40 : 0;
}

static unsigned probe_xml(kj_span bytes)
{
    uint8_t room[TAG_LOOK];
    kj_span s = skip_blanks(narrow(bytes, room));
    return begins(s, "<?xml") && s.len > 5 && kj_is_space(s.data[5]) ? 32 : 0;
}

static unsigned probe_php(kj_span bytes)
{
    kj_span s = skip_blanks(bytes);
    return begins(s, "<?php") || begins(s, "<?=") ? 38 : 0;
}

/* An interpreter's line, or the first line of a batch file. */
static unsigned probe_script(kj_span bytes)
{
    kj_span s = skip_blanks(bytes);
    bool batch = begins(s, "@echo off") || begins(s, "@echo on");
    if (!begins(s, "#!") && !batch)
        return 0;
    kj_span rest = kj_text_trim(kj_span_sub(s, 2, 64));
    return batch ? 48 : rest.len && rest.data[0] == '/' ? 24 : 0;
}

/* ---- what nothing else claims ---------------------------------------------------------------- */

static unsigned probe_empty(kj_span bytes)
{
    return bytes.len == 0 ? 1 : 0;
}

/* Control characters that occur in text: tab, line ends, form feed, backspace, escape. */
static bool is_text_byte(uint8_t c)
{
    return c >= ' ' ? c != 0x7F : c == '\b' || (c >= '\t' && c <= '\r') || c == 0x1B;
}

/* UTF-16 with a byte order mark, or ASCII in UTF-16: no unit of the first ones is a control code
 * that text does not have. */
static bool is_utf16(kj_span head)
{
    bool big = kj_span_starts(head, kj_span_of("\xFE\xFF", 2));
    bool little = kj_span_starts(head, kj_span_of("\xFF\xFE", 2));
    if (!big && !little)
        return false;
    for (size_t i = 2; i + 1 < head.len; i += 2) {
        uint8_t high = head.data[big ? i : i + 1];
        uint8_t low = head.data[big ? i + 1 : i];
        if (high == 0 && !is_text_byte(low))
            return false;
    }
    return true;
}

/* ASCII, UTF-8 or an old 8-bit character set: no control codes but text's own. Those of C1 are
 * letters in windows-125x and the like; a run of 0xFF is no text. */
static bool is_8bit(kj_span head)
{
    size_t high = 0;
    for (size_t i = 0; i < head.len; i++) {
        if (!is_text_byte(head.data[i]))
            return false;
        high += head.data[i] >= 0x80;
    }
    return high <= head.len - head.len / 8 || kj_utf8_valid(head);
}

static unsigned probe_text(kj_span bytes)
{
    kj_span head = kj_span_sub(bytes, 0, LOOK);
    return head.len && (is_utf16(head) || is_8bit(head)) ? 1 : 0;
}

static unsigned probe_data(kj_span bytes)
{
    (void)bytes;
    return 1;
}

/* ---- data: URIs ------------------------------------------------------------------------------ */

static kj_status no_room(kj_error *err)
{
    return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "no memory for more names of members");
}

/* Its name and type, in the arena. A URI without a type is plain text (RFC 2397). */
static kj_status describe_uri(kj_arena *arena, const kj_data_uri *uri, size_t number,
                              kj_member *out, kj_error *err)
{
    kj_span type = uri->type.len ? uri->type : kj_span_str("text/plain");
    char *name = kj_arena_printf(arena, "data URI %zu", number);
    char *text = kj_arena_text(arena, kj_span_sub(type, 0, TYPE_MAX));
    if (!name || !text)
        return no_room(err);
    for (char *c = text; *c; c++)
        *c = (char)kj_lower((uint8_t)*c);
    *out = (kj_member){.name = kj_span_str(name), .content_type = kj_span_str(text)};
    return KJ_OK;
}

static kj_status hand_out_uri(kj_sink *sink, const kj_data_uri *uri, size_t number, kj_buf *scratch,
                              kj_error *err)
{
    kj_member member;
    KJ_TRY(describe_uri(sink->arena, uri, number, &member, err));
    KJ_TRY(kj_sink_account(sink, uri->data.len, err));
    kj_buf_clear(scratch);
    kj_data_uri_decode(uri, scratch);
    if (scratch->failed)
        return kj_no_memory(err);
    member.size = scratch->len;
    return kj_sink_child(sink, &member, kj_buf_span(scratch), err);
}

static kj_status walk_uris(kj_sink *sink, kj_span text, kj_error *err)
{
    KJ_CLEANUP(kj_buf_done) kj_buf scratch;
    kj_buf_init(&scratch, text.len);
    kj_data_uri uri;
    size_t number = 0;
    for (size_t at = 0; kj_data_uri_next(text, &at, &uri);)
        KJ_TRY(hand_out_uri(sink, &uri, ++number, &scratch, err));
    return KJ_OK;
}

static kj_status scan_markup(kj_object *object, kj_sink *sink, kj_error *err)
{
    kj_span bytes = object->bytes;
    if (!is_utf16(kj_span_sub(bytes, 0, LOOK)))
        return walk_uris(sink, bytes, err);
    KJ_TRY(kj_sink_account(sink, bytes.len, err));
    KJ_CLEANUP(kj_buf_done) kj_buf text;
    kj_buf_init(&text, bytes.len / 2 * 3);
    bool big_endian = bytes.data[0] == 0xFE;
    kj_utf16_to_utf8(kj_span_sub(bytes, 2, SIZE_MAX), big_endian, &text);
    if (text.failed)
        return kj_no_memory(err);
    return walk_uris(sink, kj_buf_span(&text), err);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static const char *const html_types[] = {"text/html", "application/xhtml+xml", "application/hta",
                                         NULL};
static const char *const html_extensions[] = {"htm", "html", "hta", "xhtml", "xht", "shtml", NULL};

const kj_format kj_format_html = {
    .name = "html",
    .title = "HTML document",
    .kind = KJ_KIND_TEXT,
    .probe = probe_html,
    .scan = scan_markup,
    .types = html_types,
    .extensions = html_extensions,
};

static const char *const svg_types[] = {"image/svg+xml", NULL};
static const char *const svg_extensions[] = {"svg", NULL};

const kj_format kj_format_svg = {
    .name = "svg",
    .title = "SVG image",
    .kind = KJ_KIND_TEXT,
    .probe = probe_svg,
    .scan = scan_markup,
    .types = svg_types,
    .extensions = svg_extensions,
};

const kj_format kj_format_xml = {
    .name = "xml",
    .title = "XML document",
    .kind = KJ_KIND_TEXT,
    .probe = probe_xml,
    .scan = scan_markup,
};

const kj_format kj_format_php = {
    .name = "php",
    .title = "PHP script",
    .kind = KJ_KIND_TEXT,
    .probe = probe_php,
};

const kj_format kj_format_script = {
    .name = "script",
    .title = "script with an interpreter line",
    .kind = KJ_KIND_TEXT,
    .probe = probe_script,
};

const kj_format kj_format_empty = {
    .name = "empty",
    .title = "empty file",
    .kind = KJ_KIND_DATA,
    .probe = probe_empty,
};

const kj_format kj_format_text = {
    .name = "text",
    .title = "text",
    .kind = KJ_KIND_TEXT,
    .probe = probe_text,
};

const kj_format kj_format_data = {
    .name = "data",
    .title = "data",
    .kind = KJ_KIND_DATA,
    .probe = probe_data,
};
