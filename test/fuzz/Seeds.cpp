//===- Seeds.cpp - Every seed through its target, without libFuzzer -------===//
//
//   PROGRAM [--mutations N] [TARGET...]   every seed of the targets, and
//                                         N mutations of programs for each
//   PROGRAM TARGET FILE...                these files: what a fuzzer found
//   PROGRAM --write DIR                   the seeds, as files of DIR/TARGET
//
// Seeds are the files of test/fuzz/corpus/TARGET. Targets that take programs
// have those of corpus/programs, the examples, the prelude and the snippets of
// the language reference as well; descriptions of machines are those built in.
//
//===----------------------------------------------------------------------===//

#include "test/fuzz/Mutator.h"
#include "test/fuzz/Target.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

using namespace einfall::fuzz;
namespace fs = std::filesystem;

static std::string readFile(const fs::path &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The files below `folder`, of that suffix if one is given, in order.
static std::vector<fs::path> filesOf(const fs::path &folder,
                                     const char *suffix = nullptr) {
  std::vector<fs::path> files;
  if (fs::exists(folder))
    for (const auto &entry : fs::recursive_directory_iterator(folder))
      if (entry.is_regular_file() &&
          (!suffix || entry.path().extension() == suffix))
        files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

/// The programs in a document, accepted ones and others.
static void addSnippets(const std::string &document,
                        std::vector<std::string> &seeds) {
  const std::string open = "\n```ein\n", close = "\n```\n";
  for (size_t at = 0; (at = document.find(open, at)) != std::string::npos;) {
    at += open.size();
    size_t end = std::min(document.find(close, at), document.size());
    // A kernel that reaches the limit of expansion takes seconds.
    if (std::string_view(document)
            .substr(0, at - open.size())
            .ends_with("def.6 -->"))
      continue;
    seeds.push_back(document.substr(at, end - at));
  }
}

static std::vector<std::string> seedsOf(const Target &target) {
  const fs::path root = EINFALL_SOURCE_DIR;
  std::vector<fs::path> files =
      filesOf(root / "test/fuzz/corpus" / target.name);
  if (target.takesPrograms)
    for (const auto &[folder, suffix] :
         {std::pair("test/fuzz/corpus/programs", ".ein"),
          std::pair("examples", ".ein"), std::pair("frontend/prelude", ".ein")})
      for (fs::path &file : filesOf(root / folder, suffix))
        files.push_back(std::move(file));
  if (std::strcmp(target.name, "machine") == 0)
    files = filesOf(root / "codegen/targets/machines");
  std::vector<std::string> seeds{""};
  for (const fs::path &file : files)
    seeds.push_back(readFile(file));
  if (target.takesPrograms)
    addSnippets(readFile(root / "docs/language.md"), seeds);
  return seeds;
}

static int writeSeeds(const fs::path &folder) {
  for (const Target &target : allTargets()) {
    fs::create_directories(folder / target.name);
    std::vector<std::string> seeds = seedsOf(target);
    for (size_t i = 0; i < seeds.size(); ++i)
      std::ofstream(folder / target.name / ("seed-" + std::to_string(i)),
                    std::ios::binary)
          << seeds[i];
  }
  return 0;
}

int main(int argc, char **argv) {
  unsigned long mutations = 0;
  std::vector<const Target *> targets;
  bool ofFiles = false;
  for (int i = 1; i < argc; ++i) {
    if (!std::strcmp(argv[i], "--write") && i + 1 < argc)
      return writeSeeds(argv[i + 1]);
    if (!std::strcmp(argv[i], "--mutations") && i + 1 < argc) {
      mutations = std::strtoul(argv[++i], nullptr, 10);
    } else if (const Target *target = findTarget(argv[i])) {
      targets.push_back(target);
    } else if (!targets.empty() && fs::exists(argv[i])) {
      targets.back()->run(readFile(argv[i]));
      ofFiles = true;
    } else {
      std::fprintf(stderr, "error: there is no target or file `%s`\n", argv[i]);
      return 2;
    }
  }
  if (ofFiles)
    return 0;
  if (targets.empty())
    for (const Target &target : allTargets())
      targets.push_back(&target);
  for (const Target *target : targets) {
    std::vector<std::string> seeds = seedsOf(*target);
    if (seeds.size() < 2) {
      std::fprintf(stderr, "error: target `%s` has no seeds\n", target->name);
      return 1;
    }
    for (const std::string &seed : seeds)
      target->run(seed);
    Mutator mutator;
    for (unsigned long i = 0; target->takesPrograms && i < mutations; ++i)
      target->run(mutator.mutate(seeds[i % seeds.size()], i));
    std::printf("%s: %zu seeds\n", target->name, seeds.size());
  }
  return 0;
}
