/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "base/key_id.h"
#include "base/sha256.h"
#include "base/text.h"
#include "common/output.h"
#include "revocation/crl_file.h"
#include "tool/ocsp/ocsp.h"

/* So many answers are kept; more are asked for each time. */
#define MOST_KEPT 10000

/* KEYRING/ocsp/FINGERPRINT, with the fingerprint of the certificate that is asked about. */
static char *path_of(const char *keyring, const X509 *cert)
{
    unsigned char fingerprint[SP_SHA256_LENGTH];
    char text[SP_FINGERPRINT_TEXT];

    if (X509_digest(cert, EVP_sha256(), fingerprint, NULL) != 1)
        return NULL;
    sp_fingerprint_text(fingerprint, text);
    return sp_format("%s/ocsp/%s", keyring, text);
}

/* Read the whole of a regular file that is not too long; NULL if it is none. */
static unsigned char *read_file(const char *path, size_t *length)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    unsigned char *bytes = NULL;
    struct stat is;

    if (fd < 0)
        return NULL;
    if (fstat(fd, &is) == 0 && S_ISREG(is.st_mode) && is.st_size > 0 &&
        is.st_size <= SHIM_LONGEST_OCSP) {
        *length = (size_t)is.st_size;
        bytes = OPENSSL_malloc(*length);
        if (bytes != NULL && read(fd, bytes, *length) != (ssize_t)*length) {
            OPENSSL_free(bytes);
            bytes = NULL;
        }
    }
    close(fd);
    return bytes;
}

unsigned char *shim_ocsp_kept(const char *keyring, const X509 *cert, size_t *length)
{
    char *path = keyring == NULL ? NULL : path_of(keyring, cert);
    unsigned char *bytes = path == NULL ? NULL : read_file(path, length);

    OPENSSL_free(path);
    return bytes;
}

/* Write a new file in the place of whatever has the name |path|, which rename() replaces. */
static void replace_file(const char *path, const unsigned char *bytes, size_t length)
{
    char *temporary = sp_format("%s.XXXXXX", path);
    sigset_t before;
    int fd;

    shim_hold_signals(&before);
    fd = temporary == NULL ? -1 : mkostemp(temporary, O_CLOEXEC);
    if (fd >= 0) {
        bool done = fchmod(fd, 0644) == 0 && shim_write_all(fd, bytes, length);

        if (close(fd) != 0 || !done || rename(temporary, path) != 0)
            (void)unlink(temporary);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    OPENSSL_free(temporary);
}

/* Call |each| for every name in the folder until it returns false; false if that failed. */
static bool each_name(const char *folder, bool (*each)(const char *name, void *data), void *data)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    bool more = true;

    if (dir == NULL)
        return errno == ENOENT;
    while (more && (entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.')
            more = each(entry->d_name, data);
    closedir(dir);
    return true;
}

static bool count_name(const char *name, void *data)
{
    size_t *count = data;

    (void)name;
    return ++*count < MOST_KEPT;
}

void shim_ocsp_keep(const char *keyring, const X509 *cert, const unsigned char *der, size_t length)
{
    char *folder = sp_format("%s/ocsp", keyring);
    char *path = path_of(keyring, cert);
    size_t count = 0;

    /* Whoever may not write the keyring asks again the next time: that is no fault. */
    if (folder != NULL && path != NULL && (mkdir(folder, 0755) == 0 || errno == EEXIST) &&
        each_name(folder, count_name, &count) && count < MOST_KEPT)
        replace_file(path, der, length);
    OPENSSL_free(path);
    OPENSSL_free(folder);
}

/* What gates read as the reason of |answer|. */
static int reason_of(const struct sp_revocation *answer)
{
    if (answer->state == SP_REVOCATION_REVOKED)
        return answer->reason;
    return answer->state == SP_REVOCATION_NONE ? SP_CRL_GOOD : SP_CRL_UNKNOWN;
}

void shim_ocsp_keep_for_gates(const char *keyring, const struct shim_ocsp_exchange *exchange,
                              const struct sp_revocation *answer)
{
    const struct sp_keyid key = sp_keyid_of_cert(NULL, exchange->issuer);
    const struct sp_crl_issuer issuer = sp_crl_issuer_of(key.hash, exchange->issuer);
    const bool revoked = answer->state == SP_REVOCATION_REVOKED;
    struct sp_facts *facts = key.known ? sp_facts_new(exchange->cert) : NULL;
    struct sp_kinship kin;
    char *why = NULL;

    if (facts == NULL)
        return;
    kin = sp_facts_kinship(facts);
    if (kin.serial_length > 0)
        (void)sp_ocsp_keep(keyring, &issuer,
                           &(struct sp_crl_entry){ .serial = kin.serial,
                                                   .length = kin.serial_length,
                                                   .at = revoked ? answer->at : answer->next_update,
                                                   .reason = reason_of(answer) },
                           exchange->now, &why);
    /* Whoever may not write the keyring asks again the next time: that is no fault. */
    OPENSSL_free(why);
    sp_facts_free(facts);
}

/*
 * Does the answer count at |now|, whatever certificate it is about?  One that says revoked does,
 * also when it is out of date.
 */
static bool counts(const unsigned char *der, size_t length, time_t now)
{
    const unsigned char *at = der;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)length);
    OCSP_BASICRESP *basic = response == NULL ? NULL : OCSP_response_get1_basic(response);
    OCSP_SINGLERESP *single = basic == NULL ? NULL : OCSP_resp_get0(basic, 0);
    ASN1_GENERALIZEDTIME *to = NULL;
    bool does = single != NULL && (OCSP_single_get0_status(single, NULL, NULL, NULL, &to) ==
                                       V_OCSP_CERTSTATUS_REVOKED ||
                                   shim_ocsp_time(to) > (int64_t)now);

    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    ERR_clear_error();
    return does;
}

struct sweeping {
    const char *folder;
    time_t now;
    char **why;
    bool failed;
};

static bool sweep_name(const char *name, void *data)
{
    struct sweeping *sweeping = data;
    char *path = sp_format("%s/%s", sweeping->folder, name);
    size_t length = 0;
    unsigned char *der = path == NULL ? NULL : read_file(path, &length);

    if (path == NULL) {
        sweeping->failed = true;
    } else if ((der == NULL || !counts(der, length, sweeping->now)) && unlink(path) != 0 &&
               errno != ENOENT) {
        *sweeping->why =
            sp_format("%s: cannot be removed (%s); remove it by hand", path, strerror(errno));
        sweeping->failed = true;
    }
    OPENSSL_free(der);
    OPENSSL_free(path);
    return !sweeping->failed;
}

bool shim_ocsp_sweep(const char *keyring, time_t now, char **why)
{
    char *folder = sp_format("%s/ocsp", keyring);
    struct sweeping sweeping = { .folder = folder, .now = now, .why = why };
    bool done;

    *why = NULL;
    if (folder == NULL)
        return false;
    done = each_name(folder, sweep_name, &sweeping);
    if (!done)
        *why = sp_format("%s: cannot be read (%s); set its owner and mode right", folder,
                         strerror(errno));
    OPENSSL_free(folder);
    return done && !sweeping.failed;
}
