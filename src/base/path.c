/* SPDX-License-Identifier: Apache-2.0 */
#include "base/path.h"

kj_span kj_path_base(kj_span path)
{
    size_t start = path.len;
    while (start > 0 && path.data[start - 1] != '/' && path.data[start - 1] != '\\')
        start--;
    return kj_span_sub(path, start, SIZE_MAX);
}

kj_span kj_path_extension(kj_span name, kj_span *out_stem)
{
    size_t start = name.len;
    while (start > 0 && name.data[start - 1] != '.')
        start--;
    if (out_stem)
        *out_stem = kj_span_sub(name, 0, start > 0 ? start - 1 : name.len);
    return start > 0 ? kj_span_sub(name, start, SIZE_MAX) : (kj_span){0};
}
