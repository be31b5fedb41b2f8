/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qemu-net-daemon: netdevs, character devices and net filters in a process of their own. */

#include <stdlib.h>

#include "chardev/char.h"
#include "export/export.h"
#include "export/nic.h"
#include "monitor/monitor.h"
#include "net/client.h"
#include "net/run-state.h"
#include "qom/object.h"
#include "system/process.h"
#include "system/qtest.h"
#include "system/run-command.h"
#include "system/service.h"
#include "system/startup-internal.h"
#include "util/fd-activated.h"
#include "util/fd-store.h"
#include "util/log.h"
#include "util/spawner.h"
#include "util/trace.h"

/* Users before what they use: objects and netdevs hold chardevs, monitors sit on them. */
static void main_cleanup(void)
{
    service_stop();
    process_go_home();
    monitor_flush();
    object_delete_all();
    nic_cleanup();
    net_exports_cleanup();
    net_cleanup();
    qtest_stop();
    monitor_cleanup();
    spawner_finish();
    char_cleanup();
    run_state_cleanup();
    process_cleanup();
    spawner_cleanup();
    trace_cleanup();
    log_cleanup();
}

static void main_quit(void)
{
    vm_request_shutdown(SHUTDOWN_CAUSE_HOST_SIGNAL);
}

int main(int argc, char **argv)
{
    g_autoptr(Startup) startup = startup_new();
    int status = EXIT_FAILURE;
    int command_status;

    fd_store_note_inherited();
    fd_activated_note();
    log_init(argv[0]);
    log_catch_glib();
    process_init();
    char_set_quit_func(main_quit);
    if (startup_run(startup, argc, argv)) {
        status = startup->finished ? startup->status : EXIT_SUCCESS;
        if (!startup->finished) {
            vm_run();
        }
    } else if (process_is_signalled()) {
        status = EXIT_SUCCESS; /* the start ended because the process was asked to */
    }
    command_status = run_command_end();
    main_cleanup();
    return command_status >= 0 ? command_status : status;
}
