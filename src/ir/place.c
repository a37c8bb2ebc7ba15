/* SPDX-License-Identifier: Apache-2.0 */
/* Sources: the shell folders of each Windows version (CSIDL_WINDOWS, CSIDL_SYSTEM, CSIDL_APPDATA,
 * CSIDL_STARTUP, CSIDL_PROGRAM_FILES; "Known Folders" from Windows Vista on). */
#include "ir/place.h"

#include "base/arith.h"
#include "base/fold.h"
#include "base/text.h"

static const struct variable {
    const char *name;
    const char *forms[KJ_PLACE_FORMS_MAX];
} variables[] = {
    {"%windir%", {"%windir%"}},
    {"%systemroot%", {"%windir%"}},
    {"%systemdir%", {"%windir%\\system32", "%windir%\\system", "%windir%\\syswow64"}},
    {"%system%", {"%windir%\\system32", "%windir%\\system", "%windir%\\syswow64"}},
    {"%root%", {"c:"}},
    {"%systemdrive%", {"c:"}},
    {"%profiles%", {"c:\\documents and settings", "c:\\users", "%windir%\\profiles"}},
    {"%profile%", {"c:\\documents and settings\\*", "c:\\users\\*", "%windir%\\profiles\\*"}},
    {"%appdata%",
     {"c:\\documents and settings\\*\\application data", "c:\\users\\*\\appdata\\roaming",
      "%windir%\\profiles\\*\\application data", "%windir%\\application data"}},
    {"%temp%",
     {"%windir%\\temp", "c:\\temp", "c:\\documents and settings\\*\\local settings\\temp",
      "c:\\users\\*\\appdata\\local\\temp"}},
    {"%programfiles%", {"c:\\program files", "c:\\program files (x86)"}},
    {"%startup%",
     {"c:\\documents and settings\\*\\start menu\\programs\\startup",
      "c:\\users\\*\\appdata\\roaming\\microsoft\\windows\\start menu\\programs\\startup",
      "c:\\programdata\\microsoft\\windows\\start menu\\programs\\startup",
      "%windir%\\profiles\\*\\start menu\\programs\\startup",
      "%windir%\\all users\\start menu\\programs\\startup",
      "%windir%\\start menu\\programs\\startup"}},
};

/* The variable's name at the start of a path, with both `%`; empty without one. */
static kj_span leading_variable(kj_span path)
{
    if (path.len == 0 || path.data[0] != '%')
        return (kj_span){0};
    size_t end = kj_span_find(path, kj_span_str("%"), 1);
    return end == SIZE_MAX ? (kj_span){0} : kj_span_sub(path, 0, end + 1);
}

static const struct variable *find_variable(kj_span name)
{
    for (size_t i = 0; i < KJ_COUNT(variables); i++)
        if (kj_text_equal_nocase(name, kj_span_str(variables[i].name)))
            return &variables[i];
    return NULL;
}

bool kj_place_known(kj_span path)
{
    kj_span name = leading_variable(path);
    return name.len == 0 || find_variable(name);
}

/* "c:\windows\x" and "c:\winnt\x" are "%windir%\x"; any drive's root is "c:". */
static kj_span canonical(kj_arena *arena, char *path)
{
    kj_span text = kj_span_str(path);
    if (text.len >= 2 && kj_is_alpha(text.data[0]) && text.data[1] == ':')
        path[0] = 'c';
    static const char *const roots[] = {"c:\\windows", "c:\\winnt"};
    for (size_t i = 0; i < KJ_COUNT(roots); i++) {
        kj_span root = kj_span_str(roots[i]);
        bool whole = text.len == root.len || (text.len > root.len && text.data[root.len] == '\\');
        if (whole && kj_span_starts(text, root)) {
            path = kj_arena_printf(arena, "%%windir%%%s", path + root.len);
            return kj_span_str(path);
        }
    }
    return text;
}

size_t kj_place_expand(kj_arena *arena, kj_span path, kj_span out[KJ_PLACE_FORMS_MAX])
{
    kj_span name = leading_variable(path);
    const struct variable *variable = name.len ? find_variable(name) : NULL;
    if (name.len && !variable)
        return 0;
    char *rest = kj_winpath_normalize(arena, kj_span_sub(path, name.len, SIZE_MAX));
    if (!rest)
        return 0;
    if (!variable) {
        out[0] = canonical(arena, rest);
        return out[0].len != 0;
    }
    size_t count = 0;
    while (count < KJ_PLACE_FORMS_MAX && variable->forms[count]) {
        char *form =
            kj_arena_printf(arena, "%s%s%s", variable->forms[count], *rest ? "\\" : "", rest);
        if (!form)
            return 0;
        out[count++] = kj_span_str(form);
    }
    return count;
}
