/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of a handover: the actions of each end, without socket, frame or clock. */

#ifndef NET_FILTER_HANDOVER_RULES_H
#define NET_FILTER_HANDOVER_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Both ends are machines that are given events and answer with things to do, in order. Frames
 * are numbers here: the first of a round has number 0. docs/protocol.rst, "Handover", has the
 * same tables, with their reasons.
 */

/** Messages between the ends; on the wire each has this number + 1. */
typedef enum HandoverMessageType {
    HANDOVER_OFFER,     /* source: frames from number 0 on follow */
    HANDOVER_RESUME,    /* source: frames from @count on follow, of a round that was released */
    HANDOVER_CANCEL,    /* source: the VM goes on here; may it have the frames? */
    HANDOVER_REVOKE,    /* source: the VM here has them, as no answer came */
    HANDOVER_DONE,      /* source: no frames are to be expected behind the first @count */
    HANDOVER_RELEASED,  /* destination: its VM has, or will have, the first @count frames */
    HANDOVER_CANCELLED, /* destination: no VM here has had one of them, nor will have */
    HANDOVER_REFUSED,   /* destination: it takes no (more) frames now, and keeps what it has */
    HANDOVER_AGAIN,     /* destination: after REFUSED: now it would */
    HANDOVER_UNKNOWN,   /* destination: it has not released such a round */
    HANDOVER_SPLIT,     /* destination, to REVOKE: its VM has got the first @count frames, too */
    HANDOVER_MESSAGE__MAX,
} HandoverMessageType;

typedef struct HandoverMessage {
    HandoverMessageType type;
    uint32_t round; /* from 1 on; of a source, which has an identity of its own */
    uint64_t count;
} HandoverMessage;

/** What an end has to do, see each. */
typedef enum HandoverDo {
    HANDOVER_DO_TELL,     /* both: send @message */
    HANDOVER_DO_BEGIN,    /* source: take a copy of the frames in flight, as the round's first */
    HANDOVER_DO_FORGET,   /* source: the @count oldest frames are the other VM's */
    HANDOVER_DO_RETURN,   /* source: all frames go to the VM here */
    HANDOVER_DO_DROP,     /* source: all frames are dropped, and counted so */
    HANDOVER_DO_REWIND,   /* source: all frames kept are to be sent (again) */
    HANDOVER_DO_RENUMBER, /* source: a new round begins with the kept frames; @count were before */
    HANDOVER_DO_WATCH,    /* source: look out for the netdev to become quiet */
    HANDOVER_DO_KEEP,     /* destination: pass @skip frames of those that came, keep the rest */
    HANDOVER_DO_INJECT,   /* destination: as KEEP, but the VM here gets them */
    HANDOVER_DO_DISCARD,  /* destination: all that came are left to the source */
    HANDOVER_DO_RELEASE,  /* destination: the VM here gets all that is kept */
    HANDOVER_DO_CLEAR,    /* destination: kept frames are forgotten */
    HANDOVER_DO_START,    /* both: start the timer of the property wait */
    HANDOVER_DO_STOP,     /* both: stop it */
    HANDOVER_DO_GO_ON,    /* destination: frames that arrived directly go on */
    HANDOVER_DO_UNASKED,  /* source: say that frames were returned without an answer */
    HANDOVER_DO_SPLIT,    /* both: say that @count frames are at both VMs */
} HandoverDo;

typedef struct HandoverAction {
    HandoverDo what;
    HandoverMessage message; /* of TELL */
    uint64_t count;
} HandoverAction;

/** No event leads to more than this. */
#define HANDOVER_MAX_ACTIONS 10

/** Filled by an event; to be carried out in order. */
typedef struct HandoverActions {
    size_t n;
    HandoverAction items[HANDOVER_MAX_ACTIONS];
} HandoverActions;

void handover_act(HandoverActions *actions, HandoverDo what, uint64_t count);
void handover_act_notify(HandoverActions *actions, HandoverMessageType type, uint32_t round,
                         uint64_t count);

/* --- The source -------------------------------------------------------------------------- */

typedef enum HandoverSourceState {
    SOURCE_IDLE,       /* frames take their usual way */
    SOURCE_COLLECTING, /* frames are kept; the destination has not heard of the round */
    SOURCE_OFFERED,    /* frames are kept and sent; the destination has not decided */
    SOURCE_CANCELLING, /* the VM goes on here; whose the frames are has been asked */
    SOURCE_RELEASED,   /* they are the destination's, as are those that still come */
    SOURCE_DRAINING,   /* those that were kept are; the VM has gone on here since */
    SOURCE_TAKEN_BACK, /* the VM here got them unasked; REVOKE is still to be answered */
    SOURCE_STATE__MAX,
} HandoverSourceState;

typedef enum HandoverSourceEvent {
    SOURCE_STOPS,        /* the VM is stopped by a migration: the filter is on */
    SOURCE_GOES_ON,      /* it goes on here: the filter is off */
    SOURCE_CONNECTED,
    SOURCE_DISCONNECTED,
    SOURCE_GETS_RELEASED, /* six messages of the present round */
    SOURCE_GETS_CANCELLED,
    SOURCE_GETS_REFUSED,
    SOURCE_GETS_AGAIN,
    SOURCE_GETS_UNKNOWN,
    SOURCE_GETS_SPLIT,
    SOURCE_TIMES_OUT,    /* the destination has not answered CANCEL for the time wait */
    SOURCE_IS_QUIET,     /* all is sent, and for a while nothing came */
    SOURCE_IS_DELETED,
    SOURCE_EXITS,        /* the process ends: no VM can get frames here */
    SOURCE_EVENT__MAX,
} HandoverSourceEvent;

/** All that counts; zeroed = idle, no connection, the VM runs here. */
typedef struct HandoverSourceRules {
    HandoverSourceState state;
    bool is_on;
    bool is_connected;
    bool is_refused; /* nothing is sent before AGAIN or a new connection */
    bool is_fresh;   /* nothing but refusals has come on this connection */
    uint32_t round;  /* the present or last one; 0 = there was none */
    uint64_t first;  /* number of the oldest frame kept */
    uint64_t next;   /* of the next one to send */
    uint64_t end;    /* of the next one to take */
} HandoverSourceRules;

/** handover_source_event: one that is no message. */
void handover_source_event(HandoverSourceRules *rules, HandoverSourceEvent event,
                           HandoverActions *actions);

/** handover_source_message: Returns: false when the message makes no sense. */
bool handover_source_message(HandoverSourceRules *rules, const HandoverMessage *message,
                             HandoverActions *actions);

/** handover_source_may_take: whether frames of a VM that is stopped (@is_on) are kept now. */
bool handover_source_may_take(const HandoverSourceRules *rules, bool is_on);
void handover_source_took(HandoverSourceRules *rules, uint64_t n);

/** handover_source_may_send: whether there is a frame that may be sent now. */
bool handover_source_may_send(const HandoverSourceRules *rules);
void handover_source_sent(HandoverSourceRules *rules, uint64_t n);

/* --- The destination --------------------------------------------------------------------- */

typedef enum HandoverTargetState {
    TARGET_IDLE,     /* frames that arrive directly take their usual way */
    TARGET_WAITING,  /* all frames wait for the VM */
    TARGET_RELEASED, /* it runs; those that arrive directly wait behind those from the source */
    TARGET_STATE__MAX,
} HandoverTargetState;

/** The fate of the round that it knows: the last one that it took or cancelled. */
typedef enum HandoverFate {
    FATE_NONE,      /* it knows none */
    FATE_OPEN,      /* frames are kept until the VM runs or the source cancels */
    FATE_RELEASED,  /* they are the VM's */
    FATE_CANCELLED, /* they are the source's */
    FATE_REVOKED,   /* they are at both: released, and taken back unasked */
    FATE__MAX,
} HandoverFate;

/** What happens to the frames that come. */
typedef enum HandoverStream {
    STREAM_NONE,    /* nothing was offered on this connection: there must be none */
    STREAM_TAKEN,
    STREAM_FULL,    /* left to the source, as there was no room */
    STREAM_REFUSED, /* left to the source, as the round was not waited for */
    STREAM_UNKNOWN, /* left to the source, as the round was never released here */
} HandoverStream;

typedef enum HandoverTargetEvent {
    TARGET_DISCONNECTED,
    TARGET_VM_RUNS,
    TARGET_VM_STOPS,
    TARGET_VM_IS_TO_COME, /* the run state is inmigrate */
    TARGET_IS_ARMED,
    TARGET_IS_DISARMED,
    TARGET_HAS_ROOM,      /* it did not before */
    TARGET_TIMES_OUT,     /* the time wait since the release is over */
    TARGET_EVENT__MAX,
} HandoverTargetEvent;

/** All that counts; zeroed = idle, no connection, the VM is stopped, not armed. */
typedef struct HandoverTargetRules {
    HandoverTargetState state;
    HandoverFate fate;
    HandoverStream stream;
    bool is_running;   /* the VM */
    bool is_armed;     /* a round that is not known is taken */
    bool is_connected;
    uint64_t peer;     /* identity of the source at the other end of the connection; the upper
                        * half is its process's */
    uint64_t source;   /* whose round is known, */
    uint32_t round;    /* and which */
    uint32_t refused;  /* the round that @stream is about when it is not taken */
    uint64_t n_here;   /* frames of the known round that have come */
    uint64_t at;       /* number of the frame that comes next */
} HandoverTargetRules;

void handover_target_event(HandoverTargetRules *rules, HandoverTargetEvent event,
                           HandoverActions *actions);

/** handover_target_connect: the event that it is connected, to the source of identity @peer. */
void handover_target_connect(HandoverTargetRules *rules, uint64_t peer,
                             HandoverActions *actions);

/** handover_target_message: Returns: false when the message makes no sense. */
bool handover_target_message(HandoverTargetRules *rules, const HandoverMessage *message,
                             HandoverActions *actions);

/**
 * handover_target_frames: @n frames have come
 * @n_fit: how many of them there is room for, if they have to be kept; frames that were here
 *     before need none
 * Returns: false when there must be none; else what to do with them is in @actions: DISCARD, or
 *     KEEP or INJECT with how many to pass over (@count), and how many to use (@message.count).
 */
bool handover_target_frames(HandoverTargetRules *rules, uint64_t n, uint64_t n_fit,
                            HandoverActions *actions);

#endif
