//===- SizeChoice.cpp - Claims of sizes as JSON ---------------------------===//

#include "passes/Certificate/SizeChoiceReader.h"

#include <cstdlib>

namespace einfall::certificate {

using Run = SizeChoice::Run;

template <typename Figures, typename Visit>
static void visitFigures(Figures &figures, Visit visit) {
  visit("lanes", figures.lanes);
  visit("registers", figures.registers);
  visit("l1Bytes", figures.l1Bytes);
  visit("l2Bytes", figures.l2Bytes);
  visit("cores", figures.cores);
}

template <typename Figures, typename Visit>
static void visitRates(Figures &figures, Visit visit) {
  visit("arithmetic", figures.arithmetic);
  visit("loads", figures.loads);
  visit("bytesFromL2", figures.bytesFromL2);
  visit("bytesBeyondL2", figures.bytesBeyondL2);
}

template <typename Fold, typename Visit>
static void visitFold(Fold &fold, Visit visit) {
  visit("contracted", fold.contracted);
  visit("deepest", fold.deepest);
  visit("features", fold.features);
  visit("contractions", fold.contractions);
  visit("instructions", fold.instructions);
}

template <typename Cost, typename Visit>
static void visitCost(Cost &cost, Visit visit) {
  visit("products", cost.products);
  visit("elements", cost.elements);
  visit("accumulate", cost.accumulate);
  visit("starts", cost.starts);
  visit("packing", cost.packing);
  visit("caches", cost.caches);
  visit("clocks", cost.clocks);
}

static const char *const kinds[] = {"none", "some", "all"};

// --- writing ----------------------------------------------------------------

static JSON writeExtent(const SizeChoice::Extent &extent) {
  JSON json = {{"ranks", extent.ranks}, {"size", extent.size}};
  if (extent.isAssumed)
    json["assumed"] = 1;
  return json;
}

/// "all 96, some 2, none 30"
static std::string textOf(const SizeChoice::Runs &runs) {
  std::string text;
  for (const Run &run : runs)
    text += (text.empty() ? "" : ", ") + std::string(kinds[int(run.kind)]) +
            " " + std::to_string(run.blocks);
  return text;
}

static JSON writeRows(const SizeChoice::Rows &rows) {
  JSON json = {{"vectors", rows.vectors}, {"groups", rows.groups}};
  if (rows.masks.empty())
    return json;
  json["masks"] = JSON::array();
  for (const std::vector<SizeChoice::Runs> &mask : rows.masks) {
    JSON groups = JSON::array();
    for (const SizeChoice::Runs &runs : mask)
      groups.push_back(textOf(runs));
    json["masks"].push_back({{"leave", std::move(groups)}});
  }
  return json;
}

static JSON writeCandidate(const SizeChoice::Candidate &candidate) {
  JSON json = {{"vectors", candidate.vectors},
               {"keys", candidate.keys},
               {"groups", candidate.groups}};
  if (!candidate.excess.empty()) {
    json["excess"] = candidate.excess;
    json["needs"] = candidate.needs;
    json["has"] = candidate.has;
    return json;
  }
  visitCost(candidate.cost, [&](const char *name, const mpq_class &value) {
    json[name] = writeFraction(value);
  });
  return json;
}

JSON SizeChoice::toJSON() const {
  JSON machine = JSON::object();
  visitFigures(figures,
               [&](const char *name, int64_t value) { machine[name] = value; });
  visitRates(figures, [&](const char *name, const mpq_class &value) {
    machine[name] = writeFraction(value);
  });
  JSON json = {{"machine", std::move(machine)},
               {"keyBlock", keyBlock},
               {"rows", writeExtent(rows)},
               {"items", writeExtent(items)}};
  json["folds"] = JSON::array();
  for (const Fold &fold : folds) {
    JSON entry = {{"keys", writeExtent(fold.keys)}};
    visitFold(fold,
              [&](const char *name, int64_t value) { entry[name] = value; });
    if (fold.moves)
      entry["moves"] = 1;
    if (fold.isMasked)
      entry["masked"] = 1;
    json["folds"].push_back(std::move(entry));
  }
  JSON pairs = JSON::array();
  for (const Rows &each : space)
    pairs.push_back(writeRows(each));
  json["space"] = {{"rows", std::move(pairs)}, {"keys", keys}};
  json["candidates"] = JSON::array();
  for (const Candidate &candidate : candidates)
    json["candidates"].push_back(writeCandidate(candidate));
  json["chosen"] = chosen;
  return json;
}

// --- reading ----------------------------------------------------------------

/// Of everything that is multiplied: products of a few stay small enough.
static constexpr int64_t mostOfSize = int64_t(1) << 30;

static void readFlag(ObjectReader &object, const char *name, bool &out) {
  int64_t value = 0;
  if (object.find(name))
    object.read(name, value, 1, 1);
  out = value;
}

static void readExtent(ObjectReader &object, const char *name,
                       SizeChoice::Extent &out) {
  const JSON *json = object.get(name);
  if (!json)
    return;
  ObjectReader inner(*json, object.pathOf(name), object.report());
  inner.read("ranks", out.ranks);
  inner.read("size", out.size, 1, maxExtent);
  readFlag(inner, "assumed", out.isAssumed);
}

/// The inverse of `textOf`: nothing else than what it writes.
static void readRuns(ObjectReader &object, const JSON &json,
                     const std::string &path, SizeChoice::Runs &out) {
  std::string text;
  object.readValue(json, path, text);
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find(", ", at), text.size());
    std::string run = text.substr(at, end - at);
    for (int kind = 0; kind < 3; ++kind)
      if (run.rfind(std::string(kinds[kind]) + " ", 0) == 0 &&
          run.size() <= std::string(kinds[kind]).size() + 7)
        out.push_back(
            {Run::Kind(kind),
             std::atoll(run.c_str() + std::string(kinds[kind]).size())});
    at = end + 2;
  }
  if (textOf(out) != text)
    object.report().add(path, "expected runs as \"all 96, some 2, none 30\"");
}

static void readRows(const JSON &json, const std::string &path, Errors &errors,
                     SizeChoice::Rows &out) {
  ObjectReader object(json, path, errors);
  object.read("vectors", out.vectors, 1, 1024);
  object.readArray(
      "groups", out.groups,
      [&](const JSON &json, const std::string &path, int64_t &value) {
        value = object.readRange(json, path, 1, mostOfSize);
      });
  if (!object.find("masks"))
    return;
  object.readArray("masks", out.masks,
                   [&](const JSON &json, const std::string &path,
                       std::vector<SizeChoice::Runs> &mask) {
                     ObjectReader inner(json, path, errors);
                     inner.readArray("leave", mask,
                                     [&](const JSON &json,
                                         const std::string &path,
                                         SizeChoice::Runs &runs) {
                                       readRuns(inner, json, path, runs);
                                     });
                   });
}

static void readCandidate(const JSON &json, const std::string &path,
                          Errors &errors, SizeChoice::Candidate &out) {
  ObjectReader object(json, path, errors);
  object.read("vectors", out.vectors, 0, mostOfSize);
  object.read("keys", out.keys, 0, mostOfSize);
  object.read("groups", out.groups, 0, mostOfSize);
  object.readOptional("excess", out.excess);
  if (!out.excess.empty()) {
    object.read("needs", out.needs, -maxBytes, maxBytes);
    object.read("has", out.has, 0, maxBytes);
    return;
  }
  visitCost(out.cost, [&](const char *name, mpq_class &value) {
    object.read(name, value);
  });
}

void readSizes(const JSON &json, const std::string &path, Errors &errors,
               SizeChoice &out) {
  ObjectReader object(json, path, errors);
  if (const JSON *machine = object.get("machine")) {
    ObjectReader inner(*machine, object.pathOf("machine"), errors);
    visitFigures(out.figures, [&](const char *name, int64_t &value) {
      inner.read(name, value, 1, maxBytes);
    });
    visitRates(out.figures, [&](const char *name, mpq_class &value) {
      inner.read(name, value);
      if (value <= 0)
        errors.add(inner.pathOf(name), "is not positive");
    });
  }
  object.read("keyBlock", out.keyBlock, 1, 1024);
  readExtent(object, "rows", out.rows);
  readExtent(object, "items", out.items);
  object.readArray(
      "folds", out.folds,
      [&](const JSON &json, const std::string &path, SizeChoice::Fold &fold) {
        ObjectReader inner(json, path, errors);
        readExtent(inner, "keys", fold.keys);
        visitFold(fold, [&](const char *name, int64_t &value) {
          inner.read(name, value, 0, mostOfSize);
        });
        readFlag(inner, "moves", fold.moves);
        readFlag(inner, "masked", fold.isMasked);
      });
  if (const JSON *space = object.get("space")) {
    ObjectReader inner(*space, object.pathOf("space"), errors);
    inner.readArray(
        "rows", out.space,
        [&](const JSON &json, const std::string &path, SizeChoice::Rows &rows) {
          readRows(json, path, errors, rows);
        });
    inner.readArray(
        "keys", out.keys,
        [&](const JSON &json, const std::string &path, int64_t &value) {
          value = inner.readRange(json, path, 1, 1 << 20);
        });
  }
  object.readArray(
      "candidates", out.candidates,
      [&](const JSON &json, const std::string &path,
          SizeChoice::Candidate &candidate) {
        readCandidate(json, path, errors, candidate);
      },
      maxSizes);
  object.read("chosen", out.chosen, 0, maxSizes);
}

} // namespace einfall::certificate
