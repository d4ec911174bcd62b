/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Certificates whose parse may not be over, listed by the thread that parses them.
 */
#ifndef SP_THREADS_H
#define SP_THREADS_H

#include "backend/upcalls.h"
#include "register/cert.h"

/*
 * A provider instance came or went.  When its library context ends, the certificates
 * that threads hold are let go, as they would keep it alive.
 */
void sp_threads_add_instance(const struct sp_upcalls *up);
void sp_threads_remove_instance(const struct sp_upcalls *up);

/*
 * Pin |x509| for |cert|: this thread is parsing it now.  The caller's reference to
 * |cert| is taken over.  False if out of memory.
 */
bool sp_threads_born(struct sp_cert *cert, X509 *x509);

/* An event of this thread: the certificates that it has parsed before are settled. */
void sp_thread_event(void);

/* The certificate that this thread is parsing: a reference, or NULL. */
struct sp_cert *sp_threads_pending(void);

/*
 * Let go of every pin of every thread without reading the certificates.  False if
 * another thread has parsed certificates and has not ended.
 */
bool sp_threads_stop(void);

#endif
