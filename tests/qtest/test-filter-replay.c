/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter-replay in the real program; as it does nothing, the order of filters is tested here. */

#include "filter-rig.h"

#include <string.h>

#define REPLAY "-object filter-replay,id=f0,netdev=net0"

static void test_passes_all(void)
{
    frig_check_verdict(REPLAY, false, true, false, true);
}

static void test_passes_tx(void)
{
    frig_check_verdict(REPLAY ",queue=tx", false, true, false, true);
}

static void test_passes_rx(void)
{
    frig_check_verdict(REPLAY ",queue=rx", false, true, false, true);
}

static void test_counts_what_it_sees(void)
{
    FilterRig *frig = frig_new(REPLAY ",queue=rx");

    frig_send_tx(frig, 3);
    frig_send_rx(frig, 4);
    g_assert_cmpint(qtest_filter_count(frig->s, "f0", "in.frames"), ==, 4);
    g_assert_cmpint(qtest_filter_count(frig->s, "f0", "passed.frames"), ==, 4);
    frig_free(frig);
}

/* --- Order ------------------------------------------------------------------------------- */

static void assert_order(FilterRig *frig, const char *want)
{
    g_autoptr(json_object) list = qtest_qmp_return(frig->s, "{'execute': 'query-netfilters'}");
    g_autoptr(GString) got = g_string_new("");

    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *info = json_object_array_get_idx(list, i);

        g_assert_cmpint(json_path(info, "index"), ==, (int64_t)i);
        g_string_append_printf(got, "%s%s", i > 0 ? " " : "",
                               json_object_get_string(json_object_object_get(info, "id")));
    }
    g_assert_cmpstr(got->str, ==, want);
}

static void add(FilterRig *frig, const char *id, const char *members)
{
    g_autofree char *json = g_strdup_printf("{'qom-type': 'filter-replay', 'id': '%s', "
                                            "'netdev': 'net0'%s}", id, members);

    qtest_object_add(frig->s, json);
}

static void test_order_of_insertion(void)
{
    static const struct {
        const char *id;
        const char *members;
        const char *want;
    } steps[] = {
        { "m0", "", "m0" },
        { "m1", "", "m0 m1" },
        { "m2", ", 'position': 'head'", "m2 m0 m1" },
        { "m3", ", 'position': 'id=m0'", "m2 m0 m3 m1" },
        { "m4", ", 'position': 'id=m0', 'insert': 'before'", "m2 m4 m0 m3 m1" },
        { "m5", ", 'position': 'id=m0', 'insert': 'behind'", "m2 m4 m0 m5 m3 m1" },
        { "m6", ", 'position': 'head', 'insert': 'behind'", "m6 m2 m4 m0 m5 m3 m1" },
        { "m7", ", 'position': 'tail', 'insert': 'before'", "m6 m2 m4 m0 m5 m3 m1 m7" },
    };
    FilterRig *frig = frig_new("");

    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
        add(frig, steps[i].id, steps[i].members);
        assert_order(frig, steps[i].want);
    }
    qtest_object_del(frig->s, "m0");
    assert_order(frig, "m6 m2 m4 m5 m3 m1 m7");
    add(frig, "m0", ", 'position': 'id=m1', 'insert': 'before'");
    assert_order(frig, "m6 m2 m4 m5 m3 m0 m1 m7");
    frig_free(frig);
}

static void test_two_before_one_stay_in_order(void)
{
    FilterRig *frig = frig_new("");

    add(frig, "x", "");
    add(frig, "a", ", 'position': 'id=x', 'insert': 'before'");
    add(frig, "b", ", 'position': 'id=x', 'insert': 'before'");
    assert_order(frig, "a b x");
    frig_free(frig);
}

/* tx walks from head to tail, rx from tail to head: who comes first takes the frames. */
static void test_directions_walk_opposite_ways(void)
{
    FilterRig *frig = frig_new(
        "-chardev null,id=n0 -chardev null,id=n1 "
        "-object filter-redirector,id=head,netdev=net0,outdev=n0 "
        "-object filter-redirector,id=tail,netdev=net0,outdev=n1");

    frig_send_tx(frig, 5);
    frig_send_rx(frig, 3);
    g_assert_cmpint(qtest_filter_count(frig->s, "head", "consumed.frames"), ==, 5);
    g_assert_cmpint(qtest_filter_count(frig->s, "tail", "consumed.frames"), ==, 3);
    frig_free(frig);
}

static void test_order_errors(void)
{
    FilterRig *frig = frig_new("-object filter-replay,id=other,netdev=net1");

#define ADD(members) "{'execute': 'object-add', 'arguments': {'qom-type': 'filter-replay', " \
                     "'id': 'f0', 'netdev': 'net0'" members "}}"
    qtest_qmp_error(frig->s, "GenericError", "filter 'x' not found", ADD(", 'position': 'id=x'"));
    qtest_qmp_error(frig->s, "GenericError", "filter 'other' belongs to a different netdev",
                    ADD(", 'position': 'id=other'"));
    qtest_qmp_error(frig->s, "GenericError", "filter 'f0' not found",
                    ADD(", 'position': 'id=f0'"));
    qtest_qmp_error(frig->s, "GenericError",
                    "Parameter 'position' expects 'head', 'tail' or 'id=<id>'",
                    ADD(", 'position': 'middle'"));
    qtest_qmp_error(frig->s, "GenericError", "Parameter 'insert' does not accept value 'x'",
                    ADD(", 'position': 'tail', 'insert': 'x'"));
    qtest_qmp_error(frig->s, "GenericError", "Parameter 'interval' is unexpected",
                    ADD(", 'interval': 1"));
#undef ADD
    assert_order(frig, "other");
    frig_free(frig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/filter-replay/passes/all", test_passes_all);
    g_test_add_func("/filter-replay/passes/tx", test_passes_tx);
    g_test_add_func("/filter-replay/passes/rx", test_passes_rx);
    g_test_add_func("/filter-replay/counts-what-it-sees", test_counts_what_it_sees);
    g_test_add_func("/filter-order/insertion", test_order_of_insertion);
    g_test_add_func("/filter-order/two-before-one", test_two_before_one_stay_in_order);
    g_test_add_func("/filter-order/directions-walk-opposite-ways",
                    test_directions_walk_opposite_ways);
    g_test_add_func("/filter-order/errors", test_order_errors);
    return g_test_run();
}
