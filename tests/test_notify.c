/* What the service manager is told, on a datagram socket of our own. */
#include "unit.h"

#include "notify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int manager = -1;

static void listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    memcpy(address.sun_path, path, len);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(manager, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
                     0);
    setenv("NOTIFY_SOCKET", path, 1);
}

static const char *heard(void)
{
    static char text[1024];
    ssize_t len = recv(manager, text, sizeof(text) - 1, 0);
    text[len > 0 ? len : 0] = '\0';
    return text;
}

static void test_states(void **state)
{
    (void)state;
    char name[64], ready[128];
    snprintf(name, sizeof(name), "@assay-test-%ld", (long)getpid());
    snprintf(ready, sizeof(ready), "READY=1\nMAINPID=%ld\nSTATUS=Serving", (long)getpid());
    listen_at(name);
    notify_ready("Serving");
    assert_string_equal(heard(), ready);
    notify_reloading();
    assert_memory_equal(heard(), "RELOADING=1\nMONOTONIC_USEC=", 27);
    notify_stopping("Bye");
    assert_string_equal(heard(), "STOPPING=1\nSTATUS=Bye");
    close(manager);
}

static void test_path(void **state)
{
    (void)state;
    char directory[] = "/tmp/assay-test-XXXXXX";
    char path[64];
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/notify", directory);
    listen_at(path);
    assert_int_equal(notify_send(path, "STATUS=x"), 0);
    assert_string_equal(heard(), "STATUS=x");
    close(manager);
    unlink(path);
    rmdir(directory);
}

/* None of these may do more than fail. */
static void test_no_manager(void **state)
{
    (void)state;
    char longest[300];
    memset(longest, 'x', sizeof(longest) - 1);
    longest[0] = '/';
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(notify_send(longest, "x"), EINVAL);
    assert_int_equal(notify_send("relative", "x"), EINVAL);
    assert_int_equal(notify_send("/nonexistent/socket", "x"), ENOENT);
    setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
    notify_ready("x");
    unsetenv("NOTIFY_SOCKET");
    notify_ready("x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_path),
        cmocka_unit_test(test_no_manager),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
