/* The client against a scripted SMP server at the other end of a socketpair: the wire is real, the board is
 * not. */
#include <cbor.h>
#include <criterion/criterion.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/driver/smp_frame.h"
#include "harness/driver/smp_msg.h"
#include "harness/driver/table.h"

#define WAIT_LIMIT_US 600000000u
#define IMAGE_LEN 5000u

/* Answers are written by hand: what a server may send is wider than what our own encoder makes. */
struct answer {
    uint8_t data[1024];
    size_t len;
};

static void byte(struct answer *answer, unsigned value)
{
    answer->data[answer->len++] = (uint8_t)value;
}

static void text(struct answer *answer, const char *value)
{
    byte(answer, 0x60 + (unsigned)strlen(value));
    for (; *value; value++)
        byte(answer, (unsigned char)*value);
}

static void number(struct answer *answer, const char *key, uint32_t value)
{
    text(answer, key);
    byte(answer, 0x1a);
    for (int shift = 24; shift >= 0; shift -= 8)
        byte(answer, value >> shift & 0xff);
}

struct server {
    int fd;
    struct smp_parser parser;
    /* script */
    int deaf;           /* requests to ignore */
    int garbled;        /* answers to send with a flipped byte */
    int logging;        /* log lines around, and in the middle of, answers */
    int wrong_seq;      /* answers to send first for a request that nobody made */
    unsigned resume_at; /* where it says an upload goes on */
    int listed;         /* the hash of slot 1 begins with it; 0: the slot is empty */
    int unlisted;       /* it does not know that request */
    int upload_rc, no_off, stubborn, version_bits, err_map, boot_log, params, not_cbor;
    /* what it saw */
    uint8_t image[2 * IMAGE_LEN], sha[32];
    size_t received, total, largest;
    int requests, resets, erases, confirmed;
    uint8_t asked_hash[32]; /* of the last write of the image state */
    bool has_asked_hash;
    bool has_sha;
};

struct bench {
    struct sink sink; /* first member */
    struct link link;
    struct loop *loop;
    int fd;
    struct server server;
    void *config, *self;
    uint8_t image[IMAGE_LEN];
    char path[64];
    bool over, ok;
    int64_t progress;
    int rc;
    char reason[40], outcome[20];
    cJSON *fields;
};

/* ---- the server ---- */

static void say(struct server *server, const char *line)
{
    cr_assert_eq(write(server->fd, line, strlen(line)), (ssize_t)strlen(line));
}

static void raw(struct server *server, const void *data, size_t len)
{
    cr_assert_eq(write(server->fd, data, len), (ssize_t)len);
}

static void send_answer(struct server *server, const struct smp_header *request, const struct answer *body,
                        unsigned seq)
{
    uint8_t packet[SMP_HEADER_LEN + 1024];
    size_t len;
    struct smp_header header = {
        .op = request->op | 1, .group = request->group, .id = request->id, .seq = seq, .len = body->len};
    smp_header_put(packet, &header);
    packet[0] = (uint8_t)(packet[0] | server->version_bits);
    memcpy(packet + SMP_HEADER_LEN, body->data, body->len);
    char *lines = smp_frame_build(packet, SMP_HEADER_LEN + body->len, &len);
    if (server->garbled > 0 && server->garbled--)
        lines[len / 2] = lines[len / 2] == 'A' ? 'B' : 'A';
    if (server->logging) {
        say(server, "[00:00:01] <inf> half a line, then a frame: ");
        raw(server, lines, len / 3);
        raw(server, lines + len / 3, len - len / 3);
        say(server, "<wrn> \x06 \x04\x14 no frame\r\n\x04\x14\n\x06\x09\n\x06\x09@@@@\n");
    } else {
        raw(server, lines, len);
    }
    free(lines);
}

static void take_upload(struct server *server, cbor_item_t *map, struct answer *body)
{
    size_t off = 0;
    cbor_item_t *data = NULL;
    for (size_t i = 0; i < cbor_map_size(map); i++) {
        struct cbor_pair pair = cbor_map_handle(map)[i];
        size_t key_len = cbor_string_length(pair.key);
        const char *key = (const char *)cbor_string_handle(pair.key);
        if (key_len == 3 && !memcmp(key, "off", 3))
            off = cbor_get_int(pair.value);
        else if (key_len == 3 && !memcmp(key, "len", 3))
            server->total = cbor_get_int(pair.value);
        else if (key_len == 4 && !memcmp(key, "data", 4))
            data = pair.value;
        else if (key_len == 3 && !memcmp(key, "sha", 3)) {
            cr_assert_eq(cbor_bytestring_length(pair.value), 32);
            memcpy(server->sha, cbor_bytestring_handle(pair.value), 32);
            server->has_sha = true;
        }
    }
    cr_assert(data);
    if (server->resume_at) {
        server->received = server->resume_at;
        server->resume_at = 0;
    } else if (off == server->received && !server->stubborn) {
        cr_assert_leq(off + cbor_bytestring_length(data), sizeof server->image);
        memcpy(server->image + off, cbor_bytestring_handle(data), cbor_bytestring_length(data));
        server->received += cbor_bytestring_length(data);
    }
    number(body, "rc", (uint32_t)server->upload_rc);
    if (!server->no_off)
        number(body, "off", (uint32_t)server->received);
}

static void take_state(struct server *server, cbor_item_t *map)
{
    server->has_asked_hash = false;
    for (size_t i = 0; i < cbor_map_size(map); i++) {
        struct cbor_pair pair = cbor_map_handle(map)[i];
        if (cbor_isa_bytestring(pair.value)) {
            cr_assert_eq(cbor_bytestring_length(pair.value), 32);
            memcpy(server->asked_hash, cbor_bytestring_handle(pair.value), 32);
            server->has_asked_hash = true;
        } else {
            server->confirmed = cbor_get_bool(pair.value);
        }
    }
}

static void list_slot_1(int first, struct answer *body)
{
    byte(body, 0xbf);
    number(body, "slot", 1);
    text(body, "hash");
    byte(body, 0x58);
    byte(body, 32);
    for (int i = 0; i < 32; i++)
        byte(body, (unsigned)(first + i));
    byte(body, 0xff);
}

static void list_images(int slot_1, struct answer *body)
{
    text(body, "images");
    byte(body, 0x9f);
    byte(body, 0xbf);
    number(body, "slot", 0);
    text(body, "version");
    text(body, "1.2.3");
    text(body, "hash");
    byte(body, 0x58);
    byte(body, 32);
    for (int i = 0; i < 32; i++)
        byte(body, 0xa0u + (unsigned)i);
    text(body, "active");
    byte(body, 0xf5);
    text(body, "unknown");
    byte(body, 0xf7);
    byte(body, 0xff);
    if (slot_1)
        list_slot_1(slot_1, body);
    byte(body, 0xff);
}

static void on_request(void *arg, const uint8_t *packet, size_t len)
{
    struct server *server = arg;
    struct smp_header header;
    struct answer body = {0};
    struct cbor_load_result result;
    cr_assert(smp_header_get(packet, len, &header));
    server->requests++;
    server->largest = len > server->largest ? len : server->largest;
    if (server->deaf > 0 && server->deaf--)
        return;
    cbor_item_t *map = cbor_load(packet + SMP_HEADER_LEN, header.len, &result);
    cr_assert(map && cbor_isa_map(map));
    byte(&body, 0xbf); /* an indefinite map, as Zephyr's zcbor and Mynewt make them */
    if (header.group == SMP_IMAGE && header.id == SMP_IMAGE_UPLOAD)
        take_upload(server, map, &body);
    else if (header.group == SMP_IMAGE && header.id == SMP_IMAGE_STATE && header.op == SMP_READ)
        server->unlisted ? number(&body, "rc", 8) : list_images(server->listed, &body);
    else if (header.group == SMP_OS && header.id == SMP_OS_PARAMS && server->params)
        number(&body, "buf_size", (uint32_t)server->params);
    else if (header.group == SMP_OS && header.id == SMP_OS_PARAMS)
        number(&body, "rc", 8);
    else if (header.group == SMP_OS && header.id == SMP_OS_ECHO)
        text(&body, "r"), text(&body, "otarig");
    else if (header.group == SMP_OS && header.id == SMP_OS_RESET)
        server->resets++;
    else if (header.group == SMP_IMAGE && header.id == SMP_IMAGE_ERASE && !server->err_map)
        server->erases++, server->received = 0;
    else if (server->err_map) {
        text(&body, "err");
        byte(&body, 0xa2);
        number(&body, "group", 1);
        number(&body, "rc", (uint32_t)server->err_map);
    } else if (header.group == SMP_IMAGE && header.id == SMP_IMAGE_STATE) {
        take_state(server, map);
    }
    byte(&body, 0xff);
    cbor_decref(&map);
    if (server->boot_log) {
        say(server, "*** Booting ***\r\n");
        return;
    }
    if (server->not_cbor > 0 && server->not_cbor--)
        body = (struct answer){.data = {0x82, 0x01}, .len = 2};
    for (; server->wrong_seq > 0; server->wrong_seq--)
        send_answer(server, &header, &body, (header.seq + 100u) & 0xff);
    send_answer(server, &header, &body, header.seq);
}

static void on_server_readable(void *arg, int fd, uint32_t events)
{
    struct server *server = arg;
    char data[4096];
    ssize_t n = read(fd, data, sizeof data);
    if (n > 0)
        smp_parser_put(&server->parser, data, (size_t)n);
}

/* ---- the client's side ---- */

static int link_send(struct link *link, const void *data, size_t len, struct error *error)
{
    struct bench *bench = (struct bench *)((char *)link - offsetof(struct bench, link));
    if (bench->fd < 0)
        return error_set(error, ERROR_RIG, "unplugged");
    return write(bench->fd, data, len) == (ssize_t)len ? 0 : error_set(error, ERROR_RIG, "short write");
}

static void on_client_readable(void *arg, int fd, uint32_t events)
{
    struct bench *bench = arg;
    char data[100];
    ssize_t n = read(fd, data, sizeof data);
    if (n > 0 && bench->link.receive)
        bench->link.receive(bench->link.receive_arg, data, (size_t)n, clock_now_us());
}

static void put(struct sink *sink, const struct event *event)
{
    struct bench *bench = (struct bench *)sink;
    cr_assert_eq(event->kind, EVENT_UPDATE);
    if (!strcmp(event->what, "progress")) {
        bench->progress = event->number;
        return;
    }
    const cJSON *reason = cJSON_GetObjectItemCaseSensitive(event->fields, "reason");
    const cJSON *rc = cJSON_GetObjectItemCaseSensitive(event->fields, "rc");
    cr_assert_not(bench->over, "one end for each job");
    bench->over = true;
    bench->ok = !strcmp(event->what, "done");
    snprintf(bench->reason, sizeof bench->reason, "%s", cJSON_IsString(reason) ? reason->valuestring : "");
    const cJSON *outcome = cJSON_GetObjectItemCaseSensitive(event->fields, "outcome");
    cr_assert(cJSON_IsString(outcome));
    snprintf(bench->outcome, sizeof bench->outcome, "%s", outcome->valuestring);
    cr_assert_eq(bench->ok, !strcmp(bench->outcome, "done"));
    bench->rc = cJSON_IsNumber(rc) ? rc->valueint : 0;
    cJSON_Delete(bench->fields);
    bench->fields = cJSON_Duplicate(event->fields, true);
}

static struct bench *bench_new(const char *options)
{
    struct bench *bench = mem_alloc(sizeof *bench);
    struct json_document document;
    struct error error = {0};
    int fds[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    bench->sink.put = put;
    bench->loop = loop_new();
    bench->fd = fds[0];
    bench->link.send = link_send;
    bench->server.fd = fds[1];
    smp_parser_init(&bench->server.parser, on_request, &bench->server);
    loop_add_fd(bench->loop, fds[0], EPOLLIN, on_client_readable, bench);
    loop_add_fd(bench->loop, fds[1], EPOLLIN, on_server_readable, &bench->server);
    for (size_t i = 0; i < IMAGE_LEN; i++)
        bench->image[i] = (uint8_t)(i * 7 + i / 256);
    snprintf(bench->path, sizeof bench->path, "/tmp/otarig-smp-XXXXXX");
    int file = mkstemp(bench->path);
    cr_assert(file >= 0 && write(file, bench->image, IMAGE_LEN) == IMAGE_LEN);
    close(file);
    bench->config = mem_alloc(update_smp_driver.config_size);
    cr_assert_eq(json_parse(&document, "rack", options, strlen(options), &error), 0);
    cr_assert_eq(option_parse(update_smp_driver.options, json_root(&document), NULL, bench->config,
                              update_smp_driver.config_size, &error),
                 0, "%s", error.text);
    json_close(&document);
    const struct driver_env env = {
        .loop = bench->loop, .sink = &bench->sink, .place = "p", .role = "update", .link = &bench->link};
    cr_assert_eq(update_smp_driver.open(&env, bench->config, &bench->self, &error), 0);
    return bench;
}

static void bench_free(struct bench *bench)
{
    int fds[2] = {bench->fd, bench->server.fd};
    update_smp_driver.close(bench->self);
    option_release(update_smp_driver.options, bench->config);
    loop_free(bench->loop);
    close(fds[0]);
    close(fds[1]);
    unlink(bench->path);
    cJSON_Delete(bench->fields);
    free(bench->config);
    free(bench);
}

static bool work(struct bench *bench, struct update_job job)
{
    struct error error = {0};
    uint64_t end_us = clock_now_us() + WAIT_LIMIT_US;
    bench->over = bench->ok = false;
    if (job.intent == UPDATE_DELIVER && !job.path)
        job.path = bench->path;
    cr_assert_eq(update_smp_driver.update->start(bench->self, &job, &error), 0, "%s", error.text);
    while (!bench->over && clock_now_us() < end_us)
        cr_assert_geq(loop_turn(bench->loop, 100000, &error), 0);
    cr_assert(bench->over);
    return bench->ok;
}

#define UPLOAD ((struct update_job){.intent = UPDATE_DELIVER})
#define QUICK "{\"retry_ms\": 20}"

static void expect_uploaded(struct bench *bench)
{
    uint8_t sha[32];
    SHA256(bench->image, IMAGE_LEN, sha);
    cr_assert_eq(bench->server.received, IMAGE_LEN);
    cr_assert_eq(bench->server.total, IMAGE_LEN);
    cr_assert_arr_eq(bench->server.image, bench->image, IMAGE_LEN);
    cr_assert(bench->server.has_sha);
    cr_assert_arr_eq(bench->server.sha, sha, 32);
    cr_assert_eq(bench->progress, IMAGE_LEN);
}

/* ---- framing ---- */

Test(smp_frame, crc_is_xmodem)
{
    /* the check value of CRC-16/XMODEM in the catalogue of parametrised CRC algorithms */
    cr_assert_eq(smp_crc16("123456789", 9), 0x31c3);
    cr_assert_eq(smp_crc16("", 0), 0);
}

Test(smp_frame, lines_are_as_specified)
{
    size_t len;
    /* length 3 + 2, "foo", CRC 0xaf96: 00 05 66 6f 6f af 96 */
    char *lines = smp_frame_build("foo", 3, &len);
    cr_assert_eq(smp_crc16("foo", 3), 0xaf96);
    cr_assert_eq(len, 2 + 12 + 1);
    cr_assert_arr_eq(lines,
                     "\x06\x09"
                     "AAVmb2+vlg==\n",
                     len);
    free(lines);
    uint8_t packet[300] = {0};
    lines = smp_frame_build(packet, sizeof packet, &len);
    size_t begin = 0, count = 0;
    for (size_t i = 0; i < len; i++) {
        if (lines[i] != '\n')
            continue;
        cr_assert_leq(i + 1 - begin, 127);
        cr_assert_eq(memcmp(lines + begin, count ? "\x04\x14" : "\x06\x09", 2), 0);
        begin = i + 1;
        count++;
    }
    cr_assert_eq(begin, len);
    cr_assert_eq(count, 4, "304 bytes are 408 characters, 124 in a line");
    free(lines);
}

Test(smp_msg, a_map_may_not_announce_more_than_there_is)
{
    static const uint8_t greedy[] = {0xbf, 0x00, 0xba, 0xba, 0xba, 0xba, 0xba, 0x07, 0xff};
    static const uint8_t nested[] = {0xa1, 0x61, 'a',  0x9b, 0xff, 0xff, 0xff,
                                     0xff, 0xff, 0xff, 0xff, 0xff, 0x00};
    static const uint8_t good[] = {0xa1, 0x61, 'a', 0x81, 0x05};
    cr_assert_null(smp_decode(greedy, sizeof greedy));
    cr_assert_null(smp_decode(nested, sizeof nested));
    cJSON *object = smp_decode(good, sizeof good);
    cr_assert_eq(cJSON_GetArrayItem(cJSON_GetObjectItem(object, "a"), 0)->valueint, 5);
    cJSON_Delete(object);
}

/* ---- verbs ---- */

Test(update_smp, echoes_and_lists)
{
    struct bench *bench = bench_new("{}");
    cr_assert(work(bench, (struct update_job){.intent = UPDATE_PING}));
    cr_assert(work(bench, (struct update_job){.intent = UPDATE_STATE}));
    const cJSON *images = cJSON_GetObjectItemCaseSensitive(bench->fields, "images");
    cr_assert_eq(cJSON_GetArraySize(images), 1);
    const cJSON *image = cJSON_GetArrayItem(images, 0);
    cr_assert_str_eq(cJSON_GetObjectItemCaseSensitive(image, "version")->valuestring, "1.2.3");
    cr_assert_str_eq(cJSON_GetObjectItemCaseSensitive(image, "hash")->valuestring,
                     "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf");
    cr_assert(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(image, "active")));
    cr_assert_null(cJSON_GetObjectItemCaseSensitive(image, "unknown"));
    bench_free(bench);
}

Test(update_smp, uploads)
{
    struct bench *bench = bench_new("{}");
    cr_assert(work(bench, UPLOAD));
    expect_uploaded(bench);
    cr_assert_leq(bench->server.largest, 384);
    bench_free(bench);
}

Test(update_smp, takes_the_size_that_the_board_names)
{
    struct bench *bench = bench_new("{\"mtu\": 0}");
    bench->server.params = 1024;
    cr_assert(work(bench, UPLOAD));
    expect_uploaded(bench);
    cr_assert(bench->server.largest > 900 && bench->server.largest <= 1024, "%zu", bench->server.largest);
    /* and lives with one that names none */
    bench->server = (struct server){.fd = bench->server.fd, .parser = bench->server.parser};
    cr_assert(work(bench, UPLOAD));
    expect_uploaded(bench);
    cr_assert_leq(bench->server.largest, 384);
    bench_free(bench);
}

Test(update_smp, goes_on_where_the_board_says)
{
    struct bench *bench = bench_new("{}");
    memcpy(bench->server.image, bench->image, 3000);
    bench->server.resume_at = 3000;
    cr_assert(work(bench, (struct update_job){.intent = UPDATE_DELIVER, .resume = true}));
    expect_uploaded(bench);
    cr_assert_eq(cJSON_GetObjectItemCaseSensitive(bench->fields, "resumed_at")->valueint, 3000);
    cr_assert_lt(bench->server.requests, 10);
    bench_free(bench);
}

Test(update_smp, starts_anew_when_it_must_not_go_on)
{
    struct bench *bench = bench_new("{}");
    bench->server.resume_at = 3000;
    cr_assert(work(bench, UPLOAD));
    expect_uploaded(bench);
    cr_assert_eq(bench->server.erases, 1);
    bench_free(bench);
}

Test(update_smp, outlives_lost_garbled_and_foreign_answers_and_log_text)
{
    struct bench *bench = bench_new(QUICK);
    bench->server.deaf = 2;
    bench->server.garbled = 3;
    bench->server.wrong_seq = 3;
    bench->server.logging = 1;
    bench->server.version_bits = 1 << 3;
    bench->server.not_cbor = 1;
    cr_assert(work(bench, UPLOAD), "%s", bench->reason);
    expect_uploaded(bench);
    bench_free(bench);
}

Test(update_smp, accepts_a_success_without_an_offset)
{
    struct bench *bench = bench_new(QUICK);
    bench->server.no_off = 1;
    cr_assert(work(bench, UPLOAD), "%s", bench->reason);
    expect_uploaded(bench);
    bench_free(bench);
}

Test(update_smp, tells_refusals_in_both_dialects)
{
    static const uint8_t hash[32];
    struct bench *bench = bench_new("{}");
    bench->server.upload_rc = 7;
    cr_assert_not(work(bench, UPLOAD));
    cr_assert_str_eq(bench->reason, "rc");
    cr_assert_str_eq(bench->outcome, "refused");
    cr_assert_eq(bench->rc, 7);
    bench->server.err_map = 9;
    cr_assert_not(work(bench, (struct update_job){.intent = UPDATE_ACTIVATE, .hash = hash}));
    cr_assert_str_eq(bench->reason, "rc");
    cr_assert_str_eq(bench->outcome, "refused");
    cr_assert_eq(bench->rc, 9);
    cr_assert_not(work(bench, (struct update_job){.intent = UPDATE_ERASE}));
    bench->server.err_map = 0;
    cr_assert(work(bench, (struct update_job){.intent = UPDATE_CONFIRM}));
    bench_free(bench);
}

/* An image as MCUboot wants it: a header, 8 bytes of code, a protected area, a hash that begins with `first`.
 */
static void write_image(struct bench *bench, int first)
{
    uint8_t data[32 + 8 + 8 + 4 + 36] = {0x3d, 0xb8, 0xf3, 0x96, [8] = 32, [10] = 8, [12] = 8};
    memcpy(data + 40, "\x08\x69\x08\0\x50\0\0\0\x07\x69\x28\0\x10\0\x20\0", 16);
    for (int i = 0; i < 32; i++)
        data[56 + i] = (uint8_t)(first + i);
    FILE *file = fopen(bench->path, "w");
    cr_assert(file && fwrite(data, sizeof data, 1, file) == 1 && !fclose(file));
}

static bool activate(struct bench *bench, int first, bool listed, enum update_mode mode)
{
    uint8_t hash[32];
    for (int i = 0; i < 32; i++)
        hash[i] = (uint8_t)(first + i);
    bench->server.has_asked_hash = false;
    return work(bench,
                (struct update_job){
                    .intent = UPDATE_ACTIVATE, .mode = mode, .hash = first ? hash : NULL, .listed = listed});
}

Test(update_smp, activates_what_it_is_told_what_is_listed_or_what_was_delivered)
{
    struct bench *bench = bench_new("{\"retry_ms\": 10, \"retries\": 1}");
    struct server *server = &bench->server;
    server->listed = 0x40;
    cr_assert(activate(bench, 0x20, false, UPDATE_TRIAL));
    cr_assert(server->has_asked_hash && server->asked_hash[31] == 0x3f && !server->confirmed);
    cr_assert(activate(bench, 0x20, true, UPDATE_PERMANENT));
    cr_assert(server->has_asked_hash && server->asked_hash[31] == 0x5f && server->confirmed);
    cr_assert(activate(bench, 0, false, UPDATE_TRIAL));
    cr_assert(server->has_asked_hash && server->asked_hash[0] == 0x40);
    /* nothing is listed */
    server->listed = 0;
    cr_assert_not(activate(bench, 0, false, UPDATE_PERMANENT));
    cr_assert_str_eq(bench->outcome, "refused");
    cr_assert_not(server->has_asked_hash, "without a hash it would confirm what runs");
    write_image(bench, 0x60);
    cr_assert(work(bench, UPLOAD), "%s", bench->reason);
    cr_assert(activate(bench, 0, false, UPDATE_TRIAL));
    cr_assert(server->has_asked_hash && server->asked_hash[0] == 0x60, "the file tells");
    cr_assert(activate(bench, 0x20, true, UPDATE_TRIAL));
    cr_assert(server->has_asked_hash && server->asked_hash[0] == 0x20);
    /* it does not list, or not once */
    server->unlisted = 1;
    cr_assert(activate(bench, 0x20, true, UPDATE_TRIAL));
    server->deaf = 2;
    cr_assert(activate(bench, 0x20, true, UPDATE_TRIAL));
    cr_assert(server->has_asked_hash && server->asked_hash[0] == 0x20);
    bench_free(bench);
}

Test(update_smp, gives_up_on_silence_and_on_a_board_that_takes_nothing)
{
    struct bench *bench = bench_new("{\"retry_ms\": 10, \"retries\": 2}");
    bench->server.deaf = 1000;
    cr_assert_not(work(bench, (struct update_job){.intent = UPDATE_PING}));
    cr_assert_str_eq(bench->reason, "timeout");
    cr_assert_str_eq(bench->outcome, "silent");
    cr_assert_eq(bench->server.requests, 3);
    bench->server.deaf = 0;
    bench->server.stubborn = 1;
    cr_assert_not(work(bench, UPLOAD));
    cr_assert_str_eq(bench->reason, "protocol");
    cr_assert_str_eq(bench->outcome, "failed");
    bench->server.deaf = 1000;
    cr_assert_not(work(bench, (struct update_job){.intent = UPDATE_PING, .deadline_us = 5000}));
    cr_assert_str_eq(bench->reason, "timeout");
    cr_assert_str_eq(bench->outcome, "silent");
    bench_free(bench);
}

Test(update_smp, does_not_reset_a_board_twice)
{
    struct bench *bench = bench_new(QUICK);
    bench->server.boot_log = 1;
    cr_assert(work(bench, (struct update_job){.intent = UPDATE_RESTART}));
    cr_assert_eq(bench->server.resets, 1);
    cr_assert(cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(bench->fields, "answered")));
    bench->server.boot_log = 0;
    bench->server.deaf = 1;
    cr_assert(work(bench, (struct update_job){.intent = UPDATE_RESTART}), "silence: it is asked again");
    cr_assert_eq(bench->server.resets, 2);
    bench_free(bench);
}

Test(update_smp, ends_a_job_that_is_cancelled_or_has_no_link)
{
    struct bench *bench = bench_new("{}");
    struct error error = {0};
    const struct update_job job = {.intent = UPDATE_DELIVER, .path = bench->path};
    cr_assert_eq(update_smp_driver.update->start(bench->self, &job, &error), 0);
    cr_assert_eq(update_smp_driver.update->start(bench->self, &job, &error), -1);
    update_smp_driver.update->cancel(bench->self);
    cr_assert(bench->over && !bench->ok);
    update_smp_driver.update->cancel(bench->self);
    const struct update_job missing = {.intent = UPDATE_DELIVER, .path = "/no/such"};
    cr_assert_eq(update_smp_driver.update->start(bench->self, &missing, &error), -1);
    cr_assert_eq(error.kind, ERROR_INPUT);
    int fd = bench->fd;
    bench->fd = -1;
    cr_assert_not(work(bench, (struct update_job){.intent = UPDATE_PING}));
    cr_assert_str_eq(bench->reason, "link");
    cr_assert_str_eq(bench->outcome, "link-lost");
    bench->fd = fd;
    bench_free(bench);
}
