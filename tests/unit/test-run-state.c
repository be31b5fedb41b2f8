/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of the run state: its table of moves, and whom it tells when. */

#include <glib.h>

#include "net/run-state.h"
#include "qapi/qapi.h"
#include "util/clock.h"

/* What listeners saw: one letter each, upper case for running. */
static GString *calls;

typedef struct Letter {
    char name;
    RunState state; /* as last told */
    RunStateListener *listener;
    struct Letter *removes; /* whom it removes when called */
    struct Letter *adds;    /* whom it adds when called */
} Letter;

static void letter_called(bool running, RunState state, void *opaque)
{
    Letter *letter = opaque;

    g_string_append_c(calls, running ? g_ascii_toupper(letter->name) : letter->name);
    letter->state = state;
    if (letter->removes) {
        run_state_listener_remove(letter->removes->listener);
        letter->removes->listener = NULL;
        letter->removes = NULL;
    }
    if (letter->adds) {
        letter->adds->listener =
            run_state_listener_add(RUN_STATE_ORDER_OTHER, letter_called, letter->adds);
        letter->adds = NULL;
    }
}

static void letter_add(Letter *letter, RunStateOrder order)
{
    letter->listener = run_state_listener_add(order, letter_called, letter);
}

static void letter_remove(Letter *letter)
{
    run_state_listener_remove(letter->listener);
    letter->listener = NULL;
}

/* Moves to @state and checks who was told. */
static void assert_calls(RunState state, const char *expected)
{
    g_string_truncate(calls, 0);
    run_state_set(state);
    g_assert_cmpstr(calls->str, ==, expected);
}

static void setup(void)
{
    if (run_state_get() == RUN_STATE_RUNNING || !run_state_can_set(run_state_get(),
                                                                   RUN_STATE_PRELAUNCH)) {
        run_state_set(RUN_STATE_PAUSED);
    }
    run_state_set(RUN_STATE_PRELAUNCH);
}

static void test_begins_in_prelaunch(void)
{
    g_assert_cmpint(run_state_get(), ==, RUN_STATE_PRELAUNCH);
    g_assert_false(run_state_is_running());
}

static void test_order_at_start_and_stop(void)
{
    Letter a = { 'a' }, b = { 'b' }, c = { 'c' }, d = { 'd' };

    setup();
    letter_add(&d, RUN_STATE_ORDER_OTHER);
    letter_add(&b, RUN_STATE_ORDER_NET);
    letter_add(&c, RUN_STATE_ORDER_FILTER);
    letter_add(&a, RUN_STATE_ORDER_CLOCK);
    assert_calls(RUN_STATE_RUNNING, "ABCD");
    assert_calls(RUN_STATE_PAUSED, "dcba");
    letter_remove(&a);
    letter_remove(&b);
    letter_remove(&c);
    letter_remove(&d);
}

static void test_same_order_goes_by_age(void)
{
    Letter a = { 'a' }, b = { 'b' }, c = { 'c' };

    setup();
    letter_add(&a, RUN_STATE_ORDER_NET);
    letter_add(&b, RUN_STATE_ORDER_NET);
    letter_add(&c, RUN_STATE_ORDER_NET);
    assert_calls(RUN_STATE_RUNNING, "ABC");
    assert_calls(RUN_STATE_PAUSED, "cba");
    letter_remove(&a);
    letter_remove(&b);
    letter_remove(&c);
}

static void test_present_state_tells_nobody(void)
{
    Letter a = { 'a' };

    setup();
    letter_add(&a, RUN_STATE_ORDER_NET);
    assert_calls(RUN_STATE_PRELAUNCH, "");
    assert_calls(RUN_STATE_RUNNING, "A");
    assert_calls(RUN_STATE_RUNNING, "");
    letter_remove(&a);
}

static void test_tells_the_new_state(void)
{
    Letter a = { 'a' };

    setup();
    letter_add(&a, RUN_STATE_ORDER_NET);
    run_state_set(RUN_STATE_INMIGRATE);
    g_assert_cmpint(a.state, ==, RUN_STATE_INMIGRATE);
    run_state_set(RUN_STATE_RUNNING);
    g_assert_cmpint(a.state, ==, RUN_STATE_RUNNING);
    letter_remove(&a);
}

static void test_between_stopped_states_as_at_a_stop(void)
{
    Letter a = { 'a' }, b = { 'b' };

    setup();
    run_state_set(RUN_STATE_PAUSED);
    letter_add(&a, RUN_STATE_ORDER_NET);
    letter_add(&b, RUN_STATE_ORDER_FILTER);
    assert_calls(RUN_STATE_PRELAUNCH, "ba");
    letter_remove(&a);
    letter_remove(&b);
}

static void test_removed_is_not_called(void)
{
    Letter a = { 'a' }, b = { 'b' };

    setup();
    letter_add(&a, RUN_STATE_ORDER_NET);
    letter_add(&b, RUN_STATE_ORDER_NET);
    letter_remove(&a);
    assert_calls(RUN_STATE_RUNNING, "B");
    letter_remove(&b);
    assert_calls(RUN_STATE_PAUSED, "");
}

static void test_removes_itself_when_called(void)
{
    Letter a = { 'a' }, b = { 'b' };

    setup();
    a.removes = &a;
    letter_add(&a, RUN_STATE_ORDER_NET);
    letter_add(&b, RUN_STATE_ORDER_NET);
    assert_calls(RUN_STATE_RUNNING, "AB");
    assert_calls(RUN_STATE_PAUSED, "b");
    letter_remove(&b);
}

static void test_removes_a_later_one_when_called(void)
{
    Letter a = { 'a' }, b = { 'b' }, c = { 'c' };

    setup();
    a.removes = &b;
    letter_add(&a, RUN_STATE_ORDER_NET);
    letter_add(&b, RUN_STATE_ORDER_NET);
    letter_add(&c, RUN_STATE_ORDER_NET);
    assert_calls(RUN_STATE_RUNNING, "AC");
    letter_remove(&a);
    letter_remove(&c);
}

static void test_removes_an_earlier_one_when_called(void)
{
    Letter a = { 'a' }, b = { 'b' }, c = { 'c' };

    setup();
    b.removes = &a;
    letter_add(&a, RUN_STATE_ORDER_NET);
    letter_add(&b, RUN_STATE_ORDER_NET);
    letter_add(&c, RUN_STATE_ORDER_NET);
    assert_calls(RUN_STATE_RUNNING, "ABC");
    assert_calls(RUN_STATE_PAUSED, "cb");
    letter_remove(&b);
    letter_remove(&c);
}

static void test_added_when_called_hears_of_the_next_change(void)
{
    Letter a = { 'a' }, b = { 'b' };

    setup();
    a.adds = &b;
    letter_add(&a, RUN_STATE_ORDER_CLOCK);
    assert_calls(RUN_STATE_RUNNING, "A");
    assert_calls(RUN_STATE_PAUSED, "ba");
    letter_remove(&a);
    letter_remove(&b);
}

static void prepare_called(bool running, RunState state, void *opaque)
{
    g_assert_true(running);
    g_assert_true(run_state_is_running());
    letter_called(running, state, opaque);
}

static void test_prepares_before_a_stop(void)
{
    Letter a = { 'a' }, p = { 'p' };

    setup();
    letter_add(&a, RUN_STATE_ORDER_CLOCK);
    p.listener = run_state_listener_add(RUN_STATE_ORDER_PREPARE, prepare_called, &p);
    assert_calls(RUN_STATE_RUNNING, "A");
    assert_calls(RUN_STATE_PAUSED, "Pa");
    g_assert_cmpint(p.state, ==, RUN_STATE_PAUSED);
    assert_calls(RUN_STATE_PRELAUNCH, "a");
    letter_remove(&a);
    letter_remove(&p);
}

static void test_remove_null(void)
{
    run_state_listener_remove(NULL);
}

/* Nothing is slept: the realtime clock says when a while has passed. */
static void spin_ns(int64_t ns)
{
    int64_t end = clock_now_ns(CLOCK_TYPE_REALTIME) + ns;

    while (clock_now_ns(CLOCK_TYPE_REALTIME) < end) {
    }
}

static void test_virtual_clock_stands_still_while_stopped(void)
{
    int64_t before;

    setup();
    before = clock_now_ns(CLOCK_TYPE_VIRTUAL);
    spin_ns(1000000);
    g_assert_cmpint(clock_now_ns(CLOCK_TYPE_VIRTUAL), ==, before);
    run_state_set(RUN_STATE_RUNNING);
    spin_ns(1000000);
    g_assert_cmpint(clock_now_ns(CLOCK_TYPE_VIRTUAL), >=, before + 1000000);
    run_state_set(RUN_STATE_PAUSED);
    before = clock_now_ns(CLOCK_TYPE_VIRTUAL);
    spin_ns(1000000);
    g_assert_cmpint(clock_now_ns(CLOCK_TYPE_VIRTUAL), ==, before);
}

static void test_forbidden_move_ends_the_program(void)
{
    if (g_test_subprocess()) {
        run_state_set(RUN_STATE_RUNNING);
        run_state_set(RUN_STATE_INMIGRATE);
        return;
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_failed();
}

/* --- The table --------------------------------------------------------------------------- */

static void test_prelaunch_leads_anywhere(void)
{
    for (int to = 0; to < RUN_STATE__MAX; to++) {
        g_assert_true(run_state_can_set(RUN_STATE_PRELAUNCH, to));
    }
}

static void test_only_prelaunch_leads_to_inmigrate(void)
{
    for (int from = 0; from < RUN_STATE__MAX; from++) {
        g_assert_cmpint(run_state_can_set(from, RUN_STATE_INMIGRATE), ==,
                        from == RUN_STATE_PRELAUNCH || from == RUN_STATE_INMIGRATE);
    }
}

static void test_running_does_not_go_back(void)
{
    g_assert_false(run_state_can_set(RUN_STATE_RUNNING, RUN_STATE_PRELAUNCH));
    g_assert_false(run_state_can_set(RUN_STATE_RUNNING, RUN_STATE_POSTMIGRATE));
    g_assert_true(run_state_can_set(RUN_STATE_RUNNING, RUN_STATE_PAUSED));
}

static void test_only_a_reset_leaves_these(void)
{
    g_assert_false(run_state_can_set(RUN_STATE_INTERNAL_ERROR, RUN_STATE_RUNNING));
    g_assert_false(run_state_can_set(RUN_STATE_SHUTDOWN, RUN_STATE_RUNNING));
    g_assert_true(run_state_can_set(RUN_STATE_INTERNAL_ERROR, RUN_STATE_PRELAUNCH));
    g_assert_true(run_state_can_set(RUN_STATE_SHUTDOWN, RUN_STATE_PRELAUNCH));
}

/* One case for each state: it may stay, and there is a way from it to running. */
static void test_state(const void *data)
{
    RunState from = GPOINTER_TO_INT(data);
    bool by_reset = run_state_can_set(from, RUN_STATE_PRELAUNCH);

    g_assert_true(run_state_can_set(from, from));
    g_assert_true(by_reset || run_state_can_set(from, RUN_STATE_RUNNING));
}

static void add_table_tests(void)
{
    for (int state = 0; state < RUN_STATE__MAX; state++) {
        g_autofree char *path =
            g_strdup_printf("/run-state/moves/%s", qapi_enum_name(QAPI_TYPE(RunState), state));

        g_test_add_data_func(path, GINT_TO_POINTER(state), test_state);
    }
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    calls = g_string_new(NULL);
    g_test_add_func("/run-state/begins-in-prelaunch", test_begins_in_prelaunch);
    g_test_add_func("/run-state/order-at-start-and-stop", test_order_at_start_and_stop);
    g_test_add_func("/run-state/same-order-goes-by-age", test_same_order_goes_by_age);
    g_test_add_func("/run-state/present-state-tells-nobody", test_present_state_tells_nobody);
    g_test_add_func("/run-state/tells-the-new-state", test_tells_the_new_state);
    g_test_add_func("/run-state/between-stopped-states-as-at-a-stop",
                    test_between_stopped_states_as_at_a_stop);
    g_test_add_func("/run-state/removed-is-not-called", test_removed_is_not_called);
    g_test_add_func("/run-state/removes-itself-when-called", test_removes_itself_when_called);
    g_test_add_func("/run-state/removes-a-later-one-when-called",
                    test_removes_a_later_one_when_called);
    g_test_add_func("/run-state/removes-an-earlier-one-when-called",
                    test_removes_an_earlier_one_when_called);
    g_test_add_func("/run-state/added-when-called-hears-of-the-next-change",
                    test_added_when_called_hears_of_the_next_change);
    g_test_add_func("/run-state/prepares-before-a-stop", test_prepares_before_a_stop);
    g_test_add_func("/run-state/remove-null", test_remove_null);
    g_test_add_func("/run-state/virtual-clock-stands-still-while-stopped",
                    test_virtual_clock_stands_still_while_stopped);
    g_test_add_func("/run-state/forbidden-move-ends-the-program",
                    test_forbidden_move_ends_the_program);
    g_test_add_func("/run-state/prelaunch-leads-anywhere", test_prelaunch_leads_anywhere);
    g_test_add_func("/run-state/only-prelaunch-leads-to-inmigrate",
                    test_only_prelaunch_leads_to_inmigrate);
    g_test_add_func("/run-state/running-does-not-go-back", test_running_does_not_go_back);
    g_test_add_func("/run-state/only-a-reset-leaves-these", test_only_a_reset_leaves_these);
    add_table_tests();
    status = g_test_run();
    run_state_cleanup();
    g_string_free(calls, TRUE);
    return status;
}
