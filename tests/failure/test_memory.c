/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation fails once, and then every one from there on. Whatever fails, a scenario ends
 * with a clean status or says that something was not seen; when it says neither, it found what it
 * finds with enough memory. Leaks are LeakSanitizer's to find. */
#include "base/arith.h"
#include "base/crc32c.h"
#include "base/file.h"
#include "base/text.h"
#include "defs/writer.h"
#include "modules/module.h"
#include "rules/advisory/advisory.h"
#include "rules/clamav/clamav.h"
#include "rules/yara/yara.h"
#include "scan/run.h"
#include "scan/sightings.h"
#include "tests/test.h"

#include <jansson.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ENGINE = 6 << 24, RELEASE = 8000, FILE_MAX = 4 << 20, PROGRAM_LEN = 32768 };

/* ---- allocations that fail ------------------------------------------------------------------ */

static struct injection {
    size_t at;   /* the allocation that fails, counted from 1; 0: none */
    bool onward; /* and all that follow */
    size_t count;
    size_t failed;
} injection;

static bool fails(void)
{
    if (!injection.at)
        return false;
    size_t number = ++injection.count;
    bool now = injection.onward ? number >= injection.at : number == injection.at;
    injection.failed += now;
    return now;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_reallocarray(void *block, size_t count, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t len);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_reallocarray(void *block, size_t count, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t len);

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return fails() ? NULL : __real_realloc(block, size);
}

void *__wrap_reallocarray(void *block, size_t count, size_t size)
{
    return fails() ? NULL : __real_reallocarray(block, count, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t len)
{
    return fails() ? NULL : __real_strndup(text, len);
}

/* ---- what scenarios work on ----------------------------------------------------------------- */

static struct fixture {
    kj_buf yara; /* texts of rules and of an advisory */
    kj_buf advisory;
    kj_ir ir;
    kj_buf file; /* definitions made of these */
    kj_defs defs;
    kj_buf zip; /* files to scan */
    kj_buf mail;
    kj_buf page;
    kj_buf nested; /* of the fuzz targets: a ZIP in a tar in a gzip */
    kj_buf mbox;
    char folder[32]; /* with `zip` in it */
    char path[64];
} fixture;

/* What a scenario came to. */
typedef struct outcome {
    kj_status status;
    kj_error err;
    size_t told;     /* how often it said that something is missing */
    uint32_t result; /* of what it found or made */
} outcome;

/* Assembled, so that this source is not itself a test virus. */
static const char eicar[] = "X5O!P%@AP[4\\PZX54(P^)7CC)7}"
                            "$EICAR-STANDARD-"
                            "ANTIVIRUS-TEST-FILE!$H+H*";

static const char more_rules[] =
    "import \"kujo\"\n"
    "rule sent { condition: for any a in kujo.mail.attachments : (a.extension == \"scr\") }\n"
    "rule program { condition: filetype == \"EXE\" and kujo.extension == \"scr\" }\n"
    "rule held { condition: kujo.container.is_type(\"zip\") and kujo.name == \"e.com\" }\n"
    "rule seed { strings: $a = \"kujo\" condition: $a }\n"
    "rule kept { condition: kujo.place icontains \"sys32\" }\n";

/* A file in the folder that the variable names. */
static void read_data(const char *variable, const char *name, kj_buf *out)
{
    char path[512];
    kj_error err;
    const char *folder = getenv(variable);
    assert_non_null(folder);
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    kj_buf_init(out, FILE_MAX);
    if (kj_file_read(path, out, &err) != KJ_OK)
        fail_msg("%s: %s", path, err.message);
}

/* CRC-32 as ZIP has it. */
static uint32_t crc32_of(kj_span bytes)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= bytes.data[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xEDB88320) : 0);
    }
    return ~crc;
}

/* The fields that both headers of a stored member have. */
static void put_zip_fields(kj_buf *zip, kj_span bytes, const char *name)
{
    kj_buf_put_u16le(zip, 20);
    kj_buf_put_zeros(zip, 8);
    kj_buf_put_u32le(zip, crc32_of(bytes));
    kj_buf_put_u32le(zip, (uint32_t)bytes.len);
    kj_buf_put_u32le(zip, (uint32_t)bytes.len);
    kj_buf_put_u16le(zip, (uint16_t)strlen(name));
    kj_buf_put_u16le(zip, 0);
}

static void make_zip(kj_buf *zip, kj_span bytes, const char *name)
{
    kj_buf_init(zip, FILE_MAX);
    kj_buf_put_text(zip, "PK\3\4");
    put_zip_fields(zip, bytes, name);
    kj_buf_put_text(zip, name);
    kj_buf_put(zip, bytes);
    size_t directory = zip->len;
    kj_buf_put_text(zip, "PK\1\2");
    kj_buf_put_u16le(zip, 20);
    put_zip_fields(zip, bytes, name);
    kj_buf_put_zeros(zip, 14);
    kj_buf_put_text(zip, name);
    size_t end = zip->len;
    kj_buf_put_text(zip, "PK\5\6");
    kj_buf_put_zeros(zip, 4);
    kj_buf_put_u16le(zip, 1);
    kj_buf_put_u16le(zip, 1);
    kj_buf_put_u32le(zip, (uint32_t)(end - directory));
    kj_buf_put_u32le(zip, (uint32_t)directory);
    kj_buf_put_u16le(zip, 0);
}

static void put_base64(kj_buf *out, kj_span bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes.len; i += 3) {
        uint32_t group = 0;
        for (size_t k = 0; k < 3; k++)
            group = group << 8 | (i + k < bytes.len ? bytes.data[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            kj_buf_put_byte(out,
                            i + k > bytes.len ? '=' : (uint8_t)digits[group >> (18 - 6 * k) & 63]);
        if (i % 57 == 54)
            kj_buf_put_byte(out, '\n');
    }
}

/* A message of the published shape: the header of a program in zeros, 32,768 bytes of it. */
static void make_mail(kj_buf *mail)
{
    static uint8_t program[PROGRAM_LEN];
    memcpy(program, "MZ", 2);
    program[0x3C] = 0x40;
    memcpy(program + 0x40, "PE\0\0\x4c\x01", 6);
    kj_buf_init(mail, FILE_MAX);
    kj_buf_put_text(mail, "From: a@example.org\nTo: b@example.org\nSubject: Hi my friend\n"
                          "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n--x\n"
                          "Content-Type: text/plain\n\nexample body\n--x\n"
                          "Content-Type: application/octet-stream; name=photo.jpg.scr\n"
                          "Content-Transfer-Encoding: base64\n\n");
    put_base64(mail, kj_span_of(program, sizeof program));
    kj_buf_put_text(mail, "\n--x--\n");
}

static void compile_all(kj_ir *ir)
{
    kj_error err;
    kj_yara_options yara = {.threat = KJ_NONE};
    kj_advisory_options advisory = {.engine = ENGINE};
    static const char *const types[] = {"pe", "text", "zip", "jpeg"};
    advisory.types = types;
    advisory.type_count = KJ_COUNT(types);
    advisory.schemas = kj_module_schemas(&advisory.schema_count);
    yara.schemas = kj_module_schemas(&yara.schema_count);
    const kj_span texts[] = {kj_buf_span(&fixture.yara), kj_span_str(more_rules)};
    for (size_t i = 0; i < KJ_COUNT(texts); i++) {
        const kj_source *source = kj_ir_add_source(ir, i ? "more.yar" : "small.yar", texts[i]);
        assert_non_null(source);
        assert_int_equal(kj_yara_compile(ir, source, 0, source->text.len, &yara, &err), KJ_OK);
    }
    const kj_source *source = kj_ir_add_source(ir, "small.yaml", kj_buf_span(&fixture.advisory));
    assert_non_null(source);
    assert_int_equal(kj_advisory_compile(ir, source, &advisory, &err), KJ_OK);
    assert_true(kj_diags_ok(&ir->diags));
}

static void declare(kj_ir *ir)
{
    static const char *const names[] = {"filename", "filetype"};
    for (size_t i = 0; i < KJ_COUNT(names); i++) {
        kj_external external = {.name = kj_span_str(names[i]),
                                .value = kj_value_text(kj_span_str("x"))};
        (void)kj_vec_add(&ir->externals, external);
    }
}

static int set_up(void **state)
{
    (void)state;
    kj_error err;
    json_set_alloc_funcs(__wrap_malloc, free);
    read_data("KUJO_TEST_DATA", "small.yar", &fixture.yara);
    read_data("KUJO_TEST_DATA", "small.yaml", &fixture.advisory);
    read_data("KUJO_TEST_SEEDS", "nested", &fixture.nested);
    read_data("KUJO_TEST_SEEDS", "mbox", &fixture.mbox);
    kj_ir_init(&fixture.ir, 64 << 20);
    declare(&fixture.ir);
    compile_all(&fixture.ir);
    kj_write_options options = {.release = RELEASE, .engine = ENGINE, .only_threat = KJ_NONE};
    kj_buf_init(&fixture.file, FILE_MAX);
    assert_int_equal(kj_defs_write(&fixture.ir, &options, &fixture.file, NULL, &err), KJ_OK);
    assert_int_equal(kj_defs_open_span(kj_buf_span(&fixture.file), ENGINE, &fixture.defs, &err),
                     KJ_OK);
    make_zip(&fixture.zip, kj_span_of(eicar, sizeof eicar - 1), "e.com");
    make_mail(&fixture.mail);
    kj_buf_init(&fixture.page, 64);
    kj_buf_put_text(&fixture.page, "example body");
    (void)snprintf(fixture.folder, sizeof fixture.folder, "/tmp/kujo-memory-XXXXXX");
    assert_non_null(mkdtemp(fixture.folder));
    (void)snprintf(fixture.path, sizeof fixture.path, "%s/a.zip", fixture.folder);
    assert_int_equal(kj_file_replace(fixture.path, kj_buf_span(&fixture.zip), 0600, &err), KJ_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(fixture.path);
    (void)rmdir(fixture.folder);
    kj_buf *const bufs[] = {&fixture.yara, &fixture.advisory, &fixture.file,   &fixture.zip,
                            &fixture.mail, &fixture.page,     &fixture.nested, &fixture.mbox};
    for (size_t i = 0; i < KJ_COUNT(bufs); i++)
        kj_buf_done(bufs[i]);
    kj_ir_done(&fixture.ir);
    return 0;
}

/* ---- scenarios: building -------------------------------------------------------------------- */

/* What was compiled, in one number. */
static uint32_t sum_of_ir(const kj_ir *ir)
{
    const size_t counts[] = {ir->threats.count,
                             ir->artifacts.count,
                             ir->remedies.count,
                             ir->detects.count,
                             ir->rules.count,
                             ir->patterns.count,
                             ir->diags.warnings,
                             ir->tests.count,
                             ir->passwords.count,
                             ir->left_out.count,
                             (size_t)kj_hash_sets_total(&ir->hashes)};
    return kj_crc32c(kj_span_of(counts, sizeof counts));
}

static void end_compilation(kj_ir *ir, outcome *o)
{
    o->told = ir->diags.failed + ir->diags.errors;
    o->result = sum_of_ir(ir);
    kj_ir_done(ir);
}

static void run_yara(outcome *o)
{
    kj_ir ir;
    kj_ir_init(&ir, 64 << 20);
    declare(&ir);
    kj_yara_options options = {.threat = KJ_NONE};
    options.schemas = kj_module_schemas(&options.schema_count);
    const kj_source *source = kj_ir_add_source(&ir, "small.yar", kj_buf_span(&fixture.yara));
    o->status = source && ir.externals.count == 2
                    ? kj_yara_compile(&ir, source, 0, source->text.len, &options, &o->err)
                    : kj_no_memory(&o->err);
    end_compilation(&ir, o);
}

/* A text of ClamAV signatures. */
static ptrdiff_t read_lines(void *user, void *buf, size_t len, kj_error *err)
{
    kj_span *left = user, part = kj_span_sub(*left, 0, len);
    (void)err;
    memcpy(buf, part.data, part.len);
    left->data += part.len;
    left->len -= part.len;
    return (ptrdiff_t)part.len;
}

static kj_status load_lines(kj_clamav *clamav, const char *name, const char *text, kj_error *err)
{
    kj_span left = kj_span_str(text);
    const kj_clamav_input input = {.name = name, .read = read_lines, .user = &left};
    return kj_clamav_load(clamav, &input, err);
}

static void run_clamav(outcome *o)
{
    static const char *const files[][2] = {
        {"a.ign2", "Foo\nBar:40b0674df37a4014659cdb90e53886c3\n"},
        {"a.hdb",
         "40b0674df37a4014659cdb90e53886c3:40:H\n40b0674df37a4014659cdb90e53886c3:*:I:73\n"},
        {"a.ndb", "Foo:0:*:41424344\nA:1:EP+1,3:4142(43|4445)46{2-9}!(4748|5050)4142(W)\n"
                  "Wrong:0:*:41\nB:0:$5$:41424344\nC:0:*:41424344:300\n"},
        {"a.ldb", "D;Engine:81-255,Target:0;0&1>1;41424344::i;6162\n"},
        {"a.pwdb", "P;Engine:81-255;0;infected\n"},
    };
    kj_ir ir;
    kj_ir_init(&ir, 64 << 20);
    kj_clamav_options options = {.strict = false};
    options.schemas = kj_module_schemas(&options.schema_count);
    kj_clamav *clamav = kj_clamav_new(&ir, &options);
    o->status = clamav ? KJ_OK : kj_no_memory(&o->err);
    for (size_t i = 0; i < KJ_COUNT(files) && o->status == KJ_OK; i++)
        o->status = load_lines(clamav, files[i][0], files[i][1], &o->err);
    if (o->status == KJ_OK)
        o->status = kj_clamav_finish(clamav, &o->err);
    kj_clamav_free(clamav);
    end_compilation(&ir, o);
}

static void run_advisory(outcome *o)
{
    static const char *const types[] = {"pe", "text", "zip", "jpeg"};
    kj_ir ir;
    kj_ir_init(&ir, 64 << 20);
    kj_advisory_options options = {.types = types, .type_count = KJ_COUNT(types), .engine = ENGINE};
    options.schemas = kj_module_schemas(&options.schema_count);
    const kj_source *source = kj_ir_add_source(&ir, "small.yaml", kj_buf_span(&fixture.advisory));
    o->status =
        source ? kj_advisory_compile(&ir, source, &options, &o->err) : kj_no_memory(&o->err);
    if (o->status == KJ_OK)
        o->status = kj_advisory_check_all(&ir, &o->err);
    end_compilation(&ir, o);
}

static void run_write(outcome *o)
{
    kj_buf file;
    kj_buf_init(&file, FILE_MAX);
    kj_write_options options = {.release = RELEASE, .engine = ENGINE, .only_threat = KJ_NONE};
    o->status = kj_defs_write(&fixture.ir, &options, &file, NULL, &o->err);
    o->result = kj_crc32c(kj_buf_span(&file));
    kj_buf_done(&file);
}

static void run_open(outcome *o)
{
    kj_buf copy;
    kj_defs defs = {0};
    kj_buf_init(&copy, FILE_MAX);
    kj_buf_put(&copy, kj_buf_span(&fixture.file));
    o->status =
        copy.failed ? kj_no_memory(&o->err) : kj_defs_open_buf(&copy, ENGINE, &defs, &o->err);
    if (o->status == KJ_OK)
        o->status = kj_defs_verify(&defs, &o->err);
    o->result = defs.detects.count;
    kj_defs_close(&defs);
    kj_buf_done(&copy);
}

/* ---- scenarios: scanning -------------------------------------------------------------------- */

static void take_finding(void *user, const kj_finding *finding)
{
    outcome *o = user;
    o->result += kj_crc32c(finding->name); /* a sum: the order does not matter */
}

static void take_unseen(void *user, kj_status why, kj_span member, const char *sentence)
{
    outcome *o = user;
    (void)why;
    (void)member;
    assert_true(sentence[0] != '\0');
    o->told++;
}

static void take_sighting(void *user, uint32_t set, uint32_t artifact, kj_span member)
{
    outcome *o = user;
    (void)set;
    (void)member;
    o->result += artifact + 1;
}

static void take_object(void *user, bool is_member, const char *type, uint64_t bytes)
{
    (void)user;
    (void)is_member;
    (void)type;
    (void)bytes;
}

static kj_scan_events events_of(outcome *o)
{
    return (kj_scan_events){.user = o,
                            .finding = take_finding,
                            .unseen = take_unseen,
                            .sighting = take_sighting,
                            .object = take_object};
}

static kj_scanner *new_scanner(void)
{
    static const kj_defs *const sets[] = {&fixture.defs};
    static const kj_scan_limits limits = KJ_SCAN_LIMITS_INIT;
    return kj_scanner_new(sets, 1, &limits);
}

static void scan_bytes(outcome *o, const kj_buf *bytes, const char *name)
{
    const kj_scan_events events = events_of(o);
    kj_scanner *scanner = new_scanner();
    o->status =
        scanner ? kj_scan_bytes(scanner, kj_span_str(name), kj_buf_span(bytes), &events, &o->err)
                : kj_no_memory(&o->err);
    kj_scanner_free(scanner);
}

static void run_zip(outcome *o)
{
    scan_bytes(o, &fixture.zip, "a.zip");
}

static void run_nested(outcome *o)
{
    scan_bytes(o, &fixture.nested, "a.tar.gz");
}

static void run_mbox(outcome *o)
{
    scan_bytes(o, &fixture.mbox, "a.mbox");
}

static void run_mail(outcome *o)
{
    scan_bytes(o, &fixture.mail, "a.eml");
}

/* A file on a Windows volume, known by its place and what is in it. */
static void run_place(outcome *o)
{
    const kj_scan_events events = events_of(o);
    kj_scanner *scanner = new_scanner();
    int fd = memfd_create("page", MFD_CLOEXEC);
    kj_error err;
    assert_int_equal(kj_file_write_all(fd, kj_buf_span(&fixture.page), &err), KJ_OK);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    const kj_scan_input input = {.path = kj_span_str("/mnt/PAGE.HTA"),
                                 .host_path = kj_span_str("c:\\page.hta"),
                                 .fd = fd,
                                 .size = fixture.page.len};
    o->status = scanner ? kj_scan_file(scanner, &input, &events, &o->err) : kj_no_memory(&o->err);
    kj_scanner_free(scanner);
    (void)close(fd);
}

static void run_object(void *user, const kj_run_object *object)
{
    outcome *o = user;
    for (size_t i = 0; i < object->count; i++)
        o->result += kj_crc32c(object->findings[i].name);
}

static void run_unseen(void *user, kj_span path, kj_span member, kj_status why,
                       const char *sentence)
{
    (void)path;
    take_unseen(user, why, member, sentence);
}

static void run_error(void *user, kj_span path, const kj_error *err)
{
    outcome *o = user;
    (void)path;
    assert_true(err->message[0] != '\0');
    o->told++;
}

static void run_skipped(void *user, kj_span path, const char *sentence)
{
    (void)user;
    (void)path;
    (void)sentence;
}

static void run_progress(void *user, const kj_run_progress *progress)
{
    (void)user;
    (void)progress;
}

static void run_scanner(void *user, kj_scanner *scanner)
{
    (void)user;
    (void)scanner;
}

static bool run_stopped(void *user)
{
    (void)user;
    return false;
}

/* A whole scan of a folder, in this process. */
static void run_folder(outcome *o)
{
    const kj_defs *const sets[] = {&fixture.defs};
    const char *const paths[] = {fixture.folder};
    const kj_run_options options = {.sets = sets,
                                    .set_count = 1,
                                    .limits = KJ_SCAN_LIMITS_INIT,
                                    .paths = paths,
                                    .path_count = 1,
                                    .wake_fd = -1};
    const kj_run_events events = {.user = o,
                                  .object = run_object,
                                  .unseen = run_unseen,
                                  .error = run_error,
                                  .skipped = run_skipped,
                                  .progress = run_progress,
                                  .scanner = run_scanner,
                                  .stopped = run_stopped};
    kj_run_totals totals;
    o->status = kj_run(&options, &events, &totals, &o->err);
}

/* What only the union of a volume's files shows. */
static void run_volume(outcome *o)
{
    const kj_defs *const items[] = {&fixture.defs};
    const kj_wire_sets sets = {items, 1};
    kj_volume_seen *seen = kj_volume_seen_new(1, &sets);
    bool ok = seen;
    for (uint32_t i = 0; ok && i < fixture.defs.artifacts.count; i++)
        ok = kj_volume_seen_add(seen, 0, i, kj_span_str("/mnt/a"), kj_span_str(""));
    o->status = ok ? kj_volume_seen_tell(seen, run_object, o, &o->err) : kj_no_memory(&o->err);
    kj_volume_seen_free(seen);
}

/* ---- the tests ------------------------------------------------------------------------------ */

typedef void scenario(outcome *o);

static outcome run_failing(scenario *run, size_t at, bool onward)
{
    outcome o = {0};
    injection = (struct injection){.at = at, .onward = onward};
    run(&o);
    injection.at = 0;
    return o;
}

static const char *fault_of(const outcome *o, const outcome *whole)
{
    if (o->status == KJ_OK)
        return o->told <= whole->told && o->result != whole->result ? "silently incomplete" : NULL;
    if (o->status != KJ_NO_MEMORY && o->status != KJ_LIMIT)
        return kj_status_name(o->status);
    return o->err.message[0] ? NULL : "no sentence";
}

/* Every allocation fails in its turn. Evaluates to how many faults there were. */
static size_t run_all(scenario *run, bool onward)
{
    outcome whole = run_failing(run, 0, false);
    size_t faults = 0;
    assert_int_equal(whole.status, KJ_OK);
    assert_true(whole.result != 0);
    for (size_t at = 1;; at++) {
        outcome o = run_failing(run, at, onward);
        if (injection.failed == 0) {
            assert_int_equal(o.status, KJ_OK);
            assert_int_equal(o.result, whole.result);
            assert_true(at > 1);
            return faults;
        }
        const char *fault = fault_of(&o, &whole);
        if (fault)
            print_error("allocation %zu%s: %s: %s\n", at, onward ? " and on" : "", fault,
                        o.err.message);
        faults += fault != NULL;
    }
}

static void test_scenario(void **state)
{
    scenario *const *run = *state;
    assert_int_equal(run_all(*run, false) + run_all(*run, true), 0);
}

int main(void)
{
    static scenario *const scenarios[] = {run_yara, run_clamav, run_advisory, run_write,
                                          run_open, run_zip,    run_nested,   run_mail,
                                          run_mbox, run_place,  run_folder,   run_volume};
    static const char *const names[] = {"yara", "clamav", "advisory", "write",
                                        "open", "zip",    "nested",   "mail",
                                        "mbox", "place",  "folder",   "volume"};
    _Static_assert(KJ_COUNT(scenarios) == KJ_COUNT(names), "a name each");
    struct CMUnitTest tests[KJ_COUNT(scenarios)];
    for (size_t i = 0; i < KJ_COUNT(scenarios); i++)
        tests[i] = (struct CMUnitTest){.name = names[i],
                                       .test_func = test_scenario,
                                       .initial_state = (void *)(uintptr_t)&scenarios[i]};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
