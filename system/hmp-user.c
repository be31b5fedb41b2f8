/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Human monitor: port forwarding and connections of netdev user. */

#include "system/hmp-internal.h"

#include "net/netdev/user.h"

/* The netdev may be left out; then the only word is the rule. */
static const char *hmp_hostfwd_netdev(Hmp *hmp)
{
    return hmp_has(hmp, "arg2") ? hmp_str(hmp, "arg1") : NULL;
}

static const char *hmp_hostfwd_rule(Hmp *hmp)
{
    return hmp_str(hmp, hmp_has(hmp, "arg2") ? "arg2" : "arg1");
}

/* These texts stand without "Error: " in front. */
static void hmp_run_hostfwd_add(Hmp *hmp)
{
    g_autoptr(GError) error = NULL;

    if (!net_user_hostfwd_add(hmp_hostfwd_netdev(hmp), hmp_hostfwd_rule(hmp), &error)) {
        hmp_printf(hmp, "%s\n", error->message);
    }
}

static void hmp_run_hostfwd_remove(Hmp *hmp)
{
    const char *rule = hmp_hostfwd_rule(hmp);
    g_autoptr(GError) error = NULL;
    bool found = false;

    if (!net_user_hostfwd_remove(hmp_hostfwd_netdev(hmp), rule, &found, &error)) {
        hmp_printf(hmp, "%s\n", error->message);
        return;
    }
    hmp_printf(hmp, "host forwarding rule for %s %s\n", rule, found ? "removed" : "not found");
}

static void hmp_run_info_usernet(Hmp *hmp)
{
    g_autofree char *text = net_user_info_text();

    hmp_printf(hmp, "%s", text);
}

static const HmpCommand hmp_user_commands[] = {
    { .name = "hostfwd_add", .args = "arg1:s,arg2:s?",
      .params = "[NETDEV] [tcp|udp|unix]:[HOSTADDR]:HOSTPORT-[GUESTADDR]:GUESTPORT",
      .help = "forward a port of the host to the guest", .run = hmp_run_hostfwd_add,
      .complete = hmp_complete_netdev },
    { .name = "hostfwd_remove", .args = "arg1:s,arg2:s?",
      .params = "[NETDEV] [tcp|udp|unix]:[HOSTADDR]:HOSTPORT",
      .help = "stop forwarding a port", .run = hmp_run_hostfwd_remove,
      .complete = hmp_complete_netdev },
};
HMP_REGISTER(hmp_user_commands, false);

static const HmpCommand hmp_user_info_commands[] = {
    { .name = "usernet", .help = "connections of the netdevs of type user",
      .run = hmp_run_info_usernet },
};
HMP_REGISTER(hmp_user_info_commands, true);
