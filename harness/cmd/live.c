#include "harness/cmd/live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/cmd/by_hand.h"
#include "harness/cmd/cmd.h"
#include "harness/cmd/live_case.h"

#define PAGE 4096u
#define HIT_US 60000000u /* for the code to come to the operation of a cut */
#define SAID_US 5000000u /* for the last byte to come over the serial line */
#define EDGE_US 2000000u /* for the rack to tell of a cut */

struct live {
    struct by_hand hand;
    struct live_case it;
    const char *place;
    const char *rack;        /* its folder */
    uint8_t *now, *expected; /* now: as read back, where that was done */
    char *scratch;           /* a file for the probe */
    long truth_at;           /* what of the rack's log has been read */
    const cJSON *reset;      /* in the next power cycle; NULL: none */
};

static int expect(struct live *live, const cJSON *changes, struct error *error)
{
    const cJSON *item;
    memcpy(live->expected, live->it.start, live->it.size);
    cJSON_ArrayForEach(item, changes) if (live_case_change(&live->it, item, live->expected, error)) return -1;
    return 0;
}

/* ---- the rig ---- */

static int power(struct live *live, bool on, struct error *error)
{
    struct power_report report = {0};
    const struct rig *rig = &live->hand.rig;
    if (rig_power(rig)->set(rig->self[RACK_POWER], on, &report, error))
        return -1;
    if (rig_probe(rig))
        rig_probe(rig)->power(rig->self[RACK_PROBE], on);
    return 0;
}

static cJSON *control(struct live *live, cJSON *command, struct error *error)
{
    cJSON_AddStringToObject(command, "place", live->place);
    cJSON *answer = virtual_rack_control(live->rack, command, error);
    cJSON_Delete(command);
    return answer;
}

static int tell(struct live *live, const char *verb, const cJSON *cut, double boot, struct error *error)
{
    /* for boards that cannot be told, and for us */
    static const char *const for_others[] = {"aim", "from_us", "to_us", "console", "reset", NULL};
    cJSON *command = cut ? cJSON_Duplicate(cut, true) : cJSON_CreateObject();
    for (size_t i = 0; for_others[i]; i++)
        cJSON_DeleteItemFromObject(command, for_others[i]);
    cJSON_AddStringToObject(command, "do", verb);
    if (cut)
        cJSON_AddNumberToObject(command, "boot", boot);
    cJSON *answer = control(live, command, error);
    cJSON_Delete(answer);
    return answer ? 0 : -1;
}

/* What the rack says of this place; the caller deletes it. */
static cJSON *place_status(struct live *live, struct error *error)
{
    cJSON *command = cJSON_CreateObject();
    cJSON_AddStringToObject(command, "do", "status");
    cJSON *answer = virtual_rack_control(live->rack, command, error), *found = NULL;
    const cJSON *item;
    cJSON_Delete(command);
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(answer, "places"))
    {
        const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(item, "name"));
        if (!found && name && !strcmp(name, live->place))
            found = cJSON_Duplicate(item, true);
    }
    cJSON_Delete(answer);
    if (!found && error->kind == ERROR_NONE)
        error_set(error, ERROR_RIG, "the rack does not know place '%s'", live->place);
    return found;
}

/* How often this place was powered up: what the rack counts its next one by. -1: trouble. */
static double power_ups(struct live *live, struct error *error)
{
    cJSON *status = place_status(live, error);
    double count = status ? live_case_number(status, "power_ups") : -1;
    cJSON_Delete(status);
    return count;
}

static int check_chip(struct live *live, struct error *error)
{
    cJSON *status = place_status(live, error);
    const char *chip = cJSON_GetStringValue(cJSON_GetObjectItem(status, "chip"));
    int result = -1;
    if (chip && !strcmp(chip, live->it.chip))
        result = 0;
    else if (status)
        error_set(error, ERROR_INPUT, "%s: $.chip: expected %s, which place '%s' of this rack has, found %s",
                  live->it.path, chip ? chip : "that", live->place, live->it.chip);
    cJSON_Delete(status);
    return result;
}

/* What acts on the board in its next boot, besides us: the rack does it in virtual time, as the explorer did.
 */
static int surround(struct live *live, double boot, struct error *error)
{
    const cJSON *item;
    if (tell(live, "chance", live->it.chance, boot, error))
        return -1;
    cJSON_ArrayForEach(item, live->it.input) if (tell(live, "type", item, boot, error)) return -1;
    return live->it.watchdog ? tell(live, "watchdog", live->it.watchdog, boot, error) : 0;
}

/* The next line of the rack's log that tells this of our twin; NULL: not yet. */
static cJSON *next_report(struct live *live, const char *what)
{
    char *path = mem_printf("%s/truth.jsonl", live->rack), *line = NULL;
    FILE *file = fopen(path, "r");
    size_t room = 0;
    ssize_t len;
    cJSON *found = NULL;
    free(path);
    if (file && !fseek(file, live->truth_at, SEEK_SET))
        while (!found && (len = getline(&line, &room, file)) > 0 && line[len - 1] == '\n') {
            cJSON *event = cJSON_Parse(line);
            const cJSON *report = cJSON_GetObjectItem(event, "report");
            const char *place = cJSON_GetStringValue(cJSON_GetObjectItem(event, "place"));
            const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(report, "what"));
            live->truth_at = ftell(file);
            if (place && name && !strcmp(place, live->place) && !strcmp(name, what))
                found = cJSON_Duplicate(report, true);
            cJSON_Delete(event);
        }
    free(line);
    if (file)
        fclose(file);
    return found;
}

static cJSON *await_report(struct live *live, const char *what, uint64_t for_us, struct error *error)
{
    uint64_t end_us = clock_now_us() + for_us;
    while (clock_now_us() < end_us) {
        cJSON *report = next_report(live, what);
        if (report || by_hand_wait(&live->hand, 2000, error))
            return report;
    }
    error_set(error, ERROR_RIG, "the rack's log does not tell of '%s' in %llu s", what,
              (unsigned long long)(for_us / 1000000));
    return NULL;
}

static int await_state(struct live *live, const char *state, uint64_t for_us, struct error *error)
{
    cJSON *report;
    while ((report = await_report(live, "align", for_us, error))) {
        const char *found = cJSON_GetStringValue(cJSON_GetObjectItem(report, "state"));
        bool is = found && !strcmp(found, state);
        cJSON_Delete(report);
        if (is)
            return 0;
    }
    return -1;
}

/* The same, and the rail has followed. */
static int power_now(struct live *live, bool on, struct error *error)
{
    if (power(live, on, error))
        return -1;
    cJSON *report = await_report(live, on ? "on" : "off", EDGE_US, error);
    cJSON_Delete(report);
    return report ? 0 : -1;
}

/* A power cycle that ends with a cut exactly there; a reset that was to come first must have come. */
static int cut(struct live *live, const cJSON *where, struct error *error)
{
    double boot = power_ups(live, error) + 1;
    const cJSON *reset = live->reset;
    live->reset = NULL;
    if (boot < 1 || surround(live, boot, error) || (reset && tell(live, "reset_at", reset, boot, error)) ||
        tell(live, "align", where, boot, error) || power(live, true, error) ||
        (reset && await_state(live, "reset", HIT_US, error)) || await_state(live, "hit", HIT_US, error) ||
        power(live, false, error))
        return -1;
    cJSON *off = await_report(live, "off", EDGE_US, error);
    bool aligned = cJSON_IsTrue(cJSON_GetObjectItem(off, "aligned"));
    cJSON_Delete(off);
    return aligned ? 0 : error_set(error, ERROR_RIG, "the rail did not fall at the operation");
}

/* ---- contents ---- */

/* Flash is taken in pieces of PAGE bytes. */
static bool is_blank(const uint8_t *bytes)
{
    for (size_t i = 0; i < PAGE; i++)
        if (bytes[i] != 0xff)
            return false;
    return true;
}

static uint32_t address_at(const struct live *live, size_t at)
{
    const struct live_memory *memory = live->it.memory;
    while (at - memory->offset >= memory->len)
        memory++;
    return memory->address + (uint32_t)(at - memory->offset);
}

static int program(struct live *live, size_t at, size_t len, bool blank, struct error *error)
{
    FILE *file = fopen(live->scratch, "wb");
    int failed = !file || fwrite(live->it.start + at, 1, len, file) != len;
    if (file && fclose(file))
        failed = 1;
    if (failed)
        return error_set_errno(error, ERROR_SYSTEM, 0, "%s", live->scratch);
    const struct probe_job job = {
        .verb = PROBE_PROGRAM, .path = live->scratch, .address = address_at(live, at), .blank = blank};
    return by_hand_probe(&live->hand, &job, error);
}

/* Pieces that follow each other and of which `wanted` says yes, from `at` on; returns the end of the run,
 * `at` when there is none. */
static size_t run_end(const struct live *live, size_t at, bool (*wanted)(const struct live *, size_t at))
{
    while (at < live->it.memory[0].len && wanted(live, at))
        at += PAGE;
    return at;
}

static bool is_used(const struct live *live, size_t at)
{
    return !is_blank(live->it.start + at);
}

static bool is_changed(const struct live *live, size_t at)
{
    return memcmp(live->now + at, live->it.start + at, PAGE) != 0;
}

static bool was_touched(const struct live *live, size_t at)
{
    return is_used(live, at) || !is_blank(live->expected + at);
}

static bool is_there(const struct live *live, size_t at)
{
    return true;
}

static bool erases_pieces(const struct live *live)
{
    uint32_t page = live->it.memory[0].page;
    return page && PAGE % page == 0;
}

static int program_all(struct live *live, bool (*wanted)(const struct live *, size_t at), bool blank,
                       struct error *error)
{
    for (size_t at = 0, end; at<live->it.memory[0].len; at = end> at ? end : at + PAGE) {
        end = run_end(live, at, wanted);
        if (end > at && program(live, at, end - at, blank, error))
            return -1;
    }
    memcpy(live->now, live->it.start, live->it.size);
    return 0;
}

/* An erase takes more than a piece: all in one, or a piece would erase what was written before it. */
static int program_span(struct live *live, struct error *error)
{
    size_t begin = 0, end = live->it.memory[0].len;
    while (begin < end && !is_used(live, begin))
        begin += PAGE;
    while (end > begin && !is_used(live, end - PAGE))
        end -= PAGE;
    memcpy(live->now, live->it.start, live->it.size);
    return end > begin ? program(live, begin, end - begin, true, error) : 0;
}

/* The start contents, all of them: between power-up and the probe's halt the board runs and may change any
 * page. UICR is not written: what the explorer starts from has none. */
static int restore(struct live *live, struct error *error)
{
    if (power_now(live, true, error) ||
        by_hand_probe(&live->hand, &(struct probe_job){.verb = PROBE_ERASE_ALL}, error))
        return -1;
    if (erases_pieces(live) ? program_all(live, is_used, true, error) : program_span(live, error))
        return -1;
    return power_now(live, false, error);
}

/* The same after a read_back, without a boot between: the core is held, then halted. */
static int put_back(struct live *live, struct error *error)
{
    if (by_hand_probe(&live->hand, &(struct probe_job){.verb = PROBE_HALT}, error) ||
        tell(live, "release", NULL, 0, error) || await_state(live, "released", EDGE_US, error))
        return -1;
    return program_all(live, is_changed, false, error);
}

static int dump(struct live *live, size_t at, size_t len, struct error *error)
{
    const struct probe_job job = {
        .verb = PROBE_DUMP, .path = live->scratch, .address = address_at(live, at), .len = (uint32_t)len};
    if (by_hand_probe(&live->hand, &job, error))
        return -1;
    FILE *file = fopen(live->scratch, "rb");
    int failed = !file || fread(live->now + at, 1, len, file) != len;
    if (file)
        fclose(file);
    return failed ? error_set(error, ERROR_RIG, "%s: expected %zu bytes", live->scratch, len) : 0;
}

/* Powered up with the core held, so that nothing changes while it is read; stays so. Pages that are blank at
 * the start and in the prediction are looked at when `all`. */
static int read_back(struct live *live, bool all, struct error *error)
{
    if (tell(live, "hold", NULL, 0, error) || power(live, true, error) ||
        await_state(live, "hit", EDGE_US, error))
        return -1;
    for (size_t at = 0, end; at<live->it.memory[0].len; at = end> at ? end : at + PAGE) {
        end = run_end(live, at, all ? is_there : was_touched);
        if (end > at && dump(live, at, end - at, error))
            return -1;
    }
    return 0;
}

static int compare(const struct live *live, const char *id, const char *when)
{
    size_t bad = 0, first = 0;
    for (size_t at = 0; at < live->it.memory[0].len; at += 4)
        if (memcmp(live->now + at, live->expected + at, 4) && !bad++)
            first = at;
    if (bad)
        printf("DIFFERS %s %s: %zu words, the first at 0x%08x\n", id, when, bad, address_at(live, first));
    return bad ? 1 : 0;
}

/* The power is off. */
static int flip(struct live *live, const cJSON *where, struct error *error)
{
    cJSON *command = cJSON_CreateObject();
    cJSON_AddStringToObject(command, "do", "flip");
    cJSON_AddNumberToObject(command, "address", live_case_number(where, "address"));
    cJSON_AddNumberToObject(command, "bit", live_case_number(where, "flip"));
    cJSON *answer = control(live, command, error), *report = NULL;
    if (answer)
        report = await_report(live, "flip", EDGE_US, error);
    bool flipped = report != NULL;
    cJSON_Delete(answer);
    cJSON_Delete(report);
    return flipped ? 0 : -1;
}

static int disturb(struct live *live, const cJSON *cuts, struct error *error)
{
    const cJSON *where;
    live->reset = NULL;
    cJSON_ArrayForEach(where, cuts)
    {
        if (cJSON_IsTrue(cJSON_GetObjectItem(where, "reset")))
            live->reset = where;
        else if (cJSON_HasObjectItem(where, "flip")) {
            if (flip(live, where, error))
                return -1;
        } else if (cut(live, where, error))
            return -1;
    }
    return 0;
}

/* A boot to its last operation; where it has none, a reset has nothing to follow. */
static int boot_to_end(struct live *live, const cJSON *last, struct error *error)
{
    return cJSON_GetArraySize(last) ? cut(live, cJSON_GetArrayItem(last, 0), error) : 0;
}

/* What the board said over the serial line in its failing boot is what the explorer heard: a contract may ask
 * for it. The line is slower than the board here. */
static int compare_said(struct live *live, const char *id, const cJSON *state, struct error *error)
{
    size_t len;
    const struct rig *rig = &live->hand.rig;
    uint8_t *said = live_case_bytes(cJSON_GetObjectItem(state, "said"), &len);
    uint64_t end_us = clock_now_us() + SAID_US;
    bool found = !said || !rig->self[RACK_CONSOLE];
    while (!found && clock_now_us() < end_us) {
        found = live->hand.heard && memmem(live->hand.heard, live->hand.heard_len, said, len);
        if (!found && by_hand_wait(&live->hand, 2000, error))
            break;
    }
    free(said);
    if (!found)
        printf("DIFFERS %s: the console did not say in the failing boot what it said in the explorer's\n",
               id);
    return found ? 0 : 1;
}

/* "2 cuts", "1 cut and 1 reset", "0 cuts and 1 flipped bit" */
static void describe(const cJSON *cuts, char *text, size_t size)
{
    int resets = 0, flips = 0, count = cJSON_GetArraySize(cuts);
    const cJSON *where;
    cJSON_ArrayForEach(where, cuts)
    {
        resets += cJSON_HasObjectItem(where, "reset");
        flips += cJSON_HasObjectItem(where, "flip");
    }
    count -= resets + flips;
    int len = snprintf(text, size, "%d cut%s", count, count == 1 ? "" : "s");
    if (resets || flips)
        snprintf(text + len, size - (size_t)len, " and %d %s%s", resets + flips,
                 resets ? "reset" : "flipped bit", resets + flips == 1 ? "" : "s");
}

/* From the start contents and power off to a core that is held. 0: agrees, 1: does not, -1: trouble. */
static int one(struct live *live, const cJSON *state, bool all, struct error *error)
{
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItem(state, "id"));
    const cJSON *cuts = cJSON_GetObjectItem(state, "cuts"),
                *end = cJSON_GetObjectItem(state, "last_operation");
    char done[64];
    describe(cuts, done, sizeof done);
    if (expect(live, cJSON_GetObjectItem(state, "changes"), error) || disturb(live, cuts, error) ||
        read_back(live, all, error))
        return -1;
    int differs = compare(live, id, "after the cuts");
    if (!differs && end) {
        if (expect(live, cJSON_GetObjectItem(state, "after"), error) || power_now(live, false, error))
            return -1;
        live->hand.heard_len = 0;
        if (boot_to_end(live, end, error) || read_back(live, all, error))
            return -1;
        differs = compare(live, id, "after the failing boot") || compare_said(live, id, state, error);
    }
    const char *said = cJSON_HasObjectItem(state, "said") ? " and says the same: " : ": ";
    if (!differs && !end)
        printf("agrees %s: %s\n", id, done);
    else if (!differs)
        printf("agrees %s: %s, and the boot after them leaves the same memory%s%s\n", id, done, said,
               cJSON_GetStringValue(cJSON_GetObjectItem(state, "class")));
    fflush(stdout);
    return differs;
}

/* A state that is put back after another relies on what was read of that one, so all of the memory is read
 * now and then, and in the end. */
static int all_states(struct live *live, bool *finding, struct error *error)
{
    const cJSON *state;
    size_t count = 0, differ = 0, total = (size_t)cJSON_GetArraySize(live->it.states);
    uint64_t begin_us = clock_now_us();
    cJSON_ArrayForEach(state, live->it.states)
    {
        bool all = count % 100 == 99 || (total > 1 && count + 1 == total);
        *finding |= cJSON_HasObjectItem(state, "class");
        if (!count && restore(live, error))
            return -1;
        int how = one(live, state, all, error);
        if (how < 0)
            return -1;
        count++;
        differ += (size_t)how;
        if (state->next && erases_pieces(live) && put_back(live, error))
            return -1;
        if (power_now(live, false, error) || (state->next && !erases_pieces(live) && restore(live, error)))
            return -1;
    }
    printf("%zu state%s on the rig: %zu agree word by word, %zu do not; %.1f s each\n", count,
           count == 1 ? "" : "s", count - differ, differ,
           (double)(clock_now_us() - begin_us) / 1e6 / (double)count);
    return differ ? error_set(error, ERROR_RIG, "the explorer and the rig do not agree") : 0;
}

/* What happens in a board does not depend on its pace, and here nobody needs it to be that of real time. */
static int set_pace(struct live *live, struct error *error)
{
    cJSON *command = cJSON_CreateObject();
    cJSON_AddStringToObject(command, "do", "pace");
    cJSON_AddStringToObject(command, "pace", "free");
    cJSON *answer = control(live, command, error);
    cJSON_Delete(answer);
    return answer ? 0 : -1;
}

/* Places of this rack are called by their chip. */
#define RACK_OF_CHIPS "virtual-chips.json"
#define RACK_OF_BOARDS "virtual-6.json"
#define CHIP_OF_BOARDS "nrf52840"

int live_repro(const char *folder, const char *its_rack, const char *its_place, int argc, char **argv)
{
    struct live live = {.rack = getenv("OTARIG_RACK")};
    struct error error = {0};
    int code;
    bool finding = false;
    /* before a rack is started for it */
    if (live_case_load(&live.it, folder, &error)) {
        live_case_release(&live.it);
        return cmd_fail(&error);
    }
    bool chips = !its_rack && strcmp(live.it.chip, CHIP_OF_BOARDS) != 0;
    char *rack = its_rack
                     ? mem_string(its_rack)
                     : mem_printf("%s/racks/%s", cmd_boards_folder(), chips ? RACK_OF_CHIPS : RACK_OF_BOARDS);
    live.place = its_place ? its_place : chips ? live.it.chip : "p1";
    if (by_hand_enter(&live.hand, rack, live.place, argc, argv, &code)) {
        by_hand_end(&live.hand);
        live_case_release(&live.it);
        free(rack);
        return code;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    live.now = mem_alloc(live.it.size);
    live.expected = mem_alloc(live.it.size);
    live.scratch = mem_printf("%s/repro.bin", live.rack ? live.rack : "/tmp");
    int failed = 0;
    if (!live.rack || !live.hand.rack.is_virtual)
        failed = error_set(
            &error, ERROR_INPUT,
            "%s: only a virtual rack can cut exactly at an operation; for a real board see --aim", rack);
    failed = failed || check_chip(&live, &error) ||
             by_hand_open(&live.hand, (1u << RACK_ROLES) - 1, &error) || set_pace(&live, &error) ||
             all_states(&live, &finding, &error);
    code = failed ? cmd_fail(&error) : finding;
    by_hand_end(&live.hand);
    live_case_release(&live.it);
    free(live.now);
    free(live.expected);
    free(live.scratch);
    free(rack);
    return code;
}
