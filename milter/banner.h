/* banner.h - what every start says: what will be done, and how to plug us in. */
#ifndef ASSAY_BANNER_H
#define ASSAY_BANNER_H

#include "runtime.h"

/* Logs mode, action map, resolver, socket, and the lines for Postfix and Sendmail. */
void banner_log(const struct runtime *runtime);

#endif
