/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One HTTP request, beside everything else in a loop or holding the caller. Redirections are not followed (a
 * secret must not go elsewhere), no proxy of the environment is used (a rack is near), and a server's
 * certificate is verified unless the request says otherwise. */
#ifndef OTARIG_IO_HTTP_H
#define OTARIG_IO_HTTP_H

#include "harness/io/loop.h"

#define HTTP_BODY_MAX 65536u

/* Strings stay the caller's until the request is over; NULL: none. */
struct http_request {
    const char *url;    /* http:// or https:// */
    const char *name;   /* the same for messages: without secrets */
    const char *method; /* NULL: GET, or POST where there is a body */
    const char *body, *content_type;
    char *const *headers;             /* "Name: value", NULL-terminated */
    const char *user, *password;      /* basic or digest, as the server asks for */
    const char *token;                /* bearer */
    const char *ca_file;              /* whom to trust; NULL: the system's */
    const char *cert_file, *key_file; /* who we are */
    bool unverified;
    uint64_t timeout_us;
};
struct http_answer {
    int status;
    const char *body; /* NUL-terminated, at most HTTP_BODY_MAX bytes */
};
struct http_call;

/* `ended` is called once, from the loop; http_call_free() is allowed in it. failed: no answer came at all. */
struct http_call *http_start(struct loop *loop, const struct http_request *request,
                             void (*ended)(void *arg, const struct http_answer *answer,
                                           const struct error *failed),
                             void *arg, struct error *error);
void http_call_free(struct http_call *call); /* breaks it off, without a call; NULL is allowed */
/* The same, holding the caller; the body is written to `body` (HTTP_BODY_MAX + 1 bytes). */
int http_now(const struct http_request *request, int *status, char *body, struct error *error);
#endif
