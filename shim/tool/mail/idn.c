/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dlfcn.h>
#include <idn2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "tool/mail/idn.h"
#include "common/shim.h"

#define LIBRARY "libidn2.so.0"

/* Exit as the dynamic loader would: no output has been written yet. */
static _Noreturn void give_up(void)
{
    fprintf(stderr, "smime-policy: cannot read an international domain: %s\n", dlerror());
    exit(SHIM_SYSTEM);
}

/* memcpy(), because C does not convert function addresses to void pointers. */
static void take(void *library, const char *name, void *function, size_t size)
{
    void *symbol = dlsym(library, name);

    if (symbol == NULL)
        give_up();
    memcpy(function, &symbol, size);
}

/*
 * The library, loaded for the first international domain and then kept: a mail may
 * have a thousand.
 */
static struct {
    __typeof__(idn2_to_ascii_8z) *to_ascii;
    __typeof__(idn2_free) *release;
} idn;

static void load(void)
{
    void *library = dlopen(LIBRARY, RTLD_LAZY | RTLD_LOCAL);

    if (library == NULL)
        give_up();
    take(library, "idn2_to_ascii_8z", &idn.to_ascii, sizeof(idn.to_ascii));
    take(library, "idn2_free", &idn.release, sizeof(idn.release));
}

bool shim_idn_to_ascii(const char *domain, char **ascii)
{
    char *made = NULL;
    bool done = true;

    if (idn.release == NULL)
        load();
    *ascii = NULL;
    if (idn.to_ascii(domain, &made, IDN2_NO_TR46) == IDN2_OK) {
        *ascii = OPENSSL_strdup(made);
        done = *ascii != NULL;
    }
    idn.release(made);
    return done;
}
