/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exports of type vhost-user: resets of the device, and what they and a pause leave behind. */

#include "vhost-rig.h"

#define N_FRAMES 40

/* --- Resets ------------------------------------------------------------------------------ */

static uint64_t acked(VhostRig *v, uint32_t request, const void *payload, size_t size)
{
    return vu_acked(v->guest->fd, request, payload, size, NULL, 0);
}

/* All rings are stopped, and nothing more reaches the guest. */
static void expect_stopped(VhostRig *v)
{
    uint8_t header[12], buf[FRAME_MAX];

    qtest_expect_event(v->rig->s, "STOP");
    g_assert_cmpint(export_rig_count(v->rig, "vhost-user.guest-runs"), ==, 0);
    export_rig_send(v->rig, N_FRAMES);
    export_rig_wait(v->rig, "held-to-guest.frames", N_FRAMES);
    g_assert_cmpuint(vhost_guest_try_receive(v->guest, RX, header, buf), ==, 0);
}

/* The driver begins anew on the same connection, and gets what has waited. */
static void begin_anew(VhostRig *v)
{
    vhost_guest_reset(v->guest);
    vu_send_u64(v->guest->fd, VU_SET_FEATURES, v->guest->features);
    vhost_guest_start(v->guest);
    vhost_guest_post(v->guest, RX);
    qtest_expect_event(v->rig->s, "RESUME");
    vhost_rig_guest_gets(v, N_FRAMES);
    vhost_rig_check(v, N_FRAMES);
}

/* The features that the guest took are forgotten, the session is not. */
static void test_reset_device(void)
{
    VhostRig v = vhost_rig_new("", NULL);

    vhost_rig_check(&v, N_FRAMES);
    g_assert_cmpint(export_rig_count(v.rig, "vhost-user.features"), !=, 0);
    g_assert_cmpuint(acked(&v, VU_RESET_DEVICE, NULL, 0), ==, 0);
    g_assert_cmpint(export_rig_count(v.rig, "vhost-user.features"), ==, 0);
    g_assert_cmpint(export_rig_count(v.rig, "vhost-user.protocol-features"), !=, 0);
    g_assert_cmpint(export_rig_count(v.rig, "vhost-user.memory-regions"), >, 0);
    g_assert_cmpuint(vu_ask(v.guest->fd, VU_GET_STATUS), ==, 0);
    expect_stopped(&v);
    begin_anew(&v);
    g_assert_cmpint(export_rig_count(v.rig, "connections"), ==, 1);
    vhost_rig_free(&v);
}

static void test_status_0(void)
{
    VhostRig v = vhost_rig_new("", NULL);
    uint64_t status = 15;

    g_assert_cmpuint(acked(&v, VU_SET_STATUS, &status, sizeof(status)), ==, 0);
    g_assert_cmpuint(vu_ask(v.guest->fd, VU_GET_STATUS), ==, 15);
    vhost_rig_check(&v, N_FRAMES);
    status = 0;
    g_assert_cmpuint(acked(&v, VU_SET_STATUS, &status, sizeof(status)), ==, 0);
    g_assert_cmpuint(vu_ask(v.guest->fd, VU_GET_STATUS), ==, 0);
    expect_stopped(&v);
    begin_anew(&v);
    vhost_rig_free(&v);
}

/* An old message, which is to change nothing. */
static void test_reset_owner(void)
{
    VhostRig v = vhost_rig_new("", NULL);

    g_assert_cmpuint(acked(&v, VU_RESET_OWNER, NULL, 0), ==, 0);
    vhost_rig_check(&v, N_FRAMES);
    vhost_rig_free(&v);
}

/* --- What it was ------------------------------------------------------------------------- */

static void expect_resumed(VhostRig *v, bool resumed)
{
    g_autoptr(json_object) entry = export_rig_entry(v->rig);
    json_object *more = json_object_object_get(entry, "vhost-user");
    json_object *rings = json_object_object_get(more, "rings");

    for (size_t i = 0; i < json_object_array_length(rings); i++) {
        json_object *ring = json_object_array_get_idx(rings, i);

        g_assert_true(json_object_get_boolean(json_object_object_get(ring, "resumed")) == resumed);
    }
}

static void check_told_apart(const void *opaque)
{
    VhostRig v = vhost_rig_new("", opaque);

    expect_resumed(&v, false);
    vhost_rig_check(&v, N_FRAMES);
    vhost_guest_stop(v.guest);
    vhost_guest_start(v.guest);
    expect_resumed(&v, true);
    vhost_rig_check(&v, N_FRAMES);
    vhost_guest_stop(v.guest);
    vhost_guest_reset(v.guest);
    vhost_guest_start(v.guest);
    vhost_guest_post(v.guest, RX);
    expect_resumed(&v, false);
    vhost_rig_check(&v, N_FRAMES);
    vhost_guest_disconnect(v.guest);
    qtest_expect_event(v.rig->s, "NET_EXPORT_DISCONNECTED");
    vhost_guest_reset(v.guest);
    vhost_rig_attach(&v);
    vhost_guest_start(v.guest);
    vhost_guest_post(v.guest, RX);
    expect_resumed(&v, false);
    vhost_rig_check(&v, N_FRAMES);
    vhost_rig_free(&v);
}

int main(int argc, char **argv)
{
    static const VhostGuestOptions packed = { .features = VN_F_PACKED };

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vhost-reset/reset-device", test_reset_device);
    g_test_add_func("/vhost-reset/status-0", test_status_0);
    g_test_add_func("/vhost-reset/reset-owner", test_reset_owner);
    g_test_add_data_func("/vhost-reset/told-apart/split", NULL, check_told_apart);
    g_test_add_data_func("/vhost-reset/told-apart/packed", &packed, check_told_apart);
    return g_test_run();
}
