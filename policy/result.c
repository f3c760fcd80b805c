/* result.c - outcomes, named as RFC 8601 2.7 names them; see result.h. */
#include "result.h"

const char *auth_result_name(enum auth_result result)
{
    static const char *const names[] = {
        [AUTH_NONE] = "none",           [AUTH_PASS] = "pass",           [AUTH_FAIL] = "fail",
        [AUTH_SOFTFAIL] = "softfail",   [AUTH_NEUTRAL] = "neutral",     [AUTH_POLICY] = "policy",
        [AUTH_TEMPERROR] = "temperror", [AUTH_PERMERROR] = "permerror",
    };
    return names[result];
}
