/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/fleet/call.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"

#define KEPT_MAX 65536u

struct calls {
    struct loop *loop;
    CURLM *multi;
    struct loop_source *timer;
    const char *root;
    struct call *first; /* under way */
    size_t open;
};
struct call {
    struct calls *calls;
    CURL *curl;
    struct curl_slist *headers;
    char *body, kept_error[CURL_ERROR_SIZE];
    char *kept;
    size_t kept_len;
    bool counts_only;
    uint64_t bytes, begin_us;
    void (*done)(void *arg, const struct call_result *result);
    void *arg;
    struct call *next, **before;
};

static void call_free(struct call *call)
{
    *call->before = call->next;
    if (call->next)
        call->next->before = call->before;
    call->calls->open--;
    curl_multi_remove_handle(call->calls->multi, call->curl);
    curl_easy_cleanup(call->curl);
    curl_slist_free_all(call->headers);
    free(call->body);
    free(call->kept);
    free(call);
}

static void finish(struct call *call, CURLcode code)
{
    struct call_result result = {.body = call->kept ? call->kept : "",
                                 .bytes = call->bytes,
                                 .took_us = clock_now_us() - call->begin_us,
                                 .retry_s = -1};
    curl_off_t retry_s = 0;
    if (code == CURLE_OK)
        curl_easy_getinfo(call->curl, CURLINFO_RESPONSE_CODE, &result.status);
    else
        result.why = call->kept_error[0] ? call->kept_error : curl_easy_strerror(code);
    if (!curl_easy_getinfo(call->curl, CURLINFO_RETRY_AFTER, &retry_s) && retry_s > 0)
        result.retry_s = (int64_t)retry_s;
    void (*done)(void *, const struct call_result *) = call->done;
    done(call->arg, &result);
    call_free(call);
}

static void collect(struct calls *calls)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(calls->multi, &left))) {
        struct call *call = NULL;
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
        finish(call, code);
    }
}

/* ---- curl's sockets and its timer, on the loop ---- */

static void on_ready(void *arg, int fd, uint32_t events)
{
    struct calls *calls = arg;
    int running, mask = (events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                        (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                        (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
    curl_multi_socket_action(calls->multi, fd, mask, &running);
    collect(calls);
}

static int on_socket(CURL *curl, curl_socket_t fd, int what, void *arg, void *mine)
{
    struct calls *calls = arg;
    struct loop_source *source = mine;
    uint32_t events =
        (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) | (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
    if (what == CURL_POLL_REMOVE) {
        loop_remove(source);
        curl_multi_assign(calls->multi, fd, NULL);
    } else if (source) {
        loop_fd_events(source, events);
    } else {
        curl_multi_assign(calls->multi, fd, loop_add_fd(calls->loop, fd, events, on_ready, calls));
    }
    return 0;
}

static void on_timer(void *arg, uint64_t now_us)
{
    struct calls *calls = arg;
    int running;
    curl_multi_socket_action(calls->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(calls);
}

static int on_timeout(CURLM *multi, long timeout_ms, void *arg)
{
    struct calls *calls = arg;
    loop_timer_set(calls->timer, timeout_ms < 0 ? LOOP_NEVER : clock_now_us() + (uint64_t)timeout_ms * 1000);
    return 0;
}

struct calls *calls_new(struct loop *loop, const char *root, struct error *error)
{
    struct calls *calls = mem_alloc(sizeof *calls);
    *calls = (struct calls){.loop = loop, .root = root};
    if (curl_global_init(CURL_GLOBAL_DEFAULT) || !(calls->multi = curl_multi_init())) {
        error_set(error, ERROR_SYSTEM, "libcurl does not start");
        free(calls);
        return NULL;
    }
    calls->timer = loop_add_timer(loop, LOOP_NEVER, on_timer, calls);
    curl_multi_setopt(calls->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(calls->multi, CURLMOPT_SOCKETDATA, calls);
    curl_multi_setopt(calls->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    curl_multi_setopt(calls->multi, CURLMOPT_TIMERDATA, calls);
    return calls;
}

static size_t take(char *data, size_t one, size_t len, void *arg)
{
    struct call *call = arg;
    call->bytes += len;
    if (call->counts_only || call->kept_len + len > KEPT_MAX)
        return len;
    call->kept = mem_resize(call->kept, call->kept_len + len + 1, 1);
    memcpy(call->kept + call->kept_len, data, len);
    call->kept[call->kept_len += len] = '\0';
    return len;
}

static void set_request(struct call *call, const struct call_spec *spec)
{
    char range[40];
    call->headers = curl_slist_append(NULL, "Expect:"); /* no second round trip for a small body */
    if (spec->header)
        call->headers = curl_slist_append(call->headers, spec->header);
    if (spec->body) {
        call->headers = curl_slist_append(call->headers, "Content-Type: application/json");
        curl_easy_setopt(call->curl, CURLOPT_POSTFIELDS, call->body);
    }
    curl_easy_setopt(call->curl, CURLOPT_CUSTOMREQUEST, spec->method);
    curl_easy_setopt(call->curl, CURLOPT_HTTPHEADER, call->headers);
    snprintf(range, sizeof range, "%llu-", (unsigned long long)spec->from);
    if (spec->from)
        curl_easy_setopt(call->curl, CURLOPT_RANGE, range);
}

void calls_begin(struct calls *calls, const struct call_spec *spec,
                 void (*done)(void *arg, const struct call_result *result), void *arg)
{
    struct call *call = mem_alloc(sizeof *call);
    *call = (struct call){.calls = calls,
                          .curl = curl_easy_init(),
                          .body = mem_string(spec->body),
                          .counts_only = spec->counts_only,
                          .begin_us = clock_now_us(),
                          .done = done,
                          .arg = arg,
                          .next = calls->first,
                          .before = &calls->first};
    if (call->next)
        call->next->before = &call->next;
    calls->first = call;
    calls->open++;
    set_request(call, spec);
    curl_easy_setopt(call->curl, CURLOPT_URL, spec->url);
    curl_easy_setopt(call->curl, CURLOPT_PRIVATE, call);
    curl_easy_setopt(call->curl, CURLOPT_ERRORBUFFER, call->kept_error);
    curl_easy_setopt(call->curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(call->curl, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(call->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(call->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(call->curl, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(call->curl, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(call->curl, CURLOPT_PROXY, ""); /* who is called is who was named twice */
    curl_easy_setopt(call->curl, CURLOPT_TIMEOUT_MS, (long)(spec->limit_us / 1000));
    if (calls->root)
        curl_easy_setopt(call->curl, CURLOPT_CAINFO, calls->root);
    curl_multi_add_handle(calls->multi, call->curl);
}

size_t calls_open(const struct calls *calls)
{
    return calls->open;
}

void calls_free(struct calls *calls)
{
    if (!calls)
        return;
    while (calls->first)
        call_free(calls->first);
    curl_multi_cleanup(calls->multi);
    loop_remove(calls->timer);
    free(calls);
}
