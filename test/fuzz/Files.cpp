//===- Files.cpp - Targets: files that may come from anywhere -------------===//
//
// Packages, device images, arrays, entries of caches. Those with a hash are
// read as they are and then with hashes that fit, or no mutation would get
// beyond the first check.
//
//===----------------------------------------------------------------------===//

#include "test/fuzz/Target.h"

#include "codegen/targets/Machine.h"
#include "frontend/driver/Npy.h"
#include "frontend/driver/Safetensors.h"
#include "passes/Certificate/Check.h"
#include "passes/Proof/VerdictCache.h"
#include "runtime/core/Binding.h"
#include "runtime/core/Bytes.h"
#include "runtime/core/Hash.h"
#include "runtime/core/Package.h"
#include "runtime/devices/emulated/Program.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SHA256.h"

#include <nlohmann/json.hpp>

#include <array>
#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

using namespace einfall;

//===----------------------------------------------------------------------===//
// Packages
//===----------------------------------------------------------------------===//

template <typename T> static void put(std::string &bytes, size_t at, T value) {
  runtime::ByteWriter writer;
  writer.number(value);
  bytes.replace(at, writer.out.size(), writer.out);
}

template <typename T> static T get(const std::string &bytes, size_t at) {
  runtime::ByteReader reader(bytes);
  reader.at = at;
  return reader.number<T>();
}

/// The package with size and hashes as its parts ask for (Package.h).
static std::string sealPackage(std::string bytes) {
  constexpr size_t header = 32, entry = 32;
  if (bytes.size() < header)
    return bytes;
  uint64_t parts = get<uint32_t>(bytes, 12);
  if (parts > (bytes.size() - header) / entry)
    return bytes;
  for (uint64_t part = 0; part < parts; ++part) {
    size_t at = header + part * entry;
    uint64_t offset = get<uint64_t>(bytes, at + 8);
    uint64_t size = get<uint64_t>(bytes, at + 16);
    if (offset <= bytes.size() && size <= bytes.size() - offset)
      put(bytes, at + 24,
          runtime::xxh64(std::string_view(bytes).substr(offset, size)));
  }
  put(bytes, 16, uint64_t(bytes.size()));
  std::string covered =
      bytes.substr(0, 24) + bytes.substr(header, parts * entry);
  put(bytes, 24, runtime::xxh64(covered));
  return bytes;
}

/// Reads a package and does with its plan what a launch does before data is
/// looked at.
static void readPackage(std::string bytes) {
  std::shared_ptr<const runtime::Package> package;
  if (!runtime::Package::read(std::move(bytes), package).ok())
    return;
  package->describe();
  for (const runtime::KernelPlan &kernel : package->plan().kernels) {
    const runtime::KernelPlan *found = nullptr;
    (void)package->find(kernel.name.c_str(), found);
    int64_t extents[runtime::maxRanks];
    for (int64_t first : {-1, 0, 3}) {
      std::fill(std::begin(extents), std::end(extents), first);
      for (const runtime::RankPlan &rank : kernel.ranks)
        (void)runtime::evaluate(rank.extent, extents);
    }
    // Tensors of a shape that fits by chance only.
    std::vector<EinfallTensor> tensors;
    std::vector<std::array<int64_t, runtime::maxDimensions>> shapes(
        kernel.tensors.size());
    alignas(64) char memory[64] = {};
    for (auto [number, tensor] : llvm::enumerate(kernel.tensors)) {
      shapes[number].fill(1);
      EinfallTensor given{};
      given.data = memory;
      given.device = {EINFALL_DEVICE_HOST, 0};
      given.ndim = tensor.dims.size();
      given.dtype = tensor.type;
      given.shape = shapes[number].data();
      tensors.push_back(given);
    }
    std::vector<EinfallNamedTensor> named;
    for (auto [tensor, given] : llvm::zip_equal(kernel.tensors, tensors))
      named.push_back({tensor.name.c_str(), &given});
    EinfallArguments arguments{};
    arguments.tensors = named.data();
    arguments.tensor_count = named.size();
    runtime::Binding binding;
    if (!binding.bind(kernel, arguments, /*withData=*/false).ok())
      continue;
    for (const runtime::VersionPlan &version : kernel.versions)
      (void)binding.fits(kernel, version);
    std::vector<uint64_t> words(runtime::countDeviceWords(kernel));
    binding.deviceWords(kernel, words.data());
  }
}

void fuzz::runPackage(std::string_view bytes) {
  readPackage(std::string(bytes));
  readPackage(sealPackage(std::string(bytes)));
}

//===----------------------------------------------------------------------===//
// Device images
//===----------------------------------------------------------------------===//

/// The hash of ImageFormat.cpp.
static uint64_t imageHash(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (char byte : bytes)
    hash = (hash ^ uint8_t(byte)) * 0x100000001b3;
  hash ^= hash >> 32;
  hash *= 0xd6e8feb86659fd93;
  return hash ^ hash >> 32;
}

void fuzz::runImage(std::string_view bytes) {
  std::string error;
  (void)emulated::read(bytes.data(), bytes.size(), error);
  constexpr size_t header = 32;
  if (bytes.size() < header)
    return;
  std::string sealed(bytes);
  put(sealed, 16, uint64_t(bytes.size() - header));
  put(sealed, 24, imageHash(bytes.substr(header)));
  auto image = emulated::read(sealed.data(), sealed.size(), error);
  if (image && emulated::write(*image) != sealed)
    fault("an image that is read is written otherwise", bytes);
}

//===----------------------------------------------------------------------===//
// Arrays and entries of the cache of proofs, which are read from paths
//===----------------------------------------------------------------------===//

namespace {
/// A file in memory, and its path.
class MemoryFile {
public:
  explicit MemoryFile(std::string_view bytes)
      : file(memfd_create("fuzz", MFD_CLOEXEC)) {
    if (file < 0 || write(file, bytes.data(), bytes.size()) !=
                        static_cast<ssize_t>(bytes.size()))
      std::abort();
  }
  ~MemoryFile() { close(file); }
  std::string path() const { return "/proc/self/fd/" + std::to_string(file); }

private:
  int file;
};
} // namespace

void fuzz::runNpy(std::string_view bytes) {
  MemoryFile file(bytes);
  using interpreter::Element;
  for (Element element :
       {Element::F32, Element::BF16, Element::I8, Element::Bool, Element::U4}) {
    auto array = driver::readNpy(file.path());
    if (!array) {
      llvm::consumeError(array.takeError());
      return;
    }
    auto tensor = driver::toTensor(std::move(*array), "fuzz.npy", element);
    if (!tensor)
      llvm::consumeError(tensor.takeError());
  }
}

/// The input as it is; then its first line as the header, the rest as the data.
void fuzz::runSafetensors(std::string_view bytes) {
  size_t header = std::min(bytes.find('\n'), bytes.size());
  runtime::ByteWriter framed;
  framed.number(uint64_t(header));
  framed.out += bytes.substr(0, header);
  if (header < bytes.size())
    framed.out += bytes.substr(header + 1);
  using interpreter::Element;
  for (std::string_view content : {bytes, std::string_view(framed.out)}) {
    MemoryFile file(content);
    auto names = driver::safetensorNames(file.path());
    if (!names) {
      llvm::consumeError(names.takeError());
      continue;
    }
    for (const std::string &name : *names)
      for (Element element : {Element::F32, Element::BF16, Element::U4}) {
        auto tensor = driver::readSafetensors(file.path(), name, element);
        if (!tensor)
          llvm::consumeError(tensor.takeError());
      }
  }
}

/// The input is an entry, first as it is and then with the checksum that fits.
void fuzz::runVerdict(std::string_view bytes) {
  char folder[] = "/tmp/einfall-fuzz-XXXXXX";
  if (!mkdtemp(folder))
    std::abort();
  std::string key(64, 'a');
  std::string path = std::string(folder) + "/" + key + ".verdict";
  proof::VerdictCache cache(folder);
  auto hold = [&](std::string_view entry) {
    if (std::FILE *file = std::fopen(path.c_str(), "wb")) {
      std::fwrite(entry.data(), 1, entry.size(), file);
      std::fclose(file);
    }
    (void)cache.lookup(key);
  };
  hold(bytes);
  llvm::SHA256 hash;
  for (llvm::StringRef part :
       {llvm::StringRef(key), llvm::StringRef(bytes.data(), bytes.size())}) {
    hash.update(std::to_string(part.size()) + ":");
    hash.update(part);
  }
  hold(std::string(bytes) + "\n" +
       llvm::toHex(hash.final(), /*LowerCase=*/true) + "\n");
  std::remove(path.c_str());
  rmdir(folder);
}

//===----------------------------------------------------------------------===//
// Certificates and descriptions of machines
//===----------------------------------------------------------------------===//

void fuzz::runCertificate(std::string_view text) {
  using namespace certificate;
  Result<Certificate> given = Certificate::parse(std::string(text));
  if (!given)
    return;
  CheckOptions options;
  options.useSolver = false;
  (void)check(*given, options);
  // What is derived is written, and read and accepted again.
  Result<Certificate> whole = complete(*given);
  if (!whole)
    return;
  Result<Certificate> again = Certificate::parse(whole->toJSON().dump());
  if (!again ||
      check(*again, options).verdict != CheckResult::Verdict::Accepted)
    fault("a derived certificate is refused", text);
}

void fuzz::runMachine(std::string_view text) {
  auto machine = parseMachine(text, "fuzz.json");
  if (!machine)
    return llvm::consumeError(machine.takeError());
  for (int64_t cluster : {1, 2, 16})
    (void)boundariesOf(*machine, cluster);
}
