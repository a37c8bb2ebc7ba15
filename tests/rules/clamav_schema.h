/* SPDX-License-Identifier: Apache-2.0 */
/* A module `clamav` with the rows that the front end asks for, and no answers. */
#pragma once

#include "base/arith.h"
#include "ir/value.h"

static const kj_field clamav_test_fields[] = {
    {1, KJ_TYPE_BOOL, "target()", "i"},
    {2, KJ_TYPE_BOOL, "container()", "s"},
    {3, KJ_TYPE_BOOL, "intermediates()", "s"},
    {4, KJ_TYPE_BOOL, "has_members", NULL},
    {5, KJ_TYPE_BOOL, "member()", "ssiiiiiiii", .costly = true},
    {6, KJ_TYPE_INT, "size", NULL},
    {10, KJ_TYPE_INT, "entry_point", NULL},
    {11, KJ_TYPE_INT, "sections", NULL},
    {12, KJ_TYPE_INT, "section_start()", "i"},
    {13, KJ_TYPE_INT, "section_size()", "i"},
    {14, KJ_TYPE_BOOL, "is_program", NULL},
    {15, KJ_TYPE_ARRAY, "versions[]", NULL},
    {16, KJ_TYPE_INT, "versions[]", NULL},
    {20, KJ_TYPE_INT, "number()", "iii"},
    {21, KJ_TYPE_INT, "regex()", "siii", .costly = true},
    {30, KJ_TYPE_BOOL, "signed_by()", "sssi", .costly = true},
    {31, KJ_TYPE_BOOL, "has_certificate()", "sss"},
};

static const kj_schema clamav_test_schema = {
    .name = "clamav", .id = 9, .fields = clamav_test_fields, .count = KJ_COUNT(clamav_test_fields)};

static const kj_schema *const clamav_test_schemas[] = {&clamav_test_schema};
