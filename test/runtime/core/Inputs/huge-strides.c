/* Runs attention on dense tensors and on tensors whose elements lie more than
 * 2^31 elements and 2^33 bytes apart, and compares the results.
 *
 *   huge-strides PACKAGE DEVICE rows|elements
 *
 * rows: a huge stride from row to row, elements of a row side by side.
 * elements: a huge stride from element to element.
 * The memory is reserved and never committed but where it is touched. */
#define _GNU_SOURCE
#include <einfall/einfall.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { H = 2, P = 40, M = 70, E = 64 };
static uint16_t dense[4][H * M * E], back[H * P * E];
static float sums[2][H * P];

/* A tensor of 1 x heads x rows x E. */
struct Tensor {
  EinfallTensor view;
  int64_t shape[4], strides[4];
};

static void make(struct Tensor *tensor, void *data, int64_t heads, int64_t rows,
                 int64_t row, int64_t element) {
  int64_t shape[] = {1, heads, rows, E};
  int64_t strides[] = {0, row ? 16 * E : rows * E, row ? row : E, element};
  memcpy(tensor->shape, shape, sizeof(shape));
  memcpy(tensor->strides, strides, sizeof(strides));
  strides[0] = 1;
  tensor->strides[0] = 1;
  tensor->view = einfall_tensor(data, "bf16", 4, tensor->shape);
  tensor->view.strides = tensor->strides;
}

/* Calls at(dense element, huge element) of the tensor. */
static void copy(struct Tensor *tensor, uint16_t *small, int64_t heads,
                 int64_t rows, int out) {
  uint16_t *huge = tensor->view.data;
  for (int64_t h = 0; h < heads; ++h)
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t e = 0; e < E; ++e) {
        uint16_t *a = small + (h * rows + r) * E + e;
        uint16_t *b = huge + h * tensor->strides[1] + r * tensor->strides[2] +
                      e * tensor->strides[3];
        *(out ? a : b) = *(out ? b : a);
      }
}

static void *reserve(uint64_t bytes) {
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? NULL : memory;
}

static int launch(EinfallKernel *kernel, struct Tensor *tensors, float *l) {
  int64_t shape[] = {1, H, P};
  EinfallTensor sum = einfall_tensor(l, "f32", 3, shape);
  EinfallNamedTensor named[] = {{"Q", &tensors[0].view},
                                {"K", &tensors[1].view},
                                {"V", &tensors[2].view},
                                {"O", &tensors[3].view},
                                {"L", &sum}};
  EinfallArguments arguments = {named, 5, NULL, 0};
  return einfall_kernel_run(kernel, &arguments);
}

static float real(uint16_t x) { /* of a bf16 */
  union {
    uint32_t bits;
    float number;
  } value = {(uint32_t)x << 16};
  return value.number;
}

/* Another version may have run, which adds in another order. */
static int differ(float a, float b, float most) {
  return !(a - b <= most && b - a <= most);
}

int main(int argc, char **argv) {
  const int64_t rows[] = {P, M, M, P}, heads[] = {H, 1, 1, H};
  struct Tensor small[4], huge[4];
  EinfallPackage *package = NULL;
  EinfallKernel *kernel = NULL;
  if (argc != 4 || einfall_package_open(argv[1], &package) ||
      einfall_kernel_load(package, NULL, argv[2], &kernel))
    return einfall_print_error("load");
  int elements = !strcmp(argv[3], "elements");
  /* 2^27 elements a row: 40 rows reach beyond 2^32 elements and 2^33 bytes. */
  int64_t row = (int64_t)1 << 27, element = 1;
  if (elements)
    row = (int64_t)1 << 8, element = ((int64_t)1 << 26) + 3;
  for (int i = 0; i < 4; ++i) {
    uint64_t last = heads[i] * 16 * E + (rows[i] - 1) * row + E * element;
    for (int j = 0; i < 3 && j < heads[i] * rows[i] * E; ++j)
      dense[i][j] = 0x3f00 | (rand() & 0x807f); /* +-[0.5, 1) */
    void *memory = reserve(2 * last);
    if (!memory)
      return fprintf(stderr, "no address space\n"), 1;
    make(&small[i], dense[i], heads[i], rows[i], 0, 1);
    make(&huge[i], memory, heads[i], rows[i], row, element);
    if (elements) /* heads lie beyond all rows */
      huge[i].strides[1] = rows[i] * row;
    copy(&huge[i], dense[i], heads[i], rows[i], 0);
  }
  if (launch(kernel, small, sums[0]) || launch(kernel, huge, sums[1]))
    return einfall_print_error("launch");
  copy(&huge[3], back, H, P, 1);
  int wrong = 0;
  for (int i = 0; i < H * P * E; ++i)
    wrong += differ(real(back[i]), real(dense[3][i]), 0x1p-7f);
  for (int i = 0; i < H * P; ++i)
    wrong += differ(sums[0][i], sums[1][i], 1e-5f);
  printf("reaches over %.1f * 2^31 elements: %s\n",
         (double)(elements ? (E - 1) * element : (P - 1) * row) / (1u << 31),
         wrong ? "other results" : "the same results");
  einfall_kernel_unload(kernel);
  einfall_package_close(package);
  return 0;
}
