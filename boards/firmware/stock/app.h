/* The parts of the stock application. */
#ifndef FW_STOCK_APP_H
#define FW_STOCK_APP_H

#include <stdbool.h>
#include <stdint.h>

/* What makes one build of it an image: written by build.sh. */
struct app_config {
    uint32_t data_format; /* not used: its settings have one format */
    bool crash, hang;     /* at start */
    bool dead_updater;    /* answers no SMP request */
    bool bad_selftest;
    bool auto_confirm; /* confirms by itself once the self-test has passed */
};
extern const struct app_config app_config;

/* images.c */
extern bool images_selftest_passed;
void images_confirm(void);

/* upload.c */
struct smp_chunk;
/* An SMP return code. *match: the image is whole (*done) and has the hash that the client said. */
int upload_put(const struct smp_chunk *chunk, uint32_t *next_off, bool *done, bool *match);
void upload_forget(void);

/* settings.c: made at the first start; nothing but the user changes them, and the user never does. */
void settings_open(void);
void settings_rewrite(void); /* for builds that do not know better */

#endif
