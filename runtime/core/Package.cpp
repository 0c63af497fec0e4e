//===- Package.cpp - Kernels with their images in one file ----------------===//

#include "runtime/core/Package.h"

#include "runtime/core/Bytes.h"
#include "runtime/core/Hash.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>

using namespace einfall::runtime;

static constexpr std::string_view magic("\x89"
                                        "EFK\r\n\x1a\n",
                                        8);
static constexpr uint32_t formatVersion = 4;
static constexpr uint64_t headerBytes = 32, entryBytes = 32, alignment = 64;
static constexpr uint32_t maxParts = 1 << 16;

static uint64_t aligned(uint64_t offset) {
  return (offset + alignment - 1) / alignment * alignment;
}

static std::string hex(uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof(text), "%016llx",
                static_cast<unsigned long long>(value));
  return text;
}

static Status damaged(std::string text) {
  return Status::failure(EINFALL_INVALID_PACKAGE, std::move(text));
}

std::string einfall::runtime::name(PartKind kind) {
  switch (kind) {
  case PartKind::Plan:
    return "launch plan";
  case PartKind::HostLibrary:
    return "host library";
  case PartKind::DeviceImage:
    return "device image";
  case PartKind::Ptx:
    return "PTX";
  case PartKind::Cubin:
    return "cubin";
  case PartKind::Source:
    return "source";
  }
  return "part of unknown kind " + std::to_string(uint32_t(kind));
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

PartNumber PackageWriter::add(PartKind kind, std::string bytes) {
  parts.emplace_back(kind, std::move(bytes));
  return parts.size(); // the plan is part 0
}

std::string PackageWriter::finish(const Plan &plan) const {
  std::string first = encode(plan);
  std::vector<std::pair<PartKind, std::string_view>> all = {
      {PartKind::Plan, first}};
  all.insert(all.end(), parts.begin(), parts.end());
  ByteWriter table;
  uint64_t end = headerBytes + entryBytes * all.size();
  for (const auto &[kind, bytes] : all) {
    uint64_t offset = aligned(end);
    table.number(uint32_t(kind));
    table.number(uint32_t(0));
    table.number(offset);
    table.number(uint64_t(bytes.size()));
    table.number(xxh64(bytes));
    end = offset + bytes.size();
  }
  ByteWriter file;
  file.out = magic;
  file.number(formatVersion);
  file.number(uint32_t(all.size()));
  file.number(end);
  file.number(xxh64(file.out + table.out));
  file.out += table.out;
  for (const auto &[kind, bytes] : all) {
    file.out.resize(aligned(file.out.size()));
    file.out += bytes;
  }
  return std::move(file.out);
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

Status Package::check() {
  std::string_view all = bytes;
  if (all.size() < magic.size() || all.substr(0, magic.size()) != magic)
    return damaged("these " + std::to_string(all.size()) +
                   " bytes are no package: they do not begin as one");
  if (all.size() < headerBytes)
    return damaged("the package is truncated: it has " +
                   std::to_string(all.size()) + " bytes, its header alone " +
                   std::to_string(headerBytes));
  ByteReader reader(all);
  reader.at = magic.size();
  auto version = reader.number<uint32_t>();
  auto count = reader.number<uint32_t>();
  auto size = reader.number<uint64_t>();
  uint64_t covered = reader.at;
  auto hash = reader.number<uint64_t>();
  if (version != formatVersion)
    return damaged("the package has version " + std::to_string(version) +
                   " of the format, this library reads version " +
                   std::to_string(formatVersion));
  if (size != all.size())
    return damaged(std::string("the package is ") +
                   (all.size() < size ? "truncated" : "too long") +
                   ": it has " + std::to_string(all.size()) +
                   " bytes, its header says " + std::to_string(size));
  if (count == 0 || count > maxParts ||
      headerBytes + count * entryBytes > all.size())
    return damaged("the header of the package is corrupt: it says " +
                   std::to_string(count) + " parts");
  uint64_t end = headerBytes + count * entryBytes;
  uint64_t found =
      xxh64(std::string(all.substr(0, covered)) +
            std::string(all.substr(headerBytes, end - headerBytes)));
  if (found != hash)
    return damaged("the header of the package (bytes 0 to " +
                   std::to_string(end) + ") is corrupt: its hash is " +
                   hex(found) + ", expected " + hex(hash));
  for (uint32_t i = 0; i < count; ++i) {
    auto kind = static_cast<PartKind>(reader.number<uint32_t>());
    auto zero = reader.number<uint32_t>();
    auto offset = reader.number<uint64_t>();
    auto length = reader.number<uint64_t>();
    auto expected = reader.number<uint64_t>();
    std::string where = "part " + std::to_string(i) + " of the package (" +
                        name(kind) + ", bytes " + std::to_string(offset) +
                        " to " + std::to_string(offset + length) + ")";
    if (zero || offset != aligned(end) || offset > all.size() ||
        length > all.size() - offset)
      return damaged(where + " does not lie where it must");
    if ((i == 0) != (kind == PartKind::Plan))
      return damaged(where + " must not be there");
    if (all.substr(end, offset - end).find_first_not_of('\0') !=
        std::string_view::npos)
      return damaged("the bytes before " + where + " are not zero");
    std::string_view content = all.substr(offset, length);
    if (uint64_t actual = xxh64(content); actual != expected)
      return damaged(where + " is corrupt: its hash is " + hex(actual) +
                     ", expected " + hex(expected));
    table.push_back({kind, offset, content});
    end = offset + length;
  }
  if (end != all.size())
    return damaged("bytes follow the last part of the package");
  std::string error;
  std::optional<Plan> plan = decode(table.front().bytes, count, error);
  if (!plan)
    return damaged(error);
  contents = std::move(*plan);
  return Status::success();
}

Status Package::read(std::string bytes,
                     std::shared_ptr<const Package> &result) {
  auto package = std::make_shared<Package>();
  package->bytes = std::move(bytes);
  Status status = package->check();
  if (status.ok())
    result = std::move(package);
  return status;
}

Status Package::open(const char *path, std::shared_ptr<const Package> &result) {
  auto failed = [&] {
    return Status::failure(EINFALL_SYSTEM_ERROR, "cannot read " +
                                                     std::string(path) + ": " +
                                                     std::strerror(errno));
  };
  std::FILE *file = std::fopen(path, "rb");
  if (!file)
    return failed();
  std::string bytes;
  char buffer[1 << 16];
  while (size_t size = std::fread(buffer, 1, sizeof(buffer), file))
    bytes.append(buffer, size);
  bool good = !std::ferror(file);
  std::fclose(file);
  if (!good)
    return failed();
  Status status = read(std::move(bytes), result);
  if (!status.ok())
    status.text = std::string(path) + ": " + status.text;
  return status;
}

Status Package::find(const char *name, const KernelPlan *&result) const {
  std::string names;
  for (const KernelPlan &kernel : contents.kernels) {
    if (name ? kernel.name == name : contents.kernels.size() == 1) {
      result = &kernel;
      return Status::success();
    }
    names += (names.empty() ? "" : ", ") + kernel.name;
  }
  if (!name)
    return Status::invalid("the package has " +
                           std::to_string(contents.kernels.size()) +
                           " kernels, name one: " + names);
  return Status::invalid("the package has no kernel `" + std::string(name) +
                         "`; it has " + names);
}
