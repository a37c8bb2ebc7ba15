/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "formats/format.h"

#include <stdio.h>
#include <stdlib.h>

#define BYTES(text) (text), sizeof(text) - 1

/* Filler of 64 zeros lies behind each start, so that short headers have something to point to. */
enum { ROOM = 40 << 10, FILLER = 64 };

typedef struct sample {
    const char *types; /* all claims, surest first */
    const char *start;
    size_t len;
} sample;

static const sample samples[] = {
    {"gzip", BYTES("\x1F\x8B\x08\x08....")},
    {"data", BYTES("\x1F\x8B\x07\0....")},
    {"compress", BYTES("\x1F\x9D\x90..")},
    {"bzip2", BYTES("BZh9\x31\x41\x59\x26\x53\x59")},
    {"lzma", BYTES("\x5D\0\0\x80\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\0\x01\x02\x03\x04")},
    {"zstd", BYTES("\x28\xB5\x2F\xFD..")},
    {"zstd", BYTES("\x50\x2A\x4D\x18\x02\0\0\0..\x28\xB5\x2F\xFD")},
    {"lz4", BYTES("\x04\x22\x4D\x18..")},
    {"lz4", BYTES("\x02\x21\x4C\x18..")},
    {"zip", BYTES("PK\x03\x04..............................")},
    {"zip", BYTES("PK00PK\x03\x04............................")},
    {"zip", BYTES("PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")},
    {"lha", BYTES("\x20.-lh5-.............\x01.....")},
    {"cpio",
     BYTES("070701000000000000000000000000000000000000000000000000000000000000000000000000")},
    {"cpio", BYTES("\xC7\x71\x01\0\x02\0\xA4\x81\0\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0a\0")},
    {"cpio", BYTES("\x71\xC7\0\x01\0\x02\x81\xA4\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\0a\0")},
    {"cab", BYTES("MSCF\0\0\0\0....")},
    {"arj", BYTES("\x60\xEA\x22\0\x1E.....\x02..")},
    {"class", BYTES("\xCA\xFE\xBA\xBE\0\0\0\x34..")},
    {"macho", BYTES("\xCA\xFE\xBA\xBE\0\0\0\x02..")},
    {"macho", BYTES("\xCF\xFA\xED\xFE....")},
    {"mz", BYTES("MZ..............................")},
    {"pdf", BYTES("%PDF-1.7\n")},
    {"pdf", BYTES("\n\n junk %PDF-1.4\n")},
    {"rtf", BYTES("{\\rtf1 x}")},
    {"bmp", BYTES("BM....\0\0\0\0\x36\0\0\0\x28\0\0\0")},
    {"text", BYTES("BMW drives")},
    {"emf", BYTES("\x01\0\0\0\x6C\0\0\0................................ EMF")},
    {"webp", BYTES("RIFF....WEBPVP8 ")},
    {"riff", BYTES("RIFF....WAVEfmt ")},
    {"mp3", BYTES("ID3\x03\0\0\0\0\0\x7F")},
    {"swf", BYTES("CWS\x0A\x99\0\0\0")},
    {"ico", BYTES("\0\0\x01\0\x01\0\x10\x10\0\0\x01\0\x08\0\x28\0\0\0\x16\0\0\0........")},
    {"pyc", BYTES("\xF3\x0D\r\n\0\0\0\0")},
    {"html", BYTES("<!DOCTYPE html><p>")},
    {"html", BYTES("\xEF\xBB\xBF \n<HTML>")},
    {"html", BYTES("<!-- saved --> <ScRiPt>")},
    {"html", BYTES("\xFF\xFE<\0h\0t\0m\0l\0>\0")},
    {"html", BYTES("\xFE\xFF\0<\0h\0t\0m\0l\0>")},
    {"html,xml", BYTES("<?xml version='1.0'?>\n<!DOCTYPE html PUBLIC>")},
    {"svg,xml", BYTES("<?xml version='1.0'?>\n<!-- x -->\n<!DOCTYPE svg PUBLIC>\n<svg >")},
    {"svg", BYTES("<svg xmlns='x'>")},
    {"xml", BYTES("<?xml version='1.0'?><feed>")},
    {"text", BYTES("<abbr is no tag that begins a page")},
    {"text", BYTES("<!-- never closed")},
    {"php", BYTES("<?php echo 1;")},
    {"script", BYTES("#!/bin/sh\n")},
    {"script", BYTES("#! /usr/bin/env python3\n")},
    {"script", BYTES("@ECHO OFF\r\n")},
    {"text", BYTES("#!not a path")},
    {"pem", BYTES("-----BEGIN CERTIFICATE-----")},
    {"mail", BYTES("From: a\nTo: b\n\nx")},
    {"mail", BYTES("Content-Type: text/plain\n\nx")},
    {"mail", BYTES("Subject : a\r\n\tb\r\nx-mailer: z\r\n\r\n")},
    {"text", BYTES("URL: http://example.org/\nDate: today\n\nx")},
    {"text", BYTES("From: a\n\nx")},
    {"text", BYTES("Package: a\nVersion: b\n\n")},
    {"text", BYTES("Manifest-Version: 1.0\nX-COMMENT: b\n\n")},
    {"text", BYTES("To: you\nbecause of that: nothing\nis here\n")},
    {"mbox", BYTES("From a@b Thu Jan  1 00:00:00 1970\nFrom: a\n\nx")},
    {"text", BYTES("From a far 12:34\nthey came")},
    {"text", BYTES("caf\xC3\xA9\n")},
    {"text", BYTES("caf\xE9\n")},
    {"text", BYTES("\xFF\xFEh\0i\0\n\0")},
    {"data", BYTES("\xFF\xFE\x01\0\x02\0")},
    {"data", BYTES("\x01\x02\x03")},
    {"data", BYTES("a\0b")},
    {"data", BYTES("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF")},
    {"empty", BYTES("")},
};

static void join_claims(kj_span bytes, char *out, size_t len)
{
    kj_claims claims;
    kj_identify(bytes, &claims);
    out[0] = '\0';
    for (size_t i = 0; i < claims.count; i++) {
        size_t used = strlen(out);
        (void)snprintf(out + used, len - used, "%s%s", i ? "," : "", claims.formats[i]->name);
    }
}

/* Each in a block of exactly its size, so that a sanitizer sees a read past it. */
static void knows_samples(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        const sample *s = &samples[i];
        uint8_t *copy = malloc(s->len + 1);
        assert_non_null(copy);
        memmove(copy, s->start, s->len);
        char types[200];
        join_claims(kj_span_of(copy, s->len), types, sizeof types);
        if (strcmp(types, s->types) != 0)
            print_error("# sample %zu\n", i);
        assert_string_equal(types, s->types);
        for (size_t len = 0; len < s->len; len++) {
            uint8_t *part = malloc(len + !len);
            assert_non_null(part);
            memcpy(part, copy, len);
            join_claims(kj_span_of(part, len), types, sizeof types);
            assert_true(types[0] != '\0');
            free(part);
        }
        free(copy);
    }
}

/* Formats that magics alone tell: each magic, with zeros before and behind. */
static void knows_magics(void **state)
{
    (void)state;
    uint8_t *bytes = calloc(1, ROOM);
    assert_non_null(bytes);
    for (size_t i = 0; i < kj_format_count; i++) {
        const kj_format *format = kj_formats[i];
        for (const kj_magic *m = format->magics; m && !format->probe && m->len; m++) {
            memset(bytes, 0, ROOM);
            memcpy(bytes + m->offset, m->bytes, m->len);
            char types[200];
            join_claims(kj_span_of(bytes, m->offset + m->len + FILLER), types, sizeof types);
            types[strcspn(types, ",")] = '\0';
            assert_string_equal(types, format->name);
        }
    }
    free(bytes);
}

static void the_table_is_sound(void **state)
{
    (void)state;
    assert_true(kj_format_count >= 45);
    assert_string_equal(kj_formats[kj_format_count - 1]->name, "data");
    for (size_t i = 0; i < kj_format_count; i++) {
        const kj_format *format = kj_formats[i];
        assert_ptr_equal(kj_format_find(format->name), format);
        assert_true(format->title[0] != '\0');
        assert_true(format->kind < KJ_KIND_COUNT);
        assert_true(format->probe || format->magics);
    }
    assert_null(kj_format_find("no such"));
    assert_null(kj_format_find(""));
}

static void a_tar_has_a_checksum(void **state)
{
    (void)state;
    uint8_t header[512] = "name";
    memcpy(header + 148, "0000604 ", 8); /* "name" and eight blanks */
    char types[200];
    unsigned sum = 'n' + 'a' + 'm' + 'e' + 8 * ' ';
    (void)snprintf((char *)header + 148, 8, "%06o", sum);
    header[155] = ' ';
    join_claims(kj_span_of(header, sizeof header), types, sizeof types);
    assert_string_equal(types, "tar");
    header[0] = 'm';
    join_claims(kj_span_of(header, sizeof header), types, sizeof types);
    assert_string_equal(types, "data");
    header[0] = 0xE4; /* "ame" after a-umlaut: summed as a signed character */
    (void)snprintf((char *)header + 148, 8, "%06o", sum - 'n' + 0xE4 - 0x100);
    join_claims(kj_span_of(header, sizeof header), types, sizeof types);
    assert_string_equal(types, "tar");
}

/* A picture with a ZIP behind it is both, and a picture first. */
static void several_claims(void **state)
{
    (void)state;
    static const char bytes[] = "GIF89a.......PK\x03\x04..........................PK\x01\x02...."
                                "PK\x05\x06\0\0\0\0\x01\0\x01\0\x08\0\0\0\x2C\0\0\0\0\0";
    char types[200];
    join_claims(kj_span_of(bytes, sizeof bytes - 1), types, sizeof types);
    assert_string_equal(types, "gif,zip");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_samples),      cmocka_unit_test(knows_magics),
        cmocka_unit_test(the_table_is_sound), cmocka_unit_test(a_tar_has_a_checksum),
        cmocka_unit_test(several_claims),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
