/* SPDX-License-Identifier: Apache-2.0 */
/* A file system in a disk image. The program kujo-image parses it, in a process of its own; here
 * are the questions, and answers are taken as input like any other. Should that program end, hang
 * or answer nonsense, one question fails and the next one gets a new process: file numbers stay
 * what they are. */
#include "host/tree.h"

#include "base/arith.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "host/image_wire.h"
#include "host/system.h"
#include "host/tree_private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum {
    ANSWER_MS = 120000, /* one question, all its packets */
    STARTS_MAX = 50,
    PACKETS_MAX = 100000, /* of one answer */
    HEAD_LEN = 4096,
};

typedef struct tree_image {
    char *helper;
    uint32_t partition;
    int file;
    pid_t pid; /* 0: none runs */
    unsigned starts;
    uint64_t root; /* as the first process said */
    kj_image_hello hello;
    uint8_t hello_bytes[KJ_IMAGE_PACKET_MAX]; /* what `hello` borrows from */
    uint8_t packet[KJ_IMAGE_PACKET_MAX];
} tree_image;

/* ---- the process ----------------------------------------------------------------------------- */

static void stop(kj_tree *tree)
{
    tree_image *image = tree->image;
    kj_close_fd(&tree->fd);
    if (image->pid <= 0)
        return;
    (void)kill(image->pid, SIGKILL);
    while (waitpid(image->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    image->pid = 0;
}

/* Which numbers the program expects its two descriptors under is set up by dup2(), which leaves a
 * descriptor that has that number already as it is, close-on-exec included: so none may have it. */
static int move_up(int fd)
{
    return fcntl(fd, F_DUPFD_CLOEXEC, KJ_IMAGE_FILE_FD + 1);
}

static int spawn(const tree_image *image, int socket, pid_t *out)
{
    char number[16];
    (void)snprintf(number, sizeof number, "%u", image->partition);
    char *arguments[] = {image->helper, number, NULL};
    char *environment[] = {NULL};
    posix_spawn_file_actions_t actions;
    KJ_CLEANUP(kj_close_fd) int high_socket = move_up(socket);
    KJ_CLEANUP(kj_close_fd) int high_file = move_up(image->file);
    if (high_socket < 0 || high_file < 0)
        return errno;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed)
        return failed;
    for (int fd = 0; fd < 3 && !failed; fd++)
        failed = posix_spawn_file_actions_addopen(&actions, fd, "/dev/null",
                                                  fd == 0 ? O_RDONLY : O_WRONLY, 0);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(&actions, high_socket, KJ_IMAGE_SOCKET_FD);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(&actions, high_file, KJ_IMAGE_FILE_FD);
    if (!failed)
        failed = posix_spawn(out, image->helper, &actions, NULL, arguments, environment);
    (void)posix_spawn_file_actions_destroy(&actions);
    return failed;
}

/* ---- packets --------------------------------------------------------------------------------- */

/* The descriptor that came with a packet, -1; more than one are closed. */
static int take_descriptor(struct msghdr *message)
{
    int taken = -1;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
         header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = CMSG_LEN(0); at + sizeof(int) <= header->cmsg_len; at += sizeof(int)) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + (at - CMSG_LEN(0)), sizeof fd);
            if (taken >= 0)
                (void)close(fd);
            else
                taken = fd;
        }
    }
    return taken;
}

static kj_status wait_for(int fd, uint64_t deadline_ns, kj_error *err)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    for (;;) {
        uint64_t now = kj_clock_ns();
        if (now >= deadline_ns)
            return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "the image reader took too long");
        int got = poll(&ready, 1, (int)kj_min_u64((deadline_ns - now) / 1000000 + 1, ANSWER_MS));
        if (got > 0)
            return KJ_OK;
        if (got < 0 && errno != EINTR)
            return kj_fail_errno(err, "the image reader");
    }
}

/* One packet into `buf` of KJ_IMAGE_PACKET_MAX bytes; *out_fd is -1 or came with it. */
static kj_status receive(int socket, uint64_t deadline_ns, uint8_t *buf, kj_span *out, int *out_fd,
                         kj_error *err)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(4 * sizeof(int))];
    } control;
    struct iovec bytes = {buf, KJ_IMAGE_PACKET_MAX};
    struct msghdr message = {.msg_iov = &bytes,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control.space};
    ssize_t got;
    do {
        KJ_TRY(wait_for(socket, deadline_ns, err));
        got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    } while (got < 0 && (errno == EINTR || errno == EAGAIN));
    if (got <= 0)
        return kj_fail(err, KJ_IO, KJ_NO_OFFSET, "the image reader ended unexpectedly");
    *out_fd = take_descriptor(&message);
    *out = kj_span_of(buf, (size_t)got);
    if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
        kj_close_fd(out_fd);
        return kj_fail(err, KJ_MALFORMED, KJ_NO_OFFSET, "the image reader gave a wrong answer");
    }
    return KJ_OK;
}

static uint64_t deadline(void)
{
    return kj_clock_ns() + (uint64_t)ANSWER_MS * 1000000;
}

static kj_status hear_hello(kj_tree *tree, kj_error *err)
{
    tree_image *image = tree->image;
    kj_image_reply reply;
    kj_span packet;
    KJ_CLEANUP(kj_close_fd) int fd = -1;
    KJ_TRY(receive(tree->fd, deadline(), image->hello_bytes, &packet, &fd, err));
    KJ_TRY(kj_image_read_reply(packet, KJ_IMAGE_HELLO, &reply, err));
    if (!kj_image_read_hello(&reply.body, &image->hello)) {
        image->hello.count = 0;
        return kj_fail(err, KJ_MALFORMED, KJ_NO_OFFSET, "the image reader gave a wrong answer");
    }
    return KJ_OK;
}

/* Starts the program unless it runs. */
static kj_status start(kj_tree *tree, kj_error *err)
{
    tree_image *image = tree->image;
    int pair[2];
    if (image->pid > 0)
        return KJ_OK;
    if (image->starts++ >= STARTS_MAX)
        return kj_fail(err, KJ_IO, KJ_NO_OFFSET, "the image reader failed too often");
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return kj_fail_errno(err, "no socket for the image reader");
    tree->fd = pair[0];
    int failed = spawn(image, pair[1], &image->pid);
    (void)close(pair[1]);
    if (failed) {
        image->pid = 0;
        kj_close_fd(&tree->fd);
        errno = failed;
        return kj_fail_errno(err, "the image reader (kujo-image) cannot be started");
    }
    kj_status status = hear_hello(tree, err);
    if (status != KJ_OK)
        stop(tree);
    return status;
}

static kj_status ask(kj_tree *tree, const kj_image_request *request, kj_error *err)
{
    kj_buf packet;
    KJ_TRY(start(tree, err));
    kj_buf_init(&packet, 256);
    kj_image_put_request(request, &packet);
    bool starved = packet.failed;
    ssize_t sent = starved ? -1 : send(tree->fd, packet.data, packet.len, MSG_NOSIGNAL);
    kj_buf_done(&packet);
    if (starved)
        return kj_no_memory(err);
    if (sent >= 0)
        return KJ_OK;
    stop(tree);
    return kj_fail(err, KJ_IO, KJ_NO_OFFSET, "the image reader ended unexpectedly");
}

/* ---- a tree's operations --------------------------------------------------------------------- */

static size_t seen_slot(const uint64_t *slots, size_t count, uint64_t key)
{
    size_t at = (size_t)(key * UINT64_C(0x9E3779B97F4A7C15) >> 20) & (count - 1);
    while (slots[at] && slots[at] != key)
        at = (at + 1) & (count - 1);
    return at;
}

static kj_status grow_seen(kj_tree *tree, kj_error *err)
{
    if (tree->seen && tree->seen_count + 1 <= tree->seen_slots / 2)
        return KJ_OK;
    size_t count = tree->seen ? tree->seen_slots * 2 : 256;
    uint64_t *slots = calloc(count, sizeof *slots);
    if (!slots)
        return kj_no_memory(err);
    for (size_t i = 0; i < tree->seen_slots; i++)
        if (tree->seen[i])
            slots[seen_slot(slots, count, tree->seen[i])] = tree->seen[i];
    free(tree->seen);
    tree->seen = slots;
    tree->seen_slots = count;
    return KJ_OK;
}

/* A directory that has a path already, or is the root, is not entered under another one: made file
 * systems have loops, and many ways to one place are as many places as an attacker likes. */
static kj_status enter_once(kj_tree *tree, kj_node *node, kj_error *err)
{
    if (node->kind != KJ_NODE_DIR)
        return KJ_OK;
    KJ_TRY(grow_seen(tree, err));
    uint64_t key = node->id + 1 ? node->id + 1 : 1;
    size_t at = seen_slot(tree->seen, tree->seen_slots, key);
    if (tree->seen[at] || node->id == tree->root.id) {
        node->kind = KJ_NODE_OTHER;
        return KJ_OK;
    }
    tree->seen[at] = key;
    tree->seen_count++;
    return KJ_OK;
}

kj_status kj_image_add_entries(kj_listing_draft *draft, uint64_t device, kj_reader *body,
                               kj_error *err)
{
    kj_image_entry entry;
    while (kj_image_read_entry(body, &entry)) {
        entry.node.device = device;
        size_t before = draft->nodes.count;
        KJ_TRY(kj_listing_add(draft, entry.name, &entry.node, err));
        if (draft->nodes.count > before)
            KJ_TRY(enter_once(draft->tree, &draft->nodes.items[before], err));
    }
    if (!kj_reader_ok(body))
        return kj_fail(err, KJ_MALFORMED, KJ_NO_OFFSET, "the image reader gave a wrong answer");
    return KJ_OK;
}

/* One packet of a listing. *heard: the program itself said why not, so it is well. */
static kj_status hear_entries(kj_tree *tree, uint64_t deadline_ns, kj_listing_draft *draft,
                              bool *last, bool *heard, kj_error *err)
{
    tree_image *image = tree->image;
    kj_span packet;
    kj_image_reply reply = {0};
    KJ_CLEANUP(kj_close_fd) int fd = -1;
    KJ_TRY(receive(tree->fd, deadline_ns, image->packet, &packet, &fd, err));
    kj_status status = kj_image_read_reply(packet, KJ_IMAGE_LIST, &reply, err);
    *heard = reply.status != KJ_OK;
    if (status == KJ_OK)
        status = kj_image_add_entries(draft, tree->device, &reply.body, err);
    *last = reply.last;
    return status;
}

/* What the program could not do is told as trouble of the file, whatever it calls it: only here it
 * is known whether memory or the programmer is at fault. */
static kj_status settle(kj_tree *tree, kj_status status, bool heard, kj_error *err)
{
    if (status != KJ_OK && !heard)
        stop(tree);
    if (status == KJ_OK || status == KJ_LIMIT || status == KJ_UNSUPPORTED ||
        (status == KJ_NO_MEMORY && !heard))
        return status;
    if (err)
        err->status = KJ_IO;
    return KJ_IO;
}

static kj_status list(kj_tree *tree, kj_span path, kj_listing_draft *draft, kj_error *err)
{
    kj_node node;
    bool last = false, heard = false;
    KJ_TRY(kj_tree_node(tree, path, &node, err));
    if (node.kind != KJ_NODE_DIR)
        return kj_fail(err, KJ_IO, KJ_NO_OFFSET, "not a directory");
    kj_image_request request = {.kind = KJ_IMAGE_LIST, .id = node.id};
    KJ_TRY(ask(tree, &request, err));
    uint64_t end = deadline();
    kj_status status = KJ_OK;
    for (unsigned i = 0; status == KJ_OK && !last; i++)
        status = i < PACKETS_MAX
                     ? hear_entries(tree, end, draft, &last, &heard, err)
                     : kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "the image reader gave no end");
    return settle(tree, status, heard, err);
}

/* Whether a descriptor is what was promised: memory that nobody can change any more. */
static bool is_sealed(int fd, uint64_t len)
{
    static const int wanted = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    struct stat st;
    int seals = fd < 0 ? -1 : fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & wanted) == wanted && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
           (uint64_t)st.st_size == len;
}

static kj_status hear_file(kj_tree *tree, const kj_image_request *request, bool *heard, int *out_fd,
                           kj_node *out, kj_error *err)
{
    tree_image *image = tree->image;
    kj_span packet;
    kj_image_reply reply = {0};
    kj_image_entry entry;
    KJ_CLEANUP(kj_close_fd) int fd = -1;
    KJ_TRY(receive(tree->fd, deadline(), image->packet, &packet, &fd, err));
    kj_status status = kj_image_read_reply(packet, KJ_IMAGE_OPEN, &reply, err);
    *heard = reply.status != KJ_OK;
    if (status != KJ_OK)
        return status;
    if (!kj_image_read_entry(&reply.body, &entry) || entry.node.id != request->id ||
        (entry.node.size > request->max && !request->head) ||
        !is_sealed(fd, kj_min_u64(entry.node.size, request->max)))
        return kj_fail(err, KJ_MALFORMED, KJ_NO_OFFSET, "the image reader gave a wrong answer");
    *out = entry.node;
    (void)lseek(fd, 0, SEEK_SET); /* the helper's writing moved the position that both share */
    *out_fd = kj_take_fd(&fd);
    return KJ_OK;
}

static kj_status open_file(kj_tree *tree, kj_span path, uint64_t max_bytes, bool head, int *out_fd,
                           kj_node *out_node, kj_error *err)
{
    kj_node node, opened;
    bool heard = false;
    KJ_TRY(kj_tree_node(tree, path, &node, err));
    if (node.kind != KJ_NODE_FILE)
        return kj_fail(err, KJ_IO, KJ_NO_OFFSET, "not a regular file");
    if (node.size > max_bytes && !head)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "larger than what is read of an image");
    kj_image_request request = {KJ_IMAGE_OPEN, head, node.id, max_bytes};
    KJ_TRY(ask(tree, &request, err));
    kj_status status = hear_file(tree, &request, &heard, out_fd, &opened, err);
    KJ_TRY(settle(tree, status, heard, err));
    if (out_node) {
        *out_node = opened;
        out_node->path = node.path;
        out_node->device = node.device;
    }
    return KJ_OK;
}

static void close_tree(kj_tree *tree)
{
    tree_image *image = tree->image;
    if (!image)
        return;
    stop(tree);
    kj_close_fd(&image->file);
    free(image);
}

static const kj_tree_ops ops = {.list = list, .open = open_file, .close = close_tree};

/* ---- opening --------------------------------------------------------------------------------- */

/* Containers that hold a disk in a form of their own. */
static const struct {
    size_t offset;
    const char *magic;
    const char *sentence;
} containers[] = {
    {0, "QFI\xFB",
     KJ_SENTENCE("a qcow2 image: make a raw one of it first (qemu-img convert -O raw)")},
    {0, "KDMV", KJ_SENTENCE("a VMDK image: make a raw one of it first (qemu-img convert -O raw)")},
    {0, "COWD", KJ_SENTENCE("a VMDK image: make a raw one of it first (qemu-img convert -O raw)")},
    {0, "# Disk DescriptorFile",
     KJ_SENTENCE("a VMDK image: make a raw one of it first (qemu-img convert -O raw)")},
    {0, "conectix",
     KJ_SENTENCE("a VHD image: make a raw one of it first (qemu-img convert -O raw)")},
    {0, "vhdxfile",
     KJ_SENTENCE("a VHDX image: make a raw one of it first (qemu-img convert -O raw)")},
    {64, "\x7F\x10\xDA\xBE",
     KJ_SENTENCE("a VDI image: make a raw one of it first (qemu-img convert -O raw)")},
    {0, "EVF\x09\x0D\x0A\xFF", KJ_SENTENCE("an EWF image: make a raw one of it first (ewfexport)")},
    {0, "AFF10", KJ_SENTENCE("an AFF image: make a raw one of it first (affconvert -r)")},
};

kj_status kj_tree_refuse_container(int fd, kj_error *err)
{
    uint8_t head[HEAD_LEN];
    ssize_t got = pread(fd, head, sizeof head, 0);
    if (got < 0)
        return kj_fail_errno(err, "cannot be read");
    for (size_t i = 0; i < KJ_COUNT(containers); i++)
        if (kj_span_starts(
                kj_span_sub(kj_span_of(head, (size_t)got), containers[i].offset, SIZE_MAX),
                kj_span_str(containers[i].magic)))
            return kj_fail(err, KJ_UNSUPPORTED, KJ_NO_OFFSET, "%s", containers[i].sentence);
    return KJ_OK;
}

/* Opens the image itself: a file or a block device. */
static kj_status open_image_file(const char *path, int *out, kj_error *err)
{
    struct stat st;
    KJ_CLEANUP(kj_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) != 0)
        return kj_fail_errno(err, "cannot be opened");
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        return kj_fail(err, KJ_UNSUPPORTED, KJ_NO_OFFSET, "neither a directory nor a disk image");
    KJ_TRY(kj_tree_refuse_container(fd, err));
    *out = kj_take_fd(&fd);
    return KJ_OK;
}

/* A tree whose program has said what there is. */
static kj_status open_partition(const char *helper, const char *path, uint32_t partition,
                                kj_tree **out, kj_error *err)
{
    int fd = -1;
    KJ_TRY(open_image_file(path, &fd, err));
    kj_tree *tree = kj_tree_new(&ops, path);
    tree_image *image = tree ? calloc(1, sizeof *image) : NULL;
    if (!image) {
        (void)close(fd);
        kj_tree_close(tree);
        return kj_no_memory(err);
    }
    tree->image = image;
    image->file = fd;
    image->partition = partition;
    image->helper = kj_arena_strdup(&tree->arena, helper);
    kj_status status = image->helper ? start(tree, err) : kj_no_memory(err);
    if (status != KJ_OK) {
        kj_tree_close(tree);
        return status;
    }
    *out = tree;
    return KJ_OK;
}

/* Makes the tree one of the partition that was asked for, if that could be opened. */
static kj_status adopt(kj_tree *tree, uint32_t number, kj_error *err)
{
    tree_image *image = tree->image;
    const kj_image_partition *p = NULL;
    for (uint32_t i = 0; i < image->hello.count; i++)
        if (image->hello.partitions[i].number == number)
            p = &image->hello.partitions[i];
    if (!p)
        return kj_fail(err, KJ_UNSUPPORTED, KJ_NO_OFFSET, "there is no partition %u", number);
    kj_buf text;
    kj_buf_init(&text, 8 * KJ_IMAGE_SENTENCE_MAX);
    kj_escape(p->readable ? p->kind : p->sentence, NULL, &text);
    kj_status status = KJ_OK;
    if (!p->readable || image->hello.opened != number)
        status = kj_fail(err, KJ_UNSUPPORTED, KJ_NO_OFFSET, "%s", kj_buf_text(&text));
    else if (!(tree->description = kj_arena_strdup(&tree->arena, kj_buf_text(&text))))
        status = kj_no_memory(err);
    kj_buf_done(&text);
    tree->device = number;
    tree->root.device = number;
    tree->root.id = image->root = image->hello.root;
    return status;
}

static kj_status open_number(const char *helper, const char *path, uint32_t number, kj_tree **out,
                             kj_error *err)
{
    kj_tree *tree = NULL;
    KJ_TRY(open_partition(helper, path, number, &tree, err));
    kj_status status = adopt(tree, number, err);
    if (status != KJ_OK) {
        kj_tree_close(tree);
        return status;
    }
    *out = tree;
    return KJ_OK;
}

/* The first partition with a Windows system, else the first one that can be read. */
static kj_status open_best(const char *helper, const char *path, kj_tree **out, kj_error *err)
{
    kj_tree *survey = NULL, *first = NULL;
    KJ_TRY(open_partition(helper, path, 0, &survey, err));
    const kj_image_hello *hello = &((tree_image *)survey->image)->hello;
    kj_status status = KJ_UNSUPPORTED;
    for (uint32_t i = 0; i < hello->count; i++) {
        kj_tree *tree = NULL;
        uint32_t number = hello->partitions[i].number;
        if (first && !hello->partitions[i].readable)
            continue;
        kj_status opened = open_number(helper, path, number, &tree, first ? NULL : err);
        if (opened != KJ_OK) {
            if (!first)
                status = opened;
            continue;
        }
        status = KJ_OK;
        if (kj_tree_holds_windows(tree)) {
            kj_tree_close(first);
            first = tree;
            break;
        }
        if (first)
            kj_tree_close(tree);
        else
            first = tree;
    }
    if (hello->count == 0)
        status = kj_fail(err, KJ_UNSUPPORTED, KJ_NO_OFFSET, "no partition that can be read");
    kj_tree_close(survey);
    if (status == KJ_OK)
        *out = first;
    return status;
}

kj_status kj_tree_partitions(const char *helper, const char *path,
                             void (*found)(void *user, const kj_tree_partition *partition),
                             void *user, kj_error *err)
{
    kj_tree *survey = NULL;
    KJ_TRY(open_partition(helper, path, 0, &survey, err));
    const kj_image_hello *hello = &((tree_image *)survey->image)->hello;
    kj_buf sentence;
    kj_buf_init(&sentence, 8 * KJ_IMAGE_SENTENCE_MAX);
    for (uint32_t i = 0; i < hello->count && !sentence.failed; i++) {
        const kj_image_partition *p = &hello->partitions[i];
        kj_buf_clear(&sentence);
        kj_escape(p->sentence, NULL, &sentence);
        kj_tree_partition partition = {p->number, p->readable, kj_buf_text(&sentence)};
        found(user, &partition);
    }
    kj_status status = sentence.failed ? kj_no_memory(err) : KJ_OK;
    kj_buf_done(&sentence);
    kj_tree_close(survey);
    return status;
}

kj_status kj_tree_open_image(const char *helper, const char *path, uint32_t partition,
                             kj_tree **out, kj_error *err)
{
    return partition ? open_number(helper, path, partition, out, err)
                     : open_best(helper, path, out, err);
}
