/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The idle NIC: the peer of a netdev while no guest driver takes frames. */

#include "export/nic.h"

#include <string.h>

#include "net/netdev.h"
#include "qom/object.h"
#include "util/error.h"
#include "util/log.h"

/** A NIC without a guest: every frame toward it waits in the chain. */
typedef struct NetNic {
    NetClient nc;
    const char *model; /* borrowed, constant */
    uint8_t mac[6];
} NetNic;

/* The first is the default. */
static const char *const models[] = { "e1000", "e1000e", "rtl8139", "virtio-net-pci", NULL };

__attribute__((constructor)) static void nic_register_types(void)
{
    for (size_t i = 0; models[i]; i++) {
        object_type_register_name(models[i], "device", false);
    }
}

/* What -nic may make. */
#define NIC_OPTIONS_MAX 8

static unsigned n_default_macs;
static unsigned n_nic_options;
static char *not_created[NIC_OPTIONS_MAX]; /* owned: models asked for that are not known */
static unsigned n_not_created;

/* --- The client -------------------------------------------------------------------------- */

static size_t nic_receive(NetClient *nc, const NetFrame *frames, size_t n)
{
    return 0;
}

static const NetClientInfo nic_info = {
    .type = NET_CLIENT_DRIVER_NIC,
    .size = sizeof(NetNic),
    .receive = nic_receive,
};

bool nic_is(const NetClient *nc)
{
    return nc->info == &nic_info;
}

const uint8_t *nic_mac(const NetClient *nc)
{
    g_assert(nic_is(nc));
    return ((const NetNic *)nc)->mac;
}

const char *const *nic_models(void)
{
    return models;
}

static const char *nic_find_model(const char *name)
{
    for (const char *const *model = models; *model; model++) {
        if (strcmp(*model, name) == 0) {
            return *model;
        }
    }
    return NULL;
}

bool nic_model_is_known(const char *model)
{
    return nic_find_model(model) != NULL;
}

/* "MODEL.N" with the lowest N that is free. */
static char *nic_make_name(const char *model)
{
    for (unsigned i = 0;; i++) {
        char *name = g_strdup_printf("%s.%u", model, i);

        if (!net_client_find(name)) {
            return name;
        }
        g_free(name);
    }
}

static void nic_set_mac(NetNic *nic, const uint8_t *mac)
{
    static const uint8_t first[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };

    memcpy(nic->mac, mac ? mac : first, sizeof(nic->mac));
    if (!mac) {
        nic->mac[5] += n_default_macs++;
    }
}

NetClient *nic_new(const char *id, const char *model, const uint8_t *mac, NetClient *netdev,
                   GError **error)
{
    const char *known = nic_find_model(model ? model : models[0]);
    g_autofree char *name = NULL;
    NetNic *nic;

    if (!known) {
        error_set(error, "Unsupported NIC model: %s", model);
        return NULL;
    }
    if (netdev->peer) {
        error_set(error, "Property '%s.netdev' can't take value '%s', it's in use", known,
                  netdev->id);
        return NULL;
    }
    name = id ? g_strdup(id) : nic_make_name(known);
    nic = (NetNic *)net_client_new(&nic_info, name);
    nic->model = known;
    nic_set_mac(nic, mac);
    net_client_set_info(&nic->nc, "model=%s,macaddr=%02x:%02x:%02x:%02x:%02x:%02x", known,
                        nic->mac[0], nic->mac[1], nic->mac[2], nic->mac[3], nic->mac[4],
                        nic->mac[5]);
    net_client_connect(netdev, &nic->nc);
    return &nic->nc;
}

/* --- -nic -------------------------------------------------------------------------------- */

bool nic_mac_parse(const char *text, uint8_t mac[6], GError **error)
{
    uint8_t parsed[6];

    for (int i = 0; i < 6; i++) {
        int high = g_ascii_xdigit_value(text[0]);
        int low = high < 0 ? -1 : g_ascii_xdigit_value(text[1]);

        if (low < 0 || text[2] != (i < 5 ? ':' : '\0')) {
            return error_set(error, "invalid syntax for ethernet address");
        }
        parsed[i] = high << 4 | low;
        text += 3;
    }
    if (parsed[0] & 1) {
        return error_set(error, "NIC cannot have multicast MAC address");
    }
    memcpy(mac, parsed, sizeof(parsed));
    return true;
}

/* A copy of @opts without what describes the NIC; with a type and an id. */
static Opts *nic_netdev_opts(const Opts *opts)
{
    Opts *netdev = g_new0(Opts, 1);

    netdev->keys = g_ptr_array_new_with_free_func(g_free);
    netdev->values = g_ptr_array_new_with_free_func(g_free);
    netdev->id = opts->id ? g_strdup(opts->id) : id_generate("net");
    for (guint i = 0; i < opts->keys->len; i++) {
        const char *key = opts->keys->pdata[i];

        if (strcmp(key, "model") != 0 && strcmp(key, "mac") != 0) {
            g_ptr_array_add(netdev->keys, g_strdup(key));
            g_ptr_array_add(netdev->values, g_strdup(opts->values->pdata[i]));
        }
    }
    if (!opts_get(netdev, "type")) {
        opts_set(netdev, "type", "user");
    }
    return netdev;
}

static bool nic_add_netdev(const Opts *opts, NetClient **nc, GError **error)
{
    g_autoptr(Opts) netdev_opts = nic_netdev_opts(opts);
    const char *type = opts_get(netdev_opts, "type");
    g_autoptr(Netdev) netdev = NULL;

    if (strcmp(type, "stream") == 0 || strcmp(type, "dgram") == 0) {
        error_set(error, "Parameter 'type' is missing");
        error_append_hint(error, "Use -netdev for netdevs of type %s.", type);
        return false;
    }
    netdev = netdev_options_from_opts(netdev_opts, error);
    if (!netdev) {
        return false;
    }
    *nc = netdev_add(netdev, error);
    return *nc != NULL;
}

bool nic_from_opts(const Opts *opts, GError **error)
{
    const char *model = opts_get(opts, "model");
    const char *mac_text = opts_get(opts, "mac");
    uint8_t mac[6];
    NetClient *netdev;

    if (mac_text && !nic_mac_parse(mac_text, mac, error)) {
        return false;
    }
    if (n_nic_options >= NIC_OPTIONS_MAX) {
        return error_set(error, "no more on-board/default NIC slots available");
    }
    if (!nic_add_netdev(opts, &netdev, error)) {
        return false;
    }
    n_nic_options++;
    if (model && !nic_model_is_known(model)) {
        not_created[n_not_created++] = g_strdup(model);
        return true;
    }
    return nic_new(NULL, model, mac_text ? mac : NULL, netdev, error) != NULL;
}

void nic_check_models(void)
{
    for (unsigned i = 0; i < n_not_created; i++) {
        log_warning("requested NIC (anonymous, model %s) was not created (not supported by this "
                    "machine?)", not_created[i]);
    }
}

bool nic_from_option(const char *text, GError **error)
{
    g_autoptr(Opts) opts = opts_parse(text, "type", true, error);

    return opts && nic_from_opts(opts, error);
}
