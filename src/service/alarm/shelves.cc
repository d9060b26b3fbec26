#include "service/alarm/shelves.h"

#include <boost/json.hpp>

namespace dunlin::alarm {

const Shelf* Shelves::find(const std::string& condition) const {
  const auto found = shelves_.find(condition);
  return found == shelves_.end() ? nullptr : &found->second;
}

void Shelves::put(const std::string& condition, Shelf shelf) {
  erase(condition);
  ends_.emplace(shelf.until, condition);
  shelves_.emplace(condition, std::move(shelf));
}

void Shelves::erase(const std::string& condition) {
  const auto found = shelves_.find(condition);
  if (found == shelves_.end()) return;
  ends_.erase({found->second.until, condition});
  shelves_.erase(found);
}

std::vector<std::string> Shelves::due(WallTime now, std::size_t most) const {
  std::vector<std::string> conditions;
  for (const auto& [end, condition] : ends_) {
    if (end > now || conditions.size() >= most) break;
    conditions.push_back(condition);
  }
  return conditions;
}

std::optional<WallTime> Shelves::next_due() const {
  if (ends_.empty()) return std::nullopt;
  return ends_.begin()->first;
}

void Shelves::save(store::Batch& batch, const std::string& condition) const {
  std::string key = std::string(kShelfPrefix) + condition;
  const Shelf* shelf = find(condition);
  if (shelf == nullptr) {
    batch.deletes.push_back({store::Table::meta, std::move(key)});
  } else {
    batch.puts.push_back({store::Table::meta, std::move(key), boost::json::serialize(to_json(*shelf))});
  }
}

Result<void> Shelves::load(const store::Entry& entry) {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(entry.value, error);
  auto shelf = error || !value.is_object() ? std::nullopt : shelf_from_json(value.get_object());
  if (!shelf) return fail(Errc::corrupt, "a stored shelf of an alarm has an unknown form");
  put(entry.key.substr(kShelfPrefix.size()), *std::move(shelf));
  return {};
}

}  // namespace dunlin::alarm
