/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Selecting signer and recipients by their addresses.
 */
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/crypto.h>

#include "tool/directory/directory.h"
#include "tool/judge/judge.h"
#include "tool/keyring/choices.h"
#include "tool/keyring/keyring_at.h"
#include "tool/run/copies.h"
#include "tool/keyring/crl_answers.h"
#include "tool/run/key_options.h"

/* One run of sign or encrypt. */
struct addressing {
    struct shim_operation *operation;
    struct shim_outcome *outcome;
    struct shim_selection *selection;
    time_t now;
    bool signs;
    size_t copy; /* for whom a recipient is taken, see struct shim_selected */
    int64_t spent[SP_MOST_DIRECTORIES]; /* see shim_directory_fetch() */
};

/* The recipient with that certificate, or NULL. */
static struct shim_selected *find_taken(const struct addressing *run, const X509 *cert)
{
    const struct shim_selection *selection = run->selection;

    for (size_t i = 0; i < selection->recipient_count; i++)
        if (X509_cmp(selection->recipients[i].cert, cert) == 0)
            return &selection->recipients[i];
    return NULL;
}

static int take_signer(const struct addressing *run, X509 *cert, const struct sp_record *record)
{
    struct shim_selection *selection = run->selection;
    char *key = shim_select_key(selection, record);
    bool taken = key != NULL &&
                 shim_select_take(&selection->signers, &selection->signer_count, cert, record, key);

    OPENSSL_free(key);
    if (key != NULL && !taken)
        return shim_no_memory();
    return taken ? SHIM_OK : SHIM_SYSTEM;
}

static int take_recipient(const struct addressing *run, const char *address, X509 *cert,
                          const struct sp_record *record)
{
    struct shim_selection *selection = run->selection;
    struct shim_selected *taken = find_taken(run, cert);

    /* Two addresses may have one certificate. */
    if (taken != NULL) {
        if (run->copy == SHIM_EVERY_COPY)
            taken->copy = run->copy;
        return SHIM_OK;
    }
    if (!shim_select_take(&selection->recipients, &selection->recipient_count, cert, record, NULL))
        return shim_no_memory();
    taken = &selection->recipients[selection->recipient_count - 1];
    taken->copy = run->copy;
    taken->address = OPENSSL_strdup(address);
    return taken->address != NULL ? SHIM_OK : shim_no_memory();
}

/* Report |choice|, and take what was chosen. */
static int settle(const struct addressing *run, const char *address, struct sp_choice *choice)
{
    const struct shim_operation *operation = run->operation;
    const struct sp_record *chosen = choice->count == 0 ? NULL : &choice->records[choice->order[0]];
    bool changed;
    X509 *cert;
    int code;

    if (!sp_choice_has_changed(choice, run->now, operation->shim->settings, &changed))
        return shim_no_memory();
    json_array_append_new(run->selection->choices, shim_choice_json(choice, address));
    shim_choice_tell(choice, address,
                     changed || operation->explain ||
                         shim_args_last(operation->args, ROLE_VERBOSE) != NULL,
                     run->outcome);
    if (chosen == NULL)
        return SHIM_OK;
    cert = sp_record_cert(chosen);
    if (cert == NULL)
        code = shim_no_memory();
    else if (run->signs)
        code = take_signer(run, cert, chosen);
    else
        code = take_recipient(run, address, cert, chosen);
    X509_free(cert);
    return code;
}

/* Find the certificates of |address|, the best first. */
static int find(const struct addressing *run, const char *address, struct sp_choice *choice)
{
    char *why = NULL;

    return sp_choice_find(choice, run->selection->keyring, address,
                          run->signs ? SMIMEPOLICY_SIGN : SMIMEPOLICY_ENCRYPT, &why) &&
                   sp_choice_rank(choice, shim_crls(run->operation->shim), run->now,
                                  run->operation->shim->settings, &why)
               ? SHIM_OK
               : shim_keyring_fault(why);
}

/* Ask a directory about a recipient, if one may help, and find the certificates again. */
static int fetch(struct addressing *run, const char *address, struct sp_choice *choice)
{
    const struct shim_operation *operation = run->operation;
    struct shim *shim = operation->shim;
    const bool prints =
        run->outcome->json == NULL && shim_args_last(operation->args, ROLE_QUIET) == NULL;
    json_t *told = prints ? NULL : run->selection->directories;
    int code;

    /* Without a keyring there is no CA that could vouch for what comes. */
    if (run->signs || shim->judges || run->selection->keyring == NULL ||
        !shim_directory_may_help(shim, choice, run->now))
        return SHIM_OK;
    if (operation->explain) {
        shim_directory_tell_ahead(address, told);
        return SHIM_OK;
    }
    code = shim_directory_fetch(shim, address, run->spent, told);
    if (code != SHIM_OK)
        return code;
    sp_choice_clear(choice);
    return find(run, address, choice);
}

static int choose(struct addressing *run, const char *address)
{
    struct sp_choice choice;
    int code = find(run, address, &choice);

    if (code == SHIM_OK)
        code = fetch(run, address, &choice);
    if (code == SHIM_OK)
        code = settle(run, address, &choice);
    sp_choice_clear(&choice);
    return code;
}

static int choose_all(struct addressing *run, char *const *addresses, size_t count)
{
    int code = SHIM_OK;

    for (size_t i = 0; code == SHIM_OK && i < count; i++)
        code = choose(run, addresses[i]);
    return code;
}

/* Choose for an option's value: one address, or a list as in a header field. */
static int choose_given(struct addressing *run, const struct shim_given *given)
{
    struct shim_mail list;
    int code = shim_mail_from(given->value, &list) ? SHIM_OK : shim_no_memory();

    if (code == SHIM_OK && list.sender.from_count == 0)
        code = shim_usage("%s %s: not an address; write it like alice@example.org", given->word,
                          given->value);
    if (code == SHIM_OK)
        code = choose_all(run, list.sender.from, list.sender.from_count);
    shim_mail_clear(&list);
    return code;
}

static int choose_role(struct addressing *run, enum shim_role role)
{
    const struct shim_args *args = run->operation->args;
    int code = SHIM_OK;

    for (size_t i = 0; code == SHIM_OK && i < args->count; i++)
        if (args->given[i].option->role == role)
            code = choose_given(run, &args->given[i]);
    return code;
}

static int choose_sender(struct addressing *run)
{
    const char *address = sp_sender_address(&run->selection->mail.sender);

    if (shim_args_last(run->operation->args, ROLE_FROM) != NULL)
        return choose_role(run, ROLE_FROM);
    if (address != NULL)
        return choose(run, address);
    shim_error("the mail does not say clearly who sends it: it needs one From field with one "
               "address; name the sender with --from");
    return SHIM_INPUT;
}

static int choose_recipients(struct addressing *run)
{
    const struct shim_mail *mail = &run->selection->mail;
    int code = choose_role(run, ROLE_TO);

    if (code != SHIM_OK || run->selection->header == NULL)
        return code;
    if (mail->has_bcc && !run->selection->separates) {
        shim_error("the mail has a Bcc field, and every recipient sees to whom it is encrypted; "
                   "--bcc separate writes a file for each of them");
        return SHIM_INPUT;
    }
    if (mail->has_resent_bcc && run->selection->separates) {
        shim_error("the mail has a Resent-Bcc field, which every recipient would see; take it out");
        return SHIM_INPUT;
    }
    if (mail->to.unreadable != SP_READABLE) {
        shim_error("a To or Cc field of the mail %s; mend it, or name the recipients with --to "
                   "and --cc",
                   sp_unreadable_text(mail->to.unreadable));
        return SHIM_INPUT;
    }
    return choose_all(run, mail->to.each, mail->to.count);
}

static int select_signer(struct addressing *run)
{
    const struct shim_args *args = run->operation->args;
    bool by_header =
        shim_args_last(args, ROLE_HEADERS) != NULL && run->operation->request->signer_count == 0;
    int code = SHIM_OK;

    if (shim_args_last(args, ROLE_FROM) != NULL || by_header)
        code = choose_sender(run);
    if (code == SHIM_OK && run->selection->signer_count > 0 &&
        run->operation->request->certfile == NULL)
        code = shim_issuers_along(run->operation->shim, run->selection, run->now, run->outcome);
    return code;
}

/* Each address of Bcc gets a copy of its own, unless it can read one already. */
static int choose_bcc(struct addressing *run)
{
    struct shim_selection *selection = run->selection;
    const struct shim_addresses *bcc = &selection->mail.bcc;
    int code = SHIM_OK;

    if (bcc->unreadable != SP_READABLE) {
        shim_error("a Bcc field of the mail %s; mend it, or take it out",
                   sp_unreadable_text(bcc->unreadable));
        return SHIM_INPUT;
    }
    for (size_t i = 0; code == SHIM_OK && i < bcc->count; i++) {
        size_t before = selection->recipient_count;

        run->copy = selection->bcc_copies + 1;
        code = choose(run, bcc->each[i]);
        if (selection->recipient_count > before)
            selection->bcc_copies++;
    }
    return code;
}

static int select_recipients(struct addressing *run)
{
    const struct shim_args *args = run->operation->args;
    int code = choose_recipients(run);

    if (code == SHIM_OK && shim_args_last(args, ROLE_TO_SELF) != NULL) {
        run->copy = SHIM_EVERY_COPY;
        code = choose_sender(run);
    }
    if (code == SHIM_OK && run->selection->separates)
        code = choose_bcc(run);
    return code;
}

/*
 * Can the copies be told apart, by -out?  Recipients that are no addresses are refused: stock would
 * encrypt every copy to them.
 */
static int check_bcc(const struct shim_operation *operation)
{
    const struct shim_given *bcc = shim_args_last(operation->args, ROLE_BCC);
    const char *out = shim_args_value(operation->args, "out");
    struct stat is;

    if (bcc == NULL)
        return SHIM_OK;
    if (strcmp(bcc->value, "separate") != 0)
        return shim_usage("--bcc %s: the only value is separate, which writes a file for each "
                          "address of Bcc",
                          bcc->value);
    if (shim_args_last(operation->args, ROLE_HEADERS) == NULL)
        return shim_usage("encrypt: --bcc is for --headers, which reads the Bcc field of the mail");
    if (out == NULL || strcmp(out, "-") == 0 || (stat(out, &is) == 0 && !S_ISREG(is.st_mode)))
        return shim_usage("encrypt: --bcc separate writes several files: name the first with -out");
    if (operation->request->recipient_count > 0 || operation->request->originator != NULL)
        return shim_usage("encrypt: --bcc separate takes recipients by address alone; name them "
                          "with --to");
    return SHIM_OK;
}

/* Refuse options that have no effect here, as they are mistakes. */
static int check(const struct shim_operation *operation, bool signs)
{
    const struct shim_args *args = operation->args;
    bool headers = shim_args_last(args, ROLE_HEADERS) != NULL;
    bool from = shim_args_last(args, ROLE_FROM) != NULL;
    bool self = shim_args_last(args, ROLE_TO_SELF) != NULL;

    if (signs && (shim_args_last(args, ROLE_TO) != NULL || self))
        return shim_usage("sign: --to, --cc and --to-self are for encrypt");
    if (headers && shim_args_last(args, ROLE_FIELD) != NULL)
        return shim_usage("--headers takes the fields from the mail; leave -%s out, or --headers",
                          shim_args_last(args, ROLE_FIELD)->option->name);
    if (!signs && from && !self)
        return shim_usage("encrypt: --from is for --to-self: a recipient is named with --to");
    if (self && !from && !headers)
        return shim_usage("encrypt: --to-self needs to know the sender: --from or --headers");
    return check_bcc(operation);
}

int shim_select_by_address(struct shim_operation *operation, struct shim_outcome *outcome)
{
    struct addressing run = { .operation = operation,
                              .outcome = outcome,
                              .selection = &operation->selection,
                              .now = time(NULL),
                              .signs = strcmp(operation->request->operation, "sign") == 0 };
    int code = check(operation, run.signs);

    run.selection->separates = shim_args_last(operation->args, ROLE_BCC) != NULL;
    if (code == SHIM_OK && shim_args_last(operation->args, ROLE_HEADERS) != NULL)
        code = shim_headers_read(operation);
    if (code != SHIM_OK)
        return code;
    code = run.signs ? select_signer(&run) : select_recipients(&run);
    if (code != SHIM_OK || outcome->fault != SHIM_OK || outcome->denied)
        return code;
    code = shim_key_options_check(operation);
    return code == SHIM_OK ? shim_copies_check(operation) : code;
}
