//===- LibFuzzer.cpp - A target for libFuzzer -----------------------------===//
//
// Compiled once for each target, whose name is EINFALL_FUZZ_TARGET. Three of
// four mutations of a program know its grammar (Mutator.h); the others, and all
// of other files, are libFuzzer's own.
//
//===----------------------------------------------------------------------===//

#include "test/fuzz/Mutator.h"
#include "test/fuzz/Target.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>

using namespace einfall::fuzz;

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);

// The libraries of LLVM and MLIR are not instrumented: what they push into a
// container, and what they take from an arena, AddressSanitizer is not told.
extern "C" const char *__asan_default_options() {
  return "detect_container_overflow=0:allow_user_poisoning=0:detect_leaks=0";
}

extern "C" const char *__ubsan_default_options() {
  return "halt_on_error=1:print_stacktrace=1";
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const Target *const target = findTarget(EINFALL_FUZZ_TARGET);
  target->run({reinterpret_cast<const char *>(data), size});
  return 0;
}

static size_t store(const std::string &text, uint8_t *data, size_t most) {
  size_t size = std::min(text.size(), most);
  std::memcpy(data, text.data(), size);
  return size;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t most, unsigned seed) {
  static const Target *const target = findTarget(EINFALL_FUZZ_TARGET);
  if (!target->takesPrograms || seed % 4 == 0)
    return LLVMFuzzerMutate(data, size, most);
  static Mutator mutator;
  std::string_view text(reinterpret_cast<const char *>(data), size);
  std::string changed = mutator.mutate(text, seed / 4);
  return store(changed, data, most);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t *first,
                                            size_t firstSize,
                                            const uint8_t *second,
                                            size_t secondSize, uint8_t *out,
                                            size_t most, unsigned seed) {
  static const Target *const target = findTarget(EINFALL_FUZZ_TARGET);
  std::string_view a(reinterpret_cast<const char *>(first), firstSize);
  std::string_view b(reinterpret_cast<const char *>(second), secondSize);
  if (!target->takesPrograms) {
    // The beginning of one and the end of the other.
    std::string both(a.substr(0, a.empty() ? 0 : seed % a.size()));
    both += b.substr(b.empty() ? 0 : seed / 7 % b.size());
    return store(both, out, most);
  }
  static Mutator mutator;
  mutator.learn(b);
  return store(mutator.mutate(a, seed), out, most);
}
