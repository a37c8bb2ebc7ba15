/* SPDX-License-Identifier: Apache-2.0 */
#include "scan/object.h"

#include "base/path.h"
#include "base/text.h"
#include "formats/views.h"

static kj_value field_value(void *user, const kj_field_call *call)
{
    const kj_asked *a = user;
    return kj_module_get(&a->module, call);
}

static kj_span directory_of(kj_span path)
{
    while (path.len && path.data[path.len - 1] != '/')
        path.len--;
    return path.len > 1 ? kj_span_sub(path, 0, path.len - 1) : path;
}

/* With its dot. */
static kj_value extension_value(kj_span name)
{
    kj_span stem;
    (void)kj_path_extension(name, &stem);
    return kj_value_text(kj_span_sub(name, stem.len, SIZE_MAX));
}

/* As LOKI names types: EXE for programs, else the format's name in capitals. */
static kj_value type_value(const kj_asked *a)
{
    const kj_format *format = a->module.object->claims.formats[0];
    if (format->kind == KJ_KIND_EXECUTABLE && format->name[0] != 'e')
        return kj_value_text(kj_span_str("EXE"));
    char *upper = kj_arena_strdup(a->module.arena, format->name);
    for (char *c = upper; c && *c; c++)
        *c = (char)kj_upper((uint8_t)*c);
    return kj_value_text(kj_span_str(upper));
}

/* The variables that LOKI and THOR define for their rules. */
kj_value kj_asked_external(const kj_asked *a, kj_span name)
{
    if (kj_span_is(name, "filename"))
        return kj_value_text(a->module.object->name);
    if (kj_span_is(name, "filepath"))
        return kj_value_text(directory_of(a->module.object->path));
    if (kj_span_is(name, "extension"))
        return extension_value(a->module.object->name);
    if (kj_span_is(name, "filetype"))
        return type_value(a);
    return kj_value_undefined();
}

static kj_value external_value(void *user, kj_span name)
{
    return kj_asked_external(user, name);
}

static kj_file_fact file_fact(const kj_object *object)
{
    kj_file_fact fact = {
        .place = object->host_path,
        .name = object->name,
        .size = object->bytes.len,
        .has_bytes = true,
        .bytes = object->bytes,
    };
    for (size_t i = 0; i < object->claims.count && i < KJ_FACT_TYPES_MAX; i++)
        fact.types[fact.type_count++] = kj_span_str(object->claims.formats[i]->name);
    return fact;
}

static bool is_attachment(const kj_member *member)
{
    return member->flags & KJ_MEMBER_ATTACHMENT;
}

/* As many as they have names. */
static size_t count_attachment_facts(const kj_object *object)
{
    size_t count = 0;
    for (size_t i = 0; i < object->member_count; i++)
        if (is_attachment(&object->members[i]))
            count += 1 + object->members[i].name_count;
    return count;
}

static void add_attachment_facts(const kj_member *member, kj_file_fact *files, size_t *count)
{
    kj_file_fact fact = {.name = member->name, .size = member->size};
    if (member->format)
        fact.types[fact.type_count++] = kj_span_str(member->format->name);
    files[(*count)++] = fact;
    for (size_t i = 0; i < member->name_count; i++) {
        fact.name = member->names[i];
        files[(*count)++] = fact;
    }
}

/* A message's attachments as facts, one for each name of each, so that any of its names will do.
 * NULL without memory. */
static kj_mail_fact *mail_fact(kj_arena *arena, const kj_object *object)
{
    kj_mail_fact *mail = kj_new(arena, kj_mail_fact);
    kj_file_fact *files = kj_new_array(arena, kj_file_fact, count_attachment_facts(object));
    if (!mail || !files)
        return NULL;
    *mail = (kj_mail_fact){.subject = object->mail->subject, .attachments = files};
    for (size_t i = 0; i < object->member_count; i++)
        if (is_attachment(&object->members[i]))
            add_attachment_facts(&object->members[i], files, &mail->attachment_count);
    return mail;
}

static bool entry_point(const kj_object *object, uint64_t *out)
{
    if (object->view)
        return false;
    for (size_t i = 0; i < object->claims.count; i++) {
        const kj_format *format = object->claims.formats[i];
        if (format->entry_point && format->entry_point(object->bytes, out))
            return true;
    }
    return false;
}

/* What stands in scripts counts as text, too. */
uint32_t kj_rules_of_view(unsigned view)
{
    static const uint32_t flags[KJ_VIEW_COUNT] = {
        [KJ_VIEW_TEXT] = KJ_RULE_VIEW_TEXT,
        [KJ_VIEW_HTML_PLAIN] = KJ_RULE_VIEW_HTML,
        [KJ_VIEW_HTML_TEXT] = KJ_RULE_VIEW_HTML,
        [KJ_VIEW_HTML_SCRIPTS] = KJ_RULE_VIEW_HTML | KJ_RULE_VIEW_TEXT,
    };
    return view < KJ_VIEW_COUNT ? flags[view] : 0;
}

kj_status kj_asked_init(kj_asked *asked, const kj_object *object, kj_arena *arena,
                        const kj_module_env *env, kj_error *err)
{
    *asked = (kj_asked){
        .module = {.object = object, .arena = arena, .env = env, .states = asked->states},
        .input = {.bytes = object->bytes,
                  .view = kj_rules_of_view(object->view),
                  .file = file_fact(object),
                  .mail = object->mail ? mail_fact(arena, object) : NULL,
                  .field = field_value,
                  .external = external_value,
                  .user = asked},
    };
    asked->input.has_entry_point = entry_point(object, &asked->input.entry_point);
    return object->mail && !asked->input.mail ? kj_no_memory(err) : KJ_OK;
}
