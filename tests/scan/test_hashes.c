/* SPDX-License-Identifier: Apache-2.0 */
/* Known digests of files, members and parts of programs, told directly and over the wire. What is
 * told is compared as text, a line a finding: name, class, member, evidence. */
#include "scan/scan.h"

#include "base/arith.h"
#include "base/text.h"
#include "defs/writer.h"
#include "modules/pe_digests.h"
#include "scan/findings.h"
#include "scan/wire.h"
#include "tests/test.h"

#include <stdio.h>

enum { ENGINE = 6 << 24 };

static kj_ir ir;

static void add_digest(kj_hash_scope scope, kj_hash_kind kind, const uint8_t *digest, uint32_t size,
                       kj_class klass, const char *name)
{
    const kj_hash_signature signature = {.scope = scope,
                                         .kind = kind,
                                         .klass = klass,
                                         .digest = digest,
                                         .size = size,
                                         .name = kj_span_str(name)};
    kj_error err;
    assert_int_equal(kj_hash_sets_add(&ir.hashes, &signature, &err), KJ_OK);
}

static void add(kj_hash_scope scope, kj_hash_kind kind, kj_span bytes, uint32_t size,
                kj_class klass, const char *name)
{
    uint8_t digest[KJ_HASH_MAX];
    kj_hash(kind, bytes, digest);
    add_digest(scope, kind, digest, size, klass, name);
}

static void add_object(kj_hash_kind kind, const char *text, uint32_t size, kj_class klass,
                       const char *name)
{
    add(KJ_SCOPE_OBJECT, kind, kj_span_str(text), size, klass, name);
}

static int set_up(void **state)
{
    (void)state;
    kj_ir_init(&ir, 16 << 20);
    return 0;
}

static int take_down(void **state)
{
    (void)state;
    kj_ir_done(&ir);
    return 0;
}

/* ---- what is told ----------------------------------------------------------------------------
 */

static void put_finding(void *user, const kj_finding *f)
{
    kj_buf *out = user;
    kj_buf_put(out, f->name);
    kj_buf_printf(out, " %s ", kj_class_name(f->klass));
    kj_buf_put(out, f->member);
    for (size_t i = 0; i < f->evidence_count; i++) {
        const kj_finding_evidence *e = &f->evidence[i];
        assert_int_equal(e->kind, KJ_EVIDENCE_DIGEST);
        assert_int_equal(e->excerpt_len % 4, 0);
        kj_buf_printf(out, "[%.*s %.*s %llu+%llu %02x]", (int)e->item.len,
                      (const char *)e->item.data, (int)e->text.len, (const char *)e->text.data,
                      (unsigned long long)e->offset, (unsigned long long)e->len, e->excerpt[0]);
    }
    kj_buf_put_byte(out, '\n');
}

static void put_unseen(void *user, kj_status why, kj_span member, const char *sentence)
{
    (void)member;
    kj_buf_printf(user, "%s: %s\n", kj_status_name(why), sentence);
}

static void keep_packet(void *user, kj_span packet)
{
    kj_buf_put(user, packet);
}

/* What the supervisor makes of the same, with records moved as its lists move them. */
static void put_decoded(kj_span packets, const kj_wire_sets *sets, kj_buf *out)
{
    kj_span packet;
    for (size_t pos = 0; kj_wire_next(packets, &pos, &packet);) {
        kj_wire_record *record = malloc(sizeof *record), *moved = malloc(sizeof *moved);
        assert_non_null(record);
        assert_non_null(moved);
        assert_true(kj_wire_decode(packet, sets, record));
        *moved = *record;
        memset(record, 0xAA, sizeof *record);
        kj_wire_settle(moved);
        if (moved->kind == KJ_WIRE_FINDING)
            put_finding(out, &moved->finding);
        else if (moved->kind == KJ_WIRE_UNSEEN)
            put_unseen(out, moved->why, moved->member, moved->sentence);
        free(record);
        free(moved);
    }
}

/* A worker's finding may name a detection of a set, and give a digest of the right length. */
static void refuse_lies(kj_span packets, const kj_wire_sets *sets)
{
    kj_wire_finding record;
    kj_wire_record *out = malloc(sizeof *out);
    assert_non_null(out);
    if (packets.len < sizeof record)
        memset(&record, 0, sizeof record);
    else
        memcpy(&record, packets.data, sizeof record);
    if (record.head.kind == KJ_WIRE_FINDING) {
        uint8_t *packet = malloc(record.head.len);
        assert_non_null(packet);
        memcpy(packet, packets.data, record.head.len);
        kj_span span = kj_span_of(packet, record.head.len);
        assert_true(kj_wire_decode(span, sets, out));
        record.evidence[0].excerpt_len++;
        memcpy(packet, &record, sizeof record);
        assert_false(kj_wire_decode(span, sets, out));
        record.evidence[0].excerpt_len--;
        record.detect += 100000;
        memcpy(packet, &record, sizeof record);
        assert_false(kj_wire_decode(span, sets, out));
        free(packet);
    }
    free(out);
}

/* Compiles what was added and scans the bytes. */
static void expect(kj_span bytes, const char *expected)
{
    kj_buf file, direct, packets, decoded;
    kj_defs defs;
    kj_error err = {0};
    kj_write_options options = KJ_WRITE_INIT;
    options.release = 8000;
    options.engine = ENGINE;
    kj_buf_init(&file, 16 << 20);
    kj_buf_init(&direct, 1 << 20);
    kj_buf_init(&packets, 1 << 20);
    kj_buf_init(&decoded, 1 << 20);
    assert_int_equal(kj_defs_write(&ir, &options, &file, NULL, &err), KJ_OK);
    assert_int_equal(kj_defs_open_span(kj_buf_span(&file), ENGINE, &defs, &err), KJ_OK);
    assert_int_equal(kj_defs_verify(&defs, &err), KJ_OK);
    const kj_defs *const items[] = {&defs};
    const kj_wire_sets sets = {items, 1};
    const kj_scan_limits limits = KJ_SCAN_LIMITS_INIT;
    kj_scanner *scanner = kj_scanner_new(items, 1, &limits);
    assert_non_null(scanner);
    const kj_scan_events events = {.user = &direct, .finding = put_finding, .unseen = put_unseen};
    kj_wire_writer writer = {.sets = &sets, .put = keep_packet, .user = &packets};
    const kj_scan_events wired = kj_wire_events(&writer);
    kj_span path = kj_span_str("x");
    assert_int_equal(kj_scan_bytes(scanner, path, bytes, &events, &err), KJ_OK);
    assert_int_equal(kj_scan_bytes(scanner, path, bytes, &wired, &err), KJ_OK);
    put_decoded(kj_buf_span(&packets), &sets, &decoded);
    refuse_lies(kj_buf_span(&packets), &sets);
    assert_string_equal(kj_buf_text(&direct), expected);
    assert_string_equal(kj_buf_text(&decoded), expected);
    kj_scanner_free(scanner);
    kj_buf_done(&file);
    kj_buf_done(&direct);
    kj_buf_done(&packets);
    kj_buf_done(&decoded);
}

/* ---- files and members -----------------------------------------------------------------------
 */

#define BAD "some bytes that are bad\n"
#define MAIL_WITH(body)                                                                            \
    "From: a@example.org\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=xx\n\n"       \
    "--xx\nContent-Type: application/octet-stream\n"                                               \
    "Content-Disposition: attachment; filename=a.bin\n\n" body "\n--xx--\n"

static void test_every_kind_of_digest(void **state)
{
    (void)state;
    add_object(KJ_HASH_MD5, BAD, strlen(BAD), KJ_CLASS_EXACT, "By.Md5");
    add_object(KJ_HASH_SHA1, BAD, KJ_HASH_ANY_SIZE, KJ_CLASS_EXACT, "By.Sha1");
    add_object(KJ_HASH_SHA256, BAD, strlen(BAD), KJ_CLASS_HEURISTIC, "By.Sha256");
    add_object(KJ_HASH_SHA256, BAD, strlen(BAD) + 1, KJ_CLASS_EXACT, "Of.Another.Size");
    add_object(KJ_HASH_SHA256, "x", 1, KJ_CLASS_EXACT, "Another");
    expect(kj_span_str(BAD), "By.Md5 exact [md5 object 0+24 d5]\n"
                             "By.Sha1 exact [sha1 object 0+24 35]\n"
                             "By.Sha256 heuristic [sha256 object 0+24 d0]\n");
    expect(kj_span_str("harmless"), "");
}

static void test_a_name_is_told_once(void **state)
{
    (void)state;
    add_object(KJ_HASH_MD5, BAD, strlen(BAD), KJ_CLASS_EXACT, "Same");
    add_object(KJ_HASH_SHA256, BAD, KJ_HASH_ANY_SIZE, KJ_CLASS_EXACT, "Same");
    add_object(KJ_HASH_SHA256, BAD, KJ_HASH_ANY_SIZE, KJ_CLASS_HEURISTIC, "Same");
    expect(kj_span_str(BAD), "Same exact [md5 object 0+24 d5]\n"
                             "Same heuristic [sha256 object 0+24 d0]\n");
}

/* A list that gives one digest a thousand names is not printed for every file. */
static void test_names_have_a_bound(void **state)
{
    (void)state;
    char name[32];
    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf(name, sizeof name, "N%03u", i);
        add_object(KJ_HASH_SHA1, BAD, KJ_HASH_ANY_SIZE, KJ_CLASS_EXACT, name);
    }
    kj_buf expected;
    kj_buf_init(&expected, 1 << 16);
    for (unsigned i = 0; i < 16; i++)
        kj_buf_printf(&expected, "N%03u exact [sha1 object 0+24 35]\n", i);
    expect(kj_span_str(BAD), kj_buf_text(&expected));
    kj_buf_done(&expected);
}

static void test_nothing_is_not_digested(void **state)
{
    (void)state;
    add_object(KJ_HASH_MD5, "", KJ_HASH_ANY_SIZE, KJ_CLASS_EXACT, "Empty");
    add_object(KJ_HASH_SHA1, "", KJ_HASH_ANY_SIZE, KJ_CLASS_TRUSTED, "Empty.Good");
    expect(kj_span_str(""), "");
}

static void test_members(void **state)
{
    (void)state;
    add_object(KJ_HASH_MD5, BAD, strlen(BAD), KJ_CLASS_EXACT, "Bad");
    add_object(KJ_HASH_SHA256, MAIL_WITH(BAD), KJ_HASH_ANY_SIZE, KJ_CLASS_EXACT, "Bad.Mail");
    expect(kj_span_str(MAIL_WITH(BAD)), "Bad exact a.bin[md5 object 0+24 d5]\n"
                                        "Bad.Mail exact [sha256 object 0+207 62]\n");
}

static void test_trusted_covers_what_is_inside(void **state)
{
    (void)state;
    add_object(KJ_HASH_MD5, BAD, strlen(BAD), KJ_CLASS_EXACT, "Bad");
    add_object(KJ_HASH_SHA256, MAIL_WITH(BAD), KJ_HASH_ANY_SIZE, KJ_CLASS_EXACT, "Bad.Mail");
    add_object(KJ_HASH_SHA1, MAIL_WITH(BAD), sizeof MAIL_WITH(BAD) - 1, KJ_CLASS_TRUSTED, "Good");
    expect(kj_span_str(MAIL_WITH(BAD)), "Good trusted [sha1 object 0+207 38]\n");
    expect(kj_span_str(BAD), "Bad exact [md5 object 0+24 d5]\n");
}

static void test_trusted_leaves_what_is_around(void **state)
{
    (void)state;
    add_object(KJ_HASH_MD5, BAD, strlen(BAD), KJ_CLASS_TRUSTED, "Good.A");
    add_object(KJ_HASH_SHA256, BAD, strlen(BAD), KJ_CLASS_TRUSTED, "Good.B");
    add_object(KJ_HASH_MD5, BAD, strlen(BAD), KJ_CLASS_EXACT, "Bad");
    add_object(KJ_HASH_SHA256, MAIL_WITH(BAD), KJ_HASH_ANY_SIZE, KJ_CLASS_EXACT, "Bad.Mail");
    expect(kj_span_str(MAIL_WITH(BAD)), "Good.A trusted a.bin[md5 object 0+24 d5]\n"
                                        "Bad.Mail exact [sha256 object 0+207 62]\n");
}

/* ---- programs --------------------------------------------------------------------------------
 */

enum {
    PE_AT = 0x80,
    OPTIONAL_AT = PE_AT + 24,
    TABLE_AT = OPTIONAL_AT + 224,
    FIRST_AT = 0x200, /* the sections */
    SECOND_AT = 0x400,
    PROGRAM_LEN = 0x600,
    IMPORTS_RVA = 0x2000,
};

static void put_u32(uint8_t *program, size_t at, uint32_t value)
{
    for (size_t i = 0; i < 4; i++)
        program[at + i] = (uint8_t)(value >> (8 * i));
}

static void put_text(uint8_t *program, size_t at, const char *text)
{
    for (size_t i = 0; text[i]; i++)
        program[at + i] = (uint8_t)text[i];
}

static void put_section(uint8_t *program, unsigned index, uint32_t rva, uint32_t offset,
                        uint32_t len)
{
    size_t at = TABLE_AT + 40u * index;
    program[at] = (uint8_t)('a' + index);
    put_u32(program, at + 8, 0x1000);
    put_u32(program, at + 12, rva);
    put_u32(program, at + 16, len);
    put_u32(program, at + 20, offset);
    put_u32(program, at + 36, 0x60000020);
}

/* A program of 32 bits with two sections, the second of which has its imports: ExitProcess and
 * SysFreeString, by number. */
static void make_program(uint8_t p[PROGRAM_LEN])
{
    memset(p, 0, PROGRAM_LEN);
    put_text(p, 0, "MZ");
    put_u32(p, 0x3C, PE_AT);
    put_text(p, PE_AT, "PE");
    put_u32(p, PE_AT + 4, 0x2014C); /* i386, two sections */
    put_u32(p, PE_AT + 20, 0x010200E0);
    put_u32(p, OPTIONAL_AT, 0x10B);
    put_u32(p, OPTIONAL_AT + 16, 0x1000);
    put_u32(p, OPTIONAL_AT + 28, 0x400000);
    put_u32(p, OPTIONAL_AT + 32, 0x1000);
    put_u32(p, OPTIONAL_AT + 36, 0x200);
    put_u32(p, OPTIONAL_AT + 56, 0x3000);
    put_u32(p, OPTIONAL_AT + 60, FIRST_AT);
    put_u32(p, OPTIONAL_AT + 92, 16);
    put_u32(p, OPTIONAL_AT + 104, IMPORTS_RVA);
    put_u32(p, OPTIONAL_AT + 108, 60);
    put_section(p, 0, 0x1000, FIRST_AT, 0x1F0); /* as aligned: 200h */
    put_section(p, 1, IMPORTS_RVA, SECOND_AT, 0x200);
    memset(p + FIRST_AT, 0xC3, 0x200);
    static const uint32_t words[][2] = {
        {0, 0x2040},  {12, 0x2080},   {16, 0x2050},   {20, 0x2060},         {32, 0x20A0},
        {36, 0x2070}, {0x40, 0x2090}, {0x50, 0x2090}, {0x60, 6 | 1u << 31}, {0x70, 6 | 1u << 31}};
    for (size_t i = 0; i < KJ_COUNT(words); i++)
        put_u32(p, SECOND_AT + words[i][0], words[i][1]);
    put_text(p, SECOND_AT + 0x80, "KERNEL32.dll");
    put_text(p, SECOND_AT + 0x92, "ExitProcess");
    put_text(p, SECOND_AT + 0xA0, "OLEAUT32.dll");
}

#define IMPORT_TEXT "kernel32.exitprocess,oleaut32.sysfreestring"

static void test_parts_of_programs(void **state)
{
    (void)state;
    uint8_t p[PROGRAM_LEN];
    make_program(p);
    kj_span whole = kj_span_of(p, sizeof p);
    kj_span first = kj_span_sub(whole, FIRST_AT, 0x200),
            second = kj_span_sub(whole, SECOND_AT, 0x200);
    add(KJ_SCOPE_SECTION, KJ_HASH_MD5, first, 0x200, KJ_CLASS_EXACT, "Section.A");
    add(KJ_SCOPE_SECTION, KJ_HASH_SHA256, second, KJ_HASH_ANY_SIZE, KJ_CLASS_EXACT, "Section.B");
    add(KJ_SCOPE_SECTION, KJ_HASH_MD5, first, 0x1F0, KJ_CLASS_EXACT, "Not.Aligned");
    add(KJ_SCOPE_OBJECT, KJ_HASH_MD5, first, 0x200, KJ_CLASS_EXACT, "No.Object");
    add(KJ_SCOPE_IMPORTS, KJ_HASH_MD5, kj_span_str(IMPORT_TEXT), sizeof IMPORT_TEXT - 1,
        KJ_CLASS_EXACT, "Imports");
    expect(whole, "Imports exact [md5 imports 0+43 df]\n"
                  "Section.A exact [md5 section 512+512 d8]\n"
                  "Section.B exact [sha256 section 1024+512 40]\n");
    expect(first, "No.Object exact [md5 object 0+512 d8]\n");
    put_u32(p, OPTIONAL_AT, 0x20B); /* of 64 bits */
    expect(whole, "Section.A exact [md5 section 512+512 d8]\n"
                  "Section.B exact [sha256 section 1024+512 40]\n");
}

/* Authenticode leaves out the checksum and the certificates, so that signing does not change it. */
static void test_what_is_signed(void **state)
{
    (void)state;
    uint8_t p[PROGRAM_LEN + 64], digest[KJ_HASH_MAX];
    memset(p, 0x55, sizeof p);
    make_program(p);
    kj_hasher hasher;
    kj_hasher_init(&hasher, KJ_HASH_SHA1);
    kj_hasher_put(&hasher, kj_span_of(p, OPTIONAL_AT + 64));
    kj_hasher_put(&hasher, kj_span_of(p + OPTIONAL_AT + 68, 60));
    kj_hasher_put(&hasher, kj_span_of(p + OPTIONAL_AT + 136, PROGRAM_LEN - OPTIONAL_AT - 136));
    kj_hasher_done(&hasher, digest);
    add_digest(KJ_SCOPE_AUTHENTICODE, KJ_HASH_SHA1, digest, KJ_HASH_ANY_SIZE, KJ_CLASS_TRUSTED,
               "Catalog");
    add(KJ_SCOPE_OBJECT, KJ_HASH_MD5, kj_span_of(p, PROGRAM_LEN), PROGRAM_LEN, KJ_CLASS_EXACT,
        "Bad");
    expect(kj_span_of(p, PROGRAM_LEN), "Catalog trusted [sha1 authenticode 0+1536 5b]\n");
    put_u32(p, OPTIONAL_AT + 128, PROGRAM_LEN);
    put_u32(p, OPTIONAL_AT + 132, 64);
    put_u32(p, OPTIONAL_AT + 64, 0x1234);
    expect(kj_span_of(p, sizeof p), "Catalog trusted [sha1 authenticode 0+1600 5b]\n");
    p[FIRST_AT]++;
    expect(kj_span_of(p, sizeof p), "");
}

/* A table of sections that all are the whole file costs no more than a few times that. */
static void test_sections_that_overlap(void **state)
{
    (void)state;
    enum { LEN = 4 << 20, COUNT = 90, SECTIONS_AT = 0x4000 };
    uint8_t *p = calloc(1, LEN);
    assert_non_null(p);
    make_program(p);
    put_u32(p, PE_AT + 4, 0x14C | COUNT << 16);
    for (unsigned i = 0; i < COUNT; i++)
        put_section(p, i, 0x1000 * (i + 1), SECTIONS_AT + 0x200 * i, LEN / 2);
    add(KJ_SCOPE_SECTION, KJ_HASH_MD5, kj_span_str("x"), KJ_HASH_ANY_SIZE, KJ_CLASS_EXACT, "None");
    expect(kj_span_of(p, LEN), "limit: its sections overlap too much to digest all of them\n");
    for (unsigned i = 0; i < COUNT; i++)
        put_section(p, i, 0x1000 * (i + 1), SECTIONS_AT, LEN / 2);
    expect(kj_span_of(p, LEN), ""); /* one section, many times */
    free(p);
}

/* The alignments were found out with ClamAV 1.4: what `sections` are digested as. */
static void test_alignment_of_sections(void **state)
{
    (void)state;
    static const struct {
        uint32_t alignment;
        uint32_t offset;
        uint32_t len;
        uint32_t other; /* offset of another section */
        uint32_t expected_offset;
        uint32_t expected_len;
    } cases[] = {
        {0x200, 0x400, 0x3F0, 0, 0x400, 0x400},      {0x200, 0x410, 0x400, 0, 0x400, 0x400},
        {0x200, 0x411, 0x3F1, 0, 0x400, 0x400},      {0x200, 0x400, 0x10, 0, 0x400, 0x200},
        {0x200, 0x400, 0x2000, 0, 0x400, 0xC00},     {0x200, 0x10, 0x300, 0, 0, 0x400},
        {0x1000, 0x400, 0x400, 0, 0x400, 0x400},     {0x1000, 0x410, 0x3F0, 0, 0, 0x1000},
        {0x1000, 0x410, 0x3F0, 0x400, 0x400, 0x400}, {0x10, 0x415, 0x3F3, 0, 0x410, 0x400},
        {0, 0x415, 0x3F3, 0, 0x415, 0x3F3},          {0x30, 0x415, 0x3F3, 0, 0x3F0, 0x420},
        {3, 0x415, 0x3F3, 0, 0x414, 0x3F3},          {0x200, 0x1000, 0x200, 0, 0, 0},
        {UINT32_MAX, 5, UINT32_MAX, 0, 0, 0x1000},   {0x200, 0x400, 0, 0, 0, 0},
    };
    static uint8_t bytes[0x1000];
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        kj_pe pe = {.file_alignment = cases[i].alignment, .sections_read = 2};
        pe.sections[0].raw_offset = cases[i].offset;
        pe.sections[0].raw_size = cases[i].len;
        pe.sections[1].raw_offset = cases[i].other;
        kj_span out[KJ_PE_SECTIONS_MAX];
        size_t count = kj_pe_section_data(&pe, kj_span_of(bytes, sizeof bytes), out);
        assert_int_equal(count, cases[i].expected_len > 0);
        if (count) {
            assert_int_equal(out[0].data - bytes, cases[i].expected_offset);
            assert_int_equal(out[0].len, cases[i].expected_len);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_kind_of_digest, set_up, take_down),
        cmocka_unit_test_setup_teardown(test_a_name_is_told_once, set_up, take_down),
        cmocka_unit_test_setup_teardown(test_names_have_a_bound, set_up, take_down),
        cmocka_unit_test_setup_teardown(test_nothing_is_not_digested, set_up, take_down),
        cmocka_unit_test_setup_teardown(test_members, set_up, take_down),
        cmocka_unit_test_setup_teardown(test_trusted_covers_what_is_inside, set_up, take_down),
        cmocka_unit_test_setup_teardown(test_trusted_leaves_what_is_around, set_up, take_down),
        cmocka_unit_test_setup_teardown(test_parts_of_programs, set_up, take_down),
        cmocka_unit_test_setup_teardown(test_what_is_signed, set_up, take_down),
        cmocka_unit_test_setup_teardown(test_sections_that_overlap, set_up, take_down),
        cmocka_unit_test(test_alignment_of_sections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
