// The stored form of SCRAM credentials; docs/formats/records.md.

#include <algorithm>
#include <boost/json.hpp>

#include "base/base64.h"
#include "security/limits.h"
#include "security/records.h"

namespace dunlin::security {
namespace {

namespace json = boost::json;
using Owner = ScramRecord::Owner;

constexpr std::string_view kUser = "user:";
constexpr std::string_view kThing = "thing:";

bool read_key(const json::object& body, std::string_view name, Digest& key) {
  const json::value* found = body.if_contains(name);
  if (found == nullptr || !found->is_string()) return false;
  const auto bytes = from_base64(found->get_string());
  if (!bytes || bytes->size() != key.size()) return false;
  std::ranges::copy(*bytes, key.begin());
  return true;
}

}  // namespace

std::string scram_id(Owner owner, std::string_view name) {
  return std::string(owner == Owner::user ? kUser : kThing).append(name);
}

store::Document document_of(const ScramRecord& credential) {
  const json::object body{{"salt", to_base64(as_bytes(credential.salt))},
                          {"iterations", credential.iterations},
                          {"stored_key", to_base64(credential.stored_key)},
                          {"server_key", to_base64(credential.server_key)},
                          {"created_at", credential.created_at}};
  return {.id = scram_id(credential.owner, credential.name),
          .version = 0,
          .body = json::serialize(body),
          .index = {}};
}

Result<ScramRecord> scram_of(const store::Document& stored) {
  const auto broken = [] { return fail(Errc::corrupt, "a stored SCRAM credential cannot be read"); };
  ScramRecord credential;
  const bool is_user = stored.id.starts_with(kUser);
  if (!is_user && !stored.id.starts_with(kThing)) return broken();
  credential.owner = is_user ? Owner::user : Owner::thing;
  credential.name = stored.id.substr(is_user ? kUser.size() : kThing.size());
  json::error_code error;
  json::parse_options options;
  options.max_depth = 4;
  const json::value value = json::parse(stored.body, error, {}, options);
  if (error || !value.is_object()) return broken();
  const json::object& body = value.get_object();
  const json::value* salt = body.if_contains("salt");
  const json::value* iterations = body.if_contains("iterations");
  const json::value* created_at = body.if_contains("created_at");
  if (salt == nullptr || !salt->is_string() || iterations == nullptr || !iterations->is_int64() ||
      created_at == nullptr || !created_at->is_int64()) {
    return broken();
  }
  const auto bytes = from_base64(salt->get_string());
  const std::int64_t count = iterations->get_int64();
  if (!bytes || bytes->empty() || bytes->size() > kMaxScramSaltBytes || count < kMinScramIterations ||
      count > kMaxScramIterations || !read_key(body, "stored_key", credential.stored_key) ||
      !read_key(body, "server_key", credential.server_key)) {
    return broken();
  }
  credential.salt = as_text(*bytes);
  credential.iterations = static_cast<std::uint32_t>(count);
  credential.created_at = created_at->get_int64();
  return credential;
}

}  // namespace dunlin::security
