# SPDX-License-Identifier: GPL-2.0-or-later
"""The one exception of the schema compiler: a mistake in a schema file."""


class SchemaError(Exception):
    """A mistake at a place (file, line), printed as FILE:LINE: MESSAGE."""

    def __init__(self, place, message):
        super().__init__(message)
        self.place = place

    def __str__(self):
        return '%s:%d: %s' % (self.place[0], self.place[1], self.args[0])
