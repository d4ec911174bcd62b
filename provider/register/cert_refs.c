/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * References to an entry of the register.
 */
#include "register/cert.h"

struct sp_cert *sp_cert_ref(struct sp_cert *cert)
{
    atomic_fetch_add_explicit(&cert->refs, 1, memory_order_relaxed);
    return cert;
}

bool sp_cert_try_ref(struct sp_cert *cert)
{
    unsigned int refs = atomic_load_explicit(&cert->refs, memory_order_relaxed);

    while (refs != 0)
        if (atomic_compare_exchange_weak(&cert->refs, &refs, refs + 1))
            return true;
    return false;
}
