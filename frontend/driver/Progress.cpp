//===- Progress.cpp - A line that says what takes so long -----------------===//

#include "frontend/driver/Progress.h"

#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

using namespace einfall::driver;
using std::chrono::milliseconds;

Progress::Progress(bool quiet)
    : Progress(llvm::errs(),
               !quiet && llvm::sys::Process::StandardErrIsDisplayed(),
               milliseconds(1000)) {}

Progress::Progress(llvm::raw_ostream &os, bool isShown, milliseconds delay)
    : os(os), delay(delay), begin(std::chrono::steady_clock::now()) {
  if (isShown)
    thread = std::thread([this] { show(); });
}

Progress::~Progress() {
  if (!thread.joinable())
    return;
  {
    std::lock_guard<std::mutex> lock(mutex);
    isOver = true;
  }
  ended.notify_one();
  thread.join();
  if (width) {
    os << '\r' << std::string(width, ' ') << '\r';
    os.flush();
  }
}

void Progress::say(std::string next) {
  std::lock_guard<std::mutex> lock(mutex);
  text = std::move(next);
}

/// By spaces and carriage returns alone, which every terminal knows.
void Progress::draw() {
  if (text.empty())
    return;
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::steady_clock::now() - begin);
  std::string line = text + ", " + std::to_string(seconds.count()) + " s";
  line.resize(std::min<size_t>(line.size(), 78)); // a line that wraps stays
  os << '\r' << line;
  if (line.size() < width)
    os << std::string(width - line.size(), ' ');
  width = line.size();
  os.flush();
}

void Progress::show() {
  std::unique_lock<std::mutex> lock(mutex);
  if (ended.wait_for(lock, delay, [this] { return isOver; }))
    return;
  do
    draw();
  while (!ended.wait_for(lock, milliseconds(500), [this] { return isOver; }));
}
