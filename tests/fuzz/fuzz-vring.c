/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes virtqueues: whatever a guest has in its memory, also while it is read, stays there. */

#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "export/vring.h"

/* Two regions that are neighbours for the guest, and not here. */
#define REGION_SIZE 8192u
#define MEM_SIZE (2 * REGION_SIZE)
#define GUEST_BASE UINT64_C(0x10000)
#define USER_BASE UINT64_C(0x7f0000000000)

/* Chains that are looked at. */
#define POPS_MAX 200u

static int mem_fd;
static uint8_t *guest_view;

static void make_memory(void)
{
    if (guest_view) {
        return;
    }
    mem_fd = memfd_create("fuzz", MFD_CLOEXEC);
    g_assert_cmpint(ftruncate(mem_fd, MEM_SIZE), ==, 0);
    guest_view = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, mem_fd, 0);
    g_assert_true(guest_view != MAP_FAILED);
}

static VringMemory *map_memory(void)
{
    VringMemory *mem = vring_memory_new();

    for (unsigned i = 0; i < 2; i++) {
        VringRegionSpec spec = {
            .guest_addr = GUEST_BASE + i * REGION_SIZE, .size = REGION_SIZE,
            .user_addr = USER_BASE + i * REGION_SIZE, .mmap_offset = i * REGION_SIZE,
        };

        g_assert_true(vring_memory_add(mem, &spec, mem_fd, NULL));
    }
    return mem;
}

/* Each byte of the buffer is touched: outside of the regions that would be a crash. */
static void touch(const VringChain *chain, bool to_guest)
{
    uint64_t sum = 0;
    uint64_t len = 0;

    g_assert_cmpuint(chain->n_pieces, >, 0);
    g_assert_cmpuint(chain->n_pieces, <=, VRING_PIECES_MAX);
    for (uint32_t i = 0; i < chain->n_pieces; i++) {
        const VringPiece *piece = &chain->pieces[i];

        g_assert_cmpuint(piece->len, >, 0);
        g_assert_cmpuint(piece->len, <=, REGION_SIZE);
        len += piece->len;
        for (uint64_t j = 0; j < piece->len; j++) {
            sum += piece->data[j];
        }
        if (to_guest) {
            piece->data[piece->len - 1] = (uint8_t)sum;
        }
    }
    g_assert_cmpuint(len, ==, chain->len);
}

/* The next two bytes of input change the guest's memory. */
static void change(const uint8_t **data, size_t *len)
{
    unsigned at = fuzz_take_byte(data, len) * 16u;

    guest_view[at + (fuzz_take_byte(data, len) & 15)] ^= fuzz_take_byte(data, len);
}

/* Buffers that are taken together; some of them go back. */
static void take_many(Vring *ring, size_t n, size_t n_back)
{
    VringBuffer buffers[16];
    size_t taken = vring_pop_many(ring, buffers, n);

    g_assert_cmpuint(taken, <=, n);
    for (size_t i = 0; i < taken; i++) {
        g_assert_cmpuint(buffers[i].len, >, 0);
        g_assert_cmpuint(buffers[i].len, <=, REGION_SIZE);
        for (uint32_t j = 0; j < buffers[i].len; j++) {
            buffers[i].data[j] += ring->setup.to_guest;
        }
    }
    n_back = MIN(n_back, taken);
    for (size_t i = 0; i < taken - n_back; i++) {
        vring_stage_buffer(ring, &buffers[i], 1);
    }
    vring_unpop(ring, n_back);
    vring_has_more(ring);
}

static void work(Vring *ring, const uint8_t **data, size_t *len)
{
    static VringChain chain;
    VringMark mark = vring_mark(ring);

    for (unsigned i = 0; i < POPS_MAX; i++) {
        uint8_t what = fuzz_take_byte(data, len);
        VringPop found;

        if (what & 8) {
            take_many(ring, 1 + (what >> 4), what & 7);
        }
        found = vring_pop(ring, &chain);
        if (found == VRING_POP_BROKEN) {
            g_assert_nonnull(ring->fault);
            return;
        }
        if (found == VRING_POP_CHAIN) {
            touch(&chain, ring->setup.to_guest);
            vring_stage(ring, &chain, (uint32_t)chain.len);
        } else {
            vring_set_kicks(ring, true);
        }
        g_assert_cmpuint(ring->n_staged, <=, ring->setup.num);
        if (what & 1) {
            change(data, len);
        }
        if (what & 2) {
            vring_rewind(ring, &mark);
        }
        if (what & 4) {
            vring_publish(ring);
            mark = vring_mark(ring);
        }
    }
}

/* The first bytes say what kind of ring it is and where; what follows lies in memory. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t kind = fuzz_take_byte(&data, &len);
    VringSetup setup = {
        .is_packed = kind & 1, .has_event_idx = kind & 2, .to_guest = kind & 4,
        .num = fuzz_take_byte(&data, &len),
        .desc = USER_BASE + fuzz_take_byte(&data, &len) * 64u,
        .avail = USER_BASE + fuzz_take_byte(&data, &len) * 64u,
        .used = USER_BASE + fuzz_take_byte(&data, &len) * 64u,
    };
    uint32_t base = fuzz_take_byte(&data, &len);
    size_t n_mem;
    VringMemory *mem;
    Vring ring = { 0 };

    make_memory();
    base |= (uint32_t)fuzz_take_byte(&data, &len) << 8;
    n_mem = MIN(len, MEM_SIZE);
    memset(guest_view, 0, MEM_SIZE);
    if (n_mem > 0) {
        memcpy(guest_view, data, n_mem);
    }
    mem = map_memory();
    if (vring_start(&ring, &setup, mem, base)) {
        work(&ring, &data, &len);
        vring_base(&ring);
    } else {
        g_assert_nonnull(ring.fault);
    }
    vring_stop(&ring);
    g_assert_false(vring_memory_is_lost(mem));
    vring_memory_free(mem);
    return 0;
}
