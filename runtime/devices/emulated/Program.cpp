//===- Program.cpp - What a device image may hold -------------------------===//

#include "runtime/devices/emulated/Grid.h"

using namespace einfall::emulated;

static const char *const operandsOf[] = {
#define EINFALL_OPCODE(name, operands, kind) operands,
#include "runtime/devices/emulated/Opcodes.def"
};

static constexpr Class classes[] = {
#define EINFALL_OPCODE(name, operands, kind) Class::kind,
#include "runtime/devices/emulated/Opcodes.def"
};

const char *einfall::emulated::name(Class kind) {
  static const char *const names[classCount] = {
      "control",     "integer",      "f32",         "special function",
      "load global", "store global", "load shared", "store shared",
      "copy",        "barrier",      "shuffle",     "ldmatrix",
      "mma",         "wgmma"};
  return names[unsigned(kind)];
}

Class einfall::emulated::classOf(Opcode opcode) {
  return classes[unsigned(opcode)];
}

bool einfall::emulated::isConverged(Opcode opcode) {
  switch (opcode) {
  case Opcode::Barrier:
  case Opcode::BarrierAny:
  case Opcode::Arrive:
  case Opcode::WarpBarrier:
  case Opcode::Shuffle:
  case Opcode::Vote:
  case Opcode::Uniform:
  case Opcode::LdMatrix:
  case Opcode::Mma:
  case Opcode::MmaShallow:
  case Opcode::MmaTf32:
  case Opcode::Wgmma:
  case Opcode::WgmmaFence:
  case Opcode::WgmmaCommit:
  case Opcode::WgmmaWait:
  case Opcode::SetMaxRegisters:
  case Opcode::StMatrix:
    return true;
  default:
    return false;
  }
}

bool einfall::emulated::isHopper(Opcode opcode) {
  return opcode >= Opcode::EncodeMap;
}

/// How many values `sub` may take, for the opcodes where it is a choice.
static unsigned choices(Opcode opcode) {
  switch (opcode) {
  case Opcode::Divide32:
  case Opcode::Divide64:
    return 7;
  case Opcode::Compare32:
  case Opcode::Compare64:
    return 10;
  case Opcode::CompareFloat:
    return floatTests;
  case Opcode::Approximate:
    return 6;
  case Opcode::ExtendHalf:
  case Opcode::TruncateHalf:
  case Opcode::Pack:
  case Opcode::Unpack:
  case Opcode::Mma:
  case Opcode::MmaShallow:
  case Opcode::Vote:
  case Opcode::Fence:
  case Opcode::BulkWait:
  case Opcode::SetMaxRegisters:
    return 2;
  case Opcode::Block:
    return 3;
  case Opcode::Barrier:
  case Opcode::BarrierAny:
  case Opcode::Arrive:
    return barrierCount;
  case Opcode::Shuffle:
    return 4;
  default:
    return 1;
  }
}

std::optional<std::string> einfall::emulated::signature(Opcode opcode,
                                                        uint16_t sub) {
  std::string operands = operandsOf[unsigned(opcode)];
  switch (opcode) {
  case Opcode::LoadGlobal:
  case Opcode::StoreGlobal:
  case Opcode::LoadShared:
  case Opcode::StoreShared: {
    unsigned bytes = elementBytes(sub), count = elementCount(sub);
    if (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8)
      return std::nullopt;
    unsigned total = bytes * count;
    if (count == 0 || count > 8 || total > 16 || (total & (total - 1)))
      return std::nullopt;
    bool loads = opcode == Opcode::LoadGlobal || opcode == Opcode::LoadShared;
    char letter = bytes == 8 ? (loads ? 'D' : 'd') : (loads ? 'W' : 'w');
    return std::string(count, letter) + operands.substr(1);
  }
  case Opcode::LdMatrix:
  case Opcode::StMatrix: {
    unsigned count = sub & 255;
    if ((sub & ~0x1ffu) || (count != 1 && count != 2 && count != 4))
      return std::nullopt;
    if (opcode == Opcode::StMatrix)
      return "w" + std::string(count, 'w');
    return std::string(count, 'W') + operands.substr(1);
  }
  case Opcode::EncodeMap:
    if (sub < 1 || sub > 5)
      return std::nullopt;
    return std::string(2 * sub, 'd');
  case Opcode::Launch:
    if (sub > 1)
      return std::nullopt;
    return operands + std::string(sub, 'd');
  case Opcode::BulkLoad:
  case Opcode::BulkStore:
    if (sub < 1 || sub > 5)
      return std::nullopt;
    return std::string(sub, 'w') + operands.substr(1);
  case Opcode::Wgmma: {
    Product product = Product::decode(sub);
    if (product.columns < 8 || product.columns > 256 ||
        (product.registersA && product.transposeA))
      return std::nullopt;
    return std::string(product.columns / 2, 'W') +
           (product.registersA ? "wwww" : "d") + "d";
  }
  case Opcode::WgmmaWait:
    return std::string(sub, 'W');
  case Opcode::CopyAsync:
    if (sub != 4 && sub != 8 && sub != 16)
      return std::nullopt;
    return operands;
  default:
    if (sub >= choices(opcode))
      return std::nullopt;
    return operands;
  }
}

/// Checks one program; `grid` ends with Launch and computes only.
static std::optional<std::string> validate(const Program &program,
                                           const Image &image, bool grid) {
  uint64_t most = grid ? maxGridRegisters : maxRegisters;
  if (program.words > most || program.masks > most)
    return "asks for " + std::to_string(program.words) + " registers";
  if (program.code.empty() || program.code.size() > maxInstructions)
    return "has " + std::to_string(program.code.size()) + " instructions";
  std::vector<const Instruction *> open;
  for (size_t i = 0; i < program.code.size(); ++i) {
    const Instruction &inst = program.code[i];
    std::string where = " at instruction " + std::to_string(i);
    if (unsigned(inst.opcode) >= opcodeCount)
      return "has the unknown opcode " + std::to_string(unsigned(inst.opcode)) +
             where;
    if (isHopper(inst.opcode) && image.target != "sm_90a")
      return "has an instruction of sm_90a" + where;
    if (inst.opcode == Opcode::EncodeMap && !grid)
      return "describes a map on the device" + where;
    if (inst.location >= image.locations.size())
      return "names a location that is not there" + where;
    std::optional<std::string> letters = signature(inst.opcode, inst.sub);
    if (!letters)
      return "has an impossible variant" + where;
    if (uint64_t(inst.operands) + letters->size() > program.operands.size())
      return "lacks operands" + where;
    for (size_t o = 0; o < letters->size(); ++o) {
      uint64_t operand = program.operands[inst.operands + o];
      char letter = (*letters)[o];
      bool mask = letter == 'M' || letter == 'm';
      bool wide = letter == 'D' || letter == 'd';
      if (operand + (wide ? 2 : 1) > (mask ? program.masks : program.words))
        return "names a register that is not there" + where;
    }
    bool last = i + 1 == program.code.size();
    Opcode end = grid ? Opcode::Launch : Opcode::Return;
    if ((inst.opcode == Opcode::Launch || inst.opcode == Opcode::Return) &&
        (!last || inst.opcode != end))
      return "ends too early" + where;
    if (last && inst.opcode != end)
      return "has no end";
    if (grid && !isOfGrid(inst.opcode))
      return "computes its grid with more than integers" + where;
    switch (inst.opcode) {
    case Opcode::Parameter32:
    case Opcode::Parameter64: {
      bool wide = inst.opcode == Opcode::Parameter64;
      if (inst.immediate >= image.parameters.size() ||
          wide != isWide(image.parameters[inst.immediate].type))
        return "names a parameter that is not there" + where;
      break;
    }
    case Opcode::SignExtend32:
    case Opcode::ZeroExtend32:
      if (inst.immediate < 1 || inst.immediate > 32)
        return "extends a number of no bits" + where;
      break;
    case Opcode::Barrier:
    case Opcode::BarrierAny:
      if (inst.immediate > maxThreads || inst.immediate % warpLanes)
        return "counts threads that are no warps" + where;
      break;
    case Opcode::Arrive:
      if (inst.immediate == 0 || inst.immediate > maxThreads ||
          inst.immediate % warpLanes)
        return "counts threads that are no warps" + where;
      break;
    case Opcode::EncodeMap:
    case Opcode::BulkLoad:
    case Opcode::BulkStore:
      if (inst.immediate >= image.maps.size() ||
          image.maps[inst.immediate].dimensions != inst.sub)
        return "names a map that is not there" + where;
      break;
    case Opcode::MBarrierInit:
      if (inst.immediate < 1 || inst.immediate >= 1 << 20)
        return "counts arrivals that cannot be" + where;
      break;
    case Opcode::If:
    case Opcode::Loop32:
    case Opcode::Loop64:
      open.push_back(&inst);
      if (open.size() > maxNesting)
        return "nests too deeply" + where;
      break;
    case Opcode::Else:
      if (open.empty() || open.back()->opcode != Opcode::If)
        return "has an else without its if" + where;
      open.back() = &inst;
      break;
    case Opcode::EndIf:
      if (open.empty() || (open.back()->opcode != Opcode::If &&
                           open.back()->opcode != Opcode::Else))
        return "ends an if that is not open" + where;
      open.pop_back();
      break;
    case Opcode::Next32:
    case Opcode::Next64: {
      Opcode start =
          inst.opcode == Opcode::Next32 ? Opcode::Loop32 : Opcode::Loop64;
      if (open.empty() || open.back()->opcode != start)
        return "ends a loop that is not open" + where;
      for (unsigned o = 0; o < 3; ++o)
        if (program.operands[open.back()->operands + o] !=
            program.operands[inst.operands + o])
          return "ends a loop over other registers" + where;
      open.pop_back();
      break;
    }
    default:
      break;
    }
  }
  if (!open.empty())
    return "leaves a region open";
  return std::nullopt;
}

/// CUDA C++ Programming Guide, "Technical Specifications per Compute
/// Capability"; 0: not emulated.
static uint32_t sharedBytesOf(const std::string &target) {
  return target == "sm_80" ? 163 * 1024 : target == "sm_90a" ? 227 * 1024 : 0;
}

std::optional<std::string> einfall::emulated::validate(const Image &image) {
  if (image.maps.size() > maxMaps)
    return "has " + std::to_string(image.maps.size()) + " maps";
  for (const MapShape &map : image.maps) {
    bool sound = map.dimensions >= 1 && map.dimensions <= 5 &&
                 (map.elementBytes == 1 || map.elementBytes == 2 ||
                  map.elementBytes == 4) &&
                 (map.swizzle == 0 || map.swizzle == 32 || map.swizzle == 64 ||
                  map.swizzle == 128);
    for (unsigned i = 0; sound && i < 5; ++i)
      sound = map.box[i] >= 1 && map.box[i] <= 256;
    uint64_t row = uint64_t(map.box[0]) * map.elementBytes;
    if (!sound || row % 16 || (map.swizzle && row > map.swizzle) ||
        map.boxBytes() > maxSharedBytes)
      return "has a map whose boxes cannot be";
  }
  uint32_t shared = sharedBytesOf(image.target);
  if (!shared)
    return "is for `" + image.target + "`, which is not emulated";
  if (image.threads < warpLanes || image.threads > maxThreads ||
      image.threads % warpLanes)
    return "has blocks of " + std::to_string(image.threads) +
           " threads; a multiple of " + std::to_string(warpLanes) + " up to " +
           std::to_string(maxThreads) + " is needed";
  if (image.shared > shared)
    return "asks for " + std::to_string(image.shared) +
           " bytes of shared memory; a block of " + image.target + " has " +
           std::to_string(shared);
  for (const Parameter &parameter : image.parameters)
    if (parameter.type == ParameterType::Workspace &&
        &parameter != &image.parameters.back())
      return "has a workspace that is not its last parameter";
  if (auto wrong = ::validate(image.grid, image, true))
    return wrong;
  return ::validate(image.body, image, false);
}
