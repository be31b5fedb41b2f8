/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vm-follower as a client of QMP: every shape of stream, garbage, errors, ends at any place. */

#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "fake-vm.h"

/*
 *   test (the VM) ◄──unix── chardev qmp0 ◄── vm-follower vm0 of the program
 */

/* --- Good streams -------------------------------------------------------------------------- */

static void send_bytes(FakeVm *vm, const char *text)
{
    for (; *text; text++) {
        sock_write(vm->fd, text, 1);
    }
}

static void test_byte_by_byte(void)
{
    FakeVm *vm = fake_vm_start("", "");

    fake_vm_accept(vm);
    send_bytes(vm, FAKE_GREETING);
    fake_vm_command(vm, "qmp_capabilities");
    send_bytes(vm, "{\"return\": {}, \"id\": 1}\r\n");
    fake_vm_command(vm, "query-status");
    fake_vm_command(vm, "query-migrate");
    send_bytes(vm, "{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"STOP\"}");
    fake_vm_wait(vm, "run-state", "paused");
    send_bytes(vm, "{\"return\": {\"status\": \"running\", \"running\": true}, \"id\": 2}");
    qtest_expect_event(vm->s, "RESUME");
    fake_vm_quit(vm);
}

/* Events may come before the reply that they follow from; many messages in one write. */
static void test_all_at_once(void)
{
    FakeVm *vm = fake_vm_start("", "");

    fake_vm_accept(vm);
    fake_vm_send(vm, FAKE_GREETING "{'event': 'NIC_RX_FILTER_CHANGED'}\n"
                 "{'return': {}, 'id': 1}{'event': 'STOP'} {'event': 'RESUME'}\r\n\r\n"
                 "{'id': 3, 'return': {}}");
    qtest_expect_event(vm->s, "RESUME");
    fake_vm_command(vm, "qmp_capabilities");
    fake_vm_wait(vm, "vm-status", "running");
    fake_vm_assert(vm, "errors", "0");
    fake_vm_quit(vm);
}

static void test_greeting_of_another_kind(void)
{
    FakeVm *vm = fake_vm_start("", "");

    fake_vm_accept(vm);
    fake_vm_send(vm, "{'QMP': {'capabilities': []}}\n");
    fake_vm_reply(vm, fake_vm_command(vm, "qmp_capabilities"), "{}");
    fake_vm_answer_status(vm, "running");
    qtest_expect_event(vm->s, "RESUME");
    fake_vm_assert(vm, "version", "0.0.0");
    fake_vm_quit(vm);
}

static void test_odd_events_are_ignored(void)
{
    FakeVm *vm = fake_vm_start("", "");

    fake_vm_follow(vm, "running");
    fake_vm_send(vm, "{'event': 'MIGRATION', 'data': {'status': null}}"
                 "{'event': 'MIGRATION', 'data': {'status': {'a': [1, 2]}}}"
                 "{'event': 'MIGRATION', 'data': []}"
                 "{'event': 'SHUTDOWN', 'timestamp': 'now'}"
                 "{'event': 'RESET', 'timestamp': {'seconds': 'x', 'microseconds': {}}}"
                 "{'event': 'WATCHDOG', 'data': {'action': 'a\\u001b[31m\\nb'}}"
                 "{'event': 'STOP', 'return': {}, 'QMP': 1}");
    qtest_expect_event(vm->s, "STOP");
    fake_vm_assert(vm, "errors", "0");
    fake_vm_quit(vm);
}

/* We listen, and the VM connects: "-chardev socket" without server=on on its side. */
static void test_vm_connects_out(void)
{
    g_autofree char *path = tmp_path("us.sock");
    FakeVm *vm = fake_vm_new();

    vm->s = qtest_start("-chardev socket,id=qmp0,path=%s,server=on,wait=off "
                        "-object vm-follower,id=vm0,chardev=qmp0", path);
    for (int i = 0; i < 2; i++) {
        vm->fd = sock_connect_unix(path);
        fake_vm_greet(vm);
        fake_vm_answer_status(vm, "running");
        qtest_expect_event(vm->s, "RESUME");
        fake_vm_hang_up(vm);
        qtest_expect_event(vm->s, "STOP");
    }
    fake_vm_quit(vm);
}

static void test_silent_peer(void)
{
    FakeVm *vm = fake_vm_new();

    vm->s = qtest_start("-chardev null,id=n -object vm-follower,id=vm0,chardev=n");
    fake_vm_assert(vm, "state", "greeting");
    fake_vm_assert(vm, "hold", "vm-unknown");
    fake_vm_assert_state(vm, "prelaunch");
    fake_vm_quit(vm);
}

/* --- Garbage ------------------------------------------------------------------------------- */

typedef struct Garbage {
    const char *name;
    bool greeted;        /* it comes when the VM is followed; else instead of the greeting */
    const char *text;
    const char *message;
} Garbage;

#define NO_GREETING "the VM does not greet as a QMP server does"
#define NO_REPLY    "the VM sent a message that is neither event nor reply"

static const Garbage garbage[] = {
    { "text", false, "hello\n", "JSON parse error, invalid keyword 'hello'" },
    { "stray-byte", false, "\001", "JSON parse error, stray ' '" },
    { "http", false, "HTTP/1.1 400 Bad Request\r\n", "JSON parse error, stray 'H'" },
    { "html", false, "<html>", "JSON parse error, stray '<'" },
    { "list-for-greeting", false, "[]", "the VM sent a message that is not a JSON object" },
    { "null-for-greeting", false, "null\n", "the VM sent a message that is not a JSON object" },
    { "object-for-greeting", false, "{}", NO_GREETING },
    { "event-for-greeting", false, "{'event': 'STOP'}", NO_GREETING },
    { "reply-for-greeting", false, "{'return': {}, 'id': 1}", NO_GREETING },
    { "greeting-of-a-wrong-type", false, "{'QMP': []}", NO_GREETING },
    { "text-later", true, "}", "JSON parse error, expecting value" },
    { "number", true, "17 ", "the VM sent a message that is not a JSON object" },
    { "null", true, "null ", "the VM sent a message that is not a JSON object" },
    { "empty-object", true, "{}", NO_REPLY },
    { "second-greeting", true, FAKE_GREETING, NO_REPLY },
    { "event-without-a-name", true, "{'event': 5}", NO_REPLY },
    { "error-of-a-wrong-type", true, "{'error': 'no'}", NO_REPLY },
    { "reply-without-id", true, "{'return': {}}", "the VM sent a reply to no command" },
    { "reply-to-no-command", true, "{'return': {}, 'id': 77}",
      "the VM sent a reply to no command" },
    { "reply-with-odd-id", true, "{'return': {}, 'id': 'x'}",
      "the VM sent a reply to no command" },
    { "error-to-no-command", true, "{'error': {'class': 'GenericError', 'desc': 'x'}}",
      "the VM sent a reply to no command" },
};

static void expect_broken(FakeVm *vm, const char *message)
{
    g_autofree char *line = g_strdup_printf("vm-follower 'vm0': chardev 'qmp0': %s\n", message);

    sock_expect_eof(vm->fd);
    qtest_wait_output(vm->s, line);
    fake_vm_wait(vm, "last-error", message);
}

static void test_garbage(const void *data)
{
    const Garbage *row = data;
    FakeVm *vm = fake_vm_start("", "");

    if (row->greeted) {
        fake_vm_follow(vm, "running");
        qtest_expect_event(vm->s, "RESUME");
    } else {
        fake_vm_accept(vm);
    }
    fake_vm_send(vm, row->text);
    expect_broken(vm, row->message);
    fake_vm_assert(vm, "errors", "1");
    if (row->greeted) {
        qtest_expect_event(vm->s, "STOP");
    }
    fake_vm_follow(vm, "running"); /* the chardev comes back by itself */
    qtest_expect_event(vm->s, "RESUME");
    fake_vm_quit(vm);
}

/* What is sent to it: a piece again and again, until the follower hangs up. */
static void send_endlessly(FakeVm *vm, const char *first, char piece)
{
    char buf[1024];

    memset(buf, piece, sizeof(buf));
    fake_vm_accept(vm);
    fake_vm_send(vm, first);
    for (int i = 0; i < 80; i++) {
        if (write(vm->fd, buf, sizeof(buf)) < 0) {
            break;
        }
    }
    expect_broken(vm, "the VM sent a message of more than 65536 bytes");
}

static void test_endless_messages(void)
{
    FakeVm *vm = fake_vm_start("", "");

    send_endlessly(vm, "{\"QMP\": \"", 'x');
    send_endlessly(vm, "", ' ');
    send_endlessly(vm, "[", '7');
    fake_vm_follow(vm, "running");
    fake_vm_quit(vm);
}

static void test_deep_nesting(void)
{
    FakeVm *vm = fake_vm_start("", "");
    g_autofree char *text = g_strnfill(1100, '[');

    fake_vm_accept(vm);
    fake_vm_send(vm, text);
    expect_broken(vm, "JSON nesting depth limit exceeded");
    fake_vm_quit(vm);
}

static void test_many_long_messages_are_no_long_message(void)
{
    FakeVm *vm = fake_vm_start("", "");
    g_autofree char *filler = g_strnfill(60000, 'x');
    g_autofree char *event = g_strdup_printf("{'event': 'X', 'data': {'x': '%s'}}", filler);

    fake_vm_follow(vm, "running");
    for (int i = 0; i < 5; i++) {
        fake_vm_send(vm, event);
    }
    fake_vm_event(vm, "STOP", NULL);
    qtest_expect_event(vm->s, "STOP");
    fake_vm_assert(vm, "errors", "0");
    fake_vm_quit(vm);
}

static void test_reply_without_status(void)
{
    FakeVm *vm = fake_vm_start("", "");

    fake_vm_accept(vm);
    fake_vm_greet(vm);
    fake_vm_reply(vm, fake_vm_command(vm, "query-status"), "{'status': 5}");
    expect_broken(vm, "the VM's reply to 'query-status' has no status");
    fake_vm_quit(vm);
}

/* A peer that is wrong again and again must not fill the log. */
static void test_log_is_not_flooded(void)
{
    FakeVm *vm = fake_vm_start("", "");
    g_autofree char *output = NULL;
    int n_lines = 0;

    for (int i = 0; i < 20; i++) {
        fake_vm_accept(vm);
        fake_vm_send(vm, "[]");
        sock_expect_eof(vm->fd);
    }
    fake_vm_wait(vm, "errors", "20");
    output = qtest_output(vm->s);
    for (const char *p = output; (p = strstr(p, "vm-follower 'vm0'")); p++) {
        n_lines++;
    }
    g_assert_cmpint(n_lines, <=, 10);
    fake_vm_quit(vm);
}

/* A client that does not reconnect stays closed, and nothing spins. */
static void test_without_reconnect(void)
{
    FakeVm *vm = fake_vm_new();

    vm->s = qtest_start("-chardev socket,id=qmp0,path=%s "
                        "-object vm-follower,id=vm0,chardev=qmp0", vm->path);
    fake_vm_accept(vm);
    fake_vm_send(vm, "[]");
    expect_broken(vm, "the VM sent a message that is not a JSON object");
    fake_vm_assert(vm, "state", "disconnected");
    g_assert_false(fd_is_readable(vm->listen_fd));
    fake_vm_quit(vm);
}

/* A chardev that cannot be disconnected is not read any more. */
static void test_garbage_on_a_pipe(void)
{
    g_autofree char *path = tmp_path("pipe");
    g_autofree char *in = tmp_path("pipe.in");
    g_autofree char *out = tmp_path("pipe.out");
    FakeVm *vm = fake_vm_new();
    int fd;

    g_assert_cmpint(mkfifo(in, 0600), ==, 0);
    g_assert_cmpint(mkfifo(out, 0600), ==, 0);
    vm->s = qtest_start("-chardev pipe,id=qmp0,path=%s -object vm-follower,id=vm0,chardev=qmp0",
                        path);
    fd = open(in, O_WRONLY | O_CLOEXEC);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, "[] {}", 5), ==, 5);
    fake_vm_wait(vm, "errors", "1");
    fake_vm_assert(vm, "state", "disconnected");
    sock_close(&fd);
    fake_vm_quit(vm);
}

/* --- Errors that the VM reports ------------------------------------------------------------ */

static void expect_refused(FakeVm *vm, const char *message)
{
    g_autofree char *line = g_strdup_printf("vm-follower 'vm0': the VM refused %s\n", message);
    g_autofree char *error = g_strdup_printf("the VM refused %s", message);

    qtest_wait_output(vm->s, line);
    fake_vm_wait(vm, "last-error", error);
}

static void test_refused_capabilities(void)
{
    FakeVm *vm = fake_vm_start("", "");

    fake_vm_accept(vm);
    fake_vm_send(vm, FAKE_GREETING);
    fake_vm_refuse(vm, fake_vm_command(vm, "qmp_capabilities"), "no way");
    sock_expect_eof(vm->fd);
    qtest_wait_output(vm->s, "the VM refused 'qmp_capabilities': GenericError: no way\n");
    qtest_wait_output(vm->s, "chardev 'qmp0': there is no way to negotiate with the VM\n");
    fake_vm_wait(vm, "errors", "2");
    fake_vm_quit(vm);
}

/* Nothing is known then, until an event tells. */
static void test_refused_status(void)
{
    FakeVm *vm = fake_vm_start("", "");

    fake_vm_accept(vm);
    fake_vm_greet(vm);
    fake_vm_refuse(vm, fake_vm_command(vm, "query-status"), "not \\u001b[1mnow");
    expect_refused(vm, "'query-status': GenericError: not  [1mnow");
    fake_vm_assert(vm, "state", "negotiating");
    fake_vm_assert(vm, "hold", "vm-unknown");
    fake_vm_event(vm, "RESUME", NULL);
    qtest_expect_event(vm->s, "RESUME");
    fake_vm_assert(vm, "vm-status", "running");
    fake_vm_quit(vm);
}

/* A QEMU that was built without migration. */
static void test_refused_migration(void)
{
    FakeVm *vm = fake_vm_start("", "");

    fake_vm_accept(vm);
    fake_vm_greet(vm);
    fake_vm_answer_status(vm, "running");
    fake_vm_refuse(vm, fake_vm_command(vm, "query-migrate"), "The command is unknown");
    expect_refused(vm, "'query-migrate': GenericError: The command is unknown");
    fake_vm_wait(vm, "state", "following");
    fake_vm_quit(vm);
}

static void test_error_without_class(void)
{
    FakeVm *vm = fake_vm_start("", "");

    fake_vm_accept(vm);
    fake_vm_greet(vm);
    fake_vm_command(vm, "query-status");
    fake_vm_send(vm, "{'error': {}, 'id': 2}");
    expect_refused(vm, "'query-status': no class: no description");
    fake_vm_quit(vm);
}

static void test_unanswered_commands(void)
{
    FakeVm *vm = fake_vm_start("", "");

    fake_vm_assert(vm, "unanswered", "0");
    fake_vm_follow(vm, "running");
    fake_vm_wait(vm, "unanswered", "0");
    fake_vm_event(vm, "STOP", NULL);
    fake_vm_wait(vm, "unanswered", "2");
    fake_vm_answer_status(vm, "paused");
    fake_vm_wait(vm, "unanswered", "1");
    fake_vm_hang_up(vm);
    fake_vm_wait(vm, "unanswered", "0");
    fake_vm_quit(vm);
}

/* The capability is not asked for again when no migration was the reason. */
static void test_refused_events(void)
{
    FakeVm *vm = fake_vm_start("", "");

    fake_vm_accept(vm);
    fake_vm_greet(vm);
    fake_vm_answer_status(vm, "running");
    fake_vm_answer_migration(vm, NULL);
    fake_vm_refuse(vm, fake_vm_command(vm, "migrate-set-capabilities"), "no such thing");
    expect_refused(vm, "'migrate-set-capabilities': GenericError: no such thing");
    fake_vm_answer_migration(vm, NULL);
    fake_vm_wait(vm, "state", "following"); /* without them */
    fake_vm_event(vm, "STOP", NULL);
    fake_vm_answer_status(vm, "paused");
    fake_vm_answer_migration(vm, NULL);
    fake_vm_event(vm, "RESUME", NULL);
    fake_vm_command(vm, "query-status"); /* this, and not the capability */
    fake_vm_quit(vm);
}

/* In the middle of a migration the capability cannot be set: its end is asked for. */
static void test_events_are_asked_for_after_a_migration(void)
{
    FakeVm *vm = fake_vm_start("", "");

    fake_vm_accept(vm);
    fake_vm_greet(vm);
    fake_vm_answer_status(vm, "running");
    fake_vm_answer_migration(vm, "active");
    fake_vm_wait(vm, "armed", "true");
    fake_vm_assert(vm, "state", "following");
    fake_vm_answer_migration(vm, "active"); /* a second later */
    fake_vm_answer_migration(vm, "failed");
    fake_vm_reply(vm, fake_vm_command(vm, "migrate-set-capabilities"), "{}");
    fake_vm_wait(vm, "armed", "false");
    fake_vm_assert(vm, "migration", "failed");
    fake_vm_assert(vm, "errors", "0");
    fake_vm_quit(vm);
}

/* One began between the question and the request. */
static void test_events_refused_because_of_a_migration(void)
{
    FakeVm *vm = fake_vm_start("", "");

    fake_vm_accept(vm);
    fake_vm_greet(vm);
    fake_vm_answer_status(vm, "running");
    fake_vm_answer_migration(vm, NULL);
    fake_vm_refuse(vm, fake_vm_command(vm, "migrate-set-capabilities"), "in progress");
    fake_vm_answer_migration(vm, "setup");
    fake_vm_wait(vm, "armed", "true");
    fake_vm_answer_migration(vm, "completed"); /* a second later */
    fake_vm_command(vm, "migrate-set-capabilities");
    fake_vm_quit(vm);
}

/* A destination waits in "setup" from its start, and takes the capability all the same. */
static void test_destination_is_asked_for_events(void)
{
    FakeVm *vm = fake_vm_start("", "");

    fake_vm_accept(vm);
    fake_vm_greet(vm);
    fake_vm_answer_status(vm, "inmigrate");
    fake_vm_answer_migration(vm, "setup");
    fake_vm_accept_events(vm, "inmigrate", "active");
    fake_vm_wait(vm, "migration", "active");
    fake_vm_assert(vm, "armed", "false");
    fake_vm_quit(vm);
}

/* What happened before the VM began to tell is asked for once more. */
static void test_nothing_is_missed_before_events_are_on(void)
{
    FakeVm *vm = fake_vm_start("", "");

    fake_vm_accept(vm);
    fake_vm_greet(vm);
    fake_vm_answer_status(vm, "inmigrate");
    fake_vm_answer_migration(vm, "setup");
    fake_vm_accept_events(vm, "paused", "completed"); /* it came in, and was not to run */
    fake_vm_wait(vm, "run-state", "paused");
    fake_vm_wait(vm, "migration", "completed");
    fake_vm_quit(vm);
}

/* --- Ends at any place --------------------------------------------------------------------- */

/* The whole conversation of a VM, cut behind each of its bytes. */
static const char conversation[] =
    "{'QMP': {'version': {'qemu': {'major': 7}}}}\r\n"
    "{'return': {}, 'id': 1}\r\n"
    "{'event': 'STOP'}\r\n"
    "{'return': {'status': 'running', 'running': true}, 'id': 2}\r\n"
    "{'return': {}, 'id': 3}\r\n"
    "{'return': {}, 'id': 4}\r\n"
    "{'event': 'MIGRATION', 'data': {'status': 'active'}}\r\n"
    "{'event': 'STOP'}\r\n"
    "{'event': 'RESUME'}\r\n";

static void test_end_at_any_place(void)
{
    FakeVm *vm = fake_vm_start("", "");

    for (size_t len = 0; len < strlen(conversation); len++) {
        fake_vm_accept(vm);
        sock_write(vm->fd, conversation, len);
    }
    fake_vm_follow(vm, "running");
    fake_vm_assert_state(vm, "running");
    fake_vm_assert(vm, "errors", "0");
    fake_vm_quit(vm);
}

static void test_one_reply_to_a_command(void)
{
    FakeVm *vm = fake_vm_start("", "");
    int64_t id;

    fake_vm_accept(vm);
    fake_vm_greet(vm);
    id = fake_vm_command(vm, "query-status");
    fake_vm_reply(vm, id, "{'status': 'running', 'running': true}");
    qtest_expect_event(vm->s, "RESUME");
    fake_vm_reply(vm, id, "{'status': 'paused', 'running': false}");
    expect_broken(vm, "the VM sent a reply to no command");
    fake_vm_quit(vm);
}

#define ADD(name, func) g_test_add_func("/vm-follower-qmp/" name, func)

static void add_garbage(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(garbage); i++) {
        g_autofree char *path = g_strconcat("/vm-follower-qmp/garbage/", garbage[i].name, NULL);

        g_test_add_data_func(path, &garbage[i], test_garbage);
    }
    ADD("garbage/endless-messages", test_endless_messages);
    ADD("garbage/deep-nesting", test_deep_nesting);
    ADD("garbage/many-long-messages-are-no-long-message",
        test_many_long_messages_are_no_long_message);
    ADD("garbage/reply-without-status", test_reply_without_status);
    ADD("garbage/log-is-not-flooded", test_log_is_not_flooded);
    ADD("garbage/without-reconnect", test_without_reconnect);
    ADD("garbage/on-a-pipe", test_garbage_on_a_pipe);
}

static void add_errors(void)
{
    ADD("refused/capabilities", test_refused_capabilities);
    ADD("refused/status", test_refused_status);
    ADD("refused/migration", test_refused_migration);
    ADD("refused/without-class", test_error_without_class);
    ADD("unanswered-commands", test_unanswered_commands);
    ADD("refused/events", test_refused_events);
    ADD("events-are-asked-for-after-a-migration", test_events_are_asked_for_after_a_migration);
    ADD("events-refused-because-of-a-migration", test_events_refused_because_of_a_migration);
    ADD("destination-is-asked-for-events", test_destination_is_asked_for_events);
    ADD("nothing-is-missed-before-events-are-on", test_nothing_is_missed_before_events_are_on);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("byte-by-byte", test_byte_by_byte);
    ADD("all-at-once", test_all_at_once);
    ADD("greeting-of-another-kind", test_greeting_of_another_kind);
    ADD("odd-events-are-ignored", test_odd_events_are_ignored);
    ADD("vm-connects-out", test_vm_connects_out);
    ADD("silent-peer", test_silent_peer);
    add_garbage();
    add_errors();
    ADD("end-at-any-place", test_end_at_any_place);
    ADD("one-reply-to-a-command", test_one_reply_to_a_command);
    return g_test_run();
}
