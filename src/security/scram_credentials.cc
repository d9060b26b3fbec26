#include <utility>

#include "security/limits.h"
#include "security/names.h"
#include "security/scram_authenticator.h"

namespace dunlin::security {
namespace {

using store::DocumentKind;
using OptionalDocument = std::optional<store::Document>;
using Owner = ScramRecord::Owner;

constexpr std::size_t kMadePasswordBytes = 24;

std::string_view owner_name(Owner owner) {
  return owner == Owner::user ? "user" : "thing";
}

}  // namespace

struct ScramCredentials::Setting {
  Executor& reply_to;
  Actor actor;
  Set made;
  Secret password;
  Done<Set> done;

  void finish(Result<Set> result) {
    reply_to.post(
        [done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
  }
};

void ScramCredentials::set(Executor& reply_to, Actor actor, Owner owner, std::string name, Secret password,
                           Done<Set> done) {
  auto setting = std::make_unique<Setting>(
      Setting{reply_to, std::move(actor), {}, std::move(password), std::move(done)});
  ScramRecord& record = setting->made.record;
  record.owner = owner;
  record.name = std::move(name);
  if (setting->password.empty()) {
    setting->password = Secret(random_text(parts_.rng, kMadePasswordBytes));
    setting->made.password = Secret(std::string(setting->password.view()));
  }
  const auto named = owner == Owner::user ? check_user_name(record.name) : check_thing_name(record.name);
  if (!named) return setting->finish(std::unexpected(named.error()));
  if (const auto fits = check_scram_password(setting->password.view()); !fits)
    return setting->finish(std::unexpected(fits.error()));
  const DocumentKind kind = owner == Owner::user ? DocumentKind::user : DocumentKind::thing;
  std::string id = record.name;
  parts_.repository.get(
      reply_to, kind, tenant_.value, std::move(id),
      [this, setting = std::move(setting)](Result<OptionalDocument> found) mutable {
        if (!found) return setting->done(std::unexpected(found.error()));
        if (!*found) {
          const ScramRecord& wanted = setting->made.record;
          return setting->done(fail(
              Errc::not_found, "there is no " + std::string(owner_name(wanted.owner)) + " " + wanted.name));
        }
        if (setting->made.record.owner == Owner::thing) {
          if (const auto takes = check_takes_credentials(**found); !takes)
            return setting->done(std::unexpected(takes.error()));
        }
        look_for_namesake(std::move(setting));
      });
}

// The user name of an exchange does not say whether it is a user's or a thing's.
void ScramCredentials::look_for_namesake(SettingPtr setting) {
  const ScramRecord& wanted = setting->made.record;
  const Owner other = wanted.owner == Owner::user ? Owner::thing : Owner::user;
  Executor& reply_to = setting->reply_to;
  std::string id = scram_id(other, wanted.name);
  parts_.repository.get(
      reply_to, DocumentKind::scram, tenant_.value, std::move(id),
      [this, other, setting = std::move(setting)](Result<OptionalDocument> found) mutable {
        if (!found) return setting->done(std::unexpected(found.error()));
        if (*found) {
          return setting->done(fail(Errc::already_exists, "the " + std::string(owner_name(other)) +
                                                              " of this name has a SCRAM credential"));
        }
        derive(std::move(setting));
      });
}

void ScramCredentials::derive(SettingPtr setting) {
  auto shared = std::make_shared<SettingPtr>(
      std::move(setting));  // shared: by the job and by the case that it is refused
  Task job = [this, shared] {
    ScramRecord& record = (*shared)->made.record;
    record.salt.resize(kScramSaltBytes);
    parts_.rng.fill(MutableByteView(reinterpret_cast<std::uint8_t*>(record.salt.data()), record.salt.size()));
    record.iterations = kScramIterations;
    const ScramKeys keys = make_scram_keys((*shared)->password.view(), record.salt, record.iterations);
    record.stored_key = keys.stored_key;
    record.server_key = keys.server_key;
    Executor& reply_to = (*shared)->reply_to;
    reply_to.post([this, shared] { store(std::move(*shared)); });
  };
  if (const auto taken = gate_.submit(std::move(job)); !taken)
    (*shared)->finish(std::unexpected(taken.error()));
}

void ScramCredentials::store(SettingPtr setting) {
  setting->made.record.created_at = unix_milliseconds(parts_.clock.wall_now());
  const ScramRecord& record = setting->made.record;
  store::Change put = put_change(DocumentKind::scram, tenant_, document_of(record), 0);
  put.expected_version = std::nullopt;  // a new one replaces the old
  std::vector<store::Change> changes{
      std::move(put),
      audit_change(
          tenant_, parts_.clock.wall_now(),
          {.actor = setting->actor, .action = "scram.set", .object = scram_id(record.owner, record.name)})};
  Executor& reply_to = setting->reply_to;
  parts_.repository.write(reply_to, std::move(changes),
                          [setting = std::move(setting)](Result<std::vector<std::uint64_t>> written) mutable {
                            if (!written) return setting->done(std::unexpected(written.error()));
                            setting->done(std::move(setting->made));
                          });
}

void ScramCredentials::list(Executor& reply_to, std::string after, std::size_t limit,
                            Done<std::vector<ScramRecord>> done) {
  store::Query query;
  query.kind = DocumentKind::scram;
  query.tenant = tenant_.value;
  query.after_id = std::move(after);
  query.limit = limit;
  parts_.repository.find(reply_to, std::move(query),
                         [done = std::move(done)](Result<std::vector<store::Document>> found) mutable {
                           if (!found) return done(std::unexpected(found.error()));
                           std::vector<ScramRecord> records;
                           for (const store::Document& document : *found) {
                             auto record = scram_of(document);
                             if (!record) return done(std::unexpected(record.error()));
                             records.push_back(*std::move(record));
                           }
                           done(std::move(records));
                         });
}

void ScramCredentials::remove(Executor& reply_to, Actor actor, std::string id, Done<ScramRecord> done) {
  parts_.repository.get(reply_to, DocumentKind::scram, tenant_.value, id,
                        [this, &reply_to, actor = std::move(actor), id,
                         done = std::move(done)](Result<OptionalDocument> found) mutable {
                          if (!found) return done(std::unexpected(found.error()));
                          if (!*found)
                            return done(fail(Errc::not_found, "there is no SCRAM credential " + id));
                          auto record = scram_of(**found);
                          if (!record) return done(std::unexpected(record.error()));
                          parts_.repository.write(
                              reply_to,
                              {remove_change(DocumentKind::scram, tenant_, id),
                               audit_change(tenant_, parts_.clock.wall_now(),
                                            {.actor = actor, .action = "scram.delete", .object = id})},
                              [record = *std::move(record),
                               done = std::move(done)](Result<std::vector<std::uint64_t>> written) mutable {
                                if (!written) return done(std::unexpected(written.error()));
                                done(std::move(record));
                              });
                        });
}

}  // namespace dunlin::security
