/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes: no crash, and either a tree that reads or one line that names the file. */
#include <stdlib.h>
#include <string.h>

#include "harness/base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void need(bool holds)
{
    if (!holds)
        abort();
}

static void read_all(struct json at)
{
    static const char *const words[] = {"on", "off", NULL};
    struct error error = {0};
    const char *text;
    int64_t integer;
    double number;
    bool flag;
    int word;
    if (!json_integer(at, -10, 1000, &integer, &error))
        need(integer >= -10 && integer <= 1000);
    if (!json_number(at, -1, 1, &number, &error))
        need(number >= -1 && number <= 1);
    if (json_string(at, &text, &error))
        need(strstr(error.text, "expected a string") != NULL);
    json_bool(at, &flag, &error);
    json_choice(at, words, &word, &error);
    json_check_keys(at, words, &error);
    size_t count = json_count(at) < 50 ? json_count(at) : 50;
    bool list = !json_array(at, &error);
    for (size_t i = 0; i < count; i++)
        read_all(list ? json_at(at, i) : json_member(at, i));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct json_document document;
    struct error error = {0};
    if (json_parse(&document, "f", (const char *)data, len, &error)) {
        need(error.kind == ERROR_INPUT && !strncmp(error.text, "f:", 2) && !strpbrk(error.text, "\n\033"));
        need(!document.root && !document.name);
        return 0;
    }
    read_all(json_root(&document));
    char *text = cJSON_PrintUnformatted(document.root);
    struct json_document again;
    /* what was read is JSON again when it is printed */
    need(!json_parse(&again, "again", text, strlen(text), &error));
    json_close(&again);
    cJSON_free(text);
    json_close(&document);
    return 0;
}
