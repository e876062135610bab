/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A scripted SMP server at the other end of a wire, and a client on this one: the wire is real (a socket pair
 * or UDP), the board is not. Answers are written by hand: what servers send is wider than what our own
 * encoder makes. */
#ifndef OTARIG_DRIVER_UPDATE_TEST_SMP_BOARD_H
#define OTARIG_DRIVER_UPDATE_TEST_SMP_BOARD_H

#include <cbor.h>

#include "harness/driver/update/smp_frame.h"
#include "harness/driver/update/smp_msg.h"
#include "harness/driver/table.h"

#define IMAGE_LEN 5000u
#define QUICK "{\"retry_ms\": 20}"
#define DELIVER ((struct update_job){.intent = UPDATE_DELIVER})

struct answer {
    uint8_t data[1024];
    size_t len;
};
void answer_byte(struct answer *answer, unsigned value);
void answer_text(struct answer *answer, const char *value);
void answer_number(struct answer *answer, const char *key, uint32_t value);

/* How the board writes its frames. */
struct habits {
    const char *line_end; /* NULL: "\n" */
    size_t line_len;      /* of base64; 0: 124 */
    const char *prompt;   /* before each frame; NULL: none */
    const char *log;      /* printed in the middle of a frame's line; NULL: nothing */
    size_t log_at;        /* that many characters behind the marker */
    int logs;             /* so many answers; -1: all */
    bool short_len;       /* the length does not count the CRC */
    bool no_crc_at_91;    /* nor is there one, behind a payload of 91 bytes */
    enum { SEQ_RIGHT, SEQ_ZERO, SEQ_FIVE_MORE } seq;
};

struct server {
    int fd;
    struct loop *loop;
    struct loop_source *source;
    bool datagrams;
    struct smp_parser parser;
    /* script */
    struct habits habits;
    int deaf;                    /* requests to ignore */
    int garbled;                 /* answers to send with a flipped byte */
    int logging;                 /* log lines around, and in the middle of, answers */
    int wrong_seq;               /* answers to send first for a request that nobody made */
    int doubled;                 /* answers to send twice */
    unsigned resume_at;          /* where it says an upload goes on */
    int listed;                  /* the hash of slot 1 begins with it; 0: the slot is empty */
    int unlisted;                /* it does not know that request */
    int refuse_rc, refuse_group; /* to the next `refusals` requests (-1: all) of this group and id, or any;
                                    refuse_group: as `err` of that group, 0: as plain rc */
    int refusals, refuse_id;
    const char *reason; /* rsn of what is refused */
    size_t buffer;      /* longer requests are dropped; 0: none is */
    uint64_t erase_us;  /* the first part of an image keeps it busy so long, deaf */
    uint64_t busy_until_us;
    struct answer put_off; /* until it is not busy any more */
    struct smp_header put_off_header;
    const char *enter; /* the line that makes it answer; NULL: it answers at once */
    char typed[200];   /* what came between frames while it waited for that */
    bool no_echo, params_silent, v2_only, deaf_to_parts;
    size_t fill_to;   /* of the packet with the images, by a member of no meaning; 0: as it comes */
    int second_image; /* image 1 is listed as well: the hash of slot 0 begins with it, that of 1 with the next
                       */
    int go_back_at;   /* once, when so many bytes are there, it says an older offset */
    int forget_at;    /* once, when so many bytes are there, it has forgotten them all and says no */
    int match;        /* at the end: 1 true, -1 false */
    bool has_already; /* the image is there */
    int upload_rc, no_off, stubborn, version_bits, err_map, boot_log, params, not_cbor;
    /* what it saw */
    uint8_t image[2 * IMAGE_LEN], sha[32];
    size_t received, total, largest;
    int requests, resets, erases, confirmed, image_number, upgrade, echoes, uploads;
    uint8_t asked_hash[32]; /* of the last write of the image state */
    bool has_asked_hash, has_sha;
};

/* The parser of a console gives it packets; a descriptor its bytes, or datagrams. `arg` is the server. */
void server_on_request(void *arg, const uint8_t *packet, size_t len);
void server_on_readable(void *arg, int fd, uint32_t events);

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
    char reason[40], outcome[20], text[200];
    cJSON *fields;
};

/* ---- test_smp_bench.c ---- */
struct bench *bench_new(const char *options);
/* The server is a UDP one; "PORT" in the options becomes its port. */
struct bench *bench_new_udp(const char *options);
void bench_server_close(struct bench *bench); /* nobody is there any more */
void bench_free(struct bench *bench);
/* One job to its end; true: done. */
bool bench_work(struct bench *bench, struct update_job job);
int bench_field(const struct bench *bench, const char *name); /* of the end event; -1: it has none */
void bench_expect_delivered(const struct bench *bench);

#endif
