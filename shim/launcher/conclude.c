/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/launch_run.h"
#include "base/allocate.h"
#include "common/limit.h"
#include "common/message.h"
#include "stock/installed.h"
#include "stock/stock_exit.h"
#include "stock/stock_said.h"
#include "stock/whole_input.h"

bool shim_launch_can_start_again(const struct shim_launch_run *run)
{
    return shim_args_value(&run->launch->args, "in") != NULL || run->start >= 0;
}

/* Pass on what stock said. */
static void pass_on(const struct shim_launch_run *run)
{
    struct shim_said said = { .shows =
                                  run->launch->manner->for_people || isatty(STDERR_FILENO) == 1 };
    const char *text = run->result.said != NULL ? run->result.said : "";

    shim_said_feed(&said, text, strlen(text));
    shim_said_flush(&said);
}

/* Print what the provider reported, which has escaped it. */
static void print(const struct sp_text *lines)
{
    (void)shim_write_all(STDERR_FILENO, lines->data, lines->len);
}

/* What is told although it was done.  To verify, programs find it in the decision log. */
static void tell_observed(const struct shim_launch_run *run)
{
    bool for_people = run->launch->manner->for_people;

    if (for_people || strcmp(run->launch->use, "verify") != 0)
        print(&run->told.observed);
    if (run->told.observed.data != NULL && for_people)
        shim_error("going ahead all the same: mode = observe");
}

/* What stock said, and the notes: those on what came in follow. */
static void tell_rest(const struct shim_launch_run *run)
{
    static const struct sp_text none;
    const struct sp_text *notes = run->launch->manner->for_people ? &run->told.notes : &none;
    bool came_in = strcmp(run->launch->use, "verify") == 0;

    print(came_in ? &none : notes);
    pass_on(run);
    print(came_in ? notes : &none);
}

/* Only what was encrypted or signed may be empty. */
static bool has_output(const struct shim_launch_run *run)
{
    const char *use = run->launch->use;
    struct stat is;

    if ((strcmp(use, "sign") != 0 && strcmp(use, "encrypt") != 0) ||
        fstat(run->delivery.sink, &is) != 0 || is.st_size > 0)
        return true;
    shim_error("cannot write %s: openssl gave no output, and reported success",
               run->delivery.sink_name);
    return false;
}

static int hand_over(struct shim_launch_run *run)
{
    const struct shim_launch *launch = run->launch;

    tell_observed(run);
    tell_rest(run);
    if (!has_output(run) ||
        !shim_whole_was_read(&launch->args, &launch->request, run->input, run->delivery.sink) ||
        !shim_delivery_hand_over(&run->delivery,
                                 shim_content_is_optional(launch->api, &launch->request)))
        return SHIM_SYSTEM;
    if (launch->manner->for_people && shim_args_last(&launch->args, ROLE_QUIET) == NULL)
        print(&run->told.signers);
    return SHIM_OK;
}

/* Stock succeeded, and nothing shows that the policy was asked: its output is not to be had. */
static int refuse_unproven(const struct shim_launch_run *run)
{
    const struct shim_told *told = &run->told;

    pass_on(run);
    shim_error("openssl ran without the policy: %s; nothing was written",
               !told->is_ready   ? "the provider did not report that it is in force"
               : told->is_broken ? "the report of the provider is damaged"
                                 : "it used a key or certificate that the provider did not judge");
    return SHIM_REFUSED;
}

/*
 * Have the tool judge and report.  Returns its exit code: SHIM_OK if it has found
 * nothing, SHIM_SYSTEM if it could not be run to its end.
 */
static int let_tool_judge(bool is_logged, bool reads_mail, int argc, char **argv)
{
    char *tool = shim_partner_path();
    const char **words = OPENSSL_zalloc(((size_t)argc + 2) * sizeof(*words));
    int status = -1; /* it has not ended */
    pid_t parent = getpid();
    pid_t child = -1;
    char **given = NULL;

    if (tool != NULL && words != NULL) {
        *words = *argv;
        words[1] = is_logged ? SHIM_JUDGE_LOGGED : SHIM_JUDGE;
        memcpy(words + 2, argv + 1, (size_t)argc * sizeof(*words));
        memcpy(&given, &words, sizeof(given));
        /* If it is ignored the exit code of a child is lost. */
        signal(SIGCHLD, SIG_DFL);
        child = fork();
    }
    if (child == 0) {
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

        shim_limit_end();
        /* It reads a mail for its header, and no other message. */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent &&
            (reads_mail || (null >= 0 && dup2(null, STDIN_FILENO) == STDIN_FILENO)))
            execv(tool, given);
        shim_error("cannot run %s: %s", tool, strerror(errno));
        _exit(SHIM_SYSTEM);
    }
    if (child < 0)
        shim_error("cannot run %s: %s", tool != NULL ? tool : "smime-policy-tool", strerror(errno));
    else
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
            ;
    OPENSSL_free(words);
    OPENSSL_free(tool);
    return WIFEXITED(status) ? WEXITSTATUS(status) : SHIM_SYSTEM;
}

/* Have the message begin again for the tool. */
static bool start_again(const struct shim_launch_run *run)
{
    /*
     * Stock loads keys before it opens the message.  A pipe has no position: |start| is -1 then,
     * and lseek() to it fails.
     */
    return run->told.asks || (shim_launch_can_start_again(run) &&
                              lseek(STDIN_FILENO, run->start, SEEK_SET) == run->start);
}

/* Did stock print an error of the provider? */
static bool printed_refusal(const struct shim_launch_run *run)
{
    return run->result.said != NULL && strstr(run->result.said, ":smimepolicy:") != NULL;
}

static int exit_code(const struct shim_launch_run *run)
{
    bool in_force = run->told.is_ready && run->result.code != 0;

    if (run->told.is_refused || (!in_force && printed_refusal(run)))
        return SHIM_REFUSED;
    return run->launch->manner == &shim_manner_verb ? shim_verb_exit(&run->result)
                                                    : shim_stock_exit(&run->result);
}

/* Stock failed.  The tool says why, and does what it can do in another way. */
static int conclude_failure(struct shim_launch_run *run, int argc, char **argv)
{
    int code = SHIM_OK;

    /* From here on signals act, and nothing is left of the output. */
    shim_delivery_end(&run->delivery);
    run->delivery.outputs = NULL;
    run->delivery.output_count = 0;
    run->delivery.sink = -1;
    if (run->result.signal == 0) {
        if (!run->told.is_refused && start_again(run))
            return SHIM_LEFT_TO_TOOL;
        code = let_tool_judge(run->told.is_refused, run->launch->content >= 0, argc, argv);
    }
    shim_stock_tell_signal(&run->result);
    /* What was refused stays refused, though the tool cannot say why. */
    if (code != SHIM_OK && !(code == SHIM_SYSTEM && run->told.is_refused))
        return code;
    /* That a signature of another's is not believed is an answer that programs know. */
    if (strcmp(run->launch->use, "verify") == 0 && !run->launch->manner->judges_signers) {
        pass_on(run);
        return shim_stock_exit(&run->result);
    }
    print(&run->told.refusals);
    if (!run->told.is_refused)
        pass_on(run);
    return exit_code(run);
}

int shim_launch_conclude(struct shim_launch_run *run, int argc, char **argv)
{
    const struct shim_launch *launch = run->launch;
    bool complained = run->result.said != NULL && run->result.said[0] != '\0';

    if (run->result.lost != 0) {
        shim_error("cannot write %s: %s", run->delivery.sink_name, strerror(run->result.lost));
        return SHIM_SYSTEM;
    }
    if (run->result.code != 0 || printed_refusal(run) || run->told.is_refused || run->told.asks ||
        run->told.other_keyring || run->told.is_odd ||
        shim_whole_made_nothing(launch->api, &launch->request, complained, run->delivery.sink))
        return conclude_failure(run, argc, argv);
    return shim_told_proves(&run->told, launch->wanted, launch->uri_count) ? hand_over(run)
                                                                           : refuse_unproven(run);
}
