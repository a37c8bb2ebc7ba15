/* SPDX-License-Identifier: Apache-2.0 */
/* What a file did in the sandbox Cuckoo, from the JSON report that --module-data cuckoo=FILE gives.
 * Semantics: libyara 4.5's module `cuckoo`: every function is 1 or 0, and 0 without a report. What
 * is read of a report:
 *
 *     network.domains[].{ip, domain}, or where that is missing network.dns[].{ip, hostname}
 *     network.http[].{uri, method}, network.http[].user-agent
 *     network.hosts[], network.tcp[].{dst, dport}, network.udp[].{dst, dport}
 *     behavior.summary.keys[], .files[], .mutexes[] */
#include "base/arith.h"
#include "base/text.h"
#include "modules/report.h"

/* Numbers are part of the definitions format: never reuse one. */
enum field {
    DNS_LOOKUP = 1,
    HTTP_REQUEST = 2,
    HTTP_GET = 3,
    HTTP_POST = 4,
    HTTP_USER_AGENT = 5,
    HOST = 6,
    TCP = 7,
    UDP = 8,
    KEY_ACCESS = 20,
    FILE_ACCESS = 30,
    MUTEX = 40,
};

static const kj_field fields[] = {
    {DNS_LOOKUP, KJ_TYPE_INT, "network.dns_lookup()", "r"},
    {HTTP_GET, KJ_TYPE_INT, "network.http_get()", "r"},
    {HTTP_POST, KJ_TYPE_INT, "network.http_post()", "r"},
    {HTTP_REQUEST, KJ_TYPE_INT, "network.http_request()", "r"},
    {HTTP_USER_AGENT, KJ_TYPE_INT, "network.http_user_agent()", "r"},
    {HOST, KJ_TYPE_INT, "network.host()", "r"},
    {TCP, KJ_TYPE_INT, "network.tcp()", "ri"},
    {UDP, KJ_TYPE_INT, "network.udp()", "ri"},
    {KEY_ACCESS, KJ_TYPE_INT, "registry.key_access()", "r"},
    {FILE_ACCESS, KJ_TYPE_INT, "filesystem.file_access()", "r"},
    {MUTEX, KJ_TYPE_INT, "sync.mutex()", "r"},
};

enum list {
    LIST_DOMAINS,
    LIST_GETS,
    LIST_POSTS,
    LIST_AGENTS,
    LIST_HOSTS,
    LIST_TCP,
    LIST_UDP,
    LIST_KEYS,
    LIST_FILES,
    LIST_MUTEXES,
    LIST_COUNT
};

typedef struct state {
    bool asked;
    bool broken;
    kj_report_list lists[LIST_COUNT];
} state;

/* ---- reading -----------------------------------------------------------------------------------
 */

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static bool read_domain(const json_t *element, const char **out_text, int64_t *out_number)
{
    (void)out_number;
    *out_text = text_of(element, "domain");
    return *out_text && text_of(element, "ip");
}

static bool read_old_domain(const json_t *element, const char **out_text, int64_t *out_number)
{
    (void)out_number;
    *out_text = text_of(element, "hostname");
    return *out_text && text_of(element, "ip");
}

static bool read_request(const json_t *element, const char *wanted, const char **out_text)
{
    const char *method = text_of(element, "method");
    *out_text = text_of(element, "uri");
    return *out_text && method && kj_report_equals(kj_span_str(method), kj_span_str(wanted));
}

static bool read_get(const json_t *element, const char **out_text, int64_t *out_number)
{
    (void)out_number;
    return read_request(element, "get", out_text);
}

static bool read_post(const json_t *element, const char **out_text, int64_t *out_number)
{
    (void)out_number;
    return read_request(element, "post", out_text);
}

static bool read_agent(const json_t *element, const char **out_text, int64_t *out_number)
{
    (void)out_number;
    *out_text = text_of(element, "user-agent");
    return *out_text != NULL;
}

/* libyara keeps ports in 32 bits. */
static bool read_connection(const json_t *element, const char **out_text, int64_t *out_number)
{
    const json_t *port = json_object_get(element, "dport");
    *out_text = text_of(element, "dst");
    *out_number = (int32_t)json_integer_value(port);
    return *out_text && json_is_integer(port);
}

/* Where a list's array is. */
static const struct {
    const char *path[4]; /* ends with NULL */
    kj_report_reader *reader;
} sources[LIST_COUNT] = {
    [LIST_DOMAINS] = {{"network", "domains"}, read_domain},
    [LIST_GETS] = {{"network", "http"}, read_get},
    [LIST_POSTS] = {{"network", "http"}, read_post},
    [LIST_AGENTS] = {{"network", "http"}, read_agent},
    [LIST_HOSTS] = {{"network", "hosts"}, kj_report_read_text},
    [LIST_TCP] = {{"network", "tcp"}, read_connection},
    [LIST_UDP] = {{"network", "udp"}, read_connection},
    [LIST_KEYS] = {{"behavior", "summary", "keys"}, kj_report_read_text},
    [LIST_FILES] = {{"behavior", "summary", "files"}, kj_report_read_text},
    [LIST_MUTEXES] = {{"behavior", "summary", "mutexes"}, kj_report_read_text},
};

static const json_t *find(const json_t *json, const char *const *path)
{
    for (; *path; path++)
        json = json_object_get(json, *path);
    return json;
}

static bool read_lists(kj_arena *arena, const json_t *json, state *s)
{
    static const char *const old_domains[] = {"network", "dns", NULL};
    bool ok = true;
    for (size_t i = 0; i < LIST_COUNT && ok; i++)
        ok = kj_report_read_list(arena, find(json, sources[i].path), sources[i].reader,
                                 &s->lists[i]);
    if (ok && !find(json, sources[LIST_DOMAINS].path))
        ok = kj_report_read_list(arena, find(json, old_domains), read_old_domain,
                                 &s->lists[LIST_DOMAINS]);
    return ok;
}

static void read_report(const kj_module_input *input, const kj_field_call *call, state *s)
{
    json_t *json = NULL;
    kj_report_outcome outcome = kj_report_parse(input, &kj_module_cuckoo, call, &json);
    if (outcome == KJ_REPORT_READ && !read_lists(input->arena, json, s))
        outcome = kj_report_refuse(input);
    s->asked = true;
    s->broken = outcome == KJ_REPORT_BROKEN;
    json_decref(json);
}

/* ---- answering ---------------------------------------------------------------------------------
 */

static bool answer(const state *s, uint16_t field, const kj_field_call *call)
{
    const kj_report_list *lists = s->lists;
    const kj_value *arg = call->args;
    switch (field) {
    case DNS_LOOKUP:
        return kj_report_has(call, &lists[LIST_DOMAINS], arg, NULL);
    case HTTP_REQUEST:
        return kj_report_has(call, &lists[LIST_GETS], arg, NULL) ||
               kj_report_has(call, &lists[LIST_POSTS], arg, NULL);
    case HTTP_GET:
        return kj_report_has(call, &lists[LIST_GETS], arg, NULL);
    case HTTP_POST:
        return kj_report_has(call, &lists[LIST_POSTS], arg, NULL);
    case HTTP_USER_AGENT:
        return kj_report_has(call, &lists[LIST_AGENTS], arg, NULL);
    case HOST:
        return kj_report_has(call, &lists[LIST_HOSTS], arg, NULL);
    case TCP:
        return kj_report_has(call, &lists[LIST_TCP], arg, &arg[1].integer);
    case UDP:
        return kj_report_has(call, &lists[LIST_UDP], arg, &arg[1].integer);
    case KEY_ACCESS:
        return kj_report_has(call, &lists[LIST_KEYS], arg, NULL);
    case FILE_ACCESS:
        return kj_report_has(call, &lists[LIST_FILES], arg, NULL);
    default:
        return kj_report_has(call, &lists[LIST_MUTEXES], arg, NULL);
    }
}

static kj_value get(const kj_module_input *input, uint16_t field, const kj_field_call *call)
{
    const kj_field *row = kj_module_row(&kj_module_cuckoo, field);
    state *s = kj_module_state(input, &kj_module_cuckoo, sizeof *s);
    if (!s || !row || !kj_call_fits(call, row->params))
        return kj_value_undefined();
    if (!s->asked)
        read_report(input, call, s);
    return s->broken ? kj_value_undefined() : kj_value_int(answer(s, field, call));
}

const kj_module kj_module_cuckoo = {
    .schema = {.name = "cuckoo", .id = 14, .fields = fields, .count = KJ_COUNT(fields)},
    .get = get,
    .takes_report = true,
};
