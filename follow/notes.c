/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The events of the VM that vm-follower keeps to be shown. */

#include "follow/follower-internal.h"

#define FOLLOW_NOTES_MAX 32u

static void follow_note_free(void *opaque)
{
    FollowNote *note = opaque;

    g_free(note->detail);
    g_free(note);
}

/* A long migration has many passes; only the last of them is of interest. */
static bool follow_notes_replaces_last(const FollowNotes *log, const char *name)
{
    const FollowNote *last = g_queue_peek_tail((GQueue *)&log->notes);

    return last && g_str_equal(name, "MIGRATION_PASS") && g_str_equal(last->name, name);
}

void follow_notes_add(FollowNotes *log, const QmpClientEvent *event, const char *detail,
                      RunState run_state)
{
    FollowNote *note = g_new(FollowNote, 1);

    *note = (FollowNote) {
        .name = g_intern_string(event->name),
        .detail = g_strdup(detail),
        .seconds = event->seconds,
        .microseconds = event->microseconds,
        .received_ns = clock_now_ns(CLOCK_TYPE_REALTIME),
        .run_state = run_state,
    };
    if (follow_notes_replaces_last(log, note->name)) {
        follow_note_free(g_queue_pop_tail(&log->notes));
    }
    g_queue_push_tail(&log->notes, note);
    if (log->notes.length > FOLLOW_NOTES_MAX) {
        follow_note_free(g_queue_pop_head(&log->notes));
    }
}

void follow_notes_clear(FollowNotes *log)
{
    g_queue_clear_full(&log->notes, follow_note_free);
}

/* The text of member @name of @data, whatever its type. Owned; NULL = absent. */
static char *follow_notes_member(json_object *data, const char *name)
{
    json_object *value = NULL;

    if (!data || !json_object_object_get_ex(data, name, &value) || !value) {
        return NULL;
    }
    return qmp_client_quote(json_object_get_string(value));
}

char *follow_notes_detail(json_object *data, const char *const *names)
{
    g_autoptr(GString) text = g_string_new(NULL);
    bool has_any = false;

    for (; names && *names; names++) {
        g_autofree char *member = follow_notes_member(data, *names);

        has_any |= member != NULL;
        g_string_append_printf(text, "%s%s", text->len > 0 ? " " : "", member ? member : "?");
    }
    return has_any ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}
