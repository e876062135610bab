/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One talk with an SMP server: requests go out one at a time, what gets no answer is sent again, and an
 * answer is told from what only looks like one. Over a console (frames between other text) or in datagrams.
 */
#ifndef OTARIG_DRIVER_UPDATE_SMP_TALK_H
#define OTARIG_DRIVER_UPDATE_SMP_TALK_H

#include "harness/driver/driver.h"
#include "harness/driver/update/smp_frame.h"
#include "harness/driver/update/smp_msg.h"
#include "harness/driver/update/smp_status.h"

#define SMP_REQUEST_MAX 2048
#define SMP_RECENT 16

/* How long an answer is waited for. */
struct smp_patience {
    unsigned sends;       /* at most, the first one among them */
    uint64_t wait_us;     /* after the first; each further wait is longer by it ... */
    uint64_t wait_max_us; /* ... up to this */
    uint64_t busy_us;     /* for so long a board may say that it is busy */
    bool once_if_heard;   /* not sent again once the board said anything at all */
};

enum smp_end {
    SMP_ANSWERED,
    SMP_HEARD,  /* once_if_heard: no answer, but the board said something */
    SMP_SILENT, /* all sends were in vain */
    SMP_LOST    /* nothing can be sent: `text` says why */
};
struct smp_answer {
    enum smp_end end;
    const cJSON *map; /* NULL unless answered */
    struct smp_status status;
    const char *text;
};

struct smp_talk {
    struct loop *loop;
    struct link *link;
    bool datagrams; /* each piece of the link's input is one packet, unframed */
    struct loop_source *timer;
    struct smp_parser parser;
    bool asking;
    uint8_t request[SMP_REQUEST_MAX];
    size_t request_len;
    struct smp_header header; /* of the request */
    struct smp_patience patience;
    unsigned sends, refusals;
    uint64_t asked_us, busy_wait_us;
    bool waits_to_resend, heard;
    /* sequence numbers */
    unsigned recent[SMP_RECENT], recent_at;
    bool echoes_seq, no_seq; /* the board has been seen to; to do otherwise */
    cJSON *odd;              /* an answer whose number was never sent: taken when no other comes */
    bool v2;                 /* the board wants the second version of the protocol */
    bool turned;             /* the version was changed for this request */
    /* what was met */
    unsigned long foreign; /* whole packets that answer nothing we asked now */
    size_t largest;        /* request that was answered */
    uint64_t answered_us;  /* the last time; 0: never */
    void (*then)(void *arg, const struct smp_answer *answer);
    void *arg;
};

/* `link`'s input belongs to the talk until smp_talk_end(). `arg` goes to all `then`. */
void smp_talk_begin(struct smp_talk *talk, struct loop *loop, struct link *link, bool datagrams, void *arg);
void smp_talk_end(struct smp_talk *talk);
/* Sends what a smp_build_... function wrote into talk->request; `then` is called once, later or at once. */
void smp_talk_ask(struct smp_talk *talk, size_t len, const struct smp_patience *patience,
                  void (*then)(void *arg, const struct smp_answer *answer));
void smp_talk_stop(struct smp_talk *talk); /* `then` is not called any more */
/* Adds frames_broken, frames_mended, ... as far as there were any since `before`, a copy of the talk's. */
struct smp_talk_counts {
    struct smp_frame_counts frames;
    unsigned long foreign;
};
struct smp_talk_counts smp_talk_counts(const struct smp_talk *talk);
void smp_talk_tell(const struct smp_talk *talk, const struct smp_talk_counts *before, cJSON *fields);

#endif
