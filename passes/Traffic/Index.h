//===- Index.h - Integers of a device program, symbolically -----*- C++ -*-===//
//
// What the integers and conditions of a device program are, as functions of its
// parameters, the block, the warp, the lane and the rounds of loops. Forms are
// immutable, unique (equal forms are one pointer) and owned by a pool.
//
// An integer is a polynomial over *atoms*: parameters, variables, quotients and
// remainders, min, max, choices, sums. So x + y - x is y, and 64 j + r is seen
// to be linear in j. Quotients are by positive numbers and round down.
//
// Variables have a range whose ends may depend on parameters and on variables
// made before. Numeric bounds and signs follow from ranges; parameters named
// "|r|" are extents, so at least 0.
//
// A variable whose range is a product is split where a program takes its
// quotient by a factor: with x in [0, a b), x mod a and x / a become variables
// u in [0, a) and v in [0, b), and x is u + a v ever after (`resolve`). That is
// how a block's number becomes coordinates.
//
// Limits: 64-bit coefficients; integers of the program are taken not to
// overflow.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_TRAFFIC_INDEX_H
#define EINFALL_PASSES_TRAFFIC_INDEX_H

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace einfall::traffic {

struct Form;
using Ref = const Form *;

enum class Kind : uint8_t {
  Polynomial,
  // Atoms.
  Parameter,
  Variable, ///< operands: from, to (not reached)
  Quotient,
  Remainder,
  Minimum,
  Maximum,
  Choice,  ///< truth, then, else
  Sum,     ///< variable, from, to, body
  Sectors, ///< active, address, bytes; binds the lane
  Unknown,
  // Truths.
  Constant,    ///< low: 0 or 1
  NotNegative, ///< of an integer
  Zero,        ///< of an integer
  And,
  Or,
  Not,
  UnknownTruth,
};

/// A product of atoms, sorted by age.
using Monomial = std::vector<Ref>;

struct Term {
  Monomial atoms;
  int64_t coefficient;
  bool operator==(const Term &other) const = default;
};

struct Form {
  Kind kind;
  unsigned age; ///< number in the pool
  std::vector<Term> terms;
  std::vector<Ref> operands;
  std::string name;
  int64_t low, high;          ///< least and greatest value; see `unbounded`
  std::vector<Ref> variables; ///< that occur free, sorted by age
  std::vector<Ref> bound;     ///< by sums within, sorted by age
  bool hasUnknown = false;

  bool isConstant() const {
    return terms.empty() || (terms.size() == 1 && terms[0].atoms.empty());
  }
  int64_t constant() const { return terms.empty() ? 0 : terms[0].coefficient; }
  bool has(Ref variable) const;
};

/// Stands for an end that is not known.
inline constexpr int64_t unbounded = int64_t(1) << 62;

using Substitution = std::map<Ref, Ref>;

class Pool {
public:
  Pool();
  Pool(const Pool &) = delete;

  // Integers.
  Ref number(int64_t value);
  Ref parameter(const std::string &name, int64_t low = -unbounded,
                int64_t high = unbounded);
  /// A fresh variable with from <= v < to; as an integer.
  Ref variable(const std::string &name, Ref from, Ref to);
  /// `source` says what has it: tensors, separated by ", "; see sourcesOf. Its
  /// ends may be known.
  Ref unknown(const std::string &source = "", int64_t low = -unbounded,
              int64_t high = unbounded);
  Ref add(Ref a, Ref b);
  Ref sub(Ref a, Ref b) { return add(a, scale(b, -1)); }
  Ref mul(Ref a, Ref b);
  Ref scale(Ref a, int64_t by);
  Ref quotient(Ref a, Ref b);
  Ref remainder(Ref a, Ref b);
  Ref ceil(Ref a, Ref b) { return quotient(add(a, sub(b, one)), b); }
  Ref minimum(Ref a, Ref b);
  Ref maximum(Ref a, Ref b);
  Ref choice(Ref truth, Ref a, Ref b);
  Ref sum(Ref variable, Ref from, Ref to, Ref body);
  Ref sectors(Ref active, Ref address, Ref bytes);

  // Truths.
  Ref truth(bool value) { return value ? yes : no; }
  Ref unknownTruth(const std::string &source = "");
  Ref notNegative(Ref a);
  Ref isZero(Ref a);
  Ref both(Ref a, Ref b);
  Ref either(Ref a, Ref b);
  Ref negate(Ref a);
  Ref lessOrEqual(Ref a, Ref b) { return notNegative(sub(b, a)); }
  Ref less(Ref a, Ref b) { return notNegative(add(sub(b, a), number(-1))); }

  /// The variable or parameter that an integer is, or null.
  static Ref atomOf(Ref a);
  /// An atom as an integer.
  Ref asInteger(Ref atom);

  /// Variables, or other atoms that have variables, by integers. What stands
  /// for an atom has to have its variables.
  Ref substitute(Ref form, const Substitution &what);
  /// What is known by now of split variables, everywhere in `form`.
  Ref resolve(Ref form);
  /// That `variable` is `value` ever after.
  void define(Ref variable, Ref value);
  const Substitution &definitions() const { return defined; }

  /// A lower (upper) bound of `form` over the `over` variables, as a form
  /// without them and without unknown parts, or null. Where a range is empty it
  /// may be anything.
  Ref least(Ref form, const std::vector<Ref> &over) {
    return extreme(form, over, false);
  }
  Ref greatest(Ref form, const std::vector<Ref> &over) {
    return extreme(form, over, true);
  }
  /// At least `form`, without what is unknown in it; or null.
  Ref knownGreatest(Ref form) { return extreme(form, {}, true); }
  /// Whether it is surely at least 0, for all values in all ranges.
  bool isNotNegative(Ref form);

  /// form = a v + b without v in a and b; false where it is not so.
  bool isLinear(Ref form, Ref variable, Ref &a, Ref &b);

  /// Whether `variable` occurs, free or bound.
  static bool mentions(Ref form, Ref variable);

  /// Whether quotients split variables into digits.
  bool splitsVariables = true;
  /// Variables of sums, by range and by how deep they lie in each other.
  std::map<std::tuple<Ref, Ref, unsigned>, Ref> boundVariables;
  /// In [0, 32), of the threads of a warp.
  Ref lane;
  Ref zero, one, yes, no;

private:
  Ref make(Form form);
  Ref polynomial(const std::map<Monomial, int64_t> &terms);
  Ref truthOf(Kind kind, std::vector<Ref> operands, std::string name = "");
  Ref atom(Kind kind, std::vector<Ref> operands, int64_t low, int64_t high);
  Ref extreme(Ref form, const std::vector<Ref> &over, bool greatest);
  Ref withoutQuotients(Ref form);
  bool split(Ref dividend, Ref divisor, Ref &whole, Ref &rest);
  void joinRemainders(std::map<Monomial, int64_t> &terms);
  Ref rebuild(Ref form, std::unordered_map<Ref, Ref> &done,
              const Substitution &what);

  std::vector<std::unique_ptr<Form>> forms;
  std::unordered_multimap<size_t, Ref> unique;
  Substitution defined;
  unsigned variables = 0;
};

/// What the unknown parts of a form come from, sorted.
std::set<std::string> sourcesOf(Ref form);

/// Values of parameters, by name.
using Bindings = std::function<std::optional<int64_t>(const std::string &)>;

/// The value of a form without free variables; nothing where a parameter has
/// none or something is unknown.
std::optional<int64_t> evaluate(Ref form, const Pool &pool,
                                const Bindings &bindings);

} // namespace einfall::traffic

#endif // EINFALL_PASSES_TRAFFIC_INDEX_H
