/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Certificates whose parse may not be over, by the thread that parses them.
 */
#ifndef SP_THREADS_H
#define SP_THREADS_H

#include "backend/upcalls.h"
#include "register/cert.h"

/*
 * A provider instance came or went.  What a thread holds when its library
 * context ends is let go: it would keep that alive.
 */
void sp_threads_add_instance(const struct sp_upcalls *up);
void sp_threads_remove_instance(const struct sp_upcalls *up);

/*
 * Pin |x509| for |cert| as what this thread is parsing now; takes over the
 * caller's reference to |cert|.  False if out of memory.
 */
bool sp_threads_born(struct sp_cert *cert, X509 *x509);

/* Events of this thread: certificates parsed before it are settled. */
void sp_thread_event(void);

/* What this thread is parsing: a reference, or NULL. */
struct sp_cert *sp_threads_pending(void);

/*
 * Let go of every pin of every thread, without reading what they pin.  False
 * if other threads than this one have parsed certificates and not ended.
 */
bool sp_threads_stop(void);

#endif
