/* macros.c - what the MTA tells beside the SMTP dialogue; see macros.h.
 *
 * Postfix leaves out macros without a value, Sendmail may send empty ones: both
 * mean "not set". {auth_authen} and {auth_type} do not exist before MAIL.
 */
#include "macros.h"

#include <string.h>

void macros_request(SMFICTX *ctx)
{
    static const struct {
        int stage;
        const char *names;
    } wanted[] = {
        {SMFIM_CONNECT, "j {daemon_name} {daemon_addr} {client_name} {client_addr} {client_ptr} v"},
        {SMFIM_ENVFROM, "i {auth_authen} {auth_type} {auth_author} {mail_addr}"},
        {SMFIM_EOM, "i {auth_authen}"},
    };
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        smfi_setsymlist(ctx, wanted[i].stage, (char *)wanted[i].names);
}

static const char *value_of(SMFICTX *ctx, const char *name)
{
    const char *value = smfi_getsymval(ctx, (char *)name);
    return value && *value ? value : NULL;
}

const char *macros_queue_id(SMFICTX *ctx)
{
    return value_of(ctx, "i");
}

bool macros_authenticated(SMFICTX *ctx)
{
    return value_of(ctx, "{auth_authen}") || value_of(ctx, "{auth_type}");
}

struct bytes macros_client_name(SMFICTX *ctx, const char *hostname)
{
    const char *name = value_of(ctx, "{client_name}");
    if (!name)
        name = hostname;
    /* Sendmail gives "[192.0.2.1]", Postfix "unknown", when there is no confirmed name. */
    if (!name || *name == '[' || bytes_is(bytes_of(name), "unknown"))
        return BYTES_EMPTY;
    return bytes_of(name);
}

const char *macros_mta_name(SMFICTX *ctx)
{
    return value_of(ctx, "j");
}

const char *macros_daemon_name(SMFICTX *ctx)
{
    return smfi_getsymval(ctx, (char *)"{daemon_name}");
}

bool macros_from_sendmail(SMFICTX *ctx)
{
    const char *version = value_of(ctx, "v"); /* "8.17.1.9"; Postfix: "Postfix 3.7.11" */
    return version && *version >= '0' && *version <= '9';
}
