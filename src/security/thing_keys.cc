#include "security/thing_keys.h"

#include <algorithm>
#include <utility>

#include "base/base64.h"
#include "security/limits.h"

namespace dunlin::security {
namespace {

using store::DocumentKind;
using OptionalDocument = std::optional<store::Document>;

template <class T>
void answer(Executor& reply_to, ThingKeys::Done<T> done, Error error) {
  reply_to.post([done = std::move(done), error = std::move(error)]() mutable {
    done(std::unexpected(std::move(error)));
  });
}

std::string name_of(const PublicKey& key) {
  return std::string(algorithm_name(key.algorithm)) + " key " + key.id;
}

/// Takes the key out; what the audit says of it. Errors: not_found.
Result<std::string> take_out(ThingKeysRecord& keys, std::string_view wanted) {
  for (const SharedKeySlot slot : kSharedKeySlots) {
    SharedKeyRecord& record = keys.shared[static_cast<std::size_t>(slot)];
    if (wanted != slot_name(slot) || record.salt.empty()) continue;
    record = {};
    return std::string(slot_name(slot)) + " symmetric key";
  }
  const auto found = std::ranges::find_if(keys.public_keys,
                                          [&](const PublicKeyRecord& one) { return one.key.id == wanted; });
  if (found == keys.public_keys.end()) return fail(Errc::not_found, "the thing has no such key");
  std::string name = name_of(found->key);
  keys.public_keys.erase(found);
  return name;
}

}  // namespace

std::string_view slot_name(SharedKeySlot slot) {
  return slot == SharedKeySlot::primary ? "primary" : "secondary";
}

Digest shared_key(std::string_view secret, std::string_view thing, SharedKeySlot slot,
                  const SharedKeyRecord& record) {
  std::string message = "thing\n";
  message.append(thing).append("\n").append(slot_name(slot)).append("\n").append(record.salt);
  return hmac_sha256(as_bytes(secret), as_bytes(message));
}

Result<std::string> ThingKeys::load_secret(const SecretFiles& files, Rng& rng,
                                           const std::string& data_folder) {
  return load_secret_file(files, rng, data_folder + "/token.secret");
}

void ThingKeys::load(Executor& reply_to, std::string thing, Done<Held> done) {
  parts_.repository.get(
      reply_to, DocumentKind::thing, tenant_.value, thing,
      [this, &reply_to, thing, done = std::move(done)](Result<OptionalDocument> found) mutable {
        if (!found) return done(std::unexpected(found.error()));
        if (!*found) return done(fail(Errc::not_found, "there is no thing " + thing));
        auto owner = thing_of(**found);
        if (!owner) return done(std::unexpected(owner.error()));
        parts_.repository.get(
            reply_to, DocumentKind::thing_keys, tenant_.value, std::move(thing),
            [owner = *std::move(owner), done = std::move(done)](Result<OptionalDocument> keys) mutable {
              if (!keys) return done(std::unexpected(keys.error()));
              Held held{std::move(owner), {}, 0};
              held.keys.thing = held.thing.name;
              if (*keys) {
                auto read = thing_keys_of(**keys);
                if (!read) return done(std::unexpected(read.error()));
                held.keys = *std::move(read);
                held.version = (*keys)->version;
              }
              done(std::move(held));
            });
      });
}

void ThingKeys::add(Executor& reply_to, Actor actor, NewPublicKey wanted, Done<PublicKeyRecord> done) {
  auto key = read_public_key(wanted.pem);
  const bool fits = wanted.lifetime >= Duration{0} && wanted.lifetime <= kMaxTokenLifetime &&
                    wanted.label.size() <= kMaxLabel;
  if (key && !fits)
    key = fail(Errc::invalid_argument, "a key lives for at most five years and has a short label");
  if (!key) return answer(reply_to, std::move(done), std::move(key).error());
  const WallTime now = parts_.clock.wall_now();
  PublicKeyRecord made{*std::move(key), std::move(wanted.label), unix_milliseconds(now), 0};
  if (wanted.lifetime > Duration{0}) made.expires_at = unix_milliseconds(now + wanted.lifetime);
  load(reply_to, std::move(wanted.thing),
       [this, &reply_to, actor = std::move(actor), made = std::move(made),
        done = std::move(done)](Result<Held> held) mutable {
         if (!held) return done(std::unexpected(held.error()));
         if (const auto takes = check_takes_credentials(held->thing); !takes)
           return done(std::unexpected(takes.error()));
         auto& keys = held->keys.public_keys;
         // Of a former thing of this name, or past its time: it proves nothing.
         std::erase_if(keys, [&](const PublicKeyRecord& one) {
           return one.created_at < held->thing.created_at ||
                  (one.expires_at != 0 && one.expires_at <= made.created_at);
         });
         const auto same = [&](const PublicKeyRecord& one) { return one.key.id == made.key.id; };
         if (std::ranges::any_of(keys, same))
           return done(fail(Errc::already_exists, "the thing has this key already"));
         if (keys.size() >= kMaxPublicKeysPerThing) {
           return done(fail(Errc::limit_exceeded, held->keys.thing + " has " +
                                                      std::to_string(kMaxPublicKeysPerThing) +
                                                      " keys: remove one first"));
         }
         keys.push_back(made);
         const std::string detail = name_of(made.key);
         store(reply_to, actor, "key.add", detail, *held,
               [made = std::move(made), done = std::move(done)](Result<void> stored) mutable {
                 if (!stored) return done(std::unexpected(stored.error()));
                 done(std::move(made));
               });
       });
}

void ThingKeys::get(Executor& reply_to, std::string thing, Done<ThingKeysRecord> done) {
  load(reply_to, std::move(thing), [done = std::move(done)](Result<Held> held) mutable {
    if (!held) return done(std::unexpected(held.error()));
    done(std::move(held->keys));
  });
}

void ThingKeys::make_shared(Executor& reply_to, Actor actor, std::string thing, SharedKeySlot slot,
                            Done<NewSharedKey> done) {
  load(reply_to, std::move(thing),
       [this, &reply_to, slot, actor = std::move(actor), done = std::move(done)](Result<Held> held) mutable {
         if (!held) return done(std::unexpected(held.error()));
         if (const auto takes = check_takes_credentials(held->thing); !takes)
           return done(std::unexpected(takes.error()));
         SharedKeyRecord& record = held->keys.shared[static_cast<std::size_t>(slot)];
         NewSharedKey made;
         made.slot = slot;
         if (!record.salt.empty()) made.former = NewSharedKey::Former::replaced;
         record = {random_text(parts_.rng, kSharedKeySaltBytes), unix_milliseconds(parts_.clock.wall_now())};
         made.created_at = record.created_at;
         made.text = Secret(to_base64(shared_key(parts_.secret, held->keys.thing, slot, record)));
         store(reply_to, actor, "key.generate", std::string(slot_name(slot)) + " symmetric key", *held,
               [made = std::move(made), done = std::move(done)](Result<void> stored) mutable {
                 if (!stored) return done(std::unexpected(stored.error()));
                 done(std::move(made));
               });
       });
}

void ThingKeys::remove(Executor& reply_to, Actor actor, std::string thing, std::string key, Done<void> done) {
  load(reply_to, std::move(thing),
       [this, &reply_to, actor = std::move(actor), key = std::move(key),
        done = std::move(done)](Result<Held> held) mutable {
         if (!held) return done(std::unexpected(held.error()));
         const auto gone = take_out(held->keys, key);
         if (!gone) return done(std::unexpected(gone.error()));
         store(reply_to, actor, "key.remove", *gone, *held, std::move(done));
       });
}

void ThingKeys::store(Executor& reply_to, const Actor& actor, std::string_view action,
                      std::string_view detail, const Held& held, Done<void> done) {
  std::vector<store::Change> changes{
      put_change(DocumentKind::thing_keys, tenant_, document_of(held.keys), held.version),
      audit_change(tenant_, parts_.clock.wall_now(),
                   {.actor = actor, .action = action, .object = held.keys.thing, .detail = detail})};
  parts_.repository.write(reply_to, std::move(changes),
                          [done = std::move(done)](Result<std::vector<std::uint64_t>> written) mutable {
                            if (!written) return done(std::unexpected(written.error()));
                            done({});
                          });
}

}  // namespace dunlin::security
