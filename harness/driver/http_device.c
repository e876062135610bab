/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/http_device.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/json_pointer.h"
#include "harness/base/mem.h"

const char *http_device_check(const struct http_device *device)
{
    bool secure = !strncmp(device->url, "https:", 6);
    if (!secure && (device->ca_file || device->cert_file))
        return "a \"url\" that begins with https:, as there are certificates";
    return NULL;
}

/* ---- a request ---- */

static void add(char **text, size_t *len, const char *more, size_t more_len)
{
    *text = mem_resize(*text, *len + more_len + 1, 1);
    memcpy(*text + *len, more, more_len);
    *len += more_len;
    (*text)[*len] = 0;
}

/* In a path: as RFC 3986 says of what is reserved. In a body: as JSON does within a string. */
static void add_escaped(char **text, size_t *len, const char *value, bool in_path)
{
    char one[8];
    for (const char *c = value; *c; c++) {
        bool plain = in_path ? isalnum((unsigned char)*c) || strchr("-._~", *c)
                             : (unsigned char)*c >= ' ' && *c != '"' && *c != '\\';
        snprintf(one, sizeof one, plain ? "%c" : in_path ? "%%%02X" : "\\u%04x", (unsigned char)*c);
        add(text, len, one, strlen(one));
    }
}

static char *fill(const char *template, const struct http_word *words, bool in_path)
{
    char *text = mem_string("");
    size_t len = 0;
    for (const char *c = template; *c;) {
        const struct http_word *word = words;
        while (word && word->name && strncmp(c, word->name, strlen(word->name)))
            word++;
        if (word && word->name) {
            add_escaped(&text, &len, word->value ? word->value : "", in_path);
            c += strlen(word->name);
        } else
            add(&text, &len, c++, 1);
    }
    return text;
}

/* One request with everything it needs; the secrets are in it until forget(). */
struct prepared {
    struct http_request request;
    char *url, *name, *body;
    char password[SECRET_MAX], token[SECRET_MAX];
};

static void forget(struct prepared *prepared)
{
    secret_forget(prepared->password, sizeof prepared->password);
    secret_forget(prepared->token, sizeof prepared->token);
    free(prepared->url);
    free(prepared->name);
    free(prepared->body);
    *prepared = (struct prepared){0};
}

static int prepare(const struct http_device *device, const struct http_wish *wish, struct prepared *prepared,
                   struct error *error)
{
    static const struct http_word none[] = {{0}};
    const struct http_word *words = wish->words ? wish->words : none;
    size_t len = strlen(device->url);
    *prepared = (struct prepared){0};
    if (secret_read(device->password_from, prepared->password, error) ||
        secret_read(device->token_from, prepared->token, error)) {
        forget(prepared);
        return -1;
    }
    while (len && device->url[len - 1] == '/')
        len--;
    char *filled = fill(wish->path, words, true);
    prepared->url = mem_printf("%.*s%s", (int)len, device->url, filled);
    prepared->name = mem_string(prepared->url);
    prepared->name[strcspn(prepared->name, "?")] = 0;
    prepared->body = wish->body ? fill(wish->body, words, false) : NULL;
    free(filled);
    prepared->request = (struct http_request){.url = prepared->url,
                                              .name = prepared->name,
                                              .method = wish->method,
                                              .body = prepared->body,
                                              .headers = device->headers,
                                              .user = device->user,
                                              .password = device->user ? prepared->password : NULL,
                                              .token = device->token_from ? prepared->token : NULL,
                                              .ca_file = device->ca_file,
                                              .cert_file = device->cert_file,
                                              .key_file = device->key_file,
                                              .unverified = !device->verify,
                                              .timeout_us = wish->timeout_us};
    return 0;
}

int http_device_now(const struct http_device *device, const struct http_wish *wish, http_take *take,
                    void *arg, struct error *error)
{
    struct prepared prepared;
    if (prepare(device, wish, &prepared, error))
        return -1;
    char *body = mem_alloc(HTTP_BODY_MAX + 1);
    struct http_answer answer = {.body = body};
    int failed =
        http_now(&prepared.request, &answer.status, body, error) || take(arg, prepared.name, &answer, error);
    forget(&prepared);
    free(body);
    return failed ? -1 : 0;
}

struct http_talk {
    struct prepared prepared;
    struct http_call *call;
    void (*ended)(void *arg, const char *name, const struct http_answer *answer, const struct error *failed);
    void *arg;
};

static void on_ended(void *arg, const struct http_answer *answer, const struct error *failed)
{
    struct http_talk *talk = arg;
    talk->ended(talk->arg, talk->prepared.name, answer, failed);
}

struct http_talk *http_device_begin(
    struct loop *loop, const struct http_device *device, const struct http_wish *wish,
    void (*ended)(void *arg, const char *name, const struct http_answer *answer, const struct error *failed),
    void *arg, struct error *error)
{
    struct http_talk *talk = mem_alloc(sizeof *talk);
    talk->ended = ended;
    talk->arg = arg;
    if (!prepare(device, wish, &talk->prepared, error)) {
        talk->call = http_start(loop, &talk->prepared.request, on_ended, talk, error);
        if (talk->call)
            return talk;
    }
    http_talk_free(talk);
    return NULL;
}

void http_talk_free(struct http_talk *talk)
{
    if (!talk)
        return;
    http_call_free(talk->call);
    forget(&talk->prepared);
    free(talk);
}

/* ---- an answer ---- */

/* The begin of it, for people. */
static void show(const char *body, char shown[100])
{
    size_t len = 0;
    for (; body[len] && len < 90; len++)
        shown[len] = body[len] >= ' ' && body[len] < 0x7f ? body[len] : ' ';
    snprintf(shown + len, 100 - len, "%s", body[len] ? "..." : "");
}

int http_device_read(const char *name, const struct http_answer *answer, const char *pointer, char *text,
                     size_t size, struct error *error)
{
    char shown[100];
    show(answer->body, shown);
    if (answer->status < 200 || answer->status > 299)
        return error_set(
            error, ERROR_RIG, "%s: status %d%s%s%s", name, answer->status, shown[0] ? ": " : "", shown,
            answer->status == 401 || answer->status == 403 ? " (user, password_from, token_from?)" : "");
    if (!pointer) {
        size_t from = strspn(answer->body, " \t\r\n"), to = strlen(answer->body);
        while (to > from && strchr(" \t\r\n", answer->body[to - 1]))
            to--;
        snprintf(text, size, "%.*s", (int)(to - from), answer->body + from);
        return 0;
    }
    cJSON *root = cJSON_Parse(answer->body);
    if (!root)
        return error_set(error, ERROR_RIG, "%s: its answer is no JSON: %s", name, shown);
    const cJSON *node = json_pointer(root, pointer);
    bool found = json_pointer_text(node, text, size);
    if (!found)
        error_set(error, ERROR_RIG, "%s: %s at %s of its answer: %s", name,
                  node ? "no plain value" : "nothing", pointer, shown);
    cJSON_Delete(root);
    return found ? 0 : -1;
}
