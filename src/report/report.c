/* SPDX-License-Identifier: Apache-2.0 */
#include "report/report.h"

#include "base/arith.h"

#include <stdlib.h>
#include <time.h>

void kj_report_done(kj_report *report)
{
    free(report->noted_path);
    report->noted_path = NULL;
    report->unseen_in_file = 0;
    report->odd_in_file = 0;
}

bool kj_report_shows(const kj_report *report, const kj_run_object *object, size_t index)
{
    kj_class best = object->findings[object->best].klass;
    if (report->all)
        return object->findings[index].klass != KJ_CLASS_NONE;
    return index == object->best && best != KJ_CLASS_TRUSTED && best != KJ_CLASS_NONE;
}

uint32_t kj_report_release(const kj_report *report, const kj_finding *finding)
{
    if (finding->set >= report->set_count || finding->set == report->rules_set)
        return 0;
    return report->sets[finding->set]->meta.release;
}

void kj_report_put_size(kj_buf *out, uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t unit = 0;
    uint64_t tenths = 0; /* what the integer leaves out */
    while (bytes >= 1024 && unit + 1 < KJ_COUNT(units)) {
        tenths = bytes % 1024 * 10 / 1024;
        bytes /= 1024;
        unit++;
    }
    if (unit == 0 || bytes >= 100)
        kj_buf_printf(out, "%llu %s", (unsigned long long)bytes, units[unit]);
    else
        kj_buf_printf(out, "%llu.%llu %s", (unsigned long long)bytes, (unsigned long long)tenths,
                      units[unit]);
}

void kj_report_put_date(kj_buf *out, uint64_t seconds)
{
    time_t t = (time_t)seconds;
    struct tm day;
    if (gmtime_r(&t, &day))
        kj_buf_printf(out, "%04d-%02d-%02d", day.tm_year + 1900, day.tm_mon + 1, day.tm_mday);
}
