/* SPDX-License-Identifier: Apache-2.0 */
#include "scan/volume.h"

#include "base/arith.h"
#include "base/fold.h"
#include "base/text.h"

const char *const kj_volume_spellings[] = {"WINDOWS", "Windows", "windows", "WINNT",
                                           "WinNT",   "Winnt",   "winnt"};
const size_t kj_volume_spelling_count = KJ_COUNT(kj_volume_spellings);

bool kj_volume_is_windir(kj_span parent, kj_span name)
{
    if (!kj_text_equal_nocase(name, kj_span_str("WINNT")) &&
        !kj_text_equal_nocase(name, kj_span_str("WINDOWS")))
        return false;
    return !kj_text_equal_nocase(parent, kj_span_str("Microsoft"));
}

char *kj_volume_join(kj_arena *arena, kj_span directory, kj_span name)
{
    if (directory.len == 0)
        return kj_arena_strdup(arena, "");
    char *rest = kj_winpath_normalize(arena, name);
    if (!rest)
        return NULL;
    char *start = kj_arena_text(arena, directory);
    return start ? kj_arena_printf(arena, "%s\\%s", start, rest) : NULL;
}

/* The component of `path` that begins at `at`. */
static kj_span component_at(kj_span path, size_t at)
{
    kj_span rest = kj_span_sub(path, at, path.len);
    const uint8_t *slash = rest.len ? memchr(rest.data, '/', rest.len) : NULL;
    return slash ? kj_span_sub(rest, 0, (size_t)(slash - rest.data)) : rest;
}

char *kj_volume_of_path(kj_arena *arena, kj_span path)
{
    kj_span parent = {0}, rest = {0};
    bool found = false;
    for (size_t at = 0; at < path.len;) {
        kj_span component = component_at(path, at);
        at += component.len + 1;
        if (component.len == 0)
            continue;
        if (kj_volume_is_windir(parent, component)) {
            found = true;
            rest = kj_span_sub(path, at, path.len);
        }
        parent = component;
    }
    if (!found)
        return kj_arena_strdup(arena, "");
    if (rest.len == 0)
        return kj_arena_strdup(arena, KJ_VOLUME_WINDIR);
    return kj_volume_join(arena, kj_span_str(KJ_VOLUME_WINDIR), rest);
}
