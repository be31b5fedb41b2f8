/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program with one netdev and an export of type vhost-user, and a guest of our own. */

#include "vhost-rig.h"

VhostRig vhost_rig_start(const char *more, const VhostGuestOptions *options)
{
    g_autofree char *path = tmp_path("vhost.sock");
    g_autofree char *text = g_strdup_printf("vhost-user,id=e0,netdev=net0,addr.type=unix,"
                                            "addr.path=%s%s", path, more);
    VhostRig v = { export_rig_start(text), vhost_guest_new(options) };

    v.rig->path = g_steal_pointer(&path);
    return v;
}

void vhost_rig_attach(VhostRig *v)
{
    vhost_guest_connect(v->guest, sock_connect_unix(v->rig->path));
    qtest_expect_event(v->rig->s, "NET_EXPORT_CONNECTED");
}

VhostRig vhost_rig_new(const char *more, const VhostGuestOptions *options)
{
    VhostRig v = vhost_rig_start(more, options);

    vhost_rig_attach(&v);
    vhost_guest_start(v.guest);
    for (unsigned i = 0; i < v.guest->n_rings; i += 2) {
        vhost_guest_post(v.guest, i);
    }
    return v;
}

void vhost_rig_free(VhostRig *v)
{
    export_rig_free(v->rig);
    vhost_guest_free(v->guest);
}

void vhost_rig_guest_gets(VhostRig *v, uint32_t n)
{
    vhost_guest_expect(v->guest, RX, v->rig->n_guest_got, n);
    v->rig->n_guest_got += n;
}

void vhost_rig_guest_sends(VhostRig *v, uint32_t n)
{
    vhost_guest_send(v->guest, TX, v->rig->n_from_guest, n);
    v->rig->n_from_guest += n;
}

void vhost_rig_check(VhostRig *v, uint32_t n)
{
    export_rig_send(v->rig, n);
    vhost_rig_guest_gets(v, n);
    vhost_rig_guest_sends(v, n);
    export_rig_net_gets(v->rig, n);
}
