/* SPDX-License-Identifier: Apache-2.0 */
/* The artifacts of an advisory. Each kind of artifact is a table of the keys it has. */
#include "base/text.h"
#include "rules/advisory/compile.h"
#include "rules/advisory/suggest.h"

#define AT(member) offsetof(kj_draft_artifact, artifact.member)

/* ---- values -------------------------------------------------------------------------------- */

static const char *const path_variables[] = {"WinDir", "SystemDir",    "AppData", "Profiles",
                                             "Temp",   "ProgramFiles", "StartUp", "Root"};

static const char *const registry_roots[] = {"HKLM", "HKCU", "HKCR", "HKU"};

static const struct {
    const char *name;
    const char *root;
} long_roots[] = {{"HKEY_LOCAL_MACHINE", "HKLM"},
                  {"HKEY_CURRENT_USER", "HKCU"},
                  {"HKEY_CLASSES_ROOT", "HKCR"},
                  {"HKEY_USERS", "HKU"}};

/* The length of a variable with its two % at `at`, 0 when there is none ("%1" is none). */
static size_t variable_len(kj_span text, size_t at)
{
    size_t end = at + 1;
    if (at >= text.len || text.data[at] != '%')
        return 0;
    while (end < text.len && kj_is_alpha(text.data[end]))
        end++;
    bool closed = end > at + 1 && end < text.len && text.data[end] == '%';
    return closed ? end + 1 - at : 0;
}

static bool check_variable(kj_reading *r, const kj_yaml *node, size_t at, size_t len)
{
    kj_span name = kj_span_sub(node->text, at + 1, len - 2);
    kj_guess guess = {.wrong = name};
    const char *hint = "the variables are WinDir, SystemDir, AppData, Profiles, Temp, "
                       "ProgramFiles, StartUp and Root";
    for (size_t i = 0; i < KJ_COUNT(path_variables); i++) {
        if (kj_span_is(name, path_variables[i]))
            return true;
        kj_guess_try(&guess, kj_span_str(path_variables[i]));
    }
    if (guess.best.len)
        hint = kj_arena_printf(&r->ir->arena, "did you mean %%%.*s%%?", (int)guess.best.len,
                               (const char *)guess.best.data);
    size_t shown = len, offset = kj_locate_in(r, node, at, &shown);
    kj_diag_add(&r->ir->diags, KJ_ERROR, r->source, offset, shown, hint,
                "unknown variable %%%.*s%%", kj_printed_len(name), (const char *)name.data);
    return false;
}

static bool check_variables(kj_reading *r, const kj_yaml *node)
{
    bool ok = true;
    for (size_t at = 0; at < node->text.len;) {
        size_t len = variable_len(node->text, at);
        ok = (len == 0 || check_variable(r, node, at, len)) && ok;
        at += len ? len : 1;
    }
    return ok;
}

static bool is_absolute(kj_span path)
{
    size_t variable = variable_len(path, 0);
    kj_span rest = kj_span_sub(path, variable ? variable : 2, SIZE_MAX);
    bool drive =
        path.len > 2 && (kj_is_alpha(path.data[0]) || path.data[0] == '*') && path.data[1] == ':';
    return (drive || variable) && rest.len > 1 && rest.data[0] == '\\';
}

static bool check_path(kj_reading *r, const kj_yaml *node, const void *param)
{
    (void)param;
    if (!check_variables(r, node))
        return false;
    if (is_absolute(node->text))
        return true;
    kj_complain(r, node, "paths begin with a drive or a variable: 'C:\\X.EXE', '%WinDir%\\X.EXE'",
                "'%.*s' is not an absolute Windows path", kj_printed_len(node->text),
                (const char *)node->text.data);
    return false;
}

static bool check_key(kj_reading *r, const kj_yaml *node, const void *param)
{
    (void)param;
    size_t end = kj_span_find(node->text, kj_span_str("\\"), 0);
    kj_span root = kj_span_sub(node->text, 0, end);
    const char *hint = "keys begin with HKLM, HKCU, HKCR or HKU and a backslash";
    for (size_t i = 0; i < KJ_COUNT(registry_roots); i++)
        if (end != SIZE_MAX && end + 1 < node->text.len && kj_span_is(root, registry_roots[i]))
            return true;
    for (size_t i = 0; i < KJ_COUNT(long_roots); i++)
        if (kj_text_equal_nocase(root, kj_span_str(long_roots[i].name)))
            hint = kj_arena_printf(&r->ir->arena, "write %s", long_roots[i].root);
    size_t len = root.len, offset = kj_locate_in(r, node, 0, &len);
    kj_diag_add(&r->ir->diags, KJ_ERROR, r->source, offset, len, hint,
                "this is not a key of the registry");
    return false;
}

typedef bool check(kj_reading *r, const kj_yaml *node, const void *param);

static void read_checked(kj_reading *r, const kj_yaml *node, kj_span *out, check *accept)
{
    kj_span text = {0};
    kj_read_text(r, node, &text, NULL);
    if (text.len && accept(r, node, NULL))
        *out = text;
}

static void read_all_checked(kj_reading *r, const kj_yaml *node, kj_texts *out, check *accept)
{
    size_t count = 0;
    kj_span *items = kj_new_array(&r->ir->arena, kj_span, kj_texts_max(node) + 1);
    if (!items) {
        r->no_memory = true;
        return;
    }
    for (const kj_yaml *at = NULL; (at = kj_next_text(r, node, at, "a text")) != NULL;)
        if (accept(r, at, NULL))
            items[count++] = at->text;
    *out = (kj_texts){items, count};
}

void kj_read_path(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    (void)param;
    read_checked(r, node, out, check_path);
}

void kj_read_paths(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    (void)param;
    read_all_checked(r, node, out, check_path);
}

void kj_read_key(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    (void)param;
    read_checked(r, node, out, check_key);
}

void kj_read_keys(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    (void)param;
    read_all_checked(r, node, out, check_key);
}

void kj_read_data(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    kj_span text = {0};
    (void)param;
    kj_read_empty(r, node, &text, NULL);
    if (check_variables(r, node))
        *(kj_span *)out = text;
}

void kj_read_kind(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    const kj_advisory_options *options = kj_advisory_of(r)->options;
    const kj_words words = {"a kind of file", options->types, options->type_count};
    (void)param;
    kj_read_word(r, node, out, &words);
}

static void read_value_name(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    kj_draft_artifact *draft = out;
    kj_read_text(r, node, &draft->artifact.value, param);
    draft->has_value = true;
}

static void read_role(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    const char *names[KJ_ROLE_COUNT - 1];
    (void)param;
    for (size_t i = 1; i < KJ_ROLE_COUNT; i++)
        names[i - 1] = kj_role_name((kj_role)i);
    size_t found = kj_find_word(r, node, &(kj_words)KJ_WORDS("a role", names));
    if (found != SIZE_MAX)
        *(kj_role *)out = (kj_role)(found + 1);
}

static void read_hash(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    kj_artifact *artifact = out;
    kj_span text = {0};
    kj_read_text(r, node, &text, param);
    if (text.len == 0)
        return;
    artifact->has_hash = kj_hash_parse(text, &artifact->hash_kind, artifact->hash);
    if (!artifact->has_hash)
        kj_complain(r, node, "32, 40 or 64 hex digits: MD5, SHA-1 or SHA-256",
                    "this is not a hash");
}

static void read_rule(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    const kj_advisory *a = kj_advisory_of(r);
    kj_span name = {0};
    kj_guess guess;
    kj_read_text(r, node, &name, param);
    uint32_t rule = name.len ? kj_advisory_rule(a, name) : KJ_NONE;
    *(uint32_t *)out = rule;
    if (rule != KJ_NONE || name.len == 0 || (a->rules_broken && kj_advisory_mentions_rule(a, name)))
        return;
    guess = (kj_guess){.wrong = name};
    for (size_t i = a->first_rule; i < r->ir->rules.count; i++)
        kj_guess_try(&guess, r->ir->rules.items[i].name);
    kj_complain(r, node, kj_guess_hint(&guess, &r->ir->arena),
                "this advisory has no rule called '%.*s'", kj_printed_len(name),
                (const char *)name.data);
}

static bool check_extension(kj_reading *r, const kj_yaml *node, const void *param)
{
    (void)param;
    if (!memchr(node->text.data, '.', node->text.len))
        return true;
    kj_complain(r, node, "write exe, not .exe; what stands before the last dot is the decoy",
                "an extension is written without a dot");
    return false;
}

static void read_extensions(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    (void)param;
    read_all_checked(r, node, out, check_extension);
}

/* ---- kinds --------------------------------------------------------------------------------- */

static const char *const registry_types[] = {"none",     "sz",    "expand-sz", "binary",
                                             "multi-sz", "dword", "qword"};
static const kj_words registry_type_words = KJ_WORDS("a type of registry data", registry_types);

static const kj_key file_rows[] = {
    {"file", KJ_REQUIRED, kj_read_paths, AT(names)},
    {"size", KJ_OPTIONAL, kj_read_sizes, AT(sizes)},
    {"kind", KJ_OPTIONAL, kj_read_kind, AT(type)},
    {"hash", KJ_OPTIONAL, read_hash, offsetof(kj_draft_artifact, artifact)},
    {"rule", KJ_OPTIONAL, read_rule, AT(rule)},
    {"role", KJ_REQUIRED, read_role, AT(role)},
};

static const kj_key registry_rows[] = {
    {"registry", KJ_REQUIRED, kj_read_keys, AT(names)},
    {"value", KJ_OPTIONAL, read_value_name, 0},
    {"data", KJ_OPTIONAL, kj_read_data, AT(data)},
    {"type", KJ_OPTIONAL, kj_read_word, AT(key), &registry_type_words},
    {"role", KJ_REQUIRED, read_role, AT(role)},
};

static const kj_key ini_rows[] = {
    {"ini", KJ_REQUIRED, kj_read_paths, AT(names)},
    {"section", KJ_REQUIRED, kj_read_text, AT(value)},
    {"key", KJ_REQUIRED, kj_read_text, AT(key)},
    {"token", KJ_REQUIRED, kj_read_data, AT(data)},
    {"role", KJ_REQUIRED, read_role, AT(role)},
};

static const kj_key task_rows[] = {
    {"task", KJ_REQUIRED, kj_read_texts, AT(names)},
    {"target", KJ_OPTIONAL, kj_read_data, AT(data)},
    {"role", KJ_REQUIRED, read_role, AT(role)},
};

static const kj_key service_rows[] = {
    {"service", KJ_REQUIRED, kj_read_texts, AT(names)},
    {"target", KJ_OPTIONAL, kj_read_data, AT(data)},
    {"role", KJ_REQUIRED, read_role, AT(role)},
};

static const kj_key startup_rows[] = {
    {"startup", KJ_REQUIRED, kj_read_texts, AT(names)},
    {"target", KJ_OPTIONAL, kj_read_data, AT(data)},
    {"role", KJ_REQUIRED, read_role, AT(role)},
};

static const kj_key attachment_rows[] = {
    {"name", KJ_OPTIONAL, kj_read_texts, AT(attachment_names)},
    {"extension", KJ_OPTIONAL, read_extensions, AT(extensions)},
    {"decoy", KJ_OPTIONAL, read_extensions, AT(decoys)},
    {"size", KJ_OPTIONAL, kj_read_sizes, AT(sizes)},
    {"kind", KJ_OPTIONAL, kj_read_kind, AT(type)},
};
static const kj_keys attachment_keys = KJ_KEYS("an attachment", attachment_rows);

static const kj_key message_rows[] = {
    {"subject", KJ_OPTIONAL, kj_read_texts, AT(names)},
    {"attachment", KJ_OPTIONAL, kj_read_submap, 0, &attachment_keys},
};
static const kj_keys message_keys = KJ_KEYS("a mail", message_rows);

static const kj_key mail_rows[] = {
    {"mail", KJ_REQUIRED, kj_read_submap, 0, &message_keys},
    {"role", KJ_OPTIONAL, read_role, AT(role)},
};

static const kj_key window_rows[] = {
    {"window", KJ_REQUIRED, kj_read_texts, AT(names)},
    {"role", KJ_OPTIONAL, read_role, AT(role)},
};

static const kj_key mutex_rows[] = {
    {"mutex", KJ_REQUIRED, kj_read_texts, AT(names)},
    {"role", KJ_OPTIONAL, read_role, AT(role)},
};

static const kj_key url_rows[] = {
    {"url", KJ_REQUIRED, kj_read_texts, AT(names)},
    {"role", KJ_OPTIONAL, read_role, AT(role)},
};

/* The key that makes an artifact one of a kind is the kind's name: kj_artifact_kind_name(). */
static const struct {
    kj_keys keys;
    kj_role role; /* unless it says another */
} kinds[KJ_ARTIFACT_KIND_COUNT] = {
    [KJ_ARTIFACT_FILE] = {KJ_KEYS("a file", file_rows), KJ_ROLE_NONE},
    [KJ_ARTIFACT_REGISTRY] = {KJ_KEYS("a registry value", registry_rows), KJ_ROLE_NONE},
    [KJ_ARTIFACT_INI] = {KJ_KEYS("an INI entry", ini_rows), KJ_ROLE_NONE},
    [KJ_ARTIFACT_TASK] = {KJ_KEYS("a task", task_rows), KJ_ROLE_NONE},
    [KJ_ARTIFACT_SERVICE] = {KJ_KEYS("a service", service_rows), KJ_ROLE_NONE},
    [KJ_ARTIFACT_STARTUP] = {KJ_KEYS("a startup entry", startup_rows), KJ_ROLE_NONE},
    [KJ_ARTIFACT_MAIL] = {KJ_KEYS("a mail artifact", mail_rows), KJ_ROLE_NONE},
    [KJ_ARTIFACT_WINDOW] = {KJ_KEYS("a window", window_rows), KJ_ROLE_SYMPTOM},
    [KJ_ARTIFACT_MUTEX] = {KJ_KEYS("a mutex", mutex_rows), KJ_ROLE_SYMPTOM},
    [KJ_ARTIFACT_URL] = {KJ_KEYS("an address", url_rows), KJ_ROLE_SYMPTOM},
};

/* ---- one artifact -------------------------------------------------------------------------- */

static size_t find_kind(kj_span name)
{
    size_t kind = 0;
    while (kind < KJ_ARTIFACT_KIND_COUNT &&
           !kj_span_is(name, kj_artifact_kind_name((kj_artifact_kind)kind)))
        kind++;
    return kind;
}

/* The nearest kind to any of the keys, for an artifact without a kind. */
static const char *kind_hint(kj_reading *r, const kj_yaml *node)
{
    kj_guess best = {0};
    for (const kj_yaml *entry = node->first; entry; entry = entry->next) {
        kj_guess guess = {.wrong = entry->key->text};
        for (size_t i = 0; i < KJ_ARTIFACT_KIND_COUNT; i++)
            kj_guess_try(&guess, kj_span_str(kj_artifact_kind_name((kj_artifact_kind)i)));
        if (guess.best.len && (!best.best.len || guess.distance < best.distance))
            best = guess;
    }
    const char *hint = kj_guess_hint(&best, &r->ir->arena);
    return hint ? hint
                : "one of: file, registry, ini, task, service, startup, mail, window, mutex, url";
}

/* The one kind an artifact is of; KJ_ARTIFACT_KIND_COUNT after a complaint. */
static size_t kind_of(kj_reading *r, const kj_yaml *node)
{
    size_t kind = KJ_ARTIFACT_KIND_COUNT;
    for (const kj_yaml *entry = node->first; entry; entry = entry->next) {
        size_t found = find_kind(entry->key->text);
        if (found == KJ_ARTIFACT_KIND_COUNT)
            continue;
        if (kind != KJ_ARTIFACT_KIND_COUNT) {
            kj_complain(r, entry->key, "make it an artifact of its own",
                        "an artifact is of one kind, and this is a %s already",
                        kj_artifact_kind_name((kj_artifact_kind)kind));
            return KJ_ARTIFACT_KIND_COUNT;
        }
        kind = found;
    }
    if (kind == KJ_ARTIFACT_KIND_COUNT)
        kj_complain(r, node->key, kind_hint(r, node), "this artifact does not say what it is");
    return kind;
}

static void check_mail(kj_reading *r, const kj_draft_artifact *draft)
{
    const kj_artifact *mail = &draft->artifact;
    const kj_yaml *node = kj_yaml_find(draft->node, "mail");
    if (mail->kind == KJ_ARTIFACT_MAIL && node && node->kind == KJ_YAML_MAP &&
        !kj_yaml_find(node, "subject") && !kj_yaml_find(node, "attachment"))
        kj_complain(r, node->key, NULL, "a mail needs a subject or an attachment");
}

static void check_data(kj_reading *r, const kj_draft_artifact *draft)
{
    const kj_yaml *data = kj_yaml_find(draft->node, "data");
    if (draft->artifact.kind == KJ_ARTIFACT_REGISTRY && data && !draft->has_value)
        kj_complain(r, data->key, "value: names the value; '@' is the key's default value",
                    "data without a value that holds it");
}

static void read_artifact(kj_advisory *a, const kj_yaml *node)
{
    kj_reading *r = &a->r;
    kj_draft_artifact draft = {.node = node};
    size_t errors = r->ir->diags.errors;
    draft.artifact.id = node->key->text;
    draft.artifact.kind = KJ_ARTIFACT_KIND_COUNT; /* until it is known */
    draft.artifact.threat = a->threat_index;
    draft.artifact.rule = KJ_NONE;
    if (kj_expect_kind(r, node, KJ_YAML_MAP, "an artifact")) {
        size_t kind = kind_of(r, node);
        if (kind < KJ_ARTIFACT_KIND_COUNT) {
            draft.artifact.kind = (kj_artifact_kind)kind;
            draft.artifact.role = kinds[kind].role;
            kj_read_map(r, node, &kinds[kind].keys, &draft);
            check_mail(r, &draft);
            check_data(r, &draft);
        }
    }
    draft.broken = r->ir->diags.errors != errors;
    r->no_memory = !kj_vec_add(&a->artifacts, draft) || r->no_memory;
}

static void check_id(kj_advisory *a, const kj_yaml *key)
{
    if (!kj_is_slug(key->text))
        kj_complain(&a->r, key, "small letters, digits and hyphens, a letter first",
                    "'%.*s' is no valid id", kj_printed_len(key->text),
                    (const char *)key->text.data);
    else if (kj_advisory_is_reserved(key->text))
        kj_complain(&a->r, key, "choose another id", "'%.*s' means something in conditions",
                    kj_printed_len(key->text), (const char *)key->text.data);
    else if (kj_advisory_rule(a, key->text) != KJ_NONE)
        kj_complain(&a->r, key, "choose another id", "a rule of this advisory has the same name");
}

void kj_advisory_read_artifacts(kj_advisory *a)
{
    const kj_yaml *node = a->artifacts_node;
    if (!node || !kj_expect_kind(&a->r, node, KJ_YAML_MAP, "this key"))
        return;
    for (const kj_yaml *entry = node->first; entry; entry = entry->next) {
        if (a->artifacts.count == KJ_ADVISORY_MAX_ARTIFACTS) {
            kj_complain(&a->r, entry->key, NULL, "more than %d artifacts",
                        KJ_ADVISORY_MAX_ARTIFACTS);
            return;
        }
        check_id(a, entry->key);
        read_artifact(a, entry);
    }
}

const kj_draft_artifact *kj_advisory_artifact(const kj_advisory *a, kj_span id)
{
    for (size_t i = 0; i < a->artifacts.count; i++)
        if (kj_span_equal(a->artifacts.items[i].artifact.id, id))
            return &a->artifacts.items[i];
    return NULL;
}

const char *kj_advisory_kind_title(kj_artifact_kind kind)
{
    return kinds[kind].keys.what;
}

kj_role kj_advisory_role(kj_span name)
{
    for (size_t i = 1; i < KJ_ROLE_COUNT; i++)
        if (kj_span_is(name, kj_role_name((kj_role)i)))
            return (kj_role)i;
    return KJ_ROLE_NONE;
}
