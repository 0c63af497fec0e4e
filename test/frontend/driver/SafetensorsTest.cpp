//===- SafetensorsTest.cpp - .safetensors files, good, bad and lying ------===//

#include "frontend/driver/Safetensors.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

using namespace einfall::driver;
using einfall::interpreter::Element;
using einfall::interpreter::loadElement;
using llvm::StringRef;

namespace {

class SafetensorsTest : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_FALSE(
        llvm::sys::fs::createUniqueDirectory("einfall-safetensors", folder));
  }
  void TearDown() override { llvm::sys::fs::remove_directories(folder); }
  std::string path(StringRef name = "file.safetensors") {
    llvm::SmallString<128> result = folder;
    llvm::sys::path::append(result, name);
    return result.str().str();
  }
  std::string write(StringRef content) {
    std::error_code code;
    llvm::raw_fd_ostream os(path(), code);
    os << content;
    return path();
  }
  std::string make(const std::string &header, StringRef data) {
    std::string text;
    for (unsigned i = 0; i < 8; ++i)
      text += static_cast<char>(header.size() >> 8 * i);
    return write(text + header + data.str());
  }
  std::string errorOf(const std::string &header, size_t bytes,
                      Element element = Element::F32) {
    std::string file = make(header, std::string(bytes, '\1'));
    auto tensor = readSafetensors(file, "x", element);
    if (tensor)
      return "none";
    std::string text = llvm::toString(tensor.takeError());
    EXPECT_TRUE(StringRef(text).starts_with(file + ": ")) << text;
    return StringRef(text).substr(file.size() + 2).str();
  }
  llvm::SmallString<128> folder;
};

HostTensor makeTensor(Element element, llvm::ArrayRef<int64_t> shape) {
  HostTensor tensor;
  tensor.view.element = element;
  tensor.view.shape.assign(shape.begin(), shape.end());
  tensor.view.strides = einfall::interpreter::Tensor::denseStrides(shape);
  tensor.bytes = AlignedBytes::allocate(tensor.elements() * 8);
  tensor.view.data = tensor.bytes.data();
  for (int64_t i = 0; i < tensor.elements(); ++i)
    storeElement(element, tensor.view.data, i, i % 2);
  return tensor;
}

TEST_F(SafetensorsTest, RoundTripOfEveryType) {
  std::vector<HostTensor> tensors;
  std::vector<Element> elements = {
      Element::F64, Element::F32,    Element::F16,    Element::BF16,
      Element::U8,  Element::F8E4M3, Element::F8E5M2, Element::I64,
      Element::I32, Element::I16,    Element::I8,     Element::Bool};
  llvm::SmallVector<int64_t> shapes[] = {{}, {3}, {0, 2}, {2, 1, 5}};
  for (auto [i, element] : llvm::enumerate(elements))
    tensors.push_back(makeTensor(element, shapes[i % 4]));
  std::vector<NamedTensor> named;
  for (auto [i, tensor] : llvm::enumerate(tensors))
    named.push_back({"t\"" + std::to_string(i), &tensor});
  ASSERT_FALSE(writeSafetensors(path(), named));
  auto names = safetensorNames(path());
  ASSERT_TRUE(static_cast<bool>(names));
  for (auto [i, tensor] : llvm::enumerate(tensors)) {
    EXPECT_EQ((*names)[i], named[i].name);
    auto read = readSafetensors(path(), named[i].name, elements[i]);
    ASSERT_TRUE(static_cast<bool>(read)) << llvm::toString(read.takeError());
    EXPECT_EQ(read->view.shape, tensor.view.shape);
    for (int64_t j = 0; j < tensor.elements(); ++j)
      EXPECT_EQ(loadElement(elements[i], read->view.data, j), j % 2);
  }
}

TEST_F(SafetensorsTest, StridesAreWrittenInRowMajorOrder) {
  HostTensor tensor = makeTensor(Element::F32, {2, 3});
  for (int i = 0; i < 6; ++i)
    storeElement(Element::F32, tensor.view.data, i, i);
  tensor.view.shape = {3, 2};
  tensor.view.strides = {1, 3};
  ASSERT_FALSE(writeSafetensors(path(), NamedTensor{"x", &tensor}));
  auto read = readSafetensors(path(), "x", Element::F32);
  ASSERT_TRUE(static_cast<bool>(read));
  const double wanted[] = {0, 3, 1, 4, 2, 5};
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(loadElement(Element::F32, read->view.data, i), wanted[i]);
}

TEST_F(SafetensorsTest, RoundsF32AndPacksBytes) {
  std::string two("\0\0\x80\x3f\0\0\0\x40", 8); // 1 and 2
  make(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", two);
  auto rounded = readSafetensors(path(), "x", Element::BF16);
  ASSERT_TRUE(static_cast<bool>(rounded));
  EXPECT_EQ(loadElement(Element::BF16, rounded->view.data, 1), 2);
  make(R"({"x":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}})", "\1\17\2");
  auto packed = readSafetensors(path(), "x", Element::U4);
  ASSERT_TRUE(static_cast<bool>(packed));
  EXPECT_EQ(loadElement(Element::U4, packed->view.data, 1), 15);
  make(R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "\20");
  auto large = readSafetensors(path(), "x", Element::U4);
  ASSERT_FALSE(static_cast<bool>(large));
  EXPECT_NE(llvm::toString(large.takeError()).find("holds 16, no u4"),
            std::string::npos);
}

TEST_F(SafetensorsTest, TakesWhatTheFormatAllows) {
  // Metadata, any order of fields and tensors, spaces after the header, types
  // that we do not know.
  EXPECT_EQ(
      errorOf(R"({"__metadata__":{"a":"b"},)"
              R"("y":{"dtype":"F4","data_offsets":[4,5],"shape":[2]},)"
              R"("x":{"data_offsets":[0,4],"shape":[],"dtype":"F32"}}   )",
              5),
      "none");
  EXPECT_EQ(
      errorOf(R"({"x":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})", 0),
      "none");
}

TEST_F(SafetensorsTest, RefusesFilesThatAreNone) {
  auto refusal = [&](StringRef content) {
    auto tensor = readSafetensors(write(content), "x", Element::F32);
    return tensor ? std::string("none") : llvm::toString(tensor.takeError());
  };
  EXPECT_EQ(refusal("1234567"),
            path() + ": this is no .safetensors file: it has 7 bytes");
  EXPECT_EQ(refusal(StringRef("\1\0\0\0\0\0\0\0", 8)),
            path() + ": the header is cut off: it has 1 bytes, the file has 0 "
                     "after its length");
  EXPECT_EQ(refusal("\xff\xff\xff\xff\xff\xff\xff\xff"),
            path() + ": this is no .safetensors file: its header has "
                     "18446744073709551615 bytes, at most 100000000 are read");
  auto none = readSafetensors(path("none"), "x", Element::F32);
  ASSERT_FALSE(static_cast<bool>(none));
  EXPECT_EQ(llvm::toString(none.takeError()),
            "cannot read " + path("none") + ": No such file or directory");
  auto directory = readSafetensors(folder, "x", Element::F32);
  ASSERT_FALSE(static_cast<bool>(directory));
  llvm::consumeError(directory.takeError());
}

TEST_F(SafetensorsTest, RefusesMalformedHeaders) {
  EXPECT_EQ(errorOf("", 0), "the header is no object of JSON");
  EXPECT_EQ(errorOf("[]", 0), "the header is no object of JSON");
  EXPECT_EQ(errorOf(R"({"x":)", 0), "the header is no JSON at its byte 6");
  EXPECT_EQ(errorOf(R"({} {})", 0), "the header is no JSON at its byte 4");
  EXPECT_EQ(errorOf("{\"\xff\":1}", 0), "the header is no JSON at its byte 3");
  EXPECT_EQ(errorOf(R"({"x":1})", 0),
            "tensor `x` has a number where the format has none");
  EXPECT_EQ(errorOf(R"({"x":{}})", 0),
            "tensor `x` wants `dtype`, `shape` and two `data_offsets`");
  EXPECT_EQ(
      errorOf(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 4),
      "tensor `x` wants `dtype`, `shape` and two `data_offsets`");
  EXPECT_EQ(errorOf(R"({"x":{"dtype":"F32","shape":[-1]}})", 4),
            "tensor `x` has a negative number where the format has none, in "
            "`shape`");
  EXPECT_EQ(errorOf(R"({"x":{"dtype":"F32","shape":[1.5]}})", 4),
            "tensor `x` has a fraction where the format has none, in `shape`");
  EXPECT_EQ(errorOf(R"({"x":{"shape":[[1]]}})", 4),
            "tensor `x` has a list where the format has none, in `shape`");
  EXPECT_EQ(errorOf(R"({"x":{"dtype":null}})", 4),
            "tensor `x` has null where the format has none, in `dtype`");
  EXPECT_EQ(errorOf(R"({"x":{"dtype":{}}})", 4),
            "tensor `x` has an object where the format has none, in `dtype`");
  EXPECT_EQ(errorOf(R"({"x":{"colour":"F32"}})", 4),
            "tensor `x` has a text where the format has none, in `colour`");
  EXPECT_EQ(errorOf(R"({"x":{"dtype":"F32","dtype":"F16"}})", 4),
            "tensor `x` has a text where the format has none, in `dtype`");
  EXPECT_EQ(errorOf(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                    R"("x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
                    4),
            "tensor `x` occurs twice");
  // Deep nesting must not end the process.
  EXPECT_EQ(errorOf("{\"x\":{\"shape\":" + std::string(1000000, '['), 0),
            "tensor `x` has a list where the format has none, in `shape`");
}

TEST_F(SafetensorsTest, RefusesPlacesThatLie) {
  auto one = [](StringRef shape, StringRef offsets, StringRef type = "F32") {
    return ("{\"x\":{\"dtype\":\"" + type + "\",\"shape\":[" + shape +
            "],\"data_offsets\":[" + offsets + "]}}")
        .str();
  };
  EXPECT_EQ(errorOf(one("2", "0,8"), 7),
            "tensor `x` lies at bytes 0 to 8 of 7");
  EXPECT_EQ(errorOf(one("2", "8,0"), 8),
            "tensor `x` lies at bytes 8 to 0 of 8");
  EXPECT_EQ(errorOf(one("1", "0,18446744073709551615"), 8),
            "tensor `x` lies at bytes 0 to 18446744073709551615 of 8");
  EXPECT_EQ(errorOf(one("3", "0,8"), 8),
            "tensor `x` has 8 bytes, its shape and type F32 make 12");
  EXPECT_EQ(errorOf(one("4294967296,4294967296", "0,0"), 0),
            "tensor `x` has 0 bytes, its shape and type F32 make more than "
            "2^64");
  EXPECT_EQ(errorOf(one("0,18446744073709551615", "0,0"), 0),
            "tensor `x` has 0 bytes, its shape and type F32 make more than "
            "2^64");
  EXPECT_EQ(errorOf(one("2", "0,8"), 9), "1 bytes follow the last tensor");
  EXPECT_EQ(errorOf(one("2", "1,9"), 9),
            "tensor `x` begins at byte 1 of the data, the one before it ends "
            "at 0");
  // Overlapping tensors.
  EXPECT_EQ(
      errorOf(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
              R"("y":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
              12),
      "tensor `y` begins at byte 4 of the data, the one before it ends at 8");
}

TEST_F(SafetensorsTest, RefusesOtherNamesAndTypes) {
  const char *header =
      R"({"y":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}})";
  EXPECT_EQ(errorOf(header, 4), "has no tensor `x`; it has y");
  EXPECT_EQ(errorOf(R"({})", 0), "has no tensor `x`; it has none");
  header = R"({"x":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}})";
  EXPECT_EQ(errorOf(header, 4),
            "tensor `x` is of type F16, the kernel wants f32 (F32)");
  EXPECT_EQ(errorOf(header, 4, Element::U4),
            "tensor `x` is of type F16, the kernel wants u4 (U8 or I8)");
  EXPECT_EQ(errorOf(R"({"x":{"dtype":"F8_E5M2","shape":[2],)"
                    R"("data_offsets":[0,2]}})",
                    2, Element::F8E4M3),
            "tensor `x` is of type F8_E5M2, the kernel wants f8e4m3 "
            "(F8_E4M3)");
  EXPECT_EQ(errorOf(R"({"x":{"dtype":"C64","shape":[1],)"
                    R"("data_offsets":[0,8]}})",
                    8),
            "tensor `x` is of type C64, the kernel wants f32 (F32)");
}

TEST_F(SafetensorsTest, WritesWholeFilesOrNone) {
  HostTensor tensor = makeTensor(Element::F32, {2});
  HostTensor packed = makeTensor(Element::U4, {2});
  NamedTensor twice[] = {{"x", &tensor}, {"x", &tensor}};
  EXPECT_EQ(llvm::toString(writeSafetensors(path(), twice)),
            path() + ": two tensors are to be named `x`");
  NamedTensor small[] = {{"x", &tensor}, {"p", &packed}};
  EXPECT_EQ(llvm::toString(writeSafetensors(path(), small)),
            path() + ": the format has no type for `p`, whose elements are "
                     "smaller than a byte");
  EXPECT_FALSE(llvm::sys::fs::exists(path()));
  auto failed = writeSafetensors(path("no/folder"), NamedTensor{"x", &tensor});
  EXPECT_TRUE(static_cast<bool>(failed));
  llvm::consumeError(std::move(failed));
}

} // namespace
