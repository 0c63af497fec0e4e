//===- Term.h - The language of proof obligations ---------------*- C++ -*-===//
//
// Terms over reals, integers and truth values, hash-consed in a context: equal
// terms are the same pointer, so `==` between terms is structural equality and
// costs nothing. Construction folds constants and normalises lightly:
//
//   * sums and products are flat, sorted, with like terms (x + x = 2*x) and
//     powers (x*x = x^2) collected; constants distribute over sums, so that
//     x - (x + y) becomes -y;
//   * there is no subtraction or negation: a - b is a + (-1)*b;
//   * a comparison of equal terms or of constants is true or false;
//   * not of a comparison of numbers turns it round; and/or are flat.
//
// Nothing is cancelled that needs a side condition: a/a stays a quotient.
//
// A term means a number only where its parts do: quotients by 0, logarithms of
// numbers that are not positive and roots of negative ones have no value, and a
// proof has to show that none occurs (passes/Proof/Eliminate.h).
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_PROOF_TERM_H
#define EINFALL_PASSES_PROOF_TERM_H

#include "passes/Proof/Rational.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/DenseMapInfo.h"
#include "llvm/ADT/StringRef.h"

#include <memory>
#include <vector>

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace einfall::proof {

class TermContext;

enum class Sort : uint8_t { Real, Int, Bool };

enum class TermKind : uint8_t {
  Constant, // value(), Real or Int
  True,
  False,
  Symbol,   // name()
  Add,      // n-ary, Real or Int
  Mul,      // n-ary, Real or Int; a constant factor comes first
  Pow,      // operand 0 to the integer power value() >= 2
  Div,      // Real
  FloorDiv, // Int; rounds towards minus infinity
  Mod,      // Int; 0 <= mod < divisor
  ToReal,   // an Int as a Real
  Exp,
  Log,
  Sqrt,
  Max,   // binary
  Min,   // binary
  Apply, // name(): an uninterpreted function of its operands
  Ite,   // Bool, then two of one sort
  Not,
  And, // n-ary
  Or,  // n-ary
  Eq,  // two of one sort
  Lt,  // two numbers
  Le   // two numbers
};

/// A pointer to a term, as cheap as one to pass around. Owned by its context.
class Term {
public:
  struct Node;
  Term() = default;
  explicit Term(const Node *node) : node(node) {}

  /// Not a conversion to bool, which `!` on terms would be mistaken for.
  bool isNull() const { return !node; }
  bool operator==(Term other) const { return node == other.node; }
  bool operator!=(Term other) const { return node != other.node; }

  TermKind kind() const;
  Sort sort() const;
  /// The order of creation within the context: the order that prints are in.
  unsigned id() const;
  TermContext &context() const;
  llvm::ArrayRef<Term> operands() const;
  Term operand(unsigned index) const { return operands()[index]; }
  /// The value of a constant, the exponent of a power.
  const Rational &value() const;
  /// The name of a symbol or an uninterpreted function.
  llvm::StringRef name() const;

  bool is(TermKind k) const { return kind() == k; }
  bool isConstant() const { return is(TermKind::Constant); }
  bool isConstant(int64_t v) const {
    return isConstant() && value() == Rational(v);
  }
  bool isTrue() const { return is(TermKind::True); }
  bool isFalse() const { return is(TermKind::False); }

  /// Infix with names: "exp(s - m1)*l + exp(c - m1)".
  void print(llvm::raw_ostream &os) const;
  std::string str() const;

  const Node *opaque() const { return node; }

private:
  const Node *node = nullptr;
};

/// Owns terms and makes them. Terms of different contexts do not mix.
class TermContext {
public:
  TermContext();
  ~TermContext();
  TermContext(const TermContext &) = delete;
  TermContext &operator=(const TermContext &) = delete;

  Term real(const Rational &value);
  Term integer(const Rational &value);
  Term constant(const Rational &value, Sort sort);
  Term boolean(bool value);
  /// The symbol of that name; one name has one sort within a context.
  Term symbol(llvm::StringRef name, Sort sort = Sort::Real);
  /// A symbol with a name that is not in use yet: `prefix`, `prefix.1`, ...
  Term fresh(llvm::StringRef prefix, Sort sort = Sort::Real);
  /// An uninterpreted function; equal arguments give equal values.
  Term apply(llvm::StringRef function, llvm::ArrayRef<Term> arguments,
             Sort sort = Sort::Real);

  /// Sums and products of one sort; of nothing they are 0 and 1 of `sort`.
  Term add(llvm::ArrayRef<Term> operands, Sort sort = Sort::Real);
  Term mul(llvm::ArrayRef<Term> operands, Sort sort = Sort::Real);
  Term pow(Term base, int64_t exponent);
  Term div(Term numerator, Term denominator);
  Term floorDiv(Term numerator, Term denominator);
  Term mod(Term numerator, Term denominator);
  Term toReal(Term integer);
  Term exp(Term x);
  Term log(Term x);
  Term sqrt(Term x);
  Term max(Term a, Term b);
  Term min(Term a, Term b);
  Term ite(Term condition, Term then, Term otherwise);
  Term logicalNot(Term a);
  Term logicalAnd(llvm::ArrayRef<Term> operands);
  Term logicalOr(llvm::ArrayRef<Term> operands);
  Term eq(Term a, Term b);
  Term lt(Term a, Term b);
  Term le(Term a, Term b);

private:
  struct Storage;
  Term unique(TermKind kind, Sort sort, llvm::ArrayRef<Term> operands,
              const Rational &value = Rational(), llvm::StringRef name = "");
  std::unique_ptr<Storage> storage;
};

// The usual notation. Operands of one context and one sort.
Term operator-(Term a);
Term operator+(Term a, Term b);
Term operator-(Term a, Term b);
Term operator*(Term a, Term b);
Term operator/(Term a, Term b);
Term operator+(Term a, int64_t b);
Term operator-(Term a, int64_t b);
Term operator*(int64_t a, Term b);
inline Term pow(Term x, int64_t n) { return x.context().pow(x, n); }
inline Term exp(Term x) { return x.context().exp(x); }
inline Term log(Term x) { return x.context().log(x); }
inline Term sqrt(Term x) { return x.context().sqrt(x); }
inline Term max(Term a, Term b) { return a.context().max(a, b); }
inline Term min(Term a, Term b) { return a.context().min(a, b); }
Term abs(Term a);
inline Term ite(Term c, Term a, Term b) { return c.context().ite(c, a, b); }
inline Term operator!(Term a) { return a.context().logicalNot(a); }
inline Term operator&&(Term a, Term b) {
  return a.context().logicalAnd({a, b});
}
inline Term operator||(Term a, Term b) { return a.context().logicalOr({a, b}); }
inline Term implies(Term a, Term b) { return !a || b; }
inline Term eq(Term a, Term b) { return a.context().eq(a, b); }
inline Term ne(Term a, Term b) { return !eq(a, b); }
inline Term lt(Term a, Term b) { return a.context().lt(a, b); }
inline Term le(Term a, Term b) { return a.context().le(a, b); }
inline Term gt(Term a, Term b) { return lt(b, a); }
inline Term ge(Term a, Term b) { return le(b, a); }
Term lt(Term a, int64_t b);
Term le(Term a, int64_t b);
Term gt(Term a, int64_t b);
Term ge(Term a, int64_t b);
Term eq(Term a, int64_t b);

/// The coefficient and the rest of a term: 3*x is (3, x), x is (1, x), a
/// constant is (itself, 1).
std::pair<Rational, Term> splitCoefficient(Term term);

} // namespace einfall::proof

template <> struct llvm::DenseMapInfo<einfall::proof::Term> {
  using Term = einfall::proof::Term;
  using Pointer = DenseMapInfo<const void *>;
  static Term getEmptyKey() {
    return Term(static_cast<const Term::Node *>(Pointer::getEmptyKey()));
  }
  static Term getTombstoneKey() {
    return Term(static_cast<const Term::Node *>(Pointer::getTombstoneKey()));
  }
  static unsigned getHashValue(Term term) {
    return Pointer::getHashValue(term.opaque());
  }
  static bool isEqual(Term a, Term b) { return a == b; }
};

#endif // EINFALL_PASSES_PROOF_TERM_H
