//===- CpuValues.cpp - The integers of a CPU program as forms -------------===//

#include "passes/Traffic/CpuValues.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::traffic;

CpuValues::CpuValues(func::FuncOp function,
                     const cascade::KernelInterface &interface, Pool &pool,
                     const Parameters &parameters, int64_t phase,
                     int64_t threads, Ref items)
    : Integers(pool), function(function), interface(interface),
      parameters(parameters), phase(phase), threads(threads), items(items) {}

Ref CpuValues::lane(int64_t width) {
  Ref &lane = lanes[width];
  if (!lane)
    lane = pool.variable("element", pool.zero, pool.number(width));
  return lane;
}

std::string CpuValues::nameOf(const CpuPlace &place) const {
  if (place.kind == CpuPlace::Workspace)
    return "workspace";
  if (place.kind == CpuPlace::Shared)
    return "shared";
  if (place.kind != CpuPlace::Tensor)
    return "";
  size_t inputs = interface.inputs.size();
  return place.number < inputs ? interface.inputs[place.number].name
                               : interface.outputs[place.number - inputs].name;
}

//===----------------------------------------------------------------------===//
// Pointers
//===----------------------------------------------------------------------===//

CpuPlace CpuValues::placeOf(Value pointer) {
  auto [it, isNew] = places.try_emplace(pointer);
  if (!isNew)
    return it->second; // unknown while it is found
  CpuPlace place = findPlace(pointer);
  return places[pointer] = place;
}

/// The index of an address in a table.
static std::optional<int64_t> indexIn(Value address) {
  auto at = address.getDefiningOp<LLVM::GEPOp>();
  if (!at)
    return 0;
  if (at.getIndices().size() != 1)
    return std::nullopt;
  auto index = at.getIndices()[0];
  if (auto attribute = dyn_cast<IntegerAttr>(index))
    return attribute.getInt();
  return constantOf(cast<Value>(index));
}

CpuPlace CpuValues::findPlace(Value pointer) {
  if (auto argument = dyn_cast<BlockArgument>(pointer)) {
    if (argument.getOwner()->getParentOp() == function) {
      switch (argument.getArgNumber()) {
      case 0:
        return {CpuPlace::Arguments};
      case 4:
        return {CpuPlace::Workspace};
      case 5:
        return {CpuPlace::Shared};
      }
      return {};
    }
    auto loop = dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp());
    if (!loop || argument == loop.getInductionVar())
      return {};
    return placeOf(loop.getInitArgs()[argument.getArgNumber() -
                                      loop.getNumInductionVars()]);
  }
  Operation *op = pointer.getDefiningOp();
  if (auto at = dyn_cast<LLVM::GEPOp>(op))
    return placeOf(at.getBase());
  if (isa<LLVM::AllocaOp>(op))
    return {CpuPlace::Local};
  if (auto load = dyn_cast<LLVM::LoadOp>(op)) {
    std::optional<int64_t> index = indexIn(load.getAddr());
    if (!index)
      return {};
    unsigned number = *index;
    CpuPlace table = placeOf(load.getAddr());
    if (table.kind == CpuPlace::Data)
      return {CpuPlace::Tensor, number};
    if (table.kind == CpuPlace::Params)
      return {CpuPlace::Parameter, number};
    static constexpr CpuPlace::Kind members[] = {
        CpuPlace::Data, CpuPlace::Strides, CpuPlace::Extents, CpuPlace::Params};
    if (table.kind == CpuPlace::Arguments && number < std::size(members))
      return {members[number]};
    return {};
  }
  auto either = [&](Value a, Value b) {
    CpuPlace x = placeOf(a), y = placeOf(b);
    return x == y ? x : CpuPlace();
  };
  if (auto select = dyn_cast<arith::SelectOp>(op))
    return either(select.getTrueValue(), select.getFalseValue());
  unsigned number = cast<OpResult>(pointer).getResultNumber();
  if (auto branch = dyn_cast<scf::IfOp>(op))
    return either(branch.thenBlock()->getTerminator()->getOperand(number),
                  branch.elseBlock()->getTerminator()->getOperand(number));
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return placeOf(loop.getInitArgs()[number]);
  if (auto spread = dyn_cast<vector::BroadcastOp>(op))
    return placeOf(spread.getSource());
  return {};
}

bool CpuValues::findReads(Operation *op, Visit visit,
                          std::set<std::string> &to) {
  Value address;
  if (auto load = dyn_cast<LLVM::LoadOp>(op))
    address = load.getAddr();
  else if (auto load = dyn_cast<LLVM::MaskedLoadOp>(op))
    address = load.getData();
  else if (auto load = dyn_cast<LLVM::masked_gather>(op))
    address = load.getPtrs();
  else
    return false;
  CpuPlace place = placeOf(address);
  if (place.kind == CpuPlace::Tensor) {
    to.insert(nameOf(place));
  } else if (place.kind == CpuPlace::Workspace ||
             place.kind == CpuPlace::Shared || place.kind == CpuPlace::Local) {
    // Whatever was put there of the same kind.
    if (!stores) {
      stores.emplace();
      function.walk([&](LLVM::StoreOp store) {
        Type type = getElementTypeOrSelf(store.getValue().getType());
        (*stores)[{placeOf(store.getAddr()).kind, type}].push_back(
            store.getValue());
      });
    }
    Kept key{place.kind, getElementTypeOrSelf(op->getResult(0).getType())};
    // Empty while it is found: what goes around adds nothing.
    if (auto [it, isNew] = storedReads.try_emplace(key); isNew)
      storedReads[key] = readsOf(stores->lookup(key));
    const std::set<std::string> &reads = storedReads[key];
    to.insert(reads.begin(), reads.end());
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

Ref CpuValues::ofParameter(BlockArgument argument) {
  if (argument.getOwner()->getParentOp() != function)
    return unknownOf(argument);
  switch (argument.getArgNumber()) {
  case 1:
    return pool.number(phase);
  case 2:
    return pool.zero;
  case 3:
    return items ? items : pool.unknown();
  }
  return pool.unknown();
}

Ref CpuValues::loaded(LLVM::LoadOp load) {
  std::optional<int64_t> index = indexIn(load.getAddr());
  CpuPlace table = placeOf(load.getAddr());
  if (!index)
    return pool.unknown();
  unsigned number = *index;
  if (table.kind == CpuPlace::Arguments && number == 4)
    return pool.number(threads);
  if (table.kind == CpuPlace::Extents)
    return parameters.form("|" + interface.ranks[number] + "|", false);
  if (table.kind != CpuPlace::Strides)
    return pool.unknown();
  unsigned tensor = 0;
  while (interface.firstStride(tensor + 1) <= number)
    ++tensor;
  std::string name = nameOf({CpuPlace::Tensor, tensor});
  return parameters.form(
      "stride " + name + "." +
          std::to_string(number - interface.firstStride(tensor)),
      false);
}

/// A vector of constants, a part of a vector, or a scalar in all lanes.
Ref CpuValues::inLanes(Operation *op) {
  if (auto spread = dyn_cast<vector::BroadcastOp>(op)) {
    if (isa<VectorType>(spread.getSource().getType()))
      return nullptr;
    return of(spread.getSource());
  }
  if (auto part = dyn_cast<vector::ExtractOp>(op)) {
    auto source = cast<VectorType>(part.getSource().getType());
    ArrayRef<int64_t> at = part.getStaticPosition();
    if (source.getRank() != 1 || at.size() != 1 || ShapedType::isDynamic(at[0]))
      return nullptr;
    Ref every = lane(source.getNumElements());
    return pool.substitute(of(part.getSource()),
                           {{Pool::atomOf(every), pool.number(at[0])}});
  }
  auto constant = dyn_cast<arith::ConstantOp>(op);
  auto elements =
      constant ? dyn_cast<DenseIntElementsAttr>(constant.getValue()) : nullptr;
  if (!elements)
    return nullptr;
  auto values = llvm::to_vector(elements.getValues<APInt>());
  Ref every = lane(values.size());
  if (elements.getElementType().isInteger(1)) {
    Ref some = pool.no;
    for (auto [i, value] : llvm::enumerate(values))
      if (value.isOne())
        some = pool.either(some, pool.isZero(pool.sub(every, pool.number(i))));
    size_t count =
        llvm::find_if(values, [](const APInt &v) { return v.isZero(); }) -
        values.begin();
    bool isPrefix = llvm::none_of(ArrayRef(values).drop_front(count),
                                  [](const APInt &v) { return v.isOne(); });
    return isPrefix ? pool.less(every, pool.number(count)) : some;
  }
  int64_t first = values[0].getSExtValue();
  int64_t step = values.size() > 1 ? values[1].getSExtValue() - first : 0;
  for (auto [i, value] : llvm::enumerate(values))
    if (value.getSExtValue() != first + int64_t(i) * step)
      return nullptr;
  return pool.add(pool.number(first), pool.scale(every, step));
}

Ref CpuValues::ofOther(Operation *op) {
  if (Ref form = inLanes(op))
    return form;
  if (auto load = dyn_cast<LLVM::LoadOp>(op))
    return loaded(load);
  if (auto magnitude = dyn_cast<math::AbsIOp>(op)) {
    Ref x = of(magnitude.getOperand());
    return pool.maximum(x, pool.scale(x, -1));
  }
  // Integers are passed as the double of the same value.
  if (auto number = dyn_cast<arith::FPToSIOp>(op))
    if (auto load = number.getIn().getDefiningOp<LLVM::LoadOp>())
      if (CpuPlace place = placeOf(load.getAddr());
          place.kind == CpuPlace::Parameter)
        return parameters.form(interface.params[place.number].name, false);
  return pool.unknown();
}

/// Whether some lane has `truth`.
Ref CpuValues::anyLane(Ref truth, Ref every) {
  Ref atom = Pool::atomOf(every);
  if (!truth->has(atom))
    return truth;
  if (truth->kind == Kind::Or)
    return pool.either(anyLane(truth->operands[0], every),
                       anyLane(truth->operands[1], every));
  if (truth->kind == Kind::And)
    for (unsigned i : {0, 1})
      if (!truth->operands[i]->has(atom))
        return pool.both(truth->operands[i],
                         anyLane(truth->operands[1 - i], every));
  if (truth->kind == Kind::NotNegative)
    if (Ref most = pool.greatest(truth->operands[0], {every}))
      return pool.notNegative(most);
  return pool.unknownTruth();
}

Ref CpuValues::truthOfOther(Operation *op) {
  if (Ref form = inLanes(op))
    return form;
  // Whether a parameter is given.
  if (auto compare = dyn_cast<LLVM::ICmpOp>(op)) {
    CpuPlace place = placeOf(compare.getLhs());
    if (place.kind == CpuPlace::Parameter &&
        compare.getRhs().getDefiningOp<LLVM::ZeroOp>() &&
        compare.getPredicate() == LLVM::ICmpPredicate::eq)
      return pool.isZero(
          parameters.form("has " + interface.params[place.number].name, false));
  }
  if (auto all = dyn_cast<vector::ReductionOp>(op)) {
    auto type = cast<VectorType>(all.getVector().getType());
    Ref every = lane(type.getNumElements()), truth = of(all.getVector());
    if (all.getKind() == vector::CombiningKind::OR)
      return anyLane(truth, every);
    if (all.getKind() == vector::CombiningKind::AND)
      return pool.negate(anyLane(pool.negate(truth), every));
  }
  return pool.unknownTruth();
}
