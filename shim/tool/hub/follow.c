/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy sync --follow: a service that brings the keyring up whenever the hub says that
 * something changed, and every half minute, as what a hub says may be lost.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/text.h"
#include "tool/hub/talk.h"
#include "tool/keyring/keyring_at.h"

#define POLL_EVERY   30000 /* milliseconds, as the next two */
#define FIRST_WAIT   500
#define LONGEST_WAIT 60000

/* Set by a signal. */
static volatile sig_atomic_t stopped;

static void stop(int number)
{
    (void)number;
    stopped = 1;
}

void shim_follow_notify(const char *state)
{
    const char *name = secure_getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    size_t length = name == NULL ? 0 : strlen(name);
    int fd;

    if (length < 2 || length >= sizeof(to.sun_path) || (name[0] != '/' && name[0] != '@'))
        return;
    memcpy(to.sun_path, name, length);
    if (name[0] == '@')
        to.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&to,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
    close(fd);
}

/* Wait for |ms| milliseconds, for bytes from |fd| unless it is -1, or for a signal. */
static int wait_for(int fd, int ms)
{
    struct pollfd ready = { .fd = fd, .events = POLLIN };

    shim_follow_notify("WATCHDOG=1");
    return stopped ? -1 : poll(&ready, 1, ms);
}

/* The half of |ms| at least, so that the hosts of a fleet do not come all at once. */
static int jittered(int ms)
{
    unsigned char byte = 0;

    (void)RAND_bytes(&byte, 1);
    return ms / 2 + ms / 2 * byte / 255;
}

static int bring_up(struct shim *shim, struct shim_hub *hub, shim_synced_fn *tell)
{
    const struct shim_sync_how how = { 0 };
    struct shim_synced synced = { 0 };
    struct sp_keyring *keyring = NULL;
    int code = shim_keyring_open(shim, SP_KEYRING_WRITE, &keyring);

    if (code == SHIM_OK)
        code = shim_hub_sync(shim, hub, keyring, &how, &synced);
    sp_keyring_close(keyring);
    if (code == SHIM_OK && synced.whole + synced.stored + synced.removed + synced.keys +
                                   synced.crls_stored + synced.crls_removed >
                               0)
        tell(shim, &synced);
    shim_synced_clear(&synced);
    return code;
}

/* Has the hub said that something changed?  What it said is taken out of the queue. */
static bool was_told(const struct shim_hub *hub)
{
    PGnotify *told;
    bool some = false;

    while ((told = hub->pq->notifies(hub->connection)) != NULL) {
        some = true;
        hub->pq->freemem(told);
    }
    return some;
}

/* Listen on the channel of the realm: smime_policy.channel(). */
static int listen_to(struct shim_hub *hub)
{
    unsigned char hash[SP_SHA256_LENGTH];
    char digits[SP_FINGERPRINT_TEXT];
    char *sql;
    bool done;

    if (EVP_Digest(hub->realm, strlen(hub->realm), hash, NULL, EVP_sha256(), NULL) != 1)
        return shim_no_memory();
    sp_fingerprint_text(hash, digits);
    sql = sp_format("LISTEN smime_policy_%.32s", digits);
    if (sql == NULL)
        return shim_no_memory();
    done = shim_hub_run(hub, sql);
    OPENSSL_free(sql);
    return done ? SHIM_OK : SHIM_SYSTEM;
}

/* Follow over one connection, until it fails or a signal ends it.  |*wait| is set back. */
static int follow_on(struct shim *shim, struct shim_hub *hub, shim_synced_fn *tell, int *wait)
{
    int code = listen_to(hub);

    while (code == SHIM_OK && !stopped) {
        code = bring_up(shim, hub, tell);
        if (code != SHIM_OK)
            break;
        *wait = FIRST_WAIT;
        shim_follow_notify("READY=1");
        while (!stopped && !was_told(hub)) {
            int ready = wait_for(hub->pq->socket(hub->connection), POLL_EVERY);

            if (ready == 0)
                break;
            if (ready > 0 && hub->pq->consumeInput(hub->connection) != 1) {
                shim_error("hub %s: the connection was closed; the keyring is as it was",
                           hub->name);
                return SHIM_SYSTEM;
            }
        }
    }
    return code;
}

int shim_follow(struct shim *shim, shim_synced_fn *tell)
{
    const struct sigaction action = { .sa_handler = stop };
    int wait = FIRST_WAIT;

    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    while (!stopped) {
        struct shim_hub hub;
        int code = shim_hub_open(shim, &hub);

        if (code == SHIM_OK)
            code = follow_on(shim, &hub, tell, &wait);
        shim_hub_close(&hub);
        /* A setting does not mend itself. */
        if (code == SHIM_USAGE || code == SHIM_REFUSED)
            return code;
        if (!stopped)
            (void)wait_for(-1, jittered(wait));
        wait = wait * 2 < LONGEST_WAIT ? wait * 2 : LONGEST_WAIT;
    }
    shim_follow_notify("STOPPING=1");
    return SHIM_OK;
}
