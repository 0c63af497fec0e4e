"""lit's view of the test tree: `.mlir`, `.ein` and `.test` files with RUN lines."""

import os
import shutil
import subprocess

import lit.formats

config.name = "einfall"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".ein", ".test"]
config.excludes = ["CMakeLists.txt", "lit.cfg.py", "lit.site.cfg.py", "Inputs"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.einfall_build_dir, "test", "out")

config.environment["PATH"] = os.pathsep.join(
    [
        os.path.join(config.einfall_build_dir, "bin"),
        config.llvm_tools_dir,
        os.environ.get("PATH", ""),
    ]
)
for name in ("HOME", "EINFALL_CACHE_DIR"):
    config.environment[name] = os.path.join(config.test_exec_root, "home")
config.environment["NO_COLOR"] = "1"
if lit_config.params.get("slow"):
    config.available_features.add("slow")
try:
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        if " avx2 " in file.read():
            config.available_features.add("avx2")
except OSError:
    pass
for tool in ("chromium", "cvc5", "node", "pkg-config"):
    if shutil.which(tool):
        config.available_features.add(tool)
for name in ("EINFALL_PTXAS", "CUDA_HOME", "CUDA_PATH"):
    if name in os.environ:
        config.environment[name] = os.environ[name]
try:
    assemblers = subprocess.run(
        [os.path.join(config.einfall_build_dir, "bin", "einfall-ptx"), "--list-assemblers"],
        capture_output=True,
        text=True,
        timeout=120,
    ).stdout
except (OSError, subprocess.TimeoutExpired):
    assemblers = ""
if assemblers.strip():
    config.available_features.add("ptxas")
else:
    lit_config.note("no ptxas and no libnvJitLink: tests of assembled kernels are left out")
config.substitutions.append(("%examples", os.path.join(config.einfall_source_dir, "examples")))
config.substitutions.append(("%{kills}", "1000" if lit_config.params.get("slow") else "20"))
config.substitutions.append(("%root", config.einfall_source_dir))
config.substitutions.append(("%chromium", shutil.which("chromium") or "chromium"))
config.substitutions.append(("%lib", os.path.join(config.einfall_build_dir, "lib")))
config.substitutions.append(("%python", config.python))
fakes = os.path.join(config.einfall_build_dir, "test", "lib")
config.substitutions.append(("%fake-cuda", os.path.join(fakes, "libfake_cuda.so")))
# Made by `./dev test`, where pip can.
tvm_ffi = os.path.join(config.einfall_source_dir, ".venv", "tvm-ffi")
if os.path.exists(os.path.join(tvm_ffi, "complete")):
    config.available_features.add("tvm-ffi")
else:
    lit_config.note("no apache-tvm-ffi: the test of its Python package is left out")
config.substitutions.append(("%tvm-python", os.path.join(tvm_ffi, "bin", "python")))
