//===- TensorFile.cpp - Tensors by the names of their files ---------------===//

#include "frontend/driver/TensorFile.h"

#include "frontend/driver/Npy.h"
#include "frontend/driver/Safetensors.h"

#include "llvm/ADT/MapVector.h"

using namespace einfall;
using namespace einfall::driver;
using llvm::StringRef;

TensorPlace TensorPlace::of(StringRef text, StringRef argument) {
  constexpr StringRef suffix = ".safetensors";
  if (text.ends_with(suffix))
    return {text.str(), argument.str(), true};
  size_t colon = text.rfind((suffix + ":").str());
  if (colon == StringRef::npos)
    return {text.str(), argument.str(), false};
  colon += suffix.size();
  return {text.take_front(colon).str(), text.drop_front(colon + 1).str(), true};
}

llvm::Expected<HostTensor>
einfall::driver::readTensor(StringRef text, StringRef argument,
                            interpreter::Element element) {
  TensorPlace place = TensorPlace::of(text, argument);
  if (place.isSafetensors)
    return readSafetensors(place.file, place.name, element);
  auto array = readNpy(place.file);
  if (!array)
    return array.takeError();
  return toTensor(std::move(*array), place.file, element);
}

llvm::Error
einfall::driver::writeTensorFiles(llvm::ArrayRef<OutputFile> outputs) {
  llvm::MapVector<StringRef, std::vector<NamedTensor>> together;
  std::vector<TensorPlace> places;
  for (const OutputFile &output : outputs)
    places.push_back(TensorPlace::of(output.text, output.argument));
  for (const auto &[output, place] : llvm::zip_equal(outputs, places)) {
    if (place.isSafetensors)
      together[place.file].push_back({place.name, output.tensor});
    else if (llvm::Error error = writeNpy(place.file, *output.tensor))
      return error;
  }
  for (const auto &[file, tensors] : together)
    if (llvm::Error error = writeSafetensors(file, tensors))
      return error;
  return llvm::Error::success();
}
