//===- Reasons.h - Why a mutant is no fault ---------------------*- C++ -*-===//
//
// Mutants that nothing notices and that are right all the same, by rule: a JSON
// array of objects with `name`, `kinds` (an array), `role` and `program`
// (regular expressions, found anywhere), `equal` (true: only where the outputs
// are bitwise those of the program without fault), and `reason`.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_TEST_MUTATION_REASONS_H
#define EINFALL_TEST_MUTATION_REASONS_H

#include "test/mutation/Mutants.h"

#include "llvm/Support/Error.h"
#include "llvm/Support/Regex.h"

namespace einfall::mutation {

class Reasons {
public:
  struct Rule {
    std::string name, reason;
    std::vector<std::string> kinds;
    llvm::Regex role, program;
    bool equal;
    unsigned used = 0;
  };

  static llvm::Expected<Reasons> load(llvm::StringRef path);

  /// The first rule that holds for a survivor of `program`, counted as used, or
  /// null. `equal`: its outputs are those of the program without fault.
  const Rule *find(llvm::StringRef program, const Mutant &mutant, bool equal);
  /// True where a rule may hold.
  bool explains(llvm::StringRef program, const Mutant &mutant) const;
  llvm::ArrayRef<Rule> all() const { return rules; }

private:
  static bool matches(const Rule &rule, llvm::StringRef program,
                      const Mutant &mutant);
  std::vector<Rule> rules;
};

} // namespace einfall::mutation

#endif // EINFALL_TEST_MUTATION_REASONS_H
