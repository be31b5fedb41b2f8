/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options of parts that a build has left out: each is refused with a message that says so. */

#include "cases.h"
#include "config.h"
#include "qtest-client.h"

typedef struct PartCase {
    const char *name;
    bool is_there;
    const char *options;
    const char *message;
} PartCase;

#ifdef CONFIG_SLIRP
#define HAS_SLIRP true
#else
#define HAS_SLIRP false
#endif
#ifdef CONFIG_GNUTLS
#define HAS_GNUTLS true
#else
#define HAS_GNUTLS false
#endif
#ifdef CONFIG_SECCOMP
#define HAS_SECCOMP true
#else
#define HAS_SECCOMP false
#endif
#ifdef CONFIG_CAPNG
#define HAS_CAPNG true
#else
#define HAS_CAPNG false
#endif

static const PartCase part_cases[] = {
    { "netdev-user", HAS_SLIRP, "-netdev user,id=n0",
      " -netdev user,id=n0: network backend 'user' is not compiled into this binary\n" },
    { "tls-creds-x509", HAS_GNUTLS, "-object tls-creds-x509,id=t0,dir=/",
      " object 't0': TLS credentials support requires GNUTLS\n" },
    { "tls-creds-psk", HAS_GNUTLS, "-object tls-creds-psk,id=t0,dir=/",
      " object 't0': TLS credentials support requires GNUTLS\n" },
    { "encrypted-secret", HAS_GNUTLS,
      "-object secret,id=key,data=0123456789abcdef0123456789abcdef "
      "-object secret,id=s0,data=AAAA,keyid=key,iv=AAAAAAAAAAAAAAAAAAAAAA==",
      " object 's0': Encrypted secrets require GNUTLS\n" },
    { "sandbox", HAS_SECCOMP, "-sandbox on",
      " -sandbox on is not possible: this program was built without libseccomp\n" },
    { "sandbox-capabilities", !HAS_SECCOMP || HAS_CAPNG, "-sandbox on,capabilities=net_raw",
      "capabilities=net_raw is not possible: this program was built without libcap-ng\n" },
};

static void test_part(const void *data)
{
    const PartCase *row = data;

    if (row->is_there) {
        g_test_skip("this build has it");
        return;
    }
    qtest_expect_start_error(row->message, "%s", row->options);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    CASES_ADD("/left-out/", part_cases, name, test_part);
    return g_test_run();
}
