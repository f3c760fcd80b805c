/* callbacks.h - the libmilter callbacks. */
#ifndef ASSAY_CALLBACKS_H
#define ASSAY_CALLBACKS_H

#include "negotiate.h"

/* What smfi_register() wants. */
struct smfiDesc callbacks_description(void);

#endif
