//===- ImageFormat.cpp - Device images as bytes ---------------------------===//
//
// Little endian:
//
//   8 bytes   "EFEMUL\r\n"
//   u32       version
//   u32       0
//   u64       bytes of what follows the header
//   u64       hash of what follows the header
//   then      name, target, threads, shared, parameters, locations, maps, grid,
//             body
//
// Strings and lists are a u32 count and their elements. The hash is for
// corruption, not for malice: what is read is validated as well.
//
//===----------------------------------------------------------------------===//

#include "runtime/devices/emulated/Program.h"

#include <cstring>

using namespace einfall::emulated;

static constexpr char magic[] = "EFEMUL\r\n";
static constexpr uint32_t formatVersion = 5;
static constexpr size_t headerBytes = 32;

/// FNV-1a over bytes, then mixed so that all bits depend on all.
static uint64_t hashOf(const uint8_t *bytes, size_t size) {
  uint64_t hash = 0xcbf29ce484222325;
  for (size_t i = 0; i < size; ++i)
    hash = (hash ^ bytes[i]) * 0x100000001b3;
  hash ^= hash >> 32;
  hash *= 0xd6e8feb86659fd93;
  return hash ^ hash >> 32;
}

namespace {

struct Writer {
  std::string out;

  template <typename T> void number(T value) {
    for (unsigned i = 0; i < sizeof(T); ++i)
      out.push_back(char(uint64_t(value) >> (8 * i)));
  }
  void text(const std::string &value) {
    number(uint32_t(value.size()));
    out += value;
  }
  void program(const Program &program) {
    number(program.words);
    number(program.masks);
    number(uint32_t(program.code.size()));
    for (const Instruction &inst : program.code) {
      number(uint16_t(inst.opcode));
      number(inst.sub);
      number(inst.location);
      number(inst.operands);
      number(inst.immediate);
    }
    number(uint32_t(program.operands.size()));
    for (uint32_t operand : program.operands)
      number(operand);
  }
};

/// Reads until something is missing; then everything is 0 and `failed` is set.
struct Reader {
  const uint8_t *bytes;
  size_t left;
  bool failed = false;

  template <typename T> T number() {
    if (failed || left < sizeof(T)) {
      failed = true;
      return 0;
    }
    uint64_t value = 0;
    for (unsigned i = 0; i < sizeof(T); ++i)
      value |= uint64_t(bytes[i]) << (8 * i);
    bytes += sizeof(T);
    left -= sizeof(T);
    return T(value);
  }
  /// A count of elements of at least `size` bytes, all of which are there.
  uint32_t count(size_t size) {
    uint32_t value = number<uint32_t>();
    if (failed || value > left / size) {
      failed = true;
      return 0;
    }
    return value;
  }
  std::string text() {
    uint32_t size = count(1);
    std::string value(reinterpret_cast<const char *>(bytes), size);
    bytes += size;
    left -= size;
    return value;
  }
  Program program() {
    Program program;
    program.words = number<uint32_t>();
    program.masks = number<uint32_t>();
    program.code.resize(count(20));
    for (Instruction &inst : program.code) {
      inst.opcode = Opcode(number<uint16_t>());
      inst.sub = number<uint16_t>();
      inst.location = number<uint32_t>();
      inst.operands = number<uint32_t>();
      inst.immediate = number<uint64_t>();
    }
    program.operands.resize(count(4));
    for (uint32_t &operand : program.operands)
      operand = number<uint32_t>();
    return program;
  }
};

} // namespace

std::string einfall::emulated::write(const Image &image) {
  Writer payload;
  payload.text(image.name);
  payload.text(image.target);
  payload.number(image.threads);
  payload.number(image.shared);
  payload.number(uint32_t(image.parameters.size()));
  for (const Parameter &parameter : image.parameters) {
    payload.text(parameter.name);
    payload.number(uint8_t(parameter.type));
  }
  payload.number(uint32_t(image.locations.size()));
  for (const Location &location : image.locations) {
    payload.text(location.operation);
    payload.text(location.place);
  }
  payload.number(uint32_t(image.maps.size()));
  for (const MapShape &map : image.maps) {
    payload.number(map.elementBytes);
    payload.number(map.dimensions);
    payload.number(map.swizzle);
    for (uint32_t size : map.box)
      payload.number(size);
  }
  payload.program(image.grid);
  payload.program(image.body);

  Writer whole;
  whole.out.assign(magic, 8);
  whole.number(formatVersion);
  whole.number(uint32_t(0));
  whole.number(uint64_t(payload.out.size()));
  whole.number(hashOf(reinterpret_cast<const uint8_t *>(payload.out.data()),
                      payload.out.size()));
  return whole.out + payload.out;
}

std::optional<Image> einfall::emulated::read(const void *bytes, uint64_t size,
                                             std::string &error) {
  auto refuse = [&](std::string why) {
    error = "device image " + std::move(why);
    return std::nullopt;
  };
  if (size < headerBytes || std::memcmp(bytes, magic, 8) != 0)
    return refuse("does not start as one");
  Reader reader{static_cast<const uint8_t *>(bytes) + 8, size - 8};
  uint32_t version = reader.number<uint32_t>();
  uint32_t zero = reader.number<uint32_t>();
  uint64_t payload = reader.number<uint64_t>();
  uint64_t hash = reader.number<uint64_t>();
  if (version != formatVersion || zero)
    return refuse("has version " + std::to_string(version) + "; version " +
                  std::to_string(formatVersion) + " is understood");
  if (payload != reader.left)
    return refuse("has " + std::to_string(reader.left) +
                  " bytes after its header, which names " +
                  std::to_string(payload));
  if (hash != hashOf(reader.bytes, reader.left))
    return refuse("is corrupt: its hash differs");

  Image image;
  image.name = reader.text();
  image.target = reader.text();
  image.threads = reader.number<uint32_t>();
  image.shared = reader.number<uint32_t>();
  image.parameters.resize(reader.count(5));
  for (Parameter &parameter : image.parameters) {
    parameter.name = reader.text();
    parameter.type = ParameterType(reader.number<uint8_t>());
    reader.failed |=
        uint8_t(parameter.type) > uint8_t(ParameterType::Workspace);
  }
  image.locations.resize(reader.count(8));
  for (Location &location : image.locations) {
    location.operation = reader.text();
    location.place = reader.text();
  }
  image.maps.resize(reader.count(32));
  for (MapShape &map : image.maps) {
    map.elementBytes = reader.number<uint32_t>();
    map.dimensions = reader.number<uint32_t>();
    map.swizzle = reader.number<uint32_t>();
    for (uint32_t &size : map.box)
      size = reader.number<uint32_t>();
  }
  image.grid = reader.program();
  image.body = reader.program();
  if (reader.failed || reader.left)
    return refuse("is cut or has bytes too many");
  if (std::optional<std::string> wrong = validate(image))
    return refuse(*wrong);
  return image;
}
