/* Runs the attention that attention.o embeds on the CPU and on an emulated GPU
 * (or the device that is named), and compares. */
#include "attention.h"
#include <einfall/einfall.h>
#include <stdio.h>
#include <stdlib.h>

enum { H = 2, P = 100, M = 130, E = 64 };
static uint16_t Q[H * P * E], K[M * E], V[M * E], O[2][H * P * E];
static float L[2][H * P];

static EinfallTensor tensor(void *data, int ndim, const int64_t *shape) {
  EinfallTensor result = {data, {EINFALL_DEVICE_HOST, 0}, ndim,
                          {EINFALL_BFLOAT, 16, 1}, shape, NULL, 0};
  return result;
}

static EinfallStatus run(const char *device, uint16_t *out, float *sums) {
  int64_t queries[] = {1, H, P, E}, keys[] = {1, 1, M, E};
  EinfallTensor q = tensor(Q, 4, queries), k = tensor(K, 4, keys),
                v = tensor(V, 4, keys), o = tensor(out, 4, queries),
                l = tensor(sums, 3, queries);
  l.dtype = (EinfallDataType){EINFALL_FLOAT, 32, 1};
  EinfallNamedTensor tensors[] = {
      {"Q", &q}, {"K", &k}, {"V", &v}, {"O", &o}, {"L", &l}};
  EinfallArguments arguments = {tensors, 5, NULL, 0};
  EinfallPackage *package = NULL;
  EinfallKernel *kernel = NULL;
  size_t bytes = 0;
  void *workspace = NULL;
  EinfallStatus status = einfall_package_open_memory(
      attention_efk, attention_efk_size, &package);
  if (!status)
    status = einfall_kernel_load(package, "attention", device, &kernel);
  if (!status)
    status = einfall_kernel_workspace(kernel, &arguments, &bytes);
  if (!status) {
    workspace = aligned_alloc(64, (bytes + 64) / 64 * 64);
    status = einfall_kernel_launch(kernel, &arguments, workspace, bytes, NULL);
  }
  if (status)
    fprintf(stderr, "%s: %s\n", device, einfall_error_message());
  free(workspace);
  einfall_kernel_unload(kernel);
  einfall_package_close(package);
  return status;
}

static float real(uint16_t x) {
  union { uint32_t bits; float number; } value = {(uint32_t)x << 16};
  return value.number;
}

int main(int argc, char **argv) {
  const char *devices[] = {"cpu", argc > 1 ? argv[1] : "emulated:sm_80"};
  int wrong = 0;
  for (int i = 0; i < H * P * E; ++i) /* +-[0.5, 1) */
    Q[i] = 0x3f00 | (rand() & 0x807f);
  for (int i = 0; i < M * E; ++i)
    K[i] = 0x3f00 | (rand() & 0x807f), V[i] = 0x3f00 | (rand() & 0x807f);
  for (int i = 0; i < 2; ++i) {
    EinfallStatus status = run(devices[i], O[i], L[i]);
    if (status)
      return status;
  }
  for (int i = 0; i < H * P * E; ++i) { /* 2 roundings to bf16, of at most 1 */
    float x = real(O[0][i]) - real(O[1][i]);
    wrong += !(x > -0x1p-7f && x < 0x1p-7f);
  }
  for (int i = 0; i < H * P; ++i) {
    float x = L[0][i] - L[1][i];
    wrong += !(x > -1e-4f && x < 1e-4f);
  }
  printf("%s and %s agree in all but %d of %d elements\n", devices[0],
         devices[1], wrong, H * P * (E + 1));
  return wrong != 0;
}
