/* transport_sendmail.c - a mail to the sendmail command; see transport.h.
 *
 * The command is started by posix_spawn(3) with an argument vector: no shell sees an address. It
 * gets the mail on its standard input with LF line ends, as such commands expect, and no other
 * descriptor of ours; what it says on its standard output and error becomes the answer. It runs in
 * a process group of its own: a Ctrl-C for us does not cut a mail in two, and when it takes
 * too long that group, and nothing else, is killed.
 *
 * BUGS: a command that times out may have queued the mail all the same; it is then sent twice.
 */
#include "transport_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum {
    INPUT_OCTETS = 65536, /* converted at once */
    OUTPUT_OCTETS = 2048, /* of what it says, kept */
    TICK_MS = 100,        /* between two looks whether it has ended, while its output is open:
                             a process that it left behind may hold it */
    LAST_TICK_MS = 1,     /* the same once its output is closed */
    DRAIN_READS = 16,     /* after its end: a process that it left behind may write for ever */
    NOT_STARTED = 127,    /* exit code of some posix_spawn() whose exec failed */
};

struct child {
    pid_t pid;
    int input, output; /* our ends; -1: closed */
    struct bytes rest; /* of the message, not yet converted */
    char block[INPUT_OCTETS];
    size_t block_len, block_at;
    char said[OUTPUT_OCTETS];
    size_t said_len;
    int64_t deadline_ms; /* CLOCK_MONOTONIC */
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- start ---- */

static int add_actions(posix_spawn_file_actions_t *actions, int input, int output)
{
    int error = posix_spawn_file_actions_adddup2(actions, input, STDIN_FILENO);
    if (!error)
        error = posix_spawn_file_actions_adddup2(actions, output, STDOUT_FILENO);
    if (!error)
        error = posix_spawn_file_actions_adddup2(actions, output, STDERR_FILENO);
    if (!error)
        error = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
    return error;
}

/* Signals as a fresh program has them, whatever we block or ignore. */
static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, defaults;
    sigemptyset(&none);
    sigfillset(&defaults);
    int error = posix_spawnattr_setsigmask(attributes, &none);
    if (!error)
        error = posix_spawnattr_setsigdefault(attributes, &defaults);
    if (!error)
        error = posix_spawnattr_setpgroup(attributes, 0);
    if (!error)
        error = posix_spawnattr_setflags(
            attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    return error;
}

/* 0 or an errno. "<>" is the null reverse-path for Postfix, Sendmail and Exim alike. */
static int spawn(struct child *child, const char *command, const struct transport_mail *mail,
                 int input, int output)
{
    const char *sender = *mail->sender ? mail->sender : "<>";
    const char *argv[] = {command, "-i", "-f", sender, "--", mail->recipient, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&actions);
    if (error)
        return error;
    error = posix_spawnattr_init(&attributes);
    if (error) {
        posix_spawn_file_actions_destroy(&actions);
        return error;
    }
    error = add_actions(&actions, input, output);
    if (!error)
        error = set_attributes(&attributes);
    if (!error)
        error =
            posix_spawn(&child->pid, command, &actions, &attributes, (char *const *)argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static int start(struct child *child, const char *command, const struct transport_mail *mail)
{
    int input[2], output[2];
    if (pipe2(input, O_CLOEXEC) != 0)
        return errno;
    if (pipe2(output, O_CLOEXEC) != 0) {
        int error = errno;
        close(input[0]);
        close(input[1]);
        return error;
    }
    int error = spawn(child, command, mail, input[0], output[1]);
    close(input[0]);
    close(output[1]);
    child->input = input[1];
    child->output = output[0];
    if (error || fcntl(child->input, F_SETFL, O_NONBLOCK) != 0 ||
        fcntl(child->output, F_SETFL, O_NONBLOCK) != 0)
        return error ? error : errno;
    return 0;
}

/* ---- talk ---- */

/* The next octets of the message, CRLF as LF. */
static void convert(struct child *child)
{
    child->block_at = child->block_len = 0;
    while (child->rest.len && child->block_len < INPUT_OCTETS) {
        const char *data = child->rest.data;
        bool line_end = data[0] == '\r' && child->rest.len > 1 && data[1] == '\n';
        if (!line_end)
            child->block[child->block_len++] = data[0];
        child->rest = bytes_slice(child->rest, 1, child->rest.len);
    }
}

/* A child that has enough closes its end: no error, its exit code tells. */
static void write_some(struct child *child)
{
    if (child->block_at == child->block_len)
        convert(child);
    if (child->block_len == 0) {
        close_end(&child->input);
        return;
    }
    ssize_t written =
        write(child->input, child->block + child->block_at, child->block_len - child->block_at);
    if (written > 0)
        child->block_at += (size_t)written;
    else if (errno != EAGAIN && errno != EINTR)
        close_end(&child->input);
}

/* Its first words are kept. False when there is no more for now. */
static bool read_some(struct child *child)
{
    char text[1024];
    ssize_t got = read(child->output, text, sizeof(text));
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (got <= 0) {
        close_end(&child->output);
        return false;
    }
    size_t room = OUTPUT_OCTETS - child->said_len;
    size_t kept = (size_t)got < room ? (size_t)got : room;
    memcpy(child->said + child->said_len, text, kept);
    child->said_len += kept;
    return true;
}

static int wait_ms(const struct child *child)
{
    int64_t left = child->deadline_ms - now_ms();
    int64_t tick = child->output < 0 ? LAST_TICK_MS : TICK_MS;
    return left < 0 ? 0 : (int)(left < tick ? left : tick);
}

/* Feeds and listens until it ends. False: the deadline came first. */
static bool converse(struct child *child, int *wait_status)
{
    for (;;) {
        struct pollfd fds[] = {{.fd = child->input, .events = POLLOUT},
                               {.fd = child->output, .events = POLLIN}};
        poll(fds, 2, wait_ms(child)); /* its failures end with the deadline */
        if (child->input >= 0 && fds[0].revents)
            write_some(child);
        if (child->output >= 0 && fds[1].revents)
            read_some(child);
        if (waitpid(child->pid, wait_status, WNOHANG) == child->pid) {
            for (int i = 0; i < DRAIN_READS && child->output >= 0 && read_some(child); i++)
                ;
            return true;
        }
        if (now_ms() >= child->deadline_ms)
            return false;
    }
}

/* A write to a child that has gone raises SIGPIPE in this thread: it is held back, and
 * taken away, so that the program's own way with that signal stays as it is. */
static bool converse_without_sigpipe(struct child *child, int *wait_status)
{
    sigset_t pipe_only, before, pending;
    const struct timespec at_once = {0};
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&pending);
    bool was_pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    bool ended = converse(child, wait_status);
    while (!was_pending && sigtimedwait(&pipe_only, NULL, &at_once) < 0 && errno == EINTR)
        ;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ended;
}

/* ---- what came of it ---- */

static enum transport_status status_of_exit(int code)
{
    switch (code) {
    case EX_OK:
        return TRANSPORT_SENT;
    case EX_DATAERR:
    case EX_NOUSER:
    case EX_NOHOST:
    case EX_UNAVAILABLE:
        return TRANSPORT_REFUSED;
    case EX_USAGE:
    case EX_NOPERM:
    case EX_CONFIG:
    case NOT_STARTED:
        return TRANSPORT_BROKEN;
    default: /* EX_TEMPFAIL, and what may be better the next time */
        return TRANSPORT_TEMPORARY;
    }
}

static enum transport_status judge(const struct child *child, int wait_status, char *answer)
{
    char said[TRANSPORT_ERROR_MAX];
    transport_answer(said, (struct bytes){child->said, child->said_len});
    if (WIFSIGNALED(wait_status)) {
        transport_answer_printf(answer, "ended by signal %d%s%s", WTERMSIG(wait_status),
                                *said ? ": " : "", said);
        return TRANSPORT_TEMPORARY;
    }
    int code = WEXITSTATUS(wait_status);
    if (code == 0)
        transport_answer(answer, bytes_of(*said ? said : "accepted"));
    else
        transport_answer_printf(answer, "exit code %d%s%s", code, *said ? ": " : "", said);
    return status_of_exit(code);
}

static enum transport_status run(struct child *child, int timeout_ms, char *answer)
{
    int wait_status = 0;
    if (converse_without_sigpipe(child, &wait_status))
        return judge(child, wait_status, answer);
    kill(-child->pid, SIGKILL);
    kill(child->pid, SIGKILL); /* in case it made itself another group */
    while (waitpid(child->pid, &wait_status, 0) < 0 && errno == EINTR)
        ;
    transport_answer_printf(answer, "killed: it had not ended after %d ms", timeout_ms);
    return TRANSPORT_TEMPORARY;
}

/* Not for want of something that may be there again the next time. */
static bool is_broken(int error)
{
    return error == ENOENT || error == EACCES || error == ENOEXEC || error == ENOTDIR ||
           error == EPERM;
}

enum transport_status transport_sendmail(const char *command, int timeout_ms,
                                         const struct transport_mail *mail, char *answer)
{
    enum transport_status status;
    struct child child = {.pid = -1,
                          .input = -1,
                          .output = -1,
                          .rest = mail->message,
                          .deadline_ms = now_ms() + timeout_ms};
    int error = start(&child, command, mail);
    if (child.pid > 0) {
        status = run(&child, timeout_ms, answer);
    } else {
        transport_answer_printf(answer, "%s: %s", command, strerror(error));
        status = is_broken(error) ? TRANSPORT_BROKEN : TRANSPORT_TEMPORARY;
    }
    close_end(&child.input);
    close_end(&child.output);
    return status;
}
