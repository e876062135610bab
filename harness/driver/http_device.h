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

/* What stands for what in a path or a body: "{outlet}", ...; NULL-terminated pairs. */
struct http_word {
    const char *name, *value;
};
/* Rules for those rows. */
#define HTTP_DEVICE_RULES                                                                                    \
    HTTP_WHO_RULES,                                                                                          \
    {                                                                                                        \
        OPTION_NEEDS, (const char *const[]){"key_file", NULL}, "cert_file", NULL,                            \
            "a \"cert_file\" whose key that is"                                                              \
    }

/* A request to it. Words are escaped as the place needs. */
struct http_wish {
    const char *method; /* NULL: GET, or POST where there is a body */
    const char *path, *body;
    const struct http_word *words; /* NULL: none */
    uint64_t timeout_us;
};

/* An answer that came, whatever it says; `name` is of the request, without secrets. */
typedef int http_take(void *arg, const char *name, const struct http_answer *answer, struct error *error);
/* Holds the caller until the answer is there, and gives it to `take`. -1: none came in time (ERROR_RIG), a
 * secret cannot be read (ERROR_INPUT), or `take` says so. */
int http_device_now(const struct http_device *device, const struct http_wish *wish, http_take *take,
                    void *arg, struct error *error);

struct http_talk;
/* Begins the same beside everything else in the loop. `ended` is called once, from the loop, with the answer
 * or with why there is none; http_talk_free() is allowed in it. The wish is not needed any more. */
struct http_talk *http_device_begin(
    struct loop *loop, const struct http_device *device, const struct http_wish *wish,
    void (*ended)(void *arg, const char *name, const struct http_answer *answer, const struct error *failed),
    void *arg, struct error *error);
/* Breaks it off, without a call. NULL is allowed. */
void http_talk_free(struct http_talk *talk);

/* What an answer says at a JSON pointer (RFC 6901; NULL: the whole of it as text) as text: "true", "on",
 * "12.5". -1, ERROR_RIG: another status than 2xx, no JSON, nothing there, or no plain value. `name` is of the
 * request. */
int http_device_read(const char *name, const struct http_answer *answer, const char *pointer, char *text,
                     size_t size, struct error *error);

/* What is wrong with the options together beyond the rules; NULL: nothing. */
const char *http_device_check(const struct http_device *device);

#endif
