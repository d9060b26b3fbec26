// The stored form of a thing's keys; docs/security.md.

#include <boost/json.hpp>

#include "security/limits.h"
#include "security/thing_keys.h"

namespace dunlin::security {
namespace {

namespace json = boost::json;

std::string_view text_of(const json::object& body, std::string_view name) {
  const json::value* found = body.if_contains(name);
  return found != nullptr && found->is_string() ? std::string_view(found->get_string()) : std::string_view();
}

std::int64_t number_of(const json::object& body, std::string_view name) {
  const json::value* found = body.if_contains(name);
  return found != nullptr && found->is_int64() ? found->get_int64() : -1;
}

Result<PublicKeyRecord> public_key_of(const json::value& value) {
  const auto broken = [] { return fail(Errc::corrupt, "a stored key of a thing cannot be read"); };
  if (!value.is_object()) return broken();
  const json::object& body = value.get_object();
  PublicKeyRecord record;
  // The key's own kind decides what it may prove, whatever else is written.
  auto key = read_public_key(text_of(body, "pem"));
  if (!key) return broken();
  record.key = *std::move(key);
  record.label = text_of(body, "label");
  record.created_at = number_of(body, "created_at");
  record.expires_at = number_of(body, "expires_at");
  if (record.created_at < 0 || record.expires_at < 0) return broken();
  return record;
}

}  // namespace

Result<ThingKeysRecord> thing_keys_of(const store::Document& stored) {
  const auto broken = [] { return fail(Errc::corrupt, "the stored keys of a thing cannot be read"); };
  json::error_code error;
  json::parse_options options;
  options.max_depth = 4;
  const json::value value = json::parse(stored.body, error, {}, options);
  if (error || !value.is_object()) return broken();
  const json::value* list = value.get_object().if_contains("public_keys");
  if (list == nullptr || !list->is_array() || list->get_array().size() > kMaxPublicKeysPerThing)
    return broken();
  ThingKeysRecord keys;
  keys.thing = stored.id;
  for (const json::value& one : list->get_array()) {
    DUNLIN_TRY(PublicKeyRecord record, public_key_of(one));
    keys.public_keys.push_back(std::move(record));
  }
  for (const SharedKeySlot slot : kSharedKeySlots) {
    const json::value* found = value.get_object().if_contains(slot_name(slot));
    if (found == nullptr) continue;
    SharedKeyRecord& record = keys.shared[static_cast<std::size_t>(slot)];
    if (!found->is_object()) return broken();
    record.salt = text_of(found->get_object(), "salt");
    record.created_at = number_of(found->get_object(), "created_at");
    if (record.salt.empty() || record.created_at < 0) return broken();
  }
  return keys;
}

store::Document document_of(const ThingKeysRecord& keys) {
  json::array list;
  for (const PublicKeyRecord& one : keys.public_keys) {
    list.push_back({{"pem", one.key.pem},
                    {"label", one.label},
                    {"created_at", one.created_at},
                    {"expires_at", one.expires_at}});
  }
  json::object body{{"public_keys", std::move(list)}};
  for (const SharedKeySlot slot : kSharedKeySlots) {
    const SharedKeyRecord& record = keys.shared[static_cast<std::size_t>(slot)];
    if (record.salt.empty()) continue;
    body[slot_name(slot)] = json::object{{"salt", record.salt}, {"created_at", record.created_at}};
  }
  return {.id = keys.thing, .version = 0, .body = json::serialize(body), .index = {}};
}

}  // namespace dunlin::security
