/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A model of a handover: both ends by their real rules, a channel, two networks, two VMs. */

#ifndef TESTS_UNIT_HANDOVER_MODEL_H
#define TESTS_UNIT_HANDOVER_MODEL_H

#include "net/filter/handover-rules.h"

/*
 *   network A ──► chain ──► [source] ──► guest A          network B ──► [destination] ──► guest B
 *                               │  ══ to_target ══►  │
 *                               │  ◄══ to_source ══  │
 *
 * Each frame of network A has a number, from 1 on, by which the model knows it wherever it is; the
 * ends do not see it. Every step that is possible may happen next.
 */

#define MODEL_MAX_FRAMES 8
#define MODEL_MAX_QUEUE 24

/** Frames in order, by number. */
typedef struct ModelFrames {
    uint8_t n;
    uint8_t ids[MODEL_MAX_FRAMES];
} ModelFrames;

typedef enum ModelItemKind {
    ITEM_NONE,
    ITEM_CONNECTED,
    ITEM_DISCONNECTED,
    ITEM_MESSAGE,
    ITEM_FRAME,
} ModelItemKind;

typedef struct ModelItem {
    uint8_t kind;
    uint8_t a; /* message: type; frame: number; connected: process of the source */
    uint8_t b; /* message: round; connected: filter in that process */
    uint8_t c; /* message: count */
} ModelItem;

typedef struct ModelQueue {
    uint8_t n;
    ModelItem items[MODEL_MAX_QUEUE];
} ModelQueue;

/** How often what the world does to the ends may still happen. */
typedef struct ModelBudget {
    uint8_t frames_a;
    uint8_t frames_b;
    uint8_t turns_a;  /* VM A stops or goes on */
    uint8_t turns_b;  /* VM B stops or goes on, or another is to come */
    uint8_t cuts;
    uint8_t ends_a;   /* the source is deleted, or its process dies, and it comes back */
    uint8_t ends_b;   /* the destination's process dies and comes back */
    uint8_t arms;     /* management arms or disarms the destination */
    uint8_t room;     /* hold-size of the destination grows by a frame */
    uint8_t timeouts; /* the time for an answer is over although the channel stands */
} ModelBudget;

/** No padding that is not zero: states are compared as bytes. */
typedef struct Model {
    ModelBudget left;
    HandoverSourceRules a;
    HandoverTargetRules b;
    ModelQueue to_target;
    ModelQueue to_source;
    ModelFrames kept_a;
    ModelFrames waiting_a;  /* held in front of the source */
    ModelFrames held_a;     /* held behind it, in front of VM A */
    ModelFrames kept_b;
    uint8_t direct;         /* frames of network B that wait */
    uint8_t limit_b;        /* frames that the destination keeps at most */
    uint8_t process_a;      /* which one the source is in, */
    uint8_t filter_a;       /* and which filter in that */
    uint8_t is_up;          /* the channel */
    uint8_t asks;           /* the source's timer runs */
    uint8_t watches;
    uint8_t waits;          /* the destination's timer runs */
    uint8_t n_sent;         /* frames of network A so far */
    uint8_t last_a;         /* number of the last frame that guest A got */
    uint8_t last_b;
    uint16_t at_a;          /* bit mask of frames: guest A has got it, */
    uint16_t at_b;
    uint16_t dropped;       /* it was dropped, and counted, */
    uint16_t unasked;       /* it was given to guest A without an answer, and that was told, */
    uint16_t revoked;       /* and the destination, which kept it, was told so, */
    uint16_t retaken;       /* but that guest was stopped, and another source took it, */
    uint16_t forgotten;     /* the destination had it when it died, */
    uint16_t perished;      /* or the source */
    uint8_t split_told;
    uint8_t has_ended;      /* one of the ends, once */
} Model;

/** What went wrong; NULL = nothing. Set by model_check() and by steps. */
extern const char *model_fault;

/** model_init: VM A runs, VM B is to come, no channel yet. */
void model_init(Model *m, const ModelBudget *budget, uint8_t limit_b);

/**
 * model_step: do the @i-th thing that may happen
 * Returns: its name; NULL = it is not possible in this state.
 */
const char *model_step(Model *m, unsigned i);

/** How many things there are; the first MODEL_PROGRESS of them need no budget. */
#define MODEL_PROGRESS 7
#define MODEL_STEPS 24

/** model_check: what must hold in every state. */
void model_check(const Model *m);

/** model_check_rest: what must hold where nothing goes on by itself. */
void model_check_rest(const Model *m);

/** model_print: one line on stderr, for the trail to a fault. */
void model_print(const Model *m);

#endif
