/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Diagnostics on stderr: program, place, severity, text; a limit for messages of peers. */

#include "util/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/error.h"
#include "util/line-sink.h"

#define LOG_QUIET_NS INT64_C(60000000000)

/* Further kinds of messages are only counted, until there are fewer. */
#define LOG_TOPICS_MAX 1024u

/* Those of one source, whose peer may choose the words: the others' kinds have room, too. */
#define LOG_TOPICS_OF_SOURCE_MAX 32u

/* How long the end of the process may wait for a reader of stderr. */
#define LOG_FINISH_MS 500

/** A message of one kind from one source that was logged less than a minute ago. */
typedef struct LogTopic {
    LogSeverity severity;
    char *text;             /* owned: the message */
    uint64_t n_suppressed;  /* since then */
    int64_t quiet_until_ns; /* of the host's clock */
} LogTopic;

typedef struct LogState {
    char *program;    /* owned */
    char *guest_name; /* owned; NULL = not shown */
    char *location;   /* owned; NULL = nothing is being processed */
    bool timestamps;
    bool is_open;        /* sink is what stderr is */
    bool is_journal;     /* and that is the journal's: each line begins with its priority */
    LineSink sink;
    Syslog syslog;       /* open: messages go there instead */
    char signal_start[128]; /* of a message from a handler of a signal, which can make none */
    GHashTable *topics;  /* owned: source and topic -> LogTopic; NULL = none */
    Timer *quiet_timer;  /* owned; runs while there are topics */
    uint64_t n_beyond;   /* messages that came when there were LOG_TOPICS_MAX topics */
} LogState;

static LogState log_state;

/* systemd.exec(5), JOURNAL_STREAM: the service manager has connected stderr with the journal. */
static bool log_is_journal(void)
{
    const char *stream = g_getenv("JOURNAL_STREAM");
    uint64_t dev, ino;
    struct stat st;

    return stream && sscanf(stream, "%" SCNu64 ":%" SCNu64, &dev, &ino) == 2 &&
           fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

static bool log_is_syslog(void)
{
    return log_state.syslog.path != NULL;
}

/* As sd-daemon(3) has it; "" when nobody would understand it. */
static const char *log_priority(LogSeverity severity)
{
    static const char *const priorities[] = {
        [LOG_SEVERITY_ERROR] = "<3>",
        [LOG_SEVERITY_WARNING] = "<4>",
        [LOG_SEVERITY_INFO] = "<6>",
    };

    return log_state.is_journal ? priorities[severity] : "";
}

static void log_prepare_for_signals(void)
{
    char *start = log_state.signal_start;
    size_t size = sizeof(log_state.signal_start);

    if (log_is_syslog()) {
        syslog_signal_start(start, size, SYSLOG_SEVERITY_ERROR, log_program_name());
    } else {
        g_snprintf(start, size, "%s%s: ", log_priority(LOG_SEVERITY_ERROR), log_program_name());
    }
}

void log_reopen(void)
{
    log_state.is_journal = log_is_journal();
    line_sink_open(&log_state.sink, STDERR_FILENO);
    log_state.is_open = true;
    log_prepare_for_signals();
}

void log_to_syslog(Syslog log)
{
    syslog_close(&log_state.syslog);
    log_state.syslog = log;
    log_prepare_for_signals();
}

static void log_write_to_syslog(SyslogSeverity severity, const char *text, size_t len)
{
    g_autofree char *copy = g_strndup(text, len);
    g_auto(GStrv) lines = g_strsplit(copy, "\n", -1);

    for (char **line = lines; *line; line++) {
        if (**line) {
            syslog_send(&log_state.syslog, severity, log_program_name(), *line);
        }
    }
}

void log_write(const char *text, size_t len)
{
    if (log_is_syslog()) {
        log_write_to_syslog(SYSLOG_SEVERITY_INFO, text, len);
        return;
    }
    if (!log_state.is_open) {
        log_reopen();
    }
    line_sink_write(&log_state.sink, text, len);
}

/* GLib's own handler waits for the reader of stderr. Fatal messages are left to it. */
static GLogWriterOutput log_from_glib(GLogLevelFlags level, const GLogField *fields,
                                      gsize n_fields, gpointer opaque)
{
    g_autofree char *text = NULL;

    if (level & (G_LOG_FLAG_FATAL | G_LOG_LEVEL_ERROR)) {
        return g_log_writer_default(level, fields, n_fields, opaque);
    }
    if (!g_log_writer_default_would_drop(level, NULL)) {
        text = g_log_writer_format_fields(level, fields, n_fields, FALSE);
        log_limited_warning("GLib", text, "%s", text);
    }
    return G_LOG_WRITER_HANDLED;
}

void log_init(const char *argv0)
{
    g_free(log_state.program);
    log_state.program = g_path_get_basename(argv0);
    g_set_prgname(log_state.program);
    log_reopen();
}

void log_catch_glib(void)
{
    g_log_set_writer_func(log_from_glib, NULL, NULL);
}

const char *log_program_name(void)
{
    return log_state.program ? log_state.program : "qemu-net-daemon";
}

void log_set_timestamps(bool on)
{
    log_state.timestamps = on;
}

void log_set_guest_name(const char *name)
{
    g_free(log_state.guest_name);
    log_state.guest_name = g_strdup(name);
}

char *log_set_location(const char *location)
{
    char *before = log_state.location;

    log_state.location = g_strdup(location);
    return before;
}

static void log_append_timestamp(GString *line)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *seconds = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S");

    g_string_append_printf(line, "%s.%06dZ ", seconds, g_date_time_get_microsecond(now));
}

static GString *log_line_new(LogSeverity severity)
{
    static const char *const words[] = {
        [LOG_SEVERITY_ERROR] = "",
        [LOG_SEVERITY_WARNING] = "warning: ",
        [LOG_SEVERITY_INFO] = "info: ",
    };
    GString *line = g_string_new(log_priority(severity));
    const char *where = log_state.location;

    if (log_state.timestamps) {
        log_append_timestamp(line);
    }
    if (log_state.guest_name) {
        g_string_append_printf(line, "%s ", log_state.guest_name);
    }
    if (!log_is_syslog()) {
        g_string_append_printf(line, "%s:", log_program_name());
    }
    if (where) {
        /* A place in a file, ":FILE:LINE", follows without a blank. */
        g_string_append_printf(line, where[0] == ':' ? "%s:" : " %s:",
                               where[0] == ':' ? where + 1 : where);
    }
    g_string_append_printf(line, " %s", words[severity]);
    return line;
}

/* One write, so that the lines of several processes on one stderr do not mix. */
static void log_line_end(LogSeverity severity, GString *line)
{
    static const SyslogSeverity severities[] = {
        [LOG_SEVERITY_ERROR] = SYSLOG_SEVERITY_ERROR,
        [LOG_SEVERITY_WARNING] = SYSLOG_SEVERITY_WARNING,
        [LOG_SEVERITY_INFO] = SYSLOG_SEVERITY_INFO,
    };

    if (log_is_syslog()) {
        g_strchug(line->str);
        log_write_to_syslog(severities[severity], line->str, strlen(line->str));
    } else {
        log_write(line->str, line->len);
    }
    g_string_free(line, TRUE);
}

static void log_text(LogSeverity severity, const char *text)
{
    GString *line = log_line_new(severity);

    g_string_append(line, text);
    g_string_append_c(line, '\n');
    log_line_end(severity, line);
}

static void log_message(LogSeverity severity, const char *fmt, va_list ap) G_GNUC_PRINTF(2, 0);

static void log_message(LogSeverity severity, const char *fmt, va_list ap)
{
    g_autofree char *text = g_strdup_vprintf(fmt, ap);

    log_text(severity, text);
}

void log_error(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_message(LOG_SEVERITY_ERROR, fmt, ap);
    va_end(ap);
}

void log_warning(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_message(LOG_SEVERITY_WARNING, fmt, ap);
    va_end(ap);
}

void log_info(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_message(LOG_SEVERITY_INFO, fmt, ap);
    va_end(ap);
}

void log_gerror(const GError *error)
{
    const char *hint = error_hint(error);
    GString *line = log_line_new(LOG_SEVERITY_ERROR);

    g_string_append_printf(line, "%s\n", error->message);
    if (hint) {
        g_string_append_printf(line, "%s%s", log_priority(LOG_SEVERITY_ERROR), hint);
    }
    log_line_end(LOG_SEVERITY_ERROR, line);
}

void log_error_from_signal(const char *const parts[], size_t n_parts)
{
    struct iovec iov[LOG_PARTS_MAX + 2] = {
        { log_state.signal_start, strlen(log_state.signal_start) },
    };
    size_t n = 1;

    for (size_t i = 0; i < MIN(n_parts, LOG_PARTS_MAX); i++) {
        iov[n++] = (struct iovec) { (char *)parts[i], strlen(parts[i]) };
    }
    if (log_is_syslog()) {
        syslog_send_from_signal(&log_state.syslog, iov, n);
        return;
    }
    iov[n++] = (struct iovec) { (char *)"\n", 1 };
    if (writev(STDERR_FILENO, iov, (int)n) < 0) {
        /* a handler has nobody else to tell */
    }
}

/* --- What peers can cause at will -------------------------------------------------------- */

static void log_topic_free(void *data)
{
    LogTopic *topic = data;

    g_free(topic->text);
    g_free(topic);
}

static void log_notify_suppressed(LogTopic *topic)
{
    g_autofree char *text = g_strdup_printf("%s (suppressed since then: %" G_GUINT64_FORMAT
                                            " more)", topic->text, topic->n_suppressed);

    log_text(topic->severity, text);
    topic->n_suppressed = 0;
}

/* A topic is forgotten after a minute in which nothing was suppressed. */
static gboolean log_topic_is_over(gpointer key, gpointer value, gpointer opaque)
{
    const int64_t *now_ns = opaque;
    LogTopic *topic = value;

    if (*now_ns < topic->quiet_until_ns) {
        return FALSE;
    }
    if (topic->n_suppressed == 0) {
        return TRUE;
    }
    log_notify_suppressed(topic);
    topic->quiet_until_ns = *now_ns + LOG_QUIET_NS;
    return FALSE;
}

static void log_notify_beyond(void)
{
    if (log_state.n_beyond > 0) {
        log_warning("suppressed: %" G_GUINT64_FORMAT " messages of still other kinds",
                    log_state.n_beyond);
        log_state.n_beyond = 0;
    }
}

/* Once for all topics: the quiet time of one may so become twice as long. */
static void log_quiet_ends(void *opaque)
{
    int64_t now_ns = clock_now_ns(CLOCK_TYPE_REALTIME);

    g_hash_table_foreach_remove(log_state.topics, log_topic_is_over, &now_ns);
    log_notify_beyond();
    if (g_hash_table_size(log_state.topics) > 0) {
        timer_start_at(log_state.quiet_timer, now_ns + LOG_QUIET_NS);
    }
}

/* @key, @text: taken */
static void log_topic_begin(char *key, LogSeverity severity, char *text)
{
    LogTopic *topic = g_new0(LogTopic, 1);
    int64_t until_ns = clock_now_ns(CLOCK_TYPE_REALTIME) + LOG_QUIET_NS;

    topic->severity = severity;
    topic->text = text;
    topic->quiet_until_ns = until_ns;
    g_hash_table_insert(log_state.topics, key, topic);
    if (!timer_is_running(log_state.quiet_timer)) {
        timer_start_at(log_state.quiet_timer, until_ns);
    }
}

/* @prefix: of the keys of one source */
static bool log_has_room(const char *prefix)
{
    GHashTableIter iter;
    unsigned n_own = 0;
    void *key;

    g_hash_table_iter_init(&iter, log_state.topics);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        n_own += g_str_has_prefix(key, prefix);
    }
    return n_own < LOG_TOPICS_OF_SOURCE_MAX &&
           g_hash_table_size(log_state.topics) < LOG_TOPICS_MAX;
}

static void log_limited(LogSeverity severity, const char *source, const char *topic,
                        const char *fmt, va_list ap) G_GNUC_PRINTF(4, 0);

static void log_limited(LogSeverity severity, const char *source, const char *topic,
                        const char *fmt, va_list ap)
{
    g_autofree char *prefix = g_strconcat(source, "\n", NULL);
    g_autofree char *key = g_strconcat(prefix, topic, NULL);
    g_autofree char *message = NULL;
    LogTopic *last;
    char *text;

    if (!log_state.topics) {
        log_state.topics = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, log_topic_free);
        log_state.quiet_timer = timer_new(CLOCK_TYPE_REALTIME, log_quiet_ends, NULL);
    }
    last = g_hash_table_lookup(log_state.topics, key);
    if (last) {
        last->n_suppressed++;
        return;
    }
    if (!log_has_room(prefix)) {
        log_state.n_beyond++;
        return;
    }
    message = g_strdup_vprintf(fmt, ap);
    text = g_strdup_printf("%s: %s", source, message);
    log_text(severity, text);
    log_topic_begin(g_steal_pointer(&key), severity, text);
}

void log_limited_error(const char *source, const char *topic, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_limited(LOG_SEVERITY_ERROR, source, topic, fmt, ap);
    va_end(ap);
}

void log_limited_warning(const char *source, const char *topic, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_limited(LOG_SEVERITY_WARNING, source, topic, fmt, ap);
    va_end(ap);
}

void log_cleanup(void)
{
    GHashTableIter iter;
    void *topic;

    if (log_state.topics) {
        g_hash_table_iter_init(&iter, log_state.topics);
        while (g_hash_table_iter_next(&iter, NULL, &topic)) {
            if (((LogTopic *)topic)->n_suppressed > 0) {
                log_notify_suppressed(topic);
            }
        }
        log_notify_beyond();
        g_clear_pointer(&log_state.topics, g_hash_table_unref);
        g_clear_pointer(&log_state.quiet_timer, timer_free);
    }
    syslog_close(&log_state.syslog);
    line_sink_finish(&log_state.sink, LOG_FINISH_MS);
    line_sink_close(&log_state.sink);
    log_state.is_open = false;
}
