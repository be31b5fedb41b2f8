/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of a handover's source: a table of states and events. */

/*
 * A frame is kept until the destination has said whose it is. There is one round at a time: the
 * next one begins when all frames of the last have an owner and the destination knows. Until then
 * frames wait in the chain, in front of the filter, from where they also reach the VM here.
 */

#include "net/filter/handover-rules.h"

#include <glib.h>

/* What a rule does, in this order. */
typedef enum SourceStep {
    STEP_QUIT_ASKING = 1 << 0, /* the answer is there */
    STEP_ACKNOWLEDGE = 1 << 1, /* forget what the destination has */
    STEP_RETURN = 1 << 2,
    STEP_DROP = 1 << 3,
    STEP_UNASKED = 1 << 4,
    STEP_SPLIT = 1 << 5,
    STEP_BEGIN = 1 << 6,       /* a new round */
    STEP_RENUMBER = 1 << 7,    /* a new round, of the frames of this one */
    STEP_REFUSED = 1 << 8,     /* send nothing */
    STEP_OFFER = 1 << 9,
    STEP_RESUME = 1 << 10,
    STEP_CANCEL = 1 << 11,
    STEP_REVOKE = 1 << 12,
    STEP_DONE = 1 << 13,
    STEP_ASK = 1 << 14,        /* start the time for the answer */
    STEP_WATCH = 1 << 15,
    STEP_IF_REFUSED = 1 << 16, /* the whole rule only when nothing is sent now */
    STEP_IF_FRESH = 1 << 17,   /* the whole rule only on a connection that is new */
} SourceStep;

typedef struct SourceRule {
    bool makes_sense;
    HandoverSourceState next;
    unsigned steps;
} SourceRule;

#define RULE(next, steps) { true, SOURCE_##next, (steps) }
#define STAY(state) { true, SOURCE_##state, 0 }

static const SourceRule source_rules[SOURCE_STATE__MAX][SOURCE_EVENT__MAX] = {
    [SOURCE_IDLE] = {
        [SOURCE_STOPS] = STAY(IDLE), /* see source_at_once */
        [SOURCE_GOES_ON] = STAY(IDLE),
        [SOURCE_CONNECTED] = STAY(IDLE),
        [SOURCE_DISCONNECTED] = STAY(IDLE),
        [SOURCE_GETS_RELEASED] = STAY(IDLE), /* answers that were given twice */
        [SOURCE_GETS_CANCELLED] = STAY(IDLE),
        [SOURCE_GETS_REFUSED] = STAY(IDLE),
        [SOURCE_GETS_AGAIN] = STAY(IDLE),
        [SOURCE_GETS_UNKNOWN] = STAY(IDLE),
        [SOURCE_GETS_SPLIT] = STAY(IDLE),
        [SOURCE_TIMES_OUT] = STAY(IDLE),
        [SOURCE_IS_QUIET] = STAY(IDLE),
        [SOURCE_IS_DELETED] = STAY(IDLE),
        [SOURCE_EXITS] = STAY(IDLE),
    },
    [SOURCE_COLLECTING] = {
        [SOURCE_STOPS] = STAY(COLLECTING),
        [SOURCE_GOES_ON] = RULE(IDLE, STEP_RETURN),
        [SOURCE_CONNECTED] = STAY(COLLECTING), /* see source_at_once */
        [SOURCE_DISCONNECTED] = STAY(COLLECTING),
        [SOURCE_TIMES_OUT] = STAY(COLLECTING),
        [SOURCE_IS_QUIET] = STAY(COLLECTING),
        [SOURCE_IS_DELETED] = RULE(IDLE, STEP_RETURN),
        [SOURCE_EXITS] = RULE(IDLE, STEP_DROP),
    },
    [SOURCE_OFFERED] = {
        [SOURCE_STOPS] = STAY(OFFERED),
        [SOURCE_GOES_ON] = RULE(CANCELLING, STEP_CANCEL | STEP_ASK),
        [SOURCE_CONNECTED] = RULE(OFFERED, STEP_OFFER),
        [SOURCE_DISCONNECTED] = STAY(OFFERED),
        [SOURCE_GETS_RELEASED] = RULE(RELEASED, STEP_ACKNOWLEDGE | STEP_WATCH),
        [SOURCE_GETS_REFUSED] = RULE(OFFERED, STEP_REFUSED),
        [SOURCE_GETS_AGAIN] = RULE(OFFERED, STEP_OFFER | STEP_IF_REFUSED),
        [SOURCE_TIMES_OUT] = STAY(OFFERED),
        [SOURCE_IS_QUIET] = STAY(OFFERED),
        [SOURCE_IS_DELETED] = RULE(IDLE, STEP_RETURN | STEP_UNASKED | STEP_REVOKE),
        [SOURCE_EXITS] = RULE(IDLE, STEP_DROP),
    },
    [SOURCE_CANCELLING] = {
        [SOURCE_STOPS] = RULE(CANCELLING, STEP_QUIT_ASKING), /* no VM here needs the answer, */
        [SOURCE_GOES_ON] = RULE(CANCELLING, STEP_ASK),       /* and now one does again */
        [SOURCE_CONNECTED] = RULE(CANCELLING, STEP_CANCEL),
        [SOURCE_DISCONNECTED] = STAY(CANCELLING), /* there is still time to ask again */
        [SOURCE_GETS_RELEASED] =
            RULE(DRAINING, STEP_QUIT_ASKING | STEP_ACKNOWLEDGE | STEP_RESUME),
        [SOURCE_GETS_CANCELLED] = RULE(IDLE, STEP_QUIT_ASKING | STEP_RETURN),
        [SOURCE_GETS_REFUSED] = STAY(CANCELLING),
        [SOURCE_GETS_AGAIN] = STAY(CANCELLING),
        [SOURCE_TIMES_OUT] = RULE(TAKEN_BACK, STEP_RETURN | STEP_UNASKED | STEP_REVOKE),
        [SOURCE_IS_QUIET] = STAY(CANCELLING),
        [SOURCE_IS_DELETED] = RULE(IDLE, STEP_QUIT_ASKING | STEP_RETURN | STEP_UNASKED |
                                         STEP_REVOKE),
        [SOURCE_EXITS] = RULE(IDLE, STEP_QUIT_ASKING | STEP_DROP),
    },
    [SOURCE_RELEASED] = {
        [SOURCE_STOPS] = STAY(RELEASED),
        [SOURCE_GOES_ON] = STAY(DRAINING),
        [SOURCE_CONNECTED] = RULE(RELEASED, STEP_RESUME | STEP_WATCH),
        [SOURCE_DISCONNECTED] = STAY(RELEASED),
        [SOURCE_GETS_RELEASED] = RULE(RELEASED, STEP_ACKNOWLEDGE),
        [SOURCE_GETS_REFUSED] = STAY(RELEASED), /* sent before the release, received after it */
        [SOURCE_GETS_AGAIN] = STAY(RELEASED),
        [SOURCE_GETS_UNKNOWN] = RULE(OFFERED, STEP_RENUMBER | STEP_OFFER | STEP_IF_FRESH),
        [SOURCE_TIMES_OUT] = STAY(RELEASED),
        [SOURCE_IS_QUIET] = RULE(RELEASED, STEP_DONE),
        [SOURCE_IS_DELETED] = RULE(IDLE, STEP_DROP),
        [SOURCE_EXITS] = RULE(IDLE, STEP_DROP),
    },
    [SOURCE_DRAINING] = {
        [SOURCE_STOPS] = STAY(DRAINING), /* new frames wait in front of the filter */
        [SOURCE_GOES_ON] = STAY(DRAINING),
        [SOURCE_CONNECTED] = RULE(DRAINING, STEP_RESUME),
        [SOURCE_DISCONNECTED] = STAY(DRAINING),
        [SOURCE_GETS_RELEASED] = RULE(DRAINING, STEP_ACKNOWLEDGE),
        [SOURCE_GETS_REFUSED] = STAY(DRAINING),
        [SOURCE_GETS_AGAIN] = STAY(DRAINING),
        [SOURCE_GETS_UNKNOWN] = RULE(IDLE, STEP_DROP | STEP_IF_FRESH),
        [SOURCE_TIMES_OUT] = STAY(DRAINING),
        [SOURCE_IS_QUIET] = STAY(DRAINING),
        [SOURCE_IS_DELETED] = RULE(IDLE, STEP_DROP),
        [SOURCE_EXITS] = RULE(IDLE, STEP_DROP),
    },
    [SOURCE_TAKEN_BACK] = {
        [SOURCE_STOPS] = STAY(TAKEN_BACK), /* new frames wait in front of the filter */
        [SOURCE_GOES_ON] = STAY(TAKEN_BACK),
        [SOURCE_CONNECTED] = RULE(TAKEN_BACK, STEP_REVOKE),
        [SOURCE_DISCONNECTED] = STAY(TAKEN_BACK),
        [SOURCE_GETS_RELEASED] = STAY(TAKEN_BACK), /* sent before it received this */
        [SOURCE_GETS_CANCELLED] = STAY(IDLE),
        [SOURCE_GETS_REFUSED] = STAY(TAKEN_BACK),
        [SOURCE_GETS_AGAIN] = STAY(TAKEN_BACK),
        [SOURCE_GETS_SPLIT] = RULE(IDLE, STEP_SPLIT),
        [SOURCE_TIMES_OUT] = STAY(TAKEN_BACK),
        [SOURCE_IS_QUIET] = STAY(TAKEN_BACK),
        [SOURCE_IS_DELETED] = STAY(IDLE),
        [SOURCE_EXITS] = STAY(IDLE),
    },
};

/* What happens by itself where the condition holds, after any event. */
typedef enum SourceCondition {
    WHEN_ON,
    WHEN_CONNECTED,
    WHEN_EMPTY,
} SourceCondition;

static const struct {
    HandoverSourceState state;
    SourceCondition when;
    SourceRule rule;
} source_at_once[] = {
    { SOURCE_DRAINING, WHEN_EMPTY, RULE(IDLE, STEP_DONE) },
    { SOURCE_IDLE, WHEN_ON, RULE(COLLECTING, STEP_BEGIN) },
    { SOURCE_COLLECTING, WHEN_CONNECTED, RULE(OFFERED, STEP_OFFER) },
};

/* --- Actions ----------------------------------------------------------------------------- */

void handover_act(HandoverActions *actions, HandoverDo what, uint64_t count)
{
    g_assert(actions->n < HANDOVER_MAX_ACTIONS);
    actions->items[actions->n++] = (HandoverAction) { .what = what, .count = count };
}

void handover_act_notify(HandoverActions *actions, HandoverMessageType type, uint32_t round,
                         uint64_t count)
{
    g_assert(actions->n < HANDOVER_MAX_ACTIONS);
    actions->items[actions->n++] = (HandoverAction) {
        .what = HANDOVER_DO_TELL,
        .message = { type, round, count },
    };
}

static void source_notify(const HandoverSourceRules *rules, HandoverMessageType type,
                          uint64_t count, HandoverActions *actions)
{
    if (rules->is_connected) {
        handover_act_notify(actions, type, rules->round, count);
    }
}

/* --- Steps ------------------------------------------------------------------------------- */

static void source_begin(HandoverSourceRules *rules, HandoverActions *actions)
{
    rules->round++;
    rules->first = 0;
    rules->next = 0;
    rules->end = 0;
    handover_act(actions, HANDOVER_DO_BEGIN, 0);
}

static void source_renumber(HandoverSourceRules *rules, HandoverActions *actions)
{
    handover_act(actions, HANDOVER_DO_RENUMBER, rules->first);
    rules->round++;
    rules->end -= rules->first;
    rules->first = 0;
    rules->next = 0;
}

/* From the oldest frame on; @type is the message for that. */
static void source_send_again(HandoverSourceRules *rules, HandoverMessageType type,
                              HandoverActions *actions)
{
    rules->is_refused = false;
    rules->next = rules->first;
    handover_act(actions, HANDOVER_DO_REWIND, 0);
    source_notify(rules, type, rules->first, actions);
}

/*
 * The destination may have more than was sent on this connection, or leave what comes to us: then
 * a message has to name the next frame.
 */
static void source_acknowledge(HandoverSourceRules *rules, uint64_t count,
                               HandoverActions *actions)
{
    bool is_lost = rules->is_refused || count > rules->next;

    handover_act(actions, HANDOVER_DO_FORGET, count - rules->first);
    rules->first = count;
    rules->next = MAX(rules->next, count);
    if (is_lost) {
        source_send_again(rules, HANDOVER_RESUME, actions);
    }
}

static void source_empty(HandoverSourceRules *rules, HandoverDo what, HandoverActions *actions)
{
    handover_act(actions, what, rules->end - rules->first);
    rules->first = rules->end;
    rules->next = rules->end;
}

static void source_complete_frames(HandoverSourceRules *rules, unsigned steps, uint64_t count,
                                   HandoverActions *actions)
{
    if (steps & STEP_QUIT_ASKING) {
        handover_act(actions, HANDOVER_DO_STOP, 0);
    }
    if (steps & STEP_ACKNOWLEDGE) {
        source_acknowledge(rules, count, actions);
    }
    if (steps & STEP_UNASKED) {
        handover_act(actions, HANDOVER_DO_UNASKED, rules->end - rules->first);
    }
    if (steps & STEP_RETURN) {
        source_empty(rules, HANDOVER_DO_RETURN, actions);
    }
    if (steps & STEP_DROP) {
        source_empty(rules, HANDOVER_DO_DROP, actions);
    }
    if ((steps & STEP_SPLIT) && count > 0) {
        handover_act(actions, HANDOVER_DO_SPLIT, count);
    }
    if (steps & STEP_BEGIN) {
        source_begin(rules, actions);
    }
    if (steps & STEP_RENUMBER) {
        source_renumber(rules, actions);
    }
    rules->is_refused |= (steps & STEP_REFUSED) != 0;
}

static void source_speak(HandoverSourceRules *rules, unsigned steps, HandoverActions *actions)
{
    if (steps & STEP_OFFER) {
        source_send_again(rules, HANDOVER_OFFER, actions);
    }
    if (steps & STEP_RESUME) {
        source_send_again(rules, HANDOVER_RESUME, actions);
    }
    if (steps & STEP_CANCEL) {
        source_notify(rules, HANDOVER_CANCEL, 0, actions);
    }
    if (steps & STEP_REVOKE) {
        source_notify(rules, HANDOVER_REVOKE, 0, actions);
    }
    if (steps & STEP_DONE) {
        source_notify(rules, HANDOVER_DONE, rules->end, actions);
    }
    if (steps & STEP_ASK) {
        handover_act(actions, HANDOVER_DO_START, 0);
    }
    if (steps & STEP_WATCH) {
        handover_act(actions, HANDOVER_DO_WATCH, 0);
    }
}

static void source_apply(HandoverSourceRules *rules, const SourceRule *rule, uint64_t count,
                         HandoverActions *actions)
{
    if (((rule->steps & STEP_IF_REFUSED) && !rules->is_refused) ||
        ((rule->steps & STEP_IF_FRESH) && !rules->is_fresh)) {
        return;
    }
    rules->state = rule->next;
    source_complete_frames(rules, rule->steps, count, actions);
    source_speak(rules, rule->steps, actions);
}

static bool source_condition_holds(const HandoverSourceRules *rules, SourceCondition when)
{
    switch (when) {
    case WHEN_ON:
        return rules->is_on;
    case WHEN_CONNECTED:
        return rules->is_connected;
    case WHEN_EMPTY:
        return rules->first == rules->end;
    }
    g_assert_not_reached();
}

/* The table is in the order in which one leads to the next. */
static void source_do_at_once(HandoverSourceRules *rules, HandoverActions *actions)
{
    for (size_t i = 0; i < G_N_ELEMENTS(source_at_once); i++) {
        if (rules->state == source_at_once[i].state &&
            source_condition_holds(rules, source_at_once[i].when)) {
            source_apply(rules, &source_at_once[i].rule, 0, actions);
        }
    }
}

/* --- Events ------------------------------------------------------------------------------ */

void handover_source_event(HandoverSourceRules *rules, HandoverSourceEvent event,
                           HandoverActions *actions)
{
    const SourceRule *rule = &source_rules[rules->state][event];

    g_assert(rule->makes_sense);
    if (event == SOURCE_STOPS || event == SOURCE_GOES_ON) {
        rules->is_on = event == SOURCE_STOPS;
    }
    if (event == SOURCE_CONNECTED || event == SOURCE_DISCONNECTED) {
        rules->is_connected = event == SOURCE_CONNECTED;
        rules->is_fresh = rules->is_connected;
        rules->is_refused = false;
        rules->next = rules->first;
        handover_act(actions, HANDOVER_DO_REWIND, 0);
    }
    source_apply(rules, rule, 0, actions);
    if (event != SOURCE_IS_DELETED && event != SOURCE_EXITS) {
        source_do_at_once(rules, actions);
    }
}

static const HandoverSourceEvent source_message_events[HANDOVER_MESSAGE__MAX] = {
    [HANDOVER_RELEASED] = SOURCE_GETS_RELEASED,   [HANDOVER_CANCELLED] = SOURCE_GETS_CANCELLED,
    [HANDOVER_REFUSED] = SOURCE_GETS_REFUSED,     [HANDOVER_AGAIN] = SOURCE_GETS_AGAIN,
    [HANDOVER_UNKNOWN] = SOURCE_GETS_UNKNOWN,     [HANDOVER_SPLIT] = SOURCE_GETS_SPLIT,
};

/* Only of frames that are kept and were taken in this round. */
static bool source_count_is_possible(const HandoverSourceRules *rules, uint64_t count)
{
    return rules->state == SOURCE_IDLE || rules->state == SOURCE_TAKEN_BACK
           ? count <= rules->end : count >= rules->first && count <= rules->end;
}

/* An answer about a round that is over is none to the present one. */
bool handover_source_message(HandoverSourceRules *rules, const HandoverMessage *message,
                             HandoverActions *actions)
{
    HandoverSourceEvent event = source_message_events[message->type];
    const SourceRule *rule = &source_rules[rules->state][event];

    if (event == 0) {
        return false;
    }
    if (message->round != rules->round) {
        return message->round != 0 && message->round < rules->round;
    }
    if (!rule->makes_sense ||
        ((event == SOURCE_GETS_RELEASED || event == SOURCE_GETS_SPLIT) &&
         !source_count_is_possible(rules, message->count))) {
        return false;
    }
    source_apply(rules, rule, message->count, actions);
    rules->is_fresh &= event == SOURCE_GETS_REFUSED;
    source_do_at_once(rules, actions);
    return true;
}

/* --- Frames ------------------------------------------------------------------------------ */

bool handover_source_may_take(const HandoverSourceRules *rules, bool is_on)
{
    return is_on && (rules->state == SOURCE_IDLE || rules->state == SOURCE_COLLECTING ||
                     rules->state == SOURCE_OFFERED || rules->state == SOURCE_RELEASED);
}

void handover_source_took(HandoverSourceRules *rules, uint64_t n)
{
    rules->end += n;
}

bool handover_source_may_send(const HandoverSourceRules *rules)
{
    return rules->is_connected && !rules->is_refused && rules->next < rules->end &&
           (rules->state == SOURCE_OFFERED || rules->state == SOURCE_RELEASED ||
            rules->state == SOURCE_DRAINING);
}

void handover_source_sent(HandoverSourceRules *rules, uint64_t n)
{
    rules->next += n;
}
