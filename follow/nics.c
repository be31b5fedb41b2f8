/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counts what the VM's NICs take in, to know which frames a stop of it cost. */

/*
 * A VM that stops may cost a frame: QEMU throws away a frame that it has read and that its NIC has
 * not taken, since it had no buffer for it or since the VM stopped in just that moment. That cannot
 * be seen from outside. But a virtio NIC counts, in its ring, the frames that it took, and QEMU
 * reports the count on request. So while exports gate, the follower compares two numbers now and
 * then: the frames that an export has handed over, and those that the NIC has taken. When the VM
 * runs again without having gone elsewhere, the frames that are missing since the last comparison
 * were lost at the stop, and the export hands them over again.
 *
 * The numbers can be compared only while no frame is under way between export and NIC. So the
 * export hands over no frame until the reply is there, mostly for a fraction of a millisecond.
 * A frame may also wait in QEMU for buffers of the guest. The same reply tells whether the NIC has
 * any: if it has, no frame waits for one, and what is missing does not come any more.
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
#define VM_NICS_RETRIES   20u

/* From one list of the VM's NICs to the next, while one is missing and no event tells of it. */
#define VM_NICS_LIST_NS (1000 * VM_NICS_MS_NS)

/* Looking again whether all has been read. */
#define VM_NICS_PAUSE_NS  VM_NICS_MS_NS
#define VM_NICS_LOOKS_MAX 5u
/* How long a frame may wait for buffers, where QEMU does not tell whether there are any. */
#define VM_NICS_JUDGE_LOOKS_MAX 30u
/* And where it does, and as long as it does not read: ten seconds, in longer pauses. */
#define VM_NICS_LATE_LOOKS_MAX 500u
#define VM_NICS_LONG_PAUSE_NS (20 * VM_NICS_MS_NS)

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

/** What QEMU tells of a NIC's receive queue. */
typedef struct VmNicCount {
    uint16_t taken;   /* frames so far */
    bool is_told;     /* the next member is right */
    bool has_buffers; /* the guest has given it some that QEMU has seen: no frame waits for one */
} VmNicCount;

/** An export and the NIC behind it. */
typedef struct VmNic {
    char *export; /* owned: id */
    char *path;   /* owned: of the virtio device in the VM's QEMU */
    bool is_due;  /* to be counted */
    bool holds;   /* the export holds back frames */
    unsigned n_looks;
    unsigned n_retries; /* comparisons that failed, since the last that did not */
    bool is_refused;    /* the VM does not know it any more */
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
    bool armed;           /* a migration may stop the VM */
    bool running;         /* as far as the exports know */
    VmNicsAim aim;
    bool is_listing;      /* a reply is due, */
    VmNic *asked;         /* borrowed: this one's counter; NULL = none, */
    bool is_asking;       /* or of one that does not matter any more */
    NetExportTally tally; /* when that was asked */
    guint turn;           /* place in @list of the one that is looked at first */
    Timer *timer;         /* owned: counts */
    Timer *list_timer;    /* owned: finds out which NICs are to be counted */
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
    return nic->has_base && nic->base.epoch == tally->epoch;
}

/* Frames may wait in QEMU for buffers of the guest. */
static bool vm_nic_may_wait(const VmNicCount *count)
{
    return count->is_told && !count->has_buffers;
}

/* Returns: whether the numbers match those of the base, or are what frames that wait explain. */
static bool vm_nic_fits(const VmNic *nic, const NetExportTally *tally, const VmNicCount *count)
{
    int16_t n_missing = vm_nic_missing(nic, tally, count->taken);

    return n_missing == 0 || (n_missing > 0 && vm_nic_may_wait(count));
}

static void vm_nic_set_base(VmNic *nic, const NetExportTally *tally, const VmNicCount *count)
{
    nic->base = *tally;
    nic->base_taken = count->taken;
    nic->has_base = true;
    nic->has_stop = false;
    nic->is_odd = false;
    TRACE(vm_nics_base, "export '%s': %" PRIu64 " frames, NIC %u", nic->export, tally->n_frames,
          count->taken);
}

static void vm_nic_compare(VmNic *nic, const NetExportTally *tally, const VmNicCount *count)
{
    bool can_compare = vm_nic_can_compare(nic, tally);
    bool fits = can_compare && vm_nic_fits(nic, tally, count);
    bool matches = fits && vm_nic_missing(nic, tally, count->taken) == 0;

    if (matches || ((!can_compare || (!fits && nic->is_odd)) && !vm_nic_may_wait(count))) {
        vm_nic_set_base(nic, tally, count);
        nic->n_retries = 0;
    } else {
        nic->is_odd |= can_compare && !fits;
        nic->n_retries += !fits;
    }
    vm_nic_end(nic, NULL);
}

/* Whether frames that are missing may come yet. */
static bool vm_nic_is_late(const VmNic *nic, int16_t n_missing, const VmNicCount *count)
{
    unsigned looks_max = count->is_told ? VM_NICS_LATE_LOOKS_MAX : VM_NICS_JUDGE_LOOKS_MAX;

    return n_missing > 0 && !count->has_buffers && nic->n_looks < looks_max;
}

/* Returns: whether that is the result; else it is to be looked at again. */
static bool vm_nic_judge(VmNic *nic, const NetExportTally *tally, const VmNicCount *count)
{
    int16_t n_missing = vm_nic_missing(nic, tally, count->taken);
    bool is_known = vm_nic_can_compare(nic, tally) && !nic->is_odd && n_missing >= 0;
    NetExportLoss loss = { .n_frames = MAX(n_missing, 0) };

    if (is_known && vm_nic_is_late(nic, n_missing, count)) {
        return false;
    }
    is_known &= n_missing == 0 || !vm_nic_may_wait(count);
    if (nic->has_stop) {
        loss.is_place_known = true;
        loss.n_before = nic->base.n_frames + (uint16_t)(nic->stop_taken - nic->base_taken);
    }
    TRACE(vm_nics_judged, "export '%s': %s, %d frames missing behind %" PRIu64 " of %" PRIu64,
          nic->export, is_known ? "known" : "not known", n_missing, loss.n_before,
          tally->n_frames);
    vm_nic_end(nic, is_known ? &loss : NULL);
    nic->has_base = false;
    nic->is_odd = false;
    if (is_known) {
        vm_nic_set_base(nic, tally, count);
    }
    return true;
}

/* --- Counting ---------------------------------------------------------------------------- */

static void vm_nics_step(VmNics *nics);

/* A NIC may be plugged in, of which no event tells. A migration allows none. */
static void vm_nics_list_later(VmNics *nics)
{
    if (!nics->armed && !timer_is_running(nics->list_timer)) {
        timer_start_at(nics->list_timer, clock_now_ns(CLOCK_TYPE_REALTIME) + VM_NICS_LIST_NS);
    }
}

/* Member @name of @result, an index of a ring. Returns: whether there is one. */
static bool vm_nics_parse_index(json_object *result, const char *name, uint16_t *index)
{
    json_object *value = NULL;

    if (!json_object_is_type(result, json_type_object) ||
        !json_object_object_get_ex(result, name, &value) ||
        !json_object_is_type(value, json_type_int)) {
        return false;
    }
    *index = json_object_get_int64(value);
    return true;
}

/* What QEMU has seen of the available ring, less what it has taken out, are the NIC's buffers. */
static bool vm_nics_parse_count(json_object *result, VmNicCount *count)
{
    uint16_t seen = 0;
    uint16_t next = 0;

    count->is_told = vm_nics_parse_index(result, "shadow-avail-idx", &seen) &&
                     vm_nics_parse_index(result, "last-avail-idx", &next);
    count->has_buffers = count->is_told && seen != next;
    return vm_nics_parse_index(result, "used-idx", &count->taken);
}

/* Returns: whether @nic is done; else it is to be asked again. */
static bool vm_nics_take_count(VmNics *nics, VmNic *nic, const VmNicCount *count)
{
    switch (nics->aim) {
    case VM_NICS_COMPARE:
        vm_nic_compare(nic, &nics->tally, count);
        return true;
    case VM_NICS_AT_STOP:
        nic->has_stop = true;
        nic->stop_taken = count->taken;
        nic->is_due = false;
        return true;
    case VM_NICS_JUDGE:
        return vm_nic_judge(nic, &nics->tally, count);
    }
    g_assert_not_reached();
}

/* The longer it takes the rarer. */
static void vm_nics_wait_for(VmNics *nics, const VmNic *nic)
{
    vm_nics_wait(nics, nic->n_looks <= VM_NICS_JUDGE_LOOKS_MAX ? VM_NICS_PAUSE_NS
                                                               : VM_NICS_LONG_PAUSE_NS);
}

static void vm_nics_counted(json_object *result, void *opaque)
{
    VmNics *nics = opaque;
    VmNic *nic = nics->asked;
    VmNicCount count;

    nics->is_asking = false;
    nics->asked = NULL;
    if (nic && !vm_nics_parse_count(result, &count)) {
        nic->has_base = false;
        nic->is_refused = true;
        vm_nic_end(nic, NULL);
        vm_nics_list_later(nics);
    } else if (nic && !vm_nics_take_count(nics, nic, &count)) {
        nics->turn++; /* others do not wait for this one */
        vm_nics_wait_for(nics, nic);
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
    unsigned looks_max = nics->aim == VM_NICS_JUDGE ? VM_NICS_LATE_LOOKS_MAX : VM_NICS_LOOKS_MAX;
    bool is_seen = net_export_tally(nic->export, &nics->tally);

    nic->n_looks++;
    *later = is_seen && !nics->tally.is_read && nic->n_looks <= looks_max;
    return is_seen && (nics->tally.is_read || nics->aim == VM_NICS_AT_STOP);
}

/** What a look at a NIC comes to. */
typedef enum VmNicsLook {
    VM_NICS_LOOK_DONE,  /* it is not due any more */
    VM_NICS_LOOK_LATER, /* it is to be looked at again */
    VM_NICS_LOOK_ASKED, /* the VM was asked */
} VmNicsLook;

static VmNicsLook vm_nics_look_at(VmNics *nics, VmNic *nic)
{
    bool later;

    if (vm_nics_can_ask(nics, nic, &later) && vm_nics_ask(nics, nic)) {
        if (nics->aim != VM_NICS_AT_STOP) {
            vm_nics_wait(nics, nics->aim == VM_NICS_JUDGE ? VM_NICS_JUDGE_REPLY_NS
                                                          : VM_NICS_REPLY_NS);
        }
        return VM_NICS_LOOK_ASKED;
    }
    if (later) {
        return VM_NICS_LOOK_LATER;
    }
    nic->n_retries++;
    vm_nic_end(nic, NULL);
    return VM_NICS_LOOK_DONE;
}

/* Whether a NIC has to be counted soon: it never was, or its numbers did not fit. */
static bool vm_nics_hurry(const VmNics *nics)
{
    for (guint i = 0; i < nics->list->len; i++) {
        const VmNic *nic = nics->list->pdata[i];

        if ((!nic->has_base || nic->is_odd) && !nic->is_refused &&
            nic->n_retries < VM_NICS_RETRIES) {
            return true;
        }
    }
    return false;
}

/* All have been counted. */
static void vm_nics_finish(VmNics *nics)
{
    if (!nics->running) {
        return;
    }
    if (nics->aim != VM_NICS_COMPARE) {
        nics->aim = VM_NICS_COMPARE;
        vm_nics_exports_changed(nics); /* it may have happened meanwhile */
    }
    if (nics->list->len > 0) {
        vm_nics_wait(nics, vm_nics_hurry(nics) ? VM_NICS_RETRY_NS : VM_NICS_PERIOD_NS);
    }
}

/* Goes on with the next NIC that is due and can be asked. */
static void vm_nics_step(VmNics *nics)
{
    const VmNic *late = NULL;

    for (guint i = 0; i < nics->list->len && !nics->is_asking; i++) {
        VmNic *nic = nics->list->pdata[(nics->turn + i) % nics->list->len];
        VmNicsLook look = nic->is_due ? vm_nics_look_at(nics, nic) : VM_NICS_LOOK_DONE;

        if (look == VM_NICS_LOOK_LATER && (!late || nic->n_looks < late->n_looks)) {
            late = nic;
        }
    }
    if (nics->is_asking) {
        return;
    }
    if (late) {
        vm_nics_wait_for(nics, late);
    } else {
        vm_nics_finish(nics);
    }
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

static VmNic *vm_nics_find(const VmNics *nics, const char *export)
{
    for (guint i = 0; i < nics->list->len; i++) {
        VmNic *nic = nics->list->pdata[i];

        if (strcmp(nic->export, export) == 0) {
            return nic;
        }
    }
    return NULL;
}

static void vm_nics_remove(VmNics *nics, VmNic *nic)
{
    if (nics->asked == nic) {
        nics->asked = NULL;
    }
    vm_nic_end(nic, NULL);
    g_ptr_array_remove(nics->list, nic);
}

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

/* One that is known already keeps what was counted. */
static void vm_nics_add(VmNics *nics, const char *id, const char *path)
{
    VmNic *nic = vm_nics_find(nics, id);
    NetExportTally tally;

    if (nic && strcmp(nic->path, path) == 0) {
        nic->is_refused = false;
        return;
    }
    if (nic) {
        vm_nics_remove(nics, nic);
    }
    if (net_export_tally(id, &tally)) {
        nic = g_new0(VmNic, 1);
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
    } else if (device && pairing->nics->armed) {
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

/* One of exports that gate. */
typedef struct VmNicsSearch {
    const VmNics *nics;
    const char *export; /* borrowed: this one; NULL = one whose NIC is not known */
    bool is_there;
} VmNicsSearch;

static void vm_nics_search(const char *id, const char *device, void *opaque)
{
    VmNicsSearch *search = opaque;
    NetExportTally tally;

    if (search->export) {
        search->is_there |= strcmp(id, search->export) == 0;
    } else if (net_export_tally(id, &tally)) {
        const VmNic *nic = vm_nics_find(search->nics, id);

        search->is_there |= !nic || nic->is_refused;
    }
}

/* Whether an export gates whose NIC is not known, or not any more. */
static bool vm_nics_lacks_any(const VmNics *nics)
{
    VmNicsSearch search = { .nics = nics };

    net_exports_foreach_flow(vm_nics_search, &search);
    return search.is_there;
}

static void vm_nics_listed(json_object *result, void *opaque)
{
    VmNics *nics = opaque;
    g_autoptr(GPtrArray) paths = vm_nics_parse_list(result);
    VmNicsPairing pairing = { .nics = nics, .paths = paths };

    nics->is_listing = false;
    if (nics->aim != VM_NICS_COMPARE) {
        return; /* behind that it is asked again */
    }
    vm_nics_abandon(nics);
    net_exports_foreach_flow(vm_nics_count_export, &pairing);
    net_exports_foreach_flow(vm_nics_pair, &pairing);
    if (nics->running && nics->list->len > 0) {
        vm_nics_wait(nics, 0);
    }
    if (vm_nics_lacks_any(nics)) {
        vm_nics_list_later(nics);
    }
}

/* Forget the NICs of exports that do not gate any more. */
static void vm_nics_prune(VmNics *nics)
{
    for (guint i = nics->list->len; i-- > 0;) {
        VmNic *nic = nics->list->pdata[i];
        VmNicsSearch search = { .nics = nics, .export = nic->export };

        net_exports_foreach_flow(vm_nics_search, &search);
        if (!search.is_there) {
            vm_nics_remove(nics, nic);
        }
    }
    if (nics->list->len == 0) {
        timer_stop(nics->timer);
    }
}

/* Not in the midst of what has to do with a stop: it comes again behind it. */
static void vm_nics_look(void *opaque)
{
    VmNics *nics = opaque;

    if (nics->aim != VM_NICS_COMPARE) {
        return;
    }
    timer_stop(nics->list_timer);
    vm_nics_prune(nics);
    if (vm_nics_lacks_any(nics) && !nics->is_listing) {
        nics->is_listing = qmp_client_try(nics->client, "x-query-virtio", NULL, vm_nics_listed,
                                          nics);
    }
}

/* --- What the VM does -------------------------------------------------------------------- */

void vm_nics_exports_changed(VmNics *nics)
{
    timer_start_at(nics->list_timer, clock_now_ns(CLOCK_TYPE_REALTIME));
}

void vm_nics_set_armed(VmNics *nics, bool armed)
{
    nics->armed = armed;
    vm_nics_look(nics); /* at once: the VM may stop in a moment */
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
    timer_stop(nics->list_timer);
    g_ptr_array_set_size(nics->list, 0);
    nics->is_listing = nics->is_asking = false;
    nics->aim = VM_NICS_COMPARE;
}

bool vm_nics_agree(const VmNics *nics, const char *export)
{
    const VmNic *nic = vm_nics_find(nics, export);
    NetExportTally tally;

    return nic && net_export_tally(export, &tally) && vm_nic_can_compare(nic, &tally) &&
           !nic->is_odd;
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
    nics->list_timer = timer_new(CLOCK_TYPE_REALTIME, vm_nics_look, nics);
    return nics;
}

void vm_nics_free(VmNics *nics)
{
    if (!nics) {
        return;
    }
    vm_nics_abandon(nics);
    timer_free(nics->timer);
    timer_free(nics->list_timer);
    g_ptr_array_unref(nics->list);
    g_free(nics);
}
