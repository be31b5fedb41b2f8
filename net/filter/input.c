/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chardev that brings frames to a filter or to colo-compare: reading, pressure, errors. */

/*
 * Behind an impossible length no frame can be found any more. So the connection is closed, and its
 * rest is not read: a socket's next connection begins anew, and for a chardev that has none the
 * owner may decide to try again. Of datagrams only the one is lost in which that length is, since
 * the next has a beginning of its own.
 */

#include "net/filter/input.h"

#include "util/log.h"
#include "util/trace.h"

TRACE_POINT(filter_input_read);

static size_t input_read_wanted(void *opaque)
{
    FilterInput *in = opaque;

    in->paused = in->dead || !in->ops->wanted(in->owner);
    return in->paused ? 0 : NET_READ_SIZE;
}

/* What messages are about. Returns: owned. */
static char *input_source(const FilterInput *in)
{
    return g_strdup_printf("%s '%s'", in->ops->kind, in->owner->id);
}

static void input_malformed(FilterInput *in, const GError *error)
{
    const FilterInputOps *ops = in->ops;
    g_autofree char *source = input_source(in);

    log_limited_error(source, ops->property, "%s", error->message);
    if (ops->error) {
        log_limited_error(source, ops->error, "%s", ops->error);
    }
    in->n_malformed++;
    net_framer_reset(&in->framer);
    if (!char_frontend_skip_datagram(&in->fe)) {
        in->dead = true;
        char_frontend_disconnect(&in->fe);
    }
}

static void input_read(const uint8_t *data, size_t len, void *opaque)
{
    FilterInput *in = opaque;
    size_t pos = 0;

    TRACE(filter_input_read, "%s=%s %s bytes=%zu", in->ops->kind, in->owner->id,
          in->ops->property, len);
    while (pos < len) {
        g_autoptr(GError) error = NULL;
        NetBatch batch;
        ssize_t used;

        if (net_framer_is_between_frames(&in->framer)) {
            in->framer.vnet_hdr = in->vnet_hdr;
        }
        used = net_framer_push(&in->framer, data + pos, len - pos, &batch, &error);
        if (batch.n > 0) {
            in->ops->frames(in->owner, batch.frames, batch.n);
        }
        if (used < 0) {
            input_malformed(in, error);
            break;
        }
        pos += (size_t)used;
    }
    if (in->ops->read_done) {
        in->ops->read_done(in->owner);
    }
}

/* A frame that has come in part will not go on in the next connection. */
static void input_closed(FilterInput *in)
{
    if (!net_framer_is_between_frames(&in->framer)) {
        g_autofree char *source = input_source(in);
        const char *id = char_id(in->fe.chr);

        log_limited_warning(source, id, "%s '%s' was closed in the middle of a frame",
                            in->ops->property, id);
        in->n_malformed++;
        net_framer_reset(&in->framer);
    }
    in->dead = false;
}

static void input_event(CharEvent event, void *opaque)
{
    switch (event) {
    case CHAR_EVENT_CLOSED:
        input_closed(opaque);
        break;
    case CHAR_EVENT_OPENED:
    case CHAR_EVENT_BREAK:
    case CHAR_EVENT_MUX_IN:
    case CHAR_EVENT_MUX_OUT:
        break;
    }
}

static const CharFrontendOps input_ops = {
    .read_wanted = input_read_wanted,
    .read = input_read,
    .event = input_event,
};

bool filter_input_open(FilterInput *in, Chardev *chr, const FilterInputOps *ops,
                       Object *owner, GError **error)
{
    in->ops = ops;
    in->owner = owner;
    net_framer_init(&in->framer, in->vnet_hdr);
    return char_frontend_attach(&in->fe, chr, &input_ops, in, error);
}

void filter_input_close(FilterInput *in)
{
    char_frontend_detach(&in->fe);
    net_framer_clear(&in->framer);
}

void filter_input_go_on(FilterInput *in)
{
    if (in->paused) {
        char_frontend_accept_input(&in->fe);
    }
}

void filter_input_revive(FilterInput *in)
{
    in->dead = false;
    filter_input_go_on(in);
}

uint64_t filter_input_n_empty(const FilterInput *in)
{
    return in->framer.n_empty;
}
