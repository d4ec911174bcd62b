/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which command lines the launcher runs by itself.  It is a list of what is known to be
 * judged by the provider as the tool judges it.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/launch.h"
#include "stock/empty_input.h"
#include "stock/environment.h"

/* Options that neither name a certificate, nor change how one is judged or used. */
static bool is_plain_option(const char *name)
{
    static const char *const plain[] = { "in",      "inform",  "outform",    "stream",
                                         "indef",   "noindef", "binary",     "crlfeol",
                                         "text",    "keyid",   "nodetach",   "asciicrlf",
                                         "nocerts", "noattr",  "nosmimecap", NULL };
    size_t i = 0;

    while (plain[i] != NULL && strcmp(plain[i], name) != 0)
        i++;
    return plain[i] != NULL;
}

static bool is_file(const char *path)
{
    struct stat is;

    return stat(path, &is) == 0 && S_ISREG(is.st_mode) && access(path, R_OK) == 0;
}

/* The options of a verification that change nothing of what is judged, and by whom. */
static bool is_option_to_verify(const struct shim_launch *launch, const struct shim_option *option)
{
    static const char *const names[] = { "verify", "in", "out", "inform", "CAfile", NULL };
    size_t i = 0;

    if (strcmp(option->name, "content") == 0)
        return !launch->manner->finds_part;

    while (names[i] != NULL && strcmp(names[i], option->name) != 0)
        i++;
    return names[i] != NULL || option->role == ROLE_NO_SENDER || option->role == ROLE_QUIET ||
           option->role == ROLE_KEYRING;
}

/* Digests that no setting refuses or warns of. */
static bool is_strong_digest(const char *name)
{
    return strcmp(name, "sha256") == 0 || strcmp(name, "sha384") == 0 ||
           strcmp(name, "sha512") == 0;
}

static bool is_usual_option(struct shim_launch *launch, const struct shim_given *given)
{
    const struct shim_request *request = &launch->request;
    const char *name = given->option->name;

    if (strcmp(launch->use, "verify") == 0 && !is_option_to_verify(launch, given->option))
        return false;
    switch (given->option->role) {
    case ROLE_CIPHER:
        /* The provider judges the cipher.  Not every release takes the last of two. */
        return strcmp(launch->use, "encrypt") == 0 &&
               request->cipher == given->word + strspn(given->word, "-");
    case ROLE_OPERATION:
        return request->operation == name;
    case ROLE_DIGEST:
        return is_strong_digest(given->value);
    case ROLE_FIELD:
        if (strcmp(name, "from") == 0 && launch->manner->judges_sender &&
            strcmp(launch->use, "sign") == 0)
            launch->sender = given->value;
        return true;
    case ROLE_NONE:
        if (strcmp(name, "CAfile") == 0 || strcmp(name, "content") == 0)
            return is_file(given->value);
        return is_plain_option(name);
    case ROLE_OUTPUT:
        return strcmp(name, "out") == 0;
    case ROLE_SIGNER:
    case ROLE_INKEY:
    case ROLE_RECIP:
    case ROLE_PASSIN:
    case ROLE_QUIET:
    case ROLE_NO_SENDER:
    case ROLE_HEADERS:
    case ROLE_FROM:
    case ROLE_TO:
    case ROLE_TO_SELF:
        return true;
    case ROLE_KEYRING:
        /* Given twice, it is the tool that compares. */
        if (launch->keyring != NULL)
            return false;
        launch->keyring = given->value;
        return true;
    default:
        return false;
    }
}

static bool may_repeat(enum shim_role role)
{
    return role == ROLE_SIGNER || role == ROLE_INKEY || role == ROLE_RECIP || role == ROLE_TO;
}

/* Are all options usual, and each that may be given once given once? */
static bool has_usual_options(struct shim_launch *launch)
{
    const struct shim_args *args = &launch->args;

    for (size_t i = 0; i < args->count; i++) {
        const struct shim_option *option = args->given[i].option;

        if (!is_usual_option(launch, &args->given[i]))
            return false;
        for (size_t j = 0; j < i && !may_repeat(option->role); j++)
            if (args->given[j].option == option)
                return false;
    }
    return true;
}

/* Is the passphrase one that stock can read, and more than once? */
static bool has_usual_passphrase(const char *passin)
{
    struct stat is;

    if (passin == NULL || strncmp(passin, "pass:", 5) == 0)
        return true;
    if (strncmp(passin, "env:", 4) == 0)
        return shim_environment_pass(passin) != NULL;
    return strncmp(passin, "file:", 5) == 0 && stat(passin + 5, &is) == 0 && S_ISREG(is.st_mode);
}

/* A certificate that stock reads without a question, and that needs no option of ours. */
static bool is_usual_cert(const struct shim_launch *launch, const char *path)
{
    struct shim_pem pem;

    return shim_pem_look(path, &pem) && pem.has_cert && !pem.is_encrypted &&
           !(launch->manner->own_defaults && ((pem.is_ec && strcmp(launch->use, "encrypt") == 0) ||
                                              (pem.is_pss && strcmp(launch->use, "sign") == 0)));
}

static bool is_usual_key(const struct shim_launch *launch, const char *path)
{
    struct shim_pem pem;

    return shim_pem_look(path, &pem) && pem.has_key &&
           (!pem.is_encrypted || launch->request.passin != NULL);
}

/* Operands are recipients, too. */
static bool has_usual_signers(struct shim_launch *launch)
{
    const struct shim_request *request = &launch->request;
    size_t i = 0;

    while (i < request->signer_count && is_usual_cert(launch, request->signers[i].cert) &&
           is_usual_key(launch, request->signers[i].key))
        i++;
    launch->wanted = request->signer_count + launch->uri_count;
    return launch->wanted > 0 && i == request->signer_count && request->recipient_count == 0;
}

static bool has_usual_recipients(struct shim_launch *launch)
{
    const struct shim_request *request = &launch->request;
    size_t i = 0;

    while (i < request->recipient_count && is_usual_cert(launch, request->recipients[i]))
        i++;
    launch->wanted = request->recipient_count + launch->uri_count;
    return launch->wanted > 0 && i == request->recipient_count && request->signer_count == 0 &&
           request->inkey == NULL && request->passin == NULL &&
           (launch->manner->own_defaults || request->cipher != NULL);
}

/* To decrypt: one certificate, and its key. */
static bool has_usual_key(struct shim_launch *launch)
{
    const struct shim_request *request = &launch->request;
    const char *recipient = request->recipient_count == 1 ? request->recipients[0] : NULL;

    launch->wanted = 1;
    return recipient != NULL && launch->args.operands[0] == NULL && request->signer_count == 0 &&
           is_usual_cert(launch, recipient) &&
           is_usual_key(launch, request->inkey != NULL ? request->inkey : recipient);
}

/*
 * To verify: the message says who signs it.  A program may send one through a pipe, and keep the
 * pipe open.
 */
static bool has_usual_message(struct shim_launch *launch)
{
    const char *in = shim_args_value(&launch->args, "in");

    launch->wanted = 1;
    return launch->args.operands[0] == NULL &&
           (in != NULL ? is_file(in) : launch->manner->judges_signers) && shim_take_message(launch);
}

/*
 * Is the message one that stock can read as it is?  A verb that decrypts may have to
 * find the encrypted part of a mail, which needs a message that can be read twice.
 */
static bool has_usual_input(const struct shim_launch *launch)
{
    const char *in = shim_args_value(&launch->args, "in");
    struct stat is;

    if (in != NULL)
        return is_file(in);
    if (launch->manner->finds_part && strcmp(launch->use, "decrypt") == 0)
        return false;
    return fstat(STDIN_FILENO, &is) == 0 &&
           (S_ISREG(is.st_mode) || S_ISFIFO(is.st_mode) || S_ISSOCK(is.st_mode)) &&
           !shim_input_is_empty(&launch->args, &launch->request);
}

/* Is the sender that the header names one address, for the provider to compare? */
static bool has_usual_sender(struct shim_launch *launch)
{
    struct shim_plain_list *from = &launch->mail.from;

    if (!shim_writes_header(&launch->args))
        launch->sender = NULL;
    if (launch->sender == NULL || launch->header != NULL)
        return true;
    if (!shim_plain_list_given(from, launch->sender) || from->count != 1)
        return false;
    launch->sender = from->each[0];
    return true;
}

/* With --headers the message says who sends it, and to whom. */
static bool has_usual_header(struct shim_launch *launch)
{
    return shim_args_last(&launch->args, ROLE_HEADERS) == NULL ||
           (has_usual_input(launch) && shim_take_headers(launch));
}

bool shim_launch_is_usual(struct shim_launch *launch)
{
    const char *asked = launch->request.operation;

    if (launch->manner == &shim_manner_verb && asked != NULL && strcmp(asked, launch->name) != 0)
        return false;
    launch->use = launch->manner == &shim_manner_verb ? launch->name : asked;
    if (launch->use == NULL || !has_usual_options(launch) ||
        !has_usual_passphrase(launch->request.passin))
        return false;
    launch->request.operation = launch->use;
    if (strcmp(launch->use, "verify") == 0)
        return has_usual_message(launch);
    if (!has_usual_header(launch) || !has_usual_sender(launch) || !shim_name_by_address(launch))
        return false;
    if (strcmp(launch->use, "sign") == 0) {
        if (!has_usual_signers(launch))
            return false;
    } else if (strcmp(launch->use, "encrypt") == 0) {
        if (!has_usual_recipients(launch))
            return false;
    } else if (strcmp(launch->use, "decrypt") != 0 || !has_usual_key(launch)) {
        return false;
    }
    return has_usual_input(launch);
}
