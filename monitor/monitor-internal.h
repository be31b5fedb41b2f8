/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of monitor/ share: one monitor, what it received, and its two kinds. */

#ifndef MONITOR_MONITOR_INTERNAL_H
#define MONITOR_MONITOR_INTERNAL_H

#include <json-c/json.h>

#include "chardev/char.h"
#include "monitor/hmp.h"
#include "monitor/monitor.h"
#include "util/fd-store.h"

typedef struct QmpSession QmpSession;
typedef struct HmpSession HmpSession;

/**
 * Descriptors that came along with input. Requests found in that input share them: each
 * getfd takes the oldest that is left, and the last of the sharers closes the rest. They
 * belong to that message: no request of a later one gets any.
 */
typedef struct MonitorFds MonitorFds;

MonitorFds *monitor_fds_new(void);
MonitorFds *monitor_fds_ref(MonitorFds *fds);
void monitor_fds_unref(MonitorFds *fds);
void monitor_fds_put(MonitorFds *fds, int fd);

/** monitor_fds_take: the oldest, owned by the caller; -1 when none is left or @fds is NULL. */
int monitor_fds_take(MonitorFds *fds);

typedef struct Monitor {
    char *id;             /* owned; NULL = none */
    MonitorMode mode;
    bool pretty;
    CharFrontend fe;
    FdStore *fds;         /* owned: descriptors of getfd, until the connection ends */
    MonitorFds *received; /* owned reference: of the message being read; NULL = nothing */
    QmpSession *qmp;      /* owned; of MONITOR_MODE_CONTROL */
    HmpSession *hmp;      /* owned; of MONITOR_MODE_READLINE */
} Monitor;

/**
 * monitor_receive_fds: collect the descriptors that came with the bytes being read
 *
 * A message may take several reads; monitor_drop_received() marks its end.
 */
void monitor_receive_fds(Monitor *mon);

/** monitor_drop_received: requests found from now on share no earlier descriptors. */
void monitor_drop_received(Monitor *mon);

/** monitor_forget_fds: the connection is gone; close what it left. */
void monitor_forget_fds(Monitor *mon);

/** monitor_enter: commands that run now come from @mon with @received; monitor_leave: no more. */
void monitor_enter(Monitor *mon, MonitorFds *received);
void monitor_leave(void);

/** monitor_current: whose command runs, NULL outside commands. */
Monitor *monitor_current(void);

/** monitor_take_fd: the next descriptor that came with the command that runs; -1 = none. */
int monitor_take_fd(void);

/** monitor_foreach: in order of creation. */
void monitor_foreach(void (*func)(Monitor *mon, void *opaque), void *opaque);

/* --- QMP --------------------------------------------------------------------------------- */

extern const CharFrontendOps qmp_session_ops;

/** qmp_session_new: for @mon, whose input goes to qmp_session_ops with the session itself. */
QmpSession *qmp_session_new(Monitor *mon);
void qmp_session_free(QmpSession *session);

/** qmp_session_send_event: pass @event on if the client has negotiated. */
void qmp_session_send_event(QmpSession *session, json_object *event);

bool qmp_session_is_open(const QmpSession *session);

/** qmp_session_negotiate: carry qmp_capabilities out. Returns: false with @error. */
bool qmp_session_negotiate(QmpSession *session, bool enable_oob, GError **error);

/** qmp_session_is_greeting: a client is connected that has not yet negotiated. */
bool qmp_session_is_greeting(const QmpSession *session);

/** monitor_check_greeted: a client has negotiated or gone; see monitor_when_greeted(). */
void monitor_check_greeted(void);

/** qmp_session_halt: from now on requests are left waiting; the process ends. */
void qmp_session_halt(void);

/* --- QMP requests, apart from where they come from ---------------------------------------- */

/** How far a client is. */
typedef struct QmpDispatchState {
    bool negotiated;
    bool oob_enabled;
} QmpDispatchState;

/**
 * qmp_dispatch: check and run one request
 * @request: borrowed; NULL = JSON null
 *
 * Returns: the reply with the request's id, owned.
 */
json_object *qmp_dispatch(json_object *request, const QmpDispatchState *state);

/** qmp_reply_error: the reply with @error (borrowed), owned. */
json_object *qmp_reply_error(const GError *error);

/** qmp_request_is_oob: whether @request asks to overtake others. */
bool qmp_request_is_oob(json_object *request);

/** qmp_event_object: the event as it goes over the wire, owned. @data: borrowed or NULL. */
json_object *qmp_event_object(const char *name, json_object *data, int64_t now_us);

/* --- The human monitor -------------------------------------------------------------------- */

extern const CharFrontendOps hmp_session_ops;

HmpSession *hmp_session_new(Monitor *mon);
void hmp_session_free(HmpSession *session);

/**
 * hmp_complete: candidates for the word at the end of @line
 * @candidates: gets owned strings, sorted, each once
 *
 * Returns: where in @line the word begins.
 */
size_t hmp_complete(const char *line, GPtrArray *candidates);

#endif
