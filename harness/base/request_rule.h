/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A rule that spoils requests at an update server: which requests, and how. A scenario has it in an action
 * "server", the server of the tests (fixtures/otad) takes it as a command; both read it here. */
#ifndef OTARIG_BASE_REQUEST_RULE_H
#define OTARIG_BASE_REQUEST_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/base/json.h"

/* What a request is for, whatever its protocol. */
enum request_kind {
    REQUEST_POLL,       /* is there something for me */
    REQUEST_MANIFEST,   /* what is it */
    REQUEST_ARTIFACT,   /* its bytes */
    REQUEST_REPORT,     /* how it went */
    REQUEST_ATTRIBUTES, /* what I am */
    REQUEST_AUTH,       /* let me in */
    REQUEST_CANCEL,     /* about a taken-back update */
    REQUEST_OTHER,
    REQUEST_KINDS
};
extern const char *const request_kinds[]; /* words, NULL-terminated */

enum spoil {
    SPOIL_TELL, /* nothing but the event: for who wants to act just then */
    /* of the body, from a byte on */
    SPOIL_STALL,    /* nothing more is sent, for so long or for good */
    SPOIL_RESET,    /* TCP RST */
    SPOIL_TRUNCATE, /* the connection is closed in good order */
    SPOIL_CORRUPT,  /* one bit of every `every`-th byte flips */
    SPOIL_SLOW,     /* `rate` bytes a second */
    SPOIL_ENDLESS,  /* goes on for ever with noise */
    SPOIL_SWAP,     /* goes on with another artifact (none named: with noise), as if it had been replaced */
    /* of the answer as a whole */
    SPOIL_LENGTH,    /* Content-Length says `length` */
    SPOIL_NO_RANGES, /* as a server that knows none */
    SPOIL_WHOLE,     /* 200 and all of it, where a part was asked for */
    SPOIL_STATUS,    /* this status, with Retry-After when given */
    SPOIL_REDIRECT,  /* to the same place for ever, or to another host */
    SPOIL_PORTAL,    /* the page of a captive portal */
    SPOIL_EMPTY,     /* 204 where there is something */
    /* of what is told to whom */
    SPOIL_STALE,       /* the artifact that was wanted before the present one */
    SPOIL_OTHER_IMAGE, /* this artifact, which is another device's */
    SPOIL_LOSE,        /* a report: answered, and forgotten */
    SPOIL_DOUBLE,      /* a report: counted twice */
    /* of the connection */
    SPOIL_CERTIFICATE, /* https shows this certificate */
    SPOIL_MODES
};
extern const char *const spoil_words[];

enum certificate {
    CERTIFICATE_GOOD,
    CERTIFICATE_EXPIRED,      /* ended yesterday */
    CERTIFICATE_NOT_YET,      /* begins tomorrow */
    CERTIFICATE_WRONG_HOST,   /* of another name */
    CERTIFICATE_UNKNOWN_ROOT, /* of a root that nobody trusts, with the same name as ours */
    CERTIFICATE_REVOKED,      /* in crl.pem; only who looks there can know */
    CERTIFICATES
};
extern const char *const certificate_words[];

struct request_rule {
    int kind;                     /* enum request_kind; -1: any */
    char *path, *device, *method; /* patterns of fnmatch(3); NULL: any */
    int64_t count;                /* of the first that is spoilt, from 1 */
    int64_t times;                /* how many are; 0: all until it is lifted */
    enum spoil mode;
    int64_t from_byte, from_percent; /* the latter < 0: from_byte counts */
    int64_t for_ms, rate, every, length, status, retry_s;
    char *to;       /* where to: an URL, or "loop" */
    char *artifact; /* SWAP, OTHER_IMAGE */
    int certificate;
    uint64_t seed;
};

/* Members of `on` (may be absent: any request), `times` (may be absent: 1) and `action`. Also after a failure
 * the rule wants request_rule_release. */
int request_rule_parse(struct json on, struct json times, struct json action, struct request_rule *rule,
                       struct error *error);
/* The members of `on` alone, beside the keys in `also` (NULL-terminated or NULL). */
int request_rule_parse_on(struct json on, const char *const *also, struct request_rule *rule,
                          struct error *error);
void request_rule_release(struct request_rule *rule);

#endif
