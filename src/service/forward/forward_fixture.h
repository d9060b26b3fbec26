#pragma once
// For tests: a gateway's hub over a virtual disk, and a platform that takes, refuses or is away.

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/rng.h"
#include "hub/hub.h"
#include "service/forward/aggregation_service.h"
#include "service/forward/children.h"
#include "service/forward/forward_queue.h"
#include "store/reference_keyed.h"
#include "store/test_machine.h"

namespace dunlin::forward::testing {

inline hub::Message telemetry(std::string_view payload, hub::QoS qos = hub::QoS::at_least_once,
                              std::string_view topic = "demo/plant1/machine/press-01/temperature") {
  hub::Message message;
  message.topic = Slice::copy_of(topic);
  message.payload = Slice::copy_of(payload);
  message.qos = qos;
  return message;
}

/// Keeps what is published until the test answers.
class FakeUpstream final : public Upstream {
 public:
  struct Sent {
    hub::Message message;
    hub::PublishDone done;
  };
  void publish(hub::Message message, hub::PublishDone done) override { waiting.push_back({std::move(message), std::move(done)}); }
  /// Answers the oldest; returns its payload.
  std::string answer(Result<void> result = {}) {
    Sent sent = std::move(waiting.front());
    waiting.pop_front();
    std::string payload(sent.message.payload.text());
    sent.done(std::move(result));
    return payload;
  }
  std::deque<Sent> waiting;
};

struct GatewayParts {
  GatewayParts(store::TestMachine& machine, Rng& rng, std::vector<AggregateRule> rules, ForwardOptions options, store::LogOptions log_options)
      : mapping(model::Mapping::standard()), aggregator(std::move(rules), mapping) {
    log = *store::open_log(machine.environment(), std::move(log_options));
    keyed = *store::open_reference_keyed(machine.fs, *machine.workers, "/keyed");
    hub::HubEnvironment environment{.shards = {{*machine.executor, log.get()}},
                                    .keyed = keyed.get(),
                                    .metrics = machine.metrics,
                                    .rng = rng,
                                    .durable_filters = {"demo/#"}};
    hub = std::make_unique<hub::Hub>(std::move(environment));
    children = std::make_unique<Children>(*machine.executor, *hub, upstream, machine.metrics);
    aggregation = std::make_unique<AggregationService>(AggregationEnvironment{*machine.executor, *hub, *keyed, aggregator, machine.metrics});
    forward = std::make_unique<ForwardQueue>(
        ForwardEnvironment{*machine.executor, *hub, *log, *keyed, upstream, aggregator, mapping, machine.metrics}, std::move(options));
  }

  model::Mapping mapping;
  Aggregator aggregator;
  FakeUpstream upstream;
  std::unique_ptr<store::Log> log;
  std::unique_ptr<store::Keyed> keyed;
  std::unique_ptr<hub::Hub> hub;
  std::unique_ptr<Children> children;
  std::unique_ptr<AggregationService> aggregation;
  std::unique_ptr<ForwardQueue> forward;
};

class ForwardTest : public ::testing::Test {
 protected:
  void boot() {
    parts = std::make_unique<GatewayParts>(machine, rng, rules, options, log_options);
    int ready = 0;
    const auto step = [&ready](Result<void> result) {
      ASSERT_TRUE(result.has_value()) << result.error().message;
      ++ready;
    };
    parts->hub->start(*machine.executor, step);
    ASSERT_TRUE(run_until([&] { return ready == 1; }));
    parts->aggregation->start(step);
    parts->forward->start(step);
    ASSERT_TRUE(run_until([&] { return ready == 3; }));
  }
  enum class Fault { kill, power_cut };
  void crash_and_boot(Fault fault = Fault::power_cut) {
    if (fault == Fault::power_cut) machine.fs.cut_power(rng);
    if (fault == Fault::kill) machine.fs.kill_process();
    parts.reset();
    machine.restart_process();
    boot();
  }
  bool run_until(const std::function<bool()>& done, Duration limit = std::chrono::seconds{30}) {
    return machine.scheduler.run_until(done, limit);
  }
  void run(Duration time = std::chrono::milliseconds{50}) { machine.scheduler.run_for(time); }
  /// Publishes as a device and waits for the acknowledgement.
  Result<void> publish(hub::Message message) {
    std::optional<Result<void>> answer;
    parts->hub->publish(*machine.executor, std::move(message), [&](Result<void> result) { answer = std::move(result); });
    EXPECT_TRUE(run_until([&] { return answer.has_value(); }));
    return answer.value_or(fail(Errc::internal, "no answer"));
  }
  std::vector<std::string> answer_all() {
    std::vector<std::string> payloads;
    while (true) {
      run();
      if (parts->upstream.waiting.empty()) return payloads;
      while (!parts->upstream.waiting.empty()) payloads.push_back(parts->upstream.answer());
    }
  }

  store::TestMachine machine;
  SeededRng rng{1};
  std::vector<AggregateRule> rules;
  ForwardOptions options{.filters = {"demo/#", "$dunlin/things/+/shadow/update"}};
  store::LogOptions log_options{.folder = "/journal"};
  std::unique_ptr<GatewayParts> parts;
};

}  // namespace dunlin::forward::testing
