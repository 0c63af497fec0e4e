//===- DeviceToImage.cpp - Device programs for the emulator ---------------===//

#include "codegen/emulated/DeviceToImage.h"

#include "codegen/emulated/RegisterAllocation.h"
#include "dialect/Device/Device.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace einfall;
using emulated::Instruction;
using emulated::Opcode;

namespace {

enum class Kind { Word, Wide, Mask, None };

/// Registers of a value's elements, virtual.
using Registers = SmallVector<uint32_t, 4>;

Type elementOf(Type type) {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.getElementType();
  return type;
}

int64_t countOf(Type type) {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.getNumElements();
  return 1;
}

unsigned bitsOf(Type type) {
  type = elementOf(type);
  return isa<IndexType>(type) ? 64 : type.getIntOrFloatBitWidth();
}

Kind kindOf(Type type) {
  type = elementOf(type);
  if (!type.isIntOrIndexOrFloat() || isa<Float64Type>(type))
    return Kind::None;
  unsigned bits = bitsOf(type);
  if (isa<FloatType>(type))
    return bits == 32 || isa<Float16Type, BFloat16Type>(type) ? Kind::Word
                                                              : Kind::None;
  if (bits == 1)
    return Kind::Mask;
  if (bits == 64)
    return Kind::Wide;
  return bits <= 32 ? Kind::Word : Kind::None;
}

emulated::Half halfOf(Type type) {
  return isa<Float16Type>(elementOf(type)) ? emulated::Half::F16
                                           : emulated::Half::BF16;
}

bool isHalf(Type type) {
  return isa<Float16Type, BFloat16Type>(elementOf(type));
}

std::string placeOf(Location location) {
  if (auto file = dyn_cast<FileLineColLoc>(location))
    return (file.getFilename().getValue() + ":" + Twine(file.getLine()) + ":" +
            Twine(file.getColumn()))
        .str();
  if (auto name = dyn_cast<NameLoc>(location)) {
    std::string child = placeOf(name.getChildLoc());
    return child.empty() ? name.getName().str() : child;
  }
  if (auto call = dyn_cast<CallSiteLoc>(location))
    return placeOf(call.getCallee());
  if (auto fused = dyn_cast<FusedLoc>(location))
    for (Location part : fused.getLocations())
      if (std::string text = placeOf(part); !text.empty())
        return text;
  return "";
}

/// Translates one region's block.
class Translation {
public:
  Translation(emulated::Image &image, emulated::Program &program)
      : image(image), program(program) {}

  LogicalResult run(Block &block) {
    for (BlockArgument argument : block.getArguments()) {
      if (isa<device::TensorMapType>(argument.getType())) {
        maps[argument] = maps.size();
        continue;
      }
      at = locationIndex("parameter", argument.getLoc());
      bool wide = kindOf(argument.getType()) == Kind::Wide;
      emit(wide ? Opcode::Parameter64 : Opcode::Parameter32, 0,
           define(argument), argument.getArgNumber());
    }
    return translate(block);
  }

private:
  uint32_t locationIndex(StringRef operation, Location location) {
    std::string place = placeOf(location);
    auto [it, isNew] = locations.try_emplace((operation + "|" + place).str(),
                                             image.locations.size());
    if (isNew)
      image.locations.push_back({operation.str(), place});
    return it->second;
  }

  uint32_t fresh(Kind kind) { return next[unsigned(kind)]++; }
  Registers &define(Value value) {
    Registers &list = registers[value];
    for (int64_t i = 0, e = countOf(value.getType()); i < e; ++i)
      list.push_back(fresh(kindOf(value.getType())));
    return list;
  }
  const Registers &of(Value value) { return registers[value]; }

  void emit(Opcode opcode, uint16_t sub, ArrayRef<uint32_t> operands,
            uint64_t immediate = 0) {
    program.code.push_back(
        {opcode, sub, at, uint32_t(program.operands.size()), immediate});
    program.operands.insert(program.operands.end(), operands.begin(),
                            operands.end());
  }
  /// One result of `kind`.
  uint32_t compute(Kind kind, Opcode opcode, uint16_t sub,
                   ArrayRef<uint32_t> operands, uint64_t immediate = 0) {
    SmallVector<uint32_t> all{fresh(kind)};
    all.append(operands.begin(), operands.end());
    emit(opcode, sub, all, immediate);
    return all[0];
  }
  uint32_t word(Opcode opcode, ArrayRef<uint32_t> operands,
                uint64_t immediate = 0, uint16_t sub = 0) {
    return compute(Kind::Word, opcode, sub, operands, immediate);
  }
  void move(Type type, uint32_t to, uint32_t from) {
    Kind kind = kindOf(type);
    emit(kind == Kind::Word   ? Opcode::Move32
         : kind == Kind::Wide ? Opcode::Move64
                              : Opcode::MoveMask,
         0, {to, from});
  }

  LogicalResult translate(Block &block);
  LogicalResult translate(Operation &op);
  LogicalResult refuse(Operation &op, const Twine &why) {
    return op.emitOpError() << why << " on the emulated device";
  }

  LogicalResult constant(arith::ConstantOp op);
  LogicalResult arithmetic(Operation &op);
  LogicalResult integer(Operation &op, Opcode narrow, Opcode wide,
                        bool isSigned, uint16_t sub = 0);
  LogicalResult real(Operation &op, Opcode opcode);
  LogicalResult compare(arith::CmpIOp op);
  LogicalResult compare(arith::CmpFOp op);
  LogicalResult select(arith::SelectOp op);
  LogicalResult convert(Operation &op);
  uint32_t resize(uint32_t from, unsigned fromBits, unsigned toBits,
                  bool isSigned);
  LogicalResult memory(Operation &op, Opcode opcode, Value data, Value base,
                       Value offset);
  LogicalResult translateHopper(Operation &op);
  LogicalResult launch(device::LaunchOp op);
  LogicalResult product(device::WgmmaOp op);
  Registers owned(Value value);
  LogicalResult loop(scf::ForOp op);
  LogicalResult branch(scf::IfOp op);

  emulated::Image &image;
  emulated::Program &program;
  llvm::DenseMap<Value, Registers> registers;
  llvm::StringMap<uint32_t> locations;
  /// The body's tensor maps, by number.
  llvm::DenseMap<Value, uint32_t> maps;
  uint32_t next[3] = {0, 0, 0};
  uint32_t at = 0;
};

} // namespace

//===----------------------------------------------------------------------===//
// arith
//===----------------------------------------------------------------------===//

LogicalResult Translation::constant(arith::ConstantOp op) {
  Registers &to = define(op.getResult());
  auto bitsAt = [&](int64_t i) -> uint64_t {
    Attribute value = op.getValue();
    if (auto elements = dyn_cast<DenseElementsAttr>(value)) {
      if (isa<FloatType>(elements.getElementType()))
        return (*(elements.value_begin<APFloat>() + i))
            .bitcastToAPInt()
            .getZExtValue();
      return (*(elements.value_begin<APInt>() + i)).getZExtValue();
    }
    if (auto number = dyn_cast<FloatAttr>(value))
      return number.getValue().bitcastToAPInt().getZExtValue();
    return cast<IntegerAttr>(value).getValue().getZExtValue();
  };
  Kind kind = kindOf(op.getType());
  if (!isa<DenseElementsAttr, FloatAttr, IntegerAttr>(op.getValue()))
    return refuse(*op, "is of a sort that is not translated");
  for (auto [i, reg] : llvm::enumerate(to))
    emit(kind == Kind::Word   ? Opcode::Constant32
         : kind == Kind::Wide ? Opcode::Constant64
                              : Opcode::ConstantMask,
         0, {reg}, bitsAt(i));
  return success();
}

LogicalResult Translation::integer(Operation &op, Opcode narrow, Opcode wide,
                                   bool isSigned, uint16_t sub) {
  Type type = op.getResult(0).getType();
  unsigned bits = bitsOf(type);
  Registers to;
  for (int64_t i = 0, e = countOf(type); i < e; ++i) {
    uint32_t a = of(op.getOperand(0))[i], b = of(op.getOperand(1))[i];
    if (bits == 64) {
      to.push_back(compute(Kind::Wide, wide, sub, {a, b}));
      continue;
    }
    if (bits == 1) {
      Opcode mask;
      if (isa<arith::AndIOp, arith::MulIOp>(op))
        mask = Opcode::AndMask;
      else if (isa<arith::OrIOp>(op))
        mask = Opcode::OrMask;
      else if (isa<arith::XOrIOp, arith::AddIOp, arith::SubIOp>(op))
        mask = Opcode::XorMask;
      else
        return refuse(op, "computes with i1, which is not translated");
      to.push_back(compute(Kind::Mask, mask, 0, {a, b}));
      continue;
    }
    if (isSigned && bits < 32) {
      a = word(Opcode::SignExtend32, {a}, bits);
      if (!isa<arith::ShRSIOp>(op))
        b = word(Opcode::SignExtend32, {b}, bits);
    }
    uint32_t result = word(narrow, {a, b}, 0, sub);
    if (bits < 32)
      result = word(Opcode::ZeroExtend32, {result}, bits);
    to.push_back(result);
  }
  registers[op.getResult(0)] = to;
  return success();
}

LogicalResult Translation::real(Operation &op, Opcode opcode) {
  Type type = op.getResult(0).getType();
  Registers to;
  for (int64_t i = 0, e = countOf(type); i < e; ++i) {
    SmallVector<uint32_t> operands;
    for (Value operand : op.getOperands()) {
      uint32_t value = of(operand)[i];
      if (isHalf(type))
        value = word(Opcode::ExtendHalf, {value}, 0, uint16_t(halfOf(type)));
      operands.push_back(value);
    }
    uint32_t result = word(opcode, operands);
    if (isHalf(type))
      result = word(Opcode::TruncateHalf, {result}, 0, uint16_t(halfOf(type)));
    to.push_back(result);
  }
  registers[op.getResult(0)] = to;
  return success();
}

LogicalResult Translation::compare(arith::CmpIOp op) {
  using Test = emulated::IntegerTest;
  static const Test tests[] = {Test::Equal,         Test::NotEqual,
                               Test::SignedLess,    Test::SignedLessEqual,
                               Test::SignedGreater, Test::SignedGreaterEqual,
                               Test::Less,          Test::LessEqual,
                               Test::Greater,       Test::GreaterEqual};
  Test test = tests[unsigned(op.getPredicate())];
  bool isSigned = test >= Test::SignedLess && test <= Test::SignedGreaterEqual;
  Type type = op.getLhs().getType();
  unsigned bits = bitsOf(type);
  Registers to;
  for (int64_t i = 0, e = countOf(type); i < e; ++i) {
    uint32_t a = of(op.getLhs())[i], b = of(op.getRhs())[i];
    if (bits == 1) {
      a = word(Opcode::ExtendMask, {a});
      b = word(Opcode::ExtendMask, {b});
    }
    if (isSigned && bits < 32) {
      a = word(Opcode::SignExtend32, {a}, bits);
      b = word(Opcode::SignExtend32, {b}, bits);
    }
    to.push_back(compute(Kind::Mask,
                         bits == 64 ? Opcode::Compare64 : Opcode::Compare32,
                         uint16_t(test), {a, b}));
  }
  registers[op.getResult()] = to;
  return success();
}

LogicalResult Translation::compare(arith::CmpFOp op) {
  // Bits of a test: 1 equal, 2 greater, 4 less, 8 unordered; in the order of
  // arith's predicates.
  static const uint16_t tests[] = {0, 1,  2,  3,  4,  5,  6, 7,
                                   9, 10, 11, 12, 13, 14, 8, 15};
  Type type = op.getLhs().getType();
  Registers to;
  for (int64_t i = 0, e = countOf(type); i < e; ++i) {
    uint32_t a = of(op.getLhs())[i], b = of(op.getRhs())[i];
    if (isHalf(type)) {
      a = word(Opcode::ExtendHalf, {a}, 0, uint16_t(halfOf(type)));
      b = word(Opcode::ExtendHalf, {b}, 0, uint16_t(halfOf(type)));
    }
    to.push_back(compute(Kind::Mask, Opcode::CompareFloat,
                         tests[unsigned(op.getPredicate())], {a, b}));
  }
  registers[op.getResult()] = to;
  return success();
}

LogicalResult Translation::select(arith::SelectOp op) {
  Kind kind = kindOf(op.getType());
  Opcode opcode = kind == Kind::Word   ? Opcode::Select32
                  : kind == Kind::Wide ? Opcode::Select64
                                       : Opcode::SelectMask;
  const Registers condition = of(op.getCondition());
  Registers to;
  for (int64_t i = 0, e = countOf(op.getType()); i < e; ++i)
    to.push_back(
        compute(kind, opcode, 0,
                {condition[condition.size() == 1 ? 0 : i],
                 of(op.getTrueValue())[i], of(op.getFalseValue())[i]}));
  registers[op.getResult()] = to;
  return success();
}

/// An integer of other width; words keep zeros above narrow integers.
uint32_t Translation::resize(uint32_t from, unsigned fromBits, unsigned toBits,
                             bool isSigned) {
  if (fromBits == toBits)
    return from;
  if (fromBits == 64) {
    from = word(Opcode::Truncate64, {from});
    fromBits = 32;
  } else if (fromBits == 1) {
    from = word(Opcode::ExtendMask, {from});
  }
  if (toBits == 1)
    return compute(Kind::Mask, Opcode::TruncateToMask, 0, {from});
  if (toBits > fromBits && isSigned && fromBits < 32)
    from = word(Opcode::SignExtend32, {from}, fromBits);
  if (toBits == 64)
    return compute(Kind::Wide,
                   isSigned ? Opcode::SignExtend64 : Opcode::ZeroExtend64, 0,
                   {from});
  if (toBits < 32 && (toBits < fromBits || isSigned))
    from = word(Opcode::ZeroExtend32, {from}, toBits);
  return from;
}

LogicalResult Translation::convert(Operation &op) {
  Type source = op.getOperand(0).getType(), target = op.getResult(0).getType();
  unsigned fromBits = bitsOf(source), toBits = bitsOf(target);
  Registers to;
  for (int64_t i = 0, e = countOf(target); i < e; ++i) {
    uint32_t value = of(op.getOperand(0))[i];
    if (isa<arith::ExtUIOp, arith::TruncIOp, arith::IndexCastUIOp>(op)) {
      value = resize(value, fromBits, toBits, false);
    } else if (isa<arith::ExtSIOp, arith::IndexCastOp>(op)) {
      value = resize(value, fromBits, toBits, true);
    } else if (isa<arith::BitcastOp>(op)) {
      if (fromBits == 1)
        return refuse(op, "is not translated");
    } else if (isa<arith::ExtFOp>(op)) {
      if (!isHalf(source) || toBits != 32)
        return refuse(op, "is not translated");
      value = word(Opcode::ExtendHalf, {value}, 0, uint16_t(halfOf(source)));
    } else if (isa<arith::TruncFOp>(op)) {
      if (!isHalf(target) || fromBits != 32)
        return refuse(op, "is not translated");
      value = word(Opcode::TruncateHalf, {value}, 0, uint16_t(halfOf(target)));
    } else if (isa<arith::SIToFPOp, arith::UIToFPOp>(op)) {
      bool isSigned = isa<arith::SIToFPOp>(op);
      if (toBits != 32)
        return refuse(op, "is not translated");
      if (fromBits < 32)
        value = resize(value, fromBits, 32, isSigned);
      if (fromBits == 64)
        value =
            word(isSigned ? Opcode::SignedToFloat64 : Opcode::UnsignedToFloat64,
                 {value});
      else
        value =
            word(isSigned ? Opcode::SignedToFloat32 : Opcode::UnsignedToFloat32,
                 {value});
    } else {
      bool isSigned = isa<arith::FPToSIOp>(op);
      if (fromBits != 32 || (toBits != 32 && toBits != 64))
        return refuse(op, "is not translated");
      if (toBits == 64)
        value = compute(Kind::Wide,
                        isSigned ? Opcode::FloatToSigned64
                                 : Opcode::FloatToUnsigned64,
                        0, {value});
      else
        value =
            word(isSigned ? Opcode::FloatToSigned32 : Opcode::FloatToUnsigned32,
                 {value});
    }
    to.push_back(value);
  }
  registers[op.getResult(0)] = to;
  return success();
}

LogicalResult Translation::arithmetic(Operation &op) {
  using emulated::Division;
  auto divide = [&](Division kind, bool isSigned) {
    return integer(op, Opcode::Divide32, Opcode::Divide64, isSigned,
                   uint16_t(kind));
  };
#define INTEGER(Op, name, isSigned)                                            \
  Case<arith::Op>([&](auto) {                                                  \
    return integer(op, Opcode::name##32, Opcode::name##64, isSigned);          \
  })
#define REAL(Op, name)                                                         \
  Case<arith::Op>([&](auto) { return real(op, Opcode::name); })
  return TypeSwitch<Operation *, LogicalResult>(&op)
      .Case<arith::ConstantOp>([&](auto c) { return constant(c); })
      .INTEGER(AddIOp, Add, false)
      .INTEGER(SubIOp, Sub, false)
      .INTEGER(MulIOp, Mul, false)
      .INTEGER(AndIOp, And, false)
      .INTEGER(OrIOp, Or, false)
      .INTEGER(XOrIOp, Xor, false)
      .INTEGER(ShLIOp, ShiftLeft, false)
      .INTEGER(ShRSIOp, ShiftRightSigned, true)
      .INTEGER(ShRUIOp, ShiftRight, false)
      .INTEGER(MinSIOp, MinSigned, true)
      .INTEGER(MaxSIOp, MaxSigned, true)
      .INTEGER(MinUIOp, Min, false)
      .INTEGER(MaxUIOp, Max, false)
      .Case<arith::DivSIOp>(
          [&](auto) { return divide(Division::Signed, true); })
      .Case<arith::DivUIOp>(
          [&](auto) { return divide(Division::Unsigned, false); })
      .Case<arith::RemSIOp>(
          [&](auto) { return divide(Division::RemainderSigned, true); })
      .Case<arith::RemUIOp>(
          [&](auto) { return divide(Division::RemainderUnsigned, false); })
      .Case<arith::FloorDivSIOp>(
          [&](auto) { return divide(Division::FloorSigned, true); })
      .Case<arith::CeilDivSIOp>(
          [&](auto) { return divide(Division::CeilSigned, true); })
      .Case<arith::CeilDivUIOp>(
          [&](auto) { return divide(Division::CeilUnsigned, false); })
      .Case<arith::CmpIOp, arith::CmpFOp>([&](auto c) { return compare(c); })
      .Case<arith::SelectOp>([&](auto s) { return select(s); })
      .REAL(AddFOp, AddFloat)
      .REAL(SubFOp, SubFloat)
      .REAL(MulFOp, MulFloat)
      .REAL(DivFOp, DivFloat)
      .REAL(RemFOp, RemFloat)
      .REAL(NegFOp, NegFloat)
      .REAL(MaximumFOp, MaximumFloat)
      .REAL(MinimumFOp, MinimumFloat)
      .REAL(MaxNumFOp, MaxNumFloat)
      .REAL(MinNumFOp, MinNumFloat)
      .Case<arith::ExtUIOp, arith::ExtSIOp, arith::TruncIOp, arith::ExtFOp,
            arith::TruncFOp, arith::BitcastOp, arith::IndexCastOp,
            arith::IndexCastUIOp, arith::SIToFPOp, arith::UIToFPOp,
            arith::FPToSIOp, arith::FPToUIOp>([&](auto) { return convert(op); })
      .Default([&](Operation *) { return refuse(op, "is not translated"); });
#undef INTEGER
#undef REAL
}

//===----------------------------------------------------------------------===//
// Control
//===----------------------------------------------------------------------===//

LogicalResult Translation::loop(scf::ForOp op) {
  uint32_t here = at;
  Type type = op.getInductionVar().getType();
  bool wide = kindOf(type) == Kind::Wide;
  if (!wide && bitsOf(type) != 32)
    return refuse(*op, "counts with other than 32 or 64 bits");
  uint32_t counter = define(op.getInductionVar())[0];
  move(type, counter, of(op.getLowerBound())[0]);
  for (auto [argument, initial] :
       llvm::zip(op.getRegionIterArgs(), op.getInitArgs())) {
    Registers from = of(initial), to = define(argument);
    for (auto [r, f] : llvm::zip(to, from))
      move(argument.getType(), r, f);
  }
  SmallVector<uint32_t> header{counter, of(op.getUpperBound())[0],
                               of(op.getStep())[0]};
  emit(wide ? Opcode::Loop64 : Opcode::Loop32, 0, header);
  if (failed(translate(*op.getBody())))
    return failure();

  // All at once: what another move overwrites is put aside first.
  at = here;
  auto yield = cast<scf::YieldOp>(op.getBody()->getTerminator());
  struct Move {
    Type type;
    uint32_t to, from;
  };
  SmallVector<Move> moves;
  for (auto [argument, value] :
       llvm::zip(op.getRegionIterArgs(), yield.getOperands()))
    for (auto [to, from] : llvm::zip(of(argument), of(value)))
      if (to != from)
        moves.push_back({argument.getType(), to, from});
  llvm::DenseSet<std::pair<unsigned, uint32_t>> targets;
  for (const Move &m : moves)
    targets.insert({unsigned(kindOf(m.type)), m.to});
  for (Move &m : moves)
    if (targets.contains({unsigned(kindOf(m.type)), m.from})) {
      uint32_t aside = fresh(kindOf(m.type));
      move(m.type, aside, m.from);
      m.from = aside;
    }
  for (const Move &m : moves)
    move(m.type, m.to, m.from);
  emit(wide ? Opcode::Next64 : Opcode::Next32, 0, header);
  for (auto [result, argument] :
       llvm::zip(op.getResults(), op.getRegionIterArgs())) {
    Registers list = of(argument);
    registers[result] = list;
  }
  return success();
}

LogicalResult Translation::branch(scf::IfOp op) {
  uint32_t here = at;
  for (Value result : op.getResults())
    define(result);
  auto side = [&](Block &block) -> LogicalResult {
    if (failed(translate(block)))
      return failure();
    at = here;
    auto yield = cast<scf::YieldOp>(block.getTerminator());
    for (auto [result, value] : llvm::zip(op.getResults(), yield.getOperands()))
      for (auto [to, from] : llvm::zip(of(result), of(value)))
        move(result.getType(), to, from);
    return success();
  };
  emit(Opcode::If, 0, {of(op.getCondition())[0]});
  if (failed(side(*op.thenBlock())))
    return failure();
  if (Block *otherwise = op.elseBlock()) {
    emit(Opcode::Else, 0, {});
    if (failed(side(*otherwise)))
      return failure();
  }
  emit(Opcode::EndIf, 0, {});
  return success();
}

LogicalResult Translation::translate(Block &block) {
  for (Operation &op : block)
    if (failed(translate(op)))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// device and vector
//===----------------------------------------------------------------------===//

LogicalResult Translation::memory(Operation &op, Opcode opcode, Value data,
                                  Value base, Value offset) {
  Type type = data.getType();
  if (kindOf(type) == Kind::Mask)
    return refuse(op, "moves i1, which is not translated");
  SmallVector<uint32_t> operands;
  operands.append(of(data));
  operands.push_back(of(base)[0]);
  operands.push_back(of(offset)[0]);
  emit(opcode,
       emulated::access(device::sizeInBytes(elementOf(type)), countOf(type)),
       operands);
  return success();
}

LogicalResult Translation::translate(Operation &op) {
  // A map is described where the launch hands it on.
  if (isa<device::EncodeMapOp>(op))
    return success();
  for (Type type : op.getResultTypes())
    if (kindOf(type) == Kind::None)
      return refuse(op, "has a result that no register holds");
  at = locationIndex(op.getName().getStringRef(), op.getLoc());
  auto list = [&](std::initializer_list<ArrayRef<uint32_t>> parts) {
    SmallVector<uint32_t> all;
    for (ArrayRef<uint32_t> part : parts)
      all.append(part.begin(), part.end());
    return all;
  };
  if (isa<arith::ArithDialect>(op.getDialect()))
    return arithmetic(op);
  return TypeSwitch<Operation *, LogicalResult>(&op)
      .Case<scf::ForOp>([&](auto o) { return loop(o); })
      .Case<scf::IfOp>([&](auto o) { return branch(o); })
      .Case<scf::YieldOp>([&](auto) { return success(); })
      .Case<vector::ExtractOp>([&](vector::ExtractOp o) -> LogicalResult {
        if (!o.getDynamicPosition().empty() ||
            o.getStaticPosition().size() != 1)
          return refuse(op, "takes an element at an unknown place");
        Registers one{of(o.getSource())[o.getStaticPosition()[0]]};
        registers[o.getResult()] = one;
        return success();
      })
      .Case<vector::FromElementsOp>([&](vector::FromElementsOp o) {
        Registers all;
        for (Value element : o.getElements())
          all.append(of(element));
        registers[o.getResult()] = all;
        return success();
      })
      .Case<vector::BroadcastOp>([&](vector::BroadcastOp o) -> LogicalResult {
        Registers from = of(o.getSource());
        if (from.size() != 1)
          return refuse(op, "spreads more than one element");
        registers[o.getResult()] =
            Registers(countOf(o.getResult().getType()), from[0]);
        return success();
      })
      .Case<device::LaunchOp>([&](auto o) { return launch(o); })
      .Case<device::ReturnOp>([&](auto) {
        emit(Opcode::Return, 0, {});
        return success();
      })
      .Case<device::ThreadOp>([&](device::ThreadOp o) {
        emit(Opcode::Thread, 0, define(o.getResult()));
        return success();
      })
      .Case<device::BlockOp>([&](device::BlockOp o) {
        emit(Opcode::Block, uint16_t(o.getDimension()), define(o.getResult()));
        return success();
      })
      .Case<device::LoadOp>([&](device::LoadOp o) {
        define(o.getResult());
        return memory(op,
                      o.getSpace() == device::Space::Global
                          ? Opcode::LoadGlobal
                          : Opcode::LoadShared,
                      o.getResult(), o.getBase(), o.getOffset());
      })
      .Case<device::StoreOp>([&](device::StoreOp o) {
        return memory(op,
                      o.getSpace() == device::Space::Global
                          ? Opcode::StoreGlobal
                          : Opcode::StoreShared,
                      o.getValue(), o.getBase(), o.getOffset());
      })
      .Case<device::CopyAsyncOp>([&](device::CopyAsyncOp o) {
        emit(Opcode::CopyAsync, uint16_t(o.getBytes()),
             {of(o.getDestination())[0], of(o.getSource())[0],
              of(o.getValid())[0]});
        return success();
      })
      .Case<device::CopyCommitOp>([&](auto) {
        emit(Opcode::CopyCommit, 0, {});
        return success();
      })
      .Case<device::CopyWaitOp>([&](device::CopyWaitOp o) {
        emit(Opcode::CopyWait, 0, {}, o.getPending());
        return success();
      })
      .Case<device::BarrierOp>([&](device::BarrierOp o) {
        emit(Opcode::Barrier, uint16_t(o.getId()), {},
             o.getThreads().value_or(0));
        return success();
      })
      .Case<device::BarrierAnyOp>([&](device::BarrierAnyOp o) {
        emit(Opcode::BarrierAny, uint16_t(o.getId()),
             list({define(o.getResult()), of(o.getValue())}),
             o.getThreads().value_or(0));
        return success();
      })
      .Case<device::ArriveOp>([&](device::ArriveOp o) {
        emit(Opcode::Arrive, uint16_t(o.getId()), {}, o.getThreads());
        return success();
      })
      .Case<device::WarpBarrierOp>([&](auto) {
        emit(Opcode::WarpBarrier, 0, {});
        return success();
      })
      .Case<device::ShuffleOp>([&](device::ShuffleOp o) {
        emit(Opcode::Shuffle, uint16_t(o.getMode()),
             list({define(o.getResult()), of(o.getValue()),
                   of(o.getOperand())}));
        return success();
      })
      .Case<device::VoteOp>([&](device::VoteOp o) {
        emit(Opcode::Vote, uint16_t(o.getMode()),
             list({define(o.getResult()), of(o.getValue())}));
        return success();
      })
      .Case<device::UniformOp>([&](device::UniformOp o) {
        emit(Opcode::Uniform, 0,
             list({define(o.getResult()), of(o.getValue())}));
        return success();
      })
      .Case<device::ApproximateOp>([&](device::ApproximateOp o) {
        emit(Opcode::Approximate, uint16_t(o.getFunction()),
             list({define(o.getResult()), of(o.getValue())}));
        return success();
      })
      .Case<device::FmaOp>([&](auto) { return real(op, Opcode::Fma); })
      .Case<device::PackOp>([&](device::PackOp o) {
        emit(Opcode::Pack, uint16_t(o.getType()),
             list({define(o.getResult()), of(o.getLow()), of(o.getHigh())}));
        return success();
      })
      .Case<device::UnpackOp>([&](device::UnpackOp o) {
        uint32_t low = define(o.getLow())[0], high = define(o.getHigh())[0];
        emit(Opcode::Unpack, uint16_t(o.getType()),
             {low, high, of(o.getValue())[0]});
        return success();
      })
      .Case<device::LdMatrixOp>([&](device::LdMatrixOp o) {
        emit(Opcode::LdMatrix,
             uint16_t(o.getCount() | (o.getTranspose() ? 256 : 0)),
             list({define(o.getResult()), of(o.getAddress())}));
        return success();
      })
      .Case<device::MmaOp>([&](device::MmaOp o) {
        Registers to = define(o.getResult());
        emit(o.getDepth() == 8 ? Opcode::MmaShallow : Opcode::Mma,
             uint16_t(o.getType()),
             list({to, of(o.getA()), of(o.getB()), of(o.getC())}));
        return success();
      })
      .Case<device::ToTf32Op>([&](device::ToTf32Op o) {
        emit(Opcode::RoundToTf32, 0,
             list({define(o.getResult()), of(o.getValue())}));
        return success();
      })
      .Case<device::MmaTf32Op>([&](device::MmaTf32Op o) {
        Registers to = define(o.getResult());
        emit(Opcode::MmaTf32, 0,
             list({to, of(o.getA()), of(o.getB()), of(o.getC())}));
        return success();
      })
      .Default([&](Operation *) { return translateHopper(op); });
}

//===----------------------------------------------------------------------===//
// sm_90a
//===----------------------------------------------------------------------===//

LogicalResult Translation::launch(device::LaunchOp o) {
  for (auto [number, value] : llvm::enumerate(o.getMaps())) {
    auto map = value.getDefiningOp<device::EncodeMapOp>();
    if (!map)
      return refuse(*o, "hands on a map that is not described beside it");
    emulated::MapShape shape;
    shape.elementBytes = bitsOf(map.getElement()) / 8;
    shape.dimensions = map.getBox().size();
    shape.swizzle = map.getSwizzle();
    for (auto [i, size] : llvm::enumerate(map.getBox()))
      shape.box[i] = size;
    image.maps.push_back(shape);
    SmallVector<uint32_t> operands(1, of(map.getBase())[0]);
    for (Value extent : map.getExtents())
      operands.push_back(of(extent)[0]);
    for (Value stride : map.getStrides())
      operands.push_back(of(stride)[0]);
    emit(Opcode::EncodeMap, shape.dimensions, operands, number);
  }
  uint32_t when = o.getWhen() ? of(o.getWhen())[0]
                              : compute(Kind::Mask, Opcode::ConstantMask, 0, {},
                                        /*immediate=*/1);
  SmallVector<uint32_t> operands{of(o.getX())[0], of(o.getY())[0],
                                 of(o.getZ())[0], when};
  if (o.getWorkspace())
    operands.push_back(of(o.getWorkspace())[0]);
  emit(Opcode::Launch, o.getWorkspace() ? 1 : 0, operands);
  return success();
}

/// Registers that no other value has, so that a product may change them in
/// place: the value's own where this is its only use, else a copy.
Registers Translation::owned(Value value) {
  bool own = value.hasOneUse();
  if (Operation *op = value.getDefiningOp())
    own &= isa<device::WgmmaOp, device::WgmmaWaitOp, device::WgmmaFenceOp,
               scf::ForOp, scf::IfOp>(op);
  else
    own &= isa<scf::ForOp>(value.getParentBlock()->getParentOp());
  Registers from = of(value);
  if (own)
    return from;
  Registers copy;
  for (uint32_t reg : from) {
    copy.push_back(fresh(kindOf(value.getType())));
    move(value.getType(), copy.back(), reg);
  }
  return copy;
}

LogicalResult Translation::product(device::WgmmaOp op) {
  emulated::Product product;
  product.type = emulated::Half(op.getType());
  product.transposeA = op.getTransposeA();
  product.transposeB = op.getTransposeB();
  product.registersA = isa<VectorType>(op.getA().getType());
  product.adds = bool(op.getC());
  product.columns = op.getColumns();
  // The sum grows in place, as in the machine.
  if (op.getC())
    registers[op.getResult()] = owned(op.getC());
  else
    define(op.getResult());
  SmallVector<uint32_t> operands;
  for (Value value : {Value(op.getResult()), op.getA(), Value(op.getB())})
    operands.append(of(value));
  emit(Opcode::Wgmma, product.encode(), operands);
  return success();
}

LogicalResult Translation::translateHopper(Operation &op) {
  auto list = [&](std::initializer_list<Value> values) {
    SmallVector<uint32_t> all;
    for (Value value : values)
      all.append(of(value));
    return all;
  };
  auto coordinates = [&](ValueRange values) {
    SmallVector<uint32_t> all;
    for (Value value : values)
      all.append(of(value));
    return all;
  };
  return TypeSwitch<Operation *, LogicalResult>(&op)
      .Case<device::MBarrierInitOp>([&](device::MBarrierInitOp o) {
        emit(Opcode::MBarrierInit, 0, list({o.getAddress()}), o.getCount());
        return success();
      })
      .Case<device::MBarrierArriveOp>([&](device::MBarrierArriveOp o) {
        emit(Opcode::MBarrierArrive, 0, list({o.getAddress()}));
        return success();
      })
      .Case<device::MBarrierExpectOp>([&](device::MBarrierExpectOp o) {
        emit(Opcode::MBarrierExpect, 0, list({o.getAddress(), o.getBytes()}));
        return success();
      })
      .Case<device::MBarrierWaitOp>([&](device::MBarrierWaitOp o) {
        emit(Opcode::MBarrierWait, 0, list({o.getAddress(), o.getParity()}));
        return success();
      })
      .Case<device::FenceOp>([&](device::FenceOp o) {
        emit(Opcode::Fence, uint16_t(o.getKind()), {});
        return success();
      })
      .Case<device::BulkLoadOp>([&](device::BulkLoadOp o) {
        SmallVector<uint32_t> operands = coordinates(o.getCoordinates());
        operands.append(list({o.getDestination(), o.getBarrier()}));
        emit(Opcode::BulkLoad, o.getCoordinates().size(), operands,
             maps.lookup(o.getMap()));
        return success();
      })
      .Case<device::BulkStoreOp>([&](device::BulkStoreOp o) {
        SmallVector<uint32_t> operands = coordinates(o.getCoordinates());
        operands.append(of(o.getSource()));
        emit(Opcode::BulkStore, o.getCoordinates().size(), operands,
             maps.lookup(o.getMap()));
        return success();
      })
      .Case<device::BulkCommitOp>([&](auto) {
        emit(Opcode::BulkCommit, 0, {});
        return success();
      })
      .Case<device::BulkWaitOp>([&](device::BulkWaitOp o) {
        emit(Opcode::BulkWait, o.getRead(), {}, o.getPending());
        return success();
      })
      .Case<device::DescriptorOp>([&](device::DescriptorOp o) {
        uint64_t swizzle = o.getSwizzle();
        uint64_t mode = swizzle == 128  ? 1
                        : swizzle == 64 ? 2
                        : swizzle == 32 ? 3
                                        : 0;
        uint64_t bits = uint64_t(o.getLeading() / 16 & 0x3fff) << 16 |
                        uint64_t(o.getStride() / 16 & 0x3fff) << 32 |
                        mode << 62;
        uint32_t to = define(o.getResult())[0];
        emit(Opcode::Descriptor, 0, {to, of(o.getAddress())[0]}, bits);
        return success();
      })
      .Case<device::WgmmaOp>([&](auto o) { return product(o); })
      .Case<device::WgmmaFenceOp>([&](device::WgmmaFenceOp o) {
        for (auto [value, result] : llvm::zip(o.getValues(), o.getResults())) {
          Registers mine = owned(value);
          registers[result] = mine;
        }
        emit(Opcode::WgmmaFence, 0, {});
        return success();
      })
      .Case<device::WgmmaCommitOp>([&](auto) {
        emit(Opcode::WgmmaCommit, 0, {});
        return success();
      })
      .Case<device::WgmmaWaitOp>([&](device::WgmmaWaitOp o) {
        SmallVector<uint32_t> operands;
        for (auto [value, result] : llvm::zip(o.getValues(), o.getResults())) {
          Registers same = of(value);
          operands.append(same);
          registers[result] = same;
        }
        emit(Opcode::WgmmaWait, operands.size(), operands, o.getPending());
        return success();
      })
      .Case<device::SetMaxRegistersOp>([&](device::SetMaxRegistersOp o) {
        emit(Opcode::SetMaxRegisters, uint16_t(o.getDirection()), {},
             o.getCount());
        return success();
      })
      .Case<device::StMatrixOp>([&](device::StMatrixOp o) {
        emit(Opcode::StMatrix,
             uint16_t(o.getCount() | (o.getTranspose() ? 256 : 0)),
             list({o.getAddress(), o.getValue()}));
        return success();
      })
      .Default([&](Operation *) { return refuse(op, "is not translated"); });
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

FailureOr<emulated::Image> einfall::translateToImage(device::KernelOp kernel) {
  emulated::Image image;
  image.name = kernel.getSymName().str();
  image.target = kernel.getTarget().str();
  image.threads = kernel.getThreads();
  image.shared = kernel.getShared();
  for (auto [name, argument] : llvm::zip(
           kernel.getParameters(), kernel.getBody().front().getArguments())) {
    Type type = argument.getType();
    image.parameters.push_back({cast<StringAttr>(name).str(),
                                type.isF32() ? emulated::ParameterType::F32
                                : type.isInteger(32)
                                    ? emulated::ParameterType::I32
                                    : emulated::ParameterType::I64});
  }
  if (kernel.hasWorkspace())
    image.parameters.back().type = emulated::ParameterType::Workspace;
  if (failed(Translation(image, image.grid).run(kernel.getGrid().front())) ||
      failed(Translation(image, image.body).run(kernel.getBody().front())))
    return failure();
  allocateRegisters(image.grid);
  allocateRegisters(image.body);
  if (std::optional<std::string> wrong = emulated::validate(image)) {
    kernel.emitOpError() << "cannot be emulated: its image " << *wrong;
    return failure();
  }
  return image;
}
