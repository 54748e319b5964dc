/* A libcuda.so.1 without a GPU: one thread of a processor runs the very source of the kernels.

   Memory of the device ends at a page that can't be touched, shared memory and weights are full of
   NaN where nothing was put, and a barrier that not all threads of a block reach ends the process:
   a kernel that reads or writes where it must not shows. The PTX that is loaded is looked at, not
   run. FAKE_CUDA names a fault, alone or with a number: `init=802`; FAKE_GPUS, FAKE_CC (90) and
   FAKE_ISA (80) say what there is. */

#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { OK = 0, INVALID = 1, NO_MEMORY = 2, NO_DEVICE = 100, BAD_IMAGE = 200, NO_IMAGE = 209,
       BAD_PTX = 218, BAD_VERSION = 222, NOT_FOUND = 500 };
enum { PAGE = 4096, THREADS = 256, STACK = 32 * 1024, SHARED = 48 * 1024 / 4, TAPS = 31 * 47 };

typedef struct { unsigned x, y, z; } Place;
typedef uint64_t Address;

/* Faults */

static const char *fault(void)
{
    const char *named = getenv("FAKE_CUDA");
    return named ? named : "";
}

static int is(const char *name) { return !strcmp(fault(), name); }

/* The number behind a fault's name, 0 when another fault or none is set. */
static int number(const char *name)
{
    size_t length = strlen(name);
    const char *set = fault();
    return !strncmp(set, name, length) && set[length] == '=' ? atoi(set + length + 1) : 0;
}

static int setting(const char *name, int otherwise)
{
    return getenv(name) ? atoi(getenv(name)) : otherwise;
}

int cuGetErrorString(int status, const char **text)
{
    static const struct { int status; const char *text; } known[] = {
        {1, "invalid argument"}, {2, "out of memory"}, {34, "API call is a stub"},
        {100, "no CUDA-capable device is detected"}, {200, "device kernel image is invalid"},
        {209, "no kernel image is available for execution on the device"},
        {214, "uncorrectable ECC error encountered"}, {218, "a PTX JIT compilation failed"},
        {221, "PTX JIT compiler library not found"},
        {222, "the provided PTX was compiled with an unsupported toolchain."},
        {500, "named symbol not found"}, {700, "an illegal memory access was encountered"},
        {802, "system not yet initialized"},
        {803, "system has unsupported display driver / cuda driver combination"},
        {804, "forward compatibility was attempted on non supported HW"}, {999, "unknown error"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].status == status) return *text = known[i].text, OK;
    return *text = "unrecognized error code", INVALID;
}

/* What there is */

int cuInit(unsigned flags)
{
    (void)flags;
    if (is("init-crash")) *(volatile int *)0 = 1;
    return number("init");
}

int cuDriverGetVersion(int *version) { return *version = 12040, OK; }
int cuDeviceGetCount(int *count) { return *count = setting("FAKE_GPUS", 1), OK; }

int cuDeviceGet(int *device, int index)
{
    return *device = index, index < setting("FAKE_GPUS", 1) ? OK : 101;
}

int cuDeviceGetName(char *name, int room, int device)
{
    return snprintf(name, room, "Fake GPU %d \x1b[31m", device), OK;
}

int cuDeviceTotalMem_v2(size_t *size, int device) { return (void)device, *size = 1u << 31, OK; }

int cuDeviceGetUuid_v2(unsigned char *uuid, int device)
{
    for (int i = 0; i < 16; i++) uuid[i] = (unsigned char)(16 * device + i);
    return OK;
}

int cuDeviceGetAttribute(int *value, int which, int device)
{
    (void)device;
    int capability = setting("FAKE_CC", 90);
    *value = which == 13 ? 1500000 : which == 16 ? 1 : which == 75 ? capability / 10
           : which == 76 ? capability % 10 : 0;
    return OK;
}

int cuDeviceComputeCapability(int *major, int *minor, int device)
{
    return cuDeviceGetAttribute(major, 75, device) + cuDeviceGetAttribute(minor, 76, device);
}

/* Contexts and events */

static void *const handle = (void *)0x1000;

int cuCtxCreate_v2(void **context, unsigned flags, int device)
{
    return (void)flags, (void)device, *context = handle, number("open");
}

int cuCtxDestroy_v2(void *context) { return (void)context, OK; }
int cuCtxDetach(void *context) { return (void)context, OK; }
int cuCtxAttach(void **context, unsigned flags) { return (void)flags, *context = handle, OK; }
int cuCtxPopCurrent_v2(void **context) { return *context = handle, OK; }
int cuCtxPushCurrent_v2(void *context) { return (void)context, OK; }
int cuCtxGetDevice(int *device) { return *device = 0, OK; }
int cuCtxSynchronize(void) { return OK; }

int cuEventCreate(struct timespec **event, unsigned flags)
{
    return (void)flags, *event = calloc(1, sizeof **event), OK;
}

int cuEventRecord(struct timespec *event, void *stream)
{
    return (void)stream, clock_gettime(CLOCK_MONOTONIC, event);
}

int cuEventSynchronize(void *event) { return (void)event, OK; }
int cuEventQuery(void *event) { return (void)event, OK; }
int cuEventDestroy_v2(void *event) { return free(event), OK; }

int cuEventElapsedTime(float *ms, const struct timespec *from, const struct timespec *to)
{
    *ms = 1e3f * (float)(to->tv_sec - from->tv_sec) + 1e-6f * (float)(to->tv_nsec - from->tv_nsec);
    return OK;
}

/* Memory: a page with its size, one that can't be touched, what was asked for, another such page */

extern float taps[TAPS];

static size_t pages(size_t size) { return (size + PAGE - 1) / PAGE * PAGE; }

int cuMemAlloc_v2(Address *address, size_t size)
{
    size_t room = pages(size), whole = 2 * PAGE + room + PAGE;
    char *start = mmap(NULL, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (is("memory") || start == MAP_FAILED) return NO_MEMORY;
    mprotect(start, PAGE, PROT_READ | PROT_WRITE);
    mprotect(start + 2 * PAGE, room, PROT_READ | PROT_WRITE);
    *(size_t *)start = whole;
    return *address = (Address)(start + 2 * PAGE + room - size), OK;
}

int cuMemFree_v2(Address address)
{
    char *start = (char *)(address / PAGE * PAGE) - 2 * PAGE;
    return munmap(start, *(size_t *)start) ? INVALID : OK;
}

int cuMemcpyHtoD_v2(Address target, const void *source, size_t size)
{
    if (target == (Address)taps)
        for (int i = 0; i < TAPS; i++) taps[i] = NAN;
    return memcpy((void *)target, source, size), number("transfer");
}

int cuMemsetD32_v2(Address target, unsigned word, size_t count)
{
    for (size_t i = 0; i < count; i++) ((unsigned *)target)[i] = word;
    return OK;
}

static int width = 1, launches;

/* Spoil a result of a picture that has a middle, as the fault says. */
static void spoil(float *values, size_t count)
{
    if (count < 1000) return;
    if (is("bit")) *(unsigned *)(values + 20 * width + 30) ^= 1u << 12;
    if (is("nan")) values[5 * width + 6] = NAN;
    if (is("flaky") && launches % 2) values[7 * width + 8] += 1;
    if (is("border"))
        for (int x = 0; x < width; x++) values[x] += 1;
}

int cuMemcpyDtoH_v2(void *target, Address source, size_t size)
{
    memcpy(target, (void *)source, size);
    return spoil(target, size / 4), OK;
}

/* Kernels: their source, compiled for this processor */

#define PASS (const float *, float *, int, int, int)
void separable4 PASS, separable8 PASS, dense4 PASS, dense8 PASS;
void product(const float *, const float *, float *, int, int, int);
void copy(const void *, void *);
void peak(float *, int);

static struct Kernel { const char *name; void (*run)(void); int pointers, integers; } kernels[] = {
    {"separable4", (void (*)(void))separable4, 2, 3}, {"separable8", (void (*)(void))separable8, 2, 3},
    {"dense4", (void (*)(void))dense4, 2, 3}, {"dense8", (void (*)(void))dense8, 2, 3},
    {"product", (void (*)(void))product, 3, 3}, {"copy", (void (*)(void))copy, 2, 0},
    {"peak", (void (*)(void))peak, 1, 1}};

static struct Kernel *running;
static void *pointer[3];
static int integer[3];

static void call(void)
{
    void **p = pointer;
    int *i = integer;
    switch (10 * running->pointers + running->integers) {
    case 23: ((void (*)PASS)running->run)(p[0], p[1], i[0], i[1], i[2]); return;
    case 33: product(p[0], p[1], p[2], i[0], i[1], i[2]); return;
    case 20: copy(p[0], p[1]); return;
    default: peak(p[0], i[0]);
    }
}

/* Threads of a block take turns from barrier to barrier, each on a stack of its own. */

Place threadIdx, blockIdx;
float shared[SHARED];

static jmp_buf scheduler, threads[THREADS];
static char stacks[THREADS][STACK], alive[THREADS];
static int turn, finished;

void __syncthreads(void)
{
    if (!_setjmp(threads[turn])) _longjmp(scheduler, 1);
}

static void live(void)
{
    for (;;) {
        call();
        finished++;
        __syncthreads();
    }
}

static void begin(void)
{
    static ucontext_t newborn;
    alive[turn] = 1;
    getcontext(&newborn);
    newborn.uc_stack.ss_sp = stacks[turn];
    newborn.uc_stack.ss_size = STACK;
    makecontext(&newborn, live, 0);
    setcontext(&newborn);
}

__attribute__((noinline)) static void resume(void)
{
    if (_setjmp(scheduler)) return;
    if (alive[turn]) _longjmp(threads[turn], 1);
    begin();
}

static void place(int thread, const unsigned *block)
{
    threadIdx = (Place){thread % block[0], thread / block[0] % block[1], 0};
    turn = thread;
}

static void run_block(const unsigned *block, size_t granted)
{
    for (int i = 0; i < SHARED; i++) shared[i] = NAN;
    for (finished = 0; finished < THREADS;) {
        for (int thread = 0; thread < THREADS; thread++) {
            place(thread, block);
            resume();
        }
        if (finished % THREADS) abort();
    }
    for (size_t i = granted; i < SHARED; i++)
        if (!isnan(shared[i])) abort();
}

static void run_plain(const unsigned *block)
{
    for (int thread = 0; thread < THREADS; thread++) place(thread, block), call();
}

static void take(void **parameters, void **extra)
{
    char *packed = extra ? extra[1] : NULL;
    for (int i = 0; i < running->pointers; i++)
        memcpy(&pointer[i], packed ? packed + 8 * i : parameters[i], 8);
    for (int i = 0; i < running->integers; i++)
        memcpy(&integer[i], packed ? packed + 8 * running->pointers + 4 * i
                                   : parameters[running->pointers + i], 4);
}

int cuLaunchKernel(struct Kernel *kernel, unsigned gx, unsigned gy, unsigned gz, unsigned bx,
                   unsigned by, unsigned bz, unsigned granted, void *stream, void **parameters,
                   void **extra)
{
    const unsigned block[] = {bx, by, bz};
    (void)stream;
    if (is("crash")) *(volatile int *)0 = 1;
    if (is("abort")) fputs("fake: internal error\n", stderr), abort();
    if (is("hang")) for (;;) pause();
    if (number("launch")) return number("launch");
    if (bx * by * bz != THREADS || granted > sizeof shared) return INVALID;
    running = kernel;
    take(parameters, extra);
    if (kernel->integers == 3) width = integer[0], launches++;
    for (blockIdx.z = 0; blockIdx.z < gz; blockIdx.z++)
        for (blockIdx.y = 0; blockIdx.y < gy; blockIdx.y++)
            for (blockIdx.x = 0; blockIdx.x < gx; blockIdx.x++)
                kernel->integers == 3 ? run_block(block, granted / 4) : run_plain(block);
    return OK;
}

int cuFuncSetBlockShape(void *function, int x, int y, int z)
{
    return (void)function, (void)x, (void)y, (void)z, OK;
}

int cuFuncSetSharedSize(void *function, unsigned size) { return (void)function, (void)size, OK; }

/* Modules */

static char *module;

static int reject(int status, const char *words, unsigned count, const int *options, void **values)
{
    for (unsigned i = 0; i + 1 < count; i++)
        if (options[i] == 5 && words) {
            int length = snprintf(values[i], (size_t)values[i + 1], "%s", words);
            values[i + 1] = (void *)(size_t)length;
        } else if (options[i] == 3) {
            *(char *)values[i] = 0;
            values[i + 1] = NULL;
        }
    return status;
}

int cuModuleLoadDataEx(char **loaded, const char *image, unsigned count, const int *options,
                       void **values)
{
    const char *version = strstr(image, "\n.version "), *target = strstr(image, "\n.target sm_");
    const char *log = "ptxas application ptx input, line 8; error   : fake refusal";
    int major = 0, minor = 0;
    if (number("load")) return reject(number("load"), log, count, options, values);
    if (!version || !target || sscanf(version, "\n.version %d.%d", &major, &minor) != 2)
        return reject(BAD_IMAGE, "", count, options, values);
    if (10 * major + minor > setting("FAKE_ISA", 80))
        return reject(BAD_VERSION, log, count, options, values);
    if (atoi(target + strlen("\n.target sm_")) > setting("FAKE_CC", 90))
        return reject(NO_IMAGE, "", count, options, values);
    *loaded = module = strdup(image);
    for (int i = 0; i < TAPS; i++) taps[i] = NAN;
    return reject(OK, "", count, options, values);
}

int cuModuleUnload(char *unloaded) { return free(unloaded), OK; }

int cuModuleGetFunction(struct Kernel **function, const char *loaded, const char *name)
{
    char line[80];
    snprintf(line, sizeof line, ".visible .entry %s(", name);
    for (size_t i = 0; strstr(loaded, line) && i < sizeof kernels / sizeof *kernels; i++)
        if (!strcmp(kernels[i].name, name)) return *function = &kernels[i], OK;
    return NOT_FOUND;
}

int cuModuleGetGlobal_v2(Address *address, size_t *size, const char *loaded, const char *name)
{
    char line[80];
    snprintf(line, sizeof line, ".visible .const .align 4 .b8 %s[%zu]", name, sizeof taps);
    if (!strstr(loaded, line)) return NOT_FOUND;
    return *address = (Address)taps, *size = sizeof taps, OK;
}
