//===- Disjoint.cpp - Conditions that exclude each other ------------------===//
//
// Each inequality between integers becomes `form >= 0`, a linear form over
// opaque atoms. Two of them exclude each other if the forms add up to something
// negative: m < n and m >= n give (n - m - 1) + (m - n) = -1, and i < 1 and
// i > |d| give -|d| - 1. If the sum is exactly -1, one of the two holds always.
//
//===----------------------------------------------------------------------===//

#include "frontend/sema/Build.h"
#include "frontend/sema/Elaborate.h"
#include "llvm/ADT/STLExtras.h"

using namespace einfall::ein;
using llvm::ArrayRef;
using llvm::SmallVector;

namespace {
struct Form {
  SmallVector<std::pair<NodeId, int64_t>, 4> terms;
  int64_t constant = 0;
  bool valid = true;
};

/// Coefficients stay far from overflow; larger ones make a form invalid.
constexpr int64_t maxCoefficient = int64_t(1) << 40;

class Comparer {
public:
  explicit Comparer(const Builder &builder) : builder(builder) {}
  bool exclude(NodeId a, NodeId b);
  /// Whether exactly one of them holds wherever both are present.
  bool complement(NodeId a, NodeId b);

private:
  bool isNot(NodeId x, NodeId y) const;
  Form sum(const Form &x, const Form &y);
  bool isNegative(const Form &form) const;
  void add(Form &form, NodeId id, int64_t factor, unsigned depth);
  void addAtom(Form &form, NodeId id, int64_t factor);
  SmallVector<Form, 2> forms(NodeId condition);
  const Node &node(NodeId id) const { return builder.kernel[id]; }
  const Builder &builder;
};
} // namespace

void Comparer::addAtom(Form &form, NodeId id, int64_t factor) {
  for (auto &[atom, coefficient] : form.terms)
    if (builder.sameNode(atom, id)) {
      coefficient += factor;
      return;
    }
  if (form.terms.size() < 16)
    form.terms.push_back({id, factor});
  else
    form.valid = false;
}

void Comparer::add(Form &form, NodeId id, int64_t factor, unsigned depth) {
  const Node &n = node(id);
  if (factor > maxCoefficient || factor < -maxCoefficient) {
    form.valid = false;
    return;
  }
  if (std::optional<int64_t> value = builder.constant(id)) {
    if (*value > maxCoefficient || *value < -maxCoefficient ||
        __builtin_mul_overflow(*value, factor, &*value) ||
        __builtin_add_overflow(form.constant, *value, &form.constant))
      form.valid = false;
    return;
  }
  if (n.nodeKind == NodeKind::Sum && depth < 8 && n.operands.size() <= 16) {
    for (auto [operand, op] : llvm::zip(n.operands, n.ops))
      add(form, operand, op == MapFn::Sub ? -factor : factor, depth + 1);
    return;
  }
  if (n.nodeKind == NodeKind::Product && n.operands.size() == 2 && depth < 8 &&
      n.ops[1] == MapFn::Mul)
    for (unsigned i : {0u, 1u})
      if (std::optional<int64_t> value = builder.constant(n.operands[i]))
        if (*value<maxCoefficient && * value> - maxCoefficient &&
            !__builtin_mul_overflow(*value, factor, &*value))
          return add(form, n.operands[1 - i], *value, depth + 1);
  addAtom(form, id, factor);
}

/// The forms that are >= 0 where `condition` holds; empty if it is not a
/// comparison of integers.
SmallVector<Form, 2> Comparer::forms(NodeId condition) {
  const Node &n = node(condition);
  SmallVector<Form, 2> result;
  if (n.nodeKind != NodeKind::Map || n.operands.size() != 2 ||
      node(n.operands[0]).kind != ValueKind::Int)
    return result;
  auto push = [&](int64_t sign, int64_t constant) {
    Form form;
    add(form, n.operands[0], sign, 0);
    add(form, n.operands[1], -sign, 0);
    form.constant += constant;
    if (form.valid)
      result.push_back(std::move(form));
  };
  switch (n.fn) {
  case MapFn::Lt:
    push(-1, -1);
    break;
  case MapFn::Le:
    push(-1, 0);
    break;
  case MapFn::Gt:
    push(1, -1);
    break;
  case MapFn::Ge:
    push(1, 0);
    break;
  case MapFn::Eq:
    push(1, 0);
    push(-1, 0);
    break;
  default:
    break;
  }
  return result;
}

bool Comparer::isNot(NodeId x, NodeId y) const {
  const Node &n = node(x);
  return n.nodeKind == NodeKind::Map && n.fn == MapFn::Not &&
         builder.sameNode(n.operands[0], y);
}

Form Comparer::sum(const Form &x, const Form &y) {
  Form sum = x;
  for (auto [atom, coefficient] : y.terms)
    addAtom(sum, atom, coefficient);
  sum.constant += y.constant;
  return sum;
}

/// Whether a form is below 0 whatever its atoms are; extents and coordinates
/// are at least 0.
bool Comparer::isNegative(const Form &form) const {
  return form.valid && form.constant < 0 &&
         llvm::all_of(form.terms, [&](auto &term) {
           const Node &atom = node(term.first);
           bool least =
               atom.nodeKind == NodeKind::Extent ||
               (atom.nodeKind == NodeKind::Coord &&
                builder.kernel.ranks[atom.index].kind != ExtentKind::Ragged);
           return term.second == 0 || (least && term.second < 0);
         });
}

bool Comparer::exclude(NodeId a, NodeId b) {
  if (isNot(a, b) || isNot(b, a))
    return true;
  for (const Form &x : forms(a))
    for (const Form &y : forms(b))
      if (isNegative(sum(x, y)))
        return true;
  return false;
}

bool Comparer::complement(NodeId a, NodeId b) {
  if (isNot(a, b) || isNot(b, a))
    return true;
  SmallVector<Form, 2> x = forms(a), y = forms(b);
  if (x.size() != 1 || y.size() != 1)
    return false;
  Form both = sum(x[0], y[0]);
  return both.valid && both.constant == -1 &&
         llvm::all_of(both.terms, [](auto &term) { return !term.second; });
}

bool einfall::ein::areComplements(const Builder &builder, NodeId a, NodeId b) {
  return Comparer(builder).complement(a, b);
}

bool einfall::ein::areDisjoint(const Builder &builder, ArrayRef<NodeId> a,
                               ArrayRef<NodeId> b) {
  Comparer comparer(builder);
  for (NodeId x : a)
    for (NodeId y : b)
      if (comparer.exclude(x, y))
        return true;
  return false;
}
