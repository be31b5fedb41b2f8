# SPDX-License-Identifier: GPL-2.0-or-later
# Bytes that both ends of a test know beforehand.

import functools
import hashlib
import random

# A prime, so that what repeats falls on other places of segments and buffers each time.
BLOCK = 65521


@functools.lru_cache(maxsize=256)
def block(seed):
    return random.Random(seed).randbytes(BLOCK)


def stream(seed, begin, size):
    """The bytes of an endless stream from begin on."""
    at = begin % BLOCK
    data = block(seed)
    return (data[at:] + data * (size // BLOCK + 1))[:size]


def digest(data):
    return hashlib.sha256(data).hexdigest().encode()


def page(size):
    """What the web server has under the name /SIZE."""
    return stream(f'page {size}', 0, size)
