/* SPDX-License-Identifier: Apache-2.0 */
/* The language of messages and pages. */
#pragma once

#include "ir/ir.h"

/* The language that the environment asks for (LANGUAGE, LC_ALL, LC_MESSAGES, LANG). */
kj_lang kj_language_default(void);

/* "en", "ja"; false for another word. */
bool kj_language_parse(const char *word, kj_lang *out);

/* Makes _() speak `lang`, whatever the locale is. */
void kj_language_use(kj_lang lang);
