/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stock/stock.h"
#include "common/limit.h"
#include "common/output.h"
#include "common/progress.h"
#include "common/message.h"
#include "stock/environment.h"
#include "stock/stock_said.h"

/* One run of stock, as its parent sees it. */
struct following {
    pid_t child;
    int output;  /* read end of its standard output */
    int sink;    /* where its standard output is written to; borrowed */
    int lost;    /* errno of a failure to write there */
    int errors;  /* read end of the child's standard error */
    int failure; /* read end of the pipe with the errno of a failed exec */
    int signals; /* signalfd */
    int broken;  /* errno of a failure to poll or read */
    sigset_t before;
    sighandler_t child_before;
    const struct shim_stock *stock;
    bool quiet;
    struct sp_text said; /* if it is captured */
    struct shim_said errors_said;
    struct shim_progress progress;
    bool ended;
    int status;
    int given; /* a signal that came to us, and that we do not ignore */
};

/*
 * Runs in the child, which has our memory until it is stock: to copy the page tables
 * for so short a time costs as much as all that we do by ourselves.  So it calls what
 * only asks the kernel, and changes nothing that we read afterwards.
 */
static _Noreturn void become_stock(const struct shim_stock *stock, char *const *env, int output,
                                   int errors, int failure, pid_t parent)
{
    sigset_t none;
    int reason;
    bool ready = prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent &&
                 (stock->in == STDIN_FILENO ||
                  (lseek(stock->in, 0, SEEK_SET) == 0 && dup2(stock->in, STDIN_FILENO) >= 0)) &&
                 dup2(output, STDOUT_FILENO) >= 0 && dup2(errors, STDERR_FILENO) >= 0;

    for (const int *fd = stock->keep; ready && *fd >= 0; fd++)
        ready = fcntl(*fd, F_SETFD, 0) == 0;
    /* Signals that we ignore for ourselves are restored for stock. */
    shim_limit_end();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (ready)
        execve(stock->program, stock->argv, env);
    reason = errno;
    (void)!write(failure, &reason, sizeof(reason));
    _exit(SHIM_SYSTEM);
}

static void caught_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
    sigaddset(set, SIGCHLD);
}

static void close_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

static bool start(const struct shim_stock *stock, char *const *env, struct following *run)
{
    int output[2] = { -1, -1 };
    int errors[2] = { -1, -1 };
    int failure[2] = { -1, -1 };
    pid_t parent = getpid();
    pid_t child = -1;
    sigset_t caught;
    int reason;

    caught_signals(&caught);
    sigprocmask(SIG_BLOCK, &caught, &run->before);
    /* If SIGCHLD is ignored the exit code of a child is lost. */
    run->child_before = signal(SIGCHLD, SIG_DFL);
    run->signals = signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK);
    if (run->signals >= 0 && pipe2(output, O_CLOEXEC) == 0 && pipe2(errors, O_CLOEXEC) == 0 &&
        pipe2(failure, O_CLOEXEC) == 0)
        child = vfork();
    if (child == 0)
        become_stock(stock, env, output[1], errors[1], failure[1], parent);
    reason = errno;
    run->output = output[0];
    run->errors = errors[0];
    run->failure = failure[0];
    close_open(output[1]);
    close_open(errors[1]);
    close_open(failure[1]);
    /* Else the end of the report would never be read. */
    if (stock->pipe != NULL) {
        close(stock->pipe->write);
        stock->pipe->write = -1;
    }
    errno = reason;
    /* Never -1: a signal to that goes to every process that there is. */
    run->child = child > 0 ? child : 0;
    return run->child > 0;
}

/* Has the exec succeeded?  False with its errno. */
static bool has_started(struct following *run)
{
    int reason;

    if (read(run->failure, &reason, sizeof(reason)) != (ssize_t)sizeof(reason))
        return true;
    waitpid(run->child, &run->status, 0);
    errno = reason;
    return false;
}

/* Give up: its output would be incomplete, so none of it counts. */
static void give_up(struct following *run)
{
    run->broken = errno;
    if (!run->ended)
        kill(run->child, SIGKILL);
}

static void pass_on_signal(struct following *run, int number)
{
    kill(run->child, number);
    if (shim_signal_ends(number))
        run->given = number;
}

static void take_signals(struct following *run)
{
    struct signalfd_siginfo info;
    pid_t ended;

    while (read(run->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
        if (info.ssi_signo != SIGCHLD)
            pass_on_signal(run, (int)info.ssi_signo);
    ended = waitpid(run->child, &run->status, WNOHANG);
    if (ended == run->child)
        run->ended = true;
    else if (ended < 0)
        give_up(run);
}

#define SAID_MAX       65536
#define PROGRESS_EVERY 200 /* milliseconds */
#define FLUSH_AFTER    50  /* milliseconds */
#define DRAIN_EVERY    20  /* milliseconds */
#define SHORT_INPUT    32768

/* Read standard error, which is ready: no signal interrupts that.  False at its end. */
static bool take_errors(struct following *run)
{
    char block[4096];
    ssize_t got = read(run->errors, block, sizeof(block));
    size_t room;

    if (got < 0)
        give_up(run);
    /* The message replaces the progress line. */
    shim_progress_end(&run->progress);
    if (got <= 0)
        return false;
    if (run->stock->hear != NULL)
        run->stock->hear(run->stock->listener, block, (size_t)got);
    room = SAID_MAX - 1 - run->said.len;
    if (run->stock->capture)
        sp_text_add_bytes(&run->said, block, (size_t)got < room ? (size_t)got : room);
    if (run->said.failed) {
        errno = ENOMEM;
        give_up(run);
    }
    if (!run->quiet)
        shim_said_feed(&run->errors_said, block, (size_t)got);
    return true;
}

/*
 * Read standard output, which is ready, and close it at its end, or if it cannot be written on:
 * then stock gets SIGPIPE.
 */
static void take_output(struct following *run)
{
    char block[16384]; /* each page of it costs as much as a read */
    ssize_t got = read(run->output, block, sizeof(block));

    if (got > 0 && shim_write_all(run->sink, block, (size_t)got))
        return;
    if (got > 0)
        run->lost = errno;
    else if (got < 0)
        give_up(run);
    close(run->output);
    run->output = -1;
}

/*
 * Read what is in the pipe.  That is done now and then: to wake up for each of many
 * short lines costs more than all else that we do.
 */
static void drain_pipe(struct following *run)
{
    const struct shim_stock_pipe *from = run->stock->pipe;
    char block[4096];
    ssize_t got;

    if (from == NULL)
        return;
    while ((got = read(from->read, block, sizeof(block))) > 0)
        from->hear(from->listener, block, (size_t)got);
    if (got < 0 && errno != EAGAIN)
        give_up(run);
}

/* How long to wait, in milliseconds; -1: until something happens. */
static int patience(const struct following *run)
{
    if (run->ended)
        return 0;
    if (run->errors_said.line.len > 0)
        return FLUSH_AFTER;
    if (run->stock->pipe != NULL)
        return DRAIN_EVERY;
    return run->progress.on ? PROGRESS_EVERY : -1;
}

/* Does what stock makes of the message fit into a pipe, so that it can stay there for a while? */
static bool is_short(const struct shim_stock *stock)
{
    struct stat is = { 0 };

    (void)fstat(stock->in, &is);
    return stock->pipe != NULL && S_ISREG(is.st_mode) && is.st_size <= SHORT_INPUT;
}

/*
 * Of a short message the output is read when stock is done, or the next time that the
 * report is drained: stock writes 4 KB at a time, and each would wake us.
 */
static void follow(struct following *run)
{
    struct pollfd on[] = { { .fd = run->errors, .events = POLLIN },
                           { .fd = run->signals, .events = POLLIN },
                           { .events = POLLIN } };
    bool is_held = is_short(run->stock);

    while (run->broken == 0) {
        /*
         * After stock has ended, only read what is there: a child of stock's may have the
         * streams open.
         */
        int ready;

        on[2].fd = is_held ? -1 : run->output;
        ready = poll(on, 3, patience(run));
        if (ready < 0 && errno != EINTR)
            give_up(run);
        if (ready < 0)
            continue;
        shim_progress_show(&run->progress);
        if (ready == 0)
            shim_said_flush(&run->errors_said);
        if (ready == 0 && run->ended)
            break;
        if (on[0].revents != 0 && !take_errors(run))
            on[0].fd = -1;
        if (on[2].revents != 0)
            take_output(run);
        drain_pipe(run);
        if (on[1].revents != 0)
            take_signals(run);
        /* One that comes after its end is for our caller. */
        if (run->ended)
            on[1].fd = -1;
        is_held = is_held && ready > 0 && !run->ended;
    }
    drain_pipe(run);
    if (!run->ended)
        waitpid(run->child, &run->status, 0);
}

static void finish(struct following *run)
{
    close_open(run->output);
    close_open(run->errors);
    close_open(run->failure);
    close_open(run->signals);
    signal(SIGCHLD, run->child_before);
    sigprocmask(SIG_SETMASK, &run->before, NULL);
}

/* The signal that ended the run.  One that came to us does so even if stock was done by then. */
static int ended_by(const struct following *run)
{
    if (WIFSIGNALED(run->status))
        return WTERMSIG(run->status);
    return WEXITSTATUS(run->status) == 0 ? run->given : 0;
}

bool shim_stock_run(const struct shim_stock *stock, struct shim_stock_result *result)
{
    struct following run = { .output = -1,
                             .sink = stock->out,
                             .errors = -1,
                             .failure = -1,
                             .signals = -1,
                             .child_before = SIG_DFL,
                             .stock = stock,
                             .quiet = stock->quiet || stock->capture,
                             .errors_said = { .shows =
                                                  stock->for_people || isatty(STDERR_FILENO) == 1,
                                              .filter = stock->filter,
                                              .listener = stock->filter_listener } };
    char **env = shim_environment(stock);
    bool started;

    sigprocmask(SIG_SETMASK, NULL, &run.before);
    started = env != NULL && start(stock, env, &run) && has_started(&run);
    if (started) {
        if (stock->progress)
            shim_progress_begin(&run.progress, stock->in);
        follow(&run);
        shim_progress_end(&run.progress);
        shim_said_flush(&run.errors_said);
    } else {
        shim_error("cannot run %s: %s", stock->program, strerror(errno));
    }
    if (run.broken != 0) {
        shim_error("cannot run %s to its end: %s", stock->program, strerror(run.broken));
        started = false;
    }
    finish(&run);
    shim_environment_free(env);
    result->signal = started ? ended_by(&run) : 0;
    result->code = started && result->signal == 0 ? WEXITSTATUS(run.status) : -1;
    result->lost = run.lost;
    result->said = stock->capture ? sp_text_take(&run.said) : NULL;
    return started;
}
