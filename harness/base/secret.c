/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/base/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/base/file.h"

static const char *after(const char *text, const char *prefix)
{
    size_t len = strlen(prefix);
    return !strncmp(text, prefix, len) && text[len] ? text + len : NULL;
}

static int read_file(const char *path, char secret[SECRET_MAX], struct error *error)
{
    struct stat about;
    FILE *file = file_open(path, error);
    if (!file)
        return -1;
    int result = 0;
    if (fstat(fileno(file), &about) || about.st_mode & S_IROTH)
        result = error_set(error, ERROR_INPUT, "%s: anybody can read this secret (chmod o-r)", path);
    else if (!fgets(secret, (int)SECRET_MAX, file) && ferror(file))
        result = error_set_errno(error, ERROR_INPUT, errno, "%s", path);
    else if (!strpbrk(secret, "\r\n") && fgetc(file) != EOF) /* the last line may lack its end */
        result = error_set(error, ERROR_INPUT, "%s: expected a secret of one line, less than %u bytes", path,
                           SECRET_MAX);
    fclose(file);
    secret[strcspn(secret, "\r\n")] = 0;
    if (!result && !secret[0])
        result = error_set(error, ERROR_INPUT, "%s: the secret is empty", path);
    if (result)
        secret_forget(secret, SECRET_MAX);
    return result;
}

int secret_read(const char *from, char secret[SECRET_MAX], struct error *error)
{
    memset(secret, 0, SECRET_MAX);
    const char *path = from ? after(from, "file:") : NULL, *name = from ? after(from, "env:") : NULL;
    if (path)
        return read_file(path, secret, error);
    if (!name)
        return from ? error_set(error, ERROR_INPUT, "expected " SECRET_WANTED) : 0;
    const char *value = getenv(name);
    if (!value || !value[0] || strlen(value) >= SECRET_MAX)
        return error_set(error, ERROR_INPUT, "the variable %s, for a secret, is %s", name,
                         value && value[0] ? "too long" : "empty or not set");
    snprintf(secret, SECRET_MAX, "%s", value);
    return 0;
}

void secret_forget(char *secret, size_t size)
{
    explicit_bzero(secret, size);
}
