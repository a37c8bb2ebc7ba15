/* SPDX-License-Identifier: Apache-2.0 */
/* How often groups of bytes are met in clean files: what the choice of atoms and triggers goes by.
 *
 * The figures were counted by tools/train-ngrams over Debian's programs, libraries, Windows
 * programs, texts, archives and pictures; of the four kinds of file the one counts in which a group
 * is commonest. ngrams.bin holds, bytes folded to seven bits (bit 5 left out), figures in eighths
 * of a binary logarithm:
 *
 *     128 * 128 bytes   how unlikely a byte is behind another: [first * 128 + second]
 *     128 bytes         how often a byte is met, a MiB
 *     n * 4 bytes       the commonest groups of four, rising, little-endian, seven bits a byte
 *     n bytes           how often each is met, a MiB */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Occurrences a MiB of a group of two to four bytes, folded (KJ_FOLD_BYTE set in each). What is not
 * among the commonest is estimated from its pairs; never less than chance gives. */
double kj_ngram_rate(const uint8_t *bytes, size_t len);
