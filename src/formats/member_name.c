/* SPDX-License-Identifier: Apache-2.0 */
/* Facts about names, as Windows shows and runs them: there an extension alone decides what a double
 * click does, the last one counts, and dots and blanks at the end do not. */
#include "formats/member_name.h"

#include "base/arith.h"
#include "base/path.h"
#include "base/text.h"

enum { BLANKS_MIN = 10 };

/* What a double click runs, opens in something that runs what is inside, or mounts. */
static const char running[] =
    " ade adp appinstaller application appref-ms appx appxbundle bas bat chm cmd com cpl crt "
    "diagcab dll drv exe fon gadget hlp hta img inf ins iso isp jar jnlp job js jse library-ms lnk "
    "mad mde msc msh msh1 msh2 mshxml msi msix msixbundle msp mst msu ocx pcd pif plg prg ps1 "
    "ps1xml ps2 ps2xml psc1 psc2 psd1 psm1 py pyc pyw pyz pyzw reg scf scr sct search-ms "
    "settingcontent-ms shb shs sys theme themepack url vb vbe vbs vhd vhdx vxd website ws wsc wsf "
    "wsh xbap xll xnk ";

/* What people open without a thought. */
static const char harmless[] =
    " avi bmp csv doc docm docx dot dotx eml gif htm html jpe jpeg jpg log md mov mp3 mp4 mpeg mpg "
    "msg odp ods odt one pdf png pps ppsx ppt pptm pptx rar rtf svg tif tiff txt wav webp wmv xls "
    "xlsb xlsm xlsx xml xps zip 7z ";

/* What an extension promises: formats by their names, and all formats of some kinds. Kinds stand
 * where programs do not care, as viewers of pictures, or where people use one name for several. */
static const struct {
    const char *extensions;
    const char *formats;
    unsigned kinds;
} promises[] = {
    {" bmp gif heic ico jfif jpe jpeg jpg png psd svg tif tiff webp wmf emf ", " html xml svg ",
     1 << KJ_KIND_MEDIA},
    {" asf avi flac flv m4a m4v mid mkv mov mp3 mp4 mpeg mpg ogg swf wav webm wma wmv ", " ",
     1 << KJ_KIND_MEDIA},
    {" ttf otf woff woff2 ", " ", 1 << KJ_KIND_MEDIA},
    {" pdf ", " pdf ", 0},
    {" doc dot xls xlt ppt pps rtf ", " zip mail ", 1 << KJ_KIND_DOCUMENT | 1 << KJ_KIND_TEXT},
    {" docm docx dotm dotx potx ppsm ppsx pptm pptx xlsb xlsm xlsx xltx odt ods odp ",
     " zip ole xml html ", 0},
    {" csv css htm html ini json log md mht mhtml shtml srt tsv txt xhtml xml yaml yml ",
     " mail mbox empty ", 1 << KJ_KIND_TEXT},
    {" bat cmd hta js jse php ps1 py reg vbe vbs wsf ", " empty ", 1 << KJ_KIND_TEXT},
    {" cpl dll drv exe ocx scr sys ", " ", 1 << KJ_KIND_EXECUTABLE},
    {" zip ", " zip ", 0},
    {" apk ear jar war ", " zip ", 0},
    {" rar ", " rar rar5 ", 0},
    {" 7z ", " 7z ", 0},
    {" cab ", " cab ", 0},
    {" arj ", " arj ", 0},
    {" ace ", " ace ", 0},
    {" lha lzh ", " lha ", 0},
    {" gz tgz ", " gzip ", 0},
    {" bz2 tbz2 ", " bzip2 ", 0},
    {" xz txz ", " xz ", 0},
    {" zst ", " zstd ", 0},
    {" chm ", " chm ", 0},
    {" hlp ", " hlp ", 0},
    {" lnk ", " lnk ", 0},
    {" msi msp ", " ole ", 0},
    {" eml ", " mail mbox text ", 0},
    {" msg ", " ole mail text ", 0},
};

/* Whether a word, in any case, is one of a list with blanks around each. */
static bool is_listed(kj_span word, const char *list)
{
    kj_span all = kj_span_str(list);
    for (size_t at = 1; at < all.len;) {
        size_t end = kj_span_find(all, kj_span_str(" "), at);
        if (end == SIZE_MAX)
            return false;
        if (word.len && kj_text_equal_nocase(word, kj_span_sub(all, at, end - at)))
            return true;
        at = end + 1;
    }
    return false;
}

/* ---- what Windows makes of a name ----------------------------------------------------------- */

static bool ends_in_dots(kj_span name)
{
    return name.len && (name.data[name.len - 1] == '.' || kj_is_space(name.data[name.len - 1]));
}

/* The last component, cut at a NUL, without the dots and blanks at its end. */
static kj_span windows_base(kj_span name)
{
    name = kj_path_base(kj_span_sub(name, 0, kj_span_find(name, kj_span_of("", 1), 0)));
    while (ends_in_dots(name))
        name.len--;
    return name;
}

/* ---- code points ---------------------------------------------------------------------------- */

/* Blanks, and characters that are drawn as nothing. */
static bool is_blank(uint32_t code)
{
    static const struct {
        uint32_t first;
        uint32_t last;
    } blanks[] = {{'\t', '\t'},     {' ', ' '},       {0xA0, 0xA0},     {0x115F, 0x1160},
                  {0x1680, 0x1680}, {0x180E, 0x180E}, {0x2000, 0x200D}, {0x2028, 0x2029},
                  {0x202F, 0x202F}, {0x205F, 0x2060}, {0x2800, 0x2800}, {0x3000, 0x3000},
                  {0x3164, 0x3164}, {0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0}};
    for (size_t i = 0; i < KJ_COUNT(blanks); i++)
        if (code >= blanks[i].first && code <= blanks[i].last)
            return true;
    return false;
}

/* Embeddings, overrides, isolates. The marks U+200E and U+200F are ordinary in Hebrew and Arabic
 * names, and turn nothing. */
static bool turns_direction(uint32_t code)
{
    return (code >= 0x202A && code <= 0x202E && code != 0x202C) ||
           (code >= 0x2066 && code <= 0x2068);
}

static unsigned facts_of_characters(kj_span name)
{
    unsigned facts = 0;
    unsigned run = 0;
    for (size_t at = 0; at < name.len;) {
        uint32_t code = kj_utf8_next(name, &at);
        run = is_blank(code) ? run + 1 : 0;
        if (run >= BLANKS_MIN)
            facts |= KJ_NAME_BLANKS;
        if (turns_direction(code))
            facts |= KJ_NAME_RIGHT_TO_LEFT;
        if (code < ' ' || code == 0x7F)
            facts |= KJ_NAME_NUL;
        if (code == '/' || code == '\\' || code == ':')
            facts |= KJ_NAME_PATH;
    }
    return facts;
}

/* "{8-4-4-4-12}" in hex digits. */
static bool is_class_id(kj_span extension)
{
    static const char form[] = "{xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}";
    if (extension.len != sizeof form - 1)
        return false;
    for (size_t i = 0; i < extension.len; i++)
        if (form[i] == 'x' ? kj_hex_digit(extension.data[i]) < 0
                           : extension.data[i] != (uint8_t)form[i])
            return false;
    return true;
}

/* ---- the facts ------------------------------------------------------------------------------ */

unsigned kj_name_facts(kj_span name)
{
    unsigned facts = facts_of_characters(name);
    kj_span base = windows_base(name);
    kj_span stem;
    kj_span extension = kj_path_extension(base, &stem);
    if (ends_in_dots(name))
        facts |= KJ_NAME_TRAILING_DOTS;
    if (is_class_id(extension))
        facts |= KJ_NAME_CLASS_ID;
    if (!is_listed(extension, running))
        return facts;
    facts |= KJ_NAME_RUNS;
    while (ends_in_dots(stem))
        stem.len--;
    if (is_listed(kj_path_extension(stem, NULL), harmless))
        facts |= KJ_NAME_DOUBLE_EXTENSION;
    return facts;
}

bool kj_name_contradicts(kj_span name, const kj_format *format)
{
    if (!format || format->kind == KJ_KIND_DATA)
        return false;
    kj_span extension = kj_path_extension(windows_base(name), NULL);
    for (size_t i = 0; i < KJ_COUNT(promises); i++)
        if (is_listed(extension, promises[i].extensions))
            return !(promises[i].kinds & 1u << format->kind) &&
                   !is_listed(kj_span_str(format->name), promises[i].formats);
    return false;
}
