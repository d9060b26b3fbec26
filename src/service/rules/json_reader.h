#pragma once
// JSON texts as values.

#include <memory>
#include <string_view>

#include "service/rules/arena.h"
#include "service/rules/value.h"

namespace dunlin::rules {

/// Keeps its buffers from one text to the next. One thread.
class JsonReader {
 public:
  JsonReader();
  ~JsonReader();

  /// Undefined: not JSON (RFC 8259), nested deeper than kMaxPayloadDepth, or more than the arena holds.
  /// Numbers keep all their digits; of members with the same name the last one counts. Elements are in the
  /// arena, texts in the reader until the next call.
  Value read(std::string_view json, Arena& arena);
  /// The same, with the texts in the arena too.
  Value read_copy(std::string_view json, Arena& arena);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dunlin::rules
