/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/clamav.h"

kj_value kj_clamav_answer_signed(const kj_clamav_ask *ask)
{
    (void)ask;
    return kj_value_undefined();
}
