/* SPDX-License-Identifier: Apache-2.0 */
#include "base/status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const names[KJ_STATUS_COUNT] = {
    [KJ_OK] = "ok",
    [KJ_TRUNCATED] = "truncated",
    [KJ_MALFORMED] = "malformed",
    [KJ_UNSUPPORTED] = "unsupported",
    [KJ_LIMIT] = "limit",
    [KJ_CANCELLED] = "cancelled",
    [KJ_NO_MEMORY] = "no memory",
    [KJ_IO] = "i/o error",
    [KJ_INTERNAL] = "internal",
};

const char *kj_status_name(kj_status status)
{
    return (unsigned)status < KJ_STATUS_COUNT ? names[status] : "unknown";
}

kj_status kj_fail(kj_error *err, kj_status status, uint64_t offset, const char *format, ...)
{
    if (!err)
        return status;
    err->status = status;
    err->offset = offset;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    return status;
}

kj_status kj_no_memory(kj_error *err)
{
    return kj_fail(err, KJ_NO_MEMORY, KJ_NO_OFFSET, "out of memory");
}

kj_status kj_fail_errno(kj_error *err, const char *what)
{
    return kj_fail(err, errno == ENOMEM ? KJ_NO_MEMORY : KJ_IO, KJ_NO_OFFSET, "%s: %s", what,
                   strerror(errno));
}
