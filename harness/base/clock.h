/* Host time. Every time in a journal is CLOCK_MONOTONIC in microseconds unless its name says otherwise. */
#ifndef OTARIG_BASE_CLOCK_H
#define OTARIG_BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_now_us(void); /* CLOCK_MONOTONIC */
uint64_t clock_now_ns(void); /* CLOCK_MONOTONIC */
int64_t clock_wall_s(void);  /* CLOCK_REALTIME, for names and reports only, never for arithmetic */

#endif
