//===- GlobalMemory.cpp - The buffers of a launch -------------------------===//

#include "runtime/devices/emulated/GlobalMemory.h"

#include <algorithm>
#include <cstdio>

using namespace einfall::emulated;

std::string einfall::emulated::hex(uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof(text), "0x%llx", (unsigned long long)value);
  return text;
}

static uint64_t start(const Buffer &buffer) {
  return reinterpret_cast<uintptr_t>(buffer.data);
}

std::optional<std::string>
GlobalMemory::set(const std::vector<Buffer> &buffers) {
  sorted.clear();
  for (const Buffer &buffer : buffers)
    if (buffer.bytes)
      sorted.push_back(buffer);
  std::sort(sorted.begin(), sorted.end(), [](const Buffer &a, const Buffer &b) {
    return start(a) < start(b);
  });
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (start(sorted[i]) + sorted[i].bytes < start(sorted[i]))
      return "buffer `" + sorted[i].name + "` reaches beyond all addresses";
    if (i && start(sorted[i - 1]) + sorted[i - 1].bytes > start(sorted[i]) &&
        (sorted[i].writable || sorted[i - 1].writable))
      return "buffers `" + sorted[i - 1].name + "` and `" + sorted[i].name +
             "` overlap, and one is written";
  }
  return std::nullopt;
}

const Buffer *GlobalMemory::find(uint64_t address, uint64_t bytes,
                                 uint32_t &hint) const {
  auto holds = [&](const Buffer &buffer) {
    return address >= start(buffer) && bytes <= buffer.bytes &&
           address - start(buffer) <= buffer.bytes - bytes;
  };
  if (hint < sorted.size() && holds(sorted[hint]))
    return &sorted[hint];
  auto after = std::upper_bound(
      sorted.begin(), sorted.end(), address,
      [](uint64_t value, const Buffer &b) { return value < start(b); });
  // Buffers that are only read may overlap: look at all that start before.
  while (after != sorted.begin()) {
    --after;
    if (holds(*after)) {
      hint = after - sorted.begin();
      return &*after;
    }
  }
  return nullptr;
}

std::string GlobalMemory::describeMiss(uint64_t address, uint64_t bytes) const {
  const Buffer *nearest = nullptr;
  uint64_t least = ~uint64_t(0);
  for (const Buffer &buffer : sorted) {
    uint64_t end = start(buffer) + buffer.bytes;
    uint64_t distance = address < start(buffer) ? start(buffer) - address
                        : address >= end        ? address - end
                                                : 0;
    if (distance < least) {
      least = distance;
      nearest = &buffer;
    }
  }
  std::string text = std::to_string(bytes) + " bytes at " + hex(address) +
                     " lie in no buffer of the launch";
  if (!nearest)
    return text + ", which has none";
  uint64_t end = start(*nearest) + nearest->bytes;
  if (address < start(*nearest))
    return text + "; `" + nearest->name + "` starts " +
           std::to_string(start(*nearest) - address) + " bytes later";
  if (address >= end)
    return text + "; `" + nearest->name + "` (" +
           std::to_string(nearest->bytes) + " bytes) ends " +
           std::to_string(address - end) + " bytes before";
  return text + "; `" + nearest->name + "` (" + std::to_string(nearest->bytes) +
         " bytes) ends " + std::to_string(end - address) + " bytes into them";
}

unsigned einfall::emulated::countSectors(const uint64_t *addresses,
                                         uint32_t active) {
  uint64_t sectors[warpLanes];
  unsigned count = 0;
  bool sorted = true;
  for (uint32_t left = active; left; left &= left - 1) {
    uint64_t sector = addresses[__builtin_ctz(left)] / 32;
    if (count && sectors[count - 1] == sector)
      continue;
    sorted &= !count || sectors[count - 1] < sector;
    sectors[count++] = sector;
  }
  if (sorted)
    return count;
  std::sort(sectors, sectors + count);
  return std::unique(sectors, sectors + count) - sectors;
}
