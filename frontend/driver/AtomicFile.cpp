//===- AtomicFile.cpp - Files that appear whole or not at all -------------===//

#include "frontend/driver/AtomicFile.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace einfall::driver;

static llvm::Error cannotWrite(llvm::StringRef path, std::error_code code) {
  return llvm::createStringError(code, "cannot write " + path + ": " +
                                           code.message());
}

AtomicFile::AtomicFile() = default;
AtomicFile::AtomicFile(AtomicFile &&other)
    : path(std::move(other.path)), temporary(std::move(other.temporary)),
      buffer(std::move(other.buffer)), file(std::move(other.file)) {
  other.temporary.clear();
  if (other.text)
    text = std::make_unique<llvm::raw_string_ostream>(buffer);
  other.text.reset();
}

AtomicFile::~AtomicFile() {
  if (file) {
    file->clear_error();
    file.reset();
  }
  if (!temporary.empty())
    llvm::sys::fs::remove(temporary);
}

llvm::Expected<AtomicFile> AtomicFile::create(llvm::StringRef path) {
  AtomicFile result;
  result.path = path.str();
  if (path == "-") {
    result.text = std::make_unique<llvm::raw_string_ostream>(result.buffer);
    return result;
  }
  llvm::sys::fs::file_status status;
  bool exists = !llvm::sys::fs::status(path, status);
  if (exists && llvm::sys::fs::is_directory(status))
    return cannotWrite(path, std::make_error_code(std::errc::is_a_directory));
  std::error_code code;
  int descriptor;
  if (exists && !llvm::sys::fs::is_regular_file(status)) {
    // A device or a pipe: there is nothing to rename onto.
    result.file = std::make_unique<llvm::raw_fd_ostream>(path, code);
    if (code)
      return cannotWrite(path, code);
    return result;
  }
  llvm::SmallString<128> temporary;
  code =
      llvm::sys::fs::createUniqueFile(path + ".%%%%%%.tmp", descriptor,
                                      temporary, llvm::sys::fs::OF_None, 0666);
  if (code)
    return cannotWrite(path, code);
  result.temporary = temporary.str().str();
  result.file = std::make_unique<llvm::raw_fd_ostream>(descriptor,
                                                       /*shouldClose=*/true);
  return result;
}

llvm::raw_ostream &AtomicFile::os() {
  return text ? *text : static_cast<llvm::raw_ostream &>(*file);
}

llvm::Error AtomicFile::commit() {
  if (text) {
    llvm::outs() << buffer;
    llvm::outs().flush();
    return llvm::Error::success();
  }
  file->flush();
  if (std::error_code code = file->error()) {
    file->clear_error();
    return cannotWrite(path, code);
  }
  file.reset();
  if (temporary.empty())
    return llvm::Error::success();
  if (std::error_code code = llvm::sys::fs::rename(temporary, path))
    return cannotWrite(path, code);
  temporary.clear();
  return llvm::Error::success();
}

llvm::Error einfall::driver::writeFile(llvm::StringRef path,
                                       llvm::StringRef content) {
  auto file = AtomicFile::create(path);
  if (!file)
    return file.takeError();
  file->os() << content;
  return file->commit();
}
