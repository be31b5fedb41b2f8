/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program with one colo-compare between its sockets, ready to be tested. */

#include "compare-rig.h"

#include <string.h>

#define COMMAND "query-colo-compare"

static const char *const chardevs[] = { "pri", "sec", "out", "ntf" };

/* Number of the chardev at the other end of @link. */
static int crig_index(const CompareRig *rig, const FrameLink *link)
{
    return link == &rig->pri ? 0 : link == &rig->sec ? 1 : 2;
}

static int crig_open(CompareRig *rig, int index)
{
    int fd = sock_connect_unix(rig->paths[index]);

    qtest_wait_chardev(rig->s, chardevs[index], true);
    return fd;
}

void crig_connect(CompareRig *rig, FrameLink *link)
{
    FrameLinkKind kind = link->kind;

    frame_link_init(link, kind, crig_open(rig, crig_index(rig, link)));
}

static void crig_close_link(FrameLink *link)
{
    int fd = link->fd;

    frame_link_clear(link);
    sock_close(&fd);
}

void crig_disconnect(CompareRig *rig, FrameLink *link)
{
    crig_close_link(link);
    qtest_wait_chardev(rig->s, chardevs[crig_index(rig, link)], false);
}

CompareRig *crig_new(const char *properties)
{
    bool vnet = strstr(properties, "vnet_hdr_support=on") != NULL;
    CompareRig *rig = g_new0(CompareRig, 1);
    GString *options = g_string_new("-object iothread,id=io");

    for (size_t i = 0; i < G_N_ELEMENTS(chardevs); i++) {
        rig->paths[i] = tmp_path(chardevs[i]);
        g_string_append_printf(options, " -chardev socket,id=%s,path=%s,server=on,wait=off",
                               chardevs[i], rig->paths[i]);
    }
    rig->s = qtest_start("%s -object colo-compare,id=cmp0,primary_in=pri,secondary_in=sec,"
                         "outdev=out,notify_dev=ntf,iothread=io%s", options->str, properties);
    g_string_free(options, TRUE);
    rig->pri.kind = rig->sec.kind = rig->out.kind = vnet ? FRAME_LINK_STREAM_VNET
                                                         : FRAME_LINK_STREAM;
    crig_connect(rig, &rig->out);
    rig->notify_fd = crig_open(rig, 3);
    crig_connect(rig, &rig->pri);
    crig_connect(rig, &rig->sec);
    return rig;
}

static void crig_check_side(json_object *entry, const char *side, const char *unit, int64_t held)
{
    static const char *const went[] = { "done", "queued", "dropped" };
    g_autofree char *in = g_strdup_printf("%s.in.%s", side, unit);
    int64_t sum = held;

    for (size_t i = 0; i < G_N_ELEMENTS(went); i++) {
        g_autofree char *path = g_strdup_printf("%s.%s.%s", side, went[i], unit);

        sum += json_path(entry, path);
    }
    g_assert_cmpint(json_path(entry, in), ==, sum);
}

/* Of one moment: packets time out between two queries. */
static void crig_check(CompareRig *rig)
{
    g_autoptr(json_object) entry = qtest_query_entry(rig->s, COMMAND, "cmp0");

    crig_check_side(entry, "primary", "frames", json_path(entry, "held.frames"));
    crig_check_side(entry, "primary", "bytes", json_path(entry, "held.bytes"));
    crig_check_side(entry, "secondary", "frames", 0);
    crig_check_side(entry, "secondary", "bytes", 0);
    g_assert_cmpint(json_path(entry, "added"), ==, json_path(entry, "closed") +
                    json_path(entry, "evicted") + json_path(entry, "connections"));
    g_assert_cmpint(json_path(entry, "checkpoints-requested"), ==,
                    json_path(entry, "mismatches") + json_path(entry, "timeouts"));
}

void crig_free(CompareRig *rig)
{
    if (rig->s) {
        crig_check(rig);
        qtest_quit(rig->s);
    }
    crig_close_link(&rig->pri);
    crig_close_link(&rig->sec);
    crig_close_link(&rig->out);
    sock_close(&rig->notify_fd);
    for (size_t i = 0; i < G_N_ELEMENTS(chardevs); i++) {
        g_free(rig->paths[i]);
    }
    g_free(rig);
}

static PacketLayout crig_build(uint8_t *buf, const PacketSpec *given, uint32_t vnet_hdr_len)
{
    PacketSpec spec = *given;

    spec.src = spec.src ? spec.src : 1;
    spec.dst = spec.dst ? spec.dst : 9;
    spec.src_port = spec.src_port ? spec.src_port : 80;
    spec.dst_port = spec.dst_port ? spec.dst_port : 20000;
    spec.vnet_hdr_len = vnet_hdr_len;
    return packet_build(buf, &spec);
}

void crig_send(FrameLink *link, const PacketSpec *spec)
{
    uint8_t buf[PACKET_MAX];
    PacketLayout at;

    link->vnet_len = spec->vnet_hdr_len;
    at = crig_build(buf, spec, spec->vnet_hdr_len);
    frame_link_send_bytes(link, buf, at.len);
}

void crig_expect(CompareRig *rig, const PacketSpec *spec)
{
    uint8_t buf[PACKET_MAX];
    PacketLayout at = crig_build(buf, spec, spec->vnet_hdr_len);

    frame_link_expect_bytes(&rig->out, buf, at.len);
}

void crig_send_udp(FrameLink *link, uint16_t port, const char *text)
{
    crig_send(link, &(PacketSpec) { .protocol = 17, .dst_port = port, .payload = text });
}

void crig_expect_udp(CompareRig *rig, uint16_t port, const char *text)
{
    crig_expect(rig, &(PacketSpec) { .protocol = 17, .dst_port = port, .payload = text });
}

void crig_expect_nothing(CompareRig *rig)
{
    qtest_qmp_ok(rig->s, "{'execute': 'query-status'}");
    frame_link_expect_nothing(&rig->out);
}

void crig_expect_notice(CompareRig *rig, const char *text)
{
    size_t len = strlen(text);
    g_autofree char *got = g_malloc0(4 + len + 1);
    uint8_t prefix[4];

    packet_put32(prefix, (uint32_t)len);
    sock_read(rig->notify_fd, got, 4 + len);
    g_assert_cmpmem(got, 4, prefix, 4);
    g_assert_cmpstr(got + 4, ==, text);
}

void crig_notify(CompareRig *rig, const char *text)
{
    uint8_t prefix[4];

    packet_put32(prefix, (uint32_t)strlen(text));
    sock_write(rig->notify_fd, prefix, 4);
    sock_write(rig->notify_fd, text, strlen(text));
}

int64_t crig_count(CompareRig *rig, const char *path)
{
    return qtest_query_count(rig->s, COMMAND, "cmp0", path);
}

void crig_wait(CompareRig *rig, const char *path, int64_t value)
{
    qtest_wait_query(rig->s, COMMAND, "cmp0", path, value);
}
