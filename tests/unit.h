/* unit.h - cmocka with the headers that it asks for, and what it lacks. */
#ifndef ASSAY_UNIT_H
#define ASSAY_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A view (bytes.h) against a string. */
#define assert_bytes(view, text)                                                                   \
    do {                                                                                           \
        struct bytes view_ = (view);                                                               \
        if (!bytes_equal(view_, bytes_of(text)))                                                   \
            fail_msg("\"%.*s\", wanted \"%s\"", BYTES_ARGS(view_), text);                          \
    } while (0)

#endif
