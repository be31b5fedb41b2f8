/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes the reading of MAC addresses. */

#include "fuzz.h"

#include "export/nic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    g_autofree char *text = fuzz_text(data, len);
    g_autofree char *again = NULL;
    g_autoptr(GError) error = NULL;
    uint8_t mac[6];

    if (!nic_mac_parse(text, mac, &error)) {
        g_assert_nonnull(error);
        return 0;
    }
    again = g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
                            mac[4], mac[5]);
    g_assert_cmpint(g_ascii_strcasecmp(text, again), ==, 0);
    g_assert_cmpuint(mac[0] & 1, ==, 0);
    return 0;
}
