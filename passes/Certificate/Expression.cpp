//===- Expression.cpp - Exact integer expressions over extents ------------===//

#include "passes/Certificate/Expression.h"

#include "passes/Certificate/ExpressionNode.h"
#include "passes/Certificate/Integer.h"

#include <algorithm>

namespace einfall::certificate {

using Kind = Expression::Kind;

static void mergeNames(std::vector<std::string> &into,
                       const std::vector<std::string> &names) {
  std::vector<std::string> merged;
  std::set_union(into.begin(), into.end(), names.begin(), names.end(),
                 std::back_inserter(merged));
  into = std::move(merged);
}

static uint64_t addSaturated(uint64_t a, uint64_t b) {
  return a + b < a ? UINT64_MAX : a + b;
}

static Expression makeNode(Kind kind, std::vector<Expression> operands,
                           std::string name = {}) {
  auto node = std::make_shared<Expression::Node>();
  node->kind = kind;
  node->name = std::move(name);
  node->operands = std::move(operands);
  for (size_t i = 0; i < node->operands.size(); ++i) {
    const Expression &operand = node->operands[i];
    node->size = addSaturated(node->size, operand.size());
    node->depth = std::max(node->depth, operand.depth() + 1);
    mergeNames(node->extentNames, operand.extentNames());
    // The variable is bound in the body of a sum, and in what lanes do.
    bool binds =
        (kind == Kind::Sum && i == 2) || (kind == Kind::Sectors && i >= 1);
    std::vector<std::string> names = operand.freeNames();
    if (binds)
      std::erase(names, node->name);
    mergeNames(node->freeNames, names);
  }
  return Expression(std::move(node));
}

Expression::Expression(std::shared_ptr<const Node> node)
    : tree(std::move(node)) {}

Expression::Expression(int64_t number) {
  auto node = std::make_shared<Node>();
  node->value = toInteger(number);
  tree = std::move(node);
}

Expression Expression::number(mpz_class value) {
  auto node = std::make_shared<Node>();
  node->value = std::move(value);
  return Expression(std::move(node));
}

Expression Expression::coordinate(std::string name) {
  auto node = std::make_shared<Node>();
  node->kind = Kind::Coordinate;
  node->freeNames = {name};
  node->name = std::move(name);
  return Expression(std::move(node));
}

Expression Expression::extent(std::string rank) {
  auto node = std::make_shared<Node>();
  node->kind = Kind::Extent;
  node->extentNames = {rank};
  node->name = std::move(rank);
  return Expression(std::move(node));
}

Kind Expression::kind() const { return tree->kind; }
const mpz_class &Expression::value() const { return tree->value; }
const std::string &Expression::name() const { return tree->name; }
const std::vector<Expression> &Expression::operands() const {
  return tree->operands;
}
uint64_t Expression::size() const { return tree->size; }
unsigned Expression::depth() const { return tree->depth; }
bool Expression::isNumber(int64_t value) const {
  return kind() == Kind::Number && tree->value == toInteger(value);
}
const std::vector<std::string> &Expression::freeNames() const {
  return tree->freeNames;
}
const std::vector<std::string> &Expression::extentNames() const {
  return tree->extentNames;
}
bool Expression::dependsOn(std::string_view name) const {
  return std::binary_search(freeNames().begin(), freeNames().end(), name);
}

bool Expression::operator==(const Expression &other) const {
  if (tree == other.tree)
    return true;
  return kind() == other.kind() && size() == other.size() &&
         value() == other.value() && name() == other.name() &&
         operands() == other.operands();
}

// --- constructors -----------------------------------------------------------

static bool isConstant(const Expression &a) { return a.kind() == Kind::Number; }

/// Appends a's operands if it is of this kind, else a.
static void flatten(Kind kind, const Expression &a,
                    std::vector<Expression> &out) {
  if (a.kind() == kind)
    out.insert(out.end(), a.operands().begin(), a.operands().end());
  else
    out.push_back(a);
}

/// The operands of both, without numbers, which are collected in `numbers`.
static std::vector<Expression> collect(Kind kind, const Expression &a,
                                       const Expression &b,
                                       std::vector<mpz_class> &numbers) {
  std::vector<Expression> all, others;
  flatten(kind, a, all);
  flatten(kind, b, all);
  for (const Expression &operand : all) {
    if (isConstant(operand))
      numbers.push_back(operand.value());
    else
      others.push_back(operand);
  }
  return others;
}

Expression operator+(const Expression &a, const Expression &b) {
  std::vector<mpz_class> numbers;
  std::vector<Expression> terms = collect(Kind::Add, a, b, numbers);
  mpz_class total = 0;
  for (const mpz_class &number : numbers)
    total += number;
  if (terms.empty())
    return Expression::number(total);
  if (total != 0)
    terms.push_back(Expression::number(total));
  return terms.size() == 1 ? terms.front()
                           : makeNode(Kind::Add, std::move(terms));
}

Expression operator*(const Expression &a, const Expression &b) {
  std::vector<mpz_class> numbers;
  std::vector<Expression> factors = collect(Kind::Multiply, a, b, numbers);
  mpz_class product = 1;
  for (const mpz_class &number : numbers)
    product *= number;
  if (factors.empty() || product == 0)
    return Expression::number(product);
  if (product != 1)
    factors.insert(factors.begin(), Expression::number(product));
  return factors.size() == 1 ? factors.front()
                             : makeNode(Kind::Multiply, std::move(factors));
}

Expression operator-(const Expression &a, const Expression &b) {
  if (isConstant(b))
    return a + Expression::number(-b.value());
  if (a == b)
    return 0;
  return makeNode(Kind::Subtract, {a, b});
}

static bool isPositive(const Expression &a) {
  return isConstant(a) && a.value() > 0;
}

Expression floorDivide(const Expression &a, const Expression &b) {
  if (b.isNumber(1))
    return a;
  if (isConstant(a) && isPositive(b))
    return Expression::number(floorQuotient(a.value(), b.value()));
  return makeNode(Kind::FloorDivide, {a, b});
}

Expression modulo(const Expression &a, const Expression &b) {
  if (b.isNumber(1))
    return 0;
  if (isConstant(a) && isPositive(b))
    return Expression::number(floorRemainder(a.value(), b.value()));
  return makeNode(Kind::Modulo, {a, b});
}

Expression ceilDivide(const Expression &a, const Expression &b) {
  if (b.isNumber(1))
    return a;
  if (isConstant(a) && isPositive(b))
    return Expression::number(ceilQuotient(a.value(), b.value()));
  return makeNode(Kind::CeilDivide, {a, b});
}

static Expression makeExtremum(Kind kind, const Expression &a,
                               const Expression &b) {
  if (a == b)
    return a;
  std::vector<mpz_class> numbers;
  std::vector<Expression> values = collect(kind, a, b, numbers);
  if (!numbers.empty()) {
    auto best = kind == Kind::Minimum
                    ? std::min_element(numbers.begin(), numbers.end())
                    : std::max_element(numbers.begin(), numbers.end());
    values.push_back(Expression::number(*best));
  }
  return values.size() == 1 ? values.front()
                            : makeNode(kind, std::move(values));
}

Expression minimum(const Expression &a, const Expression &b) {
  return makeExtremum(Kind::Minimum, a, b);
}
Expression maximum(const Expression &a, const Expression &b) {
  return makeExtremum(Kind::Maximum, a, b);
}

Expression less(const Expression &a, const Expression &b) {
  if (isConstant(a) && isConstant(b))
    return a.value() < b.value();
  return makeNode(Kind::Less, {a, b});
}
Expression lessEqual(const Expression &a, const Expression &b) {
  if (isConstant(a) && isConstant(b))
    return a.value() <= b.value();
  return makeNode(Kind::LessEqual, {a, b});
}
Expression equal(const Expression &a, const Expression &b) {
  if (isConstant(a) && isConstant(b))
    return a.value() == b.value();
  return makeNode(Kind::Equal, {a, b});
}
Expression notEqual(const Expression &a, const Expression &b) {
  if (isConstant(a) && isConstant(b))
    return a.value() != b.value();
  return makeNode(Kind::NotEqual, {a, b});
}

static bool isTruth(const Expression &a) {
  switch (a.kind()) {
  case Kind::Less:
  case Kind::LessEqual:
  case Kind::Equal:
  case Kind::NotEqual:
  case Kind::And:
  case Kind::Or:
  case Kind::Not:
    return true;
  default:
    return false;
  }
}

Expression conjunction(const Expression &a, const Expression &b) {
  if (a.isNumber(0) || b.isNumber(0))
    return 0;
  std::vector<Expression> all, operands;
  flatten(Kind::And, a, all);
  flatten(Kind::And, b, all);
  for (const Expression &operand : all)
    if (!isConstant(operand) &&
        std::find(operands.begin(), operands.end(), operand) == operands.end())
      operands.push_back(operand);
  if (operands.empty())
    return 1;
  if (operands.size() == 1)
    return isTruth(operands[0]) ? operands[0] : notEqual(operands[0], 0);
  return makeNode(Kind::And, std::move(operands));
}

Expression disjunction(const Expression &a, const Expression &b) {
  if ((isConstant(a) && !a.isNumber(0)) || (isConstant(b) && !b.isNumber(0)))
    return 1;
  if (a.isNumber(0) && isTruth(b))
    return b;
  if (b.isNumber(0) && isTruth(a))
    return a;
  std::vector<Expression> operands;
  flatten(Kind::Or, a, operands);
  flatten(Kind::Or, b, operands);
  return makeNode(Kind::Or, std::move(operands));
}

Expression negation(const Expression &a) {
  if (isConstant(a))
    return a.value() == 0;
  if (a.kind() == Kind::Not && isTruth(a.operands()[0]))
    return a.operands()[0];
  return makeNode(Kind::Not, {a});
}

Expression select(const Expression &condition, const Expression &a,
                  const Expression &b) {
  if (isConstant(condition))
    return condition.value() != 0 ? a : b;
  if (a == b)
    return a;
  return makeNode(Kind::If, {condition, a, b});
}

Expression sum(std::string variable, const Expression &lo, const Expression &hi,
               const Expression &body) {
  if (body.isNumber(0))
    return 0;
  return makeNode(Kind::Sum, {lo, hi, body}, std::move(variable));
}

Expression sectors(std::string lane, const Expression &lanes,
                   const Expression &active, const Expression &address,
                   const Expression &bytes) {
  return makeNode(Kind::Sectors, {lanes, active, address, bytes},
                  std::move(lane));
}

} // namespace einfall::certificate
