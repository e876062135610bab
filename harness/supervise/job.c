/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/base/member.h"
#include "harness/supervise/job.h"

/* NULL-terminated; the strings stay the tree's */
static const char **texts_of(const cJSON *spec, const char *key)
{
    const cJSON *node, *list = cJSON_GetObjectItem(spec, key);
    size_t count = 0;
    const char **texts = mem_array((size_t)cJSON_GetArraySize(list) + 1, sizeof *texts);
    cJSON_ArrayForEach(node, list) texts[count++] = node->valuestring;
    return texts;
}

static int choose_places(struct job *job, const cJSON *spec, struct error *error)
{
    const char **names = texts_of(spec, "places");
    const char *board = NULL;
    const cJSON *jobs = cJSON_GetObjectItem(spec, "jobs");
    size_t most = jobs && jobs->valuedouble >= 1 ? (size_t)jobs->valuedouble : SIZE_MAX;
    int result = 0;
    job->places = mem_array(job->rack.place_count + 1, sizeof *job->places);
    for (size_t i = 0; names[i] && !result; i++)
        if (!rack_place(&job->rack, names[i]))
            result = error_set(error, ERROR_INPUT, "%s: no place '%s'", job->rack.path, names[i]);
    for (size_t i = 0; i < job->rack.place_count && !result; i++) {
        const struct rack_place *place = &job->rack.places[i];
        bool named = !names[0];
        for (size_t k = 0; names[k]; k++)
            named |= !strcmp(names[k], place->name);
        if (!named || place->unproven || job->place_count >= most)
            continue;
        board = board ? board : place->board;
        if (!strcmp(board, place->board))
            job->places[job->place_count++] = place;
        else if (names[0]) /* asked for: to leave it out silently would be another run */
            result = error_set(error, ERROR_INPUT,
                               "%s: place '%s': expected a %s, as the places named before it, found a %s",
                               job->rack.path, place->name, board, place->board);
    }
    free(names);
    if (!result && !job->place_count)
        result =
            error_set(error, ERROR_INPUT, "%s: no place left to run on (all quarantined?)", job->rack.path);
    return result;
}

/* found[k]: wanted[k] is a case of some file */
static void add_cases(struct job *job, size_t file, const struct plan_file *loaded, int repeat,
                      const char **wanted, bool *found)
{
    for (size_t i = 0; i < loaded->variations.count; i++) {
        for (int turn = 0; turn < repeat; turn++) {
            const char *id = loaded->variations.list[i].id;
            bool take = !wanted[0];
            for (size_t k = 0; wanted[k]; k++)
                if (!strcmp(wanted[k], id))
                    take = found[k] = true;
            if (!take)
                continue;
            job->cases = mem_resize(job->cases, job->case_count + 1, sizeof *job->cases);
            job->cases[job->case_count++] = (struct job_case){
                .file = file, .index = i, .id = turn ? mem_printf("%s#%d", id, turn + 1) : mem_string(id)};
        }
    }
}

/* A test that is asked for and not there must not vanish from a sum. */
static int all_found(const struct job *job, const char **paths, const char **wanted, const bool *found,
                     struct error *error)
{
    if (!job->file_count)
        return error_set(error, ERROR_INPUT, "expected at least one scenario, found none");
    for (size_t k = 0; wanted[k]; k++)
        if (!found[k])
            return error_set(error, ERROR_INPUT, "--case %s: expected a case of %s%s, such as '%s'",
                             wanted[k], paths[0], job->file_count > 1 ? " or the other scenarios" : "",
                             job->files[0].variations.count ? job->files[0].variations.list[0].id : "");
    return 0;
}

static void skip(struct job *job, struct job_case *one, const struct plan *plan)
{
    job->skipped = mem_resize(job->skipped, job->skipped_count + 1, sizeof *job->skipped);
    struct job_skipped *skipped = &job->skipped[job->skipped_count++];
    *skipped = (struct job_skipped){.id = one->id, .file = one->file};
    skipped->reasons = mem_array(plan->unfit_count + 1, sizeof *skipped->reasons);
    for (size_t i = 0; i < plan->unfit_count; i++)
        skipped->reasons[i] = mem_string(plan->unfit[i]);
}

static bool is_named(const cJSON *spec, const char *path)
{
    const cJSON *name;
    cJSON_ArrayForEach(name, cJSON_GetObjectItem(spec, "named"))
    {
        if (cJSON_IsString(name) && !strcmp(name->valuestring, path))
            return true;
    }
    return false;
}

/* 1: it is none for this board or place. What was asked for by its name is refused then. */
static int check_case(struct job *job, struct job_case *one, const cJSON *spec, struct error *error)
{
    struct plan plan;
    struct error unfit = {0};
    if (plan_build(&job->files[one->file], one->index, &job->board, &job->images, &plan, error))
        return -1;
    int result = 0;
    for (size_t p = 0; p < job->place_count && !result; p++)
        result = plan_check_place(&plan, job->places[p], &unfit);
    if (result && (!plan.unfit_count || cJSON_GetArraySize(cJSON_GetObjectItem(spec, "cases")) ||
                   is_named(spec, job->files[one->file].document.name)))
        result = error_set(error, ERROR_INPUT, "%s", unfit.text);
    else if (result) {
        skip(job, one, &plan);
        result = 1;
    }
    plan_release(&plan);
    return result;
}

/* Every case is built and checked before any device is touched. */
static int check_cases(struct job *job, const cJSON *spec, struct error *error)
{
    size_t kept = 0, count = job->case_count;
    int result = 0;
    for (size_t i = 0; i < count; i++) {
        result = result < 0 ? result : check_case(job, &job->cases[i], spec, error);
        if (result <= 0) /* the rest stays the job's when one is wrong */
            job->cases[kept++] = job->cases[i];
    }
    job->case_count = kept;
    if (result < 0)
        return -1;
    return kept || !count
               ? 0
               : error_set(error, ERROR_INPUT, "no case is left that this board can be asked for: %s: %s",
                           job->skipped[0].id, job->skipped[0].reasons[0]);
}

static int load_scenarios(struct job *job, const cJSON *spec, struct error *error)
{
    const cJSON *seed = cJSON_GetObjectItem(spec, "seed"), *repeat = cJSON_GetObjectItem(spec, "repeat");
    const char **paths = texts_of(spec, "scenarios"), **vary = texts_of(spec, "vary"),
               **cases = texts_of(spec, "cases");
    size_t wanted = 0;
    while (cases[wanted])
        wanted++;
    bool *found = mem_array(wanted + 1, sizeof *found);
    int result = 0;
    for (size_t i = 0; paths[i] && !result; i++) {
        job->files = mem_resize(job->files, i + 1, sizeof *job->files);
        result =
            plan_file_load(paths[i], vary, (uint64_t)(seed ? seed->valuedouble : 1), &job->files[i], error);
        if (result)
            break;
        job->file_count++;
        for (size_t k = 0; k < i && !result; k++)
            if (!strcmp(job->files[k].name, job->files[i].name))
                result =
                    error_set(error, ERROR_INPUT, "%s: $.name: expected a name of its own, found that of %s",
                              paths[i], paths[k]);
        if (!result)
            add_cases(job, i, &job->files[i], repeat ? repeat->valueint : 1, cases, found);
    }
    result = result ? result : all_found(job, paths, cases, found, error);
    free(found);
    free(paths);
    free(vary);
    free(cases);
    return result;
}

int job_load(struct job *job, const cJSON *spec, struct error *error)
{
    *job = (struct job){.folder = mem_string(member_text_or(spec, "folder", NULL)), .parts = 1};
    if (rack_load(member_text_or(spec, "rack", NULL), &job->rack, error) || choose_places(job, spec, error) ||
        board_find(member_text_or(spec, "boards", NULL), job->places[0]->board, &job->board, error) ||
        board_can_run(&job->board, error) ||
        image_set_load(member_text_or(spec, "firmware", NULL), &job->images, error) ||
        load_scenarios(job, spec, error) || check_cases(job, spec, error)) {
        job_release(job);
        return -1;
    }
    return 0;
}

size_t job_parts(const struct job *job)
{
    size_t parts = job->place_count < job->case_count ? job->place_count : job->case_count;
    return rack_parts(&job->rack) && parts ? parts : 1;
}

void job_take_part(struct job *job, size_t part, size_t parts)
{
    if (parts > 1) {
        job->places[0] = job->places[part];
        job->place_count = 1;
    }
    job->part = part;
    job->parts = parts;
}

bool job_has_case(const struct job *job, size_t index)
{
    return index % job->parts == job->part;
}

void job_release(struct job *job)
{
    for (size_t i = 0; i < job->file_count; i++)
        plan_file_release(&job->files[i]);
    for (size_t i = 0; i < job->case_count; i++)
        free(job->cases[i].id);
    for (size_t i = 0; i < job->skipped_count; i++) {
        for (char **reason = job->skipped[i].reasons; *reason; reason++)
            free(*reason);
        free(job->skipped[i].reasons);
        free(job->skipped[i].id);
    }
    free(job->skipped);
    free(job->files);
    free(job->cases);
    free(job->places);
    free(job->folder);
    image_set_release(&job->images);
    board_release(&job->board);
    rack_release(&job->rack);
    *job = (struct job){0};
}

char *job_case_folder(const struct job *job, size_t index)
{
    char *path = mem_printf("%s/cases/%s", job->folder, job->cases[index].id);
    for (char *c = path + strlen(job->folder) + 7; *c; c++)
        if (*c == '/' || (unsigned char)*c < 0x20)
            *c = '_';
    return path;
}
