/* SPDX-License-Identifier: Apache-2.0 */
/* An advisory's own tests: what is shown to the engine, and what it must say at which release. */
#include "base/text.h"
#include "rules/advisory/compile.h"

/* ---- files --------------------------------------------------------------------------------- */

static void read_hex(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    kj_test_file *file = out;
    (void)param;
    if (!kj_expect_kind(r, node, KJ_YAML_TEXT, "hex text"))
        return;
    uint8_t *digits = kj_arena_alloc_raw(&r->ir->arena, node->text.len + 1);
    if (!digits) {
        r->no_memory = true;
        return;
    }
    size_t count = 0;
    for (size_t i = 0; i < node->text.len; i++)
        if (!kj_is_space(node->text.data[i]))
            digits[count++] = node->text.data[i];
    /* Decoding in place: a byte is written where its digits were read already. */
    if (!kj_hex_decode(kj_span_of(digits, count), digits)) {
        kj_complain(r, node, "two hex digits a byte; blanks and line ends may stand between them",
                    "this is not hex");
        return;
    }
    file->has_content = true;
    file->content = kj_span_of(digits, count / 2);
}

static const kj_key file_rows[] = {
    {"path", KJ_REQUIRED, kj_read_path, offsetof(kj_test_file, path)},
    {"size", KJ_OPTIONAL, kj_read_size, offsetof(kj_test_file, size)},
    {"kind", KJ_OPTIONAL, kj_read_kind, offsetof(kj_test_file, type)},
    {"hex", KJ_OPTIONAL, read_hex, 0},
};
static const kj_keys file_keys = KJ_KEYS("a test file", file_rows);

static const kj_key attachment_rows[] = {
    {"name", KJ_REQUIRED, kj_read_text, offsetof(kj_test_file, path)},
    {"size", KJ_OPTIONAL, kj_read_size, offsetof(kj_test_file, size)},
    {"kind", KJ_OPTIONAL, kj_read_kind, offsetof(kj_test_file, type)},
    {"hex", KJ_OPTIONAL, read_hex, 0},
};
static const kj_keys attachment_keys = KJ_KEYS("a test attachment", attachment_rows);

/* Content says how large a file is; without it, the size must be given. */
static void settle_size(kj_reading *r, const kj_yaml *node, kj_test_file *file)
{
    const kj_yaml *size = kj_yaml_find(node, "size");
    if (node->kind != KJ_YAML_MAP)
        return;
    if (!size && !kj_yaml_find(node, "hex"))
        kj_complain(r, node->first ? node->first->key : node, NULL,
                    "a test file needs a size, or hex for its content");
    if (size && file->has_content && file->size != file->content.len)
        kj_complain(r, size, "leave the size out", "the content in hex has %zu bytes",
                    file->content.len);
    if (file->has_content)
        file->size = file->content.len;
}

static kj_test_file *read_files(kj_reading *r, const kj_yaml *node, const kj_keys *keys,
                                bool or_one, size_t *out_count)
{
    bool one = or_one && node->kind == KJ_YAML_MAP;
    kj_test_file *files = kj_read_maps(r, node, keys, sizeof *files, or_one, out_count);
    const kj_yaml *item = one ? node : node->first;
    for (size_t i = 0; i < *out_count && item; i++, item = item->next)
        settle_size(r, item, &files[i]);
    return files;
}

static void read_one_file(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    kj_test *test = out;
    (void)param;
    if (kj_expect_kind(r, node, KJ_YAML_MAP, "a test file"))
        test->files = read_files(r, node, &file_keys, true, &test->file_count);
}

static void read_file_list(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    kj_test *test = out;
    (void)param;
    test->files = read_files(r, node, &file_keys, false, &test->file_count);
}

static void read_attachments(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    kj_test_mail *mail = &((kj_test *)out)->mail;
    (void)param;
    mail->attachments = read_files(r, node, &attachment_keys, true, &mail->attachment_count);
}

/* ---- registry and INI files ---------------------------------------------------------------- */

static const kj_key registry_rows[] = {
    {"key", KJ_REQUIRED, kj_read_key, offsetof(kj_test_entry, place)},
    {"value", KJ_OPTIONAL, kj_read_text, offsetof(kj_test_entry, name)},
    {"data", KJ_OPTIONAL, kj_read_data, offsetof(kj_test_entry, data)},
};
static const kj_keys registry_keys = KJ_KEYS("a test registry value", registry_rows);

static const kj_key ini_rows[] = {
    {"file", KJ_REQUIRED, kj_read_path, offsetof(kj_test_entry, place)},
    {"section", KJ_REQUIRED, kj_read_text, offsetof(kj_test_entry, section)},
    {"key", KJ_REQUIRED, kj_read_text, offsetof(kj_test_entry, name)},
    {"data", KJ_REQUIRED, kj_read_data, offsetof(kj_test_entry, data)},
};
static const kj_keys ini_keys = KJ_KEYS("a test INI entry", ini_rows);

static void read_registry(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    kj_test *test = out;
    (void)param;
    test->registry =
        kj_read_maps(r, node, &registry_keys, sizeof *test->registry, false, &test->registry_count);
}

static void read_ini(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    kj_test *test = out;
    (void)param;
    test->ini = kj_read_maps(r, node, &ini_keys, sizeof *test->ini, false, &test->ini_count);
}

/* ---- what must be said ---------------------------------------------------------------------- */

static void read_expected_names(kj_reading *r, const kj_yaml *node, kj_expect *expect)
{
    size_t count = 0;
    kj_span *names = kj_new_array(&r->ir->arena, kj_span, kj_texts_max(node) + 1);
    if (!names) {
        r->no_memory = true;
        return;
    }
    for (const kj_yaml *at = NULL; (at = kj_next_text(r, node, at, "a name")) != NULL;) {
        kj_read_name(r, at, &names[count], NULL);
        count += names[count].len > 0;
    }
    expect->names = (kj_texts){names, count};
}

static void read_expect(kj_reading *r, const kj_yaml *entry, kj_expect *expect)
{
    kj_read_release(r, entry->key, &expect->release, NULL);
    if (entry->kind == KJ_YAML_MAP)
        (void)kj_expect_kind(r, entry, KJ_YAML_TEXT, "a name or none");
    else if (entry->kind == KJ_YAML_LIST || !kj_span_is(entry->text, "none"))
        read_expected_names(r, entry, expect);
}

static void read_expects(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    kj_test *test = out;
    (void)param;
    if (!kj_expect_kind(r, node, KJ_YAML_MAP, "expect"))
        return;
    kj_expect *expects = kj_new_array(&r->ir->arena, kj_expect, node->count + 1);
    if (!expects) {
        r->no_memory = true;
        return;
    }
    if (node->count == 0)
        kj_complain(r, node, "write for example {4317: none, 4318: W32/Mimail.q@MM}",
                    "the test expects nothing");
    for (const kj_yaml *entry = node->first; entry; entry = entry->next) {
        kj_expect *expect = &expects[test->expect_count++];
        expect->all = test->kind == KJ_TEST_HOST;
        read_expect(r, entry, expect);
    }
    test->expects = expects;
}

/* ---- one test ------------------------------------------------------------------------------- */

static const kj_key mail_rows[] = {
    {"subject", KJ_OPTIONAL, kj_read_empty, offsetof(kj_test, mail.subject)},
    {"attachment", KJ_OPTIONAL, read_attachments, 0},
};
static const kj_keys mail_keys = KJ_KEYS("a test mail", mail_rows);

static const kj_key host_rows[] = {
    {"files", KJ_OPTIONAL, read_file_list, 0},
    {"registry", KJ_OPTIONAL, read_registry, 0},
    {"ini", KJ_OPTIONAL, read_ini, 0},
};
static const kj_keys host_keys = KJ_KEYS("a test host", host_rows);

static const kj_key test_rows[] = {
    {"file", KJ_OPTIONAL, read_one_file, 0},
    {"mail", KJ_OPTIONAL, kj_read_submap, 0, &mail_keys},
    {"host", KJ_OPTIONAL, kj_read_submap, 0, &host_keys},
    {"expect", KJ_REQUIRED, read_expects, 0},
};
static const kj_keys test_keys = KJ_KEYS("a test", test_rows);

static const struct {
    const char *key;
    kj_test_kind kind;
} kinds[] = {{"file", KJ_TEST_FILE}, {"mail", KJ_TEST_MAIL}, {"host", KJ_TEST_HOST}};

static void find_kind(kj_reading *r, const kj_yaml *node, kj_test *test)
{
    size_t found = 0;
    if (node->kind != KJ_YAML_MAP)
        return;
    for (size_t i = 0; i < KJ_COUNT(kinds); i++) {
        const kj_yaml *value = kj_yaml_find(node, kinds[i].key);
        if (value && found++)
            kj_complain(r, value->key, "make it a test of its own", "a test shows one thing");
        if (value && found == 1)
            test->kind = kinds[i].kind;
    }
    if (!found)
        kj_complain(r, node->first ? node->first->key : node, NULL,
                    "a test shows a file, a mail or a host");
}

/* Only of a host are all detections compared; an object has one verdict. */
static void check_lists(kj_reading *r, const kj_yaml *node, kj_test *test)
{
    const kj_yaml *expect = kj_yaml_find(node, "expect");
    if (test->kind == KJ_TEST_HOST || !expect || expect->kind != KJ_YAML_MAP)
        return;
    for (const kj_yaml *entry = expect->first; entry; entry = entry->next)
        if (entry->kind == KJ_YAML_LIST)
            kj_complain(r, entry, "lists of names are for hosts",
                        "a file or a mail is detected by one name");
}

static void read_test(kj_advisory *a, const kj_yaml *node)
{
    kj_draft_test draft = {.node = node};
    draft.test.threat = a->threat_index;
    draft.test.source = a->r.source;
    draft.test.offset = node->offset;
    find_kind(&a->r, node, &draft.test);
    kj_read_map(&a->r, node, &test_keys, &draft.test);
    check_lists(&a->r, node, &draft.test);
    a->r.no_memory = !kj_vec_add(&a->tests, draft) || a->r.no_memory;
}

void kj_advisory_read_tests(kj_advisory *a)
{
    const kj_yaml *node = a->tests_node;
    size_t errors = a->r.ir->diags.errors;
    if (!node || !kj_expect_kind(&a->r, node, KJ_YAML_LIST, "this key"))
        return;
    for (const kj_yaml *item = node->first; item; item = item->next)
        read_test(a, item);
    a->tests_broken = a->r.ir->diags.errors != errors;
}
