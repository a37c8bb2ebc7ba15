/* SPDX-License-Identifier: Apache-2.0 */
/* The public library: a thin face of scan/. */
#include "kujo.h"

#include "ir/ir.h"
#include "scan/scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct kujo_engine {
    kj_defs defs;
};

struct kujo_scanner {
    kj_scanner *scanner;
};

_Static_assert((int)KUJO_CLASS_HEURISTIC == (int)KJ_CLASS_HEURISTIC &&
                   (int)KUJO_CLASS_FAMILY == (int)KJ_CLASS_FAMILY &&
                   (int)KUJO_CLASS_EXACT == (int)KJ_CLASS_EXACT,
               "the public classes are ours");

const char *kujo_version(void)
{
    return KUJO_VERSION;
}

static kujo_result result_of(kj_status status, const kj_error *err, char *message)
{
    if (status == KJ_OK)
        return KUJO_OK;
    if (message)
        (void)snprintf(message, KUJO_MESSAGE_MAX, "%s", err->message);
    return status == KJ_NO_MEMORY   ? KUJO_NO_MEMORY
           : status == KJ_CANCELLED ? KUJO_CANCELLED
                                    : KUJO_ERROR;
}

kujo_result kujo_engine_open(const char *path, kujo_engine **out, char *message)
{
    static const unsigned version[] = {KUJO_VERSION_NUMBERS};
    kj_error err = {.message = "out of memory"};
    kujo_engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return result_of(KJ_NO_MEMORY, &err, message);
    kj_status status =
        kj_defs_open(path ? path : KUJO_DEFINITIONS_PATH,
                     kj_engine_number(version[0], version[1], version[2]), &engine->defs, &err);
    /* Installed definitions were verified when they were installed; others are here. */
    if (status == KJ_OK && path)
        status = kj_defs_verify(&engine->defs, &err);
    if (status != KJ_OK)
        kujo_engine_close(engine);
    else
        *out = engine;
    return result_of(status, &err, message);
}

void kujo_engine_close(kujo_engine *engine)
{
    if (engine)
        kj_defs_close(&engine->defs);
    free(engine);
}

uint32_t kujo_engine_release(const kujo_engine *engine)
{
    return engine->defs.meta.release;
}

#define TAKE_LIMIT(field)                                                                          \
    do {                                                                                           \
        if (asked.field)                                                                           \
            limits.field = asked.field;                                                            \
    } while (0)

kujo_scanner *kujo_scanner_new(const kujo_engine *engine, const kujo_limits *wanted)
{
    kj_scan_limits limits = KJ_SCAN_LIMITS_INIT;
    kujo_limits asked = {0};
    if (wanted)
        memcpy(&asked, wanted, wanted->size < sizeof asked ? wanted->size : sizeof asked);
    TAKE_LIMIT(depth);
    TAKE_LIMIT(ratio);
    TAKE_LIMIT(time_ms);
    TAKE_LIMIT(members);
    TAKE_LIMIT(bytes);
    TAKE_LIMIT(member_bytes);
    TAKE_LIMIT(file_bytes);
    TAKE_LIMIT(readings);
    kujo_scanner *scanner = calloc(1, sizeof *scanner);
    const kj_defs *sets[] = {&engine->defs};
    if (scanner)
        scanner->scanner = kj_scanner_new(sets, 1, &limits);
    if (scanner && !scanner->scanner) {
        free(scanner);
        return NULL;
    }
    return scanner;
}

void kujo_scanner_free(kujo_scanner *scanner)
{
    if (scanner)
        kj_scanner_free(scanner->scanner);
    free(scanner);
}

void kujo_scanner_cancel(kujo_scanner *scanner)
{
    kj_scanner_cancel(scanner->scanner);
}

/* ---- events
 * --------------------------------------------------------------------------------------- */

static const char *text_of(kj_span text)
{
    return text.len ? (const char *)text.data : "";
}

static void tell_finding(void *user, const kj_finding *finding)
{
    const kujo_callbacks *callbacks = user;
    if (!callbacks->finding || finding->klass == KJ_CLASS_TRUSTED)
        return;
    const kujo_finding public = {
        .name = text_of(finding->name),
        .name_len = finding->name.len,
        .klass = (kujo_class)finding->klass,
        .member = text_of(finding->member),
        .member_len = finding->member.len,
    };
    callbacks->finding(callbacks->user, &public);
}

static void tell_unseen(void *user, kj_status why, kj_span member, const char *sentence)
{
    (void)why;
    const kujo_callbacks *callbacks = user;
    if (callbacks->unseen)
        callbacks->unseen(callbacks->user, text_of(member), member.len, sentence);
}

static void tell_odd(void *user, kj_oddities odd, kj_span member)
{
    const kujo_callbacks *callbacks = user;
    for (size_t i = 0; callbacks->odd && i < KJ_HEURISTIC_COUNT; i++)
        if (odd & KJ_ODD(i))
            callbacks->odd(callbacks->user, text_of(member), member.len, kj_heuristics[i].name,
                           kj_heuristics[i].sentence);
}

/* A copy that knows every field of this version, and the events that use it. */
static kj_scan_events events_of(const kujo_callbacks *callbacks, kujo_callbacks *copy)
{
    *copy = (kujo_callbacks){0};
    if (callbacks)
        memcpy(copy, callbacks, callbacks->size < sizeof *copy ? callbacks->size : sizeof *copy);
    return (kj_scan_events){
        .user = copy,
        .finding = tell_finding,
        .unseen = tell_unseen,
        .odd = tell_odd,
    };
}

/* Bytes from the current position to the end of a regular file. */
static uint64_t size_left(int fd)
{
    struct stat info;
    off_t at = lseek(fd, 0, SEEK_CUR);
    if (at < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        return KJ_SIZE_UNKNOWN;
    return at < info.st_size ? (uint64_t)(info.st_size - at) : 0;
}

kujo_result kujo_scan_fd(kujo_scanner *scanner, int fd, const char *name,
                         const kujo_callbacks *callbacks, char *message)
{
    kujo_callbacks copy;
    const kj_scan_events events = events_of(callbacks, &copy);
    const kj_scan_input input = {.path = kj_span_str(name), .fd = fd, .size = size_left(fd)};
    kj_error err = {0};
    return result_of(kj_scan_file(scanner->scanner, &input, &events, &err), &err, message);
}

kujo_result kujo_scan_bytes(kujo_scanner *scanner, const void *bytes, size_t len, const char *name,
                            const kujo_callbacks *callbacks, char *message)
{
    kujo_callbacks copy;
    const kj_scan_events events = events_of(callbacks, &copy);
    kj_error err = {0};
    kj_status status =
        kj_scan_bytes(scanner->scanner, kj_span_str(name), kj_span_of(bytes, len), &events, &err);
    return result_of(status, &err, message);
}
