//===- Programs.cpp - Targets: from a text to IR, and to numbers ----------===//

#include "test/fuzz/Target.h"

#include "dialect/Cascade/Cascade.h"
#include "dialect/Interpreter/Random.h"
#include "frontend/sema/Emit.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/raw_ostream.h"

#include <functional>
#include <string>

using namespace einfall;

/// Analyses the text and gives the module to `use`, if there is one.
static void withModule(std::string_view input,
                       llvm::function_ref<void(mlir::ModuleOp)> use) {
  ein::SourceManager sources;
  ein::DiagnosticEngine diagnostics;
  unsigned id = sources.add("fuzz.ein", std::string(input));
  auto program = ein::analyze(sources, id, ein::FrontendOptions(), diagnostics);
  if (failed(program))
    return;
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<cascade::CascadeDialect>();
  std::string reported;
  context.getDiagEngine().registerHandler(
      [&](mlir::Diagnostic &diagnostic) { reported += diagnostic.str(); });
  auto module = ein::emitCascade(context, *program, sources, diagnostics);
  if (failed(module)) {
    if (!diagnostics.hasErrors())
      fuzz::fault("a program is refused without an error", input);
    return;
  }
  if (failed(mlir::verify(**module)))
    fuzz::fault("the front end makes IR that is not verified: " + reported,
                input);
  use(**module);
}

void fuzz::runCascade(std::string_view input) {
  withModule(input, [](mlir::ModuleOp module) {
    std::string text;
    llvm::raw_string_ostream os(text);
    module.print(os);
  });
}

/// Small enough for a fuzzer: elements of all tensors and ranks together.
static constexpr double maxElements = 1 << 14;

/// Evaluates the kernel on random inputs of small extents, which the text
/// decides, in the precision that it decides.
static void interpret(cascade::KernelOp kernel, uint64_t seed) {
  using namespace interpreter;
  Arguments fixed;
  uint64_t chance = seed;
  for (auto rank : kernel.getBody().getOps<cascade::RankOp>()) {
    if (rank.getExtent())
      continue;
    chance = chance * 6364136223846793005 + 1442695040888963407;
    fixed.extents[rank.getName()] = (chance >> 33) % 5;
  }
  auto extents = bindExtents(kernel, fixed);
  if (failed(extents))
    return;
  double product = 1;
  for (const auto &extent : *extents)
    product *= std::max<double>(1, extent.second);
  if (product > maxElements)
    return;
  auto made = RandomArguments::make(
      kernel, fixed, {seed, Pattern::Normal, Layout(seed % 3), 5});
  if (failed(made))
    return;
  Options options;
  options.stepLimit = 1 << 20;
  options.precision = seed & 4 ? Precision::Single : Precision::Double;
  options.tf32 = seed & 8;
  options.order = seed & 16 ? 1 : 0;
  auto evaluation = Interpreter::create(kernel, made->arguments, options);
  if (failed(evaluation))
    return;
  for (auto require : kernel.getBody().getOps<cascade::RequireOp>())
    (void)evaluation->check(require);
  for (auto output : kernel.getBody().getOps<cascade::OutputOp>()) {
    evaluation->countOperations(output);
    (void)evaluation->evaluateAll(output);
  }
}

void fuzz::runInterpreter(std::string_view input) {
  uint64_t seed = std::hash<std::string_view>()(input);
  withModule(input, [&](mlir::ModuleOp module) {
    for (auto kernel : module.getOps<cascade::KernelOp>())
      interpret(kernel, seed);
  });
}
