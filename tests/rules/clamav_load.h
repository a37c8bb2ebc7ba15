/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of ClamAV signatures to IR, for tests. */
#pragma once

#include "rules/clamav/clamav.h"
#include "tests/rules/clamav_schema.h"

typedef struct clamav_load {
    kj_ir ir;
    kj_clamav_options options;
    kj_clamav *clamav;
} clamav_load;

static inline ptrdiff_t clamav_read_span(void *user, void *buf, size_t len, kj_error *err)
{
    kj_span *left = user;
    (void)err;
    kj_span part = kj_span_sub(*left, 0, len);
    if (part.len)
        memcpy(buf, part.data, part.len);
    *left = kj_span_sub(*left, part.len, left->len);
    return (ptrdiff_t)part.len;
}

/* False without memory. */
static inline bool clamav_load_init(clamav_load *l, size_t budget)
{
    l->options = (kj_clamav_options){.schemas = clamav_test_schemas,
                                     .schema_count = KJ_COUNT(clamav_test_schemas)};
    kj_ir_init(&l->ir, budget);
    l->clamav = kj_clamav_new(&l->ir, &l->options);
    return l->clamav != NULL;
}

static inline void clamav_load_done(clamav_load *l)
{
    kj_clamav_free(l->clamav);
    kj_ir_done(&l->ir);
}

static inline kj_status clamav_load_text(clamav_load *l, const char *name, kj_span text)
{
    kj_error err = {0};
    const kj_clamav_input input = {.name = name, .read = clamav_read_span, .user = &text};
    return kj_clamav_load(l->clamav, &input, &err);
}

/* The last of the files was loaded. */
static inline kj_status clamav_load_finish(clamav_load *l)
{
    kj_error err = {0};
    return kj_clamav_finish(l->clamav, &err);
}
