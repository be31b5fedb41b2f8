/* SPDX-License-Identifier: GPL-2.0-or-later */
/* announce-self: NICs send frames from which switches learn where they are. */

#include <string.h>

#include "export/nic.h"
#include "qapi/qapi-commands.h"
#include "util/clock.h"
#include "util/error.h"

/** An announcement under way. */
typedef struct NicAnnounce {
    AnnounceParameters *params; /* owned */
    Timer *timer;               /* owned */
    int64_t n_sent;             /* rounds */
} NicAnnounce;

static GHashTable *announces; /* id -> NicAnnounce, both owned */

static void announce_free(void *opaque)
{
    NicAnnounce *announce = opaque;

    timer_free(announce->timer);
    qapi_free_AnnounceParameters(announce->params);
    g_free(announce);
}

void nic_cleanup(void)
{
    g_clear_pointer(&announces, g_hash_table_unref);
}

void nic_announce_make_frame(uint8_t frame[NIC_ANNOUNCE_LEN], const uint8_t mac[6])
{
    static const uint8_t fixed[] = {
        0x80, 0x35,             /* EtherType: reverse ARP */
        0x00, 0x01, 0x08, 0x00, /* Ethernet, IPv4 */
        0x06, 0x04,             /* lengths of their addresses */
        0x00, 0x03,             /* request */
    };

    memset(frame, 0, NIC_ANNOUNCE_LEN);
    memset(frame, 0xff, 6);
    memcpy(frame + 6, mac, 6);
    memcpy(frame + 12, fixed, sizeof(fixed));
    memcpy(frame + 22, mac, 6);
    memcpy(frame + 32, mac, 6);
}

static bool announce_includes(const AnnounceParameters *params, const char *name)
{
    if (!params->interfaces) {
        return true;
    }
    for (size_t i = 0; i < params->interfaces->len; i++) {
        if (strcmp(params->interfaces->items[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void announce_nic(NetClient *nc, void *opaque)
{
    const NicAnnounce *announce = opaque;
    uint8_t data[NIC_ANNOUNCE_LEN];
    const NetFrame frame = { .data = data, .len = sizeof(data) };

    if (nic_is(nc) && announce_includes(announce->params, nc->id)) {
        nic_announce_make_frame(data, nic_mac(nc));
        net_client_send(nc, &frame, 1);
    }
}

/* The time between the round just sent and the next. */
static int64_t announce_delay_ms(const NicAnnounce *announce)
{
    const AnnounceParameters *params = announce->params;
    int64_t delay_ms;

    if (__builtin_mul_overflow(params->step, announce->n_sent - 1, &delay_ms) ||
        __builtin_add_overflow(params->initial, delay_ms, &delay_ms)) {
        return params->max;
    }
    return MIN(delay_ms, params->max);
}

static void announce_round(void *opaque)
{
    NicAnnounce *announce = opaque;

    net_client_foreach(announce_nic, announce);
    announce->n_sent++;
    if (announce->n_sent < announce->params->rounds) {
        timer_start_at(announce->timer, clock_now_ns(CLOCK_TYPE_REALTIME) +
                                        announce_delay_ms(announce) * INT64_C(1000000));
    } else {
        g_hash_table_remove(announces, announce->params->id ? announce->params->id : "");
    }
}

static bool announce_check(const AnnounceParameters *params, GError **error)
{
    const struct {
        const char *name;
        int64_t value;
        int64_t max;
    } limits[] = {
        { "initial", params->initial, 100000 },
        { "max", params->max, 100000 },
        { "rounds", params->rounds, 1000 },
        { "step", params->step, 10000 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
        if (limits[i].value < 0 || limits[i].value > limits[i].max) {
            return error_set(error, "Parameter '%s' expects a value from 0 to %" PRId64,
                             limits[i].name, limits[i].max);
        }
    }
    return true;
}

bool nic_announce_start(const AnnounceParameters *params, GError **error)
{
    NicAnnounce *announce;

    if (!announce_check(params, error)) {
        return false;
    }
    if (!announces) {
        announces = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, announce_free);
    }
    if (params->rounds == 0) {
        g_hash_table_remove(announces, params->id ? params->id : "");
        return true;
    }
    announce = g_new0(NicAnnounce, 1);
    announce->params = qapi_clone(QAPI_TYPE(AnnounceParameters), params);
    announce->timer = timer_new(CLOCK_TYPE_REALTIME, announce_round, announce);
    g_hash_table_replace(announces, g_strdup(params->id ? params->id : ""), announce);
    announce_round(announce);
    return true;
}

bool qmp_announce_self(const AnnounceParameters *args, GError **error)
{
    return nic_announce_start(args, error);
}
