/* banner.c - what every start says; see banner.h. */
#include "banner.h"

#include "log.h"
#include "recorder.h"
#include "version.h"

static void log_mode(const struct config *config)
{
    const struct policy_settings *policy = &config->policy;
    log_info("version %s, authserv-id %s, mode %s", PACKAGE_VERSION, policy->authserv_id,
             policy->mode == MODE_MONITOR ? "monitor: every message will be accepted" : "enforce");
    log_info("actions: OnReject %s, IndirectMail %s, OnQuarantine %s, OnInvalidFrom %s, "
             "OnTempError %s",
             action_name(policy->on_reject), action_name(policy->indirect_mail),
             action_name(policy->on_quarantine), action_name(policy->on_invalid_from),
             config->values[OPTION_OnTempError].text);
}

static void log_socket(const struct milter_config *milter)
{
    char text[CONFIG_SOCKET_TEXT];
    config_socket_libmilter(&milter->socket, text);
    if (milter->socket.family == SOCKET_UNIX)
        log_info("socket: %s, mode %04o%s%s", text, milter->socket_mode,
                 milter->socket_group ? ", group " : "",
                 milter->socket_group ? milter->socket_group : "");
    else
        log_info("socket: %s", text);
    log_info("Postfix, main.cf: %s", config_socket_postfix(&milter->socket, text));
    log_info("Sendmail, sendmail.mc: %s", config_socket_sendmail(&milter->socket, text));
}

static void log_signing(const struct keys_config *keys)
{
    if (keys->key_table)
        log_info("signing originating mail: SigningTable %s, KeyTable %s", keys->signing_table,
                 keys->key_table);
    if (keys->key_directory)
        log_info("signing originating mail: KeyDirectory %s", keys->key_directory);
    if (!keys->key_table && !keys->key_directory)
        log_info("signing nothing: neither KeyDirectory nor KeyTable is set");
}

static void log_reports(const struct config *config)
{
    const struct report_config *report = &config->report;
    char name[RECORDER_STORE_NAME_MAX];
    if (report->store)
        log_info("reports: stored in %s, by way of %s; sent as %s by \"assay report send\"",
                 recorder_store_name(report->store, name), report->journal, report->sender);
    else
        log_info("reports: off, ReportStore is not set");
    /* RFC 9990 3.5.2: they must pass DMARC */
    if (report->store && !config->keys.key_table && !config->keys.key_directory)
        log_warning("reports: they will go without a DKIM signature, as no key is configured, and "
                    "strict receivers refuse them; \"assay genkey\" makes one");
}

void banner_log(const struct runtime *runtime)
{
    const struct config *config = runtime->config;
    log_mode(config);
    log_signing(&config->keys);
    log_reports(config);
    log_info("resolver: %s", resolver_description(runtime->resolver));
    log_socket(&config->milter);
}
