/* SPDX-License-Identifier: Apache-2.0 */
/* What a shortcut leads to: .lnk (formats/lnk.h), .url (an INI file), .pif of DOS and 9x.
 *
 *     .pif   offset  bytes
 *            0x024   63     path of the program, OEM codepage, padded with NULs or blanks
 *            0x065   64     its working directory
 *            0x0A5   64     its arguments
 *            0x171   16     "MICROSOFT PIFEX", where the structure has its later part
 *
 * Source: "PIF file format" in Ralf Brown's notes, and files that Windows 98 wrote. A program that
 * is only called .pif begins with MZ, and is one. */
#include "host/command_private.h"

#include "base/arith.h"
#include "base/buf.h"
#include "base/path.h"
#include "base/reader.h"
#include "base/text.h"
#include "formats/ini.h"
#include "formats/lnk.h"
#include "host/system_private.h"

enum {
    SHORTCUT_MAX = 256 << 10, /* bytes of the file that are looked at */
    PATH_TEXT_MAX = 32 << 10,
    PIF_PATH_AT = 0x24,
    PIF_PATH_LEN = 63,
    PIF_ARGUMENTS_AT = 0xA5,
    PIF_ARGUMENTS_LEN = 64,
};

/* What a shortcut says. */
typedef struct shortcut {
    kj_span path;      /* as written there */
    kj_span arguments; /* may be empty */
} shortcut;

typedef bool read_shortcut(kj_command_walk *w, const kj_node *file, kj_span bytes, shortcut *out);

/* A text of the arena's; empty when it does not fit. */
static kj_span keep(kj_command_walk *w, kj_buf *text)
{
    char *copy = text->failed ? NULL : kj_arena_text(w->system->arena, kj_buf_span(text));
    kj_buf_done(text);
    return kj_span_str(copy);
}

/* ---- .lnk
 * ------------------------------------------------------------------------------------------- */

/* The steps of the way to the target as a path: `C:\`, `DIR`, `a.exe`. Empty when it does not begin
 * with a volume: then it is a place of the shell's own. */
static kj_span item_path(kj_command_walk *w, const kj_lnk *lnk)
{
    kj_buf path;
    kj_buf_init(&path, PATH_TEXT_MAX);
    for (size_t i = 0; i < lnk->item_count; i++) {
        const kj_lnk_item *item = &lnk->items[i];
        if (item->type == KJ_LNK_VOLUME && item->text.len) {
            kj_buf_clear(&path);
            kj_buf_put(&path, item->text);
        } else if (item->type == KJ_LNK_FILE_ENTRY && path.len) {
            if (path.data[path.len - 1] != '\\')
                kj_buf_put_byte(&path, '\\');
            kj_buf_put(&path, item->text);
        }
    }
    return keep(w, &path);
}

static kj_span joined(kj_command_walk *w, kj_span directory, const char *between, kj_span name)
{
    kj_buf path;
    kj_buf_init(&path, PATH_TEXT_MAX);
    kj_buf_put(&path, directory);
    kj_buf_put_text(&path, between);
    kj_buf_put(&path, name);
    return keep(w, &path);
}

/* The relative path begins at the shortcut's own directory. */
static kj_span relative_path(kj_command_walk *w, const kj_lnk *lnk, const kj_node *file)
{
    if (lnk->relative_path.len == 0)
        return (kj_span){0};
    kj_span base = kj_path_base(file->path);
    w->context.directory = kj_span_sub(file->path, 0, file->path.len - base.len);
    if (w->context.directory.len)
        w->context.directory.len--;
    return lnk->relative_path;
}

static bool leads_to_file(kj_command_walk *w, kj_span path)
{
    static const char *const none[] = {NULL};
    kj_span text = kj_span_str(kj_system_expand(w->system, path, &w->context));
    return text.len && kj_command_locate(w, text, none).file.path.len;
}

static bool read_lnk(kj_command_walk *w, const kj_node *file, kj_span bytes, shortcut *out)
{
    kj_lnk lnk;
    if (kj_lnk_read(bytes, w->system->arena, &lnk, NULL) != KJ_OK)
        return false;
    kj_span paths[3] = {
        joined(w, lnk.local_base_path, "", lnk.common_path_suffix),
        item_path(w, &lnk),
        {0},
    };
    kj_span directory = w->context.directory;
    paths[2] = relative_path(w, &lnk, file);
    size_t best = 0;
    while (best < 3 && !leads_to_file(w, paths[best]))
        best++;
    if (best < 2)
        w->context.directory = directory;
    for (size_t i = 0; best == 3 && i < 3; i++) /* none does: the first that says something */
        if (paths[i].len)
            best = i;
    if (best == 3)
        return false;
    out->path = paths[best];
    out->arguments = lnk.cmd_line_args;
    return true;
}

/* ---- .url, .pif
 * ------------------------------------------------------------------------------------- */

static bool read_url(kj_command_walk *w, const kj_node *file, kj_span bytes, shortcut *out)
{
    (void)file;
    kj_ini ini;
    if (kj_ini_read(bytes, w->system->arena, &ini, NULL) != KJ_OK)
        return false;
    for (size_t i = 0; i < ini.count; i++)
        if (kj_text_equal_nocase(ini.entries[i].section, kj_span_str("InternetShortcut")) &&
            kj_text_equal_nocase(ini.entries[i].key, kj_span_str("URL"))) {
            out->path = ini.entries[i].value;
            return out->path.len > 0;
        }
    return false;
}

/* A field up to a NUL, without blanks around it; bytes of a codepage that is not known. */
static kj_span pif_text(kj_command_walk *w, kj_span field)
{
    kj_buf text;
    kj_buf_init(&text, 4 * PIF_ARGUMENTS_LEN);
    field = kj_span_sub(field, 0, kj_span_find(field, kj_span_of("", 1), 0));
    for (size_t i = 0; i < field.len; i++) {
        uint8_t utf8[4];
        kj_buf_put(&text, kj_span_of(utf8, kj_utf8_put(field.data[i], utf8)));
    }
    return kj_text_trim(keep(w, &text));
}

static bool read_pif(kj_command_walk *w, const kj_node *file, kj_span bytes, shortcut *out)
{
    (void)file;
    kj_reader r = kj_reader_of(bytes);
    if (kj_span_starts(bytes, kj_span_str("MZ")))
        return false;
    kj_seek(&r, PIF_PATH_AT);
    kj_span path = kj_read_span(&r, PIF_PATH_LEN);
    kj_seek(&r, PIF_ARGUMENTS_AT);
    kj_span arguments = kj_read_span(&r, PIF_ARGUMENTS_LEN);
    if (!kj_reader_ok(&r))
        return false;
    out->path = pif_text(w, path);
    out->arguments = pif_text(w, arguments);
    return out->path.len > 0;
}

/* ---- all of them
 * ------------------------------------------------------------------------------------ */

static const struct {
    const char *extension;
    read_shortcut *read;
} kinds[] = {{"lnk", read_lnk}, {"url", read_url}, {"pif", read_pif}};

static read_shortcut *reader_of(const kj_node *file)
{
    kj_span extension = kj_path_extension(kj_path_base(file->path), NULL);
    for (size_t i = 0; i < KJ_COUNT(kinds); i++)
        if (kj_text_equal_nocase(extension, kj_span_str(kinds[i].extension)))
            return kinds[i].read;
    return NULL;
}

static kj_span expanded(const kj_command_walk *w, kj_span text)
{
    return kj_span_str(kj_system_expand(w->system, text, &w->context));
}

static bool follow(kj_command_walk *w, const kj_node *file, kj_span bytes, kj_command_target *out)
{
    shortcut found = {0};
    kj_path_context context = w->context;
    bool ok = reader_of(file)(w, file, bytes, &found);
    if (ok) {
        kj_program program = kj_command_locate(w, expanded(w, found.path), kj_command_programs);
        program.rest = kj_text_trim(expanded(w, found.arguments));
        kj_command_follow_program(w, &program, out);
    }
    w->context = context;
    return ok;
}

bool kj_shortcut_follow(kj_command_walk *w, const kj_node *file, kj_command_target *out)
{
    if (file->kind != KJ_NODE_FILE || !reader_of(file))
        return false;
    kj_buf bytes;
    kj_buf_init(&bytes, SHORTCUT_MAX);
    size_t len = (size_t)kj_min_u64(file->size, SHORTCUT_MAX);
    uint8_t *room = kj_buf_reserve(&bytes, len);
    if (room)
        kj_buf_added(&bytes, kj_tree_head(w->system->tree, file->path, room, len));
    bool ok = bytes.len > 0 && follow(w, file, kj_buf_span(&bytes), out);
    kj_buf_done(&bytes);
    return ok;
}
