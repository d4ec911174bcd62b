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

#include <openssl/crypto.h>

#include "tool/config/config.h"
#include "base/conf_bounds.h"
#include "common/memory_file.h"
#include "common/print.h"
#include "log/decision_log.h"
#include "stock/installed.h"
#include "stock/stock.h"
#include "tool/certs/specimen.h"
#include "tool/run/conf_text.h"
#include "tool/run/watch.h"

#define DAY SHIM_SPECIMEN_DAY

enum specimen {
    GOOD,   /* satisfies every rule, also those beyond the guide's */
    EXPIRED /* the same, but expired yesterday */
};

static const struct shim_specimen specimens[] = {
    { "smime-policy self-test", "email:self-test@smime-policy.invalid", "emailProtection", -DAY,
      365 * DAY },
    { "smime-policy self-test", "email:self-test@smime-policy.invalid", "emailProtection", -2 * DAY,
      -DAY },
};

/*
 * A new certificate and its key, in PEM, in memory.  A file descriptor, or -1 with the
 * reason on stderr.
 */
static int specimen_file(enum specimen which)
{
    BIO *pem = shim_specimen_pem(&specimens[which]);
    char *text = NULL;
    long len = pem == NULL ? 0 : BIO_get_mem_data(pem, &text);
    int fd = -1;

    if (pem != NULL)
        fd = shim_memory_file("specimen", text, (size_t)len);
    else
        shim_error("cannot make a certificate for the self-test");
    BIO_free(pem);
    return fd;
}

enum { CONF_FD, CERT_FD, MAIL_FD };

/* Sign with the certificate and key in |fds|; false if it could not be tried. */
static bool sign(const char *program, const char *conf, const int *fds,
                 struct shim_stock_result *result)
{
    char *cert = shim_fd_path(fds[CERT_FD]);
    char *mail = cert == NULL ? NULL : shim_fd_path(fds[MAIL_FD]);
    char *own_conf = mail == NULL ? NULL : shim_fd_path(fds[CONF_FD]);
    char *words[] = { "openssl", "cms", "-sign", "-signer", cert, "-in", mail, NULL };
    struct shim_stock stock = { .program = program,
                                .argv = words,
                                .keep = fds,
                                /*
                                 * The environment as it is: search paths and modules in it matter
                                 * to a program, too.
                                 */
                                .as_is = conf != NULL,
                                .quiet = true,
                                .capture = true,
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

/* The reason of the provider in what stock said: the rest of the line behind "refused: "; or NULL.
 */
static char *reason_in(const char *said)
{
    static const char mark[] = ":refused: ";
    const char *found = said == NULL ? NULL : strstr(said, mark);

    if (found == NULL)
        return NULL;
    found += strlen(mark);
    return OPENSSL_strndup(found, strcspn(found, "\n"));
}

/* Judge the two results. */
static int judge(const char *name, FILE *to, bool alone, const struct shim_stock_result *good,
                 const struct shim_stock_result *expired)
{
    char *reason = reason_in(good->said);
    const char *state = "enforced", *fault = NULL, *why = "";

    if (expired->code == 0) {
        fault = "an expired certificate could sign; see 'smime-policy config --lint'";
    } else if (!expired->refused) {
        fault = "openssl fails by itself, not by the policy; see 'smime-policy config --lint'";
    } else if (good->code != 0) {
        state = "usable";
        fault = "openssl refuses a good certificate too: ";
        why = reason != NULL ? reason
                             : "is the policy locked by a bad setting, or the keyring out of touch "
                               "with its hub ('smime-policy sync')?";
    }
    if (fault != NULL)
        shim_print(to, "%s: NOT %s: %s%s\n", name, state, fault, why);
    else if (alone)
        shim_print(to,
                   "%s: enforced: openssl refuses an expired certificate and accepts a good one\n",
                   name);
    OPENSSL_free(reason);
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
    smimepolicy_settings settings = *shim->settings;
    int fd;

    /* A keyring that is too old refuses what is good, and is told by itself. */
    settings.hub = NULL;
    fd = module == NULL ? -1 : shim_provider_conf(module, &settings);

    OPENSSL_free(module);
    return fd;
}

int shim_self_test(const struct shim *shim, const char *path, FILE *to, bool alone)
{
    struct shim_stock_result good = { 0 };
    struct shim_stock_result expired = { 0 };
    const char *program = shim_stock_path();
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
        code = SHIM_REFUSED;
    else if (done && path == NULL)
        note_own_log(shim, to);
    if (!done)
        code = SHIM_SYSTEM;
    else if (code == SHIM_OK)
        code = judge(path != NULL ? path : "smime-policy", to, alone, &good, &expired);
    OPENSSL_free(good.said);
    OPENSSL_free(expired.said);
    return code;
}
