/* SPDX-License-Identifier: Apache-2.0 */
/* Messages in the user's language: _("...") where a message is printed, N_("...") where one stands
 * in a table and is translated later. The catalogue's strings are the English ones. */
#pragma once

#include <libintl.h>

#define _(text)  gettext(text)
#define N_(text) (text)
