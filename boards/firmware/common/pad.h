/* Filler that makes an image as long as it is to be, and that no run-length trick and no erased page can
 * stand for: a linear congruential sequence. By the assembler, which is much quicker at it than the compiler.
 */
#ifndef FW_PAD_H
#define FW_PAD_H

#define PAD_TEXT(x) #x
#define PAD(kib, seed)                                                                                       \
    __asm__(".pushsection .pad, \"a\"\n"                                                                     \
            ".set pad_at, 0\n"                                                                               \
            ".rept " PAD_TEXT(kib) " * 256\n"                                                                \
                                   ".long (0x41c64e6d * pad_at ^ " PAD_TEXT(                                 \
                                       seed) " << 24 ^ 0x5bd1e995) & 0xffffffff\n"                           \
                                             ".set pad_at, pad_at + 1\n"                                     \
                                             ".endr\n"                                                       \
                                             ".popsection")

#endif
