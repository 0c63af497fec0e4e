//===- Check.cpp - einfall check ------------------------------------------===//

#include "frontend/driver/Commands.h"
#include "frontend/driver/Session.h"
#include "frontend/sema/Frontend.h"

#include "llvm/Support/raw_ostream.h"

using namespace einfall;
using namespace einfall::driver;

int einfall::driver::check(const Options &options) {
  Session session(options);
  std::optional<unsigned> buffer = session.readSource();
  if (!buffer)
    return exitInput;
  ein::FrontendOptions frontend;
  for (const auto &[rank, extent] : options.defines)
    frontend.defines[rank] = extent;
  auto analysed =
      ein::analyze(session.sources, *buffer, frontend, session.diagnostics);
  if (failed(analysed))
    return exitInput;
  if (options.explicitSums)
    for (const ein::ElaboratedKernel &kernel : analysed->kernels)
      ein::printExplicit(llvm::outs(), kernel);
  return session.result();
}
