/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network namespaces and tap interfaces in them, for tests that touch nothing of the host. */

#include "netns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>

/* As the kernel's linux/ipv6.h has it, which does not go together with netinet/in.h. */
struct netns_in6_ifreq {
    struct in6_addr addr;
    uint32_t prefix_len;
    int ifindex;
    char unused[sizeof(struct ifreq)]; /* valgrind takes it for one of these */
};

static void netns_check(bool good, const char *what)
{
    if (!good) {
        g_error("%s: %s", what, g_strerror(errno));
    }
}

/* Writes where a namespace is set up; a kernel without IPv6 has no such file. */
static void netns_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd >= 0) {
        netns_check(write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
        close(fd);
    }
}

const char *netns_why_not(void)
{
    static const char *reason;
    static bool asked;
    int own;
    int tun;

    if (asked) {
        return reason;
    }
    asked = true;
    own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (tun < 0) {
        reason = "/dev/net/tun cannot be opened";
    } else if (own < 0 || unshare(CLONE_NEWNET) < 0) {
        reason = "making a network namespace takes root";
    } else {
        netns_check(setns(own, CLONE_NEWNET) == 0, "setns");
    }
    close(own);
    close(tun);
    return reason;
}

void netns_enter_new(void)
{
    netns_check(unshare(CLONE_NEWNET) == 0, "unshare");
    netns_write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
}

/* --- Interfaces -------------------------------------------------------------------------- */

static void netns_ioctl(unsigned long request, void *arg, const char *what)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    netns_check(ioctl(fd, request, arg) == 0, what);
    close(fd);
}

static struct ifreq netns_ifreq(const char *ifname)
{
    struct ifreq ifr = { 0 };

    g_strlcpy(ifr.ifr_name, ifname, sizeof(ifr.ifr_name));
    return ifr;
}

int netns_tap_open(const char *ifname, int flags)
{
    struct ifreq ifr = netns_ifreq(ifname);
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

    ifr.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | flags);
    netns_check(fd >= 0, "/dev/net/tun");
    netns_check(ioctl(fd, TUNSETIFF, &ifr) == 0, "TUNSETIFF");
    return fd;
}

void netns_tap_make(const char *ifname)
{
    int fd = netns_tap_open(ifname, 0);

    netns_check(ioctl(fd, TUNSETPERSIST, 1) == 0, "TUNSETPERSIST");
    close(fd);
}

void netns_inherit_fd(int fd)
{
    netns_check(fcntl(fd, F_SETFD, 0) == 0, "F_SETFD");
}

static void netns_set_flags(const char *ifname, int set, int clear)
{
    struct ifreq ifr = netns_ifreq(ifname);

    netns_ioctl(SIOCGIFFLAGS, &ifr, "SIOCGIFFLAGS");
    ifr.ifr_flags = (short)((ifr.ifr_flags | set) & ~clear);
    netns_ioctl(SIOCSIFFLAGS, &ifr, "SIOCSIFFLAGS");
}

void netns_link_up(const char *ifname)
{
    netns_set_flags(ifname, IFF_UP, 0);
}

void netns_link_down(const char *ifname)
{
    netns_set_flags(ifname, 0, IFF_UP);
}

bool netns_link_exists(const char *ifname)
{
    return if_nametoindex(ifname) > 0;
}

void netns_link_delete(const char *ifname)
{
    struct {
        struct nlmsghdr header;
        struct ifinfomsg info;
    } message = {
        .header = { .nlmsg_len = sizeof(message), .nlmsg_type = RTM_DELLINK,
                    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
        .info = { .ifi_index = (int)if_nametoindex(ifname) },
    };
    struct {
        struct nlmsghdr header;
        struct nlmsgerr error;
    } reply;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

    netns_check(send(fd, &message, sizeof(message), 0) == sizeof(message), "RTM_DELLINK");
    netns_check(recv(fd, &reply, sizeof(reply), 0) > 0, "RTM_DELLINK");
    g_assert_cmpint(reply.error.error, ==, 0);
    close(fd);
}

void netns_add_ipv4(const char *ifname, const char *text)
{
    struct ifreq ifr = netns_ifreq(ifname);
    struct sockaddr_in *sin = (struct sockaddr_in *)&ifr.ifr_addr;

    sin->sin_family = AF_INET;
    g_assert_cmpint(inet_pton(AF_INET, text, &sin->sin_addr), ==, 1);
    netns_ioctl(SIOCSIFADDR, &ifr, "SIOCSIFADDR");
    sin->sin_addr.s_addr = htonl(0xffffff00);
    netns_ioctl(SIOCSIFNETMASK, &ifr, "SIOCSIFNETMASK");
}

void netns_enable_ipv6(void)
{
    netns_write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "0");
    netns_write("/proc/sys/net/ipv6/conf/default/accept_dad", "0");
}

void netns_add_ipv6(const char *ifname, const char *text)
{
    struct netns_in6_ifreq ifr = {
        .prefix_len = 64, .ifindex = (int)if_nametoindex(ifname),
    };
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(inet_pton(AF_INET6, text, &ifr.addr), ==, 1);
    netns_check(ioctl(fd, SIOCSIFADDR, &ifr) == 0, "SIOCSIFADDR");
    close(fd);
}

void netns_mtu(const char *ifname, int mtu)
{
    struct ifreq ifr = netns_ifreq(ifname);

    ifr.ifr_mtu = mtu;
    netns_ioctl(SIOCSIFMTU, &ifr, "SIOCSIFMTU");
}

int netns_packet_socket(const char *ifname)
{
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
        .sll_ifindex = (int)if_nametoindex(ifname),
    };
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int buffer = 16 * 1024 * 1024; /* a full one loses frames */
    int on = 1;

    netns_check(fd >= 0, "a packet socket");
    netns_check(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) == 0,
                "SO_RCVBUFFORCE");
    netns_check(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) == 0,
                "PACKET_IGNORE_OUTGOING");
    netns_check(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0, ifname);
    return fd;
}
