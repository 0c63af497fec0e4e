//===- Choice.cpp - Claims of choice as JSON ------------------------------===//

#include "passes/Certificate/ChoiceReader.h"

namespace einfall::certificate {

using Program = Choice::Program;

/// Applies `visit(name, member, least)` to every integer of the figures that a
/// program's claim has.
template <typename Figures, typename Visit>
static void visitFigures(Figures &figures, Program program, Visit visit) {
  visit("warpLanes", figures.warpLanes, 1);
  visit("matrixFlopPerClock", figures.matrixFlopPerClock, 0);
  visit("fmaFlopPerClock", figures.fmaFlopPerClock, 1);
  visit("specialPerClock", figures.specialPerClock, 1);
  visit("sharedBytesPerClock", figures.sharedBytesPerClock, 1);
  visit("barrierClocks", figures.barrierClocks, 0);
  visit("threads", figures.threads, 0);
  visit("registersPerThread", figures.registersPerThread, 0);
  visit("sharedBytes", figures.sharedBytes, 0);
  visit("unitRegisters", figures.unitRegisters, 0);
  if (program == Program::Warpgroups)
    return;
  visit("unitThreads", figures.unitThreads, 0);
  visit("unitBlocks", figures.unitBlocks, 0);
  visit("unitSharedBytes", figures.unitSharedBytes, 0);
  visit("sharedReservedBytes", figures.sharedReservedBytes, 0);
  visit("registersPerWarpUnit", figures.registersPerWarpUnit, 1);
}

template <typename Cost, typename Visit>
static void visitCost(Cost &cost, Visit visit) {
  visit("contraction", cost.contraction);
  visit("panels", cost.panels);
  visit("special", cost.special);
  visit("arithmetic", cost.arithmetic);
  visit("shared", cost.shared);
  visit("copies", cost.copies);
  visit("waits", cost.waits);
  visit("clocks", cost.clocks);
}

template <typename Launch, typename Visit>
static void visitLaunch(Launch &launch, Visit visit) {
  visit("units", launch.units, 1);
  visit("launchClocks", launch.launchClocks, 0);
  visit("bytesPerClock", launch.bytesPerClock, 1);
  visit("memoryClocks", launch.memoryClocks, 0);
  visit("cacheClocks", launch.cacheClocks, 0);
  visit("mostParts", launch.mostParts, 1);
  visit("splits", launch.splits, 0);
  visit("stateBytes", launch.stateBytes, 0);
  visit("items", launch.items, 1);
  visit("rows", launch.rows, 1);
  visit("group", launch.group, 1);
}

template <typename Way, typename Visit>
static void visitWay(Way &way, Visit visit) {
  visit("packed", way.packed, 0);
  visit("parts", way.parts, 1);
  visit("blocks", way.blocks, 0);
  visit("busiest", way.busiest, 0);
  visit("clocks", way.clocks, 0);
}

// --- writing ----------------------------------------------------------------

static JSON writeOperands(const std::vector<Choice::Operand> &operands) {
  JSON list = JSON::array();
  for (const Choice::Operand &operand : operands) {
    JSON json = {{"width", operand.width}, {"bytes", operand.bytes}};
    if (operand.copied)
      json["copied"] = 1;
    list.push_back(std::move(json));
  }
  return list;
}

static JSON writeCandidate(const Choice::Candidate &candidate,
                           Program program) {
  JSON json = {{"warps", candidate.warps.warps},
               {"fragments", candidate.warps.fragments},
               {"keys", candidate.keys},
               {"stages", candidate.stages}};
  if (!candidate.excess.empty()) {
    json["excess"] = candidate.excess;
    json["needs"] = candidate.needs;
    json["has"] = candidate.has;
    return json;
  }
  json["registers"] = candidate.registers;
  json["sharedBytes"] = candidate.sharedBytes;
  if (program == Program::Blocks)
    json["resident"] = candidate.resident;
  json["folds"] = JSON::array();
  for (const Choice::Cost &cost : candidate.folds) {
    JSON parts = JSON::object();
    visitCost(cost, [&](const char *name, const mpq_class &value) {
      parts[name] = writeFraction(value);
    });
    json["folds"].push_back(std::move(parts));
  }
  json["clocks"] = writeFraction(candidate.clocks);
  return json;
}

static JSON writeLaunch(const Choice::Launch &launch) {
  JSON json = JSON::object();
  visitLaunch(launch, [&](const char *name, int64_t value, int64_t) {
    json[name] = value;
  });
  json["streams"] = launch.streams;
  json["sharing"] = JSON::array();
  for (const Choice &each : launch.sharing)
    json["sharing"].push_back(each.toJSON());
  json["ways"] = JSON::array();
  for (const Choice::Launch::Way &way : launch.ways) {
    JSON entry = JSON::object();
    visitWay(way, [&](const char *name, int64_t value, int64_t) {
      entry[name] = value;
    });
    json["ways"].push_back(std::move(entry));
  }
  json["taken"] = launch.taken;
  return json;
}

JSON Choice::toJSON() const {
  JSON json = {
      {"program", program == Program::Warpgroups ? "warpgroups" : "blocks"}};
  JSON machine = JSON::object();
  visitFigures(figures, program, [&](const char *name, int64_t value, int64_t) {
    machine[name] = value;
  });
  machine["copyBytesPerClock"] = writeFraction(figures.copyBytesPerClock);
  json["machine"] = std::move(machine);
  json["folds"] = JSON::array();
  for (const Fold &fold : folds) {
    JSON entry = {{"contractions", writeOperands(fold.contractions)},
                  {"panels", writeOperands(fold.panels)}};
    if (program == Program::Warpgroups)
      entry["weights"] = fold.weights;
    else
      entry["storedWeights"] = fold.storedWeights;
    entry["special"] = fold.special;
    entry["halves"] = fold.halves;
    entry["rowSpecial"] = fold.rowSpecial;
    entry["rowInstructions"] = fold.rowInstructions;
    json["folds"].push_back(std::move(entry));
  }
  if (program == Program::Warpgroups)
    json["items"] = items;
  if (rows)
    json["rows"] = *rows;
  JSON pairs = JSON::array();
  for (const Rows &each : warps)
    pairs.push_back({{"warps", each.warps}, {"fragments", each.fragments}});
  json["space"] = {{"rows", pairs}, {"keys", keys}, {"stages", stages}};
  json["candidates"] = JSON::array();
  for (const Candidate &candidate : candidates)
    json["candidates"].push_back(writeCandidate(candidate, program));
  json["chosen"] = chosen;
  if (launch)
    json["launch"] = writeLaunch(*launch);
  return json;
}

// --- reading ----------------------------------------------------------------

/// Of everything that is multiplied: products of a few stay small enough.
static constexpr int64_t mostOfSize = int64_t(1) << 30;

static void readOperands(ObjectReader &object, const char *name,
                         std::vector<Choice::Operand> &out) {
  object.readArray(
      name, out,
      [&](const JSON &json, const std::string &path, Choice::Operand &operand) {
        ObjectReader inner(json, path, object.report());
        inner.read("width", operand.width, 1, mostOfSize);
        inner.read("bytes", operand.bytes, 1, 16);
        int64_t copied = 0;
        if (inner.find("copied"))
          inner.read("copied", copied, 1, 1);
        operand.copied = copied;
      });
}

static void readCandidate(const JSON &json, const std::string &path,
                          Errors &errors, Program program,
                          Choice::Candidate &out) {
  ObjectReader object(json, path, errors);
  object.read("warps", out.warps.warps, 0, mostOfSize);
  object.read("fragments", out.warps.fragments, 0, mostOfSize);
  object.read("keys", out.keys, 0, mostOfSize);
  object.read("stages", out.stages, 0, mostOfSize);
  object.readOptional("excess", out.excess);
  if (!out.excess.empty()) {
    object.read("needs", out.needs, 0, maxBytes);
    object.read("has", out.has, 0, maxBytes);
    return;
  }
  object.read("registers", out.registers, 0, maxBytes);
  object.read("sharedBytes", out.sharedBytes, 0, maxBytes);
  out.resident = 1;
  if (program == Program::Blocks)
    object.read("resident", out.resident, 0, maxBytes);
  object.readArray(
      "folds", out.folds,
      [&](const JSON &json, const std::string &path, Choice::Cost &cost) {
        ObjectReader inner(json, path, errors);
        visitCost(cost, [&](const char *name, mpq_class &value) {
          inner.read(name, value);
        });
      });
  object.read("clocks", out.clocks);
}

static void readLaunch(const JSON &json, const std::string &path,
                       Errors &errors, Choice::Launch &out) {
  ObjectReader object(json, path, errors);
  visitLaunch(out, [&](const char *name, int64_t &value, int64_t least) {
    object.read(name, value, least, maxBytes);
  });
  object.readArray(
      "streams", out.streams,
      [&](const JSON &json, const std::string &path, int64_t &value) {
        value = object.readRange(json, path, 0, maxExtent);
      });
  object.readArray(
      "sharing", out.sharing,
      [&](const JSON &json, const std::string &path, Choice &choice) {
        readChoice(json, path, errors, choice,
                   /*launches=*/false);
      });
  object.readArray(
      "ways", out.ways,
      [&](const JSON &json, const std::string &path, Choice::Launch::Way &way) {
        ObjectReader inner(json, path, errors);
        visitWay(way, [&](const char *name, int64_t &value, int64_t least) {
          inner.read(name, value, least, maxBytes);
        });
      });
  object.read("taken", out.taken, 0, 256);
}

void readChoice(const JSON &json, const std::string &path, Errors &errors,
                Choice &out, bool launches) {
  ObjectReader object(json, path, errors);
  std::string program;
  object.read("program", program);
  if (program != "warpgroups" && program != "blocks")
    errors.add(object.pathOf("program"),
               "expected \"warpgroups\" or \"blocks\"");
  out.program = program == "warpgroups" ? Program::Warpgroups : Program::Blocks;
  if (const JSON *machine = object.get("machine")) {
    ObjectReader inner(*machine, object.pathOf("machine"), errors);
    visitFigures(out.figures, out.program,
                 [&](const char *name, int64_t &value, int64_t least) {
                   inner.read(name, value, least, maxBytes);
                 });
    inner.read("copyBytesPerClock", out.figures.copyBytesPerClock);
    if (out.figures.copyBytesPerClock <= 0)
      errors.add(inner.pathOf("copyBytesPerClock"), "is not positive");
  }
  object.readArray(
      "folds", out.folds,
      [&](const JSON &json, const std::string &path, Choice::Fold &fold) {
        ObjectReader inner(json, path, errors);
        readOperands(inner, "contractions", fold.contractions);
        readOperands(inner, "panels", fold.panels);
        if (out.program == Program::Warpgroups)
          inner.read("weights", fold.weights, 0, mostOfSize);
        else
          inner.read("storedWeights", fold.storedWeights, 0, mostOfSize);
        inner.read("special", fold.special, 0, mostOfSize);
        inner.read("halves", fold.halves, 0, mostOfSize);
        inner.read("rowSpecial", fold.rowSpecial, 0, mostOfSize);
        inner.read("rowInstructions", fold.rowInstructions, 0, mostOfSize);
      });
  if (out.program == Program::Warpgroups)
    object.read("items", out.items, 0, mostOfSize);
  if (object.find("rows"))
    object.read("rows", out.rows.emplace(), 0, maxExtent);
  if (const JSON *space = object.get("space")) {
    ObjectReader inner(*space, object.pathOf("space"), errors);
    inner.readArray(
        "rows", out.warps,
        [&](const JSON &json, const std::string &path, Choice::Rows &each) {
          ObjectReader pair(json, path, errors);
          pair.read("warps", each.warps, 1, mostOfSize);
          pair.read("fragments", each.fragments, 1, mostOfSize);
        });
    for (auto [name, list] :
         {std::pair("keys", &out.keys), std::pair("stages", &out.stages)})
      inner.readArray(
          name, *list,
          [&](const JSON &json, const std::string &path, int64_t &value) {
            value = inner.readRange(json, path, 1, mostOfSize);
          });
  }
  object.readArray("candidates", out.candidates,
                   [&](const JSON &json, const std::string &path,
                       Choice::Candidate &candidate) {
                     readCandidate(json, path, errors, out.program, candidate);
                   });
  object.read("chosen", out.chosen, 0, 256);
  const JSON *launch = launches ? object.find("launch") : nullptr;
  if (launch)
    readLaunch(*launch, object.pathOf("launch"), errors, out.launch.emplace());
}

} // namespace einfall::certificate
