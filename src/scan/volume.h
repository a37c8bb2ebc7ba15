/* SPDX-License-Identifier: Apache-2.0 */
/* Where a file would lie on a Windows system, as far as names on this one show it. A directory
 * named WINNT or WINDOWS stands for %WinDir%, the one that holds it for C:\. Pure functions over
 * names; the walk supplies the names. Windows paths are normalized (base/fold.h). */
#pragma once

#include "base/arena.h"
#include "base/span.h"

/* The two Windows paths that everything hangs on. */
#define KJ_VOLUME_ROOT   "c:"
#define KJ_VOLUME_WINDIR "%windir%"

/* Whether directory `name` in a directory called `parent` (may be empty) is a Windows directory.
 * Every profile of a real system has an AppData\...\Microsoft\Windows: that one is not. */
bool kj_volume_is_windir(kj_span parent, kj_span name);

/* The Windows path of `name` in the directory with the Windows path `directory`; empty when that is
 * empty. NULL without memory. */
char *kj_volume_join(kj_arena *arena, kj_span directory, kj_span name);

/* The Windows path of an absolute path, by its innermost Windows directory; empty when it has none.
 * A Windows directory's own path is %windir%. NULL without memory. */
char *kj_volume_of_path(kj_arena *arena, kj_span path);

/* How Windows directories are usually spelled, for those who cannot list the directory. */
extern const char *const kj_volume_spellings[];
extern const size_t kj_volume_spelling_count;
