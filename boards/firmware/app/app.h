/* The parts of the demo application. */
#ifndef FW_APP_H
#define FW_APP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What makes one build of it an image: app_config.c is written by build.sh. */
struct app_config {
    uint32_t data_format; /* of the user data it writes */
    bool crash, hang;     /* at start */
    bool dead_updater;    /* answers no SMP request */
    bool bad_selftest;
    bool auto_confirm; /* confirms by itself once the self-test has passed */
};
extern const struct app_config app_config;

/* smp.c: bytes from the console go in, requests are answered on the console. */
void smp_byte(uint8_t byte);
void smp_poll(void);     /* from the main loop; may work for a while */
bool smp_pending(void);  /* bytes wait for smp_poll */
bool smp_selftest(void); /* an echo through the whole parser */
bool smp_wants_reset(void);
/* The answer to one packet (header and CBOR); 0: none. For tests, too. */
size_t smp_answer(const uint8_t *packet, size_t len, uint8_t *out, size_t room);

/* upload.c */
struct upload_chunk {
    uint32_t off, len, total;
    const uint8_t *data, *sha;
    uint32_t sha_len;
};
int upload_put(const struct upload_chunk *chunk, uint32_t *next_off); /* an SMP return code, 0 fine */
void upload_forget(void);
bool upload_selftest(void);
bool upload_underway(void); /* it has begun and is not whole yet */

/* data.c: user data, two pages in turns. */
enum data_state { DATA_OK, DATA_MIGRATED, DATA_NEW, DATA_LOST };
enum data_state data_open(uint32_t *format, uint32_t *print); /* print: what the contents come to */
void data_migrate(void); /* to the format of this build; only when this image is here to stay */

enum {
    SMP_RC_OK = 0,
    SMP_RC_UNKNOWN = 1,
    SMP_RC_NO_MEMORY = 2,
    SMP_RC_BAD_INPUT = 3,
    SMP_RC_TIMEOUT = 4,
    SMP_RC_NO_ENTRY = 5,
    SMP_RC_BAD_STATE = 6,
    SMP_RC_TOO_LARGE = 7,
    SMP_RC_NOT_SUPPORTED = 8
};

extern bool app_selftest_passed;

#endif
