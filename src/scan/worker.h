/* SPDX-License-Identifier: Apache-2.0 */
/* The child's side of the pool. */
#pragma once

#include "scan/wire.h"

#include <sys/types.h>

enum { KJ_WORKER_FD = 3 }; /* the socket to the supervisor, all that a worker has but stderr */

/* Serves requests until the supervisor, process `parent`, closes the socket; never returns. */
_Noreturn void kj_worker_run(int socket_fd, pid_t parent, const kj_wire_sets *sets,
                             const kj_scan_limits *limits, const kj_module_env *env);
