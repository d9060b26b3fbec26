#include "service/alarm/device_alarms.h"

#include <boost/json.hpp>

#include "base/log.h"
#include "model/cursors.h"
#include "model/hops.h"
#include "model/text.h"
#include "service/alarm/device_word.h"

namespace dunlin::alarm {
namespace {

constexpr std::string_view kConsumer = "alarms";

}  // namespace

struct DeviceAlarms::Round {
  AlarmService::Prepared prepared;
  std::vector<hub::JournalPosition> positions;
  Task done;
};

DeviceAlarms::DeviceAlarms(DeviceAlarmsEnvironment environment)
    : environment_(std::move(environment)),
      self_(make_service_principal("alarm")),
      retry_(environment_.executor, environment_.metrics, "alarm"),
      words_(environment_.metrics.counter("dunlin_alarm_device_words_total",
                                          "What devices said of alarms of their own")),
      refused_(environment_.metrics.counter("dunlin_alarm_device_refused_total",
                                            "Of that, what was refused: malformed, or over the limit")),
      muted_(environment_.metrics.counter("dunlin_alarm_device_muted_total",
                                          "Of that, what was passed over: the thing is in maintenance")) {}

void DeviceAlarms::start(std::move_only_function<void(Result<void>)> started) {
  model::read_cursors(
      environment_.executor, environment_.keyed, kConsumer,
      [this, started = std::move(started)](Result<std::vector<hub::JournalPosition>> positions) mutable {
        if (!positions) return started(std::unexpected(positions.error()));
        consume(*std::move(positions));
        started({});
      });
}

void DeviceAlarms::consume(std::vector<hub::JournalPosition> from) {
  hub::ConsumerOptions options;
  options.name = kConsumer;
  options.filters = {"$dunlin/things/+/alarms/+"};
  options.start = std::move(from);
  consumer_ = environment_.bus.consume(
      environment_.executor, std::move(options),
      [this](std::vector<hub::Delivery> batch, Task done) { take(std::move(batch), std::move(done)); });
}

void DeviceAlarms::take(std::vector<hub::Delivery> batch, Task done) {
  auto round = std::make_shared<Round>();  // shared with the completion
  round->done = std::move(done);
  std::vector<Finding> findings;
  for (const hub::Delivery& delivery : batch) {
    if (delivery.at.position != 0) model::advance(round->positions, delivery.at);
    if (!delivery.message.principal) continue;
    words_.add();
    auto finding = finding_of(delivery.message);
    if (!finding) {
      refuse(delivery.message, finding.error());
    } else if (environment_.muted && environment_.muted(finding->tenant, finding->thing)) {
      muted_.add();
    } else {
      findings.push_back(*std::move(finding));
    }
  }
  round->prepared = environment_.alarms.prepare(findings);
  save(std::move(round));
}

Result<Finding> DeviceAlarms::finding_of(const hub::Message& message) const {
  const DeviceTopic topic = device_topic_of(message.topic.text());
  DUNLIN_CHECK(model::check_thing_name(topic.thing));
  DUNLIN_CHECK(check_alarm_name(topic.name));
  DUNLIN_TRY(DeviceWord word, parse_device_word(message.payload.text()));
  Finding finding;
  finding.tenant = message.principal->tenant;
  finding.name = topic.name;
  finding.thing = topic.thing;
  finding.severity = word.severity;
  finding.message = std::move(word.message);
  finding.at = message.received_at;
  finding.hops = model::hops_of(message);
  finding.kind = word.kind;
  finding.source = Source::device;
  finding.device = message.principal->name;
  finding.causes = {cause_of(message)};
  if (finding.kind == Finding::Kind::raise) DUNLIN_CHECK(environment_.alarms.may_raise(finding));
  return finding;
}

/// The device learns why on .../rejected.
void DeviceAlarms::refuse(const hub::Message& message, const Error& why) {
  refused_.add();
  log::refusal("service/alarm", "what a device says of an alarm is refused", message.principal->name,
               {{"why", why.message}});
  hub::Message answer;
  answer.topic = Slice::copy_of(std::string(message.topic.text()) + "/rejected");
  answer.payload =
      Slice::copy_of(model::json_text({{"code", errc_name(why.code)}, {"message", why.message}}));
  answer.principal = in_tenant(self_, message.principal->tenant);
  answer.received_at = environment_.executor.wall_now();
  model::set_hops(answer, model::hops_of(message) + 1);
  environment_.bus.publish(environment_.executor, std::move(answer), {});
}

void DeviceAlarms::save(std::shared_ptr<Round> round) {
  store::Batch batch;
  batch.puts = round->prepared.puts;
  model::put_cursors(batch, kConsumer, round->positions);
  const auto finish = [this, round] {
    environment_.alarms.announce(round->prepared);
    if (consumer_) model::commit(*consumer_, round->positions);
    round->done();
  };
  if (batch.empty()) return finish();
  environment_.keyed.write(environment_.executor, std::move(batch),
                           [this, round, finish](Result<void> written) {
                             if (written) return finish();
                             retry_.later("alarms of devices are not stored", "store", written.error(),
                                          [this, round] { save(round); });
                           });
}

}  // namespace dunlin::alarm
