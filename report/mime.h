/* mime.h - what is in a mail: header fields, parts, decoded contents (RFC 5322, 2045 to 2047,
 * 2231).
 *
 * For mails of strangers: everything is counted, nothing recurses, and what is broken is
 * read as far as it goes. Lines may end with CRLF or LF. Views point into the text where they can,
 * else into the arena: both must outlive what is returned. Out of memory shows as
 * arena_failed().
 */
#ifndef ASSAY_MIME_H
#define ASSAY_MIME_H

#include "strbuf.h"

enum {
    MIME_DEPTH_MAX = 16,     /* multiparts and messages in each other; deeper ones are not opened */
    MIME_PARTS_MAX = 1000,   /* of one mail; more are left out */
    MIME_FIELDS_MAX = 1000,  /* of one header; more are left out */
    MIME_SECTIONS_MAX = 100, /* pieces of one parameter (RFC 2231 3) */
    MIME_PARAMETER_MAX = 4096 /* octets of one parameter's value; the rest is left out */
};

/* ---- header fields ---- */

struct mime_field {
    struct bytes name;  /* as written */
    struct bytes value; /* unfolded (the line ends are gone, the blanks stay), trimmed */
    struct mime_field *next;
};

struct mime_header {
    struct mime_field *fields; /* in their order */
    size_t count;
};

/* Reads fields up to an empty line, the first line that is no field, or the end. Returns what
 * stands behind (the empty line is taken). An mbox line "From ..." in front is skipped. Also for
 * the groups of fields of a delivery status (RFC 3464 2.1): call it until nothing is left. */
struct bytes mime_header_read(struct arena *arena, struct bytes text, struct mime_header *header);

/* The value of the first field of that name; false when there is none (*value: empty). */
bool mime_header_find(const struct mime_header *header, const char *name, struct bytes *value);

/* A value such as "text/plain; charset=utf-8": what stands in front of the parameters, lower case,
 * without comments; and one of its parameters: as it stands, or, where it has pieces or is
 * percent-encoded (RFC 2231), put together and in UTF-8. False when there is no such parameter
 * (*out: empty). */
struct bytes mime_value_head(struct arena *arena, struct bytes value);
bool mime_value_parameter(struct arena *arena, struct bytes value, const char *name,
                          struct bytes *out);

/* Text for people: encoded words decoded (RFC 2047), UTF-8 throughout. UTF-8, US-ASCII,
 * ISO-8859-1 and Windows-1252 are known; of other charsets only ASCII is kept. What cannot be
 * decoded and every control becomes U+FFFD, blanks other than SP become SP. */
struct bytes mime_text(struct arena *arena, struct bytes value);

/* Appends at most `max` octets of text in that charset (empty: UTF-8) by the same rules, but for
 * encoded words. Characters that turn the direction of what follows count as controls. */
void mime_clean(struct strbuf *out, struct bytes text, struct bytes charset, size_t max);

/* ---- parts ---- */

enum mime_encoding {
    MIME_IDENTITY, /* 7bit, 8bit, binary, or nothing said */
    MIME_BASE64,
    MIME_QUOTED_PRINTABLE,
    MIME_UNKNOWN, /* anything else: mime_decode() fails */
};

struct mime_part {
    struct mime_header header;
    struct bytes type;      /* "text/xml": lower case, without parameters; never empty */
    struct bytes file_name; /* of Content-Disposition, else of Content-Type; UTF-8; may be empty */
    enum mime_encoding encoding;
    struct bytes content;           /* as it stands in the mail */
    const struct mime_part *parent; /* the multipart or message it lies in; NULL: the mail itself */
    unsigned depth;                 /* 0: the mail itself */
    struct mime_part *next;         /* in the order of the text: a part stands before what it
                                       contains */
};

/* The mail and all that is in it, as a list. A part of type multipart/... is followed by its parts,
 * one of type message/rfc822 (or message/global) by the message in it. *cut (may be NULL): a
 * bound above was reached. NULL only when out of memory. */
struct mime_part *mime_read(struct arena *arena, struct bytes mail, bool *cut);

/* The content without its transfer encoding; octets that do not belong to base64 are
 * skipped (RFC 2045 6.8). False: encoding unknown, or out of memory. */
bool mime_decode(struct arena *arena, const struct mime_part *part, struct bytes *out);

#endif
