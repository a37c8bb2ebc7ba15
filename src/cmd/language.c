/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/language.h"

#include "report/i18n.h"

#include <locale.h>
#include <stdlib.h>

kj_lang kj_language_default(void)
{
    static const char *const variables[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    const char *locale = "";
    for (size_t i = 0; i < sizeof variables / sizeof *variables && *locale == '\0'; i++) {
        const char *value = getenv(variables[i]);
        locale = value ? value : "";
    }
    /* As gettext has it: LANGUAGE counts in any locale but C. */
    const char *language = getenv("LANGUAGE");
    bool plain = *locale == '\0' || strcmp(locale, "C") == 0 || strcmp(locale, "POSIX") == 0;
    if (language && *language && !plain)
        locale = language;
    return strncmp(locale, "ja", 2) == 0 ? KJ_LANG_JA : KJ_LANG_EN;
}

bool kj_language_parse(const char *word, kj_lang *out)
{
    for (size_t i = 0; i < KJ_LANG_COUNT; i++)
        if (strcmp(word, kj_lang_name((kj_lang)i)) == 0) {
            *out = (kj_lang)i;
            return true;
        }
    return false;
}

void kj_language_use(kj_lang lang)
{
    /* gettext translates in any locale but C; C.UTF-8 is always there. */
    (void)setlocale(LC_MESSAGES, "C.UTF-8");
    (void)setenv("LANGUAGE", kj_lang_name(lang), 1);
    (void)bind_textdomain_codeset("kujo", "UTF-8");
}
