/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program whose net0 is a tap in a namespace of its own, for the tests of netdev tap. */

#include "tap-rig.h"

bool tap_skipped(void)
{
    if (netns_why_not()) {
        g_test_skip(netns_why_not());
    }
    return netns_why_not() != NULL;
}

void tap_enter(void)
{
    netns_enter_new();
    netns_tap_make("t0");
}

void tap_check_traffic(Pair *pair)
{
    int wire;

    netns_link_up("t0");
    wire = netns_packet_socket("t0");
    pair_check_fd(pair, FRAME_LINK_DATAGRAM, wire, TAP_MANY);
    sock_close(&wire);
}

TapRig *tap_rig_new(const char *options)
{
    TapRig *rig = g_new0(TapRig, 1);

    tap_enter();
    rig->out_path = tmp_path("chr0.sock");
    rig->pair = pair_new("-netdev tap,id=net0,ifname=t0 "
                         "-chardev socket,id=chr0,path=%s,server=on,wait=off %s",
                         rig->out_path, options);
    netns_link_up("t0");
    rig->wire_fd = netns_packet_socket("t0");
    frame_link_init(&rig->wire, FRAME_LINK_DATAGRAM, rig->wire_fd);
    rig->out_fd = sock_connect_unix(rig->out_path);
    frame_link_init(&rig->out, FRAME_LINK_STREAM, rig->out_fd);
    return rig;
}

void tap_rig_free(TapRig *rig)
{
    pair_free(rig->pair);
    frame_link_clear(&rig->wire);
    frame_link_clear(&rig->out);
    sock_close(&rig->wire_fd);
    sock_close(&rig->out_fd);
    g_free(rig->out_path);
    g_free(rig);
}
