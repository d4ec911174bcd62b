/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy import: uploads what another program has stored.  Programs keep what
 * strangers have sent them, too.  So a certificate is taken if the program calls it
 * valid, if its private key is there, or if a ca of the keyring or of this import has
 * issued it; and a CA only if --cas was given and the program trusts it.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/text.h"
#include "rules/rules.h"
#include "tool/upload/uploading.h"

#define MUTT "smime_keys"

void shim_import_note(struct shim_import *import, const char *name, int said)
{
    json_t *before = json_object_get(import->said, name);

    if (before != NULL)
        said &= (int)json_integer_value(before);
    json_object_set_new_nocheck(import->said, name, json_integer(said));
}

/* What the program says of a certificate, by its fingerprint or by its file. */
static int what_is_said(const struct shim_import *import, const struct shim_part *part)
{
    unsigned char fingerprint[EVP_MAX_MD_SIZE];
    char text[SP_FINGERPRINT_TEXT];

    if (import->program == NULL || import->everything)
        return SHIM_SAID_VALID | SHIM_SAID_TRUSTED;
    if (import->folder != NULL)
        return (int)json_integer_value(json_object_get(import->said, part->path));
    if (X509_digest(part->cert, EVP_sha256(), fingerprint, NULL) != 1)
        return 0;
    sp_fingerprint_text(fingerprint, text);
    return (int)json_integer_value(json_object_get(import->said, text));
}

bool shim_import_doubts(struct shim_uploading *run, const struct shim_part *part, enum sp_role role)
{
    struct sp_keyid id = sp_keyid_of_cert(NULL, part->cert);
    int said = what_is_said(run->import, part);

    if (role == SP_ROLE_CA)
        return !run->import->cas || (said & SHIM_SAID_TRUSTED) == 0;
    return (said & SHIM_SAID_VALID) == 0 && !(id.known && shim_uploading_has_key(run, id.hash));
}

/* Why it is left out, and the way out.  A new string. */
static char *why_left_out(const struct shim_import *import, const struct shim_part *part,
                          const struct sp_facts *facts, enum sp_role role)
{
    bool trusted = (what_is_said(import, part) & SHIM_SAID_TRUSTED) != 0;
    const char *subject = sp_facts_subject(facts);
    const char *address = sp_facts_address(facts, 0);

    if (role != SP_ROLE_CA)
        return sp_format("the certificate of %s (%s) is left out: %s does not call it valid; if "
                         "it is the right one, upload it by itself",
                         address != NULL ? address : "no address", subject, import->program);
    if (!trusted && import->folder != NULL)
        return sp_format("the CA %s is left out; --cas takes those of ca-bundle.crt, and those "
                         "that they have issued",
                         subject);
    if (!trusted)
        return sp_format("the CA %s is left out: %s does not trust it; to trust it all the same, "
                         "upload it by itself",
                         subject, import->program);
    return import->program == NULL
               ? sp_format("the CA %s is left out; --cas takes it, to vouch for others", subject)
               : sp_format("the CA %s is left out; %s trusts it, and --cas takes it, to vouch for "
                           "others here too",
                           subject, import->program);
}

bool shim_import_leave_out(struct shim_uploading *run, const struct shim_part *part,
                           enum sp_role role)
{
    struct sp_facts *facts = sp_facts_new(part->cert);
    char *why = facts == NULL ? NULL : why_left_out(run->import, part, facts, role);
    struct shim_part told = { .path = part->path, .number = part->number, .note = why };

    run->left_out++;
    if (why != NULL)
        shim_part_tell(&told, part->path, run->notes);
    sp_facts_free(facts);
    OPENSSL_free(why);
    return why != NULL || shim_uploading_no_memory(run);
}

/* Is this a folder of smime_keys?  Its index says so. */
static bool is_of_smime_keys(const char *folder)
{
    char *index = sp_format("%s/certificates/.index", folder);
    bool is = index != NULL && access(index, F_OK) == 0;

    OPENSSL_free(index);
    return is;
}

bool shim_import_read(struct shim_uploading *run)
{
    struct shim_import *import = run->import;
    size_t before = run->parts;
    bool more;

    if (import->folder != NULL)
        more = shim_import_read_smime_keys(run);
    else if (import->program != NULL)
        more = shim_import_read_gpgsm(run);
    else
        more = shim_parts_read(&run->reading, import->from);
    if (more && run->parts == before && run->unreadable == 0)
        shim_uploading_unreadable(run, &(struct shim_part){ .path = import->from },
                                  "nothing is there to import");
    return more;
}

/* Find out what --from means.  Returns SHIM_OK, or another code with the reason on stderr. */
static int find_source(struct shim_import *import)
{
    const char *home = secure_getenv("HOME");

    if (import->from == NULL)
        return shim_usage("import: --from is missing: gpgsm, smime_keys or a folder");
    if (strcmp(import->from, "gpgsm") == 0) {
        import->program = "gpgsm";
    } else if (strcmp(import->from, MUTT) == 0) {
        if (home == NULL)
            return shim_usage("import: HOME is not set; name the folder of smime_keys with --from");
        import->folder = sp_format("%s/.smime", home);
    } else if (is_of_smime_keys(import->from)) {
        import->folder = OPENSSL_strdup(import->from);
    } else {
        return SHIM_OK;
    }
    if (import->program == NULL)
        import->program = MUTT;
    import->said = json_object();
    return import->said != NULL && (import->folder != NULL || import->program[0] == 'g')
               ? SHIM_OK
               : shim_no_memory();
}

int shim_run_import(struct shim *shim, const struct shim_long *line)
{
    struct shim_import import = { .from = shim_long_value(line, "from", 0),
                                  .cas = shim_long_has(line, "cas") };
    struct shim_uploading run = {
        .shim = shim,
        .import = &import,
        .files = line->operands,
        .passin = shim_long_value(line, "passin", 0),
        .new_pass = shim_long_value(line, "passout", 0),
        .no_passphrase = shim_long_has(line, "no-passphrase"),
        .keep_going = true,
        .json = shim_long_has(line, "json"),
        .local = shim_long_has(line, "local"),
        .dry_run = shim->explain || shim_long_has(line, "dry-run"),
    };
    int code;

    if (line->operands[0] != NULL)
        return shim_usage("import: %s: takes no operand; name what to read with --from",
                          line->operands[0]);
    code = find_source(&import);
    if (code == SHIM_OK)
        code = shim_upload(&run);
    OPENSSL_free(import.folder);
    json_decref(import.said);
    return code;
}
