/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client's side of QMP on a chardev: greeting, capabilities, commands, events. */

#ifndef MONITOR_QMP_CLIENT_H
#define MONITOR_QMP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>
#include <json-c/json.h>
#include "chardev/char.h"

typedef struct QmpClient QmpClient;

/** How far the conversation is. */
typedef enum QmpClientPhase {
    QMP_CLIENT_CLOSED,      /* no connection, or one that brought garbage and is being closed */
    QMP_CLIENT_GREETING,    /* connected; the server is to greet */
    QMP_CLIENT_NEGOTIATING, /* greeted; qmp_capabilities is to be answered */
    QMP_CLIENT_READY,       /* commands may be sent */
} QmpClientPhase;

/** An event; all members are borrowed. */
typedef struct QmpClientEvent {
    const char *name;
    json_object *data;    /* NULL = none */
    int64_t seconds;      /* the server's time stamp, since 1970; 0 when it sent none */
    int64_t microseconds;
} QmpClientEvent;

/** How the user of a client is called back, from the loop; all members are needed. */
typedef struct QmpClientOps {
    /** A connection is there; OPENED of the chardev. */
    void (*opened)(void *opaque);
    /** Commands may be sent. @version: as in the greeting, borrowed: member "qemu" and others. */
    void (*ready)(json_object *version, void *opaque);
    void (*event)(const QmpClientEvent *event, void *opaque);
    /** The server refused a command. @message: "'COMMAND': CLASS: DESC". */
    void (*refused)(const char *message, void *opaque);
    /** The server sent what no server should; the connection is closed, @closed follows. */
    void (*broken)(const char *message, void *opaque);
    /** The connection is over; commands without a reply get none. */
    void (*closed)(void *opaque);
} QmpClientOps;

/** @result: the command's return value, borrowed; NULL = it was refused. */
typedef void QmpClientReplyFunc(json_object *result, void *opaque);

/**
 * qmp_client_new: speak QMP with the peer of @chr
 * @ops: constant; only @opened may be called before this returns
 *
 * Returns: owned; NULL with @error when @chr cannot be used.
 */
QmpClient *qmp_client_new(Chardev *chr, const QmpClientOps *ops, void *opaque, GError **error);

/** qmp_client_free: no callback runs afterwards; not from inside one. NULL is legal. */
void qmp_client_free(QmpClient *client);

QmpClientPhase qmp_client_phase(const QmpClient *client);

/**
 * qmp_client_execute: send a command
 * @command: constant
 * @arguments: taken; NULL = none
 * @func: gets the reply, unless the connection ends first
 *
 * Returns: false when the client is not ready: nothing is sent.
 */
bool qmp_client_execute(QmpClient *client, const char *command, json_object *arguments,
                        QmpClientReplyFunc *func);

/**
 * qmp_client_try: as qmp_client_execute(), for a command that the server need not know
 * @func, @opaque: the only one to learn of a refusal
 */
bool qmp_client_try(QmpClient *client, const char *command, json_object *arguments,
                    QmpClientReplyFunc *func, void *opaque);

/** qmp_client_n_unanswered: commands whose reply has not come yet, on this connection. */
size_t qmp_client_n_unanswered(const QmpClient *client);

/** qmp_client_reject: the server's answer is garbage: close the connection, as on other faults. */
void qmp_client_reject(QmpClient *client, const char *message);

/** qmp_client_quote: a piece of a server's text that is fit to be shown. Owned. */
char *qmp_client_quote(const char *text);

#endif
