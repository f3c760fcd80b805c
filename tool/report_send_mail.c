/* report_send_mail.c - the XML of a report and the mail around it; see report_send.h. */
#include "report_send.h"

#include "report_mail.h"
#include "report_xml.h"

#include <inttypes.h>
#include <stdio.h>

static bool write_record(void *context, const struct report_row *row, int64_t count)
{
    report_writer_record(context, row, count);
    return true;
}

static struct report_head head_of(const struct report_send *run, const struct report_item *item,
                                  const struct report_policy *policy)
{
    return (struct report_head){
        .org_name = bytes_of(run->config->org),
        .email = bytes_of(run->config->sender),
        .extra_contact_info = bytes_of(run->config->contact),
        .report_id = bytes_of(item->report_id),
        .begin = item->summary.begin,
        .end = item->summary.end - 1, /* 23:59:59 (RFC 9990 3.1.1.4) */
        .policy = policy,
    };
}

bool report_send_xml(struct report_send *run, const struct report_item *item,
                     const struct report_policy *policy, bool gzip, struct bytes *out,
                     const char **why)
{
    struct report_head head = head_of(run, item, policy);
    struct report_writer *writer =
        report_writer_new(&head, gzip ? REPORT_XML_GZIP : REPORT_XML, REPORT_OCTETS_MAX);
    *why = "out of memory";
    if (!writer)
        return false;
    bool good = item->summary.report
                    ? store_report_records(run->store, item->summary.report, write_record, writer)
                    : store_due_records(run->store, &item->summary, write_record, writer);
    if (!good) {
        report_send_store_failed(run);
        *why = NULL;
    }
    struct bytes octets;
    good = good && report_writer_finish(writer, &octets, why);
    if (good)
        *out = arena_bytes(run->arena, octets);
    report_writer_free(writer);
    return good;
}

/* A strict receiver will not take a report that fails DMARC itself (RFC 9990 3.5). */
void report_send_say_unsigned(struct report_send *run, const char *why_not)
{
    if (run->unsigned_said || !*why_not)
        return;
    run->unsigned_said = true;
    report_tally_hide(run);
    fprintf(stderr,
            "assay: reports go without a DKIM signature: %s\n"
            "assay: so they pass DMARC by SPF at best, and strict receivers will refuse them; "
            "\"assay genkey --domain=%.*s --selector=NAME\" makes a key\n",
            why_not, BYTES_ARGS(run->receiver));
}

bool report_send_mail(struct report_send *run, const struct report_item *item,
                      const struct report_policy *policy, const struct bytes *recipients,
                      size_t recipient_count, struct bytes *out, const char **why)
{
    const struct config *config = run->runtime->config;
    struct report_mail mail = {
        .sender = bytes_of(run->config->sender),
        .org = bytes_of(run->config->org),
        .contact = bytes_of(run->config->contact),
        .receiver = run->receiver,
        .policy_domain = item->summary.domain,
        .report_id = bytes_of(item->report_id),
        .begin = item->summary.begin,
        .end = item->summary.end - 1,
        .messages = item->summary.messages,
        .recipients = recipients,
        .recipient_count = recipient_count,
        .gzip = true,
        .date = report_send_now(run),
    };
    const char *why_not = "";
    if (!report_send_xml(run, item, policy, true, &mail.body, why))
        return false;
    struct bytes message = report_mail_compose(run->arena, &mail);
    *out = report_mail_sign(run->arena, &run->runtime->env, &config->policy.signing, mail.sender,
                            message, &why_not);
    *why = "out of memory";
    if (out->len == 0 || arena_failed(run->arena))
        return false;
    report_send_say_unsigned(run, why_not);
    return true;
}
