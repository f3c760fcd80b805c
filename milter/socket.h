/* socket.h - the socket where the MTA reaches us. */
#ifndef ASSAY_SOCKET_H
#define ASSAY_SOCKET_H

#include "privileges.h"

/* Makes the listening socket with libmilter: a missing directory is created, a
 * stale socket removed (one that somebody listens on is not), mode and group
 * set, TCP_NODELAY on Internet sockets. smfi_register() comes first. False with
 * error[START_ERROR_MAX]: what is missing, where, and what to do. */
bool socket_open(const struct milter_config *config, const struct privileges *owner, char *error);

/* Removes the unix socket that socket_open() made, if it is still that one. */
void socket_remove(void);

#endif
