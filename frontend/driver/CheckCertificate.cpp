//===- CheckCertificate.cpp - einfall check-certificate -------------------===//
//
// A thin face of passes/Certificate, which derives every number again and
// knows nothing of the compiler.
//
//===----------------------------------------------------------------------===//

#include "frontend/driver/Commands.h"
#include "frontend/driver/Session.h"
#include "passes/Certificate/Check.h"

#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace einfall;
using namespace einfall::driver;

int einfall::driver::checkCertificate(const Options &options) {
  Session session(options);
  auto file = llvm::MemoryBuffer::getFileOrSTDIN(options.file, /*IsText=*/true);
  if (!file) {
    session.error("cannot read " + options.file + ": " +
                  file.getError().message());
    return exitInput;
  }
  certificate::Result<certificate::Certificate> parsed =
      certificate::Certificate::parse((*file)->getBuffer().str());
  if (!parsed) {
    session.error(options.file + ": " + parsed.error());
    return exitInput;
  }
  certificate::CheckOptions checkOptions;
  checkOptions.useSolver = options.useSolver;
  checkOptions.seconds = options.proofSeconds;
  certificate::CheckResult result = certificate::check(*parsed, checkOptions);
  using Verdict = certificate::CheckResult::Verdict;
  for (const auto &[path, message] : result.problems)
    session.error((path.empty() ? "" : path + ": ") + message);
  if (result.verdict == Verdict::NoSolver) {
    session.error(result.inequalities)
        .remedy("--no-solver takes the inequalities from the text");
    return exitMissing;
  }
  if (result.verdict == Verdict::Refused)
    return exitInput;
  for (const std::string &boundary : result.boundaries)
    llvm::outs() << "accepted: " << boundary << "\n";
  if (!result.choice.empty())
    llvm::outs() << "accepted: " << result.choice << "\n";
  if (!result.sizes.empty())
    llvm::outs() << "accepted: " << result.sizes << "\n";
  llvm::outs() << result.inequalities << "\n";
  return exitSuccess;
}
