#!/bin/sh
# check_purity.sh [LIBRARY] - policy/ must stay pure: bytes and DNS answers in,
# verdict out. Looks at what libpolicy.a wants from outside and refuses clocks,
# random numbers, files, sockets, the environment, output, and libmilter.
set -eu

library=${1:-policy/libpolicy.a}
[ -s "$library" ] || {
    echo "check_purity: no $library" >&2
    exit 1
}

forbidden='
time|clock|clock_gettime|gettimeofday|ftime|times|localtime(_r)?|gmtime(_r)?|mktime|strftime
(clock_)?nanosleep|u?sleep|timer_.*|alarm
rand(_r)?|srand|random(_r)?|srandom|[dlmnej]rand48(_r)?|getrandom|getentropy|arc4random.*|RAND_.*
f?open(64)?|openat(64)?|creat|fdopen|freopen|read|p?read(64)?|p?write(64)?|fread|fwrite|close|f?stat(64)?|lstat|access
unlink|rename|mkdir|rmdir|opendir|readdir|tmpfile|mkstemp|mmap(64)?|BIO_new_f(ile|p)|BIO_read_filename
socket|connect|bind|listen|accept4?|send(to|msg)?|recv(from|msg)?|poll|ppoll|select|epoll_.*
getaddrinfo|getnameinfo|gethost.*|res_.*|ub_.*|ldns_.*
getenv|secure_getenv|setenv|putenv|environ|__environ
v?printf|v?fprintf|v?dprintf|puts|fputs|fputc|putchar|putc|perror|stdin|stdout|stderr
v?syslog|openlog|closelog
fork|vfork|exec.*|system|popen|posix_spawn.*|kill|raise|exit|_exit|abort
signal|sigaction|pthread_create
smfi_.*|sd_.*|json_.*|sqlite3_.*'
pattern=$(printf '%s' "$forbidden" | tr -s '\n' '|' | sed 's/^|//')

# The fortified forms (__printf_chk) count as what they stand for. What one member
# wants and another defines stays inside.
outside=$(
    nm -u "$library" | sed -n 's/^ *U //p' | sort -u >"${TMPDIR:-/tmp}/purity.$$"
    nm --defined-only "$library" | sed -n 's/^[0-9a-f]* [A-Z] //p' | sort -u |
        comm -23 "${TMPDIR:-/tmp}/purity.$$" -
    rm -f "${TMPDIR:-/tmp}/purity.$$"
)
[ -n "$outside" ] || {
    echo "check_purity: nm found nothing in $library" >&2
    exit 1
}
found=$(echo "$outside" | grep -Ex "(__)?($pattern)(_chk|_2)?(@.*)?" || true)
if [ -n "$found" ]; then
    echo "check_purity: $library is not pure; it calls:"
    for symbol in $found; do
        echo "  $symbol  in" "$(nm -A -u "$library" | sed -n "s/^[^:]*:\([^:]*\): *U $symbol\$/\1/p" | tr '\n' ' ')"
    done
    exit 1
fi
echo "check_purity: $(echo "$outside" | wc -l) outside symbols, none forbidden"
