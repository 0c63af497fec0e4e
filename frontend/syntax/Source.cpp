//===- Source.cpp - Source texts and places in them -----------------------===//

#include "frontend/syntax/Source.h"
#include <algorithm>
#include <cassert>

using namespace einfall::ein;

unsigned SourceManager::add(std::string name, std::string text) {
  assert(text.size() <= maxBytes && "the reader limits the size of a text");
  auto buffer = std::make_unique<Buffer>();
  buffer->name = std::move(name);
  buffer->text = std::move(text);
  buffer->base = buffers.empty()
                     ? 1
                     : buffers.back()->base + buffers.back()->text.size() + 1;
  buffer->lineStarts.push_back(0);
  for (size_t i = 0, e = buffer->text.size(); i != e; ++i)
    if (buffer->text[i] == '\n')
      buffer->lineStarts.push_back(i + 1);
  buffers.push_back(std::move(buffer));
  return buffers.size() - 1;
}

std::optional<unsigned> SourceManager::find(uint32_t offset) const {
  for (unsigned id = 0; id != buffers.size(); ++id)
    if (offset >= buffers[id]->base &&
        offset <= buffers[id]->base + buffers[id]->text.size())
      return id;
  return std::nullopt;
}

LineColumn SourceManager::getLineColumn(uint32_t offset) const {
  std::optional<unsigned> id = find(offset);
  if (!id)
    return {};
  const Buffer &buffer = *buffers[*id];
  uint32_t local = offset - buffer.base;
  auto next = std::upper_bound(buffer.lineStarts.begin(),
                               buffer.lineStarts.end(), local);
  unsigned line = next - buffer.lineStarts.begin();
  return {line, local - buffer.lineStarts[line - 1] + 1};
}

llvm::StringRef SourceManager::getLine(unsigned id, unsigned line) const {
  const Buffer &buffer = *buffers[id];
  if (line == 0 || line > buffer.lineStarts.size())
    return {};
  llvm::StringRef rest =
      llvm::StringRef(buffer.text).drop_front(buffer.lineStarts[line - 1]);
  return rest.take_until([](char c) { return c == '\n'; }).rtrim('\r');
}

llvm::StringRef SourceManager::getText(SourceRange range) const {
  std::optional<unsigned> id = find(range.begin);
  if (!id || range.end < range.begin)
    return {};
  return llvm::StringRef(buffers[*id]->text)
      .substr(range.begin - buffers[*id]->base, range.end - range.begin);
}
