/* version.h - what we are, and what we stand on. */
#ifndef ASSAY_VERSION_H
#define ASSAY_VERSION_H

#include <stdio.h>

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

/* "NAME VERSION", then a line for each library with the version that is loaded. */
void version_print(FILE *out, const char *name);

#endif
