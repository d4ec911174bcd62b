/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy demo: the main job in a temporary directory, by the command itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "tool/commands/commands.h"
#include "base/text.h"
#include "common/output.h"
#include "common/print.h"
#include "stock/installed.h"
#include "stock/stock.h"
#include "tool/certs/specimen.h"

#define DAY  SHIM_SPECIMEN_DAY
#define YEAR (365 * DAY)

static const struct {
    const char *file;
    struct shim_specimen specimen;
} certificates[] = {
    { "alice.pem", { "Alice", "email:alice@example.com", "emailProtection", -DAY, YEAR } },
    { "bob.pem", { "Bob", "email:bob@example.com", "emailProtection", -DAY, YEAR } },
    { "carol.pem", { "Carol", "email:carol@example.com", "emailProtection", -YEAR, -DAY } },
    { "web.pem", { "www.example.com", "DNS:www.example.com", "serverAuth", -DAY, YEAR } },
};

static const char letter[] = "From: Alice <alice@example.com>\n"
                             "To: Bob <bob@example.com>\n"
                             "Subject: contract\n"
                             "Content-Type: text/plain\n"
                             "\n"
                             "Dear Bob,\n"
                             "\n"
                             "the contract is ready.\n";

/* The policy file of the demo is empty: the defaults. */
static const struct {
    const char *file, *text;
} files[] = {
    { "letter.eml", letter },
    { "passphrase", "a passphrase\n" },
    { "policy.cnf", "" },
};

/* A command line, and what it has to do.  |wanted| is in |file|, or in what it says. */
struct step {
    const char *title; /* NULL: it belongs to the step before */
    const char *words; /* a space between them */
    int code;
    const char *file; /* NULL: it is refused, and leaves no refused.eml */
    const char *wanted;
};

static const struct step steps[] = {
    { "Certificates are uploaded once, then addresses are enough",
      "upload alice.pem bob.pem --passout file:passphrase", SHIM_OK, "keyring/certificates.db",
      "SQLite" },
    { "Alice signs", "sign --headers -in letter.eml -passin file:passphrase -out signed.eml",
      SHIM_OK, "signed.eml", "multipart/signed" },
    { "Bob verifies", "verify -in signed.eml -out verified.txt", SHIM_OK, "verified.txt",
      "the contract is ready" },
    { "Alice encrypts, and Bob decrypts", "encrypt --headers -in signed.eml -out sealed.eml",
      SHIM_OK, "sealed.eml", "application/pkcs7-mime" },
    { NULL, "decrypt -in sealed.eml -passin file:passphrase -out opened.eml", SHIM_OK, "opened.eml",
      "multipart/signed" },
    { "Refused: Carol's certificate has expired",
      "encrypt -in letter.eml -out refused.eml carol.pem", SHIM_REFUSED, NULL, "[expired]" },
    { "Refused: the certificate of a web server",
      "sign -in letter.eml -signer web.pem -out refused.eml", SHIM_REFUSED, NULL, "[san-email]" },
    { "Refused: Alice's signature under another name", "verify -in forged.eml -out refused.eml",
      SHIM_REFUSED, NULL, "[sender-match]" },
};

#define MOST_WORDS 16

static bool write_file(const char *path, const char *bytes, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool done = fd >= 0 && shim_write_all(fd, bytes, length);

    if (!done)
        shim_error("cannot write %s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return done;
}

static bool write_certificate(const char *path, const struct shim_specimen *specimen)
{
    BIO *pem = shim_specimen_pem(specimen);
    char *bytes = NULL;
    long length = pem == NULL ? 0 : BIO_get_mem_data(pem, &bytes);
    bool done = false;

    if (pem == NULL)
        shim_error("cannot make a certificate");
    else
        done = write_file(path, bytes, (size_t)length);
    BIO_free(pem);
    return done;
}

static bool write_files(void)
{
    bool done = true;

    for (size_t i = 0; done && i < sizeof(files) / sizeof(files[0]); i++)
        done = write_file(files[i].file, files[i].text, strlen(files[i].text));
    for (size_t i = 0; done && i < sizeof(certificates) / sizeof(certificates[0]); i++)
        done = write_certificate(certificates[i].file, &certificates[i].specimen);
    return done;
}

/* The beginning of a small file, as a new string; NULL if it cannot be read. */
static char *read_file(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = OPENSSL_zalloc(65536);
    size_t got = file == NULL || text == NULL ? 0 : fread(text, 1, 65535, file);

    if (file != NULL)
        fclose(file);
    if (got > 0)
        return text;
    OPENSSL_free(text);
    return NULL;
}

static bool holds(const char *path, const char *wanted)
{
    char *text = read_file(path);
    bool found = text != NULL && strstr(text, wanted) != NULL;

    OPENSSL_free(text);
    return found;
}

/* The mail that Alice has signed, with Eve in its From field. */
static bool forge(void)
{
    char *signed_mail = read_file("signed.eml");
    const char *rest = signed_mail == NULL ? NULL : strchr(signed_mail, '\n');
    char *forged = rest == NULL ? NULL : sp_format("From: Eve <eve@example.com>%s", rest);
    bool done = forged != NULL && strncmp(signed_mail, "From: ", strlen("From: ")) == 0 &&
                write_file("forged.eml", forged, strlen(forged));

    OPENSSL_free(forged);
    OPENSSL_free(signed_mail);
    return done;
}

/* Cut |line| into words for execve(). */
static void cut(char *line, char **words, size_t most)
{
    size_t count = 0;
    char *rest = NULL;

    for (char *word = strtok_r(line, " ", &rest); word != NULL && count + 1 < most;
         word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    words[count] = NULL;
}

/* Run the command with these words, in our environment; its output goes where ours goes. */
static bool run(const char *program, const char *words, struct shim_stock_result *result)
{
    char *line = sp_format("smime-policy --policy policy.cnf --keyring keyring %s", words);
    char *argv[MOST_WORDS];
    struct shim_stock stock = { .program = program,
                                .argv = argv,
                                .keep = (const int[]){ -1 },
                                .as_is = true,
                                .capture = true,
                                .out = STDOUT_FILENO };
    bool done;

    if (line == NULL)
        return shim_no_memory() == SHIM_OK;
    cut(line, argv, MOST_WORDS);
    fflush(stdout);
    done = shim_stock_run(&stock, result);
    OPENSSL_free(line);
    return done;
}

/* Has the command done what the step wants?  The error that its caller prints is in |*fault|. */
static bool is_as_promised(const struct step *step, const struct shim_stock_result *result,
                           const char **fault)
{
    bool refusal = step->file == NULL;
    bool found = refusal ? result->said != NULL && strstr(result->said, step->wanted) != NULL
                         : holds(step->file, step->wanted);

    *fault = NULL;
    if (result->signal != 0)
        *fault = "it was ended by a signal";
    else if (result->code != step->code)
        *fault = refusal ? "it was not refused" : "it failed";
    else if (!found)
        *fault = refusal ? "the reason is missing" : "what it wrote is not what was promised";
    else if (refusal && access("refused.eml", F_OK) == 0)
        *fault = "a refusal left output behind";
    return *fault == NULL;
}

/* What a command said on standard error, a line at a time. */
static void show_said(char *said)
{
    char *rest = NULL;

    for (char *line = strtok_r(said, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
        shim_print(stdout, "%s\n", line);
}

static int take_step(const char *program, const struct step *step)
{
    struct shim_stock_result result = { 0 };
    const char *fault;
    bool kept;

    if (step->title != NULL)
        printf("\n== %s\n", step->title);
    printf("$ smime-policy %s\n", step->words);
    if (!run(program, step->words, &result))
        return SHIM_SYSTEM;
    kept = is_as_promised(step, &result, &fault);
    if (result.said != NULL)
        show_said(result.said);
    OPENSSL_free(result.said);
    if (step->code != SHIM_OK && kept)
        printf("(exit code %d, and nothing was written)\n", result.code);
    if (kept)
        return SHIM_OK;
    fflush(stdout);
    shim_error("demo: %s: smime-policy %s; 'smime-policy doctor' looks for the cause", fault,
               step->words);
    return SHIM_REFUSED;
}

/* Has a signal come that ends the demo?  It waits until everything is removed. */
static bool is_interrupted(void)
{
    sigset_t waiting;

    return sigpending(&waiting) == 0 &&
           (sigismember(&waiting, SIGINT) == 1 || sigismember(&waiting, SIGTERM) == 1 ||
            sigismember(&waiting, SIGHUP) == 1 || sigismember(&waiting, SIGQUIT) == 1 ||
            sigismember(&waiting, SIGPIPE) == 1);
}

static int show(const char *program)
{
    int code = write_files() ? SHIM_OK : SHIM_SYSTEM;

    puts("In a temporary directory: a mail of Alice's to Bob, their certificates and keys,\n"
         "one of Carol's that has expired, and one of a web server. Each command line\n"
         "below also has '--policy policy.cnf --keyring keyring', an empty file and a new\n"
         "keyring, so that yours are not used.");
    for (size_t i = 0; code == SHIM_OK && i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (strstr(steps[i].words, "forged.eml") != NULL && !forge())
            code = SHIM_SYSTEM;
        if (code == SHIM_OK)
            code = is_interrupted() ? SHIM_SYSTEM : take_step(program, &steps[i]);
    }
    if (code == SHIM_OK)
        puts("\n== All as promised");
    return code;
}

static int remove_one(const char *path, const struct stat *is, int type, struct FTW *at)
{
    (void)is;
    (void)type;
    (void)at;
    return remove(path);
}

/* Remove the directory with all that is in it; false, with the reason on stderr. */
static bool remove_all(const char *directory)
{
    if (nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0)
        return true;
    shim_error("cannot remove %s: %s", directory, strerror(errno));
    return false;
}

static int show_in(const char *program, char *directory)
{
    int code = SHIM_SYSTEM;

    if (mkdtemp(directory) == NULL) {
        shim_error("cannot make a directory in %s: %s; let TMPDIR name one that can be written",
                   shim_spool_dir(), strerror(errno));
        return code;
    }
    if (chdir(directory) == 0)
        code = show(program);
    else
        shim_error("cannot work in %s: %s", directory, strerror(errno));
    return remove_all(directory) ? code : SHIM_SYSTEM;
}

int shim_run_demo(struct shim *shim, const struct shim_long *line)
{
    int code;
    char *program, *directory;
    sigset_t before;

    (void)shim;
    if (*line->operands != NULL)
        return shim_usage("demo: takes no argument, and not: %s", *line->operands);
    program = shim_partner_path();
    directory = sp_format("%s/smime-policy-demo.XXXXXX", shim_spool_dir());
    if (program != NULL && directory != NULL) {
        shim_hold_signals(&before);
        code = show_in(program, directory);
        sigprocmask(SIG_SETMASK, &before, NULL);
    } else {
        code = shim_no_memory();
    }
    OPENSSL_free(directory);
    OPENSSL_free(program);
    return code;
}
