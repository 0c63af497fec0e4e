//===- Hash.cpp - Detects corruption --------------------------------------===//

#include "runtime/core/Hash.h"

#include <bit>
#include <cstddef>

static constexpr uint64_t prime1 = 0x9e3779b185ebca87;
static constexpr uint64_t prime2 = 0xc2b2ae3d27d4eb4f;
static constexpr uint64_t prime3 = 0x165667b19e3779f9;
static constexpr uint64_t prime4 = 0x85ebca77c2b2ae63;
static constexpr uint64_t prime5 = 0x27d4eb2f165667c5;

/// The little-endian number of `size` bytes.
static uint64_t load(const char *bytes, unsigned size) {
  uint64_t value = 0;
  for (unsigned i = 0; i < size; ++i)
    value |= uint64_t(uint8_t(bytes[i])) << (8 * i);
  return value;
}

static uint64_t round(uint64_t lane, uint64_t word) {
  return std::rotl(lane + word * prime2, 31) * prime1;
}

uint64_t einfall::runtime::xxh64(std::string_view bytes) {
  const char *at = bytes.data();
  size_t left = bytes.size();
  uint64_t hash = prime5;
  if (left >= 32) {
    uint64_t lanes[4] = {prime1 + prime2, prime2, 0, 0 - prime1};
    for (; left >= 32; left -= 32)
      for (uint64_t &lane : lanes) {
        lane = round(lane, load(at, 8));
        at += 8;
      }
    hash = std::rotl(lanes[0], 1) + std::rotl(lanes[1], 7) +
           std::rotl(lanes[2], 12) + std::rotl(lanes[3], 18);
    for (uint64_t lane : lanes)
      hash = (hash ^ round(0, lane)) * prime1 + prime4;
  }
  hash += bytes.size();
  for (; left >= 8; left -= 8, at += 8)
    hash = std::rotl(hash ^ round(0, load(at, 8)), 27) * prime1 + prime4;
  for (; left >= 4; left -= 4, at += 4)
    hash = std::rotl(hash ^ load(at, 4) * prime1, 23) * prime2 + prime3;
  for (; left > 0; --left, ++at)
    hash = std::rotl(hash ^ load(at, 1) * prime5, 11) * prime1;
  hash = (hash ^ hash >> 33) * prime2;
  hash = (hash ^ hash >> 29) * prime3;
  return hash ^ hash >> 32;
}
