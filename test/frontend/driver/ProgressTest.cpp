//===- ProgressTest.cpp - A line that says what takes so long -------------===//

#include "frontend/driver/Progress.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

using namespace einfall::driver;
using std::chrono::milliseconds;

namespace {

/// A stream that can be waited for.
class Terminal : public llvm::raw_ostream {
public:
  Terminal() { SetUnbuffered(); }
  void waitFor(llvm::StringRef part) {
    std::unique_lock<std::mutex> lock(mutex);
    written.wait(lock, [&] { return llvm::StringRef(text).contains(part); });
  }
  std::string all() {
    std::lock_guard<std::mutex> lock(mutex);
    return text;
  }

private:
  void write_impl(const char *data, size_t size) override {
    std::lock_guard<std::mutex> lock(mutex);
    text.append(data, size);
    written.notify_all();
  }
  uint64_t current_pos() const override { return 0; }

  std::mutex mutex;
  std::condition_variable written;
  std::string text;
};

TEST(Progress, ShowsWhatIsDoneAndClearsTheLine) {
  Terminal terminal;
  {
    Progress progress(terminal, /*isShown=*/true, milliseconds(0));
    progress.say("compiling a kernel");
    terminal.waitFor("\rcompiling a kernel, 0 s");
    progress.say("done soon");
    terminal.waitFor("\rdone soon, ");
  }
  std::string all = terminal.all();
  llvm::StringRef text = all;
  // The shorter line covers the longer; nothing stands there in the end.
  EXPECT_TRUE(text.contains("done soon, 0 s         ") ||
              text.contains("done soon, 1 s         "))
      << all;
  EXPECT_TRUE(text.ends_with("\r" + std::string(14, ' ') + "\r")) << all;
  EXPECT_FALSE(text.contains("\033"));
}

TEST(Progress, CutsLinesThatWouldWrap) {
  Terminal terminal;
  {
    Progress progress(terminal, /*isShown=*/true, milliseconds(0));
    progress.say(std::string(200, 'x'));
    terminal.waitFor("x");
  }
  EXPECT_EQ(llvm::StringRef(terminal.all()).count('x'), 78u);
}

TEST(Progress, IsSilentForShortWorkAndWithoutATerminal) {
  Terminal terminal;
  {
    Progress progress(terminal, /*isShown=*/true, milliseconds(3600'000));
    progress.say("compiling");
  }
  {
    Progress progress(terminal, /*isShown=*/false, milliseconds(0));
    progress.say("compiling");
  }
  EXPECT_EQ(terminal.all(), "");
}

} // namespace
