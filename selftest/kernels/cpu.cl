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

// The row pass of one line, with `across` weights.
static void pass_row(local const float *line, local float *to, global const float *taps, int across,
                     int channels, int columns)
{
    for (int x = 0; x < columns; x += LANES * ROW) {
        VECTOR sums[ROW];
        UNROLL for (int i = 0; i < ROW; i++) sums[i] = (VECTOR)(0.0f);
        PLAIN for (int kx = 0; kx < across; kx++) {
            VECTOR weight = (VECTOR)(taps[kx]);
            UNROLL for (int i = 0; i < ROW; i++)
                sums[i] = fma(LOAD(line + x + LANES * i + kx * channels), weight, sums[i]);
        }
        UNROLL for (int i = 0; i < ROW; i++) STORE(sums[i], to + x + LANES * i);
    }
}

// Makes the rows of nine parts, `apart` floats from each other, of seven of the eight lines kept.
static void split(local const float *lines, int stride, int first, local float *to, int apart)
{
    PLAIN for (int x = 0; x < stride; x += LANES) {
        VECTOR in[7], less[6];
        UNROLL for (int i = 0; i < 7; i++) in[i] = LOAD(lines + ((first + i) & 7) * stride + x);
        UNROLL for (int i = 0; i < 6; i++) less[i] = in[i] - in[i + 1];
        VECTOR part[9] = {less[0] - less[2], less[2], less[2] - less[4],
                          in[1] - in[3],     in[3],   in[3] - in[5],
                          less[1] - less[3], less[3], less[3] - less[5]};
        UNROLL for (int i = 0; i < 9; i++) STORE(part[i], to + i * apart + x);
    }
}

// All convolutions: a row pass with `across` weights, then a dense pass with `wide` columns of
// weights. A separable one has one column in the second, a dense one a single 1 in the first. Both
// happen in one tile, so that what lies between them never leaves the cache. One kernel does all:
// each more would take a compiler half a second.
//
// Large dense kernels are done in nine parts of a quarter of the rows each, which takes 0.6 of the
// arithmetic. With X0, X1 and X2 the input rows 2q, 2q + 1 and 2q + 2, f and g the even and odd rows
// of weights, and * a convolution of half the height:
//   output row 2q     is f*X0 + g*X1 = f*(X0-X1) + (f+g)*X1,
//   output row 2q + 1 is f*X1 + g*X2 = (f+g)*X1 - g*(X1-X2),
// and each of these three convolutions is done once more in the same way. All of it stays exact in
// the integers that the exact cases use: no sum of a part reaches 2^24, whatever the weights.
//
// taps: of the row pass, then for every part column by column, so that the weights of one input
// vector lie together. Holds for a `side` of NY - 1 and more.
TILE_KERNEL convolve(global const float *image, global float *out, global const float *taps,
                     int width, int height, int channels, int radius, int across, int wide,
                     int parts, int tile_columns, int tile_rows, local float *scratch)
{
    int fold = parts == 9 ? 4 : 1, side = (2 * radius + fold) / fold;
    int row = width * channels, reach = radius * channels;
    int x0 = get_group_id(0) * tile_columns, y0 = get_group_id(1) * tile_rows;
    int columns = min(tile_columns, row - x0), rows = min(tile_rows, height - y0);
    int line = LINE(tile_columns, reach), stride = wide > 1 ? line : tile_columns;
    int tall = tile_rows / fold + side - 1;
    int kept = tile_columns + LANES; // no power of two: rows must not fall on the same cache lines
    local float *found = scratch, *lines = found + parts * NY * kept;
    local float *planes = lines + 2 * fold * line;

    for (int y = 0, next = 0; y < tall; y++) {
        for (; next < fold * y + 2 * fold - 1; next++)
            stage(lines + (next & (2 * fold - 1)) * line, image, width, height, channels, reach, x0,
                  y0 - radius + next, tile_columns);
        if (parts == 9)
            split(lines, stride, fold * y, planes + y * stride, tall * stride);
        else
            pass_row(lines + (y & 1) * line, planes + y * stride, taps, across, channels,
                     wide > 1 ? stride : columns);
    }
    for (int y = 0; y < rows; y += fold * NY) {
        // What needs no more work is stored at once.
        int ready = parts == 1 && y + NY <= rows ? columns - columns % (LANES * NX) : 0;
        for (int part = 0; part < parts; part++)
            for (int x = 0; x < columns; x += LANES * NX) {
                local const float *from = planes + (part * tall + y / fold) * stride + x;
                global const float *weights = taps + across + part * wide * side;
                CLEAR_SUMS
#define STEP(FROM, TO)                                                                   \
    {                                                                                    \
        PLAIN for (int kx = 0; kx < wide; kx++)                                          \
            ACCUMULATE(from + kx * channels, weights + kx * side + iy, FROM, TO)         \
        from += stride;                                                                  \
    }
                WALK(STEP)
                if (x < ready) {
                    global float *to = out + (size_t)(y0 + y) * row + x0 + x;
                    UNROLL for (int j = 0; j < NY; j++)
                        UNROLL for (int i = 0; i < NX; i++)
                            STORE(sums[j][i], to + (size_t)j * row + LANES * i);
                } else {
                    local float *to = found + part * NY * kept + x;
                    UNROLL for (int j = 0; j < NY; j++)
                        UNROLL for (int i = 0; i < NX; i++)
                            STORE(sums[j][i], to + j * kept + LANES * i);
                }
            }
        for (int j = 0; j < NY; j++)
            PLAIN for (int x = ready; x < columns; x += LANES) {
                local const float *from = found + j * kept + x;
                int at = y + fold * j;
                VECTOR made[4];
                made[0] = LOAD(from);
                if (parts == 9) {
                    VECTOR part[9];
                    UNROLL for (int i = 0; i < 9; i++)
                        part[i] = LOAD(from + i * NY * kept);
                    VECTOR even = part[3] + part[4], odd = part[4] - part[5];
                    made[0] = part[0] + part[1] + even;
                    made[1] = even - (part[6] + part[7]);
                    made[2] = part[1] - part[2] + odd;
                    made[3] = odd - (part[7] - part[8]);
                }
                PLAIN for (int i = 0; i < min(fold, rows - at); i++)
                    put(out + (size_t)(y0 + at + i) * row + x0 + x, made[i], columns - x);
            }
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
