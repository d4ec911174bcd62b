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

#include "idn.h"
#include "shim.h"

#define LIBRARY "libidn2.so.0"

/* As the loader would end it: nothing has been written yet, and no file has a name. */
static _Noreturn void give_up(void)
{
    fprintf(stderr, "smime-policy: cannot read an international domain: %s\n", dlerror());
    exit(SHIM_SYSTEM);
}

/* memcpy: a function's address is no void pointer to C. */
static void take(void *library, const char *name, void *function, size_t size)
{
    void *symbol = dlsym(library, name);

    if (symbol == NULL)
        give_up();
    memcpy(function, &symbol, size);
}

bool shim_idn_to_ascii(const char *domain, char **ascii)
{
    __typeof__(idn2_to_ascii_8z) *to_ascii;
    __typeof__(idn2_free) *release;
    void *library = dlopen(LIBRARY, RTLD_LAZY | RTLD_LOCAL);
    char *made = NULL;
    bool done = true;

    if (library == NULL)
        give_up();
    take(library, "idn2_to_ascii_8z", &to_ascii, sizeof(to_ascii));
    take(library, "idn2_free", &release, sizeof(release));
    *ascii = NULL;
    if (to_ascii(domain, &made, IDN2_NO_TR46) == IDN2_OK) {
        *ascii = OPENSSL_strdup(made);
        done = *ascii != NULL;
    }
    release(made);
    dlclose(library);
    return done;
}
