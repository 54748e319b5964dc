// OpenCL C kernels for processors: every work-group is one work-item that computes one tile with
// explicit vectors. Built with -DLANES=4, 8 or 16, the device's native vector width.
//
// A picture is rows of floats; `channels` is how far apart the neighbours of one channel lie, so
// that RGBA and single-channel pictures go the same way. Beyond the border the border's pixel
// counts (clamp to edge). Accumulators start at +0.

#define JOIN(A, B) A##B
#define EXPAND(A, B) JOIN(A, B)
#define VECTOR EXPAND(float, LANES)
#define LOAD(P) EXPAND(vload, LANES)(0, (P))
#define STORE(V, P) EXPAND(vstore, LANES)((V), 0, (P))
#define UNROLL _Pragma("unroll")
// For loops that are not worth the time that a compiler takes to unroll and vectorise them.
#define PLAIN _Pragma("clang loop unroll(disable) vectorize(disable)")

#define NX 2 // vectors side by side in an inner loop: each weight is loaded once for them
#define NY 4 // rows in an inner loop: each picture vector is loaded once for them
#define ROW 4 // vectors side by side in the row pass
#define LINE(COLUMNS, REACH) ((((COLUMNS) + 2 * (REACH) + LANES - 1) / LANES + 1) * LANES)

#define TILE_KERNEL __attribute__((reqd_work_group_size(1, 1, 1))) kernel void

// Copies row `y` of the picture, from float `x0 - reach` on, into local memory.
static void stage(local float *line, global const float *image, int width, int height, int channels,
                  int reach, int x0, int y, int columns)
{
    int row = width * channels, first = x0 - reach, wanted = columns + 2 * reach;
    int inside = max(0, -first), end = min(wanted, row - first);
    global const float *from = image + (size_t)clamp(y, 0, height - 1) * row;
    int x = 0;
    PLAIN for (; x < inside; x++)
        line[x] = from[(x0 + x) % channels];
    PLAIN for (; x + LANES <= end; x += LANES)
        STORE(LOAD(from + first + x), line + x);
    PLAIN for (; x < end; x++)
        line[x] = from[first + x];
    PLAIN for (; x < wanted; x++)
        line[x] = from[row - channels + (first + x) % channels];
}

// Stores as much of a vector as lies within the row.
static inline void put(global float *to, VECTOR vector, int room)
{
    if (room >= LANES) {
        STORE(vector, to);
        return;
    }
    float one[LANES];
    STORE(vector, one);
    PLAIN for (int i = 0; i < room; i++)
        to[i] = one[i];
}

// Adds to rows FROM to TO of the tile what this input row gives them.
#define ACCUMULATE(POINT, WEIGHTS, FROM, TO)                        \
    {                                                               \
        VECTOR pixels[NX];                                          \
        UNROLL for (int i = 0; i < NX; i++)                         \
            pixels[i] = LOAD((POINT) + LANES * i);                  \
        UNROLL for (int j = (FROM); j < (TO); j++) {                \
            VECTOR weight = (VECTOR)((WEIGHTS)[-j]);                \
            UNROLL for (int i = 0; i < NX; i++)                     \
                sums[j][i] = fma(pixels[i], weight, sums[j][i]);    \
        }                                                           \
    }

// Walks the input rows that NY output rows need: the first and last do not belong to all of them.
// STEP(FROM, TO) handles input row `iy`. Holds for side >= NY - 1, that is for every radius.
#define WALK(STEP)                                                  \
    UNROLL for (int iy = 0; iy < NY - 1; iy++) STEP(0, iy + 1)      \
    for (int iy = NY - 1; iy < side; iy++) STEP(0, NY)              \
    UNROLL for (int o = 1; o < NY; o++) {                           \
        int iy = side - 1 + o;                                      \
        STEP(o, NY)                                                 \
    }

#define CLEAR_SUMS                                                  \
    VECTOR sums[NY][NX];                                            \
    UNROLL for (int j = 0; j < NY; j++)                             \
        UNROLL for (int i = 0; i < NX; i++) sums[j][i] = (VECTOR)(0.0f);

#define PUT_SUMS                                                    \
    UNROLL for (int j = 0; j < NY; j++)                             \
        if (y + j < rows)                                           \
            UNROLL for (int i = 0; i < NX; i++)                     \
                put(out + (size_t)(y0 + y + j) * row + x0 + x + LANES * i, sums[j][i], \
                    columns - x - LANES * i);

// taps: column by column, so that the weights of one input vector lie together.
TILE_KERNEL dense(global const float *image, global float *out, global const float *taps, int width,
                  int height, int channels, int radius, int tile_columns, int tile_rows,
                  local float *scratch)
{
    int side = 2 * radius + 1, row = width * channels, reach = radius * channels;
    int x0 = get_group_id(0) * tile_columns, y0 = get_group_id(1) * tile_rows;
    int columns = min(tile_columns, row - x0), rows = min(tile_rows, height - y0);
    int stride = LINE(tile_columns, reach);
    for (int y = 0; y < tile_rows + 2 * radius; y++)
        stage(scratch + y * stride, image, width, height, channels, reach, x0, y0 - radius + y,
              tile_columns);
    for (int y = 0; y < rows; y += NY)
        for (int x = 0; x < columns; x += LANES * NX) {
            CLEAR_SUMS
            local const float *line = scratch + y * stride + x;
#define DENSE_STEP(FROM, TO)                                                                 \
    {                                                                                        \
        PLAIN for (int kx = 0; kx < side; kx++)                                              \
            ACCUMULATE(line + kx * channels, taps + kx * side + iy, FROM, TO)                \
        line += stride;                                                                      \
    }
            WALK(DENSE_STEP)
            PUT_SUMS
        }
}

// The same for large kernels: in three parts of half the rows each, which takes a quarter less
// arithmetic. With E and O the even and odd input rows, f and g the even and odd rows of weights, g
// one row further down, and * a convolution of half the height:
//   even output rows are  f*E + g*O of the row pair above,
//   odd output rows are   (f+g)*(E+O) - f*E - g*O.
// All of it stays exact in the integers that the exact cases use. Holds for radius >= NY - 2.
//
// taps: column by column, those of f, of g and of their sum.
TILE_KERNEL halved(global const float *image, global float *out, global const float *taps,
                   int width, int height, int channels, int radius, int tile_columns,
                   int tile_rows, local float *scratch)
{
    int wide = 2 * radius + 1, side = radius + 1;
    int row = width * channels, reach = radius * channels;
    int x0 = get_group_id(0) * tile_columns, y0 = get_group_id(1) * tile_rows;
    int columns = min(tile_columns, row - x0), rows = min(tile_rows, height - y0);
    int stride = LINE(tile_columns, reach), staged = tile_rows + 2 * radius;
    local float *both = scratch + staged * stride; // E + O
    PLAIN for (int y = 0; y < staged; y++)
        stage(scratch + y * stride, image, width, height, channels, reach, x0, y0 - radius + y,
              tile_columns);
    for (int y = 0; y < staged / 2; y++)
        for (int x = 0; x < stride; x += LANES)
            STORE(LOAD(scratch + 2 * y * stride + x) + LOAD(scratch + (2 * y + 1) * stride + x),
                  both + y * stride + x);
    for (int x = 0; x < columns; x += LANES * NX) {
        VECTOR above[NX]; // g*O of the row pair above the block
        UNROLL for (int i = 0; i < NX; i++) above[i] = (VECTOR)(0.0f);
        for (int iy = 1; iy < side; iy++)
            PLAIN for (int kx = 0; kx < wide; kx++) {
                local const float *point = scratch + (2 * iy - 1) * stride + x + kx * channels;
                VECTOR weight = (VECTOR)(taps[(wide + kx) * side + iy]);
                UNROLL for (int i = 0; i < NX; i++)
                    above[i] = fma(LOAD(point + LANES * i), weight, above[i]);
            }
        for (int y = 0; y < rows; y += 2 * NY) {
            VECTOR found[3][NY][NX];
            for (int part = 0; part < 3; part++) {
                local const float *line = part == 2 ? both + y / 2 * stride + x
                                                    : scratch + (y + part) * stride + x;
                int gap = part == 2 ? stride : 2 * stride;
                global const float *weights = taps + part * wide * side;
                CLEAR_SUMS
#define HALVED_STEP(FROM, TO)                                                                \
    {                                                                                        \
        PLAIN for (int kx = 0; kx < wide; kx++)                                              \
            ACCUMULATE(line + kx * channels, weights + kx * side + iy, FROM, TO)             \
        line += gap;                                                                         \
    }
                WALK(HALVED_STEP)
                UNROLL for (int j = 0; j < NY; j++)
                    UNROLL for (int i = 0; i < NX; i++) found[part][j][i] = sums[j][i];
            }
            PLAIN for (int j = 0; j < NY; j++)
                PLAIN for (int i = 0; i < NX; i++) {
                    int at = y + 2 * j, room = columns - x - LANES * i;
                    global float *to = out + (size_t)(y0 + at) * row + x0 + x + LANES * i;
                    VECTOR even = found[0][j][i], odd = found[1][j][i];
                    if (at < rows)
                        put(to, even + above[i], room);
                    if (at + 1 < rows)
                        put(to + row, found[2][j][i] - even - odd, room);
                    above[i] = odd;
                }
        }
    }
}

// taps: those of the row pass, then those of the column pass. Both passes happen in one tile, so
// that what lies between them never leaves the cache.
TILE_KERNEL separable(global const float *image, global float *out, global const float *taps,
                      int width, int height, int channels, int radius, int tile_columns,
                      int tile_rows, local float *scratch)
{
    int side = 2 * radius + 1, row = width * channels, reach = radius * channels;
    int x0 = get_group_id(0) * tile_columns, y0 = get_group_id(1) * tile_rows;
    int columns = min(tile_columns, row - x0), rows = min(tile_rows, height - y0);
    local float *restrict between = scratch + LINE(tile_columns, reach);
    global const float *column_taps = taps + side;
    for (int y = 0; y < tile_rows + 2 * radius; y++) {
        stage(scratch, image, width, height, channels, reach, x0, y0 - radius + y, tile_columns);
        for (int x = 0; x < columns; x += LANES * ROW) {
            VECTOR sums[ROW];
            UNROLL for (int i = 0; i < ROW; i++) sums[i] = (VECTOR)(0.0f);
            for (int kx = 0; kx < side; kx++) {
                VECTOR weight = (VECTOR)(taps[kx]);
                UNROLL for (int i = 0; i < ROW; i++)
                    sums[i] = fma(LOAD(scratch + x + LANES * i + kx * channels), weight, sums[i]);
            }
            UNROLL for (int i = 0; i < ROW; i++)
                STORE(sums[i], between + y * tile_columns + x + LANES * i);
        }
    }
    for (int y = 0; y < rows; y += NY)
        for (int x = 0; x < columns; x += LANES * NX) {
            CLEAR_SUMS
            local const float *line = between + y * tile_columns + x;
#define COLUMN_STEP(FROM, TO)                              \
    {                                                      \
        ACCUMULATE(line, column_taps + iy, FROM, TO)       \
        line += tile_columns;                              \
    }
            WALK(COLUMN_STEP)
            PUT_SUMS
        }
}

// out = left (height x depth) times right (depth x width); one work-item computes NY rows.
TILE_KERNEL product(global const float *left, global const float *right, global float *out,
                    int width, int height, int depth)
{
    int y = get_group_id(0) * NY, x = 0;
    global const float *line[NY];
    UNROLL for (int j = 0; j < NY; j++) line[j] = left + (size_t)min(y + j, height - 1) * depth;
    for (; x + LANES * NX <= width; x += LANES * NX) {
        CLEAR_SUMS
        for (int k = 0; k < depth; k++) {
            VECTOR cells[NX];
            UNROLL for (int i = 0; i < NX; i++)
                cells[i] = LOAD(right + (size_t)k * width + x + LANES * i);
            UNROLL for (int j = 0; j < NY; j++)
                UNROLL for (int i = 0; i < NX; i++)
                    sums[j][i] = fma(cells[i], (VECTOR)(line[j][k]), sums[j][i]);
        }
        UNROLL for (int j = 0; j < NY; j++)
            if (y + j < height)
                UNROLL for (int i = 0; i < NX; i++)
                    STORE(sums[j][i], out + (size_t)(y + j) * width + x + LANES * i);
    }
    PLAIN for (; x < width; x++)
        for (int j = 0; j < NY && y + j < height; j++) {
            float sum = 0.0f;
            PLAIN for (int k = 0; k < depth; k++)
                sum = fma(line[j][k], right[(size_t)k * width + x], sum);
            out[(size_t)(y + j) * width + x] = sum;
        }
}

// The yardstick of memory: each work-item copies `count` floats.
TILE_KERNEL copy(global const float *from, global float *to, int count)
{
    size_t at = (size_t)get_group_id(0) * count;
    for (int i = 0; i < count; i += LANES)
        STORE(LOAD(from + at + i), to + at + i);
}

// The yardstick of arithmetic: CHAINS independent chains of fused multiply-adds. out[0] is the
// factor, so that no compiler knows it.
#define PEAK(NAME, CHAINS)                                                          \
    TILE_KERNEL NAME(global float *out, int rounds)                                 \
    {                                                                               \
        VECTOR factor = (VECTOR)(out[0]), chain[CHAINS], sum = (VECTOR)(0.0f);      \
        UNROLL for (int i = 0; i < CHAINS; i++) chain[i] = (VECTOR)((float)i);      \
        for (int n = 0; n < rounds; n++)                                            \
            UNROLL for (int i = 0; i < CHAINS; i++)                                 \
                chain[i] = fma(chain[i], factor, factor);                           \
        UNROLL for (int i = 0; i < CHAINS; i++) sum += chain[i];                    \
        STORE(sum, out + (get_group_id(0) + 1) * LANES);                            \
    }
PEAK(peak, 12)
