/* second_opinion_reason.c - where Assay and libopendkim may differ, and why.
 *
 * Known of Debian's libopendkim 2.11.0~beta2, by tests and by its source. What is not
 * listed here is a defect of one of the two.
 */
#include "second_opinion.h"

#ifdef HAVE_OPENDKIM

#include <string.h>

enum { ITS_RECORD_MAX = 1023 }; /* octets of a key record that it reads */

/* To RFC 6376 octets like others; libopendkim takes some for white space, drops some. */
static const char odd_octets[] =
    "perhaps lone CR or LF, VT, FF or a spaced \"b =\", which libopendkim reads its own way";

/* What a result says about a signature. */
enum meaning {
    VERIFIES,
    DIFFERS,
    UNKNOWN_YET, /* the key could not be had */
    UNUSABLE,    /* the signature or its key */
};

static enum meaning meaning_of(enum auth_result result)
{
    switch (result) {
    case AUTH_PASS:
        return VERIFIES;
    case AUTH_FAIL:
        return DIFFERS;
    case AUTH_TEMPERROR:
        return UNKNOWN_YET;
    default:
        return UNUSABLE;
    }
}

static bool in_test_mode(const struct dkim_signature *ours)
{
    return ours->testing && ours->result == AUTH_NEUTRAL;
}

bool second_opinion_agrees(const struct dkim_signature *ours, enum auth_result theirs)
{
    if (in_test_mode(ours)) /* RFC 6376 3.6.1 t=y: it says fail, and that the key is for tests */
        return theirs == AUTH_FAIL || theirs == AUTH_PERMERROR || theirs == AUTH_POLICY;
    return meaning_of(ours->result) == meaning_of(theirs);
}

/* What follows from the records that the key's name has. */
static const char *explain_key(const struct second_opinion_key *key)
{
    const struct dns_answer *answer = key ? key->answer : NULL;
    if (!answer || answer->status != DNS_FOUND)
        return NULL;
    if (answer->count > 1)
        return "the name has several TXT records: Assay tries each key, libopendkim none";
    if (answer->records[0].data.len > ITS_RECORD_MAX)
        return "libopendkim reads 1023 octets of a key record";
    return NULL;
}

/* A pass of ours that is none of theirs, with a key that both could read. */
static const char *explain_refusal(const struct dkim_signature *ours, enum auth_result theirs)
{
    if (strstr(domain_text(ours->domain), "xn--") || strstr(domain_text(ours->selector), "xn--"))
        return "libopendkim knows no internationalized names (RFC 8616)";
    if (theirs == AUTH_FAIL)
        return odd_octets;
    return "perhaps an RSA key without its wrapping (PKCS#1), which libopendkim does not read";
}

/* A pass of theirs that is none of ours: where the standards or their readers are stricter now. */
static const char *explain_pass(const struct dkim_signature *ours)
{
    if (ours->body_partial)
        return "l= leaves text unsigned (RFC 6376 8.2); libopendkim counts it as verified";
    if (meaning_of(ours->result) == UNUSABLE)
        return "Assay is stricter with signatures and keys (RFC 6376 3.2, 3.6.1)";
    return ours->result == AUTH_FAIL ? odd_octets : NULL;
}

const char *second_opinion_explain(const struct dkim_signature *ours,
                                   const struct second_opinion_key *key,
                                   const struct second_opinion_answer *answer)
{
    enum auth_result theirs = second_opinion_result(answer);
    if (strstr(ours->reason, "out of memory"))
        return "Assay ran out of memory";
    if (strcmp(ours->algorithm, "rsa-sha1") == 0)
        return "RFC 8301 3.1 refuses rsa-sha1; libopendkim still takes it";
    if (strstr(ours->reason, "expired") || strstr(ours->reason, "future"))
        return "t= and x= are judged with --now, of which libopendkim does not know";
    if (theirs == AUTH_PASS)
        return explain_pass(ours);
    if (meaning_of(ours->result) == UNUSABLE && meaning_of(theirs) != UNKNOWN_YET)
        return "neither takes it; RFC 8601 2.7.1 leaves the word open";
    const char *why = explain_key(key);
    return why || ours->result != AUTH_PASS ? why : explain_refusal(ours, theirs);
}

#endif
