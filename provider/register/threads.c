/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "register/threads.h"

#include <pthread.h>
#include <string.h>

#include "register/locks.h"
#include "register/state.h"

/*
 * A program that builds certificates leaves them incomplete for a while.  So many of
 * them are looked at again, so many times, before they are let go.
 */
#define LATER_CERTS 4
#define LATER_TRIES 32

#define MAX_INSTANCES 16

struct pin {
    struct sp_cert *cert; /* a reference */
    X509 *x509;           /* a reference */
    unsigned int tries;
};

/*
 * The first pin is the certificate that was born last; the others are older and were
 * incomplete when looked at.  Guarded by the lock of the struct's address, as other
 * threads come here when the provider is unloaded.
 */
struct thread {
    struct pin pins[1 + LATER_CERTS];
    atomic_uint used;    /* a bit for each pin; its own thread reads it without the lock */
    struct thread *next; /* guarded by shard 0 */
};

struct instance {
    unsigned long number; /* counts up; 0 for a free place */
    OSSL_LIB_CTX *libctx;
    struct sp_upcalls up;
};

/* All guarded by shard 0. */
static struct thread *threads;
static struct thread *retired; /* of threads that outlived the register */
static struct instance instances[MAX_INSTANCES];
static unsigned long last_number;

/* They change when an instance comes, and when the register stops. */
static atomic_ulong arrivals, stops;

static _Thread_local struct thread *self;
static _Thread_local unsigned long self_stops, seen_arrivals;
static _Thread_local unsigned long told[MAX_INSTANCES];

/*
 * The key whose destructor reports a thread's end, made once in a process.  The
 * core's handlers could do so, too, but OPENSSL_cleanup() frees their list while a
 * thread that ends at exit() may walk it, and our work there would lengthen this
 * race.  The core is asked for the end of a program's own library contexts.
 */
static pthread_once_t ends_once = PTHREAD_ONCE_INIT;
static pthread_key_t ends;
static bool has_ends;

static struct thread *current(void)
{
    return self_stops == atomic_load(&stops) ? self : NULL;
}

static void let_go(struct pin *pin)
{
    if (pin->cert == NULL)
        return;
    sp_cert_unpinned(pin->cert);
    X509_free(pin->x509);
    sp_cert_unref(pin->cert);
    *pin = (struct pin){ 0 };
}

static struct pin take(struct thread *thread, size_t index)
{
    struct pin pin;

    sp_lock(sp_shard_of(thread));
    pin = thread->pins[index];
    thread->pins[index] = (struct pin){ 0 };
    atomic_fetch_and(&thread->used, ~(1U << index));
    sp_unlock(sp_shard_of(thread));
    return pin;
}

/* Put |pin| in place |index|.  The pin that was there is returned; the caller lets it go. */
static struct pin put(struct thread *thread, size_t index, const struct pin *pin)
{
    struct pin old;

    sp_lock(sp_shard_of(thread));
    old = thread->pins[index];
    thread->pins[index] = *pin;
    atomic_fetch_or(&thread->used, 1U << index);
    sp_unlock(sp_shard_of(thread));
    return old;
}

/* A place for an incomplete certificate: a free one, else the one tried most often. */
static size_t place_for_later(const struct thread *thread)
{
    size_t best = 1;

    for (size_t i = 1; i <= LATER_CERTS; i++) {
        if (thread->pins[i].cert == NULL)
            return i;
        if (thread->pins[i].tries > thread->pins[best].tries)
            best = i;
    }
    return best;
}

static void settle(struct thread *thread, size_t index)
{
    struct pin pin = take(thread, index), old;

    if (pin.cert == NULL)
        return;
    if (sp_cert_settle(pin.cert) || sp_cert_is_dead(pin.cert) || ++pin.tries > LATER_TRIES) {
        let_go(&pin);
        return;
    }
    old = put(thread, index == 0 ? place_for_later(thread) : index, &pin);
    let_go(&old);
}

void sp_thread_event(void)
{
    struct thread *thread = current();
    unsigned int used = thread != NULL ? atomic_load(&thread->used) : 0;

    for (unsigned int i = 0; i <= LATER_CERTS; i++)
        if ((used & (1U << i)) != 0)
            settle(thread, i);
}

static void let_all_go(struct thread *thread)
{
    for (size_t i = 0; i <= LATER_CERTS; i++) {
        struct pin pin = take(thread, i);

        let_go(&pin);
    }
}

/* Take |thread| off the list; the caller then owns it.  False: a stop has taken it. */
static bool unlink_thread(const struct thread *thread)
{
    struct thread **link = &threads;
    bool listed;

    sp_lock(0);
    while (*link != NULL && *link != thread)
        link = &(*link)->next;
    listed = *link != NULL;
    if (listed)
        *link = thread->next;
    sp_unlock(0);
    return listed;
}

/* Called between sp_register_enter() and sp_register_leave(). */
static void end_this_thread(void)
{
    struct thread *thread = current();

    if (thread == NULL)
        return;
    sp_thread_event();
    let_all_go(thread);
    if (unlink_thread(thread))
        OPENSSL_free(thread);
}

static void thread_end(void *unused)
{
    (void)unused;
    /* Otherwise the stop takes what this thread had. */
    if (sp_register_enter()) {
        end_this_thread();
        sp_register_leave();
    }
    self = NULL;
}

/* The core calls this at the end of the thread or of the library context. */
static void context_end(void *libctx)
{
    sp_lock(0);
    for (size_t i = 0; i < MAX_INSTANCES; i++)
        if (instances[i].libctx == libctx)
            told[i] = 0;
    sp_unlock(0);
    seen_arrivals = 0;
    thread_end(NULL);
}

static void make_ends(void)
{
    has_ends = pthread_key_create(&ends, thread_end) == 0;
}

static struct thread *this_thread(void)
{
    struct thread *thread = current();

    if (thread != NULL)
        return thread;
    if (pthread_once(&ends_once, make_ends) != 0 || !has_ends ||
        (thread = OPENSSL_zalloc(sizeof(*thread))) == NULL)
        return NULL;
    if (pthread_setspecific(ends, thread) != 0) {
        OPENSSL_free(thread);
        return NULL;
    }
    sp_lock(0);
    self_stops = atomic_load(&stops);
    thread->next = threads;
    threads = thread;
    sp_unlock(0);
    self = thread;
    return thread;
}

/* Ask the instances that are new to report the end of their library context. */
static void tell_instances(void)
{
    unsigned long now = atomic_load(&arrivals);

    if (seen_arrivals == now)
        return;
    seen_arrivals = now;
    sp_lock_telling();
    for (size_t i = 0; i < MAX_INSTANCES; i++) {
        struct instance instance;

        sp_lock(0);
        instance = instances[i];
        sp_unlock(0);
        if (instance.number == 0 || instance.number == told[i])
            continue;
        told[i] = instance.number;
        (void)instance.up.thread_start(instance.up.handle, context_end, instance.libctx);
    }
    sp_unlock_telling();
}

void sp_threads_add_instance(const struct sp_upcalls *up)
{
    OSSL_LIB_CTX *libctx = sp_upcalls_libctx(up);

    /* The default context ends with the process. */
    if (libctx == NULL || libctx == OSSL_LIB_CTX_get0_global_default())
        return;
    sp_lock(0);
    for (size_t i = 0; i < MAX_INSTANCES; i++) {
        if (instances[i].number != 0)
            continue;
        instances[i] = (struct instance){ .number = ++last_number, .libctx = libctx, .up = *up };
        atomic_fetch_add(&arrivals, 1);
        break;
    }
    sp_unlock(0);
}

void sp_threads_remove_instance(const struct sp_upcalls *up)
{
    sp_lock_telling();
    sp_lock(0);
    for (size_t i = 0; i < MAX_INSTANCES; i++)
        if (instances[i].up.handle == up->handle)
            instances[i].number = 0;
    sp_unlock(0);
    sp_unlock_telling();
}

bool sp_threads_born(struct sp_cert *cert, X509 *x509)
{
    struct thread *thread = this_thread();
    struct pin pin = { .cert = cert, .x509 = x509 }, old;

    if (thread == NULL || X509_up_ref(x509) != 1) {
        sp_cert_unref(cert);
        return false;
    }
    tell_instances();
    sp_lock(sp_shard_of(cert));
    cert->pinned = true;
    sp_unlock(sp_shard_of(cert));
    old = put(thread, 0, &pin);
    let_go(&old);
    return true;
}

struct sp_cert *sp_threads_pending(void)
{
    struct thread *thread = current();
    struct sp_cert *cert = NULL;

    if (thread == NULL)
        return NULL;
    sp_lock(sp_shard_of(thread));
    if (thread->pins[0].cert != NULL)
        cert = sp_cert_ref(thread->pins[0].cert);
    sp_unlock(sp_shard_of(thread));
    return cert;
}

/*
 * At exit() other threads may be inside a callback of ours: what they may look at
 * stays reachable instead of being freed.
 */
bool sp_threads_stop(void)
{
    struct thread *thread;
    bool alone = true;

    sp_lock(0);
    thread = threads;
    threads = NULL;
    sp_unlock(0);
    while (thread != NULL) {
        struct thread *next = thread->next;

        let_all_go(thread);
        if (thread == self) {
            self = NULL;
            OPENSSL_free(thread);
        } else {
            alone = false;
            sp_lock(0);
            thread->next = retired;
            retired = thread;
            sp_unlock(0);
        }
        thread = next;
    }
    atomic_fetch_add(&stops, 1);
    return alone;
}
