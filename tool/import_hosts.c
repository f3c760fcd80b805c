/* import_hosts.c - InternalHosts and TrustedRelays out of the sets of all programs.
 *
 * A file is referred to when Assay reads each of its lines as it is; otherwise
 * its entries are written out. Loopback is always internal and is left out.
 */
#include "host_set.h"
#include "import_read.h"

/* A set being taken over. */
struct taking {
    struct import *import;
    struct import_option *option;
    struct import_line *line;
    size_t taken, loopback, refused;
    bool reshaped; /* an entry had to be written in another way */
    const char *refusal;
};

/* Loopback alone, in any spelling that people use. */
static bool is_loopback(struct bytes entry)
{
    struct network network;
    if (bytes_is(entry, "localhost") || bytes_is(entry, "localhost.localdomain") ||
        bytes_is(entry, "localhost.localdomain.") || bytes_is(entry, "[::1]"))
        return true;
    if (bytes_is(entry, "::ffff:127.0.0.0/104"))
        return true;
    return network_parse(entry, &network) && ip_is_loopback(&network.address) &&
           (network.address.family == IP_V6 ? network.prefix == 128 : network.prefix >= 8);
}

/* "*.example.com" is how people write ".example.com" in a refile; "*" is everybody. */
static struct bytes reshape(struct bytes entry)
{
    size_t mark = entry.len && entry.data[0] == '!';
    struct bytes host = bytes_slice(entry, mark, entry.len);
    if (mark == 0 && host.len > 2 && host.data[0] == '*' && host.data[1] == '.')
        return bytes_slice(host, 1, host.len);
    return entry;
}

static void take_entry(struct taking *taking, const struct dataset_entry *entry)
{
    struct host_set *probe = host_set_new(taking->import->arena);
    struct bytes host = reshape(entry->key);
    if (bytes_is(host, "*")) {
        import_add_item(taking->import, taking->line, BYTES("0.0.0.0/0"));
        import_add_item(taking->import, taking->line, BYTES("::/0"));
        taking->taken++;
        taking->reshaped = true;
        return;
    }
    const char *wrong = probe ? host_set_add(probe, host) : "out of memory";
    if (wrong) {
        taking->refused++;
        taking->refusal =
            arena_printf(taking->import->arena, "entry %u was left out: %s", entry->line, wrong);
        return;
    }
    if (is_loopback(host)) {
        taking->loopback++;
        return;
    }
    taking->reshaped = taking->reshaped || host.data != entry->key.data;
    import_add_item(taking->import, taking->line, host);
    taking->taken++;
}

static void judge(struct taking *taking, const char *target, const char *remark)
{
    struct import *import = taking->import;
    if (taking->taken == 0 && taking->refused == 0) {
        import_judge(import, taking->option, IMPORT_NOT_NEEDED,
                     taking->loopback ? "It holds nothing but loopback, which is always internal."
                                      : "It is empty.");
        return;
    }
    enum import_outcome outcome = taking->refused || remark ? IMPORT_CHANGED : IMPORT_KEPT;
    import_judge(import, taking->option, outcome, "%s%s%s", remark ? remark : "",
                 remark && taking->refused ? " " : "", taking->refused ? taking->refusal : "");
    if (taking->taken)
        import_add_comment(import, import_line(import, target), "%s",
                           import_origin(import, taking->option));
    if (taking->refused)
        import_add_comment(import, import_line(import, target), "  %s", taking->refusal);
}

/* Takes a set into our option `target`; `remark` says what is different about it. */
static void take_set(struct import *import, struct import_option *option, const char *target,
                     const struct dataset *dataset, const char *remark)
{
    const char *problem;
    struct import_line scratch = {0};
    struct taking taking = {.import = import, .option = option, .line = &scratch};
    const struct dataset_entry *entry = dataset_entries(import, dataset, &problem);
    if (dataset->kind == DATASET_SERVER) {
        import_judge(import, option, IMPORT_NO_EQUIVALENT,
                     "Sets are read from files, and this one is kept in %s: export its keys to a "
                     "file, one in a line, and write %s FILE.",
                     dataset->backend, target);
        return;
    }
    for (; entry; entry = entry->next)
        take_entry(&taking, entry);
    if (problem) {
        import_set(import, target, option, dataset->text);
        import_judge(import, option, IMPORT_UNKNOWN, "%.*s cannot be read: %s.",
                     BYTES_ARGS(dataset->text), problem);
        return;
    }
    struct import_line *line = taking.taken ? import_line(import, target) : NULL;
    if (taking.taken && dataset->kind != DATASET_LIST && !taking.reshaped && !taking.refused)
        import_add_item(import, line, dataset->text); /* the file as it is */
    else
        for (size_t i = 0; i < scratch.count; i++)
            import_add_item(import, line, scratch.items[i]);
    judge(&taking, target, remark);
}

static void take(struct import *import, enum import_program program, const char *name,
                 const char *target, const char *remark)
{
    struct import_option *option = import_given(import, program, name);
    if (!option || option->outcome != IMPORT_PENDING)
        return;
    struct dataset dataset = dataset_parse(import, program, option->value);
    if (program == IMPORT_OPENDMARC) /* always the path of a file */
        dataset = (struct dataset){.kind = DATASET_FILE,
                                   .text = import_path(import, program, option->value)};
    take_set(import, option, target, &dataset, remark);
}

void import_hosts(struct import *import)
{
    const struct import_option *ignored = import_given(import, IMPORT_OPENDMARC, "IgnoreHosts");
    const struct import_option *internal = import_given(import, IMPORT_OPENDKIM, "InternalHosts");
    bool differ = import->paths[IMPORT_OPENDMARC] &&
                  !(ignored && internal && bytes_equal(ignored->value, internal->value));
    take(import, IMPORT_OPENDKIM, "InternalHosts", "InternalHosts",
         differ ? "OpenDMARC checks mail from there unless IgnoreHosts names it too; Assay does "
                  "not."
                : NULL);
    take(import, IMPORT_OPENDMARC, "IgnoreHosts", "InternalHosts",
         import_given(import, IMPORT_OPENDKIM, "InternalHosts")
             ? NULL
             : "Mail from there is not checked, and signed when there is a key. Hosts that only "
               "hand on mail from outside, such as a backup MX, belong into TrustedRelays.");
    take(import, IMPORT_OPENARC, "InternalHosts", "InternalHosts", NULL);
    take(import, IMPORT_POLICYD_SPF, "InternalHosts", "InternalHosts", NULL);
    take(import, IMPORT_POLICYD_SPF, "skip_addresses", "InternalHosts",
         "Mail from there is originating: neither SPF nor DMARC is checked.");
    const char *relay = "SPF is then evaluated for the client that such a host names in its "
                        "Received field, instead of not at all.";
    take(import, IMPORT_POLICYD_SPF, "Whitelist", "TrustedRelays", relay);
    take(import, IMPORT_POLICYD_SPF, "HELO_Whitelist", "TrustedRelays", relay);
    struct import_option *names = import_given(import, IMPORT_POLICYD_SPF, "Domain_Whitelist_PTR");
    if (!names || names->outcome != IMPORT_PENDING)
        return;
    /* Parent domains stand there without the dot. */
    const char *problem;
    struct dataset dataset = dataset_parse(import, IMPORT_POLICYD_SPF, names->value);
    for (const struct dataset_entry *entry = dataset_entries(import, &dataset, &problem); entry;
         entry = entry->next)
        import_set(import, "TrustedRelays", names,
                   bytes_of(arena_printf(import->arena, ".%.*s", BYTES_ARGS(entry->key))));
    import_judge(import, names, IMPORT_CHANGED, "%s", relay);
}
