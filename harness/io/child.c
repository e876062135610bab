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
    while (fds && fds[count] >= 0)
        count++;
    /* first out of the way of the targets, then to their numbers */
    int moved[16];
    for (int i = 0; i < count && i < 16; i++)
        moved[i] = fcntl(fds[i], F_DUPFD, 3 + count);
    for (int i = 0; i < count && i < 16; i++)
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
    dup2(in, 0);
    dup2(out, 1);
    dup2(err, 2);
    /* the report pipe must survive give_fds() and vanish at exec */
    int high = fcntl(report, F_DUPFD_CLOEXEC, 100);
    give_fds(spec->pass_fds);
    fcntl(high, F_SETFD, FD_CLOEXEC);
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
    char data[4096];
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
    while (stream->fd >= 0 && poll(&ready, 1, 0) > 0 && stream_read(stream))
        ;
    lines_flush(&stream->lines);
    stream_close(stream);
}

static void on_exit_of(void *arg, int fd, uint32_t events)
{
    struct child *child = arg;
    int status = 0;
    if (waitpid(child->pid, &status, WNOHANG) != child->pid)
        return;
    child->running = false;
    loop_remove(child->pid_source);
    loop_remove(child->kill_timer);
    child->pid_source = child->kill_timer = NULL;
    kill(-child->pid, SIGKILL); /* whoever it left behind in its session */
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

struct child *child_start(struct loop *loop, const struct child_spec *spec, const struct child_events *events,
                          void *arg, struct error *error)
{
    int out[2], err[2], report[2], in[2] = {-1, -1};
    pid_t parent = getpid();
    if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC) || pipe2(report, O_CLOEXEC) ||
        (spec->stdin_pipe ? pipe2(in, O_CLOEXEC) : (in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0)) {
        error_set_errno(error, ERROR_SYSTEM, errno, "%s: no pipe", spec->name);
        return NULL;
    }
    pid_t pid = fork();
    if (pid == 0)
        child_main(spec, parent, in[0], out[1], err[1], report[1]);
    int fork_errno = errno;
    close(out[1]);
    close(err[1]);
    close(report[1]);
    close(in[0]);
    int failed = pid < 0 ? error_set_errno(error, ERROR_SYSTEM, fork_errno, "%s: fork", spec->name)
                         : wait_for_exec(report[0], spec, pid, error);
    close(report[0]);
    if (failed) {
        close(out[0]);
        close(err[0]);
        if (in[1] >= 0)
            close(in[1]);
        return NULL;
    }
    struct child *child = mem_alloc(sizeof *child);
    *child = (struct child){.loop = loop,
                            .name = mem_string(spec->name),
                            .events = *events,
                            .arg = arg,
                            .pid = pid,
                            .ready_prefix = mem_string(spec->ready_prefix),
                            .stdin_fd = in[1],
                            .running = true};
    child->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    fcntl(child->pidfd, F_SETFD, FD_CLOEXEC);
    child->pid_source = loop_add_fd(loop, child->pidfd, EPOLLIN, on_exit_of, child);
    loop_priority(child->pid_source, 10); /* its last words first */
    stream_open(child, 1, out[0]);
    stream_open(child, 2, err[0]);
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
    while (len) {
        ssize_t n = write(child->stdin_fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set_errno(error, ERROR_SYSTEM, errno, "%s: write", child->name);
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

void child_stop(struct child *child, uint64_t grace_us)
{
    child->asked = true;
    if (!child->running)
        return;
    kill(child->pid, SIGTERM);
    if (!child->kill_timer)
        child->kill_timer = loop_add_timer(child->loop, clock_now_us() + grace_us, on_grace_over, child);
}

void child_kill(struct child *child)
{
    child->asked = true;
    if (child->running)
        kill(-child->pid, SIGKILL);
}

void child_free(struct child *child)
{
    if (!child)
        return;
    if (child->running) {
        struct pollfd gone = {.fd = child->pidfd, .events = POLLIN};
        kill(-child->pid, SIGKILL);
        if (poll(&gone, 1, 1000) > 0)
            waitpid(child->pid, NULL, WNOHANG);
    }
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
