/* SPDX-License-Identifier: Apache-2.0 */
/* libkujo: scan files and buffers from a program. The only public header; usable from C++.
 *
 *     kujo_engine *engine;
 *     char why[KUJO_MESSAGE_MAX];
 *     if (kujo_engine_open(NULL, &engine, why) != KUJO_OK) ...
 *     kujo_scanner *scanner = kujo_scanner_new(engine, NULL);
 *     kujo_scan_fd(scanner, fd, "name", &callbacks, why);
 *     kujo_scanner_free(scanner);
 *     kujo_engine_close(engine);
 *
 * An engine is read-only after it was opened and may be shared between threads; a scanner belongs
 * to one thread at a time. The library prints nothing, starts no thread, installs no signal
 * handler and keeps no state of its own but the libraries that it loads on first use. */
#ifndef KUJO_H
#define KUJO_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KUJO_API __attribute__((visibility("default")))

enum { KUJO_MESSAGE_MAX = 256 };

/* What a call came to. Detections are no errors: they go to the callbacks. */
typedef enum kujo_result {
    KUJO_OK = 0,
    KUJO_ERROR = 1, /* the message says what */
    KUJO_NO_MEMORY = 2,
    KUJO_CANCELLED = 3,
} kujo_result;

typedef enum kujo_class {
    KUJO_CLASS_HEURISTIC = 1,
    KUJO_CLASS_FAMILY = 2,
    KUJO_CLASS_EXACT = 3,
} kujo_class;

typedef struct kujo_engine kujo_engine;
typedef struct kujo_scanner kujo_scanner;

/* "6.0.0" */
KUJO_API const char *kujo_version(void);

/* Opens definitions: the file at `path`, or the installed ones for NULL. On failure *out is
 * untouched and `message` (KUJO_MESSAGE_MAX bytes, may be NULL) says why. */
KUJO_API kujo_result kujo_engine_open(const char *path, kujo_engine **out, char *message);

/* Scanners of an engine are freed before it. NULL is fine. */
KUJO_API void kujo_engine_close(kujo_engine *engine);

/* The release of the loaded definitions. */
KUJO_API uint32_t kujo_engine_release(const kujo_engine *engine);

/* Budgets of one file. Begin with KUJO_LIMITS_INIT; 0 in a field means its default. */
typedef struct kujo_limits {
    size_t size;           /* sizeof(kujo_limits), so that the struct can grow */
    uint32_t depth;        /* containers inside containers */
    uint32_t ratio;        /* unpacked to packed */
    uint32_t time_ms;      /* of one file */
    uint64_t members;      /* of one file, at all depths */
    uint64_t bytes;        /* unpacked, in all */
    uint64_t member_bytes; /* of one member */
    uint64_t file_bytes;   /* of the file itself */
    uint32_t readings;     /* bytes of further readings of ambiguous messages to bytes read */
} kujo_limits;

#define KUJO_LIMITS_INIT                                                                           \
    {                                                                                              \
        sizeof(kujo_limits), 0, 0, 0, 0, 0, 0, 0, 0                                                \
    }

/* `limits` may be NULL. NULL without memory. */
KUJO_API kujo_scanner *kujo_scanner_new(const kujo_engine *engine, const kujo_limits *limits);
KUJO_API void kujo_scanner_free(kujo_scanner *scanner);

/* One detection. The texts are UTF-8, not NUL-terminated, and valid during the call only. */
typedef struct kujo_finding {
    const char *name;
    size_t name_len;
    kujo_class klass;
    const char *member; /* path inside the file, names joined by '!', escaped; empty: the file */
    size_t member_len;
} kujo_finding;

/* Each may be NULL. `size` is sizeof(kujo_callbacks). */
typedef struct kujo_callbacks {
    size_t size;
    void *user;
    void (*finding)(void *user, const kujo_finding *finding);
    /* Something was not looked at: encrypted, broken, over a limit. Never take the file for clean
     * without saying so. */
    void (*unseen)(void *user, const char *member, size_t member_len, const char *sentence);
    /* Something is strange about the object: programs may read it in different ways. One call a
     * name ("Heuristics.Mail.NoBoundary"); by itself no detection. Both texts are static. */
    void (*odd)(void *user, const char *member, size_t member_len, const char *name,
                const char *sentence);
} kujo_callbacks;

/* Scans an open file from its current position; the caller closes it. `name` is the path that rules
 * see. KUJO_OK also when there were findings. */
KUJO_API kujo_result kujo_scan_fd(kujo_scanner *scanner, int fd, const char *name,
                                  const kujo_callbacks *callbacks, char *message);

/* Scans `len` bytes, which stay during the call. */
KUJO_API kujo_result kujo_scan_bytes(kujo_scanner *scanner, const void *bytes, size_t len,
                                     const char *name, const kujo_callbacks *callbacks,
                                     char *message);

/* Ends a running scan, and every later one of this scanner, with KUJO_CANCELLED; may be called from
 * a signal handler or another thread. */
KUJO_API void kujo_scanner_cancel(kujo_scanner *scanner);

#ifdef __cplusplus
}
#endif

#endif
