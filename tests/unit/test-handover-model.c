/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of a handover in all interleavings: no frame lost, none twice, none out of order. */

/*
 * usage: test-handover-model [--deep]
 *
 * Each case explores all states that a budget of disturbances leads to, depth first, each once;
 * known states are told by a hash of 64 bits. What the two ends do with each other without any
 * disturbance is unlimited, and must come to rest. Random walks with larger budgets follow.
 * --deep takes minutes and a gigabyte instead of seconds.
 */

#include "handover-model.h"

#include <stdio.h>
#include <string.h>
#include <glib.h>

/* --- States that are known --------------------------------------------------------------- */

typedef struct StateSet {
    uint64_t *slots; /* 0 = empty */
    size_t size;     /* a power of two */
    size_t n;
} StateSet;

static uint64_t state_hash(const Model *m)
{
    uint64_t words[sizeof(Model) / 8 + 1] = { 0 };
    uint64_t hash = UINT64_C(0x9e3779b97f4a7c15);

    memcpy(words, m, sizeof(*m));
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        hash = (hash ^ words[i]) * UINT64_C(0xff51afd7ed558ccd);
        hash ^= hash >> 32;
    }
    return hash ? hash : 1;
}

static bool set_insert(StateSet *set, uint64_t hash)
{
    size_t i = hash & (set->size - 1);

    while (set->slots[i] != 0) {
        if (set->slots[i] == hash) {
            return false;
        }
        i = (i + 1) & (set->size - 1);
    }
    set->slots[i] = hash;
    set->n++;
    return true;
}

static void set_grow(StateSet *set)
{
    StateSet larger = { .size = set->size ? set->size * 2 : 1 << 16 };

    larger.slots = g_new0(uint64_t, larger.size);
    for (size_t i = 0; i < set->size; i++) {
        if (set->slots[i] != 0) {
            set_insert(&larger, set->slots[i]);
        }
    }
    g_free(set->slots);
    *set = larger;
}

/* Returns: whether it is new. */
static bool set_add(StateSet *set, const Model *m)
{
    if (set->n * 2 >= set->size) {
        set_grow(set);
    }
    return set_insert(set, state_hash(m));
}

/* --- Exploring --------------------------------------------------------------------------- */

#define MAX_DEPTH 400
#define MAX_STEPS_TO_REST 400

typedef struct Trail {
    const char *names[MAX_DEPTH];
    unsigned n;
} Trail;

static void report(const Trail *trail, const Model *m)
{
    fprintf(stderr, "# %s\n", model_fault);
    for (unsigned i = 0; i < trail->n; i++) {
        fprintf(stderr, "#   %2u %s\n", i + 1, trail->names[i]);
    }
    model_print(m);
    g_test_message("%s", model_fault);
    g_test_fail();
}

/* Returns: whether anything went on by itself. */
static bool progress(Model *m)
{
    for (unsigned i = 0; i < MODEL_PROGRESS; i++) {
        if (model_step(m, i)) {
            return true;
        }
    }
    return false;
}

/* Left alone, the ends come to rest. */
static void check_comes_to_rest(const Model *from)
{
    Model m = *from;

    for (unsigned i = 0; i < MAX_STEPS_TO_REST; i++) {
        if (!progress(&m)) {
            model_check_rest(&m);
            return;
        }
        model_check(&m);
    }
    model_fault = "the ends do not come to rest";
}

static bool explore(StateSet *seen, const Model *m, Trail *trail)
{
    model_check(m);
    if (!model_fault && (seen->n & 15) == 0) {
        check_comes_to_rest(m);
    }
    if (model_fault) {
        report(trail, m);
        return false;
    }
    g_assert_cmpuint(trail->n, <, MAX_DEPTH);
    for (unsigned i = 0; i < MODEL_STEPS; i++) {
        Model next = *m;

        trail->names[trail->n] = model_step(&next, i);
        if (!trail->names[trail->n]) {
            continue;
        }
        trail->n++;
        if (set_add(seen, &next) && !explore(seen, &next, trail)) {
            return false;
        }
        trail->n--;
    }
    return true;
}

typedef struct Case {
    const char *path;
    bool is_deep;
    uint8_t limit_b;
    ModelBudget budget;
} Case;

static void test_all_interleavings(gconstpointer data)
{
    const Case *c = data;
    StateSet seen = { 0 };
    Trail trail = { .n = 0 };
    Model m;

    model_fault = NULL;
    model_init(&m, &c->budget, c->limit_b);
    set_add(&seen, &m);
    explore(&seen, &m, &trail);
    g_test_message("%zu states", seen.n);
    g_free(seen.slots);
}

static const Case cases[] = {
    { "/handover-model/undisturbed", false, 8,
      { .frames_a = 3, .frames_b = 1, .turns_a = 2, .turns_b = 2 } },
    { "/handover-model/vms-turn-often", false, 8,
      { .frames_a = 2, .turns_a = 4, .turns_b = 2, .timeouts = 1 } },
    { "/handover-model/cut-once", false, 8,
      { .frames_a = 2, .turns_a = 3, .turns_b = 1, .cuts = 1 } },
    { "/handover-model/cut-twice", false, 8,
      { .frames_a = 2, .turns_a = 2, .turns_b = 1, .cuts = 2 } },
    { "/handover-model/little-room", false, 1,
      { .frames_a = 3, .turns_a = 2, .turns_b = 1, .cuts = 1, .room = 1 } },
    { "/handover-model/armed-late", false, 8,
      { .frames_a = 2, .turns_a = 3, .turns_b = 2, .arms = 2 } },
    { "/handover-model/source-begins-anew", false, 8,
      { .frames_a = 2, .turns_a = 2, .turns_b = 1, .ends_a = 1, .cuts = 1 } },
    { "/handover-model/destination-begins-anew", false, 8,
      { .frames_a = 2, .turns_a = 3, .turns_b = 1, .ends_b = 1 } },
    { "/handover-model/deep/turns", true, 8,
      { .frames_a = 3, .frames_b = 1, .turns_a = 4, .turns_b = 2, .cuts = 1, .timeouts = 1 } },
    { "/handover-model/deep/cuts", true, 2,
      { .frames_a = 3, .turns_a = 3, .turns_b = 2, .cuts = 2, .room = 1 } },
    { "/handover-model/deep/ends", true, 8,
      { .frames_a = 2, .turns_a = 3, .turns_b = 2, .cuts = 1, .ends_a = 1, .ends_b = 1,
        .arms = 1 } },
};

/* --- Random walks ------------------------------------------------------------------------ */

static const ModelBudget walk_budget = {
    .frames_a = 7, .frames_b = 3, .turns_a = 12, .turns_b = 6, .cuts = 6, .ends_a = 2,
    .ends_b = 2, .arms = 2, .room = 2, .timeouts = 3,
};

/* What the ends do by themselves is chosen more often, else nothing would ever be finished. */
static unsigned walk_choose(GRand *random)
{
    return g_rand_int_range(random, 0, 3) > 0
           ? (unsigned)g_rand_int_range(random, 0, MODEL_PROGRESS)
           : (unsigned)g_rand_int_range(random, MODEL_PROGRESS, MODEL_STEPS);
}

static bool walk(uint32_t seed)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    Trail trail = { .n = 0 };
    Model m;

    model_init(&m, &walk_budget, (uint8_t)g_rand_int_range(random, 1, MODEL_MAX_FRAMES));
    for (unsigned i = 0; i < 600 && !model_fault && trail.n < MAX_DEPTH; i++) {
        const char *name = model_step(&m, walk_choose(random));

        if (name) {
            trail.names[trail.n++] = name;
            model_check(&m);
        }
    }
    if (!model_fault) {
        check_comes_to_rest(&m);
    }
    if (model_fault) {
        fprintf(stderr, "# seed %u\n", seed);
        report(&trail, &m);
    }
    return !model_fault;
}

static void test_random_walks(gconstpointer data)
{
    const uint32_t *n = data;
    uint32_t first = (uint32_t)g_test_rand_int();

    model_fault = NULL;
    for (uint32_t i = 0; i < *n && walk(first + i); i++) {
    }
    g_test_message("%u walks from seed %u on", *n, first);
}

int main(int argc, char **argv)
{
    static uint32_t n_walks = 20000;
    bool is_deep;

    g_test_init(&argc, &argv, NULL);
    is_deep = argc > 1 && strcmp(argv[1], "--deep") == 0;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        if (is_deep || !cases[i].is_deep) {
            g_test_add_data_func(cases[i].path, &cases[i], test_all_interleavings);
        }
    }
    n_walks *= is_deep ? 50 : 1;
    g_test_add_data_func("/handover-model/random-walks", &n_walks, test_random_walks);
    return g_test_run();
}
