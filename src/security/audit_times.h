#pragma once
// Between which times the records of a long log were made, block by block: what lies outside of the times
// that somebody asks for need not be read again. Records never change, so what was learned once stays true.

#include <cstdint>
#include <map>
#include <utility>

namespace dunlin::security {

/// One thread.
class AuditTimes {
 public:
  /// What somebody asks for; `until` is exclusive, and 0 is no end. Unix ms.
  struct Range {
    std::int64_t from = 0;
    std::int64_t until = 0;
  };
  /// The first record of the block that the record is in. Blocks have kAuditPage records.
  static std::uint64_t block_of(std::uint64_t sequence);

  /// All records of a block have been read, or all that are left of it: the oldest and the newest time among
  /// them. Past kMaxAuditTimes blocks nothing more is kept.
  void learn(std::uint32_t tenant, std::uint64_t block, std::int64_t oldest, std::int64_t newest);
  /// Whether no record of the block was made in this range, as far as is known.
  bool excludes(std::uint32_t tenant, std::uint64_t block, Range range) const;

 private:
  struct Span {
    std::int64_t oldest = 0;
    std::int64_t newest = 0;
  };
  std::map<std::pair<std::uint32_t, std::uint64_t>, Span> blocks_;
};

}  // namespace dunlin::security
