//===- CountAccesses.cpp - A kernel that tells what it touches ------------===//

#include "codegen/cpu/CountAccesses.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"

namespace {

class AccessTeller {
public:
  explicit AccessTeller(llvm::Module &module)
      : module(module), layout(module.getDataLayout()),
        builder(module.getContext()),
        callee(module.getOrInsertFunction(
            einfall::cpu::countAccessName, builder.getVoidTy(),
            builder.getPtrTy(), builder.getInt64Ty(), builder.getInt32Ty())) {}
  llvm::Error run(llvm::Function &function);

private:
  llvm::Error look(llvm::Instruction &instruction);
  void tell(llvm::Value *address, llvm::Value *bytes, bool isStore) {
    builder.CreateCall(callee, {address, bytes, builder.getInt32(isStore)});
  }
  void tellMasked(llvm::CallInst &call, llvm::Type *type, bool isStore);
  int64_t sizeOf(llvm::Type *type) {
    return layout.getTypeStoreSize(type).getFixedValue();
  }

  llvm::Module &module;
  const llvm::DataLayout &layout;
  llvm::IRBuilder<> builder;
  llvm::FunctionCallee callee;
};

} // namespace

/// An access of a vector of which a mask leaves some lanes.
void AccessTeller::tellMasked(llvm::CallInst &call, llvm::Type *type,
                              bool isStore) {
  // Which operand is which depends on the version of LLVM.
  llvm::Value *mask = nullptr, *address = nullptr;
  for (llvm::Value *operand : call.args()) {
    if (operand->getType()->isVectorTy() &&
        operand->getType()->getScalarType()->isIntegerTy(1))
      mask = operand;
    if (operand->getType()->isPtrOrPtrVectorTy())
      address = operand;
  }
  unsigned lanes = llvm::cast<llvm::FixedVectorType>(type)->getNumElements();
  int64_t size = sizeOf(type->getScalarType());
  for (unsigned lane = 0; lane < lanes; ++lane) {
    llvm::Value *place =
        address->getType()->isVectorTy()
            ? builder.CreateExtractElement(address, lane)
            : builder.CreatePtrAdd(address, builder.getInt64(lane * size));
    llvm::Value *takesPart = builder.CreateZExt(
        builder.CreateExtractElement(mask, lane), builder.getInt64Ty());
    tell(place, builder.CreateMul(takesPart, builder.getInt64(size)), isStore);
  }
}

llvm::Error AccessTeller::look(llvm::Instruction &instruction) {
  builder.SetInsertPoint(&instruction);
  if (auto *load = llvm::dyn_cast<llvm::LoadInst>(&instruction)) {
    tell(load->getPointerOperand(), builder.getInt64(sizeOf(load->getType())),
         /*isStore=*/false);
    return llvm::Error::success();
  }
  if (auto *store = llvm::dyn_cast<llvm::StoreInst>(&instruction)) {
    tell(store->getPointerOperand(),
         builder.getInt64(sizeOf(store->getValueOperand()->getType())),
         /*isStore=*/true);
    return llvm::Error::success();
  }
  if (!instruction.mayReadOrWriteMemory())
    return llvm::Error::success();
  auto *call = llvm::dyn_cast<llvm::CallInst>(&instruction);
  switch (call ? call->getIntrinsicID() : llvm::Intrinsic::not_intrinsic) {
  case llvm::Intrinsic::masked_load:
  case llvm::Intrinsic::masked_gather:
    tellMasked(*call, call->getType(), /*isStore=*/false);
    return llvm::Error::success();
  case llvm::Intrinsic::masked_store:
  case llvm::Intrinsic::masked_scatter:
    tellMasked(*call, call->getArgOperand(0)->getType(), /*isStore=*/true);
    return llvm::Error::success();
  case llvm::Intrinsic::prefetch:
    return llvm::Error::success();
  default:
    break;
  }
  // Functions of numbers.
  bool hasPointers = !call;
  for (unsigned i = 0; call && i < call->arg_size(); ++i)
    hasPointers |= call->getArgOperand(i)->getType()->isPtrOrPtrVectorTy();
  if (!hasPointers)
    return llvm::Error::success();
  return llvm::createStringError(
      "%s touches memory in a way that is not counted",
      instruction.getOpcodeName());
}

llvm::Error AccessTeller::run(llvm::Function &function) {
  llvm::SmallVector<llvm::Instruction *> all;
  for (llvm::Instruction &instruction : llvm::instructions(function))
    all.push_back(&instruction);
  for (llvm::Instruction *instruction : all)
    if (llvm::Error error = look(*instruction))
      return error;
  return llvm::Error::success();
}

llvm::Error einfall::cpu::countAccesses(llvm::Module &module) {
  AccessTeller teller(module);
  for (llvm::Function &function : module)
    if (!function.isDeclaration())
      if (llvm::Error error = teller.run(function))
        return error;
  return llvm::Error::success();
}
