/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables of what a VM does and what follows from it, for the tests of follow/. */

#include "follow-lines.h"

#include <string.h>
#include <glib.h>

#include "qapi/qapi.h"

static void follow_lines_apply(FollowState *state, const char *what)
{
    g_auto(GStrv) words = g_strsplit(what, " ", 2);

    if (strcmp(words[0], "connect") == 0) {
        follow_state_connected(state);
    } else if (strcmp(words[0], "lost") == 0) {
        follow_state_lost(state);
    } else if (strcmp(words[0], "give-up") == 0) {
        follow_state_give_up(state);
    } else if (strcmp(words[0], "?") == 0) {
        follow_state_status(state, words[1], false);
    } else if (strcmp(words[0], "!") == 0) {
        follow_state_status(state, words[1], true);
    } else if (strcmp(words[0], "m") == 0) {
        follow_state_migration(state, words[1]);
    } else if (strcmp(words[0], "colo") == 0) {
        follow_colo_told(&state->colo, words[1]);
    } else {
        follow_state_event(state, words[0], words[1]);
    }
}

static char *follow_lines_flags(const FollowState *state)
{
    unsigned acts = state->colo.acts;

    return g_strdup_printf("%s%s%s%s%s%s%s", state->vm == FOLLOW_VM_KNOWN ? "k" : "",
                           state->role == FOLLOW_ROLE_SOURCE ? "a" : "",
                           state->vm == FOLLOW_VM_ENDED ? "e" : "",
                           state->vm == FOLLOW_VM_GIVEN_UP ? "g" : "",
                           acts & FOLLOW_COLO_CHECKPOINT ? "C" : "",
                           acts & FOLLOW_COLO_FAILOVER ? "F" : "",
                           acts & FOLLOW_COLO_TELL_EXIT ? "X" : "");
}

static void follow_lines_run(const void *data)
{
    const FollowLine *line = data;
    FollowState state;

    follow_state_init(&state, RUN_STATE_PRELAUNCH);
    do {
        g_autofree char *flags = NULL;

        follow_lines_apply(&state, line->what);
        flags = follow_lines_flags(&state);
        state.colo.acts = 0;
        g_test_message("%s: %s %s", line->what,
                       qapi_enum_name(QAPI_TYPE(RunState), (int)state.run_state), flags);
        g_assert_cmpint(state.run_state, ==, line->run_state);
        g_assert_cmpstr(flags, ==, line->flags);
        line++;
    } while (line->what && !line->begin);
}

void follow_lines_add(const char *folder, const FollowLine *lines, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (lines[i].begin) {
            g_autofree char *path = g_strconcat(folder, "/", lines[i].begin, NULL);

            g_test_add_data_func(path, &lines[i], follow_lines_run);
        }
    }
}
