//===- Usage.cpp - What a command line may have meant ---------------------===//

#include "frontend/driver/Usage.h"

#include "frontend/syntax/Diagnostics.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace einfall;
using llvm::StringRef;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

std::string
einfall::driver::nearestName(const std::string &name,
                             const std::vector<std::string> &names) {
  llvm::SmallVector<StringRef> candidates(names.begin(), names.end());
  return ein::nearest(name, candidates).str();
}

std::string einfall::driver::nearestPath(const std::string &given) {
  llvm::SmallString<128> found;
  // The name of an example, or a file without its suffix.
  if (!path::has_extension(given)) {
    StringRef name = path::filename(given);
    for (std::string guess :
         {given + ".ein", (given + "/" + name + ".ein").str(),
          ("examples/" + name + "/" + name + ".ein").str()})
      if (fs::exists(guess))
        return guess;
  }
  // Part by part, where one does not exist its nearest neighbour.
  for (auto part = path::begin(given), end = path::end(given); part != end;
       ++part) {
    llvm::SmallString<128> next(found);
    path::append(next, *part);
    if (!fs::exists(next)) {
      std::vector<std::string> entries;
      std::error_code error;
      for (fs::directory_iterator
               entry(found.empty() ? "." : found.str(), error),
           last;
           !error && entry != last && entries.size() < 10000;
           entry.increment(error))
        entries.push_back(path::filename(entry->path()).str());
      std::string near = nearestName(part->str(), entries);
      if (near.empty())
        return "";
      next = found;
      path::append(next, near);
    }
    found = next;
  }
  return fs::is_regular_file(found) ? found.str().str() : "";
}

std::string einfall::driver::didYouMean(const std::string &near) {
  return near.empty() ? "" : "; did you mean `" + near + "`?";
}
