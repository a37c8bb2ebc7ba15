/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the document of a host run in a form for people: show_document FORM [OPTION...] <JSON.
 *
 *     text|autostarts|html    the form
 *     --color --quiet --explain
 *     --ja CATALOGUES         in Japanese, with the messages of that directory
 *     --ruin                  no form of the document may crash when any part of it is missing or
 * of another type; prints how many were tried */
#include "base/arith.h"
#include "report/host.h"
#include "report/i18n.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

typedef struct request {
    const char *form;
    kj_host_text_options text;
    bool ruin;
} request;

static void show(const json_t *document, const request *r, const char *form, FILE *out)
{
    if (strcmp(form, "html") == 0)
        kj_host_write_html(document, r->text.lang, out);
    else if (strcmp(form, "autostarts") == 0)
        kj_host_write_autostarts(document, &r->text, out);
    else
        kj_host_write_text(document, &r->text, out);
}

static void show_all(const json_t *document, const request *r, FILE *out)
{
    show(document, r, "text", out);
    show(document, r, "autostarts", out);
    show(document, r, "html", out);
}

/* ---- ruins --------------------------------------------------------------------------------------
 */

typedef struct ruins {
    const json_t *document;
    const request *request;
    FILE *out;
    size_t count;
} ruins;

/* A value of another type than the one that stands there. */
static json_t *wrong_value(size_t which)
{
    switch (which) {
    case 0:
        return json_string("<b> & \"x\" 'y' %s%n");
    case 1:
        return json_integer(INT64_MIN);
    case 2:
        return json_pack("[{s:[i]},[s],i]", "traces", 1 << 30, "x", 7);
    default:
        return json_null();
    }
}

enum { WRONG_VALUES = 4 };

static void ruin_below(ruins *ruin, json_t *part);

static void ruin_member(ruins *ruin, json_t *object, const char *key)
{
    json_t *kept = json_incref(json_object_get(object, key));
    ruin_below(ruin, kept);
    for (size_t i = 0; i < WRONG_VALUES; i++) {
        (void)json_object_set_new(object, key, wrong_value(i));
        show_all(ruin->document, ruin->request, ruin->out);
        ruin->count++;
    }
    (void)json_object_del(object, key);
    show_all(ruin->document, ruin->request, ruin->out);
    ruin->count++;
    (void)json_object_set_new(object, key, kept);
}

static void ruin_element(ruins *ruin, json_t *array, size_t index)
{
    json_t *kept = json_incref(json_array_get(array, index));
    ruin_below(ruin, kept);
    for (size_t i = 0; i < WRONG_VALUES; i++) {
        (void)json_array_set_new(array, index, wrong_value(i));
        show_all(ruin->document, ruin->request, ruin->out);
        ruin->count++;
    }
    (void)json_array_set_new(array, index, kept);
}

static void ruin_below(ruins *ruin, json_t *part)
{
    for (size_t i = 0; i < json_array_size(part); i++)
        ruin_element(ruin, part, i);
    json_t *keys = json_array();
    const char *key;
    json_t *value;
    json_object_foreach(part, key, value)(void) json_array_append_new(keys, json_string(key));
    for (size_t i = 0; i < json_array_size(keys); i++)
        ruin_member(ruin, part, json_string_value(json_array_get(keys, i)));
    json_decref(keys);
}

/* ---- the command line ---------------------------------------------------------------------------
 */

static void use_japanese(request *r, const char *catalogues)
{
    r->text.lang = KJ_LANG_JA;
    (void)setlocale(LC_MESSAGES, "C.UTF-8");
    (void)setenv("LANGUAGE", "ja", 1);
    (void)bindtextdomain("kujo", catalogues);
    (void)bind_textdomain_codeset("kujo", "UTF-8");
    (void)textdomain("kujo");
}

static void read_options(request *r, int argc, char **argv)
{
    for (int i = 2; i < argc; i++) {
        r->text.color |= strcmp(argv[i], "--color") == 0;
        r->text.quiet |= strcmp(argv[i], "--quiet") == 0;
        r->text.explain |= strcmp(argv[i], "--explain") == 0;
        r->ruin |= strcmp(argv[i], "--ruin") == 0;
        if (strcmp(argv[i], "--ja") == 0 && i + 1 < argc)
            use_japanese(r, argv[i + 1]);
    }
}

int main(int argc, char **argv)
{
    request r = {.form = argc > 1 ? argv[1] : "text"};
    read_options(&r, argc, argv);
    json_t *document = json_loadf(stdin, 0, NULL);
    if (!document)
        return 2;
    if (r.ruin) {
        ruins ruin = {.document = document, .request = &r, .out = fopen("/dev/null", "w")};
        ruin_below(&ruin, document);
        (void)printf("%zu\n", ruin.count);
        (void)fclose(ruin.out);
    } else {
        show(document, &r, r.form, stdout);
    }
    json_decref(document);
    return 0;
}
