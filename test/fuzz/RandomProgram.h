//===- RandomProgram.h - Programs in Ein by chance --------------*- C++ -*-===//
//
// Draws a kernel: inputs of all types, and equations made of what the language
// has: maps, conditions, reductions, implied sums, indices that are computed or
// looked up, absence, defs, several equations of one tensor, recurrences,
// lists, ragged ranks. Most are accepted, because expressions are drawn by type
// and by the ranks that are there.
//
// Arithmetic is kept tame: divisors and arguments stay away from poles, and
// conditions, indices and lists depend on integers or on numbers as they were
// stored. So a value is the same in double and in single precision up to
// rounding, and what differs by more is a fault.
//
// The twin is the same kernel without recurrences, lists and ragged ranks: the
// steps written one by one, an entry of a list as the coordinate that so many
// others precede, a piece as a condition. The two must agree; the twin can be
// compiled.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_TEST_FUZZ_RANDOMPROGRAM_H
#define EINFALL_TEST_FUZZ_RANDOMPROGRAM_H

#include <cstdint>
#include <string>

namespace einfall::fuzz {

struct RandomProgram {
  std::string text;
  std::string twin; ///< the same text where there is nothing to write otherwise

  static RandomProgram draw(uint64_t seed);
};

} // namespace einfall::fuzz

#endif // EINFALL_TEST_FUZZ_RANDOMPROGRAM_H
