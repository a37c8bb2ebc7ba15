/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/scan_image.h"

#include "base/arith.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"
#include "base/vec.h"
#include "cmd/beside.h"
#include "host/tree.h"
#include "scan/glob.h"
#include "scan/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SECTOR = 512,
    IMAGE_MIN = 64 << 10,
    HEAD_LEN = 64 << 10, /* what formats look at to know their own */
    TABLE = 446,         /* four entries of a partition table, behind the boot code */
    TABLE_ENTRY = 16,
    SCRATCH_BUDGET = 1 << 20,
    NAMES_MAX = 256 << 10,
};

/* A directory under way. */
typedef struct level {
    const kj_node *nodes; /* the tree's */
    size_t count;
    size_t next;
    char *host; /* its Windows path; NULL: none */
    uint32_t volume;
    bool owns_volume; /* the volume ends with this directory */
} level;

struct kj_images {
    const kj_scan_limits *limits;
    const kj_walk_options *walk;
    kj_run_images for_run;
    char *helper;
    const char *path; /* the image under way */
    uint8_t sector[SECTOR];
    bool has_boot;            /* `sector`, the image's first one, was not handed out yet */
    kj_error trouble;         /* why nothing in it can be read; not told yet */
    bool survey_starved;      /* partitions are missing in the list */
    uint32_t unread;          /* partitions that cannot be read */
    KJ_VEC(uint32_t) numbers; /* of all its partitions */
    KJ_VEC(char *) sentences; /* one a partition: why not; NULL: it can be read */
    size_t next_partition;
    char prefix[16]; /* "2!", or nothing: begins every path in the partition under way */
    kj_tree *tree;   /* it; NULL: none */
    KJ_VEC(level) levels;
    uint32_t volumes;
    kj_arena scratch; /* what one item needs */
    kj_buf inner;
    kj_buf raw_path;
};

/* ---- what looks like an image ---------------------------------------------------------------- */

static bool is_boot_sector(kj_span sector)
{
    static const struct {
        size_t offset;
        const char *text;
    } marks[] = {{3, "NTFS    "}, {3, "EXFAT   "}, {54, "FAT"}, {82, "FAT32"}, {3, "-FVE-FS-"}};
    for (size_t i = 0; i < KJ_COUNT(marks); i++)
        if (kj_span_starts(kj_span_sub(sector, marks[i].offset, SIZE_MAX),
                           kj_span_str(marks[i].text)))
            return true;
    return false;
}

/* Whether every entry could be one and at least one is. The table that protects a GPT is one like
 * any other. Partitions may lie beyond the end: the image may have been cut short. */
static bool is_partition_table(kj_span sector)
{
    kj_reader r = kj_reader_of(sector);
    unsigned used = 0;
    for (size_t i = 0; i < 4; i++) {
        kj_seek(&r, TABLE + i * TABLE_ENTRY);
        uint8_t status = kj_read_u8(&r);
        kj_skip(&r, 3); /* the first sector as cylinder, head, sector */
        uint8_t type = kj_read_u8(&r);
        kj_skip(&r, 3);
        uint32_t start = kj_read_u32le(&r);
        uint32_t count = kj_read_u32le(&r);
        if (status & 0x7F || (type && (start == 0 || count == 0)))
            return false;
        used += type != 0;
    }
    return kj_reader_ok(&r) && used > 0;
}

static bool is_raw_image(kj_span head, uint64_t size)
{
    kj_span sector = kj_span_sub(head, 0, SECTOR);
    if (size < IMAGE_MIN || sector.len < SECTOR || sector.data[510] != 0x55 ||
        sector.data[511] != 0xAA)
        return false;
    return is_boot_sector(sector) || is_partition_table(sector);
}

/* Opens a regular file; -1: it is none, or cannot be opened, which the walk will tell. */
static int open_regular(const char *path, uint64_t *out_size)
{
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return -1;
    KJ_CLEANUP(kj_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return -1;
    *out_size = (uint64_t)st.st_size;
    return kj_take_fd(&fd);
}

static kj_span read_head(int fd, uint8_t *buf, size_t len)
{
    ssize_t got = pread(fd, buf, len, 0);
    return kj_span_of(buf, got > 0 ? (size_t)got : 0);
}

bool kj_image_is_raw(const char *path)
{
    uint64_t size;
    uint8_t buf[SECTOR];
    KJ_CLEANUP(kj_close_fd) int fd = open_regular(path, &size);
    return fd >= 0 && is_raw_image(read_head(fd, buf, sizeof buf), size);
}

/* ---- items ----------------------------------------------------------------------------------- */

/* Makes the item one about `path` in the partition under way; empty: about all of it. */
static void name_item(kj_images *images, kj_span path, kj_walk_item *out)
{
    kj_span prefix = kj_span_str(images->prefix);
    if (path.len == 0 && prefix.len)
        prefix.len--; /* without the '!' */
    kj_buf_clear(&images->inner);
    kj_buf_put(&images->inner, prefix);
    kj_escape(path, KJ_ESCAPE_PATH, &images->inner);
    kj_buf_clear(&images->raw_path);
    kj_buf_put_text(&images->raw_path, images->path);
    kj_buf_put_byte(&images->raw_path, '!');
    kj_buf_put(&images->raw_path, prefix);
    kj_buf_put(&images->raw_path, path);
    out->inside = true;
    out->path = kj_span_str(images->path);
    out->inner = kj_buf_span(&images->inner);
    out->raw_path = kj_buf_span(&images->raw_path);
}

static bool give_error(kj_images *images, kj_span path, const kj_error *err, kj_walk_item *out)
{
    name_item(images, path, out);
    out->kind = KJ_WALK_ERROR;
    out->error = *err;
    return true;
}

static bool give_starved(kj_images *images, kj_span path, kj_walk_item *out)
{
    kj_error err = {0};
    (void)kj_no_memory(&err);
    return give_error(images, path, &err, out);
}

static bool is_excluded(const kj_images *images, kj_span path)
{
    for (size_t i = 0; i < images->walk->exclude_count; i++)
        if (kj_glob_match_path(kj_span_str(images->walk->excludes[i]), path))
            return true;
    return false;
}

/* ---- directories ----------------------------------------------------------------------------- */

static bool holds_windir(const level *directory, kj_span name)
{
    for (size_t i = 0; i < directory->count; i++)
        if (directory->nodes[i].kind == KJ_NODE_DIR &&
            kj_volume_is_windir(name, kj_path_base(directory->nodes[i].path)))
            return true;
    return false;
}

/* Gives the directory its place on a Windows volume, as the walk over a directory does. `host` is
 * owned. False without memory. */
static bool place_directory(kj_images *images, level *directory, kj_span name, char *host)
{
    size_t depth = images->levels.count;
    directory->host = host;
    directory->volume = depth ? images->levels.items[depth - 1].volume : 0;
    if (!holds_windir(directory, name))
        return true;
    free(host);
    directory->host = strdup(KJ_VOLUME_ROOT);
    directory->owns_volume = true;
    directory->volume = UINT32_MAX - images->volumes++;
    return directory->host != NULL;
}

/* Enters a directory; takes `host`. True when there is something to say. */
static bool enter(kj_images *images, kj_span path, char *host, kj_walk_item *out)
{
    KJ_CLEANUP(kj_free_ptr) char *owned_host = host;
    level directory = {0};
    kj_error err = {0};
    kj_status status = KJ_OK;
    if (images->levels.count >= KJ_WALK_DEPTH_MAX)
        status = kj_fail(&err, KJ_LIMIT, KJ_NO_OFFSET,
                         KJ_SENTENCE("directories are nested too deeply, not entered"));
    if (status == KJ_OK)
        status = kj_tree_list(images->tree, path, &directory.nodes, &directory.count, &err);
    if (status != KJ_OK)
        return give_error(images, path, &err, out);
    if (place_directory(images, &directory, kj_path_base(path), KJ_TAKE(owned_host)) &&
        kj_vec_add(&images->levels, directory))
        return false;
    free(directory.host);
    return give_starved(images, path, out);
}

/* Leaves the innermost directory. True when its volume ends with it. */
static bool leave(kj_images *images, kj_walk_item *out)
{
    level top = images->levels.items[--images->levels.count];
    free(top.host);
    if (!top.owns_volume)
        return false;
    name_item(images, (kj_span){0}, out);
    out->kind = KJ_WALK_VOLUME_END;
    out->volume = top.volume;
    return true;
}

/* The Windows path of an entry of the innermost directory, in the scratch arena; empty: none. */
static const char *host_of(kj_images *images, const level *top, const kj_node *node)
{
    kj_span above = node->path, name = kj_path_base(node->path);
    above = kj_span_sub(above, 0, above.len - name.len);
    if (above.len)
        above.len--;
    if (node->kind == KJ_NODE_DIR && kj_volume_is_windir(kj_path_base(above), name))
        return kj_arena_strdup(&images->scratch, KJ_VOLUME_WINDIR);
    return kj_volume_join(&images->scratch, kj_span_str(top->host), name);
}

static bool open_file(kj_images *images, const kj_node *node, kj_walk_item *out)
{
    kj_error err = {0};
    kj_node opened;
    if (kj_tree_open(images->tree, node->path, images->limits->file_bytes, &out->fd, &opened,
                     &err) != KJ_OK)
        return give_error(images, node->path, &err, out);
    name_item(images, node->path, out);
    out->kind = KJ_WALK_FILE;
    out->size = opened.size;
    return true;
}

static bool visit(kj_images *images, kj_walk_item *out)
{
    level *top = &images->levels.items[images->levels.count - 1];
    if (top->next == top->count)
        return leave(images, out);
    const kj_node *node = &top->nodes[top->next++];
    name_item(images, node->path, out);
    if (node->kind == KJ_NODE_LINK || is_excluded(images, out->raw_path))
        return false;
    const char *host = host_of(images, top, node);
    if (!host)
        return give_starved(images, node->path, out);
    out->volume = top->volume;
    out->host_path = kj_span_str(host);
    if (node->kind == KJ_NODE_FILE)
        return open_file(images, node, out);
    if (node->kind == KJ_NODE_DIR) {
        char *owned = *host ? strdup(host) : NULL;
        return *host && !owned ? give_starved(images, node->path, out)
                               : enter(images, node->path, owned, out);
    }
    out->kind = KJ_WALK_SKIPPED;
    (void)kj_fail(&out->error, KJ_UNSUPPORTED, KJ_NO_OFFSET,
                  KJ_SENTENCE("neither file nor directory, not scanned"));
    return true;
}

/* ---- partitions ------------------------------------------------------------------------------ */

static void found_partition(void *user, const kj_tree_partition *partition)
{
    kj_images *images = user;
    char *sentence = partition->readable ? NULL : strdup(partition->sentence);
    bool ok = partition->readable || sentence;
    images->unread += !partition->readable;
    if (ok && kj_vec_add(&images->sentences, sentence)) {
        if (!kj_vec_add(&images->numbers, partition->number))
            images->survey_starved = true;
        return;
    }
    free(sentence);
    images->survey_starved = true;
}

static bool open_partition(kj_images *images, kj_walk_item *out)
{
    size_t i = images->next_partition++;
    uint32_t number = images->numbers.items[i];
    kj_error err = {0};
    images->prefix[0] = 0;
    if (images->numbers.count > 1)
        (void)snprintf(images->prefix, sizeof images->prefix, "%u!", number);
    if (images->sentences.items[i]) {
        (void)kj_fail(&err, KJ_UNSUPPORTED, KJ_NO_OFFSET, "%s", images->sentences.items[i]);
        return give_error(images, (kj_span){0}, &err, out);
    }
    if (kj_tree_open_image(images->helper, images->path, number, &images->tree, &err) != KJ_OK)
        return give_error(images, (kj_span){0}, &err, out);
    return enter(images, (kj_span){0}, NULL, out);
}

static void close_partition(kj_images *images)
{
    for (size_t i = 0; i < images->levels.count; i++)
        free(images->levels.items[i].host);
    images->levels.count = 0;
    kj_tree_close(images->tree);
    images->tree = NULL;
}

/* Forgets the image before. */
static void begin(kj_images *images, const char *path)
{
    close_partition(images);
    for (size_t i = 0; i < images->sentences.count; i++)
        free(images->sentences.items[i]);
    images->sentences.count = 0;
    images->numbers.count = 0;
    images->next_partition = 0;
    images->unread = 0;
    images->survey_starved = false;
    images->has_boot = false;
    images->prefix[0] = 0;
    images->trouble = (kj_error){0};
    images->path = path;
}

/* Lists the partitions. One sentence speaks for an image of which nothing can be read. */
static kj_status survey(kj_images *images, kj_error *err)
{
    KJ_TRY(kj_tree_partitions(images->helper, images->path, found_partition, images, err));
    if (images->survey_starved)
        return kj_no_memory(err);
    if (images->unread < images->numbers.count)
        return KJ_OK;
    return kj_fail(err, KJ_UNSUPPORTED, KJ_NO_OFFSET, "%s",
                   images->unread ? images->sentences.items[0]
                                  : KJ_SENTENCE("no partition that can be read"));
}

/* ---- for the run ----------------------------------------------------------------------------- */

/* Whether a format claims the file: then it is scanned as that, too. Many a file has a partition
 * table besides (images of bootable CDs), and anybody can write one into a program. */
static bool is_claimed(kj_span head)
{
    kj_claims claims;
    kj_identify(head, &claims);
    return claims.formats[0]->kind != KJ_KIND_DATA;
}

static kj_inside start(void *user, const char *path)
{
    kj_images *images = user;
    begin(images, path);
    if (is_excluded(images, kj_span_str(path)))
        return KJ_INSIDE_NONE;
    uint64_t size;
    KJ_CLEANUP(kj_close_fd) int fd = open_regular(path, &size);
    KJ_CLEANUP(kj_free_ptr) uint8_t *buf = fd < 0 ? NULL : malloc(HEAD_LEN);
    if (!buf)
        return KJ_INSIDE_NONE;
    if (kj_tree_refuse_container(fd, &images->trouble) == KJ_UNSUPPORTED)
        return KJ_INSIDE_TOO;
    kj_span head = read_head(fd, buf, HEAD_LEN);
    if (!is_raw_image(head, size))
        return KJ_INSIDE_NONE;
    bool claimed = is_claimed(head);
    if (survey(images, &images->trouble) == KJ_OK) {
        memcpy(images->sector, head.data, SECTOR);
        images->has_boot = true;
        return claimed ? KJ_INSIDE_TOO : KJ_INSIDE_ONLY;
    }
    images->next_partition = images->numbers.count;
    return claimed ? KJ_INSIDE_NONE : KJ_INSIDE_TOO; /* NONE: the run does not ask for `trouble` */
}

/* The first sector runs before any file does. */
static bool give_boot_sector(kj_images *images, kj_walk_item *out)
{
    images->has_boot = false;
    name_item(images, kj_span_str("boot"), out);
    out->kind = KJ_WALK_FILE;
    out->size = SECTOR;
    out->fd = memfd_create("boot", MFD_CLOEXEC);
    if (out->fd >= 0 && pwrite(out->fd, images->sector, SECTOR, 0) == SECTOR)
        return true;
    out->kind = KJ_WALK_ERROR;
    (void)kj_fail_errno(&out->error, "cannot be copied");
    kj_close_fd(&out->fd);
    return true;
}

/* One step; true when *out is something to say. */
static bool step(kj_images *images, kj_walk_item *out)
{
    kj_arena_reset(&images->scratch);
    *out = (kj_walk_item){.kind = KJ_WALK_DONE, .fd = -1};
    if (images->trouble.status != KJ_OK) {
        kj_error trouble = images->trouble;
        images->trouble = (kj_error){0};
        return give_error(images, (kj_span){0}, &trouble, out);
    }
    if (images->has_boot)
        return give_boot_sector(images, out);
    if (images->levels.count)
        return visit(images, out);
    close_partition(images);
    return images->next_partition == images->numbers.count || open_partition(images, out);
}

static void next(void *user, kj_walk_item *out)
{
    while (!step(user, out))
        ;
}

kj_images *kj_images_new(const kj_scan_limits *limits, const kj_walk_options *walk)
{
    kj_images *images = calloc(1, sizeof *images);
    char *beside = kj_beside_program("kujo-image");
    char *helper = beside ? beside : strdup(KUJO_LIBEXEC_DIR "/kujo-image");
    if (!images || !helper) {
        free(images);
        free(helper);
        return NULL;
    }
    images->limits = limits;
    images->walk = walk;
    images->helper = helper;
    images->for_run = (kj_run_images){images, start, next};
    kj_arena_init(&images->scratch, SCRATCH_BUDGET);
    kj_buf_init(&images->inner, NAMES_MAX);
    kj_buf_init(&images->raw_path, NAMES_MAX);
    return images;
}

void kj_images_free(kj_images *images)
{
    if (!images)
        return;
    begin(images, NULL);
    kj_vec_done(&images->sentences);
    kj_vec_done(&images->numbers);
    kj_vec_done(&images->levels);
    kj_arena_done(&images->scratch);
    kj_buf_done(&images->inner);
    kj_buf_done(&images->raw_path);
    free(images->helper);
    free(images);
}

const kj_run_images *kj_images_for_run(const kj_images *images)
{
    return &images->for_run;
}
