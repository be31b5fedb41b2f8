/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options of parts that a build has left out: each is refused with a message that says so. */

#include "cases.h"
#include "config.h"
#include "qtest-client.h"

typedef struct PartCase {
    const char *name;
    const char *options;
    const char *message;
} PartCase;

/* meson.build makes this program only where one of the parts is left out. */
static const PartCase part_cases[] = {
#ifndef CONFIG_SLIRP
    { "netdev-user", "-netdev user,id=n0",
      " -netdev user,id=n0: network backend 'user' is not compiled into this binary\n" },
#endif
#ifndef CONFIG_GNUTLS
    { "tls-creds-x509", "-object tls-creds-x509,id=t0,dir=/",
      " object 't0': TLS credentials support requires GNUTLS\n" },
    { "tls-creds-psk", "-object tls-creds-psk,id=t0,dir=/",
      " object 't0': TLS credentials support requires GNUTLS\n" },
    { "encrypted-secret",
      "-object secret,id=key,data=0123456789abcdef0123456789abcdef "
      "-object secret,id=s0,data=AAAA,keyid=key,iv=AAAAAAAAAAAAAAAAAAAAAA==",
      " object 's0': Encrypted secrets require GNUTLS\n" },
#endif
#ifndef CONFIG_SECCOMP
    { "sandbox", "-sandbox on",
      " -sandbox on is not possible: this program was built without libseccomp\n" },
#elif !defined(CONFIG_CAPNG)
    { "sandbox-capabilities", "-sandbox on,capabilities=net_raw",
      "capabilities=net_raw is not possible: this program was built without libcap-ng\n" },
#endif
};

static void test_part(const void *data)
{
    const PartCase *row = data;

    qtest_expect_start_error(row->message, "%s", row->options);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    CASES_ADD("/left-out/", part_cases, name, test_part);
    return g_test_run();
}
