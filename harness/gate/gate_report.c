/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The answer of a gate for people, for the page of a CI job, and for programs. */
#include <stdlib.h>
#include <string.h>

#include "harness/base/escape.h"
#include "harness/base/mem.h"
#include "harness/base/member.h"
#include "harness/gate/gate.h"

static const char *const heads[] = {"PASS", "OPEN", "FAIL"};
static const char *const says[] = {"the runs show all that the policy needs",
                                   "something that the policy needs is not shown", "a case fails"};

static void put_line(FILE *out, char *text)
{
    escape_terminal(out, text);
    free(text);
    fputc('\n', out);
}

void gate_text(const struct gate *gate, FILE *out)
{
    enum gate_state state = gate_state(gate);
    const cJSON *run;
    for (size_t i = 0; i < gate->item_count; i++)
        put_line(out, mem_printf("%-6s  %s: %s", gate_state_name(gate->items[i].state), gate->items[i].what,
                                 gate->items[i].detail));
    cJSON_ArrayForEach(run, gate->runs) put_line(
        out, mem_printf("run     %s (%s)%s%s", member_text(run, "run"), member_text(run, "firmware"),
                        cJSON_HasObjectItem(run, "why") ? " does not count: " : "", member_text(run, "why")));
    put_line(out, mem_printf("%s %s: %s", heads[state], gate->policy->name, says[state]));
}

/* In a cell of a table: no line breaks, no bar that ends it, no markup. */
static void put_cell(FILE *out, const char *text)
{
    fputc(' ', out);
    for (; *text; text++) {
        if (strchr("|\\`*_[]<>#", *text))
            fputc('\\', out);
        fputc((unsigned char)*text < 0x20 ? ' ' : *text, out);
    }
    fputs(" |", out);
}

void gate_markdown(const struct gate *gate, FILE *out)
{
    static const char *const marks[] = {":white_check_mark: met", ":grey_question: open", ":x: failed"};
    enum gate_state state = gate_state(gate);
    const cJSON *run;
    fprintf(out, "## %s: %s\n\n%s.\n\n| | what | how it stands |\n|---|---|---|\n", gate->policy->name,
            heads[state], says[state]);
    for (size_t i = 0; i < gate->item_count; i++) {
        fprintf(out, "| %s |", marks[gate->items[i].state]);
        put_cell(out, gate->items[i].what);
        put_cell(out, gate->items[i].detail);
        fputc('\n', out);
    }
    fputs("\n| run | firmware | counts |\n|---|---|---|\n", out);
    cJSON_ArrayForEach(run, gate->runs)
    {
        const char *why = member_text(run, "why");
        fputc('|', out);
        put_cell(out, member_text(run, "run"));
        put_cell(out, member_text(run, "firmware"));
        put_cell(out, *why ? why : "yes");
        fputc('\n', out);
    }
}

cJSON *gate_json(const struct gate *gate)
{
    cJSON *root = cJSON_CreateObject(), *items;
    cJSON_AddNumberToObject(root, "schema_version", 1);
    cJSON_AddStringToObject(root, "policy", gate->policy->name);
    cJSON_AddStringToObject(root, "state", gate_state_name(gate_state(gate)));
    items = cJSON_AddArrayToObject(root, "items");
    for (size_t i = 0; i < gate->item_count; i++) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "what", gate->items[i].what);
        cJSON_AddStringToObject(item, "state", gate_state_name(gate->items[i].state));
        cJSON_AddStringToObject(item, "detail", gate->items[i].detail);
        cJSON_AddItemToArray(items, item);
    }
    cJSON_AddItemToObject(root, "runs", cJSON_Duplicate(gate->runs, true));
    cJSON_AddItemToObject(root, "images", cJSON_Duplicate(gate->images, true));
    return root;
}
