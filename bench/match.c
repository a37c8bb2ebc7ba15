/* SPDX-License-Identifier: Apache-2.0 */
/* match DEFINITIONS FOLDER: matches every file of a folder as it is, without looking inside, and
 * says how long that took: the matcher alone, without opening definitions, reading files or
 * unpacking. For bench/yara, and for finding out where time goes. */
#include "match/match.h"
#include "base/buf.h"
#include "base/file.h"
#include "match/kernel.h"

#include <dirent.h>
#include <stdio.h>
#include <time.h>

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    kj_defs defs;
    kj_error err = {0};
    if (argc != 3 || kj_defs_open(argv[1], UINT32_MAX, &defs, &err) != KJ_OK) {
        fprintf(stderr, "%s\n", argc != 3 ? "usage: match DEFINITIONS FOLDER" : err.message);
        return 2;
    }
    kj_matcher *matcher = kj_matcher_new(&defs);
    DIR *folder = opendir(argv[2]);
    kj_buf bytes;
    kj_buf_init(&bytes, (size_t)1 << 30);
    size_t files = 0, total = 0, rules = 0;
    double spent = 0;
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", argv[2], entry->d_name);
        bytes.len = 0;
        if (entry->d_name[0] == '.' || kj_file_read(path, &bytes, &err) != KJ_OK)
            continue;
        const kj_match_input input = {.bytes = kj_buf_span(&bytes)};
        const kj_match_limits limits = {.search.hits_per_pattern = 100000};
        double before = cpu_seconds();
        kj_status status = kj_matcher_run(matcher, &input, &limits, &err);
        spent += cpu_seconds() - before;
        if (status != KJ_OK)
            fprintf(stderr, "%s: %s\n", path, err.message);
        files++;
        total += bytes.len;
        const kj_sightings *seen = kj_matcher_seen(matcher);
        for (uint32_t i = 0; i < seen->rules.count; i++)
            rules += kj_sightings_has_rule(seen, i);
    }
    printf("%zu files, %.1f MB, %zu matches, %.2f s, %.0f MB/s, %.1f us a file\n", files,
           (double)total / 1e6, rules, spent, (double)total / 1e6 / spent,
           spent * 1e6 / (double)files);
    return 0;
}
