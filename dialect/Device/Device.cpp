//===- Device.cpp - The device dialect and its verifiers ------------------===//

#include "dialect/Device/Device.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace einfall::device;

#include "dialect/Device/DeviceDialect.cpp.inc"
#include "dialect/Device/DeviceEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialect/Device/DeviceAttrs.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialect/Device/DeviceTypes.cpp.inc"

#define GET_OP_CLASSES
#include "dialect/Device/DeviceOps.cpp.inc"

void DeviceDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialect/Device/DeviceAttrs.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialect/Device/DeviceTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialect/Device/DeviceOps.cpp.inc"
      >();
}

int64_t einfall::device::sizeInBytes(Type type) {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.getNumElements() * sizeInBytes(vector.getElementType());
  return (type.getIntOrFloatBitWidth() + 7) / 8;
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

LogicalResult KernelOp::verifyRegions() {
  int64_t threads = getThreads();
  if (threads < 32 || threads % 32)
    return emitOpError() << "has blocks of " << threads
                         << " threads; a multiple of 32 is needed";
  if (!llvm::isUInt<32>(threads) || !llvm::isUInt<32>(getShared()))
    return emitOpError() << "has " << threads << " threads and " << getShared()
                         << " bytes of shared memory, which take 32 bits each";
  Block &grid = getGrid().front(), &body = getBody().front();
  if (grid.empty() || !isa<LaunchOp>(grid.back()))
    return emitOpError("needs a device.launch at the end of its grid");
  if (body.empty() || !isa<ReturnOp>(body.back()))
    return emitOpError("needs a device.return at the end of its body");
  size_t parameters = getParameters().size();
  size_t maps = cast<LaunchOp>(grid.back()).getMaps().size();
  if (grid.getNumArguments() != parameters ||
      body.getNumArguments() != parameters + maps)
    return emitOpError() << "has " << parameters << " parameters and " << maps
                         << " maps, but " << grid.getNumArguments()
                         << " arguments of its grid and "
                         << body.getNumArguments() << " of its body";
  if (hasWorkspace() &&
      (!parameters ||
       !grid.getArgument(parameters - 1).getType().isInteger(64)))
    return emitOpError("has a workspace, but no i64 as its last parameter");
  for (auto [number, argument] : llvm::enumerate(body.getArguments())) {
    Type type = argument.getType();
    if (number >= parameters) {
      if (!isa<TensorMapType>(type))
        return emitOpError() << "takes a map as a " << type;
      continue;
    }
    if (!type.isInteger(64) && !type.isInteger(32) && !type.isF32())
      return emitOpError() << "parameter " << number << " is a " << type
                           << "; i64, i32 and f32 can be passed";
    if (type != grid.getArgument(number).getType())
      return emitOpError() << "parameter " << number
                           << " differs between grid and body";
  }
  WalkResult host = getGrid().walk([](Operation *op) {
    if (isa<arith::ArithDialect>(op->getDialect()) ||
        isa<LaunchOp, EncodeMapOp>(op))
      return WalkResult::advance();
    op->emitOpError("is no arithmetic, which is all that a grid may hold");
    return WalkResult::interrupt();
  });
  if (host.wasInterrupted())
    return failure();
  WalkResult device = getBody().walk([](Operation *op) {
    bool known = (isa<DeviceDialect, arith::ArithDialect>(op->getDialect()) &&
                  !isa<LaunchOp, EncodeMapOp>(op)) ||
                 isa<scf::ForOp, scf::IfOp, scf::YieldOp, vector::ExtractOp,
                     vector::FromElementsOp, vector::BroadcastOp>(op);
    if (known)
      return WalkResult::advance();
    op->emitOpError("is not part of a device program");
    return WalkResult::interrupt();
  });
  return failure(device.wasInterrupted());
}

SmallVector<SmallVector<KernelOp>>
einfall::device::versionsOf(Operation *module) {
  SymbolTable symbols(module);
  SmallVector<KernelOp> all(module->getRegion(0).getOps<KernelOp>());
  llvm::DenseSet<StringAttr> later;
  for (KernelOp kernel : all)
    if (FlatSymbolRefAttr next = kernel.getThenAttr())
      later.insert(next.getAttr());
  SmallVector<SmallVector<KernelOp>> versions;
  for (KernelOp kernel : all) {
    if (later.contains(kernel.getSymNameAttr()))
      continue;
    auto &version = versions.emplace_back();
    for (; kernel; kernel = kernel.getThenAttr()
                                ? symbols.lookup<KernelOp>(*kernel.getThen())
                                : KernelOp())
      version.push_back(kernel);
  }
  return versions;
}

LaunchOp KernelOp::getLaunch() {
  return cast<LaunchOp>(getGrid().front().back());
}

bool KernelOp::hasWorkspace() { return bool(getLaunch().getWorkspace()); }

LogicalResult KernelOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (!getThenAttr())
    return success();
  auto next = symbols.lookupNearestSymbolFrom<KernelOp>(*this, getThenAttr());
  if (!next)
    return emitOpError() << "is followed by " << getThenAttr()
                         << ", which is no kernel";
  if (next.getParameters() != getParameters() ||
      next.hasWorkspace() != hasWorkspace())
    return emitOpError() << "is followed by " << getThenAttr()
                         << ", which takes other parameters";
  return success();
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

static LogicalResult verifyAddress(Operation *op, Space space, Value base,
                                   Value offset) {
  unsigned bits = space == Space::Global ? 64 : 32;
  for (Value part : {base, offset})
    if (!part.getType().isInteger(bits))
      return op->emitOpError()
             << "addresses " << stringifySpace(space) << " memory by "
             << part.getType() << "; it takes i" << bits;
  return success();
}

LogicalResult LoadOp::verify() {
  if (getReadonly() && getSpace() != Space::Global)
    return emitOpError("says readonly of shared memory");
  return verifyAddress(*this, getSpace(), getBase(), getOffset());
}

LogicalResult StoreOp::verify() {
  return verifyAddress(*this, getSpace(), getBase(), getOffset());
}

LogicalResult CopyAsyncOp::verify() {
  if (getBytes() != 4 && getBytes() != 8 && getBytes() != 16)
    return emitOpError() << "copies " << getBytes()
                         << " bytes; 4, 8 and 16 are possible";
  return success();
}

LogicalResult CopyWaitOp::verify() {
  if (getPending() < 0)
    return emitOpError("leaves a negative number of groups pending");
  return success();
}

//===----------------------------------------------------------------------===//
// Barriers
//===----------------------------------------------------------------------===//

static LogicalResult verifyBarrier(Operation *op, int64_t id,
                                   std::optional<int64_t> threads) {
  if (id < 0 || id > 15)
    return op->emitOpError() << "names barrier " << id << "; there are 0 to 15";
  if (threads && (*threads < 32 || *threads % 32))
    return op->emitOpError()
           << "counts " << *threads << " threads; a multiple of 32 is needed";
  return success();
}

LogicalResult BarrierOp::verify() {
  return verifyBarrier(*this, getId(), getThreads());
}

LogicalResult BarrierAnyOp::verify() {
  return verifyBarrier(*this, getId(), getThreads());
}

LogicalResult ArriveOp::verify() {
  return verifyBarrier(*this, getId(), getThreads());
}

//===----------------------------------------------------------------------===//
// NVIDIA
//===----------------------------------------------------------------------===//

LogicalResult LdMatrixOp::verify() {
  if (getResult().getType().getNumElements() != int64_t(getCount()))
    return emitOpError() << "loads " << getCount() << " matrices into "
                         << getResult().getType();
  return success();
}

LogicalResult MmaOp::verify() {
  int64_t rows = getA().getType().getNumElements() * 4;
  if (rows != getDepth())
    return emitOpError() << "multiplies A that is " << rows << " deep by B of "
                         << getDepth();
  return success();
}

LogicalResult MmaTf32Op::verify() {
  for (Value operand : {getA(), getB()})
    if (operand.getDefiningOp<LdMatrixOp>())
      return emitOpError("takes registers as device.nv.ldmatrix loaded them; "
                         "device.nv.to_tf32 has to round them");
  return success();
}
