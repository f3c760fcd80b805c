/* fuzz.h - what the fuzz targets share.
 *
 * A target is one function. Built by tests/fuzz/run it is a libFuzzer program;
 * with replay.c it is a check program that runs the inputs of its corpus. An
 * expectation that does not hold ends the process: that is a finding.
 *
 * Inputs are lines of text wherever that can be, so that a corpus can be read
 * and mutations stay meaningful.
 */
#ifndef ASSAY_TESTS_FUZZ_H
#define ASSAY_TESTS_FUZZ_H

#include "bytes.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Returns 0. The octets stand in a block of exactly this size. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Like assert(), in every build. */
#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fuzz_broken(__FILE__, __LINE__, #condition);                                           \
    } while (0)

__attribute__((noreturn)) static inline void fuzz_broken(const char *file, int line,
                                                         const char *condition)
{
    fprintf(stderr, "%s:%d: broken: %s\n", file, line, condition);
    abort();
}

/* The input as a view; never NULL inside. */
static inline struct bytes fuzz_input(const uint8_t *data, size_t size)
{
    return size ? (struct bytes){(const char *)data, size} : BYTES_EMPTY;
}

/* Takes one line off the input, without its LF. */
static inline struct bytes fuzz_line(struct bytes *input)
{
    size_t end = bytes_find(*input, '\n');
    struct bytes line = bytes_slice(*input, 0, end);
    *input = bytes_slice(*input, end + 1, input->len);
    return line;
}

/* Takes one octet off the input; 0 when there is none. */
static inline unsigned fuzz_octet(struct bytes *input)
{
    unsigned octet = input->len ? (unsigned char)input->data[0] : 0;
    *input = bytes_slice(*input, 1, input->len);
    return octet;
}

/* Takes the word at the beginning of a line, and the blanks behind it. */
static inline struct bytes fuzz_word(struct bytes *line)
{
    size_t end = bytes_find(*line, ' ');
    struct bytes word = bytes_slice(*line, 0, end);
    *line = bytes_trim(bytes_slice(*line, end, line->len));
    return word;
}

/* True for one line of printable ASCII; NULL is none. */
static inline bool fuzz_is_text(const char *text)
{
    if (!text)
        return false;
    while (*text >= ' ' && *text <= '~')
        text++;
    return *text == '\0';
}

/* True when `part` lies within `whole`, or is empty. */
static inline bool fuzz_is_within(struct bytes part, struct bytes whole)
{
    return part.len == 0 || ((uintptr_t)part.data >= (uintptr_t)whole.data &&
                             (uintptr_t)part.data + part.len <= (uintptr_t)whole.data + whole.len);
}

#endif
