#include "service/forward/children.h"

#include <boost/json.hpp>

#include "base/log.h"
#include "service/forward/limits.h"

namespace dunlin::forward {

Children::Children(Executor& executor, hub::Bus& bus, Upstream& upstream, metrics::Registry& metrics)
    : executor_(executor),
      upstream_(upstream),
      self_(make_service_principal("children")),
      online_gauge_(metrics.gauge("dunlin_forward_children_online", "Things behind the gateway that are online")),
      refused_(metrics.counter("dunlin_forward_children_refused_total", "Things not told of: over the limit")) {
  bus.on_session_event(executor_, [this, alive = std::weak_ptr<int>(alive_)](const hub::SessionEvent& event) {
    if (!alive.expired()) on_session(event);
  });
}

Children::~Children() = default;

void Children::on_session(const hub::SessionEvent& event) {
  if (event.principal->kind != PrincipalKind::device) return;
  const std::string& name = event.principal->name;
  auto found = children_.find(name);
  if (found == children_.end()) {
    if (event.state == hub::SessionEvent::State::offline) return;
    if (children_.size() >= kMaxChildren) return refused_.add();
    found = children_.try_emplace(name).first;
    if (on_new_child_) on_new_child_(name);
  }
  Child& child = found->second;
  const bool was_online = child.sessions > 0;
  if (event.state == hub::SessionEvent::State::online) {
    ++child.sessions;
  } else if (child.sessions > 0) {
    --child.sessions;
  }
  const bool is_online = child.sessions > 0;
  if (is_online == was_online) return;
  child.reason = event.reason;
  online_count_ += is_online ? 1 : -1;
  online_gauge_.set(static_cast<std::int64_t>(online_count_));
  tell(name, child);
}

void Children::link_up() {
  link_ = Link::up;
  for (auto& [name, child] : children_) {
    // The platform takes everything behind a gateway that was gone as offline.
    child.told = Child::Told::nothing;
    tell(name, child);
  }
}

void Children::link_down() {
  link_ = Link::down;
}

void Children::tell(const std::string& name, Child& child) {
  const Child::Told wanted = child.sessions > 0 ? Child::Told::online : Child::Told::offline;
  if (link_ == Link::down || child.telling == Child::Telling::yes || child.told == wanted) return;
  child.telling = Child::Telling::yes;
  hub::Message message;
  message.topic = Slice::copy_of("$dunlin/things/" + name + "/presence");
  const boost::json::value body{{"online", wanted == Child::Told::online}, {"reason", child.reason}};
  message.payload = Slice::copy_of(boost::json::serialize(body));
  message.qos = hub::QoS::at_least_once;
  message.principal = self_;
  upstream_.publish(std::move(message), [this, alive = std::weak_ptr<int>(alive_), name, wanted](Result<void> result) {
    if (!alive.expired()) told(name, wanted, result);
  });
}

void Children::told(const std::string& name, Child::Told what, const Result<void>& result) {
  Child& child = children_.at(name);
  child.telling = Child::Telling::no;
  if (!result) {
    // Told again with the next change or connection.
    return log::refusal("service/forward", "the platform does not take the presence of a thing", name, {{"why", result.error().message}});
  }
  child.told = what;
  tell(name, child);
}

}  // namespace dunlin::forward
