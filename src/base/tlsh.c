/* SPDX-License-Identifier: Apache-2.0 */
/* A window of five bytes moves over the input. At each place six of its triples that hold the
 * newest byte are hashed, each to one of 256 buckets, of which the first 128 are looked at. The
 * digest holds a checksum, the logarithm of the length, how the quartiles of the counts relate, and
 * for each bucket between which quartiles its count lies. */
#include "base/tlsh.h"

#include <math.h>
#include <stdlib.h>

enum {
    BUCKETS = 128,
    CODE_LEN = BUCKETS / 4, /* two bits a bucket */
    WINDOW = 5,
    LEN_MIN = 50,
};

/* A permutation of bytes. Source: Pearson, "Fast Hashing of Variable-Length Text Strings", CACM
 * 33(6), 1990, table I. */
static const uint8_t permutation[256] = {
    1,   87,  49,  12,  176, 178, 102, 166, 121, 193, 6,   84,  249, 230, 44,  163, 14,  197, 213,
    181, 161, 85,  218, 80,  64,  239, 24,  226, 236, 142, 38,  200, 110, 177, 104, 103, 141, 253,
    255, 50,  77,  101, 81,  18,  45,  96,  31,  222, 25,  107, 190, 70,  86,  237, 240, 34,  72,
    242, 20,  214, 244, 227, 149, 235, 97,  234, 57,  22,  60,  250, 82,  175, 208, 5,   127, 199,
    111, 62,  135, 248, 174, 169, 211, 58,  66,  154, 106, 195, 245, 171, 17,  187, 182, 179, 0,
    243, 132, 56,  148, 75,  128, 133, 158, 100, 130, 126, 91,  13,  153, 246, 216, 219, 119, 68,
    223, 78,  83,  88,  201, 99,  122, 11,  92,  32,  136, 114, 52,  10,  138, 30,  48,  183, 156,
    35,  61,  26,  143, 74,  251, 94,  129, 162, 63,  152, 170, 7,   115, 167, 241, 206, 3,   150,
    55,  59,  151, 220, 90,  53,  23,  131, 125, 173, 15,  238, 79,  95,  89,  16,  105, 137, 225,
    224, 217, 160, 37,  123, 118, 73,  2,   157, 46,  116, 9,   145, 134, 228, 207, 212, 202, 215,
    69,  229, 27,  188, 67,  124, 168, 252, 42,  4,   29,  108, 21,  247, 19,  205, 39,  203, 233,
    40,  186, 147, 198, 192, 155, 33,  164, 191, 98,  204, 165, 180, 117, 76,  140, 36,  210, 172,
    41,  54,  159, 8,   185, 232, 113, 196, 231, 47,  146, 120, 51,  65,  28,  144, 254, 221, 93,
    189, 194, 139, 112, 43,  71,  109, 184, 209,
};

static uint8_t hash_triple(uint8_t salt, uint8_t a, uint8_t b, uint8_t c)
{
    uint8_t hash = permutation[salt];
    hash = permutation[hash ^ a];
    hash = permutation[hash ^ b];
    return permutation[hash ^ c];
}

/* `newest`: the last byte of a window. */
static void count_window(const uint8_t *newest, uint32_t counts[256])
{
    static const struct {
        uint8_t salt, back1, back2; /* how far behind the newest byte the two others lie */
    } triples[] = {{2, 1, 2}, {3, 1, 3}, {5, 2, 3}, {7, 2, 4}, {11, 1, 4}, {13, 3, 4}};
    for (size_t i = 0; i < sizeof triples / sizeof triples[0]; i++)
        counts[hash_triple(triples[i].salt, *newest, newest[-(int)triples[i].back1],
                           newest[-(int)triples[i].back2])]++;
}

static uint8_t count_all(kj_span bytes, uint32_t counts[256])
{
    uint8_t checksum = 0;
    for (size_t i = WINDOW - 1; i < bytes.len; i++) {
        checksum = hash_triple(0, bytes.data[i], bytes.data[i - 1], checksum);
        count_window(bytes.data + i, counts);
    }
    return checksum;
}

static int compare_counts(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

typedef struct quartiles {
    uint32_t q1, q2, q3;
} quartiles;

/* False: too many buckets are empty for a digest. */
static bool find_quartiles(const uint32_t counts[BUCKETS], quartiles *out)
{
    uint32_t sorted[BUCKETS];
    memcpy(sorted, counts, sizeof sorted);
    qsort(sorted, BUCKETS, sizeof sorted[0], compare_counts);
    *out =
        (quartiles){sorted[BUCKETS / 4 - 1], sorted[BUCKETS / 2 - 1], sorted[BUCKETS / 4 * 3 - 1]};
    return sorted[BUCKETS / 2 - 1] > 0;
}

/* The logarithm of the length, its base smaller where lengths are larger; one byte of it. It is
 * rounded to a float first: that decides where digests of other programs change to the next code.
 */
static uint8_t length_code(size_t len)
{
    double log_len = (double)(float)log((double)len);
    double code = len <= 656    ? log_len / 0.4054651
                  : len <= 3199 ? log_len / 0.26236426 - 8.72777
                                : log_len / 0.095310180 - 62.5472;
    return (uint8_t)(unsigned)floor(code);
}

/* The hundredth parts of `whole` that `part` is, modulo 16. */
static uint8_t ratio_code(uint32_t part, uint32_t whole)
{
    return (uint8_t)(((uint64_t)part * 100 / whole) & 15);
}

static uint8_t code_of(const uint32_t counts[4], const quartiles *q)
{
    unsigned code = 0;
    for (unsigned i = 0; i < 4; i++) {
        unsigned level = counts[i] > q->q1;
        level += counts[i] > q->q2;
        level += counts[i] > q->q3;
        code |= level << 2 * i;
    }
    return (uint8_t)code;
}

static uint8_t swap_digits(uint8_t byte)
{
    return (uint8_t)(byte << 4 | byte >> 4);
}

bool kj_tlsh(kj_span bytes, char out[KJ_TLSH_LEN + 1])
{
    uint32_t counts[256] = {0};
    quartiles q;
    if (bytes.len < LEN_MIN)
        return false;
    uint8_t checksum = count_all(bytes, counts);
    if (!find_quartiles(counts, &q))
        return false;
    uint8_t digest[3 + CODE_LEN] = {
        swap_digits(checksum),
        swap_digits(length_code(bytes.len)),
        (uint8_t)(ratio_code(q.q1, q.q3) << 4 | ratio_code(q.q2, q.q3)),
    };
    for (size_t i = 0; i < CODE_LEN; i++)
        digest[3 + i] = code_of(counts + 4 * (CODE_LEN - 1 - i), &q);
    memcpy(out, "T1", 2);
    for (size_t i = 0; i < sizeof digest; i++) {
        out[2 + 2 * i] = "0123456789ABCDEF"[digest[i] >> 4];
        out[3 + 2 * i] = "0123456789ABCDEF"[digest[i] & 15];
    }
    out[KJ_TLSH_LEN] = '\0';
    return true;
}
