/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of filter-dump: what is in the file, and which time it says. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <glib/gstdio.h>

#include "filter-fixture.h"
#include "loop.h"
#include "util/clock.h"

#define HEADER_SIZE 24
#define RECORD_SIZE 16

static char *dir;  /* of the files; owned */
static char *path; /* of the present file; owned */

static NetFilter *add_dump(const char *more)
{
    g_autofree char *options = g_strdup_printf("filter-dump,id=d0,netdev=n0,file=%s%s", path,
                                               more);

    return fixture_add(options);
}

/* The whole file. */
static GByteArray *read_file(void)
{
    char *data;
    gsize len;

    g_assert_true(g_file_get_contents(path, &data, &len, NULL));
    return g_byte_array_new_take((guint8 *)data, len);
}

static uint32_t word_at(const GByteArray *file, size_t pos)
{
    uint32_t word;

    g_assert_cmpuint(pos + sizeof(word), <=, file->len);
    memcpy(&word, file->data + pos, sizeof(word));
    return word;
}

static void assert_header(const GByteArray *file, uint32_t snaplen)
{
    g_assert_cmphex(word_at(file, 0), ==, 0xa1b2c3d4);
    g_assert_cmphex(word_at(file, 4), ==, G_BYTE_ORDER == G_LITTLE_ENDIAN ? 0x00040002 : 0x20004);
    g_assert_cmpuint(word_at(file, 8), ==, 0);
    g_assert_cmpuint(word_at(file, 12), ==, 0);
    g_assert_cmpuint(word_at(file, 16), ==, snaplen);
    g_assert_cmpuint(word_at(file, 20), ==, 1);
}

/* The stamp of record @index, all records being of @captured bytes; in us. */
static int64_t stamp_of(const GByteArray *file, size_t index, uint32_t captured)
{
    size_t pos = HEADER_SIZE + index * (RECORD_SIZE + captured);

    g_assert_cmpuint(word_at(file, pos + 4), <, G_USEC_PER_SEC);
    return (int64_t)word_at(file, pos) * G_USEC_PER_SEC + word_at(file, pos + 4);
}

/* The file ends with the filter; it holds exactly these frames. */
static void expect_records(const uint32_t *seqs, size_t n, uint32_t captured)
{
    g_autoptr(GByteArray) file = NULL;

    fixture_remove("d0");
    file = read_file();
    g_assert_cmpuint(file->len, ==, HEADER_SIZE + n * (RECORD_SIZE + captured));
    for (size_t i = 0; i < n; i++) {
        size_t pos = HEADER_SIZE + i * (RECORD_SIZE + captured);
        uint8_t frame[FIXTURE_FRAME_LEN];

        g_assert_cmpuint(word_at(file, pos + 8), ==, captured);
        g_assert_cmpuint(word_at(file, pos + 12), ==, FIXTURE_FRAME_LEN);
        fixture_frame(frame, seqs[i]);
        g_assert_cmpmem(file->data + pos + RECORD_SIZE, captured, frame, captured);
    }
}

static void test_header(void)
{
    g_autoptr(GByteArray) file = NULL;
    struct stat st;

    add_dump("");
    file = read_file();
    g_assert_cmpuint(file->len, ==, HEADER_SIZE);
    assert_header(file, 65536);
    g_assert_cmpint(stat(path, &st), ==, 0);
    g_assert_cmpuint(st.st_mode & 0777, ==, 0600);
}

static void test_records_both_directions(void)
{
    static const uint32_t seqs[] = { 0, 1, 0, 2 };

    add_dump("");
    fixture_send(fixture_netdev, 2);
    fixture_send(fixture_peer, 1);
    fixture_send(fixture_netdev, 1);
    fixture_expect(fixture_peer, 0, 3);
    fixture_expect(fixture_netdev, 0, 1);
    expect_records(seqs, 4, FIXTURE_FRAME_LEN);
}

static void test_records_tx(void)
{
    static const uint32_t seqs[] = { 0, 1 };

    add_dump(",queue=tx");
    fixture_send(fixture_netdev, 2);
    fixture_send(fixture_peer, 3);
    fixture_expect(fixture_peer, 0, 2);
    fixture_expect(fixture_netdev, 0, 3);
    expect_records(seqs, 2, FIXTURE_FRAME_LEN);
}

static void test_records_rx(void)
{
    static const uint32_t seqs[] = { 0, 1, 2 };

    add_dump(",queue=rx");
    fixture_send(fixture_netdev, 2);
    fixture_send(fixture_peer, 3);
    fixture_expect(fixture_peer, 0, 2);
    fixture_expect(fixture_netdev, 0, 3);
    expect_records(seqs, 3, FIXTURE_FRAME_LEN);
}

static void test_records_nothing_when_off(void)
{
    static const uint32_t seqs[] = { 2 };

    add_dump(",status=off");
    fixture_send(fixture_netdev, 2);
    fixture_set("d0", "status", "\"on\"");
    fixture_send(fixture_netdev, 1);
    fixture_expect(fixture_peer, 0, 3);
    expect_records(seqs, 1, FIXTURE_FRAME_LEN);
}

static void test_maxlen_cuts(void)
{
    static const uint32_t seqs[] = { 0, 1 };
    g_autoptr(GByteArray) file = NULL;

    add_dump(",maxlen=40");
    fixture_send(fixture_netdev, 2);
    fixture_expect(fixture_peer, 0, 2);
    expect_records(seqs, 2, 40);
    file = read_file();
    assert_header(file, 40);
}

static void test_vnet_header_is_removed(void)
{
    uint8_t data[12 + FIXTURE_FRAME_LEN] = { 0 };
    NetFrame frame = { data, sizeof(data), 12 };
    NetFilter *nf = add_dump("");
    NetPass pass = { .all = false };

    fixture_frame(data + 12, 5);
    g_assert_cmpuint(nf->ops->run(nf, NET_DIRECTION_TX, &frame, 1, &pass), ==, 1);
    g_assert_true(net_pass_has(&pass, 0));
    expect_records((const uint32_t[]){ 5 }, 1, FIXTURE_FRAME_LEN);
}

static void test_many_frames(void)
{
    enum { N = 20000 };
    g_autofree uint32_t *seqs = g_new(uint32_t, N);

    add_dump("");
    for (uint32_t i = 0; i < N; i++) {
        seqs[i] = i;
    }
    fixture_send(fixture_netdev, N);
    fixture_expect(fixture_peer, 0, N);
    expect_records(seqs, N, FIXTURE_FRAME_LEN);
}

/* A reader of the file need not wait for its end. */
static void test_is_written_soon(void)
{
    int64_t deadline = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
    struct stat st = { 0 };

    add_dump("");
    fixture_send(fixture_netdev, 1);
    while (st.st_size != HEADER_SIZE + RECORD_SIZE + FIXTURE_FRAME_LEN) {
        g_main_context_iteration(NULL, TRUE);
        g_assert_cmpint(stat(path, &st), ==, 0);
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
    }
    fixture_expect(fixture_peer, 0, 1);
}

/* --- Time -------------------------------------------------------------------------------- */

static void test_stamps_follow_virtual_clock(void)
{
    int64_t before;
    int64_t after;
    g_autoptr(GByteArray) file = NULL;

    clock_virtual_advance(clock_now_ns(CLOCK_TYPE_VIRTUAL) + INT64_C(500000000000));
    before = g_get_real_time();
    add_dump("");
    after = g_get_real_time();
    fixture_send(fixture_netdev, 1);
    clock_virtual_advance(clock_now_ns(CLOCK_TYPE_VIRTUAL) + 2500000000);
    fixture_send(fixture_netdev, 1);
    fixture_remove("d0");
    file = read_file();
    g_assert_cmpint(stamp_of(file, 0, FIXTURE_FRAME_LEN), >=, before);
    g_assert_cmpint(stamp_of(file, 0, FIXTURE_FRAME_LEN), <=, after);
    g_assert_cmpint(stamp_of(file, 1, FIXTURE_FRAME_LEN), ==,
                    stamp_of(file, 0, FIXTURE_FRAME_LEN) + 2500000);
}

static void test_stamps_never_go_back(void)
{
    g_autoptr(GByteArray) file = NULL;

    add_dump(",enable_when_stopped=on");
    for (int i = 0; i < 10; i++) {
        fixture_send(fixture_netdev, 1);
        fixture_set("d0", "enable_when_stopped", i % 2 ? "true" : "false");
        clock_virtual_advance(clock_now_ns(CLOCK_TYPE_VIRTUAL) + i % 3 * 1000000);
    }
    fixture_remove("d0");
    file = read_file();
    for (int i = 1; i < 10; i++) {
        g_assert_cmpint(stamp_of(file, i, FIXTURE_FRAME_LEN), >=,
                        stamp_of(file, i - 1, FIXTURE_FRAME_LEN));
    }
}

/* --- Stop, errors ------------------------------------------------------------------------ */

static void test_records_while_stopped_when_asked(void)
{
    static const uint32_t seqs[] = { 0, 1 };

    add_dump("");
    fixture_stop();
    g_assert_false(fixture_netdev->nc.polled);
    fixture_set("d0", "enable_when_stopped", "true");
    g_assert_true(fixture_netdev->nc.polled);
    fixture_send(fixture_netdev, 2);
    fixture_expect(fixture_peer, 0, 0);
    expect_records(seqs, 2, FIXTURE_FRAME_LEN);
}

/* Files of this process take no more than this from now on. */
static void limit_files(rlim_t size)
{
    struct rlimit limit;

    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &limit), ==, 0);
    limit.rlim_cur = MIN(size, limit.rlim_max);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
}

/* Whole records, and no other bytes. Returns: how many. */
static size_t count_records(void)
{
    g_autoptr(GByteArray) file = read_file();
    size_t pos = HEADER_SIZE, n = 0;

    assert_header(file, 65536);
    while (pos < file->len) {
        pos += RECORD_SIZE + word_at(file, pos + 8);
        n++;
    }
    g_assert_cmpuint(pos, ==, file->len);
    return n;
}

/* Of @n frames each is in the file or counted as lost. */
static void expect_each_accounted(const NetFilter *nf, size_t n)
{
    LOOP_UNTIL(count_records() + nf->copies_lost.frames == n);
}

/* The limit is in the middle of a record, or between two. */
static void test_full_disk(void)
{
    for (int extra = 0; extra < 2; extra++) {
        size_t room = HEADER_SIZE + 128 * (RECORD_SIZE + FIXTURE_FRAME_LEN) + (extra ? 33 : 0);
        NetFilter *nf;

        nf = add_dump(",queue=tx,enable_when_stopped=on");
        limit_files(room);
        fixture_send(fixture_netdev, 500);
        expect_each_accounted(nf, 500);
        fixture_send(fixture_netdev, 500);
        expect_each_accounted(nf, 1000);
        g_assert_true(net_filter_wants_stopped(nf));
        limit_files(RLIM_INFINITY);
        fixture_send(fixture_netdev, 10);
        expect_each_accounted(nf, 1010);
        g_assert_cmpuint(nf->copies_lost.frames, <, 1000);
        fixture_expect(fixture_peer, (uint32_t)extra * 1010, 1010);
        fixture_remove("d0");
        g_assert_cmpuint(count_records(), >=, 10);
    }
}

static void test_full_disk_at_creation(void)
{
    g_autofree char *text = g_strdup_printf("Could not write '/dev/full': %s",
                                            g_strerror(ENOSPC));

    fixture_add_fails("filter-dump,id=d0,netdev=n0,file=/dev/full", ERROR_CLASS_GENERIC, text);
}

static void test_symlink_is_refused(void)
{
    g_autofree char *target = g_build_filename(dir, "target", NULL);
    g_autofree char *options = g_strdup_printf("filter-dump,id=d0,netdev=n0,file=%s", path);
    g_autofree char *text = g_strdup_printf("Could not open '%s': it is a symbolic link, which "
                                            "is not followed", path);
    g_autofree char *content = NULL;

    g_unlink(path);
    g_assert_true(g_file_set_contents(target, "precious", -1, NULL));
    g_assert_cmpint(symlink(target, path), ==, 0);
    fixture_add_fails(options, ERROR_CLASS_GENERIC, text);
    g_assert_true(g_file_get_contents(target, &content, NULL, NULL));
    g_assert_cmpstr(content, ==, "precious");
    g_unlink(target);
    g_unlink(path);
}

/* What a FIFO has got cannot be taken back: recording ends, and nothing else. */
static void test_fifo_reader_gone_ends_recording_only(void)
{
    NetFilter *nf;
    int fd;

    g_unlink(path);
    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    fd = g_open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
    nf = add_dump(",queue=tx,enable_when_stopped=on");
    close(fd);
    fixture_send(fixture_netdev, 3);
    LOOP_UNTIL(nf->copies_lost.frames == 3);
    g_assert_false(net_filter_wants_stopped(nf));
    fixture_send(fixture_netdev, 2);
    fixture_expect(fixture_peer, 0, 5);
    g_assert_cmpuint(nf->copies_lost.frames, ==, 5);
    g_unlink(path);
}

/* The reader of a FIFO does not come along: frames go on, records are lost and counted. */
static void test_slow_fifo_does_not_block(void)
{
    int fd;
    NetFilter *nf;

    g_unlink(path);
    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    fd = g_open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
    g_assert_cmpint(fd, >=, 0);
    nf = add_dump("");
    fixture_send(fixture_netdev, 20000);
    fixture_expect(fixture_peer, 0, 20000);
    g_assert_cmpuint(nf->copies_lost.frames, >, 0);
    g_assert_cmpuint(nf->copies_lost.frames, <, 20000);
    close(fd);
    g_unlink(path);
}

static void test_creation_errors(void)
{
    g_autofree char *inside = g_strdup_printf("filter-dump,id=d0,netdev=n0,file=%s/no/such", dir);
    g_autofree char *text = g_strdup_printf("Could not open '%s/no/such': %s", dir,
                                            g_strerror(ENOENT));
    g_autofree char *zero = g_strdup_printf("filter-dump,id=d0,netdev=n0,file=%s,maxlen=0", path);
    g_autofree char *place = g_strdup_printf("filter-dump,id=d0,netdev=x,file=%s", path);

    g_unlink(path);
    fixture_add_fails(inside, ERROR_CLASS_GENERIC, text);
    fixture_add_fails(zero, ERROR_CLASS_GENERIC,
                      "Property 'filter-dump.maxlen' doesn't take value '0'");
    fixture_add_fails(place, ERROR_CLASS_GENERIC,
                      "Parameter 'netdev' expects a network backend id");
    fixture_add_fails("filter-dump,id=d0,netdev=n0", ERROR_CLASS_GENERIC,
                      "Parameter 'file' is missing");
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

static void test_change_errors(void)
{
    add_dump("");
    fixture_set_fails("d0", "maxlen", "0",
                      "Property 'filter-dump.maxlen' doesn't take value '0'");
    fixture_set_fails("d0", "maxlen", "100",
                      "Property 'filter-dump.maxlen' cannot be changed: the file is opened and "
                      "its header written at creation");
    fixture_set_fails("d0", "file", "\"/dev/null\"",
                      "Property 'filter-dump.file' cannot be changed: the file is opened and "
                      "its header written at creation");
}

static void test_fd_0_survives_failure(void)
{
    g_autofree char *inside = g_strdup_printf("filter-dump,id=d0,netdev=n0,file=%s/no/such", dir);
    g_autofree char *text = g_strdup_printf("Could not open '%s/no/such': %s", dir,
                                            g_strerror(ENOENT));

    fixture_add_fails(inside, ERROR_CLASS_GENERIC, text);
    g_assert_cmpint(fcntl(0, F_GETFD), >=, 0);
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    dir = g_dir_make_tmp("test-filter-dump-XXXXXX", NULL);
    path = g_build_filename(dir, "dump", NULL);
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    clock_virtual_set_stepped();
    fixture_test("/filter-dump/header", test_header);
    fixture_test("/filter-dump/records/all", test_records_both_directions);
    fixture_test("/filter-dump/records/tx", test_records_tx);
    fixture_test("/filter-dump/records/rx", test_records_rx);
    fixture_test("/filter-dump/records/nothing-when-off", test_records_nothing_when_off);
    fixture_test("/filter-dump/maxlen-cuts", test_maxlen_cuts);
    fixture_test("/filter-dump/vnet-header-is-removed", test_vnet_header_is_removed);
    fixture_test("/filter-dump/many-frames", test_many_frames);
    fixture_test("/filter-dump/is-written-soon", test_is_written_soon);
    fixture_test("/filter-dump/stamps/virtual-clock", test_stamps_follow_virtual_clock);
    fixture_test("/filter-dump/stamps/never-go-back", test_stamps_never_go_back);
    fixture_test("/filter-dump/records-while-stopped-when-asked",
                 test_records_while_stopped_when_asked);
    fixture_test("/filter-dump/full-disk", test_full_disk);
    fixture_test("/filter-dump/full-disk-at-creation", test_full_disk_at_creation);
    fixture_test("/filter-dump/symlink-is-refused", test_symlink_is_refused);
    fixture_test("/filter-dump/fifo-reader-gone-ends-recording-only",
                 test_fifo_reader_gone_ends_recording_only);
    fixture_test("/filter-dump/slow-fifo-does-not-block", test_slow_fifo_does_not_block);
    fixture_test("/filter-dump/creation-errors", test_creation_errors);
    fixture_test("/filter-dump/change-errors", test_change_errors);
    fixture_test("/filter-dump/fd-0-survives-failure", test_fd_0_survives_failure);
    status = g_test_run();
    g_unlink(path);
    g_rmdir(dir);
    g_free(path);
    g_free(dir);
    return status;
}
