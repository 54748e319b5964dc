/* A libnvidia-ml for tests: one GPU, told by the environment how to fail.
   FAKE_INIT=CODE, FAKE_HANG=1, FAKE_CRASH=1, FAKE_PRINT=1, FAKE_LOST=1, FAKE_GPUS=N,
   and who uses the GPU: FAKE_BUSY=PERCENT, FAKE_PROCESSES=N */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef void *device;
typedef unsigned int uint;
typedef unsigned long long ull;

struct pci { char legacy[16]; uint domain, bus, slot, product, subsystem; char address[32]; };
struct memory { ull total, free, used; };
struct utilization { uint gpu, memory; };
struct fabric { unsigned char cluster[16]; uint status, clique; unsigned char state; };

static uint number(const char *name, uint otherwise) {
    const char *text = getenv(name);
    return text ? (uint)atoi(text) : otherwise;
}

int nvmlInit_v2(void) {
    if (getenv("FAKE_PRINT")) printf("the driver says hello\n");
    if (getenv("FAKE_HANG")) pause();
    if (getenv("FAKE_CRASH")) raise(SIGSEGV);
    return (int)number("FAKE_INIT", 0);
}
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { return code == 9 ? "Driver Not Loaded" : "Some Error"; }
int nvmlSystemGetDriverVersion(char *text, uint size) {
    strncpy(text, "550.54.14", size);
    return 0;
}
int nvmlDeviceGetCount_v2(uint *count) { *count = number("FAKE_GPUS", 1); return 0; }
int nvmlDeviceGetHandleByIndex_v2(uint index, device *found) {
    *found = (device)(size_t)(index + 1);
    return getenv("FAKE_LOST") ? 15 : 0;
}
int nvmlDeviceGetName(device d, char *text, uint size) {
    (void)d;
    strncpy(text, "NVIDIA Fake", size);
    return 0;
}
int nvmlDeviceGetPciInfo_v3(device d, struct pci *pci) {
    (void)d;
    memset(pci, 0, sizeof *pci);
    strcpy(pci->address, "00000000:41:00.0");
    return 0;
}
int nvmlDeviceGetCudaComputeCapability(device d, int *major, int *minor) {
    (void)d; *major = 9; *minor = 0; return 0;
}
int nvmlDeviceGetPersistenceMode(device d, uint *mode) { (void)d; *mode = 1; return 0; }
int nvmlDeviceGetMigMode(device d, uint *now, uint *then) { (void)d; *now = *then = 1; return 0; }
int nvmlDeviceGetMaxMigDeviceCount(device d, uint *most) { (void)d; *most = 7; return 0; }
int nvmlDeviceGetMigDeviceHandleByIndex(device d, uint index, device *part) {
    *part = d;
    return index < 2 ? 0 : 6;
}
int nvmlDeviceGetTotalEccErrors(device d, int kind, int counter, ull *count) {
    (void)d; (void)kind;
    *count = counter ? 5000000000ull : 0;
    return 0;
}
int nvmlDeviceGetRemappedRows(device d, uint *a, uint *b, uint *c, uint *e) {
    (void)d; *a = 1; *b = 2; *c = 0; *e = 0; return 0;
}
int nvmlDeviceGetMemoryInfo(device d, struct memory *memory) {
    (void)d; memory->total = 100; memory->free = 90; memory->used = 10; return 0;
}
int nvmlDeviceGetComputeRunningProcesses_v3(device d, uint *count, void *list) {
    (void)d; (void)list; *count = number("FAKE_PROCESSES", 3); return 7;
}
int nvmlDeviceGetUtilizationRates(device d, struct utilization *found) {
    (void)d; found->gpu = number("FAKE_BUSY", 7); found->memory = 1; return 0;
}
int nvmlDeviceGetUUID(device d, char *text, uint size) {
    (void)d;
    strncpy(text, "GPU-0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9", size);
    return 0;
}
int nvmlDeviceGetGpuFabricInfo(device d, struct fabric *fabric) {
    (void)d; memset(fabric, 0, sizeof *fabric); fabric->state = 3; return 0;
}
int nvmlDeviceGetTemperature(device d, int sensor, uint *celsius) {
    (void)d; (void)sensor; *celsius = 40; return 0;
}
int nvmlDeviceGetPcieReplayCounter(device d, uint *count) { (void)d; (void)count; return 3; }
