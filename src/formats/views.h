/* SPDX-License-Identifier: Apache-2.0 */
/* Normalised views: what is left of a text or an HTML page when white space, case, comments and
 * markup are taken away, as ClamAV's signatures for such files expect it. Made once an object, and
 * only when a rule asks. docs/clamav.md says what was found out about each. */
#pragma once

#include "formats/format.h"

typedef enum kj_view {
    KJ_VIEW_NONE,         /* the object as it is */
    KJ_VIEW_TEXT,         /* text: target 7 */
    KJ_VIEW_HTML_PLAIN,   /* HTML without comments, in lower case: target 3 */
    KJ_VIEW_HTML_TEXT,    /* without tags, too */
    KJ_VIEW_HTML_SCRIPTS, /* its scripts, normalised */
    KJ_VIEW_COUNT
} kj_view;

const char *kj_view_name(kj_view view); /* for people: "normalised text" */

/* Which views an object has: a bit for each kj_view. Looks at its claims only. */
unsigned kj_views_of(const kj_object *object);

/* Appends the view of `bytes`. KJ_NO_MEMORY; KJ_LIMIT when `out` is full: what is there is valid.
 * Output is never larger than kj_view_bound(). */
KJ_MUST_CHECK kj_status kj_view_make(kj_view view, kj_span bytes, kj_buf *out, kj_error *err);
