/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests filters' inputs: order, back-pressure, and streams that are malformed or end early. */

#include "net/filter/input.h"

#include <string.h>

#include "char-fixture.h"
#include "util/log.h"

/*
 *   bytes of the test ──► chardev "c1" ──► input under test ──► owner: an object of the test
 */

#define IN (&fixture_chars[1])

/** An object that has an input, and what it has got of it. */
typedef struct Owner {
    Object obj;
    FilterInput in;
    bool wants;
    GArray *got;          /* uint32_t sequence numbers, not yet asserted */
    unsigned n_batches;
    unsigned n_reads;     /* of which all has been handed over */
} Owner;

static const uint8_t oversized[] = { 0, 1, 0x10, 1 }; /* 69633 */

static bool owner_wanted(const Object *obj)
{
    return ((const Owner *)obj)->wants;
}

static void owner_frames(Object *obj, const NetFrame *frames, size_t n)
{
    Owner *owner = (Owner *)obj;

    g_assert_cmpuint(n, >, 0);
    owner->n_batches++;
    for (size_t i = 0; i < n; i++) {
        uint8_t want[FIXTURE_FRAME_LEN];
        uint32_t seq;

        memcpy(&seq, frames[i].data, sizeof(seq));
        fixture_frame(want, seq);
        g_assert_cmpmem(frames[i].data, frames[i].len, want, sizeof(want));
        g_array_append_val(owner->got, seq);
    }
}

static void owner_read_done(Object *obj)
{
    ((Owner *)obj)->n_reads++;
}

static const FilterInputOps owner_ops = {
    .kind = "owner",
    .property = "indev",
    .error = "owner indev error",
    .wanted = owner_wanted,
    .frames = owner_frames,
    .read_done = owner_read_done,
};

static void owner_expect(Owner *owner, uint32_t first, size_t n)
{
    g_assert_cmpuint(owner->got->len, ==, n);
    for (size_t i = 0; i < n; i++) {
        g_assert_cmpuint(g_array_index(owner->got, uint32_t, i), ==, first + i);
    }
    g_array_set_size(owner->got, 0);
}

static void owner_open(Owner *owner)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(filter_input_open(&owner->in, IN->chr, &owner_ops, &owner->obj, &error));
    g_assert_no_error(error);
}

/* Every test: an owner that wants all. */
static void run(gconstpointer data)
{
    void (*func)(Owner *owner) = (void (*)(Owner *))data;
    Owner owner = { .obj.id = (char *)"o0", .wants = true,
                    .got = g_array_new(FALSE, FALSE, sizeof(uint32_t)) };

    fixture_chars_setup();
    owner_open(&owner);
    func(&owner);
    owner_expect(&owner, 0, 0);
    filter_input_close(&owner.in);
    fixture_chars_teardown();
    g_array_unref(owner.got);
}

/* --- Order and pressure ------------------------------------------------------------------ */

static void test_order(Owner *owner)
{
    fixture_feed(IN, 0, NET_BATCH_MAX + 36, false);
    g_assert_cmpuint(owner->n_batches, ==, 2);
    g_assert_cmpuint(owner->n_reads, ==, 1);
    fixture_feed(IN, NET_BATCH_MAX + 36, 1, false);
    g_assert_cmpuint(owner->n_batches, ==, 3);
    g_assert_cmpuint(owner->n_reads, ==, 2);
    owner_expect(owner, 0, NET_BATCH_MAX + 37);
}

static void test_byte_by_byte(Owner *owner)
{
    g_autoptr(GByteArray) stream = g_byte_array_new();

    owner->in.vnet_hdr = true;
    fixture_append(stream, 0, 3, true);
    for (guint i = 0; i < stream->len; i++) {
        char_deliver(IN->chr, stream->data + i, 1);
    }
    g_assert_cmpuint(owner->n_batches, ==, 3);
    g_assert_cmpuint(owner->n_reads, ==, stream->len);
    owner_expect(owner, 0, 3);
}

static void test_pressure(Owner *owner)
{
    g_assert_cmpuint(char_read_wanted(IN->chr), ==, NET_READ_SIZE);
    owner->wants = false;
    g_assert_cmpuint(char_read_wanted(IN->chr), ==, 0);
    owner->wants = true;
    g_assert_cmpuint(char_read_wanted(IN->chr), ==, NET_READ_SIZE);
}

/* The chardev is bothered only if it has stopped to read. */
static void test_goes_on(Owner *owner)
{
    unsigned before = IN->n_updates;

    filter_input_go_on(&owner->in);
    g_assert_cmpuint(IN->n_updates, ==, before);
    owner->wants = false;
    g_assert_cmpuint(char_read_wanted(IN->chr), ==, 0);
    filter_input_go_on(&owner->in);
    g_assert_cmpuint(IN->n_updates, ==, before + 1);
}

/* What has been asked for is taken, whatever is wanted meanwhile. */
static void test_takes_all_of_a_read(Owner *owner)
{
    owner->wants = false;
    fixture_feed(IN, 0, NET_BATCH_MAX + 1, false);
    owner_expect(owner, 0, NET_BATCH_MAX + 1);
}

static void test_form_changes_between_frames(Owner *owner)
{
    g_autoptr(GByteArray) stream = g_byte_array_new();

    fixture_append(stream, 0, 1, false);
    char_deliver(IN->chr, stream->data, 10);
    owner->in.vnet_hdr = true;
    char_deliver(IN->chr, stream->data + 10, stream->len - 10);
    fixture_feed(IN, 1, 2, true);
    owner_expect(owner, 0, 3);
}

static void test_empty_frames(Owner *owner)
{
    const uint8_t empty[12] = { 0 };

    char_deliver(IN->chr, empty, sizeof(empty));
    g_assert_cmpuint(owner->n_batches, ==, 0);
    g_assert_cmpuint(owner->n_reads, ==, 1);
    g_assert_cmpuint(filter_input_n_empty(&owner->in), ==, 3);
    g_assert_cmpuint(owner->in.n_malformed, ==, 0);
}

/* --- Streams that end, or go wrong ------------------------------------------------------- */

static void test_ends_between_frames(Owner *owner)
{
    fixture_feed(IN, 0, 2, false);
    fixture_open(IN, false);
    fixture_open(IN, true);
    fixture_feed(IN, 2, 2, false);
    owner_expect(owner, 0, 4);
    g_assert_cmpuint(owner->in.n_malformed, ==, 0);
}

static void test_ends_in_a_frame(Owner *owner)
{
    g_autoptr(GByteArray) stream = g_byte_array_new();

    fixture_append(stream, 0, 1, false);
    for (guint cut = 1; cut < stream->len; cut++) {
        char_deliver(IN->chr, stream->data, cut);
        fixture_open(IN, false);
        fixture_open(IN, true);
        fixture_feed(IN, 7, 2, false);
        owner_expect(owner, 7, 2);
        g_assert_cmpuint(owner->in.n_malformed, ==, cut);
    }
}

static void test_oversized(Owner *owner)
{
    g_autoptr(GByteArray) stream = g_byte_array_new();

    fixture_append(stream, 0, 2, false);
    g_byte_array_append(stream, oversized, sizeof(oversized));
    fixture_append(stream, 2, 1, false);
    char_deliver(IN->chr, stream->data, stream->len);
    owner_expect(owner, 0, 2);
    g_assert_cmpuint(owner->n_reads, ==, 1);
    g_assert_cmpuint(owner->in.n_malformed, ==, 1);
    g_assert_cmpuint(IN->n_disconnects, ==, 1);
    g_assert_cmpuint(char_read_wanted(IN->chr), ==, 0);
    fixture_open(IN, false);
    fixture_open(IN, true);
    g_assert_cmpuint(char_read_wanted(IN->chr), ==, NET_READ_SIZE);
    fixture_feed(IN, 2, 1, false);
    owner_expect(owner, 2, 1);
    g_assert_cmpuint(owner->in.n_malformed, ==, 1);
}

static void test_revives(Owner *owner)
{
    unsigned before;

    char_deliver(IN->chr, oversized, sizeof(oversized));
    g_assert_cmpuint(char_read_wanted(IN->chr), ==, 0);
    before = IN->n_updates;
    filter_input_revive(&owner->in);
    g_assert_cmpuint(IN->n_updates, ==, before + 1);
    g_assert_cmpuint(char_read_wanted(IN->chr), ==, NET_READ_SIZE);
    fixture_feed(IN, 0, 1, false);
    owner_expect(owner, 0, 1);
}

/* A peer that does it again and again is told of once a minute. */
static void test_messages(Owner *owner)
{
    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_passed();
        g_test_trap_assert_stderr(
            "*: owner 'o0': serious error: oversized packet received,connection terminated.\n"
            "*: owner 'o0': owner indev error\n"
            "*: warning: owner 'o0': indev 'c1' was closed in the middle of a frame\n");
        g_test_trap_assert_stderr_unmatched("*oversized*oversized*");
        g_test_trap_assert_stderr_unmatched("*closed in*closed in*");
        return;
    }
    for (int i = 0; i < 3; i++) {
        fixture_open(IN, true);
        char_deliver(IN->chr, oversized, sizeof(oversized));
        fixture_open(IN, false);
        fixture_open(IN, true);
        char_deliver(IN->chr, oversized, 1);
        fixture_open(IN, false);
    }
    g_assert_cmpuint(owner->in.n_malformed, ==, 6);
}

/* --- Open and close ---------------------------------------------------------------------- */

static void test_close_forgets(Owner *owner)
{
    g_autoptr(GByteArray) stream = g_byte_array_new();

    fixture_append(stream, 0, 1, false);
    char_deliver(IN->chr, stream->data, 20);
    filter_input_close(&owner->in);
    g_assert_cmpuint(char_read_wanted(IN->chr), ==, 0);
    owner_open(owner);
    fixture_feed(IN, 1, 1, false);
    owner_expect(owner, 1, 1);
}

static void test_second_user(Owner *owner)
{
    g_autoptr(GError) error = NULL;
    FilterInput other = { 0 };

    g_assert_false(filter_input_open(&other, IN->chr, &owner_ops, &owner->obj, &error));
    g_assert_cmpstr(error->message, ==, "chardev 'c1' is already in use");
    filter_input_revive(&other);
    filter_input_close(&other);
    fixture_feed(IN, 0, 1, false);
    owner_expect(owner, 0, 1);
}

static void test_not_there(Owner *owner)
{
    FilterInput none = { 0 };
    unsigned before = IN->n_updates;

    filter_input_go_on(&none);
    filter_input_revive(&none);
    g_assert_cmpuint(filter_input_n_empty(&none), ==, 0);
    filter_input_close(&none);
    filter_input_close(&owner->in);
    filter_input_close(&owner->in);
    g_assert_cmpuint(IN->n_updates, ==, before + 1);
}

static void add(const char *path, void (*func)(Owner *owner))
{
    g_test_add_data_func(path, (gconstpointer)func, run);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    log_init("test");
    add("/filter-input/order", test_order);
    add("/filter-input/byte-by-byte", test_byte_by_byte);
    add("/filter-input/pressure", test_pressure);
    add("/filter-input/goes-on-after-a-refusal", test_goes_on);
    add("/filter-input/takes-all-of-a-read", test_takes_all_of_a_read);
    add("/filter-input/form-changes-between-frames", test_form_changes_between_frames);
    add("/filter-input/empty-frames-are-counted", test_empty_frames);
    add("/filter-input/ends-between-frames", test_ends_between_frames);
    add("/filter-input/ends-in-a-frame", test_ends_in_a_frame);
    add("/filter-input/oversized-ends-connection-only", test_oversized);
    add("/filter-input/revives", test_revives);
    add("/filter-input/messages", test_messages);
    add("/filter-input/close-forgets", test_close_forgets);
    add("/filter-input/second-user-is-refused", test_second_user);
    add("/filter-input/not-there", test_not_there);
    return g_test_run();
}
