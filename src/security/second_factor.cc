#include "security/second_factor.h"

#include <algorithm>
#include <utility>

#include "security/codes.h"
#include "security/limits.h"
#include "security/totp.h"

namespace dunlin::security {
namespace {

using store::DocumentKind;
using State = SecondFactorRecord::State;

constexpr const char* kNone = "this user has no second factor";
constexpr const char* kWrong = "the code is not right, or was used before";

std::string penalty_key(std::string_view user) {
  return "code|" + std::string(user.substr(0, kMaxUserName));
}

}  // namespace

Digest SecondFactors::secret_of(const SecondFactorRecord& record) const {
  return hmac_sha256(as_bytes(parts_.secret), as_bytes("totp\n" + record.user + "\n" + record.salt));
}

ByteView SecondFactors::key_of(const Digest& secret) const {
  return ByteView(secret).first(kTotpSecretBytes);
}

store::Change SecondFactors::audit(const Actor& actor, std::string_view action, std::string_view user) const {
  return audit_change(tenant_, parts_.clock.wall_now(), {.actor = actor, .action = action, .object = user});
}

void SecondFactors::write(Executor& reply_to, std::vector<store::Change> changes, Done<void> done) {
  parts_.repository.write(reply_to, std::move(changes),
                          [done = std::move(done)](Result<std::vector<std::uint64_t>> written) mutable {
                            if (!written) return done(std::unexpected(written.error()));
                            done({});
                          });
}

void SecondFactors::load(Executor& reply_to, std::string user, Done<Found> done) {
  parts_.repository.get(reply_to, DocumentKind::user, tenant_.value, user,
                        [this, &reply_to, user, done = std::move(done)](Result<Found> found) mutable {
                          if (!found) return done(std::unexpected(found.error()));
                          if (!*found) return done(fail(Errc::not_found, "there is no user " + user));
                          parts_.repository.get(reply_to, DocumentKind::second_factor, tenant_.value,
                                                std::move(user), std::move(done));
                        });
}

void SecondFactors::enrol(Executor& reply_to, Actor actor, std::string user, Done<Enrolment> done) {
  load(
      reply_to, user,
      [this, &reply_to, user, actor = std::move(actor), done = std::move(done)](Result<Found> found) mutable {
        if (!found) return done(std::unexpected(found.error()));
        const auto present = *found ? second_factor_of(**found) : fail(Errc::not_found, "");
        if (present && present->state == State::active)
          return done(fail(Errc::already_exists, "this user has a second factor: remove it first"));
        SecondFactorRecord record;
        record.user = user;
        record.salt = random_text(parts_.rng, kSharedKeySaltBytes);
        record.created_at = unix_milliseconds(parts_.clock.wall_now());
        const std::string text = to_base32(key_of(secret_of(record)));
        Enrolment made{Secret(text), Secret(otpauth_uri(parts_.issuer, user, text))};
        const std::uint64_t version = *found ? (*found)->version : 0;
        write(reply_to,
              {put_change(DocumentKind::second_factor, tenant_, document_of(record), version),
               audit(actor, "totp.enrol", user)},
              [made = std::move(made), done = std::move(done)](Result<void> written) mutable {
                if (!written) return done(std::unexpected(written.error()));
                done(std::move(made));
              });
      });
}

void SecondFactors::confirm(Executor& reply_to, Actor actor, std::string user, std::string code,
                            Done<Secret> done) {
  load(reply_to, user,
       [this, &reply_to, user, actor = std::move(actor), code = std::move(code),
        done = std::move(done)](Result<Found> found) mutable {
         if (!found) return done(std::unexpected(found.error()));
         if (!*found) return done(fail(Errc::not_found, kNone));
         auto record = second_factor_of(**found);
         if (!record) return done(std::unexpected(record.error()));
         if (record->state == State::active)
           return done(fail(Errc::already_exists, "this second factor is confirmed already"));
         const Digest secret = secret_of(*record);
         const auto step = match_totp(key_of(secret), code, parts_.clock.wall_now(), record->used_step);
         if (!step) return done(fail(Errc::unauthenticated, "the code is not right; look at the clocks"));
         record->state = State::active;
         record->used_step = *step;
         record->recovery.clear();
         std::string codes;
         codes.reserve(kRecoveryCodes * kMaxSecondFactorCode);
         for (std::size_t i = 0; i < kRecoveryCodes; ++i) {
           const Secret one = make_code(parts_.rng);
           codes.append(one.view()).append("\n");
           record->recovery.push_back(code_hash(one.view()).value());
         }
         write(reply_to,
               {put_change(DocumentKind::second_factor, tenant_, document_of(*record), (*found)->version),
                audit(actor, "totp.confirm", user)},
               [codes = Secret(std::move(codes)), done = std::move(done)](Result<void> written) mutable {
                 if (!written) return done(std::unexpected(written.error()));
                 done(std::move(codes));
               });
       });
}

void SecondFactors::get(Executor& reply_to, std::string user, Done<std::optional<SecondFactorRecord>> done) {
  load(reply_to, std::move(user), [done = std::move(done)](Result<Found> found) mutable {
    if (!found) return done(std::unexpected(found.error()));
    if (!*found) return done(std::optional<SecondFactorRecord>());
    auto record = second_factor_of(**found);
    if (!record) return done(std::unexpected(record.error()));
    done(std::optional(*std::move(record)));
  });
}

void SecondFactors::remove(Executor& reply_to, Actor actor, std::string user, Done<void> done) {
  load(
      reply_to, user,
      [this, &reply_to, user, actor = std::move(actor), done = std::move(done)](Result<Found> found) mutable {
        if (!found) return done(std::unexpected(found.error()));
        if (!*found) return done(fail(Errc::not_found, kNone));
        write(reply_to,
              {remove_change(DocumentKind::second_factor, tenant_, user), audit(actor, "totp.remove", user)},
              std::move(done));
      });
}

Result<SecondFactors::Verdict> SecondFactors::judge(const store::Document& stored,
                                                    const std::string& code) const {
  // A record that cannot be read lets nobody in.
  DUNLIN_TRY(SecondFactorRecord record, second_factor_of(stored));
  Verdict verdict;
  if (record.state == State::pending) return verdict;
  if (code.empty()) {
    verdict.outcome = Verdict::Outcome::code_needed;
    return verdict;
  }
  const Digest secret = secret_of(record);
  const auto step = match_totp(key_of(secret), code, parts_.clock.wall_now(), record.used_step);
  if (step) {
    record.used_step = *step;
    verdict.detail = "with a code";
  } else {
    const auto hash = code_hash(code);
    const auto spent = hash ? std::ranges::find(record.recovery, *hash) : record.recovery.end();
    if (spent == record.recovery.end()) return fail(Errc::unauthenticated, kWrong);
    record.recovery.erase(spent);
    verdict.detail = "with a recovery code; " + std::to_string(record.recovery.size()) + " are left";
  }
  verdict.outcome = Verdict::Outcome::passed;
  // With the version that was read: of two sign-ins with one code at the same moment one wins.
  verdict.changes.push_back(
      put_change(DocumentKind::second_factor, tenant_, document_of(record), stored.version));
  return verdict;
}

void SecondFactors::check(Executor& reply_to, std::string user, std::string code, Done<Verdict> done) {
  parts_.repository.get(
      reply_to, DocumentKind::second_factor, tenant_.value, user,
      [this, user, code = std::move(code), done = std::move(done)](Result<Found> found) mutable {
        if (!found) return done(std::unexpected(found.error()));
        if (!*found) return done(Verdict{});
        const std::string key = penalty_key(user);
        if (!code.empty() && parts_.penalties.wait({key}) > Duration{0})
          return done(fail(Errc::quota_exceeded, "too many wrong codes; wait before the next"));
        auto verdict =
            code.size() <= kMaxSecondFactorCode ? judge(**found, code) : fail(Errc::unauthenticated, kWrong);
        if (verdict && verdict->outcome == Verdict::Outcome::passed) parts_.penalties.succeeded(key);
        if (!verdict && verdict.error().code == Errc::unauthenticated)
          parts_.penalties.failed(key, kMaxAddressPenalty);
        done(std::move(verdict));
      });
}

}  // namespace dunlin::security
