/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes what a VM says to its vm-follower: the client's side of QMP, and what follows from it. */

#include "fuzz.h"

#include <unistd.h>
#include <sys/socket.h>

#include "chardev/char.h"
#include "follow/vm.h"
#include "net/run-state.h"
#include "qapi/qapi-commands.h"
#include "qapi/qapi.h"
#include "qom/object.h"
#include "util/error.h"

/*
 *   input ──socketpair── chardev ── vm-follower
 *
 * The first byte says how long the pieces are in which the rest arrives. For each, there must
 * be an answer to query-vm-follower; and what is not known to run does not run.
 */

static void fuzz_run_loop(void)
{
    for (int i = 0; i < 100 && g_main_context_iteration(NULL, FALSE); i++) {
    }
}

static void fuzz_check(void)
{
    g_autoptr(VmFollowerInfoList) list = qmp_query_vm_follower(NULL);
    const VmFollowerInfo *info = &list->items[0];

    g_assert_cmpuint(list->len, ==, 1);
    g_assert_cmpint(info->run_state, ==, run_state_get());
    g_assert_true(!run_state_is_running() || info->has_vm_status);
    g_assert_cmpint(run_state_is_running(), ==, info->hold == VM_FOLLOWER_HOLD_NONE);
    g_assert_cmpuint(info->events->len, <=, 32);
    json_object_put(qapi_to_json(QAPI_TYPE(VmFollowerInfo), info));
}

/* The other end reads nothing: what is asked piles up in the socket at the most. */
static void fuzz_feed(int fd, const uint8_t *data, size_t len, size_t piece)
{
    for (size_t pos = 0; pos < len; pos += piece) {
        if (send(fd, data + pos, MIN(piece, len - pos), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
            break; /* it was garbage: the follower has hung up */
        }
        fuzz_run_loop();
        fuzz_check();
    }
}

static void fuzz_follow(const char *chardev, GError **error)
{
    VmFollowerProperties props = { .chardev = (char *)chardev, .exit_timeout = 10000 };
    ObjectOptions options = {
        .id = (char *)"vm0",
        .qom_type = OBJECT_TYPE_VM_FOLLOWER,
        .u.vm_follower = props,
    };

    object_add(&options, error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    size_t piece = fuzz_take_byte(&data, &len) * 4u + 1u;
    g_autofree char *chardev = NULL;
    g_autoptr(GError) error = NULL;
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    chardev = g_strdup_printf("socket,id=qmp0,fd=%d", fds[1]);
    g_assert_nonnull(char_new_from_opts(chardev, &error));
    fuzz_follow("qmp0", &error);
    g_assert_no_error(error);
    fuzz_run_loop();
    fuzz_feed(fds[0], data, len, piece);
    close(fds[0]);
    fuzz_run_loop();
    fuzz_check();
    object_delete_all();
    char_cleanup();
    return 0;
}
