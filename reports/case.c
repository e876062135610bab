/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/escape.h"
#include "harness/base/mem.h"
#include "harness/base/member.h"

/* Without realpath(3): the folder may be on another machine by now. */
static char *absolute(const char *path)
{
    char *here = path[0] == '/' ? NULL : getcwd(NULL, 0);
    char *whole = here ? mem_printf("%s/%s", here, path) : mem_string(path);
    free(here);
    return whole;
}

char *case_repro(const char *run_folder, const cJSON *one)
{
    char *folder = absolute(run_folder), *path = mem_printf("%s/%s", folder, member_text(one, "folder"));
    char *word = escape_shell(path), *line = mem_printf("otarig repro %s", word);
    free(folder);
    free(path);
    free(word);
    return line;
}

static void print_evidence(FILE *out, const char *run_folder, const cJSON *one)
{
    const cJSON *file;
    const char *between = ": ";
    char *path = mem_printf("%s/%s", run_folder, member_text(one, "folder")), *shown = case_in_project(path);
    fprintf(out, "evidence in %s", shown);
    cJSON_ArrayForEach(file, member_list(one, "evidence"))
    {
        fprintf(out, "%s%s", between, cJSON_IsString(file) ? file->valuestring : "?");
        between = ", ";
    }
    fputc('\n', out);
    free(path);
    free(shown);
}

char *case_text(const char *run_folder, const cJSON *one)
{
    const cJSON *clause;
    char *text = NULL, *repro = case_repro(run_folder, one);
    size_t len;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        abort();
    fprintf(out, "%s\n", member_text(one, "reason"));
    cJSON_ArrayForEach(clause, member_list(one, "contract")) if (!member_true(clause, "holds"))
        fprintf(out, "%s does not hold: %s\n", member_text(clause, "clause"), member_text(clause, "detail"));
    print_evidence(out, run_folder, one);
    fprintf(out, "again: %s", repro);
    fclose(out);
    free(repro);
    return text;
}

char *case_in_project(const char *path)
{
    const char *project = getenv("CI_PROJECT_DIR");
    char *here = project && *project ? mem_string(project) : getcwd(NULL, 0);
    size_t len = here ? strlen(here) : 0;
    while (len && here[len - 1] == '/')
        len--;
    bool inside = len && !strncmp(path, here, len) && path[len] == '/';
    free(here);
    return mem_string(inside ? path + len + 1 : path);
}

char *case_attachment(const char *run_folder, const cJSON *one)
{
    const cJSON *file;
    const char *best = NULL;
    cJSON_ArrayForEach(file, member_list(one, "evidence"))
    {
        const char *name = cJSON_IsString(file) ? file->valuestring : "";
        if (!strncmp(name, "console", 7) || (!best && !strcmp(name, "journal.jsonl")))
            best = name;
    }
    if (!best)
        return NULL;
    char *path = mem_printf("%s/%s/%s", run_folder, member_text(one, "folder"), best),
         *shown = case_in_project(path);
    free(path);
    return shown;
}
