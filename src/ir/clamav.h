/* SPDX-License-Identifier: Apache-2.0 */
/* What the front end for ClamAV signatures and the module `clamav` say to each other. */
#pragma once

#include "base/pcre.h"
#include "base/span.h"

#include <stdbool.h>

/* Target types: what clamav.target(i) is asked about. 8 is free, 13 a report of ClamAV's own. */
enum {
    KJ_TARGET_ANY = 0,
    KJ_TARGET_PE = 1,
    KJ_TARGET_OLE = 2,
    KJ_TARGET_HTML = 3,
    KJ_TARGET_MAIL = 4,
    KJ_TARGET_PICTURE = 5,
    KJ_TARGET_ELF = 6,
    KJ_TARGET_TEXT = 7,
    KJ_TARGET_MACHO = 9,
    KJ_TARGET_PDF = 10,
    KJ_TARGET_SWF = 11,
    KJ_TARGET_CLASS = 12,
    KJ_TARGET_OTHER = 14,
    KJ_TARGET_COUNT
};

/* Flags of clamav.number(offset, flags, length): how the bytes at an offset are read. */
enum {
    KJ_NUMBER_INTEGER = 0, /* as an integer of 1, 2, 4 or 8 bytes; one of 8 is signed */
    KJ_NUMBER_HEX = 1,     /* as hexadecimal digits, with or without 0x */
    KJ_NUMBER_DECIMAL = 2, /* as decimal digits with a sign */
    KJ_NUMBER_AUTO = 3,    /* hexadecimal after 0x, else decimal */
    KJ_NUMBER_FORM = 3,    /* the bits of these */
    KJ_NUMBER_LITTLE = 4,  /* the lowest byte, or pair of hexadecimal digits, comes first */
    KJ_NUMBER_EXACT = 8,   /* each of the characters must be a digit */
};

/* Flags of clamav.regex(pattern, flags, from, to). Its subject begins at `from`: what stands before
 * is not there for \b, ^ and the like. `to` of -1: any match will do. Otherwise a match must begin
 * at `to` or before it; with KJ_PCRE_WITHIN, the subject ends at `to`. The value is the number of
 * matches; at most 1 without KJ_PCRE_GLOBAL. */
enum {
    /* KJ_PCRE_CASELESS i and so on: base/pcre.h. KJ_PCRE_ANCHORED: A, and an offset without a
     * range */
    KJ_PCRE_GLOBAL = 1 << 7, /* g: matches that do not overlap; none after an empty one */
    KJ_PCRE_WITHIN = 1 << 8, /* e */
};

/* Whether it is the name of one of ClamAV's types ("CL_TYPE_ZIP"), or CL_TYPE_ANY. */
bool kj_clamav_type_known(kj_span name);
