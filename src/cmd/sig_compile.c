/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arith.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/sig_private.h"
#include "cmd/sources.h"
#include "modules/module.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* ---- what kind of signature ---------------------------------------------------------------- */

enum { FIELDS_MAX = 16 };

static size_t split(kj_span text, char separator, kj_span out[FIELDS_MAX])
{
    size_t count = 0, at = 0;
    while (count < FIELDS_MAX) {
        const uint8_t *end =
            at < text.len ? memchr(text.data + at, separator, text.len - at) : NULL;
        size_t len = end ? (size_t)(end - text.data) - at : text.len - at;
        out[count++] = kj_span_sub(text, at, len);
        at += len + 1;
        if (!end)
            break;
    }
    return count;
}

static bool is_digest(kj_span text)
{
    uint8_t digest[KJ_HASH_MAX];
    kj_hash_kind kind;
    return kj_hash_parse(text, &kind, digest);
}

static bool is_number_or_any(kj_span text)
{
    uint64_t number;
    return kj_span_is(text, "*") || kj_text_to_u64(text, &number);
}

static const char *guess_by_colons(kj_span text)
{
    kj_span fields[FIELDS_MAX];
    size_t count = split(text, ':', fields);
    if (count >= 3 && is_digest(fields[0]))
        return "hsb";
    if (count >= 3 && is_number_or_any(fields[0]) && is_digest(fields[1]))
        return "msb";
    if (count >= 10 &&
        (kj_span_starts(fields[1], kj_span_str("CL_TYPE_")) || kj_span_is(fields[1], "*")))
        return "cdb";
    return count >= 4 && count <= 6 && is_number_or_any(fields[1]) ? "ndb" : NULL;
}

static bool starts_with_word(kj_span text, const char *word)
{
    kj_span prefix = kj_span_str(word);
    return kj_span_starts(text, prefix) && text.len > prefix.len &&
           !kj_is_alnum(text.data[prefix.len]) && text.data[prefix.len] != ':';
}

static bool is_yara(kj_span text)
{
    static const char *const words[] = {"rule", "private", "global", "import", "include"};
    for (size_t i = 0; i < KJ_COUNT(words); i++)
        if (starts_with_word(text, words[i]) && memchr(text.data, '{', text.len))
            return true;
    return false;
}

/* What the text of a signature looks like: an extension of ClamAV's, "yara", or NULL. */
static const char *guess(kj_span text)
{
    kj_span fields[FIELDS_MAX];
    text = kj_text_trim(text);
    if (text.len == 0)
        return NULL;
    if (is_yara(text))
        return "yara";
    size_t count = split(text, ';', fields);
    if (count >= 4 && kj_text_find_nocase(fields[1], kj_span_str("Target:")) != SIZE_MAX)
        return "ldb";
    if (count >= 11)
        return "crb";
    const char *kind = guess_by_colons(text);
    return kind || !memchr(text.data, '=', text.len) ? kind : "db";
}

/* ---- compiling ----------------------------------------------------------------------------- */

static ptrdiff_t read_text(void *user, void *buf, size_t len, kj_error *err)
{
    (void)err;
    kj_span *rest = user;
    len = kj_min_size(len, rest->len);
    if (len)
        memcpy(buf, rest->data, len);
    *rest = kj_span_sub(*rest, len, SIZE_MAX);
    return (ptrdiff_t)len;
}

static kj_status compile_clamav(kj_ir *ir, kj_span text, const char *type, kj_error *err)
{
    kj_clamav_options options = {.strict = true, .pua = true};
    options.schemas = kj_module_schemas(&options.schema_count);
    const kj_clamav_input input = {
        .name = "signature", .kind = type, .read = read_text, .user = &text};
    kj_clamav *clamav = kj_clamav_new(ir, &options);
    if (!clamav)
        return kj_no_memory(err);
    kj_status status = kj_clamav_load(clamav, &input, err);
    if (status == KJ_OK)
        status = kj_clamav_finish(clamav, err);
    kj_clamav_free(clamav);
    return status;
}

/* Which kind --type says; without one, by name. */
static bool parse_type(const char *type, kj_source_kind *out)
{
    *out = KJ_SOURCE_BY_NAME;
    if (!type || (kj_source_kind_parse(type, out) && *out != KJ_SOURCE_ADVISORY))
        return true;
    return !kj_complain(_("--type: '%s' is not yara or an extension of ClamAV signatures "
                          "(ndb, ldb, hdb ...)"),
                        type);
}

static bool compile_text(kj_ir *ir, const char *text, const char *type, bool color)
{
    kj_source_kind kind;
    if (!type)
        type = guess(kj_span_str(text));
    if (!type)
        return !kj_complain(
            _("%s: neither a file nor a signature of which the kind shows; say --type"), text);
    if (!parse_type(type, &kind))
        return false;
    kj_error err = {.offset = KJ_NO_OFFSET};
    bool ok = kj_sources_define(ir, &(kj_option_list){0});
    kj_status status =
        kind == KJ_SOURCE_YARA
            ? kj_sources_add_text(ir, "signature", kj_span_str(text), kind, NULL, &err)
            : compile_clamav(ir, kj_span_str(text), type, &err);
    if (status != KJ_OK)
        ok = !kj_complain("%s", _(err.message));
    return kj_sources_print(ir, color) && ok;
}

static bool compile_file(kj_ir *ir, const char *path, const char *type, bool color)
{
    kj_sources_options how = {.strict = true, .pua = true, .color = color, .kind_word = type};
    return parse_type(type, &how.kind) && kj_sources_compile(ir, &how, &path, 1, NULL);
}

/* That there is one signature, and what became of it if there is none. */
static bool is_one(const kj_ir *ir)
{
    uint64_t digests = kj_hash_sets_total(&ir->hashes), rules = 0;
    for (size_t i = 0; i < ir->rules.count; i++)
        rules += kj_sig_is_signature(ir->rules.items[i].flags);
    for (size_t i = 0; i < ir->left_out.count; i++)
        (void)kj_complain(_("the signature is not used: %s"), _(ir->left_out.items[i].reason));
    if (digests + rules == 1)
        return true;
    if (digests + rules > 1)
        (void)kj_complain(_("these are %llu signatures; test-sig takes one"),
                          (unsigned long long)(digests + rules));
    else if (ir->left_out.count == 0)
        (void)kj_complain(_("there is no signature"));
    return false;
}

bool kj_sig_compile(kj_ir *ir, const char *operand, const char *type, bool color)
{
    struct stat info;
    bool is_file = stat(operand, &info) == 0 && S_ISREG(info.st_mode);
    return (is_file ? compile_file : compile_text)(ir, operand, type, color) && is_one(ir);
}

/* ---- digests ------------------------------------------------------------------------------- */

static bool is_hex_run(kj_span text, size_t at, size_t *out_end)
{
    size_t end = at;
    while (end < text.len && kj_hex_digit(text.data[end]) >= 0)
        end++;
    *out_end = end;
    return is_digest(kj_span_sub(text, at, end - at));
}

void kj_sig_find_digest(const char *operand, char out[2 * KJ_HASH_MAX + 1])
{
    enum { LOOKED_AT = 64 << 10 };
    KJ_CLEANUP(kj_buf_done) kj_buf file;
    kj_buf_init(&file, LOOKED_AT);
    kj_error err;
    kj_span text = kj_span_str(operand);
    if (kj_file_read(operand, &file, &err) == KJ_OK)
        text = kj_buf_span(&file);
    out[0] = '\0';
    for (size_t at = 0, end; at < text.len; at = end + 1)
        if (is_hex_run(text, at, &end)) {
            memcpy(out, text.data + at, end - at);
            out[end - at] = '\0';
            return;
        }
}
