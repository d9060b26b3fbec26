#include "store/keyed_rules.h"

#include <algorithm>

#include "store/limits.h"

namespace dunlin::store {
namespace {

Result<void> check_key(Table table, std::string_view key) {
  DUNLIN_CHECK(check_table(table));
  if (key.size() <= kMaxKeyBytes) return {};
  return fail(Errc::limit_exceeded, "a key is longer than " + std::to_string(kMaxKeyBytes) + " bytes");
}

}  // namespace

Result<void> check_table(Table table) {
  if (static_cast<std::size_t>(table) < kTableCount) return {};
  return fail(Errc::invalid_argument, "no such table");
}

std::size_t size_of(const Batch& batch) {
  std::size_t size = 0;
  for (const Put& put : batch.puts) size += put.key.size() + put.value.size();
  for (const Delete& removal : batch.deletes) size += removal.key.size();
  return size;
}

Result<void> check_batch(const Batch& batch) {
  for (const Put& put : batch.puts) {
    DUNLIN_CHECK(check_key(put.table, put.key));
    if (put.value.size() > kMaxValueBytes) {
      return fail(Errc::limit_exceeded,
                  "a value is larger than " + std::to_string(kMaxValueBytes) + " bytes");
    }
  }
  for (const Delete& removal : batch.deletes) {
    DUNLIN_CHECK(check_key(removal.table, removal.key));
  }
  for (const Expectation& expectation : batch.expectations) {
    DUNLIN_CHECK(check_key(expectation.table, expectation.key));
  }
  if (size_of(batch) <= kMaxBatchBytes) return {};
  return fail(Errc::limit_exceeded, "the batch is larger than " + std::to_string(kMaxBatchBytes) + " bytes");
}

bool EntryCollector::add(std::string_view key, std::string_view value) {
  const std::size_t size = key.size() + value.size();
  const bool fits = entries_left_ > 0 && (entries_.empty() || size <= bytes_left_);
  if (!fits) {
    entries_left_ = 0;
    return false;
  }
  entries_.push_back({std::string{key}, std::string{value}});
  --entries_left_;
  bytes_left_ -= std::min(bytes_left_, size);
  return true;
}

}  // namespace dunlin::store
