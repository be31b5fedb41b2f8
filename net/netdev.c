/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one way to create and delete netdevs. */

#include "net/netdev.h"

#include "util/error.h"

static NetClient *netdev_create(const Netdev *netdev, GError **error)
{
    g_autoptr(GError) reason = NULL;
    NetClient *nc;

    if (net_netdev_find(netdev->id)) {
        error_set(error, "Duplicate ID '%s'", netdev->id);
        return NULL;
    }
    if (!netdev_check_built_in(netdev->type, error)) {
        return NULL;
    }
    nc = netdev_class(netdev->type)->create(netdev, &reason);
    if (reason) {
        g_propagate_error(error, g_steal_pointer(&reason));
    } else if (!nc) {
        error_set(error, "Device '%s' could not be initialized",
                  qapi_enum_name(QAPI_TYPE(NetClientDriver), netdev->type));
    }
    return nc;
}

NetClient *netdev_add(const Netdev *netdev, GError **error)
{
    NetClient *nc = netdev_create(netdev, error);

    if (!nc) {
        netdev_options_forget(netdev->id);
    }
    return nc;
}

bool netdev_remove(const char *id, GError **error)
{
    NetClient *nc = net_netdev_find(id);
    NetClient *peer;

    if (!nc) {
        return error_set_class(error, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found", id);
    }
    peer = nc->peer;
    netdev_options_forget(id);
    net_client_delete(nc);
    if (peer && peer->info->type == NET_CLIENT_DRIVER_NIC) {
        net_client_set_link(peer, false);
    }
    return true;
}
