/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of objects: creation, deletion, properties, the tree and types. */

/*
 * Two classes of our own stand in for the filters of these names, so that no netdev is
 * needed: "filter-buffer" takes every change but one, "filter-mirror" takes none.
 */

#include <string.h>
#include <glib.h>

#include "qapi/json.h"
#include "qapi/qapi-commands.h"
#include "qom/object.h"
#include "util/error.h"

typedef struct Dummy {
    Object obj;
    unsigned n_changed;
    bool busy;
} Dummy;

static GString *journal; /* what the classes were told */

static bool dummy_create(Object *obj, GError **error)
{
    const FilterBufferProperties *props = obj->props;

    if (props->interval == 0) {
        return error_set(error, "no interval");
    }
    g_string_append_printf(journal, "+%s ", obj->id);
    return true;
}

static void dummy_finalize(Object *obj)
{
    g_string_append_printf(journal, "-%s ", obj->id);
}

static bool dummy_change(Object *obj, const QapiMember *member, const void *new_props,
                         GError **error)
{
    const FilterBufferProperties *props = new_props;
    const FilterBufferProperties *old = obj->props;

    if (props->interval == 0) {
        return error_set(error, "interval must not be 0");
    }
    g_string_append_printf(journal, "%s:%u>%u ", member->name, old->interval, props->interval);
    return true;
}

static void dummy_changed(Object *obj, const QapiMember *member)
{
    ((Dummy *)obj)->n_changed++;
}

static bool dummy_can_delete(const Object *obj)
{
    return !((const Dummy *)obj)->busy;
}

static const ObjectStringEnum dummy_string_enums[] = {
    { "insert", "insert what?" },
    { NULL, NULL },
};

static ObjectClass dummy_buffer_class = {
    .name = "filter-buffer",
    .parent = "netfilter",
    .phase = OBJECT_PHASE_LATE,
    .size = sizeof(Dummy),
    .create = dummy_create,
    .finalize = dummy_finalize,
    .change = dummy_change,
    .changed = dummy_changed,
    .can_delete = dummy_can_delete,
    .string_enums = dummy_string_enums,
};

static ObjectClass dummy_mirror_class = {
    .name = "filter-mirror",
    .parent = "netfilter",
    .phase = OBJECT_PHASE_LATE,
    .size = sizeof(Dummy),
};

static ObjectClass abstract_class = {
    .name = "filter-replay",
    .parent = "netfilter",
    .abstract = true,
};

/* --- Helpers ----------------------------------------------------------------------------- */

static json_object *from_text(const char *text)
{
    g_autofree char *quoted = g_strdelimit(g_strdup(text), "'", '"');
    g_autoptr(GError) error = NULL;
    json_object *json;

    json_parse_text(quoted, &json, &error);
    g_assert_no_error(error);
    return json;
}

static void assert_json(json_object *json, const char *text)
{
    json_object *want = from_text(text);

    g_assert_cmpstr(json_object_to_json_string(json), ==, json_object_to_json_string(want));
    g_assert_true(json_object_equal(json, want));
    json_object_put(want);
    json_object_put(json);
}

static bool add(const char *text, GError **error)
{
    json_object *json = from_text(text);
    ObjectOptions *options = qapi_from_json(QAPI_TYPE(ObjectOptions), json, QAPI_INPUT_JSON,
                                            error);
    bool ok = options && qmp_object_add(options, error);

    qapi_free_ObjectOptions(options);
    json_object_put(json);
    return ok;
}

static void assert_error(GError **error, ErrorClass class, const char *message)
{
    g_assert_error(*error, ERROR_DOMAIN, (int)class);
    g_assert_cmpstr((*error)->message, ==, message);
    g_clear_error(error);
}

static void check_add_error(const char *text, const char *message)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(add(text, &error));
    assert_error(&error, ERROR_CLASS_GENERIC, message);
}

#define BUFFER(id) "{'qom-type':'filter-buffer','id':'" id "','netdev':'n0','interval':10}"

static void add_buffer(const char *text)
{
    g_autoptr(GError) error = NULL;
    bool ok = add(text, &error);

    g_assert_no_error(error);
    g_assert_true(ok);
}

static bool del(const char *id, GError **error)
{
    ObjectDelArgs args = { .id = (char *)id };

    return qmp_object_del(&args, error);
}

static json_object *get(const char *path, const char *property, GError **error)
{
    QomGetArgs args = { .path = (char *)path, .property = (char *)property };

    return qmp_qom_get(&args, error);
}

static bool set(const char *path, const char *property, const char *value, GError **error)
{
    QomSetArgs args = {
        .path = (char *)path,
        .property = (char *)property,
        .value = from_text(value),
    };
    bool ok = qmp_qom_set(&args, error);

    json_object_put(args.value);
    return ok;
}

static void check_set_error(const char *property, const char *value, const char *message)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(set("/objects/b", property, value, &error));
    assert_error(&error, ERROR_CLASS_GENERIC, message);
}

static json_object *list(const char *path)
{
    QomListArgs args = { .path = (char *)path };
    g_autoptr(GError) error = NULL;
    ObjectPropertyInfoList *infos = qmp_qom_list(&args, &error);
    json_object *json;

    g_assert_no_error(error);
    json = qapi_to_json(QAPI_TYPE(ObjectPropertyInfoList), infos);
    qapi_free_ObjectPropertyInfoList(infos);
    return json;
}

static void setup(void *fixture, gconstpointer data)
{
    g_string_truncate(journal, 0);
}

static void teardown(void *fixture, gconstpointer data)
{
    object_delete_all();
}

/* --- Creation and deletion --------------------------------------------------------------- */

static void test_add(void *fixture, gconstpointer data)
{
    Object *obj;

    add_buffer(BUFFER("b"));
    obj = object_find("b");
    g_assert_nonnull(obj);
    g_assert_cmpstr(obj->id, ==, "b");
    g_assert_true(obj->class == &dummy_buffer_class);
    g_assert_cmpuint(((FilterBufferProperties *)obj->props)->interval, ==, 10);
    g_assert_cmpstr(((FilterBufferProperties *)obj->props)->status, ==, "on");
    g_assert_null(object_find("c"));
    g_assert_cmpstr(journal->str, ==, "+b ");
}

static void test_add_duplicate(void *fixture, gconstpointer data)
{
    add_buffer(BUFFER("f"));
    check_add_error(BUFFER("f"),
                    "attempt to add duplicate property 'f' to object (type 'container')");
    g_assert_cmpstr(journal->str, ==, "+f ");
}

static void test_add_bad_id(void *fixture, gconstpointer data)
{
    check_add_error(BUFFER("1x"), "Parameter 'id' expects an identifier");
    check_add_error(BUFFER(""), "Parameter 'id' expects an identifier");
}

static void test_add_errors(void *fixture, gconstpointer data)
{
    check_add_error("{'qom-type':'nosuch','id':'a'}",
                    "Parameter 'qom-type' does not accept value 'nosuch'");
    check_add_error("{'qom-type':'filter-buffer','id':'a','interval':1}",
                    "Parameter 'netdev' is missing");
    check_add_error("{'qom-type':'filter-buffer','id':'a','netdev':'n','interval':1,'bogus':1}",
                    "Parameter 'bogus' is unexpected");
    check_add_error("{'qom-type':'filter-buffer','id':'a','netdev':'n','interval':1,'status':1}",
                    "Invalid parameter type for 'status', expected: string");
}

static void test_add_not_built_in(void *fixture, gconstpointer data)
{
    check_add_error("{'qom-type':'filter-replay','id':'a','netdev':'n'}",
                    "invalid object type: filter-replay");
}

static void test_add_create_fails(void *fixture, gconstpointer data)
{
    check_add_error("{'qom-type':'filter-buffer','id':'a','netdev':'n','interval':0}",
                    "no interval");
    g_assert_null(object_find("a"));
    g_assert_cmpstr(journal->str, ==, "");
}

static void test_del(void *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    add_buffer(BUFFER("b"));
    g_assert_true(del("b", &error));
    g_assert_null(object_find("b"));
    g_assert_cmpstr(journal->str, ==, "+b -b ");
    g_assert_false(del("b", &error));
    assert_error(&error, ERROR_CLASS_GENERIC, "object 'b' not found");
    add_buffer(BUFFER("b")); /* its name is free again */
}

static void test_del_in_use(void *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    add_buffer(BUFFER("b"));
    ((Dummy *)object_find("b"))->busy = true;
    g_assert_false(del("b", &error));
    assert_error(&error, ERROR_CLASS_GENERIC, "object 'b' is in use, can not be deleted");
    g_assert_nonnull(object_find("b"));
}

static void append_id(Object *obj, void *opaque)
{
    g_string_append(opaque, obj->id);
}

static void test_order(void *fixture, gconstpointer data)
{
    g_autoptr(GString) ids = g_string_new(NULL);

    add_buffer(BUFFER("c"));
    add_buffer(BUFFER("a"));
    add_buffer(BUFFER("b"));
    object_foreach(append_id, ids);
    g_assert_cmpstr(ids->str, ==, "cab");
    object_delete_all();
    g_assert_cmpstr(journal->str, ==, "+c +a +b -b -a -c ");
}

/* --- Properties -------------------------------------------------------------------------- */

static void test_get(void *fixture, gconstpointer data)
{
    add_buffer(BUFFER("b"));
    assert_json(get("/objects/b", "type", NULL), "'filter-buffer'");
    assert_json(get("/objects/b", "interval", NULL), "10");
    assert_json(get("/objects/b", "queue", NULL), "'all'");
    assert_json(get("/objects/b", "netdev", NULL), "'n0'");
    assert_json(get("/objects/b", "insert", NULL), "'behind'");
    assert_json(get("/objects", "b", NULL), "'/objects/b'");
    assert_json(get("/", "objects", NULL), "'/objects'");
    assert_json(get("/", "type", NULL), "'container'");
}

static void test_get_errors(void *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    add_buffer(BUFFER("b"));
    g_assert_null(get("/objects/b", "nosuch", &error));
    assert_error(&error, ERROR_CLASS_GENERIC, "Property 'filter-buffer.nosuch' not found");
    g_assert_null(get("/objects", "nosuch", &error));
    assert_error(&error, ERROR_CLASS_GENERIC, "Property 'container.nosuch' not found");
    g_assert_null(get("/x", "type", &error));
    assert_error(&error, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '/x' not found");
}

static void test_set(void *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    Dummy *dummy;

    add_buffer(BUFFER("b"));
    dummy = (Dummy *)object_find("b");
    g_string_truncate(journal, 0);
    g_assert_true(set("/objects/b", "interval", "20", &error));
    g_assert_cmpstr(journal->str, ==, "interval:10>20 ");
    g_assert_cmpuint(dummy->n_changed, ==, 1);
    assert_json(get("/objects/b", "interval", NULL), "20");
    g_assert_true(set("b", "netdev", "'other'", &error));
    assert_json(get("b", "netdev", NULL), "'other'");
    g_assert_no_error(error);
}

static void test_set_refused(void *fixture, gconstpointer data)
{
    add_buffer(BUFFER("b"));
    check_set_error("interval", "0", "interval must not be 0");
    assert_json(get("/objects/b", "interval", NULL), "10");
    g_assert_cmpuint(((Dummy *)object_find("b"))->n_changed, ==, 0);
}

static void test_set_errors(void *fixture, gconstpointer data)
{
    add_buffer(BUFFER("b"));
    check_set_error("nosuch", "1", "Property 'filter-buffer.nosuch' not found");
    check_set_error("type", "'x'", "Property 'filter-buffer.type' is not writable");
    check_set_error("status", "1", "Invalid parameter type for 'status', expected: string");
    check_set_error("interval", "'1'", "Parameter 'interval' expects uint64");
    check_set_error("queue", "'foo'", "Parameter 'queue' does not accept value 'foo'");
    check_set_error("insert", "'foo'", "insert what?");
    assert_json(get("/objects/b", "queue", NULL), "'all'");
}

static void test_set_without_hook(void *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    add_buffer("{'qom-type':'filter-mirror','id':'m','netdev':'n0','outdev':'c'}");
    g_assert_false(set("m", "outdev", "'d'", &error));
    assert_error(&error, ERROR_CLASS_GENERIC, "Property 'filter-mirror.outdev' can only be "
                 "given when the object is created");
}

static void test_set_container(void *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    add_buffer(BUFFER("b"));
    g_assert_false(set("/objects", "b", "1", &error));
    assert_error(&error, ERROR_CLASS_GENERIC, "Property 'container.b' is not writable");
    g_assert_false(set("/objects", "c", "1", &error));
    assert_error(&error, ERROR_CLASS_GENERIC, "Property 'container.c' not found");
}

/* --- The tree ---------------------------------------------------------------------------- */

static void test_list_root(void *fixture, gconstpointer data)
{
    assert_json(list("/"), "[{'name':'type','type':'string'},"
                           "{'name':'objects','type':'child<container>'},"
                           "{'name':'chardevs','type':'child<container>'},"
                           "{'name':'machine','type':'child<container>'},"
                           "{'name':'backend','type':'child<container>'},"
                           "{'name':'audiodevs','type':'child<container>'}]");
}

static void test_list_objects(void *fixture, gconstpointer data)
{
    add_buffer(BUFFER("b"));
    assert_json(list("/objects"), "[{'name':'type','type':'string'},"
                                  "{'name':'b','type':'child<filter-buffer>'}]");
}

/* The type that qom-list says property @name of @path has. Returns: owned. */
static char *property_type(const char *path, const char *name)
{
    json_object *infos = list(path);
    char *type = NULL;

    for (size_t i = 0; i < json_object_array_length(infos); i++) {
        json_object *info = json_object_array_get_idx(infos, i);

        if (strcmp(json_object_get_string(json_object_object_get(info, "name")), name) == 0) {
            type = g_strdup(json_object_get_string(json_object_object_get(info, "type")));
        }
    }
    json_object_put(infos);
    return type;
}

static void test_property_types(void *fixture, gconstpointer data)
{
    static const char *const want[][2] = {
        { "type", "string" }, { "netdev", "string" }, { "queue", "NetFilterDirection" },
        { "status", "string" }, { "position", "string" }, { "insert", "string" },
        { "interval", "uint32" },
    };

    add_buffer(BUFFER("b"));
    for (size_t i = 0; i < G_N_ELEMENTS(want); i++) {
        g_autofree char *type = property_type("/objects/b", want[i][0]);

        g_assert_cmpstr(type, ==, want[i][1]);
    }
}

static void check_no_path(const char *path)
{
    QomListArgs args = { .path = (char *)path };
    g_autoptr(GError) error = NULL;
    g_autofree char *message = g_strdup_printf("Device '%s' not found", path);

    g_assert_null(qmp_qom_list(&args, &error));
    assert_error(&error, ERROR_CLASS_DEVICE_NOT_FOUND, message);
}

static void test_paths(void *fixture, gconstpointer data)
{
    add_buffer(BUFFER("b"));
    json_object_put(list("objects"));
    json_object_put(list("objects/b"));
    json_object_put(list("b"));
    json_object_put(list("//objects//b/"));
    check_no_path("");
    check_no_path("/x");
    check_no_path("/b");
    check_no_path("/objects/b/c");
    check_no_path("b/objects");
}

static json_object *node_get(const char *name, void *opaque)
{
    return json_object_new_string(opaque);
}

static void test_nodes(void *fixture, gconstpointer data)
{
    static const char *const properties[][2] = { { "label", "string" }, { NULL, NULL } };
    static const ObjectNodeInfo info = { "chardev-null", properties, node_get };
    g_autoptr(GError) error = NULL;

    object_node_add("/chardevs/c0", &info, (void *)"hello");
    assert_json(list("/chardevs"), "[{'name':'type','type':'string'},"
                                   "{'name':'c0','type':'child<chardev-null>'}]");
    assert_json(list("c0"), "[{'name':'type','type':'string'},{'name':'label','type':'string'}]");
    assert_json(get("c0", "label", NULL), "'hello'");
    assert_json(get("c0", "type", NULL), "'chardev-null'");
    g_assert_null(get("c0", "nosuch", &error));
    assert_error(&error, ERROR_CLASS_GENERIC, "Property 'chardev-null.nosuch' not found");
    g_assert_false(set("c0", "label", "'x'", &error));
    assert_error(&error, ERROR_CLASS_GENERIC, "Property 'chardev-null.label' is not writable");
    object_node_remove("/chardevs/c0");
    check_no_path("/chardevs/c0");
}

/* Names are what they are, even with slashes or none at all. */
static void test_node_names(void *fixture, gconstpointer data)
{
    static const ObjectNodeInfo info = { "chardev-null", NULL, node_get };

    object_node_add("/chardevs/a/b", &info, NULL);
    object_node_add("/chardevs/", &info, NULL);
    assert_json(list("/chardevs"), "[{'name':'type','type':'string'},"
                                   "{'name':'a/b','type':'child<chardev-null>'},"
                                   "{'name':'','type':'child<chardev-null>'}]");
    object_node_remove("/chardevs/");
    object_node_remove("/chardevs/a/b");
    object_node_remove("/chardevs/a/b");
    assert_json(list("/chardevs"), "[{'name':'type','type':'string'}]");
}

static void test_ambiguous(void *fixture, gconstpointer data)
{
    static const ObjectNodeInfo info = { "chardev-null", NULL, node_get };
    g_autoptr(GError) error = NULL;

    add_buffer(BUFFER("x"));
    object_node_add("/chardevs/x", &info, NULL);
    g_assert_null(get("x", "type", &error));
    assert_error(&error, ERROR_CLASS_GENERIC, "Path 'x' is ambiguous");
    assert_json(get("objects/x", "type", NULL), "'filter-buffer'");
    object_node_remove("/chardevs/x");
}

static void test_list_get(void *fixture, gconstpointer data)
{
    char *paths[] = { (char *)"/objects", (char *)"/objects/m" };
    strList path_list = { .len = 2, .items = paths };
    QomListGetArgs args = { .paths = &path_list };
    ObjectPropertiesValuesList *values;

    add_buffer("{'qom-type':'filter-mirror','id':'m','netdev':'n0','outdev':'c'}");
    values = qmp_qom_list_get(&args, NULL);
    g_assert_cmpuint(values->len, ==, 2);
    g_assert_cmpuint(values->items[0].properties->len, ==, 2);
    g_assert_cmpstr(values->items[0].properties->items[1].name, ==, "m");
    g_assert_null(values->items[0].properties->items[1].value);
    g_assert_cmpstr(json_object_get_string(values->items[1].properties->items[1].value), ==,
                    "n0");
    qapi_free_ObjectPropertiesValuesList(values);
}

static void test_list_get_error(void *fixture, gconstpointer data)
{
    char *paths[] = { (char *)"/objects", (char *)"/x" };
    strList path_list = { .len = 2, .items = paths };
    QomListGetArgs args = { .paths = &path_list };
    g_autoptr(GError) error = NULL;

    g_assert_null(qmp_qom_list_get(&args, &error));
    assert_error(&error, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '/x' not found");
}

/* --- Types ------------------------------------------------------------------------------- */

/* The names of what qom-list-types answers, each followed by a blank. */
static char *types(const char *implements, bool abstract)
{
    QomListTypesArgs args = { .implements = (char *)implements, .abstract = abstract };
    ObjectTypeInfoList *infos = qmp_qom_list_types(&args, NULL);
    GString *names = g_string_new(NULL);

    for (size_t i = 0; i < infos->len; i++) {
        g_string_append_printf(names, "%s ", infos->items[i].name);
    }
    qapi_free_ObjectTypeInfoList(infos);
    return g_string_free(names, FALSE);
}

static void test_types(void *fixture, gconstpointer data)
{
    g_autofree char *accel = types("accel", false);
    g_autofree char *accel_all = types("accel", true);
    g_autofree char *unknown = types("nosuch", true);
    g_autofree char *all = types(NULL, true);
    g_autofree char *objects_all = types("object", true);

    g_assert_cmpstr(accel, ==, "qtest-accel ");
    g_assert_cmpstr(accel_all, ==, "accel qtest-accel ");
    g_assert_cmpstr(unknown, ==, "");
    g_assert_cmpstr(all, ==, objects_all);
    g_assert_nonnull(strstr(all, "netfilter "));
}

static void test_type_info(void *fixture, gconstpointer data)
{
    QomListTypesArgs args = { .implements = (char *)"accel", .abstract = true };
    ObjectTypeInfoList *infos = qmp_qom_list_types(&args, NULL);

    assert_json(qapi_to_json(QAPI_TYPE(ObjectTypeInfoList), infos),
                "[{'name':'accel','abstract':true,'parent':'object'},"
                "{'name':'qtest-accel','parent':'accel'}]");
    qapi_free_ObjectTypeInfoList(infos);
}

static void test_register_name(void *fixture, gconstpointer data)
{
    g_autofree char *names = NULL;

    object_type_register_name("test-nic", "device", false);
    object_type_register_name("test-nic", NULL, true);
    object_type_register_name("filter-buffer", NULL, true); /* known: stays creatable */
    names = types("device", false);
    g_assert_nonnull(strstr(names, "test-nic "));
    g_assert_null(object_class_find("test-nic"));
    g_assert_true(object_class_find("filter-buffer") == &dummy_buffer_class);
}

static void test_list_properties(void *fixture, gconstpointer data)
{
    QomListPropertiesArgs args = { .typename = (char *)"filter-buffer" };
    ObjectPropertyInfoList *infos = qmp_qom_list_properties(&args, NULL);
    const ObjectPropertyInfo *queue = &infos->items[2];

    g_assert_cmpuint(infos->len, >=, 7);
    g_assert_cmpstr(infos->items[0].name, ==, "type");
    g_assert_cmpstr(queue->name, ==, "queue");
    g_assert_cmpstr(queue->type, ==, "NetFilterDirection");
    g_assert_nonnull(queue->description);
    g_assert_cmpstr(json_object_get_string(queue->default_value), ==, "all");
    g_assert_null(infos->items[1].default_value);
    qapi_free_ObjectPropertyInfoList(infos);
}

static void test_list_properties_errors(void *fixture, gconstpointer data)
{
    QomListPropertiesArgs args = { .typename = (char *)"nosuch" };
    g_autoptr(GError) error = NULL;

    g_assert_null(qmp_qom_list_properties(&args, &error));
    assert_error(&error, ERROR_CLASS_DEVICE_NOT_FOUND, "Class 'nosuch' not found");
}

static const struct {
    const char *path;
    void (*func)(void *fixture, gconstpointer data);
} tests[] = {
    { "/object/add", test_add },
    { "/object/add-duplicate", test_add_duplicate },
    { "/object/add-bad-id", test_add_bad_id },
    { "/object/add-errors", test_add_errors },
    { "/object/add-not-built-in", test_add_not_built_in },
    { "/object/add-create-fails", test_add_create_fails },
    { "/object/del", test_del },
    { "/object/del-in-use", test_del_in_use },
    { "/object/order", test_order },
    { "/object/get", test_get },
    { "/object/get-errors", test_get_errors },
    { "/object/set", test_set },
    { "/object/set-refused", test_set_refused },
    { "/object/set-errors", test_set_errors },
    { "/object/set-without-hook", test_set_without_hook },
    { "/object/set-container", test_set_container },
    { "/object/list-root", test_list_root },
    { "/object/list-objects", test_list_objects },
    { "/object/property-types", test_property_types },
    { "/object/paths", test_paths },
    { "/object/nodes", test_nodes },
    { "/object/node-names", test_node_names },
    { "/object/ambiguous", test_ambiguous },
    { "/object/list-get", test_list_get },
    { "/object/list-get-error", test_list_get_error },
    { "/object/types", test_types },
    { "/object/type-info", test_type_info },
    { "/object/register-name", test_register_name },
    { "/object/list-properties", test_list_properties },
    { "/object/list-properties-errors", test_list_properties_errors },
};

int main(int argc, char **argv)
{
    int rc;

    g_test_init(&argc, &argv, NULL);
    journal = g_string_new(NULL);
    dummy_buffer_class.props = QAPI_TYPE(FilterBufferProperties);
    dummy_mirror_class.props = QAPI_TYPE(FilterMirrorProperties);
    object_class_register(&dummy_buffer_class);
    object_class_register(&dummy_mirror_class);
    object_class_register(&abstract_class);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_test_add_vtable(tests[i].path, 0, NULL, setup, tests[i].func, teardown);
    }
    rc = g_test_run();
    g_string_free(journal, TRUE);
    return rc;
}
