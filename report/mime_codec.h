/* mime_codec.h - the transfer encodings of RFC 2045, as they are found in mails.
 *
 * Both take what is broken as far as it goes; empty when out of memory.
 */
#ifndef ASSAY_MIME_CODEC_H
#define ASSAY_MIME_CODEC_H

#include "arena.h"

/* Octets outside the alphabet are skipped (RFC 2045 6.8); the first "=" ends it. */
struct bytes mime_decode_base64(struct arena *arena, struct bytes text);

/* word: of an encoded word, where "_" is a blank (RFC 2047 4.2) and no line ends. */
struct bytes mime_decode_quoted(struct arena *arena, struct bytes text, bool word);

#endif
