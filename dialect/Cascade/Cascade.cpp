//===- Cascade.cpp - The cascade dialect and its types --------------------===//

#include "dialect/Cascade/Cascade.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace einfall::cascade;

#include "dialect/Cascade/CascadeDialect.cpp.inc"
#include "dialect/Cascade/CascadeEnums.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialect/Cascade/CascadeTypes.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialect/Cascade/CascadeAttrs.cpp.inc"

void CascadeDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialect/Cascade/CascadeTypes.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialect/Cascade/CascadeAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialect/Cascade/CascadeOps.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// FieldType
//===----------------------------------------------------------------------===//

FieldType FieldType::get(MLIRContext *context, Kind kind,
                         ArrayRef<StringAttr> ranks) {
  SmallVector<StringAttr> sorted(ranks);
  llvm::sort(sorted, [](StringAttr a, StringAttr b) {
    return a.getValue() < b.getValue();
  });
  sorted.erase(llvm::unique(sorted), sorted.end());
  return Base::get(context, kind, ArrayRef<StringAttr>(sorted));
}

FieldType FieldType::get(MLIRContext *context, Kind kind,
                         ArrayRef<StringRef> ranks) {
  return get(context, kind, llvm::map_to_vector(ranks, [&](StringRef rank) {
               return StringAttr::get(context, rank);
             }));
}

bool FieldType::hasRank(StringRef rank) const {
  return llvm::any_of(getRanks(),
                      [&](StringAttr name) { return name.getValue() == rank; });
}

SmallVector<StringRef> FieldType::getRankNames() const {
  return llvm::map_to_vector(getRanks(),
                             [](StringAttr name) { return name.getValue(); });
}

FieldType FieldType::withKind(Kind kind) const {
  return get(getContext(), kind, getRanks());
}

FieldType FieldType::without(ArrayRef<StringRef> ranks) const {
  SmallVector<StringAttr> kept;
  for (StringAttr name : getRanks())
    if (!llvm::is_contained(ranks, name.getValue()))
      kept.push_back(name);
  return get(getContext(), getKind(), kept);
}

LogicalResult FieldType::verify(function_ref<InFlightDiagnostic()> emitError,
                                Kind kind, ArrayRef<StringAttr> ranks) {
  for (size_t i = 1; i < ranks.size(); ++i)
    if (ranks[i - 1].getValue() >= ranks[i].getValue())
      return emitError() << "ranks of a field are sorted and distinct, found "
                         << ranks[i - 1] << " before " << ranks[i];
  return success();
}

/// `<` kind `[` rank (`,` rank)* `]` `>`
Type FieldType::parse(AsmParser &parser) {
  SMLoc loc = parser.getCurrentLocation();
  StringRef keyword;
  SmallVector<StringAttr> ranks;
  auto parseRank = [&]() -> ParseResult {
    std::string name;
    if (parser.parseKeywordOrString(&name))
      return failure();
    ranks.push_back(StringAttr::get(parser.getContext(), name));
    return success();
  };
  if (parser.parseLess() || parser.parseKeyword(&keyword))
    return {};
  std::optional<Kind> kind = symbolizeKind(keyword);
  if (!kind) {
    parser.emitError(loc, "expected real, int or bool, found ") << keyword;
    return {};
  }
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseRank) ||
      parser.parseGreater())
    return {};
  return get(parser.getContext(), *kind, ranks);
}

void FieldType::print(AsmPrinter &printer) const {
  printer << '<' << stringifyKind(getKind()) << '[';
  llvm::interleaveComma(getRanks(), printer, [&](StringAttr name) {
    printer.printKeywordOrString(name.getValue());
  });
  printer << "]>";
}

//===----------------------------------------------------------------------===//
// ArgumentType
//===----------------------------------------------------------------------===//

LogicalResult ArgumentType::verify(function_ref<InFlightDiagnostic()> emitError,
                                   Type element, unsigned rank) {
  if (!storageKind(element))
    return emitError() << "a tensor holds floating-point numbers, integers or "
                          "truth values, found "
                       << element;
  return success();
}

//===----------------------------------------------------------------------===//
// Helpers
//===----------------------------------------------------------------------===//

SmallVector<StringRef> einfall::cascade::names(ArrayAttr array) {
  return llvm::map_to_vector(
      array, [](Attribute name) { return cast<StringAttr>(name).getValue(); });
}

unsigned einfall::cascade::arity(Function function) {
  switch (function) {
  case Function::Neg:
  case Function::Abs:
  case Function::Exp:
  case Function::Log:
  case Function::Sqrt:
  case Function::Tanh:
  case Function::Sin:
  case Function::Cos:
  case Function::Erf:
  case Function::Floor:
  case Function::Ceil:
  case Function::Round:
  case Function::Not:
  case Function::ToReal:
  case Function::ToInt:
    return 1;
  case Function::Select:
    return 3;
  default:
    return 2;
  }
}

std::optional<Kind> einfall::cascade::resultKind(Function function,
                                                 ArrayRef<Kind> operands) {
  if (operands.size() != arity(function))
    return std::nullopt;
  auto all = [&](Kind kind) {
    return llvm::all_equal(operands) && operands.front() == kind;
  };
  auto when = [](bool condition, Kind kind) {
    return condition ? std::optional(kind) : std::nullopt;
  };
  switch (function) {
  case Function::Add:
  case Function::Sub:
  case Function::Mul:
  case Function::Neg:
  case Function::Abs:
  case Function::Max:
  case Function::Min:
    return when(all(Kind::Real) || all(Kind::Int), operands.front());
  case Function::FloorDiv:
  case Function::Mod:
    return when(all(Kind::Int), Kind::Int);
  case Function::Eq:
  case Function::Ne:
    return when(llvm::all_equal(operands), Kind::Bool);
  case Function::Lt:
  case Function::Le:
  case Function::Gt:
  case Function::Ge:
    return when(all(Kind::Real) || all(Kind::Int), Kind::Bool);
  case Function::And:
  case Function::Or:
  case Function::Not:
    return when(all(Kind::Bool), Kind::Bool);
  case Function::Select:
    return when(operands[0] == Kind::Bool && operands[1] == operands[2],
                operands[1]);
  case Function::ToReal:
    return when(operands[0] != Kind::Real, Kind::Real);
  case Function::ToInt:
    return when(operands[0] != Kind::Int, Kind::Int);
  default:
    return when(all(Kind::Real), Kind::Real);
  }
}

std::optional<Kind> einfall::cascade::storageKind(Type type) {
  if (isa<FloatType>(type))
    return Kind::Real;
  if (type.isInteger(1))
    return Kind::Bool;
  if (isa<IntegerType>(type))
    return Kind::Int;
  return std::nullopt;
}

FieldType einfall::cascade::joinRanks(MLIRContext *context, Kind kind,
                                      TypeRange fields) {
  SmallVector<StringAttr> ranks;
  for (Type field : fields)
    llvm::append_range(ranks, cast<FieldType>(field).getRanks());
  return FieldType::get(context, kind, ranks);
}
