/* message_file.h - a message from a file, fed to an evaluation, or to whom else, as an MTA does. */
#ifndef ASSAY_MESSAGE_FILE_H
#define ASSAY_MESSAGE_FILE_H

#include "evaluate.h"

enum { MESSAGE_FILE_MAX = 1 << 30 }; /* octets read from one file */

/* Reads a whole file; "-" is standard input. *text is malloc'ed, the caller
 * frees text->data. False with errno set. */
bool message_file_read(const char *path, struct bytes *text);

/* Who takes a message in parts. */
struct message_sink {
    void (*field)(void *context, struct bytes name, struct bytes value);
    void (*end_of_headers)(void *context);
    void (*body)(void *context, struct bytes chunk); /* CRLF line ends; may be empty */
    void *context;
};

/* Hands out header and body. A file with LF line ends is taken as if it had CRLF, but the
 * folds of a field stay as they are; an mbox "From " line in front is skipped; a line that is
 * no header field ends the header, as Postfix has it. */
void message_file_walk(struct bytes text, const struct message_sink *sink);

/* The same, to an evaluation. */
void message_file_feed(struct evaluation *evaluation, struct bytes text);

#endif
