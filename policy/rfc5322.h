/* rfc5322.h - the lexical rules that structured header fields share.
 *
 * RFC 5322 3.2 (white space, comments, atoms, quoted strings), with the octets
 * of RFC 6532 (UTF-8) allowed wherever a visible character is, and the token of
 * RFC 2045 5.1. One function per rule, over a cursor; a rule that cannot be
 * completed fails the cursor. Views come back as they stand in the text.
 *
 * Two things are stricter than the RFC's obsolete syntax: control characters
 * (NUL, bare CR, DEL, ...) are never part of anything, and comments nest at most
 * COMMENT_DEPTH_MAX deep. Octets from 0x80 on are taken as they are; who needs
 * valid UTF-8 asks rfc5322_is_utf8().
 */
#ifndef ASSAY_RFC5322_H
#define ASSAY_RFC5322_H

#include "arena.h"
#include "cursor.h"

/* [FWS] (3.2.2, 4.2): SP, HTAB and folds. A fold is LF or CRLF in front of SP
 * or HTAB; a line end at the very end of the value is taken too. */
void rfc5322_skip_fws(struct cursor *cursor);

/* [CFWS] (3.2.2): FWS and comments. Fails on a comment that is not closed, is
 * nested too deep or holds a control character. */
void rfc5322_skip_cfws(struct cursor *cursor);

/* atext (3.2.3), including octets from 0x80 on. */
bool rfc5322_is_atext(int octet);

/* 1*atext: an atom without the CFWS around it; empty when there is none. */
struct bytes rfc5322_atom(struct cursor *cursor);

/* dot-atom-text (3.2.3): atoms joined by single dots; empty when the text does
 * not begin with an atom. A dot without an atom behind it is left. */
struct bytes rfc5322_dot_atom(struct cursor *cursor);

/* The octets of a token (RFC 2045 5.1), including those from 0x80 on. */
bool rfc5322_is_token(int octet);

/* A token; empty when there is none. */
struct bytes rfc5322_token(struct cursor *cursor);

/* quoted-string (3.2.4) without the CFWS around it; the cursor stands at the
 * opening quote. What is between the quotes, escapes and folds in place. */
struct bytes rfc5322_quoted_string(struct cursor *cursor);

/* The text that a quoted-string's content means: without the backslashes of
 * quoted-pairs and without the line ends of folds. A view of content when there
 * is nothing to take away, else a copy in arena. */
struct bytes rfc5322_unquote(struct arena *arena, struct bytes content);

/* domain-literal (3.4.1) without the CFWS around it; the cursor stands at the
 * "[". The view has both brackets. */
struct bytes rfc5322_domain_literal(struct cursor *cursor);

/* Octets of the UTF-8 character at the beginning of text, 1 to 4 (RFC 3629 4:
 * no overlong form, no surrogate, at most U+10FFFF); 0 when there is none. */
size_t rfc5322_utf8_length(struct bytes text);

/* True when text is UTF-8 throughout; the empty text is. */
bool rfc5322_is_utf8(struct bytes text);

#endif
