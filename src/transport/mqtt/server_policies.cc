// What a change of the policies means for clients that are connected.

#include <utility>

#include "hub/topic.h"
#include "transport/mqtt/server_peer.h"
#include "wire/mqtt/topic.h"

namespace dunlin::transport {

using mqtt::ReasonCode;

/// A look every kPolicyWatch is enough for the subscriptions; what is published is judged by the newest
/// policies anyway.
void ServerLane::watch_policies() {
  if (server.policies() == 0) return;
  notice_policies();
  policies_timer_ = executor.schedule(kPolicyWatch, [this] { watch_policies(); });
}

void ServerLane::notice_policies() {
  const std::uint64_t now = server.policies();
  const std::uint64_t before = std::exchange(judged_policies_, now);
  if (before != 0 && before != now) {
    const bool was_idle = unjudged_.empty();
    unjudged_.clear();
    peers.for_each([this](const auto& peer) { unjudged_.push_back(peer->id()); });
    if (was_idle && !unjudged_.empty()) executor.post([this] { judge_some(); });
  }
}

void ServerLane::judge_all(Task judged) {
  notice_policies();
  if (unjudged_.empty() || awaiting_.size() >= kMaxAwaiting) return judged();
  awaiting_.push_back(std::move(judged));
}

void ServerLane::judge_again(std::uint64_t peer) {
  unjudged_.push_back(peer);
  if (unjudged_.size() == 1) executor.post([this] { judge_some(); });
}

/// So many questions a turn that the others have theirs; one peer's subscriptions are judged together.
void ServerLane::judge_some() {
  std::size_t asked = 0;
  while (!unjudged_.empty() && asked < kJudgedPerTurn) {
    ServerPeer* peer = find(unjudged_.front());
    unjudged_.pop_front();
    if (peer != nullptr) asked += peer->judge_rights();
  }
  if (!unjudged_.empty()) return executor.post([this] { judge_some(); });
  for (Task& judged : std::exchange(awaiting_, {})) judged();
}

namespace {

/// What the lanes answer. Shared by them and by the timer, on the thread of who asked.
struct Settling {
  std::size_t left = 0;
  Task done;
  TimerId late;

  void finish() {
    left = 0;
    if (done) std::exchange(done, {})();
  }
};

}  // namespace

void MqttServer::settle(Executor& reply_to, Task done) {
  auto settling = std::make_shared<Settling>(Settling{lanes_.size(), std::move(done), {}});
  settling->late = reply_to.schedule(kSettleLimit, [settling] { settling->finish(); });
  for (const auto& lane : lanes_) {
    lane->executor.post([lane = lane.get(), &reply_to, settling] {
      lane->judge_all([&reply_to, settling] {
        reply_to.post([&reply_to, settling] {
          if (settling->left == 0 || --settling->left > 0) return;
          reply_to.cancel(settling->late);
          settling->finish();
        });
      });
    });
  }
}

/// At once for what is published; the subscriptions follow in a turn of their own.
void ServerPeer::rights_changed() {
  if (publishing_) {
    for (KnownTopic& known : publishing_->topics) known.verdict = Verdict::unknown;
    publishing_->message.principal.reset();
    publishing_->receiving.reset();
  }
  receives_ = Receives::ask;
  if (request_) request_->rights = ConnectRequest::Rights::changed;
  lane_.judge_again(id_);
}

/// MQTT has no way to take a single subscription back, so a client that has lost one is ended, with the
/// reason; when it subscribes again it is told of the filter. A session that lasts goes on without it.
std::size_t ServerPeer::judge_rights() {
  if (state_ != State::open || session_ == nullptr) return 1;
  const hub::Authorizer& authorize = lane_.server.authorize();
  const Principal& principal = *session_->principal();
  bool receives_all = true;
  Result<void> kept = authorize(principal, hub::Action::connect, session_->client_id());
  std::size_t asked = 1;
  std::vector<std::string> lost;
  session_->for_each_subscription([&](std::string_view filter, const hub::SubscriptionOptions&) {
    asked += 2;
    const auto shared = mqtt::parse_shared_filter(filter);
    const std::string_view inner = shared ? shared->filter : filter;
    auto may = authorize(principal, hub::Action::subscribe, inner);
    const auto receives = authorize(principal, hub::Action::receive, inner);
    receives_all = receives_all && receives;
    if (shared && may) may = receives;
    if (may) return;
    lost.emplace_back(filter);
    if (kept) kept = std::move(may);
  });
  receives_ = receives_all ? Receives::all : Receives::ask;
  if (receives_all && publishing_) publishing_->receiving.reset();
  if (kept) return asked;
  if (!lost.empty()) session_->unsubscribe(lost, [](const std::vector<bool>&) {});
  lane_.metrics.rights_withdrawn.add();
  fail(ReasonCode::not_authorized, kept.error().message, "rights_withdrawn");
  return asked;
}

/// Messages may come while the session is being opened.
const Principal& ServerPeer::principal() const {
  return session_ != nullptr ? *session_->principal() : *lane_.opening;
}

bool ServerPeer::may_receive(std::string_view topic) {
  std::unique_ptr<Receiving>& receiving = publishing().receiving;
  if (!receiving) receiving = std::make_unique<Receiving>();
  Receiving::Known& known = receiving->topics[hub::stable_hash(topic) % kAuthorizedTopics];
  // Before the question: a change in between makes the next one ask again.
  const std::uint64_t policies = lane_.server.policies();
  const bool is_known =
      known.verdict != Verdict::unknown && known.policies == policies && known.topic.text() == topic;
  if (is_known) return known.verdict == Verdict::allowed;
  lane_.work += kAuthorizationWork;
  const Result<void> may = lane_.server.authorize()(principal(), hub::Action::receive, topic);
  known = {Slice::copy_of(topic), may ? Verdict::allowed : Verdict::refused, policies};
  return may.has_value();
}

}  // namespace dunlin::transport
