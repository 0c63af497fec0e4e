//===- Launcher.cpp - A kernel ready to run -------------------------------===//

#include "frontend/driver/Launcher.h"

#include "codegen/cpu/CpuModule.h"
#include "codegen/targets/Machine.h"
#include "frontend/driver/CountingLauncher.h"
#include "frontend/driver/PackageLauncher.h"
#include "runtime/core/Device.h"
#include "runtime/devices/emulated/Emulator.h"

#include <chrono>

using namespace einfall;
using namespace einfall::driver;

static double now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Launcher::~Launcher() = default;

std::optional<std::string>
einfall::driver::targetOfDevice(llvm::StringRef name) {
  if (name == "cpu")
    return "cpu";
  if (name.consume_front("emulated:") && findTarget(name))
    return name.str();
  if (isCuda(name))
    return "cuda";
  return std::nullopt;
}

bool einfall::driver::isCuda(llvm::StringRef name) {
  unsigned ordinal;
  return name == "cuda" ||
         (name.consume_front("cuda:") && !name.getAsInteger(10, ordinal));
}

std::vector<std::string> einfall::driver::targetNames() {
  std::vector<std::string> names{"cpu"};
  for (const GpuTarget &target : gpuTargets())
    names.push_back(target.name.str());
  return names;
}

std::vector<std::string> einfall::driver::processorNames() {
  return cpu::CpuTarget::names();
}

std::string einfall::driver::deviceNames() {
  std::string names = "cpu, cuda";
  for (const GpuTarget &target : gpuTargets())
    names += ", emulated:" + target.name.str();
  return names;
}

/// Whether code for the processor that the options name runs here.
static bool canRunProcessor(Session &session) {
  std::string lacking =
      cpu::CpuTarget::named(session.options.processor)->lackingHere();
  if (lacking.empty())
    return true;
  session
      .error("code for " + session.options.processor +
             " does not run here: " + lacking)
      .remedy("`einfall compile --cpu " + session.options.processor +
              "` writes it");
  session.isToolMissing = true;
  return false;
}

std::unique_ptr<Launcher> Launcher::create(Session &session) {
  std::unique_ptr<Launcher> result;
  bool onHost = session.options.device == "cpu";
  if (isCuda(session.options.device) ||
      (onHost && isPackage(session.options.file)))
    result = std::make_unique<PackageLauncher>(session);
  else if (onHost)
    result = std::make_unique<CpuLauncher>(session);
  else
    result = std::make_unique<EmulatedLauncher>(session);
  return result->prepare() ? std::move(result) : nullptr;
}

std::unique_ptr<Launcher> Launcher::createCounting(Session &session,
                                                   unsigned threads) {
  auto result = std::make_unique<CountingLauncher>(session, threads);
  return result->prepare() ? std::move(result) : nullptr;
}

/// Whether a plan is that of a kernel with this interface.
static bool isOf(const runtime::KernelPlan &plan,
                 const cascade::KernelInterface &interface) {
  auto sameTensor = [](const runtime::TensorPlan &a,
                       const cascade::KernelInterface::Tensor &b) {
    auto element = interpreter::elementOf(b.element);
    return a.name == b.name && a.dims.size() == b.dims.size() && element &&
           interpreter::elementBits(*element) == a.type.bits;
  };
  auto inputs = llvm::ArrayRef(plan.tensors).take_while([](const auto &t) {
    return !t.isOutput;
  });
  auto outputs = llvm::ArrayRef(plan.tensors).drop_front(inputs.size());
  return llvm::equal(plan.ranks, interface.ranks,
                     [](const runtime::RankPlan &a, const std::string &b) {
                       return a.name == b;
                     }) &&
         llvm::equal(inputs, interface.inputs, sameTensor) &&
         llvm::equal(outputs, interface.outputs, sameTensor) &&
         llvm::equal(
             plan.params, interface.params,
             [](const auto &a, const auto &b) { return a.name == b.name; });
}

bool Launcher::prepare() {
  program = Program::load(session);
  if (!program)
    return false;
  kernel = program->kernel(session.options.kernel);
  if (!kernel)
    return false;
  arguments = KernelArguments::create(
      kernel, session, program->randomRanges(kernel), program->fixedExtents);
  if (!arguments)
    return false;
  double begin = now();
  if (program->package && !isOf(*program->packaged, arguments->interface)) {
    session.error("the source of the package is another kernel's");
    return false;
  }
  if (program->package && session.options.processor != "native") {
    session.error("a package holds code for the processor that compiled it")
        .remedy("leave --cpu out, or run the source");
    return false;
  }
  bool good = program->package ? unpack() : compile();
  compileSeconds = now() - begin;
  return good;
}

bool Launcher::compile() {
  if (!canRunProcessor(session))
    return false;
  PipelineOptions options;
  options.target = *targetOfDevice(session.options.device);
  for (const std::string &rank : arguments->interface.ranks)
    options.fixedExtents[rank] = arguments->extent(rank);
  configure(options);
  auto compiled = compileKernel(kernel, options, session);
  if (!compiled)
    return false;
  report = compiled->report;
  return load(std::move(*compiled));
}

bool Launcher::unpack() {
  session.error("packages are not run on " + session.options.device);
  return false;
}

//===----------------------------------------------------------------------===//
// The processor
//===----------------------------------------------------------------------===//

CpuLauncher::CpuLauncher(Session &session) : Launcher(session) {}
CpuLauncher::~CpuLauncher() = default;

bool CpuLauncher::load(PipelineResult result) {
  auto module = cpu::CpuModule::load(
      llvm::MemoryBuffer::getMemBufferCopy(result.text, "kernel"));
  if (!module)
    return session.succeeded(module.takeError());
  code = std::move(*module);
  auto found = code->lookup(arguments->interface.name);
  if (!found)
    return session.succeeded(found.takeError());
  entry = std::make_unique<cpu::CpuKernel>(*found);
  executor = std::make_unique<cpu::CpuExecutor>(session.options.threads);
  size_t bytes = executor->workspaceSize(*entry, arguments->forCpu());
  workspace = AlignedBytes::allocate(bytes);
  if (!workspace.data()) {
    session.error("no memory for a workspace of " + llvm::Twine(bytes) +
                  " bytes");
    return false;
  }
  return true;
}

std::optional<double> CpuLauncher::launch() {
  double begin = now();
  executor->launch(*entry, arguments->forCpu(), workspace.data());
  return now() - begin;
}

unsigned CpuLauncher::threads() const { return executor->threads(); }

std::string CpuLauncher::place() const {
  return std::to_string(threads()) + " threads";
}

//===----------------------------------------------------------------------===//
// Emulated devices
//===----------------------------------------------------------------------===//

EmulatedLauncher::EmulatedLauncher(Session &session) : Launcher(session) {}
EmulatedLauncher::~EmulatedLauncher() = default;

/// The bytes that a tensor's elements lie in.
static emulated::Buffer bufferOf(const HostTensor &tensor, std::string name,
                                 bool writable) {
  const interpreter::Tensor &view = tensor.view;
  int64_t low = 0, high = 0;
  bool empty = false;
  for (auto [extent, stride] : llvm::zip_equal(view.shape, view.strides)) {
    empty |= extent == 0;
    int64_t last = (extent - 1) * stride;
    (last < 0 ? low : high) += last;
  }
  int64_t size = interpreter::elementBits(view.element) / 8;
  uint64_t bytes = empty ? 0 : (high - low + 1) * size;
  return {static_cast<char *>(view.data) + (empty ? 0 : low * size), bytes,
          writable, std::move(name)};
}

std::vector<uint64_t>
einfall::driver::deviceParameters(const KernelArguments &arguments) {
  std::vector<uint64_t> words;
  const EinfallCpuArguments &given = arguments.forCpu();
  const cascade::KernelInterface &interface = arguments.interface;
  unsigned tensors = interface.inputs.size() + interface.outputs.size();
  for (unsigned i = 0; i < tensors; ++i)
    words.push_back(reinterpret_cast<uintptr_t>(given.data[i]));
  for (unsigned i = 0, e = interface.firstStride(tensors); i < e; ++i)
    words.push_back(given.strides[i]);
  for (size_t i = 0; i < interface.ranks.size(); ++i)
    words.push_back(given.extents[i]);
  for (auto [i, param] : llvm::enumerate(interface.params)) {
    const double *value = given.params[i];
    bool isReal = mlir::isa<mlir::FloatType>(param.storage);
    double number = value ? *value : 0;
    words.push_back(isReal ? llvm::bit_cast<uint32_t>(float(number))
                           : static_cast<uint64_t>(int64_t(number)));
    words.push_back(value != nullptr);
  }
  return words;
}

std::vector<emulated::Buffer>
einfall::driver::deviceBuffers(const KernelArguments &arguments) {
  std::vector<emulated::Buffer> buffers;
  const cascade::KernelInterface &interface = arguments.interface;
  for (auto [info, tensor] :
       llvm::zip_equal(interface.inputs, arguments.getInputs()))
    buffers.push_back(bufferOf(tensor, info.name, /*writable=*/false));
  for (auto [info, tensor] :
       llvm::zip_equal(interface.outputs, arguments.getOutputs()))
    buffers.push_back(bufferOf(tensor, info.name, /*writable=*/true));
  return buffers;
}

bool EmulatedLauncher::load(PipelineResult result) {
  for (const auto &programs : result.versions) {
    auto &version = versions.emplace_back();
    for (const PipelineResult::Program &program : programs) {
      std::string error;
      std::optional<emulated::DeviceImage> image =
          emulated::DeviceImage::load(program.image, error);
      if (!image) {
        session.error("the device program is not accepted: " + error);
        return false;
      }
      version.push_back(std::move(*image));
    }
  }
  words = deviceParameters(*arguments);
  buffers = deviceBuffers(*arguments);
  return true;
}

bool EmulatedLauncher::unpack() {
  const runtime::KernelPlan &plan = *program->packaged;
  std::string target = *targetOfDevice(session.options.device);
  PipelineResult result;
  auto fits = [&](const runtime::VersionPlan &version) {
    return llvm::all_of(version.fixed, [&](const runtime::FixedExtent &fixed) {
      return arguments->extent(plan.ranks[fixed.rank].name) == fixed.extent;
    });
  };
  auto add = [&](const std::string &name, runtime::PartNumber number) {
    result.versions.back().push_back(
        {name, std::string(program->package->parts()[number].bytes)});
  };
  for (const runtime::VersionPlan &version : plan.versions) {
    if (version.target != target || !fits(version))
      continue;
    result.versions.emplace_back();
    add(version.entry, version.image);
    for (const runtime::ProgramPlan &next : version.then)
      add(next.entry, next.image);
  }
  report.kernel = plan.name;
  report.planKind = "package";
  if (!result.versions.empty())
    return load(std::move(result));
  session.error("kernel `" + plan.name + "` has no version for " + target +
                ": the package has " + runtime::targetsOf(plan));
  session.isToolMissing = true;
  return false;
}

std::optional<double> EmulatedLauncher::launch() {
  emulated::Launch launch;
  launch.arguments = words;
  launch.buffers = buffers;
  launch.seed = session.options.deviceSeed;
  launch.threads = session.options.threads;
  double begin = now();
  for (const std::vector<emulated::DeviceImage> &version : versions) {
    launch.image = &version.front();
    launch.then.clear();
    for (const emulated::DeviceImage &next : llvm::drop_begin(version))
      launch.then.push_back(&next);
    emulated::Report report = emulated::run(launch);
    if (!report.applies)
      continue;
    counters = report.counters.str();
    sectorBytes = report.counters.globalBytes();
    if (report.ok)
      return now() - begin;
    session.error("the emulated device stopped the kernel:\n" + report.str());
    return std::nullopt;
  }
  session.error("no version of the kernel fits these arguments");
  return std::nullopt;
}

std::string EmulatedLauncher::place() const { return session.options.device; }
