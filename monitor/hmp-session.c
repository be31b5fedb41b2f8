/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The interactive human monitor: banner, line editor, output on a character device. */

#include "monitor/hmp-internal.h"
#include "monitor/monitor-internal.h"

#include <string.h>

#include "monitor/version.h"
#include "util/command-wait.h"

#define HMP_READ_MAX 4096

struct HmpSession {
    Monitor *mon;  /* back pointer */
    HmpEdit *edit; /* owned */
    bool away;     /* the mux has turned its input to another user */
    char *line;    /* owned: the running command; NULL = none */
    CommandWait *wait; /* owned: the needs of @line; NULL = nothing runs */
    char *answer;  /* owned: given when @wait is over; NULL = @line is run again */
    bool has_run;  /* a line has come to its end since input was read last */
};

static void hmp_session_write(const char *data, size_t len, void *opaque)
{
    HmpSession *session = opaque;

    char_frontend_send(&session->mon->fe, data, len);
}

static void hmp_session_forget_line(HmpSession *session)
{
    g_clear_pointer(&session->line, g_free);
    g_clear_pointer(&session->answer, g_free);
    g_clear_pointer(&session->wait, command_wait_free);
}

/* Returns: the answer to the line, owned; NULL = it waits, and will be answered or run again. */
static char *hmp_session_execute(HmpSession *session)
{
    char *text;

    monitor_enter(session->mon, session->mon->received);
    command_wait_enter(session->wait);
    text = hmp_execute(session->line);
    switch (command_wait_leave(session->wait)) {
    case COMMAND_OUTCOME_ANSWER:
        break;
    case COMMAND_OUTCOME_KEEP:
        session->answer = g_steal_pointer(&text);
        break;
    case COMMAND_OUTCOME_RUN_AGAIN:
        g_clear_pointer(&text, g_free);
        break;
    }
    monitor_leave();
    return text;
}

/* Returns: whether the line is done. */
static bool hmp_session_run(HmpSession *session)
{
    g_autofree char *text = session->answer ? g_steal_pointer(&session->answer)
                                            : hmp_session_execute(session);

    if (!text) {
        return false;
    }
    hmp_session_write(text, strlen(text), session);
    hmp_session_forget_line(session);
    return true;
}

static void hmp_session_run_again(void *opaque)
{
    HmpSession *session = opaque;

    if (hmp_session_run(session)) {
        hmp_edit_go_on(session->edit);
        char_frontend_accept_input(&session->mon->fe);
    }
}

static bool hmp_session_line(const char *line, void *opaque)
{
    HmpSession *session = opaque;

    session->line = g_strdup(line);
    session->wait = command_wait_new(hmp_session_run_again, session);
    return hmp_session_run(session);
}

static const HmpEditOps hmp_session_edit_ops = {
    .write = hmp_session_write,
    .line = hmp_session_line,
};

/* A client that does not read the answers is not read. */
static size_t hmp_session_read_wanted(void *opaque)
{
    HmpSession *session = opaque;

    return char_frontend_flushed(&session->mon->fe) && !session->line ? HMP_READ_MAX : 0;
}

/*
 * Two waits are longer than the reading of a line: for its needs, and for the reader of its
 * answer.
 */
static bool hmp_session_is_busy(void *opaque)
{
    HmpSession *session = opaque;

    return session->line || !char_frontend_flushed(&session->mon->fe);
}

static void hmp_session_write_ready(void *opaque)
{
    HmpSession *session = opaque;

    char_frontend_accept_input(&session->mon->fe);
}

static void hmp_session_read(const uint8_t *data, size_t len, void *opaque)
{
    HmpSession *session = opaque;

    monitor_receive_fds(session->mon);
    session->has_run = false;
    hmp_edit_feed(session->edit, data, len);
    if (session->has_run) {
        monitor_drop_received(session->mon);
    }
}

static void hmp_session_event(CharEvent event, void *opaque)
{
    static const char banner[] =
        VERSION_PACKAGE " monitor - type 'help' for more information\r\n";
    HmpSession *session = opaque;

    switch (event) {
    case CHAR_EVENT_OPENED:
        hmp_session_write(banner, strlen(banner), session);
        hmp_edit_start(session->edit);
        break;
    case CHAR_EVENT_CLOSED:
        hmp_session_forget_line(session);
        monitor_forget_fds(session->mon);
        break;
    case CHAR_EVENT_MUX_IN:
        if (session->away) {
            hmp_edit_refresh(session->edit);
        }
        session->away = false;
        break;
    case CHAR_EVENT_MUX_OUT:
        session->away = true;
        break;
    case CHAR_EVENT_BREAK:
        break;
    }
}

const CharFrontendOps hmp_session_ops = {
    .read_wanted = hmp_session_read_wanted,
    .is_busy = hmp_session_is_busy,
    .read = hmp_session_read,
    .write_ready = hmp_session_write_ready,
    .event = hmp_session_event,
};

HmpSession *hmp_session_new(Monitor *mon)
{
    HmpSession *session = g_new0(HmpSession, 1);

    session->mon = mon;
    session->edit = hmp_edit_new(&hmp_session_edit_ops, session);
    return session;
}

void hmp_session_free(HmpSession *session)
{
    if (!session) {
        return;
    }
    hmp_session_forget_line(session);
    hmp_edit_free(session->edit);
    g_free(session);
}
