#pragma once
// A bus that loses, doubles, reorders or makes stale what passes from the hub to the services: the proof that
// the oracle can fail.

#include <deque>
#include <optional>
#include <string>

#include "hub/bus.h"

namespace dunlin::sim {

/// One fault, planted once, in what a consumer gets.
struct Plant {
  enum class Kind : std::uint8_t {
    none,
    lose,     // the message never comes
    twice,    // it comes again, as a message of its own
    reorder,  // it changes places with the one before it of the same topic
    stale,    // an old message of the topic comes once more behind a newer one; of retained: the old one is
              // answered
  } kind = Kind::none;
  std::string consumer;   // "series", "shadow", "witness"; "retained" for looks at retained messages
  std::string topic;      // the message's
  std::size_t after = 5;  // so many messages of the topic pass unharmed
};

class PlantedBus final : public hub::Bus {
 public:
  /// The hub lives in `set_hub`'s caller; the plant outlives crashes.
  explicit PlantedBus(Plant plant) : plant_(std::move(plant)) {}
  void set_hub(hub::Bus* hub) { hub_ = hub; }
  bool planted() const { return planted_; }

  void publish(Executor& reply_to, hub::Message message, hub::PublishDone done) override;
  std::unique_ptr<hub::Consumer> consume(Executor& executor, hub::ConsumerOptions options,
                                         hub::BatchHandler handler) override;
  void on_session_event(Executor& executor, std::function<void(const hub::SessionEvent&)> handler) override;
  void end_sessions(TenantId tenant, std::string principal_name, std::string reason) override;
  void retained(Executor& reply_to, TenantId tenant, std::string topic,
                std::move_only_function<void(std::optional<hub::Message>)> done) override;

 private:
  void tamper(std::vector<hub::Delivery>& batch);
  bool tamper_one(std::vector<hub::Delivery>& batch, std::size_t index);

  Plant plant_;
  hub::Bus* hub_ = nullptr;
  std::size_t passed_ = 0;
  bool planted_ = false;
  std::optional<hub::Message> old_;
};

}  // namespace dunlin::sim
