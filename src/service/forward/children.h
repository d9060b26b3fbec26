#pragma once
// The things behind the gateway: tells the platform which of them are there.

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/executor.h"
#include "base/metrics.h"
#include "hub/bus.h"
#include "service/forward/upstream.h"

namespace dunlin::forward {

/// Publishes $dunlin/things/{child}/presence upstream when a device's session comes or goes, and all that differs from what the
/// platform was told last when the line comes back. Not stored: who is there is only known now. One executor's thread.
class Children {
 public:
  Children(Executor& executor, hub::Bus& bus, Upstream& upstream, metrics::Registry& metrics);
  ~Children();
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;

  /// Called at a child's first session, and again for each after a restart of the process.
  void on_new_child(std::function<void(const std::string& name)> handler) { on_new_child_ = std::move(handler); }
  void link_up();
  void link_down();

  std::size_t online_count() const { return online_count_; }
  std::size_t size() const { return children_.size(); }

 private:
  struct Child {
    std::uint32_t sessions = 0;
    std::string reason;
    enum class Told : std::uint8_t { nothing, offline, online } told = Told::nothing;
    enum class Telling : std::uint8_t { no, yes } telling = Telling::no;
  };
  void on_session(const hub::SessionEvent& event);
  void tell(const std::string& name, Child& child);
  void told(const std::string& name, Child::Told what, const Result<void>& result);

  Executor& executor_;
  Upstream& upstream_;
  PrincipalRef self_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // shared: with completions that may come after the end
  std::map<std::string, Child> children_;
  std::size_t online_count_ = 0;
  enum class Link : std::uint8_t { down, up } link_ = Link::down;
  std::function<void(const std::string& name)> on_new_child_;
  metrics::Cell& online_gauge_;
  metrics::Cell& refused_;
};

}  // namespace dunlin::forward
