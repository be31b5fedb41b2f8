/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes the other host of a handover: whatever it says, each frame has one place. */

#include "fuzz.h"

#include "net/run-state.h"
#include "qapi/qapi.h"
#include "handover-fixture.h"

/*
 * The first byte says which end is fed, and how it is made. The rest is a row of steps: first byte:
 * what to do (lower 3 bits), and how (the others).
 */
typedef enum Action {
    ACTION_MESSAGE, /* how: the type, one too many included; two bytes follow: round and count */
    ACTION_FRAMES,  /* how: their number */
    ACTION_RAW,     /* how: so many bytes follow */
    ACTION_CONNECT, /* how: bit 0: greet, bit 1: prove the key wrongly, bit 2: stay closed */
    ACTION_VM,      /* it stops, or goes on */
    ACTION_NETWORK, /* how: frames that arrive at the netdev */
    ACTION_ROOM,    /* how: of the channel, in units of 8 bytes */
    ACTION_OTHER,   /* how: bit 0: time passes, else a property is set */
} Action;

typedef struct Fuzz {
    NetFilter *nf;
    FixtureChar *ch;
    bool is_source;
    bool has_key;
} Fuzz;

static GBytes *fuzz_key(void)
{
    return g_bytes_new_static("0123456789abcdef", 16);
}

/* As a back end does: no more than is wanted. */
static void fuzz_deliver(const Fuzz *fuzz, const void *data, size_t len)
{
    const uint8_t *pos = data;
    size_t wanted;

    while (len > 0 && (wanted = MIN(char_read_wanted(fuzz->ch->chr), len)) > 0) {
        g_autofree uint8_t *exact = g_memdup2(pos, wanted);
        unsigned before = fuzz->ch->n_disconnects;

        char_deliver(fuzz->ch->chr, exact, wanted);
        pos += wanted;
        len -= wanted;
        if (fuzz->ch->n_disconnects != before) {
            fixture_open(fuzz->ch, false);
            return;
        }
    }
}

static void fuzz_deliver_message(const Fuzz *fuzz, const void *data, uint32_t len)
{
    uint32_t prefix[] = { GUINT32_TO_BE(len), GUINT32_TO_BE(len) };

    fuzz_deliver(fuzz, prefix, sizeof(prefix));
    fuzz_deliver(fuzz, data, len);
}

/* The end's greeting is the first that it wrote on this connection. */
static void fuzz_greet(const Fuzz *fuzz, bool is_wrong)
{
    HandoverHello ours, theirs = { 0 };
    const size_t at = 2 * sizeof(uint32_t);

    if (fuzz->ch->written->len < at + sizeof(theirs)) {
        return; /* it had no room */
    }
    memcpy(&theirs, fuzz->ch->written->data + at, sizeof(theirs));
    handover_hello_init(&ours, !fuzz->is_source, fuzz->has_key, fuzz->is_source ? 0 : 1);
    fuzz_deliver_message(fuzz, &ours, sizeof(ours));
    if (fuzz->has_key) {
        g_autoptr(GBytes) key = fuzz_key();
        HandoverProof proof;

        handover_proof_init(&proof, key, &ours, &theirs);
        proof.mac[0] ^= is_wrong;
        fuzz_deliver_message(fuzz, &proof, sizeof(proof));
    }
}

static void fuzz_connect(const Fuzz *fuzz, uint8_t how)
{
    fixture_open(fuzz->ch, false);
    g_byte_array_set_size(fuzz->ch->written, 0);
    if (how & 4) {
        return;
    }
    fixture_open(fuzz->ch, true);
    if (how & 1) {
        fuzz_greet(fuzz, how & 2);
    }
}

static void fuzz_message(const Fuzz *fuzz, uint8_t type, uint8_t round, uint8_t count)
{
    uint32_t words[] = { 0x514e4832, type % (HANDOVER_MESSAGE__MAX + 1) + 1, round, 0, count };

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        words[i] = GUINT32_TO_BE(words[i]);
    }
    fuzz_deliver_message(fuzz, words, sizeof(words));
}

static void fuzz_frames(const Fuzz *fuzz, size_t n)
{
    g_autoptr(GByteArray) stream = g_byte_array_new();

    fixture_append(stream, 0, n, true);
    fuzz_deliver(fuzz, stream->data, stream->len);
}

static void fuzz_raw(const Fuzz *fuzz, size_t n, const uint8_t **data, size_t *len)
{
    n = MIN(n, *len);
    fuzz_deliver(fuzz, *data, n);
    *data += n;
    *len -= n;
}

static void fuzz_turn_vm(const Fuzz *fuzz)
{
    if (!run_state_is_running()) {
        fixture_start();
    } else if (fuzz->is_source) {
        run_state_set(RUN_STATE_FINISH_MIGRATE);
    } else {
        fixture_stop();
    }
}

static void fuzz_room(const Fuzz *fuzz, uint8_t how)
{
    fuzz->ch->room = how == 31 ? SIZE_MAX : how * 8u;
    if (fuzz->ch->room > 0 && char_write_blocked(fuzz->ch->chr)) {
        char_write_ready(fuzz->ch->chr);
    }
}

static void fuzz_other(const Fuzz *fuzz, uint8_t how)
{
    if (how & 1) {
        for (int i = 0; i < 8 && g_main_context_iteration(NULL, FALSE); i++) {
        }
    } else if (!fuzz->is_source && (how & 2)) {
        fixture_set("h0", "armed", how & 4 ? "true" : "false");
    } else {
        fixture_set("h0", "hold-size", how & 4 ? "16777216" : "500");
    }
}

static void fuzz_step(const Fuzz *fuzz, Action action, uint8_t how, const uint8_t **data,
                      size_t *len)
{
    uint8_t round;

    switch (action) {
    case ACTION_MESSAGE:
        round = fuzz_take_byte(data, len);
        fuzz_message(fuzz, how, round, fuzz_take_byte(data, len));
        break;
    case ACTION_FRAMES:
        fuzz_frames(fuzz, how);
        break;
    case ACTION_RAW:
        fuzz_raw(fuzz, how, data, len);
        break;
    case ACTION_CONNECT:
        fuzz_connect(fuzz, how);
        break;
    case ACTION_VM:
        fuzz_turn_vm(fuzz);
        break;
    case ACTION_NETWORK:
        fixture_send(fixture_netdev, how);
        break;
    case ACTION_ROOM:
        fuzz_room(fuzz, how);
        break;
    case ACTION_OTHER:
        fuzz_other(fuzz, how);
        break;
    }
}

static void fuzz_check(const Fuzz *fuzz)
{
    g_autoptr(NetHandoverInfo) info = handover_info(fuzz->nf);

    handover_expect_sums(info);
    g_assert_cmpuint(info->unasked, <=, info->returned);
    g_assert_cmpuint(info->unsent->frames, <=, info->kept->frames);
}

static void fuzz_take_frame(const NetFrame *frame)
{
    g_assert_cmpuint(frame->len, >, 0);
}

static void fuzz_make(Fuzz *fuzz, uint8_t how)
{
    g_autofree char *options = NULL;

    fuzz->is_source = how & 1;
    fuzz->has_key = how & 2;
    fuzz->ch = fuzz->is_source ? OUT : IN;
    if (!fuzz->is_source && (how & 4)) {
        fixture_stop();
        run_state_set(RUN_STATE_PRELAUNCH);
        run_state_set(RUN_STATE_INMIGRATE);
    }
    options = g_strdup_printf("filter-handover,id=h0,netdev=n0,wait=0,%s%s%s%s",
                              fuzz->is_source ? "outdev=c0" : "indev=c1",
                              fuzz->has_key ? ",key-secret=k0" : "",
                              how & 8 ? ",hold-size=500" : "",
                              !fuzz->is_source && (how & 16) ? ",announce=on" : "");
    fuzz->nf = fixture_add(options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    Fuzz fuzz;

    fixture_setup();
    fixture_add("secret,id=k0,data=0123456789abcdef");
    fixture_netdev->take = fuzz_take_frame;
    fixture_peer->take = fuzz_take_frame;
    fuzz_make(&fuzz, fuzz_take_byte(&data, &len));
    fuzz_connect(&fuzz, 1);
    while (len > 0) {
        uint8_t byte = fuzz_take_byte(&data, &len);

        fuzz_step(&fuzz, byte & 7, byte >> 3, &data, &len);
        fuzz_check(&fuzz);
    }
    fixture_teardown();
    return 0;
}
