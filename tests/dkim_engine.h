/* dkim_engine.h - libopendkim's hashes of a message, to compare ours with (RFC 6376 3.4, 3.7).
 *
 * For tests only. An engine belongs to one message:
 *
 *   dkim_engine_new, _field for each field in order, _end_of_headers, _body,
 *   _end_of_body, _hashes for each signature, _free.
 *
 * After a failure all further calls are harmless and _hashes says false.
 */
#ifndef ASSAY_DKIM_ENGINE_H
#define ASSAY_DKIM_ENGINE_H

#include "dkim_signature.h"

struct dkim_engine;

struct dkim_hashes {
    uint8_t header[SHA256_OCTETS];
    uint8_t body[SHA256_OCTETS];
};

/* True when the library can hash this signature, as long as nothing speaks against it
 * (AUTH_NONE): this keeps it away from what makes it err (see dkim_engine.c). `value` is
 * the field's value. */
bool dkim_engine_accepts(const struct dkim_signature_field *field, struct bytes value);

/* False when some field has VT, FF, or CR or LF that do not fold: to RFC 6376 octets like
 * any other, to the library white space. */
bool dkim_engine_takes(struct bytes text);

/* A new engine; NULL when out of memory. */
struct dkim_engine *dkim_engine_new(void);

/* One header field "Name:value", folds as CRLF, no final CRLF, no NUL octet
 * inside but one behind. Each DKIM-Signature field that is fed gets the next
 * index for dkim_engine_hashes(), from 0 on. */
void dkim_engine_field(struct dkim_engine *engine, struct bytes text);

/* All fields have been fed. */
void dkim_engine_end_of_headers(struct dkim_engine *engine);

/* After _end_of_headers: true when the signature `index` will have hashes. One
 * with l= has none unless the body is that long. */
bool dkim_engine_has(struct dkim_engine *engine, size_t index);

/* The next octets of the body, any chunking. Without, the body hash is that of an empty one. */
void dkim_engine_body(struct dkim_engine *engine, struct bytes chunk);

/* After _end_of_body: false when the body holds lone CR or LF octets that the
 * library does not hash as they stand. */
bool dkim_engine_trusts_body(const struct dkim_engine *engine, bool relaxed);

/* The body is complete; a missing final CRLF is supplied (RFC 6376 3.4.3). */
void dkim_engine_end_of_body(struct dkim_engine *engine);

/* The hashes of the signature `index`; false when the library has none. */
bool dkim_engine_hashes(struct dkim_engine *engine, size_t index, struct dkim_hashes *out);

/* NULL is allowed; legal at any stage. */
void dkim_engine_free(struct dkim_engine *engine);

/* Once per process, before and after all threads. */
bool dkim_engine_global_init(void);
void dkim_engine_global_cleanup(void);

#endif
