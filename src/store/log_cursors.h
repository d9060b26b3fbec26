#pragma once
// The named positions of a journal's consumers and the file they are saved in (docs/formats/journal.md). One
// thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "store/log.h"

namespace dunlin::store {

class LogCursors {
 public:
  /// False when the name is too long or there are kMaxCursors others.
  bool set(std::string_view name, Position position);
  bool remove(std::string_view name);
  std::optional<Position> find(std::string_view name) const;
  /// The position that every consumer has passed; nullopt without consumers.
  std::optional<Position> least() const;
  Position greatest() const;
  std::size_t size() const { return positions_.size(); }

  /// `kept_from`: segments that begin before this position may be removed (again) when the journal is opened.
  std::vector<std::uint8_t> encode(Position kept_from) const;
  struct Decoded;
  /// Errors: corrupt, unsupported.
  static Result<Decoded> decode(ByteView bytes);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<std::string, Position, Hash, std::equal_to<>> positions_;
};

struct LogCursors::Decoded {
  LogCursors cursors;
  Position kept_from = 0;
};

}  // namespace dunlin::store
