/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Exit codes and error messages.
 */
#ifndef SHIM_MESSAGE_H
#define SHIM_MESSAGE_H

#include <stdbool.h>

enum shim_exit {
    SHIM_OK = 0,
    SHIM_USAGE = 1,
    SHIM_INPUT = 2,
    SHIM_REFUSED = 3,
    SHIM_CRYPTO = 4,
    SHIM_SYSTEM = 5
};

/*
 * Print no error from now on, or print them again: for what is only tried, and done
 * again by who then reports it.
 */
void shim_errors_mute(bool mute);
/* Call |before| before each message: a line that is shown on the terminal has to go. */
void shim_messages_follow(void (*before)(void));
/* Print "smime-policy: " and the message to stderr. */
void shim_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Name the command whose help usage errors point to.  |name| must stay valid. */
void shim_usage_is_of(const char *name);
/* As shim_error(), with a hint at the help; returns SHIM_USAGE. */
int shim_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Refuse an option that was given two values, of which one would be lost. */
int shim_usage_twice(const char *option, const char *one, const char *other);
/* Refuse --explain for |what|, which cannot be judged without being done.  Returns SHIM_USAGE. */
int shim_explains_not(const char *what, const char *instead);
/* Print that memory ran out; returns SHIM_SYSTEM. */
int shim_no_memory(void);
/* Was that printed? */
bool shim_no_memory_was_told(void);

#endif
