//===- Safetensors.cpp - Tensors in .safetensors files --------------------===//

#include "frontend/driver/Safetensors.h"

#include "frontend/driver/AtomicFile.h"
#include "frontend/driver/Npy.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/EndianStream.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <nlohmann/json.hpp>

#include <cstring>

using namespace einfall;
using namespace einfall::driver;
using interpreter::Element;
using llvm::StringRef;
using llvm::Twine;

static llvm::Error malformed(StringRef path, const Twine &what) {
  return llvm::createStringError(path + ": " + what);
}

namespace {

/// A tensor as a header has it.
struct Entry {
  std::string name, type;
  std::vector<uint64_t> shape, offsets;
  bool hasShape = false;
};

/// Reads a header as it is parsed, so that nothing is built that it does not
/// need: {"NAME": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, ...},
/// and texts in "__metadata__".
class HeaderHandler : public nlohmann::json_sax<nlohmann::json> {
public:
  std::vector<Entry> entries;
  std::string error; ///< what is wrong, where parsing ended early

  bool null() override { return unexpected("null"); }
  bool boolean(bool) override { return unexpected("a truth value"); }
  bool number_float(double, const std::string &) override {
    return unexpected("a fraction");
  }
  bool binary(binary_t &) override { return unexpected("binary data"); }
  bool number_integer(int64_t) override {
    return unexpected("a negative number");
  }
  bool number_unsigned(uint64_t value) override {
    if (depth != 2 || !inArray)
      return unexpected("a number");
    std::vector<uint64_t> &list =
        field == "shape" ? entries.back().shape : entries.back().offsets;
    if (list.size() == 64)
      return fail("has more than 64 dimensions");
    list.push_back(value);
    return true;
  }
  bool string(std::string &value) override {
    if (depth != 2 || inArray)
      return unexpected("a text");
    if (inMetadata)
      return true;
    if (field != "dtype" || !entries.back().type.empty())
      return unexpected("a text");
    entries.back().type = std::move(value);
    return true;
  }
  bool start_object(size_t) override {
    if (depth == 2)
      return unexpected("an object");
    ++depth;
    return true;
  }
  bool end_object() override {
    --depth;
    if (depth == 0 || std::exchange(inMetadata, false))
      return true;
    const Entry &entry = entries.back();
    if (entry.type.empty() || !entry.hasShape || entry.offsets.size() != 2)
      return fail("wants `dtype`, `shape` and two `data_offsets`");
    return true;
  }
  bool start_array(size_t) override {
    if (depth != 2 || inArray || inMetadata)
      return unexpected("a list");
    bool isShape = field == "shape" && !entries.back().hasShape;
    if (!isShape &&
        (field != "data_offsets" || !entries.back().offsets.empty()))
      return unexpected("a list");
    entries.back().hasShape |= isShape;
    inArray = true;
    return true;
  }
  bool end_array() override {
    inArray = false;
    return true;
  }
  bool key(std::string &name) override {
    if (depth == 2) {
      field = std::move(name);
      return true;
    }
    if (!names.insert(name).second)
      return fail("occurs twice", name);
    inMetadata = name == "__metadata__";
    if (!inMetadata)
      entries.push_back({std::move(name), "", {}, {}, false});
    return true;
  }
  bool parse_error(size_t position, const std::string &,
                   const nlohmann::json::exception &) override {
    error = "the header is no JSON at its byte " + std::to_string(position);
    return false;
  }

private:
  bool fail(const std::string &what, const std::string &name = "") {
    bool isNamed = !name.empty() || !entries.empty();
    error = (isNamed ? "tensor `" +
                           (name.empty() ? entries.back().name : name) + "` "
                     : "the header ") +
            what;
    return false;
  }
  bool unexpected(const std::string &what) {
    return fail("has " + what + " where the format has none" +
                (depth == 2 && !field.empty() ? ", in `" + field + "`" : ""));
  }

  llvm::StringSet<> names;
  std::string field;
  unsigned depth = 0;
  bool inArray = false, inMetadata = false;
};

/// How the format names an element type; empty where it has none.
StringRef nameOf(Element element) {
  switch (element) {
  case Element::F64:
    return "F64";
  case Element::F32:
    return "F32";
  case Element::F16:
    return "F16";
  case Element::BF16:
    return "BF16";
  case Element::F8E4M3:
    return "F8_E4M3";
  case Element::F8E5M2:
    return "F8_E5M2";
  case Element::I64:
    return "I64";
  case Element::I32:
    return "I32";
  case Element::I16:
    return "I16";
  case Element::I8:
    return "I8";
  case Element::U8:
    return "U8";
  case Element::Bool:
    return "BOOL";
  default:
    return "";
  }
}

std::optional<Element> elementNamed(StringRef name) {
  for (Element element :
       {Element::F64, Element::F32, Element::F16, Element::BF16,
        Element::F8E4M3, Element::F8E5M2, Element::I64, Element::I32,
        Element::I16, Element::I8, Element::U8, Element::Bool})
    if (nameOf(element) == name)
      return element;
  return std::nullopt;
}

/// A file and its header, checked.
class SafetensorsFile {
public:
  static llvm::Expected<SafetensorsFile> open(StringRef path);
  SafetensorsFile(SafetensorsFile &&other)
      : handler(std::move(other.handler)), path(std::move(other.path)),
        file(std::exchange(other.file, -1)), dataBegin(other.dataBegin) {}
  ~SafetensorsFile() {
    if (file >= 0)
      (void)llvm::sys::fs::closeFile(file);
  }

  llvm::ArrayRef<Entry> entries() const { return handler.entries; }
  /// Reads all of `into` from byte `offset` on.
  llvm::Error read(uint64_t offset, llvm::MutableArrayRef<char> into) const;
  llvm::Expected<AlignedBytes> data(const Entry &entry) const;

private:
  SafetensorsFile() = default;
  llvm::Error check(uint64_t bytes) const;

  HeaderHandler handler;
  std::string path;
  llvm::sys::fs::file_t file = -1;
  uint64_t dataBegin = 0;
};

llvm::Error SafetensorsFile::read(uint64_t offset,
                                  llvm::MutableArrayRef<char> into) const {
  while (!into.empty()) {
    auto count = llvm::sys::fs::readNativeFileSlice(
        file, into.take_front(size_t(1) << 30), offset);
    if (!count)
      return malformed(path, llvm::toString(count.takeError()));
    if (*count == 0)
      return malformed(path, "the file became shorter while it was read");
    offset += *count;
    into = into.drop_front(*count);
  }
  return llvm::Error::success();
}

/// Bytes of a tensor by its type and shape; nothing beyond 64 bits.
static std::optional<uint64_t> byteCount(const Entry &entry, Element element) {
  std::optional<uint64_t> bytes = interpreter::elementBits(element) / 8;
  for (uint64_t extent : entry.shape) {
    if (extent > uint64_t(1) << 56) // beyond any memory, though another be 0
      return std::nullopt;
    if (bytes)
      bytes = llvm::checkedMulUnsigned(*bytes, extent);
  }
  return bytes;
}

/// Checks the entries against each other and the `bytes` of data.
llvm::Error SafetensorsFile::check(uint64_t bytes) const {
  std::vector<const Entry *> byPlace;
  for (const Entry &entry : handler.entries) {
    auto wrong = [&](const Twine &what) {
      return malformed(path, "tensor `" + entry.name + "` " + what);
    };
    uint64_t begin = entry.offsets[0], end = entry.offsets[1];
    if (begin > end || end > bytes)
      return wrong("lies at bytes " + Twine(begin) + " to " + Twine(end) +
                   " of " + Twine(bytes));
    // Types that we do not know may be in a file whose others we read.
    std::optional<Element> element = elementNamed(entry.type);
    std::optional<uint64_t> wanted =
        element ? byteCount(entry, *element) : end - begin;
    if (!wanted || *wanted != end - begin)
      return wrong("has " + Twine(end - begin) + " bytes, its shape and type " +
                   entry.type + " make " +
                   (wanted ? Twine(*wanted) : Twine("more than 2^64")));
    byPlace.push_back(&entry);
  }
  llvm::sort(byPlace, [](const Entry *a, const Entry *b) {
    return a->offsets < b->offsets;
  });
  uint64_t reached = 0;
  for (const Entry *entry : byPlace) {
    if (entry->offsets[0] != reached)
      return malformed(path, "tensor `" + entry->name + "` begins at byte " +
                                 Twine(entry->offsets[0]) +
                                 " of the data, the one before it ends at " +
                                 Twine(reached));
    reached = entry->offsets[1];
  }
  if (reached != bytes)
    return malformed(path,
                     Twine(bytes - reached) + " bytes follow the last tensor");
  return llvm::Error::success();
}

llvm::Expected<SafetensorsFile> SafetensorsFile::open(StringRef path) {
  SafetensorsFile made;
  made.path = path.str();
  auto failed = [&](std::error_code code) {
    return llvm::createStringError(code, "cannot read " + path + ": " +
                                             code.message());
  };
  auto file = llvm::sys::fs::openNativeFileForRead(path);
  if (!file)
    return failed(llvm::errorToErrorCode(file.takeError()));
  made.file = *file;
  llvm::sys::fs::file_status status;
  if (std::error_code code = llvm::sys::fs::status(made.file, status))
    return failed(code);
  if (status.type() != llvm::sys::fs::file_type::regular_file)
    return malformed(path, "this is no regular file");
  uint64_t size = status.getSize();
  char length[8];
  if (size < sizeof length)
    return malformed(path, "this is no .safetensors file: it has " +
                               Twine(size) + " bytes");
  if (llvm::Error error = made.read(0, length))
    return error;
  uint64_t headerBytes = llvm::support::endian::read64le(length);
  if (headerBytes > maxSafetensorsHeader)
    return malformed(path, "this is no .safetensors file: its header has " +
                               Twine(headerBytes) + " bytes, at most " +
                               Twine(maxSafetensorsHeader) + " are read");
  if (headerBytes > size - sizeof length)
    return malformed(path, "the header is cut off: it has " +
                               Twine(headerBytes) + " bytes, the file has " +
                               Twine(size - sizeof length) +
                               " after its length");
  std::string header(headerBytes, '\0');
  if (llvm::Error error = made.read(sizeof length, header))
    return error;
  if (!StringRef(header).starts_with("{") ||
      !nlohmann::json::sax_parse(header, &made.handler))
    return malformed(path, made.handler.error.empty()
                               ? "the header is no object of JSON"
                               : made.handler.error);
  made.dataBegin = sizeof length + headerBytes;
  if (llvm::Error error = made.check(size - made.dataBegin))
    return error;
  return made;
}

llvm::Expected<AlignedBytes> SafetensorsFile::data(const Entry &entry) const {
  uint64_t size = entry.offsets[1] - entry.offsets[0];
  AlignedBytes bytes = AlignedBytes::allocate(size);
  if (!bytes.data())
    return malformed(path, "no memory for " + Twine(size) + " bytes");
  if (llvm::Error error =
          read(dataBegin + entry.offsets[0], {bytes.data(), size}))
    return error;
  return bytes;
}

/// How NumPy would write elements that are read as they are.
StringRef readTypeOf(Element element) {
  switch (element) {
  case Element::F64:
    return "<f8";
  case Element::F32:
    return "<f4";
  case Element::F16:
    return "<f2";
  case Element::BF16:
    return "|V2";
  case Element::F8E4M3:
  case Element::F8E5M2:
    return "|V1";
  case Element::I64:
    return "<i8";
  case Element::I32:
    return "<i4";
  case Element::I16:
    return "<i2";
  case Element::I8:
    return "|i1";
  case Element::Bool:
    return "|b1";
  default:
    return "|u1";
  }
}

} // namespace

llvm::Expected<HostTensor> einfall::driver::readSafetensors(StringRef path,
                                                            StringRef name,
                                                            Element element) {
  auto file = SafetensorsFile::open(path);
  if (!file)
    return file.takeError();
  const Entry *entry = llvm::find_if(
      file->entries(), [&](const Entry &e) { return e.name == name; });
  if (entry == file->entries().end()) {
    std::string names;
    for (const Entry &other : file->entries().take_front(8))
      names += (names.empty() ? "" : ", ") + other.name;
    if (file->entries().size() > 8)
      names += ", ...";
    return malformed(path, "has no tensor `" + name + "`; it has " +
                               (names.empty() ? "none" : names));
  }
  std::optional<Element> given = elementNamed(entry->type);
  bool isPacked = interpreter::elementBits(element) < 8 &&
                  (given == Element::U8 || given == Element::I8);
  bool isRounded = element == Element::BF16 && given == Element::F32;
  if (!given || (*given != element && !isPacked && !isRounded)) {
    StringRef wanted = nameOf(element);
    return malformed(
        path, "tensor `" + name + "` is of type " + entry->type +
                  ", the kernel wants " + interpreter::elementName(element) +
                  (wanted.empty() ? " (U8 or I8)" : " (" + wanted + ")"));
  }
  auto data = file->data(*entry);
  if (!data)
    return data.takeError();
  NpyArray array;
  array.descr = readTypeOf(*given).str();
  array.itemSize = interpreter::elementBits(*given) / 8;
  array.shape.assign(entry->shape.begin(), entry->shape.end());
  array.strides = interpreter::Tensor::denseStrides(array.shape);
  array.data = std::move(*data);
  return toTensor(std::move(array), path, element);
}

llvm::Expected<std::vector<std::string>>
einfall::driver::safetensorNames(StringRef path) {
  auto file = SafetensorsFile::open(path);
  if (!file)
    return file.takeError();
  std::vector<std::string> names;
  for (const Entry &entry : file->entries())
    names.push_back(entry.name);
  return names;
}

static int64_t byteCount(const HostTensor &tensor) {
  return tensor.elements() * interpreter::elementBits(tensor.view.element) / 8;
}

static std::string headerOf(llvm::ArrayRef<NamedTensor> tensors) {
  std::string header;
  llvm::raw_string_ostream text(header);
  llvm::json::OStream json(text);
  int64_t reached = 0;
  json.object([&] {
    for (const auto &[name, tensor] : tensors) {
      int64_t begin = reached, end = reached += byteCount(*tensor);
      const interpreter::Tensor &view = tensor->view;
      json.attributeObject(name, [&] {
        json.attribute("dtype", nameOf(view.element));
        json.attributeArray("shape", [&] {
          for (int64_t extent : view.shape)
            json.value(extent);
        });
        json.attributeArray("data_offsets", [&] {
          json.value(begin);
          json.value(end);
        });
      });
    }
  });
  json.flush();
  return header;
}

llvm::Error
einfall::driver::writeSafetensors(StringRef path,
                                  llvm::ArrayRef<NamedTensor> tensors) {
  llvm::StringSet<> names;
  for (const auto &[name, tensor] : tensors) {
    if (nameOf(tensor->view.element).empty())
      return malformed(path, "the format has no type for `" + name +
                                 "`, whose elements are smaller than a byte");
    if (!names.insert(name).second)
      return malformed(path, "two tensors are to be named `" + name + "`");
  }
  std::string header = headerOf(tensors);
  header.append(llvm::alignTo(header.size(), 8) - header.size(), ' ');
  auto file = AtomicFile::create(path);
  if (!file)
    return file.takeError();
  llvm::raw_ostream &os = file->os();
  llvm::support::endian::write<uint64_t>(os, header.size(),
                                         llvm::endianness::little);
  os << header;
  for (const NamedTensor &named : tensors) {
    const interpreter::Tensor &view = named.tensor->view;
    unsigned bytes = interpreter::elementBits(view.element) / 8;
    forEachElement(view, [&](int64_t offset) {
      os.write(static_cast<const char *>(view.data) + offset * bytes, bytes);
    });
  }
  return file->commit();
}
