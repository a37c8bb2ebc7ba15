/* SPDX-License-Identifier: Apache-2.0 */
/* CLI metadata as bytes: its heaps, and the rows of its tables (ECMA-335, II.22 and II.24). What
 * the rows mean is dotnet.h. */
#pragma once

#include "base/reader.h"

/* Numbers of tables; those that nobody asks for by name are not listed. */
enum kj_cli_table_number {
    KJ_CLI_MODULE = 0x00,
    KJ_CLI_TYPE_REF = 0x01,
    KJ_CLI_TYPE_DEF = 0x02,
    KJ_CLI_FIELD = 0x04,
    KJ_CLI_METHOD_DEF = 0x06,
    KJ_CLI_PARAM = 0x08,
    KJ_CLI_INTERFACE_IMPL = 0x09,
    KJ_CLI_MEMBER_REF = 0x0A,
    KJ_CLI_CONSTANT = 0x0B,
    KJ_CLI_CUSTOM_ATTRIBUTE = 0x0C,
    KJ_CLI_DECL_SECURITY = 0x0E,
    KJ_CLI_STANDALONE_SIG = 0x11,
    KJ_CLI_EVENT = 0x14,
    KJ_CLI_PROPERTY = 0x17,
    KJ_CLI_MODULE_REF = 0x1A,
    KJ_CLI_TYPE_SPEC = 0x1B,
    KJ_CLI_FIELD_RVA = 0x1D,
    KJ_CLI_ASSEMBLY = 0x20,
    KJ_CLI_ASSEMBLY_REF = 0x23,
    KJ_CLI_FILE = 0x26,
    KJ_CLI_EXPORTED_TYPE = 0x27,
    KJ_CLI_MANIFEST_RESOURCE = 0x28,
    KJ_CLI_NESTED_CLASS = 0x29,
    KJ_CLI_GENERIC_PARAM = 0x2A,
    KJ_CLI_METHOD_SPEC = 0x2B,
    KJ_CLI_GENERIC_PARAM_CONSTRAINT = 0x2C,
    KJ_CLI_TABLES = 0x2D,
};

enum { KJ_CLI_COLUMNS_MAX = 9, KJ_CLI_ROWS_MAX = 15000 };

typedef struct kj_cli_heap {
    bool present;
    uint64_t offset; /* in the file; not checked */
    uint32_t len;
} kj_cli_heap;

typedef struct kj_cli_table {
    bool present;
    uint32_t rows; /* KJ_CLI_ROWS_MAX at most */
    uint64_t offset;
    uint32_t row_len;
    uint8_t widths[KJ_CLI_COLUMNS_MAX]; /* bytes of each column, 0 behind the last */
} kj_cli_table;

typedef struct kj_cli_metadata {
    kj_span file;
    kj_cli_heap strings;
    kj_cli_heap blobs;
    kj_cli_heap user_strings;
    kj_cli_heap guids;
    kj_cli_heap tilde; /* the stream of tables, "#~" or "#-" */
    kj_cli_table tables[KJ_CLI_TABLES];
    bool complete; /* all tables were laid out */
} kj_cli_metadata;

/* The columns of a row in the order of the specification. */
typedef struct kj_cli_row {
    uint32_t column[KJ_CLI_COLUMNS_MAX];
} kj_cli_row;

/* Finds the tables in the stream at meta->tilde. As libyara does, it stops at a table with more
 * than KJ_CLI_ROWS_MAX rows and at one that it does not know: those after it, and so the classes,
 * are not seen then. */
void kj_cli_lay_out(kj_cli_metadata *meta);

/* Row `index`, counted from 1. False when the table has no such row or it leaves the file. */
bool kj_cli_read_row(const kj_cli_metadata *meta, unsigned table, uint32_t index, kj_cli_row *out);

/* The text at `index` of the strings heap, without its NUL; `data` is NULL when there is none, or
 * when it is longer than 1,024 bytes. */
kj_span kj_cli_string(const kj_cli_metadata *meta, uint32_t index);

/* The blob whose length stands at `offset` of the file (II.24.2.4); *out_end, which may be NULL, is
 * the offset behind it. `data` is NULL when it leaves the file. */
kj_span kj_cli_blob_at(const kj_cli_metadata *meta, uint64_t offset, uint64_t *out_end);

/* The blob at `index` of the blob heap. The end of the heap is no limit, the end of the file is. */
kj_span kj_cli_blob(const kj_cli_metadata *meta, uint32_t index);

/* A compressed integer (II.23.2). One that is broken or leaves the reader is 0, and nothing is
 * consumed. */
uint32_t kj_cli_read_unsigned(kj_reader *r);
int32_t kj_cli_read_signed(kj_reader *r);
