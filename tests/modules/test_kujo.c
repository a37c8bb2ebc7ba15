/* SPDX-License-Identifier: Apache-2.0 */
/* The `kujo` module over a message with parts that are attachments and parts that are not. */
#include "modules/module.h"

#include "base/arith.h"
#include "tests/test.h"

static const kj_header headers[] = {
    {{(const uint8_t *)"Subject", 7}, {(const uint8_t *)"hello", 5}},
    {{(const uint8_t *)"X-Mailer", 8}, {(const uint8_t *)"none", 4}},
};

typedef struct message {
    kj_mail mail;
    kj_member members[4];
    kj_object object;
    kj_object part; /* of the message */
    kj_arena arena;
} message;

static kj_claims claim(const char *name)
{
    kj_claims claims = {.formats = {kj_format_find(name)}, .count = 1};
    assert_non_null(claims.formats[0]);
    return claims;
}

static int set_up(void **state)
{
    static message m;
    m.mail = (kj_mail){.headers = headers,
                       .header_count = KJ_COUNT(headers),
                       .subject = kj_span_str("hello"),
                       .from = kj_span_str("a@example.org")};
    const kj_member members[] = {
        {.name = kj_span_str("body.txt"), .size = 10, .attachments = 0},
        {.name = kj_span_str("Photo.JPG.Scr"),
         .size = 32768,
         .format = kj_format_find("pe"),
         .flags = KJ_MEMBER_ATTACHMENT,
         .content_type = kj_span_str("image/jpeg"),
         .attachments = 1},
        {.name = kj_span_str("body.html"), .size = 20, .attachments = 1},
        {.name = kj_span_str("secret.zip"),
         .flags = KJ_MEMBER_ATTACHMENT | KJ_MEMBER_ENCRYPTED,
         .attachments = 2},
    };
    memcpy(m.members, members, sizeof members);
    m.object = (kj_object){.name = kj_span_str("m.eml"),
                           .path = kj_span_str("/x/m.eml"),
                           .claims = claim("mail"),
                           .mail = &m.mail,
                           .members = m.members,
                           .member_count = KJ_COUNT(members)};
    m.part = (kj_object){.parent = &m.object,
                         .name = kj_span_str("Photo.JPG.Scr"),
                         .host_path = kj_span_str("%windir%\\photo.scr"),
                         .depth = 1,
                         .claims = claim("pe")};
    kj_arena_init(&m.arena, 1 << 20);
    *state = &m;
    return 0;
}

static int tear_down(void **state)
{
    message *m = *state;
    kj_arena_done(&m->arena);
    return 0;
}

static uint16_t field_of(const char *path)
{
    const kj_schema *schema = &kj_module_kujo.schema;
    for (size_t i = 0; i < schema->count; i++)
        if (strcmp(schema->fields[i].path, path) == 0)
            return schema->fields[i].id;
    fail_msg("no field %s", path);
    return 0;
}

static kj_value ask(message *m, const kj_object *object, const char *path, const kj_value *arg)
{
    const kj_module_input input = {.object = object, .arena = &m->arena};
    uint32_t id = (uint32_t)kj_module_kujo.schema.id << 16 | field_of(path);
    return kj_module_get(&input, &(kj_field_call){.id = id, .args = arg, .count = arg ? 1 : 0});
}

static void an_object_has_a_name_and_a_place(void **state)
{
    message *m = *state;
    assert_span(ask(m, &m->part, "name", NULL).text, "Photo.JPG.Scr");
    assert_span(ask(m, &m->part, "extension", NULL).text, "scr");
    assert_span(ask(m, &m->part, "place", NULL).text, "%windir%\\photo.scr");
    assert_span(ask(m, &m->object, "path", NULL).text, "/x/m.eml");
    assert_int_equal(ask(m, &m->part, "depth", NULL).integer, 1);
    assert_span(ask(m, &m->part, "type", NULL).text, "pe");
    assert_span(ask(m, &m->part, "kind", NULL).text, "executable");
    assert_span(ask(m, &m->part, "container.name", NULL).text, "m.eml");
    assert_span(ask(m, &m->part, "container.type", NULL).text, "mail");
    assert_int_equal(ask(m, &m->object, "container.name", NULL).type, KJ_TYPE_UNDEFINED);
    kj_value pe = kj_value_text(kj_span_str("pe")), mail = kj_value_text(kj_span_str("mail"));
    assert_int_equal(ask(m, &m->part, "is_type()", &pe).integer, 1);
    assert_int_equal(ask(m, &m->part, "is_type()", &mail).integer, 0);
    assert_int_equal(ask(m, &m->part, "container.is_type()", &mail).integer, 1);
}

static void parts_know_their_message(void **state)
{
    message *m = *state;
    const kj_object *const both[] = {&m->object, &m->part};
    for (size_t i = 0; i < KJ_COUNT(both); i++) {
        kj_value name = kj_value_text(kj_span_str("x-mailer")), second = kj_value_int(1);
        assert_span(ask(m, both[i], "mail.subject", NULL).text, "hello");
        assert_span(ask(m, both[i], "mail.from", NULL).text, "a@example.org");
        assert_span(ask(m, both[i], "mail.header()", &name).text, "none");
        assert_int_equal(ask(m, both[i], "mail.headers[]", NULL).integer, 2);
        assert_span(ask(m, both[i], "mail.headers[].name", &second).text, "X-Mailer");
    }
    kj_object lonely = {.claims = claim("data")};
    assert_int_equal(ask(m, &lonely, "mail.subject", NULL).type, KJ_TYPE_UNDEFINED);
    assert_int_equal(ask(m, &lonely, "members[]", NULL).integer, 0);
}

static void attachments_are_counted_among_members(void **state)
{
    message *m = *state;
    kj_value first = kj_value_int(0), second = kj_value_int(1), third = kj_value_int(2);
    assert_int_equal(ask(m, &m->object, "members[]", NULL).integer, 4);
    assert_span(ask(m, &m->object, "members[].name", &third).text, "body.html");
    assert_int_equal(ask(m, &m->object, "mail.attachments[]", NULL).integer, 2);
    assert_span(ask(m, &m->part, "mail.attachments[].name", &first).text, "Photo.JPG.Scr");
    assert_span(ask(m, &m->part, "mail.attachments[].extension", &first).text, "scr");
    assert_span(ask(m, &m->part, "mail.attachments[].type", &first).text, "pe");
    assert_span(ask(m, &m->part, "mail.attachments[].content_type", &first).text, "image/jpeg");
    assert_int_equal(ask(m, &m->part, "mail.attachments[].size", &first).integer, 32768);
    assert_int_equal(ask(m, &m->part, "mail.attachments[].encrypted", &first).integer, 0);
    assert_span(ask(m, &m->part, "mail.attachments[].name", &second).text, "secret.zip");
    assert_int_equal(ask(m, &m->part, "mail.attachments[].encrypted", &second).integer, 1);
    assert_int_equal(ask(m, &m->part, "mail.attachments[].type", &second).type, KJ_TYPE_UNDEFINED);
}

/* Damaged definitions ask for anything, with anything. */
static void nonsense_is_undefined(void **state)
{
    message *m = *state;
    const kj_value args[] = {kj_value_undefined(), kj_value_int(-1), kj_value_int(INT64_MAX),
                             kj_value_int(2), kj_value_text(kj_span_str("x"))};
    const kj_object *const both[] = {&m->object, &m->part};
    for (uint32_t id = 0; id < 300; id++)
        for (size_t i = 0; i < 2 * KJ_COUNT(args); i++) {
            const kj_module_input input = {.object = both[i % 2], .arena = &m->arena};
            kj_field_call call = {.id = 1u << 16 | id, .args = &args[i / 2], .count = 1};
            (void)kj_module_get(&input, &call);
            call.count = 0;
            (void)kj_module_get(&input, &call);
        }
    kj_value past = kj_value_int(2), before = kj_value_int(-1);
    assert_int_equal(ask(m, &m->object, "mail.attachments[].name", &past).type, KJ_TYPE_UNDEFINED);
    assert_int_equal(ask(m, &m->object, "members[].name", &before).type, KJ_TYPE_UNDEFINED);
    assert_int_equal(ask(m, &m->object, "mail.headers[].name", &past).type, KJ_TYPE_UNDEFINED);
    const kj_module_input input = {.object = &m->object, .arena = &m->arena};
    const kj_field_call nobodys = {.id = 99u << 16 | 1};
    assert_int_equal(kj_module_get(&input, &nobodys).type, KJ_TYPE_UNDEFINED);
}

static void numbers_are_unique(void **state)
{
    (void)state;
    const kj_schema *schema = &kj_module_kujo.schema;
    for (size_t i = 0; i < schema->count; i++)
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(schema->fields[i].id, schema->fields[k].id);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_has_a_name_and_a_place),
        cmocka_unit_test(parts_know_their_message),
        cmocka_unit_test(attachments_are_counted_among_members),
        cmocka_unit_test(nonsense_is_undefined),
        cmocka_unit_test(numbers_are_unique),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
