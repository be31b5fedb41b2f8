/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exports of type vhost-user: the guest runs before its memory has come. */

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vhost-pages.h"
#include "vhost-rig.h"

/*
 *   net ── program ──rings── guest
 *             └── userfaultfd ── the test, as its VM, which brings pages
 */

#define N_FRAMES 200u

/* As many as wait in a socket while the program does not read it. */
#define N_WAITING 40u

static const VhostGuestOptions plain = { .postcopy = true };

/** A guest without its memory. */
typedef struct PostcopyRig {
    VhostRig v;
    VhostPages *pages;
} PostcopyRig;

/* Where a userfaultfd is possible the feature is offered; valgrind does not know the call. */
static bool can_run(void)
{
    if (!vhost_pages_are_possible() || g_getenv("QTEST_WRAPPER")) {
        g_test_skip("no userfaultfd here");
        return false;
    }
    return true;
}

/*
 * The driver has buffers in its rings; all that it wrote is elsewhere now. Returns: false = the
 * test cannot run here.
 */
static bool postcopy_rig_init(PostcopyRig *p, const char *more, const VhostGuestOptions *options)
{
    if (!can_run()) {
        return false;
    }
    p->v = vhost_rig_start(more, options);
    vhost_rig_attach(&p->v);
    g_assert_true(p->v.guest->protocol_features & VU_PF_PAGEFAULT);
    vhost_guest_post(p->v.guest, RX);
    p->pages = vhost_pages_new(p->v.guest);
    vhost_guest_ready(p->v.guest);
    return true;
}

/* Rings are to start, and wait for pages that do not come. */
static void start_without_pages(PostcopyRig *p)
{
    vhost_pages_withhold(p->pages, true);
    vhost_guest_start(p->v.guest);
    vhost_pages_wait_asked(p->pages, 0);
}

/* Frames go to the guest, whose buffers are in pages that do not come. */
static void send_without_pages(PostcopyRig *p)
{
    unsigned n_asked;

    vhost_pages_withhold(p->pages, true);
    n_asked = vhost_pages_n_asked(p->pages);
    export_rig_send(p->v.rig, N_WAITING);
    vhost_pages_wait_asked(p->pages, n_asked);
}

/* Member @name of what query-net-exports tells of it; -1 = nothing is told. */
static int64_t told(const PostcopyRig *p, const char *name)
{
    g_autoptr(json_object) entry = export_rig_entry(p->v.rig);
    json_object *more = json_object_object_get(entry, "vhost-user");
    json_object *postcopy = json_object_object_get(more, "postcopy");

    return postcopy ? json_object_get_int64(json_object_object_get(postcopy, name)) : -1;
}

static void end_postcopy(PostcopyRig *p)
{
    vhost_pages_bring_all(p->pages);
    g_assert_cmpint(told(p, "active"), ==, 1);
    g_assert_cmpuint(vu_acked(p->v.guest->fd, VU_POSTCOPY_END, NULL, 0, NULL, 0), ==, 0);
    g_assert_cmpint(told(p, "active"), ==, 0);
    g_assert_cmpint(told(p, "awaited"), ==, 0);
    g_assert_cmpint(told(p, "come"), >, 0);
}

static void postcopy_rig_free(PostcopyRig *p)
{
    vhost_pages_free(p->pages);
    vhost_rig_free(&p->v);
}

static void test_frames(const void *data)
{
    PostcopyRig p;
    unsigned n_asked;

    if (!postcopy_rig_init(&p, "", data)) {
        return;
    }
    vhost_guest_start(p.v.guest);
    vhost_rig_check(&p.v, N_FRAMES);
    n_asked = vhost_pages_n_asked(p.pages);
    g_assert_cmpuint(n_asked, >, 2);
    end_postcopy(&p);
    vhost_rig_check(&p.v, N_FRAMES);
    g_assert_cmpuint(vhost_pages_n_asked(p.pages), ==, n_asked);
    postcopy_rig_free(&p);
}

/* What was held before the guest came here goes to it first. */
static void test_held_frames(void)
{
    PostcopyRig p;

    if (!postcopy_rig_init(&p, "", &plain)) {
        return;
    }
    export_rig_send(p.v.rig, N_FRAMES);
    start_without_pages(&p);
    export_rig_wait(p.v.rig, "held-to-guest.frames", N_FRAMES);
    vhost_pages_withhold(p.pages, false);
    vhost_rig_guest_gets(&p.v, N_FRAMES);
    vhost_rig_check(&p.v, N_FRAMES);
    end_postcopy(&p);
    postcopy_rig_free(&p);
}

/** Beside the guest: another export, of type stream. */
typedef struct Neighbour {
    char *path;
    char *options;
    int net_fd, guest_fd, theirs;
    FrameLink net, guest;
    uint32_t n;
} Neighbour;

static void neighbour_init(Neighbour *other)
{
    sock_pair(SOCK_STREAM, &other->net_fd, &other->theirs);
    other->n = 0;
    other->path = tmp_path("other.sock");
    other->options = g_strdup_printf(" -netdev socket,id=net1,fd=%d --export stream,id=e1,"
                                     "netdev=net1,addr.type=unix,addr.path=%s", other->theirs,
                                     other->path);
}

static void neighbour_attach(Neighbour *other, QTest *s)
{
    sock_close(&other->theirs);
    frame_link_init(&other->net, FRAME_LINK_STREAM, other->net_fd);
    other->guest_fd = sock_connect_unix(other->path);
    frame_link_init(&other->guest, FRAME_LINK_STREAM, other->guest_fd);
    qtest_expect_event(s, "NET_EXPORT_CONNECTED");
}

static void neighbour_check(Neighbour *other)
{
    frame_link_send(&other->net, other->n, N_FRAMES);
    frame_link_expect(&other->guest, other->n, N_FRAMES);
    other->n += N_FRAMES;
}

static void neighbour_clear(Neighbour *other)
{
    frame_link_clear(&other->net);
    frame_link_clear(&other->guest);
    sock_close(&other->net_fd);
    sock_close(&other->guest_fd);
    g_free(other->path);
    g_free(other->options);
}

/* While a guest waits for a page, for a ring or for a buffer, nobody else does. */
static void test_others_go_on(void)
{
    Neighbour other;
    PostcopyRig p;

    if (!can_run()) {
        return;
    }
    neighbour_init(&other);
    g_assert_true(postcopy_rig_init(&p, other.options, &plain));
    neighbour_attach(&other, p.v.rig->s);
    start_without_pages(&p);
    g_assert_cmpint(told(&p, "awaited"), >, 0);
    neighbour_check(&other);
    vhost_pages_withhold(p.pages, false);
    vhost_rig_guest_sends(&p.v, 1);
    export_rig_net_gets(p.v.rig, 1);
    send_without_pages(&p);
    neighbour_check(&other);
    vhost_rig_guest_sends(&p.v, 1);
    export_rig_net_gets(p.v.rig, 1);
    vhost_pages_withhold(p.pages, false);
    vhost_rig_guest_gets(&p.v, N_WAITING);
    end_postcopy(&p);
    vhost_rig_check(&p.v, N_FRAMES);
    postcopy_rig_free(&p);
    neighbour_clear(&other);
}

/* The VM is stopped before the rings could start, and while one waits for a buffer's page. */
static void test_stop_while_waiting(void)
{
    PostcopyRig p;

    if (!postcopy_rig_init(&p, "", &plain)) {
        return;
    }
    start_without_pages(&p);
    g_assert_cmpuint(vhost_guest_stop_ring(p.v.guest, RX), ==, 0);
    g_assert_cmpuint(vhost_guest_stop_ring(p.v.guest, TX), ==, 0);
    vhost_pages_withhold(p.pages, false);
    vhost_guest_start(p.v.guest);
    vhost_rig_guest_sends(&p.v, 1);
    export_rig_net_gets(p.v.rig, 1);
    send_without_pages(&p);
    g_assert_cmpuint(vhost_guest_stop_ring(p.v.guest, RX), ==, 0);
    g_assert_cmpuint(vhost_guest_stop_ring(p.v.guest, TX), ==, 1);
    vhost_pages_withhold(p.pages, false);
    vhost_guest_start(p.v.guest);
    vhost_rig_guest_gets(&p.v, N_WAITING);
    vhost_rig_check(&p.v, N_FRAMES);
    end_postcopy(&p);
    postcopy_rig_free(&p);
}

/* The migration is broken, and with it the VM: who waits for a page of it does not wait on. */
static void test_vm_goes_while_waiting(void)
{
    PostcopyRig p;

    if (!postcopy_rig_init(&p, "", &plain)) {
        return;
    }
    export_rig_send(p.v.rig, N_FRAMES);
    start_without_pages(&p);
    vhost_pages_free(p.pages);
    vhost_guest_disconnect(p.v.guest);
    qtest_expect_event(p.v.rig->s, "NET_EXPORT_DISCONNECTED");
    p.v.guest->options.postcopy = false;
    vhost_guest_reset(p.v.guest);
    vhost_rig_attach(&p.v);
    g_assert_cmpint(told(&p, "active"), ==, -1);
    vhost_guest_start(p.v.guest);
    vhost_guest_post(p.v.guest, RX);
    vhost_rig_guest_gets(&p.v, N_FRAMES);
    vhost_rig_check(&p.v, N_FRAMES);
    vhost_rig_free(&p.v);
}

/* The end comes while pages are missing: they are zeros then, and nobody waits. */
static void test_end_while_waiting(void)
{
    PostcopyRig p;

    if (!postcopy_rig_init(&p, "", &plain)) {
        return;
    }
    vhost_guest_start(p.v.guest);
    vhost_rig_guest_sends(&p.v, N_FRAMES);
    export_rig_net_gets(p.v.rig, N_FRAMES);
    send_without_pages(&p);
    g_assert_cmpuint(vu_acked(p.v.guest->fd, VU_POSTCOPY_END, NULL, 0, NULL, 0), ==, 0);
    vhost_rig_guest_gets(&p.v, N_WAITING);
    vhost_rig_check(&p.v, N_FRAMES);
    postcopy_rig_free(&p);
}

/* Memory is shared anew while rings run, and its pages have to come again for that. */
static void test_table_replaced(void)
{
    PostcopyRig p;

    if (!postcopy_rig_init(&p, "", &plain)) {
        return;
    }
    vhost_guest_start(p.v.guest);
    vhost_rig_check(&p.v, N_FRAMES);
    vhost_guest_share(p.v.guest);
    vhost_guest_ready(p.v.guest);
    vhost_rig_check(&p.v, N_FRAMES);
    end_postcopy(&p);
    vhost_rig_check(&p.v, N_FRAMES);
    postcopy_rig_free(&p);
}

/* The file ends where the page would be that is waited for. */
static void test_file_cut_short(void)
{
    PostcopyRig p;

    if (!postcopy_rig_init(&p, "", &plain)) {
        return;
    }
    start_without_pages(&p);
    vhost_pages_free(p.pages);
    g_assert_cmpint(ftruncate(p.v.guest->mem_fd, 0), ==, 0);
    vhost_pages_wake_all(p.v.guest);
    qtest_expect_event(p.v.rig->s, "NET_EXPORT_DISCONNECTED");
    vhost_rig_free(&p.v);
}

static void test_wrong_messages(void)
{
    VhostRig v;
    uint64_t failure = 5;
    uint64_t nothing = 0;

    if (!can_run()) {
        return;
    }
    v = vhost_rig_new("", NULL);
    g_assert_cmpuint(vu_acked(v.guest->fd, VU_POSTCOPY_LISTEN, NULL, 0, NULL, 0), ==, 1);
    vu_send(v.guest->fd, VU_POSTCOPY_ADVISE, 0, NULL, 0, NULL, 0);
    v.guest->uffd = vu_receive_fd(v.guest->fd, VU_POSTCOPY_ADVISE);
    g_assert_cmpuint(vu_acked(v.guest->fd, VU_POSTCOPY_LISTEN, NULL, 0, NULL, 0), ==, 1);
    g_assert_cmpuint(vu_acked(v.guest->fd, VU_ADD_MEM_REG, &nothing, 8, NULL, 0), ==, 1);
    g_assert_cmpuint(vu_acked(v.guest->fd, VU_REM_MEM_REG, &nothing, 8, NULL, 0), ==, 1);
    g_assert_cmpuint(vu_acked(v.guest->fd, VU_POSTCOPY_END, NULL, 0, NULL, 0), ==, 0);
    vhost_rig_check(&v, N_FRAMES);
    vhost_guest_disconnect(v.guest);
    qtest_expect_event(v.rig->s, "NET_EXPORT_DISCONNECTED");

    v.guest->options.postcopy = true;
    v.guest->options.mem_slots = true;
    vhost_rig_attach(&v);
    vu_send(v.guest->fd, VU_ADD_MEM_REG, 0, &failure, sizeof(failure), NULL, 0);
    qtest_expect_event(v.rig->s, "NET_EXPORT_DISCONNECTED");
    vhost_rig_free(&v);
}

/* The feature has to have been taken. */
static void test_not_taken(void)
{
    VhostRig v;

    if (!can_run()) {
        return;
    }
    v = vhost_rig_new("", NULL);
    vu_send_u64(v.guest->fd, VU_SET_PROTOCOL_FEATURES,
                v.guest->protocol_features & ~VU_PF_PAGEFAULT);
    vu_send(v.guest->fd, VU_POSTCOPY_ADVISE, 0, NULL, 0, NULL, 0);
    qtest_expect_event(v.rig->s, "NET_EXPORT_DISCONNECTED");
    vhost_rig_free(&v);
}

int main(int argc, char **argv)
{
    static const VhostGuestOptions slots = { .postcopy = true, .mem_slots = true };
    static const VhostGuestOptions tables = {
        .postcopy = true, .features = VN_F_INDIRECT | VN_F_EVENT_IDX, .n_parts = 3,
    };
    static const VhostGuestOptions packed = {
        .postcopy = true, .features = VN_F_PACKED | VN_F_EVENT_IDX, .n_parts = 2,
    };
    static const VhostGuestOptions packed_tables = {
        .postcopy = true, .features = VN_F_PACKED | VN_F_INDIRECT, .n_parts = 2,
    };
    static const VhostGuestOptions merged = {
        .postcopy = true, .features = VN_F_MRG_RXBUF, .buffer_size = 300,
    };

    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/vhost-postcopy/frames/split", &plain, test_frames);
    g_test_add_data_func("/vhost-postcopy/frames/slots", &slots, test_frames);
    g_test_add_data_func("/vhost-postcopy/frames/tables", &tables, test_frames);
    g_test_add_data_func("/vhost-postcopy/frames/packed", &packed, test_frames);
    g_test_add_data_func("/vhost-postcopy/frames/packed-tables", &packed_tables, test_frames);
    g_test_add_data_func("/vhost-postcopy/frames/merged", &merged, test_frames);
    g_test_add_func("/vhost-postcopy/held-frames-first", test_held_frames);
    g_test_add_func("/vhost-postcopy/others-go-on", test_others_go_on);
    g_test_add_func("/vhost-postcopy/stop-while-waiting", test_stop_while_waiting);
    g_test_add_func("/vhost-postcopy/vm-goes-while-waiting", test_vm_goes_while_waiting);
    g_test_add_func("/vhost-postcopy/end-while-waiting", test_end_while_waiting);
    g_test_add_func("/vhost-postcopy/table-replaced", test_table_replaced);
    g_test_add_func("/vhost-postcopy/file-cut-short", test_file_cut_short);
    g_test_add_func("/vhost-postcopy/wrong-messages", test_wrong_messages);
    g_test_add_func("/vhost-postcopy/feature-not-taken", test_not_taken);
    return g_test_run();
}
