/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What gpgsm has stored, as gpgsm itself gives it.  Private keys come through its agent,
 * which asks for their passphrases.
 */
#include <stdio.h>
#include <stdlib.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/text.h"
#include "common/memory_file.h"
#include "stock/stock.h"
#include "tool/upload/uploading.h"

/* env finds it; nothing is fetched, and nothing asked of those who revoke certificates. */
#define GPGSM "env", "--", "gpgsm", "--batch", "--disable-dirmngr", "--disable-crl-checks"
/* The agent asks nobody: it would ask whether a root is to be trusted. */
#define SILENT      "--pinentry-mode=cancel"
#define SHA1_DIGITS 40
#define NOT_FOUND   127 /* the exit code of env */

/*
 * Run gpgsm with |words|, which begin with GPGSM.
 *
 * @param pass  a descriptor that it inherits, or -1
 * @return a descriptor with its output, at its start; -1 with the reason on stderr
 */
static int run_gpgsm(const char *const *words, int pass, bool quiet)
{
    const int keep[] = { pass, -1 };
    const struct shim_stock stock = { .program = "/usr/bin/env",
                                      .argv = (char *const *)(uintptr_t)words,
                                      .keep = keep,
                                      .out = shim_memory_file("gpgsm", "", 0),
                                      .as_is = true,
                                      .quiet = quiet,
                                      .for_people = true };
    struct shim_stock_result result = { 0 };

    if (stock.out < 0)
        return -1;
    if (shim_stock_run(&stock, &result) && result.code == 0 && result.lost == 0 &&
        lseek(stock.out, 0, SEEK_SET) == 0)
        return stock.out;
    close(stock.out);
    if (result.code == NOT_FOUND)
        shim_error("gpgsm is not there; install it, or export with it elsewhere and upload that");
    else
        shim_error("gpgsm has failed; see whether 'gpgsm --list-keys' works");
    return -1;
}

/* Field |number|, from 1, of a line of --with-colons, in place; "" if it has fewer. */
static char *field(char *line, int number)
{
    char *each = line;

    for (int i = 1; each != NULL && i < number; i++)
        (void)strsep(&each, ":");
    return each == NULL ? line + strlen(line) : strsep(&each, ":");
}

static int said_by(char validity)
{
    return validity == 'u'   ? SHIM_SAID_VALID | SHIM_SAID_TRUSTED
           : validity == 'f' ? SHIM_SAID_VALID
                             : 0;
}

/*
 * Read what --with-colons printed (GnuPG's doc/DETAILS): a line "crt:VALIDITY:..." or
 * "crs:..." for each certificate, and lines "fpr" and "fp2" with its fingerprints below.
 *
 * @param each  gets each fingerprint "fp2" with the validity; or "fpr", if |sha1|
 */
static void read_listing(int fd, bool sha1,
                         void (*each)(void *arg, char *fingerprint, char validity), void *arg)
{
    FILE *file = fdopen(fd, "r");
    char *line = NULL;
    size_t size = 0;
    char validity = '\0';

    if (file == NULL)
        close(fd);
    while (file != NULL && getline(&line, &size, file) >= 0) {
        if (strncmp(line, "crt:", 4) == 0 || strncmp(line, "crs:", 4) == 0)
            validity = line[4];
        else if (strncmp(line, sha1 ? "fpr:" : "fp2:", 4) == 0)
            each(arg, field(line, 10), validity);
    }
    free(line);
    if (file != NULL)
        fclose(file);
}

static void note(void *arg, char *fingerprint, char validity)
{
    for (char *digit = fingerprint; *digit != '\0'; digit++)
        *digit = sp_fold(*digit);
    shim_import_note(arg, fingerprint, said_by(validity));
}

/* The fingerprints of certificates whose private key gpgsm has. */
struct own {
    struct shim_uploading *run;
    int pass;
    bool more;
};

/* Ask gpgsm for a private key, not encrypted, and read it. */
static void take_key(void *arg, char *fingerprint, char validity)
{
    struct own *own = arg;
    char number[16];
    const char *asking[] = { GPGSM, "--export-secret-key-p8", fingerprint, NULL };
    const char *knowing[] = { GPGSM,  "--pinentry-mode=loopback", "--passphrase-fd",
                              number, "--export-secret-key-p8",   fingerprint,
                              NULL };
    char *name = sp_format("gpgsm, %s", fingerprint);
    struct stat is;
    int fd;

    (void)validity;
    if (!own->more || name == NULL || strspn(fingerprint, "0123456789ABCDEF") != SHA1_DIGITS ||
        fingerprint[SHA1_DIGITS] != '\0') {
        own->more = own->more && name != NULL;
        OPENSSL_free(name);
        return;
    }
    if (own->pass >= 0)
        (void)lseek(own->pass, 0, SEEK_SET);
    snprintf(number, sizeof(number), "%d", own->pass);
    fd = run_gpgsm(own->pass >= 0 ? knowing : asking, own->pass, false);
    if (fd >= 0 && fstat(fd, &is) == 0 && is.st_size > 0)
        own->more = shim_parts_read_open(&own->run->reading, name, fd);
    else
        shim_uploading_unreadable(
            own->run, &(struct shim_part){ .path = name },
            "gpgsm did not give its private key: the passphrase may be wrong or missing; "
            "import again, or export it with gpgsm and upload that");
    if (fd >= 0)
        close(fd);
    OPENSSL_free(name);
}

static bool take_keys(struct shim_uploading *run)
{
    static const char *const words[] = { GPGSM, SILENT, "--with-colons", "--list-secret-keys",
                                         NULL };
    const char *text = run->reading.pass.text;
    struct own own = { .run = run, .pass = -1, .more = true };
    int listing = run_gpgsm(words, -1, true);

    if (listing >= 0 && text != NULL)
        own.pass = shim_memory_file("passphrase", text, strlen(text));
    if (listing >= 0 && (text == NULL || own.pass >= 0))
        read_listing(listing, true, take_key, &own);
    else if (listing >= 0)
        close(listing);
    if (own.pass >= 0)
        close(own.pass);
    return listing >= 0 && own.more;
}

bool shim_import_read_gpgsm(struct shim_uploading *run)
{
    static const char *const list[] = { GPGSM,         SILENT, "--with-colons", "--with-validation",
                                        "--list-keys", NULL };
    static const char *const all[] = { GPGSM, SILENT, "--armor", "--export", NULL };
    int listing = run_gpgsm(list, -1, true);
    struct stat is = { 0 };
    int certs = -1;
    bool more = false;

    if (listing >= 0) {
        read_listing(listing, false, note, run->import);
        more = take_keys(run);
    }
    if (more)
        certs = run_gpgsm(all, -1, true);
    if (certs >= 0)
        more = fstat(certs, &is) == 0 && is.st_size > 0
                   ? shim_parts_read_open(&run->reading, "gpgsm", certs)
                   : true;
    if ((listing < 0 || (more && certs < 0)) && run->outcome.fault == SHIM_OK)
        run->outcome.fault = SHIM_INPUT;
    if (certs >= 0)
        close(certs);
    return more && certs >= 0;
}
