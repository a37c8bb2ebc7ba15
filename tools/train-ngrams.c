/* SPDX-License-Identifier: Apache-2.0 */
/* train-ngrams CLASS=LIST... > src/defs/ngrams.bin
 *
 * Counts the groups of four bytes of clean files. A LIST is a text file that names the files of one
 * class (programs for Windows, programs for Linux, text, data that is packed), one a line. What is
 * written, and what for: src/defs/ngrams.h. Needs about 3 GiB of memory.
 *
 *     cc -O2 -o /tmp/train-ngrams tools/train-ngrams.c -lm */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FOLD = 0x20,
    LETTERS = 128,      /* folded bytes: seven bits */
    KEPT = 24 << 10,    /* groups of four that are written */
    STEPS = 8,          /* of a logarithm */
    FILE_MAX = 8 << 20, /* bytes of one file that count */
    CLASSES_MAX = 8,
};

static const size_t GRAMS = (size_t)1 << 28;

/* Bit 5 is always set, so it is left out. */
static uint32_t squeeze(uint8_t byte)
{
    return (byte & 0x1Fu) | (byte >> 1 & 0x60u);
}

static void *room(size_t count, size_t size)
{
    void *out = calloc(count, size);
    if (!out) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    return out;
}

static uint64_t count_file(const char *path, uint32_t *grams, uint64_t *pairs)
{
    static uint8_t bytes[FILE_MAX];
    FILE *file = fopen(path, "rb");
    size_t len = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    if (file)
        fclose(file);
    uint32_t gram = 0;
    for (size_t i = 0; i < len; i++) {
        gram = (gram >> 7) | squeeze(bytes[i]) << 21;
        if (i >= 1)
            pairs[gram >> 14]++;
        if (i >= 3)
            grams[gram]++;
    }
    return len;
}

static uint64_t count_class(const char *list, uint32_t *grams, uint64_t *pairs)
{
    FILE *file = fopen(list, "r");
    char *line = NULL;
    size_t size = 0;
    uint64_t total = 0;
    if (!file) {
        perror(list);
        exit(1);
    }
    while (getline(&line, &size, file) > 0) {
        line[strcspn(line, "\n")] = '\0';
        total += count_file(line, grams, pairs);
    }
    free(line);
    fclose(file);
    return total;
}

static uint8_t steps(double log2_value, double least)
{
    double value = (log2_value - least) * STEPS;
    return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)lround(value);
}

struct kept {
    uint32_t gram;
    float rate;
};

static int by_rate(const void *a, const void *b)
{
    const struct kept *x = a, *y = b;
    return x->rate > y->rate ? -1 : x->rate < y->rate ? 1 : x->gram < y->gram ? -1 : 1;
}

static int by_gram(const void *a, const void *b)
{
    const struct kept *x = a, *y = b;
    return x->gram < y->gram ? -1 : x->gram > y->gram;
}

int main(int argc, char **argv)
{
    float *rates = room(GRAMS, sizeof *rates);
    double *pair_rates = room(LETTERS * LETTERS, sizeof *pair_rates);
    for (int i = 1; i < argc; i++) {
        uint32_t *grams = room(GRAMS, sizeof *grams);
        uint64_t *pairs = room(LETTERS * LETTERS, sizeof *pairs);
        const char *list = strchr(argv[i], '=');
        double mib = (double)count_class(list ? list + 1 : argv[i], grams, pairs) / 1048576;
        fprintf(stderr, "%s: %.0f MiB\n", argv[i], mib);
        for (size_t g = 0; g < GRAMS; g++)
            rates[g] = fmaxf(rates[g], (float)(grams[g] / mib));
        for (size_t p = 0; p < LETTERS * LETTERS; p++)
            pair_rates[p] += (double)pairs[p] / mib / (argc - 1);
        free(grams);
        free(pairs);
    }
    /* Pairs: how likely the second byte is behind the first. */
    for (unsigned a = 0; a < LETTERS; a++) {
        double sum = 1e-9;
        for (unsigned b = 0; b < LETTERS; b++)
            sum += pair_rates[a | b << 7];
        for (unsigned b = 0; b < LETTERS; b++)
            putchar(steps(-log2((pair_rates[a | b << 7] + 1e-6) / sum), 0));
    }
    /* Single bytes, as rates a MiB. */
    for (unsigned a = 0; a < LETTERS; a++) {
        double sum = 1e-3;
        for (unsigned b = 0; b < LETTERS; b++)
            sum += pair_rates[a | b << 7];
        putchar(steps(log2(sum), 0));
    }
    struct kept *kept = room(GRAMS / 16, sizeof *kept);
    size_t count = 0;
    for (size_t g = 0; g < GRAMS && count < GRAMS / 16; g++)
        if (rates[g] >= 2)
            kept[count++] = (struct kept){(uint32_t)g, rates[g]};
    qsort(kept, count, sizeof *kept, by_rate);
    count = count < KEPT ? count : KEPT;
    fprintf(stderr, "%zu groups, the rarest %.2f a MiB\n", count, kept[count - 1].rate);
    qsort(kept, count, sizeof *kept, by_gram);
    for (size_t i = 0; i < count; i++)
        for (unsigned k = 0; k < 4; k++)
            putchar(kept[i].gram >> (8 * k) & 0xFF);
    for (size_t i = 0; i < count; i++)
        putchar(steps(log2(kept[i].rate), 0));
    return 0;
}
