/* SPDX-License-Identifier: Apache-2.0 */
/* libarchive (3.6), the one place that touches it.
 *
 * What it does differently from what one expects:
 * - archive_read_data() never ends on a member that yields empty blocks for ever, and
 *   archive_read_data_block() may leave holes of any size: read_data() bounds both.
 * - Names are converted to the locale's character set, which in the C locale loses them: headers
 *   are read under C.UTF-8, for this thread only.
 * - Asking for a name ends the process when the name cannot be converted and errno still says
 *   ENOMEM, from whatever was before: it is cleared each time.
 * - Passing over a member of a solid archive unpacks it without asking anybody: such members are
 *   read through here, so that they draw on the budget.
 * - Filters are guessed again and again, so that gzip in gzip comes out as one: the filter of a
 *   single stream is forced, not guessed. Then a stream without any output, an empty file or one
 *   that is cut early, is not recognised: only for that it is guessed after all. (Forcing the
 *   filter of compress crashes libarchive: it reads its header before there is input.)
 * - What a guess does not recognise comes out as it went in, as its own content without end.
 * - A checksum that differs is a warning, an authentication code that differs an error.
 * - Of passphrases it takes the first that fits one byte (ZipCrypto) or two (AES), and does not say
 *   which. With a wrong one the data turns out broken, after which the archive is unusable. So
 *   passphrases come from a callback that counts them, and the archive is opened again for the
 *   next. It keeps those it was given and tries them first, the last that fitted before others. */
#include "formats/unpack.h"

#include "base/lazy.h"
#include "base/text.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>

#define FUNCTIONS(X)                                                                               \
    X(archive_read_new)                                                                            \
    X(archive_read_free)                                                                           \
    X(archive_read_support_format_by_code)                                                         \
    X(archive_read_support_format_empty)                                                           \
    X(archive_read_support_format_zip_streamable)                                                  \
    X(archive_read_support_filter_by_code)                                                         \
    X(archive_read_append_filter)                                                                  \
    X(archive_read_set_passphrase_callback)                                                        \
    X(archive_read_open_memory)                                                                    \
    X(archive_read_next_header)                                                                    \
    X(archive_read_data_block)                                                                     \
    X(archive_error_string)                                                                        \
    X(archive_filter_code)                                                                         \
    X(archive_entry_pathname)                                                                      \
    X(archive_entry_pathname_utf8)                                                                 \
    X(archive_entry_filetype)                                                                      \
    X(archive_entry_size)                                                                          \
    X(archive_entry_size_is_set)                                                                   \
    X(archive_entry_hardlink)                                                                      \
    X(archive_entry_is_data_encrypted)                                                             \
    X(archive_entry_is_metadata_encrypted)

static struct {
    FUNCTIONS(KJ_LAZY_FIELD)
} lib;
static const kj_lazy_symbol symbols[] = {FUNCTIONS(KJ_LAZY_SYMBOL)};
static kj_lazy library = KJ_LAZY("libarchive.so.13", symbols);

enum {
    PIECE = 64 << 10,      /* output between two looks at the budget */
    STALLS_MAX = 100,      /* headers or blocks in a row that bring nothing */
    LONGEST_NAME = 4096,   /* bytes; what is longer is cut */
    LONGEST_MESSAGE = 200, /* bytes of libarchive's sentence */
    PASSWORDS_MAX = 200,   /* words that are tried on an archive */
    LONGEST_PASSWORD = 128,
    REOPENED_MAX = 32, /* times that an archive is opened again */
    HOPELESS_MAX = 4,  /* members that no word opens, before no more are tried */
};

/* Words of the messages around an archive and of definitions, on their way to libarchive. */
typedef struct passwords {
    kj_span words[PASSWORDS_MAX];
    size_t count;
    size_t next;  /* to be given */
    bool asked;   /* for the member at hand */
    bool ran_out; /* likewise */
    char room[LONGEST_PASSWORD + 1];
} passwords;

typedef struct walk {
    const kj_unpack_way *way;
    const kj_object *object;
    kj_span bytes;
    kj_sink *sink;
    struct archive *archive;
    size_t position;  /* entries read since it was opened */
    size_t files;     /* of those that were walked, how many had data by nature */
    size_t listed;    /* where in the listing the next entry is expected */
    kj_member member; /* the one at hand, as its container states it */
    passwords passwords;
    unsigned reopened;
    unsigned hopeless;
    locale_t locale; /* C.UTF-8, or 0 where the system has none */
    kj_buf data;     /* of the member at hand; keeps its memory for the next */
    bool oversize;   /* the member at hand is larger than the sink takes */
    bool warned;     /* something about it is wrong, such as its checksum */
    bool guess;      /* let libarchive recognise the filters */
    bool started;    /* a member was found */
} walk;

/* ---- what libarchive says ------------------------------------------------------------------ */

static const struct {
    const char *part; /* of the message */
    kj_status status;
} message_kinds[] = {
    {"ncrypt", KJ_UNSUPPORTED},
    {"assphrase", KJ_UNSUPPORTED},
    {"runcated", KJ_TRUNCATED},
    {"/O error", KJ_TRUNCATED},
    {"ends early", KJ_TRUNCATED},
    {"nsupported", KJ_UNSUPPORTED},
    {"not supported", KJ_UNSUPPORTED},
    {"nexpected end", KJ_TRUNCATED},
    /* Mostly a size that lies: it ends the archive, not the scan of what is around it. */
    {"ut of memory", KJ_LIMIT},
    {"allocate", KJ_LIMIT},
};

static bool is_about_encryption(const char *message)
{
    return strstr(message, "ncrypt") || strstr(message, "assphrase");
}

/* The message as a sentence of ours: one line, small first letter, no stop at the end. */
static kj_status read_message(walk *w, char out[LONGEST_MESSAGE + 1])
{
    const char *message = w->archive ? lib.archive_error_string(w->archive) : NULL;
    if (!message)
        message = "ends early"; /* as it is when ZIP's local headers end without a directory */
    if (is_about_encryption(message))
        message = KJ_UNSEEN_ENCRYPTED;
    kj_span text = kj_text_trim(kj_span_sub(kj_span_str(message), 0, LONGEST_MESSAGE));
    while (text.len && text.data[text.len - 1] == '.')
        text.len--;
    for (size_t i = 0; i < text.len; i++)
        out[i] = text.data[i] < ' ' ? ' ' : (char)text.data[i];
    out[text.len] = '\0';
    if (text.len > 1 && kj_is_alpha(text.data[1]) && kj_lower(text.data[1]) == text.data[1])
        out[0] = (char)kj_lower(text.data[0]);
    for (size_t i = 0; i < KJ_COUNT(message_kinds); i++)
        if (strstr(out, message_kinds[i].part))
            return message_kinds[i].status;
    return KJ_MALFORMED;
}

static kj_status fail(walk *w, kj_error *err)
{
    char message[LONGEST_MESSAGE + 1];
    kj_status status = read_message(w, message);
    return kj_fail(err, status, KJ_NO_OFFSET, "%s", message);
}

static void unseen(walk *w, kj_span name)
{
    char message[LONGEST_MESSAGE + 1];
    kj_status status = read_message(w, message);
    kj_sink_unseen(w->sink, status, name, message);
}

/* ---- opening ------------------------------------------------------------------------------- */

/* ARCHIVE_WARN here means "by an external program", which we do not want. */
static bool enable(walk *w)
{
    const kj_unpack_way *way = w->way;
    int worst = ARCHIVE_OK;
    for (const int *filter = way->filter; filter && *filter; filter++)
        worst |= w->guess ? lib.archive_read_support_filter_by_code(w->archive, *filter)
                          : lib.archive_read_append_filter(w->archive, *filter);
    if (way->streamed)
        worst |= lib.archive_read_support_format_zip_streamable(w->archive);
    else
        worst |= lib.archive_read_support_format_by_code(
            w->archive, way->format ? way->format : ARCHIVE_FORMAT_RAW);
    if (!way->format && w->guess)
        worst |= lib.archive_read_support_format_empty(w->archive);
    return worst == ARCHIVE_OK;
}

static const char *next_password(struct archive *archive, void *client)
{
    (void)archive;
    passwords *p = client;
    p->asked = true;
    p->ran_out = p->next == p->count;
    if (p->ran_out)
        return NULL;
    kj_span word = p->words[p->next++];
    memcpy(p->room, word.data, word.len);
    p->room[word.len] = '\0';
    return p->room;
}

static void close_archive(walk *w)
{
    if (w->archive)
        (void)lib.archive_read_free(w->archive);
    w->archive = NULL;
}

static kj_status open_archive(walk *w, kj_error *err)
{
    close_archive(w);
    w->position = 0;
    w->archive = lib.archive_read_new();
    if (!w->archive)
        return kj_fail(err, KJ_NO_MEMORY, KJ_NO_OFFSET, "no memory for libarchive");
    if (!enable(w))
        return kj_fail(err, KJ_UNSUPPORTED, KJ_NO_OFFSET, "libarchive is built without this");
    (void)lib.archive_read_set_passphrase_callback(w->archive, &w->passwords, next_password);
    if (lib.archive_read_open_memory(w->archive, w->bytes.data, w->bytes.len) != ARCHIVE_OK)
        return fail(w, err);
    return KJ_OK;
}

/* ---- names --------------------------------------------------------------------------------- */

static const struct {
    const char *suffix; /* of the container's name */
    const char *inside; /* what the content's name ends with instead */
} suffixes[] = {
    {".tgz", ".tar"}, {".taz", ".tar"},  {".tbz2", ".tar"}, {".tbz", ".tar"}, {".txz", ".tar"},
    {".tlz", ".tar"}, {".tzst", ".tar"}, {".svgz", ".svg"}, {".gz", ""},      {".z", ""},
    {".bz2", ""},     {".xz", ""},       {".zst", ""},      {".zstd", ""},    {".lz4", ""},
    {".lzma", ""},    {".lz", ""},
};

/* "x.tgz" holds "x.tar". NULL without memory. */
static char *name_inside(kj_arena *arena, kj_span name)
{
    for (size_t i = 0; i < KJ_COUNT(suffixes); i++) {
        kj_span suffix = kj_span_str(suffixes[i].suffix);
        if (name.len <= suffix.len)
            continue;
        size_t stem = name.len - suffix.len;
        if (kj_text_equal_nocase(kj_span_sub(name, stem, SIZE_MAX), suffix))
            return kj_arena_printf(arena, "%.*s%s", (int)stem, (const char *)name.data,
                                   suffixes[i].inside);
    }
    return kj_arena_text(arena, name.len ? name : kj_span_str("content"));
}

/* UTF-8 if libarchive has it, else the bytes as they stand in the archive. NULL without memory. */
static char *entry_name(walk *w, struct archive_entry *entry)
{
    errno = 0;
    const char *name = lib.archive_entry_pathname_utf8(entry);
    errno = 0;
    if (!name)
        name = lib.archive_entry_pathname(entry);
    bool nameless = !w->way->format && (!name || strcmp(name, "data") == 0);
    if (nameless)
        return name_inside(w->sink->arena, kj_span_sub(w->object->name, 0, LONGEST_NAME));
    return kj_arena_text(w->sink->arena, kj_span_sub(kj_span_str(name), 0, LONGEST_NAME));
}

/* Whether a header that failed like this may have a usable one behind it. */
static bool may_come_again(int result)
{
    return result == ARCHIVE_RETRY || result == ARCHIVE_FAILED;
}

/* Reads headers until one is usable. *out_result: ARCHIVE_OK, ARCHIVE_EOF, or what it failed with.
 * Each draws on the sink's time. */
static kj_status next_entry(walk *w, struct archive_entry **out, kj_span *out_name, int *out_result,
                            kj_error *err)
{
    int result = ARCHIVE_RETRY;
    for (int i = 0; i < STALLS_MAX && may_come_again(result); i++) {
        KJ_TRY(kj_sink_account(w->sink, 0, err));
        locale_t before = w->locale ? uselocale(w->locale) : (locale_t)0;
        result = lib.archive_read_next_header(w->archive, out);
        char *name = NULL;
        bool usable = result == ARCHIVE_OK || result == ARCHIVE_WARN;
        w->position += usable;
        if (usable)
            name = entry_name(w, *out);
        if (before)
            (void)uselocale(before);
        if (usable && !name)
            return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "no memory for more names of members");
        *out_name = kj_span_str(name);
    }
    *out_result = result == ARCHIVE_WARN ? ARCHIVE_OK : result;
    return KJ_OK;
}

/* ---- data ---------------------------------------------------------------------------------- */

/* Whether the rest of an oversized member must be unpacked to reach the next one. */
static bool worth_reading_on(const walk *w)
{
    return !w->oversize || (w->way->solid && w->way->format);
}

/* Appends bytes, or zeros when `from` is NULL, drawing on the budget before it takes memory. */
static kj_status put(walk *w, const uint8_t *from, uint64_t len, kj_error *err)
{
    while (len > 0 && worth_reading_on(w) && (from || !w->oversize)) {
        size_t piece = (size_t)kj_min_u64(len, PIECE);
        KJ_TRY(kj_sink_account(w->sink, piece, err));
        if (w->data.len + piece > w->sink->largest_member)
            w->oversize = true;
        if (!w->oversize && from)
            kj_buf_put(&w->data, kj_span_of(from, piece));
        else if (!w->oversize)
            kj_buf_put_zeros(&w->data, piece);
        if (w->data.failed)
            return kj_fail(err, KJ_NO_MEMORY, KJ_NO_OFFSET, "no memory for a member");
        from = from ? from + piece : NULL;
        len -= piece;
    }
    return KJ_OK;
}

/* Reads the data of the entry at hand. *out_result: ARCHIVE_EOF when all of it came, else what it
 * failed with (ARCHIVE_RETRY: libarchive made no progress). `done` counts bytes, holes included. */
static kj_status read_data(walk *w, int *out_result, kj_error *err)
{
    uint64_t done = 0;
    int result = ARCHIVE_OK;
    w->warned = false;
    for (int stalls = 0; worth_reading_on(w) && stalls < STALLS_MAX; stalls++) {
        const void *block = NULL;
        size_t len = 0;
        la_int64_t offset = 0;
        result = lib.archive_read_data_block(w->archive, &block, &len, &offset);
        if (result == ARCHIVE_RETRY)
            continue;
        if (result != ARCHIVE_OK && result != ARCHIVE_WARN)
            break;
        w->warned |= result == ARCHIVE_WARN;
        result = ARCHIVE_RETRY;
        if (offset < 0 || (uint64_t)offset < done)
            break;
        uint64_t hole = (uint64_t)offset - done;
        KJ_TRY(put(w, NULL, hole, err));
        KJ_TRY(put(w, block, len, err));
        done += hole + len;
        if (hole || len)
            stalls = -1;
    }
    *out_result = worth_reading_on(w) ? result : ARCHIVE_EOF;
    return KJ_OK;
}

static bool has_size(struct archive_entry *entry)
{
    return lib.archive_entry_size_is_set(entry) && lib.archive_entry_size(entry) > 0;
}

/* Links, and what has no data by nature. Directories may announce some, which no honest archive but
 * an ISO image does. */
static bool is_passed_over(struct archive_entry *entry)
{
    __LA_MODE_T type = lib.archive_entry_filetype(entry);
    errno = 0;
    if (type == AE_IFREG || type == 0)
        return lib.archive_entry_hardlink(entry) && !has_size(entry);
    return type != AE_IFDIR || !has_size(entry);
}

static bool is_too_large(const walk *w, struct archive_entry *entry)
{
    return has_size(entry) && (uint64_t)lib.archive_entry_size(entry) > w->sink->largest_member;
}

/* ---- encrypted members ---------------------------------------------------------------------- */

static bool may_be_password(kj_span word)
{
    return word.len > 0 && word.len <= LONGEST_PASSWORD && !memchr(word.data, 0, word.len);
}

static void add_passwords(const kj_span *words, size_t count, passwords *out)
{
    for (size_t i = 0; i < count && out->count < PASSWORDS_MAX; i++)
        if (may_be_password(words[i]))
            out->words[out->count++] = words[i];
}

/* Those of the message that is nearest come first, those that are always tried last. */
static void collect_passwords(const kj_object *object, const kj_sink *sink, passwords *out)
{
    const kj_mail *last = NULL;
    for (; object; object = object->parent) {
        const kj_mail *mail = object->mail;
        if (mail && mail != last)
            add_passwords(mail->passwords, mail->password_count, out);
        last = mail ? mail : last;
    }
    add_passwords(sink->passwords, sink->password_count, out);
}

/* Most archives have one password: the last that opened a member is tried first on the next. */
static void prefer_password(passwords *p)
{
    if (!p->asked || p->next == 0)
        return;
    kj_span word = p->words[p->next - 1];
    memmove(p->words + 1, p->words, (p->next - 1) * sizeof *p->words);
    p->words[0] = word;
}

/* Opens the archive again and goes to the entry that is the `position`-th; *out_there: it is
 * reached. */
static kj_status reopen_at(walk *w, size_t position, bool *out_there, kj_error *err)
{
    struct archive_entry *entry;
    int result = ARCHIVE_OK;
    kj_error problem;
    *out_there = open_archive(w, &problem) == KJ_OK;
    while (*out_there && w->position < position) {
        kj_arena_mark mark = kj_arena_get_mark(w->sink->arena);
        kj_span name;
        KJ_TRY(next_entry(w, &entry, &name, &result, err));
        kj_arena_rewind(w->sink->arena, mark);
        *out_there = result == ARCHIVE_OK;
    }
    return KJ_OK;
}

static kj_status hand_out_encrypted(walk *w, unsigned flags, kj_error *err)
{
    kj_member member = w->member;
    member.size = w->data.len;
    member.flags = KJ_MEMBER_ENCRYPTED | flags;
    return kj_sink_child(w->sink, &member, kj_buf_span(&w->data), err);
}

/* Reads the entry at hand with one password after the other. *out_opened: it was handed out. Data
 * that is whole but for its checksum is handed out on suspicion. */
static kj_status try_passwords(walk *w, bool *out_opened, bool *out_fatal, kj_error *err)
{
    passwords *p = &w->passwords;
    size_t position = w->position;
    p->next = 0;
    for (bool there = true; there;) {
        int result = ARCHIVE_FATAL;
        p->asked = false;
        p->ran_out = false;
        w->oversize = false;
        kj_buf_clear(&w->data);
        KJ_TRY(read_data(w, &result, err));
        *out_opened = result == ARCHIVE_EOF && !w->warned;
        *out_fatal = result == ARCHIVE_FATAL;
        if (*out_opened)
            prefer_password(p);
        if (*out_opened && !w->oversize)
            return hand_out_encrypted(w, 0, err);
        if (*out_opened || (p->ran_out && !w->data.len))
            return KJ_OK;
        if (result != ARCHIVE_FATAL && w->data.len)
            KJ_TRY(hand_out_encrypted(w, KJ_MEMBER_READING, err));
        if (w->reopened++ >= REOPENED_MAX)
            return KJ_OK;
        p->next = p->asked ? p->next : 0;
        KJ_TRY(reopen_at(w, position, &there, err));
    }
    *out_fatal = true;
    return KJ_OK;
}

static kj_status walk_encrypted(walk *w, struct archive_entry *entry, kj_span name, bool *out_fatal,
                                kj_error *err)
{
    bool opened = false;
    bool is_tried = w->way->format == ARCHIVE_FORMAT_ZIP && w->passwords.count &&
                    w->hopeless < HOPELESS_MAX && !lib.archive_entry_is_metadata_encrypted(entry);
    w->oversize = is_tried && is_too_large(w, entry);
    if (is_tried && !w->oversize) {
        KJ_TRY(try_passwords(w, &opened, out_fatal, err));
        w->hopeless += !opened;
    }
    if (w->oversize)
        kj_sink_unseen(w->sink, KJ_LIMIT, name, "larger than a member may be (--max-member-size)");
    else if (!opened)
        kj_sink_encrypted(w->sink, &w->member);
    return KJ_OK;
}

static bool is_ascii(kj_span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] >= 0x80)
            return false;
    return true;
}

/* libarchive makes a slash of a backslash. */
static bool is_same_name(kj_span listed, kj_span name)
{
    bool same = listed.len == name.len;
    for (size_t i = 0; same && i < name.len; i++)
        same = (listed.data[i] == '\\' ? '/' : listed.data[i]) ==
               (name.data[i] == '\\' ? '/' : name.data[i]);
    return same;
}

/* The listing's item of the entry at hand; NULL: it has none, or it cannot be told. Names in other
 * character sets than UTF-8 are not the listing's any more; then the order has to do. */
static const kj_unpack_listed *find_listed(walk *w, kj_span name)
{
    enum { SKIPPED_MAX = 64 }; /* entries that libarchive makes part of others */
    const kj_unpack_listing *listing = w->way->listing;
    size_t count = listing ? listing->count : 0;
    for (size_t i = w->listed; i < count && i - w->listed < SKIPPED_MAX; i++)
        if (is_same_name(kj_span_sub(listing->items[i].name, 0, LONGEST_NAME), name)) {
            w->listed = i + 1;
            return &listing->items[i];
        }
    if (w->listed >= count || is_ascii(listing->items[w->listed].name))
        return NULL;
    return &listing->items[w->listed++];
}

static kj_member state_member(walk *w, struct archive_entry *entry, kj_span name)
{
    kj_member member = {.name = name, .position = w->way->format ? ++w->files : 0};
    if (has_size(entry))
        member.size = (uint64_t)lib.archive_entry_size(entry);
    member.packed_size = w->way->format == ARCHIVE_FORMAT_TAR ? member.size : 0;
    const kj_unpack_listed *listed = find_listed(w, name);
    if (!listed)
        return member;
    member.size = listed->size;
    member.packed_size = listed->packed_size;
    member.position = listed->position;
    member.has_crc = true;
    member.crc = listed->crc;
    return member;
}

/* *out_fatal: nothing more can be read from the archive. */
static kj_status walk_entry(walk *w, struct archive_entry *entry, kj_span name, bool *out_fatal,
                            kj_error *err)
{
    if (is_passed_over(entry))
        return KJ_OK;
    w->member = state_member(w, entry, name);
    if (lib.archive_entry_is_data_encrypted(entry) ||
        lib.archive_entry_is_metadata_encrypted(entry))
        return walk_encrypted(w, entry, name, out_fatal, err);
    int result = ARCHIVE_FATAL;
    kj_buf_clear(&w->data);
    w->oversize = is_too_large(w, entry);
    bool is_directory = lib.archive_entry_filetype(entry) == AE_IFDIR;
    KJ_TRY(read_data(w, &result, err));
    if (w->oversize)
        kj_sink_unseen(w->sink, KJ_LIMIT, name, "larger than a member may be (--max-member-size)");
    else if (w->data.len || (result == ARCHIVE_EOF && !is_directory)) {
        w->member.size = w->data.len;
        KJ_TRY(kj_sink_child(w->sink, &w->member, kj_buf_span(&w->data), err));
    }
    if (is_directory && !w->oversize && result == ARCHIVE_EOF && !w->data.len &&
        !w->way->sized_directories)
        kj_sink_unseen(w->sink, KJ_UNSUPPORTED, name, "a directory that says it has data");
    if (result == ARCHIVE_RETRY)
        kj_sink_unseen(w->sink, KJ_MALFORMED, name, "its data makes no progress");
    else if (result != ARCHIVE_EOF)
        unseen(w, name);
    *out_fatal = result == ARCHIVE_FATAL;
    return KJ_OK;
}

static bool is_unfiltered(const walk *w)
{
    return !w->way->format && lib.archive_filter_code(w->archive, 0) == ARCHIVE_FILTER_NONE;
}

static kj_status walk_entries(walk *w, kj_error *err)
{
    for (;;) {
        struct archive_entry *entry = NULL;
        kj_span name = {0};
        int result = ARCHIVE_FATAL;
        KJ_TRY(next_entry(w, &entry, &name, &result, err));
        if (result == ARCHIVE_EOF)
            return KJ_OK;
        if (result != ARCHIVE_OK)
            return fail(w, err);
        if (is_unfiltered(w))
            return kj_fail(err, KJ_MALFORMED, KJ_NO_OFFSET, "its compressed data cannot be read");
        w->started = true;
        bool fatal = false;
        KJ_TRY(walk_entry(w, entry, name, &fatal, err));
        if (!w->way->format && w->oversize)
            return KJ_OK;
        if (fatal)
            return fail(w, err);
    }
}

static kj_status walk_archive(walk *w, kj_error *err)
{
    kj_status status = open_archive(w, err);
    if (status == KJ_OK)
        status = walk_entries(w, err);
    close_archive(w);
    return status;
}

kj_status kj_unpack_walk(const kj_unpack_way *way, const kj_object *object, kj_span bytes,
                         kj_sink *sink, kj_error *err)
{
    KJ_TRY(kj_lazy_load(&library, err));
    walk w = {.way = way, .object = object, .bytes = bytes, .sink = sink};
    w.guess = way->format || way->guessed;
    collect_passwords(object, sink, &w.passwords);
    w.locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    kj_buf_init(&w.data, (size_t)kj_min_u64(sink->largest_member, SIZE_MAX));
    kj_status status = walk_archive(&w, err);
    if (status == KJ_MALFORMED && !w.guess && !w.started) {
        w.guess = true;
        status = walk_archive(&w, err);
    }
    kj_buf_done(&w.data);
    if (w.locale)
        freelocale(w.locale);
    return way->weak && status == KJ_MALFORMED && !w.started ? KJ_OK : status;
}
