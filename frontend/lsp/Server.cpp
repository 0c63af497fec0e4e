//===- Server.cpp - The language server -----------------------------------===//

#include "frontend/lsp/Server.h"
#include "frontend/driver/AtomicFile.h"
#include "frontend/lsp/Document.h"
#include "frontend/lsp/Passes.h"
#include "frontend/lsp/Positions.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/LSP/Protocol.h"
#include "llvm/Support/LSP/Transport.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include <map>

using namespace einfall;
using namespace einfall::lsp;
namespace json = llvm::json;
using llvm::StringRef;
using llvm::lsp::Callback;
using llvm::lsp::Position;
using llvm::lsp::Range;

//===----------------------------------------------------------------------===//
// Messages
//===----------------------------------------------------------------------===//

// Documents are known by their URI as the client spells it, whatever its
// scheme: a text that was never saved has diagnostics, too.
namespace {
struct Anything {};
struct OpenParams {
  std::string uri, text;
  std::optional<int64_t> version;
};
struct ChangeParams {
  std::string uri, text;
  std::optional<int64_t> version;
};
struct TextParams {
  std::string uri;
};
struct PlaceParams {
  std::string uri;
  Position position;
};
struct RangeParams {
  std::string uri;
  Range range;
};

bool fromJSON(const json::Value &, Anything &, json::Path) { return true; }

/// Runs `read` on the object `textDocument` of `value`.
template <typename Read>
bool inDocument(const json::Value &value, json::Path path, Read read) {
  const json::Object *object = value.getAsObject();
  const json::Value *document = object ? object->get("textDocument") : nullptr;
  if (!document) {
    path.report("expected a text document");
    return false;
  }
  json::ObjectMapper mapper(*document, path.field("textDocument"));
  return mapper && read(mapper);
}

bool fromJSON(const json::Value &value, TextParams &result, json::Path path) {
  return inDocument(value, path, [&](json::ObjectMapper &document) {
    return document.map("uri", result.uri);
  });
}

bool fromJSON(const json::Value &value, OpenParams &result, json::Path path) {
  return inDocument(value, path, [&](json::ObjectMapper &document) {
    return document.map("uri", result.uri) &&
           document.map("text", result.text) &&
           document.map("version", result.version);
  });
}

/// The last change counts: every one carries the whole text.
bool fromJSON(const json::Value &value, ChangeParams &result, json::Path path) {
  if (!inDocument(value, path, [&](json::ObjectMapper &document) {
        return document.map("uri", result.uri) &&
               document.map("version", result.version);
      }))
    return false;
  const json::Array *changes = value.getAsObject()->getArray("contentChanges");
  if (!changes || changes->empty()) {
    path.report("expected changes");
    return false;
  }
  const json::Object *last = changes->back().getAsObject();
  std::optional<StringRef> text =
      last && !last->get("range") ? last->getString("text") : std::nullopt;
  if (!text) {
    path.report("expected a change with the whole text");
    return false;
  }
  result.text = text->str();
  return true;
}

bool fromJSON(const json::Value &value, PlaceParams &result, json::Path path) {
  TextParams text;
  json::ObjectMapper mapper(value, path);
  if (!mapper || !fromJSON(value, text, path))
    return false;
  result.uri = std::move(text.uri);
  return mapper.map("position", result.position);
}

bool fromJSON(const json::Value &value, RangeParams &result, json::Path path) {
  TextParams text;
  json::ObjectMapper mapper(value, path);
  if (!mapper || !fromJSON(value, text, path))
    return false;
  result.uri = std::move(text.uri);
  return mapper.map("range", result.range);
}

/// LLVM's reader of JSON recurses, and its transport ends at a message that is
/// none: what nests deeper than any message does, and what is no request or
/// notification (this server asks nothing, so answers are none), is not given
/// to it.
class Input : public llvm::lsp::JSONTransportInput {
public:
  explicit Input(std::FILE *in) : file(in) {}
  bool hasError() const override { return file.hasError(); }
  bool isEndOfInput() const override { return file.isEndOfInput(); }
  llvm::LogicalResult readDelimitedMessage(std::string &text) override {
    return checked(file.readDelimitedMessage(text), text);
  }
  llvm::LogicalResult readStandardMessage(std::string &text) override {
    return checked(file.readStandardMessage(text), text);
  }

private:
  static constexpr unsigned maxNesting = 200;
  static bool nestsTooDeep(StringRef text) {
    unsigned depth = 0;
    bool quoted = false;
    for (size_t at = 0; at < text.size(); ++at) {
      char c = text[at];
      if (quoted && c == '\\')
        ++at;
      else if (c == '"')
        quoted = !quoted;
      else if (!quoted && (c == '[' || c == '{') && ++depth > maxNesting)
        return true;
      else if (!quoted && (c == ']' || c == '}') && depth > 0)
        --depth;
    }
    return false;
  }
  static llvm::LogicalResult checked(llvm::LogicalResult read,
                                     const std::string &text) {
    if (failed(read) || nestsTooDeep(text))
      return llvm::failure();
    llvm::Expected<json::Value> message = json::parse(text);
    if (!message) {
      llvm::consumeError(message.takeError());
      return llvm::failure();
    }
    const json::Object *object = message->getAsObject();
    return llvm::success(object && object->getString("jsonrpc") == "2.0" &&
                         object->getString("method"));
  }
  llvm::lsp::JSONTransportInputOverFile file;
};

//===----------------------------------------------------------------------===//
// The server
//===----------------------------------------------------------------------===//

class Server {
public:
  explicit Server(llvm::lsp::MessageHandler &handler);
  bool isShutDown() const { return shutDown; }

private:
  void onInitialize(const Anything &, Callback<json::Value> reply);
  void onInitialized(const Anything &) {}
  void onShutdown(const Anything &, Callback<json::Value> reply);
  void onOpen(const OpenParams &params);
  void onChange(const ChangeParams &params);
  void onClose(const TextParams &params);
  void onHover(const PlaceParams &params, Callback<json::Value> reply);
  void onDefinition(const PlaceParams &params, Callback<json::Value> reply);
  void onSymbols(const TextParams &params, Callback<json::Value> reply);
  void onFixes(const RangeParams &params, Callback<json::Value> reply);

  Document *find(StringRef uri);
  void update(const std::string &uri, std::string text,
              std::optional<int64_t> version);
  std::optional<Meaning> meaning(const PlaceParams &params);
  std::optional<json::Value> location(const Document &document, StringRef uri,
                                      ein::SourceRange range);
  json::Value toJson(const Document &document, StringRef uri,
                     const ein::Diagnostic &diagnostic);
  const std::string &preludeUri();

  std::map<std::string, std::unique_ptr<Document>, std::less<>> documents;
  llvm::lsp::OutgoingNotification<json::Value> publish;
  std::optional<std::string> prelude;
  bool shutDown = false;
};
} // namespace

Server::Server(llvm::lsp::MessageHandler &handler)
    : publish(handler.outgoingNotification<json::Value>(
          "textDocument/publishDiagnostics")) {
  handler.method("initialize", this, &Server::onInitialize);
  handler.notification("initialized", this, &Server::onInitialized);
  handler.method("shutdown", this, &Server::onShutdown);
  handler.notification("textDocument/didOpen", this, &Server::onOpen);
  handler.notification("textDocument/didChange", this, &Server::onChange);
  handler.notification("textDocument/didClose", this, &Server::onClose);
  handler.method("textDocument/hover", this, &Server::onHover);
  handler.method("textDocument/definition", this, &Server::onDefinition);
  handler.method("textDocument/documentSymbol", this, &Server::onSymbols);
  handler.method("textDocument/codeAction", this, &Server::onFixes);
}

void Server::onInitialize(const Anything &, Callback<json::Value> reply) {
  reply(json::Object{
      {"capabilities",
       json::Object{
           {"positionEncoding", "utf-16"},
           {"textDocumentSync",
            json::Object{{"openClose", true},
                         {"change", static_cast<int>(
                                        llvm::lsp::TextDocumentSyncKind::Full)},
                         {"save", true}}},
           {"hoverProvider", true},
           {"definitionProvider", true},
           {"documentSymbolProvider", true},
           {"codeActionProvider",
            json::Object{{"codeActionKinds", json::Array{"quickfix"}}}}}},
      {"serverInfo", json::Object{{"name", "einfall-lsp"}}}});
}

void Server::onShutdown(const Anything &, Callback<json::Value> reply) {
  shutDown = true;
  reply(nullptr);
}

Document *Server::find(StringRef uri) {
  auto found = documents.find(uri);
  return found == documents.end() ? nullptr : found->second.get();
}

//===----------------------------------------------------------------------===//
// Texts and their diagnostics
//===----------------------------------------------------------------------===//

/// The prelude as a file of the user's cache, so that every editor can open it;
/// empty where it cannot be written.
const std::string &Server::preludeUri() {
  if (prelude)
    return *prelude;
  prelude = "";
  llvm::SmallString<128> path;
  if (const char *folder = std::getenv("EINFALL_CACHE_DIR"); folder && *folder)
    path = folder;
  else if (llvm::sys::path::cache_directory(path))
    llvm::sys::path::append(path, "einfall");
  else
    return *prelude;
  llvm::sys::fs::make_absolute(path);
  if (llvm::sys::fs::create_directories(path, /*IgnoreExisting=*/true,
                                        llvm::sys::fs::owner_all))
    return *prelude;
  llvm::sys::path::append(path, "prelude.ein");
  auto present = llvm::MemoryBuffer::getFile(path);
  if (!present || (*present)->getBuffer() != ein::getPrelude())
    if (llvm::Error error = driver::writeFile(path, ein::getPrelude())) {
      llvm::lsp::Logger::error("{0}", llvm::toString(std::move(error)));
      return *prelude;
    }
  auto uri = llvm::lsp::URIForFile::fromFile(path);
  if (uri)
    prelude = uri->uri().str();
  else
    llvm::consumeError(uri.takeError());
  return *prelude;
}

/// Where `range` is, if it is a place that a client can open.
std::optional<json::Value> Server::location(const Document &document,
                                            StringRef uri,
                                            ein::SourceRange range) {
  std::optional<unsigned> id = document.getSources().find(range.begin);
  if (!range.isValid() || !id)
    return std::nullopt;
  std::string target = *id == document.getPrelude() ? preludeUri() : uri.str();
  if (target.empty())
    return std::nullopt;
  return json::Object{{"uri", target},
                      {"range", toRange(document.getSources(), range)}};
}

static bool isOwn(const Document &document, ein::SourceRange range) {
  return range.isValid() &&
         document.getSources().find(range.begin) == Document::own;
}

/// Notes with a place are related information; those without, and the rule,
/// follow the message. What is wrong within the prelude is shown at the first
/// place of the text that a note names.
json::Value Server::toJson(const Document &document, StringRef uri,
                           const ein::Diagnostic &diagnostic) {
  std::string message = diagnostic.message;
  ein::SourceRange at = diagnostic.range;
  json::Array related;
  auto relate = [&](ein::SourceRange range, StringRef text) {
    if (std::optional<json::Value> place = location(document, uri, range)) {
      related.push_back(json::Object{{"location", std::move(*place)},
                                     {"message", json::fixUTF8(text)}});
      return true;
    }
    return false;
  };
  if (at.isValid() && !isOwn(document, at)) {
    relate(at, "in the prelude");
    at = {};
  }
  for (const ein::Note &note : diagnostic.notes) {
    if (!isOwn(document, at) && isOwn(document, note.range))
      at = note.range;
    if (!relate(note.range, note.message))
      message += "\nnote: " + note.message;
  }
  json::Object result{
      {"range", toRange(document.getSources(), at)},
      {"severity", diagnostic.severity == ein::Severity::Error     ? 1
                   : diagnostic.severity == ein::Severity::Warning ? 2
                                                                   : 3},
      {"source", "einfall"}};
  if (diagnostic.rule != ein::Rule::None) {
    result["code"] = ein::getRuleNumber(diagnostic.rule);
    message += "\nrule: " + ein::getRuleText(diagnostic.rule).str();
  }
  result["message"] = json::fixUTF8(message);
  if (!related.empty())
    result["relatedInformation"] = std::move(related);
  return result;
}

void Server::update(const std::string &uri, std::string text,
                    std::optional<int64_t> version) {
  auto &document = documents[uri];
  document = std::make_unique<Document>(uri, std::move(text));
  json::Array list;
  for (const ein::Diagnostic &diagnostic : document->getDiagnostics())
    list.push_back(toJson(*document, uri, diagnostic));
  json::Object params{{"uri", uri}, {"diagnostics", std::move(list)}};
  if (version)
    params["version"] = *version;
  publish(std::move(params));
}

void Server::onOpen(const OpenParams &params) {
  update(params.uri, params.text, params.version);
}

void Server::onChange(const ChangeParams &params) {
  if (find(params.uri))
    update(params.uri, params.text, params.version);
}

void Server::onClose(const TextParams &params) {
  if (documents.erase(params.uri))
    publish(json::Object{{"uri", params.uri}, {"diagnostics", json::Array()}});
}

//===----------------------------------------------------------------------===//
// Questions
//===----------------------------------------------------------------------===//

std::optional<Meaning> Server::meaning(const PlaceParams &params) {
  Document *document = find(params.uri);
  if (!document)
    return std::nullopt;
  return document->meaningAt(
      toOffset(document->getSources(), Document::own, params.position));
}

void Server::onHover(const PlaceParams &params, Callback<json::Value> reply) {
  std::optional<Meaning> found = meaning(params);
  if (!found)
    return reply(nullptr);
  Document &document = *find(params.uri);
  std::string text = document.describe(*found);
  const ein::Program *program = document.getProgram();
  if (found->kind == Meaning::Kernel && program)
    if (const ein::ElaboratedKernel *kernel = program->find(found->name);
        kernel && !kernel->gradient)
      text += "\n" + describePasses(*kernel, document.getSources());
  reply(json::Object{{"contents", json::Object{{"kind", "markdown"},
                                               {"value", json::fixUTF8(text)}}},
                     {"range", toRange(document.getSources(), found->at)}});
}

void Server::onDefinition(const PlaceParams &params,
                          Callback<json::Value> reply) {
  std::optional<Meaning> found = meaning(params);
  if (!found)
    return reply(nullptr);
  Document &document = *find(params.uri);
  std::optional<json::Value> place =
      location(document, params.uri, document.definition(*found));
  reply(place ? std::move(*place) : json::Value(nullptr));
}

static json::Value symbolToJson(const Document &document,
                                const Symbol &symbol) {
  using llvm::lsp::SymbolKind;
  json::Array children;
  for (const Symbol &child : symbol.children)
    children.push_back(symbolToJson(document, child));
  SymbolKind kind = symbol.kind == Symbol::Kernel ? SymbolKind::Function
                    : symbol.kind == Symbol::Def  ? SymbolKind::Method
                    : symbol.kind == Symbol::Rank ? SymbolKind::Constant
                                                  : SymbolKind::Variable;
  return json::Object{
      {"name", json::fixUTF8(symbol.name)},
      {"kind", static_cast<int>(kind)},
      {"range", toRange(document.getSources(), symbol.range)},
      {"selectionRange", toRange(document.getSources(), symbol.nameRange)},
      {"children", std::move(children)}};
}

void Server::onSymbols(const TextParams &params, Callback<json::Value> reply) {
  json::Array list;
  if (Document *document = find(params.uri))
    for (const Symbol &symbol : document->symbols())
      list.push_back(symbolToJson(*document, symbol));
  reply(std::move(list));
}

void Server::onFixes(const RangeParams &params, Callback<json::Value> reply) {
  json::Array list;
  Document *document = find(params.uri);
  if (!document)
    return reply(std::move(list));
  const ein::SourceManager &sources = document->getSources();
  for (const ein::Diagnostic &diagnostic : document->getDiagnostics()) {
    Range at = toRange(sources, diagnostic.range);
    if (params.range.end < at.start || at.end < params.range.start)
      continue;
    for (const ein::Fix &fix : diagnostic.fixes) {
      json::Array edits;
      for (const ein::Edit &edit : fix.edits)
        if (isOwn(*document, edit.range))
          edits.push_back(json::Object{{"range", toRange(sources, edit.range)},
                                       {"newText", json::fixUTF8(edit.text)}});
      // A fix of the prelude is none of this text.
      if (edits.size() != fix.edits.size())
        continue;
      list.push_back(json::Object{
          {"title", json::fixUTF8(fix.title)},
          {"kind", "quickfix"},
          {"isPreferred", diagnostic.fixes.size() == 1},
          {"diagnostics",
           json::Array{toJson(*document, params.uri, diagnostic)}},
          {"edit",
           json::Object{
               {"changes", json::Object{{params.uri, std::move(edits)}}}}}});
    }
  }
  reply(std::move(list));
}

int einfall::lsp::serve(std::FILE *in, llvm::raw_ostream &out) {
  llvm::lsp::JSONTransport transport(std::make_unique<Input>(in), out);
  llvm::lsp::MessageHandler handler(transport);
  Server server(handler);
  // An end of the input without `exit` is the only error.
  bool left = !llvm::errorToBool(transport.run(handler));
  return left && server.isShutDown() ? 0 : 1;
}
