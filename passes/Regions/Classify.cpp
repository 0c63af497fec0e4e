//===- Classify.cpp - Regions at numbers ----------------------------------===//

#include "passes/Regions/Classify.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/MathExtras.h"

namespace einfall::regions {

using proof::TermKind;

std::optional<int64_t> evaluate(Term term, const Numbers &numbers) {
  if (auto it = numbers.find(term); it != numbers.end())
    return it->second;
  llvm::SmallVector<int64_t> values;
  for (Term operand : term.operands()) {
    std::optional<int64_t> value = evaluate(operand, numbers);
    if (!value)
      return std::nullopt;
    values.push_back(*value);
  }
  switch (term.kind()) {
  case TermKind::Constant:
    return term.value().asInteger();
  case TermKind::True:
    return 1;
  case TermKind::False:
    return 0;
  case TermKind::Add: {
    int64_t sum = 0;
    for (int64_t value : values)
      sum += value;
    return sum;
  }
  case TermKind::Mul: {
    int64_t product = 1;
    for (int64_t value : values)
      product *= value;
    return product;
  }
  case TermKind::FloorDiv:
    return values[1] > 0
               ? std::optional(llvm::divideFloorSigned(values[0], values[1]))
               : std::nullopt;
  case TermKind::Mod:
    return values[1] > 0 ? std::optional(llvm::mod(values[0], values[1]))
                         : std::nullopt;
  case TermKind::Max:
    return std::max(values[0], values[1]);
  case TermKind::Min:
    return std::min(values[0], values[1]);
  case TermKind::Ite:
    return values[0] ? values[1] : values[2];
  case TermKind::Not:
    return !values[0];
  case TermKind::And:
    return llvm::all_of(values, [](int64_t v) { return v != 0; });
  case TermKind::Or:
    return llvm::any_of(values, [](int64_t v) { return v != 0; });
  case TermKind::Eq:
    return values[0] == values[1];
  case TermKind::Lt:
    return values[0] < values[1];
  case TermKind::Le:
    return values[0] <= values[1];
  default:
    return std::nullopt;
  }
}

TileClass classify(const MaskRegions &regions, const Numbers &numbers) {
  if (evaluate(regions.empty, numbers).value_or(0))
    return TileClass::Empty;
  if (evaluate(regions.full, numbers).value_or(0))
    return TileClass::Full;
  return TileClass::Partial;
}

} // namespace einfall::regions
