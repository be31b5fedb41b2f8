/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counts what the VM's NICs take in, to know which frames its stop for a migration cost. */

/*
 * A migration that fails may cost the VM a frame: QEMU throws away a frame that it read in the
 * moment in which it stopped. That moment cannot be seen from outside. But a virtio NIC counts, in
 * its ring, the frames that it took, and QEMU reports the count on request. So during a migration
 * the follower compares two numbers now and then: the frames that an export has handed over, and
 * those that the NIC has taken. When the VM runs again without having gone elsewhere, the frames
 * that are missing since the last comparison were lost at the stop, and the export hands them over
 * again.
 *
 * The numbers can be compared only while no frame is under way between export and NIC. So the
 * export hands over no frame until the reply is there, mostly for a fraction of a millisecond.
 *
 * QEMU goes on reading for a moment after the frames that it throws away, and those later frames
 * reach the guest. So it matters which frames are missing, too. Frames keep their order: the
 * missing ones are those behind the frames that the NIC had taken when the VM was stopped, if the
 * VM answers while it is stopped.
 *
 * A NIC does not count frames that it filters out, and counts a frame that needs several buffers
 * of the guest more than once. So the numbers may no longer match. The follower then keeps the old
 * comparison once, as a stop that is about to be reported may be the cause.
 *
 * The commands begin with "x-": QEMU may change them. Without them, and with other NICs, nothing is
 * counted, and nothing is handed over again.
 */

#include "follow/nics.h"

#include <string.h>

#include "export/export.h"
#include "util/clock.h"
#include "util/trace.h"

TRACE_POINT(vm_nics_base);
TRACE_POINT(vm_nics_judged);

#define VM_NICS_MS_NS INT64_C(1000000)

/* From one comparison to the next, and from one that failed to the first. */
#define VM_NICS_PERIOD_NS (100 * VM_NICS_MS_NS)
#define VM_NICS_RETRY_NS  (10 * VM_NICS_MS_NS)

/* Looking again whether all has been read, or taken in. */
#define VM_NICS_PAUSE_NS  VM_NICS_MS_NS
#define VM_NICS_LOOKS_MAX 5u
/* A frame that waits for buffers of the guest must not be taken for a lost one. */
#define VM_NICS_JUDGE_LOOKS_MAX 30u

/* How long frames are held back for a reply. QEMU may be about to stop, and gives none. */
#define VM_NICS_REPLY_NS       (20 * VM_NICS_MS_NS)
#define VM_NICS_JUDGE_REPLY_NS (200 * VM_NICS_MS_NS)

/* The queue of a virtio-net that receives, where there are not several. */
#define VM_NICS_QUEUE 0

/** What the counters are asked for. */
typedef enum VmNicsAim {
    VM_NICS_COMPARE, /* while the VM runs: nothing is missing so far */
    VM_NICS_AT_STOP, /* what had been taken when it stopped */
    VM_NICS_JUDGE,   /* it runs again: the missing frames */
} VmNicsAim;

/** An export and the NIC behind it. */
typedef struct VmNic {
    char *export; /* owned: id */
    char *path;   /* owned: of the virtio device in the VM's QEMU */
    bool is_due;  /* to be counted */
    bool holds;   /* the export holds back frames */
    unsigned n_looks;
    bool has_base;
    NetExportTally base; /* what had been handed over when the NIC had taken @base_taken: */
    uint16_t base_taken; /* its counter has 16 bits */
    bool is_odd;  /* the last numbers did not fit the base */
    bool has_stop;
    uint16_t stop_taken; /* when the VM was stopped */
} VmNic;

struct VmNics {
    QmpClient *client;    /* borrowed */
    VmNicsComplainFunc *complain;
    void *opaque;         /* of @complain */
    GPtrArray *list;      /* owned VmNic * */
    bool armed;
    bool running;         /* as far as the exports know */
    VmNicsAim aim;
    bool is_listing;      /* a reply is due, */
    VmNic *asked;         /* borrowed: this one's counter; NULL = none, */
    bool is_asking;       /* or of one that does not matter any more */
    NetExportTally tally; /* when that was asked */
    Timer *timer;         /* owned */
};

static void vm_nic_free(void *opaque)
{
    VmNic *nic = opaque;

    g_free(nic->export);
    g_free(nic->path);
    g_free(nic);
}

static void vm_nics_wait(VmNics *nics, int64_t ns)
{
    timer_start_at(nics->timer, clock_now_ns(CLOCK_TYPE_REALTIME) + ns);
}

/* --- One NIC ----------------------------------------------------------------------------- */

static void vm_nic_begin(VmNic *nic, VmNicsAim aim)
{
    nic->is_due = true;
    nic->n_looks = 0;
    if (aim != VM_NICS_AT_STOP) {
        nic->holds = true;
        net_export_hold_back(nic->export);
    }
}

/* @loss: NULL = not known */
static void vm_nic_end(VmNic *nic, const NetExportLoss *loss)
{
    nic->is_due = false;
    if (nic->holds) {
        nic->holds = false;
        net_export_go_on(nic->export, loss);
    }
}

/* How many of the frames handed over since the base the NIC has not taken; < 0: it took more. */
static int16_t vm_nic_missing(const VmNic *nic, const NetExportTally *tally, uint16_t taken)
{
    return (uint16_t)(tally->n_frames - nic->base.n_frames) - (uint16_t)(taken - nic->base_taken);
}

static bool vm_nic_can_compare(const VmNic *nic, const NetExportTally *tally)
{
    return nic->has_base && nic->base.connection == tally->connection;
}

static void vm_nic_compare(VmNic *nic, const NetExportTally *tally, uint16_t taken)
{
    bool fits = !vm_nic_can_compare(nic, tally) || vm_nic_missing(nic, tally, taken) == 0;

    if (fits || nic->is_odd) {
        nic->base = *tally;
        nic->base_taken = taken;
        nic->has_base = true;
        nic->has_stop = false;
        TRACE(vm_nics_base, "export '%s': %" PRIu64 " frames, NIC %u", nic->export,
              tally->n_frames, taken);
    }
    nic->is_odd = !fits;
    vm_nic_end(nic, NULL);
}

/* Returns: whether that is the result; else it is to be looked at again. */
static bool vm_nic_judge(VmNic *nic, const NetExportTally *tally, uint16_t taken)
{
    bool is_known = vm_nic_can_compare(nic, tally) && !nic->is_odd;
    int16_t n_missing = vm_nic_missing(nic, tally, taken);
    NetExportLoss loss = { .n_frames = MAX(n_missing, 0) };

    if (is_known && n_missing > 0 && nic->n_looks < VM_NICS_JUDGE_LOOKS_MAX) {
        return false;
    }
    if (nic->has_stop) {
        loss.is_place_known = true;
        loss.n_before = nic->base.n_frames + (uint16_t)(nic->stop_taken - nic->base_taken);
    }
    TRACE(vm_nics_judged, "export '%s': %s, %d frames missing behind %" PRIu64 " of %" PRIu64,
          nic->export, is_known ? "known" : "not known", n_missing, loss.n_before,
          tally->n_frames);
    vm_nic_end(nic, is_known && n_missing >= 0 ? &loss : NULL);
    nic->has_base = false;
    nic->is_odd = false;
    return true;
}

/* --- Counting ---------------------------------------------------------------------------- */

static void vm_nics_step(VmNics *nics);

/* What of @result says how many frames the NIC has taken. */
static bool vm_nics_parse_count(json_object *result, uint16_t *taken)
{
    json_object *value = NULL;

    if (!json_object_is_type(result, json_type_object) ||
        !json_object_object_get_ex(result, "used-idx", &value) ||
        !json_object_is_type(value, json_type_int)) {
        return false;
    }
    *taken = json_object_get_int64(value);
    return true;
}

/* Returns: whether @nic is done; else it is to be asked again. */
static bool vm_nics_take_count(VmNics *nics, VmNic *nic, uint16_t taken)
{
    switch (nics->aim) {
    case VM_NICS_COMPARE:
        vm_nic_compare(nic, &nics->tally, taken);
        return true;
    case VM_NICS_AT_STOP:
        nic->has_stop = true;
        nic->stop_taken = taken;
        nic->is_due = false;
        return true;
    case VM_NICS_JUDGE:
        return vm_nic_judge(nic, &nics->tally, taken);
    }
    g_assert_not_reached();
}

static void vm_nics_counted(json_object *result, void *opaque)
{
    VmNics *nics = opaque;
    VmNic *nic = nics->asked;
    uint16_t taken;

    nics->is_asking = false;
    nics->asked = NULL;
    if (nic && !vm_nics_parse_count(result, &taken)) {
        nic->has_base = false;
        vm_nic_end(nic, NULL);
    } else if (nic && !vm_nics_take_count(nics, nic, taken)) {
        vm_nics_wait(nics, VM_NICS_PAUSE_NS);
        return;
    }
    vm_nics_step(nics);
}

static bool vm_nics_ask(VmNics *nics, VmNic *nic)
{
    json_object *arguments = json_object_new_object();

    json_object_object_add(arguments, "path", json_object_new_string(nic->path));
    json_object_object_add(arguments, "queue", json_object_new_int(VM_NICS_QUEUE));
    nics->is_asking = qmp_client_try(nics->client, "x-query-virtio-queue-status", arguments,
                                     vm_nics_counted, nics);
    nics->asked = nics->is_asking ? nic : NULL;
    return nics->is_asking;
}

/* Whether @nic can be asked now; if not, whether it is worth while to look again. */
static bool vm_nics_can_ask(VmNics *nics, VmNic *nic, bool *later)
{
    unsigned looks_max = nics->aim == VM_NICS_JUDGE ? VM_NICS_JUDGE_LOOKS_MAX : VM_NICS_LOOKS_MAX;
    bool is_seen = net_export_tally(nic->export, &nics->tally);

    nic->n_looks++;
    *later = is_seen && !nics->tally.is_read && nic->n_looks <= looks_max;
    return is_seen && (nics->tally.is_read || nics->aim == VM_NICS_AT_STOP);
}

/* Returns: whether there is something to wait for. */
static bool vm_nics_look_at(VmNics *nics, VmNic *nic)
{
    bool later;

    if (vm_nics_can_ask(nics, nic, &later) && vm_nics_ask(nics, nic)) {
        if (nics->aim != VM_NICS_AT_STOP) {
            vm_nics_wait(nics, nics->aim == VM_NICS_JUDGE ? VM_NICS_JUDGE_REPLY_NS
                                                          : VM_NICS_REPLY_NS);
        }
        return true;
    }
    if (later) {
        vm_nics_wait(nics, VM_NICS_PAUSE_NS);
        return true;
    }
    vm_nic_end(nic, NULL);
    return false;
}

static bool vm_nics_all_compared(const VmNics *nics)
{
    for (guint i = 0; i < nics->list->len; i++) {
        if (!((VmNic *)nics->list->pdata[i])->has_base) {
            return false;
        }
    }
    return true;
}

/* All have been counted. */
static void vm_nics_finish(VmNics *nics)
{
    if (!nics->running) {
        return;
    }
    nics->aim = VM_NICS_COMPARE;
    if (nics->armed) {
        vm_nics_wait(nics, vm_nics_all_compared(nics) ? VM_NICS_PERIOD_NS : VM_NICS_RETRY_NS);
        return;
    }
    timer_stop(nics->timer);
    g_ptr_array_set_size(nics->list, 0);
}

/* Goes on with the next NIC that is due. */
static void vm_nics_step(VmNics *nics)
{
    if (nics->is_asking) {
        return;
    }
    for (guint i = 0; i < nics->list->len; i++) {
        VmNic *nic = nics->list->pdata[i];

        if (nic->is_due && vm_nics_look_at(nics, nic)) {
            return;
        }
    }
    vm_nics_finish(nics);
}

/* Ends what is under way: nothing is held back afterwards. */
static void vm_nics_abandon(VmNics *nics)
{
    nics->asked = NULL;
    timer_stop(nics->timer);
    for (guint i = 0; i < nics->list->len; i++) {
        vm_nic_end(nics->list->pdata[i], NULL);
    }
}

static bool vm_nics_any_due(const VmNics *nics)
{
    for (guint i = 0; i < nics->list->len; i++) {
        if (((VmNic *)nics->list->pdata[i])->is_due) {
            return true;
        }
    }
    return false;
}

/* NICs that were never compared can only be compared. Returns: whether any is to be asked. */
static bool vm_nics_begin(VmNics *nics, VmNicsAim aim)
{
    bool any = false;

    nics->aim = aim;
    for (guint i = 0; i < nics->list->len; i++) {
        VmNic *nic = nics->list->pdata[i];

        if (aim == VM_NICS_COMPARE || nic->has_base) {
            vm_nic_begin(nic, aim);
            any = true;
        }
    }
    return any;
}

static void vm_nics_timeout(void *opaque)
{
    VmNics *nics = opaque;

    if (nics->is_asking) {
        vm_nics_abandon(nics);
        vm_nics_finish(nics);
        return;
    }
    if (!vm_nics_any_due(nics)) {
        vm_nics_begin(nics, VM_NICS_COMPARE);
    }
    vm_nics_step(nics);
}

/* --- Which NICs there are ---------------------------------------------------------------- */

/* What vm_nics_pair() needs. */
typedef struct VmNicsPairing {
    VmNics *nics;
    GPtrArray *paths; /* borrowed strings */
    unsigned n_exports;
} VmNicsPairing;

/* The path of the VM's NIC @device, borrowed; NULL = it has none, or it is no virtio-net. */
static const char *vm_nics_find_path(const GPtrArray *paths, const char *device)
{
    g_autofree char *start = g_strdup_printf("/machine/peripheral/%s/", device);

    for (guint i = 0; i < paths->len; i++) {
        if (g_str_has_prefix(paths->pdata[i], start)) {
            return paths->pdata[i];
        }
    }
    return NULL;
}

static void vm_nics_count_export(const char *id, const char *device, void *opaque)
{
    ((VmNicsPairing *)opaque)->n_exports++;
}

static void vm_nics_add(VmNics *nics, const char *id, const char *path)
{
    NetExportTally tally;

    if (net_export_tally(id, &tally)) {
        VmNic *nic = g_new0(VmNic, 1);

        nic->export = g_strdup(id);
        nic->path = g_strdup(path);
        g_ptr_array_add(nics->list, nic);
    }
}

static void vm_nics_complain(VmNics *nics, const char *id, const char *device)
{
    g_autofree char *message = g_strdup_printf("export '%s': the VM has no virtio-net '%s'", id,
                                               device);

    nics->complain(message, nics->opaque);
}

static void vm_nics_pair(const char *id, const char *device, void *opaque)
{
    VmNicsPairing *pairing = opaque;
    bool is_single = pairing->n_exports == 1 && pairing->paths->len == 1;
    const char *path = device ? vm_nics_find_path(pairing->paths, device)
                              : is_single ? pairing->paths->pdata[0] : NULL;

    if (path) {
        vm_nics_add(pairing->nics, id, path);
    } else if (device) {
        vm_nics_complain(pairing->nics, id, device);
    }
}

/* The paths of virtio-net devices in @result, borrowed from it. */
static GPtrArray *vm_nics_parse_list(json_object *result)
{
    GPtrArray *paths = g_ptr_array_new();
    size_t n = json_object_is_type(result, json_type_array) ? json_object_array_length(result) : 0;

    for (size_t i = 0; i < n; i++) {
        json_object *entry = json_object_array_get_idx(result, i), *name = NULL, *path = NULL;

        if (json_object_is_type(entry, json_type_object) &&
            json_object_object_get_ex(entry, "name", &name) &&
            json_object_object_get_ex(entry, "path", &path) &&
            g_strcmp0(json_object_get_string(name), "virtio-net") == 0 &&
            json_object_is_type(path, json_type_string)) {
            g_ptr_array_add(paths, (char *)json_object_get_string(path));
        }
    }
    return paths;
}

static void vm_nics_listed(json_object *result, void *opaque)
{
    VmNics *nics = opaque;
    g_autoptr(GPtrArray) paths = vm_nics_parse_list(result);
    VmNicsPairing pairing = { .nics = nics, .paths = paths };

    nics->is_listing = false;
    vm_nics_abandon(nics);
    g_ptr_array_set_size(nics->list, 0);
    net_exports_foreach_flow(vm_nics_count_export, &pairing);
    net_exports_foreach_flow(vm_nics_pair, &pairing);
    if (nics->armed && nics->running && nics->list->len > 0) {
        vm_nics_wait(nics, 0);
    }
}

static void vm_nics_see_export(const char *id, const char *device, void *opaque)
{
    NetExportTally tally;

    *(bool *)opaque |= net_export_tally(id, &tally);
}

/* --- What the VM does -------------------------------------------------------------------- */

void vm_nics_set_armed(VmNics *nics, bool armed)
{
    bool can_count = false;

    nics->armed = armed;
    net_exports_foreach_flow(vm_nics_see_export, &can_count);
    if (!armed && nics->running && nics->aim == VM_NICS_COMPARE) {
        vm_nics_abandon(nics);
        g_ptr_array_set_size(nics->list, 0);
    } else if (armed && can_count && !nics->is_listing) {
        nics->is_listing = qmp_client_try(nics->client, "x-query-virtio", NULL, vm_nics_listed,
                                          nics);
    }
}

void vm_nics_will_run(VmNics *nics)
{
    if (nics->running) {
        return;
    }
    vm_nics_abandon(nics);
    nics->running = true;
    if (vm_nics_begin(nics, VM_NICS_JUDGE)) {
        vm_nics_wait(nics, nics->is_asking ? VM_NICS_JUDGE_REPLY_NS : 0);
    } else {
        vm_nics_finish(nics);
    }
}

void vm_nics_stopped(VmNics *nics)
{
    if (!nics->running) {
        return;
    }
    vm_nics_abandon(nics);
    nics->running = false;
    if (vm_nics_begin(nics, VM_NICS_AT_STOP)) {
        vm_nics_step(nics);
    }
}

void vm_nics_forget(VmNics *nics)
{
    vm_nics_abandon(nics);
    g_ptr_array_set_size(nics->list, 0);
    nics->is_listing = nics->is_asking = false;
    nics->aim = VM_NICS_COMPARE;
}

bool vm_nics_agree(const VmNics *nics, const char *export)
{
    for (guint i = 0; i < nics->list->len; i++) {
        const VmNic *nic = nics->list->pdata[i];
        NetExportTally tally;

        if (strcmp(nic->export, export) == 0) {
            return net_export_tally(export, &tally) && vm_nic_can_compare(nic, &tally) &&
                   !nic->is_odd;
        }
    }
    return false;
}

VmFollowerNicList *vm_nics_info(const VmNics *nics)
{
    VmFollowerNicList *list = g_new0(VmFollowerNicList, 1);

    list->items = g_new0(VmFollowerNic, nics->list->len);
    for (guint i = 0; i < nics->list->len; i++) {
        const VmNic *nic = nics->list->pdata[i];

        list->items[list->len++] = (VmFollowerNic) {
            .export = g_strdup(nic->export),
            .path = g_strdup(nic->path),
            .compared = nic->has_base,
        };
    }
    return list;
}

VmNics *vm_nics_new(QmpClient *client, VmNicsComplainFunc *complain, void *opaque)
{
    VmNics *nics = g_new0(VmNics, 1);

    nics->client = client;
    nics->complain = complain;
    nics->opaque = opaque;
    nics->list = g_ptr_array_new_with_free_func(vm_nic_free);
    nics->timer = timer_new(CLOCK_TYPE_REALTIME, vm_nics_timeout, nics);
    return nics;
}

void vm_nics_free(VmNics *nics)
{
    if (!nics) {
        return;
    }
    vm_nics_abandon(nics);
    timer_free(nics->timer);
    g_ptr_array_unref(nics->list);
    g_free(nics);
}
