/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics of the bytes of a range or a text, and arithmetic that the language lacks. Semantics:
 * libyara 4.5's module `math`, oddities included, because rules compare with what it computes:
 *
 *   - what is no number (the mean of nothing) is undefined;
 *   - bytes of a text are signed, as `char` is where libyara is mostly used;
 *   - `min` and `max` compare their arguments as unsigned numbers.
 *
 * The statistics are John Walker's: https://www.fourmilab.ch/random/ */
#include "base/arith.h"
#include "modules/ranges.h"

#include <math.h>

/* Numbers are part of the definitions format: never reuse one. */
enum field {
    ENTROPY = 1,
    MEAN = 2,
    DEVIATION = 3,
    SERIAL_CORRELATION = 4,
    MONTE_CARLO_PI = 5,
    COUNT = 6,
    PERCENTAGE = 7,
    MODE = 8,
    OF_TEXT = 32, /* added to the number: of a text, not of a range */
    ENTROPY_TEXT = OF_TEXT + ENTROPY,
    MEAN_TEXT = OF_TEXT + MEAN,
    DEVIATION_TEXT = OF_TEXT + DEVIATION,
    SERIAL_CORRELATION_TEXT = OF_TEXT + SERIAL_CORRELATION,
    MONTE_CARLO_PI_TEXT = OF_TEXT + MONTE_CARLO_PI,
    OF_ALL = 64, /* added: of the whole object */
    COUNT_ALL = OF_ALL + COUNT,
    PERCENTAGE_ALL = OF_ALL + PERCENTAGE,
    MODE_ALL = OF_ALL + MODE,
    IN_RANGE = 100,
    MIN = 101,
    MAX = 102,
    TO_NUMBER = 103,
    ABS = 104,
    TO_STRING = 105,
    TO_STRING_BASE = 106,
    MEAN_BYTES = 107,
};

static const kj_field fields[] = {
    {MEAN_BYTES, KJ_TYPE_REAL, "MEAN_BYTES", NULL},
    {ENTROPY, KJ_TYPE_REAL, "entropy()", "ii"},
    {ENTROPY_TEXT, KJ_TYPE_REAL, "entropy()", "s"},
    {MEAN, KJ_TYPE_REAL, "mean()", "ii"},
    {MEAN_TEXT, KJ_TYPE_REAL, "mean()", "s"},
    {DEVIATION, KJ_TYPE_REAL, "deviation()", "iif"},
    {DEVIATION_TEXT, KJ_TYPE_REAL, "deviation()", "sf"},
    {SERIAL_CORRELATION, KJ_TYPE_REAL, "serial_correlation()", "ii"},
    {SERIAL_CORRELATION_TEXT, KJ_TYPE_REAL, "serial_correlation()", "s"},
    {MONTE_CARLO_PI, KJ_TYPE_REAL, "monte_carlo_pi()", "ii"},
    {MONTE_CARLO_PI_TEXT, KJ_TYPE_REAL, "monte_carlo_pi()", "s"},
    {COUNT, KJ_TYPE_INT, "count()", "iii"},
    {COUNT_ALL, KJ_TYPE_INT, "count()", "i"},
    {PERCENTAGE, KJ_TYPE_REAL, "percentage()", "iii"},
    {PERCENTAGE_ALL, KJ_TYPE_REAL, "percentage()", "i"},
    {MODE, KJ_TYPE_INT, "mode()", "ii"},
    {MODE_ALL, KJ_TYPE_INT, "mode()", ""},
    {IN_RANGE, KJ_TYPE_INT, "in_range()", "fff"},
    {MIN, KJ_TYPE_INT, "min()", "ii"},
    {MAX, KJ_TYPE_INT, "max()", "ii"},
    {TO_NUMBER, KJ_TYPE_INT, "to_number()", "b"},
    {ABS, KJ_TYPE_INT, "abs()", "i"},
    {TO_STRING, KJ_TYPE_STRING, "to_string()", "i"},
    {TO_STRING_BASE, KJ_TYPE_STRING, "to_string()", "ii"},
};

/* Undefined when the number is none. */
static kj_value real(double value)
{
    return isnan(value) ? kj_value_undefined() : kj_value_real(value);
}

/* ---- how often each byte occurs ---------------------------------------------------------------
 */

enum { BYTES = 256 };

/* Four tables, so that runs of one byte do not wait for each other. */
static void count_bytes(kj_span bytes, uint64_t out[BYTES])
{
    uint64_t more[3][BYTES] = {{0}};
    memset(out, 0, BYTES * sizeof *out);
    size_t i = 0;
    for (; i + 4 <= bytes.len; i += 4) {
        out[bytes.data[i]]++;
        more[0][bytes.data[i + 1]]++;
        more[1][bytes.data[i + 2]]++;
        more[2][bytes.data[i + 3]]++;
    }
    for (; i < bytes.len; i++)
        out[bytes.data[i]]++;
    for (size_t byte = 0; byte < BYTES; byte++)
        out[byte] += more[0][byte] + more[1][byte] + more[2][byte];
}

static double total_of(const uint64_t counts[BYTES])
{
    uint64_t total = 0;
    for (size_t byte = 0; byte < BYTES; byte++)
        total += counts[byte];
    return (double)total;
}

/* In bits a byte. */
static double entropy(const uint64_t counts[BYTES])
{
    double total = total_of(counts), sum = 0;
    for (size_t byte = 0; byte < BYTES; byte++) {
        double share = (double)counts[byte] / total;
        if (counts[byte])
            sum -= share * log2(share);
    }
    return sum;
}

static double mean(const uint64_t counts[BYTES])
{
    double sum = 0;
    for (size_t byte = 0; byte < BYTES; byte++)
        sum += (double)byte * (double)counts[byte];
    return sum / total_of(counts);
}

/* The mean distance from `middle`. */
static double deviation(const uint64_t counts[BYTES], double middle)
{
    double sum = 0;
    for (size_t byte = 0; byte < BYTES; byte++)
        sum += fabs((double)byte - middle) * (double)counts[byte];
    return sum / total_of(counts);
}

static size_t most_frequent(const uint64_t counts[BYTES])
{
    size_t best = 0;
    for (size_t byte = 1; byte < BYTES; byte++)
        if (counts[byte] > counts[best])
            best = byte;
    return best;
}

/* libyara divides in single precision. */
static double percentage(const uint64_t counts[BYTES], uint8_t byte)
{
    return (double)((float)counts[byte] / (float)total_of(counts));
}

/* ---- what depends on their order ---------------------------------------------------------------
 */

/* How much each byte says about the next one, the first following the last; -100000 when all are
 * the same. Sums of products stay exact in 64 bits up to 2^47 bytes. */
static double serial_correlation(kj_span bytes, bool is_text)
{
    int64_t products = 0, sum = 0, squares = 0, last = 0, first = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        int64_t value = is_text ? (int8_t)bytes.data[i] : bytes.data[i];
        if (i == 0)
            first = value;
        products += last * value;
        sum += value;
        squares += value * value;
        last = value;
    }
    products += last * first;
    double n = (double)bytes.len, squared = (double)sum * (double)sum;
    double spread = n * (double)squares - squared;
    return spread == 0 ? -100000 : (n * (double)products - squared) / spread;
}

/* How far from pi, as a share of it, is what one gets when six bytes each are taken for a point of
 * a square, 24 bits a coordinate, and those inside the circle are counted. Undefined without a
 * point. In a text, bytes from 0x80 lead far outside: libyara extends their sign. */
static double monte_carlo_pi(kj_span bytes, bool is_text)
{
    enum { POINT = 6, HALF = 3 };
    const uint64_t radius = (1 << 24) - 1;
    uint64_t inside = 0, points = bytes.len / POINT;
    for (size_t i = 0; i < points; i++) {
        uint64_t x = 0, y = 0;
        uint8_t all = 0;
        for (size_t k = i * POINT; k < i * POINT + HALF; k++) {
            x = x << 8 | bytes.data[k];
            y = y << 8 | bytes.data[k + HALF];
            all |= bytes.data[k] | bytes.data[k + HALF];
        }
        inside += x * x + y * y <= radius * radius && !(is_text && all & 0x80);
    }
    double pi = 4.0 * ((double)inside / (double)points);
    return fabs((pi - M_PI) / M_PI);
}

/* ---- of a range --------------------------------------------------------------------------------
 */

/* The counts of a range, computed once; NULL without memory or when the work allowed is used up. */
static const uint64_t *counts_of(const kj_module_input *input, kj_range_memory *memory,
                                 kj_span range, const kj_field_call *call)
{
    bool known;
    kj_range_slot *slot = kj_range_slot_of(memory, input->object->bytes, range, COUNT, &known);
    if (known)
        return slot->counts;
    if (!slot->counts)
        slot->counts = kj_arena_alloc_array(input->arena, BYTES, sizeof *slot->counts);
    if (slot->counts && call->pay(call, range.len)) {
        count_bytes(range, slot->counts);
        return slot->counts;
    }
    slot->what = 0;
    return NULL;
}

static kj_value by_counts(unsigned what, const uint64_t counts[BYTES], const kj_value *arg)
{
    switch (what) {
    case ENTROPY:
        return real(entropy(counts));
    case MEAN:
        return real(mean(counts));
    case DEVIATION:
        return real(deviation(counts, arg->real));
    case COUNT:
        return kj_value_int((int64_t)counts[(uint8_t)arg->integer]);
    case PERCENTAGE:
        return real(percentage(counts, (uint8_t)arg->integer));
    default:
        return kj_value_int((int64_t)most_frequent(counts));
    }
}

static kj_value by_order(const kj_module_input *input, kj_range_memory *memory, unsigned what,
                         kj_span range, const kj_field_call *call)
{
    bool known;
    kj_range_slot *slot = kj_range_slot_of(memory, input->object->bytes, range, what, &known);
    if (known)
        return slot->value;
    slot->value = kj_value_undefined();
    if (call->pay(call, range.len))
        slot->value = real(what == SERIAL_CORRELATION ? serial_correlation(range, false)
                                                      : monte_carlo_pi(range, false));
    return slot->value;
}

static kj_value of_range(const kj_module_input *input, unsigned what, kj_span range,
                         const kj_value *arg, const kj_field_call *call)
{
    kj_range_memory *memory = kj_module_state(input, &kj_module_math, sizeof *memory);
    if (!memory)
        return kj_value_undefined();
    if (what == SERIAL_CORRELATION || what == MONTE_CARLO_PI)
        return by_order(input, memory, what, range, call);
    const uint64_t *counts = counts_of(input, memory, range, call);
    return counts ? by_counts(what, counts, arg) : kj_value_undefined();
}

/* The range's arguments are the first two, behind a byte the second and third. */
static kj_value of_arguments(const kj_module_input *input, unsigned what, const kj_field_call *call)
{
    bool has_byte = what == COUNT || what == PERCENTAGE;
    kj_span range;
    if (!kj_range_of(input->object->bytes, call->args + has_byte, &range))
        return kj_value_undefined();
    return of_range(input, what, range, has_byte ? call->args : call->args + 2, call);
}

static kj_value of_all(const kj_module_input *input, unsigned what, const kj_field_call *call)
{
    if (input->object->bytes.len == 0)
        return kj_value_undefined();
    return of_range(input, what, input->object->bytes, call->args, call);
}

/* ---- of a text ---------------------------------------------------------------------------------
 */

static double text_entropy(kj_span text)
{
    uint64_t counts[BYTES];
    count_bytes(text, counts);
    return entropy(counts);
}

static double text_mean(kj_span text)
{
    double sum = 0;
    for (size_t i = 0; i < text.len; i++)
        sum += (int8_t)text.data[i];
    return sum / (double)text.len;
}

static double text_deviation(kj_span text, double middle)
{
    double sum = 0;
    for (size_t i = 0; i < text.len; i++)
        sum += fabs((int8_t)text.data[i] - middle);
    return sum / (double)text.len;
}

static kj_value of_text(unsigned what, const kj_field_call *call)
{
    kj_span text = call->args[0].text;
    if (!call->pay(call, text.len))
        return kj_value_undefined();
    switch (what) {
    case ENTROPY:
        return real(text_entropy(text));
    case MEAN:
        return real(text_mean(text));
    case DEVIATION:
        return real(text_deviation(text, call->args[1].real));
    case SERIAL_CORRELATION:
        return real(serial_correlation(text, true));
    default:
        return real(monte_carlo_pi(text, true));
    }
}

/* ---- arithmetic --------------------------------------------------------------------------------
 */

/* Signed in base 10; in the others, its 64 bits. Undefined in a base that is not 8, 10 or 16. */
static kj_value to_string(kj_arena *arena, int64_t value, int64_t base)
{
    if (base != 8 && base != 10 && base != 16)
        return kj_value_undefined();
    char *text =
        base == 10 ? kj_arena_printf(arena, "%lld", (long long)value)
                   : kj_arena_printf(arena, base == 8 ? "%llo" : "%llx", (unsigned long long)value);
    return text ? kj_value_text(kj_span_str(text)) : kj_value_undefined();
}

static kj_value in_range(double value, double low, double high)
{
    return kj_value_int(low <= value && value <= high);
}

static kj_value absolute(int64_t value)
{
    return kj_value_int(value < 0 ? (int64_t)(0 - (uint64_t)value) : value);
}

static kj_value arithmetic(const kj_module_input *input, uint16_t field, const kj_value *args)
{
    switch (field) {
    case IN_RANGE:
        return in_range(args[0].real, args[1].real, args[2].real);
    case MIN:
        return args[(uint64_t)args[1].integer < (uint64_t)args[0].integer];
    case MAX:
        return args[(uint64_t)args[1].integer > (uint64_t)args[0].integer];
    case TO_NUMBER:
        return kj_value_int(args[0].integer != 0);
    case ABS:
        return absolute(args[0].integer);
    case TO_STRING:
        return to_string(input->arena, args[0].integer, 10);
    case TO_STRING_BASE:
        return to_string(input->arena, args[0].integer, args[1].integer);
    default:
        return kj_value_real(127.5); /* MEAN_BYTES: of bytes that are random */
    }
}

static kj_value get(const kj_module_input *input, uint16_t field, const kj_field_call *call)
{
    const kj_field *row = kj_module_row(&kj_module_math, field);
    if (!row || !kj_call_fits(call, row->params))
        return kj_value_undefined();
    if (field >= IN_RANGE)
        return arithmetic(input, field, call->args);
    if (field >= OF_ALL)
        return of_all(input, field - OF_ALL, call);
    if (field >= OF_TEXT)
        return of_text(field - OF_TEXT, call);
    return of_arguments(input, field, call);
}

const kj_module kj_module_math = {
    .schema = {.name = "math", .id = 4, .fields = fields, .count = KJ_COUNT(fields)},
    .get = get,
};
