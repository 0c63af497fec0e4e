//===- RegisterAllocation.cpp - Few registers for an image ----------------===//

#include "codegen/emulated/RegisterAllocation.h"

#include <algorithm>
#include <map>
#include <queue>

using namespace einfall;
using namespace einfall::emulated;

namespace {

enum class Bank { Word, Wide, Mask };

struct Interval {
  uint32_t first, last;
  uint32_t slot = 0;
};

using Key = std::pair<Bank, uint32_t>;

/// Slots that are free or taken; the lowest free ones are given first.
class Slots {
public:
  uint32_t take(unsigned size) {
    uint32_t slot = lowest;
    while (!isFree(slot, size))
      ++slot;
    if (slot + size > used.size())
      used.resize(slot + size);
    for (unsigned i = 0; i < size; ++i)
      used[slot + i] = true;
    while (lowest < used.size() && used[lowest])
      ++lowest;
    return slot;
  }
  void give(uint32_t slot, unsigned size) {
    for (unsigned i = 0; i < size; ++i)
      used[slot + i] = false;
    lowest = std::min(lowest, slot);
  }
  uint32_t count() const { return used.size(); }

private:
  bool isFree(uint32_t slot, unsigned size) const {
    for (unsigned i = 0; i < size; ++i)
      if (slot + i < used.size() && used[slot + i])
        return false;
    return true;
  }
  std::vector<bool> used;
  uint32_t lowest = 0;
};

} // namespace

static Bank bankOf(char letter) {
  switch (letter) {
  case 'D':
  case 'd':
    return Bank::Wide;
  case 'M':
  case 'm':
    return Bank::Mask;
  default:
    return Bank::Word;
  }
}

void einfall::allocateRegisters(Program &program) {
  // From where to where each loop reaches, for every instruction in it the
  // loops around it from the inside out.
  std::vector<std::pair<uint32_t, uint32_t>> loops;
  std::vector<int32_t> parents, around(program.code.size(), -1);
  int32_t current = -1;
  for (uint32_t i = 0; i < program.code.size(); ++i) {
    Opcode opcode = program.code[i].opcode;
    if (opcode == Opcode::Loop32 || opcode == Opcode::Loop64) {
      loops.push_back({i, i});
      parents.push_back(current);
      current = loops.size() - 1;
    }
    around[i] = current;
    if (opcode == Opcode::Next32 || opcode == Opcode::Next64) {
      loops[current].second = i;
      current = parents[current];
    }
  }

  std::vector<std::string> letters;
  for (const Instruction &inst : program.code)
    letters.push_back(*signature(inst.opcode, inst.sub));

  std::map<Key, Interval> intervals;
  for (uint32_t i = 0; i < program.code.size(); ++i)
    for (size_t o = 0; o < letters[i].size(); ++o) {
      Key key{bankOf(letters[i][o]),
              program.operands[program.code[i].operands + o]};
      Interval &interval =
          intervals.try_emplace(key, Interval{i, i}).first->second;
      interval.last = std::max(interval.last, i);
      for (int32_t loop = around[i]; loop >= 0; loop = parents[loop])
        if (interval.first < loops[loop].first)
          interval.last = std::max(interval.last, loops[loop].second);
    }

  std::vector<std::pair<Key, Interval *>> order;
  for (auto &[key, interval] : intervals)
    order.push_back({key, &interval});
  std::stable_sort(order.begin(), order.end(),
                   [](const auto &a, const auto &b) {
                     return a.second->first < b.second->first;
                   });
  auto later = [](const auto &a, const auto &b) {
    return a.second->last > b.second->last;
  };
  std::priority_queue<std::pair<Key, Interval *>,
                      std::vector<std::pair<Key, Interval *>>, decltype(later)>
      live(later);
  Slots words, masks;
  for (auto &[key, interval] : order) {
    while (!live.empty() && live.top().second->last < interval->first) {
      auto [dead, old] = live.top();
      live.pop();
      if (dead.first == Bank::Mask)
        masks.give(old->slot, 1);
      else
        words.give(old->slot, dead.first == Bank::Wide ? 2 : 1);
    }
    interval->slot = key.first == Bank::Mask
                         ? masks.take(1)
                         : words.take(key.first == Bank::Wide ? 2 : 1);
    live.push({key, interval});
  }

  for (uint32_t i = 0; i < program.code.size(); ++i)
    for (size_t o = 0; o < letters[i].size(); ++o) {
      uint32_t &operand = program.operands[program.code[i].operands + o];
      operand = intervals.at({bankOf(letters[i][o]), operand}).slot;
    }
  program.words = words.count();
  program.masks = masks.count();
}
