//===- Results.cpp - Measured choices of tiles, as a file -----------------===//

#include "frontend/driver/tune/Results.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cmath>

using namespace einfall::driver;
namespace json = llvm::json;

static constexpr llvm::StringLiteral format = "einfall-tune";
static constexpr int64_t formatVersion = 1;
// Bounds of what a file may hold.
static constexpr size_t mostBytes = size_t(1) << 26, mostEntries = 100000;
static constexpr int64_t mostSize = int64_t(1) << 40;

//===----------------------------------------------------------------------===//
// Records
//===----------------------------------------------------------------------===//

unsigned TuneRecord::rounds() const {
  unsigned least = ~0u;
  for (const TunedCandidate &candidate : candidates)
    least = std::min(least, candidate.rounds);
  return least;
}

const TunedCandidate &TuneRecord::best() const {
  const TunedCandidate *best = &candidates.front();
  for (const TunedCandidate &candidate : candidates)
    if (candidate.seconds < best->seconds)
      best = &candidate;
  return *best;
}

bool TuneRecord::isOfSame(const TuneRecord &other) const {
  return kernel == other.kernel && hash == other.hash &&
         target == other.target && processor == other.processor &&
         machine == other.machine && extents == other.extents;
}

void TuneResults::add(TuneRecord record) {
  for (TuneRecord &known : records) {
    if (!known.isOfSame(record))
      continue;
    bool wins = record.rounds() != known.rounds()
                    ? record.rounds() > known.rounds()
                    : record.measured >= known.measured;
    if (wins)
      known = std::move(record);
    return;
  }
  records.push_back(std::move(record));
}

std::string einfall::driver::scheduleText(const std::string &kernel,
                                          const std::string &target,
                                          const ChosenSchedule &schedule) {
  std::string text = "schedule " + kernel + " for " + target + " {";
  const char *separator = " tile ";
  for (const auto &[rank, size] : schedule.tiles) {
    text += separator + rank + " = " + std::to_string(size);
    separator = ", ";
  }
  if (schedule.stages)
    text += (schedule.tiles.empty() ? " stages " : "; stages ") +
            std::to_string(schedule.stages);
  return text + " }";
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

static json::Object sizesByName(const auto &pairs) {
  json::Object object;
  for (const auto &[name, size] : pairs)
    object[name] = size;
  return object;
}

std::string TuneResults::toText() const {
  json::Array all;
  for (const TuneRecord &record : records) {
    json::Array candidates;
    for (const TunedCandidate &candidate : record.candidates) {
      json::Object schedule{{"tile", sizesByName(candidate.schedule.tiles)}};
      if (candidate.schedule.rowVectors)
        schedule["row_vectors"] = candidate.schedule.rowVectors;
      if (candidate.schedule.stages)
        schedule["stages"] = candidate.schedule.stages;
      candidates.push_back(json::Object{{"schedule", std::move(schedule)},
                                        {"modelled", candidate.modelled},
                                        {"rounds", candidate.rounds},
                                        {"seconds", candidate.seconds},
                                        {"seconds10", candidate.low},
                                        {"seconds90", candidate.high}});
    }
    all.push_back(json::Object{{"kernel", record.kernel},
                               {"hash", record.hash},
                               {"target", record.target},
                               {"cpu", record.processor},
                               {"machine", record.machine},
                               {"extents", sizesByName(record.extents)},
                               {"einfall", record.version},
                               {"measured", record.measured},
                               {"candidates", std::move(candidates)}});
  }
  json::Value value = json::Object{{"format", format},
                                   {"version", formatVersion},
                                   {"results", std::move(all)}};
  return llvm::formatv("{0:2}\n", value).str();
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

namespace {

/// Takes entries by name, and keeps the first error.
class ResultReader {
public:
  explicit ResultReader(const std::string &origin) : origin(origin) {}

  std::string error;

  void fail(const std::string &path, const llvm::Twine &what) {
    if (error.empty())
      error = (origin + ": " + path + " " + what).str();
  }
  const json::Object *object(const json::Value *value,
                             const std::string &path) {
    const json::Object *found = value ? value->getAsObject() : nullptr;
    if (!found)
      fail(path, "is not an object");
    return found;
  }
  const json::Array *array(const json::Object &in, llvm::StringRef name,
                           const std::string &path) {
    const json::Array *found = in.getArray(name);
    if (!found || found->size() > mostEntries)
      fail(path + "." + name.str(),
           found ? "has too many entries" : "is not a list");
    return error.empty() ? found : nullptr;
  }
  std::string text(const json::Object &in, llvm::StringRef name,
                   const std::string &path) {
    auto found = in.getString(name);
    if (!found || found->empty())
      fail(path + "." + name.str(), "is not a text");
    return found.value_or("").str();
  }
  int64_t integer(const json::Object &in, llvm::StringRef name, int64_t least,
                  int64_t most, const std::string &path) {
    auto found = in.getInteger(name);
    if (!found || *found < least || *found > most)
      fail(path + "." + name.str(), "is not a whole number from " +
                                        llvm::Twine(least) + " to " +
                                        llvm::Twine(most));
    return found.value_or(least);
  }
  double positive(const json::Object &in, llvm::StringRef name,
                  const std::string &path) {
    auto found = in.getNumber(name);
    if (!found || !std::isfinite(*found) || *found <= 0)
      fail(path + "." + name.str(), "is not a positive number");
    return found.value_or(1);
  }
  std::map<std::string, int64_t> sizes(const json::Object &in,
                                       llvm::StringRef name, int64_t least,
                                       const std::string &path) {
    std::map<std::string, int64_t> result;
    std::string here = path + "." + name.str();
    const json::Object *found = object(in.get(name), here);
    if (found)
      for (const auto &entry : *found)
        result[entry.first.str()] =
            integer(*found, entry.first, least, mostSize, here);
    return result;
  }

private:
  std::string origin;
};

} // namespace

static TunedCandidate readCandidate(ResultReader &reader,
                                    const json::Object &in,
                                    const std::string &path) {
  TunedCandidate candidate;
  const json::Object *schedule =
      reader.object(in.get("schedule"), path + ".schedule");
  if (!schedule)
    return candidate;
  for (auto &[rank, size] :
       reader.sizes(*schedule, "tile", 1, path + ".schedule"))
    candidate.schedule.tiles.emplace_back(rank, size);
  if (schedule->get("row_vectors"))
    candidate.schedule.rowVectors =
        reader.integer(*schedule, "row_vectors", 1, 64, path + ".schedule");
  if (schedule->get("stages"))
    candidate.schedule.stages =
        reader.integer(*schedule, "stages", 1, 64, path + ".schedule");
  auto modelled = in.getNumber("modelled");
  if (!modelled || !std::isfinite(*modelled) || *modelled < 0)
    reader.fail(path + ".modelled", "is not a number");
  candidate.modelled = modelled.value_or(0);
  candidate.rounds = reader.integer(in, "rounds", 1, 1 << 30, path);
  candidate.seconds = reader.positive(in, "seconds", path);
  candidate.low = reader.positive(in, "seconds10", path);
  candidate.high = reader.positive(in, "seconds90", path);
  if (reader.error.empty() &&
      (candidate.low > candidate.seconds || candidate.seconds > candidate.high))
    reader.fail(path + ".seconds", "is not between seconds10 and seconds90");
  return candidate;
}

static TuneRecord readRecord(ResultReader &reader, const json::Object &in,
                             const std::string &path) {
  TuneRecord record;
  record.kernel = reader.text(in, "kernel", path);
  record.hash = reader.text(in, "hash", path);
  record.target = reader.text(in, "target", path);
  record.processor = reader.text(in, "cpu", path);
  record.machine = reader.text(in, "machine", path);
  record.extents = reader.sizes(in, "extents", 0, path);
  record.version = reader.text(in, "einfall", path);
  record.measured = reader.integer(in, "measured", 0, mostSize, path);
  const json::Array *candidates = reader.array(in, "candidates", path);
  if (!candidates)
    return record;
  if (candidates->empty())
    reader.fail(path + ".candidates", "is empty");
  for (size_t i = 0; i < candidates->size() && reader.error.empty(); ++i) {
    std::string here = path + ".candidates[" + std::to_string(i) + "]";
    if (const json::Object *candidate = reader.object(&(*candidates)[i], here))
      record.candidates.push_back(readCandidate(reader, *candidate, here));
  }
  return record;
}

llvm::Expected<TuneResults>
einfall::driver::parseResults(llvm::StringRef text, const std::string &origin) {
  auto refuse = [&](const llvm::Twine &why) {
    return llvm::createStringError(origin + ": " + why);
  };
  if (text.size() > mostBytes)
    return refuse("has " + llvm::Twine(text.size()) +
                  " bytes; results have at most " + llvm::Twine(mostBytes));
  llvm::Expected<json::Value> value = json::parse(text);
  if (!value) {
    llvm::consumeError(value.takeError());
    return refuse("is not JSON; it is damaged, or no file of `einfall tune`");
  }
  const json::Object *top = value->getAsObject();
  if (!top || top->getString("format") != llvm::StringRef(format))
    return refuse("is no file of `einfall tune`: it does not say \"format\": "
                  "\"" +
                  format + "\"");
  if (auto version = top->getInteger("version"); version != formatVersion)
    return refuse(
        "is of version " + (version ? std::to_string(*version) : "unknown") +
        " of the format; this program reads " + llvm::Twine(formatVersion));
  ResultReader reader(origin);
  TuneResults results;
  if (const json::Array *all = reader.array(*top, "results", "file"))
    for (size_t i = 0; i < all->size() && reader.error.empty(); ++i) {
      std::string path = "results[" + std::to_string(i) + "]";
      if (const json::Object *record = reader.object(&(*all)[i], path)) {
        TuneRecord read = readRecord(reader, *record, path);
        if (reader.error.empty())
          results.add(std::move(read));
      }
    }
  if (!reader.error.empty())
    return llvm::createStringError(reader.error);
  return results;
}

llvm::Expected<TuneResults>
einfall::driver::readResults(const std::string &path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return llvm::createStringError("cannot read " + path + ": " +
                                   buffer.getError().message());
  return parseResults((*buffer)->getBuffer(), path);
}
