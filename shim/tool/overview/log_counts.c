/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/json_text.h"
#include "base/text.h"
#include "tool/overview/overview.h"

/* A longer line is skipped: no line of the log is. */
#define LONGEST_LINE 65536
/* A table has at most so many rows; what does not fit in is counted in one more. */
#define MOST_ROWS 1000

#define OTHERS "(others)"

enum table { RULES, PROGRAMS, DAYS, CERTIFICATES, TABLES };
static const char *const names[TABLES] = { "rules", "programs", "days", "certificates" };

struct counting {
    const char *since;      /* borrowed */
    json_t *tables[TABLES]; /* owned: name -> { refused, observed } */
    json_int_t refused, observed, skipped;
};

static void count(struct counting *counting, enum table table, const char *name, bool refused)
{
    json_t *rows = counting->tables[table];
    const char *column = refused ? "refused" : "observed";
    json_t *row;

    if (json_object_get(rows, name) == NULL && json_object_size(rows) >= MOST_ROWS)
        name = OTHERS;
    row = json_object_get(rows, name);
    if (row == NULL) {
        row = json_pack("{s:i, s:i}", "refused", 0, "observed", 0);
        if (json_object_set_new(rows, name, row) != 0)
            return;
    }
    json_integer_set(json_object_get(row, column),
                     json_integer_value(json_object_get(row, column)) + 1);
}

static const char *text_of(const json_t *line, const char *member, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(line, member));

    return text == NULL || text[0] == '\0' ? otherwise : text;
}

/* Each rule that denied, once a decision. */
static void count_rules(struct counting *counting, const json_t *line, bool refused)
{
    const json_t *findings = json_object_get(line, "findings");
    json_t *told = json_object();
    const json_t *finding;
    size_t i;

    json_array_foreach(findings, i, finding)
    {
        const char *rule = text_of(finding, "rule", NULL);

        if (rule == NULL || strcmp(text_of(finding, "severity", ""), "deny") != 0 ||
            json_object_get(told, rule) != NULL)
            continue;
        json_object_set_new(told, rule, json_true());
        count(counting, RULES, rule, refused);
    }
    if (json_object_size(told) == 0)
        count(counting, RULES, text_of(line, "note", "(no rule)"), refused);
    json_decref(told);
}

/* "CN=Bob (0123456789abcdef)"; the line has the subject, the fingerprint, both or neither. */
static char *certificate_of(const json_t *line)
{
    const char *subject = text_of(line, "subject", "(no subject)");
    const char *fingerprint = text_of(line, "certificate", NULL);

    return fingerprint == NULL ? sp_format("%s", subject)
                               : sp_format("%s (%.16s)", subject, fingerprint);
}

static void count_line(struct counting *counting, const json_t *line)
{
    const char *verdict = text_of(line, "verdict", "");
    const char *time = text_of(line, "time", "");
    bool refused = strcmp(verdict, "refused") == 0;
    char day[sizeof("2024-07-31")];
    char *certificate;

    if ((!refused && strcmp(verdict, "observed") != 0) || strcmp(time, counting->since) < 0)
        return;
    certificate = certificate_of(line);
    if (certificate == NULL)
        return;
    (void)snprintf(day, sizeof(day), "%s", time);
    *(refused ? &counting->refused : &counting->observed) += 1;
    count_rules(counting, line, refused);
    count(counting, PROGRAMS, text_of(line, "program", "(unknown)"), refused);
    count(counting, DAYS, day, refused);
    count(counting, CERTIFICATES, certificate, refused);
    OPENSSL_free(certificate);
}

static void count_text(struct counting *counting, const char *text, size_t length)
{
    json_t *line = json_loadb(text, length, 0, NULL);

    if (json_is_object(line))
        count_line(counting, line);
    else
        counting->skipped++;
    json_decref(line);
}

/* Read a line, which may hold NULs, with its end; its whole length, or 0 at the end of the file. */
static size_t read_line(FILE *file, char line[LONGEST_LINE])
{
    size_t length = 0;
    int byte = 0;

    while (byte != '\n' && (byte = getc_unlocked(file)) != EOF) {
        if (length < LONGEST_LINE)
            line[length] = (char)byte;
        length++;
    }
    return length;
}

static void count_file(struct counting *counting, FILE *file, char line[LONGEST_LINE])
{
    size_t length;

    while ((length = read_line(file, line)) > 0)
        if (length <= LONGEST_LINE)
            count_text(counting, line, length);
        else
            counting->skipped++;
}

/*
 * Open a log that is a regular file.  NULL with |*why|, which is borrowed, set; or with
 * NULL in it if there is none yet.
 */
static FILE *open_log(const char *path, const char **why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat about;
    FILE *file = NULL;

    *why = fd < 0 && errno != ENOENT ? strerror(errno) : NULL;
    if (fd < 0)
        return NULL;
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode))
        *why = "it is not a regular file";
    else if ((file = fdopen(fd, "r")) == NULL)
        *why = strerror(errno);
    if (file == NULL)
        close(fd);
    return file;
}

/* The rows of a table, as [{ name, refused, observed }]. */
static json_t *rows_of(json_t *table)
{
    json_t *rows = json_array();
    const char *name;
    json_t *row;

    json_object_foreach(table, name, row)
    {
        json_object_set_new(row, "name", json_string(name));
        json_array_append(rows, row);
    }
    return rows;
}

static json_t *result(struct counting *counting, const char *path, const char *why)
{
    json_t *object =
        json_pack("{s:o, s:s, s:s?, s:I, s:I, s:I}", "file", sp_json_text(path), "since",
                  counting->since, "unreadable", why, "refused", counting->refused, "observed",
                  counting->observed, "skipped", counting->skipped);

    for (int i = 0; i < TABLES; i++)
        if (json_object_set_new(object, names[i], rows_of(counting->tables[i])) != 0) {
            json_decref(object);
            return NULL;
        }
    return object;
}

/* Read the log |path|; NULL, or why it cannot be read, borrowed. */
static const char *read_log(struct counting *counting, const char *path)
{
    const char *why;
    FILE *file;
    char *line;

    if (strcmp(path, "syslog") == 0)
        return "it goes to syslog, which is not read";
    file = open_log(path, &why);
    if (file == NULL)
        return why;
    line = OPENSSL_malloc(LONGEST_LINE);
    if (line != NULL)
        count_file(counting, file, line);
    if (line == NULL || ferror(file))
        why = "it cannot be read to its end";
    OPENSSL_free(line);
    fclose(file);
    return why;
}

json_t *shim_log_counts(const char *path, time_t since)
{
    struct counting counting = { 0 };
    char *from = sp_format_time(since);
    const char *why = NULL;
    json_t *object = NULL;

    for (int i = 0; i < TABLES; i++)
        counting.tables[i] = json_object();
    counting.since = from;
    if (from != NULL && path != NULL)
        why = read_log(&counting, path);
    if (from != NULL)
        object = result(&counting, path, why);
    for (int i = 0; i < TABLES; i++)
        json_decref(counting.tables[i]);
    OPENSSL_free(from);
    return object;
}
