/* SPDX-License-Identifier: Apache-2.0 */
/* What a damaged or hostile definitions file can do: nothing but give an error, miss, or report a
 * name that its author wrote. A small file with an item of each kind (data/small.*) is damaged at
 * every byte and then used as a scan would use it, in a heap block of its exact size. */
#include "defs/defs.h"

#include "base/arith.h"
#include "base/file.h"
#include "defs/writer.h"
#include "ir/place.h"
#include "match/match.h"
#include "modules/module.h"
#include "rules/advisory/advisory.h"
#include "rules/yara/yara.h"
#include "tests/defs/seal.h"
#include "tests/test.h"

#include <stdio.h>
#include <time.h>

enum {
    ENGINE = 6 << 24,
    RELEASE = 8000,
    FILE_MAX = 4 << 20,
    STEPS = 200 << 10,
    NAMES_MAX = 32,
    SECONDS_MAX = 10, /* of processor time, for all inputs with one damaged file */
};

/* ---- the file ---------------------------------------------------------------------------------
 */

static const char *const types[] = {"pe", "text", "zip", "jpeg"};

/* $KUJO_TEST_DATA: the folder of the test's files. */
static const kj_source *add_source(kj_ir *ir, const char *name)
{
    char path[512];
    kj_error err;
    const char *folder = getenv("KUJO_TEST_DATA");
    (void)snprintf(path, sizeof path, "%s/%s", folder ? folder : "tests/defs/data", name);
    kj_buf text;
    kj_buf_init(&text, 1 << 20);
    if (kj_file_read(path, &text, &err) != KJ_OK)
        fail_msg("%s: %s", path, err.message);
    const kj_source *source = kj_ir_add_source(ir, name, kj_buf_span(&text));
    kj_buf_done(&text);
    assert_non_null(source);
    return source;
}

static void compile(kj_ir *ir)
{
    kj_ir_init(ir, 64 << 20);
    const kj_external filename = {.name = kj_span_str("filename"),
                                  .value = kj_value_text(kj_span_str("bad luck"))};
    assert_true(kj_vec_add(&ir->externals, filename));
    kj_error err = {0};
    kj_advisory_options advisory = {
        .types = types, .type_count = KJ_COUNT(types), .engine = ENGINE};
    advisory.schemas = kj_module_schemas(&advisory.schema_count);
    kj_yara_options yara = {.threat = KJ_NONE};
    yara.schemas = kj_module_schemas(&yara.schema_count);
    const kj_source *rules = add_source(ir, "small.yar");
    assert_int_equal(kj_advisory_compile(ir, add_source(ir, "small.yaml"), &advisory, &err), KJ_OK);
    assert_int_equal(kj_yara_compile(ir, rules, 0, rules->text.len, &yara, &err), KJ_OK);
    assert_int_equal(kj_advisory_check_all(ir, &err), KJ_OK);
    if (kj_diags_ok(&ir->diags))
        return;
    kj_buf out;
    kj_buf_init(&out, 1 << 20);
    for (size_t i = 0; i < ir->diags.list.count; i++)
        kj_diag_print(&ir->diags.list.items[i], false, &out);
    fail_msg("%s", kj_buf_text(&out));
}

static void build(kj_buf *out)
{
    kj_ir ir;
    kj_error err;
    compile(&ir);
    kj_buf_init(out, FILE_MAX);
    kj_write_options options = KJ_WRITE_INIT;
    options.release = RELEASE;
    options.engine = ENGINE;
    if (kj_defs_write(&ir, &options, out, NULL, &err) != KJ_OK)
        fail_msg("%s", err.message);
    kj_ir_done(&ir);
}

static uint8_t *field(uint8_t *file, size_t offset)
{
    return file + offset;
}

static uint32_t get_u32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static void put_u32(uint8_t *at, uint32_t value)
{
    memcpy(at, &value, sizeof value);
}

static size_t section_count(const uint8_t *file)
{
    uint32_t count = get_u32(file + offsetof(kj_disk_header, section_count));
    return kj_min_size(count, KJ_DISK_SECTIONS_MAX);
}

/* Where in the table the section of that type stands. */
static uint8_t *find_row(uint8_t *file, uint32_t type)
{
    for (size_t i = 0; i < section_count(file); i++) {
        uint8_t *row = file + sizeof(kj_disk_header) + i * sizeof(kj_disk_section);
        if (get_u32(row) == type)
            return row;
    }
    fail_msg("no such section");
    return NULL;
}

/* ---- using it ----------------------------------------------------------------------------------
 */

/* Assembled, so that this source is not itself a test virus. */
static const char eicar[] = "X5O!P%@AP[4\\PZX54(P^)7CC)7}"
                            "$EICAR-STANDARD-"
                            "ANTIVIRUS-TEST-FILE!$H+H*";

/* Something for every string: the xored text has the key 0x20, the base64 is Python's. */
static const char soup[] = "example body HELPER wide text w\0i\0d\0e\0 \0t\0e\0x\0t\0 \0"
                           "XORED\0SECRET YmFzZWQgb24gc2l4dHktZm91cg== "
                           "ABC..........DEF 01345 0123x5 abcd------efgh "
                           "http://www.example.invalid/index.html a1 b2 c3 d4 loop loop loop";

static const char keyline[] = "key=value;";
static const char mzp[] = "MNO";

static const kj_span inputs[] = {
    {(const uint8_t *)eicar, sizeof eicar - 1},
    {(const uint8_t *)soup, sizeof soup - 1},
    {(const uint8_t *)keyline, sizeof keyline - 1},
    {(const uint8_t *)mzp, sizeof mzp - 1},
    {NULL, 0},
};

static kj_value module_field(void *user, const kj_field_call *call)
{
    (void)user;
    return (uint16_t)call->id == 1 ? kj_value_text(kj_span_str("photos.jpg.SCR"))
                                   : kj_value_int(call->id % 5);
}

/* What one use of a file gave. */
typedef struct use {
    kj_span names[NAMES_MAX]; /* distinct, copied */
    size_t name_count;
    kj_arena arena;
    kj_status worst; /* of the runs of the matcher */
    const kj_defs *defs;
} use;

static void add_name(use *u, kj_span name)
{
    for (size_t i = 0; i < u->name_count; i++)
        if (kj_span_equal(u->names[i], name))
            return;
    assert_true(u->name_count < NAMES_MAX);
    u->names[u->name_count++] = kj_span_str(kj_arena_text(&u->arena, name));
}

/* A name that its checksum does not confirm is not reported: scan/findings.c. */
static void take_detect(void *user, uint32_t index)
{
    use *u = user;
    const kj_disk_detect *detect = kj_defs_detect(u->defs, index);
    assert_non_null(detect);
    kj_span name = kj_defs_name(u->defs, &detect->name);
    if (name.len)
        add_name(u, name);
}

static void take_evidence(const use *u, kj_matcher *matcher, uint32_t detect)
{
    kj_evidence evidence[8];
    size_t count = kj_matcher_evidence(matcher, detect, evidence, KJ_COUNT(evidence));
    assert_true(count <= KJ_COUNT(evidence));
    volatile uint8_t sum = 0; /* so that the bytes are really read */
    for (size_t i = 0; i < count; i++) {
        const kj_disk_pattern *pattern = kj_defs_pattern(u->defs, evidence[i].pattern);
        const kj_disk_rule *rule = kj_defs_rule(u->defs, evidence[i].rule);
        kj_span texts[] = {
            pattern ? kj_defs_text(u->defs, pattern->source) : (kj_span){0},
            rule ? kj_defs_text(u->defs, rule->name) : (kj_span){0},
        };
        for (size_t k = 0; k < KJ_COUNT(texts); k++)
            for (size_t b = 0; b < texts[k].len; b++)
                sum = (uint8_t)(sum + texts[k].data[b]);
    }
}

static kj_span place_of(kj_arena *arena, const char *path)
{
    kj_span forms[KJ_PLACE_FORMS_MAX];
    assert_true(kj_place_expand(arena, kj_span_str(path), forms) > 0);
    return forms[0];
}

static void run_content(use *u, kj_matcher *matcher, const kj_match_input *input)
{
    const kj_match_limits limits = {.search = {.hits_per_pattern = 1000, .steps = STEPS},
                                    .steps = STEPS};
    kj_error err = {0};
    kj_status status = kj_matcher_run(matcher, input, &limits, &err);
    if (status != KJ_OK) {
        assert_true(status == KJ_LIMIT || status == KJ_INTERNAL);
        assert_true(err.message[0] != '\0');
        u->worst = status > u->worst ? status : u->worst;
        return;
    }
    size_t count;
    const uint32_t *detects = kj_matcher_detects(matcher, &count);
    for (size_t i = 0; i < count; i++) {
        take_detect(u, detects[i]);
        take_evidence(u, matcher, detects[i]);
    }
}

static void use_contents(use *u)
{
    static const char *const places[] = {"%WinDir%\\SYS32.EXE", "C:\\MAILER7.EXE", "C:\\PAGE.HTA",
                                         "C:\\KNOWN.EXE"};
    static const uint64_t sizes[] = {32768, 60005, 7, 32768};
    kj_matcher *matcher = kj_matcher_new(u->defs);
    assert_non_null(matcher);
    for (size_t i = 0; i < KJ_COUNT(inputs); i++) {
        kj_file_fact file = {.types = {kj_span_str("pe")}, .type_count = 1};
        file.place = place_of(&u->arena, places[i % KJ_COUNT(places)]);
        file.size = sizes[i % KJ_COUNT(places)];
        file.has_bytes = true;
        file.bytes = inputs[i];
        const kj_mail_fact mail = {kj_span_str("Hi my friend"), &file, 1};
        file.name = kj_span_str("x.jpg.exe");
        const kj_match_input input = {
            .bytes = inputs[i], .file = file, .mail = i == 0 ? &mail : NULL, .field = module_field};
        run_content(u, matcher, &input);
    }
    kj_matcher_free(matcher);
}

static void use_host(use *u)
{
    kj_sightings seen;
    assert_int_equal(kj_sightings_init(&seen, u->defs, NULL), KJ_OK);
    const kj_entry_fact run = {
        .place = kj_span_str("HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Run"),
        .name = kj_span_str("System"),
        .data = kj_span_str("C:\\WINNT\\SYS32.EXE /x"),
    };
    const kj_entry_fact shell = {
        .place = place_of(&u->arena, "%WinDir%\\SYSTEM.INI"),
        .section = kj_span_str("boot"),
        .name = kj_span_str("Shell"),
        .data = kj_span_str("Explorer.exe %WinDir%\\SYS32.EXE"),
    };
    kj_sight_registry(u->defs, &run, &seen);
    kj_sight_ini(u->defs, &shell, &seen);
    assert_int_equal(kj_sightings_detects(&seen, u->defs, take_detect, u, NULL), KJ_OK);
    for (uint32_t i = 0; i < u->defs->remedies.count; i++)
        (void)kj_sightings_hold(&seen, u->defs, kj_defs_remedy(u->defs, i)->needs);
    kj_sightings_done(&seen);
}

static double processor_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void use_defs(use *u, const kj_defs *defs)
{
    *u = (use){.defs = defs};
    kj_arena_init(&u->arena, 1 << 20);
    double start = processor_seconds();
    use_contents(u);
    use_host(u);
    double took = processor_seconds() - start;
    if (took > SECONDS_MAX)
        fail_msg("using the file took %.1f s", took);
}

static void use_done(use *u)
{
    kj_arena_done(&u->arena);
}

/* ---- the state of the tests -------------------------------------------------------------------
 */

typedef struct state {
    kj_buf file; /* undamaged */
    use use;     /* what it gives */
} state;

static int set_up(void **out)
{
    static state s;
    *out = &s;
    build(&s.file);
    kj_defs defs;
    kj_error err;
    if (kj_defs_open_span(kj_buf_span(&s.file), ENGINE, &defs, &err) != KJ_OK)
        fail_msg("%s", err.message);
    use_defs(&s.use, &defs);
    return 0;
}

static int tear_down(void **in)
{
    state *s = *in;
    use_done(&s->use);
    kj_buf_done(&s->file);
    return 0;
}

static bool is_original(const state *s, kj_span name)
{
    kj_defs defs;
    assert_int_equal(kj_defs_open_span(kj_buf_span(&s->file), ENGINE, &defs, NULL), KJ_OK);
    for (uint32_t i = 0; i < defs.detects.count; i++)
        if (kj_span_equal(kj_defs_name(&defs, &kj_defs_detect(&defs, i)->name), name))
            return true;
    return false;
}

typedef struct outcome {
    bool opened;
    bool verified;
    bool used; /* without an error */
} outcome;

/* Opens, verifies and uses a damaged file in any case. `what` and `at` are for the message. */
static outcome try_file(const state *s, const uint8_t *bytes, size_t len, const char *what,
                        size_t at)
{
    outcome result = {0};
    uint8_t *exact = malloc(len ? len : 1);
    assert_non_null(exact);
    if (len)
        memcpy(exact, bytes, len);
    kj_defs defs;
    kj_error err = {0};
    result.opened = kj_defs_open_span(kj_span_of(exact, len), ENGINE, &defs, &err) == KJ_OK;
    if (result.opened) {
        result.verified = kj_defs_verify(&defs, &err) == KJ_OK;
        use u;
        use_defs(&u, &defs);
        for (size_t i = 0; i < u.name_count; i++)
            if (!is_original(s, u.names[i]))
                fail_msg("%s at %zu: an invented name", what, at);
        result.used = u.worst != KJ_INTERNAL;
        use_done(&u);
    }
    if (!result.verified && err.message[0] == '\0')
        fail_msg("%s at %zu: an error without a sentence", what, at);
    free(exact);
    return result;
}

static uint8_t *copy_file(const state *s)
{
    uint8_t *copy = malloc(s->file.len);
    assert_non_null(copy);
    memcpy(copy, s->file.data, s->file.len);
    return copy;
}

static const uint8_t flips[] = {0x01, 0xFF};

/* ---- cases ------------------------------------------------------------------------------------
 */

static void test_same_bytes(void **in)
{
    const state *s = *in;
    kj_buf again;
    build(&again);
    assert_int_equal(again.len, s->file.len);
    assert_memory_equal(again.data, s->file.data, again.len);
    kj_buf_done(&again);
}

/* Otherwise the rest would prove nothing. */
static void test_everything_is_detected(void **in)
{
    const state *s = *in;
    static const char *const expected[] = {
        "W32/Example.q@MM",
        "W32/Example.gen@MM",
        "W32/Example.r",
        "eicar_like",
        "texts",
        "jumps",
        "regexes",
        "loops",
        "facts",
        "externals",
    };
    for (size_t i = 0; i < KJ_COUNT(expected); i++) {
        bool found = false;
        for (size_t k = 0; k < s->use.name_count && !found; k++)
            found = kj_span_is(s->use.names[k], expected[i]);
        if (!found)
            fail_msg("%s is not detected", expected[i]);
    }
    assert_int_equal(s->use.name_count, KJ_COUNT(expected));
    assert_int_equal(s->use.worst, KJ_OK);
    outcome intact = try_file(s, s->file.data, s->file.len, "nothing", 0);
    assert_true(intact.opened && intact.verified && intact.used);
}

static void test_each_flipped_byte(void **in)
{
    const state *s = *in;
    uint8_t *file = copy_file(s);
    for (size_t i = 0; i < s->file.len; i++)
        for (size_t k = 0; k < KJ_COUNT(flips); k++) {
            file[i] ^= flips[k];
            outcome o = try_file(s, file, s->file.len, "a flip", i);
            if (o.verified)
                fail_msg("byte %zu ^ 0x%02x is not noticed", i, flips[k]);
            file[i] ^= flips[k];
        }
    free(file);
}

static void test_each_truncation(void **in)
{
    const state *s = *in;
    for (size_t len = 0; len < s->file.len; len++)
        if (try_file(s, s->file.data, len, "the end", len).opened)
            fail_msg("a file cut to %zu bytes is not noticed", len);
}

static void test_appended_bytes(void **in)
{
    const state *s = *in;
    uint8_t *longer = calloc(1, s->file.len + 64);
    memcpy(longer, s->file.data, s->file.len);
    for (size_t more = 1; more <= 64; more++)
        assert_false(try_file(s, longer, s->file.len + more, "more", more).opened);
    free(longer);
}

/* Damage that the checksums do not show. What the whole check accepts must then work. */
static void check_sealed(const state *s, uint8_t *file, size_t len, size_t at)
{
    seal(file, len);
    outcome o = try_file(s, file, len, "a sealed change", at);
    if (o.verified && !o.used)
        fail_msg("a sealed change at %zu passes the whole check, but scanning calls it damaged",
                 at);
}

static void test_each_sealed_flip(void **in)
{
    const state *s = *in;
    uint8_t *file = copy_file(s);
    for (size_t i = 0; i < s->file.len; i++)
        for (size_t k = 0; k < KJ_COUNT(flips); k++) {
            memcpy(file, s->file.data, s->file.len);
            file[i] ^= flips[k];
            check_sealed(s, file, s->file.len, i);
        }
    free(file);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

/* A value that code is likely to be wrong about. */
static uint32_t odd_value(uint64_t *seed, size_t len)
{
    const uint32_t values[] = {
        0,
        1,
        2,
        7,
        0x7F,
        0xFF,
        0xFFFF,
        INT32_MAX,
        UINT32_MAX,
        UINT32_MAX - 1,
        (uint32_t)len,
        (uint32_t)next_random(seed) % 64,
        (uint32_t)next_random(seed) % (uint32_t)len,
        (uint32_t)next_random(seed),
    };
    return values[next_random(seed) % KJ_COUNT(values)];
}

static void damage(uint8_t *file, size_t len, size_t start, uint64_t *seed)
{
    size_t changes = 1 + next_random(seed) % 8;
    for (size_t i = 0; i < changes; i++) {
        size_t at = start + next_random(seed) % (len - start);
        switch (next_random(seed) % 3) {
        case 0:
            file[at] = (uint8_t)next_random(seed);
            break;
        case 1:
            put_u32(file + kj_min_size(at & ~(size_t)3, len - 4), odd_value(seed, len));
            break;
        default: { /* words from elsewhere: plausible, but not here */
            size_t from = start + next_random(seed) % (len - start);
            size_t count = 4 * (1 + next_random(seed) % 16);
            count = kj_min_size(count, len - (at > from ? at : from));
            memmove(file + at, file + from, count);
        }
        }
    }
}

static int rounds(int normal)
{
    const char *longer = getenv("KUJO_LONG");
    return longer && *longer ? normal * 20 : normal;
}

static void test_random_sealed_damage(void **in)
{
    const state *s = *in;
    uint8_t *file = copy_file(s);
    for (int i = 0; i < rounds(3000); i++) {
        uint64_t seed = (uint64_t)i;
        memcpy(file, s->file.data, s->file.len);
        damage(file, s->file.len, table_end(file, s->file.len), &seed);
        check_sealed(s, file, s->file.len, (size_t)i);
    }
    free(file);
}

/* The search's own sections are a small part of the file: damaged alone, so that they are reached.
 */
static void test_random_sealed_damage_of_sections(void **in)
{
    static const uint32_t some[] = {
        KJ_SEC_META,     KJ_SEC_CODE,    KJ_SEC_LISTS,    KJ_SEC_PROGRAMS, KJ_SEC_RULES,
        KJ_SEC_POSTINGS, KJ_SEC_BUCKETS, KJ_SEC_PATTERNS, KJ_SEC_DETECTS,  KJ_SEC_ARTIFACTS,
        KJ_SEC_PLACES,   KJ_SEC_SCANNED, KJ_SEC_EXTERNALS};
    const state *s = *in;
    uint8_t *file = copy_file(s);
    for (size_t k = 0; k < KJ_COUNT(some); k++)
        for (int i = 0; i < rounds(400); i++) {
            uint64_t seed = (uint64_t)i << 8 | k;
            memcpy(file, s->file.data, s->file.len);
            kj_disk_section section;
            memcpy(&section, find_row(file, some[k]), sizeof section);
            if (section.size < 8)
                continue;
            damage(file + section.offset, (size_t)section.size, 0, &seed);
            check_sealed(s, file, s->file.len, (size_t)i);
        }
    free(file);
}

static void test_random_sealed_tables(void **in)
{
    const state *s = *in;
    uint8_t *file = copy_file(s);
    for (int i = 0; i < rounds(2000); i++) {
        uint64_t seed = (uint64_t)i + 1000000;
        memcpy(file, s->file.data, s->file.len);
        size_t end = table_end(file, s->file.len);
        damage(file, end, sizeof(kj_disk_header), &seed);
        check_sealed(s, file, s->file.len, (size_t)i);
    }
    free(file);
}

/* ---- versions -----------------------------------------------------------------------------------
 */

static void expect_open(uint8_t *file, size_t len, kj_status expected, const char *sentence)
{
    kj_defs defs;
    kj_error err = {0};
    assert_int_equal(kj_defs_open_span(kj_span_of(file, len), ENGINE, &defs, &err), expected);
    if (expected == KJ_OK && kj_defs_verify(&defs, &err) != KJ_OK)
        fail_msg("%s", err.message);
    if (sentence && !strstr(err.message, sentence))
        fail_msg("says: %s", err.message);
}

static void test_versions(void **in)
{
    const state *s = *in;
    const struct {
        size_t offset;
        uint32_t value;
        kj_status expected;
        const char *sentence;
    } rows[] = {
        {offsetof(kj_disk_header, major), 5, KJ_UNSUPPORTED, "format 5.0"},
        {offsetof(kj_disk_header, major), 0, KJ_UNSUPPORTED, "format 0.0"},
        {offsetof(kj_disk_header, minor), 7, KJ_OK, NULL},
        {offsetof(kj_disk_header, engine), 6 << 24 | 1, KJ_UNSUPPORTED, "engine 6.0.1"},
        {offsetof(kj_disk_header, engine), 7 << 24 | 2 << 16, KJ_UNSUPPORTED, "engine 7.2.0"},
    };
    for (size_t i = 0; i < KJ_COUNT(rows); i++) {
        uint8_t *file = copy_file(s);
        put_u32(field(file, rows[i].offset), rows[i].value);
        seal_header(file, s->file.len);
        expect_open(file, s->file.len, rows[i].expected, rows[i].sentence);
        free(file);
    }
}

/* A newer major may move everything behind it, so it is told apart before the checksum. */
static void test_newer_major_with_another_checksum(void **in)
{
    const state *s = *in;
    uint8_t *file = copy_file(s);
    put_u32(field(file, offsetof(kj_disk_header, major)), 5);
    expect_open(file, s->file.len, KJ_UNSUPPORTED, "format 5.0");
    free(file);
}

static void test_unknown_sections(void **in)
{
    const state *s = *in;
    static const uint32_t unknown[] = {KJ_FOURCC('N', 'E', 'W', '1'), KJ_SEC_SIGNATURE,
                                       KJ_FOURCC('H', 'N', 'E', 'W')};
    for (size_t i = 0; i < KJ_COUNT(unknown); i++) {
        uint8_t *file = copy_file(s), *row = find_row(file, KJ_SEC_GATES);
        put_u32(row, unknown[i]);
        put_u32(row + offsetof(kj_disk_section, element_size), 24);
        put_u32(row + offsetof(kj_disk_section, flags), 0);
        seal_header(file, s->file.len);
        expect_open(file, s->file.len, KJ_OK, NULL);
        put_u32(row + offsetof(kj_disk_section, flags), KJ_SECF_REQUIRED);
        seal_header(file, s->file.len);
        expect_open(file, s->file.len, KJ_UNSUPPORTED, "does not know");
        free(file);
    }
}

static void test_what_is_no_definitions_file(void **in)
{
    (void)in;
    static const char *const texts[] = {"", "K", "KUJODEF", "KUJODEF\x1a", "hello", eicar};
    for (size_t i = 0; i < KJ_COUNT(texts); i++) {
        kj_defs defs;
        kj_error err = {0};
        assert_int_equal(kj_defs_open_span(kj_span_str(texts[i]), ENGINE, &defs, &err),
                         KJ_MALFORMED);
        assert_true(err.message[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_everything_is_detected),
        cmocka_unit_test(test_each_flipped_byte),
        cmocka_unit_test(test_each_truncation),
        cmocka_unit_test(test_appended_bytes),
        cmocka_unit_test(test_each_sealed_flip),
        cmocka_unit_test(test_random_sealed_damage),
        cmocka_unit_test(test_random_sealed_damage_of_sections),
        cmocka_unit_test(test_random_sealed_tables),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_newer_major_with_another_checksum),
        cmocka_unit_test(test_unknown_sections),
        cmocka_unit_test(test_what_is_no_definitions_file),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
