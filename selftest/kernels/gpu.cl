// OpenCL C kernels for graphics processors: work-groups of 32 x 8 that share a tile of the picture
// in local memory. They run anywhere, only slower.
//
// Pictures are planar: channel after channel, each `width` x `height`; the third index of a
// work-group is the channel. Beyond the border the border's pixel counts (clamp to edge).
// Accumulators start at +0. Radius at most 15.

#define RADIUS 15
#define GX 32
#define GY 8
#define UNROLL _Pragma("unroll")
#define GROUP_KERNEL __attribute__((reqd_work_group_size(GX, GY, 1))) kernel void

// A pixel of this work-group's channel.
static inline float pixel(global const float *plane, int width, int height, int x, int y)
{
    return plane[(size_t)clamp(y, 0, height - 1) * width + clamp(x, 0, width - 1)];
}

#define PER_ROW 8 // outputs of one work-item in the row pass, GX apart

GROUP_KERNEL rows(global const float *image, global float *out, constant float *taps, int width,
                  int height, int radius)
{
    local float tile[GY][GX * PER_ROW + 2 * RADIUS];
    size_t plane = get_group_id(2) * (size_t)width * height;
    int lx = get_local_id(0), ly = get_local_id(1);
    int x0 = get_group_id(0) * GX * PER_ROW, y = get_group_id(1) * GY + ly;
    for (int x = lx; x < GX * PER_ROW + 2 * radius; x += GX)
        tile[ly][x] = pixel(image + plane, width, height, x0 - radius + x, y);
    barrier(CLK_LOCAL_MEM_FENCE);
    float sums[PER_ROW];
    UNROLL for (int i = 0; i < PER_ROW; i++) sums[i] = 0.0f;
    for (int k = 0; k <= 2 * radius; k++)
        UNROLL for (int i = 0; i < PER_ROW; i++)
            sums[i] = fma(tile[ly][lx + GX * i + k], taps[k], sums[i]);
    UNROLL for (int i = 0; i < PER_ROW; i++)
        if (y < height && x0 + lx + GX * i < width)
            out[plane + (size_t)y * width + x0 + lx + GX * i] = sums[i];
}

#define PER_COLUMN 8 // outputs of one work-item in the column pass, GY apart

GROUP_KERNEL columns(global const float *image, global float *out, constant float *taps, int width,
                     int height, int radius)
{
    local float tile[GY * PER_COLUMN + 2 * RADIUS][GX + 1];
    size_t plane = get_group_id(2) * (size_t)width * height;
    int lx = get_local_id(0), ly = get_local_id(1);
    int x = get_group_id(0) * GX + lx, y0 = get_group_id(1) * GY * PER_COLUMN;
    for (int y = ly; y < GY * PER_COLUMN + 2 * radius; y += GY)
        tile[y][lx] = pixel(image + plane, width, height, x, y0 - radius + y);
    barrier(CLK_LOCAL_MEM_FENCE);
    float sums[PER_COLUMN];
    UNROLL for (int i = 0; i < PER_COLUMN; i++) sums[i] = 0.0f;
    for (int k = 0; k <= 2 * radius; k++)
        UNROLL for (int i = 0; i < PER_COLUMN; i++)
            sums[i] = fma(tile[ly + GY * i + k][lx], taps[k], sums[i]);
    UNROLL for (int i = 0; i < PER_COLUMN; i++)
        if (x < width && y0 + ly + GY * i < height)
            out[plane + (size_t)(y0 + ly + GY * i) * width + x] = sums[i];
}

// Each work-item computes NY outputs below each other: a value from local memory serves them all.
// taps: column by column. Holds for 2 * radius + 1 >= NY - 1.
#define DENSE(NAME, NY)                                                                        \
    GROUP_KERNEL NAME(global const float *image, global float *out, constant float *taps,      \
                      int width, int height, int radius)                                       \
    {                                                                                          \
        local float tile[GY * NY + 2 * RADIUS][GX + 2 * RADIUS + 1];                           \
        size_t plane = get_group_id(2) * (size_t)width * height;                               \
        int side = 2 * radius + 1, lx = get_local_id(0), ly = get_local_id(1);                 \
        int x0 = get_group_id(0) * GX, y0 = get_group_id(1) * GY * NY;                         \
        for (int y = ly; y < GY * NY + 2 * radius; y += GY)                                    \
            for (int x = lx; x < GX + 2 * radius; x += GX)                                     \
                tile[y][x] = pixel(image + plane, width, height, x0 - radius + x,              \
                                   y0 - radius + y);                                           \
        barrier(CLK_LOCAL_MEM_FENCE);                                                          \
        float sums[NY];                                                                        \
        UNROLL for (int j = 0; j < NY; j++) sums[j] = 0.0f;                                    \
        for (int kx = 0; kx < side; kx++) {                                                    \
            constant float *column = taps + kx * side;                                         \
            UNROLL for (int iy = 0; iy < NY - 1; iy++) STEP(0, iy + 1)                         \
            for (int iy = NY - 1; iy < side; iy++) STEP(0, NY)                                 \
            UNROLL for (int o = 1; o < NY; o++) {                                              \
                int iy = side - 1 + o;                                                         \
                STEP(o, NY)                                                                    \
            }                                                                                  \
        }                                                                                      \
        UNROLL for (int j = 0; j < NY; j++)                                                    \
            if (x0 + lx < width && y0 + ly * NY + j < height)                                  \
                out[plane + (size_t)(y0 + ly * NY + j) * width + x0 + lx] = sums[j];           \
    }
#define STEP(FROM, TO)                                                                         \
    {                                                                                          \
        float value = tile[ly * (int)(sizeof sums / sizeof *sums) + iy][lx + kx];              \
        UNROLL for (int j = (FROM); j < (TO); j++)                                             \
            sums[j] = fma(value, column[iy - j], sums[j]);                                     \
    }
DENSE(dense4, 4)
DENSE(dense8, 8)

#define SIDE 32 // of the square tiles of a matrix product

GROUP_KERNEL product(global const float *left, global const float *right, global float *out,
                     int width, int height, int depth)
{
    local float a[SIDE][SIDE + 1], b[SIDE][SIDE + 1];
    int lx = get_local_id(0), ly = get_local_id(1);
    int x = get_group_id(0) * SIDE + lx, y0 = get_group_id(1) * SIDE;
    float sums[SIDE / GY];
    UNROLL for (int j = 0; j < SIDE / GY; j++) sums[j] = 0.0f;
    for (int k0 = 0; k0 < depth; k0 += SIDE) {
        for (int y = ly; y < SIDE; y += GY) {
            a[y][lx] = y0 + y < height && k0 + lx < depth
                ? left[(size_t)(y0 + y) * depth + k0 + lx] : 0.0f;
            b[y][lx] = k0 + y < depth && x < width
                ? right[(size_t)(k0 + y) * width + x] : 0.0f;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int k = 0; k < SIDE; k++)
            UNROLL for (int j = 0; j < SIDE / GY; j++)
                sums[j] = fma(a[ly + GY * j][k], b[k][lx], sums[j]);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    UNROLL for (int j = 0; j < SIDE / GY; j++)
        if (x < width && y0 + ly + GY * j < height)
            out[(size_t)(y0 + ly + GY * j) * width + x] = sums[j];
}

// The yardstick of memory.
kernel void copy(global const float4 *from, global float4 *to)
{
    size_t at = get_global_id(0);
    to[at] = from[at];
}

// The yardstick of arithmetic: eight independent chains of fused multiply-adds a work-item.
kernel void peak(global float *out, int rounds)
{
    float factor = out[0], chain[8], sum = 0.0f;
    UNROLL for (int i = 0; i < 8; i++) chain[i] = (float)i;
    for (int n = 0; n < rounds; n++)
        UNROLL for (int i = 0; i < 8; i++) chain[i] = fma(chain[i], factor, factor);
    UNROLL for (int i = 0; i < 8; i++) sum += chain[i];
    out[get_global_id(0) + 1] = sum;
}
