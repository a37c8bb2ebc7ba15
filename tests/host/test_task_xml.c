/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "base/buf.h"
#include "host/task_xml.h"

#include <string.h>

#define HEAD                                                                                       \
    "<?xml version=\"1.0\"?>\n<Task version=\"1.2\" "                                              \
    "xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\">"
#define EXEC(command) "<Exec><Command>" command "</Command></Exec>"

enum { ARENA_MAX = 1 << 20, TEXT_MAX = 4 << 20 };

static kj_status read_text(kj_arena *arena, const char *xml, kj_task *out)
{
    return kj_task_read_xml(kj_span_str(xml), arena, out, NULL);
}

static void actions_are_read(void **state)
{
    static const char xml[] =
        HEAD "<Principals><Principal><UserId>S-1-5-18</UserId></Principal>"
             "<Principal><UserId>other</UserId></Principal></Principals>"
             "<Triggers><Enabled>false</Enabled></Triggers><Actions><Exec><Command>C:\\a &amp; "
             "b.exe</Command><Arguments> /x </Arguments><WorkingDirectory>C:\\</WorkingDirectory>"
             "</Exec><ComHandler><ClassId>{1}</ClassId></ComHandler></Actions></Task>";
    kj_task task;
    kj_arena arena;
    (void)state;
    kj_arena_init(&arena, ARENA_MAX);
    assert_int_equal(read_text(&arena, xml, &task), KJ_OK);
    assert_int_equal(task.action_count, 2);
    assert_span(task.actions[0].command, "C:\\a & b.exe");
    assert_span(task.actions[0].arguments, "/x");
    assert_span(task.actions[0].directory, "C:\\");
    assert_span(task.actions[0].class_id, "");
    assert_span(task.actions[1].class_id, "{1}");
    assert_span(task.user_id, "S-1-5-18");
    assert_false(task.is_disabled);
    kj_arena_done(&arena);
}

/* As Windows writes it. */
static void wide_text_is_read(void **state)
{
    static const char xml[] =
        "<?xml version=\"1.0\" encoding=\"UTF-16\"?><Task><Settings><Enabled>"
        "false</Enabled></Settings><Actions>" EXEC("a.exe") "</Actions></Task>";
    kj_task task;
    kj_arena arena;
    kj_buf wide;
    (void)state;
    kj_arena_init(&arena, ARENA_MAX);
    kj_buf_init(&wide, TEXT_MAX);
    kj_buf_put_u16le(&wide, 0xFEFF);
    for (const char *c = xml; *c; c++)
        kj_buf_put_u16le(&wide, (uint8_t)*c);
    assert_int_equal(kj_task_read_xml(kj_buf_span(&wide), &arena, &task, NULL), KJ_OK);
    assert_span(task.actions[0].command, "a.exe");
    assert_true(task.is_disabled);
    kj_buf_done(&wide);
    kj_arena_done(&arena);
}

static void what_is_no_task_is_refused(void **state)
{
    static const struct {
        const char *xml;
        kj_status status;
    } cases[] = {
        {"", KJ_MALFORMED},
        {"text", KJ_MALFORMED},
        {"<Other/>", KJ_MALFORMED},
        {"<Task><Actions>", KJ_MALFORMED},
        {"<Task>&unknown;</Task>", KJ_MALFORMED},
        {"<!DOCTYPE Task [<!ENTITY a SYSTEM \"/etc/passwd\">]><Task>&a;</Task>", KJ_UNSUPPORTED},
        {"<Task/>", KJ_OK},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kj_task task;
        kj_arena arena;
        kj_arena_init(&arena, ARENA_MAX);
        assert_int_equal(read_text(&arena, cases[i].xml, &task), cases[i].status);
        kj_arena_done(&arena);
    }
}

/* `count` times `before`, then `middle`, then as often `after`. */
static kj_status read_repeated(const char *before, const char *middle, const char *after,
                               size_t count)
{
    kj_buf xml;
    kj_task task;
    kj_arena arena;
    kj_arena_init(&arena, ARENA_MAX);
    kj_buf_init(&xml, TEXT_MAX);
    kj_buf_put_text(&xml, "<Task><Actions>");
    for (size_t i = 0; i < count; i++)
        kj_buf_put_text(&xml, before);
    kj_buf_put_text(&xml, middle);
    for (size_t i = 0; i < count; i++)
        kj_buf_put_text(&xml, after);
    kj_buf_put_text(&xml, "</Actions></Task>");
    assert_false(xml.failed);
    kj_status status = kj_task_read_xml(kj_buf_span(&xml), &arena, &task, NULL);
    kj_buf_done(&xml);
    kj_arena_done(&arena);
    return status;
}

static void limits_are_kept(void **state)
{
    (void)state;
    assert_int_equal(read_repeated(EXEC("a"), "", "", KJ_TASK_ACTIONS_MAX), KJ_OK);
    assert_int_equal(read_repeated(EXEC("a"), "", "", KJ_TASK_ACTIONS_MAX + 1), KJ_LIMIT);
    assert_int_equal(read_repeated("<a>", "", "</a>", 1000), KJ_OK);
    assert_int_equal(read_repeated("<a>", "", "</a>", 100000), KJ_LIMIT);
    assert_int_equal(read_repeated("12345678", "", "", 8000), KJ_OK);
    assert_int_equal(read_repeated("12345678", "", "", 10000), KJ_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(actions_are_read),
        cmocka_unit_test(wide_text_is_read),
        cmocka_unit_test(what_is_no_task_is_refused),
        cmocka_unit_test(limits_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
