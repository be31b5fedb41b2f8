/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query-netfilters tells the ends of a filter, and why it asks for no frames of a stopped VM. */

#include "cases.h"
#include "rig.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* The text of a member of the filter's entry, "" where it is absent. Owned. */
static char *filter_text(QTest *s, const char *id, const char *name)
{
    g_autoptr(json_object) entry = qtest_filter(s, id);
    json_object *value = json_object_object_get(entry, name);

    return g_strdup(value ? json_object_get_string(value) : "");
}

static void expect_text(QTest *s, const char *id, const char *name, const char *value)
{
    g_autofree char *text = filter_text(s, id, name);

    g_assert_cmpstr(text, ==, value);
}

/* ---- One filter, created, and what it tells ---- */

typedef struct Asking {
    const char *name;
    const char *filter; /* -object FILTER,id=f0,netdev=net0 */
    const char *why;    /* "" = it asks */
    const char *enabled;
    const char *outdev;
    const char *outdev_connected;
} Asking;

/* chr0 is connected, gone0 is not. */
static const Asking askings[] = {
    { "mirror", "filter-mirror,outdev=chr0,enable_when_stopped=on", "", "true", "chr0", "true" },
    { "mirror-off", "filter-mirror,outdev=chr0,enable_when_stopped=on,status=off", "status-off",
      "true", "chr0", "true" },
    { "not-enabled", "filter-redirector,outdev=chr0,queue=tx", "not-enabled", "false", "chr0",
      "true" },
    { "not-connected", "filter-redirector,outdev=gone0,enable_when_stopped=on", "not-connected",
      "true", "gone0", "false" },
    { "run-state", "filter-redirector,outdev=chr0,enable_when_stopped=on,active-in.0=paused",
      "run-state", "true", "chr0", "true" },
    { "indev-only", "filter-redirector,indev=gone0", "never", "false", "", "" },
    { "dump", "filter-dump,file=/dev/null,enable_when_stopped=on", "", "true", "", "" },
    { "dump-off", "filter-dump,file=/dev/null", "not-enabled", "false", "", "" },
    { "buffer", "filter-buffer,interval=1000", "never", "", "", "" },
    { "replay", "filter-replay", "never", "", "", "" },
    { "rewriter", "filter-rewriter", "never", "", "", "" },
    { "handover-source", "filter-handover,outdev=chr0,queue=tx", "run-state", "", "chr0",
      "false" },
};

static void test_asking(const void *data)
{
    const Asking *asking = data;
    Rig *rig = rig_new(RIG_SOCKET_STREAM, "-chardev socket,id=gone0,port=0,host=127.0.0.1,"
                       "server=on,wait=off");
    g_auto(GStrv) words = g_strsplit(asking->filter, ",", -1);
    g_autofree char *told = NULL;

    rig_connect_out(rig);
    told = qtest_hmp(rig->s, "object_add %s,id=f0,netdev=net0%s", words[0],
                     asking->filter + strlen(words[0]));
    g_assert_cmpstr(told, ==, "");
    expect_text(rig->s, "f0", "not-asking", asking->why);
    expect_text(rig->s, "f0", "wants-stopped", asking->why[0] ? "false" : "true");
    expect_text(rig->s, "f0", "enable_when_stopped", asking->enabled);
    expect_text(rig->s, "f0", "outdev", asking->outdev);
    expect_text(rig->s, "f0", "outdev-connected", asking->outdev_connected);
    qtest_object_del(rig->s, "f0");
    rig_free(rig);
}

/* ---- What changes it ---- */

static void test_follows_the_connection(void)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, "-object filter-redirector,id=f0,netdev=net0,"
                       "outdev=chr0,enable_when_stopped=on");
    g_autofree char *text = NULL;

    expect_text(rig->s, "f0", "not-asking", "not-connected");
    text = qtest_hmp(rig->s, "info netfilters");
    g_assert_nonnull(strstr(text, "outdev chr0: not connected"));
    g_assert_nonnull(strstr(text, "does not ask for frames while the VM is stopped: "
                            "not-connected"));
    rig_connect_out(rig);
    expect_text(rig->s, "f0", "not-asking", "");
    expect_text(rig->s, "f0", "outdev-connected", "true");
    rig_disconnect_out(rig);
    expect_text(rig->s, "f0", "not-asking", "not-connected");
    rig_free(rig);
}

static void test_indev(void)
{
    g_autofree char *path = tmp_path("in.sock");
    Rig *rig = rig_new(RIG_SOCKET_STREAM, "-chardev socket,id=in0,path=%s,server=on,wait=off "
                       "-object filter-redirector,id=f0,netdev=net0,indev=in0", path);
    int fd;

    expect_text(rig->s, "f0", "indev", "in0");
    expect_text(rig->s, "f0", "indev-connected", "false");
    fd = sock_connect_unix(path);
    qtest_wait_chardev(rig->s, "in0", true);
    expect_text(rig->s, "f0", "indev-connected", "true");
    sock_close(&fd);
    rig_free(rig);
}

/* The reader of a fifo goes, and the file that f0 writes is none any more. */
static void test_file_failed(void)
{
    g_autofree char *path = tmp_path("dump.fifo");
    int reader;
    Rig *rig;

    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    g_assert_cmpint(reader, >=, 0);
    rig = rig_new(RIG_SOCKET_STREAM, "-object filter-dump,id=f0,netdev=net0,file=%s,"
                  "enable_when_stopped=on", path);
    expect_text(rig->s, "f0", "not-asking", "");
    sock_close(&reader);
    rig_send(rig, 1);
    qtest_wait_filter(rig->s, "f0", "wants-stopped", 0);
    expect_text(rig->s, "f0", "not-asking", "file-failed");
    rig_free(rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    CASES_ADD("/filter-asking/", askings, name, test_asking);
    g_test_add_func("/filter-asking/follows-the-connection", test_follows_the_connection);
    g_test_add_func("/filter-asking/indev", test_indev);
    g_test_add_func("/filter-asking/file-failed", test_file_failed);
    return g_test_run();
}
