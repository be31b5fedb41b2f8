/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program with one netdev and one export, and a fake guest that may attach to it. */

#include "export-rig.h"

#include <sys/socket.h>

ExportRig *export_rig_start(const char *export_options)
{
    ExportRig *rig = g_new0(ExportRig, 1);
    int theirs;

    rig->guest_fd = -1;
    sock_pair(SOCK_STREAM, &rig->net_fd, &theirs);
    rig->s = qtest_start("-netdev socket,id=net0,fd=%d %s%s", theirs,
                         export_options ? "--export " : "", export_options ? export_options : "");
    sock_close(&theirs);
    frame_link_init(&rig->net, FRAME_LINK_STREAM, rig->net_fd);
    return rig;
}

ExportRig *export_rig_new(const char *more)
{
    g_autofree char *path = tmp_path("export.sock");
    g_autofree char *options = g_strdup_printf("type=stream,id=e0,netdev=net0,addr.type=unix,"
                                               "addr.path=%s%s", path, more);
    ExportRig *rig = export_rig_start(options);

    rig->path = g_steal_pointer(&path);
    return rig;
}

ExportRig *export_rig_new_dgram(const char *more)
{
    g_autofree char *path = tmp_path("export.dgram");
    g_autofree char *remote = tmp_path("guest.dgram");
    g_autofree char *options = g_strdup_printf("type=dgram,id=e0,netdev=net0,addr.type=unix,"
                                               "addr.path=%s,remote.type=unix,remote.path=%s%s",
                                               path, remote, more);
    ExportRig *rig = export_rig_start(options);

    rig->path = g_steal_pointer(&path);
    rig->remote = g_steal_pointer(&remote);
    return rig;
}

void export_rig_free(ExportRig *rig)
{
    qtest_assert_conservation(rig->s);
    qtest_quit(rig->s);
    if (rig->guest_fd >= 0) {
        frame_link_clear(&rig->guest);
        sock_close(&rig->guest_fd);
    }
    frame_link_clear(&rig->net);
    sock_close(&rig->net_fd);
    g_free(rig->path);
    g_free(rig->remote);
    g_free(rig);
}

void export_rig_adopt(ExportRig *rig, FrameLinkKind kind, int fd)
{
    rig->guest_fd = fd;
    frame_link_init(&rig->guest, kind, fd);
}

void export_rig_attach(ExportRig *rig)
{
    if (rig->remote) {
        export_rig_adopt(rig, FRAME_LINK_DATAGRAM, sock_dgram_unix(rig->remote));
        qtest_expect_event(rig->s, "NET_EXPORT_CONNECTED");
        sock_dgram_unix_connect(rig->guest_fd, rig->path);
    } else {
        export_rig_adopt(rig, FRAME_LINK_STREAM, sock_connect_unix(rig->path));
        qtest_expect_event(rig->s, "NET_EXPORT_CONNECTED");
    }
}

void export_rig_detach(ExportRig *rig)
{
    frame_link_clear(&rig->guest);
    sock_close(&rig->guest_fd);
    qtest_expect_event(rig->s, "NET_EXPORT_DISCONNECTED");
}

void export_rig_send(ExportRig *rig, uint32_t n)
{
    frame_link_send(&rig->net, rig->n_to_guest, n);
    rig->n_to_guest += n;
}

void export_rig_guest_sends(ExportRig *rig, uint32_t n)
{
    frame_link_send(&rig->guest, rig->n_from_guest, n);
    rig->n_from_guest += n;
}

void export_rig_guest_gets(ExportRig *rig, uint32_t n)
{
    frame_link_expect(&rig->guest, rig->n_guest_got, n);
    rig->n_guest_got += n;
}

void export_rig_net_gets(ExportRig *rig, uint32_t n)
{
    frame_link_expect(&rig->net, rig->n_net_got, n);
    rig->n_net_got += n;
}

void export_rig_check(ExportRig *rig, uint32_t n)
{
    export_rig_send(rig, n);
    export_rig_guest_gets(rig, n);
    export_rig_guest_sends(rig, n);
    export_rig_net_gets(rig, n);
}

json_object *export_rig_entry(ExportRig *rig)
{
    return qtest_query_entry(rig->s, "query-net-exports", "e0");
}

int64_t export_rig_count(ExportRig *rig, const char *path)
{
    return qtest_query_count(rig->s, "query-net-exports", "e0", path);
}

void export_rig_wait(ExportRig *rig, const char *path, int64_t value)
{
    qtest_wait_query(rig->s, "query-net-exports", "e0", path, value);
}

void export_rig_expect_str(ExportRig *rig, const char *name, const char *value)
{
    g_autoptr(json_object) entry = export_rig_entry(rig);
    json_object *found = NULL;

    json_object_object_get_ex(entry, name, &found);
    g_assert_cmpstr(found ? json_object_get_string(found) : NULL, ==, value);
}

void export_rig_expect_shown(ExportRig *rig, const char *command, const char *what)
{
    g_autofree char *text = qtest_hmp(rig->s, "%s", command);

    if (!strstr(text, what)) {
        g_error("'%s' does not tell '%s' but:\n%s", command, what, text);
    }
}

void export_rig_fill(ExportRig *rig)
{
    do {
        rig->n_to_guest += frame_link_try_send(&rig->net, rig->n_to_guest, 500);
    } while (qtest_netdev_count(rig->s, "net0", "polled") == 1);
}
