/* SPDX-License-Identifier: Apache-2.0 */
/* Words of a message that may be the password of an archive in it. */
#include "base/arith.h"
#include "base/text.h"
#include "formats/mail_walk.h"

enum { SUBJECT_MAX = 1024, PASSWORDS_MAX = 200, PASSWORD_LEN_MAX = 64, NEAR = 6 };

/* Words behind which a password stands, in messages that bring an encrypted archive. */
static const char *const announcing[] = {
    "password", "passwort", "kennwort", "passwd", "pass",       "passcode",       "pwd",
    "pw",       "pin",      "code",     "key",    "contrasena", "contraseña",     "senha",
    "parola",   "пароль",   "密码",     "密碼",   "パスワード", "解凍パスワード", "mot",
    "passe"};

static bool is_announcing(kj_span word)
{
    for (size_t i = 0; i < KJ_COUNT(announcing); i++)
        if (kj_text_equal_nocase(word, kj_span_str(announcing[i])))
            return true;
    return false;
}

static bool is_around_word(uint8_t c)
{
    return strchr("\"'`.,;:()[]{}<>=*_|", c) != NULL;
}

/* The next word: up to a blank or a tag of HTML. */
static bool next_word(kj_span text, size_t *pos, kj_span *out)
{
    while (*pos < text.len) {
        size_t start = *pos;
        bool tag = text.data[start] == '<';
        size_t end = start;
        while (end < text.len && (tag ? text.data[end] != '>'
                                      : !kj_is_space(text.data[end]) && text.data[end] != '<'))
            end++;
        *pos = end < text.len && text.data[end] != '<' ? end + 1 : end;
        if (!tag && end > start) {
            *out = kj_span_sub(text, start, end - start);
            return true;
        }
    }
    return false;
}

static kj_span without_marks(kj_span word)
{
    while (word.len && is_around_word(word.data[0]))
        word = kj_span_sub(word, 1, SIZE_MAX);
    while (word.len && is_around_word(word.data[word.len - 1]))
        word.len--;
    return word;
}

/* Without the full stop behind it and one pair of quotes or brackets around it. */
static kj_span without_pair(kj_span word)
{
    if (word.len && strchr(".,;:", word.data[word.len - 1]))
        word.len--;
    bool paired =
        word.len >= 2 && is_around_word(word.data[0]) && is_around_word(word.data[word.len - 1]);
    return paired ? kj_span_sub(word, 1, word.len - 2) : word;
}

typedef struct words {
    kj_span *items;
    size_t count;
} words;

static void add_word(words *list, kj_span word)
{
    if (word.len == 0 || word.len > PASSWORD_LEN_MAX || list->count == PASSWORDS_MAX)
        return;
    for (size_t i = 0; i < list->count; i++)
        if (kj_span_equal(list->items[i], word))
            return;
    list->items[list->count++] = word;
}

/* Those that are announced first, then all. */
static void pick_words(kj_span text, bool announced, words *list)
{
    size_t pos = 0;
    unsigned near = 0;
    kj_span word;
    while (list->count < PASSWORDS_MAX && next_word(text, &pos, &word)) {
        size_t colon = kj_span_find(word, kj_span_str(":"), 0);
        bool joined =
            colon != SIZE_MAX && is_announcing(without_marks(kj_span_sub(word, 0, colon)));
        if (near || joined || !announced) {
            add_word(list, without_marks(word));
            add_word(list, without_pair(word));
            add_word(list, word);
        }
        if (joined && colon + 1 < word.len)
            add_word(list, kj_span_sub(word, colon + 1, SIZE_MAX));
        near = joined || is_announcing(without_marks(word)) ? NEAR : near ? near - 1 : 0;
    }
}

kj_status kj_mail_collect_words(kj_mail_walk *w, kj_error *err)
{
    if (w->collected || !w->mail)
        return KJ_OK;
    w->collected = true;
    kj_mail_walk inner = {.sink = w->sink, .message = w->message, .collecting = true};
    kj_buf_init(&inner.scratch, w->scratch.max);
    kj_buf_init(&inner.decoded, 0);
    kj_buf_init(&inner.texts, KJ_MAIL_WORDS_MAX + SUBJECT_MAX);
    kj_buf_put(&inner.texts, kj_span_sub(w->mail->subject, 0, SUBJECT_MAX));
    kj_buf_put_byte(&inner.texts, '\n');
    kj_status status = kj_mail_walk_parts(&inner, w->message, err);
    char *text = kj_arena_text(w->sink->arena, kj_buf_span(&inner.texts));
    words list = {.items = kj_new_array(w->sink->arena, kj_span, PASSWORDS_MAX)};
    if (status == KJ_OK && text && list.items) {
        pick_words(kj_span_of(text, inner.texts.len), true, &list);
        pick_words(kj_span_of(text, inner.texts.len), false, &list);
        w->mail->passwords = list.items;
        w->mail->password_count = list.count;
    }
    kj_buf_done(&inner.scratch);
    kj_buf_done(&inner.decoded);
    kj_buf_done(&inner.texts);
    return status;
}
