/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The rules of provider/register/locks.h, which a debug build asserts.
 */
#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "register/locks.h"

static void set_up(void)
{
    ck_assert(sp_locks_init());
}

START_TEST(in_order)
{
    sp_lock_life();
    sp_lock_telling();
    for (size_t shard = SP_SHARDS; shard-- > 0;) {
        sp_lock(shard);
        sp_unlock(shard);
    }
    sp_unlock_telling();
    sp_lock(0);
    sp_unlock_life();
    sp_unlock(0);
}
END_TEST

START_TEST(again_after_a_fork)
{
    pid_t child = fork();
    int status = -1;

    ck_assert_int_ge(child, 0);
    sp_lock_life();
    for (size_t shard = 0; shard < SP_SHARDS; shard++) {
        sp_lock(shard);
        sp_unlock(shard);
    }
    sp_unlock_life();
    if (child == 0)
        _exit(0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

static pthread_barrier_t taken;
static atomic_bool is_held;

static void *hold(void *shard)
{
    const struct timespec while_forking = { .tv_nsec = 20000000 };

    sp_lock(*(const size_t *)shard);
    atomic_store(&is_held, true);
    (void)pthread_barrier_wait(&taken);
    (void)nanosleep(&while_forking, NULL);
    atomic_store(&is_held, false);
    sp_unlock(*(const size_t *)shard);
    return NULL;
}

/* fork() waits for it: what it guards would be half written in the child. */
START_TEST(held_by_another_thread)
{
    size_t shard = (size_t)_i;
    pthread_t thread;
    int status = -1;
    pid_t child;

    ck_assert_int_eq(pthread_barrier_init(&taken, NULL, 2), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, hold, &shard), 0);
    (void)pthread_barrier_wait(&taken);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        /* The thread sanitizer misses the other thread in a child that exits. */
        (void)alarm(60);
        sp_lock(shard);
        (void)raise(atomic_load(&is_held) ? SIGTERM : SIGKILL);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, SIGKILL);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

#ifdef SP_CHECK_LOCKS
START_TEST(two_shards)
{
    sp_lock(0);
    sp_lock(1);
}
END_TEST

START_TEST(telling_below_a_shard)
{
    sp_lock(0);
    sp_lock_telling();
}
END_TEST

START_TEST(life_below_a_shard)
{
    sp_lock(0);
    sp_lock_life();
}
END_TEST

START_TEST(life_below_telling)
{
    sp_lock_telling();
    sp_lock_life();
}
END_TEST

START_TEST(life_twice)
{
    sp_lock_life();
    sp_lock_life();
}
END_TEST

START_TEST(fork_while_holding_one)
{
    sp_lock(0);
    (void)fork();
}
END_TEST

START_TEST(given_back_and_not_taken)
{
    sp_unlock(0);
}
END_TEST

START_TEST(another_given_back)
{
    sp_lock(0);
    sp_unlock(1);
}
END_TEST

static void add_what_is_stopped(TCase *tcase)
{
    tcase_add_test_raise_signal(tcase, two_shards, SIGABRT);
    tcase_add_test_raise_signal(tcase, telling_below_a_shard, SIGABRT);
    tcase_add_test_raise_signal(tcase, life_below_a_shard, SIGABRT);
    tcase_add_test_raise_signal(tcase, life_below_telling, SIGABRT);
    tcase_add_test_raise_signal(tcase, life_twice, SIGABRT);
    tcase_add_test_raise_signal(tcase, fork_while_holding_one, SIGABRT);
    tcase_add_test_raise_signal(tcase, given_back_and_not_taken, SIGABRT);
    tcase_add_test_raise_signal(tcase, another_given_back, SIGABRT);
}
#endif

int main(void)
{
    Suite *suite = suite_create("locks");
    TCase *rules = sp_case(suite, "rules");

    tcase_add_checked_fixture(rules, set_up, NULL);
    tcase_add_test(rules, in_order);
    tcase_add_test(rules, again_after_a_fork);
    tcase_add_loop_test(rules, held_by_another_thread, 0, SP_SHARDS);
#ifdef SP_CHECK_LOCKS
    add_what_is_stopped(rules);
#endif
    return sp_run_forked(suite);
}
