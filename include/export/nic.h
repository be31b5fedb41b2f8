/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The idle NIC: the peer of a netdev while no guest driver takes frames. */

#ifndef EXPORT_NIC_H
#define EXPORT_NIC_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>
#include "net/client.h"
#include "qapi/opts.h"
#include "qapi/qapi-types.h"

/** nic_model_is_known, nic_models: the models that the idle NIC can stand for. */
bool nic_model_is_known(const char *model);
const char *const *nic_models(void);

/**
 * nic_new: plug an idle NIC into @netdev
 * @id: its name; NULL = "MODEL.N"
 * @model: NULL = the default model
 * @mac: six bytes; NULL = the next default address (52:54:00:12:34:56 and up)
 *
 * Returns: borrowed; NULL with @error set when @netdev has a peer.
 */
NetClient *nic_new(const char *id, const char *model, const uint8_t *mac, NetClient *netdev,
                   GError **error);

/** nic_from_option: create the netdev and the NIC of "-nic ARG". */
bool nic_from_option(const char *text, GError **error);

/** nic_from_opts: the same from an argument taken apart, whose id names the netdev. */
bool nic_from_opts(const Opts *opts, GError **error);

/** nic_check_models: warn about -nic with unknown models; once, after start-up. */
void nic_check_models(void);

/** nic_announce_start: carry announce-self out; @params: borrowed. */
bool nic_announce_start(const AnnounceParameters *params, GError **error);

/** Length of an announcement: an ARP packet, padded to Ethernet's least. */
#define NIC_ANNOUNCE_LEN 60

/** nic_announce_make_frame: a reverse ARP request (RFC 903) in which @mac asks for its address. */
void nic_announce_make_frame(uint8_t frame[NIC_ANNOUNCE_LEN], const uint8_t mac[6]);

/** nic_cleanup: forget announcements; before net_cleanup(). */
void nic_cleanup(void);

/** nic_is, nic_mac: whether @nc is an idle NIC, and its six bytes of address; borrowed. */
bool nic_is(const NetClient *nc);
const uint8_t *nic_mac(const NetClient *nc);

/** nic_mac_parse: "52:54:00:12:34:56" to six bytes; a group address is refused. */
bool nic_mac_parse(const char *text, uint8_t mac[6], GError **error);

#endif
