//===- Nvidia.cpp - Verifiers of NVIDIA's operations ----------------------===//

#include "dialect/Device/Device.h"

using namespace mlir;
using namespace einfall::device;

static LogicalResult verifyMatrices(Operation *op, int64_t count, Type type) {
  if (cast<VectorType>(type).getNumElements() == count)
    return success();
  return op->emitOpError() << "moves " << count << " matrices in " << type;
}

LogicalResult StMatrixOp::verify() {
  return verifyMatrices(*this, getCount(), getValue().getType());
}

//===----------------------------------------------------------------------===//
// Barriers and bulk copies
//===----------------------------------------------------------------------===//

LogicalResult MBarrierInitOp::verify() {
  if (getCount() < 1 || getCount() >= (1 << 20))
    return emitOpError() << "counts " << getCount()
                         << " arrivals; 1 to 1048575 are possible";
  return success();
}

LogicalResult BulkWaitOp::verify() {
  if (int64_t(getPending()) < 0)
    return emitOpError("leaves a negative number of groups pending");
  return success();
}

int64_t EncodeMapOp::getBoxBytes() {
  int64_t bytes = sizeInBytes(getElement());
  for (int64_t extent : getBox())
    bytes *= extent;
  return bytes;
}

LogicalResult EncodeMapOp::verify() {
  Type element = getElement();
  if (!element.isF16() && !element.isBF16() && !element.isF32())
    return emitOpError() << "has elements of " << element
                         << "; f16, bf16 and f32 are possible";
  size_t rank = getExtents().size();
  if (rank < 1 || rank > 5)
    return emitOpError() << "has " << rank
                         << " dimensions; 1 to 5 are possible";
  if (getStrides().size() != rank - 1 || getBox().size() != rank)
    return emitOpError() << "has " << rank << " extents, "
                         << getStrides().size() << " strides and "
                         << getBox().size() << " sides of the box; " << rank
                         << ", " << rank - 1 << " and " << rank
                         << " are needed";
  for (int64_t side : getBox())
    if (side < 1 || side > 256)
      return emitOpError() << "has a box with a side of " << side
                           << "; 1 to 256 are possible";
  int64_t row = getBox().front() * sizeInBytes(element);
  if (row % 16)
    return emitOpError() << "has a box with rows of " << row
                         << " bytes; a multiple of 16 is needed";
  int64_t swizzle = getSwizzle();
  if (swizzle != 0 && swizzle != 32 && swizzle != 64 && swizzle != 128)
    return emitOpError() << "swizzles by " << swizzle
                         << " bytes; 0, 32, 64 and 128 are possible";
  if (swizzle && row > swizzle)
    return emitOpError() << "has a box with rows of " << row
                         << " bytes; at most " << swizzle
                         << " are possible with its swizzle";
  return success();
}

/// The map comes from the launch, so that its address is a parameter's.
static LogicalResult verifyMap(Operation *op, Value map, size_t coordinates) {
  auto argument = dyn_cast<BlockArgument>(map);
  if (!argument || !isa<KernelOp>(argument.getOwner()->getParentOp()))
    return op->emitOpError("takes a map that is no argument of the kernel");
  if (coordinates < 1 || coordinates > 5)
    return op->emitOpError()
           << "has " << coordinates << " coordinates; 1 to 5 are possible";
  auto kernel = cast<KernelOp>(argument.getOwner()->getParentOp());
  auto launch = dyn_cast<LaunchOp>(kernel.getGrid().front().back());
  int64_t number = argument.getArgNumber() - kernel.getParameters().size();
  if (!launch || number < 0 || number >= int64_t(launch.getMaps().size()))
    return success(); // the kernel's own verifier says what is wrong
  auto encode = launch.getMaps()[number].getDefiningOp<EncodeMapOp>();
  if (encode && encode.getExtents().size() != coordinates)
    return op->emitOpError()
           << "has " << coordinates << " coordinates; the tensor has "
           << encode.getExtents().size() << " dimensions";
  return success();
}

LogicalResult BulkLoadOp::verify() {
  return verifyMap(*this, getMap(), getCoordinates().size());
}

LogicalResult BulkStoreOp::verify() {
  return verifyMap(*this, getMap(), getCoordinates().size());
}

//===----------------------------------------------------------------------===//
// Warpgroups
//===----------------------------------------------------------------------===//

LogicalResult DescriptorOp::verify() {
  for (int64_t bytes : {getLeading(), getStride()})
    if (bytes < 0 || bytes % 16 || bytes >= (1 << 18))
      return emitOpError() << "strides by " << bytes
                           << " bytes; a multiple of 16 below 262144 is needed";
  int64_t swizzle = getSwizzle();
  if (swizzle != 0 && swizzle != 32 && swizzle != 64 && swizzle != 128)
    return emitOpError() << "swizzles by " << swizzle
                         << " bytes; 0, 32, 64 and 128 are possible";
  return success();
}

LogicalResult WgmmaOp::verify() {
  int64_t columns = getColumns();
  if (columns < 8 || columns > 256 || columns % 8)
    return emitOpError() << "has " << columns
                         << " columns; a multiple of 8 up to 256 is needed";
  if (getResult().getType().getNumElements() != columns / 2)
    return emitOpError() << "has " << columns << " columns in "
                         << getResult().getType() << "; vector<" << columns / 2
                         << "xf32> holds them";
  if (getC() && getC().getType() != getResult().getType())
    return emitOpError() << "adds to " << getC().getType() << " and gives "
                         << getResult().getType();
  if (getTransposeA() && !getA().getType().isInteger(64))
    return emitOpError("transposes A, which is in registers");
  return success();
}

static LogicalResult verifyTied(Operation *op) {
  if (llvm::equal(op->getOperandTypes(), op->getResultTypes()))
    return success();
  return op->emitOpError("gives other types than it takes");
}

LogicalResult WgmmaFenceOp::verify() { return verifyTied(*this); }

LogicalResult WgmmaWaitOp::verify() {
  if (getPending() > 7)
    return emitOpError() << "leaves " << getPending()
                         << " groups pending; 0 to 7 are possible";
  return verifyTied(*this);
}

LogicalResult SetMaxRegistersOp::verify() {
  if (getCount() < 24 || getCount() > 256 || getCount() % 8)
    return emitOpError() << "sets " << getCount()
                         << " registers; 24 to 256 in steps of 8 are possible";
  return success();
}
