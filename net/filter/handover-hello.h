/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the two ends of a handover get to know each other: version, role, identity, key. */

#ifndef NET_FILTER_HANDOVER_HELLO_H
#define NET_FILTER_HANDOVER_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <glib.h>

#define HANDOVER_NONCE_SIZE 32
#define HANDOVER_PROOF_SIZE 32

/** The first message of each end, as it is sent (docs/protocol.rst, "Handover"). */
typedef struct HandoverHello {
    uint32_t magic_be;
    uint32_t version_be;
    uint32_t flags_be;
    uint32_t identity_be[2];
    uint8_t nonce[HANDOVER_NONCE_SIZE];
} HandoverHello;

G_STATIC_ASSERT(sizeof(HandoverHello) == 52);

/** The second one, where there is a key. */
typedef struct HandoverProof {
    uint32_t magic_be;
    uint8_t mac[HANDOVER_PROOF_SIZE];
} HandoverProof;

G_STATIC_ASSERT(sizeof(HandoverProof) == 36);

/** handover_hello_init: @identity: of a source; 0 for a destination. */
void handover_hello_init(HandoverHello *hello, bool is_source, bool has_key, uint64_t identity);

/**
 * handover_hello_check: whether the other end's @data can be answered
 * @theirs: (out)
 * @error: set with why it cannot, to follow the name of the filter
 */
bool handover_hello_check(const HandoverHello *ours, const uint8_t *data, size_t len,
                          HandoverHello *theirs, GError **error);

uint64_t handover_hello_identity(const HandoverHello *hello);

/** handover_proof_init: that we have the key; HMAC-SHA256 over both greetings and our role. */
void handover_proof_init(HandoverProof *proof, GBytes *key, const HandoverHello *ours,
                         const HandoverHello *theirs);

/** handover_proof_check: whether @data proves that the other end has it. */
bool handover_proof_check(GBytes *key, const HandoverHello *ours, const HandoverHello *theirs,
                          const uint8_t *data, size_t len);

/** handover_identity_new: of a filter; the upper half is that of the process. */
uint64_t handover_identity_new(void);

#endif
