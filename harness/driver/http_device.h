/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device behind HTTP, for drivers that switch or read it: where it is, how it is trusted, who we are, and
 * what its answers say. */
#ifndef OTARIG_DRIVER_HTTP_DEVICE_H
#define OTARIG_DRIVER_HTTP_DEVICE_H

#include "harness/base/option.h"
#include "harness/base/secret.h"
#include "harness/base/url.h"
#include "harness/io/http.h"

struct http_device {
    char *url, *user, *password_from, *token_from, *ca_file, *cert_file, *key_file;
    char **headers;
    bool verify;
};

#define HTTP_TEXT(config, member, key, text, must, like, want)                                               \
    {                                                                                                        \
        .name = key, .help = text, .type = OPTION_STRING, .offset = offsetof(config, member),                \
        .required = must, .pattern = like, .wanted = want                                                    \
    }
/* Rows of an option table; `config` has a member `device`. */
#define HTTP_DEVICE_OPTIONS(config)                                                                          \
    HTTP_TEXT(config, device.url, "url", "where it is: http://HOST or https://HOST", true, HTTP_URL,         \
              HTTP_URL_WANTED),                                                                              \
        HTTP_TEXT(config, device.user, "user", "who we are (basic or digest authentication)", false, NULL,   \
                  NULL),                                                                                     \
        HTTP_TEXT(config, device.password_from, "password_from",                                             \
                  "where the user's password is: file:PATH or env:NAME", false, SECRET_PATTERN,              \
                  SECRET_WANTED),                                                                            \
        HTTP_TEXT(config, device.token_from, "token_from", "where a bearer token is: file:PATH or env:NAME", \
                  false, SECRET_PATTERN, SECRET_WANTED),                                                     \
        HTTP_TEXT(config, device.ca_file, "ca_file", "certificates to trust (default: the system's)", false, \
                  NULL, NULL),                                                                               \
        HTTP_TEXT(config, device.cert_file, "cert_file", "our own certificate", false, NULL, NULL),          \
        HTTP_TEXT(config, device.key_file, "key_file", "and its key", false, NULL, NULL),                    \
        {.name = "headers",                                                                                  \
         .help = "more lines of a request, \"Name: value\"; no secrets",                                     \
         .type = OPTION_STRINGS,                                                                             \
         .offset = offsetof(config, device.headers)},                                                        \
    {                                                                                                        \
        .name = "verify", .help = "its certificate is verified", .type = OPTION_BOOL,                        \
        .offset = offsetof(config, device.verify), .standard = "true"                                        \
    }

/* One request with everything it needs; the secrets are in it until http_device_forget(). */
struct http_prepared {
    struct http_request request;
    char *url, *name, *body;
    char password[SECRET_MAX], token[SECRET_MAX];
};
/* What stands for what in a path or a body: "{outlet}", ...; NULL-terminated pairs. */
struct http_word {
    const char *name, *value;
};

/* `body` may be NULL. Words are escaped as the place needs. ERROR_INPUT: a secret cannot be read. */
int http_device_prepare(const struct http_device *device, const char *method, const char *path,
                        const char *body, const struct http_word *words, uint64_t timeout_us,
                        struct http_prepared *prepared, struct error *error);
void http_device_forget(struct http_prepared *prepared);

/* What an answer says at a JSON pointer (RFC 6901; NULL: the whole of it as text) as text: "true", "on",
 * "12.5". -1, ERROR_RIG: another status than 2xx, no JSON, nothing there, or no plain value. `name` is of the
 * request. */
int http_device_read(const char *name, const struct http_answer *answer, const char *pointer, char *text,
                     size_t size, struct error *error);

/* What is wrong with the options together; NULL: nothing. */
const char *http_device_check(const struct http_device *device);

#endif
