/* SPDX-License-Identifier: Apache-2.0 */
/* Programs of Windows that only start what their arguments name: what is behind them is what
 * matters. Looked behind is only what lies in Windows' own directory, or nowhere: a RUNDLL32.EXE
 * elsewhere is a program like others. */
#include "host/command_private.h"

#include "base/arith.h"
#include "base/buf.h"
#include "base/path.h"
#include "base/text.h"

enum { SCRIPT_MAX = 32 << 10 /* bytes of a decoded script */ };

typedef struct host {
    const char *name;
    bool (*unwrap)(kj_command_walk *w, kj_span rest, kj_command_target *out);
} host;

static bool is_switch(kj_span word)
{
    return word.len && (word.data[0] == '/' || word.data[0] == '-');
}

static bool begins(kj_span text, const char *prefix)
{
    kj_span p = kj_span_str(prefix);
    return text.len >= p.len && kj_text_equal_nocase(kj_span_sub(text, 0, p.len), p);
}

static bool is_word(kj_span word, const char *text)
{
    return kj_text_equal_nocase(word, kj_span_str(text));
}

static bool is_inline(kj_span text)
{
    return begins(text, "javascript:") || begins(text, "vbscript:") || begins(text, "about:") ||
           begins(text, "script:");
}

static bool aim_script(kj_command_walk *w, kj_span script, kj_command_target *out)
{
    *out = (kj_command_target){.flags = KJ_AUTOSTART_INLINE};
    out->script = kj_command_shown(w->system, script);
    return true;
}

/* The file that an argument names is the target, there or not. */
static bool aim_file(kj_command_walk *w, kj_span name, const char *const *extensions,
                     kj_command_target *out)
{
    if (name.len == 0)
        return false;
    if (is_inline(name))
        return aim_script(w, name, out);
    kj_program file = kj_command_locate(w, name, extensions);
    kj_command_aim(w, &file, out);
    return true;
}

/* The first word that is no switch. */
static kj_span first_plain(kj_span *rest)
{
    kj_span word;
    do
        word = kj_command_word(rest);
    while (is_switch(word));
    return word;
}

/* ---- rundll32
 * --------------------------------------------------------------------------------------- */

/* Functions whose argument is what matters, not the DLL they are in. */
static const struct relay {
    const char *dll;
    const char *function;
    bool is_file; /* the argument is a file, else a command */
} relays[] = {
    {"shell32", "ShellExec_RunDLL", false},
    {"shell32", "ShellExec_RunDLLA", false},
    {"shell32", "ShellExec_RunDLLW", false},
    {"shell32", "Control_RunDLL", true},
    {"shell32", "Control_RunDLLAsUser", true},
    {"url", "FileProtocolHandler", false},
    {"url", "OpenURL", true},
    {"url", "OpenURLA", true},
    {"ieframe", "OpenURL", true},
    {"shdocvw", "OpenURL", true},
    {"zipfldr", "RouteTheCall", false},
    {"advpack", "RegisterOCX", false},
    {"advpack", "LaunchINFSection", true},
    {"ieadvpack", "LaunchINFSection", true},
    {"syssetup", "SetupInfObjectInstallAction", true},
    {"pcwutl", "LaunchApplication", false},
};

static const struct relay *find_relay(kj_span dll, kj_span function)
{
    kj_span stem;
    (void)kj_path_extension(kj_path_base(dll), &stem);
    for (size_t i = 0; i < KJ_COUNT(relays); i++)
        if (is_word(stem, relays[i].dll) && is_word(function, relays[i].function))
            return &relays[i];
    return NULL;
}

static bool follow_relay(kj_command_walk *w, const struct relay *relay, kj_span rest,
                         kj_command_target *out)
{
    if (rest.len == 0)
        return false;
    if (!relay->is_file) {
        kj_command_follow(w, rest, out);
        return true;
    }
    static const char *const none[] = {NULL};
    kj_span name = kj_span_sub(rest, 0, kj_span_find(rest, kj_span_str(","), 0));
    return aim_file(w, kj_command_word(&name), none, out);
}

/* `rundll32 path,function arguments`; the path may have blanks without quotes. */
static bool unwrap_rundll(kj_command_walk *w, kj_span rest, kj_command_target *out)
{
    kj_span dll = rest, function = {0};
    if (is_inline(rest))
        return aim_script(w, rest, out);
    if (rest.len && rest.data[0] == '"') {
        dll = kj_command_word(&rest);
        if (rest.len && rest.data[0] == ',')
            rest = kj_text_trim(kj_span_sub(rest, 1, SIZE_MAX));
        size_t comma = kj_span_find(dll, kj_span_str(","), 0); /* all of it in quotes */
        function = comma == SIZE_MAX ? kj_command_word(&rest) : kj_span_sub(dll, comma + 1, 999);
        dll = kj_span_sub(dll, 0, comma);
    } else {
        size_t comma = kj_span_find(rest, kj_span_str(","), 0);
        if (comma == SIZE_MAX) {
            dll = kj_command_word(&rest);
        } else {
            dll = kj_text_trim(kj_span_sub(rest, 0, comma));
            rest = kj_text_trim(kj_span_sub(rest, comma + 1, SIZE_MAX));
        }
        function = kj_command_word(&rest);
    }
    const struct relay *relay = find_relay(dll, function);
    if (relay && follow_relay(w, relay, rest, out))
        return true;
    if (begins(function, "RunHTMLApplication") && rest.len)
        return aim_script(w, rest, out);
    return aim_file(w, dll, kj_command_dlls, out);
}

/* `regsvr32 /s /n /i:argument path`; the argument may be a script on the web. */
static bool unwrap_regsvr(kj_command_walk *w, kj_span rest, kj_command_target *out)
{
    static const char *const none[] = {NULL};
    kj_span all = rest;
    while (all.len) {
        kj_span word = kj_command_word(&all);
        if (begins(word, "/i:") || begins(word, "-i:")) {
            word = kj_span_sub(word, 3, SIZE_MAX);
            if (begins(word, "http") || begins(word, "\\\\"))
                return aim_file(w, word, none, out);
        }
    }
    for (kj_span next = rest; next.len;) {
        kj_span at = next, word = kj_command_word(&next);
        if (is_switch(word))
            continue;
        kj_program dll = kj_command_split(w, at, kj_command_dlls);
        kj_command_aim(w, &dll, out);
        return true;
    }
    return false;
}

/* ---- cmd
 * -------------------------------------------------------------------------------------------- */

/* What cmd does itself: nothing of it is a program. */
static const char *const builtins[] = {
    "assoc", "break", "cd",       "chdir",  "cls",   "color", "copy",     "date",   "del",
    "dir",   "echo",  "endlocal", "erase",  "exit",  "for",   "ftype",    "goto",   "if",
    "md",    "mkdir", "mklink",   "move",   "path",  "pause", "popd",     "prompt", "pushd",
    "rd",    "rem",   "ren",      "rename", "rmdir", "set",   "setlocal", "shift",  "time",
    "title", "type",  "ver",      "verify", "vol",   "echo.",
};

static bool is_builtin(kj_span word)
{
    for (size_t i = 0; i < KJ_COUNT(builtins); i++)
        if (is_word(word, builtins[i]))
            return true;
    return false;
}

/* The next of several commands, up to `&`, `&&`, `|` or `||` outside quotes. */
static kj_span next_command(kj_span *text)
{
    bool quoted = false;
    size_t end = 0, next;
    while (end < text->len && (quoted || !strchr("&|", text->data[end]))) {
        if (text->data[end] == '"')
            quoted = !quoted;
        end += text->data[end] == '^' && !quoted ? 2 : 1;
    }
    end = kj_min_size(end, text->len);
    next = end;
    while (next < text->len && strchr("&|", text->data[next]))
        next++;
    kj_span command = kj_text_trim(kj_span_sub(*text, 0, end));
    *text = kj_span_sub(*text, next, SIZE_MAX);
    return command;
}

/* `start "title" /d path /min command`; of 9x, START.EXE. */
static bool unwrap_start(kj_command_walk *w, kj_span rest, kj_command_target *out)
{
    if (rest.len && rest.data[0] == '"') {
        kj_span behind = rest;
        (void)kj_command_word(&behind);
        if (behind.len) /* else it is the command */
            rest = behind;
    }
    for (kj_span next = rest; next.len; rest = next) {
        kj_span word = kj_command_word(&next);
        if (!is_switch(word))
            break;
        if (is_word(word, "/d"))
            (void)kj_command_word(&next);
    }
    if (rest.len == 0)
        return false;
    kj_command_follow(w, rest, out);
    return true;
}

static bool follow_command(kj_command_walk *w, kj_span command, kj_command_target *out)
{
    for (kj_span rest = command; rest.len; command = rest) {
        kj_span word = kj_command_word(&rest);
        if (is_word(word, "start"))
            return unwrap_start(w, rest, out);
        if (is_builtin(word))
            return false;
        if (!is_word(word, "call") && !is_word(word, "@"))
            break;
    }
    if (command.len == 0)
        return false;
    kj_command_follow(w, command, out);
    return true;
}

/* cmd drops the first and the last quote of what is behind /c, unless these two are the only ones
 * and hold a program's path. */
static kj_span without_outer_quotes(kj_span text)
{
    size_t count = 0, last = 0;
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] == '"') {
            count++;
            last = i;
        }
    if (count < 2 || text.data[0] != '"' || (count == 2 && last != text.len - 1))
        return text;
    return kj_span_sub(text, 1, last - 1);
}

static bool unwrap_cmd(kj_command_walk *w, kj_span rest, kj_command_target *out)
{
    bool carried = false;
    while (rest.len && !carried) {
        if (rest.data[0] != '/')
            return false;
        uint8_t letter = rest.len > 1 ? kj_lower(rest.data[1]) : 0;
        carried = letter == 'c' || letter == 'k' || letter == 'r';
        if (carried)
            rest = kj_text_trim(kj_span_sub(rest, 2, SIZE_MAX));
        else
            (void)kj_command_word(&rest);
    }
    if (rest.len == 0)
        return false;
    rest = without_outer_quotes(rest);
    kj_span script = rest;
    for (unsigned i = 0; i < 16 && rest.len; i++)
        if (follow_command(w, next_command(&rest), out))
            return true;
    return aim_script(w, script, out); /* built-in commands only */
}

/* ---- scripts
 * ---------------------------------------------------------------------------------------- */

/* `wscript //b //e:vbscript file arguments`: the extension says nothing. */
static bool unwrap_wscript(kj_command_walk *w, kj_span rest, kj_command_target *out)
{
    static const char *const scripts[] = {".vbs", ".js", ".wsf", NULL};
    return aim_file(w, first_plain(&rest), scripts, out);
}

/* The whole of the rest is the address. */
static bool unwrap_mshta(kj_command_walk *w, kj_span rest, kj_command_target *out)
{
    static const char *const none[] = {NULL};
    if (rest.len == 0)
        return false;
    if (rest.data[0] == '"')
        rest = kj_command_word(&rest);
    if (is_inline(rest))
        return aim_script(w, rest, out);
    kj_program page = kj_command_split(w, rest, none);
    kj_command_aim(w, &page, out);
    return true;
}

static int base64_digit(uint8_t c)
{
    if (kj_is_alpha(c))
        return c >= 'a' ? c - 'a' + 26 : c - 'A';
    if (kj_is_digit(c))
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* UTF-16LE in Base64, for people to read; what is no Base64 stays as it is. */
static bool aim_encoded(kj_command_walk *w, kj_span encoded, kj_command_target *out)
{
    kj_buf bytes, text;
    uint32_t bits = 0;
    unsigned count = 0;
    bool clean = encoded.len > 0;
    kj_buf_init(&bytes, SCRIPT_MAX);
    kj_buf_init(&text, 3 * SCRIPT_MAX);
    for (size_t i = 0; clean && i < encoded.len && encoded.data[i] != '='; i++) {
        int digit = base64_digit(encoded.data[i]);
        clean = digit >= 0;
        bits = bits << 6 | (uint32_t)(digit & 63);
        count += 6;
        if (count >= 8) {
            count -= 8;
            kj_buf_put_byte(&bytes, (uint8_t)(bits >> count));
        }
    }
    if (clean && !bytes.failed)
        kj_utf16_to_utf8(kj_buf_span(&bytes), false, &text);
    bool decoded = text.len > 0 && !text.failed;
    (void)aim_script(w, decoded ? kj_buf_span(&text) : encoded, out);
    kj_buf_done(&bytes);
    kj_buf_done(&text);
    return true;
}

/* Whether a word is this parameter or one of the abbreviations PowerShell takes. */
static bool is_parameter(kj_span word, const char *name, size_t min_len)
{
    kj_span plain = kj_span_sub(word, 1, SIZE_MAX);
    return is_switch(word) && plain.len >= min_len && plain.len <= strlen(name) &&
           kj_text_equal_nocase(plain, kj_span_sub(kj_span_str(name), 0, plain.len));
}

/* A command of PowerShell: `& 'C:\a.ps1' -x` is the file, anything else a script. */
static bool follow_powershell(kj_command_walk *w, kj_span script, kj_command_target *out)
{
    kj_span text = script, name;
    if (text.len && text.data[0] == '"')
        script = text = kj_text_trim(kj_command_word(&text));
    if (text.len && (text.data[0] == '&' || text.data[0] == '.'))
        text = kj_text_trim(kj_span_sub(text, 1, SIZE_MAX));
    if (kj_span_starts(text, kj_span_str("'"))) {
        name = kj_span_sub(text, 1, SIZE_MAX);
        name = kj_span_sub(name, 0, kj_span_find(name, kj_span_str("'"), 0));
    } else {
        name = kj_command_word(&text);
    }
    static const char *const none[] = {NULL};
    kj_program file = kj_command_locate(w, name, none);
    if (file.file.path.len == 0)
        return aim_script(w, script, out);
    kj_command_aim(w, &file, out);
    return true;
}

/* Parameters with a value. */
static const struct {
    const char *name;
    size_t min_len;
} valued[] = {
    {"ExecutionPolicy", 2},
    {"EP", 2},
    {"WindowStyle", 1},
    {"Version", 1},
    {"PSConsoleFile", 1},
    {"InputFormat", 2},
    {"OutputFormat", 1},
    {"ConfigurationName", 6},
    {"CustomPipeName", 2},
    {"WorkingDirectory", 2},
    {"WD", 2},
    {"SettingsFile", 3},
};

static bool has_value(kj_span word)
{
    for (size_t i = 0; i < KJ_COUNT(valued); i++)
        if (is_parameter(word, valued[i].name, valued[i].min_len))
            return true;
    return false;
}

static bool unwrap_powershell(kj_command_walk *w, kj_span rest, kj_command_target *out)
{
    static const char *const scripts[] = {".ps1", NULL};
    while (rest.len) {
        kj_span at = rest, word = kj_command_word(&rest);
        if (is_parameter(word, "EncodedCommand", 1) || is_word(word, "-ec") || is_word(word, "/ec"))
            return aim_encoded(w, kj_command_word(&rest), out);
        if (is_parameter(word, "File", 1))
            return aim_file(w, kj_command_word(&rest), scripts, out);
        if (is_parameter(word, "Command", 1))
            return follow_powershell(w, rest, out);
        if (has_value(word))
            (void)kj_command_word(&rest);
        else if (!is_switch(word))
            return follow_powershell(w, at, out);
    }
    return false;
}

/* ---- the others
 * ------------------------------------------------------------------------------------- */

/* A program that opens files: the first argument that is one. Without any it is itself meant. */
static bool unwrap_opener(kj_command_walk *w, kj_span rest, kj_command_target *out)
{
    for (unsigned i = 0; i < 16 && rest.len; i++) {
        kj_span at = rest, word = kj_command_word(&rest);
        if (is_switch(word))
            continue;
        if (is_inline(word))
            return aim_script(w, word, out);
        kj_program file = kj_command_split(w, at, kj_command_programs);
        if (file.file.path.len) {
            kj_command_aim(w, &file, out);
            return true;
        }
    }
    return false;
}

/* A program whose first plain argument is a command. */
static bool unwrap_runner(kj_command_walk *w, kj_span rest, kj_command_target *out)
{
    for (kj_span next = rest; next.len; rest = next)
        if (!is_switch(kj_command_word(&next)))
            break;
    if (rest.len == 0)
        return false;
    kj_command_follow(w, rest, out);
    return true;
}

static bool unwrap_java(kj_command_walk *w, kj_span rest, kj_command_target *out)
{
    static const char *const none[] = {NULL};
    while (rest.len)
        if (is_word(kj_command_word(&rest), "-jar"))
            return aim_file(w, kj_command_word(&rest), none, out);
    return false;
}

static const host hosts[] = {
    {"rundll32", unwrap_rundll}, {"rundll", unwrap_rundll},
    {"regsvr32", unwrap_regsvr}, {"cmd", unwrap_cmd},
    {"command", unwrap_cmd},     {"start", unwrap_start},
    {"wscript", unwrap_wscript}, {"cscript", unwrap_wscript},
    {"mshta", unwrap_mshta},     {"powershell", unwrap_powershell},
    {"pwsh", unwrap_powershell}, {"explorer", unwrap_opener},
    {"control", unwrap_opener},  {"hh", unwrap_opener},
    {"msiexec", unwrap_opener},  {"regedit", unwrap_opener},
    {"msbuild", unwrap_opener},  {"installutil", unwrap_opener},
    {"regasm", unwrap_opener},   {"regsvcs", unwrap_opener},
    {"cmstp", unwrap_opener},    {"conhost", unwrap_runner},
    {"pcalua", unwrap_runner},   {"java", unwrap_java},
    {"javaw", unwrap_java},
};

/* Java is nowhere in particular; the others are Windows' own. */
static bool is_genuine(const kj_system *system, const host *h, const kj_node *file)
{
    if (file->path.len == 0 || h->unwrap == unwrap_java)
        return true;
    kj_span windir = system->windir;
    bool below = kj_span_starts(file->path, windir) && file->path.len > windir.len &&
                 file->path.data[windir.len] == '/';
    return below || is_word(kj_path_base(file->path), "pwsh.exe");
}

bool kj_command_unwrap(kj_command_walk *w, const kj_program *program, kj_command_target *out)
{
    kj_span stem, base = kj_path_base(program->name);
    kj_span extension = kj_path_extension(base, &stem);
    if (extension.len && !is_word(extension, "exe") && !is_word(extension, "com"))
        return false;
    for (size_t i = 0; i < KJ_COUNT(hosts); i++)
        if (is_word(stem, hosts[i].name))
            return is_genuine(w->system, &hosts[i], &program->file) &&
                   hosts[i].unwrap(w, program->rest, out);
    return false;
}
