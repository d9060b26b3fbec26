#pragma once
// Shadows of things: what is wanted, what is reported, and the difference. Devices speak by topics, people by
// operations; both go through one queue, so that versions only rise.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/metrics.h"
#include "hub/bus.h"
#include "model/operation.h"
#include "model/retry.h"
#include "service/shadow/document.h"
#include "store/keyed.h"

namespace dunlin::shadow {

/// One executor's thread; completions run there.
class ShadowService {
 public:
  using DocumentDone = std::move_only_function<void(Result<Document>)>;

  ShadowService(Executor& executor, hub::Bus& bus, store::Keyed& keyed, metrics::Registry& metrics);

  /// Takes up the journal where it left off. `started` runs once.
  void start(std::move_only_function<void(Result<void>)> started);

  /// Errors: not_found (the thing has no shadow), invalid_argument (no thing's name), corrupt; the last two
  /// of all three.
  void get(TenantId tenant, std::string thing, DocumentDone done);
  /// Durable when `done` runs; the device is told through its delta topic. Errors: conflict, limit_exceeded,
  /// malformed.
  void update(TenantId tenant, std::string thing, std::string update_json, DocumentDone done);
  /// Errors: not_found.
  void remove(TenantId tenant, std::string thing, DocumentDone done);

  /// Called for every change that is durable.
  void on_change(std::function<void(TenantId, const std::string& thing, const Document&)> handler) {
    handlers_.push_back(std::move(handler));
  }

  /// Declares shadow.get, shadow.update, shadow.delete.
  void declare(model::OperationTable& table);

 private:
  enum class Action { get, update, remove };
  struct Request {
    TenantId tenant;
    std::string thing;
    Action action = Action::get;
    std::string payload;
    hub::JournalPosition at;
    DocumentDone done;  // empty for a device's request, which is answered on topics
    Task batch_done;    // set on the last request of a delivered batch
  };
  struct Round;
  struct Outcome;

  void consume(std::vector<hub::JournalPosition> from);
  void enqueue(const hub::Delivery& delivery);
  void begin_round();
  void load(std::shared_ptr<Round> round);
  void apply(std::shared_ptr<Round> round);
  void apply_one(Round& round, std::size_t index);
  void save(std::shared_ptr<Round> round);
  void finish(Round& round);
  void answer(Request& request, Outcome& outcome);
  void answer_device(const Request& request, const Outcome& outcome);
  void publish(TenantId tenant, std::string topic, const boost::json::object& body);

  Executor& executor_;
  hub::Bus& bus_;
  store::Keyed& keyed_;
  PrincipalRef self_;
  std::deque<Request> waiting_;
  enum class State { idle, busy } state_ = State::idle;
  std::vector<std::function<void(TenantId, const std::string&, const Document&)>> handlers_;
  std::unique_ptr<hub::Consumer> consumer_;
  model::Retry retry_;
  metrics::Cell& updates_;
  metrics::Cell& refused_;
};

}  // namespace dunlin::shadow
