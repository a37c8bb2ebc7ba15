/* SPDX-License-Identifier: Apache-2.0 */
/* Arenas, capped buffers, growing arrays. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/vec.h"
#include "tests/test.h"

#include <malloc.h>

static void an_arena_zeroes_and_aligns(void **state)
{
    (void)state;
    kj_arena arena;
    kj_arena_init(&arena, 1 << 20);
    for (size_t len = 1; len < 5000; len += 37) {
        uint8_t *bytes = kj_arena_alloc(&arena, len);
        assert_non_null(bytes);
        assert_int_equal((uintptr_t)bytes % 16, 0);
        for (size_t i = 0; i < len; i++)
            assert_int_equal(bytes[i], 0);
        memset(bytes, 0xFF, len);
    }
    kj_arena_done(&arena);
}

static void an_arena_keeps_its_budget(void **state)
{
    (void)state;
    kj_arena arena;
    kj_arena_init(&arena, 1000);
    assert_false(arena.failed);
    assert_null(kj_arena_alloc(&arena, 1001));
    assert_true(arena.failed);
    assert_non_null(kj_arena_alloc(&arena, 900));
    assert_null(kj_arena_alloc(&arena, 200));
    assert_non_null(kj_arena_alloc(&arena, 16));
    assert_true(arena.failed); /* until the reset */
    kj_arena_reset(&arena);
    assert_false(arena.failed);
    assert_non_null(kj_arena_alloc(&arena, 900));
    assert_null(kj_arena_alloc(&arena, SIZE_MAX));
    assert_null(kj_arena_alloc_array(&arena, SIZE_MAX / 2, 4));
    kj_arena_done(&arena);
}

static void rewinding_gives_back_what_came_after(void **state)
{
    (void)state;
    kj_arena arena;
    kj_arena_init(&arena, 8 << 20);
    kj_arena_mark empty = kj_arena_get_mark(&arena);
    char *kept = kj_arena_strdup(&arena, "kept");
    kj_arena_mark mark = kj_arena_get_mark(&arena);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 100; i++)
            assert_non_null(kj_arena_alloc(&arena, 20000));
        kj_arena_rewind(&arena, mark);
        assert_int_equal(arena.used, 16);
        assert_string_equal(kept, "kept");
    }
    kj_arena_rewind(&arena, empty);
    assert_int_equal(arena.used, 0);
    kj_arena_done(&arena);
}

/* Members of rising size must not each leave a chunk behind. */
static void large_chunks_go_back(void **state)
{
    (void)state;
    kj_arena arena;
    kj_arena_init(&arena, 64 << 20);
    char *kept = kj_arena_strdup(&arena, "kept");
    kj_arena_mark mark = kj_arena_get_mark(&arena);
    size_t before = mallinfo2().hblkhd + mallinfo2().uordblks;
    for (size_t len = 2 << 20; len < 40 << 20; len += 1 << 20) {
        assert_non_null(kj_arena_alloc_raw(&arena, len));
        assert_non_null(kj_arena_alloc(&arena, 100));
        kj_arena_rewind(&arena, mark);
    }
    assert_true(mallinfo2().hblkhd + mallinfo2().uordblks < before + (4 << 20));
    assert_string_equal(kept, "kept");
    kj_arena_reset(&arena);
    assert_non_null(kj_arena_alloc(&arena, 3 << 20));
    kj_arena_reset(&arena);
    assert_non_null(kj_arena_alloc(&arena, 16));
    kj_arena_done(&arena);
}

static void texts_are_copied_with_their_nul(void **state)
{
    (void)state;
    kj_arena arena;
    kj_arena_init(&arena, 1 << 16);
    assert_string_equal(kj_arena_text(&arena, kj_span_of("abcdef", 3)), "abc");
    assert_string_equal(kj_arena_text(&arena, (kj_span){0}), "");
    assert_string_equal(kj_arena_printf(&arena, "%d-%s", 42, "x"), "42-x");
    kj_arena_done(&arena);
}

static void a_buffer_stops_at_its_maximum(void **state)
{
    (void)state;
    kj_buf buf;
    kj_buf_init(&buf, 10);
    kj_buf_put_text(&buf, "12345678");
    kj_buf_put_text(&buf, "abc");
    assert_true(buf.failed);
    assert_int_equal(buf.len, 8);
    kj_buf_put_byte(&buf, 'x'); /* would fit, but it has failed */
    assert_int_equal(buf.len, 8);
    assert_string_equal(kj_buf_text(&buf), "");
    kj_buf_clear(&buf);
    kj_buf_put_text(&buf, "abc");
    assert_string_equal(kj_buf_text(&buf), "abc");
    kj_buf_done(&buf);
}

static void a_buffer_writes_numbers_and_long_text(void **state)
{
    (void)state;
    kj_buf buf;
    kj_buf_init(&buf, 1 << 16);
    kj_buf_put_u16le(&buf, 0x0102);
    kj_buf_put_u32le(&buf, 0x03040506);
    kj_buf_put_u64le(&buf, UINT64_C(0x0708090a0b0c0d0e));
    assert_memory_equal(buf.data, "\x02\x01\x06\x05\x04\x03\x0e\x0d\x0c\x0b\x0a\x09\x08\x07", 14);
    kj_buf_align(&buf, 8);
    assert_int_equal(buf.len, 16);
    kj_buf_align(&buf, 8);
    assert_int_equal(buf.len, 16);
    kj_buf_clear(&buf);
    kj_buf_printf(&buf, "%0*d", 2000, 7);
    assert_int_equal(buf.len, 2000);
    assert_int_equal(buf.data[1999], '7');
    kj_buf_done(&buf);
}

static void arrays_grow_zeroed(void **state)
{
    (void)state;
    KJ_VEC(uint32_t) numbers = {0};
    for (uint32_t i = 0; i < 1000; i++)
        assert_true(kj_vec_add(&numbers, i));
    assert_int_equal(*(uint32_t *)kj_vec_push(&numbers), 0);
    assert_int_equal(numbers.count, 1001);
    assert_int_equal(numbers.items[999], 999);
    kj_vec_done(&numbers);
    assert_int_equal(numbers.count, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_arena_zeroes_and_aligns),
        cmocka_unit_test(an_arena_keeps_its_budget),
        cmocka_unit_test(rewinding_gives_back_what_came_after),
        cmocka_unit_test(large_chunks_go_back),
        cmocka_unit_test(texts_are_copied_with_their_nul),
        cmocka_unit_test(a_buffer_stops_at_its_maximum),
        cmocka_unit_test(a_buffer_writes_numbers_and_long_text),
        cmocka_unit_test(arrays_grow_zeroed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
