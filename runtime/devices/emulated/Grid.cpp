//===- Grid.cpp - What a launch of a device image comes to ----------------===//

#include "runtime/devices/emulated/Grid.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

using namespace einfall::emulated;

/// Steps after which a grid program is taken for one that does not end.
static constexpr uint64_t mostSteps = 1 << 20;

bool einfall::emulated::isOfGrid(Opcode opcode) {
  switch (opcode) {
  case Opcode::Parameter32:
  case Opcode::Parameter64:
  case Opcode::Constant32:
  case Opcode::Constant64:
  case Opcode::ConstantMask:
  case Opcode::Move32:
  case Opcode::Move64:
  case Opcode::MoveMask:
  case Opcode::If:
  case Opcode::Else:
  case Opcode::EndIf:
  case Opcode::Loop32:
  case Opcode::Next32:
  case Opcode::Loop64:
  case Opcode::Next64:
  case Opcode::Launch:
  case Opcode::EncodeMap:
    return true;
  default:
    return classOf(opcode) == Class::Integer && opcode != Opcode::Thread &&
           opcode != Opcode::Block && opcode != Opcode::Descriptor;
  }
}

GridProgram::GridProgram(const Image &image)
    : words(image.grid.words), masks(image.grid.masks),
      mapCount(image.maps.size()), operands(image.grid.operands) {
  std::vector<uint32_t> open;
  for (const Instruction &inst : image.grid.code) {
    Step step{inst.opcode,   inst.sub, inst.location,
              inst.operands, 0,        inst.immediate};
    uint32_t number = steps.size();
    switch (inst.opcode) {
    case Opcode::If:
    case Opcode::Loop32:
    case Opcode::Loop64:
      open.push_back(number);
      break;
    case Opcode::Else:
      steps[open.back()].partner = number;
      open.back() = number;
      break;
    case Opcode::EndIf:
    case Opcode::Next32:
    case Opcode::Next64:
      steps[open.back()].partner = number;
      step.partner = open.back();
      open.pop_back();
      break;
    default:
      break;
    }
    steps.push_back(step);
  }
}

bool GridProgram::isUnconditional() const {
  uint32_t when = operands[steps.back().operands + 3];
  // What is written last and outside of any region counts.
  bool holds = false;
  unsigned depth = 0;
  for (const Step &step : steps) {
    depth += step.opcode == Opcode::If || step.opcode == Opcode::Loop32 ||
             step.opcode == Opcode::Loop64;
    depth -= step.opcode == Opcode::EndIf || step.opcode == Opcode::Next32 ||
             step.opcode == Opcode::Next64;
    std::string letters = *signature(step.opcode, step.sub);
    if (!letters.empty() && letters[0] == 'M' &&
        operands[step.operands] == when)
      holds = step.opcode == Opcode::ConstantMask && step.immediate && !depth;
  }
  return holds;
}

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

template <typename S, typename U> static U divide(Division kind, U a, U b) {
  S x = S(a), y = S(b);
  bool wraps = y == -1; // x / -1 may leave the type
  S rest = wraps ? 0 : x % y, quotient = wraps ? S(U(0) - a) : x / y;
  bool differ = (x < 0) != (y < 0);
  switch (kind) {
  case Division::Signed:
    return quotient;
  case Division::Unsigned:
    return a / b;
  case Division::RemainderSigned:
    return rest;
  case Division::RemainderUnsigned:
    return a % b;
  case Division::FloorSigned:
    return quotient - (rest && differ);
  case Division::CeilSigned:
    return quotient + (rest && !differ);
  case Division::CeilUnsigned:
    return a / b + (a % b != 0);
  }
  return 0;
}

template <typename S, typename U>
static bool compare(IntegerTest test, U a, U b) {
  switch (test) {
  case IntegerTest::Equal:
    return a == b;
  case IntegerTest::NotEqual:
    return a != b;
  case IntegerTest::SignedLess:
    return S(a) < S(b);
  case IntegerTest::SignedLessEqual:
    return S(a) <= S(b);
  case IntegerTest::SignedGreater:
    return S(a) > S(b);
  case IntegerTest::SignedGreaterEqual:
    return S(a) >= S(b);
  case IntegerTest::Less:
    return a < b;
  case IntegerTest::LessEqual:
    return a <= b;
  case IntegerTest::Greater:
    return a > b;
  case IntegerTest::GreaterEqual:
    return a >= b;
  }
  return false;
}

/// Shifts by the width or more leave zeros, or signs.
template <typename S, typename U> static U shift(Opcode opcode, U a, U b) {
  constexpr U bits = sizeof(U) * 8;
  switch (opcode) {
  case Opcode::ShiftLeft32:
  case Opcode::ShiftLeft64:
    return b < bits ? a << b : 0;
  case Opcode::ShiftRight32:
  case Opcode::ShiftRight64:
    return b < bits ? a >> b : 0;
  default:
    return S(a) >> (b < bits ? b : bits - 1);
  }
}

//===----------------------------------------------------------------------===//
// Evaluation
//===----------------------------------------------------------------------===//

namespace {
/// The registers of one evaluation, a value each.
struct Registers {
  const uint32_t *o;
  uint32_t words[maxGridRegisters];
  bool masks[maxGridRegisters];

  uint32_t w(unsigned i) const { return words[o[i]]; }
  uint64_t d(unsigned i) const {
    uint64_t value;
    std::memcpy(&value, words + o[i], 8);
    return value;
  }
  bool m(unsigned i) const { return masks[o[i]]; }
  void word(uint32_t value) { words[o[0]] = value; }
  void wide(uint64_t value) { std::memcpy(words + o[0], &value, 8); }
  void mask(bool value) { masks[o[0]] = value; }

  /// Adds its step to a counter, which stops at the bound where it would leave
  /// its type; whether there is another round.
  template <typename T> bool next() {
    T counter, bound, by;
    std::memcpy(&counter, words + o[0], sizeof(T));
    std::memcpy(&bound, words + o[1], sizeof(T));
    std::memcpy(&by, words + o[2], sizeof(T));
    if (__builtin_add_overflow(counter, by, &counter))
      counter = bound;
    std::memcpy(words + o[0], &counter, sizeof(T));
    return counter < bound;
  }
};
} // namespace

Grid GridProgram::evaluate(const uint64_t *arguments, TensorMap *maps) const {
  Grid grid;
  Registers r;
  std::fill_n(r.words, words, 0);
  std::fill_n(r.masks, masks, false);
  std::fill_n(maps, mapCount, TensorMap());
  uint32_t at = 0;
  auto stop = [&](const Step &step, const char *why) {
    grid.fault = why;
    grid.location = step.location;
    return grid;
  };
  for (uint64_t count = 0;; ++count) {
    const Step &step = steps[at++];
    r.o = operands.data() + step.operands;
    if (count == mostSteps)
      return stop(step, "does not come to an end");
    switch (step.opcode) {
    case Opcode::Parameter32:
      r.word(uint32_t(arguments[step.immediate]));
      break;
    case Opcode::Parameter64:
      r.wide(arguments[step.immediate]);
      break;
    case Opcode::Constant32:
      r.word(uint32_t(step.immediate));
      break;
    case Opcode::Constant64:
      r.wide(step.immediate);
      break;
    case Opcode::ConstantMask:
      r.mask(step.immediate != 0);
      break;
    case Opcode::Move32:
      r.word(r.w(1));
      break;
    case Opcode::Move64:
      r.wide(r.d(1));
      break;
    case Opcode::MoveMask:
      r.mask(r.m(1));
      break;
    case Opcode::If:
      if (!r.m(0))
        at = step.partner + 1;
      break;
    case Opcode::Else:
      at = step.partner + 1;
      break;
    case Opcode::EndIf:
      break;
    case Opcode::Loop32:
      if (int32_t(r.w(2)) <= 0)
        return stop(step, "has a step that is not positive");
      if (int32_t(r.w(0)) >= int32_t(r.w(1)))
        at = step.partner + 1;
      break;
    case Opcode::Loop64:
      if (int64_t(r.d(2)) <= 0)
        return stop(step, "has a step that is not positive");
      if (int64_t(r.d(0)) >= int64_t(r.d(1)))
        at = step.partner + 1;
      break;
    case Opcode::Next32:
      if (r.next<int32_t>())
        at = step.partner + 1;
      break;
    case Opcode::Next64:
      if (r.next<int64_t>())
        at = step.partner + 1;
      break;
    case Opcode::EncodeMap: {
      TensorMap &map = maps[step.immediate];
      map.base = r.d(0);
      for (unsigned i = 0; i < step.sub; ++i)
        map.extents[i] = r.d(1 + i);
      for (unsigned i = 0; i + 1 < step.sub; ++i)
        map.strides[i] = r.d(1 + step.sub + i);
      break;
    }
    case Opcode::Launch:
      grid.blocks = {r.d(0), r.d(1), r.d(2)};
      grid.applies = r.m(3);
      grid.workspace = step.sub ? r.d(4) : 0;
      return grid;
    case Opcode::Add32:
      r.word(r.w(1) + r.w(2));
      break;
    case Opcode::Sub32:
      r.word(r.w(1) - r.w(2));
      break;
    case Opcode::Mul32:
      r.word(r.w(1) * r.w(2));
      break;
    case Opcode::And32:
      r.word(r.w(1) & r.w(2));
      break;
    case Opcode::Or32:
      r.word(r.w(1) | r.w(2));
      break;
    case Opcode::Xor32:
      r.word(r.w(1) ^ r.w(2));
      break;
    case Opcode::ShiftLeft32:
    case Opcode::ShiftRight32:
    case Opcode::ShiftRightSigned32:
      r.word(shift<int32_t>(step.opcode, r.w(1), r.w(2)));
      break;
    case Opcode::MinSigned32:
      r.word(int32_t(r.w(1)) < int32_t(r.w(2)) ? r.w(1) : r.w(2));
      break;
    case Opcode::MaxSigned32:
      r.word(int32_t(r.w(1)) > int32_t(r.w(2)) ? r.w(1) : r.w(2));
      break;
    case Opcode::Min32:
      r.word(r.w(1) < r.w(2) ? r.w(1) : r.w(2));
      break;
    case Opcode::Max32:
      r.word(r.w(1) > r.w(2) ? r.w(1) : r.w(2));
      break;
    case Opcode::Add64:
      r.wide(r.d(1) + r.d(2));
      break;
    case Opcode::Sub64:
      r.wide(r.d(1) - r.d(2));
      break;
    case Opcode::Mul64:
      r.wide(r.d(1) * r.d(2));
      break;
    case Opcode::And64:
      r.wide(r.d(1) & r.d(2));
      break;
    case Opcode::Or64:
      r.wide(r.d(1) | r.d(2));
      break;
    case Opcode::Xor64:
      r.wide(r.d(1) ^ r.d(2));
      break;
    case Opcode::ShiftLeft64:
    case Opcode::ShiftRight64:
    case Opcode::ShiftRightSigned64:
      r.wide(shift<int64_t>(step.opcode, r.d(1), r.d(2)));
      break;
    case Opcode::MinSigned64:
      r.wide(int64_t(r.d(1)) < int64_t(r.d(2)) ? r.d(1) : r.d(2));
      break;
    case Opcode::MaxSigned64:
      r.wide(int64_t(r.d(1)) > int64_t(r.d(2)) ? r.d(1) : r.d(2));
      break;
    case Opcode::Min64:
      r.wide(r.d(1) < r.d(2) ? r.d(1) : r.d(2));
      break;
    case Opcode::Max64:
      r.wide(r.d(1) > r.d(2) ? r.d(1) : r.d(2));
      break;
    case Opcode::SignExtend32:
      r.word(int32_t(r.w(1) << (32 - step.immediate)) >> (32 - step.immediate));
      break;
    case Opcode::ZeroExtend32:
      r.word(r.w(1) << (32 - step.immediate) >> (32 - step.immediate));
      break;
    case Opcode::SignExtend64:
      r.wide(int64_t(int32_t(r.w(1))));
      break;
    case Opcode::ZeroExtend64:
      r.wide(r.w(1));
      break;
    case Opcode::Truncate64:
      r.word(uint32_t(r.d(1)));
      break;
    case Opcode::Divide32:
      if (!r.w(2))
        return stop(step, "divides by zero");
      r.word(divide<int32_t>(Division(step.sub), r.w(1), r.w(2)));
      break;
    case Opcode::Divide64:
      if (!r.d(2))
        return stop(step, "divides by zero");
      r.wide(divide<int64_t>(Division(step.sub), r.d(1), r.d(2)));
      break;
    case Opcode::Compare32:
      r.mask(compare<int32_t>(IntegerTest(step.sub), r.w(1), r.w(2)));
      break;
    case Opcode::Compare64:
      r.mask(compare<int64_t>(IntegerTest(step.sub), r.d(1), r.d(2)));
      break;
    case Opcode::AndMask:
      r.mask(r.m(1) && r.m(2));
      break;
    case Opcode::OrMask:
      r.mask(r.m(1) || r.m(2));
      break;
    case Opcode::XorMask:
      r.mask(r.m(1) != r.m(2));
      break;
    case Opcode::SelectMask:
      r.mask(r.m(1) ? r.m(2) : r.m(3));
      break;
    case Opcode::Select32:
      r.word(r.m(1) ? r.w(2) : r.w(3));
      break;
    case Opcode::Select64:
      r.wide(r.m(1) ? r.d(2) : r.d(3));
      break;
    case Opcode::ExtendMask:
      r.word(r.m(1));
      break;
    case Opcode::TruncateToMask:
      r.mask(r.w(1) & 1);
      break;
    default:
      return stop(step, "is none of the grid's");
    }
  }
}

//===----------------------------------------------------------------------===//
// What devices refuse
//===----------------------------------------------------------------------===//

/// Most blocks along x, y and z, as CUDA has it.
static constexpr uint64_t maxBlocks[3] = {0x7fffffff, 65535, 65535};

std::optional<std::string> einfall::emulated::findFault(const Image &image,
                                                        const Grid &grid,
                                                        const TensorMap *maps) {
  for (unsigned i = 0; i < 3; ++i)
    if (grid.blocks[i] > maxBlocks[i])
      return "its grid has " + std::to_string(int64_t(grid.blocks[i])) +
             " blocks along " + "xyz"[i] + "; at most " +
             std::to_string(maxBlocks[i]) + " are possible";
  for (size_t i = 0; i < image.maps.size(); ++i) {
    const TensorMap &map = maps[i];
    auto name = [&] { return "map " + std::to_string(i); };
    if (map.base % 16) {
      char text[24];
      std::snprintf(text, sizeof(text), "0x%llx", (unsigned long long)map.base);
      return name() + " starts at " + text + ", which is no multiple of 16";
    }
    for (unsigned d = 0; d < image.maps[i].dimensions; ++d) {
      if (map.extents[d] < 1 || map.extents[d] > uint64_t(1) << 32)
        return name() + " has extent " +
               std::to_string(int64_t(map.extents[d])) +
               "; 1 to 2^32 are possible";
      if (d &&
          (map.strides[d - 1] % 16 || map.strides[d - 1] >= uint64_t(1) << 40))
        return name() + " has a stride of " +
               std::to_string(int64_t(map.strides[d - 1])) +
               " bytes; multiples of 16 below 2^40 are possible";
    }
  }
  return std::nullopt;
}
