/* SPDX-License-Identifier: Apache-2.0 */
#include "host/tree.h"

#include "host/tree_private.h"

kj_status kj_tree_open_image(const char *helper, const char *path, uint32_t partition,
                             kj_tree **out, kj_error *err)
{
    (void)helper, (void)path, (void)partition, (void)out;
    return kj_fail(err, KJ_UNSUPPORTED, KJ_NO_OFFSET, "disk images cannot be read yet");
}
