/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/record/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/member.h"
#include "harness/record/text.h"

/* ---- writer ---- */

struct journal {
    int fd;
    char *path;
    uint64_t seq;
    int failed_errno;
};

struct journal *journal_create(const char *path, struct error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0) {
        error_set_errno(error, ERROR_SYSTEM, errno, "journal %s", path);
        return NULL;
    }
    struct journal *journal = mem_alloc(sizeof *journal);
    journal->fd = fd;
    journal->path = mem_string(path);
    return journal;
}

static void add_hex(cJSON *line, const uint8_t *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    size_t kept = len < JOURNAL_DATA_MAX ? len : JOURNAL_DATA_MAX;
    char *hex = mem_alloc(2 * kept + 1);
    for (size_t i = 0; i < kept; i++) {
        hex[2 * i] = digits[data[i] >> 4];
        hex[2 * i + 1] = digits[data[i] & 15];
    }
    cJSON_AddStringToObject(line, "hex", hex);
    free(hex);
}

static char *print_line(const struct event *event, uint64_t seq)
{
    cJSON *line = cJSON_CreateObject();
    cJSON_AddNumberToObject(line, "seq", (double)seq);
    cJSON_AddStringToObject(line, "kind", event_kind_name(event->kind));
    cJSON_AddNumberToObject(line, "step", event->step);
    cJSON_AddNumberToObject(line, "t_us", (double)event->t_us);
    cJSON_AddStringToObject(line, "source", event->source ? event->source : "");
    cJSON_AddStringToObject(line, "what", event->what ? event->what : "");
    if (event->value)
        cJSON_AddStringToObject(line, "value", event->value);
    if (event->number != EVENT_NO_NUMBER)
        cJSON_AddNumberToObject(line, "number", (double)event->number);
    if (event->data && event->len)
        add_hex(line, event->data, event->len);
    if (event->fields)
        cJSON_AddItemReferenceToObject(line, "fields", (cJSON *)event->fields);
    char *text = cJSON_PrintUnformatted(line);
    cJSON_Delete(line);
    if (!text)
        abort();
    /* what a board says is bytes, here and in the fields; cJSON passes them on as they are */
    char *clean = text_clean(text, strlen(text));
    cJSON_free(text);
    return clean;
}

void journal_put(struct journal *journal, const struct event *event)
{
    if (journal->failed_errno) /* after half a line nothing may follow: it would read as one with it */
        return;
    char *text = print_line(event, journal->seq);
    size_t len = strlen(text);
    text[len] = '\n'; /* in place of the terminator: one write, one line */
    ssize_t n;
    do
        n = write(journal->fd, text, len + 1);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)len + 1)
        journal->failed_errno = n < 0 ? errno : ENOSPC;
    free(text);
    journal->seq++;
}

bool journal_failed(const struct journal *journal)
{
    return journal->failed_errno != 0;
}

int journal_close(struct journal *journal, struct error *error)
{
    int why = journal->failed_errno;
    if (fdatasync(journal->fd) && !why && errno != EINVAL && errno != EROFS)
        why = errno;
    if (close(journal->fd) && !why)
        why = errno;
    int result = why ? error_set_errno(error, ERROR_SYSTEM, why, "journal %s", journal->path) : 0;
    free(journal->path);
    free(journal);
    return result;
}

/* ---- reader ---- */

struct journal_reader {
    char *name, *text;
    size_t len, at;
    unsigned line;
    uint64_t next_seq;
    bool torn;
    cJSON *object;
};

struct journal_reader *journal_open_memory(const char *name, const char *text, size_t len)
{
    struct journal_reader *reader = mem_alloc(sizeof *reader);
    reader->name = mem_string(name);
    reader->text = mem_copy(text, len);
    reader->len = len;
    return reader;
}

#define JOURNAL_FILE_MAX (1u << 30)

struct journal_reader *journal_open(const char *path, struct error *error)
{
    FILE *file = file_open(path, error);
    if (!file) {
        error_prefix(error, "journal");
        return NULL;
    }
    size_t room = 1 << 16;
    struct journal_reader *reader = mem_alloc(sizeof *reader);
    reader->name = mem_string(path);
    reader->text = mem_alloc(room);
    for (size_t n; reader->len < JOURNAL_FILE_MAX &&
                   (n = fread(reader->text + reader->len, 1, room - reader->len, file)) > 0;) {
        reader->len += n;
        if (reader->len == room)
            reader->text = mem_resize(reader->text, room *= 2, 1);
    }
    int bad = ferror(file);
    fclose(file);
    if (!bad)
        return reader;
    error_set(error, ERROR_INPUT, "journal %s: cannot be read", path);
    journal_reader_free(reader);
    return NULL;
}

static int bad_line(const struct journal_reader *reader, const char *what, struct error *error)
{
    return error_set(error, ERROR_INPUT, "%s:%u: expected %s", reader->name, reader->line, what);
}

static int kind_of(const char *name)
{
    for (int i = 0; name && i < EVENT_KINDS; i++)
        if (!strcmp(event_kind_name(i), name))
            return i;
    return -1;
}

static int fill(struct journal_reader *reader, struct event *event, struct error *error)
{
    int64_t seq = member_integer(reader->object, "seq", -1),
            t_us = member_integer(reader->object, "t_us", -1),
            step = member_integer(reader->object, "step", -2);
    int kind = kind_of(member_text_or(reader->object, "kind", NULL));
    *event = (struct event){.number = EVENT_NO_NUMBER};
    if (kind < 0)
        return bad_line(reader, "a known \"kind\"", error);
    if (seq < 0 || t_us < 0 || step < -1 || step > 1000000)
        return bad_line(reader, "numbers \"seq\", \"step\" and \"t_us\"", error);
    if ((uint64_t)seq != reader->next_seq++)
        return bad_line(reader, "the next \"seq\": a line is missing", error);
    event->kind = kind;
    event->seq = (uint64_t)seq;
    event->step = (int)step;
    event->t_us = (uint64_t)t_us;
    event->source = member_text_or(reader->object, "source", NULL);
    event->what = member_text_or(reader->object, "what", NULL);
    event->value = member_text_or(reader->object, "value", NULL);
    event->number = member_integer(reader->object, "number", event->number);
    event->fields = cJSON_GetObjectItemCaseSensitive(reader->object, "fields");
    if (!event->source || !event->what)
        return bad_line(reader, "strings \"source\" and \"what\"", error);
    return 0;
}

int journal_read(struct journal_reader *reader, struct journal_line *line, struct error *error)
{
    cJSON_Delete(reader->object);
    reader->object = NULL;
    if (reader->at >= reader->len)
        return 0;
    const char *begin = reader->text + reader->at, *end = memchr(begin, '\n', reader->len - reader->at);
    if (!end) { /* the writer died inside this line */
        reader->torn = true;
        reader->at = reader->len;
        return 0;
    }
    size_t len = (size_t)(end - begin);
    reader->at += len + 1;
    reader->line++;
    if (len > JOURNAL_LINE_MAX)
        return bad_line(reader, "a line of at most 1 MiB", error);
    /* the whole line must be one object: text after it would be lost silently */
    const char *stop = NULL;
    reader->object = cJSON_ParseWithLengthOpts(begin, len, &stop, false);
    if (!cJSON_IsObject(reader->object) || stop != end)
        return bad_line(reader, "one JSON object", error);
    line->object = reader->object;
    return fill(reader, &line->event, error) ? -1 : 1;
}

bool journal_torn(const struct journal_reader *reader)
{
    return reader->torn;
}

void journal_reader_free(struct journal_reader *reader)
{
    if (!reader)
        return;
    cJSON_Delete(reader->object);
    free(reader->name);
    free(reader->text);
    free(reader);
}
