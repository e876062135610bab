/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/update/smp_talk.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/clock.h"

#define BUSY_FIRST_US 50000u
#define BUSY_LONGEST_US 2000000u
#define NO_SEQ 256u

static void answer(struct smp_talk *talk, const struct smp_answer *answer)
{
    talk->asking = false;
    loop_timer_set(talk->timer, LOOP_NEVER);
    talk->then(talk->arg, answer);
}

/* ---- sending ---- */

static void transmit(struct smp_talk *talk)
{
    struct error error = {0};
    size_t len = talk->request_len;
    talk->request[0] = (uint8_t)((talk->request[0] & 7) | (talk->v2 ? 1 << 3 : 0));
    char *text = talk->datagrams ? NULL : smp_frame_build(talk->request, len, &len);
    int failed = talk->link->send(talk->link, text ? (void *)text : talk->request, len, &error);
    free(text);
    if (failed) {
        answer(talk, &(struct smp_answer){.end = SMP_LOST, .text = error.text});
        return;
    }
    talk->heard = talk->waits_to_resend = false;
    uint64_t wait_us = talk->patience.wait_us * ++talk->sends;
    if (wait_us > talk->patience.wait_max_us)
        wait_us = talk->patience.wait_max_us;
    loop_timer_set(talk->timer, clock_now_us() + wait_us);
}

/* A board that is busy is asked again, and again later; any other no is asked for a second time only: what is
 * not persistent was no answer to the question. */
static bool asks_again(struct smp_talk *talk, const struct smp_status *status)
{
    bool turns = talk->v2 ? status->rc == SMP_RC_TOO_NEW : status->rc == SMP_RC_TOO_OLD;
    uint64_t now_us = clock_now_us();
    if (!status->rc)
        return false;
    if (turns && status->group < 0 && !talk->turned) {
        talk->turned = true;
        talk->v2 = !talk->v2;
        talk->busy_wait_us = 0;
    } else if (status->transient) {
        if (now_us >= talk->asked_us + talk->patience.busy_us)
            return false;
        talk->busy_wait_us = talk->busy_wait_us ? talk->busy_wait_us * 2 : BUSY_FIRST_US;
        if (talk->busy_wait_us > BUSY_LONGEST_US)
            talk->busy_wait_us = BUSY_LONGEST_US;
    } else if (talk->refusals++) {
        return false;
    } else {
        talk->busy_wait_us = BUSY_FIRST_US;
    }
    talk->sends = 0;
    talk->waits_to_resend = true;
    loop_timer_set(talk->timer, now_us + talk->busy_wait_us);
    return true;
}

static void take(struct smp_talk *talk, const cJSON *map)
{
    struct smp_answer taken = {.end = SMP_ANSWERED, .map = map};
    smp_status_of(map, &taken.status);
    talk->answered_us = clock_now_us();
    talk->largest = talk->request_len > talk->largest ? talk->request_len : talk->largest;
    if (!asks_again(talk, &taken.status))
        answer(talk, &taken);
}

static void on_timer(void *arg, uint64_t now_us)
{
    struct smp_talk *talk = arg;
    if (!talk->asking)
        return;
    if (!talk->waits_to_resend)
        smp_parser_late(&talk->parser);
    if (!talk->asking)
        return;
    if (talk->odd && !talk->waits_to_resend) {
        cJSON *odd = talk->odd;
        talk->odd = NULL;
        talk->no_seq = true;
        take(talk, odd);
        cJSON_Delete(odd);
    } else if (talk->patience.once_if_heard && talk->heard && !talk->waits_to_resend) {
        answer(talk, &(struct smp_answer){.end = SMP_HEARD});
    } else if (talk->sends >= talk->patience.sends) {
        answer(talk, &(struct smp_answer){.end = SMP_SILENT});
    } else {
        transmit(talk);
    }
}

/* ---- hearing ---- */

static bool was_sent(const struct smp_talk *talk, unsigned seq)
{
    for (int i = 0; i < SMP_RECENT; i++)
        if (talk->recent[i] == seq)
            return true;
    return false;
}

/* Some boards answer with a number of their own, mostly 0. A number that was sent before is an answer that
 * comes late; any other is the answer if no better one comes, and from then on at once. */
static bool is_ours(struct smp_talk *talk, const struct smp_header *header)
{
    if (header->seq == talk->header.seq) {
        talk->echoes_seq = true;
        talk->no_seq = false;
        return true;
    }
    return talk->no_seq && !was_sent(talk, header->seq);
}

static void on_packet(void *arg, const uint8_t *packet, size_t len)
{
    struct smp_talk *talk = arg;
    struct smp_header header;
    bool answers = smp_header_get(packet, len, &header) && header.op & 1;
    if (!talk->asking || talk->waits_to_resend || !answers || header.group != talk->header.group ||
        header.id != talk->header.id || header.op != (talk->header.op | 1)) {
        talk->foreign++;
        return;
    }
    cJSON *map = smp_decode(packet + SMP_HEADER_LEN, header.len);
    if (map && is_ours(talk, &header)) {
        take(talk, map);
    } else {
        talk->foreign++;
        if (map && !talk->echoes_seq && !was_sent(talk, header.seq) && !talk->odd) {
            talk->odd = map;
            map = NULL;
        }
    }
    cJSON_Delete(map);
}

static void on_receive(void *arg, const void *data, size_t len, uint64_t t_us)
{
    struct smp_talk *talk = arg;
    talk->heard = true;
    if (talk->datagrams)
        on_packet(talk, data, len);
    else
        smp_parser_put(&talk->parser, data, len);
}

/* ---- the talk ---- */

void smp_talk_begin(struct smp_talk *talk, struct loop *loop, struct link *link, bool datagrams, void *arg)
{
    memset(talk, 0, sizeof *talk);
    talk->loop = loop;
    talk->link = link;
    talk->datagrams = datagrams;
    talk->arg = arg;
    for (int i = 0; i < SMP_RECENT; i++)
        talk->recent[i] = NO_SEQ;
    talk->timer = loop_add_timer(loop, LOOP_NEVER, on_timer, talk);
    smp_parser_init(&talk->parser, on_packet, talk);
    link->receive = on_receive;
    link->receive_arg = talk;
}

void smp_talk_end(struct smp_talk *talk)
{
    talk->link->receive = NULL;
    loop_remove(talk->timer);
    cJSON_Delete(talk->odd);
}

void smp_talk_stop(struct smp_talk *talk)
{
    talk->asking = false;
    loop_timer_set(talk->timer, LOOP_NEVER);
}

/* 1 to 255: a 0 in an answer is then known to be none of ours */
static unsigned next_seq(struct smp_talk *talk)
{
    unsigned last = talk->header.seq;
    if (last)
        talk->recent[talk->recent_at++ % SMP_RECENT] = last;
    return last % 255 + 1;
}

void smp_talk_ask(struct smp_talk *talk, size_t len, const struct smp_patience *patience,
                  void (*then)(void *arg, const struct smp_answer *answer))
{
    unsigned seq = next_seq(talk);
    smp_header_get(talk->request, len, &talk->header);
    talk->header.seq = seq;
    talk->request[6] = (uint8_t)seq;
    talk->request_len = len;
    talk->patience = *patience;
    talk->sends = talk->refusals = 0;
    talk->asked_us = clock_now_us();
    talk->busy_wait_us = 0;
    talk->turned = false;
    talk->then = then;
    talk->asking = true;
    cJSON_Delete(talk->odd);
    talk->odd = NULL;
    transmit(talk);
}

struct smp_talk_counts smp_talk_counts(const struct smp_talk *talk)
{
    struct smp_talk_counts counts = {talk->parser.counts, talk->foreign};
    counts.frames.broken += talk->parser.in_frame;
    return counts;
}

void smp_talk_tell(const struct smp_talk *talk, const struct smp_talk_counts *before, cJSON *fields)
{
    const struct smp_talk_counts now = smp_talk_counts(talk);
    const struct {
        const char *name;
        unsigned long count;
    } rows[] = {{"frames_broken", now.frames.broken - before->frames.broken},
                {"frames_mended", now.frames.mended - before->frames.mended},
                {"frames_short_length", now.frames.short_len - before->frames.short_len},
                {"frames_without_crc", now.frames.no_crc - before->frames.no_crc},
                {"frames_foreign", now.foreign - before->foreign}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].count)
            cJSON_AddNumberToObject(fields, rows[i].name, (double)rows[i].count);
}
