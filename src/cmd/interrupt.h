/* SPDX-License-Identifier: Apache-2.0 */
/* Ctrl-C and SIGTERM, once: what runs is asked to stop. A second one ends the program at once. */
#pragma once

#include "scan/scan.h"

/* Begins to listen. Returns a descriptor that becomes readable with the signal, or -1. */
int kj_interrupt_listen(void);

/* The scanner to cancel with the signal; NULL: none. */
void kj_interrupt_set_scanner(kj_scanner *scanner);

/* The signal that came, or 0. */
int kj_interrupt_signal(void);

/* The same as a question that long work asks between its steps; `user` is not looked at. */
bool kj_interrupt_stops(void *user);
