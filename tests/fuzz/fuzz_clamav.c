/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a file of ClamAV signatures, whose kind the first byte chooses: lines are taken or
 * told, within the arena's budget, and what is taken becomes definitions that verify. */
#include "base/arith.h"
#include "defs/defs.h"
#include "rules/clamav/clamav.h"
#include "tests/fuzz/rules.h"

enum {
    BUDGET = 16 << 20,
    LARGEST_WRITTEN = 1024,
    /* of the first byte */
    KIND = 0x3F,
    WRITES = 0x40, /* takes most of the time */
    UNWANTED = 0x80,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As tests/fuzz/seeds has them. */
static const char *const kinds[] = {
    "hdb", "mdb",  "imp", "fp",  "ndb", "db",  "ldb", "cdb",  "ign2", "ftm",
    "idb", "pwdb", "pdb", "wdb", "gdb", "cfg", "crb", "info", "ldu",  "cbc",
};

static ptrdiff_t read_span(void *user, void *buf, size_t len, kj_error *err)
{
    kj_span *left = user, part = kj_span_sub(*left, 0, len);
    (void)err;
    if (part.len)
        memcpy(buf, part.data, part.len);
    *left = kj_span_sub(*left, part.len, left->len);
    return (ptrdiff_t)part.len;
}

static void show(const kj_ir *ir)
{
    kj_buf out;
    kj_buf_init(&out, 1 << 20);
    for (size_t i = 0; i < ir->diags.list.count && i < 20; i++)
        kj_diag_print(&ir->diags.list.items[i], false, &out);
    kj_buf_done(&out);
}

/* What was compiled is written, unless it outgrows the format, and must verify. */
static void write_and_verify(kj_ir *ir)
{
    kj_buf file;
    kj_defs defs;
    kj_error err;
    kj_write_options options = KJ_WRITE_INIT;
    options.engine = FUZZ_ENGINE;
    options.release = FUZZ_RELEASE;
    kj_buf_init(&file, 4 << 20);
    kj_status status = kj_defs_write(ir, &options, &file, NULL, &err);
    fuzz_require(status == KJ_OK || status == KJ_LIMIT || status == KJ_NO_MEMORY);
    if (status == KJ_OK && kj_defs_open_buf(&file, FUZZ_ENGINE, &defs, &err) == KJ_OK) {
        fuzz_require(kj_defs_verify(&defs, &err) == KJ_OK);
        kj_defs_close(&defs);
    }
    kj_buf_done(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    kj_ir ir;
    kj_error err;
    kj_clamav_options options = {.pua = data[0] & UNWANTED};
    options.schemas = kj_module_schemas(&options.schema_count);
    kj_span left = {data + 1, size - 1};
    const kj_clamav_input input = {.name = "fuzz",
                                   .kind = kinds[(data[0] & KIND) % KJ_COUNT(kinds)],
                                   .read = read_span,
                                   .user = &left};
    kj_ir_init(&ir, BUDGET);
    kj_clamav *clamav = kj_clamav_new(&ir, &options);
    fuzz_require(clamav);
    kj_status status = kj_clamav_load(clamav, &input, &err);
    if (status == KJ_OK)
        status = kj_clamav_finish(clamav, &err);
    fuzz_require(status == KJ_OK || status == KJ_NO_MEMORY);
    show(&ir);
    if (status == KJ_OK && data[0] & WRITES && size < LARGEST_WRITTEN)
        write_and_verify(&ir);
    kj_clamav_free(clamav);
    kj_ir_done(&ir);
    return 0;
}
