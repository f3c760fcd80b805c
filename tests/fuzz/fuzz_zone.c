/* fuzz_zone.c - a local zone (LocalZone): its text, and what its names get. */
#include "dns_zone.h"
#include "fuzz.h"

#include <string.h>

enum { NAMES_MAX = 40 };

static bool is_name_octet(char c)
{
    return c > ' ' && c != ';' && c != '(' && c != ')' && c != '"';
}

static void ask(const struct dns_zone *zone, struct bytes name)
{
    static const enum dns_type types[] = {DNS_A, DNS_AAAA, DNS_MX, DNS_PTR, DNS_TXT};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct bytes elsewhere = BYTES_EMPTY;
        const struct dns_answer *answer = dns_zone_lookup(zone, name, types[i], &elsewhere);
        if (answer) {
            REQUIRE(!answer->secure);
            REQUIRE((answer->status == DNS_FOUND) == (answer->count > 0));
            REQUIRE(answer->status != DNS_TEMPORARY || *answer->cause);
        }
        dns_answer_unref(answer);
    }
}

/* All words of the text, as if they were names. */
static void ask_words(const struct dns_zone *zone, struct bytes text)
{
    for (size_t at = 0, names = 0; at < text.len && names < NAMES_MAX; at++) {
        size_t start = at;
        while (at < text.len && is_name_octet(text.data[at]))
            at++;
        if (at == start)
            continue;
        struct bytes word = bytes_slice(text, start, at - start);
        if (word.data[word.len - 1] == '.')
            word.len--;
        ask(zone, word);
        names++;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = fuzz_input(data, size);
    char error[300] = "";
    char *text = malloc(input.len + 1);
    struct dns_zone *zone = dns_zone_new();
    memcpy(text, input.data, input.len);
    text[input.len] = '\0';
    if (!dns_zone_read_text(zone, text, "zone", error, sizeof(error))) {
        REQUIRE(strlen(error) > strlen("zone: ") && strncmp(error, "zone", 4) == 0);
    } else {
        REQUIRE(dns_zone_finish(zone));
        ask_words(zone, bytes_of(text));
        ask(zone, BYTES("nobody.invalid"));
        ask(zone, BYTES_EMPTY);
    }
    dns_zone_free(zone);
    free(text);
    return 0;
}
