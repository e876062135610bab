/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of the update client "smp": update_smp.c has the intents, smp_upload.c delivers an image,
 * smp_size.c finds out how large a request may be. */
#ifndef OTARIG_DRIVER_UPDATE_SMP_CLIENT_H
#define OTARIG_DRIVER_UPDATE_SMP_CLIENT_H

#include "harness/driver/update/smp_talk.h"

#define SMP_REQUEST_MIN 96    /* room for the first chunk's keys and hash */
#define SMP_REQUEST_USUAL 384 /* what Zephyr's servers take unless they were configured otherwise */

enum smp_over { SMP_CONSOLE, SMP_UDP };
struct smp_config {
    int over;
    char *host, *enter;
    int64_t port, image, mtu, retry_ms, retries, stall_ms, deadline_ms;
    bool upgrade, recovery;
};

struct smp;

struct smp_upload {
    uint8_t *data;
    size_t len;
    uint8_t sha[32];
    bool resume;  /* the board may go on with what it has */
    bool started; /* it has acknowledged something */
    size_t mtu, off, chunk_len, resumed_at, went_back;
    unsigned still;     /* answers in a row that did not move the offset forward */
    unsigned unheard;   /* chunk requests in a row without an answer */
    unsigned restarts;  /* begun anew because the board refused to go on */
    bool size_is_right; /* so large requests are answered, only not those with a part of the image */
    uint64_t begin_us, moved_us;
    double rate; /* bytes a microsecond, of the first part; 0: not known yet */
};

struct smp_size {
    size_t low, high;
    bool echo; /* asked by; else by a read of the image state */
    void (*found)(struct smp *smp, size_t size);
};

struct smp {
    struct driver_env env;
    char *role;
    const struct smp_config *config;
    struct link *udp; /* NULL over a console */
    struct smp_talk talk;
    struct loop_source *deadline;
    bool busy;
    enum update_intent intent;
    uint64_t begin_us;
    struct smp_talk_counts before;
    struct smp_upload upload;
    struct smp_size size;
    struct smp_small {
        struct smp_patience patience;
        void (*then)(void *arg, const struct smp_answer *answer);
    } small;
    size_t limit;              /* found by smp_size_find(); 0: none */
    struct update_job waiting; /* until the recovery has been entered; without pointers */
    bool no_params;            /* the board keeps silent when it is asked what it can take */
    bool no_echo, echo;        /* it has been seen to keep silent on an echo, to answer one */
    /* activate */
    enum update_mode mode;
    uint8_t hash[32], delivered_hash[32];
    bool has_hash;
    bool delivered; /* the file that was delivered last is an image with a hash */
};

/* Ends the job. Takes `fields`, which may be NULL. */
void smp_end(struct smp *smp, enum update_outcome outcome, const char *reason, const char *text,
             cJSON *fields);
/* Ends the job unless the answer is one that says yes; true: it has ended. */
bool smp_failed(struct smp *smp, const struct smp_answer *answer);
void smp_refused(struct smp *smp, const struct smp_status *status);
/* The usual one: as often as the option says. */
struct smp_patience smp_patience(const struct smp *smp);
/* A small request that every server answers somehow, an echo or a read of the image state, each with this
 * patience: `then` learns whether it did. */
void smp_ask_small(struct smp *smp, const struct smp_patience *patience,
                   void (*then)(void *arg, const struct smp_answer *answer));

void smp_ask_images(struct smp *smp, void (*then)(void *arg, const struct smp_answer *answer));
/* The end of every job whose answer is its result. */
void smp_take_result(void *arg, const struct smp_answer *answer);

/* smp_options.c */
extern const struct option_spec smp_options[];
const char *smp_check(const void *config);
extern const struct option_rule smp_rules[];
unsigned smp_abilities(const void *config);
void smp_claim(const void *config, char *key, size_t size);

/* smp_activate.c: the jobs UPDATE_ACTIVATE and UPDATE_CONFIRM */
void smp_activate_begin(struct smp *smp, const struct update_job *job);
void smp_confirm_begin(struct smp *smp);

/* smp_upload.c: the job UPDATE_DELIVER of the file in smp->upload.data */
void smp_upload_begin(struct smp *smp);

/* smp_size.c: the largest request up to `high` bytes, within 16, that the board answers; `low` is known to be
 * answered. Changes nothing on the board. */
void smp_size_find(struct smp *smp, size_t low, size_t high, void (*found)(struct smp *smp, size_t size));

#endif
