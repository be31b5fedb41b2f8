/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A chardev that brings packets to colo-compare. */

#include "net/colo-input.h"

#include "util/log.h"

static size_t input_read_wanted(void *opaque)
{
    ColoInput *in = opaque;

    if (in->dead) {
        return 0;
    }
    in->paused = !in->hooks->wanted(in->opaque);
    return in->paused ? 0 : NET_READ_SIZE;
}

/* What follows an impossible length is not framed any more: it is another connection's turn. */
static void input_malformed(ColoInput *in, const GError *error)
{
    log_error("%s: %s", in->who, error->message);
    log_error("%s: colo-compare %s error", in->who, in->what);
    in->n_malformed++;
    in->dead = true;
    net_framer_reset(&in->framer);
    char_frontend_disconnect(&in->fe);
}

static void input_read(const uint8_t *data, size_t len, void *opaque)
{
    ColoInput *in = opaque;
    size_t pos = 0;

    while (pos < len) {
        g_autoptr(GError) error = NULL;
        NetBatch batch;
        ssize_t used;

        if (net_framer_is_between_frames(&in->framer)) {
            in->framer.vnet_hdr = in->vnet_hdr;
        }
        used = net_framer_push(&in->framer, data + pos, len - pos, &batch, &error);
        in->hooks->frames(&batch, in->opaque);
        if (used < 0) {
            input_malformed(in, error);
            break;
        }
        pos += (size_t)used;
    }
    in->hooks->read_done(in->opaque);
}

/* A frame that has come in part will not go on in the next connection. */
static void input_closed(ColoInput *in)
{
    if (!net_framer_is_between_frames(&in->framer)) {
        log_warning("%s: %s '%s' was closed in the middle of a frame", in->who, in->what,
                    char_id(in->fe.chr));
        in->n_malformed++;
        net_framer_reset(&in->framer);
    }
    in->dead = false;
}

static void input_event(CharEvent event, void *opaque)
{
    ColoInput *in = opaque;

    switch (event) {
    case CHAR_EVENT_CLOSED:
        input_closed(in);
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

bool colo_input_open(ColoInput *in, Chardev *chr, GError **error)
{
    net_framer_init(&in->framer, in->vnet_hdr);
    return char_frontend_attach(&in->fe, chr, &input_ops, in, error);
}

void colo_input_close(ColoInput *in)
{
    char_frontend_detach(&in->fe);
    net_framer_clear(&in->framer);
}

void colo_input_go_on(ColoInput *in)
{
    if (in->paused) {
        char_frontend_accept_input(&in->fe);
    }
}
