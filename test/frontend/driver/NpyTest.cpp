//===- NpyTest.cpp - .npy files, good, bad and lying ----------------------===//

#include "frontend/driver/Npy.h"
#include "frontend/driver/AtomicFile.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

using namespace einfall::driver;
using einfall::interpreter::Element;
using llvm::StringRef;

namespace {

class NpyTest : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("einfall-npy", folder));
  }
  void TearDown() override { llvm::sys::fs::remove_directories(folder); }
  std::string path(StringRef name) {
    llvm::SmallString<128> result = folder;
    llvm::sys::path::append(result, name);
    return result.str().str();
  }
  std::string write(StringRef content) {
    std::string file = path("file.npy");
    std::error_code code;
    llvm::raw_fd_ostream os(file, code);
    os << content;
    return file;
  }
  /// A version 1 file with `header` and `data`.
  std::string make(std::string header, StringRef data) {
    header.append(63 - (10 + header.size()) % 64, ' ');
    header += '\n';
    std::string text("\x93NUMPY\1\0", 8);
    text += static_cast<char>(header.size() & 255);
    text += static_cast<char>(header.size() >> 8);
    return write(text + header + data.str());
  }
  std::string errorOf(StringRef file) {
    auto array = readNpy(file);
    return array ? "none" : llvm::toString(array.takeError());
  }
  unsigned filesInFolder() {
    unsigned count = 0;
    std::error_code code;
    for (llvm::sys::fs::directory_iterator it(folder, code), end;
         !code && it != end; it.increment(code))
      ++count;
    return count;
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

constexpr const char *header24 =
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4), }";

TEST_F(NpyTest, RoundTrip) {
  llvm::SmallVector<int64_t> shapes[] = {{}, {3}, {0, 2}, {2, 1, 5}};
  for (Element element :
       {Element::F64, Element::F32, Element::F16, Element::BF16, Element::I32,
        Element::I8, Element::Bool})
    for (const auto &shape : shapes) {
      HostTensor tensor = makeTensor(element, shape);
      ASSERT_FALSE(writeNpy(path("t.npy"), tensor));
      auto array = readNpy(path("t.npy"));
      ASSERT_TRUE(static_cast<bool>(array))
          << llvm::toString(array.takeError());
      auto back = toTensor(std::move(*array), "t.npy", element);
      ASSERT_TRUE(static_cast<bool>(back)) << llvm::toString(back.takeError());
      EXPECT_EQ(back->view.shape, shape);
      for (int64_t i = 0; i < tensor.elements(); ++i)
        EXPECT_EQ(loadElement(element, back->view.data, i), i % 2);
    }
  EXPECT_EQ(filesInFolder(), 1u); // no temporary is left
}

TEST_F(NpyTest, FortranOrderBecomesStrides) {
  float values[8] = {0, 4, 1, 5, 2, 6, 3, 7};
  std::string file =
      make("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 4)}",
           StringRef(reinterpret_cast<char *>(values), 32));
  auto array = readNpy(file);
  ASSERT_TRUE(static_cast<bool>(array)) << llvm::toString(array.takeError());
  auto tensor = toTensor(std::move(*array), file, Element::F32);
  ASSERT_TRUE(static_cast<bool>(tensor));
  for (int64_t i = 0; i < 2; ++i)
    for (int64_t j = 0; j < 4; ++j)
      EXPECT_EQ(loadElement(Element::F32, tensor->view.data,
                            tensor->view.offset({i, j})),
                4 * i + j);
}

TEST_F(NpyTest, StridedTensorIsWrittenInRowMajorOrder) {
  HostTensor tensor = makeTensor(Element::F32, {2, 3});
  for (int64_t i = 0; i < 6; ++i)
    storeElement(Element::F32, tensor.view.data, i, i);
  tensor.view.strides = {1, 2};
  ASSERT_FALSE(writeNpy(path("t.npy"), tensor));
  auto array = readNpy(path("t.npy"));
  ASSERT_TRUE(static_cast<bool>(array));
  const float expected[6] = {0, 2, 4, 1, 3, 5};
  for (int64_t i = 0; i < 6; ++i)
    EXPECT_EQ(loadElement(Element::F32, array->data.data(), i), expected[i]);
}

TEST_F(NpyTest, RefusesWhatLies) {
  EXPECT_NE(errorOf(path("absent.npy")).find("cannot read"), std::string::npos);
  EXPECT_NE(errorOf(write("text, not numbers")).find("no .npy file"),
            std::string::npos);
  EXPECT_NE(errorOf(write("")).find("no .npy file"), std::string::npos);
  EXPECT_NE(errorOf(write(StringRef("\x93NUMPY\1\0\x76", 9)))
                .find("header is cut off"),
            std::string::npos);
  EXPECT_NE(errorOf(write(StringRef("\x93NUMPY\1\0\xff\xff{'descr'", 18)))
                .find("it says 65535 bytes, the file has 8"),
            std::string::npos);
  EXPECT_NE(errorOf(write(StringRef("\x93NUMPY\7\0\0\0\0\0\0\0", 14)))
                .find("version 7 is unknown"),
            std::string::npos);
  std::string data(32, '\0');
  EXPECT_EQ(errorOf(make(header24, data)), "none");
  EXPECT_NE(errorOf(make(header24, data.substr(1)))
                .find("shape (2, 4) of '<f4', 32 bytes, but 31 bytes follow"),
            std::string::npos);
  EXPECT_NE(errorOf(make(header24, data + "x")).find("33 bytes follow"),
            std::string::npos);
  EXPECT_NE(errorOf(make("{'descr': '>f4', 'fortran_order': False, 'shape': "
                         "(8,)}",
                         data))
                .find("element type '>f4' is not read"),
            std::string::npos);
  EXPECT_NE(errorOf(make("{'descr': '<f4', 'fortran_order': False, 'shape': "
                         "(4294967296, 4294967296, 2)}",
                         data))
                .find("more than 2^64 bytes"),
            std::string::npos);
  for (const char *header :
       {"{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (8,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-8,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (8 8)}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': ()}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (8,), 'more': 1}",
        "{'descr: '<f4'", "", "[]"})
    EXPECT_NE(errorOf(make(header, data)).find("malformed"), std::string::npos)
        << header;
}

TEST_F(NpyTest, TypesAreNotConvertedSilently) {
  std::string data(32, '\0');
  auto array = readNpy(make(header24, data));
  ASSERT_TRUE(static_cast<bool>(array));
  auto tensor = toTensor(std::move(*array), "q.npy", Element::F16);
  ASSERT_FALSE(static_cast<bool>(tensor));
  EXPECT_EQ(
      llvm::toString(tensor.takeError()),
      "q.npy: holds elements of type '<f4', the kernel wants f16 ('<f2')");
}

TEST_F(NpyTest, SmallElementsHaveAByteEachInAFile) {
  std::string data = {3, 0, 1, 2, 2};
  auto array = readNpy(
      make("{'descr': '|u1', 'fortran_order': False, 'shape': (5,)}", data));
  ASSERT_TRUE(static_cast<bool>(array)) << llvm::toString(array.takeError());
  auto tensor = toTensor(std::move(*array), "q.npy", Element::U2);
  ASSERT_TRUE(static_cast<bool>(tensor)) << llvm::toString(tensor.takeError());
  EXPECT_EQ(tensor->bytes.size(), 2u);
  for (int64_t i = 0; i < 5; ++i)
    EXPECT_EQ(loadElement(Element::U2, tensor->view.data, i), data[i]);

  data[2] = 4;
  auto wrong = readNpy(
      make("{'descr': '|u1', 'fortran_order': False, 'shape': (5,)}", data));
  auto refused = toTensor(std::move(*wrong), "q.npy", Element::U2);
  ASSERT_FALSE(static_cast<bool>(refused));
  EXPECT_EQ(llvm::toString(refused.takeError()), "q.npy: holds 4, no u2");
}

TEST_F(NpyTest, NothingIsLeftOfAFileThatCannotBeWritten) {
  HostTensor tensor = makeTensor(Element::F32, {4});
  EXPECT_TRUE(llvm::toString(writeNpy(path("no/such/folder.npy"), tensor))
                  .find("cannot write") != std::string::npos);
  EXPECT_TRUE(llvm::toString(writeNpy(folder, tensor)).find("cannot write") !=
              std::string::npos);
  if (llvm::sys::fs::exists("/dev/full")) {
    EXPECT_TRUE(
        llvm::toString(writeNpy("/dev/full", tensor)).find("cannot write") !=
        std::string::npos);
  }
  {
    auto file = AtomicFile::create(path("half"));
    ASSERT_TRUE(static_cast<bool>(file));
    file->os() << "half";
    EXPECT_EQ(filesInFolder(), 1u); // the temporary
  }
  EXPECT_EQ(filesInFolder(), 0u);
}

} // namespace
