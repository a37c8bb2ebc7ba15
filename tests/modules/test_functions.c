/* SPDX-License-Identifier: Apache-2.0 */
/* The modules that compute: hash, math, string, time, console, magic; and those that answer from a
 * report: cuckoo, androguard. What the values are is tested against yara (functions.py); here is
 * what that cannot see: what is paid for, what is told, and what damaged code gets. */
#include "modules/module.h"

#include "base/arith.h"
#include "base/buf.h"
#include "tests/test.h"

typedef struct world {
    kj_arena arena;
    kj_object object;
    void *states[KJ_MODULES_MAX];
    kj_module_data data;
    kj_module_env env;
    kj_module_input input;
    uint64_t paid; /* bytes of work */
    uint64_t allowed;
    kj_buf printed; /* lines, each with its \n */
    unsigned unseen;
    kj_status why;
} world;

static void print(void *user, kj_span line)
{
    world *w = user;
    kj_buf_put(&w->printed, line);
    kj_buf_put_byte(&w->printed, '\n');
}

static void tell_unseen(void *user, kj_status why, const char *sentence)
{
    world *w = user;
    assert_true(sentence[0]);
    w->why = why;
    w->unseen++;
}

static void begin(world *w, kj_span bytes)
{
    *w = (world){.object.bytes = bytes, .allowed = UINT64_MAX};
    kj_arena_init(&w->arena, 16 << 20);
    kj_buf_init(&w->printed, 1 << 20);
    w->env = (kj_module_env){.data = &w->data,
                             .data_count = 1,
                             .console = print,
                             .unseen = tell_unseen,
                             .user = w,
                             .now = 1078000000};
    w->input = (kj_module_input){
        .object = &w->object, .arena = &w->arena, .env = &w->env, .states = w->states};
}

static void end(world *w)
{
    kj_arena_done(&w->arena);
    kj_buf_done(&w->printed);
}

static bool pay(const kj_field_call *call, uint64_t bytes)
{
    world *w = call->engine;
    w->paid += bytes;
    return w->paid <= w->allowed;
}

/* Instead of a regular expression: what stands in `integer` is the first byte. */
static bool matches(const kj_field_call *call, kj_value regex, kj_span text)
{
    (void)call;
    return text.len && text.data[0] == regex.integer;
}

static kj_value ask_by_id(world *w, uint32_t id, const kj_value *args, size_t count)
{
    const kj_field_call call = {
        .id = id, .args = args, .count = count, .matches = matches, .pay = pay, .engine = w};
    return kj_module_get(&w->input, &call);
}

static uint32_t id_of(const kj_module *module, const char *path, const char *params)
{
    for (size_t i = 0; i < module->schema.count; i++) {
        const kj_field *row = &module->schema.fields[i];
        if (strcmp(row->path, path) == 0 &&
            (row->params == params || (row->params && params && !strcmp(row->params, params))))
            return (uint32_t)module->schema.id << 16 | row->id;
    }
    fail_msg("no field %s", path);
    return 0;
}

static kj_value ask(world *w, const kj_module *module, const char *path, const char *params,
                    const kj_value *args)
{
    return ask_by_id(w, id_of(module, path, params), args, params ? strlen(params) : 0);
}

#define INT(value)  kj_value_int(value)
#define REAL(value) kj_value_real(value)
#define TEXT(value) kj_value_text(kj_span_str(value))
#define ARGS(...)   ((const kj_value[]){__VA_ARGS__})

static void nothing_is_computed_twice(void **state)
{
    (void)state;
    world w;
    static uint8_t bytes[1000];
    begin(&w, kj_span_of(bytes, sizeof bytes));
    kj_value first = ask(&w, &kj_module_hash, "sha256()", "ii", ARGS(INT(0), INT(1000)));
    assert_int_equal(w.paid, 1000);
    kj_value again = ask(&w, &kj_module_hash, "sha256()", "ii", ARGS(INT(0), INT(5000)));
    assert_int_equal(w.paid, 1000);
    assert_ptr_equal(first.text.data, again.text.data);
    (void)ask(&w, &kj_module_hash, "md5()", "ii", ARGS(INT(0), INT(1000)));
    assert_int_equal(w.paid, 2000);
    (void)ask(&w, &kj_module_math, "entropy()", "ii", ARGS(INT(500), INT(500)));
    assert_int_equal(w.paid, 2500);
    (void)ask(&w, &kj_module_math, "mean()", "ii", ARGS(INT(500), INT(INT64_MAX)));
    (void)ask(&w, &kj_module_math, "count()", "iii", ARGS(INT(0), INT(500), INT(500)));
    assert_int_equal(w.paid, 2500);
    (void)ask(&w, &kj_module_math, "serial_correlation()", "ii", ARGS(INT(500), INT(500)));
    (void)ask(&w, &kj_module_math, "serial_correlation()", "ii", ARGS(INT(500), INT(500)));
    assert_int_equal(w.paid, 3000);
    end(&w);
}

/* Ranges that push each other out of the memory keep their own values. */
static void many_ranges_are_kept_apart(void **state)
{
    (void)state;
    world w;
    uint8_t bytes[512];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    begin(&w, kj_span_of(bytes, sizeof bytes));
    for (int64_t turn = 0; turn < 3; turn++)
        for (int64_t i = 0; i < 500; i++) {
            kj_value mean = ask(&w, &kj_module_math, "mean()", "ii", ARGS(INT(i), INT(1)));
            kj_value sum = ask(&w, &kj_module_hash, "checksum32()", "ii", ARGS(INT(i), INT(2)));
            assert_true(mean.type == KJ_TYPE_REAL && mean.real == (double)bytes[i]);
            assert_int_equal(sum.integer, bytes[i] + bytes[i + 1]);
        }
    assert_true(w.arena.used < 1 << 20);
    end(&w);
}

static void work_that_is_not_allowed_is_not_done(void **state)
{
    (void)state;
    world w;
    static uint8_t bytes[1000];
    const kj_value whole[] = {INT(0), INT(1000)};
    begin(&w, kj_span_of(bytes, sizeof bytes));
    w.allowed = 999;
    assert_int_equal(ask(&w, &kj_module_hash, "md5()", "ii", whole).type, KJ_TYPE_UNDEFINED);
    assert_int_equal(ask(&w, &kj_module_math, "entropy()", "ii", whole).type, KJ_TYPE_UNDEFINED);
    assert_int_equal(ask(&w, &kj_module_math, "mode()", "ii", whole).type, KJ_TYPE_UNDEFINED);
    assert_int_equal(ask(&w, &kj_module_math, "monte_carlo_pi()", "ii", whole).type,
                     KJ_TYPE_UNDEFINED);
    w.allowed = UINT64_MAX;
    assert_int_equal(ask(&w, &kj_module_math, "mode()", "ii", whole).type, KJ_TYPE_INT);
    end(&w);
}

static void the_time_is_given(void **state)
{
    (void)state;
    world w;
    begin(&w, kj_span_str("x"));
    assert_int_equal(ask(&w, &kj_module_time, "now()", "", NULL).integer, 1078000000);
    w.env.now = 0;
    assert_true(ask(&w, &kj_module_time, "now()", "", NULL).integer > 1600000000);
    w.input.env = NULL;
    assert_true(ask(&w, &kj_module_time, "now()", "", NULL).integer > 1600000000);
    end(&w);
}

static void lines_are_printed(void **state)
{
    (void)state;
    world w;
    const kj_module *console = &kj_module_console;
    begin(&w, kj_span_str("x"));
    const kj_value bytes = kj_value_text(kj_span_of("a\0\x1b~\x7f\xff", 6));
    assert_int_equal(ask(&w, console, "log()", "s", &bytes).integer, 1);
    (void)ask(&w, console, "log()", "ss", ARGS(TEXT("m: "), bytes));
    (void)ask(&w, console, "log()", "ss", ARGS(bytes, TEXT("")));
    (void)ask(&w, console, "log()", "i", ARGS(INT(INT64_MIN)));
    (void)ask(&w, console, "log()", "sf", ARGS(TEXT("f "), REAL(1.5)));
    (void)ask(&w, console, "hex()", "si", ARGS(TEXT("h "), INT(-1)));
    assert_span(kj_buf_span(&w.printed), "a\\x00\\x1b~\\x7f\\xff\n"
                                         "m: a\\x00\\x1b~\\x7f\\xff\n"
                                         "a\n"
                                         "-9223372036854775808\n"
                                         "f 1.500000\n"
                                         "h 0xffffffffffffffff\n");
    w.env.console = NULL;
    assert_int_equal(ask(&w, console, "log()", "s", &bytes).integer, 1);
    end(&w);
}

static void libmagic_is_asked_once(void **state)
{
    (void)state;
    world w;
    begin(&w, kj_span_str("%PDF-1.4\n"));
    kj_value type = ask(&w, &kj_module_magic, "type()", "", NULL);
    if (type.type == KJ_TYPE_UNDEFINED) { /* it is not there */
        assert_int_equal(w.unseen, 1);
        assert_int_equal(w.why, KJ_UNSUPPORTED);
    } else {
        uint64_t paid = w.paid;
        assert_span(kj_span_sub(type.text, 0, 3), "PDF");
        assert_span(ask(&w, &kj_module_magic, "mime_type()", "", NULL).text, "application/pdf");
        assert_int_equal(w.paid, paid);
    }
    (void)ask(&w, &kj_module_magic, "mime_type()", "", NULL);
    assert_true(w.unseen <= 1);
    end(&w);
}

/* ---- reports -----------------------------------------------------------------------------------
 */

static void give(world *w, const char *module, const char *report)
{
    begin(w, kj_span_str("x"));
    w->data = (kj_module_data){kj_span_str(module), kj_span_str(report)};
}

static void a_report_is_read_once(void **state)
{
    (void)state;
    world w;
    const kj_value c = {.type = KJ_TYPE_REGEX, .integer = 'c'},
                   x = {.type = KJ_TYPE_REGEX, .integer = 'x'};
    give(&w, "cuckoo", "{\"behavior\":{\"summary\":{\"mutexes\":[\"abc\",\"cde\"]}}}");
    assert_int_equal(ask(&w, &kj_module_cuckoo, "sync.mutex()", "r", &c).integer, 1);
    uint64_t paid = w.paid;
    assert_int_equal(ask(&w, &kj_module_cuckoo, "sync.mutex()", "r", &x).integer, 0);
    assert_true(w.paid - paid < 100);
    assert_int_equal(w.unseen, 0);
    end(&w);
}

static void a_report_for_another_module_is_none(void **state)
{
    (void)state;
    world w;
    give(&w, "cuckoo", "{\"min_sdk_version\": 4}");
    assert_int_equal(ask(&w, &kj_module_androguard, "min_sdk", NULL, NULL).type, KJ_TYPE_UNDEFINED);
    assert_int_equal(w.unseen, 0);
    end(&w);
    give(&w, "androguard", "{\"min_sdk_version\": \"4x\", \"max_sdk_version\": 1e3}");
    assert_int_equal(ask(&w, &kj_module_androguard, "min_sdk", NULL, NULL).integer, 4);
    assert_int_equal(ask(&w, &kj_module_androguard, "max_sdk", NULL, NULL).integer, 0);
    end(&w);
}

static void a_broken_report_is_told_once(void **state)
{
    (void)state;
    static const char *const reports[] = {"", "{", "[] x", "\xff", "{\"a\":\"\xc3\x28\"}"};
    const kj_value c = {.type = KJ_TYPE_REGEX, .integer = 'c'};
    for (size_t i = 0; i < KJ_COUNT(reports); i++) {
        world w;
        give(&w, "cuckoo", reports[i]);
        for (int turn = 0; turn < 3; turn++)
            assert_int_equal(ask(&w, &kj_module_cuckoo, "network.host()", "r", &c).type,
                             KJ_TYPE_UNDEFINED);
        assert_int_equal(w.unseen, 1);
        assert_int_equal(w.why, KJ_MALFORMED);
        end(&w);
    }
}

static void a_report_may_not_use_all_memory(void **state)
{
    (void)state;
    world w;
    kj_buf report;
    const kj_value c = {.type = KJ_TYPE_REGEX, .integer = 'c'};
    kj_buf_init(&report, 16 << 20);
    kj_buf_put_text(&report, "[{}");
    for (size_t i = 0; i < 1 << 20; i++)
        kj_buf_put_text(&report, ",{}");
    kj_buf_put_text(&report, "]");
    give(&w, "cuckoo", kj_buf_text(&report));
    assert_int_equal(ask(&w, &kj_module_cuckoo, "network.host()", "r", &c).type, KJ_TYPE_UNDEFINED);
    assert_int_equal(w.why, KJ_LIMIT);
    end(&w);
    kj_buf_done(&report);
}

static void a_report_may_not_fit_the_arena(void **state)
{
    (void)state;
    for (size_t m = 0; m < 2; m++) {
        const kj_module *module = m ? &kj_module_androguard : &kj_module_cuckoo;
        world w;
        const kj_value c = {.type = KJ_TYPE_REGEX, .integer = 'c'};
        give(&w, module->schema.name,
             "{\"network\":{\"hosts\":[\"a\",\"b\"]},\"urls\":[\"a\",\"b\"]}");
        w.arena.budget = 1024 + 16; /* its state, and no more than that */
        (void)kj_module_state(&w.input, module, 1024);
        kj_value answer = ask(&w, module, m ? "url()" : "network.host()", "r", &c);
        assert_int_equal(answer.type, KJ_TYPE_UNDEFINED);
        assert_int_equal(w.why, KJ_LIMIT);
        assert_int_equal(w.unseen, 1);
        end(&w);
    }
}

/* ---- damaged code ------------------------------------------------------------------------------
 */

static const kj_module *const modules[] = {
    &kj_module_hash,    &kj_module_math,  &kj_module_string, &kj_module_time,
    &kj_module_console, &kj_module_magic, &kj_module_cuckoo, &kj_module_androguard,
};

static void nonsense_is_undefined(void **state)
{
    (void)state;
    world w;
    const kj_value args[] = {INT(-1),   TEXT("x"), INT(INT64_MAX), kj_value_undefined(),
                             REAL(0.5), INT(2),    {.type = 99}};
    give(&w, "cuckoo", "{}");
    for (size_t m = 0; m < KJ_COUNT(modules); m++)
        for (uint32_t id = 0; id < 400; id++)
            for (size_t first = 0; first < KJ_COUNT(args); first++)
                for (size_t count = 0; count + first <= KJ_COUNT(args); count++)
                    (void)ask_by_id(&w, (uint32_t)modules[m]->schema.id << 16 | id, args + first,
                                    count);
    const kj_value texts[] = {TEXT("0"), TEXT("1")};
    assert_int_equal(ask(&w, &kj_module_hash, "md5()", "ii", texts).type, KJ_TYPE_UNDEFINED);
    assert_int_equal(ask(&w, &kj_module_string, "length()", "s", ARGS(INT(3))).type,
                     KJ_TYPE_UNDEFINED);
    assert_int_equal(ask(&w, &kj_module_cuckoo, "network.host()", "r", texts).type,
                     KJ_TYPE_UNDEFINED);
    end(&w);
}

static void numbers_are_unique(void **state)
{
    (void)state;
    for (size_t m = 0; m < KJ_COUNT(modules); m++)
        for (size_t i = 0; i < modules[m]->schema.count; i++)
            for (size_t k = 0; k < i; k++)
                assert_int_not_equal(modules[m]->schema.fields[i].id,
                                     modules[m]->schema.fields[k].id);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_computed_twice),
        cmocka_unit_test(many_ranges_are_kept_apart),
        cmocka_unit_test(work_that_is_not_allowed_is_not_done),
        cmocka_unit_test(the_time_is_given),
        cmocka_unit_test(lines_are_printed),
        cmocka_unit_test(libmagic_is_asked_once),
        cmocka_unit_test(a_report_is_read_once),
        cmocka_unit_test(a_report_for_another_module_is_none),
        cmocka_unit_test(a_broken_report_is_told_once),
        cmocka_unit_test(a_report_may_not_use_all_memory),
        cmocka_unit_test(a_report_may_not_fit_the_arena),
        cmocka_unit_test(nonsense_is_undefined),
        cmocka_unit_test(numbers_are_unique),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
