//===- Boundaries.cpp - Between the memories of a machine -----------------===//

#include "codegen/targets/Machine.h"

using namespace einfall;

int64_t Boundary::capacityBytes() const {
  int64_t bytes = 0;
  for (const Memory &memory : inside)
    bytes += memory.bytes;
  return bytes;
}

std::vector<Boundary> einfall::boundariesOf(const Machine &machine,
                                            int64_t cluster) {
  std::vector<Boundary> boundaries;
  size_t last = machine.levels.size() - 1;
  for (size_t i = 1; i <= last; ++i) {
    const MemoryLevel &level = machine.levels[i];
    // Units of the innermost level that share count as one; a last cluster may
    // be smaller, and is taken as large.
    int64_t units =
        i == last ? (level.units + cluster - 1) / cluster : level.units;
    Boundary boundary{machine.levels[i - 1].name + " to " + level.name,
                      units,
                      {},
                      level.bytesPerSecond,
                      level.sectorBytes,
                      level.basis};
    for (size_t inner = i; inner <= last; ++inner) {
      int64_t each =
          i == last ? cluster : machine.levels[inner].units / level.units;
      for (const Memory &memory : machine.levels[inner].memories)
        boundary.inside.push_back({memory.name, memory.bytes * each});
    }
    boundaries.push_back(std::move(boundary));
  }
  return boundaries;
}
