/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a text is a page: ClamAV knows one by any of a few tags, wherever it stands. */
#include "base/arith.h"
#include "base/text.h"
#include "formats/view_private.h"

/* Behind the '<', in lower case. */
static const struct {
    const char *text;
    bool link; /* an "href" has to follow in the tag */
} tags[] = {
    {"html>", false}, {"head>", false},  {"script", false}, {"iframe", false},
    {"img", false},   {"object", false}, {"table", false},  {"a ", true},
};

/* Reads behind `at`, in any case, ASCII of UTF-16 as such: `step` is 2 then. */
static bool reads(kj_span s, size_t at, size_t step, const char *text)
{
    for (; *text; text++, at += step)
        if (at >= s.len || kj_lower(s.data[at]) != (uint8_t)*text)
            return false;
    return true;
}

/* Up to the end of the tag, or where another begins, so that nothing is read twice. */
static bool has_href(kj_span s, size_t at, size_t step)
{
    for (; at < s.len && s.data[at] != '>' && s.data[at] != '<'; at += step)
        if (reads(s, at, step, "href"))
            return true;
    return false;
}

static bool is_tag(kj_span s, size_t at)
{
    size_t step = at + 1 < s.len && s.data[at + 1] == 0 ? 2 : 1;
    for (size_t i = 0; i < KJ_COUNT(tags); i++)
        if (reads(s, at + step, step, tags[i].text))
            return !tags[i].link || has_href(s, at + 3 * step, step);
    return false;
}

bool kj_view_has_tag(kj_span bytes)
{
    for (size_t at = 0; at < bytes.len; at++) {
        const uint8_t *found = memchr(bytes.data + at, '<', bytes.len - at);
        if (!found)
            return false;
        at = (size_t)(found - bytes.data);
        if (is_tag(bytes, at))
            return true;
    }
    return false;
}
