//===- Certificate.cpp - Certificates as JSON -----------------------------===//
//
// Reading is strict: every member is of its type, present, and known, so that
// what was checked is all there is.
//
//===----------------------------------------------------------------------===//

#include "passes/Certificate/Certificate.h"
#include "passes/Certificate/ChoiceReader.h"
#include "passes/Certificate/SizeChoiceReader.h"

#include <algorithm>
#include <set>

namespace einfall::certificate {

static constexpr const char *formatName = "einfall-certificate";
static constexpr int formatVersion = 1;

// --- writing ----------------------------------------------------------------

static JSON writeTensor(const Tensor &tensor) {
  JSON index = JSON::array();
  for (const std::optional<Expression> &entry : tensor.index)
    index.push_back(entry ? entry->toJSON() : JSON());
  JSON json = {{"name", tensor.name},
               {"direction", tensor.direction == Tensor::Direction::Input
                                 ? "input"
                                 : "output"},
               {"bits", tensor.bits},
               {"dimensions", tensor.dimensions},
               {"bytes", writeNumber(tensor.bytes)},
               {"index", index}};
  if (!tensor.needs.empty())
    json["needs"] = tensor.needs;
  json["elements"] = writeNumber(tensor.elements);
  return json;
}

static JSON writeCondition(const Condition &condition) {
  JSON distinct = JSON::object();
  for (const auto &[rank, count] : condition.distinct)
    distinct[rank] = writeNumber(count);
  return {{"name", condition.name},
          {"ranks", condition.ranks},
          {"condition", condition.condition.toJSON()},
          {"count", writeNumber(condition.count)},
          {"distinct", distinct}};
}

static JSON writeClaim(const CompulsoryBound &bound) {
  return {{"kind", "compulsory"},
          {"inputs", writeNumber(bound.inputs)},
          {"outputs", writeNumber(bound.outputs)}};
}

static JSON writeClaim(const PassesBound &bound) {
  return {{"kind", "passes"},
          {"tensor", bound.tensor},
          {"fibre", bound.fibre},
          {"barriers", bound.barriers},
          {"bits", bound.bits},
          {"fibres", writeNumber(bound.fibres)},
          {"length", writeNumber(bound.length)}};
}

static JSON writeClaim(const ContractionBound &bound) {
  JSON json = {{"kind", "contraction"}, {"ranks", bound.ranks}};
  if (!bound.condition.empty())
    json["condition"] = bound.condition;
  json["products"] = writeNumber(bound.products);
  json["operands"] = JSON::array();
  for (const ContractionBound::Operand &operand : bound.operands)
    json["operands"].push_back({{"tensor", operand.tensor},
                                {"bits", operand.bits},
                                {"exponent", writeFraction(operand.exponent)}});
  json["segment"] = writeNumber(bound.segment);
  return json;
}

static JSON writeClaim(const AttentionBound &bound) {
  JSON json = {{"kind", "attention"}, {"theorem", bound.theorem}};
  if (bound.regime)
    json["regime"] = std::string(1, bound.regime);
  json["pairRanks"] = bound.pairRanks;
  if (!bound.condition.empty())
    json["condition"] = bound.condition;
  json["pairs"] = writeNumber(bound.pairs);
  json["scores"] = JSON::array();
  for (const AttentionBound::Score &score : bound.scores)
    json["scores"].push_back(
        {{"query", score.query}, {"key", score.key}, {"over", score.over}});
  json["value"] = bound.value;
  json["valueRanks"] = bound.valueRanks;
  json["output"] = bound.output;
  json["keyWidth"] = writeNumber(bound.keyWidth);
  json["valueWidth"] = writeNumber(bound.valueWidth);
  json["words"] = {{"query", bound.words.query},
                   {"key", bound.words.key},
                   {"value", bound.words.value},
                   {"score", bound.words.score},
                   {"output", bound.words.output}};
  return json;
}

/// The tensors of a backward pass by their members.
template <typename Bound, typename Function>
static void forTensors(Bound &bound, Function function) {
  function("query", bound.query);
  function("key", bound.key);
  function("value", bound.value);
  function("outputGradient", bound.outputGradient);
  function("queryGradient", bound.queryGradient);
  function("keyGradient", bound.keyGradient);
  function("valueGradient", bound.valueGradient);
}

static JSON writeClaim(const BackwardBound &bound) {
  JSON json = {{"kind", "attention-backward"}, {"pairRanks", bound.pairRanks}};
  if (!bound.condition.empty())
    json["condition"] = bound.condition;
  json["pairs"] = writeNumber(bound.pairs);
  forTensors(bound, [&](const char *member, const std::string &tensor) {
    json[member] = tensor;
  });
  json["keyRanks"] = bound.keyRanks;
  json["valueRanks"] = bound.valueRanks;
  json["width"] = writeNumber(bound.width);
  json["bits"] = bound.bits;
  return json;
}

bool ScheduleTraffic::hasAsked() const {
  return std::any_of(terms.begin(), terms.end(),
                     [](const Term &term) { return term.asked.has_value(); });
}

static JSON writeSchedule(const ScheduleTraffic &schedule) {
  JSON terms = JSON::array(), fits = JSON::array();
  for (const ScheduleTraffic::Term &term : schedule.terms) {
    JSON json = {{"what", term.what},
                 {"bytes", term.bytes},
                 {"times", term.times.toJSON()}};
    if (term.asked)
      json["asked"] = term.asked->toJSON();
    terms.push_back(std::move(json));
  }
  for (const ScheduleTraffic::Fit &fit : schedule.fits) {
    JSON keeps = JSON::array();
    for (const ScheduleTraffic::Fit::Kept &kept : fit.keeps)
      keeps.push_back({{"what", kept.what}, {"bytes", kept.bytes}});
    fits.push_back({{"memory", fit.memory},
                    {"keeps", keeps},
                    {"bytes", writeNumber(fit.bytes)}});
  }
  JSON json = {{"counted", schedule.counted},
               {"terms", terms},
               {"total", writeNumber(schedule.total)}};
  if (schedule.hasAsked())
    json["asked"] = writeNumber(schedule.asked);
  if (!schedule.fits.empty())
    json["fits"] = fits;
  return json;
}

static JSON writeBoundary(const Boundary &boundary) {
  JSON inside = JSON::array(), bounds = JSON::array();
  for (const Boundary::Memory &memory : boundary.inside)
    inside.push_back({{"memory", memory.memory}, {"bytes", memory.bytes}});
  for (const Bound &bound : boundary.bounds) {
    JSON json = std::visit([](const auto &claim) { return writeClaim(claim); },
                           bound.claim);
    json["bytes"] = writeNumber(bound.bytes);
    bounds.push_back(std::move(json));
  }
  JSON json = {{"boundary", boundary.name},
               {"units", boundary.units},
               {"inside", inside},
               {"capacity", writeNumber(boundary.capacity)},
               {"bounds", bounds},
               {"lower",
                {{"bound", boundary.lowerBound},
                 {"bytes", writeNumber(boundary.lowerBytes)}}}};
  if (boundary.schedule) {
    json["schedule"] = writeSchedule(*boundary.schedule);
    if (boundary.lowerBytes > 0)
      json["ratio"] = writeFraction(boundary.ratio);
  }
  return json;
}

JSON Certificate::toJSON() const {
  JSON json = {{"format", formatName},
               {"version", formatVersion},
               {"kernel", kernel},
               {"source", source},
               {"target", target},
               {"machine", {{"name", machineName}, {"sha256", machineHash}}},
               {"extents", JSON::object()}};
  for (const auto &[rank, extent] : extents)
    json["extents"][rank] = extent;
  json["tensors"] = JSON::array();
  for (const Tensor &tensor : tensors)
    json["tensors"].push_back(writeTensor(tensor));
  json["conditions"] = JSON::array();
  for (const Condition &condition : conditions)
    json["conditions"].push_back(writeCondition(condition));
  json["boundaries"] = JSON::array();
  for (const Boundary &boundary : boundaries)
    json["boundaries"].push_back(writeBoundary(boundary));
  if (choice)
    json["choice"] = choice->toJSON();
  if (sizes)
    json["sizes"] = sizes->toJSON();
  return json;
}

// --- reading ----------------------------------------------------------------

static void readTensor(const JSON &json, const std::string &path,
                       Errors &errors, Tensor &out) {
  ObjectReader object(json, path, errors);
  object.read("name", out.name);
  std::string direction;
  object.read("direction", direction);
  if (direction != "input" && direction != "output")
    errors.add(object.pathOf("direction"), "expected \"input\" or \"output\"");
  out.direction = direction == "output" ? Tensor::Direction::Output
                                        : Tensor::Direction::Input;
  object.read("bits", out.bits, 1, maxBits);
  object.readArray(
      "dimensions", out.dimensions,
      [&](const JSON &json, const std::string &path, int64_t &length) {
        length = object.readRange(json, path, 0, maxExtent);
      });
  object.read("bytes", out.bytes);
  object.readArray("index", out.index,
                   [&](const JSON &json, const std::string &path,
                       std::optional<Expression> &entry) {
                     if (!json.is_null())
                       object.readValue(json, path, entry.emplace());
                   });
  object.readOptional("needs", out.needs);
  object.read("elements", out.elements);
}

static void readCondition(const JSON &json, const std::string &path,
                          Errors &errors, Condition &out) {
  ObjectReader object(json, path, errors);
  object.read("name", out.name);
  object.read("ranks", out.ranks);
  object.read("condition", out.condition);
  object.read("count", out.count);
  if (const JSON *distinct = object.get("distinct")) {
    ObjectReader counts(*distinct, object.pathOf("distinct"), errors);
    for (const std::string &rank : out.ranks)
      counts.read(rank.c_str(), out.distinct[rank]);
  }
}

static void readClaim(ObjectReader &object, CompulsoryBound &out) {
  object.read("inputs", out.inputs);
  object.read("outputs", out.outputs);
}

static void readClaim(ObjectReader &object, PassesBound &out) {
  object.read("tensor", out.tensor);
  object.read("fibre", out.fibre);
  object.read("barriers", out.barriers);
  object.read("bits", out.bits, 1, maxBits);
  object.read("fibres", out.fibres);
  object.read("length", out.length);
}

static void readClaim(ObjectReader &object, ContractionBound &out) {
  object.read("ranks", out.ranks);
  object.readOptional("condition", out.condition);
  object.read("products", out.products);
  object.readArray("operands", out.operands,
                   [&](const JSON &json, const std::string &path,
                       ContractionBound::Operand &operand) {
                     ObjectReader inner(json, path, object.report());
                     inner.read("tensor", operand.tensor);
                     inner.read("bits", operand.bits, 1, maxBits);
                     inner.read("exponent", operand.exponent);
                   });
  object.read("segment", out.segment);
}

static void readClaim(ObjectReader &object, AttentionBound &out) {
  object.read("theorem", out.theorem, 1, 10);
  std::string regime;
  object.readOptional("regime", regime);
  if (regime.size() > 1)
    object.report().add(object.pathOf("regime"), "expected one letter");
  out.regime = regime.empty() ? 0 : regime[0];
  object.read("pairRanks", out.pairRanks);
  object.readOptional("condition", out.condition);
  object.read("pairs", out.pairs);
  object.readArray("scores", out.scores,
                   [&](const JSON &json, const std::string &path,
                       AttentionBound::Score &score) {
                     ObjectReader inner(json, path, object.report());
                     inner.read("query", score.query);
                     inner.read("key", score.key);
                     inner.read("over", score.over);
                   });
  object.read("value", out.value);
  object.read("valueRanks", out.valueRanks);
  object.read("output", out.output);
  object.read("keyWidth", out.keyWidth);
  object.read("valueWidth", out.valueWidth);
  if (const JSON *words = object.get("words")) {
    ObjectReader inner(*words, object.pathOf("words"), object.report());
    inner.read("query", out.words.query, 1, maxBits);
    inner.read("key", out.words.key, 1, maxBits);
    inner.read("value", out.words.value, 1, maxBits);
    inner.read("score", out.words.score, 1, maxBits);
    inner.read("output", out.words.output, 1, maxBits);
  }
}

static void readClaim(ObjectReader &object, BackwardBound &out) {
  object.read("pairRanks", out.pairRanks);
  object.readOptional("condition", out.condition);
  object.read("pairs", out.pairs);
  forTensors(out, [&](const char *member, std::string &tensor) {
    object.read(member, tensor);
  });
  object.read("keyRanks", out.keyRanks);
  object.read("valueRanks", out.valueRanks);
  object.read("width", out.width);
  object.read("bits", out.bits, 1, maxBits);
}

static void readBound(const JSON &json, const std::string &path, Errors &errors,
                      Bound &out) {
  ObjectReader object(json, path, errors);
  std::string kind;
  object.read("kind", kind);
  if (kind == "compulsory")
    readClaim(object, out.claim.emplace<CompulsoryBound>());
  else if (kind == "passes")
    readClaim(object, out.claim.emplace<PassesBound>());
  else if (kind == "contraction")
    readClaim(object, out.claim.emplace<ContractionBound>());
  else if (kind == "attention")
    readClaim(object, out.claim.emplace<AttentionBound>());
  else if (kind == "attention-backward")
    readClaim(object, out.claim.emplace<BackwardBound>());
  else
    errors.add(object.pathOf("kind"), "unknown kind of bound");
  object.read("bytes", out.bytes);
}

static void readSchedule(const JSON &json, const std::string &path,
                         Errors &errors, ScheduleTraffic &out) {
  ObjectReader object(json, path, errors);
  object.read("counted", out.counted);
  object.readArray("terms", out.terms,
                   [&](const JSON &json, const std::string &path,
                       ScheduleTraffic::Term &term) {
                     ObjectReader inner(json, path, errors);
                     inner.read("what", term.what);
                     inner.read("bytes", term.bytes, 0, maxBytes);
                     inner.read("times", term.times);
                     if (inner.find("asked"))
                       inner.read("asked", term.asked.emplace());
                   });
  object.read("total", out.total);
  if (out.hasAsked())
    object.read("asked", out.asked);
  if (!object.find("fits"))
    return;
  object.readArray("fits", out.fits,
                   [&](const JSON &json, const std::string &path,
                       ScheduleTraffic::Fit &fit) {
                     ObjectReader inner(json, path, errors);
                     inner.read("memory", fit.memory);
                     inner.readArray(
                         "keeps", fit.keeps,
                         [&](const JSON &json, const std::string &path,
                             ScheduleTraffic::Fit::Kept &kept) {
                           ObjectReader entry(json, path, errors);
                           entry.read("what", kept.what);
                           entry.read("bytes", kept.bytes, 0, maxBytes);
                         });
                     inner.read("bytes", fit.bytes);
                   });
}

static void readBoundary(const JSON &json, const std::string &path,
                         Errors &errors, Boundary &out) {
  ObjectReader object(json, path, errors);
  object.read("boundary", out.name);
  object.read("units", out.units, 1, maxExtent);
  object.readArray(
      "inside", out.inside,
      [&](const JSON &json, const std::string &path, Boundary::Memory &memory) {
        ObjectReader inner(json, path, errors);
        inner.read("memory", memory.memory);
        inner.read("bytes", memory.bytes, 1, maxBytes);
      });
  object.read("capacity", out.capacity);
  object.readArray("bounds", out.bounds,
                   [&](const JSON &json, const std::string &path,
                       Bound &bound) { readBound(json, path, errors, bound); });
  if (const JSON *lower = object.get("lower")) {
    ObjectReader inner(*lower, object.pathOf("lower"), errors);
    inner.read("bound", out.lowerBound, 0, 1000);
    inner.read("bytes", out.lowerBytes);
  }
  if (const JSON *schedule = object.find("schedule"))
    readSchedule(*schedule, object.pathOf("schedule"), errors,
                 out.schedule.emplace());
  if (out.schedule && out.lowerBytes > 0)
    object.read("ratio", out.ratio);
}

Result<Certificate> Certificate::fromJSON(const JSON &json) {
  Errors errors;
  Certificate out;
  {
    ObjectReader object(json, "", errors);
    std::string format;
    int64_t version = 0;
    object.read("format", format);
    if (errors.first.empty() && format != formatName)
      errors.add("format", "is '" + format.substr(0, 100) + "', expected '" +
                               formatName + "'");
    object.read("version", version, formatVersion, formatVersion);
    object.read("kernel", out.kernel);
    object.read("source", out.source);
    object.read("target", out.target);
    if (const JSON *machine = object.get("machine")) {
      ObjectReader inner(*machine, "machine", errors);
      inner.read("name", out.machineName);
      inner.read("sha256", out.machineHash);
    }
    if (const JSON *extents = object.get("extents")) {
      ObjectReader inner(*extents, "extents", errors);
      if (extents->is_object())
        for (const auto &member : extents->items())
          inner.read(member.key().c_str(), out.extents[member.key()], 0,
                     maxExtent);
    }
    object.readArray(
        "tensors", out.tensors,
        [&](const JSON &json, const std::string &path, Tensor &tensor) {
          readTensor(json, path, errors, tensor);
        });
    object.readArray(
        "conditions", out.conditions,
        [&](const JSON &json, const std::string &path, Condition &condition) {
          readCondition(json, path, errors, condition);
        });
    object.readArray(
        "boundaries", out.boundaries,
        [&](const JSON &json, const std::string &path, Boundary &boundary) {
          readBoundary(json, path, errors, boundary);
        });
    if (const JSON *choice = object.find("choice"))
      readChoice(*choice, "choice", errors, out.choice.emplace());
    if (const JSON *sizes = object.find("sizes"))
      readSizes(*sizes, "sizes", errors, out.sizes.emplace());
  }
  if (!errors.first.empty())
    return Failure{errors.first};
  return out;
}

Result<Certificate> Certificate::parse(const std::string &text) {
  constexpr size_t maxSize = 16 << 20;
  constexpr int maxDepth = 80;
  if (text.size() > maxSize)
    return Failure{"certificate has " + std::to_string(text.size()) +
                   " bytes, at most " + std::to_string(maxSize) + " are read"};
  // Depth and repeated names are not checked by the parser.
  std::string problem;
  std::vector<std::set<std::string>> names;
  auto watch = [&](int depth, JSON::parse_event_t event, JSON &value) {
    if (depth > maxDepth && problem.empty())
      problem = "nested deeper than " + std::to_string(maxDepth);
    if (event == JSON::parse_event_t::object_start)
      names.emplace_back();
    else if (event == JSON::parse_event_t::object_end)
      names.pop_back();
    else if (event == JSON::parse_event_t::key &&
             !names.back().insert(value.get<std::string>()).second &&
             problem.empty())
      problem = "'" + value.get<std::string>().substr(0, 100) +
                "' occurs twice in an object";
    return problem.empty();
  };
  JSON json = JSON::parse(text, watch, /*allow_exceptions=*/false);
  if (!problem.empty())
    return Failure{problem};
  if (json.is_discarded())
    return Failure{"is not JSON"};
  return fromJSON(json);
}

} // namespace einfall::certificate
