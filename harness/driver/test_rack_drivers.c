/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The drivers "ftdi" and "serial" on the virtual rack, with the real libftdi1 and libserialport. The program
 * starts the rack, then itself again under its preload; the boards run echo firmware, which answers every
 * byte with the next. What really happened is in the rack's truth.jsonl. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/driver/table.h"
#include "harness/io/child.h"

#define NVM_LEN 1052672u    /* of an nRF52840: flash and UICR */
#define LIMIT_US 600000000u /* only ends a test that has failed */
#define READY_LIMIT_US 600000000u
#define SKIPPED 77

static const char rack_file[] =
    "{\"name\":\"test\",\"virtual\":{\"seed\":5,\"chip\":\"nrf52840\"},\"places\":["
    "{\"name\":\"p1\",\"board\":\"b\",\"power\":{\"driver\":\"ftdi\",\"serial\":\"OTR00001\",\"channel\":1},"
    "\"console\":{\"driver\":\"serial\",\"port\":\"/dev/ttyUSB0\",\"baud\":115200}},"
    "{\"name\":\"p2\",\"board\":\"b\",\"power\":{\"driver\":\"ftdi\",\"serial\":\"OTR00001\",\"channel\":2,"
    "\"sense\":7},"
    "\"console\":{\"driver\":\"serial\",\"port\":\"/dev/ttyUSB1\",\"baud\":115200}},"
    "{\"name\":\"p3\",\"board\":\"b\",\"power\":{\"driver\":\"ftdi\",\"serial\":\"OTR00002\",\"channel\":8,"
    "\"active\":\"low\"},\"console\":{\"driver\":\"stream\",\"path\":\"p3.uart\"}},"
    "{\"name\":\"p4\",\"board\":\"b\",\"power\":{\"driver\":\"ftdi\",\"serial\":\"OTR00001\",\"channel\":3},"
    "\"console\":{\"driver\":\"serial\",\"location\":\"1-5\",\"baud\":115200,\"with_power\":true}}]}";

/* ---- a device under test ---- */

struct device {
    struct sink sink; /* first member */
    const struct driver *driver;
    struct driver_env env;
    void *config, *self;
    struct error error;
    char events[400], input[64];
};

static struct loop *loop;

static void put(struct sink *sink, const struct event *event)
{
    struct device *device = (struct device *)sink;
    size_t n = strlen(device->events), m = strlen(device->input);
    if (event->kind == EVENT_INPUT)
        snprintf(device->input + m, sizeof device->input - m, "%.*s", (int)event->len,
                 (const char *)event->data);
    else
        snprintf(device->events + n, sizeof device->events - n, "%s %s%s%s|", event_kind_name(event->kind),
                 event->what, event->kind == EVENT_POWER ? " " : "",
                 event->kind == EVENT_POWER ? event->value : "");
}

static void device_init(struct device *device, const struct driver *driver, const char *options)
{
    struct json_document document;
    if (!loop)
        loop = loop_new();
    *device =
        (struct device){.sink = {.put = put}, .driver = driver, .config = mem_alloc(driver->config_size)};
    device->env = (struct driver_env){
        .loop = loop, .sink = &device->sink, .place = "p", .role = "role", .folder = "/tmp"};
    cr_assert_eq(json_parse(&document, "test", options, strlen(options), &device->error), 0);
    cr_assert_eq(option_parse(driver->options, json_root(&document), NULL, device->config,
                              driver->config_size, &device->error),
                 0, "%s", device->error.text);
    json_close(&document);
}

static int device_open(struct device *device)
{
    return driver_find(device->driver->name, device->driver->kind)
        ->open(&device->env, device->config, &device->self, &device->error);
}

static void device_end(struct device *device)
{
    if (device->self)
        device->driver->close(device->self);
    option_release(device->driver->options, device->config);
    free(device->config);
}

static void opened(struct device *device, const struct driver *driver, const char *options)
{
    device_init(device, driver, options);
    cr_assert_eq(device_open(device), 0, "%s", device->error.text);
}

static void until(const char *text, const char *wanted)
{
    uint64_t limit_us = clock_now_us() + LIMIT_US;
    while (!strstr(text, wanted) && clock_now_us() < limit_us)
        loop_turn(loop, 20000, NULL);
    cr_assert(strstr(text, wanted), "'%s' never came, only '%s'", wanted, text);
}

/* ---- the rack ---- */

static void control(const char *command)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    char answer[200] = "";
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(where.sun_path, sizeof where.sun_path, "%s/control", getenv("OTARIG_RACK"));
    cr_assert(fd >= 0 && !connect(fd, (struct sockaddr *)&where, sizeof where));
    char *line = mem_printf("%s\n", command);
    cr_assert_eq(write(fd, line, strlen(line)), (ssize_t)strlen(line));
    cr_assert_gt(read(fd, answer, sizeof answer - 1), 0);
    cr_assert(strstr(answer, "\"ok\":true"), "%s", answer);
    close(fd);
    free(line);
}

static void defect(const char *what, const char *place, const char *name)
{
    char *command = mem_printf("{\"do\":\"%s\",\"place\":\"%s\",\"defect\":\"%s\"}", what, place, name);
    control(command);
    free(command);
}

/* How often something is in the log of what happened. */
static int truth(const char *place, const char *what)
{
    char *path = mem_printf("%s/truth.jsonl", getenv("OTARIG_RACK")), *line = NULL;
    FILE *file = fopen(path, "r");
    size_t room = 0;
    int count = 0;
    cr_assert(file);
    while (getline(&line, &room, file) > 0) {
        cJSON *event = cJSON_Parse(line);
        const char *at = cJSON_GetStringValue(cJSON_GetObjectItem(event, "place"));
        const char *kind = cJSON_GetStringValue(cJSON_GetObjectItem(event, "what"));
        count += kind && !strcmp(kind, what) && at && !strcmp(at, place);
        cJSON_Delete(event);
    }
    free(line);
    free(path);
    fclose(file);
    return count;
}

static int edges(void)
{
    return truth("p1", "rail_on") + truth("p1", "rail_off") + truth("p2", "rail_on") +
           truth("p2", "rail_off") + truth("p3", "rail_on") + truth("p3", "rail_off");
}

#define P1 "{\"serial\":\"OTR00001\",\"channel\":1}"
#define P2 "{\"serial\":\"OTR00001\",\"channel\":2}"
#define P2_SENSED "{\"serial\":\"OTR00001\",\"channel\":2,\"sense\":7}"
#define P3 "{\"serial\":\"OTR00002\",\"channel\":8,\"active\":\"low\"}"

static void power(struct device *device, bool on)
{
    struct power_report report = {0};
    bool is = !on;
    cr_assert_eq(device->driver->power->set(device->self, on, &report, &device->error), 0, "%s",
                 device->error.text);
    cr_expect(report.verified && report.commanded_us && report.commanded_us <= report.returned_us);
    cr_expect_eq(device->driver->power->get(device->self, &is, &device->error), 0);
    cr_expect_eq(is, on);
}

/* ---- power ---- */

Test(rack_drivers, channels_of_one_board_move_alone)
{
    struct device one, two, low;
    opened(&one, &power_ftdi_driver, P1);
    opened(&two, &power_ftdi_driver, P2);
    opened(&low, &power_ftdi_driver, P3);
    int ons = truth("p1", "rail_on"), before = edges();
    power(&one, true);
    cr_expect_eq(truth("p1", "rail_on"), ons + 1);
    power(&two, true);
    power(&one, false);
    power(&low, true);
    power(&low, false);
    cr_expect_eq(edges(), before + 5, "each command is one edge and nothing else moved");
    /* closing one leaves its neighbour alone; the safe state is off */
    device_end(&two);
    device_end(&one);
    device_end(&low);
    cr_expect_eq(edges(), before + 6);
}

Test(rack_drivers, the_rail_is_sensed)
{
    struct device one, two;
    opened(&one, &power_ftdi_driver, P1);
    opened(&two, &power_ftdi_driver, P2_SENSED);
    int before = edges();
    power(&two, true);
    until(two.events, "power edge on|");
    power(&one, true); /* its neighbour is none of its matter */
    power(&two, true); /* as it is already: no edge */
    power(&two, false);
    until(two.events, "power edge off|");
    cr_expect_str_eq(two.events, "power edge on|power edge off|");
    cr_expect_eq(one.events[0], 0);
    cr_expect_eq(edges(), before + 3, "the pin that senses moves no relay");
    defect("inject", "p2", "stuck-relay");
    power(&two, true);
    until(two.events, "rig rail|");
    defect("clear", "p2", "stuck-relay");
    device_end(&two);
    device_end(&one);
}

/* As it is found after a crash, too: the relay is on and nobody holds the board. */
Test(rack_drivers, opening_and_closing_is_no_twitch)
{
    struct device device;
    device_init(&device, &power_ftdi_driver, P1);
    device.env.safe_on = true;
    cr_assert_eq(device_open(&device), 0, "%s", device.error.text);
    power(&device, true);
    int before = edges();
    power_ftdi_driver.close(device.self);
    for (int i = 0; i < 3; i++) {
        struct device neighbour;
        opened(&neighbour, &power_ftdi_driver, P2);
        device_end(&neighbour);
    }
    cr_assert_eq(device_open(&device), 0, "%s", device.error.text);
    cr_expect_eq(edges(), before);
    power(&device, false);
    cr_expect_eq(edges(), before + 1);
    device_end(&device);
    opened(&device, &power_ftdi_driver, P1);
    power(&device, false);
    device_end(&device);
}

Test(rack_drivers, closing_leaves_what_is_safe)
{
    struct device device;
    bool on = false;
    device_init(&device, &power_ftdi_driver, P1);
    device.env.safe_on = true;
    cr_assert_eq(device_open(&device), 0, "%s", device.error.text);
    power(&device, false);
    device_end(&device);
    opened(&device, &power_ftdi_driver, P1);
    cr_expect(power_ftdi_driver.power->get(device.self, &on, &device.error) == 0 && on);
    device_end(&device);
    opened(&device, &power_ftdi_driver, P1);
    cr_expect(power_ftdi_driver.power->get(device.self, &on, &device.error) == 0 && !on);
    device_end(&device);
}

/* By hand: what was switched on must not go off with the command that did it. */
Test(rack_drivers, leaving_moves_nothing)
{
    struct device device;
    opened(&device, &power_ftdi_driver, P1);
    power(&device, true);
    int before = edges();
    power_ftdi_driver.leave(device.self);
    device.self = NULL;
    device_end(&device);
    cr_expect_eq(edges(), before);
    bool on = false;
    opened(&device, &power_ftdi_driver, P1);
    cr_expect(power_ftdi_driver.power->get(device.self, &on, &device.error) == 0 && on);
    device_end(&device);
}

Test(rack_drivers, an_unplugged_board_is_named_and_its_other_users_are_told)
{
    struct device one, two;
    struct power_report report;
    bool on = true;
    opened(&one, &power_ftdi_driver, P1);
    opened(&two, &power_ftdi_driver, P2);
    power(&one, true);
    power(&two, true);
    defect("inject", "p1", "unplug-relay");
    cr_expect_eq(power_ftdi_driver.power->set(one.self, false, &report, &one.error), -1);
    cr_expect_eq(one.error.kind, ERROR_RIG);
    cr_expect(strstr(one.error.text, "relay board OTR00001: write: ") && strstr(one.error.text, "unplugged?"),
              "%s", one.error.text);
    cr_expect_str_eq(one.events, "");
    cr_expect_str_eq(two.events, "rig lost|");
    cr_expect_eq(power_ftdi_driver.power->get(one.self, &on, &one.error), -1);
    cr_expect(strstr(one.error.text, "plugged in?"), "%s", one.error.text);
    defect("clear", "p1", "unplug-relay");
    /* one command brings back the whole byte as it was commanded, without a step in between */
    int ones = truth("p1", "rail_on"), twos = truth("p2", "rail_on");
    cr_expect_eq(power_ftdi_driver.power->set(one.self, false, &report, &one.error), 0, "%s", one.error.text);
    cr_expect_eq(truth("p1", "rail_on"), ones);
    cr_expect_eq(truth("p2", "rail_on"), twos + 1);
    cr_expect(power_ftdi_driver.power->get(two.self, &on, &two.error) == 0 && on);
    device_end(&one);
    device_end(&two);
}

Test(rack_drivers, a_pin_that_does_not_obey_is_noticed)
{
    struct device device;
    struct power_report report = {.verified = true};
    opened(&device, &power_ftdi_driver, P1);
    defect("inject", "p1", "relay-readback-wrong");
    cr_expect_eq(power_ftdi_driver.power->set(device.self, true, &report, &device.error), -1);
    cr_expect_not(report.verified);
    cr_expect(strstr(device.error.text, "wrote 0x01, reads back 0x"), "%s", device.error.text);
    defect("clear", "p1", "relay-readback-wrong");
    power(&device, false);
    device_end(&device);
}

Test(rack_drivers, examine_names_the_boards_that_are_there)
{
    struct device device;
    char advice[400] = "";
    int before = edges();
    device_init(&device, &power_ftdi_driver, "{\"serial\":\"NOSUCH\",\"channel\":1}");
    cr_expect_eq(power_ftdi_driver.examine(&device.env, device.config, advice, sizeof advice, &device.error),
                 -1);
    cr_expect(strstr(device.error.text, "relay board NOSUCH: device not found"), "%s", device.error.text);
    cr_expect(strstr(advice, "OTR00001, OTR00002") || strstr(advice, "OTR00002, OTR00001"), "%s", advice);
    device_end(&device);
    device_init(&device, &power_ftdi_driver, P2);
    cr_expect_eq(power_ftdi_driver.examine(&device.env, device.config, advice, sizeof advice, &device.error),
                 0, "%s", device.error.text);
    device_end(&device);
    cr_expect_eq(edges(), before);
}

Test(rack_drivers, another_process_keeps_the_board)
{
    struct device device;
    int held[2], done[2];
    char byte;
    cr_assert(!pipe(held) && !pipe(done));
    pid_t other = fork();
    if (other == 0) {
        opened(&device, &power_ftdi_driver, P1);
        _exit(write(held[1], "h", 1) != 1 || read(done[0], &byte, 1) != 1);
    }
    cr_assert_eq(read(held[0], &byte, 1), 1);
    device_init(&device, &power_ftdi_driver, P2);
    cr_expect_eq(device_open(&device), -1);
    cr_expect(strstr(device.error.text, "held by another otarig"), "%s", device.error.text);
    cr_assert_eq(write(done[1], "d", 1), 1);
    waitpid(other, NULL, 0);
    cr_expect_eq(device_open(&device), 0, "%s", device.error.text);
    device_end(&device);
}

/* ---- console ---- */

static void talk(struct device *console, const char *say, const char *hear)
{
    console->input[0] = 0;
    cr_assert_eq(console->driver->console->write(console->self, say, strlen(say), &console->error), 0, "%s",
                 console->error.text);
    until(console->input, hear);
}

/* Powers place p1 and waits for its first word. */
static void boot(struct device *relay, struct device *console)
{
    opened(relay, &power_ftdi_driver, P1);
    power(relay, true);
    until(console->input, "!");
}

static void console_by(const char *options)
{
    struct device relay, console;
    opened(&console, &console_serial_driver, options);
    boot(&relay, &console);
    talk(&console, "HAL", "IBM");
    device_end(&console);
    device_end(&relay);
}

Test(rack_drivers, console_by_name)
{
    console_by("{\"port\":\"/dev/ttyUSB0\"}");
}

Test(rack_drivers, console_by_link)
{
    char *dev = mem_printf("%s/dev/serial/by-path", getenv("UMOCKDEV_DIR"));
    char *command = mem_printf("mkdir -p %s && ln -sf ../../ttyUSB0 %s/pci-usb-0:2", dev, dev);
    cr_assert_eq(system(command), 0);
    console_by("{\"port\":\"/dev/serial/by-path/pci-usb-0:2\"}");
    free(command);
    free(dev);
}

Test(rack_drivers, console_by_location)
{
    struct device one, two;
    char advice[400] = "", *end;
    device_init(&one, &console_serial_driver, "{\"usb\":\"1a86:7523\"}");
    cr_expect_eq(device_open(&one), -1);
    cr_expect_str_eq(one.error.text,
                     "more than one serial port with usb 1a86:7523 (\"serial\" or \"location\" tells them "
                     "apart)");
    cr_expect_eq(console_serial_driver.examine(&one.env, one.config, advice, sizeof advice, &one.error), -1);
    char *at = strstr(advice, "/dev/ttyUSB0 (1a86:7523 at ");
    cr_assert(at, "%s", advice);
    at += strlen("/dev/ttyUSB0 (1a86:7523 at ");
    end = strchr(at, ')');
    cr_assert(end);
    char *options = mem_printf("{\"usb\":\"1A86:7523\",\"location\":\"%.*s\"}", (int)(end - at), at);
    console_by(options);
    device_init(&two, &console_serial_driver, "{\"usb\":\"1a86:7523\",\"location\":\"9-9\"}");
    cr_expect_eq(device_open(&two), -1);
    cr_expect_str_eq(two.error.text, "no serial port with usb 1a86:7523 at 9-9 (plugged in?)");
    device_end(&one);
    device_end(&two);
    free(options);
}

Test(rack_drivers, ports_that_cannot_be)
{
    static const char *const cases[][2] = {
        {"{}", "serial: expected \"port\", or one of \"usb\", \"serial\" and \"location\""},
        {"{\"port\":\"/dev/ttyUSB7\"}",
         "/dev/ttyUSB7: no such serial port (plugged in? `otarig doctor` lists what is "
         "there)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct device device;
        device_init(&device, &console_serial_driver, cases[i][0]);
        cr_expect_eq(device_open(&device), -1);
        cr_expect_str_eq(device.error.text, cases[i][1]);
        cr_expect_eq(device.error.kind, i < 1 ? ERROR_INPUT : ERROR_RIG);
        device_end(&device);
    }
}

Test(rack_drivers, a_port_has_one_user)
{
    struct device one, two;
    opened(&one, &console_serial_driver, "{\"port\":\"/dev/ttyUSB0\"}");
    device_init(&two, &console_serial_driver, "{\"port\":\"/dev/ttyUSB0\"}");
    cr_expect_eq(device_open(&two), -1);
    cr_expect(strstr(two.error.text, "/dev/ttyUSB0: "), "%s", two.error.text);
    device_end(&one);
    cr_expect_eq(device_open(&two), 0, "%s", two.error.text);
    device_end(&two);
}

Test(rack_drivers, control_lines)
{
    struct device console;
    int before = truth("p1", "lines");
    opened(&console, &console_serial_driver, "{\"port\":\"/dev/ttyUSB0\",\"dtr\":\"low\",\"rts\":\"high\"}");
    cr_expect_gt(truth("p1", "lines"), before);
    device_end(&console);
}

Test(rack_drivers, an_adapter_comes_back)
{
    struct device relay, console;
    opened(&console, &console_serial_driver, "{\"port\":\"/dev/ttyUSB0\"}");
    boot(&relay, &console);
    defect("inject", "p1", "unplug-serial");
    until(console.events, "note lost|");
    cr_expect_eq(console_serial_driver.console->write(console.self, "x", 1, &console.error), -1);
    defect("clear", "p1", "unplug-serial");
    until(console.events, "note reopened|");
    talk(&console, "A", "B");
    device_end(&console);
    device_end(&relay);
}

Test(rack_drivers, an_adapter_that_stays_away_is_the_rigs_fault)
{
    struct device console;
    opened(&console, &console_serial_driver, "{\"port\":\"/dev/ttyUSB0\"}");
    defect("inject", "p1", "unplug-serial");
    until(console.events, "rig lost|");
    defect("clear", "p1", "unplug-serial");
    device_end(&console);
}

/* A board's own port: away at first, then there, gone with the power, and there again under another name. */
Test(rack_drivers, a_port_that_goes_with_the_power)
{
    struct device relay, console;
    opened(&console, &console_serial_driver, "{\"location\":\"1-5\",\"with_power\":true}");
    cr_expect_eq(console_serial_driver.console->write(console.self, "x", 1, &console.error), 0,
                 "nobody hears it");
    opened(&relay, &power_ftdi_driver, "{\"serial\":\"OTR00001\",\"channel\":3}");
    for (int life = 0; life < 2; life++) {
        power(&relay, true);
        until(console.events, "note reopened|");
        talk(&console, "A", "B");
        power(&relay, false);
        until(console.events, "note lost|");
        console.events[0] = console.input[0] = 0;
    }
    cr_expect_eq(truth("p4", "plug"), 2);
    device_end(&console);
    device_end(&relay);
}

/* ---- the program: first the rack, then the tests in its world ---- */

struct start {
    bool ready, over;
    char root[200];
};

static void on_ready(void *arg, const char *line)
{
    struct start *start = arg;
    cJSON *about = cJSON_Parse(line + strlen("ready "));
    const char *root = cJSON_GetStringValue(cJSON_GetObjectItem(about, "root"));
    snprintf(start->root, sizeof start->root, "%s", root ? root : "");
    cJSON_Delete(about);
    start->ready = true;
}

static void on_line(void *arg, int stream, const char *text, size_t len)
{
    if (stream == 2)
        fprintf(stderr, "rack: %s\n", text);
}

static void on_ended(void *arg, int wait_status, bool asked)
{
    ((struct start *)arg)->over = true;
}

static void write_file(const char *folder, const char *name, const void *data, size_t len)
{
    char *path = mem_printf("%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    if (!file || fwrite(data, 1, len, file) != len)
        abort();
    fclose(file);
    free(path);
}

static bool put_firmware(const char *folder)
{
    uint8_t *flash = mem_alloc(NVM_LEN);
    FILE *file = fopen(OTARIG_TWIN_FW "/echo.bin", "r");
    memset(flash, 0xff, NVM_LEN);
    bool there = file && fread(flash, 1, NVM_LEN, file) > 0;
    if (file)
        fclose(file);
    for (int i = 1; there && i <= 4; i++) {
        char name[20];
        snprintf(name, sizeof name, "p%d.nvm", i);
        write_file(folder, name, flash, NVM_LEN);
    }
    free(flash);
    return there;
}

static int run_in_rack(char **argv, const char *root, const char *folder)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        setenv("LD_PRELOAD", "libumockdev-preload.so.0", 1);
        setenv("UMOCKDEV_DIR", root, 1);
        setenv("OTARIG_RACK", folder, 1);
        setenv("ASAN_OPTIONS", "verify_asan_link_order=0:detect_leaks=0", 1);
        execv("/proc/self/exe", argv);
        _exit(127);
    }
    while (waitpid(pid, &status, 0) < 0)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int with_rack(char **argv)
{
    char folder[] = "/tmp/otarig-drivers.XXXXXX";
    struct start start = {0};
    struct error error = {0};
    if (!mkdtemp(folder))
        return 1;
    char *command = mem_printf("rm -rf %s", folder), *file = mem_printf("%s/rack.json", folder);
    if (!put_firmware(folder)) {
        puts("no arm-none-eabi-gcc: no firmware");
        return system(command) ? 1 : SKIPPED;
    }
    write_file(folder, "rack.json", rack_file, sizeof rack_file - 1);
    const char *const rack[] = {
        OTARIG_BIN "/otarig-rack", "--rack", file, "--folder", folder, "--time", "real", NULL};
    const struct child_spec spec = {
        .name = "rack", .argv = rack, .ready_prefix = "ready ", .parent_death_signal = SIGTERM};
    const struct child_events events = {.ready = on_ready, .line = on_line, .ended = on_ended};
    struct loop *outer = loop_new();
    struct child *child = child_start(outer, &spec, &events, &start, &error);
    uint64_t end_us = clock_now_us() + READY_LIMIT_US;
    while (child && !start.ready && !start.over && clock_now_us() < end_us)
        loop_turn(outer, 100000, NULL);
    int code = start.ready ? run_in_rack(argv, start.root, folder) : 1;
    if (!start.ready)
        printf("the rack did not start: %s\n", error.text);
    if (child)
        child_stop(child, 5000000);
    end_us = clock_now_us() + LIMIT_US;
    while (child && !start.over && clock_now_us() < end_us)
        loop_turn(outer, 100000, NULL);
    child_free(child);
    loop_free(outer);
    code = system(command) ? 1 : code;
    free(command);
    free(file);
    return code;
}

int main(int argc, char **argv)
{
    if (!getenv("UMOCKDEV_DIR"))
        return with_rack(argv);
    struct criterion_test_set *tests = criterion_initialize();
    int code = 0;
    if (criterion_handle_args(argc, argv, true)) {
        criterion_options.jobs = 1; /* one rack for all of them */
        code = !criterion_run_all_tests(tests);
    }
    criterion_finalize(tests);
    return code;
}
