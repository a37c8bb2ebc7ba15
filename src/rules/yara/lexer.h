/* SPDX-License-Identifier: Apache-2.0 */
/* YARA's tokens. Literals are handed out as they stand in the source; whoever wants their value
 * decodes them, so that skipping a broken rule costs nothing and says nothing. */
#pragma once

#include "base/span.h"

typedef enum kj_tok {
    KJ_TOK_END,
    KJ_TOK_BAD, /* no token; `problem` says why */
    KJ_TOK_IDENTIFIER,
    KJ_TOK_INTEGER,
    KJ_TOK_REAL,
    KJ_TOK_TEXT,           /* with its quotes */
    KJ_TOK_REGEX,          /* with its slashes and flags */
    KJ_TOK_READ,           /* uint16be and so on; value: KJ_READ_... */
    KJ_TOK_PATTERN,        /* $a, or $ alone */
    KJ_TOK_PATTERN_SET,    /* $a* */
    KJ_TOK_PATTERN_COUNT,  /* #a */
    KJ_TOK_PATTERN_OFFSET, /* @a */
    KJ_TOK_PATTERN_LENGTH, /* !a */
    /* punctuation */
    KJ_TOK_DOT_DOT,
    KJ_TOK_EQ,
    KJ_TOK_NE,
    KJ_TOK_LE,
    KJ_TOK_GE,
    KJ_TOK_SHL,
    KJ_TOK_SHR,
    KJ_TOK_LT,
    KJ_TOK_GT,
    KJ_TOK_ASSIGN,
    KJ_TOK_COLON,
    KJ_TOK_COMMA,
    KJ_TOK_DOT,
    KJ_TOK_OPEN,
    KJ_TOK_CLOSE,
    KJ_TOK_OPEN_BRACE,
    KJ_TOK_CLOSE_BRACE,
    KJ_TOK_OPEN_BRACKET,
    KJ_TOK_CLOSE_BRACKET,
    KJ_TOK_PLUS,
    KJ_TOK_MINUS,
    KJ_TOK_STAR,
    KJ_TOK_BACKSLASH,
    KJ_TOK_PERCENT,
    KJ_TOK_AMPERSAND,
    KJ_TOK_BAR,
    KJ_TOK_CARET,
    KJ_TOK_TILDE,
    /* keywords */
    KJ_TOK_ALL,
    KJ_TOK_AND,
    KJ_TOK_ANY,
    KJ_TOK_ASCII,
    KJ_TOK_AT,
    KJ_TOK_BASE64,
    KJ_TOK_BASE64WIDE,
    KJ_TOK_CONDITION,
    KJ_TOK_CONTAINS,
    KJ_TOK_DEFINED,
    KJ_TOK_ENDSWITH,
    KJ_TOK_ENTRYPOINT,
    KJ_TOK_FALSE,
    KJ_TOK_FILESIZE,
    KJ_TOK_FOR,
    KJ_TOK_FULLWORD,
    KJ_TOK_GLOBAL,
    KJ_TOK_ICONTAINS,
    KJ_TOK_IENDSWITH,
    KJ_TOK_IEQUALS,
    KJ_TOK_IMPORT,
    KJ_TOK_IN,
    KJ_TOK_INCLUDE,
    KJ_TOK_ISTARTSWITH,
    KJ_TOK_MATCHES,
    KJ_TOK_META,
    KJ_TOK_NOCASE,
    KJ_TOK_NONE,
    KJ_TOK_NOT,
    KJ_TOK_OF,
    KJ_TOK_OR,
    KJ_TOK_PRIVATE,
    KJ_TOK_RULE,
    KJ_TOK_STARTSWITH,
    KJ_TOK_STRINGS,
    KJ_TOK_THEM,
    KJ_TOK_TRUE,
    KJ_TOK_WIDE,
    KJ_TOK_XOR,
    KJ_TOK_COUNT
} kj_tok;

typedef struct kj_token {
    kj_tok kind;
    kj_span text;        /* as written; into the source */
    size_t offset;       /* of text in the source */
    uint32_t value;      /* READ */
    const char *problem; /* BAD */
    const char *hint;    /* BAD; may be NULL */
} kj_token;

typedef struct kj_lexer {
    kj_span in; /* the source up to where the rules end */
    size_t pos;
} kj_lexer;

/* The next token. At the end of input it is END, again and again. */
kj_token kj_lexer_next(kj_lexer *lexer);

/* Moves past blanks and comments. False at a comment that does not end. */
bool kj_lexer_skip_blanks(kj_lexer *lexer);

/* How a kind is called in messages: "an identifier", "'=='". */
const char *kj_tok_name(kj_tok kind);

/* Whether a word is one that the language keeps for itself. */
bool kj_tok_is_keyword(kj_tok kind);

/* The value of an INTEGER as written, KB and MB included; false when it exceeds 63 bits. */
bool kj_token_integer(kj_span text, int64_t *out);
