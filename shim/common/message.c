/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The messages of the command.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/message.h"
#include "base/allocate.h"
#include "base/shown.h"
#include "base/text.h"
#include "common/print.h"

static void (*before_messages)(void);

void shim_messages_follow(void (*before)(void))
{
    before_messages = before;
}

static void begin_message(void)
{
    if (before_messages != NULL)
        before_messages();
}

void shim_vprint(FILE *to, const char *format, va_list args)
{
    char *text = sp_vformat(format, args);
    size_t length = text == NULL ? 0 : strlen(text);
    bool ends = length > 0 && text[length - 1] == '\n';
    char *shown;

    if (to == stderr)
        begin_message();
    if (ends)
        text[length - 1] = '\0';
    shown = text == NULL ? NULL : sp_shown(text);
    fputs(shown != NULL ? shown : "(out of memory)", to);
    if (ends || shown == NULL)
        fputc('\n', to);
    OPENSSL_free(shown);
    OPENSSL_free(text);
}

static bool muted;

void shim_errors_mute(bool mute)
{
    muted = mute;
}

static void print_error(const char *format, va_list args)
{
    if (muted)
        return;
    begin_message();
    fputs("smime-policy: ", stderr);
    shim_vprint(stderr, format, args);
    fputc('\n', stderr);
}

void shim_error(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print_error(format, args);
    va_end(args);
}

static bool told_of_memory;

int shim_no_memory(void)
{
    told_of_memory = true;
    shim_error("out of memory");
    return SHIM_SYSTEM;
}

bool shim_no_memory_was_told(void)
{
    return told_of_memory;
}

static const char *command;

void shim_usage_is_of(const char *name)
{
    command = name;
}

int shim_usage(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print_error(format, args);
    va_end(args);
    if (!muted)
        fprintf(stderr, "Try 'smime-policy%s%s --help'.\n", command != NULL ? " " : "",
                command != NULL ? command : "");
    return SHIM_USAGE;
}
