/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "reporting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

int sp_report_ends[2];

char *sp_reporting(const char *more)
{
    char *text;

    ck_assert_int_gt(
        asprintf(&text, "report = %d\nreport_nonce = " SP_NONCE "\n%s", sp_report_ends[1], more),
        0);
    return text;
}

void sp_start_reporting(const char *more)
{
    char *text;

    ck_assert_int_eq(pipe(sp_report_ends), 0);
    text = sp_reporting(more);
    sp_start(text);
    free(text);
}

char *sp_reported(void)
{
    char *text = calloc(1, 65537), *end;
    size_t length = 0;
    ssize_t got;

    ck_assert_int_eq(close(sp_report_ends[1]), 0);
    while ((got = read(sp_report_ends[0], text + length, 65536 - length)) > 0)
        length += (size_t)got;
    ck_assert_ptr_eq(strstr(text, "hello " SP_NONCE " "), text);
    end = strstr(text, "\nready\n");
    ck_assert_msg(end != NULL, "%s", text);
    end = strdup(end + strlen("\nready\n"));
    free(text);
    return end;
}

void sp_expect_reported(const char *expected)
{
    char *lines = sp_reported();

    ck_assert_str_eq(lines, expected);
    free(lines);
}

int sp_count_lines(const char *lines, const char *kind, const char *what)
{
    int count = 0;

    while (*lines != '\0') {
        const size_t length = strcspn(lines, "\n");
        char *line = strndup(lines, length);

        count += strncmp(line, kind, strlen(kind)) == 0 && strstr(line, what) != NULL;
        free(line);
        lines += length + 1;
    }
    return count;
}

char *sp_fingerprint_of(const char *name)
{
    X509 *cert = sp_read_cert(name);
    unsigned char digest[32];
    char *text = malloc(65);

    ck_assert_int_eq(X509_digest(cert, EVP_sha256(), digest, NULL), 1);
    for (size_t i = 0; i < sizeof(digest); i++)
        (void)snprintf(text + 2 * i, 3, "%02x", digest[i]);
    X509_free(cert);
    return text;
}
