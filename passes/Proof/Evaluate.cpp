//===- Evaluate.cpp - Terms at exact points -------------------------------===//

#include "passes/Proof/Evaluate.h"

#include "llvm/ADT/Hashing.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"

using llvm::DynamicAPInt;
using llvm::SmallVector;

namespace einfall::proof {

/// Exponents and sizes beyond these are given up: they prove nothing more.
static constexpr int64_t greatestExponent = 256;
static constexpr unsigned greatestBits = 4096;
static constexpr int64_t greatestPrime = 1000;

static Value failure(Value::State state) {
  Value value;
  value.state = state;
  return value;
}

/// splitmix64: one well mixed word from another.
static uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

static uint64_t mix(uint64_t seed, llvm::StringRef text) {
  for (char c : text)
    seed = mix(seed ^ static_cast<unsigned char>(c));
  return seed;
}

Value Evaluator::evaluate(Term term) {
  if (auto it = done.find(term); it != done.end())
    return it->second;
  Value value = compute(term);
  if (value.isExact() && value.number.bits() > greatestBits)
    value = failure(Value::State::Unknown);
  done[term] = value;
  return value;
}

/// One true operand settles an `or`, one false operand an `and`, whatever the
/// others are.
Value Evaluator::junction(Term term) {
  bool settling = term.is(TermKind::Or);
  Value worst = Value::of(!settling);
  for (Term operand : term.operands()) {
    Value value = evaluate(operand);
    if (value.isExact() && value.truth == settling)
      return Value::of(settling);
    if (value.state == Value::State::Unknown ||
        (value.state == Value::State::Undefined && worst.isExact()))
      worst = value;
  }
  return worst;
}

Value Evaluator::exponential(const Value &x) const {
  std::optional<int64_t> power = (x.number * Rational(scale)).asInteger();
  if (x.generic || !power || std::abs(*power) > greatestExponent)
    return failure(Value::State::Unknown);
  return Value::of(Rational(2).power(*power));
}

Value Evaluator::logarithm(const Value &x) const {
  if (x.generic)
    return failure(Value::State::Unknown);
  if (x.number.sign() <= 0)
    return failure(Value::State::Undefined);
  Value sum = Value::of(Rational(0));
  for (int side : {1, -1}) {
    DynamicAPInt rest =
        side > 0 ? x.number.numerator() : x.number.denominator();
    for (int64_t prime = 2; rest != 1; ++prime) {
      if (prime > greatestPrime)
        return failure(Value::State::Unknown);
      while (rest % prime == 0) {
        rest = rest / prime;
        auto random = static_cast<int64_t>(mix(seed ^ mix(prime)) % 2000003);
        Rational unit =
            prime == 2 ? Rational(1) : Rational::fraction(random, 64);
        sum.generic |= prime != 2;
        sum.number = sum.number + Rational(side) * unit;
      }
    }
  }
  sum.number = sum.number / Rational(scale);
  return sum;
}

Value Evaluator::function(Term term, llvm::ArrayRef<Value> arguments) const {
  uint64_t word = mix(seed, term.name());
  for (const Value &argument : arguments)
    word = mix(word, argument.number.str() + (argument.truth ? "t" : "f"));
  if (term.sort() == Sort::Bool)
    return Value::of((word >> 7 & 1) != 0);
  return Value::of(Rational(static_cast<int64_t>(word % 9) - 4));
}

Value Evaluator::compute(Term term) {
  switch (term.kind()) {
  case TermKind::Constant:
    return Value::of(term.value());
  case TermKind::True:
  case TermKind::False:
    return Value::of(term.isTrue());
  case TermKind::Symbol: {
    auto it = point.find(term);
    return it == point.end() ? failure(Value::State::Unknown) : it->second;
  }
  case TermKind::And:
  case TermKind::Or:
    return junction(term);
  case TermKind::Ite: {
    Value condition = evaluate(term.operand(0));
    if (!condition.isExact())
      return condition;
    return evaluate(term.operand(condition.truth ? 1 : 2));
  }
  default:
    break;
  }

  SmallVector<Value> operands;
  bool generic = false;
  for (Term operand : term.operands()) {
    operands.push_back(evaluate(operand));
    generic |= operands.back().generic;
  }
  for (Value::State state : {Value::State::Unknown, Value::State::Undefined})
    for (const Value &value : operands)
      if (value.state == state)
        return value;

  const Rational &a = operands[0].number;
  const Rational &b = operands.size() > 1 ? operands[1].number : a;
  Value result = Value::of(Rational(0));
  result.generic = generic;
  bool ordered = !generic || a == b;
  switch (term.kind()) {
  case TermKind::Add:
    for (const Value &value : operands)
      result.number = result.number + value.number;
    return result;
  case TermKind::Mul:
    result.number = Rational(1);
    for (const Value &value : operands)
      result.number = result.number * value.number;
    return result;
  case TermKind::Pow:
    result.number = a.power(*term.value().asInteger());
    return result;
  case TermKind::Div:
    if (b.isZero())
      return failure(Value::State::Undefined);
    result.number = a / b;
    return result;
  case TermKind::FloorDiv:
  case TermKind::Mod: {
    if (b.sign() <= 0)
      return failure(Value::State::Undefined);
    Rational quotient = (a / b).floor();
    result.number = term.is(TermKind::Mod) ? a - quotient * b : quotient;
    return result;
  }
  case TermKind::ToReal:
    return operands[0];
  case TermKind::Exp:
    return exponential(operands[0]);
  case TermKind::Log:
    return logarithm(operands[0]);
  case TermKind::Sqrt: {
    if (!ordered || generic)
      return failure(Value::State::Unknown);
    if (a.sign() < 0)
      return failure(Value::State::Undefined);
    std::optional<Rational> root = a.squareRoot();
    return root ? Value::of(*root) : failure(Value::State::Unknown);
  }
  case TermKind::Max:
  case TermKind::Min:
    if (!ordered)
      return failure(Value::State::Unknown);
    return term.is(TermKind::Max) == (a < b) ? operands[1] : operands[0];
  case TermKind::Apply:
    return function(term, operands);
  case TermKind::Not:
    return Value::of(!operands[0].truth);
  case TermKind::Eq:
    if (term.operand(0).sort() == Sort::Bool)
      return Value::of(operands[0].truth == operands[1].truth);
    return Value::of(a == b);
  case TermKind::Lt:
  case TermKind::Le:
    if (!ordered)
      return failure(Value::State::Unknown);
    return Value::of(term.is(TermKind::Lt) ? a < b : a <= b);
  default:
    return failure(Value::State::Unknown);
  }
}

} // namespace einfall::proof
