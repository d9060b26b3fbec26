#include "store/repository_rules.h"

#include <algorithm>

#include "store/encoding.h"
#include "store/limits.h"

namespace dunlin::store {
namespace {

Result<void> check_change(const Change& change) {
  const Document& document = change.document;
  if (document.id.empty()) return fail(Errc::invalid_argument, "a document's id is empty");
  if (document.id.size() > kMaxDocumentId) {
    return fail(Errc::limit_exceeded, "a document's id is longer than " + std::to_string(kMaxDocumentId));
  }
  if (document.body.size() > kMaxDocumentBytes) {
    return fail(Errc::limit_exceeded,
                "a document is larger than " + std::to_string(kMaxDocumentBytes) + " bytes");
  }
  if (document.index.size() > kMaxIndexFields) {
    return fail(Errc::limit_exceeded,
                "a document has more than " + std::to_string(kMaxIndexFields) + " index fields");
  }
  for (const auto& [name, value] : document.index) {
    if (name.size() <= kMaxIndexText && value.size() <= kMaxIndexText) continue;
    return fail(Errc::limit_exceeded, "an index field is longer than " + std::to_string(kMaxIndexText));
  }
  return {};
}

}  // namespace

Result<void> check_changes(const std::vector<Change>& changes) {
  if (changes.size() > kMaxChanges) {
    return fail(Errc::limit_exceeded, "more than " + std::to_string(kMaxChanges) + " changes at once");
  }
  for (const Change& change : changes) {
    DUNLIN_CHECK(check_change(change));
  }
  return {};
}

Result<std::uint64_t> next_version(const Change& change, std::uint64_t current) {
  if (change.expected_version && *change.expected_version != current) {
    return fail(Errc::conflict, change.document.id + " has version " + std::to_string(current) + ", not " +
                                    std::to_string(*change.expected_version));
  }
  return change.action == Change::Action::put ? current + 1 : 0;
}

std::size_t limit_of(const Query& query) {
  return std::min(query.limit, kMaxFound);
}

bool matches(const Document& document, const std::vector<std::pair<std::string, std::string>>& equals) {
  return std::ranges::all_of(equals, [&](const auto& wanted) {
    return std::ranges::find(document.index, wanted) != document.index.end();
  });
}

std::optional<std::string> behind_prefix(std::string_view prefix) {
  std::string end{prefix};
  while (!end.empty() && static_cast<std::uint8_t>(end.back()) == 0xFF) end.pop_back();
  if (end.empty()) return std::nullopt;
  end.back() = static_cast<char>(static_cast<std::uint8_t>(end.back()) + 1);
  return end;
}

std::string encode_fields(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::vector<std::uint8_t> bytes;
  for (const auto& [name, value] : fields) {
    append_text(bytes, name);
    append_text(bytes, value);
  }
  return std::string{as_text(bytes)};
}

Result<std::vector<std::pair<std::string, std::string>>> decode_fields(std::string_view bytes) {
  Decoder decoder(as_bytes(bytes));
  std::vector<std::pair<std::string, std::string>> fields;
  while (decoder.ok() && decoder.left() > 0) {
    std::string name = decoder.text();
    std::string value = decoder.text();
    fields.emplace_back(std::move(name), std::move(value));
  }
  if (!decoder.ok()) return fail(Errc::corrupt, "the index fields of a document are cut off");
  return fields;
}

}  // namespace dunlin::store
