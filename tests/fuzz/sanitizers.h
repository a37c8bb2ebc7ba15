/* SPDX-License-Identifier: Apache-2.0 */
/* What targets tell the sanitizers. A runtime that is a library of its own (gcc's) looks these
 * functions up by name, so they are visible. */
#pragma once

#define FUZZ_VISIBLE __attribute__((visibility("default")))

FUZZ_VISIBLE const char *__asan_default_options(void);
FUZZ_VISIBLE const char *__lsan_default_suppressions(void);
