/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program whose net0 has a sender and a taker on both sides, for the tests of filters. */

#include "filter-rig.h"

FilterRig *frig_new(const char *options)
{
    static unsigned n_rigs;
    FilterRig *frig = g_new0(FilterRig, 1);
    g_autofree char *name = g_strdup_printf("in%u.sock", n_rigs++);

    frig->in_fd = -1;
    frig->in_path = tmp_path(name);
    frig->rig = rig_new_with_taker("-chardev socket,id=chr1,path=%s,server=on,wait=off %s",
                                   frig->in_path, options);
    frig->s = frig->rig->s;
    rig_connect_out(frig->rig);
    return frig;
}

void frig_free(FilterRig *frig)
{
    frig_disconnect_in(frig);
    rig_free(frig->rig);
    g_free(frig->in_path);
    g_free(frig);
}

void frig_connect_in(FilterRig *frig)
{
    frig->in_fd = sock_connect_unix(frig->in_path);
    frame_link_init(&frig->in, FRAME_LINK_STREAM, frig->in_fd);
}

void frig_disconnect_in(FilterRig *frig)
{
    if (frig->in_fd >= 0) {
        frame_link_clear(&frig->in);
        sock_close(&frig->in_fd);
    }
}

void frig_send_tx(FilterRig *frig, uint32_t n)
{
    frame_link_send(&frig->rig->net, frig->n_tx, n);
    frig->n_tx += n;
    qtest_wait_netdev(frig->s, "net0", "tx.in.frames", frig->n_tx);
}

void frig_send_rx(FilterRig *frig, uint32_t n)
{
    frame_link_send(&frig->rig->peer, frig->n_rx, n);
    frig->n_rx += n;
    qtest_wait_netdev(frig->s, "net0", "rx.in.frames", frig->n_rx);
}

void frig_expect(FrameLink *link, uint32_t first, uint32_t n)
{
    if (n > 0) {
        frame_link_expect(link, first, n);
    }
    frame_link_expect_nothing(link);
}

void frig_check_verdict(const char *options, bool tx_out, bool tx_on, bool rx_out, bool rx_on)
{
    FilterRig *frig = frig_new(options);
    Rig *rig = frig->rig;

    frig_send_tx(frig, 5);
    frig_expect(&rig->peer, 0, tx_on ? 5 : 0);
    frig_expect(&rig->out, 0, tx_out ? 5 : 0);
    frig_send_rx(frig, 5);
    frig_expect(&rig->net, 0, rx_on ? 5 : 0);
    frig_expect(&rig->out, 0, rx_out ? 5 : 0);
    frig_free(frig);
}
