/* SPDX-License-Identifier: Apache-2.0 */
/* How the page of a host run looks: on a screen, on a narrow one, on A4. */
#pragma once

/* CSS without `<` and `&`, so that it may stand in HTML and in XML. */
extern const char kj_host_style[];
