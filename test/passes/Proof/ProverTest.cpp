//===- ProverTest.cpp - Limits, vacuity and the cache ---------------------===//

#include "passes/Proof/Prover.h"
#include "passes/Proof/SolverProcess.h"
#include "passes/Proof/VerdictCache.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "gtest/gtest.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace einfall::proof;

namespace {

class Proving : public ::testing::Test {
protected:
  Proving() {
    EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("proofs", folder));
  }
  ~Proving() override { llvm::sys::fs::remove_directories(folder); }

  std::string path(llvm::StringRef name) {
    llvm::SmallString<128> result = folder;
    llvm::sys::path::append(result, name);
    return result.str().str();
  }
  /// An executable script.
  std::string program(llvm::StringRef name, llvm::StringRef text) {
    std::string file = path(name);
    std::error_code failure;
    {
      llvm::raw_fd_ostream os(file, failure);
      os << text;
    }
    ::chmod(file.c_str(), 0755);
    return file;
  }
  std::vector<std::string> filesIn(llvm::StringRef directory) {
    std::vector<std::string> files;
    std::error_code failure;
    for (llvm::sys::fs::directory_iterator it(directory, failure), end;
         it != end && !failure; it.increment(failure))
      files.push_back(it->path());
    return files;
  }

  /// 1 <= x and y = 2x imply 2 <= y.
  Obligation easy() {
    return {"easy", "test", "", {ge(x, 1), eq(y, 2 * x)}, ge(y, 2), false};
  }
  Obligation wrong() {
    return {"wrong", "test", "", {ge(x, 1), eq(y, 2 * x)}, ge(y, 3), false};
  }

  llvm::SmallString<128> folder;
  TermContext c;
  Term x = c.symbol("x"), y = c.symbol("y");
};

} // namespace

TEST_F(Proving, Verdicts) {
  Prover prover;
  Verdict proved = prover.prove(easy());
  EXPECT_TRUE(proved.isProved());
  EXPECT_EQ(proved.hash.size(), 64u);
  EXPECT_NE(proved.script.find("(check-sat)"), std::string::npos);
  Verdict refuted = prover.prove(wrong());
  EXPECT_EQ(toString(refuted.status), "refuted");
  ASSERT_FALSE(refuted.model.empty());
  EXPECT_EQ(refuted.model.size(), 2u);
  ASSERT_EQ(refuted.point.size(), 2u);
  EXPECT_EQ(refuted.point[0].first, "x");
  ASSERT_EQ(prover.history().size(), 2u);
  EXPECT_EQ(prover.history()[1].name, "wrong");
  EXPECT_TRUE(prover.prove(easy()).cached) << "asked before";
  EXPECT_EQ(prover.solverStarts(), 1u);
  EXPECT_EQ(prover.solverVersion().substr(0, 3), "Z3 ");
}

TEST_F(Proving, ContradictoryAssumptionsProveNothing) {
  Prover prover;
  Obligation vacuous{"vacuous", "test", "", {gt(x, 1), lt(x, 0)},
                     eq(x, y),  false};
  Verdict verdict = prover.prove(vacuous);
  EXPECT_EQ(toString(verdict.status), "unknown");
  EXPECT_TRUE(verdict.vacuous);
  EXPECT_EQ(verdict.reason, "the assumptions contradict each other");
  // Less evidently: exp of equal things.
  vacuous.assumptions = {eq(exp(x), 2 * exp(y)), eq(x, y)};
  verdict = prover.prove(vacuous);
  EXPECT_TRUE(verdict.vacuous) << toString(verdict.status).str();
  // Far from every point that is tried, and still a model.
  Obligation far{"far",       "test", "", {gt(x, 1000), eq(y, x + 1)},
                 gt(y, 1001), false};
  EXPECT_TRUE(prover.prove(far).isProved());
}

TEST_F(Proving, WhatTakesForeverIsKilled) {
  // A cubic identity over many integers: no procedure decides it in time.
  ProverOptions options;
  options.querySeconds = 0.5;
  Prover prover(options);
  auto cube = [&](const char *name) {
    return c.pow(c.symbol(name, Sort::Int), 3);
  };
  Obligation hard{"hard",
                  "test",
                  "",
                  {},
                  ne(cube("i") + cube("j") + cube("k"), c.integer(114)),
                  false};
  Verdict verdict = prover.prove(hard);
  EXPECT_EQ(toString(verdict.status), "unknown");
  EXPECT_EQ(verdict.reason, "killed after 0.5 s");
  // The next one gets another process.
  EXPECT_TRUE(prover.prove(easy()).isProved());
  EXPECT_EQ(prover.solverStarts(), 2u);
}

TEST_F(Proving, AllQueriesShareALimit) {
  ProverOptions options;
  options.solver = program("deaf", "#!/bin/sh\nexec sleep 600\n");
  options.querySeconds = 0.2;
  options.totalSeconds = 0.3;
  Prover prover(options);
  EXPECT_EQ(prover.prove(easy()).reason, "killed after 0.2 s");
  options.solver.clear();
  options.totalSeconds = 0;
  Prover none(options);
  EXPECT_EQ(none.prove(easy()).reason, "the time for all proofs is used up");
}

TEST_F(Proving, SolversThatFail) {
  ProverOptions options;
  options.solver = path("nothing");
  EXPECT_NE(
      Prover(options).prove(easy()).reason.find("ended without an answer"),
      std::string::npos);
  options.solver = program("false", "#!/bin/sh\nexit 1\n");
  EXPECT_EQ(toString(Prover(options).prove(easy()).status), "unknown");
  // It answers, but not to the question.
  options.solver = program(
      "babble", "#!/bin/sh\n"
                "while read line; do case $line in\n"
                "*echo*) echo \"$line\" | sed 's/.*\"\\(.*\\)\".*/\\1/';;\n"
                "*check-sat*) echo maybe;;\n"
                "esac; done\n");
  Verdict verdict = Prover(options).prove(easy());
  EXPECT_EQ(toString(verdict.status), "unknown");
  EXPECT_NE(verdict.reason.find("maybe"), std::string::npos) << verdict.reason;
}

TEST_F(Proving, AProcessSurvivesItsPredecessor) {
  SolverProcess process(
      {"/bin/sh", "-c",
       "while read line; do case $line in\n"
       "*echo*) echo \"$line\" | sed 's/.*\"\\(.*\\)\".*/\\1/';;\n"
       "exit) exit;; *) echo \"got $line\";; esac; done"},
      uint64_t(1) << 30);
  auto answer = process.ask("one", 10);
  ASSERT_TRUE(static_cast<bool>(answer));
  EXPECT_EQ(*answer, "got one");
  auto ended = process.ask("exit", 10);
  EXPECT_FALSE(static_cast<bool>(ended));
  llvm::consumeError(ended.takeError());
  answer = process.ask("two", 10);
  ASSERT_TRUE(static_cast<bool>(answer));
  EXPECT_EQ(*answer, "got two");
  EXPECT_EQ(process.starts(), 2u);
}

TEST_F(Proving, VerdictsAreKept) {
  ProverOptions options;
  options.cacheDirectory = path("cache");
  {
    Prover prover(options);
    EXPECT_FALSE(prover.prove(easy()).cached);
    EXPECT_FALSE(prover.prove(wrong()).cached);
    EXPECT_EQ(prover.cacheRefusal(), "");
  }
  struct stat status;
  ASSERT_EQ(::stat(options.cacheDirectory.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  EXPECT_EQ(filesIn(options.cacheDirectory).size(), 2u);
  Prover prover(options);
  Verdict proved = prover.prove(easy()), refuted = prover.prove(wrong());
  EXPECT_TRUE(proved.cached && proved.isProved());
  EXPECT_TRUE(refuted.cached);
  EXPECT_EQ(toString(refuted.status), "refuted");
  EXPECT_EQ(refuted.model.size(), 2u);
  // Another statement is another text.
  Obligation other = easy();
  other.goal = ge(y, 1);
  EXPECT_FALSE(prover.prove(other).cached);
  // Where it is from is not part of it.
  Obligation moved = easy();
  moved.location = "elsewhere.ein:3:1";
  EXPECT_TRUE(prover.prove(moved).cached);
}

TEST_F(Proving, UnknownIsNotKept) {
  ProverOptions options;
  options.cacheDirectory = path("cache");
  Prover prover(options);
  Obligation vacuous{"vacuous", "test", "", {gt(x, 1), lt(x, 0)},
                     eq(x, y),  false};
  prover.prove(vacuous);
  EXPECT_TRUE(filesIn(options.cacheDirectory).empty());
}

TEST_F(Proving, DamagedFilesCountAsAbsent) {
  VerdictCache cache(path("cache"));
  std::string key = VerdictCache::key("(check-sat)", "Z3 4.8.12");
  EXPECT_NE(key, VerdictCache::key("(check-sat)", "Z3 4.8.13"));
  cache.store(key, {true, {}});
  ASSERT_TRUE(cache.lookup(key));
  EXPECT_TRUE(cache.lookup(key)->proved);
  std::vector<std::string> files = filesIn(path("cache"));
  ASSERT_EQ(files.size(), 1u);
  auto text = (*llvm::MemoryBuffer::getFile(files[0]))->getBuffer().str();
  auto rewrite = [&](std::string content) {
    std::error_code failure;
    llvm::raw_fd_ostream os(files[0], failure);
    os << content;
  };
  for (std::string damaged :
       {std::string(), text.substr(0, text.size() / 2), text + "more\n",
        std::string("einfall verdict 1\nproved\n\n"),
        std::string(1 << 12, 'x')}) {
    rewrite(damaged);
    EXPECT_FALSE(cache.lookup(key)) << damaged;
  }
  // A refuted statement does not become proved by a flipped word.
  cache.store(key, {false, {{"x", "1"}}});
  text = (*llvm::MemoryBuffer::getFile(files[0]))->getBuffer().str();
  size_t at = text.find("refuted");
  ASSERT_NE(at, std::string::npos);
  rewrite(text.substr(0, at) + "proved" + text.substr(at + 7));
  EXPECT_FALSE(cache.lookup(key));
  // A verdict under another name is not one.
  cache.store(key, {true, {}});
  std::string otherKey = VerdictCache::key("(exit)", "Z3 4.8.12");
  llvm::sys::fs::copy_file(files[0],
                           path("cache") + "/" + otherKey + ".verdict");
  EXPECT_FALSE(cache.lookup(otherKey));
  // Nor is a link.
  ::unlink(files[0].c_str());
  ASSERT_EQ(::symlink((path("cache") + "/" + otherKey + ".verdict").c_str(),
                      files[0].c_str()),
            0);
  EXPECT_FALSE(cache.lookup(key));
}

TEST_F(Proving, OpenDirectoriesAreNotUsed) {
  ASSERT_EQ(::mkdir(path("open").c_str(), 0755), 0);
  VerdictCache open(path("open"));
  EXPECT_NE(open.refusal().find("0700"), llvm::StringRef::npos);
  open.store("key", {true, {}});
  EXPECT_TRUE(filesIn(path("open")).empty());
  program("file", "");
  EXPECT_NE(VerdictCache(path("file")).refusal(), "");
  EXPECT_NE(VerdictCache(path("file/below")).refusal(), "");
  EXPECT_EQ(VerdictCache("").refusal(), "");
  // The prover works without.
  ProverOptions options;
  options.cacheDirectory = path("open");
  Prover prover(options);
  EXPECT_TRUE(prover.prove(easy()).isProved());
  EXPECT_NE(prover.cacheRefusal(), "");
}
