/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/io/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/io/lines.h"

#define CHILD_LINE_MAX 8192
/* Read after its end: what a pipe holds (pipe(7)), and no more, as who left its session may write on. */
#define DRAIN_MAX (64u << 10)
#define READ_LEN 4096u
#define WRITE_LIMIT_MS 1000
#define FREE_LIMIT_US 1000000u

struct child_stream {
    struct child *child;
    int number, fd;
    struct loop_source *source;
    struct lines lines;
};

struct child {
    struct loop *loop;
    char *name, *ready_prefix;
    struct child_events events;
    void *arg;
    pid_t pid;
    int pidfd, stdin_fd;
    bool running, asked, ready;
    struct child_stream streams[2];
    struct loop_source *pid_source, *kill_timer;
};

extern char **environ;

/* ---- in the child ---- */

static void give_fds(const int *fds)
{
    int count = 0;
    while (fds && count < CHILD_PASS_FDS_MAX && fds[count] >= 0)
        count++;
    /* first out of the way of the targets, then to their numbers */
    int moved[CHILD_PASS_FDS_MAX];
    for (int i = 0; i < count; i++)
        moved[i] = fcntl(fds[i], F_DUPFD, 3 + CHILD_PASS_FDS_MAX);
    for (int i = 0; i < count; i++)
        dup2(moved[i], 3 + i);
    close_range((unsigned)(3 + count), ~0u, CLOSE_RANGE_CLOEXEC);
}

static void reset_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int i = 1; i < 32; i++)
        signal(i, SIG_DFL);
}

static void set_environment(const struct child_spec *spec)
{
    if (!spec->keep_emulation) {
        unsetenv("LD_PRELOAD");
        unsetenv("UMOCKDEV_DIR");
    }
    for (size_t i = 0; spec->environment && spec->environment[i]; i++)
        putenv((char *)spec->environment[i]);
}

/* Raw system calls where the emulation's preload would step in. */
static void child_main(const struct child_spec *spec, pid_t parent, int in, int out, int err, int report)
{
    setsid();
    prctl(PR_SET_PDEATHSIG, spec->parent_death_signal ? spec->parent_death_signal : SIGKILL);
    if (getppid() != parent)
        _exit(127); /* the parent died before the line above */
    /* a parent without stdin has pipes at 0 to 2: first out of the way */
    in = fcntl(in, F_DUPFD_CLOEXEC, 3);
    out = fcntl(out, F_DUPFD_CLOEXEC, 3);
    err = fcntl(err, F_DUPFD_CLOEXEC, 3);
    dup2(in, 0);
    dup2(out, 1);
    dup2(err, 2);
    /* the report pipe must survive give_fds() and vanish at exec */
    int high = fcntl(report, F_DUPFD_CLOEXEC, 3 + CHILD_PASS_FDS_MAX);
    give_fds(spec->pass_fds);
    reset_signals();
    set_environment(spec);
    if (!spec->directory || !chdir(spec->directory))
        execvp(spec->argv[0], (char *const *)spec->argv);
    int why = errno;
    ssize_t ignored = write(high, &why, sizeof why);
    (void)ignored;
    _exit(127);
}

/* ---- in the parent ---- */

static void on_line(void *arg, const char *text, size_t len, uint64_t t_us)
{
    struct child_stream *stream = arg;
    struct child *child = stream->child;
    if (child->events.line)
        child->events.line(child->arg, stream->number, text, len);
    if (!child->ready && child->ready_prefix &&
        !strncmp(text, child->ready_prefix, strlen(child->ready_prefix))) {
        child->ready = true;
        if (child->events.ready)
            child->events.ready(child->arg, text);
    }
}

static void stream_close(struct child_stream *stream)
{
    if (stream->fd < 0)
        return;
    loop_remove(stream->source);
    stream->source = NULL;
    close(stream->fd);
    stream->fd = -1;
}

/* false: nothing more will come */
static bool stream_read(struct child_stream *stream)
{
    char data[READ_LEN];
    ssize_t n = read(stream->fd, data, sizeof data);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n > 0)
        lines_put(&stream->lines, data, (size_t)n, clock_now_us());
    return n > 0;
}

static void on_output(void *arg, int fd, uint32_t events)
{
    struct child_stream *stream = arg;
    if (!stream_read(stream))
        stream_close(stream);
}

static void drain(struct child_stream *stream)
{
    struct pollfd ready = {.fd = stream->fd, .events = POLLIN};
    for (size_t n = 0; stream->fd >= 0 && n < DRAIN_MAX; n += READ_LEN)
        if (poll(&ready, 1, 0) <= 0 || !stream_read(stream))
            break;
    lines_flush(&stream->lines);
    stream_close(stream);
}

static void on_exit_of(void *arg, int fd, uint32_t events)
{
    struct child *child = arg;
    int status = 0;
    siginfo_t about = {0};
    if (waitid(P_PIDFD, (id_t)child->pidfd, &about, WEXITED | WNOHANG | WNOWAIT) || !about.si_pid)
        return;
    /* whoever it left behind in its session; before it is reaped, while its number cannot be another's */
    kill(-child->pid, SIGKILL);
    waitpid(child->pid, &status, 0);
    child->running = false;
    loop_remove(child->pid_source);
    loop_remove(child->kill_timer);
    child->pid_source = child->kill_timer = NULL;
    drain(&child->streams[0]);
    drain(&child->streams[1]);
    if (child->events.ended)
        child->events.ended(child->arg, status, child->asked);
}

static void on_grace_over(void *arg, uint64_t now_us)
{
    struct child *child = arg;
    if (child->running)
        kill(-child->pid, SIGKILL);
}

static void stream_open(struct child *child, int number, int fd)
{
    struct child_stream *stream = &child->streams[number - 1];
    stream->child = child;
    stream->number = number;
    stream->fd = fd;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    lines_init(&stream->lines, CHILD_LINE_MAX, on_line, stream);
    stream->source = loop_add_fd(child->loop, fd, EPOLLIN, on_output, stream);
}

static int wait_for_exec(int fd, const struct child_spec *spec, pid_t pid, struct error *error)
{
    int why = 0;
    ssize_t n;
    do
        n = read(fd, &why, sizeof why);
    while (n < 0 && errno == EINTR);
    if (n != sizeof why)
        return 0;
    waitpid(pid, NULL, 0);
    return error_set_errno(error, ERROR_SYSTEM, why, "%s: cannot start '%s'", spec->name, spec->argv[0]);
}

struct pipes {
    int in[2], out[2], err[2], report[2]; /* read end, write end */
};

static void pipes_close(struct pipes *pipes, bool ours)
{
    int *const ends[] = {&pipes->in[0],     &pipes->out[1], &pipes->err[1], &pipes->report[1],
                         &pipes->report[0], &pipes->in[1],  &pipes->out[0], &pipes->err[0]};
    for (size_t i = 0; i < (ours ? 8 : 4); i++) {
        if (*ends[i] >= 0)
            close(*ends[i]);
        *ends[i] = -1;
    }
}

static int pipes_open(struct pipes *pipes, const struct child_spec *spec, struct error *error)
{
    *pipes = (struct pipes){{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
    if (!spec->stdin_pipe)
        pipes->in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if ((spec->stdin_pipe ? pipe2(pipes->in, O_CLOEXEC) < 0 : pipes->in[0] < 0) ||
        pipe2(pipes->out, O_CLOEXEC) || pipe2(pipes->err, O_CLOEXEC) || pipe2(pipes->report, O_CLOEXEC)) {
        error_set_errno(error, ERROR_SYSTEM, errno, "%s: no pipe", spec->name);
        pipes_close(pipes, true);
        return -1;
    }
    return 0;
}

struct child *child_start(struct loop *loop, const struct child_spec *spec, const struct child_events *events,
                          void *arg, struct error *error)
{
    struct pipes pipes;
    pid_t parent = getpid();
    if (pipes_open(&pipes, spec, error))
        return NULL;
    pid_t pid = fork();
    if (pid == 0)
        child_main(spec, parent, pipes.in[0], pipes.out[1], pipes.err[1], pipes.report[1]);
    int fork_errno = errno;
    pipes_close(&pipes, false);
    int failed = pid < 0 ? error_set_errno(error, ERROR_SYSTEM, fork_errno, "%s: fork", spec->name)
                         : wait_for_exec(pipes.report[0], spec, pid, error);
    if (failed) {
        pipes_close(&pipes, true);
        return NULL;
    }
    close(pipes.report[0]);
    struct child *child = mem_alloc(sizeof *child);
    *child = (struct child){.loop = loop,
                            .name = mem_string(spec->name),
                            .events = *events,
                            .arg = arg,
                            .pid = pid,
                            .pidfd = (int)syscall(SYS_pidfd_open, pid, 0), /* CLOEXEC by itself */
                            .ready_prefix = mem_string(spec->ready_prefix),
                            .stdin_fd = pipes.in[1],
                            .running = true};
    if (child->stdin_fd >= 0)
        fcntl(child->stdin_fd, F_SETFL, O_NONBLOCK);
    child->pid_source = loop_add_fd(loop, child->pidfd, EPOLLIN, on_exit_of, child);
    stream_open(child, 1, pipes.out[0]);
    stream_open(child, 2, pipes.err[0]);
    return child;
}

pid_t child_pid(const struct child *child)
{
    return child->pid;
}

bool child_running(const struct child *child)
{
    return child->running;
}

int child_write(struct child *child, const void *data, size_t len, struct error *error)
{
    const char *bytes = data;
    uint64_t end_us = clock_host_us() + WRITE_LIMIT_MS * 1000u;
    if (child->stdin_fd < 0)
        return error_set(error, ERROR_SYSTEM, "%s: was started without a pipe to its stdin", child->name);
    while (len) {
        ssize_t n = write(child->stdin_fd, bytes, len);
        if (n >= 0) {
            bytes += n;
            len -= (size_t)n;
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN)
            return error_set_errno(error, ERROR_SYSTEM, errno, "%s: write", child->name);
        struct pollfd ready = {.fd = child->stdin_fd, .events = POLLOUT};
        uint64_t now_us = clock_host_us();
        if (now_us >= end_us || poll(&ready, 1, (int)((end_us - now_us + 999) / 1000)) == 0)
            return error_set(error, ERROR_SYSTEM, "%s: does not read what it is sent", child->name);
    }
    return 0;
}

void child_stop(struct child *child, uint64_t grace_us)
{
    child->asked = true;
    if (!child->running)
        return;
    kill(child->pid, SIGTERM);
    uint64_t end_us = clock_host_us() + grace_us;
    if (child->kill_timer)
        loop_timer_set(child->kill_timer, end_us);
    else
        child->kill_timer = loop_add_host_timer(child->loop, end_us, on_grace_over, child);
}

void child_kill(struct child *child)
{
    child->asked = true;
    if (child->running)
        kill(-child->pid, SIGKILL);
}

bool child_reap(struct child *child, uint64_t limit_us)
{
    uint64_t end_us = clock_host_us() + limit_us;
    child_kill(child);
    while (child->running) {
        struct pollfd gone = {.fd = child->pidfd, .events = POLLIN};
        uint64_t now_us = clock_host_us();
        int ready = poll(&gone, 1, now_us < end_us ? (int)((end_us - now_us + 999) / 1000) : 0);
        if (ready > 0 && waitpid(child->pid, NULL, WNOHANG) == child->pid)
            child->running = false;
        else if (now_us >= end_us)
            return false;
    }
    loop_remove(child->pid_source);
    loop_remove(child->kill_timer);
    child->pid_source = child->kill_timer = NULL;
    return true;
}

void child_free(struct child *child)
{
    if (!child)
        return;
    child_reap(child, FREE_LIMIT_US);
    loop_remove(child->pid_source);
    loop_remove(child->kill_timer);
    for (int i = 0; i < 2; i++) {
        stream_close(&child->streams[i]);
        lines_release(&child->streams[i].lines);
    }
    close(child->pidfd);
    if (child->stdin_fd >= 0)
        close(child->stdin_fd);
    free(child->name);
    free(child->ready_prefix);
    free(child);
}
