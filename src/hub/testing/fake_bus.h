#pragma once
// For tests of services: a bus in one process whose journal survives the "restart" of a service.

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/virtual_executor.h"
#include "hub/bus.h"
#include "hub/topic.h"

namespace dunlin::hub::testing {

/// Records what is published, journals QoS 1 and 2 (journal 0, positions from 1), and hands it to consumers
/// by filter, in batches, one at a time. One thread. Consumers may come and go; the journal stays.
class FakeBus final : public Bus {
 public:
  enum class Loop { yes, no };

  void publish(Executor& reply_to, Message message, PublishDone done) override {
    if (fail_publishes > 0) {
      --fail_publishes;
      reply_to.post([done = std::move(done), code = publish_error]() mutable {
        if (done) done(fail(code, "ordered failure"));
      });
      return;
    }
    published.push_back(message);
    if (loop == Loop::yes) deliver(std::move(message));
    if (done) reply_to.post([done = std::move(done)]() mutable { done({}); });
  }

  std::unique_ptr<Consumer> consume(Executor& executor, ConsumerOptions options,
                                    BatchHandler handler) override {
    auto state = std::make_shared<State>(executor, std::move(options), std::move(handler));
    for (const JournalPosition& at : state->options.start) {
      if (at.journal == 0) state->next = at.position;
    }
    consumers_.push_back(state);
    pump(state);
    return std::make_unique<FakeConsumer>(*this, state);
  }

  void on_session_event(Executor& executor, std::function<void(const SessionEvent&)> handler) override {
    listeners_.push_back({&executor, std::move(handler)});
  }
  void end_sessions(TenantId, std::string principal_name, std::string) override {
    ended.push_back(std::move(principal_name));
  }
  void retained(Executor& reply_to, TenantId, std::string,
                std::move_only_function<void(std::optional<Message>)> done) override {
    reply_to.post([done = std::move(done)]() mutable { done(std::nullopt); });
  }

  /// A device's publish, as a transport would make it.
  Message& arrive(std::string_view topic, std::string_view payload, PrincipalRef principal, WallTime at,
                  QoS qos = QoS::at_least_once) {
    Message message;
    message.topic = Slice::copy_of(topic);
    message.payload = Slice::copy_of(payload);
    message.qos = qos;
    message.principal = std::move(principal);
    message.received_at = at;
    return deliver(std::move(message));
  }

  Message& deliver(Message message) {
    if (!message.principal) message.principal = nobody();
    if (message.qos != QoS::at_most_once) {
      message.position = journal.size() + 1;
      journal.push_back(message);
      for (const auto& state : consumers_) pump(state);
      return journal.back();
    }
    last_ = std::move(message);
    for (const auto& state : consumers_) {
      if (!wants(*state, last_)) continue;
      state->live.push_back({last_, {}});
      pump(state);
    }
    return last_;
  }

  void session(SessionEvent event) {
    for (const Listener& listener : listeners_) {
      listener.executor->post([handler = listener.handler, event] { handler(event); });
    }
  }

  /// Forgets the listeners and consumers of a process that died.
  void restart() {
    listeners_.clear();
    for (const auto& state : consumers_) state->state = State::Life::ended;
    consumers_.clear();
  }

  /// What was published on a topic since the last clear().
  std::vector<std::string> payloads(std::string_view topic) const {
    std::vector<std::string> found;
    for (const Message& message : published) {
      if (message.topic.text() == topic) found.emplace_back(message.payload.text());
    }
    return found;
  }
  std::size_t handed_out(std::string_view consumer) const {
    const auto found = handed_out_.find(consumer);
    return found == handed_out_.end() ? 0 : found->second;
  }

  Loop loop = Loop::yes;
  std::vector<Message> published;
  std::vector<Message> journal;                                   // position = index + 1
  std::map<std::string, store::Position, std::less<>> committed;  // by consumer
  std::vector<std::string> ended;
  int fail_publishes = 0;
  Errc publish_error = Errc::unavailable;

 private:
  struct State {
    State(Executor& on, ConsumerOptions with, BatchHandler to)
        : executor(on), options(std::move(with)), handler(std::move(to)) {}
    Executor& executor;
    ConsumerOptions options;
    BatchHandler handler;
    store::Position next = 0;  // journalled messages up to here were handed out
    std::deque<Delivery> live;
    enum class Work { idle, busy } work = Work::idle;
    enum class Life { open, ended } state = Life::open;
  };
  struct FakeConsumer final : Consumer {
    FakeConsumer(FakeBus& owner, std::shared_ptr<State> with) : bus(owner), state(std::move(with)) {}
    ~FakeConsumer() override {
      state->state = State::Life::ended;
      std::erase(bus.consumers_, state);
    }
    void commit(JournalPosition position) override {
      store::Position& at = bus.committed[state->options.name];
      at = std::max(at, position.position);
    }
    void lag(std::move_only_function<void(std::vector<ConsumerLag>)> done) override {
      const store::Position at = bus.committed[state->options.name];
      const ConsumerLag row{{0, at}, 1, bus.journal.size(), bus.journal.size()};
      state->executor.post([row, done = std::move(done)]() mutable { done({row}); });
    }
    void forget() override {
      bus.committed.erase(state->options.name);
      state->state = State::Life::ended;
      std::erase(bus.consumers_, state);
    }
    FakeBus& bus;
    std::shared_ptr<State> state;  // shared: with deliveries under way
  };
  struct Listener {
    Executor* executor;
    std::function<void(const SessionEvent&)> handler;
  };

  static PrincipalRef nobody() {
    static const PrincipalRef principal = std::make_shared<Principal>();
    return principal;
  }
  static bool wants(const State& state, const Message& message) {
    return message.principal->tenant == state.options.tenant &&
           std::ranges::any_of(state.options.filters, [&](const std::string& filter) {
             return filter_matches(filter, message.topic.text());
           });
  }

  void pump(const std::shared_ptr<State>& state) {
    if (state->work == State::Work::busy || state->state == State::Life::ended) return;
    std::vector<Delivery> batch;
    while (state->next < journal.size() && batch.size() < state->options.max_batch) {
      const Message& message = journal[state->next++];
      if (wants(*state, message)) batch.push_back({message, {0, state->next}});
    }
    while (!state->live.empty() && batch.size() < state->options.max_batch) {
      batch.push_back(std::move(state->live.front()));
      state->live.pop_front();
    }
    if (batch.empty()) return;
    state->work = State::Work::busy;
    handed_out_[state->options.name] += batch.size();
    state->executor.post([this, state, batch = std::move(batch)]() mutable {
      if (state->state == State::Life::ended) return;
      state->handler(std::move(batch), [this, state] {
        state->work = State::Work::idle;
        state->executor.post([this, state] { pump(state); });
      });
    });
  }

  Message last_;
  std::vector<std::shared_ptr<State>> consumers_;
  std::vector<Listener> listeners_;
  std::map<std::string, std::size_t, std::less<>> handed_out_;
};

/// A principal as authentication would make it.
inline PrincipalRef test_principal(PrincipalKind kind, std::string name) {
  auto principal = std::make_shared<Principal>();
  principal->kind = kind;
  principal->client_id = name;
  principal->name = std::move(name);
  return principal;
}

}  // namespace dunlin::hub::testing
