/* SPDX-License-Identifier: Apache-2.0 */
/* Small things about bytes that are text: ASCII classes (never the locale's), numbers, hex, UTF-8
 * and UTF-16, escaping of names that came from input. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/span.h"

static inline bool kj_is_digit(unsigned c)
{
    return c - '0' < 10;
}

static inline bool kj_is_alpha(unsigned c)
{
    return (c | 0x20) - 'a' < 26;
}

static inline bool kj_is_alnum(unsigned c)
{
    return kj_is_digit(c) || kj_is_alpha(c);
}

static inline bool kj_is_space(unsigned c)
{
    return c == ' ' || c - '\t' < 5;
}

static inline bool kj_is_blank(unsigned c)
{
    return c == ' ' || c == '\t';
}

static inline uint8_t kj_lower(uint8_t c)
{
    return (unsigned)c - 'A' < 26 ? (uint8_t)(c | 0x20) : c;
}

static inline uint8_t kj_upper(uint8_t c)
{
    return (unsigned)c - 'a' < 26 ? (uint8_t)(c & ~0x20) : c;
}

/* What parts the programs of a list, in a registry value or an INI entry. */
static inline bool kj_is_list_separator(unsigned c)
{
    return kj_is_space(c) || c == ',' || c == ';';
}

/* The value of a hex digit, or -1. */
int kj_hex_digit(unsigned c);

/* Decodes hex.len / 2 bytes into `out`; false on an odd length or another character. */
bool kj_hex_decode(kj_span hex, uint8_t *out);

/* Writes bytes as small hex digits, and a NUL behind: 2 * bytes.len + 1 characters. */
void kj_hex_encode(kj_span bytes, char *out);

/* ASCII case-blind equality. */
bool kj_text_equal_nocase(kj_span a, kj_span b);

/* Offset of `needle` in `s`, ASCII case-blind, or SIZE_MAX. */
size_t kj_text_find_nocase(kj_span s, kj_span needle);

/* Without leading and trailing ASCII blanks. */
kj_span kj_text_trim(kj_span s);

/* An unsigned decimal that is the whole of `s`; false otherwise, or when it overflows. */
bool kj_text_to_u64(kj_span s, uint64_t *out);

/* Decodes one code point at s.data[*pos] and moves *pos past it. Broken UTF-8 (overlong forms,
 * surrogates, stray bytes) yields U+FFFD and moves one byte. Source: RFC 3629. */
uint32_t kj_utf8_next(kj_span s, size_t *pos);

/* Writes 1 to 4 bytes to `out`, returns how many. Surrogates and values past U+10FFFF become
 * U+FFFD. */
size_t kj_utf8_put(uint32_t code, uint8_t out[4]);

bool kj_utf8_valid(kj_span s);

/* Converts UTF-16 (lone surrogates become U+FFFD; an odd last byte is dropped) and appends UTF-8.
 */
void kj_utf16_to_utf8(kj_span utf16, bool big_endian, kj_buf *out);

/* Appends a code point as UTF-16LE. */
void kj_utf16le_put(uint32_t code, kj_buf *out);

/* How many cells of a terminal a code point, or a text, takes: wide East Asian characters take two,
 * combining marks none. */
unsigned kj_code_cells(uint32_t code);
size_t kj_text_cells(kj_span s);

/* Appends `name` for a line of output: well-formed UTF-8 stays; control bytes, DEL, C1 controls,
 * line separators, bidirectional controls and broken bytes become \n, \r, \t, \xHH or \u{H}; so do
 * the ASCII characters in `also` (may be NULL). The result has no control byte. With
 * KJ_ESCAPE_PATH it can be reversed, and `!` parts members. */
#define KJ_ESCAPE_PATH "!\\"
void kj_escape(kj_span name, const char *also, kj_buf *out);

/* Whether kj_escape() leaves it as it is, with `also` NULL. */
bool kj_is_escaped(kj_span text);
