/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes the rules and networks of netdev user: hostfwd, guestfwd, net. */

#include "fuzz.h"

#include "net/netdev/user-rules.h"

static void parse_rule(const char *text, bool host_only)
{
    g_autoptr(GError) error = NULL;
    NetUserRule rule = { 0 };
    bool ok = host_only ? net_user_rule_parse_host(text, &rule, &error)
                        : net_user_rule_parse(text, &rule, &error);

    g_assert_true(ok == (error == NULL));
    g_assert_true(!ok || (rule.path != NULL) == (rule.protocol == NET_USER_PROTOCOL_UNIX));
    net_user_rule_clear(&rule);
}

static void parse_guest_rule(const char *text)
{
    g_autoptr(GError) error = NULL;
    NetUserGuestRule rule = { 0 };
    bool ok = net_user_guest_rule_parse(text, &rule, &error);

    g_assert_true(ok == (error == NULL));
    g_assert_true(!ok || rule.target);
    net_user_guest_rule_clear(&rule);
}

static void parse_net(const char *text)
{
    g_autoptr(GError) error = NULL;
    struct in_addr net, mask;

    if (net_user_net_parse(text, &net, &mask, &error)) {
        g_assert_no_error(error);
        g_assert_cmpuint(net.s_addr & ~mask.s_addr, ==, 0);
    } else {
        g_assert_nonnull(error);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    g_autofree char *text = fuzz_text(data, len);

    parse_rule(text, false);
    parse_rule(text, true);
    parse_guest_rule(text);
    parse_net(text);
    return 0;
}
