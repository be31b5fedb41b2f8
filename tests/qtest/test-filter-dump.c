/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter-dump in the real program: the file as pcap readers see it. */

#include "filter-rig.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER_SIZE 24
#define RECORD_SIZE 16

/** A file being read. */
typedef struct Pcap {
    char *data; /* owned */
    gsize len;
    gsize pos;
} Pcap;

typedef struct PcapRecord {
    uint32_t seconds;
    uint32_t microseconds;
    uint32_t captured;
    uint32_t original;
} PcapRecord;

static void pcap_open(Pcap *pcap, const char *path, uint32_t snaplen)
{
    const uint32_t rest[] = { 0, 0, snaplen, 1 };
    const uint32_t magic = 0xa1b2c3d4;
    const uint16_t version[] = { 2, 4 };

    g_assert_true(g_file_get_contents(path, &pcap->data, &pcap->len, NULL));
    g_assert_cmpuint(pcap->len, >=, HEADER_SIZE);
    g_assert_cmpmem(pcap->data, 4, &magic, 4);
    g_assert_cmpmem(pcap->data + 4, 4, version, 4);
    g_assert_cmpmem(pcap->data + 8, 16, rest, 16);
    pcap->pos = HEADER_SIZE;
}

static PcapRecord pcap_next(Pcap *pcap, const uint8_t **data)
{
    PcapRecord record;

    g_assert_cmpuint(pcap->len - pcap->pos, >=, RECORD_SIZE);
    memcpy(&record, pcap->data + pcap->pos, RECORD_SIZE);
    pcap->pos += RECORD_SIZE;
    g_assert_cmpuint(pcap->len - pcap->pos, >=, record.captured);
    *data = (const uint8_t *)pcap->data + pcap->pos;
    pcap->pos += record.captured;
    return record;
}

/* The next @n records are the frames from @first on, cut to @maxlen. */
static void pcap_expect(Pcap *pcap, uint32_t first, uint32_t n, uint32_t maxlen)
{
    for (uint32_t i = first; i < first + n; i++) {
        uint8_t frame[FRAME_MAX];
        uint32_t len = frame_of_seq(frame, i);
        const uint8_t *data;
        PcapRecord record = pcap_next(pcap, &data);

        g_assert_cmpuint(record.original, ==, len);
        g_assert_cmpuint(record.captured, ==, MIN(len, maxlen));
        g_assert_cmpmem(data, record.captured, frame, record.captured);
    }
}

static void pcap_close(Pcap *pcap)
{
    g_assert_cmpuint(pcap->pos, ==, pcap->len);
    g_free(pcap->data);
}

static FilterRig *dump_rig(const char *path, const char *more)
{
    g_autofree char *options = g_strdup_printf("-object filter-dump,id=f0,netdev=net0,file=%s%s",
                                               path, more);

    return frig_new(options);
}

/* Five frames out, three in; the records of the directions that are asked for. */
static void check_directions(const char *more, bool tx, bool rx)
{
    g_autofree char *path = tmp_path("dump.pcap");
    FilterRig *frig = dump_rig(path, more);
    Pcap pcap;

    frig_send_tx(frig, 5);
    frig_expect(&frig->rig->peer, 0, 5);
    frig_send_rx(frig, 3);
    frig_expect(&frig->rig->net, 0, 3);
    qtest_object_del(frig->s, "f0");
    pcap_open(&pcap, path, 65536);
    pcap_expect(&pcap, 0, tx ? 5 : 0, 65536);
    pcap_expect(&pcap, 0, rx ? 3 : 0, 65536);
    pcap_close(&pcap);
    frig_free(frig);
}

static void test_records_all(void)
{
    check_directions("", true, true);
}

static void test_records_tx(void)
{
    check_directions(",queue=tx", true, false);
}

static void test_records_rx(void)
{
    check_directions(",queue=rx", false, true);
}

static void test_records_nothing_when_off(void)
{
    check_directions(",status=off", false, false);
}

static void test_maxlen(void)
{
    g_autofree char *path = tmp_path("dump.pcap");
    FilterRig *frig = dump_rig(path, ",maxlen=40");
    Pcap pcap;

    frig_send_tx(frig, 100);
    frig_expect(&frig->rig->peer, 0, 100);
    qtest_object_del(frig->s, "f0");
    pcap_open(&pcap, path, 40);
    pcap_expect(&pcap, 0, 100, 40);
    pcap_close(&pcap);
    frig_free(frig);
}

/* What is recorded is in the file when the program ends. */
static void test_end_of_program_writes_all(void)
{
    g_autofree char *path = tmp_path("dump.pcap");
    FilterRig *frig = dump_rig(path, "");
    Pcap pcap;

    frig_send_tx(frig, 300);
    frame_link_expect(&frig->rig->peer, 0, 300);
    frig_free(frig);
    pcap_open(&pcap, path, 65536);
    pcap_expect(&pcap, 0, 300, 65536);
    pcap_close(&pcap);
}

/* A reader sees records soon, without the filter's end. */
static void test_is_written_soon(void)
{
    g_autofree char *path = tmp_path("dump.pcap");
    FilterRig *frig = dump_rig(path, "");
    struct stat st = { 0 };
    uint8_t frame[FRAME_MAX];
    off_t want = HEADER_SIZE + RECORD_SIZE + frame_of_seq(frame, 0);

    frig_send_tx(frig, 1);
    for (gint64 end = g_get_monotonic_time() + wait_limit_ms() * 1000LL; st.st_size != want;) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        qtest_qmp_ok(frig->s, "{'execute': 'query-status'}");
        g_assert_cmpint(stat(path, &st), ==, 0);
    }
    frig_free(frig);
}

static void test_replaces_old_file(void)
{
    g_autofree char *path = tmp_path("dump.pcap");
    FilterRig *frig;
    struct stat st;

    g_assert_true(g_file_set_contents(path, "an old file that is longer than a header", -1,
                                      NULL));
    frig = dump_rig(path, "");
    g_assert_cmpint(stat(path, &st), ==, 0);
    g_assert_cmpint(st.st_size, ==, HEADER_SIZE);
    frig_free(frig);
}

static int64_t stamp_us(Pcap *pcap)
{
    const uint8_t *data;
    PcapRecord record = pcap_next(pcap, &data);

    return record.seconds * G_GINT64_CONSTANT(1000000) + record.microseconds;
}

static void test_stamps_follow_virtual_clock(void)
{
    g_autofree char *path = tmp_path("dump.pcap");
    FilterRig *frig = dump_rig(path, "");
    int64_t first;
    Pcap pcap;

    frig_send_tx(frig, 1);
    qtest_clock_step(frig->s, 1500000000);
    frig_send_tx(frig, 1);
    qtest_object_del(frig->s, "f0");
    pcap_open(&pcap, path, 65536);
    first = stamp_us(&pcap);
    g_assert_cmpint(ABS(first - g_get_real_time()), <, 1000000LL * 600);
    g_assert_cmpint(stamp_us(&pcap), ==, first + 1500000);
    pcap_close(&pcap);
    frame_link_expect(&frig->rig->peer, 0, 2);
    frig_free(frig);
}

static void test_records_while_stopped(void)
{
    g_autofree char *path = tmp_path("dump.pcap");
    FilterRig *frig = dump_rig(path, ",enable_when_stopped=on");
    Pcap pcap;

    qtest_stop(frig->s);
    frig_send_tx(frig, 50);
    frame_link_expect_nothing(&frig->rig->peer);
    qtest_object_del(frig->s, "f0");
    pcap_open(&pcap, path, 65536);
    pcap_expect(&pcap, 0, 50, 65536);
    pcap_close(&pcap);
    qtest_cont(frig->s);
    frame_link_expect(&frig->rig->peer, 0, 50);
    frig_free(frig);
}

/* @s's files take no more than this from now on. */
static void limit_files(QTest *s, rlim_t size)
{
    struct rlimit limit;

    g_assert_cmpint(prlimit(qtest_pid(s), RLIMIT_FSIZE, NULL, &limit), ==, 0);
    limit.rlim_cur = MIN(size, limit.rlim_max);
    g_assert_cmpint(prlimit(qtest_pid(s), RLIMIT_FSIZE, &limit, NULL), ==, 0);
}

/* Each frame is in the file or counted, the file ends behind a record, and recording goes on. */
static void test_full_disk(void)
{
    g_autofree char *path = tmp_path("full.pcap");
    FilterRig *frig = dump_rig(path, ",queue=tx");
    const uint8_t *data;
    size_t n_lost, n = 0;
    Pcap pcap;

    limit_files(frig->s, 5000);
    frig_send_tx(frig, 500);
    frame_link_expect(&frig->rig->peer, 0, 500);
    qtest_wait_output(frig->s, "cannot write");
    limit_files(frig->s, RLIM_INFINITY);
    frig_send_tx(frig, 50);
    frame_link_expect(&frig->rig->peer, 500, 50);
    n_lost = (size_t)qtest_filter_count(frig->s, "f0", "copies-lost.frames");
    g_assert_cmpuint(n_lost, >, 0);
    g_assert_cmpuint(n_lost, <=, 500);
    frig_free(frig);
    for (pcap_open(&pcap, path, 65536); pcap.pos < pcap.len; n++) {
        pcap_next(&pcap, &data);
    }
    pcap_close(&pcap);
    g_assert_cmpuint(n + n_lost, ==, 550);
}

static void test_errors(void)
{
    g_autofree char *path = tmp_path("never.pcap");
    FilterRig *frig = frig_new("");

#define ADD(members) "{'execute': 'object-add', 'arguments': {'qom-type': 'filter-dump', " \
                     "'id': 'f0'" members "}}"
    qtest_qmp_error(frig->s, "GenericError",
                    "Could not open '/no/such/file': No such file or directory",
                    ADD(", 'netdev': 'net0', 'file': '/no/such/file'"));
    qtest_qmp_error(frig->s, "GenericError",
                    "Property 'filter-dump.maxlen' doesn't take value '0'",
                    ADD(", 'netdev': 'net0', 'file': '%s', 'maxlen': 0"), path);
    qtest_qmp_error(frig->s, "GenericError", "Parameter 'netdev' expects a network backend id",
                    ADD(", 'netdev': 'x', 'file': '%s'"), path);
    qtest_qmp_error(frig->s, "GenericError", "Parameter 'file' is missing",
                    ADD(", 'netdev': 'net0'"));
#undef ADD
    g_assert_cmpint(access(path, F_OK), ==, -1);
    frig_free(frig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/filter-dump/records/all", test_records_all);
    g_test_add_func("/filter-dump/records/tx", test_records_tx);
    g_test_add_func("/filter-dump/records/rx", test_records_rx);
    g_test_add_func("/filter-dump/records/nothing-when-off", test_records_nothing_when_off);
    g_test_add_func("/filter-dump/maxlen", test_maxlen);
    g_test_add_func("/filter-dump/end-of-program-writes-all", test_end_of_program_writes_all);
    g_test_add_func("/filter-dump/is-written-soon", test_is_written_soon);
    g_test_add_func("/filter-dump/replaces-old-file", test_replaces_old_file);
    g_test_add_func("/filter-dump/stamps-follow-virtual-clock",
                    test_stamps_follow_virtual_clock);
    g_test_add_func("/filter-dump/records-while-stopped", test_records_while_stopped);
    g_test_add_func("/filter-dump/full-disk", test_full_disk);
    g_test_add_func("/filter-dump/errors", test_errors);
    return g_test_run();
}
