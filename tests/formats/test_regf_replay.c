/* SPDX-License-Identifier: Apache-2.0 */
/* Replay of transaction logs: logs made here, new and old, right and wrong in every way that was
 * thought of. The hive has one value of four bytes that the logs change. */
#include "tests/test.h"

#include "tests/formats/hive_builder.h"

enum { SECTOR = 512, PAGE = KJ_REGF_PAGE };

typedef struct scene {
    hive hive;
    uint32_t value;
    kj_buf logs[2];
    kj_regf_replay result;
    bool is_old; /* its logs are DIRT */
} scene;

/* A dirty hive: the first sequence number is one ahead. Its value is "old!". */
static void begin(scene *s)
{
    *s = (scene){0};
    hive_init(&s->hive, 5);
    s->value = hive_value(&s->hive, hive_name(""), KJ_REG_DWORD, kj_span_str("old!"));
    hive_set_values(&s->hive, s->hive.root, &s->value, 1);
    hive_finish(&s->hive);
    hive_put(&s->hive, KJ_REGF_SEQUENCE1_AT, 8, 4);
    hive_sum(&s->hive);
    kj_buf_init(&s->logs[0], 1 << 20);
    kj_buf_init(&s->logs[1], 1 << 20);
}

static void end(scene *s)
{
    hive_done(&s->hive);
    kj_buf_done(&s->logs[0]);
    kj_buf_done(&s->logs[1]);
}

static void put_u32(kj_buf *buf, size_t at, uint32_t value)
{
    for (size_t i = 0; i < 4; i++)
        buf->data[at + i] = (uint8_t)(value >> 8 * i);
}

static void put_u64(kj_buf *buf, size_t at, uint64_t value)
{
    put_u32(buf, at, (uint32_t)value);
    put_u32(buf, at + 4, (uint32_t)(value >> 32));
}

/* The header of a log: the hive's with another type and sequence. */
static void put_header(scene *s, kj_buf *log, uint32_t type, uint32_t sequence)
{
    kj_buf_put(log, kj_span_of(s->hive.bytes.data, SECTOR));
    put_u32(log, KJ_REGF_SEQUENCE1_AT, sequence);
    put_u32(log, KJ_REGF_SEQUENCE2_AT, sequence);
    put_u32(log, KJ_REGF_TYPE_AT, type);
    put_u32(log, KJ_REGF_CHECKSUM_AT, kj_regf_checksum(log->data));
}

/* The first page of the hive with other data in the value. */
static void put_first_page(scene *s, kj_buf *log, const char text[5])
{
    size_t start = log->len;
    kj_buf_put(log, kj_span_of(s->hive.bytes.data + KJ_REGF_HEADER_LEN, PAGE));
    memcpy(log->data + start + s->value + 4 + 8, text, 4);
}

static void set_hashes(kj_buf *log, size_t start)
{
    kj_span entry = kj_span_sub(kj_buf_span(log), start, SIZE_MAX);
    put_u64(log, start + 24, kj_regf_marvin32(KJ_REGF_LOG_SEED, kj_span_sub(entry, 40, SIZE_MAX)));
    put_u64(log, start + 32, kj_regf_marvin32(KJ_REGF_LOG_SEED, kj_span_sub(entry, 0, 32)));
}

/* An entry of a new log that sets the value. Returns where it begins. */
static size_t put_entry(scene *s, kj_buf *log, uint32_t sequence, const char text[5])
{
    size_t start = log->len;
    kj_buf_put_text(log, "HvLE");
    const uint32_t words[] = {0, 1, sequence, s->hive.bin_end, 1, 0, 0, 0, 0, 0, PAGE};
    for (size_t i = 0; i < KJ_COUNT(words); i++)
        kj_buf_put_u32le(log, words[i]);
    put_first_page(s, log, text);
    kj_buf_align(log, SECTOR);
    put_u32(log, start + 4, (uint32_t)(log->len - start));
    set_hashes(log, start);
    return start;
}

/* An old log with the sectors of the first page. */
static void put_old(scene *s, kj_buf *log, uint32_t sequence, const char text[5])
{
    s->is_old = true;
    put_header(s, log, 1, sequence);
    kj_buf_put_text(log, "DIRT");
    for (uint32_t page = 0; page < s->hive.bin_end / PAGE; page++)
        kj_buf_put_byte(log, page == 0 ? 0xFF : 0);
    kj_buf_align(log, SECTOR);
    put_first_page(s, log, text);
}

/* Replays, and checks what Windows would find: the value, and a hive without a fault if clean. */
static void replay(scene *s, kj_regf_state state, const char value[5])
{
    kj_error err = {0};
    kj_arena arena;
    kj_registry reg;
    kj_reg_value v;
    kj_regf_checked checked;
    const kj_span logs[2] = {kj_buf_span(&s->logs[0]), kj_buf_span(&s->logs[1])};
    assert_int_equal(kj_regf_replay_logs(&s->hive.bytes, logs, &s->result, &err), KJ_OK);
    assert_int_equal(s->result.state, state);
    assert_int_equal(s->result.why != NULL, state == KJ_REGF_STALE);
    kj_arena_init(&arena, 1 << 20);
    kj_status status = kj_registry_open(kj_buf_span(&s->hive.bytes), &arena, &reg, &err);
    if (status != KJ_OK)
        fail_msg("%s", err.message);
    assert_int_equal(reg.is_dirty, state == KJ_REGF_STALE);
    assert_true(kj_registry_find_value(&reg, reg.root, kj_span_str(""), NULL, &v));
    assert_span(v.data, value);
    assert_int_equal(kj_regf_check(&reg, &arena, NULL, NULL, &checked, &err), KJ_OK);
    assert_int_equal(checked.errors != 0, state == KJ_REGF_STALE);
    kj_arena_done(&arena);
}

static uint32_t sequence_of(const scene *s, size_t at)
{
    const uint8_t *b = s->hive.bytes.data + at;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static void assert_applied(const scene *s, uint32_t logs, uint32_t entries, uint32_t sequence)
{
    assert_int_equal(s->result.log, logs);
    assert_int_equal(s->result.entries, entries);
    assert_int_equal(s->result.sequence, sequence);
    /* Windows writes what new logs gave it under the next number. */
    uint32_t written = s->is_old ? sequence : sequence + 1;
    assert_int_equal(sequence_of(s, KJ_REGF_SEQUENCE1_AT), written);
    assert_int_equal(sequence_of(s, KJ_REGF_SEQUENCE2_AT), written);
}

static void test_hash(void **state)
{
    (void)state;
    /* From the format's specification. */
    static const struct {
        uint64_t seed;
        kj_span text;
        uint64_t hash;
    } rows[] = {
        {0x004FB61A001BDBCC, {NULL, 0}, 0x30ED35C100CD3C7D},
        {0x004FB61A001BDBCC, {(const uint8_t *)"\xAF", 1}, 0x48E73FC77D75DDC1},
        {0x004FB61A001BDBCC, {(const uint8_t *)"\xE7\x0F", 2}, 0xB5F6E1FC485DBFF8},
        {KJ_REGF_LOG_SEED, {NULL, 0}, 0xB39EFCA403966E08},
    };
    for (size_t i = 0; i < KJ_COUNT(rows); i++)
        assert_true(kj_regf_marvin32(rows[i].seed, rows[i].text) == rows[i].hash);
}

/* ---- new logs ------------------------------------------------------------------------------- */

static void test_clean_hive(void **state)
{
    scene s;
    (void)state;
    begin(&s);
    hive_finish(&s.hive);
    put_header(&s, &s.logs[0], 6, 8);
    (void)put_entry(&s, &s.logs[0], 8, "new!");
    replay(&s, KJ_REGF_CLEAN, "old!");
    assert_int_equal(s.result.log | s.result.entries | s.result.pages, 0);
    end(&s);
}

static void test_no_logs(void **state)
{
    scene s;
    (void)state;
    begin(&s);
    replay(&s, KJ_REGF_STALE, "old!");
    assert_string_equal(s.result.why, "its logs are missing");
    kj_buf_put_zeros(&s.logs[0], 2000);
    replay(&s, KJ_REGF_STALE, "old!");
    assert_string_equal(s.result.why, "there is no log that is complete");
    end(&s);
}

static void test_new_log(void **state)
{
    scene s;
    (void)state;
    begin(&s);
    put_header(&s, &s.logs[0], 6, 20); /* a gap behind the hive's number is usual */
    (void)put_entry(&s, &s.logs[0], 20, "one!");
    (void)put_entry(&s, &s.logs[0], 21, "two!");
    replay(&s, KJ_REGF_REPLAYED, "two!");
    assert_applied(&s, 1, 2, 21);
    assert_int_equal(s.result.pages, 2);
    assert_false(s.result.header_from_log);
    assert_int_equal(s.hive.bytes.data[KJ_REGF_FLAGS_AT], 1);
    end(&s);
}

/* LOG1 has the later entries, and the numbers pass their end. */
static void test_two_logs(void **state)
{
    scene s;
    (void)state;
    begin(&s);
    hive_put(&s.hive, KJ_REGF_SEQUENCE1_AT, 0xFFFFFFFD, 4);
    hive_put(&s.hive, KJ_REGF_SEQUENCE2_AT, 0xFFFFFFFC, 4);
    hive_sum(&s.hive);
    put_header(&s, &s.logs[0], 6, 0);
    (void)put_entry(&s, &s.logs[0], 0, "two!");
    put_header(&s, &s.logs[1], 6, 0xFFFFFFFE);
    (void)put_entry(&s, &s.logs[1], 0xFFFFFFFE, "wrng");
    (void)put_entry(&s, &s.logs[1], 0xFFFFFFFF, "one!");
    replay(&s, KJ_REGF_REPLAYED, "two!");
    assert_applied(&s, 3, 3, 0);
    end(&s);
}

static void test_gap_between_logs(void **state)
{
    scene s;
    (void)state;
    begin(&s);
    put_header(&s, &s.logs[0], 6, 8);
    (void)put_entry(&s, &s.logs[0], 8, "one!");
    put_header(&s, &s.logs[1], 6, 10);
    (void)put_entry(&s, &s.logs[1], 10, "two!");
    replay(&s, KJ_REGF_REPLAYED, "one!");
    assert_applied(&s, 1, 1, 8);
    end(&s);
}

/* Each damage ends the log in front of the second entry. */
static void test_bad_second_entry(void **state)
{
    static const struct {
        size_t at;
        uint32_t value;
        bool hashes_right;
    } damages[] = {
        {12, 30, true},                         /* a gap */
        {12, 8, true},                          /* the number of before */
        {12, 10, true},                         /* and the one behind it */
        {0, 0, true},                           /* no entry */
        {4, 0, false},                          /* no size */
        {4, 0x7FFFFE00, false},                 /* a size that leaves the log */
        {4, 4137, false},                       /* no multiple of 512 */
        {16, 0, true},                          /* no bins */
        {16, PAGE + 512, true},                 /* a torn size of all bins */
        {16, 0x7FFFF000, true},                 /* bins that nothing brings */
        {20, 2, true},                          /* one page too many */
        {20, 0xFFFFFFFF, true},                 /* many too many */
        {40, PAGE, true},                       /* a page behind the last bin */
        {40, 0xFFFFF000, true},                 /* likewise, wrapping */
        {44, 0x7FFFF000, true},                 /* a page that leaves the entry */
        {24, 1, false},         {32, 1, false}, /* wrong hashes */
        {48 + 600, 1, false},                   /* wrong data */
        {8, 0, false},                          /* wrong flags */
    };
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(damages); i++) {
        scene s;
        begin(&s);
        put_header(&s, &s.logs[0], 6, 8);
        (void)put_entry(&s, &s.logs[0], 8, "one!");
        size_t second = put_entry(&s, &s.logs[0], 9, "two!");
        put_u32(&s.logs[0], second + damages[i].at, damages[i].value);
        if (damages[i].hashes_right)
            set_hashes(&s.logs[0], second);
        replay(&s, KJ_REGF_REPLAYED, "one!");
        assert_applied(&s, 1, 1, 8);
        end(&s);
    }
}

/* A log that was cut off anywhere gives the entries that are whole, or none. */
static void test_cut_log(void **state)
{
    (void)state;
    for (size_t len = 0; len < 10240; len += 256) {
        scene s;
        begin(&s);
        put_header(&s, &s.logs[0], 6, 8);
        (void)put_entry(&s, &s.logs[0], 8, "one!");
        size_t second = put_entry(&s, &s.logs[0], 9, "two!");
        size_t whole = s.logs[0].len;
        s.logs[0].len = kj_min_size(len, whole);
        bool has_one = len >= second, has_two = len >= whole;
        replay(&s, has_one ? KJ_REGF_REPLAYED : KJ_REGF_STALE,
               has_two   ? "two!"
               : has_one ? "one!"
                         : "old!");
        end(&s);
    }
}

static void test_log_that_does_not_fit(void **state)
{
    scene s;
    (void)state;
    begin(&s);
    put_header(&s, &s.logs[0], 6, 6); /* the hive's second number is 7 */
    (void)put_entry(&s, &s.logs[0], 6, "new!");
    (void)put_entry(&s, &s.logs[0], 7, "new!");
    replay(&s, KJ_REGF_STALE, "old!");
    assert_string_equal(s.result.why, "the log is older than the hive");
    put_u32(&s.logs[0], KJ_REGF_SEQUENCE1_AT, 8);
    put_u32(&s.logs[0], KJ_REGF_SEQUENCE2_AT, 8);
    put_u32(&s.logs[0], KJ_REGF_CHECKSUM_AT, kj_regf_checksum(s.logs[0].data));
    replay(&s, KJ_REGF_STALE, "old!"); /* the first entry has another number */
    assert_string_equal(s.result.why, "the log has no complete entry");
    end(&s);
}

/* A log whose own header was not written completely. */
static void test_bad_log_header(void **state)
{
    scene s;
    (void)state;
    begin(&s);
    put_header(&s, &s.logs[0], 6, 8);
    (void)put_entry(&s, &s.logs[0], 8, "new!");
    put_u32(&s.logs[0], KJ_REGF_CHECKSUM_AT, 1);
    replay(&s, KJ_REGF_STALE, "old!");
    put_u32(&s.logs[0], KJ_REGF_SEQUENCE2_AT, 7);
    put_u32(&s.logs[0], KJ_REGF_CHECKSUM_AT, kj_regf_checksum(s.logs[0].data));
    replay(&s, KJ_REGF_STALE, "old!");
    put_u32(&s.logs[0], KJ_REGF_SEQUENCE2_AT, 8);
    put_u32(&s.logs[0], KJ_REGF_CHECKSUM_AT, kj_regf_checksum(s.logs[0].data));
    replay(&s, KJ_REGF_REPLAYED, "new!");
    end(&s);
}

/* The hive's header is bad: of two logs the later one, and its header. */
static void test_bad_header(void **state)
{
    scene s;
    (void)state;
    begin(&s);
    put_header(&s, &s.logs[0], 6, 9);
    (void)put_entry(&s, &s.logs[0], 9, "two!");
    put_header(&s, &s.logs[1], 6, 8);
    (void)put_entry(&s, &s.logs[1], 8, "one!");
    memset(s.hive.bytes.data, 0xEE, SECTOR);
    replay(&s, KJ_REGF_REPLAYED, "two!");
    assert_applied(&s, 1, 1, 9);
    assert_true(s.result.header_from_log);
    end(&s);
}

/* An entry whose second page is a new bin: the hive grows. */
static void test_growth(void **state)
{
    scene s;
    (void)state;
    begin(&s);
    kj_buf *log = &s.logs[0];
    put_header(&s, log, 6, 8);
    kj_buf_put_text(log, "HvLE");
    const uint32_t words[] = {8704, 0, 8, 2 * PAGE, 2, 0, 0, 0, 0, 0, PAGE, PAGE, PAGE};
    for (size_t i = 0; i < KJ_COUNT(words); i++)
        kj_buf_put_u32le(log, words[i]);
    put_first_page(&s, log, "new!");
    kj_buf_put_text(log, "hbin");
    const uint32_t bin[] = {PAGE, PAGE, 0, 0, 0, 0, 0, PAGE - 32};
    for (size_t i = 0; i < KJ_COUNT(bin); i++)
        kj_buf_put_u32le(log, bin[i]);
    kj_buf_put_zeros(log, PAGE - 36);
    kj_buf_align(log, SECTOR);
    set_hashes(log, SECTOR);
    replay(&s, KJ_REGF_REPLAYED, "new!");
    assert_int_equal(s.result.pages, 2);
    assert_int_equal(s.hive.bytes.len, KJ_REGF_HEADER_LEN + 2 * PAGE);
    end(&s);
    begin(&s);
    s.hive.bytes.max = KJ_REGF_HEADER_LEN + PAGE;
    put_header(&s, &s.logs[0], 6, 8);
    size_t at = put_entry(&s, &s.logs[0], 8, "new!");
    put_u32(&s.logs[0], at + 16, 2 * PAGE);
    set_hashes(&s.logs[0], at);
    kj_error err;
    const kj_span logs[2] = {kj_buf_span(&s.logs[0])};
    assert_int_equal(kj_regf_replay_logs(&s.hive.bytes, logs, &s.result, &err), KJ_LIMIT);
    end(&s);
}

/* ---- old logs ------------------------------------------------------------------------------- */

static void test_old_log(void **state)
{
    scene s;
    (void)state;
    begin(&s);
    put_old(&s, &s.logs[0], 8, "new!");
    replay(&s, KJ_REGF_REPLAYED, "new!");
    assert_applied(&s, 1, 1, 8);
    assert_int_equal(s.result.pages, PAGE / SECTOR);
    assert_false(s.result.header_from_log);
    end(&s);
}

/* LOG1 is of another time, so LOG2 is used; one sector of it is all there is. */
static void test_second_old_log(void **state)
{
    scene s;
    (void)state;
    begin(&s);
    hive_put(&s.hive, KJ_REGF_WRITTEN_AT, 5, 8);
    put_old(&s, &s.logs[0], 8, "bad!");
    hive_put(&s.hive, KJ_REGF_WRITTEN_AT, HIVE_WRITTEN, 8);
    hive_sum(&s.hive);
    uint32_t sector = s.value / SECTOR;
    put_header(&s, &s.logs[1], 2, 8);
    kj_buf_put_text(&s.logs[1], "DIRT");
    kj_buf_put_byte(&s.logs[1], (uint8_t)(1u << sector));
    kj_buf_align(&s.logs[1], SECTOR);
    size_t start = s.logs[1].len;
    kj_buf_put(&s.logs[1],
               kj_span_of(s.hive.bytes.data + KJ_REGF_HEADER_LEN + sector * SECTOR, SECTOR));
    memcpy(s.logs[1].data + start + s.value % SECTOR + 12, "new!", 4);
    replay(&s, KJ_REGF_REPLAYED, "new!");
    assert_applied(&s, 2, 1, 8);
    assert_int_equal(s.result.pages, 1);
    end(&s);
}

static void test_old_log_that_does_not_fit(void **state)
{
    scene s;
    (void)state;
    begin(&s);
    put_old(&s, &s.logs[0], 8, "bad!");
    hive_put(&s.hive, KJ_REGF_WRITTEN_AT, 5, 8);
    hive_sum(&s.hive);
    replay(&s, KJ_REGF_STALE, "old!");
    assert_string_equal(s.result.why, "the log belongs to another state of the hive");
    hive_put(&s.hive, KJ_REGF_WRITTEN_AT, HIVE_WRITTEN, 8);
    hive_sum(&s.hive);
    s.logs[0].len -= SECTOR; /* a sector that the map promises */
    replay(&s, KJ_REGF_STALE, "old!");
    s.logs[0].len = SECTOR + 4; /* the map */
    replay(&s, KJ_REGF_STALE, "old!");
    s.logs[0].len = SECTOR;
    replay(&s, KJ_REGF_STALE, "old!");
    end(&s);
}

/* Without a header the first bin tells the time. */
static void test_old_log_and_bad_header(void **state)
{
    scene s;
    (void)state;
    begin(&s);
    put_old(&s, &s.logs[0], 8, "new!");
    s.hive.bytes.data[KJ_REGF_CHECKSUM_AT] ^= 1;
    hive_put(&s.hive, KJ_REGF_HEADER_LEN + 20, 5, 8);
    replay(&s, KJ_REGF_STALE, "old!");
    hive_put(&s.hive, KJ_REGF_HEADER_LEN + 20, HIVE_WRITTEN, 8);
    replay(&s, KJ_REGF_REPLAYED, "new!");
    assert_applied(&s, 1, 1, 8);
    assert_true(s.result.header_from_log);
    assert_int_equal(s.hive.bytes.data[KJ_REGF_TYPE_AT], 0);
    end(&s);
}

static void test_what_is_no_hive(void **state)
{
    static const size_t lens[] = {0, 511, 600, 5000};
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(lens); i++) {
        kj_buf file;
        kj_error err = {0};
        kj_regf_replay result;
        const kj_span logs[2] = {{0}};
        kj_buf_init(&file, 1 << 20);
        kj_buf_put_zeros(&file, lens[i]);
        assert_int_equal(kj_regf_replay_logs(&file, logs, &result, &err), KJ_MALFORMED);
        kj_buf_done(&file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_clean_hive),
        cmocka_unit_test(test_no_logs),
        cmocka_unit_test(test_new_log),
        cmocka_unit_test(test_two_logs),
        cmocka_unit_test(test_gap_between_logs),
        cmocka_unit_test(test_bad_second_entry),
        cmocka_unit_test(test_cut_log),
        cmocka_unit_test(test_log_that_does_not_fit),
        cmocka_unit_test(test_bad_log_header),
        cmocka_unit_test(test_bad_header),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_old_log),
        cmocka_unit_test(test_second_old_log),
        cmocka_unit_test(test_old_log_that_does_not_fit),
        cmocka_unit_test(test_old_log_and_bad_header),
        cmocka_unit_test(test_what_is_no_hive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
