/* option_names.c - helping with option names that do not exist: typing errors,
 * and names of the programs that Assay takes the place of. */
#include "options.h"

enum {
    NAME_MAX_COMPARED = 48, /* octets; a longer name is near to nothing */
};

static size_t least(size_t a, size_t b, size_t c)
{
    size_t smaller = a < b ? a : b;
    return smaller < c ? smaller : c;
}

/* Letters to insert, delete or replace to get from a to b (Levenshtein), case being the same. */
static size_t distance(struct bytes a, struct bytes b)
{
    size_t row[NAME_MAX_COMPARED + 1];
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t replace = diagonal + (to_lower(a.data[i - 1]) != to_lower(b.data[j - 1]));
            diagonal = row[j];
            row[j] = least(replace, row[j] + 1, row[j - 1] + 1);
        }
    }
    return row[b.len];
}

const struct config_option *option_nearest(struct bytes name)
{
    const struct config_option *nearest = NULL;
    size_t best = 1 + (name.len + 2) / 4; /* one error for each four letters, and one more */
    if (name.len > NAME_MAX_COMPARED)
        return NULL;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        size_t errors = distance(name, bytes_of(config_options[i].name));
        if (errors < best) {
            best = errors;
            nearest = &config_options[i];
        }
    }
    return nearest;
}

const char *option_foreign_hint(struct bytes name)
{
    static const struct {
        const char *name, *hint;
    } foreign[] = {
        {"RejectFailures", "use OnReject and OnQuarantine; Mode monitor acts on nothing"},
        {"HoldQuarantinedMessages", "use OnQuarantine quarantine"},
        {"RejectString", "use RejectText, with {domain} in place of %s"},
        {"RejectMultiValueFrom", "use OnInvalidFrom"},
        {"RequiredFrom", "use OnInvalidFrom"},
        {"RequiredHeaders", "use OnInvalidFrom for the From field; no other field is required"},
        {"IgnoreHosts", "use InternalHosts"},
        {"IgnoreAuthenticatedClients", "authenticated clients are never checked; remove it"},
        {"IgnoreMailFrom", "use PolicyTable with the action accept"},
        {"TrustedAuthservIDs", "no other program's results are needed; remove it"},
        {"SPFSelfValidate", "SPF is always evaluated here; remove it"},
        {"SPFIgnoreResults", "no other program's results are read; remove it"},
        {"PublicSuffixList", "RFC 9989 needs no list; remove it"},
        {"DNSTimeout", "use ResolverTimeout"},
        {"MaximumSignaturesToVerify", "use MaximumSignatures"},
        {"MaximumHeaders", "use MaximumHeaderBytes"},
        {"ClockDrift", "use ClockSkew"},
        {"MinimumKeySizeRSA", "use MinimumKeyBits"},
        {"On-DNSError", "use OnTempError"},
        {"On-Default", "use OnReject, OnQuarantine, OnTempError and OnInvalidFrom"},
        {"UMask", "use SocketMode"},
        {"PeerList", "use InternalHosts"},
        {"Background", "assayd stays in the foreground; remove it"},
        {"AutoRestart", "systemd restarts assayd; remove it"},
        {"AutoRestartRate", "systemd restarts assayd; remove it"},
        {"AlwaysAddARHeader", "every message gets the field; remove it"},
        {"SyslogSuccess", "every message is logged; remove it"},
        {"LogWhy", "the reason is always logged; remove it"},
        {"LogResults", "the results are always logged; remove it"},
        {"MilterDebug", "use LogLevel debug"},
    };
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        if (bytes_is(name, foreign[i].name))
            return foreign[i].hint;
    }
    return NULL;
}
