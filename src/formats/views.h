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
    KJ_VIEW_HTML_TEXT,    /* without tags, too: target 3 */
    KJ_VIEW_HTML_SCRIPTS, /* its scripts, normalised: targets 3 and 7 */
    KJ_VIEW_COUNT
} kj_view;

/* Empty for the object as it is. */
const char *kj_view_name(kj_view view);  /* stable: "html-text" */
const char *kj_view_title(kj_view view); /* for people: "the text of the HTML" */

/* Which views an object has: a bit (1u << view) for each. What nothing claims is text, too, unless
 * it begins with NULs in it, for ClamAV takes nearly anything as text. Searches what is text for
 * the tags by which ClamAV knows HTML, wherever they stand. What shows one is a page and no text;
 * what only begins like a page is both. */
unsigned kj_views_of(const kj_object *object);

/* The most bytes that a view of `len` bytes has; SIZE_MAX when that is no number. */
size_t kj_view_bound(kj_view view, size_t len);

/* Appends the view of `bytes`, in linear time. KJ_NO_MEMORY; KJ_LIMIT when `out` is full: what is
 * there is valid. */
KJ_MUST_CHECK kj_status kj_view_make(kj_view view, kj_span bytes, kj_buf *out, kj_error *err);
