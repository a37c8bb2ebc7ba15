/* SPDX-License-Identifier: Apache-2.0 */
/* A container of the quarantine that somebody else wrote: read, decrypted, verified. */
#include "base/cleanup.h"
#include "base/file.h"
#include "clean/container.h"

#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { ARENA_MAX = 64 << 20 };

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void look_at(int fd, const kj_container *c, size_t len)
{
    expect(c->about.size <= len && c->about.path.len > 0 && c->about.path.data[0] != '/');
    expect(c->about.attribute_count == c->attribute_count);
    uint64_t streams = c->about.size;
    for (size_t i = 0; i < c->attribute_count; i++)
        streams += c->attributes[i].len;
    expect(streams <= len);
    kj_status content = kj_container_content(fd, c, -1, NULL);
    if (kj_container_verify(fd, c, NULL) == KJ_OK)
        expect(content == KJ_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    kj_arena arena;
    kj_container container = {0};
    KJ_CLEANUP(kj_close_fd) int fd = memfd_create("container", MFD_CLOEXEC);
    expect(fd >= 0 && kj_file_write_all(fd, kj_span_of(data, len), NULL) == KJ_OK);
    kj_arena_init(&arena, ARENA_MAX);
    if (kj_container_read(fd, "20261124-120000-0000.0", &arena, &container, NULL) == KJ_OK)
        look_at(fd, &container, len);
    kj_arena_done(&arena);
    return 0;
}
