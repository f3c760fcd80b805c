/* transport_send.c - sends a mail as `assay report send` would, for tests.
 *
 *   transport_send WHERE TIMEOUT_MS SENDER RECIPIENT... < mail
 *
 * SENDER may be "": the null reverse-path. A line for each recipient: "sent", "temporary",
 * "refused" or "broken", and the answer. Exit code 0; 1 when there is no such transport; 64 usage.
 */
#include "transport.h"

#include <stdio.h>
#include <stdlib.h>

static struct bytes read_all(FILE *file)
{
    size_t len = 0, capacity = 1 << 16, got;
    char *data = malloc(capacity);
    while (data && (got = fread(data + len, 1, capacity - len, file)) > 0) {
        len += got;
        if (len == capacity)
            data = realloc(data, capacity *= 2);
    }
    if (!data)
        abort();
    return (struct bytes){data, len};
}

int main(int argc, char **argv)
{
    static const char *const words[] = {"sent", "temporary", "refused", "broken"};
    char answer[TRANSPORT_ERROR_MAX];
    if (argc < 5) {
        fprintf(stderr, "usage: transport_send WHERE TIMEOUT_MS SENDER RECIPIENT... < mail\n");
        return 64;
    }
    struct transport *transport = transport_new(argv[1], atoi(argv[2]), answer);
    if (!transport) {
        fprintf(stderr, "transport_send: %s\n", answer);
        return 1;
    }
    struct bytes mail = read_all(stdin);
    for (int i = 4; i < argc; i++) {
        enum transport_status status =
            transport_send(transport, bytes_of(argv[3]), bytes_of(argv[i]), mail, answer);
        printf("%s %s\n", words[status], answer);
    }
    transport_free(transport);
    free((char *)(uintptr_t)mail.data);
    return 0;
}
