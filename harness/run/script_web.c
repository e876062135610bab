/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/run/script_web.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <microhttpd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "harness/base/mem.h"

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *data, size_t *len,
                                  void **state)
{
    struct script_web *web = arg;
    char text[300] = "";
    unsigned status = web->tell(web->arg, text, sizeof text) ? 200 : 503;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

char *script_web_start(struct script_web *web, const char *board_json,
                       bool (*tell)(void *arg, char *text, size_t size), void *arg)
{
    const struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    *web = (struct script_web){.tell = tell, .arg = arg};
    if (!strstr(board_json, "@PORT@"))
        return mem_string(board_json);
    web->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, on_request, web,
                                   MHD_OPTION_SOCK_ADDR, &here, MHD_OPTION_END);
    cr_assert(web->daemon);
    char *text = mem_string(""), number[8];
    snprintf(number, sizeof number, "%u", MHD_get_daemon_info(web->daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    for (const char *at = board_json; *at;) {
        const char *next = strstr(at, "@PORT@");
        size_t len = next ? (size_t)(next - at) : strlen(at);
        char *more = mem_printf("%s%.*s%s", text, (int)len, at, next ? number : "");
        free(text);
        text = more;
        at += len + (next ? strlen("@PORT@") : 0);
    }
    return text;
}

void script_web_stop(struct script_web *web)
{
    if (web->daemon)
        MHD_stop_daemon(web->daemon);
}
