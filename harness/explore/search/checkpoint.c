/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file that grows by one record for each finished batch. Taking the stored results in again gives the same
 * search as running them. A record that was cut off by the end of the writer is dropped. Host byte order: it
 * never leaves the machine. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "harness/base/mem.h"
#include "harness/explore/search/search.h"

#define MAGIC 0x376b6863657270u

struct checkpoint {
    int fd;
    char *path;
    bool reading;
};
struct head {
    uint64_t magic;
    struct sum identity;
    uint64_t layout; /* sizes of what is stored */
};
struct record_head {
    uint64_t len, hash, count;
};
struct bytes {
    uint8_t *data;
    size_t len, room, at;
};

static uint64_t layout(void)
{
    return sizeof(struct result) << 32 ^ sizeof(struct node) << 16 ^ sizeof(struct op) << 8 ^
           sizeof(struct found_point);
}

static void put(struct bytes *bytes, const void *data, size_t len)
{
    if (bytes->len + len > bytes->room) {
        bytes->room = (bytes->len + len) * 2;
        bytes->data = mem_resize(bytes->data, bytes->room, 1);
    }
    if (len)
        memcpy(bytes->data + bytes->len, data, len);
    bytes->len += len;
}

static void *get(struct bytes *bytes, size_t len)
{
    if (!len || len > bytes->len - bytes->at)
        return NULL;
    bytes->at += len;
    return mem_copy(bytes->data + bytes->at - len, len);
}

static bool read_all(int fd, void *data, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t got = read(fd, (uint8_t *)data + done, len - done);
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

static bool write_all(int fd, const void *data, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t got = write(fd, (const uint8_t *)data + done, len - done);
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

struct checkpoint *checkpoint_open(const char *path, struct sum identity, struct error *error)
{
    struct head head, mine = {MAGIC, identity, layout()};
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
        error_set_errno(error, ERROR_SYSTEM, errno, "%s", path);
        return NULL;
    }
    bool fits = read_all(fd, &head, sizeof head) && memcmp(&head, &mine, sizeof head) == 0;
    if (!fits && (ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET) || !write_all(fd, &mine, sizeof mine))) {
        error_set_errno(error, ERROR_SYSTEM, errno, "%s", path);
        close(fd);
        return NULL;
    }
    struct checkpoint *checkpoint = mem_alloc(sizeof *checkpoint);
    *checkpoint = (struct checkpoint){fd, mem_string(path), fits};
    return checkpoint;
}

static size_t own_ops(const struct result *result)
{
    return result->node.op_count - node_shared(&result->node);
}

static struct run_log *unpack_log(struct bytes *bytes)
{
    struct run_log *log = get(bytes, sizeof *log);
    if (!log)
        return NULL;
    bool constant = log->constant;
    uint32_t *pages = constant ? get(bytes, sizeof *pages) : NULL;
    log->sums = get(bytes, log->sum_count * sizeof *log->sums);
    log->trace = get(bytes, log->trace_count * sizeof *log->trace);
    log->constant = pages ? get(bytes, *pages) : NULL;
    log->untraced = NULL;
    free(pages);
    return log;
}

static struct result *unpack(struct bytes *bytes, size_t count)
{
    struct result *results = mem_array(count, sizeof *results);
    for (size_t i = 0; i < count; i++) {
        struct result *stored = get(bytes, sizeof *stored);
        if (!stored) /* the hash did fit: a file made to deceive */
            break;
        results[i] = *stored;
        free(stored);
        bool ops = results[i].node.ops, log = results[i].node.log;
        results[i].node.ops = ops ? get(bytes, own_ops(&results[i]) * sizeof(struct op)) : NULL;
        results[i].node.log = log ? unpack_log(bytes) : NULL;
        results[i].node.text = get(bytes, results[i].node.text_len);
        results[i].candidates = get(bytes, results[i].candidate_count * sizeof(struct candidate));
        results[i].points = get(bytes, results[i].point_count * sizeof(struct found_point));
        results[i].reads = get(bytes, results[i].read_count * sizeof(struct twin_read));
        results[i].judge_reads = get(bytes, results[i].judge_count * sizeof(struct twin_read));
        char *class = get(bytes, sizeof(char[24]));
        results[i].verdict.fail_class = "";
        for (size_t j = 0; explore_class_names[j]; j++)
            if (class && !strcmp(explore_class_names[j], class))
                results[i].verdict.fail_class = explore_class_names[j];
        free(class);
    }
    return results;
}

struct result *checkpoint_read(struct checkpoint *checkpoint, size_t *count)
{
    struct record_head head;
    struct bytes bytes = {0};
    off_t begin = lseek(checkpoint->fd, 0, SEEK_CUR), end = lseek(checkpoint->fd, 0, SEEK_END);
    struct result *results = NULL;
    lseek(checkpoint->fd, begin, SEEK_SET);
    if (!checkpoint->reading)
        return NULL;
    if (read_all(checkpoint->fd, &head, sizeof head) && head.len <= (uint64_t)(end - begin)) {
        bytes.data = mem_alloc(head.len + 1);
        bytes.len = head.len;
        if (read_all(checkpoint->fd, bytes.data, head.len) &&
            XXH3_64bits_withSeed(bytes.data, head.len, head.count) == head.hash)
            results = unpack(&bytes, *count = head.count);
        free(bytes.data);
    }
    if (results)
        return results;
    checkpoint->reading = false;
    if (ftruncate(checkpoint->fd, begin) == 0)
        lseek(checkpoint->fd, begin, SEEK_SET);
    return NULL;
}

static void pack_log(struct bytes *bytes, const struct run_log *log, uint32_t pages)
{
    if (!log)
        return;
    put(bytes, log, sizeof *log);
    if (log->constant)
        put(bytes, &pages, sizeof pages);
    put(bytes, log->sums, log->sum_count * sizeof *log->sums);
    put(bytes, log->trace, log->trace_count * sizeof *log->trace);
    if (log->constant)
        put(bytes, log->constant, pages);
}

int checkpoint_write(struct checkpoint *checkpoint, const struct result *results, size_t count,
                     uint32_t pages, struct error *error)
{
    struct bytes bytes = {0};
    for (size_t i = 0; i < count; i++) {
        const struct result *result = &results[i];
        put(&bytes, result, sizeof *result);
        if (result->node.ops)
            put(&bytes, result->node.ops, own_ops(result) * sizeof(struct op));
        pack_log(&bytes, result->node.log, pages);
        put(&bytes, result->node.text, result->node.text_len);
        put(&bytes, result->candidates, result->candidate_count * sizeof(struct candidate));
        put(&bytes, result->points, result->point_count * sizeof(struct found_point));
        put(&bytes, result->reads, result->read_count * sizeof(struct twin_read));
        put(&bytes, result->judge_reads, result->judge_count * sizeof(struct twin_read));
        char class[24] = "";
        if (result->has_verdict)
            snprintf(class, sizeof class, "%s", result->verdict.fail_class);
        put(&bytes, class, sizeof class);
    }
    struct record_head head = {bytes.len, XXH3_64bits_withSeed(bytes.data, bytes.len, count), count};
    bool good = write_all(checkpoint->fd, &head, sizeof head) &&
                write_all(checkpoint->fd, bytes.data, bytes.len) && fdatasync(checkpoint->fd) == 0;
    free(bytes.data);
    return good ? 0 : error_set_errno(error, ERROR_SYSTEM, errno, "%s", checkpoint->path);
}

void checkpoint_close(struct checkpoint *checkpoint)
{
    if (!checkpoint)
        return;
    close(checkpoint->fd);
    free(checkpoint->path);
    free(checkpoint);
}
