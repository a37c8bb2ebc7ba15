/* SPDX-License-Identifier: Apache-2.0 */
/* libexpat (2.5), the one place that touches it.
 *
 * - Without a handler for external entities it reads none. Entities of the document's own need a
 *   document type, and at a document type it is stopped: tasks have none.
 * - Text comes in pieces; they are joined here. Names come as written, with their prefix.
 *
 * Source: [MS-TSCH] 2.5, the schema of tasks. */
#include "host/task_xml.h"

#include "base/buf.h"
#include "base/lazy.h"
#include "base/text.h"

#include <expat.h>

#define FUNCTIONS(X)                                                                               \
    X(XML_ParserCreate)                                                                            \
    X(XML_ParserFree)                                                                              \
    X(XML_SetUserData)                                                                             \
    X(XML_SetElementHandler)                                                                       \
    X(XML_SetCharacterDataHandler)                                                                 \
    X(XML_SetStartDoctypeDeclHandler)                                                              \
    X(XML_StopParser)                                                                              \
    X(XML_Parse)                                                                                   \
    X(XML_GetErrorCode)                                                                            \
    X(XML_GetCurrentByteIndex)                                                                     \
    X(XML_ErrorString)

static struct {
    FUNCTIONS(KJ_LAZY_FIELD)
} lib;
static const kj_lazy_symbol symbols[] = {FUNCTIONS(KJ_LAZY_SYMBOL)};
static kj_lazy library = KJ_LAZY("libexpat.so.1", symbols);

enum {
    BYTES_MAX = 16 << 20,
    PATH_LEN_MAX = 4096, /* of the names of the elements around */
    TEXT_LEN_MAX = 64 << 10,
};

typedef struct reading {
    XML_Parser parser;
    kj_arena *arena;
    kj_task *task;
    kj_buf path; /* "/Task/Actions/Exec" */
    kj_buf text;
    bool is_task;
    kj_status status; /* why it was stopped */
    const char *reason;
} reading;

static void stop(reading *r, kj_status status, const char *reason)
{
    if (r->status != KJ_OK)
        return;
    r->status = status;
    r->reason = reason;
    (void)lib.XML_StopParser(r->parser, XML_FALSE);
}

static bool is_at(const reading *r, const char *path)
{
    return kj_span_is(kj_buf_span(&r->path), path);
}

static void XMLCALL start_element(void *user, const char *name, const char **attributes)
{
    reading *r = user;
    const char *colon = strrchr(name, ':');
    (void)attributes;
    kj_buf_put_byte(&r->path, '/');
    kj_buf_put_text(&r->path, colon ? colon + 1 : name);
    kj_buf_clear(&r->text);
    if (r->path.failed) {
        stop(r, KJ_LIMIT, "the task's elements are nested too deep");
        return;
    }
    r->is_task |= is_at(r, "/Task");
    if (!is_at(r, "/Task/Actions/Exec") && !is_at(r, "/Task/Actions/ComHandler"))
        return;
    if (r->task->action_count == KJ_TASK_ACTIONS_MAX)
        stop(r, KJ_LIMIT, "the task has too many actions");
    else
        r->task->action_count++;
}

static void XMLCALL add_text(void *user, const char *text, int len)
{
    reading *r = user;
    kj_buf_put(&r->text, kj_span_of(text, (size_t)len));
    if (r->text.failed)
        stop(r, KJ_LIMIT, "a text of the task is too long");
}

static void take(reading *r, kj_span *out)
{
    char *copy = kj_arena_text(r->arena, kj_text_trim(kj_buf_span(&r->text)));
    if (!copy)
        stop(r, KJ_NO_MEMORY, "out of memory");
    *out = kj_span_str(copy);
}

static void take_action(reading *r)
{
    if (r->task->action_count == 0)
        return;
    kj_task_action *action = &r->task->actions[r->task->action_count - 1];
    if (is_at(r, "/Task/Actions/Exec/Command"))
        take(r, &action->command);
    else if (is_at(r, "/Task/Actions/Exec/Arguments"))
        take(r, &action->arguments);
    else if (is_at(r, "/Task/Actions/Exec/WorkingDirectory"))
        take(r, &action->directory);
    else if (is_at(r, "/Task/Actions/ComHandler/ClassId"))
        take(r, &action->class_id);
}

static void XMLCALL end_element(void *user, const char *name)
{
    reading *r = user;
    (void)name;
    kj_span text = kj_text_trim(kj_buf_span(&r->text));
    take_action(r);
    if (is_at(r, "/Task/Settings/Enabled"))
        r->task->is_disabled =
            kj_text_equal_nocase(text, kj_span_str("false")) || kj_span_is(text, "0");
    else if (is_at(r, "/Task/Principals/Principal/UserId") && r->task->user_id.len == 0)
        take(r, &r->task->user_id);
    kj_buf_clear(&r->text);
    while (r->path.len && r->path.data[r->path.len - 1] != '/')
        r->path.len--;
    if (r->path.len)
        r->path.len--;
}

static void XMLCALL start_doctype(void *user, const char *name, const char *system,
                                  const char *public, int internal)
{
    (void)name, (void)system, (void)public, (void)internal;
    stop(user, KJ_UNSUPPORTED, "a document type in a task");
}

static kj_status parse(reading *r, kj_span bytes, kj_error *err)
{
    XML_Parser parser = r->parser;
    lib.XML_SetUserData(parser, r);
    lib.XML_SetElementHandler(parser, start_element, end_element);
    lib.XML_SetCharacterDataHandler(parser, add_text);
    lib.XML_SetStartDoctypeDeclHandler(parser, start_doctype);
    bool ok = lib.XML_Parse(parser, (const char *)bytes.data, (int)bytes.len, 1) == XML_STATUS_OK;
    uint64_t at = (uint64_t)lib.XML_GetCurrentByteIndex(parser);
    if (r->status != KJ_OK)
        return kj_fail(err, r->status, at, "%s", r->reason);
    if (!ok && lib.XML_GetErrorCode(parser) == XML_ERROR_NO_MEMORY)
        return kj_no_memory(err);
    if (!ok)
        return kj_fail(err, KJ_MALFORMED, at, "the task is no well-formed XML: %s",
                       lib.XML_ErrorString(lib.XML_GetErrorCode(parser)));
    if (!r->is_task)
        return kj_fail(err, KJ_MALFORMED, 0, "the XML is no task");
    return KJ_OK;
}

kj_status kj_task_read_xml(kj_span bytes, kj_arena *arena, kj_task *out, kj_error *err)
{
    kj_task task = {0};
    if (bytes.len > BYTES_MAX)
        return kj_fail(err, KJ_LIMIT, BYTES_MAX, "the task is too long");
    KJ_TRY(kj_lazy_load(&library, err));
    reading r = {.arena = arena, .task = &task, .parser = lib.XML_ParserCreate(NULL)};
    if (!r.parser)
        return kj_no_memory(err);
    kj_buf_init(&r.path, PATH_LEN_MAX);
    kj_buf_init(&r.text, TEXT_LEN_MAX);
    kj_status status = parse(&r, bytes, err);
    kj_buf_done(&r.path);
    kj_buf_done(&r.text);
    lib.XML_ParserFree(r.parser);
    if (status == KJ_OK)
        *out = task;
    return status;
}
