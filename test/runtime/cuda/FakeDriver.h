//===- FakeDriver.h - A CUDA driver for tests -------------------*- C++ -*-===//
//
// A library with the entry points of runtime/devices/cuda/DriverApi.h, for
// EINFALL_CUDA_DRIVER. It checks every argument as the driver API documents it
// (and says on standard error what it refuses), and executes launches by the
// emulated device: code that is loaded must be that of a package, whose image
// of the same version is run, with the parameters that the launch gives. Grids
// and tensor maps must be those of the image's grid program. Memory of the
// device cannot be touched by the host.
//
// What it is like is a text of NAME=VALUE, separated by commas, from the
// variable FAKE_CUDA or from `fakeCudaConfigure`, which forgets what was
// before:
//
//   package=PATH      where the images of code are
//   devices=1         how many there are
//   capability=80     of all of them
//   shared=166912     bytes that a block may ask for
//   threads=1024      the most that any function runs with
//   memory=BYTES      of a device
//   fail=SYMBOL:CODE  every call of SYMBOL gives CODE
//   capture=1         a stream is being captured: what allocates or waits fails
//   execute=0         launches are checked and not executed
//   cubins=0          machine code is refused, as that of a newer toolkit
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_TEST_RUNTIME_CUDA_FAKEDRIVER_H
#define EINFALL_TEST_RUNTIME_CUDA_FAKEDRIVER_H

#include <cstdint>

extern "C" {
/// False, with a line on standard error, where the text is not understood.
bool fakeCudaConfigure(const char *text);
/// How often a function was called since it was configured.
unsigned fakeCudaCalls(const char *symbol);
/// A stream of a device, to be given to launches.
void *fakeCudaStream(int device);
}

#endif // EINFALL_TEST_RUNTIME_CUDA_FAKEDRIVER_H
