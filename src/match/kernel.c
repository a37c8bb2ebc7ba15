/* SPDX-License-Identifier: Apache-2.0 */
/* What passes is written without a branch, since no processor can foresee it: between one window in
 * a thousand and one in ten. */
#include "match/kernel.h"

#include "defs/format.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define HAS_X86 1
#else
#define HAS_X86 0
#endif

static bool passes(const kj_filter *filter, const uint8_t *at)
{
    uint32_t window;
    memcpy(&window, at, sizeof window);
    uint32_t hash = kj_window_hash(window | KJ_FOLD_WORD);
    uint32_t bits = kj_filter_bits(hash, filter->log2);
    return (filter->words[kj_filter_word(hash, filter->log2)] & bits) == bits;
}

/* Positions [from, count), behind `written` others. */
static size_t pass_rest(const kj_filter *filter, const uint8_t *data, size_t from, size_t count,
                        uint32_t *out, size_t written)
{
    for (size_t i = from; i < count; i++) {
        out[written] = (uint32_t)i;
        written += passes(filter, data + i);
    }
    return written;
}

static size_t pass_portable(const kj_filter *filter, const uint8_t *data, size_t count,
                            uint32_t *out)
{
    return pass_rest(filter, data, 0, count, out, 0);
}

#if HAS_X86

/* Where the lanes of the four loads, each a byte later than the last, begin: bit 4 * lane + load of
 * 64. */
#define EVERY_FOURTH UINT64_C(0x1111111111111111)

__attribute__((target("avx512f,bmi2"))) static inline __mmask16
test_512(const kj_filter *filter, const uint8_t *data, __m512i shifts[3])
{
    const __m512i one = _mm512_set1_epi32(1), low = _mm512_set1_epi32(31);
    __m512i window = _mm512_or_si512(_mm512_loadu_si512(data), _mm512_set1_epi32(KJ_FOLD_WORD));
    __m512i hash = _mm512_mullo_epi32(window, _mm512_set1_epi32((int)0x9E3779B1));
    __m512i word = _mm512_i32gather_epi32(_mm512_srlv_epi32(hash, shifts[0]), filter->words, 4);
    __m512i first = _mm512_and_si512(_mm512_srlv_epi32(hash, shifts[1]), low);
    __m512i second = _mm512_and_si512(_mm512_srlv_epi32(hash, shifts[2]), low);
    __m512i bits = _mm512_or_si512(_mm512_sllv_epi32(one, first), _mm512_sllv_epi32(one, second));
    return _mm512_testn_epi32_mask(_mm512_andnot_si512(word, bits), bits);
}

__attribute__((target("avx512f,bmi2"))) static size_t
pass_avx512(const kj_filter *filter, const uint8_t *data, size_t count, uint32_t *out)
{
    const __m512i iota = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m512i shifts[3] = {_mm512_set1_epi32((int)(32 - filter->log2)),
                         _mm512_set1_epi32((int)(27 - filter->log2)),
                         _mm512_set1_epi32((int)(22 - filter->log2))};
    size_t written = 0, i = 0;
    for (; i + 64 <= count; i += 64) {
        uint64_t passed = 0;
        for (unsigned k = 0; k < 4; k++)
            passed |= _pdep_u64(test_512(filter, data + i + k, shifts), EVERY_FOURTH << k);
        for (unsigned k = 0; k < 4; k++) {
            __mmask16 mask = (__mmask16)(passed >> 16 * k);
            __m512i at = _mm512_add_epi32(iota, _mm512_set1_epi32((int)(i + 16 * k)));
            _mm512_storeu_si512(out + written, _mm512_maskz_compress_epi32(mask, at));
            written += (size_t)__builtin_popcount(mask);
        }
    }
    return pass_rest(filter, data, i, count, out, written);
}

__attribute__((target("avx2,bmi2"))) static inline unsigned
test_256(const kj_filter *filter, const uint8_t *data, const __m128i shifts[3])
{
    const __m256i one = _mm256_set1_epi32(1), low = _mm256_set1_epi32(31);
    __m256i window = _mm256_or_si256(_mm256_loadu_si256((const __m256i *)(const void *)data),
                                     _mm256_set1_epi32(KJ_FOLD_WORD));
    __m256i hash = _mm256_mullo_epi32(window, _mm256_set1_epi32((int)0x9E3779B1));
    __m256i word = _mm256_i32gather_epi32((const int *)(const void *)filter->words,
                                          _mm256_srl_epi32(hash, shifts[0]), 4);
    __m256i first = _mm256_and_si256(_mm256_srl_epi32(hash, shifts[1]), low);
    __m256i second = _mm256_and_si256(_mm256_srl_epi32(hash, shifts[2]), low);
    __m256i bits = _mm256_or_si256(_mm256_sllv_epi32(one, first), _mm256_sllv_epi32(one, second));
    __m256i all = _mm256_cmpeq_epi32(_mm256_and_si256(word, bits), bits);
    return (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(all));
}

__attribute__((target("avx2,bmi2"))) static size_t
pass_avx2(const kj_filter *filter, const uint8_t *data, size_t count, uint32_t *out)
{
    const __m128i shifts[3] = {_mm_cvtsi32_si128((int)(32 - filter->log2)),
                               _mm_cvtsi32_si128((int)(27 - filter->log2)),
                               _mm_cvtsi32_si128((int)(22 - filter->log2))};
    size_t written = 0, i = 0;
    for (; i + 64 <= count; i += 64) {
        uint64_t passed = 0;
        for (unsigned k = 0; k < 4; k++) {
            uint64_t lanes = test_256(filter, data + i + k, shifts) |
                             test_256(filter, data + i + k + 32, shifts) << 8;
            passed |= _pdep_u64(lanes, EVERY_FOURTH << k);
        }
        for (; passed; passed &= passed - 1)
            out[written++] = (uint32_t)(i + (size_t)__builtin_ctzll(passed));
    }
    return pass_rest(filter, data, i, count, out, written);
}

#endif

/* ---- probes -------------------------------------------------------------------------------- */

static size_t probe_rest(const kj_probe *probe, const uint8_t *data, size_t from, size_t count,
                         uint32_t *out, size_t written)
{
    for (size_t i = from; i < count; i++) {
        out[written] = (uint32_t)i;
        written += (data[i] & probe->first_mask) == probe->first &&
                   (data[i + probe->gap] & probe->second_mask) == probe->second;
    }
    return written;
}

#if HAS_X86

__attribute__((target("avx2"))) static size_t probe_avx2(const kj_probe *probe, const uint8_t *data,
                                                         size_t count, uint32_t *out)
{
    const __m256i first = _mm256_set1_epi8((char)probe->first);
    const __m256i second = _mm256_set1_epi8((char)probe->second);
    const __m256i first_mask = _mm256_set1_epi8((char)probe->first_mask);
    const __m256i second_mask = _mm256_set1_epi8((char)probe->second_mask);
    size_t written = 0, i = 0;
    for (; i + 32 <= count; i += 32) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)(data + i));
        __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(data + i + probe->gap));
        a = _mm256_cmpeq_epi8(_mm256_and_si256(a, first_mask), first);
        b = _mm256_cmpeq_epi8(_mm256_and_si256(b, second_mask), second);
        for (uint32_t found = (uint32_t)_mm256_movemask_epi8(_mm256_and_si256(a, b)); found;
             found &= found - 1)
            out[written++] = (uint32_t)i + (uint32_t)__builtin_ctz(found);
    }
    return probe_rest(probe, data, i, count, out, written);
}

#endif

size_t kj_probe_pass(const kj_probe *probe, const uint8_t *data, size_t count, uint32_t *out)
{
#if HAS_X86
    if (__builtin_cpu_supports("avx2"))
        return probe_avx2(probe, data, count, out);
#endif
    return probe_rest(probe, data, 0, count, out, 0);
}

/* ---- choice -------------------------------------------------------------------------------- */

size_t kj_kernels(kj_kernel out[KJ_KERNELS_MAX], const char *out_names[KJ_KERNELS_MAX])
{
    size_t count = 0;
    out[count] = pass_portable;
    out_names[count++] = "portable";
#if HAS_X86
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2")) {
        out[count] = pass_avx2;
        out_names[count++] = "avx2";
        if (__builtin_cpu_supports("avx512f")) {
            out[count] = pass_avx512;
            out_names[count++] = "avx512";
        }
    }
#endif
    return count;
}

/* Whether a kernel says of a sample what the portable one says. Looked at once for each search that
 * is made: no processor has to be believed. */
static bool agrees(kj_kernel kernel)
{
    enum { COUNT = 200, LOG2 = 5 };
    uint32_t words[1 << LOG2], expected[COUNT + KJ_KERNEL_SLACK], got[COUNT + KJ_KERNEL_SLACK];
    uint8_t data[COUNT + 3];
    const kj_filter filter = {words, LOG2};
    for (uint32_t i = 0; i < 1 << LOG2; i++)
        words[i] = kj_window_hash(i + 1) | kj_window_hash(i + 77);
    for (uint32_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(kj_window_hash(i * 7 + 3) >> 24);
    size_t count = pass_portable(&filter, data, COUNT, expected);
    return kernel(&filter, data, COUNT, got) == count &&
           memcmp(expected, got, count * sizeof *got) == 0;
}

kj_kernel kj_kernel_best(void)
{
    kj_kernel kernels[KJ_KERNELS_MAX];
    const char *names[KJ_KERNELS_MAX];
    size_t count = kj_kernels(kernels, names);
    while (count > 1 && !agrees(kernels[count - 1]))
        count--;
    return kernels[count - 1];
}
