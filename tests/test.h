/* SPDX-License-Identifier: Apache-2.0 */
/* What every test program includes: cmocka with what it needs before it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/span.h"

/* Compares a span with a C string and shows both when they differ. */
#define assert_span(span, text)                                                                    \
    do {                                                                                           \
        kj_span assert_span_ = (span);                                                             \
        assert_int_equal(assert_span_.len, strlen(text));                                          \
        assert_memory_equal(assert_span_.data, (text), assert_span_.len);                          \
    } while (0)
