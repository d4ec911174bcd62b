/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A connection to the hub.  No call waits for ever: a network may hold bytes back without
 * closing the connection, so every wait is ours and has an end.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/symbol.h"
#include "base/text.h"
#include "tool/hub/talk.h"

#define NO_LIBPQ "libpq cannot be loaded; install it (Debian: libpq5)"

/* The functions of libpq; NULL if the library cannot be loaded or lacks one. */
static const struct shim_libpq *load(void)
{
    static struct shim_libpq loaded;
    static bool complete;

#define X(name) "PQ" #name "\0"
    complete = complete || sp_symbols_load("libpq.so.5\0", SHIM_LIBPQ_FUNCTIONS(X), &loaded);
#undef X
    return complete ? &loaded : NULL;
}

bool shim_hub_ready(char **why)
{
    const bool is_there = load() != NULL;

    *why = is_there ? NULL : OPENSSL_strdup(NO_LIBPQ);
    return is_there;
}

/* The first line of libpq's message; it may have several. */
static void failed(const struct shim_hub *hub, const char *what, const char *why)
{
    shim_error("hub %s: %s: %.*s; the keyring is as it was", hub->name, what,
               (int)strcspn(why, "\n"), why);
}

static bool lost(const struct shim_hub *hub)
{
    failed(hub, "the connection failed", hub->pq->errorMessage(hub->connection));
    return false;
}

/* Wait until the hub can be read from or, with |writes|, written to. */
static bool wait_for(const struct shim_hub *hub, bool writes)
{
    struct pollfd fd = { .fd = hub->pq->socket(hub->connection),
                         .events = (short)(POLLIN | (writes ? POLLOUT : 0)) };
    int ready;

    do
        ready = poll(&fd, 1, hub->patience);
    while (ready < 0 && errno == EINTR);
    if (ready > 0)
        return true;
    failed(hub, "no answer",
           ready == 0 ? "it was silent for too long; see to the server and the "
                        "network, and try again"
                      : strerror(errno));
    return false;
}

/* Send what libpq has in store. */
static bool flush(const struct shim_hub *hub)
{
    int more;

    while ((more = hub->pq->flush(hub->connection)) == 1)
        if (!wait_for(hub, true) || hub->pq->consumeInput(hub->connection) != 1)
            return false;
    return more == 0 || lost(hub);
}

/* The next result; |*failed_to| is set if waiting for it failed. */
static PGresult *next_result(const struct shim_hub *hub, bool *failed_to)
{
    *failed_to = !flush(hub);
    while (!*failed_to && hub->pq->isBusy(hub->connection) == 1)
        *failed_to =
            !wait_for(hub, false) || (hub->pq->consumeInput(hub->connection) != 1 && !lost(hub));
    return *failed_to ? NULL : hub->pq->getResult(hub->connection);
}

/* publish() names a certificate under these states. */
static bool note_clash(struct shim_hub *hub, const PGresult *result)
{
    const char *state = hub->pq->resultErrorField(result, PG_DIAG_SQLSTATE);
    const char *name = hub->pq->resultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

    if (state == NULL || name == NULL || strncmp(state, "SP", 2) != 0)
        return false;
    OPENSSL_free(hub->clash);
    hub->clash = sp_format("%s %.16s", state, name);
    return true;
}

/* What a person can do about an error of PostgreSQL. */
static const char *remedy(const PGresult *result, const struct shim_hub *hub)
{
    static const struct {
        const char *state, *remedy;
    } remedies[] = {
        { "42P01", "; make its tables with 'smime-policy hub init'" },
        { "3F000", "; make its tables with 'smime-policy hub init'" },
        { "42501", "; admit this host's login, as docs/use/guides/fleet.md shows" },
        { "53100", "; make room on the disk of the server" },
        { "55P03", "; others are writing, try again" },
        { "57014", "; others are writing, try again" },
    };
    const char *state = hub->pq->resultErrorField(result, PG_DIAG_SQLSTATE);

    for (size_t i = 0; state != NULL && i < sizeof(remedies) / sizeof(remedies[0]); i++)
        if (strcmp(state, remedies[i].state) == 0)
            return remedies[i].remedy;
    return "";
}

static bool is_good(struct shim_hub *hub, const PGresult *result)
{
    const char *why;

    switch (hub->pq->resultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_COPY_IN:
        return true;
    default:
        why = hub->pq->resultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
        if (why == NULL)
            return lost(hub);
        if (!note_clash(hub, result))
            shim_error("hub %s: it refused: %s%s; the keyring is as it was", hub->name, why,
                       remedy(result, hub));
        return false;
    }
}

/* The last result of what was sent; NULL with the reason told.  A COPY that begins is returned. */
static PGresult *collect(struct shim_hub *hub)
{
    PGresult *last = NULL;
    PGresult *next;
    bool failed_to = false;
    bool good = true;

    shim_follow_notify("WATCHDOG=1");
    while ((next = next_result(hub, &failed_to)) != NULL) {
        good = is_good(hub, next) && good;
        hub->pq->clear(last);
        last = next;
        if (!good || hub->pq->resultStatus(next) == PGRES_COPY_IN)
            break;
    }
    if (last != NULL && good && !failed_to)
        return last;
    if (last == NULL && !failed_to)
        (void)lost(hub);
    hub->pq->clear(last);
    while (!good && (next = next_result(hub, &failed_to)) != NULL)
        hub->pq->clear(next);
    return NULL;
}

static bool is_done(struct shim_hub *hub, PGresult *result)
{
    hub->pq->clear(result);
    return result != NULL;
}

PGresult *shim_hub_ask(struct shim_hub *hub, const char *sql, const char *const *values)
{
    int count = 0;

    while (values != NULL && values[count] != NULL)
        count++;
    if (hub->pq->sendQueryParams(hub->connection, sql, count, NULL, values, NULL, NULL, 1) == 1)
        return collect(hub);
    (void)lost(hub);
    return NULL;
}

bool shim_hub_run_with(struct shim_hub *hub, const char *sql, const char *const *values)
{
    return is_done(hub, shim_hub_ask(hub, sql, values));
}

bool shim_hub_run(struct shim_hub *hub, const char *sql)
{
    return (hub->pq->sendQuery(hub->connection, sql) == 1 || lost(hub)) &&
           is_done(hub, collect(hub));
}

bool shim_hub_copy_put(struct shim_hub *hub, const char *bytes, size_t length)
{
    return (hub->pq->putCopyData(hub->connection, bytes, (int)length) == 1 || lost(hub)) &&
           flush(hub);
}

bool shim_hub_copy_end(struct shim_hub *hub)
{
    return (hub->pq->putCopyEnd(hub->connection, NULL) == 1 || lost(hub)) &&
           is_done(hub, collect(hub));
}

const char *shim_hub_text(const struct shim_hub *hub, const PGresult *rows, int row, int column)
{
    return hub->pq->getisnull(rows, row, column) == 1 ? NULL : hub->pq->getvalue(rows, row, column);
}

const unsigned char *shim_hub_bytes(const struct shim_hub *hub, const PGresult *rows, int row,
                                    int column, size_t *length)
{
    int size = hub->pq->getlength(rows, row, column);

    *length = size > 0 ? (size_t)size : 0;
    return (const unsigned char *)shim_hub_text(hub, rows, row, column);
}

int64_t shim_hub_number(const struct shim_hub *hub, const PGresult *rows, int row, int column)
{
    size_t length;
    const unsigned char *bytes = shim_hub_bytes(hub, rows, row, column, &length);
    uint64_t number = 0;

    if (bytes == NULL || length == 0 || length > sizeof(number))
        return -1;
    for (size_t i = 0; i < length; i++)
        number = number << 8 | bytes[i];
    return (int64_t)number;
}

bool shim_hub_hash(const struct shim_hub *hub, const PGresult *rows, int row, int column,
                   unsigned char hash[SP_SHA256_LENGTH])
{
    size_t length;
    const unsigned char *bytes = shim_hub_bytes(hub, rows, row, column, &length);

    if (bytes == NULL || length != SP_SHA256_LENGTH)
        return false;
    memcpy(hash, bytes, SP_SHA256_LENGTH);
    return true;
}

/* Notices are for people at a terminal of psql. */
static void ignore(void *data, const PGresult *notice)
{
    (void)data, (void)notice;
}

/* A password that the setting's text hides from our own check is found by libpq's parser. */
static int check_secrets(const struct shim_hub *hub)
{
    char *why = NULL;
    PQconninfoOption *options = hub->pq->conninfoParse(hub->name, &why);
    bool secret = false;

    if (options == NULL) {
        shim_error("hub = %s: %.*s; correct the policy file", hub->name,
                   why != NULL ? (int)strcspn(why, "\n") : 13, why != NULL ? why : "out of memory");
        hub->pq->freemem(why);
        return SHIM_INPUT;
    }
    for (const PQconninfoOption *o = options; o->keyword != NULL; o++)
        secret = secret || (o->val != NULL && (strcmp(o->keyword, "password") == 0 ||
                                               strcmp(o->keyword, "sslpassword") == 0));
    hub->pq->conninfoFree(options);
    if (secret)
        shim_error("hub: the setting holds a password; put it into ~/.pgpass, which only its owner "
                   "can read");
    return secret ? SHIM_INPUT : SHIM_OK;
}

/* What a person can do about a connection that was not made; |why| is libpq's message. */
static const char *what_to_mend(const char *why)
{
    return strstr(why, "certificate") != NULL || strstr(why, "SSL error") != NULL ||
                   strstr(why, "private key") != NULL
               ? "it cannot be reached (see to host, sslrootcert, sslcert and sslkey of the "
                 "service)"
               : "it cannot be reached";
}

static int connect_to(struct shim_hub *hub)
{
    /* Those before `dbname` are defaults, the one behind it stands. */
    static const char *const keywords[] = { "target_session_attrs", "application_name",
                                            "connect_timeout",      "dbname",
                                            "client_encoding",      NULL };
    const char *const values[] = { "read-write", "smime-policy", "10", hub->name, "UTF8", NULL };

    hub->connection = hub->pq->connectdbParams(keywords, values, 1);
    if (hub->connection == NULL)
        return shim_no_memory();
    if (hub->pq->status(hub->connection) != CONNECTION_OK) {
        const char *why = hub->pq->errorMessage(hub->connection);

        failed(hub, what_to_mend(why), why);
        return SHIM_SYSTEM;
    }
    (void)hub->pq->setNoticeReceiver(hub->connection, ignore, NULL);
    if (hub->pq->setnonblocking(hub->connection, 1) != 0)
        return shim_no_memory();
    return shim_hub_run(hub, "SET search_path = pg_catalog; SET lock_timeout = '10s'; "
                             "SET statement_timeout = '10min'; SET bytea_output = hex; "
                             "SET idle_in_transaction_session_timeout = '10min'")
               ? SHIM_OK
               : SHIM_SYSTEM;
}

int shim_hub_open(struct shim *shim, struct shim_hub *hub)
{
    int code = shim_load_settings(shim);

    *hub = (struct shim_hub){ .patience = SHIM_HUB_PATIENCE };
    if (code != SHIM_OK)
        return code;
    if (shim->settings->hub == NULL)
        return shim_usage("no hub is set; give the setting `hub` in the policy file");
    hub->name = shim->settings->hub;
    hub->realm = shim->settings->hub_realm;
    hub->pq = load();
    if (hub->pq == NULL) {
        shim_error("hub %s: " NO_LIBPQ, hub->name);
        return SHIM_SYSTEM;
    }
    code = check_secrets(hub);
    return code == SHIM_OK ? connect_to(hub) : code;
}

void shim_hub_close(struct shim_hub *hub)
{
    if (hub->connection != NULL)
        hub->pq->finish(hub->connection);
    OPENSSL_free(hub->clash);
    *hub = (struct shim_hub){ 0 };
}
