/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of lines whose compilers are not in yet. */
#include "rules/clamav/compile.h"

kj_clamav_result kj_clamav_ldb(kj_clamav *c)
{
    return kj_clamav_left_out(c, KJ_SENTENCE("not read yet"));
}

kj_clamav_result kj_clamav_cdb(kj_clamav *c)
{
    return kj_clamav_left_out(c, KJ_SENTENCE("not read yet"));
}
