//===- Equations.cpp - A kernel as mathematics ----------------------------===//

#include "passes/Derive/Equations.h"
#include "dialect/Cascade/Cascade.h"
#include "passes/Derive/PassAnalysis.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

namespace {
/// How tightly what was written last binds; operands that bind less are put in
/// parentheses.
enum Binding { Condition, Or, And, Comparison, Sum, Product, Atom };

struct Text {
  std::string text;
  Binding binding = Atom;
};

class Writer {
public:
  std::vector<Equation> write(KernelOp kernel);

private:
  Text text(Value field);
  std::string text(Value field, Binding atLeast);
  Text define(Operation *op);
  Text write(MapOp map);
  Text infix(MapOp map, StringRef sign, Binding binding);
  std::string call(StringRef function, ValueRange operands);
  std::string subscripts(Value field);
  /// A name that nothing has yet.
  std::string fresh(std::string name);
  /// Whether `value` gets an equation of its own.
  bool isDefined(Value value);
  void define(Value value, std::vector<std::string> &equations);
  void defineAll(Block &block, std::vector<std::string> &equations);
  Equation write(FoldOp fold);
  std::string write(RecurrenceOp recurrence);

  llvm::DenseMap<Value, std::string> named;
  llvm::StringSet<> taken;
};
} // namespace

static std::string number(Attribute value) {
  if (auto real = dyn_cast<FloatAttr>(value)) {
    std::string text;
    llvm::raw_string_ostream(text)
        << llvm::format("%g", real.getValueAsDouble());
    return text;
  }
  auto integer = cast<IntegerAttr>(value);
  if (integer.getType().isInteger(1))
    return integer.getValue().isZero() ? "false" : "true";
  return std::to_string(integer.getInt());
}

std::string Writer::subscripts(Value field) {
  SmallVector<StringRef> ranks = fieldType(field).getRankNames();
  return ranks.empty() ? "" : "[" + llvm::join(ranks, ",") + "]";
}

std::string Writer::fresh(std::string name) {
  // What a definition of the prelude calls "softmax.x" is x here.
  if (size_t dot = name.rfind('.'); dot != std::string::npos)
    name.erase(0, dot + 1);
  if (name.empty())
    name = "t";
  std::string unique = name;
  for (unsigned i = 1; !taken.insert(unique).second; ++i)
    unique = name + std::to_string(i);
  return unique;
}

std::string Writer::call(StringRef function, ValueRange operands) {
  std::string result = function.str() + "(";
  for (auto [i, operand] : llvm::enumerate(operands))
    result += (i ? ", " : "") + text(operand).text;
  return result + ")";
}

std::string Writer::text(Value field, Binding atLeast) {
  Text result = text(field);
  return result.binding < atLeast ? "(" + result.text + ")" : result.text;
}

Text Writer::infix(MapOp map, StringRef sign, Binding binding) {
  // The right operand of - and / binds tighter than the sign itself.
  bool isAssociative =
      sign == " + " || sign == " * " || sign == " and " || sign == " or ";
  Binding right = isAssociative ? binding : Binding(binding + 1);
  if (binding == Comparison)
    right = Sum;
  // A product of a whole quotient is not the quotient of a product.
  if (auto factor = map.getOperands()[1].getDefiningOp<MapOp>();
      factor && sign == " * " &&
      (factor.getFunction() == Function::FloorDiv ||
       factor.getFunction() == Function::Mod))
    right = Atom;
  return {text(map.getOperands()[0], binding == Comparison ? Sum : binding) +
              sign.str() + text(map.getOperands()[1], right),
          binding};
}

Text Writer::write(MapOp map) {
  auto operand = [&](unsigned i) { return map.getOperands()[i]; };
  switch (map.getFunction()) {
  case Function::Add:
    return infix(map, " + ", Sum);
  case Function::Sub:
    return infix(map, " - ", Sum);
  case Function::Mul:
    return infix(map, " * ", Product);
  case Function::Div:
  case Function::FloorDiv:
    return infix(map, " / ", Product);
  case Function::Mod:
    return infix(map, " % ", Product);
  case Function::Neg:
    return {"-" + text(operand(0), Product), Sum};
  case Function::Eq:
    return infix(map, " == ", Comparison);
  case Function::Ne:
    return infix(map, " != ", Comparison);
  case Function::Lt:
    return infix(map, " < ", Comparison);
  case Function::Le:
    return infix(map, " <= ", Comparison);
  case Function::Gt:
    return infix(map, " > ", Comparison);
  case Function::Ge:
    return infix(map, " >= ", Comparison);
  case Function::And:
    return infix(map, " and ", And);
  case Function::Or:
    return infix(map, " or ", Or);
  case Function::Not:
    return {"not " + text(operand(0), Atom), And};
  case Function::Select:
    return {"if " + text(operand(0), Or) + " then " + text(operand(1), Or) +
                " else " + text(operand(2), Or),
            Condition};
  case Function::ToReal:
  case Function::ToInt:
    return text(operand(0));
  default:
    return {call(stringifyFunction(map.getFunction()), map.getOperands())};
  }
}

Text Writer::text(Value field) {
  if (auto it = named.find(field); it != named.end())
    return {it->second};
  Operation *op = field.getDefiningOp();
  return op ? define(op) : Text{"?"};
}

Text Writer::define(Operation *op) {
  if (auto map = dyn_cast<MapOp>(op))
    return write(map);
  if (auto read = dyn_cast<ReadOp>(op)) {
    std::string result =
        read.getTensor().getDefiningOp<InputOp>().getName().str() + "[";
    for (auto [i, index] : llvm::enumerate(read.getIndices()))
      result += (i ? "," : "") + text(index).text;
    return {result + "]"};
  }
  if (auto coordinate = dyn_cast<CoordOp>(op))
    return {coordinate.getRank().str()};
  if (auto extent = dyn_cast<ExtentOp>(op))
    return {"|" + extent.getRank().str() + "|"};
  if (auto constant = dyn_cast<ConstOp>(op))
    return {number(constant.getValue())};
  if (auto param = dyn_cast<ParamOp>(op))
    return {param.getName().str()};
  if (auto where = dyn_cast<WhereOp>(op))
    return {text(where.getValue(), Sum) + " where " +
                text(where.getCondition(), Or),
            Condition};
  if (auto choice = dyn_cast<OrElseOp>(op))
    return {text(choice.getValue(), Sum) + " else " +
                text(choice.getFallback(), Sum),
            Condition};
  if (auto present = dyn_cast<PresentOp>(op))
    return {text(present.getValue(), Sum) + " is present", Comparison};
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return {stringifyMonoid(reduce.getMonoid()).str() + "[" +
            llvm::join(names(reduce.getRanks()), ",") + "](" +
            text(reduce.getValue()).text + ")"};
  if (auto at = dyn_cast<AtOp>(op)) {
    std::string result = text(at.getValue(), Atom) + "[";
    for (auto [i, index] : llvm::enumerate(at.getIndices()))
      result += (i ? ", " : "") + names(at.getRanks())[i].str() +
                " := " + text(index).text;
    return {result + "]"};
  }
  if (auto top = dyn_cast<TopKOp>(op))
    return {"topk[" + top.getRank().str() + "](" + text(top.getValue()).text +
            ", " + text(top.getCount()).text + ")"};
  if (auto select = dyn_cast<SelectOp>(op))
    return {"select[" + select.getRank().str() + "](" +
            text(select.getCondition()).text + ")"};
  return {describe(op)};
}

bool Writer::isDefined(Value value) {
  Operation *op = value.getDefiningOp();
  if (isa<FoldOp, RecurrenceOp>(op))
    return true;
  if (!isa<MapOp, WhereOp, OrElseOp, ReduceOp, AtOp, TopKOp, SelectOp>(op) ||
      value.use_empty() || fieldType(value).getRankNames().empty())
    return false;
  // Conditions and what is cheap to repeat stay where they are used.
  if (fieldType(value).getKind() != Kind::Real)
    return isa<ReduceOp, TopKOp, SelectOp>(op);
  auto isOutput = [](Operation *user) { return isa<OutputOp, YieldOp>(user); };
  if (llvm::any_of(value.getUsers(), isOutput))
    return !value.hasOneUse();
  return isa<ReduceOp>(op) ? !value.hasOneUse() || !givenName(op).empty()
                           : !value.hasOneUse();
}

void Writer::define(Value value, std::vector<std::string> &equations) {
  std::string body = define(value.getDefiningOp()).text;
  std::string name = fresh(givenName(value.getDefiningOp()));
  equations.push_back(name + subscripts(value) + " = " + body);
  named[value] = name;
}

void Writer::defineAll(Block &block, std::vector<std::string> &equations) {
  for (Operation &op : block)
    for (Value result : op.getResults())
      if (isa<FieldType>(result.getType()) && isDefined(result))
        define(result, equations);
}

Equation Writer::write(FoldOp fold) {
  Equation equation;
  equation.text = "fold over " + llvm::join(fold.getRankNames(), ", ");
  Block &step = fold.getStep().front(), &act = fold.getAct().front();
  ValueRange values = step.getTerminator()->getOperands();
  ValueRange acted = act.getTerminator()->getOperands();
  unsigned references = fold.getReferences();
  SmallVector<std::string> components;
  auto name = [&](unsigned i, std::string text) {
    components.push_back(fresh(text));
    named[fold.getState()[i]] = components.back();
  };
  for (unsigned i = 0; i < references; ++i) {
    name(i, "r");
    named[step.getArgument(i)] = components[i];
    named[act.getArgument(i)] = components[i];
    named[act.getArgument(references + i)] = components[i] + "'";
  }
  defineAll(step, equation.definitions);
  for (unsigned i = references; i < values.size(); ++i) {
    // An output's name is better than none.
    Operation *op = values[i].getDefiningOp();
    std::string given = op && !named.count(values[i]) ? givenName(op) : "";
    name(i, given.empty() ? "s" : given);
    named[act.getArgument(references + i)] = components[i];
  }
  for (auto [i, result] : llvm::enumerate(fold.getState())) {
    StateEquation row;
    row.name = components[i] + subscripts(result);
    row.monoid = stringifyMonoid(fold.getMonoid(i)).str();
    row.value = text(values[i]).text;
    if (i >= references)
      row.act = text(acted[i - references]).text;
    if (row.act == components[i])
      row.act.clear();
    equation.state.push_back(std::move(row));
  }
  return equation;
}

std::string Writer::write(RecurrenceOp recurrence) {
  std::string result = "recurrence along " + recurrence.getRank().str() +
                       (recurrence.getBackward() ? ", backward" : "") + ":";
  Block &step = recurrence.getStep().front();
  for (auto [i, state] : llvm::enumerate(recurrence.getHistory())) {
    std::string name = fresh(givenName(recurrence));
    named[state] = name;
    named[step.getArgument(i)] = name;
  }
  for (auto [i, next] : llvm::enumerate(step.getTerminator()->getOperands()))
    result += (i ? "; " : " ") + text(step.getArgument(i)).text +
              "' = " + text(next).text;
  return result;
}

std::vector<Equation> Writer::write(KernelOp kernel) {
  std::vector<Equation> equations;
  for (auto input : kernel.getBody().getOps<InputOp>())
    taken.insert(input.getName());
  for (Operation &op : kernel.getBody().front()) {
    if (auto fold = dyn_cast<FoldOp>(op)) {
      equations.push_back(write(fold));
      continue;
    }
    if (auto recurrence = dyn_cast<RecurrenceOp>(op)) {
      equations.push_back({write(recurrence), {}, {}});
      continue;
    }
    if (auto output = dyn_cast<OutputOp>(op)) {
      std::string name = output.getName().str() + "[" +
                         llvm::join(names(output.getDims()), ",");
      std::string filler =
          output.getFiller() ? " else " + text(output.getFiller()).text : "";
      equations.push_back(
          {name + "] = " + text(output.getValue()).text + filler, {}, {}});
      continue;
    }
    for (Value result : op.getResults())
      if (isa<FieldType>(result.getType()) && isDefined(result)) {
        std::vector<std::string> one;
        define(result, one);
        equations.push_back({one.front(), {}, {}});
      }
  }
  return equations;
}

std::vector<Equation> einfall::equationsOf(KernelOp kernel) {
  return Writer().write(kernel);
}
