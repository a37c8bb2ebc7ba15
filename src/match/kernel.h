/* SPDX-License-Identifier: Apache-2.0 */
/* The first look at every byte: which windows of four pass a filter. Several kernels, of which the
 * best that the processor has is chosen at run time; all give the same positions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As FILT has it: 2^log2 words, two bits a window (defs/format.h). */
typedef struct kj_filter {
    const uint32_t *words;
    unsigned log2; /* KJ_FILTER_LOG2_MIN to _MAX */
} kj_filter;

/* Looks at the windows that begin at data[0] to data[count - 1], for which data has count + 3
 * bytes. Writes the positions of those that pass, rising, to `out`, which has room for count +
 * KJ_KERNEL_SLACK; returns how many. */
typedef size_t (*kj_kernel)(const kj_filter *filter, const uint8_t *data, size_t count,
                            uint32_t *out);

/* Two bytes at a distance, of which the bits count that a mask has. */
typedef struct kj_probe {
    uint8_t first;
    uint8_t second;
    uint8_t first_mask;
    uint8_t second_mask;
    unsigned gap;
} kj_probe;

/* Writes the positions i below `count` at which data[i] and data[i + gap] agree with the probe;
 * data has count + gap bytes. Otherwise as above. */
size_t kj_probe_pass(const kj_probe *probe, const uint8_t *data, size_t count, uint32_t *out);

enum { KJ_KERNEL_SLACK = 64, KJ_KERNELS_MAX = 4 };

/* The best kernel here. */
kj_kernel kj_kernel_best(void);

/* All that run here, for tests and measurements: the portable one first. Returns how many. */
size_t kj_kernels(kj_kernel out[KJ_KERNELS_MAX], const char *out_names[KJ_KERNELS_MAX]);
