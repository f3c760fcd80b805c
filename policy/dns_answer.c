/* dns_answer.c - immutable, shared DNS answers; see dns.h. */
#include "dns.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* One derived form; nodes are only ever pushed, so readers need no lock. */
struct derived {
    const struct dns_derived_class *kind;
    void *value;
    struct derived *next;
};

/* The public part comes first; records and their octets follow in one block. */
struct answer_block {
    struct dns_answer answer;
    atomic_int references;
    _Atomic(struct derived *) derived;
    size_t size; /* octets of the whole block */
    struct dns_record records[];
};

static struct answer_block *block_of(const struct dns_answer *answer)
{
    return (struct answer_block *)(uintptr_t)answer;
}

const char *dns_status_name(enum dns_status status)
{
    switch (status) {
    case DNS_FOUND:
        return "found";
    case DNS_NO_DATA:
        return "no data";
    case DNS_NO_NAME:
        return "no such name";
    case DNS_TEMPORARY:
        break;
    }
    return "temporary error";
}

const char *dns_type_name(enum dns_type type)
{
    switch (type) {
    case DNS_A:
        return "A";
    case DNS_PTR:
        return "PTR";
    case DNS_MX:
        return "MX";
    case DNS_TXT:
        return "TXT";
    case DNS_AAAA:
        return "AAAA";
    }
    return "?";
}

const struct dns_answer *dns_answer_new(enum dns_status status, bool secure, uint32_t ttl,
                                        const char *cause, const struct dns_record *records,
                                        size_t count)
{
    size_t octets = 0;
    for (size_t i = 0; i < count; i++)
        octets += records[i].data.len;
    size_t size = sizeof(struct answer_block) + count * sizeof(*records) + octets;
    struct answer_block *block = malloc(size);
    if (!block)
        return NULL;

    char *data = (char *)&block->records[count];
    for (size_t i = 0; i < count; i++) {
        block->records[i] = records[i];
        block->records[i].data.data = data;
        if (records[i].data.len)
            memcpy(data, records[i].data.data, records[i].data.len);
        data += records[i].data.len;
    }
    block->answer = (struct dns_answer){status, secure, ttl, cause, count, block->records};
    atomic_init(&block->references, 1);
    atomic_init(&block->derived, NULL);
    block->size = size;
    return &block->answer;
}

const struct dns_answer *dns_answer_ref(const struct dns_answer *answer)
{
    atomic_fetch_add_explicit(&block_of(answer)->references, 1, memory_order_relaxed);
    return answer;
}

void dns_answer_unref(const struct dns_answer *answer)
{
    if (!answer)
        return;
    struct answer_block *block = block_of(answer);
    if (atomic_fetch_sub_explicit(&block->references, 1, memory_order_acq_rel) != 1)
        return;
    struct derived *derived = atomic_load(&block->derived);
    while (derived) {
        struct derived *next = derived->next;
        derived->kind->free(derived->value);
        free(derived);
        derived = next;
    }
    free(block);
}

size_t dns_answer_size(const struct dns_answer *answer)
{
    return block_of(answer)->size;
}

static void *find_derived(const struct derived *list, const struct dns_derived_class *kind)
{
    for (; list; list = list->next) {
        if (list->kind == kind)
            return list->value;
    }
    return NULL;
}

void *dns_answer_derived(const struct dns_answer *answer, const struct dns_derived_class *kind)
{
    if (answer->status != DNS_FOUND) /* may be a session's static answer, without a block */
        return NULL;
    struct answer_block *block = block_of(answer);
    struct derived *head = atomic_load_explicit(&block->derived, memory_order_acquire);
    void *value = find_derived(head, kind);
    if (value)
        return value;

    struct derived *node = malloc(sizeof(*node));
    value = node ? kind->make(answer) : NULL;
    if (!value) {
        free(node);
        return NULL;
    }
    *node = (struct derived){kind, value, head};
    while (!atomic_compare_exchange_weak_explicit(&block->derived, &node->next, node,
                                                  memory_order_acq_rel, memory_order_acquire)) {
        void *other = find_derived(node->next, kind);
        if (other) { /* another thread was first: use its value, one form per answer */
            kind->free(value);
            free(node);
            return other;
        }
    }
    return value;
}
