/* fuzz_received.c - the value of a Received field. */
#include "fuzz.h"
#include "received.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = fuzz_input(data, size);
    struct bytes helo = BYTES_EMPTY;
    struct ip client = {.family = IP_NONE};
    char text[IP_TEXT_MAX];
    if (received_client(input, &client, &helo)) {
        REQUIRE(client.family == IP_V4 || client.family == IP_V6);
        REQUIRE(fuzz_is_within(helo, input));
        REQUIRE(fuzz_is_text(ip_format(&client, text)));
    }
    return 0;
}
