//===- Checker.h - What the checks of all bounds share ----------*- C++ -*-===//

#ifndef EINFALL_PASSES_CERTIFICATE_CHECKER_H
#define EINFALL_PASSES_CERTIFICATE_CHECKER_H

#include "passes/Certificate/Check.h"
#include "passes/Certificate/Counting.h"
#include "passes/Certificate/Inequalities.h"

#include <set>

namespace einfall::certificate {

/// Every function gives nothing after a problem that leaves nothing to derive;
/// the problem is then reported.
class Checker {
public:
  /// With `amend`, claims that differ are replaced, not reported.
  Checker(Certificate &certificate, bool amend)
      : certificate(certificate), amend(amend) {}

  void checkAll();

  std::vector<CheckResult::Problem> problems;
  std::vector<std::string> lines;
  /// By name, so that each is proved once.
  std::map<std::string, Inequality> inequalities;

private:
  using Path = const std::string &;
  using Bytes = std::optional<mpz_class>; ///< rounded down

  void problem(Path path, const std::string &message) {
    problems.push_back({path, message});
  }
  template <typename Number>
  void expect(Path path, Number &claimed, const Number &derived) {
    if (claimed == derived)
      return;
    if (amend)
      claimed = derived;
    else
      problem(path, "claimed " + text(claimed) + ", derived " + text(derived));
  }
  static std::string text(const mpz_class &number) { return number.get_str(); }
  static std::string text(const mpq_class &number) { return number.get_str(); }
  static std::string text(unsigned number) { return std::to_string(number); }

  void checkNames();
  void checkConditions();
  void checkTensors();
  void checkBoundary(Path path, Boundary &boundary);
  void checkSchedule(Path path, Boundary &boundary);
  void checkFit(Path path, const Boundary &boundary, ScheduleTraffic::Fit &fit);

  Bytes derive(Path path, CompulsoryBound &bound, const Boundary &boundary);
  Bytes derive(Path path, PassesBound &bound, const Boundary &boundary);
  Bytes derive(Path path, ContractionBound &bound, const Boundary &boundary);
  Bytes derive(Path path, AttentionBound &bound, const Boundary &boundary);
  Bytes derive(Path path, BackwardBound &bound, const Boundary &boundary);

  // Of attention.
  bool checkAttentionShape(Path path, AttentionBound &bound);
  Bytes uniformWords(Path path, const AttentionBound &bound,
                     const Boundary &boundary, unsigned word);
  Bytes mixedWords(Path path, const AttentionBound &bound,
                   const Boundary &boundary, const Tensor &output);
  bool checkBackwardShape(Path path, const BackwardBound &bound);

  const Tensor *findTensor(Path path, const std::string &name);
  /// Whether there is a rank of this name.
  bool checkRanks(Path path, const std::vector<std::string> &ranks);
  /// The product of their extents.
  mpz_class volume(const std::vector<std::string> &ranks) const;
  /// How many tuples of `ranks` the condition leaves; "" is none.
  std::optional<mpz_class> countTuples(Path path,
                                       const std::vector<std::string> &ranks,
                                       const std::string &condition);
  /// Bytes of inputs and of outputs that have to move, exact.
  std::pair<mpq_class, mpq_class> compulsory() const;
  void need(const char *inequality);

  Certificate &certificate;
  bool amend;
  std::map<std::string, const Tensor *> tensors;
  std::map<std::string, const Condition *> conditions;
  std::map<std::string, ConditionCount> counts;
};

/// The ranks that are indices of a tensor all by themselves, in a dimension
/// that holds all their coordinates: an element tells them.
std::set<std::string> plainRanks(const Tensor &tensor,
                                 const std::map<std::string, int64_t> &extents);

/// The indices of a tensor except those by one of `inner`, as text, sorted;
/// false if one of `inner` is not an index by itself, or occurs elsewhere.
bool outerIndices(const Tensor &tensor, const std::vector<std::string> &inner,
                  const std::map<std::string, int64_t> &extents,
                  std::vector<std::string> &out);

/// The greatest integer n with n <= (numerator / denominator)^(1/degree).
mpz_class floorOfRoot(const mpq_class &radicand, unsigned long degree);

} // namespace einfall::certificate

#endif // EINFALL_PASSES_CERTIFICATE_CHECKER_H
