/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LMS signatures, RFC 8554 / NIST SP 800-208: verification, SHA-256 with n = m = 32, LM-OTS W4 and W8, trees
 * up to H10. */
#ifndef FW_LMS_H
#define FW_LMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LMS_PUBLIC_LEN 56 /* u32 tree type, u32 one-time type, I[16], T[1][32] */
#define LMS_SIGNATURE_MAX (4 + 4 + 32 + 67 * 32 + 4 + 10 * 32)

bool lms_verify(const uint8_t public_key[LMS_PUBLIC_LEN], const void *message, size_t message_len,
                const uint8_t *signature, size_t signature_len);

#endif
