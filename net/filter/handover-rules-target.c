/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of a handover's destination: tables of fates and messages, of states and events. */

/*
 * It decides whose the frames of a round are: its VM's when that runs, the source's when that
 * cancels, whichever comes first. It remembers its decision and repeats it for every question, so
 * a lost answer does no harm. A round that it does not know is taken only if it is armed: it was
 * created for a VM that does not run yet, one is to come, or management has said so; and one
 * release uses that up.
 */

#include "net/filter/handover-rules.h"

#include <glib.h>

/* What a message does, in this order. */
typedef enum TargetStep {
    STEP_ADOPT = 1 << 0,   /* take the round, or refuse it */
    STEP_ACCEPT = 1 << 1,  /* frames follow from number count on */
    STEP_FORGET = 1 << 2,  /* what is kept is the source's */
    STEP_SPLIT = 1 << 3,   /* what was released is the source's, too */
    STEP_FINISH = 1 << 4,  /* if all have come, there is nothing left to wait for */
    STEP_SAY_RELEASED = 1 << 5,
    STEP_SAY_CANCELLED = 1 << 6,
    STEP_SAY_UNKNOWN = 1 << 7,
    STEP_SAY_SPLIT = 1 << 8,
    STEP_NONSENSE = 1 << 9,
} TargetStep;

/* By the message, and by the fate of its round. */
static const unsigned target_known[HANDOVER_DONE + 1][FATE__MAX] = {
    [HANDOVER_OFFER] = {
        [FATE_OPEN] = STEP_ACCEPT,
        [FATE_RELEASED] = STEP_ACCEPT | STEP_SAY_RELEASED,
        [FATE_CANCELLED] = STEP_NONSENSE, /* a source cancels for good */
        [FATE_REVOKED] = STEP_NONSENSE,
    },
    [HANDOVER_RESUME] = {
        [FATE_OPEN] = STEP_NONSENSE, /* it was not released */
        [FATE_RELEASED] = STEP_ACCEPT | STEP_SAY_RELEASED,
        [FATE_CANCELLED] = STEP_NONSENSE,
        [FATE_REVOKED] = STEP_NONSENSE,
    },
    [HANDOVER_CANCEL] = {
        [FATE_OPEN] = STEP_FORGET | STEP_SAY_CANCELLED,
        [FATE_RELEASED] = STEP_SAY_RELEASED, /* too late */
        [FATE_CANCELLED] = STEP_SAY_CANCELLED,
        [FATE_REVOKED] = STEP_NONSENSE,
    },
    [HANDOVER_REVOKE] = {
        [FATE_OPEN] = STEP_FORGET | STEP_SAY_CANCELLED,
        [FATE_RELEASED] = STEP_SPLIT | STEP_SAY_SPLIT,
        [FATE_CANCELLED] = STEP_SAY_CANCELLED,
        [FATE_REVOKED] = STEP_SAY_SPLIT,
    },
    [HANDOVER_DONE] = {
        [FATE_RELEASED] = STEP_FINISH,
    },
};

/* The same for a round that is not known. */
static const unsigned target_unknown[HANDOVER_DONE + 1] = {
    [HANDOVER_OFFER] = STEP_ADOPT,
    [HANDOVER_RESUME] = STEP_SAY_UNKNOWN,
    [HANDOVER_CANCEL] = STEP_FORGET | STEP_SAY_CANCELLED,
    [HANDOVER_REVOKE] = STEP_FORGET | STEP_SAY_CANCELLED,
};

/* --- Deciding ---------------------------------------------------------------------------- */

static void target_notify(const HandoverTargetRules *rules, HandoverMessageType type,
                          uint32_t round, uint64_t count, HandoverActions *actions)
{
    if (rules->is_connected) {
        handover_act_notify(actions, type, round, count);
    }
}

/* For a VM that does not run: the time for one that did is over. */
static void target_wait(HandoverTargetRules *rules, HandoverActions *actions)
{
    if (rules->state == TARGET_RELEASED) {
        handover_act(actions, HANDOVER_DO_STOP, 0);
    }
    rules->state = TARGET_WAITING;
}

/* The frames of the round are the VM's. */
static void target_decide(HandoverTargetRules *rules, HandoverActions *actions)
{
    rules->fate = FATE_RELEASED;
    rules->is_armed = false;
    if (rules->source == rules->peer) {
        target_notify(rules, HANDOVER_RELEASED, rules->round, rules->n_here, actions);
    }
}

/*
 * What another source has sent before: if its process lives, it was deleted there and the frames
 * are still, or were the VM's. If not, no other host has them, and they stay, in front.
 */
static void target_inherit(HandoverTargetRules *rules, HandoverActions *actions)
{
    if (rules->fate == FATE_OPEN && rules->source >> 32 == rules->peer >> 32) {
        handover_act(actions, HANDOVER_DO_CLEAR, 0);
    }
}

static void target_adopt(HandoverTargetRules *rules, uint32_t round, HandoverActions *actions)
{
    if (!rules->is_armed) {
        rules->stream = STREAM_REFUSED;
        rules->refused = round;
        target_notify(rules, HANDOVER_REFUSED, round, 0, actions);
        return;
    }
    target_inherit(rules, actions);
    rules->fate = FATE_OPEN;
    rules->source = rules->peer;
    rules->round = round;
    rules->n_here = 0;
    rules->at = 0;
    rules->stream = STREAM_TAKEN;
    if (rules->is_running) {
        target_decide(rules, actions);
    } else {
        target_wait(rules, actions);
    }
}

static void target_forget(HandoverTargetRules *rules, uint32_t round, HandoverActions *actions)
{
    if (rules->fate == FATE_OPEN) {
        handover_act(actions, HANDOVER_DO_CLEAR, 0);
    }
    rules->fate = FATE_CANCELLED;
    rules->source = rules->peer;
    rules->round = round;
    rules->n_here = 0;
    rules->stream = STREAM_NONE;
}

/* Returns: false when frames are missing in between. */
static bool target_accept(HandoverTargetRules *rules, uint64_t first)
{
    if (first > rules->n_here) {
        return false;
    }
    rules->at = first;
    rules->stream = STREAM_TAKEN;
    return true;
}

static void target_finish(HandoverTargetRules *rules, HandoverActions *actions)
{
    rules->state = TARGET_IDLE;
    handover_act(actions, HANDOVER_DO_STOP, 0);
    handover_act(actions, HANDOVER_DO_GO_ON, 0);
}

/* --- Messages ---------------------------------------------------------------------------- */

static void target_answer(HandoverTargetRules *rules, unsigned steps, uint32_t round,
                          HandoverActions *actions)
{
    if (steps & STEP_SAY_RELEASED) {
        target_notify(rules, HANDOVER_RELEASED, round, rules->n_here, actions);
    }
    if (steps & STEP_SAY_CANCELLED) {
        target_notify(rules, HANDOVER_CANCELLED, round, 0, actions);
    }
    if (steps & STEP_SAY_SPLIT) {
        target_notify(rules, HANDOVER_SPLIT, round, rules->n_here, actions);
    }
    if (steps & STEP_SAY_UNKNOWN) {
        rules->stream = STREAM_UNKNOWN;
        target_notify(rules, HANDOVER_UNKNOWN, round, 0, actions);
    }
}

static bool target_apply(HandoverTargetRules *rules, unsigned steps,
                         const HandoverMessage *message, HandoverActions *actions)
{
    if ((steps & STEP_NONSENSE) ||
        ((steps & STEP_ACCEPT) && !target_accept(rules, message->count))) {
        return false;
    }
    if (steps & STEP_ADOPT) {
        target_adopt(rules, message->round, actions);
    }
    if (steps & STEP_FORGET) {
        target_forget(rules, message->round, actions);
    }
    if (steps & STEP_SPLIT) {
        rules->fate = FATE_REVOKED;
        rules->stream = STREAM_NONE;
        handover_act(actions, HANDOVER_DO_SPLIT, rules->n_here);
    }
    if ((steps & STEP_FINISH) && message->count == rules->n_here &&
        rules->state == TARGET_RELEASED) {
        target_finish(rules, actions);
    }
    target_answer(rules, steps, message->round, actions);
    return true;
}

/* A source has one round at a time: it must not begin another before this one's fate is known. */
bool handover_target_message(HandoverTargetRules *rules, const HandoverMessage *message,
                             HandoverActions *actions)
{
    bool is_ours = rules->fate != FATE_NONE && rules->source == rules->peer;

    if (message->type > HANDOVER_DONE || message->round == 0 ||
        (message->type == HANDOVER_OFFER && message->count != 0)) {
        return false;
    }
    if (is_ours && message->round == rules->round) {
        return target_apply(rules, target_known[message->type][rules->fate], message, actions);
    }
    if (is_ours && (message->round < rules->round || rules->fate == FATE_OPEN)) {
        return false;
    }
    return target_apply(rules, target_unknown[message->type], message, actions);
}

/* --- Frames ------------------------------------------------------------------------------ */

static void target_use(HandoverActions *actions, HandoverDo what, uint64_t n_skip, uint64_t n)
{
    handover_act(actions, what, n_skip);
    actions->items[actions->n - 1].message.count = n;
}

static void target_keep(HandoverTargetRules *rules, uint64_t n_skip, uint64_t n, uint64_t n_fit,
                        HandoverActions *actions)
{
    uint64_t n_kept = MIN(n, n_fit);

    target_use(actions, HANDOVER_DO_KEEP, n_skip, n_kept);
    rules->n_here += n_kept;
    if (n_kept < n) {
        rules->stream = STREAM_FULL;
        rules->refused = rules->round;
        target_notify(rules, HANDOVER_REFUSED, rules->round, 0, actions);
    }
}

bool handover_target_frames(HandoverTargetRules *rules, uint64_t n, uint64_t n_fit,
                            HandoverActions *actions)
{
    uint64_t n_skip = MIN(n, rules->n_here - rules->at);

    if (rules->stream == STREAM_NONE) {
        return false;
    }
    if (rules->stream != STREAM_TAKEN) {
        handover_act(actions, HANDOVER_DO_DISCARD, 0);
        return true;
    }
    rules->at += n;
    if (rules->fate == FATE_OPEN) {
        target_keep(rules, n_skip, n - n_skip, n_fit, actions);
        return true;
    }
    target_use(actions, HANDOVER_DO_INJECT, n_skip, n - n_skip);
    rules->n_here += n - n_skip;
    target_notify(rules, HANDOVER_RELEASED, rules->round, rules->n_here, actions);
    return true;
}

/* --- Events ------------------------------------------------------------------------------ */

/*
 * The VM runs. The time for which frames that arrived directly wait begins here and only here,
 * whatever the source says later. Without a source to wait for there is none.
 */
static void target_release(HandoverTargetRules *rules, HandoverActions *actions)
{
    bool is_expecting = rules->is_connected || rules->fate == FATE_OPEN;

    handover_act(actions, HANDOVER_DO_RELEASE, 0);
    if (rules->fate == FATE_OPEN) {
        target_decide(rules, actions);
    }
    rules->state = TARGET_RELEASED;
    if (is_expecting) {
        handover_act(actions, HANDOVER_DO_START, 0);
    } else {
        target_finish(rules, actions);
    }
}

/* What was refused would be taken now. */
static void target_ask_again(HandoverTargetRules *rules, HandoverStream stream,
                             HandoverActions *actions)
{
    if (rules->stream == stream) {
        target_notify(rules, HANDOVER_AGAIN, rules->refused, 0, actions);
    }
}

static void target_expect(HandoverTargetRules *rules, HandoverActions *actions)
{
    target_wait(rules, actions);
    rules->is_armed = true;
    target_ask_again(rules, STREAM_REFUSED, actions);
}

void handover_target_connect(HandoverTargetRules *rules, uint64_t peer, HandoverActions *actions)
{
    rules->is_connected = true;
    rules->peer = peer;
    rules->stream = STREAM_NONE;
}

void handover_target_event(HandoverTargetRules *rules, HandoverTargetEvent event,
                           HandoverActions *actions)
{
    switch (event) {
    case TARGET_DISCONNECTED:
        rules->is_connected = false;
        rules->stream = STREAM_NONE;
        break;
    case TARGET_VM_RUNS:
        rules->is_running = true;
        if (rules->state == TARGET_WAITING) {
            target_release(rules, actions);
        }
        break;
    case TARGET_VM_STOPS:
        rules->is_running = false;
        break;
    case TARGET_VM_IS_TO_COME:
        rules->is_running = false;
        target_expect(rules, actions);
        break;
    case TARGET_IS_ARMED:
        rules->is_armed = true;
        target_ask_again(rules, STREAM_REFUSED, actions);
        break;
    case TARGET_IS_DISARMED:
        rules->is_armed = false;
        break;
    case TARGET_HAS_ROOM:
        target_ask_again(rules, STREAM_FULL, actions);
        break;
    case TARGET_TIMES_OUT:
        if (rules->state == TARGET_RELEASED) {
            target_finish(rules, actions);
        }
        break;
    case TARGET_EVENT__MAX:
        g_assert_not_reached();
    }
}
