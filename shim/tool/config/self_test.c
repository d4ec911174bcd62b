/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The self-test: proves with openssl that a certificate is refused that must be.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tool/config/config.h"
#include "base/conf_bounds.h"
#include "base/text.h"
#include "common/memory_file.h"
#include "common/print.h"
#include "log/decision_log.h"
#include "stock/installed.h"
#include "stock/stock.h"
#include "tool/run/provider_conf.h"
#include "tool/run/watch.h"

#define DAY (24L * 60 * 60)

enum specimen {
    GOOD,   /* satisfies every rule, also those beyond the guide's */
    EXPIRED /* the same, but expired yesterday */
};

static bool set_name(X509 *cert)
{
    static const unsigned char text[] = "smime-policy self-test";
    X509_NAME *name = X509_NAME_new();
    bool done = name != NULL &&
                X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0) &&
                X509_set_subject_name(cert, name) && X509_set_issuer_name(cert, name);

    X509_NAME_free(name);
    return done;
}

static bool add_extensions(X509 *cert)
{
    static const struct {
        int nid;
        const char *value;
    } rows[] = {
        { NID_basic_constraints, "CA:FALSE" },
        { NID_key_usage, "digitalSignature,keyEncipherment" },
        { NID_ext_key_usage, "emailProtection" },
        { NID_subject_alt_name, "email:self-test@smime-policy.invalid" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, rows[i].nid, rows[i].value);
        bool added = ext != NULL && X509_add_ext(cert, ext, -1);

        X509_EXTENSION_free(ext);
        if (!added)
            return false;
    }
    return true;
}

static X509 *make_cert(enum specimen which, EVP_PKEY *key)
{
    X509 *cert = X509_new();
    long from = which == EXPIRED ? -2 * DAY : -DAY;
    long to = which == EXPIRED ? -DAY : 365 * DAY;

    if (cert != NULL && X509_set_version(cert, X509_VERSION_3) &&
        ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) && set_name(cert) &&
        X509_gmtime_adj(X509_getm_notBefore(cert), from) != NULL &&
        X509_gmtime_adj(X509_getm_notAfter(cert), to) != NULL && X509_set_pubkey(cert, key) &&
        add_extensions(cert) && X509_sign(cert, key, EVP_sha256()) > 0)
        return cert;
    X509_free(cert);
    return NULL;
}

/*
 * A new certificate and its key, in PEM, in memory.  A file descriptor, or -1 with the
 * reason on stderr.
 */
static int specimen_file(enum specimen which)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = key == NULL ? NULL : make_cert(which, key);
    BIO *pem = BIO_new(BIO_s_mem());
    char *text;
    long len;
    int fd = -1;

    if (pem != NULL && cert != NULL && PEM_write_bio_X509(pem, cert) &&
        PEM_write_bio_PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL)) {
        len = BIO_get_mem_data(pem, &text);
        fd = shim_memory_file("specimen", text, (size_t)len);
    } else {
        shim_error("cannot make a certificate for the self-test");
    }
    BIO_free(pem);
    X509_free(cert);
    EVP_PKEY_free(key);
    return fd;
}

enum { CONF_FD, CERT_FD, MAIL_FD };

/* Sign with the certificate and key in |fds|; false if it could not be tried. */
static bool sign(const char *program, const char *conf, const int *fds,
                 struct shim_stock_result *result)
{
    char openssl[] = "openssl", cms[] = "cms", sign_option[] = "-sign", signer[] = "-signer",
         in[] = "-in";
    char *cert = shim_fd_path(fds[CERT_FD]);
    char *mail = cert == NULL ? NULL : shim_fd_path(fds[MAIL_FD]);
    char *own_conf = mail == NULL ? NULL : shim_fd_path(fds[CONF_FD]);
    char *words[] = { openssl, cms, sign_option, signer, cert, in, mail, NULL };
    struct shim_stock stock = { .program = program,
                                .argv = words,
                                .keep = fds,
                                /*
                                 * The environment as it is: search paths and modules in it matter
                                 * to a program, too.
                                 */
                                .as_is = conf != NULL,
                                .quiet = true,
                                .conf = conf != NULL ? conf : own_conf,
                                .out = open("/dev/null", O_WRONLY | O_CLOEXEC) };
    bool done = cert != NULL && mail != NULL && own_conf != NULL;

    if (done && stock.out < 0)
        shim_error("cannot open /dev/null: %s", strerror(errno));
    done = done && stock.out >= 0 && shim_watched_run(&stock, result);

    if (stock.out >= 0)
        close(stock.out);
    OPENSSL_free(cert);
    OPENSSL_free(mail);
    OPENSSL_free(own_conf);
    return done;
}

static bool try_cert(const char *program, const char *conf, int conf_fd, enum specimen which,
                     struct shim_stock_result *result)
{
    static const char mail[] = "Subject: test\r\n\r\ntest\r\n";
    int cert = specimen_file(which);
    int content = shim_memory_file("mail", mail, strlen(mail));
    /* A descriptor that is not needed is replaced by one that is open. */
    int fds[] = { conf_fd >= 0 ? conf_fd : content, cert, content, -1 };
    bool done = cert >= 0 && content >= 0 && sign(program, conf, fds, result);

    if (cert >= 0)
        close(cert);
    if (content >= 0)
        close(content);
    return done;
}

/* Judge the two results.  If a program follows, standard output is the program's. */
static int judge(const char *name, bool alone, const struct shim_stock_result *good,
                 const struct shim_stock_result *expired)
{
    const char *fault = NULL;

    if (expired->code == 0)
        fault = "an expired certificate could sign; see 'smime-policy config --lint'";
    else if (!expired->refused)
        fault = "openssl fails by itself, not by the policy; see 'smime-policy config --lint'";
    else if (good->code != 0)
        fault = "openssl refuses a good certificate too; is the policy locked by a bad setting?";
    if (fault != NULL)
        shim_print(alone ? stdout : stderr, "%s: NOT enforced: %s\n", name, fault);
    else if (alone)
        shim_print(stdout,
                   "%s: enforced: openssl refuses an expired certificate and accepts a good one\n",
                   name);
    return fault == NULL ? SHIM_OK : SHIM_REFUSED;
}

/*
 * Judge what the configuration names.  Unreadable settings become defaults in the
 * program.  If the keyring cannot be read the provider refuses: no mail goes out
 * unguarded, but none works.  Without the log decisions are not recorded.
 */
static bool is_usable(const char *path, FILE *to)
{
    struct shim_named named = shim_lint_named(path);
    bool usable = named.lost == NULL && named.keyring == NULL;

    if (named.lost != NULL)
        shim_print(to, "%s: NOT enforced: the settings are lost: %s\n", path, named.lost);
    else if (named.keyring != NULL)
        shim_print(to, "%s: NOT usable: %s\n", path, named.keyring);
    if (named.log != NULL)
        shim_print(to, "%s: note: %s\n", path, named.log);
    shim_named_clear(&named);
    return usable;
}

/* Can openssl be given |path|?  It would not return from some files. */
static int readable(const char *path, FILE *to)
{
    char *why = NULL;
    bool bounded;

    if (access(path, R_OK) != 0) {
        shim_error("cannot read %s: %s; a program that is given it runs without the policy", path,
                   strerror(errno));
        return SHIM_INPUT;
    }
    bounded = sp_conf_is_bounded(path, NULL, NULL, &why);
    if (!bounded)
        fprintf(to, "%s: NOT enforced: %s\n", path, why != NULL ? why : "out of memory");
    OPENSSL_free(why);
    return bounded ? SHIM_OK : SHIM_REFUSED;
}

static void note_own_log(const struct shim *shim, FILE *to)
{
    const char *log = shim->settings->decision_log;
    char *fault = log == NULL ? NULL : sp_decision_log_fault(log);

    if (fault != NULL)
        shim_print(to, "smime-policy: note: %s\n", fault);
    OPENSSL_free(fault);
}

static int open_own_conf(const struct shim *shim)
{
    char *module = shim_module_path();
    int fd = module == NULL ? -1 : shim_provider_conf(module, shim->settings);

    OPENSSL_free(module);
    return fd;
}

int shim_self_test(const struct shim *shim, const char *path, bool alone)
{
    struct shim_stock_result good;
    struct shim_stock_result expired;
    const char *program = shim_stock_path();
    FILE *to = alone ? stdout : stderr;
    int code = path == NULL ? SHIM_OK : readable(path, to);
    int conf_fd = -1;
    bool done;

    if (program == NULL)
        return SHIM_SYSTEM;
    if (code != SHIM_OK)
        return code;
    if (path == NULL)
        conf_fd = open_own_conf(shim);
    done = (path != NULL || conf_fd >= 0) && try_cert(program, path, conf_fd, GOOD, &good) &&
           try_cert(program, path, conf_fd, EXPIRED, &expired);
    if (conf_fd >= 0)
        close(conf_fd);
    if (done && path != NULL && !is_usable(path, to))
        return SHIM_REFUSED;
    if (done && path == NULL)
        note_own_log(shim, to);
    return done ? judge(path != NULL ? path : "smime-policy", alone, &good, &expired) : SHIM_SYSTEM;
}
