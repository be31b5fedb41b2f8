/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the two ends of a handover get to know each other: version, role, identity, key. */

/*
 * Each end sends a random number that is never used again. An owner of the key can compute the MAC
 * over both numbers and its own role; so neither an old conversation nor one's own words sent back
 * are of use to others.
 */

#include "net/filter/handover-hello.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "util/error.h"

#define HELLO_MAGIC     0x514e484fu /* "QNHO" */
#define PROOF_MAGIC     0x514e4850u /* "QNHP" */
#define VERSION_1_MAGIC 0x514e4831u /* "QNH1": began without a greeting */
#define HELLO_VERSION   2u

#define FLAG_SOURCE 1u
#define FLAG_KEY    2u

/* --- Numbers ----------------------------------------------------------------------------- */

static void hello_random(void *data, size_t len)
{
    uint8_t *pos = data;

    while (len > 0) {
        ssize_t n = getrandom(pos, len, 0);

        g_assert(n > 0 || errno == EINTR);
        if (n > 0) {
            pos += n;
            len -= (size_t)n;
        }
    }
}

uint64_t handover_identity_new(void)
{
    static uint32_t process;
    static uint32_t n_filters;

    while (process == 0) {
        hello_random(&process, sizeof(process));
    }
    return (uint64_t)process << 32 | ++n_filters;
}

/* --- The greeting ------------------------------------------------------------------------ */

void handover_hello_init(HandoverHello *hello, bool is_source, bool has_key, uint64_t identity)
{
    *hello = (HandoverHello) {
        .magic_be = GUINT32_TO_BE(HELLO_MAGIC),
        .version_be = GUINT32_TO_BE(HELLO_VERSION),
        .flags_be = GUINT32_TO_BE((is_source ? FLAG_SOURCE : 0) | (has_key ? FLAG_KEY : 0)),
        .identity_be = { GUINT32_TO_BE(identity >> 32), GUINT32_TO_BE(identity & 0xffffffff) },
    };
    hello_random(hello->nonce, sizeof(hello->nonce));
}

static uint32_t hello_flags(const HandoverHello *hello)
{
    return GUINT32_FROM_BE(hello->flags_be);
}

uint64_t handover_hello_identity(const HandoverHello *hello)
{
    return (uint64_t)GUINT32_FROM_BE(hello->identity_be[0]) << 32 |
           GUINT32_FROM_BE(hello->identity_be[1]);
}

static bool hello_refuse_version(uint32_t version, GError **error)
{
    return error_set(error, "the other end speaks version %u of the hand-over protocol, not "
                     "version %u", version, HELLO_VERSION);
}

static bool hello_check_roles(uint32_t ours, uint32_t theirs, GError **error)
{
    if ((ours & FLAG_SOURCE) == (theirs & FLAG_SOURCE)) {
        return error_set(error, "the other end has '%s', too: there are two %s",
                         ours & FLAG_SOURCE ? "outdev" : "indev",
                         ours & FLAG_SOURCE ? "sources" : "destinations");
    }
    if ((ours & FLAG_KEY) != (theirs & FLAG_KEY)) {
        return error_set(error, ours & FLAG_KEY ? "the other end has no 'key-secret'"
                         : "the other end has a 'key-secret', and this one has not");
    }
    return true;
}

bool handover_hello_check(const HandoverHello *ours, const uint8_t *data, size_t len,
                          HandoverHello *theirs, GError **error)
{
    uint32_t magic = 0;

    memcpy(&magic, data, MIN(len, sizeof(magic)));
    if (magic == GUINT32_TO_BE(VERSION_1_MAGIC)) {
        return hello_refuse_version(1, error);
    }
    if (magic != GUINT32_TO_BE(HELLO_MAGIC) || len < 2 * sizeof(uint32_t)) {
        return error_set(error, "the other end does not speak the hand-over protocol");
    }
    memset(theirs, 0, sizeof(*theirs));
    memcpy(theirs, data, MIN(len, sizeof(*theirs)));
    if (theirs->version_be != GUINT32_TO_BE(HELLO_VERSION) || len != sizeof(*theirs)) {
        return hello_refuse_version(GUINT32_FROM_BE(theirs->version_be), error);
    }
    return hello_check_roles(hello_flags(ours), hello_flags(theirs), error);
}

/* --- The proof --------------------------------------------------------------------------- */

/* What @from says to @to. */
static void proof_compute(GBytes *key, const HandoverHello *from, const HandoverHello *to,
                          uint8_t *mac)
{
    static const char purpose[] = "qemu-net-daemon hand-over";
    gsize key_len;
    const uint8_t *key_data = g_bytes_get_data(key, &key_len);
    g_autoptr(GHmac) hmac = g_hmac_new(G_CHECKSUM_SHA256, key_data, key_len);
    gsize mac_len = HANDOVER_PROOF_SIZE;

    g_hmac_update(hmac, (const uint8_t *)purpose, sizeof(purpose));
    g_hmac_update(hmac, (const uint8_t *)from, sizeof(*from));
    g_hmac_update(hmac, (const uint8_t *)to, sizeof(*to));
    g_hmac_get_digest(hmac, mac, &mac_len);
}

void handover_proof_init(HandoverProof *proof, GBytes *key, const HandoverHello *ours,
                         const HandoverHello *theirs)
{
    proof->magic_be = GUINT32_TO_BE(PROOF_MAGIC);
    proof_compute(key, ours, theirs, proof->mac);
}

/* Its duration does not depend on the place of the first difference. */
bool handover_proof_check(GBytes *key, const HandoverHello *ours, const HandoverHello *theirs,
                          const uint8_t *data, size_t len)
{
    HandoverProof proof;
    uint8_t mac[HANDOVER_PROOF_SIZE];
    uint8_t difference = 0;

    if (len != sizeof(proof)) {
        return false;
    }
    memcpy(&proof, data, sizeof(proof));
    proof_compute(key, theirs, ours, mac);
    for (size_t i = 0; i < sizeof(mac); i++) {
        difference |= mac[i] ^ proof.mac[i];
    }
    return proof.magic_be == GUINT32_TO_BE(PROOF_MAGIC) && difference == 0;
}
