/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a stop of the VM costs frames, as exports tell: without a vm-follower. */

#include <stdlib.h>
#include <string.h>

#include "vhost-rig.h"

static void test_not_connected(void)
{
    ExportRig *rig = export_rig_new(",gate=on");

    export_rig_expect_str(rig, "exact-stop", "not-connected");
    export_rig_free(rig);
}

static void check_gates(ExportRig *(*rig_new)(const char *more))
{
    ExportRig *rig = rig_new("");

    export_rig_attach(rig);
    export_rig_expect_str(rig, "exact-stop", "not-gating");
    qtest_qmp_ok(rig->s, "{'execute': 'net-export-set', 'arguments': {'id': 'e0', 'gate': 'on'}}");
    export_rig_expect_str(rig, "exact-stop", "not-counted");
    export_rig_detach(rig);
    export_rig_free(rig);
}

static void test_gates(void)
{
    check_gates(export_rig_new);
    check_gates(export_rig_new_dgram);
}

static void test_tcp(void)
{
    ExportRig *rig = export_rig_start("stream,id=e0,netdev=net0,addr.type=inet,"
                                      "addr.host=127.0.0.1,addr.port=0,gate=on");
    g_autoptr(json_object) entry = export_rig_entry(rig);
    const char *address = json_object_get_string(json_object_object_get(entry, "address"));

    export_rig_adopt(rig, FRAME_LINK_STREAM, sock_connect_tcp(atoi(strrchr(address, ':') + 1)));
    qtest_expect_event(rig->s, "NET_EXPORT_CONNECTED");
    export_rig_expect_str(rig, "exact-stop", "reading-not-seen");
    export_rig_free(rig);
}

/* Nothing that was handed over is in flight, whatever the guest does. */
static void test_vhost_user(void)
{
    VhostRig v = vhost_rig_start("", NULL);

    export_rig_expect_str(v.rig, "exact-stop", "true");
    vhost_rig_attach(&v);
    export_rig_expect_str(v.rig, "exact-stop", "true");
    vhost_guest_start(v.guest);
    export_rig_expect_str(v.rig, "exact-stop", "true");
    vhost_rig_free(&v);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/exact-stop/not-connected", test_not_connected);
    g_test_add_func("/exact-stop/gates", test_gates);
    g_test_add_func("/exact-stop/tcp", test_tcp);
    g_test_add_func("/exact-stop/vhost-user", test_vhost_user);
    return g_test_run();
}
