/* What the host spends on a warm launch of attention on a CUDA device: checks
 * of all arguments, the grid program, tensor maps, and the call of the driver.
 *
 *   launch PACKAGE [COUNT]
 *
 * Made for the driver of the tests with FAKE_CUDA=execute=0, which checks what
 * it is given and executes nothing: its time is part of what is measured. */
#define _POSIX_C_SOURCE 199309L
#include <einfall/einfall.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { H = 32, G = 8, P = 4096, M = 4096, E = 64, BATCH = 100 };

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e6 + time.tv_nsec * 1e-3;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static EinfallTensor tensor(uintptr_t data, const char *type, int ndim,
                            const int64_t *shape) {
  EinfallTensor result = einfall_tensor((void *)data, type, ndim, shape);
  result.device.device_type = EINFALL_DEVICE_CUDA;
  return result;
}

int main(int argc, char **argv) {
  if (argc < 2)
    return fprintf(stderr, "usage: launch PACKAGE [COUNT]\n"), 2;
  int batches = (argc > 2 ? atoi(argv[2]) : 100000) / BATCH;
  EinfallPackage *package = NULL;
  EinfallKernel *kernel = NULL;
  if (einfall_package_open(argv[1], &package) ||
      einfall_kernel_load(package, NULL, "cuda", &kernel))
    return einfall_print_error("launch");
  /* Addresses that nobody reads. */
  const uintptr_t base = (uintptr_t)1 << 40, step = (uintptr_t)1 << 32;
  int64_t rows[] = {1, H, P, E}, keys[] = {1, G, M, E};
  EinfallTensor q = tensor(base, "bf16", 4, rows);
  EinfallTensor k = tensor(base + step, "bf16", 4, keys);
  EinfallTensor v = tensor(base + 2 * step, "bf16", 4, keys);
  EinfallTensor o = tensor(base + 3 * step, "bf16", 4, rows);
  EinfallTensor l = tensor(base + 4 * step, "f32", 3, rows);
  EinfallNamedTensor tensors[] = {
      {"Q", &q}, {"K", &k}, {"V", &v}, {"O", &o}, {"L", &l}};
  EinfallArguments arguments = {tensors, 5, NULL, 0};
  double *times = malloc(batches * sizeof(double));
  for (int i = -10; i < batches; ++i) {
    double begin = now();
    for (int j = 0; j < BATCH; ++j)
      if (einfall_kernel_launch(kernel, &arguments, NULL, 0, NULL))
        return einfall_print_error("launch");
    if (i >= 0)
      times[i] = (now() - begin) / BATCH;
  }
  qsort(times, batches, sizeof(double), compare);
  printf("%.2f us a launch (median of %d times %d; 10%% %.2f, 90%% %.2f)\n",
         times[batches / 2], batches, BATCH, times[batches / 10],
         times[batches * 9 / 10]);
  free(times);
  einfall_kernel_unload(kernel);
  einfall_package_close(package);
  return 0;
}
