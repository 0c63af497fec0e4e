//===- Report.cpp - Messages and counters as text -------------------------===//

#include "runtime/devices/emulated/Emulator.h"

#include <algorithm>

using namespace einfall::emulated;

std::string Message::str() const {
  std::string text;
  if (!place.empty())
    text += place + ": ";
  text += "kernel " + kernel;
  if (block[0] >= 0)
    text += ", block (" + std::to_string(block[0]) + ", " +
            std::to_string(block[1]) + ", " + std::to_string(block[2]) + ")";
  if (warp >= 0)
    text += ", warp " + std::to_string(warp);
  if (lane >= 0)
    text += ", lane " + std::to_string(lane);
  text += ": ";
  if (!operation.empty())
    text += operation + ": ";
  text += this->text;
  for (const std::string &note : notes)
    text += "\n  note: " + note;
  return text;
}

uint64_t Counters::warpInstructions() const {
  uint64_t sum = 0;
  for (uint64_t count : instructions)
    sum += count;
  return sum;
}

uint64_t Counters::globalBytes() const {
  return (loadSectors + storeSectors + copySectors) * 32;
}

void Counters::add(const Counters &other) {
  blocks += other.blocks;
  for (unsigned i = 0; i < classCount; ++i)
    instructions[i] += other.instructions[i];
  loadSectors += other.loadSectors;
  storeSectors += other.storeSectors;
  copySectors += other.copySectors;
  loadBytes += other.loadBytes;
  storeBytes += other.storeBytes;
  copyBytes += other.copyBytes;
  sharedWavefronts += other.sharedWavefronts;
  sharedConflicts += other.sharedConflicts;
  matrixWavefronts += other.matrixWavefronts;
  matrixConflicts += other.matrixConflicts;
  copyWavefronts += other.copyWavefronts;
  copyConflicts += other.copyConflicts;
  matrixFlops += other.matrixFlops;
  waits += other.waits;
  bytesAtWaits += other.bytesAtWaits;
  mostBytesAtWait = std::max(mostBytesAtWait, other.mostBytesAtWait);
  bytesAfterWaits += other.bytesAfterWaits;
}

std::string Counters::str() const {
  std::string text;
  auto line = [&](const std::string &what, uint64_t value) {
    text += std::string(what.size() < 44 ? 44 - what.size() : 0, ' ') + what +
            "  " + std::to_string(value) + "\n";
  };
  line("blocks", blocks);
  line("warp instructions", warpInstructions());
  for (unsigned i = 0; i < classCount; ++i)
    line(name(Class(i)), instructions[i]);
  line("matrix operations [flop]", matrixFlops);
  line("global loads [32-byte sectors]", loadSectors);
  line("global loads [bytes]", loadBytes);
  line("global stores [32-byte sectors]", storeSectors);
  line("global stores [bytes]", storeBytes);
  line("asynchronous copies [32-byte sectors]", copySectors);
  line("asynchronous copies [bytes]", copyBytes);
  line("shared wavefronts (modelled)", sharedWavefronts);
  line("of them conflicts (modelled)", sharedConflicts);
  line("ldmatrix wavefronts (modelled)", matrixWavefronts);
  line("of them conflicts (modelled)", matrixConflicts);
  line("copy wavefronts (modelled)", copyWavefronts);
  line("of them conflicts (modelled)", copyConflicts);
  line("waits for copies", waits);
  line("in flight when a warp waits, sum [bytes]", bytesAtWaits);
  line("in flight when a warp waits, most [bytes]", mostBytesAtWait);
  line("in flight after waits, sum [bytes]", bytesAfterWaits);
  return text;
}

std::string Report::str() const {
  std::string text;
  for (const Message &message : messages)
    text += message.str() + "\n";
  return text;
}
