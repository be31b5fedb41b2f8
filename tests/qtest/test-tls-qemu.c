/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames over TLS between a stock QEMU and the program, each in both roles. */

#include "tls-rig.h"

#include <sys/socket.h>

#include "real-vm.h"

#define QEMU "qemu-system-x86_64"
#define N_FRAMES 1000

/* A redirector sends to one in the other program; one of the two is QEMU. */
typedef struct QemuCase {
    const char *name;
    bool qemu_sends;
    bool sender_is_server;
} QemuCase;

static const QemuCase qemu_cases[] = {
    { "qemu-sends-as-client", true, false },
    { "qemu-sends-as-server", true, true },
    { "qemu-receives-as-client", false, true },
    { "qemu-receives-as-server", false, false },
};

/* The reconnection of old releases is in seconds; each side connects once, to who listens. */
static char *side_options(bool is_server, bool is_qemu, const TlsHosts *hosts, uint16_t port)
{
    return g_strdup_printf("%s -object tls-creds-x509,id=t0,endpoint=%s,dir=%s "
                           "-chardev socket,id=chr0,host=127.0.0.1,port=%u,tls-creds=t0%s",
                           is_qemu ? "-M none -accel tcg" : "", is_server ? "server" : "client",
                           is_server ? hosts->server_dir : hosts->client_dir, port,
                           is_server ? ",server=on,wait=off" : "");
}

static void test_qemu(const void *data)
{
    const QemuCase *row = data;
    uint16_t port = sock_free_port(SOCK_STREAM);
    g_autofree char *from = NULL, *to = NULL;
    TlsHosts hosts;
    TlsLink link;

    if (!real_vm_is_there()) {
        return;
    }
    tls_hosts_make(&hosts);
    from = side_options(row->sender_is_server, row->qemu_sends, &hosts, port);
    to = side_options(!row->sender_is_server, !row->qemu_sends, &hosts, port);
    tls_link_open(&link, &(TlsLinkSpec) {
        .from_program = row->qemu_sends ? QEMU : NULL,
        .to_program = row->qemu_sends ? NULL : QEMU,
        .from_options = from,
        .to_options = to,
        .from_first = row->sender_is_server,
    });
    tls_link_check(&link, 0, N_FRAMES);
    qtest_assert_conservation(row->qemu_sends ? link.to : link.from);
    tls_link_close(&link);
    tls_hosts_remove(&hosts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(qemu_cases); i++) {
        g_autofree char *path = g_strconcat("/tls-qemu/", qemu_cases[i].name, NULL);

        g_test_add_data_func(path, &qemu_cases[i], test_qemu);
    }
    return g_test_run();
}
