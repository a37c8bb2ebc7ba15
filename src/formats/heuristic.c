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

kj_heuristic kj_heuristic_find(kj_span name)
{
    kj_span prefix = kj_span_str(PREFIX);
    for (size_t i = 0; i < KJ_HEURISTIC_COUNT; i++) {
        kj_span full = kj_span_str(kj_heuristics[i].name);
        if (kj_text_equal_nocase(name, full) ||
            kj_text_equal_nocase(name, kj_span_sub(full, prefix.len, SIZE_MAX)))
            return (kj_heuristic)i;
    }
    return KJ_HEURISTIC_COUNT;
}
