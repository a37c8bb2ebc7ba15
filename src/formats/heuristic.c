/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/heuristic.h"

#include "base/status.h"
#include "base/text.h"

#define PREFIX "Heuristics."

const kj_heuristic_row kj_heuristics[KJ_HEURISTIC_COUNT] = {
    [KJ_ODD_HEADER_SYNTAX] = {PREFIX "Mail.HeaderSyntax",
                              KJ_SENTENCE("a header block that programs read differently")},
    [KJ_ODD_LINE_ENDS] = {PREFIX "Mail.LineEnds",
                          KJ_SENTENCE("line ends, or NUL bytes, that programs read differently")},
    [KJ_ODD_DUPLICATE_TYPE] = {PREFIX "Mail.DuplicateContentType",
                               KJ_SENTENCE("several content types for one part")},
    [KJ_ODD_TYPE_SYNTAX] = {PREFIX "Mail.ContentTypeSyntax",
                            KJ_SENTENCE("a content type that is none")},
    [KJ_ODD_DUPLICATE_ENCODING] = {PREFIX "Mail.DuplicateTransferEncoding",
                                   KJ_SENTENCE("several transfer encodings for one part")},
    [KJ_ODD_ENCODING_SYNTAX] = {PREFIX "Mail.TransferEncodingSyntax",
                                KJ_SENTENCE("a transfer encoding written in an unusual way")},
    [KJ_ODD_UNKNOWN_ENCODING] = {PREFIX "Mail.UnknownTransferEncoding",
                                 KJ_SENTENCE("a transfer encoding that nobody knows")},
    [KJ_ODD_PARAMETER_SYNTAX] = {PREFIX "Mail.ParameterSyntax",
                                 KJ_SENTENCE("parameters that programs read differently")},
    [KJ_ODD_CONFLICTING_NAMES] = {PREFIX "Mail.ConflictingNames",
                                  KJ_SENTENCE("an attachment with several names")},
    [KJ_ODD_NO_BOUNDARY] = {PREFIX "Mail.NoBoundary",
                            KJ_SENTENCE("a multipart message without a boundary")},
    [KJ_ODD_CONFLICTING_BOUNDARY] = {PREFIX "Mail.ConflictingBoundary",
                                     KJ_SENTENCE("several boundaries for one multipart")},
    [KJ_ODD_BOUNDARY_SYNTAX] = {PREFIX "Mail.BoundarySyntax",
                                KJ_SENTENCE("a boundary written in an unusual way")},
    [KJ_ODD_NO_DELIMITER] = {PREFIX "Mail.NoDelimiter",
                             KJ_SENTENCE("a multipart in which its boundary does not occur")},
    [KJ_ODD_DELIMITER_SYNTAX] = {PREFIX "Mail.DelimiterSyntax",
                                 KJ_SENTENCE("a line that is nearly a delimiter of parts")},
    [KJ_ODD_UNCLOSED_MULTIPART] = {PREFIX "Mail.UnclosedMultipart",
                                   KJ_SENTENCE("a multipart that does not end")},
    [KJ_ODD_HIDDEN_PART] = {PREFIX "Mail.HiddenPart",
                            KJ_SENTENCE("something like a part where no part belongs")},
    [KJ_ODD_ENCODED_MULTIPART] = {PREFIX "Mail.EncodedMultipart",
                                  KJ_SENTENCE("a multipart or a message that is itself encoded")},
    [KJ_ODD_NESTING] = {PREFIX "Mail.DeepNesting",
                        KJ_SENTENCE("parts nested deeper than mail programs read")},
    [KJ_ODD_BASE64_INNER_PADDING] = {PREFIX "Mail.Base64InnerPadding",
                                     KJ_SENTENCE("base64 that goes on behind its end")},
    [KJ_ODD_BASE64_SYNTAX] = {PREFIX "Mail.Base64Syntax",
                              KJ_SENTENCE("base64 with characters that do not belong there")},
    [KJ_ODD_QUOTED_PRINTABLE_SYNTAX] = {PREFIX "Mail.QuotedPrintableSyntax",
                                        KJ_SENTENCE("broken quoted-printable")},
    [KJ_ODD_ENCODED_RUN] = {PREFIX "Mail.EncodedRun",
                            KJ_SENTENCE("encoded data where nothing says so")},
    [KJ_ODD_PARTIAL_MESSAGE] = {PREFIX "Mail.PartialMessage",
                                KJ_SENTENCE("one piece of a message that was sent in pieces")},
    [KJ_ODD_EXTERNAL_BODY] = {PREFIX "Mail.ExternalBody",
                              KJ_SENTENCE("an attachment that is fetched from elsewhere")},
};

/* A name without "Heuristics.", if it has that. */
static kj_span without_prefix(kj_span name)
{
    kj_span prefix = kj_span_str(PREFIX);
    bool has = kj_text_equal_nocase(kj_span_sub(name, 0, prefix.len), prefix);
    return has ? kj_span_sub(name, prefix.len, SIZE_MAX) : name;
}

kj_heuristic kj_heuristic_find(kj_span name)
{
    kj_span wanted = without_prefix(name);
    size_t i = 0;
    while (i < KJ_HEURISTIC_COUNT &&
           !kj_text_equal_nocase(wanted, without_prefix(kj_span_str(kj_heuristics[i].name))))
        i++;
    return (kj_heuristic)i;
}

/* "Mail" of "Mail.DuplicateTransferEncoding". */
static kj_span group_of(kj_span name)
{
    const uint8_t *dot = memchr(name.data, '.', name.len);
    return kj_span_sub(name, 0, dot ? (size_t)(dot - name.data) : name.len);
}

kj_oddities kj_heuristics_called(kj_span word)
{
    if (kj_text_equal_nocase(word, kj_span_str("all")))
        return KJ_ODD_ALL;
    kj_heuristic one = kj_heuristic_find(word);
    if (one != KJ_HEURISTIC_COUNT)
        return KJ_ODD(one);
    kj_span wanted = without_prefix(word);
    kj_oddities group = 0;
    for (size_t i = 0; i < KJ_HEURISTIC_COUNT; i++)
        if (kj_text_equal_nocase(wanted,
                                 group_of(without_prefix(kj_span_str(kj_heuristics[i].name)))))
            group |= KJ_ODD(i);
    return group;
}
