#pragma once
// The keys with which a thing proves itself by signed tokens: public keys for JWTs, symmetric ones for SAS
// tokens.

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/rng.h"
#include "security/records.h"
#include "security/secret_file.h"
#include "security/signature.h"
#include "store/repository.h"

namespace dunlin::security {

struct PublicKeyRecord {
  PublicKey key;
  std::string label;
  std::int64_t created_at = 0;  // Unix ms
  std::int64_t expires_at = 0;  // Unix ms; 0: never
};

/// Two, so that a thing changes its key while the old one still holds.
enum class SharedKeySlot : std::uint8_t { primary, secondary };
inline constexpr std::array kSharedKeySlots{SharedKeySlot::primary, SharedKeySlot::secondary};
/// "primary" or "secondary".
std::string_view slot_name(SharedKeySlot slot);

/// Not the key, but what it is made of beside a secret of the data folder: the database holds no key.
struct SharedKeyRecord {
  std::string salt;             // empty: there is none
  std::int64_t created_at = 0;  // Unix ms
};
Digest shared_key(std::string_view secret, std::string_view thing, SharedKeySlot slot,
                  const SharedKeyRecord& record);

/// All keys of one thing: one document, so that a sign-in asks once.
struct ThingKeysRecord {
  std::string thing;
  std::vector<PublicKeyRecord> public_keys;  // at most kMaxPublicKeysPerThing, the oldest first
  std::array<SharedKeyRecord, 2> shared{};   // by slot
};
/// Errors: corrupt.
Result<ThingKeysRecord> thing_keys_of(const store::Document& stored);
store::Document document_of(const ThingKeysRecord& keys);

/// `actor` is who asks, for the audit record that goes into the same write. Any thread; completions run on
/// the executor of the call. Errors besides those named: io, no_space, corrupt, conflict (someone changed the
/// same thing's keys at the same moment).
class ThingKeys {
 public:
  template <class T>
  using Done = std::move_only_function<void(Result<T>)>;
  struct Parts {
    store::Repository& repository;
    const Clock& clock;
    Rng& rng;            // must bear any thread
    std::string secret;  // load_secret()
  };
  explicit ThingKeys(Parts parts, TenantId tenant = kDefaultTenant)
      : parts_(std::move(parts)), tenant_(tenant) {}

  /// Reads FOLDER/token.secret (0600), or makes it. Blocks. Errors: io, no_space, corrupt.
  static Result<std::string> load_secret(const SecretFiles& files, Rng& rng, const std::string& data_folder);

  struct NewPublicKey {
    std::string thing;
    std::string pem;  // of a public key or certificate
    std::string label;
    Duration lifetime{0};  // 0: does not expire
  };
  /// Errors: not_found (thing), invalid_argument and malformed (read_public_key), already_exists,
  /// limit_exceeded (kMaxPublicKeysPerThing; those that have expired make room).
  void add(Executor& reply_to, Actor actor, NewPublicKey wanted, Done<PublicKeyRecord> done);
  /// A thing without keys has an empty record. Errors: not_found (thing).
  void get(Executor& reply_to, std::string thing, Done<ThingKeysRecord> done);
  struct NewSharedKey {
    SharedKeySlot slot = SharedKeySlot::primary;
    Secret text;  // base64 of 32 bytes
    std::int64_t created_at = 0;
    enum class Former : std::uint8_t { none, replaced } former = Former::none;
  };
  /// A new symmetric key in the place of the slot's former one; where there was one the caller ends the
  /// thing's sessions (hub::Bus::end_sessions). Errors: not_found (thing).
  void make_shared(Executor& reply_to, Actor actor, std::string thing, SharedKeySlot slot,
                   Done<NewSharedKey> done);
  /// `key` is a public key's id, or a slot's name. The caller ends the thing's sessions. Errors: not_found.
  void remove(Executor& reply_to, Actor actor, std::string thing, std::string key, Done<void> done);

 private:
  struct Held {
    ThingRecord thing;
    ThingKeysRecord keys;
    std::uint64_t version = 0;
  };
  void load(Executor& reply_to, std::string thing, Done<Held> done);
  void store(Executor& reply_to, const Actor& actor, std::string_view action, std::string_view detail,
             const Held& held, Done<void> done);

  Parts parts_;
  TenantId tenant_;
};

}  // namespace dunlin::security
