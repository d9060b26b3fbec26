#pragma once
// All bridges of a server: those of its configuration, and those that the API has made.

#include <boost/json/fwd.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/operation.h"
#include "security/audit.h"
#include "service/alarm/alarm_service.h"
#include "store/repository.h"
#include "transport/bridge/bridge.h"

namespace dunlin::bridge {

/// All must outlive it. The hub has been started.
struct BridgesEnvironment {
  BridgeEnvironment bridge;
  store::Repository& repository;
  alarm::AlarmService& alarms;
};

/// One executor's thread; completions run there.
class Bridges {
 public:
  using Done = std::move_only_function<void(Result<void>)>;
  using BridgeDone = std::move_only_function<void(Result<boost::json::object>)>;

  /// The configured settings have been checked.
  Bridges(BridgesEnvironment environment, std::vector<BridgeSettings> configured);
  ~Bridges();

  /// Reads what is stored and starts every bridge that is not paused. Errors: those of the stores.
  void start(Done started);
  void stop(Done stopped);

  /// Errors: invalid_argument, conflict (the name is taken), limit_exceeded, those of the store. `actor` is
  /// for the audit.
  void add(const boost::json::object& document, const security::Actor& actor, BridgeDone done);
  /// Changes the settings that `changes` names and connects anew; what waits keeps its place. Errors:
  /// not_found, conflict (it is in the configuration), invalid_argument, limit_exceeded, those of the store.
  void update(const std::string& name, const boost::json::object& changes, const security::Actor& actor,
              BridgeDone done);
  /// Errors: not_found, conflict (it is in the configuration).
  void remove(const std::string& name, const security::Actor& actor, BridgeDone done);
  /// Errors: not_found.
  enum class Wish : std::uint8_t { pause, resume };
  void change(const std::string& name, Wish wish, const security::Actor& actor, BridgeDone done);
  /// Connects beside the running bridge and says how each step went. Errors: not_found.
  void test(const std::string& name, BridgeDone done);

  std::size_t size() const { return bridges_.size(); }
  std::size_t connected() const;
  const Bridge* find(const std::string& name) const;

  /// Declares bridge.list, show, add, update, remove, pause, resume, test.
  void declare(model::OperationTable& table);

 private:
  struct Managed {
    BridgeSettings settings;
    Source source = Source::configuration;
    bool paused = false;
    std::unique_ptr<Bridge> bridge;  // null while paused

    TimerId alarm_timer;
  };

  void read_node(Done started);
  void read_documents(Done started);
  void take_document(const store::Document& document);
  void forget_left_over(Done started);
  void run(Managed& managed);
  void retire(const std::string& name, Done retired);
  void restart(const std::string& name, BridgeDone done);
  void changed(const std::string& name, Bridge::State state);
  void tell_alarm(const std::string& name, alarm::Finding::Kind kind, const std::string& text);
  store::Change change_of(const Managed& managed) const;
  void write(std::vector<store::Change> changes, const security::Actor& actor, const std::string& action,
             const std::string& name, Done done);
  boost::json::object describe(const Managed& managed) const;

  BridgesEnvironment environment_;
  std::string node_;
  std::map<std::string, Managed> bridges_;
  std::shared_ptr<int> alive_ =
      std::make_shared<int>(0);  // shared: with completions that may come after the end
  metrics::Cell& count_;
};

/// What Bridges::declare() declares, for the command line.
std::vector<model::OperationSpec> operations();

}  // namespace dunlin::bridge
