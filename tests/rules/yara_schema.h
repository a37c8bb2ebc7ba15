/* SPDX-License-Identifier: Apache-2.0 */
/* A module with one of everything, for tests of the YARA front end. */
#pragma once

#include "base/arith.h"
#include "ir/value.h"

static const kj_field yara_test_fields[] = {
    {1, KJ_TYPE_INT, "size", NULL},
    {2, KJ_TYPE_STRING, "name", NULL},
    {3, KJ_TYPE_BOOL, "is_dll", NULL},
    {4, KJ_TYPE_REAL, "ratio", NULL},
    {5, KJ_TYPE_ARRAY, "parts[]", NULL},
    {6, KJ_TYPE_STRING, "parts[].name", NULL},
    {7, KJ_TYPE_INT, "parts[].size", NULL},
    {8, KJ_TYPE_ARRAY, "parts[].lines[]", NULL},
    {9, KJ_TYPE_INT, "parts[].lines[]", NULL},
    {10, KJ_TYPE_DICT, "headers{}", NULL},
    {11, KJ_TYPE_STRING, "headers{}", NULL},
    {12, KJ_TYPE_STRING, "headers{#}", NULL},
    {13, KJ_TYPE_STRING, "mail.subject", NULL},
    {14, KJ_TYPE_ARRAY, "numbers[]", NULL},
    {15, KJ_TYPE_INT, "numbers[]", NULL},
    {16, KJ_TYPE_BOOL, "has()", "s"},
    {17, KJ_TYPE_BOOL, "has()", "r"},
    {18, KJ_TYPE_INT, "sum()", "ii"},
    {19, KJ_TYPE_REAL, "half()", "f"},
    {20, KJ_TYPE_INT, "number()", "b"},
    {21, KJ_TYPE_BOOL, "is_64bit()", ""},
    {22, KJ_TYPE_INT, "parts[].valid_on()", "i"},
    {23, KJ_TYPE_DICT, "blind{}", NULL},
    {24, KJ_TYPE_INT, "blind{}", NULL},
};

static const kj_schema yara_test_schema = {
    .name = "test", .id = 7, .fields = yara_test_fields, .count = KJ_COUNT(yara_test_fields)};

static const kj_schema *const yara_test_schemas[] = {&yara_test_schema};

/* The variables that rule sets written for scanners expect. */
static const char *const yara_test_externals[] = {"filename", "filepath", "filetype", "extension",
                                                  "owner"};
