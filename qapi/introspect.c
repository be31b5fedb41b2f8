/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command query-qmp-schema. */

#include "qapi/json.h"
#include "qapi/qapi-commands.h"
#include "qapi/qapi.h"
#include "util/error.h"

bool qmp_query_qmp_schema(json_object *args, json_object **ret, GError **error)
{
    if (args && json_object_object_length(args) > 0) {
        struct json_object_iterator first = json_object_iter_begin(args);

        return error_set(error, "Parameter '%s' is unexpected",
                         json_object_iter_peek_name(&first));
    }
    return json_parse_text(qapi_schema_text, ret, error);
}
