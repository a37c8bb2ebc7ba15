/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of following a command line share (command.c, command_hosts.c, shortcut.c). */
#pragma once

#include "host/autostarts.h"

/* One command while it is followed. */
typedef struct kj_command_walk {
    const kj_system *system;
    kj_path_context context;
    unsigned depth;   /* hosts and shortcuts that may still stand behind each other */
    unsigned lookups; /* of files that it may still take */
    unsigned work;    /* done beside them, in lookups */
} kj_command_walk;

/* A program, or another file that something names. */
typedef struct kj_program {
    kj_span name; /* as written, without quotes */
    kj_span rest; /* what stands behind it, trimmed */
    kj_node file; /* path.len == 0: not there */
    uint32_t flags;
} kj_program;

/* Lists of extensions that are tried where a name has none; ended by NULL. */
extern const char *const kj_command_programs[];
extern const char *const kj_command_dlls[];

/* The next word, without its quotes, and what stands behind it, trimmed. */
kj_span kj_command_word(kj_span *text);

/* The file that a name leads to: a path, or searched for where Windows searches. */
kj_program kj_command_locate(kj_command_walk *w, kj_span name, const char *const *extensions);

/* What a text begins with: a quoted path, or the shortest reading that leads to a file. */
kj_program kj_command_split(kj_command_walk *w, kj_span text, const char *const *extensions);

/* Fills *out with a file as the target; *out is empty before. */
void kj_command_aim(const kj_command_walk *w, const kj_program *program, kj_command_target *out);

/* Follows a command, its variables expanded; out->arguments are its own. */
void kj_command_follow(kj_command_walk *w, kj_span text, kj_command_target *out);

/* The same for a program that was found, or not. */
void kj_command_follow_program(kj_command_walk *w, const kj_program *program,
                               kj_command_target *out);

/* What stands behind a program that only starts others. False: nothing, it is itself the target. */
bool kj_command_unwrap(kj_command_walk *w, const kj_program *host, kj_command_target *out);

/* What a shortcut leads to: .lnk, .url, .pif. False: nothing that could be read. */
bool kj_shortcut_follow(kj_command_walk *w, const kj_node *file, kj_command_target *out);

/* A text for people; the system's arena's; empty without memory. */
kj_span kj_command_shown(const kj_system *system, kj_span text);
