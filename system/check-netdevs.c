/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Warns at the end of start-up about netdevs that lead nowhere. */

#include "net/client.h"
#include "net/netdev/hub.h"
#include "system/startup-internal.h"
#include "util/log.h"

/** What is plugged into the hub being looked at. */
typedef struct HubCheck {
    int32_t hub_id;
    bool begun;
    bool has_nic;
    bool has_netdev;
} HubCheck;

static void check_hub_end(const HubCheck *check)
{
    if (!check->begun) {
        return;
    }
    if (!check->has_nic) {
        log_warning("hub %d with no nics", check->hub_id);
    } else if (!check->has_netdev) {
        log_warning("hub %d is not connected to host network", check->hub_id);
    }
}

static void check_port(NetClient *port, int32_t hub_id, void *opaque)
{
    HubCheck *check = opaque;

    if (!check->begun || check->hub_id != hub_id) {
        check_hub_end(check);
        *check = (HubCheck) { .hub_id = hub_id, .begun = true };
    }
    if (!port->peer) {
        log_warning("hub port %s has no peer", port->id);
    } else if (port->peer->info->is_netdev) {
        check->has_netdev = true;
    } else {
        check->has_nic = true;
    }
}

static void check_netdev(NetClient *nc, void *opaque)
{
    if (nc->info->is_netdev && !nc->peer && nc->info->type != NET_CLIENT_DRIVER_HUBPORT) {
        log_warning("netdev %s has no peer", nc->id);
    }
}

void startup_check_netdevs(void)
{
    HubCheck check = { 0 };

    net_hub_foreach_port(check_port, &check);
    check_hub_end(&check);
    net_client_foreach(check_netdev, NULL);
}
