/* Calls a module of TVM-FFI as TVM-FFI would, with an environment of its own:
 * errors are printed, streams and memory are this program's.
 *
 *   tvm-ffi MODULE KERNEL cpu|cuda */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <einfall/tvm_ffi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  int32_t type;
  uint32_t padding;
  union {
    int64_t integer;
    double real;
    const void *pointer;
  } value;
} Any;
typedef int (*SafeCall)(void *, const Any *, int32_t, Any *);

/* An object of TVM-FFI: a header of 24 bytes, then the tensor. */
typedef struct {
  char header[24];
  EinfallTensor tensor;
} TensorObject;

static void *stream;
static int allocated, released;

void TVMFFIErrorSetRaisedFromCStr(const char *kind, const char *message) {
  printf("%s: %s\n", kind, message);
}
void *TVMFFIEnvGetStream(int32_t type, int32_t id) {
  printf("stream of device %d:%d\n", type, id);
  return stream;
}
int TVMFFIEnvTensorAlloc(const EinfallTensor *wanted, void **out) {
  static TensorObject object;
  object.tensor = *wanted;
  object.tensor.data = (void *)((uintptr_t)1 << 44);
  ++allocated;
  *out = &object;
  return 0;
}
int TVMFFIObjectDecRef(void *object) {
  (void)object;
  ++released;
  return 0;
}
int TVMFFIStringFromByteArray(const void *bytes, Any *out) {
  const struct {
    const char *data;
    size_t size;
  } *text = bytes;
  printf("%.*s", (int)text->size, text->data);
  out->type = 65;
  return 0;
}

static Any tensor(const EinfallTensor *given) {
  Any any = {7, 0, {0}};
  any.value.pointer = given;
  return any;
}

int main(int argc, char **argv) {
  if (argc != 4)
    return 2;
  void *module = dlopen(argv[1], RTLD_NOW);
  if (!module)
    return fprintf(stderr, "%s\n", dlerror()), 1;
  char name[128];
  snprintf(name, sizeof name, "__tvm_ffi_%s", argv[2]);
  SafeCall call = (SafeCall)dlsym(module, name);
  snprintf(name, sizeof name, "__tvm_ffi__doc_%s", argv[2]);
  SafeCall describe = (SafeCall)dlsym(module, name);
  if (!call || !describe)
    return fprintf(stderr, "%s\n", dlerror()), 1;
  Any result = {0, 0, {0}};
  if (describe(NULL, NULL, 0, &result) || result.type != 65)
    return 1;
  if (!strcmp(argv[3], "cuda")) {
    /* Attention of one row over a long context: split, so a workspace. The
     * addresses are read by nobody. */
    int64_t rows[] = {1, 8, 1, 64}, keys[] = {1, 8, 16384, 64};
    EinfallTensor all[5];
    for (int i = 0; i < 5; ++i) {
      all[i] = einfall_tensor((void *)((uintptr_t)(i + 1) << 40),
                              i < 4 ? "bf16" : "f32", i < 4 ? 4 : 3,
                              i == 1 || i == 2 ? keys : rows);
      all[i].device.device_type = EINFALL_DEVICE_CUDA;
      all[i].device.device_id = 1;
    }
    void *fake = dlopen(getenv("EINFALL_CUDA_DRIVER"), RTLD_NOW);
    void *(*streamOf)(int) = (void *(*)(int))dlsym(fake, "fakeCudaStream");
    stream = streamOf(1);
    Any arguments[5];
    for (int i = 0; i < 5; ++i)
      arguments[i] = tensor(&all[i]);
    int code = call(NULL, arguments, 5, &result);
    printf("%d, %d allocated, %d released\n", code, allocated, released);
    arguments[2].type = 0;
    return call(NULL, arguments, 5, &result) != -1;
  }
  float x[] = {1, 2, 3, 4, 5, 6}, w[] = {1, 10, 100}, y[2];
  int32_t t[2];
  int64_t shape[] = {2, 3};
  TensorObject object = {{0}, einfall_tensor(x, "f32", 2, shape)};
  EinfallTensor tw = einfall_tensor(w, "f32", 1, shape + 1);
  EinfallTensor ty = einfall_tensor(y, "f32", 1, shape);
  EinfallTensor tt = einfall_tensor(t, "i32", 1, shape);
  Any arguments[] = {
      {70, 0, {0}}, tensor(&tw), tensor(&ty), tensor(&tt), {1, 0, {-1}}};
  arguments[0].value.pointer = &object;
  result.type = 5;
  int code = call(NULL, arguments, 5, &result);
  printf("%d, type %d: %g %g %d %d\n", code, result.type, y[0], y[1], t[0],
         t[1]);
  arguments[4].type = 0; /* None: the default */
  code = call(NULL, arguments, 5, &result);
  printf("%d: %g %g\n", code, y[0], y[1]);
  code = call(NULL, arguments, 4, &result);
  printf("%d: %g %g\n", code, y[0], y[1]);
  call(NULL, arguments, 3, &result);
  call(NULL, arguments, 6, &result);
  call(NULL, NULL, 0, &result);
  call(NULL, NULL, 1, &result);
  arguments[4].type = 65;
  call(NULL, arguments, 5, &result);
  arguments[1].type = 3;
  call(NULL, arguments, 4, &result);
  arguments[1].type = 7;
  tw.shape = shape; /* 2 where x has 3 */
  return call(NULL, arguments, 4, &result) != -1;
}
