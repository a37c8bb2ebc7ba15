/* SPDX-License-Identifier: Apache-2.0 */
/* What the user thinks of each heuristic: --heuristic NAME=POLICY, and the list of all. */
#pragma once

#include "cmd/options.h"
#include "scan/run.h"

/* Takes "NAME=POLICY" after "NAME=POLICY"; later ones win. NAME: one, a group, or all; POLICY:
 * ignore, report or detect. False, with a message on stderr, for anything else. */
bool kj_heuristics_choose(const kj_option_list *choices, kj_odd_policy *out);

/* Prints name, policy and meaning of each on stdout: a line each, as JSON or for people. */
void kj_heuristics_list(const kj_odd_policy *policy, bool json);
