/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/io/http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"

struct transfer {
    CURL *easy;
    struct curl_slist *headers;
    char *name, *body;
    size_t len;
    bool too_long;
    char why[CURL_ERROR_SIZE];
};

/* A descriptor of a transfer in the loop. */
struct watch {
    struct watch *next;
    int fd;
    struct loop_source *source;
    struct http_call *call;
};

struct http_call {
    struct loop *loop;
    CURLM *multi;
    struct transfer transfer;
    struct watch *watches;
    struct loop_source *timer;
    void (*ended)(void *arg, const struct http_answer *answer, const struct error *failed);
    void *arg;
};

/* ---- one transfer ---- */

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
    struct transfer *transfer = arg;
    size_t len = size * count;
    if (transfer->len + len > HTTP_BODY_MAX) {
        transfer->too_long = true;
        return 0;
    }
    transfer->body = mem_resize(transfer->body, transfer->len + len + 1, 1);
    memcpy(transfer->body + transfer->len, data, len);
    transfer->len += len;
    transfer->body[transfer->len] = 0;
    return len;
}

static void set_credentials(CURL *easy, const struct http_request *request)
{
    if (request->user) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST));
        curl_easy_setopt(easy, CURLOPT_USERNAME, request->user);
        curl_easy_setopt(easy, CURLOPT_PASSWORD, request->password ? request->password : "");
    }
    if (request->token) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, request->token);
    }
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, request->unverified ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, request->unverified ? 0L : 2L);
    if (request->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, request->ca_file);
    if (request->cert_file)
        curl_easy_setopt(easy, CURLOPT_SSLCERT, request->cert_file);
    if (request->key_file)
        curl_easy_setopt(easy, CURLOPT_SSLKEY, request->key_file);
}

static void set_body(struct transfer *transfer, const struct http_request *request)
{
    CURL *easy = transfer->easy;
    if (request->body) {
        char *type = mem_printf("Content-Type: %s",
                                request->content_type ? request->content_type : "application/json");
        transfer->headers = curl_slist_append(transfer->headers, type);
        free(type);
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, request->body);
    } else if (request->method && !strcmp(request->method, "POST")) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, 0L);
    }
    if (request->method)
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    for (char *const *header = request->headers; header && *header; header++)
        transfer->headers = curl_slist_append(transfer->headers, *header);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
}

static int transfer_begin(struct transfer *transfer, const struct http_request *request, struct error *error)
{
    *transfer = (struct transfer){.easy = curl_easy_init(),
                                  .name = mem_string(request->name ? request->name : request->url),
                                  .body = mem_string("")};
    if (!transfer->easy)
        return error_set(error, ERROR_SYSTEM, "libcurl has no memory");
    CURL *easy = transfer->easy;
    if (curl_easy_setopt(easy, CURLOPT_URL, request->url))
        return error_set(error, ERROR_INPUT, "%s: expected a URL", transfer->name);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(request->timeout_us / 1000));
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->why);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "otarig");
    set_credentials(easy, request);
    set_body(transfer, request);
    return 0;
}

static void transfer_end(struct transfer *transfer)
{
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    free(transfer->name);
    free(transfer->body);
}

static int judge(const struct transfer *transfer, CURLcode code, int *status, struct error *error)
{
    long number = 0;
    if (code)
        return error_set(error, ERROR_RIG, "%s: %s", transfer->name,
                         transfer->too_long ? "the answer is too long"
                         : transfer->why[0] ? transfer->why
                                            : curl_easy_strerror(code));
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &number);
    *status = (int)number;
    return 0;
}

int http_now(const struct http_request *request, int *status, char *body, struct error *error)
{
    struct transfer transfer;
    int failed = transfer_begin(&transfer, request, error) ||
                 judge(&transfer, curl_easy_perform(transfer.easy), status, error);
    if (!failed)
        memcpy(body, transfer.body, transfer.len + 1);
    transfer_end(&transfer);
    return failed ? -1 : 0;
}

/* ---- in a loop ---- */

/* One that has ended is told; the call may be gone afterwards. */
static void tell_end(struct http_call *call)
{
    int left;
    CURLMsg *message = curl_multi_info_read(call->multi, &left);
    struct error error = {0};
    struct http_answer answer = {.body = call->transfer.body};
    if (!message || message->msg != CURLMSG_DONE)
        return;
    int failed = judge(&call->transfer, message->data.result, &answer.status, &error);
    loop_timer_set(call->timer, LOOP_NEVER);
    call->ended(call->arg, failed ? NULL : &answer, failed ? &error : NULL);
}

static void on_ready(void *arg, int fd, uint32_t events)
{
    struct http_call *call = ((struct watch *)arg)->call;
    int running, mask = (events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) |
                        (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                        (events & EPOLLERR ? CURL_CSELECT_ERR : 0);
    curl_multi_socket_action(call->multi, fd, mask, &running);
    tell_end(call);
}

static void on_timer(void *arg, uint64_t now_us)
{
    struct http_call *call = arg;
    int running;
    curl_multi_socket_action(call->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    tell_end(call);
}

static void drop_watch(struct http_call *call, struct watch *watch)
{
    for (struct watch **at = &call->watches; *at; at = &(*at)->next)
        if (*at == watch) {
            *at = watch->next;
            break;
        }
    loop_remove(watch->source);
    free(watch);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *mine)
{
    struct http_call *call = arg;
    struct watch *watch = mine;
    uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
    if (what == CURL_POLL_REMOVE) {
        if (watch)
            drop_watch(call, watch);
        curl_multi_assign(call->multi, fd, NULL);
        return 0;
    }
    if (watch) {
        loop_fd_events(watch->source, events);
        return 0;
    }
    watch = mem_alloc(sizeof *watch);
    *watch = (struct watch){.next = call->watches, .fd = fd, .call = call};
    watch->source = loop_add_fd(call->loop, fd, events, on_ready, watch);
    call->watches = watch;
    curl_multi_assign(call->multi, fd, watch);
    return 0;
}

static int on_timeout(CURLM *multi, long ms, void *arg)
{
    struct http_call *call = arg;
    loop_timer_set(call->timer, ms < 0 ? LOOP_NEVER : clock_host_us() + (uint64_t)ms * 1000);
    return 0;
}

struct http_call *http_start(struct loop *loop, const struct http_request *request,
                             void (*ended)(void *arg, const struct http_answer *answer,
                                           const struct error *failed),
                             void *arg, struct error *error)
{
    struct http_call *call = mem_alloc(sizeof *call);
    *call = (struct http_call){.loop = loop, .ended = ended, .arg = arg, .multi = curl_multi_init()};
    call->timer = loop_add_host_timer(loop, LOOP_NEVER, on_timer, call);
    if (!call->multi)
        error_set(error, ERROR_SYSTEM, "libcurl has no memory");
    if (transfer_begin(&call->transfer, request, error) || !call->multi) {
        http_call_free(call);
        return NULL;
    }
    curl_multi_setopt(call->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(call->multi, CURLMOPT_SOCKETDATA, call);
    curl_multi_setopt(call->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    curl_multi_setopt(call->multi, CURLMOPT_TIMERDATA, call);
    curl_multi_add_handle(call->multi, call->transfer.easy); /* begins by its timer, from the loop */
    return call;
}

void http_call_free(struct http_call *call)
{
    if (!call)
        return;
    if (call->multi && call->transfer.easy)
        curl_multi_remove_handle(call->multi, call->transfer.easy);
    transfer_end(&call->transfer);
    while (call->watches)
        drop_watch(call, call->watches);
    curl_multi_cleanup(call->multi);
    loop_remove(call->timer);
    free(call);
}
