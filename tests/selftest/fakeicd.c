/* An OpenCL driver with one platform that does to its caller what the variable FAKE_ICD says. */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAMES = 0x0900, SUFFIX = 0x0920, NO_DEVICE = -1, OUT_OF_HOST_MEMORY = -6, INVALID_VALUE = -30, TABLE = 256 };

struct platform { void **dispatch; };

static void *table[TABLE];
static struct platform only = {table};

static void unexpected(void) { _exit(99); }

static int tell(const char *text, size_t room, void *value, size_t *size)
{
    size_t length = strlen(text) + 1;
    if (size) *size = length;
    if (value && room < length) return INVALID_VALUE;
    if (value) memcpy(value, text, length);
    return 0;
}

int clGetPlatformInfo(struct platform *platform, unsigned name, size_t room, void *value,
                      size_t *size)
{
    static const char *texts[] = {"FULL_PROFILE", "OpenCL 1.2 fake", "Fake platform", "moonlift",
                                  "cl_khr_icd"};
    (void)platform;
    if (name == SUFFIX) return tell("FAKE", room, value, size);
    if (name < NAMES || name > NAMES + 4) return INVALID_VALUE;
    return tell(texts[name - NAMES], room, value, size);
}

static int get_devices(struct platform *platform, unsigned long type, unsigned room, void **devices,
                       unsigned *count)
{
    const char *fault = getenv("FAKE_ICD");
    (void)platform, (void)type, (void)room, (void)devices;
    if (!strcmp(fault, "crash")) *(volatile int *)0 = 1;
    if (!strcmp(fault, "abort")) abort();
    if (!strcmp(fault, "hang")) for (;;) pause();
    if (count) *count = 0;
    if (!strcmp(fault, "refuse")) return OUT_OF_HOST_MEMORY;
    return NO_DEVICE;
}

int clIcdGetPlatformIDsKHR(unsigned room, struct platform **platforms, unsigned *count)
{
    for (int i = 0; i < TABLE; i++) table[i] = (void *)unexpected;
    table[0] = (void *)clIcdGetPlatformIDsKHR;
    table[1] = (void *)clGetPlatformInfo;
    table[2] = (void *)get_devices;
    if (platforms && room) platforms[0] = &only;
    if (count) *count = 1;
    return 0;
}

void *clGetExtensionFunctionAddress(const char *name)
{
    return strcmp(name, "clIcdGetPlatformIDsKHR") ? NULL : (void *)clIcdGetPlatformIDsKHR;
}
