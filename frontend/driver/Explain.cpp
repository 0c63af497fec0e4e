//===- Explain.cpp - einfall explain --------------------------------------===//

#include "frontend/driver/AtomicFile.h"
#include "frontend/driver/Commands.h"
#include "frontend/driver/explain/Explanation.h"
#include "frontend/driver/explain/Page.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <nlohmann/json.hpp>

using namespace einfall;
using namespace einfall::driver;

/// The machine that bounds and times are of: of the target, or the one asked
/// for.
static llvm::Expected<Machine> machineOf(const Options &options) {
  if (const GpuTarget *target = findTarget(options.target))
    return machineFor(*target, options.machine);
  return loadMachine(options.machine.empty() ? "x86-64" : options.machine);
}

static std::string textOf(const certificate::Certificate &certificate) {
  return certificate.toJSON().dump(2) + "\n";
}

static llvm::json::Value toJson(const ExplainedKernel &kernel) {
  llvm::json::Value value = toJson(kernel.report);
  llvm::json::Object &object = *value.getAsObject();
  const Explanation &explanation = kernel.explanation;
  llvm::json::Array notes;
  for (const std::string &note : explanation.bounds.notes)
    notes.push_back(note);
  if (!explanation.whyNoBounds.empty())
    notes.push_back("no bounds: " + explanation.whyNoBounds);
  else if (auto certificate =
               llvm::json::parse(textOf(explanation.bounds.certificate)))
    object["certificate"] = std::move(*certificate);
  else
    notes.push_back(llvm::toString(certificate.takeError()));
  object["notes"] = std::move(notes);
  object["program"] = explanation.program;
  if (explanation.counted)
    object["countedBytes"] = *explanation.counted;
  return value;
}

/// Writes what the options name beside the text: a certificate, a page.
static bool writeFiles(const std::vector<ExplainedKernel> &kernels,
                       const Program &program, const Machine &machine,
                       Session &session) {
  const Options &options = session.options;
  if (!options.certificate.empty()) {
    if (kernels.size() != 1)
      return session
                 .error("a certificate is of one kernel, here are " +
                        std::to_string(kernels.size()))
                 .remedy("choose one with --kernel"),
             false;
    const Explanation &explanation = kernels.front().explanation;
    if (!explanation.whyNoBounds.empty())
      return session.error("no certificate: " + explanation.whyNoBounds), false;
    if (!session.succeeded(writeFile(options.certificate,
                                     textOf(explanation.bounds.certificate))))
      return false;
  }
  if (options.html.empty())
    return true;
  std::vector<PageContent> pages;
  for (const ExplainedKernel &kernel : kernels)
    pages.push_back(pageOf(kernel, program, machine, options.target));
  return session.succeeded(writeFile(options.html, htmlPage(pages)));
}

int einfall::driver::explain(const Options &options) {
  Session session(options);
  std::unique_ptr<Program> program = Program::load(session);
  if (!program)
    return exitInput;
  if (options.count && options.file == "-")
    return session
               .error("--count reads its file again, and this is standard "
                      "input")
               .remedy("name a file"),
           exitUsage;
  llvm::Expected<Machine> machine = machineOf(options);
  if (!machine)
    return session.succeeded(machine.takeError()), exitInput;
  std::vector<ExplainedKernel> kernels;
  for (cascade::KernelOp kernel : program->kernels(options.kernel)) {
    PipelineOptions pipeline;
    pipeline.target = options.target;
    pipeline.explains = true;
    pipeline.until = options.target == "cpu" ? Stage::Loops : Stage::Device;
    pipeline.fixedExtents = knownExtents(kernel, options, /*defaults=*/true);
    auto explained =
        explainKernel(kernel, pipeline, *machine, *program, session);
    if (!explained)
      return exitInput;
    kernels.push_back(std::move(*explained));
    if (int code = options.count ? count(kernels.back(), *machine, session)
                                 : exitSuccess;
        code != exitSuccess)
      return code;
  }
  if (session.diagnostics.hasErrors() ||
      !writeFiles(kernels, *program, *machine, session))
    return exitInput;
  if (options.html == "-" || options.certificate == "-")
    return exitSuccess;
  if (!options.json) {
    for (const ExplainedKernel &kernel : kernels) {
      print(llvm::outs(), kernel.report);
      print(llvm::outs(), kernel.explanation);
    }
    return exitSuccess;
  }
  llvm::json::Array list;
  for (const ExplainedKernel &kernel : kernels)
    list.push_back(::toJson(kernel));
  llvm::json::Value value =
      llvm::json::Object{{"version", 1}, {"kernels", std::move(list)}};
  llvm::outs() << llvm::formatv("{0:2}", value) << "\n";
  return exitSuccess;
}
