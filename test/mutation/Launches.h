//===- Launches.h - With which arguments mutants are tried ------*- C++ -*-===//
//
// A launch is text: "p=65,m=129,pattern=peaky". Beside extents, parameters and
// how inputs are drawn (dialect/Interpreter/Random.h: `pattern`, `layout`) it
// may say
//
//   away=8          Q is made positive, K negative, both times 8: all scores
//                   are far below 0, so that a 0 among them dominates
//   nan=V.m.64      element 64 along m of V is NaN; 64+: from there on,
//                   64-: up to there; inf=V.m.64 infinity;
//                   nan=V.m.64.f.5: element 5 along f alone
//   fill=n.70       every element of the integers n is 70
//   misaligned=K    input K starts one element off 16 bytes, among poison
//   misaligned=stride K.1  its dimension 1 has a stride that is odd
//   shares          only for versions that split the stream or pack rows
//   uneven          left out where a kernel requires anything: its heads are no
//                   multiple of its groups
//
// What a kernel has not is left out.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_TEST_MUTATION_LAUNCHES_H
#define EINFALL_TEST_MUTATION_LAUNCHES_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <map>
#include <string>
#include <vector>

namespace einfall::mutation {

struct LaunchSpec {
  struct Poison {
    std::string input, rank;
    int64_t index = 0;
    bool andMore = false, andLess = false, isInfinity = false;
    /// The one element along a further rank, if that is not empty.
    std::string within;
    int64_t element = 0;
  };
  std::string text;
  /// Extents and parameters, not told apart.
  std::map<std::string, double> numbers;
  std::string pattern = "normal", layout = "dense";
  double away = 0;
  std::vector<Poison> poisons;
  std::map<std::string, int64_t> fills; ///< by input
  std::string misaligned;
  bool shares = false, uneven = false;

  static llvm::Expected<LaunchSpec> parse(llvm::StringRef text);
};

/// Launches that reach every border of tiles of up to 128 keys and 192 rows:
/// |p| and |m| end in every fragment of rows and keys, and in every copy of a
/// tile, with many rows and few keys and the other way round; then the
/// inputs that hide nothing. The first notice most. Then launches of few rows
/// and several heads, which pack rows: up to 128 rows of four or eight heads.
const std::vector<std::string> &standardLaunches();

} // namespace einfall::mutation

#endif // EINFALL_TEST_MUTATION_LAUNCHES_H
