/* Runs the attention that attention.o embeds on the device that is named. */
#include "attention.h"
#include <einfall/einfall.h>
#include <stdio.h>

enum { H = 2, P = 100, M = 130, E = 64 };
static uint16_t Q[H * P * E], K[M * E], V[M * E], O[H * P * E]; /* bf16 */
static float L[H * P];
int main(int argc, char **argv) {
  const char *device = argc > 1 ? argv[1] : "cpu";
  int64_t rows[] = {1, H, P, E}, keys[] = {1, 1, M, E};
  EinfallTensor q = einfall_tensor(Q, "bf16", 4, rows);
  EinfallTensor k = einfall_tensor(K, "bf16", 4, keys);
  EinfallTensor v = einfall_tensor(V, "bf16", 4, keys);
  EinfallTensor o = einfall_tensor(O, "bf16", 4, rows);
  EinfallTensor l = einfall_tensor(L, "f32", 3, rows);
  EinfallNamedTensor tensors[] = {
      {"Q", &q}, {"K", &k}, {"V", &v}, {"O", &o}, {"L", &l}};
  EinfallArguments arguments = {tensors, 5, NULL, 0};
  EinfallKernel *kernel;
  for (int i = 0; i < M * E; ++i) /* the first 100 keys are 1, others 0 */
    V[i] = i < 100 * E ? 0x3f80 : 0;
  if (einfall_kernel_open(attention_efk, attention_efk_size, "attention",
                          device, &kernel) ||
      einfall_kernel_run(kernel, &arguments))
    return einfall_print_error(device);
  for (int row = 0; row < P; row += 33) /* sees row + 31 keys, all alike */
    printf("row %d: O = %04x, L = %.4f\n", row, O[row * E], L[row]);
  einfall_kernel_unload(kernel);
}
