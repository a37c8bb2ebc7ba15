/* SPDX-License-Identifier: Apache-2.0 */
/* kujo-image PARTITION: reads a disk image for kujo, which starts it. The socket and the image are
 * open already (host/image_wire.h says where); it opens nothing, writes nothing but memory files,
 * and gives up what it can before it looks at the first byte. File systems are parsed by The Sleuth
 * Kit's libtsk, which only this program is linked with.
 *
 * NTFS: metadata files ($MFT, ...), deleted names and orphans are passed over; reparse points that
 * lead elsewhere are links; named streams are not listed. FAT: volume labels are passed over. */
#include "base/arith.h"
#include "base/buf.h"
#include "base/text.h"
#include "host/image_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <tsk/libtsk.h>
#include <unistd.h>

enum {
    SECTOR = 512,
    NTFS_FIRST_FILE = 24, /* the first records are the file system's own */
    COPY_LEN = 256 << 10,
    NOBODY = 65534,
    FILES_MAX = 64,
};

/* Tags of reparse points: [MS-FSCC] 2.1.2.1. */
enum {
    TAG_NAME_SURROGATE = 0x20000000, /* leads to another name */
    TAG_APPEXECLINK = 0x1B,          /* of what follows, the low bits */
    TAG_DEDUP = 0x13,
    TAG_WOF = 0x17,
    TAG_AF_UNIX = 0x23,
    TAG_LX_FIFO = 0x24,
    TAG_LX_CHR = 0x25,
    TAG_LX_BLK = 0x26,
    TAG_LOW = 0xFFF,
};

typedef struct image {
    TSK_IMG_INFO info; /* first: libtsk hands it back */
    int fd;
} image;

typedef struct session {
    image *image;
    TSK_FS_INFO *fs;
    kj_image_hello hello;
    kj_buf packet;
} session;

/* ---- the image ------------------------------------------------------------------------------- */

static ssize_t read_image(TSK_IMG_INFO *info, TSK_OFF_T offset, char *buf, size_t len)
{
    int fd = ((image *)info)->fd;
    size_t have = 0;
    while (have < len) {
        ssize_t got = pread(fd, buf + have, len - have, offset + (TSK_OFF_T)have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        have += (size_t)got;
    }
    return (ssize_t)have;
}

static void close_image(TSK_IMG_INFO *info)
{
    (void)info;
}

static void describe_image(TSK_IMG_INFO *info, FILE *out)
{
    (void)info;
    (void)out;
}

/* The size of a file or of a block device. */
static off_t size_of(int fd)
{
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        return st.st_size;
    return lseek(fd, 0, SEEK_END);
}

static image *open_image(int fd)
{
    image *img = calloc(1, sizeof *img);
    if (!img)
        return NULL;
    img->fd = fd;
    if (!tsk_img_open_external(img, size_of(fd), SECTOR, read_image, close_image, describe_image)) {
        free(img);
        return NULL;
    }
    return img;
}

/* ---- partitions ------------------------------------------------------------------------------ */

static const struct {
    TSK_FS_TYPE_ENUM type;
    const char *name;
} file_systems[] = {
    {TSK_FS_TYPE_NTFS, "NTFS"},   {TSK_FS_TYPE_FAT12, "FAT12"}, {TSK_FS_TYPE_FAT16, "FAT16"},
    {TSK_FS_TYPE_FAT32, "FAT32"}, {TSK_FS_TYPE_EXFAT, "exFAT"}, {TSK_FS_TYPE_EXT2, "ext2"},
    {TSK_FS_TYPE_EXT3, "ext3"},   {TSK_FS_TYPE_EXT4, "ext4"},
};

/* What a partition's first bytes show when no file system can be read in it. */
static const struct {
    size_t offset;
    const char *magic;
    const char *sentence;
} encrypted[] = {
    {3, "-FVE-FS-", KJ_SENTENCE("encrypted with BitLocker: unlock it first")},
    {3, "MSWIN4.1-FVE-FS-", KJ_SENTENCE("encrypted with BitLocker: unlock it first")},
    {0, "LUKS\xBA\xBE", KJ_SENTENCE("encrypted with LUKS: unlock it first")},
};

static const char *name_of_fs(const TSK_FS_INFO *fs)
{
    for (size_t i = 0; i < KJ_COUNT(file_systems); i++)
        if (file_systems[i].type == fs->ftype)
            return file_systems[i].name;
    return "";
}

static TSK_FS_INFO *open_fs(session *s, uint64_t offset)
{
    static const TSK_FS_TYPE_ENUM types[] = {TSK_FS_TYPE_NTFS_DETECT, TSK_FS_TYPE_FAT_DETECT,
                                             TSK_FS_TYPE_EXT_DETECT};
    TSK_FS_INFO *fs = NULL;
    for (size_t i = 0; i < KJ_COUNT(types) && !fs; i++)
        fs = tsk_fs_open_img(&s->image->info, (TSK_OFF_T)offset, types[i]);
    tsk_error_reset();
    return fs;
}

static const char *why_not(session *s, uint64_t offset)
{
    char head[SECTOR] = {0};
    ssize_t got = read_image(&s->image->info, (TSK_OFF_T)offset, head, sizeof head);
    kj_span start = kj_span_of(head, got > 0 ? (size_t)got : 0);
    for (size_t i = 0; i < KJ_COUNT(encrypted); i++)
        if (kj_span_starts(kj_span_sub(start, encrypted[i].offset, SIZE_MAX),
                           kj_span_str(encrypted[i].magic)))
            return encrypted[i].sentence;
    return KJ_SENTENCE("no file system that can be read");
}

static void add_partition(session *s, uint64_t offset, uint64_t size, uint32_t wanted)
{
    if (s->hello.count >= KJ_IMAGE_PARTITIONS_MAX)
        return;
    kj_image_partition *p = &s->hello.partitions[s->hello.count++];
    TSK_FS_INFO *fs = open_fs(s, offset);
    *p = (kj_image_partition){s->hello.count, fs != NULL, offset, size, {0}, {0}};
    if (!fs) {
        p->sentence = kj_span_str(why_not(s, offset));
        return;
    }
    p->kind = kj_span_str(name_of_fs(fs));
    if (p->number != wanted) {
        tsk_fs_close(fs);
        return;
    }
    s->fs = fs;
    s->hello.opened = wanted;
    s->hello.root = fs->root_inum;
}

/* Whether the first sector is that of a file system: those have the mark of a partition table as
 * well, and code where the table would be. */
static bool begins_with_fs(session *s)
{
    static const struct {
        size_t offset;
        const char *text;
    } marks[] = {{3, "NTFS    "}, {3, "EXFAT   "}, {54, "FAT"}, {82, "FAT32"}, {3, "-FVE-FS-"}};
    char head[SECTOR] = {0};
    if (read_image(&s->image->info, 0, head, sizeof head) != sizeof head)
        return true;
    for (size_t i = 0; i < KJ_COUNT(marks); i++)
        if (memcmp(head + marks[i].offset, marks[i].text, strlen(marks[i].text)) == 0)
            return true;
    return false;
}

static void find_partitions(session *s, uint32_t wanted)
{
    TSK_VS_INFO *vs =
        begins_with_fs(s) ? NULL : tsk_vs_open(&s->image->info, 0, TSK_VS_TYPE_DETECT);
    tsk_error_reset();
    for (TSK_PNUM_T i = 0; vs && i < vs->part_count; i++) {
        const TSK_VS_PART_INFO *part = tsk_vs_part_get(vs, i);
        size_t offset, size;
        if (part && (part->flags & TSK_VS_PART_FLAG_ALLOC) &&
            kj_mul_size(part->start, vs->block_size, &offset) &&
            kj_mul_size(part->len, vs->block_size, &size) && offset < (size_t)INT64_MAX)
            add_partition(s, offset, size, wanted);
    }
    if (vs)
        tsk_vs_close(vs);
    if (s->hello.count == 0)
        add_partition(s, 0, (uint64_t)s->image->info.size, wanted);
}

/* ---- nodes ----------------------------------------------------------------------------------- */

/* The tag of a reparse point, 0: it is none. */
static uint32_t reparse_tag(TSK_FS_FILE *file)
{
    uint8_t raw[4];
    if (!TSK_FS_TYPE_ISNTFS(file->fs_info->ftype))
        return 0;
    const TSK_FS_ATTR *attr = tsk_fs_file_attr_get_type(file, TSK_FS_ATTR_TYPE_NTFS_REPARSE, 0, 0);
    ssize_t got =
        attr ? tsk_fs_attr_read(attr, 0, (char *)raw, sizeof raw, TSK_FS_FILE_READ_FLAG_NONE) : -1;
    tsk_error_reset();
    kj_reader r = kj_reader_of(kj_span_of(raw, got == sizeof raw ? sizeof raw : 0));
    return kj_read_u32le(&r);
}

static kj_node_kind kind_of(TSK_FS_FILE *file)
{
    uint32_t tag = reparse_tag(file);
    switch (tag & TAG_LOW) {
    case TAG_AF_UNIX:
    case TAG_LX_FIFO:
    case TAG_LX_CHR:
    case TAG_LX_BLK:
        return KJ_NODE_OTHER;
    case TAG_APPEXECLINK:
        return KJ_NODE_LINK;
    default:
        break;
    }
    if (tag & TAG_NAME_SURROGATE)
        return KJ_NODE_LINK;
    switch (file->meta->type) {
    case TSK_FS_META_TYPE_REG:
        return KJ_NODE_FILE;
    case TSK_FS_META_TYPE_DIR:
        return KJ_NODE_DIR;
    case TSK_FS_META_TYPE_LNK:
        return KJ_NODE_LINK;
    default:
        return KJ_NODE_OTHER;
    }
}

static kj_node node_of(TSK_FS_FILE *file)
{
    const TSK_FS_META *meta = file->meta;
    return (kj_node){
        .kind = kind_of(file),
        .id = meta->addr,
        .size = meta->size > 0 ? (uint64_t)meta->size : 0,
        .mtime_ns = (int64_t)((uint64_t)meta->mtime * 1000000000U + meta->mtime_nano),
        .links = meta->nlink > 0 ? (uint32_t)meta->nlink : 1,
    };
}

/* What is in the file system for its own purposes, or for libtsk's. */
static bool is_own(const session *s, const TSK_FS_NAME *name)
{
    static const char label[] = " (Volume Label Entry)";
    kj_span text = kj_span_str(name->name);
    if (name->type == TSK_FS_NAME_TYPE_VIRT || name->type == TSK_FS_NAME_TYPE_VIRT_DIR ||
        (name->flags & TSK_FS_NAME_FLAG_UNALLOC) || name->meta_addr > s->fs->last_inum)
        return true;
    if (TSK_FS_TYPE_ISNTFS(s->fs->ftype))
        return name->meta_addr < NTFS_FIRST_FILE && text.len && text.data[0] == '$';
    size_t at = text.len > strlen(label) ? text.len - strlen(label) : 0;
    return TSK_FS_TYPE_ISFAT(s->fs->ftype) && at &&
           kj_span_is(kj_span_sub(text, at, SIZE_MAX), label);
}

/* ---- answers --------------------------------------------------------------------------------- */

/* Sends the packet, with a descriptor unless that is -1. Without the other side there is nothing
 * left to do. */
static void send_packet(session *s, int fd)
{
    struct iovec bytes = {s->packet.data, s->packet.len};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    if (s->packet.failed)
        _exit(EXIT_FAILURE);
    if (fd >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control.space;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    ssize_t sent;
    do
        sent = sendmsg(KJ_IMAGE_SOCKET_FD, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        _exit(EXIT_FAILURE);
}

static void begin(session *s, kj_image_kind kind, kj_status status, bool last, const char *sentence)
{
    kj_buf_clear(&s->packet);
    kj_image_put_reply(kind, status, last, sentence, &s->packet);
}

static void refuse(session *s, kj_image_kind kind, kj_status status, const char *sentence)
{
    begin(s, kind, status, true, sentence);
    send_packet(s, -1);
}

static void add_name(session *s, TSK_FS_FILE *file)
{
    if (!file->name || !file->name->name || is_own(s, file->name))
        return;
    kj_image_entry entry = {.name = kj_span_str(file->name->name)};
    if (file->meta)
        entry.node = node_of(file);
    else
        entry.node = (kj_node){.kind = KJ_NODE_OTHER, .id = file->name->meta_addr};
    entry.name = kj_span_sub(entry.name, 0, KJ_IMAGE_NAME_MAX);
    if (s->packet.len + entry.name.len + 64 > KJ_IMAGE_PACKET_MAX) {
        send_packet(s, -1);
        begin(s, KJ_IMAGE_LIST, KJ_OK, false, "");
    }
    kj_image_put_entry(&entry, &s->packet);
}

static void list(session *s, const kj_image_request *request)
{
    TSK_FS_DIR *dir = tsk_fs_dir_open_meta(s->fs, request->id);
    if (!dir) {
        tsk_error_reset();
        refuse(s, KJ_IMAGE_LIST, KJ_IO, KJ_SENTENCE("cannot be listed: damaged, or no directory"));
        return;
    }
    begin(s, KJ_IMAGE_LIST, KJ_OK, false, "");
    size_t count = tsk_fs_dir_getsize(dir);
    for (size_t i = 0; i < count; i++) {
        TSK_FS_FILE *file = tsk_fs_dir_get(dir, i);
        if (file)
            add_name(s, file);
        tsk_fs_file_close(file);
        tsk_error_reset();
    }
    tsk_fs_dir_close(dir);
    send_packet(s, -1);
    begin(s, KJ_IMAGE_LIST, KJ_OK, true, "");
    send_packet(s, -1);
}

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len) {
        ssize_t wrote = write(fd, bytes, len);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        bytes += wrote;
        len -= (size_t)wrote;
    }
    return true;
}

/* Copies `len` bytes of a file; false when fewer can be read. */
static bool copy(TSK_FS_FILE *file, int fd, uint64_t len)
{
    static char buf[COPY_LEN];
    for (uint64_t at = 0; at < len;) {
        size_t part = (size_t)kj_min_u64(len - at, sizeof buf);
        ssize_t got = tsk_fs_file_read(file, (TSK_OFF_T)at, buf, part, TSK_FS_FILE_READ_FLAG_NONE);
        tsk_error_reset();
        if (got <= 0 || (size_t)got > part || !write_all(fd, buf, (size_t)got))
            return false;
        at += (uint64_t)got;
    }
    return true;
}

/* Why a file's bytes are not where they should be; NULL: they are. */
static const char *why_unreadable(TSK_FS_FILE *file)
{
    uint32_t tag = reparse_tag(file) & TAG_LOW;
    if (tag == TAG_WOF)
        return KJ_SENTENCE("compressed by Windows (CompactOS): cannot be read yet");
    if (tag == TAG_DEDUP)
        return KJ_SENTENCE("deduplicated by Windows Server: cannot be read yet");
    const TSK_FS_ATTR *attr = tsk_fs_file_attr_get(file);
    tsk_error_reset();
    if (attr && (attr->flags & TSK_FS_ATTR_ENC))
        return KJ_SENTENCE("encrypted by Windows (EFS): cannot be read");
    return NULL;
}

static void send_file(session *s, TSK_FS_FILE *file, uint64_t len, const kj_node *node)
{
    int fd = memfd_create("kujo-image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
        refuse(s, KJ_IMAGE_OPEN, KJ_IO, KJ_SENTENCE("no memory file for its content"));
        return;
    }
    if (!copy(file, fd, len)) {
        refuse(s, KJ_IMAGE_OPEN, KJ_IO, KJ_SENTENCE("cannot be read: the file system is damaged"));
    } else if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) !=
               0) {
        refuse(s, KJ_IMAGE_OPEN, KJ_IO, KJ_SENTENCE("no memory file for its content"));
    } else {
        kj_image_entry entry = {.node = *node};
        begin(s, KJ_IMAGE_OPEN, KJ_OK, true, "");
        kj_image_put_entry(&entry, &s->packet);
        send_packet(s, fd);
    }
    (void)close(fd);
}

static void open_file(session *s, const kj_image_request *request)
{
    TSK_FS_FILE *file = tsk_fs_file_open_meta(s->fs, NULL, request->id);
    tsk_error_reset();
    if (!file || !file->meta || kind_of(file) != KJ_NODE_FILE) {
        tsk_fs_file_close(file);
        refuse(s, KJ_IMAGE_OPEN, KJ_IO, KJ_SENTENCE("not a regular file"));
        return;
    }
    kj_node node = node_of(file);
    const char *why = why_unreadable(file);
    if (why)
        refuse(s, KJ_IMAGE_OPEN, KJ_UNSUPPORTED, why);
    else if (node.size > request->max && !request->head)
        refuse(s, KJ_IMAGE_OPEN, KJ_LIMIT, KJ_SENTENCE("larger than what is read of an image"));
    else
        send_file(s, file, kj_min_u64(node.size, request->max), &node);
    tsk_fs_file_close(file);
}

static bool serve(session *s)
{
    uint8_t packet[256];
    kj_image_request request;
    ssize_t got = recv(KJ_IMAGE_SOCKET_FD, packet, sizeof packet, 0);
    if (got < 0 && errno == EINTR)
        return true;
    if (got <= 0 || !kj_image_read_request(kj_span_of(packet, (size_t)got), &request))
        return false;
    if (request.kind == KJ_IMAGE_LIST)
        list(s, &request);
    else
        open_file(s, &request);
    return true;
}

/* ---- beginning ------------------------------------------------------------------------------- */

static void limit(int resource, rlim_t value)
{
    struct rlimit rl = {value, value};
    (void)setrlimit((__rlimit_resource_t)resource, &rl);
}

/* Gives up what the work needs not: other descriptors, rights, processes. What cannot be given up
 * is no reason to stop. */
static void give_up(void)
{
    (void)close_range(KJ_IMAGE_FILE_FD + 1, ~0U, 0);
    if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
                           setresuid(NOBODY, NOBODY, NOBODY) != 0))
        errno = 0;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)prctl(PR_SET_DUMPABLE, 0);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NPROC, 0);
    limit(RLIMIT_NOFILE, FILES_MAX);
    if (KUJO_IMAGE_MEMORY_MAX)
        limit(RLIMIT_AS, KUJO_IMAGE_MEMORY_MAX);
}

int main(int argc, char **argv)
{
    uint64_t partition;
    if (argc != 2 || !kj_text_to_u64(kj_span_str(argv[1]), &partition) || partition > UINT32_MAX) {
        (void)fputs("kujo-image reads disk images for kujo, which starts it\n", stderr);
        return EXIT_FAILURE;
    }
    give_up();
    static session s;
    kj_buf_init(&s.packet, 2 * KJ_IMAGE_PACKET_MAX);
    s.image = open_image(KJ_IMAGE_FILE_FD);
    if (!s.image) {
        refuse(&s, KJ_IMAGE_HELLO, KJ_IO, KJ_SENTENCE("the image cannot be read"));
        _exit(EXIT_FAILURE);
    }
    find_partitions(&s, (uint32_t)partition);
    begin(&s, KJ_IMAGE_HELLO, KJ_OK, true, "");
    kj_image_put_hello(&s.hello, &s.packet);
    send_packet(&s, -1);
    if (s.fs)
        while (serve(&s))
            ;
    _exit(EXIT_SUCCESS); /* nothing to free that the system does not */
}
