//===- Npy.cpp - Arrays in NumPy's .npy files -----------------------------===//

#include "frontend/driver/Npy.h"
#include "frontend/driver/AtomicFile.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/EndianStream.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <cstring>

using namespace einfall;
using namespace einfall::driver;
using interpreter::Element;
using llvm::StringRef;
using llvm::Twine;

static llvm::Error wrong(StringRef path, const Twine &what) {
  return llvm::createStringError(path + ": " + what);
}

namespace {

/// The header's dictionary: a Python literal with three known keys.
class HeaderParser {
public:
  HeaderParser(StringRef text) : rest(text) {}

  bool parse(NpyArray &array, bool &fortran) {
    bool seen[3] = {};
    if (!eat("{"))
      return false;
    while (!eat("}")) {
      std::string key;
      if (!string(key) || !eat(":"))
        return false;
      int which = llvm::StringSwitch<int>(key)
                      .Case("descr", 0)
                      .Case("fortran_order", 1)
                      .Case("shape", 2)
                      .Default(-1);
      if (which < 0 || seen[which])
        return false;
      seen[which] = true;
      if (which == 0 ? !string(array.descr)
                     : (which == 1 ? !boolean(fortran) : !tuple(array.shape)))
        return false;
      eat(",");
    }
    return seen[0] && seen[1] && seen[2] && rest.trim().empty();
  }

private:
  bool eat(StringRef token) {
    rest = rest.ltrim();
    return rest.consume_front(token);
  }
  bool string(std::string &text) {
    rest = rest.ltrim();
    if (rest.empty() || (rest[0] != '\'' && rest[0] != '"'))
      return false;
    size_t end = rest.find(rest[0], 1);
    if (end == StringRef::npos)
      return false;
    text = rest.slice(1, end).str();
    rest = rest.drop_front(end + 1);
    return true;
  }
  bool boolean(bool &value) {
    value = eat("True");
    return value || eat("False");
  }
  bool tuple(llvm::SmallVector<int64_t> &values) {
    if (!eat("("))
      return false;
    while (!eat(")")) {
      int64_t value;
      rest = rest.ltrim();
      if (rest.consumeInteger(10, value) || value < 0)
        return false;
      values.push_back(value);
      if (!eat(",") && !rest.ltrim().starts_with(")"))
        return false;
    }
    return true;
  }
  StringRef rest;
};

} // namespace

/// Bytes of one element of a NumPy type; 0 for types that we do not read.
static unsigned itemSizeOf(StringRef descr) {
  return llvm::StringSwitch<unsigned>(descr)
      .Cases({"<f8", "<i8"}, 8)
      .Cases({"<f4", "<i4"}, 4)
      .Cases({"<f2", "<i2", "<u2", "|V2", "<V2"}, 2)
      .Cases({"|i1", "|u1", "|b1", "|V1"}, 1)
      .Default(0);
}

llvm::Expected<NpyArray> einfall::driver::readNpy(StringRef path) {
  // Read, not mapped: a file that shrinks meanwhile must not end the process.
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                          /*RequiresNullTerminator=*/false,
                                          /*IsVolatile=*/true);
  if (!file)
    return llvm::createStringError(file.getError(),
                                   "cannot read " + path + ": " +
                                       file.getError().message());
  StringRef text = (*file)->getBuffer();
  if (!text.starts_with("\x93NUMPY"))
    return wrong(path, "this is no .npy file: it does not begin with "
                       "\\x93NUMPY");
  if (text.size() < 12)
    return wrong(path, "the header is cut off: the file has " +
                           Twine(text.size()) + " bytes");
  unsigned version = static_cast<uint8_t>(text[6]);
  if (version < 1 || version > 3)
    return wrong(path, "format version " + Twine(version) +
                           " is unknown, versions 1 to 3 are read");
  size_t begin = version == 1 ? 10 : 12;
  size_t length = version == 1
                      ? llvm::support::endian::read16le(text.data() + 8)
                      : llvm::support::endian::read32le(text.data() + 8);
  if (text.size() - begin < length)
    return wrong(path, "the header is cut off: it says " + Twine(length) +
                           " bytes, the file has " +
                           Twine(text.size() - begin) + " after its start");
  NpyArray array;
  bool fortran = false;
  if (!HeaderParser(text.substr(begin, length)).parse(array, fortran))
    return wrong(path, "the header is malformed");
  array.itemSize = itemSizeOf(array.descr);
  if (!array.itemSize)
    return wrong(path, "element type '" + array.descr +
                           "' is not read; f8 f4 f2 i8 i4 i2 i1 u1 b1 in "
                           "little-endian order are");
  // The shape may lie; products are checked before they are used.
  std::optional<uint64_t> bytes = array.itemSize;
  for (int64_t extent : array.shape)
    if (bytes)
      bytes = llvm::checkedMulUnsigned<uint64_t>(*bytes, extent);
  StringRef data = text.drop_front(begin + length);
  if (!bytes || *bytes != data.size()) {
    std::string shape;
    llvm::raw_string_ostream os(shape);
    llvm::interleaveComma(array.shape, os);
    return wrong(
        path,
        "the header says shape (" + shape + ") of '" + array.descr + "', " +
            (bytes ? Twine(*bytes) + " bytes" : Twine("more than 2^64 bytes")) +
            ", but " + Twine(data.size()) + " bytes follow");
  }
  array.strides = interpreter::Tensor::denseStrides(array.shape);
  if (fortran) {
    int64_t stride = 1;
    for (auto [extent, out] : llvm::zip(array.shape, array.strides)) {
      out = stride;
      stride *= extent;
    }
  }
  array.data = AlignedBytes::allocate(data.size());
  if (!array.data.data())
    return wrong(path, "no memory for " + Twine(data.size()) + " bytes");
  std::memcpy(array.data.data(), data.data(), data.size());
  return array;
}

/// How NumPy writes an element type; bf16 and 8-bit floats have no name there.
static StringRef descrOf(Element element) {
  switch (element) {
  case Element::F64:
    return "<f8";
  case Element::F32:
  case Element::BF16:
    return "<f4";
  case Element::F16:
    return "<f2";
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

/// Elements smaller than a byte: one for each byte of the file, side by side in
/// memory.
static llvm::Expected<HostTensor> packCodes(const NpyArray &array,
                                            StringRef path, Element element) {
  HostTensor tensor;
  tensor.view = {nullptr, element, array.shape, array.strides};
  int64_t count = tensor.elements();
  int64_t size = (count * interpreter::elementBits(element) + 7) / 8;
  tensor.bytes = AlignedBytes::allocate(size);
  if (!tensor.bytes.data())
    return wrong(path, "no memory for " + Twine(size) + " bytes");
  std::memset(tensor.bytes.data(), 0, size);
  tensor.view.data = tensor.bytes.data();
  Element given = array.descr == "|i1" ? Element::I8 : Element::U8;
  for (int64_t i = 0; i < count; ++i) {
    double value = interpreter::loadElement(given, array.data.data(), i);
    if (interpreter::roundTo(element, value) != value)
      return wrong(path, "holds " + Twine(static_cast<int>(value)) + ", no " +
                             interpreter::elementName(element));
    interpreter::storeElement(element, tensor.view.data, i, value);
  }
  return tensor;
}

llvm::Expected<HostTensor>
einfall::driver::toTensor(NpyArray array, StringRef path, Element element) {
  if (interpreter::elementBits(element) < 8 &&
      (array.descr == "|u1" || array.descr == "|i1"))
    return packCodes(array, path, element);
  HostTensor tensor;
  tensor.view.element = element;
  tensor.view.shape = array.shape;
  tensor.view.strides = array.strides;
  bool bits = (element == Element::BF16 &&
               (array.descr == "|V2" || array.descr == "<V2" ||
                array.descr == "<u2")) ||
              (interpreter::elementBits(element) == 8 &&
               (array.descr == "|V1" || array.descr == "|u1"));
  if (bits || (array.descr == descrOf(element) && element != Element::BF16)) {
    tensor.bytes = std::move(array.data);
    tensor.view.data = tensor.bytes.data();
    return tensor;
  }
  if (element != Element::BF16 || array.descr != "<f4")
    return wrong(path, "holds elements of type '" + array.descr +
                           "', the kernel wants " +
                           interpreter::elementName(element) + " ('" +
                           descrOf(element) + "')");
  int64_t count = tensor.elements();
  tensor.bytes = AlignedBytes::allocate(count * 2);
  if (!tensor.bytes.data())
    return wrong(path, "no memory for " + Twine(count * 2) + " bytes");
  tensor.view.data = tensor.bytes.data();
  for (int64_t i = 0; i < count; ++i)
    interpreter::storeElement(
        element, tensor.view.data, i,
        interpreter::loadElement(Element::F32, array.data.data(), i));
  return tensor;
}

llvm::Error einfall::driver::writeNpy(StringRef path,
                                      const HostTensor &tensor) {
  auto file = AtomicFile::create(path);
  if (!file)
    return file.takeError();
  Element element = tensor.view.element;
  std::string header = "{'descr': '" + descrOf(element).str() +
                       "', 'fortran_order': False, 'shape': (";
  for (int64_t extent : tensor.view.shape)
    header += std::to_string(extent) + ", ";
  if (tensor.view.shape.size() > 1)
    header.resize(header.size() - 2);
  else if (!tensor.view.shape.empty())
    header.pop_back();
  header += "), }";
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  llvm::raw_ostream &os = file->os();
  os << "\x93NUMPY" << '\1' << '\0';
  llvm::support::endian::write<uint16_t>(os, header.size(),
                                         llvm::endianness::little);
  os << header;
  int64_t count = tensor.elements();
  bool dense = tensor.view.strides ==
               interpreter::Tensor::denseStrides(tensor.view.shape);
  if (dense && element != Element::BF16) {
    os << StringRef(static_cast<const char *>(tensor.view.data),
                    count * interpreter::elementBits(element) / 8);
    return file->commit();
  }
  unsigned bytes = interpreter::elementBits(element) / 8;
  forEachElement(tensor.view, [&](int64_t offset) {
    if (element == Element::BF16) {
      float value = interpreter::loadElement(element, tensor.view.data, offset);
      os.write(reinterpret_cast<const char *>(&value), 4);
    } else {
      os.write(static_cast<const char *>(tensor.view.data) + offset * bytes,
               bytes);
    }
  });
  return file->commit();
}
