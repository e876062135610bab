/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The power driver "modbus" with a relay board on its wire, by TCP and by a pseudo terminal. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <modbus.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/base/mem.h"
#include "harness/driver/power/test_switch_bench.h"

#define COILS 8

static struct switch_bench bench;

/* ---- the board ---- */

static struct {
    pthread_t thread;
    modbus_t *context;
    modbus_mapping_t *map;
    int listener, terminal; /* -1: the other one */
    unsigned port;
    bool stuck, over;
    unsigned writes;
} board;

static void serve(void)
{
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    int len;
    while ((len = modbus_receive(board.context, query)) >= 0) {
        int function = query[modbus_get_header_length(board.context)];
        board.writes += len > 0 && function == 5;
        modbus_mapping_t none = *board.map;
        uint8_t kept[COILS];
        memcpy(kept, none.tab_bits, sizeof kept);
        if (len > 0)
            modbus_reply(board.context, query, len, board.map);
        if (board.stuck)
            memcpy(board.map->tab_bits, kept, sizeof kept);
    }
}

static void *work(void *arg)
{
    while (!board.over) {
        if (board.listener >= 0 && modbus_tcp_accept(board.context, &board.listener) < 0)
            break;
        serve();
        if (board.listener >= 0)
            modbus_close(board.context);
    }
    return NULL;
}

static void start_tcp(bool stuck)
{
    struct sockaddr_in here = {0};
    socklen_t len = sizeof here;
    memset(&board, 0, sizeof board);
    board.stuck = stuck;
    board.terminal = -1;
    board.context = modbus_new_tcp("127.0.0.1", 0);
    board.map = modbus_mapping_new(COILS, 0, 0, 0);
    modbus_set_indication_timeout(board.context, 0, 0);
    board.listener = modbus_tcp_listen(board.context, 4);
    cr_assert(board.listener >= 0 && !getsockname(board.listener, (struct sockaddr *)&here, &len), "%s",
              modbus_strerror(errno));
    board.port = ntohs(here.sin_port);
    cr_assert_eq(pthread_create(&board.thread, NULL, work, NULL), 0);
}

static void stop_tcp(void)
{
    board.over = true;
    shutdown(board.listener, SHUT_RDWR);
    pthread_join(board.thread, NULL);
    close(board.listener);
    modbus_mapping_free(board.map);
    modbus_free(board.context);
}

static void begin(bool stuck, const char *more)
{
    start_tcp(stuck);
    char *text = mem_printf("{\"host\":\"127.0.0.1\",\"port\":%u%s}", board.port, more);
    switch_bench_begin(&bench, &power_modbus_driver, text);
    cr_assert_eq(switch_bench_open(&bench, false), 0, "%s", bench.error.text);
    free(text);
}

static void end(void)
{
    switch_bench_end(&bench);
    stop_tcp();
}

Test(power_modbus, one_coil_moves_and_is_read_back)
{
    bool on = false;
    begin(false, ",\"coil\":3");
    cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
    cr_expect(bench.report.verified);
    cr_expect(board.map->tab_bits[3] && !board.map->tab_bits[2] && !board.map->tab_bits[4]);
    cr_expect(switch_bench_get(&bench, &on) == 0 && on);
    cr_expect_eq(switch_bench_set(&bench, false), 0, "%s", bench.error.text);
    cr_expect(!board.map->tab_bits[3] && board.writes == 2);
    cr_expect_eq(switch_bench_set(&bench, true), 0);
    bench.driver->close(bench.self);
    bench.self = NULL;
    cr_expect(!board.map->tab_bits[3], "close leaves the safe state");
    end();
}

Test(power_modbus, a_normally_closed_contact)
{
    begin(false, ",\"coil\":0,\"powered\":\"open\"");
    cr_expect_eq(switch_bench_set(&bench, false), 0, "%s", bench.error.text);
    cr_expect(board.map->tab_bits[0]);
    end();
}

Test(power_modbus, a_board_that_is_stuck_or_has_no_such_coil)
{
    begin(true, ",\"coil\":1,\"follow_ms\":200");
    cr_expect_eq(switch_bench_set(&bench, true), -1);
    cr_expect(strstr(bench.error.text, "switched on, but it tells off 200 ms later"), "%s", bench.error.text);
    end();
    begin(false, ",\"coil\":8,\"retries\":0");
    cr_expect_eq(switch_bench_set(&bench, true), -1);
    cr_expect(strstr(bench.error.text, "coil 8: write: Illegal data address"), "%s", bench.error.text);
    end();
    begin(true, ",\"coil\":1,\"reads\":false");
    cr_expect_eq(switch_bench_set(&bench, true), 0);
    cr_expect_not(bench.report.verified);
    end();
}

Test(power_modbus, nobody_there)
{
    switch_bench_begin(&bench, &power_modbus_driver,
                       "{\"host\":\"127.0.0.1\",\"port\":9,\"coil\":0,\"retries\":0,\"timeout_ms\":500}");
    cr_assert_eq(switch_bench_open(&bench, false), 0);
    cr_expect_eq(switch_bench_set(&bench, true), -1);
    cr_expect(strstr(bench.error.text, "connect: "), "%s", bench.error.text);
    switch_bench_end(&bench);
    switch_bench_begin(
        &bench, &power_modbus_driver,
        "{\"serial\":\"/dev/null\",\"coil\":0,\"retries\":0,\"timeout_ms\":100,\"follow_ms\":0}");
    cr_assert_eq(switch_bench_open(&bench, false), 0);
    cr_expect_eq(switch_bench_set(&bench, true), -1);
    switch_bench_end(&bench);
}

Test(power_modbus, a_serial_line)
{
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    cr_assert(terminal >= 0 && !grantpt(terminal) && !unlockpt(terminal));
    /* the master end of the pseudo terminal is the board's end of the line */
    memset(&board, 0, sizeof board);
    board.listener = -1;
    board.context = modbus_new_rtu("/dev/null", 9600, 'N', 8, 1);
    board.map = modbus_mapping_new(COILS, 0, 0, 0);
    modbus_set_slave(board.context, 7);
    modbus_set_socket(board.context, terminal);
    modbus_set_indication_timeout(board.context, 0, 0);
    int held = open(ptsname(terminal), O_RDWR | O_NOCTTY);
    cr_assert(held >= 0);
    cr_assert_eq(pthread_create(&board.thread, NULL, work, NULL), 0);
    char *text = mem_printf("{\"serial\":\"%s\",\"unit\":7,\"coil\":2}", ptsname(terminal));
    switch_bench_begin(&bench, &power_modbus_driver, text);
    cr_assert_eq(switch_bench_open(&bench, false), 0);
    cr_expect_eq(switch_bench_set(&bench, true), 0, "%s", bench.error.text);
    cr_expect(bench.report.verified && board.map->tab_bits[2]);
    switch_bench_end(&bench);
    cr_expect(!board.map->tab_bits[2]);
    board.over = true;
    pthread_cancel(board.thread);
    pthread_join(board.thread, NULL);
    close(held);
    close(terminal);
    modbus_mapping_free(board.map);
    free(text);
}

Test(power_modbus, bad_options)
{
#define REFUSES(text, said) switch_bench_refuses(&power_modbus_driver, text, "test: " said)
    REFUSES("{\"host\":\"h\"}",
            "$.coil: expected number of the relay's coil, from 0 as on the wire (required), found nothing");
    REFUSES("{\"coil\":1}", "$: expected either \"host\" or \"serial\", found an object");
    REFUSES("{\"coil\":1,\"host\":\"h\",\"serial\":\"/dev/x\"}",
            "$: expected either \"host\" or \"serial\", found an object");
    REFUSES("{\"coil\":1,\"host\":\"h:502\"}", "$.host: expected a host name or an address, found \"h:502\"");
    REFUSES("{\"coil\":65536,\"host\":\"h\"}",
            "$.coil: expected a whole number from 0 to 65535, found 65536");
    REFUSES("{\"coil\":1,\"host\":\"h\",\"unit\":256}",
            "$.unit: expected a whole number from 0 to 255, found 256");
    REFUSES("{\"coil\":1,\"host\":\"h\",\"port\":0}",
            "$.port: expected a whole number from 1 to 65535, found 0");
    REFUSES("{\"coil\":1,\"serial\":\"/dev/x\",\"baud\":300}",
            "$.baud: expected a whole number from 1200 to 4000000, found 300");
    REFUSES("{\"coil\":1,\"serial\":\"/dev/x\",\"parity\":\"mark\"}",
            "$.parity: expected one of \"none\", \"even\", \"odd\", found \"mark\"");
    REFUSES("{\"coil\":1,\"host\":\"h\",\"reads\":\"yes\"}",
            "$.reads: expected true or false, found \"yes\"");
}
