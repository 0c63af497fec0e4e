//===- Evaluate.cpp - The numbers that forms are --------------------------===//

#include "passes/Traffic/Index.h"

#include "passes/Traffic/Terms.h"

#include <algorithm>

using namespace einfall::traffic;

namespace {
/// Values are kept as long as no variable in them changes.
class Evaluation {
public:
  Evaluation(const Pool &pool, const Bindings &bindings)
      : lane(Pool::atomOf(pool.lane)), bindings(bindings) {}

  int64_t of(Ref form);
  bool failed = false;

private:
  struct Known {
    int64_t value;
    uint64_t time;
  };
  int64_t compute(Ref form);
  void set(Ref variable, int64_t value) {
    Known &known = values[variable];
    known = {value, ++now};
  }

  Ref lane;
  const Bindings &bindings;
  uint64_t now = 0;
  std::unordered_map<Ref, Known> values, cache;
};
} // namespace

int64_t Evaluation::of(Ref form) {
  if (failed)
    return 0;
  if (form->kind == Kind::Variable) {
    auto it = values.find(form);
    if (it == values.end()) {
      failed = true;
      return 0;
    }
    return it->second.value;
  }
  uint64_t changed = 0;
  for (Ref v : form->variables)
    if (auto it = values.find(v); it != values.end())
      changed = std::max(changed, it->second.time);
  auto [it, isNew] = cache.try_emplace(form);
  if (!isNew && it->second.time >= changed)
    return it->second.value;
  int64_t value = compute(form);
  cache[form] = {value, now};
  return value;
}

int64_t Evaluation::compute(Ref form) {
  auto part = [&](size_t i) { return of(form->operands[i]); };
  switch (form->kind) {
  case Kind::Polynomial: {
    int64_t sum = 0;
    for (const Term &term : form->terms) {
      int64_t product = term.coefficient;
      for (Ref atom : term.atoms) {
        if (!product)
          break;
        if (__builtin_mul_overflow(product, of(atom), &product))
          failed = true;
      }
      if (__builtin_add_overflow(sum, product, &sum))
        failed = true;
    }
    return sum;
  }
  case Kind::Parameter: {
    std::optional<int64_t> value = bindings(form->name);
    failed |= !value;
    return value.value_or(0);
  }
  case Kind::Quotient:
  case Kind::Remainder: {
    int64_t a = part(0), b = part(1);
    if (b <= 0) {
      failed = true;
      return 0;
    }
    int64_t whole = floorQuotientOf(a, b);
    return form->kind == Kind::Quotient ? whole : a - whole * b;
  }
  case Kind::Minimum:
    return std::min(part(0), part(1));
  case Kind::Maximum:
    return std::max(part(0), part(1));
  case Kind::Choice:
    return part(0) ? part(1) : part(2);
  case Kind::Sum: {
    int64_t from = part(1), to = part(2), sum = 0;
    for (int64_t i = from; i < to && !failed; ++i) {
      set(form->operands[0], i);
      if (__builtin_add_overflow(sum, part(3), &sum))
        failed = true;
    }
    return sum;
  }
  case Kind::Sectors: {
    std::vector<int64_t> touched;
    for (int64_t i = 0; i < 32 && !failed; ++i) {
      set(lane, i);
      if (!part(0))
        continue;
      int64_t address = part(1), bytes = part(2);
      if (bytes <= 0)
        continue;
      for (int64_t s = floorQuotientOf(address, 32);
           s <= floorQuotientOf(address + bytes - 1, 32); ++s)
        touched.push_back(s);
    }
    std::sort(touched.begin(), touched.end());
    return std::unique(touched.begin(), touched.end()) - touched.begin();
  }
  case Kind::Constant:
    return form->low;
  case Kind::NotNegative:
    return part(0) >= 0;
  case Kind::Zero:
    return part(0) == 0;
  case Kind::And:
    return part(0) && part(1);
  case Kind::Or:
    return part(0) || part(1);
  case Kind::Not:
    return !part(0);
  case Kind::Variable:
  case Kind::Unknown:
  case Kind::UnknownTruth:
    break;
  }
  failed = true;
  return 0;
}

std::optional<int64_t> einfall::traffic::evaluate(Ref form, const Pool &pool,
                                                  const Bindings &bindings) {
  Evaluation evaluation(pool, bindings);
  int64_t value = evaluation.of(form);
  if (evaluation.failed)
    return std::nullopt;
  return value;
}
