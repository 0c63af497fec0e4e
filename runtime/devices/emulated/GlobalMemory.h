//===- GlobalMemory.h - The buffers of a launch -----------------*- C++ -*-===//
//
// Finds the buffer that an access lies in, or says why there is none. Addresses
// are those of the host, so memory that was only reserved costs nothing.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_RUNTIME_DEVICES_EMULATED_GLOBALMEMORY_H
#define EINFALL_RUNTIME_DEVICES_EMULATED_GLOBALMEMORY_H

#include "runtime/devices/emulated/Emulator.h"

namespace einfall::emulated {

class GlobalMemory {
public:
  /// Sorts the buffers; says what is wrong with them (two that overlap).
  std::optional<std::string> set(const std::vector<Buffer> &buffers);

  /// The buffer that holds [address, address + bytes), or null. `hint` is a
  /// buffer to look at first and is set to what was found.
  const Buffer *find(uint64_t address, uint64_t bytes, uint32_t &hint) const;

  /// Says why `find` found nothing: where the next buffer lies.
  std::string describeMiss(uint64_t address, uint64_t bytes) const;

private:
  std::vector<Buffer> sorted;
};

/// Sectors of 32 bytes that a warp's access touches; none of the accesses
/// crosses one. Inactive lanes are left out.
unsigned countSectors(const uint64_t *addresses, uint32_t active);

/// "0x7f00"
std::string hex(uint64_t value);

} // namespace einfall::emulated

#endif // EINFALL_RUNTIME_DEVICES_EMULATED_GLOBALMEMORY_H
