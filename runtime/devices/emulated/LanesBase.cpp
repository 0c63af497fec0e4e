//===- LanesBase.cpp - Lane functions for any host ---===//

#include "runtime/devices/emulated/Lanes.h"

using namespace einfall::emulated;

namespace {
#include "runtime/devices/emulated/LaneFunctions.inc"
} // namespace

const LaneTable *einfall::emulated::laneTableBase() { return &table; }

const LaneTable &einfall::emulated::laneTable() {
  if (const LaneTable *best = laneTableAvx512())
    return *best;
  if (const LaneTable *best = laneTableAvx2())
    return *best;
  return table;
}
