/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reports to the service manager (systemd): readiness, state, and that the loop still turns. */

#ifndef SYSTEM_SERVICE_H
#define SYSTEM_SERVICE_H

/**
 * service_open: find the service manager, before a chroot hides its socket; no-op if there is none
 *
 * A socket that cannot be used is told in a warning: the manager will then wait in vain.
 */
void service_open(void);

/**
 * service_start: begin to talk to the service manager; no-op if none started the process
 *
 * Once, when everything that the command line names listens (sd_notify(3): READY, STATUS,
 * WATCHDOG). From then on the manager learns each change of the run state and of the number of
 * held frames within SERVICE_STATUS_MS, and hears the watchdog twice in its time.
 */
void service_start(void);

/** The longest time for which the reported status may be out of date, in ms. */
#define SERVICE_STATUS_MS 1000

/** service_stop: report that the process is about to end. */
void service_stop(void);

#endif
