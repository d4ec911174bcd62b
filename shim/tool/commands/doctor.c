/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy doctor: one page about the installation, and what would refuse.
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "tool/commands/commands.h"
#include "base/json_text.h"
#include "base/text.h"
#include "common/colour.h"
#include "common/memory_file.h"
#include "common/output.h"
#include "common/print.h"
#include "log/decision_log.h"
#include "stock/installed.h"
#include "stock/stock.h"
#include "tool/config/config.h"
#include "tool/keyring/keyring_at.h"

/* How long we wait for openssl, in seconds. */
#define PATIENCE 20

static const struct {
    const char *word;
    smimepolicy_severity colour;
} healths[] = {
    [SHIM_WELL] = { "ok", SMIMEPOLICY_IGNORE },
    [SHIM_WORRY] = { "warn", SMIMEPOLICY_WARN },
    [SHIM_FAILS] = { "fail", SMIMEPOLICY_DENY },
};

void shim_doctor_tell(struct shim_doctor *doctor, enum shim_health health, const char *name,
                      char *said, const char *remedy)
{
    const char *word = healths[health].word;

    doctor->failed = doctor->failed || health == SHIM_FAILS || said == NULL;
    if (doctor->checks != NULL) {
        json_array_append_new(doctor->checks,
                              json_pack("{s:s, s:s, s:o, s:s?}", "check", name, "state", word,
                                        "said", sp_json_text(said), "remedy", remedy));
    } else {
        printf("%s%-4s%s  ", doctor->colour ? shim_colour_begin(healths[health].colour) : "", word,
               doctor->colour ? shim_colour_end : "");
        shim_print(stdout, "%s: %s\n", name, said != NULL ? said : "out of memory");
        if (remedy != NULL)
            shim_print(stdout, "      to do: %s\n", remedy);
    }
    OPENSSL_free(said);
}

static volatile sig_atomic_t time_was_up;

/* Stock gets the signal that we get, while it runs. */
static void end_stock(int number)
{
    (void)number;
    time_was_up = 1;
    kill(getpid(), SIGTERM);
}

static void begin_patience(void)
{
    time_was_up = 0;
    signal(SIGALRM, end_stock);
    alarm(PATIENCE);
}

/* Returns false if the time was up. */
static bool end_patience(void)
{
    alarm(0);
    signal(SIGALRM, SIG_DFL);
    return time_was_up == 0;
}

/* The first line that `openssl version` prints, or NULL. */
static char *version_of(const char *program)
{
    char *words[] = { "openssl", "version", NULL };
    struct shim_stock stock = { .program = program,
                                .argv = words,
                                .keep = (const int[]){ -1 },
                                .quiet = true,
                                .out = shim_memory_file("version", "", 0) };
    struct shim_stock_result result = { 0 };
    char line[128] = "";
    ssize_t got = -1;

    begin_patience();
    if (stock.out >= 0 && shim_stock_run(&stock, &result) && result.code == 0)
        got = pread(stock.out, line, sizeof(line) - 1, 0);
    if (stock.out >= 0)
        close(stock.out);
    line[strcspn(line, "\n")] = '\0';
    return end_patience() && got > 0 ? OPENSSL_strdup(line) : NULL;
}

static void look_at_versions(struct shim_doctor *doctor)
{
    const char *program = shim_stock_path();
    char *version = program == NULL ? NULL : version_of(program);

    shim_doctor_tell(doctor, SHIM_WELL, "version",
                     sp_format("smime-policy %s, with the library %s", SMIMEPOLICY_VERSION,
                               OpenSSL_version(OPENSSL_VERSION)),
                     NULL);
    doctor->stuck = version == NULL;
    if (!doctor->stuck)
        shim_doctor_tell(doctor, SHIM_WELL, "openssl", sp_format("%s is %s", program, version),
                         NULL);
    else
        shim_doctor_tell(doctor, SHIM_FAILS, "openssl",
                         sp_format("%s %s", program != NULL ? program : "openssl",
                                   time_was_up ? "came to no end" : "does not run"),
                         "install the package openssl, or let SMIME_POLICY_OPENSSL name it");
    OPENSSL_free(version);
}

static void look_at_module(struct shim_doctor *doctor)
{
    char *module = shim_module_path();
    void *handle = module == NULL ? NULL : dlopen(module, RTLD_NOW | RTLD_LOCAL);
    const char *why = handle == NULL ? dlerror() : NULL;

    if (handle != NULL && dlsym(handle, "OSSL_provider_init") != NULL)
        shim_doctor_tell(doctor, SHIM_WELL, "module", sp_format("%s", module), NULL);
    else
        shim_doctor_tell(doctor, SHIM_FAILS, "module",
                         sp_format("%s cannot be loaded: %s", module != NULL ? module : "?",
                                   why != NULL ? why : "it is no provider"),
                         "install smime-policy anew; without it everything is refused");
    if (handle != NULL)
        dlclose(handle);
    OPENSSL_free(module);
}

/* "mode = observe, trace = yes": what is not the default; NULL if out of memory. */
static char *changed_settings(const smimepolicy_settings *settings)
{
    smimepolicy_settings *defaults = smimepolicy_settings_new();
    struct sp_text text = { .failed = defaults == NULL };
    const char *key;

    for (size_t i = 0; defaults != NULL && (key = sp_settings_key(i)) != NULL; i++) {
        char *value = sp_settings_value(settings, i);
        char *usual = sp_settings_value(defaults, i);

        if (value != NULL && (usual == NULL || strcmp(value, usual) != 0)) {
            sp_text_add_item(&text, key);
            sp_text_add(&text, " = ");
            sp_text_add(&text, value);
        }
        OPENSSL_free(value);
        OPENSSL_free(usual);
    }
    smimepolicy_settings_free(defaults);
    return sp_text_take(&text);
}

/* Read the policy file.  If it has a fault, the defaults stand in for the rest of the page. */
static void look_at_settings(struct shim_doctor *doctor)
{
    struct shim *shim = doctor->shim;
    struct stat is;
    bool there = stat(shim->policy_file, &is) == 0;
    bool lost = !there && !shim->policy_named && (errno == ENOENT || errno == ENOTDIR);
    bool writable = there && S_ISREG(is.st_mode) && (is.st_mode & S_IWOTH) != 0;
    char *changed, *why = NULL;

    doctor->locked = !lost && !smimepolicy_settings_load(shim->settings, shim->policy_file, &why);
    if (doctor->locked) {
        shim_doctor_tell(doctor, SHIM_FAILS, "settings", why,
                         "mend the file, until then everything is refused; 'smime-policy config "
                         "--lint FILE' names every fault");
        return;
    }
    changed = changed_settings(shim->settings);
    if (writable)
        shim_doctor_tell(doctor, SHIM_WORRY, "settings",
                         sp_format("%s can be written by everybody", shim->policy_file),
                         "let its owner alone write it");
    shim_doctor_tell(
        doctor, shim->settings->mode == SP_MODE_OBSERVE ? SHIM_WORRY : SHIM_WELL, "settings",
        changed == NULL ? NULL
                        : sp_format("%s%s%s%s", shim->policy_file, lost ? " is not there: " : ": ",
                                    changed[0] == '\0' ? "the defaults" : changed,
                                    changed[0] == '\0' ? "" : "; else the defaults"),
        shim->settings->mode == SP_MODE_OBSERVE
            ? "mode = observe refuses nothing; set mode = enforce when you are ready"
            : NULL);
    OPENSSL_free(changed);
}

/* Run the self-test; its result goes to |*said|. */
static int try_policy(const struct shim *shim, const char *path, char **said)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    int code = SHIM_SYSTEM;

    begin_patience();
    if (to != NULL)
        code = shim_self_test(shim, path, to, true);
    if (to != NULL && fclose(to) != 0)
        code = SHIM_SYSTEM;
    if (!end_patience()) {
        *said = sp_format("openssl came to no end within %d seconds", PATIENCE);
        code = SHIM_SYSTEM;
    } else {
        if (text != NULL)
            text[strcspn(text, "\n")] = '\0';
        *said = OPENSSL_strdup(text == NULL || text[0] == '\0' ? "it cannot be tried" : text);
    }
    free(text);
    return code;
}

static void look_at_command(struct shim_doctor *doctor)
{
    char *said;
    int code;

    if (doctor->locked || doctor->stuck)
        return;
    code = try_policy(doctor->shim, NULL, &said);
    if (code != SHIM_OK && doctor->shim->settings->mode != SP_MODE_OBSERVE)
        shim_doctor_tell(doctor, SHIM_FAILS, "command", said, "mend what else fails here");
    else
        shim_doctor_tell(doctor, code == SHIM_OK ? SHIM_WELL : SHIM_WORRY, "command", said, NULL);
}

static void look_at_programs(struct shim_doctor *doctor)
{
    const char *conf = getenv("OPENSSL_CONF");
    char whole[PATH_MAX];
    char *said;
    int code;

    if (conf == NULL || conf[0] == '\0') {
        shim_doctor_tell(doctor, SHIM_WELL, "OPENSSL_CONF",
                         sp_format("not set: programs that are started from here run without the "
                                   "policy"),
                         "to put them under it, set it to " SHIM_CONFIG_DIR "/openssl.cnf");
        return;
    }
    if (realpath(conf, whole) == NULL || access(whole, R_OK) != 0) {
        shim_doctor_tell(doctor, SHIM_FAILS, "OPENSSL_CONF",
                         sp_format("%s cannot be read: %s; programs run without the policy", conf,
                                   strerror(errno)),
                         "correct the path");
        return;
    }
    if (doctor->stuck)
        return;
    code = try_policy(doctor->shim, whole, &said);
    shim_doctor_tell(doctor, code == SHIM_OK ? SHIM_WELL : SHIM_FAILS, "OPENSSL_CONF", said,
                     code == SHIM_OK ? NULL
                                     : "'smime-policy config --lint FILE' names what is wrong; "
                                       "'smime-policy config' prints one that is right");
}

static void look_at_log(struct shim_doctor *doctor)
{
    const char *log = doctor->shim->settings->decision_log;
    char *fault = log == NULL ? NULL : sp_decision_log_fault(log);

    if (fault != NULL)
        shim_doctor_tell(doctor, SHIM_WORRY, "decision log", fault,
                         "let this user write it, or name another one");
    else
        shim_doctor_tell(doctor, SHIM_WELL, "decision log",
                         sp_format("%s", log != NULL ? log : "none is set"), NULL);
}

/* A setting that needs a library which is not there is not in force. */
static void look_at_libraries(struct shim_doctor *doctor)
{
    size_t next = 0;
    char *why;

    while ((why = shim_libraries_missing(doctor->shim->settings, &next)) != NULL)
        shim_doctor_tell(doctor, SHIM_FAILS, "library", why, NULL);
}

static void look_at_system(struct shim_doctor *doctor)
{
    int fd = shim_spool();
    int reason = errno;

    if (access("/proc/self/fd", X_OK) == 0)
        shim_doctor_tell(doctor, SHIM_WELL, "/proc", sp_format("mounted"), NULL);
    else
        shim_doctor_tell(doctor, SHIM_FAILS, "/proc", sp_format("%s", strerror(errno)),
                         "mount it: openssl reads its configuration by it");
    if (fd >= 0)
        shim_doctor_tell(doctor, SHIM_WELL, "temporary directory",
                         sp_format("%s can be written", shim_spool_dir()), NULL);
    else
        shim_doctor_tell(doctor, SHIM_FAILS, "temporary directory",
                         sp_format("%s: %s", shim_spool_dir(), strerror(reason)),
                         "let TMPDIR name one that can be written");
    if (fd >= 0)
        close(fd);
}

static int look(struct shim_doctor *doctor)
{
    look_at_versions(doctor);
    look_at_module(doctor);
    look_at_settings(doctor);
    look_at_command(doctor);
    look_at_programs(doctor);
    look_at_log(doctor);
    look_at_libraries(doctor);
    look_at_system(doctor);
    if (shim_keyring_find(doctor->shim) == SHIM_OK)
        shim_doctor_keyring(doctor);
    else
        shim_doctor_tell(doctor, SHIM_FAILS, "keyring", sp_format("its place is not known"),
                         "name one with --keyring");
    return doctor->failed ? SHIM_REFUSED : SHIM_OK;
}

static int end(struct shim_doctor *doctor, int code)
{
    if (doctor->checks != NULL)
        return shim_json_report(json_pack("{s:s, s:b, s:i, s:O}", "policy", SMIMEPOLICY_VERSION,
                                          "well", code == SHIM_OK, "exit", code, "checks",
                                          doctor->checks),
                                NULL, code);
    puts(code == SHIM_OK ? "Nothing here would refuse what the rules allow."
                         : "Lines with fail: something would refuse, or is not enforced.");
    return code;
}

int shim_run_doctor(struct shim *shim, const struct shim_long *line)
{
    struct shim_doctor doctor = { .shim = shim };
    int code;

    if (*line->operands != NULL)
        return shim_usage("doctor: takes no argument, and not: %s", *line->operands);
    shim->settings = smimepolicy_settings_new();
    if (shim->settings == NULL)
        return shim_no_memory();
    if (shim_long_has(line, "json") && (doctor.checks = json_array()) == NULL)
        return shim_no_memory();
    doctor.colour = shim_colour_on(STDOUT_FILENO);
    code = end(&doctor, look(&doctor));
    json_decref(doctor.checks);
    return code;
}
