/* fuzz_archive.c - gzip and zip of a stranger. */
#include "archive.h"
#include "fuzz.h"

enum { BUDGET = 1 << 20 };

struct sums {
    uint64_t octets;
    size_t files;
    unsigned char touched; /* each octet is read, so that the sanitisers see it */
};

static void take(void *context, struct bytes name, struct bytes octets)
{
    struct sums *sums = context;
    sums->octets += octets.len;
    sums->files++;
    for (size_t i = 0; i < name.len; i++)
        sums->touched ^= (unsigned char)name.data[i];
    for (size_t i = 0; i < octets.len; i++)
        sums->touched ^= (unsigned char)octets.data[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = fuzz_input(data, size);
    struct sums sums = {0};
    char why[ARCHIVE_WHY_MAX];
    uint64_t budget = BUDGET;
    bool good = archive_unpack(input, &budget, take, &sums, why);
    REQUIRE(good || (fuzz_is_text(why) && why[0]));
    REQUIRE(archive_kind(input) != ARCHIVE_NONE || !good);
    REQUIRE(sums.octets <= BUDGET - budget);
    REQUIRE(sums.files <= ARCHIVE_ENTRIES_MAX);
    return 0;
}
