//===- DeviceProgram.h - Device programs in tests ---------------*- C++ -*-===//
//
// Builds images from the text of a kernel's body and launches them over
// vectors.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_TEST_RUNTIME_EMULATED_DEVICEPROGRAM_H
#define EINFALL_TEST_RUNTIME_EMULATED_DEVICEPROGRAM_H

#include "runtime/devices/emulated/Emulator.h"

#include <cstring>

namespace einfall::test {

/// A kernel `test` with parameters x, y: i64 (buffers), n: i64, a: f32 whose
/// block has `threads` threads and `shared` bytes; `x` and `%y` are made
/// %blocks blocks along x. `body` may use %x, %y, %n, %a, %t (the thread), %tw
/// (as i64), %zero, %one (i32), %zerow (i64). Fails the test where the text is
/// wrong.
std::string kernelText(const std::string &body, int threads, int shared,
                       int blocks = 1);
emulated::DeviceImage buildImage(const std::string &text);

/// One launch of a kernel that buildImage(kernelText(...)) made.
struct TestLaunch {
  std::vector<uint32_t> x, y;
  int64_t n = 0;
  float a = 0;
  uint64_t seed = 1;
  unsigned threads = 1;
  uint64_t limit = 0;

  /// x is only read, y is written.
  emulated::Report run(const emulated::DeviceImage &image);
};

/// Runs `body` on one block; reports go to the caller.
emulated::Report runBody(const std::string &body, int threads, int shared,
                         TestLaunch &launch);

inline float asFloat(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}
inline uint32_t asWord(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  return bits;
}

} // namespace einfall::test

#endif // EINFALL_TEST_RUNTIME_EMULATED_DEVICEPROGRAM_H
