/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Certificates, keys and lists of revoked ones, made to order for tests, as files of a folder. */

#ifndef TESTS_UNIT_TEST_CERTS_H
#define TESTS_UNIT_TEST_CERTS_H

#include <stdbool.h>

/** What a certificate says. */
typedef struct TestCertSpec {
    const char *subject;  /* "CN=server" */
    const char *host;     /* a name or an address that it is for; NULL = none */
    bool is_ca;
    bool for_client_only; /* else for both ends */
    int from_days;        /* from now; the default of 0 means yesterday */
    int to_days;          /* from now; the default of 0 means in ten days */
} TestCertSpec;

/** A certificate with its key. */
typedef struct TestCert TestCert;

/** test_cert_new: @issuer: who signs; NULL = itself. Free with test_cert_free(). */
TestCert *test_cert_new(const TestCertSpec *spec, const TestCert *issuer);
void test_cert_free(TestCert *cert);

/** test_cert_write: the certificate as @folder/@name; in one step, as tools for it do. */
void test_cert_write(const TestCert *cert, const char *folder, const char *name);

/** test_cert_write_key: @password: encrypted with it (PKCS #8); NULL = as it is. */
void test_cert_write_key(const TestCert *cert, const char *folder, const char *name,
                         const char *password);

/** test_cert_write_crl: a list of @issuer's with the one entry @revoked. */
void test_cert_write_crl(const TestCert *issuer, const TestCert *revoked, const char *folder,
                         const char *name);

/** test_folder_write: a text as @folder/@name. */
void test_folder_write(const char *folder, const char *name, const char *text);

/** test_folder_remove: the folder @path with its files. */
void test_folder_remove(const char *path);

/**
 * test_cert_folder: an end's files: @ca's certificate, @cert with its key
 * @end: "server" or "client"
 * @cert: NULL = only the authority's
 * Returns: the path of a new folder below /tmp; owned.
 */
char *test_cert_folder(const TestCert *ca, const char *end, const TestCert *cert);

#endif
