//===- Package.h - Kernels with their images in one file --------*- C++ -*-===//
//
// The file format `.efk`, little endian:
//
//   0   8 bytes  0x89 "EFK" 13 10 26 10 (text conversions damage it visibly)
//   8   u32      version of the format
//   12  u32      how many parts
//   16  u64      bytes of the file
//   24  u64      hash of the header up to here and of the table of parts
//   32  table    for each part: u32 kind, u32 0, u64 offset, u64 bytes, u64
//   hash
//   ..  parts    each at the next multiple of 64, zeros between
//
// Part 0 is the launch plan. Every byte is covered by a hash or must be zero,
// and all are checked before anything is used. That finds damage (a broken
// download, a bad disk), not malice.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_RUNTIME_CORE_PACKAGE_H
#define EINFALL_RUNTIME_CORE_PACKAGE_H

#include "runtime/core/Plan.h"
#include "runtime/core/Status.h"

#include <memory>

namespace einfall::runtime {

enum class PartKind : uint32_t {
  Plan = 1,
  HostLibrary = 2, ///< a shared object
  DeviceImage = 3, ///< for the emulated device
  Ptx = 4,
  Cubin = 5,
  Source = 6, ///< what the kernels were compiled from
};

/// "host library", ...; "part of unknown kind 9".
std::string name(PartKind kind);

struct Part {
  PartKind kind;
  uint64_t offset = 0;
  std::string_view bytes;
};

class Package {
public:
  /// Keeps a copy of the bytes. EINFALL_INVALID_PACKAGE with what and where.
  static Status read(std::string bytes, std::shared_ptr<const Package> &result);
  /// The same of a file; EINFALL_SYSTEM_ERROR where it cannot be read.
  static Status open(const char *path, std::shared_ptr<const Package> &result);

  const Plan &plan() const { return contents; }
  const std::vector<Part> &parts() const { return table; }
  /// The kernel called `name`, the only one where `name` is null.
  Status find(const char *name, const KernelPlan *&result) const;
  /// The plan for people: interfaces, and a line for each target.
  std::string summarize() const;
  /// The same with every version, what it needs and where its parts lie.
  std::string describe() const;

private:
  std::string text(bool details) const;
  Status check();
  std::string bytes;
  std::vector<Part> table;
  Plan contents;
};

/// Parts to write; their numbers are the plan's.
class PackageWriter {
public:
  PartNumber add(PartKind kind, std::string bytes);
  /// The bytes of the package.
  std::string finish(const Plan &plan) const;

private:
  std::vector<std::pair<PartKind, std::string>> parts;
};

} // namespace einfall::runtime

#endif // EINFALL_RUNTIME_CORE_PACKAGE_H
