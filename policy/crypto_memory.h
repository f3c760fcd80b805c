/* crypto_memory.h - tells libcrypto's want of memory from a key or signature that is wrong.
 *
 * libcrypto answers both alike; what it notes in the thread's error queue differs. A
 * signature that could not be looked at must not count as one that fails. */
#ifndef ASSAY_CRYPTO_MEMORY_H
#define ASSAY_CRYPTO_MEMORY_H

#include <stdbool.h>

/* Before an operation: nothing that others left in the queue is taken for ours. */
void crypto_memory_begin(void);

/* After one that failed: whether for want of memory. Empties the queue. */
bool crypto_memory_failed(void);

#endif
