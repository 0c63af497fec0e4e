//===- Reader.h - Members of JSON objects, read strictly --------*- C++ -*-===//
//
// Every member is of its type, present, and known, so that what was checked is
// all there is. Numbers that may exceed 2^53 or are no integers are strings.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_CERTIFICATE_READER_H
#define EINFALL_PASSES_CERTIFICATE_READER_H

#include "passes/Certificate/Expression.h"
#include "passes/Certificate/Integer.h"

#include <nlohmann/json.hpp>

#include <set>

namespace einfall::certificate {

using JSON = nlohmann::ordered_json;

JSON writeNumber(const mpz_class &value);
JSON writeFraction(const mpq_class &value);

constexpr int64_t maxExtent = int64_t(1) << 40;
constexpr int64_t maxBytes = int64_t(1) << 60;
constexpr int64_t maxBits = 1024;

/// Where an error is put; the first is kept.
struct Errors {
  std::string first;
  void add(const std::string &path, const std::string &message) {
    if (first.empty())
      first = (path.empty() ? "" : path + ": ") + message;
  }
};

/// An object whose members are read one by one.
class ObjectReader {
public:
  ObjectReader(const JSON &json, std::string path, Errors &errors)
      : json(json), path(std::move(path)), errors(errors) {
    if (!json.is_object())
      errors.add(this->path, "expected an object");
  }
  /// Refuses what nobody asked for.
  ~ObjectReader();

  std::string pathOf(const std::string &name) const {
    return path.empty() ? name : path + "." + name;
  }

  const JSON *find(const std::string &name);

  const JSON *get(const std::string &name);

  void read(const char *name, std::string &out) {
    if (const JSON *member = get(name))
      readValue(*member, pathOf(name), out);
  }
  void read(const char *name, mpz_class &out) {
    if (const JSON *member = get(name))
      readValue(*member, pathOf(name), out);
  }
  void read(const char *name, mpq_class &out) {
    if (const JSON *member = get(name))
      readValue(*member, pathOf(name), out);
  }
  void read(const char *name, Expression &out) {
    if (const JSON *member = get(name))
      readValue(*member, pathOf(name), out);
  }
  void read(const char *name, std::vector<std::string> &out) {
    readArray(name, out,
              [this](const JSON &json, const std::string &path,
                     std::string &out) { readValue(json, path, out); });
  }
  void readOptional(const char *name, std::string &out);
  template <typename Number>
  void read(const char *name, Number &out, int64_t least, int64_t most) {
    if (const JSON *member = get(name))
      out = readRange(*member, pathOf(name), least, most);
  }
  template <typename T, typename Function>
  void readArray(const char *name, std::vector<T> &out, Function readEntry,
                 size_t maxEntries = 256) {
    const JSON *array = get(name);
    if (!array)
      return;
    if (!array->is_array())
      return errors.add(pathOf(name), "expected an array");
    if (array->size() > maxEntries)
      return errors.add(pathOf(name), "has more than " +
                                          std::to_string(maxEntries) +
                                          " entries");
    for (size_t i = 0; i < array->size(); ++i)
      readEntry((*array)[i], pathOf(name) + "[" + std::to_string(i) + "]",
                out.emplace_back());
  }

  void readValue(const JSON &json, const std::string &path, std::string &out);
  void readValue(const JSON &json, const std::string &path, mpz_class &out);
  void readValue(const JSON &json, const std::string &path, mpq_class &out);
  void readValue(const JSON &json, const std::string &path, Expression &out);
  int64_t readRange(const JSON &json, const std::string &path, int64_t least,
                    int64_t most);

  Errors &report() { return errors; }

private:
  const JSON &json;
  std::string path;
  Errors &errors;
  std::set<std::string> known;
};

} // namespace einfall::certificate

#endif // EINFALL_PASSES_CERTIFICATE_READER_H
