/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of netdev types. */

#include "net/netdev.h"

#include "util/error.h"

static const NetdevClass *classes[NET_CLIENT_DRIVER__MAX];

/* How -netdev help sorts the types. */
static const NetClientDriver help_order[] = {
    NET_CLIENT_DRIVER_SOCKET,
    NET_CLIENT_DRIVER_STREAM,
    NET_CLIENT_DRIVER_DGRAM,
    NET_CLIENT_DRIVER_HUBPORT,
    NET_CLIENT_DRIVER_TAP,
    NET_CLIENT_DRIVER_PASST,
    NET_CLIENT_DRIVER_USER,
    NET_CLIENT_DRIVER_L2TPV3,
    NET_CLIENT_DRIVER_VDE,
    NET_CLIENT_DRIVER_BRIDGE,
    NET_CLIENT_DRIVER_NETMAP,
    NET_CLIENT_DRIVER_AF_XDP,
    NET_CLIENT_DRIVER_VHOST_USER,
    NET_CLIENT_DRIVER_VHOST_VDPA,
};

void netdev_class_register(const NetdevClass *class)
{
    g_assert(!classes[class->type]);
    classes[class->type] = class;
}

const NetdevClass *netdev_class(NetClientDriver type)
{
    return classes[type];
}

bool netdev_is_built_in(NetClientDriver type)
{
    return classes[type] != NULL;
}

static const char *netdev_type_name(NetClientDriver type)
{
    return qapi_enum_name(QAPI_TYPE(NetClientDriver), type);
}

bool netdev_check_built_in(NetClientDriver type, GError **error)
{
    if (netdev_is_built_in(type)) {
        return true;
    }
    /* Of those that there are, this one alone depends on how the program was built. */
    return error_set(error, type == NET_CLIENT_DRIVER_USER
                            ? "network backend '%s' is not compiled into this binary"
                            : "network backend '%s' is not supported", netdev_type_name(type));
}

char *netdev_help(void)
{
    GString *help = g_string_new("Available netdev backend types:\n");

    for (size_t i = 0; i < G_N_ELEMENTS(help_order); i++) {
        if (netdev_is_built_in(help_order[i])) {
            g_string_append_printf(help, "%s\n", netdev_type_name(help_order[i]));
        }
    }
    return g_string_free(help, FALSE);
}
