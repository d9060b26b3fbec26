#pragma once
// What every implementation of Keyed must do alike.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/keyed.h"

namespace dunlin::store {

/// Errors: limit_exceeded (a key, value or the batch is too large), invalid_argument (a table that does not
/// exist).
Result<void> check_batch(const Batch& batch);
Result<void> check_table(Table table);

/// Bytes of the batch's keys and values.
std::size_t size_of(const Batch& batch);

/// Collects the entries of a range up to its limits; the first one is always taken if max_entries is not 0.
class EntryCollector {
 public:
  explicit EntryCollector(const Range& range)
      : entries_left_(range.max_entries), bytes_left_(range.max_bytes) {}

  bool full() const { return entries_left_ == 0; }
  /// False, and full from then on, if the limits leave no room for the entry.
  bool add(std::string_view key, std::string_view value);
  std::vector<Entry> take() { return std::move(entries_); }

 private:
  std::size_t entries_left_;
  std::size_t bytes_left_;
  std::vector<Entry> entries_;
};

}  // namespace dunlin::store
