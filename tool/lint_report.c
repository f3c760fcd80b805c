/* lint_report.c - where a DMARC record has reports sent, and whether they get there
 * (RFC 9990 4); see lint.h. */
#include "lint.h"

#include "dmarc_destination.h"

/* "rua=mailto:reports@example.net" */
static const char *address_text(struct lint *lint, struct bytes uri, bool failure)
{
    const char *text =
        arena_printf(lint->arena, "%s=%s", failure ? "ruf" : "rua", lint_text(lint, uri));
    return text ? text : "";
}

static void confirmed(struct lint *lint, const char *name, const char *address,
                      const struct dmarc_destination *destination)
{
    for (size_t i = 0; destination->overridden && i < destination->uri_count; i++)
        lint_add(lint, LINT_REPORT_OVERRIDDEN, destination->name, "%s becomes %s", address,
                 lint_text(lint, destination->uris[i].text));
    if (!lint_takes_mail(lint, destination->host))
        lint_add(lint, LINT_REPORT_NO_MAIL, name, "%s: %s takes no mail", address,
                 destination->host.name);
    else
        lint_add(lint, LINT_REPORT_OK, name, "%s: %s", address, destination->reason);
}

static void check_address(struct lint *lint, struct domain policy_domain, struct bytes uri,
                          bool failure)
{
    struct dmarc_destination destination;
    const char *name = lint_name(lint, "_dmarc.", policy_domain);
    const char *address = address_text(lint, uri, failure);
    dmarc_destination_check(lint->dns, lint->arena, policy_domain, uri, failure, &destination);
    const char *where = destination.name ? destination.name : name;
    switch (destination.status) {
    case DMARC_DESTINATION_OWN:
    case DMARC_DESTINATION_CONFIRMED:
        confirmed(lint, name, address, &destination);
        break;
    case DMARC_DESTINATION_REFUSED:
        lint_add(lint, LINT_REPORT_REFUSED, where, "%s: %s", address, destination.reason);
        break;
    case DMARC_DESTINATION_MISMATCH:
        lint_add(lint, LINT_REPORT_MISMATCH, where, "%s: %s", address, destination.reason);
        break;
    case DMARC_DESTINATION_UNUSABLE:
        lint_add(lint, LINT_REPORT_UNUSABLE, where, "%s: %s", address, destination.reason);
        break;
    case DMARC_DESTINATION_TEMPORARY:
        lint_add(lint, LINT_LOOKUP_FAILED, where, "%s: %s", address, destination.reason);
        break;
    }
}

/* Only mailto: is certain to be used by anybody; other schemes have their own finding. */
static bool is_mailto(struct bytes uri)
{
    return bytes_starts_nocase(uri, BYTES("mailto:"));
}

void lint_report_addresses(struct lint *lint, struct domain policy_domain,
                           const struct dmarc_record *record)
{
    for (size_t i = 0; i < record->rua_count; i++) {
        if (is_mailto(record->rua[i].text))
            check_address(lint, policy_domain, record->rua[i].text, false);
    }
    for (size_t i = 0; i < record->ruf_count; i++) {
        if (is_mailto(record->ruf[i].text))
            check_address(lint, policy_domain, record->ruf[i].text, true);
    }
}
