/* bench_null.c - a milter that does nothing: what libmilter itself costs.
 *
 *   bench_null [-n] SOCKET
 *
 * Every callback is registered, and one field inserted at the end of the
 * message. With -n it asks not to have to answer before that (SMFIP_NR_*), as
 * assayd does; without, it answers every step, as most milters do.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include <libmilter/mfapi.h>

static sfsistat go_on = SMFIS_CONTINUE; /* SMFIS_NOREPLY with -n */

static sfsistat on_connect(SMFICTX *context, char *name, _SOCK_ADDR *address)
{
    (void)context, (void)name, (void)address;
    return go_on;
}

static sfsistat on_helo(SMFICTX *context, char *name)
{
    (void)context, (void)name;
    return go_on;
}

static sfsistat on_path(SMFICTX *context, char **arguments)
{
    (void)context, (void)arguments;
    return go_on;
}

static sfsistat on_header(SMFICTX *context, char *name, char *value)
{
    (void)context, (void)name, (void)value;
    return go_on;
}

static sfsistat on_step(SMFICTX *context)
{
    (void)context;
    return go_on;
}

static sfsistat on_body(SMFICTX *context, unsigned char *octets, size_t len)
{
    (void)context, (void)octets, (void)len;
    return go_on;
}

static sfsistat on_end_of_message(SMFICTX *context)
{
    static char name[] = "Authentication-Results", value[] = "mx.example.org; none";
    smfi_insheader(context, 0, name, value);
    return SMFIS_CONTINUE;
}

static sfsistat on_end(SMFICTX *context)
{
    (void)context;
    return SMFIS_CONTINUE;
}

static sfsistat on_negotiate(SMFICTX *context, unsigned long actions, unsigned long steps,
                             unsigned long unused1, unsigned long unused2,
                             unsigned long *wanted_actions, unsigned long *wanted_steps,
                             unsigned long *wanted1, unsigned long *wanted2)
{
    (void)context, (void)unused1, (void)unused2;
    *wanted_actions = actions & SMFIF_ADDHDRS;
    *wanted_steps =
        steps & (SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_RCPT | SMFIP_NR_DATA |
                 SMFIP_NR_HDR | SMFIP_NR_EOH | SMFIP_NR_BODY | SMFIP_NOUNKNOWN | SMFIP_HDR_LEADSPC);
    *wanted1 = *wanted2 = 0;
    return SMFIS_CONTINUE;
}

int main(int argc, char **argv)
{
    static char name[] = "bench_null";
    bool quiet = argc > 1 && strcmp(argv[1], "-n") == 0;
    struct smfiDesc milter = {
        .xxfi_name = name,
        .xxfi_version = SMFI_VERSION,
        .xxfi_flags = SMFIF_ADDHDRS,
        .xxfi_connect = on_connect,
        .xxfi_helo = on_helo,
        .xxfi_envfrom = on_path,
        .xxfi_envrcpt = on_path,
        .xxfi_header = on_header,
        .xxfi_eoh = on_step,
        .xxfi_body = on_body,
        .xxfi_eom = on_end_of_message,
        .xxfi_abort = on_end,
        .xxfi_close = on_end,
        .xxfi_data = on_step,
        .xxfi_negotiate = quiet ? on_negotiate : NULL,
    };
    if (quiet)
        go_on = SMFIS_NOREPLY;
    if (argc != 2 + quiet) {
        fprintf(stderr, "usage: bench_null [-n] SOCKET\n");
        return 2;
    }
    if (smfi_setconn(argv[1 + quiet]) != MI_SUCCESS || smfi_setbacklog(1024) != MI_SUCCESS ||
        smfi_register(milter) != MI_SUCCESS || smfi_opensocket(1) != MI_SUCCESS)
        return 1;
    return smfi_main();
}
