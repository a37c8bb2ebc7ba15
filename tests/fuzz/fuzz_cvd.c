/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as one of ClamAV's containers, and as a list of trusted digests. */
#include "base/cleanup.h"
#include "base/file.h"
#include "rules/clamav/cvd.h"
#include "rules/clamav/trusted.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { BUDGET = 16 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static kj_status read_member(void *user, const char *name, kj_cvd_member *member, kj_error *err)
{
    size_t *members = user;
    uint8_t chunk[1000];
    ptrdiff_t got;
    require(*name);
    while ((got = kj_cvd_read(member, chunk, sizeof chunk, err)) > 0)
        require((size_t)got <= sizeof chunk);
    ++*members;
    return got < 0 ? err->status : KJ_OK;
}

/* What was taken as whole can be read to its end. */
static void open_container(const char *path)
{
    kj_error err;
    kj_cvd *cvd = NULL;
    size_t members = 0;
    const kj_cvd_options options = {0};
    if (kj_cvd_open(path, &options, &cvd, &err) != KJ_OK)
        return;
    require(kj_cvd_each(cvd, read_member, &members, &err) == KJ_OK);
    require(members > 0 && !kj_cvd_is_verified(cvd));
    kj_cvd_close(cvd);
}

static ptrdiff_t read_span(void *user, void *buf, size_t len, kj_error *err)
{
    kj_span *left = user, part = kj_span_sub(*left, 0, len);
    (void)err;
    if (part.len)
        memcpy(buf, part.data, part.len);
    *left = kj_span_sub(*left, part.len, SIZE_MAX);
    return (ptrdiff_t)part.len;
}

static void read_list(kj_span bytes)
{
    kj_ir ir;
    kj_error err;
    uint64_t count = 0;
    kj_ir_init(&ir, BUDGET);
    kj_status status = kj_trusted_load(&ir, "list", read_span, &bytes, false, &count, &err);
    require(status == KJ_OK || status == KJ_NO_MEMORY);
    require(count == kj_hash_sets_total(&ir.hashes));
    kj_ir_done(&ir);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    kj_error err;
    KJ_CLEANUP(kj_close_fd) int fd = memfd_create("fuzz", MFD_CLOEXEC);
    kj_span bytes = kj_span_of(data, size);
    if (fd < 0 || kj_file_write_all(fd, bytes, &err) != KJ_OK)
        return 0;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    open_container(path);
    read_list(bytes);
    return 0;
}
