/* Preloaded, makes every sync of a file's data take at least SYNC_US microseconds, as a slower disk does: without using
 * the processor. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

static int (*sync_of_the_system)(int);
static long least_us;

__attribute__((constructor)) static void prepare(void) {
    const char *text = getenv("SYNC_US");
    least_us = text ? atol(text) : 0;
    sync_of_the_system = dlsym(RTLD_NEXT, "fdatasync");
}

int fdatasync(int file) {
    static __thread int is_precise;
    if (!is_precise) {
        /* Otherwise a sleep may last 50 us longer. */
        is_precise = !prctl(PR_SET_TIMERSLACK, 1000);
    }
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    long nanoseconds = end.tv_nsec + least_us % 1000000 * 1000;
    end.tv_sec += least_us / 1000000 + nanoseconds / 1000000000;
    end.tv_nsec = nanoseconds % 1000000000;
    int result = sync_of_the_system(file);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, 0);
    return result;
}
