// CUDA C++ kernels: blocks of 32 x 8 threads that share a tile of the picture.
//
// Carried as PTX (conv.ptx.xz), for there is no compiler where they run: no header, no library, and
// nothing that compute capability 3.5 does not have. `make cuda` compiles them anew.
//
// Pictures are planar: channel after channel, each `width` x `height`; the third index of a block is
// the channel. Beyond the border the border's pixel counts (clamp to edge). Accumulators start at +0.
// Radius at most 15. Shared memory is measured out by whoever launches: see backends/cudagroups.py.

#define GX 32
#define GY 8
#define MOST_TAPS (31 * 47)
#define KERNEL extern "C" __global__ void __launch_bounds__(GX * GY)

// The weights, each run of them padded with zeros: N - 1 before, and behind up to `padded` in all.
extern "C" {
__constant__ float taps[MOST_TAPS];
}
extern __shared__ float shared[];

// Groups of N values that N neighbouring outputs depend on.
template <int N> static inline int chunks(int side) { return (side + 2 * N - 2) / N; }
template <int N> static inline int padded(int side) { return (chunks<N>(side) + 1) * N - 1; }

static inline int within(int at, int count) { return at < 0 ? 0 : at < count ? at : count - 1; }

// Load rows x columns pixels from (x0, y0) on into shared memory, its rows `stride` floats apart.
static inline void load_tile(const float *plane, int width, int height, int x0, int y0, int rows,
                             int columns, int stride)
{
    for (int y = threadIdx.y; y < rows; y += GY) {
        const float *row = plane + (size_t)within(y0 + y, height) * width;
        for (int x = threadIdx.x; x < columns; x += GX)
            shared[y * stride + x] = row[within(x0 + x, width)];
    }
}

// Add to N neighbouring outputs what `side` weights make of the values before, within and behind
// them: every value that is read, and every weight, serves N sums.
template <int N>
static inline void slide(const float *values, int stride, const float *weights, int side,
                         float (&sums)[N])
{
    float window[2 * N - 1];
#pragma unroll
    for (int i = 0; i < N - 1; i++) window[i] = weights[i];
    for (int chunk = 0; chunk < chunks<N>(side); chunk++, values += N * stride) {
        weights += N;
#pragma unroll
        for (int i = 0; i < N; i++) window[N - 1 + i] = weights[i - 1];
#pragma unroll
        for (int i = 0; i < N; i++) {
            float value = values[i * stride];
#pragma unroll
            for (int j = 0; j < N; j++) sums[j] = fmaf(value, window[N - 1 + i - j], sums[j]);
        }
#pragma unroll
        for (int i = 0; i < N - 1; i++) window[i] = window[N + i];
    }
}

// One pass over the picture: rows into a second tile, then its columns. Threads of a warp take
// rows below each other, whose odd distance keeps them out of each other's banks.
template <int N>
static inline void separable(const float *image, float *out, int width, int height, int radius)
{
    int side = 2 * radius + 1, rows = (GY - 1 + chunks<N>(side)) * N;
    int columns = GX - N + chunks<N>(side) * N, stride = columns | 1;
    int x0 = blockIdx.x * GX, y0 = blockIdx.y * GY * N;
    size_t plane = blockIdx.z * (size_t)width * height;
    float *between = shared + rows * stride;
    load_tile(image + plane, width, height, x0 - radius, y0 - radius, rows, columns, stride);
    __syncthreads();
    for (int run = threadIdx.y * GX + threadIdx.x; run < rows * (GX / N); run += GX * GY) {
        int x = run / rows * N, y = run % rows;
        float sums[N] = {};
        slide<N>(shared + y * stride + x, 1, taps, side, sums);
#pragma unroll
        for (int j = 0; j < N; j++) between[y * (GX + 1) + x + j] = sums[j];
    }
    __syncthreads();
    int x = x0 + threadIdx.x, y = y0 + threadIdx.y * N;
    float sums[N] = {};
    slide<N>(between + threadIdx.y * N * (GX + 1) + threadIdx.x, GX + 1, taps + padded<N>(side),
             side, sums);
#pragma unroll
    for (int j = 0; j < N; j++)
        if (x < width && y + j < height) out[plane + (size_t)(y + j) * width + x] = sums[j];
}

// Weights: column after column.
template <int N>
static inline void dense(const float *image, float *out, int width, int height, int radius)
{
    int side = 2 * radius + 1, rows = (GY - 1 + chunks<N>(side)) * N, columns = GX + 2 * radius;
    int x0 = blockIdx.x * GX, y0 = blockIdx.y * GY * N;
    size_t plane = blockIdx.z * (size_t)width * height;
    load_tile(image + plane, width, height, x0 - radius, y0 - radius, rows, columns, columns);
    __syncthreads();
    float sums[N] = {};
    const float *tile = shared + threadIdx.y * N * columns + threadIdx.x;
    for (int kx = 0; kx < side; kx++)
        slide<N>(tile + kx, columns, taps + kx * padded<N>(side), side, sums);
    int x = x0 + threadIdx.x, y = y0 + threadIdx.y * N;
#pragma unroll
    for (int j = 0; j < N; j++)
        if (x < width && y + j < height) out[plane + (size_t)(y + j) * width + x] = sums[j];
}

#define INSTANCE(NAME, N)                                                                      \
    KERNEL NAME##N(const float *image, float *out, int width, int height, int radius)          \
    {                                                                                          \
        NAME<N>(image, out, width, height, radius);                                            \
    }
INSTANCE(separable, 4)
INSTANCE(separable, 8)
INSTANCE(dense, 4)
INSTANCE(dense, 8)

#define SIDE 32 // of the square tiles of a matrix product

KERNEL product(const float *left, const float *right, float *out, int width, int height, int depth)
{
    float *a = shared, *b = shared + SIDE * (SIDE + 1);
    int lx = threadIdx.x, ly = threadIdx.y, x = blockIdx.x * SIDE + lx, y0 = blockIdx.y * SIDE;
    float sums[SIDE / GY] = {};
    for (int k0 = 0; k0 < depth; k0 += SIDE) {
        for (int y = ly; y < SIDE; y += GY) {
            a[y * (SIDE + 1) + lx] = y0 + y < height && k0 + lx < depth
                ? left[(size_t)(y0 + y) * depth + k0 + lx] : 0.0f;
            b[y * (SIDE + 1) + lx] = k0 + y < depth && x < width
                ? right[(size_t)(k0 + y) * width + x] : 0.0f;
        }
        __syncthreads();
        for (int k = 0; k < SIDE; k++) {
            float value = b[k * (SIDE + 1) + lx];
#pragma unroll
            for (int j = 0; j < SIDE / GY; j++)
                sums[j] = fmaf(a[(ly + GY * j) * (SIDE + 1) + k], value, sums[j]);
        }
        __syncthreads();
    }
#pragma unroll
    for (int j = 0; j < SIDE / GY; j++)
        if (x < width && y0 + ly + GY * j < height)
            out[(size_t)(y0 + ly + GY * j) * width + x] = sums[j];
}

// The yardstick of memory: one float4 a thread.
KERNEL copy(const float4 *from, float4 *to)
{
    size_t at = blockIdx.x * (size_t)(GX * GY) + threadIdx.x;
    to[at] = from[at];
}

// The yardstick of arithmetic: eight independent chains of fused multiply-adds a thread.
KERNEL peak(float *out, int rounds)
{
    float factor = out[0], chain[8], sum = 0.0f;
#pragma unroll
    for (int i = 0; i < 8; i++) chain[i] = (float)i;
    for (int n = 0; n < rounds; n++)
#pragma unroll
        for (int i = 0; i < 8; i++) chain[i] = fmaf(chain[i], factor, factor);
#pragma unroll
    for (int i = 0; i < 8; i++) sum += chain[i];
    out[blockIdx.x * (size_t)(GX * GY) + threadIdx.x + 1] = sum;
}
