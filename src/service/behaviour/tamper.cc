// BehaviourService: what things say of themselves on $dunlin/things/NAME/tamper.

#include <boost/json.hpp>

#include "base/log.h"
#include "model/cursors.h"
#include "model/json_fields.h"
#include "model/text.h"
#include "service/behaviour/behaviour_service.h"
#include "service/behaviour/settings.h"

namespace dunlin::behaviour {
namespace {

constexpr std::string_view kPrefix = "$dunlin/things/";
constexpr std::string_view kSuffix = "/tamper";
constexpr std::size_t kMaxTamperBytes = 4096;  // of a payload that is looked at

struct Tamper {
  TenantId tenant;
  std::string thing;
  std::string reason;
};

/// {"reason": "..."}; whatever else it is, the thing has said that somebody is at it.
std::string reason_of(const hub::Message& message) {
  std::string reason = "a tamper event";
  boost::json::parse_options options;
  options.max_depth = 4;
  boost::system::error_code error;
  if (message.payload.size() > kMaxTamperBytes) return reason;
  const auto value = boost::json::parse(message.payload.text(), error, {}, options);
  const auto told =
      !error && value.is_object() ? model::optional_text(value.get_object(), "reason") : std::nullopt;
  if (!told || told->empty()) return reason;
  return std::string(model::cut_text(reason + ": " + *told, registry::kMaxLifeReasonBytes));
}

}  // namespace

struct BehaviourService::Round {
  std::vector<Tamper> left;  // the first to do is the last
  std::vector<hub::JournalPosition> positions;
  Task done;
};

void BehaviourService::consume(std::vector<hub::JournalPosition> from) {
  positions_ = from;
  hub::ConsumerOptions options;
  options.name = kConsumer;
  options.filters = {std::string(kPrefix) + "+" + std::string(kSuffix)};
  options.start = std::move(from);
  consumer_ = environment_.bus.consume(environment_.executor, std::move(options),
                                       [this](std::vector<hub::Delivery> batch, Task done) {
                                         take_tampers(std::move(batch), std::move(done));
                                       });
}

void BehaviourService::take_tampers(std::vector<hub::Delivery> batch, Task done) {
  auto round = std::make_shared<Round>();
  round->done = std::move(done);
  for (const hub::Delivery& delivery : batch) {
    if (delivery.at.position != 0) model::advance(round->positions, delivery.at);
    const hub::Message& message = delivery.message;
    const std::string_view topic = message.topic.text();
    const std::string_view thing =
        topic.substr(kPrefix.size(), topic.size() - kPrefix.size() - kSuffix.size());
    if (!message.principal || !model::check_thing_name(thing)) continue;
    tampers_.add();
    round->left.push_back({message.principal->tenant, std::string(thing), reason_of(message)});
    tell(RefusalKind::tamper, thing, round->left.back().reason);
  }
  std::ranges::reverse(round->left);
  next_tamper(std::move(round));
}

void BehaviourService::next_tamper(RoundRef round) {
  if (round->left.empty()) return save(std::move(round));
  const Tamper& tamper = round->left.back();
  alarm::Finding finding;
  finding.tenant = tamper.tenant;
  finding.name = kTamperAlarm;
  finding.thing = tamper.thing;
  finding.rule = kConsumer;
  finding.severity = alarm::Severity::critical;
  finding.message = tamper.reason;
  finding.at = environment_.executor.wall_now();
  report(std::move(finding), [this, round] {
    const Tamper& told = round->left.back();
    hold(told.tenant, told.thing, told.reason, [this, round](Result<registry::Thing> held) {
      const bool never =
          !held && (held.error().code == Errc::not_found || held.error().code == Errc::conflict);
      if (held || never) {
        round->left.pop_back();
        return next_tamper(round);
      }
      retry_.later("a thing that was tampered with is not in quarantine", round->left.back().thing,
                   held.error(), [this, round] { next_tamper(round); });
    });
  });
}

void BehaviourService::save(RoundRef round) {
  store::Batch batch;
  model::put_cursors(batch, kConsumer, round->positions);
  const auto finish = [this, round] {
    model::commit(*consumer_, round->positions);
    round->done();
  };
  if (batch.empty()) return finish();
  environment_.keyed.write(
      environment_.executor, std::move(batch), [this, round, finish](Result<void> written) {
        if (written) return finish();
        retry_.later("tamper events are not noted", "store", written.error(), [this, round] { save(round); });
      });
}

}  // namespace dunlin::behaviour
