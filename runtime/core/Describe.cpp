//===- Describe.cpp - A package as text for people ------------------------===//

#include "runtime/core/Package.h"

#include <map>
#include <set>

using namespace einfall::runtime;

static std::string describe(const Expression &expression,
                            const std::vector<RankPlan> &ranks) {
  static const char *const signs[] = {"", "", "+", "-", "*", "/", "%"};
  std::vector<std::string> stack;
  for (const Step &step : expression) {
    if (step.kind == Step::Constant) {
      stack.push_back(std::to_string(step.value));
    } else if (step.kind == Step::Extent) {
      stack.push_back("|" + ranks[step.value].name + "|");
    } else if (step.kind == Step::Negate) {
      stack.back() = "-" + stack.back();
    } else {
      std::string b = std::move(stack.back());
      stack.pop_back();
      std::string &a = stack.back();
      if (step.kind == Step::Max || step.kind == Step::Min)
        a = (step.kind == Step::Max ? "max(" : "min(") + a + ", " + b + ")";
      else
        a = "(" + a + " " + signs[step.kind] + " " + b + ")";
    }
  }
  return stack.back();
}

static std::string describe(const Part &part) {
  return std::to_string(part.bytes.size()) + " bytes at " +
         std::to_string(part.offset);
}

static std::string describe(const KernelPlan &kernel,
                            const VersionPlan &version,
                            const std::vector<Part> &parts) {
  std::string text = "  version " + version.target + ": " + version.note + "\n";
  auto need = [&](const std::string &what) {
    text += "    needs " + what + "\n";
  };
  if (!version.architecture.empty()) {
    std::string features;
    for (const std::string &feature : version.features)
      features += " " + feature;
    need(version.architecture + (features.empty() ? "" : " with" + features));
  }
  for (const FixedExtent &fixed : version.fixed)
    need(kernel.ranks[fixed.rank].name + " = " + std::to_string(fixed.extent));
  if (version.target != "cpu")
    need("what the grid program of its image tests");
  if (version.target != "cpu")
    text += "    launches " + version.entry + "\n";
  auto part = [&](PartNumber number) {
    if (number)
      text += "    " + name(parts[number].kind) + ": part " +
              std::to_string(number) + ", " + describe(parts[number]) + "\n";
  };
  part(version.image);
  for (const ProgramPlan &program : version.then) {
    text += "    then launches " + program.entry + "\n";
    part(program.image);
  }
  part(version.ptx);
  part(version.cubin);
  return text;
}

/// One line for each target: what kind of program, for which extents, how many
/// versions, in which forms.
static std::string summarize(const KernelPlan &kernel) {
  std::string text;
  std::set<std::string> seen;
  for (const VersionPlan &first : kernel.versions) {
    if (!seen.insert(first.target).second)
      continue;
    size_t versions = 0;
    bool ptx = false, cubin = false;
    std::map<std::pair<uint32_t, int64_t>, size_t> fixed;
    for (const VersionPlan &version : kernel.versions) {
      if (version.target != first.target)
        continue;
      ++versions;
      ptx |= version.ptx != 0;
      cubin |= version.cubin != 0;
      for (const FixedExtent &extent : version.fixed)
        ++fixed[{extent.rank, extent.extent}];
    }
    text += "  runs on " + first.target + ": " +
            first.note.substr(0, first.note.find(','));
    const char *separator = " for ";
    for (const auto &[extent, count] : fixed) {
      if (count != versions)
        continue;
      text += separator + kernel.ranks[extent.first].name + " = " +
              std::to_string(extent.second);
      separator = ", ";
    }
    if (versions > 1)
      text += "; " + std::to_string(versions) + " versions";
    if (ptx || cubin)
      text += std::string("; ") + (ptx ? "PTX" : "") +
              (ptx && cubin ? " and " : "") + (cubin ? "cubin" : "");
    text += "\n";
  }
  return text;
}

std::string Package::summarize() const { return text(/*details=*/false); }
std::string Package::describe() const { return text(/*details=*/true); }

std::string Package::text(bool details) const {
  std::string text = "package of " + contents.producer + ", " +
                     std::to_string(table.size()) + " parts, " +
                     std::to_string(bytes.size()) + " bytes\n";
  if (contents.source)
    text += "source " + contents.sourceName +
            (details ? ": part " + std::to_string(contents.source) + ", " +
                           ::describe(table[contents.source])
                     : "") +
            "\n";
  for (const KernelPlan &kernel : contents.kernels) {
    text += "kernel " + kernel.name + "\n";
    for (const TensorPlan &tensor : kernel.tensors) {
      text += std::string("  ") + (tensor.isOutput ? "output " : "input ") +
              tensor.name + "[";
      for (size_t i = 0; i < tensor.dims.size(); ++i)
        text += (i ? ", " : "") + kernel.ranks[tensor.dims[i]].name;
      text += "]: " + typeName(tensor.type) + "\n";
    }
    for (const ParamPlan &param : kernel.params)
      text += "  param " + param.name + ": " + typeName(param.type) +
              (param.hasDefault ? ", has a default\n" : "\n");
    for (const RankPlan &rank : kernel.ranks)
      if (!rank.extent.empty())
        text += "  rank " + rank.name + " = " +
                ::describe(rank.extent, kernel.ranks) + "\n";
    for (const Precondition &precondition : kernel.preconditions)
      text += (precondition.steps.empty() ? "  assumes " : "  requires ") +
              precondition.text + "\n";
    text += ::summarize(kernel);
    if (details)
      for (const VersionPlan &version : kernel.versions)
        text += ::describe(kernel, version, table);
  }
  return text;
}
