#pragma once
// What every implementation of Repository must do alike.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "store/repository.h"

namespace dunlin::store {

/// Errors: limit_exceeded, invalid_argument (an empty id).
Result<void> check_changes(const std::vector<Change>& changes);

/// The version that the document has after the change (0 for a removal), given the one it has now (0: it does
/// not exist). Errors: conflict.
Result<std::uint64_t> next_version(const Change& change, std::uint64_t current);

/// At most kMaxFound.
std::size_t limit_of(const Query& query);

/// True if every pair of `equals` is among the document's index fields.
bool matches(const Document& document, const std::vector<std::pair<std::string, std::string>>& equals);

/// The least text that is greater than every text with this prefix; nullopt: there is none.
std::optional<std::string> behind_prefix(std::string_view prefix);

/// The index fields as bytes and back. Errors: corrupt.
std::string encode_fields(const std::vector<std::pair<std::string, std::string>>& fields);
Result<std::vector<std::pair<std::string, std::string>>> decode_fields(std::string_view bytes);

}  // namespace dunlin::store
