/* SPDX-License-Identifier: Apache-2.0 */
/* kujo scan --quarantine: what was detected is moved when the scan is over, in one journaled run.
 */
#pragma once

#include "base/vec.h"
#include "scan/run.h"

#include <stdio.h>

typedef struct kj_detected {
    char *path;
    char *name;     /* of the verdict */
    bool by_volume; /* known by what else is on its volume: the file alone shows nothing */
    bool inside;    /* a disk image, and detected was a file in it */
} kj_detected;

typedef struct kj_detected_list {
    KJ_VEC(kj_detected) items;
    bool starved;
} kj_detected_list;

/* Notes the file of an object in which something was detected for sure: heuristics do not count. */
void kj_detected_add(kj_detected_list *list, const kj_run_object *object);
void kj_detected_done(kj_detected_list *list);

/* Moves them into the quarantine. Each is opened once more, scanned and hashed through one
 * descriptor, so that what goes is what was detected; a mailbox that holds many messages stays.
 * What happened is said on `notes`. False when something that was detected is still there. */
bool kj_detected_move(const kj_detected_list *list, const kj_run_options *scan,
                      const char *state_path, FILE *notes);
