//===- MachineReader.cpp - Descriptions of machines from text -------------===//
//
// Every entry is asked for by name, in one place, with what it may be. Entries
// that nobody asked for are refused: a misspelt one would be taken for one that
// is missing. The first thing wrong is the error.
//
//===----------------------------------------------------------------------===//

#include "codegen/targets/Machine.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/SHA256.h"

#include <cmath>
#include <optional>

using namespace einfall;
using llvm::StringRef;

namespace {

/// Bounds of what any description may say; they keep sums within 64 bits.
constexpr int64_t mostCount = 1 << 20, mostRate = 1 << 24;
constexpr int64_t mostBytes = int64_t(1) << 46;
constexpr double mostPerSecond = 1e18;
constexpr size_t mostText = 256, mostEntries = 64;
constexpr size_t mostFileBytes = 1 << 16;
constexpr unsigned mostNesting = 16;

/// Reads entries of nested objects and keeps the first error.
class Reader {
public:
  explicit Reader(StringRef origin) : origin(origin) {}

  bool failed() const { return error.has_value(); }
  llvm::Error takeError() {
    return llvm::createStringError("machine description " + origin + ": " +
                                   *error);
  }
  void fail(const std::string &path, const llvm::Twine &what) {
    if (!error)
      error = (path.empty() ? what : llvm::Twine(path) + " " + what).str();
  }

private:
  StringRef origin;
  std::optional<std::string> error;
};

/// An object at a path; entries that were asked for are remembered.
class Entries {
public:
  Entries(Reader &reader, const llvm::json::Value *value, std::string path)
      : reader(reader), object(value ? value->getAsObject() : nullptr),
        path(std::move(path)) {
    if (!object && !reader.failed())
      reader.fail(this->path, value ? "is no object" : "is missing");
  }
  ~Entries() {
    if (!object || reader.failed())
      return;
    for (const auto &entry : *object)
      if (!asked.contains(entry.first))
        reader.fail(at(entry.first), "is not known");
  }

  std::string at(StringRef key) const {
    return path.empty() ? key.str() : path + "." + key.str();
  }
  bool has(StringRef key) const { return object && object->get(key); }
  const llvm::json::Value *get(StringRef key) {
    asked.insert(key);
    return object ? object->get(key) : nullptr;
  }

  int64_t integer(StringRef key, int64_t least, int64_t most) {
    const llvm::json::Value *value = get(key);
    if (reader.failed())
      return least;
    if (!value) {
      reader.fail(at(key), "is missing");
      return least;
    }
    std::optional<int64_t> number = value->getAsInteger();
    if (!number)
      reader.fail(at(key), llvm::formatv("is {0}, no integer", *value).str());
    else if (*number < least)
      reader.fail(at(key), llvm::formatv("is {0}; at least {1} is needed",
                                         *number, least)
                               .str());
    else if (*number > most)
      reader.fail(at(key), llvm::formatv("is {0}; at most {1} is possible",
                                         *number, most)
                               .str());
    else
      return *number;
    return least;
  }

  double perSecond(StringRef key) {
    const llvm::json::Value *value = get(key);
    if (reader.failed())
      return 1;
    std::optional<double> number;
    if (value)
      number = value->getAsNumber();
    if (!value)
      reader.fail(at(key), "is missing");
    else if (!number || !(*number >= 1 && *number <= mostPerSecond))
      reader.fail(
          at(key),
          llvm::formatv("is {0}; a number from 1 to 1e18 is needed", *value)
              .str());
    else
      return *number;
    return 1;
  }

  std::string text(StringRef key) {
    const llvm::json::Value *value = get(key);
    if (reader.failed())
      return "";
    std::optional<StringRef> string;
    if (value)
      string = value->getAsString();
    if (!value)
      reader.fail(at(key), "is missing");
    else if (!string || string->empty() || string->size() > mostText ||
             !llvm::all_of(*string, [](char c) { return llvm::isPrint(c); }))
      reader.fail(at(key), llvm::formatv("is no printable text of 1 to {0} "
                                         "characters",
                                         mostText)
                               .str());
    else
      return string->str();
    return "";
  }

  /// Calls `each` with every element and its path.
  void
  list(StringRef key, size_t least,
       llvm::function_ref<void(const llvm::json::Value &, std::string)> each) {
    const llvm::json::Value *value = get(key);
    if (reader.failed())
      return;
    const llvm::json::Array *array = value ? value->getAsArray() : nullptr;
    if (!array)
      return reader.fail(at(key), value ? "is no list" : "is missing");
    if (array->size() < least || array->size() > mostEntries)
      return reader.fail(at(key),
                         llvm::formatv("has {0} entries; {1} to {2} "
                                       "are possible",
                                       array->size(), least, mostEntries)
                             .str());
    for (size_t i = 0; i < array->size() && !reader.failed(); ++i)
      each((*array)[i], llvm::formatv("{0}[{1}]", at(key), i).str());
  }

private:
  Reader &reader;
  const llvm::json::Object *object;
  std::string path;
  llvm::StringSet<> asked;
};

class MachineParser {
public:
  MachineParser(StringRef text, StringRef origin)
      : text(text), reader(origin) {}
  llvm::Expected<Machine> parse();

private:
  void parseUnit(Entries &root);
  void parseLevels(Entries &root);
  void parseRates(Entries &root);
  void parseLimits(Entries &root);
  void parseFeatures(Entries &root);
  /// What a group rests on; every source is one of the file's.
  Basis parseBasis(Entries &group);
  void checkTogether();

  StringRef text;
  Reader reader;
  Machine machine;
  llvm::StringSet<> sources;
};

} // namespace

Basis MachineParser::parseBasis(Entries &group) {
  std::string name = group.text("basis");
  auto basis = llvm::StringSwitch<std::optional<Basis>>(name)
                   .Case("published", Basis::Published)
                   .Case("derived", Basis::Derived)
                   .Case("measured", Basis::Measured)
                   .Case("conjectured", Basis::Conjectured)
                   .Default(std::nullopt);
  if (!basis)
    reader.fail(group.at("basis"),
                "is \"" + name +
                    "\"; published, derived, measured and conjectured are "
                    "possible");
  group.list("sources", 1, [&](const llvm::json::Value &value, std::string at) {
    std::optional<StringRef> source = value.getAsString();
    if (!source || !sources.contains(*source))
      reader.fail(
          at,
          llvm::formatv("is {0}, which `sources` does not name", value).str());
  });
  if (group.has("note"))
    group.text("note");
  return basis.value_or(Basis::Conjectured);
}

void MachineParser::parseUnit(Entries &root) {
  Entries clock(reader, root.get("clock"), "clock");
  machine.clockHz = clock.perSecond("hz");
  parseBasis(clock);
  Entries unit(reader, root.get("unit"), "unit");
  machine.unit = unit.text("name");
  machine.units = unit.integer("count", 1, mostCount);
  machine.warpLanes = unit.integer("warp_lanes", 1, 1024);
  machine.clusterUnits = unit.integer("cluster_units", 1, 64);
  parseBasis(unit);
}

void MachineParser::parseLevels(Entries &root) {
  root.list("levels", 2, [&](const llvm::json::Value &value, std::string at) {
    Entries entries(reader, &value, at);
    MemoryLevel level;
    level.name = entries.text("name");
    level.units = entries.integer("units", 1, mostCount);
    entries.list(
        "memories", 1, [&](const llvm::json::Value &value, std::string at) {
          Entries memory(reader, &value, at);
          level.memories.push_back(
              {memory.text("name"), memory.integer("bytes", 1, mostBytes)});
        });
    if (!machine.levels.empty()) {
      if (entries.has("bytes_per_clock"))
        level.bytesPerSecond =
            entries.integer("bytes_per_clock", 1, mostRate) * machine.clockHz;
      else
        level.bytesPerSecond = entries.perSecond("bytes_per_second");
      level.sectorBytes = entries.integer("sector_bytes", 1, 4096);
      level.lineBytes = entries.integer("line_bytes", level.sectorBytes, 4096);
      int64_t outer = machine.levels.back().units;
      if (level.units % outer)
        reader.fail(entries.at("units"),
                    llvm::formatv("is {0}, no multiple of the {1} outside",
                                  level.units, outer)
                        .str());
    }
    level.basis = parseBasis(entries);
    machine.levels.push_back(std::move(level));
  });
}

void MachineParser::parseRates(Entries &root) {
  Entries matrix(reader, root.get("matrix"), "matrix");
  matrix.list("rates", 0, [&](const llvm::json::Value &value, std::string at) {
    Entries rate(reader, &value, at);
    std::string operands = rate.text("operands");
    std::string accumulator = rate.text("accumulator");
    machine.matrix.push_back(
        {operands, accumulator, rate.integer("flop_per_clock", 1, mostRate)});
  });
  matrix.list("shapes", 0, [&](const llvm::json::Value &value, std::string at) {
    std::optional<StringRef> shape = value.getAsString();
    if (!shape || shape->empty() || shape->size() > 32)
      return reader.fail(at, "is no shape of an instruction");
    machine.matrixShapes.push_back(shape->str());
  });
  parseBasis(matrix);
  Entries rates(reader, root.get("rates"), "rates");
  machine.fmaFlopPerClock = rates.integer("fma_flop_per_clock", 1, mostRate);
  machine.specialPerClock = rates.integer("special_per_clock", 0, mostRate);
  machine.sharedBytesPerClock =
      rates.integer("shared_bytes_per_clock", 1, mostRate);
  parseBasis(rates);
  Entries latencies(reader, root.get("latencies"), "latencies");
  machine.barrierClocks = latencies.integer("barrier_clocks", 0, mostCount);
  machine.memoryClocks = latencies.integer("memory_clocks", 0, mostCount);
  machine.cacheClocks = latencies.integer("l2_clocks", 0, mostCount);
  machine.launchNanoseconds = latencies.integer("launch_ns", 0, mostCount);
  parseBasis(latencies);
}

void MachineParser::parseLimits(Entries &root) {
  Entries limits(reader, root.get("limits"), "limits");
  {
    Entries block(reader, limits.get("block"), "limits.block");
    machine.block.threads = block.integer("threads", 0, mostCount);
    // Where there are blocks, they have something to work with.
    int64_t least = machine.block.threads ? 1 : 0;
    machine.block.registersPerThread =
        block.integer("registers_per_thread", least, mostCount);
    machine.block.sharedBytes = block.integer("shared_bytes", least, mostBytes);
  }
  {
    int64_t least = machine.block.threads ? 1 : 0;
    Entries unit(reader, limits.get("unit"), "limits.unit");
    machine.perUnit.threads =
        unit.integer("threads", machine.block.threads, mostCount);
    machine.perUnit.blocks = unit.integer("blocks", least, mostCount);
    machine.perUnit.registers = unit.integer("registers", least, mostBytes);
    machine.perUnit.registersPerWarpUnit =
        unit.integer("registers_per_warp_unit", least, mostCount);
    machine.perUnit.sharedReservedBytes =
        unit.integer("shared_reserved_bytes", 0, mostBytes);
    machine.perUnit.sharedBytes = unit.integer(
        "shared_bytes",
        machine.block.sharedBytes + machine.perUnit.sharedReservedBytes,
        mostBytes);
  }
  parseBasis(limits);
}

void MachineParser::parseFeatures(Entries &root) {
  root.list("features", 0, [&](const llvm::json::Value &value, std::string at) {
    bool *feature =
        llvm::StringSwitch<bool *>(value.getAsString().value_or(StringRef()))
            .Case("bulk_copies", &machine.hasBulkCopies)
            .Case("warpgroup_mma", &machine.hasWarpgroupMma)
            .Case("tensor_memory", &machine.hasTensorMemory)
            .Default(nullptr);
    if (!feature)
      return reader.fail(at, llvm::formatv("is {0}; bulk_copies, warpgroup_mma "
                                           "and tensor_memory are possible",
                                           value)
                                 .str());
    *feature = true;
  });
}

/// What no entry shows by itself.
void MachineParser::checkTogether() {
  int64_t innermost = machine.levels.back().units;
  if (innermost != machine.units)
    reader.fail("unit.count",
                llvm::formatv("is {0}, but the innermost of `levels` has {1} "
                              "units",
                              machine.units, innermost)
                    .str());
  if (machine.block.threads % machine.warpLanes)
    reader.fail("limits.block.threads",
                llvm::formatv("is {0}, no multiple of the {1} lanes of a warp",
                              machine.block.threads, machine.warpLanes)
                    .str());
}

/// The parser of JSON calls itself for every bracket.
static bool isDeeplyNested(StringRef text) {
  unsigned depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quoted && c == '\\')
      ++i;
    else if (c == '"')
      quoted = !quoted;
    else if (!quoted && (c == '[' || c == '{') && ++depth > mostNesting)
      return true;
    else if (!quoted && (c == ']' || c == '}') && depth)
      --depth;
  }
  return false;
}

llvm::Expected<Machine> MachineParser::parse() {
  if (text.size() > mostFileBytes || isDeeplyNested(text)) {
    reader.fail("", llvm::formatv("has {0} bytes; at most {1}, nested at most "
                                  "{2} deep, are possible",
                                  text.size(), mostFileBytes, mostNesting)
                        .str());
    return reader.takeError();
  }
  llvm::Expected<llvm::json::Value> value = llvm::json::parse(text);
  if (!value) {
    reader.fail("", llvm::toString(value.takeError()));
    return reader.takeError();
  }
  {
    Entries root(reader, &*value, "");
    if (root.text("format") != "einfall-machine")
      reader.fail("format", "is not \"einfall-machine\"");
    root.integer("version", 1, 1);
    machine.name = root.text("name");
    machine.title = root.text("title");
    machine.architecture = root.text("architecture");
    const llvm::json::Value *named = root.get("sources");
    const llvm::json::Object *list = named ? named->getAsObject() : nullptr;
    if (!list)
      reader.fail("sources", "has to name what the facts are taken from");
    else
      for (const auto &entry : *list)
        sources.insert(entry.first);
    parseUnit(root);
    parseLevels(root);
    parseRates(root);
    parseLimits(root);
    parseFeatures(root);
  }
  if (!reader.failed())
    checkTogether();
  if (reader.failed())
    return reader.takeError();
  auto hash = llvm::SHA256::hash(llvm::arrayRefFromStringRef(text));
  machine.sha256 = llvm::toHex(hash, /*LowerCase=*/true);
  return std::move(machine);
}

llvm::Expected<Machine> einfall::parseMachine(StringRef text,
                                              StringRef origin) {
  return MachineParser(text, origin).parse();
}
