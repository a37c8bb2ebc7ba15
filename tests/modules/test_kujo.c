/* SPDX-License-Identifier: Apache-2.0 */
/* The `kujo` module over a message with parts that are attachments and parts that are not. */
#include "modules/module.h"

#include "base/arith.h"
#include "tests/test.h"

#include <stdio.h>

static const kj_header headers[] = {
    {{(const uint8_t *)"Subject", 7}, {(const uint8_t *)"hello", 5}},
    {{(const uint8_t *)"X-Mailer", 8}, {(const uint8_t *)"none", 4}},
};

static const kj_span photo_names[] = {
    {(const uint8_t *)"Photo.jpg", 9},
    {(const uint8_t *)"a\\b          .exe", 17},
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
         .names = photo_names,
         .name_count = KJ_COUNT(photo_names),
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
                           .odd = KJ_ODD(KJ_ODD_DUPLICATE_ENCODING),
                           .members = m.members,
                           .member_count = KJ_COUNT(members)};
    m.part = (kj_object){.parent = &m.object,
                         .name = kj_span_str("Photo.JPG.Scr"),
                         .path = kj_span_str("x/Photo.JPG.Scr"),
                         .names = photo_names,
                         .name_count = 1,
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

static kj_value ask_with(message *m, const kj_object *object, uint16_t field, const kj_value *args,
                         size_t count)
{
    const kj_module_input input = {.object = object, .arena = &m->arena};
    uint32_t id = (uint32_t)kj_module_kujo.schema.id << 16 | field;
    return kj_module_get(&input, &(kj_field_call){.id = id, .args = args, .count = count});
}

static kj_value ask(message *m, const kj_object *object, const char *path, const kj_value *arg)
{
    return ask_with(m, object, field_of(path), arg, arg ? 1 : 0);
}

/* The element of an array of texts, whose row stands behind the array's. */
static kj_value ask_element(message *m, const kj_object *object, const char *path,
                            const kj_value *args, size_t count)
{
    return ask_with(m, object, (uint16_t)(field_of(path) + 1), args, count);
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

static void things_have_several_names(void **state)
{
    message *m = *state;
    kj_value zero = kj_value_int(0), one = kj_value_int(1), two = kj_value_int(2);
    assert_int_equal(ask(m, &m->part, "names[]", NULL).integer, 2);
    assert_span(ask_element(m, &m->part, "names[]", &zero, 1).text, "Photo.JPG.Scr");
    assert_span(ask_element(m, &m->part, "names[]", &one, 1).text, "Photo.jpg");
    assert_int_equal(ask_element(m, &m->part, "names[]", &two, 1).type, KJ_TYPE_UNDEFINED);
    assert_int_equal(ask(m, &m->object, "names[]", NULL).integer, 1);
    const char *attachments = "mail.attachments[].names[]";
    assert_int_equal(ask(m, &m->object, attachments, &zero).integer, 3);
    assert_int_equal(ask(m, &m->object, attachments, &one).integer, 1);
    const kj_value third[] = {zero, two};
    assert_span(ask_element(m, &m->object, attachments, third, 2).text, "a\\b          .exe");
    assert_span(ask_element(m, &m->object, "members[].names[]", (kj_value[]){one, one}, 2).text,
                "Photo.jpg");
    const kj_value past[] = {zero, kj_value_int(3)};
    assert_int_equal(ask_element(m, &m->object, attachments, past, 2).type, KJ_TYPE_UNDEFINED);
    assert_int_equal(ask_element(m, &m->object, attachments, &zero, 1).type, KJ_TYPE_UNDEFINED);
}

static void any_name_shows_a_fact(void **state)
{
    message *m = *state;
    kj_value photo = kj_value_int(0), secret = kj_value_int(1);
    static const struct {
        const char *fact;
        bool part, photo;
    } rows[] = {
        {"double_extension", true, true},
        {"right_to_left", false, false},
        {"blanks", false, true},
        {"class_id", false, false},
        {"trailing_dots", false, false},
        {"control", false, false},
        {"path", true, true},
        {"runs", true, true},
        {"contradicts", true, true},
    };
    for (size_t i = 0; i < KJ_COUNT(rows); i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "name_facts.%s", rows[i].fact);
        assert_int_equal(ask(m, &m->part, path, NULL).integer, rows[i].part);
        assert_int_equal(ask(m, &m->object, path, NULL).integer, 0);
        (void)snprintf(path, sizeof path, "mail.attachments[].name_facts.%s", rows[i].fact);
        assert_int_equal(ask(m, &m->part, path, &photo).integer, rows[i].photo);
        assert_int_equal(ask(m, &m->part, path, &secret).integer, 0);
        (void)snprintf(path, sizeof path, "members[].name_facts.%s", rows[i].fact);
        assert_int_equal(ask(m, &m->object, path, &secret).integer, rows[i].photo);
    }
}

static void oddities_have_names(void **state)
{
    message *m = *state;
    kj_value short_name = kj_value_text(kj_span_str("mail.duplicatetransferencoding"));
    kj_value name = kj_value_text(kj_span_str("Heuristics.Mail.DuplicateTransferEncoding"));
    kj_value other = kj_value_text(kj_span_str("Mail.NoBoundary"));
    kj_value none = kj_value_text(kj_span_str("Mail.Nothing"));
    assert_int_equal(ask(m, &m->object, "odd()", &name).integer, 1);
    assert_int_equal(ask(m, &m->object, "odd()", &short_name).integer, 1);
    assert_int_equal(ask(m, &m->object, "odd()", &other).integer, 0);
    assert_int_equal(ask(m, &m->object, "odd()", &none).type, KJ_TYPE_UNDEFINED);
    assert_int_equal(ask(m, &m->part, "odd()", &name).integer, 0);
    assert_int_equal(ask(m, &m->part, "mail.odd()", &name).integer, 1);
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
        cmocka_unit_test(things_have_several_names),
        cmocka_unit_test(any_name_shows_a_fact),
        cmocka_unit_test(oddities_have_names),
        cmocka_unit_test(nonsense_is_undefined),
        cmocka_unit_test(numbers_are_unique),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
