/* notify.h - tells the service manager how we are, sd_notify(3) without libsystemd.
 *
 * All calls do nothing when $NOTIFY_SOCKET is not set, and never wait or fail.
 */
#ifndef ASSAY_NOTIFY_H
#define ASSAY_NOTIFY_H

void notify_ready(const char *status); /* also after a reload */
void notify_reloading(void);
void notify_stopping(const char *status);

/* Sends one state text ("READY=1\nSTATUS=...") to the datagram socket at `path`; "@" in
 * front: an abstract name. 0, or an errno. For the above, and the tests. */
int notify_send(const char *path, const char *state);

#endif
