//===- Bytes.h - Numbers and texts, little endian ---------------*- C++ -*-===//

#ifndef EINFALL_RUNTIME_CORE_BYTES_H
#define EINFALL_RUNTIME_CORE_BYTES_H

#include <cstdint>
#include <string>
#include <string_view>

namespace einfall::runtime {

class ByteWriter {
public:
  template <typename T> void number(T value) {
    for (unsigned i = 0; i < sizeof(T); ++i)
      out.push_back(static_cast<char>(static_cast<uint64_t>(value) >> (8 * i)));
  }
  void text(std::string_view value) {
    number(static_cast<uint32_t>(value.size()));
    out += value;
  }
  std::string out;
};

/// Reads until something is missing; from then on everything is 0 and `failed`
/// is true.
class ByteReader {
public:
  explicit ByteReader(std::string_view bytes) : bytes(bytes) {}

  template <typename T> T number() {
    if (failed || bytes.size() - at < sizeof(T)) {
      failed = true;
      return 0;
    }
    uint64_t value = 0;
    for (unsigned i = 0; i < sizeof(T); ++i)
      value |= uint64_t(uint8_t(bytes[at + i])) << (8 * i);
    at += sizeof(T);
    return static_cast<T>(value);
  }

  /// A count of things that take at least `size` bytes each, are at most
  /// `most`, and are all there.
  uint32_t count(size_t size, uint32_t most = UINT32_MAX) {
    uint32_t value = number<uint32_t>();
    if (failed || value > most || value > (bytes.size() - at) / size) {
      failed = true;
      return 0;
    }
    return value;
  }

  std::string text() {
    uint32_t size = count(1);
    std::string value(bytes.substr(at, size));
    at += size;
    return value;
  }

  bool failed = false;
  size_t at = 0;

private:
  std::string_view bytes;
};

} // namespace einfall::runtime

#endif // EINFALL_RUNTIME_CORE_BYTES_H
