/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors of the schema's built-in types and the lists of them. */

#ifndef QAPI_BUILTIN_H
#define QAPI_BUILTIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <glib.h>
#include <json-c/json.h>
#include "qapi/qapi.h"

/** Declares the descriptor of built-in @name, the list @name##List and its parts. */
#define QAPI_BUILTIN_DECLARE(name, c_type)                          \
    typedef struct name##List {                                     \
        size_t len;                                                 \
        c_type *items;                                              \
    } name##List;                                                   \
    extern const QapiType qapi_type_##name;                         \
    extern const QapiType qapi_type_##name##List;                   \
    static inline void qapi_free_##name##List(name##List *value)    \
    {                                                               \
        qapi_free(&qapi_type_##name##List, value);                  \
    }                                                               \
    G_DEFINE_AUTOPTR_CLEANUP_FUNC(name##List, qapi_free_##name##List)

QAPI_BUILTIN_DECLARE(str, char *)
QAPI_BUILTIN_DECLARE(bool, bool)
QAPI_BUILTIN_DECLARE(int, int64_t)
QAPI_BUILTIN_DECLARE(int8, int8_t)
QAPI_BUILTIN_DECLARE(int16, int16_t)
QAPI_BUILTIN_DECLARE(int32, int32_t)
QAPI_BUILTIN_DECLARE(int64, int64_t)
QAPI_BUILTIN_DECLARE(uint8, uint8_t)
QAPI_BUILTIN_DECLARE(uint16, uint16_t)
QAPI_BUILTIN_DECLARE(uint32, uint32_t)
QAPI_BUILTIN_DECLARE(uint64, uint64_t)
QAPI_BUILTIN_DECLARE(size, uint64_t)
QAPI_BUILTIN_DECLARE(number, double)
QAPI_BUILTIN_DECLARE(any, json_object *)

/** JSON null has no storage and no list. */
extern const QapiType qapi_type_null;

#endif
