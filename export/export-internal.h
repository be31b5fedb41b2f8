/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of exports share. */

#ifndef EXPORT_INTERNAL_H
#define EXPORT_INTERNAL_H

#include "export/export.h"
#include "net/client.h"
#include "net/hold.h"
#include "util/clock.h"

typedef struct NetExport NetExport;

/** Frames remembered where it cannot be seen what the guest's QEMU has read. */
#define EXPORT_HISTORY_MAX NET_BATCH_MAX

/** When to hand over frames, and which are in flight: export-flow.c, export-in-flight.c. */
typedef struct NetExportFlow {
    bool on;             /* hand over with care */
    bool knows_socket;   /* the next member is right */
    bool sees_reading;   /* of the socket: unread bytes can be seen */
    bool waits;          /* for the guest's QEMU to read */
    bool is_held_back;   /* nothing is handed over: see net_export_hold_back() */
    bool marked;         /* the VM stops, or has: @history is what was in flight */
    bool is_unjudged;    /* the VM runs again, and its loss is not known yet */
    Timer *look;         /* owned: looks again whether it has read; NULL until needed */
    int64_t pause_ns;    /* how long @look waits next time */
    NetHold history;     /* copies of frames handed over, oldest first */
    int64_t marks[EXPORT_HISTORY_MAX]; /* when they were: a ring that ends at @next */
    int64_t n_rounds;    /* handovers so far */
    int64_t last_read;   /* number of the last one that had been read at the stop */
    int64_t sent_ns;     /* when the last one was, on the realtime clock */
    uint64_t n_handed_over; /* frames, so far */
    uint64_t n_begun;    /* how often @on became true */
    size_t burst;        /* frames of the next one */
    size_t n_quick;       /* how long QEMU has been quick while frames pile up */
    unsigned next;
} NetExportFlow;

/** Hooks of one type of export; constant. */
typedef struct NetExportClass {
    NetExportType type;
    bool always_reads;    /* what it cannot hold of the guest's frames it drops */
    bool is_exact;        /* what it hands over the guest has got: nothing is ever in flight */
    /** Create from @opts (of this type). Returns: NULL with @error set. */
    NetExport *(*create)(const NetExportOptions *opts, GError **error);
    /** Put frames into the socket, from the front; fewer than @n = no room. */
    size_t (*send)(NetExport *exp, const NetFrame *frames, size_t n);
    /** Whether all frames taken by @send are in the socket. */
    bool (*is_idle)(const NetExport *exp);
    /** Deliver what the guest has sent, up to about @limit bytes. */
    void (*drain)(NetExport *exp, uint64_t limit);
    /** The VM runs or is stopped. */
    void (*run_state_changed)(NetExport *exp, bool running);
    /** The socket in use; -1 = none. */
    int (*socket)(const NetExport *exp);
    /** Where the guest's QEMU is to connect or send to, or is connected to; NULL = given. Owned. */
    char *(*address)(const NetExport *exp);
    /** Why the last attempt to connect failed; NULL = it did not. Borrowed. */
    const char *(*error)(const NetExport *exp);
    /** Whether a guest's QEMU is connected; NULL = it is if the client is. */
    bool (*is_attached)(const NetExport *exp);
    /** Set the member of the type's own; may be NULL. */
    void (*fill_info)(const NetExport *exp, NetExportInfo *info);
} NetExportClass;

/** The first member of every export's instance. */
struct NetExport {
    NetClient nc;
    const NetExportClass *class;
    char *netdev;         /* owned: id of the netdev, which may be gone */
    char *device;         /* owned: id of the VM's NIC; NULL = not given */
    NetExportGate gate;
    bool one_shot;
    bool tries;           /* frames are handed over to learn whether the guest is there */
    bool enable_when_stopped;
    uint64_t n_connections;
    char *peer;           /* owned: address of the guest's QEMU; NULL = not connected, or none */
    Timer *end;           /* owned; NULL unless the export is about to be deleted */
    NetExportFlow flow;
};

void net_export_class_register(const NetExportClass *class);

/** net_export_new: for the create hook; @info: its hooks are the functions below. */
NetExport *net_export_new(const NetClientInfo *info, const NetExportClass *class,
                          const NetExportOptions *opts);

/** The hooks of an export as a client. net_export_cleanup() comes behind the type's own. */
size_t net_export_receive(NetClient *nc, const NetFrame *frames, size_t n);
void net_export_in_flight(const NetClient *nc, NetBatch *batch);
void net_export_in_flight_taken(NetClient *nc);
char *net_export_describe(const NetClient *nc);
void net_export_cleanup(NetClient *nc);

/** net_export_connected, _disconnected: the guest came or went; @addr: borrowed, may be NULL. */
void net_export_connected(NetExport *exp, const SocketAddress *addr);
void net_export_disconnected(NetExport *exp);

/** net_export_is_attached: whether a guest's QEMU is connected, running or not. */
bool net_export_is_attached(const NetExport *exp);

/** net_export_guest_runs: of exports that see their guest run, one more, or one less, does. */
void net_export_guest_runs(bool runs);

/** net_export_forget_guest: a running guest is not seen any more; it may still run. */
void net_export_forget_guest(void);

/** net_export_check_gate: whether an export of @class may have that. False with @error set. */
bool net_export_check_gate(const NetExportClass *class, NetExportGate gate, GError **error);

/** net_export_uri: "udp:HOST:PORT" with datagrams, else as socket_address_uri(). Owned. */
char *net_export_uri(const NetExport *exp, const SocketAddress *addr);

/** How an export gets its connections. */
typedef struct NetExportRole {
    bool server;
    int64_t reconnect_ms; /* of a client; 0 = never */
    int fd;               /* owned: the descriptor of an address of kind fd; -1 = none */
} NetExportRole;

/**
 * net_export_find_role: by the options, and by the socket that the address may name
 * @role: (out) on success
 * @server, @reconnect_ms: NULL = not given
 *
 * Returns: false with @error set: they do not go together.
 */
bool net_export_find_role(NetExportRole *role, const SocketAddress *addr, const bool *server,
                          const uint32_t *reconnect_ms, GError **error);

/** net_export_foreach: in order of creation. */
void net_export_foreach(void (*func)(NetExport *exp, void *opaque), void *opaque);

NetExport *net_export_find(const char *id);

/** net_export_inexact: whether a stop may cost frames; @why: (out) if so. */
bool net_export_inexact(const NetExport *exp, NetExportInexact *why);

/** net_export_wait: the reason for which frames toward the guest wait. */
NetExportWait net_export_wait(const NetExport *exp);

/** net_export_unread: Returns: whether @bytes was set: see NetExportInfo. */
bool net_export_unread(const NetExport *exp, uint64_t *bytes);

/**
 * net_export_update: after a change of gate, enable_when_stopped or the states that they depend
 * on.
 */
void net_export_update(NetExport *exp);

/* --- export-flow.c ----------------------------------------------------------------------- */

/** export_flow_send: @class->send, one frame at a time while flow control is on. */
size_t export_flow_send(NetExport *exp, const NetFrame *frames, size_t n);

/** export_flow_set: it is to be on, or off, and is not. */
void export_flow_set(NetExport *exp, bool on);

/** export_flow_opened: there is another guest; forget the frames of the one before. */
void export_flow_opened(NetExport *exp);

/** export_flow_stop: the VM is about to stop. */
void export_flow_stop(NetExport *exp);

/** export_flow_expect_stop: see net_exports_expect_stop(). */
void export_flow_expect_stop(bool expected);

/** export_flow_tally, _go_on: see net_export_tally(), net_export_go_on(). */
bool export_flow_tally(NetExport *exp, NetExportTally *tally);
void export_flow_go_on(NetExport *exp, const NetExportLoss *loss);

void export_flow_clear(NetExport *exp);

/* --- export-in-flight.c ------------------------------------------------------------------ */

/** export_in_flight_remember: frames were handed over together. */
void export_in_flight_remember(NetExport *exp, const NetFrame *frames, size_t n);

/** export_in_flight_forget: no frame is in flight. */
void export_in_flight_forget(NetExport *exp);

/** export_in_flight_mark: the VM is about to stop; @has_read: QEMU was seen to have read all. */
void export_in_flight_mark(NetExport *exp, bool has_read);

/** export_in_flight_unmark: the VM runs again. */
void export_in_flight_unmark(NetExport *exp);

/** export_in_flight_judge: give again what the VM lost at its stop: see net_export_go_on(). */
void export_in_flight_judge(NetExport *exp, const NetExportLoss *loss);

#endif
