/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/run/fiber.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "harness/base/mem.h"

#define FIBER_STACK_LEN (512u << 10)
#define FIBER_GUARD_LEN (64u << 10)

/* AddressSanitizer must be told of every change of stacks. */
#if defined(__SANITIZE_ADDRESS__)
#define FIBER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#endif
#endif
#ifdef FIBER_ASAN
#include <sanitizer/common_interface_defs.h>
#define SWITCH_BEGIN(save, stack, len) __sanitizer_start_switch_fiber(save, stack, len)
#define SWITCH_END(save, stack, len) __sanitizer_finish_switch_fiber(save, stack, len)
#else
#define SWITCH_BEGIN(save, stack, len) ((void)(save))
#define SWITCH_END(save, stack, len) ((void)(save))
#endif

struct fiber {
    ucontext_t here, outside;
    void (*entry)(void *arg);
    void *arg;
    uint8_t *memory;
    bool done;
    const void *outside_stack;
    size_t outside_len;
    void *fake_here, *fake_outside;
};

static struct fiber *current;

static void fiber_main(void)
{
    struct fiber *fiber = current;
    SWITCH_END(NULL, &fiber->outside_stack, &fiber->outside_len);
    fiber->entry(fiber->arg);
    fiber->done = true;
    SWITCH_BEGIN(NULL, fiber->outside_stack, fiber->outside_len);
    swapcontext(&fiber->here, &fiber->outside);
    abort();
}

struct fiber *fiber_start(void (*entry)(void *arg), void *arg)
{
    struct fiber *fiber = mem_alloc(sizeof *fiber);
    fiber->entry = entry;
    fiber->arg = arg;
    fiber->memory = mmap(NULL, FIBER_GUARD_LEN + FIBER_STACK_LEN, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (fiber->memory == MAP_FAILED || mprotect(fiber->memory, FIBER_GUARD_LEN, PROT_NONE))
        abort();
    getcontext(&fiber->here);
    fiber->here.uc_stack.ss_sp = fiber->memory + FIBER_GUARD_LEN;
    fiber->here.uc_stack.ss_size = FIBER_STACK_LEN;
    fiber->here.uc_link = NULL;
    makecontext(&fiber->here, fiber_main, 0);
    fiber_resume(fiber);
    return fiber;
}

void fiber_wait(void)
{
    struct fiber *fiber = current;
    assert(fiber);
    SWITCH_BEGIN(&fiber->fake_here, fiber->outside_stack, fiber->outside_len);
    swapcontext(&fiber->here, &fiber->outside);
    SWITCH_END(fiber->fake_here, &fiber->outside_stack, &fiber->outside_len);
}

void fiber_resume(struct fiber *fiber)
{
    assert(!current);
    if (fiber->done)
        return;
    current = fiber;
    SWITCH_BEGIN(&fiber->fake_outside, fiber->memory + FIBER_GUARD_LEN, FIBER_STACK_LEN);
    swapcontext(&fiber->outside, &fiber->here);
    SWITCH_END(fiber->fake_outside, NULL, NULL);
    current = NULL;
}

bool fiber_done(const struct fiber *fiber)
{
    return fiber->done;
}

void fiber_free(struct fiber *fiber)
{
    if (!fiber)
        return;
    assert(fiber->done);
    munmap(fiber->memory, FIBER_GUARD_LEN + FIBER_STACK_LEN);
    free(fiber);
}
