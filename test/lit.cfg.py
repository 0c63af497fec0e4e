"""lit's view of the test tree: `.mlir`, `.ein` and `.test` files with RUN lines."""

import os
import shutil

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
if shutil.which("cvc5"):
    config.available_features.add("cvc5")
config.substitutions.append(("%examples", os.path.join(config.einfall_source_dir, "examples")))
config.substitutions.append(("%root", config.einfall_source_dir))
config.substitutions.append(("%python", config.python))
