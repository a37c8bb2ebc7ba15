/* SPDX-License-Identifier: Apache-2.0 */
/* What androguard found in an Android package, from the JSON report that --module-data
 * androguard=FILE gives. Semantics: Koodous' module for YARA (androguard-yara, 2017), and of what
 * their rules use besides, what has an obvious place in the report (providers, the numbers of
 * things, texts where it takes expressions only). Functions are 1 or 0, and 0 without a report;
 * numbers are undefined then. Texts are compared in either case.
 *
 *     app_name, package_name, main_activity, displayed_version, version_code
 *     min_sdk_version, max_sdk_version, target_sdk_version    numbers, or numbers as texts
 *     activities[], services[], receivers[], providers[], filters[], urls[]
 *     permissions[], new_permissions[]
 *     certificate.{issuerDN, subjectDN, sha1, not_before, not_after} */
#include "base/arith.h"
#include "base/text.h"
#include "modules/report.h"

#include <stdlib.h>

/* Texts of the report, single ones, too. Numbers are part of the definitions format: never reuse
 * one. */
enum list {
    APP_NAME,
    PACKAGE_NAME,
    MAIN_ACTIVITY,
    DISPLAYED_VERSION,
    VERSION_CODE,
    ACTIVITIES,
    SERVICES,
    RECEIVERS,
    PROVIDERS,
    FILTERS,
    URLS,
    PERMISSIONS,
    NEW_PERMISSIONS, /* asked for as PERMISSIONS */
    CERTIFICATE_ISSUER,
    CERTIFICATE_SUBJECT,
    CERTIFICATE_SHA1,
    CERTIFICATE_NOT_BEFORE,
    CERTIFICATE_NOT_AFTER,
    LIST_COUNT
};

enum field {
    MATCHES = 1, /* plus a list: a regular expression matches in one of its texts */
    EQUALS = 33, /* plus a list: it has that text */
    MIN_SDK = 100,
    MAX_SDK = 101,
    TARGET_SDK = 102,
    PERMISSIONS_NUMBER = 103, /* NUMBER_OF of both lists */
    NUMBER_OF = 128,          /* plus a list: how many there are */
};

#define LOOKUP(list, path)                                                                         \
    {MATCHES + (list), KJ_TYPE_INT, path, "r"},                                                    \
    {                                                                                              \
        EQUALS + (list), KJ_TYPE_INT, path, "s"                                                    \
    }

static const kj_field fields[] = {
    LOOKUP(APP_NAME, "app_name()"),
    LOOKUP(PACKAGE_NAME, "package_name()"),
    LOOKUP(MAIN_ACTIVITY, "main_activity()"),
    LOOKUP(DISPLAYED_VERSION, "displayed_version()"),
    LOOKUP(VERSION_CODE, "version_code()"),
    LOOKUP(ACTIVITIES, "activity()"),
    LOOKUP(SERVICES, "service()"),
    LOOKUP(RECEIVERS, "receiver()"),
    LOOKUP(PROVIDERS, "provider()"),
    LOOKUP(FILTERS, "filter()"),
    LOOKUP(URLS, "url()"),
    LOOKUP(PERMISSIONS, "permission()"),
    LOOKUP(CERTIFICATE_ISSUER, "certificate.issuer()"),
    LOOKUP(CERTIFICATE_SUBJECT, "certificate.subject()"),
    {EQUALS + CERTIFICATE_SHA1, KJ_TYPE_INT, "certificate.sha1()", "s"},
    LOOKUP(CERTIFICATE_NOT_BEFORE, "certificate.not_before()"),
    LOOKUP(CERTIFICATE_NOT_AFTER, "certificate.not_after()"),
    {MIN_SDK, KJ_TYPE_INT, "min_sdk", NULL},
    {MAX_SDK, KJ_TYPE_INT, "max_sdk", NULL},
    {TARGET_SDK, KJ_TYPE_INT, "target_sdk", NULL},
    {PERMISSIONS_NUMBER, KJ_TYPE_INT, "permissions_number", NULL},
    {NUMBER_OF + ACTIVITIES, KJ_TYPE_INT, "number_of_activities", NULL},
    {NUMBER_OF + SERVICES, KJ_TYPE_INT, "number_of_services", NULL},
    {NUMBER_OF + RECEIVERS, KJ_TYPE_INT, "number_of_receivers", NULL},
    {NUMBER_OF + PROVIDERS, KJ_TYPE_INT, "number_of_providers", NULL},
    {NUMBER_OF + FILTERS, KJ_TYPE_INT, "number_of_filters", NULL},
    {NUMBER_OF + PERMISSIONS, KJ_TYPE_INT, "number_of_permissions", NULL},
};

typedef struct state {
    bool asked;
    bool broken;
    bool has_report;
    kj_report_list lists[LIST_COUNT];
    int64_t counts[LIST_COUNT]; /* elements of the arrays, texts or not */
    int64_t sdk[3];             /* by field, from MIN_SDK */
} state;

/* ---- reading -----------------------------------------------------------------------------------
 */

/* Where a list is: under `key` of the report, or of its certificate. */
static const struct {
    const char *key;
    bool of_certificate;
} sources[LIST_COUNT] = {
    [APP_NAME] = {"app_name", false},
    [PACKAGE_NAME] = {"package_name", false},
    [MAIN_ACTIVITY] = {"main_activity", false},
    [DISPLAYED_VERSION] = {"displayed_version", false},
    [VERSION_CODE] = {"version_code", false},
    [ACTIVITIES] = {"activities", false},
    [SERVICES] = {"services", false},
    [RECEIVERS] = {"receivers", false},
    [PROVIDERS] = {"providers", false},
    [FILTERS] = {"filters", false},
    [URLS] = {"urls", false},
    [PERMISSIONS] = {"permissions", false},
    [NEW_PERMISSIONS] = {"new_permissions", false},
    [CERTIFICATE_ISSUER] = {"issuerDN", true},
    [CERTIFICATE_SUBJECT] = {"subjectDN", true},
    [CERTIFICATE_SHA1] = {"sha1", true},
    [CERTIFICATE_NOT_BEFORE] = {"not_before", true},
    [CERTIFICATE_NOT_AFTER] = {"not_after", true},
};

/* A single text is read as an array of one. */
static bool read_list(kj_arena *arena, json_t *value, kj_report_list *out)
{
    if (!json_is_string(value))
        return kj_report_read_list(arena, value, kj_report_read_text, out);
    json_t *one = json_array();
    bool ok = one && json_array_append(one, value) == 0 &&
              kj_report_read_list(arena, one, kj_report_read_text, out);
    json_decref(one);
    return ok;
}

static int64_t read_number(const json_t *value)
{
    const char *text = json_string_value(value);
    return text ? (int32_t)strtol(text, NULL, 10) : (int32_t)json_integer_value(value);
}

static bool read_lists(kj_arena *arena, const json_t *json, state *s)
{
    const json_t *certificate = json_object_get(json, "certificate");
    for (size_t i = 0; i < LIST_COUNT; i++) {
        json_t *value =
            json_object_get(sources[i].of_certificate ? certificate : json, sources[i].key);
        s->counts[i] = (int64_t)json_array_size(value);
        if (!read_list(arena, value, &s->lists[i]))
            return false;
    }
    s->sdk[0] = read_number(json_object_get(json, "min_sdk_version"));
    s->sdk[1] = read_number(json_object_get(json, "max_sdk_version"));
    s->sdk[2] = read_number(json_object_get(json, "target_sdk_version"));
    return true;
}

static void read_report(const kj_module_input *input, const kj_field_call *call, state *s)
{
    json_t *json = NULL;
    kj_report_outcome outcome = kj_report_parse(input, &kj_module_androguard, call, &json);
    if (outcome == KJ_REPORT_READ && !read_lists(input->arena, json, s))
        outcome = kj_report_refuse(input);
    s->asked = true;
    s->has_report = outcome == KJ_REPORT_READ;
    s->broken = outcome == KJ_REPORT_BROKEN;
    json_decref(json);
}

/* ---- answering ---------------------------------------------------------------------------------
 */

static kj_value number(const state *s, uint16_t field)
{
    if (!s->has_report)
        return kj_value_undefined();
    if (field < PERMISSIONS_NUMBER)
        return kj_value_int(s->sdk[field - MIN_SDK]);
    if (field == PERMISSIONS_NUMBER || field == NUMBER_OF + PERMISSIONS)
        return kj_value_int(s->counts[PERMISSIONS] + s->counts[NEW_PERMISSIONS]);
    return kj_value_int(s->counts[field - NUMBER_OF]);
}

/* Rules write it with colons, reports without. */
static bool has_sha1(const state *s, const kj_field_call *call)
{
    char plain[128];
    size_t len = 0;
    kj_span written = call->args[0].text;
    for (size_t i = 0; i < written.len && len < sizeof plain; i++)
        if (written.data[i] != ':')
            plain[len++] = (char)written.data[i];
    const kj_value arg = kj_value_text(kj_span_of(plain, len));
    return kj_report_has(call, &s->lists[CERTIFICATE_SHA1], &arg, NULL);
}

static bool answer(const state *s, uint16_t field, const kj_field_call *call)
{
    size_t list = field - (field >= EQUALS ? (unsigned)EQUALS : (unsigned)MATCHES);
    if (list == CERTIFICATE_SHA1)
        return has_sha1(s, call);
    return kj_report_has(call, &s->lists[list], call->args, NULL) ||
           (list == PERMISSIONS &&
            kj_report_has(call, &s->lists[NEW_PERMISSIONS], call->args, NULL));
}

static kj_value get(const kj_module_input *input, uint16_t field, const kj_field_call *call)
{
    const kj_field *row = kj_module_row(&kj_module_androguard, field);
    state *s = kj_module_state(input, &kj_module_androguard, sizeof *s);
    if (!s || !row || !kj_call_fits(call, row->params))
        return kj_value_undefined();
    if (!s->asked)
        read_report(input, call, s);
    if (s->broken)
        return kj_value_undefined();
    return field >= MIN_SDK ? number(s, field) : kj_value_int(answer(s, field, call));
}

const kj_module kj_module_androguard = {
    .schema = {.name = "androguard", .id = 15, .fields = fields, .count = KJ_COUNT(fields)},
    .get = get,
    .takes_report = true,
};
