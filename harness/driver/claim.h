/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lock keys of drivers. Two racks must not use one physical thing at once, so one thing has one key, however
 * its rack file spells it, and two things have two, so that they may be used at the same time. */
#ifndef OTARIG_DRIVER_CLAIM_H
#define OTARIG_DRIVER_CLAIM_H

#include <stddef.h>
#include <stdint.h>

/* "kind:part:part...": the parts end with NULL. What is too long for a file's name, or for `size`, is cut and
 * ends in a sum of the whole. */
void claim_put(char *key, size_t size, const char *kind, const char *const *parts);
/* A name that the user gave to the thing: the same for all drivers that could operate it. */
void claim_named(char *key, size_t size, const char *name);
/* Of programs, each NULL-terminated: who runs the same ones operates the same thing. `programs` ends with
 * NULL. */
void claim_programs(char *key, size_t size, const char *kind, char *const *const *programs);

/* A host in small letters, and its port unless that is 0; the caller's to free. */
char *claim_host(const char *host, int64_t port);
/* Where a URL leads, without what does not tell devices apart: its scheme, a port that is the usual one, a
 * slash at its end. The caller's to free. */
char *claim_url(const char *url);
/* A device of this computer: what its links lead to; what is not there is taken by its name. The caller's to
 * free. */
char *claim_device(const char *path);

#endif
