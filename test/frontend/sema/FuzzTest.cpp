//===- FuzzTest.cpp - No input crashes the front end ----------------------===//
//
// Deterministic mutations, by bytes and by tokens, of the examples, the prelude
// and the snippets of the language reference. Whatever comes out is analysed;
// it must end, and a failure must carry a diagnostic.
//
//===----------------------------------------------------------------------===//

#include "Analysed.h"
#include "frontend/syntax/Lexer.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include <algorithm>
#include <gtest/gtest.h>
#include <random>

using namespace einfall::ein;

namespace {
std::string readFile(const std::string &path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  return buffer ? (*buffer)->getBuffer().str() : std::string();
}

std::vector<std::string> readCorpus() {
  std::vector<std::string> corpus{getPrelude().str()};
  std::error_code error;
  std::vector<std::string> paths;
  for (llvm::sys::fs::recursive_directory_iterator
           at(EINFALL_SOURCE_DIR "/examples", error),
       end;
       at != end && !error; at.increment(error))
    if (llvm::StringRef(at->path()).ends_with(".ein"))
      paths.push_back(at->path());
  std::sort(paths.begin(), paths.end());
  for (const std::string &path : paths)
    corpus.push_back(readFile(path));
  // Each accepting snippet of the reference.
  std::string docs = readFile(EINFALL_SOURCE_DIR "/docs/language.md");
  const std::string open = "<!-- check: accepts -->\n```ein\n";
  for (size_t at = docs.find(open); at != std::string::npos;
       at = docs.find(open, at + 1)) {
    size_t from = at + open.size();
    corpus.push_back(docs.substr(from, docs.find("```", from) - from));
  }
  return corpus;
}

/// The tokens of a text as strings, white space kept in front of each.
std::vector<std::string> split(const std::string &text) {
  SourceManager sources;
  DiagnosticEngine ignored;
  unsigned id = sources.add("corpus", text);
  std::vector<std::string> result;
  uint32_t last = sources.getBase(id);
  for (const Token &token : lex(sources, id, ignored)) {
    result.push_back(sources.getText(SourceRange{last, token.range.end}).str());
    last = token.range.end;
  }
  return result;
}

class Fuzz : public ::testing::Test {
protected:
  std::mt19937 random{20240917};
  size_t pick(size_t count) { return random() % count; }

  void run(const std::string &text) {
    Analysed analysed(text);
    if (!analysed.ok())
      EXPECT_TRUE(analysed.diagnostics.hasErrors()) << text;
    else
      analysed.explicitly();
    analysed.text();
  }
};
} // namespace

TEST_F(Fuzz, Bytes) {
  std::vector<std::string> corpus = readCorpus();
  ASSERT_GE(corpus.size(), 20u);
  const std::string letters = "()[]{}|,;:=<>+-*/%. \nmpe019_#\"\\\xFF\x80";
  for (int round = 0; round < 3000; ++round) {
    std::string text = corpus[pick(corpus.size())];
    for (size_t edits = 1 + pick(4); edits-- && !text.empty();) {
      size_t at = pick(text.size());
      switch (pick(4)) {
      case 0:
        text[at] = letters[pick(letters.size())];
        break;
      case 1:
        text.erase(at, 1 + pick(8));
        break;
      case 2:
        text.insert(at, 1, letters[pick(letters.size())]);
        break;
      case 3:
        text.resize(at);
        break;
      }
    }
    run(text);
  }
}

TEST_F(Fuzz, Tokens) {
  std::vector<std::string> corpus = readCorpus();
  std::vector<std::vector<std::string>> tokens;
  std::vector<std::string> all;
  for (const std::string &text : corpus) {
    tokens.push_back(split(text));
    all.insert(all.end(), tokens.back().begin(), tokens.back().end());
  }
  for (int round = 0; round < 4000; ++round) {
    std::vector<std::string> text = tokens[pick(tokens.size())];
    for (size_t edits = 1 + pick(5); edits-- && text.size() > 1;) {
      size_t at = pick(text.size());
      switch (pick(5)) {
      case 0:
        text[at] = all[pick(all.size())];
        break;
      case 1:
        text.erase(text.begin() + at);
        break;
      case 2:
        text.insert(text.begin() + at, all[pick(all.size())]);
        break;
      case 3:
        std::swap(text[at], text[pick(text.size())]);
        break;
      case 4: {
        // A piece of another text.
        const auto &other = tokens[pick(tokens.size())];
        size_t from = pick(other.size());
        size_t count = std::min(other.size() - from, 1 + pick(12));
        text.insert(text.begin() + at, other.begin() + from,
                    other.begin() + from + count);
        break;
      }
      }
    }
    std::string joined;
    for (const std::string &token : text)
      joined += token + (pick(8) ? "" : " ");
    run(joined);
  }
}

TEST_F(Fuzz, Noise) {
  for (int round = 0; round < 500; ++round) {
    std::string text;
    for (size_t length = pick(200); length--;)
      text += static_cast<char>(random());
    run(text);
  }
}
