/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How many frames the kernel dropped because the queue of a tap was full. */

/*
 * /proc/self/net/dev is read rather than the interface asked by netlink: that would wait for a
 * program that configures a network at the moment. It has all interfaces at once, so it is read
 * once for all taps of a query. It is opened with the first tap: later there may be a chroot.
 *
 * A descriptor that came from elsewhere may belong to an interface of another network namespace,
 * of which the file says nothing, or tells of another interface by the same name. The two are
 * taken to be the same interface if they have the same hardware address.
 */

#include "net/netdev/tap-internal.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "util/fd.h"

/* The character device of taps; any other is a macvtap's. */
#define TUN_MAJOR 10

/* Which numbers behind the colon of a line count drops, from 0. */
#define COLUMN_RX_DROPPED 3
#define COLUMN_TX_DROPPED 11

/* What was read last, for the taps that follow in the same query. */
static struct {
    int fd;         /* owned */
    bool is_open;
    bool is_read;
    uint64_t query; /* when */
    GString *text;  /* owned */
} net_dev;

static void net_dev_open(void)
{
    if (!net_dev.is_open) {
        net_dev.fd = open("/proc/self/net/dev", O_RDONLY | O_CLOEXEC);
        net_dev.is_open = net_dev.fd >= 0;
        net_dev.text = g_string_new(NULL);
    }
}

static void net_dev_read(void)
{
    char part[4096];
    ssize_t n;

    g_string_assign(net_dev.text, "\n");
    do {
        n = pread(net_dev.fd, part, sizeof(part), (off_t)net_dev.text->len - 1);
        g_string_append_len(net_dev.text, part, MAX(n, 0));
    } while (n > 0);
    net_dev.is_read = true;
}

/* The line of the interface behind its colon, borrowed; NULL = it is not there. */
static const char *net_dev_line(const char *ifname)
{
    g_autofree char *colon = g_strconcat(ifname, ":", NULL);
    const char *at = net_dev.text->str;

    while ((at = strstr(at, colon)) && at[-1] != ' ' && at[-1] != '\n') {
        at++;
    }
    return at ? at + strlen(colon) : NULL;
}

static bool line_get_column(const char *line, int column, uint64_t *value)
{
    for (int i = 0; i <= column; i++) {
        char *end;

        *value = g_ascii_strtoull(line, &end, 10);
        if (end == line) {
            return false;
        }
        line = end;
    }
    return true;
}

static bool drops_ask(const TapDrops *drops, uint64_t *frames)
{
    const char *line = net_dev_line(drops->ifname);

    return line && line_get_column(line, drops->is_macvtap ? COLUMN_RX_DROPPED
                                                           : COLUMN_TX_DROPPED, frames);
}

/* Whether the interface of @fd and the one that is called @ifname here are the same. */
static bool drops_is_here(int fd, const char *ifname)
{
    auto_fd int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq theirs = { 0 };
    struct ifreq ours = { 0 };

    g_strlcpy(ours.ifr_name, ifname, IFNAMSIZ);
    return any >= 0 && ioctl(fd, SIOCGIFHWADDR, &theirs) == 0 &&
           ioctl(any, SIOCGIFHWADDR, &ours) == 0 &&
           memcmp(&theirs.ifr_hwaddr, &ours.ifr_hwaddr, sizeof(ours.ifr_hwaddr)) == 0;
}

void tap_drops_start(TapDrops *drops, int fd)
{
    struct ifreq ifr = { 0 };
    struct stat st;

    *drops = (TapDrops) { .is_known = false };
    net_dev_open();
    if (!net_dev.is_open || fstat(fd, &st) < 0 || ioctl(fd, TUNGETIFF, &ifr) < 0 ||
        !drops_is_here(fd, ifr.ifr_name)) {
        return;
    }
    memcpy(drops->ifname, ifr.ifr_name, IFNAMSIZ);
    drops->is_macvtap = major(st.st_rdev) != TUN_MAJOR;
    net_dev_read();
    drops->is_known = drops_ask(drops, &drops->at_start);
}

bool tap_drops_get(const TapDrops *drops, uint64_t query, uint64_t *frames)
{
    uint64_t now;

    if (!drops->is_known) {
        return false;
    }
    if (!net_dev.is_read || net_dev.query != query) {
        net_dev_read();
        net_dev.query = query;
    }
    if (!drops_ask(drops, &now) || now < drops->at_start) {
        return false;
    }
    *frames = now - drops->at_start;
    return true;
}
