/* Another time of day for daemons in Python that are started with this library before others (LD_PRELOAD).
 *
 * Postfix keeps its own: it compares the clock with the times of files, which the kernel gives.
 * CLOCK_OFFSET names a file of eight bytes: the seconds by which its clock is off, which may change at any time.
 * Clocks that only measure how long something takes are left alone, as when a host's clock is set.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile long long none;

static volatile long long *offset(void)
{
    static volatile long long *found;
    if (!found) {
        int ours = !strncmp(program_invocation_short_name, "python", 6);
        const char *path = ours ? getenv("CLOCK_OFFSET") : NULL;
        int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        void *at = file < 0 ? MAP_FAILED : mmap(NULL, sizeof none, PROT_READ, MAP_SHARED, file, 0);
        if (file >= 0)
            close(file);
        found = at == MAP_FAILED ? &none : at;
    }
    return found;
}

int clock_gettime(clockid_t id, struct timespec *now)
{
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        real = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(id, now);
    if (!failed && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        now->tv_sec += *offset();
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec exact;
    (void)zone;
    int failed = clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return failed;
}

time_t time(time_t *where)
{
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (where)
        *where = exact.tv_sec;
    return exact.tv_sec;
}
