// The part of Authenticator that judges names and passwords of people.
#include <utility>

#include "security/authenticator_attempt.h"
#include "security/names.h"
#include "security/second_factor.h"

namespace dunlin::security {
namespace {

using store::DocumentKind;
using OptionalDocument = std::optional<store::Document>;

RefusalKind password_refusal(Errc code) {
  if (code == Errc::quota_exceeded) return RefusalKind::penalty;
  return code == Errc::unauthenticated ? RefusalKind::password : RefusalKind::server_busy;
}

}  // namespace

void Authenticator::by_password(AttemptPtr attempt) {
  attempt->proof = Proof::password;
  Executor& reply_to = *attempt->reply_to;
  Secret password = std::move(attempt->credentials.password);
  std::string username = attempt->credentials.username;
  std::string address = attempt->credentials.address;
  judge_password(reply_to, std::move(username), std::move(password), std::move(address),
                 [this, attempt = std::move(attempt)](Result<UserRecord> user) mutable {
                   attempt->refused_as = RefusalKind::second_factor;
                   if (!user) attempt->refused_as = password_refusal(user.error().code);
                   if (!user) return finish(std::move(attempt), std::unexpected(user.error()));
                   require_one_factor(std::move(attempt), user->name);
                 });
}

// A protocol that has no place for a code must not be the way around it.
void Authenticator::require_one_factor(AttemptPtr attempt, std::string user) {
  Executor& reply_to = *attempt->reply_to;
  parts_.repository.get(reply_to, DocumentKind::second_factor, options_.tenant.value, user,
                        [this, user, attempt = std::move(attempt)](Result<OptionalDocument> found) mutable {
                          if (!found) return finish(std::move(attempt), std::unexpected(found.error()));
                          const auto factor = *found ? second_factor_of(**found) : SecondFactorRecord{};
                          if (!factor) return finish(std::move(attempt), std::unexpected(factor.error()));
                          if (factor->state == SecondFactorRecord::State::active)
                            return refuse(std::move(attempt),
                                          "this user signs in with a code: use an API token here");
                          load_user(std::move(attempt), std::move(user), {"*"});
                        });
}

void Authenticator::check_password(Executor& reply_to, std::string username, Secret password,
                                   std::string address, UserDone done) {
  std::string shown = username;
  std::string from = address;
  judge_password(reply_to, std::move(username), std::move(password), std::move(address),
                 [this, shown = std::move(shown), from = std::move(from),
                  done = std::move(done)](Result<UserRecord> user) mutable {
                   if (!user) {
                     tell_refused({.kind = password_refusal(user.error().code),
                                   .address = from,
                                   .user = shown,
                                   .reason = user.error().message});
                   }
                   done(std::move(user));
                 });
}

void Authenticator::judge_password(Executor& reply_to, std::string username, Secret password,
                                   std::string address, UserDone done) {
  const std::string address_key = "address|" + network_of(address);
  const std::string user_key = "user|" + username.substr(0, kMaxUserName);
  const auto answer = [&reply_to](UserDone callback, Result<UserRecord> result) {
    reply_to.post([callback = std::move(callback), result = std::move(result)]() mutable {
      callback(std::move(result));
    });
  };
  SignIn failed{AuditOutcome::failed, kLoginAction, username, Proof::password, address, {}};
  if (penalties_.wait({address_key, user_key}) > Duration{0}) {
    penalised_.fetch_add(1, std::memory_order_relaxed);
    failed.detail = kWaits;
    tell(std::move(failed));
    return answer(std::move(done),
                  fail(Errc::quota_exceeded, "too many failed attempts; wait before the next"));
  }
  if (!check_user_name(username) || password.view().size() > kMaxPasswordBytes) {
    penalties_.failed(address_key, kMaxAddressPenalty);
    tell(std::move(failed));
    return answer(std::move(done), fail(Errc::unauthenticated, "the user name or the password is not right"));
  }
  parts_.repository.get(
      reply_to, DocumentKind::user, options_.tenant.value, username,
      [=, this, password = std::move(password),
       done = std::move(done)](Result<OptionalDocument> found) mutable {
        if (!found) return done(std::unexpected(found.error()));
        Result<UserRecord> user = *found ? user_of(**found) : fail(Errc::not_found, "");
        std::string stored = user ? user->password : dummy_password_;
        auto shared_done = std::make_shared<UserDone>(
            std::move(done));  // shared: by the job and by the case that it is refused
        Task job = [=, this, password = std::move(password), user = std::move(user)]() mutable {
          const bool right = verify_password(stored, password.view());
          const bool good = right && user && user->state == UserRecord::State::enabled;
          if (good) {
            penalties_.succeeded(user_key);
          } else {
            penalties_.failed(address_key, kMaxAddressPenalty);
            penalties_.failed(user_key, kMaxUserPenalty);
            tell(failed);
            user = fail(Errc::unauthenticated, "the user name or the password is not right");
          }
          answer(std::move(*shared_done), std::move(user));
        };
        if (const auto taken = gate_.submit(std::move(job)); !taken) {
          overloaded_.fetch_add(1, std::memory_order_relaxed);
          answer(std::move(*shared_done), std::unexpected(taken.error()));
        }
      });
}

void Authenticator::hash_new_password(Executor& reply_to, Secret password,
                                      std::move_only_function<void(Result<std::string>)> done) {
  auto shared_done = std::make_shared<decltype(done)>(
      std::move(done));  // shared: by the job and by the case that it is refused
  const auto answer = [&reply_to, shared_done](Result<std::string> result) {
    reply_to.post([shared_done, result = std::move(result)]() mutable { (*shared_done)(std::move(result)); });
  };
  if (const auto fits = check_new_password(password.view()); !fits)
    return answer(std::unexpected(fits.error()));
  Task job = [this, answer, password = std::move(password)] {
    answer(hash_password(password.view(), parts_.rng, options_.password_cost));
  };
  if (const auto taken = gate_.submit(std::move(job)); !taken) answer(std::unexpected(taken.error()));
}

}  // namespace dunlin::security
