/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP commands on netdevs and links. */

#include "net/client.h"
#include "net/netdev.h"
#include "qapi/opts.h"
#include "qapi/qapi-commands.h"
#include "util/error.h"

bool qmp_netdev_add(const Netdev *args, GError **error)
{
    return id_check(args->id, error) && netdev_add(args, error) != NULL;
}

bool qmp_netdev_del(const NetdevDelArgs *args, GError **error)
{
    return netdev_remove(args->id, error);
}

bool qmp_set_link(const SetLinkArgs *args, GError **error)
{
    NetClient *nc = net_client_find(args->name);

    if (!nc) {
        return error_set_class(error, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found",
                               args->name);
    }
    net_client_set_link(nc, args->up);
    return true;
}

/* No NIC here has a driver that could report which frames it wants. */
RxFilterInfoList *qmp_query_rx_filter(const QueryRxFilterArgs *args, GError **error)
{
    NetClient *nc;

    if (!args->name) {
        return g_new0(RxFilterInfoList, 1);
    }
    nc = net_client_find(args->name);
    if (!nc) {
        error_set(error, "invalid net client name: %s", args->name);
    } else if (nc->info->type != NET_CLIENT_DRIVER_NIC) {
        error_set(error, "net client(%s) isn't a NIC", args->name);
    } else {
        error_set(error, "net client(%s) doesn't support rx-filter querying", args->name);
    }
    return NULL;
}
