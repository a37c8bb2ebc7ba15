/* SPDX-License-Identifier: Apache-2.0 */
/* What ClamAV calls what kujo recognises: target types, by number, and file types, by name.
 *
 * ClamAV gives an object one type, kujo all that claim it, so an object may be several things here;
 * what is asked holds if it holds for one of them. */
#include "modules/clamav.h"

#include "base/arith.h"
#include "formats/views.h"
#include "ir/clamav.h"

/* A format may have several rows. What has none is data to ClamAV. */
static const struct type_row {
    const char *format; /* kj_format.name */
    const char *type;
    uint8_t target;
} rows[] = {
    {"pe", "CL_TYPE_MSEXE", KJ_TARGET_PE},
    {"mz", "CL_TYPE_MSEXE", KJ_TARGET_PE},
    {"elf", "CL_TYPE_ELF", KJ_TARGET_ELF},
    {"macho", "CL_TYPE_MACHO", KJ_TARGET_MACHO},
    {"macho", "CL_TYPE_MACHO_UNIBIN", KJ_TARGET_MACHO},
    {"class", "CL_TYPE_JAVA", KJ_TARGET_CLASS},
    {"zip", "CL_TYPE_ZIP", KJ_TARGET_ANY},
    {"7z", "CL_TYPE_7Z", KJ_TARGET_ANY},
    {"rar", "CL_TYPE_RAR", KJ_TARGET_ANY},
    {"rar5", "CL_TYPE_RAR", KJ_TARGET_ANY},
    {"tar", "CL_TYPE_POSIX_TAR", KJ_TARGET_ANY},
    {"tar", "CL_TYPE_OLD_TAR", KJ_TARGET_ANY},
    {"cab", "CL_TYPE_MSCAB", KJ_TARGET_ANY},
    {"iso9660", "CL_TYPE_ISO9660", KJ_TARGET_OTHER},
    {"cpio", "CL_TYPE_CPIO_OLD", KJ_TARGET_ANY},
    {"cpio", "CL_TYPE_CPIO_ODC", KJ_TARGET_ANY},
    {"cpio", "CL_TYPE_CPIO_NEWC", KJ_TARGET_ANY},
    {"cpio", "CL_TYPE_CPIO_CRC", KJ_TARGET_ANY},
    {"lha", "CL_TYPE_LHA_LZH", KJ_TARGET_ANY},
    {"xar", "CL_TYPE_XAR", KJ_TARGET_ANY},
    {"arj", "CL_TYPE_ARJ", KJ_TARGET_ANY},
    {"gzip", "CL_TYPE_GZ", KJ_TARGET_ANY},
    {"bzip2", "CL_TYPE_BZ", KJ_TARGET_ANY},
    {"xz", "CL_TYPE_XZ", KJ_TARGET_ANY},
    {"szdd", "CL_TYPE_MSSZDD", KJ_TARGET_ANY},
    {"mail", "CL_TYPE_MAIL", KJ_TARGET_MAIL},
    {"mbox", "CL_TYPE_MAIL", KJ_TARGET_MAIL},
    {"mmdf", "CL_TYPE_MAIL", KJ_TARGET_MAIL},
    {"tnef", "CL_TYPE_TNEF", KJ_TARGET_ANY},
    {"msg", "CL_TYPE_MSOLE2", KJ_TARGET_OLE},
    {"ole", "CL_TYPE_MSOLE2", KJ_TARGET_OLE},
    {"pdf", "CL_TYPE_PDF", KJ_TARGET_PDF},
    {"rtf", "CL_TYPE_RTF", KJ_TARGET_ANY},
    {"postscript", "CL_TYPE_PS", KJ_TARGET_ANY},
    {"chm", "CL_TYPE_MSCHM", KJ_TARGET_ANY},
    {"lnk", "CL_TYPE_LNK", KJ_TARGET_ANY},
    {"onenote", "CL_TYPE_ONENOTE", KJ_TARGET_ANY},
    {"html", "CL_TYPE_HTML", KJ_TARGET_ANY}, /* its views are the target */
    {"script", "CL_TYPE_SCRIPT", KJ_TARGET_ANY},
    {"gif", "CL_TYPE_GIF", KJ_TARGET_PICTURE},
    {"png", "CL_TYPE_PNG", KJ_TARGET_PICTURE},
    {"jpeg", "CL_TYPE_JPEG", KJ_TARGET_PICTURE},
    {"tiff", "CL_TYPE_TIFF", KJ_TARGET_PICTURE},
    {"bmp", "CL_TYPE_GRAPHICS", KJ_TARGET_PICTURE},
    {"gif", "CL_TYPE_GRAPHICS", KJ_TARGET_PICTURE},
    {"png", "CL_TYPE_GRAPHICS", KJ_TARGET_PICTURE},
    {"jpeg", "CL_TYPE_GRAPHICS", KJ_TARGET_PICTURE},
    {"tiff", "CL_TYPE_GRAPHICS", KJ_TARGET_PICTURE},
    {"webp", "CL_TYPE_RIFF", KJ_TARGET_ANY},
    {"riff", "CL_TYPE_RIFF", KJ_TARGET_ANY},
    {"swf", "CL_TYPE_SWF", KJ_TARGET_SWF},
    {"pyc", "CL_TYPE_PYTHON_COMPILED", KJ_TARGET_OTHER},
    {"mp3", "CL_TYPE_IGNORED", KJ_TARGET_ANY},
};

/* ---- claims --------------------------------------------------------------------------------- */

static bool claims(const kj_object *object, const char *format)
{
    return kj_claims_has(&object->claims, kj_span_str(format));
}

static bool claims_kind(const kj_object *object, kj_kind kind)
{
    for (size_t i = 0; i < object->claims.count; i++)
        if (object->claims.formats[i]->kind == kind)
            return true;
    return false;
}

static bool has_row(const kj_format *format)
{
    for (size_t i = 0; i < KJ_COUNT(rows); i++)
        if (strcmp(rows[i].format, format->name) == 0)
            return true;
    return false;
}

/* Nothing but what ClamAV does not know claims it, and it is no text. */
static bool is_data(const kj_object *object)
{
    for (size_t i = 0; i < object->claims.count; i++) {
        const kj_format *format = object->claims.formats[i];
        if (format->kind == KJ_KIND_TEXT || format->kind == KJ_KIND_MAIL || has_row(format))
            return false;
    }
    return true;
}

/* ---- targets -------------------------------------------------------------------------------- */

static bool is_target_of_claims(const kj_object *object, int64_t target)
{
    for (size_t i = 0; i < KJ_COUNT(rows); i++)
        if (rows[i].target == target && claims(object, rows[i].format))
            return true;
    return target == KJ_TARGET_OTHER && is_data(object);
}

bool kj_clamav_is_target(const kj_object *object, int64_t target)
{
    if (target == KJ_TARGET_ANY)
        return true;
    switch ((kj_view)object->view) {
    case KJ_VIEW_NONE:
        return is_target_of_claims(object, target);
    case KJ_VIEW_TEXT:
        return target == KJ_TARGET_TEXT;
    case KJ_VIEW_HTML_SCRIPTS:
        return target == KJ_TARGET_HTML || target == KJ_TARGET_TEXT;
    default:
        return target == KJ_TARGET_HTML;
    }
}

/* ---- file types ----------------------------------------------------------------------------- */

static bool is_utf16(const kj_object *object, const char *mark)
{
    return claims_kind(object, KJ_KIND_TEXT) && kj_span_starts(object->bytes, kj_span_of(mark, 2));
}

static bool is_utf16_le(const kj_object *object)
{
    return is_utf16(object, "\xFF\xFE");
}

static bool is_utf16_be(const kj_object *object)
{
    return is_utf16(object, "\xFE\xFF");
}

/* Which of the two a text is, nobody looks: that would be all of its bytes. */
static bool is_narrow_text(const kj_object *object)
{
    return claims_kind(object, KJ_KIND_TEXT) && !claims(object, "html") && !is_utf16_le(object) &&
           !is_utf16_be(object);
}

static bool is_html_utf16(const kj_object *object)
{
    return claims(object, "html") && (is_utf16_le(object) || is_utf16_be(object));
}

/* Office documents are told by a member that they all have. Its name is in the directory at the end
 * of the file, the last 64 KiB of which are looked at. */
static bool has_member(const kj_object *object, const char *name)
{
    enum { DIRECTORY_MAX = 64 << 10 };
    size_t len = kj_min_size(object->bytes.len, DIRECTORY_MAX);
    kj_span tail = kj_span_sub(object->bytes, object->bytes.len - len, len);
    return claims(object, "zip") && kj_span_find(tail, kj_span_str(name), 0) != SIZE_MAX;
}

static bool is_word(const kj_object *object)
{
    return has_member(object, "word/document.xml");
}

static bool is_excel(const kj_object *object)
{
    return has_member(object, "xl/workbook.");
}

static bool is_powerpoint(const kj_object *object)
{
    return has_member(object, "ppt/presentation.xml");
}

static bool is_hangul(const kj_object *object)
{
    return has_member(object, "Contents/content.hpf");
}

/* Behind a program, or in it. */
static bool is_behind_program(const kj_object *object)
{
    return claims_kind(object, KJ_KIND_EXECUTABLE) ||
           (object->parent && claims_kind(object->parent, KJ_KIND_EXECUTABLE));
}

static bool is_sfx_zip(const kj_object *object)
{
    return claims(object, "zip") && is_behind_program(object);
}

static bool is_sfx_rar(const kj_object *object)
{
    return (claims(object, "rar") || claims(object, "rar5")) && is_behind_program(object);
}

static bool is_sfx_7z(const kj_object *object)
{
    return claims(object, "7z") && is_behind_program(object);
}

static bool is_sfx_cab(const kj_object *object)
{
    return claims(object, "cab") && is_behind_program(object);
}

static bool is_sfx_arj(const kj_object *object)
{
    return claims(object, "arj") && is_behind_program(object);
}

/* Types that no format is by itself. */
static const struct {
    const char *type;
    bool (*is)(const kj_object *object);
} looked_at[] = {
    {"CL_TYPE_BINARY_DATA", is_data},      {"CL_TYPE_TEXT_ASCII", is_narrow_text},
    {"CL_TYPE_TEXT_UTF8", is_narrow_text}, {"CL_TYPE_TEXT_UTF16LE", is_utf16_le},
    {"CL_TYPE_TEXT_UTF16BE", is_utf16_be}, {"CL_TYPE_HTML_UTF16", is_html_utf16},
    {"CL_TYPE_OOXML_WORD", is_word},       {"CL_TYPE_OOXML_XL", is_excel},
    {"CL_TYPE_OOXML_PPT", is_powerpoint},  {"CL_TYPE_OOXML_HWP", is_hangul},
    {"CL_TYPE_ZIPSFX", is_sfx_zip},        {"CL_TYPE_RARSFX", is_sfx_rar},
    {"CL_TYPE_7ZSFX", is_sfx_7z},          {"CL_TYPE_CABSFX", is_sfx_cab},
    {"CL_TYPE_ARJSFX", is_sfx_arj},
};

bool kj_clamav_is_type(const kj_object *object, kj_span type)
{
    for (size_t i = 0; i < KJ_COUNT(looked_at); i++)
        if (kj_span_is(type, looked_at[i].type))
            return looked_at[i].is(object);
    for (size_t i = 0; i < KJ_COUNT(rows); i++)
        if (kj_span_is(type, rows[i].type) && claims(object, rows[i].format))
            return true;
    return false;
}

bool kj_clamav_claim(kj_object *object, kj_span type)
{
    kj_claims *all = &object->claims;
    for (size_t i = 0; i < KJ_COUNT(rows); i++) {
        if (!kj_span_is(type, rows[i].type))
            continue;
        const kj_format *format = kj_format_find(rows[i].format);
        if (!format || claims(object, rows[i].format) || all->count == KJ_CLAIMS_MAX)
            return false;
        all->formats[all->count++] = format;
        return true;
    }
    return false;
}

/* ---- where an object is --------------------------------------------------------------------- */

bool kj_clamav_is_in(const kj_object *object, kj_span type)
{
    if (kj_span_is(type, "CL_TYPE_ANY"))
        return !object->parent;
    return object->parent && kj_clamav_is_type(object->parent, type);
}

/* Cuts the last of the types off. */
static kj_span take_last(kj_span *types)
{
    size_t at = types->len;
    while (at > 0 && types->data[at - 1] != '>')
        at--;
    kj_span last = kj_span_sub(*types, at, types->len);
    *types = kj_span_sub(*types, 0, at > 0 ? at - 1 : 0);
    return last;
}

bool kj_clamav_is_inside(const kj_object *object, kj_span types)
{
    const kj_object *at = object->parent;
    if (types.len == 0)
        return false;
    while (types.len > 0) {
        kj_span type = take_last(&types);
        if (!at || (!kj_span_is(type, "CL_TYPE_ANY") && !kj_clamav_is_type(at, type)))
            return false;
        at = at->parent;
    }
    return true;
}
