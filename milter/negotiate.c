/* negotiate.c - what we ask of the MTA; see negotiate.h.
 *
 * Why these steps:
 * - SMFIP_NR_* for the steps before the body: nothing is decided there, and silence
 *   more than halves libmilter's cost. libmilter always offers them; where the MTA does
 *   not know them, it answers in our place.
 * - Not SMFIP_NR_BODY: libmilter never calls the end-of-message callback when a silent body
 *   callback got octets together with the end, and such a message would hang. Which MTA does
 *   that is not known when we negotiate. Moreover a silent filter cannot say SMFIS_SKIP, which
 *   saves the rest of a large body that no signature needs. The answers cost 2 to 3 %.
 * - SMFIP_HDR_LEADSPC: values exactly as received, or simple canonicalisation
 *   (RFC 6376 3.4.1) of unusual fields cannot be right.
 * - Unknown commands and DATA are of no interest.
 */
#include "negotiate.h"

enum {
    WANTED_ACTIONS = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE | SMFIF_SETSYMLIST,
    WANTED_STEPS = SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_RCPT | SMFIP_NR_HDR |
                   SMFIP_NR_EOH | SMFIP_SKIP | SMFIP_HDR_LEADSPC | SMFIP_NOUNKNOWN | SMFIP_NODATA,
};

struct granted negotiate(unsigned long offered_actions, unsigned long offered_steps,
                         bool may_refuse)
{
    unsigned long steps = WANTED_STEPS;
    if (may_refuse)
        steps &= ~(unsigned long)SMFIP_NR_CONN;
    return (struct granted){
        .actions = offered_actions & WANTED_ACTIONS,
        .steps = offered_steps & steps,
    };
}

const char *negotiate_missing(const struct granted *granted)
{
    if (!(granted->actions & SMFIF_ADDHDRS))
        return "the MTA does not let us add header fields: no Authentication-Results";
    if (!(granted->actions & SMFIF_CHGHDRS))
        return "the MTA does not let us remove header fields: forged Authentication-Results stay";
    if (!(granted->actions & SMFIF_QUARANTINE))
        return "the MTA does not let us quarantine: such messages will be accepted";
    if (!(granted->steps & SMFIP_HDR_LEADSPC))
        return "the MTA does not give header fields as received (SMFIP_HDR_LEADSPC): "
               "signatures over unusual white space may not verify";
    return NULL;
}
