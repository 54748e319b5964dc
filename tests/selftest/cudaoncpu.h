// What conv.cu takes from CUDA, for a C++ compiler and one thread of a processor: see fakecuda.c.

#include <stddef.h>

struct Place { unsigned x, y, z; };
struct float4 { float x, y, z, w; };

extern "C" {
extern Place threadIdx, blockIdx;
void __syncthreads(void);
}

#define __constant__
#define __global__
#define __launch_bounds__(threads)
#define __shared__
#define fmaf(a, b, c) ((a) * (b) + (c))
