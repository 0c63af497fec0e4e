//===- Equivalence.cpp - Mutants that a solver proves to be none ----------===//

#include "test/mutation/Equivalence.h"

#include "test/mutation/Roles.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/Program.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::mutation;
using Predicate = arith::CmpIPredicate;

/// Longest that one question may take.
static constexpr double solverSeconds = 20;

/// True where two values are computed alike from a kernel's parameters, one
/// perhaps by the grid and one by the body.
static bool isSame(Value x, Value y) {
  if (x == y)
    return true;
  auto xs = dyn_cast<BlockArgument>(x), ys = dyn_cast<BlockArgument>(y);
  if (xs || ys)
    return xs && ys && isa<device::KernelOp>(xs.getOwner()->getParentOp()) &&
           isa<device::KernelOp>(ys.getOwner()->getParentOp()) &&
           xs.getArgNumber() == ys.getArgNumber();
  Operation *a = x.getDefiningOp(), *b = y.getDefiningOp();
  if (a->getName() != b->getName() || a->getNumOperands() == 0)
    return integerOf(x) && integerOf(x) == integerOf(y);
  if (!isa<arith::ArithDialect>(a->getDialect()) ||
      a->getNumOperands() != b->getNumOperands())
    return false;
  for (auto [p, q] : llvm::zip(a->getOperands(), b->getOperands()))
    if (!isSame(p, q))
      return false;
  return true;
}

namespace {
/// Writes values of a kernel as SMT-LIB: a constant for each, and what is known
/// of it.
class Writer {
public:
  Writer(device::KernelOp kernel, const std::map<std::string, int64_t> &fixed)
      : kernel(kernel), fixed(fixed) {}

  /// The name of a value.
  std::string of(Value value);
  /// That, with `replacement` for `changed`, a truth value is another at some
  /// place that is reached and where it is used for more than logic.
  std::string differs(Value changed, std::string replacement);
  /// That a selection which is reached does not take its first value.
  std::string neverFalse(arith::SelectOp select);
  /// That what is inside `region`, a loop or one side of a branch, is reached.
  std::string enters(Region *region);

  std::string script;

private:
  std::string declare(Value value) {
    bool isTruth = value.getType().isInteger(1);
    std::string name = "v" + std::to_string(count++);
    script += "(declare-const " + name + (isTruth ? " Bool)\n" : " Int)\n");
    return name;
  }
  void assume(const llvm::Twine &fact) {
    script += ("(assert " + fact + ")\n").str();
  }
  void argument(BlockArgument value, const std::string &name);
  void define(Operation *op, const std::string &name);
  void quotient(Operation *op, const std::string &name);
  /// `op` as a term over the names of its operands; empty: unknown.
  std::string term(Operation *op,
                   llvm::function_ref<std::string(Value)> operand);
  std::string path(Operation *op);

  device::KernelOp kernel;
  const std::map<std::string, int64_t> &fixed;
  llvm::DenseMap<Value, std::string> names;
  /// By base and offset, those of memory that nothing writes.
  llvm::DenseMap<std::pair<Value, Value>, Value> loads;
  unsigned count = 0;
};
} // namespace

static std::string number(int64_t value) {
  return value < 0 ? "(- " + std::to_string(-value) + ")"
                   : std::to_string(value);
}

static const char *symbolOf(Predicate predicate) {
  switch (predicate) {
  case Predicate::eq:
    return "=";
  case Predicate::ne:
    return "distinct";
  case Predicate::slt:
  case Predicate::ult:
    return "<";
  case Predicate::sle:
  case Predicate::ule:
    return "<=";
  case Predicate::sgt:
  case Predicate::ugt:
    return ">";
  case Predicate::sge:
  case Predicate::uge:
    return ">=";
  }
  return "";
}

std::string Writer::of(Value value) {
  if (auto known = names.find(value); known != names.end())
    return known->second;
  if (std::optional<int64_t> constant = integerOf(value)) {
    std::string text = value.getType().isInteger(1)
                           ? (*constant ? "true" : "false")
                           : number(*constant);
    return names[value] = text;
  }
  // What nothing writes is the same however often it is read.
  if (auto load = value.getDefiningOp<device::LoadOp>();
      load && load.getReadonly()) {
    Value first = loads.try_emplace({load.getBase(), load.getOffset()}, value)
                      .first->second;
    if (first != value && first.getType() == value.getType())
      return names[value] = of(first);
  }
  std::string name = declare(value);
  names[value] = name;
  if (auto argument = dyn_cast<BlockArgument>(value))
    this->argument(argument, name);
  else
    define(value.getDefiningOp(), name);
  return name;
}

void Writer::argument(BlockArgument value, const std::string &name) {
  Operation *parent = value.getOwner()->getParentOp();
  if (auto loop = dyn_cast<scf::ForOp>(parent);
      loop && loop.getInductionVar() == value) {
    std::string low = of(loop.getLowerBound());
    assume("(<= " + low + " " + name + ")");
    assume("(< " + name + " " + of(loop.getUpperBound()) + ")");
    if (std::optional<int64_t> step = integerOf(loop.getStep()); step && *step)
      assume("(= (mod (- " + name + " " + low + ") " + number(*step) + ") 0)");
    return;
  }
  if (!isa<device::KernelOp>(parent) || !value.getType().isInteger(64) ||
      value.getArgNumber() >= kernel.getParameters().size())
    return;
  StringRef parameter =
      cast<StringAttr>(kernel.getParameters()[value.getArgNumber()]);
  if (!parameter.consume_front("|") || !parameter.consume_back("|"))
    return;
  auto known = fixed.find(parameter.str());
  assume(known == fixed.end()
             ? "(>= " + name + " 0)"
             : "(= " + name + " " + number(known->second) + ")");
}

std::string Writer::term(Operation *op,
                         llvm::function_ref<std::string(Value)> operand) {
  auto all = [&](StringRef symbol) {
    std::string text = ("(" + symbol).str();
    for (Value each : op->getOperands())
      text += " " + operand(each);
    return text + ")";
  };
  bool isTruth = op->getResult(0).getType().isInteger(1);
  if (isTruth) {
    if (isa<arith::AndIOp>(op))
      return all("and");
    if (isa<arith::OrIOp>(op))
      return all("or");
    if (isa<arith::XOrIOp>(op))
      return all("xor");
  }
  if (isa<arith::SelectOp>(op))
    return all("ite");
  if (auto compare = dyn_cast<arith::CmpIOp>(op)) {
    bool isUnsigned = compare.getPredicate() >= Predicate::ult;
    if (!isUnsigned && !compare.getLhs().getType().isInteger(1))
      return all(symbolOf(compare.getPredicate()));
    return "";
  }
  if (isTruth)
    return "";
  if (isa<arith::AddIOp>(op))
    return all("+");
  if (isa<arith::SubIOp>(op))
    return all("-");
  if (isa<arith::MulIOp>(op) &&
      (integerOf(op->getOperand(0)) || integerOf(op->getOperand(1))))
    return all("*");
  if (isa<arith::TruncIOp, arith::ExtSIOp, arith::IndexCastOp>(op) &&
      !op->getOperand(0).getType().isInteger(1))
    return operand(op->getOperand(0));
  if (isa<arith::MinSIOp, arith::MaxSIOp>(op)) {
    std::string x = operand(op->getOperand(0)), y = operand(op->getOperand(1));
    return std::string("(ite (") + (isa<arith::MinSIOp>(op) ? "<=" : ">=") +
           " " + x + " " + y + ") " + x + " " + y + ")";
  }
  return "";
}

/// Quotients, remainders and bits of numbers that are not negative.
void Writer::quotient(Operation *op, const std::string &name) {
  std::string x = of(op->getOperand(0));
  std::optional<int64_t> by = integerOf(op->getOperand(1));
  const char *symbol = nullptr;
  if (isa<arith::DivUIOp, arith::DivSIOp, arith::ShRUIOp, arith::ShRSIOp>(op))
    symbol = "div";
  else if (isa<arith::RemUIOp, arith::RemSIOp, arith::AndIOp>(op))
    symbol = "mod";
  if (!symbol)
    return;
  if (by && isa<arith::ShRUIOp, arith::ShRSIOp>(op))
    by = *by >= 0 && *by < 32 ? std::optional<int64_t>(int64_t(1) << *by)
                              : std::nullopt;
  else if (by && isa<arith::AndIOp>(op))
    by = *by >= 0 && llvm::isPowerOf2_64(*by + 1)
             ? std::optional<int64_t>(*by + 1)
             : std::nullopt;
  if (by && *by > 0) {
    assume("(=> (>= " + x + " 0) (= " + name + " (" + symbol + " " + x + " " +
           number(*by) + ")))");
    return;
  }
  if (!isa<arith::DivUIOp, arith::RemUIOp>(op))
    return;
  std::string y = of(op->getOperand(1));
  std::string positive = "(and (>= " + x + " 0) (> " + y + " 0))";
  assume("(=> " + positive + " (and (>= " + name + " 0) (<= " + name + " " + x +
         ")))");
  if (isa<arith::RemUIOp>(op)) {
    assume("(=> " + positive + " (< " + name + " " + y + "))");
    return;
  }
  // x < a b, so x / a < b.
  Value block = op->getOperand(0);
  while (block.getDefiningOp<arith::ExtUIOp>())
    block = block.getDefiningOp()->getOperand(0);
  auto of = block.getDefiningOp<device::BlockOp>();
  auto launch =
      cast<device::LaunchOp>(kernel.getGrid().front().getTerminator());
  if (!of || of.getDimension() != device::Dimension::X)
    return;
  auto product = launch.getX().getDefiningOp<arith::MulIOp>();
  if (!product)
    return;
  for (unsigned i = 0; i < 2; ++i)
    if (isSame(product->getOperand(i), op->getOperand(1))) {
      assume("(< " + name + " " + this->of(product->getOperand(1 - i)) + ")");
      return;
    }
}

void Writer::define(Operation *op, const std::string &name) {
  bool isTruth =
      op->getNumResults() == 1 && op->getResult(0).getType().isInteger(1);
  if (isa<device::ThreadOp>(op)) {
    assume("(>= " + name + " 0)");
    assume("(< " + name + " " + number(kernel.getThreads()) + ")");
  } else if (isa<device::BlockOp>(op)) {
    assume("(>= " + name + " 0)");
  } else if (auto uniform = dyn_cast<device::UniformOp>(op)) {
    // The warp's number is one for all of its lanes.
    Operation *shift = uniform.getValue().getDefiningOp();
    if (isa_and_nonnull<arith::ShRUIOp>(shift) &&
        shift->getOperand(0).getDefiningOp<device::ThreadOp>() &&
        integerOf(shift->getOperand(1)) == 5)
      assume("(= " + name + " " + of(uniform.getValue()) + ")");
  } else if (isa<arith::ExtUIOp>(op)) {
    Value from = op->getOperand(0);
    if (!from.getType().isInteger(1))
      assume("(=> (>= " + of(from) + " 0) (= " + name + " " + of(from) + "))");
  } else if (auto compare = dyn_cast<arith::CmpIOp>(op);
             compare && compare.getPredicate() >= Predicate::ult) {
    std::string x = of(compare.getLhs()), y = of(compare.getRhs());
    assume("(=> (and (>= " + x + " 0) (>= " + y + " 0)) (= " + name + " (" +
           symbolOf(compare.getPredicate()) + " " + x + " " + y + ")))");
  } else if (op->getNumResults() == 1 &&
             isa<arith::ArithDialect>(op->getDialect())) {
    Type type = op->getResult(0).getType();
    if (!type.isIntOrIndex())
      return;
    std::string text = term(op, [&](Value value) { return of(value); });
    if (!text.empty())
      assume("(= " + name + " " + text + ")");
    else if (!isTruth && op->getNumOperands() == 2)
      quotient(op, name);
  }
}

/// What leads to an operation: the branches around it.
std::string Writer::path(Operation *op) {
  std::string all = "true";
  for (Operation *inner = op; !isa<device::KernelOp>(inner->getParentOp());
       inner = inner->getParentOp()) {
    auto branch = dyn_cast<scf::IfOp>(inner->getParentOp());
    if (!branch)
      continue;
    std::string condition = of(branch.getCondition());
    bool isElse = inner->getParentRegion() == &branch.getElseRegion();
    all = "(and " + all + " " +
          (isElse ? "(not " + condition + ")" : condition) + ")";
  }
  return all;
}

/// What depends on `changed` by logic alone, in program order.
static llvm::SmallVector<Operation *> logicOf(Value changed,
                                              device::KernelOp kernel) {
  auto isLogic = [](Operation *op) {
    return isa<arith::AndIOp, arith::OrIOp, arith::XOrIOp, arith::SelectOp>(
               op) &&
           op->getResult(0).getType().isInteger(1);
  };
  llvm::DenseSet<Operation *> seen;
  llvm::SmallVector<Value> work{changed};
  while (!work.empty()) {
    Value value = work.pop_back_val();
    for (Operation *user : value.getUsers())
      if (isLogic(user) && seen.insert(user).second)
        work.push_back(user->getResult(0));
  }
  llvm::SmallVector<Operation *> ops;
  kernel.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (seen.contains(op))
      ops.push_back(op);
  });
  return ops;
}

std::string Writer::differs(Value changed, std::string replacement) {
  llvm::DenseMap<Value, std::string> mutated{{changed, replacement}};
  llvm::SmallVector<Operation *> logic = logicOf(changed, kernel);
  for (Operation *op : logic) {
    of(op->getResult(0));
    std::string text = term(op, [&](Value value) {
      auto known = mutated.find(value);
      return known == mutated.end() ? of(value) : known->second;
    });
    std::string name = declare(op->getResult(0));
    assume("(= " + name + " " + text + ")");
    mutated[op->getResult(0)] = name;
  }
  std::string any = "false";
  for (auto &[value, name] : mutated)
    for (Operation *user : value.getUsers())
      if (!llvm::is_contained(logic, user))
        any = "(or " + any + " (and " + path(user) + " (distinct " + of(value) +
              " " + name + ")))";
  return any;
}

std::string Writer::neverFalse(arith::SelectOp select) {
  return "(and " + path(select) + " (not " + of(select.getCondition()) + "))";
}

std::string Writer::enters(Region *region) {
  Operation *op = region->getParentOp();
  std::string reached = path(op);
  if (auto branch = dyn_cast<scf::IfOp>(op)) {
    std::string condition = of(branch.getCondition());
    if (region == &branch.getElseRegion())
      condition = "(not " + condition + ")";
    return "(and " + reached + " " + condition + ")";
  }
  auto loop = cast<scf::ForOp>(op);
  return "(and " + reached + " (< " + of(loop.getLowerBound()) + " " +
         of(loop.getUpperBound()) + "))";
}

/// The solver, by its full path.
static std::vector<std::string> solverCommand() {
  auto path = llvm::sys::findProgramByName("z3");
  return {path ? *path : "z3", "-in", "-smt2"};
}

Equivalence::Equivalence(std::map<std::string, int64_t> fixed)
    : fixed(std::move(fixed)), solver(solverCommand(), uint64_t(2) << 30) {}

/// True where `script` has a model and none in which `claim` holds.
bool Equivalence::refutes(llvm::StringRef script, llvm::StringRef claim) {
  // First whether there is any launch at all: else all would hold.
  llvm::Expected<std::string> answer =
      solver.ask(("(reset)\n" + script + "(check-sat)\n(assert " + claim +
                  ")\n(check-sat)\n")
                     .str(),
                 solverSeconds);
  if (!answer) {
    llvm::consumeError(answer.takeError());
    return false;
  }
  auto [any, claimed] = llvm::StringRef(*answer).split('\n');
  return any.trim() != "unsat" && claimed.trim() == "unsat";
}

bool Equivalence::isNeverEntered(device::KernelOp kernel, Region *region) {
  auto [known, isNew] = neverEntered.try_emplace(region, false);
  if (isNew) {
    Writer writer(kernel, fixed);
    std::string claim = writer.enters(region);
    bool never = refutes(writer.script, claim);
    neverEntered[region] = never;
    return never;
  }
  return known->second;
}

/// True where no launch reaches the operation, or, of a loop whose bounds move
/// towards each other, its body.
bool Equivalence::isNeverReached(device::KernelOp kernel, const Mutant &mutant,
                                 Operation *op) {
  SmallVector<Region *> regions; // from within
  for (Operation *inner = op; !isa<device::KernelOp>(inner->getParentOp());
       inner = inner->getParentOp())
    regions.push_back(inner->getParentRegion());
  if (auto loop = dyn_cast<scf::ForOp>(op);
      loop && (mutant.variant == 1 || mutant.variant == 2))
    regions.insert(regions.begin(), &loop.getRegion());
  return llvm::any_of(llvm::reverse(regions), [&](Region *region) {
    return isNeverEntered(kernel, region);
  });
}

bool Equivalence::proves(device::KernelOp kernel, const Mutant &mutant) {
  Operation *op = operationOf(kernel, mutant);
  if (isNeverReached(kernel, mutant, op))
    return true;
  Writer writer(kernel, fixed);
  std::string different;
  if (auto select = dyn_cast<arith::SelectOp>(op);
      select && mutant.kind == Kind::MaskDropped) {
    different = writer.neverFalse(select);
  } else if (auto compare = dyn_cast<arith::CmpIOp>(op)) {
    std::string replacement = "true";
    if (mutant.kind == Kind::CompareShifted) {
      std::optional<Predicate> predicate = shifted(compare.getPredicate());
      if (!predicate || *predicate >= Predicate::ult)
        return false;
      replacement = std::string("(") + symbolOf(*predicate) + " " +
                    writer.of(compare.getLhs()) + " " +
                    writer.of(compare.getRhs()) + ")";
    }
    different = writer.differs(compare.getResult(), replacement);
  } else {
    return false;
  }
  return refutes(writer.script, different);
}
