/* version.c - what we are, and what we stand on; see version.h. */
#include "version.h"

#include "negotiate.h"

#include <arpa/nameser.h>
#include <idn2.h>
#include <jansson.h>
#include <ldns/util.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <spf2/spf.h>
#include <unbound.h>

void version_print(FILE *out, const char *name)
{
    unsigned major, minor, patch;
    int spf_major, spf_minor, spf_patch;
    smfi_version(&major, &minor, &patch);
    SPF_get_lib_version(&spf_major, &spf_minor, &spf_patch);
    fprintf(out, "%s %s\n", name, PACKAGE_VERSION);
    fprintf(out, "  libmilter    %u.%u.%u\n", major, minor, patch);
    fprintf(out, "  OpenSSL      %s\n", OpenSSL_version(OPENSSL_VERSION_STRING));
    fprintf(out, "  libspf2      %d.%d.%d\n", spf_major, spf_minor, spf_patch);
    fprintf(out, "  libunbound   %s\n", ub_version());
    fprintf(out, "  ldns         %s\n", ldns_version());
    fprintf(out, "  libidn2      %s\n", idn2_check_version(NULL));
    fprintf(out, "  jansson      %s\n", jansson_version_str());
}
