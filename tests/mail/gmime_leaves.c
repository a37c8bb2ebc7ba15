/* SPDX-License-Identifier: Apache-2.0 */
/* What GMime finds in messages: a second opinion for tests/mail/differential.py, and what
 * bench/mail compares with. Built only where gmime-3.0 is installed; never a part of kujo.
 *
 *     gmime_leaves FILE...      for each file "F PATH", then for each leaf "L DIGEST HEAD NAME"
 *     gmime_leaves -b FILE...   parses mailboxes, decodes every leaf to nowhere, prints the count
 *
 * Digest and head are those of walk -l: without CR, without blanks before LF and LF at the end. */
#include <gmime/gmime.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { HEAD = 24 };

typedef struct totals {
    bool quiet;
    size_t messages;
    size_t leaves;
    gint64 bytes;
} totals;

static void walk_object(GMimeObject *object, totals *t);

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void print_leaf(GMimePart *part, GByteArray *bytes)
{
    GString *text = g_string_sized_new(bytes->len + 1);
    for (guint i = 0; i <= bytes->len; i++) {
        bool ends = i == bytes->len || bytes->data[i] == '\n';
        while (ends && text->len && is_blank(text->str[text->len - 1]))
            g_string_truncate(text, text->len - 1);
        if (i < bytes->len && bytes->data[i] != '\r')
            g_string_append_c(text, (char)bytes->data[i]);
    }
    while (text->len && text->str[text->len - 1] == '\n')
        g_string_truncate(text, text->len - 1);
    char *digest =
        g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)text->str, text->len);
    const char *name = g_mime_part_get_filename(part);
    char *plain = g_strescape(name ? name : "", NULL);
    printf("L %s ", digest);
    for (gsize i = 0; i < text->len && i < HEAD; i++)
        printf("%02x", (unsigned char)text->str[i]);
    printf(" %s\n", plain);
    g_free(plain);
    g_free(digest);
    (void)g_string_free(text, TRUE);
}

static void walk_part(GMimePart *part, totals *t)
{
    GMimeDataWrapper *content = g_mime_part_get_content(part);
    if (!content)
        return;
    GMimeStream *out = t->quiet ? g_mime_stream_null_new() : g_mime_stream_mem_new();
    gint64 written = g_mime_data_wrapper_write_to_stream(content, out);
    t->leaves++;
    if (written > 0)
        t->bytes += written;
    if (!t->quiet)
        print_leaf(part, g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(out)));
    g_object_unref(out);
}

static void walk_object(GMimeObject *object, totals *t)
{
    if (GMIME_IS_MULTIPART(object)) {
        GMimeMultipart *multipart = GMIME_MULTIPART(object);
        for (int i = 0; i < g_mime_multipart_get_count(multipart); i++)
            walk_object(g_mime_multipart_get_part(multipart, i), t);
    } else if (GMIME_IS_MESSAGE_PART(object)) {
        GMimeMessage *message = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));
        if (message && g_mime_message_get_mime_part(message))
            walk_object(g_mime_message_get_mime_part(message), t);
    } else if (GMIME_IS_PART(object)) {
        walk_part(GMIME_PART(object), t);
    }
}

static bool walk_file(const char *path, totals *t)
{
    char *bytes;
    gsize len;
    GError *error = NULL;
    if (!g_file_get_contents(path, &bytes, &len, &error)) {
        fprintf(stderr, "gmime_leaves: %s\n", error->message);
        g_error_free(error);
        return false;
    }
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(bytes, len);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    if (len >= 5 && memcmp(bytes, "From ", 5) == 0)
        g_mime_parser_set_format(parser, GMIME_FORMAT_MBOX);
    if (!t->quiet)
        printf("F %s\n", path);
    do {
        GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
        if (!message)
            break;
        t->messages++;
        if (g_mime_message_get_mime_part(message))
            walk_object(g_mime_message_get_mime_part(message), t);
        g_object_unref(message);
    } while (!g_mime_parser_eos(parser));
    g_object_unref(parser);
    g_object_unref(stream);
    g_free(bytes);
    return true;
}

int main(int argc, char **argv)
{
    totals t = {0};
    bool ok = true;
    g_mime_init();
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-b") == 0)
            t.quiet = true;
        else
            ok = walk_file(argv[i], &t) && ok;
    }
    if (t.quiet)
        printf("%zu messages, %zu leaves, %lld bytes\n", t.messages, t.leaves, (long long)t.bytes);
    g_mime_shutdown();
    return ok ? 0 : 1;
}
