/* message_file.h - a message from a file, fed to an evaluation as an MTA does. */
#ifndef ASSAY_MESSAGE_FILE_H
#define ASSAY_MESSAGE_FILE_H

#include "evaluate.h"

enum { MESSAGE_FILE_MAX = 1 << 30 }; /* octets read from one file */

/* Reads a whole file; "-" is standard input. *text is malloc'ed, the caller
 * frees text->data. False with errno set. */
bool message_file_read(const char *path, struct bytes *text);

/* Feeds header and body. A file with LF line ends is taken as if it had CRLF;
 * an mbox "From " line in front is skipped; a line that is no header field
 * ends the header, as Postfix has it. */
void message_file_feed(struct evaluation *evaluation, struct bytes text);

#endif
