#include "security/audit_head.h"

#include <algorithm>
#include <boost/json.hpp>
#include <limits>
#include <vector>

#include "base/hex.h"
#include "security/limits.h"
#include "store/encoding.h"

namespace dunlin::security {
namespace {

namespace json = boost::json;

constexpr std::string_view kHeadDomain = "dunlin-audit-head-1";
// Until a head is stored the key has this name, so that a crash in between is not taken for a theft.
constexpr std::string_view kFreshSuffix = ".fresh";

Result<Digest> digest_of(std::string_view hex) {
  Digest digest{};
  DUNLIN_TRY(const auto bytes, from_hex(hex));
  // The other case of a digit would be another text of the same head.
  if (bytes.size() != digest.size() || to_hex(bytes) != hex) return fail(Errc::malformed, "not a hash");
  std::ranges::copy(bytes, digest.begin());
  return digest;
}

Result<Digest> read_key(const SecretFiles& files, const std::string& path) {
  DUNLIN_TRY(const std::string text, files.read(path, 2 * sizeof(Digest)));
  auto key = digest_of(text);
  if (!key) return fail(Errc::corrupt, path + " is not what was written there");
  return *key;
}

Result<std::uint64_t> number_of(const json::object& object, std::string_view name) {
  const json::value* found = object.if_contains(name);
  if (found == nullptr || !found->is_int64() || found->get_int64() < 0)
    return fail(Errc::malformed, "the head of the audit log cannot be read");
  return static_cast<std::uint64_t>(found->get_int64());
}

Result<Digest> hash_of(const json::object& object, std::string_view name) {
  const json::value* found = object.if_contains(name);
  if (found == nullptr || !found->is_string())
    return fail(Errc::malformed, "the head of the audit log cannot be read");
  return digest_of(found->get_string());
}

}  // namespace

Result<AuditKey> AuditKey::open(const SecretFiles& files, Rng& rng, const std::string& folder) {
  Fs& fs = files.fs();
  const std::string path = folder + "/audit.key";
  if (fs.exists(path)) {
    DUNLIN_TRY(const Digest key, read_key(files, path));
    return AuditKey(fs, path, key, false);
  }
  const std::string fresh = path + std::string(kFreshSuffix);
  if (!fs.exists(fresh)) {
    Digest made{};
    rng.fill(made);
    DUNLIN_CHECK(files.write(fresh, to_hex(made)));
  }
  DUNLIN_TRY(const Digest key, read_key(files, fresh));
  return AuditKey(fs, path, key, true);
}

Result<void> AuditKey::seal() {
  if (!fresh_) return {};
  DUNLIN_CHECK(fs_->rename(path_ + std::string(kFreshSuffix), path_));
  DUNLIN_CHECK(fs_->sync_folder(parent_folder(path_)));
  fresh_ = false;
  return {};
}

std::vector<std::uint8_t> signed_bytes(const AuditHead& head) {
  std::vector<std::uint8_t> bytes;
  store::append_text(bytes, kHeadDomain);
  store::append_number(bytes, head.tenant);
  store::append_number(bytes, head.first);
  store::append_bytes(bytes, head.anchor);
  store::append_number(bytes, head.last);
  store::append_bytes(bytes, head.hash);
  store::append_number(bytes, head.before);
  return bytes;
}

Digest AuditKey::sign(const AuditHead& head) const {
  return hmac_sha256(key_, signed_bytes(head));
}

Result<AuditKey> AuditKey::read(const SecretFiles& files, const std::string& path) {
  DUNLIN_TRY(const Digest key, read_key(files, path));
  return AuditKey(files.fs(), path, key, false);
}

std::string to_json_text(const AuditHead& head, const Digest& signature) {
  return json::serialize(json::object{{"tenant", head.tenant},
                                      {"first", head.first},
                                      {"anchor", to_hex(head.anchor)},
                                      {"last", head.last},
                                      {"hash", to_hex(head.hash)},
                                      {"before", head.before},
                                      {"signature", to_hex(signature)}});
}

Result<SignedHead> signed_head_of(std::string_view text) {
  json::error_code error;
  json::parse_options options;
  options.max_depth = 2;
  const json::value value =
      text.size() > kMaxAuditRecordBytes ? json::value() : json::parse(text, error, {}, options);
  if (error || !value.is_object() || value.get_object().size() != 7)
    return fail(Errc::malformed, "the head of the audit log cannot be read");
  const json::object& object = value.get_object();
  SignedHead found;
  DUNLIN_TRY(const std::uint64_t tenant, number_of(object, "tenant"));
  found.head.tenant = static_cast<std::uint32_t>(tenant);
  DUNLIN_TRY(found.head.first, number_of(object, "first"));
  DUNLIN_TRY(found.head.anchor, hash_of(object, "anchor"));
  DUNLIN_TRY(found.head.last, number_of(object, "last"));
  DUNLIN_TRY(found.head.hash, hash_of(object, "hash"));
  DUNLIN_TRY(found.head.before, number_of(object, "before"));
  DUNLIN_TRY(found.signature, hash_of(object, "signature"));
  if (tenant > std::numeric_limits<std::uint32_t>::max() || found.head.first == 0 ||
      found.head.last + 1 < found.head.first)
    return fail(Errc::malformed, "the head of the audit log cannot be read");
  return found;
}

}  // namespace dunlin::security
