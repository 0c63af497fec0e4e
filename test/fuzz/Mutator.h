//===- Mutator.h - Programs changed by their grammar ------------*- C++ -*-===//
//
// Changes a program by what the parser makes of it: expressions are replaced by
// others (their own, or of programs that were seen before), wrapped, unwrapped
// and exchanged; statements are copied, moved, removed and put under `each` or
// `where`; ranks, extents, numbers, operators, functions, types and names
// become others. What results mostly parses, and often is accepted, so that the
// later stages are reached. A text that does not parse at all is changed token
// by token.
//
// The same seed and the same history give the same text.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_TEST_FUZZ_MUTATOR_H
#define EINFALL_TEST_FUZZ_MUTATOR_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace einfall::fuzz {

class Mutator {
public:
  /// Keeps expressions, statements and definitions of a program for others.
  void learn(std::string_view program);
  /// One to four changes; what `program` holds is learnt.
  std::string mutate(std::string_view program, uint64_t seed);

  /// What was seen, at most `maxKept` of each; later ones replace earlier ones.
  struct Pool {
    static constexpr size_t maxKept = 2048;
    std::vector<std::string> expressions, statements, definitions;
  };

private:
  Pool pool;
  uint64_t seen = 0;
};

} // namespace einfall::fuzz

#endif // EINFALL_TEST_FUZZ_MUTATOR_H
