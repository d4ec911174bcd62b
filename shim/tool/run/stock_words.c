/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Building the command line with which stock runs.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "stock/environment.h"
#include "tool/run/copies.h"
#include "tool/run/key_options.h"
#include "tool/run/run.h"

/* The number of our own words: at most 6 before the verb, 17 behind it, "--" and the NULL. */
#define OWN_WORDS (26 + SHIM_DEFAULT_WORDS)

static bool is_output(const struct shim_run *run, const struct shim_given *given)
{
    const char *operation = run->operation->request->operation;

    if (given->option->role == ROLE_OUTPUT)
        return true;
    return given->option->role == ROLE_SIGNER && operation != NULL &&
           shim_operation_verifies(operation);
}

/* Is the output named again later?  Then stock writes only the last. */
static bool is_overridden(const struct shim_args *args, size_t index)
{
    for (size_t i = index + 1; i < args->count; i++)
        if (args->given[i].option == args->given[index].option)
            return true;
    return false;
}

/* Add a word.  Literals are not copied: exec does not write to them. */
static void add_word(struct shim_run *run, const char *word)
{
    memcpy(&run->words[run->word_count++], &word, sizeof(word));
}

static void add_pair(struct shim_run *run, const char *option, const char *value)
{
    add_word(run, option);
    add_word(run, value);
}

/* Add -passin.  The variable gets a name of ours, as stock might interpret another one. */
static bool add_passin(struct shim_run *run, const struct shim_given *given)
{
    if (given->option->role != ROLE_PASSIN || strncmp(given->value, "env:", 4) != 0)
        return false;
    add_pair(run, "-passin", "env:" SHIM_PASSIN);
    return true;
}

static void add_plain(struct shim_run *run, const struct shim_given *given)
{
    add_word(run, given->word);
    if (given->value != NULL && strchr(given->word, '=') == NULL)
        add_word(run, given->value);
}

/* Add a masked word: a secret from the command line is not repeated. */
static bool add_masked(struct shim_run *run, const struct shim_given *given)
{
    bool is_key = given->option->role == ROLE_SHARED_SECRET;

    if (!is_key && (given->option->role != ROLE_PASSIN || strncmp(given->value, "pass:", 5) != 0))
        return false;
    if (is_key)
        add_pair(run,
                 strcmp(given->option->name, "secretkey") == 0 ? "-secretkey" : "-pwri_password",
                 "***");
    else
        add_pair(run, "-passin", "pass:***");
    return true;
}

static bool add_output(struct shim_run *run, const struct shim_given *given)
{
    struct shim_output *output = &run->delivery.outputs[run->delivery.output_count];

    bool is_out = strcmp(given->option->name, "out") == 0;

    if (run->plan) {
        if (is_out && run->out != NULL)
            add_pair(run, "-out", run->out);
        else
            add_plain(run, given);
        return true;
    }
    if (is_out)
        return shim_delivery_to(&run->delivery, run->out != NULL ? run->out : given->value);
    run->delivery.output_count++;
    if (!shim_output_begin(output, given->value, SHIM_PUBLIC))
        return false;
    output->look = shim_certificates_written;
    add_pair(run, given->option->role == ROLE_SIGNER ? "-signer" : "-certsout", output->temporary);
    return true;
}

/* Is it an option that our own words replace, or that stock does not know? */
static bool is_replaced(const struct shim_operation *operation, const struct shim_option *option)
{
    return shim_option_is_own(option) ||
           (operation->takes_input && strcmp(option->name, "in") == 0) ||
           ((operation->selection.issuers_path != NULL || operation->selection.nothing_along) &&
            strcmp(option->name, "certfile") == 0) ||
           (operation->selection.anchors_path != NULL && strcmp(option->name, "CAfile") == 0) ||
           (operation->input_is_der && strcmp(option->name, "inform") == 0);
}

static void add_kdf(struct shim_run *run)
{
    add_pair(run, "-keyopt", "ecdh_kdf_md:sha256");
}

static void add_pss(struct shim_run *run)
{
    add_pair(run, "-keyopt", "rsa_padding_mode:pss");
}

/* Add the key options that are for signers and recipients found by address. */
static void add_key_options(struct shim_run *run, const X509 *cert)
{
    const struct shim_args *args = run->operation->args;

    for (size_t i = 0; i < args->count; i++)
        if (shim_key_option_is_free(run->operation, i) &&
            shim_key_option_fits(args->given[i].value, cert))
            add_pair(run, "-keyopt", args->given[i].value);
}

static bool add_given(struct shim_run *run, size_t index)
{
    const struct shim_args *args = run->operation->args;
    const struct shim_given *given = &args->given[index];

    if (is_replaced(run->operation, given->option) ||
        shim_key_option_is_free(run->operation, index))
        return true;
    if (is_output(run, given))
        return is_overridden(args, index) || add_output(run, given);
    if (run->plan ? !add_masked(run, given) : !add_passin(run, given))
        add_plain(run, given);
    if (given->option->role == ROLE_RECIP && shim_default_kdf(run->operation, given->value))
        add_kdf(run);
    if (given->option->role == ROLE_SIGNER && shim_default_pss(run->operation, given->value))
        add_pss(run);
    return true;
}

/* Add the words for the keyring.  Its certificates vouch by themselves, without their root. */
static void add_keyring_words(struct shim_run *run)
{
    const struct shim_operation *operation = run->operation;
    const struct shim_selection *selection = &operation->selection;
    const char *asked = operation->request->operation;
    bool verifies = asked != NULL && shim_operation_verifies(asked);

    if (selection->issuers_path != NULL)
        add_pair(run, "-certfile", selection->issuers_path);
    if (selection->anchors_path != NULL) {
        add_pair(run, "-CAfile", selection->anchors_path);
        if (selection->anchors_vouch)
            add_word(run, "-partial_chain");
    } else if (verifies && !operation->manner->judges_signers && selection->path != NULL &&
               !shim_args_has(operation->args, "CAstore")) {
        add_pair(run, "-CAstore", "smimepolicy:trust");
        add_word(run, "-partial_chain");
    }
}

static void add_own_words(struct shim_run *run)
{
    const struct shim_operation *operation = run->operation;
    const char *asked = operation->request->operation;

    add_word(run, "openssl");
    add_word(run, operation->api == SHIM_CMS ? "cms" : "smime");
    if (!run->plan) {
        add_pair(run, "-provider-path", run->module_dir);
        add_pair(run, "-provider", "smimepolicy");
    }
    if (operation->verb != NULL)
        add_word(run, operation->verb);
    for (const char *const *word = shim_default_words(operation); *word != NULL; word++)
        add_word(run, *word);
    /*
     * The system's anchors are switched off: they make no sender trusted (rule
     * distrust-default).
     */
    if (asked != NULL && shim_operation_verifies(asked)) {
        add_word(run, "-no-CAfile");
        add_word(run, "-no-CApath");
        add_word(run, "-no-CAstore");
    }
    add_keyring_words(run);
    if (operation->times_judged)
        add_word(run, "-no_check_time");
    if (operation->input_is_der)
        add_pair(run, "-inform", "DER");
    if (operation->content_path != NULL)
        add_pair(run, "-content", operation->content_path);
}

/* Add the signers and recipients selected from the keyring. */
static void add_selected(struct shim_run *run)
{
    const struct shim_selection *selection = &run->operation->selection;

    for (size_t i = 0; i < selection->signer_count; i++) {
        add_pair(run, "-signer", selection->signers[i].uri);
        add_pair(run, "-inkey", selection->signers[i].key_uri);
        if (shim_default_is_pss(selection->signers[i].cert))
            add_pss(run);
        add_key_options(run, selection->signers[i].cert);
    }
    for (size_t i = 0; i < selection->recipient_count; i++) {
        const struct shim_selected *recipient = &selection->recipients[i];

        if (!shim_copy_has(recipient, run->copy))
            continue;
        if (recipient->uri != NULL) {
            add_pair(run, "-recip", recipient->uri);
        } else if (!shim_args_has(run->operation->args, "debug_decrypt")) {
            /* Then a wrong key is an error.  Otherwise it gives wrong content. */
            add_word(run, "-debug_decrypt");
        }
        if (recipient->key_uri != NULL)
            add_pair(run, "-inkey", recipient->key_uri);
        else if (EVP_PKEY_is_a(X509_get0_pubkey(recipient->cert), "EC"))
            add_kdf(run);
        add_key_options(run, recipient->cert);
    }
}

/*
 * Add the recipients that are operands.  A key option belongs to the -recip before
 * it, so they become -recip.
 */
static void add_operands(struct shim_run *run)
{
    char *const *operands = run->operation->args->operands;
    size_t plain = 0;

    for (size_t i = 0; operands[i] != NULL; i++) {
        if (!shim_default_kdf(run->operation, operands[i])) {
            plain++;
            continue;
        }
        add_pair(run, "-recip", operands[i]);
        add_kdf(run);
    }
    if (plain > 0)
        add_word(run, "--");
    for (size_t i = 0; plain > 0 && operands[i] != NULL; i++)
        if (!shim_default_kdf(run->operation, operands[i]))
            add_word(run, operands[i]);
}

bool shim_run_words(struct shim_run *run)
{
    const struct shim_args *args = run->operation->args;
    size_t operands = 0;
    size_t selected;

    while (args->operands[operands] != NULL)
        operands++;
    selected = run->operation->selection.signer_count + run->operation->selection.recipient_count;
    /* Each signer or recipient has at most six words, and two for each key option. */
    run->words = OPENSSL_zalloc(
        (6 * (args->count + operands + selected) + 2 * args->count * selected + OWN_WORDS) *
        sizeof(*run->words));
    run->delivery.outputs = OPENSSL_zalloc((args->count + 1) * sizeof(*run->delivery.outputs));
    if (run->words == NULL || run->delivery.outputs == NULL) {
        shim_no_memory();
        return false;
    }
    add_own_words(run);
    for (size_t i = 0; i < args->count; i++)
        if (!add_given(run, i))
            return false;
    if (run->operation->selection.passin != NULL)
        add_pair(run, "-passin", run->operation->selection.passin);
    add_selected(run);
    add_operands(run);
    return true;
}
