/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that need what takes time are answered when it is known; others go on meanwhile. */

#include "util/command-wait.h"

#include <glib.h>

struct CommandWait {
    CommandWaitFunc *func;
    void *opaque;
    GPtrArray *needs;       /* owned CommandNeed * */
    guint n_under_way;
    guint n_afterwards;     /* of those under way */
};

static CommandWait *current; /* borrowed: of the command that runs; NULL = none runs */

static void command_need_free(void *opaque)
{
    CommandNeed *need = opaque;

    need->class->free(need);
}

bool command_wait_is_on(void)
{
    return current != NULL;
}

CommandNeed *command_wait_find(const CommandNeedClass *class, const void *key)
{
    for (guint i = 0; i < current->needs->len; i++) {
        CommandNeed *need = g_ptr_array_index(current->needs, i);

        if (need->class == class && class->matches && class->matches(need, key)) {
            return need;
        }
    }
    return NULL;
}

void command_wait_add(CommandNeed *need, const CommandNeedClass *class)
{
    need->class = class;
    need->wait = current;
    current->n_under_way++;
    current->n_afterwards += class->is_afterwards;
    g_ptr_array_add(current->needs, need);
}

void command_need_met(CommandNeed *need)
{
    CommandWait *wait = need->wait;

    g_assert(!need->is_met);
    need->is_met = true;
    wait->n_under_way--;
    wait->n_afterwards -= need->class->is_afterwards;
    if (wait->n_under_way == 0 && wait != current) {
        wait->func(wait->opaque);
    }
}

CommandWait *command_wait_new(CommandWaitFunc *func, void *opaque)
{
    CommandWait *wait = g_new0(CommandWait, 1);

    wait->func = func;
    wait->opaque = opaque;
    wait->needs = g_ptr_array_new_with_free_func(command_need_free);
    return wait;
}

void command_wait_enter(CommandWait *wait)
{
    g_assert(!current);
    current = wait;
}

CommandOutcome command_wait_leave(CommandWait *wait)
{
    g_assert(current == wait);
    current = NULL;
    if (wait->n_under_way == 0) {
        return COMMAND_OUTCOME_ANSWER;
    }
    return wait->n_under_way == wait->n_afterwards ? COMMAND_OUTCOME_KEEP
                                                   : COMMAND_OUTCOME_RUN_AGAIN;
}

void command_wait_free(CommandWait *wait)
{
    if (wait) {
        g_ptr_array_unref(wait->needs);
        g_free(wait);
    }
}
