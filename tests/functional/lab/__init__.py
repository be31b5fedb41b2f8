# SPDX-License-Identifier: GPL-2.0-or-later
# The library of the functional tests: networks, guests, daemons, traffic, and one deadline.
