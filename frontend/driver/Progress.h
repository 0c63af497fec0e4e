//===- Progress.h - A line that says what takes so long ---------*- C++ -*-===//
//
// One line on a terminal, once work takes more than a second: what is being
// done, and for how long. It goes when the work does. Where standard error is
// no terminal, or with --quiet, there is none.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_DRIVER_PROGRESS_H
#define EINFALL_FRONTEND_DRIVER_PROGRESS_H

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace llvm {
class raw_ostream;
}

namespace einfall::driver {

class Progress {
public:
  /// On standard error.
  explicit Progress(bool quiet);
  /// Shows the line after `delay`, where `isShown`.
  Progress(llvm::raw_ostream &os, bool isShown,
           std::chrono::milliseconds delay);
  ~Progress();

  /// What is being done from now on: "compiling attention for sm_90a".
  void say(std::string text);

private:
  void draw();
  void show();

  llvm::raw_ostream &os;
  std::chrono::milliseconds delay;
  std::chrono::steady_clock::time_point begin;
  std::mutex mutex;
  std::condition_variable ended;
  std::string text;
  size_t width = 0; ///< of what stands on the line
  bool isOver = false;
  std::thread thread;
};

} // namespace einfall::driver

#endif // EINFALL_FRONTEND_DRIVER_PROGRESS_H
