//===- PackageLauncher.h - Kernels as a program would launch them -*- C++ -*-=//
//
// Launches a kernel of a package by the runtime library, with all its checks:
// one of a package that was given, or, on a CUDA device, one that is compiled
// for it and packed in memory. Tensors of the host are copied to a CUDA device
// and back.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_DRIVER_PACKAGELAUNCHER_H
#define EINFALL_FRONTEND_DRIVER_PACKAGELAUNCHER_H

#include "frontend/driver/Launcher.h"
#include "runtime/include/einfall/einfall.h"

namespace einfall::cuda {
class CudaMemory;
class Device;
} // namespace einfall::cuda
namespace einfall::runtime {
class DeviceKernel;
class Status;
} // namespace einfall::runtime

namespace einfall::driver {

class PackageLauncher : public Launcher {
public:
  explicit PackageLauncher(Session &session);
  ~PackageLauncher() override;
  /// On a CUDA device the seconds are those of the device.
  std::optional<double> launch() override;
  std::string place() const override;

protected:
  bool load(PipelineResult result) override;
  bool compile() override;
  bool unpack() override;

private:
  struct Staged;
  bool openDevice();
  bool loadKernel(std::shared_ptr<const runtime::Package> package,
                  const runtime::KernelPlan &plan);
  bool bindTensors(const runtime::KernelPlan &plan);
  bool stage(const HostTensor &tensor, EinfallTensor &bound);
  bool failed(const runtime::Status &status);
  std::optional<double> launchOnHost();
  std::optional<double> launchOnDevice();

  std::string device; ///< as the runtime names it
  std::shared_ptr<const cuda::Device> gpu;
  std::unique_ptr<runtime::DeviceKernel> loaded;
  std::vector<EinfallTensor> tensors;
  std::vector<EinfallNamedTensor> named;
  std::vector<EinfallNamedParam> params;
  EinfallArguments given = {};
  std::vector<Staged> staged; ///< by tensor, on a CUDA device
  AlignedBytes workspace;
  std::unique_ptr<cuda::CudaMemory> deviceWorkspace;
};

} // namespace einfall::driver

#endif // EINFALL_FRONTEND_DRIVER_PACKAGELAUNCHER_H
