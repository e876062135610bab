/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a URL of a device near us looks like, for option tables (option.h). */
#ifndef OTARIG_BASE_URL_H
#define OTARIG_BASE_URL_H

#define HTTP_URL "^https?://[^/?#@ \"\\\\]+([/?#][^ \"\\\\]*)?$"
#define HTTP_URL_WANTED "http://HOST or https://HOST, without user and password in it"
#define HTTP_PATH "^/[!-~]*$"
#define HTTP_PATH_WANTED "a path that begins with / (a space is %20)"
/* Rules of a table that has "user", "password_from" and "token_from". */
#define HTTP_WHO_RULES                                                                                       \
    {OPTION_NEEDS, (const char *const[]){"password_from", NULL}, "user", NULL,                               \
     "a \"user\" whose password that is"},                                                                   \
    {                                                                                                        \
        OPTION_NOT_WITH, (const char *const[]){"token_from", NULL}, "user", NULL,                            \
            "either \"user\" or \"token_from\""                                                              \
    }

#endif
