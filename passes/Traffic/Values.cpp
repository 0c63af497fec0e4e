//===- Values.cpp - The integers of a device program as forms -------------===//

#include "passes/Traffic/Values.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::traffic;

Ref Parameters::form(llvm::StringRef name, bool isAddress) const {
  if (name.consume_front("stride ")) {
    auto [tensor, dim] = name.rsplit('.');
    unsigned number = 0;
    if (!dim.getAsInteger(10, number))
      return stride(tensor, number);
  }
  if (name.starts_with("|"))
    return extent(name.drop_front().drop_back());
  if (auto given = numbers.find(name); given != numbers.end())
    return pool.number(given->second);
  if (name.starts_with("has "))
    return pool.parameter(name.str(), 0, 1);
  Ref plain = pool.parameter(name.str());
  return isAddress ? pool.scale(plain, 32) : plain;
}

Ref Parameters::extent(llvm::StringRef rank) const {
  if (auto it = fixed.find(rank); it != fixed.end())
    return pool.number(it->second);
  return pool.parameter("|" + rank.str() + "|", 0);
}

Ref Parameters::stride(llvm::StringRef name, unsigned dim) const {
  Ref stride = pool.one;
  for (const auto *tensors : {&interface.inputs, &interface.outputs})
    for (const auto &tensor : *tensors)
      if (tensor.name == name)
        for (const std::string &rank :
             llvm::ArrayRef(tensor.dims).drop_front(dim + 1))
          stride = pool.mul(stride, extent(rank));
  return stride;
}

bool Parameters::isAddress(device::KernelOp kernel, unsigned number) {
  auto names = kernel.getParameters().getAsRange<StringAttr>();
  unsigned tensors = 0;
  for (StringAttr name : names) {
    if (name.getValue().starts_with("stride ") ||
        name.getValue().starts_with("|"))
      break;
    ++tensors;
  }
  return number < tensors ||
         (kernel.hasWorkspace() && number + 1 == kernel.getParameters().size());
}

std::string einfall::traffic::tensorAt(Ref address) {
  for (const Term &term : address->terms)
    if (term.atoms.size() == 1 && term.coefficient == 32 &&
        term.atoms[0]->kind == Kind::Parameter && term.atoms[0]->name[0] != '|')
      return term.atoms[0]->name;
  return "";
}

Values::Values(device::KernelOp kernel, Pool &pool,
               const Parameters &parameters)
    : Integers(pool), kernel(kernel), parameters(parameters) {}

bool Values::findReads(Operation *op, Visit visit, std::set<std::string> &to) {
  auto load = dyn_cast<device::LoadOp>(op);
  if (!load)
    return false;
  if (load.getSpace() == device::Space::Global) {
    std::string tensor = tensorAt(of(load.getBase()));
    if (!tensor.empty())
      to.insert(tensor);
    return true;
  }
  kernel.getBody().walk([&](device::StoreOp store) {
    if (store.getSpace() == load.getSpace() &&
        store.getValue().getType() == load.getType())
      visit(store.getValue());
  });
  return true;
}

Ref Values::ofParameter(BlockArgument argument) {
  if (argument.getOwner()->getParentOp() != kernel)
    return unknownOf(argument);
  unsigned number = argument.getArgNumber();
  auto names = kernel.getParameters();
  if (number >= names.size())
    return unknownOf(argument); // a map
  return parameters.form(cast<StringAttr>(names[number]).getValue(),
                         Parameters::isAddress(kernel, number));
}

/// What is the same for all lanes, or what a lane says whose number is known.
Ref Values::shuffled(device::ShuffleOp op) {
  Ref value = of(op.getValue());
  if (!value->has(Pool::atomOf(pool.lane)))
    return value;
  if (op.getMode() != device::Shuffle::Index)
    return pool.unknown();
  Ref from = pool.remainder(of(op.getOperand()), pool.number(32));
  return pool.substitute(value, {{Pool::atomOf(pool.lane), from}});
}

Ref Values::ofOther(Operation *op) {
  if (isa<device::ThreadOp>(op)) {
    if (!warp)
      warp = pool.variable("warp", pool.zero,
                           pool.number(kernel.getThreads() / 32));
    return pool.add(pool.scale(pool.resolve(warp), 32), pool.lane);
  }
  if (auto block = dyn_cast<device::BlockOp>(op))
    return blocks[static_cast<unsigned>(block.getDimension())];
  if (auto shuffle = dyn_cast<device::ShuffleOp>(op))
    return shuffled(shuffle);
  if (isa<device::UniformOp>(op))
    return pool.substitute(of(op->getOperand(0)),
                           {{Pool::atomOf(pool.lane), pool.zero}});
  if (auto load = dyn_cast<device::LoadOp>(op);
      load && load.getSpace() == device::Space::Shared)
    return shared(load);
  return pool.unknown();
}

Ref Values::shared(device::LoadOp load) {
  auto addressOf = [&](Value base, Value offset) {
    return pool.add(of(base), of(offset));
  };
  Ref address = addressOf(load.getBase(), load.getOffset());
  if (!address->isConstant())
    return pool.unknown();
  device::StoreOp only;
  unsigned count = 0;
  kernel.getBody().walk([&](device::StoreOp store) {
    if (store.getSpace() == device::Space::Shared &&
        addressOf(store.getBase(), store.getOffset()) == address) {
      only = store;
      ++count;
    }
  });
  if (count != 1 || only.getValue().getType() != load.getType())
    return pool.unknown();
  Ref value = of(only.getValue());
  bool isShared = !value->has(Pool::atomOf(pool.lane)) &&
                  !(warp && value->has(Pool::atomOf(warp))) &&
                  !only->getParentOfType<scf::ForOp>();
  return isShared ? value : pool.unknown();
}

Ref Values::truthOfOther(Operation *op) {
  if (isa<device::VoteOp>(op)) {
    // What the whole warp says alike.
    Ref truth = of(op->getOperand(0));
    if (!truth->has(Pool::atomOf(pool.lane)))
      return truth;
  }
  return pool.unknownTruth();
}
