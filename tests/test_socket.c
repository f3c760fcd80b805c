/* The listening socket, and what is said when there can be none. */
#include "unit.h"

#include "fake_milter.h"
#include "log.h"
#include "socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char directory[32], path[64];
static char error[START_ERROR_MAX];
static struct milter_config config;
static struct privileges nobody_else;

static int set_up(void **state)
{
    (void)state;
    fake_milter_reset();
    strcpy(directory, "/tmp/assay-test-XXXXXX");
    assert_non_null(mkdtemp(directory));
    chmod(directory, 0755);
    snprintf(path, sizeof(path), "%s/run/s", directory);
    config = (struct milter_config){.socket = {.family = SOCKET_UNIX, .path = path},
                                    .socket_mode = 0660};
    const struct config_user stay = {0};
    assert_true(privileges_find(&stay, &nobody_else, error));
    error[0] = '\0';
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[64];
    socket_remove();
    fake_milter_reset();
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    return system(command);
}

static bool try_open(void)
{
    return socket_open(&config, &nobody_else, error);
}

static void test_directory_is_made_and_mode_set(void **state)
{
    (void)state;
    const unsigned modes[] = {0660, 0666, 0600, 0777};
    for (size_t i = 0; i < 4; i++) {
        struct stat status;
        config.socket_mode = modes[i];
        assert_true(try_open());
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 07777, modes[i]);
        fake_milter_reset(); /* leaves a stale socket behind: the next round removes it */
    }
}

static void test_a_living_socket_is_left_alone(void **state)
{
    (void)state;
    assert_true(try_open());
    assert_false(try_open());
    assert_non_null(strstr(error, "another process listens on /tmp/assay-test-"));
    assert_int_equal(access(path, F_OK), 0);
}

static void test_a_file_is_not_removed(void **state)
{
    (void)state;
    snprintf(path, sizeof(path), "%s/s", directory);
    close(open(path, O_WRONLY | O_CREAT, 0600));
    assert_false(try_open());
    assert_non_null(strstr(error, "exists and is not a socket"));
    assert_int_equal(access(path, F_OK), 0);
}

static void test_directory_that_cannot_be_made(void **state)
{
    (void)state;
    snprintf(path, sizeof(path), "%s/a/b/s", directory);
    assert_false(try_open());
    assert_non_null(strstr(error, "/a/b"));
    assert_non_null(strstr(error, "install -d"));
    config.socket.path = "/etc/passwd/s";
    assert_false(try_open());
    assert_non_null(strstr(error, "/etc/passwd is not a directory"));
}

/* As another user, because root may do everything. */
static void test_permission_is_named(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    snprintf(path, sizeof(path), "%s/s", directory);
    pid_t child = fork();
    if (child == 0) {
        bool refused = setgid(65534) == 0 && setuid(65534) == 0 && !try_open() &&
                       strstr(error, "uid 65534 gid 65534 needs write and search permission") &&
                       strstr(error, "chown 65534:65534 /tmp/assay-test-");
        _exit(refused ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
}

static void test_group(void **state)
{
    (void)state;
    char group[16];
    snprintf(group, sizeof(group), "%ld", (long)getegid());
    config.socket_group = group;
    assert_true(try_open());
    socket_remove();
    fake_milter_reset();
    config.socket_group = "no-such-group";
    assert_false(try_open());
    assert_string_equal(error, "SocketGroup: there is no group no-such-group");
    socket_remove();
    assert_int_not_equal(access(path, F_OK), 0);
}

static void test_remove_takes_only_our_own(void **state)
{
    (void)state;
    assert_true(try_open());
    socket_remove();
    assert_int_not_equal(access(path, F_OK), 0);
    fake_milter_reset();
    assert_true(try_open());
    char aside[80]; /* another assayd takes the place; ours keeps its inode meanwhile */
    snprintf(aside, sizeof(aside), "%s/aside", directory);
    assert_int_equal(rename(path, aside), 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    int other = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(other, (struct sockaddr *)&address, sizeof(address)), 0);
    socket_remove();
    assert_int_equal(access(path, F_OK), 0);
    close(other);
}

static unsigned free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    getsockname(fd, (struct sockaddr *)&address, &size);
    close(fd);
    return ntohs(address.sin_port);
}

static void test_inet_has_nodelay(void **state)
{
    (void)state;
    int nodelay = 0;
    socklen_t size = sizeof(nodelay);
    config.socket = (struct config_socket){SOCKET_INET, NULL, "127.0.0.1", free_port()};
    assert_true(try_open());
    assert_int_equal(getsockopt(fake_milter_listening(), IPPROTO_TCP, TCP_NODELAY, &nodelay, &size),
                     0);
    assert_int_equal(nodelay, 1);
}

static void test_inet_refusals_say_why(void **state)
{
    (void)state;
    config.socket = (struct config_socket){SOCKET_INET, NULL, "127.0.0.1", free_port()};
    assert_true(try_open());
    assert_false(try_open());
    assert_non_null(strstr(error, "another process listens there"));
    fake_milter_reset();
    config.socket.host = "192.0.2.1";
    assert_false(try_open());
    assert_non_null(strstr(error, "this machine does not have that address"));
    config.socket.host = "2001:db8::1"; /* not for inet */
    assert_false(try_open());
    assert_memory_equal(error, "Socket: host 2001:db8::1: ", 26);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct log_settings quiet = {.level = LOG_EMERG};
    log_open(&quiet);
    const struct CMUnitTest tests[] = {
        TEST(test_directory_is_made_and_mode_set),
        TEST(test_a_living_socket_is_left_alone),
        TEST(test_a_file_is_not_removed),
        TEST(test_directory_that_cannot_be_made),
        TEST(test_permission_is_named),
        TEST(test_group),
        TEST(test_remove_takes_only_our_own),
        TEST(test_inet_has_nodelay),
        TEST(test_inet_refusals_say_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
