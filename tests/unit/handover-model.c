/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A model of a handover: both ends by their real rules, a channel, two networks, two VMs. */

#include "handover-model.h"

#include <stdio.h>
#include <string.h>
#include <glib.h>

const char *model_fault;

static void fail(const char *what)
{
    if (!model_fault) {
        model_fault = what;
    }
}

/* --- Frames and queues ------------------------------------------------------------------- */

static uint16_t bit(uint8_t id)
{
    return (uint16_t)(1u << id);
}

static void frames_push(ModelFrames *frames, uint8_t id)
{
    g_assert(frames->n < MODEL_MAX_FRAMES);
    frames->ids[frames->n++] = id;
}

static uint8_t frames_pop(ModelFrames *frames)
{
    uint8_t id = frames->ids[0];

    frames->n--;
    memmove(frames->ids, frames->ids + 1, frames->n);
    frames->ids[frames->n] = 0;
    return id;
}

static uint16_t frames_mask(const ModelFrames *frames)
{
    uint16_t mask = 0;

    for (uint8_t i = 0; i < frames->n; i++) {
        mask |= bit(frames->ids[i]);
    }
    return mask;
}

static void queue_push(ModelQueue *queue, ModelItem item)
{
    g_assert(queue->n < MODEL_MAX_QUEUE);
    queue->items[queue->n++] = item;
}

static ModelItem queue_pop(ModelQueue *queue)
{
    ModelItem item = queue->items[0];

    queue->n--;
    memmove(queue->items, queue->items + 1, queue->n * sizeof(ModelItem));
    queue->items[queue->n] = (ModelItem) { 0 };
    return item;
}

/* --- Guests ------------------------------------------------------------------------------ */

static void guest_a_gets(Model *m, uint8_t id)
{
    if (m->at_a & bit(id)) {
        fail("guest A gets a frame twice");
    }
    if (m->at_b & bit(id) & ~(m->unasked | m->forgotten)) {
        fail("guest A gets what guest B has got");
    }
    if (id <= m->last_a && !((m->unasked | m->forgotten) & bit(id))) {
        fail("guest A gets frames in another order");
    }
    m->at_a |= bit(id);
    m->last_a = id;
}

static void guest_b_gets(Model *m, uint8_t id)
{
    if (m->at_b & bit(id) & ~(m->retaken | m->forgotten)) {
        fail("guest B gets a frame twice");
    }
    if (m->at_a & bit(id) & ~(m->unasked | m->forgotten)) {
        fail("guest B gets what guest A has got");
    }
    if (m->revoked & bit(id) & ~m->retaken) {
        fail("guest B gets what it was told that guest A has");
    }
    if (id <= m->last_b && !((m->unasked | m->forgotten) & bit(id))) {
        fail("guest B gets frames in another order");
    }
    m->at_b |= bit(id);
    m->last_b = id;
}

/* --- The source -------------------------------------------------------------------------- */

static void a_send(Model *m, ModelItem item)
{
    if (m->is_up) {
        queue_push(&m->to_target, item);
    }
}

static void a_return(Model *m)
{
    while (m->kept_a.n > 0) {
        uint8_t id = frames_pop(&m->kept_a);

        if (m->a.is_on) {
            frames_push(&m->held_a, id);
        } else {
            guest_a_gets(m, id);
        }
    }
}

static void a_act(Model *m, const HandoverAction *action)
{
    switch (action->what) {
    case HANDOVER_DO_TELL:
        a_send(m, (ModelItem) { ITEM_MESSAGE, (uint8_t)action->message.type,
                                (uint8_t)action->message.round,
                                (uint8_t)action->message.count });
        break;
    case HANDOVER_DO_FORGET:
        for (uint64_t i = 0; i < action->count; i++) {
            frames_pop(&m->kept_a);
        }
        break;
    case HANDOVER_DO_RETURN:
        a_return(m);
        break;
    case HANDOVER_DO_DROP:
        m->dropped |= frames_mask(&m->kept_a);
        memset(&m->kept_a, 0, sizeof(m->kept_a));
        break;
    case HANDOVER_DO_UNASKED:
        m->unasked |= frames_mask(&m->kept_a);
        break;
    case HANDOVER_DO_SPLIT:
        m->split_told = 1;
        break;
    case HANDOVER_DO_START:
    case HANDOVER_DO_STOP:
        m->asks = action->what == HANDOVER_DO_START;
        break;
    case HANDOVER_DO_WATCH:
        m->watches = 1;
        break;
    case HANDOVER_DO_BEGIN:
        if (m->kept_a.n > 0) {
            fail("a round begins with frames of another");
        }
        break;
    case HANDOVER_DO_REWIND:
    case HANDOVER_DO_RENUMBER:
        break;
    default:
        fail("the source does what it cannot");
    }
}

static void a_take(Model *m, ModelFrames *from)
{
    while (from->n > 0) {
        uint8_t id = frames_pop(from);

        /* A deleted source gave it back, but to a VM that is stopped: the next one offers it. */
        m->retaken |= m->unasked & bit(id);
        frames_push(&m->kept_a, id);
        handover_source_took(&m->a, 1);
    }
}

/* Frames that wait go where the state lets them, as the chain does it. */
static void a_settle(Model *m)
{
    if (handover_source_may_take(&m->a, m->a.is_on)) {
        a_take(m, &m->held_a);
        a_take(m, &m->waiting_a);
    } else if (!m->a.is_on && m->a.state != SOURCE_CANCELLING) {
        while (m->held_a.n > 0) {
            guest_a_gets(m, frames_pop(&m->held_a));
        }
        while (m->waiting_a.n > 0) {
            guest_a_gets(m, frames_pop(&m->waiting_a));
        }
    }
}

static void a_carry_out(Model *m, const HandoverActions *actions)
{
    for (size_t i = 0; i < actions->n; i++) {
        a_act(m, &actions->items[i]);
    }
    if (m->kept_a.n != m->a.end - m->a.first || m->a.next < m->a.first ||
        m->a.next > m->a.end) {
        fail("the source has lost count");
    }
    if (m->a.state != SOURCE_RELEASED) {
        m->watches = 0;
    }
    a_settle(m);
}

static void a_event(Model *m, HandoverSourceEvent event)
{
    HandoverActions actions = { 0 };

    handover_source_event(&m->a, event, &actions);
    a_carry_out(m, &actions);
}

static void a_receive(Model *m)
{
    ModelItem item = queue_pop(&m->to_source);
    HandoverMessage message = { item.a, item.b, item.c };
    HandoverActions actions = { 0 };

    if (item.kind == ITEM_CONNECTED) {
        a_event(m, SOURCE_CONNECTED);
    } else if (item.kind == ITEM_DISCONNECTED) {
        a_event(m, SOURCE_DISCONNECTED);
    } else {
        if (!handover_source_message(&m->a, &message, &actions)) {
            fail("the source does not understand the destination");
        }
        a_carry_out(m, &actions);
    }
}

static void a_pump(Model *m)
{
    uint8_t id = m->kept_a.ids[m->a.next - m->a.first];

    a_send(m, (ModelItem) { ITEM_FRAME, id, 0, 0 });
    handover_source_sent(&m->a, 1);
}

/* --- The destination --------------------------------------------------------------------- */

static void b_release(Model *m)
{
    while (m->kept_b.n > 0) {
        guest_b_gets(m, frames_pop(&m->kept_b));
    }
}

static void b_act(Model *m, const HandoverAction *action, uint8_t id)
{
    bool is_new = action->count == 0 && action->message.count == 1;

    switch (action->what) {
    case HANDOVER_DO_TELL:
        if (m->is_up) {
            queue_push(&m->to_source, (ModelItem) { ITEM_MESSAGE, (uint8_t)action->message.type,
                                                    (uint8_t)action->message.round,
                                                    (uint8_t)action->message.count });
        }
        break;
    case HANDOVER_DO_KEEP:
        if (is_new) {
            frames_push(&m->kept_b, id);
        }
        break;
    case HANDOVER_DO_INJECT:
        if (is_new) {
            guest_b_gets(m, id);
        }
        break;
    case HANDOVER_DO_DISCARD:
        break;
    case HANDOVER_DO_RELEASE:
        b_release(m);
        break;
    case HANDOVER_DO_CLEAR:
        memset(&m->kept_b, 0, sizeof(m->kept_b));
        break;
    case HANDOVER_DO_START:
        if (m->waits) {
            fail("the time to wait begins anew");
        }
        m->waits = 1;
        break;
    case HANDOVER_DO_STOP:
        m->waits = 0;
        break;
    case HANDOVER_DO_GO_ON:
        m->direct = 0;
        break;
    case HANDOVER_DO_SPLIT:
        m->split_told = 1;
        break;
    default:
        fail("the destination does what it cannot");
    }
}

static void b_carry_out(Model *m, const HandoverActions *actions, uint8_t id)
{
    for (size_t i = 0; i < actions->n; i++) {
        b_act(m, &actions->items[i], id);
    }
}

static void b_event(Model *m, HandoverTargetEvent event)
{
    HandoverActions actions = { 0 };

    handover_target_event(&m->b, event, &actions);
    b_carry_out(m, &actions, 0);
}

static void b_receive(Model *m)
{
    ModelItem item = queue_pop(&m->to_target);
    HandoverMessage message = { item.a, item.b, item.c };
    HandoverActions actions = { 0 };
    uint16_t revoked = 0;
    bool makes_sense = true;

    switch (item.kind) {
    case ITEM_CONNECTED:
        handover_target_connect(&m->b, (uint64_t)item.a << 32 | item.b, &actions);
        break;
    case ITEM_DISCONNECTED:
        handover_target_event(&m->b, TARGET_DISCONNECTED, &actions);
        break;
    case ITEM_MESSAGE:
        revoked = message.type == HANDOVER_REVOKE ? frames_mask(&m->kept_b) & m->unasked : 0;
        makes_sense = handover_target_message(&m->b, &message, &actions);
        break;
    default:
        makes_sense = handover_target_frames(&m->b, 1, m->kept_b.n < m->limit_b, &actions);
    }
    if (!makes_sense) {
        fail("the destination does not understand the source");
    }
    b_carry_out(m, &actions, item.a);
    m->revoked |= revoked;
}

/* --- The world: what goes on by itself --------------------------------------------------- */

static bool step_to_target(Model *m)
{
    if (m->to_target.n == 0) {
        return false;
    }
    b_receive(m);
    return true;
}

static bool step_to_source(Model *m)
{
    if (m->to_source.n == 0) {
        return false;
    }
    a_receive(m);
    return true;
}

static bool step_pump(Model *m)
{
    if (!handover_source_may_send(&m->a)) {
        return false;
    }
    a_pump(m);
    return true;
}

static bool step_connect(Model *m)
{
    if (m->is_up || m->to_target.n > 0 || m->to_source.n > 0) {
        return false;
    }
    m->is_up = 1;
    queue_push(&m->to_target, (ModelItem) { ITEM_CONNECTED, m->process_a, m->filter_a, 0 });
    queue_push(&m->to_source, (ModelItem) { ITEM_CONNECTED, 0, 0, 0 });
    return true;
}

static bool step_quiet(Model *m)
{
    if (!m->watches || !m->a.is_connected || m->a.next < m->a.end) {
        return false;
    }
    m->watches = 0;
    a_event(m, SOURCE_IS_QUIET);
    return true;
}

/* The time is over at any moment without a channel; with one see step_answer_is_late(). */
static bool step_no_answer(Model *m)
{
    if (!m->asks || m->is_up) {
        return false;
    }
    m->asks = 0;
    a_event(m, SOURCE_TIMES_OUT);
    return true;
}

static bool step_wait_is_over(Model *m)
{
    if (!m->waits) {
        return false;
    }
    m->waits = 0;
    b_event(m, TARGET_TIMES_OUT);
    return true;
}

/* --- The world: what is done to the ends ------------------------------------------------- */

static bool spend(uint8_t *budget)
{
    if (*budget == 0) {
        return false;
    }
    --*budget;
    return true;
}

static bool step_frame_a(Model *m)
{
    uint8_t id;

    if (!spend(&m->left.frames_a)) {
        return false;
    }
    id = ++m->n_sent;
    frames_push(&m->waiting_a, id);
    a_settle(m);
    return true;
}

static bool step_frame_b(Model *m)
{
    if (!spend(&m->left.frames_b)) {
        return false;
    }
    m->direct += m->b.state != TARGET_IDLE;
    return true;
}

static bool step_turn_a(Model *m)
{
    if (!spend(&m->left.turns_a)) {
        return false;
    }
    a_event(m, m->a.is_on ? SOURCE_GOES_ON : SOURCE_STOPS);
    return true;
}

static bool step_turn_b(Model *m)
{
    if (!spend(&m->left.turns_b)) {
        return false;
    }
    b_event(m, m->b.is_running ? TARGET_VM_STOPS : TARGET_VM_RUNS);
    return true;
}

static bool step_vm_b_is_to_come(Model *m)
{
    if (m->b.is_running || m->b.state == TARGET_WAITING || !spend(&m->left.turns_b)) {
        return false;
    }
    b_event(m, TARGET_VM_IS_TO_COME);
    return true;
}

static bool step_arm(Model *m)
{
    if (!spend(&m->left.arms)) {
        return false;
    }
    b_event(m, m->b.is_armed ? TARGET_IS_DISARMED : TARGET_IS_ARMED);
    return true;
}

static bool step_room(Model *m)
{
    if (!spend(&m->left.room)) {
        return false;
    }
    m->limit_b++;
    b_event(m, TARGET_HAS_ROOM);
    return true;
}

static bool step_answer_is_late(Model *m)
{
    if (!m->asks || !m->is_up || !spend(&m->left.timeouts)) {
        return false;
    }
    m->asks = 0;
    a_event(m, SOURCE_TIMES_OUT);
    return true;
}

static void queue_cut(ModelQueue *queue, uint8_t n)
{
    while (queue->n > n) {
        queue->items[--queue->n] = (ModelItem) { 0 };
    }
    queue_push(queue, (ModelItem) { ITEM_DISCONNECTED, 0, 0, 0 });
}

/* Of what is under way in each direction all, all but the last, the first only or none arrives. */
static bool model_cut(Model *m, uint8_t how_target, uint8_t how_source)
{
    uint8_t n[2] = { m->to_target.n, m->to_source.n };
    uint8_t how[2] = { how_target, how_source };

    if (!m->is_up || !spend(&m->left.cuts)) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        uint8_t n_lost = MIN(n[i], how[i]);

        n[i] = how[i] == UINT8_MAX ? 0 : (uint8_t)(n[i] - n_lost);
    }
    m->is_up = 0;
    queue_cut(&m->to_target, n[0]);
    queue_cut(&m->to_source, n[1]);
    return true;
}

static bool step_cut_none(Model *m) { return model_cut(m, 0, 0); }
static bool step_cut_all(Model *m) { return model_cut(m, UINT8_MAX, UINT8_MAX); }
static bool step_cut_to_target(Model *m) { return model_cut(m, UINT8_MAX, 0); }
static bool step_cut_to_source(Model *m) { return model_cut(m, 0, UINT8_MAX); }
static bool step_cut_last_to_target(Model *m) { return model_cut(m, 1, 0); }
static bool step_cut_last_to_source(Model *m) { return model_cut(m, 0, 1); }

/* Nothing more comes from or goes to the end that died; the other one sees the end. */
static void channel_ends(Model *m, ModelQueue *dead, ModelQueue *other)
{
    m->has_ended = 1;
    memset(dead, 0, sizeof(*dead));
    if (m->is_up) {
        queue_push(other, (ModelItem) { ITEM_DISCONNECTED, 0, 0, 0 });
    }
    m->is_up = 0;
}

static void a_begin_anew(Model *m)
{
    bool is_on = m->a.is_on;

    memset(&m->a, 0, sizeof(m->a));
    m->asks = 0;
    m->watches = 0;
    channel_ends(m, &m->to_source, &m->to_target);
    if (is_on) {
        a_event(m, SOURCE_STOPS);
    } else {
        a_settle(m);
    }
}

/* object-del, and object-add. */
static bool step_delete_a(Model *m)
{
    HandoverActions actions = { 0 };

    if (!spend(&m->left.ends_a)) {
        return false;
    }
    m->has_ended = 1;
    handover_source_event(&m->a, SOURCE_IS_DELETED, &actions);
    for (size_t i = 0; i < actions.n; i++) {
        a_act(m, &actions.items[i]);
    }
    m->filter_a++;
    a_begin_anew(m);
    return true;
}

static bool step_kill_a(Model *m)
{
    if (!spend(&m->left.ends_a)) {
        return false;
    }
    m->perished |= frames_mask(&m->kept_a) | frames_mask(&m->waiting_a) |
                   frames_mask(&m->held_a);
    memset(&m->kept_a, 0, sizeof(m->kept_a));
    memset(&m->waiting_a, 0, sizeof(m->waiting_a));
    memset(&m->held_a, 0, sizeof(m->held_a));
    m->process_a++;
    a_begin_anew(m);
    return true;
}

/* It does not know any more what it did; its VM lives on. */
static bool step_kill_b(Model *m)
{
    bool is_running = m->b.is_running;

    if (!spend(&m->left.ends_b)) {
        return false;
    }
    m->forgotten |= m->at_b & frames_mask(&m->kept_a);
    m->perished |= frames_mask(&m->kept_b);
    memset(&m->b, 0, sizeof(m->b));
    memset(&m->kept_b, 0, sizeof(m->kept_b));
    m->waits = 0;
    m->direct = 0;
    channel_ends(m, &m->to_target, &m->to_source);
    b_event(m, is_running ? TARGET_VM_RUNS : TARGET_VM_IS_TO_COME);
    return true;
}

static const struct {
    const char *name;
    bool (*step)(Model *m);
} steps[MODEL_STEPS] = {
    { "B receives", step_to_target },
    { "A receives", step_to_source },
    { "A sends a frame", step_pump },
    { "they connect", step_connect },
    { "network A is quiet", step_quiet },
    { "A gets no answer", step_no_answer },
    { "B has waited long enough", step_wait_is_over },
    { "a frame from network A", step_frame_a },
    { "a frame from network B", step_frame_b },
    { "VM A turns", step_turn_a },
    { "VM B turns", step_turn_b },
    { "VM B is to come", step_vm_b_is_to_come },
    { "B is armed or disarmed", step_arm },
    { "B has more room", step_room },
    { "the answer is late", step_answer_is_late },
    { "cut, all arrives", step_cut_none },
    { "cut, nothing arrives", step_cut_all },
    { "cut, nothing arrives at B", step_cut_to_target },
    { "cut, nothing arrives at A", step_cut_to_source },
    { "cut, B misses the last", step_cut_last_to_target },
    { "cut, A misses the last", step_cut_last_to_source },
    { "A is deleted, and added", step_delete_a },
    { "A dies, and begins anew", step_kill_a },
    { "B dies, and begins anew", step_kill_b },
};

const char *model_step(Model *m, unsigned i)
{
    return steps[i].step(m) ? steps[i].name : NULL;
}

void model_init(Model *m, const ModelBudget *budget, uint8_t limit_b)
{
    memset(m, 0, sizeof(*m));
    m->left = *budget;
    m->limit_b = limit_b;
    m->process_a = 1;
    b_event(m, TARGET_VM_IS_TO_COME);
}

/* --- What must hold ---------------------------------------------------------------------- */

static uint16_t frames_all(const Model *m)
{
    return (uint16_t)((1u << (m->n_sent + 1)) - 2);
}

void model_check(const Model *m)
{
    uint16_t at_source = frames_mask(&m->kept_a) | frames_mask(&m->waiting_a) |
                         frames_mask(&m->held_a);
    uint16_t somewhere = at_source | m->at_a | m->at_b | m->dropped | m->perished;

    if (frames_all(m) & ~somewhere) {
        fail("a frame is lost");
    }
    if (at_source & m->at_a) {
        fail("the source keeps what guest A has got");
    }
    if (m->at_a & m->at_b & ~(m->unasked | m->forgotten)) {
        fail("a frame is at both guests");
    }
    if (frames_mask(&m->kept_b) & m->at_b & ~(m->retaken | m->forgotten)) {
        fail("the destination keeps what guest B has got");
    }
    if (frames_mask(&m->kept_b) & m->revoked & ~m->retaken) {
        fail("the destination keeps what it was told that guest A has");
    }
    if (m->dropped && !m->has_ended) {
        fail("frames are dropped although both ends live");
    }
    if (m->kept_b.n > 0 && m->b.fate != FATE_OPEN) {
        fail("the destination keeps frames of no open round");
    }
    if (m->b.fate == FATE_OPEN && m->b.state != TARGET_WAITING) {
        fail("an open round that does not wait for the VM");
    }
    if (m->direct > 0 && m->b.state == TARGET_IDLE) {
        fail("direct frames wait for nothing");
    }
    if (m->b.state == TARGET_RELEASED && !m->waits) {
        fail("direct frames wait for ever");
    }
    if (m->a.state == SOURCE_CANCELLING && m->asks == m->a.is_on) {
        fail("the source waits for an answer for ever, or although no VM needs it");
    }
}

/* Frames may wait at rest only for a VM, or for someone who arms the destination. */
static void model_check_rest_of_source(const Model *m)
{
    bool is_refused = m->a.is_refused && m->b.stream == STREAM_REFUSED && !m->b.is_armed;
    bool is_full = m->a.is_refused && m->b.stream == STREAM_FULL && !m->b.is_running;

    switch (m->a.state) {
    case SOURCE_IDLE:
        if (m->kept_a.n + m->waiting_a.n + m->held_a.n > 0) {
            fail("at rest an idle source keeps frames");
        }
        break;
    case SOURCE_RELEASED:
        if (m->kept_a.n > 0) {
            fail("at rest released frames are not acknowledged");
        }
        break;
    case SOURCE_OFFERED:
        if (m->b.fate == FATE_OPEN && !is_refused && !is_full &&
            m->b.n_here != m->a.end) {
            fail("at rest offered frames are not at the destination");
        }
        if (m->b.fate != FATE_OPEN && !is_refused) {
            fail("at rest an offer is neither taken nor refused");
        }
        break;
    default:
        fail("the source does not come to rest");
    }
}

void model_check_rest(const Model *m)
{
    model_check_rest_of_source(m);
    if (m->b.state == TARGET_RELEASED) {
        fail("the destination does not come to rest");
    }
    if ((m->at_a & m->at_b) && !m->split_told && !m->has_ended) {
        fail("frames are at both guests, and nobody was told");
    }
}

static void print_frames(const char *name, const ModelFrames *frames)
{
    fprintf(stderr, " %s=", name);
    for (uint8_t i = 0; i < frames->n; i++) {
        fprintf(stderr, "%s%u", i ? "," : "", frames->ids[i]);
    }
}

void model_print(const Model *m)
{
    fprintf(stderr, "#     A: state=%d on=%d round=%u first=%u next=%u end=%u refused=%d;"
            " B: state=%d fate=%d stream=%d run=%d armed=%d round=%u here=%u at=%u; up=%d"
            " queues=%u,%u", m->a.state, m->a.is_on, m->a.round, (unsigned)m->a.first,
            (unsigned)m->a.next, (unsigned)m->a.end, m->a.is_refused, m->b.state, m->b.fate,
            m->b.stream, m->b.is_running, m->b.is_armed, m->b.round, (unsigned)m->b.n_here,
            (unsigned)m->b.at, m->is_up, m->to_target.n, m->to_source.n);
    print_frames("keptA", &m->kept_a);
    print_frames("waitA", &m->waiting_a);
    print_frames("heldA", &m->held_a);
    print_frames("keptB", &m->kept_b);
    fprintf(stderr, " atA=%x atB=%x\n", m->at_a, m->at_b);
}
