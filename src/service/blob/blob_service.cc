#include "service/blob/blob_service.h"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "base/log.h"
#include "model/text.h"
#include "service/blob/limits.h"
#include "service/blob/names.h"

namespace dunlin::blob {
namespace {

constexpr std::string_view kPutAction = "blob.put";

/// What a device's policies are asked about: whoever may publish here puts blobs of that device, whoever may
/// receive gets them. Blobs of no device have a topic of their own.
std::string topic_of(std::string_view device) {
  if (device.empty()) return "$dunlin/blobs";
  return "$dunlin/things/" + std::string(device) + "/blobs";
}

std::string who(const Principal& principal) {
  return std::to_string(principal.tenant.value) + (principal.is_thing() ? " thing " : " user ") +
         principal.name;
}

Error busy() {
  return {Errc::unavailable, "as many transfers are under way as may at once; try again later"};
}

Error gone() {
  return {Errc::not_found, "there is no such blob: it was never put, was deleted, or has expired"};
}

}  // namespace

/// Bytes go on to the store; the facts wait for its end.
class BlobService::Upload final : public Incoming {
 public:
  Upload(const BlobService& service, model::Caller caller, store::BlobFacts facts,
         std::unique_ptr<store::BlobUpload> upload, std::shared_ptr<const void> place)
      : service_(service),
        caller_(std::move(caller)),
        facts_(std::move(facts)),
        upload_(std::move(upload)),
        place_(std::move(place)) {}

  void write(Slice bytes, BlobDone<void> written) override {
    upload_->write(std::move(bytes), std::move(written));
  }
  void finish(BlobDone<store::BlobRecord> stored) override {
    upload_->finish(std::move(facts_), [&service = service_, caller = std::move(caller_),
                                        stored =
                                            std::move(stored)](Result<store::BlobRecord> record) mutable {
      if (!record || caller.principal->is_thing()) return stored(std::move(record));
      std::string id = store::blob_id(record->key.hash);
      service.record(caller, model::CallRecord::Outcome::done, std::move(id),
                     [stored = std::move(stored), record = std::move(record)](Result<void> recorded) mutable {
                       if (!recorded) return stored(std::unexpected(recorded.error()));
                       stored(std::move(record));
                     });
    });
  }

 private:
  const BlobService& service_;
  model::Caller caller_;
  store::BlobFacts facts_;
  std::unique_ptr<store::BlobUpload> upload_;
  std::shared_ptr<const void> place_;  // among the sender's
};

BlobService::BlobService(BlobEnvironment environment) : environment_(std::move(environment)) {}

BlobService::~BlobService() {
  environment_.executor.cancel(timer_);
}

void BlobService::start(BlobDone<void> started) {
  environment_.store.start([this, started = std::move(started)](Result<void> opened) mutable {
    if (opened) sweep_in(kSweepInterval);
    started(std::move(opened));
  });
}

void BlobService::sweep_in(Duration delay) {
  timer_ = environment_.executor.schedule(delay, [this] { sweep(); });
}

void BlobService::sweep() {
  environment_.store.remove_expired([this](Result<std::size_t> removed) {
    if (!removed) {
      log::refusal("service/blob", "what has expired is not removed yet", "store",
                   {{"why", removed.error().message}});
      return sweep_in(kSweepRetry);
    }
    // There may be more.
    sweep_in(*removed > 0 ? Duration{} : kSweepInterval);
  });
}

Result<void> BlobService::check_access(const Principal& principal, Access access,
                                       std::string_view device) const {
  if (principal.kind == PrincipalKind::anonymous)
    return fail(Errc::unauthenticated,
                "this needs a token, a session, or a device's certificate or credentials");
  if (!principal.is_thing()) {
    const std::string_view needed = access == Access::put ? "blobs:write" : "blobs:read";
    if (model::has_permission(principal, needed)) return {};
    return fail(Errc::permission_denied, "this needs the permission \"" + std::string(needed) + "\"");
  }
  const auto action = access == Access::put ? security::Action::publish : security::Action::receive;
  const std::string topic = topic_of(device);
  const security::Decision decision = environment_.policies.authorize(principal, action, topic);
  if (decision.allowed()) return {};
  return fail(Errc::permission_denied, "the policies of " + principal.name + " do not allow to " +
                                           std::string(security::action_name(action)) + " on " + topic +
                                           ": " + environment_.policies.explain(decision, principal));
}

Result<store::BlobFacts> BlobService::facts_of(const Principal& principal, PutWish wish) const {
  store::BlobFacts facts;
  facts.device = std::move(wish.device);
  if (facts.device.empty() && principal.is_thing()) facts.device = principal.name;
  if (!facts.device.empty()) DUNLIN_CHECK(model::check_thing_name(facts.device));
  DUNLIN_CHECK(check_blob_name(wish.name));
  facts.name = std::move(wish.name);
  DUNLIN_TRY(facts.media_type, media_type_of(wish.media_type));
  Duration keep = keep_of(environment_.keep, facts.media_type, facts.device);
  if (wish.keep) {
    DUNLIN_TRY(keep, parse_keep(*wish.keep));
  }
  if (keep > Duration{}) facts.expires = unix_milliseconds(environment_.executor.wall_now() + keep);
  facts.put_by = principal.name;
  facts.expected = wish.expected;
  return facts;
}

void BlobService::receive(const model::Caller& caller, PutWish wish,
                          BlobDone<std::unique_ptr<Incoming>> begun) {
  const Principal& principal = *caller.principal;
  const store::BlobWish coming{principal.tenant.value, wish.size};
  if (principal.kind == PrincipalKind::anonymous)
    return begun(std::unexpected(check_access(principal, Access::put, {}).error()));
  auto facts = facts_of(principal, std::move(wish));
  if (!facts) return begun(std::unexpected(facts.error()));
  if (const auto allowed = check_access(principal, Access::put, facts->device); !allowed) {
    deny(caller, allowed.error());
    return begun(std::unexpected(allowed.error()));
  }
  auto place = uploads_.take(who(principal));
  if (!place) return begun(std::unexpected(busy()));
  environment_.store.receive(
      coming, [this, caller, place = std::move(place), facts = *std::move(facts),
               begun = std::move(begun)](Result<std::unique_ptr<store::BlobUpload>> upload) mutable {
        if (!upload) return begun(std::unexpected(upload.error()));
        begun(std::make_unique<Upload>(*this, std::move(caller), std::move(facts), *std::move(upload),
                                       std::move(place)));
      });
}

void BlobService::look_up(const model::Caller& caller, std::string_view id,
                          BlobDone<store::BlobRecord> found) {
  const Principal& principal = *caller.principal;
  // Who may read nothing is not told what is there.
  if (!principal.is_thing()) {
    if (auto allowed = check_access(principal, Access::get, {}); !allowed) {
      deny(caller, allowed.error());
      return found(std::unexpected(allowed.error()));
    }
  }
  const auto hash = store::parse_blob_id(id);
  if (!hash) return found(std::unexpected(hash.error()));
  environment_.store.find(
      principal.tenant.value, *hash,
      [this, caller, found = std::move(found)](Result<std::vector<store::BlobRecord>> records) mutable {
        if (!records) return found(std::unexpected(records.error()));
        const std::int64_t now = unix_milliseconds(environment_.executor.wall_now());
        std::erase_if(*records, [now](const auto& one) { return one.expires != 0 && one.expires <= now; });
        if (records->empty()) return found(std::unexpected(gone()));
        Error why;
        for (store::BlobRecord& record : *records) {
          const auto allowed = check_access(*caller.principal, Access::get, record.key.device);
          if (allowed) return found(std::move(record));
          why = allowed.error();
        }
        found(std::unexpected(std::move(why)));
      });
}

void BlobService::open(const model::Caller& caller, std::string_view id, BlobDone<Opened> opened) {
  look_up(caller, id, [this, caller, opened = std::move(opened)](Result<store::BlobRecord> record) mutable {
    if (!record) return opened(std::unexpected(record.error()));
    const store::BlobHash hash = record->key.hash;
    auto place = downloads_.take(who(*caller.principal));
    if (!place) return opened(std::unexpected(busy()));
    environment_.store.open(
        hash, [place = std::move(place), record = *std::move(record),
               opened = std::move(opened)](Result<std::shared_ptr<store::BlobReader>> reader) mutable {
          if (!reader) return opened(std::unexpected(reader.error()));
          opened(Opened{std::move(record), *std::move(reader), std::move(place)});
        });
  });
}

void BlobService::record(const model::Caller& caller, model::CallRecord::Outcome outcome, std::string object,
                         BlobDone<void> recorded) const {
  if (!environment_.recorder) return recorded({});
  environment_.recorder(caller,
                        {.outcome = outcome, .action = kPutAction, .object = std::move(object), .detail = {}},
                        std::move(recorded));
}

void BlobService::deny(const model::Caller& caller, const Error& why) const {
  const Principal& principal = *caller.principal;
  if (why.code != Errc::permission_denied || principal.is_thing()) return;
  record(caller, model::CallRecord::Outcome::denied, "blob", [](const Result<void>&) {});
}

}  // namespace dunlin::blob
